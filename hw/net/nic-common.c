/* hw/net/nic-common.c  What the network cards share. Contract: hw/net/nic-common.h. */
#include "hw/net/nic-common.h"

#include "hw/core/boot-order.h"
#include "hw/i386/pc.h"

/* ---- attaching ---- */

/* Without the package there is no network boot, and nothing is said. */
void nic_choose_rom(PCIDevice *pci, const char *name)
{
    char *path = pci->romfile ? NULL : qemu_find_file(name);
    if (path) {
        pci->romfile = g_strdup(name);
        g_free(path);
    }
}

static bool add_to_boot_order(const PCIDevice *pci, uint32_t bootindex, Error **errp)
{
    char *fn = PCI_FUNC(pci->devfn) ? g_strdup_printf(",%x", PCI_FUNC(pci->devfn)) : g_strdup("");
    char *path = g_strdup_printf("/pci@i0cf8/ethernet@%x%s/ethernet-phy@0", PCI_SLOT(pci->devfn), fn);
    bool ok = boot_order_add(bootindex, path, errp);
    g_free(path);
    g_free(fn);
    return ok;
}

bool nic_connect(PCIDevice *pci, NICConf *conf, const NICInfo *info, Error **errp)
{
    if (!add_to_boot_order(pci, conf->bootindex, errp)) {
        return false;
    }
    conf->peer = nic_attach(info, conf->netdev, &conf->mac, errp);
    return conf->peer != NULL;
}

bool nic_pci_register(PCIDevice *pci, NICConf *conf, const PCIIdentity *identity, const NICInfo *info,
                      const char *default_rom, Error **errp)
{
    nic_choose_rom(pci, default_rom);
    return pci_register(pci, identity, errp) && nic_connect(pci, conf, info, errp);
}

/* ---- VLAN tags ---- */

size_t eth_insert_vlan_tag(uint8_t *frame, size_t len, uint16_t type, uint16_t tci)
{
    memmove(frame + 12 + ETH_VLAN_LEN, frame + 12, len - 12);
    stw_be_p(frame + 12, type);
    stw_be_p(frame + 14, tci);
    return len + ETH_VLAN_LEN;
}

size_t eth_remove_vlan_tag(uint8_t *frame, size_t len)
{
    memmove(frame + 12, frame + 12 + ETH_VLAN_LEN, len - 12 - ETH_VLAN_LEN);
    return len - ETH_VLAN_LEN;
}

/* ---- headers ---- */

static size_t transport_header_len(const uint8_t *p, size_t len, uint8_t protocol)
{
    size_t tcp = protocol == NET_PROTOCOL_TCP && len >= 20 ? (size_t)(p[12] >> 4) * 4 : 0;
    if (tcp >= 20 && tcp <= len) {
        return tcp;
    }
    return protocol == NET_PROTOCOL_UDP && len >= 8 ? 8 : 0;
}

static void parse_transport(const uint8_t *frame, size_t at, NetHeaders *h)
{
    size_t header = h->fragment ? 0 : transport_header_len(frame + at, h->end - at, h->protocol);
    if (header) {
        h->transport = at;
        h->payload = at + header;
    }
}

static void parse_ipv4(const uint8_t *frame, size_t at, size_t len, NetHeaders *h)
{
    const uint8_t *p = frame + at;
    size_t header = len - at >= 20 && p[0] >> 4 == 4 ? (p[0] & 15) * 4u : 0;
    size_t total = header ? lduw_be_p(p + 2) : 0;
    if (header < 20 || total < header || total > len - at) {
        return;
    }
    h->ip = at;
    h->end = at + total;
    h->protocol = p[9];
    h->fragment = lduw_be_p(p + 6) & 0x3fff;
    parse_transport(frame, at + header, h);
}

static void parse_ipv6(const uint8_t *frame, size_t at, size_t len, NetHeaders *h)
{
    const uint8_t *p = frame + at;
    if (len - at < 40 || p[0] >> 4 != 6 || lduw_be_p(p + 4) > len - at - 40) {
        return;
    }
    h->ip = at;
    h->ipv6 = true;
    h->end = at + 40 + lduw_be_p(p + 4);
    h->protocol = p[6];
    parse_transport(frame, at + 40, h);
}

void net_parse_headers(const uint8_t *frame, size_t len, NetHeaders *h)
{
    size_t at = ETH_HEADER_LEN + (eth_has_vlan_tag(frame, len) ? ETH_VLAN_LEN : 0);
    *h = (NetHeaders){ 0 };
    if (len < at) {
        return;
    }
    switch (lduw_be_p(frame + at - 2)) {
    case 0x0800:
        parse_ipv4(frame, at, len, h);
        break;
    case 0x86dd:
        parse_ipv6(frame, at, len, h);
        break;
    }
}

bool net_ip_checksum_ok(const uint8_t *frame, const NetHeaders *h)
{
    size_t header = (frame[h->ip] & 15) * 4u;
    return h->ipv6 || net_checksum_finish(net_checksum_add(header, frame + h->ip, 0)) == 0;
}

bool net_transport_checksum_ok(const uint8_t *frame, const NetHeaders *h)
{
    size_t len = h->end - h->transport;
    if (h->protocol == NET_PROTOCOL_UDP && !h->ipv6 && lduw_be_p(frame + h->transport + 6) == 0) {
        return true;
    }
    const uint8_t *addresses = frame + h->ip + (h->ipv6 ? 8 : 12);
    uint32_t sum = net_checksum_add(h->ipv6 ? 32 : 8, addresses, h->protocol + (uint32_t)len);
    return net_checksum_finish(net_checksum_add(len, frame + h->transport, sum)) == 0;
}

/* ---- segmentation ---- */

#define TCP_FLAGS   13
#define TCP_FIN_PSH 0x09 /* the last segment's alone */
#define TCP_CWR     0x80 /* the first one's alone */
#define UDP_LENGTH  4

static bool segmenter_makes_sense(const NetSegmenter *s, size_t len)
{
    size_t transport = s->udp ? 8 : 20, ip = s->ipv6 ? 40 : 20;
    return s->header_len <= len && s->ip <= s->header_len && s->transport <= s->header_len &&
           s->ip + ip <= s->header_len && s->transport + transport <= s->header_len;
}

static void fix_ip(const NetSegmenter *s, uint8_t *segment, size_t len, unsigned number)
{
    uint8_t *ip = segment + s->ip;
    if (s->ipv6) {
        stw_be_p(ip + 4, len - s->ip - 40);
    } else {
        stw_be_p(ip + 2, len - s->ip);
        stw_be_p(ip + 4, lduw_be_p(ip + 4) + number);
    }
}

static void fix_transport(const NetSegmenter *s, uint8_t *segment, size_t len, size_t offset, bool last)
{
    uint8_t *p = segment + s->transport;
    if (s->udp) {
        stw_be_p(p + UDP_LENGTH, len - s->transport);
        return;
    }
    stl_be_p(p + 4, ldl_be_p(p + 4) + offset);
    p[TCP_FLAGS] &= ~((last ? 0 : TCP_FIN_PSH) | (offset ? TCP_CWR : 0));
}

static void send_segment(const NetSegmenter *s, const uint8_t *frame, size_t offset, size_t bytes, bool last)
{
    uint8_t segment[NET_MAX_PACKET + NET_SEGMENT_ROOM];
    size_t len = s->header_len + bytes;
    memcpy(segment, frame, s->header_len);
    memcpy(segment + s->header_len, frame + s->header_len + offset, bytes);
    fix_ip(s, segment, len, offset / MAX(s->mss, NET_MIN_MSS));
    fix_transport(s, segment, len, offset, last);
    s->finish(s->opaque, segment, len);
}

bool net_segment(const NetSegmenter *s, const uint8_t *frame, size_t len)
{
    size_t mss = MAX(s->mss, NET_MIN_MSS), offset = 0;
    if (!segmenter_makes_sense(s, len) || len > NET_MAX_PACKET) {
        return false;
    }
    do {
        size_t bytes = MIN(mss, len - s->header_len - offset);
        send_segment(s, frame, offset, bytes, offset + bytes == len - s->header_len);
        offset += bytes;
    } while (offset < len - s->header_len);
    return true;
}
