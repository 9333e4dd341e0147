/* block/json-options.c  -blockdev in JSON, and "json:" file names, as flat options: {"file": {"driver": ...}} is
 * "file.driver". */
#include <json-glib/json-glib.h>

#include "block/block-int.h"
#include "util/json.h"

#define MAX_TEXT    (64 * KiB)
#define MAX_NESTING 32 /* add_node() recurses */

static void add_node(QemuOpts *opts, const char *key, JsonNode *node, Error **errp);

static void add_object(QemuOpts *opts, const char *prefix, JsonObject *object, Error **errp)
{
    Error *err = NULL;
    GList *members = json_object_get_members(object);
    for (GList *m = members; m && !err; m = m->next) {
        char *key = *prefix ? g_strdup_printf("%s.%s", prefix, (char *)m->data) : g_strdup(m->data);
        add_node(opts, key, json_object_get_member(object, m->data), &err);
        g_free(key);
    }
    g_list_free(members);
    error_propagate(errp, err);
}

static void add_value(QemuOpts *opts, const char *key, JsonNode *node)
{
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_STRING) {
        qemu_opts_set(opts, key, json_node_get_string(node));
    } else if (type == G_TYPE_BOOLEAN) {
        qemu_opts_set(opts, key, json_node_get_boolean(node) ? "on" : "off");
    } else {
        char *number = g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
        qemu_opts_set(opts, key, number);
        g_free(number);
    }
}

static void add_node(QemuOpts *opts, const char *key, JsonNode *node, Error **errp)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        add_object(opts, key, json_node_get_object(node), errp);
        break;
    case JSON_NODE_VALUE:
        add_value(opts, key, node);
        break;
    case JSON_NODE_NULL:
        qemu_opts_set(opts, key, ""); /* "backing": null */
        break;
    case JSON_NODE_ARRAY:
        error_setg(errp, "Parameter '%s' is unexpected: no option here is a list", key);
        break;
    }
}

QemuOpts *bdrv_parse_json(const char *text, Error **errp)
{
    JsonParser *parser = json_parser_new();
    GError *gerr = NULL;
    Error *err = NULL;
    QemuOpts *opts = qemu_opts_new();
    if (strlen(text) > MAX_TEXT || json_nests_deeper(text, strlen(text), MAX_NESTING)) {
        error_setg(&err, "JSON parse error, too long or nested too deep");
    } else if (!json_parser_load_from_data(parser, text, -1, &gerr)) {
        error_setg(&err, "JSON parse error, %s", gerr->message);
        g_error_free(gerr);
    } else if (!json_parser_get_root(parser) || !JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser))) {
        error_setg(&err, "JSON parse error, an object is expected");
    } else {
        add_object(opts, "", json_node_get_object(json_parser_get_root(parser)), &err);
    }
    g_object_unref(parser);
    if (err) {
        qemu_opts_free(opts);
        error_propagate(errp, err);
        return NULL;
    }
    return opts;
}
