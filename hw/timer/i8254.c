/*
 * hw/timer/i8254.c  Programmable interval timer, Intel 8254 datasheet. Ports 40h-43h, 1.193182 MHz, output 0 is IRQ 0.
 *
 * Nothing counts: a channel remembers the tick at which it was loaded, and its count, its output and the moment of its next
 * edge are computed from the virtual clock. Ticks are numbered from power-on. Only output 0 is wired to anything that
 * notices edges; its one-tick low pulse in modes 2, 4 and 5 is given in one piece, at its end.
 */
#include "exec/memory.h"
#include "hw/isa/chips.h"

#define PIT_HZ 1193182
#define CHANNELS 3

typedef enum Access { ACCESS_LATCH, ACCESS_LSB, ACCESS_MSB, ACCESS_BOTH } Access;

typedef struct Channel {
    uint32_t count;      /* 1..65536 ticks (10000 in BCD) */
    uint32_t next_count; /* modes 2, 3: written while counting, in force from the next cycle; 0: none */
    int64_t load_tick;   /* counting began; while `paused`, what had been counted then */
    uint8_t mode;        /* 0..5 */
    uint8_t bcd;
    uint8_t access;      /* Access */
    uint8_t gate;
    uint8_t write_low;      /* first byte of a two-byte write */
    uint8_t write_high_next, read_high_next;
    uint8_t latched_bytes;  /* bytes of the latched count still to be read */
    uint16_t latched_count;
    uint8_t status_latched, status;
    bool loaded;            /* a count was written since the control word */
    bool paused;            /* gate is low in a mode that then stops */
    bool triggered;         /* modes 1, 5: the gate has started them */
} Channel;

typedef struct PITState {
    Device dev;
    Channel channels[CHANNELS];
    bool irq0_inhibited; /* the HPET has taken IRQ 0 over */
    QEMUTimer edge;      /* next edge of output 0 */
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

/* ---- what a channel shows ---- */

static bool is_periodic(const Channel *c)
{
    return c->mode == 2 || c->mode == 3;
}

static int64_t elapsed(const Channel *c, int64_t tick)
{
    return c->paused ? c->load_tick : tick - c->load_tick;
}

static bool counting(const Channel *c)
{
    return c->loaded && (c->triggered || (c->mode != 1 && c->mode != 5));
}

/* A periodic channel's new count takes over at the end of a cycle. */
static void start_next_cycle(Channel *c, int64_t tick)
{
    int64_t d = elapsed(c, tick);
    if (c->next_count && !c->paused && d >= c->count) {
        c->load_tick += c->count;
        c->count = c->next_count;
        c->next_count = 0;
    }
}

/* Ticks for which the output of a mode 3 cycle is high. */
static int64_t high_half(const Channel *c)
{
    return (c->count + 1) / 2;
}

static int output(const Channel *c, int64_t tick)
{
    if (!counting(c)) {
        return c->mode != 0;
    }
    int64_t d = elapsed(c, tick);
    switch (c->mode) {
    case 0:
    case 1:
        return d >= c->count;
    case 2:
        return c->paused || d % c->count != c->count - 1;
    case 3:
        return c->paused || d % c->count < high_half(c);
    default:
        return d != c->count;
    }
}

static uint32_t square_wave_count(const Channel *c, int64_t d)
{
    int64_t k = d % c->count;
    if (k >= high_half(c)) {
        k -= high_half(c);
    }
    return (c->count & ~1u) - 2 * (uint32_t)k;
}

static uint32_t binary_count(const Channel *c, int64_t tick)
{
    if (!c->loaded) {
        return 0;
    }
    if (!counting(c)) {
        return c->count;
    }
    int64_t d = elapsed(c, tick);
    if (c->mode == 3) {
        return square_wave_count(c, d);
    }
    uint32_t modulus = c->bcd ? 10000 : 65536;
    int64_t left = c->mode == 2 ? c->count - d % c->count : c->count - d;
    return (uint32_t)(((left % modulus) + modulus) % modulus);
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
    uint32_t v = binary_count(c, tick);
    return c->bcd ? to_bcd(v % 10000) : (uint16_t)v;
}

/* ---- IRQ 0 ---- */

/* Tick of the next edge of the output after `tick`, -1: none. Modes 2, 4, 5: the end of the low pulse. */
static int64_t next_edge(const Channel *c, int64_t tick)
{
    if (!counting(c) || c->paused) {
        return -1;
    }
    int64_t d = elapsed(c, tick), cycle = d - d % c->count, at;
    switch (c->mode) {
    case 0:
    case 1:
        at = c->count;
        break;
    case 2:
        return c->load_tick + cycle + c->count;
    case 3:
        return c->load_tick + cycle + (d - cycle < high_half(c) ? high_half(c) : c->count);
    default:
        at = (int64_t)c->count + 1;
    }
    return d < at ? c->load_tick + at : -1;
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

static void edge_due(void *opaque)
{
    PITState *s = opaque;
    Channel *c = &s->channels[0];
    int64_t tick = now_tick();
    start_next_cycle(c, tick);
    if (c->mode != 3 && c->mode > 1) {
        drive_irq0(s, 0);
    }
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

static void load(PITState *s, Channel *c, uint16_t value)
{
    int64_t tick = now_tick();
    uint32_t count = c->bcd ? from_bcd(value) : value;
    count = count ? count : c->bcd ? 10000 : 65536;
    start_next_cycle(c, tick);
    if (is_periodic(c) && c->loaded) {
        c->next_count = count;
        return;
    }
    c->count = count;
    c->loaded = true;
    c->load_tick = c->paused ? 0 : tick;
    channel_changed(s, c, tick);
}

static void write_counter(PITState *s, Channel *c, uint8_t value)
{
    if (c->access == ACCESS_LSB) {
        load(s, c, value);
    } else if (c->access == ACCESS_MSB) {
        load(s, c, (uint16_t)(value << 8));
    } else if (!c->write_high_next) {
        c->write_low = value;
        c->write_high_next = 1;
        if (c->mode == 0) { /* the first byte stops the count */
            c->loaded = false;
            channel_changed(s, c, now_tick());
        }
    } else {
        c->write_high_next = 0;
        load(s, c, (uint16_t)(value << 8 | c->write_low));
    }
}

static void latch_count(Channel *c, int64_t tick)
{
    if (!c->latched_bytes) {
        c->latched_count = read_count(c, tick);
        c->latched_bytes = c->access == ACCESS_BOTH ? 2 : 1;
    }
}

static void latch_status(Channel *c, int64_t tick)
{
    if (!c->status_latched) {
        c->status = (uint8_t)(output(c, tick) << 7 | !c->loaded << 6 | c->access << 4 | c->mode << 1 | c->bcd);
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
        start_next_cycle(c, tick);
        if (!(command & 0x20)) {
            latch_count(c, tick);
        }
        if (!(command & 0x10)) {
            latch_status(c, tick);
        }
    }
}

/* Modes 6 and 7 are aliases of 2 and 3. */
static void set_mode(PITState *s, Channel *c, uint8_t control)
{
    uint8_t mode = (control >> 1) & 7;
    uint8_t gate = c->gate;
    *c = (Channel){ .gate = gate, .access = (control >> 4) & 3, .bcd = control & 1 };
    c->mode = mode > 5 ? mode - 4 : mode;
    c->paused = !gate && c->mode != 1 && c->mode != 5;
    channel_changed(s, c, now_tick());
}

static void write_control(PITState *s, uint8_t value)
{
    unsigned channel = value >> 6;
    if (channel == 3) {
        read_back(s, value);
    } else if (((value >> 4) & 3) == ACCESS_LATCH) {
        start_next_cycle(&s->channels[channel], now_tick());
        latch_count(&s->channels[channel], now_tick());
    } else {
        set_mode(s, &s->channels[channel], value);
    }
}

static uint8_t read_latched(Channel *c)
{
    bool high = c->access == ACCESS_MSB || (c->access == ACCESS_BOTH && c->latched_bytes == 1);
    c->latched_bytes--;
    return (uint8_t)(high ? c->latched_count >> 8 : c->latched_count);
}

static uint8_t read_counter(Channel *c)
{
    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    if (c->latched_bytes) {
        return read_latched(c);
    }
    int64_t tick = now_tick();
    start_next_cycle(c, tick);
    uint16_t v = read_count(c, tick);
    bool high = c->access == ACCESS_MSB || (c->access == ACCESS_BOTH && c->read_high_next);
    c->read_high_next = c->access == ACCESS_BOTH ? !c->read_high_next : 0;
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
    if (c->mode != 1 && c->mode != 5) {
        c->load_tick = elapsed(c, tick);
        c->paused = true;
    }
}

static void gate_rises(Channel *c, int64_t tick)
{
    bool restarts = is_periodic(c) || c->mode == 1 || c->mode == 5;
    c->load_tick = restarts ? tick : tick - c->load_tick;
    c->triggered = c->mode == 1 || c->mode == 5;
    c->paused = false;
}

void i8254_set_gate2(Device *dev, int level)
{
    Channel *c = &container_of(dev, PITState, dev)->channels[2];
    int64_t tick = now_tick();
    start_next_cycle(c, tick);
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
    start_next_cycle(c, tick);
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

/* Firmware finds what a PC's BIOS leaves: channel 0 in mode 3 with the longest count. */
static void pit_reset(Device *dev)
{
    PITState *s = container_of(dev, PITState, dev);
    s->irq0_inhibited = false;
    for (int i = 0; i < CHANNELS; i++) {
        s->channels[i] = (Channel){ .mode = 3, .gate = i != 2, .access = ACCESS_BOTH, .count = 65536, .paused = i == 2 };
        s->channels[i].load_tick = i == 2 ? 0 : now_tick();
        s->channels[i].loaded = true;
    }
    channel_changed(s, &s->channels[0], now_tick());
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

static bool channel_post_load(void *opaque, Error **errp)
{
    const Channel *c = opaque;
    if (c->mode > 5 || c->count > 65536 || (c->loaded && !c->count) || c->access > 3 || c->latched_bytes > 2) {
        error_setg(errp, "i8254: impossible state of a channel: mode %d, count %u", c->mode, c->count);
        return false;
    }
    return true;
}

static const VMStateField channel_fields[] = {
    VMSTATE_INT(Channel, count),
    VMSTATE_INT(Channel, next_count),
    VMSTATE_INT(Channel, load_tick),
    VMSTATE_INT(Channel, mode),
    VMSTATE_INT(Channel, bcd),
    VMSTATE_INT(Channel, access),
    VMSTATE_INT(Channel, gate),
    VMSTATE_INT(Channel, write_low),
    VMSTATE_INT(Channel, write_high_next),
    VMSTATE_INT(Channel, read_high_next),
    VMSTATE_INT(Channel, latched_bytes),
    VMSTATE_INT(Channel, latched_count),
    VMSTATE_INT(Channel, status_latched),
    VMSTATE_INT(Channel, status),
    VMSTATE_BOOL(Channel, loaded),
    VMSTATE_BOOL(Channel, paused),
    VMSTATE_BOOL(Channel, triggered),
    VMSTATE_END
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
    VMSTATE_END
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
