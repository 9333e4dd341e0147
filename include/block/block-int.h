/*
 * block/block-int.h  Nodes of the block graph and the one table of operations behind which each format stands.
 *
 * Operations block (but for pread_now). They run on pool threads, several at once on one node: a driver guards its
 * metadata with its own lock and does data I/O outside it. They return 0 (or a length) or -errno, and never touch the
 * machine. Images are hostile input: every number read from one is bounded before use.
 */
#ifndef BLOCK_BLOCK_INT_H
#define BLOCK_BLOCK_INT_H

#include "util/error.h"
#include "util/option.h"

typedef struct BlockNode BlockNode;

#define BDRV_O_RDWR       0x01 /* otherwise read-only */
#define BDRV_O_NOCACHE    0x02 /* cache=none, directsync: O_DIRECT */
#define BDRV_O_NO_FLUSH   0x04 /* cache=unsafe */
#define BDRV_O_UNMAP      0x08 /* discard=unmap */
#define BDRV_O_NO_BACKING 0x10 /* do not open the backing chain */

#define BDRV_REQ_FUA       0x1
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

typedef int BlockReadFunc(BlockNode *bs, int64_t offset, void *buf, size_t bytes);

typedef enum BlockStatus { BLOCK_UNALLOCATED, BLOCK_ZERO, BLOCK_DATA } BlockStatus;

typedef struct BlockDriver {
    const char *name;           /* "qcow2" */
    size_t instance_size;       /* of BlockNode.opaque, zeroed */
    const char *const *options; /* keys of its own, NULL-terminated; NULL: none */
    bool is_protocol;           /* opens a host file itself (bs->filename); others have a child `file` */
    bool has_backing;           /* a format whose images may stand on a backing file */
    const char *child;          /* key that names the child; NULL: "file" */
    /* 0: not this format; 100: surely. The first bytes of the file. */
    int (*probe)(const uint8_t *buf, size_t len);
    /* bs->file is open for formats. options may be NULL. Error names the file. */
    bool (*open)(BlockNode *bs, const QemuOpts *options, int flags, Error **errp);
    void (*close)(BlockNode *bs);
    int64_t (*getlength)(BlockNode *bs);
    /* Reads beyond the node's end give zeroes: a shorter backing file, the last part of a cluster. */
    BlockReadFunc *pread;
    /* The same without waiting for a disk or a lock; -EAGAIN: that cannot be. buf may then hold anything. NULL: never.
     */
    BlockReadFunc *pread_now;
    /* Drivers never see BDRV_REQ_FUA: bdrv_pwrite() flushes behind them. */
    int (*pwrite)(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags);
    int (*pwrite_zeroes)(BlockNode *bs, int64_t offset, int64_t bytes,
                         int flags);                               /* NULL or -ENOTSUP: written as data */
    int (*pdiscard)(BlockNode *bs, int64_t offset, int64_t bytes); /* NULL: nothing happens */
    int (*flush)(BlockNode *bs); /* NULL: the child's. With BDRV_O_NO_FLUSH `file` skips its fdatasync; formats still
                                    write theirs */
    int (*truncate)(BlockNode *bs, int64_t length);
    /* What [offset, offset + *bytes) is in this layer, without its backing; *bytes is cut to one extent. */
    BlockStatus (*block_status)(BlockNode *bs, int64_t offset, int64_t *bytes);
    void (*get_info)(BlockNode *bs, BlockDriverInfo *info);
    /* Internal snapshots and the VM state's area; NULL: not supported. */
    int (*snapshot_create)(BlockNode *bs, QEMUSnapshotInfo *sn); /* fills id_str when empty */
    int (*snapshot_goto)(BlockNode *bs, const char *id_or_name); /* read-only nodes: shown, the file does not change */
    int (*snapshot_delete)(BlockNode *bs, const char *id_or_name, Error **errp);
    int (*snapshot_list)(BlockNode *bs, QEMUSnapshotInfo **list); /* count; g_free it */
    int (*save_vmstate)(BlockNode *bs, int64_t pos, const void *buf, size_t bytes);
    int (*load_vmstate)(BlockNode *bs, int64_t pos, void *buf, size_t bytes);
} BlockDriver;

struct BlockNode {
    const BlockDriver *drv;
    void *opaque; /* the driver's own */
    char *node_name, *filename;
    int open_flags;
    bool read_only;
    bool probed;        /* the format was guessed */
    bool detect_zeroes; /* writes of nothing but zeroes become pwrite_zeroes */
    BlockNode *file;    /* a format's storage */
    /* What unallocated clusters show; NULL: zeroes. May be set although the image names none (temporary overlays): look
     * here, not at backing_file. Opened by block.c after drv->open() from backing_file and backing_format. */
    BlockNode *backing;
    char *backing_file, *backing_format; /* as the image says; NULL */
    int refcount;
};

extern const BlockDriver bdrv_file, bdrv_host_device, bdrv_raw, bdrv_qcow2, bdrv_blkreplay, bdrv_null_co;

/*
 * Open a file by name with its format (NULL: probe), and its backing chain (relative names: relative to the image's
 * folder). options: what else was given ("file.locking", keys of the driver); NULL: nothing. Main thread.
 */
BlockNode *bdrv_open(const char *filename, const char *format, const QemuOpts *options, int flags, Error **errp);
/* As -blockdev: options alone say what is opened ("driver", "node-name", "file" or "file.driver" ...). */
BlockNode *bdrv_open_blockdev(const QemuOpts *options, int flags, Error **errp);
/* {"driver": ..., "file": {...}} as flat options ("file.driver"); NULL with an error. */
QemuOpts *bdrv_parse_json(const char *text, Error **errp);
/* A node that stands above others without a file of its own (temporary overlay, recording point). Takes over the
 * reference to child. */
BlockNode *bdrv_new_filter(const BlockDriver *drv, BlockNode *child);
const BlockDriver *bdrv_find_driver(const char *name);
/* The format that an image's first bytes look like best; raw when none. */
const BlockDriver *bdrv_probe(const uint8_t *buf, size_t len);
BlockNode *bdrv_ref(BlockNode *bs);
/* The last one flushes and closes. NULL is allowed. */
void bdrv_unref(BlockNode *bs);
BlockNode *bdrv_find_node(const char *node_name);
/* All open nodes, in the order in which they were opened. */
void bdrv_foreach(void (*fn)(BlockNode *bs, void *opaque), void *opaque);

/*
 * Checked calls through the table: bounds, read-only, NULL operations; 0 or -errno. Pool threads, or any thread while
 * the machine is stopped. offset + bytes must not pass INT64_MAX; where a device ends is the BlockBackend's affair.
 */
int bdrv_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes);
/* What the host has in memory; -EAGAIN: it would have to wait. Any thread. */
int bdrv_pread_now(BlockNode *bs, int64_t offset, void *buf, size_t bytes);
int bdrv_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags);
int bdrv_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags);
int bdrv_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes); /* nothing without BDRV_O_UNMAP */
int bdrv_flush(BlockNode *bs);
int bdrv_truncate(BlockNode *bs, int64_t length);
int64_t bdrv_getlength(BlockNode *bs);
/* *bytes > 0; cut to one extent. Drivers without block_status: all is data. */
BlockStatus bdrv_block_status(BlockNode *bs, int64_t offset, int64_t *bytes);

/* block/thread-pool.c: run fn(opaque) on a pool thread. Any thread. */
typedef void ThreadPoolFunc(void *opaque);
void thread_pool_submit(ThreadPoolFunc *fn, void *opaque);
/* The same, but no thread is called: for thread_pool_run_put_off(), or thread_pool_call_for_put_off() if nobody comes.
 */
void thread_pool_put_off(ThreadPoolFunc *fn, void *opaque);
bool thread_pool_has_put_off(void);
void thread_pool_run_put_off(void);
void thread_pool_call_for_put_off(void);

/* block/block-backend.c: the root of the drive with this id; NULL. */
BlockNode *blk_find_root(const char *id);

/* block/qcow2.c: make an image (temporary overlays, tests). */
bool qcow2_create(const char *filename, int64_t size, const char *backing_file, const char *backing_format,
                  uint32_t cluster_size, int version, Error **errp);

#endif
