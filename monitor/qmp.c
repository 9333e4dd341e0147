/*
 * monitor/qmp.c  A QMP session on a character device: greeting, negotiation of capabilities, commands, events.
 *
 * Sessions are made before the machine runs and used on the I/O thread; only the list and each one's `negotiated`,
 * which decide about events, are looked at by other threads, under a lock.
 */
#include "monitor/qmp.h"

#include "qmp-internal.h"
#include "sysemu/cpus.h"
#include "sysemu/runstate.h"
#include "version.h"

typedef struct QMPSession {
    Chardev *chr;
    bool pretty;
    bool negotiated; /* lock */
    QMPInput input;
    JsonParser *parser;
} QMPSession;

static GMutex lock;         /* sessions, QMPSession.negotiated */
static GPtrArray *sessions; /* of QMPSession */

/* ---- output ---- */

/* Takes the object. */
static void send_object(QMPSession *s, JsonObject *object)
{
    JsonNode *node = qmp_object(object);
    JsonGenerator *generator = json_generator_new();
    gsize len;
    json_generator_set_pretty(generator, s->pretty);
    json_generator_set_indent(generator, 4);
    json_generator_set_root(generator, node);
    char *text = json_generator_to_data(generator, &len);
    char *line = g_strconcat(text, "\r\n", NULL);
    qemu_chr_write(s->chr, line, len + 2);
    g_free(line);
    g_free(text);
    g_object_unref(generator);
    json_node_unref(node);
}

static void send_error(QMPSession *s, const char *class, const char *description, JsonNode *id)
{
    JsonObject *error = json_object_new(), *reply = json_object_new();
    json_object_set_string_member(error, "class", class);
    json_object_set_string_member(error, "desc", description);
    if (id) {
        json_object_set_member(reply, "id", json_node_copy(id));
    }
    json_object_set_object_member(reply, "error", error);
    send_object(s, reply);
}

static void send_return(QMPSession *s, JsonNode *result, JsonNode *id)
{
    JsonObject *reply = json_object_new();
    json_object_set_member(reply, "return", result ? result : qmp_object(json_object_new()));
    if (id) {
        json_object_set_member(reply, "id", json_node_copy(id));
    }
    send_object(s, reply);
}

static void greet(QMPSession *s)
{
    JsonObject *greeting = json_object_new(), *qmp = json_object_new();
    Error *err = NULL;
    json_object_set_member(qmp, "version", qmp_find("query-version")->run(NULL, &err));
    json_object_set_array_member(qmp, "capabilities", json_array_new());
    json_object_set_object_member(greeting, "QMP", qmp);
    send_object(s, greeting);
}

/* ---- events ---- */

static JsonObject *timestamp(void)
{
    int64_t us = g_get_real_time();
    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "seconds", us / 1000000);
    json_object_set_int_member(object, "microseconds", us % 1000000);
    return object;
}

static JsonObject *event_object(const char *name, JsonObject *data)
{
    JsonObject *event = json_object_new();
    json_object_set_object_member(event, "timestamp", timestamp());
    json_object_set_string_member(event, "event", name);
    if (data) {
        json_object_set_object_member(event, "data", json_object_ref(data));
    }
    return event;
}

void qmp_send_event(const char *name, JsonObject *data)
{
    g_mutex_lock(&lock);
    for (guint i = 0; sessions && i < sessions->len; i++) {
        QMPSession *s = g_ptr_array_index(sessions, i);
        if (s->negotiated) {
            send_object(s, event_object(name, data));
        }
    }
    g_mutex_unlock(&lock);
    if (data) {
        json_object_unref(data);
    }
}

/* ---- what happens to the machine ---- */

static const char *const causes[] = {
    [SHUTDOWN_CAUSE_NONE] = "none",
    [SHUTDOWN_CAUSE_HOST_ERROR] = "host-error",
    [SHUTDOWN_CAUSE_HOST_QMP] = "host-qmp-quit",
    [SHUTDOWN_CAUSE_HOST_SIGNAL] = "host-signal",
    [SHUTDOWN_CAUSE_HOST_UI] = "host-ui",
    [SHUTDOWN_CAUSE_GUEST_SHUTDOWN] = "guest-shutdown",
    [SHUTDOWN_CAUSE_GUEST_RESET] = "guest-reset",
    [SHUTDOWN_CAUSE_GUEST_PANIC] = "guest-panic",
};

static JsonObject *cause_object(RunEvent what, ShutdownCause cause)
{
    bool qmp_reset = what == RUN_EVENT_RESET && cause == SHUTDOWN_CAUSE_HOST_QMP;
    JsonObject *data = json_object_new();
    json_object_set_boolean_member(data, "guest", cause >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    json_object_set_string_member(data, "reason", qmp_reset ? "host-qmp-system-reset" : causes[cause]);
    return data;
}

static JsonObject *panic_object(void)
{
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "action", "poweroff");
    return data;
}

static void run_event(RunEvent what, ShutdownCause cause)
{
    static const char *const names[] = { "STOP", "RESUME", "RESET", "SHUTDOWN", "POWERDOWN", "GUEST_PANICKED" };
    bool has_cause = what == RUN_EVENT_RESET || what == RUN_EVENT_SHUTDOWN;
    qmp_send_event(names[what], has_cause                          ? cause_object(what, cause)
                                : what == RUN_EVENT_GUEST_PANICKED ? panic_object()
                                                                   : NULL);
}

/* ---- commands ---- */

static void set_negotiated(QMPSession *s, bool negotiated)
{
    g_mutex_lock(&lock);
    s->negotiated = negotiated;
    g_mutex_unlock(&lock);
}

/* There is none to enable; a client that wants one nevertheless is told. */
static void negotiate(QMPSession *s, JsonObject *args, JsonNode *id)
{
    Error *err = NULL;
    if (qmp_check_arguments("enable:?a", args, &err) && json_object_has_member(args, "enable") &&
        json_array_get_length(json_object_get_array_member(args, "enable"))) {
        error_setg(&err, "Capability is not available; there are none");
    }
    if (err) {
        send_error(s, "GenericError", error_get_pretty(err), id);
        error_free(err);
    } else {
        set_negotiated(s, true);
        send_return(s, NULL, id);
    }
}

static void run_command(QMPSession *s, const QMPCommand *cmd, JsonObject *args, JsonNode *id)
{
    Error *err = NULL;
    JsonNode *result = NULL;
    machine_lock();
    if (qmp_check_arguments(cmd->arguments, args, &err)) {
        result = cmd->run(args, &err);
    }
    machine_unlock();
    if (err) {
        send_error(s, error_get_class(err), error_get_pretty(err), id);
        error_free(err);
    } else {
        send_return(s, result, id);
    }
}

static void execute(QMPSession *s, const char *name, JsonObject *args, JsonNode *id)
{
    const QMPCommand *cmd = qmp_find(name);
    bool negotiation = !strcmp(name, "qmp_capabilities");
    char *problem = NULL;
    if (!s->negotiated && !negotiation) {
        problem = g_strdup("Expecting capabilities negotiation with 'qmp_capabilities'");
    } else if (s->negotiated && negotiation) {
        problem = g_strdup("Capabilities negotiation is already complete, command ignored");
    } else if (!negotiation && !cmd) {
        problem = g_strdup_printf("The command %s has not been found", name);
    }
    if (problem) {
        send_error(s, "CommandNotFound", problem, id);
        g_free(problem);
    } else if (negotiation) {
        negotiate(s, args, id);
    } else {
        run_command(s, cmd, args, id);
    }
}

/* What is wrong with the members of a command; NULL: nothing. g_free it. */
static char *bad_member(JsonObject *object)
{
    JsonNode *command = json_object_get_member(object, "execute"), *args = json_object_get_member(object, "arguments");
    char *problem = NULL;
    GList *names = json_object_get_members(object);
    for (GList *l = names; l && !problem; l = l->next) {
        const char *name = l->data;
        if (strcmp(name, "execute") && strcmp(name, "arguments") && strcmp(name, "id")) {
            problem = g_strdup_printf("QMP input member '%s' is unexpected", name);
        }
    }
    g_list_free(names);
    if (problem) {
        return problem;
    }
    if (!command) {
        return g_strdup("QMP input lacks member 'execute'");
    }
    if (!JSON_NODE_HOLDS_VALUE(command) || json_node_get_value_type(command) != G_TYPE_STRING) {
        return g_strdup("QMP input member 'execute' must be a string");
    }
    return args && !JSON_NODE_HOLDS_OBJECT(args) ? g_strdup("QMP input member 'arguments' must be an object") : NULL;
}

static void handle_object(QMPSession *s, JsonObject *object)
{
    JsonNode *id = json_object_get_member(object, "id");
    char *problem = bad_member(object);
    if (problem) {
        send_error(s, "GenericError", problem, id);
        g_free(problem);
        return;
    }
    JsonObject *args = json_object_has_member(object, "arguments")
                           ? json_object_ref(json_object_get_object_member(object, "arguments"))
                           : json_object_new();
    execute(s, json_object_get_string_member(object, "execute"), args, id);
    json_object_unref(args);
}

static void input_error(void *opaque, const char *message)
{
    send_error(opaque, "GenericError", message, NULL);
}

static void handle_value(void *opaque, const char *text, size_t len)
{
    QMPSession *s = opaque;
    GError *gerr = NULL;
    if (!json_parser_load_from_data(s->parser, text, (gssize)len, &gerr)) {
        char *message = g_strdup_printf("JSON parse error, %s", gerr->message);
        input_error(s, message);
        g_free(message);
        g_error_free(gerr);
        return;
    }
    JsonNode *root = json_parser_steal_root(s->parser);
    if (root && JSON_NODE_HOLDS_OBJECT(root)) {
        handle_object(s, json_node_get_object(root));
    } else {
        input_error(s, "QMP input must be a JSON object");
    }
    g_clear_pointer(&root, json_node_unref);
}

/* ---- the character device ---- */

static int can_receive(void *opaque)
{
    (void)opaque;
    return 65536;
}

static void receive(void *opaque, const uint8_t *buf, int len)
{
    QMPSession *s = opaque;
    qmp_input_feed(&s->input, buf, len, handle_value, input_error, s);
}

static void event(void *opaque, ChrEvent what)
{
    QMPSession *s = opaque;
    if (what == CHR_EVENT_OPENED) {
        qmp_input_reset(&s->input);
        set_negotiated(s, false);
        greet(s);
    } else if (what == CHR_EVENT_CLOSED) {
        set_negotiated(s, false);
    }
}

bool monitor_init_qmp(Chardev *chr, bool pretty, Error **errp)
{
    QMPSession *s = g_new0(QMPSession, 1);
    s->chr = chr;
    s->pretty = pretty;
    s->parser = json_parser_new();
    qmp_input_init(&s->input);
    g_mutex_lock(&lock);
    if (!sessions) {
        sessions = g_ptr_array_new();
    }
    g_ptr_array_add(sessions, s);
    g_mutex_unlock(&lock);
    runstate_set_observer(run_event);
    ChrFrontend fe = { .can_receive = can_receive, .receive = receive, .event = event, .opaque = s };
    return qemu_chr_attach(chr, &fe, errp);
}
