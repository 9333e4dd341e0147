/*
 * util/main-loop.c  The I/O thread's loop, on glib's default context: one source of ours carries bottom halves and host
 * timers; file descriptors are glib's own.
 */
#include "util/main-loop.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "util/error.h"
#include "util/timer.h"

struct QEMUBH {
    QEMUBHFunc *cb;
    void *opaque;
    bool scheduled;
};

static GMutex bh_lock;
static GQueue scheduled_bhs = G_QUEUE_INIT;

QEMUBH *qemu_bh_new(QEMUBHFunc *cb, void *opaque)
{
    QEMUBH *bh = g_new0(QEMUBH, 1);
    bh->cb = cb;
    bh->opaque = opaque;
    return bh;
}

void qemu_bh_schedule(QEMUBH *bh)
{
    g_mutex_lock(&bh_lock);
    bool fresh = !bh->scheduled;
    if (fresh) {
        bh->scheduled = true;
        g_queue_push_tail(&scheduled_bhs, bh);
    }
    g_mutex_unlock(&bh_lock);
    if (fresh) {
        qemu_notify_event();
    }
}

void qemu_bh_cancel(QEMUBH *bh)
{
    g_mutex_lock(&bh_lock);
    if (bh->scheduled) {
        g_queue_remove(&scheduled_bhs, bh);
        bh->scheduled = false;
    }
    g_mutex_unlock(&bh_lock);
}

void qemu_bh_delete(QEMUBH *bh)
{
    qemu_bh_cancel(bh);
    g_free(bh);
}

static QEMUBH *next_bh(void)
{
    g_mutex_lock(&bh_lock);
    QEMUBH *bh = g_queue_pop_head(&scheduled_bhs);
    if (bh) {
        bh->scheduled = false;
    }
    g_mutex_unlock(&bh_lock);
    return bh;
}

static bool bh_waiting(void)
{
    g_mutex_lock(&bh_lock);
    bool waiting = !g_queue_is_empty(&scheduled_bhs);
    g_mutex_unlock(&bh_lock);
    return waiting;
}

/* Nanoseconds until a timer of this clock is due: 0 when overdue, INT64_MAX when none is armed. */
static int64_t time_to_deadline(QEMUClockType clock)
{
    int64_t deadline = qemu_clock_deadline(clock);
    return deadline < 0 ? INT64_MAX : MAX(0, deadline - qemu_clock_get_ns(clock));
}

/* glib sleeps in milliseconds; an idle guest's deadlines are microseconds away. */
static int timer_fd = -1;

static void arm_timer_fd(int64_t ns)
{
    struct itimerspec spec = { 0 };
    if (ns != INT64_MAX) {
        spec.it_value.tv_sec = ns / NANOSECONDS_PER_SECOND;
        spec.it_value.tv_nsec = ns % NANOSECONDS_PER_SECOND;
    }
    timerfd_settime(timer_fd, 0, &spec, NULL);
}

static gboolean work_prepare(GSource *src, gint *timeout_ms)
{
    (void)src;
    *timeout_ms = -1;
    if (bh_waiting()) {
        return TRUE;
    }
    int64_t ns = MIN(time_to_deadline(QEMU_CLOCK_REALTIME), time_to_deadline(QEMU_CLOCK_VIRTUAL_RT));
    if (ns > 0) {
        arm_timer_fd(ns);
    }
    return ns == 0;
}

static void drain_timer_fd(void)
{
    uint64_t expirations;
    while (read(timer_fd, &expirations, sizeof(expirations)) > 0) {
    }
}

static gboolean work_check(GSource *src)
{
    (void)src;
    drain_timer_fd();
    return bh_waiting() || time_to_deadline(QEMU_CLOCK_REALTIME) == 0 || time_to_deadline(QEMU_CLOCK_VIRTUAL_RT) == 0;
}

static gboolean work_dispatch(GSource *src, GSourceFunc fn, gpointer data)
{
    (void)src;
    (void)fn;
    (void)data;
    QEMUBH *bh;
    while ((bh = next_bh())) {
        bh->cb(bh->opaque);
    }
    qemu_clock_run_timers(QEMU_CLOCK_REALTIME, qemu_clock_get_ns(QEMU_CLOCK_REALTIME));
    qemu_clock_run_timers(QEMU_CLOCK_VIRTUAL_RT, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL_RT));
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs work_funcs = { .prepare = work_prepare, .check = work_check, .dispatch = work_dispatch };

void main_loop_init(void)
{
    GSource *src = g_source_new(&work_funcs, sizeof(GSource));
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    lockstep_assert(timer_fd >= 0, "timerfd_create: %s", g_strerror(errno));
    g_source_add_unix_fd(src, timer_fd, G_IO_IN);
    g_source_attach(src, NULL);
    g_source_unref(src);
}

void main_loop_wait(bool wait)
{
    g_main_context_iteration(NULL, wait);
}

void qemu_notify_event(void)
{
    g_main_context_wakeup(NULL);
}

/* ---- file descriptors ---- */

typedef struct FDHandler {
    IOHandler *read, *write;
    void *opaque;
    guint read_source, write_source;
} FDHandler;

static GHashTable *fd_handlers; /* fd -> FDHandler */

static gboolean fd_readable(gint fd, GIOCondition cond, gpointer data)
{
    (void)fd;
    (void)cond;
    FDHandler *h = data;
    h->read(h->opaque);
    return G_SOURCE_CONTINUE;
}

static gboolean fd_writable(gint fd, GIOCondition cond, gpointer data)
{
    (void)fd;
    (void)cond;
    FDHandler *h = data;
    h->write(h->opaque);
    return G_SOURCE_CONTINUE;
}

static void remove_sources(FDHandler *h)
{
    if (h->read_source) {
        g_source_remove(h->read_source);
    }
    if (h->write_source) {
        g_source_remove(h->write_source);
    }
}

/* The old handler's block may still be on the stack of fd_readable(): a callback may replace its own handler. */
static gboolean free_later(gpointer data)
{
    g_free(data);
    return G_SOURCE_REMOVE;
}

void qemu_set_fd_handler(int fd, IOHandler *fd_read, IOHandler *fd_write, void *opaque)
{
    if (!fd_handlers) {
        fd_handlers = g_hash_table_new(NULL, NULL);
    }
    FDHandler *h = g_hash_table_lookup(fd_handlers, GINT_TO_POINTER(fd));
    if (h) {
        remove_sources(h);
        g_hash_table_remove(fd_handlers, GINT_TO_POINTER(fd));
        g_idle_add(free_later, h);
    }
    if (!fd_read && !fd_write) {
        return;
    }
    h = g_new0(FDHandler, 1);
    *h = (FDHandler){ .read = fd_read, .write = fd_write, .opaque = opaque };
    if (fd_read) {
        h->read_source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, fd_readable, h);
    }
    if (fd_write) {
        h->write_source = g_unix_fd_add(fd, G_IO_OUT | G_IO_ERR, fd_writable, h);
    }
    g_hash_table_insert(fd_handlers, GINT_TO_POINTER(fd), h);
}
