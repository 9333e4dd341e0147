/* hw/char/debugcon.c  isa-debugcon: bytes written to its port go to a chardev; a read tells that it is there. */
#include "hw/core/backends.h"
#include "hw/isa/chips.h"

typedef struct DebugconState {
    Device dev;
    uint32_t iobase, readback;
    Chardev *chr;
    MemoryRegion io;
} DebugconState;

static uint64_t debugcon_read(void *opaque, hwaddr addr, unsigned size)
{
    const DebugconState *s = opaque;
    (void)addr;
    (void)size;
    return s->readback & 0xff;
}

static void debugcon_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    const DebugconState *s = opaque;
    uint8_t byte = value;
    (void)addr;
    (void)size;
    qemu_chr_write(s->chr, &byte, 1);
}

static const MemoryRegionOps debugcon_ops = {
    .read = debugcon_read, .write = debugcon_write, .min_access = 1, .max_access = 1
};

/* Output only: the front end takes no input, and has no number in the log. */
static bool debugcon_attach(DebugconState *s, Error **errp)
{
    ChrFrontend fe = { .opaque = s, .guest = true };
    if (!s->chr) {
        error_setg(errp, "Can't create debugcon device, empty char device");
        return false;
    }
    return qemu_chr_attach(s->chr, &fe, errp);
}

static bool debugcon_realize(Device *dev, Error **errp)
{
    DebugconState *s = (DebugconState *)dev;
    if (s->iobase > 0xffff) {
        error_setg(errp, "isa-debugcon: iobase 0x%x: out of range", s->iobase);
        return false;
    }
    if (!debugcon_attach(s, errp)) {
        return false;
    }
    memory_region_init_io(&s->io, &debugcon_ops, s, "isa-debugcon", 1);
    memory_region_add_subregion(get_system_io(), s->iobase, &s->io);
    return true;
}

static const DeviceProperty debugcon_properties[] = {
    DEFINE_PROP_UINT32("iobase", DebugconState, iobase, 0xe9),
    DEFINE_PROP_UINT32("readback", DebugconState, readback, 0xe9),
    DEFINE_PROP_CHARDEV(DebugconState, chr),
    { .name = NULL },
};

const DeviceType isa_debugcon_type = {
    .name = "isa-debugcon",
    .description = "debug console port",
    .size = sizeof(DebugconState),
    .properties = debugcon_properties,
    .realize = debugcon_realize,
    .user_creatable = true,
};
