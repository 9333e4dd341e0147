/*
 * accel/interp/fetch.h  From CS:EIP to decoded instructions: translation, limit checks, decoding ahead.
 */
#ifndef ACCEL_INTERP_FETCH_H
#define ACCEL_INTERP_FETCH_H

#include "accel/interp/block-cache.h"

/* Linear address of an offset in CS. */
static inline uint64_t fetch_linear(const CPUState *cpu, uint64_t ip)
{
    return (cpu->seg[R_CS].linear_base + ip) & cpu->linear_mask;
}

/* May the whole block be fetched under CS's limit? 64-bit mode has none. */
static inline bool fetch_within_limit(const CPUState *cpu, const Block *block)
{
    return likely(cpu->eip + block->bytes - 1 <= cpu->seg[R_CS].limit) || (cpu->mode & MODE_CODE_MASK) == MODE_CODE64;
}

/*
 * The block at CS:EIP, whose first byte is at guest-physical phys (its page is cpu->fetch_page): from the cache, or
 * decoded now. Faults when the first instruction cannot be fetched. What may not be cached (code in MMIO, or running
 * into the segment limit) comes in a scratch block of one instruction, valid until the next call. Block pointers from
 * before the call must not be followed any more.
 */
Block *fetch_block(CPUState *cpu, BlockCache *cache, uint64_t phys);
/*
 * The block at phys, decoded in the mode of cpu if need be, without fetching anything. NULL: there is nothing but, at
 * most, a crossing block. Block pointers from before the call must not be followed any more when the cache was flushed.
 */
Block *fetch_ahead(CPUState *cpu, BlockCache *cache, uint64_t phys);
/* A crossing block at CS:EIP: its second page is fetched too, which may fault. False when that is now another page. */
bool fetch_second_page(CPUState *cpu, const Block *block);

#endif
