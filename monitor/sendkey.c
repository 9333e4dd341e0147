/* monitor/sendkey.c  sendkey: keys joined by '-', pressed in order, held, released in reverse. */
#include "hmp-internal.h"
#include "ui/input.h"
#include "ui/keycodes.h"
#include "util/option.h"
#include "util/timer.h"

/* Keys held down until the timer lets go of them. */
static struct {
    int keys[SENDKEY_MAX];
    int count;
    QEMUTimer timer;
    bool initialized;
} held;

static void release_keys(void *opaque)
{
    (void)opaque;
    while (held.count > 0) {
        qemu_input_send_key_number(held.keys[--held.count], false);
    }
}

/* "ctrl-alt-f1" into numbers; -1: message printed. */
static int parse_keys(Monitor *mon, const char *text, size_t len, int *keys)
{
    int count = 0;
    for (size_t at = 0; at < len;) {
        size_t n = 1 + strcspn(text + at + 1, "- "); /* a key's name may itself be "-" */
        int number = qemu_key_number_from_name(text + at, n);
        if (!number || count == SENDKEY_MAX) {
            monitor_printf(mon, number ? "too many keys\n" : "invalid parameter: %.*s\n", (int)n, text + at);
            return -1;
        }
        keys[count++] = number;
        at += n + 1;
    }
    return count;
}

void sendkey_press(const int *keys, int count, int64_t hold_ms)
{
    hold_ms = CLAMP(hold_ms, 1, 10000);
    if (!held.initialized) {
        timer_init_ns(&held.timer, QEMU_CLOCK_REALTIME, release_keys, NULL);
        held.initialized = true;
    }
    release_keys(NULL);
    for (int i = 0; i < count; i++) {
        qemu_input_send_key_number(keys[i], true);
        held.keys[held.count++] = keys[i];
    }
    timer_mod(&held.timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + hold_ms * 1000000);
}

/* How long: what follows the keys, or the default. False: message printed. */
static bool parse_hold(Monitor *mon, const char *text, uint64_t *hold_ms)
{
    text += strspn(text, " ");
    if (!*text || parse_uint(text, INT64_MAX, hold_ms)) {
        return true;
    }
    monitor_printf(mon, "invalid parameter: %s\n", text);
    return false;
}

void hmp_sendkey(Monitor *mon, const char *args)
{
    int keys[SENDKEY_MAX];
    size_t len = strcspn(args, " ");
    uint64_t hold_ms = SENDKEY_HOLD_MS;
    if (!len) {
        monitor_printf(mon, "sendkey: keys are missing\n");
    } else if (parse_hold(mon, args + len, &hold_ms)) {
        int count = parse_keys(mon, args, len, keys);
        if (count > 0) {
            sendkey_press(keys, count, (int64_t)hold_ms);
        }
    }
}
