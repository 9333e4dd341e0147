/*
 * target/i386/simd-f16c.c  VCVTPH2PS, VCVTPS2PH: half precision (1 sign, 5 exponent, 10 fraction bits) in memory and
 * registers. SDM volume 1, 14.4; volume 2.
 *
 * MXCSR.DAZ and FTZ do not touch half-precision denormals; DAZ applies to single-precision operands.
 */
#include "target/i386/simd-float.h"

/* Exact. Denormals become normal without a word; a signalling NaN becomes quiet and raises INVALID. */
static uint32_t half_to_single(uint32_t h, SimdFloat *s)
{
    uint32_t sign = (h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent == 31) {
        s->flags |= fraction && !(fraction & 0x200) ? FLOAT_FLAG_INVALID : 0;
        return sign | 0x7f800000 | fraction << 13 | (fraction ? 0x400000 : 0);
    }
    if (exponent == 0) {
        if (!fraction) {
            return sign;
        }
        unsigned shift = (unsigned)__builtin_clz(fraction) - 21; /* brings the leading one to bit 10 */
        return sign | (113 - shift) << 23 | (fraction << shift & 0x3ff) << 13;
    }
    return sign | (exponent + 112) << 23 | fraction << 13;
}

static bool rounds_up(bool sign, uint32_t kept, uint32_t lost, uint32_t half, FloatRound round)
{
    switch (round) {
    case FLOAT_ROUND_NEAREST:
        return lost > half || (lost == half && (kept & 1));
    case FLOAT_ROUND_DOWN:
        return sign && lost;
    case FLOAT_ROUND_UP:
        return !sign && lost;
    default:
        return false;
    }
}

/* lost: bits below those of a normal half. Unmasked exceptions see the result with an exponent that is not bounded. */
static uint32_t half_overflow(bool sign, uint32_t lost, FloatRound round, SimdFloat *s)
{
    bool to_infinity = round == FLOAT_ROUND_NEAREST || round == (sign ? FLOAT_ROUND_DOWN : FLOAT_ROUND_UP);
    s->flags |= FLOAT_FLAG_OVERFLOW | (lost || !s->lane.overflow_unmasked ? FLOAT_FLAG_INEXACT : 0);
    return to_infinity ? 0x7c00 : 0x7bff;
}

/* significand: 24 bits, of value significand * 2^(exponent - 23), not zero. Returns the half without its sign. */
static uint32_t round_to_half(bool sign, int exponent, uint32_t significand, FloatRound round, SimdFloat *s)
{
    bool tiny = exponent < -14;
    unsigned drop = tiny ? 13 + (unsigned)(-14 - exponent) : 13;
    drop = drop > 25 ? 25 : drop;
    uint32_t kept = significand >> drop, lost = significand & ((1u << drop) - 1);
    bool up = rounds_up(sign, kept, lost, 1u << (drop - 1), round);
    if (tiny && exponent == -15) { /* tiny after rounding? to 11 bits, with the exponent unbounded */
        uint32_t normal_lost = significand & 0x1fff, normal_kept = significand >> 13;
        bool carries = normal_kept == 0x7ff && rounds_up(sign, normal_kept, normal_lost, 0x1000, round);
        tiny = !carries;
    }
    uint32_t biased = exponent < -14 ? 0 : (uint32_t)(exponent + 14); /* the leading one adds 1 */
    uint32_t r = (biased << 10) + kept + up;
    if (r >= 0x7c00) {
        return half_overflow(sign, lost, round, s);
    }
    if (tiny && s->lane.underflow_unmasked) {
        s->flags |=
            FLOAT_FLAG_UNDERFLOW | (significand << (__builtin_clz(significand) - 8) & 0x1fff ? FLOAT_FLAG_INEXACT : 0);
    } else {
        s->flags |= lost ? FLOAT_FLAG_INEXACT | (tiny ? FLOAT_FLAG_UNDERFLOW : 0) : 0;
    }
    return r;
}

static uint32_t finite_to_half(bool sign, uint32_t magnitude, FloatRound round, SimdFloat *s)
{
    uint32_t fraction = magnitude & 0x7fffff, biased = magnitude >> 23;
    if (biased == 0) {
        if (!fraction || s->lane.denormals_are_zero) {
            return 0;
        }
        s->flags |= FLOAT_FLAG_DENORMAL;
        return round_to_half(sign, -126, fraction, round, s);
    }
    return round_to_half(sign, (int)biased - 127, fraction | 0x800000, round, s);
}

static uint32_t single_to_half(uint32_t v, FloatRound round, SimdFloat *s)
{
    uint32_t sign = v >> 31, magnitude = v & 0x7fffffff;
    if (magnitude > 0x7f800000) {
        s->flags |= v & 0x400000 ? 0 : FLOAT_FLAG_INVALID;
        return sign << 15 | 0x7e00 | (v >> 13 & 0x3ff);
    }
    if (magnitude == 0x7f800000) {
        return sign << 15 | 0x7c00;
    }
    return sign << 15 | finite_to_half(sign, magnitude, round, s);
}

/* ---- four at a time ---- */

static SimdVec from_halves(SimdFloat *s, SimdVec v)
{
    XMMReg b = simd_lanes(v), r;
    for (unsigned i = 0; i < 4; i++) {
        r.l[i] = half_to_single(b.w[i], s);
    }
    return simd_vec(r);
}

static uint64_t to_halves(SimdFloat *s, SimdVec v, unsigned imm)
{
    XMMReg a = simd_lanes(v), r = simd_from64(0);
    FloatRound round = imm & 4 ? s->lane.round : (FloatRound)(imm & 3);
    for (unsigned i = 0; i < 4; i++) {
        r.w[i] = (uint16_t)single_to_half(a.l[i], round, s);
    }
    return r.q[0];
}

#define PH2PS SOFT_SESSION(cpu, from_halves(s, b))
FLOAT_FORMS_VEX128(vcvtph2ps_V_W, load_vec_q, PH2PS, from_halves(s, b))
FLOAT_FORM_VEX256(vcvtph2ps_V_W_reg256, vec2_spread_at(cpu, d->rm), vec2_put, PH2PS, from_halves(s, b))
FLOAT_FORM_VEX256(vcvtph2ps_V_W_mem256, load_vec2_spread(cpu, d), vec2_put, PH2PS, from_halves(s, b))
AVX_SET(vcvtph2ps_V_W, vcvtph2ps_V_W_reg128, vcvtph2ps_V_W_mem128, vcvtph2ps_V_W_reg256, vcvtph2ps_V_W_mem256)

/* The destination is r/m. A store that faults leaves MXCSR as it was. */
static XMMReg halves_of_lower(CPUState *cpu, const DecodedInsn *d)
{
    return simd_from64(SOFT_SESSION(cpu, to_halves(s, simd_vec_at(&cpu->xmm[d->reg]), (unsigned)d->imm)));
}

static XMMReg halves_of_whole(CPUState *cpu, const DecodedInsn *d)
{
    SimdFloat session = simd_float_begin(cpu);
    SimdVec2 a = vec2_at(cpu, d->reg);
    XMMReg r = { .q = { to_halves(&session, a.low, (unsigned)d->imm), to_halves(&session, a.high, (unsigned)d->imm) } };
    simd_float_finish(cpu, &session);
    return r;
}

HANDLER vcvtps2ph_reg128(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    avx_set128(cpu, d->rm, halves_of_lower(cpu, d));
}

HANDLER vcvtps2ph_reg256(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    avx_set128(cpu, d->rm, halves_of_whole(cpu, d));
}

HANDLER vcvtps2ph_mem128(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    uint64_t la = seg_write_address(cpu, d->seg, insn_ea(cpu, d), 8);
    cpu_probe(cpu, la, 8, ACCESS_WRITE, cpu->mmu_mode);
    cpu_st64(cpu, la, halves_of_lower(cpu, d).q[0]);
}

HANDLER vcvtps2ph_mem256(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    uint64_t la = seg_write_address(cpu, d->seg, insn_ea(cpu, d), 16);
    cpu_probe(cpu, la, 16, ACCESS_WRITE, cpu->mmu_mode);
    simd_store128_at(cpu, la, halves_of_whole(cpu, d));
}
AVX_SET(vcvtps2ph_W_V_I, vcvtps2ph_reg128, vcvtps2ph_mem128, vcvtps2ph_reg256, vcvtps2ph_mem256)
