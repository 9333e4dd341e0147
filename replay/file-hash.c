/*
 * replay/file-hash.c  XXH3 of an input file. Up to 64 MiB, or with rrhash=full, of all its bytes. Of a larger one: of
 * its size (8 bytes, little-endian), its first and last MiB, and 256 pages of 4096 bytes at size / 256 * i, rounded
 * down to a page; so a start never takes long.
 */
#include "replay/replay-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#define WHOLE_MAX    (64 * MiB)
#define ENDS         (1 * MiB)
#define SAMPLES      256
#define SAMPLE_BYTES 4096

typedef struct Hasher {
    int fd;
    XXH3_state_t *state;
    uint8_t *buf; /* ENDS bytes */
    int error;
} Hasher;

/* A file that shrinks meanwhile hashes as what is left. */
static void hash_range(Hasher *h, uint64_t offset, uint64_t len)
{
    while (len && !h->error) {
        ssize_t n = pread(h->fd, h->buf, MIN(len, (uint64_t)ENDS), offset);
        if (n < 0 && errno != EINTR) {
            h->error = errno;
        } else if (n == 0) {
            return;
        } else if (n > 0) {
            XXH3_64bits_update(h->state, h->buf, n);
            offset += n;
            len -= n;
        }
    }
}

static void hash_samples(Hasher *h, uint64_t size)
{
    uint8_t size_le[8];
    stq_le_p(size_le, size);
    XXH3_64bits_update(h->state, size_le, sizeof(size_le));
    hash_range(h, 0, ENDS);
    hash_range(h, size - ENDS, ENDS);
    for (uint64_t i = 0; i < SAMPLES; i++) {
        hash_range(h, size / SAMPLES * i & ~(uint64_t)(SAMPLE_BYTES - 1), SAMPLE_BYTES);
    }
}

static bool hash_open_file(Hasher *h, bool whole, uint64_t *size, uint64_t *xxh3)
{
    off_t end = lseek(h->fd, 0, SEEK_END);
    if (end < 0) {
        h->error = errno;
        return false;
    }
    *size = end;
    XXH3_64bits_reset(h->state);
    if (whole || end <= WHOLE_MAX) {
        hash_range(h, 0, end);
    } else {
        hash_samples(h, end);
    }
    *xxh3 = XXH3_64bits_digest(h->state);
    return !h->error;
}

bool file_hash(const char *path, bool whole, uint64_t *size, uint64_t *xxh3, Error **errp)
{
    Hasher h = { .fd = open(path, O_RDONLY | O_CLOEXEC) };
    if (h.fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
        return false;
    }
    h.state = XXH3_createState();
    h.buf = g_malloc(ENDS);
    bool ok = hash_open_file(&h, whole, size, xxh3);
    if (!ok) {
        error_setg_errno(errp, h.error, "Could not read '%s'", path);
    }
    XXH3_freeState(h.state);
    g_free(h.buf);
    close(h.fd);
    return ok;
}
