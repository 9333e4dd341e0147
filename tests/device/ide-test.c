/* LINK: hw/ide/ata.c hw/ide/atapi.c hw/ide/bmdma.c hw/ide/core.c hw/ide/drive.c hw/ide/identify.c hw/ide/piix.c
 * hw/pci/pci.c hw/core/boot-order.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c
 * util/qemu-timer.c util/error.c util/option.c -lxxhash */
/* tests/device/ide-test.c  The IDE function and a hard disk: registers, PIO, DMA, errors, resets, state with a request
 * under way. */
#include "tests/device/ide-env.h"

#define BASE      0x1f0
#define CONTROL   0x3f6
#define DISK_SIZE (24 * MiB)

static BlockBackend *disk;

static void setup(void)
{
    if (!ide) {
        ide_board();
        disk = fake_medium("disk", DISK_SIZE);
        ide_create_drive(0, 0, disk, false, &error_fatal);
    }
    ide_power_on();
}

static void check_status(uint8_t expected)
{
    g_assert_cmphex(inb(CONTROL), ==, expected);
}

/* The interrupt came; reading the status takes it away. */
static void take_irq(uint8_t expected_status)
{
    g_assert_cmpint(irq14.level, ==, 1);
    g_assert_cmphex(inb(BASE + 7), ==, expected_status);
    g_assert_cmpint(irq14.level, ==, 0);
}

static void check_on_disk(const uint8_t *data, int64_t offset, size_t bytes)
{
    g_assert_true(memcmp(data, disk->data + offset, bytes) == 0);
}

/* ---- presence ---- */

static void test_signature(void)
{
    setup();
    check_status(READY);
    g_assert_cmphex(inb(BASE + 1), ==, 1);
    g_assert_cmphex(inb(BASE + 2), ==, 1);
    g_assert_cmphex(inb(BASE + 3), ==, 1);
    g_assert_cmphex(inw(BASE + 4), ==, 0);
    outb(BASE + 7, 0x90); /* diagnostic */
    take_irq(READY);
    g_assert_cmphex(inb(BASE + 1), ==, 1);
}

static void test_absent(void)
{
    setup();
    outb(BASE + 6, 0xb0); /* no slave: the master answers, status 0 */
    outb(BASE + 2, 0x55);
    g_assert_cmphex(inb(BASE + 7), ==, 0);
    g_assert_cmphex(inb(BASE + 2), ==, 0x55);
    outb(BASE + 7, 0xec);
    g_assert_cmphex(inb(BASE + 7), ==, 0);
    g_assert_cmpint(irq14.edges, ==, 0);
    outb(0x176, 0xa0); /* nothing on the other channel: the bus floats, DD7 low */
    outb(0x172, 0x55);
    g_assert_cmphex(inb(0x172), ==, 0x7f);
    g_assert_cmphex(inb(0x177), ==, 0x7f);
    g_assert_cmphex(inw(0x170), ==, 0xff7f);
}

static uint16_t identify[256];

static void read_identify(void)
{
    command28(BASE, 0, 0xec, 0, 0);
    take_irq(READY | DRQ);
    read_words(BASE, (uint8_t *)identify, 512);
    check_status(READY);
    g_assert_cmpint(irq14.level, ==, 0);
}

static void test_identify(void)
{
    uint8_t sum = 0;
    setup();
    read_identify();
    g_assert_cmphex(identify[0], ==, 0x0040);
    g_assert_cmpint(identify[3], ==, 16);
    g_assert_cmpint(identify[6], ==, 63);
    g_assert_cmpmem(&identify[10], 8, "MQ0000 1", 8);
    g_assert_cmpmem(&identify[27], 14, "EQUMH RADDSI K", 14);
    g_assert_cmpuint(identify[60] | (uint32_t)identify[61] << 16, ==, DISK_SIZE / 512);
    g_assert_cmpuint(identify[100] | (uint32_t)identify[101] << 16, ==, DISK_SIZE / 512);
    for (int i = 0; i < 512; i++) {
        sum += ((uint8_t *)identify)[i];
    }
    g_assert_cmphex(sum, ==, 0);
}

static void test_features(void)
{
    setup();
    outb(BASE + 1, 0x03);
    command28(BASE, 0, 0xef, 0, 0x22); /* multiword DMA 2 */
    take_irq(READY);
    read_identify();
    g_assert_cmphex(identify[63], ==, 0x0407);
    g_assert_cmphex(identify[88], ==, 0x003f);
    outb(BASE + 1, 0x03);
    command28(BASE, 0, 0xef, 0, 0x47); /* no such mode */
    take_irq(READY | ERR);
    g_assert_cmphex(inb(BASE + 1), ==, 0x04);
    outb(BASE + 1, 0x82); /* no write cache: what there is goes out first */
    command28(BASE, 0, 0xef, 0, 0);
    check_status(BSY | READY);
    g_assert_true(fake_last.kind == FAKE_FLUSH && fake_complete());
    take_irq(READY);
    read_identify();
    g_assert_cmphex(identify[85] & 0x20, ==, 0);
}

/* ---- PIO ---- */

static void test_read_pio(void)
{
    uint8_t data[3 * 512];
    setup();
    command28(BASE, 0, 0x20, 100, 3);
    check_status(BSY | READY);
    g_assert_cmpint(irq14.level, ==, 0);
    g_assert_true(fake_complete());
    for (int i = 0; i < 3; i++) {
        take_irq(READY | DRQ);
        read_words(BASE, data + 512 * i, 512);
    }
    check_status(READY);
    g_assert_cmpint(irq14.level, ==, 0); /* the last block was announced before it was read */
    g_assert_false(fake_complete());
    check_on_disk(data, 100 * 512, sizeof(data));
    g_assert_cmpint(inb(BASE + 2), ==, 0);
    g_assert_cmpint(inb(BASE + 3), ==, 102);
}

static void test_read_multiple(void)
{
    uint8_t data[5 * 512];
    setup();
    command28(BASE, 0, 0xc6, 0, 4);
    take_irq(READY);
    command28(BASE, 0, 0xc4, 7, 5);
    g_assert_true(fake_complete());
    take_irq(READY | DRQ);
    for (int i = 0; i < 4 * 512; i += 4) {
        stl_le_p(data + i, inl(BASE)); /* doublewords are two cycles */
    }
    take_irq(READY | DRQ);
    read_words(BASE, data + 4 * 512, 512);
    check_status(READY);
    check_on_disk(data, 7 * 512, sizeof(data));
    command28(BASE, 0, 0xc6, 0, 3); /* not a power of two */
    take_irq(READY | ERR);
    command28(BASE, 0, 0xc6, 0, 0);
    take_irq(READY);
    command28(BASE, 0, 0xc4, 7, 1); /* off */
    take_irq(READY | ERR);
}

static void test_write_pio(void)
{
    uint8_t data[3 * 512];
    setup();
    memset(data, 0xa7, sizeof(data));
    command28(BASE, 0, 0x30, 50, 3);
    g_assert_cmpint(irq14.level, ==, 0); /* the first block is not announced */
    check_status(READY | DRQ);
    write_words(BASE, data, 512);
    take_irq(READY | DRQ);
    write_words(BASE, data + 512, 512);
    take_irq(READY | DRQ);
    g_assert_true(g_queue_is_empty(&fake_queue));
    write_words(BASE, data + 1024, 512);
    check_status(BSY | READY);
    g_assert_cmpuint(fake_last.bytes, ==, sizeof(data));
    g_assert_false(fake_last.fua);
    g_assert_cmpint(fake_complete_all(), ==, 1);
    take_irq(READY);
    check_on_disk(data, 50 * 512, sizeof(data));
}

static void test_lba48(void)
{
    uint8_t data[512];
    setup();
    write_task_file(BASE, 0x40, 0, 0); /* what was written before is the high half */
    write_task_file(BASE, 0x40, 40000, 1);
    outb(BASE + 7, 0x24);
    g_assert_cmpint(fake_last.offset, ==, 40000 * 512);
    fake_complete();
    take_irq(READY | DRQ);
    read_words(BASE, data, 512);
    check_on_disk(data, 40000 * 512, 512);
    write_task_file(BASE, 0x40, 1, 0); /* 1 << 24: far beyond the end */
    write_task_file(BASE, 0x40, 0, 1);
    outb(BASE + 7, 0x24);
    take_irq(READY | ERR);
    g_assert_cmphex(inb(BASE + 1), ==, 0x10);
    outb(CONTROL, 0x80); /* HOB */
    g_assert_cmphex(inb(BASE + 3), ==, 1);
}

static void test_chs(void)
{
    setup();
    write_task_file(BASE, 0xa3, 0x000205, 1); /* cylinder 2, head 3, sector 5 */
    outb(BASE + 7, 0x20);
    g_assert_cmpint(fake_last.offset, ==, ((2 * 16 + 3) * 63 + 4) * 512);
    fake_complete();
    ide_power_on();
    write_task_file(BASE, 0xa7, 0, 17); /* 8 heads, 17 sectors */
    outb(BASE + 7, 0x91);
    take_irq(READY);
    write_task_file(BASE, 0xa3, 0x000205, 1);
    outb(BASE + 7, 0x20);
    g_assert_cmpint(fake_last.offset, ==, ((2 * 8 + 3) * 17 + 4) * 512);
    fake_complete();
    ide_power_on();
    write_task_file(BASE, 0xa0, 0, 1); /* there is no sector 0 */
    outb(BASE + 7, 0x20);
    take_irq(READY | ERR);
    g_assert_cmphex(inb(BASE + 1), ==, 0x10);
}

static void test_no_data(void)
{
    setup();
    command28(BASE, 0, 0xe7, 0, 0);
    check_status(BSY | READY);
    g_assert_true(fake_last.kind == FAKE_FLUSH && fake_complete());
    take_irq(READY);
    command28(BASE, 0, 0x40, 0, 0); /* verify 256 sectors */
    g_assert_cmpuint(fake_last.bytes, ==, 256 * 512);
    fake_complete();
    take_irq(READY);
    command28(BASE, 0, 0xe5, 0, 0);
    take_irq(READY);
    g_assert_cmphex(inb(BASE + 2), ==, 0xff);
    command28(BASE, 0, 0xf8, 0, 0);
    take_irq(READY);
    g_assert_cmphex(inb(BASE + 3) | inb(BASE + 4) << 8, ==, DISK_SIZE / 512 - 1);
    command28(BASE, 0, 0xfe, 0, 0); /* unknown */
    take_irq(READY | ERR);
    g_assert_cmphex(inb(BASE + 1), ==, 0x04);
}

/* ---- DMA ---- */

static void check_bm(uint8_t expected)
{
    g_assert_cmphex(inb(BM_PORT + 2), ==, expected);
}

static void test_read_dma(void)
{
    setup();
    put_prd(0, 0x10000, 512, false);
    put_prd(1, 0x20002, 1024, false);
    put_prd(2, 0x30000, 512, true);
    command28(BASE, 0, 0xc8, 9, 4);
    start_dma(0, true);
    check_bm(0x01);
    g_assert_cmpuint(fake_last.bytes, ==, 2048); /* the whole list at once */
    memset(ram(0x10000), 0, 512);
    g_assert_cmpint(fake_complete_all(), ==, 1);
    check_bm(0x04); /* table and transfer end together */
    take_irq(READY);
    check_on_disk(ram(0x10000), 9 * 512, 512);
    check_on_disk(ram(0x20002), 10 * 512, 1024);
    check_on_disk(ram(0x30000), 12 * 512, 512);
    outb(BM_PORT, 0);
    outb(BM_PORT + 2, 0x04);
    check_bm(0);
}

static void test_write_dma(void)
{
    setup();
    put_prd(0, 0x10000, 0x10000, true); /* larger than the transfer */
    memset(ram(0x10000), 0x3c, 1024);
    start_dma(0, false);
    command28(BASE, 0, 0xca, 3000, 2); /* the master waits for the drive just as well */
    memset(ram(0x10000), 0xff, 1024);  /* too late: it has been copied */
    g_assert_cmpint(fake_complete_all(), ==, 1);
    take_irq(READY);
    check_bm(0x05);
    for (int i = 0; i < 1024; i++) {
        g_assert_cmphex(disk->data[3000 * 512 + i], ==, 0x3c);
    }
}

static Device *disk_device;

static void find_disk(Device *dev, void *opaque)
{
    disk_device = dev->type == &ide_hd_type ? dev : disk_device;
}

/* A table that is too short: the drive waits, and goes on with the next one. */
static void test_short_table(void)
{
    setup();
    put_prd(0, 0x10000, 700, true);
    command28(BASE, 0, 0xc8, 20, 2);
    start_dma(0, true);
    fake_complete();
    check_bm(0x00);
    check_status(BSY | READY);
    g_assert_cmpint(irq14.level, ==, 0);
    device_foreach(find_disk, NULL);
    check_state_goes_round(disk_device); /* waiting, with data left over */
    outb(BM_PORT, 0);
    put_prd(0, 0x10000 + 700, 324, true);
    start_dma(0, true);
    take_irq(READY);
    check_bm(0x04);
    check_on_disk(ram(0x10000), 20 * 512, 1024);

    command28(BASE, 0, 0xca, 4000, 2);
    put_prd(0, 0x10000, 700, true);
    start_dma(0, false);
    g_assert_true(g_queue_is_empty(&fake_queue));
    outb(BM_PORT, 0);
    put_prd(0, 0x10000 + 700, 324, true);
    start_dma(0, false);
    fake_complete();
    take_irq(READY);
    check_on_disk(ram(0x10000), 4000 * 512, 1024);
}

static void test_master_not_ready(void)
{
    setup();
    put_prd(0, 0x10000, 512, true);
    command28(BASE, 0, 0xc8, 5, 1);
    g_assert_true(g_queue_is_empty(&fake_queue)); /* nothing is read before the master is started */
    check_status(BSY | READY);
    device_foreach(find_disk, NULL);
    check_state_goes_round(disk_device);
    start_dma(0, false); /* the wrong direction moves nothing */
    check_bm(0x01);
    outb(BM_PORT, 0);
    ide_config(PCI_COMMAND, PCI_COMMAND_IO, 2);
    memset(ram(0x10000), 0, 512);
    start_dma(0, true);
    check_bm(0x01);
    g_assert_true(g_queue_is_empty(&fake_queue));
    ide_config(PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    fake_complete();
    take_irq(READY);
    check_on_disk(ram(0x10000), 5 * 512, 512);
}

static void test_large_dma(void)
{
    const uint32_t sectors = 40000; /* more than one request may hold */
    setup();
    for (uint32_t i = 0; i < sectors / 128 + 1; i++) {
        put_prd(i, 2 * MiB + i * 0x10000, 0x10000, i == sectors / 128);
    }
    write_task_file(BASE, 0x40, 0, sectors >> 8);
    write_task_file(BASE, 0x40, 3, sectors & 0xff);
    outb(BASE + 7, 0x25);
    start_dma(0, true);
    g_assert_cmpint(fake_complete_all(), ==, 2);
    take_irq(READY);
    check_on_disk(ram(2 * MiB), 3 * 512, sectors * 512);
}

/* Tables that never end, memory that is not there: bounded, and nothing breaks. */
static void test_nonsense_dma(void)
{
    setup();
    for (int i = 0; i < 8192; i++) {
        put_prd(i, 0xf0000000u + i, 2, false);
    }
    write_task_file(BASE, 0x40, 0, 0x80);
    write_task_file(BASE, 0x40, 0, 0);
    outb(BASE + 7, 0x25);
    start_dma(0, true);
    fake_complete_all();
    check_bm(0x02); /* error */
    check_status(BSY | READY);
    outb(BM_PORT, 0);
    put_prd(0, 0xffffff00u, 0, true); /* 64 KiB across the end of the address space */
    start_dma(0, true);
    check_bm(0x00);
    outl(BM_PORT + 4, 0xfffffffc); /* a table that is nowhere: all ones is "last" */
    outb(BM_PORT, 0);
    outb(BM_PORT, 9);
    outb(CONTROL, 4);
    outb(CONTROL, 0);
    check_status(READY);
}

static void test_trim(void)
{
    setup();
    put_prd(0, 0x10000, 512, true);
    memset(ram(0x10000), 0, 512);
    stq_le_p(ram(0x10000), 700 | 3ULL << 48);
    stq_le_p(ram(0x10010), 710 | 2ULL << 48); /* after one that is empty */
    outb(BASE + 1, 0);
    outb(BASE + 1, 1);
    write_task_file(BASE, 0x40, 0, 0);
    write_task_file(BASE, 0x40, 0, 1);
    outb(BASE + 7, 0x06);
    start_dma(0, false);
    g_assert_true(fake_last.kind == FAKE_DISCARD && fake_last.offset == 700 * 512 && fake_last.bytes == 3 * 512);
    device_foreach(find_disk, NULL);
    check_state_goes_round(disk_device);
    irq14.edges = 0;
    g_assert_cmpint(fake_complete_all(), ==, 2);
    g_assert_true(fake_last.offset == 710 * 512 && fake_last.bytes == 2 * 512);
    g_assert_cmphex(inb(BASE + 7), ==, READY);
    stq_le_p(ram(0x10000), DISK_SIZE / 512 | 1ULL << 48); /* beyond the end */
    outb(BM_PORT, 0);
    outb(BASE + 7, 0x06);
    start_dma(0, false);
    take_irq(READY | ERR);
    g_assert_cmphex(inb(BASE + 1), ==, 0x10);
}

/* ---- errors, resets, state ---- */

static void test_errors(void)
{
    setup();
    put_prd(0, 0x10000, 4096, true);
    command28(BASE, 0, 0xc8, DISK_SIZE / 512 - 1, 2);
    take_irq(READY | ERR);
    g_assert_cmphex(inb(BASE + 1), ==, 0x10);
    fake_error = -5;
    command28(BASE, 0, 0xc8, 60, 2);
    start_dma(0, true);
    fake_complete();
    check_bm(0x05);
    take_irq(READY | ERR);
    g_assert_cmphex(inb(BASE + 1), ==, 0x40);
    g_assert_cmpint(inb(BASE + 3), ==, 60);
    fake_error = -5;
    command28(BASE, 0, 0xca, 60, 1);
    outb(BM_PORT, 0);
    start_dma(0, false);
    fake_complete();
    take_irq(READY | ERR);
    g_assert_cmphex(inb(BASE + 1), ==, 0x04);
    fake_error = -5;
    command28(BASE, 0, 0xe7, 0, 0);
    fake_complete();
    take_irq(READY | ERR);
}

static void test_soft_reset(void)
{
    setup();
    command28(BASE, 0, 0x20, 10, 2);
    outb(CONTROL, 0x04);
    check_status(BSY);
    outb(BASE + 7, 0xec); /* not now */
    outb(CONTROL, 0x00);
    check_status(READY);
    g_assert_cmpint(fake_complete_all(), ==, 1); /* completes, and nobody cares */
    check_status(READY);
    g_assert_cmpint(irq14.edges, ==, 0);
    read_identify();
    g_assert_cmphex(identify[59], ==, 0x110); /* settings stay */
}

static void test_busy_registers(void)
{
    setup();
    command28(BASE, 0, 0x20, 10, 1);
    outb(BASE + 2, 0x77); /* ignored while busy, as is a command */
    outb(BASE + 7, 0xec);
    g_assert_cmphex(inb(BASE + 2), ==, 1);
    g_assert_cmpint(fake_complete_all(), ==, 1);
    take_irq(READY | DRQ);
}

static void test_interrupt_enable(void)
{
    setup();
    outb(CONTROL, 0x02);
    command28(BASE, 0, 0xe5, 0, 0);
    g_assert_cmpint(irq14.level, ==, 0);
    check_bm(0);
    outb(CONTROL, 0x00); /* still pending */
    g_assert_cmpint(irq14.level, ==, 1);
    check_bm(0x04);
    outb(BM_PORT + 2, 0x64); /* cleared while the line is high: needs another edge */
    check_bm(0x60);
    take_irq(READY);
}

static void ignore_completion(void *opaque, BlockRequestId id, int ret, const uint8_t *data, size_t len)
{
    (void)opaque, (void)id, (void)ret, (void)data, (void)len;
}

/* A snapshot's request may be another one than the drive waits for. */
static void test_damaged_state(void)
{
    uint8_t data[512];
    setup();
    device_foreach(find_disk, NULL);
    fake_last_id = 0x1122334455667700;
    BlockRequestId flush = blk_aio_flush(disk, ignore_completion, NULL);
    BlockRequestId too_much = blk_aio_read(disk, 0, 1024, ignore_completion, NULL);
    command28(BASE, 0, 0x20, 33, 1);
    BlockRequestId read = fake_last.id;
    check_number_refused(disk_device, read, flush);
    check_number_refused(disk_device, read, too_much);
    check_number_refused(disk_device, read, 99);
    fake_complete_all();
    read_words(BASE, data, 512);
    check_on_disk(data, 33 * 512, sizeof(data));
    command28(BASE, 0, 0xe7, 0, 0); /* FLUSH CACHE */
    flush = fake_last.id;
    check_number_refused(disk_device, flush, blk_aio_read(disk, 0, 512, ignore_completion, NULL));
    fake_complete_all();
}

static void test_state(void)
{
    uint8_t data[2 * 512];
    setup();
    device_foreach(find_disk, NULL);
    command28(BASE, 0, 0x20, 33, 2);
    check_state_goes_round(disk_device); /* a request is under way */
    check_state_goes_round(ide);
    g_assert_true(fake_complete());
    g_assert_cmphex(inb(BASE + 7), ==, READY | DRQ);
    read_words(BASE, data, 300);
    check_state_goes_round(disk_device); /* in the middle of a sector */
    read_words(BASE, data + 300, 212);
    g_assert_cmphex(inb(BASE + 7), ==, READY | DRQ);
    read_words(BASE, data + 512, 512);
    check_on_disk(data, 33 * 512, sizeof(data));
}

static void test_writethrough(void)
{
    setup();
    disk->writethrough = true;
    ide_power_on();
    put_prd(0, 0x10000, 512, true);
    command28(BASE, 0, 0xca, 1, 1);
    start_dma(0, false);
    g_assert_true(fake_last.fua);
    fake_complete();
    disk->writethrough = false;
}

static void test_noise(void)
{
    setup();
    BlockRequestId before = fake_last_id;
    ide_noise(BASE, 200000);
    g_assert_cmpuint(fake_last_id - before, >, 1000);
    check_status(READY);
    ide_power_on();
    read_identify();
    g_assert_cmpint(identify[3], ==, 16);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide/signature", test_signature);
    g_test_add_func("/ide/absent", test_absent);
    g_test_add_func("/ide/identify", test_identify);
    g_test_add_func("/ide/features", test_features);
    g_test_add_func("/ide/read-pio", test_read_pio);
    g_test_add_func("/ide/read-multiple", test_read_multiple);
    g_test_add_func("/ide/write-pio", test_write_pio);
    g_test_add_func("/ide/lba48", test_lba48);
    g_test_add_func("/ide/chs", test_chs);
    g_test_add_func("/ide/no-data", test_no_data);
    g_test_add_func("/ide/read-dma", test_read_dma);
    g_test_add_func("/ide/write-dma", test_write_dma);
    g_test_add_func("/ide/short-table", test_short_table);
    g_test_add_func("/ide/master-not-ready", test_master_not_ready);
    g_test_add_func("/ide/large-dma", test_large_dma);
    g_test_add_func("/ide/nonsense-dma", test_nonsense_dma);
    g_test_add_func("/ide/trim", test_trim);
    g_test_add_func("/ide/errors", test_errors);
    g_test_add_func("/ide/soft-reset", test_soft_reset);
    g_test_add_func("/ide/busy-registers", test_busy_registers);
    g_test_add_func("/ide/interrupt-enable", test_interrupt_enable);
    g_test_add_func("/ide/state", test_state);
    g_test_add_func("/ide/state/damaged", test_damaged_state);
    g_test_add_func("/ide/writethrough", test_writethrough);
    g_test_add_func("/ide/noise", test_noise);
    return g_test_run();
}
