/*
 * hw/dma/i8257.c  The PC's two DMA controllers (Intel 8237A data sheet) and their page registers (IBM AT Technical
 * Reference).
 *
 * Controller 0: ports 00h-0Fh, channels 0-3, bytes. Controller 1: ports C0h-DEh (even), channels 4-7, words; channel 4
 * carries the cascade. Left out on purpose: memory-to-memory transfers (the AT cannot do them), transfer timing,
 * priorities.
 */
#include "hw/dma/i8257.h"
#include "hw/isa/chips.h"

enum { CMD_DISABLE = 0x04 };
enum {
    MODE_DOWN = 0x20,
    MODE_AUTO = 0x10,
    MODE_TYPE = 0x0c,
    MODE_VERIFY = 0x00,
    MODE_TO_MEMORY = 0x04,
    MODE_FROM_MEMORY = 0x08
};

typedef struct DMAChannel {
    uint16_t base_address, base_count;
    uint16_t address, count; /* count: transfers left, minus one */
    uint8_t mode;
} DMAChannel;

typedef struct DMAController {
    DMAChannel channels[4];
    uint8_t command, mask, temporary;
    uint8_t tc;      /* reached terminal count since the last status read, one bit per channel */
    uint8_t dreq;    /* hardware request lines */
    uint8_t request; /* software requests */
    bool high_byte;  /* the flip-flop: next access is to the high byte */
} DMAController;

typedef struct I8257State {
    Device dev;
    MemoryRegion io[2], page_io;
    DMAController ctl[2];
    uint8_t page[16]; /* ports 80h-8Fh; those without a channel are scratch */
} I8257State;

/* ---- registers ---- */

static uint8_t flip(DMAController *c, uint16_t value)
{
    c->high_byte = !c->high_byte;
    return c->high_byte ? value & 0xff : value >> 8;
}

static uint8_t dma_read_status(DMAController *c)
{
    uint8_t status = c->tc | (uint8_t)((c->dreq | c->request) << 4);
    c->tc = 0;
    return status;
}

static uint8_t dma_read(DMAController *c, unsigned reg)
{
    if (reg < 8) {
        const DMAChannel *ch = &c->channels[reg >> 1];
        return flip(c, reg & 1 ? ch->count : ch->address);
    }
    switch (reg) {
    case 0x8:
        return dma_read_status(c);
    case 0xd:
        return c->temporary;
    case 0xf:
        return 0xf0 | c->mask;
    default:
        return 0xff;
    }
}

static void dma_write_half(DMAController *c, uint16_t *base, uint16_t *current, uint8_t value)
{
    if (c->high_byte) {
        *base = (*base & 0x00ff) | value << 8;
        *current = (*current & 0x00ff) | value << 8;
    } else {
        *base = (*base & 0xff00) | value;
        *current = (*current & 0xff00) | value;
    }
    c->high_byte = !c->high_byte;
}

static void dma_master_clear(DMAController *c)
{
    c->command = c->tc = c->request = c->temporary = 0;
    c->high_byte = false;
    c->mask = 0x0f;
}

static uint8_t set_bit(uint8_t bits, uint8_t value)
{
    uint8_t bit = 1u << (value & 3);
    return value & 4 ? bits | bit : bits & ~bit;
}

static void dma_write(DMAController *c, unsigned reg, uint8_t value)
{
    if (reg < 8) {
        DMAChannel *ch = &c->channels[reg >> 1];
        if (reg & 1) {
            dma_write_half(c, &ch->base_count, &ch->count, value);
        } else {
            dma_write_half(c, &ch->base_address, &ch->address, value);
        }
        return;
    }
    switch (reg) {
    case 0x8:
        c->command = value;
        break;
    case 0x9:
        c->request = set_bit(c->request, value);
        break;
    case 0xa:
        c->mask = set_bit(c->mask, value);
        break;
    case 0xb:
        c->channels[value & 3].mode = value & 0xfc;
        break;
    case 0xc:
        c->high_byte = false;
        break;
    case 0xd:
        dma_master_clear(c);
        break;
    case 0xe:
        c->mask = 0;
        break;
    case 0xf:
        c->mask = value & 0x0f;
        break;
    }
}

static uint64_t dma0_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)size;
    return dma_read(&((I8257State *)opaque)->ctl[0], addr & 0xf);
}

static void dma0_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    (void)size;
    dma_write(&((I8257State *)opaque)->ctl[0], addr & 0xf, value);
}

/* A0 is not decoded: the registers stand at every second port. */
static uint64_t dma1_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)size;
    return dma_read(&((I8257State *)opaque)->ctl[1], (addr >> 1) & 0xf);
}

static void dma1_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    (void)size;
    dma_write(&((I8257State *)opaque)->ctl[1], (addr >> 1) & 0xf, value);
}

static uint64_t page_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)size;
    return ((I8257State *)opaque)->page[addr & 0xf];
}

static void page_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    (void)size;
    ((I8257State *)opaque)->page[addr & 0xf] = value;
}

static const MemoryRegionOps dma_ops[2] = {
    { .read = dma0_read, .write = dma0_write, .min_access = 1, .max_access = 1 },
    { .read = dma1_read, .write = dma1_write, .min_access = 1, .max_access = 1 },
};
static const MemoryRegionOps page_ops = { .read = page_read, .write = page_write, .min_access = 1, .max_access = 1 };

/* ---- transfers ---- */

static DMAController *controller_of(I8257State *s, int channel)
{
    lockstep_assert(channel >= 0 && channel < 8 && channel != 4, "DMA channel %d", channel);
    return &s->ctl[channel >> 2];
}

/* The page register of a channel: wiring of the AT. */
static uint8_t page_of(const I8257State *s, int channel)
{
    static const uint8_t port[8] = { 0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa };
    return s->page[port[channel]];
}

void i8257_set_dreq(Device *dma, int channel, int level)
{
    DMAController *c = controller_of((I8257State *)dma, channel);
    uint8_t bit = 1u << (channel & 3);
    c->dreq = level ? c->dreq | bit : c->dreq & ~bit;
}

/* Channels 0-3 reach the bus through channel 4. */
static bool cascade_open(const I8257State *s, int channel)
{
    return channel > 3 || (!(s->ctl[1].command & CMD_DISABLE) && !(s->ctl[1].mask & 1));
}

bool i8257_ready(Device *dma, int channel, bool to_memory)
{
    I8257State *s = (I8257State *)dma;
    const DMAController *c = controller_of(s, channel);
    uint8_t type = c->channels[channel & 3].mode & MODE_TYPE;
    bool direction = type == MODE_VERIFY || type == (to_memory ? MODE_TO_MEMORY : MODE_FROM_MEMORY);
    return direction && !(c->command & CMD_DISABLE) && !(c->mask & (1u << (channel & 3))) && cascade_open(s, channel);
}

/* Words: the page's bit 0 is not used and the address counts words. */
static hwaddr dma_address(const I8257State *s, int channel, uint16_t address)
{
    if (channel < 4) {
        return (hwaddr)page_of(s, channel) << 16 | address;
    }
    return (hwaddr)(page_of(s, channel) & 0xfe) << 16 | (hwaddr)address << 1;
}

static void dma_terminal_count(DMAController *c, int index)
{
    DMAChannel *ch = &c->channels[index];
    uint8_t bit = 1u << index;
    c->tc |= bit;
    c->request &= ~bit;
    if (ch->mode & MODE_AUTO) {
        ch->address = ch->base_address;
        ch->count = ch->base_count;
    } else {
        c->mask |= bit;
    }
}

/* One byte or word; true at terminal count. */
static bool dma_step(I8257State *s, int channel, uint8_t *unit, size_t unit_size, bool to_memory)
{
    DMAController *c = controller_of(s, channel);
    DMAChannel *ch = &c->channels[channel & 3];
    hwaddr addr = dma_address(s, channel, ch->address);
    bool verify = (ch->mode & MODE_TYPE) == MODE_VERIFY;
    if (!to_memory) {
        cpu_physical_memory_read(addr, unit, unit_size);
    } else if (!verify) {
        cpu_physical_memory_write(addr, unit, unit_size);
    }
    ch->address += ch->mode & MODE_DOWN ? -1 : 1;
    if (ch->count-- == 0) {
        dma_terminal_count(c, channel & 3);
        return true;
    }
    return false;
}

static size_t dma_transfer(Device *dma, int channel, uint8_t *buf, size_t len, bool to_memory, bool *tc)
{
    size_t unit = channel < 4 ? 1 : 2, done = 0;
    bool end = false;
    while (done + unit <= len && !end && i8257_ready(dma, channel, to_memory)) {
        end = dma_step((I8257State *)dma, channel, buf + done, unit, to_memory);
        done += unit;
    }
    if (tc) {
        *tc = end;
    }
    return done;
}

size_t i8257_to_memory(Device *dma, int channel, const void *buf, size_t len, bool *tc)
{
    return dma_transfer(dma, channel, (uint8_t *)buf, len, true, tc);
}

size_t i8257_from_memory(Device *dma, int channel, void *buf, size_t len, bool *tc)
{
    return dma_transfer(dma, channel, buf, len, false, tc);
}

/* ---- the device ---- */

static bool i8257_realize(Device *dev, Error **errp)
{
    I8257State *s = (I8257State *)dev;
    (void)errp;
    memory_region_init_io(&s->io[0], &dma_ops[0], s, "dma1", 0x10);
    memory_region_init_io(&s->io[1], &dma_ops[1], s, "dma2", 0x20);
    memory_region_init_io(&s->page_io, &page_ops, s, "dma-page", 0x10);
    memory_region_add_subregion(get_system_io(), 0x00, &s->io[0]);
    memory_region_add_subregion(get_system_io(), 0xc0, &s->io[1]);
    memory_region_add_subregion_overlap(get_system_io(), 0x80, &s->page_io, -1); /* below debug ports in that range */
    return true;
}

static void i8257_reset(Device *dev)
{
    I8257State *s = (I8257State *)dev;
    for (int i = 0; i < 2; i++) {
        memset(s->ctl[i].channels, 0, sizeof(s->ctl[i].channels));
        dma_master_clear(&s->ctl[i]);
    }
    memset(s->page, 0, sizeof(s->page));
}

static const VMStateField channel_fields[] = {
    VMSTATE_INT(DMAChannel, base_address), VMSTATE_INT(DMAChannel, base_count), VMSTATE_INT(DMAChannel, address),
    VMSTATE_INT(DMAChannel, count),        VMSTATE_INT(DMAChannel, mode),       VMSTATE_END,
};
static const VMStateDescription channel_vmsd = { .name = "dma-channel", .version = 1, .fields = channel_fields };

static const VMStateField controller_fields[] = {
    VMSTATE_STRUCT_ARRAY(DMAController, channels, channel_vmsd),
    VMSTATE_INT(DMAController, command),
    VMSTATE_INT(DMAController, mask),
    VMSTATE_INT(DMAController, temporary),
    VMSTATE_INT(DMAController, tc),
    VMSTATE_INT(DMAController, dreq),
    VMSTATE_INT(DMAController, request),
    VMSTATE_BOOL(DMAController, high_byte),
    VMSTATE_END,
};
static const VMStateDescription controller_vmsd = {
    .name = "dma-controller",
    .version = 1,
    .fields = controller_fields,
};

static const VMStateField i8257_fields[] = {
    VMSTATE_STRUCT_ARRAY(I8257State, ctl, controller_vmsd),
    VMSTATE_BYTES(I8257State, page),
    VMSTATE_DERIVED(I8257State, dev),
    VMSTATE_DERIVED(I8257State, io),
    VMSTATE_DERIVED(I8257State, page_io),
    VMSTATE_END,
};
static const VMStateDescription i8257_vmsd = { .name = "i8257", .version = 1, .fields = i8257_fields };

const DeviceType i8257_type = {
    .name = "i8257",
    .description = "DMA controllers",
    .size = sizeof(I8257State),
    .vmsd = &i8257_vmsd,
    .realize = i8257_realize,
    .reset = i8257_reset,
};
