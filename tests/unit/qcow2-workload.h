/*
 * tests/unit/qcow2-workload.h  Random requests to an image beside a model of the disk in memory, for test-qcow2.c and
 * qcow2-tool.c.
 */
#ifndef TESTS_QCOW2_WORKLOAD_H
#define TESTS_QCOW2_WORKLOAD_H

#include <errno.h>

#include "block/block-int.h"

#define WORKLOAD_SNAPSHOTS 4

typedef struct Workload {
    const char *filename;
    BlockNode *bs;
    uint64_t random;
    int64_t size;
    uint8_t *model;
    struct {
        char name[16];
        uint8_t *model;
        uint8_t state[1000]; /* VM state */
    } snapshots[WORKLOAD_SNAPSHOTS];
    unsigned count;
    bool with_snapshots;
} Workload;

static inline uint64_t workload_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static inline uint64_t workload_below(Workload *w, uint64_t n)
{
    return workload_random(&w->random) % n;
}

static inline void workload_check(const char *what, const Workload *w, int64_t at, const uint8_t *got,
                                  const uint8_t *expected, int64_t bytes)
{
    if (!memcmp(got, expected, bytes)) {
        return;
    }
    for (int64_t i = 0; i < bytes; i++) {
        if (got[i] != expected[i]) {
            fprintf(stderr, "%s: %s: byte %" PRIi64 " is 0x%02x, not 0x%02x\n", w->filename, what, at + i, got[i],
                    expected[i]);
            abort();
        }
    }
}

static inline BlockNode *workload_open(const char *filename, int flags)
{
    Error *err = NULL;
    BlockNode *bs = bdrv_open(filename, NULL, NULL, flags, &err);
    if (!bs) {
        error_report_err(err);
        exit(1);
    }
    return bs;
}

/* The model starts as what the image shows. */
static inline void workload_start(Workload *w, const char *filename, uint64_t seed, bool with_snapshots)
{
    *w = (Workload){ .filename = filename, .random = seed, .with_snapshots = with_snapshots };
    w->bs = workload_open(filename, BDRV_O_RDWR);
    w->size = bdrv_getlength(w->bs);
    w->model = g_malloc(w->size);
    g_assert_cmpint(bdrv_pread(w->bs, 0, w->model, w->size), ==, 0);
}

static inline void workload_compare(Workload *w)
{
    g_autofree uint8_t *got = g_malloc(MiB);
    for (int64_t at = 0; at < w->size; at += MiB) {
        int64_t n = MIN(MiB, w->size - at);
        g_assert_cmpint(bdrv_pread(w->bs, at, got, n), ==, 0);
        workload_check("disk", w, at, got, w->model + at, n);
        if (bdrv_pread_now(w->bs, at, got, n) == 0) {
            workload_check("disk, without waiting", w, at, got, w->model + at, n);
        }
    }
}

static inline void workload_end(Workload *w)
{
    workload_compare(w);
    bdrv_unref(w->bs);
    g_free(w->model);
    for (unsigned i = 0; i < w->count; i++) {
        g_free(w->snapshots[i].model);
    }
}

/* Small ones mostly, some of several clusters; one in four not on a sector's boundary. */
static inline void workload_range(Workload *w, int64_t *at, int64_t *bytes)
{
    static const int64_t lengths[] = { 512, 4096, 5000, 70000, 300000, MiB };
    int64_t unit = workload_below(w, 4) ? 512 : 1;
    *bytes = 1 + workload_below(w, lengths[workload_below(w, ARRAY_SIZE(lengths))]);
    *bytes = MIN((*bytes + unit - 1) / unit * unit, w->size);
    *at = workload_below(w, w->size - *bytes + 1) / unit * unit;
}

static inline void workload_write(Workload *w)
{
    int64_t at, bytes;
    workload_range(w, &at, &bytes);
    g_autofree uint8_t *data = g_malloc(bytes);
    uint64_t seed = workload_random(&w->random);
    for (int64_t i = 0; i < bytes; i++) {
        data[i] = i % 8 ? data[i - 1] * 5u + 7 : workload_random(&seed);
    }
    g_assert_cmpint(bdrv_pwrite(w->bs, at, data, bytes, 0), ==, 0);
    memcpy(w->model + at, data, bytes);
}

static inline void workload_zero(Workload *w)
{
    int64_t at, bytes;
    workload_range(w, &at, &bytes);
    g_assert_cmpint(bdrv_pwrite_zeroes(w->bs, at, bytes, workload_below(w, 2) ? BDRV_REQ_MAY_UNMAP : 0), ==, 0);
    memset(w->model + at, 0, bytes);
}

/* What it was, or zeroes. */
static inline void workload_discard(Workload *w)
{
    int64_t at, bytes;
    workload_range(w, &at, &bytes);
    g_autofree uint8_t *got = g_malloc(bytes);
    g_assert_cmpint(w->bs->drv->pdiscard(w->bs, at, bytes), ==, 0);
    g_assert_cmpint(bdrv_pread(w->bs, at, got, bytes), ==, 0);
    for (int64_t i = 0; i < bytes; i++) {
        w->model[at + i] = got[i] ? w->model[at + i] : 0;
    }
    workload_check("after discard", w, at, got, w->model + at, bytes);
}

static inline void workload_read(Workload *w)
{
    int64_t at, bytes;
    workload_range(w, &at, &bytes);
    g_autofree uint8_t *got = g_malloc(bytes);
    g_assert_cmpint(bdrv_pread(w->bs, at, got, bytes), ==, 0);
    workload_check("read", w, at, got, w->model + at, bytes);
}

static inline void workload_reopen(Workload *w)
{
    bdrv_unref(w->bs);
    w->bs = workload_open(w->filename, BDRV_O_RDWR);
    workload_compare(w);
}

static inline void workload_grow(Workload *w)
{
    int64_t size = (w->size + workload_below(w, 3 * w->size / 2) / 8) & ~511ll;
    if (bdrv_truncate(w->bs, MAX(size, w->size)) == 0) {
        size = MAX(size, w->size);
        w->model = g_realloc(w->model, size);
        memset(w->model + w->size, 0, size - w->size);
        w->size = size;
    }
    g_assert_cmpint(bdrv_getlength(w->bs), ==, w->size);
}

static inline void workload_snapshot(Workload *w)
{
    if (w->count == WORKLOAD_SNAPSHOTS) {
        return;
    }
    unsigned i = w->count++;
    QEMUSnapshotInfo sn = { .date_sec = 1600000000 + i,
                            .vm_clock_nsec = i * NANOSECONDS_PER_SECOND,
                            .icount = i * 1000 };
    g_snprintf(w->snapshots[i].name, sizeof(w->snapshots[i].name), "s%" PRIx64, workload_random(&w->random) >> 32);
    g_strlcpy(sn.name, w->snapshots[i].name, sizeof(sn.name));
    memset(w->snapshots[i].state, workload_random(&w->random), sizeof(w->snapshots[i].state));
    sn.vm_state_size = sizeof(w->snapshots[i].state);
    g_assert_cmpint(w->bs->drv->save_vmstate(w->bs, 0, w->snapshots[i].state, sn.vm_state_size), ==, 0);
    g_assert_cmpint(w->bs->drv->snapshot_create(w->bs, &sn), ==, 0);
    w->snapshots[i].model = g_memdup2(w->model, w->size);
}

static inline void workload_goto(Workload *w)
{
    uint8_t state[1000];
    unsigned i = w->count ? workload_below(w, w->count) : 0;
    if (!w->count) {
        return;
    }
    g_assert_cmpint(w->bs->drv->snapshot_goto(w->bs, w->snapshots[i].name), ==, 0);
    g_assert_cmpint(w->bs->drv->load_vmstate(w->bs, 0, state, sizeof(state)), ==, 0);
    workload_check("VM state", w, 0, state, w->snapshots[i].state, sizeof(state));
    memcpy(w->model, w->snapshots[i].model, w->size);
    workload_compare(w);
}

static inline void workload_forget(Workload *w)
{
    unsigned i = w->count ? workload_below(w, w->count) : 0;
    Error *err = NULL;
    if (!w->count) {
        return;
    }
    g_assert_cmpint(w->bs->drv->snapshot_delete(w->bs, w->snapshots[i].name, &err), ==, 0);
    g_free(w->snapshots[i].model);
    w->snapshots[i] = w->snapshots[--w->count];
}

static inline void workload_step(Workload *w)
{
    switch (workload_below(w, w->with_snapshots ? 44 : 40)) {
    case 0 ... 15:
        workload_write(w);
        break;
    case 16 ... 21:
        workload_zero(w);
        break;
    case 22 ... 25:
        workload_discard(w);
        break;
    case 26 ... 35:
        workload_read(w);
        break;
    case 36 ... 38:
        g_assert_cmpint(bdrv_flush(w->bs), ==, 0);
        break;
    case 39:
        workload_reopen(w);
        break;
    case 40 ... 41:
        workload_snapshot(w);
        break;
    case 42:
        workload_goto(w);
        break;
    case 43:
        workload_forget(w);
        break;
    }
}

#endif
