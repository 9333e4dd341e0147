/* block/backend.h  What block-backend.c, blkreplay.c and drive.c share: back ends and their requests. */
#ifndef BLOCK_BACKEND_H
#define BLOCK_BACKEND_H

#include "block/block-int.h"
#include "block/block.h"

typedef enum BlockErrorAction { BLOCK_ERROR_REPORT, BLOCK_ERROR_IGNORE } BlockErrorAction;

struct BlockBackend {
    char *name;
    unsigned index;  /* in order of creation: the same in every run of a machine */
    BlockNode *root; /* NULL: no medium */
    int64_t length;  /* bytes, a multiple of a sector */
    bool read_only;
    bool write_cache;
    bool removable; /* CD-ROM and floppy drives: `info block` */
    BlockErrorAction on_read_error, on_write_error;
    int64_t put_off_again_us; /* blkreplay.c: host time from which on writes may be put off; atomic */
    char *serial;
    char *user;         /* what it is attached to; NULL: nothing yet */
    BlockNode *overlay; /* temporary image that takes what is written; part of root's graph. NULL: none */
};

/* Takes over the reference to root (NULL: no medium). */
BlockBackend *blk_new(const char *name, BlockNode *root);
BlockBackend *blk_find(const char *name);
/* By number; NULL beyond the last. */
BlockBackend *blk_by_index(unsigned index);

typedef enum BlockRequestKind {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_WRITE_ZEROES,
    BLOCK_DISCARD,
    BLOCK_FLUSH,
    BLOCK_KIND_COUNT
} BlockRequestKind;

typedef struct BlockRequest BlockRequest;
struct BlockRequest {
    BlockRequestId id;
    BlockBackend *blk;
    BlockRequestKind kind;
    int64_t offset, bytes;
    int flags;               /* BDRV_REQ_* */
    uint8_t *data;           /* of reads and writes; bytes long */
    int ret;                 /* once it is finished, or when it was impossible from the beginning */
    bool from_host;          /* ret was the host's answer, not ours */
    bool finished;           /* the pool is done with it */
    unsigned waits_for;      /* overlapping requests, issued before, that are not finished */
    BlockCompletionFunc *cb; /* NULL: nobody is to be told (any more) */
    void *opaque;
    BlockRequest *prev, *next; /* all that are under way, by id */
};

/* ---- block/overlay.c; main thread, before the machine runs ---- */

/* Put a temporary image on what blk has: nothing is written to it any more. */
bool overlay_add(BlockBackend *blk, Error **errp);
/* With rr=: name the files of a drive that the machine uses as inputs, put an overlay on it (unless read_only) and a
 * recording point. */
bool overlay_prepare_replay(BlockBackend *blk, bool read_only, Error **errp);

/* ---- block/drive.c ---- */
void drive_close_all(void);

/* ---- block/blkreplay.c; machine_lock held ---- */

/* Give it a number and let it run: takes over req. One with ret < 0 is finished at once. Returns the number. */
BlockRequestId blkreplay_issue(BlockRequest *req);
/* A request under way; NULL. */
BlockRequest *blkreplay_find(BlockRequestId id);
/* Register the requests under way as machine state. */
void blkreplay_init(void);
void *block_buffer_new(size_t bytes); /* aligned for O_DIRECT; free() it */

#endif
