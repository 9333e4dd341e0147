/*
 * hw/input/ps2.c  PS/2 keyboard (IBM PS/2 Technical Reference, keyboard: commands, scancode sets 1 to 3) and mouse
 * (standard, IntelliMouse, Explorer).
 *
 * Left out on purpose: typematic repeat (displays repeat by themselves), and the time that a byte takes on the wire.
 */
#include "hw/input/ps2.h"
#include "ui/keycodes.h"

enum { PS2_ACK = 0xfa, PS2_RESEND = 0xfe, PS2_SELF_TEST_OK = 0xaa };

/* ---- queues ---- */

static void queue_put(PS2Queue *q, uint8_t byte)
{
    if (q->count < PS2_QUEUE_SIZE) {
        q->data[(q->head + q->count++) % PS2_QUEUE_SIZE] = byte;
    }
}

static bool queue_take(PS2Queue *q, uint8_t *byte)
{
    if (!q->count) {
        return false;
    }
    *byte = q->data[q->head];
    q->head = (q->head + 1) % PS2_QUEUE_SIZE;
    q->count--;
    return true;
}

static void port_clear(PS2Port *port)
{
    port->replies.count = port->events.count = 0;
    port->command = 0;
}

bool ps2_port_read(PS2Port *port, uint8_t *byte)
{
    if (!queue_take(&port->replies, byte) && !queue_take(&port->events, byte)) {
        return false;
    }
    port->last_sent = *byte;
    return true;
}

static void port_reply(PS2Port *port, uint8_t byte)
{
    queue_put(&port->replies, byte);
}

static void port_changed(PS2Port *port)
{
    port->changed(port->opaque);
}

/* ---- scancodes ---- */

/* What the controller makes of set 2; the inverse gives set 2 from set 1. */
static const uint8_t set2_to_set1[128] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59, /* 00 */
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, /* 10 */
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, /* 20 */
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, /* 30 */
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, /* 40 */
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, /* 50 */
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, /* 60 */
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, /* 70 */
};

uint8_t ps2_translate(uint8_t set2)
{
    switch (set2) {
    case 0x83: /* F7 */
        return 0x41;
    case 0x84: /* SysRq */
        return 0x54;
    default:
        return set2 < 0x80 ? set2_to_set1[set2] : set2;
    }
}

/* 0 when the key has no code. */
static uint8_t set1_to_set2(uint8_t set1)
{
    if (set1 == 0x41 || set1 == 0x54) {
        return set1 == 0x41 ? 0x83 : 0x84;
    }
    for (int i = 1; i < 128; i++) {
        if (set2_to_set1[i] == set1) {
            return i;
        }
    }
    return 0;
}

/* Indexed by set 1; 0: no such key. */
static const uint8_t set3_plain[0x59] = {
    0x00, 0x08, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66, 0x0d, /* 00 */
    0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x11, 0x1c, 0x1b, /* 10 */
    0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5c, 0x1a, 0x22, 0x21, 0x2a, /* 20 */
    0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7e, 0x19, 0x29, 0x14, 0x07, 0x0f, 0x17, 0x1f, 0x27, /* 30 */
    0x2f, 0x37, 0x3f, 0x47, 0x4f, 0x76, 0x5f, 0x6c, 0x75, 0x7d, 0x84, 0x6b, 0x73, 0x74, 0x7c, 0x69, /* 40 */
    0x72, 0x7a, 0x70, 0x71, 0x57, 0x00, 0x13, 0x56, 0x5e,                                           /* 50 */
};

static const struct {
    uint8_t set1, set3;
} set3_extended[] = {
    { 0x1c, 0x79 }, { 0x1d, 0x58 }, { 0x35, 0x77 }, { 0x37, 0x57 }, { 0x38, 0x39 }, { 0x46, 0x62 }, { 0x47, 0x6e },
    { 0x48, 0x63 }, { 0x49, 0x6f }, { 0x4b, 0x61 }, { 0x4d, 0x6a }, { 0x4f, 0x65 }, { 0x50, 0x60 }, { 0x51, 0x6d },
    { 0x52, 0x67 }, { 0x53, 0x64 }, { 0x5b, 0x8b }, { 0x5c, 0x8c }, { 0x5d, 0x8d },
};

static uint8_t set3_code(int number)
{
    uint8_t set1 = number & 0x7f;
    if (!(number & 0x80)) {
        return set1 < ARRAY_SIZE(set3_plain) ? set3_plain[set1] : 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(set3_extended); i++) {
        if (set3_extended[i].set1 == set1) {
            return set3_extended[i].set3;
        }
    }
    return 0;
}

/* ---- keyboard: keys ---- */

typedef struct KeyBytes {
    uint8_t data[8];
    int count;
} KeyBytes;

static void key_byte(KeyBytes *k, uint8_t byte)
{
    k->data[k->count++] = byte;
}

/* One make or break code of sets 1 and 2. */
static void key_code(KeyBytes *k, int set, bool extended, uint8_t set1, bool down)
{
    uint8_t set2 = set1_to_set2(set1);
    if (set == 2 && !set2) {
        return;
    }
    if (extended) {
        key_byte(k, 0xe0);
    }
    if (set == 1) {
        key_byte(k, set1 | (down ? 0 : 0x80));
        return;
    }
    if (!down) {
        key_byte(k, 0xf0);
    }
    key_byte(k, set2);
}

enum { MOD_SHIFT = 0x03, MOD_CTRL = 0x0c, MOD_ALT = 0x30 };

/* Print Screen: alone it brings its own shift; with Alt it is SysRq. */
static void key_print(KeyBytes *k, int set, uint8_t modifiers, bool down)
{
    bool plain = !(modifiers & (MOD_SHIFT | MOD_CTRL));
    if (modifiers & MOD_ALT) {
        key_code(k, set, false, 0x54, down);
        return;
    }
    if (plain && down) {
        key_code(k, set, true, 0x2a, true);
    }
    key_code(k, set, true, 0x37, down);
    if (plain && !down) {
        key_code(k, set, true, 0x2a, false);
    }
}

/* Pause sends make and break together and nothing on release; with Ctrl it is Break. */
static void key_pause(KeyBytes *k, int set, uint8_t modifiers, bool down)
{
    static const uint8_t set1[] = { 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5 };
    static const uint8_t set2[] = { 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77 };
    if (!down) {
        return;
    }
    if (modifiers & MOD_CTRL) {
        key_code(k, set, true, 0x46, true);
        key_code(k, set, true, 0x46, false);
        return;
    }
    k->count = set == 1 ? sizeof(set1) : sizeof(set2);
    memcpy(k->data, set == 1 ? set1 : set2, k->count);
}

static bool set3_bit(const PS2Keyboard *kbd, uint8_t code)
{
    return kbd->no_break[code / 8] & (1u << (code % 8));
}

static void key_set3(const PS2Keyboard *kbd, KeyBytes *k, int number, bool down)
{
    uint8_t code = set3_code(number);
    if (!code || (!down && set3_bit(kbd, code))) {
        return;
    }
    if (!down) {
        key_byte(k, 0xf0);
    }
    key_byte(k, code);
}

static void track_modifiers(PS2Keyboard *kbd, int number, bool down)
{
    static const uint8_t modifier_keys[6] = { 0x2a, 0x36, 0x1d, 0x9d, 0x38, 0xb8 };
    for (size_t i = 0; i < ARRAY_SIZE(modifier_keys); i++) {
        if (modifier_keys[i] == number) {
            kbd->modifiers = down ? kbd->modifiers | (1u << i) : kbd->modifiers & ~(1u << i);
        }
    }
}

/* A key's bytes go whole or not at all; the overrun code takes the last place, once. */
static void keyboard_queue(PS2Keyboard *kbd, const KeyBytes *k)
{
    PS2Queue *q = &kbd->port.events;
    if (q->count + k->count < PS2_QUEUE_SIZE) {
        for (int i = 0; i < k->count; i++) {
            queue_put(q, k->data[i]);
        }
        return;
    }
    uint8_t overrun = kbd->scancode_set == 1 ? 0xff : 0x00;
    if (q->data[(q->head + q->count + PS2_QUEUE_SIZE - 1) % PS2_QUEUE_SIZE] != overrun) {
        queue_put(q, overrun);
    }
}

void ps2_keyboard_key(PS2Keyboard *kbd, int number, bool down)
{
    KeyBytes k = { .count = 0 };
    track_modifiers(kbd, number, down);
    if (!kbd->scanning || !(number & 0x7f)) {
        return;
    }
    if (kbd->scancode_set == 3) {
        key_set3(kbd, &k, number, down);
    } else if (number == 0xb7) {
        key_print(&k, kbd->scancode_set, kbd->modifiers, down);
    } else if (number == 0xc6) {
        key_pause(&k, kbd->scancode_set, kbd->modifiers, down);
    } else {
        key_code(&k, kbd->scancode_set, number & 0x80, number & 0x7f, down);
    }
    if (k.count) {
        keyboard_queue(kbd, &k);
        port_changed(&kbd->port);
    }
}

static void keyboard_event(void *opaque, const InputEvent *evt)
{
    int number = evt->key_kind == KEY_VALUE_NUMBER ? (int)(evt->number & 0xff) : qemu_qcode_to_number(evt->qcode);
    ps2_keyboard_key(opaque, number, evt->down);
}

/* ---- keyboard: commands ---- */

/* Set 3 at power-on: only shifts, Ctrl and Caps Lock tell when they are released. */
static void set3_defaults(PS2Keyboard *kbd)
{
    static const uint8_t with_break[] = { 0x11, 0x12, 0x14, 0x19, 0x59 };
    memset(kbd->no_break, 0xff, sizeof(kbd->no_break));
    for (size_t i = 0; i < ARRAY_SIZE(with_break); i++) {
        kbd->no_break[with_break[i] / 8] &= ~(1u << (with_break[i] % 8));
    }
}

static void keyboard_defaults(PS2Keyboard *kbd, bool scanning)
{
    kbd->port.events.count = 0;
    kbd->scanning = scanning;
    set3_defaults(kbd);
}

void ps2_keyboard_reset(PS2Keyboard *kbd)
{
    port_clear(&kbd->port);
    kbd->scancode_set = 2;
    kbd->leds = 0;
    kbd->key_type_command = 0;
    keyboard_defaults(kbd, true);
}

static void keyboard_scancode_set(PS2Keyboard *kbd, uint8_t set)
{
    if (set > 3) {
        port_reply(&kbd->port, PS2_RESEND);
        return;
    }
    port_reply(&kbd->port, PS2_ACK);
    if (set == 0) {
        port_reply(&kbd->port, kbd->scancode_set);
    } else {
        kbd->scancode_set = set;
        kbd->port.events.count = 0;
    }
}

static void keyboard_argument(PS2Keyboard *kbd, uint8_t command, uint8_t value)
{
    if (command == 0xf0) {
        keyboard_scancode_set(kbd, value);
        return;
    }
    if (command == 0xed) {
        kbd->leds = value & 7;
    }
    port_reply(&kbd->port, PS2_ACK);
}

/* FB typematic, FC make and break, FD make only: for the key codes that follow. */
static void keyboard_key_type(PS2Keyboard *kbd, uint8_t code)
{
    bool has_break = kbd->key_type_command == 0xfc;
    if (has_break) {
        kbd->no_break[code / 8] &= ~(1u << (code % 8));
    } else {
        kbd->no_break[code / 8] |= 1u << (code % 8);
    }
    port_reply(&kbd->port, PS2_ACK);
}

static void keyboard_self_test(PS2Keyboard *kbd)
{
    ps2_keyboard_reset(kbd);
    port_reply(&kbd->port, PS2_ACK);
    port_reply(&kbd->port, PS2_SELF_TEST_OK);
}

/* Those that it knows, and whose first answer is an acknowledge. */
static void keyboard_acknowledged_command(PS2Keyboard *kbd, uint8_t command)
{
    PS2Port *port = &kbd->port;
    port_reply(port, PS2_ACK);
    switch (command) {
    case 0xed: /* LEDs */
    case 0xf0: /* scancode set */
    case 0xf3: /* typematic rate and delay */
        port->command = command;
        break;
    case 0xf2: /* identify */
        port_reply(port, 0xab);
        port_reply(port, 0x83);
        break;
    case 0xf4:
        kbd->port.events.count = 0;
        kbd->scanning = true;
        break;
    case 0xf5:
    case 0xf6:
        keyboard_defaults(kbd, command == 0xf6);
        break;
    case 0xf7: /* all typematic */
    case 0xf9: /* all make only */
        memset(kbd->no_break, 0xff, sizeof(kbd->no_break));
        break;
    case 0xf8: /* all make and break */
    case 0xfa: /* and typematic */
        memset(kbd->no_break, 0, sizeof(kbd->no_break));
        break;
    case 0xfb:
    case 0xfc:
    case 0xfd:
        kbd->key_type_command = command;
        break;
    default:
        break;
    }
}

static void keyboard_command(PS2Keyboard *kbd, uint8_t command)
{
    kbd->key_type_command = 0;
    if (command == 0xee) { /* echo */
        port_reply(&kbd->port, 0xee);
    } else if (command == PS2_RESEND) {
        port_reply(&kbd->port, kbd->port.last_sent);
    } else if (command == 0xff) {
        keyboard_self_test(kbd);
    } else if (command < 0xed || command == 0xef || command == 0xf1) {
        port_reply(&kbd->port, PS2_RESEND);
    } else {
        keyboard_acknowledged_command(kbd, command);
    }
}

/* A command in place of an argument ends the one before. */
void ps2_keyboard_write(PS2Keyboard *kbd, uint8_t byte)
{
    uint8_t waiting = kbd->port.command;
    kbd->port.command = 0;
    kbd->port.replies.count = 0;
    if (byte >= 0xed) {
        keyboard_command(kbd, byte);
    } else if (waiting) {
        keyboard_argument(kbd, waiting, byte);
    } else if (kbd->key_type_command) {
        keyboard_key_type(kbd, byte);
    } else {
        keyboard_command(kbd, byte);
    }
    port_changed(&kbd->port);
}

void ps2_keyboard_init(PS2Keyboard *kbd, void (*changed)(void *opaque), void *opaque)
{
    InputHandler handler = { .name = "ps2-kbd", .mask = 1u << INPUT_EVENT_KEY, .event = keyboard_event, .opaque = kbd };
    kbd->port.changed = changed;
    kbd->port.opaque = opaque;
    qemu_input_handler_register(&handler);
}

/* ---- mouse: packets ---- */

/* Scaling 2:1 of the IBM mouse, stream mode only. */
static int scale21(int v)
{
    static const uint8_t small[6] = { 0, 1, 1, 3, 6, 9 };
    int magnitude = ABS(v) < 6 ? small[ABS(v)] : 2 * ABS(v);
    return v < 0 ? -magnitude : magnitude;
}

static int take_movement(int32_t *total, int min, int max)
{
    int part = CLAMP(*total, min, max);
    *total -= part;
    return part;
}

static int mouse_packet_size(const PS2Mouse *m)
{
    return m->id ? 4 : 3;
}

static void mouse_put_packet(PS2Mouse *m, PS2Queue *q, bool scale)
{
    int dx = take_movement(&m->dx, -127, 127), dy = take_movement(&m->dy, -127, 127);
    if (scale && m->scaling21) {
        dx = scale21(dx);
        dy = scale21(dy);
    }
    queue_put(q, 0x08 | (m->buttons & 7) | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0));
    queue_put(q, dx & 0xff);
    queue_put(q, dy & 0xff);
    if (m->id == 3) {
        queue_put(q, take_movement(&m->dz, -127, 127) & 0xff);
    } else if (m->id == 4) {
        queue_put(q, (take_movement(&m->dz, -8, 7) & 0x0f) | (m->buttons & 0x18) << 1);
    } else {
        m->dz = 0;
    }
    m->sent_buttons = m->buttons;
}

void ps2_mouse_poll(PS2Mouse *m)
{
    bool streaming = m->enabled && !m->remote && !m->wrap;
    while (streaming && (m->dx || m->dy || m->dz || m->buttons != m->sent_buttons) &&
           m->port.events.count + mouse_packet_size(m) <= PS2_QUEUE_SIZE) {
        mouse_put_packet(m, &m->port.events, true);
    }
}

static void mouse_sync(void *opaque)
{
    PS2Mouse *m = opaque;
    ps2_mouse_poll(m);
    port_changed(&m->port);
}

static void add_movement(int32_t *total, int64_t delta)
{
    *total = CLAMP(*total + CLAMP(delta, -10000, 10000), -10000, 10000);
}

static void mouse_button(PS2Mouse *m, uint32_t button, bool down)
{
    static const uint8_t bits[] = { 0x01, 0x04, 0x02, 0, 0, 0x08, 0x10 }; /* left middle right - - side extra */
    if (button == 3 || button == 4) {
        add_movement(&m->dz, down ? (button == 3 ? -1 : 1) : 0);
    } else if (button < ARRAY_SIZE(bits)) {
        m->buttons = down ? m->buttons | bits[button] : m->buttons & ~bits[button];
    }
}

static void mouse_event(void *opaque, const InputEvent *evt)
{
    PS2Mouse *m = opaque;
    if (evt->kind == INPUT_EVENT_BTN) {
        mouse_button(m, evt->button, evt->down);
    } else if (evt->kind == INPUT_EVENT_REL && evt->axis == 0) {
        add_movement(&m->dx, evt->value);
    } else if (evt->kind == INPUT_EVENT_REL && evt->axis == 1) {
        add_movement(&m->dy, evt->value == INT64_MIN ? INT64_MAX : -evt->value); /* screens count downwards */
    }
}

/* ---- mouse: commands ---- */

static void mouse_defaults(PS2Mouse *m)
{
    m->sample_rate = 100;
    m->resolution = 2;
    m->scaling21 = m->enabled = m->remote = m->wrap = false;
    m->dx = m->dy = m->dz = 0;
    m->port.events.count = 0;
}

void ps2_mouse_reset(PS2Mouse *m)
{
    port_clear(&m->port);
    mouse_defaults(m);
    m->id = 0;
    m->rates[0] = m->rates[1] = 0;
    m->sent_buttons = m->buttons;
}

/* 200, 100, 80 turns the wheel on, 200, 200, 80 the side buttons too. */
static void mouse_set_rate(PS2Mouse *m, uint8_t rate)
{
    if (m->rates[0] == 200 && m->rates[1] == 100 && rate == 80 && m->id == 0) {
        m->id = 3;
    } else if (m->rates[0] == 200 && m->rates[1] == 200 && rate == 80) {
        m->id = 4;
    }
    m->rates[0] = m->rates[1];
    m->rates[1] = rate;
    m->sample_rate = rate;
}

static void mouse_argument(PS2Mouse *m, uint8_t command, uint8_t value)
{
    bool valid = command == 0xf3 || value <= 3;
    if (valid && command == 0xf3) {
        mouse_set_rate(m, value);
    } else if (valid) {
        m->resolution = value;
    }
    port_reply(&m->port, valid ? PS2_ACK : 0xfc);
}

static void mouse_status(PS2Mouse *m)
{
    uint8_t buttons = (m->buttons & 1 ? 4 : 0) | (m->buttons & 4 ? 2 : 0) | (m->buttons & 2 ? 1 : 0);
    port_reply(&m->port, (m->remote ? 0x40 : 0) | (m->enabled ? 0x20 : 0) | (m->scaling21 ? 0x10 : 0) | buttons);
    port_reply(&m->port, m->resolution);
    port_reply(&m->port, m->sample_rate);
}

static void mouse_command(PS2Mouse *m, uint8_t command)
{
    PS2Port *port = &m->port;
    if (command == PS2_RESEND) {
        port_reply(port, port->last_sent);
        return;
    }
    port_reply(port, PS2_ACK);
    switch (command) {
    case 0xe6:
    case 0xe7:
        m->scaling21 = command == 0xe7;
        break;
    case 0xe8: /* resolution */
    case 0xf3: /* sample rate */
        port->command = command;
        break;
    case 0xe9:
        mouse_status(m);
        break;
    case 0xea: /* stream mode */
    case 0xf0: /* remote mode */
        m->remote = command == 0xf0;
        break;
    case 0xeb: /* read data */
        mouse_put_packet(m, &port->replies, false);
        break;
    case 0xec:
        break; /* leaves wrap mode, which it is not in */
    case 0xee:
        m->wrap = true;
        break;
    case 0xf2:
        port_reply(port, m->id);
        break;
    case 0xf4:
    case 0xf5:
        m->enabled = command == 0xf4;
        m->dx = m->dy = m->dz = 0;
        break;
    case 0xf6:
        mouse_defaults(m);
        break;
    case 0xff:
        ps2_mouse_reset(m);
        port_reply(port, PS2_ACK);
        port_reply(port, PS2_SELF_TEST_OK);
        port_reply(port, 0x00);
        break;
    default:
        port->replies.count = 0;
        port_reply(port, PS2_RESEND);
        break;
    }
}

void ps2_mouse_write(PS2Mouse *m, uint8_t byte)
{
    uint8_t waiting = m->port.command;
    m->port.command = 0;
    m->port.replies.count = 0;
    if (m->wrap && byte != 0xec && byte != 0xff) {
        port_reply(&m->port, byte);
    } else if (m->wrap && byte == 0xec) {
        m->wrap = false;
        port_reply(&m->port, PS2_ACK);
    } else if (waiting) {
        mouse_argument(m, waiting, byte);
    } else {
        mouse_command(m, byte);
    }
    port_changed(&m->port);
}

void ps2_mouse_init(PS2Mouse *m, void (*changed)(void *opaque), void *opaque)
{
    InputHandler handler = { .name = "ps2-mouse",
                             .mask = 1u << INPUT_EVENT_BTN | 1u << INPUT_EVENT_REL,
                             .event = mouse_event,
                             .sync = mouse_sync,
                             .opaque = m };
    m->port.changed = changed;
    m->port.opaque = opaque;
    qemu_input_handler_register(&handler);
}

/* ---- state ---- */

static bool queue_post_load(void *opaque, Error **errp)
{
    PS2Queue *q = opaque;
    if (q->head >= PS2_QUEUE_SIZE || q->count > PS2_QUEUE_SIZE) {
        error_setg(errp, "ps2: queue position %u, count %u: out of range", q->head, q->count);
        return false;
    }
    return true;
}

static const VMStateField queue_fields[] = {
    VMSTATE_BYTES(PS2Queue, data),
    VMSTATE_INT(PS2Queue, head),
    VMSTATE_INT(PS2Queue, count),
    VMSTATE_END,
};
static const VMStateDescription vmstate_ps2_queue = {
    .name = "ps2-queue", .version = 1, .fields = queue_fields, .post_load = queue_post_load
};

static const VMStateField port_fields[] = {
    VMSTATE_STRUCT(PS2Port, replies, vmstate_ps2_queue),
    VMSTATE_STRUCT(PS2Port, events, vmstate_ps2_queue),
    VMSTATE_INT(PS2Port, command),
    VMSTATE_INT(PS2Port, last_sent),
    VMSTATE_DERIVED(PS2Port, changed),
    VMSTATE_DERIVED(PS2Port, opaque),
    VMSTATE_END,
};
static const VMStateDescription vmstate_ps2_port = { .name = "ps2-port", .version = 1, .fields = port_fields };

static bool keyboard_post_load(void *opaque, Error **errp)
{
    PS2Keyboard *kbd = opaque;
    if (kbd->scancode_set < 1 || kbd->scancode_set > 3) {
        error_setg(errp, "ps2-keyboard: scancode set %u", kbd->scancode_set);
        return false;
    }
    return true;
}

static const VMStateField keyboard_fields[] = {
    VMSTATE_STRUCT(PS2Keyboard, port, vmstate_ps2_port),
    VMSTATE_INT(PS2Keyboard, scancode_set),
    VMSTATE_INT(PS2Keyboard, leds),
    VMSTATE_INT(PS2Keyboard, modifiers),
    VMSTATE_BOOL(PS2Keyboard, scanning),
    VMSTATE_BYTES(PS2Keyboard, no_break),
    VMSTATE_INT(PS2Keyboard, key_type_command),
    VMSTATE_END,
};
const VMStateDescription vmstate_ps2_keyboard = {
    .name = "ps2-keyboard", .version = 1, .fields = keyboard_fields, .post_load = keyboard_post_load
};

static bool mouse_post_load(void *opaque, Error **errp)
{
    PS2Mouse *m = opaque;
    if ((m->id != 0 && m->id != 3 && m->id != 4) || ABS((int64_t)m->dx) > 10000 || ABS((int64_t)m->dy) > 10000 ||
        ABS((int64_t)m->dz) > 10000) {
        error_setg(errp, "ps2-mouse: id %u, movement %d, %d, %d: out of range", m->id, m->dx, m->dy, m->dz);
        return false;
    }
    return true;
}

static const VMStateField mouse_fields[] = {
    VMSTATE_STRUCT(PS2Mouse, port, vmstate_ps2_port),
    VMSTATE_INT(PS2Mouse, id),
    VMSTATE_INT(PS2Mouse, sample_rate),
    VMSTATE_INT(PS2Mouse, resolution),
    VMSTATE_BYTES(PS2Mouse, rates),
    VMSTATE_INT(PS2Mouse, buttons),
    VMSTATE_INT(PS2Mouse, sent_buttons),
    VMSTATE_BOOL(PS2Mouse, scaling21),
    VMSTATE_BOOL(PS2Mouse, enabled),
    VMSTATE_BOOL(PS2Mouse, remote),
    VMSTATE_BOOL(PS2Mouse, wrap),
    VMSTATE_INT(PS2Mouse, dx),
    VMSTATE_INT(PS2Mouse, dy),
    VMSTATE_INT(PS2Mouse, dz),
    VMSTATE_END,
};
const VMStateDescription vmstate_ps2_mouse = {
    .name = "ps2-mouse", .version = 1, .fields = mouse_fields, .post_load = mouse_post_load
};
