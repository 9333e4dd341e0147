/*
 * target/i386/simd-shuffle.c  Instructions that only move lanes about: pack, unpack, shuffle, insert, extract, masks of
 * sign bits. SDM volume 2.
 */
#include "target/i386/simd-avx.h"

/* ---- pack: halve the lanes of a, then those of b, with saturation ---- */

static inline int clamp(int v, int low, int high)
{
    v = v < low ? low : v;
    return v > high ? high : v;
}

#define PACK(name, from, to, type, low, high)                         \
    SIMD_INLINE XMMReg name(XMMReg a, XMMReg b, unsigned bytes)       \
    {                                                                 \
        const unsigned half = bytes / sizeof(a.from[0]);              \
        XMMReg r = { .q = { 0, 0 } };                                 \
        for (unsigned i = 0; i < half; i++) {                         \
            r.to[i] = (type)clamp((type)a.from[i], low, high);        \
            r.to[half + i] = (type)clamp((type)b.from[i], low, high); \
        }                                                             \
        return r;                                                     \
    }
PACK(packsswb, w, b, int16_t, INT8_MIN, INT8_MAX)
PACK(packuswb, w, b, int16_t, 0, UINT8_MAX)
PACK(packssdw, l, w, int32_t, INT16_MIN, INT16_MAX)

/* ---- unpack: lanes of a and b in turn, from the lower or upper halves ---- */

#define UNPACK(name, field, upper)                              \
    SIMD_INLINE XMMReg name(XMMReg a, XMMReg b, unsigned bytes) \
    {                                                           \
        const unsigned half = bytes / sizeof(a.field[0]) / 2;   \
        const unsigned first = upper ? half : 0;                \
        XMMReg r = { .q = { 0, 0 } };                           \
        for (unsigned i = 0; i < half; i++) {                   \
            r.field[2 * i] = a.field[first + i];                \
            r.field[2 * i + 1] = b.field[first + i];            \
        }                                                       \
        return r;                                               \
    }
UNPACK(punpcklbw, b, false)
UNPACK(punpcklwd, w, false)
UNPACK(punpckldq, l, false)
UNPACK(punpcklqdq, q, false)
UNPACK(punpckhbw, b, true)
UNPACK(punpckhwd, w, true)
UNPACK(punpckhdq, l, true)
UNPACK(punpckhqdq, q, true)

#define BOTH(name, load_mmx)                    \
    MMX_OP(name##_P_Q, load_mmx, name(a, b, 8)) \
    SIMD_BOTH(name, name(a, b, 16))

BOTH(packsswb, load_q)
BOTH(packuswb, load_q)
BOTH(packssdw, load_q)
BOTH(punpcklbw, load_d)
BOTH(punpcklwd, load_d)
BOTH(punpckldq, load_d)
BOTH(punpckhbw, load_q)
BOTH(punpckhwd, load_q)
BOTH(punpckhdq, load_q)
SIMD_BOTH(punpcklqdq, punpcklqdq(a, b, 16))
SIMD_BOTH(punpckhqdq, punpckhqdq(a, b, 16))
SSE_OP(unpcklps_V_W, load_aligned, punpckldq(a, b, 16))
SSE_OP(unpckhps_V_W, load_aligned, punpckhdq(a, b, 16))
SSE_OP(unpcklpd_V_W, load_aligned, punpcklqdq(a, b, 16))
SSE_OP(unpckhpd_V_W, load_aligned, punpckhqdq(a, b, 16))

/* ---- shuffles: two bits of the immediate choose each lane ---- */

#define CHOICE(imm, i) (((imm) >> (2 * (i))) & 3)

static inline XMMReg shuffle_words(XMMReg a, unsigned first, uint64_t imm)
{
    XMMReg r = a;
    for (unsigned i = 0; i < 4; i++) {
        r.w[first + i] = a.w[first + CHOICE(imm, i)];
    }
    return r;
}

/* Lanes 0 and 1 from a, 2 and 3 from b. */
static inline XMMReg shuffle_dwords(XMMReg a, XMMReg b, uint64_t imm)
{
    return (XMMReg){ .l = { a.l[CHOICE(imm, 0)], a.l[CHOICE(imm, 1)], b.l[CHOICE(imm, 2)], b.l[CHOICE(imm, 3)] } };
}

static inline XMMReg shuffle_qwords(XMMReg a, XMMReg b, uint64_t imm)
{
    return (XMMReg){ .q = { a.q[imm & 1], b.q[(imm >> 1) & 1] } };
}

MMX_OP(pshufw_P_Q_I, load_q, shuffle_words(b, 0, d->imm))
SSE_OP(pshuflw_V_W_I, load_aligned, shuffle_words(b, 0, d->imm))
SSE_OP(pshufhw_V_W_I, load_aligned, shuffle_words(b, 4, d->imm))
SSE_OP(pshufd_V_W_I, load_aligned, shuffle_dwords(b, b, d->imm))
SSE_OP(shufps_V_W_I, load_aligned, shuffle_dwords(a, b, d->imm))
SSE_OP(shufpd_V_W_I, load_aligned, shuffle_qwords(a, b, d->imm))
AVX_OP(vpshuflw_V_W_I, shuffle_words(b, 0, d->imm))
AVX_OP(vpshufhw_V_W_I, shuffle_words(b, 4, d->imm))
AVX_OP(vpshufd_V_W_I, shuffle_dwords(b, b, d->imm)) /* also VPERMILPS */
AVX_OP(vpermilpd_V_W_I, shuffle_qwords(b, b, d->imm >> 2 * lane))
AVX_OP(vshufps_V_H_W_I, shuffle_dwords(a, b, d->imm))
AVX_OP(vshufpd_V_H_W_I, shuffle_qwords(a, b, d->imm >> 2 * lane))

/* ---- one word in or out ---- */

HANDLER pinsrw_mmx(CPUState *cpu, const DecodedInsn *d, uint16_t v)
{
    XMMReg r = mmx_get(cpu, d->reg);
    r.w[d->imm & 3] = v;
    mmx_enter(cpu);
    mmx_set(cpu, d->reg, r.q[0]);
}

HANDLER pinsrw_P_E_I_reg(CPUState *cpu, const DecodedInsn *d)
{
    if (!mmx_check(cpu)) {
        return;
    }
    pinsrw_mmx(cpu, d, reg16(cpu, d->rm));
}

HANDLER pinsrw_P_E_I_mem(CPUState *cpu, const DecodedInsn *d)
{
    if (!mmx_check(cpu)) {
        return;
    }
    pinsrw_mmx(cpu, d, load_w(cpu, d).w[0]);
}
SIMD_SET(pinsrw_P_E_I, pinsrw_P_E_I_reg, pinsrw_P_E_I_mem)

HANDLER pinsrw_V_E_I_reg(CPUState *cpu, const DecodedInsn *d)
{
    sse_check(cpu);
    cpu->xmm[d->reg].w[d->imm & 7] = reg16(cpu, d->rm);
}

HANDLER pinsrw_V_E_I_mem(CPUState *cpu, const DecodedInsn *d)
{
    sse_check(cpu);
    cpu->xmm[d->reg].w[d->imm & 7] = load_w(cpu, d).w[0];
}
SIMD_SET(pinsrw_V_E_I, pinsrw_V_E_I_reg, pinsrw_V_E_I_mem)

static XMMReg insert_word(XMMReg v, unsigned at, uint16_t word)
{
    v.w[at & 7] = word;
    return v;
}

HANDLER vpinsrw_V_H_E_I_reg(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    avx_set128(cpu, d->reg, insert_word(cpu->xmm[d->vvvv], (unsigned)d->imm, reg16(cpu, d->rm)));
}

HANDLER vpinsrw_V_H_E_I_mem(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    uint16_t word = load_w(cpu, d).w[0];
    avx_set128(cpu, d->reg, insert_word(cpu->xmm[d->vvvv], (unsigned)d->imm, word));
}
SIMD_SET(vpinsrw_V_H_E_I, vpinsrw_V_H_E_I_reg, vpinsrw_V_H_E_I_mem)

HANDLER pextrw_G_N_I_reg(CPUState *cpu, const DecodedInsn *d)
{
    if (!mmx_check(cpu)) {
        return;
    }
    mmx_enter(cpu);
    set_reg32(cpu, d->reg, mmx_get(cpu, d->rm).w[d->imm & 3]);
}
SIMD_SET(pextrw_G_N_I, pextrw_G_N_I_reg, pextrw_G_N_I_reg)

HANDLER pextrw_G_U_I_reg(CPUState *cpu, const DecodedInsn *d)
{
    sse_check(cpu);
    set_reg32(cpu, d->reg, cpu->xmm[d->rm].w[d->imm & 7]);
}
SIMD_SET(pextrw_G_U_I, pextrw_G_U_I_reg, pextrw_G_U_I_reg)

HANDLER vpextrw_G_U_I_reg(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    set_reg32(cpu, d->reg, cpu->xmm[d->rm].w[d->imm & 7]);
}
SIMD_SET(vpextrw_G_U_I, vpextrw_G_U_I_reg, vpextrw_G_U_I_reg)

/* ---- sign bits of all lanes ---- */

/* The top bits of eight bytes, gathered: the product moves bit 7 of byte i to bit 56 + i, with no carries in between.
 */
static inline uint32_t byte_signs(uint64_t v)
{
    return (uint32_t)((((v >> 7) & 0x0101010101010101ull) * 0x0102040810204080ull) >> 56);
}

HANDLER pmovmskb_G_N_reg(CPUState *cpu, const DecodedInsn *d)
{
    if (!mmx_check(cpu)) {
        return;
    }
    mmx_enter(cpu);
    set_reg32(cpu, d->reg, byte_signs(mmx_get(cpu, d->rm).q[0]));
}
SIMD_SET(pmovmskb_G_N, pmovmskb_G_N_reg, pmovmskb_G_N_reg)

static inline uint32_t signs8(XMMReg v)
{
    return byte_signs(v.q[0]) | byte_signs(v.q[1]) << 8;
}

static inline uint32_t signs32(XMMReg v)
{
    return v.l[0] >> 31 | v.l[1] >> 31 << 1 | v.l[2] >> 31 << 2 | v.l[3] >> 31 << 3;
}

static inline uint32_t signs64(XMMReg v)
{
    return (uint32_t)(v.q[0] >> 63 | v.q[1] >> 63 << 1);
}

/* name: the signs of `lanes` lanes per 16 bytes */
#define SIGNS(name, signs, lanes)                                                               \
    HANDLER name##_G_U_reg(CPUState *cpu, const DecodedInsn *d)                                 \
    {                                                                                           \
        sse_check(cpu);                                                                         \
        set_reg32(cpu, d->reg, signs(cpu->xmm[d->rm]));                                         \
    }                                                                                           \
    HANDLER v##name##_G_U_reg128(CPUState *cpu, const DecodedInsn *d)                           \
    {                                                                                           \
        avx_check(cpu);                                                                         \
        set_reg32(cpu, d->reg, signs(cpu->xmm[d->rm]));                                         \
    }                                                                                           \
    HANDLER v##name##_G_U_reg256(CPUState *cpu, const DecodedInsn *d)                           \
    {                                                                                           \
        avx_check(cpu);                                                                         \
        set_reg32(cpu, d->reg, signs(cpu->xmm[d->rm]) | signs(ymm_upper(cpu, d->rm)) << lanes); \
    }                                                                                           \
    SIMD_SET(name##_G_U, name##_G_U_reg, name##_G_U_reg)                                        \
    AVX_SET(v##name##_G_U, v##name##_G_U_reg128, v##name##_G_U_reg128, v##name##_G_U_reg256, v##name##_G_U_reg256)
SIGNS(pmovmskb, signs8, 16)
SIGNS(movmskps, signs32, 4)
SIGNS(movmskpd, signs64, 2)
