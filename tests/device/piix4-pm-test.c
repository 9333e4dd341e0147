/* LINK: hw/core/memory.c hw/core/ram.c hw/core/device.c hw/pci/pci.c hw/acpi/piix4_pm.c util/error.c util/option.c util/qemu-timer.c */
/* tests/device/piix4-pm-test.c  PM timer, SCI, soft-off, power button, APM command port, SMBus. */
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"
#include "tests/device/pci-stubs.h"
#include "util/main-loop.h"
#include "util/timer.h"

void vmstate_register(const char *id, int instance, const VMStateDescription *vmsd, void *opaque)
{
    (void)id, (void)instance, (void)vmsd, (void)opaque;
}

void qemu_notify_event(void)
{
}

static int shutdowns;
static void (*press_button)(void *opaque);
static void *button_opaque;

void qemu_system_shutdown_request(ShutdownCause cause)
{
    g_assert_cmpint(cause, ==, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    shutdowns++;
}

void qemu_register_powerdown_handler(void (*fn)(void *opaque), void *opaque)
{
    press_button = fn;
    button_opaque = opaque;
}

#define BASE           0x600
#define HALF_PERIOD_NS 2343485582LL /* 2^23 / 3579545 Hz, rounded up */

static PCIBus *bus;
static int devfn, sci, smis;

static void sci_set(void *opaque, int n, int level)
{
    (void)opaque, (void)n;
    sci = level;
}

static void smi_set(void *opaque, int n, int level)
{
    (void)opaque, (void)n;
    smis += level;
}

static void outw(hwaddr port, uint16_t value)
{
    address_space_st(&address_space_io, port, value, 2);
}

static void outb(hwaddr port, uint8_t value)
{
    address_space_st(&address_space_io, port, value, 1);
}

static uint32_t in(hwaddr port, unsigned size)
{
    return address_space_ld(&address_space_io, port, size);
}

static void start(void)
{
    device_reset_all();
    pci_config_write(bus, 0, devfn, 0x40, BASE | 1, 4);
    pci_config_write(bus, 0, devfn, 0x80, 1, 1);
    shutdowns = smis = 0;
}

static void test_decode(void)
{
    start();
    g_assert_cmphex(pci_config_read(bus, 0, devfn, 0, 4), ==, 0x71138086);
    g_assert_cmphex(pci_config_read(bus, 0, devfn, 0x40, 4), ==, BASE | 1);
    g_assert_cmphex(in(BASE, 2), ==, 0);
    pci_config_write(bus, 0, devfn, 0x80, 0, 1);
    g_assert_cmphex(in(BASE, 2), ==, 0xffff);
    pci_config_write(bus, 0, devfn, 0x80, 1, 1);
    pci_config_write(bus, 0, devfn, 0x40, 0xb000, 4);
    g_assert_cmphex(in(BASE, 2), ==, 0xffff);
    g_assert_cmphex(in(0xb000, 2), ==, 0);
    device_reset_all();
    g_assert_cmphex(in(0xb000, 2), ==, 0xffff);
}

static void test_timer(void)
{
    start();
    uint32_t before = in(BASE + 8, 4);
    qemu_clock_step(NANOSECONDS_PER_SECOND);
    uint32_t ticks = (in(BASE + 8, 4) - before) & 0xffffff;
    g_assert_cmpint(abs((int)ticks - 3579545), <=, 1);
    g_assert_cmphex(in(BASE + 8, 4) >> 24, ==, 0);
}

static void test_timer_overflow(void)
{
    start();
    outw(BASE + 4, 1);
    outw(BASE + 2, 1); /* TMROF_EN */
    g_assert_cmpint(sci, ==, 0);
    qemu_clock_step(HALF_PERIOD_NS);
    g_assert_cmpint(sci, ==, 1);
    g_assert_cmphex(in(BASE, 2), ==, 1);
    outw(BASE, 1);
    g_assert_cmpint(sci, ==, 0);
    g_assert_cmphex(in(BASE, 2), ==, 0);
    qemu_clock_step(HALF_PERIOD_NS);
    g_assert_cmpint(sci, ==, 1);
    outw(BASE + 2, 0); /* disabled: status stays, SCI falls */
    g_assert_cmpint(sci, ==, 0);
    g_assert_cmphex(in(BASE, 2), ==, 1);
}

static void test_timer_exact(void)
{
    start();
    outw(BASE + 4, 1);
    outw(BASE + 2, 1);
    for (int i = 0; i < 5; i++) {
        while (!sci) {
            uint32_t ticks = in(BASE + 8, 4), left = 0x800000 - (ticks & 0x7fffff);
            qemu_clock_step(MAX((int64_t)muldiv64(left, 1000000000, 3579545) - 1000, 1));
        }
        g_assert_cmpuint(in(BASE + 8, 4) & 0x7fffff, <, 4);
        outw(BASE, 1);
    }
}

static void test_power_button(void)
{
    start();
    press_button(button_opaque);
    g_assert_cmphex(in(BASE, 2), ==, 0x100);
    g_assert_cmpint(sci, ==, 0);
    outw(BASE + 2, 0x100);
    g_assert_cmpint(sci, ==, 0); /* SCI_EN is clear */
    outb(0xb2, 0xf1);
    g_assert_cmphex(in(BASE + 4, 2), ==, 1);
    g_assert_cmpint(sci, ==, 1);
    outb(BASE + 1, 0x01); /* status, high byte alone */
    g_assert_cmpint(sci, ==, 0);
    outb(0xb2, 0xf0);
    g_assert_cmphex(in(BASE + 4, 2), ==, 0);
}

static void test_soft_off(void)
{
    start();
    outw(BASE + 4, 0x1401); /* type 5 without SUS_EN */
    outw(BASE + 4, 0x2401); /* S1: not offered */
    g_assert_cmpint(shutdowns, ==, 0);
    outw(BASE + 4, 0x2001);
    g_assert_cmpint(shutdowns, ==, 1);
    g_assert_cmphex(in(BASE + 4, 2), ==, 1);
}

static void test_smi(void)
{
    start();
    outb(0xb3, 0x5a);
    outb(0xb2, 0x12);
    g_assert_cmphex(in(0xb2, 2), ==, 0x5a12);
    g_assert_cmpint(smis, ==, 0);
    pci_config_write(bus, 0, devfn, 0x58, 1u << 25, 4);
    outb(0xb2, 0);
    g_assert_cmpint(smis, ==, 0);
    address_space_st(&address_space_io, BASE + 0x28, 1, 4);
    outb(0xb2, 0);
    g_assert_cmpint(smis, ==, 1);
}

static void test_gpe(void)
{
    start();
    outw(BASE + 0xe, 0x1234);
    g_assert_cmphex(in(BASE + 0xc, 4), ==, 0x12340000);
}

/* Without -icount the clock runs while an access is served: its bytes must still be of one moment. */
static int64_t running_ns;

static int64_t running_clock(void)
{
    return running_ns += 50;
}

static void test_timer_untorn(void)
{
    static const VirtualClockSource running = { .get_ns = running_clock };
    start();
    qemu_clock_set_virtual_source(&running);
    for (uint32_t i = 0, last = 0; i < 100000; i++) {
        uint32_t now = in(BASE + 8, 4);
        g_assert_cmpint((now - last) & 0xffffff, <=, 4);
        last = now;
    }
}

static void test_smbus(void)
{
    start();
    pci_config_write(bus, 0, devfn, 0x90, 0x701, 4);
    pci_config_write(bus, 0, devfn, 0xd2, 1, 1);
    g_assert_cmphex(in(0x700, 1), ==, 0);
    outb(0x704, 0xa1);
    outb(0x702, 0x48);
    g_assert_cmphex(in(0x700, 1), ==, 0x04); /* no response */
    g_assert_cmphex(in(0x702, 1), ==, 0x08);
    outb(0x700, 0x04);
    g_assert_cmphex(in(0x700, 1), ==, 0);
}

static void no_irq(void *opaque, int pirq, int level)
{
    (void)opaque, (void)pirq, (void)level;
}

static int map_irq(PCIDevice *pci, int pin)
{
    (void)pci;
    return pin;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    bus = pci_bus_new(get_system_memory(), get_system_io(), no_irq, map_irq, NULL);
    Device *pm = device_create(&piix4_pm_type);
    devfn = ((PCIDevice *)pm)->devfn;
    piix4_pm_connect(pm, irq_line(sci_set, NULL, 9), irq_line(smi_set, NULL, 0));
    g_test_add_func("/piix4-pm/decode", test_decode);
    g_test_add_func("/piix4-pm/timer/rate", test_timer);
    g_test_add_func("/piix4-pm/timer/overflow", test_timer_overflow);
    g_test_add_func("/piix4-pm/timer/exact", test_timer_exact);
    g_test_add_func("/piix4-pm/power-button", test_power_button);
    g_test_add_func("/piix4-pm/soft-off", test_soft_off);
    g_test_add_func("/piix4-pm/smi", test_smi);
    g_test_add_func("/piix4-pm/gpe", test_gpe);
    g_test_add_func("/piix4-pm/smbus", test_smbus);
    g_test_add_func("/piix4-pm/timer/untorn", test_timer_untorn); /* last: the clock is its own */
    return g_test_run();
}
