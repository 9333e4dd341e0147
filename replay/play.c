/*
 * replay/play.c  Replaying: the next event is always at hand, decoded, with the icount at which it stands. Everything
 * the machine does is held against it; the first difference is a divergence, is reported once, and ends the replay.
 *
 * Once the replay is over (log's end, cut or divergence) all entries become harmless: the machine may finish its
 * instruction.
 */
#include "replay/replay-internal.h"

#include "sysemu/cpus.h"
#include "util/error.h"
#include "util/info.h"

/* Looks at the log without any progress after which nothing will happen any more (a log that no machine wrote). */
#define MAX_STALLS 10000

static struct {
    LogReader log;
    char *path;
    Manifest manifest;
    guint next_digest; /* index in manifest.digests */

    ReplayEvent next;
    int64_t next_icount;
    uint64_t event_number; /* of next, from 1 */
    int checkpoint;        /* the last one read with no instruction since: ASYNC may follow; -1 */

    int64_t last_seen_icount; /* at the last replay_account_executed() */
    int64_t stall_icount;
    uint64_t stall_event;
    unsigned stalls;

    bool diverged;
} play = { .log = { .fd = -1 } };

/* ---- the next event ---- */

/* Why an event that is well-formed by itself cannot be; NULL when it can. */
static const char *impossible(const ReplayEvent *ev)
{
    InputEvent evt;
    if (ev->id == EVENT_SHUTDOWN && ev->number >= SHUTDOWN_CAUSE_MAX) {
        return "impossible shutdown cause";
    }
    if (ev->id != EVENT_ASYNC) {
        return NULL;
    }
    if ((int64_t)ev->arg[ASYNC_ARG_CHECKPOINT] != play.checkpoint || !checkpoint_runs_events(play.checkpoint)) {
        return "an asynchronous event outside its checkpoint";
    }
    if (ev->arg[ASYNC_ARG_KIND] == REPLAY_ASYNC_EVENT_INPUT && !input_event_decode(ev, &evt)) {
        return "impossible input event";
    }
    return NULL;
}

/* INSTRUCTION events only move the place of the next one. False: another event, or the end, is at hand. */
static bool skip_instructions(void)
{
    if (play.next.id != EVENT_INSTRUCTION) {
        return false;
    }
    if (play.next_icount > INT64_MAX - (int64_t)play.next.arg[0]) {
        log_reader_refuse(&play.log, &play.next, "impossible instruction count");
        return true;
    }
    play.next_icount += play.next.arg[0];
    play.checkpoint = -1;
    return true;
}

static void fetch(void)
{
    do {
        log_read_event(&play.log, &play.next);
        play.event_number++;
    } while (skip_instructions());
    const char *problem = impossible(&play.next);
    if (problem) {
        log_reader_refuse(&play.log, &play.next, problem);
        log_read_event(&play.log, &play.next);
    }
    if (play.next.id == EVENT_CHECKPOINT) {
        play.checkpoint = play.next.number;
    }
}

static bool ends_replay(const ReplayEvent *ev)
{
    return ev->id == EVENT_END || ev->id == EVENT_CUT;
}

static bool at_log_end(void)
{
    return ends_replay(&play.next) && icount_get() >= play.next_icount;
}

static bool play_at_end(void)
{
    return play.diverged || at_log_end();
}

static bool next_is_here(ReplayEventId id)
{
    return !play.diverged && play.next.id == id && play.next_icount == icount_get();
}

/* ---- divergence ---- */

static void diverge(char *found)
{
    if (play.diverged) {
        g_free(found);
        return;
    }
    play.diverged = true;
    check_report(&(Divergence){
        .log = play.path,
        .event_number = play.event_number,
        .offset = play.next.offset,
        .icount = icount_get(),
        .expected = check_expected(&play.next, play.next_icount),
        .found = found,
    });
    cpus_kick();
}

static void play_diverged(const char *text)
{
    if (!at_log_end()) {
        diverge(g_strdup(text));
    }
}

static void diverge_on_event(const ReplayEvent *found)
{
    diverge(check_expected(found, icount_get()));
}

/* ---- events ---- */

static int64_t play_clock(ReplayClock kind, int64_t host_value)
{
    if (play_at_end()) {
        return host_value;
    }
    if (!next_is_here(EVENT_CLOCK_HOST + kind)) {
        char *name = replay_event_name(&(ReplayEvent){ .id = EVENT_CLOCK_HOST + kind });
        diverge(g_strdup_printf("%s at icount %" PRId64, name, icount_get()));
        g_free(name);
        return host_value;
    }
    int64_t ns = play.next.arg[0];
    fetch();
    return ns;
}

static void play_interrupt(void)
{
    if (play_at_end()) {
        return;
    }
    if (next_is_here(EVENT_INTERRUPT)) {
        fetch();
    } else {
        diverge_on_event(&(ReplayEvent){ .id = EVENT_INTERRUPT });
    }
}

/* A log has these marks or not; where the manifest says that it has, a missing one is a divergence. */
static void play_exception(void)
{
    if (play_at_end()) {
        return;
    }
    if (next_is_here(EVENT_EXCEPTION)) {
        fetch();
    } else if (play.manifest.sync_full) {
        diverge_on_event(&(ReplayEvent){ .id = EVENT_EXCEPTION });
    }
}

/* The event's data belongs to the reader, and its work may read on. */
static void run_next_async(void)
{
    ReplayEvent ev = play.next;
    uint8_t *data = ev.len ? g_memdup2(ev.data, ev.len) : NULL;
    ev.data = data;
    fetch();
    char *problem = async_dispatch(&ev);
    if (problem) {
        char *event = replay_event_describe(&ev);
        diverge(g_strdup_printf("%s (byte %" PRIu64 "), but %s", event, ev.offset, problem));
        g_free(event);
        g_free(problem);
    }
    g_free(data);
}

static bool next_is_checkpoint(ReplayCheckpoint checkpoint)
{
    return next_is_here(EVENT_CHECKPOINT) && play.next.number == checkpoint;
}

static bool play_checkpoint(ReplayCheckpoint checkpoint)
{
    lockstep_assert(replay_mutex_locked(), "checkpoint %d without replay_mutex", checkpoint);
    if (!next_is_checkpoint(checkpoint)) {
        return false;
    }
    checkpoint_enter(checkpoint);
    fetch();
    while (next_is_here(EVENT_ASYNC)) {
        run_next_async();
    }
    checkpoint_leave();
    return true;
}

static bool play_has_events(void)
{
    return next_is_checkpoint(CHECKPOINT_CLOCK_VIRTUAL);
}

static void play_shutdown_request(ShutdownCause cause)
{
    (void)cause;
}

static bool play_next_shutdown(ShutdownCause *cause)
{
    if (!next_is_here(EVENT_SHUTDOWN)) {
        return false;
    }
    *cause = play.next.number;
    fetch();
    return true;
}

static uint64_t play_event_number(void)
{
    return play.event_number - 1;
}

/* ---- how far to run ---- */

static bool instruction_consumes(ReplayEventId id)
{
    switch (id) {
    case EVENT_CLOCK_HOST:
    case EVENT_EXCEPTION:
    case EVENT_CHAR_WRITE:
    case EVENT_CHAR_READ_ALL:
    case EVENT_CHAR_READ_ALL_ERROR:
    case EVENT_AUDIO_OUT:
    case EVENT_AUDIO_IN:
        return true;
    default:
        return false;
    }
}

static void check_passed(int64_t icount)
{
    if (icount > play.next_icount && play.next.id != EVENT_CUT) {
        diverge(g_strdup_printf("no such event; the machine has gone on to icount %" PRId64, icount));
    }
}

static bool stalled(int64_t icount)
{
    if (icount != play.stall_icount || play.event_number != play.stall_event) {
        play.stall_icount = icount;
        play.stall_event = play.event_number;
        play.stalls = 0;
    }
    return ++play.stalls > MAX_STALLS;
}

static int64_t distance_to_digest(int64_t icount)
{
    const GArray *digests = play.manifest.digests;
    if (play.next_digest >= digests->len) {
        return INT64_MAX;
    }
    int64_t distance = g_array_index(digests, ManifestDigest, play.next_digest).icount - icount;
    return distance > 0 ? distance : INT64_MAX;
}

static int64_t distance_to_stop(int64_t icount)
{
    int64_t next = replay_stops ? replay_stops->next(icount) : INT64_MAX;
    return next == INT64_MAX ? next : next - icount;
}

static int64_t play_get_budget(void)
{
    int64_t icount = icount_get();
    check_passed(icount);
    if (play_at_end()) {
        return 0;
    }
    if (stalled(icount)) {
        diverge(g_strdup("nothing; the machine waits here forever"));
        return 0;
    }
    int64_t distance = play.next_icount - icount;
    if (distance == 0) {
        return instruction_consumes(play.next.id) ? 1 : 0;
    }
    return MIN(distance, MIN(distance_to_digest(icount), distance_to_stop(icount)));
}

static void compare_digest(const ManifestDigest *recorded)
{
    uint64_t digest = replay_cpu_digest_hook();
    if (digest != recorded->digest && !play.diverged) {
        fprintf(stderr,
                "replay: CPU state differs at icount %" PRId64 ": digest %016" PRIx64 ", recorded %016" PRIx64 "\n",
                recorded->icount, digest, recorded->digest);
        diverge(g_strdup("another CPU state on the way there"));
    }
}

/* Digests are due at the first arrival at their icount; one that was not stopped at is too late to compare. */
static void check_digests(int64_t icount)
{
    const GArray *digests = play.manifest.digests;
    while (play.next_digest < digests->len) {
        const ManifestDigest *d = &g_array_index(digests, ManifestDigest, play.next_digest);
        if (d->icount > icount) {
            return;
        }
        if (d->icount == icount && icount > play.last_seen_icount && replay_cpu_digest_hook) {
            compare_digest(d);
        }
        play.next_digest++;
    }
}

static void play_account_executed(void)
{
    int64_t icount = icount_get();
    check_digests(icount);
    if (replay_stops && icount > play.last_seen_icount) {
        replay_stops->arrived(icount);
    }
    play.last_seen_icount = icount;
    check_passed(icount);
}

/* ---- begin and end ---- */

static bool play_add_input(const char *role, const char *path, Error **errp)
{
    return manifest_check_input(&play.manifest, role, path, errp);
}

static bool play_add_property(const char *name, const char *option, const char *value, Error **errp)
{
    return manifest_check_property(&play.manifest, name, option, value, errp);
}

bool play_open(const char *path, Error **errp)
{
    if (!log_reader_open(&play.log, path, errp) || !log_read_header(&play.log, path, errp)) {
        return false;
    }
    play.path = g_strdup(path);
    play.checkpoint = -1;
    manifest_init(&play.manifest, path);
    if (!manifest_load(&play.manifest, errp)) {
        return false;
    }
    if (!play.manifest.has_head) {
        warn_report("'%s' has no manifest: inputs and machine are not compared with the recording", path);
    }
    fetch();
    return true;
}

static bool play_start(Error **errp)
{
    const Manifest *m = &play.manifest;
    if (!m->has_head) {
        return true;
    }
    if (m->shift != icount_shift()) {
        error_setg(errp, "-icount shift=%d: the recording was made with -icount shift=%d", icount_shift(), m->shift);
        return false;
    }
    return manifest_check_complete(m, errp);
}

/* ---- snapshots ---- */

static void play_get_position(ReplayPosition *pos)
{
    *pos = (ReplayPosition){ .offset = play.next.offset,
                             .icount = play.next_icount,
                             .events = play.event_number - 1,
                             .seed = play.manifest.seed };
}

/* Digests up to here have been compared, or are behind us. */
static void find_next_digest(int64_t icount)
{
    const GArray *digests = play.manifest.digests;
    play.next_digest = 0;
    while (play.next_digest < digests->len &&
           g_array_index(digests, ManifestDigest, play.next_digest).icount <= icount) {
        play.next_digest++;
    }
}

static bool play_check_position(const ReplayPosition *pos, Error **errp)
{
    if (!pos->offset) {
        error_setg(errp, "it was taken without rr=record or rr=replay: '%s' does not lead on from it", play.path);
        return false;
    }
    if (play.manifest.has_head && pos->seed != play.manifest.seed) {
        error_setg(errp, "it belongs to another recording (seed %016" PRIx64 ", that of '%s' is %016" PRIx64 ")",
                   pos->seed, play.path, play.manifest.seed);
        return false;
    }
    return true;
}

static bool play_set_position(const ReplayPosition *pos, Error **errp)
{
    if (!play_check_position(pos, errp)) {
        return false;
    }
    log_reader_seek(&play.log, pos->offset);
    play.next_icount = pos->icount;
    play.event_number = pos->events;
    play.checkpoint = -1;
    play.diverged = false;
    play.stalls = 0;
    play.last_seen_icount = icount_get();
    find_next_digest(icount_get());
    fetch();
    return true;
}

static int finish_same_or_not(int64_t icount, uint64_t digest)
{
    const Manifest *m = &play.manifest;
    fprintf(stderr, "replay: end at icount %" PRId64 ", digest %016" PRIx64 ", ", icount, digest);
    if (!m->has_end) {
        fprintf(stderr, play.diverged ? "diverged\n" : "no digest recorded\n");
        return play.diverged ? REPLAY_DIVERGED : REPLAY_SAME;
    }
    if (m->end_digest == digest && m->end_icount == icount && !play.diverged) {
        fprintf(stderr, "same as recorded\n");
        return REPLAY_SAME;
    }
    fprintf(stderr, "differs from recorded %016" PRIx64 "\n", m->end_digest);
    return REPLAY_DIVERGED;
}

static int finish_cut(int64_t icount, uint64_t digest)
{
    if (play.log.message) {
        fprintf(stderr, "replay: '%s': %s\n", play.path, play.log.message);
    }
    fprintf(stderr, "replay: log cut short at byte %" PRIu64 ", end at icount %" PRId64 ", digest %016" PRIx64 "\n",
            play.log.end_offset, icount, digest);
    return REPLAY_CUT;
}

static int play_finish(uint64_t digest)
{
    int64_t icount = icount_get();
    check_passed(icount);
    if (!play_at_end()) {
        diverge(g_strdup_printf("the machine's end at icount %" PRId64, icount));
    }
    bool cut = !play.diverged && play.next.id == EVENT_CUT;
    return cut ? finish_cut(icount, digest) : finish_same_or_not(icount, digest);
}

static void play_info(InfoPrint *print, void *opaque)
{
    char *next = check_expected(&play.next, play.next_icount);
    char *where = g_strdup_printf("Replaying execution '%s': instruction count = %" PRId64, play.path, icount_get());
    char *what = g_strdup_printf("next event: %" PRIu64 ", %s", play.event_number, next);
    print(opaque, where);
    print(opaque, what);
    g_free(next);
    g_free(where);
    g_free(what);
}

const ReplayOps replay_ops_play = {
    .takes_host_events = false,
    .clock = play_clock,
    .interrupt = play_interrupt,
    .exception = play_exception,
    .checkpoint = play_checkpoint,
    .has_events = play_has_events,
    .next_is_checkpoint = next_is_checkpoint,
    .shutdown_request = play_shutdown_request,
    .next_shutdown = play_next_shutdown,
    .get_budget = play_get_budget,
    .account_executed = play_account_executed,
    .event_number = play_event_number,
    .at_end = play_at_end,
    .diverged = play_diverged,
    .add_input = play_add_input,
    .add_property = play_add_property,
    .start = play_start,
    .get_position = play_get_position,
    .check_position = play_check_position,
    .set_position = play_set_position,
    .finish = play_finish,
    .info = play_info,
};

Manifest *play_manifest(void)
{
    return &play.manifest;
}

void play_reset(void)
{
    if (play.log.array) {
        log_reader_close(&play.log);
    }
    g_free(play.path);
    manifest_free(&play.manifest);
    memset(&play, 0, sizeof(play));
    play.log.fd = -1;
}
