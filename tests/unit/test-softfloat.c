/* LINK: fpu/softfloat.c fpu/remainder.c fpu/transcendental.c -lquadmath */
/*
 * tests/unit/test-softfloat.c  Our arithmetic in integers against the host's: SSE for binary32 and binary64, x87 for
 * extended, bit by bit, with the exception flags; the x87's functions against libquadmath's 113 bits. Operands are
 * random with a taste for the special; the seed is fixed. Hosts that are no x86 have nothing to compare with and skip.
 */
#include <glib.h>
#include <inttypes.h>
#include <quadmath.h>
#include <string.h>

#include "fpu/softfloat.h"

#define ROUNDS          200000
#define FUNCTION_ROUNDS 40000

static uint64_t seed;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- operands ---- */

static unsigned random_exponent(unsigned max, unsigned bias, unsigned spread)
{
    switch (rnd() % 8) {
    case 0:
        return 0;
    case 1:
        return max;
    case 2:
        return 1;
    case 3:
        return max - 1;
    case 4:
        return bias + (unsigned)(rnd() % spread) - spread / 2;
    default:
        return (unsigned)(rnd() % (max + 1));
    }
}

static uint64_t random_fraction(unsigned bits)
{
    uint64_t all = ~0ull >> (64 - bits), f = rnd() & all;
    if (rnd() % 4 == 0) {
        f = rnd() % 2 ? 0 : all;
    }
    return rnd() % 6 ? f : f & (1ull << (bits - 1) | 1);
}

static float32 random32(void)
{
    return (uint32_t)(rnd() << 31) | random_exponent(255, 127, 30) << 23 | (uint32_t)random_fraction(23);
}

static float64 random64(void)
{
    return rnd() << 63 | (uint64_t)random_exponent(2047, 1023, 60) << 52 | random_fraction(52);
}

/* Mostly with the integer bit that its exponent wants. */
static floatx80 random80(void)
{
    floatx80 v = { .low = random_fraction(64), .high = (uint16_t)random_exponent(0x7fff, 0x3fff, 140) };
    if (rnd() % 20) {
        v.low |= 1ull << 63;
    }
    if (v.high == 0 && rnd() % 4) {
        v.low &= ~(1ull << 63);
    }
    if (rnd() % 5 == 0) {
        v.low &= 0xffffff0000000001ull;
    }
    v.high |= (uint16_t)(rnd() << 15);
    return v;
}

#if defined(__x86_64__)

/* ---- SSE ---- */

#define MXCSR_MASKED 0x1f80u
#define MXCSR_DAZ    0x0040u
#define MXCSR_FTZ    0x8000u

/* Status word and control register that agree. */
static FloatStatus random_sse_status(uint32_t *mxcsr)
{
    FloatStatus s = { .round = (FloatRound)(rnd() % 4),
                      .denormals_are_zero = rnd() % 4 == 0,
                      .flush_to_zero = rnd() % 4 == 0 };
    *mxcsr = MXCSR_MASKED | (uint32_t)s.round << 13 | (s.denormals_are_zero ? MXCSR_DAZ : 0) |
             (s.flush_to_zero ? MXCSR_FTZ : 0);
    return s;
}

static void report(const char *name, uint64_t a, uint64_t b, uint64_t host, unsigned host_flags, uint64_t ours,
                   const FloatStatus *s)
{
    if (host != ours || host_flags != s->flags) {
        g_error("%s a %" PRIx64 " b %" PRIx64 " rounding %d daz %d ftz %d: host %" PRIx64 "/%02x ours %" PRIx64 "/%02x",
                name, a, b, s->round, s->denormals_are_zero, s->flush_to_zero, host, host_flags, ours, s->flags);
    }
}

/* One test: `insn` with source b (and destination a) against `expression`, which sees a, b, s. in, out: bit images. */
#define SSE_TEST(name, insn, in, in_reg, out, out_reg, random, expression)                             \
    static void test_##name(void)                                                                      \
    {                                                                                                  \
        seed = 88172645463325252ull;                                                                   \
        for (int i = 0; i < ROUNDS; i++) {                                                             \
            uint32_t mxcsr, normal = MXCSR_MASKED;                                                     \
            FloatStatus s = random_sse_status(&mxcsr);                                                 \
            in a = random(), b = random();                                                             \
            in_reg source;                                                                             \
            out_reg destination = 0;                                                                   \
            memcpy(&source, &b, sizeof(b));                                                            \
            memcpy(&destination, &a, MIN(sizeof(a), sizeof(destination)));                             \
            __asm__ volatile("ldmxcsr %1\n\t" insn " %2, %0\n\tstmxcsr %1\n\tldmxcsr %3"               \
                             : "+" REG_##out_reg(destination), "+m"(mxcsr)                             \
                             : REG_##in_reg(source), "m"(normal));                                     \
            out host;                                                                                  \
            memcpy(&host, &destination, sizeof(host));                                                 \
            out ours = (out)(expression);                                                              \
            report(#name, (uint64_t)a, (uint64_t)b, (uint64_t)host, mxcsr & 0x3f, (uint64_t)ours, &s); \
        }                                                                                              \
    }
#define REG_float                   "x"
#define REG_double                  "x"
#define REG_int32_t                 "r"
#define REG_int64_t                 "r"
#define F32(name, insn, expression) SSE_TEST(name, insn, float32, float, float32, float, random32, expression)
#define F64(name, insn, expression) SSE_TEST(name, insn, float64, double, float64, double, random64, expression)

F32(float32_add, "addss", float32_add(a, b, &s))
F32(float32_sub, "subss", float32_sub(a, b, &s))
F32(float32_mul, "mulss", float32_mul(a, b, &s))
F32(float32_div, "divss", float32_div(a, b, &s))
F32(float32_sqrt, "sqrtss", float32_sqrt(b, &s))
F32(float32_min, "minss", float32_min(a, b, &s))
F32(float32_max, "maxss", float32_max(a, b, &s))
F64(float64_add, "addsd", float64_add(a, b, &s))
F64(float64_sub, "subsd", float64_sub(a, b, &s))
F64(float64_mul, "mulsd", float64_mul(a, b, &s))
F64(float64_div, "divsd", float64_div(a, b, &s))
F64(float64_sqrt, "sqrtsd", float64_sqrt(b, &s))
F64(float64_min, "minsd", float64_min(a, b, &s))
F64(float64_max, "maxsd", float64_max(a, b, &s))
SSE_TEST(float32_to_int32, "cvtss2si", float32, float, int32_t, int32_t, random32, float32_to_int32(b, &s))
SSE_TEST(float32_to_int64, "cvtss2si", float32, float, int64_t, int64_t, random32, float32_to_int64(b, &s))
SSE_TEST(float32_to_int32_trunc, "cvttss2si", float32, float, int32_t, int32_t, random32, float32_to_int32_trunc(b, &s))
SSE_TEST(float32_to_int64_trunc, "cvttss2si", float32, float, int64_t, int64_t, random32, float32_to_int64_trunc(b, &s))
SSE_TEST(float64_to_int32, "cvtsd2si", float64, double, int32_t, int32_t, random64, float64_to_int32(b, &s))
SSE_TEST(float64_to_int64, "cvtsd2si", float64, double, int64_t, int64_t, random64, float64_to_int64(b, &s))
SSE_TEST(float64_to_int32_trunc, "cvttsd2si", float64, double, int32_t, int32_t, random64,
         float64_to_int32_trunc(b, &s))
SSE_TEST(float64_to_int64_trunc, "cvttsd2si", float64, double, int64_t, int64_t, random64,
         float64_to_int64_trunc(b, &s))
SSE_TEST(float32_to_float64, "cvtss2sd", float32, float, float64, double, random32, float32_to_float64(b, &s))
SSE_TEST(float64_to_float32, "cvtsd2ss", float64, double, float32, float, random64, float64_to_float32(b, &s))
SSE_TEST(int32_to_float32, "cvtsi2ss", int32_t, int32_t, float32, float, (int32_t)rnd, int32_to_float32(b, &s))
SSE_TEST(int64_to_float32, "cvtsi2ssq", int64_t, int64_t, float32, float, (int64_t)rnd, int64_to_float32(b, &s))
SSE_TEST(int32_to_float64, "cvtsi2sdl", int32_t, int32_t, float64, double, (int32_t)rnd, int32_to_float64(b, &s))
SSE_TEST(int64_to_float64, "cvtsi2sdq", int64_t, int64_t, float64, double, (int64_t)rnd, int64_to_float64(b, &s))

/* a = b * c + a, without the host's FMA there is nothing to compare with. */
#define FMA_TEST(type, host_type, insn, random)                                                            \
    static void test_##type##_fma(void)                                                                    \
    {                                                                                                      \
        seed = 88172645463325252ull;                                                                       \
        if (!__builtin_cpu_supports("fma")) {                                                              \
            g_test_skip("the host has no FMA");                                                            \
            return;                                                                                        \
        }                                                                                                  \
        for (int i = 0; i < ROUNDS; i++) {                                                                 \
            uint32_t mxcsr, normal = MXCSR_MASKED;                                                         \
            FloatStatus s = random_sse_status(&mxcsr);                                                     \
            type a = random(), b = random(), c = random(), result;                                         \
            host_type x, y, z;                                                                             \
            memcpy(&x, &a, sizeof(x));                                                                     \
            memcpy(&y, &b, sizeof(y));                                                                     \
            memcpy(&z, &c, sizeof(z));                                                                     \
            /* The 132 form: destination = destination * third + second, NaNs looked for in that order. */ \
            __asm__ volatile("ldmxcsr %1\n\t" insn " %3, %2, %0\n\tstmxcsr %1\n\tldmxcsr %4"               \
                             : "+x"(x), "+m"(mxcsr)                                                        \
                             : "x"(z), "x"(y), "m"(normal));                                               \
            memcpy(&result, &x, sizeof(x));                                                                \
            report(#type "_fma", a, b, result, mxcsr & 0x3f, type##_fma(a, b, c, &s), &s);                 \
        }                                                                                                  \
    }
FMA_TEST(float32, float, "vfmadd132ss", random32)
FMA_TEST(float64, double, "vfmadd132sd", random64)

/* UCOMISx and COMISx: ZF PF CF. */
static FloatRelation relation_of(uint64_t eflags)
{
    if (eflags & 4) {
        return FLOAT_UNORDERED;
    }
    return eflags & 0x40 ? FLOAT_EQUAL : eflags & 1 ? FLOAT_LESS : FLOAT_GREATER;
}

#define COMPARE_TEST(type, host_type, name, insn, random)                                                     \
    static void test_##type##_##name(void)                                                                    \
    {                                                                                                         \
        seed = 88172645463325252ull;                                                                          \
        for (int i = 0; i < ROUNDS; i++) {                                                                    \
            uint32_t mxcsr, normal = MXCSR_MASKED;                                                            \
            uint64_t eflags;                                                                                  \
            FloatStatus s = random_sse_status(&mxcsr);                                                        \
            type a = random(), b = rnd() % 4 ? random() : a;                                                  \
            host_type x, y;                                                                                   \
            memcpy(&x, &a, sizeof(x));                                                                        \
            memcpy(&y, &b, sizeof(y));                                                                        \
            __asm__ volatile("ldmxcsr %1\n\t" insn " %3, %2\n\tpushfq\n\tpopq %0\n\tstmxcsr %1\n\tldmxcsr %4" \
                             : "=r"(eflags), "+m"(mxcsr)                                                      \
                             : "x"(x), "x"(y), "m"(normal)                                                    \
                             : "cc", "memory");                                                               \
            FloatRelation ours = type##_##name(a, b, &s);                                                     \
            report(#type "_" #name, a, b, (uint64_t)relation_of(eflags), mxcsr & 0x3f, (uint64_t)ours, &s);   \
        }                                                                                                     \
    }
COMPARE_TEST(float32, float, compare, "comiss", random32)
COMPARE_TEST(float32, float, compare_quiet, "ucomiss", random32)
COMPARE_TEST(float64, double, compare, "comisd", random64)
COMPARE_TEST(float64, double, compare_quiet, "ucomisd", random64)

/* ---- x87, all exceptions masked ---- */

typedef struct X87Case {
    floatx80 a, b;
    uint16_t cw, sw;
    FloatStatus s;
} X87Case;

static X87Case random_x87_case(void)
{
    static const uint8_t precisions[3] = { 24, 53, 64 }, fields[3] = { 0, 2, 3 };
    unsigned pc = (unsigned)(rnd() % 3);
    X87Case c = { .a = random80(), .b = random80() };
    c.s = (FloatStatus){ .round = (FloatRound)(rnd() % 4), .x80_precision = precisions[pc] };
    c.cw = (uint16_t)(0x3f | fields[pc] << 8 | c.s.round << 10);
    return c;
}

static void report80(const char *name, const X87Case *c, floatx80 host, floatx80 ours)
{
    bool c1 = (c->sw >> 9) & 1, inexact = c->sw & FLOAT_FLAG_INEXACT;
    bool same = host.low == ours.low && host.high == ours.high && (c->sw & 0x3f) == c->s.flags;
    if (!same || (inexact && c1 != c->s.rounded_up)) {
        g_error("%s a %04x:%016" PRIx64 " b %04x:%016" PRIx64 " cw %04x: host %04x:%016" PRIx64
                " sw %04x, ours %04x:%016" PRIx64 " flags %02x up %d",
                name, c->a.high, c->a.low, c->b.high, c->b.low, c->cw, host.high, host.low, c->sw, ours.high, ours.low,
                c->s.flags, c->s.rounded_up);
    }
}

#define X87_TEST(name, insns, expression)                                         \
    static void test_##name(void)                                                 \
    {                                                                             \
        seed = 88172645463325252ull;                                              \
        for (int i = 0; i < ROUNDS; i++) {                                        \
            X87Case c = random_x87_case();                                        \
            uint8_t x[10], y[10], r[10];                                          \
            floatx80 host;                                                        \
            memcpy(x, &c.a, 10);                                                  \
            memcpy(y, &c.b, 10);                                                  \
            __asm__ volatile("fninit\n\tfldcw %2\n\tfldt %4\n\tfldt %3\n\t" insns \
                             "\n\tfnstsw %1\n\tfstpt %0\n\tfninit"                \
                             : "=m"(r), "=m"(c.sw)                                \
                             : "m"(c.cw), "m"(x), "m"(y)                          \
                             : "memory");                                         \
            memcpy(&host.low, r, 8);                                              \
            memcpy(&host.high, r + 8, 2);                                         \
            FloatStatus *s = &c.s;                                                \
            report80(#name, &c, host, expression);                                \
        }                                                                         \
    }
/* ST(0) is a, ST(1) is b. */
X87_TEST(floatx80_add, "fadd %%st(1)", floatx80_add(c.a, c.b, s))
X87_TEST(floatx80_sub, "fsub %%st(1)", floatx80_sub(c.a, c.b, s))
X87_TEST(floatx80_mul, "fmul %%st(1)", floatx80_mul(c.a, c.b, s))
X87_TEST(floatx80_div, "fdiv %%st(1)", floatx80_div(c.a, c.b, s))
X87_TEST(floatx80_sqrt, "fsqrt", floatx80_sqrt(c.a, s))
X87_TEST(floatx80_round_to_int, "frndint", floatx80_round_to_int(c.a, s))
X87_TEST(floatx80_scale, "fscale", floatx80_scale(c.a, c.b, s))

#define X87_STORE_TEST(name, type, insn)                                                           \
    static void test_floatx80_to_##name(void)                                                      \
    {                                                                                              \
        seed = 88172645463325252ull;                                                               \
        for (int i = 0; i < ROUNDS; i++) {                                                         \
            X87Case c = random_x87_case();                                                         \
            uint8_t x[10];                                                                         \
            type host;                                                                             \
            memcpy(x, &c.a, 10);                                                                   \
            __asm__ volatile("fninit\n\tfldcw %2\n\tfldt %3\n\t" insn " %0\n\tfnstsw %1\n\tfninit" \
                             : "=m"(host), "=m"(c.sw)                                              \
                             : "m"(c.cw), "m"(x));                                                 \
            type ours = (type)floatx80_to_##name(c.a, &c.s);                                       \
            floatx80 h = { .low = (uint64_t)host }, o = { .low = (uint64_t)ours };                 \
            report80(#name, &c, h, o);                                                             \
        }                                                                                          \
    }
X87_STORE_TEST(float32, uint32_t, "fstps")
X87_STORE_TEST(float64, uint64_t, "fstpl")
X87_STORE_TEST(int16, int16_t, "fistps")
X87_STORE_TEST(int32, int32_t, "fistpl")
X87_STORE_TEST(int64, int64_t, "fistpll")
X87_STORE_TEST(int16_trunc, int16_t, "fisttps")
X87_STORE_TEST(int32_trunc, int32_t, "fisttpl")
X87_STORE_TEST(int64_trunc, int64_t, "fisttpll")

/* ---- functions against 113 bits ---- */

static __float128 quad_of(floatx80 a)
{
    __float128 v = ldexpq((__float128)a.low, (a.high & 0x7fff ? a.high & 0x7fff : 1) - 16383 - 63);
    return a.high >> 15 ? -v : v;
}

/* Distance in units of the last place of `ours`, from above the half that correct rounding allows. */
static void check_function(const char *name, floatx80 a, floatx80 b, floatx80 ours, __float128 truth)
{
    __float128 ulp = ldexpq(1, (ours.high & 0x7fff) - 16383 - 63), error = fabsq(quad_of(ours) - truth) / ulp;
    if (!(error < 0.501Q)) {
        g_error("%s a %04x:%016" PRIx64 " b %04x:%016" PRIx64 " gives %04x:%016" PRIx64 ", off by %f", name, a.high,
                a.low, b.high, b.low, ours.high, ours.low, (double)error);
    }
}

/* 2^low <= |v| < 2^(high + 1) */
static floatx80 random_between(int low, int high)
{
    floatx80 v = { .low = rnd() | 1ull << 63,
                   .high = (uint16_t)(16383 + low + (int)(rnd() % (unsigned)(high - low + 1))) };
    if (rnd() % 4 == 0) {
        v.low &= 0xffffffff00000000ull;
    }
    v.high |= (uint16_t)(rnd() << 15);
    return v;
}

static floatx80 positive(floatx80 a)
{
    a.high &= 0x7fff;
    return a;
}

/* Reduction of larger arguments has a test of its own, against better values. */
static void test_trigonometric(void)
{
    seed = 88172645463325252ull;
    for (int i = 0; i < FUNCTION_ROUNDS; i++) {
        FloatStatus s = { 0 };
        floatx80 a = random_between(-60, 30), sin, cos, tan, both[2];
        __float128 q = quad_of(a);
        g_assert_true(floatx80_sin(a, &sin, &s) && floatx80_cos(a, &cos, &s) && floatx80_tan(a, &tan, &s));
        g_assert_true(floatx80_sincos(a, &both[0], &both[1], &s));
        g_assert_true(both[0].low == sin.low && both[0].high == sin.high && both[1].low == cos.low);
        check_function("sin", a, a, sin, sinq(q));
        check_function("cos", a, a, cos, cosq(q));
        check_function("tan", a, a, tan, tanq(q));
        g_assert_cmphex(s.flags, ==, FLOAT_FLAG_INEXACT);
    }
}

static void test_2xm1(void)
{
    seed = 88172645463325252ull;
    for (int i = 0; i < FUNCTION_ROUNDS; i++) {
        FloatStatus s = { 0 };
        floatx80 a = random_between(i & 1 ? -3 : -70, -1);
        check_function("2xm1", a, a, floatx80_2xm1(a, &s), expm1q(quad_of(a) * M_LN2q));
    }
}

static void test_atan2(void)
{
    seed = 88172645463325252ull;
    for (int i = 0; i < FUNCTION_ROUNDS; i++) {
        FloatStatus s = { 0 };
        int spread = i % 3 == 0 ? 2000 : i % 3 == 1 ? 3 : 40;
        floatx80 y = random_between(-spread, spread), x = random_between(-spread, spread);
        check_function("atan2", y, x, floatx80_atan2(y, x, &s), atan2q(quad_of(y), quad_of(x)));
    }
}

/* Near 1, where the logarithm is small, too. */
static floatx80 random_logarithmand(void)
{
    floatx80 x = positive(random_between(-2, 1));
    switch (rnd() % 4) {
    case 0:
        return positive(random_between(-5000, 5000));
    case 1:
        return (floatx80){ .low = 1ull << 63 | rnd() >> (1 + rnd() % 40), .high = 0x3fff };
    case 2:
        return (floatx80){ .low = ~(rnd() >> (1 + rnd() % 40)), .high = 0x3ffe };
    default:
        return x;
    }
}

static void test_yl2x(void)
{
    seed = 88172645463325252ull;
    for (int i = 0; i < FUNCTION_ROUNDS; i++) {
        FloatStatus s = { 0 };
        floatx80 y = random_between(-20, 20), x = random_logarithmand();
        __float128 q = quad_of(x), log = fabsq(q - 1) < 0.5Q ? log1pq(q - 1) : logq(q);
        check_function("yl2x", y, x, floatx80_yl2x(y, x, &s), quad_of(y) * log / M_LN2q);
    }
}

static void test_yl2xp1(void)
{
    seed = 88172645463325252ull;
    for (int i = 0; i < FUNCTION_ROUNDS; i++) {
        FloatStatus s = { 0 };
        floatx80 y = random_between(-20, 20), x = random_between(i & 1 ? -4 : -70, -2);
        check_function("yl2xp1", y, x, floatx80_yl2xp1(y, x, &s), quad_of(y) * log1pq(quad_of(x)) / M_LN2q);
    }
}

#endif

/* ---- known answers ---- */

static void assert_x80(floatx80 v, uint16_t high, uint64_t low)
{
    g_assert_cmphex(v.high, ==, high);
    g_assert_cmphex(v.low, ==, low);
}

/* Values computed with 1200 bits: arguments close to multiples of pi/2 and close to 2^63. */
static void test_reduction(void)
{
    static const struct {
        floatx80 a;
        uint16_t sin_high;
        uint64_t sin_low;
        uint16_t cos_high;
        uint64_t cos_low;
    } known[] = {
#include "tests/unit/x87-reduction.h"
    };
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        FloatStatus s = { 0 };
        floatx80 r;
        g_assert_true(floatx80_sin(known[i].a, &r, &s));
        assert_x80(r, known[i].sin_high, known[i].sin_low);
        g_assert_true(floatx80_cos(known[i].a, &r, &s));
        assert_x80(r, known[i].cos_high, known[i].cos_low);
    }
}

static void test_out_of_range(void)
{
    FloatStatus s = { 0 };
    floatx80 a = { .low = 1ull << 63, .high = 0x403e }, r, r2; /* 2^63 */
    g_assert_false(floatx80_sin(a, &r, &s) || floatx80_cos(a, &r, &s) || floatx80_tan(a, &r, &s));
    g_assert_false(floatx80_sincos(a, &r, &r2, &s));
    g_assert_cmphex(s.flags, ==, 0);
    g_assert_true(floatx80_sin((floatx80){ .low = ~0ull, .high = 0x403d }, &r, &s));
}

/* Exact results are exact and raise nothing. */
static void test_exact(void)
{
    FloatStatus s = { 0 };
    floatx80 three = { .low = 3ull << 62, .high = 0x4000 }, eighth = { .low = 1ull << 63, .high = 0x3ffc };
    floatx80 minus_one = { .low = 1ull << 63, .high = 0xbfff }, r;
    assert_x80(floatx80_yl2x(three, eighth, &s), 0xc002, 9ull << 60);
    assert_x80(floatx80_yl2x(three, floatx80_one, &s), 0, 0);
    assert_x80(floatx80_2xm1(floatx80_one, &s), 0x3fff, 1ull << 63);
    assert_x80(floatx80_2xm1(minus_one, &s), 0xbffe, 1ull << 63);
    assert_x80(floatx80_atan2(floatx80_zero, three, &s), 0, 0);
    g_assert_true(floatx80_cos(floatx80_zero, &r, &s));
    assert_x80(r, 0x3fff, 1ull << 63);
    g_assert_cmphex(s.flags, ==, 0);
}

/* The tables of FYL2X and FPATAN in SDM volume 2. */
static void test_special_values(void)
{
    floatx80 inf = { .low = 1ull << 63, .high = 0x7fff }, minus_inf = { .low = 1ull << 63, .high = 0xffff };
    floatx80 two = { .low = 1ull << 63, .high = 0x4000 }, minus_zero = { .high = 0x8000 };
    FloatStatus s = { 0 };
    assert_x80(floatx80_yl2x(two, floatx80_zero, &s), 0xffff, 1ull << 63);
    g_assert_cmphex(s.flags, ==, FLOAT_FLAG_DIVBYZERO);
    s.flags = 0;
    assert_x80(floatx80_yl2x(minus_inf, floatx80_zero, &s), 0x7fff, 1ull << 63);
    assert_x80(floatx80_yl2x(two, inf, &s), 0x7fff, 1ull << 63);
    g_assert_cmphex(s.flags, ==, 0);
    assert_x80(floatx80_yl2x(floatx80_zero, inf, &s), 0xffff, 3ull << 62);
    g_assert_cmphex(s.flags, ==, FLOAT_FLAG_INVALID);
    s.flags = 0;
    assert_x80(floatx80_yl2x(two, minus_inf, &s), 0xffff, 3ull << 62);
    g_assert_cmphex(s.flags, ==, FLOAT_FLAG_INVALID);
    s.flags = 0;
    assert_x80(floatx80_atan2(inf, minus_inf, &s), 0x4000, 0x96cbe3f9990e91a8ull); /* 3 pi / 4 */
    assert_x80(floatx80_atan2(inf, inf, &s), 0x3ffe, 0xc90fdaa22168c235ull);
    assert_x80(floatx80_atan2(minus_zero, minus_zero, &s), 0xc000, 0xc90fdaa22168c235ull);
    assert_x80(floatx80_atan2(two, minus_zero, &s), 0x3fff, 0xc90fdaa22168c235ull);
    g_assert_cmphex(s.flags, ==, FLOAT_FLAG_INEXACT);
    s.flags = 0;
    assert_x80(floatx80_atan2(minus_zero, two, &s), 0x8000, 0);
    assert_x80(floatx80_atan2(two, inf, &s), 0, 0);
    g_assert_cmphex(s.flags, ==, 0);
}

/* Directed rounding of results that are only just not the operand. */
static void test_tiny(void)
{
    floatx80 a = { .low = 1ull << 63, .high = 0x1000 }, r;
    FloatStatus down = { .round = FLOAT_ROUND_DOWN }, up = { .round = FLOAT_ROUND_UP };
    floatx80_sin(a, &r, &down);
    assert_x80(r, 0x0fff, ~0ull);
    floatx80_sin(a, &r, &up);
    assert_x80(r, 0x1000, 1ull << 63);
    floatx80_tan(a, &r, &down);
    assert_x80(r, 0x1000, 1ull << 63);
    floatx80_tan(a, &r, &up);
    assert_x80(r, 0x1000, (1ull << 63) + 1);
    floatx80_cos(a, &r, &down);
    assert_x80(r, 0x3ffe, ~0ull);
    assert_x80(floatx80_atan2(a, floatx80_one, &down), 0x0fff, ~0ull);
}

static void test_remainder(void)
{
    floatx80 ten = { .low = 10ull << 60, .high = 0x4002 }, three = { .low = 3ull << 62, .high = 0x4000 };
    floatx80 huge = { .low = 3ull << 62, .high = 0x4000 + 100 };
    FloatStatus s = { 0 };
    FloatRemainder r = floatx80_remainder(ten, three, false, &s);
    assert_x80(r.value, 0x3fff, 1ull << 63);
    g_assert_cmpuint(r.quotient, ==, 3);
    ten.low = 11ull << 60;
    r = floatx80_remainder(ten, three, true, &s); /* 11 - 4 * 3 */
    assert_x80(r.value, 0xbfff, 1ull << 63);
    g_assert_cmpuint(r.quotient, ==, 4);
    r = floatx80_remainder(huge, ten, false, &s);
    g_assert_true(r.partial);
    g_assert_cmpuint(s.flags, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#if defined(__x86_64__)
#define ADD(name) g_test_add_func("/softfloat/" #name, test_##name);
    ADD(float32_add)
    ADD(float32_sub) ADD(float32_mul) ADD(float32_div) ADD(float32_sqrt) ADD(float32_min) ADD(float32_max)
        ADD(float64_add) ADD(float64_sub) ADD(float64_mul) ADD(float64_div) ADD(float64_sqrt) ADD(float64_min)
            ADD(float64_max) ADD(float32_to_int32) ADD(float32_to_int64) ADD(float32_to_int32_trunc)
                ADD(float32_to_int64_trunc) ADD(float64_to_int32) ADD(float64_to_int64) ADD(float64_to_int32_trunc) ADD(
                    float64_to_int64_trunc) ADD(float32_to_float64) ADD(float64_to_float32) ADD(int32_to_float32)
                    ADD(int64_to_float32) ADD(int32_to_float64) ADD(int64_to_float64) ADD(float32_fma) ADD(float64_fma)
                        ADD(float32_compare) ADD(float32_compare_quiet) ADD(float64_compare) ADD(float64_compare_quiet)
                            ADD(floatx80_add) ADD(floatx80_sub) ADD(floatx80_mul) ADD(floatx80_div) ADD(floatx80_sqrt)
                                ADD(floatx80_round_to_int) ADD(floatx80_scale) ADD(floatx80_to_float32)
                                    ADD(floatx80_to_float64) ADD(floatx80_to_int16) ADD(floatx80_to_int32)
                                        ADD(floatx80_to_int64) ADD(floatx80_to_int16_trunc) ADD(floatx80_to_int32_trunc)
                                            ADD(floatx80_to_int64_trunc)
                                                g_test_add_func("/transcendental/trigonometric", test_trigonometric);
    g_test_add_func("/transcendental/2xm1", test_2xm1);
    g_test_add_func("/transcendental/atan2", test_atan2);
    g_test_add_func("/transcendental/yl2x", test_yl2x);
    g_test_add_func("/transcendental/yl2xp1", test_yl2xp1);
#endif
    g_test_add_func("/transcendental/reduction", test_reduction);
    g_test_add_func("/transcendental/out-of-range", test_out_of_range);
    g_test_add_func("/transcendental/exact", test_exact);
    g_test_add_func("/transcendental/special-values", test_special_values);
    g_test_add_func("/transcendental/tiny", test_tiny);
    g_test_add_func("/remainder", test_remainder);
    return g_test_run();
}
