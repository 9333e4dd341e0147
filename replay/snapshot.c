/*
 * replay/snapshot.c  The part of a snapshot that belongs to replay: u64 offset in the log, u64 icount, u64 events, u64
 * seed of the recording; then the queue of asynchronous work (async.c).
 */
#include "replay/replay-internal.h"

#define POSITION_SIZE 32

void replay_snapshot_save(GByteArray *out)
{
    ReplayPosition pos;
    replay_ops->get_position(&pos);
    append_le(out, pos.offset, 8);
    append_le(out, pos.icount, 8);
    append_le(out, pos.events, 8);
    append_le(out, pos.seed, 8);
    async_save(out);
}

static bool read_position(const uint8_t *buf, size_t len, ReplayPosition *pos, Error **errp)
{
    if (len < POSITION_SIZE) {
        error_setg(errp, "the place in the log is missing");
        return false;
    }
    *pos = (ReplayPosition){
        .offset = ldq_le_p(buf), .icount = ldq_le_p(buf + 8), .events = ldq_le_p(buf + 16), .seed = ldq_le_p(buf + 24)
    };
    return true;
}

bool replay_snapshot_check(const uint8_t *buf, size_t len, Error **errp)
{
    ReplayPosition pos;
    return read_position(buf, len, &pos, errp) &&
           (!replay_ops->check_position || replay_ops->check_position(&pos, errp));
}

bool replay_snapshot_load(const uint8_t *buf, size_t len, Error **errp)
{
    ReplayPosition pos;
    return read_position(buf, len, &pos, errp) && replay_ops->set_position(&pos, errp) &&
           async_load(buf + POSITION_SIZE, len - POSITION_SIZE, errp);
}

bool replay_may_load(Error **errp)
{
    if (replay_recording()) {
        error_setg(errp, "a recording goes forward only: rewind in its replay");
    }
    return !replay_recording();
}
