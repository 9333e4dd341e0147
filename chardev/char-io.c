/*
 * chardev/char-io.c  Reading and writing a back end's file descriptors, never blocking. I/O thread.
 *
 * A descriptor that we inherited (stdin, stdout) keeps its blocking mode, because other processes share it: poll() says
 * how things stand, and a write is no larger than what a writable pipe is sure to take (PIPE_BUF).
 */
#include "chardev/chardev-int.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHR_WRITE_MAX     4096
#define CHR_READ_MAX      4096
#define CHR_EXIT_STUCK_MS 300

static void chr_eof(Chardev *chr)
{
    if (chr->backend->eof) {
        chr->backend->eof(chr);
    } else {
        chr->reading = false;
        chr_update_handlers(chr);
    }
}

static void chr_input(Chardev *chr, uint8_t *buf, size_t len)
{
    if (chr->backend->filter_input) {
        len = chr->backend->filter_input(chr, buf, len);
    }
    qemu_chr_be_write(chr, buf, len);
}

static void chr_readable(void *opaque)
{
    Chardev *chr = opaque;
    uint8_t buf[CHR_READ_MAX];
    if (!chr_may_read(chr)) {
        chr_update_handlers(chr);
        return;
    }
    ssize_t n = read(chr->fd_in, buf, sizeof(buf));
    if (n > 0) {
        chr_input(chr, buf, n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        chr_eof(chr);
    }
}

static void chr_writable(void *opaque)
{
    chr_flush(opaque);
}

void chr_update_handlers(Chardev *chr)
{
    IOHandler *on_read = chr->reading && chr_may_read(chr) ? chr_readable : NULL;
    IOHandler *on_write = chr->writing ? chr_writable : NULL;
    if (chr->fd_in >= 0 && chr->fd_in == chr->fd_out) {
        qemu_set_fd_handler(chr->fd_in, on_read, on_write, chr);
        return;
    }
    if (chr->fd_in >= 0) {
        qemu_set_fd_handler(chr->fd_in, on_read, NULL, chr);
    }
    if (chr->fd_out >= 0) {
        qemu_set_fd_handler(chr->fd_out, NULL, on_write, chr);
    }
}

/* Take the descriptors that a back end has opened (or -1 when it lost them: the old ones are no longer watched, and the
 * caller closes them). */
void chr_set_fds(Chardev *chr, int fd_in, int fd_out)
{
    chr->reading = chr->writing = false;
    chr_update_handlers(chr);
    chr->fd_in = fd_in;
    chr->fd_out = fd_out;
    chr->reading = fd_in >= 0;
    chr_update_handlers(chr);
}

static ssize_t fd_write(int fd, const uint8_t *buf, size_t len)
{
    ssize_t n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 && errno == ENOTSOCK ? write(fd, buf, len) : n;
}

/* Bytes taken: all of them when nobody will ever want them, 0 when the descriptor is full. */
static size_t chr_write_some(Chardev *chr, const uint8_t *buf, size_t len)
{
    if (chr->backend->consume) {
        chr->backend->consume(chr, buf, len);
        return len;
    }
    struct pollfd p = { .fd = chr->fd_out, .events = POLLOUT };
    if (chr->fd_out < 0) {
        return len;
    }
    if (poll(&p, 1, 0) == 0) {
        return 0;
    }
    ssize_t n = fd_write(chr->fd_out, buf, MIN(len, CHR_WRITE_MAX));
    if (n >= 0) {
        return n;
    }
    return errno == EAGAIN || errno == EINTR ? 0 : len;
}

static void chr_log_output(Chardev *chr, const GByteArray *out)
{
    if (chr->log && out->len) {
        fwrite(out->data, 1, out->len, chr->log);
        fflush(chr->log);
    }
}

/* What is escaped counts as written, byte by byte. */
static void chr_filter_output(Chardev *chr, GByteArray *out)
{
    guint before = out->len;
    if (chr->backend->filter_output && before) {
        chr->backend->filter_output(chr, out);
        g_mutex_lock(&chr->lock);
        chr->queued += out->len - before;
        g_mutex_unlock(&chr->lock);
    }
}

/* Whether there is something to write in chr->pending. */
static bool chr_take_output(Chardev *chr)
{
    if (chr->pending_pos < chr->pending->len) {
        return true;
    }
    g_byte_array_set_size(chr->pending, 0);
    chr->pending_pos = 0;
    g_mutex_lock(&chr->lock);
    GByteArray *taken = chr->out;
    chr->out = chr->pending;
    chr->pending = taken;
    g_mutex_unlock(&chr->lock);
    chr_log_output(chr, taken);
    chr_filter_output(chr, taken);
    return taken->len > 0;
}

static bool chr_write_once(Chardev *chr)
{
    size_t n = chr_write_some(chr, chr->pending->data + chr->pending_pos, chr->pending->len - chr->pending_pos);
    chr->pending_pos += n;
    g_mutex_lock(&chr->lock);
    chr->queued -= n;
    g_mutex_unlock(&chr->lock);
    return n > 0;
}

void chr_flush(Chardev *chr)
{
    bool stuck = false;
    chr->last_flush_ns = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    while (!stuck && chr_take_output(chr)) {
        stuck = !chr_write_once(chr);
    }
    if (stuck != chr->writing) {
        chr->writing = stuck;
        chr_update_handlers(chr);
    }
}

/* Blocks as long as the other side takes something every now and then. */
void chr_flush_at_exit(Chardev *chr)
{
    while (chr_take_output(chr)) {
        struct pollfd p = { .fd = chr->fd_out, .events = POLLOUT };
        if (!chr_write_once(chr) && poll(&p, 1, CHR_EXIT_STUCK_MS) <= 0) {
            break;
        }
    }
}
