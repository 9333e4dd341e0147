/*
 * replay/log.c  The bytes of a log (docs/replay.txt), both directions: one table made from events.h drives encoder,
 * decoder and description, so that they cannot disagree. Nothing here knows the machine.
 */
#include "replay/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "util/error.h"

/* ---- the table ---- */

typedef enum ArgType {
    ARG_NONE,
    ARG_U8,
    ARG_BOOL,
    ARG_U32,
    ARG_U64,
    ARG_I64,
    ARG_CHECKPOINT_ID,
    ARG_ARRAY,
    ARG_FRAMES,
    ARG_ASYNC_KIND,
    ARG_INPUT_KIND,
    ARG_KEY_VALUE_KIND
} ArgType;

typedef struct Arg {
    ArgType type;
    const char *name;
} Arg;

typedef struct Shape {
    const char *name; /* NULL: no such id */
    Arg args[4];      /* ends with ARG_NONE */
} Shape;

typedef struct EventRow {
    Shape shape;
    uint8_t first_id;
    uint8_t ids;
} EventRow;

#define U8(n)             { ARG_U8, #n },
#define BOOL(n)           { ARG_BOOL, #n },
#define U32(n)            { ARG_U32, #n },
#define U64(n)            { ARG_U64, #n },
#define I64(n)            { ARG_I64, #n },
#define CHECKPOINT_ID(n)  { ARG_CHECKPOINT_ID, #n },
#define ARRAY(n)          { ARG_ARRAY, #n },
#define FRAMES(n)         { ARG_FRAMES, #n },
#define ASYNC_KIND(n)     { ARG_ASYNC_KIND, #n },
#define INPUT_KIND(n)     { ARG_INPUT_KIND, #n },
#define KEY_VALUE_KIND(n) { ARG_KEY_VALUE_KIND, #n },

static const EventRow event_rows[] = {
#define EVENT(name, id, ids, args, description) { { #name, { args{ ARG_NONE, NULL } } }, id, ids },
    REPLAY_EVENTS(EVENT)
#undef EVENT
};

#define KIND(name, number, args) [number] = { #name, { args{ ARG_NONE, NULL } } },
static const Shape async_shapes[] = { REPLAY_ASYNC_KINDS(KIND) };
static const Shape input_shapes[] = { REPLAY_INPUT_KINDS(KIND) };
static const Shape key_value_shapes[] = { REPLAY_KEY_VALUE_KINDS(KIND) };
#undef KIND

static const char *const checkpoint_names[] = {
#define CHECKPOINT(name, number) [number] = #name,
    REPLAY_CHECKPOINTS(CHECKPOINT)
#undef CHECKPOINT
};

static const char *const cause_names[] = {
#define CAUSE(name, number) [number] = #name,
    REPLAY_SHUTDOWN_CAUSES(CAUSE)
#undef CAUSE
};

static const EventRow *row_of_id(unsigned id)
{
    for (size_t i = 0; i < ARRAY_SIZE(event_rows); i++) {
        if (id >= event_rows[i].first_id && id < event_rows[i].first_id + (unsigned)event_rows[i].ids) {
            return &event_rows[i];
        }
    }
    return NULL;
}

/* The shapes a kind argument selects from; NULL for a plain argument. */
static const Shape *selected_shapes(ArgType type, size_t *count)
{
    switch (type) {
    case ARG_ASYNC_KIND:
        *count = ARRAY_SIZE(async_shapes);
        return async_shapes;
    case ARG_INPUT_KIND:
        *count = ARRAY_SIZE(input_shapes);
        return input_shapes;
    case ARG_KEY_VALUE_KIND:
        *count = ARRAY_SIZE(key_value_shapes);
        return key_value_shapes;
    default:
        return NULL;
    }
}

static unsigned arg_width(ArgType type)
{
    switch (type) {
    case ARG_U8:
    case ARG_BOOL:
    case ARG_CHECKPOINT_ID:
    case ARG_ASYNC_KIND:
        return 1;
    case ARG_U32:
    case ARG_INPUT_KIND:
    case ARG_KEY_VALUE_KIND:
        return 4;
    default:
        return 8;
    }
}

/* ---- names ---- */

typedef struct Describer {
    const ReplayEvent *ev;
    unsigned next_arg;
    GString *out;
} Describer;

static void describe_shape(Describer *d, const Shape *shape);

static void describe_data(Describer *d, const Arg *a)
{
    const uint32_t shown = MIN(d->ev->len, 16u);
    g_string_append_printf(d->out, " %s=%u bytes", a->name, d->ev->len);
    for (uint32_t i = 0; i < shown; i++) {
        g_string_append_printf(d->out, "%s%02x", i ? " " : ": ", d->ev->data[i]);
    }
    g_string_append(d->out, shown < d->ev->len ? " ..." : "");
}

static void describe_arg(Describer *d, const Arg *a)
{
    if (a->type == ARG_ARRAY || a->type == ARG_FRAMES) {
        describe_data(d, a);
        return;
    }
    uint64_t value = d->ev->arg[d->next_arg++];
    size_t count;
    const Shape *shapes = selected_shapes(a->type, &count);
    if (shapes && value < count) {
        g_string_append_printf(d->out, " %s=%s", a->name, shapes[value].name);
        describe_shape(d, &shapes[value]);
    } else if (a->type == ARG_CHECKPOINT_ID && value < CHECKPOINT_COUNT) {
        g_string_append_printf(d->out, " %s=%s", a->name, checkpoint_names[value]);
    } else if (a->type == ARG_I64) {
        g_string_append_printf(d->out, " %s=%" PRId64, a->name, (int64_t)value);
    } else {
        g_string_append_printf(d->out, value >> 32 ? " %s=0x%" PRIx64 : " %s=%" PRIu64, a->name, value);
    }
}

static void describe_shape(Describer *d, const Shape *shape)
{
    for (const Arg *a = shape->args; a->type != ARG_NONE; a++) {
        describe_arg(d, a);
    }
}

char *replay_event_name(const ReplayEvent *ev)
{
    const EventRow *row = row_of_id(ev->id);
    if (ev->id == EVENT_CUT) {
        return g_strdup("the end of a log that was cut short");
    }
    lockstep_assert(row && ev->id == row->first_id && ev->number < row->ids, "event %d + %d", ev->id, ev->number);
    switch (ev->id) {
    case EVENT_CHECKPOINT:
        return g_strdup_printf("EVENT_CHECKPOINT %s", checkpoint_names[ev->number]);
    case EVENT_SHUTDOWN:
        return g_strdup_printf("EVENT_SHUTDOWN %s", cause_names[ev->number]);
    default:
        return g_strdup_printf("EVENT_%s", row->shape.name);
    }
}

char *replay_event_describe(const ReplayEvent *ev)
{
    char *name = replay_event_name(ev);
    Describer d = { .ev = ev, .out = g_string_new(name) };
    g_free(name);
    if (ev->id != EVENT_CUT) {
        describe_shape(&d, &row_of_id(ev->id)->shape);
    }
    return g_string_free(d.out, false);
}

/* ---- encode ---- */

/* No event has more bytes, those of its array aside: an id, REPLAY_MAX_ARGS arguments, a length. */
#define MAX_EVENT_BYTES (1 + 8 * REPLAY_MAX_ARGS + 4)

static uint8_t *put_be(uint8_t *p, uint64_t value, unsigned width)
{
    while (width) {
        *p++ = value >> (8 * --width);
    }
    return p;
}

static uint8_t *encode_data(uint8_t *p, const Arg *a, const ReplayEvent *ev)
{
    lockstep_assert(ev->len <= REPLAY_MAX_ARRAY, "an array of %u bytes", ev->len);
    if (a->type == ARG_ARRAY) {
        p = put_be(p, ev->len, 4);
    } else {
        lockstep_assert(ev->len == ev->arg[0] * 16, "%" PRIu64 " samples in %u bytes", ev->arg[0], ev->len);
    }
    if (ev->len) {
        memcpy(p, ev->data, ev->len);
    }
    return p + ev->len;
}

static uint8_t *encode_shape(uint8_t *p, const Shape *shape, const ReplayEvent *ev, unsigned *next_arg)
{
    for (const Arg *a = shape->args; a->type != ARG_NONE; a++) {
        if (a->type == ARG_ARRAY || a->type == ARG_FRAMES) {
            p = encode_data(p, a, ev);
            continue;
        }
        uint64_t value = ev->arg[(*next_arg)++];
        size_t count;
        const Shape *shapes = selected_shapes(a->type, &count);
        p = put_be(p, value, arg_width(a->type));
        if (shapes) {
            lockstep_assert(value < count, "%s %" PRIu64, a->name, value);
            p = encode_shape(p, &shapes[value], ev, next_arg);
        }
    }
    return p;
}

void log_encode_event(GByteArray *out, const ReplayEvent *ev)
{
    const EventRow *row = row_of_id(ev->id);
    unsigned next_arg = 0;
    guint at = out->len;
    lockstep_assert(row && ev->id == row->first_id && ev->number < row->ids, "event %d + %d", ev->id, ev->number);
    g_byte_array_set_size(out, at + MAX_EVENT_BYTES + ev->len);
    uint8_t *p = put_be(out->data + at, ev->id + ev->number, 1);
    out->len = encode_shape(p, &row->shape, ev, &next_arg) - out->data;
}

void log_encode_header(GByteArray *out)
{
    append_be(out, REPLAY_VERSION, 4);
    append_be(out, 0, 8);
}

/* ---- writer ---- */

#define WRITER_BUFFER (64 * 1024)

bool log_writer_open(LogWriter *w, const char *path, Error **errp)
{
    *w = (LogWriter){ .fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) };
    if (w->fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
        return false;
    }
    w->path = g_strdup(path);
    w->buffer = g_byte_array_sized_new(WRITER_BUFFER);
    return true;
}

static void write_all(LogWriter *w, const uint8_t *data, size_t len)
{
    while (len && !w->error) {
        ssize_t n = write(w->fd, data, len);
        if (n > 0) {
            data += n;
            len -= n;
        } else if (n == 0) {
            w->error = ENOSPC;
        } else if (errno != EINTR) {
            w->error = errno;
        }
    }
}

bool log_writer_flush(LogWriter *w)
{
    write_all(w, w->buffer->data, w->buffer->len);
    g_byte_array_set_size(w->buffer, 0);
    return !w->error;
}

/* What does not fit is preceded by a flush: the file ends with a whole event whenever a write is not torn. */
static bool make_room(LogWriter *w, size_t len)
{
    if (w->error || w->fd < 0) {
        return false;
    }
    if (w->buffer->len + len > WRITER_BUFFER) {
        log_writer_flush(w);
    }
    return true;
}

void log_writer_put(LogWriter *w, const void *data, size_t len)
{
    if (make_room(w, len)) {
        g_byte_array_append(w->buffer, data, len);
        w->bytes += len;
    }
}

void log_writer_put_event(LogWriter *w, const ReplayEvent *ev)
{
    if (make_room(w, MAX_EVENT_BYTES + (size_t)ev->len)) {
        guint before = w->buffer->len;
        log_encode_event(w->buffer, ev);
        w->bytes += w->buffer->len - before;
    }
}

bool log_writer_close(LogWriter *w)
{
    if (w->fd < 0) {
        return !w->error;
    }
    log_writer_flush(w);
    if (close(w->fd) < 0 && !w->error) {
        w->error = errno;
    }
    w->fd = -1;
    return !w->error;
}

void log_writer_free(LogWriter *w)
{
    log_writer_close(w);
    g_free(w->path);
    g_byte_array_unref(w->buffer);
    *w = (LogWriter){ .fd = -1 };
}

/* ---- bounded reader ---- */

#define READER_BUFFER (64 * 1024)

bool log_reader_open(LogReader *r, const char *path, Error **errp)
{
    *r = (LogReader){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
    if (r->fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
        return false;
    }
    r->buf = g_malloc(READER_BUFFER);
    r->array = g_byte_array_new();
    return true;
}

void log_reader_init_memory(LogReader *r, const uint8_t *buf, size_t len)
{
    *r = (LogReader){ .fd = -1, .buf = (uint8_t *)buf, .len = len, .array = g_byte_array_new() };
}

void log_reader_close(LogReader *r)
{
    if (r->fd >= 0) {
        close(r->fd);
        g_free(r->buf);
    }
    g_free(r->message);
    g_byte_array_unref(r->array);
    *r = (LogReader){ .fd = -1 };
}

static uint64_t reader_offset(const LogReader *r)
{
    return r->base + r->pos;
}

static void reader_bad(LogReader *r, uint64_t offset, const char *fmt, ...) QEMU_PRINTF(3, 4);
static void reader_bad(LogReader *r, uint64_t offset, const char *fmt, ...)
{
    if (r->status != LOG_OK) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    r->message = g_strdup_printf("%s at byte %" PRIu64, text, offset);
    g_free(text);
    r->status = LOG_BAD;
}

/* Put more bytes behind what is used up; false at the end of the file. */
static bool refill(LogReader *r)
{
    if (r->fd < 0) {
        return false;
    }
    ssize_t n;
    do {
        n = read(r->fd, r->buf, READER_BUFFER);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        reader_bad(r, reader_offset(r), "the log cannot be read (%s)", g_strerror(errno));
    }
    r->base += r->len;
    r->pos = 0;
    r->len = n > 0 ? n : 0;
    return n > 0;
}

/* The next run of bytes, at most len; NULL at the end. */
static const uint8_t *get_some(LogReader *r, size_t len, size_t *got)
{
    if (r->status != LOG_OK || (r->pos == r->len && !refill(r))) {
        if (r->status == LOG_OK) {
            r->status = LOG_CUT;
        }
        return NULL;
    }
    *got = MIN(len, r->len - r->pos);
    r->pos += *got;
    return r->buf + r->pos - *got;
}

/* Mostly all of it is in the buffer. */
static uint64_t get_be(LogReader *r, unsigned width)
{
    bool at_hand = r->status == LOG_OK && r->len - r->pos >= width;
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++) {
        size_t got;
        const uint8_t *p = at_hand ? r->buf + r->pos++ : get_some(r, 1, &got);
        if (!p) {
            return 0;
        }
        value = value << 8 | *p;
    }
    return value;
}

/* Memory grows with what the file really holds, not with what a length says. */
static void get_data(LogReader *r, uint64_t len)
{
    g_byte_array_set_size(r->array, 0);
    while (len && r->status == LOG_OK) {
        size_t got;
        const uint8_t *p = get_some(r, len, &got);
        if (p) {
            g_byte_array_append(r->array, p, got);
            len -= got;
        }
    }
}

/* ---- decode ---- */

static void decode_data(LogReader *r, const Arg *a, ReplayEvent *ev)
{
    uint64_t at = reader_offset(r);
    uint64_t len = a->type == ARG_ARRAY ? get_be(r, 4) : ev->arg[0] * 16;
    if (len > REPLAY_MAX_ARRAY) {
        reader_bad(r, at, "impossible length %" PRIu64, len);
        return;
    }
    get_data(r, len);
    ev->data = r->array->data;
    ev->len = len;
}

static void decode_shape(LogReader *r, const Shape *shape, ReplayEvent *ev);

static void decode_value(LogReader *r, const Arg *a, ReplayEvent *ev)
{
    uint64_t at = reader_offset(r);
    uint64_t value = get_be(r, arg_width(a->type));
    size_t count = a->type == ARG_CHECKPOINT_ID ? CHECKPOINT_COUNT : a->type == ARG_BOOL ? 2 : 0;
    const Shape *shapes = selected_shapes(a->type, &count);

    if (count && value >= count) {
        reader_bad(r, at, "impossible %s %" PRIu64, a->name, value);
    }
    if (r->status != LOG_OK) {
        return;
    }
    ev->arg[ev->nargs++] = value;
    if (shapes) {
        decode_shape(r, &shapes[value], ev);
    }
}

static void decode_shape(LogReader *r, const Shape *shape, ReplayEvent *ev)
{
    for (const Arg *a = shape->args; a->type != ARG_NONE && r->status == LOG_OK; a++) {
        if (a->type == ARG_ARRAY || a->type == ARG_FRAMES) {
            decode_data(r, a, ev);
        } else {
            decode_value(r, a, ev);
        }
    }
}

static void decode_event(LogReader *r, ReplayEvent *ev)
{
    unsigned id = get_be(r, 1);
    const EventRow *row = row_of_id(id);
    if (r->status != LOG_OK) {
        return;
    }
    if (!row) {
        reader_bad(r, ev->offset, "impossible event id %u", id);
        return;
    }
    ev->id = row->first_id;
    ev->number = id - row->first_id;
    decode_shape(r, &row->shape, ev);
    /* Nobody writes an empty step, and a file full of zeros must not take forever. */
    if (ev->id == EVENT_INSTRUCTION && r->status == LOG_OK && ev->arg[0] == 0) {
        reader_bad(r, ev->offset, "impossible instruction count 0");
    }
}

static LogStatus event_at_end(LogReader *r, ReplayEvent *ev)
{
    *ev = (ReplayEvent){ .id = EVENT_CUT, .offset = r->end_offset };
    return r->status;
}

LogStatus log_read_event(LogReader *r, ReplayEvent *ev)
{
    if (r->status != LOG_OK) {
        return event_at_end(r, ev);
    }
    *ev = (ReplayEvent){ .offset = reader_offset(r) };
    decode_event(r, ev);
    if (r->status != LOG_OK) {
        r->end_offset = ev->offset;
        return event_at_end(r, ev);
    }
    return LOG_OK;
}

void log_reader_seek(LogReader *r, uint64_t offset)
{
    r->status = LOG_OK;
    g_clear_pointer(&r->message, g_free);
    if (r->fd < 0) {
        r->pos = MIN(offset, r->len);
        return;
    }
    r->pos = r->len = 0;
    r->base = offset;
    if (lseek(r->fd, offset, SEEK_SET) < 0) {
        r->end_offset = offset;
        reader_bad(r, offset, "the log cannot be read (%s)", g_strerror(errno));
    }
}

void log_reader_refuse(LogReader *r, const ReplayEvent *ev, const char *why)
{
    reader_bad(r, ev->offset, "%s", why);
    r->end_offset = ev->offset;
}

bool log_read_header(LogReader *r, const char *name, Error **errp)
{
    uint64_t version = get_be(r, 4);
    if (r->status == LOG_OK && version != REPLAY_VERSION) {
        error_setg(errp, "'%s' is not a replay log (version 0x%06" PRIx64 ", expected 0x%06x)", name, version,
                   REPLAY_VERSION);
        return false;
    }
    uint64_t reserved = get_be(r, 8);
    if (r->status == LOG_CUT) {
        error_setg(errp, "'%s' is not a replay log (%" PRIu64 " bytes, its header alone has %d)", name,
                   reader_offset(r), REPLAY_HEADER_SIZE);
    } else if (r->status == LOG_BAD) {
        error_setg(errp, "'%s': %s", name, r->message);
    } else if (reserved) {
        error_setg(errp, "'%s' is not a replay log (bytes 4 to 11 must be zero)", name);
    }
    return r->status == LOG_OK && !reserved;
}

/* ---- fuzzing ---- */

static void fuzz_events(LogReader *r, const uint8_t *data)
{
    GByteArray *again = g_byte_array_new();
    ReplayEvent ev;
    while (log_read_event(r, &ev) == LOG_OK) {
        g_free(replay_event_describe(&ev));
        g_byte_array_set_size(again, 0);
        log_encode_event(again, &ev);
        bool same = again->len == reader_offset(r) - ev.offset && !memcmp(again->data, data + ev.offset, again->len);
        lockstep_assert(same, "event at byte %" PRIu64 " does not encode to itself", ev.offset);
    }
    g_free(replay_event_describe(&ev));
    g_byte_array_unref(again);
}

int replay_log_fuzz_one(const uint8_t *data, size_t size)
{
    LogReader r;
    Error *err = NULL;
    log_reader_init_memory(&r, data, size);
    if (log_read_header(&r, "fuzz", &err)) {
        fuzz_events(&r, data);
    } else {
        error_free(err);
    }
    log_reader_close(&r);
    return 0;
}
