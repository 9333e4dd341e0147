/* hw/misc/port92.c  System control port A (port 92h of the PS/2): fast A20 gate (bit 1) and fast reset (bit 0). */
#include "exec/memory.h"
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"

#define FAST_RESET 0x01
#define FAST_A20   0x02

typedef struct Port92State {
    Device dev;
    uint8_t value;
    IRQLine a20;
    MemoryRegion io;
} Port92State;

static uint64_t port92_read(void *opaque, hwaddr addr, unsigned size)
{
    Port92State *s = opaque;
    (void)addr, (void)size;
    return s->value;
}

static void port92_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    Port92State *s = opaque;
    uint8_t old = s->value;
    (void)addr, (void)size;
    s->value = value;
    irq_set(s->a20, (value & FAST_A20) != 0);
    if ((value & FAST_RESET) && !(old & FAST_RESET)) {
        qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static const MemoryRegionOps port92_ops = {
    .read = port92_read,
    .write = port92_write,
    .min_access = 1,
    .max_access = 1,
};

void port92_connect(Device *dev, IRQLine a20)
{
    ((Port92State *)dev)->a20 = a20;
}

static bool port92_realize(Device *dev, Error **errp)
{
    Port92State *s = (Port92State *)dev;
    (void)errp;
    memory_region_init_io(&s->io, &port92_ops, s, "port92", 1);
    memory_region_add_subregion(get_system_io(), 0x92, &s->io);
    return true;
}

static void port92_reset(Device *dev)
{
    ((Port92State *)dev)->value = 0;
}

static const VMStateDescription vmstate_port92 = {
    .name = "port92",
    .version = 1,
    .fields =
        (const VMStateField[]){
            VMSTATE_DERIVED(Port92State, dev),
            VMSTATE_INT(Port92State, value),
            VMSTATE_DERIVED(Port92State, a20),
            VMSTATE_DERIVED(Port92State, io),
            VMSTATE_END,
        },
};

const DeviceType port92_type = {
    .name = "port92",
    .size = sizeof(Port92State),
    .vmsd = &vmstate_port92,
    .realize = port92_realize,
    .reset = port92_reset,
};
