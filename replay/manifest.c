/*
 * replay/manifest.c  RRFILE.manifest, JSON Lines beside the log: how the recording was made, digests on the way, and
 * how it ended. Hostile when read: sizes, nesting and types are checked before anything is believed.
 *
 * Keys of line 1 beyond the log format's page: "sync":"full" and "hash":"full" when rrsync=full and rrhash=full were
 * given. "machine" is an object of strings, one per replay_add_property(); "seed", "xxh3" and "digest" are 16 hex
 * digits.
 */
#include "replay/replay-internal.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <sys/stat.h>

#include "util/error.h"
#include "util/json.h"

#define MAX_FILE       (16 * MiB) /* three days of digests */
#define MAX_LINE       (1 * MiB)
#define MAX_NESTING    8
#define MAX_PROPERTIES 4096 /* they are looked for one after the other */

static void free_input(gpointer data)
{
    ManifestInput *input = data;
    g_free(input->role);
    g_free(input->path);
    g_free(input);
}

void manifest_init(Manifest *m, const char *log_path)
{
    *m = (Manifest){ .path = g_strdup_printf("%s.manifest", log_path) };
    m->argv = g_ptr_array_new_with_free_func(g_free);
    m->names = g_ptr_array_new_with_free_func(g_free);
    m->values = g_ptr_array_new_with_free_func(g_free);
    m->inputs = g_ptr_array_new_with_free_func(free_input);
    m->digests = g_array_new(false, false, sizeof(ManifestDigest));
}

void manifest_free(Manifest *m)
{
    if (!m->path) {
        return;
    }
    g_free(m->path);
    g_ptr_array_free(m->argv, true);
    g_ptr_array_free(m->names, true);
    g_ptr_array_free(m->values, true);
    g_ptr_array_free(m->inputs, true);
    g_array_free(m->digests, true);
    *m = (Manifest){ 0 };
}

const char *manifest_property(const Manifest *m, const char *name)
{
    for (guint i = 0; i < m->names->len; i++) {
        if (!strcmp(g_ptr_array_index(m->names, i), name)) {
            return g_ptr_array_index(m->values, i);
        }
    }
    return NULL;
}

void manifest_set_property(Manifest *m, const char *name, const char *value)
{
    for (guint i = 0; i < m->names->len; i++) {
        if (!strcmp(g_ptr_array_index(m->names, i), name)) {
            g_free(g_ptr_array_index(m->values, i));
            g_ptr_array_index(m->values, i) = g_strdup(value);
            return;
        }
    }
    g_ptr_array_add(m->names, g_strdup(name));
    g_ptr_array_add(m->values, g_strdup(value));
}

ManifestInput *manifest_add_input(Manifest *m, const char *role, const char *path)
{
    ManifestInput *input = g_new0(ManifestInput, 1);
    input->role = g_strdup(role);
    input->path = g_strdup(path);
    g_ptr_array_add(m->inputs, input);
    return input;
}

/* ---- writing ---- */

/* What the user typed need not be UTF-8; JSON must be. */
static void add_text(JsonBuilder *b, const char *key, const char *text)
{
    char *valid = g_utf8_make_valid(text, -1);
    if (key) {
        json_builder_set_member_name(b, key);
    }
    json_builder_add_string_value(b, valid);
    g_free(valid);
}

static void add_int(JsonBuilder *b, const char *key, int64_t value)
{
    json_builder_set_member_name(b, key);
    json_builder_add_int_value(b, value);
}

static void add_hex(JsonBuilder *b, const char *key, uint64_t value)
{
    char text[17];
    snprintf(text, sizeof(text), "%016" PRIx64, value);
    add_text(b, key, text);
}

static void add_bool(JsonBuilder *b, const char *key, bool value)
{
    json_builder_set_member_name(b, key);
    json_builder_add_boolean_value(b, value);
}

static JsonBuilder *begin_line(void)
{
    JsonBuilder *b = json_builder_new();
    json_builder_begin_object(b);
    return b;
}

static char *end_line(JsonBuilder *b)
{
    json_builder_end_object(b);
    JsonNode *root = json_builder_get_root(b);
    char *text = json_to_string(root, false);
    char *line = g_strdup_printf("%s\n", text);
    g_free(text);
    json_node_unref(root);
    g_object_unref(b);
    return line;
}

static void add_argv(JsonBuilder *b, const Manifest *m)
{
    json_builder_set_member_name(b, "argv");
    json_builder_begin_array(b);
    for (guint i = 0; i < m->argv->len; i++) {
        add_text(b, NULL, g_ptr_array_index(m->argv, i));
    }
    json_builder_end_array(b);
}

static void add_machine(JsonBuilder *b, const Manifest *m)
{
    json_builder_set_member_name(b, "machine");
    json_builder_begin_object(b);
    for (guint i = 0; i < m->names->len; i++) {
        add_text(b, g_ptr_array_index(m->names, i), g_ptr_array_index(m->values, i));
    }
    json_builder_end_object(b);
}

static void add_inputs(JsonBuilder *b, const Manifest *m)
{
    json_builder_set_member_name(b, "inputs");
    json_builder_begin_array(b);
    for (guint i = 0; i < m->inputs->len; i++) {
        const ManifestInput *input = g_ptr_array_index(m->inputs, i);
        json_builder_begin_object(b);
        add_text(b, "role", input->role);
        add_text(b, "path", input->path);
        add_int(b, "size", input->size);
        add_hex(b, "xxh3", input->xxh3);
        json_builder_end_object(b);
    }
    json_builder_end_array(b);
}

char *manifest_head_line(const Manifest *m)
{
    char version[16];
    JsonBuilder *b = begin_line();
    snprintf(version, sizeof(version), "0x%06x", REPLAY_VERSION);
    add_int(b, "manifest", 1);
    add_text(b, "version", version);
    add_argv(b, m);
    add_machine(b, m);
    add_int(b, "shift", m->shift);
    add_hex(b, "seed", m->seed);
    if (m->sync_full) {
        add_text(b, "sync", "full");
    }
    if (m->hash_full) {
        add_text(b, "hash", "full");
    }
    add_inputs(b, m);
    return end_line(b);
}

char *manifest_digest_line(int64_t icount, uint64_t digest)
{
    JsonBuilder *b = begin_line();
    add_int(b, "icount", icount);
    add_hex(b, "digest", digest);
    return end_line(b);
}

char *manifest_end_line(int64_t icount, uint64_t digest, uint64_t events, uint64_t bytes)
{
    JsonBuilder *b = begin_line();
    add_bool(b, "end", true);
    add_int(b, "icount", icount);
    add_hex(b, "digest", digest);
    add_int(b, "events", events);
    add_int(b, "bytes", bytes);
    return end_line(b);
}

/* ---- reading ---- */

typedef struct Line {
    const Manifest *m;
    unsigned number; /* from 1 */
    Error **errp;
    bool failed;
} Line;

static void refuse(Line *line, const char *fmt, ...) QEMU_PRINTF(2, 3);
static void refuse(Line *line, const char *fmt, ...)
{
    if (line->failed) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_setg(line->errp, "'%s' line %u: %s", line->m->path, line->number, text);
    g_free(text);
    line->failed = true;
}

/* A member of the wanted JSON type (a GType for values), or NULL; a wrong type is an error. */
static JsonNode *get_member(Line *line, JsonObject *o, const char *key, JsonNodeType node_type, GType type)
{
    JsonNode *node = json_object_get_member(o, key);
    if (!node) {
        return NULL;
    }
    if (json_node_get_node_type(node) != node_type ||
        (node_type == JSON_NODE_VALUE && json_node_get_value_type(node) != type)) {
        refuse(line, "\"%s\" has the wrong type", key);
        return NULL;
    }
    return node;
}

static const char *get_text(Line *line, JsonObject *o, const char *key)
{
    JsonNode *node = get_member(line, o, key, JSON_NODE_VALUE, G_TYPE_STRING);
    return node ? json_node_get_string(node) : NULL;
}

static int64_t get_count(Line *line, JsonObject *o, const char *key)
{
    JsonNode *node = get_member(line, o, key, JSON_NODE_VALUE, G_TYPE_INT64);
    if (!node || json_node_get_int(node) < 0) {
        refuse(line, "\"%s\" must be a number, 0 or more", key);
        return 0;
    }
    return json_node_get_int(node);
}

static uint64_t get_hex(Line *line, JsonObject *o, const char *key)
{
    const char *text = get_text(line, o, key);
    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16) {
        refuse(line, "\"%s\" must be 16 hex digits", key);
        return 0;
    }
    return g_ascii_strtoull(text, NULL, 16);
}

static bool get_full_mark(Line *line, JsonObject *o, const char *key)
{
    const char *text = get_text(line, o, key);
    if (text && strcmp(text, "full")) {
        refuse(line, "\"%s\" is '%s', expected 'full'", key, text);
    }
    return text != NULL;
}

static void read_machine(Manifest *m, Line *line, JsonObject *o)
{
    JsonNode *node = get_member(line, o, "machine", JSON_NODE_OBJECT, 0);
    GList *names = node ? json_object_get_members(json_node_get_object(node)) : NULL;
    for (GList *l = names; l; l = l->next) {
        const char *value = get_text(line, json_node_get_object(node), l->data);
        if (m->names->len >= MAX_PROPERTIES) {
            refuse(line, "more than %d properties of the machine", MAX_PROPERTIES);
        } else if (value) {
            manifest_set_property(m, l->data, value);
        }
    }
    g_list_free(names);
}

static void read_input(Manifest *m, Line *line, JsonNode *node)
{
    if (json_node_get_node_type(node) != JSON_NODE_OBJECT) {
        refuse(line, "an input must be an object");
        return;
    }
    JsonObject *o = json_node_get_object(node);
    const char *role = get_text(line, o, "role");
    const char *path = get_text(line, o, "path");
    if (!role || !path) {
        refuse(line, "an input needs \"role\" and \"path\"");
        return;
    }
    ManifestInput *input = manifest_add_input(m, role, path);
    input->size = get_count(line, o, "size");
    input->xxh3 = get_hex(line, o, "xxh3");
}

static void read_inputs(Manifest *m, Line *line, JsonObject *o)
{
    JsonNode *node = get_member(line, o, "inputs", JSON_NODE_ARRAY, 0);
    JsonArray *inputs = node ? json_node_get_array(node) : NULL;
    for (guint i = 0; inputs && i < json_array_get_length(inputs); i++) {
        read_input(m, line, json_array_get_element(inputs, i));
    }
}

static void read_head(Manifest *m, Line *line, JsonObject *o)
{
    if (get_count(line, o, "manifest") != 1) {
        refuse(line, "this is no manifest of version 1");
        return;
    }
    int64_t shift = get_count(line, o, "shift");
    if (shift > 63) {
        refuse(line, "impossible shift %" PRId64, shift);
    }
    m->shift = shift;
    m->seed = get_hex(line, o, "seed");
    m->sync_full = get_full_mark(line, o, "sync");
    m->hash_full = get_full_mark(line, o, "hash");
    read_machine(m, line, o);
    read_inputs(m, line, o);
    m->has_head = !line->failed;
}

static void read_digest(Manifest *m, Line *line, JsonObject *o)
{
    ManifestDigest d = { .icount = get_count(line, o, "icount"), .digest = get_hex(line, o, "digest") };
    ManifestDigest *last = m->digests->len ? &g_array_index(m->digests, ManifestDigest, m->digests->len - 1) : NULL;
    if (last && d.icount <= last->icount) {
        refuse(line, "icount %" PRId64 " does not follow %" PRId64, d.icount, last->icount);
    }
    g_array_append_val(m->digests, d);
}

static void read_end(Manifest *m, Line *line, JsonObject *o)
{
    m->end_icount = get_count(line, o, "icount");
    m->end_digest = get_hex(line, o, "digest");
    m->has_end = !line->failed;
}

static void read_object(Manifest *m, Line *line, JsonObject *o)
{
    if (line->number == 1) {
        read_head(m, line, o);
    } else if (m->has_end) {
        refuse(line, "nothing may follow the end");
    } else if (json_object_has_member(o, "end")) {
        read_end(m, line, o);
    } else {
        read_digest(m, line, o);
    }
}

static void parse_line(Manifest *m, Line *line, const char *text, size_t len)
{
    GError *gerr = NULL;
    if (len > MAX_LINE || json_nests_deeper(text, len, MAX_NESTING)) {
        refuse(line, "too long or too deep");
        return;
    }
    JsonParser *parser = json_parser_new();
    if (!json_parser_load_from_data(parser, text, len, &gerr)) {
        refuse(line, "not JSON (%s)", gerr->message);
        g_error_free(gerr);
    } else if (!json_parser_get_root(parser) || !JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser))) {
        refuse(line, "not a JSON object");
    } else {
        read_object(m, line, json_node_get_object(json_parser_get_root(parser)));
    }
    g_object_unref(parser);
}

/* A last line without newline was being written when the recorder died: it does not count. */
bool manifest_parse(Manifest *m, const char *text, size_t len, Error **errp)
{
    Line line = { .m = m, .errp = errp };
    const char *end = text + len;
    for (const char *nl; !line.failed && (nl = memchr(text, '\n', end - text)); text = nl + 1) {
        line.number++;
        parse_line(m, &line, text, nl - text);
    }
    return !line.failed;
}

static bool open_existing(const Manifest *m, FILE **f, Error **errp)
{
    struct stat st;
    *f = fopen(m->path, "re");
    if (!*f && errno != ENOENT) {
        error_setg_errno(errp, errno, "Could not open '%s'", m->path);
        return false;
    }
    if (*f && (fstat(fileno(*f), &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE)) {
        error_setg(errp, "'%s' is too large or no regular file", m->path);
        fclose(*f);
        return false;
    }
    return true;
}

bool manifest_load(Manifest *m, Error **errp)
{
    FILE *f;
    if (!open_existing(m, &f, errp)) {
        return false;
    }
    if (!f) {
        return true;
    }
    GByteArray *text = g_byte_array_new();
    uint8_t buf[65536];
    size_t n;
    while (text->len <= MAX_FILE && (n = fread(buf, 1, sizeof(buf), f))) {
        g_byte_array_append(text, buf, n);
    }
    bool ok = !ferror(f);
    if (!ok) {
        error_setg_errno(errp, errno, "Could not read '%s'", m->path);
    }
    fclose(f);
    ok = ok && manifest_parse(m, text->len ? (char *)text->data : "", text->len, errp);
    g_byte_array_unref(text);
    return ok;
}

/* ---- comparing ---- */

static ManifestInput *next_recorded(const Manifest *m, const char *role)
{
    for (guint i = 0; i < m->inputs->len; i++) {
        ManifestInput *input = g_ptr_array_index(m->inputs, i);
        if (!input->named && !strcmp(input->role, role)) {
            return input;
        }
    }
    return NULL;
}

bool manifest_check_input(Manifest *m, const char *role, const char *path, Error **errp)
{
    uint64_t size, xxh3;
    if (!m->has_head) {
        return true;
    }
    ManifestInput *recorded = next_recorded(m, role);
    if (!recorded) {
        error_setg(errp, "%s file '%s' was not part of the recording", role, path);
        return false;
    }
    recorded->named = true;
    if (!file_hash(path, m->hash_full, &size, &xxh3, errp)) {
        return false;
    }
    if (size != recorded->size) {
        error_setg(errp, "%s file '%s' differs from the recording: %" PRIu64 " bytes, recorded %" PRIu64, role, path,
                   size, recorded->size);
    } else if (xxh3 != recorded->xxh3) {
        error_setg(errp, "%s file '%s' differs from the recording: xxh3 %016" PRIx64 ", recorded %016" PRIx64, role,
                   path, xxh3, recorded->xxh3);
    }
    return size == recorded->size && xxh3 == recorded->xxh3;
}

bool manifest_check_property(const Manifest *m, const char *name, const char *option, const char *value, Error **errp)
{
    const char *recorded = manifest_property(m, name);
    if (!recorded && m->names->len && !strcmp(name, "revision")) {
        recorded = "1"; /* from before it was noted */
    }
    char *valid = g_utf8_make_valid(value, -1);
    bool same = !recorded || !strcmp(recorded, valid);
    if (!same) {
        error_setg(errp, "%s %s: the recording was made with %s %s", option, valid, option, recorded);
    }
    g_free(valid);
    return same;
}

bool manifest_check_complete(const Manifest *m, Error **errp)
{
    for (guint i = 0; i < m->inputs->len; i++) {
        const ManifestInput *input = g_ptr_array_index(m->inputs, i);
        if (!input->named) {
            error_setg(errp, "the recording was made with %s file '%s', which is missing now", input->role,
                       input->path);
            return false;
        }
    }
    return true;
}
