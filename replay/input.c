/* replay/input.c  Keyboard and mouse events, to and from the log. */
#include "replay/replay-internal.h"

/* More than any mouse has; receivers may shift by them. */
#define MAX_BUTTONS 32
#define MAX_AXES    32

enum { ARG_INPUT_KIND = ASYNC_ARG_FIRST, ARG_FIRST };

static void encode(const InputEvent *evt, uint64_t *arg)
{
    switch (evt->kind) {
    case INPUT_EVENT_KEY:
        arg[0] = evt->key_kind;
        arg[1] = evt->key_kind == KEY_VALUE_QCODE ? evt->qcode : evt->number;
        arg[2] = evt->down;
        break;
    case INPUT_EVENT_BTN:
        arg[0] = evt->button;
        arg[1] = evt->down;
        break;
    case INPUT_EVENT_REL:
    case INPUT_EVENT_ABS:
        arg[0] = evt->axis;
        arg[1] = evt->value;
        break;
    }
}

bool input_event_decode(const ReplayEvent *ev, InputEvent *evt)
{
    const uint64_t *arg = ev->arg + ARG_FIRST;
    *evt = (InputEvent){ .kind = ev->arg[ARG_INPUT_KIND] };
    switch (evt->kind) {
    case INPUT_EVENT_KEY:
        evt->key_kind = arg[0];
        evt->number = evt->key_kind == KEY_VALUE_NUMBER ? arg[1] : 0;
        evt->qcode = evt->key_kind == KEY_VALUE_QCODE ? arg[1] : 0;
        evt->down = arg[2];
        return true;
    case INPUT_EVENT_BTN:
        evt->button = arg[0];
        evt->down = arg[1];
        return evt->button < MAX_BUTTONS;
    case INPUT_EVENT_REL:
    case INPUT_EVENT_ABS:
        evt->axis = arg[0];
        evt->value = arg[1];
        return evt->axis < MAX_AXES;
    }
    return false;
}

void replay_input_event(const InputEvent *evt)
{
    ReplayEvent ev = { .id = EVENT_ASYNC, .arg = { 0, REPLAY_ASYNC_EVENT_INPUT, evt->kind } };
    InputEvent check;
    encode(evt, ev.arg + ARG_FIRST);
    /* A display may invent buttons; what replay would refuse is not recorded. */
    if (input_event_decode(&ev, &check)) {
        async_enqueue(&ev);
    }
}

void replay_input_sync_event(void)
{
    async_enqueue(&(ReplayEvent){ .id = EVENT_ASYNC, .arg = { 0, REPLAY_ASYNC_EVENT_INPUT_SYNC } });
}
