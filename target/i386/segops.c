/*
 * target/i386/segops.c  Instructions on segment registers and descriptor tables: MOV, PUSH, POP, LDS..LGS, LGDT, SGDT,
 * LLDT, LTR, SLDT, STR, LAR, LSL, VERR, VERW, ARPL. SDM volume 2.
 *
 * PUSH and POP of a segment register move the stack pointer by the operand size but touch two bytes, as the P6 does
 * (SDM 3B 22.31.1); only the 64-bit PUSH writes all of its eight.
 */
#include "target/i386/handlers-sys.h"
#include "target/i386/seg.h"

static uint16_t read_e16(CPUState *cpu, const DecodedInsn *d)
{
    return insn_is_mem(d) ? seg_ld16(cpu, d->seg, insn_ea(cpu, d)) : reg16(cpu, d->rm);
}

static void write_reg(CPUState *cpu, unsigned reg, uint64_t value, unsigned size)
{
    if (size == 2) {
        set_reg16(cpu, reg, value);
    } else {
        set_reg64(cpu, reg, value);
    }
}

/* Registers take the operand size, zero-extended; memory always two bytes. */
static void write_selector(CPUState *cpu, const DecodedInsn *d, uint16_t value)
{
    if (insn_is_mem(d)) {
        seg_st16(cpu, d->seg, insn_ea(cpu, d), value);
    } else {
        write_reg(cpu, d->rm, value, insn_op_bytes(d));
    }
}

static void set_zf(CPUState *cpu, bool zf)
{
    uint32_t eflags = cpu_get_eflags(cpu) & ~CC_Z;
    cpu_set_eflags(cpu, zf ? eflags | CC_Z : eflags);
}

/* ---- MOV, PUSH, POP ---- */

static void mov_from_sreg(CPUState *cpu, const DecodedInsn *d)
{
    unsigned seg = (d->modrm >> 3) & 7;
    if (seg > R_GS) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
    write_selector(cpu, d, cpu->seg[seg].selector);
}

/* The next instruction, usually the load of ESP, runs without interruption; and it may see another stack size. */
static void shadow_after_ss(CPUState *cpu)
{
    cpu->int_shadow = SHADOW_MOVSS;
    cpu_end_block(cpu);
}

static void mov_to_sreg(CPUState *cpu, const DecodedInsn *d)
{
    unsigned seg = (d->modrm >> 3) & 7;
    if (seg > R_GS || seg == R_CS) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
    cpu_load_seg(cpu, seg, read_e16(cpu, d));
    if (seg == R_SS) {
        shadow_after_ss(cpu);
    }
}

static void push_sreg(CPUState *cpu, const DecodedInsn *d, int seg)
{
    uint64_t mask = stack_pointer_mask(cpu), esp = cpu->gpr[R_ESP];
    uint64_t sp = (esp - insn_op_bytes(d)) & mask;
    if (insn_op_bytes(d) == 8) {
        seg_st64(cpu, R_SS, sp, cpu->seg[seg].selector);
    } else {
        seg_st16(cpu, R_SS, sp, cpu->seg[seg].selector);
    }
    cpu->gpr[R_ESP] = stack_pointer_merge(esp, sp, mask);
}

static uint64_t read_sized(CPUState *cpu, int seg, uint64_t offset, unsigned size)
{
    return size == 2 ? seg_ld16(cpu, seg, offset) : size == 4 ? seg_ld32(cpu, seg, offset) : seg_ld64(cpu, seg, offset);
}

/* All bytes of the operand are read, though two count: limit, pages and alignment see them. */
static void pop_sreg(CPUState *cpu, const DecodedInsn *d, int seg)
{
    uint64_t mask = stack_pointer_mask(cpu), esp = cpu->gpr[R_ESP];
    uint16_t selector = (uint16_t)read_sized(cpu, R_SS, esp & mask, insn_op_bytes(d));
    cpu_load_seg(cpu, seg, selector);
    cpu->gpr[R_ESP] = stack_pointer_merge(esp, esp + insn_op_bytes(d), mask);
    if (seg == R_SS) {
        shadow_after_ss(cpu);
    }
}

/* ---- LDS, LES, LFS, LGS, LSS ---- */

static void load_far(CPUState *cpu, const DecodedInsn *d, int seg)
{
    unsigned size = insn_op_bytes(d);
    uint64_t ea = insn_ea(cpu, d);
    uint64_t offset = read_sized(cpu, d->seg, ea, size);
    uint16_t selector = seg_ld16(cpu, d->seg, (ea + size) & d->ea_mask);
    cpu_load_seg(cpu, seg, selector);
    write_reg(cpu, d->reg, offset, size);
    if (seg == R_SS) {
        cpu_end_block(cpu);
    }
}

/* One handler per segment register: push, pop, load far pointer. */
#define SREG_HANDLERS(name, seg)                                        \
    static void push_##name##_insn(CPUState *cpu, const DecodedInsn *d) \
    {                                                                   \
        push_sreg(cpu, d, seg);                                         \
    }                                                                   \
    const InsnHandlers push_##name = HANDLERS_ALL(push_##name##_insn);  \
    static void pop_##name##_insn(CPUState *cpu, const DecodedInsn *d)  \
    {                                                                   \
        pop_sreg(cpu, d, seg);                                          \
    }                                                                   \
    const InsnHandlers pop_##name = HANDLERS_ALL(pop_##name##_insn);    \
    static void l##name##_insn(CPUState *cpu, const DecodedInsn *d)     \
    {                                                                   \
        load_far(cpu, d, seg);                                          \
    }                                                                   \
    const InsnHandlers l##name##_Gv_Mp = HANDLERS_ALL(l##name##_insn);
SREG_HANDLERS(es, R_ES)
SREG_HANDLERS(ss, R_SS)
SREG_HANDLERS(ds, R_DS)
SREG_HANDLERS(fs, R_FS)
SREG_HANDLERS(gs, R_GS)

static void push_cs_insn(CPUState *cpu, const DecodedInsn *d)
{
    push_sreg(cpu, d, R_CS);
}

/* ---- GDTR, IDTR ---- */

static void check_umip(CPUState *cpu)
{
    if ((cpu->cr4 & CR4_UMIP) && cpu->cpl != 0) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

/* Limit, then base. With a 16-bit operand size the base has 24 bits; stored, its top byte is 0. */
static void store_table(CPUState *cpu, const DecodedInsn *d, uint64_t base, uint32_t limit)
{
    uint64_t ea = insn_ea(cpu, d);
    bool wide = cpu_code64(cpu);
    check_umip(cpu);
    uint64_t la = seg_write_address(cpu, d->seg, ea, wide ? 10 : 6);
    cpu_probe(cpu, la, wide ? 10 : 6, ACCESS_WRITE, cpu->mmu_mode);
    seg_st16(cpu, d->seg, ea, limit);
    if (wide) {
        seg_st64(cpu, d->seg, (ea + 2) & d->ea_mask, base);
    } else {
        seg_st32(cpu, d->seg, (ea + 2) & d->ea_mask, insn_op_bytes(d) == 2 ? base & 0xffffff : base);
    }
}

static void sgdt_insn(CPUState *cpu, const DecodedInsn *d)
{
    store_table(cpu, d, cpu->gdt.base, cpu->gdt.limit);
}

static void sidt_insn(CPUState *cpu, const DecodedInsn *d)
{
    store_table(cpu, d, cpu->idt.base, cpu->idt.limit);
}

static uint64_t load_table(CPUState *cpu, const DecodedInsn *d, uint16_t *limit)
{
    uint64_t ea = insn_ea(cpu, d);
    cpu_require_cpl0(cpu);
    *limit = seg_ld16(cpu, d->seg, ea);
    if (cpu_code64(cpu)) {
        uint64_t wide = seg_ld64(cpu, d->seg, (ea + 2) & d->ea_mask);
        cpu_require_canonical(cpu, wide);
        return wide;
    }
    uint32_t base = seg_ld32(cpu, d->seg, (ea + 2) & d->ea_mask);
    return insn_op_bytes(d) == 2 ? base & 0xffffff : base;
}

static void lgdt_insn(CPUState *cpu, const DecodedInsn *d)
{
    uint16_t limit;
    cpu->gdt.base = load_table(cpu, d, &limit);
    cpu->gdt.limit = limit;
}

static void lidt_insn(CPUState *cpu, const DecodedInsn *d)
{
    uint16_t limit;
    cpu->idt.base = load_table(cpu, d, &limit);
    cpu->idt.limit = limit;
}

/* ---- LDTR, TR ---- */

static void sldt_insn(CPUState *cpu, const DecodedInsn *d)
{
    check_umip(cpu);
    write_selector(cpu, d, cpu->seg[R_LDTR].selector);
}

static void str_insn(CPUState *cpu, const DecodedInsn *d)
{
    check_umip(cpu);
    write_selector(cpu, d, cpu->seg[R_TR].selector);
}

/* LDT and TSS descriptors lie in the GDT only. */
static void require_gdt(CPUState *cpu, uint16_t selector, Descriptor *d)
{
    if (selector & SELECTOR_TI) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    desc_require(cpu, selector, d, EXCP_GP);
}

static void check_system_base(CPUState *cpu, uint16_t selector, const Descriptor *d)
{
    if (!address_is_canonical(desc_base(d))) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
}

static void lldt_insn(CPUState *cpu, const DecodedInsn *insn)
{
    Descriptor d;
    cpu_require_cpl0(cpu);
    uint16_t selector = read_e16(cpu, insn);
    if (selector_is_null(selector)) {
        seg_commit_null(cpu, R_LDTR, selector);
        return;
    }
    require_gdt(cpu, selector, &d);
    if (!desc_is_system(&d) || desc_type(&d) != SYS_LDT) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    desc_read_upper(cpu, selector, &d);
    desc_check_present(cpu, selector, &d, EXCP_NP);
    check_system_base(cpu, selector, &d);
    SegmentCache s = desc_cache(&d, selector);
    seg_commit(cpu, R_LDTR, &s);
}

static void ltr_insn(CPUState *cpu, const DecodedInsn *insn)
{
    Descriptor d;
    cpu_require_cpl0(cpu);
    uint16_t selector = read_e16(cpu, insn);
    require_gdt(cpu, selector, &d);
    bool tss16 = !(desc_type(&d) & SYS_32);
    if (!desc_is_tss(&d) || (desc_type(&d) & SYS_BUSY) || (tss16 && cpu_long_mode(cpu))) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    desc_read_upper(cpu, selector, &d);
    desc_check_present(cpu, selector, &d, EXCP_NP);
    check_system_base(cpu, selector, &d);
    desc_set_busy(cpu, &d, true);
    SegmentCache s = desc_cache(&d, selector);
    seg_commit(cpu, R_TR, &s);
}

/* ---- questions about selectors: the answer is ZF ---- */

static bool selector_visible(const CPUState *cpu, uint16_t selector, const Descriptor *d)
{
    unsigned dpl = desc_dpl(d);
    bool conforming = desc_is_code(d) && desc_is_conforming(d);
    return conforming || (cpu->cpl <= dpl && selector_rpl(selector) <= dpl);
}

static bool find_visible(CPUState *cpu, uint16_t selector, Descriptor *d)
{
    return !selector_is_null(selector) && desc_read(cpu, selector, d) && selector_visible(cpu, selector, d);
}

#define TYPES_LAR  0x1a3e /* TSSs, LDT, call gates, task gate */
#define TYPES_LSL  0x0a0e /* what has a limit: TSSs, LDT */
#define TYPES_LONG 0x1a04 /* those that long mode has */

static bool type_allowed(const CPUState *cpu, const Descriptor *d, unsigned system_types)
{
    unsigned types = cpu_long_mode(cpu) ? system_types & TYPES_LONG : system_types;
    return !desc_is_system(d) || (types >> desc_type(d) & 1);
}

/* Limit bits 19:16 come along: the manual leaves them open, processors give them. */
static void lar_insn(CPUState *cpu, const DecodedInsn *insn)
{
    Descriptor d;
    uint16_t selector = read_e16(cpu, insn);
    bool ok = find_visible(cpu, selector, &d) && type_allowed(cpu, &d, TYPES_LAR);
    if (ok) {
        write_reg(cpu, insn->reg, d.hi & 0x00ffff00, insn_op_bytes(insn));
    }
    set_zf(cpu, ok);
}

static void lsl_insn(CPUState *cpu, const DecodedInsn *insn)
{
    Descriptor d;
    uint16_t selector = read_e16(cpu, insn);
    bool ok = find_visible(cpu, selector, &d) && type_allowed(cpu, &d, TYPES_LSL);
    if (ok) {
        write_reg(cpu, insn->reg, desc_limit(&d), insn_op_bytes(insn));
    }
    set_zf(cpu, ok);
}

static void verr_insn(CPUState *cpu, const DecodedInsn *insn)
{
    Descriptor d;
    uint16_t selector = read_e16(cpu, insn);
    set_zf(cpu, find_visible(cpu, selector, &d) && desc_is_readable(&d));
}

static void verw_insn(CPUState *cpu, const DecodedInsn *insn)
{
    Descriptor d;
    uint16_t selector = read_e16(cpu, insn);
    bool ok = find_visible(cpu, selector, &d) && desc_is_writable_data(&d);
    if (ok) {
        seg_note_descriptor(cpu, LOADED_VERW, selector, &d);
    }
    set_zf(cpu, ok);
}

/* Memory is read, and written only when it changes: a read-only page is no obstacle otherwise. */
static void arpl_insn(CPUState *cpu, const DecodedInsn *d)
{
    uint16_t source = reg16(cpu, d->reg), dest = read_e16(cpu, d);
    bool raise = selector_rpl(dest) < selector_rpl(source);
    if (raise) {
        dest = (dest & ~3) | selector_rpl(source);
        if (insn_is_mem(d)) {
            seg_st16(cpu, d->seg, insn_ea(cpu, d), dest);
        } else {
            set_reg16(cpu, d->rm, dest);
        }
    }
    set_zf(cpu, raise);
}

const InsnHandlers mov_Ev_Sw = HANDLERS_ALL(mov_from_sreg);
const InsnHandlers mov_Sw_Ew = HANDLERS_ALL(mov_to_sreg);
const InsnHandlers push_cs = HANDLERS_ALL(push_cs_insn);
const InsnHandlers sgdt_Ms = HANDLERS_ALL(sgdt_insn);
const InsnHandlers sidt_Ms = HANDLERS_ALL(sidt_insn);
const InsnHandlers lgdt_Ms = HANDLERS_ALL(lgdt_insn);
const InsnHandlers lidt_Ms = HANDLERS_ALL(lidt_insn);
const InsnHandlers sldt_Ev = HANDLERS_ALL(sldt_insn);
const InsnHandlers str_Ev = HANDLERS_ALL(str_insn);
const InsnHandlers lldt_Ew = HANDLERS_ALL(lldt_insn);
const InsnHandlers ltr_Ew = HANDLERS_ALL(ltr_insn);
const InsnHandlers lar_Gv_Ew = HANDLERS_ALL(lar_insn);
const InsnHandlers lsl_Gv_Ew = HANDLERS_ALL(lsl_insn);
const InsnHandlers verr_Ew = HANDLERS_ALL(verr_insn);
const InsnHandlers verw_Ew = HANDLERS_ALL(verw_insn);
const InsnHandlers arpl_Ew_Gw = HANDLERS_ALL(arpl_insn);
