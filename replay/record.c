/*
 * replay/record.c  Recording: each event goes into the log's buffer at the icount where it happens.
 *
 * The log has its own lock, because two threads write to the file: the owner of replay_mutex (events), and the I/O
 * thread, whose timer sees to it that a killed recorder has lost at most 100 ms even while the vCPU sleeps.
 */
#include "replay/replay-internal.h"

#include <errno.h>
#include <unistd.h>

#include "sysemu/cpus.h"
#include "util/error.h"
#include "util/info.h"
#include "util/timer.h"

#define FLUSH_NS     (80 * 1000000LL)
#define DIGEST_NS    (1 * NANOSECONDS_PER_SECOND)
#define CLOCK_PERIOD 32 /* slices between two looks at the host's clock */

static struct {
    GMutex lock; /* log, events, last_icount, closed */
    LogWriter log;
    uint64_t events;
    int64_t last_icount; /* up to which INSTRUCTION events say */
    bool closed;
    gint error_reported;

    /* owner of replay_mutex */
    Manifest manifest;
    LogWriter manifest_file;
    int64_t last_seen_icount; /* at the last replay_account_executed() */
    unsigned slices;
    int64_t last_flush_ns, last_digest_ns;
    bool digest_due;

    QEMUTimer flush_timer; /* realtime */
} rec = { .log = { .fd = -1 }, .manifest_file = { .fd = -1 } };

/* ---- errors: seen anywhere, reported where no lock of ours is held ---- */

static void report_error(const LogWriter *w)
{
    if (w->error && g_atomic_int_compare_and_exchange(&rec.error_reported, 0, 1)) {
        error_report("Could not write '%s': %s; the recording ends here", w->path, g_strerror(w->error));
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_ERROR);
    }
}

static void flush_log(void)
{
    g_mutex_lock(&rec.lock);
    if (!rec.closed && rec.log.buffer->len) {
        log_writer_flush(&rec.log);
    }
    g_mutex_unlock(&rec.lock);
    report_error(&rec.log);
}

static void flush_timer_cb(void *opaque)
{
    (void)opaque;
    flush_log();
    g_mutex_lock(&rec.lock);
    if (!rec.closed) {
        timer_mod(&rec.flush_timer, get_clock_realtime_ns() + FLUSH_NS);
    }
    g_mutex_unlock(&rec.lock);
}

/* ---- events ---- */

static void put_event_locked(const ReplayEvent *ev)
{
    log_writer_put_event(&rec.log, ev);
    rec.events++;
}

static void put_instructions_locked(void)
{
    int64_t now = icount_get();
    lockstep_assert(now >= rec.last_icount, "icount went back from %" PRId64 " to %" PRId64, rec.last_icount, now);
    while (rec.last_icount < now) {
        uint32_t count = MIN(now - rec.last_icount, (int64_t)UINT32_MAX);
        put_event_locked(&(ReplayEvent){ .id = EVENT_INSTRUCTION, .arg = { count } });
        rec.last_icount += count;
    }
}

static void record_event(const ReplayEvent *ev)
{
    g_mutex_lock(&rec.lock);
    if (!rec.closed) {
        put_instructions_locked();
        put_event_locked(ev);
    }
    g_mutex_unlock(&rec.lock);
}

static int64_t record_clock(ReplayClock kind, int64_t host_value)
{
    ReplayEvent ev = clock_event(kind, host_value);
    record_event(&ev);
    return host_value;
}

static void record_interrupt(void)
{
    record_event(&(ReplayEvent){ .id = EVENT_INTERRUPT });
}

static void record_exception(void)
{
    if (rec.manifest.sync_full) {
        record_event(&(ReplayEvent){ .id = EVENT_EXCEPTION });
    }
}

static bool record_checkpoint(ReplayCheckpoint checkpoint)
{
    lockstep_assert(replay_mutex_locked(), "checkpoint %d without replay_mutex", checkpoint);
    checkpoint_enter(checkpoint);
    record_event(&(ReplayEvent){ .id = EVENT_CHECKPOINT, .number = checkpoint });
    if (checkpoint_runs_events(checkpoint)) {
        async_run_queue(checkpoint, record_event);
    }
    checkpoint_leave();
    return true;
}

static bool record_next_is_checkpoint(ReplayCheckpoint checkpoint)
{
    (void)checkpoint;
    return false;
}

static void record_shutdown_request(ShutdownCause cause)
{
    lockstep_assert(cause < SHUTDOWN_CAUSE_MAX, "shutdown cause %d", cause);
    record_event(&(ReplayEvent){ .id = EVENT_SHUTDOWN, .number = cause });
}

static bool record_next_shutdown(ShutdownCause *cause)
{
    (void)cause;
    return false;
}

static int64_t record_get_budget(void)
{
    return INT64_MAX;
}

static uint64_t record_event_number(void)
{
    return rec.events;
}

static bool record_at_end(void)
{
    return false;
}

static void record_diverged(const char *text)
{
    error_report("%s", text);
}

/* ---- manifest ---- */

static void put_manifest_line(char *line)
{
    log_writer_put(&rec.manifest_file, line, strlen(line));
    log_writer_flush(&rec.manifest_file);
    g_free(line);
    report_error(&rec.manifest_file);
}

/*
 * Only at the first arrival at an icount, and right after the engine returned: replay, which stops there because of
 * this very line, compares before anything else has happened at that icount.
 */
static void put_digest_if_due(int64_t icount)
{
    if (rec.digest_due && icount > rec.last_seen_icount && replay_cpu_digest_hook) {
        put_manifest_line(manifest_digest_line(icount, replay_cpu_digest_hook()));
        rec.digest_due = false;
    }
}

static void look_at_clock(void)
{
    int64_t now = get_clock_realtime_ns();
    if (now - rec.last_flush_ns >= FLUSH_NS) {
        rec.last_flush_ns = now;
        flush_log();
    }
    if (now - rec.last_digest_ns >= DIGEST_NS) {
        rec.last_digest_ns = now;
        rec.digest_due = true;
    }
}

static void record_account_executed(void)
{
    int64_t icount = icount_get();
    if (rec.slices++ % CLOCK_PERIOD == 0) {
        look_at_clock();
    }
    put_digest_if_due(icount);
    rec.last_seen_icount = icount;
}

static bool record_add_input(const char *role, const char *path, Error **errp)
{
    ManifestInput *input = manifest_add_input(&rec.manifest, role, path);
    return file_hash(path, rec.manifest.hash_full, &input->size, &input->xxh3, errp);
}

static bool record_add_property(const char *name, const char *option, const char *value, Error **errp)
{
    (void)option, (void)errp;
    manifest_set_property(&rec.manifest, name, value);
    return true;
}

/* ---- begin and end ---- */

static bool check_writer(const LogWriter *w, Error **errp)
{
    if (w->error) {
        error_setg_errno(errp, w->error, "Could not write '%s'", w->path);
    }
    return !w->error;
}

/* Snapshots of an older recording lead nowhere in the new log. */
static bool remove_old_snapshots(Error **errp)
{
    if (unlink(replay_snapshots_path()) < 0 && errno != ENOENT) {
        error_setg_errno(errp, errno, "Could not remove '%s' of an older recording", replay_snapshots_path());
        return false;
    }
    return true;
}

static bool open_files(const char *path, Error **errp)
{
    if (!log_writer_open(&rec.log, path, errp)) {
        return false;
    }
    g_autoptr(GByteArray) header = g_byte_array_new();
    log_encode_header(header);
    log_writer_put(&rec.log, header->data, header->len);
    log_writer_flush(&rec.log);
    /* An older recording's manifest must not stand beside the new log. */
    return check_writer(&rec.log, errp) && log_writer_open(&rec.manifest_file, rec.manifest.path, errp) &&
           remove_old_snapshots(errp);
}

bool record_open(const char *path, bool sync_full, bool hash_full, int argc, char **argv, Error **errp)
{
    manifest_init(&rec.manifest, path);
    rec.manifest.sync_full = sync_full;
    rec.manifest.hash_full = hash_full;
    for (int i = 0; i < argc; i++) {
        g_ptr_array_add(rec.manifest.argv, g_strdup(argv[i]));
    }
    return open_files(path, errp);
}

static bool record_start(Error **errp)
{
    rec.manifest.shift = icount_shift();
    char *line = manifest_head_line(&rec.manifest);
    log_writer_put(&rec.manifest_file, line, strlen(line));
    log_writer_flush(&rec.manifest_file);
    g_free(line);
    if (!check_writer(&rec.manifest_file, errp)) {
        return false;
    }
    rec.last_digest_ns = rec.last_flush_ns = get_clock_realtime_ns();
    timer_init_ns(&rec.flush_timer, QEMU_CLOCK_REALTIME, flush_timer_cb, NULL);
    timer_mod(&rec.flush_timer, rec.last_flush_ns + FLUSH_NS);
    return true;
}

static void record_get_position(ReplayPosition *pos)
{
    g_mutex_lock(&rec.lock);
    *pos = (ReplayPosition){
        .offset = rec.log.bytes, .icount = rec.last_icount, .events = rec.events, .seed = rec.manifest.seed
    };
    g_mutex_unlock(&rec.lock);
}

static bool record_set_position(const ReplayPosition *pos, Error **errp)
{
    (void)pos;
    return replay_may_load(errp);
}

static bool close_log(void)
{
    g_mutex_lock(&rec.lock);
    rec.closed = true;
    bool ok = log_writer_close(&rec.log);
    g_mutex_unlock(&rec.lock);
    if (rec.flush_timer.cb) {
        timer_del(&rec.flush_timer);
    }
    return ok;
}

/* The manifest's last line goes out after the log is complete: it says that all is there. */
static int record_finish(uint64_t digest)
{
    int64_t icount = icount_get();
    record_event(&(ReplayEvent){ .id = EVENT_END });
    bool ok = close_log();
    report_error(&rec.log);
    if (ok) {
        put_manifest_line(manifest_end_line(icount, digest, rec.events, rec.log.bytes));
    }
    if (!ok || !log_writer_close(&rec.manifest_file)) {
        return REPLAY_UNUSABLE;
    }
    fprintf(stderr, "record: end at icount %" PRId64 ", digest %016" PRIx64 "\n", icount, digest);
    return REPLAY_SAME;
}

static void record_info(InfoPrint *print, void *opaque)
{
    const InfoSink out = { print, opaque };
    info_line(&out, "Recording execution '%s': instruction count = %" PRId64, rec.log.path, icount_get());
    info_line(&out, "events: %" PRIu64 ", bytes: %" PRIu64, rec.events, rec.log.bytes);
}

const ReplayOps replay_ops_record = {
    .takes_host_events = true,
    .clock = record_clock,
    .interrupt = record_interrupt,
    .exception = record_exception,
    .checkpoint = record_checkpoint,
    .has_events = async_pending,
    .next_is_checkpoint = record_next_is_checkpoint,
    .shutdown_request = record_shutdown_request,
    .next_shutdown = record_next_shutdown,
    .get_budget = record_get_budget,
    .account_executed = record_account_executed,
    .event_number = record_event_number,
    .at_end = record_at_end,
    .diverged = record_diverged,
    .add_input = record_add_input,
    .add_property = record_add_property,
    .start = record_start,
    .get_position = record_get_position,
    .set_position = record_set_position,
    .finish = record_finish,
    .info = record_info,
};

Manifest *record_manifest(void)
{
    return &rec.manifest;
}

void record_reset(void)
{
    if (rec.log.buffer) {
        close_log();
        log_writer_free(&rec.log);
    }
    if (rec.manifest_file.buffer) {
        log_writer_free(&rec.manifest_file);
    }
    manifest_free(&rec.manifest);
    memset(&rec, 0, sizeof(rec));
    rec.log.fd = rec.manifest_file.fd = -1;
}
