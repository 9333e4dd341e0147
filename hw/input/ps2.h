/* hw/input/ps2.h  PS/2 keyboard and mouse as the i8042 sees them: bytes in, bytes out. */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include "migration/vmstate.h"
#include "ui/input.h"

#define PS2_QUEUE_SIZE 16

typedef struct PS2Queue {
    uint8_t data[PS2_QUEUE_SIZE];
    uint8_t head, count;
} PS2Queue;

/* What keyboard and mouse have in common. Answers to commands go ahead of scancodes and movements. */
typedef struct PS2Port {
    PS2Queue replies, events;
    uint8_t command;               /* waits for its argument; 0: none */
    uint8_t last_sent;             /* for Resend */
    void (*changed)(void *opaque); /* there is something to read */
    void *opaque;
} PS2Port;

typedef struct PS2Keyboard {
    PS2Port port;
    uint8_t scancode_set; /* 1, 2, 3 */
    uint8_t leds;
    uint8_t modifiers; /* held shift, ctrl, alt keys: choose the code of Print and Pause */
    bool scanning;
    uint8_t no_break[32];     /* set 3: codes that send nothing on release, one bit each */
    uint8_t key_type_command; /* set 3: FB, FC, FD whose list of codes is being received; 0 */
} PS2Keyboard;

typedef struct PS2Mouse {
    PS2Port port;
    uint8_t id;          /* 0 standard, 3 wheel, 4 wheel and five buttons */
    uint8_t sample_rate; /* per second; told, not obeyed */
    uint8_t resolution;
    uint8_t rates[2];              /* the two before sample_rate: a sequence of three changes the id */
    uint8_t buttons, sent_buttons; /* bit 0 left, 1 right, 2 middle, 3 side, 4 extra */
    bool scaling21, enabled, remote, wrap;
    int32_t dx, dy, dz; /* moved since the last packet; y up, z towards the user */
} PS2Mouse;

extern const VMStateDescription vmstate_ps2_keyboard, vmstate_ps2_mouse;

void ps2_keyboard_init(PS2Keyboard *kbd, void (*changed)(void *opaque), void *opaque);
void ps2_keyboard_reset(PS2Keyboard *kbd);
void ps2_keyboard_write(PS2Keyboard *kbd, uint8_t byte);
void ps2_keyboard_key(PS2Keyboard *kbd, int number, bool down);
void ps2_mouse_init(PS2Mouse *mouse, void (*changed)(void *opaque), void *opaque);
void ps2_mouse_reset(PS2Mouse *mouse);
void ps2_mouse_write(PS2Mouse *mouse, uint8_t byte);
/* Bytes were read: a movement that found no room may go now. */
void ps2_mouse_poll(PS2Mouse *mouse);
/* Take the next byte; false when there is none. */
bool ps2_port_read(PS2Port *port, uint8_t *byte);
/* Controller: set 2 to set 1. F0 must be handled by the caller. */
uint8_t ps2_translate(uint8_t set2);

#endif
