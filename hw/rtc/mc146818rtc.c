/*
 * hw/rtc/mc146818rtc.c  Real-time clock and CMOS RAM, Motorola MC146818A datasheet. Ports 70h-71h, IRQ 8.
 *
 * Where its non-determinism enters: the host clock is read once, at power-on, through QEMU_CLOCK_HOST (EVENT_CLOCK host
 * in the log). From then on the time of day is that reading plus the virtual clock, so that a second of the RTC is a
 * second of the TSC also when -icount lets the guest's time run faster or slower than the host's, and a guest that
 * polls UIP fills no log. clock=host, rt and vm therefore differ in nothing; with base=DATE the host is not asked at
 * all.
 *
 * As in the chip, the time registers are the time, whatever a guest writes there; the divider chain, driven by the
 * virtual clock, has them incremented once a second. Like the PIT, it computes instead of counting: registers and flags
 * are brought up to date when somebody looks, and a timer is armed only while an interrupt is enabled.
 *
 * Beyond the datasheet: the century (register 32h) counts too; changing the data format while the clock runs converts
 * the time. Left out on purpose: the square wave and daylight saving (SQWE and DSE are remembered), time bases other
 * than 32.768 kHz (a PC has that crystal), the NMI mask (port 70h, bit 7: nothing here raises NMI).
 */
#include "exec/memory.h"
#include "hw/isa/chips.h"
#include "replay/replay.h"

enum {
    REG_SECONDS,
    REG_SECONDS_ALARM,
    REG_MINUTES,
    REG_MINUTES_ALARM,
    REG_HOURS,
    REG_HOURS_ALARM,
    REG_DAY_OF_WEEK, /* 1: Sunday */
    REG_DAY,
    REG_MONTH,
    REG_YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D,
    REG_CENTURY = 0x32
};
#define A_UIP         0x80
#define A_DIVIDER     0x70
#define A_DIVIDER_32K 0x20
#define A_RATE        0x0f
#define B_SET         0x80
#define B_PIE         0x40
#define B_AIE         0x20
#define B_UIE         0x10
#define B_SQWE        0x08
#define B_BINARY      0x04
#define B_24H         0x02
#define C_IRQF        0x80
#define C_PF          0x40
#define C_AF          0x20
#define C_UF          0x10
#define D_VALID       0x80
#define HOURS_PM      0x80
#define ALARM_ANY     0xc0 /* and above */

#define CMOS_SIZE   128
#define DIVIDER_HZ  32768
#define SECOND      NANOSECONDS_PER_SECOND
#define DAY_SECONDS 86400
#define A_SUNDAY    (-719163) /* 31 December of year 0, in days since 1970 */
/* Times of the 32.768 kHz time base: UIP rises tBUC before the update cycle, which lasts tUC. */
#define TBUC_NS 244000
#define TUC_NS  1984000
/* An update cycle begins half a second after the divider leaves reset, then each second; what it did shows at its end.
 */
#define FIRST_UPDATE_NS (SECOND / 2 + TUC_NS)

typedef struct RTCState {
    Device dev;
    uint8_t cmos[CMOS_SIZE]; /* battery backed; as of checked_ns */
    uint8_t index;
    bool started;        /* has been given the time */
    int64_t phase_ns;    /* while the divider runs: time since its reset, minus the virtual clock */
    int64_t checked_ns;  /* virtual clock up to which registers and flags are right */
    bool irq8_inhibited; /* the HPET has taken IRQ 8 over */
    QEMUTimer timer;     /* next enabled interrupt */
    IRQLine irq;
    MemoryRegion ports;
} RTCState;

/* ---- -rtc ---- */

static struct {
    bool fixed_date;
    int64_t date_seconds;
    int64_t utc_offset; /* seconds east of UTC, with base=localtime */
} config;

static bool parse_date(const char *text, Error **errp)
{
    GTimeZone *utc = g_time_zone_new_utc();
    char *with_time = strchr(text, 'T') ? g_strdup(text) : g_strconcat(text, "T00:00:00", NULL);
    GDateTime *date = g_date_time_new_from_iso8601(with_time, utc);
    if (date) {
        config.fixed_date = true;
        config.date_seconds = g_date_time_to_unix(date);
        g_date_time_unref(date);
    } else {
        error_setg(errp,
                   "invalid datetime format '%s'; valid formats: '2006-06-17T16:01:21', '2006-06-17', utc, localtime",
                   text);
    }
    g_free(with_time);
    g_time_zone_unref(utc);
    return date != NULL;
}

static bool parse_base(const char *base, Error **errp)
{
    if (!base || !strcmp(base, "utc")) {
        return true;
    }
    if (!strcmp(base, "localtime")) {
        GDateTime *now = g_date_time_new_now_local();
        config.utc_offset = g_date_time_get_utc_offset(now) / G_USEC_PER_SEC;
        g_date_time_unref(now);
        return true;
    }
    return parse_date(base, errp);
}

static bool one_of(const char *value, const char *const *list)
{
    return !value || g_strv_contains(list, value);
}

bool rtc_configure(const char *arg, Error **errp)
{
    static const char *const known[] = { "base", "clock", NULL };
    static const char *const clocks[] = { "host", "rt", "vm", NULL };
    QemuOpts *opts = qemu_opts_parse(arg, NULL, known, errp);
    if (!opts) {
        return false;
    }
    const char *clock = qemu_opt_get(opts, "clock");
    bool ok = false;
    if (!one_of(clock, clocks)) {
        error_setg(errp, "invalid option value '%s' for clock", clock);
    } else {
        ok = parse_base(qemu_opt_get(opts, "base"), errp);
    }
    qemu_opts_free(opts);
    return ok;
}

/* ---- dates (Gregorian, years 0 to 9999; a year of the sums begins in March, so that 29 February is its last day) ----
 */

/* Days since an arbitrary day before year 0. month 1..12, day from 1. */
static int64_t days_from_date(int64_t year, int month, int64_t day)
{
    int64_t y = year + 400 - (month <= 2);
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
}

static int64_t epoch_days(void)
{
    return days_from_date(1970, 1, 1);
}

static int days_in_month(int64_t year, int month)
{
    int64_t next = month == 12 ? days_from_date(year + 1, 1, 1) : days_from_date(year, month + 1, 1);
    return (int)(next - days_from_date(year, month, 1));
}

static void date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t y = (days - days_from_date(0, 1, 1)) / 366; /* or a little later */
    while (days_from_date(y + 1, 1, 1) <= days) {
        y++;
    }
    int m = 1;
    while (m < 12 && days_from_date(y, m + 1, 1) <= days) {
        m++;
    }
    *year = y;
    *month = m;
    *day = (int)(days - days_from_date(y, m, 1)) + 1;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- time registers ---- */

static uint8_t to_register(const RTCState *s, int value)
{
    return (uint8_t)((s->cmos[REG_B] & B_BINARY) ? value : (value / 10) << 4 | value % 10);
}

static int from_register(const RTCState *s, uint8_t value)
{
    return (s->cmos[REG_B] & B_BINARY) ? value : (value >> 4) * 10 + (value & 15);
}

static uint8_t hours_to_register(const RTCState *s, int hours)
{
    if (s->cmos[REG_B] & B_24H) {
        return to_register(s, hours);
    }
    int twelve = hours % 12 ? hours % 12 : 12;
    return (uint8_t)(to_register(s, twelve) | (hours >= 12 ? HOURS_PM : 0));
}

static int hours_from_register(const RTCState *s, uint8_t value)
{
    if (s->cmos[REG_B] & B_24H) {
        return from_register(s, value);
    }
    return from_register(s, value & ~HOURS_PM) % 12 + (value & HOURS_PM ? 12 : 0);
}

/* A register's value, brought into range: a guest may have written anything. */
static int field(const RTCState *s, int reg, int low, int high)
{
    return CLAMP(from_register(s, s->cmos[reg]), low, high);
}

/* Seconds since 1970, or before. */
static int64_t read_time(const RTCState *s)
{
    int year = field(s, REG_CENTURY, 0, 99) * 100 + field(s, REG_YEAR, 0, 99);
    int month = field(s, REG_MONTH, 1, 12);
    int day = field(s, REG_DAY, 1, days_in_month(year, month));
    int hours = CLAMP(hours_from_register(s, s->cmos[REG_HOURS]), 0, 23);
    return (days_from_date(year, month, day) - epoch_days()) * DAY_SECONDS + hours * 3600 +
           field(s, REG_MINUTES, 0, 59) * 60 + field(s, REG_SECONDS, 0, 59);
}

/* All but the day of the week, which counts by itself. */
static void write_time(RTCState *s, int64_t seconds)
{
    int64_t days = floor_div(seconds, DAY_SECONDS), year;
    int month, day, of_day = (int)(seconds - days * DAY_SECONDS);
    date_from_days(days + epoch_days(), &year, &month, &day);
    s->cmos[REG_SECONDS] = to_register(s, of_day % 60);
    s->cmos[REG_MINUTES] = to_register(s, of_day / 60 % 60);
    s->cmos[REG_HOURS] = hours_to_register(s, of_day / 3600);
    s->cmos[REG_DAY] = to_register(s, day);
    s->cmos[REG_MONTH] = to_register(s, month);
    s->cmos[REG_YEAR] = to_register(s, (int)(year % 100));
    s->cmos[REG_CENTURY] = to_register(s, (int)(year / 100 % 100));
}

static void advance_day_of_week(RTCState *s, int64_t days)
{
    if (days) {
        s->cmos[REG_DAY_OF_WEEK] = to_register(s, (int)((field(s, REG_DAY_OF_WEEK, 1, 7) - 1 + days) % 7) + 1);
    }
}

/* ---- the divider chain ---- */

static bool divider_runs(const RTCState *s)
{
    return (s->cmos[REG_A] & A_DIVIDER) == A_DIVIDER_32K;
}

static bool updates_run(const RTCState *s)
{
    return divider_runs(s) && !(s->cmos[REG_B] & B_SET);
}

/* Time since the divider left reset, ns. */
static int64_t divider_ns(const RTCState *s, int64_t now)
{
    return MAX(now + s->phase_ns, 0);
}

/* Update cycles that have ended since the divider left reset, and how far the next one is on its way. */
static int64_t updates_done(const RTCState *s, int64_t now)
{
    return (divider_ns(s, now) + SECOND - FIRST_UPDATE_NS) / SECOND;
}

static int64_t ns_since_update(const RTCState *s, int64_t now)
{
    return (divider_ns(s, now) + SECOND - FIRST_UPDATE_NS) % SECOND;
}

/* Virtual time at which update cycle number n (from 1) ends. */
static int64_t update_end_ns(const RTCState *s, int64_t n)
{
    return (n - 1) * SECOND + FIRST_UPDATE_NS - s->phase_ns;
}

/* Ticks of the divider between periodic interrupts, 0: none. */
static int64_t periodic_ticks(const RTCState *s)
{
    int rate = s->cmos[REG_A] & A_RATE;
    if (!rate || !divider_runs(s)) {
        return 0;
    }
    return 1LL << ((rate <= 2 ? rate + 7 : rate) - 1);
}

/* Periodic interrupts since the divider left reset. They come half a period away from update cycles (datasheet, figure
 * 15). */
static int64_t periods_done(const RTCState *s, int64_t now)
{
    int64_t ticks = periodic_ticks(s);
    return ((int64_t)muldiv64((uint64_t)divider_ns(s, now), DIVIDER_HZ, SECOND) + ticks / 2) / ticks;
}

static int64_t period_end_ns(const RTCState *s, int64_t n)
{
    int64_t ticks = periodic_ticks(s);
    unsigned __int128 product = (unsigned __int128)(n * ticks - ticks / 2) * SECOND;
    return (int64_t)((product + DIVIDER_HZ - 1) / DIVIDER_HZ) - s->phase_ns;
}

/* ---- alarm ---- */

/* The chip compares bytes; so an alarm in the wrong format, or out of range, never comes. */
static bool alarm_byte_matches(const RTCState *s, int reg, uint8_t value)
{
    return s->cmos[reg] >= ALARM_ANY || s->cmos[reg] == value;
}

static bool alarm_hour_matches(const RTCState *s, int hour)
{
    return alarm_byte_matches(s, REG_HOURS_ALARM, hours_to_register(s, hour));
}

static bool alarm_minute_matches(const RTCState *s, int minute)
{
    return alarm_byte_matches(s, REG_MINUTES_ALARM, to_register(s, minute));
}

static bool alarm_second_matches(const RTCState *s, int second)
{
    return alarm_byte_matches(s, REG_SECONDS_ALARM, to_register(s, second));
}

static bool alarm_possible(const RTCState *s)
{
    bool hour = false, minute = false, second = false;
    for (int i = 0; i < 60; i++) {
        hour = hour || (i < 24 && alarm_hour_matches(s, i));
        minute = minute || alarm_minute_matches(s, i);
        second = second || alarm_second_matches(s, i);
    }
    return hour && minute && second;
}

/* Seconds from `time` to the next alarm, 1 to a day; 0: none will come. Skips hours, then minutes, that do not match.
 */
static int seconds_to_alarm(const RTCState *s, int64_t time)
{
    if (!alarm_possible(s)) {
        return 0;
    }
    int start = (int)(time - floor_div(time, DAY_SECONDS) * DAY_SECONDS), at = start + 1;
    for (;;) {
        if (!alarm_hour_matches(s, at / 3600 % 24)) {
            at += 3600 - at % 3600;
        } else if (!alarm_minute_matches(s, at / 60 % 60)) {
            at += 60 - at % 60;
        } else if (!alarm_second_matches(s, at % 60)) {
            at++;
        } else {
            return at - start;
        }
    }
}

/* ---- time passes ---- */

static void advance_time(RTCState *s, int64_t seconds)
{
    int64_t before = read_time(s), after = before + seconds;
    int alarm = seconds_to_alarm(s, before);
    s->cmos[REG_C] |= C_UF | (alarm && alarm <= seconds ? C_AF : 0);
    write_time(s, after);
    advance_day_of_week(s, floor_div(after, DAY_SECONDS) - floor_div(before, DAY_SECONDS));
}

static void update_irq(RTCState *s)
{
    bool active = s->cmos[REG_C] & s->cmos[REG_B] & (C_PF | C_AF | C_UF);
    s->cmos[REG_C] = (uint8_t)((s->cmos[REG_C] & ~C_IRQF) | (active ? C_IRQF : 0));
    if (!s->irq8_inhibited) {
        irq_set(s->irq, active);
    }
}

static void bring_up_to_date(RTCState *s, int64_t now)
{
    if (periodic_ticks(s) && periods_done(s, now) > periods_done(s, s->checked_ns)) {
        s->cmos[REG_C] |= C_PF;
    }
    int64_t seconds = updates_done(s, now) - updates_done(s, s->checked_ns);
    if (updates_run(s) && seconds > 0) {
        advance_time(s, seconds);
    }
    s->checked_ns = now;
    update_irq(s);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

/* Virtual time of the next interrupt that is enabled, -1: none. */
static int64_t next_interrupt(const RTCState *s, int64_t now)
{
    uint8_t enabled = s->cmos[REG_B];
    int64_t at = -1, done = updates_done(s, now);
    if ((enabled & B_PIE) && periodic_ticks(s)) {
        at = period_end_ns(s, periods_done(s, now) + 1);
    }
    if ((enabled & B_UIE) && updates_run(s)) {
        at = earlier(at, update_end_ns(s, done + 1));
    }
    if ((enabled & B_AIE) && updates_run(s)) {
        int alarm = seconds_to_alarm(s, read_time(s));
        at = earlier(at, alarm ? update_end_ns(s, done + alarm) : -1);
    }
    return at;
}

static void reschedule(RTCState *s, int64_t now)
{
    int64_t at = next_interrupt(s, now);
    if (at < 0) {
        timer_del(&s->timer);
    } else {
        timer_mod(&s->timer, at);
    }
}

static void timer_due(void *opaque)
{
    RTCState *s = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    bring_up_to_date(s, now);
    reschedule(s, now);
}

/* ---- ports ---- */

static uint8_t read_a(const RTCState *s, int64_t now)
{
    bool updating = updates_run(s) && ns_since_update(s, now) >= SECOND - TUC_NS - TBUC_NS;
    return s->cmos[REG_A] | (updating ? A_UIP : 0);
}

static uint8_t read_c(RTCState *s)
{
    uint8_t value = s->cmos[REG_C];
    s->cmos[REG_C] = 0;
    update_irq(s);
    return value;
}

static uint8_t read_register(RTCState *s, int reg)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    bring_up_to_date(s, now);
    switch (reg) {
    case REG_A:
        return read_a(s, now);
    case REG_C:
        return read_c(s);
    case REG_D:
        return D_VALID;
    default:
        return s->cmos[reg];
    }
}

static void write_a(RTCState *s, uint8_t value, int64_t now)
{
    bool ran = divider_runs(s);
    s->cmos[REG_A] = value & ~A_UIP;
    if (!ran && divider_runs(s)) {
        s->phase_ns = -now;
    }
}

static void write_b(RTCState *s, uint8_t value)
{
    bool was_set = s->cmos[REG_B] & B_SET, is_set = value & B_SET;
    int64_t time = read_time(s);
    s->cmos[REG_B] = is_set && !was_set ? value & ~B_UIE : value;
    if (!was_set && !is_set) {
        write_time(s, time);
    }
}

static void write_register(RTCState *s, int reg, uint8_t value)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    bring_up_to_date(s, now);
    switch (reg) {
    case REG_A:
        write_a(s, value, now);
        break;
    case REG_B:
        write_b(s, value);
        break;
    case REG_C:
    case REG_D:
        return;
    default:
        s->cmos[reg] = value;
    }
    update_irq(s);
    reschedule(s, now);
}

static uint64_t rtc_read(void *opaque, hwaddr addr, unsigned size)
{
    RTCState *s = opaque;
    (void)size;
    return addr == 0 ? 0xff : read_register(s, s->index);
}

static void rtc_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    RTCState *s = opaque;
    (void)size;
    if (addr == 0) {
        s->index = value & (CMOS_SIZE - 1);
    } else {
        write_register(s, s->index, (uint8_t)value);
    }
}

static const MemoryRegionOps rtc_ops = { .read = rtc_read, .write = rtc_write, .min_access = 1, .max_access = 1 };

/* ---- wires ---- */

void rtc_connect(Device *dev, IRQLine irq8)
{
    container_of(dev, RTCState, dev)->irq = irq8;
}

void rtc_set_memory(Device *dev, int addr, uint8_t value)
{
    container_of(dev, RTCState, dev)->cmos[addr & (CMOS_SIZE - 1)] = value;
}

void rtc_inhibit_irq8(Device *dev, bool inhibit)
{
    RTCState *s = container_of(dev, RTCState, dev);
    if (inhibit) {
        irq_lower(s->irq);
    }
    s->irq8_inhibited = inhibit;
    update_irq(s);
}

/* The only look at the host's clock. */
static void set_initial_time(RTCState *s, int64_t now)
{
    int64_t host = config.fixed_date ? 0 : qemu_clock_get_ns(QEMU_CLOCK_HOST);
    int64_t seconds = config.fixed_date ? config.date_seconds : floor_div(host, SECOND) + config.utc_offset;
    write_time(s, seconds);
    s->cmos[REG_DAY_OF_WEEK] = to_register(s, 1);
    advance_day_of_week(s, floor_div(seconds, DAY_SECONDS) - A_SUNDAY);
    s->phase_ns = (host % SECOND + SECOND) % SECOND + FIRST_UPDATE_NS - now;
    s->started = true;
}

/* The host's time zone is the recorder's: in replay its offset comes from the manifest. */
static bool settle_utc_offset(Error **errp)
{
    const char *recorded = replay_recorded_property("rtc-offset");
    char *offset = recorded ? g_strdup(recorded) : g_strdup_printf("%" PRId64, config.utc_offset);
    config.utc_offset = CLAMP(g_ascii_strtoll(offset, NULL, 10), -DAY_SECONDS, DAY_SECONDS);
    bool ok = replay_add_property("rtc-offset", "-rtc base", offset, errp);
    g_free(offset);
    return ok;
}

static bool check_base(Error **errp)
{
    GDateTime *date = config.fixed_date ? g_date_time_new_from_unix_utc(config.date_seconds) : NULL;
    char *base = date ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%S") : g_strdup("utc");
    bool ok = replay_add_property("rtc-base", "-rtc base", base, errp);
    g_free(base);
    g_clear_pointer(&date, g_date_time_unref);
    return ok;
}

/* RESET# clears the interrupt enables and flags; time and memory are on the battery. */
static void rtc_reset(Device *dev)
{
    RTCState *s = container_of(dev, RTCState, dev);
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    if (!s->started) {
        set_initial_time(s, now);
        s->checked_ns = now;
    }
    s->irq8_inhibited = false;
    bring_up_to_date(s, now);
    s->cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    s->cmos[REG_C] = 0;
    update_irq(s);
    reschedule(s, now);
}

static bool rtc_realize(Device *dev, Error **errp)
{
    RTCState *s = container_of(dev, RTCState, dev);
    if (!settle_utc_offset(errp) || !check_base(errp)) {
        return false;
    }
    s->cmos[REG_A] = A_DIVIDER_32K | 6;
    s->cmos[REG_B] = B_24H;
    timer_init_ns(&s->timer, QEMU_CLOCK_VIRTUAL, timer_due, s);
    memory_region_init_io(&s->ports, &rtc_ops, s, "rtc", 2);
    memory_region_add_subregion(get_system_io(), 0x70, &s->ports);
    return true;
}

static bool rtc_post_load(void *opaque, Error **errp)
{
    const RTCState *s = opaque;
    bool phase_ok = s->phase_ns >= -INT64_MAX / 4 && s->phase_ns <= INT64_MAX / 4;
    if (s->index >= CMOS_SIZE || !phase_ok || s->checked_ns < 0 || s->checked_ns > INT64_MAX / 4) {
        error_setg(errp, "mc146818rtc: impossible index %d or time %" PRId64, s->index, s->phase_ns);
        return false;
    }
    return true;
}

static const VMStateField rtc_fields[] = {
    VMSTATE_DERIVED(RTCState, dev),
    VMSTATE_BYTES(RTCState, cmos),
    VMSTATE_INT(RTCState, index),
    VMSTATE_BOOL(RTCState, started),
    VMSTATE_INT(RTCState, phase_ns),
    VMSTATE_INT(RTCState, checked_ns),
    VMSTATE_BOOL(RTCState, irq8_inhibited),
    VMSTATE_TIMER(RTCState, timer),
    VMSTATE_DERIVED(RTCState, irq),
    VMSTATE_DERIVED(RTCState, ports),
    VMSTATE_END,
};
static const VMStateDescription vmstate_rtc = {
    .name = "mc146818rtc", .version = 1, .fields = rtc_fields, .post_load = rtc_post_load
};

const DeviceType mc146818rtc_type = {
    .name = "mc146818rtc",
    .description = "real-time clock and CMOS RAM",
    .size = sizeof(RTCState),
    .vmsd = &vmstate_rtc,
    .realize = rtc_realize,
    .reset = rtc_reset,
};
