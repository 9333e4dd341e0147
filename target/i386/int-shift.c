/*
 * target/i386/int-shift.c  ROL ROR RCL RCR SHL SHR SAR by 1, CL or an immediate; SHLD SHRD. SDM volume 2.
 *
 * Counts are masked to 5 bits (6 for 64-bit operands). Flags for counts other than 1: see the table in flags.h.
 */
#include "target/i386/int-common.h"

#define MSB(bits, r) ((unsigned)((uint64_t)(r) >> (bits - 1)) & 1)
#define NEXT_TO_MSB(bits, r) ((unsigned)((uint64_t)(r) >> (bits - 2)) & 1)
#define COUNT_MASK(bits) (bits == 64 ? 63u : 31u)

/* ---- op_NAMEn(cpu, value, count): count already masked and not zero ---- */
#define SHIFT_OPS_DEFINE(bits)                                                                            \
    /* The bits shifted out lie above the result. */                                                      \
    static inline uint##bits##_t op_shl##bits(CPUState *cpu, uint##bits##_t a, unsigned n)                \
    {                                                                                                     \
        uint##bits##_t last = (uint##bits##_t)((uint64_t)a << (n - 1)), r = (uint##bits##_t)(last << 1);  \
        unsigned c = MSB(bits, last);                                                                     \
        cc_set_result(cpu, (int##bits##_t)r, c, MSB(bits, r) ^ c);                                        \
        return r;                                                                                         \
    }                                                                                                     \
    static inline uint##bits##_t op_shr##bits(CPUState *cpu, uint##bits##_t a, unsigned n)                \
    {                                                                                                     \
        uint##bits##_t last = (uint##bits##_t)((uint64_t)a >> (n - 1)), r = (uint##bits##_t)(last >> 1);  \
        cc_set_result(cpu, (int##bits##_t)r, last & 1, MSB(bits, last));                                  \
        return r;                                                                                         \
    }                                                                                                     \
    static inline uint##bits##_t op_sar##bits(CPUState *cpu, uint##bits##_t a, unsigned n)                \
    {                                                                                                     \
        int64_t last = (int64_t)(int##bits##_t)a >> (n - 1), r = last >> 1;                               \
        cc_set_result(cpu, r, last & 1, 0);                                                               \
        return (uint##bits##_t)r;                                                                         \
    }                                                                                                     \
    static inline uint##bits##_t op_rol##bits(CPUState *cpu, uint##bits##_t a, unsigned n)                \
    {                                                                                                     \
        unsigned k = n & (bits - 1);                                                                      \
        uint##bits##_t r = (uint##bits##_t)((uint64_t)a << k | (uint64_t)a >> ((bits - k) & (bits - 1))); \
        cc_set_co(cpu, r & 1, MSB(bits, r) ^ (r & 1));                                                    \
        return r;                                                                                         \
    }                                                                                                     \
    static inline uint##bits##_t op_ror##bits(CPUState *cpu, uint##bits##_t a, unsigned n)                \
    {                                                                                                     \
        unsigned k = n & (bits - 1);                                                                      \
        uint##bits##_t r = (uint##bits##_t)((uint64_t)a >> k | (uint64_t)a << ((bits - k) & (bits - 1))); \
        cc_set_co(cpu, MSB(bits, r), MSB(bits, r) ^ NEXT_TO_MSB(bits, r));                                \
        return r;                                                                                         \
    }
FOR_ALL_SIZES(SHIFT_OPS_DEFINE)

/* Through carry: a rotation of bits + 1 bits, CF the highest. n in 0..bits after the reduction. */
#define RC_OPS_DEFINE(bits)                                                                     \
    static inline uint##bits##_t rotate_carry##bits(uint##bits##_t a, unsigned *c, unsigned n)  \
    {                                                                                           \
        unsigned __int128 v = (unsigned __int128)*c << bits | a;                                \
        unsigned __int128 r = n ? v << n | v >> (bits + 1 - n) : v;                             \
        *c = (unsigned)(r >> bits) & 1;                                                         \
        return (uint##bits##_t)r;                                                               \
    }                                                                                           \
    static inline uint##bits##_t op_rcl##bits(CPUState *cpu, uint##bits##_t a, unsigned n)      \
    {                                                                                           \
        unsigned c = cc_c(cpu);                                                                 \
        uint##bits##_t r = rotate_carry##bits(a, &c, n % (bits + 1));                           \
        cc_set_co(cpu, c, MSB(bits, r) ^ c);                                                    \
        return r;                                                                               \
    }                                                                                           \
    static inline uint##bits##_t op_rcr##bits(CPUState *cpu, uint##bits##_t a, unsigned n)      \
    {                                                                                           \
        unsigned c = cc_c(cpu);                                                                 \
        uint##bits##_t r = rotate_carry##bits(a, &c, (bits + 1 - n % (bits + 1)) % (bits + 1)); \
        cc_set_co(cpu, c, MSB(bits, r) ^ NEXT_TO_MSB(bits, r));                                 \
        return r;                                                                               \
    }
FOR_ALL_SIZES(RC_OPS_DEFINE)

/* A count of zero still accesses the operand, as the processor does, but changes no flag. */
#define SHIFT_FORM(op, bits, form, count)                                                                \
    static void op##_E_##form##_reg##bits(CPUState *cpu, const DecodedInsn *d)                           \
    {                                                                                                    \
        unsigned n = (count)&COUNT_MASK(bits);                                                           \
        uint##bits##_t a = reg##bits(cpu, d->rm);                                                        \
        set_reg##bits(cpu, d->rm, likely(n) ? op_##op##bits(cpu, a, n) : a);                             \
    }                                                                                                    \
    RMW_HANDLER(op##_E_##form##_mem##bits, bits, insn_ea(cpu, d), unsigned n = (count)&COUNT_MASK(bits); \
                r = likely(n) ? op_##op##bits(cpu, a, n) : a)
#define SHIFT_SIZES(op, form, count)                                \
    SHIFT_FORM(op, 8, form, count) SHIFT_FORM(op, 16, form, count)  \
    SHIFT_FORM(op, 32, form, count) SHIFT_FORM(op, 64, form, count) \
    SET_BYTE(op##_Eb_##form, op##_E_##form)                         \
    SET_SIZED(op##_Ev_##form, op##_E_##form)

/* By one: d is used by the memory form only. */
#define SHIFT_ALL(op)                     \
    SHIFT_SIZES(op, Ib, (unsigned)d->imm) \
    SHIFT_SIZES(op, I1, 1u)               \
    SHIFT_SIZES(op, CL, (unsigned)reg8(cpu, R_ECX))
SHIFT_ALL(rol)
SHIFT_ALL(ror)
SHIFT_ALL(rcl)
SHIFT_ALL(rcr)
SHIFT_ALL(shl)
SHIFT_ALL(shr)
SHIFT_ALL(sar)

/* ---- SHLD, SHRD: count not zero ---- */
static inline uint16_t op_shld16(CPUState *cpu, uint16_t a, uint16_t b, unsigned n)
{
    uint64_t wide = (uint64_t)a << 32 | (uint64_t)b << 16 | a;
    uint16_t r = (uint16_t)(wide << n >> 32);
    unsigned c = (unsigned)(wide >> (48 - n)) & 1;
    cc_set_result(cpu, (int16_t)r, c, MSB(16, r) ^ c);
    return r;
}

static inline uint16_t op_shrd16(CPUState *cpu, uint16_t a, uint16_t b, unsigned n)
{
    uint64_t wide = (uint64_t)a << 32 | (uint64_t)b << 16 | a;
    uint16_t r = (uint16_t)(wide >> n);
    cc_set_result(cpu, (int16_t)r, (unsigned)(wide >> (n - 1)) & 1, MSB(16, r) ^ NEXT_TO_MSB(16, r));
    return r;
}

#define DOUBLE_OPS_DEFINE(bits)                                                                                  \
    static inline uint##bits##_t op_shld##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b, unsigned n)    \
    {                                                                                                            \
        uint##bits##_t r = a << n | b >> (bits - n);                                                             \
        unsigned c = (unsigned)(a >> (bits - n)) & 1;                                                            \
        cc_set_result(cpu, (int##bits##_t)r, c, MSB(bits, r) ^ c);                                               \
        return r;                                                                                                \
    }                                                                                                            \
    static inline uint##bits##_t op_shrd##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b, unsigned n)    \
    {                                                                                                            \
        uint##bits##_t r = a >> n | b << (bits - n);                                                             \
        cc_set_result(cpu, (int##bits##_t)r, (unsigned)(a >> (n - 1)) & 1, MSB(bits, r) ^ NEXT_TO_MSB(bits, r)); \
        return r;                                                                                                \
    }
DOUBLE_OPS_DEFINE(32)
DOUBLE_OPS_DEFINE(64)

#define DOUBLE_FORM(op, bits, form, count)                                                                 \
    static void op##_E_G_##form##_reg##bits(CPUState *cpu, const DecodedInsn *d)                           \
    {                                                                                                      \
        unsigned n = (count)&COUNT_MASK(bits);                                                             \
        uint##bits##_t a = reg##bits(cpu, d->rm);                                                          \
        set_reg##bits(cpu, d->rm, likely(n) ? op_##op##bits(cpu, a, reg##bits(cpu, d->reg), n) : a);       \
    }                                                                                                      \
    RMW_HANDLER(op##_E_G_##form##_mem##bits, bits, insn_ea(cpu, d), unsigned n = (count)&COUNT_MASK(bits); \
                r = likely(n) ? op_##op##bits(cpu, a, reg##bits(cpu, d->reg), n) : a)
#define DOUBLE_ALL(op)                                  \
    DOUBLE_FORM(op, 16, Ib, (unsigned)d->imm)           \
    DOUBLE_FORM(op, 32, Ib, (unsigned)d->imm)           \
    DOUBLE_FORM(op, 64, Ib, (unsigned)d->imm)           \
    DOUBLE_FORM(op, 16, CL, (unsigned)reg8(cpu, R_ECX)) \
    DOUBLE_FORM(op, 32, CL, (unsigned)reg8(cpu, R_ECX)) \
    DOUBLE_FORM(op, 64, CL, (unsigned)reg8(cpu, R_ECX)) \
    SET_SIZED(op##_Ev_Gv_Ib, op##_E_G_Ib)               \
    SET_SIZED(op##_Ev_Gv_CL, op##_E_G_CL)
DOUBLE_ALL(shld)
DOUBLE_ALL(shrd)
