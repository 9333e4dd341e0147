/*
 * block/qcow2-cluster.c  From the guest's offsets to what is there (specification: "Cluster mapping").
 */
#include "block/qcow2.h"

/* ---- L2 tables ---- */

static bool l2_place(BlockNode *bs, uint64_t entry, int64_t *offset)
{
    Qcow2State *s = bs->opaque;
    *offset = entry & QCOW2_OFFSET_MASK;
    if (!qcow2_aligned(s, *offset)) {
        qcow2_mark_corrupt(bs, "L2 table offset 0x%" PRIx64 " unaligned", (uint64_t)*offset);
        return false;
    }
    return true;
}

static uint32_t l2_index(const Qcow2State *s, int64_t offset)
{
    return offset >> s->cluster_bits & (qcow2_l2_entries(s) - 1);
}

int qcow2_l2_for_read(BlockNode *bs, int64_t offset, Qcow2Table **table, uint32_t *index)
{
    Qcow2State *s = bs->opaque;
    uint64_t l1_index = (uint64_t)offset >> qcow2_l1_shift(s);
    int64_t place = 0;
    *table = NULL;
    *index = l2_index(s, offset);
    if (l1_index >= s->l1.size || !(s->l1.entries[l1_index] & QCOW2_OFFSET_MASK)) {
        return 0;
    }
    return l2_place(bs, s->l1.entries[l1_index], &place) ? qcow2_cache_get(bs, &s->l2_cache, place, table) : -EIO;
}

bool qcow2_map_is_here(BlockNode *bs, int64_t offset)
{
    Qcow2State *s = bs->opaque;
    uint64_t l1_index = (uint64_t)offset >> qcow2_l1_shift(s);
    int64_t place = l1_index < s->l1.size ? (int64_t)(s->l1.entries[l1_index] & QCOW2_OFFSET_MASK) : 0;
    return !place || g_hash_table_contains(s->l2_cache.tables, &place);
}

/* A new table in the place of old (NULL: none), which other L1 tables may go on using. */
static int replace_l2(BlockNode *bs, uint32_t l1_index, Qcow2Table *old, Qcow2Table **table)
{
    Qcow2State *s = bs->opaque;
    uint64_t one = 1;
    bool fresh;
    int64_t place = qcow2_alloc(bs, &one, true, &fresh);
    if (place < 0) {
        return place;
    }
    *table = qcow2_cache_new(&s->l2_cache, place);
    if (old) {
        memcpy((*table)->data, old->data, s->cluster_size);
        qcow2_free(s, old->offset >> s->cluster_bits, 1);
    }
    qcow2_add_metadata(s, place, s->cluster_size);
    qcow2_top_set(&s->l1, l1_index, place | QCOW2_COPIED);
    return 0;
}

int qcow2_l2_for_write(BlockNode *bs, int64_t offset, Qcow2Table **table, uint32_t *index)
{
    Qcow2State *s = bs->opaque;
    uint64_t l1_index = (uint64_t)offset >> qcow2_l1_shift(s);
    Qcow2Table *old;
    int ret = l1_index < s->l1.size ? qcow2_l2_for_read(bs, offset, &old, index) : -ENOSPC;
    if (ret < 0) {
        return ret;
    }
    *table = old;
    return old && s->l1.entries[l1_index] & QCOW2_COPIED ? 0 : replace_l2(bs, l1_index, old, table);
}

void qcow2_set_l2(Qcow2State *s, Qcow2Table *table, uint32_t index, uint64_t entry)
{
    stq_be_p(table->data + index * 8, entry);
    qcow2_cache_dirty(&s->l2_cache, table, index * 8, 8);
}

int qcow2_cover(BlockNode *bs, int64_t bytes)
{
    Qcow2State *s = bs->opaque;
    uint64_t needed = ((uint64_t)bytes + (1ull << qcow2_l1_shift(s)) - 1) >> qcow2_l1_shift(s);
    return needed <= s->l1.size ? 0 : qcow2_grow_top(bs, &s->l1, needed, QCOW2_MAX_L1_BYTES);
}

/* ---- entries ---- */

static Qcow2Kind kind_of(const Qcow2State *s, uint64_t entry)
{
    if (entry & QCOW2_COMPRESSED) {
        return QCOW2_DEFLATED;
    }
    if (s->version == 3 && entry & QCOW2_ZERO) {
        return QCOW2_ZEROES;
    }
    return entry & QCOW2_OFFSET_MASK ? QCOW2_DATA : QCOW2_UNALLOCATED;
}

bool qcow2_is_in_place(const Qcow2State *s, uint64_t entry)
{
    return kind_of(s, entry) == QCOW2_DATA && entry & QCOW2_COPIED;
}

bool qcow2_is_kept_zero(const Qcow2State *s, uint64_t entry)
{
    return kind_of(s, entry) == QCOW2_ZEROES && entry & QCOW2_COPIED && entry & QCOW2_OFFSET_MASK;
}

uint64_t qcow2_entry_clusters(const Qcow2State *s, uint64_t entry, uint64_t *first)
{
    if (entry & QCOW2_COMPRESSED) {
        uint32_t bytes;
        int64_t at = qcow2_compressed_range(s, entry, &bytes);
        *first = at >> s->cluster_bits;
        return ((at + bytes - 1) >> s->cluster_bits) - *first + 1;
    }
    *first = (entry & QCOW2_OFFSET_MASK) >> s->cluster_bits;
    return *first ? 1 : 0;
}

/* Does entry continue a run of count clusters that began with first? */
static bool continues(const Qcow2State *s, uint64_t first, uint64_t entry, uint64_t count)
{
    Qcow2Kind kind = kind_of(s, first);
    if (kind_of(s, entry) != kind || kind == QCOW2_DEFLATED) {
        return false;
    }
    return kind != QCOW2_DATA || entry == first + (count << s->cluster_bits);
}

static uint64_t run_length(const Qcow2State *s, const Qcow2Table *table, uint32_t index, uint64_t max)
{
    uint64_t first = ldq_be_p(table->data + index * 8), count = 1;
    max = MIN(max, qcow2_l2_entries(s) - index);
    while (count < max && continues(s, first, ldq_be_p(table->data + (index + count) * 8), count)) {
        count++;
    }
    return count;
}

static void fill_extent(Qcow2State *s, const Qcow2Table *table, uint32_t index, int64_t offset, int64_t bytes,
                        Qcow2Extent *e)
{
    uint32_t inside = offset & (s->cluster_size - 1);
    uint64_t count = run_length(s, table, index, qcow2_clusters(s, inside + (uint64_t)bytes));
    e->entry = ldq_be_p(table->data + index * 8);
    e->kind = kind_of(s, e->entry);
    e->host = (e->entry & QCOW2_OFFSET_MASK) + inside;
    e->in_place = qcow2_is_in_place(s, e->entry);
    e->bytes = MIN(bytes, (int64_t)(count << s->cluster_bits) - inside);
}

/* Nothing as far as the L2 table that is not there would reach. */
static void empty_extent(const Qcow2State *s, int64_t offset, int64_t bytes, Qcow2Extent *e)
{
    int64_t reach = (1ll << qcow2_l1_shift(s)) - (offset & ((1ll << qcow2_l1_shift(s)) - 1));
    *e = (Qcow2Extent){ .kind = QCOW2_UNALLOCATED, .bytes = MIN(bytes, reach) };
}

int qcow2_map(BlockNode *bs, int64_t offset, int64_t bytes, Qcow2Extent *extent)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *table;
    uint32_t index;
    int ret = qcow2_l2_for_read(bs, offset, &table, &index);
    if (ret < 0) {
        return ret;
    }
    if (!table) {
        empty_extent(s, offset, bytes, extent);
        return 0;
    }
    fill_extent(s, table, index, offset, bytes, extent);
    if (extent->kind != QCOW2_DEFLATED && !qcow2_aligned(s, extent->entry & QCOW2_OFFSET_MASK)) {
        return qcow2_mark_corrupt(bs, "cluster offset 0x%" PRIx64 " unaligned (guest offset 0x%" PRIx64 ")",
                                  (uint64_t)(extent->entry & QCOW2_OFFSET_MASK), (uint64_t)offset);
    }
    return 0;
}
