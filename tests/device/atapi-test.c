/* LINK: hw/ide/ata.c hw/ide/atapi.c hw/ide/bmdma.c hw/ide/core.c hw/ide/drive.c hw/ide/identify.c hw/ide/piix.c
 * hw/pci/pci.c hw/core/boot-order.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c
 * util/qemu-timer.c util/error.c util/option.c -lxxhash */
/* tests/device/atapi-test.c  A CD-ROM drive: the packet protocol, its commands, the tray; one drive with a CD, one with
 * a DVD. */
#include "tests/device/ide-env.h"

#define BASE       0x170
#define CONTROL    0x376
#define CD_SECTORS 1000
#define DVD_SIZE   (720 * MiB) /* of which only the length matters */

static BlockBackend *cd, *empty, *dvd;

/* ide1: master with a CD, slave without medium. ide0: slave with a DVD, no master. */
static void setup(void)
{
    if (!ide) {
        ide_board();
        cd = fake_medium("cd", CD_SECTORS * 2048);
        empty = blk_new_empty("empty");
        dvd = fake_medium("dvd", 2048);
        dvd->length = DVD_SIZE;
        ide_create_drive(0, 1, dvd, true, &error_fatal);
        ide_create_drive(1, 0, cd, true, &error_fatal);
        ide_create_drive(1, 1, empty, true, &error_fatal);
    }
    ide_power_on();
}

static void take_irq(uint8_t expected_status)
{
    g_assert_cmpint(irq15.level, ==, 1);
    g_assert_cmphex(inb(BASE + 7), ==, expected_status);
    g_assert_cmpint(irq15.level, ==, 0);
}

/* PACKET up to the twelve bytes; feature 1: DMA. */
static void send_packet(int drive, const uint8_t *cdb, uint16_t limit, uint8_t feature)
{
    outb(BASE + 6, 0xa0 | drive << 4);
    outb(BASE + 1, feature);
    outb(BASE + 4, limit & 0xff);
    outb(BASE + 5, limit >> 8);
    outb(BASE + 7, 0xa0);
    g_assert_cmphex(inb(CONTROL), ==, READY | DRQ);
    g_assert_cmphex(inb(BASE + 2), ==, 1); /* a command is wanted; no interrupt */
    g_assert_cmpint(irq15.level, ==, 0);
    write_words(BASE, cdb, 12);
}

/* All data of a PIO command, block by block; the blocks' sizes obey the limit. Returns the bytes; the end must be good.
 */
static size_t receive(uint8_t *to, uint16_t limit)
{
    size_t total = 0;
    fake_complete_all();
    while (inb(CONTROL) & DRQ) {
        take_irq(READY | DRQ);
        uint16_t bytes = inb(BASE + 4) | inb(BASE + 5) << 8;
        g_assert_cmphex(inb(BASE + 2), ==, 2);
        g_assert_true(bytes && bytes <= limit);
        read_words(BASE, to + total, bytes);
        total += bytes;
        fake_complete_all();
    }
    take_irq(READY);
    g_assert_cmphex(inb(BASE + 2), ==, 3);
    return total;
}

static uint8_t reply[4096 * 64];

static size_t run_on(int drive, const uint8_t *cdb)
{
    memset(reply, 0xee, 4096);
    send_packet(drive, cdb, 0xfffe, 0);
    return receive(reply, 0xfffe);
}

static void fails_on(int drive, const uint8_t *cdb, uint8_t key, uint8_t asc)
{
    static const uint8_t request_sense[12] = { 0x03, [4] = 18 };
    send_packet(drive, cdb, 0xfffe, 0);
    fake_complete_all();
    take_irq(READY | ERR);
    g_assert_cmphex(inb(BASE + 1), ==, key << 4);
    g_assert_cmpint(run_on(drive, request_sense), ==, 18);
    g_assert_cmphex(reply[0], ==, 0x70);
    g_assert_cmphex(reply[2], ==, key);
    g_assert_cmphex(reply[12], ==, asc);
}

#define RUN(...)             run_on(0, (const uint8_t[12]){ __VA_ARGS__ })
#define FAILS(key, asc, ...) fails_on(0, (const uint8_t[12]){ __VA_ARGS__ }, key, asc)

/* The unit attention of power-on is reported once. */
static void setup_ready(void)
{
    setup();
    FAILS(6, 0x29, 0x00);
    g_assert_cmpint(RUN(0x00), ==, 0);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* ---- what it is ---- */

static void test_signature(void)
{
    setup();
    g_assert_cmphex(inb(CONTROL), ==, 0);
    g_assert_cmphex(inb(BASE + 4), ==, 0x14);
    g_assert_cmphex(inb(BASE + 5), ==, 0xeb);
    outb(BASE + 6, 0xb0); /* both drives of the channel are there */
    g_assert_cmphex(inb(BASE + 4), ==, 0x14);
    outb(BASE + 6, 0xa0);
    outb(BASE + 4, 0);
    outb(BASE + 7, 0xec); /* IDENTIFY DEVICE is a disk's */
    take_irq(READY | ERR);
    g_assert_cmphex(inb(BASE + 1), ==, 0x04);
    g_assert_cmphex(inb(BASE + 4) | inb(BASE + 5) << 8, ==, 0xeb14);
    outb(BASE + 7, 0xa1);
    take_irq(READY | DRQ);
    read_words(BASE, reply, 512);
    g_assert_cmphex(lduw_le_p(reply), ==, 0x85c0);
    g_assert_cmpmem(reply + 54, 12, "EQUMD DVR-MO", 12);
    outb(0x1f6, 0xa0); /* a slave alone: nobody answers for the master */
    g_assert_cmphex(inb(0x1f7), ==, 0x7f);
}

static void test_inquiry(void)
{
    setup();
    g_assert_cmpint(RUN(0x12, 0, 0, 0, 36), ==, 36); /* before the attention is reported */
    g_assert_cmphex(reply[0], ==, 0x05);
    g_assert_cmphex(reply[1], ==, 0x80);
    g_assert_cmpmem(reply + 8, 16, "QEMU    QEMU DVD", 16);
    g_assert_cmpint(RUN(0x12, 0, 0, 0, 5), ==, 5); /* an odd length */
    FAILS(6, 0x29, 0x00);
    FAILS(5, 0x24, 0x12, 1, 0x80, 0, 36);
    FAILS(5, 0x20, 0xff);
}

static void test_capacity_and_toc(void)
{
    setup_ready();
    g_assert_cmpint(RUN(0x25), ==, 8);
    g_assert_cmpint(be32(reply), ==, CD_SECTORS - 1);
    g_assert_cmpint(be32(reply + 4), ==, 2048);
    g_assert_cmpint(RUN(0x43, 0, 0, 0, 0, 0, 0, 0, 100), ==, 20);
    g_assert_cmpint(reply[1], ==, 18);
    g_assert_cmphex(reply[6], ==, 1);
    g_assert_cmphex(reply[14], ==, 0xaa);
    g_assert_cmpint(be32(reply + 16), ==, CD_SECTORS);
    g_assert_cmpint(RUN(0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100), ==, 12); /* MSF: 1150 frames are 15 s 25 */
    g_assert_cmpmem(reply + 8, 4, "\0\0\x0f\x19", 4);
    g_assert_cmpint(RUN(0x43, 0, 1, 0, 0, 0, 0, 0, 100), ==, 12);
    g_assert_cmpint(RUN(0x43, 2, 2, 0, 0, 0, 0, 0, 100), ==, 4 + 4 * 11);
    FAILS(5, 0x24, 0x43, 0, 0, 0, 0, 0, 7, 0, 100);
}

static void test_mode_pages(void)
{
    setup_ready();
    g_assert_cmpint(RUN(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 100), ==, 28);
    g_assert_cmpint(reply[1], ==, 26);
    g_assert_cmphex(reply[8], ==, 0x2a);
    g_assert_cmphex(reply[14], ==, 0x29);
    g_assert_cmpint(RUN(0x1a, 0, 0x3f, 0, 100), ==, 4 + 8 + 20);
    g_assert_cmpint(RUN(0x1e, 0, 0, 0, 1), ==, 0); /* locked: shows */
    RUN(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 100);
    g_assert_cmphex(reply[14], ==, 0x2b);
    FAILS(5, 0x24, 0x5a, 0, 0x05, 0, 0, 0, 0, 0, 100);
    FAILS(5, 0x39, 0x5a, 0, 0xea, 0, 0, 0, 0, 0, 100);
    send_packet(0, (const uint8_t[12]){ 0x55, 0x10, [8] = 16 }, 0xfffe, 0);
    take_irq(READY | DRQ);
    g_assert_cmphex(inb(BASE + 2), ==, 0);
    g_assert_cmphex(inb(BASE + 4), ==, 16);
    write_words(BASE, reply, 16);
    take_irq(READY);
}

static void test_configuration(void)
{
    setup_ready();
    size_t all = RUN(0x46, 0, 0, 0, 0, 0, 0, 1, 0);
    g_assert_cmpint(be32(reply) + 4, ==, all);
    g_assert_cmphex(reply[7], ==, 0x08); /* CD-ROM */
    g_assert_cmpint(RUN(0x46, 2, 0, 0x1e, 0, 0, 0, 1, 0), ==, 16);
    g_assert_cmphex(reply[10] & 1, ==, 1);
    g_assert_cmpint(RUN(0x46, 2, 0, 0x77, 0, 0, 0, 1, 0), ==, 8);
    g_assert_cmpint(RUN(0x51, 0, 0, 0, 0, 0, 0, 0, 34), ==, 34);
    g_assert_cmpint(RUN(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8), ==, 8);
    FAILS(5, 0x30, 0xad, 0, 0, 0, 0, 0, 0, 0, 8); /* no DVD */
}

/* ---- reading ---- */

static void test_read_pio(void)
{
    setup_ready();
    send_packet(0, (const uint8_t[12]){ 0x28, [5] = 17, [8] = 5 }, 2048, 0);
    g_assert_cmpuint(fake_last.bytes, ==, 5 * 2048);
    g_assert_cmpint(receive(reply, 2048), ==, 5 * 2048);
    g_assert_cmpmem(reply, 5 * 2048, cd->data + 17 * 2048, 5 * 2048);
    g_assert_cmpint(RUN(0xa8, [5] = 100, [9] = 100), ==, 100 * 2048); /* more than one request; blocks of 65534 */
    g_assert_cmpmem(reply, 100 * 2048, cd->data + 100 * 2048, 100 * 2048);
    g_assert_cmpint(RUN(0x28), ==, 0);
    FAILS(5, 0x21, 0x28, 0, 0, 0, CD_SECTORS >> 8, CD_SECTORS & 0xff, 0, 0, 1);
    FAILS(5, 0x21, 0xa8, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff);
    fake_error = -5;
    FAILS(3, 0x11, 0x28, 0, 0, 0, 0, 1, 0, 0, 1);
}

static void test_read_dma(void)
{
    setup_ready();
    put_prd(0, 0x10000, 4096, false);
    put_prd(1, 0x20000, 4096, true);
    send_packet(0, (const uint8_t[12]){ 0x28, [5] = 200, [8] = 4 }, 0, 1);
    start_dma(1, true);
    g_assert_cmpint(fake_complete_all(), ==, 1);
    take_irq(READY);
    g_assert_cmphex(inb(BM_PORT + 10), ==, 0x04);
    g_assert_cmpmem(ram(0x10000), 4096, cd->data + 200 * 2048, 4096);
    g_assert_cmpmem(ram(0x20000), 4096, cd->data + 202 * 2048, 4096);
    put_prd(0, 0x10000, 36, true); /* answers go the same way */
    outb(BM_PORT + 8, 0);
    start_dma(1, true);
    send_packet(0, (const uint8_t[12]){ 0x12, [4] = 36 }, 0, 1);
    take_irq(READY);
    g_assert_cmpmem(ram(0x10008), 4, "QEMU", 4);
}

static void test_read_cd(void)
{
    setup_ready();
    g_assert_cmpint(RUN(0xbe, 0, 0, 0, 0, 9, 0, 0, 2, 0x10), ==, 4096);
    g_assert_cmpmem(reply, 4096, cd->data + 9 * 2048, 4096);
    g_assert_cmpint(RUN(0xbe, 0, 0, 0, 0, 9, 0, 0, 2, 0xf8), ==, 2 * 2352);
    g_assert_cmpmem(reply + 2352, 16, "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\2\x10\1", 16);
    g_assert_cmpmem(reply + 2352 + 16, 2048, cd->data + 10 * 2048, 2048);
    g_assert_cmpint(RUN(0xb9, 0, 0, 0, 2, 3, 0, 2, 4, 0x10), ==, 2048); /* MSF 0:2:3 is sector 3 */
    g_assert_cmpmem(reply, 2048, cd->data + 3 * 2048, 2048);
    FAILS(5, 0x24, 0xbe, 0x04, 0, 0, 0, 9, 0, 0, 2, 0x10); /* audio */
    FAILS(5, 0x24, 0xb9, 0, 0, 0, 0, 0, 0, 2, 4, 0x10);
}

/* ---- tray, events, no medium ---- */

static void test_tray(void)
{
    setup_ready();
    g_assert_cmpint(RUN(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), ==, 8);
    g_assert_cmpmem(reply, 6, "\0\6\4\x10\2\2", 6); /* new medium; it is there */
    RUN(0x1e, 0, 0, 0, 1);
    FAILS(5, 0x53, 0x1b, 0, 0, 0, 2);
    RUN(0x1e, 0, 0, 0, 0);
    RUN(0x1b, 0, 0, 0, 2);
    FAILS(2, 0x3a, 0x00);
    g_assert_cmpint(RUN(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), ==, 8);
    g_assert_cmpmem(reply, 6, "\0\6\4\x10\3\1", 6);
    RUN(0x1b, 0, 0, 0, 3);
    FAILS(6, 0x28, 0x00);
    g_assert_cmpint(RUN(0x00), ==, 0);
}

static void test_empty(void)
{
    setup();
    fails_on(1, (const uint8_t[12]){ 0x00 }, 6, 0x29);
    fails_on(1, (const uint8_t[12]){ 0x00 }, 2, 0x3a);
    fails_on(1, (const uint8_t[12]){ 0x28, [8] = 1 }, 2, 0x3a);
    fails_on(1, (const uint8_t[12]){ 0x25 }, 2, 0x3a);
    g_assert_cmpint(run_on(1, (const uint8_t[12]){ 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8 }), ==, 8);
    g_assert_cmphex(reply[5], ==, 0);
}

static void dvd_command(const uint8_t *cdb)
{
    outb(0x1f6, 0xb0);
    outb(0x1f1, 0);
    outw(0x1f4, 0xfffe);
    outb(0x1f7, 0xa0);
    write_words(0x1f0, cdb, 12);
}

static void test_dvd(void)
{
    setup();
    dvd_command((const uint8_t[12]){ 0x03, [4] = 18 });
    read_words(0x1f0, reply, 18);
    g_assert_cmphex(reply[12], ==, 0x29); /* REQUEST SENSE takes the attention */
    dvd_command((const uint8_t[12]){ 0xad, [7] = 0, [8] = 0, 32 });
    g_assert_cmphex(inb(0x1f7), ==, READY | DRQ);
    read_words(0x1f0, reply, 32);
    g_assert_cmphex(be32(reply + 8), ==, 0x30000);
    g_assert_cmphex(be32(reply + 12), ==, 0x30000 + DVD_SIZE / 2048 - 1);
}

/* ---- resets and state ---- */

static Device *cd_device;

static void find_cd(Device *dev, void *opaque)
{
    if (dev->type == &ide_cd_type && dev->instance == 1) {
        cd_device = dev;
    }
}

static void test_reset_and_state(void)
{
    setup_ready();
    device_foreach(find_cd, NULL);
    send_packet(0, (const uint8_t[12]){ 0x28, [5] = 17, [8] = 2 }, 2048, 0);
    check_state_goes_round(cd_device);
    fake_complete_all();
    read_words(BASE, reply, 1000);
    check_state_goes_round(cd_device);
    read_words(BASE, reply + 1000, 1048);
    read_words(BASE, reply + 2048, 2048);
    g_assert_cmphex(inb(BASE + 7), ==, READY);
    g_assert_cmpmem(reply, 4096, cd->data + 17 * 2048, 4096);
    send_packet(0, (const uint8_t[12]){ 0x28, [5] = 17, [8] = 2 }, 2048, 0);
    outb(BASE + 7, 0x08); /* DEVICE RESET works while it is busy */
    g_assert_cmpint(fake_complete_all(), ==, 1);
    g_assert_cmphex(inb(BASE + 7), ==, 0);
    g_assert_cmphex(inb(BASE + 5), ==, 0xeb);
    g_assert_cmpint(irq15.level, ==, 0);
    g_assert_cmpint(RUN(0x00), ==, 0);
}

static void test_noise(void)
{
    setup();
    BlockRequestId before = fake_last_id;
    ide_noise(BASE, 200000);
    g_assert_cmpuint(fake_last_id - before, >, 100);
    ide_power_on();
    FAILS(6, 0x29, 0x00);
    g_assert_cmpint(RUN(0x28, [5] = 17, [8] = 1), ==, 2048);
    g_assert_cmpmem(reply, 2048, cd->data + 17 * 2048, 2048);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/atapi/signature", test_signature);
    g_test_add_func("/atapi/inquiry", test_inquiry);
    g_test_add_func("/atapi/capacity-and-toc", test_capacity_and_toc);
    g_test_add_func("/atapi/mode-pages", test_mode_pages);
    g_test_add_func("/atapi/configuration", test_configuration);
    g_test_add_func("/atapi/read-pio", test_read_pio);
    g_test_add_func("/atapi/read-dma", test_read_dma);
    g_test_add_func("/atapi/read-cd", test_read_cd);
    g_test_add_func("/atapi/tray", test_tray);
    g_test_add_func("/atapi/empty", test_empty);
    g_test_add_func("/atapi/dvd", test_dvd);
    g_test_add_func("/atapi/reset-and-state", test_reset_and_state);
    g_test_add_func("/atapi/noise", test_noise);
    return g_test_run();
}
