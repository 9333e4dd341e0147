/*
 * accel/jit/translate-alu.c  Arithmetic, logic, shifts, bit operations: the guest's instruction is encoded again for
 * host registers.
 */
#include "accel/jit/translate.h"

enum { OP_TEST = 8 };

/* ---- operands ---- */

typedef struct Binary {
    unsigned op, size;
    bool mem_first, mem_second, has_imm;
    unsigned guest_first;   /* a register that is changed: to be said */
    unsigned first, second; /* host registers */
    int32_t imm;
} Binary;

/* The memory operand, extended by zeros to 32 bits at least. */
static void load_ext(Translator *t, unsigned size, unsigned to)
{
    if (size < 2) {
        em_rm(&t->e, 2, size ? 0x0fb7 : 0x0fb6, to, H_ADDR, t->at);
    } else {
        em_load(&t->e, size, to, H_ADDR, t->at);
    }
}

static void op_reg(Emit *e, const Binary *b, unsigned reg)
{
    unsigned op = b->op == OP_TEST ? (unsigned)ALU_AND : b->op;
    if (b->has_imm) {
        em_alu_ri(e, b->size, op, reg, b->imm);
    } else {
        em_alu_rr(e, b->size, op, reg, b->second);
    }
}

static bool is_logic(const Binary *b)
{
    return b->op == ALU_AND || b->op == ALU_OR || b->op == ALU_XOR || b->op == OP_TEST;
}

static bool uses_carry(const Binary *b)
{
    return b->op == ALU_ADC || b->op == ALU_SBB;
}

static bool binary_high(const Binary *b)
{
    return b->size == 0 && (((b->mem_first ? 0 : b->first) | (b->has_imm || b->mem_second ? 0 : b->second)) & H_HIGH);
}

static FlagRecipe recipe_alu(const Binary *b)
{
    return (FlagRecipe){
        .kind = RECIPE_ALU, .op = (uint8_t)b->op, .size = (uint8_t)b->size, .has_imm = b->has_imm, .imm = b->imm
    };
}

static FlagRecipe recipe_logic(const Binary *b)
{
    return (FlagRecipe){ .kind = RECIPE_LOGIC, .size = (uint8_t)b->size };
}

/* The result of a logic instruction is in reg: flags with AF = 0. */
static void logic_result(Translator *t, const Binary *b, unsigned reg, bool keep)
{
    if (keep) {
        flags_keep_first(t, reg);
        flags_set_recipe(t, true, recipe_logic(b));
        return;
    }
    bool clear_af = t->on_path[t->k] & CC_A;
    if (clear_af) {
        em_alu_ri(&t->e, b->size, ALU_CMP, reg, 0);
    }
    flags_set(t, !clear_af);
}

static void test_registers(Translator *t, const Binary *b, bool keep)
{
    Emit *e = &t->e;
    bool high = binary_high(b);
    if (!keep && !b->has_imm && b->first == b->second) {
        em_alu_ri(e, b->size, ALU_CMP, b->first, 0);
        flags_set(t, false);
    } else if (high || (!keep && !(t->on_path[t->k] & CC_A))) {
        if (b->has_imm) {
            em_rr(e, b->size, b->size ? 0xf7 : 0xf6, 0, b->first);
            em_imm(e, b->size, b->imm);
        } else {
            em_rr(e, b->size, b->size ? 0x85 : 0x84, b->second, b->first);
        }
        flags_set(t, true);
    } else {
        em_mov_rr(e, 3, H_T1, b->first);
        op_reg(e, b, H_T1);
        logic_result(t, b, H_T1, keep);
    }
}

static void keep_operands(Translator *t, const Binary *b, unsigned first)
{
    flags_keep_first(t, first);
    if (!b->has_imm) {
        flags_keep_second(t, b->second);
    }
}

static void binary_registers(Translator *t, const Binary *b, bool keep)
{
    Emit *e = &t->e;
    if (b->op == OP_TEST) {
        test_registers(t, b, keep);
        return;
    }
    if (is_logic(b)) {
        op_reg(e, b, b->first);
        logic_result(t, b, b->first, keep);
        return;
    }
    if (keep) {
        keep_operands(t, b, b->first);
    }
    op_reg(e, b, b->first);
    if (keep) {
        flags_set_recipe(t, true, recipe_alu(b));
    } else {
        flags_set(t, false);
    }
}

/* reg op= [H_ADDR] */
static void binary_load(Translator *t, const Binary *b, bool keep)
{
    Emit *e = &t->e;
    if (!keep || is_logic(b)) {
        em_rm(e, b->size, b->op * 8 + (b->size ? 3 : 2), b->first, H_ADDR, t->at);
        if (is_logic(b)) {
            logic_result(t, b, b->first, keep);
        } else {
            flags_set(t, false);
        }
        return;
    }
    load_ext(t, b->size, H_T1);
    flags_keep_second(t, H_T1);
    flags_keep_first(t, b->first);
    em_alu_rr(e, b->size, b->op, b->first, H_T1);
    flags_set_recipe(t, true, recipe_alu(b));
}

/* TEST with [H_ADDR] */
static void test_memory(Translator *t, const Binary *b)
{
    Emit *e = &t->e;
    unsigned word = b->size ? 1 : 0;
    if (b->has_imm) {
        em_rm(e, b->size, 0xf6 | word, 0, H_ADDR, t->at);
        em_imm(e, b->size, b->imm);
    } else {
        em_rm(e, b->size, 0x84 | word, b->second, H_ADDR, t->at);
    }
    flags_set(t, true);
}

/* CMP, TEST with [H_ADDR] first */
static void binary_compare_memory(Translator *t, const Binary *b, bool keep)
{
    Emit *e = &t->e;
    if (b->op == OP_TEST && (keep || (t->on_path[t->k] & CC_A))) {
        load_ext(t, b->size, H_T1);
        op_reg(e, b, H_T1);
        logic_result(t, b, H_T1, keep);
        return;
    }
    if (b->op == OP_TEST) {
        test_memory(t, b);
        return;
    }
    if (!keep) {
        if (b->has_imm) {
            em_alu_mi(e, b->size, ALU_CMP, H_ADDR, t->at, b->imm);
        } else {
            em_rm(e, b->size, b->size ? 0x39 : 0x38, b->second, H_ADDR, t->at);
        }
        flags_set(t, false);
        return;
    }
    load_ext(t, b->size, H_T1);
    keep_operands(t, b, H_T1);
    op_reg(e, b, H_T1);
    flags_set_recipe(t, true, recipe_alu(b));
}

/* [H_ADDR] op= */
static void binary_rmw(Translator *t, const Binary *b, bool keep)
{
    Emit *e = &t->e;
    if (is_logic(b) && (keep || (t->on_path[t->k] & CC_A))) {
        load_ext(t, b->size, H_T1);
        op_reg(e, b, H_T1);
        em_store(e, b->size, H_T1, H_ADDR, t->at);
        logic_result(t, b, H_T1, keep);
        return;
    }
    if (keep) {
        load_ext(t, b->size, H_T1);
        keep_operands(t, b, H_T1);
        op_reg(e, b, H_T1);
        em_store(e, b->size, H_T1, H_ADDR, t->at);
        flags_set_recipe(t, true, recipe_alu(b));
        return;
    }
    if (b->has_imm) {
        em_alu_mi(e, b->size, b->op, H_ADDR, t->at, b->imm);
    } else {
        em_rm(e, b->size, b->op * 8 + (b->size ? 1 : 0), b->second, H_ADDR, t->at);
    }
    flags_set(t, is_logic(b));
}

static void emit_binary(Translator *t, const Binary *b)
{
    bool compare = b->op == ALU_CMP || b->op == OP_TEST;
    bool keep = flags_keep_operands(t) && !uses_carry(b) && !binary_high(b);
    if (b->mem_first || b->mem_second) {
        mem_operand(t, 1u << b->size, b->mem_first && !compare);
    }
    if (uses_carry(b)) {
        flags_want_host(t);
    }
    if (!b->mem_first && !compare) {
        reg_changed(t, b->guest_first);
    }
    if (b->mem_second) {
        binary_load(t, b, keep);
    } else if (!b->mem_first) {
        binary_registers(t, b, keep);
    } else if (compare) {
        binary_compare_memory(t, b, keep);
    } else {
        binary_rmw(t, b, keep);
    }
}

/* ---- ADD OR ADC SBB AND SUB XOR CMP TEST ---- */

/* E first: a register or memory. */
static Binary binary_e(Translator *t, unsigned op)
{
    const DecodedInsn *d = t->d;
    Binary b = { .op = op, .size = d->op_size, .mem_first = insn_is_mem(d), .guest_first = d->rm };
    if (!b.mem_first) {
        b.first = host_reg_sized(t, d->rm, d->op_size);
    }
    return b;
}

static void binary_e_g(Translator *t, unsigned op)
{
    Binary b = binary_e(t, op);
    b.second = host_reg_sized(t, t->d->reg, b.size);
    emit_binary(t, &b);
}

static void binary_e_i(Translator *t, unsigned op)
{
    Binary b = binary_e(t, op);
    b.has_imm = true;
    b.imm = (int32_t)t->d->imm;
    emit_binary(t, &b);
}

static void binary_a_i(Translator *t, unsigned op)
{
    const DecodedInsn *d = t->d;
    Binary b = { .op = op, .size = d->op_size, .first = H_RAX, .has_imm = true, .imm = (int32_t)d->imm };
    emit_binary(t, &b);
}

static void rule_alu_e_g(Translator *t)
{
    binary_e_g(t, t->d->info->opcode >> 3);
}

static void rule_alu_g_e(Translator *t)
{
    const DecodedInsn *d = t->d;
    Binary b = { .op = d->info->opcode >> 3,
                 .size = d->op_size,
                 .mem_second = insn_is_mem(d),
                 .guest_first = d->reg,
                 .first = host_reg_sized(t, d->reg, d->op_size) };
    if (!b.mem_second) {
        b.second = host_reg_sized(t, d->rm, d->op_size);
    }
    emit_binary(t, &b);
}

static void rule_alu_a_i(Translator *t)
{
    binary_a_i(t, t->d->info->opcode >> 3);
}

static void rule_alu_e_i(Translator *t)
{
    binary_e_i(t, (unsigned)t->d->info->modrm.reg);
}

static void rule_test_e_g(Translator *t)
{
    binary_e_g(t, OP_TEST);
}

static void rule_test_a_i(Translator *t)
{
    binary_a_i(t, OP_TEST);
}

static void rule_test_e_i(Translator *t)
{
    binary_e_i(t, OP_TEST);
}

/* ---- one operand ---- */

/* INC, DEC leave CF: the host's CF must be the guest's if anybody wants it. */
static void step(Translator *t, unsigned ext, unsigned reg)
{
    const DecodedInsn *d = t->d;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << d->op_size, true);
    }
    if (t->needed[t->k] & CC_C) {
        flags_want_host(t);
    }
    unsigned opcode = d->op_size ? 0xff : 0xfe;
    if (insn_is_mem(d)) {
        em_rm(&t->e, d->op_size, opcode, ext, H_ADDR, t->at);
    } else {
        em_rr(&t->e, d->op_size, opcode, ext, host_reg_sized(t, reg, d->op_size));
        reg_changed(t, reg);
    }
    flags_set(t, false);
}

static void rule_inc_dec_z(Translator *t)
{
    step(t, t->d->info->opcode == 0x48, t->d->reg);
}

static void rule_inc_dec_e(Translator *t)
{
    step(t, (unsigned)t->d->info->modrm.reg, t->d->rm);
}

/* Changes no flags, but the probe of a memory operand does on the host. */
static void rule_not(Translator *t)
{
    const DecodedInsn *d = t->d;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << d->op_size, true);
        em_rm(&t->e, d->op_size, d->op_size ? 0xf7 : 0xf6, 2, H_ADDR, t->at);
    } else {
        em_rr(&t->e, d->op_size, d->op_size ? 0xf7 : 0xf6, 2, host_reg_sized(t, d->rm, d->op_size));
        reg_changed(t, d->rm);
    }
}

/* E, which is changed: its register, or H_T1 with its value, to be stored at H_ADDR. */
static unsigned operand_to_change(Translator *t)
{
    const DecodedInsn *d = t->d;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << d->op_size, true);
        load_ext(t, d->op_size, H_T1);
        return H_T1;
    }
    unsigned reg = host_reg_sized(t, d->rm, d->op_size);
    reg_changed(t, d->rm);
    return reg;
}

static void rule_neg(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned size = d->op_size, reg = operand_to_change(t), opcode = size ? 0xf7 : 0xf6;
    bool mem = insn_is_mem(d), keep = flags_keep_operands(t) && (mem || !is_high_byte(d->rm, size));
    if (keep) {
        flags_keep_first(t, reg);
    }
    em_rr(&t->e, size, opcode, 3, reg);
    if (mem) {
        em_store(&t->e, size, reg, H_ADDR, t->at);
    }
    if (keep) {
        flags_set_recipe(t, true, (FlagRecipe){ .kind = RECIPE_NEG, .size = (uint8_t)size });
    } else {
        flags_set(t, false);
    }
}

/* ---- multiplication, division ---- */

static void imul_two(Translator *t, bool has_imm)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned size = d->op_size, source = H_T1;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << size, false);
        load_ext(t, size, H_T1);
    } else {
        source = host_reg(t, d->rm);
    }
    unsigned target = host_reg(t, d->reg);
    reg_changed(t, d->reg);
    if (t->needed[t->k]) {
        flags_keep_first(t, has_imm ? source : target);
        if (!has_imm) {
            flags_keep_second(t, source);
        }
    }
    if (has_imm) {
        em_rr(e, size, 0x69, target, source);
        em_imm(e, size, (int32_t)d->imm);
    } else {
        em_rr(e, size, 0x0faf, target, source);
    }
    t->flags = (FlagState){ .host = false };
    if (t->needed[t->k]) {
        flags_set_recipe(
            t, false,
            (FlagRecipe){ .kind = RECIPE_IMUL, .size = (uint8_t)size, .has_imm = has_imm, .imm = (int32_t)d->imm });
    }
}

static void rule_imul_g_e(Translator *t)
{
    imul_two(t, false);
}

static void rule_imul_g_e_i(Translator *t)
{
    imul_two(t, true);
}

/* MUL, IMUL of EAX; flags as the two-operand form's, made at once. */
static void rule_mul(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned ext = (unsigned)d->info->modrm.reg, size = d->op_size;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << size, false);
        em_rm(e, size, 0xf7, ext, H_ADDR, t->at);
    } else {
        em_rr(e, size, 0xf7, ext, host_reg(t, d->rm));
    }
    t->flags = (FlagState){ .host = false };
    if (t->needed[t->k]) {
        em_rm(e, 0, 0x0f90, 0, H_CPU, CPU_OFF(jit.flags));
        em_mov_rr(e, 3, H_T2, H_RAX);
        em_alu_ri(e, size, ALU_CMP, H_RAX, 0);
        em8(e, 0x9f);
        em_load(e, 0, H_RAX, H_CPU, CPU_OFF(jit.flags));
        em_rr(e, 0, 0x0a, H_HIGH | H_RAX, H_RAX);
        em_store(e, 1, H_RAX, H_CPU, CPU_OFF(jit.flags));
        em_mov_rr(e, 3, H_RAX, H_T2);
        t->flags.mem = true;
    }
    t->own_recipe = false;
}

/*
 * DIV, IDIV of EDX:EAX or RDX:RAX. The host must not fault: whatever might is left to the handler, and for IDIV also
 * what is not a sign-extended dividend. Flags stay.
 */
static void rule_div(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    bool is_signed = d->info->modrm.reg == 7;
    unsigned size = d->op_size;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << size, false);
        em_load(e, size, H_T1, H_ADDR, t->at);
    } else {
        flags_before_clobber(t);
        em_mov_rr(e, size, H_T1, host_reg(t, d->rm));
    }
    if (is_signed) {
        em_mov_rr(e, size, H_T2, H_RAX);
        em_shift_ri(e, size, 7, H_T2, (8u << size) - 1);
        em_alu_rr(e, size, ALU_CMP, H_T2, H_RDX);
        handler_if(t, COND_NE);
        em_rm(e, size, 0x8d, H_T2, H_T1, 1);
        em_alu_ri(e, size, ALU_CMP, H_T2, 1);
        handler_if(t, COND_BE); /* 0, -1 */
    } else {
        em_alu_rr(e, size, ALU_CMP, H_RDX, H_T1);
        handler_if(t, COND_AE);
    }
    em_rr(e, size, 0xf7, is_signed ? 7 : 6, H_T1);
}

/* ---- shifts ---- */

static unsigned shift_count(const DecodedInsn *d)
{
    return (d->info->opcode >= 0xd0 ? 1 : (unsigned)d->imm) & (d->op_size == 3 ? 63 : 31);
}

/* Flags are those of the last single step: the host defines them for a count of one only. */
static void shift_steps(Emit *e, unsigned size, unsigned op, unsigned reg, unsigned count, bool flags)
{
    if (flags && count > 1) {
        em_shift_ri(e, size, op, reg, count - 1);
        count = 1;
    }
    em_shift_ri(e, size, op, reg, count);
}

static void rule_shift_imm(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned size = d->op_size, reg = operand_to_change(t), count = shift_count(d), op = (unsigned)d->info->modrm.reg;
    bool mem = insn_is_mem(d), needed = t->needed[t->k],
         keep = flags_keep_operands(t) && (mem || !is_high_byte(d->rm, size));
    op = op == 6 ? 4 : op;
    if (keep) {
        flags_keep_first(t, reg);
    }
    shift_steps(e, size, op, reg, count, needed && !keep);
    if (mem) {
        em_store(e, size, reg, H_ADDR, t->at);
    }
    if (keep) {
        flags_set_recipe(
            t, false,
            (FlagRecipe){ .kind = RECIPE_SHIFT, .op = (uint8_t)op, .size = (uint8_t)size, .count = (uint8_t)count });
    } else {
        flags_set(t, true);
    }
}

/* ROL, ROR: CF and OF only, the others stay. */
static void rule_rotate_imm(Translator *t)
{
    const DecodedInsn *d = t->d;
    unsigned size = d->op_size, op = (unsigned)d->info->modrm.reg, reg = operand_to_change(t);
    bool needed = t->needed[t->k];
    if (needed) {
        if (t->needed[t->k] & ~(CC_C | CC_O)) {
            flags_want_host(t);
        }
        bool af_bad = t->flags.af_bad;
        shift_steps(&t->e, size, op, reg, shift_count(d), true);
        flags_set(t, af_bad);
        return;
    }
    em_shift_ri(&t->e, size, op, reg, shift_count(d));
    t->flags = (FlagState){ .host = false };
}

/* By CL: a count of zero changes no flag, any other those of the last single step. Not ECX itself. */
static void rule_shift_cl(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned size = d->op_size, op = (unsigned)d->info->modrm.reg, reg = operand_to_change(t);
    op = op == 6 ? 4 : op;
    if (!t->needed[t->k]) {
        em_rr(e, size, size ? 0xd3 : 0xd2, op, reg);
        t->flags = (FlagState){ .host = false };
        return;
    }
    flags_want_mem(t);
    em_rr(e, 0, 0xf6, 0, H_RCX); /* test cl, imm8 */
    em8(e, size == 3 ? 63 : 31);
    uint8_t *none = em_jcc_later(e, COND_E);
    em_rm(e, 3, 0x8d, H_RCX, H_RCX, -1);
    em_rr(e, size, size ? 0xd3 : 0xd2, op, reg);
    em_shift_ri(e, size, op, reg, 1);
    em_rm(e, 3, 0x8d, H_RCX, H_RCX, 1);
    flags_emit_save(e, true);
    em_patch(none, e->rx_delta, em_here(e));
    if (size == 2) {
        em_mov_rr(e, 2, reg, reg); /* the upper half is cleared whatever the count */
    }
    t->flags = (FlagState){ .mem = true };
}

/* By a constant, flags wanted: they are those of the last single step, which AF is not. */
static void rule_double_shift_flags(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned size = d->op_size, reg = host_reg(t, d->rm), opcode = 0x0f00 | d->info->opcode;
    unsigned count = (unsigned)d->imm & (size == 3 ? 63 : 31), single = d->info->opcode == 0xa4 ? 4 : 5;
    reg_changed(t, d->rm);
    em_mov_rr(e, size, H_T1, host_reg(t, d->reg));
    if (count > 1) {
        em_rr(e, size, opcode, H_T1, reg);
        em8(e, count - 1);
        em_shift_ri(e, size, single, H_T1, count - 1);
    }
    em_rr(e, size, opcode, H_T1, reg);
    em8(e, 1);
    flags_set(t, true);
}

/* By CL, flags wanted: as with a shift by CL. */
static void rule_double_shift_cl_flags(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned size = d->op_size, reg = host_reg(t, d->rm), opcode = d->info->opcode, single = opcode == 0xa5 ? 4 : 5;
    reg_changed(t, d->rm);
    flags_want_mem(t);
    em_mov_rr(e, size, H_T1, host_reg(t, d->reg));
    em_rr(e, 0, 0xf6, 0, H_RCX); /* test cl, imm8 */
    em8(e, size == 3 ? 63 : 31);
    uint8_t *none = em_jcc_later(e, COND_E);
    em_rm(e, 3, 0x8d, H_RCX, H_RCX, -1);
    em_rr(e, size, 0x0f00 | opcode, H_T1, reg);
    em_rr(e, size, 0xd3, single, H_T1);
    em_rm(e, 3, 0x8d, H_RCX, H_RCX, 1);
    em_rr(e, size, 0x0f00 | (opcode - 1), H_T1, reg);
    em8(e, 1);
    flags_emit_save(e, true);
    em_patch(none, e->rx_delta, em_here(e));
    if (size == 2) {
        em_mov_rr(e, 2, reg, reg);
    }
    t->flags = (FlagState){ .mem = true };
}

static void rule_double_shift(Translator *t)
{
    const DecodedInsn *d = t->d;
    if (t->needed[t->k]) {
        if (d->info->opcode & 1) {
            rule_double_shift_cl_flags(t);
        } else {
            rule_double_shift_flags(t);
        }
        return;
    }
    unsigned reg = host_reg(t, d->rm);
    reg_changed(t, d->rm);
    em_rr(&t->e, d->op_size, 0x0f00 | d->info->opcode, host_reg(t, d->reg), reg);
    if (!(d->info->opcode & 1)) {
        em8(&t->e, (unsigned)d->imm);
    }
    t->flags = (FlagState){ .host = false };
}

/* ---- bits ---- */

/* H_T1 bit 0 becomes flag number `bit` of the saved low byte; the others stay. */
static void store_one_flag(Translator *t, unsigned bit)
{
    Emit *e = &t->e;
    em_rr(e, 2, 0x0fb6, H_T1, H_T1);
    if (bit) {
        em_shift_ri(e, 2, 4, H_T1, bit);
    }
    em_alu_mi(e, 0, ALU_AND, H_CPU, CPU_OFF(jit.flags) + 1, ~(1 << bit));
    em_rm(e, 0, 0x08, H_T1, H_CPU, CPU_OFF(jit.flags) + 1);
    t->flags = (FlagState){ .mem = true };
    t->own_recipe = false;
}

static void finish_flag(Translator *t, unsigned cond, unsigned bit)
{
    if (!t->needed[t->k]) {
        t->flags = (FlagState){ .host = false };
        return;
    }
    em_rr(&t->e, 0, 0x0f90 | cond, 0, H_T1);
    store_one_flag(t, bit);
}

/* BT BTS BTR BTC: the host leaves the other flags undefined, we do not. */
static void rule_bt(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned size = d->op_size, bit = (unsigned)d->imm & ((8u << size) - 1);
    bool imm = d->info->opcode == 0xba;
    unsigned ext = imm ? (unsigned)d->info->modrm.reg : 0;
    if (t->needed[t->k] & ~CC_C) {
        flags_want_mem(t);
    }
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << size, ext != 4);
        em_rm(e, size, 0x0fba, ext, H_ADDR, t->at);
        em8(e, bit);
    } else if (imm) {
        em_rr(e, size, 0x0fba, ext, operand_to_change(t));
        em8(e, bit);
    } else {
        unsigned reg = operand_to_change(t);
        em_rr(e, size, 0x0f00 | d->info->opcode, host_reg(t, d->reg), reg);
    }
    finish_flag(t, COND_B, 0);
}

/* The same with a bit string in memory. */
static void rule_bt_string(Translator *t)
{
    const DecodedInsn *d = t->d;
    bool write = d->info->opcode != 0xa3;
    if (t->needed[t->k] & ~CC_C) {
        flags_want_mem(t);
    }
    mem_bit_string(t, d->reg, write);
    em_load(&t->e, d->op_size, H_T1, H_ADDR, t->at);
    em_rr(&t->e, d->op_size, 0x0f00 | d->info->opcode, host_reg(t, d->reg), H_T1);
    if (write) {
        em_store(&t->e, d->op_size, H_T1, H_ADDR, t->at);
    }
    finish_flag(t, COND_B, 0);
}

/* BSF BSR: a source of zero leaves the target. */
static void rule_bsf(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    if (t->needed[t->k] & ~CC_Z) {
        flags_want_mem(t);
    }
    unsigned size = d->op_size, source = H_T2;
    if (insn_is_mem(d)) {
        mem_operand(t, 1u << size, false);
        em_load(e, size, H_T2, H_ADDR, t->at);
    } else {
        source = host_reg(t, d->rm);
    }
    unsigned target = host_reg(t, d->reg);
    reg_changed(t, d->reg);
    em_rr(e, size, 0x0f00 | d->info->opcode, H_T1, source);
    em_rr(e, 3, 0x0f45, target, H_T1); /* cmovne */
    finish_flag(t, COND_E, 6);
}

/* ---- CMPXCHG, XADD: one CPU runs at a time, so LOCK needs nothing ---- */

static void rule_cmpxchg(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned size = d->op_size;
    bool keep = flags_keep_operands(t);
    mem_operand(t, 1u << size, true);
    unsigned reg = host_reg_sized(t, d->reg, size);
    if (keep) {
        flags_keep_first(t, H_RAX);
        load_ext(t, size, H_T1);
        flags_keep_second(t, H_T1);
    }
    em_rm(e, size, size ? 0x0fb1 : 0x0fb0, reg, H_ADDR, t->at);
    if (keep) {
        flags_set_recipe(t, true, (FlagRecipe){ .kind = RECIPE_ALU, .op = ALU_CMP, .size = (uint8_t)size });
    } else {
        flags_set(t, false);
    }
}

/* CMPXCHG8B: ZF only. */
static void rule_cmpxchg_pair(Translator *t)
{
    if (t->needed[t->k] & ~CC_Z) {
        flags_want_mem(t);
    }
    mem_operand(t, 8, true);
    em_rm(&t->e, 2, 0x0fc7, 1, H_ADDR, t->at);
    finish_flag(t, COND_E, 6);
}

static void rule_xadd(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned size = d->op_size, reg = host_reg_sized(t, d->reg, size);
    bool keep = flags_keep_operands(t);
    reg_changed(t, d->reg);
    mem_operand(t, 1u << size, true);
    if (keep) {
        load_ext(t, size, H_T1);
        flags_keep_first(t, H_T1);
        flags_keep_second(t, reg);
    }
    em_rm(e, size, size ? 0x0fc1 : 0x0fc0, reg, H_ADDR, t->at);
    if (keep) {
        flags_set_recipe(t, true, (FlagRecipe){ .kind = RECIPE_ALU, .op = ALU_ADD, .size = (uint8_t)size });
    } else {
        flags_set(t, false);
    }
}

/* ---- which rule ---- */

/* AH..BH cannot be encoded together with the registers that address memory. */
static bool high_with_memory(const DecodedInsn *d)
{
    return insn_is_mem(d) && d->op_size == 0 && (d->reg & REG8_HIGH);
}

static Rule *alu_row(const DecodedInsn *d)
{
    static Rule *const forms[6] = {
        rule_alu_e_g, rule_alu_e_g, rule_alu_g_e, rule_alu_g_e, rule_alu_a_i, rule_alu_a_i
    };
    unsigned op = d->info->opcode;
    if (op < 0x40 && (op & 7) < 6) {
        return (op & 7) < 4 && high_with_memory(d) ? NULL : forms[op & 7];
    }
    return NULL;
}

static Rule *group3(const DecodedInsn *d)
{
    switch (d->info->modrm.reg) {
    case 0:
    case 1:
        return rule_test_e_i;
    case 2:
        return rule_not;
    case 3:
        return rule_neg;
    case 4:
    case 5:
        return d->op_size >= 2 ? rule_mul : NULL;
    default:
        return d->op_size >= 2 ? rule_div : NULL;
    }
}

static Rule *shift_row(const DecodedInsn *d)
{
    unsigned ext = (unsigned)d->info->modrm.reg;
    if (shift_count(d) == 0) {
        return NULL;
    }
    if (ext >= 4) {
        return rule_shift_imm;
    }
    return ext < 2 && !insn_is_mem(d) ? rule_rotate_imm : NULL;
}

static Rule *one_byte_rule(const DecodedInsn *d)
{
    switch (d->info->opcode) {
    case 0x40:
    case 0x48:
        return rule_inc_dec_z;
    case 0x69:
    case 0x6b:
        return rule_imul_g_e_i;
    case 0x80 ... 0x83:
        return rule_alu_e_i;
    case 0x84:
    case 0x85:
        return high_with_memory(d) ? NULL : rule_test_e_g;
    case 0xa8:
    case 0xa9:
        return rule_test_a_i;
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
        return shift_row(d);
    case 0xd2:
    case 0xd3:
        return d->info->modrm.reg >= 4 && !insn_is_mem(d) && (d->rm & 0x1f) != R_ECX ? rule_shift_cl : NULL;
    case 0xf6:
    case 0xf7:
        return group3(d);
    case 0xfe:
        return rule_inc_dec_e;
    case 0xff:
        return d->info->modrm.reg <= 1 ? rule_inc_dec_e : NULL;
    default:
        return alu_row(d);
    }
}

static Rule *two_byte_rule(const Translator *t, const DecodedInsn *d)
{
    switch (d->info->opcode) {
    case 0xaf:
        return rule_imul_g_e;
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad:
        return d->op_size >= 2 && !insn_is_mem(d) && ((d->info->opcode & 1) || (d->imm & (d->op_size == 3 ? 63 : 31)))
                   ? rule_double_shift
                   : NULL;
    case 0xa3:
    case 0xab:
    case 0xb3:
    case 0xbb:
        if (insn_is_mem(d)) {
            return d->op_size >= 2 && d->addr_size == native_size(t) ? rule_bt_string : NULL;
        }
        return rule_bt;
    case 0xba:
        return rule_bt;
    case 0xbc:
    case 0xbd:
        return d->op_size >= 2 && d->info->prefix == PFX_ANY ? rule_bsf : NULL;
    case 0xb0:
    case 0xb1:
        return insn_is_mem(d) && !high_with_memory(d) ? rule_cmpxchg : NULL;
    case 0xc0:
    case 0xc1:
        return insn_is_mem(d) && !high_with_memory(d) ? rule_xadd : NULL;
    case 0xc7:
        return insn_is_mem(d) && d->info->modrm.reg == 1 && d->op_size < 3 ? rule_cmpxchg_pair : NULL;
    default:
        return NULL;
    }
}

Rule *rule_for_alu(const Translator *t, const DecodedInsn *d)
{
    return d->info->map == M_1B ? one_byte_rule(d) : d->info->map == M_0F ? two_byte_rule(t, d) : NULL;
}

/* SHLD, SHRD of ECX by CL: where the flags are wanted the count would have to be in two places. */
bool rule_needs_dead_flags(const DecodedInsn *d)
{
    unsigned op = d->info->opcode;
    return d->info->map == M_0F && (op == 0xa5 || op == 0xad) && d->rm == R_ECX;
}
