/* LINK: util/rng.c util/error.c util/qemu-timer.c migration/vmstate.c -lxxhash */
/* tests/unit/test-rng.c  The machine's randomness: a function of the seed, and part of the machine's state. */
#include "migration/vmstate.h"
#include "util/main-loop.h"
#include "util/rng.h"

void qemu_notify_event(void)
{
}

static void start(uint64_t seed)
{
    vmstate_unregister_all();
    guest_rng_init(seed);
}

/* SplitMix64 from 0 and then xoshiro256**, worked out apart from util/rng.c. */
static void test_known(void)
{
    start(0);
    g_assert_cmphex(guest_random(), ==, 0x99ec5f36cb75f2b4);
    g_assert_cmphex(guest_random(), ==, 0xbf6e1f784956452a);
    g_assert_cmphex(guest_random(), ==, 0x1a5f849d4933e6e0);
}

static void test_repeats(void)
{
    uint64_t first[100];
    start(42);
    for (unsigned i = 0; i < G_N_ELEMENTS(first); i++) {
        first[i] = guest_random();
    }
    start(42);
    for (unsigned i = 0; i < G_N_ELEMENTS(first); i++) {
        g_assert_cmphex(guest_random(), ==, first[i]);
    }
    start(43);
    g_assert_cmphex(guest_random(), !=, first[0]);
}

static void test_bytes(void)
{
    uint8_t bytes[11];
    start(7);
    uint64_t a = guest_random(), b = guest_random();
    start(7);
    guest_random_bytes(bytes, sizeof(bytes));
    g_assert_cmpmem(bytes, 8, &a, 8);
    g_assert_cmpmem(bytes + 8, 3, &b, 3);
}

static void test_saved(void)
{
    start(1);
    guest_random();
    g_autoptr(GByteArray) saved = g_byte_array_new();
    vmstate_save_all(saved);
    uint64_t next = guest_random();
    guest_random();
    Error *err = NULL;
    g_assert_true(vmstate_load_all(saved->data, saved->len, &err));
    g_assert_cmphex(guest_random(), ==, next);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rng/known", test_known);
    g_test_add_func("/rng/repeats", test_repeats);
    g_test_add_func("/rng/bytes", test_bytes);
    g_test_add_func("/rng/saved", test_saved);
    return g_test_run();
}
