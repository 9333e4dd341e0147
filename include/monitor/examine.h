/* monitor/examine.h  Looking at memory without touching it: no device is read, no TLB entry made. machine_lock held. */
#ifndef MONITOR_EXAMINE_H
#define MONITOR_EXAMINE_H

#include "util/osdep.h"

/* Guest-physical RAM and ROM; false when part of it is neither. */
bool physical_memory_read_debug(uint64_t addr, void *buf, size_t len);

#endif
