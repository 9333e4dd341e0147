/*
 * chardev/char.c  Character devices: the list of them, front ends, and the ways of bytes in both directions.
 *
 * Non-determinism enters with a back end's bytes and its breaks, and is recorded where they are meant for a guest
 * device: replay_char_read(), a named bottom half. Output is taken whatever the back end does, and who is connected is
 * told to monitors only.
 *
 * Output: qemu_chr_write() appends to a buffer and wakes the I/O thread when the buffer was empty.
 * Input of a guest device: back end -> mux -> replay_char_read() -> at a checkpoint, qemu_chr_be_write_impl() ->
 * queue (machine state) -> receive(), as the device has room. Each guest front end has its own number in the log, given
 * in the order of attachment, whatever back end it has.
 */
#include "chardev/chardev-int.h"
#include "migration/vmstate.h"
#include "util/info.h"

#include <errno.h>
#include <signal.h>

static Chardev *chardevs; /* in order of creation */

Chardev *qemu_chr_find(const char *id)
{
    for (Chardev *chr = chardevs; chr; chr = chr->next) {
        if (!strcmp(chr->label, id)) {
            return chr;
        }
    }
    return NULL;
}

const char *qemu_chr_label(const Chardev *chr)
{
    return chr->label;
}

bool qemu_chr_uses_stdio(const Chardev *chr)
{
    return chr && chr_is_stdio(chr);
}

/* ---- creation ---- */

static void chr_open_bh(void *opaque)
{
    chr_notify_open(opaque);
}

static void chr_resume_bh(void *opaque)
{
    chr_update_handlers(opaque);
}

static void chr_flush_cb(void *opaque)
{
    chr_flush(opaque);
}

#define CHR_FLUSH_INTERVAL_NS 2000000

static void chr_flush_bh(void *opaque)
{
    Chardev *chr = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    if (now - chr->last_flush_ns < CHR_FLUSH_INTERVAL_NS) {
        timer_mod(&chr->flush_timer, chr->last_flush_ns + CHR_FLUSH_INTERVAL_NS);
    } else {
        chr_flush(chr);
    }
}

static bool chr_open_log(Chardev *chr, const QemuOpts *opts, Error **errp)
{
    const char *path = opts ? qemu_opt_get(opts, "logfile") : NULL;
    if (!path) {
        return true;
    }
    Error *err = NULL;
    bool append = qemu_opt_get_bool(opts, "logappend", false, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    chr->log = fopen(path, append ? "ae" : "we");
    if (!chr->log) {
        error_setg_errno(errp, errno, "Unable to open logfile %s", path);
        return false;
    }
    return true;
}

static void chr_free(Chardev *chr)
{
    g_mutex_clear(&chr->lock);
    g_byte_array_unref(chr->out);
    g_byte_array_unref(chr->pending);
    g_clear_pointer(&chr->log, fclose);
    g_free(chr->label);
    g_free(chr->filename);
    g_free(chr);
}

static void chr_append_to_list(Chardev *chr)
{
    Chardev **p = &chardevs;
    while (*p) {
        p = &(*p)->next;
    }
    *p = chr;
}

static Chardev *chr_alloc(const char *label, const ChardevBackend *backend)
{
    Chardev *chr = g_new0(Chardev, 1);
    chr->label = g_strdup(label);
    chr->backend = backend;
    chr->fd_in = chr->fd_out = -1;
    chr->last_flush_ns = -CHR_FLUSH_INTERVAL_NS;
    chr->out = g_byte_array_new();
    chr->pending = g_byte_array_new();
    g_mutex_init(&chr->lock);
    timer_init_ns(&chr->flush_timer, QEMU_CLOCK_REALTIME, chr_flush_cb, chr);
    return chr;
}

Chardev *chr_new(const char *label, const ChardevBackend *backend, const QemuOpts *opts, Error **errp)
{
    if (qemu_chr_find(label)) {
        error_setg(errp, "Chardev with id '%s' already exists", label);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is no reason to die */
    Chardev *chr = chr_alloc(label, backend);
    if (opts) {
        chr->mux.enabled = qemu_opt_get_bool(opts, "mux", false, NULL);
    }
    if (!chr_open_log(chr, opts, errp) || !backend->open(chr, opts, errp)) {
        chr_free(chr);
        return NULL;
    }
    if (!chr->filename) {
        chr->filename = g_strdup(backend->name);
    }
    chr->open_bh = qemu_bh_new(chr_open_bh, chr);
    chr->resume_bh = qemu_bh_new(chr_resume_bh, chr);
    chr->flush_bh = qemu_bh_new(chr_flush_bh, chr);
    chr_append_to_list(chr);
    chr_update_handlers(chr);
    return chr;
}

Chardev *qemu_chr_null_new(const char *label)
{
    char *free_label = g_strdup(label);
    for (int i = 1; qemu_chr_find(free_label); i++) {
        g_free(free_label);
        free_label = g_strdup_printf("%s.%d", label, i);
    }
    Chardev *chr = chr_new(free_label, &chr_backend_null, NULL, &error_fatal);
    g_free(free_label);
    return chr;
}

/* ---- input queue ---- */

static uint32_t queue_length(const ChrQueue *q)
{
    return q->len - q->head;
}

static void queue_compact(ChrQueue *q)
{
    if (q->head) {
        memmove(q->buf, q->buf + q->head, queue_length(q));
        q->len -= q->head;
        q->head = 0;
    }
}

static void queue_append(ChrQueue *q, const uint8_t *buf, uint32_t len)
{
    if (q->head > q->len / 2) {
        queue_compact(q);
    }
    if (len > q->capacity - q->len) {
        q->capacity = (q->len + len) * 2;
        q->buf = g_realloc(q->buf, q->capacity);
    }
    memcpy(q->buf + q->len, buf, len);
    q->len += len;
}

static void queue_pre_save(void *opaque)
{
    ChrFe *fe = opaque;
    queue_compact(&fe->queue);
}

static bool queue_post_load(void *opaque, Error **errp)
{
    ChrFe *fe = opaque;
    fe->queue.head = 0;
    fe->queue.capacity = fe->queue.len;
    if (fe->queue.len > CHR_QUEUE_MAX) {
        error_setg(errp, "%u bytes of input wait; at most %u can", fe->queue.len, CHR_QUEUE_MAX);
        fe->queue.len = 0;
        return false;
    }
    g_atomic_int_set(&fe->waiting, (gint)fe->queue.len);
    return true;
}

static const VMStateField queue_fields[] = {
    VMSTATE_BUFFER(ChrFe, queue.buf, queue.len),
    VMSTATE_DERIVED(ChrFe, ops),
    VMSTATE_DERIVED(ChrFe, chr),
    VMSTATE_DERIVED(ChrFe, port),
    VMSTATE_DERIVED(ChrFe, replay_id),
    VMSTATE_DERIVED(ChrFe, break_bh),
    VMSTATE_DERIVED(ChrFe, queue),
    VMSTATE_DERIVED(ChrFe, waiting),
    VMSTATE_DERIVED(ChrFe, delivering),
    VMSTATE_DERIVED(ChrFe, open),
    VMSTATE_END,
};

static const VMStateDescription queue_vmsd = { .name = "chardev-input",
                                               .version = 1,
                                               .fields = queue_fields,
                                               .pre_save = queue_pre_save,
                                               .post_load = queue_post_load };

/* ---- delivery ---- */

/* The front end has taken bytes; a back end that was left unread may be read again when little is waiting. */
static void chr_fe_taken(ChrFe *fe, int n)
{
    int left = g_atomic_int_add(&fe->waiting, -n) - n;
    if (left < (int)CHR_INPUT_MAX / 2 && g_atomic_int_get(&fe->chr->throttled)) {
        qemu_bh_schedule(fe->chr->resume_bh);
    }
}

static void chr_fe_deliver(ChrFe *fe)
{
    if (fe->delivering) {
        return;
    }
    fe->delivering = true;
    while (queue_length(&fe->queue)) {
        int n = MIN(fe->ops.can_receive(fe->ops.opaque), (int)queue_length(&fe->queue));
        if (n <= 0) {
            break;
        }
        uint8_t *from = fe->queue.buf + fe->queue.head;
        fe->queue.head += n;
        fe->ops.receive(fe->ops.opaque, from, n);
        chr_fe_taken(fe, n);
    }
    fe->delivering = false;
}

void qemu_chr_accept_input(Chardev *chr)
{
    for (int i = 0; chr && i < chr->nb_fe; i++) {
        if (chr->fe[i]->ops.receive) {
            chr_fe_deliver(chr->fe[i]);
        }
    }
}

/* At a checkpoint, from the log or from the queue of a recording, where chr_fe_input() has seen to the bound. chr is a
 * guest front end's port. */
void qemu_chr_be_write_impl(Chardev *chr, const uint8_t *buf, size_t len)
{
    ChrFe *fe = chr->delivers_to;
    if (len > CHR_QUEUE_MAX - queue_length(&fe->queue)) {
        return; /* a log of nobody's making */
    }
    if (replay_playing()) {
        g_atomic_int_add(&fe->waiting, (gint)len);
    }
    queue_append(&fe->queue, buf, len);
    chr_fe_deliver(fe);
}

/* Input for one front end, on the I/O thread. */
void chr_fe_input(ChrFe *fe, const uint8_t *buf, size_t len)
{
    if (!fe->ops.receive || !len) {
        return;
    }
    if (fe->ops.guest && replay_playing()) {
        return; /* the log has its input */
    }
    if (g_atomic_int_get(&fe->waiting) + (gint)len > (gint)CHR_QUEUE_MAX) {
        return; /* a terminal whose reader is stuck */
    }
    g_atomic_int_add(&fe->waiting, (gint)len);
    if (fe->ops.guest) {
        replay_char_read(fe->replay_id, buf, len);
    } else {
        queue_append(&fe->queue, buf, len);
        chr_fe_deliver(fe);
    }
}

/* Whoever gets this back end's input has caught up. */
bool chr_may_read(Chardev *chr)
{
    bool behind = false;
    for (int i = 0; i < chr->nb_fe; i++) {
        behind |= g_atomic_int_get(&chr->fe[i]->waiting) >= (gint)CHR_INPUT_MAX;
    }
    behind &= !chr->drops_excess;
    g_atomic_int_set(&chr->throttled, behind);
    return !behind;
}

void qemu_chr_be_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    if (chr->mux.enabled) {
        chr_mux_input(chr, buf, len);
    } else if (chr->nb_fe) {
        chr_fe_input(chr->fe[0], buf, len);
    }
}

/* ---- events ---- */

static void chr_fe_break(void *opaque)
{
    ChrFe *fe = opaque;
    fe->ops.event(fe->ops.opaque, CHR_EVENT_BREAK);
}

void chr_fe_event(ChrFe *fe, ChrEvent event)
{
    if (!fe->ops.event) {
        return;
    }
    if (!fe->ops.guest) {
        fe->ops.event(fe->ops.opaque, event);
    } else if (event == CHR_EVENT_BREAK) {
        replay_bh_schedule_event(fe->break_bh);
    }
}

void chr_be_break(Chardev *chr)
{
    if (chr->nb_fe) {
        chr_fe_event(chr->fe[chr->mux.enabled ? chr->mux.focus : 0], CHR_EVENT_BREAK);
    }
}

/* Tell the front ends what has changed for them: connected, and in focus. */
void chr_notify_open(Chardev *chr)
{
    for (int i = 0; i < chr->nb_fe; i++) {
        ChrFe *fe = chr->fe[i];
        bool open = chr->is_open && (!chr->mux.enabled || chr->mux.focus == i);
        if (open != fe->open) {
            fe->open = open;
            chr_fe_event(fe, open ? CHR_EVENT_OPENED : CHR_EVENT_CLOSED);
        }
    }
}

void chr_set_open(Chardev *chr, bool open)
{
    chr->is_open = open;
    chr_notify_open(chr);
}

/* ---- front ends ---- */

/* Everything that the machine and the log know of a guest front end. */
static void chr_fe_register_guest(ChrFe *fe)
{
    fe->port = chr_alloc(fe->chr->label, fe->chr->backend);
    fe->port->delivers_to = fe;
    fe->replay_id = replay_register_char_driver(fe->port);
    char *name = g_strdup_printf("chardev%d-break", fe->replay_id);
    fe->break_bh = replay_bh_new(name, chr_fe_break, fe);
    g_free(name);
    vmstate_register("chardev-input", fe->replay_id, &queue_vmsd, fe);
}

bool qemu_chr_attach(Chardev *chr, const ChrFrontend *ops, Error **errp)
{
    if (chr->nb_fe == (chr->mux.enabled ? CHR_MAX_FRONTENDS : 1)) {
        error_setg(errp, chr->mux.enabled ? "too many uses of multiplexed chardev '%s'" : "Device '%s' is in use",
                   chr->label);
        return false;
    }
    ChrFe *fe = g_new0(ChrFe, 1);
    fe->ops = *ops;
    fe->chr = chr;
    chr->fe[chr->nb_fe++] = fe;
    if (ops->guest && ops->receive) {
        chr_fe_register_guest(fe);
    }
    if (chr->mux.enabled) {
        chr_mux_front_end_added(chr);
    }
    qemu_bh_schedule(chr->open_bh);
    return true;
}

/* ---- output ---- */

/* Room left of CHR_OUTPUT_MAX; complains once when it is used up. Lock held. */
static size_t chr_output_room(Chardev *chr, size_t len)
{
    size_t room = CHR_OUTPUT_MAX - MIN(chr->queued, CHR_OUTPUT_MAX); /* escapes may have put it beyond */
    if (len > room && !chr->warned) {
        chr->warned = true;
        warn_report("chardev '%s': nobody reads its output; %u MiB are kept, the rest is dropped", chr->label,
                    CHR_OUTPUT_MAX >> 20);
    }
    return MIN(len, room);
}

void qemu_chr_write(Chardev *chr, const void *buf, size_t len)
{
    if (!chr || !len) {
        return;
    }
    g_mutex_lock(&chr->lock);
    bool was_empty = chr->queued == 0;
    len = chr_output_room(chr, len);
    g_byte_array_append(chr->out, buf, len);
    chr->queued += len;
    g_mutex_unlock(&chr->lock);
    if (was_empty) {
        qemu_bh_schedule(chr->flush_bh);
    }
}

void qemu_chr_cleanup(void)
{
    for (Chardev *chr = chardevs; chr; chr = chr->next) {
        chr_flush_at_exit(chr);
        if (chr->log) {
            fflush(chr->log);
        }
        if (chr->backend->close) {
            chr->backend->close(chr);
        }
    }
}

void qemu_chr_foreach(void (*fn)(const char *label, const char *filename, bool open, void *opaque), void *opaque)
{
    for (Chardev *chr = chardevs; chr; chr = chr->next) {
        fn(chr->label, chr->filename, chr->nb_fe > 0, opaque);
    }
}

void qemu_chr_info(InfoPrint *print, void *opaque)
{
    for (Chardev *chr = chardevs; chr; chr = chr->next) {
        char *line = chr->mux.enabled ? g_strdup_printf("%s-base: filename=%s", chr->label, chr->filename)
                                      : g_strdup_printf("%s: filename=%s", chr->label, chr->filename);
        print(opaque, line);
        g_free(line);
        if (chr->mux.enabled) {
            line = g_strdup_printf("%s: filename=mux", chr->label);
            print(opaque, line);
            g_free(line);
        }
    }
}
