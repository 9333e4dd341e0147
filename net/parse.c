/*
 * net/parse.c  -netdev, -nic, -net: from the command line to netdevs and to the NICs that the board creates.
 *
 * -netdev makes a netdev; -nic one with a NIC of its own; -net nic and -net BACKEND meet on hub 0, and so do the NIC
 * and the user network of a machine for which nothing was asked. What refers to other options waits for
 * net_parse_options().
 */
#include "net/net-int.h"

#define DEFAULT_HUB 0

typedef struct Wanted {
    const NetDevDriver *driver; /* NULL: -net nic */
    QemuOpts *opts;
    char *option; /* "-nic user", in front of errors */
} Wanted;

static GArray *nics, *legacy; /* of Wanted: -nic, -net */
static GPtrArray *requests;   /* of NICRequest */
static guint next_request;
static bool anything_given; /* so no default NIC */

/* ---- options ---- */

static void add_keys(GPtrArray *keys, const char *const *list)
{
    for (; list && *list; list++) {
        g_ptr_array_add(keys, (gpointer)*list);
    }
}

QemuOpts *net_opts_parse(const char *str, const char *implied_key, const char *const *common,
                         const char *const *specific, Error **errp)
{
    GPtrArray *keys = g_ptr_array_new();
    add_keys(keys, common);
    add_keys(keys, specific);
    g_ptr_array_add(keys, NULL);
    QemuOpts *opts = qemu_opts_parse(str, implied_key, (const char *const *)keys->pdata, errp);
    g_ptr_array_free(keys, TRUE);
    return opts;
}

static char *type_of(const char *arg)
{
    const char *value = g_str_has_prefix(arg, "type=") ? arg + strlen("type=") : arg;
    return g_strndup(value, strcspn(value, ","));
}

static const NetDevDriver *driver_for(const char *type, Error **errp)
{
    const NetDevDriver *driver = net_driver_find(type);
    if (!driver) {
        error_setg(errp, "Parameter 'type' does not accept value '%s'", type);
    }
    return driver;
}

/* The back end's options together with the given ones. */
static QemuOpts *parse_for(const NetDevDriver *driver, const char *arg, const char *const *common, Error **errp)
{
    return net_opts_parse(arg, "type", common, driver->options, errp);
}

static void note(GArray **list, Wanted wanted)
{
    if (!*list) {
        *list = g_array_new(FALSE, FALSE, sizeof(Wanted));
    }
    g_array_append_val(*list, wanted);
}

bool net_add_netdev(const char *arg, Error **errp)
{
    static const char *const common[] = { "type", "id", NULL };
    anything_given = true;
    char *type = type_of(arg);
    const NetDevDriver *driver = driver_for(type, errp);
    QemuOpts *opts = driver ? parse_for(driver, arg, common, errp) : NULL;
    g_free(type);
    if (!opts) {
        return false;
    }
    const char *id = qemu_opt_get(opts, "id");
    if (!id || !*id) {
        error_setg(errp, "Parameter 'id' is missing");
        qemu_opts_free(opts);
        return false;
    }
    char *option = g_strdup_printf("-netdev %s", arg);
    bool ok = netdev_new(driver, id, opts, option, errp) != NULL;
    g_free(option);
    return ok;
}

/* One place for what a NIC's options say: the keys mac or macaddr, model, addr. */
static bool check_mac(const QemuOpts *opts, const char *key, Error **errp)
{
    MACAddr mac;
    const char *text = qemu_opt_get(opts, key);
    if (text && !net_parse_mac(text, &mac)) {
        error_setg(errp, "invalid syntax for ethernet address '%s'", text);
        return false;
    }
    return true;
}

static bool note_checked(GArray **list, Wanted wanted, const char *switch_name, const char *arg, const char *mac_key,
                         Error **errp)
{
    if (!wanted.opts || !check_mac(wanted.opts, mac_key, errp)) {
        qemu_opts_free(wanted.opts);
        return false;
    }
    wanted.option = g_strdup_printf("%s %s", switch_name, arg);
    note(list, wanted);
    return true;
}

bool net_add_nic(const char *arg, Error **errp)
{
    static const char *const common[] = { "type", "id", "model", "mac", "addr", NULL };
    anything_given = true;
    char *type = type_of(arg);
    bool none = !strcmp(type, "none");
    const NetDevDriver *driver = none ? NULL : driver_for(type, errp);
    g_free(type);
    if (none || !driver) {
        return none;
    }
    Wanted wanted = { .driver = driver, .opts = parse_for(driver, arg, common, errp) };
    return note_checked(&nics, wanted, "-nic", arg, "mac", errp);
}

bool net_add_legacy(const char *arg, Error **errp)
{
    static const char *const nic_keys[] = { "type", "id", "name", "netdev", "macaddr", "model", "addr", NULL };
    static const char *const common[] = { "type", "id", "name", NULL };
    anything_given = true;
    char *type = type_of(arg);
    bool none = !strcmp(type, "none"), nic = !strcmp(type, "nic");
    const NetDevDriver *driver = none || nic ? NULL : driver_for(type, errp);
    if (driver == &net_driver_hubport) {
        error_setg(errp, "Parameter 'type' does not accept value '%s'", type);
        driver = NULL;
    }
    g_free(type);
    if (none || (!nic && !driver)) {
        return none;
    }
    Wanted wanted = { .driver = driver };
    wanted.opts = nic ? qemu_opts_parse(arg, "type", nic_keys, errp) : parse_for(driver, arg, common, errp);
    return note_checked(&legacy, wanted, "-net", arg, "macaddr", errp);
}

/* ---- when all is read ---- */

static void request_nic(const Wanted *w, NetDev *nd, const char *mac_key)
{
    const char *mac = qemu_opt_get(w->opts, mac_key);
    NICRequest *r = g_new0(NICRequest, 1);
    *r = (NICRequest){ .model = g_strdup(qemu_opt_get(w->opts, "model")),
                       .netdev = nd,
                       .addr = g_strdup(qemu_opt_get(w->opts, "addr")) };
    if (mac) {
        net_parse_mac(mac, &r->mac);
    }
    if (!requests) {
        requests = g_ptr_array_new();
    }
    g_ptr_array_add(requests, r);
}

/* The netdev takes the options over. */
static NetDev *create_back_end(Wanted *w, Error **errp)
{
    NetDev *nd = netdev_new(w->driver, qemu_opt_get(w->opts, "id"), w->opts, w->option, errp);
    w->opts = NULL;
    return nd;
}

static bool create_nic(Wanted *w, Error **errp)
{
    Wanted kept = *w;
    NetDev *nd = create_back_end(w, errp);
    if (nd) {
        request_nic(&kept, nd, "mac");
    }
    return nd != NULL;
}

/* -net nic,netdev=X is connected directly, all else through hub 0. */
static bool create_legacy_nic(Wanted *w, Error **errp)
{
    const char *id = qemu_opt_get(w->opts, "netdev");
    NetDev *nd = id ? net_find(id) : hub_add_port(DEFAULT_HUB, NULL, NULL, w->option, errp);
    if (id && !nd) {
        error_setg(errp, "netdev '%s' not found", id);
    }
    if (nd) {
        request_nic(w, nd, "macaddr");
    }
    return nd != NULL;
}

static bool create_legacy(Wanted *w, Error **errp)
{
    if (!w->driver) {
        return create_legacy_nic(w, errp);
    }
    NetDev *nd = create_back_end(w, errp);
    return nd && hub_add_port(DEFAULT_HUB, NULL, nd, w->option, errp);
}

static bool create_all(GArray *list, bool (*create)(Wanted *w, Error **errp), Error **errp)
{
    Error *err = NULL;
    for (guint i = 0; list && i < list->len; i++) {
        Wanted *w = &g_array_index(list, Wanted, i);
        if (!err && !create(w, &err)) {
            error_prepend(&err, "%s: ", w->option);
        }
        qemu_opts_free(w->opts);
        g_free(w->option);
    }
    if (list) {
        g_array_unref(list);
    }
    error_propagate(errp, err);
    return !err;
}

static void ask_for_default_nic(void)
{
    static const char *const known[] = { "type", NULL };
    Wanted nic = { .opts = qemu_opts_parse("nic", "type", known, &error_fatal) };
    Wanted user = { .driver = &net_driver_user, .opts = qemu_opts_parse("user", "type", known, &error_fatal) };
    nic.option = g_strdup("-net nic");
    user.option = g_strdup("-net user");
    note(&legacy, nic);
    note(&legacy, user);
}

bool net_parse_options(bool default_nic, Error **errp)
{
    if (default_nic && !anything_given) {
        ask_for_default_nic();
    }
    bool ok = create_all(g_steal_pointer(&nics), create_nic, errp);
    GArray *rest = g_steal_pointer(&legacy);
    return ok && create_all(rest, create_legacy, errp);
}

static void free_request(gpointer data, gpointer unused)
{
    NICRequest *r = data;
    (void)unused;
    g_free((char *)r->model);
    g_free((char *)r->addr);
    g_free(r);
}

void net_forget_options(void)
{
    if (requests) {
        g_ptr_array_foreach(requests, free_request, NULL);
        g_ptr_array_free(requests, TRUE);
    }
    requests = NULL;
    next_request = 0;
    anything_given = false;
}

/* ---- for the board ---- */

const NICRequest *net_next_nic(void)
{
    return requests && next_request < requests->len ? g_ptr_array_index(requests, next_request++) : NULL;
}

static void describe_request(const NICRequest *r, GString *out)
{
    static const MACAddr unset;
    const uint8_t *a = r->mac.a;
    g_string_append_printf(out, "%s%s", out->len ? "; " : "", r->model ? r->model : "default");
    if (memcmp(a, unset.a, sizeof(unset.a))) {
        g_string_append_printf(out, " mac=%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    if (r->addr) {
        g_string_append_printf(out, " addr=%s", r->addr);
    }
}

char *net_describe_nics(void)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; requests && i < requests->len; i++) {
        describe_request(g_ptr_array_index(requests, i), out);
    }
    if (!out->len) {
        g_string_append(out, "none");
    }
    return g_string_free(out, FALSE);
}
