/*
 * target/i386/seg.h  What the files on protection share: descriptors, checks, stacks, far transfers, task switch.
 *
 * Everything that can fault comes before anything that changes the processor: "check" functions raise, "commit"
 * functions cannot. Selectors in error codes lose their RPL; the EXT bit is added by excp.c, which knows the event.
 */
#ifndef TARGET_I386_SEG_H
#define TARGET_I386_SEG_H

#include "target/i386/access.h"
#include "target/i386/insn.h"

/* System descriptor types, SDM 3A table 3-2. */
enum {
    SYS_TSS16 = 1,
    SYS_LDT = 2,
    SYS_TSS16_BUSY = 3,
    SYS_CALL16 = 4,
    SYS_TASK_GATE = 5,
    SYS_INT16 = 6,
    SYS_TRAP16 = 7,
    SYS_TSS32 = 9,
    SYS_TSS32_BUSY = 11,
    SYS_CALL32 = 12,
    SYS_INT32 = 14,
    SYS_TRAP32 = 15
};
#define SYS_BUSY 2 /* bit of a TSS type */
#define SYS_32   8 /* bit of a TSS or gate type: 32-bit form */

/* EFLAGS bits that exist. */
#define EFLAGS_VALID 0x003f7fd5u

typedef struct Descriptor {
    uint64_t la;     /* linear address of the 8 bytes */
    uint32_t lo, hi; /* as in memory */
    uint32_t upper;  /* long mode, system descriptors: bits 63:32 of base or offset; else 0 */
} Descriptor;

static inline uint16_t desc_attr(const Descriptor *d)
{
    return (d->hi >> 8) & 0xf0ff;
}
static inline unsigned desc_type(const Descriptor *d)
{
    return (d->hi >> 8) & 0xf;
}
static inline unsigned desc_dpl(const Descriptor *d)
{
    return (d->hi >> 13) & 3;
}
static inline bool desc_present(const Descriptor *d)
{
    return d->hi & 0x8000;
}
static inline bool desc_is_system(const Descriptor *d)
{
    return !(d->hi & 0x1000);
}
static inline bool desc_is_code(const Descriptor *d)
{
    return (d->hi & 0x1800) == 0x1800;
}
static inline bool desc_is_conforming(const Descriptor *d)
{
    return d->hi & 0x400;
}
static inline bool desc_is_writable_data(const Descriptor *d)
{
    return (d->hi & 0x1a00) == 0x1200;
}
/* A readable segment: any data, or code that may be read. */
static inline bool desc_is_readable(const Descriptor *d)
{
    return (d->hi & 0x1000) && (d->hi & 0xa00) != 0x800;
}
/* Segments that privilege levels protect: all but conforming code. */
static inline bool desc_is_guarded(const Descriptor *d)
{
    return (d->hi & 0xc00) != 0xc00;
}
/* Long mode has 64-bit code (L) and 32- or 16-bit code; both bits together are reserved (3A 5.2.1). */
static inline bool desc_is_code64(const CPUState *cpu, const Descriptor *d)
{
    return cpu_long_mode(cpu) && (d->hi & 0x200000);
}
static inline bool desc_code_size_reserved(const CPUState *cpu, const Descriptor *d)
{
    return cpu_long_mode(cpu) && (d->hi & 0x600000) == 0x600000;
}
static inline bool desc_is_tss(const Descriptor *d) /* available or busy, 16 or 32 bits */
{
    return desc_is_system(d) && (desc_type(d) & 5) == 1;
}
static inline uint64_t desc_base(const Descriptor *d)
{
    return (uint64_t)d->upper << 32 | (d->lo >> 16) | (d->hi & 0xff) << 16 | (d->hi & 0xff000000u);
}
/* In bytes. */
static inline uint32_t desc_limit(const Descriptor *d)
{
    uint32_t limit = (d->lo & 0xffff) | (d->hi & 0xf0000);
    return d->hi & 0x800000 ? limit << 12 | 0xfff : limit;
}
/* Gates: target selector and offset. */
static inline uint16_t gate_selector(const Descriptor *d)
{
    return d->lo >> 16;
}
static inline uint64_t gate_offset(const Descriptor *d)
{
    uint32_t low = d->lo & 0xffff;
    return desc_type(d) & SYS_32 ? (uint64_t)d->upper << 32 | (d->hi & 0xffff0000u) | low : low;
}

static inline bool selector_is_null(uint16_t selector)
{
    return (selector & 0xfffc) == 0;
}
static inline unsigned selector_rpl(uint16_t selector)
{
    return selector & 3;
}
#define SELECTOR_TI 4 /* in the LDT */

void cpu_raise_selector(CPUState *cpu, int vector, uint16_t selector) __attribute__((noreturn));
/* Read a descriptor from the GDT or LDT with supervisor rights; false when it lies beyond the table. */
bool desc_read(CPUState *cpu, uint16_t selector, Descriptor *d);
/* The same; a null selector raises vector(0), one beyond the table vector(selector). */
void desc_require(CPUState *cpu, uint16_t selector, Descriptor *d, int vector);
/* Long mode: the upper half of a 16-byte descriptor, whose type field must be 0; #GP(selector) otherwise. No-op
 * elsewhere. */
void desc_read_upper(CPUState *cpu, uint16_t selector, Descriptor *d);
void desc_check_present(CPUState *cpu, uint16_t selector, const Descriptor *d, int vector);
/* Memory: accessed bit of a segment, busy bit of a TSS. */
void desc_set_accessed(CPUState *cpu, Descriptor *d);
void desc_set_busy(CPUState *cpu, Descriptor *d, bool busy);
/* The hidden part a descriptor gives. */
static inline SegmentCache desc_cache(const Descriptor *d, uint16_t selector)
{
    return (SegmentCache){ .selector = selector, .attr = desc_attr(d), .limit = desc_limit(d), .base = desc_base(d) };
}
/*
 * A copy of a structure that was just filled field by field waits until the host's stores are done (no forwarding from
 * several stores to one load). So where it matters selector, attributes and limit are one store, and hidden parts are
 * made where they stay.
 */
static inline void seg_put(SegmentCache *s, uint16_t selector, uint16_t attr, uint32_t limit, uint64_t base, bool null)
{
    uint64_t head = selector | (uint32_t)attr << 16 | (uint64_t)limit << 32;
    _Static_assert(offsetof(SegmentCache, attr) == 2 && offsetof(SegmentCache, limit) == 4, "head");
    memcpy(s, &head, sizeof(head));
    s->base = base;
    s->null = null;
}
static inline void seg_put_desc(SegmentCache *s, const Descriptor *d, uint16_t selector, uint16_t attr_too)
{
    seg_put(s, selector, desc_attr(d) | attr_too, desc_limit(d), desc_base(d), false);
}
/* 64-bit mode: what cpu_segment_derive() does there. */
static inline void seg_derive_long(CPUState *cpu, int seg)
{
    SegmentCache *s = &cpu->seg[seg];
    s->read_end = s->write_end = ~0ull;
    s->linear_base = seg == R_FS || seg == R_GS ? s->base : 0;
}
enum { LOADED_ES, LOADED_DS, LOADED_FS, LOADED_VERW };
/* Number of DS or ES in cpu->jit.loaded, -1 for the others. */
static inline int seg_loaded_slot(int seg)
{
    return seg == R_DS ? LOADED_DS : seg == R_ES ? LOADED_ES : -1;
}
static inline void seg_note_descriptor(CPUState *cpu, int slot, uint16_t selector, const Descriptor *d)
{
    if (!(selector & SELECTOR_TI)) {
        cpu->jit.loaded[slot].raw = (uint64_t)d->hi << 32 | d->lo;
        cpu->jit.loaded[slot].index = selector & 0xfff8u;
        cpu->jit.loaded[slot].end = (selector & 0xfff8u) + 7;
        cpu->jit.loaded[slot].selector = selector;
    }
}
/*
 * As long as the GDT has the same descriptor, loading DS or ES again with this selector changes nothing, and FS gets
 * the same hidden part at level 0: JIT, translate-system.c.
 */
static inline void seg_note_loaded(CPUState *cpu, int seg, uint16_t selector, const Descriptor *d)
{
    int slot = seg_loaded_slot(seg);
    if (slot >= 0 && desc_dpl(d) == 3) {
        seg_note_descriptor(cpu, slot, selector, d);
    } else if (seg == R_FS && !cpu_code64(cpu) && !(selector & SELECTOR_TI)) {
        seg_note_descriptor(cpu, LOADED_FS, selector, d);
        cpu->jit.fs = cpu->seg[R_FS];
    }
}
static inline void seg_forget_loaded(CPUState *cpu, int seg)
{
    int slot = seg_loaded_slot(seg);
    if (slot >= 0) {
        cpu->jit.loaded[slot].selector = ~0u;
    }
}
/*
 * Load *s with another selector. No checks; false when nothing changes, as with most loads: kernels set DS and ES at
 * each entry. Whoever loads CS or SS by this calls cpu_mode_derive() or cpu_set_cpl() afterwards.
 */
static inline bool seg_set_as(CPUState *cpu, int seg, const SegmentCache *s, uint16_t selector)
{
    SegmentCache *old = &cpu->seg[seg];
    if (old->selector == selector && old->attr == s->attr && old->limit == s->limit && old->base == s->base &&
        old->null == s->null) {
        return false;
    }
    seg_put(old, selector, s->attr, s->limit, s->base, s->null);
    seg_forget_loaded(cpu, seg);
    if (cpu_code64(cpu)) {
        seg_derive_long(cpu, seg);
    } else {
        cpu_segment_derive(cpu, seg);
    }
    return true;
}
static inline bool seg_set(CPUState *cpu, int seg, const SegmentCache *s)
{
    return seg_set_as(cpu, seg, s, s->selector);
}
void seg_commit(CPUState *cpu, int seg, const SegmentCache *s); /* no checks; derives the mode too */
void seg_commit_null(CPUState *cpu, int seg, uint16_t selector);
SegmentCache seg_cache_real(CPUState *cpu, int seg, uint16_t selector);
/* May [offset, offset+size) be accessed, by the limit alone? */
bool seg_limit_ok(const SegmentCache *s, uint64_t offset, unsigned size);
/* Linear address of `offset` in a table or TSS at `base`. */
static inline uint64_t table_address(const CPUState *cpu, uint64_t base, uint64_t offset)
{
    return cpu_long_mode(cpu) ? base + offset : (uint32_t)(base + offset);
}

/* The checks of a load of DS, ES, FS, GS or of SS; `vector`: #GP, or #TS in a task switch, unless just not present. */
void seg_check_data(CPUState *cpu, uint16_t selector, Descriptor *d, unsigned cpl, int vector);
void seg_check_stack(CPUState *cpu, uint16_t selector, Descriptor *d, unsigned cpl, int vector);
/* After a return to an outer level: unload what the new CPL may not see. */
void seg_drop_inner_data(CPUState *cpu);

/* ---- stacks (stack.c) ---- */
typedef struct Stack {
    const SegmentCache *ss; /* the present one, or new_ss */
    SegmentCache new_ss;
    uint64_t sp;   /* whole RSP as it will be */
    uint64_t mask; /* the bits that are the stack pointer */
    bool flat;     /* of 64-bit code: no base, no limit, canonical addresses */
    int mmu_mode;
    uint16_t error; /* error code of #SS: 0 for the present stack, the selector for a new one */
} Stack;

static inline uint64_t stack_pointer_mask(const CPUState *cpu)
{
    if (cpu->mode & MODE_SS64) {
        return ~0ull;
    }
    return cpu->mode & MODE_SS32 ? 0xffffffffu : 0xffffu;
}
void stack_present(CPUState *cpu, Stack *st);
/* Stack of an inner level, from the TSS, all checks; sets the accessed bit. */
void stack_inner(CPUState *cpu, unsigned dpl, Stack *st);
/* The register as it will be: the 16-bit stack pointer keeps what is above it. */
static inline uint64_t stack_pointer_merge(uint64_t old, uint64_t sp, uint64_t mask)
{
    return mask == 0xffff ? (old & ~mask) | (sp & mask) : sp & mask;
}
/*
 * Long mode: the stack of 64-bit code at level dpl, from the TSS: RSPn, or with ist 1 to 7 that entry. SS becomes null
 * when the level changes, and stays when it does not. #TS(TSS) when the TSS is too short.
 */
void stack_long(CPUState *cpu, unsigned dpl, unsigned ist, Stack *st);
/* Push n values of `size` bytes, first one first: all limits are checked before the first write. */
void stack_push(CPUState *cpu, Stack *st, const uint64_t *values, unsigned n, unsigned size);
void stack_commit(CPUState *cpu, const Stack *st); /* code_commit() follows */
/* Read the present stack at `offset` bytes above SP, SP unchanged. */
uint64_t stack_peek(CPUState *cpu, unsigned offset, unsigned size);
/* Move the present SP up. */
void stack_release(CPUState *cpu, unsigned bytes);
void stack_set_sp(CPUState *cpu, uint64_t sp); /* SP, ESP or RSP, by SS.B and mode */

/* ---- far transfers (far.c) ---- */
/* #GP(0) unless ip lies in the segment; for 64-bit code: is canonical. */
void code_check_limit(CPUState *cpu, const SegmentCache *cs, uint64_t ip);
/* CS and EIP; the selector's RPL becomes cpl. */
void code_commit(CPUState *cpu, const SegmentCache *cs, uint64_t ip, unsigned cpl);
/* Real and v86 mode: check the offset, then load CS:EIP. */
void code_check_real(CPUState *cpu, uint64_t ip);
void code_commit_real(CPUState *cpu, uint16_t selector, uint64_t ip);
/*
 * RETF and IRET: CS:IP popped, and SS:SP at `outer_offset` above the present SP when the level changes, or when
 * `pops_stack` (IRET in 64-bit mode) says so in any case.
 */
typedef struct FarReturn {
    SegmentCache cs, ss;
    uint64_t ip, sp;
    unsigned cpl;
    bool pops_stack; /* in: always; out: it does. Only then ss and sp mean something */
} FarReturn;
void far_return_check(CPUState *cpu, FarReturn *r, uint16_t cs, uint64_t ip, unsigned outer_offset, unsigned size);
/* `popped`: bytes to release when the stack stays; `parameters`: RETF n, to release on the outer stack. */
void far_return_commit(CPUState *cpu, const FarReturn *r, unsigned popped, unsigned parameters);

/* ---- flags (eflags.c) ---- */
/* Only valid bits are kept; the decode mode follows TF and VM. */
void flags_commit(CPUState *cpu, uint32_t eflags);
/* #GP(0) when VIF and VIP are both set and mean something here (SDM 3A 20.3.2); after IRET and task switches. */
void flags_check_virtual_interrupt(CPUState *cpu);
static inline unsigned cpu_iopl(const CPUState *cpu)
{
    return (cpu->eflags & IOPL_MASK) >> IOPL_SHIFT;
}

/* ---- task switch (task.c) ---- */
typedef enum TaskSwitch { TASK_JMP, TASK_CALL, TASK_IRET, TASK_INTERRUPT } TaskSwitch;
/* `eip` and `eflags`: what the old task will resume with. Faults after the switch are the new task's: insn_ip moves. */
void task_switch(CPUState *cpu, uint16_t selector, Descriptor *tss, TaskSwitch kind, uint32_t eip, uint32_t eflags);
/* TSS named by a task gate or by an interrupt's task gate: GDT, available, present. */
void task_check_tss(CPUState *cpu, uint16_t selector, Descriptor *tss);

/* ---- exceptions (excp.c) ---- */
/* #DB for touching a debug register while DR7.GD is set: a fault, unlike the others with RF set in the frame. */
void cpu_raise_general_detect(CPUState *cpu) __attribute__((noreturn));
/* INT1 (F1h): #DB whatever the gate's DPL, DR6 unchanged. */
void cpu_icebp(CPUState *cpu);
/* The processor can do no more: triple fault, bad SMRAM at RSM. Asks for a reset. */
void cpu_shutdown(CPUState *cpu);

/* Common checks of system instructions. */
static inline void cpu_require_cpl0(CPUState *cpu)
{
    if (cpu->cpl != 0) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}
static inline void cpu_require_canonical(CPUState *cpu, uint64_t address)
{
    if (!address_is_canonical(address)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}
static inline unsigned insn_op_bytes(const DecodedInsn *d)
{
    return 1u << d->op_size;
}

#endif
