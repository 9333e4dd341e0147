/*
 * accel/interp/block-cache.h  Decoded blocks: found by physical address and decode mode, dropped when their bytes
 * change.
 *
 * A block is a straight run of decoded instructions on one physical page; an instruction that crosses into the next
 * page is alone in its block. One cache serves all vCPUs: they share a model and a thread, and nothing in a block
 * depends on which of them runs it. Nothing here can be seen by the guest.
 */
#ifndef ACCEL_INTERP_BLOCK_CACHE_H
#define ACCEL_INTERP_BLOCK_CACHE_H

#include "target/i386/insn.h"

#define BLOCK_MAX_INSNS 64
/* The bits of cpu->mode that decoding looks at. */
#define BLOCK_MODE_MASK (MODE_CODE_MASK | MODE_PROT)
#define BLOCK_KEY_DEAD  (~0ull)

typedef struct Block Block;
struct Block {
    uint64_t key;         /* block_key(), BLOCK_KEY_DEAD once invalid */
    Block *succ[2];       /* the last two that followed; a guess, proved by their keys */
    uint64_t second_page; /* crossing blocks: physical address of the second page */
    uint16_t count;       /* instructions */
    uint16_t bytes;
    bool crosses;
    uint8_t next_succ; /* which of succ[] is replaced next */
    uint8_t size_class;
    uint8_t nb_spans;
    uint16_t heat;         /* how often it was found cold, */
    uint16_t falls;        /* and then went on right behind its last instruction */
    uint8_t failed_groups; /* the JIT's, */
    int64_t failed_since;  /* and the icount when it began to count them: jit_group_failed() */
    void *translations;    /* the JIT's, told when the block goes: block_cache_set_drop_hook() */
    struct {
        ram_addr_t addr; /* the block's bytes in the RAM space, one span per page */
        uint16_t len;
        Block *next; /* on the same page */
    } span[2];
    Block *hash_next; /* or next free one */
    DecodedInsn insn[] __attribute__((aligned(64)));
};

/* A RAM page that holds, or held, decoded code. */
typedef struct CodePage {
    ram_addr_t addr;
    uint64_t lines; /* bit n: bytes n*64.. +63 belong to some block */
    Block *blocks;
    uint32_t rewrites; /* times that code here was overwritten */
} CodePage;

typedef struct BlockCacheStats {
    uint64_t blocks, bytes, flushes, invalidations; /* blocks and bytes: living now */
} BlockCacheStats;

typedef struct BlockCache BlockCache;

BlockCache *block_cache_shared(void); /* made at the first call */
const BlockCacheStats *block_cache_stats(const BlockCache *cache);

static inline uint64_t block_key(uint64_t phys, uint32_t mode)
{
    return phys << 8 | (mode & BLOCK_MODE_MASK);
}

Block *block_cache_find(BlockCache *cache, uint64_t key);
/*
 * An empty block with room for `count` instructions, to be filled and handed to block_cache_insert(). No block may be
 * running, and block pointers from before the call must not be followed any more.
 */
Block *block_cache_alloc(BlockCache *cache, unsigned count);
void block_cache_insert(BlockCache *cache, Block *block);
/* Take one block out. */
void block_cache_drop(BlockCache *cache, Block *block);
/*
 * Called for each block with translations that is dropped; with NULL when all are at once.
 */
typedef void BlockDropFn(Block *block);
void block_cache_set_drop_hook(BlockCache *cache, BlockDropFn *fn);
/* How many instructions a block on this page should have: short ones where code is rewritten again and again. */
unsigned block_cache_limit(const BlockCache *cache, ram_addr_t addr);

/*
 * Bytes [addr, addr+len) are about to change: drop what overlaps. A dropped block keeps its contents until the next
 * block_cache_alloc(), so that the instruction that runs in it may finish. Returns whether `running` was hit.
 */
bool block_cache_invalidate(BlockCache *cache, ram_addr_t addr, uint64_t len, const Block *running);
/* Drop all; the same promise holds. */
void block_cache_flush(BlockCache *cache);

#endif
