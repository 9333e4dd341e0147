/*
 * target/i386/simd-fma.c  FMA: a product and a sum with one rounding, in three orders of operands and six ways of
 * signs. SDM volume 1, 14.5; volume 2, VFMADD132PD ff.
 *
 * With x, y, z the multiplicand, multiplier and addend: 132 is V * W + H, 213 is H * V + W, 231 is H * W + V. A host
 * that has FMA computes it, unless the result has a NaN: which operand a NaN comes from is settled by softfloat, on
 * every host alike.
 */
#include "target/i386/simd-float.h"

/* Signs: of the product, and of the addend in even and in odd lanes. */
enum {
    NEGATE_PRODUCT = 1,
    NEGATE_EVEN = 2,
    NEGATE_ODD = 4,
    MADD = 0,
    MSUB = NEGATE_EVEN | NEGATE_ODD,
    NMADD = NEGATE_PRODUCT,
    NMSUB = NEGATE_PRODUCT | MSUB,
    MADDSUB = NEGATE_EVEN,
    MSUBADD = NEGATE_ODD
};

static inline uint64_t sign_if(bool negative, uint64_t sign)
{
    return negative ? sign : 0;
}

static bool nan32(uint32_t v)
{
    return (v & 0x7fffffff) > 0x7f800000;
}

static bool nan64(uint64_t v)
{
    return (v & INT64_MAX) > 0x7ff0000000000000;
}

/* A NaN keeps its sign. */
static uint32_t negate32(uint32_t v, bool negative)
{
    return nan32(v) ? v : v ^ (uint32_t)sign_if(negative, 0x80000000);
}

static uint64_t negate64(uint64_t v, bool negative)
{
    return nan64(v) ? v : v ^ sign_if(negative, 1ull << 63);
}

static inline bool addend_negative(unsigned signs, unsigned i)
{
    return signs & (i & 1 ? NEGATE_ODD : NEGATE_EVEN);
}

/* Lanes at and above `lanes` come from `rest`. */
SOFT SimdVec soft_fma32(SimdFloat *s, SimdVec vx, SimdVec vy, SimdVec vz, SimdVec rest, unsigned signs, unsigned lanes)
{
    XMMReg x = simd_lanes(vx), y = simd_lanes(vy), z = simd_lanes(vz), r = simd_lanes(rest);
    for (unsigned i = 0; i < lanes; i++) {
        r.l[i] = float32_fma(negate32(x.l[i], signs & NEGATE_PRODUCT), y.l[i],
                             negate32(z.l[i], addend_negative(signs, i)), &s->lane);
        simd_float_note(s);
    }
    return simd_vec(r);
}

SOFT SimdVec soft_fma64(SimdFloat *s, SimdVec x, SimdVec y, SimdVec z, SimdVec rest, unsigned signs, unsigned lanes)
{
    for (unsigned i = 0; i < lanes; i++) {
        rest[i] = float64_fma(negate64(x[i], signs & NEGATE_PRODUCT), y[i], negate64(z[i], addend_negative(signs, i)),
                              &s->lane);
        simd_float_note(s);
    }
    return rest;
}

/* ---- the host's way: MADD on operands whose signs are turned; NaNs are sorted out afterwards ---- */

typedef int32_t Int32x4 __attribute__((vector_size(16)));
typedef int64_t Int64x2 __attribute__((vector_size(16)));

static inline SimdVec product_sign32(unsigned signs)
{
    uint64_t both = sign_if(signs & NEGATE_PRODUCT, 0x8000000080000000);
    return (SimdVec){ both, both };
}

static inline SimdVec addend_sign32(unsigned signs)
{
    uint64_t both = sign_if(signs & NEGATE_EVEN, 0x80000000) | sign_if(signs & NEGATE_ODD, 1ull << 63);
    return (SimdVec){ both, both };
}

static inline SimdVec product_sign64(unsigned signs)
{
    uint64_t sign = sign_if(signs & NEGATE_PRODUCT, 1ull << 63);
    return (SimdVec){ sign, sign };
}

static inline SimdVec addend_sign64(unsigned signs)
{
    return (SimdVec){ sign_if(signs & NEGATE_EVEN, 1ull << 63), sign_if(signs & NEGATE_ODD, 1ull << 63) };
}

static inline bool any_nan32(SimdVec v)
{
    SimdVec nan = (SimdVec)(((Int32x4)v & INT32_MAX) > 0x7f800000);
    return nan[0] | nan[1];
}

static inline bool any_nan64(SimdVec v)
{
    SimdVec nan = (SimdVec)(((Int64x2)v & INT64_MAX) > 0x7ff0000000000000);
    return nan[0] | nan[1];
}

/* A scalar's other lanes are made zero first: what is in them must neither raise anything nor count as a NaN. */
static inline SimdVec only32(SimdVec v)
{
    return (SimdVec){ (uint32_t)v[0], 0 };
}

static inline SimdVec only64(SimdVec v)
{
    return (SimdVec){ v[0], 0 };
}

/* lanes: 1 or all of 16 bytes; a scalar's others come from `rest`. */
#define FMA_DEFINE(bits, all, op_packed, op_scalar)                                                                   \
    static __attribute__((noinline))                                                                                  \
    SimdVec fma##bits(CPUState *cpu, SimdVec x, SimdVec y, SimdVec z, SimdVec rest, unsigned signs, unsigned lanes)   \
    {                                                                                                                 \
        if (likely(host_has_fma())) {                                                                                 \
            uint32_t mxcsr = cpu->mxcsr;                                                                              \
            SimdVec tx = x ^ product_sign##bits(signs), tz = z ^ addend_sign##bits(signs);                            \
            SimdVec r =                                                                                               \
                lanes == all ? host_##op_packed(tx, y, tz, &mxcsr) : host_##op_scalar(only##bits(tx), y, tz, &mxcsr); \
            if (likely(!any_nan##bits(r))) {                                                                          \
                cpu->mxcsr = mxcsr;                                                                                   \
                return lanes == all ? r : merge##bits(rest, r);                                                       \
            }                                                                                                         \
        }                                                                                                             \
        return SOFT_SESSION(cpu, soft_fma##bits(s, x, y, z, rest, signs, lanes));                                     \
    }
HOST_ONLY(FMA_DEFINE(32, 4, fmadd213ps, fmadd213ss) FMA_DEFINE(64, 2, fmadd213pd, fmadd213sd))

/* ---- handlers: v is the destination, a is H, b is W ---- */

#define ORDER_132(v, a, b)       v, b, a
#define ORDER_213(v, a, b)       a, v, b
#define ORDER_231(v, a, b)       a, b, v
#define FMA_APPLY(function, ...) function(__VA_ARGS__)

/* The destination's own value, of the lane at hand. */
#define FMA_V (lane ? vec_upper(cpu, d->reg) : simd_vec_at(&cpu->xmm[d->reg]))
#define FMA_RESULT(bits, order, signs, lanes)                       \
    __extension__({                                                 \
        const SimdVec v = FMA_V;                                    \
        FMA_APPLY(fma##bits, cpu, order(v, a, b), v, signs, lanes); \
    })
#define FMA_SOFT_RESULT(bits, order, signs, lanes)                     \
    __extension__({                                                    \
        const SimdVec v = FMA_V;                                       \
        FMA_APPLY(soft_fma##bits, s, order(v, a, b), v, signs, lanes); \
    })

#define FMA_PACKED(set, bits, order, signs, lanes)                                                        \
    FLOAT_FORMS_VEX128(set, load_vec_unaligned, FMA_RESULT(bits, order, signs, lanes),                    \
                       FMA_SOFT_RESULT(bits, order, signs, lanes))                                        \
    FLOAT_FORM_VEX256(set##_reg256, vec2_at(cpu, d->rm), vec2_put, FMA_RESULT(bits, order, signs, lanes), \
                      FMA_SOFT_RESULT(bits, order, signs, lanes))                                         \
    FLOAT_FORM_VEX256(set##_mem256, load_vec2(cpu, d), vec2_put, FMA_RESULT(bits, order, signs, lanes),   \
                      FMA_SOFT_RESULT(bits, order, signs, lanes))                                         \
    AVX_SET(set, set##_reg128, set##_mem128, set##_reg256, set##_mem256)
#define FMA_SCALAR(set, load, bits, order, signs)                                                            \
    FLOAT_FORMS_VEX128(set, load, FMA_RESULT(bits, order, signs, 1), FMA_SOFT_RESULT(bits, order, signs, 1)) \
    SIMD_SET(set, set##_reg128, set##_mem128)

#define FMA_ALTERNATING(name, signs)                       \
    FMA_PACKED(name##132ps_V_H_W, 32, ORDER_132, signs, 4) \
    FMA_PACKED(name##213ps_V_H_W, 32, ORDER_213, signs, 4) \
    FMA_PACKED(name##231ps_V_H_W, 32, ORDER_231, signs, 4) \
    FMA_PACKED(name##132pd_V_H_W, 64, ORDER_132, signs, 2) \
    FMA_PACKED(name##213pd_V_H_W, 64, ORDER_213, signs, 2) \
    FMA_PACKED(name##231pd_V_H_W, 64, ORDER_231, signs, 2)
#define FMA_ALL(name, signs)                                        \
    FMA_ALTERNATING(name, signs)                                    \
    FMA_SCALAR(name##132ss_V_H_W, load_vec_d, 32, ORDER_132, signs) \
    FMA_SCALAR(name##213ss_V_H_W, load_vec_d, 32, ORDER_213, signs) \
    FMA_SCALAR(name##231ss_V_H_W, load_vec_d, 32, ORDER_231, signs) \
    FMA_SCALAR(name##132sd_V_H_W, load_vec_q, 64, ORDER_132, signs) \
    FMA_SCALAR(name##213sd_V_H_W, load_vec_q, 64, ORDER_213, signs) \
    FMA_SCALAR(name##231sd_V_H_W, load_vec_q, 64, ORDER_231, signs)
FMA_ALL(vfmadd, MADD)
FMA_ALL(vfmsub, MSUB)
FMA_ALL(vfnmadd, NMADD)
FMA_ALL(vfnmsub, NMSUB)
FMA_ALTERNATING(vfmaddsub, MADDSUB)
FMA_ALTERNATING(vfmsubadd, MSUBADD)
