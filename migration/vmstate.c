/*
 * migration/vmstate.c  State described once (vmstate.h): save, load, difference and JSON walk the same list of fields.
 *
 * Stream, little-endian:
 *   all      "LKVM", u32 format, objects, u8 0
 *   object   u8 1, u8 length + id, u32 instance, u32 length of body, body
 *   body     u32 version, fields
 *   field    u8 kind (+ 1), u32 size of one element (BUFFER: length), u32 elements, then the elements
 *
 * An element of a STRUCT is a body; of a TIMER: i64 deadline or -1, u32 number of timers with the same deadline that
 * run after it.
 *
 * A timer's `seq` is not saved: it counts all arming since start, and would differ after a load. What matters, the
 * order among equal deadlines, is.
 *
 * Loading goes over the stream twice: the first pass only checks, so that a stream that does not fit changes nothing.
 */
#include "migration/vmstate.h"

#include <xxhash.h>

#define STREAM_MAGIC  0x4d564b4cu /* "LKVM" */
#define STREAM_FORMAT 1
#define MAX_BUFFERS   8 /* VMS_BUFFER fields of one description */

typedef struct Registered {
    char *id;
    int instance;
    const VMStateDescription *vmsd;
    void *opaque;
} Registered;

static GArray *registered; /* of Registered, in the machine's order */

void vmstate_register(const char *id, int instance, const VMStateDescription *vmsd, void *opaque)
{
    lockstep_assert(strlen(id) < 256, "id %s", id);
    if (!registered) {
        registered = g_array_new(false, false, sizeof(Registered));
    }
    for (guint i = 0; i < registered->len; i++) {
        Registered *r = &g_array_index(registered, Registered, i);
        lockstep_assert(r->instance != instance || strcmp(r->id, id), "%s %d is registered twice", id, instance);
    }
    Registered r = { .id = g_strdup(id), .instance = instance, .vmsd = vmsd, .opaque = opaque };
    g_array_append_val(registered, r);
}

void vmstate_unregister_all(void)
{
    for (guint i = 0; registered && i < registered->len; i++) {
        g_free(g_array_index(registered, Registered, i).id);
    }
    if (registered) {
        g_array_set_size(registered, 0);
    }
}

void vmstate_foreach(VMStateVisitor *visit, void *data)
{
    for (guint i = 0; registered && i < registered->len; i++) {
        Registered *r = &g_array_index(registered, Registered, i);
        visit(r->id, r->instance, r->vmsd, r->opaque, data);
    }
}

static Registered *find_registered(const char *id, int instance)
{
    for (guint i = 0; registered && i < registered->len; i++) {
        Registered *r = &g_array_index(registered, Registered, i);
        if (r->instance == instance && !strcmp(r->id, id)) {
            return r;
        }
    }
    return NULL;
}

/* ---- integers of any size, host <-> little-endian ---- */

/* Elements change only their byte order, which on a little-endian host is none; the same in both directions. */
static void copy_ints(void *dst, const void *src, size_t size, size_t count)
{
    memcpy(dst, src, size * count);
    if (G_BYTE_ORDER == G_LITTLE_ENDIAN) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t *p = (uint8_t *)dst + i * size;
        for (size_t j = 0; j < size / 2; j++) {
            uint8_t t = p[j];
            p[j] = p[size - 1 - j];
            p[size - 1 - j] = t;
        }
    }
}

/* ---- save ---- */

static uint8_t *grow(GByteArray *out, size_t len)
{
    guint at = out->len;
    g_byte_array_set_size(out, at + len);
    return out->data + at;
}

/* The list of a clock's timers is sorted by deadline, then by order of arming. */
static uint32_t timers_behind(const QEMUTimer *t)
{
    uint32_t n = 0;
    for (const QEMUTimer *o = t->next; o && o->expire_ns == t->expire_ns; o = o->next) {
        n++;
    }
    return n;
}

static void save_timer(GByteArray *out, const QEMUTimer *t)
{
    bool armed = t->expire_ns >= 0;
    append_le(out, armed ? (uint64_t)t->expire_ns : (uint64_t)-1, 8);
    append_le(out, armed ? timers_behind(t) : 0, 4);
}

static void check_field(const VMStateDescription *vmsd, const VMStateField *f)
{
    if (f->kind == VMS_INT || f->kind == VMS_BOOL) {
        lockstep_assert(f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8, "%s.%s: an integer of %zu bytes",
                        vmsd->name, f->name, f->size);
    }
}

static void save_field(GByteArray *out, const VMStateDescription *vmsd, const VMStateField *f, void *opaque)
{
    uint8_t *p = (uint8_t *)opaque + f->offset;
    uint32_t length = f->kind == VMS_BUFFER ? *(uint32_t *)((uint8_t *)opaque + f->length_offset) : f->size;

    check_field(vmsd, f);
    append_le(out, f->kind + 1, 1);
    append_le(out, f->kind == VMS_STRUCT || f->kind == VMS_TIMER ? 0 : length, 4);
    append_le(out, f->count, 4);
    switch (f->kind) {
    case VMS_BOOL:
    case VMS_INT:
        copy_ints(grow(out, f->size * f->count), p, f->size, f->count);
        break;
    case VMS_BYTES:
        memcpy(grow(out, f->size * f->count), p, f->size * f->count);
        break;
    case VMS_TIMER:
        for (size_t i = 0; i < f->count; i++) {
            save_timer(out, (QEMUTimer *)(p + i * f->size));
        }
        break;
    case VMS_STRUCT:
        for (size_t i = 0; i < f->count; i++) {
            vmstate_save_object(out, f->vmsd, p + i * f->size);
        }
        break;
    case VMS_BUFFER:
        if (length) {
            memcpy(grow(out, length), *(uint8_t **)p, length);
        }
        break;
    case VMS_DERIVED:
    case VMS_END:
        g_assert_not_reached();
    }
}

void vmstate_save_object(GByteArray *out, const VMStateDescription *vmsd, void *opaque)
{
    if (vmsd->pre_save) {
        vmsd->pre_save(opaque);
    }
    append_le(out, vmsd->version, 4);
    for (const VMStateField *f = vmsd->fields; f->kind != VMS_END; f++) {
        if (f->kind != VMS_DERIVED) {
            save_field(out, vmsd, f, opaque);
        }
    }
}

static void save_registered(const char *id, int instance, const VMStateDescription *vmsd, void *opaque, void *data)
{
    GByteArray *out = data;
    size_t id_len = strlen(id);

    append_le(out, 1, 1);
    append_le(out, id_len, 1);
    memcpy(grow(out, id_len), id, id_len);
    append_le(out, instance, 4);
    guint length_at = out->len;
    append_le(out, 0, 4);
    vmstate_save_object(out, vmsd, opaque);
    stl_le_p(out->data + length_at, out->len - length_at - 4);
}

void vmstate_save_all(GByteArray *out)
{
    append_le(out, STREAM_MAGIC, 4);
    append_le(out, STREAM_FORMAT, 4);
    vmstate_foreach(save_registered, out);
    append_le(out, 0, 1);
}

uint64_t vmstate_digest_object(const VMStateDescription *vmsd, void *opaque)
{
    GByteArray *out = g_byte_array_sized_new(4096);
    vmstate_save_object(out, vmsd, opaque);
    uint64_t digest = XXH3_64bits(out->data, out->len);
    g_byte_array_unref(out);
    return digest;
}

/* ---- a bounded reader with a sticky error ---- */

typedef struct LoadedTimer {
    QEMUTimer *timer;
    int64_t expire_ns;
    uint32_t behind;
} LoadedTimer;

typedef struct Reader {
    const uint8_t *buf;
    size_t pos, len;
    bool store;     /* second pass: write into the machine */
    GArray *timers; /* of LoadedTimer; store only */
    char *error;    /* first one */
} Reader;

static void reader_fail(Reader *r, const char *fmt, ...) QEMU_PRINTF(2, 3);
static void reader_fail(Reader *r, const char *fmt, ...)
{
    if (r->error) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    r->error = g_strdup_printf("%s (at byte %zu)", text, r->pos);
    g_free(text);
}

/* NULL when fewer than len bytes are left. */
static const uint8_t *get_bytes(Reader *r, size_t len)
{
    if (r->error) {
        return NULL;
    }
    if (len > r->len - r->pos) {
        reader_fail(r, "the state ends too early");
        return NULL;
    }
    r->pos += len;
    return r->buf + r->pos - len;
}

static uint64_t get_int(Reader *r, size_t size)
{
    const uint8_t *p = get_bytes(r, size);
    return p ? ldn_le_p(p, size) : 0;
}

/* ---- load ---- */

static void load_body(Reader *r, const VMStateDescription *vmsd, void *opaque);

static void load_ints(Reader *r, const VMStateField *f, uint8_t *dst)
{
    const uint8_t *src = get_bytes(r, f->size * f->count);
    for (size_t i = 0; src && f->kind == VMS_BOOL && i < f->count; i++) {
        if (ldn_le_p(src + i * f->size, f->size) > 1) {
            reader_fail(r, "%s: neither true nor false", f->name);
            return;
        }
    }
    if (src && r->store) {
        copy_ints(dst, src, f->size, f->count);
    }
}

static void load_bytes(Reader *r, size_t len, uint8_t *dst)
{
    const uint8_t *src = get_bytes(r, len);
    if (src && r->store) {
        memcpy(dst, src, len);
    }
}

static void load_timer(Reader *r, const VMStateField *f, QEMUTimer *t)
{
    int64_t expire_ns = get_int(r, 8);
    uint32_t behind = get_int(r, 4);
    if (expire_ns < -1) {
        reader_fail(r, "%s: impossible deadline", f->name);
    }
    if (!r->error && r->store) {
        LoadedTimer loaded = { .timer = t, .expire_ns = expire_ns, .behind = behind };
        g_array_append_val(r->timers, loaded);
    }
}

static void load_buffer(Reader *r, const VMStateField *f, uint8_t *opaque, uint32_t length)
{
    const uint8_t *src = get_bytes(r, length);
    if (!src || !r->store) {
        return;
    }
    uint8_t **buffer = (uint8_t **)(opaque + f->offset);
    g_free(*buffer);
    *buffer = length ? g_memdup2(src, length) : NULL;
    *(uint32_t *)(opaque + f->length_offset) = length;
}

static void load_elements(Reader *r, const VMStateField *f, uint8_t *opaque, uint32_t size)
{
    switch (f->kind) {
    case VMS_BOOL:
    case VMS_INT:
        load_ints(r, f, opaque + f->offset);
        break;
    case VMS_BYTES:
        load_bytes(r, f->size * f->count, opaque + f->offset);
        break;
    case VMS_TIMER:
        for (size_t i = 0; i < f->count; i++) {
            load_timer(r, f, (QEMUTimer *)(opaque + f->offset + i * f->size));
        }
        break;
    case VMS_STRUCT:
        for (size_t i = 0; i < f->count && !r->error; i++) {
            load_body(r, f->vmsd, opaque + f->offset + i * f->size);
        }
        break;
    case VMS_BUFFER:
        load_buffer(r, f, opaque, size);
        break;
    case VMS_DERIVED:
    case VMS_END:
        g_assert_not_reached();
    }
}

static uint32_t stream_size(const VMStateField *f)
{
    return f->kind == VMS_STRUCT || f->kind == VMS_TIMER ? 0 : f->size;
}

static void load_field(Reader *r, const VMStateDescription *vmsd, const VMStateField *f, uint8_t *opaque)
{
    uint8_t kind = get_int(r, 1);
    uint32_t size = get_int(r, 4);
    uint32_t count = get_int(r, 4);

    if (!r->error && kind != f->kind + 1) {
        reader_fail(r, "%s.%s: field of kind %d, expected %d", vmsd->name, f->name, kind - 1, (int)f->kind);
    } else if (!r->error && (count != f->count || (f->kind != VMS_BUFFER && size != stream_size(f)))) {
        reader_fail(r, "%s.%s: %u elements of %u bytes, expected %zu of %u", vmsd->name, f->name, count, size, f->count,
                    stream_size(f));
    }
    if (!r->error) {
        load_elements(r, f, opaque, size);
    }
    if (r->error && !strstr(r->error, f->name)) {
        char *inner = r->error;
        r->error = g_strdup_printf("%s.%s: %s", vmsd->name, f->name, inner);
        g_free(inner);
    }
}

/* A length that is described on its own as well must not end up larger than its buffer. */
static void check_lengths(Reader *r, const VMStateDescription *vmsd, uint8_t *opaque, const uint32_t *lengths)
{
    for (const VMStateField *f = vmsd->fields; r->store && f->kind != VMS_END; f++) {
        if (f->kind != VMS_BUFFER) {
            continue;
        }
        uint32_t *length = (uint32_t *)(opaque + f->length_offset);
        if (*length != *lengths) {
            reader_fail(r, "%s.%s: %u bytes, but its length says %u", vmsd->name, f->name, *lengths, *length);
            *length = *lengths;
        }
        lengths++;
    }
}

static void load_body(Reader *r, const VMStateDescription *vmsd, void *opaque)
{
    int version = get_int(r, 4);
    uint32_t lengths[MAX_BUFFERS];
    unsigned buffers = 0;

    if (!r->error && version != vmsd->version) {
        reader_fail(r, "%s: version %d, expected %d", vmsd->name, version, vmsd->version);
    }
    for (const VMStateField *f = vmsd->fields; f->kind != VMS_END && !r->error; f++) {
        if (f->kind == VMS_DERIVED) {
            continue;
        }
        load_field(r, vmsd, f, opaque);
        if (f->kind == VMS_BUFFER) {
            lockstep_assert(buffers < MAX_BUFFERS, "%s has too many buffers", vmsd->name);
            lengths[buffers++] = *(uint32_t *)((uint8_t *)opaque + f->length_offset);
        }
    }
    if (!r->error) {
        check_lengths(r, vmsd, opaque, lengths);
    }
    Error *err = NULL;
    if (!r->error && r->store && vmsd->post_load && !vmsd->post_load(opaque, &err)) {
        reader_fail(r, "%s: %s", vmsd->name, err ? error_get_pretty(err) : "impossible values");
        error_free(err);
    }
}

static gint compare_timers(gconstpointer a, gconstpointer b)
{
    const LoadedTimer *x = a, *y = b;
    if (x->expire_ns != y->expire_ns) {
        return x->expire_ns < y->expire_ns ? -1 : 1;
    }
    return x->behind == y->behind ? 0 : x->behind > y->behind ? -1 : 1;
}

/*
 * After everything else is loaded, so that equal deadlines come in the saved order. post_load has run by then: what it
 * armed for itself is replaced by what was saved.
 */
static void rearm_timers(GArray *timers)
{
    for (guint i = 0; i < timers->len; i++) {
        timer_del(g_array_index(timers, LoadedTimer, i).timer);
    }
    g_array_sort(timers, compare_timers);
    for (guint i = 0; i < timers->len; i++) {
        LoadedTimer *t = &g_array_index(timers, LoadedTimer, i);
        if (t->expire_ns >= 0) {
            timer_mod(t->timer, t->expire_ns);
        }
    }
}

static void load_one_object(Reader *r, const VMStateDescription *vmsd, void *opaque)
{
    load_body(r, vmsd, opaque);
    if (!r->error && r->pos != r->len) {
        reader_fail(r, "%s: %zu bytes too many", vmsd->name, r->len - r->pos);
    }
}

static bool finish_load(Reader *r, Error **errp)
{
    if (!r->error) {
        rearm_timers(r->timers);
    } else {
        error_setg(errp, "%s", r->error);
    }
    bool ok = !r->error;
    g_free(r->error);
    g_array_free(r->timers, true);
    return ok;
}

bool vmstate_load_object(const uint8_t *buf, size_t len, const VMStateDescription *vmsd, void *opaque, Error **errp)
{
    Reader r = { .buf = buf, .len = len, .timers = g_array_new(false, false, sizeof(LoadedTimer)) };
    load_one_object(&r, vmsd, opaque);
    if (!r.error) {
        r.pos = 0;
        r.store = true;
        load_one_object(&r, vmsd, opaque);
    }
    return finish_load(&r, errp);
}

/* One object's head; false at the end marker or on an error. */
static bool get_object_head(Reader *r, char id[256], int *instance, uint32_t *length)
{
    uint8_t tag = get_int(r, 1);
    if (r->error || tag == 0) {
        return false;
    }
    if (tag != 1) {
        reader_fail(r, "an object was expected");
        return false;
    }
    size_t id_len = get_int(r, 1);
    const uint8_t *text = get_bytes(r, id_len);
    *instance = get_int(r, 4);
    *length = get_int(r, 4);
    if (!r->error && *length > r->len - r->pos) {
        reader_fail(r, "the state ends too early");
    }
    if (r->error) {
        return false;
    }
    memcpy(id, text, id_len);
    id[id_len] = 0;
    return true;
}

static void get_stream_head(Reader *r)
{
    uint32_t magic = get_int(r, 4);
    uint32_t format = get_int(r, 4);
    if (!r->error && magic != STREAM_MAGIC) {
        reader_fail(r, "this is no machine state");
    } else if (!r->error && format != STREAM_FORMAT) {
        reader_fail(r, "machine state of format %u, expected %d", format, STREAM_FORMAT);
    }
}

static void load_registered(Reader *r, const char *id, int instance, uint32_t length, GHashTable *seen)
{
    Registered *reg = find_registered(id, instance);
    if (!reg) {
        reader_fail(r, "the machine has no '%s' %d", id, instance);
        return;
    }
    if (!g_hash_table_add(seen, reg)) {
        reader_fail(r, "'%s' %d comes twice", id, instance);
        return;
    }
    Reader sub = *r;
    sub.len = r->pos + length;
    load_one_object(&sub, reg->vmsd, reg->opaque);
    if (sub.error) {
        r->error = g_strdup_printf("'%s' %d: %s", id, instance, sub.error);
        g_free(sub.error);
    }
    r->pos = sub.len;
}

static void load_stream(Reader *r)
{
    GHashTable *seen = g_hash_table_new(NULL, NULL);
    char id[256];
    int instance;
    uint32_t length;

    r->pos = 0;
    get_stream_head(r);
    while (!r->error && get_object_head(r, id, &instance, &length)) {
        load_registered(r, id, instance, length, seen);
    }
    for (guint i = 0; !r->error && registered && i < registered->len; i++) {
        Registered *reg = &g_array_index(registered, Registered, i);
        if (!g_hash_table_contains(seen, reg)) {
            reader_fail(r, "the state of '%s' %d is missing", reg->id, reg->instance);
        }
    }
    if (!r->error && r->pos != r->len) {
        reader_fail(r, "%zu bytes too many", r->len - r->pos);
    }
    g_hash_table_destroy(seen);
}

bool vmstate_check_all(const uint8_t *buf, size_t len, Error **errp)
{
    Reader r = { .buf = buf, .len = len, .timers = g_array_new(false, false, sizeof(LoadedTimer)) };
    load_stream(&r);
    g_array_set_size(r.timers, 0);
    return finish_load(&r, errp);
}

bool vmstate_load_all(const uint8_t *buf, size_t len, Error **errp)
{
    Reader r = { .buf = buf, .len = len, .timers = g_array_new(false, false, sizeof(LoadedTimer)) };
    load_stream(&r);
    if (!r.error) {
        r.store = true;
        load_stream(&r);
    }
    return finish_load(&r, errp);
}

/* ---- difference: two readers side by side; both streams were saved from the same description ---- */

typedef struct Pair {
    Reader a, b;
    GString *where;   /* the object and structs that we are in, "rtc 0: timer." */
    GPtrArray *found; /* of char * */
} Pair;

static void diff_body(Pair *p, const VMStateDescription *vmsd);

static Pair pair_new(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return (Pair){ .a = { .buf = a, .len = a_len },
                   .b = { .buf = b, .len = b_len },
                   .where = g_string_new(NULL),
                   .found = g_ptr_array_new_with_free_func(g_free) };
}

static GPtrArray *pair_finish(Pair *p)
{
    g_free(p->a.error);
    g_free(p->b.error);
    g_string_free(p->where, true);
    return p->found;
}

static bool pair_get(Pair *p, size_t size, uint64_t *a, uint64_t *b)
{
    *a = get_int(&p->a, size);
    *b = get_int(&p->b, size);
    return !p->a.error && !p->b.error;
}

static void note(Pair *p, const char *fmt, ...) QEMU_PRINTF(2, 3);
static void note(Pair *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_ptr_array_add(p->found, g_strconcat(p->where->str, text, NULL));
}

/* Nothing behind this can be read. */
static void note_unreadable(Pair *p, const char *fmt, const char *name)
{
    g_autofree char *text = g_strdup_printf("%s: %s", name, fmt);
    note(p, "%s", text);
    reader_fail(&p->a, "%s", text);
}

static char *element_name(const VMStateField *f, size_t i)
{
    return f->count > 1 || f->kind == VMS_BYTES || f->kind == VMS_BUFFER ? g_strdup_printf("%s[%zu]", f->name, i)
                                                                         : g_strdup(f->name);
}

/* Integers of `size` bytes, `count` of them in a and b: the first that differ. */
static void diff_ints(Pair *p, const VMStateField *f, size_t size, size_t count)
{
    bool differ = false;
    for (size_t i = 0; i < count; i++) {
        uint64_t a, b;
        if (!pair_get(p, size, &a, &b)) {
            note_unreadable(p, "cut short", f->name);
            return;
        }
        if (a != b && !differ) {
            g_autofree char *name = element_name(f, i);
            note(p, "%s: 0x%" PRIx64 " != 0x%" PRIx64, name, a, b);
            differ = true;
        }
    }
}

static void diff_timers(Pair *p, const VMStateField *f)
{
    for (size_t i = 0; i < f->count; i++) {
        uint64_t a_ns, b_ns, a_behind, b_behind;
        if (!pair_get(p, 8, &a_ns, &b_ns) || !pair_get(p, 4, &a_behind, &b_behind)) {
            note_unreadable(p, "cut short", f->name);
            return;
        }
        if (a_ns != b_ns) {
            note(p, "%s: deadline %" PRId64 " != %" PRId64, f->name, (int64_t)a_ns, (int64_t)b_ns);
        } else if (a_behind != b_behind) {
            note(p, "%s: order among equal deadlines %u != %u", f->name, (unsigned)a_behind, (unsigned)b_behind);
        }
    }
}

static void diff_structs(Pair *p, const VMStateField *f)
{
    gsize outside = p->where->len;
    for (size_t i = 0; i < f->count; i++) {
        g_autofree char *name = element_name(f, i);
        g_string_append_printf(p->where, "%s.", name);
        diff_body(p, f->vmsd);
        g_string_truncate(p->where, outside);
    }
}

static bool diff_lengths(Pair *p, const VMStateField *f, uint64_t a_size, uint64_t b_size)
{
    if (a_size == b_size) {
        return false;
    }
    note(p, "%s: length %" PRIu64 " != %" PRIu64, f->name, a_size, b_size);
    get_bytes(&p->a, f->kind == VMS_BUFFER ? a_size : a_size * f->count);
    get_bytes(&p->b, f->kind == VMS_BUFFER ? b_size : b_size * f->count);
    return true;
}

static void diff_field(Pair *p, const VMStateField *f)
{
    uint64_t a_kind, b_kind, a_size, b_size, a_count, b_count;
    if (!pair_get(p, 1, &a_kind, &b_kind) || !pair_get(p, 4, &a_size, &b_size) || !pair_get(p, 4, &a_count, &b_count)) {
        note_unreadable(p, "cut short", f->name);
        return;
    }
    if (a_kind != b_kind || a_kind != (uint64_t)f->kind + 1 || a_count != b_count || a_count != f->count) {
        note_unreadable(p, "saved from another description", f->name);
        return;
    }
    if (diff_lengths(p, f, a_size, b_size)) {
        return;
    }
    switch (f->kind) {
    case VMS_BOOL:
    case VMS_INT:
        diff_ints(p, f, f->size, f->count);
        break;
    case VMS_BYTES:
        diff_ints(p, f, 1, f->size * f->count);
        break;
    case VMS_BUFFER:
        diff_ints(p, f, 1, a_size);
        break;
    case VMS_TIMER:
        diff_timers(p, f);
        break;
    default:
        diff_structs(p, f);
    }
}

static void diff_body(Pair *p, const VMStateDescription *vmsd)
{
    uint64_t a, b;
    if (!pair_get(p, 4, &a, &b)) {
        note(p, "cut short");
        return;
    }
    if (a != b) {
        note(p, "version: %" PRIu64 " != %" PRIu64, a, b);
        return;
    }
    for (const VMStateField *f = vmsd->fields; f->kind != VMS_END && !p->a.error && !p->b.error; f++) {
        if (f->kind != VMS_DERIVED) {
            diff_field(p, f);
        }
    }
}

static char *first_of(GPtrArray *list)
{
    char *text = list->len ? g_strdup(g_ptr_array_index(list, 0)) : NULL;
    g_ptr_array_unref(list);
    return text;
}

static GPtrArray *diff_list(const VMStateDescription *vmsd, const uint8_t *a, size_t a_len, const uint8_t *b,
                            size_t b_len)
{
    Pair p = pair_new(a, a_len, b, b_len);
    if (a_len != b_len || memcmp(a, b, a_len)) {
        diff_body(&p, vmsd);
    }
    return pair_finish(&p);
}

char *vmstate_diff(const VMStateDescription *vmsd, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return first_of(diff_list(vmsd, a, a_len, b, b_len));
}

/* One object of each stream; false when they are not the same or there are no more. */
static bool diff_object(Pair *p)
{
    char a_id[256], b_id[256];
    int a_instance, b_instance;
    uint32_t a_len, b_len;

    bool a_more = get_object_head(&p->a, a_id, &a_instance, &a_len);
    bool b_more = get_object_head(&p->b, b_id, &b_instance, &b_len);
    if (!a_more && !b_more) {
        return false;
    }
    if (!a_more || !b_more || strcmp(a_id, b_id) || a_instance != b_instance) {
        note(p, "objects: '%s' %d != '%s' %d", a_more ? a_id : "none", a_more ? a_instance : 0, b_more ? b_id : "none",
             b_more ? b_instance : 0);
        return false;
    }
    Registered *reg = find_registered(a_id, a_instance);
    g_string_printf(p->where, "%s %d: ", a_id, a_instance);
    if (!reg) {
        note(p, "unknown object");
        return false;
    }
    GPtrArray *inner = diff_list(reg->vmsd, p->a.buf + p->a.pos, a_len, p->b.buf + p->b.pos, b_len);
    for (guint i = 0; i < inner->len; i++) {
        note(p, "%s", (char *)g_ptr_array_index(inner, i));
    }
    g_ptr_array_unref(inner);
    g_string_truncate(p->where, 0);
    p->a.pos += a_len;
    p->b.pos += b_len;
    return true;
}

GPtrArray *vmstate_diff_list(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    Pair p = pair_new(a, a_len, b, b_len);
    if (a_len == b_len && !memcmp(a, b, a_len)) {
        return pair_finish(&p);
    }
    get_stream_head(&p.a);
    get_stream_head(&p.b);
    while (!p.a.error && !p.b.error && diff_object(&p)) {
    }
    if (!p.found->len) {
        note(&p, "cut short");
    }
    return pair_finish(&p);
}

char *vmstate_diff_all(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return first_of(vmstate_diff_list(a, a_len, b, b_len));
}

/* ---- -dump-vmstate ---- */

static const char *const kind_names[] = {
    [VMS_BOOL] = "bool",     [VMS_INT] = "int",       [VMS_BYTES] = "bytes",     [VMS_TIMER] = "timer",
    [VMS_STRUCT] = "struct", [VMS_BUFFER] = "buffer", [VMS_DERIVED] = "derived",
};

static void dump_description(FILE *out, const VMStateDescription *vmsd, int indent);

static void dump_field(FILE *out, const VMStateField *f, int indent)
{
    fprintf(out, "%*s{\"name\": \"%s\", \"kind\": \"%s\", \"size\": %zu, \"count\": %zu", indent, "", f->name,
            kind_names[f->kind], f->size, f->count);
    if (f->kind == VMS_STRUCT) {
        fprintf(out, ", \"struct\": ");
        dump_description(out, f->vmsd, indent);
    }
    fprintf(out, "}");
}

static void dump_description(FILE *out, const VMStateDescription *vmsd, int indent)
{
    const char *separator = "\n";
    fprintf(out, "{\"name\": \"%s\", \"version\": %d, \"fields\": [", vmsd->name, vmsd->version);
    for (const VMStateField *f = vmsd->fields; f->kind != VMS_END; f++) {
        if (f->kind != VMS_DERIVED) {
            fprintf(out, "%s", separator);
            dump_field(out, f, indent + 2);
            separator = ",\n";
        }
    }
    fprintf(out, "]}");
}

void vmstate_dump_json(FILE *out)
{
    fprintf(out, "{\"format\": %d, \"objects\": [", STREAM_FORMAT);
    for (guint i = 0; registered && i < registered->len; i++) {
        Registered *r = &g_array_index(registered, Registered, i);
        fprintf(out, "%s\n{\"id\": \"%s\", \"instance\": %d, \"state\": ", i ? "," : "", r->id, r->instance);
        dump_description(out, r->vmsd, 2);
        fprintf(out, "}");
    }
    fprintf(out, "\n]}\n");
}
