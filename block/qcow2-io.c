/*
 * block/qcow2-io.c  What the guest asks for: reading, writing, zeroes, discard.
 *
 * A request claims the guest clusters that it touches. Claims that only move data (reads, writes in place) share; those
 * that change where a cluster is exclude all others. Claims are granted in the order of arrival among those that
 * conflict, a thread holds one and waits for none while it does, so that nothing can wait in a circle. A write that
 * needs new clusters goes: take clusters (refcounts, in memory) -> data -> L2 entry (in memory); qcow2-flush.c brings
 * the tables to the disk in that order too.
 */
#include "block/qcow2.h"

#define MAX_COPY (2 * MiB) /* of a buffer in which old and new data are put together */

/* ---- claims ---- */

static bool conflicts(const Qcow2Claim *a, const Qcow2Claim *b)
{
    return (a->exclusive || b->exclusive) && a->start < b->end && b->start < a->end;
}

static bool must_wait(const Qcow2Claim *claim)
{
    for (const GList *link = claim->link.prev; link; link = link->prev) {
        if (conflicts(claim, link->data)) {
            return true;
        }
    }
    return false;
}

static void enter_claim(Qcow2State *s, Qcow2Claim *claim)
{
    claim->link = (GList){ .data = claim };
    g_queue_push_tail_link(&s->claims, &claim->link);
    while (must_wait(claim)) {
        g_cond_wait(&s->claims_changed, &s->lock);
    }
}

void qcow2_claim(Qcow2State *s, Qcow2Claim *claim, int64_t offset, int64_t bytes, bool exclusive)
{
    *claim = (Qcow2Claim){ .start = offset >> s->cluster_bits,
                           .end = qcow2_clusters(s, offset + bytes),
                           .exclusive = exclusive };
    enter_claim(s, claim);
}

void qcow2_claim_all(Qcow2State *s, Qcow2Claim *claim)
{
    *claim = (Qcow2Claim){ .start = 0, .end = INT64_MAX, .exclusive = true };
    enter_claim(s, claim);
}

void qcow2_unclaim(Qcow2State *s, Qcow2Claim *claim)
{
    g_queue_unlink(&s->claims, &claim->link);
    if (s->claims.length) {
        g_cond_broadcast(&s->claims_changed);
    }
}

/* ---- what lies below ---- */

/* How far the backing file shows through: never in the VM state, which lies beyond the disk. Asked for once; it is not
 * written. */
static int64_t backing_end(BlockNode *bs)
{
    Qcow2State *s = bs->opaque;
    if (!bs->backing) {
        return 0;
    }
    int64_t length = __atomic_load_n(&s->backing_length, __ATOMIC_RELAXED);
    if (length < 0) {
        length = MAX(bdrv_getlength(bs->backing), 0);
        __atomic_store_n(&s->backing_length, length, __ATOMIC_RELAXED);
    }
    return MIN(length, s->size);
}

static int read_backing(BlockNode *bs, int64_t offset, uint8_t *buf, int64_t bytes, BlockReadFunc *read)
{
    int64_t n = CLAMP(backing_end(bs) - offset, 0, bytes);
    memset(buf + n, 0, bytes - n);
    return n ? read(bs->backing, offset, buf, n) : 0;
}

static bool reads_as_zeroes(BlockNode *bs, const Qcow2Extent *e, int64_t offset)
{
    return e->kind == QCOW2_ZEROES || (e->kind == QCOW2_UNALLOCATED && offset >= backing_end(bs));
}

/* ---- reading ---- */

/* read: bdrv_pread() or bdrv_pread_now(), for what lies below. */
static int read_extent(BlockNode *bs, const Qcow2Extent *e, int64_t offset, uint8_t *buf, BlockReadFunc *read)
{
    Qcow2State *s = bs->opaque;
    switch (e->kind) {
    case QCOW2_DATA:
        return read(bs->file, e->host, buf, e->bytes);
    case QCOW2_DEFLATED:
        return read == bdrv_pread_now
                   ? -EAGAIN
                   : qcow2_read_compressed(bs, e->entry, offset & (s->cluster_size - 1), buf, e->bytes);
    case QCOW2_ZEROES:
        memset(buf, 0, e->bytes);
        return 0;
    default:
        return read_backing(bs, offset, buf, e->bytes, read);
    }
}

static int map_unlocked(BlockNode *bs, int64_t offset, int64_t bytes, Qcow2Extent *e)
{
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->lock);
    int ret = qcow2_map(bs, offset, bytes, e);
    g_mutex_unlock(&s->lock);
    return ret;
}

static int read_claimed(BlockNode *bs, int64_t offset, uint8_t *buf, int64_t bytes)
{
    Qcow2Extent e = { 0 };
    int ret = 0;
    for (int64_t at = 0; at < bytes && ret >= 0; at += e.bytes) {
        ret = map_unlocked(bs, offset + at, bytes - at, &e);
        ret = ret < 0 ? ret : read_extent(bs, &e, offset + at, buf + at, bdrv_pread);
    }
    return MIN(ret, 0);
}

static void claim(Qcow2State *s, Qcow2Claim *c, int64_t offset, int64_t bytes, bool exclusive)
{
    g_mutex_lock(&s->lock);
    qcow2_claim(s, c, offset, bytes, exclusive);
    g_mutex_unlock(&s->lock);
}

static void unclaim(Qcow2State *s, Qcow2Claim *c)
{
    g_mutex_lock(&s->lock);
    qcow2_unclaim(s, c);
    g_mutex_unlock(&s->lock);
}

int qcow2_read_any(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    Qcow2State *s = bs->opaque;
    Qcow2Claim c;
    claim(s, &c, offset, bytes, false);
    int ret = read_claimed(bs, offset, buf, bytes);
    unclaim(s, &c);
    return ret;
}

/* Of a range, what lies on the disk. Its last sector is always a whole one. */
static int64_t on_disk_locked(const Qcow2State *s, int64_t offset, int64_t bytes)
{
    return CLAMP(((s->size + 511) & ~511ll) - offset, 0, bytes);
}

static int64_t on_disk(BlockNode *bs, int64_t offset, int64_t bytes)
{
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->lock);
    int64_t n = on_disk_locked(s, offset, bytes);
    g_mutex_unlock(&s->lock);
    return n;
}

int qcow2_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    size_t n = on_disk(bs, offset, bytes);
    memset((uint8_t *)buf + n, 0, bytes - n);
    return n ? qcow2_read_any(bs, offset, buf, n) : 0;
}

/*
 * Without waiting: the lock is held all the time instead of a claim, so that no cluster moves; nothing below takes
 * long.
 */
static int read_now_locked(BlockNode *bs, int64_t offset, uint8_t *buf, int64_t bytes)
{
    Qcow2State *s = bs->opaque;
    Qcow2Extent e = { 0 };
    int64_t n = on_disk_locked(s, offset, bytes);
    int ret = 0;
    memset(buf + n, 0, bytes - n);
    for (int64_t at = 0; at < n && ret == 0; at += e.bytes) {
        ret = qcow2_map_is_here(bs, offset + at) ? qcow2_map(bs, offset + at, n - at, &e) : -EAGAIN;
        ret = ret < 0 ? ret : read_extent(bs, &e, offset + at, buf + at, bdrv_pread_now);
    }
    return ret;
}

int qcow2_pread_now(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    Qcow2State *s = bs->opaque;
    if (!g_mutex_trylock(&s->lock)) {
        return -EAGAIN;
    }
    int ret = s->claims.length ? -EAGAIN : read_now_locked(bs, offset, buf, bytes);
    g_mutex_unlock(&s->lock);
    return ret;
}

/* ---- writing in place ---- */

static int check_target(BlockNode *bs, int64_t host, int64_t bytes)
{
    Qcow2State *s = bs->opaque;
    if (s->corrupt) {
        return -EIO;
    }
    for (uint64_t c = (uint64_t)host >> s->cluster_bits; c < qcow2_clusters(s, host + bytes); c++) {
        if (qcow2_is_metadata(s, c)) {
            return qcow2_mark_corrupt(bs, "data cluster at 0x%" PRIx64 " overlaps with a table", c << s->cluster_bits);
        }
    }
    return 0;
}

static int write_in_place(BlockNode *bs, const Qcow2Extent *e, const uint8_t *buf)
{
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->lock);
    int ret = check_target(bs, e->host, e->bytes);
    g_mutex_unlock(&s->lock);
    return ret < 0 ? ret : bdrv_pwrite(bs->file, e->host, buf, e->bytes, 0);
}

/* ---- writing to new clusters ---- */

/* Guest clusters [start, start + count * cluster) that get new host clusters, and what the guest writes there. */
typedef struct NewRun {
    BlockNode *bs;
    int64_t start, host;
    uint64_t count;
    bool fresh;  /* the host clusters read as zeroes */
    bool reused; /* they were ours already: an allocated cluster of zeroes */
    int64_t offset, bytes;
    const uint8_t *buf;
} NewRun;

/* Clusters from r->start on that may not be written in place, within one L2 table. */
static int count_new(BlockNode *bs, NewRun *r)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *table;
    uint32_t index;
    int ret = qcow2_l2_for_write(bs, r->start, &table, &index);
    if (ret < 0) {
        return ret;
    }
    uint64_t wanted = qcow2_clusters(s, r->offset + r->bytes - r->start), n = 0;
    wanted = MIN(wanted, qcow2_l2_entries(s) - index);
    wanted = MIN(wanted, MAX(1u, (uint64_t)MAX_COPY >> s->cluster_bits));
    while (n < wanted && !r->reused) {
        uint64_t entry = ldq_be_p(table->data + (index + n) * 8);
        bool kept = qcow2_is_kept_zero(s, entry);
        if (qcow2_is_in_place(s, entry) || (kept && n)) {
            break;
        }
        r->reused = kept;
        r->host = entry & QCOW2_OFFSET_MASK;
        n++;
    }
    r->count = n;
    return 0;
}

static int take_clusters(NewRun *r)
{
    BlockNode *bs = r->bs;
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->lock);
    int ret = s->corrupt ? -EIO : count_new(bs, r);
    if (ret == 0 && r->reused) {
        ret = qcow2_aligned(s, r->host) ? check_target(bs, r->host, s->cluster_size)
                                        : qcow2_mark_corrupt(bs, "cluster offset unaligned");
    } else if (ret == 0) {
        r->host = qcow2_alloc(bs, &r->count, false, &r->fresh);
        ret = MIN(r->host, 0);
    }
    g_mutex_unlock(&s->lock);
    r->bytes = MIN(r->bytes, r->start + (int64_t)(r->count << s->cluster_bits) - r->offset);
    return ret;
}

/* A part of the new clusters that the guest did not write: is it there already? */
static int part_is_there(NewRun *r, int64_t from, int64_t to, bool *there)
{
    BlockNode *bs = r->bs;
    Qcow2Extent e;
    *there = from == to;
    if (*there || !r->fresh) {
        return 0;
    }
    int ret = map_unlocked(bs, from, to - from, &e);
    *there = ret == 0 && reads_as_zeroes(bs, &e, from) && e.bytes == to - from;
    return ret;
}

static int write_whole(NewRun *r, int64_t end)
{
    int64_t head = r->offset - r->start, tail = end - (r->offset + r->bytes);
    g_autofree uint8_t *all = g_malloc(end - r->start);
    memcpy(all + head, r->buf, r->bytes);
    int ret = read_claimed(r->bs, r->start, all, head);
    ret = ret < 0 ? ret : read_claimed(r->bs, r->offset + r->bytes, all + head + r->bytes, tail);
    return ret < 0 ? ret : bdrv_pwrite(r->bs->file, r->host, all, end - r->start, 0);
}

/*
 * Who begins at the start of a cluster will probably go on to its end: let the host's file system allot all of it at
 * once, if it can, instead of piece by piece.
 */
static void prepare_room(NewRun *r, int64_t end)
{
    BlockNode *file = r->bs->file;
    Qcow2State *s = r->bs->opaque;
    int64_t last = end - s->cluster_size;
    bool begins = r->offset <= last && r->offset + r->bytes < end;
    if (begins && file->drv->pwrite_zeroes && !__atomic_load_n(&s->no_room_ahead, __ATOMIC_RELAXED) &&
        file->drv->pwrite_zeroes(file, r->host + (last - r->start), s->cluster_size, 0) < 0) {
        __atomic_store_n(&s->no_room_ahead, true, __ATOMIC_RELAXED);
    }
}

static int write_data(NewRun *r)
{
    Qcow2State *s = r->bs->opaque;
    int64_t end = r->start + (int64_t)(r->count << s->cluster_bits);
    bool head_there, tail_there;
    int ret = part_is_there(r, r->start, r->offset, &head_there);
    ret = ret < 0 ? ret : part_is_there(r, r->offset + r->bytes, end, &tail_there);
    if (ret < 0) {
        return ret;
    }
    if (!head_there || !tail_there) {
        return write_whole(r, end);
    }
    if (r->fresh) {
        prepare_room(r, end);
    }
    return bdrv_pwrite(r->bs->file, r->host + (r->offset - r->start), r->buf, r->bytes, 0);
}

/* The host clusters of an entry that is being replaced. */
static int give_up(BlockNode *bs, uint64_t entry)
{
    Qcow2State *s = bs->opaque;
    uint64_t first, n = qcow2_entry_clusters(s, entry, &first);
    for (uint64_t i = 0; i < n; i++) {
        if (qcow2_is_metadata(s, first + i)) {
            return qcow2_mark_corrupt(bs, "data cluster at 0x%" PRIx64 " overlaps with a table",
                                      (first + i) << s->cluster_bits);
        }
    }
    if (n) {
        qcow2_free(s, first, n);
    }
    if (entry & QCOW2_COMPRESSED) {
        qcow2_forget_compressed(s);
    }
    return 0;
}

static int link_clusters(NewRun *r)
{
    Qcow2State *s = r->bs->opaque;
    Qcow2Table *table;
    uint32_t index;
    int ret = qcow2_l2_for_write(r->bs, r->start, &table, &index);
    for (uint64_t i = 0; i < r->count && ret == 0; i++) {
        ret = r->reused ? 0 : give_up(r->bs, ldq_be_p(table->data + (index + i) * 8));
        if (ret == 0) {
            qcow2_set_l2(s, table, index + i, (r->host + (i << s->cluster_bits)) | QCOW2_COPIED);
        }
    }
    s->data_before_l2 = true;
    return ret;
}

/* Writes a first part of the range; *done: how much. */
static int write_new(BlockNode *bs, int64_t offset, const uint8_t *buf, int64_t bytes, int64_t *done)
{
    Qcow2State *s = bs->opaque;
    NewRun r = {
        .bs = bs, .start = offset & ~(int64_t)(s->cluster_size - 1), .offset = offset, .bytes = bytes, .buf = buf
    };
    int ret = take_clusters(&r);
    if (ret < 0) {
        return ret;
    }
    ret = MIN(write_data(&r), 0);
    g_mutex_lock(&s->lock);
    if (ret == 0) {
        ret = link_clusters(&r);
    } else if (!r.reused) {
        qcow2_decrement(bs, (uint64_t)r.host >> s->cluster_bits, r.count); /* nothing refers to them */
    }
    g_mutex_unlock(&s->lock);
    *done = r.bytes;
    return ret;
}

/* ---- writing ---- */

int qcow2_write_claimed(BlockNode *bs, int64_t offset, const void *data, int64_t bytes)
{
    const uint8_t *buf = data;
    int64_t done = 0;
    int ret = 0;
    for (int64_t at = 0; at < bytes && ret >= 0; at += done) {
        Qcow2Extent e;
        ret = map_unlocked(bs, offset + at, bytes - at, &e);
        if (ret < 0) {
            return ret;
        }
        done = e.bytes;
        ret = e.in_place ? write_in_place(bs, &e, buf + at) : write_new(bs, offset + at, buf + at, bytes - at, &done);
    }
    return MIN(ret, 0);
}

/* May all of it be overwritten where it is? lock held. */
static int all_in_place(BlockNode *bs, int64_t offset, int64_t bytes, bool *in_place)
{
    Qcow2Extent e;
    int ret = 0;
    *in_place = true;
    for (int64_t at = 0; at < bytes && *in_place && ret == 0; at += e.bytes) {
        ret = qcow2_map(bs, offset + at, bytes - at, &e);
        *in_place = ret == 0 && e.in_place;
    }
    return ret;
}

/* A shared claim if that is enough, also after waiting for it. */
static int claim_for_write(BlockNode *bs, Qcow2Claim *c, int64_t offset, int64_t bytes)
{
    Qcow2State *s = bs->opaque;
    bool in_place;
    g_mutex_lock(&s->lock);
    int ret = all_in_place(bs, offset, bytes, &in_place);
    qcow2_claim(s, c, offset, bytes, !in_place);
    if (ret == 0 && in_place) {
        ret = all_in_place(bs, offset, bytes, &in_place);
        if (!in_place) {
            qcow2_unclaim(s, c);
            qcow2_claim(s, c, offset, bytes, true);
        }
    }
    g_mutex_unlock(&s->lock);
    return ret;
}

int qcow2_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags)
{
    Qcow2State *s = bs->opaque;
    Qcow2Claim c;
    (void)flags;
    int ret = on_disk(bs, offset, bytes) == (int64_t)bytes ? qcow2_limit_dirty(bs) : -ENOSPC;
    if (ret < 0) {
        return ret;
    }
    ret = claim_for_write(bs, &c, offset, bytes);
    ret = ret < 0 ? ret : qcow2_write_claimed(bs, offset, buf, bytes);
    unclaim(s, &c);
    return ret;
}

/* ---- zeroes and discard ---- */

/* What becomes of a whole cluster; false: it has to be written as data. */
typedef bool NewEntry(BlockNode *bs, int64_t offset, uint64_t old, int flags, uint64_t *entry);

static bool zero_entry(BlockNode *bs, int64_t offset, uint64_t old, int flags, uint64_t *entry)
{
    Qcow2State *s = bs->opaque;
    bool keep = !(flags & BDRV_REQ_MAY_UNMAP) && old & QCOW2_COPIED && !(old & QCOW2_COMPRESSED);
    if (s->version == 3 && keep) {
        *entry = old | QCOW2_ZERO;
        return true;
    }
    *entry = offset >= backing_end(bs) ? 0 : QCOW2_ZERO;
    return s->version == 3 || *entry == 0;
}

/* What is discarded reads as zeroes, not as what the backing file has; where that cannot be said it stays. */
static bool discard_entry(BlockNode *bs, int64_t offset, uint64_t old, int flags, uint64_t *entry)
{
    if (!zero_entry(bs, offset, old, flags | BDRV_REQ_MAY_UNMAP, entry)) {
        *entry = old;
    }
    return true;
}

/* One cluster; *as_data: to be written by the caller. lock held. */
static int change_entry(BlockNode *bs, int64_t offset, NewEntry *choose, int flags, bool *as_data)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *table;
    uint32_t index;
    int ret = qcow2_l2_for_read(bs, offset, &table, &index);
    if (ret < 0 || s->corrupt) {
        return ret < 0 ? ret : -EIO;
    }
    uint64_t old = table ? ldq_be_p(table->data + index * 8) : 0, entry;
    *as_data = !choose(bs, offset, old, flags, &entry);
    if (*as_data || entry == old) {
        return 0;
    }
    ret = qcow2_l2_for_write(bs, offset, &table, &index);
    if (ret == 0 && !(entry & QCOW2_OFFSET_MASK)) {
        ret = give_up(bs, old);
    }
    if (ret == 0) {
        qcow2_set_l2(s, table, index, entry);
    }
    return ret;
}

static int write_zero_data(BlockNode *bs, int64_t offset, int64_t bytes)
{
    g_autofree uint8_t *zeroes = g_malloc0(bytes);
    return qcow2_write_claimed(bs, offset, zeroes, bytes);
}

/* Part of a cluster. */
static int zero_part(BlockNode *bs, int64_t offset, int64_t bytes)
{
    Qcow2Extent e;
    int ret = map_unlocked(bs, offset, bytes, &e);
    if (ret < 0 || reads_as_zeroes(bs, &e, offset)) {
        return ret;
    }
    return write_zero_data(bs, offset, bytes);
}

/* Where nothing is and nothing shows through there is nothing to do, however large. lock held. */
static int64_t skip_nothing(BlockNode *bs, int64_t offset, int64_t bytes)
{
    Qcow2State *s = bs->opaque;
    uint64_t l1_index = (uint64_t)offset >> qcow2_l1_shift(s), mask = (1ull << qcow2_l1_shift(s)) - 1;
    if (offset < backing_end(bs) || (l1_index < s->l1.size && s->l1.entries[l1_index])) {
        return 0;
    }
    return MIN(bytes, (int64_t)(mask + 1 - ((uint64_t)offset & mask)));
}

/* A range that is worked off from its start. */
typedef struct Range {
    int64_t offset, bytes;
} Range;

static void advance(Range *r, int64_t bytes)
{
    r->offset += bytes;
    r->bytes -= bytes;
}

#define STEPS_WITH_LOCK 4096

/* Up to the first cluster that is to be written as data. lock held. */
static int change_some(BlockNode *bs, Range *r, NewEntry *choose, int flags, bool *as_data)
{
    Qcow2State *s = bs->opaque;
    int ret = 0;
    for (unsigned i = 0; i < STEPS_WITH_LOCK && r->bytes > 0 && ret == 0; i++) {
        int64_t n = skip_nothing(bs, r->offset, r->bytes);
        ret = n ? 0 : change_entry(bs, r->offset, choose, flags, as_data);
        if (*as_data) {
            break;
        }
        advance(r, n ? n : MIN(r->bytes, s->cluster_size));
    }
    return ret;
}

static int change_clusters(BlockNode *bs, int64_t offset, int64_t bytes, NewEntry *choose, int flags)
{
    Qcow2State *s = bs->opaque;
    Range r = { offset, bytes };
    int ret = 0;
    while (r.bytes > 0 && ret == 0) {
        bool as_data = false;
        g_mutex_lock(&s->lock);
        ret = change_some(bs, &r, choose, flags, &as_data);
        g_mutex_unlock(&s->lock);
        if (as_data && ret == 0) {
            int64_t n = MIN(r.bytes, s->cluster_size);
            ret = write_zero_data(bs, r.offset, n);
            advance(&r, n);
        }
    }
    return ret;
}

/* Whole clusters within a range; what is beyond the end of the disk belongs to its last cluster. */
static void whole_clusters(const Qcow2State *s, int64_t offset, int64_t bytes, int64_t *start, int64_t *end)
{
    int64_t mask = s->cluster_size - 1;
    *start = (offset + mask) & ~mask;
    *end = offset + bytes == s->size ? (s->size + mask) & ~mask : (offset + bytes) & ~mask;
}

int qcow2_zero_claimed(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    int64_t start, end;
    whole_clusters(bs->opaque, offset, bytes, &start, &end);
    if (start > end) {
        return zero_part(bs, offset, bytes);
    }
    int ret = offset < start ? zero_part(bs, offset, start - offset) : 0;
    ret = ret < 0 ? ret : change_clusters(bs, start, end - start, zero_entry, flags);
    return ret < 0 || end >= offset + bytes ? ret : zero_part(bs, end, offset + bytes - end);
}

int qcow2_discard_claimed(BlockNode *bs, int64_t offset, int64_t bytes)
{
    int64_t start, end;
    whole_clusters(bs->opaque, offset, bytes, &start, &end);
    return start < end ? change_clusters(bs, start, end - start, discard_entry, 0) : 0;
}

/* Nobody else has it meanwhile; an error: nothing is claimed. */
static int claim_change(BlockNode *bs, Qcow2Claim *c, int64_t offset, int64_t bytes)
{
    int ret = on_disk(bs, offset, bytes) == bytes ? qcow2_limit_dirty(bs) : -ENOSPC;
    if (ret == 0) {
        claim(bs->opaque, c, offset, bytes, true);
    }
    return ret;
}

int qcow2_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    Qcow2Claim c;
    int ret = claim_change(bs, &c, offset, bytes);
    if (ret == 0) {
        ret = qcow2_zero_claimed(bs, offset, bytes, flags);
        unclaim(bs->opaque, &c);
    }
    return ret;
}

int qcow2_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes)
{
    Qcow2Claim c;
    int ret = claim_change(bs, &c, offset, bytes);
    if (ret == 0) {
        ret = qcow2_discard_claimed(bs, offset, bytes);
        unclaim(bs->opaque, &c);
    }
    return ret;
}

BlockStatus qcow2_block_status(BlockNode *bs, int64_t offset, int64_t *bytes)
{
    Qcow2Extent e;
    if (map_unlocked(bs, offset, *bytes, &e) < 0) {
        return BLOCK_DATA;
    }
    *bytes = e.bytes;
    return e.kind == QCOW2_UNALLOCATED ? BLOCK_UNALLOCATED : e.kind == QCOW2_ZEROES ? BLOCK_ZERO : BLOCK_DATA;
}
