/* block/node.h  What block.c and open.c share: nodes that are being made. */
#ifndef BLOCK_NODE_H
#define BLOCK_NODE_H

#include "block/block-int.h"

/* A node that is not open yet, with one reference. node_name, filename: NULL for none (it gets "#blockN"). */
BlockNode *bdrv_new(const BlockDriver *drv, const char *node_name, const char *filename, int flags);
/* Give back a node that was not opened, or has been closed. */
void bdrv_free(BlockNode *bs);

#endif
