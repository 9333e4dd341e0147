/*
 * accel/jit/translate-sse.c  SSE, SSE2 and SSE3 on the host's SSE (translate-state.c): the guest's own instructions
 * with the same XMM registers, other general registers and translated addresses. SDM volume 2.
 *
 * Results, NaNs and flags in MXCSR are defined completely while exceptions are masked (hostfloat.h). Reciprocal
 * approximations differ among hosts and are never done here.
 */
#include "accel/jit/translate.h"
#include "target/i386/hostfloat.h"

/* ---- encoding ---- */

static void prefix(Emit *e, const InsnInfo *info)
{
    static const uint8_t bytes[] = { [PFX_66] = 0x66, [PFX_F3] = 0xf3, [PFX_F2] = 0xf2 };
    if (info->prefix != PFX_NONE) {
        em8(e, bytes[info->prefix]);
    }
}

/* size: of a general register, if there is one; else 2. */
static void emit_register_form(Emit *e, const InsnInfo *info, unsigned size, unsigned reg, unsigned rm)
{
    prefix(e, info);
    em_rr(e, size, 0x0f00 | info->opcode, reg, rm);
}

static void emit_memory_form(Translator *t, unsigned size, unsigned reg)
{
    const InsnInfo *info = t->d->info;
    prefix(&t->e, info);
    em_rm(&t->e, size, 0x0f00 | info->opcode, reg, H_ADDR, t->at);
}

/* ---- operands ---- */

static unsigned kind_bytes(unsigned kind, const DecodedInsn *d)
{
    switch (kind) {
    case OPERAND_Ew:
        return 2;
    case OPERAND_Wss:
    case OPERAND_Md:
        return 4;
    case OPERAND_Wq:
    case OPERAND_Mq:
    case OPERAND_Wsd:
        return 8;
    case OPERAND_Ey:
        return 1u << d->op_size;
    case OPERAND_Wx:
    case OPERAND_Wdq:
    case OPERAND_Wps:
    case OPERAND_Wpd:
    case OPERAND_Mdq:
        return 16;
    default:
        return 0;
    }
}

unsigned sse_operand_bytes(const DecodedInsn *d)
{
    unsigned first = kind_bytes(d->info->operands[0], d);
    return first ? first : kind_bytes(d->info->operands[1], d);
}

static void memory_form(Translator *t, unsigned size, unsigned reg)
{
    const DecodedInsn *d = t->d;
    uint32_t attributes = d->info->attributes;
    mem_operand_aligned(t, sse_operand_bytes(d), attributes & WRITES_MEM, attributes & ALIGN16);
    emit_memory_form(t, size, reg);
}

static void immediate(Translator *t)
{
    const uint8_t *operands = t->d->info->operands;
    if (operands[1] == OPERAND_Ib || operands[2] == OPERAND_Ib) {
        em8(&t->e, (unsigned)t->d->imm);
    }
}

/* ---- rules ---- */

/* xmm and xmm or memory, either way */
static void rule_vector(Translator *t)
{
    const DecodedInsn *d = t->d;
    if (insn_is_mem(d)) {
        memory_form(t, 2, d->reg);
    } else {
        emit_register_form(&t->e, d->info, 2, d->reg, d->rm);
    }
    immediate(t);
}

/* UCOMISS COMISS UCOMISD COMISD: the host's flags are all defined. */
static void rule_compare(Translator *t)
{
    flags_before_clobber(t);
    rule_vector(t);
    flags_set(t, false);
}

static void rule_shift_group(Translator *t)
{
    const DecodedInsn *d = t->d;
    emit_register_form(&t->e, d->info, 2, (unsigned)d->info->modrm.reg, d->rm);
    immediate(t);
}

/* The r/m operand is a general register: MOVD MOVQ CVTSI2SS CVTSI2SD PINSRW */
static void rule_general_rm(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned size = d->op_size == 3 ? 3 : 2;
    if (insn_is_mem(d)) {
        memory_form(t, size, d->reg);
    } else {
        bool written = d->info->attributes & WRITES_MEM;
        unsigned rm = written ? host_reg_out(t, d->rm) : host_reg(t, d->rm);
        emit_register_form(&t->e, d->info, size, d->reg, rm);
    }
    immediate(t);
}

/* The result goes to a general register: conversions, PEXTRW PMOVMSKB MOVMSKPS MOVMSKPD */
static void rule_general_result(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned size = d->info->operands[0] == OPERAND_Gy && d->op_size == 3 ? 3 : 2;
    if (insn_is_mem(d)) {
        mem_operand(t, sse_operand_bytes(d), false);
        emit_memory_form(t, size, host_reg_out(t, d->reg));
    } else {
        emit_register_form(&t->e, d->info, size, host_reg_out(t, d->reg), d->rm);
    }
    immediate(t);
}

/* Only values that leave everything masked; a reserved bit raises #GP. */
static void rule_ldmxcsr(Translator *t)
{
    Emit *e = &t->e;
    mem_operand(t, 4, false);
    em_load(e, 2, H_T1, H_ADDR, t->at);
    em_alu_ri(e, 2, ALU_AND, H_T1, (int32_t)(~MXCSR_WRITABLE | MXCSR_MASKS));
    em_alu_ri(e, 2, ALU_CMP, H_T1, (int32_t)MXCSR_MASKS);
    handler_if(t, COND_NE);
    emit_memory_form(t, 2, 2);
}

static void rule_stmxcsr(Translator *t)
{
    mem_operand(t, 4, true);
    emit_memory_form(t, 2, 3);
}

/* ---- which rule ---- */

static bool is_general(unsigned kind)
{
    return kind == OPERAND_Gy || kind == OPERAND_Gd;
}

static bool is_general_rm(unsigned kind)
{
    return kind == OPERAND_Ey || kind == OPERAND_Ew;
}

/* RSQRT, RCP: ours. MASKMOVDQU: its memory operand is not in ModRM. */
static bool is_left_out(const InsnInfo *info)
{
    bool is_new = info->feature == FEAT_SSE3 && !__builtin_cpu_supports("sse3");
    bool is_plain = info->feature == FEAT_SSE || info->feature == FEAT_SSE2 || info->feature == FEAT_SSE3;
    return info->opcode == 0x52 || info->opcode == 0x53 || info->opcode == 0xf7 || is_new || !is_plain;
}

static Rule *rule_by_operands(const DecodedInsn *d)
{
    const uint8_t *operands = d->info->operands;
    if (d->info->flags_written) {
        return rule_compare;
    }
    if (is_general_rm(operands[0]) || is_general_rm(operands[1])) {
        return d->op_size >= 2 || operands[1] == OPERAND_Ew ? rule_general_rm : NULL;
    }
    if (insn_is_mem(d) && !sse_operand_bytes(d)) {
        return NULL;
    }
    if (is_general(operands[0])) {
        return d->op_size >= 2 || operands[0] == OPERAND_Gd ? rule_general_result : NULL;
    }
    return operands[1] == OPERAND_Ib ? rule_shift_group : rule_vector;
}

Rule *rule_for_sse(const DecodedInsn *d)
{
    const InsnInfo *info = d->info;
    if (info->map != M_0F || !(info->attributes & SSE) || (info->attributes & (MMX | VEX_INSN | AVX)) ||
        is_left_out(info)) {
        return NULL;
    }
    if (info->opcode == 0xae) {
        return info->modrm.reg == 2 ? rule_ldmxcsr : rule_stmxcsr;
    }
    return rule_by_operands(d);
}
