/*
 * block/qcow2.h  The parts of the qcow2 driver among themselves (QEMU's docs/interop/qcow2.txt is the specification).
 *
 *   qcow2.c            driver table, opening, closing, creating, growing
 *   qcow2-header.c     header, extensions, features; what a hostile header may say
 *   qcow2-cache.c      L2 tables and refcount blocks in memory
 *   qcow2-cluster.c    guest offset -> what is there (L1, L2)
 *   qcow2-refcount.c   which host clusters are used; finding free ones
 *   qcow2-io.c         reading, writing, zeroes, discard; claims on guest ranges
 *   qcow2-flush.c      the one place that writes changed tables to the file, and the order in which
 *   qcow2-commit.c     shadow copies of all tables, switched by one write of the header: snapshots and repair
 *   qcow2-snapshot.c   the snapshot table
 *   qcow2-compressed.c zlib and zstd clusters
 *
 * Locks, in this order: a claim on guest clusters (qcow2-io.c) -> flush_lock -> lock. Data moves with a claim and
 * without a lock; tables change with `lock` held; tables are written to the file by the holder of flush_lock, from
 * copies.
 *
 * Determinism: the driver adds nothing of its own; contents are a function of the requests, and host offsets never
 * show.
 */
#ifndef BLOCK_QCOW2_H
#define BLOCK_QCOW2_H

#include <errno.h>

#include "block/block-int.h"

#define QCOW2_COPIED             (1ULL << 63) /* refcount is 1: may be written in place */
#define QCOW2_COMPRESSED         (1ULL << 62)
#define QCOW2_ZERO               1ULL /* version 3: reads as zeroes */
#define QCOW2_OFFSET_MASK        0x00fffffffffffe00ULL
#define QCOW2_HEADER_SECTOR      512 /* all fields that ever change lie in it, so that one write switches them */
#define QCOW2_MAX_L1_BYTES       (32 * MiB)
#define QCOW2_MAX_REFTABLE_BYTES (8 * MiB)
#define QCOW2_MAX_SNAPSHOTS      65536
#define QCOW2_MAX_SNAPSHOT_TABLE (64 * MiB)

/* Byte offsets of header fields. */
enum {
    HDR_MAGIC = 0,
    HDR_VERSION = 4,
    HDR_BACKING_OFFSET = 8,
    HDR_BACKING_SIZE = 16,
    HDR_CLUSTER_BITS = 20,
    HDR_SIZE = 24,
    HDR_CRYPT_METHOD = 32,
    HDR_L1_SIZE = 36,
    HDR_L1_OFFSET = 40,
    HDR_REFTABLE_OFFSET = 48,
    HDR_REFTABLE_CLUSTERS = 56,
    HDR_NB_SNAPSHOTS = 60,
    HDR_SNAPSHOTS_OFFSET = 64,
    HDR_V2_LENGTH = 72,
    HDR_INCOMPATIBLE = 72,
    HDR_COMPATIBLE = 80,
    HDR_AUTOCLEAR = 88,
    HDR_REFCOUNT_ORDER = 96,
    HDR_LENGTH = 100,
    HDR_COMPRESSION = 104,
    HDR_V3_LENGTH = 112,
};
enum {
    INCOMPAT_DIRTY = 1,
    INCOMPAT_CORRUPT = 2,
    INCOMPAT_DATA_FILE = 4,
    INCOMPAT_COMPRESSION = 8,
    INCOMPAT_EXTENDED_L2 = 16
};

/* ---- tables in memory ---- */

/* One cluster of L2 entries or refcounts, as on disk. */
typedef struct Qcow2Table {
    int64_t offset;
    uint8_t *data;
    uint32_t dirty_lo, dirty_hi; /* bytes that changed; equal: none */
    unsigned writing;            /* copies on their way to the file: may not be dropped */
    GList lru;
} Qcow2Table;

typedef struct Qcow2Cache {
    GHashTable *tables; /* by offset */
    GQueue lru;         /* most recently used first */
    unsigned limit;     /* tables; exceeded only by dirty ones */
    unsigned dirty;     /* how many are */
    uint32_t cluster_size;
} Qcow2Cache;

/* The upper level (active L1 table, refcount table): whole in memory, host byte order. */
typedef struct Qcow2Top {
    uint64_t *entries;
    uint32_t size; /* entries */
    int64_t offset;
    uint32_t dirty_lo, dirty_hi; /* entries that changed */
    bool moved;                  /* since the header was written */
} Qcow2Top;

typedef struct Qcow2Snapshot {
    int64_t l1_offset;
    uint32_t l1_size;
    QEMUSnapshotInfo info;
    int64_t disk_size;
    GBytes *unknown_extra; /* extra data that we do not know, kept; NULL */
} Qcow2Snapshot;

/* Host clusters that nothing will refer to once the tables are on stable storage. */
typedef struct Qcow2Free {
    uint64_t cluster, count;
} Qcow2Free;

typedef struct Qcow2State {
    /* fixed while open */
    int version;
    unsigned cluster_bits, l2_bits, refcount_order;
    uint32_t cluster_size;
    uint64_t refcount_max;
    int compression; /* 0 zlib, 1 zstd */
    bool writable;
    int64_t backing_length; /* -1: not asked yet; atomic */
    bool no_room_ahead;     /* the file cannot allot without writing; atomic */

    GMutex flush_lock;
    GMutex lock; /* all below */
    uint8_t header[QCOW2_HEADER_SECTOR];
    int64_t size; /* of the virtual disk */
    bool size_changed;
    Qcow2Top l1, reftable;
    Qcow2Cache l2_cache, refcount_cache;
    Qcow2Snapshot *snapshots;
    uint32_t nb_snapshots;
    int64_t snapshots_offset;
    GArray *frees;                         /* of Qcow2Free */
    uint64_t frees_count;                  /* clusters in it */
    GHashTable *metadata;                  /* cluster numbers that hold tables: never data */
    uint64_t free_hint;                    /* no free cluster below */
    uint64_t reserved_start, reserved_end; /* clusters found but not taken yet */
    uint64_t fresh_from;                   /* clusters from here on were never used: they read as zeroes */
    bool data_before_l2; /* since the last flush something was written that must be on disk before the L2 tables are */
    bool corrupt;
    GQueue claims;
    GCond claims_changed;

    GMutex inflate_lock;     /* innermost */
    uint64_t inflated_entry; /* the compressed cluster in inflated[]; 0: none */
    uint8_t *inflated;
} Qcow2State;

static inline uint64_t qcow2_clusters(const Qcow2State *s, uint64_t bytes)
{
    return (bytes >> s->cluster_bits) + !!(bytes & (s->cluster_size - 1));
}
static inline uint32_t qcow2_l2_entries(const Qcow2State *s)
{
    return 1u << s->l2_bits;
}
/* Bytes of the virtual disk that one L1 entry stands for, as a shift. */
static inline unsigned qcow2_l1_shift(const Qcow2State *s)
{
    return s->cluster_bits + s->l2_bits;
}
static inline bool qcow2_aligned(const Qcow2State *s, uint64_t offset)
{
    return !(offset & (s->cluster_size - 1));
}

/* ---- qcow2-header.c ---- */

/* Read and check the header; fills the fixed part of the state and bs->backing_*. */
bool qcow2_read_header(BlockNode *bs, Error **errp);
/* What the image says of itself (version 3; 0 in version 2): INCOMPAT_*. */
uint64_t qcow2_incompatible(const Qcow2State *s);
/* Write the sector of the header that changes. lock held (or nobody else there). */
int qcow2_write_header(BlockNode *bs);
/* Bytes of a new header cluster; false: does not fit. */
bool qcow2_make_header(Qcow2State *s, uint8_t *cluster, const char *backing_file, const char *backing_format);
/*
 * The image contradicts itself: say so once, mark it in the header, take no more writes. lock held. Returns -EIO.
 */
int qcow2_mark_corrupt(BlockNode *bs, const char *fmt, ...) QEMU_PRINTF(2, 3);

/* ---- qcow2-cache.c; lock held ---- */

void qcow2_cache_init(Qcow2Cache *c, uint32_t cluster_size, int64_t bytes);
void qcow2_cache_clear(Qcow2Cache *c);
void qcow2_cache_destroy(Qcow2Cache *c);
/* The table at offset, read when it is not there. Valid until two more tables were asked for. */
int qcow2_cache_get(BlockNode *bs, Qcow2Cache *c, int64_t offset, Qcow2Table **table);
/* A new table of zeroes at offset, dirty as a whole. */
Qcow2Table *qcow2_cache_new(Qcow2Cache *c, int64_t offset);
void qcow2_cache_dirty(Qcow2Cache *c, Qcow2Table *table, uint32_t at, uint32_t bytes);

/* ---- qcow2-cluster.c; lock held ---- */

typedef enum Qcow2Kind { QCOW2_UNALLOCATED, QCOW2_ZEROES, QCOW2_DATA, QCOW2_DEFLATED } Qcow2Kind;

/* What a range of the guest's offsets is, up to the first change. */
typedef struct Qcow2Extent {
    Qcow2Kind kind;
    bool in_place;  /* DATA that may be overwritten where it is */
    uint64_t entry; /* of the first cluster */
    int64_t host;   /* of the first byte; DATA only */
    int64_t bytes;
} Qcow2Extent;

int qcow2_map(BlockNode *bs, int64_t offset, int64_t bytes, Qcow2Extent *extent);
/* The L2 table for a guest offset, made or copied so that it may be changed; *index: of the entry in it. */
int qcow2_l2_for_write(BlockNode *bs, int64_t offset, Qcow2Table **table, uint32_t *index);
/* As above but never makes one; *table is NULL when there is none. */
int qcow2_l2_for_read(BlockNode *bs, int64_t offset, Qcow2Table **table, uint32_t *index);
/* Can qcow2_map() tell without reading a table? */
bool qcow2_map_is_here(BlockNode *bs, int64_t offset);
void qcow2_set_l2(Qcow2State *s, Qcow2Table *table, uint32_t index, uint64_t entry);
/* DATA that nobody else refers to; zeroes for which a cluster of one's own is kept. */
bool qcow2_is_in_place(const Qcow2State *s, uint64_t entry);
bool qcow2_is_kept_zero(const Qcow2State *s, uint64_t entry);
/* Host clusters that an L2 entry refers to: the first one and their number; 0: none. */
uint64_t qcow2_entry_clusters(const Qcow2State *s, uint64_t entry, uint64_t *first);
/* Make the L1 table cover bytes of the guest's offsets. -EFBIG beyond its limit. */
int qcow2_cover(BlockNode *bs, int64_t bytes);

/* ---- qcow2-refcount.c; lock held ---- */

uint64_t qcow2_refcount_in(const uint8_t *block, unsigned order, uint64_t index);
void qcow2_set_refcount_in(uint8_t *block, unsigned order, uint64_t index, uint64_t value);
static inline unsigned qcow2_refblock_bits(const Qcow2State *s)
{
    return s->cluster_bits + 3 - s->refcount_order;
}
int qcow2_refcount(BlockNode *bs, uint64_t cluster, uint64_t *refcount);
/*
 * Take up to *count free clusters in a row (exact: all of them), with a refcount of 1. Returns the offset of the first,
 * or -errno. *fresh: the file reads as zeroes there.
 */
int64_t qcow2_alloc(BlockNode *bs, uint64_t *count, bool exact, bool *fresh);
/* Clusters that tables on disk may still refer to: free after the next flush. */
void qcow2_free(Qcow2State *s, uint64_t cluster, uint64_t count);
/* Clusters that nothing on disk refers to any more: free at once when it was the last reference. */
int qcow2_decrement(BlockNode *bs, uint64_t cluster, uint64_t count);
/* Enlarge the upper level of the mapping or of the refcounts: elsewhere, switched by the next flush. */
int qcow2_grow_top(BlockNode *bs, Qcow2Top *top, uint64_t size, int64_t max_bytes);
void qcow2_top_set(Qcow2Top *top, uint32_t index, uint64_t entry);
static inline bool qcow2_is_metadata(const Qcow2State *s, uint64_t cluster)
{
    return g_hash_table_contains(s->metadata, GSIZE_TO_POINTER(cluster));
}
/* Note clusters as holding tables; false: one of them does already. */
bool qcow2_add_metadata(Qcow2State *s, int64_t offset, uint64_t bytes);
/* Find out what holds tables; false: some overlap. */
bool qcow2_find_metadata(BlockNode *bs);

/* ---- qcow2-flush.c ---- */

int qcow2_flush(BlockNode *bs);
/* Before a request that changes tables: too many changed ones are written first. No lock held. */
int qcow2_limit_dirty(BlockNode *bs);

/* ---- qcow2-io.c ---- */

typedef struct Qcow2Claim {
    int64_t start, end; /* clusters */
    bool exclusive;
    GList link;
} Qcow2Claim;

/* Wait for all earlier claims that conflict. lock held; released while waiting. A thread holds one claim at a time. */
void qcow2_claim(Qcow2State *s, Qcow2Claim *claim, int64_t offset, int64_t bytes, bool exclusive);
void qcow2_claim_all(Qcow2State *s, Qcow2Claim *claim);
void qcow2_unclaim(Qcow2State *s, Qcow2Claim *claim);

int qcow2_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes);
int qcow2_pread_now(BlockNode *bs, int64_t offset, void *buf, size_t bytes);
int qcow2_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags);
int qcow2_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags);
int qcow2_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes);
/* As qcow2_pread(), also in the VM state. */
int qcow2_read_any(BlockNode *bs, int64_t offset, void *buf, size_t bytes);
/* With a claim held; writes may go to the VM state. */
int qcow2_write_claimed(BlockNode *bs, int64_t offset, const void *data, int64_t bytes);
int qcow2_zero_claimed(BlockNode *bs, int64_t offset, int64_t bytes, int flags);
int qcow2_discard_claimed(BlockNode *bs, int64_t offset, int64_t bytes);
BlockStatus qcow2_block_status(BlockNode *bs, int64_t offset, int64_t *bytes);

/* ---- qcow2-commit.c ---- */

/* Nobody else uses the image, nothing is dirty: claims all and holds flush_lock. On error nothing is held. */
int qcow2_begin_alone(BlockNode *bs, Qcow2Claim *claim);
void qcow2_end_alone(BlockNode *bs, Qcow2Claim *claim);

/* What an image shall be. */
typedef struct Qcow2Plan {
    uint64_t *l1; /* offsets of the L2 tables that the active L1 table takes over or copies */
    uint32_t l1_size;
    Qcow2Snapshot *snapshots;
    uint32_t nb_snapshots;
    int64_t size;
} Qcow2Plan;

/*
 * Count all references anew, write new tables beside the old ones and switch to them by one write of the header. Called
 * between qcow2_begin_alone() and qcow2_end_alone(), or before anybody knows the node. On success the state has taken
 * over plan->snapshots. -ERANGE: a refcount would be too large; -EIO: an I/O error or a corrupt image; nothing has
 * changed then.
 */
int qcow2_commit(BlockNode *bs, const Qcow2Plan *plan);

/* ---- qcow2-snapshot.c ---- */

bool qcow2_read_snapshots(BlockNode *bs, Error **errp);
/* The table as bytes. */
GByteArray *qcow2_snapshot_table(const Qcow2Snapshot *list, uint32_t count);
void qcow2_free_snapshots(Qcow2Snapshot *list, uint32_t count);
int qcow2_snapshot_create(BlockNode *bs, QEMUSnapshotInfo *sn);
int qcow2_snapshot_goto(BlockNode *bs, const char *id_or_name);
int qcow2_snapshot_delete(BlockNode *bs, const char *id_or_name, Error **errp);
int qcow2_snapshot_list(BlockNode *bs, QEMUSnapshotInfo **list);
int qcow2_save_vmstate(BlockNode *bs, int64_t pos, const void *buf, size_t bytes);
int qcow2_load_vmstate(BlockNode *bs, int64_t pos, void *buf, size_t bytes);
/* Where the VM state begins, in the guest's offsets: the first L1 entry that the disk does not need. */
int64_t qcow2_vm_state_offset(const Qcow2State *s);

/* ---- qcow2-compressed.c ---- */

/* Read part of the compressed cluster that an L2 entry describes. */
int qcow2_read_compressed(BlockNode *bs, uint64_t entry, uint32_t at, void *buf, uint32_t bytes);
void qcow2_forget_compressed(Qcow2State *s);
/* Where the compressed bytes lie, rounded to sectors. */
int64_t qcow2_compressed_range(const Qcow2State *s, uint64_t entry, uint32_t *bytes);

#endif
