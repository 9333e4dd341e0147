/*
 * hw/timer/hpet.c  High precision event timers, IA-PC HPET specification 1.0a. FED00000h, three comparators, 100 MHz.
 *
 * The main counter is the virtual clock in units of 10 ns. FSB (MSI) delivery is not offered.
 */
#include "exec/memory.h"
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"

#define HPET_BASE 0xfed00000
#define TICK_NS 10
#define TIMERS 3

#define REG_CAPABILITIES 0x000
#define REG_CONFIG 0x010
#define REG_STATUS 0x020
#define REG_COUNTER 0x0f0
#define REG_TIMERS 0x100 /* 32 bytes each: config, comparator, FSB route */
#define TIMER_STRIDE 0x20

#define CONFIG_ENABLE 1
#define CONFIG_LEGACY 2

#define TN_LEVEL 0x0002
#define TN_ENABLE 0x0004
#define TN_PERIODIC 0x0008
#define TN_PERIODIC_CAP 0x0010
#define TN_SIZE_64_CAP 0x0020
#define TN_SET_VALUE 0x0040
#define TN_32BIT 0x0100
#define TN_ROUTE_SHIFT 9
#define TN_ROUTE (31 << TN_ROUTE_SHIFT)
#define TN_WRITABLE (TN_LEVEL | TN_ENABLE | TN_PERIODIC | TN_SET_VALUE | TN_32BIT | TN_ROUTE)
/* Inputs of the IO-APIC that a comparator may be routed to, in the upper half of its configuration: 16 to 23. */
#define TN_ROUTE_CAP (0x00ff0000ull << 32)

/* 10,000,000 fs per tick, vendor 8086h, legacy routes, 64 bits, three timers, revision 1 */
#define CAPABILITIES ((10000000ull << 32) | 0x8086ull << 16 | 1 << 15 | 1 << 13 | (TIMERS - 1) << 8 | 1)

typedef struct HPETState HPETState;

typedef struct HPETTimer {
    uint64_t config;     /* writable bits */
    uint64_t comparator;
    uint64_t period;     /* last value written, added at each periodic match */
    QEMUTimer timer;
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

static uint64_t virtual_ticks(void)
{
    return (uint64_t)qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) / TICK_NS;
}

static bool enabled(const HPETState *s)
{
    return s->config & CONFIG_ENABLE;
}

static uint64_t counter(const HPETState *s)
{
    return enabled(s) ? s->counter + virtual_ticks() : s->counter;
}

/* ---- interrupts ---- */

static IRQLine route(const HPETTimer *t)
{
    if ((t->hpet->config & CONFIG_LEGACY) && t->n < 2) {
        return pc_gsi(t->n == 0 ? 0 : 8);
    }
    int input = (int)(t->config & TN_ROUTE) >> TN_ROUTE_SHIFT;
    return (TN_ROUTE_CAP >> 32) & (1u << input) ? pc_gsi(input) : (IRQLine){ 0 };
}

static void lower(HPETTimer *t)
{
    t->hpet->status &= ~(1ull << t->n);
    irq_lower(route(t));
}

static void interrupt(HPETTimer *t)
{
    if (!(t->config & TN_ENABLE)) {
        return;
    }
    if (t->config & TN_LEVEL) {
        t->hpet->status |= 1ull << t->n;
        irq_raise(route(t));
    } else {
        irq_pulse(route(t));
    }
}

/* ---- matches ---- */

static uint64_t width_mask(const HPETTimer *t)
{
    return t->config & TN_32BIT ? 0xffffffffull : ~0ull;
}

/* Ticks until the counter next equals the comparator: at least 1. */
static uint64_t ticks_to_match(const HPETTimer *t, uint64_t now)
{
    uint64_t left = (t->comparator - now) & width_mask(t);
    return left ? left : width_mask(t);
}

static void arm(HPETTimer *t)
{
    timer_del(&t->timer);
    if (!enabled(t->hpet) || !(t->config & TN_ENABLE)) {
        return;
    }
    uint64_t left = ticks_to_match(t, counter(t->hpet));
    uint64_t at = virtual_ticks() + left;
    if (left < (uint64_t)INT64_MAX / TICK_NS / 2) { /* further away than any clock will ever come: never */
        timer_mod(&t->timer, (int64_t)(at * TICK_NS));
    }
}

static void match(void *opaque)
{
    HPETTimer *t = opaque;
    if ((t->config & TN_PERIODIC) && t->period) {
        uint64_t passed = (counter(t->hpet) - t->comparator) & width_mask(t);
        t->comparator = (t->comparator + t->period * (passed / t->period + 1)) & width_mask(t);
    }
    interrupt(t);
    arm(t);
}

/* A comparator of a periodic timer that nobody watched has moved on all the same. */
static void catch_up(HPETTimer *t)
{
    uint64_t passed = (counter(t->hpet) - t->comparator) & width_mask(t);
    if ((t->config & TN_PERIODIC) && t->period && !(t->config & TN_ENABLE) && passed <= width_mask(t) / 2) {
        t->comparator = (t->comparator + t->period * (passed / t->period + 1)) & width_mask(t);
    }
}

/* ---- registers ---- */

static void set_legacy(HPETState *s, bool legacy)
{
    i8254_inhibit_irq0(s->pit, legacy);
    rtc_inhibit_irq8(s->rtc, legacy);
}

static void start_or_stop(HPETState *s, uint64_t config)
{
    bool was = enabled(s), is = config & CONFIG_ENABLE;
    uint64_t value = counter(s);
    s->config = config;
    if (was != is) {
        s->counter = is ? value - virtual_ticks() : value;
    }
    for (int i = 0; i < TIMERS && was != is; i++) {
        if (!is && (s->status & (1u << i))) {
            lower(&s->timers[i]);
        }
        arm(&s->timers[i]);
    }
}

static void write_config(HPETState *s, uint64_t value)
{
    value &= CONFIG_ENABLE | CONFIG_LEGACY;
    bool legacy_changes = (s->config ^ value) & CONFIG_LEGACY;
    for (int i = 0; i < TIMERS && legacy_changes; i++) {
        irq_lower(route(&s->timers[i]));
    }
    start_or_stop(s, value);
    if (legacy_changes) {
        set_legacy(s, value & CONFIG_LEGACY);
    }
}

static void write_status(HPETState *s, uint64_t value)
{
    for (int i = 0; i < TIMERS; i++) {
        if (value & s->status & (1u << i)) {
            lower(&s->timers[i]);
        }
    }
}

static void write_counter(HPETState *s, uint64_t value)
{
    if (!enabled(s)) {
        s->counter = value;
    }
}

static void write_timer_config(HPETTimer *t, uint64_t value)
{
    if (t->hpet->status & (1u << t->n)) {
        lower(t);
    }
    t->config = value & TN_WRITABLE;
    if (t->config & TN_32BIT) {
        t->comparator &= width_mask(t);
        t->period &= width_mask(t);
    }
    arm(t);
}

/* Periodic: the value is the period; it is the next match too, when TN_SET_VALUE asks for it (once). */
static void write_comparator(HPETTimer *t, uint64_t value)
{
    value &= width_mask(t);
    if (!(t->config & TN_PERIODIC) || (t->config & TN_SET_VALUE)) {
        t->comparator = value;
    }
    if (t->config & TN_PERIODIC) {
        t->period = value;
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
    case 0x00:
        return t->config | TN_PERIODIC_CAP | TN_SIZE_64_CAP | TN_ROUTE_CAP;
    case 0x08:
        catch_up(t);
        return t->comparator;
    default:
        return 0;
    }
}

static void write_register(HPETState *s, unsigned reg, uint64_t value)
{
    unsigned n = (reg - REG_TIMERS) / TIMER_STRIDE;
    if (reg == REG_CONFIG) {
        write_config(s, value);
    } else if (reg == REG_STATUS) {
        write_status(s, value);
    } else if (reg == REG_COUNTER) {
        write_counter(s, value);
    } else if (reg >= REG_TIMERS && n < TIMERS) {
        switch ((reg - REG_TIMERS) % TIMER_STRIDE) {
        case 0x00:
            write_timer_config(&s->timers[n], value);
            break;
        case 0x08:
            write_comparator(&s->timers[n], value);
            break;
        }
    }
}

/* A 32-bit write: the other half of a status write stays 0, of anything else as it is. */
static uint64_t merge_half(HPETState *s, hwaddr addr, uint64_t value)
{
    unsigned reg = addr & ~7u, n = (reg - REG_TIMERS) / TIMER_STRIDE;
    uint64_t old = reg == REG_STATUS ? 0 : read_register(s, reg);
    if (reg >= REG_TIMERS && n < TIMERS && reg % TIMER_STRIDE == 0x08 && (s->timers[n].config & TN_PERIODIC)) {
        old = s->timers[n].period;
    }
    return deposit64(old, addr & 4 ? 32 : 0, 32, value);
}

static uint64_t hpet_read(void *opaque, hwaddr addr, unsigned size)
{
    uint64_t value = read_register(opaque, addr & ~7u);
    return size == 8 ? value : (uint32_t)(value >> (addr & 4 ? 32 : 0));
}

static void hpet_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    HPETState *s = opaque;
    unsigned reg = addr & ~7u;
    bool upper_of_config = size == 4 && (addr & 4) && (reg == REG_CONFIG || reg % TIMER_STRIDE == 0) && reg != REG_COUNTER;
    if (!upper_of_config) { /* nothing writable there */
        write_register(s, reg, size == 8 ? value : merge_half(s, addr, value));
    }
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
    s->config = s->status = s->counter = 0;
    for (int i = 0; i < TIMERS; i++) {
        HPETTimer *t = &s->timers[i];
        timer_del(&t->timer);
        t->config = t->period = 0;
        t->comparator = ~0ull;
    }
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

static const VMStateField hpet_timer_fields[] = {
    VMSTATE_INT(HPETTimer, config),
    VMSTATE_INT(HPETTimer, comparator),
    VMSTATE_INT(HPETTimer, period),
    VMSTATE_TIMER(HPETTimer, timer),
    VMSTATE_DERIVED(HPETTimer, hpet),
    VMSTATE_DERIVED(HPETTimer, n),
    VMSTATE_END
};
static const VMStateDescription vmstate_hpet_timer = { .name = "hpet-timer", .version = 1, .fields = hpet_timer_fields };

static const VMStateField hpet_fields[] = {
    VMSTATE_DERIVED(HPETState, dev),
    VMSTATE_INT(HPETState, config),
    VMSTATE_INT(HPETState, status),
    VMSTATE_INT(HPETState, counter),
    VMSTATE_STRUCT_ARRAY(HPETState, timers, vmstate_hpet_timer),
    VMSTATE_DERIVED(HPETState, pit),
    VMSTATE_DERIVED(HPETState, rtc),
    VMSTATE_DERIVED(HPETState, mmio),
    VMSTATE_END
};
static const VMStateDescription vmstate_hpet = { .name = "hpet", .version = 1, .fields = hpet_fields };

const DeviceType hpet_type = {
    .name = "hpet",
    .description = "high precision event timers",
    .size = sizeof(HPETState),
    .vmsd = &vmstate_hpet,
    .realize = hpet_realize,
    .reset = hpet_reset,
};
