/*
 * net/nic.c  The guest's end of the wire: what a NIC sends goes to its netdev; what comes from outside arrives at a
 * checkpoint (filter-replay.c) and waits, when the NIC has no room, in a queue that is machine state.
 *
 * Non-determinism enters with packets (REPLAY_ASYNC_EVENT_NET) and with set_link (a named bottom half); all else here
 * follows from what the NIC does. Everything runs with machine_lock.
 */
#include "net/net-int.h"

#define QUEUE_BYTES_MAX (8 * MiB)

static NICPeer *peers; /* in the machine's order */

NICPeer *nic_first(void)
{
    return peers;
}

NICPeer *nic_find(const char *name)
{
    NICPeer *peer = peers;
    while (peer && strcmp(peer->name, name)) {
        peer = peer->next;
    }
    return peer;
}

/* ---- the queue ---- */

static void queue_compact(PacketQueue *q)
{
    if (q->head) {
        memmove(q->buf, q->buf + q->head, q->len - q->head);
        q->len -= q->head;
        q->head = 0;
    }
}

static void queue_reserve(PacketQueue *q, uint32_t bytes)
{
    if (q->head > q->len / 2) {
        queue_compact(q);
    }
    if (bytes > q->capacity - q->len) {
        q->capacity = (q->len + bytes) * 2;
        q->buf = g_realloc(q->buf, q->capacity);
    }
}

static void queue_append(NICPeer *peer, const uint8_t *buf, uint32_t len)
{
    PacketQueue *q = &peer->queue;
    if (q->packets == NET_QUEUE_PACKETS || q->len - q->head + len > QUEUE_BYTES_MAX) {
        return; /* as a wire does */
    }
    queue_reserve(q, 4 + len);
    stl_le_p(q->buf + q->len, len);
    memcpy(q->buf + q->len + 4, buf, len);
    q->len += 4 + len;
    g_atomic_int_set(&peer->waiting, (gint)++q->packets);
}

static void queue_pop(NICPeer *peer)
{
    PacketQueue *q = &peer->queue;
    q->head += 4 + ldl_le_p(q->buf + q->head);
    g_atomic_int_set(&peer->waiting, (gint)--q->packets);
}

static void queue_clear(NICPeer *peer)
{
    peer->queue.head = peer->queue.len = peer->queue.packets = 0;
    g_atomic_int_set(&peer->waiting, 0);
}

static void queue_pre_save(void *opaque)
{
    NICPeer *peer = opaque;
    queue_compact(&peer->queue);
}

/* Number of packets in a loaded queue, -1: it is not one. */
static int queue_check(const PacketQueue *q)
{
    int packets = 0;
    for (uint32_t pos = 0; pos < q->len; packets++) {
        uint32_t len = q->len - pos >= 4 ? ldl_le_p(q->buf + pos) : 0;
        if (len < NET_MIN_FRAME || len > NET_MAX_PACKET || len > q->len - pos - 4) {
            return -1;
        }
        pos += 4 + len;
    }
    return packets <= NET_QUEUE_PACKETS ? packets : -1;
}

static bool queue_post_load(void *opaque, Error **errp)
{
    NICPeer *peer = opaque;
    int packets = queue_check(&peer->queue);
    peer->queue.head = 0;
    peer->queue.capacity = peer->queue.len;
    if (packets < 0) {
        queue_clear(peer);
        error_setg(errp, "%s: damaged queue of packets", peer->name);
        return false;
    }
    peer->queue.packets = packets;
    g_atomic_int_set(&peer->waiting, packets);
    if (peer->netdev) {
        g_atomic_int_set(&peer->netdev->under_way, 0); /* what was under way belongs to another time */
    }
    return true;
}

static const VMStateField peer_fields[] = { VMSTATE_BUFFER(NICPeer, queue.buf, queue.len),
                                            VMSTATE_BOOL(NICPeer, link_up),
                                            VMSTATE_DERIVED(NICPeer, queue),
                                            VMSTATE_DERIVED(NICPeer, info),
                                            VMSTATE_DERIVED(NICPeer, name),
                                            VMSTATE_DERIVED(NICPeer, mac), /* the NIC's, for information */
                                            VMSTATE_DERIVED(NICPeer, netdev),
                                            VMSTATE_DERIVED(NICPeer, replay_id),
                                            VMSTATE_DERIVED(NICPeer, link_bh),
                                            VMSTATE_DERIVED(NICPeer, delivering),
                                            VMSTATE_DERIVED(NICPeer, waiting),
                                            VMSTATE_DERIVED(NICPeer, next),
                                            VMSTATE_END };

static const VMStateDescription peer_vmsd = {
    .name = "net-queue", .version = 1, .fields = peer_fields, .pre_save = queue_pre_save, .post_load = queue_post_load
};

/* ---- packets ---- */

void nic_send_packet(NICPeer *peer, const uint8_t *buf, size_t len)
{
    if (!peer->netdev || !peer->link_up || len < NET_MIN_PACKET || len > NET_MAX_PACKET) {
        return;
    }
    net_filters_run(peer->netdev, NET_FROM_GUEST, buf, len);
    if (peer->netdev->opened) {
        netdev_transmit(peer->netdev, buf, len);
    }
}

static bool offer(NICPeer *peer, const uint8_t *buf, size_t len)
{
    const NICInfo *nic = &peer->info;
    peer->delivering = true;
    bool taken = (!nic->can_receive || nic->can_receive(nic->opaque)) && nic->receive(nic->opaque, buf, len);
    peer->delivering = false;
    return taken;
}

void nic_flush_queued(NICPeer *peer)
{
    PacketQueue *q = &peer->queue;
    if (!q->packets || peer->delivering) {
        return;
    }
    while (q->packets && offer(peer, q->buf + q->head + 4, ldl_le_p(q->buf + q->head))) {
        queue_pop(peer);
    }
    if (peer->netdev) {
        netdev_room(peer->netdev);
    }
}

static void receive_frame(NICPeer *peer, const uint8_t *buf, size_t len)
{
    nic_flush_queued(peer);
    if (peer->queue.packets || !offer(peer, buf, len)) {
        queue_append(peer, buf, len);
    }
}

/* len is the log's word for it. */
void nic_receive_packet(NICPeer *peer, const uint8_t *buf, size_t len)
{
    uint8_t padded[NET_MIN_FRAME] = { 0 };
    if (!peer->link_up || len < NET_MIN_PACKET || len > NET_MAX_PACKET) {
        return;
    }
    if (peer->netdev) {
        net_filters_run(peer->netdev, NET_TO_GUEST, buf, len);
    }
    if (len < NET_MIN_FRAME) {
        memcpy(padded, buf, len);
        buf = padded;
        len = NET_MIN_FRAME;
    }
    receive_frame(peer, buf, len);
}

/* ---- link ---- */

static void set_link(NICPeer *peer, bool up)
{
    if (peer->link_up == up) {
        return;
    }
    peer->link_up = up;
    queue_clear(peer);
    if (peer->info.link_status_changed) {
        peer->info.link_status_changed(peer->info.opaque, up);
    }
}

static void link_down(void *opaque)
{
    set_link(opaque, false);
}

static void link_up(void *opaque)
{
    set_link(opaque, true);
}

bool nic_link_up(const NICPeer *peer)
{
    return peer->link_up;
}

static NICPeer *find_by_either_name(const char *name)
{
    NICPeer *peer = nic_find(name);
    NetDev *nd = peer ? NULL : net_find(name);
    return nd ? nd->peer : peer;
}

bool net_set_link(const char *name, bool up, Error **errp)
{
    NICPeer *peer = find_by_either_name(name);
    if (!peer) {
        error_set_class(errp, "DeviceNotFound",
                        net_find(name) ? "Device '%s' is connected to no network card" : "Device '%s' not found", name);
        return false;
    }
    replay_bh_schedule_event(peer->link_bh[up]);
    return true;
}

/* ---- addresses ---- */

static const MACAddr first_default = { { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } };

static bool mac_is_unset(const MACAddr *mac)
{
    static const MACAddr zeros;
    return !memcmp(mac, &zeros, sizeof(zeros));
}

static bool mac_is_taken(const MACAddr *mac)
{
    for (const NICPeer *peer = peers; peer; peer = peer->next) {
        if (!memcmp(&peer->mac, mac, sizeof(*mac))) {
            return true;
        }
    }
    return false;
}

void net_default_mac(MACAddr *mac)
{
    *mac = first_default;
    for (int i = 0; i < 256 && mac_is_taken(mac); i++) {
        mac->a[5]++;
    }
}

static bool parse_hex_byte(const char *text, uint8_t *value)
{
    int high = g_ascii_xdigit_value(text[0]), low = high < 0 ? -1 : g_ascii_xdigit_value(text[1]);
    *value = (unsigned)high << 4 | (unsigned)low;
    return low >= 0;
}

/* Pairs of digits with colons or dashes between. */
bool net_parse_mac(const char *text, MACAddr *mac)
{
    for (int i = 0; i < 6; i++, text += 3) {
        if (!parse_hex_byte(text, &mac->a[i])) {
            return false;
        }
        if (i < 5 ? text[2] != ':' && text[2] != '-' : text[2] != '\0') {
            return false;
        }
    }
    return true;
}

bool net_parse_mac_property(void *field, const char *device, const char *text, Error **errp)
{
    (void)device, (void)errp;
    return net_parse_mac(text, field);
}

bool net_parse_netdev_property(void *field, const char *device, const char *text, Error **errp)
{
    NetDev *nd = net_find(text);
    if (!nd) {
        error_setg(errp, "Property '%s.netdev' can't find value '%s'", device, text);
    } else if (nd->peer || nd->port) {
        error_setg(errp, "Property '%s.netdev' can't take value '%s', it's in use", device, text);
    } else {
        *(NetDev **)field = nd;
    }
    return nd && !nd->peer && !nd->port;
}

void nic_mac_changed(NICPeer *peer, const MACAddr *mac)
{
    peer->mac = *mac;
}

/* ---- attaching ---- */

static int count_model(const char *model)
{
    int n = 0;
    for (const NICPeer *peer = peers; peer; peer = peer->next) {
        n += !strcmp(peer->info.model, model);
    }
    return n;
}

static char *make_name(const NICInfo *info)
{
    return info->id ? g_strdup(info->id) : g_strdup_printf("%s.%d", info->model, count_model(info->model));
}

static int append_to_list(NICPeer *peer)
{
    int n = 0;
    NICPeer **p = &peers;
    for (; *p; p = &(*p)->next) {
        n++;
    }
    *p = peer;
    return n;
}

/* What the log and the state know of it. */
static void register_peer(NICPeer *peer, int number)
{
    static ReplayBHFunc *const handlers[] = { link_down, link_up };
    static const char *const names[] = { "down", "up" };
    peer->replay_id = net_replay_attach(peer);
    for (int i = 0; i < 2; i++) {
        char *name = g_strdup_printf("nic%d-link-%s", number, names[i]);
        peer->link_bh[i] = replay_bh_new(name, handlers[i], peer);
        g_free(name);
    }
    vmstate_register("net-queue", number, &peer_vmsd, peer);
}

NICPeer *nic_attach(const NICInfo *info, NetDev *netdev, MACAddr *mac, Error **errp)
{
    if (netdev && (netdev->peer || netdev->port)) {
        error_setg(errp, "netdev '%s' is in use", netdev->id);
        return NULL;
    }
    if (mac_is_unset(mac)) {
        net_default_mac(mac);
    }
    NICPeer *peer = g_new0(NICPeer, 1);
    *peer = (NICPeer){ .info = *info, .name = make_name(info), .mac = *mac, .netdev = netdev, .link_up = true };
    if (netdev) {
        netdev->peer = peer;
    }
    register_peer(peer, append_to_list(peer));
    return peer;
}

void nic_cleanup_all(void)
{
    while (peers) {
        NICPeer *peer = peers;
        peers = peer->next;
        g_free(peer->queue.buf);
        g_free(peer->name);
        g_free(peer);
    }
}
