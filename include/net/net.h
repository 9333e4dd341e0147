/*
 * net/net.h  Packets between a NIC of the machine and a netdev of the host.
 *
 *     NIC  --qemu_send_packet-->  filters  -->  netdev (I/O thread)          dropped before the netdev in replay
 *     NIC  <--checkpoint--  filter-replay's queue  <--  netdev (I/O thread)  dropped in replay, put back from the log
 *
 * A packet is an Ethernet frame without FCS, 14 to NET_MAX_PACKET bytes. The guest side runs with machine_lock, the host side on the I/O
 * thread without it; between them stand copies only. What the guest sends is always accepted (a bounded queue of the netdev's drops the
 * rest: that cannot reach the guest but by packets that do not come back, and those are recorded).
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "util/error.h"
#include "util/option.h"

#define NET_MAX_PACKET 65550 /* a TSO frame: 64 KiB and its headers */
#define NET_QUEUE_PACKETS 1024

typedef struct MACAddr { uint8_t a[6]; } MACAddr;
typedef struct NetDev NetDev;     /* host side: one for each -netdev */
typedef struct NICPeer NICPeer;   /* guest side: a NIC's end of the wire */

/* ---- for NICs; machine_lock held ---- */
typedef struct NICInfo {
    const char *name;                                   /* "rtl8139.0", for messages and `info network` */
    bool (*can_receive)(void *opaque);                  /* NULL: always */
    /* A packet from outside. False: no room now; it is kept and offered again after nic_flush_queued(). */
    bool (*receive)(void *opaque, const uint8_t *buf, size_t len);
    void (*link_status_changed)(void *opaque, bool up); /* set_link, recorded; NULL */
    void *opaque;
} NICInfo;

/* netdev: property "netdev" (NULL: connected to nothing). An error when it is taken. */
NICPeer *nic_attach(const NICInfo *info, NetDev *netdev, const MACAddr *mac, Error **errp);
void nic_send_packet(NICPeer *peer, const uint8_t *buf, size_t len);
/* Room has come up: deliver what waits (from the guest's own doing, so deterministic). */
void nic_flush_queued(NICPeer *peer);
bool nic_link_up(const NICPeer *peer);
/* The packets that wait for room are state: in digest and snapshots by themselves (net/net.c registers them). */

/* 52:54:00:12:34:56, :57, ... for NICs without mac=. */
void net_default_mac(MACAddr *mac);
bool net_parse_mac(const char *text, MACAddr *mac);
/* CRC-32 of an Ethernet address, most significant bit first, for multicast hash filters. */
uint32_t net_crc32(const uint8_t *p, size_t len);
/* The same, least significant bit first (frame check sequence). */
uint32_t net_crc32_le(const uint8_t *p, size_t len);
/* Internet checksum (RFC 1071): add bytes to a sum; fold and complement. */
uint32_t net_checksum_add(size_t len, const uint8_t *buf, uint32_t sum);
uint16_t net_checksum_finish(uint32_t sum);
/* IPv4/IPv6 TCP or UDP checksum of a whole frame, written in place (offload). Malformed frames are left alone. */
void net_checksum_calculate(uint8_t *frame, size_t len, bool ip, bool tcp_udp);

/* ---- for netdev drivers; I/O thread, no locks ---- */
typedef struct NetDevDriver {
    const char *name;           /* "user" */
    size_t instance_size;       /* of the struct that begins with NetDev */
    const char *const *options; /* keys, NULL-terminated; all are checked */
    bool (*init)(NetDev *nd, const QemuOpts *opts, Error **errp);
    /* From the guest. Never blocks; drops when the host does not take it. NULL in replay: nothing is opened then. */
    void (*transmit)(NetDev *nd, const uint8_t *buf, size_t len);
    /* The queue towards the guest has room again (after net_can_deliver() said no). */
    void (*can_deliver_again)(NetDev *nd);
    void (*cleanup)(NetDev *nd);
    void (*info)(NetDev *nd, GString *out);
} NetDevDriver;

/* A packet for the guest arrives; copied. */
void net_deliver(NetDev *nd, const uint8_t *buf, size_t len);
/* Back-pressure of the host side: stop reading from the host while false. */
bool net_can_deliver(NetDev *nd);

/* ---- filters (-object filter-replay|filter-dump): see every packet of a netdev in both directions ---- */

/* ---- set-up ---- */
bool net_add_netdev(const char *opts, Error **errp); /* -netdev */
bool net_add_nic(const char *opts, Error **errp);    /* -nic, -net */
bool object_add_filter(const char *opts, Error **errp);
NetDev *net_find(const char *id);
/* Open the back ends, put a filter-replay on each netdev when rr= is given. Error names id and value. */
bool net_init_all(Error **errp);
/* NICs that -nic, -net nic or the default asked for: model, netdev, MAC, in order; the board creates them. NULL: no more. */
typedef struct NICRequest { const char *model; NetDev *netdev; MACAddr mac; bool has_mac; const char *addr, *id; } NICRequest;
const NICRequest *net_next_nic(void);
void net_cleanup_all(void);
void net_info(void (*print)(void *opaque, const char *line), void *opaque);
bool net_set_link(const char *name, bool up, Error **errp); /* recorded */

#endif
