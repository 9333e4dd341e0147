/*
 * hw/timer/hpet.c  High precision event timers, IA-PC HPET specification 1.0a. FED00000h, three comparators, 100 MHz.
 *
 * The main counter is the virtual clock in units of 10 ns. Like the other timers it computes instead of counting: a
 * timer knows the tick of its next match, and a clock timer is armed only when somebody would notice the match.
 *
 * An edge-triggered interrupt leaves its line high until just before the next one: the 8259 forgets a request whose
 * line falls before it is acknowledged. FSB (MSI) delivery is not offered.
 */
#include "exec/memory.h"
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"

#define HPET_BASE 0xfed00000
#define TICK_NS   10
#define TIMERS    3

#define REG_CAPABILITIES 0x000
#define REG_CONFIG       0x010
#define REG_STATUS       0x020
#define REG_COUNTER      0x0f0
#define REG_TIMERS       0x100 /* 32 bytes each: config, comparator, FSB route */
#define TIMER_STRIDE     0x20
#define TIMER_CONFIG     0x00
#define TIMER_COMPARATOR 0x08

#define CONFIG_ENABLE 1
#define CONFIG_LEGACY 2

#define TN_LEVEL        0x0002
#define TN_ENABLE       0x0004
#define TN_PERIODIC     0x0008
#define TN_PERIODIC_CAP 0x0010
#define TN_SIZE_64_CAP  0x0020
#define TN_SET_VALUE    0x0040
#define TN_32BIT        0x0100
#define TN_ROUTE_SHIFT  9
#define TN_ROUTE        (31 << TN_ROUTE_SHIFT)
#define TN_WRITABLE     (TN_LEVEL | TN_ENABLE | TN_PERIODIC | TN_SET_VALUE | TN_32BIT | TN_ROUTE)
/* Inputs of the IO-APIC that a comparator may be routed to, in the upper half of its configuration: 16 to 23. */
#define ROUTES       0x00ff0000u
#define TN_ROUTE_CAP ((uint64_t)ROUTES << 32)

#define NEVER (-1)
/* 73 years of ticks. Matches further away are never; and no state has more of them. */
#define TICK_LIMIT (INT64_MAX / TICK_NS / 4)

/* 10,000,000 fs per tick, vendor 8086h, legacy routes, 64 bits, three timers, revision 1 */
#define CAPABILITIES ((10000000ull << 32) | 0x8086ull << 16 | 1 << 15 | 1 << 13 | (TIMERS - 1) << 8 | 1)

typedef struct HPETState HPETState;

typedef struct HPETTimer {
    uint64_t config; /* writable bits */
    uint64_t comparator;
    uint64_t period;    /* last value written, added at each periodic match */
    int64_t match_tick; /* virtual tick of the next match, or NEVER */
    bool line;          /* what we drive */
    QEMUTimer timer;    /* at match_tick, if the match has consequences */
    HPETState *hpet;
    int n;
} HPETTimer;

struct HPETState {
    Device dev;
    uint64_t config, status;
    uint64_t counter; /* while stopped: its value; while running: value minus virtual ticks */
    HPETTimer timers[TIMERS];
    Device *pit, *rtc;
    MemoryRegion mmio;
};

static int64_t virtual_tick(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) / TICK_NS;
}

static bool enabled(const HPETState *s)
{
    return s->config & CONFIG_ENABLE;
}

/* IRQ 0 and 8 are ours: it takes both bits. */
static bool legacy_routes(uint64_t config)
{
    return (config & (CONFIG_ENABLE | CONFIG_LEGACY)) == (CONFIG_ENABLE | CONFIG_LEGACY);
}

static uint64_t counter(const HPETState *s)
{
    return enabled(s) ? s->counter + (uint64_t)virtual_tick() : s->counter;
}

static uint64_t width_mask(const HPETTimer *t)
{
    return t->config & TN_32BIT ? 0xffffffffull : ~0ull;
}

static bool is_periodic(const HPETTimer *t)
{
    return (t->config & TN_PERIODIC) && t->period;
}

/* ---- interrupts ---- */

static IRQLine route(const HPETTimer *t)
{
    if ((t->hpet->config & CONFIG_LEGACY) && t->n < 2) {
        return legacy_routes(t->hpet->config) ? pc_gsi(t->n == 0 ? 0 : 8) : (IRQLine){ 0 };
    }
    int input = (int)(t->config & TN_ROUTE) >> TN_ROUTE_SHIFT;
    return ROUTES >> input & 1 ? pc_gsi(input) : (IRQLine){ 0 };
}

static void set_line(HPETTimer *t, bool level)
{
    if (t->line != level) {
        t->line = level;
        irq_set(route(t), level);
    }
}

static bool may_interrupt(const HPETTimer *t)
{
    return enabled(t->hpet) && (t->config & TN_ENABLE);
}

static bool status(const HPETTimer *t)
{
    return t->hpet->status >> t->n & 1;
}

/* The line as configuration and status want it; an edge that was given stays while interrupts are allowed. */
static void update_line(HPETTimer *t, bool edge_given)
{
    set_line(t, may_interrupt(t) && (t->config & TN_LEVEL ? status(t) : edge_given));
}

static void interrupt(HPETTimer *t)
{
    if (t->config & TN_LEVEL) {
        t->hpet->status |= 1ull << t->n;
    } else {
        update_line(t, false);
    }
    update_line(t, true);
}

/* ---- matches ---- */

/* When the counter will next become equal to the comparator. */
static void find_match(HPETTimer *t)
{
    uint64_t left = (t->comparator - counter(t->hpet)) & width_mask(t);
    t->match_tick = NEVER;
    if (left == 0) {
        left = width_mask(t); /* a whole turn, but for the tick that follows */
        left += t->config & TN_32BIT ? 1 : 0;
    }
    if (enabled(t->hpet) && left < TICK_LIMIT) {
        t->match_tick = virtual_tick() + (int64_t)left;
    }
}

static void arm(HPETTimer *t)
{
    if (t->match_tick != NEVER && (t->config & (TN_ENABLE | TN_LEVEL))) {
        timer_mod(&t->timer, t->match_tick * TICK_NS);
    } else {
        timer_del(&t->timer);
    }
}

/* The comparator of a periodic timer moves on by the periods that are over. */
static void next_period(HPETTimer *t)
{
    uint64_t late = (uint64_t)(virtual_tick() - t->match_tick);
    uint64_t step = (late / t->period + 1) * t->period;
    t->comparator = (t->comparator + step) & width_mask(t);
    t->match_tick = step < TICK_LIMIT ? t->match_tick + (int64_t)step : NEVER;
}

/* Do what the matches up to now ask for. */
static void catch_up(HPETTimer *t)
{
    if (t->match_tick == NEVER || virtual_tick() < t->match_tick) {
        return;
    }
    if (is_periodic(t)) {
        next_period(t);
    } else {
        find_match(t);
    }
    if (t->config & (TN_ENABLE | TN_LEVEL)) {
        interrupt(t);
    }
}

static void match(void *opaque)
{
    HPETTimer *t = opaque;
    catch_up(t);
    arm(t);
}

/* ---- registers ---- */

static void set_legacy(HPETState *s, bool legacy)
{
    i8254_inhibit_irq0(s->pit, legacy);
    rtc_inhibit_irq8(s->rtc, legacy);
}

static void start_or_stop(HPETState *s, uint64_t config)
{
    uint64_t value = counter(s);
    s->config = config;
    s->counter = enabled(s) ? value - (uint64_t)virtual_tick() : value;
    for (int i = 0; i < TIMERS; i++) {
        find_match(&s->timers[i]);
        arm(&s->timers[i]);
    }
}

/* Lines fall while routes change. A stopped HPET interrupts nobody, but keeps its status. */
static void write_config(HPETState *s, uint64_t value)
{
    uint64_t old = s->config;
    value &= CONFIG_ENABLE | CONFIG_LEGACY;
    for (int i = 0; i < TIMERS && value != old; i++) {
        catch_up(&s->timers[i]);
        set_line(&s->timers[i], false);
    }
    if ((old ^ value) & CONFIG_ENABLE) {
        start_or_stop(s, value);
    }
    s->config = value;
    if (legacy_routes(old) != legacy_routes(value)) {
        set_legacy(s, legacy_routes(value));
    }
    for (int i = 0; i < TIMERS && value != old; i++) {
        update_line(&s->timers[i], false);
    }
}

static void write_status(HPETState *s, uint64_t value)
{
    for (int i = 0; i < TIMERS; i++) {
        if (value & s->status & (1u << i)) {
            s->status &= ~(1ull << i);
            update_line(&s->timers[i], false);
        }
    }
}

static void write_counter(HPETState *s, uint64_t value)
{
    if (!enabled(s)) {
        s->counter = value;
    }
}

/* A route that is not offered does not stick; TN_SET_VALUE means something to periodic timers only. */
static uint64_t acceptable_config(const HPETTimer *t, uint64_t value)
{
    value &= TN_WRITABLE;
    if (!(ROUTES >> ((value & TN_ROUTE) >> TN_ROUTE_SHIFT) & 1)) {
        value = (value & ~(uint64_t)TN_ROUTE) | (t->config & TN_ROUTE);
    }
    return value & TN_PERIODIC ? value : value & ~(uint64_t)TN_SET_VALUE;
}

static void write_timer_config(HPETTimer *t, uint64_t value)
{
    catch_up(t);
    uint64_t accepted = acceptable_config(t, value), changes = accepted ^ t->config;
    bool keep_line = t->line && !(changes & (TN_ROUTE | TN_LEVEL));
    if (!keep_line) {
        set_line(t, false);
    }
    t->config = accepted;
    t->comparator &= width_mask(t);
    t->period &= width_mask(t);
    if (!(t->config & TN_LEVEL)) {
        t->hpet->status &= ~(1ull << t->n);
    }
    if (changes & TN_32BIT) {
        find_match(t);
    }
    arm(t);
    update_line(t, keep_line);
}

/* Periodic: the value is the period; it is the next match too, when TN_SET_VALUE asks for it (once). */
static void write_comparator(HPETTimer *t, uint64_t value, uint64_t bytes)
{
    catch_up(t);
    bytes &= width_mask(t);
    if (t->config & TN_PERIODIC) {
        t->period = (t->period & ~bytes) | (value & bytes);
    }
    if (!(t->config & TN_PERIODIC) || (t->config & TN_SET_VALUE)) {
        t->comparator = (t->comparator & ~bytes) | (value & bytes);
        find_match(t);
    }
    t->config &= ~(uint64_t)TN_SET_VALUE;
    arm(t);
}

static uint64_t read_register(HPETState *s, unsigned reg)
{
    switch (reg) {
    case REG_CAPABILITIES:
        return CAPABILITIES;
    case REG_CONFIG:
        return s->config;
    case REG_STATUS:
        return s->status;
    case REG_COUNTER:
        return counter(s);
    }
    unsigned n = (reg - REG_TIMERS) / TIMER_STRIDE;
    if (reg < REG_TIMERS || n >= TIMERS) {
        return 0;
    }
    HPETTimer *t = &s->timers[n];
    switch ((reg - REG_TIMERS) % TIMER_STRIDE) {
    case TIMER_CONFIG:
        return t->config | TN_PERIODIC_CAP | TN_SIZE_64_CAP | TN_ROUTE_CAP;
    case TIMER_COMPARATOR:
        catch_up(t);
        return t->comparator;
    default:
        return 0;
    }
}

/* bytes: mask of what is written. */
static void write_timer(HPETState *s, unsigned reg, uint64_t value, uint64_t bytes)
{
    unsigned n = (reg - REG_TIMERS) / TIMER_STRIDE, offset = (reg - REG_TIMERS) % TIMER_STRIDE;
    if (reg < REG_TIMERS || n >= TIMERS) {
        return;
    }
    HPETTimer *t = &s->timers[n];
    if (offset == TIMER_CONFIG && (bytes & TN_WRITABLE)) {
        write_timer_config(t, value);
    } else if (offset == TIMER_COMPARATOR) {
        write_comparator(t, value, bytes);
    }
}

static void write_register(HPETState *s, unsigned reg, uint64_t value, uint64_t bytes)
{
    switch (reg) {
    case REG_CONFIG:
        write_config(s, (s->config & ~bytes) | (value & bytes));
        break;
    case REG_STATUS:
        write_status(s, value & bytes);
        break;
    case REG_COUNTER:
        write_counter(s, (s->counter & ~bytes) | (value & bytes));
        break;
    default:
        write_timer(s, reg, value, bytes);
    }
}

static uint64_t hpet_read(void *opaque, hwaddr addr, unsigned size)
{
    uint64_t value = read_register(opaque, addr & ~7u);
    return size == 8 ? value : (uint32_t)(value >> (addr & 4 ? 32 : 0));
}

static void hpet_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    unsigned shift = addr & 4 ? 32 : 0;
    uint64_t bytes = size == 8 ? ~0ull : 0xffffffffull << shift;
    write_register(opaque, addr & ~7u, size == 8 ? value : value << shift, bytes);
}

static const MemoryRegionOps hpet_ops = { .read = hpet_read, .write = hpet_write, .min_access = 4, .max_access = 8 };

/* ---- declaration ---- */

void hpet_connect(Device *dev, Device *pit, Device *rtc)
{
    HPETState *s = container_of(dev, HPETState, dev);
    s->pit = pit;
    s->rtc = rtc;
}

static void hpet_reset(Device *dev)
{
    HPETState *s = container_of(dev, HPETState, dev);
    for (int i = 0; i < TIMERS; i++) {
        HPETTimer *t = &s->timers[i];
        set_line(t, false);
        timer_del(&t->timer);
        t->config = t->period = 0;
        t->comparator = ~0ull;
        t->match_tick = NEVER;
    }
    s->config = s->status = s->counter = 0;
    set_legacy(s, false);
}

static bool hpet_realize(Device *dev, Error **errp)
{
    (void)errp;
    HPETState *s = container_of(dev, HPETState, dev);
    for (int i = 0; i < TIMERS; i++) {
        s->timers[i].hpet = s;
        s->timers[i].n = i;
        timer_init_ns(&s->timers[i].timer, QEMU_CLOCK_VIRTUAL, match, &s->timers[i]);
    }
    memory_region_init_io(&s->mmio, &hpet_ops, s, "hpet", 0x400);
    memory_region_add_subregion(get_system_memory(), HPET_BASE, &s->mmio);
    return true;
}

static bool timer_post_load(void *opaque, Error **errp)
{
    const HPETTimer *t = opaque;
    bool tick_ok = t->match_tick == NEVER || (t->match_tick >= 0 && t->match_tick < TICK_LIMIT * 2);
    if ((t->config & ~(uint64_t)TN_WRITABLE) || !tick_ok) {
        error_setg(errp, "hpet: timer %d: impossible configuration %#" PRIx64 " or match at %" PRId64, t->n, t->config,
                   t->match_tick);
        return false;
    }
    return true;
}

static bool hpet_post_load(void *opaque, Error **errp)
{
    const HPETState *s = opaque;
    if ((s->config & ~(uint64_t)(CONFIG_ENABLE | CONFIG_LEGACY)) || s->status >> TIMERS) {
        error_setg(errp, "hpet: impossible configuration %#" PRIx64 " or status %#" PRIx64, s->config, s->status);
        return false;
    }
    return true;
}

static const VMStateField hpet_timer_fields[] = {
    VMSTATE_INT(HPETTimer, config),     VMSTATE_INT(HPETTimer, comparator), VMSTATE_INT(HPETTimer, period),
    VMSTATE_INT(HPETTimer, match_tick), VMSTATE_BOOL(HPETTimer, line),      VMSTATE_TIMER(HPETTimer, timer),
    VMSTATE_DERIVED(HPETTimer, hpet),   VMSTATE_DERIVED(HPETTimer, n),      VMSTATE_END,
};
static const VMStateDescription vmstate_hpet_timer = {
    .name = "hpet-timer", .version = 1, .fields = hpet_timer_fields, .post_load = timer_post_load
};

static const VMStateField hpet_fields[] = {
    VMSTATE_DERIVED(HPETState, dev),
    VMSTATE_INT(HPETState, config),
    VMSTATE_INT(HPETState, status),
    VMSTATE_INT(HPETState, counter),
    VMSTATE_STRUCT_ARRAY(HPETState, timers, vmstate_hpet_timer),
    VMSTATE_DERIVED(HPETState, pit),
    VMSTATE_DERIVED(HPETState, rtc),
    VMSTATE_DERIVED(HPETState, mmio),
    VMSTATE_END,
};
static const VMStateDescription vmstate_hpet = {
    .name = "hpet", .version = 1, .fields = hpet_fields, .post_load = hpet_post_load
};

const DeviceType hpet_type = {
    .name = "hpet",
    .description = "high precision event timers",
    .size = sizeof(HPETState),
    .vmsd = &vmstate_hpet,
    .realize = hpet_realize,
    .reset = hpet_reset,
};
