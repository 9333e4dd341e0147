/* chardev/char-null.c  Back ends without a host side: nothing at all, and a ring of the latest output in memory. */
#include "chardev/chardev-int.h"

static bool null_open(Chardev *chr, const QemuOpts *opts, Error **errp)
{
    (void)opts;
    (void)errp;
    chr->is_open = true;
    return true;
}

static const char *const no_keys[] = { NULL };

const ChardevBackend chr_backend_null = { .name = "null", .keys = no_keys, .open = null_open };

typedef struct Ring {
    GMutex lock;
    size_t size;
    uint64_t produced, consumed; /* bytes since the start */
    uint8_t data[];
} Ring;

#define RING_DEFAULT_SIZE 65536
#define RING_MAX_SIZE     (1u << 30)

static bool ring_open(Chardev *chr, const QemuOpts *opts, Error **errp)
{
    Error *err = NULL;
    uint64_t size = qemu_opt_get_size(opts, "size", RING_DEFAULT_SIZE, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    if (!size || size > RING_MAX_SIZE || (size & (size - 1))) {
        error_setg(errp, "size of ringbuf chardev must be power of two");
        return false;
    }
    Ring *ring = g_malloc0(sizeof(Ring) + size);
    g_mutex_init(&ring->lock);
    ring->size = size;
    chr->state = ring;
    chr->is_open = true;
    return true;
}

static void ring_consume(Chardev *chr, const uint8_t *buf, size_t len)
{
    Ring *ring = chr->state;
    g_mutex_lock(&ring->lock);
    for (size_t i = 0; i < len; i++) {
        ring->data[ring->produced++ & (ring->size - 1)] = buf[i];
    }
    if (ring->produced - ring->consumed > ring->size) {
        ring->consumed = ring->produced - ring->size;
    }
    g_mutex_unlock(&ring->lock);
}

bool qemu_chr_is_ringbuf(const Chardev *chr)
{
    return chr->backend == &chr_backend_ringbuf;
}

void qemu_chr_ringbuf_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    if (qemu_chr_is_ringbuf(chr)) {
        ring_consume(chr, buf, len);
    }
}

size_t qemu_chr_ringbuf_read(Chardev *chr, uint8_t *buf, size_t len)
{
    if (!qemu_chr_is_ringbuf(chr)) {
        return 0;
    }
    Ring *ring = chr->state;
    size_t n = 0;
    g_mutex_lock(&ring->lock);
    while (n < len && ring->consumed < ring->produced) {
        buf[n++] = ring->data[ring->consumed++ & (ring->size - 1)];
    }
    g_mutex_unlock(&ring->lock);
    return n;
}

static const char *const ring_keys[] = { "size", NULL };

const ChardevBackend chr_backend_ringbuf = {
    .name = "ringbuf", .keys = ring_keys, .open = ring_open, .consume = ring_consume
};
