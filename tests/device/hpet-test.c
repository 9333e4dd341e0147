/* LINK: hw/timer/hpet.c hw/core/device.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/option.c util/qemu-timer.c */
/* tests/device/hpet-test.c  The HPET, by its registers, its lines and the clock, tick (10 ns) by tick. */
#include "chips-env.h"
#include "chips-stubs.h"
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"

#define BASE 0xfed00000
enum { CAPS = 0, CONFIG = 0x10, STATUS = 0x20, COUNTER = 0xf0 };
#define TCONFIG(n) (0x100 + 0x20 * (n))
#define TCMP(n)    (0x108 + 0x20 * (n))
enum { LEVEL = 2, ENABLE = 4, PERIODIC = 8, SET_VALUE = 0x40, MODE32 = 0x100 };
#define ROUTE(n) ((uint64_t)(n) << 9)

static Device *hpet;
static TestLine gsi[24];
static int64_t last_edge[24]; /* tick of the last rising edge */
static int pit_inhibited, rtc_inhibited;

void i8254_inhibit_irq0(Device *dev, bool inhibit)
{
    (void)dev;
    pit_inhibited = inhibit;
}

void rtc_inhibit_irq8(Device *dev, bool inhibit)
{
    (void)dev;
    rtc_inhibited = inhibit;
}

static int64_t tick(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) / 10;
}

static void set_gsi(void *opaque, int n, int level)
{
    (void)opaque;
    if (level && !gsi[n].level) {
        last_edge[n] = tick();
    }
    test_line_set(&gsi[n], n, level);
}

IRQLine pc_gsi(int n)
{
    return irq_line(set_gsi, NULL, n);
}

static uint64_t rd(int reg)
{
    return address_space_ld(&address_space_memory, BASE + reg, 8);
}

static uint32_t rd32(int reg)
{
    return address_space_ld(&address_space_memory, BASE + reg, 4);
}

static void wr(int reg, uint64_t value)
{
    address_space_st(&address_space_memory, BASE + reg, value, 8);
}

static void wr32(int reg, uint32_t value)
{
    address_space_st(&address_space_memory, BASE + reg, value, 4);
}

static void ticks(int64_t n)
{
    qemu_clock_step(n * 10);
}

static void start(void)
{
    qemu_clock_step((10 - qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) % 10) % 10);
    hpet->type->reset(hpet);
    memset(gsi, 0, sizeof(gsi));
}

static void test_registers(void)
{
    start();
    g_assert_cmphex(rd(CAPS), ==, (10000000ull << 32) | 0x8086a201);
    g_assert_cmphex(rd32(CAPS + 4), ==, 10000000);
    g_assert_cmphex(rd(CONFIG) | rd(STATUS) | rd(COUNTER), ==, 0);
    for (int n = 0; n < 3; n++) {
        g_assert_cmphex(rd(TCONFIG(n)), ==, 0x00ff000000000030ull);
        g_assert_cmphex(rd(TCMP(n)), ==, UINT64_MAX);
        g_assert_cmphex(rd(TCMP(n) + 8), ==, 0); /* no FSB delivery */
        wr(TCONFIG(n), UINT64_MAX & ~ROUTE(31));
        g_assert_cmphex(rd(TCONFIG(n)) & 0xc1ff, ==, 0x0000017e);
    }
    wr(CAPS, 0);
    g_assert_cmphex(rd32(CAPS), ==, 0x8086a201);
    wr(CONFIG, UINT64_MAX & ~1ull);
    g_assert_cmphex(rd(CONFIG), ==, 2);
    for (int reg = TCONFIG(3); reg < 0x400; reg += 8) {
        wr(reg, UINT64_MAX);
        g_assert_cmphex(rd(reg), ==, 0);
    }
    start();
}

/* "If the value is not supported, the value read back will not match." */
static void test_route(void)
{
    start();
    wr(TCONFIG(2), ROUTE(20));
    g_assert_cmphex(rd(TCONFIG(2)) & ROUTE(31), ==, ROUTE(20));
    wr(TCONFIG(2), ROUTE(11));
    g_assert_cmphex(rd(TCONFIG(2)) & ROUTE(31), ==, ROUTE(20));
    for (int n = 16; n < 24; n++) {
        start();
        wr(TCONFIG(1), ROUTE(n) | ENABLE);
        wr(TCMP(1), 5);
        wr(CONFIG, 1);
        ticks(10);
        g_assert_cmpint(gsi[n].edges, ==, 1);
    }
}

static void test_counter(void)
{
    start();
    wr(COUNTER, 0xfffffffffull);
    ticks(100);
    g_assert_cmphex(rd(COUNTER), ==, 0xfffffffffull); /* halted */
    wr(CONFIG, 1);
    ticks(1);
    g_assert_cmphex(rd(COUNTER), ==, 0x1000000000ull);
    wr(COUNTER, 5); /* running: ignored */
    g_assert_cmphex(rd(COUNTER), ==, 0x1000000000ull);
    ticks(7);
    wr(CONFIG, 0);
    ticks(7);
    g_assert_cmphex(rd(COUNTER), ==, 0x1000000007ull);
    wr32(COUNTER, 0x11111111);
    wr32(COUNTER + 4, 0x22222222);
    g_assert_cmphex(rd(COUNTER), ==, 0x2222222211111111ull);
    g_assert_cmphex(rd32(COUNTER), ==, 0x11111111);
    g_assert_cmphex(rd32(COUNTER + 4), ==, 0x22222222);
    wr(COUNTER, UINT64_MAX);
    wr(CONFIG, 1);
    ticks(2);
    g_assert_cmphex(rd(COUNTER), ==, 1);
}

static void test_one_shot(void)
{
    start();
    wr(TCONFIG(0), ENABLE | ROUTE(16));
    wr(CONFIG, 1);
    int64_t zero = tick();
    wr(TCMP(0), 1000);
    ticks(999);
    g_assert_cmpint(gsi[16].edges, ==, 0);
    ticks(1);
    g_assert_cmpint(gsi[16].edges, ==, 1);
    g_assert_cmpint(last_edge[16] - zero, ==, 1000);
    g_assert_cmphex(rd(STATUS), ==, 0); /* edge: always 0 */
    g_assert_cmphex(rd(TCMP(0)), ==, 1000);
    ticks(1ll << 34);
    g_assert_cmpint(gsi[16].edges, ==, 1);
    wr(TCMP(0), rd(COUNTER) - 1); /* gone by */
    ticks(1ll << 34);
    g_assert_cmpint(gsi[16].edges, ==, 1);
    wr(TCMP(0), rd(COUNTER) + 1);
    ticks(1);
    g_assert_cmpint(gsi[16].edges, ==, 2);
}

/* 32 bits: once in each turn of the lower half. */
static void test_one_shot_32(void)
{
    start();
    wr(COUNTER, 0x500000000ull);
    wr(TCONFIG(1), ENABLE | MODE32 | ROUTE(17));
    g_assert_cmphex(rd(TCMP(1)), ==, 0xffffffff);
    wr(CONFIG, 1);
    int64_t zero = tick();
    wr(TCMP(1), 0x7700000010ull);
    g_assert_cmphex(rd(TCMP(1)), ==, 0x10);
    ticks(0x10);
    g_assert_cmpint(gsi[17].edges, ==, 1);
    ticks(1ll << 32);
    g_assert_cmpint(gsi[17].edges, ==, 2);
    g_assert_cmpint(last_edge[17] - zero, ==, 0x100000010ll);
    wr(TCMP(1), rd(COUNTER) - 1);
    ticks((1ll << 32) - 2);
    g_assert_cmpint(gsi[17].edges, ==, 2);
    ticks(1);
    g_assert_cmpint(gsi[17].edges, ==, 3);
}

/* The five steps of 2.3.9.2.2: one write sets first match and period. */
static void test_periodic(void)
{
    start();
    wr(COUNTER, 0);
    wr(TCONFIG(0), ENABLE | PERIODIC | SET_VALUE | ROUTE(16));
    wr(TCMP(0), 100);
    g_assert_cmphex(rd(TCONFIG(0)) & SET_VALUE, ==, 0);
    wr(CONFIG, 1);
    int64_t zero = tick();
    for (int i = 1; i <= 50; i++) {
        g_assert_cmpint(rd(TCMP(0)), ==, 100 * i);
        ticks(100);
        g_assert_cmpint(gsi[16].edges, ==, i);
        g_assert_cmpint(last_edge[16] - zero, ==, 100 * i);
    }
    wr(TCMP(0), 7); /* a new period, from the next match on */
    ticks(100 + 70);
    g_assert_cmpint(gsi[16].edges, ==, 61);
    g_assert_cmpint(rd(TCMP(0)), ==, 5100 + 77);
}

/* As Linux does it: first match, then period, in 32-bit mode. */
static void test_periodic_two_writes(void)
{
    start();
    wr(COUNTER, 0xfffffff0);
    wr(CONFIG, 3);
    wr32(TCONFIG(0), ENABLE | PERIODIC | SET_VALUE | MODE32);
    wr32(TCMP(0), 0xfffffffa);
    wr32(TCMP(0), 20);
    ticks(10);
    g_assert_cmpint(gsi[0].edges, ==, 1);
    g_assert_cmphex(rd32(TCMP(0)), ==, 0x0e); /* wraps */
    ticks(20 * 1000);
    g_assert_cmpint(gsi[0].edges, ==, 1001);
    g_assert_cmpint(gsi[0].level, ==, 1); /* the 8259 wants the line to stay */
    wr32(TCONFIG(0), ENABLE | PERIODIC | MODE32);
    g_assert_cmpint(gsi[0].edges, ==, 1001); /* writing the configuration gives no edge */
    g_assert_cmpint(gsi[0].level, ==, 1);
    wr32(TCONFIG(0), PERIODIC | MODE32);
    g_assert_cmpint(gsi[0].level, ==, 0);
    ticks(100);
    g_assert_cmpint(gsi[0].edges, ==, 1001);
}

static void test_periodic_64_by_halves(void)
{
    start();
    wr32(TCONFIG(0), ENABLE | PERIODIC | SET_VALUE | ROUTE(16));
    wr32(TCMP(0) + 4, 0);
    wr32(TCONFIG(0), ENABLE | PERIODIC | SET_VALUE | ROUTE(16));
    wr32(TCMP(0), 40);
    wr32(CONFIG, 1);
    ticks(40 * 25);
    g_assert_cmpint(gsi[16].edges, ==, 25);
}

/* Nobody watches; the comparator moves on, and is right also after more than half a turn of 32 bits. */
static void test_periodic_unwatched(void)
{
    start();
    wr(TCONFIG(0), PERIODIC | SET_VALUE | MODE32 | ROUTE(16));
    wr(TCMP(0), 1000);
    wr(CONFIG, 1);
    g_assert_cmpint(qemu_clock_deadline(QEMU_CLOCK_VIRTUAL), ==, -1);
    ticks(2999999700ll);
    g_assert_cmpint(rd(TCMP(0)), ==, 3000000000u);
    wr(TCONFIG(0), PERIODIC | ENABLE | MODE32 | ROUTE(16));
    ticks(299);
    g_assert_cmpint(gsi[16].edges, ==, 0);
    ticks(1);
    g_assert_cmpint(gsi[16].edges, ==, 1);
    wr(TCONFIG(0), PERIODIC | MODE32 | ROUTE(16));
    ticks(5500);
    wr(CONFIG, 0); /* halted in the middle of a period */
    ticks(12345);
    wr(TCONFIG(0), PERIODIC | ENABLE | MODE32 | ROUTE(16));
    wr(CONFIG, 1);
    ticks(499);
    g_assert_cmpint(gsi[16].edges, ==, 1);
    ticks(1);
    g_assert_cmpint(gsi[16].edges, ==, 2);
}

static void test_halt_and_go_on(void)
{
    start();
    wr(TCONFIG(0), ENABLE | ROUTE(16));
    wr(TCMP(0), 100);
    wr(CONFIG, 1);
    ticks(60);
    wr(CONFIG, 0);
    ticks(1000);
    g_assert_cmpint(gsi[16].edges, ==, 0);
    wr(CONFIG, 1);
    ticks(39);
    g_assert_cmpint(gsi[16].edges, ==, 0);
    ticks(1);
    g_assert_cmpint(gsi[16].edges, ==, 1);
}

static void test_level(void)
{
    start();
    wr(TCONFIG(2), ENABLE | LEVEL | PERIODIC | SET_VALUE | ROUTE(20));
    wr(TCMP(2), 100);
    wr(CONFIG, 1);
    ticks(100);
    g_assert_cmpint(gsi[20].level, ==, 1);
    g_assert_cmphex(rd(STATUS), ==, 4);
    wr(STATUS, 3); /* others' bits, and zeros, do nothing */
    wr32(STATUS + 4, 0xffffffff);
    g_assert_cmpint(gsi[20].level, ==, 1);
    wr32(STATUS, 4);
    g_assert_cmpint(gsi[20].level, ==, 0);
    g_assert_cmphex(rd(STATUS), ==, 0);
    ticks(300);
    g_assert_cmpint(gsi[20].edges, ==, 2);
    wr(TCONFIG(2), LEVEL | PERIODIC | ROUTE(20)); /* not enabled: status without line */
    g_assert_cmpint(gsi[20].level, ==, 0);
    wr(STATUS, 4);
    ticks(100);
    g_assert_cmphex(rd(STATUS), ==, 4);
    g_assert_cmpint(gsi[20].level, ==, 0);
    wr(TCONFIG(2), ENABLE | LEVEL | PERIODIC | ROUTE(21)); /* enabled, and elsewhere */
    g_assert_cmpint(gsi[20].level, ==, 0);
    g_assert_cmpint(gsi[21].level, ==, 1);
    wr(CONFIG, 0); /* halting interrupts nobody, but keeps the status */
    g_assert_cmpint(gsi[21].level, ==, 0);
    g_assert_cmphex(rd(STATUS), ==, 4);
    wr(CONFIG, 1);
    g_assert_cmpint(gsi[21].level, ==, 1);
    wr(TCONFIG(2), ENABLE | ROUTE(21)); /* edge from now on */
    g_assert_cmpint(gsi[21].level, ==, 0);
    g_assert_cmphex(rd(STATUS), ==, 0);
}

static void test_legacy(void)
{
    start();
    g_assert_false(pit_inhibited || rtc_inhibited);
    wr(TCONFIG(0), ENABLE | PERIODIC | SET_VALUE | ROUTE(16));
    wr(TCMP(0), 100);
    wr(TCONFIG(1), ENABLE | PERIODIC | SET_VALUE | ROUTE(17));
    wr(TCMP(1), 50);
    wr(TCONFIG(2), ENABLE | PERIODIC | SET_VALUE | ROUTE(18));
    wr(TCMP(2), 25);
    wr(CONFIG, 2);
    g_assert_false(pit_inhibited || rtc_inhibited); /* it takes both bits */
    wr(CONFIG, 3);
    g_assert_true(pit_inhibited && rtc_inhibited);
    ticks(1000);
    g_assert_cmpint(gsi[0].edges, ==, 10);
    g_assert_cmpint(gsi[8].edges, ==, 20);
    g_assert_cmpint(gsi[16].edges + gsi[17].edges, ==, 0);
    g_assert_cmpint(gsi[18].edges, ==, 40); /* the third goes where it is told to */
    wr(CONFIG, 1);
    g_assert_false(pit_inhibited || rtc_inhibited);
    g_assert_cmpint(gsi[0].level + gsi[8].level, ==, 0);
    ticks(1000);
    g_assert_cmpint(gsi[0].edges, ==, 10);
    g_assert_cmpint(gsi[16].edges, ==, 10);
    g_assert_cmpint(gsi[17].edges, ==, 20);
    wr(CONFIG, 3);
    wr(CONFIG, 2); /* halted: the PIT and the RTC are back */
    g_assert_false(pit_inhibited || rtc_inhibited);
    wr(CONFIG, 3);
    hpet->type->reset(hpet);
    g_assert_false(pit_inhibited || rtc_inhibited);
    g_assert_cmpint(gsi[0].level + gsi[8].level + gsi[18].level, ==, 0);
}

static void test_no_drift(void)
{
    start();
    wr(TCONFIG(0), ENABLE | PERIODIC | SET_VALUE | ROUTE(16));
    wr(TCMP(0), 99991);
    wr(CONFIG, 1);
    int64_t zero = tick();
    ticks(99991ll * 1000000);
    g_assert_cmpint(gsi[16].edges, ==, 1000000);
    g_assert_cmpint(last_edge[16] - zero, ==, 99991ll * 1000000);
}

/* ---- hostile ---- */

/* Each match is at least a tick after the one before; a late emulator merges what it missed. */
static void test_shortest_period(void)
{
    static const uint64_t periods[] = { 0, 1, 2, UINT64_MAX, UINT64_MAX / 2, 1ull << 62, 0xffffffff };
    for (size_t i = 0; i < ARRAY_SIZE(periods); i++) {
        for (int mode = 0; mode < 4; mode++) {
            start();
            wr(TCONFIG(0),
               ENABLE | PERIODIC | SET_VALUE | ROUTE(16) | (mode & 1 ? MODE32 : 0) | (mode & 2 ? LEVEL : 0));
            wr(TCMP(0), periods[i]);
            wr(CONFIG, 1);
            for (int n = 0; n < 1000; n++) {
                int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL), now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
                if (deadline < 0) {
                    break;
                }
                g_assert_cmpint(deadline, >=, now / 10 * 10 + 10);
                qemu_clock_step(MIN(deadline - now, 7));
                (void)rd(TCMP(0));
            }
            g_assert_cmpint(gsi[16].edges, <=, 1000);
        }
    }
    start();
    wr(TCONFIG(0), ENABLE | PERIODIC | SET_VALUE | ROUTE(16));
    wr(TCMP(0), 1);
    wr(CONFIG, 1);
    ticks(1000);
    g_assert_cmpint(gsi[16].edges, ==, 1000);
    start();
}

static void test_random_writes(void)
{
    static const uint64_t values[] = { 0,     1,          2,          3,    4,         0xc,       0x4c,
                                       0x14e, UINT64_MAX, 0xffffffff, 1000, INT64_MAX, 1ull << 63 };
    GRand *rand = g_rand_new_with_seed(1);
    start();
    for (int i = 0; i < 200000; i++) {
        int reg = g_rand_int_range(rand, 0, 0x170), size = 1 << g_rand_int_range(rand, 0, 4);
        uint64_t value = values[g_rand_int_range(rand, 0, ARRAY_SIZE(values))] | ROUTE(g_rand_int_range(rand, 0, 32));
        if (g_rand_boolean(rand)) {
            address_space_st(&address_space_memory, BASE + reg, value, size);
        } else {
            (void)address_space_ld(&address_space_memory, BASE + reg, size);
        }
        qemu_clock_step(g_rand_int_range(rand, 0, 300));
        int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
        g_assert_true(deadline == -1 || deadline > qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    }
    g_rand_free(rand);
    start();
}

static void program_all(void)
{
    start();
    wr(TCONFIG(0), ENABLE | PERIODIC | SET_VALUE);
    wr(TCMP(0), 100);
    wr(TCONFIG(1), ENABLE | LEVEL | MODE32 | ROUTE(17));
    wr(TCMP(1), 150);
    wr(TCONFIG(2), ENABLE | LEVEL | PERIODIC | SET_VALUE | ROUTE(18));
    wr(TCMP(2), 77);
    wr(CONFIG, 3);
    ticks(333);
}

static void test_state(void)
{
    program_all();
    check_state_goes_round(hpet);
    program_all();
    wr(CONFIG, 0);
    check_state_goes_round(hpet);
}

static void test_hostile_state(void)
{
    GByteArray *state = g_byte_array_new();
    program_all();
    vmstate_save_object(state, hpet->type->vmsd, hpet);
    for (guint i = 0; i < state->len; i++) {
        for (int v = 0; v < 256; v += 51) {
            guint8 old = state->data[i];
            Error *err = NULL;
            state->data[i] = v;
            start();
            if (vmstate_load_object(state->data, state->len, hpet->type->vmsd, hpet, &err)) {
                ticks(1000);
                for (int reg = 0; reg < 0x180; reg += 8) {
                    (void)rd(reg);
                }
                wr(CONFIG, 0);
                wr(CONFIG, 1);
                ticks(1000);
            }
            error_free(err);
            state->data[i] = old;
        }
    }
    g_byte_array_unref(state);
    start();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    hpet = device_create(&hpet_type);
    hpet_connect(hpet, NULL, NULL);
    g_test_add_func("/hpet/registers", test_registers);
    g_test_add_func("/hpet/route", test_route);
    g_test_add_func("/hpet/counter", test_counter);
    g_test_add_func("/hpet/one-shot/64", test_one_shot);
    g_test_add_func("/hpet/one-shot/32", test_one_shot_32);
    g_test_add_func("/hpet/periodic/one-write", test_periodic);
    g_test_add_func("/hpet/periodic/two-writes", test_periodic_two_writes);
    g_test_add_func("/hpet/periodic/halves", test_periodic_64_by_halves);
    g_test_add_func("/hpet/periodic/unwatched", test_periodic_unwatched);
    g_test_add_func("/hpet/periodic/no-drift", test_no_drift);
    g_test_add_func("/hpet/halt", test_halt_and_go_on);
    g_test_add_func("/hpet/level", test_level);
    g_test_add_func("/hpet/legacy", test_legacy);
    g_test_add_func("/hpet/state", test_state);
    g_test_add_func("/hpet/hostile/period", test_shortest_period);
    g_test_add_func("/hpet/hostile/random", test_random_writes);
    g_test_add_func("/hpet/hostile/state", test_hostile_state);
    return g_test_run();
}
