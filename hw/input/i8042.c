/*
 * hw/input/i8042.c  Keyboard controller (Intel 8042, IBM PS/2 Technical Reference): ports 60h and 64h, IRQ 1 and 12,
 * A20, reset.
 *
 * The output buffer is filled again as soon as it has been read. An answer of the controller itself goes ahead of a
 * device's byte that waits there unread; that byte comes back afterwards. Input is taken at once: the input-buffer-full
 * bit is never seen set.
 */
#include "hw/input/ps2.h"
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"

enum { STATUS_OBF = 0x01, STATUS_SYS = 0x04, STATUS_CMD = 0x08, STATUS_UNLOCKED = 0x10, STATUS_AUX = 0x20 };
enum {
    CTR_KBD_INT = 0x01,
    CTR_AUX_INT = 0x02,
    CTR_SYS = 0x04,
    CTR_KBD_OFF = 0x10,
    CTR_AUX_OFF = 0x20,
    CTR_TRANSLATE = 0x40
};
enum { OUT_NO_RESET = 0x01, OUT_A20 = 0x02, OUT_IRQ1 = 0x10, OUT_IRQ12 = 0x20, OUT_ALWAYS = 0xcc };
enum { FROM_KBD, FROM_AUX, FROM_CONTROLLER };

typedef struct I8042State {
    Device dev;
    MemoryRegion data_io, command_io;
    IRQLine irq1, irq12, a20;
    PS2Keyboard kbd;
    PS2Mouse mouse;

    uint8_t ram[32]; /* byte 0: command byte */
    uint8_t outport; /* NO_RESET and A20; the IRQ bits follow the output buffer */
    uint8_t obuf;
    uint8_t obuf_source;
    bool obuf_full;
    bool last_was_command; /* status bit 3 */
    uint8_t command;       /* waits for its data byte; 0: none */
    uint8_t held[2];       /* byte of keyboard, mouse that had to give way to the controller */
    bool held_valid[2];
    bool release_seen; /* translation: F0 came, the next code is a release */
} I8042State;

static uint8_t i8042_status(const I8042State *s)
{
    return STATUS_UNLOCKED | (s->obuf_full ? STATUS_OBF : 0) | (s->ram[0] & CTR_SYS ? STATUS_SYS : 0) |
           (s->last_was_command ? STATUS_CMD : 0) | (s->obuf_full && s->obuf_source == FROM_AUX ? STATUS_AUX : 0);
}

static bool i8042_irq1(const I8042State *s)
{
    return s->obuf_full && s->obuf_source != FROM_AUX && (s->ram[0] & CTR_KBD_INT);
}

static bool i8042_irq12(const I8042State *s)
{
    return s->obuf_full && s->obuf_source == FROM_AUX && (s->ram[0] & CTR_AUX_INT);
}

static void i8042_update_irqs(I8042State *s)
{
    irq_set(s->irq1, i8042_irq1(s));
    irq_set(s->irq12, i8042_irq12(s));
}

/* ---- output buffer ---- */

/* The next byte of the keyboard, in set 1 when the controller translates. */
static bool i8042_keyboard_byte(I8042State *s, uint8_t *byte)
{
    while (ps2_port_read(&s->kbd.port, byte)) {
        if (!(s->ram[0] & CTR_TRANSLATE)) {
            return true;
        }
        if (*byte == 0xf0) {
            s->release_seen = true;
            continue;
        }
        *byte = ps2_translate(*byte) | (s->release_seen ? 0x80 : 0);
        s->release_seen = false;
        return true;
    }
    return false;
}

static bool i8042_device_byte(I8042State *s, int source, uint8_t *byte)
{
    if (s->held_valid[source]) {
        s->held_valid[source] = false;
        *byte = s->held[source];
        return true;
    }
    if (s->ram[0] & (source == FROM_KBD ? CTR_KBD_OFF : CTR_AUX_OFF)) {
        return false;
    }
    if (source == FROM_KBD) {
        return i8042_keyboard_byte(s, byte);
    }
    ps2_mouse_poll(&s->mouse);
    return ps2_port_read(&s->mouse.port, byte);
}

static void i8042_refill(I8042State *s)
{
    for (int source = FROM_KBD; source <= FROM_AUX && !s->obuf_full; source++) {
        if (i8042_device_byte(s, source, &s->obuf)) {
            s->obuf_full = true;
            s->obuf_source = source;
        }
    }
    i8042_update_irqs(s);
}

static void i8042_device_changed(void *opaque)
{
    i8042_refill(opaque);
}

/* The line falls between two bytes, so that an edge-triggered PIC sees the second. */
static void i8042_answer(I8042State *s, int source, uint8_t byte)
{
    if (s->obuf_full && s->obuf_source != FROM_CONTROLLER) {
        s->held[s->obuf_source] = s->obuf;
        s->held_valid[s->obuf_source] = true;
    }
    s->obuf_full = false;
    i8042_update_irqs(s);
    s->obuf = byte;
    s->obuf_source = source;
    s->obuf_full = true;
    i8042_update_irqs(s);
}

static uint64_t i8042_read_data(void *opaque, hwaddr addr, unsigned size)
{
    I8042State *s = opaque;
    (void)addr;
    (void)size;
    uint8_t byte = s->obuf;
    s->obuf_full = false;
    i8042_update_irqs(s);
    i8042_refill(s);
    return byte;
}

/* ---- output port ---- */

static void i8042_write_outport(I8042State *s, uint8_t value)
{
    s->outport = value & (OUT_NO_RESET | OUT_A20);
    irq_set(s->a20, (value & OUT_A20) != 0);
    if (!(value & OUT_NO_RESET)) {
        qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static uint8_t i8042_read_outport(const I8042State *s)
{
    return OUT_ALWAYS | s->outport | (i8042_irq1(s) ? OUT_IRQ1 : 0) | (i8042_irq12(s) ? OUT_IRQ12 : 0);
}

/* ---- commands ---- */

static void i8042_set_command_byte(I8042State *s, uint8_t value)
{
    s->ram[0] = value;
    i8042_refill(s);
}

static void i8042_data_for_command(I8042State *s, uint8_t command, uint8_t value)
{
    switch (command) {
    case 0xd1:
        i8042_write_outport(s, value);
        break;
    case 0xd2:
        i8042_answer(s, FROM_KBD, value);
        break;
    case 0xd3:
        i8042_answer(s, FROM_AUX, value);
        break;
    case 0xd4: /* talking to a device turns its clock on */
        s->ram[0] &= ~CTR_AUX_OFF;
        ps2_mouse_write(&s->mouse, value);
        break;
    case 0x60:
        i8042_set_command_byte(s, value);
        break;
    default: /* 61h to 7Fh */
        s->ram[command & 0x1f] = value;
        break;
    }
}

static void i8042_write_data(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    I8042State *s = opaque;
    uint8_t command = s->command;
    (void)addr;
    (void)size;
    s->command = 0;
    s->last_was_command = false;
    if (command) {
        i8042_data_for_command(s, command, value);
        return;
    }
    s->ram[0] &= ~CTR_KBD_OFF;
    ps2_keyboard_write(&s->kbd, value);
}

static void i8042_enable(I8042State *s, uint8_t off_bit, bool enable)
{
    i8042_set_command_byte(s, enable ? s->ram[0] & ~off_bit : s->ram[0] | off_bit);
}

static void i8042_run_command(I8042State *s, uint8_t command)
{
    switch (command) {
    case 0x20 ... 0x3f:
        i8042_answer(s, FROM_CONTROLLER, s->ram[command & 0x1f]);
        break;
    case 0x60 ... 0x7f:
    case 0xd1 ... 0xd4:
        s->command = command;
        break;
    case 0xa4: /* is a password installed: no */
        i8042_answer(s, FROM_CONTROLLER, 0xf1);
        break;
    case 0xa7:
    case 0xa8:
        i8042_enable(s, CTR_AUX_OFF, command == 0xa8);
        break;
    case 0xa9: /* test of the lines to the mouse, */
    case 0xab: /* to the keyboard: good */
        i8042_answer(s, FROM_CONTROLLER, 0x00);
        break;
    case 0xaa: /* self test: passed */
        s->ram[0] |= CTR_SYS;
        i8042_answer(s, FROM_CONTROLLER, 0x55);
        break;
    case 0xad:
    case 0xae:
        i8042_enable(s, CTR_KBD_OFF, command == 0xae);
        break;
    case 0xc0: /* input port: keyboard not locked */
        i8042_answer(s, FROM_CONTROLLER, 0x80);
        break;
    case 0xd0:
        i8042_answer(s, FROM_CONTROLLER, i8042_read_outport(s));
        break;
    case 0xdd:
    case 0xdf:
        i8042_write_outport(s, OUT_NO_RESET | (command == 0xdf ? OUT_A20 : 0));
        break;
    case 0xe0: /* test inputs */
        i8042_answer(s, FROM_CONTROLLER, 0x00);
        break;
    case 0xf0 ... 0xff: /* pulse the bits that are 0; bit 0 is wired to reset */
        if (!(command & 1)) {
            qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
        }
        break;
    default: /* the chip ignores what it does not know */
        break;
    }
}

static void i8042_write_command(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    I8042State *s = opaque;
    (void)addr;
    (void)size;
    s->command = 0;
    s->last_was_command = true;
    i8042_run_command(s, value);
}

static uint64_t i8042_read_status(void *opaque, hwaddr addr, unsigned size)
{
    (void)addr;
    (void)size;
    return i8042_status(opaque);
}

/* ---- the device ---- */

static const MemoryRegionOps i8042_data_ops = {
    .read = i8042_read_data, .write = i8042_write_data, .min_access = 1, .max_access = 1
};
static const MemoryRegionOps i8042_command_ops = {
    .read = i8042_read_status, .write = i8042_write_command, .min_access = 1, .max_access = 1
};

void i8042_connect(Device *kbc, IRQLine irq1, IRQLine irq12, IRQLine a20)
{
    I8042State *s = (I8042State *)kbc;
    s->irq1 = irq1;
    s->irq12 = irq12;
    s->a20 = a20;
}

static bool i8042_realize(Device *dev, Error **errp)
{
    I8042State *s = (I8042State *)dev;
    (void)errp;
    ps2_keyboard_init(&s->kbd, i8042_device_changed, s);
    ps2_mouse_init(&s->mouse, i8042_device_changed, s);
    memory_region_init_io(&s->data_io, &i8042_data_ops, s, "i8042-data", 1);
    memory_region_init_io(&s->command_io, &i8042_command_ops, s, "i8042-cmd", 1);
    memory_region_add_subregion(get_system_io(), 0x60, &s->data_io);
    memory_region_add_subregion(get_system_io(), 0x64, &s->command_io);
    return true;
}

static void i8042_reset(Device *dev)
{
    I8042State *s = (I8042State *)dev;
    memset(s->ram, 0, sizeof(s->ram));
    s->ram[0] = CTR_KBD_INT | CTR_AUX_INT | CTR_TRANSLATE;
    s->outport = OUT_NO_RESET | OUT_A20;
    s->obuf = 0;
    s->obuf_source = FROM_KBD;
    s->obuf_full = s->last_was_command = s->release_seen = false;
    s->held_valid[0] = s->held_valid[1] = false;
    s->command = 0;
    ps2_keyboard_reset(&s->kbd);
    ps2_mouse_reset(&s->mouse);
    i8042_update_irqs(s);
    irq_set(s->a20, 1);
}

static bool i8042_post_load(void *opaque, Error **errp)
{
    I8042State *s = opaque;
    if (s->obuf_source > FROM_CONTROLLER) {
        error_setg(errp, "i8042: output buffer source %u", s->obuf_source);
        return false;
    }
    return true;
}

static const VMStateField i8042_fields[] = {
    VMSTATE_STRUCT(I8042State, kbd, vmstate_ps2_keyboard),
    VMSTATE_STRUCT(I8042State, mouse, vmstate_ps2_mouse),
    VMSTATE_BYTES(I8042State, ram),
    VMSTATE_INT(I8042State, outport),
    VMSTATE_INT(I8042State, obuf),
    VMSTATE_INT(I8042State, obuf_source),
    VMSTATE_BOOL(I8042State, obuf_full),
    VMSTATE_BOOL(I8042State, last_was_command),
    VMSTATE_INT(I8042State, command),
    VMSTATE_BYTES(I8042State, held),
    VMSTATE_INT_ARRAY(I8042State, held_valid),
    VMSTATE_BOOL(I8042State, release_seen),
    VMSTATE_DERIVED(I8042State, dev),
    VMSTATE_DERIVED(I8042State, data_io),
    VMSTATE_DERIVED(I8042State, command_io),
    VMSTATE_DERIVED(I8042State, irq1),
    VMSTATE_DERIVED(I8042State, irq12),
    VMSTATE_DERIVED(I8042State, a20),
    VMSTATE_END,
};

static const VMStateDescription i8042_vmsd = {
    .name = "i8042", .version = 1, .fields = i8042_fields, .post_load = i8042_post_load
};

const DeviceType i8042_type = {
    .name = "i8042",
    .description = "PS/2 keyboard and mouse controller",
    .size = sizeof(I8042State),
    .vmsd = &i8042_vmsd,
    .realize = i8042_realize,
    .reset = i8042_reset,
};
