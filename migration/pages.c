/*
 * migration/pages.c  Memory and disks in a snapshot: those units of 4 KiB that hold something, compressed a few at a
 * time.
 *
 * Records: u32 0 (end); u32 n (1 to 64), n times u64 unit, u32 length, a zstd frame of n units; u32 ~0, u64 first unit,
 * u64 units: zeroes.
 */
#include "state-stream.h"

#include <zstd.h>

#define GROUP          64u
#define GROUP_BYTES    (GROUP * STATE_UNIT)
#define ZEROES         UINT32_MAX
#define COMPRESS_LEVEL 1 /* memory of a running system: two or three times smaller at the speed of a disk */

struct PageWriter {
    StateStream *s;
    ZSTD_CCtx *zstd;
    uint32_t n;
    uint64_t units[GROUP];
    uint8_t data[GROUP_BYTES];
    size_t room; /* of out */
    uint8_t *out;
};

PageWriter *page_writer_new(StateStream *s)
{
    PageWriter *w = g_new(PageWriter, 1);
    w->s = s;
    w->n = 0;
    w->zstd = ZSTD_createCCtx();
    w->room = ZSTD_compressBound(GROUP_BYTES);
    w->out = g_malloc(w->room);
    return w;
}

static void put_group(PageWriter *w)
{
    if (!w->n) {
        return;
    }
    size_t len = ZSTD_compressCCtx(w->zstd, w->out, w->room, w->data, (size_t)w->n * STATE_UNIT, COMPRESS_LEVEL);
    lockstep_assert(!ZSTD_isError(len), "zstd: %s", ZSTD_getErrorName(len));
    state_put_u32(w->s, w->n);
    for (uint32_t i = 0; i < w->n; i++) {
        state_put_u64(w->s, w->units[i]);
    }
    state_put_u32(w->s, len);
    state_put(w->s, w->out, len);
    w->n = 0;
}

void page_writer_data(PageWriter *w, uint64_t unit, const uint8_t *data)
{
    w->units[w->n] = unit;
    memcpy(w->data + (size_t)w->n * STATE_UNIT, data, STATE_UNIT);
    if (++w->n == GROUP) {
        put_group(w);
    }
}

void page_writer_zeroes(PageWriter *w, uint64_t unit, uint64_t count)
{
    put_group(w);
    state_put_u32(w->s, ZEROES);
    state_put_u64(w->s, unit);
    state_put_u64(w->s, count);
}

void page_writer_finish(PageWriter *w)
{
    put_group(w);
    state_put_u32(w->s, 0);
    ZSTD_freeCCtx(w->zstd);
    g_free(w->out);
    g_free(w);
}

/* ---- reading ---- */

typedef struct PageReader {
    StateStream *s;
    uint64_t limit;
    PageReaderFunc *fn;
    void *opaque;
    ZSTD_DCtx *zstd;
    uint8_t data[GROUP_BYTES];
    uint64_t units[GROUP];
} PageReader;

static bool in_bounds(PageReader *r, uint64_t unit, uint64_t count)
{
    if (unit >= r->limit || count > r->limit - unit) {
        state_stream_fail(r->s, "unit 0x%" PRIx64 " of a memory or disk that has 0x%" PRIx64, unit, r->limit);
    }
    return !r->s->error;
}

static void decompress(PageReader *r, uint32_t n)
{
    uint32_t len = state_get_u32(r->s);
    if (len > ZSTD_compressBound(GROUP_BYTES)) {
        state_stream_fail(r->s, "a compressed group of %u bytes", len);
        return;
    }
    uint8_t *in = g_malloc(len);
    state_get(r->s, in, len);
    size_t got = ZSTD_decompressDCtx(r->zstd, r->data, (size_t)n * STATE_UNIT, in, len);
    if (got != (size_t)n * STATE_UNIT) {
        state_stream_fail(r->s, "a compressed group that is damaged");
    }
    g_free(in);
}

static void get_group(PageReader *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        r->units[i] = state_get_u64(r->s);
        if (!in_bounds(r, r->units[i], 1)) {
            return;
        }
    }
    decompress(r, n);
    for (uint32_t i = 0; i < n && !r->s->error; i++) {
        r->fn(r->opaque, r->units[i], 1, r->data + (size_t)i * STATE_UNIT);
    }
}

static void get_zeroes(PageReader *r)
{
    uint64_t unit = state_get_u64(r->s), count = state_get_u64(r->s);
    if (in_bounds(r, unit, count)) {
        r->fn(r->opaque, unit, count, NULL);
    }
}

static void get_records(PageReader *r)
{
    uint32_t n;
    while (!r->s->error && (n = state_get_u32(r->s)) != 0) {
        if (n == ZEROES) {
            get_zeroes(r);
        } else if (n <= GROUP) {
            get_group(r, n);
        } else {
            state_stream_fail(r->s, "a group of %u units", n);
        }
    }
}

void page_reader_run(StateStream *s, uint64_t limit, PageReaderFunc *fn, void *opaque)
{
    PageReader *r = g_new(PageReader, 1);
    *r = (PageReader){ .s = s, .limit = limit, .fn = fn, .opaque = opaque, .zstd = ZSTD_createDCtx() };
    get_records(r);
    ZSTD_freeDCtx(r->zstd);
    g_free(r);
}
