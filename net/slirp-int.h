/* net/slirp-int.h  What the files of the user network share. */
#ifndef NET_SLIRP_INT_H
#define NET_SLIRP_INT_H

#include <libslirp.h>

#include "chardev/char.h"
#include "net/net-int.h"

typedef struct GuestForward GuestForward;

typedef struct PolledFd {
    int fd;
    GIOCondition events;
    gpointer tag;
} PolledFd;

/*
 * lock: everything of libslirp. Held by whoever calls into it: the I/O thread (sockets, timers) or, in a transmit, the
 * guest's thread, which then holds machine_lock too. So never ask for machine_lock with it held.
 */
typedef struct UserNet {
    NetDev nd;
    GMutex lock;
    Slirp *slirp;
    struct in_addr network;
    bool restricted;
    GSource *source;
    GArray *polled; /* of PolledFd: what the I/O thread waits for; lock */
    GArray *wanted; /* of PolledFd: what libslirp said last; lock */
    bool stale;     /* they differ; lock */
    int64_t due_us; /* g_get_monotonic_time() at which libslirp wants to be called, INT64_MAX: never; lock */
    GuestForward *forwards;
    QEMUBH *forward_bh;
} UserNet;

/* slirp-config.c: what does not outlive slirp_new() is owned by the struct. */
typedef struct UserConfig {
    SlirpConfig slirp;
    GPtrArray *search; /* of const char *, NULL-terminated */
} UserConfig;
bool user_config_parse(UserConfig *config, const QemuOpts *opts, Error **errp);
void user_config_free(UserConfig *config);

/* slirp-forward.c */
bool user_add_forwards(UserNet *u, const QemuOpts *opts, Error **errp);
/* I/O thread: the guest has room for more of what forwarded chardevs have to say. */
void user_forwards_continue(UserNet *u);
void user_forwards_free(UserNet *u);

#endif
