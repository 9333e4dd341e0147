/*
 * target/i386/int-muldiv.c  MUL IMUL DIV IDIV. SDM volume 2.
 *
 * #DE on a zero divisor or a quotient that does not fit, decided before the host divides. Flags: see flags.h.
 */
#include "target/i386/int-common.h"

/* ---- one-operand forms: accumulator pair on the left ---- */
static void op_mul8(CPUState *cpu, uint8_t b)
{
    uint16_t r = (uint16_t)(reg8(cpu, R_EAX) * b);
    bool over = r >> 8;
    set_reg16(cpu, R_EAX, r);
    cc_set_result(cpu, (int8_t)r, over, over);
}

static void op_imul8(CPUState *cpu, uint8_t b)
{
    int16_t r = (int16_t)((int8_t)reg8(cpu, R_EAX) * (int8_t)b);
    bool over = r != (int8_t)r;
    set_reg16(cpu, R_EAX, (uint16_t)r);
    cc_set_result(cpu, (int8_t)r, over, over);
}

static void op_div8(CPUState *cpu, uint8_t b)
{
    uint16_t a = reg16(cpu, R_EAX);
    if (b == 0 || a / b > 0xff) {
        cpu_raise_noerr(cpu, EXCP_DE);
    }
    set_reg16(cpu, R_EAX, (uint16_t)((a % b) << 8 | a / b));
}

static void op_idiv8(CPUState *cpu, uint8_t b)
{
    int a = (int16_t)reg16(cpu, R_EAX), divisor = (int8_t)b;
    if (divisor == 0 || a / divisor != (int8_t)(a / divisor)) {
        cpu_raise_noerr(cpu, EXCP_DE);
    }
    set_reg16(cpu, R_EAX, (uint16_t)((uint8_t)(a % divisor) << 8 | (uint8_t)(a / divisor)));
}

/* wide, swide: unsigned and signed type of twice the size. */
#define MULDIV_OPS_DEFINE(bits, wide, swide)                                                         \
    static inline void op_mul##bits(CPUState *cpu, uint##bits##_t b)                                 \
    {                                                                                                \
        wide r = (wide)reg##bits(cpu, R_EAX) * b;                                                    \
        bool over = (uint##bits##_t)(r >> bits) != 0;                                                \
        set_reg##bits(cpu, R_EAX, (uint##bits##_t)r);                                                \
        set_reg##bits(cpu, R_EDX, (uint##bits##_t)(r >> bits));                                      \
        cc_set_result(cpu, (int##bits##_t)r, over, over);                                            \
    }                                                                                                \
    static inline void op_imul##bits(CPUState *cpu, uint##bits##_t b)                                \
    {                                                                                                \
        swide r = (swide)(int##bits##_t)reg##bits(cpu, R_EAX) * (int##bits##_t)b;                    \
        bool over = r != (int##bits##_t)r;                                                           \
        set_reg##bits(cpu, R_EAX, (uint##bits##_t)r);                                                \
        set_reg##bits(cpu, R_EDX, (uint##bits##_t)((wide)r >> bits));                                \
        cc_set_result(cpu, (int##bits##_t)r, over, over);                                            \
    }                                                                                                \
    static inline void op_div##bits(CPUState *cpu, uint##bits##_t b)                                 \
    {                                                                                                \
        uint##bits##_t high = reg##bits(cpu, R_EDX);                                                 \
        wide a = (wide)high << bits | reg##bits(cpu, R_EAX);                                         \
        if (high >= b) { /* also b == 0 */                                                           \
            cpu_raise_noerr(cpu, EXCP_DE);                                                           \
        }                                                                                            \
        set_reg##bits(cpu, R_EAX, (uint##bits##_t)(a / b));                                          \
        set_reg##bits(cpu, R_EDX, (uint##bits##_t)(a % b));                                          \
    }                                                                                                \
    /* On magnitudes: the most negative dividend divided by -1 must not reach the host's divider. */ \
    static inline void op_idiv##bits(CPUState *cpu, uint##bits##_t b)                                \
    {                                                                                                \
        wide a = (wide)reg##bits(cpu, R_EDX) << bits | reg##bits(cpu, R_EAX);                        \
        bool a_neg = (swide)a < 0, b_neg = (int##bits##_t)b < 0;                                     \
        wide ua = a_neg ? (wide)0 - a : a;                                                           \
        uint##bits##_t ub = b_neg ? (uint##bits##_t)(0 - b) : b;                                     \
        wide limit = ((wide)1 << (bits - 1)) - (a_neg == b_neg);                                     \
        if (ub == 0 || ua / ub > limit) {                                                            \
            cpu_raise_noerr(cpu, EXCP_DE);                                                           \
        }                                                                                            \
        uint##bits##_t q = (uint##bits##_t)(ua / ub), r = (uint##bits##_t)(ua % ub);                 \
        set_reg##bits(cpu, R_EAX, a_neg != b_neg ? (uint##bits##_t)(0 - q) : q);                     \
        set_reg##bits(cpu, R_EDX, a_neg ? (uint##bits##_t)(0 - r) : r);                              \
    }
MULDIV_OPS_DEFINE(16, uint32_t, int32_t)
MULDIV_OPS_DEFINE(32, uint64_t, int64_t)
MULDIV_OPS_DEFINE(64, unsigned __int128, __int128)

#define ACCUMULATOR_FORM(op, bits)                                    \
    static void op##_E_reg##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                                 \
        op_##op##bits(cpu, reg##bits(cpu, d->rm));                    \
    }                                                                 \
    static void op##_E_mem##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                                 \
        op_##op##bits(cpu, operand_ld##bits(cpu, d));                 \
    }
#define ACCUMULATOR_ALL(op)                                                                            \
    ACCUMULATOR_FORM(op, 8) ACCUMULATOR_FORM(op, 16) ACCUMULATOR_FORM(op, 32) ACCUMULATOR_FORM(op, 64) \
    SET_BYTE(op##_Eb, op##_E)                                                                          \
    SET_SIZED(op##_Ev, op##_E)
ACCUMULATOR_ALL(mul)
ACCUMULATOR_ALL(imul)
ACCUMULATOR_ALL(div)
ACCUMULATOR_ALL(idiv)

/* ---- IMUL with two and three operands ---- */
#define IMUL_DEFINE(bits, swide)                                                                           \
    static inline uint##bits##_t imul_low##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b)         \
    {                                                                                                      \
        swide r = (swide)(int##bits##_t)a * (int##bits##_t)b;                                              \
        bool over = r != (int##bits##_t)r;                                                                 \
        cc_set_result(cpu, (int##bits##_t)r, over, over);                                                  \
        return (uint##bits##_t)r;                                                                          \
    }                                                                                                      \
    static void imul_G_E_reg##bits(CPUState *cpu, const DecodedInsn *d)                                    \
    {                                                                                                      \
        set_reg##bits(cpu, d->reg, imul_low##bits(cpu, reg##bits(cpu, d->reg), reg##bits(cpu, d->rm)));    \
    }                                                                                                      \
    static void imul_G_E_mem##bits(CPUState *cpu, const DecodedInsn *d)                                    \
    {                                                                                                      \
        set_reg##bits(cpu, d->reg, imul_low##bits(cpu, reg##bits(cpu, d->reg), operand_ld##bits(cpu, d))); \
    }                                                                                                      \
    static void imul_G_E_I_reg##bits(CPUState *cpu, const DecodedInsn *d)                                  \
    {                                                                                                      \
        set_reg##bits(cpu, d->reg, imul_low##bits(cpu, reg##bits(cpu, d->rm), (uint##bits##_t)d->imm));    \
    }                                                                                                      \
    static void imul_G_E_I_mem##bits(CPUState *cpu, const DecodedInsn *d)                                  \
    {                                                                                                      \
        set_reg##bits(cpu, d->reg, imul_low##bits(cpu, operand_ld##bits(cpu, d), (uint##bits##_t)d->imm)); \
    }
IMUL_DEFINE(16, int32_t)
IMUL_DEFINE(32, int64_t)
IMUL_DEFINE(64, __int128)
SET_SIZED(imul_Gv_Ev, imul_G_E)
SET_SIZED(imul_Gv_Ev_Iz, imul_G_E_I)
