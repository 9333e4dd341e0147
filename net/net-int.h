/*
 * net/net-int.h  What the files of net/ share.
 *
 * Threads: "guest side" is whoever holds machine_lock, "host side" anyone without it (the I/O thread, and the vCPU
 * thread inside a direct transmit). A NetDev's wiring (peer, port, filters, opened) is fixed once the machine runs.
 */
#ifndef NET_INT_H
#define NET_INT_H

#include "migration/vmstate.h"
#include "net/net.h"
#include "replay/replay.h"
#include "util/info.h"
#include "util/main-loop.h"

/* Packets that wait for a NIC: machine state. Each is stored as its length (u32, little-endian) and its bytes. */
typedef struct PacketQueue {
    uint8_t *buf; /* heap; bytes [head, len) */
    uint32_t len;
    uint32_t head;
    uint32_t capacity;
    uint32_t packets;
} PacketQueue;

struct NICPeer {
    NICInfo info;
    char *name;
    MACAddr mac;
    NetDev *netdev; /* NULL: connected to nothing */
    int replay_id;
    ReplayBH *link_bh[2]; /* down, up */
    bool link_up;
    bool delivering;
    PacketQueue queue;
    gint waiting; /* packets in queue, for the host side (atomic) */
    NICPeer *next;
};

typedef struct NetFilter NetFilter;

struct NetDev {
    char *id;
    const NetDevDriver *driver;
    QemuOpts *opts;
    char *option;       /* "-netdev user,id=n", in front of errors */
    bool named;         /* the user gave the id */
    NICPeer *peer;      /* the NIC; NULL */
    NetDev *port;       /* the hub port that it is behind; NULL */
    NetFilter *filters; /* first */
    bool opened;        /* the back end runs */

    /* Towards the host, unless the driver is direct. */
    GMutex lock; /* tx, tx_bytes */
    GQueue tx;   /* of GBytes */
    QEMUBH *tx_bh;

    /* Towards the guest. */
    gint under_way; /* packets handed to replay that have not arrived at the NIC's end (atomic) */
    gint throttled; /* net_can_deliver() said no (atomic) */
    QEMUBH *room_bh;
    NetDev *next;
};

/* ---- net.c ---- */

NetDev *net_first(void);
/* Make a netdev; opts becomes its own. id NULL: a name that users cannot give. */
NetDev *netdev_new(const NetDevDriver *driver, const char *id, QemuOpts *opts, const char *option, Error **errp);
/* From a NIC or a hub port: to the driver, at once or through the queue. */
void netdev_transmit(NetDev *nd, const uint8_t *buf, size_t len);
/* As above, but never at once: for hubs, whose back ends must not call each other. */
void netdev_transmit_later(NetDev *nd, const uint8_t *buf, size_t len);
/* Guest side: the NIC has taken packets. */
void netdev_room(NetDev *nd);
/* Of a hub's port: the NIC or the back end there, as a line of `info network`. */
void net_describe_end(NetDev *nd, GString *out);
void net_print_lines(GString *text, InfoPrint *print, void *opaque); /* frees text */
const NetDevDriver *net_driver_find(const char *name);
extern const NetDevDriver net_driver_user, net_driver_socket, net_driver_tap, net_driver_hubport;

/* ---- nic.c ---- */

NICPeer *nic_first(void);
/* At a checkpoint: a packet has arrived. */
void nic_receive_packet(NICPeer *peer, const uint8_t *buf, size_t len);
NICPeer *nic_find(const char *name);
/* Nobody sends or receives any more; their state is described no longer. */
void nic_cleanup_all(void);

/* ---- parse.c ---- */

/* Everything that was put off until all options are read: hubs and the default NIC. */
bool net_parse_options(bool default_nic, Error **errp);
void net_forget_options(void);
/* As qemu_opts_parse(), with the keys of two lists. */
QemuOpts *net_opts_parse(const char *str, const char *implied_key, const char *const *common,
                         const char *const *specific, Error **errp);

/* ---- hub.c ---- */

/* A packet from the netdev that is behind port. */
void hub_input(NetDev *port, const uint8_t *buf, size_t len);
/* Make a port of hub hubid for a back end or (lower NULL) for a NIC. */
NetDev *hub_add_port(int hubid, const char *id, NetDev *lower, const char *option, Error **errp);
void hub_info(GString *out);
bool hub_is_port(const NetDev *nd);
void hub_warn_unconnected(void);

/* ---- filter.c, filter-replay.c, filter-dump.c ---- */

typedef enum NetDirection { NET_FROM_GUEST, NET_TO_GUEST } NetDirection;

typedef struct NetFilterDriver {
    const char *name;
    const char *const *options; /* besides qom-type, id, netdev */
    bool (*init)(NetFilter *f, const QemuOpts *opts, Error **errp);
    /* Guest side. NULL: does not look at packets. */
    void (*packet)(NetFilter *f, NetDirection direction, const uint8_t *buf, size_t len);
    void (*cleanup)(NetFilter *f);
    void (*info)(const NetFilter *f, GString *out);
} NetFilterDriver;

struct NetFilter {
    const NetFilterDriver *driver;
    char *id;
    NetDev *netdev;
    void *state;
    NetFilter *next; /* of the same netdev */
};

extern const NetFilterDriver net_filter_replay, net_filter_dump;
bool net_filters_init(Error **errp);
void net_filters_run(NetDev *nd, NetDirection direction, const uint8_t *buf, size_t len);
void net_filters_info(const NetDev *nd, GString *out);
void net_filters_cleanup(NetDev *nd);

/* The recording point of a NIC: its number in the log. */
int net_replay_attach(NICPeer *peer);
/* Host side: a packet for it. */
void net_replay_input(NICPeer *peer, const uint8_t *buf, size_t len);

#endif
