/*
 * migration/state-stream.c  A snapshot's bytes: little-endian numbers one after the other, and at the end the XXH3 of
 * all of them, so that a damaged snapshot is refused before anything of it has reached the machine.
 */
#include "state-stream.h"

#include <xxhash.h>

#define CHUNK      (1u << 20)
#define MAX_STRING 4096

static void stream_init(StateStream *s, BlockNode *node)
{
    *s = (StateStream){ .node = node, .buf = g_byte_array_sized_new(CHUNK), .hash = XXH3_createState() };
    XXH3_64bits_reset(s->hash);
}

void state_stream_init_writer(StateStream *s, BlockNode *node)
{
    stream_init(s, node);
}

void state_stream_init_reader(StateStream *s, BlockNode *node, uint64_t size)
{
    stream_init(s, node);
    s->size = size;
}

void state_stream_free(StateStream *s)
{
    g_byte_array_unref(s->buf);
    XXH3_freeState(s->hash);
    g_free(s->error);
}

void state_stream_fail(StateStream *s, const char *fmt, ...)
{
    if (s->error) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    s->error = g_strdup_vprintf(fmt, ap);
    va_end(ap);
}

/* ---- writing ---- */

static void write_out(StateStream *s)
{
    if (!s->error && s->buf->len) {
        int ret = s->node->drv->save_vmstate(s->node, s->pos, s->buf->data, s->buf->len);
        if (ret < 0) {
            state_stream_fail(s, "writing the VM state: %s", g_strerror(-ret));
        }
    }
    s->pos += s->buf->len;
    g_byte_array_set_size(s->buf, 0);
}

void state_put(StateStream *s, const void *data, size_t len)
{
    XXH3_64bits_update(s->hash, data, len);
    g_byte_array_append(s->buf, data, len);
    if (s->buf->len >= CHUNK) {
        write_out(s);
    }
}

void state_put_u32(StateStream *s, uint32_t value)
{
    uint8_t bytes[4];
    stl_le_p(bytes, value);
    state_put(s, bytes, sizeof(bytes));
}

void state_put_u64(StateStream *s, uint64_t value)
{
    uint8_t bytes[8];
    stq_le_p(bytes, value);
    state_put(s, bytes, sizeof(bytes));
}

void state_put_string(StateStream *s, const char *text)
{
    size_t len = strlen(text);
    state_put_u32(s, len);
    state_put(s, text, len);
}

void state_put_bytes(StateStream *s, const GByteArray *bytes)
{
    state_put_u64(s, bytes->len);
    state_put(s, bytes->data, bytes->len);
}

uint64_t state_stream_finish_writer(StateStream *s)
{
    state_put_u64(s, XXH3_64bits_digest(s->hash));
    write_out(s);
    return s->pos;
}

/* ---- reading ---- */

static void rewind_to(StateStream *s, uint64_t pos)
{
    s->pos = pos;
    s->taken = 0;
    g_byte_array_set_size(s->buf, 0);
}

static void read_ahead(StateStream *s)
{
    rewind_to(s, s->pos + s->buf->len);
    uint64_t left = s->size - s->pos;
    if (!left) {
        state_stream_fail(s, "the VM state ends too early");
    }
    if (s->error) {
        return;
    }
    g_byte_array_set_size(s->buf, MIN(left, CHUNK));
    int ret = s->node->drv->load_vmstate(s->node, s->pos, s->buf->data, s->buf->len);
    if (ret < 0) {
        state_stream_fail(s, "reading the VM state: %s", g_strerror(-ret));
        g_byte_array_set_size(s->buf, 0);
    }
}

void state_get(StateStream *s, void *data, size_t len)
{
    uint8_t *p = data;
    memset(p, 0, len);
    while (len && !s->error) {
        if (s->taken == s->buf->len) {
            read_ahead(s);
        }
        size_t n = MIN(len, s->buf->len - s->taken);
        memcpy(p, s->buf->data + s->taken, n);
        s->taken += n;
        p += n;
        len -= n;
    }
}

uint32_t state_get_u32(StateStream *s)
{
    uint8_t bytes[4];
    state_get(s, bytes, sizeof(bytes));
    return ldl_le_p(bytes);
}

uint64_t state_get_u64(StateStream *s)
{
    uint8_t bytes[8];
    state_get(s, bytes, sizeof(bytes));
    return ldq_le_p(bytes);
}

char *state_get_string(StateStream *s)
{
    uint32_t len = state_get_u32(s);
    if (len > MAX_STRING) {
        state_stream_fail(s, "a name of %u bytes", len);
        len = 0;
    }
    char *text = g_malloc0(len + 1);
    state_get(s, text, len);
    return text;
}

GByteArray *state_get_bytes(StateStream *s, size_t max)
{
    uint64_t len = state_get_u64(s);
    if (len > max || len > s->size) {
        state_stream_fail(s, "a section of %" PRIu64 " bytes", len);
    }
    if (s->error) {
        return NULL;
    }
    GByteArray *bytes = g_byte_array_sized_new(len);
    g_byte_array_set_size(bytes, len);
    state_get(s, bytes->data, len);
    return bytes;
}

static void hash_ahead(StateStream *s, uint64_t len)
{
    while (len && !s->error) {
        read_ahead(s);
        size_t n = MIN(len, s->buf->len);
        XXH3_64bits_update(s->hash, s->buf->data, n);
        s->taken = n;
        len -= n;
    }
}

/* What we wrote is all there: a size beyond the image's file is no size, and would take ages to read. */
static bool check_size(StateStream *s)
{
    int64_t file = bdrv_getlength(s->node->file);
    if (s->size < sizeof(uint64_t)) {
        state_stream_fail(s, "the VM state ends too early");
    } else if (file < 0 || s->size > (uint64_t)file) {
        state_stream_fail(s, "a VM state of %" PRIu64 " bytes in a file of %" PRId64, s->size, file);
    }
    return !s->error;
}

bool state_stream_verify(StateStream *s)
{
    if (!check_size(s)) {
        return false;
    }
    hash_ahead(s, s->size - sizeof(uint64_t));
    if (state_get_u64(s) != XXH3_64bits_digest(s->hash)) {
        state_stream_fail(s, "the VM state is damaged");
    }
    rewind_to(s, 0);
    return !s->error;
}
