/*
 * hw/core/ram.c  The RAM space: one host reservation that holds the RAM and ROM of the whole machine, and its page
 * flags.
 *
 * Address space is reserved once and committed region by region, so host pointers never move and untouched guest memory
 * costs nothing. Contract: the second half of include/exec/memory.h.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <sys/mman.h>

#include "hw/core/memory-internal.h"

#define HUGE_PAGE_SIZE (2 * MiB)
#define CLEAN_FLAGS    (PAGE_CLEAN_VGA | PAGE_CLEAN_SNAPSHOT | PAGE_CLEAN_DIGEST)

uint8_t *ram_base;
ram_addr_t ram_size_used;
uint8_t *ram_page_flags;

static RAMPageProtectFn *page_protect;
static RAMCodeWriteFn *code_write;

static void *reserve(uint64_t size, int prot)
{
    void *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        error_report("cannot reserve %llu MiB of address space for guest RAM", (unsigned long long)(size / MiB));
        exit(1);
    }
    return p;
}

void ram_space_init(void)
{
    uintptr_t start = (uintptr_t)reserve(RAM_SPACE_MAX + HUGE_PAGE_SIZE, PROT_NONE);
    ram_base = (uint8_t *)((start + HUGE_PAGE_SIZE - 1) & ~(uintptr_t)(HUGE_PAGE_SIZE - 1));
    ram_page_flags = reserve(RAM_SPACE_MAX >> PAGE_BITS, PROT_READ | PROT_WRITE);
}

ram_addr_t ram_space_alloc(uint64_t size)
{
    ram_addr_t addr = ram_size_used;
    if (!ram_base) {
        memory_init();
    }
    if (size > RAM_SPACE_MAX - addr || mprotect(ram_base + addr, size, PROT_READ | PROT_WRITE) != 0) {
        error_report("cannot allocate %llu MiB of guest RAM", (unsigned long long)(size / MiB));
        exit(1);
    }
    if (size >= 16 * MiB) {
        madvise(ram_base + addr, size, MADV_HUGEPAGE); /* a hint: fewer host TLB misses */
    }
    ram_size_used += size;
    return addr;
}

void ram_set_hooks(RAMPageProtectFn *protect, RAMCodeWriteFn *write)
{
    page_protect = protect;
    code_write = write;
}

void ram_page_set_flag(ram_addr_t page, uint8_t flag)
{
    uint8_t *flags = &ram_page_flags[page >> PAGE_BITS];
    if ((*flags & flag) != flag) {
        *flags |= flag;
        if (page_protect) {
            page_protect(page & PAGE_MASK, true);
        }
    }
}

void ram_page_clear_flag(ram_addr_t page, uint8_t flag)
{
    uint8_t *flags = &ram_page_flags[page >> PAGE_BITS];
    if (*flags & flag) {
        *flags &= ~flag;
        if (!*flags && page_protect) {
            page_protect(page & PAGE_MASK, false);
        }
    }
}

void ram_notify_write(ram_addr_t addr, uint64_t len)
{
    ram_addr_t end = addr + len;
    while (addr < end) {
        ram_addr_t stop = MIN(end, (addr & PAGE_MASK) + PAGE_SIZE);
        uint8_t flags = ram_page_flags[addr >> PAGE_BITS];
        if (unlikely(flags & PAGE_CODE) && code_write) {
            code_write(addr, stop - addr);
        }
        if (unlikely(flags & CLEAN_FLAGS)) {
            ram_page_clear_flag(addr, CLEAN_FLAGS);
        }
        addr = stop;
    }
}

bool ram_test_and_clear_dirty_vga(ram_addr_t addr, uint64_t len, unsigned long *page_bitmap)
{
    const size_t bits = 8 * sizeof(unsigned long);
    ram_addr_t first = addr >> PAGE_BITS, last = (addr + len - 1) >> PAGE_BITS;
    bool any = false;
    for (ram_addr_t page = first; page <= last; page++) {
        size_t bit = page - first;
        bool dirty = !(ram_page_flags[page] & PAGE_CLEAN_VGA);
        unsigned long mask = 1ul << (bit % bits);
        page_bitmap[bit / bits] = (page_bitmap[bit / bits] & ~mask) | (dirty ? mask : 0);
        if (dirty) {
            ram_page_set_flag(page << PAGE_BITS, PAGE_CLEAN_VGA);
            any = true;
        }
    }
    return any;
}

/* Hash of (page number, contents) of every page that is not all zero. */
uint64_t ram_digest(uint64_t seed)
{
    XXH3_state_t *state = XXH3_createState();
    XXH3_64bits_reset_withSeed(state, seed);
    for (ram_addr_t addr = 0; addr < ram_size_used; addr += PAGE_SIZE) {
        if (!buffer_is_zero(ram_base + addr, PAGE_SIZE)) {
            uint64_t number = GUINT64_TO_LE(addr >> PAGE_BITS);
            XXH3_64bits_update(state, &number, sizeof(number));
            XXH3_64bits_update(state, ram_base + addr, PAGE_SIZE);
        }
    }
    uint64_t digest = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return digest;
}

static uint64_t page_digest(ram_addr_t addr)
{
    return buffer_is_zero(ram_base + addr, PAGE_SIZE) ? 0 : XXH3_64bits_withSeed(ram_base + addr, PAGE_SIZE, addr);
}

/* The sum over all pages; each page's part is kept until the page is written. */
uint64_t ram_digest_again(void)
{
    static uint64_t *parts, sum;
    parts = parts ? parts : g_new0(uint64_t, ram_size_used >> PAGE_BITS);
    for (ram_addr_t addr = 0; addr < ram_size_used; addr += PAGE_SIZE) {
        if (!(ram_page_flags[addr >> PAGE_BITS] & PAGE_CLEAN_DIGEST)) {
            uint64_t part = page_digest(addr);
            sum += part - parts[addr >> PAGE_BITS];
            parts[addr >> PAGE_BITS] = part;
            ram_page_set_flag(addr, PAGE_CLEAN_DIGEST);
        }
    }
    return sum;
}
