/* hw/misc/debugexit.c  isa-debug-exit: v written to its port ends the emulator with status (v << 1) | 1. For
 * guests that are tests. */
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"

#define EXIT_STATUS_BITS 0xff /* the host keeps no more */

typedef struct DebugExitState {
    Device dev;
    uint32_t iobase, iosize;
    MemoryRegion io;
} DebugExitState;

static uint64_t debug_exit_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)opaque;
    (void)addr;
    (void)size;
    return 0;
}

static void debug_exit_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)addr;
    (void)size;
    qemu_system_shutdown_request_code(SHUTDOWN_CAUSE_GUEST_SHUTDOWN, (value << 1 | 1) & EXIT_STATUS_BITS);
}

static const MemoryRegionOps debug_exit_ops = {
    .read = debug_exit_read, .write = debug_exit_write, .min_access = 1, .max_access = 4
};

static bool debug_exit_realize(Device *dev, Error **errp)
{
    DebugExitState *s = (DebugExitState *)dev;
    if (s->iosize == 0 || s->iosize > 0x10000 || s->iobase > 0x10000 - s->iosize) {
        error_setg(errp, "isa-debug-exit: iobase 0x%x, iosize 0x%x: out of range", s->iobase, s->iosize);
        return false;
    }
    memory_region_init_io(&s->io, &debug_exit_ops, s, "isa-debug-exit", s->iosize);
    memory_region_add_subregion(get_system_io(), s->iobase, &s->io);
    return true;
}

static const DeviceProperty debug_exit_properties[] = {
    DEFINE_PROP_UINT32("iobase", DebugExitState, iobase, 0x501),
    DEFINE_PROP_UINT32("iosize", DebugExitState, iosize, 2),
    { .name = NULL },
};

const DeviceType isa_debug_exit_type = {
    .name = "isa-debug-exit",
    .description = "port that ends the emulator",
    .size = sizeof(DebugExitState),
    .properties = debug_exit_properties,
    .realize = debug_exit_realize,
    .user_creatable = true,
};
