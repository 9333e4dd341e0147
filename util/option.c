/* util/option.c  Options of QEMU's form: "key=value,key=value". */
#include "util/option.h"

#include <errno.h>

typedef struct Opt {
    char *key, *value; /* the latest */
    GPtrArray *values; /* of char *, all that were given */
} Opt;

struct QemuOpts {
    GPtrArray *list; /* Opt *, in order */
};

static void opt_free(gpointer data)
{
    Opt *o = data;
    g_free(o->key);
    g_ptr_array_free(o->values, TRUE);
    g_free(o);
}

void qemu_opts_free(QemuOpts *opts)
{
    if (opts) {
        g_ptr_array_free(opts->list, TRUE);
        g_free(opts);
    }
}

static Opt *find(const QemuOpts *opts, const char *key)
{
    for (guint i = 0; i < opts->list->len; i++) {
        Opt *o = g_ptr_array_index(opts->list, i);
        if (!strcmp(o->key, key)) {
            return o;
        }
    }
    return NULL;
}

static void set(QemuOpts *opts, char *key, char *value)
{
    Opt *o = find(opts, key);
    if (o) {
        g_free(key);
    } else {
        o = g_new0(Opt, 1);
        o->key = key;
        o->values = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(opts->list, o);
    }
    o->value = value;
    g_ptr_array_add(o->values, value);
}

QemuOpts *qemu_opts_new(void)
{
    QemuOpts *opts = g_new0(QemuOpts, 1);
    opts->list = g_ptr_array_new_with_free_func(opt_free);
    return opts;
}

void qemu_opts_set(QemuOpts *opts, const char *key, const char *value)
{
    set(opts, g_strdup(key), g_strdup(value));
}

void qemu_opts_unset(QemuOpts *opts, const char *key)
{
    Opt *o = find(opts, key);
    if (o) {
        g_ptr_array_remove(opts->list, o);
    }
}

QemuOpts *qemu_opts_sub(const QemuOpts *opts, const char *prefix)
{
    QemuOpts *sub = qemu_opts_new();
    for (guint i = 0; i < opts->list->len; i++) {
        const Opt *o = g_ptr_array_index(opts->list, i);
        if (g_str_has_prefix(o->key, prefix)) {
            qemu_opts_set(sub, o->key + strlen(prefix), o->value);
        }
    }
    if (sub->list->len) {
        return sub;
    }
    qemu_opts_free(sub);
    return NULL;
}

/* One part up to a single comma; "," doubled stands for itself. Advances *p past the comma. */
static char *next_part(const char **p)
{
    GString *part = g_string_new(NULL);
    while (**p) {
        if (**p == ',') {
            (*p)++;
            if (**p != ',') {
                break;
            }
        }
        g_string_append_c(part, *(*p)++);
    }
    return g_string_free(part, FALSE);
}

static bool is_known(const char *const *known, const char *key)
{
    return !known || g_strv_contains(known, key);
}

/* A part without '=': the implied key's value when it comes first, else a switch: "key" or "nokey". */
static void set_bare(QemuOpts *opts, const char *part, const char *implied_key, bool first, const char *const *known)
{
    if (first && implied_key) {
        set(opts, g_strdup(implied_key), g_strdup(part));
    } else if (g_str_has_prefix(part, "no") && known && !is_known(known, part) && is_known(known, part + 2)) {
        set(opts, g_strdup(part + 2), g_strdup("off"));
    } else {
        set(opts, g_strdup(part), g_strdup("on"));
    }
}

static void set_part(QemuOpts *opts, const char *part, const char *implied_key, bool first, const char *const *known)
{
    const char *eq = strchr(part, '=');
    if (!eq) {
        set_bare(opts, part, implied_key, first, known);
    } else {
        set(opts, g_strndup(part, eq - part), g_strdup(eq + 1));
    }
}

static const char *first_unknown(const QemuOpts *opts, const char *const *known, const char *implied_key)
{
    for (guint i = 0; i < opts->list->len; i++) {
        const Opt *o = g_ptr_array_index(opts->list, i);
        bool implied = implied_key && !strcmp(o->key, implied_key);
        if (!implied && !is_known(known, o->key)) {
            return o->key;
        }
    }
    return NULL;
}

QemuOpts *qemu_opts_parse(const char *str, const char *implied_key, const char *const *known, Error **errp)
{
    QemuOpts *opts = qemu_opts_new();
    for (bool first = true; *str; first = false) {
        char *part = next_part(&str);
        set_part(opts, part, implied_key, first, known);
        g_free(part);
    }
    const char *unknown = first_unknown(opts, known, implied_key);
    if (unknown) {
        error_setg(errp, "Invalid parameter '%s'", unknown);
        qemu_opts_free(opts);
        return NULL;
    }
    return opts;
}

const char *qemu_opt_get(const QemuOpts *opts, const char *key)
{
    const Opt *o = find(opts, key);
    return o ? o->value : NULL;
}

const char *qemu_opt_get_nth(const QemuOpts *opts, const char *key, unsigned n)
{
    const Opt *o = find(opts, key);
    return o && n < o->values->len ? g_ptr_array_index(o->values, n) : NULL;
}

bool qemu_opt_get_bool(const QemuOpts *opts, const char *key, bool def, Error **errp)
{
    const char *value = qemu_opt_get(opts, key);
    bool result = def;
    if (value && !parse_bool(value, &result)) {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off', not '%s'", key, value);
    }
    return result;
}

uint64_t qemu_opt_get_number(const QemuOpts *opts, const char *key, uint64_t def, Error **errp)
{
    const char *value = qemu_opt_get(opts, key);
    uint64_t result = def;
    if (value && !parse_uint(value, UINT64_MAX, &result)) {
        error_setg(errp, "Parameter '%s' expects a number, not '%s'", key, value);
        return def;
    }
    return result;
}

uint64_t qemu_opt_get_size(const QemuOpts *opts, const char *key, uint64_t def, Error **errp)
{
    const char *value = qemu_opt_get(opts, key);
    uint64_t result = def;
    if (value && !parse_size(value, 1, &result, NULL)) {
        error_setg(errp, "Parameter '%s' expects a size, not '%s'", key, value);
        return def;
    }
    return result;
}

void qemu_opts_foreach(const QemuOpts *opts, void (*fn)(const char *key, const char *value, void *opaque), void *opaque)
{
    for (guint i = 0; i < opts->list->len; i++) {
        const Opt *o = g_ptr_array_index(opts->list, i);
        fn(o->key, o->value, opaque);
    }
}

/* Multiplier of a size suffix, 0 when it is none. */
static uint64_t suffix_unit(char c)
{
    switch (g_ascii_toupper(c)) {
    case 'B':
        return 1;
    case 'K':
        return KiB;
    case 'M':
        return MiB;
    case 'G':
        return GiB;
    case 'T':
        return 1024 * GiB;
    default:
        return 0;
    }
}

bool parse_size(const char *str, uint64_t default_unit, uint64_t *result, Error **errp)
{
    char *end;
    errno = 0;
    double number = g_ascii_isdigit(*str) ? g_ascii_strtod(str, &end) : -1;
    uint64_t unit = default_unit;
    if (number >= 0 && *end) {
        unit = suffix_unit(*end++);
    }
    if (number < 0 || errno || !unit || *end || number * (double)unit >= 9.2e18) {
        error_setg(errp, "'%s' is not a size", str);
        return false;
    }
    *result = (uint64_t)(number * (double)unit);
    return true;
}

bool is_identifier(const char *str)
{
    return g_ascii_isalpha(*str) && !str[strspn(str, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-._")];
}

bool parse_bool(const char *str, bool *result)
{
    static const char *const yes[] = { "on", "yes", "true", "y", NULL };
    static const char *const no[] = { "off", "no", "false", "n", NULL };
    if (g_strv_contains(yes, str) || g_strv_contains(no, str)) {
        *result = g_strv_contains(yes, str);
        return true;
    }
    return false;
}

bool parse_uint(const char *str, uint64_t max, uint64_t *result)
{
    char *end;
    if (!g_ascii_isdigit(*str)) {
        return false;
    }
    errno = 0;
    uint64_t value = g_ascii_strtoull(str, &end, 0);
    if (errno || *end || value > max) {
        return false;
    }
    *result = value;
    return true;
}
