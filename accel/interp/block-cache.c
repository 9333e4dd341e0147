/*
 * accel/interp/block-cache.c  Where decoded blocks live: memory, hash table, and the pages that hold their bytes.
 *
 * Memory comes in chunks that are never given back before a flush. A slot keeps its size class for ever, so a stale
 * succ pointer always points at some block's header, and comparing keys proves or refutes it.
 */
#include "accel/interp/block-cache.h"

#define HASH_BITS  16
#define HASH_SIZE  (1u << HASH_BITS)
#define CHUNK_SIZE (2 * MiB)
#define MAX_CHUNKS 64 /* 128 MiB; then all is forgotten */
#define LINE_BITS  6

/* Code pages are found in two steps: directory, then leaf. */
#define LEAF_BITS      10
#define LEAF_SIZE      (1u << LEAF_BITS)
#define DIRECTORY_SIZE (RAM_SPACE_MAX >> (PAGE_BITS + LEAF_BITS))

/* Where code is rewritten more often than this, long blocks are wasted work. */
#define REWRITES_MANY     32
#define BLOCK_SHORT_INSNS 6

static const uint8_t class_room[] = { 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64 };

struct BlockCache {
    Block *hash[HASH_SIZE];
    Block *free[ARRAY_SIZE(class_room)];
    Block *dead; /* dropped since the last allocation; through hash_next */
    CodePage **directory[DIRECTORY_SIZE];
    GPtrArray *pages; /* CodePage * */
    uint8_t *chunks[MAX_CHUNKS];
    unsigned nb_chunks, chunk; /* allocated; in use */
    size_t chunk_used;
    bool rewind; /* flushed: all chunks are free again */
    BlockCacheStats stats;
    BlockDropFn *drop_hook; /* or NULL */
};

BlockCache *block_cache_shared(void)
{
    static BlockCache *cache;
    if (!cache) {
        cache = g_new0(BlockCache, 1);
        cache->pages = g_ptr_array_new();
    }
    return cache;
}

const BlockCacheStats *block_cache_stats(const BlockCache *cache)
{
    return &cache->stats;
}

/* ---- hash ---- */

static Block **hash_bucket(BlockCache *cache, uint64_t key)
{
    return &cache->hash[(key * 0x9e3779b97f4a7c15ull) >> (64 - HASH_BITS)];
}

Block *block_cache_find(BlockCache *cache, uint64_t key)
{
    Block *block = *hash_bucket(cache, key);
    while (block && block->key != key) {
        block = block->hash_next;
    }
    return block;
}

static void hash_remove(BlockCache *cache, Block *block)
{
    Block **link = hash_bucket(cache, block->key);
    while (*link != block) {
        link = &(*link)->hash_next;
    }
    *link = block->hash_next;
}

/* ---- code pages ---- */

static CodePage **page_slot(BlockCache *cache, ram_addr_t addr)
{
    CodePage ***leaf = &cache->directory[addr >> (PAGE_BITS + LEAF_BITS)];
    if (!*leaf) {
        *leaf = g_new0(CodePage *, LEAF_SIZE);
    }
    return &(*leaf)[(addr >> PAGE_BITS) & (LEAF_SIZE - 1)];
}

static CodePage *page_find(const BlockCache *cache, ram_addr_t addr)
{
    CodePage **leaf = cache->directory[addr >> (PAGE_BITS + LEAF_BITS)];
    return leaf ? leaf[(addr >> PAGE_BITS) & (LEAF_SIZE - 1)] : NULL;
}

static CodePage *page_get(BlockCache *cache, ram_addr_t addr)
{
    CodePage **slot = page_slot(cache, addr);
    if (!*slot) {
        *slot = g_new0(CodePage, 1);
        (*slot)->addr = addr & PAGE_MASK;
        g_ptr_array_add(cache->pages, *slot);
    }
    return *slot;
}

/* Bits of the 64-byte lines that [addr, addr+len) touches; does not leave the page, len > 0. */
static uint64_t line_bits(ram_addr_t addr, uint64_t len)
{
    unsigned first = (addr & ~PAGE_MASK) >> LINE_BITS;
    unsigned last = ((addr + len - 1) & ~PAGE_MASK) >> LINE_BITS;
    return (~0ull << first) & (~0ull >> (63 - last));
}

/* Which of the block's spans is linked into this page's list. */
static unsigned span_on_page(const Block *block, const CodePage *page)
{
    return (block->span[0].addr & PAGE_MASK) == page->addr ? 0 : 1;
}

static Block **next_on_page(Block *block, const CodePage *page)
{
    return &block->span[span_on_page(block, page)].next;
}

static void page_recount_lines(CodePage *page)
{
    page->lines = 0;
    for (Block *block = page->blocks; block; block = *next_on_page(block, page)) {
        for (unsigned i = 0; i < block->nb_spans; i++) {
            if ((block->span[i].addr & PAGE_MASK) == page->addr) {
                page->lines |= line_bits(block->span[i].addr, block->span[i].len);
            }
        }
    }
}

/* Both halves of a crossing block may lie on one RAM page, when it is mapped twice: then only the first span is linked.
 */
static bool span_is_linked(const Block *block, unsigned i)
{
    return i == 0 || ((block->span[0].addr ^ block->span[1].addr) & PAGE_MASK) != 0;
}

static void page_link(BlockCache *cache, Block *block, unsigned i)
{
    CodePage *page = page_get(cache, block->span[i].addr);
    page->lines |= line_bits(block->span[i].addr, block->span[i].len);
    if (span_is_linked(block, i)) {
        block->span[i].next = page->blocks;
        page->blocks = block;
    }
    ram_page_set_flag(page->addr, PAGE_CODE);
}

static void page_unlink(BlockCache *cache, Block *block, unsigned i)
{
    CodePage *page = page_find(cache, block->span[i].addr);
    Block **link = &page->blocks;
    while (*link != block) {
        link = next_on_page(*link, page);
    }
    *link = block->span[i].next;
}

unsigned block_cache_limit(const BlockCache *cache, ram_addr_t addr)
{
    const CodePage *page = page_find(cache, addr);
    return page && page->rewrites > REWRITES_MANY ? BLOCK_SHORT_INSNS : BLOCK_MAX_INSNS;
}

/* ---- memory ---- */

static size_t slot_bytes(unsigned size_class)
{
    return sizeof(Block) + class_room[size_class] * sizeof(DecodedInsn);
}

static unsigned class_for(unsigned count)
{
    unsigned c = 0;
    while (class_room[c] < count) {
        c++;
    }
    return c;
}

static void collect_dead(BlockCache *cache)
{
    while (cache->dead) {
        Block *block = cache->dead;
        cache->dead = block->hash_next;
        block->hash_next = cache->free[block->size_class];
        cache->free[block->size_class] = block;
    }
}

static void rewind_chunks(BlockCache *cache)
{
    memset(cache->free, 0, sizeof(cache->free));
    cache->dead = NULL;
    cache->chunk = 0;
    cache->chunk_used = 0;
    cache->rewind = false;
}

/* The next chunk; when there is none left, all blocks are forgotten and the first one is taken again. */
static void advance_chunk(BlockCache *cache)
{
    if (cache->nb_chunks && cache->chunk + 1 == MAX_CHUNKS) {
        block_cache_flush(cache);
        rewind_chunks(cache);
        return;
    }
    cache->chunk += cache->nb_chunks > 0;
    cache->chunk_used = 0;
    if (cache->chunk == cache->nb_chunks) {
        cache->chunks[cache->nb_chunks++] = g_aligned_alloc(1, CHUNK_SIZE, 64);
    }
}

static Block *carve(BlockCache *cache, unsigned size_class)
{
    size_t bytes = slot_bytes(size_class);
    if (cache->nb_chunks == 0 || cache->chunk_used + bytes > CHUNK_SIZE) {
        advance_chunk(cache);
    }
    Block *block = (Block *)(void *)(cache->chunks[cache->chunk] + cache->chunk_used);
    cache->chunk_used += bytes;
    return block;
}

static Block *take_slot(BlockCache *cache, unsigned size_class)
{
    Block *block = cache->free[size_class];
    if (block) {
        cache->free[size_class] = block->hash_next;
        return block;
    }
    return carve(cache, size_class);
}

Block *block_cache_alloc(BlockCache *cache, unsigned count)
{
    if (cache->rewind) {
        rewind_chunks(cache);
    }
    collect_dead(cache);
    unsigned size_class = class_for(count);
    Block *block = take_slot(cache, size_class);
    memset(block, 0, sizeof(*block));
    block->key = BLOCK_KEY_DEAD;
    block->size_class = (uint8_t)size_class;
    return block;
}

/* ---- in and out ---- */

void block_cache_set_drop_hook(BlockCache *cache, BlockDropFn *fn)
{
    cache->drop_hook = fn;
}

void block_cache_insert(BlockCache *cache, Block *block)
{
    Block **bucket = hash_bucket(cache, block->key);
    block->hash_next = *bucket;
    *bucket = block;
    for (unsigned i = 0; i < block->nb_spans; i++) {
        page_link(cache, block, i);
    }
    cache->stats.blocks++;
    cache->stats.bytes += slot_bytes(block->size_class);
}

void block_cache_drop(BlockCache *cache, Block *block)
{
    hash_remove(cache, block);
    for (unsigned i = 0; i < block->nb_spans; i++) {
        if (span_is_linked(block, i)) {
            page_unlink(cache, block, i);
        }
    }
    if (block->translations) {
        cache->drop_hook(block);
    }
    block->key = BLOCK_KEY_DEAD;
    block->hash_next = cache->dead;
    cache->dead = block;
    cache->stats.blocks--;
    cache->stats.bytes -= slot_bytes(block->size_class);
}

static bool block_overlaps(const Block *block, ram_addr_t addr, uint64_t len)
{
    for (unsigned i = 0; i < block->nb_spans; i++) {
        if (addr < block->span[i].addr + block->span[i].len && block->span[i].addr < addr + len) {
            return true;
        }
    }
    return false;
}

static bool drop_overlapping(BlockCache *cache, CodePage *page, ram_addr_t addr, uint64_t len, const Block *running)
{
    bool hit = false;
    for (Block *block = page->blocks, *next; block; block = next) {
        next = *next_on_page(block, page);
        if (block_overlaps(block, addr, len)) {
            hit |= block == running;
            block_cache_drop(cache, block);
            cache->stats.invalidations++;
        }
    }
    return hit;
}

/* The part of one page. A page loses its flag at the first write that finds it empty: code that is rewritten keeps it.
 */
static bool invalidate_page(BlockCache *cache, CodePage *page, ram_addr_t addr, uint64_t len, const Block *running)
{
    if (!page->blocks) {
        ram_page_clear_flag(page->addr, PAGE_CODE);
        return false;
    }
    if (!(page->lines & line_bits(addr, len))) {
        return false;
    }
    bool hit = drop_overlapping(cache, page, addr, len, running);
    page_recount_lines(page);
    page->rewrites += page->rewrites < UINT32_MAX;
    return hit;
}

bool block_cache_invalidate(BlockCache *cache, ram_addr_t addr, uint64_t len, const Block *running)
{
    bool hit = false;
    while (len > 0) {
        uint64_t part = MIN(len, PAGE_SIZE - (addr & ~PAGE_MASK));
        CodePage *page = page_find(cache, addr);
        if (page) {
            hit |= invalidate_page(cache, page, addr, part, running);
        }
        addr += part;
        len -= part;
    }
    return hit;
}

void block_cache_flush(BlockCache *cache)
{
    if (cache->drop_hook) {
        cache->drop_hook(NULL);
    }
    for (guint i = 0; i < cache->pages->len; i++) {
        CodePage *page = cache->pages->pdata[i];
        for (Block *block = page->blocks; block; block = *next_on_page(block, page)) {
            block->key = BLOCK_KEY_DEAD;
        }
        page->blocks = NULL;
        page->lines = 0;
        page->rewrites = 0;
        ram_page_clear_flag(page->addr, PAGE_CODE);
    }
    memset(cache->hash, 0, sizeof(cache->hash));
    cache->stats.blocks = cache->stats.bytes = 0;
    cache->stats.flushes++;
    cache->rewind = true;
}
