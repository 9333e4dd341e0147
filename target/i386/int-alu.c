/*
 * target/i386/int-alu.c  ADD OR ADC SBB AND SUB XOR CMP TEST NOT NEG INC DEC XADD CMPXCHG, and the decimal adjustments.
 *
 * SDM volume 2. Each operation is one function per size on values (op_NAMEn: sets the flags, returns the result); the
 * handlers around it say where the operands come from and go to.
 */
#include "target/i386/int-common.h"

/* ---- two operands ---- */
#define OPS_DEFINE(bits)                                                                         \
    static inline uint##bits##_t op_add##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                            \
        return cc_add##bits(cpu, a, b, 0);                                                       \
    }                                                                                            \
    static inline uint##bits##_t op_adc##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                            \
        return cc_add##bits(cpu, a, b, cc_c(cpu));                                               \
    }                                                                                            \
    static inline uint##bits##_t op_sub##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                            \
        return cc_sub##bits(cpu, a, b, 0);                                                       \
    }                                                                                            \
    static inline uint##bits##_t op_sbb##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                            \
        return cc_sub##bits(cpu, a, b, cc_c(cpu));                                               \
    }                                                                                            \
    static inline uint##bits##_t op_and##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                            \
        return cc_logic##bits(cpu, a & b);                                                       \
    }                                                                                            \
    static inline uint##bits##_t op_or##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b)  \
    {                                                                                            \
        return cc_logic##bits(cpu, a | b);                                                       \
    }                                                                                            \
    static inline uint##bits##_t op_xor##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b) \
    {                                                                                            \
        return cc_logic##bits(cpu, a ^ b);                                                       \
    }                                                                                            \
    static inline uint##bits##_t op_not##bits(CPUState *cpu, uint##bits##_t a)                   \
    {                                                                                            \
        (void)cpu;                                                                               \
        return ~a;                                                                               \
    }                                                                                            \
    static inline uint##bits##_t op_neg##bits(CPUState *cpu, uint##bits##_t a)                   \
    {                                                                                            \
        return cc_sub##bits(cpu, 0, a, 0);                                                       \
    }                                                                                            \
    static inline uint##bits##_t op_inc##bits(CPUState *cpu, uint##bits##_t a)                   \
    {                                                                                            \
        return cc_inc##bits(cpu, a);                                                             \
    }                                                                                            \
    static inline uint##bits##_t op_dec##bits(CPUState *cpu, uint##bits##_t a)                   \
    {                                                                                            \
        return cc_dec##bits(cpu, a);                                                             \
    }
FOR_ALL_SIZES(OPS_DEFINE)

/* Destination written: E,G  G,E  E,I  accumulator,I. */
#define BINARY_DEFINE(op, bits)                                                                                       \
    static void op##_E_G_reg##bits(CPUState *cpu, const DecodedInsn *d)                                               \
    {                                                                                                                 \
        set_reg##bits(cpu, d->rm, op_##op##bits(cpu, reg##bits(cpu, d->rm), reg##bits(cpu, d->reg)));                 \
    }                                                                                                                 \
    RMW_HANDLER(op##_E_G_mem##bits, bits, insn_ea(cpu, d), r = op_##op##bits(cpu, a, reg##bits(cpu, d->reg)))         \
    static void op##_G_E_reg##bits(CPUState *cpu, const DecodedInsn *d)                                               \
    {                                                                                                                 \
        set_reg##bits(cpu, d->reg, op_##op##bits(cpu, reg##bits(cpu, d->reg), reg##bits(cpu, d->rm)));                \
    }                                                                                                                 \
    LOAD_HANDLER(op##_G_E_mem##bits, bits, set_reg##bits(cpu, d->reg, op_##op##bits(cpu, reg##bits(cpu, d->reg), v))) \
    static void op##_E_I_reg##bits(CPUState *cpu, const DecodedInsn *d)                                               \
    {                                                                                                                 \
        set_reg##bits(cpu, d->rm, op_##op##bits(cpu, reg##bits(cpu, d->rm), (uint##bits##_t)d->imm));                 \
    }                                                                                                                 \
    RMW_HANDLER(op##_E_I_mem##bits, bits, insn_ea(cpu, d), r = op_##op##bits(cpu, a, (uint##bits##_t)d->imm))         \
    static void op##_A_I_##bits(CPUState *cpu, const DecodedInsn *d)                                                  \
    {                                                                                                                 \
        set_reg##bits(cpu, R_EAX, op_##op##bits(cpu, reg##bits(cpu, R_EAX), (uint##bits##_t)d->imm));                 \
    }
/* Flags only: CMP, TEST. */
#define COMPARE_DEFINE(name, op, bits)                                                      \
    static void name##_E_G_reg##bits(CPUState *cpu, const DecodedInsn *d)                   \
    {                                                                                       \
        op_##op##bits(cpu, reg##bits(cpu, d->rm), reg##bits(cpu, d->reg));                  \
    }                                                                                       \
    LOAD_HANDLER(name##_E_G_mem##bits, bits, op_##op##bits(cpu, v, reg##bits(cpu, d->reg))) \
    static void name##_E_I_reg##bits(CPUState *cpu, const DecodedInsn *d)                   \
    {                                                                                       \
        op_##op##bits(cpu, reg##bits(cpu, d->rm), (uint##bits##_t)d->imm);                  \
    }                                                                                       \
    LOAD_HANDLER(name##_E_I_mem##bits, bits, op_##op##bits(cpu, v, (uint##bits##_t)d->imm)) \
    static void name##_A_I_##bits(CPUState *cpu, const DecodedInsn *d)                      \
    {                                                                                       \
        op_##op##bits(cpu, reg##bits(cpu, R_EAX), (uint##bits##_t)d->imm);                  \
    }
#define CMP_G_E_DEFINE(bits)                                              \
    static void cmp_G_E_reg##bits(CPUState *cpu, const DecodedInsn *d)    \
    {                                                                     \
        op_sub##bits(cpu, reg##bits(cpu, d->reg), reg##bits(cpu, d->rm)); \
    }                                                                     \
    LOAD_HANDLER(cmp_G_E_mem##bits, bits, op_sub##bits(cpu, reg##bits(cpu, d->reg), v))
FOR_ALL_SIZES(CMP_G_E_DEFINE)

#define ACCUMULATOR_SETS(op)        \
    SET_ONE(op##_AL_Ib, op##_A_I_8) \
    SET_PLAIN(op##_rAX_Iz, op##_A_I)
#define BINARY_SETS(op)             \
    SET_BYTE(op##_Eb_Gb, op##_E_G)  \
    SET_SIZED(op##_Ev_Gv, op##_E_G) \
    SET_BYTE(op##_Gb_Eb, op##_G_E)  \
    SET_SIZED(op##_Gv_Ev, op##_G_E) \
    SET_BYTE(op##_Eb_Ib, op##_E_I)  \
    SET_SIZED(op##_Ev_Iz, op##_E_I)
#define BINARY_ALL(op)                                                                     \
    BINARY_DEFINE(op, 8) BINARY_DEFINE(op, 16) BINARY_DEFINE(op, 32) BINARY_DEFINE(op, 64) \
    BINARY_SETS(op) ACCUMULATOR_SETS(op)
BINARY_ALL(add)
BINARY_ALL(or)
BINARY_ALL(adc)
BINARY_ALL(sbb)
BINARY_ALL(and)
BINARY_ALL(sub)
BINARY_ALL(xor)

COMPARE_DEFINE(cmp, sub, 8) COMPARE_DEFINE(cmp, sub, 16) COMPARE_DEFINE(cmp, sub, 32) COMPARE_DEFINE(cmp, sub, 64)
BINARY_SETS(cmp)
ACCUMULATOR_SETS(cmp)

COMPARE_DEFINE(test, and, 8) COMPARE_DEFINE(test, and, 16) COMPARE_DEFINE(test, and, 32) COMPARE_DEFINE(test, and, 64)
SET_BYTE(test_Eb_Gb, test_E_G)
SET_SIZED(test_Ev_Gv, test_E_G)
SET_BYTE(test_Eb_Ib, test_E_I)
SET_SIZED(test_Ev_Iz, test_E_I)
ACCUMULATOR_SETS(test)

/* ---- one operand ---- */
#define UNARY_DEFINE(op, bits)                                                \
    static void op##_E_reg##bits(CPUState *cpu, const DecodedInsn *d)         \
    {                                                                         \
        set_reg##bits(cpu, d->rm, op_##op##bits(cpu, reg##bits(cpu, d->rm))); \
    }                                                                         \
    RMW_HANDLER(op##_E_mem##bits, bits, insn_ea(cpu, d), r = op_##op##bits(cpu, a))
#define UNARY_ALL(op)                                                                  \
    UNARY_DEFINE(op, 8) UNARY_DEFINE(op, 16) UNARY_DEFINE(op, 32) UNARY_DEFINE(op, 64) \
    SET_BYTE(op##_Eb, op##_E)                                                          \
    SET_SIZED(op##_Ev, op##_E)
UNARY_ALL(not)
UNARY_ALL(neg)
UNARY_ALL(inc)
UNARY_ALL(dec)

#define STEP_Z_DEFINE(bits)                                                    \
    static void inc_Z_##bits(CPUState *cpu, const DecodedInsn *d)              \
    {                                                                          \
        set_reg##bits(cpu, d->reg, cc_inc##bits(cpu, reg##bits(cpu, d->reg))); \
    }                                                                          \
    static void dec_Z_##bits(CPUState *cpu, const DecodedInsn *d)              \
    {                                                                          \
        set_reg##bits(cpu, d->reg, cc_dec##bits(cpu, reg##bits(cpu, d->reg))); \
    }
FOR_SIZES(STEP_Z_DEFINE)
SET_PLAIN(inc_Zv, inc_Z)
SET_PLAIN(dec_Zv, dec_Z)

/* ---- XADD: G gets the old destination before the destination (maybe the same register) gets the sum ---- */
#define XADD_DEFINE(bits)                                                                          \
    static inline uint##bits##_t xadd##bits(CPUState *cpu, const DecodedInsn *d, uint##bits##_t a) \
    {                                                                                              \
        uint##bits##_t sum = cc_add##bits(cpu, a, reg##bits(cpu, d->reg), 0);                      \
        set_reg##bits(cpu, d->reg, a);                                                             \
        return sum;                                                                                \
    }                                                                                              \
    static void xadd_E_G_reg##bits(CPUState *cpu, const DecodedInsn *d)                            \
    {                                                                                              \
        uint##bits##_t sum = xadd##bits(cpu, d, reg##bits(cpu, d->rm));                            \
        set_reg##bits(cpu, d->rm, sum);                                                            \
    }                                                                                              \
    RMW_HANDLER(xadd_E_G_mem##bits, bits, insn_ea(cpu, d), r = xadd##bits(cpu, d, a))
FOR_ALL_SIZES(XADD_DEFINE)
SET_BYTE(xadd_Eb_Gb, xadd_E_G)
SET_SIZED(xadd_Ev_Gv, xadd_E_G)

/* ---- CMPXCHG: memory is written in both cases, a register only when equal ---- */
#define CMPXCHG_DEFINE(bits)                                                                          \
    /* The new value of the operand. */                                                               \
    static inline uint##bits##_t cmpxchg##bits(CPUState *cpu, const DecodedInsn *d, uint##bits##_t a) \
    {                                                                                                 \
        if (cc_sub##bits(cpu, reg##bits(cpu, R_EAX), a, 0) == 0) {                                    \
            return reg##bits(cpu, d->reg);                                                            \
        }                                                                                             \
        set_reg##bits(cpu, R_EAX, a);                                                                 \
        return a;                                                                                     \
    }                                                                                                 \
    static void cmpxchg_E_G_reg##bits(CPUState *cpu, const DecodedInsn *d)                            \
    {                                                                                                 \
        uint##bits##_t r = cmpxchg##bits(cpu, d, reg##bits(cpu, d->rm));                              \
        if (cc_z(cpu)) {                                                                              \
            set_reg##bits(cpu, d->rm, r);                                                             \
        }                                                                                             \
    }                                                                                                 \
    RMW_HANDLER(cmpxchg_E_G_mem##bits, bits, insn_ea(cpu, d), r = cmpxchg##bits(cpu, d, a))
FOR_ALL_SIZES(CMPXCHG_DEFINE)
SET_BYTE(cmpxchg_Eb_Gb, cmpxchg_E_G)
SET_SIZED(cmpxchg_Ev_Gv, cmpxchg_E_G)

static uint64_t cmpxchg_pair(CPUState *cpu, uint64_t a)
{
    bool equal = a == ((uint64_t)reg32(cpu, R_EDX) << 32 | reg32(cpu, R_EAX));

    cc_set_bits(cpu, CC_Z, equal ? CC_Z : 0);
    if (equal) {
        return (uint64_t)reg32(cpu, R_ECX) << 32 | reg32(cpu, R_EBX);
    }
    set_reg32(cpu, R_EAX, (uint32_t)a);
    set_reg32(cpu, R_EDX, (uint32_t)(a >> 32));
    return a;
}
RMW_HANDLER(cmpxchg8b, 64, insn_ea(cpu, d), r = cmpxchg_pair(cpu, a))

static void cmpxchg16b(CPUState *cpu, const DecodedInsn *d)
{
    if (!cpu_has(cpu, FEAT_CX16)) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
    uint64_t la = seg_write_address(cpu, d->seg, insn_ea(cpu, d), 16);
    if (la & 15) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    cpu_probe(cpu, la, 16, ACCESS_WRITE, cpu->mmu_mode);
    uint64_t low = cpu_ld64(cpu, la), high = cpu_ld64(cpu, la + 8);
    bool equal = low == cpu->gpr[R_EAX] && high == cpu->gpr[R_EDX];
    cpu_st64(cpu, la, equal ? cpu->gpr[R_EBX] : low);
    cpu_st64(cpu, la + 8, equal ? cpu->gpr[R_ECX] : high);
    if (!equal) {
        cpu->gpr[R_EAX] = low;
        cpu->gpr[R_EDX] = high;
    }
    cc_set_bits(cpu, CC_Z, equal ? CC_Z : 0);
}
const InsnHandlers cmpxchg8b_Mq = { { { NULL }, { cmpxchg8b, cmpxchg8b, cmpxchg8b, cmpxchg16b } } };

/* ---- decimal adjustments: as the manual's "Operation" sections ---- */
static void decimal_result(CPUState *cpu, uint8_t al, bool c, bool a)
{
    set_reg8(cpu, R_EAX, al);
    cc_set_result(cpu, (int8_t)al, c, 0);
    cpu->cc.src |= a ? CC_A : 0;
}

static void daa_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    uint8_t old = reg8(cpu, R_EAX), al = old;
    bool a = (old & 15) > 9 || cc_a(cpu), c = old > 0x99 || cc_c(cpu);
    al += a ? 6 : 0;
    al += c ? 0x60 : 0;
    decimal_result(cpu, al, c, a);
}

static void das_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    uint8_t old = reg8(cpu, R_EAX), al = old;
    bool a = (old & 15) > 9 || cc_a(cpu), high = old > 0x99 || cc_c(cpu);
    bool c = high || (a && old < 6);
    al -= a ? 6 : 0;
    al -= high ? 0x60 : 0;
    decimal_result(cpu, al, c, a);
}

/* AAA adds 0x106 to AX, AAS subtracts it, both keep four bits of AL. */
static void ascii_adjust(CPUState *cpu, int step)
{
    bool adjust = (reg8(cpu, R_EAX) & 15) > 9 || cc_a(cpu);
    uint16_t ax = (uint16_t)(reg16(cpu, R_EAX) + (adjust ? step : 0)) & 0xff0f;
    set_reg16(cpu, R_EAX, ax);
    decimal_result(cpu, (uint8_t)ax, adjust, adjust);
}

static void aaa_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    ascii_adjust(cpu, 0x106);
}

static void aas_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    ascii_adjust(cpu, -0x106);
}

static void aam_run(CPUState *cpu, const DecodedInsn *d)
{
    uint8_t base = (uint8_t)d->imm, al = reg8(cpu, R_EAX);
    if (base == 0) {
        cpu_raise_noerr(cpu, EXCP_DE);
    }
    set_reg16(cpu, R_EAX, (uint16_t)((al / base) << 8));
    decimal_result(cpu, al % base, 0, 0);
}

static void aad_run(CPUState *cpu, const DecodedInsn *d)
{
    uint16_t ax = reg16(cpu, R_EAX);
    uint8_t al = (uint8_t)(ax + (ax >> 8) * (uint8_t)d->imm);
    set_reg16(cpu, R_EAX, al);
    decimal_result(cpu, al, 0, 0);
}

SET_ONE(daa, daa_run)
SET_ONE(das, das_run)
SET_ONE(aaa, aaa_run)
SET_ONE(aas, aas_run)
SET_ONE(aam_Ib, aam_run)
SET_ONE(aad_Ib, aad_run)
