/*
 * net/net.h  Packets between a NIC of the machine and a netdev of the host.
 *
 *     NIC  --nic_send_packet-->  filter-dump  -->  netdev (the host)         ends before the netdev in replay
 *     NIC  <--  filter-dump  <--checkpoint--  filter-replay  <--  netdev     not opened in replay; put back from the
 * log
 *
 * A packet is an Ethernet frame without FCS, NET_MIN_PACKET to NET_MAX_PACKET bytes. The guest side runs with
 * machine_lock, the host side without it; between them stand copies only. What the guest sends is always accepted (what
 * the host does not take is dropped: that reaches the guest only by packets that do not come back, and those are
 * recorded). docs/net.md follows a packet.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "util/error.h"
#include "util/info.h"
#include "util/option.h"

#define NET_MIN_PACKET    14    /* an Ethernet header */
#define NET_MIN_FRAME     60    /* what a NIC gets at least: shorter packets from outside are padded with zeros */
#define NET_MAX_PACKET    65550 /* a TSO frame: 64 KiB and its headers */
#define NET_QUEUE_PACKETS 1024  /* that wait for a NIC, or for a netdev; the rest is dropped */

typedef struct MACAddr {
    uint8_t a[6];
} MACAddr;
typedef struct NetDev NetDev;   /* host side: one for each -netdev */
typedef struct NICPeer NICPeer; /* guest side: a NIC's end of the wire */

/* ---- for NICs; machine_lock held ---- */

typedef struct NICInfo {
    const char *model;                 /* "rtl8139"; static */
    const char *id;                    /* Device.id; NULL: the name becomes "rtl8139.0" */
    bool (*can_receive)(void *opaque); /* NULL: always */
    /* A packet from outside, NET_MIN_FRAME to NET_MAX_PACKET bytes. False: no room now; it is kept and offered again
     * after nic_flush_queued(). A NIC that does not want a packet (filters, disabled) takes it, drops it and says true.
     */
    bool (*receive)(void *opaque, const uint8_t *buf, size_t len);
    void (*link_status_changed)(void *opaque, bool up); /* set_link, at a checkpoint; NULL */
    void *opaque;
} NICInfo;

/*
 * In realize. netdev: property "netdev" (NULL: connected to nothing). mac: property "mac"; one that was not given (all
 * zeros) becomes the next default. Error when the netdev is taken.
 */
NICPeer *nic_attach(const NICInfo *info, NetDev *netdev, MACAddr *mac, Error **errp);
/* Never fails. Frames of an impossible length are dropped. */
void nic_send_packet(NICPeer *peer, const uint8_t *buf, size_t len);
/* Room has come up: deliver what waits (from the guest's own doing, so deterministic). Cheap when nothing waits. */
void nic_flush_queued(NICPeer *peer);
bool nic_link_up(const NICPeer *peer);
/* The guest gave itself another address: for `info network` only. */
void nic_mac_changed(NICPeer *peer, const MACAddr *mac);
/* Packets that wait for room, and the link, are state: in digest and snapshots by themselves (net/nic.c registers
 * them). */

/* Properties of a NIC: NetDev * and MACAddr members. */
bool net_parse_netdev_property(void *field, const char *device, const char *text, Error **errp);
bool net_parse_mac_property(void *field, const char *device, const char *text, Error **errp);
#define DEFINE_PROP_NETDEV(n, type, m)  DEFINE_PROP_PARSED(n, type, m, net_parse_netdev_property)
#define DEFINE_PROP_MACADDR(n, type, m) DEFINE_PROP_PARSED(n, type, m, net_parse_mac_property)

/* The next of 52:54:00:12:34:56, :57, ... that no NIC has. */
void net_default_mac(MACAddr *mac);
bool net_parse_mac(const char *text, MACAddr *mac);
/* CRC-32 of an Ethernet address, most significant bit first, for multicast hash filters (the top bits are the hash). */
uint32_t net_crc32(const uint8_t *p, size_t len);
/* The same, least significant bit first (frame check sequence). Both without the final complement. */
uint32_t net_crc32_le(const uint8_t *p, size_t len);
/* Internet checksum (RFC 1071): add bytes to a sum; fold and complement. Blocks but the last have an even length. */
uint32_t net_checksum_add(size_t len, const uint8_t *buf, uint32_t sum);
uint16_t net_checksum_finish(uint32_t sum);
/* IPv4 header and IPv4/IPv6 TCP or UDP checksum of a whole frame (one VLAN tag at most), written in place (offload).
 * Malformed frames and fragments are left alone. */
void net_checksum_calculate(uint8_t *frame, size_t len, bool ip, bool tcp_udp);

/* ---- for netdev drivers ---- */

typedef struct NetDevDriver {
    const char *name;           /* "user" */
    size_t instance_size;       /* of the struct that begins with NetDev (net/net-int.h) */
    const char *const *options; /* keys besides type and id, NULL-terminated; others are refused */
    bool (*init)(NetDev *nd, const QemuOpts *opts, Error **errp);
    /* From the guest. Never blocks; drops when the host does not take it. I/O thread, no lock; with `direct` any
     * thread. */
    void (*transmit)(NetDev *nd, const uint8_t *buf, size_t len);
    bool direct; /* transmit is called at once, on the guest's thread: an answer is there without changing threads */
    bool inner;  /* has no host side (hub port): set up in replay too */
    /* The queue towards the guest has room again, after net_can_deliver() said no. I/O thread. */
    void (*can_deliver_again)(NetDev *nd);
    void (*cleanup)(NetDev *nd);
    void (*info)(NetDev *nd, GString *out); /* "net=10.0.2.0,restrict=off" */
} NetDevDriver;

/* A packet for the guest arrives; copied. Any thread, no locks needed. */
void net_deliver(NetDev *nd, const uint8_t *buf, size_t len);
/* Back-pressure of the host side: stop reading from the host while false. */
bool net_can_deliver(NetDev *nd);

/* ---- set-up, in this order ---- */

void net_driver_help(FILE *out);
bool net_add_netdev(const char *opts, Error **errp);    /* -netdev */
bool net_add_nic(const char *opts, Error **errp);       /* -nic */
bool net_add_legacy(const char *opts, Error **errp);    /* -net */
bool object_add_filter(const char *opts, Error **errp); /* -object filter-replay|filter-dump,id=,netdev=... */
/* All options are read: the default NIC, hub ports, filters; open the back ends (not in replay). The error names option
 * and value. */
bool net_init_all(bool default_nic, Error **errp);
/* NICs that -nic, -net nic or the default asked for, in order; the board creates them. */
typedef struct NICRequest {
    const char *model; /* NULL: the board's default */
    NetDev *netdev;
    MACAddr mac;      /* zeros: the next default */
    const char *addr; /* PCI address or NULL */
} NICRequest;
const NICRequest *net_next_nic(void); /* NULL: no more */
/* What the guest can see of them, as one line for the manifest: "e1000; rtl8139 mac=52:54:00:00:00:01". g_free it. */
char *net_describe_nics(void);
NetDev *net_find(const char *id);
const char *net_id(const NetDev *nd);
void net_warn_unused(void); /* once the machine is built: netdevs without NIC */
void net_cleanup_all(void);

/* ---- monitor ---- */

void net_info(InfoPrint *print, void *opaque);
void net_info_usernet(InfoPrint *print, void *opaque);
/* "[netdev] [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport", and without the guest's part. The host's affair: not
 * recorded. */
bool net_hostfwd_add(const char *args, Error **errp);
bool net_hostfwd_remove(const char *args, Error **errp);
/* name: of a NIC or of its netdev. Takes effect at a checkpoint; in replay only what was recorded does. */
bool net_set_link(const char *name, bool up, Error **errp);

#endif
