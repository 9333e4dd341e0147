/* LINK: hw/net/ne2000.c hw/net/ne2k-pci.c hw/net/nic-common.c hw/core/boot-order.c hw/pci/pci.c net/checksum.c
 * hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c util/qemu-timer.c util/error.c util/option.c
 * -lxxhash -lz */
/* tests/device/ne2000-test.c  The NE2000 on PCI, by its ports, with the test at the other end of the wire. */
#include "nic-env.h"

enum {
    CR = 0,
    PSTART = 1,
    PSTOP = 2,
    BNRY = 3,
    TPSR = 4,
    TBCR0 = 5,
    TBCR1 = 6,
    ISR = 7,
    RSAR0 = 8,
    RSAR1 = 9,
    RBCR0 = 10,
    RBCR1 = 11,
    RCR = 12,
    TCR = 13,
    DCR = 14,
    IMR = 15,
    PAR0 = 1,
    CURR = 7,
    MAR0 = 8,
    DATA = 0x10,
    RESET = 0x1f
};
enum { STOP = 0x21, START = 0x22, TXP = 4, READ = 0x0a, WRITE = 0x12, SEND = 0x1a, PAGE1 = 0x40 };
enum { PRX = 1, PTX = 2, TXE = 8, RDC = 0x40, RST = 0x80 };

static uint8_t frame[3000];

static uint8_t in(unsigned reg)
{
    return inb(CARD_PORTS + reg);
}
static void out(unsigned reg, unsigned value)
{
    outb(CARD_PORTS + reg, value);
}
static unsigned curr(void)
{
    out(CR, START | PAGE1);
    unsigned value = in(CURR);
    out(CR, START);
    return value;
}

static void remote(unsigned command, unsigned addr, unsigned len)
{
    out(RSAR0, addr & 0xff);
    out(RSAR1, addr >> 8);
    out(RBCR0, len & 0xff);
    out(RBCR1, len >> 8);
    out(CR, command);
}

static void put(unsigned addr, const uint8_t *data, unsigned len)
{
    remote(WRITE, addr, len);
    for (unsigned i = 0; i < len; i += 2) {
        outw(CARD_PORTS + DATA, data[i] | data[i + 1] << 8);
    }
}

static void check(unsigned addr, const uint8_t *data, unsigned len)
{
    remote(READ, addr, len);
    for (unsigned i = 0; i < len; i += 2) {
        g_assert_cmphex(inw(CARD_PORTS + DATA), ==, data[i] | data[i + 1] << 8);
    }
}

/* As a driver does: transmit pages 40h to 45h, ring 46h to 7fh, words. */
static void start(void)
{
    card_start();
    wire_forget();
    out(CR, STOP);
    out(DCR, 0x49);
    out(RCR, 0x04);
    out(TCR, 0);
    out(PSTART, 0x46);
    out(PSTOP, 0x80);
    out(BNRY, 0x46);
    out(ISR, 0xff);
    out(IMR, 0x3f);
    out(CR, STOP | PAGE1);
    out(CURR, 0x47);
    for (unsigned i = 0; i < 6; i++) {
        out(PAR0 + i, (uint8_t)TO_CARD[i]);
    }
    out(CR, START);
}

static void test_identity(void)
{
    card_start();
    g_assert_cmphex(config_read(0, 4), ==, 0x802910ec);
    g_assert_cmphex(in(10) << 8 | in(11), ==, 0x5043);
    g_assert_cmphex(in(CR), ==, STOP);
    g_assert_cmphex(in(ISR), ==, RST);
    out(CR, STOP | 0xc0);
    g_assert_cmphex(in(14) << 8 | in(15), ==, 0x2980);
    out(CR, STOP);
    out(DCR, 0x49);
    remote(READ, 0, 32);
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmphex(in(DATA), ==, (uint8_t)TO_CARD[i]); /* a byte moves a word */
    }
    start();
    g_assert_cmphex(in(ISR), ==, 0);
    in(RESET);
    g_assert_cmphex(in(ISR), ==, RST);
}

static void test_pages(void)
{
    start();
    out(CR, START | 0x80); /* page 2 */
    g_assert_cmphex(in(1), ==, 0x46);
    g_assert_cmphex(in(2), ==, 0x80);
    g_assert_cmphex(in(15), ==, 0xbf);
    out(CR, START | PAGE1);
    g_assert_cmphex(in(PAR0 + 5), ==, 0x56);
    out(MAR0 + 7, 0xa5);
    g_assert_cmphex(in(MAR0 + 7), ==, 0xa5);
}

static void test_remote_dma(void)
{
    start();
    make_frame(frame, 64, TO_OTHER);
    put(0x4000, frame, 64);
    g_assert_cmphex(in(ISR), ==, RDC);
    out(ISR, RDC);
    check(0x4000, frame, 64);
    remote(READ, 0x4000, 8);
    g_assert_cmphex(address_space_ld(&address_space_io, CARD_PORTS + DATA, 4), ==, ldl_le_p(frame));
    g_assert_cmphex(in(RSAR0), ==, 4);
    put(0x7ffe, frame, 4); /* round the ring's end */
    check(0x4600, frame + 2, 2);
    put(0x8000, frame, 4); /* no memory */
    remote(READ, 0x8000, 2);
    g_assert_cmphex(inw(CARD_PORTS + DATA), ==, 0xffff);
    out(ISR, RDC);
    remote(READ, 0x4000, 0);
    g_assert_cmphex(in(ISR), ==, RDC);
    outw(CARD_PORTS + DATA, 0x1234); /* count 0: not written */
    check(0x4000, frame, 2);
}

static void send(unsigned len)
{
    out(TPSR, 0x40);
    out(TBCR0, len & 0xff);
    out(TBCR1, len >> 8);
    out(CR, START | TXP);
}

static void test_transmit(void)
{
    start();
    make_frame(frame, 100, TO_OTHER);
    put(0x4000, frame, 100);
    out(ISR, 0xff);
    send(100);
    g_assert_cmpmem(wire_sent(0), wire_sent_len(0), frame, 100);
    g_assert_cmphex(in(ISR), ==, PTX);
    g_assert_cmphex(in(TPSR), ==, 1); /* TSR */
    g_assert_cmphex(in(CR), ==, START);
    g_assert_cmpint(irq_level, ==, 1);
    out(ISR, PTX);
    g_assert_cmpint(irq_level, ==, 0);
    send(65535);
    g_assert_cmphex(in(ISR), ==, TXE);
    g_assert_cmpuint(wire.sent_count, ==, 1);
}

static void test_receive(void)
{
    static const uint8_t header[4] = { 0x01, 0x48, 64, 0 };
    start();
    make_frame(frame, 60, TO_CARD);
    wire_deliver(frame, 60);
    g_assert_cmphex(in(ISR), ==, PRX);
    g_assert_cmpint(irq_level, ==, 1);
    check(0x4700, header, 4);
    check(0x4704, frame, 60);
    g_assert_cmphex(curr(), ==, 0x48);
    make_frame(frame, 1514, TO_ALL);
    wire_deliver(frame, 1514);
    g_assert_cmphex(curr(), ==, 0x4e);
    out(BNRY, 0x48);
    out(CR, SEND);
    g_assert_cmphex(inw(CARD_PORTS + DATA), ==, 0x4e21);
    g_assert_cmphex(inw(CARD_PORTS + DATA), ==, 1518);
    g_assert_cmphex(inw(CARD_PORTS + DATA), ==, 0xffff);
}

static void test_receive_full(void)
{
    start();
    make_frame(frame, 1000, TO_CARD); /* 4 pages; 57 are free */
    for (int i = 0; i < 20; i++) {
        wire_deliver(frame, 1000);
    }
    g_assert_cmphex(curr(), ==, 0x7f);
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 6);
    out(BNRY, 0x56); /* four are read: nothing comes before that is acknowledged */
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 6);
    out(ISR, PRX);
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 2);
    g_assert_cmphex(in(ISR), ==, PRX);
    check(0x7f04, frame, 252);
    check(0x4600, frame + 252, 256); /* round */
    out(IMR, 0);                     /* polling */
    out(BNRY, 0x7f);
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 0);
}

static bool accepted(const char *destination)
{
    make_frame(frame, 60, destination);
    unsigned before = curr();
    wire_deliver(frame, 60);
    unsigned now = curr();
    out(BNRY, before);
    return now != before;
}

static void test_filters(void)
{
    start();
    g_assert_true(accepted(TO_CARD) && accepted(TO_ALL));
    g_assert_false(accepted(TO_OTHER) || accepted(TO_MULTICAST));
    out(RCR, 0);
    g_assert_false(accepted(TO_ALL));
    out(RCR, 0x10);
    g_assert_true(accepted(TO_OTHER));
    out(RCR, 0x08);
    unsigned bit = net_crc32((const uint8_t *)TO_MULTICAST, 6) >> 26;
    g_assert_false(accepted(TO_MULTICAST));
    out(CR, START | PAGE1);
    out(MAR0 + bit / 8, 1u << bit % 8);
    out(CR, START);
    g_assert_true(accepted(TO_MULTICAST));
    out(RCR, 0x24); /* monitor: looks, does not store */
    g_assert_false(accepted(TO_CARD));
    out(RCR, 0x04);
    out(CR, STOP);
    wire_deliver(frame, 60);
    g_assert_cmpuint(g_queue_get_length(&wire.waiting), ==, 0);
}

/* Pages that make no ring, and CURR outside of it. */
static void test_nonsense(void)
{
    make_frame(frame, 1514, TO_CARD);
    for (unsigned i = 0; i < 0x10000; i += 0x111) {
        start();
        out(PSTART, i & 0xff);
        out(PSTOP, i >> 8);
        out(BNRY, i * 7 & 0xff);
        wire_deliver(frame, 1514);
        out(CR, START | PAGE1);
        out(CURR, i >> 4 & 0xff);
        out(CR, START);
        wire_deliver(frame, 1514);
        g_assert_cmphex(in(CR), ==, START);
    }
}

static void test_state(void)
{
    start();
    make_frame(frame, 300, TO_CARD);
    wire_deliver(frame, 300);
    remote(READ, 0x4700, 20);
    in(DATA);
    check_state_goes_round(card);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    board_init(&ne2k_pci_type);
    g_test_add_func("/ne2000/identity", test_identity);
    g_test_add_func("/ne2000/pages", test_pages);
    g_test_add_func("/ne2000/remote-dma", test_remote_dma);
    g_test_add_func("/ne2000/transmit", test_transmit);
    g_test_add_func("/ne2000/receive/frames", test_receive);
    g_test_add_func("/ne2000/receive/full", test_receive_full);
    g_test_add_func("/ne2000/receive/filters", test_filters);
    g_test_add_func("/ne2000/nonsense", test_nonsense);
    g_test_add_func("/ne2000/state", test_state);
    return g_test_run();
}
