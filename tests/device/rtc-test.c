/* LINK: hw/rtc/mc146818rtc.c hw/core/device.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/option.c util/qemu-timer.c */
/* tests/device/rtc-test.c  The real-time clock, by port and by the clock. */
#include "chips-env.h"
#include "chips-stubs.h"
#include "hw/isa/chips.h"

enum { SEC, SEC_ALARM, MIN, MIN_ALARM, HOUR, HOUR_ALARM, DOW, DAY, MONTH, YEAR, A, B, C, D, CENTURY = 0x32 };
#define S         NANOSECONDS_PER_SECOND
#define UPDATE_NS 1984000              /* an update cycle */
#define UIP_NS    (UPDATE_NS + 244000) /* UIP before its end */
#define UF        0x10
#define AF        0x20
#define PF        0x40

static Device *rtc;
static TestLine irq8;
static const char *recorded_offset; /* what the manifest says, in replay */
static GString *properties;
static int64_t host_ns = 1234567890 * S + 250000000;
static int host_reads;

bool replay_add_property(const char *name, const char *option, const char *value, Error **errp)
{
    (void)option, (void)errp;
    g_string_append_printf(properties, "%s=%s ", name, value);
    return true;
}

const char *replay_recorded_property(const char *name)
{
    return !strcmp(name, "rtc-offset") ? recorded_offset : NULL;
}

/* ---- a settable machine ---- */

static int64_t virtual_ns;

static int64_t get_virtual(void)
{
    return virtual_ns;
}

static int64_t get_host(void)
{
    host_reads++;
    return host_ns;
}

static void step(int64_t ns)
{
    int64_t target = virtual_ns + ns;
    for (;;) {
        int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
        if (deadline < 0 || deadline > target) {
            break;
        }
        virtual_ns = MAX(virtual_ns, deadline);
        qemu_clock_run_timers(QEMU_CLOCK_VIRTUAL, virtual_ns);
    }
    virtual_ns = target;
}

static uint8_t rd(int reg)
{
    outb(0x70, reg);
    return inb(0x71);
}

static void wr(int reg, uint8_t value)
{
    outb(0x70, reg);
    outb(0x71, value);
}

/* yymmdd-hhmmss as the registers have it, in hexadecimal */
static void assert_time(uint64_t year_to_second)
{
    static const int regs[] = { CENTURY, YEAR, MONTH, DAY, HOUR, MIN, SEC };
    uint64_t v = 0;
    for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
        v = v << 8 | rd(regs[i]);
    }
    g_assert_cmphex(v, ==, year_to_second);
}

static void write_regs(uint64_t year_to_second)
{
    static const int regs[] = { SEC, MIN, HOUR, DAY, MONTH, YEAR, CENTURY };
    for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
        wr(regs[i], year_to_second >> (8 * i));
    }
}

/* Time set with format bits b, divider just released: first update ends in 501.984 ms. Flags clear. */
static void set(uint8_t b, uint64_t year_to_second)
{
    wr(B, 0x80 | b);
    wr(A, 0x76);
    write_regs(year_to_second);
    wr(B, b);
    wr(A, 0x20);
    (void)rd(C);
    irq8.edges = 0;
}
#define FIRST (S / 2 + UPDATE_NS)

/* ---- start and -rtc ---- */

static void start(void)
{
    rtc->type->reset(rtc);
    (void)rd(C);
}

static void new_clock(const char *option)
{
    Error *err = NULL;
    if (option && !rtc_configure(option, &err)) {
        g_error("%s", error_get_pretty(err));
    }
    rtc = device_create(&mc146818rtc_type);
    rtc_connect(rtc, test_line(&irq8));
    host_reads = 0;
    start();
}

static void test_host_time(void)
{
    virtual_ns = 5 * S;
    new_clock(NULL);
    g_assert_cmpint(host_reads, ==, 1);
    g_assert_nonnull(strstr(properties->str, "rtc-offset=0 "));
    g_assert_nonnull(strstr(properties->str, "rtc-base=utc "));
    assert_time(0x20090213233130);   /* 1234567890 */
    g_assert_cmphex(rd(DOW), ==, 6); /* Friday */
    step(S * 3 / 4 - 1);
    assert_time(0x20090213233130);
    step(1); /* the fraction of the host's second counts */
    assert_time(0x20090213233131);
    start(); /* reset: asked once only */
    g_assert_cmpint(host_reads, ==, 1);
}

static void test_base(void)
{
    static const struct {
        const char *option;
        uint64_t time;
        int dow;
    } cases[] = {
        { "base=2006-06-17T16:01:21", 0x20060617160121, 7 },
        { "base=2024-02-29,clock=vm", 0x20240229000000, 5 },
        { "base=1999-12-31T23:59:59,clock=rt", 0x19991231235959, 6 },
        { "base=1969-07-20T20:17:40", 0x19690720201740, 1 },
        { "base=9999-12-31T23:59:59", 0x99991231235959, 6 },
        { "base=0001-01-01T00:00:00", 0x00010101000000, 2 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_string_truncate(properties, 0);
        new_clock(cases[i].option);
        g_assert_cmpint(host_reads, ==, 0);
        assert_time(cases[i].time);
        g_assert_cmpint(rd(DOW), ==, cases[i].dow);
        step(S - 1);
        assert_time(cases[i].time);
        step(1);
        g_assert_cmphex(rd(SEC), ==, (cases[i].time & 0xff) == 0x59 ? 0 : (cases[i].time & 0xff) + 1);
    }
    g_string_truncate(properties, 0);
    new_clock("base=2020-02-02");
    g_assert_nonnull(strstr(properties->str, "rtc-base=2020-02-02T00:00:00 "));
}

static void test_bad_options(void)
{
    static const char *const bad[] = { "base=tomorrow", "base=2006-13-01", "base=2006-06-17T25:00:00",
                                       "base=",         "base=T",          "clock=sun",
                                       "bass=utc",      "base=2023-02-29" };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Error *err = NULL;
        g_assert_false(rtc_configure(bad[i], &err));
        g_assert_nonnull(err);
        error_free(err);
    }
}

/* ---- the divider chain and UIP ---- */

static void test_first_update(void)
{
    set(2, 0x20010203040506);
    step(FIRST - 1);
    assert_time(0x20010203040506);
    g_assert_cmphex(rd(C), ==, 0);
    step(1);
    assert_time(0x20010203040507);
    g_assert_cmphex(rd(C), ==, UF);
    step(S - 1);
    g_assert_cmphex(rd(C), ==, 0);
    step(1);
    g_assert_cmphex(rd(C), ==, UF);
    assert_time(0x20010203040508);
}

static void test_uip(void)
{
    set(2, 0x20010203040506);
    g_assert_cmphex(rd(A), ==, 0x20);
    step(FIRST - UIP_NS - 1);
    for (int i = 0; i < 3; i++) {
        g_assert_cmphex(rd(A), ==, 0x20);
        step(1);
        g_assert_cmphex(rd(A), ==, 0xa0);
        step(UIP_NS - 1);
        g_assert_cmphex(rd(A), ==, 0xa0);
        step(1);
        g_assert_cmphex(rd(A), ==, 0x20);
        step(S - UIP_NS - 1);
    }
    step(1);
    wr(B, 0x82); /* SET clears it */
    g_assert_cmphex(rd(A), ==, 0x20);
    wr(B, 0x02);
    g_assert_cmphex(rd(A), ==, 0xa0);
    wr(A, 0xf0); /* read only; and a divider in reset updates nothing */
    g_assert_cmphex(rd(A), ==, 0x70);
}

static void test_set(void)
{
    set(2, 0x20010203040506);
    step(FIRST);
    wr(B, 0x82);
    step(10 * S + 300000000);
    assert_time(0x20010203040507);
    write_regs(0x20051231235958);
    assert_time(0x20051231235958);
    wr(B, 0x02); /* the divider went on: 300 ms of the second are over */
    step(S - 300000000 - 1);
    assert_time(0x20051231235958);
    step(1);
    assert_time(0x20051231235959);
    step(S);
    assert_time(0x20060101000000);
}

static void test_divider_stops(void)
{
    static const uint8_t values[] = { 0x00, 0x10, 0x30, 0x40, 0x50, 0x60, 0x70 };
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        set(2, 0x20010203040506);
        wr(A, values[i] | 3);
        step(10 * S);
        assert_time(0x20010203040506);
        g_assert_cmphex(rd(C), ==, 0);
        wr(A, 0x20);
        step(FIRST);
        assert_time(0x20010203040507);
    }
}

/* Without SET the registers can be written, too; what was written is counted from. */
static void test_write_while_running(void)
{
    set(2, 0x20010203040506);
    step(FIRST + 1000);
    wr(DAY, 0x31);
    assert_time(0x20010231040507);
    wr(MONTH, 0x01); /* day first, month second: no 31 February in between */
    assert_time(0x20010131040507);
    step(S);
    assert_time(0x20010131040508);
}

/* ---- formats ---- */

static void test_bcd_24h(void)
{
    set(0x02, 0x20231231235959);
    wr(DOW, 1);
    step(FIRST);
    assert_time(0x20240101000000);
    g_assert_cmphex(rd(DOW), ==, 2);
    set(0x02, 0x20240228235959);
    wr(DOW, 7);
    step(FIRST);
    assert_time(0x20240229000000);
    g_assert_cmphex(rd(DOW), ==, 1);
    set(0x02, 0x20230228235959);
    step(FIRST);
    assert_time(0x20230301000000);
    set(0x02, 0x20000229235959);
    step(FIRST);
    assert_time(0x20000301000000);
    set(0x02, 0x21000228235959); /* not a leap year */
    step(FIRST);
    assert_time(0x21000301000000);
}

static void test_binary(void)
{
    set(0x06, 0x14170c1f173b3b);
    step(FIRST);
    assert_time(0x14180101000000);
    set(0x06, 0x13630c1f173b3b); /* 1999: the century turns */
    step(FIRST);
    assert_time(0x14000101000000);
}

static void test_12h(void)
{
    static const uint8_t next[24] = { 0x12, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x11,
                                      0x92, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x90, 0x91 };
    for (int h = 0; h < 24; h++) {
        set(0x00, 0x20010203000000 | (uint64_t)next[h] << 16 | 0x5959);
        step(FIRST);
        g_assert_cmphex(rd(HOUR), ==, next[(h + 1) % 24]);
        g_assert_cmphex(rd(DAY), ==, h == 23 ? 0x04 : 0x03);
    }
    set(0x04, 0x14010203000000 | 0x8b << 16 | 0x3b3b); /* binary, 11:59:59 pm */
    step(FIRST);
    g_assert_cmphex(rd(HOUR), ==, 0x0c);
    g_assert_cmphex(rd(DAY), ==, 4);
}

static void test_change_of_format(void)
{
    set(0x02, 0x20151121173045);
    wr(B, 0x06); /* without SET the time is converted */
    assert_time(0x140f0b15111e2d);
    wr(B, 0x04);
    g_assert_cmphex(rd(HOUR), ==, 0x85);
    wr(B, 0x00);
    assert_time(0x20151121853045);
    wr(B, 0x80); /* with SET the bytes are the guest's */
    wr(B, 0x86);
    assert_time(0x20151121853045);
    wr(B, 0x80);
    wr(B, 0x02);
}

static void test_day_of_week(void)
{
    set(2, 0x20240101000000);
    wr(DOW, 4); /* wrong, but the guest's: it only counts */
    step(FIRST + 3 * 86400 * S);
    g_assert_cmphex(rd(DOW), ==, 7);
    step(86400 * S);
    g_assert_cmphex(rd(DOW), ==, 1);
    assert_time(0x20240105000001);
}

static void test_long_run(void)
{
    set(2, 0x19990101000000);
    step(FIRST - S + 31536000 * S); /* a year, nobody looking */
    assert_time(0x20000101000000);
    g_assert_cmphex(rd(C), ==, UF | AF);
    step(31622400 * S); /* a leap year */
    assert_time(0x20010101000000);
}

/* ---- alarm ---- */

static void set_alarm(uint8_t hour, uint8_t minute, uint8_t second)
{
    wr(HOUR_ALARM, hour);
    wr(MIN_ALARM, minute);
    wr(SEC_ALARM, second);
}

static void test_alarm(void)
{
    set_alarm(0x04, 0x06, 0x10);
    set(2, 0x20010203040506);
    wr(B, 0x22);
    step(FIRST + 63 * S - 1);
    g_assert_cmpint(irq8.edges, ==, 0);
    step(1);
    g_assert_cmpint(irq8.edges, ==, 1);
    g_assert_cmpint(irq8.level, ==, 1);
    assert_time(0x20010203040610);
    g_assert_cmphex(rd(C), ==, 0x80 | AF | UF);
    g_assert_cmpint(irq8.level, ==, 0);
    step(86400 * S - 1);
    g_assert_cmpint(irq8.edges, ==, 1);
    step(1);
    g_assert_cmpint(irq8.edges, ==, 2); /* each day */
    (void)rd(C);
    wr(B, 0x02); /* flag without interrupt, found by who looks late */
    step(86400 * S * 3);
    g_assert_cmphex(rd(C), ==, AF | UF);
    step(60 * S);
    g_assert_cmphex(rd(C), ==, UF);
}

static void test_alarm_am_pm(void)
{
    set_alarm(0x85, 0x00, 0x00);
    set(0, 0x20010203045959); /* am */
    wr(B, 0x20);
    step(FIRST + S);
    g_assert_cmpint(irq8.edges, ==, 0);
    step((12 * 3600 - 2) * S);
    g_assert_cmpint(irq8.edges, ==, 0);
    step(S);
    g_assert_cmpint(irq8.edges, ==, 1);
    g_assert_cmphex(rd(HOUR), ==, 0x85);
    (void)rd(C);
    set_alarm(0x12, 0x00, 0x00); /* midnight */
    set(0, 0x20010203115959);
    wr(B, 0x20);
    step(FIRST);
    g_assert_cmphex(rd(HOUR), ==, 0x92);
    g_assert_cmpint(irq8.edges, ==, 0);
    step(12 * 3600 * S);
    g_assert_cmpint(irq8.edges, ==, 1);
    (void)rd(C);
}

static void test_alarm_dont_care(void)
{
    static const struct {
        uint8_t hour, minute, second;
        int per_day;
    } cases[] = {
        { 0xff, 0xc0, 0xff, 86400 }, { 0xff, 0xff, 0x30, 1440 }, { 0xc0, 0x15, 0x30, 24 },   { 0x07, 0x15, 0x30, 1 },
        { 0x07, 0xff, 0x30, 60 },    { 0x07, 0x15, 0xff, 60 },   { 0x07, 0xff, 0xff, 3600 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int seen = 0;
        set(2, 0x20010203225950);
        set_alarm(cases[i].hour, cases[i].minute, cases[i].second);
        wr(B, 0x22);
        for (int64_t end = virtual_ns + FIRST + 86399 * S; virtual_ns < end;) {
            int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
            g_assert_cmpint(deadline, >, virtual_ns);
            step(MIN(deadline, end) - virtual_ns);
            seen += (rd(C) & AF) != 0;
        }
        g_assert_cmpint(seen, ==, cases[i].per_day);
    }
}

static void test_alarm_impossible(void)
{
    static const uint8_t bad[][3] = { { 0x24, 0, 0 }, { 0, 0x60, 0 },       { 0, 0, 0x60 },
                                      { 0, 0, 0x0a }, { 0xbf, 0xff, 0xff }, { 0xff, 0xff, 0xbf } };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        set(2, 0x20010203225950);
        set_alarm(bad[i][0], bad[i][1], bad[i][2]);
        wr(B, 0x22);
        g_assert_cmpint(qemu_clock_deadline(QEMU_CLOCK_VIRTUAL), ==, -1);
        step(2 * 86400 * S);
        g_assert_cmphex(rd(C), ==, UF);
    }
}

/* ---- periodic and update-ended interrupts ---- */

static void test_periodic_rates(void)
{
    static const int hz[16] = { 0, 256, 128, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2 };
    for (int rate = 0; rate < 16; rate++) {
        set(2, 0x20010203040506);
        wr(A, 0x20 | rate);
        wr(B, 0x42);
        int64_t began = virtual_ns;
        int seen = 0;
        while (hz[rate] && seen < 3 * hz[rate]) {
            int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
            int64_t expect = ((2 * seen + 1) * S + 2 * hz[rate] - 1) / (2 * hz[rate]); /* rounded up */
            g_assert_cmpint(deadline - began, ==, expect);
            step(deadline - virtual_ns - 1);
            g_assert_cmpint(irq8.level, ==, 0);
            step(1);
            g_assert_cmpint(irq8.level, ==, 1);
            seen++;
            g_assert_cmphex(rd(C) & (0x80 | PF), ==, 0x80 | PF);
        }
        g_assert_cmpint(irq8.edges, ==, 3 * hz[rate]);
        if (!rate) {
            g_assert_cmpint(qemu_clock_deadline(QEMU_CLOCK_VIRTUAL), ==, -1);
            step(10 * S);
            g_assert_cmphex(rd(C), ==, UF);
        }
    }
}

/* The line stays up until register C is read; then one more edge per period. */
static void test_irq_line(void)
{
    set(2, 0x20010203040506);
    wr(A, 0x26);
    wr(B, 0x42);
    step(S);
    g_assert_cmpint(irq8.edges, ==, 1);
    g_assert_cmphex(rd(C), ==, 0x80 | PF | UF);
    g_assert_cmphex(rd(C), ==, 0);
    g_assert_cmpint(irq8.level, ==, 0);
    wr(B, 0x02);
    step(S / 1024);
    g_assert_cmphex(rd(C), ==, PF); /* the flag without the enable */
    step(S / 1024);
    wr(B, 0x42); /* enabling it with the flag set */
    g_assert_cmpint(irq8.level, ==, 1);
    wr(B, 0x02);
    g_assert_cmpint(irq8.level, ==, 0);
    g_assert_cmphex(rd(C), ==, PF);
}

static void test_update_ended(void)
{
    set(2, 0x20010203040506);
    wr(B, 0x12);
    for (int i = 0; i < 3; i++) {
        step((i ? S : FIRST) - 1);
        g_assert_cmpint(irq8.edges, ==, i);
        step(1);
        g_assert_cmpint(irq8.edges, ==, i + 1);
        g_assert_cmphex(rd(C), ==, 0x80 | UF);
        g_assert_cmphex(rd(SEC), ==, 7 + i);
    }
}

static void test_update_ended_across_set(void)
{
    set(2, 0x20010203040506);
    wr(B, 0x12);
    step(FIRST);
    g_assert_cmphex(rd(C), ==, 0x80 | UF);
    wr(B, 0x92); /* SET going high clears UIE */
    g_assert_cmphex(rd(B), ==, 0x82);
    step(5 * S);
    g_assert_cmphex(rd(C), ==, 0);
    g_assert_cmpint(qemu_clock_deadline(QEMU_CLOCK_VIRTUAL), ==, -1);
    wr(B, 0x12);
    step(S - 1);
    g_assert_cmpint(irq8.edges, ==, 1);
    step(1);
    g_assert_cmpint(irq8.edges, ==, 2);
    g_assert_cmphex(rd(SEC), ==, 8);
    (void)rd(C);
}

static void test_inhibit(void)
{
    set(2, 0x20010203040506);
    wr(A, 0x26);
    wr(B, 0x42);
    step(S);
    g_assert_cmpint(irq8.level, ==, 1);
    rtc_inhibit_irq8(rtc, true);
    g_assert_cmpint(irq8.level, ==, 0);
    g_assert_cmphex(rd(C), ==, 0x80 | PF | UF);
    step(S);
    g_assert_cmpint(irq8.edges, ==, 1);
    rtc_inhibit_irq8(rtc, false);
    g_assert_cmpint(irq8.edges, ==, 2);
    (void)rd(C);
    wr(B, 2);
}

static void test_no_drift(void)
{
    set(2, 0x20010203040506);
    wr(A, 0x26);
    wr(B, 0x42);
    int64_t began = virtual_ns;
    for (int i = 0; i < 1000000; i++) {
        step(qemu_clock_deadline(QEMU_CLOCK_VIRTUAL) - virtual_ns);
        (void)rd(C);
    }
    g_assert_cmpint(virtual_ns - began, ==, (1999999LL * S + 2047) / 2048);
    assert_time(0x20010203042123); /* 976.56 s, 977 updates */
    wr(B, 2);
}

/* ---- memory, reset, state ---- */

static void test_memory(void)
{
    rtc_set_memory(rtc, 0x3d, 0x23);
    g_assert_cmphex(rd(0x3d), ==, 0x23);
    for (int i = 0x0e; i < 128; i++) {
        wr(i, i ^ 0x55);
    }
    rtc->type->reset(rtc);
    for (int i = 0x0e; i < 128; i++) {
        g_assert_cmphex(rd(i), ==, i ^ 0x55);
        g_assert_cmphex(rd(i | 0x80), ==, i ^ 0x55); /* bit 7 masks NMI */
    }
    wr(C, 0xff);
    wr(D, 0x00);
    g_assert_cmphex(rd(D), ==, 0x80);
    g_assert_cmphex(rd(C) & 0x0f, ==, 0);
    g_assert_cmphex(inb(0x70), ==, 0xff); /* write only */
}

static void test_reset(void)
{
    set_alarm(0xff, 0xff, 0xff);
    set(2, 0x20010203040506);
    wr(A, 0x26);
    wr(B, 0x7a);
    step(3 * S + FIRST);
    g_assert_cmpint(irq8.level, ==, 1);
    rtc->type->reset(rtc);
    g_assert_cmpint(irq8.level, ==, 0);
    g_assert_cmphex(rd(B), ==, 0x02);
    g_assert_cmphex(rd(A), ==, 0x26);
    g_assert_cmphex(rd(C), ==, 0);
    assert_time(0x20010203040510);
    step(S);
    assert_time(0x20010203040511); /* the phase is kept */
}

static void test_state(void)
{
    set_alarm(0xff, 0xff, 0xff);
    set(2, 0x20010203040506);
    wr(A, 0x26);
    wr(B, 0x72);
    step(3 * S + 12345);
    check_state_goes_round(rtc);
    (void)rd(C);
    step(FIRST - 12345);
    assert_time(0x20010203040510);
    wr(B, 0x02);
}

/* ---- hostile ---- */

static void test_hostile_time(void)
{
    for (int b = 0; b < 8; b += 2) {
        for (int v = 0; v < 256; v++) {
            uint64_t all = 0x0101010101010101ull * v;
            set(b, all);
            set_alarm(v, v, v);
            wr(DOW, v);
            g_assert_cmphex(rd(SEC), ==, v);
            wr(B, b | 0x70);
            step(3 * S);
            g_assert_cmphex(rd(SEC), <, 60 + 0x60);
            wr(B, b);
            step(40 * 86400 * S);
            (void)rd(C);
            wr(B, b ^ 6);
            step(S);
        }
    }
    wr(B, 2);
}

static void test_hostile_date(void)
{
    set(2, 0x20230231250061); /* 31 February, 25:00:61 */
    step(FIRST);
    assert_time(0x20230228230100); /* taken for 28 February, 23:00:59 */
    set(2, 0x99991231235959);
    step(FIRST);
    assert_time(0x00000101000000);
}

static void test_random_writes(void)
{
    GRand *rand = g_rand_new_with_seed(146818);
    for (int i = 0; i < 100000; i++) {
        int reg = g_rand_int_range(rand, 0, 15), value = g_rand_int_range(rand, 0, 256);
        switch (g_rand_int_range(rand, 0, 4)) {
        case 0:
            wr(reg == 14 ? CENTURY : reg, value);
            break;
        case 1:
            wr(A, 0x20 | (value & 15));
            break;
        case 2:
            (void)rd(reg == 14 ? CENTURY : reg);
            break;
        default:
            step((int64_t)value * value * 10000);
        }
        int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
        g_assert_true(deadline == -1 || deadline > virtual_ns);
    }
    g_rand_free(rand);
    wr(B, 2);
}

static void test_hostile_state(void)
{
    GByteArray *state = g_byte_array_new();
    set_alarm(0xff, 0x30, 0xff);
    set(2, 0x20010203040506);
    wr(A, 0x26);
    wr(B, 0x72);
    step(100 * S);
    vmstate_save_object(state, rtc->type->vmsd, rtc);
    for (guint i = 0; i < state->len; i++) {
        for (int v = 0; v < 256; v += 51) {
            guint8 old = state->data[i];
            Error *err = NULL;
            state->data[i] = v;
            if (vmstate_load_object(state->data, state->len, rtc->type->vmsd, rtc, &err)) {
                step(S / 10);
                for (int reg = 0; reg < 128; reg++) {
                    (void)rd(reg);
                }
                wr(B, 0x72);
                step(S / 10);
            }
            error_free(err);
            state->data[i] = old;
        }
    }
    g_byte_array_unref(state);
}

static void test_hostile_host_clock(void)
{
    static const int64_t hosts[] = { INT64_MIN, -1, 0, INT64_MAX };
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        host_ns = hosts[i];
        new_clock(NULL);
        step(3 * S);
        (void)rd(SEC);
    }
    g_assert_cmphex(rd(CENTURY), ==, 0x22);
}

/* In replay the recorder's time zone rules. */
static void test_recorded_offset(void)
{
    recorded_offset = "-3600";
    host_ns = 1234567890 * S;
    new_clock("base=localtime");
    assert_time(0x20090213223130);
    recorded_offset = "99999999999999999999x";
    new_clock(NULL);
    assert_time(0x20090214233130); /* a day at most */
    recorded_offset = NULL;
}

int main(int argc, char **argv)
{
    static const VirtualClockSource source = { .get_ns = get_virtual, .get_host_ns = get_host };
    g_test_init(&argc, &argv, NULL);
    properties = g_string_new(NULL);
    memory_init();
    qemu_clock_set_virtual_source(&source);
    g_test_add_func("/rtc/host-time", test_host_time);
    g_test_add_func("/rtc/recorded-offset", test_recorded_offset);
    g_test_add_func("/rtc/hostile-host-clock", test_hostile_host_clock);
    g_test_add_func("/rtc/base", test_base);
    g_test_add_func("/rtc/bad-options", test_bad_options);
    g_test_add_func("/rtc/first-update", test_first_update);
    g_test_add_func("/rtc/uip", test_uip);
    g_test_add_func("/rtc/set", test_set);
    g_test_add_func("/rtc/divider-stops", test_divider_stops);
    g_test_add_func("/rtc/write-while-running", test_write_while_running);
    g_test_add_func("/rtc/format/bcd-24h", test_bcd_24h);
    g_test_add_func("/rtc/format/binary", test_binary);
    g_test_add_func("/rtc/format/12h", test_12h);
    g_test_add_func("/rtc/format/change", test_change_of_format);
    g_test_add_func("/rtc/day-of-week", test_day_of_week);
    g_test_add_func("/rtc/long-run", test_long_run);
    g_test_add_func("/rtc/alarm/daily", test_alarm);
    g_test_add_func("/rtc/alarm/am-pm", test_alarm_am_pm);
    g_test_add_func("/rtc/alarm/dont-care", test_alarm_dont_care);
    g_test_add_func("/rtc/alarm/impossible", test_alarm_impossible);
    g_test_add_func("/rtc/periodic/rates", test_periodic_rates);
    g_test_add_func("/rtc/irq/line", test_irq_line);
    g_test_add_func("/rtc/irq/update-ended", test_update_ended);
    g_test_add_func("/rtc/irq/update-ended-across-set", test_update_ended_across_set);
    g_test_add_func("/rtc/irq/inhibit", test_inhibit);
    g_test_add_func("/rtc/periodic/no-drift", test_no_drift);
    g_test_add_func("/rtc/memory", test_memory);
    g_test_add_func("/rtc/reset", test_reset);
    g_test_add_func("/rtc/state", test_state);
    g_test_add_func("/rtc/hostile/time", test_hostile_time);
    g_test_add_func("/rtc/hostile/date", test_hostile_date);
    g_test_add_func("/rtc/hostile/random", test_random_writes);
    g_test_add_func("/rtc/hostile/state", test_hostile_state);
    return g_test_run();
}
