/*
 * block/qcow2-flush.c  Writes changed tables to the file, in an order that leaves a good image wherever it is cut off:
 *
 *   1  data and refcount blocks        nobody refers to them yet
 *   2  refcount table                  refers to blocks of 1; a new place: then the header
 *   3  L2 tables                       refer to data of 1, counted by 1 and 2
 *   4  L1 table                        refers to tables of 3; a new place, or a new size of the disk: then the header
 *   5  only now: what was given up becomes free in memory (its refcounts go out with the next flush)
 *
 * Between two steps that both have something to write there is a barrier (a flush of the file): a host that loses power
 * may have brought any part of what lies between two barriers to the disk. Cut off after 1 or 2: clusters are counted
 * that nobody uses, a leak. Tables are copied with the lock held and written without it, so that requests go on
 * meanwhile.
 */
#include "block/qcow2.h"

typedef struct TableCopy {
    Qcow2Table *table;
    uint32_t at, bytes;
    uint8_t *data;
} TableCopy;

typedef struct TopCopy {
    Qcow2Top *top;
    uint32_t lo, hi; /* entries; equal: nothing to write */
    bool moved;
    int64_t offset;
    uint32_t size;
    uint8_t *data;
} TopCopy;

/* What changed since the last time, on its way to the file. */
typedef struct Batch {
    BlockNode *bs;
    Qcow2State *s;
    GArray *refcounts, *l2; /* of TableCopy */
    TopCopy reftable, l1;
    GArray *frees;
    int64_t size;
    bool size_changed, data_before_l2;
    bool need_barrier; /* something was written that must come before what follows */
    bool unsynced;
} Batch;

/* ---- copying, with the lock held ---- */

/* O_DIRECT wants whole blocks: widen to pages where the table has them. */
static void widen(const Qcow2State *s, uint32_t *lo, uint32_t *hi)
{
    uint32_t unit = MIN(s->cluster_size, 4096);
    *lo &= ~(unit - 1);
    *hi = (*hi + unit - 1) & ~(unit - 1);
}

static uint8_t *copy_bytes(const void *data, uint32_t bytes)
{
    uint8_t *copy = aligned_alloc(512, (bytes + 511) & ~511u);
    lockstep_assert(copy, "no memory for a copy of %u bytes", bytes);
    memcpy(copy, data, bytes);
    return copy;
}

static GArray *take_tables(const Qcow2State *s, Qcow2Cache *c)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(TableCopy));
    for (GList *link = c->lru.head; link && c->dirty; link = link->next) {
        Qcow2Table *table = link->data;
        if (table->dirty_lo == table->dirty_hi) {
            continue;
        }
        widen(s, &table->dirty_lo, &table->dirty_hi);
        TableCopy copy = { table, table->dirty_lo, table->dirty_hi - table->dirty_lo, NULL };
        copy.data = copy_bytes(table->data + copy.at, copy.bytes);
        g_array_append_val(list, copy);
        table->dirty_lo = table->dirty_hi = 0;
        table->writing++;
        c->dirty--;
    }
    return list;
}

static TopCopy take_top(Qcow2State *s, Qcow2Top *top)
{
    TopCopy copy = { .top = top,
                     .lo = top->dirty_lo,
                     .hi = top->dirty_hi,
                     .moved = top->moved,
                     .offset = top->offset,
                     .size = top->size };
    uint32_t unit = MIN(s->cluster_size, 4096) / 8;
    if (top->moved) {
        copy.lo = 0;
        copy.hi = top->size;
    } else if (copy.lo != copy.hi) {
        copy.lo &= ~(unit - 1);
        copy.hi = MIN((copy.hi + unit - 1) & ~(unit - 1), top->size);
    }
    if (copy.lo != copy.hi) {
        copy.data = copy_bytes(top->entries + copy.lo, (copy.hi - copy.lo) * 8);
        for (uint32_t i = 0; i < copy.hi - copy.lo; i++) {
            stq_be_p(copy.data + i * 8, top->entries[copy.lo + i]);
        }
    }
    top->dirty_lo = top->dirty_hi = 0;
    top->moved = false;
    return copy;
}

static void take_batch(Batch *b)
{
    Qcow2State *s = b->s;
    b->refcounts = take_tables(s, &s->refcount_cache);
    b->l2 = take_tables(s, &s->l2_cache);
    b->reftable = take_top(s, &s->reftable);
    b->l1 = take_top(s, &s->l1);
    b->frees = s->frees;
    s->frees = g_array_new(FALSE, FALSE, sizeof(Qcow2Free));
    s->frees_count = 0;
    b->size = s->size;
    b->size_changed = s->size_changed;
    b->data_before_l2 = s->data_before_l2;
    s->size_changed = s->data_before_l2 = false;
    b->need_barrier = b->data_before_l2;
    b->unsynced = true;
}

/* ---- writing ---- */

static int barrier(Batch *b)
{
    int ret = b->need_barrier ? bdrv_flush(b->bs->file) : 0;
    if (ret == 0 && b->need_barrier) {
        b->need_barrier = b->unsynced = false;
    }
    return ret;
}

static int write_out(Batch *b, int64_t offset, const void *data, uint32_t bytes)
{
    b->need_barrier = b->unsynced = true;
    return bdrv_pwrite(b->bs->file, offset, data, bytes, 0);
}

static int write_tables(Batch *b, GArray *list)
{
    int ret = 0;
    for (guint i = 0; i < list->len && ret == 0; i++) {
        const TableCopy *copy = &g_array_index(list, TableCopy, i);
        ret = write_out(b, copy->table->offset + copy->at, copy->data, copy->bytes);
    }
    return ret;
}

static int write_top(Batch *b, const TopCopy *copy)
{
    int ret = barrier(b);
    return ret < 0 ? ret : write_out(b, copy->offset + (int64_t)copy->lo * 8, copy->data, (copy->hi - copy->lo) * 8);
}

static int write_reftable(Batch *b)
{
    const TopCopy *copy = &b->reftable;
    int ret = copy->data ? write_top(b, copy) : 0;
    if (ret < 0 || !copy->moved) {
        return ret;
    }
    ret = barrier(b);
    g_mutex_lock(&b->s->lock);
    stq_be_p(b->s->header + HDR_REFTABLE_OFFSET, copy->offset);
    stl_be_p(b->s->header + HDR_REFTABLE_CLUSTERS, qcow2_clusters(b->s, (uint64_t)copy->size * 8));
    ret = ret < 0 ? ret : write_out(b, 0, b->s->header, sizeof(b->s->header));
    g_mutex_unlock(&b->s->lock);
    return ret;
}

static int write_l1(Batch *b)
{
    const TopCopy *copy = &b->l1;
    int ret = copy->data ? write_top(b, copy) : 0;
    if (ret < 0 || (!copy->moved && !b->size_changed)) {
        return ret;
    }
    ret = barrier(b);
    g_mutex_lock(&b->s->lock);
    stq_be_p(b->s->header + HDR_L1_OFFSET, copy->offset);
    stl_be_p(b->s->header + HDR_L1_SIZE, copy->size);
    stq_be_p(b->s->header + HDR_SIZE, b->size);
    ret = ret < 0 ? ret : write_out(b, 0, b->s->header, sizeof(b->s->header));
    g_mutex_unlock(&b->s->lock);
    return ret;
}

static int write_batch(Batch *b)
{
    int ret = write_tables(b, b->refcounts);
    if (ret == 0) {
        ret = write_reftable(b);
    }
    if (ret == 0 && (b->l2->len || b->l1.data)) {
        ret = barrier(b);
    }
    if (ret == 0) {
        ret = write_tables(b, b->l2);
    }
    if (ret == 0) {
        ret = write_l1(b);
    }
    return ret == 0 && b->unsynced ? bdrv_flush(b->bs->file) : ret;
}

/* ---- afterwards ---- */

/* Not written: all of it is dirty again, the order will be kept next time. */
static void restore_tables(Qcow2Cache *c, GArray *list)
{
    for (guint i = 0; i < list->len; i++) {
        const TableCopy *copy = &g_array_index(list, TableCopy, i);
        qcow2_cache_dirty(c, copy->table, copy->at, copy->bytes);
    }
}

static void restore_top(const TopCopy *copy)
{
    Qcow2Top *top = copy->top;
    bool clean = top->dirty_lo == top->dirty_hi;
    top->moved |= copy->moved;
    if (copy->lo != copy->hi) {
        top->dirty_lo = clean ? copy->lo : MIN(top->dirty_lo, copy->lo);
        top->dirty_hi = clean ? copy->hi : MAX(top->dirty_hi, copy->hi);
    }
}

static void restore(Batch *b)
{
    Qcow2State *s = b->s;
    restore_tables(&s->refcount_cache, b->refcounts);
    restore_tables(&s->l2_cache, b->l2);
    restore_top(&b->reftable);
    restore_top(&b->l1);
    for (guint i = 0; i < b->frees->len; i++) {
        const Qcow2Free *item = &g_array_index(b->frees, Qcow2Free, i);
        qcow2_free(s, item->cluster, item->count);
    }
    s->size_changed |= b->size_changed;
    s->data_before_l2 |= b->data_before_l2;
}

static void release_tables(GArray *list)
{
    for (guint i = 0; i < list->len; i++) {
        TableCopy *copy = &g_array_index(list, TableCopy, i);
        copy->table->writing--;
        free(copy->data);
    }
    g_array_unref(list);
}

static bool sole_owner(BlockNode *bs, uint64_t cluster)
{
    Qcow2State *s = bs->opaque;
    uint64_t refcount;
    g_mutex_lock(&s->lock);
    bool sole = qcow2_refcount(bs, cluster, &refcount) == 0 && refcount == 1;
    g_mutex_unlock(&s->lock);
    return sole;
}

/* Give the room back to the host (discard=unmap) while nobody else can take it. */
static void punch(Batch *b, const Qcow2Free *item)
{
    for (uint64_t i = 0; i < item->count; i++) {
        if (sole_owner(b->bs, item->cluster + i)) {
            bdrv_pdiscard(b->bs->file, (int64_t)(item->cluster + i) << b->s->cluster_bits, b->s->cluster_size);
        }
    }
}

static int apply_frees(Batch *b)
{
    int ret = 0;
    for (guint i = 0; i < b->frees->len && ret == 0; i++) {
        const Qcow2Free *item = &g_array_index(b->frees, Qcow2Free, i);
        if (b->bs->file->open_flags & BDRV_O_UNMAP) {
            punch(b, item);
        }
        g_mutex_lock(&b->s->lock);
        ret = qcow2_decrement(b->bs, item->cluster, item->count);
        g_mutex_unlock(&b->s->lock);
    }
    return ret;
}

static int flush_locked(BlockNode *bs)
{
    Qcow2State *s = bs->opaque;
    Batch b = { .bs = bs, .s = s };
    g_mutex_lock(&s->lock);
    take_batch(&b);
    g_mutex_unlock(&s->lock);
    int ret = write_batch(&b);
    if (ret == 0) {
        ret = apply_frees(&b);
    } else {
        g_mutex_lock(&s->lock);
        restore(&b);
        g_mutex_unlock(&s->lock);
    }
    g_mutex_lock(&s->lock);
    release_tables(b.refcounts);
    release_tables(b.l2);
    g_mutex_unlock(&s->lock);
    free(b.reftable.data);
    free(b.l1.data);
    g_array_unref(b.frees);
    return ret;
}

int qcow2_flush(BlockNode *bs)
{
    Qcow2State *s = bs->opaque;
    if (!s->writable) {
        return 0;
    }
    g_mutex_lock(&s->flush_lock);
    int ret = flush_locked(bs);
    g_mutex_unlock(&s->flush_lock);
    return ret;
}

#define MAX_WAITING_FREES (256 * MiB)

int qcow2_limit_dirty(BlockNode *bs)
{
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->lock);
    bool much = s->l2_cache.dirty > s->l2_cache.limit / 2 || s->refcount_cache.dirty > s->refcount_cache.limit / 2 ||
                s->frees_count << s->cluster_bits > MAX_WAITING_FREES || s->frees->len > 65536;
    g_mutex_unlock(&s->lock);
    return much ? qcow2_flush(bs) : 0;
}
