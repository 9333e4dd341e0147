/*
 * tests/unit/qcow2-tool.c  Our qcow2 driver by hand, for test-qcow2-images.py. Commands: the table at the end.
 */
#include <unistd.h>

#include "qcow2-workload.h"

static int64_t number(const char *text)
{
    return g_ascii_strtoll(text, NULL, 0);
}

static void die_on(Error *err)
{
    if (err) {
        error_report_err(err);
        exit(1);
    }
}

/* create FILE SIZE CLUSTER_SIZE VERSION [BACKING FORMAT] */
static void cmd_create(char **argv, int argc)
{
    Error *err = NULL;
    qcow2_create(argv[0], number(argv[1]), argc > 4 ? argv[4] : NULL, argc > 5 ? argv[5] : NULL, number(argv[2]),
                 number(argv[3]), &err);
    die_on(err);
}

/* dump FILE RAW: what the guest sees, read in pieces of odd sizes */
static void cmd_dump(char **argv, int argc)
{
    BlockNode *bs = workload_open(argv[0], 0);
    int64_t size = bdrv_getlength(bs), n = 1;
    FILE *out = fopen(argv[1], "wb");
    g_autofree uint8_t *buf = g_malloc(3 * MiB);
    for (int64_t at = 0; at < size; at += n) {
        n = MIN((at * 7919 + 12345) % (3 * MiB) + 1, size - at);
        g_assert_cmpint(bdrv_pread(bs, at, buf, n), ==, 0);
        g_assert_cmpint(fwrite(buf, 1, n, out), ==, n);
    }
    g_assert_cmpint(fclose(out), ==, 0);
    bdrv_unref(bs);
}

static void save(const char *filename, const uint8_t *data, int64_t bytes)
{
    g_assert_true(g_file_set_contents(filename, (const char *)data, bytes, NULL));
}

/* workload FILE SEED STEPS SNAPSHOTS RAW: the model goes to RAW, those of snapshots to RAW.NAME */
static void cmd_workload(char **argv, int argc)
{
    Workload w;
    workload_start(&w, argv[0], number(argv[1]), number(argv[3]));
    for (int64_t i = 0; i < number(argv[2]); i++) {
        workload_step(&w);
    }
    save(argv[4], w.model, w.size);
    for (unsigned i = 0; i < w.count; i++) {
        g_autofree char *name = g_strdup_printf("%s.%s", argv[4], w.snapshots[i].name);
        save(name, w.snapshots[i].model, w.size);
    }
    workload_end(&w);
}

/* snapshot FILE list|create|goto|delete [NAME] */
static void cmd_snapshot(char **argv, int argc)
{
    BlockNode *bs = workload_open(argv[0], BDRV_O_RDWR);
    QEMUSnapshotInfo sn = { .icount = UINT64_MAX }, *list;
    Error *err = NULL;
    int ret = 0;
    if (!strcmp(argv[1], "list")) {
        int count = bs->drv->snapshot_list(bs, &list);
        for (int i = 0; i < count; i++) {
            printf("%s %s %" PRIu64 "\n", list[i].id_str, list[i].name, list[i].vm_state_size);
        }
        g_free(list);
    } else if (!strcmp(argv[1], "create")) {
        g_strlcpy(sn.name, argv[2], sizeof(sn.name));
        ret = bs->drv->snapshot_create(bs, &sn);
    } else if (!strcmp(argv[1], "goto")) {
        ret = bs->drv->snapshot_goto(bs, argv[2]);
    } else {
        bs->drv->snapshot_delete(bs, argv[2], &err);
    }
    bdrv_unref(bs);
    die_on(err);
    if (ret < 0) {
        error_report("%s: %s", argv[1], g_strerror(-ret));
        exit(1);
    }
}

/* resize FILE SIZE */
static void cmd_resize(char **argv, int argc)
{
    BlockNode *bs = workload_open(argv[0], BDRV_O_RDWR);
    int ret = bdrv_truncate(bs, number(argv[1]));
    bdrv_unref(bs);
    if (ret < 0) {
        error_report("%s", g_strerror(-ret));
        exit(1);
    }
}

/* ---- to be killed ---- */

/* What step n does: a function of the seed. Sectors are filled with (n, sector); n = 0 stands for zeroes. */
typedef struct Step {
    enum { STEP_WRITE, STEP_ZERO, STEP_DISCARD, STEP_FLUSH, STEP_SNAPSHOT } kind;
    int64_t at, bytes;
} Step;

static bool moves_data(const Step *step)
{
    return step->kind == STEP_WRITE || step->kind == STEP_ZERO || step->kind == STEP_DISCARD;
}

static Step step_of(uint64_t *random, int64_t size)
{
    static const int64_t lengths[] = { 512, 4096, 65536, 262144 };
    static const int kinds[] = { [0 ... 29] = STEP_WRITE,
                                 [30 ... 32] = STEP_ZERO,
                                 [33 ... 34] = STEP_DISCARD,
                                 [35] = STEP_SNAPSHOT,
                                 [36 ... 39] = STEP_FLUSH };
    int kind = kinds[workload_random(random) % ARRAY_SIZE(kinds)];
    int64_t bytes = lengths[workload_random(random) % ARRAY_SIZE(lengths)] * (1 + workload_random(random) % 2);
    int64_t at = workload_random(random) % (size - bytes) & ~511ll;
    return (Step){ kind, at, bytes };
}

static void stamp(uint8_t *buf, int64_t at, int64_t bytes, uint64_t n)
{
    for (int64_t i = 0; i < bytes; i += 16) {
        uint64_t words[2] = { n, (at + i) / 512 };
        memcpy(buf + i, words, 16);
    }
}

/* Take a snapshot, or delete the one that is there. */
static int toggle_snapshot(BlockNode *bs)
{
    QEMUSnapshotInfo sn = { .name = "s", .icount = UINT64_MAX }, *list;
    int count = bs->drv->snapshot_list(bs, &list);
    g_free(list);
    return count ? bs->drv->snapshot_delete(bs, "s", NULL) : bs->drv->snapshot_create(bs, &sn);
}

static void run_step(BlockNode *bs, const Step *step, uint64_t n)
{
    g_autofree uint8_t *buf = g_malloc(step->bytes);
    int ret = 0;
    switch (step->kind) {
    case STEP_WRITE:
        stamp(buf, step->at, step->bytes, n);
        ret = bdrv_pwrite(bs, step->at, buf, step->bytes, 0);
        break;
    case STEP_ZERO:
        ret = bdrv_pwrite_zeroes(bs, step->at, step->bytes, n & 1 ? BDRV_REQ_MAY_UNMAP : 0);
        break;
    case STEP_DISCARD:
        ret = bs->drv->pdiscard(bs, step->at, step->bytes);
        break;
    case STEP_FLUSH:
        ret = bdrv_flush(bs);
        break;
    case STEP_SNAPSHOT:
        ret = toggle_snapshot(bs);
        break;
    }
    g_assert_cmpint(ret, ==, 0);
}

/* crash FILE SEED: steps without end; the number of each flush that is done goes to standard output */
static void cmd_crash(char **argv, int argc)
{
    BlockNode *bs = workload_open(argv[0], BDRV_O_RDWR);
    uint64_t random = number(argv[1]);
    for (uint64_t n = 1;; n++) {
        Step step = step_of(&random, bdrv_getlength(bs));
        run_step(bs, &step, n);
        if (step.kind == STEP_FLUSH && write(STDOUT_FILENO, &n, sizeof(n)) != sizeof(n)) {
            exit(1);
        }
    }
}

/* A disk with a volatile cache: what was written since the last flush may be on it or not, sector by sector. */
static struct {
    BlockDriver table;
    const BlockDriver *real;
    const char *filename;
    uint64_t random;
    uint64_t left;    /* writes and flushes until the power goes */
    uint64_t flushed; /* the guest's last flush */
    GByteArray *stable, *now;
    GArray *written; /* sectors, since the last flush */
} power;

static void grow_to(GByteArray *array, guint bytes)
{
    guint old = array->len;
    if (bytes > old) {
        g_byte_array_set_size(array, (bytes + 511) & ~511u);
        memset(array->data + old, 0, array->len - old);
    }
}

/* A part of the sectors made it, from a ninth to nearly all. */
static void power_off(void)
{
    uint64_t parts = 2 + workload_random(&power.random) % 8, kept = 1 + workload_random(&power.random) % (parts - 1);
    grow_to(power.stable, power.now->len);
    for (guint i = 0; i < power.written->len; i++) {
        int64_t at = g_array_index(power.written, int64_t, i) * 512;
        if (workload_random(&power.random) % parts < kept) {
            memcpy(power.stable->data + at, power.now->data + at, 512);
        }
    }
    save(power.filename, power.stable->data, power.stable->len);
    printf("%" PRIu64 "\n", power.flushed);
    exit(0);
}

static int power_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags)
{
    grow_to(power.now, offset + bytes);
    memcpy(power.now->data + offset, buf, bytes);
    for (int64_t sector = offset / 512; sector <= (int64_t)(offset + bytes - 1) / 512; sector++) {
        g_array_append_val(power.written, sector);
    }
    if (!power.left--) {
        power_off();
    }
    return power.real->pwrite(bs, offset, buf, bytes, flags);
}

static int power_flush(BlockNode *bs)
{
    if (!power.left--) {
        power_off();
    }
    g_byte_array_set_size(power.stable, 0);
    g_byte_array_append(power.stable, power.now->data, power.now->len);
    g_array_set_size(power.written, 0);
    return 0;
}

static void power_on(BlockNode *file)
{
    power.real = file->drv;
    power.table = *file->drv;
    power.table.pwrite = power_pwrite;
    power.table.flush = power_flush;
    power.table.pwrite_zeroes = NULL;
    power.table.pdiscard = NULL;
    power.stable = g_byte_array_new();
    power.now = g_byte_array_new();
    power.written = g_array_new(FALSE, FALSE, sizeof(int64_t));
    grow_to(power.now, bdrv_getlength(file));
    g_assert_cmpint(bdrv_pread(file, 0, power.now->data, power.now->len), ==, 0);
    power_flush(file);
    file->drv = &power.table;
}

/* powercut FILE SEED: steps until the power goes, in the middle of one; prints the last flush */
static void cmd_powercut(char **argv, int argc)
{
    BlockNode *bs = workload_open(argv[0], BDRV_O_RDWR);
    uint64_t random = number(argv[1]);
    power.filename = argv[0];
    power.random = ~random;
    power.left = 1 + workload_random(&power.random) % 500;
    power_on(bs->file);
    for (uint64_t n = 1;; n++) {
        Step step = step_of(&random, bdrv_getlength(bs));
        run_step(bs, &step, n);
        power.flushed = step.kind == STEP_FLUSH ? n : power.flushed;
    }
}

/* Did step n, or a later one up to n + 20000, bring this sector what it holds? */
static void check_sector(int64_t sector, const uint64_t *words, uint64_t flushed, uint64_t expected,
                         const GArray *later)
{
    bool zero = buffer_is_zero(words, 512);
    for (unsigned i = 0; i < 64 && !zero; i += 2) {
        g_assert_cmpuint(words[i], ==, words[0]);
        g_assert_cmpint(words[i + 1], ==, sector);
    }
    uint64_t got = zero ? 0 : words[0];
    if (got == expected) {
        return;
    }
    for (guint i = 0; i < later->len; i++) {
        const Step *step = &g_array_index(later, Step, i);
        bool touches = moves_data(step) && sector * 512 >= step->at && sector * 512 < step->at + step->bytes;
        if (touches && got == (step->kind == STEP_WRITE ? flushed + 1 + i : 0)) {
            return;
        }
    }
    fprintf(stderr, "sector %" PRIi64 ": holds step %" PRIu64 ", not %" PRIu64 ", which flush %" PRIu64 " confirmed\n",
            sector, got, expected, flushed);
    exit(1);
}

/* verify FILE SEED N: after `crash`, whose last flush that was seen is N */
static void cmd_verify(char **argv, int argc)
{
    BlockNode *bs = workload_open(argv[0], 0);
    uint64_t random = number(argv[1]), flushed = number(argv[2]);
    int64_t size = bdrv_getlength(bs);
    g_autofree uint64_t *model = g_new0(uint64_t, size / 512);
    g_autofree uint8_t *discarded = g_malloc0(size / 512);
    for (uint64_t n = 1; n <= flushed; n++) {
        Step step = step_of(&random, size);
        for (int64_t at = step.at; moves_data(&step) && at < step.at + step.bytes; at += 512) {
            discarded[at / 512] = step.kind == STEP_DISCARD;
            if (step.kind != STEP_DISCARD) {
                model[at / 512] = step.kind == STEP_WRITE ? n : 0;
            }
        }
    }
    g_autoptr(GArray) later = g_array_new(FALSE, FALSE, sizeof(Step));
    for (unsigned flushes = 0; flushes < 2;) {
        Step step = step_of(&random, size);
        flushes += step.kind == STEP_FLUSH; /* the one that was not seen may have been done */
        g_array_append_val(later, step);
    }
    g_autofree uint64_t *buf = g_malloc(size);
    g_assert_cmpint(bdrv_pread(bs, 0, buf, size), ==, 0);
    for (int64_t i = 0; i < size / 512; i++) {
        if (!discarded[i] || !buffer_is_zero(buf + i * 64, 512)) {
            check_sector(i, buf + i * 64, flushed, model[i], later);
        }
    }
    bdrv_unref(bs);
}

/* bench FILE PATTERN BLOCK MIB THREADS DIRECT: pattern is write, read, randwrite, randread */
typedef struct Bench {
    BlockNode *bs;
    bool write, randomly;
    int64_t block, count, next, size;
} Bench;

static void *bench_thread(void *opaque)
{
    Bench *b = opaque;
    uint8_t *buf = aligned_alloc(4096, b->block);
    memset(buf, 0x5a, b->block);
    for (;;) {
        uint64_t i = __atomic_fetch_add(&b->next, 1, __ATOMIC_RELAXED), state = i;
        if ((int64_t)i >= b->count) {
            break;
        }
        int64_t at =
            (b->randomly ? workload_random(&state) % (b->size / b->block) : i % (b->size / b->block)) * b->block;
        g_assert_cmpint(b->write ? bdrv_pwrite(b->bs, at, buf, b->block, 0) : bdrv_pread(b->bs, at, buf, b->block), ==,
                        0);
    }
    free(buf);
    return NULL;
}

static void cmd_bench(char **argv, int argc)
{
    Bench b = { .bs = workload_open(argv[0], BDRV_O_RDWR | (number(argv[5]) ? BDRV_O_NOCACHE : 0)),
                .block = number(argv[2]) };
    GThread *threads[16];
    b.write = strstr(argv[1], "write");
    b.randomly = g_str_has_prefix(argv[1], "rand");
    b.count = number(argv[3]) * MiB / b.block;
    b.size = bdrv_getlength(b.bs);
    int64_t start = g_get_monotonic_time();
    for (int i = 0; i < number(argv[4]); i++) {
        threads[i] = g_thread_new("bench", bench_thread, &b);
    }
    for (int i = 0; i < number(argv[4]); i++) {
        g_thread_join(threads[i]);
    }
    g_assert_cmpint(b.write ? bdrv_flush(b.bs) : 0, ==, 0);
    double seconds = (g_get_monotonic_time() - start) / 1e6;
    printf("%.3f s, %.1f MiB/s\n", seconds, number(argv[3]) / seconds);
    bdrv_unref(b.bs);
}

static const struct {
    const char *name;
    int argc;
    void (*run)(char **argv, int argc);
} commands[] = {
    { "create", 4, cmd_create },     { "dump", 2, cmd_dump },     { "workload", 5, cmd_workload },
    { "snapshot", 2, cmd_snapshot }, { "resize", 2, cmd_resize }, { "crash", 2, cmd_crash },
    { "verify", 3, cmd_verify },     { "bench", 6, cmd_bench },   { "powercut", 2, cmd_powercut },
};

int main(int argc, char **argv)
{
    error_init(argv[0]);
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(argv[1], commands[i].name) && argc - 2 >= commands[i].argc) {
            commands[i].run(argv + 2, argc - 2);
            return 0;
        }
    }
    error_report("unknown command or too few arguments");
    return 1;
}
