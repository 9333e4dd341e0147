/* chardev/char-parse.c  From the command line to a chardev: -chardev options, and the short forms of -serial, -monitor
 * and the like. */
#define _GNU_SOURCE /* memrchr */
#include "chardev/chardev-int.h"
#include "monitor/monitor.h"

static const ChardevBackend *const backends[] = {
    &chr_backend_null,   &chr_backend_stdio,  &chr_backend_file,    &chr_backend_pipe, &chr_backend_pty,
    &chr_backend_serial, &chr_backend_socket, &chr_backend_ringbuf, &chr_backend_udp,
};

static const struct {
    const char *alias, *name;
} aliases[] = { { "memory", "ringbuf" }, { "tty", "serial" }, { "vc", "null" } };

const ChardevBackend *chr_backend_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        if (!strcmp(aliases[i].alias, name)) {
            name = aliases[i].name;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
        if (!strcmp(backends[i]->name, name)) {
            return backends[i];
        }
    }
    return NULL;
}

/* The keys that backend takes; g_free the array. */
static const char **known_keys(const ChardevBackend *backend)
{
    static const char *const common[] = { "backend", "id", "mux", "logfile", "logappend" };
    GPtrArray *keys = g_ptr_array_new();
    for (size_t i = 0; i < ARRAY_SIZE(common); i++) {
        g_ptr_array_add(keys, (gpointer)common[i]);
    }
    for (size_t i = 0; backend->keys[i]; i++) {
        g_ptr_array_add(keys, (gpointer)backend->keys[i]);
    }
    g_ptr_array_add(keys, NULL);
    return (const char **)g_ptr_array_free(keys, FALSE);
}

static QemuOpts *parse_for(const ChardevBackend *backend, const char *str, Error **errp)
{
    const char **keys = known_keys(backend);
    QemuOpts *opts = qemu_opts_parse(str, "backend", keys, errp);
    g_free(keys);
    return opts;
}

/* str: "backend,key=value". */
static Chardev *create(const char *label, const ChardevBackend *backend, const char *str, Error **errp)
{
    QemuOpts *opts = parse_for(backend, str, errp);
    if (!opts) {
        return NULL;
    }
    Error *err = NULL;
    Chardev *chr = NULL;
    qemu_opt_get_bool(opts, "mux", false, &err);
    if (!err) {
        chr = chr_new(label, backend, opts, &err);
    }
    error_propagate(errp, err);
    qemu_opts_free(opts);
    return chr;
}

bool qemu_chr_new_from_opts(const char *str, Error **errp)
{
    QemuOpts *opts = qemu_opts_parse(str, "backend", NULL, errp);
    if (!opts) {
        return false;
    }
    const char *name = qemu_opt_get(opts, "backend"), *id = qemu_opt_get(opts, "id");
    const ChardevBackend *backend = name ? chr_backend_find(name) : NULL;
    bool ok = false;
    if (!name) {
        error_setg(errp, "chardev: \"%s\": no backend given", str);
    } else if (!backend) {
        error_setg(errp, "'%s' is not a valid char driver name", name);
    } else if (!id || !*id) {
        error_setg(errp, "chardev: no id specified");
    } else {
        ok = create(id, backend, str, errp) != NULL;
    }
    qemu_opts_free(opts);
    return ok;
}

/* ---- the short forms ---- */

/* Double the commas of a value. */
static char *escape_value(const char *value)
{
    char **parts = g_strsplit(value, ",", -1);
    char *escaped = g_strjoinv(",,", parts);
    g_strfreev(parts);
    return escaped;
}

static char *with_path(const char *backend, const char *path)
{
    char *escaped = escape_value(path);
    char *str = g_strdup_printf("%s,path=%s", backend, escaped);
    g_free(escaped);
    return str;
}

/* "HOST:PORT,more"; HOST may be empty or [v6]. */
static char *socket_from_tcp(const char *spec, const char *extra, Error **errp)
{
    size_t address_len = strcspn(spec, ",");
    const char *colon = memrchr(spec, ':', address_len);
    if (!colon) {
        error_setg(errp, "'%s': expected HOST:PORT", spec);
        return NULL;
    }
    char *host = g_strndup(spec, colon - spec);
    char *port = g_strndup(colon + 1, spec + address_len - (colon + 1));
    size_t n = strlen(host);
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
        memmove(host, host + 1, n - 2);
        host[n - 2] = '\0';
    }
    char *str = g_strdup_printf("socket,host=%s,port=%s%s%s", host, port, extra, spec + address_len);
    g_free(host);
    g_free(port);
    return str;
}

/* "HOST:PORT[@LOCAL:PORT]"; hosts may be empty. */
static char *udp_from_legacy(const char *spec, Error **errp)
{
    char **ends = g_strsplit(spec, "@", 2);
    GString *str = g_string_new("udp");
    static const char *const keys[2][2] = { { "host", "port" }, { "localaddr", "localport" } };
    for (int i = 0; i < 2 && ends[i] && str; i++) {
        char *colon = strrchr(ends[i], ':');
        if (!colon) {
            error_setg(errp, "'%s': expected [HOST]:PORT[@[LOCALADDR]:LOCALPORT]", spec);
            g_string_free(g_steal_pointer(&str), TRUE);
            break;
        }
        g_string_append_printf(str, ",%s=%.*s,%s=%s", keys[i][0], (int)(colon - ends[i]), ends[i], keys[i][1],
                               colon + 1);
    }
    g_strfreev(ends);
    return str ? g_string_free(str, FALSE) : NULL;
}

static char *as_it_is(const char *spec, const char *rest, Error **errp)
{
    (void)rest, (void)errp;
    return g_strdup(spec);
}

/* There is no virtual console. */
static char *to_null(const char *spec, const char *rest, Error **errp)
{
    (void)spec, (void)rest, (void)errp;
    return g_strdup("null");
}

static char *to_file(const char *spec, const char *rest, Error **errp)
{
    (void)spec, (void)errp;
    return with_path("file", rest);
}

static char *to_pipe(const char *spec, const char *rest, Error **errp)
{
    (void)spec, (void)errp;
    return with_path("pipe", rest);
}

static char *to_serial(const char *spec, const char *rest, Error **errp)
{
    (void)rest, (void)errp;
    return with_path("serial", spec);
}

/* Options may follow the path. */
static char *to_unix(const char *spec, const char *rest, Error **errp)
{
    (void)spec, (void)errp;
    return g_strdup_printf("socket,path=%s", rest);
}

static char *to_tcp(const char *spec, const char *rest, Error **errp)
{
    (void)spec;
    return socket_from_tcp(rest, "", errp);
}

static char *to_telnet(const char *spec, const char *rest, Error **errp)
{
    (void)spec;
    return socket_from_tcp(rest, ",telnet=on", errp);
}

static char *to_udp(const char *spec, const char *rest, Error **errp)
{
    (void)spec;
    return udp_from_legacy(rest, errp);
}

static const struct {
    const char *start;
    bool whole; /* nothing follows */
    char *(*translate)(const char *spec, const char *rest, Error **errp);
} short_forms[] = {
    { "null", true, as_it_is },    { "pty", true, as_it_is },   { "stdio", true, as_it_is },
    { "stdio,", false, as_it_is }, { "vc", true, to_null },     { "vc:", false, to_null },
    { "file:", false, to_file },   { "pipe:", false, to_pipe }, { "/dev/", false, to_serial },
    { "unix:", false, to_unix },   { "tcp:", false, to_tcp },   { "telnet:", false, to_telnet },
    { "udp:", false, to_udp },
};

/* "-chardev" form of a short form, or NULL with an error. */
static char *translate(const char *spec, Error **errp)
{
    for (size_t i = 0; i < ARRAY_SIZE(short_forms); i++) {
        size_t len = strlen(short_forms[i].start);
        if (!strncmp(spec, short_forms[i].start, len) && (!short_forms[i].whole || !spec[len])) {
            return short_forms[i].translate(spec, spec + len, errp);
        }
    }
    error_setg(errp, "'%s' is not a valid char driver", spec);
    return NULL;
}

static Chardev *find_for_front_end(const char *id, Error **errp)
{
    Chardev *chr = qemu_chr_find(id);
    if (!chr) {
        error_setg(errp, "Chardev '%s' not found", id);
    }
    return chr;
}

bool qemu_chr_new_from_legacy(const char *label, const char *spec, Chardev **out, Error **errp)
{
    *out = NULL;
    if (!strcmp(spec, "none")) {
        return true;
    }
    if (g_str_has_prefix(spec, "chardev:")) {
        *out = find_for_front_end(spec + strlen("chardev:"), errp);
        return *out != NULL;
    }
    bool mux = g_str_has_prefix(spec, "mon:");
    char *str = translate(mux ? spec + strlen("mon:") : spec, errp);
    if (!str) {
        return false;
    }
    /* With the monitor a keystroke away, C-c is the guest's. */
    bool is_stdio = g_str_has_prefix(str, "stdio");
    char *full = g_strdup_printf("%s%s%s", str, mux ? ",mux=on" : "",
                                 mux && is_stdio && !strstr(str, "signal=") ? ",signal=off" : "");
    char *name = g_strndup(full, strcspn(full, ","));
    *out = create(label, chr_backend_find(name), full, errp);
    g_free(name);
    g_free(full);
    g_free(str);
    /* "mon:" in front of a port's chardev brings a monitor; -monitor brings its own. */
    bool brings_monitor = mux && !g_str_has_prefix(label, "compat_monitor");
    return *out && (!brings_monitor || monitor_init_hmp(*out, errp));
}
