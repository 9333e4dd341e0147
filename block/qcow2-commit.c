/*
 * block/qcow2-commit.c  Everything anew: counts all references, writes refcounts, L1 table, changed L2 tables and
 * snapshot table to free clusters, and switches to them by one write of the header's first sector.
 *
 * Snapshots (create, go to, delete) and repair are this one operation with another plan. Cut off at any moment, the
 * file is the old image or the new one, with nothing in between: no refcount is raised before the reference, no flag
 * COPIED is wrong for a while, nothing leaks. It reads all L2 tables of the image (1/8192 of its data with 64 KiB
 * clusters) and writes all refcounts (1/32768).
 *
 * Hostile tables: a reference beyond the file, a table that is reached twice, too many references: -EIO or -ERANGE.
 */
#include <sys/mman.h>

#include "block/qcow2.h"

#define MAX_CLUSTERS (1ull << 28) /* bounds the memory for counts: 1 GiB, and that only where touched */

typedef struct Commit {
    BlockNode *bs;
    Qcow2State *s;
    const Qcow2Plan *plan;
    uint32_t *counts;      /* of the clusters that are there */
    uint64_t old_end, end; /* clusters: there; there and appended. What is appended has one reference */
    uint32_t walks;        /* L1 tables walked */
    uint64_t old_blocks;   /* refcount blocks for what is there */
    uint8_t *wanted;       /* of these: has it anything to count, before tables are placed? */
    uint64_t hint;         /* no hole below; old_end: holes are not looked for */
    uint64_t *l1;          /* new active table: entries as on disk, host order */
    int64_t l1_offset;
    int64_t snapshots_offset;
    uint64_t *reftable;
    uint64_t reftable_size; /* entries; a multiple of a cluster */
    int64_t reftable_offset;
} Commit;

/* ---- counting ---- */

/* One more reference to each; more than max are not possible in a good image. */
static int count(Commit *c, uint64_t first, uint64_t n, uint32_t max)
{
    for (uint64_t i = first; i < first + n; i++) {
        if (i >= c->old_end || c->counts[i] >= max) {
            return -EIO;
        }
        if (c->counts[i] >= MIN(c->s->refcount_max, UINT32_MAX - 1)) {
            return -ERANGE;
        }
        c->counts[i]++;
        c->wanted[i >> qcow2_refblock_bits(c->s)] = 1;
    }
    return 0;
}

static int count_area(Commit *c, int64_t offset, uint64_t bytes)
{
    return qcow2_aligned(c->s, offset)
               ? count(c, (uint64_t)offset >> c->s->cluster_bits, qcow2_clusters(c->s, bytes), 1)
               : -EIO;
}

static int read_table(Commit *c, int64_t offset, void *data, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += MIN(bytes - at, MiB)) {
        int ret = bdrv_pread(c->bs->file, offset + at, (uint8_t *)data + at, MIN(bytes - at, MiB));
        if (ret < 0) {
            return ret;
        }
    }
    return 0;
}

static int count_entries(Commit *c, const uint8_t *l2)
{
    int ret = 0;
    for (uint32_t i = 0; i < qcow2_l2_entries(c->s) && ret == 0; i++) {
        uint64_t first, entry = ldq_be_p(l2 + i * 8), n = entry ? qcow2_entry_clusters(c->s, entry, &first) : 0;
        ret = n ? count(c, first, n, UINT32_MAX) : 0;
    }
    return ret;
}

/* An L2 table is reached once from each L1 table at most; so the walk is bounded. */
static int count_l2(Commit *c, int64_t offset, uint8_t *buf)
{
    Qcow2State *s = c->s;
    int ret = qcow2_aligned(s, offset) ? count(c, (uint64_t)offset >> s->cluster_bits, 1, c->walks) : -EIO;
    ret = ret < 0 ? ret : read_table(c, offset, buf, s->cluster_size);
    return ret < 0 ? ret : count_entries(c, buf);
}

static int count_l1(Commit *c, const uint64_t *l1, uint32_t size)
{
    g_autofree uint8_t *buf = g_malloc(c->s->cluster_size);
    int ret = 0;
    c->walks++;
    for (uint32_t i = 0; i < size && ret == 0; i++) {
        int64_t offset = l1[i] & QCOW2_OFFSET_MASK;
        ret = offset ? count_l2(c, offset, buf) : 0;
    }
    return ret;
}

static int count_snapshot(Commit *c, const Qcow2Snapshot *sn)
{
    uint64_t bytes = (uint64_t)sn->l1_size * 8;
    g_autofree uint64_t *l1 = g_malloc(MAX(bytes, 8));
    int ret = count_area(c, sn->l1_offset, bytes);
    ret = ret < 0 ? ret : read_table(c, sn->l1_offset, l1, bytes);
    for (uint32_t i = 0; i < sn->l1_size && ret == 0; i++) {
        l1[i] = ldq_be_p(&l1[i]);
    }
    return ret < 0 ? ret : count_l1(c, l1, sn->l1_size);
}

static int count_all(Commit *c)
{
    int ret = count_area(c, 0, c->s->cluster_size);
    for (uint32_t i = 0; i < c->plan->nb_snapshots && ret == 0; i++) {
        ret = count_snapshot(c, &c->plan->snapshots[i]);
    }
    return ret < 0 ? ret : count_l1(c, c->plan->l1, c->plan->l1_size);
}

/* ---- room for new tables ---- */

/*
 * Free in the new image and in the old one, which must stay whole until the switch; and in no need of one more block.
 */
static bool is_free(Commit *c, uint64_t cluster)
{
    uint64_t old;
    return !c->counts[cluster] && c->wanted[cluster >> qcow2_refblock_bits(c->s)] &&
           !qcow2_is_metadata(c->s, cluster) && qcow2_refcount(c->bs, cluster, &old) == 0 && !old;
}

/* Clusters in a row: a hole of the file, or its end. */
static int64_t place(Commit *c, uint64_t bytes)
{
    uint64_t n = qcow2_clusters(c->s, bytes), found = 0;
    unsigned bits = qcow2_refblock_bits(c->s);
    g_mutex_lock(&c->s->lock);
    while (found < n && c->hint < c->old_end) {
        found = is_free(c, c->hint) ? found + 1 : 0;
        c->hint = c->wanted[c->hint >> bits] ? c->hint + 1 : ((c->hint >> bits) + 1) << bits;
    }
    g_mutex_unlock(&c->s->lock);
    if (found < n || !n) {
        c->end += n;
        return (int64_t)(c->end - n) << c->s->cluster_bits;
    }
    for (uint64_t i = c->hint - n; i < c->hint; i++) {
        c->counts[i] = 1;
    }
    return (int64_t)(c->hint - n) << c->s->cluster_bits;
}

/* ---- new tables ---- */

static int write_table(Commit *c, int64_t offset, const void *data, uint64_t bytes)
{
    int ret = 0;
    for (uint64_t at = 0; at < bytes && ret == 0; at += MIN(bytes - at, MiB)) {
        ret = bdrv_pwrite(c->bs->file, offset + at, (const uint8_t *)data + at, MIN(bytes - at, MiB), 0);
    }
    return ret;
}

/* Make the flags of an active L2 table tell the truth; were they all right? */
static bool correct_flags(Commit *c, uint8_t *l2)
{
    bool right = true;
    for (uint32_t i = 0; i < qcow2_l2_entries(c->s); i++) {
        uint64_t entry = ldq_be_p(l2 + i * 8), first;
        bool standard = !(entry & QCOW2_COMPRESSED) && qcow2_entry_clusters(c->s, entry, &first);
        uint64_t truth = (entry & ~QCOW2_COPIED) | (standard && c->counts[first] == 1 ? QCOW2_COPIED : 0);
        right &= truth == entry;
        stq_be_p(l2 + i * 8, truth);
    }
    return right;
}

/* The active table keeps an L2 table whose flags are right, and gets a copy of others. */
static int place_l2(Commit *c, uint32_t index, uint8_t *buf)
{
    Qcow2State *s = c->s;
    int64_t offset = c->plan->l1[index] & QCOW2_OFFSET_MASK;
    if (!offset) {
        return 0;
    }
    int ret = read_table(c, offset, buf, s->cluster_size);
    if (ret < 0) {
        return ret;
    }
    uint64_t cluster = (uint64_t)offset >> s->cluster_bits;
    if (correct_flags(c, buf)) {
        c->l1[index] = offset | (c->counts[cluster] == 1 ? QCOW2_COPIED : 0);
        return 0;
    }
    int64_t copy = place(c, s->cluster_size);
    c->counts[cluster]--;
    c->l1[index] = copy | QCOW2_COPIED;
    return write_table(c, copy, buf, s->cluster_size);
}

static int place_l1(Commit *c)
{
    uint32_t size = c->plan->l1_size;
    g_autofree uint8_t *buf = g_malloc(c->s->cluster_size);
    g_autofree uint64_t *disk = g_new(uint64_t, MAX(size, 1));
    int ret = 0;
    c->l1 = g_new0(uint64_t, MAX(size, 1));
    c->l1_offset = place(c, size * 8ull);
    for (uint32_t i = 0; i < size && ret == 0; i++) {
        ret = place_l2(c, i, buf);
        stq_be_p(&disk[i], c->l1[i]);
    }
    return ret < 0 ? ret : write_table(c, c->l1_offset, disk, size * 8ull);
}

static int place_snapshots(Commit *c)
{
    g_autoptr(GByteArray) table = qcow2_snapshot_table(c->plan->snapshots, c->plan->nb_snapshots);
    c->snapshots_offset = table->len ? place(c, table->len) : 0;
    return write_table(c, c->snapshots_offset, table->data, table->len);
}

/* ---- new refcounts ---- */

static uint64_t count_of(const Commit *c, uint64_t cluster)
{
    return cluster < c->old_end ? c->counts[cluster] : cluster < c->end;
}

static bool block_wanted(const Commit *c, uint64_t index)
{
    unsigned bits = qcow2_refblock_bits(c->s);
    return (index < c->old_blocks && c->wanted[index]) ||
           (c->end > MAX(c->old_end, index << bits) && (index + 1) << bits > c->old_end);
}

/* Entries that the table has to have, were all blocks and the table itself to go to the end of the file. */
static uint64_t most_entries(const Commit *c)
{
    unsigned bits = qcow2_refblock_bits(c->s);
    uint64_t end = c->end, before, entries;
    do {
        before = end;
        entries = (before + (1ull << bits) - 1) >> bits;
        end = c->end + qcow2_clusters(c->s, entries * 8) + entries;
    } while (end != before);
    return entries;
}

/* The blocks count themselves: each is placed when its turn comes, which may move the end. */
static int place_refcounts(Commit *c)
{
    Qcow2State *s = c->s;
    uint64_t bytes = qcow2_clusters(s, most_entries(c) * 8) << s->cluster_bits;
    if (bytes > QCOW2_MAX_REFTABLE_BYTES) {
        return -EFBIG;
    }
    c->reftable_size = bytes / 8;
    c->reftable = g_new0(uint64_t, c->reftable_size);
    c->reftable_offset = place(c, bytes);
    for (uint64_t i = 0; i << qcow2_refblock_bits(s) < c->end; i++) {
        c->reftable[i] = block_wanted(c, i) ? place(c, s->cluster_size) : 0;
    }
    return 0;
}

static void fill_block(const Commit *c, uint64_t index, uint8_t *block)
{
    unsigned bits = qcow2_refblock_bits(c->s);
    memset(block, 0, c->s->cluster_size);
    for (uint64_t i = 0; i < 1ull << bits; i++) {
        uint64_t value = count_of(c, (index << bits) + i);
        if (value) {
            qcow2_set_refcount_in(block, c->s->refcount_order, i, value);
        }
    }
}

static int write_refcounts(Commit *c)
{
    Qcow2State *s = c->s;
    g_autofree uint8_t *block = g_malloc(s->cluster_size);
    g_autofree uint64_t *disk = g_new0(uint64_t, c->reftable_size);
    int ret = 0;
    for (uint64_t i = 0; i < c->reftable_size && ret == 0; i++) {
        stq_be_p(&disk[i], c->reftable[i]);
        if (c->reftable[i]) {
            fill_block(c, i, block);
            ret = write_table(c, c->reftable[i], block, s->cluster_size);
        }
    }
    return ret < 0 ? ret : write_table(c, c->reftable_offset, disk, c->reftable_size * 8);
}

/* ---- the switch ---- */

static void fill_header(const Commit *c, uint8_t *h)
{
    stq_be_p(h + HDR_SIZE, c->plan->size);
    stl_be_p(h + HDR_L1_SIZE, c->plan->l1_size);
    stq_be_p(h + HDR_L1_OFFSET, c->l1_offset);
    stq_be_p(h + HDR_REFTABLE_OFFSET, c->reftable_offset);
    stl_be_p(h + HDR_REFTABLE_CLUSTERS, c->reftable_size >> (c->s->cluster_bits - 3));
    stl_be_p(h + HDR_NB_SNAPSHOTS, c->plan->nb_snapshots);
    stq_be_p(h + HDR_SNAPSHOTS_OFFSET, c->snapshots_offset);
    if (c->s->version == 3) {
        stq_be_p(h + HDR_INCOMPATIBLE, qcow2_incompatible(c->s) & ~(uint64_t)INCOMPAT_DIRTY);
    }
}

/* Between the barriers: all of it is there before the header says so, and the header before anything else. */
static int switch_header(Commit *c)
{
    Qcow2State *s = c->s;
    int ret = bdrv_flush(c->bs->file);
    if (ret < 0) {
        return ret;
    }
    uint8_t old[QCOW2_HEADER_SECTOR];
    g_mutex_lock(&s->lock);
    memcpy(old, s->header, sizeof(old));
    fill_header(c, s->header);
    ret = qcow2_write_header(c->bs);
    ret = ret < 0 ? ret : bdrv_flush(c->bs->file);
    if (ret < 0) {
        /* Which of both the disk has, nobody knows: nothing may be written that suits one only. */
        memcpy(s->header, old, sizeof(old));
        s->corrupt = true;
    }
    g_mutex_unlock(&s->lock);
    return ret;
}

static void install_top(Qcow2Top *top, uint64_t *entries, uint32_t size, int64_t offset)
{
    g_free(top->entries);
    *top = (Qcow2Top){ .entries = entries, .size = size, .offset = offset };
}

static void install(Commit *c)
{
    Qcow2State *s = c->s;
    g_mutex_lock(&s->lock);
    install_top(&s->l1, g_steal_pointer(&c->l1), c->plan->l1_size, c->l1_offset);
    install_top(&s->reftable, g_steal_pointer(&c->reftable), c->reftable_size, c->reftable_offset);
    qcow2_cache_clear(&s->l2_cache);
    qcow2_cache_clear(&s->refcount_cache);
    qcow2_forget_compressed(s);
    s->snapshots = c->plan->snapshots;
    s->nb_snapshots = c->plan->nb_snapshots;
    s->snapshots_offset = c->snapshots_offset;
    s->size = c->plan->size;
    s->free_hint = 0;
    s->fresh_from = MAX(s->fresh_from, c->end);
    if (!qcow2_find_metadata(c->bs)) {
        qcow2_mark_corrupt(c->bs, "tables overlap");
    }
    g_mutex_unlock(&s->lock);
}

static int commit(Commit *c)
{
    int ret = count_all(c);
    ret = ret < 0 ? ret : place_snapshots(c);
    ret = ret < 0 ? ret : place_l1(c);
    ret = ret < 0 ? ret : place_refcounts(c);
    ret = ret < 0 ? ret : write_refcounts(c);
    return ret < 0 ? ret : switch_header(c);
}

int qcow2_begin_alone(BlockNode *bs, Qcow2Claim *claim)
{
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->lock);
    qcow2_claim_all(s, claim);
    g_mutex_unlock(&s->lock);
    int ret = s->writable ? qcow2_flush(bs) : -EPERM;
    if (ret < 0) {
        g_mutex_lock(&s->lock);
        qcow2_unclaim(s, claim);
        g_mutex_unlock(&s->lock);
        return ret;
    }
    g_mutex_lock(&s->flush_lock);
    return 0;
}

void qcow2_end_alone(BlockNode *bs, Qcow2Claim *claim)
{
    Qcow2State *s = bs->opaque;
    g_mutex_unlock(&s->flush_lock);
    g_mutex_lock(&s->lock);
    qcow2_unclaim(s, claim);
    g_mutex_unlock(&s->lock);
}

int qcow2_commit(BlockNode *bs, const Qcow2Plan *plan)
{
    Qcow2State *s = bs->opaque;
    int64_t length = bdrv_getlength(bs->file);
    Commit c = { .bs = bs, .s = s, .plan = plan };
    if (s->corrupt || length < 0) {
        return -EIO;
    }
    c.old_end = c.end = MAX(MAX(qcow2_clusters(s, length), s->fresh_from), 1);
    if (c.end > MAX_CLUSTERS) {
        return -EFBIG;
    }
    /* What a dirty image says of its clusters is not to be trusted. */
    c.hint = qcow2_incompatible(s) & INCOMPAT_DIRTY ? c.old_end : s->free_hint;
    c.old_blocks = ((c.old_end - 1) >> qcow2_refblock_bits(s)) + 1;
    c.wanted = g_malloc0(c.old_blocks);
    size_t bytes = c.old_end * sizeof(*c.counts);
    /* What is not touched costs nothing: a file may be very long and nearly empty. */
    c.counts = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int ret = c.counts != MAP_FAILED ? commit(&c) : -ENOMEM;
    if (ret == 0) {
        install(&c);
    }
    if (c.counts != MAP_FAILED) {
        munmap(c.counts, bytes);
    }
    g_free(c.wanted);
    g_free(c.l1);
    g_free(c.reftable);
    return ret;
}
