/* LINK: replay/log.c util/error.c */
/* replay/log.c: every event survives the way to bytes and back; damaged logs are an answer, never a crash. */
#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "replay/log.h"

#define SAMPLE_DATA "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"

#define ASYNC(kind, ...)                                                                                 \
    {                                                                                                    \
        .id = EVENT_ASYNC, .arg = { CHECKPOINT_CLOCK_VIRTUAL, REPLAY_ASYNC_EVENT_##kind, ##__VA_ARGS__ } \
    }

/* One of each shape. */
static const ReplayEvent samples[] = {
    { .id = EVENT_INSTRUCTION, .arg = { 0xffffffff } },
    { .id = EVENT_INTERRUPT },
    { .id = EVENT_EXCEPTION },
    { .id = EVENT_CHECKPOINT, .number = CHECKPOINT_CLOCK_VIRTUAL },
    ASYNC(BH, 1ULL << 63 | 5),
    ASYNC(INPUT, INPUT_EVENT_KEY, KEY_VALUE_NUMBER, 0x1122334455667788, 1),
    ASYNC(INPUT, INPUT_EVENT_KEY, KEY_VALUE_QCODE, 77, 0),
    ASYNC(INPUT, INPUT_EVENT_BTN, 2, 1),
    ASYNC(INPUT, INPUT_EVENT_REL, 1, (uint64_t)-3),
    ASYNC(INPUT, INPUT_EVENT_ABS, 0, 32767),
    ASYNC(INPUT_SYNC),
    { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_CHAR_READ, 3 }, .data = (const uint8_t *)"abc", .len = 3 },
    { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_CHAR_READ, 3 } },
    ASYNC(BLOCK, 17),
    { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_NET, 1, 2 }, .data = (const uint8_t *)SAMPLE_DATA, .len = 16 },
    { .id = EVENT_CHAR_WRITE, .arg = { 5, 6 } },
    { .id = EVENT_CHAR_READ_ALL, .data = (const uint8_t *)"xy", .len = 2 },
    { .id = EVENT_CHAR_READ_ALL_ERROR, .arg = { 11 } },
    { .id = EVENT_AUDIO_OUT, .arg = { 512 } },
    { .id = EVENT_AUDIO_IN, .arg = { 1, 9 }, .data = (const uint8_t *)SAMPLE_DATA, .len = 16 },
    { .id = EVENT_CLOCK_HOST, .arg = { 1700000000000000000 } },
    { .id = EVENT_CLOCK_VIRTUAL_RT, .arg = { 1 } },
    { .id = EVENT_END },
};

static GByteArray *sample_log(void)
{
    GByteArray *log = g_byte_array_new();
    log_encode_header(log);
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        log_encode_event(log, &samples[i]);
    }
    return log;
}

static void expect_same(const ReplayEvent *a, const ReplayEvent *b)
{
    g_assert_cmpint(a->id, ==, b->id);
    g_assert_cmpint(a->number, ==, b->number);
    g_assert_cmpmem(a->arg, sizeof(a->arg), b->arg, sizeof(b->arg));
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
}

static void test_header(void)
{
    GByteArray *log = g_byte_array_new();
    log_encode_header(log);
    g_assert_cmpmem(log->data, log->len, "\x00\xe0\x20\x07\0\0\0\0\0\0\0\0", 12);
    g_byte_array_unref(log);
}

/* The bytes themselves, written out by hand from the format's page. */
static void test_bytes(void)
{
    static const struct {
        int sample;
        const char *bytes;
        size_t len;
    } cases[] = {
        { 0, "\x00\xff\xff\xff\xff", 5 },
        { 3, "\x18", 1 },
        { 4, "\x03\x04\x00\x80\0\0\0\0\0\0\x05", 11 },
        { 5, "\x03\x04\x01\0\0\0\0\0\0\0\0\x11\x22\x33\x44\x55\x66\x77\x88\x01", 20 },
        { 6, "\x03\x04\x01\0\0\0\0\0\0\0\x01\0\0\0\x4d\0", 16 },
        { 7, "\x03\x04\x01\0\0\0\x01\0\0\0\x02\x01", 12 },
        { 8, "\x03\x04\x01\0\0\0\x02\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xfd", 19 },
        { 10, "\x03\x04\x02", 3 },
        { 11,
          "\x03\x04\x03\x03\0\0\0\x03"
          "abc",
          11 },
        { 14, "\x03\x04\x05\x01\0\0\0\x02\0\0\0\x10" SAMPLE_DATA, 28 },
        { 19, "\x11\0\0\0\x01\0\0\0\x09" SAMPLE_DATA, 25 },
        { 20, "\x12\x17\x97\x9c\xfe\x36\x2a\0\0", 9 },
        { 22, "\x1d", 1 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        GByteArray *out = g_byte_array_new();
        log_encode_event(out, &samples[cases[i].sample]);
        g_assert_cmpmem(out->data, out->len, cases[i].bytes, cases[i].len);
        g_byte_array_unref(out);
    }
}

static void read_all(LogReader *r)
{
    ReplayEvent ev;
    g_assert_true(log_read_header(r, "x", NULL));
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        g_assert_cmpint(log_read_event(r, &ev), ==, LOG_OK);
        expect_same(&ev, &samples[i]);
    }
    g_assert_cmpint(log_read_event(r, &ev), ==, LOG_CUT);
}

static void test_round_trip(void)
{
    GByteArray *log = sample_log();
    LogReader r;
    log_reader_init_memory(&r, log->data, log->len);
    read_all(&r);
    g_assert_cmpuint(r.end_offset, ==, log->len);
    log_reader_close(&r);
    g_byte_array_unref(log);
}

static void test_ranges(void)
{
    for (unsigned id = 0; id < 256; id++) {
        uint8_t bytes[] = { id, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
        LogReader r;
        ReplayEvent ev;
        log_reader_init_memory(&r, bytes, sizeof(bytes));
        g_assert_cmpint(log_read_event(&r, &ev), ==, id < EVENT_ID_COUNT && id != 17 && id != 14 ? LOG_OK : r.status);
        if (id >= EVENT_ID_COUNT) {
            char *text = g_strdup_printf("impossible event id %u at byte 0", id);
            g_assert_cmpint(r.status, ==, LOG_BAD);
            g_assert_cmpstr(r.message, ==, text);
            g_free(text);
        } else if (id >= EVENT_CHECKPOINT && id < EVENT_END) {
            g_assert_cmpint(ev.id, ==, EVENT_CHECKPOINT);
            g_assert_cmpint(ev.number, ==, id - EVENT_CHECKPOINT);
        } else if (id >= EVENT_SHUTDOWN && id < EVENT_CHAR_WRITE) {
            g_assert_cmpint(ev.id, ==, EVENT_SHUTDOWN);
            g_assert_cmpint(ev.number, ==, id - EVENT_SHUTDOWN);
        }
        log_reader_close(&r);
    }
}

/* Through a file larger than the reader's and writer's buffers. */
static void test_file(void)
{
    char *path = NULL;
    close(g_file_open_tmp("replay-log-XXXXXX", &path, NULL));
    LogWriter w;
    g_assert_true(log_writer_open(&w, path, &error_fatal));
    GByteArray *bytes = g_byte_array_new();
    log_encode_header(bytes);
    log_writer_put(&w, bytes->data, bytes->len);
    uint8_t *big = g_malloc(100000);
    memset(big, 0x5a, 100000);
    for (int i = 0; i < 10; i++) {
        g_byte_array_set_size(bytes, 0);
        log_encode_event(bytes, &(ReplayEvent){ .id = EVENT_CHAR_READ_ALL, .data = big, .len = 100000 - i });
        log_writer_put(&w, bytes->data, bytes->len);
    }
    g_assert_true(log_writer_close(&w));
    log_writer_free(&w);

    LogReader r;
    ReplayEvent ev;
    g_assert_true(log_reader_open(&r, path, &error_fatal));
    g_assert_true(log_read_header(&r, path, &error_fatal));
    for (unsigned i = 0; i < 10; i++) {
        g_assert_cmpint(log_read_event(&r, &ev), ==, LOG_OK);
        g_assert_cmpuint(ev.len, ==, 100000 - i);
        g_assert_cmpmem(ev.data, ev.len, big, ev.len);
    }
    g_assert_cmpint(log_read_event(&r, &ev), ==, LOG_CUT);
    log_reader_close(&r);
    g_byte_array_unref(bytes);
    g_free(big);
    g_unlink(path);
    g_free(path);
}

static uint64_t last_whole_event(size_t len)
{
    GByteArray *out = g_byte_array_new();
    log_encode_header(out);
    uint64_t whole = out->len;
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        log_encode_event(out, &samples[i]);
        if (out->len <= len) {
            whole = out->len;
        }
    }
    g_byte_array_unref(out);
    return whole;
}

static void test_cut_at_every_byte(void)
{
    GByteArray *log = sample_log();
    for (guint len = 0; len < log->len; len++) {
        uint8_t *copy = g_memdup2(log->data, MAX(len, 1u));
        LogReader r;
        ReplayEvent ev;
        Error *err = NULL;
        log_reader_init_memory(&r, copy, len);
        if (!log_read_header(&r, "x", &err)) {
            g_assert_cmpuint(len, <, REPLAY_HEADER_SIZE);
            g_assert_nonnull(strstr(error_get_pretty(err), "'x' is not a replay log"));
            error_free(err);
        } else {
            while (log_read_event(&r, &ev) == LOG_OK) {
            }
            g_assert_cmpint(r.status, ==, LOG_CUT);
            g_assert_cmpuint(r.end_offset, ==, last_whole_event(len));
            g_assert_cmpint(ev.id, ==, EVENT_CUT);
        }
        log_reader_close(&r);
        g_free(copy);
    }
    g_byte_array_unref(log);
}

static void test_impossible(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *message;
    } cases[] = {
        { "\x0e\xff\xff\xff\xff", 5, "impossible length 4294967295 at byte 1" },
        { "\x11\xff\xff\xff\xff\0\0\0\0", 9, "impossible length 68719476720 at byte 9" },
        { "\x03\x09\x00", 3, "impossible checkpoint 9 at byte 1" },
        { "\x03\x04\x06", 3, "impossible kind 6 at byte 2" },
        { "\x03\x04\x01\0\0\0\x04", 7, "impossible input 4 at byte 3" },
        { "\x03\x04\x01\0\0\0\0\0\0\0\x02", 11, "impossible key 2 at byte 7" },
        { "\x03\x04\x01\0\0\0\x01\0\0\0\0\x02", 12, "impossible down 2 at byte 11" },
        { "\0\0\0\0\0", 5, "impossible instruction count 0 at byte 0" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        LogReader r;
        ReplayEvent ev;
        log_reader_init_memory(&r, (const uint8_t *)cases[i].bytes, cases[i].len);
        g_assert_cmpint(log_read_event(&r, &ev), ==, LOG_BAD);
        g_assert_cmpstr(r.message, ==, cases[i].message);
        g_assert_cmpuint(r.end_offset, ==, 0);
        /* sticky */
        g_assert_cmpint(log_read_event(&r, &ev), ==, LOG_BAD);
        log_reader_close(&r);
    }
}

static void test_wrong_version(void)
{
    LogReader r;
    Error *err = NULL;
    log_reader_init_memory(&r,
                           (const uint8_t *)"\x7f"
                                            "ELF\x02\x01\x01\0\0\0\0\0\0",
                           13);
    g_assert_false(log_read_header(&r, "a.out", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "'a.out' is not a replay log (version 0x7f454c46, expected 0xe02007)");
    error_free(err);
    log_reader_close(&r);
}

static void test_flipped_bits(void)
{
    GByteArray *log = sample_log();
    GRand *rand = g_rand_new_with_seed(1);
    for (int i = 0; i < 10000; i++) {
        size_t len = g_rand_int_range(rand, 12, log->len + 1);
        uint8_t *copy = g_memdup2(log->data, len);
        for (int n = g_rand_int_range(rand, 1, 6); n; n--) {
            copy[g_rand_int_range(rand, 0, len)] ^= 1 << g_rand_int_range(rand, 0, 8);
        }
        g_assert_cmpint(replay_log_fuzz_one(copy, len), ==, 0);
        g_free(copy);
    }
    g_rand_free(rand);
    g_byte_array_unref(log);
}

static void test_describe(void)
{
    static const struct {
        int sample;
        const char *text;
    } cases[] = {
        { 3, "EVENT_CHECKPOINT CLOCK_VIRTUAL" },
        { 4, "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=BH id=0x8000000000000005" },
        { 6, "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=INPUT input=KEY key=QCODE qcode=77 down=0" },
        { 8, "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=INPUT input=RELATIVE axis=1 value=-3" },
        { 11, "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=CHAR_READ chardev=3 bytes=3 bytes: 61 62 63" },
        { 20, "EVENT_CLOCK_HOST ns=1700000000000000000" },
        { 22, "EVENT_END" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text = replay_event_describe(&samples[cases[i].sample]);
        g_assert_cmpstr(text, ==, cases[i].text);
        g_free(text);
    }
}

static void test_full_disk(void)
{
    LogWriter w;
    uint8_t data[100] = { 0 };
    g_assert_true(log_writer_open(&w, "/dev/full", &error_fatal));
    log_writer_put(&w, data, sizeof(data));
    g_assert_false(log_writer_flush(&w));
    g_assert_cmpint(w.error, ==, ENOSPC);
    log_writer_put(&w, data, sizeof(data));
    g_assert_false(log_writer_close(&w));
    log_writer_free(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/replay/log/header", test_header);
    g_test_add_func("/replay/log/bytes", test_bytes);
    g_test_add_func("/replay/log/round-trip", test_round_trip);
    g_test_add_func("/replay/log/ranges", test_ranges);
    g_test_add_func("/replay/log/file", test_file);
    g_test_add_func("/replay/log/cut-at-every-byte", test_cut_at_every_byte);
    g_test_add_func("/replay/log/impossible", test_impossible);
    g_test_add_func("/replay/log/wrong-version", test_wrong_version);
    g_test_add_func("/replay/log/flipped-bits", test_flipped_bits);
    g_test_add_func("/replay/log/describe", test_describe);
    g_test_add_func("/replay/log/full-disk", test_full_disk);
    return g_test_run();
}
