/*
 * hw/char/parallel.c  Parallel port in its standard mode (IBM Personal Computer Technical Reference, "Printer Adapter";
 * IEEE 1284 compatibility mode): data, status and control registers. What is strobed out goes to a chardev, at once:
 * the printer is never busy, so nothing of the host enters. Output only.
 */
#include "hw/core/backends.h"
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"

#define STATUS_NOT_BUSY 0x80
#define STATUS_NOT_ACK  0x40
#define STATUS_SELECTED 0x10
#define STATUS_NO_ERROR 0x08

#define CONTROL_STROBE 0x01
#define CONTROL_INIT   0x04 /* active low */
#define CONTROL_IRQ    0x10
#define CONTROL_UNUSED 0xc0 /* read as ones */

#define UNSET UINT32_MAX

typedef struct ParallelState {
    Device dev;
    uint32_t iobase, irq_number, index; /* properties */
    Chardev *chr;
    MemoryRegion io;
    IRQLine irq;
    uint8_t data, control;
    bool acked; /* the printer took a byte; until somebody looks */
} ParallelState;

static void update_irq(const ParallelState *s)
{
    irq_set(s->irq, s->acked && (s->control & CONTROL_IRQ));
}

static uint8_t read_status(ParallelState *s)
{
    uint8_t value = STATUS_NOT_BUSY | STATUS_SELECTED | STATUS_NO_ERROR | (s->acked ? 0 : STATUS_NOT_ACK);
    s->acked = false;
    update_irq(s);
    return value;
}

static uint64_t parallel_read(void *opaque, hwaddr addr, unsigned size)
{
    ParallelState *s = opaque;
    (void)size;
    switch (addr) {
    case 0:
        return s->data;
    case 1:
        return read_status(s);
    case 2:
        return s->control | CONTROL_UNUSED;
    default:
        return 0xff;
    }
}

static void write_control(ParallelState *s, uint8_t value)
{
    bool strobed = (value & CONTROL_STROBE) && !(s->control & CONTROL_STROBE);
    s->control = value & 0x1f;
    if (strobed && (value & CONTROL_INIT)) {
        qemu_chr_write(s->chr, &s->data, 1);
        s->acked = true;
    }
    update_irq(s);
}

static void parallel_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    ParallelState *s = opaque;
    (void)size;
    if (addr == 0) {
        s->data = value;
    } else if (addr == 2) {
        write_control(s, value);
    }
}

static const MemoryRegionOps parallel_ops = {
    .read = parallel_read, .write = parallel_write, .min_access = 1, .max_access = 1
};

/* Output only: the front end takes no input, and has no number in the log. */
bool parallel_connect(Device *dev, Chardev *chr, Error **errp)
{
    ParallelState *s = (ParallelState *)dev;
    const ChrFrontend fe = { .opaque = s, .guest = true };
    if (chr && !qemu_chr_attach(chr, &fe, errp)) {
        return false;
    }
    s->chr = chr;
    return true;
}

/* LPT1 to LPT3. */
static bool choose_address(ParallelState *s, Error **errp)
{
    static const uint16_t bases[PC_PARALLEL_PORTS] = { 0x378, 0x278, 0x3bc };
    uint32_t index = s->index == UNSET ? (uint32_t)s->dev.instance : s->index;
    if (index >= PC_PARALLEL_PORTS && s->iobase == UNSET) {
        error_setg(errp, "Max. supported number of parallel ports is %d", PC_PARALLEL_PORTS);
        return false;
    }
    s->iobase = s->iobase == UNSET ? bases[index] : s->iobase;
    if (s->iobase > 0xfffc || s->irq_number > 15) {
        error_setg(errp, "isa-parallel: iobase 0x%x, irq %u: out of range", s->iobase, s->irq_number);
        return false;
    }
    return true;
}

static bool parallel_realize(Device *dev, Error **errp)
{
    ParallelState *s = (ParallelState *)dev;
    if (!choose_address(s, errp) || !parallel_connect(dev, s->chr, errp)) {
        return false;
    }
    s->irq = pc_gsi(s->irq_number);
    memory_region_init_io(&s->io, &parallel_ops, s, "parallel", 4);
    memory_region_add_subregion(get_system_io(), s->iobase, &s->io);
    return true;
}

static void parallel_reset(Device *dev)
{
    ParallelState *s = (ParallelState *)dev;
    s->data = 0;
    s->control = CONTROL_INIT | 0x08; /* selected */
    s->acked = false;
    update_irq(s);
}

static const VMStateField parallel_fields[] = {
    VMSTATE_DERIVED(ParallelState, dev),
    VMSTATE_DERIVED(ParallelState, iobase),
    VMSTATE_DERIVED(ParallelState, index),
    VMSTATE_DERIVED(ParallelState, irq_number),
    VMSTATE_DERIVED(ParallelState, io),
    VMSTATE_DERIVED(ParallelState, chr),
    VMSTATE_DERIVED(ParallelState, irq),
    VMSTATE_INT(ParallelState, data),
    VMSTATE_INT(ParallelState, control),
    VMSTATE_BOOL(ParallelState, acked),
    VMSTATE_END,
};
static const VMStateDescription vmstate_parallel = { .name = "parallel", .version = 1, .fields = parallel_fields };

static const DeviceProperty parallel_properties[] = {
    DEFINE_PROP_UINT32("iobase", ParallelState, iobase, UNSET),
    DEFINE_PROP_UINT32("irq", ParallelState, irq_number, 7),
    DEFINE_PROP_UINT32("index", ParallelState, index, UNSET),
    DEFINE_PROP_CHARDEV(ParallelState, chr),
    { .name = NULL },
};

const DeviceType isa_parallel_type = {
    .name = "isa-parallel",
    .description = "parallel port",
    .size = sizeof(ParallelState),
    .vmsd = &vmstate_parallel,
    .properties = parallel_properties,
    .realize = parallel_realize,
    .reset = parallel_reset,
    .user_creatable = true,
};
