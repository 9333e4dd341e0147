/*
 * hw/net/nic-common.h  What the network cards share: attaching, the boot ROM, address filters, VLAN tags, segmentation.
 */
#ifndef HW_NET_NIC_COMMON_H
#define HW_NET_NIC_COMMON_H

#include "hw/pci/pci.h"
#include "net/net.h"

#define ETH_HEADER_LEN 14
#define ETH_VLAN_LEN   4
#define ETH_FCS_LEN    4
#define ETH_TYPE_VLAN  0x8100

/* The properties of a PCI network card; its struct has one, its vmstate calls it derived. */
typedef struct NICConf {
    NetDev *netdev;
    MACAddr mac;
    uint32_t bootindex;
    NICPeer *peer;
} NICConf;

#define DEFINE_NIC_PROPERTIES(type, m)                                                     \
    DEFINE_PROP_NETDEV("netdev", type, m.netdev), DEFINE_PROP_MACADDR("mac", type, m.mac), \
        DEFINE_PROP_UINT32("bootindex", type, m.bootindex, UINT32_MAX)

/*
 * First thing in realize: takes a place on the bus and on the wire. default_rom: used when it is installed and romfile=
 * was not given.
 */
bool nic_pci_register(PCIDevice *pci, NICConf *conf, const PCIIdentity *identity, const NICInfo *info,
                      const char *default_rom, Error **errp);

/* The two halves of it, for a card that takes its place on the bus by other means: before that, and after. */
void nic_choose_rom(PCIDevice *pci, const char *default_rom);
bool nic_connect(PCIDevice *pci, NICConf *conf, const NICInfo *info, Error **errp);

static inline bool nic_is_bus_master(const PCIDevice *pci)
{
    return lduw_le_p(pci->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

static inline bool eth_is_multicast(const uint8_t *frame)
{
    return frame[0] & 1;
}
static inline bool eth_is_broadcast(const uint8_t *frame)
{
    return !memcmp(frame, "\xff\xff\xff\xff\xff\xff", 6);
}
static inline bool eth_has_vlan_tag(const uint8_t *frame, size_t len)
{
    return len >= ETH_HEADER_LEN + ETH_VLAN_LEN && lduw_be_p(frame + 12) == ETH_TYPE_VLAN;
}
/* Insert a tag (type and TCI, 4 bytes in wire order) after the addresses; there must be room. The new length. */
size_t eth_insert_vlan_tag(uint8_t *frame, size_t len, uint16_t type, uint16_t tci);
/* Take the tag out; the frame must have one. The new length. */
size_t eth_remove_vlan_tag(uint8_t *frame, size_t len);

/* What a frame carries, as far as checksums go. Offsets are 0 when the layer is absent. */
typedef struct NetHeaders {
    size_t ip, transport, payload; /* offsets in the frame */
    size_t end;                    /* where the IP packet ends: what follows is padding */
    uint8_t protocol;              /* 6 TCP, 17 UDP */
    bool ipv6, fragment;
} NetHeaders;
#define NET_PROTOCOL_TCP 6
#define NET_PROTOCOL_UDP 17

/* Bounded by len, whatever the frame says; at most one VLAN tag; IPv6 extension headers are not followed. */
void net_parse_headers(const uint8_t *frame, size_t len, NetHeaders *h);
/* Are the checksums of a received frame right? A UDP checksum of zero is. h->ip (h->transport) must not be 0. */
bool net_ip_checksum_ok(const uint8_t *frame, const NetHeaders *h);
bool net_transport_checksum_ok(const uint8_t *frame, const NetHeaders *h);

/*
 * TCP segmentation: cut what follows the headers into pieces of mss bytes and send each behind a copy of the headers
 * with length, identification, sequence number and flags put right. finish: writes checksums; sends; it may add
 * NET_SEGMENT_ROOM bytes.
 */
#define NET_SEGMENT_ROOM 64
typedef struct NetSegmenter {
    size_t ip, transport, header_len; /* offsets; header_len: all that each segment begins with */
    size_t mss;
    bool ipv6, udp;
    void (*finish)(void *opaque, uint8_t *segment, size_t len);
    void *opaque;
} NetSegmenter;
/* A smaller mss is raised to this (Linux never asks for less): it bounds what one descriptor can ask for. */
#define NET_MIN_MSS 88
/* frame: header_len <= len <= NET_MAX_PACKET. False (nothing sent) when offsets make no sense. */
bool net_segment(const NetSegmenter *s, const uint8_t *frame, size_t len);

#endif
