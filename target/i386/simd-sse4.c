/*
 * target/i386/simd-sse4.c  SSE4.1 and SSE4.2 on packed integers, and what only moves or selects: comparison, minimum,
 * maximum, multiplication, blends, extension, insert, extract, PTEST; and their forms with VEX. SDM volume 2.
 *
 * Floating-point arithmetic of SSE4.1 is in simd-sse4-float.c, the string comparisons in simd-string.c.
 */
#include "target/i386/flags.h"
#include "target/i386/simd-avx.h"

/* ---- lane by lane: x of a, y of b ---- */

#define LANES(name, type, field, expression)                       \
    SIMD_INLINE XMMReg name(XMMReg a, XMMReg b)                    \
    {                                                              \
        XMMReg r;                                                  \
        for (unsigned i = 0; i < 16 / sizeof(type); i++) {         \
            const type x = (type)a.field[i], y = (type)b.field[i]; \
            r.field[i] = (__typeof__(r.field[0]))(expression);     \
        }                                                          \
        return r;                                                  \
    }                                                              \
    SIMD_BOTH(name, name(a, b))
LANES(pminsb, int8_t, b, x < y ? x : y)
LANES(pmaxsb, int8_t, b, x > y ? x : y)
LANES(pminuw, uint16_t, w, x < y ? x : y)
LANES(pmaxuw, uint16_t, w, x > y ? x : y)
LANES(pminsd, int32_t, l, x < y ? x : y)
LANES(pmaxsd, int32_t, l, x > y ? x : y)
LANES(pminud, uint32_t, l, x < y ? x : y)
LANES(pmaxud, uint32_t, l, x > y ? x : y)
LANES(pmulld, uint32_t, l, x *y)
LANES(pmuldq, int64_t, q, (int64_t)(int32_t)x *(int32_t)y)
LANES(pcmpeqq, uint64_t, q, x == y ? UINT64_MAX : 0)
LANES(pcmpgtq, int64_t, q, x > y ? UINT64_MAX : 0)

static inline uint16_t clamp_unsigned(int32_t v)
{
    return (uint16_t)(v < 0 ? 0 : v > UINT16_MAX ? UINT16_MAX : v);
}

static inline XMMReg packusdw(XMMReg a, XMMReg b)
{
    XMMReg r;
    for (unsigned i = 0; i < 4; i++) {
        r.w[i] = clamp_unsigned((int32_t)a.l[i]);
        r.w[4 + i] = clamp_unsigned((int32_t)b.l[i]);
    }
    return r;
}
SIMD_BOTH(packusdw, packusdw(a, b))

/* The smallest word and its place. */
static XMMReg phminposuw(XMMReg b)
{
    unsigned at = 0;
    for (unsigned i = 1; i < 8; i++) {
        at = b.w[i] < b.w[at] ? i : at;
    }
    return simd_from64(b.w[at] | (uint64_t)at << 16);
}
SSE_OP(phminposuw_V_W, load_aligned, phminposuw(b))
AVX_OP_128(vphminposuw_V_W, load_unaligned, phminposuw(b))

/* Eight sums of four absolute differences: bytes of a from imm bit 2 on, one block of b by imm bits 1:0. */
static XMMReg mpsadbw(XMMReg a, XMMReg b, unsigned imm)
{
    const uint8_t *from = &a.b[imm & 4], *block = &b.b[4 * (imm & 3)];
    XMMReg r;
    for (unsigned i = 0; i < 8; i++) {
        unsigned sum = 0;
        for (unsigned j = 0; j < 4; j++) {
            sum += (unsigned)abs(from[i + j] - block[j]);
        }
        r.w[i] = (uint16_t)sum;
    }
    return r;
}
SSE_OP(mpsadbw_V_W_I, load_aligned, mpsadbw(a, b, (unsigned)d->imm))
AVX_OP(vmpsadbw_V_H_W_I, mpsadbw(a, b, (unsigned)d->imm >> 3 * lane))

/* ---- extension: the lower lanes of b ---- */

#define EXTEND(name, lanes, to, from, type, part, load, load_wide) \
    SIMD_INLINE XMMReg name(XMMReg b)                              \
    {                                                              \
        XMMReg r;                                                  \
        for (unsigned i = 0; i < lanes; i++) {                     \
            r.to[i] = (__typeof__(r.to[0]))(type)b.from[i];        \
        }                                                          \
        return r;                                                  \
    }                                                              \
    SSE_OP(name##_V_W, load, name(b))                              \
    AVX_OP_WIDEN(v##name##_V_W, part, load, load_wide, name(b))
EXTEND(pmovsxbw, 8, w, b, int8_t, 8, load_q, load_unaligned)
EXTEND(pmovsxbd, 4, l, b, int8_t, 4, load_d, load_q)
EXTEND(pmovsxbq, 2, q, b, int8_t, 2, load_w, load_d)
EXTEND(pmovsxwd, 4, l, w, int16_t, 8, load_q, load_unaligned)
EXTEND(pmovsxwq, 2, q, w, int16_t, 4, load_d, load_q)
EXTEND(pmovsxdq, 2, q, l, int32_t, 8, load_q, load_unaligned)
EXTEND(pmovzxbw, 8, w, b, uint8_t, 8, load_q, load_unaligned)
EXTEND(pmovzxbd, 4, l, b, uint8_t, 4, load_d, load_q)
EXTEND(pmovzxbq, 2, q, b, uint8_t, 2, load_w, load_d)
EXTEND(pmovzxwd, 4, l, w, uint16_t, 8, load_q, load_unaligned)
EXTEND(pmovzxwq, 2, q, w, uint16_t, 4, load_d, load_q)
EXTEND(pmovzxdq, 2, q, l, uint32_t, 8, load_q, load_unaligned)

/* ---- blends: lanes of b where selected ---- */

#define BLEND(name, field, n, selected)                                    \
    SIMD_INLINE XMMReg name(XMMReg a, XMMReg b, XMMReg mask, unsigned imm) \
    {                                                                      \
        XMMReg r;                                                          \
        (void)mask;                                                        \
        (void)imm;                                                         \
        for (unsigned i = 0; i < n; i++) {                                 \
            r.field[i] = (selected) ? b.field[i] : a.field[i];             \
        }                                                                  \
        return r;                                                          \
    }
BLEND(blend_w, w, 8, imm >> i & 1)
BLEND(blend_d, l, 4, imm >> i & 1)
BLEND(blend_q, q, 2, imm >> i & 1)
BLEND(blend_by_b, b, 16, mask.b[i] >> 7)
BLEND(blend_by_d, l, 4, mask.l[i] >> 31)
BLEND(blend_by_q, q, 2, mask.q[i] >> 63)

SSE_OP(pblendw_V_W_I, load_aligned, blend_w(a, b, a, (unsigned)d->imm))
SSE_OP(blendps_V_W_I, load_aligned, blend_d(a, b, a, (unsigned)d->imm))
SSE_OP(blendpd_V_W_I, load_aligned, blend_q(a, b, a, (unsigned)d->imm))
AVX_OP(vpblendw_V_H_W_I, blend_w(a, b, a, (unsigned)d->imm))
AVX_OP(vblendps_V_H_W_I, blend_d(a, b, a, (unsigned)d->imm >> 4 * lane)) /* also VPBLENDD */
AVX_OP(vblendpd_V_H_W_I, blend_q(a, b, a, (unsigned)d->imm >> 2 * lane))
/* The mask is XMM0, with VEX the register in the immediate. */
SSE_OP(pblendvb_V_W, load_aligned, blend_by_b(a, b, cpu->xmm[0], 0))
SSE_OP(blendvps_V_W, load_aligned, blend_by_d(a, b, cpu->xmm[0], 0))
SSE_OP(blendvpd_V_W, load_aligned, blend_by_q(a, b, cpu->xmm[0], 0))

/* Outside 64-bit mode there are eight registers, and bit 7 is ignored. */
static inline XMMReg mask_register(const CPUState *cpu, const DecodedInsn *d, unsigned lane)
{
    unsigned n = (unsigned)d->imm >> 4 & (cpu_code64(cpu) ? 15 : 7);
    return lane ? ymm_upper(cpu, n) : cpu->xmm[n];
}
AVX_OP(vpblendvb_V_H_W_L, blend_by_b(a, b, mask_register(cpu, d, lane), 0))
AVX_OP(vblendvps_V_H_W_L, blend_by_d(a, b, mask_register(cpu, d, lane), 0))
AVX_OP(vblendvpd_V_H_W_L, blend_by_q(a, b, mask_register(cpu, d, lane), 0))

/* ---- insert and extract ---- */

static XMMReg insert_byte(XMMReg v, unsigned at, uint8_t lane)
{
    v.b[at & 15] = lane;
    return v;
}

static XMMReg insert_dword(XMMReg v, unsigned at, uint32_t lane)
{
    v.l[at & 3] = lane;
    return v;
}

static XMMReg insert_qword(XMMReg v, unsigned at, uint64_t lane)
{
    v.q[at & 1] = lane;
    return v;
}

/* suffix: "" or the operand size where there are two */
#define INSERT(name, suffix, check, put, source, insert, bits)                                           \
    HANDLER name##_reg##suffix(CPUState *cpu, const DecodedInsn *d)                                      \
    {                                                                                                    \
        check(cpu);                                                                                      \
        put(cpu, d->reg, insert(cpu->xmm[source], (unsigned)d->imm, (uint##bits##_t)reg64(cpu, d->rm))); \
    }                                                                                                    \
    HANDLER name##_mem##suffix(CPUState *cpu, const DecodedInsn *d)                                      \
    {                                                                                                    \
        check(cpu);                                                                                      \
        uint##bits##_t v = seg_ld##bits(cpu, d->seg, insn_ea(cpu, d));                                   \
        put(cpu, d->reg, insert(cpu->xmm[source], (unsigned)d->imm, v));                                 \
    }
static inline void sse_put(CPUState *cpu, unsigned n, XMMReg v)
{
    cpu->xmm[n] = v;
}
INSERT(pinsrb_V_E_I, , sse_check, sse_put, d->reg, insert_byte, 8)
INSERT(pinsrd_V_E_I, 32, sse_check, sse_put, d->reg, insert_dword, 32)
INSERT(pinsrd_V_E_I, 64, sse_check, sse_put, d->reg, insert_qword, 64)
INSERT(vpinsrb_V_H_E_I, , avx_check, avx_set128, d->vvvv, insert_byte, 8)
INSERT(vpinsrd_V_H_E_I, 32, avx_check, avx_set128, d->vvvv, insert_dword, 32)
INSERT(vpinsrd_V_H_E_I, 64, avx_check, avx_set128, d->vvvv, insert_qword, 64)
SIMD_SET(pinsrb_V_E_I, pinsrb_V_E_I_reg, pinsrb_V_E_I_mem)
SIMD_SET_Y(pinsrd_V_E_I)
SIMD_SET(vpinsrb_V_H_E_I, vpinsrb_V_H_E_I_reg, vpinsrb_V_H_E_I_mem)
SIMD_SET_Y(vpinsrd_V_H_E_I)

/* Lane of source by imm 7:6 (memory: the operand itself), place 5:4, lanes to clear 3:0. */
static XMMReg insertps(XMMReg a, uint32_t lane, unsigned imm)
{
    a.l[imm >> 4 & 3] = lane;
    for (unsigned i = 0; i < 4; i++) {
        a.l[i] = imm >> i & 1 ? 0 : a.l[i];
    }
    return a;
}
SSE_OP_REG_FORM(insertps_V_W_I, insertps(a, b.l[d->imm >> 6 & 3], (unsigned)d->imm))
SSE_OP_MEM_FORM(insertps_V_W_I, load_d, insertps(a, b.l[0], (unsigned)d->imm))
SIMD_SET(insertps_V_W_I, insertps_V_W_I_reg, insertps_V_W_I_mem)
AVX_FORM_REG128(vinsertps_V_H_W_I, insertps(a, b.l[d->imm >> 6 & 3], (unsigned)d->imm))
AVX_FORM_MEM128(vinsertps_V_H_W_I, load_d, insertps(a, b.l[0], (unsigned)d->imm))
SIMD_SET(vinsertps_V_H_W_I, vinsertps_V_H_W_I_reg128, vinsertps_V_H_W_I_mem128)

/* Registers get 32 bits, or 64, zero-extended. */
#define EXTRACT(name, suffix, check, field, last, reg_bits, bits)                          \
    HANDLER name##_reg##suffix(CPUState *cpu, const DecodedInsn *d)                        \
    {                                                                                      \
        check(cpu);                                                                        \
        set_reg##reg_bits(cpu, d->rm, cpu->xmm[d->reg].field[d->imm & last]);              \
    }                                                                                      \
    HANDLER name##_mem##suffix(CPUState *cpu, const DecodedInsn *d)                        \
    {                                                                                      \
        check(cpu);                                                                        \
        seg_st##bits(cpu, d->seg, insn_ea(cpu, d), cpu->xmm[d->reg].field[d->imm & last]); \
    }
#define EXTRACT_ALL(v, check)                                           \
    EXTRACT(v##pextrb_E_V_I, , check, b, 15, 32, 8)                     \
    EXTRACT(v##pextrw_E_V_I, , check, w, 7, 32, 16)                     \
    EXTRACT(v##pextrd_E_V_I, 32, check, l, 3, 32, 32)                   \
    EXTRACT(v##pextrd_E_V_I, 64, check, q, 1, 64, 64)                   \
    SIMD_SET(v##pextrb_E_V_I, v##pextrb_E_V_I_reg, v##pextrb_E_V_I_mem) \
    SIMD_SET(v##pextrw_E_V_I, v##pextrw_E_V_I_reg, v##pextrw_E_V_I_mem) \
    SIMD_SET_Y(v##pextrd_E_V_I)                                         \
    SIMD_SET(v##extractps_E_V_I, v##pextrd_E_V_I_reg32, v##pextrd_E_V_I_mem32)
EXTRACT_ALL(, sse_check)
EXTRACT_ALL(v, avx_check)

/* ---- PTEST, VTESTPS, VTESTPD: ZF when a & b has no bit, CF when ~a & b has none; of sign bits, or of all ---- */

static void set_test_flags(CPUState *cpu, uint64_t both, uint64_t only_b)
{
    cc_set(cpu, (both ? 0 : CC_Z) | (only_b ? 0 : CC_C));
}

static inline void test_bits(CPUState *cpu, YMMReg a, YMMReg b, uint64_t bits)
{
    uint64_t both = 0, only_b = 0;
    for (unsigned i = 0; i < 4; i++) {
        both |= a.q[i] & b.q[i];
        only_b |= ~a.q[i] & b.q[i];
    }
    set_test_flags(cpu, both & bits, only_b & bits);
}

static inline YMMReg half_register(XMMReg v)
{
    return (YMMReg){ .q = { v.q[0], v.q[1], 0, 0 } };
}

#define TEST_FORMS(set, check, load, bits)                                                     \
    HANDLER set##_reg(CPUState *cpu, const DecodedInsn *d)                                     \
    {                                                                                          \
        check(cpu);                                                                            \
        test_bits(cpu, half_register(cpu->xmm[d->reg]), half_register(cpu->xmm[d->rm]), bits); \
    }                                                                                          \
    HANDLER set##_mem(CPUState *cpu, const DecodedInsn *d)                                     \
    {                                                                                          \
        check(cpu);                                                                            \
        XMMReg b = load(cpu, d);                                                               \
        test_bits(cpu, half_register(cpu->xmm[d->reg]), half_register(b), bits);               \
    }
#define TEST_VEX(set, bits)                                              \
    TEST_FORMS(set, avx_check, load_unaligned, bits)                     \
    HANDLER set##_reg256(CPUState *cpu, const DecodedInsn *d)            \
    {                                                                    \
        avx_check(cpu);                                                  \
        test_bits(cpu, ymm_get(cpu, d->reg), ymm_get(cpu, d->rm), bits); \
    }                                                                    \
    HANDLER set##_mem256(CPUState *cpu, const DecodedInsn *d)            \
    {                                                                    \
        avx_check(cpu);                                                  \
        YMMReg b = load256(cpu, d);                                      \
        test_bits(cpu, ymm_get(cpu, d->reg), b, bits);                   \
    }                                                                    \
    AVX_SET(set, set##_reg, set##_mem, set##_reg256, set##_mem256)
TEST_FORMS(ptest_V_W, sse_check, load_aligned, UINT64_MAX)
SIMD_SET(ptest_V_W, ptest_V_W_reg, ptest_V_W_mem)
TEST_VEX(vptest_V_W, UINT64_MAX)
TEST_VEX(vtestps_V_W, 0x8000000080000000ull)
TEST_VEX(vtestpd_V_W, 1ull << 63)
