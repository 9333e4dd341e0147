/*
 * target/i386/simd-float.h  Around the floating-point operations of SSE: MXCSR to softfloat and back, and exceptions.
 * SDM volume 1, 11.5 and 11.6.
 */
#ifndef TARGET_I386_SIMD_FLOAT_H
#define TARGET_I386_SIMD_FLOAT_H

#include "fpu/softfloat.h"
#include "target/i386/hostfloat.h"
#include "target/i386/simd.h"

static inline FloatStatus simd_float_status(const CPUState *cpu)
{
    unsigned unmasked = ~(cpu->mxcsr >> 7);
    return (FloatStatus){
        .round = (FloatRound)((cpu->mxcsr >> MXCSR_RC_SHIFT) & 3),
        .denormals_are_zero = cpu->mxcsr & MXCSR_DAZ,
        .flush_to_zero = cpu->mxcsr & MXCSR_FTZ,
        .underflow_unmasked = unmasked & FLOAT_FLAG_UNDERFLOW,
        .overflow_unmasked = unmasked & FLOAT_FLAG_OVERFLOW,
    };
}

/*
 * Note the flags of all lanes in MXCSR. With an unmasked one among them this raises #XM (#UD when the system does not take
 * those), and the caller's result is lost, as it must be. simd-float.c
 */
void simd_float_finish(CPUState *cpu, const FloatStatus *s);

/* ---- handlers: as SSE_OP, but with a, b and result as vectors, which keeps the host's way free of memory traffic ---- */

/* The portable way is out of line, so that it costs the other nothing. */
#define SOFT static __attribute__((noinline, cold))

static inline SimdVec simd_vec_at(const XMMReg *p)
{
    SimdVec v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline void simd_vec_put(XMMReg *p, SimdVec v)
{
    memcpy(p, &v, sizeof(v));
}

static inline SimdVec load_vec(CPUState *cpu, const DecodedInsn *d)
{
    return simd_vec(load_aligned(cpu, d));
}

static inline SimdVec load_vec_q(CPUState *cpu, const DecodedInsn *d)
{
    return (SimdVec){ seg_ld64(cpu, d->seg, insn_ea(cpu, d)), 0 };
}

static inline SimdVec load_vec_d(CPUState *cpu, const DecodedInsn *d)
{
    return (SimdVec){ seg_ld32(cpu, d->seg, insn_ea(cpu, d)), 0 };
}

/* As FLOAT_OP, of b alone. */
#define FLOAT_OP_UNARY(set, load, result)                                                               \
    HANDLER set##_reg(CPUState *cpu, const DecodedInsn *d)                                              \
    {                                                                                                   \
        sse_check(cpu);                                                                                 \
        SimdVec b = simd_vec_at(&cpu->xmm[d->rm]);                                                      \
        simd_vec_put(&cpu->xmm[d->reg], result);                                                        \
    }                                                                                                   \
    HANDLER set##_mem(CPUState *cpu, const DecodedInsn *d)                                              \
    {                                                                                                   \
        sse_check(cpu);                                                                                 \
        SimdVec b = load(cpu, d);                                                                       \
        simd_vec_put(&cpu->xmm[d->reg], result);                                                        \
    }                                                                                                   \
    SIMD_SET(set, set##_reg, set##_mem)

#define FLOAT_OP(set, load, result)                                                                     \
    HANDLER set##_reg(CPUState *cpu, const DecodedInsn *d)                                              \
    {                                                                                                   \
        sse_check(cpu);                                                                                 \
        SimdVec a = simd_vec_at(&cpu->xmm[d->reg]), b = simd_vec_at(&cpu->xmm[d->rm]);                  \
        simd_vec_put(&cpu->xmm[d->reg], result);                                                        \
    }                                                                                                   \
    HANDLER set##_mem(CPUState *cpu, const DecodedInsn *d)                                              \
    {                                                                                                   \
        sse_check(cpu);                                                                                 \
        SimdVec b = load(cpu, d);                                                                       \
        SimdVec a = simd_vec_at(&cpu->xmm[d->reg]);                                                     \
        simd_vec_put(&cpu->xmm[d->reg], result);                                                        \
    }                                                                                                   \
    SIMD_SET(set, set##_reg, set##_mem)

#endif
