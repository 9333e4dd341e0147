/* ui/input.c  Keys and pointers: from displays and the monitor, through the log, to the handler of a keyboard or mouse.
 */
#include "ui/input.h"
#include "migration/vmstate.h"
#include "replay/replay.h"
#include "ui/keycodes.h"

#define INPUT_HANDLERS_MAX 16

static InputHandler handlers[INPUT_HANDLERS_MAX]; /* in order of registration: the machine's */
static int nb_handlers;

/* Between an event and its sync there may be a checkpoint, and so a snapshot. */
typedef struct InputState {
    uint32_t touched; /* handlers that got an event since the last sync, a bit each */
} InputState;

static InputState input;

static const VMStateField input_fields[] = { VMSTATE_INT(InputState, touched), VMSTATE_END };
static const VMStateDescription vmstate_input = { .name = "input", .version = 1, .fields = input_fields };

void qemu_input_handler_register(const InputHandler *handler)
{
    lockstep_assert(nb_handlers < INPUT_HANDLERS_MAX, "handler %s is one too many", handler->name);
    if (!nb_handlers) {
        vmstate_register("input", 0, &vmstate_input, &input);
    }
    handlers[nb_handlers++] = *handler;
}

void qemu_input_event_send(const InputEvent *evt)
{
    replay_input_event(evt);
}

void qemu_input_event_sync(void)
{
    replay_input_sync_event();
}

void qemu_input_send_key_number(int number, bool down)
{
    InputEvent evt = {
        .kind = INPUT_EVENT_KEY, .key_kind = KEY_VALUE_NUMBER, .number = (uint64_t)number, .down = down
    };
    qemu_input_event_send(&evt);
    qemu_input_event_sync();
}

/* The device added last gets the events that it understands: a tablet takes over from the PS/2 mouse. */
void qemu_input_event_send_impl(const InputEvent *evt)
{
    for (int i = nb_handlers - 1; i >= 0; i--) {
        if (handlers[i].mask & (1u << evt->kind)) {
            input.touched |= 1u << i;
            handlers[i].event(handlers[i].opaque, evt);
            return;
        }
    }
}

void qemu_input_event_sync_impl(void)
{
    uint32_t pending = input.touched;
    input.touched = 0;
    for (int i = 0; i < nb_handlers; i++) {
        if ((pending & (1u << i)) && handlers[i].sync) {
            handlers[i].sync(handlers[i].opaque);
        }
    }
}

/* ---- names of keys ---- */

static const struct {
    const char *name;
    uint8_t number;
} keys[] = {
#define QKEY_ROW(name, number) { #name, number },
    QKEY_CODES(QKEY_ROW)
#undef QKEY_ROW
};

const char *qemu_qcode_name(unsigned qcode)
{
    return keys[qcode < Q_KEY_CODE__MAX ? qcode : Q_KEY_CODE_unmapped].name;
}

int qemu_qcode_to_number(unsigned qcode)
{
    return keys[qcode < Q_KEY_CODE__MAX ? qcode : Q_KEY_CODE_unmapped].number;
}

int qemu_qcode_from_name(const char *name, size_t len)
{
    for (int i = 1; i < Q_KEY_CODE__MAX; i++) {
        if (strlen(keys[i].name) == len && !memcmp(keys[i].name, name, len)) {
            return i;
        }
    }
    return Q_KEY_CODE_unmapped;
}

int qemu_key_number_from_name(const char *name, size_t len)
{
    char *text = g_strndup(name, len);
    uint64_t number = 0;
    bool is_hex = g_str_has_prefix(text, "0x") && parse_uint(text, 0xff, &number);
    g_free(text);
    return is_hex ? (int)number : qemu_qcode_to_number(qemu_qcode_from_name(name, len));
}
