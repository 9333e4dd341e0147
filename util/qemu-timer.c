/*
 * util/qemu-timer.c  Clocks and timers.
 *
 * One sorted list per clock. Lists have few entries (one per timer of a chip), so insertion walks; the head is the
 * deadline. A list's lock is held only while the list changes, never while a callback runs. The virtual clock's timers
 * belong to whoever runs the machine: its list needs no lock of its own.
 */
#include "util/timer.h"

#include <time.h>

#include "util/error.h"
#include "util/main-loop.h"

typedef struct TimerList {
    GMutex lock;
    QEMUTimer *head;
    uint64_t next_seq;
    int64_t deadline_ns; /* the head's, -1: none; changed with the lock, read without */
} TimerList;

static TimerList timer_lists[QEMU_CLOCK_MAX] = { [0 ... QEMU_CLOCK_MAX - 1] = { .deadline_ns = -1 } };

/* ---- clocks ---- */

static int64_t host_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return ts.tv_sec * NANOSECONDS_PER_SECOND + ts.tv_nsec;
}

int64_t get_clock_realtime_ns(void)
{
    return host_clock(CLOCK_MONOTONIC);
}

int64_t get_clock_host_ns(void)
{
    return host_clock(CLOCK_REALTIME);
}

static int64_t stepped_ns; /* the default virtual clock */

static int64_t stepped_clock(void)
{
    return stepped_ns;
}

static VirtualClockSource source = { .get_ns = stepped_clock };

void qemu_clock_set_virtual_source(const VirtualClockSource *new_source)
{
    source = *new_source;
}

bool qemu_clock_virtual_line(uint64_t *ns_per_insn, uint64_t *ns_at_0)
{
    return source.line && source.line(ns_per_insn, ns_at_0);
}

/* virtual_rt = offset + realtime while the machine runs, offset while it is stopped. */
static struct {
    GMutex lock;
    gint version; /* odd while it changes: who reads without the lock looks at it before and after */
    bool running;
    int64_t offset_ns;
} virtual_rt;

static int64_t virtual_rt_now(void)
{
    return virtual_rt.offset_ns + (virtual_rt.running ? get_clock_realtime_ns() : 0);
}

static int64_t virtual_rt_get(void)
{
    gint version;
    int64_t now;
    do {
        version = g_atomic_int_get(&virtual_rt.version);
        now = virtual_rt_now();
    } while ((version & 1) || version != g_atomic_int_get(&virtual_rt.version));
    return now;
}

void qemu_clock_enable_virtual_rt(bool running)
{
    g_mutex_lock(&virtual_rt.lock);
    int64_t now = virtual_rt_now();
    g_atomic_int_inc(&virtual_rt.version);
    virtual_rt.running = running;
    virtual_rt.offset_ns = now - (running ? get_clock_realtime_ns() : 0);
    g_atomic_int_inc(&virtual_rt.version);
    g_mutex_unlock(&virtual_rt.lock);
}

void qemu_clock_set_virtual_rt(int64_t now_ns)
{
    g_mutex_lock(&virtual_rt.lock);
    g_atomic_int_inc(&virtual_rt.version);
    virtual_rt.offset_ns += now_ns - virtual_rt_now();
    g_atomic_int_inc(&virtual_rt.version);
    g_mutex_unlock(&virtual_rt.lock);
}

int64_t qemu_clock_get_ns(QEMUClockType clock)
{
    switch (clock) {
    case QEMU_CLOCK_VIRTUAL:
        return source.get_ns();
    case QEMU_CLOCK_HOST:
        return source.get_host_ns ? source.get_host_ns() : get_clock_host_ns();
    case QEMU_CLOCK_VIRTUAL_RT:
        return virtual_rt_get();
    default:
        return get_clock_realtime_ns();
    }
}

/* ---- timers ---- */

static void lock_list(TimerList *list)
{
    if (list != &timer_lists[QEMU_CLOCK_VIRTUAL]) {
        g_mutex_lock(&list->lock);
    }
}

static void unlock_list(TimerList *list)
{
    if (list != &timer_lists[QEMU_CLOCK_VIRTUAL]) {
        g_mutex_unlock(&list->lock);
    }
}

void timer_init_ns(QEMUTimer *t, QEMUClockType clock, QEMUTimerCB *cb, void *opaque)
{
    lockstep_assert(clock != QEMU_CLOCK_HOST, "the host clock has no timers");
    *t = (QEMUTimer){ .expire_ns = -1, .clock = clock, .cb = cb, .opaque = opaque };
}

static bool runs_before(const QEMUTimer *a, const QEMUTimer *b)
{
    return a->expire_ns < b->expire_ns || (a->expire_ns == b->expire_ns && a->seq < b->seq);
}

static void note_deadline(TimerList *list)
{
    __atomic_store_n(&list->deadline_ns, list->head ? list->head->expire_ns : -1, __ATOMIC_RELEASE);
}

static void unlink_locked(TimerList *list, QEMUTimer *t)
{
    for (QEMUTimer **p = &list->head; *p; p = &(*p)->next) {
        if (*p == t) {
            *p = t->next;
            break;
        }
    }
    t->next = NULL;
    t->expire_ns = -1;
    note_deadline(list);
}

static void insert_locked(TimerList *list, QEMUTimer *t)
{
    QEMUTimer **p = &list->head;
    while (*p && runs_before(*p, t)) {
        p = &(*p)->next;
    }
    t->next = *p;
    *p = t;
    note_deadline(list);
}

/* The loop that serves the clock may sleep past a deadline that has come nearer. */
static void tell_new_deadline(QEMUClockType clock)
{
    if (clock == QEMU_CLOCK_REALTIME || clock == QEMU_CLOCK_VIRTUAL_RT) {
        qemu_notify_event();
    } else if (source.deadline_changed) {
        source.deadline_changed();
    }
}

void timer_mod(QEMUTimer *t, int64_t expire_ns)
{
    TimerList *list = &timer_lists[t->clock];
    lock_list(list);
    if (t->expire_ns >= 0) {
        unlink_locked(list, t);
    }
    t->expire_ns = MAX(expire_ns, 0);
    t->seq = list->next_seq++;
    insert_locked(list, t);
    bool first = list->head == t;
    unlock_list(list);
    if (first) {
        tell_new_deadline(t->clock);
    }
}

void timer_del(QEMUTimer *t)
{
    if (t->expire_ns < 0) {
        return;
    }
    TimerList *list = &timer_lists[t->clock];
    lock_list(list);
    unlink_locked(list, t);
    unlock_list(list);
}

int64_t qemu_clock_deadline(QEMUClockType clock)
{
    return __atomic_load_n(&timer_lists[clock].deadline_ns, __ATOMIC_ACQUIRE);
}

static QEMUTimer *take_due(TimerList *list, int64_t now_ns)
{
    lock_list(list);
    QEMUTimer *t = list->head;
    if (t && t->expire_ns <= now_ns) {
        unlink_locked(list, t);
    } else {
        t = NULL;
    }
    unlock_list(list);
    return t;
}

bool qemu_clock_run_timers(QEMUClockType clock, int64_t now_ns)
{
    bool ran = false;
    QEMUTimer *t;
    while ((t = take_due(&timer_lists[clock], now_ns))) {
        t->cb(t->opaque);
        ran = true;
    }
    return ran;
}

void qemu_clock_step(int64_t ns)
{
    int64_t target = stepped_ns + ns;
    for (;;) {
        int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
        if (deadline < 0 || deadline > target) {
            break;
        }
        stepped_ns = MAX(stepped_ns, deadline);
        qemu_clock_run_timers(QEMU_CLOCK_VIRTUAL, stepped_ns);
    }
    stepped_ns = target;
}
