/*
 * accel/jit/translate-system.c  System instructions that are simple in the common case: CLD, STD, CLI, STI, PUSHF,
 * POPF, PUSH and MOV of a segment register, VERW, MOV from a control register, SWAPGS, RDTSC. What is not common
 * (virtual-8086 mode, IOPL, a waiting interrupt) is left to their handlers.
 */
#include "accel/jit/translate.h"
#include "target/i386/seg.h"

#define SHADOW_FLAGS  (CC_ALL | RF_MASK | VM_MASK) /* not in the image that PUSHF takes from cpu->eflags */
#define LOADED_OFF(m) ((int32_t)(offsetof(CPUState, jit.loaded[0].m) - offsetof(CPUState, jit.loaded[0])))
#define POPF_UNCOMMON (TF_MASK | DF_MASK | IOPL_MASK | NT_MASK | AC_MASK | ID_MASK)

static int32_t segment_off(unsigned seg, size_t member)
{
    return (int32_t)(offsetof(CPUState, seg) + seg * sizeof(SegmentCache) + member) - CPU_BIAS;
}

static int32_t selector_off(unsigned seg)
{
    return segment_off(seg, offsetof(SegmentCache, selector));
}

static void set_bits(Translator *t, uint32_t bits)
{
    em_alu_mi(&t->e, 2, ALU_OR, H_CPU, CPU_OFF(eflags), (int32_t)bits);
}

static void clear_bits(Translator *t, uint32_t bits)
{
    em_alu_mi(&t->e, 2, ALU_AND, H_CPU, CPU_OFF(eflags), (int32_t)~bits);
}

/* cpu->df follows the flag. */
static void set_direction(Translator *t, int32_t df)
{
    em_rm(&t->e, 2, 0xc7, 0, H_CPU, CPU_OFF(df));
    em32(&t->e, (uint32_t)df);
}

static void rule_cld(Translator *t)
{
    flags_before_clobber(t);
    clear_bits(t, DF_MASK);
    set_direction(t, 1);
}

static void rule_std(Translator *t)
{
    flags_before_clobber(t);
    set_bits(t, DF_MASK);
    set_direction(t, -1);
}

static void level_0_only(Translator *t)
{
    flags_before_clobber(t);
    em_alu_mi(&t->e, 0, ALU_CMP, H_CPU, CPU_OFF(cpl), 0);
    handler_if(t, COND_NE);
}

static void rule_cli(Translator *t)
{
    level_0_only(t);
    clear_bits(t, IF_MASK);
}

/*
 * With nothing waiting, nobody can tell that the window opens one instruction later: that one runs in this slice, and
 * should it let something in (a port access), it is an interrupt point itself.
 */
static void rule_sti(Translator *t)
{
    level_0_only(t);
    em_alu_mi(&t->e, 2, ALU_CMP, H_CPU, CPU_OFF(interrupt_request), 0);
    handler_if(t, COND_NE);
    set_bits(t, IF_MASK);
}

/* Flags are in memory, see flags.c: OF, and the byte that LAHF gives. */
static void rule_pushf(Translator *t)
{
    Emit *e = &t->e;
    flags_want_mem(t);
    mem_stack(t, R_ESP, -(1 << native_size(t)), 1u << native_size(t), true);
    em_rm(e, 2, 0x0fb6, H_T1, H_CPU, CPU_OFF(jit.flags));
    em_shift_ri(e, 2, 4, H_T1, 11);
    em_rm(e, 2, 0x0fb6, H_T2, H_CPU, CPU_OFF(jit.flags) + 1);
    em_alu_rr(e, 2, ALU_OR, H_T1, H_T2);
    em_load(e, 2, H_T2, H_CPU, CPU_OFF(eflags));
    em_alu_ri(e, 2, ALU_AND, H_T2, (int32_t)~SHADOW_FLAGS);
    em_alu_rr(e, 2, ALU_OR, H_T1, H_T2);
    em_store(e, native_size(t), H_T1, H_ADDR, t->at);
    em_rm(e, native_size(t), 0x8d, H_R12, H_R12, -(1 << native_size(t)));
}

/*
 * Level 0, and nothing but arithmetic flags and IF may change. With nothing waiting the interrupt point that POPF is
 * passes unnoticed.
 */
static void rule_popf(Translator *t)
{
    Emit *e = &t->e;
    unsigned size = native_size(t);
    level_0_only(t);
    em_alu_mi(e, 2, ALU_CMP, H_CPU, CPU_OFF(interrupt_request), 0);
    handler_if(t, COND_NE);
    mem_stack(t, R_ESP, 0, 1u << size, false);
    em_load(e, 2, H_T1, H_ADDR, t->at);
    em_load(e, 2, H_T2, H_CPU, CPU_OFF(eflags));
    em_alu_rr(e, 2, ALU_XOR, H_T2, H_T1);
    em_rr(e, 2, 0xf7, 0, H_T2);
    em32(e, POPF_UNCOMMON);
    handler_if(t, COND_NE);
    em_alu_ri(e, 2, ALU_AND, H_T2, IF_MASK);
    em_rm(e, 2, 0x31, H_T2, H_CPU, CPU_OFF(eflags)); /* xor */
    em_mov_rr(e, 2, H_T2, H_T1);
    em_shift_ri(e, 2, 5, H_T2, 11);
    em_alu_ri(e, 2, ALU_AND, H_T2, 1);
    em_alu_ri(e, 2, ALU_AND, H_T1, CC_ALL & 0xff);
    em_shift_ri(e, 2, 4, H_T1, 8);
    em_alu_rr(e, 2, ALU_OR, H_T1, H_T2);
    em_store(e, 1, H_T1, H_CPU, CPU_OFF(jit.flags));
    em_rm(e, size, 0x8d, H_R12, H_R12, 1 << size);
    t->flags = (FlagState){ .mem = true };
}

static unsigned pushed_segment(const DecodedInsn *d)
{
    return d->info->map == M_0F ? (d->info->opcode == 0xa0 ? R_FS : R_GS) : d->info->opcode >> 3;
}

/* Outside 64-bit mode two bytes are written, whatever the stack pointer moves by. */
static void rule_push_sreg(Translator *t)
{
    int32_t item = 1 << native_size(t);
    unsigned size = t->code64 ? 3 : 1;
    mem_stack(t, R_ESP, -item, 1u << size, true);
    em_rm(&t->e, 2, 0x0fb7, H_T1, H_CPU, selector_off(pushed_segment(t->d)));
    em_store(&t->e, size, H_T1, H_ADDR, t->at);
    em_rm(&t->e, native_size(t), 0x8d, H_R12, H_R12, -item);
}

static void rule_mov_from_sreg(Translator *t)
{
    if (insn_is_mem(t->d)) {
        mem_operand(t, 2, true);
        em_rm(&t->e, 2, 0x0fb7, H_T1, H_CPU, selector_off(t->d->reg));
        em_store(&t->e, 1, H_T1, H_ADDR, t->at);
        return;
    }
    if (t->d->op_size == 1) {
        unsigned low = host_reg(t, t->d->rm);
        reg_changed(t, t->d->rm);
        em_load(&t->e, 1, low, H_CPU, selector_off(t->d->reg));
        return;
    }
    unsigned reg = host_reg_out(t, t->d->rm);
    em_rm(&t->e, 2, 0x0fb7, reg, H_CPU, selector_off(t->d->reg));
}

/* H_T1: a selector. It is the one that was noted there, and the GDT still has the same descriptor; else the handler. */
static void same_descriptor(Translator *t, int slot)
{
    Emit *e = &t->e;
    int32_t loaded = CPU_OFF(jit.loaded[0]) + slot * (int32_t)sizeof(((CPUState *)0)->jit.loaded[0]);
    em_rm(e, 2, 0x3b, H_T1, H_CPU, loaded + LOADED_OFF(selector));
    handler_if(t, COND_NE);
    em_load(e, 2, H_T1, H_CPU, CPU_OFF(gdt.limit));
    em_rm(e, 2, 0x3b, H_T1, H_CPU, loaded + LOADED_OFF(end));
    handler_if(t, COND_B);
    em_load(e, 3, H_ADDR, H_CPU, loaded + LOADED_OFF(index));
    em_rm(e, 3, 0x03, H_ADDR, H_CPU, CPU_OFF(gdt.base)); /* a sum that would wrap misses */
    mem_linear_or_handler(t, 8);
    em_load(e, 3, H_T1, H_ADDR, t->at);
    em_rm(e, 3, 0x3b, H_T1, H_CPU, loaded + LOADED_OFF(raw));
    handler_if(t, COND_NE);
}

/* H_T1 = the operand of MOV to a segment register, or of VERW: a word, whatever the operand size. */
static void selector_operand(Translator *t)
{
    if (insn_is_mem(t->d)) {
        mem_operand(t, 2, false);
        em_rm(&t->e, 2, 0x0fb7, H_T1, H_ADDR, t->at);
    } else {
        em_rr(&t->e, 2, 0x0fb7, H_T1, host_reg(t, t->d->rm));
    }
}

/* DS, ES: nothing changes when it is there, from a descriptor that every level may load. */
static void rule_mov_to_sreg(Translator *t)
{
    flags_before_clobber(t);
    selector_operand(t);
    same_descriptor(t, seg_loaded_slot(t->d->reg));
}

static void rule_pop_sreg(Translator *t)
{
    int32_t item = 1 << native_size(t);
    mem_stack(t, R_ESP, 0, (unsigned)item, false);
    em_rm(&t->e, 2, 0x0fb7, H_T1, H_ADDR, t->at);
    same_descriptor(t, seg_loaded_slot(t->d->info->opcode >> 3));
    em_rm(&t->e, native_size(t), 0x8d, H_R12, H_R12, item);
}

static void copy_fs(Emit *e)
{
    for (size_t at = 0; at < sizeof(SegmentCache); at += 8) {
        em_load(e, 3, H_T1, H_CPU, CPU_OFF(jit.fs) + (int32_t)at);
        em_store(e, 3, H_T1, H_CPU, segment_off(R_FS, at));
    }
}

static void clear_member(Emit *e, size_t member)
{
    em_rm(e, 3, 0xc7, 0, H_CPU, segment_off(R_FS, member));
    em32(e, 0);
}

/* H_T1: a null selector. */
static void null_fs(Emit *e)
{
    em_store(e, 3, H_T1, H_CPU, segment_off(R_FS, 0)); /* selector; attributes and limit 0 */
    clear_member(e, offsetof(SegmentCache, base));
    clear_member(e, offsetof(SegmentCache, read_end));
    clear_member(e, offsetof(SegmentCache, write_end));
    clear_member(e, offsetof(SegmentCache, linear_base));
    em_rm(e, 0, 0xc6, 0, H_CPU, segment_off(R_FS, offsetof(SegmentCache, null)));
    em8(e, 1);
}

/* H_T1: selector, at level 0. 32-bit kernels load FS with theirs at each entry, and with the user's, mostly null. */
static void load_fs(Translator *t)
{
    Emit *e = &t->e;
    em_rr(e, 2, 0xf7, 0, H_T1);
    em32(e, 0xfffc);
    uint8_t *null = em_jcc_later(e, COND_E);
    same_descriptor(t, LOADED_FS);
    copy_fs(e);
    uint8_t *done = em_jmp_later(e);
    em_patch(null, e->rx_delta, em_here(e));
    null_fs(e);
    em_patch(done, e->rx_delta, em_here(e));
}

static void rule_mov_to_fs(Translator *t)
{
    level_0_only(t);
    selector_operand(t);
    load_fs(t);
}

static void rule_pop_fs(Translator *t)
{
    int32_t item = 1 << native_size(t);
    level_0_only(t);
    mem_stack(t, R_ESP, 0, (unsigned)item, false);
    em_rm(&t->e, 2, 0x0fb7, H_T1, H_ADDR, t->at);
    load_fs(t);
    em_rm(&t->e, native_size(t), 0x8d, H_R12, H_R12, item);
}

/* Linux does it on the way out to the user, for its side effect on some processors: always the same selector. */
static void rule_verw(Translator *t)
{
    flags_want_mem(t);
    level_0_only(t);
    selector_operand(t);
    same_descriptor(t, LOADED_VERW);
    em_alu_mi(&t->e, 0, ALU_OR, H_CPU, CPU_OFF(jit.flags) + 1, CC_Z);
    t->flags = (FlagState){ .mem = true };
}

static const int32_t control_off[] = { [0] = CPU_OFF(cr0), [2] = CPU_OFF(cr2), [3] = CPU_OFF(cr3), [4] = CPU_OFF(cr4) };

static void rule_mov_from_cr(Translator *t)
{
    level_0_only(t);
    unsigned reg = host_reg_out(t, t->d->rm);
    em_load(&t->e, native_size(t), reg, H_CPU, control_off[t->d->reg]);
}

/* 64-bit mode only: GS has a base and nothing else. */
static void rule_swapgs(Translator *t)
{
    Emit *e = &t->e;
    level_0_only(t);
    em_load(e, 3, H_T1, H_CPU, CPU_OFF(kernel_gs_base));
    em_load(e, 3, H_T2, H_CPU, segment_off(R_GS, offsetof(SegmentCache, base)));
    em_store(e, 3, H_T1, H_CPU, segment_off(R_GS, offsetof(SegmentCache, base)));
    em_store(e, 3, H_T1, H_CPU, segment_off(R_GS, offsetof(SegmentCache, linear_base)));
    em_store(e, 3, H_T2, H_CPU, CPU_OFF(kernel_gs_base));
}

/* The virtual clock's line for this slice is in cpu->jit; where it has none, or CR4.TSD counts, the handler asks. */
static void rule_rdtsc(Translator *t)
{
    Emit *e = &t->e;
    flags_before_clobber(t);
    em_rm(e, 2, 0xf7, 0, H_CPU, CPU_OFF(cr4));
    em32(e, CR4_TSD);
    handler_if(t, COND_NE);
    em_alu_mi(e, 2, ALU_CMP, H_CPU, CPU_OFF(jit.ns_per_insn), 0);
    handler_if(t, COND_E);
    em_load(e, 3, H_RAX, H_CPU, CPU_OFF(icount_limit));
    if (t->code64) {
        em_rm(e, 3, 0x2b, H_RAX, H_CPU, CPU_OFF(jit.budget));
    } else {
        em_alu_rr(e, 3, ALU_SUB, H_RAX, H_BUDGET);
    }
    em_alu_ri(e, 3, ALU_SUB, H_RAX, (int32_t)(t->n - t->k));
    em_rm(e, 3, 0x0faf, H_RAX, H_CPU, CPU_OFF(jit.ns_per_insn));
    em_rm(e, 3, 0x03, H_RAX, H_CPU, CPU_OFF(jit.ns_at_0));
    em_rm(e, 3, 0x03, H_RAX, H_CPU, CPU_OFF(tsc_offset));
    em_mov_rr(e, 3, H_RDX, H_RAX);
    em_shift_ri(e, 3, 5, H_RDX, 32);
    em_mov_rr(e, 2, H_RAX, H_RAX);
}

static bool stack_is_native(const Translator *t, const DecodedInsn *d)
{
    return t->code64 ? d->op_size == 3 : (t->ctx->mode & MODE_SS32) && d->op_size == 2;
}

/* 64-bit code loads hardly any. */
static bool loads_segment(const Translator *t, unsigned seg)
{
    return !t->code64 && !(t->ctx->mode & MODE_CPL3) && (seg == R_DS || seg == R_ES || seg == R_FS);
}

static Rule *one_byte_rule(const Translator *t, const DecodedInsn *d, bool is_last)
{
    switch (d->info->opcode) {
    case 0xa4:
    case 0xa5:
    case 0xaa:
    case 0xab:
        return rule_for_rep(t, d);
    case 0x07:
    case 0x1f:
        return loads_segment(t, d->info->opcode >> 3) && stack_is_native(t, d) ? rule_pop_sreg : NULL;
    case 0x8e:
        if (!loads_segment(t, d->reg)) {
            return NULL;
        }
        return d->reg == R_FS ? rule_mov_to_fs : rule_mov_to_sreg;
    case 0x06:
    case 0x0e:
    case 0x16:
    case 0x1e:
        return stack_is_native(t, d) ? rule_push_sreg : NULL;
    case 0x8c:
        return d->reg <= R_GS ? rule_mov_from_sreg : NULL;
    case 0x9c:
        return stack_is_native(t, d) ? rule_pushf : NULL;
    case 0x9d:
        return stack_is_native(t, d) && !(t->ctx->mode & MODE_CPL3) ? rule_popf : NULL;
    case 0xfa:
        return t->ctx->mode & MODE_CPL3 ? NULL : rule_cli;
    case 0xfb:
        return t->ctx->mode & MODE_CPL3 || is_last ? NULL : rule_sti;
    case 0xfc:
        return rule_cld;
    case 0xfd:
        return rule_std;
    default:
        return NULL;
    }
}

static Rule *two_byte_rule(const Translator *t, const DecodedInsn *d)
{
    bool level_3 = t->ctx->mode & MODE_CPL3;
    switch (d->info->opcode) {
    case 0x00:
        return d->info->modrm.reg == 5 && !level_3 ? rule_verw : NULL;
    case 0x01: /* F8 */
        return d->modrm == 0xf8 && t->code64 && !level_3 ? rule_swapgs : NULL;
    case 0x20:
        return !level_3 && d->reg < ARRAY_SIZE(control_off) && control_off[d->reg] ? rule_mov_from_cr : NULL;
    case 0x31:
        return rule_rdtsc;
    case 0xa0:
    case 0xa8:
        return stack_is_native(t, d) ? rule_push_sreg : NULL;
    case 0xa1:
        return loads_segment(t, R_FS) && stack_is_native(t, d) ? rule_pop_fs : NULL;
    default:
        return NULL;
    }
}

Rule *rule_for_system(const Translator *t, const DecodedInsn *d, bool is_last)
{
    if (!(t->ctx->mode & MODE_PROT)) {
        return NULL;
    }
    if (d->info->map == M_1B) {
        return one_byte_rule(t, d, is_last);
    }
    return d->info->map == M_0F ? two_byte_rule(t, d) : NULL;
}

bool system_rule_observes(const DecodedInsn *d)
{
    if (d->info->map == M_0F) {
        unsigned op = d->info->opcode;
        return op == 0x00 || op == 0x20 || op == 0x31 || op == 0xa0 || op == 0xa1 || op == 0xa8 ||
               (op == 0x01 && d->modrm == 0xf8);
    }
    switch (d->info->map == M_1B ? d->info->opcode : 0) {
    case 0x06:
    case 0x0e:
    case 0x16:
    case 0x1e:
    case 0x07:
    case 0x1f:
    case 0x8e:
    case 0x9c:
    case 0x9d:
    case 0xfa:
    case 0xfb:
    case 0xfc:
    case 0xfd:
        return true;
    default:
        return false;
    }
}
