/* ui/input.h  Input events from displays and the monitor to keyboards and mice. Sent ones are recorded; see replay.h.
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include "util/osdep.h"

typedef enum InputEventKind { INPUT_EVENT_KEY, INPUT_EVENT_BTN, INPUT_EVENT_REL, INPUT_EVENT_ABS } InputEventKind;
typedef enum KeyValueKind { KEY_VALUE_NUMBER, KEY_VALUE_QCODE } KeyValueKind;

/* Field widths as in the log: REPLAY_ASYNC_EVENT_INPUT, docs/replay.txt. */
typedef struct InputEvent {
    InputEventKind kind;
    KeyValueKind key_kind;
    uint64_t number; /* scancode (set 1, 0x80 flag for e0-prefixed) when key_kind is NUMBER */
    uint32_t qcode;  /* QKeyCode when key_kind is QCODE; ui/keycodes.h */
    uint32_t button; /* 0 left, 1 middle, 2 right, 3 wheel up, 4 wheel down */
    uint32_t axis;   /* 0 x, 1 y */
    int64_t value;
    bool down;
} InputEvent;

/* Host side (any thread): goes through replay_input_event(). */
void qemu_input_event_send(const InputEvent *evt);
void qemu_input_event_sync(void);
void qemu_input_send_key_number(int number, bool down);
/* At the checkpoint: hand it to the registered handlers. */
void qemu_input_event_send_impl(const InputEvent *evt);
void qemu_input_event_sync_impl(void);

typedef struct InputHandler {
    const char *name;
    uint32_t mask; /* 1 << InputEventKind */
    void (*event)(void *opaque, const InputEvent *evt);
    void (*sync)(void *opaque);
    void *opaque;
} InputHandler;
void qemu_input_handler_register(const InputHandler *handler);

#endif
