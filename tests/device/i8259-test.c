/* LINK: hw/intc/i8259.c hw/core/device.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/option.c util/qemu-timer.c */
/* tests/device/i8259-test.c  The two interrupt controllers, by port and by line. */
#include "exec/memory.h"
#include "hw/intc/intc.h"
#include "util/main-loop.h"

void qemu_notify_event(void)
{
}

static Device *pic;
static int intr, intr_edges;

static void on_intr(void *opaque, int n, int level)
{
    (void)opaque, (void)n;
    intr_edges += level && !intr;
    intr = level;
}

static void out(uint16_t port, uint8_t value)
{
    address_space_st(&address_space_io, port, value, 1);
}

static uint8_t in(uint16_t port)
{
    return address_space_ld(&address_space_io, port, 1);
}

static void irq(int n, int level)
{
    i8259_set_irq(pic, n, level);
}

static void init_chip(uint16_t port, uint8_t base, uint8_t icw3, uint8_t icw4)
{
    out(port, 0x11);
    out(port + 1, base);
    out(port + 1, icw3);
    out(port + 1, icw4);
}

/* Lines low, both chips as a BIOS programs them, nothing masked. */
static void start(void)
{
    for (int n = 0; n < 16; n++) {
        irq(n, 0);
    }
    pic->type->reset(pic);
    init_chip(0x20, 0x08, 0x04, 0x01);
    init_chip(0xa0, 0x70, 0x02, 0x01);
    intr_edges = 0;
}

static int inta(void)
{
    g_assert_true(intr);
    return i8259_read_irq(pic);
}

static uint8_t isr(uint16_t port)
{
    out(port, 0x0b);
    return in(port);
}

static uint8_t irr(uint16_t port)
{
    out(port, 0x0a);
    return in(port);
}

static void test_reset(void)
{
    start();
    out(0x21, 0x55);
    out(0x4d0, 0xff);
    irq(5, 1);
    pic->type->reset(pic);
    g_assert_cmphex(in(0x21), ==, 0);
    g_assert_cmphex(in(0x4d0), ==, 0);
    g_assert_cmphex(irr(0x20), ==, 0);
    g_assert_false(intr);
}

static void test_vectors(void)
{
    for (int n = 0; n < 16; n++) {
        if (n == 2) {
            continue;
        }
        start();
        irq(n, 1);
        g_assert_true(i8259_pending(pic));
        g_assert_cmphex(inta(), ==, n < 8 ? 0x08 + n : 0x70 + n - 8);
        g_assert_false(intr);
        g_assert_cmphex(isr(0x20), ==, n < 8 ? 1 << n : 4);
        g_assert_cmphex(isr(0xa0), ==, n < 8 ? 0 : 1 << (n - 8));
    }
}

static void test_init_words(void)
{
    start();
    out(0x20, 0x10); /* neither ICW4 nor cascade: ICW3 follows only when SNGL is clear */
    out(0x21, 0x47);
    out(0x21, 0x04);
    out(0x21, 0xa5); /* OCW1 already */
    g_assert_cmphex(in(0x21), ==, 0xa5);
    out(0x20, 0x12);
    g_assert_cmphex(in(0x21), ==, 0);
    out(0x21, 0x47);
    out(0x21, 0xfe);
    g_assert_cmphex(in(0x21), ==, 0xfe);
    irq(0, 1);
    g_assert_cmphex(inta(), ==, 0x40); /* low bits of ICW2 do not count */
}

static void test_edge(void)
{
    start();
    irq(3, 1);
    g_assert_cmphex(inta(), ==, 0x0b);
    out(0x20, 0x20);
    irq(3, 1); /* still high: no edge */
    g_assert_false(intr);
    irq(3, 0);
    irq(3, 1);
    g_assert_true(intr);
    irq(3, 0); /* gone before INTA */
    g_assert_false(intr);
    g_assert_cmphex(irr(0x20), ==, 0);
    irq(3, 1);
    out(0x20, 0x11); /* ICW1 resets the edge circuit */
    g_assert_cmphex(irr(0x20), ==, 0);
}

static void test_level(void)
{
    start();
    out(0x4d1, 0x08);
    irq(11, 1);
    g_assert_cmphex(inta(), ==, 0x73);
    g_assert_cmphex(irr(0xa0), ==, 0x08);
    g_assert_false(intr);
    out(0xa0, 0x63);
    out(0x20, 0x62);
    g_assert_true(intr); /* line still high */
    g_assert_cmphex(inta(), ==, 0x73);
    irq(11, 0);
    out(0xa0, 0x63);
    out(0x20, 0x62);
    g_assert_false(intr);
}

static void test_elcr_mask(void)
{
    start();
    out(0x4d0, 0xff);
    out(0x4d1, 0xff);
    g_assert_cmphex(in(0x4d0), ==, 0xf8);
    g_assert_cmphex(in(0x4d1), ==, 0xde);
    g_assert_cmphex(address_space_ld(&address_space_io, 0x4d0, 2), ==, 0xdef8);
}

static void test_mask(void)
{
    start();
    out(0x21, 0x02);
    irq(1, 1);
    g_assert_false(intr);
    g_assert_cmphex(irr(0x20), ==, 2);
    out(0x21, 0);
    g_assert_true(intr);
    out(0x21, 0xff);
    g_assert_false(intr);
}

static void test_nesting(void)
{
    start();
    irq(5, 1);
    g_assert_cmphex(inta(), ==, 0x0d);
    irq(6, 1);
    g_assert_false(intr); /* lower waits */
    irq(1, 1);
    g_assert_cmphex(inta(), ==, 0x09); /* higher nests */
    g_assert_cmphex(isr(0x20), ==, 0x22);
    out(0x20, 0x20); /* non-specific: the higher */
    g_assert_cmphex(isr(0x20), ==, 0x20);
    g_assert_false(intr);
    out(0x20, 0x20);
    g_assert_cmphex(inta(), ==, 0x0e);
}

static void test_cascade_nesting(void)
{
    start();
    irq(12, 1);
    g_assert_cmphex(inta(), ==, 0x74);
    irq(8, 1);
    g_assert_false(intr); /* the master's IR2 is in service */
    out(0x20, 0x20);
    g_assert_cmphex(inta(), ==, 0x70);
    start();
    init_chip(0x20, 0x08, 0x04, 0x11); /* special fully nested */
    irq(12, 1);
    g_assert_cmphex(inta(), ==, 0x74);
    irq(13, 1);
    g_assert_false(intr);
    irq(8, 1);
    g_assert_cmphex(inta(), ==, 0x70);
    out(0xa0, 0x20);
    g_assert_cmphex(isr(0xa0), ==, 0x10); /* software looks here before it ends the master's */
}

static void test_aeoi(void)
{
    start();
    init_chip(0x20, 0x08, 0x04, 0x03);
    init_chip(0xa0, 0x70, 0x02, 0x03);
    irq(8, 1);
    irq(9, 1);
    g_assert_cmphex(inta(), ==, 0x70);
    g_assert_cmphex(isr(0x20) | isr(0xa0), ==, 0);
    g_assert_cmphex(inta(), ==, 0x71); /* needs a new edge on IR2 */
    g_assert_false(intr);
    out(0x20, 0x80); /* rotate in AEOI */
    irq(0, 1);
    irq(1, 1);
    g_assert_cmphex(inta(), ==, 0x08);
    irq(0, 0);
    irq(0, 1);
    g_assert_cmphex(inta(), ==, 0x09); /* 0 is lowest now */
    out(0x20, 0x00);
    g_assert_cmphex(inta(), ==, 0x08);
}

static void test_rotate(void)
{
    start();
    out(0x20, 0xc4); /* IR4 lowest: IR5 first */
    irq(1, 1);
    irq(5, 1);
    irq(4, 1);
    g_assert_cmphex(inta(), ==, 0x0d);
    out(0x20, 0xa0); /* rotate on non-specific EOI: IR6 first */
    g_assert_cmphex(isr(0x20), ==, 0);
    g_assert_cmphex(inta(), ==, 0x09);
    out(0x20, 0xe1); /* rotate on specific EOI: IR2 first */
    g_assert_cmphex(inta(), ==, 0x0c);
    irq(1, 0);
    irq(1, 1);
    g_assert_false(intr);
    irq(3, 1);
    g_assert_cmphex(inta(), ==, 0x0b);
    out(0x20, 0x40); /* no operation */
    g_assert_cmphex(isr(0x20), ==, 0x18);
    out(0x20, 0x64); /* specific, not the highest */
    g_assert_cmphex(isr(0x20), ==, 0x08);
}

static void test_special_mask(void)
{
    start();
    irq(2 + 1, 1);
    g_assert_cmphex(inta(), ==, 0x0b);
    out(0x21, 0x08);
    irq(6, 1);
    g_assert_false(intr);
    out(0x20, 0x68);
    g_assert_cmphex(inta(), ==, 0x0e);
    out(0x20, 0x20); /* spares the masked one */
    g_assert_cmphex(isr(0x20), ==, 0x08);
    out(0x20, 0x20);
    g_assert_cmphex(isr(0x20), ==, 0x08);
    out(0x20, 0x48);
    out(0x20, 0x20);
    g_assert_cmphex(isr(0x20), ==, 0);
}

static void test_poll(void)
{
    start();
    irq(4, 1);
    out(0x20, 0x0c);
    g_assert_cmphex(in(0x20), ==, 0x84);
    g_assert_cmphex(isr(0x20), ==, 0x10);
    g_assert_false(intr);
    out(0x20, 0x0c);
    g_assert_cmphex(in(0x21) & 0x80, ==, 0);
    g_assert_cmphex(in(0x21), ==, 0); /* IMR again */
    irq(14, 1);
    out(0x20, 0x20);
    out(0x20, 0x0c);
    g_assert_cmphex(in(0x20), ==, 0x82);
    out(0xa0, 0x0c);
    g_assert_cmphex(in(0xa0), ==, 0x86);
    g_assert_cmphex(isr(0xa0), ==, 0x40);
}

static void test_spurious(void)
{
    start();
    g_assert_cmphex(i8259_read_irq(pic), ==, 0x0f);
    g_assert_cmphex(isr(0x20), ==, 0);
    irq(10, 1);
    irq(10, 0);
    g_assert_false(intr);
    g_assert_cmphex(i8259_read_irq(pic), ==, 0x0f);
}

static void test_state(void)
{
    start();
    out(0x4d1, 0x02);
    irq(9, 1);
    out(0x20, 0xc3);
    g_autoptr(GByteArray) saved = g_byte_array_new();
    vmstate_save_object(saved, pic->type->vmsd, pic);
    uint64_t digest = vmstate_digest_object(pic->type->vmsd, pic);
    pic->type->reset(pic);
    g_assert_cmphex(vmstate_digest_object(pic->type->vmsd, pic), !=, digest);
    g_assert_true(vmstate_load_object(saved->data, saved->len, pic->type->vmsd, pic, &error_fatal));
    g_assert_cmphex(vmstate_digest_object(pic->type->vmsd, pic), ==, digest);
    g_assert_true(i8259_pending(pic));
    g_assert_cmphex(i8259_read_irq(pic), ==, 0x71);
}

static void append_line(void *opaque, const char *line)
{
    g_string_append_printf(opaque, "%s\n", line);
}

static void test_info(void)
{
    start();
    out(0x21, 0xb8);
    out(0xa1, 0x8e);
    out(0x4d1, 0x0c);
    g_autoptr(GString) text = g_string_new("");
    i8259_info(pic, append_line, text);
    g_assert_cmpstr(text->str, ==,
                    "pic1: irr=00 imr=8e isr=00 hprio=0 irq_base=70 rr_sel=0 elcr=0c fnm=0\n"
                    "pic0: irr=00 imr=b8 isr=00 hprio=0 irq_base=08 rr_sel=0 elcr=00 fnm=0\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    pic = device_create(&i8259_type);
    i8259_connect(pic, irq_line(on_intr, NULL, 0));
    g_test_add_func("/i8259/reset", test_reset);
    g_test_add_func("/i8259/vectors", test_vectors);
    g_test_add_func("/i8259/init-words", test_init_words);
    g_test_add_func("/i8259/edge", test_edge);
    g_test_add_func("/i8259/level", test_level);
    g_test_add_func("/i8259/elcr-mask", test_elcr_mask);
    g_test_add_func("/i8259/mask", test_mask);
    g_test_add_func("/i8259/nesting", test_nesting);
    g_test_add_func("/i8259/cascade-nesting", test_cascade_nesting);
    g_test_add_func("/i8259/auto-eoi", test_aeoi);
    g_test_add_func("/i8259/rotate", test_rotate);
    g_test_add_func("/i8259/special-mask", test_special_mask);
    g_test_add_func("/i8259/poll", test_poll);
    g_test_add_func("/i8259/spurious", test_spurious);
    g_test_add_func("/i8259/state", test_state);
    g_test_add_func("/i8259/info", test_info);
    return g_test_run();
}
