/*
 * net/slirp-forward.c  Ports of the host that lead to the guest (hostfwd=) and addresses in the guest's network that
 * lead to a character device or a command of the host (guestfwd=).
 *
 * Both ends of either are libslirp's: what comes of them reaches the guest as packets (slirp.c). In replay none is
 * opened.
 */
#include "net/slirp-int.h"
#include "util/info.h"

#include <errno.h>

/* ---- hostfwd=[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport; an IPv6 address stands in brackets ---- */

typedef union Endpoint {
    struct sockaddr any; /* AF_UNSPEC: no address was given */
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} Endpoint;

typedef struct HostForward {
    bool udp;
    Endpoint host, guest;
} HostForward;

/* Cut the text at the separator behind a bracket that it begins with; NULL when it has none. */
static char *next_field(char **rest, char separator)
{
    char *start = *rest, *from = *start == '[' ? strchr(start, ']') : start;
    char *end = from ? strchr(from, separator) : NULL;
    if (!end) {
        return NULL;
    }
    *end = '\0';
    *rest = end + 1;
    return start;
}

static bool parse_port(const char *text, int min, int *port)
{
    uint64_t value;
    if (!parse_uint(text, 65535, &value) || (int)value < min) {
        return false;
    }
    *port = value;
    return true;
}

static bool parse_address(const char *text, Endpoint *e)
{
    char inside[INET6_ADDRSTRLEN];
    size_t len = strlen(text);
    if (*text != '[') {
        e->any.sa_family = *text ? AF_INET : AF_UNSPEC;
        return !*text || inet_aton(text, &e->v4.sin_addr);
    }
    e->any.sa_family = AF_INET6;
    if (text[len - 1] != ']' || len - 2 >= sizeof(inside)) {
        return false;
    }
    memcpy(inside, text + 1, len - 2);
    inside[len - 2] = '\0';
    return inet_pton(AF_INET6, inside, &e->v6.sin6_addr) == 1;
}

/* At the same place in both families. */
static in_port_t *port_of(Endpoint *e)
{
    G_STATIC_ASSERT(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port));
    return &e->v4.sin_port;
}

static socklen_t length_of(const Endpoint *e)
{
    return e->any.sa_family == AF_INET6 ? sizeof(e->v6) : sizeof(e->v4);
}

static bool set_port(Endpoint *e, const char *text, int min)
{
    int port;
    bool ok = parse_port(text, min, &port);
    *port_of(e) = ok ? htons(port) : 0;
    return ok;
}

static bool parse_protocol(const char *text, bool *udp)
{
    *udp = !strcmp(text, "udp");
    return *udp || !*text || !strcmp(text, "tcp");
}

static bool set_protocol(HostForward *f, const char *text)
{
    return parse_protocol(text, &f->udp);
}

static bool set_host(HostForward *f, const char *text)
{
    return parse_address(text, &f->host);
}

static bool set_host_port(HostForward *f, const char *text)
{
    return set_port(&f->host, text, 0);
}

/* Of the host's family; an address that was not given is any. */
static bool set_guest(HostForward *f, const char *text)
{
    bool ok = parse_address(text, &f->guest);
    sa_family_t host = f->host.any.sa_family, guest = f->guest.any.sa_family;
    f->host.any.sa_family = host ? host : guest ? guest : AF_INET;
    f->guest.any.sa_family = guest ? guest : f->host.any.sa_family;
    return ok && f->guest.any.sa_family == f->host.any.sa_family;
}

static bool set_guest_port(HostForward *f, const char *text)
{
    return set_port(&f->guest, text, 1);
}

static const struct {
    char separator; /* behind the field */
    const char *missing, *bad;
    bool (*set)(HostForward *f, const char *text);
} rule_fields[] = {
    { ':', "No : separators", "Bad protocol name", set_protocol },
    { ':', "Missing : separator", "Bad host address", set_host },
    { '-', "Bad host port separator", "Bad host port", set_host_port },
    { ':', "Missing guest address", "Bad guest address", set_guest },
    { '\0', NULL, "Bad guest port", set_guest_port },
};

/* NULL, or what is wrong. Fields are cut out of text. */
static const char *parse_host_forward(char *text, HostForward *f)
{
    for (size_t i = 0; i < ARRAY_SIZE(rule_fields); i++) {
        char *field = rule_fields[i].separator ? next_field(&text, rule_fields[i].separator) : text;
        if (!field) {
            return rule_fields[i].missing;
        }
        if (!rule_fields[i].set(f, field)) {
            return rule_fields[i].bad;
        }
    }
    return NULL;
}

/* IPv6 alone: the same port of IPv4 may lead elsewhere. */
static int forward_flags(const HostForward *f)
{
    return (f->udp ? SLIRP_HOSTFWD_UDP : 0) | (f->host.any.sa_family == AF_INET6 ? SLIRP_HOSTFWD_V6ONLY : 0);
}

static bool apply_host_forward(UserNet *u, const HostForward *f)
{
    g_mutex_lock(&u->lock);
    int rc = slirp_add_hostxfwd(u->slirp, &f->host.any, length_of(&f->host), &f->guest.any, length_of(&f->guest),
                                forward_flags(f));
    g_mutex_unlock(&u->lock);
    return rc >= 0;
}

static bool add_host_forward(UserNet *u, const char *rule, Error **errp)
{
    HostForward f = { 0 };
    char *text = g_strdup(rule);
    const char *problem = parse_host_forward(text, &f);
    g_free(text);
    if (problem) {
        error_setg(errp, "Invalid host forwarding rule '%s' (%s)", rule, problem);
        return false;
    }
    if (!apply_host_forward(u, &f)) {
        error_setg_errno(errp, errno, "Could not set up host forwarding rule '%s'", rule);
        return false;
    }
    return true;
}

/* ---- the monitor's hostfwd_add and hostfwd_remove ---- */

static bool is_open_user_net(const NetDev *nd)
{
    return nd->driver == &net_driver_user && nd->opened;
}

/* "id rule" or "rule", which means the first user network. *rule points into args. */
static UserNet *find_user_net(const char *args, const char **rule, Error **errp)
{
    const char *space = strchr(args, ' ');
    char *id = space ? g_strndup(args, space - args) : NULL;
    NetDev *nd = id ? net_find(id) : net_first();
    while (!id && nd && !is_open_user_net(nd)) {
        nd = nd->next;
    }
    if (nd && !is_open_user_net(nd)) {
        nd = NULL;
    }
    if (!nd) {
        error_setg(errp, "%s%sno user network is open", id ? id : "", id ? ": " : "");
    }
    *rule = space ? space + 1 : args;
    g_free(id);
    return (UserNet *)nd;
}

bool net_hostfwd_add(const char *args, Error **errp)
{
    const char *rule;
    UserNet *u = find_user_net(args, &rule, errp);
    return u && add_host_forward(u, rule, errp);
}

bool net_hostfwd_remove(const char *args, Error **errp)
{
    const char *rule;
    UserNet *u = find_user_net(args, &rule, errp);
    if (!u) {
        return false;
    }
    HostForward f = { 0 };
    char *whole = g_strdup_printf("%s-:1", rule);
    const char *problem = parse_host_forward(whole, &f);
    g_free(whole);
    if (problem) {
        error_setg(errp, "Invalid host forwarding rule '%s' (%s)", rule, problem);
        return false;
    }
    g_mutex_lock(&u->lock);
    int rc = slirp_remove_hostxfwd(u->slirp, &f.host.any, length_of(&f.host), forward_flags(&f));
    g_mutex_unlock(&u->lock);
    if (rc) {
        error_setg(errp, "host forwarding rule for %s not found", rule);
    }
    return rc == 0;
}

void net_info_usernet(InfoPrint *print, void *opaque)
{
    GString *out = g_string_new(NULL);
    for (NetDev *nd = net_first(); nd; nd = nd->next) {
        UserNet *u = (UserNet *)nd;
        if (is_open_user_net(nd)) {
            g_mutex_lock(&u->lock);
            char *text = slirp_connection_info(u->slirp);
            g_mutex_unlock(&u->lock);
            g_string_append_printf(out, "Hub -1 (%s):\n%s", nd->id, text);
            g_free(text);
        }
    }
    net_print_lines(out, print, opaque);
}

/* ---- guestfwd=[tcp]:server:port-dev, guestfwd=[tcp]:server:port-cmd:command ---- */

struct GuestForward {
    UserNet *u;
    struct in_addr server;
    int port;
    Chardev *chr; /* NULL: a command */
    GuestForward *next;
};

static ssize_t forward_to_chardev(const void *buf, size_t len, void *opaque)
{
    GuestForward *f = opaque;
    qemu_chr_write(f->chr, buf, len);
    return len;
}

static int forward_can_receive(void *opaque)
{
    GuestForward *f = opaque;
    g_mutex_lock(&f->u->lock);
    size_t room = slirp_socket_can_recv(f->u->slirp, f->server, f->port);
    g_mutex_unlock(&f->u->lock);
    return MIN(room, INT_MAX);
}

static void forward_receive(void *opaque, const uint8_t *buf, int len)
{
    GuestForward *f = opaque;
    g_mutex_lock(&f->u->lock);
    slirp_socket_recv(f->u->slirp, f->server, f->port, buf, len);
    g_mutex_unlock(&f->u->lock);
}

void user_forwards_continue(UserNet *u)
{
    for (GuestForward *f = u->forwards; f; f = f->next) {
        qemu_chr_accept_input(f->chr);
    }
}

void user_forwards_free(UserNet *u)
{
    while (u->forwards) {
        GuestForward *f = u->forwards;
        u->forwards = f->next;
        g_free(f);
    }
}

/* *target points into text, behind the '-'. */
static bool parse_guest_forward(char *text, GuestForward *f, char **target)
{
    bool udp;
    char *protocol = next_field(&text, ':'), *server = protocol ? next_field(&text, ':') : NULL;
    char *port = server ? next_field(&text, '-') : NULL;
    *target = text;
    return port && *text && parse_protocol(protocol, &udp) && !udp && inet_aton(server, &f->server) &&
           parse_port(port, 1, &f->port);
}

static bool attach_chardev(GuestForward *f, const char *spec, Error **errp)
{
    const ChrFrontend fe = { .can_receive = forward_can_receive, .receive = forward_receive, .opaque = f };
    Error *err = NULL;
    char *label = g_strdup_printf("guestfwd.tcp.%d", f->port);
    bool ok = qemu_chr_new_from_legacy(label, spec, &f->chr, &err) && (!f->chr || qemu_chr_attach(f->chr, &fe, &err));
    if (!ok) {
        error_prepend(&err, "Could not open guest forwarding device '%s': ", label);
    }
    error_propagate(errp, err);
    g_free(label);
    return ok;
}

static bool open_guest_forward(GuestForward *f, const char *rule, const char *target, Error **errp)
{
    Slirp *slirp = f->u->slirp;
    bool command = g_str_has_prefix(target, "cmd:");
    int rc = command ? slirp_add_exec(slirp, target + strlen("cmd:"), &f->server, f->port)
                     : slirp_add_guestfwd(slirp, forward_to_chardev, f, &f->server, f->port);
    if (rc < 0) {
        error_setg(errp, "Conflicting/invalid host:port in guest forwarding rule '%s'", rule);
        return false;
    }
    return command || attach_chardev(f, target, errp);
}

static bool add_guest_forward(UserNet *u, const char *rule, Error **errp)
{
    GuestForward *f = g_new0(GuestForward, 1);
    char *text = g_strdup(rule), *target;
    f->u = u;
    f->next = u->forwards;
    u->forwards = f;
    bool ok = parse_guest_forward(text, f, &target);
    if (!ok) {
        error_setg(errp, "Invalid guest forwarding rule '%s'", rule);
    } else {
        ok = open_guest_forward(f, rule, target, errp);
    }
    g_free(text);
    return ok;
}

static bool add_each(UserNet *u, const QemuOpts *opts, const char *key,
                     bool (*add)(UserNet *u, const char *rule, Error **errp), Error **errp)
{
    const char *rule;
    for (unsigned i = 0; (rule = qemu_opt_get_nth(opts, key, i)); i++) {
        if (!add(u, rule, errp)) {
            return false;
        }
    }
    return true;
}

bool user_add_forwards(UserNet *u, const QemuOpts *opts, Error **errp)
{
    return add_each(u, opts, "hostfwd", add_host_forward, errp) &&
           add_each(u, opts, "guestfwd", add_guest_forward, errp);
}
