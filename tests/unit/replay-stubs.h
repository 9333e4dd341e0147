/* tests/unit/replay-stubs.h  A machine for replay/ to live in: a settable icount, and everything that was called, in order. */
#ifndef TESTS_UNIT_REPLAY_STUBS_H
#define TESTS_UNIT_REPLAY_STUBS_H

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "replay/replay-internal.h"
#include "sysemu/cpus.h"
#include "util/main-loop.h"

static int64_t fake_icount;
static int fake_shift = 7;
static int kicks;
static int shutdowns;
static uint64_t fake_cpu_digest;
static GString *calls; /* what reached the devices */

int64_t icount_get(void)
{
    return fake_icount;
}

int icount_shift(void)
{
    return fake_shift;
}

void cpus_kick_for_interrupt(void)
{
}
void cpus_kick(void)
{
    g_atomic_int_inc(&kicks);
}

static bool fake_vcpu_thread;
bool cpus_end_slice_within(int64_t instructions)
{
    (void)instructions;
    return fake_vcpu_thread;
}

bool replay_mutex_locked(void)
{
    return true;
}

void qemu_notify_event(void)
{
}

void qemu_system_shutdown_request(ShutdownCause cause)
{
    g_assert_cmpint(cause, ==, SHUTDOWN_CAUSE_HOST_ERROR);
    shutdowns++;
}

void qemu_chr_be_write_impl(struct Chardev *chr, const uint8_t *buf, size_t len)
{
    g_string_append_printf(calls, "chr%d:%.*s ", GPOINTER_TO_INT(chr), (int)MIN(len, 20), buf);
}

void qemu_input_event_send_impl(const InputEvent *evt)
{
    g_string_append_printf(calls, "input%d:%" PRIu64 ",%u,%u,%u,%" PRId64 ",%d ", evt->kind, evt->number, evt->qcode,
                           evt->button, evt->axis, evt->value, evt->down);
}

void qemu_input_event_sync_impl(void)
{
    g_string_append(calls, "sync ");
}

static uint64_t test_cpu_digest(void)
{
    return fake_cpu_digest;
}

static uint64_t test_pc(void)
{
    return 0xf1234;
}

static char *temp_dir;

static char *temp_path(const char *name)
{
    if (!temp_dir) {
        temp_dir = g_dir_make_tmp("replay-XXXXXX", NULL);
    }
    return g_build_filename(temp_dir, name, NULL);
}

static void remove_temp_dir(void)
{
    char *command = g_strdup_printf("rm -rf '%s'", temp_dir ? temp_dir : "/nonexistent");
    g_assert_cmpint(system(command), ==, 0);
    g_free(command);
    g_free(temp_dir);
    temp_dir = NULL;
}

static bool configure(const char *options, Error **errp)
{
    static char *argv[] = { "qemu-system-i386", "-m", "128M", NULL };
    QemuOpts *opts = qemu_opts_parse(options, "shift", NULL, errp);
    g_assert_nonnull(opts);
    bool ok = replay_configure(opts, 3, argv, errp);
    qemu_opts_free(opts);
    return ok;
}

static bool is_expected(const char *message)
{
    return strstr(message, "has no manifest") != NULL;
}

static void begin(const char *mode, const char *path)
{
    char *options = g_strdup_printf("shift=7,rr=%s,rrfile=%s", mode, path);
    Error *err = NULL;
    fake_icount = 0;
    if (!calls) {
        calls = g_string_new("");
    }
    g_string_truncate(calls, 0);
    replay_reset_for_test();
    replay_cpu_digest_hook = test_cpu_digest;
    replay_pc_hook = test_pc;
    error_set_report_hook(is_expected);
    g_assert_true(configure(options, &err));
    error_set_report_hook(NULL);
    g_free(options);
}

static void begin_started(const char *mode, const char *path)
{
    begin(mode, path);
    g_assert_true(replay_start(&error_fatal));
}

static void take_message(Error **err, const char *expected)
{
    g_assert_nonnull(*err);
    g_assert_cmpstr(error_get_pretty(*err), ==, expected);
    error_free(*err);
    *err = NULL;
}

/* Run fn with stderr going to a file; returns its text, g_free it. */
static char *capture_stderr(void (*fn)(void *data), void *data)
{
    char *path = temp_path("stderr"), *text;
    fflush(stderr);
    int saved = dup(2), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(fd, 2);
    fn(data);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    close(fd);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_free(path);
    return text;
}

typedef struct Finish {
    uint64_t digest;
    int status;
} Finish;

static void run_finish(void *data)
{
    Finish *f = data;
    f->status = replay_finish(f->digest);
}

/* replay_finish() must print exactly this, and return status. */
static void expect_finish(uint64_t digest, int status, const char *expected)
{
    Finish f = { digest, -1 };
    char *text = capture_stderr(run_finish, &f);
    g_assert_cmpstr(text, ==, expected);
    g_assert_cmpint(f.status, ==, status);
    g_free(text);
}

static void write_file(const char *path, const void *data, size_t len)
{
    g_assert_true(g_file_set_contents(path, data, len, NULL));
}

/* A log without manifest. */
static char *write_log(const char *name, const ReplayEvent *events, size_t count)
{
    char *path = temp_path(name), *manifest = g_strdup_printf("%s.manifest", path);
    GByteArray *bytes = g_byte_array_new();
    log_encode_header(bytes);
    for (size_t i = 0; i < count; i++) {
        log_encode_event(bytes, &events[i]);
    }
    write_file(path, bytes->data, bytes->len);
    g_unlink(manifest);
    g_byte_array_unref(bytes);
    g_free(manifest);
    return path;
}

/* The tests that include this need not use all of it. */
static inline void use_all_stubs(void)
{
    (void)take_message, (void)expect_finish, (void)write_log, (void)begin_started, (void)shutdowns,
        (void)fake_vcpu_thread, (void)remove_temp_dir;
}

#endif
