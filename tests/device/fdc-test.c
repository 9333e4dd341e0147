/* LINK: hw/block/fdc.c hw/block/floppy.c hw/dma/i8257.c hw/core/boot-order.c hw/core/memory.c hw/core/ram.c
 * hw/core/device.c migration/vmstate.c util/qemu-timer.c util/error.c util/option.c -lxxhash */
/* tests/device/fdc-test.c  The floppy controller by port: resets, seeks, transfers with and without DMA, errors,
 * formats, state. */
#include "hw/block/floppy.h"
#include "hw/isa/chips.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"
#include "tests/device/fake-blk.h"

#define BUFFER 0x20000
#define SIZE   (1440 * 1024)

static Device *fdc, *dma;
static TestLine irq6;
static MemoryRegion test_ram;
static BlockBackend *floppy;

static uint8_t *ram(hwaddr addr)
{
    return memory_region_get_ram_ptr(&test_ram) + addr;
}

static void command(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        g_assert_cmphex(inb(0x3f4) & 0xc0, ==, 0x80);
        outb(0x3f5, bytes[i]);
    }
}
#define COMMAND(...) command((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void expect_result(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        g_assert_cmphex(inb(0x3f4) & 0xd0, ==, 0xd0);
        g_assert_cmphex(inb(0x3f5), ==, bytes[i]);
    }
    g_assert_cmphex(inb(0x3f4) & 0xd0, ==, 0x80);
}
#define RESULT(...) expect_result((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* Interrupt, then result. */
#define IRQ_RESULT(...)                     \
    do {                                    \
        g_assert_cmpint(irq6.level, ==, 1); \
        RESULT(__VA_ARGS__);                \
        g_assert_cmpint(irq6.level, ==, 0); \
    } while (0)

/* Drive A: 1.44 MB; there is no drive B. Out of reset, the four drives reported, 500 kb/s, DMA on. */
static void setup(void)
{
    if (!fdc) {
        memory_init();
        memory_region_init_ram(&test_ram, "ram", MiB);
        memory_region_add_subregion(get_system_memory(), 0, &test_ram);
        floppy = fake_medium("floppy", SIZE);
        dma = device_create(&i8257_type);
        fdc = device_create(&isa_fdc_type);
        fdc_connect(fdc, dma, test_line(&irq6));
        floppy_create(0, floppy, &error_fatal);
    }
    device_reset_all();
    fake_complete_all();
    outb(0xd6, 0xc0); /* cascade */
    outb(0xd4, 0x00);
    g_assert_cmphex(inb(0x3f4), ==, 0); /* held in reset */
    outb(0x3f2, 0x1c);
    for (uint8_t i = 0; i < 4; i++) {
        COMMAND(0x08);
        RESULT(0xc0 | i, 0);
    }
    outb(0x3f7, 0); /* 500 kb/s */
    COMMAND(0x03, 0xdf, 0x02);
    irq6 = (TestLine){ 0 };
}

static void program_dma(uint8_t mode, uint16_t bytes)
{
    outb(0x0a, 6);
    outb(0x0c, 0);
    outb(0x04, BUFFER & 0xff);
    outb(0x04, BUFFER >> 8 & 0xff);
    outb(0x05, (bytes - 1) & 0xff);
    outb(0x05, (bytes - 1) >> 8);
    outb(0x81, BUFFER >> 16);
    outb(0x0b, mode | 2);
    outb(0x0a, 2);
}

static int64_t at(int cylinder, int head, int sector)
{
    return ((cylinder * 2 + head) * 18 + sector - 1) * 512;
}

static void seek(uint8_t cylinder)
{
    COMMAND(0x0f, 0, cylinder);
    g_assert_cmpint(irq6.level, ==, 1);
    COMMAND(0x08);
    RESULT(0x20, cylinder);
}

/* ---- control ---- */

static void test_reset(void)
{
    setup();
    outb(0x3f2, 0x18);
    outb(0x3f2, 0x1c);
    g_assert_cmpint(irq6.level, ==, 1);
    COMMAND(0x08);
    g_assert_cmpint(irq6.level, ==, 0);
    RESULT(0xc0, 0);
    outb(0x3f4, 0x80); /* the other reset */
    g_assert_cmpint(irq6.level, ==, 1);
    for (uint8_t i = 0; i < 4; i++) {
        COMMAND(0x08);
        RESULT(0xc0 | i, 0);
    }
    COMMAND(0x08); /* nothing more to report */
    RESULT(0x80);
    COMMAND(0x1e); /* no command */
    RESULT(0x80);
    COMMAND(0x10);
    RESULT(0x90);
    outb(0x3f2, 0x14); /* the gate */
    COMMAND(0x07, 0);
    g_assert_cmpint(irq6.level, ==, 0);
    outb(0x3f2, 0x1c);
    g_assert_cmpint(irq6.level, ==, 1);
}

static void test_seek(void)
{
    setup();
    g_assert_cmphex(inb(0x3f7) & 0x80, ==, 0x80); /* the medium is new */
    seek(1);
    g_assert_cmphex(inb(0x3f7) & 0x80, ==, 0x00);
    COMMAND(0x04, 0x04);
    RESULT(0x2c);
    COMMAND(0x07, 0);
    g_assert_cmphex(inb(0x3f4), ==, 0x81);
    COMMAND(0x08);
    RESULT(0x20, 0);
    COMMAND(0x04, 0);
    RESULT(0x38);
    COMMAND(0x07, 1); /* no drive: track 0 does not come */
    COMMAND(0x08);
    RESULT(0x71, 0);
}

static void test_settings(void)
{
    setup();
    COMMAND(0x13, 0, 0x5a, 0x07);
    COMMAND(0x12, 0x8e);
    COMMAND(0x94);
    RESULT(0x10);
    outb(0x3f2, 0x18); /* locked: a reset keeps them */
    outb(0x3f2, 0x1c);
    COMMAND(0x0e);
    RESULT(0, 0, 0, 0, 0xdf, 0x02, 0, 0x8c, 0x5a, 0x07);
    COMMAND(0x14);
    RESULT(0x00);
}

/* ---- transfers ---- */

static void test_read_dma(void)
{
    setup();
    seek(5);
    program_dma(0x44, 3 * 512);
    COMMAND(0xe6, 0x04, 5, 1, 4, 2, 18, 0x1b, 0xff);
    g_assert_cmphex(inb(0x3f4), ==, 0x10);
    g_assert_cmpint(irq6.level, ==, 0);
    g_assert_true(fake_complete());
    IRQ_RESULT(0x04, 0, 0, 5, 1, 7, 2);
    g_assert_cmpmem(ram(BUFFER), 3 * 512, floppy->data + at(5, 1, 4), 3 * 512);
}

/* From head 0 to head 1, and the end of the cylinder without terminal count. */
static void test_multitrack(void)
{
    setup();
    seek(2);
    program_dma(0x44, 20 * 512);
    COMMAND(0xe6, 0x00, 2, 0, 1, 2, 18, 0x1b, 0xff);
    g_assert_cmpint(fake_complete_all(), ==, 1);
    IRQ_RESULT(0x04, 0, 0, 2, 1, 3, 2);
    g_assert_cmpmem(ram(BUFFER), 20 * 512, floppy->data + at(2, 0, 1), 20 * 512);
    program_dma(0x44, 40 * 512);
    COMMAND(0xe6, 0x00, 2, 0, 1, 2, 18, 0x1b, 0xff);
    fake_complete_all();
    IRQ_RESULT(0x40, 0x80, 0, 3, 0, 1, 2);
    program_dma(0x44, 40 * 512);
    COMMAND(0x66, 0x00, 2, 0, 17, 2, 18, 0x1b, 0xff); /* one side only */
    fake_complete_all();
    IRQ_RESULT(0x40, 0x80, 0, 3, 0, 1, 2);
}

static void test_write_dma(void)
{
    setup();
    seek(7);
    memset(ram(BUFFER), 0x42, 1024);
    program_dma(0x48, 700);
    COMMAND(0xc5, 0x00, 7, 0, 3, 2, 18, 0x1b, 0xff);
    memset(ram(BUFFER), 0x00, 1024); /* taken already */
    fake_complete_all();
    IRQ_RESULT(0x00, 0, 0, 7, 0, 5, 2);
    for (int i = 0; i < 1024; i++) {
        g_assert_cmphex(floppy->data[at(7, 0, 3) + i], ==, i < 700 ? 0x42 : 0);
    }
    floppy->read_only = true;
    program_dma(0x48, 512);
    COMMAND(0xc5, 0x00, 7, 0, 3, 2, 18, 0x1b, 0xff);
    IRQ_RESULT(0x40, 0x02, 0, 7, 0, 3, 2);
    COMMAND(0x04, 0);
    RESULT(0x68);
    floppy->read_only = false;
}

static void test_without_dma(void)
{
    setup();
    COMMAND(0x03, 0xdf, 0x03);
    seek(1);
    COMMAND(0x46, 0x00, 1, 0, 18, 2, 18, 0x1b, 0xff);
    fake_complete_all();
    for (int i = 0; i < 512; i++) {
        g_assert_cmphex(inb(0x3f4), ==, 0xf0);
        g_assert_cmpint(irq6.level, ==, 1);
        g_assert_cmphex(inb(0x3f5), ==, floppy->data[at(1, 0, 18) + i]);
    }
    IRQ_RESULT(0x40, 0x80, 0, 2, 0, 1, 2);
    COMMAND(0x45, 0x00, 1, 0, 18, 2, 18, 0x1b, 0xff);
    for (int i = 0; i < 512; i++) {
        g_assert_cmphex(inb(0x3f4), ==, 0xb0);
        outb(0x3f5, i);
    }
    g_assert_true(fake_complete());
    IRQ_RESULT(0x40, 0x80, 0, 2, 0, 1, 2);
    for (int i = 0; i < 512; i++) {
        g_assert_cmphex(floppy->data[at(1, 0, 18) + i], ==, i & 0xff);
    }
}

static void test_format(void)
{
    setup();
    seek(9);
    for (int i = 0; i < 18; i++) {
        memcpy(ram(BUFFER + 4 * i), (const uint8_t[]){ 9, 1, i + 1, 2 }, 4);
    }
    program_dma(0x48, 72);
    COMMAND(0x4d, 0x04, 2, 18, 0x6c, 0xf6);
    fake_complete_all();
    g_assert_cmpint(irq6.level, ==, 1);
    g_assert_cmphex(inb(0x3f5), ==, 0x04);
    for (int i = 0; i < 6; i++) {
        inb(0x3f5);
    }
    for (int i = 0; i < 18 * 512; i++) {
        g_assert_cmphex(floppy->data[at(9, 1, 1) + i], ==, 0xf6);
    }
    g_assert_cmphex(floppy->data[at(9, 1, 1) - 1], !=, 0xf6);
}

static void test_read_id(void)
{
    bool seen[19] = { false };
    setup();
    for (int i = 0; i < 18; i++) {
        COMMAND(0x4a, 0x04);
        uint8_t result[7];
        for (int k = 0; k < 7; k++) {
            result[k] = inb(0x3f5);
        }
        g_assert_cmphex(result[0], ==, 0x04);
        g_assert_cmphex(result[4], ==, 1);
        g_assert_true(result[5] >= 1 && result[5] <= 18);
        seen[result[5]] = true;
        qemu_clock_step(200000000 / 18 + 1); /* the next sector comes by */
    }
    for (int i = 1; i <= 18; i++) {
        g_assert_true(seen[i]);
    }
}

/* ---- errors, reset, state ---- */

static void test_errors(void)
{
    setup();
    seek(3);
    program_dma(0x44, 512);
    COMMAND(0x46, 0x00, 4, 0, 1, 2, 18, 0x1b, 0xff); /* wrong cylinder */
    IRQ_RESULT(0x40, 0x04, 0x10, 4, 0, 1, 2);
    COMMAND(0x46, 0x00, 3, 0, 19, 2, 19, 0x1b, 0xff); /* no such sector */
    IRQ_RESULT(0x40, 0x04, 0, 3, 0, 19, 2);
    COMMAND(0x46, 0x00, 3, 0, 1, 3, 18, 0x1b, 0xff); /* no such size */
    IRQ_RESULT(0x40, 0x04, 0, 3, 0, 1, 3);
    outb(0x3f7, 2); /* 250 kb/s */
    COMMAND(0x46, 0x00, 3, 0, 1, 2, 18, 0x1b, 0xff);
    IRQ_RESULT(0x40, 0x01, 0, 3, 0, 1, 2);
    outb(0x3f7, 0);
    COMMAND(0x46, 0x01, 3, 0, 1, 2, 18, 0x1b, 0xff); /* no drive */
    IRQ_RESULT(0x41, 0x01, 0, 3, 0, 1, 2);
    fake_error = -5;
    COMMAND(0x46, 0x00, 3, 0, 1, 2, 18, 0x1b, 0xff);
    fake_complete_all();
    IRQ_RESULT(0x40, 0x20, 0x20, 3, 0, 1, 2);
    outb(0x0a, 6); /* the DMA controller does not listen */
    COMMAND(0x46, 0x00, 3, 0, 1, 2, 18, 0x1b, 0xff);
    fake_complete_all();
    IRQ_RESULT(0x40, 0x10, 0, 3, 0, 1, 2);
}

static void test_reset_and_state(void)
{
    setup();
    fake_last_id = 0x1122334455667700;
    seek(3);
    program_dma(0x44, 512);
    COMMAND(0x46, 0x00, 3, 0, 1, 2, 18, 0x1b, 0xff);
    check_state_goes_round(fdc);
    BlockRequestId read = fake_last.id;
    check_number_refused(fdc, read, blk_aio_flush(fake_last.blk, NULL, NULL));
    irq6 = (TestLine){ 0 };
    g_assert_true(fake_complete());
    IRQ_RESULT(0x00, 0, 0, 3, 0, 2, 2);
    g_assert_true(fake_complete());
    COMMAND(0x46, 0x00, 3, 0, 1, 2, 18, 0x1b, 0xff);
    outb(0x3f2, 0x18); /* in the middle */
    outb(0x3f2, 0x1c);
    g_assert_true(fake_complete());
    g_assert_cmphex(inb(0x3f4), ==, 0x80);
}

/* A command that may well be right, whatever the controller is at. */
static void noise_command(uint32_t value)
{
    static const uint8_t codes[] = { 0x46, 0xe6, 0x45, 0xc5, 0x4d, 0x56, 0x42 };
    uint8_t cylinder = value >> 8 & 3, head = value >> 10 & 1;
    const uint8_t seek[] = { 0x0f, 0, cylinder };
    const uint8_t transfer[] = {
        codes[value % sizeof(codes)], head << 2, cylinder, head, (value >> 12) % 20, 2, 18, 0x1b, 0xff
    };
    const uint8_t format[] = { 0x4d, head << 2, 2, 18, 0x6c, value >> 12 };
    outb(0x3f7, value >> 20 ? 0 : 2);
    for (size_t i = 0; i < sizeof(seek); i++) {
        outb(0x3f5, seek[i]);
    }
    bool formats = transfer[0] == 0x4d;
    for (size_t i = 0; i < (formats ? sizeof(format) : sizeof(transfer)); i++) {
        outb(0x3f5, formats ? format[i] : transfer[i]);
    }
}

static void noise_step(uint32_t value)
{
    switch (value >> 24 & 7) {
    case 0:
        outb(0x3f0 + (value >> 8 & 7) % 6, value >> 16);
        break;
    case 1:
        fake_error = value & 0x700 ? 0 : -5;
        fake_complete();
        break;
    case 2:
        program_dma(value & 1 ? 0x44 : value & 2 ? 0x48 : value >> 8 & 0xfc, (value >> 10 & 0x3fff) + 1);
        break;
    case 3:
        noise_command(value);
        break;
    case 4:
        outb(0x3f2, value & 0x300 ? 0x1c : value >> 16);
        break;
    case 5: /* without DMA, now and then */
        outb(0x3f5, 0x03);
        outb(0x3f5, 0xdf);
        outb(0x3f5, value & 1);
        break;
    default: /* results, or data one by one */
        for (unsigned i = 0; i < (value & 0x1ff); i++) {
            value & 0x200 ? outb(0x3f5, value >> 16) : inb(0x3f5);
        }
    }
}

static void test_noise(void)
{
    GRand *rand = g_rand_new_with_seed(4711);
    setup();
    BlockRequestId before = fake_last_id;
    for (int i = 0; i < 200000; i++) {
        noise_step(g_rand_int(rand));
    }
    g_assert_cmpuint(fake_last_id - before, >, 1000); /* it did reach the medium */
    g_rand_free(rand);
    setup();
    program_dma(0x44, 512);
    COMMAND(0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    fake_complete_all();
    IRQ_RESULT(0x00, 0, 0, 0, 0, 2, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fdc/reset", test_reset);
    g_test_add_func("/fdc/seek", test_seek);
    g_test_add_func("/fdc/settings", test_settings);
    g_test_add_func("/fdc/read-dma", test_read_dma);
    g_test_add_func("/fdc/multitrack", test_multitrack);
    g_test_add_func("/fdc/write-dma", test_write_dma);
    g_test_add_func("/fdc/without-dma", test_without_dma);
    g_test_add_func("/fdc/format", test_format);
    g_test_add_func("/fdc/read-id", test_read_id);
    g_test_add_func("/fdc/errors", test_errors);
    g_test_add_func("/fdc/reset-and-state", test_reset_and_state);
    g_test_add_func("/fdc/noise", test_noise);
    return g_test_run();
}
