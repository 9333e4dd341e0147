/* replay/clock.c  Reads of host clocks: the one place through which the host's time enters the machine. */
#include "replay/replay-internal.h"

ReplayEvent clock_event(ReplayClock kind, int64_t ns)
{
    return (ReplayEvent){ .id = EVENT_CLOCK_HOST + kind, .arg = { ns }, .nargs = 1 };
}

int64_t replay_clock(ReplayClock kind, int64_t host_value)
{
    return replay_ops->clock(kind, host_value);
}
