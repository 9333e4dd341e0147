/*
 * hw/misc/pcspk.c  Port 61h (IBM AT system control port B): gate and output of timer channel 2, speaker gate, refresh
 * toggle.
 *
 * Left out on purpose: sound (the speaker is not connected), parity and channel check (bits 2, 3, 6, 7: latched, never
 * an error).
 */
#include "hw/isa/chips.h"
#include "util/timer.h"

#define REFRESH_PERIOD_NS 15085 /* 18 ticks of 1.193182 MHz: bit 4 toggles at each DRAM refresh */

enum { P61_GATE2 = 0x01, P61_WRITABLE = 0x0f, P61_REFRESH = 0x10, P61_OUT2 = 0x20 };

typedef struct PCSpkState {
    Device dev;
    MemoryRegion io;
    Device *pit;
    uint8_t control; /* bits 0-3 as written */
} PCSpkState;

static uint64_t pcspk_read(void *opaque, hwaddr addr, unsigned size)
{
    const PCSpkState *s = opaque;
    (void)addr;
    (void)size;
    bool refresh = (qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) / REFRESH_PERIOD_NS) & 1;
    bool out2 = s->pit && i8254_get_out2(s->pit);
    return s->control | (refresh ? P61_REFRESH : 0) | (out2 ? P61_OUT2 : 0);
}

static void pcspk_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCSpkState *s = opaque;
    (void)addr;
    (void)size;
    s->control = value & P61_WRITABLE;
    if (s->pit) {
        i8254_set_gate2(s->pit, s->control & P61_GATE2);
    }
}

static const MemoryRegionOps pcspk_ops = { .read = pcspk_read, .write = pcspk_write, .min_access = 1, .max_access = 1 };

void pcspk_connect(Device *spk, Device *pit)
{
    ((PCSpkState *)spk)->pit = pit;
}

static bool pcspk_realize(Device *dev, Error **errp)
{
    PCSpkState *s = (PCSpkState *)dev;
    (void)errp;
    memory_region_init_io(&s->io, &pcspk_ops, s, "pcspk", 1);
    memory_region_add_subregion(get_system_io(), 0x61, &s->io);
    return true;
}

static void pcspk_reset(Device *dev)
{
    pcspk_write(dev, 0, 0, 1);
}

static const VMStateField pcspk_fields[] = {
    VMSTATE_INT(PCSpkState, control),
    VMSTATE_DERIVED(PCSpkState, dev),
    VMSTATE_DERIVED(PCSpkState, io),
    VMSTATE_DERIVED(PCSpkState, pit),
    VMSTATE_END,
};

static const VMStateDescription pcspk_vmsd = { .name = "pcspk", .version = 1, .fields = pcspk_fields };

const DeviceType pcspk_type = {
    .name = "isa-pcspk",
    .description = "PC speaker port",
    .size = sizeof(PCSpkState),
    .vmsd = &pcspk_vmsd,
    .realize = pcspk_realize,
    .reset = pcspk_reset,
};
