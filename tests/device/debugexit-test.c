/* LINK: hw/misc/debugexit.c hw/misc/pcspk.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c util/qemu-timer.c util/error.c util/option.c -lxxhash */
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"

static int exit_status = -1, gate2, out2;

void qemu_system_shutdown_request_code(ShutdownCause cause, int status)
{
    g_assert_cmpint(cause, ==, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    exit_status = status;
}
void i8254_set_gate2(Device *pit, int level)
{
    (void)pit;
    gate2 = level;
}
int i8254_get_out2(Device *pit)
{
    (void)pit;
    return out2;
}

static void test_exit(void)
{
    memory_init();
    device_create(&isa_debug_exit_type);
    g_assert_cmphex(inb(0x501), ==, 0);
    g_assert_cmpint(exit_status, ==, -1);
    outb(0x501, 3);
    g_assert_cmpint(exit_status, ==, 7);
    outw(0x501, 0x100);
    g_assert_cmpint(exit_status, ==, 0x01); /* of 0x201 the host keeps 8 bits */
}

static void test_exit_elsewhere(void)
{
    memory_init();
    Device *dev = device_new(&isa_debug_exit_type);
    g_assert_true(device_set_property(dev, "iobase", "0xf4", NULL));
    g_assert_true(device_set_property(dev, "iosize", "0x04", NULL));
    g_assert_true(device_realize(dev, NULL));
    address_space_st(&address_space_io, 0xf4, 0x10, 4);
    g_assert_cmpint(exit_status, ==, 0x21);
    address_space_st(&address_space_io, 0xf4, 0xc0000001, 4);
    g_assert_cmpint(exit_status, ==, 3); /* never negative: that would be none */
    Error *err = NULL;
    dev = device_new(&isa_debug_exit_type);
    g_assert_true(device_set_property(dev, "iosize", "0", NULL));
    g_assert_false(device_realize(dev, &err));
    error_free(err);
}

static void test_port61(void)
{
    memory_init();
    Device *spk = device_create(&pcspk_type), pit = { 0 };
    pcspk_connect(spk, &pit);
    outb(0x61, 0x03);
    g_assert_cmpint(gate2, ==, 1);
    g_assert_cmphex(inb(0x61) & 0x2f, ==, 0x03);
    out2 = 1;
    g_assert_cmphex(inb(0x61) & 0x2f, ==, 0x23);
    outb(0x61, 0x00);
    g_assert_cmpint(gate2, ==, 0);
    int toggles = 0, last = inb(0x61) & 0x10;
    for (int i = 0; i < 1000; i++) { /* 1 ms: the refresh bit changes every 15.085 us */
        qemu_clock_step(1000);
        int now = inb(0x61) & 0x10;
        toggles += now != last;
        last = now;
    }
    g_assert_cmpint(toggles, >=, 66);
    g_assert_cmpint(toggles, <=, 67);
    check_state_goes_round(spk);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("debugexit-test");
    g_test_add_func("/debugexit/status", test_exit);
    g_test_add_func("/debugexit/properties", test_exit_elsewhere);
    g_test_add_func("/pcspk/port61", test_port61);
    return g_test_run();
}
