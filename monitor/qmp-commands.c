/*
 * monitor/qmp-commands.c  Commands that do something, and the table of all.
 *
 * What changes the machine is recorded where it enters it: keys and pointers (ui/input), links, the power button (named
 * bottom halves), reset and shutdown (requests of the vCPU thread). In replay the recording's own take their place.
 */
#include <errno.h>
#include <stdio.h>

#include "exec/memory.h"
#include "hmp-internal.h"
#include "hw/i386/pc.h"
#include "net/net.h"
#include "qmp-internal.h"
#include "replay/replay.h"
#include "sysemu/runstate.h"
#include "target/i386/access.h"
#include "ui/console.h"
#include "ui/input.h"
#include "ui/keycodes.h"

static JsonNode *do_stop(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    vm_stop(RUN_STATE_PAUSED);
    return NULL;
}

static JsonNode *do_cont(JsonObject *args, Error **errp)
{
    (void)args;
    vm_resume(errp);
    return NULL;
}

static JsonNode *do_system_reset(JsonObject *args, Error **errp)
{
    (void)args;
    if (replay_playing()) {
        error_setg(errp, "the replay resets where the recording did");
    } else {
        qemu_system_reset_request(SHUTDOWN_CAUSE_HOST_QMP);
    }
    return NULL;
}

static JsonNode *do_system_powerdown(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    qemu_system_powerdown_request();
    return NULL;
}

static JsonNode *do_quit(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_QMP);
    return NULL;
}

static JsonNode *do_human_monitor_command(JsonObject *args, Error **errp)
{
    if (qmp_int(args, "cpu-index", 0) != 0) {
        error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    char *text = monitor_run_captured(qmp_string(args, "command-line", ""));
    JsonNode *node = json_node_new(JSON_NODE_VALUE);
    json_node_set_string(node, text);
    g_free(text);
    return node;
}

static JsonNode *do_screendump(JsonObject *args, Error **errp)
{
    screendump(qmp_string(args, "filename", ""), qmp_string(args, "format", "ppm"), errp);
    return NULL;
}

/* ---- memory into files ---- */

typedef bool ReadMemory(uint64_t addr, void *buf, size_t len);

static bool read_physical(uint64_t addr, void *buf, size_t len)
{
    return address_space_peek(&address_space_memory, addr, buf, len);
}

static bool read_linear(uint64_t addr, void *buf, size_t len)
{
    return cpu_memory_read_debug(first_cpu(), addr, buf, len);
}

static bool copy_memory(FILE *f, uint64_t addr, uint64_t size, ReadMemory *read, Error **errp)
{
    uint8_t buf[4096];
    while (size) {
        size_t n = MIN(size, sizeof(buf) - addr % sizeof(buf));
        if (!read(addr, buf, n)) {
            error_setg(errp, "Invalid addr 0x%016" PRIx64 "/size %" PRIu64 " specified", addr, size);
            return false;
        }
        if (fwrite(buf, 1, n, f) != n) {
            error_setg_errno(errp, errno, "writing memory to file failed");
            return false;
        }
        addr += n;
        size -= n;
    }
    return true;
}

static JsonNode *save_memory(JsonObject *args, ReadMemory *read, Error **errp)
{
    const char *path = qmp_string(args, "filename", "");
    int64_t addr = qmp_int(args, "val", 0), size = qmp_int(args, "size", 0);
    if (size < 0) {
        error_setg(errp, "Parameter 'size' expects a size, not %" PRId64, size);
        return NULL;
    }
    FILE *f = fopen(path, "wbe");
    if (!f) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
        return NULL;
    }
    bool ok = copy_memory(f, addr, size, read, errp);
    if (fclose(f) != 0 && ok) {
        error_setg_errno(errp, errno, "Could not write '%s'", path);
    }
    return NULL;
}

static JsonNode *do_pmemsave(JsonObject *args, Error **errp)
{
    return save_memory(args, read_physical, errp);
}

static JsonNode *do_memsave(JsonObject *args, Error **errp)
{
    if (qmp_int(args, "cpu-index", 0) != 0) {
        error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    return save_memory(args, read_linear, errp);
}

/* ---- keys and pointers ---- */

/* {"type":"qcode","data":"a"} or {"type":"number","data":30}: its number; 0 with an error. */
static int key_number(JsonNode *node, Error **errp)
{
    JsonObject *key = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *type = key ? json_object_get_string_member_with_default(key, "type", "") : "";
    int number = 0;
    if (!strcmp(type, "qcode")) {
        const char *name = json_object_get_string_member_with_default(key, "data", "");
        number = qemu_qcode_to_number(qemu_qcode_from_name(name, strlen(name)));
        if (!number) {
            error_setg(errp, "Parameter 'data' does not accept value '%s'", name);
        }
    } else if (!strcmp(type, "number")) {
        int64_t data = json_object_get_int_member_with_default(key, "data", 0);
        number = data > 0 && data <= 0xff ? (int)data : 0;
        if (!number) {
            error_setg(errp, "Parameter 'data' expects a key number, not %" PRId64, data);
        }
    } else {
        error_setg(errp, "Parameter 'type' does not accept value '%s'", type);
    }
    return number;
}

static JsonNode *do_send_key(JsonObject *args, Error **errp)
{
    JsonArray *list = json_object_get_array_member(args, "keys");
    int keys[SENDKEY_MAX], count = json_array_get_length(list);
    if (count > SENDKEY_MAX) {
        error_setg(errp, "Parameter 'keys' has %d keys; at most %d can be pressed", count, SENDKEY_MAX);
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        keys[i] = key_number(json_array_get_element(list, i), errp);
        if (!keys[i]) {
            return NULL;
        }
    }
    sendkey_press(keys, count, qmp_int(args, "hold-time", SENDKEY_HOLD_MS));
    return NULL;
}

/* Index of a name in a NULL-terminated list; -1 with an error that names the parameter. */
static int choose(const char *const *names, JsonObject *data, const char *parameter, Error **errp)
{
    const char *value = json_object_get_string_member_with_default(data, parameter, "");
    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], value)) {
            return i;
        }
    }
    error_setg(errp, "Parameter '%s' does not accept value '%s'", parameter, value);
    return -1;
}

static const char *const event_types[] = { "key", "btn", "rel", "abs", NULL };
static const char *const buttons[] = { "left", "middle", "right", "wheel-up", "wheel-down", NULL };
static const char *const axes[] = { "x", "y", NULL };

static bool parse_event(JsonNode *node, InputEvent *evt, Error **errp)
{
    JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    JsonNode *data_node = object ? json_object_get_member(object, "data") : NULL;
    if (!data_node || !JSON_NODE_HOLDS_OBJECT(data_node)) {
        error_setg(errp, "Parameter 'data' is missing");
        return false;
    }
    JsonObject *data = json_node_get_object(data_node);
    int kind = choose(event_types, object, "type", errp), choice = 0;
    if (kind < 0) {
        return false;
    }
    *evt = (InputEvent){ .kind = (InputEventKind)kind,
                         .down = json_object_get_boolean_member_with_default(data, "down", false),
                         .value = json_object_get_int_member_with_default(data, "value", 0) };
    if (evt->kind == INPUT_EVENT_KEY) {
        JsonNode *key = json_object_get_member(data, "key");
        choice = key ? key_number(key, errp) : 0;
        evt->number = choice;
        if (!key) {
            error_setg(errp, "Parameter 'key' is missing");
        }
        return choice > 0;
    }
    choice = evt->kind == INPUT_EVENT_BTN ? choose(buttons, data, "button", errp) : choose(axes, data, "axis", errp);
    *(evt->kind == INPUT_EVENT_BTN ? &evt->button : &evt->axis) = choice;
    return choice >= 0;
}

/* All events are checked before the first is sent. */
static JsonNode *do_input_send_event(JsonObject *args, Error **errp)
{
    JsonArray *list = json_object_get_array_member(args, "events");
    guint count = json_array_get_length(list);
    InputEvent *events = g_new(InputEvent, count);
    bool ok = true;
    for (guint i = 0; ok && i < count; i++) {
        ok = parse_event(json_array_get_element(list, i), &events[i], errp);
    }
    for (guint i = 0; ok && i < count; i++) {
        qemu_input_event_send(&events[i]);
    }
    if (ok) {
        qemu_input_event_sync();
    }
    g_free(events);
    return NULL;
}

static JsonNode *do_set_link(JsonObject *args, Error **errp)
{
    net_set_link(qmp_string(args, "name", ""), qmp_bool(args, "up", false), errp);
    return NULL;
}

/* ---- what this machine has not ---- */

static JsonNode *no_hotplug(JsonObject *args, Error **errp)
{
    (void)args;
    error_setg(errp, NO_HOTPLUG);
    return NULL;
}

static JsonNode *no_new_netdev(JsonObject *args, Error **errp)
{
    (void)args;
    error_setg(errp, NO_NEW_NETDEV);
    return NULL;
}

const QMPCommand qmp_commands[] = {
    { "cont", "", do_cont },
    { "device_add", NULL, no_hotplug },
    { "device_del", NULL, no_hotplug },
    { "human-monitor-command", "command-line:s,cpu-index:?i", do_human_monitor_command },
    { "input-send-event", "events:a,device:?s,head:?i", do_input_send_event },
    { "memsave", "val:i,size:i,filename:s,cpu-index:?i", do_memsave },
    { "netdev_add", NULL, no_new_netdev },
    { "netdev_del", NULL, no_new_netdev },
    { "pmemsave", "val:i,size:i,filename:s", do_pmemsave },
    { "quit", "", do_quit },
    { "ringbuf-read", "device:s,size:i,format:?s", qmp_ringbuf_read },
    { "ringbuf-write", "device:s,data:s,format:?s", qmp_ringbuf_write },
    { "screendump", "filename:s,format:?s,device:?s,head:?i", do_screendump },
    { "send-key", "keys:a,hold-time:?i", do_send_key },
    { "set_link", "name:s,up:b", do_set_link },
    { "stop", "", do_stop },
    { "system_powerdown", "", do_system_powerdown },
    { "system_reset", "", do_system_reset },
    { 0 },
};

/* ---- the table of all ---- */

static const QMPCommand *const tables[] = { qmp_commands, qmp_query_commands, qmp_job_commands };

void qmp_foreach_command(void (*fn)(const QMPCommand *cmd, void *opaque), void *opaque)
{
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        for (const QMPCommand *cmd = tables[t]; cmd->name; cmd++) {
            fn(cmd, opaque);
        }
    }
}

const QMPCommand *qmp_find(const char *name)
{
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        for (const QMPCommand *cmd = tables[t]; cmd->name; cmd++) {
            if (!strcmp(cmd->name, name)) {
                return cmd;
            }
        }
    }
    return NULL;
}
