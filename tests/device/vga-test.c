/* LINK: hw/display/vga.c hw/display/vga-draw.c ui/console.c ui/screendump.c hw/pci/pci.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c util/qemu-timer.c util/error.c util/option.c -lxxhash -lpng */
#include "hw/i386/chipset.h"
#include "hw/isa/chips.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"
#include "ui/console.h"

#include <glib/gstdio.h>
#include <unistd.h>

/* ---- a board ---- */

static MemoryRegion pci_mem;
static Device *vga;
static DisplaySurface surface;
static PCIBus *bus;

MemoryRegion *pci_memory(void)
{
    return &pci_mem;
}
char *qemu_find_file(const char *name)
{
    g_assert_cmpstr(name, ==, "vgabios-stdvga.bin");
    char *path = g_build_filename(g_get_tmp_dir(), "vga-test.rom", NULL);
    g_assert_true(g_file_set_contents(path, "\x55\xaa\x01", 3, NULL));
    return path;
}
bool replay_add_input(const char *role, const char *path, Error **errp)
{
    (void)role;
    (void)path;
    (void)errp;
    return true;
}
static void no_irq(void *opaque, int pirq, int level)
{
    (void)opaque;
    (void)pirq;
    (void)level;
}
static int map_irq(PCIDevice *pci, int pin)
{
    (void)pci;
    return pin;
}

static void setup(void)
{
    if (!vga) {
        memory_init();
        memory_region_init(&pci_mem, "pci", 1ULL << 32);
        memory_region_add_subregion(get_system_memory(), 0, &pci_mem);
        bus = pci_bus_new(&pci_mem, get_system_io(), no_irq, map_irq, NULL);
        vga = device_create(&vga_pci_type);
    }
    vga->type->reset(vga);
    uint8_t devfn = ((PCIDevice *)vga)->devfn;
    pci_config_write(bus, 0, devfn, PCI_BASE_ADDRESS_0, 0xe0000000, 4);
    pci_config_write(bus, 0, devfn, PCI_BASE_ADDRESS_0 + 8, 0xfebf0000, 4);
    pci_config_write(bus, 0, devfn, PCI_COMMAND, 3, 2);
}

static uint64_t mem_r(hwaddr addr, unsigned size)
{
    return address_space_ld(&address_space_memory, addr, size);
}
static void mem_w(hwaddr addr, uint64_t value, unsigned size)
{
    address_space_st(&address_space_memory, addr, value, size);
}
static void indexed(uint16_t port, uint8_t index, uint8_t value)
{
    outw(port, index | value << 8);
}
static void attr(uint8_t index, uint8_t value)
{
    inb(0x3da);
    outb(0x3c0, index);
    outb(0x3c0, value);
}
static void dispi(uint16_t index, uint16_t value)
{
    outw(0x1ce, index);
    outw(0x1cf, value);
}
static void dac(uint8_t index, uint8_t r, uint8_t g, uint8_t b)
{
    outb(0x3c8, index);
    outb(0x3c9, r);
    outb(0x3c9, g);
    outb(0x3c9, b);
}

/* clang-format off */
/* What a video BIOS sets for its modes: misc, sequencer 1-4, CRTC, graphics, attribute mode. */
typedef struct Mode {
    uint8_t misc, seq[4], crtc[25], gr[9], attr_mode;
} Mode;

static const Mode mode3 = { 0x67,
                            { 0x00, 0x03, 0x00, 0x02 },
                            { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28,
                              0x1f, 0x96, 0xb9, 0xa3, 0xff },
                            { 0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff },
                            0x0c };
static const Mode mode4 = { 0x63,
                            { 0x09, 0x03, 0x00, 0x02 },
                            { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0x00,
                              0x96, 0xb9, 0xa2, 0xff },
                            { 0, 0, 0, 0, 0, 0x30, 0x0f, 0x0f, 0xff },
                            0x01 };
static const Mode mode12 = { 0xe3,
                             { 0x01, 0x0f, 0x00, 0x06 },
                             { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, 0x28, 0x00,
                               0xe7, 0x04, 0xe3, 0xff },
                             { 0, 0, 0, 0, 0, 0x00, 0x05, 0x0f, 0xff },
                             0x01 };
static const Mode mode13 = { 0x63,
                             { 0x01, 0x0f, 0x00, 0x0e },
                             { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x40,
                               0x96, 0xb9, 0xa3, 0xff },
                             { 0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff },
                             0x41 };

/* clang-format on */

/* Attribute i is DAC colour i, and DAC colour i is (i, 0, 63 - i). */
static void set_mode(const Mode *m)
{
    setup();
    outb(0x3c2, m->misc);
    for (int i = 0; i < 4; i++) {
        indexed(0x3c4, i + 1, m->seq[i]);
    }
    indexed(0x3c4, 0, 3);
    indexed(0x3d4, 0x11, 0);
    for (int i = 0; i < 25; i++) {
        indexed(0x3d4, i, m->crtc[i]);
    }
    for (int i = 0; i < 9; i++) {
        indexed(0x3ce, i, m->gr[i]);
    }
    for (int i = 0; i < 16; i++) {
        attr(i, i);
    }
    attr(0x10, m->attr_mode);
    attr(0x12, 0x0f);
    attr(0x13, m == &mode3 ? 8 : 0);
    outb(0x3c0, 0x20);
    for (int i = 0; i < 64; i++) {
        dac(i, i, 0, 63 - i);
    }
    for (int i = 0; i < 0x40000; i += 8) {
        mem_w(0xe0000000 + i, 0, 8);
    }
}

static uint32_t color(int i)
{
    uint32_t r = i << 2 | i >> 4, b = (63 - i) << 2 | (63 - i) >> 4;
    return r << 16 | b;
}

static void draw(int width, int height)
{
    graphic_console_update(&surface);
    g_assert_cmpint(surface.width, ==, width);
    g_assert_cmpint(surface.height, ==, height);
}

#define expect_pixel(x, y, rgb) g_assert_cmphex(surface.pixels[(y)*surface.width + (x)], ==, rgb)

static void test_registers(void)
{
    set_mode(&mode3);
    g_assert_cmphex(inb(0x3cc), ==, 0x67);
    outb(0x3d4, 0x11);
    g_assert_cmphex(inb(0x3d5), ==, 0x8e);
    indexed(0x3d4, 0x01, 0x11); /* protected */
    outb(0x3d4, 0x01);
    g_assert_cmphex(inb(0x3d5), ==, 0x4f);
    g_assert_cmphex(inb(0x3b5), ==, 0xff); /* monochrome address: not selected */
    inb(0x3da);
    outb(0x3c0, 0x30);
    g_assert_cmphex(inb(0x3c1), ==, 0x0c);
    outb(0x3c7, 5);
    g_assert_cmphex(inb(0x3c7), ==, 3);
    g_assert_cmpint(inb(0x3c9), ==, 5);
    g_assert_cmpint(inb(0x3c9), ==, 0);
    g_assert_cmpint(inb(0x3c9), ==, 58);
    g_assert_cmpint(inb(0x3c9), ==, 6);
    check_state_goes_round(vga);
    g_assert_cmpint(inb(0x3c9), ==, 0);
}

static void test_text(void)
{
    set_mode(&mode3);
    /* font: 'A' (41h) has 81h in its first line; 0xc4 has ff in line 7 */
    indexed(0x3c4, 2, 4);
    indexed(0x3c4, 4, 7);
    indexed(0x3ce, 4, 2);
    indexed(0x3ce, 5, 0);
    indexed(0x3ce, 6, 4);
    mem_w(0xa0000 + 0x41 * 32, 0x81, 1);
    mem_w(0xa0000 + 0xc4 * 32 + 7, 0xff, 1);
    indexed(0x3c4, 2, 3);
    indexed(0x3c4, 4, 2);
    indexed(0x3ce, 4, 0);
    indexed(0x3ce, 5, 0x10);
    indexed(0x3ce, 6, 0x0e);
    for (int i = 0; i < 80 * 25; i++) {
        mem_w(0xb8000 + 2 * i, 0x0720, 2);
    }
    const char *hello = "Hello A";
    for (int i = 0; hello[i]; i++) {
        mem_w(0xb8000 + 2 * i, hello[i], 1);
    }
    mem_w(0xb8000 + 160, 0x1cc4, 2);
    mem_w(0xb8000 + 162, 0x9cc4, 2);
    g_assert_cmphex(mem_r(0xb8000, 2), ==, 0x0748);
    char *text = graphic_console_text();
    g_assert_true(g_str_has_prefix(text, "Hello A   "));
    g_assert_cmpint(g_utf8_strlen(text, -1), ==, 81 * 25);
    g_assert_nonnull(strstr(text, "\n\xe2\x94\x80\xe2\x94\x80 "));
    g_free(text);
    indexed(0x3d4, 0x0f, 10); /* cursor at column 10 */
    draw(720, 400);
    expect_pixel(6 * 9, 0, color(7)); /* A */
    expect_pixel(6 * 9 + 1, 0, color(0));
    expect_pixel(6 * 9 + 7, 0, color(7));
    expect_pixel(6 * 9 + 8, 0, color(0));
    expect_pixel(8, 16 + 7, color(12)); /* line graphics join in the ninth dot */
    expect_pixel(8, 16 + 8, color(1));
    expect_pixel(9, 16 + 8, color(1)); /* bit 7 blinks: same background */
    expect_pixel(10 * 9, 13, color(7));
    expect_pixel(10 * 9, 12, color(0));
    attr(0x10, 0x04); /* bit 7 is background intensity now */
    outb(0x3c0, 0x20);
    draw(720, 400);
    expect_pixel(9, 16 + 8, color(9));
    indexed(0x3d4, 0x0d, 80); /* start one line further down */
    text = graphic_console_text();
    g_assert_true(g_str_has_prefix(text, "\xe2\x94\x80"));
    g_free(text);
    inb(0x3da);
    outb(0x3c0, 0); /* blank */
    draw(720, 400);
    expect_pixel(8, 16 + 7, 0);
}

static void test_planar_write_modes(void)
{
    set_mode(&mode12);
    g_assert_null(graphic_console_text());
    indexed(0x3c4, 2, 5); /* planes 0 and 2 */
    mem_w(0xa0000, 0xf0, 1);
    g_assert_cmphex(mem_r(0xe0000000, 4), ==, 0x00f000f0);
    indexed(0x3c4, 2, 15);
    indexed(0x3ce, 0, 0x0a); /* set/reset on planes 1 and 3 */
    indexed(0x3ce, 1, 0x0e);
    mem_w(0xa0001, 0x3c, 1);
    g_assert_cmphex(mem_r(0xe0000004, 4), ==, 0xff00ff3c);
    indexed(0x3ce, 1, 0);
    mem_r(0xa0001, 1); /* latch */
    indexed(0x3ce, 8, 0x0f);
    mem_w(0xa0001, 0x00, 1); /* bit mask: upper half from the latch */
    g_assert_cmphex(mem_r(0xe0000004, 4), ==, 0xf000f030);
    indexed(0x3ce, 8, 0xff);
    indexed(0x3ce, 3, 0x18 | 4); /* rotate by 4, xor */
    mem_r(0xa0001, 1);
    mem_w(0xa0001, 0x1f, 1); /* f1 */
    g_assert_cmphex(mem_r(0xe0000004, 4), ==, 0x01f101c1);
    indexed(0x3ce, 3, 0x08); /* and */
    mem_r(0xa0001, 1);
    mem_w(0xa0001, 0xf0, 1);
    g_assert_cmphex(mem_r(0xe0000004, 4), ==, 0x00f000c0);
    indexed(0x3ce, 3, 0x10); /* or */
    mem_r(0xa0001, 1);
    mem_w(0xa0001, 0x01, 1);
    g_assert_cmphex(mem_r(0xe0000004, 4), ==, 0x01f101c1);
    indexed(0x3ce, 3, 0);
    indexed(0x3ce, 5, 1); /* write mode 1: latches to another place */
    mem_r(0xa0001, 1);
    uint8_t seen = 0;
    g_assert_true(address_space_peek(&address_space_memory, 0xa0200, &seen, 1)); /* who only looks loads no latch */
    mem_w(0xa0100, 0x55, 1);
    g_assert_cmphex(mem_r(0xe0000400, 4), ==, 0x01f101c1);
    indexed(0x3ce, 5, 2); /* write mode 2: a colour under a mask */
    indexed(0x3ce, 8, 0x81);
    mem_r(0xa0200, 1);
    mem_w(0xa0200, 0x09, 1);
    g_assert_cmphex(mem_r(0xe0000800, 4), ==, 0x81000081);
    indexed(0x3ce, 5, 3); /* write mode 3: data is the mask, set/reset the colour */
    indexed(0x3ce, 8, 0xff);
    indexed(0x3ce, 0, 0x02);
    mem_r(0xa0200, 1);
    mem_w(0xa0200, 0x18, 1);
    g_assert_cmphex(mem_r(0xe0000800, 4), ==, 0x81001881);
    indexed(0x3ce, 5, 8); /* read mode 1: which pixels have colour 9? */
    indexed(0x3ce, 2, 9);
    g_assert_cmphex(mem_r(0xa0200, 1), ==, 0x81);
    indexed(0x3ce, 7, 6); /* only planes 1 and 2 count */
    g_assert_cmphex(mem_r(0xa0200, 1), ==, 0xe7);
    indexed(0x3ce, 5, 0);
    indexed(0x3ce, 4, 3);
    g_assert_cmphex(mem_r(0xa0200, 1), ==, 0x81);
    draw(640, 480);
    expect_pixel(0, 0, color(5));
    expect_pixel(3, 0, color(5));
    expect_pixel(4, 0, color(0));
    g_assert_cmphex(mem_r(0xb8000, 1), ==, 0xff); /* outside the 64 KiB window */
}

static void test_split_and_pan(void)
{
    set_mode(&mode12);
    mem_w(0xa0000, 0x80, 1);        /* a dot at address 0 */
    mem_w(0xa0000 + 8000, 0x40, 1); /* and one at address 8000 */
    indexed(0x3d4, 0x0c, 8000 >> 8);
    indexed(0x3d4, 0x0d, 8000 & 0xff);
    attr(0x13, 1);
    outb(0x3c0, 0x20);
    indexed(0x3d4, 0x18, 100); /* split after line 100 */
    indexed(0x3d4, 0x11, 0x0c);
    indexed(0x3d4, 0x07, 0x2e);
    indexed(0x3d4, 0x09, 0x00);
    draw(640, 480);
    expect_pixel(0, 0, color(15));
    expect_pixel(1, 0, color(0));
    expect_pixel(0, 101, color(0)); /* panned out of sight */
    attr(0x10, 0x21);
    outb(0x3c0, 0x20);
    draw(640, 480);
    expect_pixel(0, 100, color(0));
    expect_pixel(0, 101, color(15));
}

static void test_mode13(void)
{
    set_mode(&mode13);
    for (int i = 0; i < 320 * 200; i++) {
        mem_w(0xa0000 + i, (i % 320 + i / 320) & 63, 1);
    }
    g_assert_cmphex(mem_r(0xe0000000 + 321, 1), ==, 2);
    g_assert_cmphex(mem_r(0xa0000 + 321, 1), ==, 2);
    draw(640, 400);
    expect_pixel(0, 0, color(0));
    expect_pixel(2, 0, color(1));
    expect_pixel(3, 1, color(1));
    expect_pixel(3, 2, color(2));
    expect_pixel(639, 399, color((319 + 199) & 63));
    /* unchained (mode X): each plane has every fourth pixel */
    indexed(0x3c4, 4, 6);
    indexed(0x3d4, 0x14, 0);
    indexed(0x3d4, 0x11, 0);
    indexed(0x3d4, 0x17, 0xe3);
    indexed(0x3c4, 2, 2);
    mem_w(0xa0000, 33, 1);
    draw(640, 400);
    expect_pixel(0, 0, color(0));
    expect_pixel(2, 0, color(33));
    expect_pixel(4, 0, color(2));
    /* the straight mapping comes and goes with the registers */
    indexed(0x3c4, 2, 15);
    indexed(0x3c4, 4, 0x0e);
    mem_w(0xa0004, 0x44, 1);
    g_assert_cmphex(mem_r(0xe0000004, 1), ==, 0x44);
    indexed(0x3ce, 3, 0x18); /* xor must work in chain-4 too */
    mem_r(0xa0004, 1);
    mem_w(0xa0004, 0x11, 1);
    g_assert_cmphex(mem_r(0xe0000004, 1), ==, 0x55);
}

static void test_cga(void)
{
    set_mode(&mode4);
    mem_w(0xb8000, 0x1b, 1);          /* line 0: colours 0 1 2 3 */
    mem_w(0xb8000 + 0x2000, 0xff, 1); /* line 1 */
    mem_w(0xb8000 + 81, 0xc0, 1);     /* line 2, second byte */
    draw(640, 400);
    for (int i = 0; i < 4; i++) {
        expect_pixel(2 * i, 0, color(i));
        expect_pixel(2 * i + 1, 1, color(i));
    }
    expect_pixel(0, 2, color(3));
    expect_pixel(7, 3, color(3));
    expect_pixel(8, 2, color(0));
    expect_pixel(8, 4, color(3));
    expect_pixel(10, 4, color(0));
}

static void test_vbe(void)
{
    set_mode(&mode3);
    outw(0x1ce, 0);
    g_assert_cmphex(inw(0x1cf), ==, 0xb0c5);
    g_assert_cmphex(inw(0x1d0), ==, 0xb0c5);
    outw(0x1ce, 10);
    g_assert_cmpint(inw(0x1cf), ==, 256);
    mem_w(0xe0000000, 0x12345678, 4);
    dispi(1, 64);
    dispi(2, 32);
    dispi(3, 32);
    dispi(4, 0x41);
    g_assert_cmphex(mem_r(0xe0000000, 4), ==, 0); /* cleared */
    mem_w(0xe0000000 + (3 * 64 + 5) * 4, 0x00aabbcc, 4);
    draw(64, 32);
    expect_pixel(5, 3, 0xaabbcc);
    dispi(6, 128); /* virtual width */
    outw(0x1ce, 7);
    g_assert_cmpint(inw(0x1cf), ==, 16 * MiB / 512);
    dispi(8, 5);
    dispi(9, 1);
    mem_w(0xe0000000 + (1 * 128 + 5) * 4, 0x00010203, 4);
    draw(64, 32);
    expect_pixel(0, 0, 0x010203);
    dispi(5, 1); /* bank */
    mem_w(0xa0010, 0xdeadbeef, 4);
    g_assert_cmphex(mem_r(0xe0010010, 4), ==, 0xdeadbeef);
    g_assert_cmphex(mem_r(0xa0010, 4), ==, 0xdeadbeef);
    dispi(4, 2); /* capabilities */
    outw(0x1ce, 3);
    g_assert_cmpint(inw(0x1cf), ==, 32);
}

static void vbe_mode(int bpp)
{
    set_mode(&mode3);
    dispi(4, 0);
    dispi(1, 64);
    dispi(2, 32);
    dispi(3, bpp);
    dispi(4, 0x41);
}

static void test_vbe_depths(void)
{
    vbe_mode(8);
    mem_w(0xe0000041, 7, 1);
    draw(64, 32);
    expect_pixel(1, 1, color(7));
    dispi(4, 0x61); /* 8-bit DAC */
    dac(7, 0xfe, 0x80, 0x01);
    draw(64, 32);
    expect_pixel(1, 1, 0xfe8001);
    vbe_mode(15);
    mem_w(0xe0000002, 0x7c1f, 2);
    draw(64, 32);
    expect_pixel(1, 0, 0xff00ff);
    vbe_mode(16);
    mem_w(0xe0000002, 0x07e0, 2);
    draw(64, 32);
    expect_pixel(1, 0, 0x00ff00);
    vbe_mode(24);
    mem_w(0xe0000003, 0x123456, 4);
    draw(64, 32);
    expect_pixel(1, 0, 0x123456);
    vbe_mode(4);
    outb(0x3c4, 2);
    indexed(0x3c4, 2, 0x0f);
    indexed(0x3c4, 4, 0x06);
    indexed(0x3ce, 5, 0);
    indexed(0x3ce, 6, 5);
    mem_w(0xa0000 + 8, 0x80, 1);
    draw(64, 32);
    expect_pixel(0, 1, color(15));
    expect_pixel(1, 1, color(0));
}

/* Whatever sizes a guest asks for, the picture stays within video memory. */
static void test_vbe_limits(void)
{
    set_mode(&mode3);
    dispi(1, 16000);
    dispi(2, 12000);
    dispi(3, 32);
    dispi(4, 0x41);
    dispi(8, 0xffff);
    dispi(9, 0xffff);
    draw(16000, 16 * MiB / 64000);
    dispi(1, 16001); /* ignored */
    outw(0x1ce, 1);
    g_assert_cmpint(inw(0x1cf), ==, 16000);
    dispi(4, 0);
    for (int round = 0; round < 200; round++) { /* garbage in every register */
        for (int i = 0; i < 400; i++) {
            outb(0x3b0 + g_test_rand_int_range(0, 48), g_test_rand_int_range(0, 256));
        }
        dispi(g_test_rand_int_range(0, 12), g_test_rand_int_range(0, 65536));
        dispi(1, g_test_rand_int_range(0, 200) * 8);
        dispi(2, g_test_rand_int_range(0, 1000));
        mem_w(0xa0000 + g_test_rand_int_range(0, 0x1fff8), g_test_rand_int(), 8);
        mem_r(0xa0000 + g_test_rand_int_range(0, 0x1fff8), 8);
        graphic_console_update(&surface);
        g_free(graphic_console_text());
    }
}

static void test_mmio(void)
{
    set_mode(&mode3);
    g_assert_cmphex(mem_r(0xfebf0500, 2), ==, 0xb0c5);
    mem_w(0xfebf0502, 320, 2);
    outw(0x1ce, 1);
    g_assert_cmpint(inw(0x1cf), ==, 320);
    mem_w(0xfebf0504, 200 | 16 << 16, 4); /* two registers at once */
    outw(0x1ce, 3);
    g_assert_cmpint(inw(0x1cf), ==, 16);
    g_assert_cmphex(mem_r(0xfebf040c, 1), ==, 0x67); /* misc, 3CCh */
    mem_w(0xfebf0404, 0x0701, 2);
    g_assert_cmphex(inb(0x3c5), ==, 0x07 & 0x3d);
    g_assert_cmphex(mem_r(0xfebf0600, 4), ==, 8);
    g_assert_cmphex(mem_r(0xfebf0604, 4), ==, 0x1e1e1e1e);
}

/* 70 frames a second, and the retrace bit for two of 449 lines. */
static void test_retrace(void)
{
    set_mode(&mode3);
    int frames = 0, last = 0;
    int64_t high = 0, hidden = 0;
    for (int i = 0; i < 1000000; i += 10) {
        qemu_clock_step(10000);
        int status = inb(0x3da);
        frames += (status & 8) && !last;
        high += (status & 8) != 0;
        hidden += status & 1;
        last = status & 8;
    }
    g_assert_cmpint(frames, >=, 70);
    g_assert_cmpint(frames, <=, 71);
    g_assert_cmpint(high, >, 300);
    g_assert_cmpint(high, <, 600);
    g_assert_cmpint(hidden, >, 25000);
    g_assert_cmpint(hidden, <, 35000);
}

static void test_screendump(void)
{
    vbe_mode(32);
    mem_w(0xe0000004, 0x102030, 4);
    char *path = g_strdup_printf("%s/vga-test-%d", g_get_tmp_dir(), getpid()), *data;
    gsize len;
    g_assert_true(screendump(path, "ppm", NULL));
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpint(len, ==, strlen("P6\n64 32\n255\n") + 64 * 32 * 3);
    g_assert_cmpmem(data, 16, "P6\n64 32\n255\n\0\0\0", 16);
    g_assert_cmpmem(data + 16, 3, "\x10\x20\x30", 3);
    g_free(data);
    g_assert_true(screendump(path, "png", NULL));
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpmem(data, 8, "\x89PNG\r\n\x1a\n", 8);
    g_assert_cmpmem(data + len - 8, 4, "IEND", 4);
    g_free(data);
    Error *err = NULL;
    g_assert_false(screendump("/nonexistent/x", NULL, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "/nonexistent/x"));
    error_free(err);
    err = NULL;
    g_assert_false(screendump(path, "bmp", &err));
    error_free(err);
    g_unlink(path);
    g_free(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("vga-test");
    g_test_add_func("/vga/registers", test_registers);
    g_test_add_func("/vga/text", test_text);
    g_test_add_func("/vga/planar/write-modes", test_planar_write_modes);
    g_test_add_func("/vga/planar/split-and-pan", test_split_and_pan);
    g_test_add_func("/vga/mode13-and-x", test_mode13);
    g_test_add_func("/vga/cga", test_cga);
    g_test_add_func("/vga/vbe/linear", test_vbe);
    g_test_add_func("/vga/vbe/depths", test_vbe_depths);
    g_test_add_func("/vga/vbe/limits", test_vbe_limits);
    g_test_add_func("/vga/mmio", test_mmio);
    g_test_add_func("/vga/retrace", test_retrace);
    g_test_add_func("/vga/screendump", test_screendump);
    return g_test_run();
}
