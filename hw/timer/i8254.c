/*
 * hw/timer/i8254.c  Programmable interval timer, Intel 8254 datasheet. Ports 40h-43h, 1.193182 MHz, output 0 is IRQ 0.
 *
 * Nothing counts: a channel remembers the clock pulse that loaded its counting element, and its count, its output and
 * the moment of its next edge are computed from the virtual clock. Pulses (ticks) are numbered from power-on. As in the
 * chip, what is written waits in the count register; the pulse after the write (or after the trigger) moves it on.
 * Edges keep to that. A count is shown as loaded at once, though: on a PC the next I/O cycle always comes after that
 * pulse, and guests rely on it (Linux's calibration does), while here an access takes next to no time.
 *
 * Only output 0 is wired to anything that notices edges, and there only rising edges count: the one-tick low pulse of
 * modes 2 and 4 is given in one piece, at its end. A count of 1, which modes 2 and 3 do not allow, leaves the output
 * high.
 */
#include "exec/memory.h"
#include "hw/isa/chips.h"

#define PIT_HZ            1193182
#define CHANNELS          3
#define STATUS_OUTPUT     0x80
#define STATUS_NULL_COUNT 0x40
#define CONTROL_BITS      0x3f /* access, mode, BCD */
/* Ticks that a snapshot may hold, either sign: 119 years */
#define TICK_LIMIT (1LL << 52)

typedef enum Access { ACCESS_LATCH, ACCESS_LSB, ACCESS_MSB, ACCESS_BOTH } Access;

typedef struct Channel {
    uint8_t control;       /* as last written: access, mode, BCD */
    uint32_t written;      /* count register, 1..65536 ticks; 0: nothing written since the control word */
    uint32_t count;        /* what the counting element counts from */
    int64_t load_tick;     /* the pulse that loads it or has loaded it */
    int64_t takeover_tick; /* modes 2, 3, `pending`: the pulse that loads `written` */
    int64_t held;          /* `paused`: pulses counted by then */
    uint16_t before;       /* the counting element while not `running` */
    bool running;          /* the counting element has been told to load */
    bool pending;          /* `written` waits for the end of a cycle or for a trigger */
    bool paused;           /* gate is low in a mode that then stops */
    uint8_t gate;
    uint8_t write_low; /* first byte of a two-byte write */
    uint8_t write_high_next, read_high_next;
    uint8_t latched_bytes; /* bytes of the latched count still to be read */
    uint16_t latched_count;
    uint8_t status_latched, status;
} Channel;

typedef struct PITState {
    Device dev;
    Channel channels[CHANNELS];
    bool irq0_inhibited; /* the HPET has taken IRQ 0 over */
    QEMUTimer edge;      /* next rising edge of output 0 (mode 3: any edge) */
    IRQLine out0;
    MemoryRegion ports;
} PITState;

static int64_t now_tick(void)
{
    return (int64_t)muldiv64((uint64_t)qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), PIT_HZ, NANOSECONDS_PER_SECOND);
}

/* First nanosecond at which the tick has come. */
static int64_t tick_to_ns(int64_t tick)
{
    unsigned __int128 product = (unsigned __int128)tick * NANOSECONDS_PER_SECOND;
    return (int64_t)((product + PIT_HZ - 1) / PIT_HZ);
}

/* ---- the control word ---- */

/* 0..5; modes 6 and 7 are aliases of 2 and 3. */
static int mode_of(const Channel *c)
{
    int mode = (c->control >> 1) & 7;
    return mode > 5 ? mode - 4 : mode;
}

static Access access_of(const Channel *c)
{
    return (c->control >> 4) & 3;
}

static bool is_bcd(const Channel *c)
{
    return c->control & 1;
}

static bool is_periodic(const Channel *c)
{
    return mode_of(c) == 2 || mode_of(c) == 3;
}

/* Modes 1, 5: an edge of the gate starts the count; its level means nothing. */
static bool needs_trigger(const Channel *c)
{
    return mode_of(c) == 1 || mode_of(c) == 5;
}

/* ---- what a channel shows ---- */

/* Pulses counted since the one that loaded the count; negative: it has not come yet. */
static int64_t elapsed(const Channel *c, int64_t tick)
{
    int64_t d = tick - c->load_tick;
    return c->paused ? MIN(d, c->held) : d;
}

/* Ticks for which the output of a mode 3 cycle is high. */
static int64_t high_half(const Channel *c)
{
    return (c->count + 1) / 2;
}

static int output(const Channel *c, int64_t tick)
{
    if (!c->running) {
        return mode_of(c) != 0;
    }
    int64_t d = MAX(elapsed(c, tick), 0);
    switch (mode_of(c)) {
    case 0:
    case 1:
        return d >= c->count;
    case 2:
        return c->paused || c->count == 1 || d % c->count != c->count - 1;
    case 3:
        return c->paused || d % c->count < high_half(c);
    default:
        return d != c->count;
    }
}

/* Mode 3 counts by two, twice through each cycle; an odd count is made even, and the high half has a pulse more. */
static uint32_t square_wave_count(const Channel *c, int64_t d)
{
    int64_t k = d % c->count;
    if (k >= high_half(c)) {
        k -= high_half(c);
    }
    return (c->count & ~1u) - 2 * (uint32_t)k;
}

static uint32_t count_after(const Channel *c, int64_t d, uint32_t modulus)
{
    switch (mode_of(c)) {
    case 2:
        return (c->count - (uint32_t)(d % c->count)) % modulus;
    case 3:
        return square_wave_count(c, d) % modulus;
    default:
        return (uint32_t)(((c->count - d) % modulus + modulus) % modulus);
    }
}

static uint16_t to_bcd(uint32_t v)
{
    return (uint16_t)((v / 1000 % 10) << 12 | (v / 100 % 10) << 8 | (v / 10 % 10) << 4 | v % 10);
}

static uint32_t from_bcd(uint16_t v)
{
    return (v >> 12) * 1000 + ((v >> 8) & 15) * 100 + ((v >> 4) & 15) * 10 + (v & 15);
}

static uint16_t read_count(const Channel *c, int64_t tick)
{
    if (!c->running) {
        return c->before;
    }
    int64_t d = MAX(elapsed(c, tick), 0);
    return is_bcd(c) ? to_bcd(count_after(c, d, 10000)) : (uint16_t)count_after(c, d, 65536);
}

static bool null_count(const Channel *c)
{
    return !c->written || c->pending;
}

/* ---- how counts reach the counting element ---- */

/* Modes 2, 3: the pulse that ends the cycle, or the half cycle, in which `tick` lies. */
static int64_t part_end(const Channel *c, int64_t tick)
{
    int64_t d = MAX(elapsed(c, tick), 0), into = d % c->count;
    int64_t length = mode_of(c) == 3 && into < high_half(c) ? high_half(c) : c->count;
    return c->load_tick + d - into + length;
}

static void load_at_next_pulse(Channel *c, int64_t tick)
{
    c->count = c->written;
    c->load_tick = tick + 1;
    c->held = 0;
    c->running = true;
    c->pending = false;
}

/* Modes 2, 3: a count that waited is in force from the end of the cycle; in mode 3, of the half cycle. */
static void take_over(Channel *c, int64_t tick)
{
    if (!c->pending || c->paused || !is_periodic(c) || tick < c->takeover_tick) {
        return;
    }
    bool low_half_next = mode_of(c) == 3 && output(c, c->takeover_tick - 1);
    c->count = c->written;
    c->load_tick = c->takeover_tick - (low_half_next ? high_half(c) : 0);
    c->pending = false;
}

/* ---- IRQ 0 ---- */

/* The tick after `tick` at which the output must be looked at again, -1: never. */
static int64_t next_edge(const Channel *c, int64_t tick)
{
    if (!c->running || c->paused) {
        return -1;
    }
    if (is_periodic(c)) {
        return c->count > 1 || c->pending ? part_end(c, tick) : -1;
    }
    int64_t at = mode_of(c) <= 1 ? c->count : (int64_t)c->count + 1;
    return elapsed(c, tick) < at ? c->load_tick + at : -1;
}

static void drive_irq0(PITState *s, int level)
{
    if (!s->irq0_inhibited) {
        irq_set(s->out0, level);
    }
}

static void schedule_edge(PITState *s, int64_t tick)
{
    int64_t at = next_edge(&s->channels[0], tick);
    if (at < 0) {
        timer_del(&s->edge);
    } else {
        timer_mod(&s->edge, tick_to_ns(at));
    }
}

/* Low first: the low half or pulse that ends here may have been too short to be seen. */
static void edge_due(void *opaque)
{
    PITState *s = opaque;
    Channel *c = &s->channels[0];
    int64_t tick = now_tick();
    take_over(c, tick);
    drive_irq0(s, 0);
    drive_irq0(s, output(c, tick));
    schedule_edge(s, tick);
}

static void channel_changed(PITState *s, Channel *c, int64_t tick)
{
    if (c == &s->channels[0]) {
        drive_irq0(s, output(c, tick));
        schedule_edge(s, tick);
    }
}

/* ---- programming ---- */

static void write_count(PITState *s, Channel *c, uint16_t value)
{
    int64_t tick = now_tick();
    uint32_t count = is_bcd(c) ? from_bcd(value) : value;
    take_over(c, tick);
    c->written = count ? count : is_bcd(c) ? 10000 : 65536;
    if (needs_trigger(c)) {
        c->pending = true;
    } else if (is_periodic(c) && c->running && elapsed(c, tick) >= 0) {
        c->pending = true;
        c->takeover_tick = part_end(c, tick);
    } else {
        load_at_next_pulse(c, tick);
    }
    channel_changed(s, c, tick);
}

/* Mode 0: the first of two bytes stops the count and lowers the output at once. */
static void write_first_byte(PITState *s, Channel *c, uint8_t value)
{
    int64_t tick = now_tick();
    c->write_low = value;
    c->write_high_next = 1;
    if (mode_of(c) == 0) {
        c->before = read_count(c, tick);
        c->running = false;
        channel_changed(s, c, tick);
    }
}

static void write_counter(PITState *s, Channel *c, uint8_t value)
{
    if (access_of(c) == ACCESS_LSB) {
        write_count(s, c, value);
    } else if (access_of(c) == ACCESS_MSB) {
        write_count(s, c, (uint16_t)(value << 8));
    } else if (!c->write_high_next) {
        write_first_byte(s, c, value);
    } else {
        c->write_high_next = 0;
        write_count(s, c, (uint16_t)(value << 8 | c->write_low));
    }
}

static void latch_count(Channel *c, int64_t tick)
{
    if (!c->latched_bytes) {
        c->latched_count = read_count(c, tick);
        c->latched_bytes = access_of(c) == ACCESS_BOTH ? 2 : 1;
    }
}

static void latch_status(Channel *c, int64_t tick)
{
    if (!c->status_latched) {
        c->status =
            (uint8_t)((output(c, tick) ? STATUS_OUTPUT : 0) | (null_count(c) ? STATUS_NULL_COUNT : 0) | c->control);
        c->status_latched = 1;
    }
}

static void read_back(PITState *s, uint8_t command)
{
    int64_t tick = now_tick();
    for (int i = 0; i < CHANNELS; i++) {
        Channel *c = &s->channels[i];
        if (!(command & (2 << i))) {
            continue;
        }
        take_over(c, tick);
        if (!(command & 0x20)) {
            latch_count(c, tick);
        }
        if (!(command & 0x10)) {
            latch_status(c, tick);
        }
    }
}

static void set_mode(PITState *s, Channel *c, uint8_t control)
{
    int64_t tick = now_tick();
    *c = (Channel){ .gate = c->gate, .before = read_count(c, tick), .control = control & CONTROL_BITS };
    c->paused = !c->gate && !needs_trigger(c);
    channel_changed(s, c, tick);
}

static void write_control(PITState *s, uint8_t value)
{
    unsigned channel = value >> 6;
    if (channel == 3) {
        read_back(s, value);
        return;
    }
    Channel *c = &s->channels[channel];
    take_over(c, now_tick());
    if (((value >> 4) & 3) == ACCESS_LATCH) {
        latch_count(c, now_tick());
    } else {
        set_mode(s, c, value);
    }
}

/* One flip-flop tells low byte from high byte, whether the count is latched or not. */
static uint8_t read_counter(Channel *c)
{
    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    int64_t tick = now_tick();
    take_over(c, tick);
    uint16_t v = c->latched_bytes ? c->latched_count : read_count(c, tick);
    c->latched_bytes -= c->latched_bytes != 0;
    bool high = access_of(c) == ACCESS_MSB || (access_of(c) == ACCESS_BOTH && c->read_high_next);
    c->read_high_next = access_of(c) == ACCESS_BOTH && !high;
    return (uint8_t)(high ? v >> 8 : v);
}

static uint64_t pit_read(void *opaque, hwaddr addr, unsigned size)
{
    PITState *s = opaque;
    (void)size;
    return addr == 3 ? 0xff : read_counter(&s->channels[addr]);
}

static void pit_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PITState *s = opaque;
    (void)size;
    if (addr == 3) {
        write_control(s, (uint8_t)value);
    } else {
        write_counter(s, &s->channels[addr], (uint8_t)value);
    }
}

static const MemoryRegionOps pit_ops = { .read = pit_read, .write = pit_write, .min_access = 1, .max_access = 1 };

/* ---- wires ---- */

void i8254_connect(Device *dev, IRQLine out0)
{
    container_of(dev, PITState, dev)->out0 = out0;
}

static void gate_falls(Channel *c, int64_t tick)
{
    if (!needs_trigger(c)) {
        c->held = MAX(elapsed(c, tick), 0);
        c->paused = true;
    }
}

/* Modes 0, 4 go on where they stood; the others start a new count. */
static void gate_rises(Channel *c, int64_t tick)
{
    if (!needs_trigger(c) && !is_periodic(c)) {
        c->load_tick = tick - elapsed(c, tick);
    } else if (c->written) {
        load_at_next_pulse(c, tick);
    }
    c->paused = false;
}

void i8254_set_gate2(Device *dev, int level)
{
    Channel *c = &container_of(dev, PITState, dev)->channels[2];
    int64_t tick = now_tick();
    take_over(c, tick);
    if (c->gate && !level) {
        gate_falls(c, tick);
    } else if (!c->gate && level) {
        gate_rises(c, tick);
    }
    c->gate = level != 0;
}

int i8254_get_out2(Device *dev)
{
    Channel *c = &container_of(dev, PITState, dev)->channels[2];
    int64_t tick = now_tick();
    take_over(c, tick);
    return output(c, tick);
}

void i8254_inhibit_irq0(Device *dev, bool inhibit)
{
    PITState *s = container_of(dev, PITState, dev);
    if (inhibit) {
        drive_irq0(s, 0);
    }
    s->irq0_inhibited = inhibit;
    if (!inhibit) {
        drive_irq0(s, output(&s->channels[0], now_tick()));
    }
}

/* Firmware finds what a PC's BIOS leaves: mode 3 with the longest count. */
static void pit_reset(Device *dev)
{
    PITState *s = container_of(dev, PITState, dev);
    int64_t tick = now_tick();
    s->irq0_inhibited = false;
    for (int i = 0; i < CHANNELS; i++) {
        Channel *c = &s->channels[i];
        *c = (Channel){ .control = ACCESS_BOTH << 4 | 3 << 1, .gate = i != 2, .paused = i == 2, .written = 65536 };
        load_at_next_pulse(c, tick);
    }
    channel_changed(s, &s->channels[0], tick);
}

static bool pit_realize(Device *dev, Error **errp)
{
    (void)errp;
    PITState *s = container_of(dev, PITState, dev);
    timer_init_ns(&s->edge, QEMU_CLOCK_VIRTUAL, edge_due, s);
    memory_region_init_io(&s->ports, &pit_ops, s, "pit", 4);
    memory_region_add_subregion(get_system_io(), 0x40, &s->ports);
    return true;
}

static bool tick_in_range(int64_t tick)
{
    return tick >= -TICK_LIMIT && tick <= TICK_LIMIT;
}

static bool channel_post_load(void *opaque, Error **errp)
{
    const Channel *c = opaque;
    bool counts = c->count <= 65536 && c->written <= 65536 && (!c->running || c->count) && (!c->pending || c->written);
    bool ticks =
        tick_in_range(c->load_tick) && tick_in_range(c->takeover_tick) && tick_in_range(c->held) && c->held >= 0;
    if (!counts || !ticks || access_of(c) == ACCESS_LATCH || c->control > CONTROL_BITS || c->latched_bytes > 2) {
        error_setg(errp, "i8254: impossible state of a channel: control word %#x, count %u", c->control, c->count);
        return false;
    }
    return true;
}

static const VMStateField channel_fields[] = {
    VMSTATE_INT(Channel, control),
    VMSTATE_INT(Channel, written),
    VMSTATE_INT(Channel, count),
    VMSTATE_INT(Channel, load_tick),
    VMSTATE_INT(Channel, takeover_tick),
    VMSTATE_INT(Channel, held),
    VMSTATE_INT(Channel, before),
    VMSTATE_BOOL(Channel, running),
    VMSTATE_BOOL(Channel, pending),
    VMSTATE_BOOL(Channel, paused),
    VMSTATE_INT(Channel, gate),
    VMSTATE_INT(Channel, write_low),
    VMSTATE_INT(Channel, write_high_next),
    VMSTATE_INT(Channel, read_high_next),
    VMSTATE_INT(Channel, latched_bytes),
    VMSTATE_INT(Channel, latched_count),
    VMSTATE_INT(Channel, status_latched),
    VMSTATE_INT(Channel, status),
    VMSTATE_END,
};
static const VMStateDescription vmstate_channel = {
    .name = "i8254-channel", .version = 1, .fields = channel_fields, .post_load = channel_post_load
};

static const VMStateField pit_fields[] = {
    VMSTATE_DERIVED(PITState, dev),
    VMSTATE_STRUCT_ARRAY(PITState, channels, vmstate_channel),
    VMSTATE_BOOL(PITState, irq0_inhibited),
    VMSTATE_TIMER(PITState, edge),
    VMSTATE_DERIVED(PITState, out0),
    VMSTATE_DERIVED(PITState, ports),
    VMSTATE_END,
};
static const VMStateDescription vmstate_pit = { .name = "i8254", .version = 1, .fields = pit_fields };

const DeviceType i8254_type = {
    .name = "isa-pit",
    .description = "8254 programmable interval timer",
    .size = sizeof(PITState),
    .vmsd = &vmstate_pit,
    .realize = pit_realize,
    .reset = pit_reset,
};
