/*
 * net/filter.c  -object filter-NAME,id=,netdev=: filters on a netdev see every packet between it and its NIC, at the
 * guest's side: when the guest sends, and when a packet arrives at its checkpoint.
 */
#include "net/net-int.h"

static const NetFilterDriver *const drivers[] = { &net_filter_replay, &net_filter_dump };

typedef struct Pending {
    const NetFilterDriver *driver;
    QemuOpts *opts;
    char *option;
} Pending;

static GArray *pending; /* of Pending: netdevs are looked up when all options are read */

static const NetFilterDriver *find_driver(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        if (!strcmp(drivers[i]->name, name)) {
            return drivers[i];
        }
    }
    return NULL;
}

static QemuOpts *parse_filter(const char *arg, const NetFilterDriver **driver, Error **errp)
{
    static const char *const common[] = { "qom-type", "id", "netdev", NULL };
    char *name = g_strndup(arg, strcspn(arg, ","));
    *driver = find_driver(name);
    QemuOpts *opts = NULL;
    if (*driver) {
        opts = net_opts_parse(arg, "qom-type", common, (*driver)->options, errp);
    } else {
        error_setg(errp, "Parameter 'qom-type' does not accept value '%s'", name);
    }
    g_free(name);
    return opts;
}

static bool check_required(const QemuOpts *opts, Error **errp)
{
    static const char *const required[] = { "id", "netdev" };
    for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
        if (!qemu_opt_get(opts, required[i])) {
            error_setg(errp, "Parameter '%s' is missing", required[i]);
            return false;
        }
    }
    return true;
}

bool object_add_filter(const char *arg, Error **errp)
{
    Pending p = { .opts = parse_filter(arg, &p.driver, errp) };
    if (!p.opts || !check_required(p.opts, errp)) {
        qemu_opts_free(p.opts);
        return false;
    }
    if (!pending) {
        pending = g_array_new(FALSE, FALSE, sizeof(Pending));
    }
    p.option = g_strdup_printf("-object %s", arg);
    g_array_append_val(pending, p);
    return true;
}

static NetDev *filtered_netdev(const QemuOpts *opts, Error **errp)
{
    const char *id = qemu_opt_get(opts, "netdev");
    NetDev *nd = net_find(id);
    if (!nd) {
        error_setg(errp, "Parameter 'netdev' expects a network backend id, not '%s'", id);
    } else if (nd->port) {
        error_setg(errp, "netdev '%s' is behind hub port '%s': put the filter there", id, nd->port->id);
    }
    return nd && !nd->port ? nd : NULL;
}

static bool id_is_taken(const char *id)
{
    for (NetDev *nd = net_first(); nd; nd = nd->next) {
        for (const NetFilter *f = nd->filters; f; f = f->next) {
            if (!strcmp(f->id, id)) {
                return true;
            }
        }
    }
    return false;
}

static bool create(const Pending *p, Error **errp)
{
    const char *id = qemu_opt_get(p->opts, "id");
    NetDev *nd = filtered_netdev(p->opts, errp);
    if (!nd) {
        return false;
    }
    if (id_is_taken(id)) {
        error_setg(errp, "attempt to add duplicate property '%s' to object (type 'container')", id);
        return false;
    }
    NetFilter *f = g_new0(NetFilter, 1);
    *f = (NetFilter){ .driver = p->driver, .id = g_strdup(id), .netdev = nd };
    NetFilter **end = &nd->filters;
    while (*end) {
        end = &(*end)->next;
    }
    *end = f;
    return f->driver->init(f, p->opts, errp);
}

bool net_filters_init(Error **errp)
{
    Error *err = NULL;
    for (guint i = 0; pending && i < pending->len; i++) {
        Pending *p = &g_array_index(pending, Pending, i);
        if (!err && !create(p, &err)) {
            error_prepend(&err, "%s: ", p->option);
        }
        qemu_opts_free(p->opts);
        g_free(p->option);
    }
    g_clear_pointer(&pending, g_array_unref);
    error_propagate(errp, err);
    return !err;
}

void net_filters_run(NetDev *nd, NetDirection direction, const uint8_t *buf, size_t len)
{
    for (NetFilter *f = nd->filters; f; f = f->next) {
        if (f->driver->packet) {
            f->driver->packet(f, direction, buf, len);
        }
    }
}

void net_filters_info(const NetDev *nd, GString *out)
{
    if (nd->filters) {
        g_string_append(out, "filters:\n");
    }
    for (const NetFilter *f = nd->filters; f; f = f->next) {
        g_string_append_printf(out, "  - %s: type=%s", f->id, f->driver->name);
        if (f->driver->info) {
            f->driver->info(f, out);
        }
        g_string_append_printf(out, ",netdev=%s\n", nd->id);
    }
}

void net_filters_cleanup(NetDev *nd)
{
    while (nd->filters) {
        NetFilter *f = nd->filters;
        nd->filters = f->next;
        if (f->driver->cleanup) {
            f->driver->cleanup(f);
        }
        g_free(f->id);
        g_free(f);
    }
}
