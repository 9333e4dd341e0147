/*
 * target/i386/stack.c  Stacks of far calls, returns and interrupts. SDM 3A 5.8.5, 6.12.1, 6.14; volume 2, CALL and INT
 * n.
 *
 * A frame is checked as a whole against the limit, then written, then SS:ESP change, so that a fault leaves them.
 */
#include "target/i386/seg.h"

static uint64_t mask_of(const SegmentCache *ss)
{
    return ss->attr & SEG_DB ? 0xffffffffu : 0xffffu;
}

void stack_present(CPUState *cpu, Stack *st)
{
    st->ss = &cpu->seg[R_SS];
    st->flat = cpu_code64(cpu);
    st->sp = cpu->gpr[R_ESP];
    st->mask = st->flat ? ~0ull : mask_of(st->ss);
    st->mmu_mode = cpu->mmu_mode;
    st->error = 0;
}

/* SS:ESP for privilege level dpl from the TSS; #TS(TSS) when it is too short. */
static uint16_t tss_stack(CPUState *cpu, unsigned dpl, uint32_t *sp)
{
    const SegmentCache *tr = &cpu->seg[R_TR];
    unsigned width = tr->attr & SYS_32 ? 4 : 2;
    uint32_t offset = width + dpl * 2 * width;
    if (tr->null || offset + width + 1 > tr->limit) {
        cpu_raise_selector(cpu, EXCP_TS, tr->selector);
    }
    uint32_t la = tr->base + offset;
    *sp = width == 4 ? cpu_ld32_kernel(cpu, la) : cpu_ld16_kernel(cpu, la);
    return cpu_ld16_kernel(cpu, la + width);
}

void stack_inner(CPUState *cpu, unsigned dpl, Stack *st)
{
    uint32_t sp;
    Descriptor d;
    uint16_t selector = tss_stack(cpu, dpl, &sp);
    seg_check_stack(cpu, selector, &d, dpl, EXCP_TS);
    desc_set_accessed(cpu, &d);
    seg_put_desc(&st->new_ss, &d, selector, 0);
    st->ss = &st->new_ss;
    st->sp = sp;
    st->mask = mask_of(st->ss);
    st->flat = false;
    st->mmu_mode = MMU_KERNEL;
    st->error = selector & 0xfffc;
}

#define TSS64_RSP0 0x04
#define TSS64_IST1 0x24

void stack_long(CPUState *cpu, unsigned dpl, unsigned ist, Stack *st)
{
    const SegmentCache *tr = &cpu->seg[R_TR];
    uint32_t offset = ist ? TSS64_IST1 + 8 * (ist - 1) : TSS64_RSP0 + 8 * dpl;
    if (tr->null || offset + 7 > tr->limit) {
        cpu_raise_selector(cpu, EXCP_TS, tr->selector);
    }
    st->ss = &cpu->seg[R_SS];
    st->sp = cpu_ld64_kernel(cpu, tr->base + offset);
    st->mask = ~0ull;
    st->flat = true;
    st->mmu_mode = dpl == 3 ? MMU_USER : MMU_KERNEL;
    st->error = 0;
    if (dpl != cpu->cpl) {
        seg_put(&st->new_ss, dpl, 0, 0, 0, true);
        st->ss = &st->new_ss;
    }
}

/* Offset of the i-th item to be pushed. */
static uint64_t item_offset(const Stack *st, unsigned i, unsigned size)
{
    return (st->sp - (uint64_t)(i + 1) * size) & st->mask;
}

static void stack_store(CPUState *cpu, const Stack *st, uint64_t offset, uint64_t value, unsigned size)
{
    uint64_t la = st->flat ? offset : (uint32_t)(st->ss->base + offset);
    if (size == 2) {
        cpu_st16_mode(cpu, la, value, st->mmu_mode);
    } else if (size == 4) {
        cpu_st32_mode(cpu, la, value, st->mmu_mode);
    } else {
        cpu_st64_mode(cpu, la, value, st->mmu_mode);
    }
}

static bool stack_writable(const SegmentCache *ss)
{
    return !ss->null && (ss->attr & (SEG_S | SEG_CODE | SEG_RW)) == (SEG_S | SEG_RW);
}

static bool item_fits(const Stack *st, uint64_t offset, unsigned size)
{
    return st->flat ? range_is_canonical(offset, size) : stack_writable(st->ss) && seg_limit_ok(st->ss, offset, size);
}

/* Where a frame of so many bytes goes, if it all fits and the TLB has its page; or NULL, and nothing has happened. */
static uint8_t *frame_host(CPUState *cpu, const Stack *st, unsigned bytes)
{
    uint64_t offset = (st->sp - bytes) & st->mask;
    if (offset > (st->sp & st->mask) || !item_fits(st, offset, bytes)) {
        return NULL;
    }
    uint64_t la = st->flat ? offset : (uint32_t)(st->ss->base + offset);
    const TLBFast *e = tlb_fast_entry(cpu, la, st->mmu_mode);
    return e->write == ((la + bytes - 1) & PAGE_MASK) ? (uint8_t *)(uintptr_t)(la + e->addend) : NULL;
}

/* The last item is the lowest. */
static inline void frame_fill(uint8_t *frame, const uint64_t *values, unsigned n, unsigned size)
{
    for (unsigned i = n; i-- > 0; frame += size) {
        uint64_t value = GUINT64_TO_LE(values[i]);
        memcpy(frame, &value, size);
    }
}

static void push_items(CPUState *cpu, const Stack *st, const uint64_t *values, unsigned n, unsigned size)
{
    for (unsigned i = 0; i < n; i++) {
        if (!item_fits(st, item_offset(st, i, size), size)) {
            cpu_raise(cpu, EXCP_SS, st->error);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        stack_store(cpu, st, item_offset(st, i, size), values[i], size);
    }
}

void stack_push(CPUState *cpu, Stack *st, const uint64_t *values, unsigned n, unsigned size)
{
    uint8_t *frame = frame_host(cpu, st, n * size);
    if (likely(frame && size == 8)) {
        frame_fill(frame, values, n, 8);
    } else if (frame) {
        frame_fill(frame, values, n, size);
    } else {
        push_items(cpu, st, values, n, size);
    }
    st->sp = stack_pointer_merge(st->sp, st->sp - (uint64_t)n * size, st->mask);
}

void stack_commit(CPUState *cpu, const Stack *st)
{
    if (st->ss == &st->new_ss) {
        seg_set(cpu, R_SS, st->ss);
    }
    cpu->gpr[R_ESP] = st->sp;
}

uint64_t stack_peek(CPUState *cpu, unsigned offset, unsigned size)
{
    uint64_t at = (cpu->gpr[R_ESP] + offset) & stack_pointer_mask(cpu);
    return size == 2 ? seg_ld16(cpu, R_SS, at) : size == 4 ? seg_ld32(cpu, R_SS, at) : seg_ld64(cpu, R_SS, at);
}

void stack_set_sp(CPUState *cpu, uint64_t sp)
{
    cpu->gpr[R_ESP] = stack_pointer_merge(cpu->gpr[R_ESP], sp, stack_pointer_mask(cpu));
}

void stack_release(CPUState *cpu, unsigned bytes)
{
    stack_set_sp(cpu, cpu->gpr[R_ESP] + bytes);
}
