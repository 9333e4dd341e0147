/* LINK: replay/replay.c replay/snapshot.c replay/none.c replay/record.c replay/play.c replay/async.c replay/clock.c replay/input.c replay/char.c replay/manifest.c replay/file-hash.c replay/check.c replay/log.c util/error.c util/option.c util/qemu-timer.c -lxxhash -ljson-glib-1.0 */
/*
 * replay/ through its public face, with a fake machine: asynchronous work in recorded order, budgets, ends,
 * divergences. A "machine" here is a sequence of calls at chosen icounts.
 */
#include "replay-stubs.h"
#include "util/timer.h"

/* Advance to an icount as cpus.c does; in replay never further than the budget. */
static void run_to(int64_t icount)
{
    while (fake_icount < icount && !replay_at_end()) {
        int64_t budget = replay_get_budget();
        g_assert_cmpint(budget, >, 0);
        fake_icount += MIN(budget, icount - fake_icount);
        replay_account_executed();
    }
}

static void bh_cb(void *opaque)
{
    g_string_append_printf(calls, "bh%s ", (char *)opaque);
}

static void net_cb(void *opaque, uint32_t flags, const uint8_t *buf, size_t len)
{
    g_string_append_printf(calls, "net%s:%u:%.*s ", (char *)opaque, flags, (int)len, buf);
}

static ReplayBH *bh_a, *bh_b;

static void make_devices(void)
{
    bh_a = replay_bh_new("a", bh_cb, "a");
    bh_b = replay_bh_new("b", bh_cb, "b");
    g_assert_cmpint(replay_register_char_driver(GINT_TO_POINTER(10)), ==, 0);
    g_assert_cmpint(replay_register_char_driver(GINT_TO_POINTER(11)), ==, 1);
    g_assert_cmpint(replay_register_net(net_cb, "0"), ==, 0);
}

static void host_input(void)
{
    replay_bh_schedule_event(bh_b);
    replay_char_read(1, (const uint8_t *)"hi", 2);
    replay_input_event(&(InputEvent){ .kind = INPUT_EVENT_KEY, .key_kind = KEY_VALUE_NUMBER, .number = 30, .down = 1 });
    replay_input_event(&(InputEvent){ .kind = INPUT_EVENT_KEY, .key_kind = KEY_VALUE_QCODE, .qcode = 9 });
    replay_input_event(&(InputEvent){ .kind = INPUT_EVENT_BTN, .button = 2, .down = 1 });
    replay_input_event(&(InputEvent){ .kind = INPUT_EVENT_REL, .axis = 1, .value = -7 });
    replay_input_event(&(InputEvent){ .kind = INPUT_EVENT_ABS, .axis = 0, .value = 99 });
    replay_input_sync_event();
    replay_net_packet(0, 5, (const uint8_t *)"pkt", 3);
    replay_bh_schedule_event(bh_a);
}

#define ALL_INPUT                                                                                                     \
    "bhb chr11:hi input0:30,0,0,0,0,1 input0:0,9,0,0,0,0 input1:0,0,2,0,0,1 input2:0,0,0,1,-7,0 input3:0,0,0,0,99,0 " \
    "sync net0:5:pkt bha "

static void test_none(void)
{
    replay_reset_for_test();
    calls = calls ? g_string_truncate(calls, 0) : g_string_new("");
    make_devices();
    g_assert_false(replay_active());
    g_assert_cmpint(replay_get_budget(), ==, INT64_MAX);
    g_assert_false(replay_has_events());
    int before = kicks;
    host_input();
    g_assert_cmpint(kicks - before, ==, 10);
    g_assert_true(replay_has_events());
    g_assert_true(replay_checkpoint(CHECKPOINT_CLOCK_WARP_START));
    g_assert_cmpstr(calls->str, ==, "");
    g_assert_true(replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
    g_assert_cmpstr(calls->str, ==, ALL_INPUT);
    g_assert_false(replay_has_events());
    g_assert_cmpint(replay_clock(REPLAY_CLOCK_HOST, 5), ==, 5);
    g_assert_cmpint(replay_finish(0), ==, 0);
}

/* The same machine in both modes; the host says other things in replay, and nobody listens. */
static void machine(bool recording)
{
    int64_t host = recording ? 1000 : 0;
    ShutdownCause cause = SHUTDOWN_CAUSE_NONE;

    g_assert_true(replay_checkpoint(CHECKPOINT_INIT));
    run_to(100);
    g_assert_cmpint(replay_clock(REPLAY_CLOCK_HOST, host + 1), ==, 1001);
    host_input();
    run_to(150);
    g_assert_true(replay_has_events());
    g_assert_true(replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
    run_to(160);
    replay_interrupt();
    run_to(10000000000); /* more than a u32 */
    g_assert_true(replay_checkpoint(CHECKPOINT_CLOCK_WARP_START));
    g_assert_cmpint(replay_clock(REPLAY_CLOCK_VIRTUAL_RT, host + 2), ==, 1002);
    run_to(10000000005);
    if (recording) {
        replay_shutdown_request(SHUTDOWN_CAUSE_HOST_UI);
    } else {
        g_assert_true(replay_next_shutdown(&cause));
        g_assert_cmpint(cause, ==, SHUTDOWN_CAUSE_HOST_UI);
    }
}

static void test_record_and_replay(void)
{
    char *path = temp_path("whole");
    begin_started("record", path);
    make_devices();
    uint64_t seed = replay_seed();
    machine(true);
    g_assert_cmpstr(calls->str, ==, ALL_INPUT);
    expect_finish(0xabc, 0, "record: end at icount 10000000005, digest 0000000000000abc\n");

    begin_started("replay", path);
    make_devices();
    g_assert_cmphex(replay_seed(), ==, seed);
    machine(false);
    g_assert_cmpstr(calls->str, ==, ALL_INPUT);
    g_assert_true(replay_at_end());
    g_assert_cmpint(replay_get_budget(), ==, 0);
    expect_finish(0xabc, 0, "replay: end at icount 10000000005, digest 0000000000000abc, same as recorded\n");

    begin_started("replay", path);
    make_devices();
    machine(false);
    expect_finish(0xabd, 3,
                  "replay: end at icount 10000000005, digest 0000000000000abd, differs from recorded "
                  "0000000000000abc\n");
    g_free(path);
}

/* Events queued by an event wait for the next checkpoint. */
static void again_cb(void *opaque)
{
    g_string_append(calls, "again ");
    replay_bh_schedule_event(*(ReplayBH **)opaque);
}

static void test_queued_while_running(void)
{
    static ReplayBH *again;
    char *path = temp_path("again");
    begin_started("record", path);
    again = replay_bh_new("again", again_cb, &again);
    replay_bh_schedule_event(again);
    replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL);
    g_assert_cmpstr(calls->str, ==, "again ");
    g_assert_true(replay_has_events());
    replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL);
    g_assert_cmpstr(calls->str, ==, "again again ");
    expect_finish(1, 0, "record: end at icount 0, digest 0000000000000001\n");
    begin_started("replay", path);
    again = replay_bh_new("again", again_cb, &again);
    g_assert_true(replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
    g_assert_cmpstr(calls->str, ==, "again ");
    g_assert_true(replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
    g_assert_false(replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
    g_assert_cmpstr(calls->str, ==, "again again ");
    expect_finish(1, 0, "replay: end at icount 0, digest 0000000000000001, same as recorded\n");
    g_free(path);
}

static gpointer producer(gpointer data)
{
    for (int i = 0; i < 1000; i++) {
        replay_bh_schedule_event(data);
    }
    return NULL;
}

static void test_producers_on_threads(void)
{
    char *path = temp_path("threads");
    begin_started("record", path);
    make_devices();
    GThread *a = g_thread_new("a", producer, bh_a), *b = g_thread_new("b", producer, bh_b);
    for (int i = 0; i < 50; i++) {
        fake_icount += 10;
        replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL);
    }
    g_thread_join(a);
    g_thread_join(b);
    fake_icount += 10;
    replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL);
    char *recorded = g_strdup(calls->str);
    g_assert_cmpuint(strlen(recorded), ==, 2000 * strlen("bha "));
    expect_finish(0, 0, "record: end at icount 510, digest 0000000000000000\n");
    begin_started("replay", path);
    make_devices();
    for (int i = 0; i < 51; i++) {
        run_to(10 * (i + 1));
        g_assert_true(replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
    }
    g_assert_cmpstr(calls->str, ==, recorded);
    expect_finish(0, 0, "replay: end at icount 510, digest 0000000000000000, same as recorded\n");
    g_free(recorded);
    g_free(path);
}

/* In replay the vCPU waits for a completion that is late, and keeps one that is early. */
static gpointer late_completion(gpointer data)
{
    g_usleep(20000);
    replay_block_event(GPOINTER_TO_UINT(data), bh_cb, "late");
    return NULL;
}

static void test_block(void)
{
    char *path = temp_path("block");
    begin_started("record", path);
    g_assert_cmpuint(replay_block_begin(), ==, 1);
    g_assert_cmpuint(replay_block_begin(), ==, 2);
    replay_block_event(2, bh_cb, "2");
    replay_block_event(1, bh_cb, "1");
    g_assert_cmpstr(calls->str, ==, "");
    replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL);
    g_assert_cmpstr(calls->str, ==, "bh2 bh1 ");
    expect_finish(0, 0, "record: end at icount 0, digest 0000000000000000\n");
    begin_started("replay", path);
    replay_block_begin();
    replay_block_begin();
    replay_block_event(1, bh_cb, "early");
    g_assert_cmpstr(calls->str, ==, "");
    GThread *t = g_thread_new("late", late_completion, GUINT_TO_POINTER(2));
    g_assert_true(replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
    g_thread_join(t);
    g_assert_cmpstr(calls->str, ==, "bhlate bhearly ");
    expect_finish(0, 0, "replay: end at icount 0, digest 0000000000000000, same as recorded\n");
    g_free(path);
}

/* ---- budgets ---- */

static void test_budget(void)
{
    static const ReplayEvent events[] = {
        { .id = EVENT_INSTRUCTION, .arg = { 10 } },
        { .id = EVENT_CLOCK_HOST, .arg = { 42 } },
        { .id = EVENT_CLOCK_HOST, .arg = { 43 } },
        { .id = EVENT_INTERRUPT },
        { .id = EVENT_INSTRUCTION, .arg = { 5 } },
        { .id = EVENT_EXCEPTION },
        { .id = EVENT_CHECKPOINT, .number = CHECKPOINT_RESET },
        { .id = EVENT_SHUTDOWN, .number = SHUTDOWN_CAUSE_HOST_QMP },
        { .id = EVENT_INSTRUCTION, .arg = { 4000000000 } },
        { .id = EVENT_INSTRUCTION, .arg = { 4000000000 } },
        { .id = EVENT_END },
    };
    ShutdownCause cause;
    char *path = write_log("budget", events, ARRAY_SIZE(events));
    begin_started("replay", path);
    g_assert_cmpint(replay_get_budget(), ==, 10);
    fake_icount = 4;
    g_assert_cmpint(replay_get_budget(), ==, 6);
    fake_icount = 10;
    g_assert_cmpint(replay_get_budget(), ==, 1);
    g_assert_false(replay_has_events());
    g_assert_cmpint(replay_clock(REPLAY_CLOCK_HOST, 0), ==, 42);
    g_assert_cmpint(replay_get_budget(), ==, 1);
    g_assert_cmpint(replay_clock(REPLAY_CLOCK_HOST, 0), ==, 43);
    g_assert_cmpint(replay_get_budget(), ==, 0);
    replay_interrupt();
    g_assert_cmpint(replay_get_budget(), ==, 5);
    fake_icount = 15;
    g_assert_cmpint(replay_get_budget(), ==, 1);
    replay_exception();
    g_assert_cmpint(replay_get_budget(), ==, 0);
    g_assert_false(replay_next_is_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
    g_assert_true(replay_next_is_checkpoint(CHECKPOINT_RESET));
    g_assert_false(replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
    g_assert_true(replay_checkpoint(CHECKPOINT_RESET));
    g_assert_cmpint(replay_get_budget(), ==, 0);
    g_assert_true(replay_next_shutdown(&cause));
    g_assert_cmpint(cause, ==, SHUTDOWN_CAUSE_HOST_QMP);
    g_assert_false(replay_next_shutdown(&cause));
    g_assert_cmpint(replay_get_budget(), ==, 8000000000);
    g_assert_false(replay_at_end());
    fake_icount += 8000000000;
    replay_account_executed();
    g_assert_true(replay_at_end());
    g_assert_cmpint(replay_get_budget(), ==, 0);
    expect_finish(1, 0, "replay: end at icount 8000000015, digest 0000000000000001, no digest recorded\n");
    g_free(path);
}

static void test_digests(void)
{
    static const ReplayEvent events[] = { { .id = EVENT_INSTRUCTION, .arg = { 100 } }, { .id = EVENT_END } };
    char *path = write_log("digests", events, ARRAY_SIZE(events));
    char *manifest = g_strdup_printf("%s.manifest", path);
    const char *text =
        "{\"manifest\":1,\"version\":\"0xe02007\",\"argv\":[],\"machine\":{},\"shift\":7,"
        "\"seed\":\"0000000000000005\",\"inputs\":[]}\n"
        "{\"icount\":30,\"digest\":\"00000000000000aa\"}\n{\"icount\":40,\"digest\":\"00000000000000bb\"}\n";
    write_file(manifest, text, strlen(text));
    begin_started("replay", path);
    g_assert_cmphex(replay_seed(), ==, 5);
    g_assert_cmpint(replay_get_budget(), ==, 30);
    fake_icount = 30;
    fake_cpu_digest = 0xaa;
    replay_account_executed();
    g_assert_cmpint(replay_get_budget(), ==, 10);
    fake_cpu_digest = 0xcc; /* already compared */
    replay_account_executed();
    g_assert_false(replay_at_end());
    fake_icount = 40;
    char *report = capture_stderr((void (*)(void *))replay_account_executed, NULL);
    g_assert_true(g_str_has_prefix(report, "replay: CPU state differs at icount 40: digest 00000000000000cc, recorded "
                                           "00000000000000bb\n"));
    g_assert_nonnull(strstr(report, "replay:   expected: EVENT_END at icount 100\n"));
    g_assert_true(replay_at_end());
    g_assert_cmpint(replay_get_budget(), ==, 0);
    expect_finish(7, 3, "replay: end at icount 40, digest 0000000000000007, diverged\n");
    g_free(report);
    g_free(manifest);
    g_free(path);
}

/* ---- divergences and ends ---- */

static const ReplayEvent one_interrupt[] = {
    { .id = EVENT_INSTRUCTION, .arg = { 10 } },
    { .id = EVENT_INTERRUPT },
    { .id = EVENT_END },
};

static void early_clock(void *unused)
{
    (void)unused;
    g_assert_cmpint(replay_clock(REPLAY_CLOCK_HOST, 77), ==, 77);
}

static void test_divergence_report(void)
{
    char *path = write_log("diverge", one_interrupt, ARRAY_SIZE(one_interrupt));
    begin_started("replay", path);
    fake_icount = 8;
    char *report = capture_stderr(early_clock, NULL);
    char *expected = g_strdup_printf("replay: diverged at icount 8, event 2 (byte 17 of '%s')\n"
                                     "replay:   expected: EVENT_INTERRUPT at icount 10\n"
                                     "replay:   found:    EVENT_CLOCK_HOST at icount 8\n"
                                     "replay:   rip:      0x00000000000f1234\n",
                                     path);
    g_assert_cmpstr(report, ==, expected);
    g_assert_true(replay_at_end());
    g_assert_cmpint(replay_get_budget(), ==, 0);
    g_free(report);
    /* only the first one is told */
    report = capture_stderr(early_clock, NULL);
    g_assert_cmpstr(report, ==, "");
    g_free(report);
    g_free(expected);
    expect_finish(1, 3, "replay: end at icount 8, digest 0000000000000001, diverged\n");
    g_free(path);
}

static void account(void *unused)
{
    (void)unused;
    replay_account_executed();
}

static void test_passed_event(void)
{
    char *path = write_log("passed", one_interrupt, ARRAY_SIZE(one_interrupt));
    begin_started("replay", path);
    fake_icount = 11;
    char *report = capture_stderr(account, NULL);
    g_assert_nonnull(strstr(report, "expected: EVENT_INTERRUPT at icount 10\n"));
    g_assert_nonnull(strstr(report, "the machine has gone on to icount 11\n"));
    g_free(report);
    g_free(path);
}

static void caller_diverges(void *unused)
{
    (void)unused;
    replay_diverged("the CPU halted (IF=%d)", 0);
}

static void test_callers_divergence(void)
{
    char *path = write_log("caller", one_interrupt, ARRAY_SIZE(one_interrupt));
    begin_started("replay", path);
    char *report = capture_stderr(caller_diverges, NULL);
    g_assert_nonnull(strstr(report, "found:    the CPU halted (IF=0)\n"));
    g_assert_true(replay_at_end());
    g_free(report);
    g_free(path);
}

static void poll_budget(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000000 && !replay_at_end(); i++) {
        g_assert_cmpint(replay_get_budget(), ==, 0);
    }
}

/* An event that this machine never takes must not be waited for forever. */
static void test_no_hang(void)
{
    char *path = write_log("hang", one_interrupt, ARRAY_SIZE(one_interrupt));
    begin_started("replay", path);
    run_to(10);
    char *report = capture_stderr(poll_budget, NULL);
    g_assert_true(replay_at_end());
    g_assert_nonnull(strstr(report, "waits here forever"));
    g_free(report);
    g_free(path);
}

static void test_machine_stops_early(void)
{
    char *path = write_log("early", one_interrupt, ARRAY_SIZE(one_interrupt));
    begin_started("replay", path);
    fake_icount = 5;
    Finish f = { 1, -1 };
    char *report = capture_stderr(run_finish, &f);
    g_assert_cmpint(f.status, ==, 3);
    g_assert_nonnull(strstr(report, "found:    the machine's end at icount 5\n"));
    g_free(report);
    g_free(path);
}

static void run_checkpoint(void *result)
{
    *(bool *)result = replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL);
}

/* Ids that this machine has not. */
static void test_unknown_ids(void)
{
    static const struct {
        ReplayEvent ev;
        const char *text;
    } cases[] = {
        { { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_BH, 1ULL << 63 | 9 } },
          "no bottom half 0x8000000000000009" },
        { { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_BH, 1 } }, "no bottom half 0x1" },
        { { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_CHAR_READ, 200 } }, "no recorded character device 200" },
        { { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_BLOCK, 3 } }, "no block request 3" },
        { { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_NET, 7, 0 } }, "no network filter 7" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ReplayEvent events[] = { { .id = EVENT_CHECKPOINT, .number = 4 }, cases[i].ev, { .id = EVENT_END } };
        char *path = write_log("unknown", events, ARRAY_SIZE(events));
        bool taken;
        begin_started("replay", path);
        make_devices();
        char *report = capture_stderr(run_checkpoint, &taken);
        g_assert_true(taken);
        g_assert_nonnull(strstr(report, cases[i].text));
        g_assert_true(replay_at_end());
        g_free(report);
        g_free(path);
    }
}

/* A snapshot may say anything; what would stop the machine at the next checkpoint is refused. */
static void test_damaged_queue(void)
{
    static const struct {
        uint64_t last_id;
        unsigned count;
        ReplayEvent ev;
        const char *message;
    } cases[] = {
        { 1,
          1,
          { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_BH, 1ULL << 63 | 9 } },
          "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=BH id=0x8000000000000009 waits, but the machine has no bottom "
          "half 0x8000000000000009" },
        { 1,
          1,
          { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_NET, 7, 0 } },
          "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=NET filter=7 flags=0 packet=0 bytes waits, but the machine has no "
          "network filter 7" },
        { 1,
          1,
          { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_BLOCK, 3 } },
          "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=BLOCK id=3 waits, but no block request 3 is under way" },
        { 1,
          2,
          { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_BLOCK, 1 } },
          "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=BLOCK id=1 waits, but the request ends twice" },
        { 0,
          1,
          { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_INPUT_SYNC } },
          "the last block request has the number 0, 1 is under way" },
        { 1, 1, { .id = EVENT_INTERRUPT }, "the events that wait are damaged (at byte 0)" },
    };
    replay_reset_for_test();
    make_devices();
    replay_block_restore(1, bh_cb, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Error *err = NULL;
        GByteArray *bytes = g_byte_array_new();
        append_le(bytes, cases[i].last_id, 8);
        for (unsigned n = 0; n < cases[i].count; n++) {
            log_encode_event(bytes, &cases[i].ev);
        }
        g_assert_false(async_load(bytes->data, bytes->len, &err));
        take_message(&err, cases[i].message);
        g_assert_false(async_load(bytes->data, 7, &err));
        take_message(&err, "the events that wait are missing");
        g_byte_array_unref(bytes);
    }
    replay_reset_for_test();
}

static void test_refused_events(void)
{
    static const struct {
        ReplayEvent events[2];
        const char *text;
    } cases[] = {
        { { { .id = EVENT_SHUTDOWN, .number = 8 }, { .id = EVENT_END } }, "impossible shutdown cause at byte 12" },
        { { { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_INPUT_SYNC } }, { .id = EVENT_END } },
          "an asynchronous event outside its checkpoint at byte 12" },
        { { { .id = EVENT_CHECKPOINT, .number = 0 },
            { .id = EVENT_ASYNC, .arg = { 0, REPLAY_ASYNC_EVENT_INPUT_SYNC } } },
          "an asynchronous event outside its checkpoint at byte 13" },
        { { { .id = EVENT_CHECKPOINT, .number = 4 },
            { .id = EVENT_ASYNC, .arg = { 4, REPLAY_ASYNC_EVENT_INPUT, INPUT_EVENT_BTN, 32, 1 } } },
          "impossible input event at byte 13" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *path = write_log("refused", cases[i].events, 2);
        int at = cases[i].text[strlen(cases[i].text) - 1] == '2' ? 12 : 13;
        begin_started("replay", path);
        if (at == 13) {
            g_assert_true(replay_checkpoint(cases[i].events[0].number));
        }
        g_assert_true(replay_at_end());
        char *expected = g_strdup_printf("replay: '%s': %s\nreplay: log cut short at byte %d, end at icount 0, digest "
                                         "0000000000000000\n",
                                         path, cases[i].text, at);
        expect_finish(0, 2, expected);
        g_free(expected);
        g_free(path);
    }
}

static void keep_line(void *opaque, const char *line)
{
    g_string_assign(opaque, line);
}

/* What comes next, from the last line of `info replay`. */
static bool next_event_is(const char *name)
{
    GString *line = g_string_new("");
    replay_info(keep_line, line);
    g_string_append_c(line, ';');
    bool is = strstr(line->str, name) != NULL;
    g_string_free(line, true);
    return is;
}

/* Do what the log asks for at this icount. */
static void take_next_event(void)
{
    ShutdownCause cause;
    if (next_event_is("EVENT_CLOCK_HOST")) {
        replay_clock(REPLAY_CLOCK_HOST, 1);
    } else if (next_event_is("EVENT_CLOCK_VIRTUAL_RT")) {
        replay_clock(REPLAY_CLOCK_VIRTUAL_RT, 1);
    } else if (next_event_is("EVENT_INTERRUPT")) {
        replay_interrupt();
    } else if (next_event_is("EVENT_EXCEPTION")) {
        replay_exception();
    } else if (!replay_next_shutdown(&cause)) {
        for (int cp = 0; cp < CHECKPOINT_COUNT; cp++) {
            replay_checkpoint(cp);
        }
    }
}

/* A machine that follows the log wherever it leads, as far as a machine can. */
static void follow_log(void *unused)
{
    (void)unused;
    for (int steps = 0; !replay_at_end(); steps++) {
        g_assert_cmpint(steps, <, 1000000);
        char *here = g_strdup_printf(" at icount %" PRId64 ";", fake_icount);
        if (next_event_is(here)) {
            take_next_event();
            replay_get_budget(); /* finds out when that led nowhere */
        } else {
            fake_icount += replay_get_budget();
            replay_account_executed();
        }
        g_free(here);
    }
}

static void finish_any(void *status)
{
    follow_log(NULL);
    *(int *)status = replay_finish(1);
}

/* A recorded log, cut at every byte: replays up to there, says so, exit status 2. */
static void test_cut_at_every_byte(void)
{
    char *path = temp_path("cut"), *bytes, *manifest = g_strdup_printf("%s.manifest", path);
    size_t len;
    begin_started("record", path);
    make_devices();
    machine(true);
    expect_finish(0xabc, 0, "record: end at icount 10000000005, digest 0000000000000abc\n");
    g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
    g_unlink(manifest);
    uint64_t last = REPLAY_HEADER_SIZE;
    for (size_t cut = REPLAY_HEADER_SIZE; cut < len; cut++) {
        int status = -1;
        write_file(path, bytes, cut);
        begin_started("replay", path);
        make_devices();
        char *text = capture_stderr(finish_any, &status);
        g_assert_cmpint(status, ==, REPLAY_CUT);
        g_assert_true(g_str_has_prefix(text, "replay: log cut short at byte "));
        uint64_t at = g_ascii_strtoull(text + strlen("replay: log cut short at byte "), NULL, 10);
        g_assert_cmpuint(at, <=, cut);
        g_assert_cmpuint(at, >=, last);
        last = at;
        g_free(text);
    }
    g_free(manifest);
    g_free(bytes);
    g_free(path);
}

static void test_flipped_bits(void)
{
    char *path = temp_path("flip"), *bytes, *manifest = g_strdup_printf("%s.manifest", path);
    GRand *rand = g_rand_new_with_seed(2);
    size_t len;
    begin_started("record", path);
    make_devices();
    machine(true);
    expect_finish(0xabc, 0, "record: end at icount 10000000005, digest 0000000000000abc\n");
    g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
    g_unlink(manifest);
    for (int i = 0; i < 500; i++) {
        int status = -1;
        char *copy = g_memdup2(bytes, len);
        copy[g_rand_int_range(rand, REPLAY_HEADER_SIZE, len)] ^= 1 << g_rand_int_range(rand, 0, 8);
        write_file(path, copy, len);
        begin_started("replay", path);
        make_devices();
        char *text = capture_stderr(finish_any, &status);
        g_assert_cmpint(status, >=, 0);
        g_free(text);
        g_free(copy);
    }
    g_rand_free(rand);
    g_free(manifest);
    g_free(bytes);
    g_free(path);
}

static void test_exceptions(void)
{
    char *path = temp_path("sync");
    Error *err = NULL;
    begin("record", path);
    replay_reset_for_test();
    char *options = g_strdup_printf("rr=record,rrfile=%s,rrsync=full", path);
    g_assert_true(configure(options, &err));
    g_assert_true(replay_start(&err));
    fake_icount = 3;
    replay_exception();
    fake_icount = 4;
    expect_finish(1, 0, "record: end at icount 4, digest 0000000000000001\n");
    begin_started("replay", path);
    run_to(3);
    g_assert_cmpint(replay_get_budget(), ==, 1);
    replay_exception();
    run_to(4);
    expect_finish(1, 0, "replay: end at icount 4, digest 0000000000000001, same as recorded\n");
    /* an exception that was not recorded is found at once */
    begin_started("replay", path);
    fake_icount = 2;
    char *report = capture_stderr((void (*)(void *))replay_exception, NULL);
    g_assert_nonnull(strstr(report, "found:    EVENT_EXCEPTION at icount 2\n"));
    g_free(report);
    /* without the manifest, marks are taken when they are there */
    char *manifest = g_strdup_printf("%s.manifest", path);
    g_unlink(manifest);
    begin_started("replay", path);
    fake_icount = 2;
    replay_exception();
    g_assert_false(replay_at_end());
    fake_icount = 3;
    replay_exception();
    g_assert_cmpint(replay_get_budget(), ==, 1);
    g_free(manifest);
    g_free(options);
    g_free(path);
}

static void add_line(void *opaque, const char *line)
{
    g_string_append_printf(opaque, "%s\n", line);
}

static void test_info(void)
{
    char *path = write_log("info", one_interrupt, ARRAY_SIZE(one_interrupt));
    GString *out = g_string_new("");
    begin_started("replay", path);
    replay_info(add_line, out);
    char *expected = g_strdup_printf("Replaying execution '%s': instruction count = 0\n"
                                     "next event: 2, EVENT_INTERRUPT at icount 10\n",
                                     path);
    g_assert_cmpstr(out->str, ==, expected);
    g_string_free(out, true);
    g_free(expected);
    g_free(path);
}

static size_t file_size(const char *path)
{
    GStatBuf st;
    g_assert_cmpint(g_stat(path, &st), ==, 0);
    return st.st_size;
}

/* A killed recorder: what was recorded is on disk after 100 ms, by the vCPU's looks or by the I/O thread's timer. */
static void test_flush(void)
{
    char *path = temp_path("flush");
    begin_started("record", path);
    g_assert_cmpuint(file_size(path), ==, REPLAY_HEADER_SIZE);
    fake_icount = 5;
    replay_interrupt();
    g_assert_cmpuint(file_size(path), ==, REPLAY_HEADER_SIZE);
    g_usleep(90000);
    for (int i = 0; i < 64; i++) {
        replay_account_executed();
    }
    g_assert_cmpuint(file_size(path), ==, REPLAY_HEADER_SIZE + 6);
    replay_interrupt();
    g_usleep(90000);
    qemu_clock_run_timers(QEMU_CLOCK_REALTIME, get_clock_realtime_ns());
    g_assert_cmpuint(file_size(path), ==, REPLAY_HEADER_SIZE + 7);
    g_assert_cmpint(qemu_clock_deadline(QEMU_CLOCK_REALTIME), >, get_clock_realtime_ns());
    expect_finish(1, 0, "record: end at icount 5, digest 0000000000000001\n");
    g_assert_cmpint(qemu_clock_deadline(QEMU_CLOCK_REALTIME), ==, -1);
    g_free(path);
}

static void arrive(int64_t icount, uint64_t digest)
{
    fake_icount = icount;
    fake_cpu_digest = digest;
    for (int i = 0; i < 64; i++) {
        replay_account_executed();
        fake_cpu_digest = 0xbad; /* only the first arrival counts */
    }
}

/* A recording of over a second has a digest on the way; replay stops for it and compares. */
static void test_digest(void)
{
    char *path = temp_path("digest");
    begin_started("record", path);
    arrive(10, 1);
    g_usleep(1050000);
    arrive(20, 2); /* the clock is looked at after the first arrival */
    arrive(30, 3);
    arrive(40, 4);
    expect_finish(9, 0, "record: end at icount 40, digest 0000000000000009\n");
    begin_started("replay", path);
    int64_t at = replay_get_budget();
    g_assert_true(at == 20 || at == 30);
    arrive(at, at / 10);
    g_assert_cmpint(replay_get_budget(), ==, 40 - at);
    arrive(40, 77);
    expect_finish(9, 0, "replay: end at icount 40, digest 0000000000000009, same as recorded\n");
    g_free(path);
}

static void flush_by_timer(void *unused)
{
    (void)unused;
    g_usleep(90000);
    qemu_clock_run_timers(QEMU_CLOCK_REALTIME, get_clock_realtime_ns());
}

/* The disk is full while recording: one message, the machine is asked to stop, exit status 1. */
static void record_on_full_disk(void)
{
    char *path = temp_path("full");
    char *text;
    g_assert_cmpint(symlink("/dev/null", path), ==, 0);
    begin_started("record", path);
    int fd = open("/dev/full", O_WRONLY), log_fd = -1;
    char target[256];
    for (int i = 3; i < 64 && log_fd < 0; i++) {
        char *link = g_strdup_printf("/proc/self/fd/%d", i);
        ssize_t n = readlink(link, target, sizeof(target) - 1);
        log_fd = n == 9 && !memcmp(target, "/dev/null", 9) ? i : -1;
        g_free(link);
    }
    g_assert_cmpint(log_fd, >, 0);
    dup2(fd, log_fd);
    close(fd);
    replay_interrupt();
    shutdowns = 0;
    text = capture_stderr(flush_by_timer, NULL);
    g_assert_nonnull(strstr(text, "No space left on device; the recording ends here\n"));
    g_assert_cmpint(shutdowns, ==, 1);
    expect_finish(1, 1, "");
    g_free(text);
    g_free(path);
}

static void nested_cb(void *opaque)
{
    (void)opaque;
    replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL);
}

static void test_never_nests(void)
{
    if (g_test_subprocess()) {
        replay_reset_for_test();
        replay_bh_schedule_event(replay_bh_new("nested", nested_cb, NULL));
        replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*checkpoint 4 inside another*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    use_all_stubs();
    g_test_add_func("/replay/async/none", test_none);
    g_test_add_func("/replay/async/record-and-replay", test_record_and_replay);
    g_test_add_func("/replay/async/queued-while-running", test_queued_while_running);
    g_test_add_func("/replay/async/producers-on-threads", test_producers_on_threads);
    g_test_add_func("/replay/async/block", test_block);
    g_test_add_func("/replay/async/unknown-ids", test_unknown_ids);
    g_test_add_func("/replay/async/damaged-queue", test_damaged_queue);
    g_test_add_func("/replay/async/never-nests", test_never_nests);
    g_test_add_func("/replay/play/budget", test_budget);
    g_test_add_func("/replay/play/digests", test_digests);
    g_test_add_func("/replay/play/divergence-report", test_divergence_report);
    g_test_add_func("/replay/play/passed-event", test_passed_event);
    g_test_add_func("/replay/play/callers-divergence", test_callers_divergence);
    g_test_add_func("/replay/play/no-hang", test_no_hang);
    g_test_add_func("/replay/play/machine-stops-early", test_machine_stops_early);
    g_test_add_func("/replay/play/refused-events", test_refused_events);
    g_test_add_func("/replay/play/cut-at-every-byte", test_cut_at_every_byte);
    g_test_add_func("/replay/play/flipped-bits", test_flipped_bits);
    g_test_add_func("/replay/play/exceptions", test_exceptions);
    g_test_add_func("/replay/play/info", test_info);
    g_test_add_func("/replay/record/flush", test_flush);
    g_test_add_func("/replay/record/digest", test_digest);
    g_test_add_func("/replay/record/full-disk", record_on_full_disk);
    int status = g_test_run();
    if (temp_dir) {
        remove_temp_dir();
    }
    return status;
}
