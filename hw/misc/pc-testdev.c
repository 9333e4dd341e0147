/*
 * hw/misc/pc-testdev.c  pc-testdev: what CPU test kernels (kvm-unit-tests, x86) expect beside the PC's own chips.
 *
 *   ports E0h-E3h         a 32-bit latch, in bytes, words or a doubleword
 *   ports E8h-EBh         the same latch, a byte at a time whatever the access is
 *   ports E4h-E7h         an address written there makes a hypervisor drop its mapping of that page: nothing to see
 *   ports 2000h-2017h     a byte written to 2000h + n is the level of interrupt line n
 *   FF000000h, 64 KiB     memory that is a device: each access goes through the I/O path
 *
 * Where another device has a port of E8h-EBh (the debug console, E9h), that one answers.
 */
#include "exec/memory.h"
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"

#define LATCH_BASE      0xe0
#define FLUSH_BASE      0xe4
#define LATCH_BYTE_BASE 0xe8
#define LINES_BASE      0x2000
#define LINES           24
#define MEMORY_BASE     0xff000000u
#define MEMORY_SIZE     0x10000

typedef struct PCTestDevState {
    Device dev;
    uint8_t latch[4];
    uint32_t lines; /* bit n: level of line n */
    uint8_t memory[MEMORY_SIZE];
    MemoryRegion latch_io, flush_io, latch_byte_io, lines_io, memory_io;
} PCTestDevState;

/* ---- bytes that can be read and written in any size ---- */

static uint64_t bytes_read(const uint8_t *bytes, size_t len, hwaddr addr, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size && addr + i < len; i++) {
        value |= (uint64_t)bytes[addr + i] << (8 * i);
    }
    return value;
}

static void bytes_write(uint8_t *bytes, size_t len, hwaddr addr, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size && addr + i < len; i++) {
        bytes[addr + i] = value >> (8 * i);
    }
}

static uint64_t latch_read(void *opaque, hwaddr addr, unsigned size)
{
    PCTestDevState *s = opaque;
    return bytes_read(s->latch, sizeof(s->latch), addr, size);
}

static void latch_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCTestDevState *s = opaque;
    bytes_write(s->latch, sizeof(s->latch), addr, value, size);
}

static uint64_t memory_read(void *opaque, hwaddr addr, unsigned size)
{
    PCTestDevState *s = opaque;
    return bytes_read(s->memory, sizeof(s->memory), addr, size);
}

static void memory_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCTestDevState *s = opaque;
    bytes_write(s->memory, sizeof(s->memory), addr, value, size);
}

/* ---- lines ---- */

static void set_line(PCTestDevState *s, unsigned n, int level)
{
    s->lines = deposit64(s->lines, n, 1, level);
    irq_set(pc_gsi(n), level);
}

static void lines_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    (void)size;
    set_line(opaque, addr, value != 0);
}

static uint64_t zero_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)opaque;
    (void)addr;
    (void)size;
    return 0;
}

/* ---- the device ---- */

static const MemoryRegionOps latch_ops = { .read = latch_read, .write = latch_write, .min_access = 1, .max_access = 4 };
static const MemoryRegionOps latch_byte_ops = {
    .read = latch_read, .write = latch_write, .min_access = 1, .max_access = 1
};
static const MemoryRegionOps flush_ops = { .read = zero_read, .min_access = 1, .max_access = 4 };
static const MemoryRegionOps lines_ops = { .read = zero_read, .write = lines_write, .min_access = 1, .max_access = 1 };
static const MemoryRegionOps memory_ops = {
    .read = memory_read, .write = memory_write, .min_access = 1, .max_access = 8
};

static void add_ports(PCTestDevState *s, MemoryRegion *mr, const MemoryRegionOps *ops, const char *name, uint16_t base,
                      unsigned len, int priority)
{
    memory_region_init_io(mr, ops, s, name, len);
    memory_region_add_subregion_overlap(get_system_io(), base, mr, priority);
}

static bool pc_testdev_realize(Device *dev, Error **errp)
{
    PCTestDevState *s = (PCTestDevState *)dev;
    (void)errp;
    add_ports(s, &s->latch_io, &latch_ops, "pc-testdev-ioport", LATCH_BASE, 4, 0);
    add_ports(s, &s->flush_io, &flush_ops, "pc-testdev-flush-page", FLUSH_BASE, 4, 0);
    add_ports(s, &s->latch_byte_io, &latch_byte_ops, "pc-testdev-ioport-byte", LATCH_BYTE_BASE, 4, -1);
    add_ports(s, &s->lines_io, &lines_ops, "pc-testdev-irq-line", LINES_BASE, LINES, 0);
    memory_region_init_io(&s->memory_io, &memory_ops, s, "pc-testdev-iomem", MEMORY_SIZE);
    memory_region_add_subregion(get_system_memory(), MEMORY_BASE, &s->memory_io);
    return true;
}

static void pc_testdev_reset(Device *dev)
{
    PCTestDevState *s = (PCTestDevState *)dev;
    memset(s->latch, 0, sizeof(s->latch));
    memset(s->memory, 0, sizeof(s->memory));
    for (unsigned n = 0; n < LINES; n++) {
        if (s->lines & 1u << n) {
            set_line(s, n, 0);
        }
    }
}

static bool pc_testdev_post_load(void *opaque, Error **errp)
{
    PCTestDevState *s = opaque;
    if (s->lines >> LINES) {
        error_setg(errp, "pc-testdev: lines %#x", s->lines);
        return false;
    }
    return true;
}

static const VMStateDescription vmstate_pc_testdev = {
    .name = "pc-testdev",
    .version = 1,
    .post_load = pc_testdev_post_load,
    .fields =
        (const VMStateField[]){
            VMSTATE_DERIVED(PCTestDevState, dev),
            VMSTATE_BYTES(PCTestDevState, latch),
            VMSTATE_INT(PCTestDevState, lines),
            VMSTATE_BYTES(PCTestDevState, memory),
            VMSTATE_DERIVED(PCTestDevState, latch_io),
            VMSTATE_DERIVED(PCTestDevState, flush_io),
            VMSTATE_DERIVED(PCTestDevState, latch_byte_io),
            VMSTATE_DERIVED(PCTestDevState, lines_io),
            VMSTATE_DERIVED(PCTestDevState, memory_io),
            VMSTATE_END,
        },
};

const DeviceType pc_testdev_type = {
    .name = "pc-testdev",
    .description = "what CPU test kernels use",
    .size = sizeof(PCTestDevState),
    .vmsd = &vmstate_pc_testdev,
    .realize = pc_testdev_realize,
    .reset = pc_testdev_reset,
    .user_creatable = true,
};
