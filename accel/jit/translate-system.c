/*
 * accel/jit/translate-system.c  System instructions that are simple in the common case: CLD, STD, CLI, STI, PUSHF, PUSH
 * and MOV of a segment register. What is not common (virtual-8086 mode, IOPL, a waiting interrupt) is left to their
 * handlers.
 */
#include "accel/jit/translate.h"

#define SHADOW_FLAGS (CC_ALL | RF_MASK | VM_MASK) /* not in the image that PUSHF takes from cpu->eflags */

static int32_t selector_off(unsigned seg)
{
    return (int32_t)(offsetof(CPUState, seg) + seg * sizeof(SegmentCache) + offsetof(SegmentCache, selector)) -
           CPU_BIAS;
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
    em_store(e, native_size(t), H_T1, H_ADDR, 0);
    em_rm(e, native_size(t), 0x8d, H_R12, H_R12, -(1 << native_size(t)));
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
    em_store(&t->e, size, H_T1, H_ADDR, 0);
    em_rm(&t->e, native_size(t), 0x8d, H_R12, H_R12, -item);
}

static void rule_mov_from_sreg(Translator *t)
{
    unsigned reg = host_reg_out(t, t->d->rm);
    em_rm(&t->e, 2, 0x0fb7, reg, H_CPU, selector_off(t->d->reg));
}

static bool stack_is_native(const Translator *t, const DecodedInsn *d)
{
    return t->code64 ? d->op_size == 3 : (t->ctx->mode & MODE_SS32) && d->op_size == 2;
}

static Rule *one_byte_rule(const Translator *t, const DecodedInsn *d, bool is_last)
{
    switch (d->info->opcode) {
    case 0x06:
    case 0x0e:
    case 0x16:
    case 0x1e:
        return stack_is_native(t, d) ? rule_push_sreg : NULL;
    case 0x8c:
        return !insn_is_mem(d) && d->op_size >= 2 && d->reg <= R_GS ? rule_mov_from_sreg : NULL;
    case 0x9c:
        return stack_is_native(t, d) ? rule_pushf : NULL;
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

Rule *rule_for_system(const Translator *t, const DecodedInsn *d, bool is_last)
{
    if (!(t->ctx->mode & MODE_PROT)) {
        return NULL;
    }
    if (d->info->map == M_1B) {
        return one_byte_rule(t, d, is_last);
    }
    bool push = d->info->map == M_0F && (d->info->opcode == 0xa0 || d->info->opcode == 0xa8);
    return push && stack_is_native(t, d) ? rule_push_sreg : NULL;
}

bool system_rule_observes(const DecodedInsn *d)
{
    if (d->info->map == M_0F) {
        return d->info->opcode == 0xa0 || d->info->opcode == 0xa8;
    }
    switch (d->info->map == M_1B ? d->info->opcode : 0) {
    case 0x06:
    case 0x0e:
    case 0x16:
    case 0x1e:
    case 0x9c:
    case 0xfa:
    case 0xfb:
    case 0xfc:
    case 0xfd:
        return true;
    default:
        return false;
    }
}
