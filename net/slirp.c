/*
 * net/slirp.c  -netdev user: libslirp between the guest and the host's sockets, no privileges needed.
 *
 * Non-determinism: libslirp has timers, sockets and random numbers of its own. They reach the guest in one way only:
 * user_send_packet() -> net_deliver(), a recorded packet. In replay there is no libslirp at all.
 *
 * A frame from the guest goes into libslirp on the guest's own thread (transmit is direct), so that an answer which
 * libslirp itself knows (ARP, DHCP, TFTP, ICMP) is queued before the guest executes its next block. Sockets are polled
 * by the I/O thread; it is woken only when what it polls has changed.
 */
#include "net/slirp-int.h"

#include "util/timer.h"

#define NS_PER_MS 1000000

/* ---- libslirp's callbacks; lock held ---- */

static ssize_t user_send_packet(const void *buf, size_t len, void *opaque)
{
    net_deliver(opaque, buf, len);
    return len;
}

static void user_guest_error(const char *msg, void *opaque)
{
    (void)msg, (void)opaque; /* may come from a thread that must not write the log */
}

static int64_t user_clock_ns(void *opaque)
{
    (void)opaque;
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL_RT);
}

typedef struct UserTimer {
    QEMUTimer timer;
    UserNet *u;
    SlirpTimerCb cb;
    void *cb_opaque;
} UserTimer;

static void user_timer_due(void *opaque)
{
    UserTimer *t = opaque;
    g_mutex_lock(&t->u->lock);
    t->cb(t->cb_opaque);
    g_mutex_unlock(&t->u->lock);
}

static void *user_timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
    UserTimer *t = g_new0(UserTimer, 1);
    t->u = opaque;
    t->cb = cb;
    t->cb_opaque = cb_opaque;
    timer_init_ns(&t->timer, QEMU_CLOCK_VIRTUAL_RT, user_timer_due, t);
    return t;
}

static void user_timer_free(void *timer, void *opaque)
{
    UserTimer *t = timer;
    (void)opaque;
    timer_del(&t->timer);
    g_free(t);
}

static void user_timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    UserTimer *t = timer;
    (void)opaque;
    timer_mod(&t->timer, MAX(0, expire_ms) * NS_PER_MS);
}

static void user_poll_fd(int fd, void *opaque)
{
    (void)fd, (void)opaque; /* user_refresh_polled() sees for itself */
}

static void user_notify(void *opaque)
{
    UserNet *u = opaque;
    if (u->forwards) {
        qemu_bh_schedule(u->forward_bh);
    }
}

static const SlirpCb user_callbacks = {
    .send_packet = user_send_packet,
    .guest_error = user_guest_error,
    .clock_get_ns = user_clock_ns,
    .timer_new = user_timer_new,
    .timer_free = user_timer_free,
    .timer_mod = user_timer_mod,
    .register_poll_fd = user_poll_fd,
    .unregister_poll_fd = user_poll_fd,
    .notify = user_notify,
};

/* ---- what to poll; lock held ---- */

static const struct {
    int slirp;
    GIOCondition glib;
} conditions[] = { { SLIRP_POLL_IN, G_IO_IN },
                   { SLIRP_POLL_OUT, G_IO_OUT },
                   { SLIRP_POLL_PRI, G_IO_PRI },
                   { SLIRP_POLL_ERR, G_IO_ERR },
                   { SLIRP_POLL_HUP, G_IO_HUP } };

static int user_add_poll(int fd, int events, void *opaque)
{
    UserNet *u = opaque;
    PolledFd p = { .fd = fd };
    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
        p.events |= events & conditions[i].slirp ? conditions[i].glib : 0;
    }
    g_array_append_val(u->wanted, p);
    return (int)u->wanted->len - 1;
}

static bool same_polled(const GArray *a, const GArray *b)
{
    bool same = a->len == b->len;
    for (guint i = 0; same && i < a->len; i++) {
        const PolledFd *x = &g_array_index(a, PolledFd, i), *y = &g_array_index(b, PolledFd, i);
        same = x->fd == y->fd && x->events == y->events;
    }
    return same;
}

/* Ask libslirp what it waits for. True: the I/O thread waits for something else, or for too long. */
static bool user_refresh_polled(UserNet *u)
{
    uint32_t timeout_ms = UINT32_MAX;
    g_array_set_size(u->wanted, 0);
    slirp_pollfds_fill(u->slirp, &timeout_ms, user_add_poll, u);
    u->stale = !same_polled(u->wanted, u->polled);
    int64_t due = timeout_ms == UINT32_MAX ? INT64_MAX : g_get_monotonic_time() + timeout_ms * 1000LL;
    bool sooner = due < u->due_us - 1000;
    u->due_us = MIN(u->due_us, due);
    return u->stale || sooner;
}

/* ---- the I/O thread's source ---- */

typedef struct UserSource {
    GSource source;
    UserNet *u;
} UserSource;

/* I/O thread: wait for what libslirp wants. Descriptors in the same place keep their entry. */
static void user_adopt_wanted(UserNet *u, GSource *src)
{
    for (guint i = 0; i < MAX(u->wanted->len, u->polled->len); i++) {
        PolledFd *old = i < u->polled->len ? &g_array_index(u->polled, PolledFd, i) : NULL;
        PolledFd *new = i < u->wanted->len ? &g_array_index(u->wanted, PolledFd, i) : NULL;
        if (old && new && old->fd == new->fd) {
            new->tag = old->tag;
            g_source_modify_unix_fd(src, new->tag, new->events);
            continue;
        }
        if (old) {
            g_source_remove_unix_fd(src, old->tag);
        }
        if (new) {
            new->tag = g_source_add_unix_fd(src, new->fd, new->events);
        }
    }
    GArray *empty = u->polled;
    u->polled = u->wanted;
    u->wanted = empty;
    u->stale = false;
}

static gboolean user_prepare(GSource *src, gint *timeout_ms)
{
    UserNet *u = ((UserSource *)src)->u;
    g_mutex_lock(&u->lock);
    u->due_us = INT64_MAX;
    user_refresh_polled(u);
    if (u->stale) {
        user_adopt_wanted(u, src);
    }
    int64_t left_us = u->due_us == INT64_MAX ? -1 : MAX(0, u->due_us - g_get_monotonic_time());
    g_mutex_unlock(&u->lock);
    *timeout_ms = left_us < 0 ? -1 : (gint)((left_us + 999) / 1000);
    return left_us == 0;
}

static bool user_fd_ready(UserNet *u, GSource *src)
{
    bool ready = false;
    for (guint i = 0; i < u->polled->len && !ready; i++) {
        ready = g_source_query_unix_fd(src, g_array_index(u->polled, PolledFd, i).tag) != 0;
    }
    return ready;
}

static gboolean user_check(GSource *src)
{
    UserNet *u = ((UserSource *)src)->u;
    g_mutex_lock(&u->lock);
    bool ready = user_fd_ready(u, src) || g_get_monotonic_time() >= u->due_us;
    g_mutex_unlock(&u->lock);
    return ready;
}

static int user_get_revents(int index, void *opaque)
{
    UserNet *u = opaque;
    int revents = 0;
    if (index < 0 || (guint)index >= u->polled->len) {
        return 0;
    }
    GIOCondition ready = g_source_query_unix_fd(u->source, g_array_index(u->polled, PolledFd, index).tag);
    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
        revents |= ready & conditions[i].glib ? conditions[i].slirp : 0;
    }
    return revents;
}

/* While the guest changed what is polled, libslirp's indices are not ours: prepare comes first then, nothing is lost.
 */
static gboolean user_dispatch(GSource *src, GSourceFunc fn, gpointer data)
{
    UserNet *u = ((UserSource *)src)->u;
    (void)fn, (void)data;
    g_mutex_lock(&u->lock);
    if (!u->stale) {
        slirp_pollfds_poll(u->slirp, 0, user_get_revents, u);
    }
    g_mutex_unlock(&u->lock);
    user_forwards_continue(u);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs user_source_funcs = { .prepare = user_prepare, .check = user_check, .dispatch = user_dispatch };

static void user_start_polling(UserNet *u)
{
    u->source = g_source_new(&user_source_funcs, sizeof(UserSource));
    ((UserSource *)u->source)->u = u;
    g_source_attach(u->source, NULL);
}

/* ---- the netdev ---- */

static void user_transmit(NetDev *nd, const uint8_t *buf, size_t len)
{
    UserNet *u = (UserNet *)nd;
    g_mutex_lock(&u->lock);
    slirp_input(u->slirp, buf, (int)len);
    bool changed = user_refresh_polled(u);
    g_mutex_unlock(&u->lock);
    if (changed) {
        qemu_notify_event();
    }
    user_notify(u);
}

static void continue_forwards(void *opaque)
{
    user_forwards_continue(opaque);
}

static void user_cleanup(NetDev *nd)
{
    UserNet *u = (UserNet *)nd;
    if (u->source) {
        g_source_destroy(u->source);
        g_source_unref(u->source);
    }
    slirp_cleanup(u->slirp);
    user_forwards_free(u);
    qemu_bh_delete(u->forward_bh);
    g_array_unref(u->polled);
    g_array_unref(u->wanted);
    g_mutex_clear(&u->lock);
}

static bool user_init(NetDev *nd, const QemuOpts *opts, Error **errp)
{
    UserNet *u = (UserNet *)nd;
    UserConfig config = { 0 };
    if (!user_config_parse(&config, opts, errp)) {
        user_config_free(&config);
        return false;
    }
    g_mutex_init(&u->lock);
    u->network = config.slirp.vnetwork;
    u->restricted = config.slirp.restricted;
    u->polled = g_array_new(FALSE, FALSE, sizeof(PolledFd));
    u->wanted = g_array_new(FALSE, FALSE, sizeof(PolledFd));
    u->due_us = INT64_MAX;
    u->forward_bh = qemu_bh_new(continue_forwards, u);
    u->slirp = slirp_new(&config.slirp, &user_callbacks, u);
    user_config_free(&config);
    if (!u->slirp) {
        error_setg(errp, "could not start the user network");
        return false;
    }
    if (!user_add_forwards(u, opts, errp)) {
        user_cleanup(nd);
        return false;
    }
    user_start_polling(u);
    return true;
}

static void user_info(NetDev *nd, GString *out)
{
    const UserNet *u = (UserNet *)nd;
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &u->network, text, sizeof(text));
    g_string_append_printf(out, "net=%s,restrict=%s", text, u->restricted ? "on" : "off");
}

static const char *const user_options[] = {
    "hostname",    "restrict",       "ipv4",      "ipv6",      "net",        "host",     "tftp",     "tftp-server-name",
    "bootfile",    "dhcpstart",      "dns",       "dnssearch", "domainname", "hostfwd",  "guestfwd", "smb",
    "ipv6-prefix", "ipv6-prefixlen", "ipv6-host", "ipv6-dns",  "smbserver",  "ipv6-net", NULL
};

const NetDevDriver net_driver_user = { .name = "user",
                                       .instance_size = sizeof(UserNet),
                                       .options = user_options,
                                       .init = user_init,
                                       .transmit = user_transmit,
                                       .direct = true,
                                       .cleanup = user_cleanup,
                                       .info = user_info };
