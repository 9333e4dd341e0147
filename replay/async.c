/*
 * replay/async.c  The queue of asynchronous work, and how each kind takes effect.
 *
 * Producers are any threads; they hold nothing but the queue's own lock. The consumer is the owner of replay_mutex, at
 * a checkpoint. In replay producers are dropped and the same dispatch is fed from the log.
 *
 * Storage is the exception: a completion carries the function that hands over its data, so it is kept in a table by id
 * in every mode, and the event (queued when recording, read in replay) only says when. In replay the event may come
 * before the worker has finished: then the vCPU thread waits for it.
 */
#include "replay/replay-internal.h"

#include "sysemu/cpus.h"
#include "util/error.h"

#define BH_ID_FLAG  (1ULL << 63)
#define MAX_FILTERS 256 /* the id is one byte of the log */

struct ReplayBH {
    char *name;
    ReplayBHFunc *fn;
    void *opaque;
    uint64_t id;
};

typedef struct NetFilter {
    ReplayNetFunc *deliver;
    void *opaque;
} NetFilter;

typedef struct BlockRequest {
    bool done;
    ReplayBHFunc *cb;
    void *opaque;
} BlockRequest;

static GMutex lock;                 /* queue, queued, blocks */
static GQueue queue = G_QUEUE_INIT; /* of ReplayEvent *, data owned */
static gint queued;                 /* length of queue; read without the lock */
static GHashTable *blocks;          /* id -> BlockRequest */
static GCond block_done;
static bool block_awaited;    /* somebody sleeps on block_done */
static gint blocks_under_way; /* begun and not done; read without the lock */

/* Owner of replay_mutex, or before the machine runs. */
static uint64_t last_block_id;
static GPtrArray *bhs; /* of ReplayBH */
static NetFilter filters[MAX_FILTERS];
static unsigned filter_count;
static bool in_checkpoint;

/* ---- the queue ---- */

static ReplayEvent *copy_event(const ReplayEvent *ev)
{
    ReplayEvent *copy = g_memdup2(ev, sizeof(*ev));
    copy->data = ev->len ? g_memdup2(ev->data, ev->len) : NULL;
    return copy;
}

static void free_event(gpointer data)
{
    ReplayEvent *ev = data;
    g_free((uint8_t *)ev->data);
    g_free(ev);
}

void async_enqueue(const ReplayEvent *ev)
{
    if (!replay_ops->takes_host_events) {
        return;
    }
    ReplayEvent *copy = copy_event(ev);
    g_mutex_lock(&lock);
    g_queue_push_tail(&queue, copy);
    g_atomic_int_set(&queued, (gint)queue.length);
    g_mutex_unlock(&lock);
    cpus_kick();
}

bool async_pending(void)
{
    return g_atomic_int_get(&queued) > 0;
}

static GQueue take_queue(void)
{
    g_mutex_lock(&lock);
    GQueue taken = queue;
    g_queue_init(&queue);
    g_atomic_int_set(&queued, 0);
    g_mutex_unlock(&lock);
    return taken;
}

void async_run_queue(ReplayCheckpoint checkpoint, void (*log)(const ReplayEvent *ev))
{
    if (!async_pending()) {
        return;
    }
    GQueue taken = take_queue();
    ReplayEvent *ev;
    while ((ev = g_queue_pop_head(&taken))) {
        ev->arg[ASYNC_ARG_CHECKPOINT] = checkpoint;
        if (log) {
            log(ev);
        }
        char *problem = async_dispatch(ev);
        lockstep_assert(!problem, "%s", problem);
        free_event(ev);
    }
}

void checkpoint_enter(ReplayCheckpoint checkpoint)
{
    lockstep_assert(!in_checkpoint, "checkpoint %d inside another", checkpoint);
    in_checkpoint = true;
}

void checkpoint_leave(void)
{
    in_checkpoint = false;
}

/* ---- bottom halves ---- */

ReplayBH *replay_bh_new(const char *name, ReplayBHFunc *fn, void *opaque)
{
    if (!bhs) {
        bhs = g_ptr_array_new();
    }
    ReplayBH *bh = g_new(ReplayBH, 1);
    *bh = (ReplayBH){ .name = g_strdup(name), .fn = fn, .opaque = opaque, .id = BH_ID_FLAG | bhs->len };
    g_ptr_array_add(bhs, bh);
    return bh;
}

void replay_bh_schedule_event(ReplayBH *bh)
{
    async_enqueue(&(ReplayEvent){ .id = EVENT_ASYNC, .arg = { 0, REPLAY_ASYNC_EVENT_BH, bh->id } });
}

static char *bh_problem(uint64_t id)
{
    bool known = (id & BH_ID_FLAG) && bhs && (id & ~BH_ID_FLAG) < bhs->len;
    return known ? NULL : g_strdup_printf("the machine has no bottom half 0x%" PRIx64, id);
}

static void dispatch_bh(uint64_t id)
{
    ReplayBH *bh = g_ptr_array_index(bhs, id & ~BH_ID_FLAG);
    bh->fn(bh->opaque);
}

/* ---- storage ---- */

static void add_block_locked(uint64_t id, const BlockRequest *request)
{
    if (!blocks) {
        blocks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    }
    g_hash_table_insert(blocks, g_memdup2(&id, sizeof(id)), g_memdup2(request, sizeof(*request)));
}

uint64_t replay_block_begin(void)
{
    uint64_t id = ++last_block_id;
    g_mutex_lock(&lock);
    add_block_locked(id, &(BlockRequest){ 0 });
    g_mutex_unlock(&lock);
    g_atomic_int_inc(&blocks_under_way);
    return id;
}

bool replay_block_under_way(void)
{
    return g_atomic_int_get(&blocks_under_way) > 0;
}

void replay_block_event(uint64_t id, ReplayBHFunc *cb, void *opaque)
{
    g_mutex_lock(&lock);
    BlockRequest *request = blocks ? g_hash_table_lookup(blocks, &id) : NULL;
    lockstep_assert(request && !request->done, "completion of block request %" PRIu64, id);
    *request = (BlockRequest){ .done = true, .cb = cb, .opaque = opaque };
    bool awaited = block_awaited;
    g_mutex_unlock(&lock);
    g_atomic_int_add(&blocks_under_way, -1);
    if (awaited) {
        g_cond_broadcast(&block_done);
    }
    async_enqueue(&(ReplayEvent){ .id = EVENT_ASYNC, .arg = { 0, REPLAY_ASYNC_EVENT_BLOCK, id } });
}

void replay_block_forget_all(void)
{
    g_mutex_lock(&lock);
    g_clear_pointer(&blocks, g_hash_table_destroy);
    g_mutex_unlock(&lock);
}

void replay_block_restore(uint64_t id, ReplayBHFunc *cb, void *opaque)
{
    BlockRequest done = { .done = true, .cb = cb, .opaque = opaque };
    g_mutex_lock(&lock);
    add_block_locked(id, &done);
    g_mutex_unlock(&lock);
}

/* For an id that was never begun nobody would come. */
static char *block_problem(uint64_t id)
{
    g_mutex_lock(&lock);
    bool known = blocks && g_hash_table_contains(blocks, &id);
    g_mutex_unlock(&lock);
    return known ? NULL : g_strdup_printf("no block request %" PRIu64 " is under way", id);
}

/* Each request is completed some day, so waiting ends. */
static void dispatch_block(uint64_t id)
{
    g_mutex_lock(&lock);
    BlockRequest *request = g_hash_table_lookup(blocks, &id);
    block_awaited = !request->done;
    while (!request->done) {
        g_cond_wait(&block_done, &lock);
    }
    block_awaited = false;
    BlockRequest done = *request;
    g_hash_table_remove(blocks, &id);
    g_mutex_unlock(&lock);
    done.cb(done.opaque);
}

/* ---- network ---- */

int replay_register_net(ReplayNetFunc *deliver, void *opaque)
{
    lockstep_assert(filter_count < MAX_FILTERS, "more than %d network filters", MAX_FILTERS);
    filters[filter_count] = (NetFilter){ deliver, opaque };
    return filter_count++;
}

void replay_net_packet(int id, uint32_t flags, const uint8_t *buf, size_t len)
{
    lockstep_assert(id >= 0 && (unsigned)id < filter_count, "network filter %d", id);
    lockstep_assert(len <= REPLAY_MAX_ARRAY, "packet of %zu bytes", len);
    async_enqueue(
        &(ReplayEvent){ .id = EVENT_ASYNC, .arg = { 0, REPLAY_ASYNC_EVENT_NET, id, flags }, .data = buf, .len = len });
}

static char *net_problem(uint64_t id)
{
    return id < filter_count ? NULL : g_strdup_printf("the machine has no network filter %" PRIu64, id);
}

static void dispatch_net(const ReplayEvent *ev)
{
    const NetFilter *filter = &filters[ev->arg[ASYNC_ARG_FIRST]];
    filter->deliver(filter->opaque, ev->arg[ASYNC_ARG_FIRST + 1], ev->data, ev->len);
}

/* ---- dispatch ---- */

static char *input_problem(const ReplayEvent *ev)
{
    InputEvent evt;
    return input_event_decode(ev, &evt) ? NULL : g_strdup("impossible input event");
}

static void dispatch_input(const ReplayEvent *ev)
{
    InputEvent evt;
    input_event_decode(ev, &evt);
    qemu_input_event_send_impl(&evt);
}

/* Why the event cannot take effect in this machine; NULL: it can. g_free it. */
static char *find_problem(const ReplayEvent *ev)
{
    switch ((ReplayAsyncKind)ev->arg[ASYNC_ARG_KIND]) {
    case REPLAY_ASYNC_EVENT_BH:
        return bh_problem(ev->arg[ASYNC_ARG_FIRST]);
    case REPLAY_ASYNC_EVENT_INPUT:
        return input_problem(ev);
    case REPLAY_ASYNC_EVENT_INPUT_SYNC:
        return NULL;
    case REPLAY_ASYNC_EVENT_CHAR_READ:
        return char_problem(ev);
    case REPLAY_ASYNC_EVENT_BLOCK:
        return block_problem(ev->arg[ASYNC_ARG_FIRST]);
    case REPLAY_ASYNC_EVENT_NET:
        return net_problem(ev->arg[ASYNC_ARG_FIRST]);
    case REPLAY_ASYNC_COUNT:
        break;
    }
    g_assert_not_reached();
}

static void dispatch(const ReplayEvent *ev)
{
    switch ((ReplayAsyncKind)ev->arg[ASYNC_ARG_KIND]) {
    case REPLAY_ASYNC_EVENT_BH:
        dispatch_bh(ev->arg[ASYNC_ARG_FIRST]);
        break;
    case REPLAY_ASYNC_EVENT_INPUT:
        dispatch_input(ev);
        break;
    case REPLAY_ASYNC_EVENT_INPUT_SYNC:
        qemu_input_event_sync_impl();
        break;
    case REPLAY_ASYNC_EVENT_CHAR_READ:
        char_dispatch(ev);
        break;
    case REPLAY_ASYNC_EVENT_BLOCK:
        dispatch_block(ev->arg[ASYNC_ARG_FIRST]);
        break;
    case REPLAY_ASYNC_EVENT_NET:
        dispatch_net(ev);
        break;
    case REPLAY_ASYNC_COUNT:
        g_assert_not_reached();
    }
}

char *async_dispatch(const ReplayEvent *ev)
{
    char *problem = find_problem(ev);
    if (!problem) {
        dispatch(ev);
    }
    return problem;
}

/* ---- snapshots: u64 last block id, then the events that wait, in the log's bytes ---- */

static void encode_event(gpointer data, gpointer out)
{
    log_encode_event(out, data);
}

void async_save(GByteArray *out)
{
    append_le(out, last_block_id, sizeof(last_block_id));
    g_mutex_lock(&lock);
    g_queue_foreach(&queue, encode_event, out);
    g_mutex_unlock(&lock);
}

static bool read_queue(const uint8_t *buf, size_t len, GQueue *events, Error **errp)
{
    LogReader r;
    ReplayEvent ev;
    log_reader_init_memory(&r, buf, len);
    while (log_read_event(&r, &ev) == LOG_OK && ev.id == EVENT_ASYNC) {
        g_queue_push_tail(events, copy_event(&ev));
    }
    bool ok = r.status == LOG_CUT && r.end_offset == len;
    log_reader_close(&r);
    if (!ok) {
        error_setg(errp, "the events that wait are damaged (at byte %" PRIu64 ")", ev.offset);
    }
    return ok;
}

static int compare_ids(gconstpointer a, gconstpointer b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool queue_has_block(const GQueue *events, uint64_t id)
{
    for (const GList *l = events->head; l; l = l->next) {
        const ReplayEvent *ev = l->data;
        if (ev->arg[ASYNC_ARG_KIND] == REPLAY_ASYNC_EVENT_BLOCK && ev->arg[ASYNC_ARG_FIRST] == id) {
            return true;
        }
    }
    return false;
}

/*
 * In a snapshot taken while replaying the log had the events of requests that were done; without a log they come now.
 */
static void queue_missing_blocks(GQueue *events)
{
    GList *ids = blocks ? g_list_sort(g_hash_table_get_keys(blocks), compare_ids) : NULL;
    for (GList *l = ids; l; l = l->next) {
        uint64_t id = *(uint64_t *)l->data;
        if (!queue_has_block(events, id)) {
            ReplayEvent ev = { .id = EVENT_ASYNC, .arg = { 0, REPLAY_ASYNC_EVENT_BLOCK, id } };
            g_queue_push_tail(events, copy_event(&ev));
        }
    }
    g_list_free(ids);
}

static void put_queue(GQueue *events)
{
    ReplayEvent *ev;
    queue_missing_blocks(events);
    while ((ev = g_queue_pop_head(events))) {
        async_enqueue(ev);
        free_event(ev);
    }
}

/* Numbers go up: one that is given later must not meet one that is under way. */
static bool check_last_id(uint64_t last, Error **errp)
{
    GList *ids = blocks ? g_list_sort(g_hash_table_get_keys(blocks), compare_ids) : NULL;
    uint64_t highest = ids ? *(uint64_t *)g_list_last(ids)->data : 0;
    g_list_free(ids);
    if (highest > last || last > INT64_MAX) {
        error_setg(errp, "the last block request has the number %" PRIu64 ", %" PRIu64 " is under way", last, highest);
    }
    return highest <= last && last <= INT64_MAX;
}

/* Each can take effect when its checkpoint comes: a completion once. */
static bool check_queue(GQueue *events, Error **errp)
{
    g_autoptr(GHashTable) done = g_hash_table_new(g_int64_hash, g_int64_equal);
    for (GList *l = events->head; l; l = l->next) {
        ReplayEvent *ev = l->data;
        bool block = ev->arg[ASYNC_ARG_KIND] == REPLAY_ASYNC_EVENT_BLOCK;
        g_autofree char *problem = block && !g_hash_table_add(done, &ev->arg[ASYNC_ARG_FIRST])
                                       ? g_strdup("the request ends twice")
                                       : find_problem(ev);
        if (problem) {
            g_autofree char *text = replay_event_describe(ev);
            error_setg(errp, "%s waits, but %s", text, problem);
            return false;
        }
    }
    return true;
}

static bool load_queue(const uint8_t *buf, size_t len, GQueue *events, Error **errp)
{
    if (len < sizeof(last_block_id)) {
        error_setg(errp, "the events that wait are missing");
        return false;
    }
    return check_last_id(ldq_le_p(buf), errp) &&
           read_queue(buf + sizeof(last_block_id), len - sizeof(last_block_id), events, errp) &&
           check_queue(events, errp);
}

bool async_load(const uint8_t *buf, size_t len, Error **errp)
{
    GQueue events = G_QUEUE_INIT;
    if (!load_queue(buf, len, &events, errp)) {
        g_queue_clear_full(&events, free_event);
        return false;
    }
    last_block_id = ldq_le_p(buf);
    GQueue old = take_queue();
    g_queue_clear_full(&old, free_event);
    put_queue(&events);
    return true;
}

static void free_bh(gpointer data, gpointer unused)
{
    ReplayBH *bh = data;
    (void)unused;
    g_free(bh->name);
    g_free(bh);
}

void async_reset(void)
{
    GQueue taken = take_queue();
    g_queue_clear_full(&taken, free_event);
    if (bhs) {
        g_ptr_array_foreach(bhs, free_bh, NULL);
        g_ptr_array_free(bhs, true);
        bhs = NULL;
    }
    g_clear_pointer(&blocks, g_hash_table_destroy);
    blocks_under_way = 0;
    last_block_id = 0;
    filter_count = 0;
    in_checkpoint = false;
}
