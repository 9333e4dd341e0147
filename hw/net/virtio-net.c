/*
 * hw/net/virtio-net.c  Virtio network card (Virtual I/O Device Version 1.1, section 5.1).
 *
 * Packets from outside arrive at a checkpoint (net/nic.c), so nothing here is non-deterministic; what finds no buffer
 * waits in the wire's queue until the guest kicks its receive queue. Checksums of sent packets and TCP segmentation are
 * the device's work when the driver asks for them; of received packets it says that the checksum is right, when it is.
 * Left out on purpose: several queue pairs, receive offloads that merge packets, announcements.
 */
#include "hw/net/nic-common.h"
#include "hw/virtio/virtio.h"

enum { RX_QUEUE, TX_QUEUE, CTRL_QUEUE };
#define QUEUE_SIZE      256
#define CTRL_QUEUE_SIZE 64

enum {
    F_CSUM = 0,
    F_GUEST_CSUM = 1,
    F_MAC = 5,
    F_HOST_TSO4 = 11,
    F_HOST_TSO6 = 12,
    F_HOST_ECN = 13,
    F_MRG_RXBUF = 15,
    F_STATUS = 16,
    F_CTRL_VQ = 17,
    F_CTRL_RX = 18,
    F_CTRL_VLAN = 19,
    F_CTRL_RX_EXTRA = 20,
    F_CTRL_MAC_ADDR = 23,
    FEATURES
};

enum { CONFIG_MAC = 0, CONFIG_STATUS = 6, CONFIG_SIZE = 8 }; /* 5.1.4 */
#define STATUS_LINK_UP 1

/* 5.1.6: in front of each packet; the last field only with mergeable buffers or in a modern device. */
enum {
    HEADER_FLAGS = 0,
    HEADER_GSO_TYPE = 1,
    HEADER_GSO_SIZE = 4,
    HEADER_CSUM_START = 6,
    HEADER_CSUM_OFFSET = 8,
    HEADER_NUM_BUFFERS = 10
};
#define HEADER_LEGACY    10
#define HEADER_MERGEABLE 12
#define FLAG_NEEDS_CSUM  1
#define FLAG_DATA_VALID  2
enum { GSO_NONE = 0, GSO_TCPV4 = 1, GSO_TCPV6 = 4, GSO_ECN = 0x80 };

#define TABLE_ENTRIES  64
#define VLANS          4096
#define UDP_CSUM_FIELD 6 /* offset in the UDP header, where a sum of zero means "none" */

typedef struct VirtIONet {
    VirtIODevice vdev;
    NICConf conf;
    bool offer[FEATURES]; /* properties, by feature */
    bool absent;          /* property of what there is not */
    MACAddr mac;          /* the guest may give itself another */
    /* Receive modes, 5.1.6.5.1. */
    bool promisc, all_multicast, all_unicast, no_multicast, no_unicast, no_broadcast;
    bool unicast_overflow, multicast_overflow; /* more addresses than the table has */
    uint8_t unicast_count, multicast_count;    /* in the table, in that order */
    MACAddr table[TABLE_ENTRIES];
    uint8_t vlans[VLANS / 8];
} VirtIONet;

static size_t header_len(const VirtIODevice *vdev)
{
    bool mergeable = virtio_has_feature(vdev, F_MRG_RXBUF) || virtio_has_feature(vdev, VIRTIO_F_VERSION_1);
    return mergeable ? HEADER_MERGEABLE : HEADER_LEGACY;
}

/* ---- which packets the guest wants ---- */

static bool in_table(const VirtIONet *s, const uint8_t *mac, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        if (!memcmp(s->table[i].a, mac, sizeof(MACAddr))) {
            return true;
        }
    }
    return false;
}

static bool wants_vlan(const VirtIONet *s, const uint8_t *frame, size_t len)
{
    if (!virtio_has_feature(&s->vdev, F_CTRL_VLAN) || !eth_has_vlan_tag(frame, len)) {
        return true;
    }
    unsigned vlan = lduw_be_p(frame + ETH_HEADER_LEN) % VLANS;
    return s->vlans[vlan / 8] & 1 << vlan % 8;
}

static bool wants_unicast(const VirtIONet *s, const uint8_t *mac)
{
    return !s->no_unicast && (s->all_unicast || s->unicast_overflow || !memcmp(mac, s->mac.a, sizeof(s->mac)) ||
                              in_table(s, mac, 0, s->unicast_count));
}

static bool wants_multicast(const VirtIONet *s, const uint8_t *mac)
{
    return !s->no_multicast &&
           (s->all_multicast || s->multicast_overflow || in_table(s, mac, s->unicast_count, s->multicast_count));
}

static bool wants(const VirtIONet *s, const uint8_t *frame, size_t len)
{
    if (!wants_vlan(s, frame, len)) {
        return false;
    }
    if (s->promisc) {
        return true;
    }
    return eth_is_broadcast(frame)   ? !s->no_broadcast
           : eth_is_multicast(frame) ? wants_multicast(s, frame)
                                     : wants_unicast(s, frame);
}

/* ---- receiving ---- */

/* The buffers that one packet fills: a short list, since a ring has no more. */
typedef struct RxBuffers {
    VirtElement *elem[QUEUE_SIZE];
    unsigned count;
    uint64_t room;
} RxBuffers;

static void give_back(VirtIONet *s, RxBuffers *b)
{
    while (b->count) {
        virtio_unpop(&s->vdev, RX_QUEUE, b->elem[--b->count]);
    }
}

/* Buffers for len bytes: one, or with mergeable buffers as many as it takes. False: the guest has not that many now. */
static bool take_buffers(VirtIONet *s, RxBuffers *b, size_t len)
{
    unsigned max = virtio_has_feature(&s->vdev, F_MRG_RXBUF) ? QUEUE_SIZE : 1;
    VirtElement *elem;
    b->count = b->room = 0;
    while (b->room < len && b->count < max && (elem = virtio_pop(&s->vdev, RX_QUEUE))) {
        b->elem[b->count++] = elem;
        b->room += elem->in_len;
    }
    return b->room >= len;
}

static bool checksum_is_right(const uint8_t *frame, size_t len)
{
    NetHeaders h;
    net_parse_headers(frame, len, &h);
    return h.transport && net_transport_checksum_ok(frame, &h);
}

static void fill_header(const VirtIONet *s, uint8_t *header, const uint8_t *frame, size_t len, unsigned buffers)
{
    memset(header, 0, HEADER_MERGEABLE);
    if (virtio_has_feature(&s->vdev, F_GUEST_CSUM) && checksum_is_right(frame, len)) {
        header[HEADER_FLAGS] = FLAG_DATA_VALID;
    }
    stw_le_p(header + HEADER_NUM_BUFFERS, buffers);
}

static void fill_buffers(VirtIONet *s, RxBuffers *b, const uint8_t *header, const uint8_t *frame, size_t len)
{
    size_t skip = header_len(&s->vdev), done = 0;
    virtio_write(&s->vdev, b->elem[0], 0, header, skip);
    for (unsigned i = 0; i < b->count; i++, skip = 0) {
        size_t n = virtio_write(&s->vdev, b->elem[i], skip, frame + done, len - done);
        done += n;
        virtio_push(&s->vdev, RX_QUEUE, b->elem[i], skip + n);
    }
    virtio_notify(&s->vdev, RX_QUEUE);
}

/* A first buffer that cannot hold the header breaks the rules (5.1.6.3.1). A packet that one buffer cannot hold is
 * lost. */
static bool no_buffers(VirtIONet *s, RxBuffers *b)
{
    bool broken = b->count && b->elem[0]->in_len < header_len(&s->vdev);
    bool lost = b->count && !virtio_has_feature(&s->vdev, F_MRG_RXBUF);
    give_back(s, b);
    if (broken) {
        virtio_error(&s->vdev);
    }
    return broken || lost || s->vdev.broken;
}

static bool net_receive(void *opaque, const uint8_t *frame, size_t len)
{
    VirtIONet *s = opaque;
    uint8_t header[HEADER_MERGEABLE];
    RxBuffers b;
    if (!virtio_queue_ready(&s->vdev, RX_QUEUE) || !wants(s, frame, len)) {
        return true;
    }
    if (!take_buffers(s, &b, header_len(&s->vdev) + len) || b.elem[0]->in_len < header_len(&s->vdev)) {
        return no_buffers(s, &b);
    }
    fill_header(s, header, frame, len, b.count);
    fill_buffers(s, &b, header, frame, len);
    return true;
}

static void rx_kicked(VirtIODevice *vdev, int queue)
{
    (void)queue;
    nic_flush_queued(((VirtIONet *)vdev)->conf.peer);
}

/* ---- sending ---- */

/* 5.1.6.2: the field has the pseudo header's sum; everything from csum_start on is added. */
static void finish_checksum(uint8_t *frame, size_t len, const uint8_t *header)
{
    size_t start = lduw_le_p(header + HEADER_CSUM_START), offset = lduw_le_p(header + HEADER_CSUM_OFFSET);
    if (start + offset + 2 > len) {
        return;
    }
    uint16_t sum = net_checksum_finish(net_checksum_add(len - start, frame + start, 0));
    stw_be_p(frame + start + offset, sum == 0 && offset == UDP_CSUM_FIELD ? 0xffff : sum);
}

static void send_segment(void *opaque, uint8_t *segment, size_t len)
{
    VirtIONet *s = opaque;
    net_checksum_calculate(segment, len, true, true);
    nic_send_packet(s->conf.peer, segment, len);
}

/* Nothing is sent of a frame that is no TCP packet, whatever its header says. */
static void send_segmented(VirtIONet *s, const uint8_t *frame, size_t len, size_t mss)
{
    NetHeaders h;
    net_parse_headers(frame, len, &h);
    if (h.transport && h.protocol == NET_PROTOCOL_TCP) {
        const NetSegmenter segmenter = { .ip = h.ip,
                                         .transport = h.transport,
                                         .header_len = h.payload,
                                         .mss = mss,
                                         .ipv6 = h.ipv6,
                                         .finish = send_segment,
                                         .opaque = s };
        net_segment(&segmenter, frame, h.end);
    }
}

static void send_frame(VirtIONet *s, uint8_t *frame, size_t len, const uint8_t *header)
{
    if ((header[HEADER_GSO_TYPE] & ~GSO_ECN) != GSO_NONE) {
        send_segmented(s, frame, len, lduw_le_p(header + HEADER_GSO_SIZE));
        return;
    }
    if (header[HEADER_FLAGS] & FLAG_NEEDS_CSUM) {
        finish_checksum(frame, len, header);
    }
    nic_send_packet(s->conf.peer, frame, len);
}

static void send_element(VirtIONet *s, const VirtElement *elem)
{
    uint8_t header[HEADER_MERGEABLE] = { 0 }, frame[NET_MAX_PACKET];
    size_t skip = header_len(&s->vdev);
    if (elem->out_len < skip) {
        virtio_error(&s->vdev);
        return;
    }
    if (elem->out_len - skip >= NET_MIN_PACKET && elem->out_len - skip <= sizeof(frame)) {
        virtio_read(&s->vdev, elem, 0, header, skip);
        size_t len = virtio_read(&s->vdev, elem, skip, frame, elem->out_len - skip);
        send_frame(s, frame, len, header);
    }
}

static void tx_kicked(VirtIODevice *vdev, int queue)
{
    VirtElement *elem;
    while ((elem = virtio_pop(vdev, queue))) {
        send_element((VirtIONet *)vdev, elem);
        virtio_push(vdev, queue, elem, 0);
    }
    virtio_notify(vdev, queue);
}

/* ---- the control queue, 5.1.6.5 ---- */

#define CTRL_DATA_MAX 65536 /* a table of more addresses than any driver has */
enum { CTRL_ACK = 0, CTRL_ERR = 1 };
enum { MAC_TABLE_SET = 0, MAC_ADDR_SET = 1 };
enum { VLAN_ADD = 0, VLAN_DEL = 1 };

static bool ctrl_rx(VirtIONet *s, uint8_t command, const uint8_t *data, size_t len)
{
    bool *const modes[] = { &s->promisc,      &s->all_multicast, &s->all_unicast,
                            &s->no_multicast, &s->no_unicast,    &s->no_broadcast };
    if (command >= ARRAY_SIZE(modes) || len != 1) {
        return false;
    }
    *modes[command] = data[0] != 0;
    return true;
}

/* u32 count and as many addresses; the bytes it takes, 0: they are not there. */
static size_t table_part(const uint8_t *data, size_t len, uint32_t *count)
{
    *count = len < 4 ? 0 : ldl_le_p(data);
    return len < 4 || *count > (len - 4) / sizeof(MACAddr) ? 0 : 4 + *count * sizeof(MACAddr);
}

static uint8_t add_to_table(VirtIONet *s, unsigned first, const uint8_t *part, uint32_t count, bool *overflow)
{
    *overflow = count > TABLE_ENTRIES - first;
    if (*overflow) {
        return 0;
    }
    memcpy(s->table + first, part + 4, count * sizeof(MACAddr));
    return count;
}

static bool set_table(VirtIONet *s, const uint8_t *data, size_t len)
{
    uint32_t unicast, multicast;
    size_t first = table_part(data, len, &unicast);
    size_t second = first ? table_part(data + first, len - first, &multicast) : 0;
    if (!second || first + second != len) {
        return false;
    }
    s->unicast_count = add_to_table(s, 0, data, unicast, &s->unicast_overflow);
    s->multicast_count = add_to_table(s, s->unicast_count, data + first, multicast, &s->multicast_overflow);
    return true;
}

static void set_mac(VirtIONet *s, const uint8_t *mac)
{
    memcpy(s->mac.a, mac, sizeof(s->mac));
    nic_mac_changed(s->conf.peer, &s->mac);
}

static bool ctrl_mac(VirtIONet *s, uint8_t command, const uint8_t *data, size_t len)
{
    if (command == MAC_ADDR_SET && len == sizeof(MACAddr)) {
        set_mac(s, data);
        return true;
    }
    return command == MAC_TABLE_SET && set_table(s, data, len);
}

static bool ctrl_vlan(VirtIONet *s, uint8_t command, const uint8_t *data, size_t len)
{
    unsigned vlan = len == 2 ? lduw_le_p(data) : VLANS;
    if (vlan >= VLANS || command > VLAN_DEL) {
        return false;
    }
    uint8_t bit = 1 << vlan % 8, *byte = &s->vlans[vlan / 8];
    *byte = command == VLAN_ADD ? *byte | bit : *byte & ~bit;
    return true;
}

static bool control(VirtIONet *s, const uint8_t *request, size_t len)
{
    static bool (*const classes[])(VirtIONet *, uint8_t, const uint8_t *, size_t) = { ctrl_rx, ctrl_mac, ctrl_vlan };
    return len >= 2 && request[0] < ARRAY_SIZE(classes) && classes[request[0]](s, request[1], request + 2, len - 2);
}

/* The answer is the last byte that the device may write. */
static void control_element(VirtIONet *s, const VirtElement *elem)
{
    uint8_t *request = g_malloc(CTRL_DATA_MAX);
    size_t len = virtio_read(&s->vdev, elem, 0, request, MIN(elem->out_len, CTRL_DATA_MAX));
    uint8_t answer = len == elem->out_len && control(s, request, len) ? CTRL_ACK : CTRL_ERR;
    virtio_write(&s->vdev, elem, elem->in_len - 1, &answer, 1);
    g_free(request);
}

static void ctrl_kicked(VirtIODevice *vdev, int queue)
{
    VirtElement *elem;
    while ((elem = virtio_pop(vdev, queue))) {
        if (!elem->in_len) {
            virtio_error(vdev);
            g_free(elem);
            return;
        }
        control_element((VirtIONet *)vdev, elem);
        virtio_push(vdev, queue, elem, 1);
    }
    virtio_notify(vdev, queue);
    nic_flush_queued(((VirtIONet *)vdev)->conf.peer); /* what waits may be unwanted now */
}

/* ---- configuration ---- */

/* 5.1.3.1: commands need the control queue, segments need checksums. */
static bool offers(const VirtIONet *s, unsigned bit)
{
    bool segments = bit == F_HOST_TSO4 || bit == F_HOST_TSO6 || bit == F_HOST_ECN;
    bool command = bit > F_CTRL_VQ;
    return s->offer[bit] && (!segments || s->offer[F_CSUM]) && (!command || s->offer[F_CTRL_VQ]);
}

static uint64_t net_features(VirtIODevice *vdev)
{
    uint64_t features = VIRTIO_BIT(F_MAC);
    for (unsigned bit = 0; bit < FEATURES; bit++) {
        features |= offers((VirtIONet *)vdev, bit) ? VIRTIO_BIT(bit) : 0;
    }
    return features;
}

static void net_get_config(VirtIODevice *vdev, uint8_t *config)
{
    VirtIONet *s = (VirtIONet *)vdev;
    memcpy(config + CONFIG_MAC, s->mac.a, sizeof(s->mac));
    stw_le_p(config + CONFIG_STATUS, nic_link_up(s->conf.peer) ? STATUS_LINK_UP : 0);
}

/* 5.1.4.1: only legacy drivers write their address here. */
static void net_set_config(VirtIODevice *vdev, uint32_t offset, const uint8_t *config, uint32_t len)
{
    (void)len;
    if (offset < CONFIG_STATUS && !virtio_has_feature(vdev, VIRTIO_F_VERSION_1)) {
        set_mac((VirtIONet *)vdev, config + CONFIG_MAC);
    }
}

static void net_link_changed(void *opaque, bool up)
{
    (void)up;
    virtio_notify_config(opaque);
}

static void net_status_changed(VirtIODevice *vdev)
{
    nic_flush_queued(((VirtIONet *)vdev)->conf.peer);
}

/* All that arrives is wanted, until a driver that knows better says so. */
static void net_device_reset(VirtIODevice *vdev)
{
    VirtIONet *s = (VirtIONet *)vdev;
    s->promisc = true;
    s->all_multicast = s->all_unicast = s->no_multicast = s->no_unicast = s->no_broadcast = false;
    s->unicast_overflow = s->multicast_overflow = false;
    s->unicast_count = s->multicast_count = 0;
    memset(s->table, 0, sizeof(s->table));
    memset(s->vlans, 0, sizeof(s->vlans));
    set_mac(s, s->conf.mac.a);
}

static const VirtIOClass net_class = {
    .device_type = 1,
    .class_id = 0x0200,
    .config_size = CONFIG_SIZE,
    .features = net_features,
    .get_config = net_get_config,
    .set_config = net_set_config,
    .status_changed = net_status_changed,
    .reset = net_device_reset,
};

/* ---- device ---- */

static bool net_realize(Device *dev, Error **errp)
{
    VirtIONet *s = (VirtIONet *)dev;
    const NICInfo info = { .model = "virtio-net-pci",
                           .id = dev->id,
                           .receive = net_receive,
                           .link_status_changed = net_link_changed,
                           .opaque = s };
    nic_choose_rom(&s->vdev.pci, "pxe-virtio.rom");
    if (!virtio_realize(&s->vdev, &net_class, errp) || !nic_connect(&s->vdev.pci, &s->conf, &info, errp)) {
        return false;
    }
    virtio_add_queue(&s->vdev, RX_QUEUE, QUEUE_SIZE, rx_kicked);
    virtio_add_queue(&s->vdev, TX_QUEUE, QUEUE_SIZE, tx_kicked);
    virtio_add_queue(&s->vdev, CTRL_QUEUE, CTRL_QUEUE_SIZE, ctrl_kicked);
    return true;
}

static void net_reset(Device *dev)
{
    VirtIONet *s = (VirtIONet *)dev;
    virtio_reset(&s->vdev);
    pci_device_reset(&s->vdev.pci);
}

static bool net_post_load(void *opaque, Error **errp)
{
    VirtIONet *s = opaque;
    if (s->unicast_count + s->multicast_count > TABLE_ENTRIES) {
        error_setg(errp, "%d addresses in a table of %d", s->unicast_count + s->multicast_count, TABLE_ENTRIES);
        return false;
    }
    nic_mac_changed(s->conf.peer, &s->mac);
    return true;
}

static const VMStateField net_fields[] = {
    VMSTATE_STRUCT(VirtIONet, vdev, vmstate_virtio_device),
    VMSTATE_DERIVED(VirtIONet, conf),
    VMSTATE_DERIVED(VirtIONet, offer),
    VMSTATE_DERIVED(VirtIONet, absent),
    VMSTATE_BYTES(VirtIONet, mac),
    VMSTATE_BOOL(VirtIONet, promisc),
    VMSTATE_BOOL(VirtIONet, all_multicast),
    VMSTATE_BOOL(VirtIONet, all_unicast),
    VMSTATE_BOOL(VirtIONet, no_multicast),
    VMSTATE_BOOL(VirtIONet, no_unicast),
    VMSTATE_BOOL(VirtIONet, no_broadcast),
    VMSTATE_BOOL(VirtIONet, unicast_overflow),
    VMSTATE_BOOL(VirtIONet, multicast_overflow),
    VMSTATE_INT(VirtIONet, unicast_count),
    VMSTATE_INT(VirtIONet, multicast_count),
    VMSTATE_BYTES(VirtIONet, table),
    VMSTATE_BYTES(VirtIONet, vlans),
    VMSTATE_END,
};
static const VMStateDescription vmstate_net = {
    .name = "virtio-net", .version = 1, .fields = net_fields, .post_load = net_post_load
};

static bool parse_absent(void *field, const char *device, const char *text, Error **errp)
{
    *(bool *)field = false;
    if (!g_str_equal(text, "off")) {
        error_setg(errp, "%s has one pair of queues, no receive offloads, no UFO: only 'off' can be said, not '%s'",
                   device, text);
        return false;
    }
    return true;
}

#define FEATURE_PROP(name, bit) DEFINE_PROP_BOOL(name, VirtIONet, offer[bit], true)
#define ABSENT_PROP(name)       DEFINE_PROP_PARSED(name, VirtIONet, absent, parse_absent)

static const DeviceProperty net_properties[] = {
    DEFINE_NIC_PROPERTIES(VirtIONet, conf),
    VIRTIO_PROPERTIES(VirtIONet),
    FEATURE_PROP("csum", F_CSUM),
    FEATURE_PROP("guest_csum", F_GUEST_CSUM),
    FEATURE_PROP("host_tso4", F_HOST_TSO4),
    FEATURE_PROP("host_tso6", F_HOST_TSO6),
    FEATURE_PROP("host_ecn", F_HOST_ECN),
    FEATURE_PROP("mrg_rxbuf", F_MRG_RXBUF),
    FEATURE_PROP("status", F_STATUS),
    FEATURE_PROP("ctrl_vq", F_CTRL_VQ),
    FEATURE_PROP("ctrl_rx", F_CTRL_RX),
    FEATURE_PROP("ctrl_vlan", F_CTRL_VLAN),
    FEATURE_PROP("ctrl_rx_extra", F_CTRL_RX_EXTRA),
    FEATURE_PROP("ctrl_mac_addr", F_CTRL_MAC_ADDR),
    ABSENT_PROP("mq"),
    ABSENT_PROP("guest_tso4"),
    ABSENT_PROP("guest_tso6"),
    ABSENT_PROP("guest_ecn"),
    ABSENT_PROP("guest_ufo"),
    ABSENT_PROP("host_ufo"),
    ABSENT_PROP("rss"),
    { .name = NULL },
};

const DeviceType virtio_net_pci_type = {
    .name = "virtio-net-pci",
    .description = "virtio network card",
    .size = sizeof(VirtIONet),
    .vmsd = &vmstate_net,
    .properties = net_properties,
    .realize = net_realize,
    .reset = net_reset,
    .user_creatable = true,
    .parent = &pci_device_type,
};
