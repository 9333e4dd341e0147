/* LINK: block/qcow2.c */
/*
 * tests/unit/test-qcow2.c  The qcow2 driver alone: random requests beside a model, several threads at once, and damaged
 * images. `test-qcow2 --damage N` tries N damaged images (default 600). What needs qemu-img: test-qcow2-images.py.
 */
#include <unistd.h>

#include "block/qcow2.h"
#include "qcow2-workload.h"

static char *folder;
static unsigned damage_count = 600;

static char *path(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static char *new_image(int64_t size, uint32_t cluster_size, int version)
{
    Error *err = NULL;
    char *image = path("image.qcow2");
    qcow2_create(image, size, NULL, NULL, cluster_size, version, &err);
    g_assert_null(err);
    return image;
}

/* ---- refcounts of every width ---- */

static void test_refcount_entries(void)
{
    uint8_t block[512];
    for (unsigned order = 0; order <= 6; order++) {
        uint64_t max = order == 6 ? UINT64_MAX : (1ull << (1u << order)) - 1, count = 4096 >> order;
        memset(block, 0, sizeof(block));
        for (uint64_t i = 0; i < count; i++) {
            qcow2_set_refcount_in(block, order, i, i * 2654435761u & max);
        }
        for (uint64_t i = 0; i < count; i++) {
            g_assert_cmpuint(qcow2_refcount_in(block, order, i), ==, i * 2654435761u & max);
        }
    }
    memset(block, 0, sizeof(block));
    qcow2_set_refcount_in(block, 0, 1, 1); /* "bit 0 means the least significant bit" */
    g_assert_cmphex(block[0], ==, 2);
    qcow2_set_refcount_in(block, 4, 1, 0x1234); /* big-endian */
    g_assert_cmphex(block[2], ==, 0x12);
}

/* ---- beside a model ---- */

static void run_workload(uint32_t cluster_size, int version, uint64_t seed, unsigned steps)
{
    g_autofree char *image = new_image(3 * MiB + 512, cluster_size, version);
    Workload w;
    workload_start(&w, image, seed, true);
    for (unsigned i = 0; i < steps; i++) {
        workload_step(&w);
        if (i % 50 == 49 && !w.count) {
            workload_grow(&w);
        }
    }
    workload_reopen(&w);
    workload_end(&w);
}

static void test_model(void)
{
    static const uint32_t sizes[] = { 512, 4096, 65536, 2 * MiB };
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        run_workload(sizes[i], 2, i, 120);
        run_workload(sizes[i], 3, 10 + i, 120);
    }
}

/* Tables that do not fit into the caches: they are written and dropped in between. */
static void test_small_caches(void)
{
    g_autofree char *image = new_image(16 * MiB, 512, 3);
    QemuOpts *options = qemu_opts_parse("l2-cache-size=4096,refcount-cache-size=4096", NULL, NULL, NULL);
    BlockNode *bs = bdrv_open(image, "qcow2", options, BDRV_O_RDWR, NULL);
    uint64_t random = 1;
    uint8_t buf[512];
    g_assert_nonnull(bs);
    for (unsigned i = 0; i < 3000; i++) {
        int64_t sector = workload_random(&random) % (16 * MiB / 512);
        memset(buf, sector & 0xff, sizeof(buf));
        g_assert_cmpint(bdrv_pwrite(bs, sector * 512, buf, 512, 0), ==, 0);
    }
    random = 1;
    for (unsigned i = 0; i < 3000; i++) {
        int64_t sector = workload_random(&random) % (16 * MiB / 512);
        g_assert_cmpint(bdrv_pread(bs, sector * 512, buf, 512), ==, 0);
        g_assert_cmpint(buf[0], ==, sector & 0xff);
        g_assert_cmpint(buf[511], ==, sector & 0xff);
    }
    Qcow2State *s = bs->opaque;
    g_assert_cmpuint(s->l2_cache.lru.length, <=, 16);
    bdrv_unref(bs);
    qemu_opts_free(options);
}

/* ---- threads ---- */

#define THREADS     4
#define SHARED_SIZE (2 * MiB)

typedef struct Worker {
    BlockNode *bs;
    unsigned number;
} Worker;

/* Each has every fourth sector, so that all meet in every cluster. */
static void *worker(void *opaque)
{
    Worker *w = opaque;
    uint64_t random = w->number;
    uint8_t expected[SHARED_SIZE / 512] = { 0 }, buf[512];
    for (unsigned i = 1; i < 1500; i++) {
        int64_t sector = workload_random(&random) % (SHARED_SIZE / 512) / THREADS * THREADS + w->number;
        if (workload_random(&random) % 4 == 0) {
            g_assert_cmpint(bdrv_pwrite_zeroes(w->bs, sector * 512, 512, 0), ==, 0);
            expected[sector] = 0;
        } else {
            expected[sector] = i;
            memset(buf, i, sizeof(buf));
            g_assert_cmpint(bdrv_pwrite(w->bs, sector * 512, buf, 512, 0), ==, 0);
        }
        sector = workload_random(&random) % (SHARED_SIZE / 512) / THREADS * THREADS + w->number;
        if (i % 2 || bdrv_pread_now(w->bs, sector * 512, buf, 512) < 0) {
            g_assert_cmpint(bdrv_pread(w->bs, sector * 512, buf, 512), ==, 0);
        }
        g_assert_cmpint(buf[0], ==, expected[sector]);
        g_assert_cmpint(buf[511], ==, expected[sector]);
    }
    return NULL;
}

static void test_threads(void)
{
    static const uint32_t sizes[] = { 1024, 65536 };
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        g_autofree char *image = new_image(SHARED_SIZE, sizes[i], 3);
        BlockNode *bs = workload_open(image, BDRV_O_RDWR);
        Worker workers[THREADS];
        GThread *threads[THREADS];
        for (unsigned k = 0; k < THREADS; k++) {
            workers[k] = (Worker){ bs, k };
            threads[k] = g_thread_new("worker", worker, &workers[k]);
        }
        for (unsigned k = 0; k < 20; k++) {
            QEMUSnapshotInfo sn = { .name = "s" };
            g_assert_cmpint(bdrv_flush(bs), ==, 0);
            g_assert_cmpint(bs->drv->snapshot_create(bs, &sn), ==, 0);
            g_usleep(3000);
            g_assert_cmpint(bs->drv->snapshot_delete(bs, "s", NULL), ==, 0);
        }
        for (unsigned k = 0; k < THREADS; k++) {
            g_thread_join(threads[k]);
        }
        bdrv_unref(bs);
    }
}

/* ---- damage ---- */

static bool swallow(const char *message)
{
    return true;
}

typedef struct Victim {
    uint8_t *bytes;
    gsize length;
    GArray *tables; /* offsets of clusters that hold tables, for hits that count */
    uint32_t cluster_size;
} Victim;

/* A good image with snapshots, VM state, data and holes. */
static Victim make_victim(uint32_t cluster_size, int version, uint64_t seed)
{
    g_autofree char *image = new_image(MiB + 512, cluster_size, version);
    Victim v = { .tables = g_array_new(FALSE, FALSE, sizeof(int64_t)), .cluster_size = cluster_size };
    Workload w;
    workload_start(&w, image, seed, true);
    for (unsigned i = 0; i < 3; i++) {
        workload_write(&w);
        workload_snapshot(&w);
    }
    for (unsigned i = 0; i < 15; i++) {
        workload_step(&w);
    }
    bdrv_flush(w.bs);
    Qcow2State *s = w.bs->opaque;
    GHashTableIter iter;
    gpointer key;
    for (g_hash_table_iter_init(&iter, s->metadata); g_hash_table_iter_next(&iter, &key, NULL);) {
        int64_t offset = (int64_t)GPOINTER_TO_SIZE(key) * cluster_size;
        g_array_append_val(v.tables, offset);
    }
    workload_end(&w);
    g_assert_true(g_file_get_contents(image, (char **)&v.bytes, &v.length, NULL));
    return v;
}

/* Bits, interesting numbers, or one table's entry in the place of another's. */
static void damage(const Victim *v, uint8_t *bytes, uint64_t *random)
{
    static const uint64_t numbers[] = { 0,
                                        1,
                                        0xff,
                                        0x200,
                                        0x10000,
                                        0x7fffffff,
                                        0xffffffff,
                                        1ull << 62,
                                        1ull << 63,
                                        UINT64_MAX,
                                        QCOW2_COPIED | 0x10000,
                                        QCOW2_COMPRESSED | 0xfff00 };
    int64_t table = g_array_index(v->tables, int64_t, workload_random(random) % v->tables->len);
    table = workload_random(random) % 4 ? table : 0;
    uint64_t within = workload_random(random) % 2 ? MIN(v->cluster_size, 128) : v->cluster_size;
    uint64_t at = table + (workload_random(random) % within & ~7ull);
    if (at + 8 > v->length) {
        return;
    }
    switch (workload_random(random) % 4) {
    case 0:
        bytes[at + workload_random(random) % 8] ^= 1 << workload_random(random) % 8;
        break;
    case 1:
        stq_be_p(bytes + at, numbers[workload_random(random) % ARRAY_SIZE(numbers)]);
        break;
    case 2:
        stl_be_p(bytes + at + workload_random(random) % 2 * 4, numbers[workload_random(random) % ARRAY_SIZE(numbers)]);
        break;
    case 3:
        stq_be_p(bytes + at, (workload_random(random) % (v->length / v->cluster_size) * v->cluster_size) |
                                 (workload_random(random) & QCOW2_COPIED));
        break;
    }
}

/* All that the driver can do, whatever comes of it. */
static void use_all(BlockNode *bs, uint64_t *random)
{
    g_autofree uint8_t *buf = g_malloc0(100000);
    int64_t size = CLAMP(bdrv_getlength(bs), 1, 2 * MiB), n = 0;
    BlockDriverInfo info;
    bs->drv->get_info(bs, &info);
    for (int64_t at = 0; at < size; at += 100000) {
        bdrv_pread_now(bs, at, buf, 100000);
        bdrv_pread(bs, at, buf, 100000);
        n = size;
        bdrv_block_status(bs, at, &n);
        g_assert_cmpint(n, >, 0);
    }
    for (unsigned i = 0; i < 12; i++) {
        int64_t at = workload_random(random) % size, bytes = 1 + workload_random(random) % 100000;
        bdrv_pwrite(bs, at, buf, bytes, 0);
        bdrv_pwrite_zeroes(bs, at + 50000, bytes, i & 1 ? BDRV_REQ_MAY_UNMAP : 0);
        bs->drv->pdiscard(bs, at + 10000, bytes);
    }
    bs->drv->load_vmstate(bs, 0, buf, 5000);
    if (bs->read_only) {
        return;
    }
    bdrv_flush(bs);
    bs->drv->save_vmstate(bs, 1000, buf, 5000);
    QEMUSnapshotInfo sn = { .name = "new" }, *list;
    bs->drv->snapshot_create(bs, &sn);
    int count = bs->drv->snapshot_list(bs, &list);
    for (int i = 0; i < MIN(count, 4); i++) {
        bs->drv->snapshot_goto(bs, list[i].id_str);
        bdrv_pread(bs, 0, buf, 100000);
        bs->drv->snapshot_delete(bs, list[i].id_str, NULL);
    }
    g_free(list);
    bdrv_truncate(bs, bdrv_getlength(bs) + 100000);
}

static void try_image(const Victim *v, const uint8_t *bytes, uint64_t *random)
{
    g_autofree char *image = path("damaged.qcow2");
    for (int flags = 0; flags <= BDRV_O_RDWR; flags += BDRV_O_RDWR) {
        g_assert_true(
            g_file_set_contents_full(image, (const char *)bytes, v->length, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
        Error *err = NULL;
        BlockNode *bs = bdrv_open(image, "qcow2", NULL, flags, &err);
        g_assert_true(bs ? !err : err != NULL);
        if (bs) {
            use_all(bs, random);
            bdrv_unref(bs);
        }
        error_free(err);
    }
}

static void test_damage(void)
{
    static const struct {
        uint32_t cluster_size;
        int version;
    } kinds[] = { { 512, 3 }, { 4096, 2 }, { 65536, 3 } };
    error_set_report_hook(swallow);
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        Victim v = make_victim(kinds[k].cluster_size, kinds[k].version, k);
        g_autofree uint8_t *bytes = g_malloc(v.length);
        for (uint64_t i = 0; i < damage_count / ARRAY_SIZE(kinds); i++) {
            uint64_t random = i << 8 | k;
            memcpy(bytes, v.bytes, v.length);
            for (unsigned n = 1 + workload_random(&random) % 3; n; n--) {
                damage(&v, bytes, &random);
            }
            alarm(20); /* no hang: dies */
            try_image(&v, bytes, &random);
            alarm(0);
        }
        g_array_unref(v.tables);
        g_free(v.bytes);
    }
    error_set_report_hook(NULL);
}

/* ---- damage of which we know what must come ---- */

static BlockNode *open_patched(const char *image, int64_t at, uint64_t value, int flags, Error **errp)
{
    g_autofree char *bytes = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(image, &bytes, &length, NULL));
    stq_be_p(bytes + at, value);
    g_assert_true(g_file_set_contents(image, bytes, length, NULL));
    return bdrv_open(image, "qcow2", NULL, flags, errp);
}

static int64_t l1_entry_place(const char *image)
{
    BlockNode *bs = workload_open(image, BDRV_O_RDWR);
    g_assert_cmpint(bdrv_pwrite(bs, 0, "hello", 5, 0), ==, 0);
    g_assert_cmpint(bdrv_flush(bs), ==, 0);
    int64_t place = ((Qcow2State *)bs->opaque)->l1.offset;
    bdrv_unref(bs);
    return place;
}

/* The L1 table as its own L2 table. */
static void test_table_refers_to_itself(void)
{
    g_autofree char *image = new_image(MiB, 4096, 3);
    int64_t place = l1_entry_place(image);
    Error *err = NULL;
    uint8_t buf[512];
    g_assert_null(open_patched(image, place, place | QCOW2_COPIED, BDRV_O_RDWR, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "tables overlap"));
    error_free(err);
    BlockNode *bs = workload_open(image, 0);
    bdrv_pread(bs, 0, buf, sizeof(buf));
    bdrv_unref(bs);
}

/* Tables are where the file is: a snapshot's that is said to lie beyond costs neither memory nor time. */
static void test_table_beyond_the_file(void)
{
    g_autofree char *image = new_image(MiB, 4096, 3);
    BlockNode *bs = workload_open(image, BDRV_O_RDWR);
    g_assert_cmpint(bs->drv->snapshot_create(bs, &(QEMUSnapshotInfo){ .name = "s" }), ==, 0);
    int64_t entry = ((Qcow2State *)bs->opaque)->snapshots_offset;
    bdrv_unref(bs);
    Error *err = NULL;
    g_assert_null(open_patched(image, entry, 1ull << 40, BDRV_O_RDWR, &err));
    g_assert_cmpstr(strstr(error_get_pretty(err), "Image is"), ==,
                    "Image is corrupt: tables overlap or lie beyond the file; cannot be opened read/write");
    error_free(err);
    bdrv_unref(workload_open(image, 0));
}

/* A guest's cluster that is a table: reads go on, writes end, and the image remembers. */
static void test_data_over_table(void)
{
    g_autofree char *image = new_image(MiB, 4096, 3);
    int64_t place = l1_entry_place(image);
    uint8_t buf[512] = { 0 };
    BlockNode *bs = workload_open(image, BDRV_O_RDWR);
    int64_t l2 = ((Qcow2State *)bs->opaque)->l1.entries[0] & QCOW2_OFFSET_MASK;
    bdrv_unref(bs);
    bs = open_patched(image, l2, place | QCOW2_COPIED, BDRV_O_RDWR, NULL);
    g_assert_nonnull(bs);
    error_set_report_hook(swallow);
    g_assert_cmpint(bdrv_pwrite(bs, 0, buf, sizeof(buf), 0), ==, -EIO);
    g_assert_cmpint(bdrv_pwrite(bs, 8192, buf, sizeof(buf), 0), ==, -EIO);
    error_set_report_hook(NULL);
    g_assert_cmpint(bdrv_pread(bs, 0, buf, sizeof(buf)), ==, 0);
    bdrv_unref(bs);
    Error *err = NULL;
    g_assert_null(bdrv_open(image, "qcow2", NULL, BDRV_O_RDWR, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "Image is corrupt"));
    error_free(err);
}

/* Beyond the end: nothing to read, nothing can be written. */
static void test_beyond_the_end(void)
{
    g_autofree char *image = new_image(MiB, 65536, 3);
    BlockNode *bs = workload_open(image, BDRV_O_RDWR);
    uint8_t buf[1024];
    g_assert_cmpint(bs->drv->save_vmstate(bs, 0, "state", 6), ==, 0);
    g_assert_cmpint(bdrv_pwrite(bs, MiB - 512, buf, 1024, 0), ==, -ENOSPC);
    g_assert_cmpint(bdrv_pread(bs, 512 * MiB, buf, 1024), ==, 0); /* where the VM state is */
    g_assert_true(buffer_is_zero(buf, 1024));
    g_assert_cmpint(bdrv_truncate(bs, 600 * MiB), ==, 0);
    g_assert_cmpint(bdrv_pread(bs, 512 * MiB, buf, 1024), ==, 0);
    g_assert_true(buffer_is_zero(buf, 1024));
    g_assert_cmpint(bdrv_truncate(bs, MiB), ==, -ENOTSUP);
    bdrv_unref(bs);
}

static void remove_folder(void)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *file = path(name);
        unlink(file);
    }
    rmdir(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (argc == 3 && !strcmp(argv[1], "--damage")) {
        damage_count = strtoul(argv[2], NULL, 10);
    }
    g_autofree char *template =
        g_strdup_printf("%s/test-qcow2-XXXXXX", access("/dev/shm", W_OK) ? g_get_tmp_dir() : "/dev/shm");
    folder = g_mkdtemp(template);
    g_test_add_func("/qcow2/refcount-entries", test_refcount_entries);
    g_test_add_func("/qcow2/model", test_model);
    g_test_add_func("/qcow2/small-caches", test_small_caches);
    g_test_add_func("/qcow2/threads", test_threads);
    g_test_add_func("/qcow2/self-reference", test_table_refers_to_itself);
    g_test_add_func("/qcow2/table-beyond-the-file", test_table_beyond_the_file);
    g_test_add_func("/qcow2/data-over-table", test_data_over_table);
    g_test_add_func("/qcow2/beyond-the-end", test_beyond_the_end);
    g_test_add_func("/qcow2/damage", test_damage);
    int status = g_test_run();
    remove_folder();
    return status;
}
