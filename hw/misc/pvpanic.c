/* hw/misc/pvpanic.c  pvpanic (Linux, Documentation of drivers/misc/pvpanic; QEMU's specs/pvpanic): a port through which
 * a guest says that it has crashed. A read tells which events the device knows. */
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"

#define EVENT_PANICKED     0x01
#define EVENT_CRASH_LOADED 0x02 /* the guest deals with it itself */

typedef struct PvpanicState {
    Device dev;
    uint32_t ioport;
    uint8_t events;
    MemoryRegion io;
} PvpanicState;

static uint64_t pvpanic_read(void *opaque, hwaddr addr, unsigned size)
{
    const PvpanicState *s = opaque;
    (void)addr;
    (void)size;
    return s->events;
}

static void pvpanic_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    const PvpanicState *s = opaque;
    (void)addr;
    (void)size;
    if (value & s->events & EVENT_PANICKED) {
        qemu_system_guest_panicked();
    }
}

static const MemoryRegionOps pvpanic_ops = {
    .read = pvpanic_read, .write = pvpanic_write, .min_access = 1, .max_access = 1
};

static bool pvpanic_realize(Device *dev, Error **errp)
{
    PvpanicState *s = (PvpanicState *)dev;
    if (s->ioport > 0xffff) {
        error_setg(errp, "pvpanic: ioport 0x%x: out of range", s->ioport);
        return false;
    }
    memory_region_init_io(&s->io, &pvpanic_ops, s, "pvpanic", 1);
    memory_region_add_subregion(get_system_io(), s->ioport, &s->io);
    return true;
}

static const DeviceProperty pvpanic_properties[] = {
    DEFINE_PROP_UINT32("ioport", PvpanicState, ioport, 0x505),
    DEFINE_PROP_UINT8("events", PvpanicState, events, EVENT_PANICKED | EVENT_CRASH_LOADED),
    { .name = NULL },
};

const DeviceType pvpanic_type = {
    .name = "pvpanic",
    .description = "port through which a guest says that it has crashed",
    .size = sizeof(PvpanicState),
    .properties = pvpanic_properties,
    .realize = pvpanic_realize,
    .user_creatable = true,
};
