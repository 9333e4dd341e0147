/* replay/none.c  Neither recording nor replaying: asynchronous work still takes effect at checkpoints, the same way. */
#include "replay/replay-internal.h"

#include "util/error.h"
#include "util/info.h"

static int64_t none_clock(ReplayClock kind, int64_t host_value)
{
    (void)kind;
    return host_value;
}

static void none_nothing(void)
{
}

static bool none_checkpoint(ReplayCheckpoint checkpoint)
{
    checkpoint_enter(checkpoint);
    if (checkpoint_runs_events(checkpoint)) {
        async_run_queue(checkpoint, NULL);
    }
    checkpoint_leave();
    return true;
}

static bool none_next_is_checkpoint(ReplayCheckpoint checkpoint)
{
    (void)checkpoint;
    return false;
}

static void none_shutdown_request(ShutdownCause cause)
{
    (void)cause;
}

static bool none_next_shutdown(ShutdownCause *cause)
{
    (void)cause;
    return false;
}

static int64_t none_get_budget(void)
{
    return INT64_MAX;
}

static uint64_t none_event_number(void)
{
    return 0;
}

static bool none_at_end(void)
{
    return false;
}

static void none_diverged(const char *text)
{
    error_report("%s", text);
}

static bool none_add_input(const char *role, const char *path, Error **errp)
{
    (void)role, (void)path, (void)errp;
    return true;
}

static bool none_add_property(const char *name, const char *option, const char *value, Error **errp)
{
    (void)name, (void)option, (void)value, (void)errp;
    return true;
}

static bool none_start(Error **errp)
{
    (void)errp;
    return true;
}

static void none_get_position(ReplayPosition *pos)
{
    *pos = (ReplayPosition){ 0 };
}

/* A snapshot of a recording may be looked at without its log, as any other. */
static bool none_set_position(const ReplayPosition *pos, Error **errp)
{
    (void)pos, (void)errp;
    return true;
}

static int none_finish(uint64_t digest)
{
    (void)digest;
    return REPLAY_SAME;
}

static void none_info(InfoPrint *print, void *opaque)
{
    print(opaque, "Neither recording nor replaying");
}

const ReplayOps replay_ops_none = {
    .takes_host_events = true,
    .clock = none_clock,
    .interrupt = none_nothing,
    .exception = none_nothing,
    .checkpoint = none_checkpoint,
    .has_events = async_pending,
    .next_is_checkpoint = none_next_is_checkpoint,
    .shutdown_request = none_shutdown_request,
    .next_shutdown = none_next_shutdown,
    .get_budget = none_get_budget,
    .account_executed = none_nothing,
    .event_number = none_event_number,
    .at_end = none_at_end,
    .diverged = none_diverged,
    .add_input = none_add_input,
    .add_property = none_add_property,
    .start = none_start,
    .get_position = none_get_position,
    .set_position = none_set_position,
    .finish = none_finish,
    .info = none_info,
};
