/*
 * hw/misc/ferr.c  The x87's errors on a PC (SDM 1, appendix D.2; PIIX3 datasheet, coprocessor error register). Port
 * F0h.
 *
 * FERR# is a wire from the processor. Its rising edge is latched as IRQ 13. A write to port F0h drops the latch and,
 * while FERR# is still active, asserts IGNNE#, so that the handler may use the x87; IGNNE# falls with FERR#.
 */
#include "exec/memory.h"
#include "hw/isa/chips.h"

typedef struct FerrState {
    Device dev;
    bool ferr, ignne;
    bool latched; /* IRQ 13 */
    IRQLine irq13;
    MemoryRegion port;
} FerrState;

static void set_latch(FerrState *s, bool level)
{
    s->latched = level;
    irq_set(s->irq13, level);
}

void ferr_set(Device *dev, int level)
{
    FerrState *s = container_of(dev, FerrState, dev);
    if (level && !s->ferr) {
        set_latch(s, true);
    }
    s->ferr = level != 0;
    s->ignne = s->ignne && s->ferr;
}

bool ferr_ignne(Device *dev)
{
    return container_of(dev, FerrState, dev)->ignne;
}

static void ferr_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    FerrState *s = opaque;
    (void)addr, (void)value, (void)size;
    set_latch(s, false);
    s->ignne = s->ferr;
}

static const MemoryRegionOps ferr_ops = { .write = ferr_write, .min_access = 1, .max_access = 1 };

void ferr_connect(Device *dev, IRQLine irq13)
{
    container_of(dev, FerrState, dev)->irq13 = irq13;
}

static void ferr_reset(Device *dev)
{
    FerrState *s = container_of(dev, FerrState, dev);
    s->ferr = s->ignne = false;
    set_latch(s, false);
}

static bool ferr_realize(Device *dev, Error **errp)
{
    FerrState *s = container_of(dev, FerrState, dev);
    (void)errp;
    memory_region_init_io(&s->port, &ferr_ops, s, "ferr", 1);
    memory_region_add_subregion(get_system_io(), 0xf0, &s->port);
    return true;
}

static const VMStateField ferr_fields[] = {
    VMSTATE_BOOL(FerrState, ferr),
    VMSTATE_BOOL(FerrState, ignne),
    VMSTATE_BOOL(FerrState, latched),
    VMSTATE_DERIVED(FerrState, dev),
    VMSTATE_DERIVED(FerrState, irq13),
    VMSTATE_DERIVED(FerrState, port),
    VMSTATE_END,
};
static const VMStateDescription vmstate_ferr = { .name = "ferr", .version = 1, .fields = ferr_fields };

const DeviceType ferr_type = {
    .name = "isa-ferr",
    .description = "coprocessor error port",
    .size = sizeof(FerrState),
    .vmsd = &vmstate_ferr,
    .realize = ferr_realize,
    .reset = ferr_reset,
};
