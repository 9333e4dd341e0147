/*
 * exec/memory.h  Guest-physical memory and I/O ports: regions, priorities, flat views. Implemented in hw/core/memory.c.
 *
 * An AddressSpace is a tree of MemoryRegions under a root container. Overlap is resolved by priority (higher wins;
 * among equals the one added later). The tree is rendered into a flat view, a sorted array of ranges, when it changes.
 * All functions: BQL held, vCPU not inside a memory access except through an I/O callback.
 *
 * RAM of the whole machine lives in one ram_addr_t space, page-granular; per page there are dirty and code flags.
 */
#ifndef EXEC_MEMORY_H
#define EXEC_MEMORY_H

#include "util/error.h"
#include "util/info.h"
#include "util/osdep.h"

typedef uint64_t hwaddr;     /* guest-physical address, or port number */
typedef uint64_t ram_addr_t; /* offset in the RAM space */
#define RAM_ADDR_INVALID ((ram_addr_t)-1)

#define PAGE_BITS 12
#define PAGE_SIZE (1u << PAGE_BITS)
#define PAGE_MASK (~(uint64_t)(PAGE_SIZE - 1))

typedef struct MemoryRegionOps {
    /* addr: offset in the region; size: 1, 2, 4 or 8 bytes, within [min_access, max_access]. */
    uint64_t (*read)(void *opaque, hwaddr addr, unsigned size);
    void (*write)(void *opaque, hwaddr addr, uint64_t value, unsigned size);
    /*
     * Sizes the callbacks implement (0 means 1 and 4). A larger guest access is split into max_access pieces, low
     * address first; a smaller one reads min_access and extracts, or read-modify-writes nothing: it is passed as is
     * when min_access is 1.
     */
    unsigned min_access, max_access;
    /* Optional: the byte that a read would give, without changing anything; for the monitor, which may look but not
     * touch. */
    uint8_t (*peek)(void *opaque, hwaddr addr);
} MemoryRegionOps;

typedef struct MemoryRegion MemoryRegion;
struct MemoryRegion {
    const char *name;
    enum { MR_CONTAINER, MR_RAM, MR_ROM, MR_IO, MR_ALIAS } kind;
    uint64_t size; /* bytes */
    const MemoryRegionOps *ops;
    void *opaque;
    ram_addr_t ram_addr; /* RAM, ROM */
    MemoryRegion *alias; /* ALIAS: target */
    hwaddr alias_offset;
    bool enabled;
    bool readonly; /* ALIAS of RAM that ignores writes; ROM always does */
    /* tree */
    MemoryRegion *container;
    hwaddr addr; /* in container */
    int priority;
    MemoryRegion *subregions; /* highest priority first */
    MemoryRegion *next;
};

typedef struct FlatRange {
    hwaddr start, last; /* inclusive */
    MemoryRegion *mr;   /* RAM, ROM or IO, aliases resolved */
    hwaddr offset;      /* of start in mr */
    bool readonly;
} FlatRange;

typedef struct AddressSpace {
    const char *name;
    MemoryRegion *root;
    FlatRange *ranges; /* sorted, not overlapping; gaps are unassigned */
    size_t nb_ranges;
    size_t last_hit; /* range that the last look-up found: a cache */
    bool stale;      /* the tree changed since the view was rendered */
} AddressSpace;

extern AddressSpace address_space_memory; /* guest-physical memory, root "system" */
extern AddressSpace address_space_io;     /* 64 Ki ports, root "io" */
MemoryRegion *get_system_memory(void);
MemoryRegion *get_system_io(void);
/* Create both roots; idempotent. */
void memory_init(void);
/* One more view, of another root: what a bus sees of itself. For the life of the machine; name in as. */
void address_space_init(AddressSpace *as, MemoryRegion *root, const char *name);

void memory_region_init(MemoryRegion *mr, const char *name, uint64_t size); /* container */
/* size is rounded up to whole pages. RAM is zeroed. */
void memory_region_init_ram(MemoryRegion *mr, const char *name, uint64_t size);
void memory_region_init_rom(MemoryRegion *mr, const char *name, uint64_t size);
void memory_region_init_io(MemoryRegion *mr, const MemoryRegionOps *ops, void *opaque, const char *name, uint64_t size);
void memory_region_init_alias(MemoryRegion *mr, const char *name, MemoryRegion *target, hwaddr offset, uint64_t size);
void memory_region_add_subregion(MemoryRegion *container, hwaddr addr, MemoryRegion *mr); /* priority 0 */
void memory_region_add_subregion_overlap(MemoryRegion *container, hwaddr addr, MemoryRegion *mr, int priority);
void memory_region_del_subregion(MemoryRegion *container, MemoryRegion *mr);
void memory_region_set_enabled(MemoryRegion *mr, bool enabled);
void memory_region_set_address(MemoryRegion *mr, hwaddr addr);
void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset);
void memory_region_set_readonly(MemoryRegion *mr, bool readonly);
/* Group changes: the flat view is rendered once at the outermost commit. */
void memory_region_transaction_begin(void);
void memory_region_transaction_commit(void);
/* Host memory of a RAM or ROM region. */
uint8_t *memory_region_get_ram_ptr(MemoryRegion *mr);

/* Bump when the flat view of address_space_memory changed; the CPU's TLB re-derives its host pointers then
 * (memory_map_changed). */
typedef void MemoryMapChangedFn(void *opaque);
void memory_set_map_changed_hook(MemoryMapChangedFn *fn, void *opaque);

/*
 * Look up guest-physical addr: the region, the offset in it, and how many bytes (at most len) lie contiguously in it.
 * NULL when nothing is mapped there (and in the len bytes). ROM and read-only aliases: *readonly is set.
 */
MemoryRegion *address_space_translate(AddressSpace *as, hwaddr addr, hwaddr *offset, hwaddr *len, bool *readonly);

/* Single accesses by the CPU or a DMA master. Unassigned reads give all ones; unassigned writes and ROM writes are
 * dropped. */
uint64_t address_space_ld(AddressSpace *as, hwaddr addr, unsigned size); /* size 1, 2, 4, 8; little-endian */
void address_space_st(AddressSpace *as, hwaddr addr, uint64_t value, unsigned size);
/* Told of single accesses to nothing, when not NULL: -d guest_errors. */
typedef void MemoryUnassignedFn(AddressSpace *as, hwaddr addr, unsigned size, bool write);
extern MemoryUnassignedFn *memory_unassigned_hook;
/* Bulk, across ranges. RAM written this way is marked dirty and code in it is invalidated. */
void address_space_read(AddressSpace *as, hwaddr addr, void *buf, hwaddr len);
void address_space_write(AddressSpace *as, hwaddr addr, const void *buf, hwaddr len);
/* RAM, ROM, and devices that can be looked at (MemoryRegionOps.peek), changing nothing; false: something else is there.
 */
bool address_space_peek(AddressSpace *as, hwaddr addr, void *buf, hwaddr len);
static inline void cpu_physical_memory_read(hwaddr addr, void *buf, hwaddr len)
{
    address_space_read(&address_space_memory, addr, buf, len);
}
static inline void cpu_physical_memory_write(hwaddr addr, const void *buf, hwaddr len)
{
    address_space_write(&address_space_memory, addr, buf, len);
}

/* ---- RAM space: one contiguous host mapping, so that host = ram_base + ram_addr ---- */

#define RAM_SPACE_MAX (64ULL * GiB)
extern uint8_t *ram_base;        /* reserved at memory_init(), never moves */
extern ram_addr_t ram_size_used; /* bytes handed out so far, page multiple */

/* Per-page flags. A page without PAGE_NOTDIRTY_MASK set bits may be written by the CPU's fast path. */
#define PAGE_CODE           0x01 /* translated or decoded code lives on this page: writes must tell the engine */
#define PAGE_CLEAN_VGA      0x02 /* display wants to know about the next write */
#define PAGE_CLEAN_SNAPSHOT 0x04 /* checkpoints want to know about the next write */
#define PAGE_CLEAN_DIGEST   0x08 /* ram_digest_again() does */
extern uint8_t *ram_page_flags;  /* indexed by ram_addr >> PAGE_BITS */
/* `page` below is the ram_addr of the page's first byte (any byte of it for set and clear). */
/* Called when a flag is set on a page (fast write entries for it must go) or when all are cleared (may come back). */
typedef void RAMPageProtectFn(ram_addr_t page, bool protect);
/* Called before a write to a page with PAGE_CODE: the engine drops what overlaps. */
typedef void RAMCodeWriteFn(ram_addr_t addr, uint64_t len);
void ram_set_hooks(RAMPageProtectFn *protect, RAMCodeWriteFn *code_write);
void ram_page_set_flag(ram_addr_t page, uint8_t flag);
void ram_page_clear_flag(ram_addr_t page, uint8_t flag);
/* To be called before any write to RAM outside the CPU's fast path: clears the CLEAN flags, invalidates code. */
void ram_notify_write(ram_addr_t addr, uint64_t len);

/* Display: which pages of a RAM region were written since the last call with this range? One bit per page, then
 * re-armed. */
bool memory_region_test_and_clear_dirty_vga(MemoryRegion *mr, hwaddr offset, hwaddr len, unsigned long *page_bitmap);

/* Digest of all RAM (pages that are all zero cost little). */
uint64_t ram_digest(uint64_t seed);
/* Another one, for who asks again and again: only pages written since the last call are hashed. */
uint64_t ram_digest_again(void);
/* `info mtree [-f]`. */
void memory_info_mtree(bool flat, InfoPrint *print, void *opaque);

#endif
