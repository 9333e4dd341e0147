/* target/i386/paging.h  Between tlb.c (entries), paging.c (walks) and sysreg.c (when paging changes). Private to
 * target/i386. */
#ifndef TARGET_I386_PAGING_H
#define TARGET_I386_PAGING_H

#include "target/i386/access.h"

/* Page-fault error code */
#define PF_P    0x01u
#define PF_W    0x02u
#define PF_U    0x04u
#define PF_RSVD 0x08u
#define PF_ID   0x10u

/* What a walk found: when it succeeded, a TLBEntry's phys; else the error code of #PF. */
typedef struct PageWalk {
    uint64_t phys; /* page address | TLB_* bits */
    uint32_t error_code;
} PageWalk;

/* Translate by the page tables (CR0.PG is set) and set A and D as the access needs. False: page fault, nothing was
 * changed. */
bool paging_walk(CPUState *cpu, uint64_t la, AccessKind kind, int mmu_mode, PageWalk *walk);
/* The same for a debugger: no rights needed, nothing changes, page tables outside RAM are not read. */
bool paging_walk_debug(CPUState *cpu, uint64_t la, PageWalk *walk);
/* May `kind` be done through a translation with these TLB_* bits (4.6.1)? Ignores D. */
static inline bool paging_allows(const CPUState *cpu, uint64_t bits, AccessKind kind, int mmu_mode)
{
    bool user_page = bits & TLB_U;
    if (mmu_mode == MMU_USER) {
        return user_page && !(kind == ACCESS_WRITE && !(bits & TLB_W)) && !(kind == ACCESS_FETCH && (bits & TLB_NX));
    }
    if (kind == ACCESS_FETCH) {
        return !(bits & TLB_NX) && !(user_page && (cpu->cr4 & CR4_SMEP));
    }
    if (user_page && (cpu->cr4 & CR4_SMAP) && (cpu->cpl == 3 || !(cpu->eflags & AC_MASK))) {
        return false; /* AC lifts SMAP for explicit accesses only; those that CPL 3 makes as supervisor are implicit */
    }
    return kind != ACCESS_WRITE || (bits & TLB_W) || !(cpu->cr0 & CR0_WP);
}
/* PAE paging outside long mode: read the four PDPTEs at cr3. False: reserved bits are set. cr0, cr4 as they will be. */
bool paging_read_pdptes(CPUState *cpu, uint64_t cr3, uint64_t pdpte[4]);

#define RAM_PAGE_READONLY 1u
/* A stretch of RAM that was looked up; forgotten when the memory map changes. */
typedef struct RAMWindow {
    hwaddr start, len; /* len 0: unused */
    ram_addr_t ram;    /* of its first page, | RAM_PAGE_READONLY */
} RAMWindow;
extern RAMWindow tlb_last_window;
ram_addr_t tlb_ram_page_elsewhere(hwaddr phys);
/* RAM or ROM page behind a guest-physical page: its ram_addr, | RAM_PAGE_READONLY; RAM_ADDR_INVALID when it is not RAM.
 */
static inline ram_addr_t tlb_ram_page(hwaddr phys)
{
    hwaddr offset = phys - tlb_last_window.start;
    return likely(offset < tlb_last_window.len) ? tlb_last_window.ram + offset : tlb_ram_page_elsewhere(phys);
}
/* Snapshot loaded: are the entries possible ones? If so, recompute all that is derived. */
bool tlb_entries_valid(const CPUState *cpu);

#endif
