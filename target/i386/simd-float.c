/*
 * target/i386/simd-float.c  SSE arithmetic and comparison of packed and scalar numbers. SDM volume 1, chapter 11.
 *
 * Each operation has two ways, chosen by HOST_OR_SOFT: the host's instruction, or softfloat lane by lane. The second alone
 * knows unmasked exceptions.
 */
#include "target/i386/flags.h"
#include "target/i386/simd-float.h"

/* ---- exceptions ---- */

/* Found before anything is computed; an unmasked one of these in any lane keeps the others from arising (SDM 1, 11.5.2). */
#define BEFORE_COMPUTATION (FLOAT_FLAG_INVALID | FLOAT_FLAG_DENORMAL | FLOAT_FLAG_DIVBYZERO)

void simd_float_finish(CPUState *cpu, const FloatStatus *s)
{
    unsigned unmasked = s->flags & ~(cpu->mxcsr >> 7);
    cpu->mxcsr |= unmasked & BEFORE_COMPUTATION ? s->flags & BEFORE_COMPUTATION : s->flags;
    if (unmasked) {
        cpu_raise_noerr(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? EXCP_XM : EXCP_UD);
    }
}

/* ---- arithmetic in softfloat; lanes of a above the last come back unchanged ---- */

typedef float32 Binary32(float32 a, float32 b, FloatStatus *s);
typedef float64 Binary64(float64 a, float64 b, FloatStatus *s);

SOFT SimdVec soft32(CPUState *cpu, SimdVec va, SimdVec vb, unsigned lanes, Binary32 *op)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    FloatStatus s = simd_float_status(cpu);
    for (unsigned i = 0; i < lanes; i++) {
        a.l[i] = op(a.l[i], b.l[i], &s);
    }
    simd_float_finish(cpu, &s);
    return simd_vec(a);
}

SOFT SimdVec soft64(CPUState *cpu, SimdVec va, SimdVec vb, unsigned lanes, Binary64 *op)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    FloatStatus s = simd_float_status(cpu);
    for (unsigned i = 0; i < lanes; i++) {
        a.q[i] = op(a.q[i], b.q[i], &s);
    }
    simd_float_finish(cpu, &s);
    return simd_vec(a);
}

static float32 root32(float32 a, float32 b, FloatStatus *s)
{
    (void)a;
    return float32_sqrt(b, s);
}

static float64 root64(float64 a, float64 b, FloatStatus *s)
{
    (void)a;
    return float64_sqrt(b, s);
}

#define ARITHMETIC(op, name32, name64)                                                                                \
    FLOAT_OP(op##ps_V_W, load_vec, HOST_OR_SOFT(cpu, host_##op##ps(a, b, &cpu->mxcsr), soft32(cpu, a, b, 4, name32))) \
    FLOAT_OP(op##pd_V_W, load_vec, HOST_OR_SOFT(cpu, host_##op##pd(a, b, &cpu->mxcsr), soft64(cpu, a, b, 2, name64))) \
    FLOAT_OP(op##ss_V_W, load_vec_d, HOST_OR_SOFT(cpu, host_##op##ss(a, b, &cpu->mxcsr), soft32(cpu, a, b, 1, name32)))       \
    FLOAT_OP(op##sd_V_W, load_vec_q, HOST_OR_SOFT(cpu, host_##op##sd(a, b, &cpu->mxcsr), soft64(cpu, a, b, 1, name64)))
ARITHMETIC(add, float32_add, float64_add)
ARITHMETIC(sub, float32_sub, float64_sub)
ARITHMETIC(mul, float32_mul, float64_mul)
ARITHMETIC(div, float32_div, float64_div)
ARITHMETIC(min, float32_min, float64_min)
ARITHMETIC(max, float32_max, float64_max)
ARITHMETIC(sqrt, root32, root64)

/* ---- SSE3: horizontal and alternating; made of the above, so that operand order is ours ---- */

static inline SimdVec even32(SimdVec a, SimdVec b)
{
    XMMReg x = simd_lanes(a), y = simd_lanes(b);
    return simd_vec((XMMReg){ .l = { x.l[0], x.l[2], y.l[0], y.l[2] } });
}

static inline SimdVec odd32(SimdVec a, SimdVec b)
{
    XMMReg x = simd_lanes(a), y = simd_lanes(b);
    return simd_vec((XMMReg){ .l = { x.l[1], x.l[3], y.l[1], y.l[3] } });
}

static inline SimdVec even64(SimdVec a, SimdVec b)
{
    return (SimdVec){ a[0], b[0] };
}

static inline SimdVec odd64(SimdVec a, SimdVec b)
{
    return (SimdVec){ a[1], b[1] };
}

#define HORIZONTAL(op)                                                                                    \
    SIMD_INLINE SimdVec op##ps(CPUState *cpu, SimdVec a, SimdVec b)                                       \
    {                                                                                                     \
        return HOST_OR_SOFT(cpu, host_##op##ps(a, b, &cpu->mxcsr), soft32(cpu, a, b, 4, float32_##op));   \
    }                                                                                                     \
    SIMD_INLINE SimdVec op##pd(CPUState *cpu, SimdVec a, SimdVec b)                                       \
    {                                                                                                     \
        return HOST_OR_SOFT(cpu, host_##op##pd(a, b, &cpu->mxcsr), soft64(cpu, a, b, 2, float64_##op));   \
    }                                                                                                     \
    FLOAT_OP(h##op##ps_V_W, load_vec, op##ps(cpu, even32(a, b), odd32(a, b)))                             \
    FLOAT_OP(h##op##pd_V_W, load_vec, op##pd(cpu, even64(a, b), odd64(a, b)))
HORIZONTAL(add)
HORIZONTAL(sub)

/* Subtract in even lanes, add in odd ones. */
SOFT SimdVec soft_addsubps(CPUState *cpu, SimdVec va, SimdVec vb)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    FloatStatus s = simd_float_status(cpu);
    for (unsigned i = 0; i < 4; i++) {
        a.l[i] = i & 1 ? float32_add(a.l[i], b.l[i], &s) : float32_sub(a.l[i], b.l[i], &s);
    }
    simd_float_finish(cpu, &s);
    return simd_vec(a);
}

SOFT SimdVec soft_addsubpd(CPUState *cpu, SimdVec va, SimdVec vb)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    FloatStatus s = simd_float_status(cpu);
    a.q[0] = float64_sub(a.q[0], b.q[0], &s);
    a.q[1] = float64_add(a.q[1], b.q[1], &s);
    simd_float_finish(cpu, &s);
    return simd_vec(a);
}
FLOAT_OP(addsubps_V_W, load_vec, HOST_OR_SOFT(cpu, host_addsubps(a, b, &cpu->mxcsr), soft_addsubps(cpu, a, b)))
FLOAT_OP(addsubpd_V_W, load_vec, HOST_OR_SOFT(cpu, host_addsubpd(a, b, &cpu->mxcsr), soft_addsubpd(cpu, a, b)))

/* ---- CMPxx: predicates EQ LT LE UNORD, and with bit 2 set their negation ---- */

static bool predicate_holds(FloatRelation r, unsigned predicate)
{
    static const uint8_t true_for[4] = { 1 << FLOAT_EQUAL, 0, 1 << FLOAT_EQUAL, 1 << FLOAT_UNORDERED };
    bool less = r == FLOAT_LESS && ((predicate & 3) == 1 || (predicate & 3) == 2);
    bool holds = less || (r != FLOAT_LESS && (true_for[predicate & 3] >> r & 1));
    return holds != !!(predicate & 4);
}

/* LT, LE and their negations complain about any NaN, the others about signalling ones. */
static bool predicate_is_quiet(unsigned predicate)
{
    return (predicate & 3) == 0 || (predicate & 3) == 3;
}

SOFT SimdVec compare32(CPUState *cpu, SimdVec va, SimdVec vb, unsigned predicate, unsigned lanes)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    FloatStatus s = simd_float_status(cpu);
    for (unsigned i = 0; i < lanes; i++) {
        FloatRelation r = predicate_is_quiet(predicate) ? float32_compare_quiet(a.l[i], b.l[i], &s)
                                                        : float32_compare(a.l[i], b.l[i], &s);
        a.l[i] = predicate_holds(r, predicate) ? UINT32_MAX : 0;
    }
    simd_float_finish(cpu, &s);
    return simd_vec(a);
}

SOFT SimdVec compare64(CPUState *cpu, SimdVec va, SimdVec vb, unsigned predicate, unsigned lanes)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    FloatStatus s = simd_float_status(cpu);
    for (unsigned i = 0; i < lanes; i++) {
        FloatRelation r = predicate_is_quiet(predicate) ? float64_compare_quiet(a.q[i], b.q[i], &s)
                                                        : float64_compare(a.q[i], b.q[i], &s);
        a.q[i] = predicate_holds(r, predicate) ? UINT64_MAX : 0;
    }
    simd_float_finish(cpu, &s);
    return simd_vec(a);
}

/* Bits 7:3 of the immediate are ignored without VEX. */
#define COMPARE(name, load, soft, lanes)                                                                       \
    FLOAT_OP(name##_V_W_I, load,                                                                                 \
           HOST_OR_SOFT(cpu, host_##name(a, b, d->imm & 7, &cpu->mxcsr), soft(cpu, a, b, d->imm & 7, lanes)))
COMPARE(cmpps, load_vec, compare32, 4)
COMPARE(cmppd, load_vec, compare64, 2)
COMPARE(cmpss, load_vec_d, compare32, 1)
COMPARE(cmpsd, load_vec_q, compare64, 1)

/* ---- COMISS, UCOMISS, COMISD, UCOMISD ---- */

static uint32_t relation_flags(CPUState *cpu, FloatRelation r, const FloatStatus *s)
{
    simd_float_finish(cpu, s);
    switch (r) {
    case FLOAT_LESS:
        return CC_C;
    case FLOAT_EQUAL:
        return CC_Z;
    case FLOAT_GREATER:
        return 0;
    default:
        return CC_Z | CC_P | CC_C;
    }
}

#define SCALAR_COMPARE(name, load, type, compare)                                                        \
    SOFT uint32_t soft_##name(CPUState *cpu, SimdVec a, SimdVec b)                                       \
    {                                                                                                    \
        FloatStatus s = simd_float_status(cpu);                                                          \
        FloatRelation r = compare((type)a[0], (type)b[0], &s);                                           \
        return relation_flags(cpu, r, &s);                                                               \
    }                                                                                                    \
    SIMD_INLINE void name(CPUState *cpu, const DecodedInsn *d, SimdVec b)                                \
    {                                                                                                    \
        SimdVec a = simd_vec_at(&cpu->xmm[d->reg]);                                                      \
        cc_set(cpu, HOST_OR_SOFT(cpu, host_##name(a, b, &cpu->mxcsr), soft_##name(cpu, a, b)));          \
    }                                                                                                    \
    HANDLER name##_V_W_reg(CPUState *cpu, const DecodedInsn *d)                                          \
    {                                                                                                    \
        sse_check(cpu);                                                                                  \
        name(cpu, d, simd_vec_at(&cpu->xmm[d->rm]));                                                     \
    }                                                                                                    \
    HANDLER name##_V_W_mem(CPUState *cpu, const DecodedInsn *d)                                          \
    {                                                                                                    \
        sse_check(cpu);                                                                                  \
        name(cpu, d, load(cpu, d));                                                                      \
    }                                                                                                    \
    SIMD_SET(name##_V_W, name##_V_W_reg, name##_V_W_mem)
SCALAR_COMPARE(comiss, load_vec_d, float32, float32_compare)
SCALAR_COMPARE(ucomiss, load_vec_d, float32, float32_compare_quiet)
SCALAR_COMPARE(comisd, load_vec_q, float64, float64_compare)
SCALAR_COMPARE(ucomisd, load_vec_q, float64, float64_compare_quiet)
