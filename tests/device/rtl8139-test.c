/* LINK: hw/net/rtl8139.c hw/net/rtl8139-normal.c hw/net/rtl8139-cplus.c hw/net/nic-common.c hw/nvram/eeprom93xx.c
 * hw/core/boot-order.c hw/pci/pci.c net/checksum.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c
 * util/qemu-timer.c util/error.c util/option.c -lxxhash -lz */
/* tests/device/rtl8139-test.c  The RTL8139C+, by registers and rings, with the test at the other end of the wire. */
#include "nic-env.h"

enum {
    MAR = 8,
    TSD0 = 0x10,
    TSAD0 = 0x20,
    RBSTART = 0x30,
    CR = 0x37,
    CAPR = 0x38,
    CBR = 0x3a,
    IMR = 0x3c,
    ISR = 0x3e,
    TCR = 0x40,
    RCR = 0x44,
    TCTR = 0x48,
    CR9346 = 0x50,
    CONFIG1 = 0x52,
    TIMERINT = 0x54,
    MSR = 0x58,
    BMCR = 0x62,
    BMSR = 0x64,
    TPPOLL = 0xd9,
    CPCR = 0xe0,
    RDSAR = 0xe4
};
enum {
    RX_RING = 0x100000,
    TX_RING = 0x200000,
    HIGH_RING = 0x201000,
    TX_BUFFER = 0x300000,
    RX_BUFFER = 0x400000,
    STATS = 0x500000
};
#define OWN 0x80000000u
#define EOR 0x40000000u
#define FS  0x20000000u
#define LS  0x10000000u

static uint8_t frame[70000];

static void start(void)
{
    card_start();
    wr(RCR, 0x0f, 4); /* 8 KiB; everything but multicast that is not in the hash */
    wr(CR, 0x0c, 1);
}

static void test_identity(void)
{
    card_start();
    g_assert_cmphex(config_read(0, 4), ==, 0x813910ec);
    g_assert_cmphex(config_read(8, 4), ==, 0x02000020);
    g_assert_cmphex(rd(0, 4), ==, 0x12005452);
    g_assert_cmphex(rd(4, 2), ==, 0x5634);
    g_assert_cmphex(rd(TCR, 4) & 0x7cc00000, ==, 0x74800000);
    g_assert_cmphex(address_space_ld(&address_space_io, CARD_PORTS + 3, 2), ==, 0x3412);
    g_assert_cmphex(rd(CR, 1), ==, 1); /* the ring is empty */
    wr(0x01, 0xaa, 1);
    g_assert_cmphex(rd(0, 4), ==, 0x1200aa52);
    g_assert_cmphex(wire.mac.a[1], ==, 0xaa);
    wr(CR, 0x10, 1); /* soft reset keeps the address */
    g_assert_cmphex(rd(CR, 1), ==, 1);
    g_assert_cmphex(rd(0, 4), ==, 0x1200aa52);
    wr(CR9346, 0x40, 1); /* loads it again */
    g_assert_cmphex(rd(0, 4), ==, 0x12005452);
    g_assert_cmphex(rd(CR9346, 1), ==, 0);
}

static unsigned eeprom_word(unsigned address)
{
    unsigned command = 6u << 6 | address, value = 0;
    wr(CR9346, 0x80, 1);
    wr(CR9346, 0x88, 1);
    for (int i = 8; i >= 0; i--) {
        unsigned data = command >> i & 1 ? 2 : 0;
        wr(CR9346, 0x88 | data, 1);
        wr(CR9346, 0x8c | data, 1);
    }
    wr(CR9346, 0x88, 1);
    for (int i = 0; i < 16; i++) {
        wr(CR9346, 0x8c, 1);
        value = value << 1 | (rd(CR9346, 1) & 1);
        wr(CR9346, 0x88, 1);
    }
    wr(CR9346, 0, 1);
    return value;
}

static void test_eeprom(void)
{
    card_start();
    g_assert_cmphex(eeprom_word(0), ==, 0x8129);
    g_assert_cmphex(eeprom_word(1), ==, 0x10ec);
    g_assert_cmphex(eeprom_word(7), ==, 0x5452);
    g_assert_cmphex(eeprom_word(9), ==, 0x5634);
    g_assert_cmphex(eeprom_word(63), ==, 0xffff);
}

static void test_config_lock(void)
{
    card_start();
    wr(CONFIG1, 0xff, 1);
    g_assert_cmphex(rd(CONFIG1, 1), ==, 0x0c);
    wr(BMCR, 0x2100, 2);
    g_assert_cmphex(rd(BMCR, 2), ==, 0x1000);
    wr(CR9346, 0xc0, 1);
    wr(CONFIG1, 0x21, 1);
    g_assert_cmphex(rd(CONFIG1, 1), ==, 0x2d);
    wr(BMCR, 0x2100, 2);
    g_assert_cmphex(rd(BMCR, 2), ==, 0x2100);
}

static void test_normal_transmit(void)
{
    start();
    wr(IMR, 4, 2);
    make_frame(frame, 100, TO_OTHER);
    cpu_physical_memory_write(TX_BUFFER, frame, 100);
    for (unsigned slot = 0; slot < 5; slot++) {
        wr(TSAD0 + slot % 4 * 4, TX_BUFFER, 4);
        wr(TSD0 + slot % 4 * 4, 100, 4);
        g_assert_cmphex(rd(TSD0 + slot % 4 * 4, 4), ==, 100 | 0xa000);
        g_assert_cmpuint(wire.sent_count, ==, slot + 1);
        g_assert_cmpmem(wire_sent(slot), wire_sent_len(slot), frame, 100);
    }
    g_assert_cmphex(rd(0x60, 2), ==, 0xf00f);
    g_assert_cmpint(irq_level, ==, 1);
    wr(ISR, 4, 2);
    g_assert_cmpint(irq_level, ==, 0);
    wr(TSD0 + 4, 0x1fff, 4); /* too long for the FIFO: aborted */
    g_assert_cmphex(rd(TSD0 + 4, 4) & 0x4000a000, ==, 0x40002000);
    g_assert_cmphex(rd(ISR, 2), ==, 8);
    g_assert_cmpuint(wire.sent_count, ==, 5);
}

static void test_normal_receive(void)
{
    uint8_t fcs[4];
    start();
    wr(RBSTART, RX_RING, 4);
    wr(IMR, 1, 2);
    make_frame(frame, 61, TO_CARD);
    stl_le_p(fcs, ~net_crc32_le(frame, 61));
    wire_deliver(frame, 61);
    g_assert_cmphex(mem32(RX_RING), ==, 65u << 16 | 0x4001);
    check_mem(RX_RING + 4, frame, 61);
    check_mem(RX_RING + 65, fcs, 4);
    g_assert_cmpint(irq_level, ==, 1);
    g_assert_cmphex(rd(CBR, 2), ==, 72);
    g_assert_cmphex(rd(CR, 1), ==, 0x0c);
    wr(CAPR, 72 - 16, 2);
    g_assert_cmphex(rd(CR, 1), ==, 0x0d);
    make_frame(frame, 60, TO_ALL);
    wire_deliver(frame, 60);
    g_assert_cmphex(mem32(RX_RING + 72), ==, 64u << 16 | 0x2001);
}

/* 8 KiB ring, frames of 1000 bytes: 1008 each; the ninth goes round. */
static void fill_ring(bool wrap)
{
    start();
    wr(RCR, wrap ? 0x8f : 0x0f, 4);
    wr(RBSTART, RX_RING, 4);
    set_mem32(RX_RING + 8192, 0x11111111);
    make_frame(frame, 1000, TO_CARD);
    for (int i = 0; i < 8; i++) {
        wire_deliver(frame, 1000);
        wr(CAPR, (1008 * (i + 1) - 16) & 0xffff, 2);
    }
    wire_deliver(frame, 1000);
}

static void test_normal_wrap(void)
{
    fill_ring(false);
    g_assert_cmphex(mem32(RX_RING + 8064), ==, 1004u << 16 | 0x4001);
    check_mem(RX_RING + 8068, frame, 124);
    check_mem(RX_RING, frame + 124, 876);
    g_assert_cmphex(mem32(RX_RING + 8192), ==, 0x11111111);
    g_assert_cmphex(rd(CBR, 2), ==, 9 * 1008 - 8192);
    fill_ring(true); /* and now behind the end */
    check_mem(RX_RING + 8068, frame, 1000);
    g_assert_cmphex(rd(CBR, 2), ==, 9 * 1008 - 8192);
}

static void test_normal_full(void)
{
    start();
    wr(RBSTART, RX_RING, 4);
    make_frame(frame, 1000, TO_CARD);
    for (int i = 0; i < 10; i++) {
        wire_deliver(frame, 1000);
    }
    g_assert_cmphex(rd(CBR, 2), ==, 8 * 1008);
    g_assert_cmphex(rd(ISR, 2), ==, 0x11);
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 2);
    wr(CAPR, 2 * 1008 - 16, 2); /* two are read: two come in */
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 0);
    g_assert_cmphex(rd(CBR, 2), ==, 10 * 1008 - 8192);
}

static unsigned accepted(const char *destination)
{
    make_frame(frame, 60, destination);
    unsigned before = rd(CBR, 2);
    wire_deliver(frame, 60);
    return rd(CBR, 2) != before;
}

static void test_filters(void)
{
    static const char *const to[4] = { TO_CARD, TO_OTHER, TO_ALL, TO_MULTICAST };
    start();
    wr(RBSTART, RX_RING, 4);
    for (unsigned rcr = 0; rcr < 16; rcr++) {
        wr(CR, 0, 1);
        wr(RCR, rcr, 4);
        wr(CR, 0x0c, 1);
        bool expected[4] = { rcr & 3, rcr & 1, rcr & 8, false };
        for (int i = 0; i < 4; i++) {
            g_assert_cmpuint(accepted(to[i]), ==, expected[i]);
        }
    }
    unsigned bit = net_crc32((const uint8_t *)TO_MULTICAST, 6) >> 26;
    wr(MAR + bit / 8, 1u << bit % 8, 1);
    g_assert_cmpuint(accepted(TO_MULTICAST), ==, 1);
    g_assert_cmpuint(accepted("\x01\x00\x5e\x00\x00\x02"), ==, 0);
    wr(CR, 0x04, 1); /* receiver off: taken and dropped */
    g_assert_cmpuint(accepted(TO_CARD), ==, 0);
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 0);
}

static void test_loopback(void)
{
    start();
    wr(RBSTART, RX_RING, 4);
    wr(TCR, 0x60000, 4);
    make_frame(frame, 80, TO_CARD);
    cpu_physical_memory_write(TX_BUFFER, frame, 80);
    wr(TSAD0, TX_BUFFER, 4);
    wr(TSD0, 80, 4);
    g_assert_cmpuint(wire.sent_count, ==, 0);
    check_mem(RX_RING + 4, frame, 80);
}

/* ---- C+ mode ---- */

static void set_desc(hwaddr ring, unsigned i, uint32_t command, uint32_t vlan, uint64_t buffer)
{
    set_mem32(ring + 16 * i, command);
    set_mem32(ring + 16 * i + 4, vlan);
    set_mem32(ring + 16 * i + 8, (uint32_t)buffer);
    set_mem32(ring + 16 * i + 12, buffer >> 32);
}

static void start_cplus(uint16_t cpcr)
{
    start();
    wr(CPCR, cpcr | 3, 2);
    wr(TSAD0, TX_RING, 4);
    wr(TSAD0 + 4, 0, 4);
    wr(TSAD0 + 8, HIGH_RING, 4);
    wr(TSAD0 + 12, 0, 4);
    wr(RDSAR, RX_RING, 4);
    wr(RDSAR + 4, 0, 4);
    for (unsigned i = 0; i < 64; i++) {
        set_desc(TX_RING, i, 0, 0, 0);
        set_desc(HIGH_RING, i, 0, 0, 0);
        set_desc(RX_RING, i, 0, 0, 0);
    }
}

static void test_cplus_transmit(void)
{
    start_cplus(0);
    make_frame(frame, 300, TO_OTHER);
    cpu_physical_memory_write(TX_BUFFER, frame, 300);
    set_desc(TX_RING, 0, OWN | FS | 100, 0, TX_BUFFER);
    wr(TPPOLL, 0x40, 1);
    g_assert_cmpuint(wire.sent_count, ==, 0); /* the rest is not there */
    g_assert_cmphex(mem32(TX_RING), ==, OWN | FS | 100);
    set_desc(TX_RING, 1, OWN | LS | EOR | 200, 0, TX_BUFFER + 100);
    wr(TPPOLL, 0x40, 1);
    g_assert_cmpuint(wire.sent_count, ==, 1);
    g_assert_cmpmem(wire_sent(0), wire_sent_len(0), frame, 300);
    g_assert_cmphex(mem32(TX_RING), ==, FS | 100);
    g_assert_cmphex(mem32(TX_RING + 16), ==, LS | EOR | 200);
    g_assert_cmphex(rd(ISR, 2), ==, 0x84);
    set_desc(TX_RING, 0, OWN | FS | LS | 60, 0, TX_BUFFER); /* after EOR: the first again */
    set_desc(HIGH_RING, 0, OWN | FS | LS | 70, 0, TX_BUFFER);
    wr(TPPOLL, 0xc0, 1);
    g_assert_cmpuint(wire_sent_len(1), ==, 70);
    g_assert_cmpuint(wire_sent_len(2), ==, 60);
    wr(TPPOLL, 1, 1);
    g_assert_cmphex(rd(ISR, 2) & 0x100, ==, 0x100);
}

static void test_cplus_offload(void)
{
    start_cplus(0);
    size_t len = make_tcp(frame, 333);
    cpu_physical_memory_write(TX_BUFFER, frame, len);
    set_desc(TX_RING, 0, OWN | FS | LS | 0x50000 | (uint32_t)len, 0, TX_BUFFER);
    set_desc(TX_RING, 1, OWN | EOR | FS | LS | (uint32_t)len, 0x20000 | 0x3412, TX_BUFFER);
    wr(TPPOLL, 0x40, 1);
    g_assert_cmpuint(wire.sent_count, ==, 2);
    g_assert_true(checksums_ok(wire_sent(0)));
    g_assert_cmpmem(wire_sent(1), 12, frame, 12);
    g_assert_cmpmem(wire_sent(1) + 12, 4, "\x81\x00\x12\x34", 4);
    g_assert_cmpmem(wire_sent(1) + 16, wire_sent_len(1) - 16, frame + 12, len - 12);
}

static void test_cplus_large_send(void)
{
    start_cplus(0);
    size_t len = make_tcp(frame, 2500);
    cpu_physical_memory_write(TX_BUFFER, frame, len);
    set_desc(TX_RING, 0, OWN | EOR | FS | LS | 1u << 27 | 1000u << 16 | (uint32_t)len, 0, TX_BUFFER);
    wr(TPPOLL, 0x40, 1);
    g_assert_cmpuint(wire.sent_count, ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *sent = wire_sent(i);
        size_t payload = i < 2 ? 1000 : 500;
        g_assert_cmpuint(wire_sent_len(i), ==, 54 + payload);
        g_assert_true(checksums_ok(sent));
        g_assert_cmpmem(sent + 54, payload, frame + 54 + 1000 * i, payload);
        g_assert_cmphex(sent[18] << 8 | sent[19], ==, 0x1000 + i);
        g_assert_cmphex(sent[40] << 8 | sent[41], ==, 0x8000 + 1000 * i);
        g_assert_cmphex(sent[47], ==, i < 2 ? 0x10 : 0x19);
    }
    set_desc(TX_RING, 0, OWN | EOR | FS | LS | 1u << 27 | (uint32_t)len, 0, TX_BUFFER); /* MSS 0: bounded */
    wr(TPPOLL, 0x40, 1);
    g_assert_cmpuint(wire.sent_count, ==, 3 + (2500 + 87) / 88);
}

static void test_cplus_receive(void)
{
    uint8_t fcs[4];
    start_cplus(0);
    wr(IMR, 0x11, 2);
    set_desc(RX_RING, 0, OWN | 100, 0, RX_BUFFER);
    set_desc(RX_RING, 1, OWN | EOR | 1536, 0, RX_BUFFER + 0x1000);
    make_frame(frame, 60, TO_CARD);
    wire_deliver(frame, 60);
    g_assert_cmphex(mem32(RX_RING), ==, FS | LS | 0x02000000 | 64);
    check_mem(RX_BUFFER, frame, 60);
    g_assert_cmpint(irq_level, ==, 1);
    set_desc(RX_RING, 0, OWN | 100, 0, RX_BUFFER);
    make_frame(frame, 1514, TO_ALL);
    stl_le_p(fcs, ~net_crc32_le(frame, 1514));
    wire_deliver(frame, 1514); /* 1518 bytes in the second */
    g_assert_cmphex(mem32(RX_RING + 16), ==, EOR | FS | LS | 0x01000000 | 1518);
    check_mem(RX_BUFFER + 0x1000, frame, 1514);
    check_mem(RX_BUFFER + 0x1000 + 1514, fcs, 4);
    set_desc(RX_RING, 1, OWN | EOR | 1536, 0, RX_BUFFER + 0x1000);
    wire_deliver(frame, 1514); /* over both */
    g_assert_cmphex(mem32(RX_RING), ==, FS | 0x01000000 | 1518);
    g_assert_cmphex(mem32(RX_RING + 16), ==, EOR | LS | 0x01000000 | 1518);
    check_mem(RX_BUFFER, frame, 100);
    check_mem(RX_BUFFER + 0x1000, frame + 100, 1414);
    wr(ISR, 0xffff, 2);
    wire_deliver(frame, 1514); /* none is left */
    g_assert_cmphex(rd(ISR, 2), ==, 0x10);
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 1);
    set_desc(RX_RING, 0, OWN | EOR | 1536, 0, RX_BUFFER);
    wr(ISR, 0x11, 2);
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 0);
    g_assert_cmphex(rd(ISR, 2), ==, 1);
}

static void test_cplus_receive_offload(void)
{
    start_cplus(0x60);
    size_t len = make_tcp(frame, 100);
    net_checksum_calculate(frame, len, true, true);
    for (unsigned i = 0; i < 4; i++) {
        set_desc(RX_RING, i, OWN | 1536, 0, RX_BUFFER + i * 0x1000);
    }
    wire_deliver(frame, len);
    g_assert_cmphex(mem32(RX_RING) & 0x3e000, ==, 0x10000);
    frame[60] ^= 1;
    wire_deliver(frame, len);
    g_assert_cmphex(mem32(RX_RING + 16) & 0x3e000, ==, 0x12000);
    frame[22] ^= 1; /* the IP header's */
    wire_deliver(frame, len);
    g_assert_cmphex(mem32(RX_RING + 32) & 0x3e000, ==, 0x1a000);
    make_frame(frame, 64, TO_CARD);
    memcpy(frame + 12, "\x81\x00\x12\x34", 4);
    wire_deliver(frame, 64);
    g_assert_cmphex(mem32(RX_RING + 48) & 0x3fff, ==, 64); /* 60 and FCS */
    g_assert_cmphex(mem32(RX_RING + 52), ==, 0x13412);
    check_mem(RX_BUFFER + 0x3000 + 12, frame + 16, 48);
}

static void test_statistics(void)
{
    start_cplus(0);
    set_desc(RX_RING, 0, OWN | 1536, 0, RX_BUFFER);
    set_desc(RX_RING, 1, OWN | 1536, 0, RX_BUFFER);
    make_frame(frame, 60, TO_CARD);
    wire_deliver(frame, 60);
    make_frame(frame, 60, TO_ALL);
    wire_deliver(frame, 60);
    wr(TSD0 + 4, 0, 4);
    wr(TSD0, STATS | 8, 4);
    g_assert_cmphex(rd(TSD0, 4), ==, STATS);
    g_assert_cmpuint(mem32(STATS + 8), ==, 2);
    g_assert_cmpuint(mem32(STATS + 40), ==, 1);
    g_assert_cmpuint(mem32(STATS + 48), ==, 1);
}

static void test_timer(void)
{
    card_start();
    wr(IMR, 0x4000, 2);
    qemu_clock_step(1000000);
    wr(TCTR, 0, 4);
    g_assert_cmpuint(rd(TCTR, 4), ==, 0);
    qemu_clock_step(1000000);
    g_assert_cmpuint(rd(TCTR, 4), ==, 33000);
    wr(TIMERINT, 66000, 4);
    qemu_clock_step(999900);
    g_assert_cmpint(irq_level, ==, 0);
    qemu_clock_step(101);
    g_assert_cmpint(irq_level, ==, 1);
    wr(ISR, 0x4000, 2);
    qemu_clock_step(4294967296LL * 1000 / 33); /* all the way round */
    g_assert_cmpint(irq_level, ==, 1);
}

static void test_link(void)
{
    card_start();
    wr(IMR, 0x20, 2);
    g_assert_cmphex(rd(BMSR, 2) & 0x24, ==, 0x24);
    wire_set_link(false);
    g_assert_cmpint(irq_level, ==, 1);
    g_assert_cmphex(rd(BMSR, 2) & 0x24, ==, 0);
    g_assert_cmphex(rd(MSR, 1) & 4, ==, 4);
    wr(ISR, 0x20, 2);
    wr(CR, 0x10, 1); /* a reset does not mend the cable */
    g_assert_cmphex(rd(BMSR, 2) & 4, ==, 0);
    wire_set_link(true);
    g_assert_cmphex(rd(BMSR, 2) & 4, ==, 4);
}

static void test_not_master(void)
{
    start();
    wr(RBSTART, RX_RING, 4);
    set_mem32(RX_RING, 0x12345678);
    config_write(PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
    make_frame(frame, 60, TO_CARD);
    wire_deliver(frame, 60);
    wr(TSD0, 60, 4);
    g_assert_cmphex(mem32(RX_RING), ==, 0x12345678);
    g_assert_cmpuint(wire.sent_count, ==, 0);
}

static void test_state(void)
{
    start_cplus(0x60);
    set_desc(RX_RING, 0, OWN | EOR | 1536, 0, RX_BUFFER);
    make_frame(frame, 60, TO_CARD);
    wire_deliver(frame, 60);
    wr(TIMERINT, 1000, 4);
    wr(CR9346, 0x88, 1);
    check_state_goes_round(card);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    board_init(&rtl8139_type);
    g_test_add_func("/rtl8139/identity", test_identity);
    g_test_add_func("/rtl8139/eeprom", test_eeprom);
    g_test_add_func("/rtl8139/config-lock", test_config_lock);
    g_test_add_func("/rtl8139/normal/transmit", test_normal_transmit);
    g_test_add_func("/rtl8139/normal/receive", test_normal_receive);
    g_test_add_func("/rtl8139/normal/wrap", test_normal_wrap);
    g_test_add_func("/rtl8139/normal/full", test_normal_full);
    g_test_add_func("/rtl8139/filters", test_filters);
    g_test_add_func("/rtl8139/loopback", test_loopback);
    g_test_add_func("/rtl8139/c+/transmit", test_cplus_transmit);
    g_test_add_func("/rtl8139/c+/checksums-and-tags", test_cplus_offload);
    g_test_add_func("/rtl8139/c+/large-send", test_cplus_large_send);
    g_test_add_func("/rtl8139/c+/receive", test_cplus_receive);
    g_test_add_func("/rtl8139/c+/receive-offload", test_cplus_receive_offload);
    g_test_add_func("/rtl8139/statistics", test_statistics);
    g_test_add_func("/rtl8139/timer", test_timer);
    g_test_add_func("/rtl8139/link", test_link);
    g_test_add_func("/rtl8139/not-bus-master", test_not_master);
    g_test_add_func("/rtl8139/state", test_state);
    return g_test_run();
}
