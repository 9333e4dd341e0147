/*
 * target/i386/simd-convert.c  CVTxx2yy: between integers, single and double precision, in XMM, MMX and general
 * registers. SDM volume 1, 11.4.1.6 and 11.4.4; out of range gives the integer indefinite and INVALID.
 *
 * The MMX forms are XMM forms on half a register: zeros in the other half convert to zeros and raise nothing.
 */
#include "target/i386/simd-float.h"

static inline SimdVec lower_half(SimdVec a)
{
    return (SimdVec){ a[0], 0 };
}

/* ---- softfloat, lane by lane; results that need half a register leave the upper half zero ---- */

/* statement sees the operand's lanes as a and sets r's, i below `lanes`. */
#define SOFT_CONVERT(name, lanes, statement)              \
    SOFT SimdVec soft_##name(SimdFloat *s, SimdVec va)    \
    {                                                     \
        XMMReg a = simd_lanes(va), r = { .q = { 0, 0 } }; \
        for (unsigned i = 0; i < lanes; i++) {            \
            statement;                                    \
            simd_float_note(s);                           \
        }                                                 \
        return simd_vec(r);                               \
    }
SOFT_CONVERT(cvtdq2ps, 4, r.l[i] = int32_to_float32((int32_t)a.l[i], &s->lane))
SOFT_CONVERT(cvtps2dq, 4, r.l[i] = (uint32_t)float32_to_int32(a.l[i], &s->lane))
SOFT_CONVERT(cvttps2dq, 4, r.l[i] = (uint32_t)float32_to_int32_trunc(a.l[i], &s->lane))
SOFT_CONVERT(cvtpd2dq, 2, r.l[i] = (uint32_t)float64_to_int32(a.q[i], &s->lane))
SOFT_CONVERT(cvttpd2dq, 2, r.l[i] = (uint32_t)float64_to_int32_trunc(a.q[i], &s->lane))
SOFT_CONVERT(cvtps2pd, 2, r.q[i] = float32_to_float64(a.l[i], &s->lane))
SOFT_CONVERT(cvtpd2ps, 2, r.l[i] = float64_to_float32(a.q[i], &s->lane))
SOFT_CONVERT(cvtdq2pd, 2, r.q[i] = int32_to_float64((int32_t)a.l[i], &s->lane))
SOFT_CONVERT(cvtss2sd, 1, r.q[i] = float32_to_float64(a.l[i], &s->lane))
SOFT_CONVERT(cvtsd2ss, 1, r.l[i] = float64_to_float32(a.q[i], &s->lane))

/* For operands that are no XMM register. */
#define CONVERT(name)                                                                 \
    SOFT SimdVec name##_slow(CPUState *cpu, SimdVec b)                                \
    {                                                                                 \
        return SOFT_SESSION(cpu, soft_##name(s, b));                                  \
    }                                                                                 \
    SIMD_INLINE SimdVec name(CPUState *cpu, SimdVec b)                                \
    {                                                                                 \
        return HOST_CHOOSE(cpu, host_##name(b, b, &cpu->mxcsr), name##_slow(cpu, b)); \
    }
CONVERT(cvtdq2ps)
CONVERT(cvtps2dq)
CONVERT(cvttps2dq)
CONVERT(cvtpd2dq)
CONVERT(cvttpd2dq)
CONVERT(cvtdq2pd)

#define CONVERT_XMM(shape, name) shape(name, host_##name(b, b, &cpu->mxcsr), soft_##name(s, b))
CONVERT_XMM(FLOAT_PACKED, cvtdq2ps)
CONVERT_XMM(FLOAT_PACKED, cvtps2dq)
CONVERT_XMM(FLOAT_PACKED, cvttps2dq)
CONVERT_XMM(FLOAT_NARROW, cvtpd2dq)
CONVERT_XMM(FLOAT_NARROW, cvttpd2dq)
CONVERT_XMM(FLOAT_NARROW, cvtpd2ps)
CONVERT_XMM(FLOAT_WIDEN, cvtps2pd)
CONVERT_XMM(FLOAT_WIDEN, cvtdq2pd)

FLOAT_SCALAR(cvtss2sd, load_vec_d, host_cvtss2sd(a, b, &cpu->mxcsr), merge64(a, soft_cvtss2sd(s, b)))
FLOAT_SCALAR(cvtsd2ss, load_vec_q, host_cvtsd2ss(a, b, &cpu->mxcsr), merge32(a, soft_cvtsd2ss(s, b)))

/* ---- MMX operands. The state changes after the conversion, which may raise #XM. ---- */

static inline SimdVec mmx_vec(const CPUState *cpu, unsigned n)
{
    return (SimdVec){ cpu->fpu.st[n].low, 0 };
}

HANDLER cvtpi2ps_V_Q_reg(CPUState *cpu, const DecodedInsn *d)
{
    if (!sse_mmx_check(cpu)) {
        return;
    }
    SimdVec r = cvtdq2ps(cpu, mmx_vec(cpu, d->rm));
    mmx_enter(cpu);
    cpu->xmm[d->reg].q[0] = r[0];
}

HANDLER cvtpi2ps_V_Q_mem(CPUState *cpu, const DecodedInsn *d)
{
    if (!sse_mmx_check(cpu)) {
        return;
    }
    SimdVec r = cvtdq2ps(cpu, load_vec_q(cpu, d));
    mmx_enter(cpu);
    cpu->xmm[d->reg].q[0] = r[0];
}
SIMD_SET(cvtpi2ps_V_Q, cvtpi2ps_V_Q_reg, cvtpi2ps_V_Q_mem)

HANDLER cvtpi2pd_V_Q_reg(CPUState *cpu, const DecodedInsn *d)
{
    if (!sse_mmx_check(cpu)) {
        return;
    }
    SimdVec r = cvtdq2pd(cpu, mmx_vec(cpu, d->rm));
    mmx_enter(cpu);
    simd_vec_put(&cpu->xmm[d->reg], r);
}

/* With a memory operand this one does not touch the x87 (SDM 2, CVTPI2PD). */
HANDLER cvtpi2pd_V_Q_mem(CPUState *cpu, const DecodedInsn *d)
{
    sse_check(cpu);
    simd_vec_put(&cpu->xmm[d->reg], cvtdq2pd(cpu, load_vec_q(cpu, d)));
}
SIMD_SET(cvtpi2pd_V_Q, cvtpi2pd_V_Q_reg, cvtpi2pd_V_Q_mem)

#define CONVERT_TO_MMX(name, load, convert)                               \
    SIMD_INLINE void name(CPUState *cpu, const DecodedInsn *d, SimdVec b) \
    {                                                                     \
        SimdVec r = convert(cpu, b);                                      \
        mmx_enter(cpu);                                                   \
        mmx_set(cpu, d->reg, r[0]);                                       \
    }                                                                     \
    HANDLER name##_P_W_reg(CPUState *cpu, const DecodedInsn *d)           \
    {                                                                     \
        if (!sse_mmx_check(cpu)) {                                        \
            return;                                                       \
        }                                                                 \
        name(cpu, d, simd_vec_at(&cpu->xmm[d->rm]));                      \
    }                                                                     \
    HANDLER name##_P_W_mem(CPUState *cpu, const DecodedInsn *d)           \
    {                                                                     \
        if (!sse_mmx_check(cpu)) {                                        \
            return;                                                       \
        }                                                                 \
        name(cpu, d, load(cpu, d));                                       \
    }                                                                     \
    SIMD_SET(name##_P_W, name##_P_W_reg, name##_P_W_mem)

SIMD_INLINE SimdVec cvtps2dq_half(CPUState *cpu, SimdVec b)
{
    return cvtps2dq(cpu, lower_half(b));
}

SIMD_INLINE SimdVec cvttps2dq_half(CPUState *cpu, SimdVec b)
{
    return cvttps2dq(cpu, lower_half(b));
}
CONVERT_TO_MMX(cvtps2pi, load_vec_q, cvtps2dq_half)
CONVERT_TO_MMX(cvttps2pi, load_vec_q, cvttps2dq_half)
CONVERT_TO_MMX(cvtpd2pi, load_vec, cvtpd2dq)
CONVERT_TO_MMX(cvttpd2pi, load_vec, cvttpd2dq)

/* ---- general registers ---- */

#define SOFT_FROM_INT(name, type, merge, bits)                                                       \
    SOFT SimdVec soft_##name##bits(CPUState *cpu, SimdVec a, uint##bits##_t v)                       \
    {                                                                                                \
        SimdFloat s = simd_float_begin(cpu);                                                         \
        SimdVec low = { int##bits##_to_##type((int##bits##_t)v, &s.lane), 0 };                       \
        simd_float_note(&s);                                                                         \
        simd_float_finish(cpu, &s);                                                                  \
        return merge(a, low);                                                                        \
    }                                                                                                \
    SIMD_INLINE SimdVec name##bits(CPUState *cpu, SimdVec a, uint##bits##_t v)                       \
    {                                                                                                \
        return HOST_CHOOSE(cpu, host_##name##bits(a, v, &cpu->mxcsr), soft_##name##bits(cpu, a, v)); \
    }
#define FROM_INT_HANDLERS(name, bits)                                                        \
    HANDLER name##_V_E_reg##bits(CPUState *cpu, const DecodedInsn *d)                        \
    {                                                                                        \
        sse_check(cpu);                                                                      \
        SimdVec a = simd_vec_at(&cpu->xmm[d->reg]);                                          \
        simd_vec_put(&cpu->xmm[d->reg], name##bits(cpu, a, reg##bits(cpu, d->rm)));          \
    }                                                                                        \
    HANDLER name##_V_E_mem##bits(CPUState *cpu, const DecodedInsn *d)                        \
    {                                                                                        \
        sse_check(cpu);                                                                      \
        uint##bits##_t v = seg_ld##bits(cpu, d->seg, insn_ea(cpu, d));                       \
        simd_vec_put(&cpu->xmm[d->reg], name##bits(cpu, simd_vec_at(&cpu->xmm[d->reg]), v)); \
    }                                                                                        \
    HANDLER v##name##_V_H_E_reg##bits(CPUState *cpu, const DecodedInsn *d)                   \
    {                                                                                        \
        avx_check(cpu);                                                                      \
        SimdVec a = simd_vec_at(&cpu->xmm[d->vvvv]);                                         \
        vec_put128(cpu, d->reg, name##bits(cpu, a, reg##bits(cpu, d->rm)));                  \
    }                                                                                        \
    HANDLER v##name##_V_H_E_mem##bits(CPUState *cpu, const DecodedInsn *d)                   \
    {                                                                                        \
        avx_check(cpu);                                                                      \
        uint##bits##_t v = seg_ld##bits(cpu, d->seg, insn_ea(cpu, d));                       \
        vec_put128(cpu, d->reg, name##bits(cpu, simd_vec_at(&cpu->xmm[d->vvvv]), v));        \
    }
#define FROM_INT(name, type, merge)      \
    SOFT_FROM_INT(name, type, merge, 32) \
    SOFT_FROM_INT(name, type, merge, 64) \
    FROM_INT_HANDLERS(name, 32)          \
    FROM_INT_HANDLERS(name, 64)          \
    SIMD_SET_Y(name##_V_E)               \
    SIMD_SET_Y(v##name##_V_H_E)
FROM_INT(cvtsi2ss, float32, merge32)
FROM_INT(cvtsi2sd, float64, merge64)

#define TO_INT_FORMS(set, check, name, load, bits)               \
    HANDLER set##_reg##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                            \
        check(cpu);                                              \
        name##bits(cpu, d, simd_vec_at(&cpu->xmm[d->rm]));       \
    }                                                            \
    HANDLER set##_mem##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                            \
        check(cpu);                                              \
        name##bits(cpu, d, load(cpu, d));                        \
    }
#define TO_INT_HANDLERS(name, load, type, convert, bits)                                                            \
    SOFT uint##bits##_t soft_##name##bits(CPUState *cpu, SimdVec b)                                                 \
    {                                                                                                               \
        SimdFloat s = simd_float_begin(cpu);                                                                        \
        uint##bits##_t v = (uint##bits##_t)convert((type)b[0], &s.lane);                                            \
        simd_float_note(&s);                                                                                        \
        simd_float_finish(cpu, &s);                                                                                 \
        return v;                                                                                                   \
    }                                                                                                               \
    SIMD_INLINE void name##bits(CPUState *cpu, const DecodedInsn *d, SimdVec b)                                     \
    {                                                                                                               \
        set_reg##bits(cpu, d->reg, HOST_CHOOSE(cpu, host_##name##bits(b, &cpu->mxcsr), soft_##name##bits(cpu, b))); \
    }                                                                                                               \
    TO_INT_FORMS(name##_G_W, sse_check, name, load, bits)                                                           \
    TO_INT_FORMS(v##name##_G_W, avx_check, name, load, bits)
#define TO_INT(name, load, type, convert32, convert64) \
    TO_INT_HANDLERS(name, load, type, convert32, 32)   \
    TO_INT_HANDLERS(name, load, type, convert64, 64)   \
    SIMD_SET_Y(name##_G_W)                             \
    SIMD_SET_Y(v##name##_G_W)
TO_INT(cvtss2si, load_vec_d, float32, float32_to_int32, float32_to_int64)
TO_INT(cvttss2si, load_vec_d, float32, float32_to_int32_trunc, float32_to_int64_trunc)
TO_INT(cvtsd2si, load_vec_q, float64, float64_to_int32, float64_to_int64)
TO_INT(cvttsd2si, load_vec_q, float64, float64_to_int32_trunc, float64_to_int64_trunc)
