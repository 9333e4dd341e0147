/*
 * block/block-backend.c  Storage as a device sees it: checks a request, makes it, and hands it to the recording point
 * (block/blkreplay.c). What is impossible (beyond the end, read-only, no medium) is answered the same way as everything
 * else: at a checkpoint.
 */
#include "block/backend.h"
#include "util/info.h"

#include <errno.h>

static GPtrArray *backends; /* of BlockBackend * */

/* ---- back ends ---- */

static int64_t whole_sectors(int64_t length)
{
    return length > INT64_MAX - BDRV_SECTOR_SIZE ? INT64_MAX & -(int64_t)BDRV_SECTOR_SIZE
                                                 : (length + BDRV_SECTOR_SIZE - 1) & -(int64_t)BDRV_SECTOR_SIZE;
}

BlockBackend *blk_new(const char *name, BlockNode *root)
{
    if (!backends) {
        backends = g_ptr_array_new();
    }
    BlockBackend *blk = g_new0(BlockBackend, 1);
    blk->name = g_strdup(name);
    blk->index = backends->len;
    blk->root = root;
    blk->length = root ? whole_sectors(MAX(0, bdrv_getlength(root))) : 0;
    blk->read_only = root && root->read_only;
    blk->write_cache = true;
    g_ptr_array_add(backends, blk);
    return blk;
}

BlockBackend *blk_new_empty(const char *name)
{
    BlockBackend *blk = blk_new(name, NULL);
    blk->removable = true;
    blk->user = g_strdup(name);
    return blk;
}

BlockBackend *blk_by_index(unsigned index)
{
    return backends && index < backends->len ? g_ptr_array_index(backends, index) : NULL;
}

void blk_foreach(void (*fn)(BlockBackend *blk, void *opaque), void *opaque)
{
    for (guint i = 0; backends && i < backends->len; i++) {
        fn(g_ptr_array_index(backends, i), opaque);
    }
}

BlockBackend *blk_find(const char *name)
{
    for (guint i = 0; backends && i < backends->len; i++) {
        BlockBackend *blk = g_ptr_array_index(backends, i);
        if (!strcmp(blk->name, name)) {
            return blk;
        }
    }
    return NULL;
}

BlockNode *blk_find_root(const char *id)
{
    BlockBackend *blk = blk_find(id);
    return blk ? blk->root : NULL;
}

static void blk_close(BlockBackend *blk, void *unused)
{
    (void)unused;
    bdrv_unref(blk->root);
    g_free(blk->name);
    g_free(blk->serial);
    g_free(blk->user);
    g_free(blk);
}

void blk_close_all(void)
{
    blk_drain_all();
    blk_foreach(blk_close, NULL);
    if (backends) {
        g_ptr_array_set_size(backends, 0);
    }
    drive_close_all();
}

/* ---- properties ---- */

int64_t blk_length(BlockBackend *blk)
{
    return blk->length;
}

bool blk_is_read_only(BlockBackend *blk)
{
    return blk->read_only;
}

bool blk_is_inserted(BlockBackend *blk)
{
    return blk->root != NULL;
}

bool blk_write_cache_enabled(BlockBackend *blk)
{
    return blk->write_cache;
}

const char *blk_name(const BlockBackend *blk)
{
    return blk->name;
}

const char *blk_serial(const BlockBackend *blk)
{
    return blk->serial;
}

/* ---- requests ---- */

static int check(const BlockRequest *req)
{
    const BlockBackend *blk = req->blk;
    if (!blk->root) {
        return -ENOMEDIUM;
    }
    if (req->offset < 0 || req->bytes < 0 || req->offset > blk->length || req->bytes > blk->length - req->offset) {
        return -EIO;
    }
    bool writes = req->kind != BLOCK_READ && req->kind != BLOCK_FLUSH;
    return writes && blk->read_only ? -EPERM : 0;
}

/* *req describes it; data, when it is a write, is copied. */
static BlockRequestId issue(const BlockRequest *described, const void *data)
{
    BlockRequest *req = g_memdup2(described, sizeof(*described));
    bool transfers = req->kind == BLOCK_READ || req->kind == BLOCK_WRITE;
    lockstep_assert(!transfers || req->bytes <= BLK_MAX_TRANSFER, "request of %" PRId64 " bytes", req->bytes);
    req->ret = check(req);
    if (transfers && req->ret == 0) {
        req->data = block_buffer_new(req->bytes);
        if (data) {
            memcpy(req->data, data, req->bytes);
        }
    }
    return blkreplay_issue(req);
}

BlockRequestId blk_aio_read(BlockBackend *blk, int64_t offset, size_t bytes, BlockCompletionFunc *cb, void *opaque)
{
    return issue(
        &(BlockRequest){ .blk = blk, .kind = BLOCK_READ, .offset = offset, .bytes = bytes, .cb = cb, .opaque = opaque },
        NULL);
}

static int write_flags(const BlockBackend *blk, bool fua)
{
    return fua || !blk->write_cache ? BDRV_REQ_FUA : 0;
}

BlockRequestId blk_aio_write(BlockBackend *blk, int64_t offset, const void *data, size_t bytes, bool fua,
                             BlockCompletionFunc *cb, void *opaque)
{
    return issue(&(BlockRequest){ .blk = blk,
                                  .kind = BLOCK_WRITE,
                                  .offset = offset,
                                  .bytes = bytes,
                                  .flags = write_flags(blk, fua),
                                  .cb = cb,
                                  .opaque = opaque },
                 data);
}

BlockRequestId blk_aio_write_zeroes(BlockBackend *blk, int64_t offset, int64_t bytes, bool may_unmap,
                                    BlockCompletionFunc *cb, void *opaque)
{
    int flags = write_flags(blk, false) | (may_unmap ? BDRV_REQ_MAY_UNMAP : 0);
    return issue(&(BlockRequest){ .blk = blk,
                                  .kind = BLOCK_WRITE_ZEROES,
                                  .offset = offset,
                                  .bytes = bytes,
                                  .flags = flags,
                                  .cb = cb,
                                  .opaque = opaque },
                 NULL);
}

BlockRequestId blk_aio_discard(BlockBackend *blk, int64_t offset, int64_t bytes, BlockCompletionFunc *cb, void *opaque)
{
    return issue(
        &(BlockRequest){
            .blk = blk, .kind = BLOCK_DISCARD, .offset = offset, .bytes = bytes, .cb = cb, .opaque = opaque },
        NULL);
}

BlockRequestId blk_aio_flush(BlockBackend *blk, BlockCompletionFunc *cb, void *opaque)
{
    return issue(&(BlockRequest){ .blk = blk, .kind = BLOCK_FLUSH, .cb = cb, .opaque = opaque }, NULL);
}

void blk_aio_forget(BlockBackend *blk, BlockRequestId id)
{
    BlockRequest *req = blkreplay_find(id);
    if (req && req->blk == blk) {
        req->cb = NULL;
    }
}

size_t blk_aio_read_bytes(BlockBackend *blk, BlockRequestId id)
{
    const BlockRequest *req = blkreplay_find(id);
    return req && req->blk == blk && req->kind == BLOCK_READ ? req->bytes : 0;
}

bool blk_aio_reattach(BlockBackend *blk, BlockRequestId id, BlockCompletionFunc *cb, void *opaque, Error **errp)
{
    BlockRequest *req = blkreplay_find(id);
    if (!req || req->blk != blk || req->cb) {
        error_setg(errp, "%s: no request %" PRIu64 " is under way", blk->name, id);
        return false;
    }
    req->cb = cb;
    req->opaque = opaque;
    return true;
}

/* ---- `info block` ---- */

typedef struct Printer {
    InfoSink out;
    unsigned count;
} Printer;

static unsigned chain_depth(const BlockNode *bs)
{
    unsigned depth = 0;
    while ((bs = bs->backing)) {
        depth++;
    }
    return depth;
}

static void print_medium(const Printer *p, BlockBackend *blk)
{
    const BlockNode *top = blk_root_node(blk), *bs = blk->overlay ? blk->overlay->backing : top;
    info_line(&p->out, "%s (%s): %s (%s%s)", blk->name, top->node_name, bs->filename, bs->drv->name,
              blk->read_only ? ", read-only" : "");
    if (blk->user) {
        info_line(&p->out, "    Attached to:      %s", blk->user);
    }
    if (blk->removable) {
        info_line(&p->out, "    Removable device: not locked, tray closed");
    }
    info_line(&p->out, "    Cache mode:       %s%s%s", blk->write_cache ? "writeback" : "writethrough",
              top->open_flags & BDRV_O_NOCACHE ? ", direct" : "",
              top->open_flags & BDRV_O_NO_FLUSH ? ", ignore flushes" : "");
    if (bs->backing) {
        info_line(&p->out, "    Backing file:     %s (chain depth: %u)", bs->backing->filename, chain_depth(bs));
    }
    if (blk->overlay) {
        info_line(&p->out, "    Changes go to:    a temporary image");
    }
}

static void print_backend(BlockBackend *blk, void *opaque)
{
    Printer *p = opaque;
    if (p->count++) {
        info_line(&p->out, "%s", "");
    }
    if (blk->root) {
        print_medium(p, blk);
    } else {
        info_line(&p->out, "%s: [not inserted]", blk->name);
    }
}

void blk_info(InfoPrint *print, void *opaque)
{
    Printer p = { .out = { print, opaque } };
    blk_foreach(print_backend, &p);
}
