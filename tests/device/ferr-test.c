/* LINK: hw/misc/ferr.c hw/core/device.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/option.c util/qemu-timer.c */
/* tests/device/ferr-test.c  FERR#, IRQ 13, port F0h and IGNNE#. */
#include "chips-env.h"
#include "chips-stubs.h"
#include "hw/isa/chips.h"

static Device *ferr;
static TestLine irq13;

static void start(void)
{
    ferr->type->reset(ferr);
    irq13.edges = 0;
}

static void test_error_and_acknowledge(void)
{
    start();
    ferr_set(ferr, 1);
    g_assert_cmpint(irq13.level, ==, 1);
    g_assert_false(ferr_ignne(ferr));
    ferr_set(ferr, 1);
    g_assert_cmpint(irq13.edges, ==, 1);
    outb(0xf0, 0);
    g_assert_cmpint(irq13.level, ==, 0);
    g_assert_true(ferr_ignne(ferr));
    ferr_set(ferr, 1); /* still active: no new edge */
    g_assert_cmpint(irq13.level, ==, 0);
    g_assert_true(ferr_ignne(ferr));
    ferr_set(ferr, 0);
    g_assert_false(ferr_ignne(ferr));
    ferr_set(ferr, 1);
    g_assert_cmpint(irq13.edges, ==, 2);
}

static void test_latch_outlives_error(void)
{
    start();
    ferr_set(ferr, 1);
    ferr_set(ferr, 0);
    g_assert_cmpint(irq13.level, ==, 1);
    outb(0xf0, 0xff);
    g_assert_cmpint(irq13.level, ==, 0);
    g_assert_false(ferr_ignne(ferr)); /* nothing to ignore */
    g_assert_cmphex(inb(0xf0), ==, 0xff);
}

static void test_reset_and_state(void)
{
    start();
    ferr_set(ferr, 1);
    outb(0xf0, 0);
    check_state_goes_round(ferr);
    g_assert_true(ferr_ignne(ferr));
    ferr->type->reset(ferr);
    g_assert_false(ferr_ignne(ferr));
    ferr_set(ferr, 1);
    ferr->type->reset(ferr);
    g_assert_cmpint(irq13.level, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    ferr = device_create(&ferr_type);
    ferr_connect(ferr, test_line(&irq13));
    g_test_add_func("/ferr/error-and-acknowledge", test_error_and_acknowledge);
    g_test_add_func("/ferr/latch-outlives-error", test_latch_outlives_error);
    g_test_add_func("/ferr/reset-and-state", test_reset_and_state);
    return g_test_run();
}
