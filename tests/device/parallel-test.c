/* LINK: hw/char/parallel.c hw/misc/pvpanic.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c
 * util/qemu-timer.c util/error.c util/option.c -lxxhash */
/* tests/device/parallel-test.c  The parallel port, and pvpanic. */
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"

#define LPT1 0x378

static GString *printed;
static TestLine irq;
static Device *lpt;
static int panics;

void qemu_chr_write(Chardev *chr, const void *buf, size_t len)
{
    g_assert_true(chr == (Chardev *)&printed);
    g_string_append_len(printed, buf, len);
}
bool qemu_chr_attach(Chardev *chr, const ChrFrontend *ops, Error **errp)
{
    g_assert_null(ops->receive);
    return true;
}
Chardev *qemu_chr_find(const char *id)
{
    return NULL;
}
IRQLine pc_gsi(int n)
{
    g_assert_cmpint(n, ==, 7);
    return test_line(&irq);
}
void qemu_system_guest_panicked(void)
{
    panics++;
}

static void setup(void)
{
    if (!lpt) {
        memory_init();
        printed = g_string_new(NULL);
        lpt = device_create(&isa_parallel_type);
        parallel_connect(lpt, (Chardev *)&printed, &error_fatal);
        device_create(&pvpanic_type);
    }
    device_reset_all();
    g_string_truncate(printed, 0);
}

static void print_byte(uint8_t byte, uint8_t control)
{
    g_assert_cmpuint(inb(LPT1 + 1) & 0x80, ==, 0x80); /* not busy */
    outb(LPT1, byte);
    outb(LPT1 + 2, control | 1);
    outb(LPT1 + 2, control);
}

static void test_print(void)
{
    setup();
    print_byte('o', 0x0c);
    g_assert_cmpuint(inb(LPT1 + 1), ==, 0x98); /* taken */
    g_assert_cmpuint(inb(LPT1 + 1), ==, 0xd8);
    print_byte('k', 0x0c);
    outb(LPT1 + 2, 0x09); /* the printer is being reset */
    g_assert_cmpstr(printed->str, ==, "ok");
    g_assert_cmpint(irq.level, ==, 0);
}

static void test_registers(void)
{
    setup();
    outb(LPT1, 0xaa);
    g_assert_cmpuint(inb(LPT1), ==, 0xaa);
    outb(LPT1 + 2, 0xfe);
    g_assert_cmpuint(inb(LPT1 + 2), ==, 0xde);
    outb(LPT1 + 1, 0);
    g_assert_cmpuint(inb(LPT1 + 3), ==, 0xff);
}

static void test_interrupt(void)
{
    setup();
    print_byte('x', 0x1c);
    g_assert_cmpint(irq.level, ==, 1);
    check_state_goes_round(lpt);
    g_assert_cmpint(inb(LPT1 + 1) & 0x40, ==, 0);
    g_assert_cmpint(irq.level, ==, 0);
}

static void test_pvpanic(void)
{
    setup();
    g_assert_cmpuint(inb(0x505), ==, 3);
    outb(0x505, 2);
    g_assert_cmpint(panics, ==, 0);
    outb(0x505, 1);
    g_assert_cmpint(panics, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/parallel/print", test_print);
    g_test_add_func("/parallel/registers", test_registers);
    g_test_add_func("/parallel/interrupt", test_interrupt);
    g_test_add_func("/pvpanic", test_pvpanic);
    return g_test_run();
}
