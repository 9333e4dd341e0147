/* accel/jit/translate-mov.c  Moves, extensions, addresses, the stack, SETcc, CMOVcc. */
#include "accel/jit/translate.h"

#define TMP_OFF CPU_OFF(jit.tmp)

/* ---- MOV ---- */

/* The host register of G or E as a target that is overwritten: whole from 32 bits on. */
static unsigned target_reg(Translator *t, unsigned guest)
{
    if (t->d->op_size >= 2) {
        return host_reg_out(t, guest);
    }
    unsigned reg = host_reg_sized(t, guest, t->d->op_size);
    reg_changed(t, guest);
    return reg;
}

static void rule_mov_e_g(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned size = d->op_size, reg = host_reg_sized(t, d->reg, size);
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << size, true);
        em_store(&t->e, size, reg, H_ADDR, t->at);
    } else {
        em_mov_rr(&t->e, size, target_reg(t, d->rm), reg);
    }
}

static void rule_mov_g_e(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned size = d->op_size;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << size, false);
        em_load(&t->e, size, target_reg(t, d->reg), H_ADDR, t->at);
    } else {
        unsigned from = host_reg_sized(t, d->rm, size);
        em_mov_rr(&t->e, size, target_reg(t, d->reg), from);
    }
}

/* MOV between memory and AH..BH, which cannot be encoded together with H_ADDR: the register's halves change places. */
static void rule_mov_high(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned low = d->reg & 3;
    bool store = d->info->opcode == 0x88;
    mem_operand(t, 1, store);
    em_rr(&t->e, 0, 0x86, H_HIGH | low, low);
    if (store) {
        em_store(&t->e, 0, low, H_ADDR, t->at);
    } else {
        em_load(&t->e, 0, low, H_ADDR, t->at);
    }
    em_rr(&t->e, 0, 0x86, H_HIGH | low, low);
}

static void mov_reg_constant(Translator *t, unsigned guest, uint64_t value)
{
    unsigned size = t->d->op_size, reg = target_reg(t, guest);
    if (size >= 2) {
        em_mov_ri64(&t->e, reg, size == 2 ? (uint32_t)value : value);
        return;
    }
    em_rr(&t->e, size, size ? 0xc7 : 0xc6, 0, reg);
    em_imm(&t->e, size, (int32_t)value);
}

static void rule_mov_e_i(Translator *t)
{
    const DecodedInsn *d = t->d;
    if (!insn_is_mem(d)) {
        mov_reg_constant(t, d->rm, d->imm);
        return;
    }
    mem_operand(t, 1u << d->op_size, true);
    em_rm(&t->e, d->op_size, d->op_size ? 0xc7 : 0xc6, 0, H_ADDR, t->at);
    em_imm(&t->e, d->op_size, (int32_t)d->imm);
}

static void rule_mov_z_i(Translator *t)
{
    mov_reg_constant(t, t->d->reg, t->d->imm);
}

static void rule_mov_a_o(Translator *t)
{
    mem_operand(t, 1u << t->d->op_size, false);
    em_load(&t->e, t->d->op_size, H_RAX, H_ADDR, t->at);
}

static void rule_mov_o_a(Translator *t)
{
    mem_operand(t, 1u << t->d->op_size, true);
    em_store(&t->e, t->d->op_size, H_RAX, H_ADDR, t->at);
}

/* MOVZX, MOVSX: the source is a byte or a word. */
static void rule_extend(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned opcode = 0x0f00 | d->info->opcode, from = d->info->opcode & 1;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << from, false);
        em_rm(&t->e, d->op_size, opcode, target_reg(t, d->reg), H_ADDR, t->at);
    } else {
        unsigned source = host_reg_sized(t, d->rm, from);
        em_rr(&t->e, d->op_size, opcode, target_reg(t, d->reg), source);
    }
}

/* MOVSXD */
static void rule_extend_dword(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned opcode = d->op_size == 3 ? 0x63 : 0x8b;
    if (insn_is_mem(d)) {
        mem_operand(t, 4, false);
        em_rm(&t->e, d->op_size, opcode, target_reg(t, d->reg), H_ADDR, t->at);
    } else {
        unsigned source = host_reg(t, d->rm);
        em_rr(&t->e, d->op_size, opcode, target_reg(t, d->reg), source);
    }
}

static void rule_xchg_e_g(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned size = d->op_size, reg = host_reg_sized(t, d->reg, size);
    reg_changed(t, d->reg);
    if (!insn_is_mem(d)) {
        em_rr(&t->e, size, size ? 0x87 : 0x86, reg, host_reg_sized(t, d->rm, size));
        reg_changed(t, d->rm);
        return;
    }
    mem_operand(t, 1u << size, true);
    em_load(&t->e, size, H_T1, H_ADDR, t->at);
    em_store(&t->e, size, reg, H_ADDR, t->at);
    em_mov_rr(&t->e, size, reg, H_T1);
}

static void rule_xchg_z_a(Translator *t)
{
    em_rr(&t->e, t->d->op_size, 0x87, host_reg(t, t->d->reg), H_RAX);
    reg_changed(t, t->d->reg);
}

static void rule_lea(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned size = d->op_size == 3 && d->addr_size == 3 ? 3 : 2;
    if (d->base == R_EIP) {
        mov_reg_constant(t, d->reg, (t->next_ip + (uint64_t)d->disp) & d->ea_mask);
        return;
    }
    unsigned base = d->base == R_ZERO ? H_NONE : host_reg(t, d->base);
    unsigned index = d->index == R_ZERO ? H_NONE : host_reg(t, d->index);
    bool direct = d->op_size >= 2 && d->addr_size >= 2;
    unsigned to = direct ? target_reg(t, d->reg) : H_T1;
    em_rx(&t->e, size, 0x8d, to, base, index, d->scale, (int32_t)d->disp);
    if (d->addr_size == 1) {
        em_rr(&t->e, 2, 0x0fb7, H_T1, H_T1);
    }
    if (!direct) {
        em_mov_rr(&t->e, d->op_size, target_reg(t, d->reg), H_T1);
    }
}

/* CBW CWDE CDQE, CWD CDQ CQO */
static void rule_widen(Translator *t)
{
    if (t->d->op_size != 2) {
        em8(&t->e, t->d->op_size == 1 ? 0x66 : 0x48);
    }
    em8(&t->e, t->d->info->opcode);
}

static void rule_bswap(Translator *t)
{
    unsigned reg = host_reg(t, t->d->reg), rex = (t->d->op_size == 3 ? 8 : 0) | reg >> 3;
    if (rex) {
        em8(&t->e, 0x40 | rex);
    }
    reg_changed(t, t->d->reg);
    em8(&t->e, 0x0f);
    em8(&t->e, 0xc8 | (reg & 7));
}

static void rule_nop(Translator *t)
{
    (void)t;
}

/* ---- conditions ---- */

static void rule_setcc(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned cond = flags_want_condition(t, d->info->opcode & 15);
    if (!insn_is_mem(d)) {
        em_rr(&t->e, 0, 0x0f90 | cond, 0, host_reg_sized(t, d->rm, 0));
        reg_changed(t, d->rm);
        return;
    }
    em_rm(&t->e, 0, 0x0f90 | cond, 0, H_CPU, TMP_OFF);
    mem_operand(t, 1, true);
    em_load(&t->e, 0, H_T1, H_CPU, TMP_OFF);
    em_store(&t->e, 0, H_T1, H_ADDR, t->at);
}

static void rule_cmov(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned source = H_T1, target = host_reg(t, d->reg);
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << d->op_size, false);
        em_load(&t->e, d->op_size, H_T1, H_ADDR, t->at);
    } else {
        source = host_reg(t, d->rm);
    }
    unsigned cond = flags_want_condition(t, d->info->opcode & 15);
    em_rr(&t->e, d->op_size, 0x0f40 | cond, target, source);
    reg_changed(t, d->reg);
}

/* ---- stack: items and stack pointer of the native size ---- */

static int32_t item_bytes(const Translator *t)
{
    return 1 << native_size(t);
}

static void adjust_sp(Translator *t, int32_t by)
{
    em_rm(&t->e, native_size(t), 0x8d, H_R12, H_R12, by);
}

static void push_probe(Translator *t)
{
    mem_stack(t, R_ESP, -item_bytes(t), (unsigned)item_bytes(t), true);
}

static void rule_push_z(Translator *t)
{
    unsigned reg = host_reg(t, t->d->reg);
    push_probe(t);
    em_store(&t->e, native_size(t), reg, H_ADDR, t->at);
    adjust_sp(t, -item_bytes(t));
}

static void rule_push_i(Translator *t)
{
    push_probe(t);
    em_rm(&t->e, native_size(t), 0xc7, 0, H_ADDR, t->at);
    em32(&t->e, (uint32_t)t->d->imm);
    adjust_sp(t, -item_bytes(t));
}

static void rule_push_e(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned reg = H_T1, size = native_size(t);
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << size, false);
        em_load(&t->e, size, H_T1, H_ADDR, t->at);
        em_store(&t->e, size, H_T1, H_CPU, TMP_OFF);
    } else {
        reg = host_reg(t, d->rm);
    }
    push_probe(t);
    if (insn_is_mem(d)) {
        em_load(&t->e, size, H_T1, H_CPU, TMP_OFF);
    }
    em_store(&t->e, size, reg, H_ADDR, t->at);
    adjust_sp(t, -item_bytes(t));
}

static void rule_pop_z(Translator *t)
{
    mem_stack(t, R_ESP, 0, (unsigned)item_bytes(t), false);
    unsigned reg = host_reg_out(t, t->d->reg);
    em_load(&t->e, native_size(t), reg, H_ADDR, t->at);
    if (reg != H_R12) {
        adjust_sp(t, item_bytes(t));
    }
}

static void rule_leave(Translator *t)
{
    mem_stack(t, R_EBP, 0, (unsigned)item_bytes(t), false);
    em_rm(&t->e, native_size(t), 0x8d, H_R12, H_RBP, item_bytes(t));
    em_load(&t->e, native_size(t), H_RBP, H_ADDR, t->at);
}

/* ---- strings without REP: addresses of the native size ---- */

static void advance(Translator *t, unsigned reg)
{
    em_load(&t->e, 2, H_T1, H_CPU, CPU_OFF(df));
    if (t->code64) {
        em_rr(&t->e, 3, 0x63, H_T1, H_T1); /* movsxd */
    }
    em_rx(&t->e, native_size(t), 0x8d, reg, reg, H_T1, t->d->op_size, 0);
}

static void rule_movs(Translator *t)
{
    unsigned size = t->d->op_size;
    mem_at(t, t->d->seg, R_ESI, 0, 1u << size, false);
    em_load(&t->e, size, H_T1, H_ADDR, t->at);
    em_store(&t->e, size, H_T1, H_CPU, TMP_OFF);
    mem_at(t, R_ES, R_EDI, 0, 1u << size, true);
    em_load(&t->e, size, H_T1, H_CPU, TMP_OFF);
    em_store(&t->e, size, H_T1, H_ADDR, t->at);
    advance(t, H_RSI);
    advance(t, H_RDI);
}

static void rule_stos(Translator *t)
{
    mem_at(t, R_ES, R_EDI, 0, 1u << t->d->op_size, true);
    em_store(&t->e, t->d->op_size, H_RAX, H_ADDR, t->at);
    advance(t, H_RDI);
}

static void rule_lods(Translator *t)
{
    mem_at(t, t->d->seg, R_ESI, 0, 1u << t->d->op_size, false);
    em_load(&t->e, t->d->op_size, H_RAX, H_ADDR, t->at);
    advance(t, H_RSI);
}

static void rule_scas(Translator *t)
{
    mem_at(t, R_ES, R_EDI, 0, 1u << t->d->op_size, false);
    em_rm(&t->e, t->d->op_size, t->d->op_size ? 0x3b : 0x3a, H_RAX, H_ADDR, t->at);
    flags_set(t, false);
    advance(t, H_RDI);
}

/* ---- which rule ---- */

static Rule *string_rule(const Translator *t, const DecodedInsn *d, Rule *rule)
{
    bool repeated = d->prefix & (PREFIX_REP | PREFIX_REPNE);
    return d->addr_size == native_size(t) && !repeated ? rule : NULL;
}

static bool high_with_memory(const DecodedInsn *d)
{
    return insn_is_mem(d) && d->op_size == 0 && (d->reg & REG8_HIGH);
}

static Rule *stack_rule(const Translator *t, const DecodedInsn *d, Rule *rule)
{
    return (t->ctx->mode & (MODE_SS32 | MODE_SS64)) && d->op_size == native_size(t) ? rule : NULL;
}

static Rule *one_byte_rule(const Translator *t, const DecodedInsn *d)
{
    switch (d->info->opcode) {
    case 0x50:
        return stack_rule(t, d, rule_push_z);
    case 0x58:
        return stack_rule(t, d, rule_pop_z);
    case 0x63:
        return t->code64 && d->op_size >= 2 ? rule_extend_dword : NULL;
    case 0x68:
    case 0x6a:
        return stack_rule(t, d, rule_push_i);
    case 0xff:
        return d->info->modrm.reg == 6 ? stack_rule(t, d, rule_push_e) : NULL;
    case 0xc9:
        return stack_rule(t, d, rule_leave);
    case 0x86:
    case 0x87:
        return high_with_memory(d) ? NULL : rule_xchg_e_g;
    case 0x88:
    case 0x89:
        return high_with_memory(d) ? rule_mov_high : rule_mov_e_g;
    case 0x8a:
    case 0x8b:
        return high_with_memory(d) ? rule_mov_high : rule_mov_g_e;
    case 0x8d:
        return rule_lea;
    case 0x90:
        return d->info->modrm.plus_r ? rule_xchg_z_a : rule_nop;
    case 0x98:
    case 0x99:
        return rule_widen;
    case 0xa0:
    case 0xa1:
        return rule_mov_a_o;
    case 0xa2:
    case 0xa3:
        return rule_mov_o_a;
    case 0xa4:
    case 0xa5:
        return string_rule(t, d, rule_movs);
    case 0xaa:
    case 0xab:
        return string_rule(t, d, rule_stos);
    case 0xac:
    case 0xad:
        return string_rule(t, d, rule_lods);
    case 0xae:
    case 0xaf:
        return string_rule(t, d, rule_scas);
    case 0xb0:
    case 0xb8:
        return rule_mov_z_i;
    case 0xc6:
    case 0xc7:
        return rule_mov_e_i;
    default:
        return NULL;
    }
}

static Rule *two_byte_rule(const DecodedInsn *d)
{
    switch (d->info->opcode) {
    case 0x0d:
    case 0x18 ... 0x1f:
        return rule_nop;
    case 0x40 ... 0x4f:
        return rule_cmov;
    case 0x90 ... 0x9f:
        return rule_setcc;
    case 0xb6:
    case 0xb7:
    case 0xbe:
    case 0xbf: /* AH..BH cannot be encoded together with R12 */
        return d->reg == R_ESP && !insn_is_mem(d) && (d->rm & REG8_HIGH) ? NULL : rule_extend;
    case 0xae: /* LFENCE MFENCE SFENCE: nobody else looks at memory meanwhile */
        return !insn_is_mem(d) && d->info->modrm.reg >= 5 && d->info->prefix != PFX_F3 && d->info->prefix != PFX_66
                   ? rule_nop
                   : NULL;
    case 0xc8:
        return d->op_size >= 2 ? rule_bswap : NULL;
    default:
        return NULL;
    }
}

Rule *rule_for_mov(const Translator *t, const DecodedInsn *d)
{
    return d->info->map == M_1B ? one_byte_rule(t, d) : d->info->map == M_0F ? two_byte_rule(d) : NULL;
}
