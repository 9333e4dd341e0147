/*
 * block/blkreplay.c  The recording point: the way of a request from the guest to the thread pool and back.
 *
 * Non-determinism enters here in two places. When a request finishes depends on the host: so its completion takes
 * effect at a checkpoint, as REPLAY_ASYNC_EVENT_BLOCK with the request's number. What the pool does first depends on
 * the host: so of requests that overlap, one of them changing data, the later one starts when the earlier has finished;
 * a read then brings the same data, and two writes leave the same, in every run. Requests that do not overlap cannot
 * tell.
 *
 * A flush makes stable what completed before it was issued; that is on its way down before the flush starts, so it
 * waits for nothing.
 *
 * Requests under way are machine state. Their numbers, places and order are the guest's doing; results and data are
 * too, once they are there: so saving (and the digest) waits for the pool first.
 */
#include "block/backend.h"

#include <errno.h>

#include "migration/vmstate.h"
#include "replay/replay.h"
#include "sysemu/cpus.h"

static struct {
    GMutex lock; /* the list, waits_for, finished, running */
    GCond idle;
    BlockRequest *first, *last;
    unsigned running; /* given to the pool, or waiting for one that is, and not yet queued for a checkpoint */
    bool draining;
} under_way;

/* ---- order ---- */

static bool changes_data(const BlockRequest *req)
{
    return req->kind == BLOCK_WRITE || req->kind == BLOCK_WRITE_ZEROES || req->kind == BLOCK_DISCARD;
}

static bool conflict(const BlockRequest *a, const BlockRequest *b)
{
    return a->blk == b->blk && (changes_data(a) || changes_data(b)) && a->kind != BLOCK_FLUSH &&
           b->kind != BLOCK_FLUSH && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static unsigned count_conflicts_locked(const BlockRequest *req)
{
    unsigned count = 0;
    for (const BlockRequest *other = under_way.first; other; other = other->next) {
        count += !other->finished && conflict(req, other);
    }
    return count;
}

static void run_request(void *opaque);

/* Those behind req that waited for it and now wait for nothing. They cannot be finished, so they stay in the list. */
static void start_followers_locked(const BlockRequest *req)
{
    for (BlockRequest *other = req->next; other; other = other->next) {
        if (other->waits_for && conflict(req, other) && --other->waits_for == 0) {
            thread_pool_submit(run_request, other);
        }
    }
}

static void append_locked(BlockRequest *req)
{
    req->prev = under_way.last;
    *(req->prev ? &req->prev->next : &under_way.first) = req;
    under_way.last = req;
}

static void remove_locked(BlockRequest *req)
{
    *(req->prev ? &req->prev->next : &under_way.first) = req->next;
    *(req->next ? &req->next->prev : &under_way.last) = req->prev;
}

static void free_request(BlockRequest *req)
{
    free(req->data);
    g_free(req);
}

void *block_buffer_new(size_t bytes)
{
    const size_t align = 4096;
    void *buf = aligned_alloc(align, MAX(align, (bytes + align - 1) & ~(align - 1)));
    lockstep_assert(buf, "no memory for a request of %zu bytes", bytes);
    return buf;
}

/* ---- on a pool thread ---- */

static int perform(const BlockRequest *req)
{
    BlockNode *root = req->blk->root;
    switch (req->kind) {
    case BLOCK_READ:
        return bdrv_pread(root, req->offset, req->data, req->bytes);
    case BLOCK_WRITE:
        return bdrv_pwrite(root, req->offset, req->data, req->bytes, req->flags);
    case BLOCK_WRITE_ZEROES:
        return bdrv_pwrite_zeroes(root, req->offset, req->bytes, req->flags);
    case BLOCK_DISCARD:
        return bdrv_pdiscard(root, req->offset, req->bytes);
    case BLOCK_FLUSH:
        return bdrv_flush(root);
    case BLOCK_KIND_COUNT:
        break;
    }
    g_assert_not_reached();
}

static void complete(void *opaque);

/* Once its event is queued the request may be completed, and gone, at any moment. */
static void finish(BlockRequest *req)
{
    g_mutex_lock(&under_way.lock);
    req->finished = true;
    start_followers_locked(req);
    g_mutex_unlock(&under_way.lock);
    replay_block_event(req->id, complete, req);
    g_mutex_lock(&under_way.lock);
    under_way.running--;
    if (under_way.draining && !under_way.running) {
        g_cond_broadcast(&under_way.idle);
    }
    g_mutex_unlock(&under_way.lock);
}

static void ask_host(BlockRequest *req)
{
    req->ret = perform(req);
    req->from_host = req->ret < 0;
}

static void run_request(void *opaque)
{
    ask_host(opaque);
    finish(opaque);
}

/* ---- owner of the machine: small requests are done sooner than a thread is woken ---- */

#define SMALL_BYTES (1u << 20)

/* What the host has in memory. Whatever hinders it is the pool's affair. */
static bool read_now(BlockRequest *req)
{
    return req->kind == BLOCK_READ && req->bytes <= SMALL_BYTES &&
           bdrv_pread_now(req->blk->root, req->offset, req->data, req->bytes) == 0;
}

/*
 * What goes to the host's page cache can mostly be written at once too, but not surely: so without the machine's locks,
 * by a vCPU that waits for it (see_to_disks() in cpus.c). Where that takes long the pool gets the next ones: nine
 * tenths of the time the vCPU stays awake for other things.
 */
#define PUT_OFF_INSTRUCTIONS 20000
#define SLOW_US              2000
#define SLOW_PAUSE           9

static bool may_put_off(const BlockRequest *req)
{
    return req->kind == BLOCK_WRITE && req->bytes <= SMALL_BYTES && !(req->flags & BDRV_REQ_FUA) &&
           !(req->blk->root->open_flags & BDRV_O_NOCACHE) &&
           g_get_monotonic_time() >= __atomic_load_n(&req->blk->put_off_again_us, __ATOMIC_RELAXED) &&
           cpus_end_slice_within(PUT_OFF_INSTRUCTIONS);
}

static void run_put_off(void *opaque)
{
    BlockRequest *req = opaque;
    gint64 begin = g_get_monotonic_time();
    ask_host(req);
    gint64 end = g_get_monotonic_time();
    if (end - begin > SLOW_US) {
        __atomic_store_n(&req->blk->put_off_again_us, end + (end - begin) * SLOW_PAUSE, __ATOMIC_RELAXED);
    }
    finish(req);
}

bool blk_has_put_off(void)
{
    return thread_pool_has_put_off();
}

void blk_do_put_off(void)
{
    thread_pool_run_put_off();
}

void blk_submit_put_off(void)
{
    thread_pool_call_for_put_off();
}

BlockRequestId blkreplay_issue(BlockRequest *req)
{
    req->id = replay_block_begin();
    BlockRequestId id = req->id;
    bool impossible = req->ret < 0;
    g_mutex_lock(&under_way.lock);
    req->waits_for = impossible ? 0 : count_conflicts_locked(req);
    bool ready = !impossible && !req->waits_for;
    append_locked(req);
    under_way.running++;
    g_mutex_unlock(&under_way.lock);
    if (impossible || (ready && read_now(req))) {
        finish(req);
    } else if (ready && may_put_off(req)) {
        thread_pool_put_off(run_put_off, req);
    } else if (ready) {
        thread_pool_submit(run_request, req);
    }
    return id;
}

BlockRequest *blkreplay_find(BlockRequestId id)
{
    g_mutex_lock(&under_way.lock);
    BlockRequest *req = under_way.first;
    while (req && req->id != id) {
        req = req->next;
    }
    g_mutex_unlock(&under_way.lock);
    return req;
}

static const char *const kind_names[] = { "read", "write", "write of zeroes", "discard", "flush" };

/*
 * The host could not do it. The guest may be told, but no recording can: the log has no results. So a recording ends
 * here, and a replay whose host fails where the recorder's did not has diverged.
 */
static void report_host_error(BlockRequest *req)
{
    char *text = g_strdup_printf("%s: %s of %" PRId64 " bytes at %" PRId64 " failed: %s", req->blk->name,
                                 kind_names[req->kind], req->bytes, req->offset, g_strerror(-req->ret));
    if (replay_recording()) {
        error_report("%s; the recording ends here", text);
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_ERROR);
    } else if (replay_playing()) {
        replay_diverged("%s", text);
    } else {
        error_report("%s", text);
    }
    g_free(text);
}

static BlockErrorAction error_action(const BlockRequest *req)
{
    return req->kind == BLOCK_READ ? req->blk->on_read_error : req->blk->on_write_error;
}

/* What could not be read is zeroes, not what lay in our memory. One that comes from a snapshot has no memory yet. */
static void ignore_error(BlockRequest *req)
{
    req->ret = 0;
    if (req->kind == BLOCK_READ) {
        req->data = req->data ? req->data : block_buffer_new(req->bytes);
        memset(req->data, 0, req->bytes);
    }
}

static void complete(void *opaque)
{
    BlockRequest *req = opaque;
    g_mutex_lock(&under_way.lock);
    remove_locked(req);
    g_mutex_unlock(&under_way.lock);
    if (req->ret < 0 && req->from_host) {
        report_host_error(req);
        if (error_action(req) == BLOCK_ERROR_IGNORE) {
            ignore_error(req);
        }
    }
    bool brings_data = req->kind == BLOCK_READ && req->ret == 0;
    if (req->cb) {
        req->cb(req->opaque, req->id, req->ret, brings_data ? req->data : NULL, brings_data ? req->bytes : 0);
    }
    free_request(req);
}

void blk_drain_all(void)
{
    blk_submit_put_off();
    g_mutex_lock(&under_way.lock);
    under_way.draining = true;
    while (under_way.running) {
        g_cond_wait(&under_way.idle, &under_way.lock);
    }
    under_way.draining = false;
    g_mutex_unlock(&under_way.lock);
}

/* ---- state ---- */

/* One record for each request under way, in order of issue; little-endian. */
enum {
    SAVED_ID = 0,       /* u64 */
    SAVED_OFFSET = 8,   /* u64 */
    SAVED_BYTES = 16,   /* u64 */
    SAVED_BACKEND = 24, /* u32 */
    SAVED_RET = 28,     /* u32: -errno, two's complement */
    SAVED_LENGTH = 32,  /* u32: bytes of data behind the record */
    SAVED_KIND = 36,    /* u8 */
    SAVED_HOST = 37,    /* u8: from_host */
    SAVED_SIZE = 38
};

typedef struct BlockState {
    uint8_t *requests;
    uint32_t requests_len;
} BlockState;

static BlockState block_state;

static void save_request(GByteArray *out, const BlockRequest *req)
{
    uint8_t record[SAVED_SIZE];
    uint32_t length = req->kind == BLOCK_READ && req->ret == 0 ? req->bytes : 0;
    stq_le_p(record + SAVED_ID, req->id);
    stq_le_p(record + SAVED_OFFSET, req->offset);
    stq_le_p(record + SAVED_BYTES, req->bytes);
    stl_le_p(record + SAVED_BACKEND, req->blk->index);
    stl_le_p(record + SAVED_RET, req->ret);
    stl_le_p(record + SAVED_LENGTH, length);
    record[SAVED_KIND] = req->kind;
    record[SAVED_HOST] = req->from_host;
    g_byte_array_append(out, record, sizeof(record));
    g_byte_array_append(out, req->data, length);
}

static void state_pre_save(void *opaque)
{
    BlockState *s = opaque;
    blk_drain_all();
    GByteArray *out = g_byte_array_new();
    for (const BlockRequest *req = under_way.first; req; req = req->next) {
        save_request(out, req);
    }
    g_free(s->requests);
    s->requests_len = out->len;
    s->requests = g_byte_array_free(out, false);
}

static bool is_possible(const BlockRequest *req, uint32_t length)
{
    bool read = req->kind == BLOCK_READ;
    return req->id && req->blk && req->ret <= 0 && req->kind < BLOCK_KIND_COUNT && req->bytes >= 0 &&
           (!read || req->bytes <= BLK_MAX_TRANSFER) && length == (read && req->ret == 0 ? req->bytes : 0);
}

/* The request in the record at p, of which `left` bytes are there; *used: how many it takes. NULL: impossible. */
static BlockRequest *load_request(const uint8_t *p, size_t left, size_t *used)
{
    uint32_t length = left < SAVED_SIZE ? 0 : ldl_le_p(p + SAVED_LENGTH);
    if (left < SAVED_SIZE || length > left - SAVED_SIZE || length > BLK_MAX_TRANSFER) {
        return NULL;
    }
    BlockRequest *req = g_new0(BlockRequest, 1);
    req->id = ldq_le_p(p + SAVED_ID);
    req->offset = ldq_le_p(p + SAVED_OFFSET);
    req->bytes = ldq_le_p(p + SAVED_BYTES);
    req->blk = blk_by_index(ldl_le_p(p + SAVED_BACKEND));
    req->ret = ldl_le_p(p + SAVED_RET);
    req->kind = p[SAVED_KIND];
    req->from_host = p[SAVED_HOST];
    req->finished = true;
    if (!is_possible(req, length) || p[SAVED_HOST] > 1) {
        g_free(req);
        return NULL;
    }
    req->data = length ? block_buffer_new(length) : NULL;
    if (length) {
        memcpy(req->data, p + SAVED_SIZE, length);
    }
    *used = SAVED_SIZE + length;
    return req;
}

static void drop_list(BlockRequest *req)
{
    while (req) {
        BlockRequest *next = req->next;
        free_request(req);
        req = next;
    }
}

static void forget_all(void)
{
    drop_list(under_way.first);
    under_way.first = under_way.last = NULL;
}

/* Everything that was under way belongs to the time that is left behind. */
static bool state_post_load(void *opaque, Error **errp)
{
    BlockState *s = opaque;
    uint64_t last_id = 0;
    size_t used;
    blk_drain_all();
    forget_all();
    replay_block_forget_all();
    for (size_t at = 0; at < s->requests_len; at += used) {
        BlockRequest *req = load_request(s->requests + at, s->requests_len - at, &used);
        if (!req || req->id <= last_id) {
            error_setg(errp, "block: an impossible request under way (at byte %zu)", at);
            drop_list(req);
            return false;
        }
        last_id = req->id;
        append_locked(req);
        replay_block_restore(req->id, complete, req);
    }
    return true;
}

static const VMStateField block_fields[] = {
    VMSTATE_BUFFER(BlockState, requests, requests_len),
    VMSTATE_DERIVED(BlockState, requests_len), /* the buffer's length goes with it */
    VMSTATE_END,
};
static const VMStateDescription vmstate_block = {
    .name = "block",
    .version = 1,
    .fields = block_fields,
    .pre_save = state_pre_save,
    .post_load = state_post_load,
};

void blkreplay_init(void)
{
    vmstate_register("block", 0, &vmstate_block, &block_state);
}

/* ---- the node: marks the place in a graph; what goes through it is not changed ---- */

static int blkreplay_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    return bdrv_pread(bs->file, offset, buf, bytes);
}

static int blkreplay_pread_now(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    return bdrv_pread_now(bs->file, offset, buf, bytes);
}

static int blkreplay_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags)
{
    return bdrv_pwrite(bs->file, offset, buf, bytes, flags);
}

static int blkreplay_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    return bdrv_pwrite_zeroes(bs->file, offset, bytes, flags);
}

static int blkreplay_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes)
{
    return bdrv_pdiscard(bs->file, offset, bytes);
}

static BlockStatus blkreplay_block_status(BlockNode *bs, int64_t offset, int64_t *bytes)
{
    return bdrv_block_status(bs->file, offset, bytes);
}

const BlockDriver bdrv_blkreplay = {
    .name = "blkreplay",
    .child = "image",
    .pread = blkreplay_pread,
    .pread_now = blkreplay_pread_now,
    .pwrite = blkreplay_pwrite,
    .pwrite_zeroes = blkreplay_pwrite_zeroes,
    .pdiscard = blkreplay_pdiscard,
    .block_status = blkreplay_block_status,
};
