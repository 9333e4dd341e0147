/*
 * target/i386/simd-float.c  SSE arithmetic and comparison of packed and scalar numbers. SDM volume 1, chapter 11.
 *
 * Each operation has two ways, chosen by HOST_EXACT() and HOST_CHOOSE(): the host's instruction, or softfloat lane by
 * lane. The second alone knows unmasked exceptions.
 */
#include "target/i386/simd-float.h"
#include "target/i386/flags.h"

/* ---- exceptions ---- */

/* Found before anything is computed: an unmasked one of these in any lane keeps the others from arising (SDM
 * 1, 11.5.2). */
#define BEFORE_COMPUTATION (FLOAT_FLAG_INVALID | FLOAT_FLAG_DENORMAL | FLOAT_FLAG_DIVBYZERO)

void simd_float_finish(CPUState *cpu, const SimdFloat *s)
{
    unsigned unmasked = s->flags & ~(cpu->mxcsr >> 7);
    cpu->mxcsr |= unmasked & BEFORE_COMPUTATION ? s->flags & BEFORE_COMPUTATION : s->flags;
    if (unmasked) {
        cpu_raise_noerr(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? EXCP_XM : EXCP_UD);
    }
}

SimdFloat simd_float_begin(const CPUState *cpu)
{
    unsigned unmasked = ~(cpu->mxcsr >> 7);
    return (SimdFloat){ .lane = {
                            .round = (FloatRound)((cpu->mxcsr >> MXCSR_RC_SHIFT) & 3),
                            .denormals_are_zero = cpu->mxcsr & MXCSR_DAZ,
                            .flush_to_zero = cpu->mxcsr & MXCSR_FTZ,
                            .underflow_unmasked = unmasked & FLOAT_FLAG_UNDERFLOW,
                            .overflow_unmasked = unmasked & FLOAT_FLAG_OVERFLOW,
                        } };
}

/* ---- arithmetic in softfloat; lanes of a above the last come back unchanged ---- */

typedef float32 Binary32(float32 a, float32 b, FloatStatus *s);
typedef float64 Binary64(float64 a, float64 b, FloatStatus *s);

SOFT SimdVec soft32(SimdFloat *s, SimdVec va, SimdVec vb, unsigned lanes, Binary32 *op)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    for (unsigned i = 0; i < lanes; i++) {
        a.l[i] = op(a.l[i], b.l[i], &s->lane);
        simd_float_note(s);
    }
    return simd_vec(a);
}

SOFT SimdVec soft64(SimdFloat *s, SimdVec va, SimdVec vb, unsigned lanes, Binary64 *op)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    for (unsigned i = 0; i < lanes; i++) {
        a.q[i] = op(a.q[i], b.q[i], &s->lane);
        simd_float_note(s);
    }
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

#define ARITHMETIC(op, name32, name64)                                                             \
    FLOAT_PACKED(op##ps, host_##op##ps(a, b, &cpu->mxcsr), soft32(s, a, b, 4, name32))             \
    FLOAT_PACKED(op##pd, host_##op##pd(a, b, &cpu->mxcsr), soft64(s, a, b, 2, name64))             \
    FLOAT_SCALAR(op##ss, load_vec_d, host_##op##ss(a, b, &cpu->mxcsr), soft32(s, a, b, 1, name32)) \
    FLOAT_SCALAR(op##sd, load_vec_q, host_##op##sd(a, b, &cpu->mxcsr), soft64(s, a, b, 1, name64))
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

#define HORIZONTAL(op)                                                             \
    FLOAT_PACKED(h##op##ps, host_##op##ps(even32(a, b), odd32(a, b), &cpu->mxcsr), \
                 soft32(s, even32(a, b), odd32(a, b), 4, float32_##op))            \
    FLOAT_PACKED(h##op##pd, host_##op##pd(even64(a, b), odd64(a, b), &cpu->mxcsr), \
                 soft64(s, even64(a, b), odd64(a, b), 2, float64_##op))
HORIZONTAL(add)
HORIZONTAL(sub)

/* Subtract in even lanes, add in odd ones. */
SOFT SimdVec soft_addsubps(SimdFloat *s, SimdVec va, SimdVec vb)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    for (unsigned i = 0; i < 4; i++) {
        a.l[i] = i & 1 ? float32_add(a.l[i], b.l[i], &s->lane) : float32_sub(a.l[i], b.l[i], &s->lane);
        simd_float_note(s);
    }
    return simd_vec(a);
}

SOFT SimdVec soft_addsubpd(SimdFloat *s, SimdVec a, SimdVec b)
{
    SimdVec r;
    r[0] = float64_sub(a[0], b[0], &s->lane);
    simd_float_note(s);
    r[1] = float64_add(a[1], b[1], &s->lane);
    simd_float_note(s);
    return r;
}
FLOAT_PACKED(addsubps, host_addsubps(a, b, &cpu->mxcsr), soft_addsubps(s, a, b))
FLOAT_PACKED(addsubpd, host_addsubpd(a, b, &cpu->mxcsr), soft_addsubpd(s, a, b))

/* ---- CMPxx: predicates 0 to 7, with VEX 0 to 31 (SDM 2, CMPPD, table 3-1) ---- */

/* For which relations the predicate is true: less 1, equal 2, greater 4, unordered 8. Bit 4 changes only what is said
 * of NaNs. */
static bool predicate_holds(FloatRelation r, unsigned predicate)
{
    static const uint8_t relations[16] = { 2, 1, 3, 8, 13, 14, 12, 7, 10, 9, 11, 0, 5, 6, 4, 15 };
    return relations[predicate & 15] >> (r + 1) & 1;
}

/* LT, LE and their kin complain about any NaN, the others about signalling ones. */
static bool predicate_is_quiet(unsigned predicate)
{
    bool quiet = (predicate & 3) == 0 || (predicate & 3) == 3;
    return quiet != !!(predicate & 16);
}

SOFT SimdVec compare32(SimdFloat *s, SimdVec va, SimdVec vb, unsigned predicate, unsigned lanes)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    for (unsigned i = 0; i < lanes; i++) {
        FloatRelation r = predicate_is_quiet(predicate) ? float32_compare_quiet(a.l[i], b.l[i], &s->lane)
                                                        : float32_compare(a.l[i], b.l[i], &s->lane);
        a.l[i] = predicate_holds(r, predicate) ? UINT32_MAX : 0;
        simd_float_note(s);
    }
    return simd_vec(a);
}

SOFT SimdVec compare64(SimdFloat *s, SimdVec va, SimdVec vb, unsigned predicate, unsigned lanes)
{
    XMMReg a = simd_lanes(va), b = simd_lanes(vb);
    for (unsigned i = 0; i < lanes; i++) {
        FloatRelation r = predicate_is_quiet(predicate) ? float64_compare_quiet(a.q[i], b.q[i], &s->lane)
                                                        : float64_compare(a.q[i], b.q[i], &s->lane);
        a.q[i] = predicate_holds(r, predicate) ? UINT64_MAX : 0;
        simd_float_note(s);
    }
    return simd_vec(a);
}

/*
 * Predicates that SSE lacks: NGE, NGT, GE, GT are the host's NLE, NLT, LE, LT with operands swapped, the rest goes the
 * portable way.
 */
#define merge_none(a, r) (r)
#define COMPARE_ANY(name, soft, lanes, merge)                                                                    \
    static __attribute__((noinline)) SimdVec name##_any(CPUState *cpu, SimdVec a, SimdVec b, unsigned predicate) \
    {                                                                                                            \
        if (predicate < 8) {                                                                                     \
            return host_##name(a, b, predicate, &cpu->mxcsr);                                                    \
        }                                                                                                        \
        if (predicate < 16 && !predicate_is_quiet(predicate)) {                                                  \
            return merge(a, host_##name(b, a, 15 - predicate, &cpu->mxcsr));                                     \
        }                                                                                                        \
        return SOFT_SESSION(cpu, soft(s, a, b, predicate, lanes));                                               \
    }

/* Bits 7:3 of the immediate are ignored without VEX, bits 7:5 with it. */
#define COMPARE_SSE(name, load, soft, lanes)                                                                          \
    FLOAT_FORMS_SSE(name##_V_W_I, load, host_##name(a, b, d->imm & 7, &cpu->mxcsr), soft(s, a, b, d->imm & 7, lanes)) \
    SIMD_SET(name##_V_W_I, name##_V_W_I_reg, name##_V_W_I_mem)
#define COMPARE_VEX128(set, name, load, soft, lanes) \
    FLOAT_FORMS_VEX128(set, load, name##_any(cpu, a, b, d->imm & 31), soft(s, a, b, d->imm & 31, lanes))
#define COMPARE_VEX256(set, name, soft, lanes)                                                         \
    FLOAT_FORM_VEX256(set##_reg256, vec2_at(cpu, d->rm), vec2_put, name##_any(cpu, a, b, d->imm & 31), \
                      soft(s, a, b, d->imm & 31, lanes))                                               \
    FLOAT_FORM_VEX256(set##_mem256, load_vec2(cpu, d), vec2_put, name##_any(cpu, a, b, d->imm & 31),   \
                      soft(s, a, b, d->imm & 31, lanes))
#define COMPARE_PACKED(name, soft, lanes)                                                                    \
    HOST_ONLY(COMPARE_ANY(name, soft, lanes, merge_none))                                                    \
    COMPARE_SSE(name, load_vec, soft, lanes)                                                                 \
    COMPARE_VEX128(v##name##_V_H_W_I, name, load_vec_unaligned, soft, lanes)                                 \
    COMPARE_VEX256(v##name##_V_H_W_I, name, soft, lanes)                                                     \
    AVX_SET(v##name##_V_H_W_I, v##name##_V_H_W_I_reg128, v##name##_V_H_W_I_mem128, v##name##_V_H_W_I_reg256, \
            v##name##_V_H_W_I_mem256)
#define COMPARE_SCALAR(name, load, soft, merge)            \
    HOST_ONLY(COMPARE_ANY(name, soft, 1, merge))           \
    COMPARE_SSE(name, load, soft, 1)                       \
    COMPARE_VEX128(v##name##_V_H_W_I, name, load, soft, 1) \
    SIMD_SET(v##name##_V_H_W_I, v##name##_V_H_W_I_reg128, v##name##_V_H_W_I_mem128)
COMPARE_PACKED(cmpps, compare32, 4)
COMPARE_PACKED(cmppd, compare64, 2)
COMPARE_SCALAR(cmpss, load_vec_d, compare32, merge32)
COMPARE_SCALAR(cmpsd, load_vec_q, compare64, merge64)

/* ---- COMISS, UCOMISS, COMISD, UCOMISD ---- */

static uint32_t relation_flags(FloatRelation r)
{
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

#define SCALAR_COMPARE_FORMS(set, check, name, load)       \
    HANDLER set##_reg(CPUState *cpu, const DecodedInsn *d) \
    {                                                      \
        check(cpu);                                        \
        name(cpu, d, simd_vec_at(&cpu->xmm[d->rm]));       \
    }                                                      \
    HANDLER set##_mem(CPUState *cpu, const DecodedInsn *d) \
    {                                                      \
        check(cpu);                                        \
        name(cpu, d, load(cpu, d));                        \
    }                                                      \
    SIMD_SET(set, set##_reg, set##_mem)
#define SCALAR_COMPARE(name, load, type, compare)                                              \
    SOFT uint32_t soft_##name(CPUState *cpu, SimdVec a, SimdVec b)                             \
    {                                                                                          \
        SimdFloat s = simd_float_begin(cpu);                                                   \
        FloatRelation r = compare((type)a[0], (type)b[0], &s.lane);                            \
        simd_float_note(&s);                                                                   \
        simd_float_finish(cpu, &s);                                                            \
        return relation_flags(r);                                                              \
    }                                                                                          \
    SIMD_INLINE void name(CPUState *cpu, const DecodedInsn *d, SimdVec b)                      \
    {                                                                                          \
        SimdVec a = simd_vec_at(&cpu->xmm[d->reg]);                                            \
        cc_set(cpu, HOST_CHOOSE(cpu, host_##name(a, b, &cpu->mxcsr), soft_##name(cpu, a, b))); \
    }                                                                                          \
    SCALAR_COMPARE_FORMS(name##_V_W, sse_check, name, load)                                    \
    SCALAR_COMPARE_FORMS(v##name##_V_W, avx_check, name, load)
SCALAR_COMPARE(comiss, load_vec_d, float32, float32_compare)
SCALAR_COMPARE(ucomiss, load_vec_d, float32, float32_compare_quiet)
SCALAR_COMPARE(comisd, load_vec_q, float64, float64_compare)
SCALAR_COMPARE(ucomisd, load_vec_q, float64, float64_compare_quiet)
