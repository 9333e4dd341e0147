/* LINK: hw/net/rtl8139.c hw/net/rtl8139-normal.c hw/net/rtl8139-cplus.c hw/net/e1000.c hw/net/e1000-rx.c
 * hw/net/e1000-tx.c hw/net/ne2000.c hw/net/ne2k-pci.c hw/net/nic-common.c hw/nvram/eeprom93xx.c hw/core/boot-order.c
 * hw/pci/pci.c net/checksum.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c util/qemu-timer.c
 * util/error.c util/option.c -lxxhash -lz */
/*
 * tests/device/nic-fuzz-test.c  A guest and a network gone mad: random registers, descriptors and packets, the same for
 * the same seed.
 *
 *     device-nic-fuzz-test [CARD [SECONDS [SEED [ROUND]]]]      CARD: rtl8139, e1000, ne2k_pci
 *
 * What it looks for is found by the sanitizers and by a round that takes too long. Each round starts the card with its
 * rings in order, so that the deep paths are reached, and then does anything.
 */
#include "nic-env.h"

#include "fuzz-env.h"

#define RINGS   0x100000u
#define BUFFERS 0x400000u

static uint8_t packet[NET_MAX_PACKET];

/* ---- values that matter ---- */

static uint32_t some_address(void)
{
    static const uint32_t odd[] = { 0, 0xfffffff0, 0xfff00000, CARD_MMIO, CARD_MMIO + 0x10, RAM_BYTES - 8, RINGS };
    return below(8) ? RINGS + (rnd() & 0x6ffff0) : odd[below(ARRAY_SIZE(odd))];
}

static uint32_t some_value(void)
{
    switch (below(6)) {
    case 0:
        return rnd();
    case 1:
        return below(256);
    case 2:
        return 1u << below(32);
    case 3:
        return ~(1u << below(32));
    case 4:
        return 0xffffffff;
    default:
        return some_address();
    }
}

/* ---- what a card is set up with ---- */

typedef struct Setting {
    uint16_t reg, size;
    uint32_t value;
} Setting;

typedef struct Card {
    const DeviceType *type;
    bool ports; /* registers are I/O ports only */
    uint32_t reg_bytes;
    const Setting *start;
    uint16_t hot[16];       /* registers that are written more often; 0 ends */
    uint32_t desc_flags[8]; /* for the word of a descriptor that has its command */
    unsigned desc_word;
} Card;

static const Setting rtl8139_start[] = {
    { 0xe0, 2, 0x63 }, { 0x37, 1, 0x0c },          { 0x44, 4, 0x8f },   { 0x20, 4, RINGS },
    { 0x24, 4, 0 },    { 0x28, 4, RINGS + 0x400 }, { 0x2c, 4, 0 },      { 0xe4, 4, RINGS + 0x800 },
    { 0xe8, 4, 0 },    { 0x30, 4, BUFFERS },       { 0x3c, 2, 0xffff }, { 0 }
};
static const Setting e1000_start[] = {
    { 0x2800, 4, RINGS + 0x800 }, { 0x2808, 4, 512 }, { 0x2818, 4, 31 },    { 0x3800, 4, RINGS }, { 0x3808, 4, 512 },
    { 0x100, 4, 0x0400803a },     { 0x400, 4, 0xa },  { 0, 4, 0x40000000 }, { 0xd0, 4, 0x1ffff }, { 0 }
};
static const Setting ne2000_start[] = { { 0, 1, 0x21 }, { 14, 1, 0x49 }, { 12, 1, 0x1c }, { 1, 1, 0x46 },
                                        { 2, 1, 0x80 }, { 3, 1, 0x46 },  { 15, 1, 0x3f }, { 0, 1, 0x61 },
                                        { 7, 1, 0x47 }, { 0, 1, 0x22 },  { 4, 1, 0x40 },  { 5, 1, 100 },
                                        { 0 } };

static const Card cards[] = {
    { .type = &rtl8139_type,
      .reg_bytes = 0x100,
      .start = rtl8139_start,
      .hot = { 0x10, 0x14, 0x18, 0x1c, 0x37, 0x38, 0x3e, 0x44, 0x50, 0x54, 0xd9, 0xd9, 0xd9, 0xe0, 0xe4 },
      .desc_flags = { 0x80000000, 0xf0000000, 0xb0000000, 0xb8640000, 0xb0070000, 0xc0000000, 0xa0000000, 0x90000000 },
      .desc_word = 0 },
    { .type = &e1000_type,
      .reg_bytes = 0x6000,
      .start = e1000_start,
      .hot = { 0x100, 0x400, 0x2810, 0x2818, 0x2818, 0x3810, 0x3818, 0x3818, 0x3818, 0x2808, 0x3808, 0xc4, 0x20, 0x10,
               0x14 },
      .desc_flags = { 0x01000000, 0x09000000, 0x25100000, 0x21100000, 0x27000000, 0x20000000, 0xad100000, 0x0d000000 },
      .desc_word = 2 },
    { .type = &ne2k_pci_type,
      .ports = true,
      .reg_bytes = 0x20,
      .start = ne2000_start,
      .hot = { 0x10, 0x10, 0x10, 0x20 /* CR */, 0x20, 0x20, 0x20, 3, 5, 6, 7, 9, 10, 11, 1 } },
};

/* ---- steps ---- */

static const Card *mad;

static void reg_write(unsigned reg, uint32_t value, unsigned size)
{
    hwaddr base = mad->ports ? CARD_PORTS : CARD_MMIO;
    address_space_st(mad->ports ? &address_space_io : &address_space_memory, base + reg % mad->reg_bytes, value, size);
}

static void step_register(void)
{
    unsigned reg = below(4) ? mad->hot[below(15)] : below(mad->reg_bytes);
    static const uint8_t sizes[8] = { 1, 2, 4, 4, 4, 4, 4, 8 };
    reg_write(reg, below(3) ? some_value() : below(64), mad->ports ? 1u << below(3) : sizes[below(8)]);
}

static void step_read(void)
{
    hwaddr at = (mad->ports ? CARD_PORTS : CARD_MMIO) + below(mad->reg_bytes);
    address_space_ld(mad->ports ? &address_space_io : &address_space_memory, at, 1u << below(3));
}

static void step_descriptor(void)
{
    hwaddr at = RINGS + below(192) * 16;
    set_mem32(at + 8 - 4 * mad->desc_word, some_address());
    set_mem32(at + 12 - 4 * mad->desc_word, below(4) ? 0 : some_value());
    set_mem32(at + 12, below(2) ? 0x0300 | below(3) * 0x05b40000 : some_value());
    if (mad->desc_word == 0) {
        set_mem32(at + 8, some_address());
        set_mem32(at + 12, below(8) ? 0 : some_value());
    }
    set_mem32(at + 4 * mad->desc_word, mad->desc_flags[below(8)] | (below(3) ? below(2048) : rnd() & 0x40ffff));
}

/* A context for checksums and segmentation that fits some_frame(). */
static void step_context(void)
{
    hwaddr at = RINGS + below(32) * 16;
    set_mem32(at, 14u | 24u << 8 | (below(2) ? 33u : rnd()) << 16);
    set_mem32(at + 4, 34u | 50u << 8 | (below(2) ? 0 : rnd()) << 16);
    set_mem32(at + 8, 0x27000000 | below(65536));
    set_mem32(at + 12, (below(3) ? 54u : below(256)) << 8 | below(3000) << 16);
}

static void step_guest_frame(void)
{
    size_t len = some_frame(packet);
    cpu_physical_memory_write(RINGS + (rnd() & 0x6f0000), packet, len);
}

static void step_packet(void)
{
    size_t len = some_frame(packet);
    wire_deliver(packet, len);
}

static void step_rare(void)
{
    switch (below(8)) {
    case 0:
        wire_set_link(below(2));
        break;
    case 1:
        config_write(PCI_COMMAND, below(4) ? 7 : rnd() & 7, 2);
        break;
    case 2:
        check_state_goes_round(card);
        break;
    case 3:
        config_write(0x10 + below(2) * 4, some_value(), 4);
        break;
    default:
        qemu_clock_step(below(20000000));
    }
}

static void step(void)
{
    static void (*const steps[])(void) = { step_register,    step_register,   step_register,   step_register,
                                           step_descriptor,  step_descriptor, step_descriptor, step_context,
                                           step_guest_frame, step_packet,     step_packet,     step_read };
    if (below(40)) {
        steps[below(ARRAY_SIZE(steps))]();
    } else {
        step_rare();
    }
}

/* Nothing is left of the round before: any round can be played alone. */
static void start_round(void)
{
    memset(ram_base, 0, RAM_BYTES);
    card_start();
    for (const Setting *s = mad->start; s->size; s++) {
        reg_write(s->reg, s->value, s->size);
    }
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_SIZE(cards); i++) {
        mad = &cards[i];
        if (fuzz_wants(argc, argv, mad->type->name)) {
            const FuzzTarget target = { mad->type->name, start_round, step };
            board_init(mad->type);
            fuzz(argc, argv, &target, 1);
        }
    }
    return 0;
}
