/* tests/device/fake-blk.h  A back end in memory for tests of devices: requests wait until the test lets them complete.
 * Include once per program. */
#ifndef TESTS_FAKE_BLK_H
#define TESTS_FAKE_BLK_H

#include "block/block.h"

struct BlockBackend {
    const char *name;
    uint8_t *data; /* NULL: no medium */
    int64_t length;
    bool read_only, writethrough;
};

typedef enum FakeKind { FAKE_READ, FAKE_WRITE, FAKE_FLUSH, FAKE_ZEROES, FAKE_DISCARD } FakeKind;

typedef struct FakeRequest {
    BlockRequestId id;
    BlockBackend *blk;
    FakeKind kind;
    int64_t offset;
    size_t bytes;
    uint8_t *data;
    bool fua;
    BlockCompletionFunc *cb; /* NULL: forgotten */
    void *opaque;
} FakeRequest;

static GQueue fake_queue = G_QUEUE_INIT;
static BlockRequestId fake_last_id;
static FakeRequest fake_last; /* the request issued last, without its data */
static int fake_error;        /* the next completion ends with this */

static BlockBackend *fake_claimed; /* what "drive=" names, whatever it is */

BlockBackend *blk_claim(const char *id, const char *device, Error **errp)
{
    (void)id, (void)device, (void)errp;
    return fake_claimed;
}

static BlockRequestId fake_issue(BlockBackend *blk, FakeKind kind, int64_t offset, size_t bytes,
                                 BlockCompletionFunc *cb, void *opaque)
{
    FakeRequest *r = g_new0(FakeRequest, 1);
    *r = (FakeRequest){
        .id = ++fake_last_id, .blk = blk, .kind = kind, .offset = offset, .bytes = bytes, .cb = cb, .opaque = opaque
    };
    g_assert_true(bytes <= BLK_MAX_TRANSFER || kind >= FAKE_ZEROES);
    g_queue_push_tail(&fake_queue, r);
    fake_last = *r;
    return r->id;
}

BlockRequestId blk_aio_read(BlockBackend *blk, int64_t offset, size_t bytes, BlockCompletionFunc *cb, void *opaque)
{
    return fake_issue(blk, FAKE_READ, offset, bytes, cb, opaque);
}
BlockRequestId blk_aio_write(BlockBackend *blk, int64_t offset, const void *data, size_t bytes, bool fua,
                             BlockCompletionFunc *cb, void *opaque)
{
    BlockRequestId id = fake_issue(blk, FAKE_WRITE, offset, bytes, cb, opaque);
    FakeRequest *r = g_queue_peek_tail(&fake_queue);
    r->data = g_memdup2(data, bytes);
    r->fua = fake_last.fua = fua;
    return id;
}
BlockRequestId blk_aio_flush(BlockBackend *blk, BlockCompletionFunc *cb, void *opaque)
{
    return fake_issue(blk, FAKE_FLUSH, 0, 0, cb, opaque);
}
BlockRequestId blk_aio_write_zeroes(BlockBackend *blk, int64_t offset, int64_t bytes, bool may_unmap,
                                    BlockCompletionFunc *cb, void *opaque)
{
    return fake_issue(blk, FAKE_ZEROES, offset, bytes, cb, opaque);
}
BlockRequestId blk_aio_discard(BlockBackend *blk, int64_t offset, int64_t bytes, BlockCompletionFunc *cb, void *opaque)
{
    return fake_issue(blk, FAKE_DISCARD, offset, bytes, cb, opaque);
}

static FakeRequest *fake_find(BlockRequestId id)
{
    for (GList *l = fake_queue.head; l; l = l->next) {
        if (((FakeRequest *)l->data)->id == id) {
            return l->data;
        }
    }
    return NULL;
}

void blk_aio_forget(BlockBackend *blk, BlockRequestId id)
{
    FakeRequest *r = fake_find(id);
    g_assert_nonnull(r);
    g_assert_true(r->blk == blk && r->cb);
    r->cb = NULL;
}
bool blk_aio_reattach(BlockBackend *blk, BlockRequestId id, BlockCompletionFunc *cb, void *opaque, Error **errp)
{
    FakeRequest *r = fake_find(id);
    if (!r || r->blk != blk) {
        error_setg(errp, "no request %" PRIu64, id);
        return false;
    }
    r->cb = cb;
    r->opaque = opaque;
    return true;
}
size_t blk_aio_read_bytes(BlockBackend *blk, BlockRequestId id)
{
    const FakeRequest *r = fake_find(id);
    return r && r->blk == blk && r->kind == FAKE_READ ? r->bytes : 0;
}

static int fake_do(FakeRequest *r)
{
    if (fake_error || r->offset < 0 || r->offset > r->blk->length || (int64_t)r->bytes > r->blk->length - r->offset) {
        int error = fake_error ? fake_error : -5;
        fake_error = 0;
        return error;
    }
    if (r->kind == FAKE_WRITE && r->bytes) {
        memcpy(r->blk->data + r->offset, r->data, r->bytes);
    } else if (r->kind == FAKE_DISCARD) {
        memset(r->blk->data + r->offset, 0, r->bytes);
    }
    if (r->kind == FAKE_ZEROES) {
        memset(r->blk->data + r->offset, 0, r->bytes);
    }
    return 0;
}

/* Let the oldest request complete; false: there is none. */
static bool fake_complete(void)
{
    FakeRequest *r = g_queue_pop_head(&fake_queue);
    if (!r) {
        return false;
    }
    int ret = fake_do(r);
    bool data = ret == 0 && r->kind == FAKE_READ;
    if (r->cb) {
        r->cb(r->opaque, r->id, ret, data ? r->blk->data + r->offset : NULL, data ? r->bytes : 0);
    }
    g_free(r->data);
    g_free(r);
    return true;
}

static inline int fake_complete_all(void)
{
    int n = 0;
    while (fake_complete()) {
        n++;
    }
    return n;
}

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
    return blk->data != NULL;
}
bool blk_write_cache_enabled(BlockBackend *blk)
{
    return !blk->writethrough;
}
const char *blk_name(const BlockBackend *blk)
{
    return blk->name;
}
const char *blk_serial(const BlockBackend *blk)
{
    return NULL;
}
BlockBackend *blk_new_empty(const char *name)
{
    BlockBackend *blk = g_new0(BlockBackend, 1);
    blk->name = g_strdup(name);
    return blk;
}

/* A medium whose bytes tell where they are: no two sectors are alike. */
static inline BlockBackend *fake_medium(const char *name, int64_t length)
{
    BlockBackend *blk = blk_new_empty(name);
    blk->data = g_malloc(length);
    blk->length = length;
    for (int64_t i = 0; i < length; i++) {
        blk->data[i] = (uint8_t)(i * 7 + (i >> 9) * 31 + (i >> 17));
    }
    return blk;
}

#endif
