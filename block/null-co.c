/*
 * block/null-co.c  A disk that forgets: writes vanish, reads bring zeroes. Options as QEMU's driver of this name: size
 * (1 GiB) and read-zeroes. Reads are zeroes in any case: what the guest sees may not depend on what was in memory.
 */
#include "block/block-int.h"

typedef struct NullState {
    int64_t length;
} NullState;

static bool null_open(BlockNode *bs, const QemuOpts *options, int flags, Error **errp)
{
    NullState *s = bs->opaque;
    Error *err = NULL;
    (void)flags;
    uint64_t size = options ? qemu_opt_get_size(options, "size", GiB, &err) : GiB;
    if (!err && options) {
        qemu_opt_get_bool(options, "read-zeroes", false, &err);
    }
    if (!err && size > INT64_MAX - MiB) {
        error_setg(&err, "size %" PRIu64 " is too large", size);
    }
    s->length = size;
    error_propagate(errp, err);
    return !err;
}

static int64_t null_getlength(BlockNode *bs)
{
    return ((NullState *)bs->opaque)->length;
}

static int null_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    (void)bs, (void)offset;
    memset(buf, 0, bytes);
    return 0;
}

static int null_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags)
{
    (void)bs, (void)offset, (void)buf, (void)bytes, (void)flags;
    return 0;
}

static int null_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    (void)bs, (void)offset, (void)bytes, (void)flags;
    return 0;
}

static int null_flush(BlockNode *bs)
{
    (void)bs;
    return 0;
}

static BlockStatus null_block_status(BlockNode *bs, int64_t offset, int64_t *bytes)
{
    (void)bs, (void)offset, (void)bytes;
    return BLOCK_ZERO;
}

static const char *const null_options[] = { "size", "read-zeroes", NULL };

const BlockDriver bdrv_null_co = {
    .name = "null-co",
    .instance_size = sizeof(NullState),
    .options = null_options,
    .is_protocol = true,
    .open = null_open,
    .getlength = null_getlength,
    .pread = null_pread,
    .pread_now = null_pread,
    .pwrite = null_pwrite,
    .pwrite_zeroes = null_pwrite_zeroes,
    .flush = null_flush,
    .block_status = null_block_status,
};
