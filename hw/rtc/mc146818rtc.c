/*
 * hw/rtc/mc146818rtc.c  Real-time clock and CMOS RAM, Motorola MC146818A datasheet. Ports 70h-71h, IRQ 8.
 *
 * Where its non-determinism enters: the host clock is read once, at power-on, through QEMU_CLOCK_HOST (EVENT_CLOCK host in the log). From
 * then on the time of day is that reading plus the virtual clock, so that a second of the RTC is a second of the TSC also
 * when -icount lets the guest's time run faster or slower than the host's, and a guest that polls UIP
 * fills no log. clock=host, rt and vm therefore differ in nothing; with base=DATE the host is not asked at all.
 *
 * Like the PIT, it computes instead of counting: flags of register C are brought up to date when somebody looks, and a
 * timer is armed only while an interrupt is enabled.
 */
#include "exec/memory.h"
#include "hw/isa/chips.h"
#include "replay/replay.h"

enum {
    REG_SECONDS = 0, REG_SECONDS_ALARM, REG_MINUTES, REG_MINUTES_ALARM, REG_HOURS, REG_HOURS_ALARM, REG_DAY_OF_WEEK,
    REG_DAY, REG_MONTH, REG_YEAR, REG_A, REG_B, REG_C, REG_D, REG_CENTURY = 0x32
};
#define A_UIP 0x80
#define A_DIVIDER 0x70
#define A_DIVIDER_32K 0x20
#define A_RATE 0x0f
#define B_SET 0x80
#define B_PIE 0x40
#define B_AIE 0x20
#define B_UIE 0x10
#define B_BINARY 0x04
#define B_24H 0x02
#define C_IRQF 0x80
#define C_PF 0x40
#define C_AF 0x20
#define C_UF 0x10
#define D_VALID 0x80

#define CMOS_SIZE 128
#define UIP_NS 244000
#define DIVIDER_HZ 32768
#define SECOND NANOSECONDS_PER_SECOND
#define DAY_SECONDS 86400
/* 1 January 2000 and 9999, seconds since 1970: what two digits and a century byte can sensibly hold */
#define MAX_SECONDS 253402300799LL

typedef struct RTCState {
    Device dev;
    uint8_t cmos[CMOS_SIZE]; /* battery backed; time registers are filled in when read */
    uint8_t index;
    bool running;       /* has ever been given the time */
    int64_t base_ns;    /* time of day = base_ns + virtual clock, ns since 1970; while stopped: the time it stands at */
    int64_t checked_ns; /* virtual clock up to which the flags of register C are right */
    bool irq8_inhibited; /* the HPET has taken IRQ 8 over */
    QEMUTimer timer;    /* next enabled interrupt */
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
        error_setg(errp, "invalid datetime format '%s'; valid formats: '2006-06-17T16:01:21', '2006-06-17', utc, localtime",
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
    static const char *const known[] = { "base", "clock", "driftfix", NULL };
    static const char *const clocks[] = { "host", "rt", "vm", NULL };
    static const char *const driftfixes[] = { "none", "slew", NULL };
    QemuOpts *opts = qemu_opts_parse(arg, NULL, known, errp);
    if (!opts) {
        return false;
    }
    const char *clock = qemu_opt_get(opts, "clock"), *driftfix = qemu_opt_get(opts, "driftfix");
    bool ok = false;
    if (!one_of(clock, clocks)) {
        error_setg(errp, "invalid option value '%s' for clock", clock);
    } else if (!one_of(driftfix, driftfixes)) {
        error_setg(errp, "invalid option value '%s' for driftfix", driftfix);
    } else {
        ok = parse_base(qemu_opt_get(opts, "base"), errp);
    }
    qemu_opts_free(opts);
    return ok;
}

/* ---- time of day ---- */

static bool stopped(const RTCState *s)
{
    return (s->cmos[REG_B] & B_SET) || (s->cmos[REG_A] & A_DIVIDER) != A_DIVIDER_32K;
}

static int64_t time_of_day(const RTCState *s, int64_t now)
{
    return stopped(s) ? s->base_ns : s->base_ns + now;
}

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
    return (uint8_t)(to_register(s, twelve) | (hours >= 12 ? 0x80 : 0));
}

static int hours_from_register(const RTCState *s, uint8_t value)
{
    if (s->cmos[REG_B] & B_24H) {
        return from_register(s, value);
    }
    return from_register(s, value & 0x7f) % 12 + (value & 0x80 ? 12 : 0);
}

/* Fill the time registers with a time of day. */
static void set_registers(RTCState *s, int64_t ns)
{
    GDateTime *t = g_date_time_new_from_unix_utc(CLAMP(ns / SECOND, 0, MAX_SECONDS));
    s->cmos[REG_SECONDS] = to_register(s, g_date_time_get_second(t));
    s->cmos[REG_MINUTES] = to_register(s, g_date_time_get_minute(t));
    s->cmos[REG_HOURS] = hours_to_register(s, g_date_time_get_hour(t));
    s->cmos[REG_DAY_OF_WEEK] = to_register(s, g_date_time_get_day_of_week(t) % 7 + 1);
    s->cmos[REG_DAY] = to_register(s, g_date_time_get_day_of_month(t));
    s->cmos[REG_MONTH] = to_register(s, g_date_time_get_month(t));
    s->cmos[REG_YEAR] = to_register(s, g_date_time_get_year(t) % 100);
    s->cmos[REG_CENTURY] = to_register(s, g_date_time_get_year(t) / 100);
    g_date_time_unref(t);
}

/* The time registers as ns since 1970; impossible dates are brought into range. */
static int64_t registers_to_ns(const RTCState *s)
{
    int year = from_register(s, s->cmos[REG_CENTURY]) * 100 + from_register(s, s->cmos[REG_YEAR]);
    int month = CLAMP(from_register(s, s->cmos[REG_MONTH]), 1, 12);
    int day = from_register(s, s->cmos[REG_DAY]);
    year = CLAMP(year, 1970, 9998);
    day = CLAMP(day, 1, g_date_get_days_in_month((GDateMonth)month, (GDateYear)year));
    GDateTime *t = g_date_time_new_utc(year, month, day, CLAMP(hours_from_register(s, s->cmos[REG_HOURS]), 0, 23),
                                       CLAMP(from_register(s, s->cmos[REG_MINUTES]), 0, 59),
                                       CLAMP(from_register(s, s->cmos[REG_SECONDS]), 0, 59));
    int64_t seconds = g_date_time_to_unix(t);
    g_date_time_unref(t);
    return seconds * SECOND;
}

/* ---- alarm, update and periodic flags ---- */

static bool alarm_field_matches(int alarm_raw, int value, int alarm)
{
    return alarm_raw >= 0xc0 || alarm == value;
}

static bool alarm_matches(const RTCState *s, int second_of_day)
{
    const uint8_t *c = s->cmos;
    return alarm_field_matches(c[REG_SECONDS_ALARM], second_of_day % 60, from_register(s, c[REG_SECONDS_ALARM])) &&
           alarm_field_matches(c[REG_MINUTES_ALARM], second_of_day / 60 % 60, from_register(s, c[REG_MINUTES_ALARM])) &&
           alarm_field_matches(c[REG_HOURS_ALARM], second_of_day / 3600, hours_from_register(s, c[REG_HOURS_ALARM]));
}

/* First second after `second` (since 1970) at which the alarm matches, -1: none. */
static int64_t next_alarm(const RTCState *s, int64_t second)
{
    for (int i = 1; i <= DAY_SECONDS; i++) {
        if (alarm_matches(s, (int)((second + i) % DAY_SECONDS))) {
            return second + i;
        }
    }
    return -1;
}

/* Ticks of the 32768 Hz divider between periodic interrupts, 0: none. */
static int64_t periodic_ticks(const RTCState *s)
{
    int rate = s->cmos[REG_A] & A_RATE;
    if (!rate || (s->cmos[REG_A] & A_DIVIDER) != A_DIVIDER_32K) {
        return 0;
    }
    return 1LL << ((rate <= 2 ? rate + 7 : rate) - 1);
}

static int64_t divider_tick(int64_t ns)
{
    return (int64_t)muldiv64((uint64_t)ns, DIVIDER_HZ, SECOND);
}

static int64_t divider_tick_to_ns(int64_t tick)
{
    return (int64_t)(((unsigned __int128)tick * SECOND + DIVIDER_HZ - 1) / DIVIDER_HZ);
}

/* Set what has happened since checked_ns. */
static void update_flags(RTCState *s, int64_t now)
{
    int64_t ticks = periodic_ticks(s);
    if (ticks && divider_tick(now) / ticks != divider_tick(s->checked_ns) / ticks) {
        s->cmos[REG_C] |= C_PF;
    }
    if (!stopped(s)) {
        int64_t before = time_of_day(s, s->checked_ns) / SECOND, after = time_of_day(s, now) / SECOND;
        int64_t alarm = before == after ? -1 : next_alarm(s, before);
        s->cmos[REG_C] |= before != after ? C_UF : 0;
        s->cmos[REG_C] |= alarm >= 0 && alarm <= after ? C_AF : 0;
    }
    s->checked_ns = now;
}

static void update_irq(RTCState *s)
{
    bool active = s->cmos[REG_C] & s->cmos[REG_B] & (C_PF | C_AF | C_UF);
    s->cmos[REG_C] = (uint8_t)((s->cmos[REG_C] & ~C_IRQF) | (active ? C_IRQF : 0));
    if (!s->irq8_inhibited) {
        irq_set(s->irq, active);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

/* Virtual time of the next interrupt that is enabled, -1: none. */
static int64_t next_interrupt(const RTCState *s, int64_t now)
{
    int64_t at = -1, ticks = periodic_ticks(s), second = time_of_day(s, now) / SECOND;
    if ((s->cmos[REG_B] & B_PIE) && ticks) {
        at = divider_tick_to_ns((divider_tick(now) / ticks + 1) * ticks);
    }
    if ((s->cmos[REG_B] & B_UIE) && !stopped(s)) {
        at = earlier(at, (second + 1) * SECOND - s->base_ns);
    }
    if ((s->cmos[REG_B] & B_AIE) && !stopped(s)) {
        int64_t alarm = next_alarm(s, second);
        at = earlier(at, alarm < 0 ? -1 : alarm * SECOND - s->base_ns);
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
    update_flags(s, now);
    update_irq(s);
    reschedule(s, now);
}

/* ---- ports ---- */

static bool is_time_register(int reg)
{
    return reg == REG_SECONDS || reg == REG_MINUTES || reg == REG_HOURS || (reg >= REG_DAY_OF_WEEK && reg <= REG_YEAR) ||
           reg == REG_CENTURY;
}

static uint8_t read_a(const RTCState *s, int64_t now)
{
    bool updating = !stopped(s) && SECOND - time_of_day(s, now) % SECOND <= UIP_NS;
    return (uint8_t)(s->cmos[REG_A] | (updating ? A_UIP : 0));
}

static uint8_t read_c(RTCState *s, int64_t now)
{
    update_flags(s, now);
    update_irq(s);
    uint8_t value = s->cmos[REG_C];
    s->cmos[REG_C] = 0;
    update_irq(s);
    return value;
}

static uint8_t read_register(RTCState *s, int reg)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    if (is_time_register(reg)) {
        if (!(s->cmos[REG_B] & B_SET)) {
            set_registers(s, time_of_day(s, now));
        }
        return s->cmos[reg];
    }
    switch (reg) {
    case REG_A:
        return read_a(s, now);
    case REG_C:
        return read_c(s, now);
    case REG_D:
        return D_VALID;
    default:
        return s->cmos[reg];
    }
}

/* Registers A and B may stop or start the clock. Stopped, base_ns is the time it stands at. */
static void write_control(RTCState *s, int reg, uint8_t value, int64_t now)
{
    int64_t time = time_of_day(s, now);
    bool was_set = s->cmos[REG_B] & B_SET;
    if (!was_set) {
        set_registers(s, time);
    }
    s->cmos[reg] = reg == REG_A ? value & ~A_UIP : value;
    bool is_set = s->cmos[REG_B] & B_SET;
    if (was_set && !is_set) {
        time = registers_to_ns(s);
    }
    if (is_set) {
        s->cmos[REG_B] &= ~B_UIE;
    }
    s->base_ns = stopped(s) ? time : time - now;
}

static void write_time(RTCState *s, int reg, uint8_t value, int64_t now)
{
    if (s->cmos[REG_B] & B_SET) {
        s->cmos[reg] = value;
        return;
    }
    int64_t time = time_of_day(s, now);
    set_registers(s, time);
    s->cmos[reg] = value;
    s->base_ns += registers_to_ns(s) + time % SECOND - time;
}

static void write_register(RTCState *s, int reg, uint8_t value)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    update_flags(s, now);
    if (reg == REG_A || reg == REG_B) {
        write_control(s, reg, value, now);
    } else if (is_time_register(reg)) {
        write_time(s, reg, value, now);
    } else if (reg != REG_C && reg != REG_D) {
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
static void set_initial_time(RTCState *s)
{
    int64_t utc = config.fixed_date ? config.date_seconds * SECOND : qemu_clock_get_ns(QEMU_CLOCK_HOST);
    s->base_ns = utc + config.utc_offset * SECOND - qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    s->running = true;
}

/* The host's time zone is the recorder's: in replay its offset comes from the manifest. */
static void settle_utc_offset(Error **errp)
{
    const char *recorded = replay_recorded_property("rtc-offset");
    char *offset = recorded ? g_strdup(recorded) : g_strdup_printf("%" PRId64, config.utc_offset);
    config.utc_offset = CLAMP(g_ascii_strtoll(offset, NULL, 10), -DAY_SECONDS, DAY_SECONDS);
    replay_add_property("rtc-offset", "-rtc base", offset, errp);
    g_free(offset);
}

/* RESET# clears the interrupt enables and flags; time and memory are on the battery. */
static void rtc_reset(Device *dev)
{
    RTCState *s = container_of(dev, RTCState, dev);
    if (!s->running) {
        set_initial_time(s);
    }
    s->cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE);
    s->cmos[REG_C] = 0;
    s->irq8_inhibited = false;
    s->checked_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    timer_del(&s->timer);
    update_irq(s);
}

static bool rtc_realize(Device *dev, Error **errp)
{
    RTCState *s = container_of(dev, RTCState, dev);
    settle_utc_offset(errp);
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
    if (s->index >= CMOS_SIZE || s->base_ns < -MAX_SECONDS || s->checked_ns < 0) {
        error_setg(errp, "mc146818rtc: impossible index %d or time %" PRId64, s->index, s->base_ns);
        return false;
    }
    return true;
}

static const VMStateField rtc_fields[] = {
    VMSTATE_DERIVED(RTCState, dev),
    VMSTATE_BYTES(RTCState, cmos),
    VMSTATE_INT(RTCState, index),
    VMSTATE_BOOL(RTCState, running),
    VMSTATE_INT(RTCState, base_ns),
    VMSTATE_INT(RTCState, checked_ns),
    VMSTATE_BOOL(RTCState, irq8_inhibited),
    VMSTATE_TIMER(RTCState, timer),
    VMSTATE_DERIVED(RTCState, irq),
    VMSTATE_DERIVED(RTCState, ports),
    VMSTATE_END
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
