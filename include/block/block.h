/*
 * block/block.h  Storage as a device sees it: a BlockBackend takes requests and completes them, in every mode, at a
 * checkpoint.
 *
 * The guest side (devices; machine_lock held): blk_aio_*() gives a request a number and hands it to the thread pool, or
 * reads what the host has in memory at once.
 * Data never moves behind the machine's back: what is written is copied when the request is issued, what is read
 * arrives in a buffer of the request's own and is handed to the completion, which runs with machine_lock at a
 * checkpoint (block/blkreplay.c: recorded, or when the log says so).
 *
 * The host side: a graph of nodes (block/block-int.h), whose operations block and run on pool threads.
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include "util/error.h"
#include "util/info.h"
#include "util/option.h"

#define BDRV_SECTOR_BITS 9
#define BDRV_SECTOR_SIZE (1u << BDRV_SECTOR_BITS)
/* The largest request; devices split longer transfers. */
#define BLK_MAX_TRANSFER (16u << 20)

typedef struct BlockBackend BlockBackend;
typedef uint64_t BlockRequestId; /* never 0; the same in record and replay; devices keep it as state */

/* ret: 0, or -errno. data: what a read brought (len bytes; NULL for other requests and on error), valid during the call
 * only. */
typedef void BlockCompletionFunc(void *opaque, BlockRequestId id, int ret, const uint8_t *data, size_t len);

/* ---- requests; machine_lock held. Offsets and lengths in bytes; beyond the end of the device: completes with -EIO
 * ---- */
BlockRequestId blk_aio_read(BlockBackend *blk, int64_t offset, size_t bytes, BlockCompletionFunc *cb, void *opaque);
/* data is copied before the call returns. fua: on stable storage before it completes. */
BlockRequestId blk_aio_write(BlockBackend *blk, int64_t offset, const void *data, size_t bytes, bool fua,
                             BlockCompletionFunc *cb, void *opaque);
BlockRequestId blk_aio_write_zeroes(BlockBackend *blk, int64_t offset, int64_t bytes, bool may_unmap,
                                    BlockCompletionFunc *cb, void *opaque);
BlockRequestId blk_aio_discard(BlockBackend *blk, int64_t offset, int64_t bytes, BlockCompletionFunc *cb, void *opaque);
/* Completes when all that completed before it is on stable storage. */
BlockRequestId blk_aio_flush(BlockBackend *blk, BlockCompletionFunc *cb, void *opaque);
/* The guest gave up (reset): the request still completes at its checkpoint, but its cb is not called. */
void blk_aio_forget(BlockBackend *blk, BlockRequestId id);
/* After loadvm: who is to be told of a request that was under way when the state was saved (devices: from post_load).
 * False with an error when the snapshot holds no such request: refuse it. */
bool blk_aio_reattach(BlockBackend *blk, BlockRequestId id, BlockCompletionFunc *cb, void *opaque, Error **errp);
/* Bytes that a request under way will bring; 0: it is no read, or none of blk's. A snapshot may name any request: a
 * device makes sure that it can take what comes. */
size_t blk_aio_read_bytes(BlockBackend *blk, BlockRequestId id);

/*
 * Writes that were issued in a slice may have been put off until its end. vCPU thread: are there any (cheap); a CPU
 * that is idle does them itself, without locks; one that is not leaves them to the pool.
 */
bool blk_has_put_off(void);
void blk_do_put_off(void);
void blk_submit_put_off(void);

/* ---- properties; any thread, fixed while the machine runs ---- */
int64_t
blk_length(BlockBackend *blk); /* bytes, a multiple of 512 (rounded up, the rest reads as zeroes); 0 without medium */
bool blk_is_read_only(BlockBackend *blk);
bool blk_is_inserted(BlockBackend *blk);
bool blk_write_cache_enabled(BlockBackend *blk); /* cache=writethrough: false */
const char *blk_name(const BlockBackend *blk);   /* "ide0-hd0", or the id given */
const char *blk_serial(const BlockBackend *blk); /* -drive serial=, or NULL */

/* ---- before the machine is built ---- */
typedef enum BlockInterface { IF_NONE, IF_IDE, IF_FLOPPY, IF_VIRTIO, IF_COUNT } BlockInterface;

/* -drive and its short forms; error text as QEMU's. */
bool drive_add(const char *opts, Error **errp);
/* -hda, -cdrom, -fda; option: how messages name it ("-hda"), NULL: the image alone stood on the command line. */
bool drive_add_short(const char *option, BlockInterface type, int index, const char *file, bool cdrom, Error **errp);
bool blockdev_add(const char *opts, Error **errp); /* -blockdev */
extern bool drive_snapshot_all;                    /* -snapshot */
/* Open what was asked for, in order. Registers the machine state of requests: before the devices that have some under
 * way. */
bool blk_open_all(Error **errp);
/*
 * The drive at a place (bus, unit), or NULL; marks it as used by the board. cdrom: -drive media=cdrom.
 * With rr= a drive that is used gets a temporary overlay and a recording point, and its files become inputs: what is
 * wrong with them ends the process with a message.
 */
BlockBackend *drive_get(BlockInterface type, int bus, int unit, bool *cdrom);
/* A drive or node by id, for "-device x,drive=id"; an error when unknown or taken by another device. */
BlockBackend *blk_claim(const char *id, const char *device, Error **errp);
/* A back end without medium (an empty CD-ROM or floppy drive). */
BlockBackend *blk_new_empty(const char *name);
/* First drive that nobody used: "machine type does not support if=..., bus=..., unit=..."; NULL when none. */
const char *drive_first_orphan(void);
/* The machine is built: with rr= drives that no device uses (where savevm goes) become writable. */
bool drive_open_unused(Error **errp);

/* ---- snapshots (migration/savevm.c, written by the lead; block core implements these); machine_lock held, drained
 * ---- */
struct BlockNode;
BlockBackend *blk_find(const char *name); /* by blk_name(); NULL */
/* The node that requests go to first (below the recording point); NULL without medium. */
struct BlockNode *blk_root_node(BlockBackend *blk);
/* With rr=: the temporary overlay that takes what the guest writes; NULL when there is none. A drive that no device
 * uses has none: with rr= a writable qcow2 drive that nobody claims is where savevm goes, as QEMU's users have it
 * (-drive file=empty.qcow2,if=none,id=rr), and no input. */
struct BlockNode *blk_overlay(BlockBackend *blk);
/* Forget all that was written to it: an empty overlay again. */
bool blk_reset_overlay(BlockBackend *blk, Error **errp);

/* ---- the end, and the monitor ---- */
/*
 * Wait until no request runs on a pool thread (their completions may still wait for a checkpoint). machine_lock held.
 */
void blk_drain_all(void);
void blk_close_all(void);                      /* flush, close, remove temporary overlays; after cpus_stop() */
void blk_info(InfoPrint *print, void *opaque); /* `info block` */
void blk_foreach(void (*fn)(BlockBackend *blk, void *opaque), void *opaque);

#endif
