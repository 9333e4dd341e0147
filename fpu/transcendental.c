/*
 * fpu/transcendental.c  The x87's functions: 2^x-1, logarithms, tangent and arc tangent, sine and cosine (SDM volume 1,
 * 8.3.7-8.3.10; volume 2, the tables of each instruction). One fixed result on every host, in integers only.
 *
 * Everything is computed to about 120 bits and rounded once, so that results are correctly rounded in all but some
 * 2^-50 of the cases. Arguments of sine, cosine and tangent are reduced by the exact pi (320 bits of 2/pi), not by the
 * 66-bit pi of Intel's processors: near multiples of pi the results are the true ones. A result that is not known to be
 * exact is irrational, so its lowest bit is set ("sticky") before rounding. Precision control has no say here.
 */
#include "fpu/softfloat-internal.h"

#define U128(high, low) ((u128)(high) << 64 | (low))
#define ONE127          ((u128)1 << 127)

/* frac / 2^127 * 2^exp; bit 127 of frac set, or frac 0 for zero. */
typedef struct Real {
    bool sign;
    int32_t exp;
    u128 frac;
} Real;

/* pi/2, 2/ln 2 and ln 2, to the nearest. */
static const Real half_pi = { .exp = 0, .frac = U128(0xc90fdaa22168c234ull, 0xc4c6628b80dc1cd1ull) };
static const Real pi = { .exp = 1, .frac = U128(0xc90fdaa22168c234ull, 0xc4c6628b80dc1cd1ull) };
static const Real two_log2e = { .exp = 1, .frac = U128(0xb8aa3b295c17f0bbull, 0xbe87fed0691d3e89ull) };
static const Real ln2 = { .exp = -1, .frac = U128(0xb17217f7d1cf79abull, 0xc9e3b39803f2f6afull) };

/* ---- arithmetic; errors below 2^-125 of the result ---- */

/* The upper half of a 256-bit product. */
static u128 mul_high(u128 a, u128 b)
{
    uint64_t ah = (uint64_t)(a >> 64), al = (uint64_t)a, bh = (uint64_t)(b >> 64), bl = (uint64_t)b;
    u128 low = (u128)al * bl, m1 = (u128)ah * bl, m2 = (u128)al * bh;
    u128 carry = (low >> 64) + (uint64_t)m1 + (uint64_t)m2;
    return (u128)ah * bh + (m1 >> 64) + (m2 >> 64) + (carry >> 64);
}

static u128 shift_right_sticky(u128 v, int32_t n)
{
    if (n > 127) {
        return v != 0;
    }
    return n ? (v >> n) | ((v << (128 - n)) != 0) : v;
}

static Real normalized(bool sign, int32_t exp, u128 frac)
{
    uint64_t high = (uint64_t)(frac >> 64);
    if (!frac) {
        return (Real){ .sign = sign };
    }
    int shift = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)frac);
    return (Real){ .sign = sign, .exp = exp - shift, .frac = frac << shift };
}

static Real real_of(Parts p)
{
    return (Real){ .sign = p.sign, .exp = p.exp, .frac = (u128)p.frac << 64 };
}

static Real real_of_int(int32_t v)
{
    return normalized(v < 0, 31, (u128)(uint32_t)(v < 0 ? -v : v) << 96);
}

static Real negated(Real a)
{
    a.sign = !a.sign;
    return a;
}

static Real real_mul(Real a, Real b)
{
    return normalized(a.sign != b.sign, a.exp + b.exp + 1, mul_high(a.frac, b.frac));
}

static Real real_add(Real a, Real b)
{
    if (!a.frac || !b.frac) {
        return a.frac ? a : b;
    }
    if (a.exp < b.exp || (a.exp == b.exp && a.frac < b.frac)) {
        Real t = a;
        a = b;
        b = t;
    }
    u128 x = shift_right_sticky(a.frac, 1), y = shift_right_sticky(b.frac, 1 + (a.exp - b.exp));
    return normalized(a.sign, a.exp + 1, a.sign == b.sign ? x + y : x - y);
}

/* 64 more bits of quotient: *rem * 2^64 / d, for *rem < d and d with bit 127 set (Knuth's algorithm D). */
static uint64_t divide_step(u128 *rem, u128 d)
{
    uint64_t dh = (uint64_t)(d >> 64), dl = (uint64_t)d;
    uint64_t q = (uint64_t)(*rem >> 64) >= dh ? UINT64_MAX : (uint64_t)(*rem / dh);
    u128 rest = *rem - (u128)q * dh;
    while (!(rest >> 64) && (u128)q * dl > rest << 64) { /* at most twice */
        q--;
        rest += dh;
    }
    *rem = (rest << 64) - (u128)q * dl;
    return q;
}

static Real real_div(Real a, Real b)
{
    bool above = a.frac >= b.frac;
    u128 rem = above ? a.frac - b.frac : a.frac;
    u128 q = (u128)divide_step(&rem, b.frac) << 64;
    q |= divide_step(&rem, b.frac);
    Real r = { .sign = a.sign != b.sign, .exp = a.exp - b.exp, .frac = q };
    if (above) {
        r.frac = ONE127 | q >> 1;
    } else {
        r.exp--;
    }
    return r;
}

/* An irrational result. */
static floatx80 round_inexact(Real r, FloatStatus *s)
{
    return float_pack80(r.sign, r.exp, r.frac | 1, s);
}

/* ---- power series in fixed point: coefficients with 127 fraction bits, the argument below 1 with 128 ---- */

static u128 fraction_of(Real r)
{
    return r.exp < -128 ? 0 : r.frac >> -(r.exp + 1);
}

/* c[0] +- z (c[1] +- z (c[2] ...)). Never exactly c[0], so that rounding knows on which side of it the sum lies. */
static u128 series(const u128 *c, int n, u128 z, bool alternating)
{
    u128 sum = c[n - 1];
    for (int k = n - 2; k >= 0; k--) {
        u128 term = mul_high(sum, z) | (k == 0);
        sum = alternating ? c[k] - term : c[k] + term;
    }
    return sum;
}
#define SERIES(c, z, alternating) series(c, sizeof(c) / sizeof((c)[0]), z, alternating)

#define FACT5  ((u128)120)
#define FACT10 (FACT5 * 6 * 7 * 8 * 9 * 10)
#define FACT15 (FACT10 * 11 * 12 * 13 * 14 * 15)
#define FACT20 (FACT15 * 16 * 17 * 18 * 19 * 20)
#define FACT25 (FACT20 * 21 * 22 * 23 * 24 * 25)
#define FACT30 (FACT25 * 26 * 27 * 28 * 29 * 30)
#define PER(n) (ONE127 / (n))

/* sin r = r - r^3/3! + ..., for r^2 < 0.62 */
static const u128 sin_terms[] = { PER(1),
                                  PER(6),
                                  PER(FACT5),
                                  PER(FACT5 * 42),
                                  PER(FACT10 / 10),
                                  PER(FACT10 * 11),
                                  PER(FACT15 / 210),
                                  PER(FACT15),
                                  PER(FACT15 * 16 * 17),
                                  PER(FACT20 / 20),
                                  PER(FACT20 * 21),
                                  PER(FACT25 / 600),
                                  PER(FACT25),
                                  PER(FACT25 * 26 * 27),
                                  PER(FACT30 / 30),
                                  PER(FACT30 * 31) };
static const u128 cos_terms[] = { PER(1),
                                  PER(2),
                                  PER(24),
                                  PER(FACT5 * 6),
                                  PER(FACT5 * 6 * 7 * 8),
                                  PER(FACT10),
                                  PER(FACT10 * 132),
                                  PER(FACT15 / 15),
                                  PER(FACT15 * 16),
                                  PER(FACT20 / 380),
                                  PER(FACT20),
                                  PER(FACT20 * 462),
                                  PER(FACT25 / 25),
                                  PER(FACT25 * 26),
                                  PER(FACT30 / 870),
                                  PER(FACT30),
                                  PER(FACT30 * 31 * 32) };
/* (e^t - 1) / t = 1 + t/2! + t^2/3! + ..., for |t| < 0.7 */
static const u128 expm1_terms[] = { PER(1),
                                    PER(2),
                                    PER(6),
                                    PER(24),
                                    PER(FACT5),
                                    PER(FACT5 * 6),
                                    PER(FACT5 * 42),
                                    PER(FACT10 / 90),
                                    PER(FACT10 / 10),
                                    PER(FACT10),
                                    PER(FACT10 * 11),
                                    PER(FACT10 * 132),
                                    PER(FACT15 / 210),
                                    PER(FACT15 / 15),
                                    PER(FACT15),
                                    PER(FACT15 * 16),
                                    PER(FACT15 * 16 * 17),
                                    PER(FACT20 / 380),
                                    PER(FACT20 / 20),
                                    PER(FACT20),
                                    PER(FACT20 * 21),
                                    PER(FACT20 * 462),
                                    PER(FACT25 / 600),
                                    PER(FACT25 / 25),
                                    PER(FACT25),
                                    PER(FACT25 * 26),
                                    PER(FACT25 * 26 * 27),
                                    PER(FACT30 / 870),
                                    PER(FACT30 / 30),
                                    PER(FACT30),
                                    PER(FACT30 * 31),
                                    PER(FACT30 * 31 * 32) };
/* atan z = z - z^3/3 + ...; atanh z = z + z^3/3 + ...; for z^2 < 0.03 */
static const u128 odd_terms[] = { PER(1),  PER(3),  PER(5),  PER(7),  PER(9),  PER(11), PER(13), PER(15), PER(17),
                                  PER(19), PER(21), PER(23), PER(25), PER(27), PER(29), PER(31), PER(33), PER(35),
                                  PER(37), PER(39), PER(41), PER(43), PER(45), PER(47), PER(49), PER(51) };
#define ATAN_TERMS 13 /* enough for z^2 < 2^-10 */

/* ---- sine, cosine, tangent ---- */

/* |x| = (quarters + something) * pi/2; r = something * pi/2, |r| <= pi/4 */
typedef struct Reduced {
    unsigned quarters; /* modulo 4 */
    Real r;
} Reduced;

#define REDUCE_WORDS 6 /* 64 bits of significand times 320 bits of 2/pi */

/* 64 bits of a little-endian number, from bit position `pos` up. */
static uint64_t bits_at(const uint64_t *w, int pos)
{
    int i = pos / 64, n = pos % 64;
    uint64_t low = i < REDUCE_WORDS ? w[i] >> n : 0;
    return n && i + 1 < REDUCE_WORDS ? low | w[i + 1] << (64 - n) : low;
}

static void multiply_by_two_over_pi(uint64_t frac, uint64_t *w)
{
    static const uint64_t two_over_pi[REDUCE_WORDS - 1] = { 0xb7246e3a424dd2e0ull, 0xfe5163abdebbc561ull,
                                                            0xdb6295993c439041ull, 0xfc2757d1f534ddc0ull,
                                                            0xa2f9836e4e441529ull };
    u128 carry = 0;
    for (int i = 0; i < REDUCE_WORDS - 1; i++) {
        carry += (u128)frac * two_over_pi[i];
        w[i] = (uint64_t)carry;
        carry >>= 64;
    }
    w[REDUCE_WORDS - 1] = (uint64_t)carry;
}

/*
 * The fraction has at least 256 good bits. The nearest that a 64-bit significand with an exponent below 63 comes to a
 * multiple of pi/2 is about 2^-70, so that more than 120 significant ones always remain.
 */
static Reduced reduce_large(Parts x)
{
    uint64_t w[REDUCE_WORDS];
    multiply_by_two_over_pi(x.frac, w);
    int point = 64 * REDUCE_WORDS - 1 - x.exp; /* position of the binary point in w */
    unsigned quarters = (unsigned)bits_at(w, point);
    u128 high = U128(bits_at(w, point - 64), bits_at(w, point - 128));
    u128 low = U128(bits_at(w, point - 192), bits_at(w, point - 256));
    bool beyond = high >> 127; /* nearer to the next quarter */
    if (beyond) {
        low = ~low;
        high = ~high;
    }
    Real r = normalized(beyond, -1, high);
    int32_t shift = -1 - r.exp;
    r.frac |= shift ? low >> (128 - shift) : 0;
    return (Reduced){ .quarters = (quarters + beyond) & 3, .r = real_mul(r, half_pi) };
}

static Reduced reduce(Parts x)
{
    x.sign = false;
    if (x.exp < -1) { /* |x| < 1/2 */
        return (Reduced){ .r = real_of(x) };
    }
    return reduce_large(x);
}

static Real sin_series(Real r)
{
    u128 sum = SERIES(sin_terms, fraction_of(real_mul(r, r)), true);
    return real_mul(r, normalized(false, 0, sum));
}

static Real cos_series(Real r)
{
    return normalized(false, 0, SERIES(cos_terms, fraction_of(real_mul(r, r)), true));
}

static Real sin_of(const Reduced *x, bool sign)
{
    Real v = x->quarters & 1 ? cos_series(x->r) : sin_series(x->r);
    v.sign ^= sign ^ (x->quarters >> 1);
    return v;
}

static Real cos_of(Reduced x)
{
    x.quarters = (x.quarters + 1) & 3;
    return sin_of(&x, false);
}

/* A small r has a series of its own: its tangent is r and a little more, which a quotient might lose. */
static Real tan_of(Reduced x)
{
    static const u128 terms[] = { PER(1), PER(3), PER(15) * 2, PER(315) * 17 };
    Real one = { .exp = 0, .frac = ONE127 }, tan;
    if (x.r.exp < -30) {
        tan = real_mul(x.r, normalized(false, 0, SERIES(terms, fraction_of(real_mul(x.r, x.r)), false)));
        return x.quarters & 1 ? negated(real_div(one, tan)) : tan;
    }
    Real sin = sin_series(x.r), cos = cos_series(x.r);
    return x.quarters & 1 ? negated(real_div(cos, sin)) : real_div(sin, cos);
}

/* False, and no result, for |x| >= 2^63. True with *special set: zero, infinity or NaN, the result of sine and tangent
 * is *nan. */
static bool trig_operand(floatx80 a, Parts *x, bool *special, floatx80 *value, FloatStatus *s)
{
    *special = true;
    if (float_unpack_operands80(a, a, x, x, value, s)) {
        x->cls = CLASS_QNAN;
    } else if (x->cls == CLASS_INF) {
        *value = float_invalid80(s);
    } else if (x->cls == CLASS_ZERO) {
        *value = a;
    } else {
        *special = false;
        return x->exp < 63;
    }
    return true;
}

bool floatx80_sin(floatx80 a, floatx80 *result, FloatStatus *s)
{
    Parts x;
    bool special;
    if (!trig_operand(a, &x, &special, result, s)) {
        return false;
    }
    if (!special) {
        Reduced red = reduce(x);
        *result = round_inexact(sin_of(&red, x.sign), s);
    }
    return true;
}

bool floatx80_cos(floatx80 a, floatx80 *result, FloatStatus *s)
{
    Parts x;
    bool special;
    if (!trig_operand(a, &x, &special, result, s)) {
        return false;
    }
    if (!special) {
        *result = round_inexact(cos_of(reduce(x)), s);
    } else if (x.cls == CLASS_ZERO) {
        *result = floatx80_one;
    }
    return true;
}

bool floatx80_sincos(floatx80 a, floatx80 *sin, floatx80 *cos, FloatStatus *s)
{
    Parts x;
    bool special;
    if (!trig_operand(a, &x, &special, sin, s)) {
        return false;
    }
    if (!special) {
        Reduced red = reduce(x);
        *sin = round_inexact(sin_of(&red, x.sign), s);
        *cos = round_inexact(cos_of(red), s);
    } else {
        *cos = x.cls == CLASS_ZERO ? floatx80_one : *sin;
    }
    return true;
}

bool floatx80_tan(floatx80 a, floatx80 *result, FloatStatus *s)
{
    Parts x;
    bool special;
    if (!trig_operand(a, &x, &special, result, s)) {
        return false;
    }
    if (!special) {
        Real tan = tan_of(reduce(x));
        tan.sign ^= x.sign;
        *result = round_inexact(tan, s);
    }
    return true;
}

/* ---- arc tangent ---- */

/* atan(k/16) */
static const u128 atan_table[17] = {
    U128(0x0000000000000000ull, 0x0000000000000000ull), U128(0x07fd56edcb3f7a71ull, 0xb6593c96e071706bull),
    U128(0x0feadd4d5617b6e3ull, 0x2c897989f3e888efull), U128(0x17b97b4bce5b0226ull, 0x8f6169f103938e91ull),
    U128(0x1f5b75f92c80dd62ull, 0xadb8f3debef442fdull), U128(0x26c4ee6e0fd7979aull, 0x716aed26349ebccaull),
    U128(0x2dec3283c9bde11cull, 0xe2a8c848b73f9121ull), U128(0x34c9dd879847f96dull, 0x909f257a40079c4eull),
    U128(0x3b58ce0ac3769ed1ull, 0x5bf9117b2f0ea341ull), U128(0x4195fa536cc33f15ull, 0x25b504e5b0d28ae0ull),
    U128(0x47802eaf7bfacfcdull, 0xae41af0b32e21ba4ull), U128(0x4d17c07338deed10ull, 0x21137c711027f9deull),
    U128(0x525e3e8c9a7b8492ull, 0x0cd43f9522bed64full), U128(0x5756261c5a6c6040ull, 0x0a392f179f290385ull),
    U128(0x5c029f15e118cf39ull, 0xe596d2a90852221full), U128(0x606742dc56293320ull, 0x44eeb16237497d12ull),
    U128(0x6487ed5110b4611aull, 0x62633145c06e0e69ull)
};

static Real atan_series(Real z)
{
    u128 sum = series(odd_terms, ATAN_TERMS, fraction_of(real_mul(z, z)), true);
    return real_mul(z, normalized(false, 0, sum));
}

/*
 * atan(y/x) for 0 < y <= x. With k/16 the nearest to y/x: atan(y/x) = atan(k/16) + atan((16y - kx) / (16x + ky));
 * numerator and denominator are exact integers, for then y and x are less than 2^6 apart.
 */
static Real atan_ratio(Parts y, Parts x)
{
    int32_t apart = x.exp - y.exp;
    if (apart > 6) {
        return atan_series(real_div(real_of(y), real_of(x)));
    }
    u128 xi = (u128)x.frac << apart, yi = y.frac;
    unsigned k = (unsigned)((32 * yi + xi) / (2 * xi));
    bool minus = 16 * yi < k * xi;
    u128 n = minus ? k * xi - 16 * yi : 16 * yi - k * xi;
    Real base = normalized(false, 0, atan_table[k]);
    if (!n) {
        return base;
    }
    Real z = real_div(normalized(minus, 0, n), normalized(false, 0, 16 * xi + k * yi));
    return real_add(base, atan_series(z));
}

/* Quadrants from the signs; y and x finite and not zero. */
static Real atan2_finite(Parts y, Parts x)
{
    bool steep = y.exp > x.exp || (y.exp == x.exp && y.frac > x.frac), left = x.sign;
    Parts ay = y, ax = x;
    ay.sign = ax.sign = false;
    Real angle = steep ? real_add(half_pi, negated(atan_ratio(ax, ay))) : atan_ratio(ay, ax);
    if (left) {
        angle = real_add(pi, negated(angle));
    }
    angle.sign = y.sign;
    return angle;
}

/* SDM volume 2, FPATAN, table 3-32: one of the two is zero or infinite. */
static floatx80 atan2_special(Parts y, Parts x, FloatStatus *s)
{
    Real angle = half_pi;
    if (y.cls == CLASS_INF && x.cls == CLASS_INF) {
        angle = (Real){ .exp = -1, .frac = half_pi.frac };
        angle = x.sign ? real_add(half_pi, angle) : angle;
    } else if (y.cls == CLASS_ZERO || x.cls == CLASS_INF) {
        if (!x.sign) {
            return float_zero80(y.sign);
        }
        angle = pi;
    }
    angle.sign = y.sign;
    return round_inexact(angle, s);
}

floatx80 floatx80_atan2(floatx80 y, floatx80 x, FloatStatus *s)
{
    Parts py, px;
    floatx80 nan;
    if (float_unpack_operands80(y, x, &py, &px, &nan, s)) {
        return nan;
    }
    if (py.cls != CLASS_NORMAL || px.cls != CLASS_NORMAL) {
        return atan2_special(py, px, s);
    }
    return round_inexact(atan2_finite(py, px), s);
}

/* ---- logarithms ---- */

/* 2/ln 2 * atanh z */
static Real log2_of_ratio(Real z)
{
    u128 sum = SERIES(odd_terms, fraction_of(real_mul(z, z)), false);
    return real_mul(real_mul(z, normalized(false, 0, sum)), two_log2e);
}

/* log2 of v > 0: v = 2^e m with m in [sqrt 1/2, sqrt 2), ln m = 2 atanh((m-1)/(m+1)). Zero for v = 1. */
static Real log2_real(Real v, bool *exact)
{
    const u128 sqrt2 = U128(0xb504f333f9de6484ull, 0x597d89b3754abe9full);
    bool upper = v.frac >= sqrt2; /* then m is half of it */
    Real whole = real_of_int(v.exp + upper);
    *exact = v.frac == ONE127;
    if (*exact) {
        return whole;
    }
    u128 minus = upper ? 0 - v.frac : v.frac - ONE127;
    u128 plus = upper ? ONE127 + (v.frac >> 1) : (ONE127 >> 1) + (v.frac >> 1);
    Real z = real_div(normalized(upper, -upper, minus), normalized(false, 1 - upper, plus));
    return real_add(whole, log2_of_ratio(z));
}

/* log2(1 + x) for x > -1 */
static Real log2p1_real(Real x, bool *exact)
{
    Real one = { .exp = 0, .frac = ONE127 }, two = { .exp = 1, .frac = ONE127 };
    if (x.exp >= -2) { /* |x| >= 1/4: no bit of x is lost in the sum that matters */
        return log2_real(real_add(one, x), exact);
    }
    *exact = false;
    return log2_of_ratio(real_div(x, real_add(two, x)));
}

static floatx80 multiply_log(Parts y, Real log, bool exact, FloatStatus *s)
{
    Real product = real_mul(real_of(y), log);
    if (!product.frac) {
        return float_zero80(product.sign);
    }
    return exact ? float_pack80(product.sign, product.exp, product.frac, s) : round_inexact(product, s);
}

/* y times an infinite logarithm. */
static floatx80 multiply_infinite(Parts y, bool negative, FloatStatus *s)
{
    return y.cls == CLASS_ZERO ? float_invalid80(s) : float_inf80(y.sign != negative);
}

/* Logarithm finite, its sign (and whether it is zero) known; y zero or infinite. */
static floatx80 multiply_special(Parts y, bool zero, bool negative, FloatStatus *s)
{
    if (y.cls == CLASS_INF) {
        return zero ? float_invalid80(s) : float_inf80(y.sign != negative);
    }
    return float_zero80(y.sign != negative);
}

floatx80 floatx80_yl2x(floatx80 y, floatx80 x, FloatStatus *s)
{
    Parts py, px;
    floatx80 nan;
    bool exact;
    if (float_unpack_operands80(y, x, &py, &px, &nan, s)) {
        return nan;
    }
    if (px.cls == CLASS_ZERO) {
        return py.cls == CLASS_NORMAL ? float_divide_by_zero80(!py.sign, s) : multiply_infinite(py, true, s);
    }
    if (px.sign) {
        return float_invalid80(s);
    }
    if (px.cls == CLASS_INF) {
        return multiply_infinite(py, false, s);
    }
    if (py.cls != CLASS_NORMAL) {
        return multiply_special(py, px.exp == 0 && px.frac == 1ull << 63, px.exp < 0, s);
    }
    Real log = log2_real(real_of(px), &exact);
    return multiply_log(py, log, exact, s);
}

/* The manual leaves x < -(1 - sqrt(1/2)) and x > sqrt 2 - 1 open; here they give the true value, x = -1 as log2 of
 * zero. */
floatx80 floatx80_yl2xp1(floatx80 y, floatx80 x, FloatStatus *s)
{
    Parts py, px;
    floatx80 nan;
    bool exact;
    if (float_unpack_operands80(y, x, &py, &px, &nan, s)) {
        return nan;
    }
    if (px.cls == CLASS_INF || (px.cls == CLASS_NORMAL && px.sign && px.exp >= 0)) {
        bool minus_one = px.cls == CLASS_NORMAL && px.exp == 0 && px.frac == 1ull << 63;
        if (minus_one && py.cls == CLASS_NORMAL) {
            return float_divide_by_zero80(!py.sign, s);
        }
        return px.sign && !minus_one ? float_invalid80(s) : multiply_infinite(py, minus_one, s);
    }
    if (py.cls != CLASS_NORMAL || px.cls == CLASS_ZERO) {
        return multiply_special(py, px.cls == CLASS_ZERO, px.sign, s);
    }
    Real log = log2p1_real(real_of(px), &exact);
    return multiply_log(py, log, exact, s);
}

/* ---- 2^x - 1 ---- */

/* The manual leaves |x| > 1 open; here such an operand is returned as it is. */
floatx80 floatx80_2xm1(floatx80 a, FloatStatus *s)
{
    Parts x;
    floatx80 nan;
    if (float_unpack_operands80(a, a, &x, &x, &nan, s)) {
        return nan;
    }
    if (x.cls == CLASS_INF && x.sign) {
        return (floatx80){ .low = 1ull << 63, .high = 0xbfff };
    }
    if (x.cls != CLASS_NORMAL || x.exp > 0 || (x.exp == 0 && x.frac != 1ull << 63)) {
        return a;
    }
    if (x.exp == 0) { /* 1 gives 1, -1 gives -1/2 */
        return float_pack80(x.sign, x.sign ? -1 : 0, ONE127, s);
    }
    Real t = real_mul(real_of(x), ln2);
    u128 sum = SERIES(expm1_terms, fraction_of(t), x.sign);
    return round_inexact(real_mul(t, normalized(false, 0, sum)), s);
}
