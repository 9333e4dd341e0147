/* LINK: hw/timer/i8254.c hw/core/device.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/option.c util/qemu-timer.c */
/* tests/device/i8254-test.c  The interval timer, by port, by its wires and by the clock, pulse by pulse. */
#include "chips-env.h"
#include "chips-stubs.h"
#include "hw/isa/chips.h"

#define HZ 1193182

static Device *pit;
static int64_t origin; /* the pulse at which a test began */
static int irq_level;
static int64_t rises[64], falls[64]; /* ns of the edges of output 0 */
static int rise_count, fall_count;

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static int64_t pulse_ns(int64_t pulse)
{
    return (int64_t)(((__int128)pulse * NANOSECONDS_PER_SECOND + HZ - 1) / HZ);
}

static void on_irq0(void *opaque, int n, int level)
{
    (void)opaque, (void)n;
    if (level && !irq_level) {
        rises[rise_count++ % 64] = now_ns();
    } else if (!level && irq_level) {
        falls[fall_count++ % 64] = now_ns();
    }
    irq_level = level;
}

/* To the first ns of pulse number `pulse` after the origin. */
static void at(int64_t pulse)
{
    int64_t target = pulse_ns(origin + pulse);
    g_assert_cmpint(target, >=, now_ns());
    qemu_clock_step(target - now_ns());
}

/* The next write falls into pulse 0; pulse 1 loads what was written. */
static void begin(void)
{
    origin = (int64_t)((__int128)now_ns() * HZ / NANOSECONDS_PER_SECOND) + 1;
    at(0);
    rise_count = fall_count = 0;
}

static void start(void)
{
    i8254_set_gate2(pit, 0);
    pit->type->reset(pit);
    begin();
}

static void control(int channel, int access, int mode, int bcd)
{
    outb(0x43, channel << 6 | access << 4 | mode << 1 | bcd);
}

static void write16(int channel, int count)
{
    outb(0x40 + channel, count & 0xff);
    outb(0x40 + channel, count >> 8 & 0xff);
}

static int read16(int channel)
{
    int low = inb(0x40 + channel);
    return low | inb(0x40 + channel) << 8;
}

/* A new counter in pulse 0, with its gate high. */
static void program(int channel, int mode, int count)
{
    start();
    if (channel == 2) {
        i8254_set_gate2(pit, 1);
    }
    control(channel, 3, mode, 0);
    write16(channel, count);
}

static int status(int channel)
{
    outb(0x43, 0xe0 | 2 << channel);
    return inb(0x40 + channel);
}

static int out(int channel)
{
    return status(channel) >> 7;
}

static int null_count(int channel)
{
    return status(channel) >> 6 & 1;
}

/* The output from pulse 1 on, one character per pulse. */
static void assert_output(int channel, const char *wave)
{
    for (int i = 0; wave[i]; i++) {
        at(1 + i);
        g_assert_cmpint(out(channel), ==, wave[i] - '0');
        if (channel == 2) {
            g_assert_cmpint(i8254_get_out2(pit), ==, wave[i] - '0');
        }
    }
}

static void assert_counts(int channel, const int *counts, int n)
{
    for (int i = 0; i < n; i++) {
        at(1 + i);
        g_assert_cmpint(read16(channel), ==, counts[i]);
    }
}
#define COUNTS(channel, ...) assert_counts(channel, (int[]){ __VA_ARGS__ }, ARRAY_SIZE(((int[]){ __VA_ARGS__ })))

/* ---- modes ---- */

static void test_mode0(void)
{
    program(2, 0, 4);
    g_assert_cmpint(out(2), ==, 0);
    COUNTS(2, 4, 3, 2, 1, 0, 0xffff, 0xfffe);
    program(2, 0, 4);
    assert_output(2, "000011111"); /* high N + 1 pulses after the write */
    control(2, 3, 0, 0);           /* a control word lowers it at once */
    g_assert_cmpint(out(2), ==, 0);
}

static void test_mode0_rewrite(void)
{
    program(2, 0, 4);
    at(8);
    g_assert_cmpint(out(2), ==, 1);
    outb(0x42, 3); /* the first byte stops the count and lowers the output */
    g_assert_cmpint(out(2), ==, 0);
    g_assert_cmpint(null_count(2), ==, 0);
    at(20);
    g_assert_cmpint(out(2), ==, 0);
    outb(0x43, 0x80);
    g_assert_cmpint(read16(2), ==, 0xfffd);
    outb(0x42, 0);
    g_assert_cmpint(null_count(2), ==, 0);
    g_assert_cmpint(read16(2), ==, 3);
    at(21);
    g_assert_cmpint(read16(2), ==, 3);
    at(23);
    g_assert_cmpint(out(2), ==, 0);
    at(24);
    g_assert_cmpint(out(2), ==, 1);
    start();
    i8254_set_gate2(pit, 1);
    control(2, 1, 0, 0);
    outb(0x42, 2);
    at(6);
    g_assert_cmpint(out(2), ==, 1);
    outb(0x42, 2); /* one-byte counts: lowered at once, too */
    g_assert_cmpint(out(2), ==, 0);
    at(9);
    g_assert_cmpint(out(2), ==, 1);
}

static void test_mode0_gate(void)
{
    program(2, 0, 5);
    at(3);
    i8254_set_gate2(pit, 0);
    at(10);
    g_assert_cmpint(read16(2), ==, 3);
    i8254_set_gate2(pit, 1);
    at(12);
    g_assert_cmpint(read16(2), ==, 1);
    at(13);
    g_assert_cmpint(out(2), ==, 1);

    start(); /* written while the gate is low: loaded all the same, high N pulses after the gate rose */
    control(2, 3, 0, 0);
    write16(2, 3);
    at(7);
    g_assert_cmpint(null_count(2), ==, 0);
    g_assert_cmpint(read16(2), ==, 3);
    i8254_set_gate2(pit, 1);
    at(9);
    g_assert_cmpint(out(2), ==, 0);
    at(10);
    g_assert_cmpint(out(2), ==, 1);
}

static void pulse_gate(void)
{
    i8254_set_gate2(pit, 0);
    i8254_set_gate2(pit, 1);
}

static void test_mode1(void)
{
    program(2, 1, 3);
    at(5);
    g_assert_cmpint(out(2), ==, 1);
    g_assert_cmpint(null_count(2), ==, 1); /* armed, not started */
    begin();
    pulse_gate();
    g_assert_cmpint(out(2), ==, 0);
    assert_output(2, "000111");
    begin();
    pulse_gate();
    at(2);
    pulse_gate(); /* retriggered: loaded again at pulse 3 */
    at(5);
    g_assert_cmpint(read16(2), ==, 1);
    g_assert_cmpint(out(2), ==, 0);
    at(6);
    g_assert_cmpint(out(2), ==, 1);
    at(7);
    g_assert_cmpint(read16(2), ==, 0xffff);
    begin();
    pulse_gate();
    at(1);
    write16(2, 7); /* a new count waits for the next trigger */
    g_assert_cmpint(null_count(2), ==, 1);
    at(4);
    g_assert_cmpint(out(2), ==, 1);
    pulse_gate();
    at(5);
    g_assert_cmpint(read16(2), ==, 7);
    i8254_set_gate2(pit, 0); /* the level of the gate means nothing */
    at(11);
    g_assert_cmpint(out(2), ==, 0);
    at(12);
    g_assert_cmpint(out(2), ==, 1);
}

static void test_mode1_without_count(void)
{
    start();
    control(2, 3, 1, 0);
    pulse_gate();
    at(3);
    g_assert_cmpint(out(2), ==, 1);
    g_assert_cmpint(null_count(2), ==, 1);
    (void)read16(2);
}

static void test_mode2(void)
{
    program(2, 2, 3);
    COUNTS(2, 3, 2, 1, 3, 2, 1, 3);
    program(2, 2, 3);
    assert_output(2, "1101101101");
    at(12);
    g_assert_cmpint(out(2), ==, 0);
    i8254_set_gate2(pit, 0); /* high at once, and stopped */
    g_assert_cmpint(out(2), ==, 1);
    at(40);
    g_assert_cmpint(out(2), ==, 1);
    begin();
    i8254_set_gate2(pit, 1);
    assert_output(2, "110110");
}

static void test_mode2_new_count(void)
{
    program(2, 2, 4);
    at(2);
    write16(2, 3);
    g_assert_cmpint(null_count(2), ==, 1);
    at(4);
    g_assert_cmpint(null_count(2), ==, 1);
    g_assert_cmpint(read16(2), ==, 1);
    at(5);
    g_assert_cmpint(null_count(2), ==, 0);
    g_assert_cmpint(read16(2), ==, 3);
    at(8);
    g_assert_cmpint(read16(2), ==, 3);
    write16(2, 9);
    pulse_gate(); /* a trigger takes it over at once */
    at(9);
    g_assert_cmpint(null_count(2), ==, 0);
    g_assert_cmpint(read16(2), ==, 9);
    write16(2, 2); /* and a count nobody looked at meanwhile is taken over in the past */
    begin();
    at(16);
    int v = read16(2);
    g_assert_true(v == 1 || v == 2);
}

static void test_mode3(void)
{
    program(2, 3, 4);
    COUNTS(2, 4, 2, 4, 2, 4, 2);
    program(2, 3, 4);
    assert_output(2, "110011001100");
    program(2, 3, 5);
    COUNTS(2, 4, 2, 0, 4, 2, 4, 2, 0);
    program(2, 3, 5);
    assert_output(2, "111001110011100");
    i8254_set_gate2(pit, 0);
    g_assert_cmpint(out(2), ==, 1);
    begin();
    i8254_set_gate2(pit, 1);
    assert_output(2, "1110011100");
}

static void test_mode3_new_count(void)
{
    program(2, 3, 6);
    at(2);
    write16(2, 4); /* in force from the end of the half cycle: pulse 4 */
    at(3);
    g_assert_cmpint(out(2), ==, 1);
    g_assert_cmpint(null_count(2), ==, 1);
    static const char wave[] = "0011001100";
    for (int i = 0; wave[i]; i++) {
        at(4 + i);
        g_assert_cmpint(null_count(2), ==, 0);
        g_assert_cmpint(out(2), ==, wave[i] - '0');
    }
    write16(2, 6); /* pulse 13: second low one; from pulse 14 on */
    static const char wave2[] = "111000111";
    for (int i = 0; wave2[i]; i++) {
        at(14 + i);
        g_assert_cmpint(out(2), ==, wave2[i] - '0');
    }
}

static void test_mode4(void)
{
    program(2, 4, 3);
    assert_output(2, "1110111111");
    begin();
    write16(2, 3);
    at(2);
    write16(2, 5); /* loaded at pulse 3, strobe at pulse 8 */
    for (int i = 3; i < 12; i++) {
        at(i);
        g_assert_cmpint(out(2), ==, i != 8);
    }
    begin();
    write16(2, 4);
    at(2);
    i8254_set_gate2(pit, 0);
    at(9);
    g_assert_cmpint(read16(2), ==, 3);
    i8254_set_gate2(pit, 1);
    at(11);
    g_assert_cmpint(out(2), ==, 1);
    at(12);
    g_assert_cmpint(out(2), ==, 0);
    at(13);
    g_assert_cmpint(out(2), ==, 1);
    g_assert_cmpint(read16(2), ==, 0xffff);
}

static void test_mode5(void)
{
    program(2, 5, 3);
    at(9);
    g_assert_cmpint(out(2), ==, 1);
    begin();
    pulse_gate();
    assert_output(2, "1110111");
    begin();
    pulse_gate();
    at(2);
    pulse_gate();
    at(5);
    g_assert_cmpint(out(2), ==, 1);
    at(6);
    g_assert_cmpint(out(2), ==, 0);
    at(7);
    g_assert_cmpint(out(2), ==, 1);
}

/* ---- counts ---- */

static void test_longest(void)
{
    static const int modes[] = { 0, 2, 3, 4 };
    for (int i = 0; i < 4; i++) {
        program(2, modes[i], 0);
        at(1);
        g_assert_cmpint(read16(2), ==, 0);
        at(2);
        g_assert_cmpint(read16(2), ==, modes[i] == 3 ? 0xfffe : 0xffff);
        at(1 + 32768);
        g_assert_cmpint(read16(2), ==, modes[i] == 3 ? 0 : 0x8000);
        g_assert_cmpint(out(2), ==, modes[i] != 0 && modes[i] != 3);
    }
}

static void test_count_one(void)
{
    program(2, 0, 1);
    assert_output(2, "011");
    program(2, 4, 1);
    assert_output(2, "101");
    for (int mode = 2; mode <= 3; mode++) {
        program(0, mode, 1); /* not allowed: it must cost nothing */
        assert_output(0, "1111");
        g_assert_cmpint(qemu_clock_deadline(QEMU_CLOCK_VIRTUAL), ==, -1);
        write16(0, 4);
        at(40);
        g_assert_cmpint(rise_count, >=, 7);
    }
}

static void test_bcd(void)
{
    start();
    i8254_set_gate2(pit, 1);
    control(2, 3, 0, 1);
    write16(2, 0x1001);
    COUNTS(2, 0x1001, 0x1000, 0x0999);
    begin();
    control(2, 3, 2, 1);
    write16(2, 0); /* 10000 */
    at(1);
    g_assert_cmpint(read16(2), ==, 0);
    at(2);
    g_assert_cmpint(read16(2), ==, 0x9999);
    at(10000);
    g_assert_cmpint(out(2), ==, 0);
    at(10001);
    g_assert_cmpint(out(2), ==, 1);
    g_assert_cmpint(status(2) & 0x3f, ==, 0x35);
    begin();
    control(2, 3, 0, 1);
    write16(2, 1);
    at(3);
    g_assert_cmpint(read16(2), ==, 0x9999); /* wraps in BCD, too */
    begin();
    control(2, 3, 3, 1);
    write16(2, 0xffff); /* no BCD at all */
    at(70000);
    (void)read16(2);
}

static void test_access(void)
{
    start();
    i8254_set_gate2(pit, 1);
    control(2, 1, 2, 0);
    outb(0x42, 0x80);
    at(3);
    g_assert_cmpint(inb(0x42), ==, 0x7e);
    g_assert_cmpint(inb(0x42), ==, 0x7e);
    outb(0x43, 0x80);
    at(5);
    g_assert_cmpint(inb(0x42), ==, 0x7e);
    g_assert_cmpint(inb(0x42), ==, 0x7c);
    begin();
    control(2, 2, 0, 0);
    outb(0x42, 0x12);
    at(1);
    g_assert_cmpint(inb(0x42), ==, 0x12);
    at(2);
    g_assert_cmpint(inb(0x42), ==, 0x11);
    begin();
    control(2, 3, 0, 0);
    outw(0x42, 0x0034); /* a word goes to two ports */
    outb(0x42, 0x12);
    at(1);
    g_assert_cmpint(read16(2), ==, 0x1234);
    g_assert_cmpint(inb(0x43), ==, 0xff);
}

/* ---- latches ---- */

static void test_latch(void)
{
    program(2, 0, 0x1234);
    at(1);
    outb(0x43, 0x80);
    at(100);
    outb(0x43, 0x80); /* ignored: the first is not read yet */
    g_assert_cmpint(inb(0x42), ==, 0x34);
    at(101);
    g_assert_cmpint(inb(0x42), ==, 0x12);
    g_assert_cmpint(read16(2), ==, 0x1234 - 100);
    outb(0x43, 0x80);
    control(2, 3, 0, 0); /* a control word drops what is latched */
    write16(2, 0x200);
    begin();
    at(1);
    g_assert_cmpint(read16(2), ==, 0x200 - 1);
}

static void test_read_back(void)
{
    program(2, 0, 0x1234);
    at(1);
    outb(0x43, 0xc0 | 0x0c); /* status and count of channels 1 and 2 */
    at(50);
    outb(0x43, 0xc0 | 0x08);
    g_assert_cmphex(inb(0x42), ==, 0x30); /* status first */
    g_assert_cmphex(inb(0x42), ==, 0x34);
    g_assert_cmphex(inb(0x42), ==, 0x12);
    g_assert_cmpint(read16(2), ==, 0x1234 - 49);
    g_assert_cmphex(inb(0x41) & 0x7f, ==, 0x36);
    outb(0x43, 0xd0 | 0x08); /* count only */
    at(60);
    g_assert_cmpint(read16(2), ==, 0x1234 - 49);
    outb(0x43, 0xe0 | 0x08); /* status only; the second command is ignored until the first is read */
    control(0, 3, 3, 0);
    outb(0x43, 0xe0 | 0x08);
    g_assert_cmphex(inb(0x42), ==, 0x30);
    g_assert_cmpint(read16(2), ==, 0x1234 - 59);
    outb(0x43, 0xf0 | 0x0e); /* neither */
    g_assert_cmpint(read16(2), ==, 0x1234 - 59);
}

/* "Exactly as written in the last mode control word." */
static void test_mode_aliases(void)
{
    start();
    i8254_set_gate2(pit, 1);
    control(2, 3, 6, 0);
    g_assert_cmphex(status(2), ==, 0xc0 | 0x3c);
    write16(2, 3);
    assert_output(2, "110110");
    begin();
    control(2, 3, 7, 0);
    write16(2, 4);
    assert_output(2, "11001100");
    g_assert_cmphex(status(2) & 0x3f, ==, 0x3e);
}

static void test_null_count(void)
{
    start();
    i8254_set_gate2(pit, 1);
    control(2, 3, 2, 0);
    g_assert_cmpint(null_count(2), ==, 1);
    outb(0x42, 4);
    at(4);
    g_assert_cmpint(null_count(2), ==, 1);
    outb(0x42, 0);
    g_assert_cmpint(null_count(2), ==, 0);
    g_assert_cmpint(read16(2), ==, 4); /* the next I/O cycle sees it loaded */
    outb(0x42, 9);
    outb(0x42, 0);
    g_assert_cmpint(null_count(2), ==, 0); /* it replaces what has not been counted at all */
    at(5);
    g_assert_cmpint(read16(2), ==, 9);
    outb(0x42, 3);
    outb(0x42, 0);
    g_assert_cmpint(null_count(2), ==, 1);
    at(14);
    g_assert_cmpint(null_count(2), ==, 0);
}

/* ---- IRQ 0 ---- */

static void test_irq_mode2(void)
{
    program(0, 2, 100);
    at(1001);
    g_assert_cmpint(rise_count, ==, 10);
    for (int i = 0; i < 10; i++) {
        g_assert_cmpint(rises[i], ==, pulse_ns(origin + 1 + 100 * (i + 1)));
    }
}

static void test_irq_mode3(void)
{
    program(0, 3, 101);
    at(1 + 1010);
    g_assert_cmpint(rise_count, ==, 10);
    g_assert_cmpint(fall_count, ==, 10);
    for (int i = 0; i < 10; i++) {
        g_assert_cmpint(falls[i], ==, pulse_ns(origin + 1 + 101 * i + 51));
        g_assert_cmpint(rises[i], ==, pulse_ns(origin + 1 + 101 * (i + 1)));
    }
}

static void test_irq_one_shot(void)
{
    program(0, 0, 1000);
    g_assert_cmpint(irq_level, ==, 0);
    at(5000);
    g_assert_cmpint(rise_count, ==, 1);
    g_assert_cmpint(rises[0], ==, pulse_ns(origin + 1001));
    program(0, 4, 1000);
    at(100000);
    g_assert_cmpint(rise_count, ==, 1);
    g_assert_cmpint(rises[0], ==, pulse_ns(origin + 1002)); /* the end of the strobe */
    g_assert_cmpint(qemu_clock_deadline(QEMU_CLOCK_VIRTUAL), ==, -1);
    begin();
    write16(0, 500);
    at(100);
    write16(0, 50);
    at(1000);
    g_assert_cmpint(rise_count, ==, 1);
    g_assert_cmpint(rises[0], ==, pulse_ns(origin + 100 + 52));
    begin();
    control(0, 3, 0, 0); /* mode 0 to mode 2: the output rises with the control word */
    control(0, 3, 2, 0);
    g_assert_cmpint(rise_count, ==, 1);
}

static void test_irq_new_count(void)
{
    program(0, 2, 100);
    at(50);
    write16(0, 30);
    at(1 + 100 + 90);
    g_assert_cmpint(rise_count, ==, 4);
    g_assert_cmpint(rises[0], ==, pulse_ns(origin + 101));
    g_assert_cmpint(rises[3], ==, pulse_ns(origin + 191));
    program(0, 3, 100);
    at(20); /* high until 51, then low for 15 */
    write16(0, 30);
    at(51 + 15 + 30);
    g_assert_cmpint(rise_count, ==, 2);
    g_assert_cmpint(rises[0], ==, pulse_ns(origin + 66));
    g_assert_cmpint(rises[1], ==, pulse_ns(origin + 96));
}

/* 10^6 periods; and a longest-count clock for a day. */
static void test_no_drift(void)
{
    program(0, 2, 11932);
    at(1 + 11932LL * 1000000);
    g_assert_cmpint(rise_count, ==, 1000000);
    g_assert_cmpint(rises[(rise_count - 1) % 64], ==, pulse_ns(origin + 1 + 11932LL * 1000000));
    program(0, 3, 0);
    at(1 + 65536LL * 1573040);
    g_assert_cmpint(rise_count, ==, 1573040);
    g_assert_cmpint(rises[(rise_count - 1) % 64], ==, pulse_ns(origin + 1 + 65536LL * 1573040));
}

static void test_fastest(void)
{
    program(0, 3, 2);
    at(1001);
    g_assert_cmpint(rise_count, ==, 500);
}

static void test_inhibit(void)
{
    program(0, 2, 100);
    i8254_inhibit_irq0(pit, true);
    g_assert_cmpint(irq_level, ==, 0);
    at(1010);
    g_assert_cmpint(rise_count, ==, 0);
    g_assert_cmpint(out(0), ==, 1); /* it counts on */
    i8254_inhibit_irq0(pit, true);
    control(0, 3, 0, 0);
    write16(0, 10);
    at(1050);
    g_assert_cmpint(rise_count, ==, 0);
    i8254_inhibit_irq0(pit, false);
    g_assert_cmpint(rise_count, ==, 1);
    i8254_inhibit_irq0(pit, true);
    pit->type->reset(pit); /* reset gives IRQ 0 back */
    g_assert_cmpint(irq_level, ==, 1);
}

static void test_channels_are_apart(void)
{
    program(0, 2, 100);
    control(1, 1, 2, 0);
    outb(0x41, 18);
    control(2, 3, 3, 0);
    write16(2, 1000);
    i8254_set_gate2(pit, 1);
    at(301);
    g_assert_cmpint(rise_count, ==, 3);
    g_assert_cmpint(read16(0), ==, 100);
    g_assert_cmpint(inb(0x41), ==, 18 - 300 % 18);
    g_assert_cmpint(read16(2), ==, 1000 - 600);
}

/* ---- reset, state, hostile input ---- */

static void test_reset(void)
{
    program(2, 0, 4);
    pit->type->reset(pit);
    begin();
    g_assert_cmphex(status(0) & 0x3f, ==, 0x36);
    g_assert_cmpint(i8254_get_out2(pit), ==, 1);
    int v = read16(2);
    at(1000);
    g_assert_cmpint(read16(2), ==, v); /* gate 2 is low */
    at(65536);
    g_assert_cmpint(rise_count, ==, 1); /* 18.2 Hz */
}

static void test_state(void)
{
    for (int mode = 0; mode < 6; mode++) {
        program(2, mode, 100);
        pulse_gate();
        control(0, 3, mode, 0);
        write16(0, 77);
        at(30);
        write16(2, 44);
        write16(0, 33);
        outb(0x42, 1);
        outb(0x43, 0xcc);
        check_state_goes_round(pit);
        at(500);
    }
}

/* Any byte of the state may be wrong: refused, or harmless. */
static void test_hostile_state(void)
{
    GByteArray *state = g_byte_array_new();
    program(0, 3, 100);
    at(30);
    write16(0, 33);
    vmstate_save_object(state, pit->type->vmsd, pit);
    for (guint i = 0; i < state->len; i++) {
        for (int v = 0; v < 256; v += 51) {
            guint8 old = state->data[i];
            Error *err = NULL;
            state->data[i] = v;
            pit->type->reset(pit);
            if (vmstate_load_object(state->data, state->len, pit->type->vmsd, pit, &err)) {
                qemu_clock_step(1000000);
                for (int c = 0; c < 3; c++) {
                    (void)status(c);
                    (void)read16(c);
                }
                pulse_gate();
                (void)i8254_get_out2(pit);
            }
            error_free(err);
            state->data[i] = old;
        }
    }
    g_byte_array_unref(state);
    start();
}

static void test_random_writes(void)
{
    GRand *rand = g_rand_new_with_seed(8254);
    start();
    for (int i = 0; i < 200000; i++) {
        int port = 0x40 + g_rand_int_range(rand, 0, 4), value = g_rand_int_range(rand, 0, 256);
        switch (g_rand_int_range(rand, 0, 4)) {
        case 0:
            outb(port, value);
            break;
        case 1:
            (void)inb(port);
            break;
        case 2:
            i8254_set_gate2(pit, value & 1);
            break;
        default:
            qemu_clock_step(value * 20);
        }
        int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
        g_assert_true(deadline == -1 || deadline > now_ns()); /* time can always go on */
    }
    g_rand_free(rand);
    start();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    pit = device_create(&i8254_type);
    i8254_connect(pit, irq_line(on_irq0, NULL, 0));
    pit->type->reset(pit);
    g_test_add_func("/pit/mode0/count-and-output", test_mode0);
    g_test_add_func("/pit/mode0/rewrite", test_mode0_rewrite);
    g_test_add_func("/pit/mode0/gate", test_mode0_gate);
    g_test_add_func("/pit/mode1/one-shot", test_mode1);
    g_test_add_func("/pit/mode1/trigger-without-count", test_mode1_without_count);
    g_test_add_func("/pit/mode2/count-and-output", test_mode2);
    g_test_add_func("/pit/mode2/new-count", test_mode2_new_count);
    g_test_add_func("/pit/mode3/count-and-output", test_mode3);
    g_test_add_func("/pit/mode3/new-count", test_mode3_new_count);
    g_test_add_func("/pit/mode4/strobe", test_mode4);
    g_test_add_func("/pit/mode5/strobe", test_mode5);
    g_test_add_func("/pit/count/longest", test_longest);
    g_test_add_func("/pit/count/one", test_count_one);
    g_test_add_func("/pit/count/bcd", test_bcd);
    g_test_add_func("/pit/access", test_access);
    g_test_add_func("/pit/latch", test_latch);
    g_test_add_func("/pit/read-back", test_read_back);
    g_test_add_func("/pit/mode-aliases", test_mode_aliases);
    g_test_add_func("/pit/null-count", test_null_count);
    g_test_add_func("/pit/irq0/mode2", test_irq_mode2);
    g_test_add_func("/pit/irq0/mode3", test_irq_mode3);
    g_test_add_func("/pit/irq0/one-shot", test_irq_one_shot);
    g_test_add_func("/pit/irq0/new-count", test_irq_new_count);
    g_test_add_func("/pit/irq0/no-drift", test_no_drift);
    g_test_add_func("/pit/irq0/fastest", test_fastest);
    g_test_add_func("/pit/irq0/inhibit", test_inhibit);
    g_test_add_func("/pit/channels-are-apart", test_channels_are_apart);
    g_test_add_func("/pit/reset", test_reset);
    g_test_add_func("/pit/state", test_state);
    g_test_add_func("/pit/hostile/state", test_hostile_state);
    g_test_add_func("/pit/hostile/random", test_random_writes);
    return g_test_run();
}
