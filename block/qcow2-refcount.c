/*
 * block/qcow2-refcount.c  Which host clusters are used (specification: "Host cluster management"), and finding free
 * ones.
 *
 * A cluster that is given up stays taken until a flush has brought the tables that no longer mention it to stable
 * storage: were it used again before, a power cut could leave two owners.
 */
#include "block/qcow2.h"

uint64_t qcow2_refcount_in(const uint8_t *block, unsigned order, uint64_t index)
{
    switch (order) {
    case 4:
        return lduw_be_p(block + index * 2);
    case 5:
        return ldl_be_p(block + index * 4);
    case 6:
        return ldq_be_p(block + index * 8);
    default: {
        unsigned bits = 1u << order, per_byte = 8 / bits;
        return block[index / per_byte] >> (index % per_byte * bits) & ((1u << bits) - 1);
    }
    }
}

void qcow2_set_refcount_in(uint8_t *block, unsigned order, uint64_t index, uint64_t value)
{
    switch (order) {
    case 4:
        stw_be_p(block + index * 2, value);
        break;
    case 5:
        stl_be_p(block + index * 4, value);
        break;
    case 6:
        stq_be_p(block + index * 8, value);
        break;
    default: {
        unsigned bits = 1u << order, per_byte = 8 / bits, shift = index % per_byte * bits;
        uint8_t *p = block + index / per_byte;
        *p = (*p & ~(((1u << bits) - 1) << shift)) | value << shift;
    }
    }
}

/* ---- what holds tables ---- */

bool qcow2_add_metadata(Qcow2State *s, int64_t offset, uint64_t bytes)
{
    bool all_new = true;
    uint64_t first = (uint64_t)offset >> s->cluster_bits;
    for (uint64_t i = 0; i < qcow2_clusters(s, bytes); i++) {
        all_new &= g_hash_table_add(s->metadata, GSIZE_TO_POINTER(first + i));
    }
    return all_new;
}

/* What the file says: within it, so that no more can be said than fits into it, and nowhere twice. */
static bool add_found(Qcow2State *s, int64_t offset, uint64_t bytes)
{
    uint64_t end = ((uint64_t)offset >> s->cluster_bits) + qcow2_clusters(s, bytes);
    return end <= s->fresh_from && qcow2_add_metadata(s, offset, bytes);
}

static bool add_tables(Qcow2State *s, const Qcow2Top *top, uint64_t mask)
{
    bool good = !top->size || add_found(s, top->offset, (uint64_t)top->size * 8);
    for (uint32_t i = 0; i < top->size; i++) {
        uint64_t offset = top->entries[i] & mask;
        good = good && (!offset || (qcow2_aligned(s, offset) && add_found(s, offset, s->cluster_size)));
    }
    return good;
}

bool qcow2_find_metadata(BlockNode *bs)
{
    Qcow2State *s = bs->opaque;
    g_hash_table_remove_all(s->metadata);
    bool good = qcow2_add_metadata(s, 0, s->cluster_size) && add_tables(s, &s->reftable, ~511ull) &&
                add_tables(s, &s->l1, QCOW2_OFFSET_MASK);
    g_autoptr(GByteArray) table = qcow2_snapshot_table(s->snapshots, s->nb_snapshots);
    good = good && (!table->len || add_found(s, s->snapshots_offset, table->len));
    for (uint32_t i = 0; good && i < s->nb_snapshots; i++) {
        const Qcow2Snapshot *sn = &s->snapshots[i];
        good = add_found(s, sn->l1_offset, (uint64_t)sn->l1_size * 8);
    }
    return good;
}

/* ---- refcounts ---- */

/* The block that counts a cluster; NULL: not there yet, all of its clusters are free. */
static int get_block(BlockNode *bs, uint64_t cluster, Qcow2Table **block)
{
    Qcow2State *s = bs->opaque;
    uint64_t index = cluster >> qcow2_refblock_bits(s);
    *block = NULL;
    if (index >= s->reftable.size || !s->reftable.entries[index]) {
        return 0;
    }
    uint64_t offset = s->reftable.entries[index] & ~511ull;
    if (!qcow2_aligned(s, offset) || offset > QCOW2_OFFSET_MASK) {
        return qcow2_mark_corrupt(bs, "refcount block offset 0x%" PRIx64 " unaligned", offset);
    }
    return qcow2_cache_get(bs, &s->refcount_cache, offset, block);
}

static uint64_t index_in_block(const Qcow2State *s, uint64_t cluster)
{
    return cluster & ((1ull << qcow2_refblock_bits(s)) - 1);
}

int qcow2_refcount(BlockNode *bs, uint64_t cluster, uint64_t *refcount)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *block;
    int ret = get_block(bs, cluster, &block);
    *refcount = ret == 0 && block ? qcow2_refcount_in(block->data, s->refcount_order, index_in_block(s, cluster)) : 0;
    return ret;
}

static void set_refcount(Qcow2State *s, Qcow2Table *block, uint64_t cluster, uint64_t value)
{
    uint64_t index = index_in_block(s, cluster), bit = index << s->refcount_order;
    qcow2_set_refcount_in(block->data, s->refcount_order, index, value);
    qcow2_cache_dirty(&s->refcount_cache, block, bit / 8, MAX(1, (1u << s->refcount_order) / 8));
}

static int decrement_one(BlockNode *bs, uint64_t cluster)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *block;
    int ret = get_block(bs, cluster, &block);
    if (ret < 0) {
        return ret;
    }
    uint64_t old = block ? qcow2_refcount_in(block->data, s->refcount_order, index_in_block(s, cluster)) : 0;
    if (!old) {
        return qcow2_mark_corrupt(bs, "refcount of the used cluster at 0x%" PRIx64 " is 0", cluster << s->cluster_bits);
    }
    set_refcount(s, block, cluster, old - 1);
    if (old == 1) {
        s->free_hint = MIN(s->free_hint, cluster);
        g_hash_table_remove(s->metadata, GSIZE_TO_POINTER(cluster));
    }
    return 0;
}

int qcow2_decrement(BlockNode *bs, uint64_t cluster, uint64_t count)
{
    int ret = 0;
    for (uint64_t i = 0; i < count && ret == 0; i++) {
        ret = decrement_one(bs, cluster + i);
    }
    return ret;
}

void qcow2_free(Qcow2State *s, uint64_t cluster, uint64_t count)
{
    Qcow2Free *last = s->frees->len ? &g_array_index(s->frees, Qcow2Free, s->frees->len - 1) : NULL;
    s->frees_count += count;
    if (last && last->cluster + last->count == cluster) {
        last->count += count;
        return;
    }
    Qcow2Free item = { cluster, count };
    g_array_append_val(s->frees, item);
}

/* ---- the upper levels ---- */

void qcow2_top_set(Qcow2Top *top, uint32_t index, uint64_t entry)
{
    bool clean = top->dirty_lo == top->dirty_hi;
    top->entries[index] = entry;
    top->dirty_lo = clean ? index : MIN(top->dirty_lo, index);
    top->dirty_hi = clean ? index + 1 : MAX(top->dirty_hi, index + 1);
}

static void resize_top(Qcow2Top *top, uint64_t size)
{
    top->entries = g_renew(uint64_t, top->entries, MAX(size, 1));
    if (size > top->size) {
        memset(top->entries + top->size, 0, (size - top->size) * 8);
    }
    top->size = size;
}

int qcow2_grow_top(BlockNode *bs, Qcow2Top *top, uint64_t size, int64_t max_bytes)
{
    Qcow2State *s = bs->opaque;
    uint64_t old_size = top->size;
    if (size * 8 > (uint64_t)max_bytes) {
        return -EFBIG;
    }
    uint64_t clusters = qcow2_clusters(s, MIN(MAX(size, old_size + old_size / 2) * 8, (uint64_t)max_bytes));
    /* First, because taking clusters may need the new room. */
    resize_top(top, MIN(clusters << (s->cluster_bits - 3), (uint64_t)max_bytes / 8));
    bool fresh;
    int64_t offset = qcow2_alloc(bs, &clusters, true, &fresh);
    if (offset < 0) {
        resize_top(top, old_size);
        return offset;
    }
    if (old_size) {
        qcow2_free(s, (uint64_t)top->offset >> s->cluster_bits, qcow2_clusters(s, old_size * 8));
    }
    qcow2_add_metadata(s, offset, (uint64_t)top->size * 8);
    top->offset = offset;
    top->moved = true;
    return 0;
}

/* ---- finding free clusters ---- */

static bool is_reserved(const Qcow2State *s, uint64_t cluster)
{
    return cluster >= s->reserved_start && cluster < s->reserved_end;
}

/* How many free clusters follow under this refcount block, at most max. Where there is no block all are. */
static int64_t free_in_block(BlockNode *bs, uint64_t cluster, uint64_t max)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *block;
    int ret = get_block(bs, cluster, &block);
    if (ret < 0 || is_reserved(s, cluster)) {
        return ret;
    }
    uint64_t index = index_in_block(s, cluster), n = 0;
    max = MIN(max, (1ull << qcow2_refblock_bits(s)) - index);
    max = cluster < s->reserved_start ? MIN(max, s->reserved_start - cluster) : max;
    while (n < max && (!block || !qcow2_refcount_in(block->data, s->refcount_order, index + n))) {
        n++;
    }
    return n;
}

/* From a used cluster to the first that may be free. */
static int skip_used(BlockNode *bs, uint64_t *cluster)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *block;
    if (is_reserved(s, *cluster)) {
        *cluster = s->reserved_end;
        return 0;
    }
    int ret = get_block(bs, *cluster, &block);
    if (ret < 0 || !block) {
        return ret;
    }
    uint64_t index = index_in_block(s, *cluster), end = 1ull << qcow2_refblock_bits(s), start = index;
    while (index < end && qcow2_refcount_in(block->data, s->refcount_order, index)) {
        index++;
    }
    *cluster += index - start;
    return 0;
}

/* The first run of free clusters: as long as wanted, or (not exact) whatever it is. */
static int64_t find_run(BlockNode *bs, uint64_t *count, bool exact)
{
    Qcow2State *s = bs->opaque;
    uint64_t start = s->free_hint, found = 0;
    int64_t n = 0;
    while (found < *count && n >= 0) {
        if (start + found >= QCOW2_OFFSET_MASK >> s->cluster_bits) {
            return -EFBIG;
        }
        n = free_in_block(bs, start + found, *count - found);
        if (n > 0) {
            found += n;
        } else if (n == 0 && found && !exact) {
            *count = found;
        } else if (n == 0) {
            start += found;
            found = 0;
            n = skip_used(bs, &start);
        }
    }
    return n < 0 ? n : (int64_t)start;
}

/* ---- taking them ---- */

/* Refcounts of a hostile image may say of a table that it is free. */
static int check_free(BlockNode *bs, uint64_t cluster)
{
    Qcow2State *s = bs->opaque;
    return !qcow2_is_metadata(s, cluster)
               ? 0
               : qcow2_mark_corrupt(bs, "the table at 0x%" PRIx64 " has a refcount of 0", cluster << s->cluster_bits);
}

static int take(BlockNode *bs, uint64_t cluster)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *block;
    int ret = check_free(bs, cluster);
    ret = ret < 0 ? ret : get_block(bs, cluster, &block);
    if (ret == 0) {
        set_refcount(s, block, cluster, 1);
        s->fresh_from = MAX(s->fresh_from, cluster + 1);
    }
    return ret;
}

/* A refcount block in the first free cluster: for entry `index`, or, if nothing counts that cluster yet, for itself. */
static int make_block(BlockNode *bs, uint64_t index)
{
    Qcow2State *s = bs->opaque;
    uint64_t one = 1;
    int64_t cluster = find_run(bs, &one, true);
    int ret = cluster < 0 ? cluster : check_free(bs, cluster);
    if (ret < 0) {
        return ret;
    }
    uint64_t own = (uint64_t)cluster >> qcow2_refblock_bits(s);
    if (own >= s->reftable.size) {
        return -EAGAIN;
    }
    qcow2_cache_new(&s->refcount_cache, cluster << s->cluster_bits);
    qcow2_top_set(&s->reftable, s->reftable.entries[own] ? index : own, cluster << s->cluster_bits);
    ret = take(bs, cluster);
    qcow2_add_metadata(s, cluster << s->cluster_bits, s->cluster_size);
    return ret;
}

/* -EAGAIN: the refcount table is too small. */
static int make_blocks(BlockNode *bs, uint64_t start, uint64_t count)
{
    Qcow2State *s = bs->opaque;
    uint64_t last = (start + count - 1) >> qcow2_refblock_bits(s);
    int ret = last < s->reftable.size ? 0 : -EAGAIN;
    s->reserved_start = start;
    s->reserved_end = start + count;
    for (uint64_t i = start >> qcow2_refblock_bits(s); i <= last && ret == 0; i++) {
        while (ret == 0 && !s->reftable.entries[i]) {
            ret = make_block(bs, i);
        }
    }
    s->reserved_start = s->reserved_end = 0;
    return ret;
}

/* A run and the blocks that count it. Growing the table takes clusters too, so the search begins again. */
static int64_t find_counted_run(BlockNode *bs, uint64_t *count, bool exact)
{
    Qcow2State *s = bs->opaque;
    uint64_t wanted = *count;
    int ret;
    int64_t start;
    do {
        *count = wanted;
        start = find_run(bs, count, exact);
        ret = start < 0 ? start : make_blocks(bs, start, *count);
        if (ret == -EAGAIN) {
            int grown = qcow2_grow_top(bs, &s->reftable, s->reftable.size + 1ull, QCOW2_MAX_REFTABLE_BYTES);
            ret = grown < 0 ? grown : ret;
        }
    } while (ret == -EAGAIN);
    return ret < 0 ? ret : start;
}

int64_t qcow2_alloc(BlockNode *bs, uint64_t *count, bool exact, bool *fresh)
{
    Qcow2State *s = bs->opaque;
    bool from_hint = !exact || *count == 1;
    int64_t start = s->corrupt ? -EIO : find_counted_run(bs, count, exact);
    if (start < 0) {
        return start;
    }
    *fresh = (uint64_t)start >= s->fresh_from;
    int ret = 0;
    for (uint64_t i = 0; i < *count && ret == 0; i++) {
        ret = take(bs, start + i);
    }
    s->free_hint = from_hint ? start + *count : s->free_hint;
    return ret < 0 ? ret : start << s->cluster_bits;
}
