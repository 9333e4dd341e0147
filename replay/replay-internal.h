/*
 * replay/replay-internal.h  What the files of replay/ share. The mode is one table of operations, chosen once by
 * replay_configure(): none.c, record.c or play.c.
 */
#ifndef REPLAY_REPLAY_INTERNAL_H
#define REPLAY_REPLAY_INTERNAL_H

#include "replay/log.h"
#include "util/info.h"

/* A place in the log between two events. */
typedef struct ReplayPosition {
    uint64_t offset; /* of the next event; 0: there is no log */
    int64_t icount;  /* up to which the events before it say */
    uint64_t events; /* before it */
    uint64_t seed;   /* of the recording it belongs to */
} ReplayPosition;

typedef struct ReplayOps {
    bool takes_host_events; /* input, packets and completions from the host are queued; otherwise the log has them */
    int64_t (*clock)(ReplayClock kind, int64_t host_value);
    void (*interrupt)(void);
    void (*exception)(void);
    bool (*checkpoint)(ReplayCheckpoint checkpoint);
    bool (*has_events)(void);
    bool (*next_is_checkpoint)(ReplayCheckpoint checkpoint);
    void (*shutdown_request)(ShutdownCause cause);
    bool (*next_shutdown)(ShutdownCause *cause);
    int64_t (*get_budget)(void);
    void (*account_executed)(void);
    uint64_t (*event_number)(void);
    bool (*at_end)(void);
    void (*diverged)(const char *text);
    bool (*add_input)(const char *role, const char *path, Error **errp);
    bool (*add_property)(const char *name, const char *option, const char *value, Error **errp);
    bool (*start)(Error **errp);
    void (*get_position)(ReplayPosition *pos);
    bool (*check_position)(const ReplayPosition *pos, Error **errp); /* can it be gone to? NULL: any */
    bool (*set_position)(const ReplayPosition *pos, Error **errp);
    int (*finish)(uint64_t digest);
    void (*info)(InfoPrint *print, void *opaque);
} ReplayOps;

extern const ReplayOps replay_ops_none, replay_ops_record, replay_ops_play;
extern const ReplayOps *replay_ops;

/* Exit status of a replay, docs/replay.txt. */
enum { REPLAY_SAME, REPLAY_UNUSABLE, REPLAY_CUT, REPLAY_DIVERGED };

bool record_open(const char *path, bool sync_full, bool hash_full, int argc, char **argv, Error **errp);
bool play_open(const char *path, Error **errp);
/* Tests: forget everything, mode none. */
void replay_reset_for_test(void);
void record_reset(void);
void play_reset(void);
void async_reset(void);

/* ---- async.c ---- */

/*
 * Any thread: append an ASYNC event (arguments from ASYNC_ARG_KIND on are set; data is copied), wake the vCPU thread.
 */
void async_enqueue(const ReplayEvent *ev);
bool async_pending(void);
/* Run what is queued now, in order; what is queued meanwhile waits for the next checkpoint. log may be NULL. */
void async_run_queue(ReplayCheckpoint checkpoint, void (*log)(const ReplayEvent *ev));
/* Make one event take effect. NULL, or why it cannot (unknown id); g_free it. */
char *async_dispatch(const ReplayEvent *ev);
static inline bool checkpoint_runs_events(ReplayCheckpoint checkpoint)
{
    return checkpoint != CHECKPOINT_CLOCK_WARP_START && checkpoint != CHECKPOINT_CLOCK_WARP_ACCOUNT;
}
/* Snapshots: what waits, as bytes; put back in place of what waits now, after the machine itself is loaded. */
void async_save(GByteArray *out);
bool async_load(const uint8_t *buf, size_t len, Error **errp);
/* Checkpoints never nest. */
void checkpoint_enter(ReplayCheckpoint checkpoint);
void checkpoint_leave(void);

/* ---- input.c, char.c ---- */

/* False: a value that no input device has. */
bool input_event_decode(const ReplayEvent *ev, InputEvent *evt);
/* Why the event cannot be dispatched; NULL: it can. g_free it. */
char *char_problem(const ReplayEvent *ev);
void char_dispatch(const ReplayEvent *ev);
void char_reset(void);

/* ---- clock.c ---- */

ReplayEvent clock_event(ReplayClock kind, int64_t ns);

/* ---- check.c ---- */

typedef struct Divergence {
    const char *log;       /* its path */
    uint64_t event_number; /* of the expected event, from 1 */
    uint64_t offset;       /* where it stands in the log */
    int64_t icount;        /* of the machine */
    char *expected, *found;
} Divergence;

/* Print the report; frees expected and found. */
void check_report(Divergence *d);
char *check_expected(const ReplayEvent *ev, int64_t icount);

/* ---- manifest.c ---- */

typedef struct ManifestInput {
    char *role, *path;
    uint64_t size;
    uint64_t xxh3;
    bool named; /* play: the command line named it */
} ManifestInput;

typedef struct ManifestDigest {
    int64_t icount;
    uint64_t digest;
} ManifestDigest;

typedef struct Manifest {
    char *path;
    GPtrArray *argv;  /* of char * */
    GPtrArray *names; /* properties, in order: names[i] and values[i] */
    GPtrArray *values;
    GPtrArray *inputs; /* of ManifestInput */
    GArray *digests;   /* of ManifestDigest, by icount */
    int shift;
    uint64_t seed;
    bool sync_full, hash_full;
    bool has_head, has_end;
    int64_t end_icount;
    uint64_t end_digest;
} Manifest;

void manifest_init(Manifest *m, const char *log_path);
void manifest_free(Manifest *m);
/* Read and check m->path. A file that is not there is no error: has_head stays false. */
bool manifest_load(Manifest *m, Error **errp);
bool manifest_parse(Manifest *m, const char *text, size_t len, Error **errp);
const char *manifest_property(const Manifest *m, const char *name);
void manifest_set_property(Manifest *m, const char *name, const char *value);
ManifestInput *manifest_add_input(Manifest *m, const char *role, const char *path);
/* One line each, with its newline; g_free it. */
char *manifest_head_line(const Manifest *m);
char *manifest_digest_line(int64_t icount, uint64_t digest);
char *manifest_end_line(int64_t icount, uint64_t digest, uint64_t events, uint64_t bytes);
/* Play: compare an input with the next recorded one of its role. */
bool manifest_check_input(Manifest *m, const char *role, const char *path, Error **errp);
bool manifest_check_property(const Manifest *m, const char *name, const char *option, const char *value, Error **errp);
/* Play: everything the recording used was named. */
bool manifest_check_complete(const Manifest *m, Error **errp);
Manifest *record_manifest(void);
Manifest *play_manifest(void);

/* ---- file-hash.c ---- */

/* Size and XXH3 of a file; larger ones are sampled unless whole. */
bool file_hash(const char *path, bool whole, uint64_t *size, uint64_t *xxh3, Error **errp);

#endif
