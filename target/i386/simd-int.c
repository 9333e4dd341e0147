/*
 * target/i386/simd-int.c  Packed integer arithmetic, comparison, logic and shifts: MMX, its SSE2 twins, and theirs with
 * VEX. SDM volume 2.
 *
 * Each operation is written once, over lanes, for 8 or 16 bytes; `bytes` is constant after inlining, so that the
 * compiler turns the loops into vector instructions.
 */
#include "target/i386/simd-avx.h"

/* ---- operations on lanes: x of a, y of b ---- */

#define LANES(name, bits, field, expression)                     \
    SIMD_INLINE XMMReg name(XMMReg a, XMMReg b, unsigned bytes)  \
    {                                                            \
        XMMReg r = { .q = { 0, 0 } };                            \
        for (unsigned i = 0; i < bytes / (bits / 8); i++) {      \
            const uint##bits##_t x = a.field[i], y = b.field[i]; \
            r.field[i] = (uint##bits##_t)(expression);           \
        }                                                        \
        return r;                                                \
    }
#define S8(v)  ((int8_t)(v))
#define S16(v) ((int16_t)(v))
#define S32(v) ((int32_t)(v))

static inline int clamp(int v, int low, int high)
{
    v = v < low ? low : v;
    return v > high ? high : v;
}

LANES(paddb, 8, b, x + y)
LANES(paddw, 16, w, x + y)
LANES(paddd, 32, l, x + y)
LANES(paddq, 64, q, x + y)
LANES(psubb, 8, b, x - y)
LANES(psubw, 16, w, x - y)
LANES(psubd, 32, l, x - y)
LANES(psubq, 64, q, x - y)
LANES(paddsb, 8, b, clamp(S8(x) + S8(y), INT8_MIN, INT8_MAX))
LANES(paddsw, 16, w, clamp(S16(x) + S16(y), INT16_MIN, INT16_MAX))
LANES(paddusb, 8, b, clamp(x + y, 0, UINT8_MAX))
LANES(paddusw, 16, w, clamp(x + y, 0, UINT16_MAX))
LANES(psubsb, 8, b, clamp(S8(x) - S8(y), INT8_MIN, INT8_MAX))
LANES(psubsw, 16, w, clamp(S16(x) - S16(y), INT16_MIN, INT16_MAX))
LANES(psubusb, 8, b, clamp(x - y, 0, UINT8_MAX))
LANES(psubusw, 16, w, clamp(x - y, 0, UINT16_MAX))
LANES(pavgb, 8, b, (x + y + 1) >> 1)
LANES(pavgw, 16, w, (x + y + 1) >> 1)
LANES(pminub, 8, b, x < y ? x : y)
LANES(pmaxub, 8, b, x > y ? x : y)
LANES(pminsw, 16, w, S16(x) < S16(y) ? x : y)
LANES(pmaxsw, 16, w, S16(x) > S16(y) ? x : y)
LANES(pcmpeqb, 8, b, x == y ? UINT8_MAX : 0)
LANES(pcmpeqw, 16, w, x == y ? UINT16_MAX : 0)
LANES(pcmpeqd, 32, l, x == y ? UINT32_MAX : 0)
LANES(pcmpgtb, 8, b, S8(x) > S8(y) ? UINT8_MAX : 0)
LANES(pcmpgtw, 16, w, S16(x) > S16(y) ? UINT16_MAX : 0)
LANES(pcmpgtd, 32, l, S32(x) > S32(y) ? UINT32_MAX : 0)
LANES(pmullw, 16, w, S16(x) * S16(y))
LANES(pmulhw, 16, w, (S16(x) * S16(y)) >> 16)
LANES(pmulhuw, 16, w, ((uint32_t)x * y) >> 16)
LANES(pmuludq, 64, q, (uint64_t)(uint32_t)x *(uint32_t)y)
LANES(pand, 64, q, x &y)
LANES(pandn, 64, q, ~x &y)
LANES(por, 64, q, x | y)
LANES(pxor, 64, q, x ^ y)

/* Both products can be 2^30: the sum wraps to 80000000 then. */
SIMD_INLINE XMMReg pmaddwd(XMMReg a, XMMReg b, unsigned bytes)
{
    XMMReg r = { .q = { 0, 0 } };
    for (unsigned i = 0; i < bytes / 4; i++) {
        r.l[i] = (uint32_t)(S16(a.w[2 * i]) * S16(b.w[2 * i])) + (uint32_t)(S16(a.w[2 * i + 1]) * S16(b.w[2 * i + 1]));
    }
    return r;
}

/* Sum of absolute differences, per 8 bytes. */
SIMD_INLINE XMMReg psadbw(XMMReg a, XMMReg b, unsigned bytes)
{
    XMMReg r = { .q = { 0, 0 } };
    for (unsigned i = 0; i < bytes; i++) {
        r.q[i / 8] += (uint64_t)abs(a.b[i] - b.b[i]);
    }
    return r;
}

/* ---- shifts: the count is all 64 low bits of b; too large gives 0, or sign bits ---- */

#define SHIFT(name, bits, field, expression)                    \
    SIMD_INLINE XMMReg name(XMMReg a, XMMReg b, unsigned bytes) \
    {                                                           \
        XMMReg r = { .q = { 0, 0 } };                           \
        if (b.q[0] >= bits) {                                   \
            return r;                                           \
        }                                                       \
        const unsigned n = (unsigned)b.q[0];                    \
        for (unsigned i = 0; i < bytes / (bits / 8); i++) {     \
            const uint##bits##_t x = a.field[i];                \
            r.field[i] = (uint##bits##_t)(expression);          \
        }                                                       \
        return r;                                               \
    }
#define SHIFT_ARITHMETIC(name, bits, field)                                \
    SIMD_INLINE XMMReg name(XMMReg a, XMMReg b, unsigned bytes)            \
    {                                                                      \
        XMMReg r = { .q = { 0, 0 } };                                      \
        const unsigned n = b.q[0] >= bits ? bits - 1 : (unsigned)b.q[0];   \
        for (unsigned i = 0; i < bytes / (bits / 8); i++) {                \
            r.field[i] = (uint##bits##_t)((int##bits##_t)a.field[i] >> n); \
        }                                                                  \
        return r;                                                          \
    }
SHIFT(psllw, 16, w, x << n)
SHIFT(pslld, 32, l, x << n)
SHIFT(psllq, 64, q, x << n)
SHIFT(psrlw, 16, w, x >> n)
SHIFT(psrld, 32, l, x >> n)
SHIFT(psrlq, 64, q, x >> n)
SHIFT_ARITHMETIC(psraw, 16, w)
SHIFT_ARITHMETIC(psrad, 32, l)

/* By bytes, the whole register. */
static XMMReg pslldq(XMMReg a, unsigned n)
{
    XMMReg r = { .q = { 0, 0 } };
    for (unsigned i = n; i < 16; i++) {
        r.b[i] = a.b[i - n];
    }
    return r;
}

static XMMReg psrldq(XMMReg a, unsigned n)
{
    XMMReg r = { .q = { 0, 0 } };
    for (unsigned i = n; i < 16; i++) {
        r.b[i - n] = a.b[i];
    }
    return r;
}

/* ---- handlers ---- */

#define BOTH(name)                            \
    MMX_OP(name##_P_Q, load_q, name(a, b, 8)) \
    SIMD_BOTH(name, name(a, b, 16))
#define BOTH_COUNT(name)                             \
    MMX_OP(name##_P_Q, load_q, name(a, b, 8))        \
    SSE_OP(name##_V_W, load_aligned, name(a, b, 16)) \
    AVX_OP_COUNT(v##name##_V_H_W, name(a, b, 16))

BOTH(paddb)
BOTH(paddw)
BOTH(paddd)
BOTH(paddq)
BOTH(psubb)
BOTH(psubw)
BOTH(psubd)
BOTH(psubq)
BOTH(paddsb)
BOTH(paddsw)
BOTH(paddusb)
BOTH(paddusw)
BOTH(psubsb)
BOTH(psubsw)
BOTH(psubusb)
BOTH(psubusw)
BOTH(pavgb)
BOTH(pavgw)
BOTH(pminub)
BOTH(pmaxub)
BOTH(pminsw)
BOTH(pmaxsw)
BOTH(pcmpeqb)
BOTH(pcmpeqw)
BOTH(pcmpeqd)
BOTH(pcmpgtb)
BOTH(pcmpgtw)
BOTH(pcmpgtd)
BOTH(pmullw)
BOTH(pmulhw)
BOTH(pmulhuw)
BOTH(pmuludq)
BOTH(pmaddwd)
BOTH(psadbw)
BOTH(pand)
BOTH(pandn)
BOTH(por)
BOTH(pxor)
BOTH_COUNT(psllw)
BOTH_COUNT(pslld)
BOTH_COUNT(psllq)
BOTH_COUNT(psrlw)
BOTH_COUNT(psrld)
BOTH_COUNT(psrlq)
BOTH_COUNT(psraw)
BOTH_COUNT(psrad)

/* Shift by immediate: the operand is the r/m register, reg is part of the opcode. */
#define BY_IMMEDIATE(name)                                                           \
    HANDLER name##_N_I_reg(CPUState *cpu, const DecodedInsn *d)                      \
    {                                                                                \
        if (!mmx_check(cpu)) {                                                       \
            return;                                                                  \
        }                                                                            \
        mmx_enter(cpu);                                                              \
        mmx_set(cpu, d->rm, name(mmx_get(cpu, d->rm), simd_from64(d->imm), 8).q[0]); \
    }                                                                                \
    HANDLER name##_U_I_reg(CPUState *cpu, const DecodedInsn *d)                      \
    {                                                                                \
        sse_check(cpu);                                                              \
        cpu->xmm[d->rm] = name(cpu->xmm[d->rm], simd_from64(d->imm), 16);            \
    }                                                                                \
    SIMD_SET(name##_N_I, name##_N_I_reg, name##_N_I_reg)                             \
    SIMD_SET(name##_U_I, name##_U_I_reg, name##_U_I_reg)                             \
    AVX_OP_IMM(v##name##_H_U_I, name(a, simd_from64(d->imm), 16))

BY_IMMEDIATE(psllw)
BY_IMMEDIATE(pslld)
BY_IMMEDIATE(psllq)
BY_IMMEDIATE(psrlw)
BY_IMMEDIATE(psrld)
BY_IMMEDIATE(psrlq)
BY_IMMEDIATE(psraw)
BY_IMMEDIATE(psrad)

#define BY_BYTES(name)                                             \
    HANDLER name##_U_I_reg(CPUState *cpu, const DecodedInsn *d)    \
    {                                                              \
        sse_check(cpu);                                            \
        cpu->xmm[d->rm] = name(cpu->xmm[d->rm], (unsigned)d->imm); \
    }                                                              \
    SIMD_SET(name##_U_I, name##_U_I_reg, name##_U_I_reg)           \
    AVX_OP_IMM(v##name##_H_U_I, name(a, (unsigned)d->imm))
BY_BYTES(pslldq)
BY_BYTES(psrldq)

/* ANDPS and its kin are the same bits under other names (VANDPS is VPAND's row). */
SSE_OP(andps_V_W, load_aligned, pand(a, b, 16))
SSE_OP(andnps_V_W, load_aligned, pandn(a, b, 16))
SSE_OP(orps_V_W, load_aligned, por(a, b, 16))
SSE_OP(xorps_V_W, load_aligned, pxor(a, b, 16))
