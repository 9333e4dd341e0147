/*
 * net/net.c  Netdevs: the list of them, the ways of packets between their back ends and the guest's side, and the
 * bounded queue in each direction.
 *
 * Where non-determinism enters: net_deliver(), any thread. It only hands a copy to net_replay_input(). In replay no
 * back end is opened, so what the guest sends ends at netdev_transmit()'s caller and nothing is ever delivered from
 * here.
 */
#include "net/net-int.h"
#include "util/info.h"

static NetDev *netdevs; /* in the order of the command line */

static const NetDevDriver *const drivers[] = { &net_driver_socket, &net_driver_hubport, &net_driver_tap,
                                               &net_driver_user };

const NetDevDriver *net_driver_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        if (!strcmp(drivers[i]->name, name)) {
            return drivers[i];
        }
    }
    return NULL;
}

void net_driver_help(FILE *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        fprintf(out, "%s\n", drivers[i]->name);
    }
}

NetDev *net_first(void)
{
    return netdevs;
}

NetDev *net_find(const char *id)
{
    NetDev *nd = netdevs;
    while (nd && strcmp(nd->id, id)) {
        nd = nd->next;
    }
    return nd;
}

const char *net_id(const NetDev *nd)
{
    return nd->id;
}

/* ---- towards the host ---- */

static GBytes *next_to_send(NetDev *nd)
{
    g_mutex_lock(&nd->lock);
    GBytes *packet = g_queue_pop_head(&nd->tx);
    g_mutex_unlock(&nd->lock);
    return packet;
}

static void send_queued(void *opaque)
{
    NetDev *nd = opaque;
    GBytes *packet;
    while ((packet = next_to_send(nd))) {
        gsize len;
        const uint8_t *buf = g_bytes_get_data(packet, &len);
        nd->driver->transmit(nd, buf, len);
        g_bytes_unref(packet);
    }
}

void netdev_transmit_later(NetDev *nd, const uint8_t *buf, size_t len)
{
    g_mutex_lock(&nd->lock);
    bool room = nd->tx.length < NET_QUEUE_PACKETS;
    if (room) {
        g_queue_push_tail(&nd->tx, g_bytes_new(buf, len));
    }
    g_mutex_unlock(&nd->lock);
    if (room) {
        qemu_bh_schedule(nd->tx_bh);
    }
}

void netdev_transmit(NetDev *nd, const uint8_t *buf, size_t len)
{
    if (nd->driver->direct) {
        nd->driver->transmit(nd, buf, len);
    } else {
        netdev_transmit_later(nd, buf, len);
    }
}

/* ---- towards the guest ---- */

static int packets_waiting(const NetDev *nd)
{
    return g_atomic_int_get(&nd->under_way) + (nd->peer ? g_atomic_int_get(&nd->peer->waiting) : 0);
}

void net_deliver(NetDev *nd, const uint8_t *buf, size_t len)
{
    if (len < NET_MIN_PACKET || len > NET_MAX_PACKET) {
        return;
    }
    if (nd->port) {
        hub_input(nd->port, buf, len);
    } else if (nd->peer && packets_waiting(nd) < NET_QUEUE_PACKETS) {
        net_replay_input(nd->peer, buf, len);
    }
}

/* A netdev behind a hub is never held up: the hub's ports drop what they cannot take, as a wire does. */
bool net_can_deliver(NetDev *nd)
{
    bool may = packets_waiting(nd) < NET_QUEUE_PACKETS / 2;
    g_atomic_int_set(&nd->throttled, !may);
    return may;
}

static void tell_room(void *opaque)
{
    NetDev *nd = opaque;
    if (nd->driver->can_deliver_again && net_can_deliver(nd)) {
        nd->driver->can_deliver_again(nd);
    }
}

void netdev_room(NetDev *nd)
{
    if (g_atomic_int_get(&nd->throttled) && packets_waiting(nd) < NET_QUEUE_PACKETS / 4) {
        qemu_bh_schedule(nd->room_bh);
    }
}

/* ---- creation ---- */

static void append_to_list(NetDev *nd)
{
    NetDev **p = &netdevs;
    while (*p) {
        p = &(*p)->next;
    }
    *p = nd;
}

static char *unnamed(void)
{
    static int n;
    return g_strdup_printf("#net%03d", n++);
}

NetDev *netdev_new(const NetDevDriver *driver, const char *id, QemuOpts *opts, const char *option, Error **errp)
{
    if (id && net_find(id)) {
        error_setg(errp, "Duplicate ID '%s' for netdev", id);
        qemu_opts_free(opts);
        return NULL;
    }
    NetDev *nd = g_malloc0(driver->instance_size);
    nd->driver = driver;
    nd->id = id ? g_strdup(id) : unnamed();
    nd->named = id != NULL;
    nd->opts = opts;
    nd->option = g_strdup(option);
    g_mutex_init(&nd->lock);
    append_to_list(nd);
    return nd;
}

/* In replay the log has all that ever came in: no back end is opened, and hosts without its server or port will do. */
static bool netdev_open(NetDev *nd, Error **errp)
{
    if (replay_playing() && !nd->driver->inner) {
        return true;
    }
    nd->tx_bh = qemu_bh_new(send_queued, nd);
    nd->room_bh = qemu_bh_new(tell_room, nd);
    if (!nd->driver->init(nd, nd->opts, errp)) {
        error_prepend(errp, "%s: ", nd->option);
        return false;
    }
    nd->opened = !replay_playing();
    return true;
}

bool net_init_all(bool default_nic, Error **errp)
{
    Error *err = NULL;
    bool ok = net_parse_options(default_nic, &err);
    for (NetDev *nd = netdevs; nd && ok; nd = nd->next) {
        ok = netdev_open(nd, &err);
    }
    ok = ok && net_filters_init(&err);
    error_propagate(errp, err);
    return ok;
}

static void netdev_free(NetDev *nd)
{
    net_filters_cleanup(nd);
    if (nd->opened && nd->driver->cleanup) {
        nd->driver->cleanup(nd);
    }
    if (nd->tx_bh) {
        qemu_bh_delete(nd->tx_bh);
        qemu_bh_delete(nd->room_bh);
    }
    g_queue_clear_full(&nd->tx, (GDestroyNotify)g_bytes_unref);
    g_mutex_clear(&nd->lock);
    qemu_opts_free(nd->opts);
    g_free(nd->option);
    g_free(nd->id);
    g_free(nd);
}

void net_cleanup_all(void)
{
    while (netdevs) {
        NetDev *nd = netdevs;
        netdevs = nd->next;
        netdev_free(nd);
    }
    nic_cleanup_all();
    net_forget_options();
}

void net_warn_unused(void)
{
    for (NetDev *nd = netdevs; nd; nd = nd->next) {
        if (!nd->peer && !nd->port && !hub_is_port(nd)) {
            warn_report("netdev %s has no peer", nd->id);
        }
    }
    hub_warn_unconnected();
}

/* ---- info network ---- */

static void describe_nic(const NICPeer *peer, GString *out)
{
    const uint8_t *a = peer->mac.a;
    g_string_append_printf(out, "%s: index=0,type=nic,model=%s,macaddr=%02x:%02x:%02x:%02x:%02x:%02x%s\n", peer->name,
                           peer->info.model, a[0], a[1], a[2], a[3], a[4], a[5], peer->link_up ? "" : ",link=down");
}

static void describe_netdev(NetDev *nd, GString *out)
{
    g_string_append_printf(out, "%s: index=0,type=%s,", nd->id, nd->driver->name);
    if (!nd->opened) {
        g_string_append(out, "not opened in replay");
    } else if (nd->driver->info) {
        nd->driver->info(nd, out);
    }
    g_string_append_c(out, '\n');
    net_filters_info(nd, out);
}

void net_describe_end(NetDev *nd, GString *out)
{
    if (nd->peer) {
        describe_nic(nd->peer, out);
    } else {
        describe_netdev(nd, out);
    }
}

void net_print_lines(GString *text, InfoPrint *print, void *opaque)
{
    g_strchomp(text->str);
    char **lines = g_strsplit(text->str, "\n", -1);
    for (char **line = lines; *line; line++) {
        print(opaque, *line);
    }
    g_strfreev(lines);
    g_string_free(text, TRUE);
}

void net_info(InfoPrint *print, void *opaque)
{
    GString *out = g_string_new(NULL);
    hub_info(out);
    for (NICPeer *peer = nic_first(); peer; peer = peer->next) {
        if (peer->netdev && hub_is_port(peer->netdev)) {
            continue;
        }
        describe_nic(peer, out);
        if (peer->netdev) {
            g_string_append(out, " \\ ");
            describe_netdev(peer->netdev, out);
        }
    }
    for (NetDev *nd = netdevs; nd; nd = nd->next) {
        if (!nd->peer && !nd->port && !hub_is_port(nd)) {
            describe_netdev(nd, out);
        }
    }
    net_print_lines(out, print, opaque);
}
