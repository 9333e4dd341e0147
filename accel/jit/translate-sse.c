/*
 * accel/jit/translate-sse.c  SSE and SSE2 on the host's SSE. SDM volume 2.
 *
 * XMM registers stay in CPUState and pass through XMM0 and XMM1. Floating point runs with the guest's MXCSR in the
 * host, from the first such instruction of a block to the last (fp_open, fp_close; cold paths go back to the host's own
 * while C runs), provided that all exceptions are masked; else the handler does it. Reciprocal approximations differ
 * among hosts and are never done here.
 */
#include "accel/jit/translate.h"

enum { XMM0, XMM1 };

#define XMM_OFF(n)  ((int32_t)(offsetof(CPUState, xmm) + (n) * sizeof(XMMReg) - CPU_BIAS))
#define MXCSR_MASKS 0x1f80

static void sse_prefix(Emit *e, unsigned prefix)
{
    if (prefix == PFX_F3 || prefix == PFX_F2) {
        em8(e, prefix == PFX_F3 ? 0xf3 : 0xf2);
    }
}

static void sse_rr(Emit *e, unsigned prefix, unsigned opcode, unsigned reg, unsigned rm)
{
    sse_prefix(e, prefix);
    em_rr(e, prefix == PFX_66 ? 1 : 2, 0x0f00 | opcode, reg, rm);
}

static void sse_rm(Emit *e, unsigned prefix, unsigned opcode, unsigned reg, unsigned base, int32_t disp)
{
    sse_prefix(e, prefix);
    em_rm(e, prefix == PFX_66 ? 1 : 2, 0x0f00 | opcode, reg, base, disp);
}

/* With a general register of 4 or 8 bytes. */
static void sse_rr_sized(Emit *e, unsigned size, unsigned prefix, unsigned opcode, unsigned reg, unsigned rm)
{
    if (prefix == PFX_66) {
        em8(e, 0x66);
    }
    sse_prefix(e, prefix);
    em_rr(e, size, 0x0f00 | opcode, reg, rm);
}

static void load_xmm(Emit *e, unsigned host, unsigned guest)
{
    sse_rm(e, PFX_NONE, 0x10, host, H_CPU, XMM_OFF(guest));
}

static void store_xmm(Emit *e, unsigned host, unsigned guest)
{
    sse_rm(e, PFX_NONE, 0x11, host, H_CPU, XMM_OFF(guest));
}

/* ---- may it run? ---- */

/* CR0 and CR4 are looked at once, until a handler might have changed them. */
static void sse_guard(Translator *t)
{
    flags_before_clobber(t);
    if (t->sse_checked) {
        return;
    }
    em_rm(&t->e, 2, 0xf7, 0, H_CPU, CPU_OFF(cr0));
    em32(&t->e, CR0_EM | CR0_TS);
    handler_if(t, COND_NE);
    em_rm(&t->e, 2, 0xf7, 0, H_CPU, CPU_OFF(cr4));
    em32(&t->e, CR4_OSFXSR);
    handler_if(t, COND_E);
    t->sse_checked = true;
}

void fp_emit_host_mxcsr(Emit *e)
{
    em_rm(e, 2, 0x0fae, 3, H_CPU, CPU_OFF(mxcsr)); /* stmxcsr */
    em_ra(e, 2, 0x0fae, 2, jit_host_mxcsr);        /* ldmxcsr */
}

void fp_emit_guest_mxcsr(Emit *e)
{
    em_rm(e, 2, 0x0fae, 2, H_CPU, CPU_OFF(mxcsr));
}

static void fp_open(Translator *t)
{
    Emit *e = &t->e;
    if (t->fp_open) {
        return;
    }
    em_load(e, 2, H_T1, H_CPU, CPU_OFF(mxcsr));
    em_rr(e, 2, 0xf7, 2, H_T1);
    em_rr(e, 2, 0xf7, 0, H_T1);
    em32(e, MXCSR_MASKS);
    handler_if(t, COND_NE);
    t->cold[t->nb_cold - 1].leave_after = true;
    fp_emit_guest_mxcsr(e);
    t->fp_open = true;
}

void fp_close(Translator *t)
{
    if (t->fp_open) {
        fp_emit_host_mxcsr(&t->e);
        t->fp_open = false;
    }
}

/* ---- operands ---- */

static unsigned operand_bytes(unsigned prefix)
{
    return prefix == PFX_F3 ? 4 : prefix == PFX_F2 ? 8 : 16;
}

/* H_ADDR = memory operand of `bytes`; 16-byte ones are aligned where the row says so. */
static void sse_memory(Translator *t, unsigned bytes, bool write)
{
    bool aligned = bytes == 16 && (t->d->info->attributes & ALIGN16);
    mem_operand_aligned(t, bytes, write, aligned);
}

/* xmm1 = second operand */
static void load_second(Translator *t, unsigned bytes)
{
    const DecodedInsn *d = t->d;
    if (!insn_is_mem(d)) {
        load_xmm(&t->e, XMM1, d->rm);
        return;
    }
    sse_memory(t, bytes, false);
    sse_rm(&t->e, bytes == 4 ? PFX_F3 : bytes == 8 ? PFX_F2 : PFX_NONE, 0x10, XMM1, H_ADDR, 0);
}

/* ---- rules ---- */

/* first op= second */
static void rule_packed(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    load_second(t, 16);
    load_xmm(&t->e, XMM0, d->reg);
    sse_rr(&t->e, d->info->prefix, d->info->opcode, XMM0, XMM1);
    store_xmm(&t->e, XMM0, d->reg);
}

static void rule_packed_imm(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    load_second(t, 16);
    load_xmm(&t->e, XMM0, d->reg);
    sse_rr(&t->e, d->info->prefix, d->info->opcode, XMM0, XMM1);
    em8(&t->e, (unsigned)d->imm);
    store_xmm(&t->e, XMM0, d->reg);
}

static void rule_shift_group(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    load_xmm(&t->e, XMM0, d->rm);
    sse_rr(&t->e, PFX_66, d->info->opcode, (unsigned)d->info->modrm.reg, XMM0);
    em8(&t->e, (unsigned)d->imm);
    store_xmm(&t->e, XMM0, d->rm);
}

static void rule_arithmetic(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    fp_open(t);
    load_second(t, operand_bytes(d->info->prefix));
    load_xmm(&t->e, XMM0, d->reg);
    sse_rr(&t->e, d->info->prefix, d->info->opcode, XMM0, XMM1);
    store_xmm(&t->e, XMM0, d->reg);
}

/* CVTSS2SD and the like: the operand's size is not always that of the prefix. */
static void rule_convert(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned prefix = d->info->prefix;
    bool half = (d->info->opcode == 0x5a && prefix == PFX_NONE) || (d->info->opcode == 0xe6 && prefix == PFX_F3);
    bool scalar = d->info->opcode == 0x5a;
    sse_guard(t);
    fp_open(t);
    load_second(t, half ? 8 : scalar ? operand_bytes(prefix) : 16);
    load_xmm(&t->e, XMM0, d->reg);
    sse_rr(&t->e, prefix, d->info->opcode, XMM0, XMM1);
    store_xmm(&t->e, XMM0, d->reg);
}

/* CMPPS CMPPD CMPSS CMPSD */
static void rule_compare_mask(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    fp_open(t);
    load_second(t, operand_bytes(d->info->prefix));
    load_xmm(&t->e, XMM0, d->reg);
    sse_rr(&t->e, d->info->prefix, 0xc2, XMM0, XMM1);
    em8(&t->e, (unsigned)d->imm & 7);
    store_xmm(&t->e, XMM0, d->reg);
}

/* UCOMISS COMISS UCOMISD COMISD: the host's flags are all defined. */
static void rule_compare(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned prefix = d->info->prefix;
    sse_guard(t);
    fp_open(t);
    load_second(t, prefix == PFX_66 ? 8 : 4);
    load_xmm(&t->e, XMM0, d->reg);
    sse_rr(&t->e, prefix, d->info->opcode, XMM0, XMM1);
    flags_set(t, false);
}

/* CVTSI2SS CVTSI2SD */
static void rule_from_int(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    fp_open(t);
    unsigned source = H_T1;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << d->op_size, false);
        em_load(&t->e, d->op_size, H_T1, H_ADDR, 0);
    } else {
        source = host_reg(t, d->rm);
    }
    load_xmm(&t->e, XMM0, d->reg);
    sse_rr_sized(&t->e, d->op_size, d->info->prefix, 0x2a, XMM0, source);
    store_xmm(&t->e, XMM0, d->reg);
}

/* CVTTSS2SI CVTSS2SI CVTTSD2SI CVTSD2SI */
static void rule_to_int(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    fp_open(t);
    load_second(t, operand_bytes(d->info->prefix));
    sse_rr_sized(&t->e, d->op_size, d->info->prefix, d->info->opcode, host_reg_out(t, d->reg), XMM1);
}

/* MOVUPS MOVAPS MOVUPD MOVAPD MOVDQA MOVDQU */
static void rule_mov_load(Translator *t)
{
    sse_guard(t);
    load_second(t, 16);
    store_xmm(&t->e, XMM1, t->d->reg);
}

static void rule_mov_store(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    load_xmm(&t->e, XMM0, d->reg);
    if (!insn_is_mem(d)) {
        store_xmm(&t->e, XMM0, d->rm);
        return;
    }
    sse_memory(t, 16, true);
    load_xmm(&t->e, XMM0, d->reg);
    sse_rm(&t->e, PFX_NONE, 0x11, XMM0, H_ADDR, 0);
}

/* MOVSS MOVSD: from memory the rest is cleared, from a register it stays. */
static void rule_mov_scalar_load(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned bytes = operand_bytes(d->info->prefix), size = bytes == 4 ? 2 : 3;
    sse_guard(t);
    if (insn_is_mem(d)) {
        load_second(t, bytes);
        store_xmm(&t->e, XMM1, d->reg);
    } else {
        em_load(&t->e, size, H_T1, H_CPU, XMM_OFF(d->rm));
        em_store(&t->e, size, H_T1, H_CPU, XMM_OFF(d->reg));
    }
}

static void scalar_store(Translator *t, unsigned size)
{
    const DecodedInsn *d = t->d;
    mem_operand(t, 1u << size, true);
    em_load(&t->e, size, H_T1, H_CPU, XMM_OFF(d->reg));
    em_store(&t->e, size, H_T1, H_ADDR, 0);
}

static void rule_mov_scalar_store(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned size = d->info->prefix == PFX_F3 ? 2 : 3;
    sse_guard(t);
    if (insn_is_mem(d)) {
        scalar_store(t, size);
    } else {
        em_load(&t->e, size, H_T1, H_CPU, XMM_OFF(d->reg));
        em_store(&t->e, size, H_T1, H_CPU, XMM_OFF(d->rm));
    }
}

/* MOVLPS MOVLPD MOVHPS MOVHPD: one half from memory; MOVHLPS MOVLHPS: from the other half of a register. */
static void rule_mov_half_load(Translator *t)
{
    const DecodedInsn *d = t->d;
    int32_t high = d->info->opcode == 0x16 ? 8 : 0;
    sse_guard(t);
    if (insn_is_mem(d)) {
        mem_operand(t, 8, false);
        em_load(&t->e, 3, H_T1, H_ADDR, 0);
    } else {
        em_load(&t->e, 3, H_T1, H_CPU, XMM_OFF(d->rm) + 8 - high);
    }
    em_store(&t->e, 3, H_T1, H_CPU, XMM_OFF(d->reg) + high);
}

static void rule_mov_half_store(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    mem_operand(t, 8, true);
    em_load(&t->e, 3, H_T1, H_CPU, XMM_OFF(d->reg) + (d->info->opcode == 0x17 ? 8 : 0));
    em_store(&t->e, 3, H_T1, H_ADDR, 0);
}

/* PMOVMSKB MOVMSKPS MOVMSKPD */
static void rule_mask(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    load_xmm(&t->e, XMM1, d->rm);
    sse_rr(&t->e, d->info->prefix, d->info->opcode, host_reg_out(t, d->reg), XMM1);
}

/* PEXTRW r32, xmm, imm */
static void rule_extract_word(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    em_rm(&t->e, 2, 0x0fb7, host_reg_out(t, d->reg), H_CPU, XMM_OFF(d->rm) + 2 * (int32_t)(d->imm & 7));
}

/* MOVD, MOVQ xmm, r/m: the rest is cleared. */
static void rule_movd_load(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    if (insn_is_mem(d)) {
        load_second(t, 1u << d->op_size);
    } else {
        sse_rr_sized(&t->e, d->op_size, PFX_66, 0x6e, XMM1, host_reg(t, d->rm));
    }
    store_xmm(&t->e, XMM1, d->reg);
}

static void rule_movd_store(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    if (insn_is_mem(d)) {
        scalar_store(t, d->op_size);
    } else {
        em_load(&t->e, d->op_size, host_reg_out(t, d->rm), H_CPU, XMM_OFF(d->reg));
    }
}

/* MOVQ xmm, xmm/m64 */
static void rule_movq_load(Translator *t)
{
    const DecodedInsn *d = t->d;
    sse_guard(t);
    if (insn_is_mem(d)) {
        load_second(t, 8);
    } else {
        sse_rm(&t->e, PFX_F3, 0x7e, XMM1, H_CPU, XMM_OFF(d->rm));
    }
    store_xmm(&t->e, XMM1, d->reg);
}

static void rule_movq_store(Translator *t)
{
    sse_guard(t);
    scalar_store(t, 3);
}

/* ---- which rule ---- */

static bool is_packed_integer(unsigned op)
{
    static const uint8_t ranges[][2] = { { 0x60, 0x6d }, { 0x74, 0x76 }, { 0xd1, 0xd5 }, { 0xd8, 0xe5 },
                                         { 0xe8, 0xef }, { 0xf1, 0xf6 }, { 0xf8, 0xfe } };
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        if (op >= ranges[i][0] && op <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

static Rule *rule_packed_or_float(unsigned op, unsigned prefix)
{
    switch (op) {
    case 0x58:
    case 0x59:
    case 0x5c ... 0x5f:
    case 0x51:
        return rule_arithmetic;
    case 0x14:
    case 0x15:
    case 0x54 ... 0x57:
        return prefix == PFX_NONE || prefix == PFX_66 ? rule_packed : NULL;
    case 0x70:
        return prefix == PFX_NONE ? NULL : rule_packed_imm;
    case 0xc6:
        return rule_packed_imm;
    case 0x5a:
    case 0x5b:
    case 0xe6:
        return rule_convert;
    case 0xc2:
        return rule_compare_mask;
    case 0x2e:
    case 0x2f:
        return rule_compare;
    default:
        return prefix == PFX_66 && is_packed_integer(op) ? rule_packed : NULL;
    }
}

static Rule *rule_move(const DecodedInsn *d, unsigned op, unsigned prefix)
{
    bool scalar = prefix == PFX_F3 || prefix == PFX_F2;
    switch (op) {
    case 0x10:
        return scalar ? rule_mov_scalar_load : rule_mov_load;
    case 0x11:
        return scalar ? rule_mov_scalar_store : rule_mov_store;
    case 0x28:
        return rule_mov_load;
    case 0x29:
        return rule_mov_store;
    case 0x6f:
        return prefix == PFX_NONE ? NULL : rule_mov_load;
    case 0x7f:
        return prefix == PFX_NONE ? NULL : rule_mov_store;
    case 0x6e:
        return prefix == PFX_66 && d->op_size >= 2 ? rule_movd_load : NULL;
    case 0x7e:
        return prefix == PFX_F3 ? rule_movq_load : prefix == PFX_66 && d->op_size >= 2 ? rule_movd_store : NULL;
    case 0xd6:
        return prefix == PFX_66 && insn_is_mem(d) ? rule_movq_store : NULL;
    case 0x2a:
        return scalar && d->op_size >= 2 ? rule_from_int : NULL;
    case 0x2c:
    case 0x2d:
        return scalar && d->op_size >= 2 ? rule_to_int : NULL;
    case 0x12:
    case 0x16:
        return scalar ? NULL : rule_mov_half_load;
    case 0x13:
    case 0x17:
        return scalar ? NULL : rule_mov_half_store;
    case 0x2b:
    case 0xe7:
        return scalar ? NULL : rule_mov_store;
    case 0x50:
    case 0xd7:
        return rule_mask;
    case 0xc5:
        return prefix == PFX_66 ? rule_extract_word : NULL;
    case 0x71 ... 0x73:
        return prefix == PFX_66 ? rule_shift_group : NULL;
    default:
        return NULL;
    }
}

Rule *rule_for_sse(const DecodedInsn *d)
{
    const InsnInfo *info = d->info;
    if (info->map != M_0F || !(info->attributes & SSE) || (info->attributes & (MMX | VEX_INSN))) {
        return NULL;
    }
    Rule *rule = rule_move(d, info->opcode, info->prefix);
    return rule ? rule : rule_packed_or_float(info->opcode, info->prefix);
}
