/*
 * target/i386/simd-sse4-float.c  SSE4.1 on floating-point numbers: ROUNDxx, DPPS, DPPD, and their forms with VEX. SDM
 * volume 2.
 *
 * Not every x86-64 host has these. ROUNDxx has one result everywhere, so the host computes it where it can; DPxx, rare
 * and with flags that differ between makers, is all softfloat's.
 */
#include "target/i386/simd-float.h"

/* ---- ROUNDxx: bits 1:0 the mode unless bit 2 says MXCSR's; bit 3: no INEXACT ---- */

#define ROUND_MXCSR 4
#define ROUND_QUIET 8

typedef struct RoundModes {
    FloatRound before;
    bool quiet;
} RoundModes;

static RoundModes round_begin(SimdFloat *s, unsigned imm)
{
    RoundModes m = { s->lane.round, imm & ROUND_QUIET };
    s->lane.round = imm & ROUND_MXCSR ? s->lane.round : (FloatRound)(imm & 3);
    return m;
}

static void round_note(SimdFloat *s, RoundModes m)
{
    /* Denormals raise nothing here (SDM 2, ROUNDPD). */
    s->lane.flags &= (uint8_t)(m.quiet ? FLOAT_FLAG_INVALID : FLOAT_FLAG_INVALID | FLOAT_FLAG_INEXACT);
    simd_float_note(s);
}

static SimdVec round32(SimdFloat *s, SimdVec va, SimdVec vb, unsigned lanes, unsigned imm)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    RoundModes m = round_begin(s, imm);
    for (unsigned i = 0; i < lanes; i++) {
        a.l[i] = float32_round_to_int(b.l[i], &s->lane);
        round_note(s, m);
    }
    s->lane.round = m.before;
    return simd_vec(a);
}

static SimdVec round64(SimdFloat *s, SimdVec va, SimdVec vb, unsigned lanes, unsigned imm)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    RoundModes m = round_begin(s, imm);
    for (unsigned i = 0; i < lanes; i++) {
        a.q[i] = float64_round_to_int(b.q[i], &s->lane);
        round_note(s, m);
    }
    s->lane.round = m.before;
    return simd_vec(a);
}

#define ROUND_ANY(op, soft, lanes)                                                                                  \
    static __attribute__((noinline)) SimdVec op##_any(CPUState *cpu, SimdVec a, SimdVec b, unsigned imm)            \
    {                                                                                                               \
        return host_has_round() ? host_##op(a, b, imm, &cpu->mxcsr) : SOFT_SESSION(cpu, soft(s, a, b, lanes, imm)); \
    }
HOST_ONLY(ROUND_ANY(roundps, round32, 4) ROUND_ANY(roundpd, round64, 2) ROUND_ANY(roundss, round32, 1)
              ROUND_ANY(roundsd, round64, 1))

FLOAT_PACKED(roundps, roundps_any(cpu, a, b, (unsigned)d->imm), round32(s, a, b, 4, (unsigned)d->imm))
FLOAT_PACKED(roundpd, roundpd_any(cpu, a, b, (unsigned)d->imm), round64(s, a, b, 2, (unsigned)d->imm))
FLOAT_SCALAR(roundss, load_vec_d, roundss_any(cpu, a, b, (unsigned)d->imm), round32(s, a, b, 1, (unsigned)d->imm))
FLOAT_SCALAR(roundsd, load_vec_q, roundsd_any(cpu, a, b, (unsigned)d->imm), round64(s, a, b, 1, (unsigned)d->imm))

/*
 * ---- DPPS, DPPD: products of the lanes in imm 7:4, summed, into the lanes in imm 3:0 ----
 * Lanes left out count as +0. Products and each step of the sum are operations of their own: an unmasked exception in
 * one keeps the next from happening.
 */

static XMMReg keep_dwords(XMMReg v, unsigned which)
{
    for (unsigned i = 0; i < 4; i++) {
        v.l[i] = which >> i & 1 ? v.l[i] : 0;
    }
    return v;
}

static XMMReg keep_qwords(XMMReg v, unsigned which)
{
    return (XMMReg){ .q = { which & 1 ? v.q[0] : 0, which & 2 ? v.q[1] : 0 } };
}

static bool trapped(const SimdFloat *s, uint32_t mxcsr)
{
    return s->flags & ~(mxcsr >> 7);
}

static uint32_t add_noting32(SimdFloat *s, uint32_t a, uint32_t b)
{
    uint32_t r = float32_add(a, b, &s->lane);
    simd_float_note(s);
    return r;
}

static SimdVec soft_dpps(SimdFloat *s, SimdVec va, SimdVec vb, unsigned imm, uint32_t mxcsr)
{
    XMMReg a = keep_dwords(simd_lanes(va), imm >> 4), b = keep_dwords(simd_lanes(vb), imm >> 4);
    for (unsigned i = 0; i < 4; i++) {
        a.l[i] = float32_mul(a.l[i], b.l[i], &s->lane);
        simd_float_note(s);
    }
    if (trapped(s, mxcsr)) {
        return va;
    }
    uint32_t low = add_noting32(s, a.l[0], a.l[1]), high = add_noting32(s, a.l[2], a.l[3]);
    if (trapped(s, mxcsr)) {
        return va;
    }
    uint32_t sum = add_noting32(s, low, high);
    return simd_vec(keep_dwords((XMMReg){ .l = { sum, sum, sum, sum } }, imm));
}

static SimdVec soft_dppd(SimdFloat *s, SimdVec va, SimdVec vb, unsigned imm, uint32_t mxcsr)
{
    XMMReg a = keep_qwords(simd_lanes(va), imm >> 4), b = keep_qwords(simd_lanes(vb), imm >> 4);
    for (unsigned i = 0; i < 2; i++) {
        a.q[i] = float64_mul(a.q[i], b.q[i], &s->lane);
        simd_float_note(s);
    }
    if (trapped(s, mxcsr)) {
        return va;
    }
    uint64_t sum = float64_add(a.q[0], a.q[1], &s->lane);
    simd_float_note(s);
    return simd_vec(keep_qwords((XMMReg){ .q = { sum, sum } }, imm));
}

#define DPPS soft_dpps(s, a, b, (unsigned)d->imm, cpu->mxcsr)
#define DPPD soft_dppd(s, a, b, (unsigned)d->imm, cpu->mxcsr)
FLOAT_PACKED(dpps, SOFT_SESSION(cpu, DPPS), DPPS)
FLOAT_FORMS_SSE(dppd_V_W, load_vec, SOFT_SESSION(cpu, DPPD), DPPD)
FLOAT_FORMS_VEX128(vdppd_V_H_W, load_vec_unaligned, SOFT_SESSION(cpu, DPPD), DPPD)
SIMD_SET(dppd_V_W, dppd_V_W_reg, dppd_V_W_mem)
SIMD_SET(vdppd_V_H_W, vdppd_V_H_W_reg128, vdppd_V_H_W_mem128)
