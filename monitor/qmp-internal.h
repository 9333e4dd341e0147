/* monitor/qmp-internal.h  What the files of QMP share. */
#ifndef MONITOR_QMP_INTERNAL_H
#define MONITOR_QMP_INTERNAL_H

#include "monitor/qmp.h"
#include "util/error.h"

/* ---- qmp-input.c: where one JSON value ends and the next begins ---- */

#define QMP_MAX_BYTES (4u << 20) /* of one value */
#define QMP_MAX_DEPTH 128        /* brackets within brackets */

typedef struct QMPInput {
    GString *text; /* of the value that is coming in */
    int depth;
    char quote; /* of the string that we are in; 0: none */
    bool escaped;
    bool skipping; /* after an error: to the end of the line */
} QMPInput;

/* value: a whole JSON value. error: what is wrong with the input, once per line. */
typedef void QMPValueFunc(void *opaque, const char *value, size_t len);
typedef void QMPErrorFunc(void *opaque, const char *message);

void qmp_input_init(QMPInput *in);
/* A new client: forget what the last one left unfinished. */
void qmp_input_reset(QMPInput *in);
void qmp_input_feed(QMPInput *in, const uint8_t *buf, size_t len, QMPValueFunc *value, QMPErrorFunc *error,
                    void *opaque);

/* ---- commands ---- */

/*
 * arguments: "filename:s,hold-time:?i": name, type, '?' before an optional one's. Types: s string, i integer, b
 * boolean, a array, o object. NULL: whatever the client says. run: machine_lock held; arguments have been checked
 * against it. Returns the reply's "return", NULL for an empty object or on error.
 */
typedef struct QMPCommand {
    const char *name, *arguments;
    JsonNode *(*run)(JsonObject *args, Error **errp);
} QMPCommand;

extern const QMPCommand qmp_commands[], qmp_query_commands[], qmp_job_commands[]; /* each ends with a NULL name */
const QMPCommand *qmp_find(const char *name);
void qmp_foreach_command(void (*fn)(const QMPCommand *cmd, void *opaque), void *opaque);

/* ---- qmp-args.c ---- */

/* Every argument is known, of its type, and none is missing. */
bool qmp_check_arguments(const char *spec, JsonObject *args, Error **errp);
/* Values of checked arguments; def when absent. */
const char *qmp_string(JsonObject *args, const char *name, const char *def);
int64_t qmp_int(JsonObject *args, const char *name, int64_t def);
bool qmp_bool(JsonObject *args, const char *name, bool def);

/* A reply made of an object or array; takes it. */
JsonNode *qmp_object(JsonObject *object);
JsonNode *qmp_array(JsonArray *array);

/* ringbuf.c */
JsonNode *qmp_ringbuf_read(JsonObject *args, Error **errp);
JsonNode *qmp_ringbuf_write(JsonObject *args, Error **errp);

#endif
