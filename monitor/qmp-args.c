/* monitor/qmp-args.c  Arguments of QMP commands against their description, with QEMU's error messages. */
#include "qmp-internal.h"

typedef struct ArgType {
    char letter;
    JsonNodeType node;
    GType value; /* of a JSON_NODE_VALUE */
    const char *name;
} ArgType;

static const ArgType *find_type(char letter)
{
    static ArgType types[5];
    if (!types[0].letter) { /* G_TYPE_* are no constants everywhere */
        types[0] = (ArgType){ 's', JSON_NODE_VALUE, G_TYPE_STRING, "string" };
        types[1] = (ArgType){ 'i', JSON_NODE_VALUE, G_TYPE_INT64, "integer" };
        types[2] = (ArgType){ 'b', JSON_NODE_VALUE, G_TYPE_BOOLEAN, "boolean" };
        types[3] = (ArgType){ 'a', JSON_NODE_ARRAY, G_TYPE_NONE, "array" };
        types[4] = (ArgType){ 'o', JSON_NODE_OBJECT, G_TYPE_NONE, "object" };
    }
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (types[i].letter == letter) {
            return &types[i];
        }
    }
    lockstep_assert(false, "argument type '%c'", letter);
}

static bool has_type(JsonNode *node, const ArgType *type)
{
    return json_node_get_node_type(node) == type->node &&
           (type->node != JSON_NODE_VALUE || json_node_get_value_type(node) == type->value);
}

/* One item "name:?t". */
static bool check_item(const char *item, JsonObject *args, Error **errp)
{
    const char *colon = strchr(item, ':');
    char *name = g_strndup(item, colon - item);
    bool optional = colon[1] == '?';
    const ArgType *type = find_type(colon[1 + optional]);
    JsonNode *node = json_object_get_member(args, name);
    bool ok = node ? has_type(node, type) : optional;
    if (!ok && node) {
        error_setg(errp, "Invalid parameter type for '%s', expected: %s", name, type->name);
    } else if (!ok) {
        error_setg(errp, "Parameter '%s' is missing", name);
    }
    g_free(name);
    return ok;
}

static bool is_known(char **items, const char *name)
{
    size_t len = strlen(name);
    for (int i = 0; items[i]; i++) {
        if (!strncmp(items[i], name, len) && items[i][len] == ':') {
            return true;
        }
    }
    return false;
}

static bool check_none_unknown(char **items, JsonObject *args, Error **errp)
{
    GList *names = json_object_get_members(args);
    const char *unknown = NULL;
    for (GList *l = names; l && !unknown; l = l->next) {
        unknown = is_known(items, l->data) ? NULL : l->data;
    }
    if (unknown) {
        error_setg(errp, "Parameter '%s' is unexpected", unknown);
    }
    g_list_free(names);
    return !unknown;
}

bool qmp_check_arguments(const char *spec, JsonObject *args, Error **errp)
{
    if (!spec) {
        return true;
    }
    char **items = g_strsplit(spec, ",", -1);
    bool ok = true;
    for (int i = 0; ok && items[i] && *items[i]; i++) {
        ok = check_item(items[i], args, errp);
    }
    ok = ok && check_none_unknown(items, args, errp);
    g_strfreev(items);
    return ok;
}

const char *qmp_string(JsonObject *args, const char *name, const char *def)
{
    return json_object_get_string_member_with_default(args, name, def);
}

int64_t qmp_int(JsonObject *args, const char *name, int64_t def)
{
    return json_object_get_int_member_with_default(args, name, def);
}

bool qmp_bool(JsonObject *args, const char *name, bool def)
{
    return json_object_get_boolean_member_with_default(args, name, def);
}

JsonNode *qmp_object(JsonObject *object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}

JsonNode *qmp_array(JsonArray *array)
{
    JsonNode *node = json_node_new(JSON_NODE_ARRAY);
    json_node_take_array(node, array);
    return node;
}
