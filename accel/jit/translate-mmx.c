/*
 * accel/jit/translate-mmx.c  MMX on the host's MMX: its registers are the x87's (x87-state.c), so TOP, tags and
 * exponents change as they do in the guest, and EMMS is EMMS. SDM volume 1, 9.5; volume 2.
 */
#include "accel/jit/translate.h"

/* op mm, mm/m; `bytes` of memory */
static void operation(Translator *t, unsigned bytes)
{
    const DecodedInsn *d = t->d;
    unsigned op = 0x0f00 | d->info->opcode;
    if (insn_is_mem(d)) {
        mem_operand(t, bytes, false);
        em_rm(&t->e, 2, op, d->reg & 7, H_ADDR, t->at);
    } else {
        em_rr(&t->e, 2, op, d->reg & 7, d->rm & 7);
    }
}

static void rule_operation(Translator *t)
{
    operation(t, t->d->info->operands[1] == OPERAND_Qd ? 4 : 8);
}

static void rule_pshufw(Translator *t)
{
    operation(t, 8);
    em8(&t->e, (unsigned)t->d->imm);
}

static void rule_shift(Translator *t)
{
    const InsnInfo *info = t->d->info;
    em_rr(&t->e, 2, 0x0f00 | info->opcode, (unsigned)info->modrm.reg, t->d->rm & 7);
    em8(&t->e, (unsigned)t->d->imm);
}

/* MOVQ MOVNTQ */
static void rule_store(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned op = 0x0f00 | d->info->opcode;
    if (insn_is_mem(d)) {
        mem_operand(t, 8, true);
        em_rm(&t->e, 2, op, d->reg & 7, H_ADDR, t->at);
    } else {
        em_rr(&t->e, 2, op, d->reg & 7, d->rm & 7);
    }
}

/* MOVD: 4 bytes, or 8 with REX.W */
static void rule_movd(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned op = 0x0f00 | d->info->opcode, size = d->op_size == 3 ? 3 : 2;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << size, d->info->attributes & WRITES_MEM);
        em_rm(&t->e, size, op, d->reg & 7, H_ADDR, t->at);
    } else {
        bool to_general = d->info->opcode == 0x7e;
        em_rr(&t->e, size, op, d->reg & 7, to_general ? host_reg_out(t, d->rm) : host_reg(t, d->rm));
    }
}

static void rule_pinsrw(Translator *t)
{
    const DecodedInsn *d = t->d;
    if (insn_is_mem(d)) {
        mem_operand(t, 2, false);
        em_rm(&t->e, 2, 0x0fc4, d->reg & 7, H_ADDR, t->at);
    } else {
        em_rr(&t->e, 2, 0x0fc4, d->reg & 7, host_reg(t, d->rm));
    }
    em8(&t->e, (unsigned)d->imm);
}

/* PEXTRW PMOVMSKB */
static void rule_to_general(Translator *t)
{
    const DecodedInsn *d = t->d;
    em_rr(&t->e, 2, 0x0f00 | d->info->opcode, host_reg_out(t, d->reg), d->rm & 7);
    if (d->info->opcode == 0xc5) {
        em8(&t->e, (unsigned)d->imm);
    }
}

static void rule_emms(Translator *t)
{
    em16(&t->e, 0x770f);
}

Rule *rule_for_mmx(const DecodedInsn *d)
{
    const InsnInfo *info = d->info;
    if (info->map != M_0F || !(info->attributes & MMX) || (info->attributes & SSE) || info->prefix != PFX_NONE) {
        return NULL;
    }
    switch (info->opcode) {
    case 0x6e:
    case 0x7e:
        return rule_movd;
    case 0x70:
        return rule_pshufw;
    case 0x71 ... 0x73:
        return rule_shift;
    case 0x77:
        return rule_emms;
    case 0x7f:
    case 0xe7:
        return rule_store;
    case 0xc4:
        return rule_pinsrw;
    case 0xc5:
    case 0xd7:
        return rule_to_general;
    case 0xf7: /* MASKMOVQ */
        return NULL;
    default:
        return rule_operation;
    }
}
