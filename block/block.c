/*
 * block/block.c  Nodes of the block graph, and the checked calls through their drivers' tables.
 *
 * The graph is built and torn down on the main thread, before the machine runs and after it has ended; while it runs
 * only contents move, on pool threads. Opening by name or options: block/open.c.
 */
#include "block/node.h"

#include <errno.h>

#define ZERO_CHUNK (64 * KiB)

static GPtrArray *nodes; /* of BlockNode *, in order of opening */
static unsigned anonymous_nodes;

/* ---- nodes ---- */

BlockNode *bdrv_new(const BlockDriver *drv, const char *node_name, const char *filename, int flags)
{
    if (!nodes) {
        nodes = g_ptr_array_new();
    }
    BlockNode *bs = g_new0(BlockNode, 1);
    bs->drv = drv;
    bs->opaque = g_malloc0(drv->instance_size);
    bs->node_name = node_name ? g_strdup(node_name) : g_strdup_printf("#block%03u", anonymous_nodes++);
    bs->filename = g_strdup(filename ? filename : "");
    bs->open_flags = flags;
    bs->read_only = !(flags & BDRV_O_RDWR);
    bs->refcount = 1;
    g_ptr_array_add(nodes, bs);
    return bs;
}

void bdrv_free(BlockNode *bs)
{
    g_ptr_array_remove(nodes, bs);
    bdrv_unref(bs->file);
    bdrv_unref(bs->backing);
    g_free(bs->opaque);
    g_free(bs->node_name);
    g_free(bs->filename);
    g_free(bs->backing_file);
    g_free(bs->backing_format);
    g_free(bs);
}

BlockNode *bdrv_new_filter(const BlockDriver *drv, BlockNode *child)
{
    BlockNode *bs = bdrv_new(drv, NULL, child->filename, child->open_flags);
    bs->file = child;
    bs->read_only = child->read_only;
    return bs;
}

BlockNode *bdrv_ref(BlockNode *bs)
{
    bs->refcount++;
    return bs;
}

void bdrv_unref(BlockNode *bs)
{
    if (!bs || --bs->refcount) {
        return;
    }
    if (!bs->read_only) {
        bdrv_flush(bs);
    }
    if (bs->drv->close) {
        bs->drv->close(bs);
    }
    bdrv_free(bs);
}

BlockNode *bdrv_find_node(const char *node_name)
{
    for (guint i = 0; nodes && i < nodes->len; i++) {
        BlockNode *bs = g_ptr_array_index(nodes, i);
        if (!strcmp(bs->node_name, node_name)) {
            return bs;
        }
    }
    return NULL;
}

void bdrv_foreach(void (*fn)(BlockNode *bs, void *opaque), void *opaque)
{
    for (guint i = 0; nodes && i < nodes->len; i++) {
        fn(g_ptr_array_index(nodes, i), opaque);
    }
}

/* ---- checked calls ---- */

static bool range_ok(int64_t offset, int64_t bytes)
{
    return offset >= 0 && bytes >= 0 && offset <= INT64_MAX - bytes;
}

/* Drivers may return a length. */
static int status_of(int ret)
{
    return MIN(ret, 0);
}

static int read_by(BlockReadFunc *read, int why_not, BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    if (bytes > INT_MAX || !range_ok(offset, bytes)) {
        return -EIO;
    }
    if (!read) {
        return why_not;
    }
    return bytes ? status_of(read(bs, offset, buf, bytes)) : 0;
}

int bdrv_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    return read_by(bs->drv->pread, -ENOTSUP, bs, offset, buf, bytes);
}

int bdrv_pread_now(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    return read_by(bs->drv->pread_now, -EAGAIN, bs, offset, buf, bytes);
}

static int check_write(BlockNode *bs, int64_t offset, int64_t bytes)
{
    if (!range_ok(offset, bytes)) {
        return -EIO;
    }
    return bs->read_only ? -EPERM : 0;
}

static int finish_write(BlockNode *bs, int ret, int flags)
{
    return ret >= 0 && (flags & BDRV_REQ_FUA) ? bdrv_flush(bs) : status_of(ret);
}

static int write_zeroes_as_data(BlockNode *bs, int64_t offset, int64_t bytes)
{
    static const uint8_t zeroes[ZERO_CHUNK] __attribute__((aligned(4096)));
    int ret = bs->drv->pwrite ? 0 : -ENOTSUP;
    while (bytes && ret >= 0) {
        size_t n = MIN(bytes, ZERO_CHUNK);
        ret = bs->drv->pwrite(bs, offset, zeroes, n, 0);
        offset += n;
        bytes -= n;
    }
    return ret;
}

int bdrv_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    int ret = check_write(bs, offset, bytes);
    if (ret < 0 || !bytes) {
        return ret;
    }
    int may_unmap = bs->open_flags & BDRV_O_UNMAP ? flags & BDRV_REQ_MAY_UNMAP : 0;
    ret = bs->drv->pwrite_zeroes ? bs->drv->pwrite_zeroes(bs, offset, bytes, may_unmap) : -ENOTSUP;
    if (ret == -ENOTSUP) {
        ret = write_zeroes_as_data(bs, offset, bytes);
    }
    return finish_write(bs, ret, flags);
}

int bdrv_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags)
{
    int ret = bytes > INT_MAX ? -EIO : check_write(bs, offset, bytes);
    if (ret < 0 || !bytes) {
        return ret;
    }
    if (bs->detect_zeroes && buffer_is_zero(buf, bytes)) {
        return bdrv_pwrite_zeroes(bs, offset, bytes, flags | BDRV_REQ_MAY_UNMAP);
    }
    ret = bs->drv->pwrite ? bs->drv->pwrite(bs, offset, buf, bytes, flags & ~BDRV_REQ_FUA) : -ENOTSUP;
    return finish_write(bs, ret, flags);
}

int bdrv_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes)
{
    int ret = check_write(bs, offset, bytes);
    if (ret < 0 || !bytes || !bs->drv->pdiscard || !(bs->open_flags & BDRV_O_UNMAP)) {
        return ret;
    }
    ret = bs->drv->pdiscard(bs, offset, bytes);
    return ret == -ENOTSUP ? 0 : status_of(ret); /* advice only */
}

int bdrv_flush(BlockNode *bs)
{
    if (bs->drv->flush) {
        return status_of(bs->drv->flush(bs));
    }
    return bs->file ? bdrv_flush(bs->file) : 0;
}

int bdrv_truncate(BlockNode *bs, int64_t length)
{
    int ret = check_write(bs, 0, length);
    if (ret < 0) {
        return ret;
    }
    return bs->drv->truncate ? status_of(bs->drv->truncate(bs, length)) : -ENOTSUP;
}

int64_t bdrv_getlength(BlockNode *bs)
{
    if (bs->drv->getlength) {
        return bs->drv->getlength(bs);
    }
    return bs->file ? bdrv_getlength(bs->file) : -ENOTSUP;
}

BlockStatus bdrv_block_status(BlockNode *bs, int64_t offset, int64_t *bytes)
{
    return bs->drv->block_status ? bs->drv->block_status(bs, offset, bytes) : BLOCK_DATA;
}
