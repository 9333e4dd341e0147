/*
 * accel/jit/translate-x87.c  x87 on the host's x87 (x87-state.c): the guest's own instructions, with translated
 * addresses. SDM volume 2.
 *
 * Left to handlers: functions whose results differ among hosts, and what deals with exceptions or the whole
 * state.
 */
#include "accel/jit/translate.h"
#include "target/i386/x87-common.h"

/* ---- instruction and operand pointers ---- */

static void note_operand(Translator *t, const DecodedInsn *d)
{
    mem_offset(t, d, H_T2);
    em_store(&t->e, 3, H_T2, H_CPU, CPU_OFF(fpu.dp));
    em_rm(&t->e, 0, 0xc6, 0, H_CPU, CPU_OFF(jit.x87_seg));
    em8(&t->e, d->seg);
}

/* The registers of its address may change now. */
static void flush_operand(Translator *t)
{
    if (t->x87_operand) {
        note_operand(t, t->x87_operand);
        t->x87_operand = NULL;
        t->slot_busy = 0;
    }
}

void x87_flush_pointers(Translator *t)
{
    flush_operand(t);
    if (t->x87_last) {
        em_rm(&t->e, 3, 0xc7, 0, H_CPU, CPU_OFF(jit.x87_last));
        em32(&t->e, (uint32_t)(uintptr_t)t->x87_last);
        t->x87_last = NULL;
    }
}

static void record(Translator *t)
{
    const DecodedInsn *d = t->d;
    JitX87Record *r = code_cache_alloc_data(&jit_cache, sizeof(*r));
    *r = (JitX87Record){ .ip = t->ip, .opcode = (uint16_t)((d->info->opcode & 7) << 8 | d->modrm) };
    t->x87_last = r;
}

static void record_operand(Translator *t)
{
    record(t);
    t->x87_operand = NULL;
    if (t->d->base == R_EIP) {
        note_operand(t, t->d);
    } else {
        t->x87_operand = t->d;
    }
}

/* ---- rules ---- */

static bool compares_to_eflags(unsigned opcode, unsigned modrm)
{
    return (opcode == 0xdb || opcode == 0xdf) && modrm >= 0xe8 && modrm <= 0xf7;
}

/* FCOMI and its kin: hosts differ in whether they clear C1; FINCSTP and FDECSTP do so. */
void x87_emit_register_form(Emit *e, unsigned opcode, unsigned modrm)
{
    if (compares_to_eflags(opcode, modrm)) {
        em16(e, 0xf7d9);
        em16(e, 0xf6d9);
    }
    em8(e, opcode);
    em8(e, modrm);
}

static void emit_register_form(Translator *t)
{
    x87_emit_register_form(&t->e, t->d->info->opcode, t->d->modrm);
}

static void rule_register(Translator *t)
{
    emit_register_form(t);
    record(t);
}

static void rule_compare_eflags(Translator *t)
{
    flags_before_clobber(t);
    emit_register_form(t);
    flags_set(t, false);
    record(t);
}

static void rule_cmov(Translator *t)
{
    flags_want_host(t);
    rule_register(t);
}

static void rule_fwait(Translator *t)
{
    (void)t;
}

/* Operand size in bytes by opcode and reg; 0: not for us. The control instructions have rules of their own. */
static const uint8_t operand_bytes[8][8] = {
    { 4, 4, 4, 4, 4, 4, 4, 4 }, { 4, 0, 4, 4, 0, 0, 0, 0 }, { 4, 4, 4, 4, 4, 4, 4, 4 }, { 4, 4, 4, 4, 0, 10, 0, 10 },
    { 8, 8, 8, 8, 8, 8, 8, 8 }, { 8, 8, 8, 8, 0, 0, 0, 0 }, { 2, 2, 2, 2, 2, 2, 2, 2 }, { 2, 2, 2, 2, 0, 8, 0, 8 },
};

static void rule_memory(Translator *t)
{
    const InsnInfo *info = t->d->info;
    unsigned reg = (unsigned)info->modrm.reg;
    mem_operand(t, operand_bytes[info->opcode & 7][reg], info->attributes & WRITES_MEM);
    em_rm(&t->e, 2, info->opcode, reg, H_ADDR, t->at);
    record_operand(t);
}

/* Only a control word that masks everything: JIT_X87_CONTROL_*. */
static void rule_fldcw(Translator *t)
{
    Emit *e = &t->e;
    mem_operand(t, 2, false);
    em_rm(e, 2, 0x0fb7, H_T1, H_ADDR, t->at);
    em_rr(e, 2, 0xf7, 2, H_T1);
    em_rr(e, 2, 0xf7, 0, H_T1);
    em32(e, FSW_FLAGS);
    handler_if(t, COND_NE);
    em_rr(e, 2, 0xf7, 2, H_T1);
    em_mov_rr(e, 2, H_T2, H_T1);
    em_alu_ri(e, 2, ALU_AND, H_T2, JIT_X87_PC);
    em_alu_ri(e, 2, ALU_CMP, H_T2, JIT_X87_PC_RESERVED);
    handler_if(t, COND_E);
    em_alu_ri(e, 2, ALU_AND, H_T1, FCW_BITS);
    em_alu_ri(e, 2, ALU_OR, H_T1, FCW_ONE);
    em_store(e, 1, H_T1, H_CPU, CPU_OFF(fpu.cw));
    em_rm(e, 2, 0xd9, 5, H_CPU, CPU_OFF(fpu.cw));
}

static void rule_fnstcw(Translator *t)
{
    mem_operand(t, 2, true);
    em_rm(&t->e, 2, 0x0fb7, H_T1, H_CPU, CPU_OFF(fpu.cw));
    em_store(&t->e, 1, H_T1, H_ADDR, t->at);
}

static void rule_fnstsw_memory(Translator *t)
{
    mem_operand(t, 2, true);
    em_rm(&t->e, 2, 0xdd, 7, H_ADDR, t->at);
}

static void rule_fnstsw_ax(Translator *t)
{
    emit_register_form(t);
}

/* ---- which rule ---- */

#define ROW(reg)   (0xffull << (8 * (reg)))
#define ONE(modrm) (1ull << ((modrm)-0xc0))

/* Bit n: modrm C0h + n. Aliases are left out. */
static const uint64_t native_register[8] = {
    ~0ull,
    /* FLD FXCH FNOP FCHS FABS FTST FXAM, constants, FDECSTP FINCSTP FSQRT FRNDINT */
    ROW(0) | ROW(1) | ONE(0xd0) | ONE(0xe0) | ONE(0xe1) | ONE(0xe4) | ONE(0xe5) | (ROW(5) & ~ONE(0xef)) | ONE(0xf6) |
        ONE(0xf7) | ONE(0xfa) | ONE(0xfc),
    ROW(0) | ROW(1) | ROW(2) | ROW(3) | ONE(0xe9),
    ROW(0) | ROW(1) | ROW(2) | ROW(3) | ROW(5) | ROW(6),
    ROW(0) | ROW(1) | ROW(4) | ROW(5) | ROW(6) | ROW(7),
    ROW(0) | ROW(2) | ROW(3) | ROW(4) | ROW(5),
    ROW(0) | ROW(1) | ONE(0xd9) | ROW(4) | ROW(5) | ROW(6) | ROW(7),
    ONE(0xe0) | ROW(5) | ROW(6),
};

static uint64_t left_out[8];

bool x87_register_form_is_native(unsigned opcode, unsigned modrm)
{
    return native_register[opcode & 7] & ~left_out[opcode & 7] & ONE(modrm);
}

void x87_leave_to_handler(unsigned opcode, unsigned modrm)
{
    left_out[opcode & 7] |= ONE(modrm);
}

static Rule *register_rule(const InsnInfo *info, unsigned modrm)
{
    if (!x87_register_form_is_native(info->opcode, modrm)) {
        return NULL;
    }
    if (info->flags_read) {
        return rule_cmov;
    }
    if (info->flags_written) {
        return rule_compare_eflags;
    }
    return info->opcode == 0xdf ? rule_fnstsw_ax : rule_register;
}

static Rule *memory_rule(const InsnInfo *info)
{
    switch (info->opcode << 4 | (unsigned)info->modrm.reg) {
    case 0xd95:
        return rule_fldcw;
    case 0xd97:
        return rule_fnstcw;
    case 0xdd7:
        return rule_fnstsw_memory;
    default:
        return operand_bytes[info->opcode & 7][info->modrm.reg] ? rule_memory : NULL;
    }
}

/* x87 instructions, but for FNSTSW AX, leave the registers alone that make addresses. */
void x87_before_insn(Translator *t)
{
    if (t->d->info->attributes & ENDS_BLOCK) {
        x87_flush_pointers(t);
    } else if (!(t->d->info->attributes & X87) || t->rules[t->k] == rule_fnstsw_ax) {
        flush_operand(t);
    }
}

Rule *rule_for_x87(const DecodedInsn *d)
{
    const InsnInfo *info = d->info;
    if (!(info->attributes & X87) || info->map != M_1B) {
        return NULL;
    }
    if (info->opcode == 0x9b) {
        return rule_fwait;
    }
    return insn_is_mem(d) ? memory_rule(info) : register_rule(info, d->modrm);
}
