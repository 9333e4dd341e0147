/*
 * target/i386/access.h  Guest memory and port accesses by the CPU: segment check, TLB probe, slow path.
 *
 * Each access may raise #GP, #SS, #PF, #AC or #DB and then does not return (longjmp to cpu->fault_jmp). Little-endian.
 * Three layers, each usable by itself:
 *   seg_read/seg_write   logical address (segment register number, offset) -> checked -> linear
 *   cpu_ld / cpu_st      linear address at the current privilege
 *   cpu_ld_kernel ...    linear address with supervisor rights: descriptor tables, TSS, at any CPL
 */
#ifndef TARGET_I386_ACCESS_H
#define TARGET_I386_ACCESS_H

#include "target/i386/cpu.h"

typedef enum AccessKind { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH } AccessKind;

/* ---- tlb.c ---- */
/*
 * Slow path of an access: fills the TLB (walk, A/D bits, permission faults), then does it: RAM, ROM, MMIO, page-crossing, code pages, watchpoints.
 * An MMIO access calls cpu_interrupt_point(). size: 1, 2, 4, 8.
 */
uint64_t cpu_ld_slow(CPUState *cpu, uint64_t la, unsigned size, int mmu_mode);
void cpu_st_slow(CPUState *cpu, uint64_t la, uint64_t value, unsigned size, int mmu_mode);
/*
 * Check that [la, la+size) may be accessed as `kind` (fills the TLB, sets A and for writes D; faults otherwise) without
 * doing it. size <= 4096. For handlers that write more than one item, or that read, modify and write.
 */
void cpu_probe(CPUState *cpu, uint64_t la, unsigned size, AccessKind kind, int mmu_mode);
/*
 * Host pointer for `size` bytes (not crossing a page) when the access may go straight to RAM, else NULL (MMIO, code page
 * when writing, watchpoint). Fills the TLB as the access would; may fault. For REP strings and block copies.
 */
void *cpu_host_ptr(CPUState *cpu, uint64_t la, unsigned size, AccessKind kind, int mmu_mode);
/* Instruction bytes: translate the linear page for fetch, through fetch_page and the TLB; faults. Returns the physical page address. */
uint64_t cpu_fetch_translate(CPUState *cpu, uint64_t la);
/* Debugger's translation: no fill, no A/D, no fault. False when not mapped. */
bool cpu_translate_debug(CPUState *cpu, uint64_t la, uint64_t *phys);
bool cpu_memory_read_debug(CPUState *cpu, uint64_t la, void *buf, size_t len);
bool cpu_memory_write_debug(CPUState *cpu, uint64_t la, const void *buf, size_t len);

void tlb_flush(CPUState *cpu, bool global_too);
void tlb_flush_page(CPUState *cpu, uint64_t la); /* INVLPG */
void tlb_flush_page_of(CPUState *cpu, uint64_t la, bool global_too); /* INVPCID spares global pages */
void tlb_rederive(CPUState *cpu);                /* CR0.WP, A20 handling, memory map, breakpoints changed: keep entries, redo TLBFast */
void tlb_derive_page(CPUState *cpu, ram_addr_t page); /* page flags changed */
void tlb_forget_places(void);                    /* tlb_place, of all CPUs */
void tlb_set_align_check(CPUState *cpu, bool on);
/* Call after a change of CPL, EFLAGS.AC or CR0.AM. Alignment matters at CPL 3 only, so elsewhere nothing is redone. */
static inline void cpu_alignment_derive(CPUState *cpu)
{
    bool on = (cpu->cr0 & CR0_AM) && (cpu->eflags & AC_MASK);
    if (unlikely(cpu->cpl == 3 && on != cpu->align_check)) {
        tlb_set_align_check(cpu, on);
    }
}
void tlb_init(CPUState *cpu);                    /* installs the hooks of exec/memory.h */

/* ---- fast forms ---- */
static inline TLBFast *tlb_fast_entry(CPUState *cpu, uint64_t la, int mmu_mode)
{
    return &cpu->tlb_fast[mmu_mode][(la >> PAGE_BITS) & (TLB_SIZE - 1)];
}

/* The tag compare also catches page crossing: the last byte's page must be the entry's page. */
#define CPU_LD_DEFINE(bits, type)                                                                       \
    static inline type cpu_ld##bits##_mode(CPUState *cpu, uint64_t la, int mmu_mode)                    \
    {                                                                                                   \
        TLBFast *e = tlb_fast_entry(cpu, la, mmu_mode);                                                 \
        if (likely(e->read == ((la + sizeof(type) - 1) & PAGE_MASK))) {                                 \
            type v;                                                                                     \
            memcpy(&v, (void *)(uintptr_t)(la + e->addend), sizeof(v));                                 \
            return v;                                                                                   \
        }                                                                                               \
        return (type)cpu_ld_slow(cpu, la, sizeof(type), mmu_mode);                                      \
    }                                                                                                   \
    static inline void cpu_st##bits##_mode(CPUState *cpu, uint64_t la, type v, int mmu_mode)            \
    {                                                                                                   \
        TLBFast *e = tlb_fast_entry(cpu, la, mmu_mode);                                                 \
        if (likely(e->write == ((la + sizeof(type) - 1) & PAGE_MASK))) {                                \
            memcpy((void *)(uintptr_t)(la + e->addend), &v, sizeof(v));                                 \
            return;                                                                                     \
        }                                                                                               \
        cpu_st_slow(cpu, la, v, sizeof(type), mmu_mode);                                                \
    }                                                                                                   \
    static inline type cpu_ld##bits(CPUState *cpu, uint64_t la)                                         \
    {                                                                                                   \
        return cpu_ld##bits##_mode(cpu, la, cpu->mmu_mode);                                             \
    }                                                                                                   \
    static inline void cpu_st##bits(CPUState *cpu, uint64_t la, type v)                                 \
    {                                                                                                   \
        cpu_st##bits##_mode(cpu, la, v, cpu->mmu_mode);                                                 \
    }                                                                                                   \
    static inline type cpu_ld##bits##_kernel(CPUState *cpu, uint64_t la)                                \
    {                                                                                                   \
        return cpu_ld##bits##_mode(cpu, la, MMU_KERNEL);                                                \
    }                                                                                                   \
    static inline void cpu_st##bits##_kernel(CPUState *cpu, uint64_t la, type v)                        \
    {                                                                                                   \
        cpu_st##bits##_mode(cpu, la, v, MMU_KERNEL);                                                    \
    }
CPU_LD_DEFINE(8, uint8_t)
CPU_LD_DEFINE(16, uint16_t)
CPU_LD_DEFINE(32, uint32_t)
CPU_LD_DEFINE(64, uint64_t)

/* Linear address of [offset, offset+size) in a segment, all checks: limit, type, null, expand-down, canonical in 64-bit mode. seg.c */
uint64_t seg_address_slow(CPUState *cpu, int seg, uint64_t offset, unsigned size, AccessKind kind) __attribute__((cold));

/* Where an offset leads. Not checked: in 64-bit mode it may not be canonical, which matches no TLB tag. */
static inline uint64_t seg_linear(const CPUState *cpu, const SegmentCache *s, uint64_t offset)
{
    return (s->linear_base + offset) & cpu->linear_mask;
}

/* Does [offset, offset+size) end below `end`? Offsets outside 64-bit mode are 32 bits wide, so only there the sum may wrap. */
static inline bool seg_inside(uint64_t end, uint64_t offset, unsigned size)
{
    return offset + size - 1 < end;
}

static inline bool range_is_canonical(uint64_t la, unsigned size)
{
    return address_is_canonical(la) && address_is_canonical(la + size - 1);
}

static inline uint64_t seg_read_address(CPUState *cpu, int seg, uint64_t offset, unsigned size)
{
    const SegmentCache *s = &cpu->seg[seg];
    uint64_t la = seg_linear(cpu, s, offset);
    if (likely(seg_inside(s->read_end, offset, size)) && likely(range_is_canonical(la, size))) {
        return la;
    }
    return seg_address_slow(cpu, seg, offset, size, ACCESS_READ);
}

static inline uint64_t seg_write_address(CPUState *cpu, int seg, uint64_t offset, unsigned size)
{
    const SegmentCache *s = &cpu->seg[seg];
    uint64_t la = seg_linear(cpu, s, offset);
    if (likely(seg_inside(s->write_end, offset, size)) && likely(range_is_canonical(la, size))) {
        return la;
    }
    return seg_address_slow(cpu, seg, offset, size, ACCESS_WRITE);
}

/*
 * Host address of [offset, offset+size) when neither segment nor TLB has anything to say, else NULL. One compare each;
 * never faults, changes nothing. The tag compare also refuses what is not canonical.
 */
static inline void *seg_host_address(CPUState *cpu, const SegmentCache *s, uint64_t offset, unsigned size, bool write)
{
    uint64_t la = seg_linear(cpu, s, offset);
    const TLBFast *e = tlb_fast_entry(cpu, la, cpu->mmu_mode);
    if (likely(seg_inside(write ? s->write_end : s->read_end, offset, size)) &&
        likely((write ? e->write : e->read) == ((la + size - 1) & PAGE_MASK))) {
        return (void *)(uintptr_t)(la + e->addend);
    }
    return NULL;
}

#define SEG_LD_DEFINE(bits, type)                                                                       \
    static inline type seg_ld##bits(CPUState *cpu, int seg, uint64_t offset)                            \
    {                                                                                                   \
        const void *host = seg_host_address(cpu, &cpu->seg[seg], offset, sizeof(type), false);          \
        if (likely(host)) {                                                                             \
            type v;                                                                                     \
            memcpy(&v, host, sizeof(v));                                                                \
            return v;                                                                                   \
        }                                                                                               \
        uint64_t la = seg_read_address(cpu, seg, offset, sizeof(type));                                 \
        return (type)cpu_ld_slow(cpu, la, sizeof(type), cpu->mmu_mode);                                 \
    }                                                                                                   \
    static inline void seg_st##bits(CPUState *cpu, int seg, uint64_t offset, type v)                    \
    {                                                                                                   \
        void *host = seg_host_address(cpu, &cpu->seg[seg], offset, sizeof(type), true);                 \
        if (likely(host)) {                                                                             \
            memcpy(host, &v, sizeof(v));                                                                \
            return;                                                                                     \
        }                                                                                               \
        uint64_t la = seg_write_address(cpu, seg, offset, sizeof(type));                                \
        cpu_st_slow(cpu, la, v, sizeof(type), cpu->mmu_mode);                                           \
    }
SEG_LD_DEFINE(8, uint8_t)
SEG_LD_DEFINE(16, uint16_t)
SEG_LD_DEFINE(32, uint32_t)
SEG_LD_DEFINE(64, uint64_t)

/* Port I/O with the permission check (IOPL, TSS bitmap): #GP. Calls cpu_interrupt_point(). size 1, 2, 4. io.c */
void cpu_check_io(CPUState *cpu, uint16_t port, unsigned size);
uint32_t cpu_in(CPUState *cpu, uint16_t port, unsigned size);
void cpu_out(CPUState *cpu, uint16_t port, uint32_t value, unsigned size);

#endif
