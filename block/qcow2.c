/*
 * block/qcow2.c  The qcow2 image format, versions 2 and 3, as QEMU's docs/interop/qcow2.txt specifies it: opening,
 * closing, creating, growing. The map of the other files is in block/qcow2.h.
 *
 * Left out on purpose, refused by name: encryption, external data files, extended L2 entries. Compressed clusters are
 * read, never made. Lazy refcounts are never postponed: an image that another program left dirty is repaired when it is
 * opened for writing. Bitmaps are not kept: the first opening for writing says so in the image (autoclear bits).
 */
#include <fcntl.h>
#include <unistd.h>

#include "block/qcow2.h"

#define L2_CACHE_BYTES       (32 * MiB)
#define REFCOUNT_CACHE_BYTES (8 * MiB)
#define DEFAULT_CLUSTER_SIZE (64 * KiB)

/* ---- opening ---- */

static void init_state(Qcow2State *s, bool writable)
{
    s->writable = writable;
    s->backing_length = -1;
    g_mutex_init(&s->flush_lock);
    g_mutex_init(&s->lock);
    g_mutex_init(&s->inflate_lock);
    g_cond_init(&s->claims_changed);
    g_queue_init(&s->claims);
    s->frees = g_array_new(FALSE, FALSE, sizeof(Qcow2Free));
    s->metadata = g_hash_table_new(g_direct_hash, g_direct_equal);
}

static void clear_state(Qcow2State *s)
{
    qcow2_cache_destroy(&s->l2_cache);
    qcow2_cache_destroy(&s->refcount_cache);
    qcow2_free_snapshots(s->snapshots, s->nb_snapshots);
    g_array_unref(s->frees);
    g_hash_table_destroy(s->metadata);
    g_free(s->l1.entries);
    g_free(s->reftable.entries);
    g_free(s->inflated);
    g_mutex_clear(&s->flush_lock);
    g_mutex_clear(&s->lock);
    g_mutex_clear(&s->inflate_lock);
    g_cond_clear(&s->claims_changed);
}

static bool init_caches(Qcow2State *s, const QemuOpts *options, Error **errp)
{
    Error *err = NULL;
    uint64_t l2 = L2_CACHE_BYTES, refcount = REFCOUNT_CACHE_BYTES;
    if (options) {
        l2 = qemu_opt_get_size(options, "l2-cache-size", l2, &err);
    }
    if (options && !err) {
        refcount = qemu_opt_get_size(options, "refcount-cache-size", refcount, &err);
    }
    qcow2_cache_init(&s->l2_cache, s->cluster_size, MIN(l2, GiB));
    qcow2_cache_init(&s->refcount_cache, s->cluster_size, MIN(refcount, GiB));
    error_propagate(errp, err);
    return !err;
}

static bool load_top(BlockNode *bs, Qcow2Top *top, const char *name, Error **errp)
{
    size_t bytes = top->size * 8ull;
    top->entries = g_malloc(MAX(bytes, 8));
    int ret = bytes ? bdrv_pread(bs->file, top->offset, top->entries, bytes) : 0;
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read %s table", name);
        return false;
    }
    for (uint32_t i = 0; i < top->size; i++) {
        top->entries[i] = ldq_be_p(&top->entries[i]);
    }
    return true;
}

static bool load_tables(BlockNode *bs, Error **errp)
{
    Qcow2State *s = bs->opaque;
    int64_t length = bdrv_getlength(bs->file);
    if (length < 0) {
        error_setg_errno(errp, -length, "Could not get the size of the file");
        return false;
    }
    s->fresh_from = qcow2_clusters(s, length);
    return load_top(bs, &s->l1, "L1", errp) && load_top(bs, &s->reftable, "refcount", errp) &&
           qcow2_read_snapshots(bs, errp);
}

static int repair(BlockNode *bs)
{
    Qcow2State *s = bs->opaque;
    g_autofree uint64_t *l1 = g_new(uint64_t, s->l1.size + 1);
    memcpy(l1, s->l1.entries, s->l1.size * 8ull);
    Qcow2Plan plan = {
        .l1 = l1, .l1_size = s->l1.size, .snapshots = s->snapshots, .nb_snapshots = s->nb_snapshots, .size = s->size
    };
    return qcow2_commit(bs, &plan);
}

static int clear_autoclear(BlockNode *bs)
{
    Qcow2State *s = bs->opaque;
    if (s->version == 2 || !ldq_be_p(s->header + HDR_AUTOCLEAR)) {
        return 0;
    }
    stq_be_p(s->header + HDR_AUTOCLEAR, 0);
    int ret = qcow2_write_header(bs);
    return ret < 0 ? ret : bdrv_flush(bs->file);
}

static bool prepare_writing(BlockNode *bs, Error **errp)
{
    Qcow2State *s = bs->opaque;
    int ret = 0;
    if (qcow2_incompatible(s) & INCOMPAT_CORRUPT) {
        error_setg(errp, "Image is corrupt; cannot be opened read/write");
        return false;
    }
    if (qcow2_incompatible(s) & INCOMPAT_DIRTY) {
        ret = repair(bs);
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Could not repair dirty image");
            return false;
        }
    } else if (!qcow2_find_metadata(bs)) {
        error_setg(errp, "Image is corrupt: tables overlap or lie beyond the file; cannot be opened read/write");
        return false;
    }
    ret = clear_autoclear(bs);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not update qcow2 header");
    }
    return ret == 0;
}

static bool qcow2_open(BlockNode *bs, const QemuOpts *options, int flags, Error **errp)
{
    Qcow2State *s = bs->opaque;
    Error *err = NULL;
    (void)flags;
    init_state(s, !bs->read_only);
    bool good = qcow2_read_header(bs, &err) && init_caches(s, options, &err) && load_tables(bs, &err) &&
                (!s->writable || prepare_writing(bs, &err));
    if (!good) {
        clear_state(s);
        error_prepend(&err, "Could not open '%s': ", bs->filename);
        error_propagate(errp, err);
    }
    return good;
}

/* What the last flush made free is dirty again: twice. */
static void qcow2_close(BlockNode *bs)
{
    if (qcow2_flush(bs) == 0) {
        qcow2_flush(bs);
    }
    clear_state(bs->opaque);
}

/* ---- properties ---- */

static int qcow2_probe(const uint8_t *buf, size_t len)
{
    if (len < 8 || memcmp(buf, "QFI\xfb", 4)) {
        return 0;
    }
    return ldl_be_p(buf + 4) >= 2 ? 100 : 0;
}

static int64_t qcow2_getlength(BlockNode *bs)
{
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->lock);
    int64_t size = s->size;
    g_mutex_unlock(&s->lock);
    return size;
}

static void qcow2_get_info(BlockNode *bs, BlockDriverInfo *info)
{
    Qcow2State *s = bs->opaque;
    g_mutex_lock(&s->lock);
    *info = (BlockDriverInfo){
        .cluster_size = s->cluster_size,
        .vm_state_offset = qcow2_vm_state_offset(s),
        .is_dirty = qcow2_incompatible(s) & INCOMPAT_DIRTY,
        .is_corrupt = s->corrupt || qcow2_incompatible(s) & INCOMPAT_CORRUPT,
    };
    g_mutex_unlock(&s->lock);
}

/* ---- growing ---- */

/*
 * What lay beyond the end (VM state, the rest of the last cluster) and what the backing file has there must not show.
 */
static int clear_beyond(BlockNode *bs, int64_t old_size, int64_t new_size)
{
    Qcow2State *s = bs->opaque;
    int64_t mask = s->cluster_size - 1, end = (int64_t)s->l1.size << qcow2_l1_shift(s),
            whole = (old_size + mask) & ~mask;
    int ret = whole < end ? qcow2_discard_claimed(bs, whole, end - whole) : 0;
    g_mutex_lock(&s->lock);
    s->size = new_size;
    s->size_changed = true;
    ret = ret < 0 ? ret : qcow2_cover(bs, new_size);
    g_mutex_unlock(&s->lock);
    int64_t backed = bs->backing ? MIN(bdrv_getlength(bs->backing), new_size) : 0;
    int64_t until = MAX(backed, MIN(whole, new_size));
    return ret < 0 || until <= old_size ? ret : qcow2_zero_claimed(bs, old_size, until - old_size, 0);
}

static int grow(BlockNode *bs, int64_t length)
{
    Qcow2State *s = bs->opaque;
    int64_t old_size = s->size;
    int ret = clear_beyond(bs, old_size, length);
    if (ret < 0) {
        g_mutex_lock(&s->lock);
        s->size = old_size;
        g_mutex_unlock(&s->lock);
        return ret;
    }
    return qcow2_flush(bs);
}

static int qcow2_truncate(BlockNode *bs, int64_t length)
{
    Qcow2State *s = bs->opaque;
    Qcow2Claim claim;
    if (length > INT64_MAX - GiB || length >> qcow2_l1_shift(s) >= QCOW2_MAX_L1_BYTES / 8) {
        return -EFBIG;
    }
    g_mutex_lock(&s->lock);
    qcow2_claim_all(s, &claim);
    int64_t old_size = s->size;
    g_mutex_unlock(&s->lock);
    int ret = length < old_size ? -ENOTSUP : length > old_size ? grow(bs, length) : 0;
    g_mutex_lock(&s->lock);
    qcow2_unclaim(s, &claim);
    g_mutex_unlock(&s->lock);
    return ret;
}

/* ---- creating ---- */

static bool check_create(int64_t size, uint32_t cluster_size, int version, Error **errp)
{
    if (cluster_size < 512 || cluster_size > 2 * MiB || cluster_size & (cluster_size - 1)) {
        error_setg(errp, "Cluster size must be a power of two between 512 and 2048k");
        return false;
    }
    if (version != 2 && version != 3) {
        error_setg(errp, "Unsupported qcow2 version %d", version);
        return false;
    }
    unsigned l1_shift = 2 * (__builtin_ffs(cluster_size) - 1) - 3;
    if (size < 0 || size > INT64_MAX - GiB || size >> l1_shift >= QCOW2_MAX_L1_BYTES / 8) {
        error_setg(errp, "Image size %" PRIi64 " is too large for clusters of %" PRIu32 " bytes", size, cluster_size);
        return false;
    }
    return true;
}

/* An empty file; emptied only when nobody else has it open. */
static BlockNode *create_file(const char *filename, Error **errp)
{
    int fd = open(filename, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not create '%s'", filename);
        return NULL;
    }
    close(fd);
    BlockNode *file = bdrv_open(filename, "file", NULL, BDRV_O_RDWR, errp);
    int ret = file ? bdrv_truncate(file, 0) : 0;
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not empty '%s'", filename);
        bdrv_unref(file);
        return NULL;
    }
    return file;
}

static void set_geometry(Qcow2State *s, int64_t size, uint32_t cluster_size, int version)
{
    s->version = version;
    s->cluster_bits = __builtin_ffs(cluster_size) - 1;
    s->cluster_size = cluster_size;
    s->l2_bits = s->cluster_bits - 3;
    s->refcount_order = 4;
    s->refcount_max = UINT16_MAX;
    s->size = size;
    qcow2_cache_init(&s->l2_cache, cluster_size, cluster_size);
    qcow2_cache_init(&s->refcount_cache, cluster_size, cluster_size);
}

/* The header cluster, and then the first commit: of a disk with nothing on it. */
static bool write_empty_image(BlockNode *bs, const char *backing_file, const char *backing_format, Error **errp)
{
    Qcow2State *s = bs->opaque;
    g_autofree uint8_t *cluster = g_malloc0(s->cluster_size);
    if (!qcow2_make_header(s, cluster, backing_file, backing_format)) {
        error_setg(errp, "Backing file name '%s' is too long for '%s'", backing_file, bs->filename);
        return false;
    }
    uint64_t entries = ((uint64_t)s->size + (1ull << qcow2_l1_shift(s)) - 1) >> qcow2_l1_shift(s);
    g_autofree uint64_t *l1 = g_new0(uint64_t, entries + 1);
    Qcow2Plan plan = { .l1 = l1, .l1_size = entries, .size = s->size };
    int ret = bdrv_pwrite(bs->file, 0, cluster, s->cluster_size, 0);
    ret = ret < 0 ? ret : qcow2_commit(bs, &plan);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not write '%s'", bs->filename);
    }
    return ret == 0;
}

bool qcow2_create(const char *filename, int64_t size, const char *backing_file, const char *backing_format,
                  uint32_t cluster_size, int version, Error **errp)
{
    cluster_size = cluster_size ? cluster_size : DEFAULT_CLUSTER_SIZE;
    if (!check_create(size, cluster_size, version, errp)) {
        return false;
    }
    BlockNode *file = create_file(filename, errp);
    if (!file) {
        return false;
    }
    Qcow2State s = { 0 };
    BlockNode bs = {
        .drv = &bdrv_qcow2, .opaque = &s, .filename = (char *)filename, .open_flags = BDRV_O_RDWR, .file = file
    };
    init_state(&s, true);
    set_geometry(&s, (size + 511) & ~511ll, cluster_size, version);
    bool good = write_empty_image(&bs, backing_file, backing_format, errp);
    clear_state(&s);
    bdrv_unref(file);
    return good;
}

static const char *const qcow2_options[] = { "l2-cache-size", "refcount-cache-size", NULL };

const BlockDriver bdrv_qcow2 = {
    .name = "qcow2",
    .instance_size = sizeof(Qcow2State),
    .has_backing = true,
    .options = qcow2_options,
    .probe = qcow2_probe,
    .open = qcow2_open,
    .close = qcow2_close,
    .getlength = qcow2_getlength,
    .pread = qcow2_pread,
    .pread_now = qcow2_pread_now,
    .pwrite = qcow2_pwrite,
    .pwrite_zeroes = qcow2_pwrite_zeroes,
    .pdiscard = qcow2_pdiscard,
    .flush = qcow2_flush,
    .truncate = qcow2_truncate,
    .block_status = qcow2_block_status,
    .get_info = qcow2_get_info,
    .snapshot_create = qcow2_snapshot_create,
    .snapshot_goto = qcow2_snapshot_goto,
    .snapshot_delete = qcow2_snapshot_delete,
    .snapshot_list = qcow2_snapshot_list,
    .save_vmstate = qcow2_save_vmstate,
    .load_vmstate = qcow2_load_vmstate,
};
