/* LINK: block/blkreplay.c block/block-backend.c block/block.c block/drive.c block/file.c block/json-options.c
 * block/null-co.c block/open.c block/overlay.c block/raw.c block/thread-pool.c migration/vmstate.c replay/replay.c
 * replay/none.c replay/record.c replay/play.c replay/async.c replay/clock.c replay/input.c replay/char.c
 * replay/manifest.c replay/file-hash.c replay/check.c replay/log.c util/error.c util/option.c util/qemu-timer.c
 * -lxxhash -ljson-glib-1.0 */
/*
 * The block layer without a guest: nodes over real files, and requests through back ends whose completions arrive at
 * the checkpoints of a fake machine, with nothing, a recording and a replay behind them.
 */
#include <errno.h>

#include "block/backend.h"
#include "block/node.h"
#include "migration/vmstate.h"
#include "replay-stubs.h"

/* ---- files ---- */

static char *make_file(const char *name, size_t len, int fill)
{
    char *path = temp_path(name), *data = g_malloc(len);
    memset(data, fill, len);
    write_file(path, data, len);
    g_free(data);
    return path;
}

static void expect_open_error(const char *filename, const char *format, const char *options, int flags,
                              const char *message)
{
    Error *err = NULL;
    QemuOpts *opts = options ? qemu_opts_parse(options, NULL, NULL, &error_fatal) : NULL;
    g_assert_null(bdrv_open(filename, format, opts, flags, &err));
    take_message(&err, message);
    qemu_opts_free(opts);
}

static BlockNode *open_with(const char *filename, const char *format, const char *options, int flags)
{
    QemuOpts *opts = options ? qemu_opts_parse(options, NULL, NULL, &error_fatal) : NULL;
    BlockNode *bs = bdrv_open(filename, format, opts, flags, &error_fatal);
    qemu_opts_free(opts);
    return bs;
}

static void test_raw(void)
{
    char *path = make_file("raw", 1000, 'a');
    uint8_t buf[1024];
    BlockNode *bs = open_with(path, "raw", NULL, BDRV_O_RDWR);
    g_assert_cmpint(bdrv_getlength(bs), ==, 1000);
    g_assert_cmpint(bdrv_pread(bs, 512, buf, 512), ==, 0);
    for (int i = 0; i < 512; i++) {
        g_assert_cmpint(buf[i], ==, i < 488 ? 'a' : 0); /* beyond the end: zeroes */
    }
    g_assert_cmpint(bdrv_pread(bs, -1, buf, 1), ==, -EIO);
    g_assert_cmpint(bdrv_pread(bs, INT64_MAX - 10, buf, 512), ==, -EIO);
    memset(buf, 'b', sizeof(buf));
    g_assert_cmpint(bdrv_pwrite(bs, 512, buf, 512, BDRV_REQ_FUA), ==, 0);
    g_assert_cmpint(bdrv_getlength(bs), ==, 1024);
    g_assert_cmpint(bdrv_pwrite_zeroes(bs, 100, 300, 0), ==, 0);
    g_assert_cmpint(bdrv_pread(bs, 0, buf, 1024), ==, 0);
    g_assert_true(buf[99] == 'a' && buf[100] == 0 && buf[399] == 0 && buf[400] == 'a' && buf[1023] == 'b');
    bdrv_unref(bs);
    bs = open_with(path, NULL, NULL, 0);
    g_assert_true(bs->drv == &bdrv_raw && bs->probed);
    g_assert_cmpint(bdrv_pwrite(bs, 0, buf, 512, 0), ==, -EPERM);
    g_assert_cmpint(bdrv_pwrite_zeroes(bs, 0, 512, 0), ==, -EPERM);
    g_assert_cmpint(bdrv_pdiscard(bs, 0, 512), ==, -EPERM);
    bdrv_unref(bs);
    g_free(path);
}

static void test_raw_part(void)
{
    char *path = make_file("part", 8192, 'x');
    uint8_t buf[1024];
    BlockNode *bs = open_with(path, "raw", "offset=4096,size=1k", BDRV_O_RDWR);
    memset(buf, 'y', sizeof(buf));
    g_assert_cmpint(bdrv_getlength(bs), ==, 1024);
    g_assert_cmpint(bdrv_pwrite(bs, 512, buf, 512, 0), ==, 0);
    g_assert_cmpint(bdrv_pwrite(bs, 1024, buf, 512, 0), ==, -ENOSPC);
    g_assert_cmpint(bdrv_pread(bs, 512, buf, 1024), ==, 0);
    g_assert_true(buf[0] == 'y' && buf[511] == 'y' && buf[512] == 0);
    g_assert_cmpint(bdrv_pread(bs->file, 4096 + 1024, buf, 512), ==, 0);
    g_assert_cmpint(buf[0], ==, 'x');
    bdrv_unref(bs);
    expect_open_error(path, "raw", "offset=9000", 0,
                      "Offset (9000) cannot be greater than size of the containing file (8192)");
    expect_open_error(path, "raw", "offset=512,size=8k", 0,
                      "The sum of offset (512) and size (8192) has to be smaller or equal to the actual size of the "
                      "containing file (8192)");
    g_free(path);
}

static void test_holes(void)
{
    char *path = make_file("holes", 1 << 20, 0x5a);
    uint8_t buf[4096];
    int64_t bytes = 1 << 20;
    BlockNode *bs = open_with(path, "raw", "discard=unmap", BDRV_O_RDWR);
    g_assert_cmpint(bdrv_pdiscard(bs, 65536, 65536), ==, 0);
    g_assert_cmpint(bdrv_pread(bs, 65536, buf, 4096), ==, 0);
    g_assert_true(buffer_is_zero(buf, 4096));
    g_assert_cmpint(bdrv_block_status(bs, 0, &bytes), ==, BLOCK_DATA);
    g_assert_cmpint(bytes, ==, 65536);
    bytes = 1 << 20;
    g_assert_cmpint(bdrv_block_status(bs, 65536, &bytes), ==, BLOCK_ZERO);
    g_assert_cmpint(bytes, ==, 65536);
    bdrv_unref(bs);
    bs = open_with(path, "raw", "discard=ignore,detect-zeroes=on", BDRV_O_RDWR);
    g_assert_cmpint(bdrv_pdiscard(bs, 0, 65536), ==, 0);
    g_assert_cmpint(bdrv_pread(bs, 0, buf, 4096), ==, 0);
    g_assert_cmpint(buf[17], ==, 0x5a);
    memset(buf, 0, sizeof(buf));
    g_assert_cmpint(bdrv_pwrite(bs, 0, buf, 4096, 0), ==, 0);
    g_assert_cmpint(bdrv_pread(bs, 0, buf, 4096), ==, 0);
    g_assert_true(buffer_is_zero(buf, 4096));
    bdrv_unref(bs);
    g_free(path);
}

/* What was just written is in the page cache (where the file system can tell); beyond the end there is nothing to find.
 */
static void test_read_now(void)
{
    char *path = make_file("now", 64 << 10, 'n');
    uint8_t buf[4096];
    BlockNode *bs = open_with(path, "raw", "size=32768", BDRV_O_RDWR);
    int ret = bdrv_pread_now(bs, 30000, buf, sizeof(buf));
    g_assert_true(ret == 0 || ret == -EAGAIN);
    if (ret == 0) {
        g_assert_true(buf[0] == 'n' && buf[2767] == 'n' && buf[2768] == 0 && buf[4095] == 0);
    }
    bdrv_unref(bs);
    bs = open_with(path, "raw", NULL, BDRV_O_RDWR);
    g_assert_cmpint(bdrv_pread_now(bs, (64 << 10) - 1, buf, 2), ==, -EAGAIN);
    g_assert_cmpint(bdrv_pread_now(bs, -1, buf, 2), ==, -EIO);
    bdrv_unref(bs);
    g_free(path);
}

/* O_DIRECT: what is not aligned goes through a buffer and leaves its neighbours alone. */
static void test_direct(void)
{
    char *path = make_file("direct", 64 << 10, 'd');
    uint8_t buf[3000];
    Error *err = NULL;
    BlockNode *bs = bdrv_open(path, "raw", NULL, BDRV_O_RDWR | BDRV_O_NOCACHE, &err);
    if (!bs) { /* a file system that cannot */
        g_assert_nonnull(strstr(error_get_pretty(err), "O_DIRECT"));
        error_free(err);
        g_free(path);
        return;
    }
    memset(buf, 'e', sizeof(buf));
    g_assert_cmpint(bdrv_pwrite(bs, 10001, buf, 2999, 0), ==, 0);
    g_assert_cmpint(bdrv_pread(bs, 10000, buf, 3000), ==, 0);
    g_assert_true(buf[0] == 'd' && buf[1] == 'e' && buf[2999] == 'e');
    g_assert_cmpint(bdrv_pread(bs, 13000, buf, 3000), ==, 0);
    g_assert_true(buf[0] == 'd' && buf[2999] == 'd');
    g_assert_cmpint(bdrv_pread(bs, 65000, buf, 3000), ==, 0);
    g_assert_true(buf[535] == 'd' && buf[536] == 0);
    bdrv_unref(bs);
    g_free(path);
}

static void test_open_errors(void)
{
    char *path = make_file("errors", 1024, 'q'), *message;
    expect_open_error("/no/such/file", NULL, NULL, 0, "Could not open '/no/such/file': No such file or directory");
    expect_open_error(path, "bogus", NULL, 0, "Unknown driver 'bogus'");
    expect_open_error("nbd:localhost:1", NULL, NULL, 0, "Unknown protocol 'nbd'");
    expect_open_error("/", NULL, NULL, BDRV_O_RDWR, "'file' driver requires '/' to be a regular file");
    expect_open_error("/dev/null", NULL, NULL, 0, "'file' driver requires '/dev/null' to be a regular file");
    expect_open_error(path, "raw", "bogus=1", 0, "Block format 'raw' does not support the option 'bogus'");
    expect_open_error(path, "raw", "node-name=1", 0, "Invalid node-name: '1'");
    expect_open_error(path, "raw", "discard=bogus", 0, "Invalid discard option");
    expect_open_error(path, "raw", "detect-zeroes=bogus", 0, "invalid parameter value: bogus");
    expect_open_error(path, "raw", "offset=bogus", 0, "Parameter 'offset' expects a size, not 'bogus'");
    expect_open_error(NULL, "raw", "file=missing", 0, "Cannot find device='missing' nor node-name='missing'");
    expect_open_error(NULL, "raw", NULL, 0, "A block device must be specified for \"file\"");
    expect_open_error(NULL, "blkreplay", NULL, 0, "A block device must be specified for \"image\"");
    expect_open_error("json:[1]", NULL, NULL, 0, "JSON parse error, an object is expected");
    expect_open_error(
        "json:{\"a\":\"]]]]]]]]\",\"b\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", NULL, NULL,
        0, "JSON parse error, too long or nested too deep");
    expect_open_error("json:{\"driver\":\"raw\",\"file\":[1]}", NULL, NULL, 0,
                      "Parameter 'file' is unexpected: no option here is a list");
    BlockNode *writer = open_with(path, "raw", NULL, BDRV_O_RDWR);
    message = g_strdup_printf("Failed to get \"write\" lock: is another process using the image [%s]?", path);
    expect_open_error(path, "raw", NULL, BDRV_O_RDWR, message);
    g_free(message);
    message = g_strdup_printf("Failed to get shared \"write\" lock: is another process using the image [%s]?", path);
    expect_open_error(path, "raw", NULL, 0, message);
    g_free(message);
    bdrv_unref(open_with(path, "raw", "file.locking=off", 0));
    bdrv_unref(writer);
    BlockNode *reader = open_with(path, "raw", NULL, 0);
    bdrv_unref(open_with(path, "raw", NULL, 0)); /* any number of readers */
    bdrv_unref(reader);
    g_free(path);
}

static void count_node(BlockNode *bs, void *opaque)
{
    (void)bs;
    (*(int *)opaque)++;
}

static int node_count(void)
{
    int count = 0;
    bdrv_foreach(count_node, &count);
    return count;
}

static void test_graph(void)
{
    char *path = make_file("graph", 1024, 'g');
    char *json = g_strdup_printf("{\"driver\":\"raw\",\"node-name\":\"top\",\"read-only\":true,\"size\":512,"
                                 "\"file\":{\"driver\":\"file\",\"filename\":\"%s\",\"node-name\":\"host\"}}",
                                 path);
    QemuOpts *opts = bdrv_parse_json(json, &error_fatal);
    BlockNode *top = bdrv_open_blockdev(opts, BDRV_O_RDWR, &error_fatal);
    g_assert_true(bdrv_find_node("top") == top && bdrv_find_node("host") == top->file);
    g_assert_true(top->read_only && top->file->read_only);
    g_assert_cmpint(bdrv_getlength(top), ==, 512);
    qemu_opts_free(opts);
    opts = qemu_opts_parse("driver=blkreplay,node-name=mark,image=top", NULL, NULL, &error_fatal);
    BlockNode *mark = bdrv_open_blockdev(opts, BDRV_O_RDWR, &error_fatal);
    g_assert_true(mark->file == top && mark->read_only);
    bdrv_unref(top); /* mark still holds it */
    g_assert_true(bdrv_find_node("top") == top);
    g_assert_cmpint(bdrv_getlength(mark), ==, 512);
    bdrv_unref(mark);
    g_assert_cmpint(node_count(), ==, 0);
    qemu_opts_free(opts);
    g_free(json);
    g_free(path);
}

static void make_overlay(const char *name, const char *backing, const char *format)
{
    char *path = temp_path(name);
    g_assert_true(qcow2_create(path, 4 * MiB, backing, format, 64 * KiB, 3, &error_fatal));
    g_free(path);
}

static void expect_chain_error(const char *name, const char *end)
{
    Error *err = NULL;
    char *path = temp_path(name);
    g_assert_null(bdrv_open(path, NULL, NULL, 0, &err));
    g_assert_true(g_str_has_prefix(error_get_pretty(err), "Could not open backing file: "));
    g_assert_nonnull(strstr(error_get_pretty(err), end));
    error_free(err);
    g_free(path);
    g_assert_cmpint(node_count(), ==, 0);
}

/* Names in an image are relative to it; a format that it does not name is guessed. Chains end. */
static void test_chain(void)
{
    char *base = make_file("base", 1000, 'c'), *path = temp_path("top");
    uint8_t buf[1024];
    make_overlay("middle", "base", "raw");
    make_overlay("top", "middle", NULL);
    BlockNode *top = open_with(path, NULL, NULL, BDRV_O_RDWR);
    g_assert_true(top->drv == &bdrv_qcow2 && top->backing->drv == &bdrv_qcow2);
    g_assert_true(top->backing->backing->drv == &bdrv_raw && top->backing->read_only);
    g_assert_cmpstr(top->backing->backing->filename, ==, base);
    g_assert_cmpint(bdrv_pread(top, 512, buf, 1024), ==, 0);
    g_assert_true(buf[487] == 'c' && buf[488] == 0 && buf[1023] == 0);
    bdrv_unref(top);
    top = open_with(path, NULL, "backing=", BDRV_O_RDWR);
    g_assert_null(top->backing);
    g_assert_cmpint(bdrv_pread(top, 0, buf, 512), ==, 0);
    g_assert_true(buffer_is_zero(buf, 512));
    bdrv_unref(top);
    top = open_with(path, NULL, "backing.driver=raw,backing.file.filename=/dev/zero", BDRV_O_NO_BACKING);
    bdrv_unref(top);
    expect_open_error(base, "raw", "backing=x", 0, "Block format 'raw' does not support the option 'backing'");

    make_overlay("lost", "nowhere", "raw");
    expect_chain_error("lost", "nowhere': No such file or directory");
    make_overlay("bad", "base", "qcow2");
    expect_chain_error("bad", "not in qcow2 format");
    make_overlay("self", "self", "qcow2");
    expect_chain_error("self", "the backing chain comes back to");
    make_overlay("ping", "./pong", NULL);
    make_overlay("pong", "./ping", NULL);
    expect_chain_error("ping", "the backing chain comes back to");
    g_free(base);
    g_free(path);
}

/* ---- requests ---- */

/* A disk in memory whose operations take their time, so that the pool's order is never that of issue. */
typedef struct SlowState {
    uint8_t *data;
    int64_t length;
    GMutex lock; /* rand */
    GRand *rand;
    int failing;
} SlowState;

static void dawdle(SlowState *s)
{
    g_mutex_lock(&s->lock);
    int us = g_rand_int_range(s->rand, 0, 120);
    g_mutex_unlock(&s->lock);
    if (us > 20) {
        g_usleep(us);
    }
}

static int64_t slow_getlength(BlockNode *bs)
{
    return ((SlowState *)bs->opaque)->length;
}

/* In pieces, so that two that run together would be seen. */
static int slow_copy(SlowState *s, uint8_t *dst, const uint8_t *src, size_t bytes)
{
    dawdle(s);
    memcpy(dst, src, bytes / 2);
    dawdle(s);
    memcpy(dst + bytes / 2, src + bytes / 2, bytes - bytes / 2);
    return -g_atomic_int_get(&s->failing);
}

static int slow_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    SlowState *s = bs->opaque;
    return slow_copy(s, buf, s->data + offset, bytes);
}

static int slow_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags)
{
    SlowState *s = bs->opaque;
    (void)flags;
    return slow_copy(s, s->data + offset, buf, bytes);
}

static int slow_flush(BlockNode *bs)
{
    SlowState *s = bs->opaque;
    dawdle(s);
    return -g_atomic_int_get(&s->failing);
}

static void slow_close(BlockNode *bs)
{
    SlowState *s = bs->opaque;
    g_free(s->data);
    g_rand_free(s->rand);
}

static const BlockDriver slow_driver = {
    .name = "slow",
    .instance_size = sizeof(SlowState),
    .is_protocol = true,
    .close = slow_close,
    .getlength = slow_getlength,
    .pread = slow_pread,
    .pwrite = slow_pwrite,
    .flush = slow_flush,
};

#define DISK_SIZE (16 << 10)

static BlockBackend *new_slow_backend(const char *name, uint32_t seed)
{
    BlockNode *bs = bdrv_new(&slow_driver, NULL, name, BDRV_O_RDWR);
    SlowState *s = bs->opaque;
    s->length = DISK_SIZE;
    s->data = g_malloc0(DISK_SIZE);
    s->rand = g_rand_new_with_seed(seed);
    return blk_new(name, bs);
}

/* Advance to an icount as cpus.c does: what is queued takes effect before the next instruction; in replay, when the log
 * says so. */
static void run_to(int64_t icount)
{
    while (fake_icount < icount && !replay_at_end()) {
        if (replay_has_events()) {
            g_assert_true(replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
        }
        int64_t budget = replay_get_budget();
        fake_icount += MIN(budget, icount - fake_icount);
        replay_account_executed();
    }
}

typedef struct Pending {
    BlockRequestId id;
    uint8_t *expected; /* of a read; NULL: none */
    int ret;
} Pending;

static GHashTable *pending;  /* id -> Pending */
static GString *completions; /* "id@icount ..." */

static void on_completion(void *opaque, BlockRequestId id, int ret, const uint8_t *data, size_t len)
{
    Pending *p = g_hash_table_lookup(pending, &id);
    (void)opaque;
    g_assert_nonnull(p);
    g_assert_cmpint(ret, ==, p->ret);
    g_assert_true(!data == !p->expected || p->ret);
    g_assert_true(!data || !memcmp(data, p->expected, len));
    g_string_append_printf(completions, "%" PRIu64 "@%" PRId64 " ", id, fake_icount);
    g_hash_table_remove(pending, &id);
}

static void free_pending(gpointer data)
{
    Pending *p = data;
    g_free(p->expected);
    g_free(p);
}

static void expect(BlockRequestId id, const uint8_t *expected, size_t len, int ret)
{
    Pending *p = g_new(Pending, 1);
    *p = (Pending){ .id = id, .expected = expected ? g_memdup2(expected, len) : NULL, .ret = ret };
    g_assert_true(g_hash_table_insert(pending, &p->id, p));
}

static void begin_requests(void)
{
    pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_pending);
    completions = g_string_new("");
}

static void end_requests(void)
{
    g_assert_cmpint(g_hash_table_size(pending), ==, 0);
    g_hash_table_destroy(pending);
    g_string_free(completions, true);
    blk_close_all();
}

/* One random request, and what it must bring when those before it are done in order. */
static void issue_random(BlockBackend *blk, GRand *rand, uint8_t *model)
{
    uint8_t buf[2048];
    int sectors = g_rand_int_range(rand, 1, 5);
    int offset = g_rand_int_range(rand, 0, DISK_SIZE / 512 - sectors + 1) * 512, len = sectors * 512;
    switch (g_rand_int_range(rand, 0, 8)) {
    case 0:
        expect(blk_aio_flush(blk, on_completion, NULL), NULL, 0, 0);
        break;
    case 1:
        memset(model + offset, 0, len);
        expect(blk_aio_write_zeroes(blk, offset, len, true, on_completion, NULL), NULL, 0, 0);
        break;
    case 2:
        expect(blk_aio_discard(blk, offset, len, on_completion, NULL), NULL, 0, 0);
        break;
    case 3:
    case 4:
    case 5:
        expect(blk_aio_read(blk, offset, len, on_completion, NULL), model + offset, len, 0);
        break;
    default:
        for (int i = 0; i < len; i++) {
            buf[i] = g_rand_int(rand);
        }
        memcpy(model + offset, buf, len);
        expect(blk_aio_write(blk, offset, buf, len, g_rand_boolean(rand), on_completion, NULL), NULL, 0, 0);
        memset(buf, 0xee, sizeof(buf)); /* it was copied */
    }
}

static void wait_a_little(void)
{
    g_assert_false(replay_at_end());
    run_to(fake_icount + 100);
    g_thread_yield();
}

/* The end of the slice in which a request was issued. */
static void see_to_disks(bool idle)
{
    if (blk_has_put_off()) {
        (idle ? blk_do_put_off : blk_submit_put_off)();
    }
    g_assert_false(blk_has_put_off());
}

static char *run_random(uint32_t host_seed, int count)
{
    begin_requests();
    BlockBackend *blk = new_slow_backend("disk", host_seed);
    GRand *guest = g_rand_new_with_seed(4711);
    uint8_t *model = g_malloc0(DISK_SIZE);
    for (int i = 0; i < count; i++) {
        fake_vcpu_thread = i % 3;
        issue_random(blk, guest, model);
        see_to_disks(i % 3 == 1);
        run_to(fake_icount + g_rand_int_range(guest, 1, 1000));
        while (g_hash_table_size(pending) > 24) {
            wait_a_little();
        }
    }
    while (g_hash_table_size(pending)) {
        wait_a_little();
    }
    g_assert_false(memcmp(model, ((SlowState *)blk->root->opaque)->data, DISK_SIZE));
    char *log = g_strdup(completions->str);
    end_requests();
    g_rand_free(guest);
    g_free(model);
    return log;
}

/* Overlapping requests have the effect of their order, whatever the pool does first. */
static void test_overlap(void)
{
    replay_reset_for_test();
    fake_icount = 0;
    g_free(run_random(1, 3000));
}

static char *end_line(const char *mode, const char *result)
{
    return g_strdup_printf("%s: end at icount %" PRId64 ", digest 0000000000000001%s\n", mode, fake_icount, result);
}

/* The host is slow in other places when it replays: the same completions, at the same icounts, with the same data. */
static void test_record_replay(void)
{
    char *path = temp_path("log");
    begin_started("record", path);
    char *recorded = run_random(1, 400);
    char *line = end_line("record", "");
    expect_finish(1, 0, line);
    g_free(line);
    begin_started("replay", path);
    char *replayed = run_random(2, 400);
    g_assert_cmpstr(replayed, ==, recorded);
    run_to(INT64_MAX); /* instructions behind the last completion */
    line = end_line("replay", ", same as recorded");
    expect_finish(1, 0, line);
    g_free(line);
    replay_reset_for_test();
    g_free(recorded);
    g_free(replayed);
    g_free(path);
}

static void finish_all(void)
{
    blk_drain_all();
    run_to(fake_icount + 1);
}

/* Nobody does a write before its slice ends, unless somebody waits for it. */
static void test_put_off(void)
{
    static const uint8_t data[512] = { 0x55 };
    replay_reset_for_test();
    begin_requests();
    BlockBackend *blk = new_slow_backend("disk", 1);
    uint8_t *disk = ((SlowState *)blk->root->opaque)->data;
    fake_vcpu_thread = true;
    expect(blk_aio_write(blk, 0, data, 512, false, on_completion, NULL), NULL, 0, 0);
    g_assert_true(blk_has_put_off());
    g_assert_cmphex(disk[0], ==, 0);
    blk_do_put_off();
    g_assert_cmphex(disk[0], ==, 0x55);
    expect(blk_aio_write(blk, 512, data, 512, true, on_completion, NULL), NULL, 0, 0);
    g_assert_false(blk_has_put_off()); /* the host's disk is in it */
    expect(blk_aio_write(blk, 1024, data, 512, false, on_completion, NULL), NULL, 0, 0);
    g_assert_cmpint(g_hash_table_size(pending), ==, 3); /* nothing completes before a checkpoint */
    finish_all();
    g_assert_cmphex(disk[1024], ==, 0x55);
    fake_vcpu_thread = false;
    end_requests();
}

static void test_impossible(void)
{
    static const uint8_t data[1024];
    replay_reset_for_test();
    begin_requests();
    BlockBackend *blk = new_slow_backend("disk", 1), *none = blk_new_empty("cd");
    expect(blk_aio_read(blk, DISK_SIZE - 512, 1024, on_completion, NULL), NULL, 0, -EIO);
    expect(blk_aio_read(blk, -512, 512, on_completion, NULL), NULL, 0, -EIO);
    expect(blk_aio_write(blk, INT64_MAX & -512, data, 512, false, on_completion, NULL), NULL, 0, -EIO);
    expect(blk_aio_discard(blk, 512, INT64_MAX, on_completion, NULL), NULL, 0, -EIO);
    expect(blk_aio_write_zeroes(blk, 512, -1, false, on_completion, NULL), NULL, 0, -EIO);
    expect(blk_aio_read(none, 0, 512, on_completion, NULL), NULL, 0, -ENOMEDIUM);
    expect(blk_aio_flush(none, on_completion, NULL), NULL, 0, -ENOMEDIUM);
    blk->read_only = true;
    expect(blk_aio_write(blk, 0, data, 512, false, on_completion, NULL), NULL, 0, -EPERM);
    expect(blk_aio_flush(blk, on_completion, NULL), NULL, 0, 0);
    g_assert_cmpint(g_hash_table_size(pending), ==, 9); /* nothing completes before a checkpoint */
    finish_all();
    g_assert_true(blk_is_inserted(blk) && !blk_is_inserted(none) && blk_length(none) == 0);
    end_requests();
}

static bool swallow(const char *message)
{
    g_string_assign(calls, message);
    return true;
}

static void issue_failing_read(BlockBackend *blk)
{
    expect(blk_aio_read(blk, 0, 512, on_completion, NULL), NULL, 0, -ENOSPC);
    error_set_report_hook(swallow);
    finish_all();
    error_set_report_hook(NULL);
    g_assert_nonnull(strstr(calls->str, "disk: read of 512 bytes at 0 failed: No space left on device"));
}

/* The log has no results: a recording in which the host fails ends. */
static void test_host_error(void)
{
    static const uint8_t zeroes[512];
    char *path = temp_path("host-error");
    replay_reset_for_test();
    begin_requests();
    BlockBackend *blk = new_slow_backend("disk", 1);
    ((SlowState *)blk->root->opaque)->failing = ENOSPC;
    issue_failing_read(blk);
    blk->on_read_error = blk->on_write_error = BLOCK_ERROR_IGNORE;
    expect(blk_aio_flush(blk, on_completion, NULL), NULL, 0, 0);
    expect(blk_aio_read(blk, 0, 512, on_completion, NULL), zeroes, 512, 0);
    error_set_report_hook(swallow);
    finish_all();
    error_set_report_hook(NULL);
    end_requests();
    begin_started("record", path);
    begin_requests();
    blk = new_slow_backend("disk", 1);
    ((SlowState *)blk->root->opaque)->failing = ENOSPC;
    int before = shutdowns;
    issue_failing_read(blk);
    g_assert_cmpint(shutdowns, ==, before + 1);
    end_requests();
    replay_reset_for_test();
    g_free(path);
}

static int told;

static void count_call(void *opaque, BlockRequestId id, int ret, const uint8_t *data, size_t len)
{
    (void)id;
    g_assert_cmpint(ret, ==, 0);
    g_assert_true(!data || len == 512);
    told += data ? data[0] : GPOINTER_TO_INT(opaque);
}

static void test_forget(void)
{
    uint8_t data[512] = { 1 };
    replay_reset_for_test();
    begin_requests();
    BlockBackend *blk = new_slow_backend("disk", 1);
    told = 0;
    BlockRequestId id = blk_aio_write(blk, 0, data, 512, false, count_call, GINT_TO_POINTER(100));
    blk_aio_write(blk, 512, data, 512, false, count_call, GINT_TO_POINTER(1000));
    blk_aio_forget(blk, id);
    blk_aio_forget(blk, 9999);
    finish_all();
    g_assert_cmpint(told, ==, 1000);
    end_requests();
}

static bool load_state(const GByteArray *state, Error **errp)
{
    return vmstate_load_all(state->data, state->len, errp);
}

/* Requests under way are in the state, finished, with what they read. */
static void test_state(void)
{
    uint8_t data[512] = { 7 };
    Error *err = NULL;
    replay_reset_for_test();
    begin_requests();
    blkreplay_init();
    BlockBackend *blk = new_slow_backend("disk", 1);
    BlockRequestId write = blk_aio_write(blk, 512, data, 512, false, count_call, NULL);
    BlockRequestId read = blk_aio_read(blk, 512, 512, count_call, NULL);
    GByteArray *state = g_byte_array_new(), *again = g_byte_array_new();
    vmstate_save_all(state);
    vmstate_save_all(again);
    g_assert_true(state->len == again->len && !memcmp(state->data, again->data, state->len));
    finish_all();
    blk_aio_read(blk, 0, 512, count_call, NULL); /* of a time that is left behind */
    told = 0;
    g_assert_true(load_state(state, &error_fatal));
    g_assert_true(blk_aio_reattach(blk, write, count_call, GINT_TO_POINTER(100), &error_fatal));
    g_assert_true(blk_aio_reattach(blk, read, count_call, NULL, &error_fatal));
    g_assert_false(blk_aio_reattach(blk, read, count_call, NULL, &err));
    take_message(&err, "disk: no request 2 is under way");
    g_assert_false(blk_aio_reattach(blk, 99, count_call, NULL, &err));
    take_message(&err, "disk: no request 99 is under way");
    g_byte_array_set_size(again, 0);
    vmstate_save_all(again);
    g_assert_true(state->len == again->len && !memcmp(state->data, again->data, state->len));
    char *problem = async_dispatch(&(ReplayEvent){ .id = EVENT_ASYNC, .arg = { 0, REPLAY_ASYNC_EVENT_BLOCK, read } });
    g_assert_null(problem);
    g_assert_cmpint(told, ==, 7);
    problem = async_dispatch(&(ReplayEvent){ .id = EVENT_ASYNC, .arg = { 0, REPLAY_ASYNC_EVENT_BLOCK, write } });
    g_assert_null(problem);
    g_assert_cmpint(told, ==, 107);
    g_byte_array_unref(state);
    g_byte_array_unref(again);
    replay_reset_for_test();
    end_requests();
    vmstate_unregister_all();
}

/* A length that fits only when its upper half is cut off would be copied into the device. */
static void test_state_length(void)
{
    Error *err = NULL;
    replay_reset_for_test();
    begin_requests();
    blkreplay_init();
    BlockBackend *blk = new_slow_backend("disk", 1);
    BlockRequestId read = blk_aio_read(blk, 1024, 512, count_call, NULL), flush = blk_aio_flush(blk, count_call, NULL);
    g_assert_cmpuint(blk_aio_read_bytes(blk, read), ==, 512);
    g_assert_cmpuint(blk_aio_read_bytes(blk, flush), ==, 0);
    g_assert_cmpuint(blk_aio_read_bytes(blk, 99), ==, 0);
    GByteArray *state = g_byte_array_new();
    vmstate_save_all(state);
    finish_all();
    uint8_t *offset = state->data;
    while (ldq_le_p(offset) != 1024) {
        offset++;
    }
    stq_le_p(offset + 8, 512 | 1ull << 32);
    g_assert_false(load_state(state, &err));
    take_message(&err, "'block' 0: block: block: an impossible request under way (at byte 0) (at byte 624)");
    g_byte_array_unref(state);
    end_requests();
    replay_reset_for_test();
    vmstate_unregister_all();
}

/* Any byte of a snapshot may be wrong. */
static void test_state_damaged(void)
{
    replay_reset_for_test();
    begin_requests();
    blkreplay_init();
    BlockBackend *blk = new_slow_backend("disk", 1);
    blk_aio_read(blk, 512, 512, count_call, NULL);
    blk_aio_flush(blk, count_call, NULL);
    GByteArray *state = g_byte_array_new();
    vmstate_save_all(state);
    finish_all();
    for (guint i = 0; i < state->len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            Error *err = NULL;
            state->data[i] ^= 1 << bit;
            if (!load_state(state, &err)) {
                error_free(err);
            }
            state->data[i] ^= 1 << bit;
        }
    }
    g_assert_true(load_state(state, &error_fatal));
    g_byte_array_unref(state);
    end_requests();
    replay_reset_for_test();
    vmstate_unregister_all();
}

/* ---- drives ---- */

static void expect_drive_error(const char *text, const char *message)
{
    Error *err = NULL;
    g_assert_false(drive_add(text, &err));
    take_message(&err, message);
}

static void test_drive_options(void)
{
    expect_drive_error("if=bogus", "unsupported bus type 'bogus'");
    expect_drive_error("media=bogus", "'bogus' invalid media");
    expect_drive_error("cache=bogus", "invalid cache option");
    expect_drive_error("aio=bogus", "invalid aio option");
    expect_drive_error("werror=bogus", "'bogus' invalid write error action");
    expect_drive_error("rerror=enospc", "'enospc' invalid read error action");
    expect_drive_error("unit=2", "unit 2 too big (max is 1)");
    expect_drive_error("unit=1,index=1", "index cannot be used with bus and unit");
    expect_drive_error("index=x", "Parameter 'index' expects a number, not 'x'");
    expect_drive_error("id=1x", "Parameter 'id' expects an identifier, not '1x'");
    expect_drive_error("snapshot=perhaps", "Parameter 'snapshot' expects 'on' or 'off', not 'perhaps'");
    expect_drive_error("format=raw,driver=raw", "Cannot specify both 'driver' and 'format'");
    char *path = make_file("drive", 100 << 10, 0);
    char *text = g_strdup_printf("file=%s,format=raw,serial=abc,cache=writethrough", path);
    g_assert_true(drive_add(text, &error_fatal));
    expect_drive_error("index=0", "drive with bus=0, unit=0 (index=0) exists");
    g_assert_true(drive_add_short("-cdrom", IF_IDE, 2, path, true, &error_fatal));
    drive_close_all();
    g_assert_true(drive_add(text, &error_fatal));
    g_assert_true(drive_add("if=none,id=nothing", &error_fatal));
    g_assert_true(drive_add("if=floppy,driver=null-co,size=1440k", &error_fatal));
    expect_drive_error("if=none,id=nothing", "Duplicate ID 'nothing' for drive");
    g_assert_true(blk_open_all(&error_fatal));
    bool cdrom = true;
    BlockBackend *blk = drive_get(IF_IDE, 0, 0, &cdrom);
    g_assert_true(blk && !cdrom && !blk_write_cache_enabled(blk) && !blk_is_read_only(blk));
    g_assert_cmpstr(blk_name(blk), ==, "ide0-hd0");
    g_assert_cmpstr(blk_serial(blk), ==, "abc");
    g_assert_cmpint(blk_length(blk), ==, 100 << 10);
    g_assert_null(drive_get(IF_IDE, 0, 1, &cdrom));
    g_assert_cmpstr(drive_first_orphan(), ==,
                    "-drive if=floppy,driver=null-co,size=1440k: machine type does not support if=floppy,bus=0,unit=0");
    g_assert_nonnull(drive_get(IF_FLOPPY, 0, 0, &cdrom));
    g_assert_null(drive_first_orphan());
    Error *err = NULL;
    g_assert_null(blk_claim("bogus", "ide-hd", &err));
    take_message(&err, "Property 'ide-hd.drive' can't find value 'bogus'");
    g_assert_false(blk_is_inserted(blk_claim("nothing", "ide-cd", &error_fatal)));
    g_assert_null(blk_claim("nothing", "ide-cd", &err));
    take_message(&err, "Drive 'nothing' is already in use by another device");
    blk_close_all();
    vmstate_unregister_all();
    g_assert_cmpint(node_count(), ==, 0);
    g_free(text);
    g_free(path);
}

static void read_byte(void *opaque, BlockRequestId id, int ret, const uint8_t *data, size_t len)
{
    (void)id;
    g_assert_true(ret == 0 && len == 512);
    *(int *)opaque = data[0];
}

static int first_byte(BlockBackend *blk)
{
    int byte = -1;
    blk_aio_read(blk, 0, 512, read_byte, &byte);
    finish_all();
    return byte;
}

static void write_first_byte(BlockBackend *blk, uint8_t byte)
{
    uint8_t data[512] = { byte };
    told = 0;
    blk_aio_write(blk, 0, data, 512, false, count_call, GINT_TO_POINTER(1));
    finish_all();
    g_assert_cmpint(told, ==, 1);
}

static uint8_t byte_in_file(const char *path)
{
    char *text;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    uint8_t byte = text[0];
    g_free(text);
    return byte;
}

static BlockBackend *open_drive_of(const char *fmt, const char *path)
{
    char *text = g_strdup_printf("id=d,if=none,format=raw,file=%s%s", path, fmt);
    g_assert_true(drive_add(text, &error_fatal));
    g_assert_true(blk_open_all(&error_fatal));
    g_free(text);
    return blk_find("d");
}

static void close_drives(void)
{
    blk_close_all();
    vmstate_unregister_all();
    g_assert_cmpint(node_count(), ==, 0);
}

static void test_snapshot_option(void)
{
    char *path = make_file("snapshot", 64 << 10, 's');
    replay_reset_for_test();
    BlockBackend *blk = open_drive_of(",snapshot=on", path);
    g_assert_true(blk == blk_claim("d", "ide-hd", &error_fatal) && !blk_is_read_only(blk));
    g_assert_null(blk_overlay(blk)); /* not a replay's */
    write_first_byte(blk, 'w');
    g_assert_cmpint(first_byte(blk), ==, 'w');
    close_drives();
    g_assert_cmpint(byte_in_file(path), ==, 's');
    blk = open_drive_of("", path);
    write_first_byte(blk, 'w');
    close_drives();
    g_assert_cmpint(byte_in_file(path), ==, 'w');
    g_free(path);
}

/* With rr= a used drive gets overlay and recording point; an unused one is where savevm goes. */
static void test_replay_drives(void)
{
    char *path = make_file("rr", 64 << 10, 'r'), *log = temp_path("rr-log");
    begin("record", log);
    BlockBackend *blk = open_drive_of("", path);
    g_assert_true(blk_is_read_only(blk) && !blk_overlay(blk));
    blk_claim("d", "ide-hd", &error_fatal);
    g_assert_true(!blk_is_read_only(blk) && blk_overlay(blk) == blk_root_node(blk));
    g_assert_true(blk->root->drv == &bdrv_blkreplay && blk->root->file == blk_overlay(blk));
    g_assert_true(drive_open_unused(&error_fatal));
    g_assert_true(replay_start(&error_fatal));
    write_first_byte(blk, 'w');
    fake_icount += 100;
    g_assert_cmpint(first_byte(blk), ==, 'w');
    g_assert_true(blk_reset_overlay(blk, &error_fatal));
    fake_icount += 100;
    g_assert_cmpint(first_byte(blk), ==, 'r');
    close_drives();
    g_assert_cmpint(byte_in_file(path), ==, 'r');

    begin("record", log);
    blk = open_drive_of("", path);
    g_assert_true(drive_open_unused(&error_fatal));
    g_assert_true(!blk_is_read_only(blk) && !blk_overlay(blk) && !blk->root->read_only);
    close_drives();

    begin("record", log);
    blk = open_drive_of(",readonly=on", path);
    blk_claim("d", "ide-cd", &error_fatal);
    g_assert_true(blk_is_read_only(blk) && !blk_overlay(blk) && blk->root->drv == &bdrv_blkreplay);
    close_drives();
    replay_reset_for_test();
    g_free(path);
    g_free(log);
}

/* The explicit form: the overlay goes between the user's recording point and the user's image. */
static void test_explicit_recording_point(void)
{
    char *path = make_file("explicit", 64 << 10, 'e'), *log = temp_path("explicit-log");
    char *text = g_strdup_printf("file=%s,format=raw,if=none,id=img-direct", path);
    Error *err = NULL;
    begin("record", log);
    g_assert_true(drive_add(text, &error_fatal));
    g_assert_true(drive_add("driver=blkreplay,if=none,image=img-direct,id=img-blkreplay", &error_fatal));
    g_assert_true(blk_open_all(&error_fatal));
    BlockBackend *blk = blk_claim("img-blkreplay", "ide-hd", &error_fatal);
    g_assert_true(blk->root->drv == &bdrv_blkreplay && blk->root->file == blk_overlay(blk));
    g_assert_true(blk_overlay(blk)->backing->drv == &bdrv_raw && !blk_is_read_only(blk));
    g_assert_null(blk_claim("img-direct", "ide-hd", &err));
    take_message(&err, "Drive 'img-direct' is already in use by another device");
    g_assert_true(drive_open_unused(&error_fatal));
    g_assert_true(replay_start(&error_fatal));
    write_first_byte(blk, 'w');
    fake_icount += 100;
    g_assert_cmpint(first_byte(blk), ==, 'w');
    close_drives();
    g_assert_cmpint(byte_in_file(path), ==, 'e');
    replay_reset_for_test();
    g_free(text);
    g_free(path);
    g_free(log);
}

int main(int argc, char **argv)
{
    use_all_stubs();
    g_test_init(&argc, &argv, NULL);
    calls = g_string_new("");
    g_test_add_func("/block/raw", test_raw);
    g_test_add_func("/block/raw/part", test_raw_part);
    g_test_add_func("/block/file/holes", test_holes);
    g_test_add_func("/block/file/now", test_read_now);
    g_test_add_func("/block/file/direct", test_direct);
    g_test_add_func("/block/open/errors", test_open_errors);
    g_test_add_func("/block/open/graph", test_graph);
    g_test_add_func("/block/open/chain", test_chain);
    g_test_add_func("/block/requests/overlap", test_overlap);
    g_test_add_func("/block/requests/put-off", test_put_off);
    g_test_add_func("/block/requests/record-replay", test_record_replay);
    g_test_add_func("/block/requests/impossible", test_impossible);
    g_test_add_func("/block/requests/host-error", test_host_error);
    g_test_add_func("/block/requests/forget", test_forget);
    g_test_add_func("/block/state", test_state);
    g_test_add_func("/block/state/length", test_state_length);
    g_test_add_func("/block/state/damaged", test_state_damaged);
    g_test_add_func("/block/drive/options", test_drive_options);
    g_test_add_func("/block/drive/snapshot", test_snapshot_option);
    g_test_add_func("/block/drive/replay", test_replay_drives);
    g_test_add_func("/block/drive/explicit", test_explicit_recording_point);
    int status = g_test_run();
    remove_temp_dir();
    return status;
}
