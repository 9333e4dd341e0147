/*
 * target/i386/seg.c  Segment registers: descriptors, loads with their checks, limit checks, decode mode.
 * SDM 3A chapters 3.4, 5.2-5.6, 20.1; volume 2, MOV. The instructions are in segops.c.
 *
 * In 64-bit mode ES, CS, SS and DS have base 0 and none has a limit or rights; what was loaded is kept and counts again
 * in compatibility mode. A null selector clears the base of FS and GS there, as Intel's processors and AMD's since Zen
 * 2 do.
 *
 * Real-mode loads keep limit and size bits ("unreal" mode works); the access rights become those of plain data.
 */
#include "target/i386/seg.h"

void cpu_raise_selector(CPUState *cpu, int vector, uint16_t selector)
{
    cpu_raise(cpu, vector, selector & 0xfffc);
}

/* ---- descriptors ---- */

bool desc_read(CPUState *cpu, uint16_t selector, Descriptor *d)
{
    uint32_t index = selector & 0xfff8u;
    const SegmentCache *ldt = &cpu->seg[R_LDTR];
    bool local = selector & SELECTOR_TI;
    if (local && ldt->null) {
        return false;
    }
    if (index + 7 > (local ? ldt->limit : cpu->gdt.limit)) {
        return false;
    }
    d->la = table_address(cpu, local ? ldt->base : cpu->gdt.base, index);
    uint64_t both = cpu_ld64_kernel(cpu, d->la);
    d->lo = (uint32_t)both;
    d->hi = (uint32_t)(both >> 32);
    d->upper = 0;
    return true;
}

void desc_read_upper(CPUState *cpu, uint16_t selector, Descriptor *d)
{
    bool local = selector & SELECTOR_TI;
    uint32_t limit = local ? cpu->seg[R_LDTR].limit : cpu->gdt.limit;
    if (!cpu_long_mode(cpu)) {
        return;
    }
    if ((selector & 0xfff8u) + 15 > limit || (cpu_ld32_kernel(cpu, d->la + 12) & 0x1f00)) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    d->upper = cpu_ld32_kernel(cpu, d->la + 8);
}

void desc_require(CPUState *cpu, uint16_t selector, Descriptor *d, int vector)
{
    if (selector_is_null(selector)) {
        cpu_raise(cpu, vector, 0);
    }
    if (!desc_read(cpu, selector, d)) {
        cpu_raise_selector(cpu, vector, selector);
    }
}

void desc_check_present(CPUState *cpu, uint16_t selector, const Descriptor *d, int vector)
{
    if (!desc_present(d)) {
        cpu_raise_selector(cpu, vector, selector);
    }
}

static void desc_write_rights(CPUState *cpu, const Descriptor *d)
{
    cpu_st8_kernel(cpu, d->la + 5, d->hi >> 8);
}

/* Written only when clear, so that descriptor tables may lie in read-only pages (since the 486). */
void desc_set_accessed(CPUState *cpu, Descriptor *d)
{
    if (!(d->hi & SEG_A << 8)) {
        d->hi |= SEG_A << 8;
        desc_write_rights(cpu, d);
    }
}

void desc_set_busy(CPUState *cpu, Descriptor *d, bool busy)
{
    d->hi = busy ? d->hi | SYS_BUSY << 8 : d->hi & ~(uint32_t)(SYS_BUSY << 8);
    desc_write_rights(cpu, d);
}

/* ---- the hidden part ---- */

static bool seg_is_readable(const SegmentCache *s)
{
    return !s->null && (s->attr & SEG_S) && (!(s->attr & SEG_CODE) || (s->attr & SEG_RW));
}

static bool seg_is_writable(const SegmentCache *s)
{
    return !s->null && (s->attr & SEG_S) && !(s->attr & SEG_CODE) && (s->attr & SEG_RW);
}

static bool seg_is_expand_down(const SegmentCache *s)
{
    return (s->attr & (SEG_S | SEG_CODE | SEG_CE)) == (SEG_S | SEG_CE);
}

void cpu_segment_derive(CPUState *cpu, int seg)
{
    SegmentCache *s = &cpu->seg[seg];
    if (cpu_code64(cpu)) {
        seg_derive_long(cpu, seg);
        return;
    }
    s->read_end = s->write_end = 0;
    s->linear_base = s->base;
    if (seg_is_readable(s) && !seg_is_expand_down(s)) {
        s->read_end = s->limit + 1ull;
    }
    if (seg_is_writable(s) && !seg_is_expand_down(s)) {
        s->write_end = s->limit + 1ull;
    }
}

void seg_commit(CPUState *cpu, int seg, const SegmentCache *s)
{
    if (seg_set(cpu, seg, s) && (seg == R_CS || seg == R_SS)) {
        cpu_mode_derive(cpu);
    }
}

void seg_commit_null(CPUState *cpu, int seg, uint16_t selector)
{
    SegmentCache s = { .selector = selector, .null = true };
    seg_commit(cpu, seg, &s);
}

void cpu_load_seg_cache(CPUState *cpu, int seg, uint16_t selector, uint64_t base, uint32_t limit, uint16_t attr)
{
    SegmentCache s = { .selector = selector, .base = base, .limit = limit, .attr = attr };
    seg_commit(cpu, seg, &s);
}

/* v86 mode fixes everything (SDM 3A 20.2.1); real mode keeps the limit and D/B, and makes the rights those of data. */
SegmentCache seg_cache_real(CPUState *cpu, int seg, uint16_t selector)
{
    SegmentCache s = { .selector = selector, .base = (uint32_t)selector << 4 };
    if (cpu_v86(cpu)) {
        s.limit = 0xffff;
        s.attr = SEG_P | 3 << 5 | SEG_S | SEG_RW | SEG_A;
        return s;
    }
    const SegmentCache *old = &cpu->seg[seg];
    s.limit = old->null ? 0xffff : old->limit;
    s.attr = SEG_P | SEG_S | SEG_RW | SEG_A | (old->attr & (SEG_DB | SEG_G));
    return s;
}

void cpu_load_seg_real(CPUState *cpu, int seg, uint16_t selector)
{
    SegmentCache s = seg_cache_real(cpu, seg, selector);
    seg_commit(cpu, seg, &s);
}

/* ---- loads ---- */

void seg_check_stack(CPUState *cpu, uint16_t selector, Descriptor *d, unsigned cpl, int vector)
{
    desc_require(cpu, selector, d, vector);
    if (selector_rpl(selector) != cpl || !desc_is_writable_data(d) || desc_dpl(d) != cpl) {
        cpu_raise_selector(cpu, vector, selector);
    }
    desc_check_present(cpu, selector, d, EXCP_SS);
}

void seg_check_data(CPUState *cpu, uint16_t selector, Descriptor *d, unsigned cpl, int vector)
{
    desc_require(cpu, selector, d, vector);
    unsigned dpl = desc_dpl(d);
    if (!desc_is_readable(d) || (desc_is_guarded(d) && (selector_rpl(selector) > dpl || cpl > dpl))) {
        cpu_raise_selector(cpu, vector, selector);
    }
    desc_check_present(cpu, selector, d, EXCP_NP);
}

/* 64-bit code below level 3 may do without a stack segment. */
static bool null_stack_allowed(const CPUState *cpu, uint16_t selector)
{
    return cpu_code64(cpu) && cpu->cpl != 3 && selector_rpl(selector) == cpu->cpl;
}

void cpu_load_seg(CPUState *cpu, int seg, uint16_t selector)
{
    Descriptor d;
    if (!cpu_protected(cpu)) {
        cpu_load_seg_real(cpu, seg, selector);
        return;
    }
    if (selector_is_null(selector) && (seg != R_SS || null_stack_allowed(cpu, selector))) {
        seg_commit_null(cpu, seg, selector);
        return;
    }
    if (seg == R_SS) {
        seg_check_stack(cpu, selector, &d, cpu->cpl, EXCP_GP);
    } else {
        seg_check_data(cpu, selector, &d, cpu->cpl, EXCP_GP);
    }
    desc_set_accessed(cpu, &d);
    SegmentCache s = desc_cache(&d, selector);
    seg_commit(cpu, seg, &s);
    seg_note_loaded(cpu, seg, selector, &d);
}

void seg_drop_inner_data(CPUState *cpu)
{
    static const int data_segs[] = { R_ES, R_FS, R_GS, R_DS };
    for (size_t i = 0; i < ARRAY_SIZE(data_segs); i++) {
        const SegmentCache *s = &cpu->seg[data_segs[i]];
        bool conforming = (s->attr & (SEG_CODE | SEG_CE)) == (SEG_CODE | SEG_CE);
        if (!s->null && !conforming && SEG_DPL(s->attr) < cpu->cpl) {
            seg_commit_null(cpu, data_segs[i], 0);
        }
    }
}

/* ---- accesses ---- */

/*
 * Offsets 0..limit, or limit+1..64K-1 or 4G-1 when expand-down. An access that runs over the end of the 4 GiB of
 * offsets wraps in a segment of 4 GiB and is refused in every other.
 */
bool seg_limit_ok(const SegmentCache *s, uint64_t offset, unsigned size)
{
    uint64_t last = offset + size - 1;
    if (seg_is_expand_down(s)) {
        return offset > s->limit && last <= (s->attr & SEG_DB ? 0xffffffffu : 0xffffu);
    }
    return last <= s->limit || s->limit == 0xffffffffu;
}

static bool seg_kind_ok(const SegmentCache *s, AccessKind kind)
{
    switch (kind) {
    case ACCESS_READ:
        return seg_is_readable(s);
    case ACCESS_WRITE:
        return seg_is_writable(s);
    default:
        return true;
    }
}

/* 64-bit mode: no limits; FS and GS have bases; the address must be canonical. */
static uint64_t seg_address_long(CPUState *cpu, int seg, uint64_t offset, unsigned size)
{
    uint64_t la = cpu->seg[seg].linear_base + offset;
    if (!range_is_canonical(la, size)) {
        cpu_raise(cpu, seg == R_SS ? EXCP_SS : EXCP_GP, 0);
    }
    return la;
}

uint64_t seg_address_slow(CPUState *cpu, int seg, uint64_t offset, unsigned size, AccessKind kind)
{
    const SegmentCache *s = &cpu->seg[seg];
    if (cpu_code64(cpu)) {
        return seg_address_long(cpu, seg, offset, size);
    }
    if (!seg_kind_ok(s, kind) || !seg_limit_ok(s, offset, size)) {
        cpu_raise(cpu, seg == R_SS ? EXCP_SS : EXCP_GP, 0);
    }
    return (uint32_t)(s->base + offset);
}

/* ---- privilege and decode mode ---- */

/* Another privilege means other fetch rights: the next fetch asks the TLB again. */
void cpu_set_cpl(CPUState *cpu, int cpl)
{
    if (cpu->cpl != cpl) {
        cpu->fetch_page = cpu->fetch_phys = 0;
    }
    cpu->cpl = cpl;
    cpu->mmu_mode = cpl == 3 ? MMU_USER : MMU_KERNEL;
    cpu_mode_derive(cpu);
    cpu_alignment_derive(cpu);
}

static uint32_t mode_code_and_stack(const CPUState *cpu)
{
    if (cpu_code64(cpu)) {
        return MODE_CODE64 | MODE_SS64;
    }
    return (cpu->seg[R_CS].attr & SEG_DB ? MODE_CODE32 : MODE_CODE16) | (cpu->seg[R_SS].attr & SEG_DB ? MODE_SS32 : 0);
}

void cpu_mode_derive(CPUState *cpu)
{
    uint32_t mode = mode_code_and_stack(cpu);
    bool changed64 = (mode ^ cpu->mode) & MODE_SS64;
    mode |= cpu_protected(cpu) ? MODE_PROT : 0;
    mode |= cpu_v86(cpu) ? MODE_V86 : 0;
    mode |= cpu->cpl == 3 ? MODE_CPL3 : 0;
    mode |= cpu->eflags & TF_MASK ? MODE_TF : 0;
    cpu->mode = mode;
    cpu->linear_mask = mode & MODE_SS64 ? ~0ull : 0xffffffffu;
    for (int seg = R_ES; changed64 && seg <= R_GS; seg++) {
        cpu_segment_derive(cpu, seg);
    }
}
