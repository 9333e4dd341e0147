/* replay/replay.c  The face of replay/: -icount's rr keys, the choice of the mode, and one line per entry. */
#include "replay/replay-internal.h"

#include <errno.h>
#include <sys/random.h>

#include "sysemu/cpus.h"
#include "util/error.h"
#include "util/info.h"

const ReplayOps *replay_ops = &replay_ops_none;

static char *log_path, *snapshot_name; /* rrfile=, rrsnapshot= */
static char *snapshots_path;
static uint64_t seed;
static bool seed_known;

/* ---- configuration ---- */

static uint64_t host_random(void)
{
    uint64_t value;
    while (getrandom(&value, sizeof(value), 0) != sizeof(value)) {
        lockstep_assert(errno == EINTR, "getrandom: %s", g_strerror(errno));
    }
    return value;
}

/* "full" is the only value; *full is false when the key is absent. */
static bool get_full(const QemuOpts *opts, const char *key, bool *full, Error **errp)
{
    const char *value = qemu_opt_get(opts, key);
    *full = value != NULL;
    if (value && strcmp(value, "full")) {
        error_setg(errp, "Parameter '%s' expects 'full', not '%s'", key, value);
        return false;
    }
    return true;
}

static bool configure_file(const QemuOpts *opts, bool record, int argc, char **argv, Error **errp)
{
    const char *path = qemu_opt_get(opts, "rrfile");
    bool sync_full, hash_full;

    if (!path || !*path) {
        error_setg(errp, "rr=%s needs rrfile=FILE", record ? "record" : "replay");
        return false;
    }
    log_path = g_strdup(path);
    snapshots_path = g_strdup_printf("%s.snapshots", path);
    snapshot_name = g_strdup(qemu_opt_get(opts, "rrsnapshot"));
    if (!get_full(opts, "rrsync", &sync_full, errp) || !get_full(opts, "rrhash", &hash_full, errp)) {
        return false;
    }
    return record ? record_open(path, sync_full, hash_full, argc, argv, errp) : play_open(path, errp);
}

bool replay_configure(const QemuOpts *opts, int argc, char **argv, Error **errp)
{
    const char *mode = opts ? qemu_opt_get(opts, "rr") : NULL;
    if (!mode) {
        if (opts && qemu_opt_get(opts, "rrfile")) {
            error_setg(errp, "rrfile=%s needs rr=record or rr=replay", qemu_opt_get(opts, "rrfile"));
            return false;
        }
        return true;
    }
    bool record = !strcmp(mode, "record");
    if (!record && strcmp(mode, "replay")) {
        error_setg(errp, "Parameter 'rr' expects 'record' or 'replay', not '%s'", mode);
        return false;
    }
    if (!configure_file(opts, record, argc, argv, errp)) {
        return false;
    }
    replay_ops = record ? &replay_ops_record : &replay_ops_play;
    if (record) {
        record_manifest()->seed = host_random();
    }
    seed = record ? record_manifest()->seed : play_manifest()->seed;
    seed_known = true;
    return true;
}

bool replay_add_input(const char *role, const char *path, Error **errp)
{
    return replay_ops->add_input(role, path, errp);
}

bool replay_add_property(const char *name, const char *option, const char *value, Error **errp)
{
    return replay_ops->add_property(name, option, value, errp);
}

const char *replay_recorded_property(const char *name)
{
    return replay_playing() ? manifest_property(play_manifest(), name) : NULL;
}

uint64_t replay_seed(void)
{
    if (!seed_known) {
        seed = host_random();
        seed_known = true;
    }
    return seed;
}

const char *replay_snapshot_name(void)
{
    return snapshot_name;
}

const char *replay_log_path(void)
{
    return log_path;
}

const char *replay_snapshots_path(void)
{
    return snapshots_path;
}

bool replay_start(Error **errp)
{
    return replay_ops->start(errp);
}

/* ---- the mode ---- */

bool replay_recording(void)
{
    return replay_ops == &replay_ops_record;
}

bool replay_playing(void)
{
    return replay_ops == &replay_ops_play;
}

bool replay_active(void)
{
    return replay_ops != &replay_ops_none;
}

/* ---- events ---- */

void replay_interrupt(void)
{
    replay_ops->interrupt();
}

void replay_exception(void)
{
    replay_ops->exception();
}

bool replay_checkpoint(ReplayCheckpoint checkpoint)
{
    return replay_ops->checkpoint(checkpoint);
}

bool replay_has_events(void)
{
    return replay_ops->has_events();
}

bool replay_next_is_checkpoint(ReplayCheckpoint checkpoint)
{
    return replay_ops->next_is_checkpoint(checkpoint);
}

void replay_shutdown_request(ShutdownCause cause)
{
    replay_ops->shutdown_request(cause);
}

bool replay_next_shutdown(ShutdownCause *cause)
{
    return replay_ops->next_shutdown(cause);
}

int64_t replay_get_budget(void)
{
    return replay_ops->get_budget();
}

void replay_account_executed(void)
{
    replay_ops->account_executed();
}

uint64_t replay_event_number(void)
{
    return replay_ops->event_number();
}

bool replay_at_end(void)
{
    return replay_ops->at_end();
}

void replay_diverged(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    replay_ops->diverged(text);
    g_free(text);
}

/* ---- the end ---- */

int replay_finish(uint64_t digest)
{
    return replay_ops->finish(digest);
}

void replay_info(InfoPrint *print, void *opaque)
{
    replay_ops->info(print, opaque);
}

void replay_reset_for_test(void)
{
    record_reset();
    play_reset();
    async_reset();
    char_reset();
    replay_ops = &replay_ops_none;
    g_clear_pointer(&log_path, g_free);
    g_clear_pointer(&snapshots_path, g_free);
    g_clear_pointer(&snapshot_name, g_free);
    seed_known = false;
}
