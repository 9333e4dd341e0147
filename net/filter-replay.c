/*
 * net/filter-replay.c  The recording point of the network: between a netdev and its NIC. Every packet that reaches the
 * guest passes here as REPLAY_ASYNC_EVENT_NET, whatever the mode: the queue hands it over at a checkpoint.
 *
 * Each NIC has one by itself, with its number in the log in the machine's order; `-object filter-replay` names it and
 * changes nothing. In replay no back end is open (net.c), so nothing comes in here but from the log.
 */
#include "net/net-int.h"

/* At the checkpoint. buf and len are the log's: nic_receive_packet() checks. */
static void deliver(void *opaque, uint32_t flags, const uint8_t *buf, size_t len)
{
    NICPeer *peer = opaque;
    (void)flags;
    nic_receive_packet(peer, buf, len);
    if (peer->netdev && peer->netdev->opened) {
        g_atomic_int_add(&peer->netdev->under_way, -1);
        netdev_room(peer->netdev);
    }
}

int net_replay_attach(NICPeer *peer)
{
    return replay_register_net(deliver, peer);
}

void net_replay_input(NICPeer *peer, const uint8_t *buf, size_t len)
{
    g_atomic_int_inc(&peer->netdev->under_way);
    replay_net_packet(peer->replay_id, 0, buf, len);
}

static bool replay_filter_init(NetFilter *f, const QemuOpts *opts, Error **errp)
{
    (void)f, (void)opts, (void)errp;
    return true;
}

static const char *const replay_filter_options[] = { NULL };

const NetFilterDriver net_filter_replay = { .name = "filter-replay",
                                            .options = replay_filter_options,
                                            .init = replay_filter_init };
