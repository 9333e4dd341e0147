/* tests/device/chips-stubs.h  Stand-ins for what the chips' tests do not look at. Include once per program. */
#ifndef TESTS_CHIPS_STUBS_H
#define TESTS_CHIPS_STUBS_H

#include "hw/core/device.h"
#include "replay/replay.h"
#include "util/main-loop.h"

int64_t replay_clock(ReplayClock kind, int64_t host_value)
{
    (void)kind;
    return host_value;
}
void qemu_notify_event(void)
{
}
int64_t icount_get(void)
{
    return 0;
}
const DeviceType *device_type_find(const char *name)
{
    (void)name;
    return NULL;
}

#endif
