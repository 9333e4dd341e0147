/*
 * target/i386/simd-float.h  Around the floating-point operations of SSE: MXCSR to softfloat and back, and exceptions.
 * SDM volume 1, 11.5 and 11.6.
 */
#ifndef TARGET_I386_SIMD_FLOAT_H
#define TARGET_I386_SIMD_FLOAT_H

#include "fpu/softfloat.h"
#include "target/i386/hostfloat.h"
#include "target/i386/simd-avx.h"

/* One instruction: each lane is computed with clean flags, and then noted. */
typedef struct SimdFloat {
    FloatStatus lane;
    unsigned flags; /* of the lanes so far */
} SimdFloat;

SimdFloat simd_float_begin(const CPUState *cpu) __attribute__((cold)); /* simd-float.c */

static inline void simd_float_note(SimdFloat *s)
{
    s->flags |= s->lane.flags;
    s->lane.flags = 0;
}

/*
 * The flags of all lanes go to MXCSR. With an unmasked one among them this raises #XM (#UD when the system does not
 * take those), and the caller's result is lost, as it must be. simd-float.c
 */
void simd_float_finish(CPUState *cpu, const SimdFloat *s) __attribute__((cold));

/* One instruction done the portable way: `soft` notes its flags in *s. */
#define SOFT_SESSION(cpu, soft)                                           \
    __extension__({                                                       \
        SimdFloat session_ = simd_float_begin(cpu), *const s = &session_; \
        __auto_type soft_result_ = (soft);                                \
        simd_float_finish(cpu, s);                                        \
        soft_result_;                                                     \
    })

/* ---- handlers: as SSE_OP, but with a, b and result as vectors, which keeps the host's way free of memory traffic ----
 */

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

static inline SimdVec load_vec_unaligned(CPUState *cpu, const DecodedInsn *d)
{
    return simd_vec(load_unaligned(cpu, d));
}

static inline SimdVec merge32(SimdVec a, SimdVec low)
{
    return (SimdVec){ (a[0] & ~0xffffffffull) | (low[0] & 0xffffffff), a[1] };
}

static inline SimdVec merge64(SimdVec a, SimdVec low)
{
    return (SimdVec){ low[0], a[1] };
}

/* ---- VEX ---- */

static inline SimdVec vec_upper(const CPUState *cpu, unsigned n)
{
    SimdVec v;
    memcpy(&v, &cpu->ymmh[n], sizeof(v));
    return v;
}

static inline void vec_put_upper(CPUState *cpu, unsigned n, SimdVec v)
{
    memcpy(&cpu->ymmh[n], &v, sizeof(v));
}

static inline void vec_put128(CPUState *cpu, unsigned n, SimdVec v)
{
    simd_vec_put(&cpu->xmm[n], v);
    vec_put_upper(cpu, n, (SimdVec){ 0, 0 });
}

typedef struct SimdVec2 {
    SimdVec low, high;
} SimdVec2;

static inline SimdVec2 vec2_at(const CPUState *cpu, unsigned n)
{
    return (SimdVec2){ simd_vec_at(&cpu->xmm[n]), vec_upper(cpu, n) };
}

static inline SimdVec2 load_vec2(CPUState *cpu, const DecodedInsn *d)
{
    const YMMReg v = load256(cpu, d);
    return (SimdVec2){ simd_vec(v.lane[0]), simd_vec(v.lane[1]) };
}

/* 16 bytes that become 32. */
static inline SimdVec2 vec_spread(SimdVec v)
{
    return (SimdVec2){ { v[0], 0 }, { v[1], 0 } };
}

static inline SimdVec2 vec2_spread_at(const CPUState *cpu, unsigned n)
{
    return vec_spread(simd_vec_at(&cpu->xmm[n]));
}

static inline SimdVec2 load_vec2_spread(CPUState *cpu, const DecodedInsn *d)
{
    return vec_spread(load_vec_unaligned(cpu, d));
}

static inline void vec2_put(CPUState *cpu, unsigned n, SimdVec2 v)
{
    simd_vec_put(&cpu->xmm[n], v.low);
    vec_put_upper(cpu, n, v.high);
}

/* 32 bytes of which the lower halves of each 16 count. */
static inline void vec2_put_joined(CPUState *cpu, unsigned n, SimdVec2 v)
{
    vec_put128(cpu, n, (SimdVec){ v.low[0], v.high[0] });
}

/*
 * Both lanes; the flags of all their numbers go to MXCSR together, so the two share one session. a2, b2: SimdVec2;
 * host and soft see a, b and lane.
 */
#define VEC2_LANE(dest, lane_, a_, b_, result) \
    {                                          \
        const unsigned lane = lane_;           \
        const SimdVec a = a_, b = b_;          \
        (void)lane;                            \
        (void)a;                               \
        (void)b;                               \
        dest = result;                         \
    }
#define VEC2_LANES(r, a2, b2, result)                 \
    VEC2_LANE((r).low, 0, (a2).low, (b2).low, result) \
    VEC2_LANE((r).high, 1, (a2).high, (b2).high, result)

/*
 * A form: `load` reads b, `put` stores the result. What the host cannot do exactly goes to a function of its own, by a
 * tail call, so that the usual way needs no stack frame.
 */
#define FLOAT_FORM_SOFT(name, put, soft)                                             \
    SOFT void name##_soft(CPUState *cpu, const DecodedInsn *d, SimdVec a, SimdVec b) \
    {                                                                                \
        const unsigned lane = 0;                                                     \
        (void)lane;                                                                  \
        (void)a;                                                                     \
        put(cpu, d->reg, SOFT_SESSION(cpu, soft));                                   \
    }
#define FLOAT_FORM(name, form, check, a_reg, load, put, host)  \
    HANDLER name##_##form(CPUState *cpu, const DecodedInsn *d) \
    {                                                          \
        check(cpu);                                            \
        const unsigned lane = 0;                               \
        SimdVec b = load;                                      \
        SimdVec a = simd_vec_at(&cpu->xmm[a_reg]);             \
        (void)lane;                                            \
        if (unlikely(!HOST_EXACT(cpu))) {                      \
            name##_soft(cpu, d, a, b);                         \
            return;                                            \
        }                                                      \
        HOST_ONLY(put(cpu, d->reg, host);)                     \
    }
static inline void sse_put(CPUState *cpu, unsigned n, SimdVec v)
{
    simd_vec_put(&cpu->xmm[n], v);
}
#define FLOAT_FORMS_SSE(set, load, host, soft)                                            \
    FLOAT_FORM_SOFT(set, sse_put, soft)                                                   \
    FLOAT_FORM(set, reg, sse_check, d->reg, simd_vec_at(&cpu->xmm[d->rm]), sse_put, host) \
    FLOAT_FORM(set, mem, sse_check, d->reg, load(cpu, d), sse_put, host)
#define FLOAT_FORMS_VEX128(set, load, host, soft)                                                \
    FLOAT_FORM_SOFT(set, vec_put128, soft)                                                       \
    FLOAT_FORM(set, reg128, avx_check, d->vvvv, simd_vec_at(&cpu->xmm[d->rm]), vec_put128, host) \
    FLOAT_FORM(set, mem128, avx_check, d->vvvv, load(cpu, d), vec_put128, host)
/* put: of the SimdVec2 result; load: of the second operand */
#define FLOAT_FORM_VEX256(name, load, put, host, soft)                                   \
    SOFT void name##_soft(CPUState *cpu, const DecodedInsn *d, SimdVec2 a2, SimdVec2 b2) \
    {                                                                                    \
        SimdVec2 r;                                                                      \
        SimdFloat session_ = simd_float_begin(cpu), *const s = &session_;                \
        VEC2_LANES(r, a2, b2, soft)                                                      \
        simd_float_finish(cpu, s);                                                       \
        put(cpu, d->reg, r);                                                             \
    }                                                                                    \
    HANDLER name(CPUState *cpu, const DecodedInsn *d)                                    \
    {                                                                                    \
        avx_check(cpu);                                                                  \
        const SimdVec2 b2 = load;                                                        \
        const SimdVec2 a2 = vec2_at(cpu, d->vvvv);                                       \
        if (unlikely(!HOST_EXACT(cpu))) {                                                \
            name##_soft(cpu, d, a2, b2);                                                 \
            return;                                                                      \
        }                                                                                \
        HOST_ONLY(SimdVec2 r; VEC2_LANES(r, a2, b2, host) put(cpu, d->reg, r);)          \
    }

/* FLOAT_SHAPE: name_V_W and vname_V_H_W in all forms, given how operands are loaded and results stored. */
#define FLOAT_SHAPE(name, sse_load, vex_load, at256, load256_, put256, host, soft)                   \
    FLOAT_FORMS_SSE(name##_V_W, sse_load, host, soft)                                                \
    SIMD_SET(name##_V_W, name##_V_W_reg, name##_V_W_mem)                                             \
    FLOAT_FORMS_VEX128(v##name##_V_H_W, vex_load, host, soft)                                        \
    FLOAT_FORM_VEX256(v##name##_V_H_W_reg256, at256(cpu, d->rm), put256, host, soft)                 \
    FLOAT_FORM_VEX256(v##name##_V_H_W_mem256, load256_(cpu, d), put256, host, soft)                  \
    AVX_SET(v##name##_V_H_W, v##name##_V_H_W_reg128, v##name##_V_H_W_mem128, v##name##_V_H_W_reg256, \
            v##name##_V_H_W_mem256)
#define FLOAT_PACKED(name, host, soft) \
    FLOAT_SHAPE(name, load_vec, load_vec_unaligned, vec2_at, load_vec2, vec2_put, host, soft)
/* Results twice, or half, as wide as operands; half a register on the narrow side. */
#define FLOAT_WIDEN(name, host, soft) \
    FLOAT_SHAPE(name, load_vec_q, load_vec_q, vec2_spread_at, load_vec2_spread, vec2_put, host, soft)
#define FLOAT_NARROW(name, host, soft) \
    FLOAT_SHAPE(name, load_vec, load_vec_unaligned, vec2_at, load_vec2, vec2_put_joined, host, soft)
/* Lane 0 computed, the others those of a. */
#define FLOAT_SCALAR(name, load, host, soft)              \
    FLOAT_FORMS_SSE(name##_V_W, load, host, soft)         \
    SIMD_SET(name##_V_W, name##_V_W_reg, name##_V_W_mem)  \
    FLOAT_FORMS_VEX128(v##name##_V_H_W, load, host, soft) \
    SIMD_SET(v##name##_V_H_W, v##name##_V_H_W_reg128, v##name##_V_H_W_mem128)

#endif
