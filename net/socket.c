/*
 * net/socket.c  -netdev socket: frames to other emulators over TCP (listen=, connect=; socket-stream.c), UDP (udp=,
 * localaddr=), multicast (mcast=) or a socket that somebody left us (fd=). A datagram is a frame. IPv4 only.
 *
 * Runs on the I/O thread; packets reach the guest through net_deliver() alone. In replay nothing here is opened.
 */
#include "net/socket-int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAMS_AT_ONCE 64

/* ---- addresses ---- */

static bool resolve(const char *host, uint64_t port, struct sockaddr_in *addr)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
    *addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
    if (!*host) {
        return true;
    }
    if (getaddrinfo(host, NULL, &hints, &list) != 0) {
        return false;
    }
    addr->sin_addr = ((struct sockaddr_in *)list->ai_addr)->sin_addr;
    freeaddrinfo(list);
    return true;
}

bool socket_parse_address(const char *spec, struct sockaddr_in *addr, Error **errp)
{
    const char *colon = strrchr(spec, ':');
    uint64_t port;
    if (!colon) {
        error_setg(errp, "host address '%s' doesn't contain ':' separating host from port", spec);
        return false;
    }
    if (!parse_uint(colon + 1, 65535, &port)) {
        error_setg(errp, "port number '%s' is invalid", colon + 1);
        return false;
    }
    char *host = g_strndup(spec, colon - spec);
    bool ok = resolve(host, port, addr);
    if (!ok) {
        error_setg(errp, "can't resolve host address '%s'", host);
    }
    g_free(host);
    return ok;
}

char *socket_address_text(const struct sockaddr_in *addr)
{
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &addr->sin_addr, text, sizeof(text));
    return g_strdup_printf("%s:%u", text, ntohs(addr->sin_port));
}

int socket_new(int type)
{
    return socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* ---- datagrams ---- */

static void datagram_readable(SocketNet *s)
{
    uint8_t buf[NET_MAX_PACKET];
    for (int i = 0; i < DATAGRAMS_AT_ONCE && net_can_deliver(&s->nd); i++) {
        ssize_t n = recv(s->fd, buf, sizeof(buf), MSG_TRUNC | MSG_DONTWAIT);
        if (n < 0) {
            break;
        }
        if ((size_t)n <= sizeof(buf)) {
            net_deliver(&s->nd, buf, n);
        }
    }
    socket_watch(s);
}

static void datagram_transmit(SocketNet *s, const uint8_t *buf, size_t len)
{
    const struct sockaddr *to = s->address.sin_port ? (struct sockaddr *)&s->address : NULL;
    if (sendto(s->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL, to, to ? sizeof(s->address) : 0) < 0) {
        return; /* lost, as on a wire */
    }
}

static bool bind_datagram(SocketNet *s, const struct sockaddr_in *local, Error **errp)
{
    int one = 1;
    s->fd = socket_new(SOCK_DGRAM);
    if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(s->fd, (const struct sockaddr *)local, sizeof(*local)) < 0) {
        char *text = socket_address_text(local);
        error_setg_errno(errp, errno, "can't bind ip=%s to socket", text);
        g_free(text);
        return false;
    }
    return true;
}

static bool open_udp(SocketNet *s, const char *spec, const char *local, Error **errp)
{
    struct sockaddr_in local_addr;
    s->datagrams = true;
    if (!local) {
        error_setg(errp, "localaddr= is mandatory with udp=");
        return false;
    }
    if (!socket_parse_address(local, &local_addr, errp) || !socket_parse_address(spec, &s->address, errp) ||
        !bind_datagram(s, &local_addr, errp)) {
        return false;
    }
    char *text = socket_address_text(&s->address);
    s->connection = g_strdup_printf("udp=%s", text);
    g_free(text);
    return true;
}

static bool join_group(SocketNet *s, struct in_addr interface, Error **errp)
{
    struct ip_mreq group = { .imr_multiaddr = s->address.sin_addr, .imr_interface = interface };
    int one = 1;
    bool ok = setsockopt(s->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) == 0 &&
              setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_LOOP, &one, sizeof(one)) == 0 &&
              (interface.s_addr == INADDR_ANY ||
               setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)) == 0);
    if (!ok) {
        error_setg_errno(errp, errno, "can't add socket to multicast group %s", inet_ntoa(group.imr_multiaddr));
    }
    return ok;
}

static bool open_multicast(SocketNet *s, const char *spec, const char *local, Error **errp)
{
    struct in_addr interface = { .s_addr = INADDR_ANY };
    s->datagrams = true;
    if (!socket_parse_address(spec, &s->address, errp)) {
        return false;
    }
    if (!IN_MULTICAST(ntohl(s->address.sin_addr.s_addr))) {
        error_setg(errp, "specified mcastaddr %s (0x%08x) does not contain a multicast address",
                   inet_ntoa(s->address.sin_addr), ntohl(s->address.sin_addr.s_addr));
        return false;
    }
    if (local && !inet_aton(local, &interface)) {
        error_setg(errp, "localaddr '%s' is not a valid IPv4 address", local);
        return false;
    }
    if (!bind_datagram(s, &s->address, errp) || !join_group(s, interface, errp)) {
        return false;
    }
    char *text = socket_address_text(&s->address);
    s->connection = g_strdup_printf("mcast=%s", text);
    g_free(text);
    return true;
}

/* ---- either kind ---- */

static bool open_fd(SocketNet *s, const char *text, const char *local, Error **errp)
{
    (void)local;
    uint64_t fd;
    int type;
    socklen_t size = sizeof(type);
    if (!parse_uint(text, INT_MAX, &fd)) {
        error_setg(errp, "Parameter 'fd' expects a number, not '%s'", text);
        return false;
    }
    if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || (type != SOCK_STREAM && type != SOCK_DGRAM)) {
        error_setg(errp, "fd=%s is not a socket", text);
        return false;
    }
    fcntl((int)fd, F_SETFL, fcntl((int)fd, F_GETFL) | O_NONBLOCK);
    s->datagrams = type == SOCK_DGRAM;
    s->connection = g_strdup_printf("fd=%s", text);
    if (s->datagrams) {
        s->fd = (int)fd;
    } else {
        stream_adopt(s, (int)fd);
    }
    return true;
}

static void fd_readable(void *opaque)
{
    SocketNet *s = opaque;
    if (s->datagrams) {
        datagram_readable(s);
    } else {
        stream_readable(s);
    }
}

static void fd_writable(void *opaque)
{
    stream_writable(opaque);
}

/* Tell the loop what we wait for: input while the guest's queue has room, room for output while some waits. */
void socket_watch(SocketNet *s)
{
    if (s->fd < 0) {
        return;
    }
    s->reading = !s->connecting && net_can_deliver(&s->nd);
    bool writing = s->connecting || (s->out && s->out->len > s->out_pos);
    qemu_set_fd_handler(s->fd, s->reading ? fd_readable : NULL, writing ? fd_writable : NULL, s);
}

static void socket_can_deliver_again(NetDev *nd)
{
    SocketNet *s = (SocketNet *)nd;
    if (!s->reading && s->fd >= 0 && !s->connecting) {
        fd_readable(s);
    }
}

static void socket_transmit(NetDev *nd, const uint8_t *buf, size_t len)
{
    SocketNet *s = (SocketNet *)nd;
    if (s->fd < 0) {
        return;
    }
    if (s->datagrams) {
        datagram_transmit(s, buf, len);
    } else {
        stream_transmit(s, buf, len);
    }
}

static const struct SocketKind {
    const char *key;
    bool (*open)(SocketNet *s, const char *spec, const char *local, Error **errp);
    bool takes_local;
} kinds[] = { { "fd", open_fd, false },
              { "listen", stream_listen, false },
              { "connect", stream_connect, false },
              { "mcast", open_multicast, true },
              { "udp", open_udp, true } };

static bool open_as_asked(SocketNet *s, const QemuOpts *opts, Error **errp)
{
    const struct SocketKind *kind = NULL;
    const char *local = qemu_opt_get(opts, "localaddr");
    int given = 0;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (qemu_opt_get(opts, kinds[i].key)) {
            kind = &kinds[i];
            given++;
        }
    }
    if (given != 1) {
        error_setg(errp, "exactly one of listen=, connect=, mcast= or udp= is required");
        return false;
    }
    if (local && !kind->takes_local) {
        error_setg(errp, "localaddr= is only valid with mcast= or udp=");
        return false;
    }
    return kind->open(s, qemu_opt_get(opts, kind->key), local, errp);
}

static bool socket_init(NetDev *nd, const QemuOpts *opts, Error **errp)
{
    SocketNet *s = (SocketNet *)nd;
    Error *err = NULL;
    s->fd = s->listen_fd = -1;
    s->out = g_byte_array_new();
    s->reconnect_s = qemu_opt_get_number(opts, "reconnect", 1, &err);
    if (!err && s->reconnect_s > INT_MAX) {
        error_setg(&err, "reconnect=%" PRIu64 " is too long", s->reconnect_s);
    }
    if (!err && open_as_asked(s, opts, &err)) {
        socket_watch(s);
    }
    error_propagate(errp, err);
    return !err;
}

static void socket_cleanup(NetDev *nd)
{
    SocketNet *s = (SocketNet *)nd;
    stream_cleanup(s);
    if (s->fd >= 0) {
        qemu_set_fd_handler(s->fd, NULL, NULL, NULL);
        close(s->fd);
    }
    g_byte_array_unref(s->out);
    g_free(s->connection);
}

static void socket_info(NetDev *nd, GString *out)
{
    const SocketNet *s = (SocketNet *)nd;
    if (s->connection) {
        g_string_append_printf(out, "socket: %s", s->connection);
    }
}

static const char *const socket_options[] = {
    "fd", "listen", "connect", "mcast", "udp", "localaddr", "reconnect", NULL
};

const NetDevDriver net_driver_socket = { .name = "socket",
                                         .instance_size = sizeof(SocketNet),
                                         .options = socket_options,
                                         .init = socket_init,
                                         .transmit = socket_transmit,
                                         .can_deliver_again = socket_can_deliver_again,
                                         .cleanup = socket_cleanup,
                                         .info = socket_info };
