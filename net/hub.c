/*
 * net/hub.c  Hubs: what enters at one port leaves at all others. A port has a NIC or a back end (-netdev hubport,
 * hubid=N,id=,netdev=).
 *
 * A hub lies wholly on the host's side: also what one NIC sends to another goes out, and comes in as a recorded packet.
 * In replay nothing passes through it.
 */
#include "net/net-int.h"

typedef struct HubPort {
    NetDev nd;
    int32_t hubid;
    NetDev *lower; /* the back end at this port; NULL: a NIC, or nothing yet */
} HubPort;

bool hub_is_port(const NetDev *nd)
{
    return nd->driver == &net_driver_hubport;
}

/* The ports of a hub, or of all hubs (hubid -1). */
static HubPort *next_port(NetDev *from, int hubid)
{
    for (; from; from = from->next) {
        HubPort *port = (HubPort *)from;
        if (hub_is_port(from) && (hubid < 0 || port->hubid == hubid)) {
            return port;
        }
    }
    return NULL;
}

#define FOREACH_PORT(port, hubid_) \
    for (HubPort *port = next_port(net_first(), hubid_); port; port = next_port(port->nd.next, hubid_))

typedef void Send(NetDev *nd, const uint8_t *buf, size_t len);

static void forward(const HubPort *from, Send *send, const uint8_t *buf, size_t len)
{
    FOREACH_PORT(port, from->hubid)
    {
        if (port == from) {
            continue;
        }
        if (!port->lower) {
            net_deliver(&port->nd, buf, len);
        } else if (port->lower->opened) {
            send(port->lower, buf, len);
        }
    }
}

static void hub_transmit(NetDev *nd, const uint8_t *buf, size_t len)
{
    forward((HubPort *)nd, netdev_transmit, buf, len);
}

void hub_input(NetDev *port, const uint8_t *buf, size_t len)
{
    forward((HubPort *)port, netdev_transmit_later, buf, len);
}

static bool hub_connect(HubPort *port, NetDev *lower, Error **errp)
{
    if (hub_is_port(lower)) {
        error_setg(errp, "netdev '%s' is a hub port itself", lower->id);
    } else if (lower->port) {
        error_setg(errp, "netdev '%s' is already connected to hub port '%s'", lower->id, lower->port->id);
    } else {
        port->lower = lower;
        lower->port = &port->nd;
    }
    return port->lower == lower;
}

static bool hub_init(NetDev *nd, const QemuOpts *opts, Error **errp)
{
    HubPort *port = (HubPort *)nd;
    if (!opts) {
        return true; /* made by hub_add_port() */
    }
    uint64_t hubid;
    const char *text = qemu_opt_get(opts, "hubid"), *lower_id = qemu_opt_get(opts, "netdev");
    if (!text || !parse_uint(text, INT32_MAX, &hubid)) {
        error_setg(errp, text ? "Parameter 'hubid' expects a number, not '%s'" : "Parameter 'hubid' is missing", text);
        return false;
    }
    port->hubid = hubid;
    NetDev *lower = lower_id ? net_find(lower_id) : NULL;
    if (lower_id && !lower) {
        error_setg(errp, "netdev '%s' not found", lower_id);
        return false;
    }
    return !lower || hub_connect(port, lower, errp);
}

NetDev *hub_add_port(int hubid, const char *id, NetDev *lower, const char *option, Error **errp)
{
    int n = 0;
    FOREACH_PORT(other, hubid)
    {
        n++;
    }
    char *name = id ? g_strdup(id) : g_strdup_printf("hub%dport%d", hubid, n);
    NetDev *nd = netdev_new(&net_driver_hubport, name, NULL, option, errp);
    g_free(name);
    if (!nd) {
        return NULL;
    }
    ((HubPort *)nd)->hubid = hubid;
    return !lower || hub_connect((HubPort *)nd, lower, errp) ? nd : NULL;
}

/* ---- what there is ---- */

static bool is_first_of_hub(const HubPort *port)
{
    return next_port(net_first(), port->hubid) == port;
}

/* The latest port first. */
static void describe_ports(HubPort *port, GString *out)
{
    if (!port) {
        return;
    }
    describe_ports(next_port(port->nd.next, port->hubid), out);
    g_string_append_printf(out, " \\ %s: ", port->nd.id);
    if (port->lower || port->nd.peer) {
        net_describe_end(port->lower ? port->lower : &port->nd, out);
    } else {
        g_string_append_c(out, '\n');
    }
    net_filters_info(&port->nd, out);
}

void hub_info(GString *out)
{
    FOREACH_PORT(port, -1)
    {
        if (is_first_of_hub(port)) {
            g_string_append_printf(out, "hub %d\n", port->hubid);
            describe_ports(port, out);
        }
    }
}

static bool has_back_end(int hubid)
{
    bool found = false;
    FOREACH_PORT(port, hubid)
    {
        found |= port->lower != NULL;
    }
    return found;
}

void hub_warn_unconnected(void)
{
    FOREACH_PORT(port, -1)
    {
        if (is_first_of_hub(port) && !has_back_end(port->hubid)) {
            warn_report("hub %d is not connected to host network", port->hubid);
        }
    }
}

static const char *const hub_options[] = { "hubid", "netdev", NULL };

const NetDevDriver net_driver_hubport = { .name = "hubport",
                                          .instance_size = sizeof(HubPort),
                                          .options = hub_options,
                                          .init = hub_init,
                                          .transmit = hub_transmit,
                                          .direct = true,
                                          .inner = true };
