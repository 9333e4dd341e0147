/*
 * chardev/char-socket.c  TCP and UNIX sockets, as server (one client at a time) or client; Telnet on request
 * (char-telnet.c).
 *
 * Non-determinism: none reaches the guest but by char.c's input; whether somebody is connected does not. Output while
 * nobody is connected is dropped. With reconnect= nothing waits but for a name server. Left out: TLS, websockets,
 * passing descriptors.
 */
#define _GNU_SOURCE /* accept4 */
#include "chardev/chardev-int.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct SocketState {
    char *unix_path;
    char *host, *port;
    bool server, wait, nodelay, telnet;
    uint64_t reconnect_s;
    int listen_fd, connecting_fd; /* -1: none */
    unsigned first_address;       /* of the host's: where the next attempt begins */
    QEMUTimer reconnect;
    Telnet telnet_state;
} SocketState;

static void socket_listen_handler(void *opaque);

static void socket_watch_listener(Chardev *chr, bool watch)
{
    SocketState *s = chr->state;
    if (s->listen_fd >= 0) {
        qemu_set_fd_handler(s->listen_fd, watch ? socket_listen_handler : NULL, NULL, chr);
    }
}

static void socket_connected(Chardev *chr, int fd)
{
    SocketState *s = chr->state;
    int one = 1;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (!s->unix_path && s->nodelay) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    socket_watch_listener(chr, false);
    if (s->telnet) {
        telnet_start(&s->telnet_state, fd);
    }
    chr_set_fds(chr, fd, fd);
    chr_set_open(chr, true);
}

static void socket_listen_handler(void *opaque)
{
    Chardev *chr = opaque;
    SocketState *s = chr->state;
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        socket_connected(chr, fd);
    }
}

static void socket_schedule_reconnect(Chardev *chr)
{
    SocketState *s = chr->state;
    if (!s->server && s->reconnect_s) {
        timer_mod(&s->reconnect,
                  qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + (int64_t)s->reconnect_s * NANOSECONDS_PER_SECOND);
    }
}

static void socket_eof(Chardev *chr)
{
    int fd = chr->fd_in;
    chr_set_fds(chr, -1, -1);
    close(fd);
    chr_set_open(chr, false);
    socket_watch_listener(chr, true);
    socket_schedule_reconnect(chr);
}

/* ---- addresses ---- */

/* Who tries again may not wait, neither for a host that does not answer nor at the start. */
static int socket_flags(const SocketState *s)
{
    return SOCK_CLOEXEC | (s->reconnect_s ? SOCK_NONBLOCK : 0);
}

/* Bind and listen, or connect; a connection that may not wait may still be on its way. */
static bool socket_use(const SocketState *s, int fd, const struct sockaddr *addr, socklen_t len)
{
    if (s->server) {
        return bind(fd, addr, len) == 0 && listen(fd, 1) == 0;
    }
    return connect(fd, addr, len) == 0 || errno == EINPROGRESS;
}

static bool unix_address(const char *path, struct sockaddr_un *addr, Error **errp)
{
    *addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(addr->sun_path)) {
        error_setg(errp, "UNIX socket path '%s' is too long", path);
        return false;
    }
    strcpy(addr->sun_path, path);
    return true;
}

/* A socket that is left there from an earlier run, and nothing else: the path may be a mistake. */
static bool remove_socket(const char *path, Error **errp)
{
    struct stat st;
    if (lstat(path, &st) < 0) {
        return true;
    }
    if (!S_ISSOCK(st.st_mode)) {
        error_setg(errp, "Failed to bind socket to '%s': it exists and is not a socket", path);
        return false;
    }
    unlink(path);
    return true;
}

static int unix_socket(const SocketState *s, Error **errp)
{
    struct sockaddr_un addr;
    if (!unix_address(s->unix_path, &addr, errp) || (s->server && !remove_socket(s->unix_path, errp))) {
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | socket_flags(s), 0);
    if (fd < 0 || !socket_use(s, fd, (struct sockaddr *)&addr, sizeof(addr))) {
        error_setg_errno(errp, errno, "Failed to %s '%s'", s->server ? "bind socket to" : "connect to", s->unix_path);
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static int tcp_try(const SocketState *s, const struct addrinfo *a)
{
    int one = 1;
    int fd = socket(a->ai_family, a->ai_socktype | socket_flags(s), a->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    if (s->server) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (socket_use(s, fd, a->ai_addr, a->ai_addrlen)) {
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Each in turn, from s->first_address on; -1: none would do, errno. */
static int tcp_try_all(const SocketState *s, const struct addrinfo *list)
{
    unsigned count = 0;
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        count++;
    }
    int fd = -1;
    for (unsigned i = 0; i < count && fd < 0; i++) {
        const struct addrinfo *a = list;
        for (unsigned skip = (s->first_address + i) % count; skip > 0; skip--) {
            a = a->ai_next;
        }
        fd = tcp_try(s, a);
    }
    return fd;
}

static int tcp_socket(const SocketState *s, Error **errp)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = s->server ? AI_PASSIVE : 0 };
    struct addrinfo *list;
    int rc = getaddrinfo(s->host && *s->host ? s->host : NULL, s->port, &hints, &list);
    if (rc) {
        error_setg(errp, "address resolution failed for %s:%s: %s", s->host ? s->host : "", s->port, gai_strerror(rc));
        return -1;
    }
    int fd = tcp_try_all(s, list);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to %s '%s:%s'", s->server ? "listen on" : "connect to",
                         s->host ? s->host : "", s->port);
    }
    freeaddrinfo(list);
    return fd;
}

static int socket_make(const SocketState *s, Error **errp)
{
    return s->unix_path ? unix_socket(s, errp) : tcp_socket(s, errp);
}

/* ---- connecting without waiting ---- */

static void socket_connecting_done(void *opaque)
{
    Chardev *chr = opaque;
    SocketState *s = chr->state;
    int fd = s->connecting_fd, error = 0;
    socklen_t size = sizeof(error);
    qemu_set_fd_handler(fd, NULL, NULL, NULL);
    s->connecting_fd = -1;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && !error) {
        socket_connected(chr, fd);
        return;
    }
    close(fd);
    s->first_address++;
    socket_schedule_reconnect(chr);
}

static void socket_reconnect(void *opaque)
{
    Chardev *chr = opaque;
    SocketState *s = chr->state;
    s->connecting_fd = socket_make(s, NULL);
    if (s->connecting_fd >= 0) {
        qemu_set_fd_handler(s->connecting_fd, NULL, socket_connecting_done, chr);
    } else {
        socket_schedule_reconnect(chr);
    }
}

/* ---- options ---- */

static bool socket_options(SocketState *s, const QemuOpts *opts, Error **errp)
{
    Error *err = NULL;
    s->unix_path = g_strdup(qemu_opt_get(opts, "path"));
    s->host = g_strdup(qemu_opt_get(opts, "host"));
    s->port = g_strdup(qemu_opt_get(opts, "port"));
    s->server = qemu_opt_get_bool(opts, "server", false, &err);
    s->wait = !err && qemu_opt_get_bool(opts, "wait", s->server, &err);
    s->nodelay = !err && !qemu_opt_get_bool(opts, "delay", true, &err);
    s->nodelay = !err && qemu_opt_get_bool(opts, "nodelay", s->nodelay, &err);
    s->telnet = !err && qemu_opt_get_bool(opts, "telnet", false, &err);
    s->reconnect_s = err ? 0 : qemu_opt_get_number(opts, "reconnect", 0, &err);
    if (!err && !s->unix_path && !s->port) {
        error_setg(&err, "chardev: socket: no %s given", s->host ? "port" : "host or path");
    }
    if (!err && s->server && s->reconnect_s) {
        error_setg(&err, "'reconnect' option is incompatible with socket in server listen mode");
    }
    if (!err && s->reconnect_s > INT_MAX) {
        error_setg(&err, "reconnect=%" PRIu64 " is too long", s->reconnect_s);
    }
    error_propagate(errp, err);
    return !err;
}

static char *socket_describe(const SocketState *s)
{
    const char *server = s->server ? ",server=on" : "";
    if (s->unix_path) {
        return g_strdup_printf("unix:%s%s", s->unix_path, server);
    }
    return g_strdup_printf("%s:%s:%s%s", s->telnet ? "telnet" : "tcp", s->host ? s->host : "", s->port, server);
}

static void socket_free(SocketState *s)
{
    g_free(s->unix_path);
    g_free(s->host);
    g_free(s->port);
    g_free(s);
}

static bool socket_start_server(Chardev *chr, Error **errp)
{
    SocketState *s = chr->state;
    s->listen_fd = socket_make(s, errp);
    if (s->listen_fd < 0) {
        return false;
    }
    if (s->wait) {
        fprintf(stderr, "%s: info: QEMU waiting for connection on: disconnected:%s\n", error_program_name(),
                chr->filename);
        socket_listen_handler(chr);
    }
    fcntl(s->listen_fd, F_SETFL, O_NONBLOCK);
    socket_watch_listener(chr, chr->fd_in < 0);
    return true;
}

static bool socket_start_client(Chardev *chr, Error **errp)
{
    SocketState *s = chr->state;
    if (s->reconnect_s) {
        socket_reconnect(chr);
        return true;
    }
    int fd = socket_make(s, errp);
    if (fd >= 0) {
        socket_connected(chr, fd);
    }
    return fd >= 0;
}

static bool socket_open(Chardev *chr, const QemuOpts *opts, Error **errp)
{
    SocketState *s = g_new0(SocketState, 1);
    s->listen_fd = s->connecting_fd = -1;
    timer_init_ns(&s->reconnect, QEMU_CLOCK_REALTIME, socket_reconnect, chr);
    chr->state = s;
    if (!socket_options(s, opts, errp)) {
        socket_free(s);
        return false;
    }
    chr->filename = socket_describe(s);
    if (!(s->server ? socket_start_server(chr, errp) : socket_start_client(chr, errp))) {
        socket_free(s);
        return false;
    }
    return true;
}

static void socket_close(Chardev *chr)
{
    const SocketState *s = chr->state;
    if (s->server && s->unix_path) {
        remove_socket(s->unix_path, NULL);
    }
}

/* ---- bytes ---- */

static size_t socket_filter_input(Chardev *chr, uint8_t *buf, size_t len)
{
    SocketState *s = chr->state;
    return s->telnet ? telnet_unescape(chr, &s->telnet_state, buf, len) : len;
}

static void socket_filter_output(Chardev *chr, GByteArray *out)
{
    const SocketState *s = chr->state;
    if (s->telnet) {
        telnet_escape(out);
    }
}

static const char *const socket_keys[] = { "path",   "host",      "port", "server", "wait", "delay", "nodelay",
                                           "telnet", "reconnect", "ipv4", "ipv6",   "to",   NULL };

const ChardevBackend chr_backend_socket = { .name = "socket",
                                            .keys = socket_keys,
                                            .open = socket_open,
                                            .eof = socket_eof,
                                            .close = socket_close,
                                            .filter_input = socket_filter_input,
                                            .filter_output = socket_filter_output };
