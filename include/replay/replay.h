/*
 * replay/replay.h  Record and replay, as the rest of the emulator sees them. Only replay/ knows the mode: callers hand
 * over what the host said and use what comes back.
 *
 * Unless stated otherwise: called with replay_mutex held.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "sysemu/runstate.h"
#include "util/error.h"
#include "util/info.h"
#include "util/option.h"

typedef enum ReplayClock { REPLAY_CLOCK_HOST, REPLAY_CLOCK_VIRTUAL_RT } ReplayClock;

typedef enum ReplayCheckpoint {
    CHECKPOINT_CLOCK_WARP_START,
    CHECKPOINT_CLOCK_WARP_ACCOUNT,
    CHECKPOINT_RESET_REQUESTED,
    CHECKPOINT_SUSPEND_REQUESTED,
    CHECKPOINT_CLOCK_VIRTUAL,
    CHECKPOINT_CLOCK_HOST,
    CHECKPOINT_CLOCK_VIRTUAL_RT,
    CHECKPOINT_INIT,
    CHECKPOINT_RESET,
    CHECKPOINT_COUNT
} ReplayCheckpoint;

/* ---- configuration (main thread, before anything else runs; no lock) ---- */

/* Keys of -icount: rr=record|replay, rrfile=, rrsnapshot=, rrsync=full, rrhash=full. Opens the log; in replay, reads
 * the manifest, so that replay_seed() and replay_check_inputs() work. */
bool replay_configure(const QemuOpts *icount_opts, int argc, char **argv, Error **errp);
/* Name an input file (role: "firmware", "kernel", "initrd", "optionrom", "disk"): hashed into the manifest, or compared
 * with it. */
bool replay_add_input(const char *role, const char *path, Error **errp);
/* A machine property that must be the same in replay ("memory", "cpu", "machine", "smp", "shift", "serial-ports"):
 * recorded or compared. option is the switch: ("memory", "-m", "128M"). Error: "-m 128M: the recording was made with -m
 * 256M". */
bool replay_add_property(const char *name, const char *option, const char *value, Error **errp);
/* The recorded value of a property in replay; NULL when not replaying or not recorded. Owned by replay. */
const char *replay_recorded_property(const char *name);
/* Seed of all guest-visible randomness, fixed per recording. */
uint64_t replay_seed(void);
/* The machine is built: write the manifest's first line; from here on events flow. */
bool replay_start(Error **errp);

/* ---- the mode, for the few places that steer: cpus.c, runstate.c, monitor, back ends that drop their input ---- */
bool replay_recording(void);
bool replay_playing(void);
bool replay_active(void);

/* ---- synchronous events, called where they happen on the vCPU thread (or by the owner of replay_mutex) ---- */

/* Value of a host clock read: logs and returns host_value, or returns the recorded one. */
int64_t replay_clock(ReplayClock kind, int64_t host_value);
/* A hardware interrupt is being taken at the current icount. */
void replay_interrupt(void);
/* An exception is being delivered (logged with rrsync=full only). */
void replay_exception(void);
/*
 * Recording: writes the checkpoint; for all but the two of warping also writes and runs queued asynchronous events.
 * Replay: true if the log has this checkpoint here; then its asynchronous events have been run. False: not now.
 * Not active: runs queued asynchronous events, returns true.
 * Never nests. No events are run for WARP_START and WARP_ACCOUNT.
 */
bool replay_checkpoint(ReplayCheckpoint checkpoint);
/* Recording or inactive: are asynchronous events queued? Replay: is the next event, here and now,
 * CHECKPOINT(CLOCK_VIRTUAL)? */
bool replay_has_events(void);
/* Replay: is the next event, at the current icount, this checkpoint? Other modes: false. */
bool replay_next_is_checkpoint(ReplayCheckpoint checkpoint);
/* Recording: logs EVENT_SHUTDOWN + cause. Replay: true if the log has one here, with its cause in *cause; consumed. */
void replay_shutdown_request(ShutdownCause cause);
bool replay_next_shutdown(ShutdownCause *cause);

/*
 * How many instructions may be executed before the log must be looked at again; INT64_MAX when not replaying.
 * 0: an event is due at this icount that must be handled before the CPU goes on (checkpoint, shutdown, end, interrupt
 * to be taken). An event that the next instruction itself will consume (clock read, exception, character or audio data)
 * gives 1. Digests due in the manifest are limits too.
 */
int64_t replay_get_budget(void);
/* To be called when the CPU has executed up to the current icount: checks that events passed were consumed, writes or
 * compares a manifest digest when one is due, flushes the log when 100 ms have passed. Reports a divergence. */
void replay_account_executed(void);
/* How many events were written or consumed so far. */
uint64_t replay_event_number(void);
/* Replay: the log is at EVENT_END, or cut short, or diverged: stop the machine. */
bool replay_at_end(void);
/* Report a divergence found by a caller ("CPU halted, but the log has an interrupt..."). Prints the report; the replay
 * ends with status 3. */
void replay_diverged(const char *fmt, ...) QEMU_PRINTF(1, 2);

/* ---- asynchronous events: any thread, no lock needed; run later at a checkpoint by the owner of replay_mutex ---- */

/* Named bottom halves that the host side triggers (power button...): registered in the machine's order, so that ids
 * agree. */
typedef void ReplayBHFunc(void *opaque);
typedef struct ReplayBH ReplayBH;
ReplayBH *replay_bh_new(const char *name, ReplayBHFunc *fn, void *opaque);
/* In replay, host-side calls are dropped; the recorded event triggers it. Recording: queued. */
void replay_bh_schedule_event(ReplayBH *bh);

struct Chardev;
/* A character device whose input is recorded, in order of creation; returns its id. */
int replay_register_char_driver(struct Chardev *chr);
/* Bytes arrived from the host for it. Copied. Dropped in replay. */
void replay_char_read(int id, const uint8_t *buf, size_t len);
/* How delivered bytes reach the device: called at the checkpoint. Implemented in chardev/char.c. */
void qemu_chr_be_write_impl(struct Chardev *chr, const uint8_t *buf, size_t len);

struct InputEvent;
void replay_input_event(const struct InputEvent *evt); /* ui/input.c; delivered by qemu_input_event_send_impl */
void replay_input_sync_event(void);

/*
 * Storage (block/blkreplay.c). begin: the guest issues a request (owner of replay_mutex); ids follow the guest's order.
 * event: the request is done (any thread, and without waiting for a lock: in replay the vCPU thread may be waiting for
 * it); cb runs at the recorded checkpoint. Each id that was begun must be completed, exactly once.
 */
uint64_t replay_block_begin(void);
void replay_block_event(uint64_t id, ReplayBHFunc *cb, void *opaque);
/* Is any that was begun not done yet? Any thread. */
bool replay_block_under_way(void);
/* Storage, from its post_load: forget all requests; then name those of the snapshot, which are done but for their
 * events. */
void replay_block_forget_all(void);
void replay_block_restore(uint64_t id, ReplayBHFunc *cb, void *opaque);

/* Network (net/filter-replay.c): filters in order of creation; a packet from the host is copied, dropped in replay. */
typedef void ReplayNetFunc(void *opaque, uint32_t flags, const uint8_t *buf, size_t len);
int replay_register_net(ReplayNetFunc *deliver, void *opaque);
void replay_net_packet(int id, uint32_t flags, const uint8_t *buf, size_t len);

/*
 * Snapshots (migration/savevm.c). save: where the log stands, and the asynchronous work that waits. load: after the
 * CPU's state; replay goes to that place of the log; without a replay the work that waits is queued again. A snapshot
 * of another recording is refused.
 */
void replay_snapshot_save(GByteArray *out);
bool replay_snapshot_load(const uint8_t *buf, size_t len, Error **errp);
/* Does it belong to this recording? Changes nothing. */
bool replay_snapshot_check(const uint8_t *buf, size_t len, Error **errp);
/* A recording goes forward only: an error then. */
bool replay_may_load(Error **errp);
const char *replay_snapshot_name(void); /* rrsnapshot=; NULL */
const char *replay_log_path(void);      /* rrfile=; NULL when neither recording nor replaying */
/* RRFILE.snapshots, where snapshots go that no drive takes; NULL as above. A new recording removes what an older one of
 * that name left. */
const char *replay_snapshots_path(void);

/* ---- what reports and self-checks ask of the CPU; set by cpus.c before replay_start(), NULL: left out ---- */
extern uint64_t (*replay_pc_hook)(void);         /* linear rip */
extern uint64_t (*replay_cpu_digest_hook)(void); /* cpu_digest(first_cpu()) */

/*
 * Others who want to see the machine at certain instruction counts of a replay (accel/compare.h): `next` gives the
 * first one after icount, INT64_MAX for none; `arrived` is called at the first arrival there. Set before
 * replay_start(); NULL: nobody.
 */
typedef struct ReplayStops {
    int64_t (*next)(int64_t icount);
    void (*arrived)(int64_t icount);
} ReplayStops;
extern const ReplayStops *replay_stops;

/* ---- the end ---- */
/* Finish: recording writes EVENT_END and the manifest's last line with `digest`; replay compares. Prints the one line
 * on stderr ("replay: end at icount N, digest D, same as recorded"). Returns the exit status: 0 same (or recording or
 * inactive), 1 unusable, 2 log cut short, 3 diverged. machine_lock held; called once. */
int replay_finish(uint64_t digest);
/* `info replay`. */
void replay_info(InfoPrint *print, void *opaque);

#endif
