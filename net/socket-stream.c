/*
 * net/socket-stream.c  -netdev socket over TCP: one connection, each frame behind its length (net/frame.h). A listener
 * takes one peer at a time; who connects tries again every reconnect= seconds (1) until the other side is there.
 */
#define _GNU_SOURCE /* accept4 */
#include "net/socket-int.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUTPUT_MAX (4 * MiB) /* that the other side has not read; what comes then is dropped, as on a wire */

static void listener_readable(void *opaque);

static void watch_listener(SocketNet *s, bool watch)
{
    if (s->listen_fd >= 0) {
        qemu_set_fd_handler(s->listen_fd, watch ? listener_readable : NULL, NULL, s);
    }
}

static void set_connection(SocketNet *s, char *text)
{
    g_free(s->connection);
    s->connection = text;
}

static void retry_later(SocketNet *s)
{
    if (s->address.sin_port && s->reconnect_s) {
        timer_mod(&s->retry, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + (int64_t)s->reconnect_s * NANOSECONDS_PER_SECOND);
    }
}

static void disconnect(SocketNet *s)
{
    qemu_set_fd_handler(s->fd, NULL, NULL, NULL);
    close(s->fd);
    s->fd = -1;
    s->connecting = s->reading = false;
    set_connection(s, NULL);
    watch_listener(s, true);
    retry_later(s);
}

void stream_adopt(SocketNet *s, int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    s->fd = fd;
    s->connecting = false;
    frame_reset(&s->in);
    g_byte_array_set_size(s->out, 0);
    s->out_pos = 0;
}

/* ---- input ---- */

static void bad_frame(SocketNet *s)
{
    warn_report("%s: a frame is longer than %d bytes; the connection is closed", s->nd.id, NET_MAX_PACKET);
    disconnect(s);
}

/* Deliver whole frames while the guest's queue has room. False: no more may be read now. */
static bool deliver_frames(SocketNet *s)
{
    const uint8_t *packet;
    size_t len;
    while (net_can_deliver(&s->nd)) {
        FrameResult result = frame_next(&s->in, &packet, &len);
        if (result == FRAME_BAD) {
            bad_frame(s);
            return false;
        }
        if (result == FRAME_NEED_MORE) {
            return true;
        }
        net_deliver(&s->nd, packet, len);
    }
    return false;
}

void stream_readable(SocketNet *s)
{
    if (deliver_frames(s)) {
        size_t room;
        uint8_t *to = frame_space(&s->in, &room);
        ssize_t n = recv(s->fd, to, room, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            disconnect(s);
            return;
        }
        frame_filled(&s->in, MAX(n, 0));
        deliver_frames(s);
    }
    socket_watch(s);
}

/* ---- output ---- */

static void flush_output(SocketNet *s)
{
    size_t len = s->out->len - s->out_pos;
    ssize_t n = len ? send(s->fd, s->out->data + s->out_pos, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    s->out_pos += MAX(n, 0); /* an error shows when reading */
    if (s->out_pos > s->out->len / 2) {
        g_byte_array_remove_range(s->out, 0, s->out_pos);
        s->out_pos = 0;
    }
}

void stream_transmit(SocketNet *s, const uint8_t *buf, size_t len)
{
    bool waiting = s->out->len > s->out_pos;
    if (s->connecting || s->out->len - s->out_pos + len > (size_t)OUTPUT_MAX) {
        return;
    }
    frame_put(s->out, buf, len);
    if (!waiting) {
        flush_output(s);
        if (s->out->len) {
            socket_watch(s);
        }
    }
}

static void connected(SocketNet *s)
{
    char *text = socket_address_text(&s->address);
    stream_adopt(s, s->fd);
    set_connection(s, g_strdup_printf("connect to %s", text));
    g_free(text);
}

static void finish_connecting(SocketNet *s)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error) {
        disconnect(s);
    } else {
        connected(s);
    }
}

void stream_writable(SocketNet *s)
{
    if (s->connecting) {
        finish_connecting(s);
    } else {
        flush_output(s);
    }
    socket_watch(s);
}

/* ---- who connects ---- */

static void start_connecting(SocketNet *s)
{
    s->fd = socket_new(SOCK_STREAM);
    if (s->fd < 0) {
        retry_later(s);
        return;
    }
    s->connecting = true;
    if (connect(s->fd, (struct sockaddr *)&s->address, sizeof(s->address)) == 0) {
        connected(s);
    } else if (errno != EINPROGRESS) {
        disconnect(s);
    }
    socket_watch(s);
}

static void retry_due(void *opaque)
{
    start_connecting(opaque);
}

bool stream_connect(SocketNet *s, const char *spec, const char *local, Error **errp)
{
    (void)local;
    if (!socket_parse_address(spec, &s->address, errp)) {
        return false;
    }
    if (!s->address.sin_port) {
        error_setg(errp, "connect=%s: port 0 cannot be connected to", spec);
        return false;
    }
    timer_init_ns(&s->retry, QEMU_CLOCK_REALTIME, retry_due, s);
    start_connecting(s);
    return true;
}

/* ---- who listens ---- */

static void listener_readable(void *opaque)
{
    SocketNet *s = opaque;
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    int fd = accept4(s->listen_fd, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    char *text = socket_address_text(&from);
    watch_listener(s, false);
    stream_adopt(s, fd);
    set_connection(s, g_strdup_printf("connection from %s", text));
    g_free(text);
    socket_watch(s);
}

bool stream_listen(SocketNet *s, const char *spec, const char *local, Error **errp)
{
    (void)local;
    struct sockaddr_in addr;
    int one = 1;
    if (!socket_parse_address(spec, &addr, errp)) {
        return false;
    }
    s->listen_fd = socket_new(SOCK_STREAM);
    if (s->listen_fd < 0 || setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(s->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(s->listen_fd, 1) < 0) {
        char *text = socket_address_text(&addr);
        error_setg_errno(errp, errno, "can't bind ip=%s to socket", text);
        g_free(text);
        return false;
    }
    watch_listener(s, true);
    return true;
}

void stream_cleanup(SocketNet *s)
{
    if (s->listen_fd >= 0) {
        qemu_set_fd_handler(s->listen_fd, NULL, NULL, NULL);
        close(s->listen_fd);
    }
    if (s->retry.cb) {
        timer_del(&s->retry);
    }
}
