/*
 * target/i386/paging.c  Page-table walks: 2-level with 4 MiB pages and PSE-36, PAE, 4-level with 1 GiB pages. SDM 3A,
 * chapter 4.
 *
 * A walk first reads every level, then checks rights, and only when the access is allowed writes accessed and dirty
 * bits: a faulting access changes nothing. Left out: 5-level paging, protection keys; paging-structure caches (none is
 * the slowest permitted cache, and invisible).
 */
#include "target/i386/paging.h"
#include "target/i386/cpuid.h"

#define PTE_P              0x001ull
#define PTE_RW             0x002ull
#define PTE_US             0x004ull
#define PTE_A              0x020ull
#define PTE_D              0x040ull
#define PTE_PS             0x080ull
#define PTE_G              0x100ull
#define PTE_NX             (1ull << 63)
#define PDPTE_PAE_RESERVED 0x1e6ull /* bits 1, 2, 5 to 8 */

#define WALK_LEVELS 4
/* One function per walk: a TLB miss waits for it. */
#define WALK_INLINE static inline __attribute__((always_inline))

/* The entries that a walk went through, the last one is the leaf. */
typedef struct WalkState {
    CPUState *cpu;
    uint64_t la;
    bool debug;                 /* read RAM only */
    unsigned entry_size;        /* 4 or 8 bytes */
    unsigned depth;             /* entries read so far */
    uint64_t all, any;          /* bits that all of them have, and any */
    uint64_t addr[WALK_LEVELS]; /* of each entry */
    uint64_t entry[WALK_LEVELS];
    uint64_t page;    /* physical address of the 4 KiB page */
    bool large, huge; /* leaf above the last level; huge: of 1 GiB */
    bool reserved;    /* failed by a reserved bit rather than P=0 */
} WalkState;

static void walk_start(WalkState *w, CPUState *cpu, uint64_t la, bool debug)
{
    w->cpu = cpu;
    w->la = la;
    w->debug = debug;
    w->depth = 0;
    w->all = ~0ull;
    w->any = 0;
    w->large = w->huge = w->reserved = false;
}

static uint64_t physical_mask(const CPUState *cpu)
{
    return (1ull << cpu->model->phys_bits) - 1;
}

static uint64_t load_host(const uint8_t *p, unsigned size)
{
    return size == 4 ? ldl_le_p(p) : ldq_le_p(p);
}

/* Entries are naturally aligned, so that they never cross a page. */
WALK_INLINE bool entry_load(WalkState *w, uint64_t addr, uint64_t *entry)
{
    addr &= w->cpu->a20_mask;
    ram_addr_t ram = tlb_ram_page(addr & PAGE_MASK);
    if (likely(ram != RAM_ADDR_INVALID)) {
        *entry = load_host(ram_base + (ram & PAGE_MASK) + (addr & ~PAGE_MASK), w->entry_size);
        return true;
    }
    if (w->debug) {
        return false;
    }
    *entry = address_space_ld(&address_space_memory, addr, w->entry_size);
    return true;
}

static void entry_store(WalkState *w, uint64_t addr, uint64_t entry)
{
    addr &= w->cpu->a20_mask;
    ram_addr_t ram = tlb_ram_page(addr & PAGE_MASK);
    if (ram == RAM_ADDR_INVALID || (ram & RAM_PAGE_READONLY)) {
        address_space_st(&address_space_memory, addr, entry, w->entry_size);
        return;
    }
    ram = (ram & PAGE_MASK) | (addr & ~PAGE_MASK);
    if (unlikely(ram_page_flags[ram >> PAGE_BITS])) {
        ram_notify_write(ram, w->entry_size);
    }
    if (w->entry_size == 4) {
        stl_le_p(ram_base + ram, (uint32_t)entry);
    } else {
        stq_le_p(ram_base + ram, entry);
    }
}

/* Read the entry of one level; false when it is not present or has a reserved bit set. */
WALK_INLINE bool walk_level(WalkState *w, uint64_t table, unsigned index, uint64_t reserved, uint64_t *entry)
{
    uint64_t addr = table + (uint64_t)index * w->entry_size;
    if (!entry_load(w, addr, entry) || !(*entry & PTE_P)) {
        return false;
    }
    w->addr[w->depth] = addr;
    w->entry[w->depth++] = *entry;
    w->all &= *entry;
    w->any |= *entry;
    w->reserved = *entry & reserved;
    return !w->reserved;
}

/* Table 4-3 and 4.3: bits 20:13 of a 4 MiB entry are address bits 39:32, up to the physical address width; bit 21 is
 * reserved. */
static uint64_t large_pde_reserved(const CPUState *cpu)
{
    uint64_t usable = 0;
    if (cpu_has(cpu, FEAT_PSE36)) {
        usable = (physical_mask(cpu) >> 32 & 0xff) << 13;
    }
    return 0x3fe000 & ~usable;
}

static bool walk_2_level(WalkState *w)
{
    const CPUState *cpu = w->cpu;
    uint64_t pde, pte;
    uint32_t la = (uint32_t)w->la;
    w->entry_size = 4;
    if (!walk_level(w, cpu->cr3 & 0xfffff000, la >> 22, 0, &pde)) {
        return false;
    }
    if ((pde & PTE_PS) && (cpu->cr4 & CR4_PSE)) {
        w->large = true;
        w->reserved = pde & large_pde_reserved(cpu);
        w->page = (pde & 0xffc00000) | (pde & 0x1fe000) << 19 | (la & 0x003ff000);
        return !w->reserved;
    }
    if (!walk_level(w, pde & 0xfffff000, la >> 12 & 0x3ff, 0, &pte)) {
        return false;
    }
    w->page = pte & 0xfffff000;
    return true;
}

/* Reserved in every 8-byte entry: address bits beyond the width, and NX while it is off. Bits 62:52 are ignored in
 * 4-level paging only. */
static uint64_t entry8_reserved(const CPUState *cpu)
{
    uint64_t last = cpu_long_mode(cpu) ? 0x000fffffffffffffull : 0x7fffffffffffffffull;
    return (last & ~physical_mask(cpu)) | (cpu->efer & EFER_NXE ? 0 : PTE_NX);
}

/* The two lowest levels, which PAE and 4-level paging share. */
static bool walk_pd_pt(WalkState *w, uint64_t pd)
{
    uint64_t reserved = entry8_reserved(w->cpu), address = physical_mask(w->cpu) & PAGE_MASK, pde, pte;
    if (!walk_level(w, pd, w->la >> 21 & 0x1ff, reserved, &pde)) {
        return false;
    }
    if (pde & PTE_PS) {
        w->large = true;
        w->reserved = pde & 0x1fe000;
        w->page = (pde & address & ~0x1fffffull) | (w->la & 0x1ff000);
        return !w->reserved;
    }
    if (!walk_level(w, pde & address, w->la >> 12 & 0x1ff, reserved, &pte)) {
        return false;
    }
    w->page = pte & address;
    return true;
}

static bool walk_pae(WalkState *w)
{
    uint64_t pdpte = w->cpu->pdpte[(uint32_t)w->la >> 30];
    w->entry_size = 8;
    return (pdpte & PTE_P) && walk_pd_pt(w, pdpte & physical_mask(w->cpu) & PAGE_MASK);
}

/* PS is a reserved bit of a PDPTE unless there are 1 GiB pages; then bits 29:13 are. */
static bool walk_4_level(WalkState *w)
{
    uint64_t reserved = entry8_reserved(w->cpu), address = physical_mask(w->cpu) & PAGE_MASK, pml4e, pdpte;
    uint64_t pdpte_reserved = reserved | (cpu_has(w->cpu, FEAT_PDPE1GB) ? 0 : PTE_PS);
    w->entry_size = 8;
    if (!walk_level(w, w->cpu->cr3 & address, w->la >> 39 & 0x1ff, reserved | PTE_PS, &pml4e) ||
        !walk_level(w, pml4e & address, w->la >> 30 & 0x1ff, pdpte_reserved, &pdpte)) {
        return false;
    }
    if (!(pdpte & PTE_PS)) {
        return walk_pd_pt(w, pdpte & address);
    }
    w->large = w->huge = true;
    w->reserved = pdpte & 0x3fffe000;
    w->page = (pdpte & address & ~0x3fffffffull) | (w->la & 0x3ffff000);
    return !w->reserved;
}

static bool walk_tables(WalkState *w)
{
    if (cpu_long_mode(w->cpu)) {
        return walk_4_level(w);
    }
    return w->cpu->cr4 & CR4_PAE ? walk_pae(w) : walk_2_level(w);
}

static bool entry_dirty(const WalkState *w)
{
    return w->entry[w->depth - 1] & PTE_D;
}

/* The translation as TLB_* bits: rights hold only if every level gives them. */
static uint64_t walk_bits(const WalkState *w)
{
    uint64_t leaf = w->entry[w->depth - 1];
    return (w->all & PTE_RW ? TLB_W : 0) | (w->all & PTE_US ? TLB_U : 0) | (w->any & PTE_NX ? TLB_NX : 0) |
           (entry_dirty(w) ? TLB_D : 0) | ((leaf & PTE_G) && (w->cpu->cr4 & CR4_PGE) ? TLB_G : 0) |
           (w->large ? TLB_LARGE : 0) | (w->huge ? TLB_HUGE : 0);
}

/* 4.8: A in each entry used, D in the leaf when written. */
static void walk_set_accessed(WalkState *w, bool write)
{
    if (likely((w->all & PTE_A) && (!write || entry_dirty(w)))) {
        return;
    }
    for (unsigned i = 0; i < w->depth; i++) {
        uint64_t set = PTE_A | (write && i == w->depth - 1 ? PTE_D : 0);
        if ((w->entry[i] & set) != set) {
            entry_store(w, w->addr[i], w->entry[i] | set);
        }
    }
}

/* 4.7. I/D is reported only where fetches have rights of their own. */
static uint32_t fault_code(const CPUState *cpu, AccessKind kind, int mmu_mode)
{
    bool fetch_rights = (cpu->cr4 & CR4_SMEP) || ((cpu->cr4 & CR4_PAE) && (cpu->efer & EFER_NXE));
    return (kind == ACCESS_WRITE ? PF_W : 0) | (mmu_mode == MMU_USER ? PF_U : 0) |
           (kind == ACCESS_FETCH && fetch_rights ? PF_ID : 0);
}

bool paging_walk(CPUState *cpu, uint64_t la, AccessKind kind, int mmu_mode, PageWalk *walk)
{
    WalkState w;
    bool write = kind == ACCESS_WRITE;
    walk_start(&w, cpu, la, false);
    if (!walk_tables(&w)) {
        walk->error_code = fault_code(cpu, kind, mmu_mode) | (w.reserved ? PF_P | PF_RSVD : 0);
        return false;
    }
    uint64_t bits = walk_bits(&w);
    if (!paging_allows(cpu, bits, kind, mmu_mode)) {
        walk->error_code = fault_code(cpu, kind, mmu_mode) | PF_P;
        return false;
    }
    walk_set_accessed(&w, write);
    walk->phys = (w.page & cpu->a20_mask) | bits | (write ? TLB_D : 0);
    return true;
}

bool paging_walk_debug(CPUState *cpu, uint64_t la, PageWalk *walk)
{
    WalkState w;
    walk_start(&w, cpu, la, true);
    if (!walk_tables(&w)) {
        return false;
    }
    walk->phys = (w.page & cpu->a20_mask) | walk_bits(&w);
    return true;
}

/* 4.4.1 */
bool paging_read_pdptes(CPUState *cpu, uint64_t cr3, uint64_t pdpte[4])
{
    WalkState w = { .cpu = cpu, .entry_size = 8 };
    uint64_t reserved = PDPTE_PAE_RESERVED | ~physical_mask(cpu);
    for (unsigned i = 0; i < 4; i++) {
        entry_load(&w, (cr3 & 0xffffffe0) + 8 * i, &pdpte[i]);
        if ((pdpte[i] & PTE_P) && (pdpte[i] & reserved)) {
            return false;
        }
    }
    return true;
}
