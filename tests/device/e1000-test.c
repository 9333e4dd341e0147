/* LINK: hw/net/e1000.c hw/net/e1000-rx.c hw/net/e1000-tx.c hw/net/nic-common.c hw/nvram/eeprom93xx.c
 * hw/core/boot-order.c hw/pci/pci.c net/checksum.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c
 * util/qemu-timer.c util/error.c util/option.c -lxxhash -lz */
/* tests/device/e1000-test.c  The 82540EM, by registers and rings, with the test at the other end of the wire. */
#include "nic-env.h"

enum {
    CTRL = 0,
    STATUS = 8,
    EECD = 0x10,
    EERD = 0x14,
    MDIC = 0x20,
    VET = 0x38,
    ICR = 0xc0,
    ITR = 0xc4,
    ICS = 0xc8,
    IMS = 0xd0,
    IMC = 0xd8,
    RCTL = 0x100,
    TCTL = 0x400,
    PBA = 0x1000,
    RDBAL = 0x2800,
    RDLEN = 0x2808,
    RDH = 0x2810,
    RDT = 0x2818,
    RDTR = 0x2820,
    RADV = 0x282c,
    TDBAL = 0x3800,
    TDLEN = 0x3808,
    TDH = 0x3810,
    TDT = 0x3818,
    TIDV = 0x3820,
    TADV = 0x382c,
    GPRC = 0x4074,
    GPTC = 0x4080,
    GORCL = 0x4088,
    GORCH = 0x408c,
    PRC64 = 0x405c,
    RXCSUM = 0x5000,
    MTA = 0x5200,
    RAL = 0x5400,
    RAH = 0x5404,
    VFTA = 0x5600
};
enum { RX_RING = 0x100000, TX_RING = 0x200000, TX_BUFFER = 0x300000, RX_BUFFER = 0x400000 };
enum { TXDW = 1, LSC = 4, RXDMT0 = 0x10, RXT0 = 0x80 };
#define EN    0x02u
#define UPE   0x08u
#define MPE   0x10u
#define BAM   0x8000u
#define VFE   0x40000u
#define SECRC 0x4000000u
#define EOP   0x01000000u
#define IC    0x04000000u
#define TSE   0x04000000u
#define RS    0x08000000u
#define DEXT  0x20000000u
#define VLE   0x40000000u
#define IDE   0x80000000u
#define DATA  0x00100000u

static uint8_t frame[70000];

static void give_rx(unsigned i)
{
    set_mem32(RX_RING + 16 * i, RX_BUFFER + 0x1000 * i);
    set_mem32(RX_RING + 16 * i + 4, 0);
    set_mem32(RX_RING + 16 * i + 8, 0);
    set_mem32(RX_RING + 16 * i + 12, 0);
}

static void start(uint32_t rctl)
{
    card_start();
    for (unsigned i = 0; i < 16; i++) {
        give_rx(i);
    }
    wr(RDBAL, RX_RING, 4);
    wr(RDLEN, 256, 4);
    wr(RDH, 0, 4);
    wr(RDT, 15, 4);
    wr(TDBAL, TX_RING, 4);
    wr(TDLEN, 256, 4);
    wr(TCTL, EN, 4);
    wr(RCTL, EN | BAM | SECRC | rctl, 4);
}

static void set_tx(unsigned i, uint64_t buffer, uint32_t lower, uint32_t upper)
{
    set_mem32(TX_RING + 16 * i, (uint32_t)buffer);
    set_mem32(TX_RING + 16 * i + 4, buffer >> 32);
    set_mem32(TX_RING + 16 * i + 8, lower);
    set_mem32(TX_RING + 16 * i + 12, upper);
}

static unsigned rx_status(unsigned i)
{
    return mem32(RX_RING + 16 * i + 12) & 0xff;
}
static unsigned rx_errors(unsigned i)
{
    return mem32(RX_RING + 16 * i + 12) >> 8 & 0xff;
}
static unsigned rx_length(unsigned i)
{
    return mem32(RX_RING + 16 * i + 8) & 0xffff;
}

static void test_identity(void)
{
    card_start();
    g_assert_cmphex(config_read(0, 4), ==, 0x100e8086);
    g_assert_cmphex(config_read(8, 4), ==, 0x02000003);
    g_assert_cmphex(rd(STATUS, 4), ==, 0x283);
    g_assert_cmphex(rd(RAL, 4), ==, 0x12005452);
    g_assert_cmphex(rd(RAH, 4), ==, 0x80005634);
    g_assert_cmphex(rd(VET, 4), ==, 0x8100);
    wr(RAL + 8, 0x12345678, 4);
    wr(RAH + 8, 0xffffffff, 4);
    g_assert_cmphex(rd(RAH + 8, 4), ==, 0x8003ffff);
    wr(RCTL, 0xffffffff & ~EN, 4);
    g_assert_cmphex(rd(RCTL, 4), ==, 0x06dfb3fc);
    wr(PBA, 40, 4);
    g_assert_cmphex(rd(PBA, 4), ==, 24 << 16 | 40);
    wr(CTRL, 0x04000000, 4); /* reset */
    g_assert_cmphex(rd(RCTL, 4), ==, 0);
    g_assert_cmphex(rd(RAL + 8, 4), ==, 0);
    g_assert_cmphex(rd(RAL, 4), ==, 0x12005452);
    g_assert_cmphex(rd(0x1fffc, 4), ==, 0);
}

static void test_io_window(void)
{
    card_start();
    address_space_st(&address_space_io, CARD_PORTS, STATUS, 4);
    g_assert_cmphex(address_space_ld(&address_space_io, CARD_PORTS + 4, 4), ==, 0x283);
    address_space_st(&address_space_io, CARD_PORTS, 0xffffffff, 4);
    g_assert_cmphex(address_space_ld(&address_space_io, CARD_PORTS + 4, 4), ==, 0);
    address_space_st(&address_space_io, CARD_PORTS + 4, 1, 4);
}

static unsigned microwire_word(unsigned address)
{
    unsigned command = 6u << 6 | address, value = 0;
    wr(EECD, 0x40, 4);
    g_assert_cmphex(rd(EECD, 4) & 0x80, ==, 0x80);
    wr(EECD, 0x42, 4);
    for (int i = 8; i >= 0; i--) {
        unsigned data = command >> i & 1 ? 4 : 0;
        wr(EECD, 0x42 | data, 4);
        wr(EECD, 0x43 | data, 4);
    }
    wr(EECD, 0x42, 4);
    for (int i = 0; i < 16; i++) {
        wr(EECD, 0x43, 4);
        value = value << 1 | (rd(EECD, 4) >> 3 & 1);
        wr(EECD, 0x42, 4);
    }
    wr(EECD, 0, 4);
    return value;
}

static void test_eeprom(void)
{
    uint16_t sum = 0;
    card_start();
    for (unsigned i = 0; i < 64; i++) {
        wr(EERD, i << 8 | 1, 4);
        uint32_t value = rd(EERD, 4);
        g_assert_cmphex(value & 0x11, ==, 0x10);
        g_assert_cmphex(microwire_word(i), ==, value >> 16);
        sum += value >> 16;
    }
    g_assert_cmphex(sum, ==, 0xbaba);
    g_assert_cmphex(microwire_word(2), ==, 0x5634);
}

static unsigned phy_read(unsigned reg)
{
    wr(MDIC, 0x08000000 | 1 << 21 | reg << 16, 4);
    g_assert_cmphex(rd(MDIC, 4) & 0x50000000, ==, 0x10000000);
    return rd(MDIC, 4) & 0xffff;
}

static void test_phy(void)
{
    card_start();
    g_assert_cmphex(phy_read(2), ==, 0x0141);
    g_assert_cmphex(phy_read(3), ==, 0x0c20);
    g_assert_cmphex(phy_read(1) & 0x24, ==, 0x24);
    wr(MDIC, 0x08000000 | 2 << 21, 4); /* no such PHY */
    g_assert_cmphex(rd(MDIC, 4) & 0x50000000, ==, 0x50000000);
    wr(IMS, LSC, 4);
    wire_set_link(false);
    g_assert_cmpint(irq_level, ==, 1);
    g_assert_cmphex(rd(ICR, 4), ==, LSC);
    g_assert_cmpint(irq_level, ==, 0);
    g_assert_cmphex(phy_read(1) & 0x24, ==, 0);
    g_assert_cmphex(rd(STATUS, 4) & 2, ==, 0);
    wr(CTRL, 0x04000000, 4);
    g_assert_cmphex(rd(STATUS, 4) & 2, ==, 0);
    wire_set_link(true);
    g_assert_cmphex(rd(STATUS, 4) & 2, ==, 2);
}

static void test_interrupts(void)
{
    card_start();
    wr(ICS, 0x81, 4);
    g_assert_cmpint(irq_level, ==, 0);
    wr(IMS, 0x80, 4);
    g_assert_cmpint(irq_level, ==, 1);
    wr(IMC, 0x80, 4);
    g_assert_cmpint(irq_level, ==, 0);
    wr(ICR, 0x80, 4);
    g_assert_cmphex(rd(ICR, 4), ==, 1);
    g_assert_cmphex(rd(ICR, 4), ==, 0);
}

static void test_throttle(void)
{
    card_start();
    wr(ITR, 1000, 4); /* 256 us */
    wr(IMS, RXT0, 4);
    qemu_clock_step(1000000);
    wr(ICS, RXT0, 4);
    g_assert_cmpint(irq_level, ==, 1);
    rd(ICR, 4);
    qemu_clock_step(100000);
    wr(ICS, RXT0, 4);
    g_assert_cmpint(irq_level, ==, 0);
    qemu_clock_step(155999);
    g_assert_cmpint(irq_level, ==, 0);
    qemu_clock_step(1);
    g_assert_cmpint(irq_level, ==, 1);
}

static void test_receive(void)
{
    start(0);
    wr(IMS, RXT0, 4);
    make_frame(frame, 1514, TO_CARD);
    wire_deliver(frame, 1514);
    g_assert_cmpint(irq_level, ==, 1);
    g_assert_cmpuint(rd(RDH, 4), ==, 1);
    g_assert_cmpuint(rx_length(0), ==, 1514);
    g_assert_cmphex(rx_status(0), ==, 0x07);
    check_mem(RX_BUFFER, frame, 1514);
    wr(RCTL, EN | BAM, 4); /* with FCS */
    wire_deliver(frame, 60);
    g_assert_cmpuint(rx_length(1), ==, 64);
    g_assert_cmphex(mem32(RX_BUFFER + 0x1000 + 60), ==, ~net_crc32_le(frame, 60));
    wr(RCTL, EN | BAM | SECRC | 3 << 16, 4); /* buffers of 256 bytes */
    wire_deliver(frame, 700);
    g_assert_cmphex(rx_status(2), ==, 0x05);
    g_assert_cmphex(rx_status(3), ==, 0x05);
    g_assert_cmphex(rx_status(4), ==, 0x07);
    g_assert_cmpuint(rx_length(4), ==, 188);
    check_mem(RX_BUFFER + 0x4000, frame + 512, 188);
    wire_deliver(frame, 1600); /* too long without LPE */
    g_assert_cmpuint(rd(RDH, 4), ==, 5);
    g_assert_cmpuint(rd(GPRC, 4), ==, 3);
    g_assert_cmpuint(rd(GPRC, 4), ==, 0);
    g_assert_cmpuint(rd(GORCL, 4), ==, 1518 + 64 + 704);
    g_assert_cmpuint(rd(GORCH, 4), ==, 0);
    g_assert_cmpuint(rd(GORCL, 4), ==, 0);
    g_assert_cmpuint(rd(PRC64, 4), ==, 1);
}

static void test_receive_full(void)
{
    start(0);
    make_frame(frame, 60, TO_CARD);
    for (int i = 0; i < 20; i++) {
        wire_deliver(frame, 60);
    }
    g_assert_cmpuint(rd(RDH, 4), ==, 15);
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 5);
    g_assert_cmphex(rd(ICR, 4) & (RXT0 | RXDMT0), ==, RXT0 | RXDMT0);
    for (unsigned i = 0; i < 4; i++) {
        give_rx(i);
    }
    wr(RDT, 3, 4);
    g_assert_cmpuint(rd(RDH, 4), ==, 3);
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 1);
    wr(RDT, 99, 4); /* no ring: nothing moves */
    wr(RDLEN, 0, 4);
    wire_deliver(frame, 60);
    g_assert_cmpuint(rd(RDH, 4), ==, 3);
}

static void test_receive_delay(void)
{
    start(0);
    wr(IMS, RXT0, 4);
    wr(RDTR, 10, 4); /* 10.24 us after the last, 20.48 us after the first */
    wr(RADV, 20, 4);
    make_frame(frame, 60, TO_CARD);
    wire_deliver(frame, 60);
    qemu_clock_step(10239);
    g_assert_cmpint(irq_level, ==, 0);
    wire_deliver(frame, 60);
    qemu_clock_step(10239);
    g_assert_cmpint(irq_level, ==, 0);
    qemu_clock_step(2);
    g_assert_cmpint(irq_level, ==, 1);
}

static bool accepted(const char *destination)
{
    make_frame(frame, 64, destination);
    unsigned before = rd(RDH, 4);
    wire_deliver(frame, 64);
    bool yes = rd(RDH, 4) != before;
    wr(RDT, (rd(RDH, 4) + 15) % 16, 4);
    return yes;
}

static void test_filters(void)
{
    start(0);
    g_assert_true(accepted(TO_CARD) && accepted(TO_ALL));
    g_assert_false(accepted(TO_OTHER) || accepted(TO_MULTICAST));
    wr(RCTL, EN | SECRC, 4);
    g_assert_false(accepted(TO_ALL));
    wr(RCTL, EN | SECRC | UPE, 4);
    g_assert_true(accepted(TO_OTHER));
    g_assert_false(accepted(TO_MULTICAST));
    wr(RCTL, EN | SECRC | MPE, 4);
    g_assert_true(accepted(TO_MULTICAST));
    wr(RCTL, EN | SECRC, 4);
    wr(RAL + 24, 0x99005452, 4);
    wr(RAH + 24, 0x80009999, 4);
    g_assert_true(accepted(TO_OTHER));
}

static void test_multicast_table(void)
{
    static const uint8_t shift[4] = { 4, 3, 2, 0 };
    for (unsigned mo = 0; mo < 4; mo++) {
        start(mo << 12);
        unsigned hash = 0x0100u >> shift[mo] & 0xfff; /* of 01:00:5e:00:00:01 */
        wr(MTA + hash / 32 * 4, 1u << hash % 32, 4);
        g_assert_true(accepted(TO_MULTICAST));
        g_assert_cmphex(rx_status(0), ==, 0x87);
        g_assert_false(accepted("\x01\x00\x5e\x00\x00\x3f"));
    }
}

static void test_vlan(void)
{
    start(VFE);
    make_frame(frame, 64, TO_CARD);
    memcpy(frame + 12, "\x81\x00\x20\x05", 4);
    wire_deliver(frame, 64);
    g_assert_cmpuint(rd(RDH, 4), ==, 0);
    wr(VFTA, 1 << 5, 4);
    wire_deliver(frame, 64);
    g_assert_cmpuint(rd(RDH, 4), ==, 1);
    g_assert_cmpuint(rx_length(0), ==, 64);
    wr(CTRL, 0x40000000, 4); /* VME: taken out */
    wire_deliver(frame, 64);
    g_assert_cmpuint(rx_length(1), ==, 60);
    g_assert_cmphex(rx_status(1) & 8, ==, 8);
    g_assert_cmphex(mem32(RX_RING + 28) >> 16, ==, 0x2005);
    make_frame(frame, 60, TO_OTHER);
    cpu_physical_memory_write(TX_BUFFER, frame, 60);
    set_tx(0, TX_BUFFER, EOP | VLE | 60, 0x20050000);
    wr(TDT, 1, 4);
    g_assert_cmpuint(wire_sent_len(0), ==, 64);
    g_assert_cmpmem(wire_sent(0) + 12, 6, "\x81\x00\x20\x05\x88\xb5", 6);
}

static void test_receive_checksums(void)
{
    start(0);
    size_t len = make_tcp(frame, 100);
    net_checksum_calculate(frame, len, true, true);
    wire_deliver(frame, len);
    g_assert_cmphex(rx_status(0), ==, 0x63);
    g_assert_cmphex(rx_errors(0), ==, 0);
    frame[60] ^= 1;
    wire_deliver(frame, len);
    g_assert_cmphex(rx_errors(1), ==, 0x20);
    frame[22] ^= 1;
    wire_deliver(frame, len);
    g_assert_cmphex(rx_errors(2), ==, 0x60);
    wr(RXCSUM, 14, 4);
    wire_deliver(frame, len);
    g_assert_cmphex(rx_status(3) & 0x60, ==, 0);
}

static void test_legacy_transmit(void)
{
    start(0);
    wr(IMS, TXDW, 4);
    make_frame(frame, 300, TO_OTHER);
    cpu_physical_memory_write(TX_BUFFER, frame, 300);
    set_tx(0, TX_BUFFER, 100, 0);
    set_tx(1, TX_BUFFER + 100, EOP | RS | 200, 0);
    wr(TDT, 1, 4); /* the last is not there yet */
    g_assert_cmpuint(wire.sent_count, ==, 0);
    wr(TDT, 2, 4);
    g_assert_cmpmem(wire_sent(0), wire_sent_len(0), frame, 300);
    g_assert_cmphex(mem32(TX_RING + 28) & 1, ==, 1);
    g_assert_cmphex(mem32(TX_RING + 12) & 1, ==, 0);
    g_assert_cmpuint(rd(TDH, 4), ==, 2);
    g_assert_cmpint(irq_level, ==, 1);
    set_tx(2, TX_BUFFER, EOP | IC | 60 | 50 << 16, 20 << 8); /* sum of 20 and on to 50 */
    wr(TDT, 3, 4);
    uint16_t sum = net_checksum_finish(net_checksum_add(40, frame + 20, 0));
    g_assert_cmphex(wire_sent(1)[50] << 8 | wire_sent(1)[51], ==, sum);
    set_tx(3, TX_BUFFER, EOP | 20, 0);
    wr(TCTL, EN | 8, 4);
    wr(TDT, 4, 4);
    g_assert_cmpuint(wire_sent_len(2), ==, 60); /* padded */
    g_assert_cmpuint(rd(GPTC, 4), ==, 3);
    wr(TDT, 200, 4); /* outside: nothing moves */
    g_assert_cmpuint(rd(TDH, 4), ==, 4);
}

static void test_transmit_delay(void)
{
    start(0);
    wr(IMS, TXDW, 4);
    wr(TIDV, 10, 4);
    wr(TADV, 15, 4);
    make_frame(frame, 60, TO_OTHER);
    cpu_physical_memory_write(TX_BUFFER, frame, 60);
    set_tx(0, TX_BUFFER, EOP | RS | IDE | 60, 0);
    set_tx(1, TX_BUFFER, EOP | RS | IDE | 60, 0);
    wr(TDT, 1, 4);
    qemu_clock_step(10000);
    wr(TDT, 2, 4);
    qemu_clock_step(5359);
    g_assert_cmpint(irq_level, ==, 0);
    qemu_clock_step(1);
    g_assert_cmpint(irq_level, ==, 1);
}

/* IP header at 14, TCP at 34; header length and MSS for segmentation. */
static void set_context(unsigned i, uint32_t command, unsigned header_len, unsigned mss)
{
    set_tx(i, 14u | 24u << 8 | 33u << 16 | (uint64_t)(34u | 50u << 8) << 32, DEXT | command,
           mss << 16 | header_len << 8);
}

static void test_checksum_offload(void)
{
    start(0);
    size_t len = make_tcp(frame, 333);
    put16(frame + 50,
          ~net_checksum_finish(net_checksum_add(8, frame + 26, 6 + 20 + 333)) & 0xffff); /* the driver's part */
    cpu_physical_memory_write(TX_BUFFER, frame, len);
    set_context(0, 0x03000000, 0, 0);
    set_tx(1, TX_BUFFER, DEXT | DATA | 100, 0x300);
    set_tx(2, TX_BUFFER + 100, DEXT | DATA | EOP | RS | ((uint32_t)len - 100), 0);
    wr(TDT, 3, 4);
    g_assert_cmpuint(wire.sent_count, ==, 1);
    g_assert_true(checksums_ok(wire_sent(0)));
}

static void test_segmentation(void)
{
    start(0);
    size_t len = make_tcp(frame, 2500);
    put16(frame + 50, ~net_checksum_finish(net_checksum_add(8, frame + 26, 6)) & 0xffff); /* no length in it */
    cpu_physical_memory_write(TX_BUFFER, frame, len);
    set_context(0, 0x07000000 | 2500, 54, 1000);
    set_tx(1, TX_BUFFER, DEXT | DATA | TSE | 54, 0x300);
    set_tx(2, TX_BUFFER + 54, DEXT | DATA | TSE | EOP | RS | 2500, 0);
    wr(TDT, 3, 4);
    g_assert_cmpuint(wire.sent_count, ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        size_t payload = i < 2 ? 1000 : 500;
        g_assert_cmpuint(wire_sent_len(i), ==, 54 + payload);
        g_assert_true(checksums_ok(wire_sent(i)));
        g_assert_cmpmem(wire_sent(i) + 54, payload, frame + 54 + 1000 * i, payload);
        g_assert_cmphex(wire_sent(i)[47], ==, i < 2 ? 0x10 : 0x19);
    }
    set_context(3, 0x07000000 | 2500, 200, 0); /* headers behind the frame's end, MSS 0: nothing, or bounded */
    set_tx(4, TX_BUFFER, DEXT | DATA | TSE | EOP | 60, 0x300);
    wr(TDT, 5, 4);
    g_assert_cmpuint(wire.sent_count, ==, 3);
    g_assert_cmpuint(rd(TDH, 4), ==, 5);
}

/* 128 descriptors of 60000 bytes each are too much for one write: the rest follows in time. */
static void test_long_ring(void)
{
    start(0);
    wr(TDLEN, 128 * 16, 4);
    for (unsigned i = 0; i < 128; i++) {
        set_tx(i, TX_BUFFER, EOP | 60000, 0);
    }
    wr(TDT, 127, 4);
    unsigned at_once = wire.sent_count;
    g_assert_cmpuint(at_once, <, 20);
    wr(TDT, 127, 4); /* the wire is busy */
    g_assert_cmpuint(wire.sent_count, ==, at_once);
    qemu_clock_step(100000000);
    g_assert_cmpuint(wire.sent_count, ==, 127);
    g_assert_cmpuint(rd(TDH, 4), ==, 127);
}

static void test_loopback(void)
{
    start(0);
    wr(MDIC, 0x04000000 | 1 << 21 | 0x4140, 4); /* the PHY's */
    make_frame(frame, 80, TO_CARD);
    cpu_physical_memory_write(TX_BUFFER, frame, 80);
    set_tx(0, TX_BUFFER, EOP | 80, 0);
    wr(TDT, 1, 4);
    g_assert_cmpuint(wire.sent_count, ==, 0);
    check_mem(RX_BUFFER, frame, 80);
}

static void test_state(void)
{
    start(0);
    wr(RDTR, 10, 4);
    wr(ITR, 100, 4);
    make_frame(frame, 60, TO_CARD);
    wire_deliver(frame, 60);
    set_context(0, 0x07000000, 54, 1000);
    wr(TDT, 1, 4);
    address_space_st(&address_space_io, CARD_PORTS, 0x5400, 4);
    check_state_goes_round(card);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    board_init(&e1000_type);
    g_test_add_func("/e1000/identity", test_identity);
    g_test_add_func("/e1000/io-window", test_io_window);
    g_test_add_func("/e1000/eeprom", test_eeprom);
    g_test_add_func("/e1000/phy-and-link", test_phy);
    g_test_add_func("/e1000/interrupts", test_interrupts);
    g_test_add_func("/e1000/throttle", test_throttle);
    g_test_add_func("/e1000/receive/frames", test_receive);
    g_test_add_func("/e1000/receive/full", test_receive_full);
    g_test_add_func("/e1000/receive/delay", test_receive_delay);
    g_test_add_func("/e1000/receive/filters", test_filters);
    g_test_add_func("/e1000/receive/multicast", test_multicast_table);
    g_test_add_func("/e1000/receive/checksums", test_receive_checksums);
    g_test_add_func("/e1000/vlan", test_vlan);
    g_test_add_func("/e1000/transmit/legacy", test_legacy_transmit);
    g_test_add_func("/e1000/transmit/delay", test_transmit_delay);
    g_test_add_func("/e1000/transmit/checksums", test_checksum_offload);
    g_test_add_func("/e1000/transmit/segmentation", test_segmentation);
    g_test_add_func("/e1000/transmit/long-ring", test_long_ring);
    g_test_add_func("/e1000/loopback", test_loopback);
    g_test_add_func("/e1000/state", test_state);
    return g_test_run();
}
