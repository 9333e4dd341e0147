/*
 * accel/jit/code-cache.h  Memory of the JIT: translated code, seen through a writable and an executable mapping (W^X),
 * and the records that go with it. Everything lies below 2 GiB, so that generated code reaches it with 32-bit
 * addresses.
 *
 * Memory is handed out in order and given back all at once. Code that runs and code that hardly ever does (`cold`) have
 * parts of their own, so that what runs lies close together.
 */
#ifndef ACCEL_JIT_CODE_CACHE_H
#define ACCEL_JIT_CODE_CACHE_H

#include "util/osdep.h"

typedef struct CodeCache {
    uint8_t *rw, *rx;        /* the two views */
    size_t size, used, kept; /* bytes; `kept` at the start survive code_cache_reset() */
    size_t cold, cold_used;  /* the cold part begins at `cold` */
    uint8_t *data;
    size_t data_size, data_used, data_kept;
} CodeCache;

/* `size` bytes for code, as many for records, and `kept` more for those that stay. False when the host does not let us.
 */
bool code_cache_init(CodeCache *cache, size_t size, size_t kept);
void code_cache_reset(CodeCache *cache);
/* Is there room for so much more? */
static inline bool code_cache_has_room(const CodeCache *cache, size_t code, size_t data)
{
    return cache->cold - cache->used >= code && cache->size - cache->cold_used >= code &&
           cache->data_size - cache->data_used >= data;
}
/* Zeroed, 16-byte aligned; room was asked for before. */
void *code_cache_alloc_data(CodeCache *cache, size_t bytes);

#endif
