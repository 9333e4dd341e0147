/* tests/device/fake-wire.h  A network card's end of the wire: what it sent can be looked at, packets can be delivered
 * to it; and frames for both. Include once per program. */
#ifndef TESTS_FAKE_WIRE_H
#define TESTS_FAKE_WIRE_H

#include "hw/net/nics.h"
#include "net/net.h"

bool net_parse_netdev_property(void *field, const char *device, const char *text, Error **errp)
{
    (void)field, (void)device, (void)text, (void)errp;
    return false;
}
bool net_parse_mac_property(void *field, const char *device, const char *text, Error **errp)
{
    (void)field, (void)device, (void)text, (void)errp;
    return false;
}

/* ---- the wire ---- */

#define WIRE_PACKETS 64 /* kept of what the card sent; all are counted */

struct NICPeer {
    NICInfo info;
    MACAddr mac;
    bool link;
    GQueue waiting; /* of GBytes: the card had no room */
    GBytes *sent[WIRE_PACKETS];
    unsigned sent_count;
};

static NICPeer wire = { .link = true };

NICPeer *nic_attach(const NICInfo *info, NetDev *netdev, MACAddr *mac, Error **errp)
{
    static const MACAddr address = { { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } };
    (void)netdev, (void)errp;
    *mac = address;
    wire.info = *info;
    wire.link = true;
    return &wire;
}

bool nic_link_up(const NICPeer *peer)
{
    return peer->link;
}

void nic_mac_changed(NICPeer *peer, const MACAddr *mac)
{
    peer->mac = *mac;
}

void nic_send_packet(NICPeer *peer, const uint8_t *buf, size_t len)
{
    g_assert_cmpuint(len, >=, NET_MIN_PACKET);
    g_assert_cmpuint(len, <=, NET_MAX_PACKET + 4); /* a tag */
    unsigned place = peer->sent_count++ % WIRE_PACKETS;
    g_clear_pointer(&peer->sent[place], g_bytes_unref);
    peer->sent[place] = g_bytes_new(buf, len);
}

static inline bool wire_offer(GBytes *packet)
{
    gsize len;
    const uint8_t *data = g_bytes_get_data(packet, &len);
    return wire.info.receive(wire.info.opaque, data, len);
}

void nic_flush_queued(NICPeer *peer)
{
    static bool flushing;
    while (!flushing && !g_queue_is_empty(&peer->waiting)) {
        flushing = true;
        bool taken = wire_offer(g_queue_peek_head(&peer->waiting));
        flushing = false;
        if (!taken) {
            return;
        }
        g_bytes_unref(g_queue_pop_head(&peer->waiting));
    }
}

/* From outside, as net/nic.c delivers. */
static inline void wire_deliver(const uint8_t *data, size_t len)
{
    GBytes *packet = g_bytes_new(data, len);
    if (g_queue_is_empty(&wire.waiting) && wire_offer(packet)) {
        g_bytes_unref(packet);
    } else if (g_queue_get_length(&wire.waiting) < 64) {
        g_queue_push_tail(&wire.waiting, packet);
    } else {
        g_bytes_unref(packet);
    }
}

static inline void wire_set_link(bool up)
{
    wire.link = up;
    if (wire.info.link_status_changed) {
        wire.info.link_status_changed(wire.info.opaque, up);
    }
}

static inline void wire_forget(void)
{
    for (unsigned i = 0; i < WIRE_PACKETS; i++) {
        g_clear_pointer(&wire.sent[i], g_bytes_unref);
    }
    wire.sent_count = 0;
    g_queue_clear_full(&wire.waiting, (GDestroyNotify)g_bytes_unref);
}

static inline const uint8_t *wire_sent(unsigned i)
{
    g_assert_cmpuint(i, <, wire.sent_count);
    return g_bytes_get_data(wire.sent[i], NULL);
}
static inline size_t wire_sent_len(unsigned i)
{
    g_assert_cmpuint(i, <, wire.sent_count);
    return g_bytes_get_size(wire.sent[i]);
}

/* ---- frames ---- */

/* An Ethernet frame of len bytes: type 88b5h (experimental), bytes that count. */
static inline void make_frame(uint8_t *frame, size_t len, const char *destination)
{
    MACAddr from = { { 0x52, 0x55, 10, 0, 2, 2 } };
    memcpy(frame, destination, 6);
    memcpy(frame + 6, from.a, 6);
    frame[12] = 0x88;
    frame[13] = 0xb5;
    for (size_t i = 14; i < len; i++) {
        frame[i] = (uint8_t)i;
    }
}
#define TO_CARD      "\x52\x54\x00\x12\x34\x56"
#define TO_OTHER     "\x52\x54\x00\x99\x99\x99"
#define TO_ALL       "\xff\xff\xff\xff\xff\xff"
#define TO_MULTICAST "\x01\x00\x5e\x00\x00\x01"

static inline void put16(uint8_t *p, unsigned v)
{
    p[0] = v >> 8;
    p[1] = (uint8_t)v;
}

/* IPv4 and TCP with `payload` bytes and no checksums: 54 bytes of headers. Length of the frame. */
static inline size_t make_tcp(uint8_t *frame, size_t payload)
{
    make_frame(frame, 54 + payload, TO_CARD);
    put16(frame + 12, 0x0800);
    memset(frame + 14, 0, 40);
    frame[14] = 0x45;
    put16(frame + 16, 40 + payload);
    put16(frame + 18, 0x1000); /* identification */
    frame[22] = 64;
    frame[23] = 6;
    memcpy(frame + 26, "\x0a\x00\x02\x0f\x0a\x00\x02\x02", 8);
    put16(frame + 34, 1234);
    put16(frame + 36, 80);
    put16(frame + 40, 0x8000); /* low half of the sequence number */
    frame[46] = 0x50;
    frame[47] = 0x19; /* ACK PSH FIN */
    return 54 + payload;
}

/* Do the IPv4 header's and the TCP's checksum come out right? */
static inline bool checksums_ok(const uint8_t *frame)
{
    unsigned total = frame[16] << 8 | frame[17], tcp = total - 20;
    uint32_t pseudo = net_checksum_add(8, frame + 26, 6 + tcp);
    return net_checksum_finish(net_checksum_add(20, frame + 14, 0)) == 0 &&
           net_checksum_finish(net_checksum_add(tcp, frame + 34, pseudo)) == 0;
}

#endif
