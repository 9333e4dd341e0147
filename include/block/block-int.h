/*
 * block/block-int.h  Nodes of the block graph and the one table of operations behind which each format stands.
 *
 * Operations block. They run on pool threads, several at once on one node: a driver guards its metadata with its own lock and
 * does data I/O outside it. They return 0 (or a length) or -errno, and never touch the machine. Images are hostile input:
 * every number read from one is bounded before use.
 */
#ifndef BLOCK_BLOCK_INT_H
#define BLOCK_BLOCK_INT_H

#include "util/error.h"
#include "util/option.h"

typedef struct BlockNode BlockNode;

#define BDRV_O_RDWR 0x01        /* otherwise read-only */
#define BDRV_O_NOCACHE 0x02     /* cache=none, directsync: O_DIRECT */
#define BDRV_O_NO_FLUSH 0x04    /* cache=unsafe */
#define BDRV_O_UNMAP 0x08       /* discard=unmap */
#define BDRV_O_NO_BACKING 0x10  /* do not open the backing chain */

#define BDRV_REQ_FUA 0x1
#define BDRV_REQ_MAY_UNMAP 0x2

typedef struct BlockDriverInfo {
    int64_t cluster_size; /* 0: none */
    int64_t vm_state_offset;
    bool is_dirty, is_corrupt;
} BlockDriverInfo;

typedef struct QEMUSnapshotInfo {
    char id_str[128], name[256];
    uint64_t vm_state_size;
    uint32_t date_sec, date_nsec;
    uint64_t vm_clock_nsec, icount; /* icount: UINT64_MAX when not stored */
} QEMUSnapshotInfo;

typedef enum BlockStatus { BLOCK_UNALLOCATED, BLOCK_ZERO, BLOCK_DATA } BlockStatus;

typedef struct BlockDriver {
    const char *name;     /* "qcow2" */
    size_t instance_size; /* of BlockNode.opaque, zeroed */
    const char *const *options; /* keys of its own, NULL-terminated; NULL: none */
    bool is_protocol;     /* opens a host file itself; others have a child `file` */
    /* 0: not this format; 100: surely. The first bytes of the file. */
    int (*probe)(const uint8_t *buf, size_t len);
    /* bs->file is open for formats. options may be NULL. Error names the file. */
    bool (*open)(BlockNode *bs, const QemuOpts *options, int flags, Error **errp);
    void (*close)(BlockNode *bs);
    int64_t (*getlength)(BlockNode *bs);
    int (*pread)(BlockNode *bs, int64_t offset, void *buf, size_t bytes);
    int (*pwrite)(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags);
    int (*pwrite_zeroes)(BlockNode *bs, int64_t offset, int64_t bytes, int flags); /* NULL: written as data */
    int (*pdiscard)(BlockNode *bs, int64_t offset, int64_t bytes);                 /* NULL: nothing happens */
    int (*flush)(BlockNode *bs);
    int (*truncate)(BlockNode *bs, int64_t length);
    /* What [offset, offset + *bytes) is in this layer, without its backing; *bytes is cut to one extent. */
    BlockStatus (*block_status)(BlockNode *bs, int64_t offset, int64_t *bytes);
    void (*get_info)(BlockNode *bs, BlockDriverInfo *info);
    /* Internal snapshots and the VM state's area; NULL: not supported. */
    int (*snapshot_create)(BlockNode *bs, QEMUSnapshotInfo *sn); /* fills id_str when empty */
    int (*snapshot_goto)(BlockNode *bs, const char *id_or_name);
    int (*snapshot_delete)(BlockNode *bs, const char *id_or_name, Error **errp);
    int (*snapshot_list)(BlockNode *bs, QEMUSnapshotInfo **list); /* count; g_free it */
    int (*save_vmstate)(BlockNode *bs, int64_t pos, const void *buf, size_t bytes);
    int (*load_vmstate)(BlockNode *bs, int64_t pos, void *buf, size_t bytes);
} BlockDriver;

struct BlockNode {
    const BlockDriver *drv;
    void *opaque;         /* the driver's own */
    char *node_name, *filename;
    int open_flags;
    bool read_only;
    BlockNode *file;      /* a format's storage */
    BlockNode *backing;   /* what unallocated clusters show; NULL */
    char *backing_file, *backing_format; /* as the image says; NULL */
    int refcount;
};

extern const BlockDriver bdrv_file, bdrv_raw, bdrv_qcow2, bdrv_blkreplay, bdrv_null_co;

/* Open a file by name with its format (NULL: probe), and its backing chain (relative names: relative to the image's folder). */
BlockNode *bdrv_open(const char *filename, const char *format, const QemuOpts *options, int flags, Error **errp);
BlockNode *bdrv_ref(BlockNode *bs);
void bdrv_unref(BlockNode *bs);
BlockNode *bdrv_find_node(const char *node_name);

/* Checked calls through the table: bounds, read-only, NULL operations. Pool threads, or any thread while the machine is stopped. */
int bdrv_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes);
int bdrv_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags);
int bdrv_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags);
int bdrv_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes);
int bdrv_flush(BlockNode *bs);
int bdrv_truncate(BlockNode *bs, int64_t length);
int64_t bdrv_getlength(BlockNode *bs);

/* block/thread-pool.c: run fn(opaque) on a pool thread. Any thread. */
typedef void ThreadPoolFunc(void *opaque);
void thread_pool_submit(ThreadPoolFunc *fn, void *opaque);

/* block/qcow2.c: make an image (temporary overlays, tests). */
bool qcow2_create(const char *filename, int64_t size, const char *backing_file, const char *backing_format, uint32_t cluster_size, int version, Error **errp);

#endif
