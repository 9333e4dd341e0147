/* accel/jit/code-cache.c  See code-cache.h. */
#define _GNU_SOURCE
#include "accel/jit/code-cache.h"

#include <sys/mman.h>
#include <unistd.h>

static uint8_t *map_low(size_t size, int prot, int flags, int fd)
{
    void *p = mmap(NULL, size, prot, flags | MAP_32BIT, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

bool code_cache_init(CodeCache *cache, size_t size, size_t kept)
{
    int fd = memfd_create("lockstep-jit", MFD_CLOEXEC);
    size_t cold = size / 3 & ~(size_t)4095;
    *cache = (CodeCache){ .size = size, .data_size = size + kept, .cold = cold, .cold_used = cold };
    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0) {
        cache->rw = map_low(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
        cache->rx = map_low(size, PROT_READ | PROT_EXEC, MAP_SHARED, fd);
        cache->data =
            map_low(cache->data_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    }
    if (fd >= 0) {
        close(fd);
    }
    return cache->rw && cache->rx && cache->data;
}

void code_cache_reset(CodeCache *cache)
{
    cache->used = cache->kept;
    cache->cold_used = cache->cold;
    cache->data_used = cache->data_kept;
}

void *code_cache_alloc_data(CodeCache *cache, size_t bytes)
{
    void *p = cache->data + cache->data_used;
    cache->data_used += (bytes + 15) & ~(size_t)15;
    memset(p, 0, bytes);
    return p;
}
