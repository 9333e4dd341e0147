/*
 * block/raw.c  The image is the disk; offset= and size= choose a part of it.
 *
 * A guest that writes another format's header into sector 0 of an image whose format was guessed would choose what is
 * opened next time (and, through a backing file name, what it can read): such a write is refused, as QEMU does.
 */
#include "block/block-int.h"

#include <errno.h>

typedef struct RawState {
    int64_t offset;
    int64_t size; /* -1: to the end of the file */
} RawState;

static int raw_probe(const uint8_t *buf, size_t len)
{
    (void)buf, (void)len;
    return 1; /* when nothing else fits */
}

static bool check_part(const RawState *s, int64_t length, Error **errp)
{
    if (s->offset < 0 || s->offset > length) {
        error_setg(errp, "Offset (%" PRIu64 ") cannot be greater than size of the containing file (%" PRId64 ")",
                   (uint64_t)s->offset, length);
        return false;
    }
    if (s->size < -1 || s->size > length - s->offset) {
        error_setg(errp,
                   "The sum of offset (%" PRId64 ") and size (%" PRIu64
                   ") has to be smaller or equal to the actual size of the containing file (%" PRId64 ")",
                   s->offset, (uint64_t)s->size, length);
        return false;
    }
    return true;
}

static bool raw_open(BlockNode *bs, const QemuOpts *options, int flags, Error **errp)
{
    RawState *s = bs->opaque;
    Error *err = NULL;
    (void)flags;
    s->size = -1;
    if (options) {
        s->offset = qemu_opt_get_size(options, "offset", 0, &err);
    }
    if (options && !err && qemu_opt_get(options, "size")) {
        s->size = qemu_opt_get_size(options, "size", 0, &err);
    }
    if (!err) {
        check_part(s, bdrv_getlength(bs->file), &err);
    }
    error_propagate(errp, err);
    return !err;
}

static int64_t raw_getlength(BlockNode *bs)
{
    RawState *s = bs->opaque;
    if (s->size >= 0) {
        return s->size;
    }
    int64_t length = bdrv_getlength(bs->file);
    return length < 0 ? length : MAX(0, length - s->offset);
}

/* Of a request, what lies in the part that size= chose. */
static int64_t inside(BlockNode *bs, int64_t offset, int64_t bytes)
{
    RawState *s = bs->opaque;
    return s->size < 0 ? bytes : CLAMP(s->size - offset, 0, bytes);
}

static int read_by(BlockReadFunc *read, BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    RawState *s = bs->opaque;
    size_t n = inside(bs, offset, bytes);
    memset((uint8_t *)buf + n, 0, bytes - n);
    return read(bs->file, s->offset + offset, buf, n);
}

static int raw_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    return read_by(bdrv_pread, bs, offset, buf, bytes);
}

static int raw_pread_now(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    return read_by(bdrv_pread_now, bs, offset, buf, bytes);
}

static bool looks_like_another_format(const uint8_t *sector, size_t len)
{
    return bdrv_probe(sector, len) != &bdrv_raw;
}

static int raw_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags)
{
    RawState *s = bs->opaque;
    if (inside(bs, offset, bytes) != (int64_t)bytes) {
        return -ENOSPC;
    }
    if (bs->probed && offset == 0 && looks_like_another_format(buf, bytes)) {
        return -EPERM;
    }
    return bdrv_pwrite(bs->file, s->offset + offset, buf, bytes, flags);
}

static int raw_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    RawState *s = bs->opaque;
    if (inside(bs, offset, bytes) != bytes) {
        return -ENOSPC;
    }
    return bdrv_pwrite_zeroes(bs->file, s->offset + offset, bytes, flags);
}

static int raw_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes)
{
    RawState *s = bs->opaque;
    return bdrv_pdiscard(bs->file, s->offset + offset, inside(bs, offset, bytes));
}

static int raw_truncate(BlockNode *bs, int64_t length)
{
    RawState *s = bs->opaque;
    return s->size >= 0 ? -ENOTSUP : bdrv_truncate(bs->file, s->offset + length);
}

static BlockStatus raw_block_status(BlockNode *bs, int64_t offset, int64_t *bytes)
{
    RawState *s = bs->opaque;
    return bdrv_block_status(bs->file, s->offset + offset, bytes);
}

static const char *const raw_options[] = { "offset", "size", NULL };

const BlockDriver bdrv_raw = {
    .name = "raw",
    .instance_size = sizeof(RawState),
    .options = raw_options,
    .probe = raw_probe,
    .open = raw_open,
    .getlength = raw_getlength,
    .pread = raw_pread,
    .pread_now = raw_pread_now,
    .pwrite = raw_pwrite,
    .pwrite_zeroes = raw_pwrite_zeroes,
    .pdiscard = raw_pdiscard,
    .truncate = raw_truncate,
    .block_status = raw_block_status,
};
