/*
 * fpu/softfloat.c  IEEE 754 arithmetic in integers for binary32, binary64 and x87 extended (SDM volume 1, chapters 4,
 * 8, 11).
 *
 * Every operand is unpacked into one form (class, sign, exponent, 64-bit significand), the operation produces a 128-bit
 * significand with a sticky lowest bit, and one function rounds and packs it for each format.
 */
#include "fpu/softfloat-internal.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

typedef struct FloatFormat {
    int precision; /* significand bits, the leading one included */
    int emin, emax;
} FloatFormat;

static const FloatFormat format32 = { 24, -126, 127 };
static const FloatFormat format64 = { 53, -1022, 1023 };

/* Exponent adjustment of unmasked x87 overflow and underflow, SDM 1, 8.5.4. */
#define X80_WRAP 24576

const floatx80 floatx80_indefinite = { .low = 0xc000000000000000ull, .high = 0xffff };
const floatx80 floatx80_zero = { .low = 0, .high = 0 };
const floatx80 floatx80_one = { .low = 0x8000000000000000ull, .high = 0x3fff };

static bool is_nan(const Parts *p)
{
    return p->cls >= CLASS_QNAN;
}

/* ---- unpack ---- */

static Parts normalize(Parts p)
{
    int shift = __builtin_clzll(p.frac);
    p.frac <<= shift;
    p.exp -= shift;
    return p;
}

/* frac: fraction field left-aligned at bit 62; biased exponent with all ones = max_exp. */
static Parts unpack_ieee(bool sign, int biased, uint64_t frac, int max_exp, int bias, FloatStatus *s, bool *denormal)
{
    Parts p = { .cls = CLASS_NORMAL, .sign = sign, .exp = biased - bias, .frac = frac | 1ull << 63 };
    *denormal = false;
    if (biased == max_exp) {
        p.cls = !frac ? CLASS_INF : (frac >> 62) ? CLASS_QNAN : CLASS_SNAN;
    } else if (biased == 0) {
        p.frac = frac;
        p.exp = 1 - bias;
        if (!frac || s->denormals_are_zero) {
            p.cls = CLASS_ZERO;
        } else {
            *denormal = true;
            p = normalize(p);
        }
    }
    return p;
}

static Parts unpack32(float32 a, FloatStatus *s, bool *denormal)
{
    return unpack_ieee(a >> 31, (a >> 23) & 0xff, (uint64_t)(a & 0x7fffff) << 40, 0xff, 127, s, denormal);
}

static Parts unpack64(float64 a, FloatStatus *s, bool *denormal)
{
    return unpack_ieee(a >> 63, (a >> 52) & 0x7ff, (a << 12) >> 1, 0x7ff, 1023, s, denormal);
}

bool floatx80_is_unsupported(floatx80 a)
{
    return (a.high & 0x7fff) && !(a.low >> 63);
}

static Parts unpack80(floatx80 a, FloatStatus *s, bool *denormal)
{
    (void)s;
    int biased = a.high & 0x7fff;
    Parts p = { .cls = CLASS_NORMAL, .sign = a.high >> 15, .exp = biased - 16383, .frac = a.low };
    *denormal = false;
    if (floatx80_is_unsupported(a)) {
        p.cls = CLASS_SNAN;
    } else if (biased == 0x7fff) {
        p.cls = !(a.low << 1) ? CLASS_INF : (a.low >> 62) & 1 ? CLASS_QNAN : CLASS_SNAN;
    } else if (biased == 0) {
        p.exp = -16382;
        p.cls = a.low ? CLASS_NORMAL : CLASS_ZERO;
        if (a.low) {
            *denormal = true;
            p = normalize(p);
        }
    }
    return p;
}

/* ---- round and pack ---- */

static u128 shift_right_sticky(u128 v, int n)
{
    if (n <= 0) {
        return v;
    }
    if (n > 127) {
        return v != 0;
    }
    return (v >> n) | ((v & (((u128)1 << n) - 1)) != 0);
}

static bool rounds_up(bool sign, u128 frac, int precision, FloatRound round)
{
    int drop = 128 - precision;
    u128 rest = frac << precision;
    u128 half = (u128)1 << 127;
    switch (round) {
    case FLOAT_ROUND_NEAREST:
        return rest > half || (rest == half && ((frac >> drop) & 1));
    case FLOAT_ROUND_DOWN:
        return rest && sign;
    case FLOAT_ROUND_UP:
        return rest && !sign;
    default:
        return false;
    }
}

/* Round to `precision` leading bits. Returns the carry out of bit 127 (then the value is 1.0 with the next exponent).
 */
static bool round_at(u128 *frac, int precision, bool sign, FloatStatus *s, bool *inexact)
{
    int drop = 128 - precision;
    bool up = rounds_up(sign, *frac, precision, s->round);
    *inexact = (*frac << precision) != 0;
    s->rounded_up = up;
    *frac = (*frac >> drop) << drop;
    if (!up) {
        return false;
    }
    u128 before = *frac;
    *frac += (u128)1 << drop;
    return *frac < before;
}

typedef struct Rounded {
    FloatClass cls;
    int32_t exp;   /* of the leading bit; emin for a denormal */
    uint64_t frac; /* bit 63 clear: denormal */
} Rounded;

static Rounded overflowed(const FloatFormat *f, bool sign, FloatStatus *s)
{
    bool infinite = s->round == FLOAT_ROUND_NEAREST || s->round == (sign ? FLOAT_ROUND_DOWN : FLOAT_ROUND_UP);
    s->flags |= FLOAT_FLAG_OVERFLOW | FLOAT_FLAG_INEXACT;
    s->rounded_up = infinite;
    if (infinite) {
        return (Rounded){ .cls = CLASS_INF };
    }
    uint64_t largest = f->precision == 64 ? ~0ull : ~(~0ull >> f->precision);
    return (Rounded){ .cls = CLASS_NORMAL, .exp = f->emax, .frac = largest };
}

/* Is the value below the smallest normal number after rounding with an unbounded exponent? */
static bool is_tiny(const FloatFormat *f, bool sign, int exp, u128 frac, FloatStatus *s)
{
    if (exp >= f->emin) {
        return false;
    }
    bool inexact, rounded_up = s->rounded_up;
    u128 copy = frac;
    bool carry = round_at(&copy, f->precision, sign, s, &inexact);
    s->rounded_up = rounded_up;
    return exp + carry < f->emin;
}

static Rounded round_denormal(const FloatFormat *f, bool sign, int exp, u128 frac, bool tiny, FloatStatus *s)
{
    bool inexact;
    frac = shift_right_sticky(frac, f->emin - exp);
    bool carry = round_at(&frac, f->precision, sign, s, &inexact);
    if (carry) { /* cannot happen after a shift by one or more */
        frac = (u128)1 << 127;
    }
    s->flags |= inexact ? FLOAT_FLAG_INEXACT : 0;
    if (tiny && (inexact || s->underflow_unmasked)) {
        s->flags |= FLOAT_FLAG_UNDERFLOW;
    }
    if (tiny && s->flush_to_zero && !s->underflow_unmasked) {
        s->flags |= FLOAT_FLAG_UNDERFLOW | FLOAT_FLAG_INEXACT;
        return (Rounded){ .cls = CLASS_ZERO };
    }
    uint64_t top = (uint64_t)(frac >> 64);
    return (Rounded){ .cls = top ? CLASS_NORMAL : CLASS_ZERO, .exp = f->emin, .frac = top };
}

/* Unmasked overflow or underflow of a result in a register; FSCALE may be out of range even so (SDM 1, 8.5.4, 8.5.5).
 */
static Rounded wrapped(const FloatFormat *f, Rounded r, int wrap, FloatStatus *s)
{
    r.exp += wrap;
    if (wrap && (r.exp > f->emax || r.exp < f->emin)) {
        r.cls = r.exp > f->emax ? CLASS_INF : CLASS_ZERO;
        s->rounded_up = r.cls == CLASS_INF;
        s->flags |= FLOAT_FLAG_INEXACT;
    }
    return r;
}

/*
 * The value is frac / 2^127 * 2^exp, frac normalized. wrap: exponent adjustment for unmasked overflow and underflow, 0
 * none.
 */
static Rounded round_parts(const FloatFormat *f, bool sign, int exp, u128 frac, int wrap, FloatStatus *s)
{
    bool tiny = exp < f->emin && is_tiny(f, sign, exp, frac, s), wrap_up = tiny && s->underflow_unmasked;
    if (exp < f->emin && !wrap_up) {
        return round_denormal(f, sign, exp, frac, tiny, s);
    }
    bool inexact;
    if (round_at(&frac, f->precision, sign, s, &inexact)) {
        frac = (u128)1 << 127;
        exp++;
    }
    Rounded r = { .cls = CLASS_NORMAL, .exp = exp, .frac = (uint64_t)(frac >> 64) };
    if (wrap_up) {
        s->flags |= FLOAT_FLAG_UNDERFLOW;
        r = wrapped(f, r, wrap, s);
    } else if (exp > f->emax) {
        if (!s->overflow_unmasked) {
            return overflowed(f, sign, s);
        }
        s->flags |= FLOAT_FLAG_OVERFLOW;
        r = wrapped(f, r, -wrap, s);
    }
    s->flags |= inexact ? FLOAT_FLAG_INEXACT : 0;
    return r;
}

static float32 pack32(bool sign, Rounded r)
{
    uint32_t top = (uint32_t)sign << 31;
    if (r.cls == CLASS_ZERO) {
        return top;
    }
    if (r.cls == CLASS_INF) {
        return top | 0x7f800000u;
    }
    uint32_t biased = r.frac >> 63 ? (uint32_t)(r.exp + 127) : 0;
    return top | biased << 23 | ((uint32_t)(r.frac >> 40) & 0x7fffff);
}

static float64 pack64(bool sign, Rounded r)
{
    uint64_t top = (uint64_t)sign << 63;
    if (r.cls == CLASS_ZERO) {
        return top;
    }
    if (r.cls == CLASS_INF) {
        return top | 0x7ffull << 52;
    }
    uint64_t biased = r.frac >> 63 ? (uint64_t)(r.exp + 1023) : 0;
    return top | biased << 52 | ((r.frac << 1) >> 12);
}

static floatx80 pack80(bool sign, Rounded r)
{
    uint16_t top = (uint16_t)(sign << 15);
    if (r.cls == CLASS_ZERO) {
        return (floatx80){ .high = top };
    }
    if (r.cls == CLASS_INF) {
        return (floatx80){ .low = 1ull << 63, .high = (uint16_t)(top | 0x7fff) };
    }
    int biased = r.frac >> 63 ? r.exp + 16383 : 0;
    return (floatx80){ .low = r.frac, .high = (uint16_t)(top | biased) };
}

static float32 round_pack32(bool sign, int exp, u128 frac, FloatStatus *s)
{
    return pack32(sign, round_parts(&format32, sign, exp, frac, 0, s));
}

static float64 round_pack64(bool sign, int exp, u128 frac, FloatStatus *s)
{
    return pack64(sign, round_parts(&format64, sign, exp, frac, 0, s));
}

static floatx80 round_pack80_to(int precision, bool sign, int exp, u128 frac, FloatStatus *s)
{
    FloatFormat f = { precision, -16382, 16383 };
    return pack80(sign, round_parts(&f, sign, exp, frac, X80_WRAP, s));
}

static floatx80 round_pack80(bool sign, int exp, u128 frac, FloatStatus *s)
{
    return round_pack80_to(s->x80_precision ? s->x80_precision : 64, sign, exp, frac, s);
}

/* ---- NaNs ---- */

static float32 pack_nan32(Parts p)
{
    return (uint32_t)p.sign << 31 | 0x7fc00000u | ((uint32_t)(p.frac >> 40) & 0x7fffff);
}

static float64 pack_nan64(Parts p)
{
    return (uint64_t)p.sign << 63 | 0x7ff8000000000000ull | ((p.frac << 1) >> 12);
}

static floatx80 pack_nan80(Parts p)
{
    return (floatx80){ .low = p.frac | 3ull << 62, .high = (uint16_t)(p.sign << 15 | 0x7fff) };
}

static void note_operands(const Parts *a, const Parts *b, bool denormal, FloatStatus *s)
{
    if (a->cls == CLASS_SNAN || b->cls == CLASS_SNAN) {
        s->flags |= FLOAT_FLAG_INVALID;
    } else if (denormal && !is_nan(a) && !is_nan(b)) {
        s->flags |= FLOAT_FLAG_DENORMAL;
    }
}

/* SSE: the first operand if it is a NaN, else the second. */
static Parts pick_nan_sse(Parts a, Parts b)
{
    return is_nan(&a) ? a : b;
}

/* x87 (SDM 1, table 4-7): the larger significand; a signalling and a quiet NaN: the quiet one. */
static Parts pick_nan_x87(Parts a, Parts b)
{
    if (!is_nan(&a) || !is_nan(&b)) {
        return is_nan(&a) ? a : b;
    }
    if (a.cls != b.cls) {
        return a.cls == CLASS_QNAN ? a : b;
    }
    uint64_t fa = a.frac << 2, fb = b.frac << 2;
    if (fa != fb) {
        return fa > fb ? a : b;
    }
    return a.sign ? b : a;
}

static floatx80 propagate80(floatx80 a, floatx80 b, Parts pa, Parts pb)
{
    if (floatx80_is_unsupported(a) || floatx80_is_unsupported(b)) {
        return floatx80_indefinite;
    }
    return pack_nan80(pick_nan_x87(pa, pb));
}

/* ---- exact results: class, sign, exponent and 128-bit significand ---- */

typedef struct Exact {
    FloatClass cls; /* CLASS_QNAN: invalid, the indefinite NaN */
    bool sign;
    int32_t exp;
    u128 frac;
} Exact;

static Exact exact_of(Parts a)
{
    return (Exact){ .cls = a.cls, .sign = a.sign, .exp = a.exp, .frac = (u128)a.frac << 64 };
}

static Exact invalid(FloatStatus *s)
{
    s->flags = (s->flags & ~FLOAT_FLAG_DENORMAL) | FLOAT_FLAG_INVALID;
    return (Exact){ .cls = CLASS_QNAN, .sign = true };
}

static Exact normalize_exact(Exact e)
{
    if (!e.frac) {
        e.cls = CLASS_ZERO;
        return e;
    }
    uint64_t high = (uint64_t)(e.frac >> 64);
    int shift = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)e.frac);
    e.frac <<= shift;
    e.exp -= shift;
    return e;
}

/* Sum of two normalized numbers given with 128-bit significands. */
static Exact add_magnitudes(Exact a, Exact b, FloatStatus *s)
{
    if (a.exp < b.exp || (a.exp == b.exp && a.frac < b.frac)) {
        Exact t = a;
        a = b;
        b = t;
    }
    /* Two bits of room: the sum's carry above, and one so that the sticky bit stays below a guard bit. */
    u128 x = shift_right_sticky(a.frac, 1);
    u128 y = shift_right_sticky(b.frac, 1 + (a.exp - b.exp));
    a.exp += 1;
    a.frac = a.sign == b.sign ? x + y : x - y;
    bool minus = a.sign != b.sign;
    a = normalize_exact(a);
    if (minus && a.cls == CLASS_ZERO) {
        a.sign = s->round == FLOAT_ROUND_DOWN;
    }
    return a;
}

static Exact add_parts(Exact a, Exact b, FloatStatus *s)
{
    if (a.cls == CLASS_INF || b.cls == CLASS_INF) {
        if (a.cls == b.cls && a.sign != b.sign) {
            return invalid(s);
        }
        return a.cls == CLASS_INF ? a : b;
    }
    if (a.cls == CLASS_ZERO && b.cls == CLASS_ZERO) {
        a.sign = a.sign == b.sign ? a.sign : s->round == FLOAT_ROUND_DOWN;
        return a;
    }
    if (a.cls == CLASS_ZERO || b.cls == CLASS_ZERO) {
        return a.cls == CLASS_ZERO ? b : a;
    }
    return add_magnitudes(a, b, s);
}

static Exact mul_parts(Parts a, Parts b, FloatStatus *s)
{
    Exact r = { .cls = CLASS_NORMAL, .sign = a.sign != b.sign };
    bool zero = a.cls == CLASS_ZERO || b.cls == CLASS_ZERO;
    bool inf = a.cls == CLASS_INF || b.cls == CLASS_INF;
    if (zero && inf) {
        return invalid(s);
    }
    if (zero || inf) {
        r.cls = zero ? CLASS_ZERO : CLASS_INF;
        return r;
    }
    r.frac = (u128)a.frac * b.frac;
    r.exp = a.exp + b.exp + 1;
    return normalize_exact(r);
}

static u128 divide_fractions(uint64_t a, uint64_t b)
{
    u128 n = (u128)a << 63; /* quotient below 2^64 */
    u128 q1 = n / b, rem = n % b;
    u128 q2 = (rem << 63) / b, last = (rem << 63) % b;
    return (q1 << 63) | q2 | (last != 0);
}

static Exact div_parts(Parts a, Parts b, FloatStatus *s)
{
    Exact r = { .cls = CLASS_NORMAL, .sign = a.sign != b.sign };
    if (a.cls == b.cls && a.cls != CLASS_NORMAL) { /* 0/0, inf/inf */
        return invalid(s);
    }
    if (a.cls == CLASS_INF || b.cls == CLASS_ZERO) {
        if (a.cls != CLASS_INF) {
            s->flags = (s->flags & ~FLOAT_FLAG_DENORMAL) | FLOAT_FLAG_DIVBYZERO;
        }
        r.cls = CLASS_INF;
        return r;
    }
    if (a.cls == CLASS_ZERO || b.cls == CLASS_INF) {
        r.cls = CLASS_ZERO;
        return r;
    }
    r.frac = divide_fractions(a.frac, b.frac);
    r.exp = a.exp - b.exp + 1; /* 1.0/1.0 gives bit 126 */
    return normalize_exact(r);
}

/* Root of a number in [2^62, 2^64), within a unit or two: a straight line, then Newton's steps, each doubling the good
 * bits. */
static uint64_t root_estimate(uint64_t v)
{
    uint64_t root = (v >> 32) * 2 / 3 + 0x5aaaaaaa; /* within 1/24 */
    for (int i = 0; i < 3; i++) {
        root = (root + v / root) / 2;
    }
    return root;
}

/* Root of a radicand in [2^126, 2^128), rounded down. *rest is what is left, at most twice the root. */
static uint64_t root64(u128 radicand, u128 *rest)
{
    u128 root = (u128)root_estimate((uint64_t)(radicand >> 64)) << 32;
    root = (root + radicand / root) / 2;
    root = root >> 64 ? UINT64_MAX : root;
    while (root * root > radicand) {
        root--;
    }
    while (radicand - root * root > 2 * root) {
        root++;
    }
    *rest = radicand - root * root;
    return (uint64_t)root;
}

/* The 65th bit of the root is set when the rest exceeds it: (r + 1/2)^2 = r^2 + r + 1/4. */
static u128 root_of(u128 radicand)
{
    u128 rest;
    uint64_t root = root64(radicand, &rest);
    return (u128)root << 64 | (rest > root ? 1ull << 63 | 1 : rest != 0);
}

static Exact sqrt_parts(Parts a, FloatStatus *s)
{
    Exact r = exact_of(a);
    if (a.cls == CLASS_ZERO || (a.cls == CLASS_INF && !a.sign)) {
        return r;
    }
    if (a.sign) {
        return invalid(s);
    }
    /* Make the exponent even: radicand in [1, 4), with two integer bits. */
    u128 radicand = (a.exp & 1) ? (u128)a.frac << 64 : ((u128)a.frac << 64) >> 1;
    r.frac = root_of(radicand);
    r.exp = a.exp >> 1;
    return normalize_exact(r);
}

static Exact fma_parts(Parts a, Parts b, Parts c, FloatStatus *s)
{
    Exact product = mul_parts(a, b, s);
    if (product.cls == CLASS_QNAN) {
        return product;
    }
    return add_parts(product, exact_of(c), s);
}

/* ---- integers ---- */

/* Round a finite number to an integer: magnitude in *out; false when it does not fit 64 bits. */
static bool integer_of(Parts a, FloatRound round, uint64_t *out, bool *inexact, bool *up)
{
    *inexact = false;
    *up = false;
    *out = 0;
    if (a.cls == CLASS_ZERO) {
        return true;
    }
    if (a.exp > 63) {
        return false;
    }
    /* 64 integer bits above 64 fraction bits. */
    u128 v = shift_right_sticky((u128)a.frac << 64, 63 - a.exp);
    *inexact = (uint64_t)v != 0;
    *up = rounds_up(a.sign, v, 64, round);
    u128 rounded = (v >> 64) + *up;
    *out = (uint64_t)rounded;
    return !(rounded >> 64);
}

/* Signed integer of `bits`; out of range: the indefinite. */
static int64_t to_int(Parts a, int bits, FloatRound round, FloatStatus *s)
{
    uint64_t magnitude, limit = 1ull << (bits - 1);
    bool inexact, up;
    bool fits = a.cls <= CLASS_NORMAL && integer_of(a, round, &magnitude, &inexact, &up);
    if (!fits || magnitude > limit - !a.sign) {
        s->flags = (s->flags & ~FLOAT_FLAG_DENORMAL) | FLOAT_FLAG_INVALID;
        s->rounded_up = false;
        return (int64_t)(0 - limit);
    }
    s->flags |= inexact ? FLOAT_FLAG_INEXACT : 0;
    s->rounded_up = up;
    return (int64_t)(a.sign ? 0 - magnitude : magnitude);
}

/* Any integer is exact in 64 bits. */
floatx80 floatx80_from_int64(int64_t v)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (!v) {
        return floatx80_zero;
    }
    int shift = __builtin_clzll(magnitude);
    return (floatx80){ .low = magnitude << shift, .high = (uint16_t)((v < 0) << 15 | (16383 + 63 - shift)) };
}

static Exact from_int(int64_t v)
{
    Exact r = { .cls = v ? CLASS_NORMAL : CLASS_ZERO, .sign = v < 0, .exp = 63 };
    r.frac = (u128)(v < 0 ? 0 - (uint64_t)v : (uint64_t)v) << 64;
    return v ? normalize_exact(r) : r;
}

static Exact round_to_int_parts(Parts a, FloatStatus *s)
{
    Exact r = exact_of(a);
    uint64_t magnitude;
    bool inexact, up;
    if (a.cls != CLASS_NORMAL || a.exp >= 63) {
        return r;
    }
    integer_of(a, s->round, &magnitude, &inexact, &up);
    s->flags |= inexact ? FLOAT_FLAG_INEXACT : 0;
    s->rounded_up = up;
    r.exp = 63;
    r.frac = (u128)magnitude << 64;
    return normalize_exact(r);
}

static FloatRelation compare_parts(Parts a, Parts b)
{
    if (a.cls == CLASS_ZERO && b.cls == CLASS_ZERO) {
        return FLOAT_EQUAL;
    }
    if (a.cls == CLASS_ZERO || b.cls == CLASS_ZERO) {
        bool negative = a.cls == CLASS_ZERO ? !b.sign : a.sign;
        return negative ? FLOAT_LESS : FLOAT_GREATER;
    }
    if (a.sign != b.sign) {
        return a.sign ? FLOAT_LESS : FLOAT_GREATER;
    }
    int order = a.cls != b.cls       ? (a.cls < b.cls ? -1 : 1)
                : a.cls == CLASS_INF ? 0
                : a.exp != b.exp     ? (a.exp < b.exp ? -1 : 1)
                : a.frac != b.frac   ? (a.frac < b.frac ? -1 : 1)
                                     : 0;
    return (FloatRelation)(a.sign ? -order : order);
}

/* ---- x87 numbers that are normal, with a result that is: most of them ---- */

static bool is_plain80(floatx80 a)
{
    return (a.high & 0x7fff) - 1u < 0x7ffe && a.low >> 63;
}

/* Does (kept, rest / 2^64) go to kept + 1? Notes what it finds. */
static inline bool round_word(uint64_t kept, uint64_t rest, bool sign, FloatStatus *s)
{
    const uint64_t half = 1ull << 63;
    bool up = false;
    if (rest) {
        s->flags |= FLOAT_FLAG_INEXACT;
        up = s->round == FLOAT_ROUND_NEAREST ? rest > half || (rest == half && (kept & 1))
                                             : s->round == (sign ? FLOAT_ROUND_DOWN : FLOAT_ROUND_UP);
    }
    s->rounded_up = up;
    return up;
}

/*
 * Round frac / 2^127 * 2^(biased - 16383), bit 127 of frac set, to x80_precision. False, and nothing done, near the
 * ends of the exponent range.
 */
static inline bool round_plain80(bool sign, int biased, u128 frac, FloatStatus *s, floatx80 *result)
{
    int drop = s->x80_precision ? 64 - s->x80_precision : 0;
    uint64_t kept = (uint64_t)(frac >> 64), rest = (uint64_t)frac;
    if (unlikely(biased < 2 || biased > 0x7ffd)) {
        return false;
    }
    if (unlikely(drop)) {
        rest = kept << (64 - drop) | (rest != 0);
        kept >>= drop;
    }
    uint64_t rounded = (kept + round_word(kept, rest, sign, s)) << drop;
    bool carry = !(rounded >> 63);
    *result = (floatx80){ .low = rounded | (uint64_t)carry << 63, .high = (uint16_t)(sign << 15 | (biased + carry)) };
    return true;
}

static inline bool mul_plain80(floatx80 a, floatx80 b, FloatStatus *s, floatx80 *result)
{
    if (unlikely(!is_plain80(a) || !is_plain80(b))) {
        return false;
    }
    u128 product = (u128)a.low * b.low;
    int biased = (a.high & 0x7fff) + (b.high & 0x7fff) - 16382, shift = !(product >> 127);
    return round_plain80((a.high ^ b.high) >> 15, biased - shift, product << shift, s, result);
}

static inline bool add_plain80(floatx80 a, floatx80 b, FloatStatus *s, floatx80 *result)
{
    int apart = (a.high & 0x7fff) - (b.high & 0x7fff);
    if (unlikely(!is_plain80(a) || !is_plain80(b))) {
        return false;
    }
    if (apart < 0 || (apart == 0 && a.low < b.low)) {
        floatx80 t = a;
        a = b;
        b = t;
        apart = -apart;
    }
    u128 x = (u128)a.low << 63, y = shift_right_sticky((u128)b.low << 63, apart);
    u128 sum = (a.high ^ b.high) >> 15 ? x - y : x + y;
    uint64_t high = (uint64_t)(sum >> 64);
    if (high < 2) { /* near cancellation */
        return false;
    }
    int shift = __builtin_clzll(high);
    return round_plain80(a.high >> 15, (a.high & 0x7fff) + 1 - shift, sum << shift, s, result);
}

static inline bool sub_plain80(floatx80 a, floatx80 b, FloatStatus *s, floatx80 *result)
{
    b.high ^= 0x8000;
    return add_plain80(a, b, s, result);
}

static inline bool div_plain80(floatx80 a, floatx80 b, FloatStatus *s, floatx80 *result)
{
    if (unlikely(!is_plain80(a) || !is_plain80(b))) {
        return false;
    }
    u128 quotient = divide_fractions(a.low, b.low);
    int biased = (a.high & 0x7fff) - (b.high & 0x7fff) + 16384, shift = __builtin_clzll((uint64_t)(quotient >> 64));
    return round_plain80((a.high ^ b.high) >> 15, biased - shift, quotient << shift, s, result);
}

/* The fraction field of a narrower format, biased exponent included, when the result is normal for certain; the caller
 * adds the sign. */
static inline bool narrow_plain80(floatx80 a, int precision, int bias, FloatStatus *s, uint64_t *result)
{
    int biased = (a.high & 0x7fff) - 16383 + bias;
    if (unlikely(!(a.low >> 63) || biased < 2 || biased > 2 * bias - 1)) {
        return false;
    }
    uint64_t kept = a.low >> (64 - precision), rest = a.low << precision;
    kept += round_word(kept, rest, a.high >> 15, s);
    /* The leading bit, and a carry, go where they are wanted: into the exponent. */
    *result = ((uint64_t)(biased - 1) << (precision - 1)) + kept;
    return true;
}

static bool plain80_to_float32(floatx80 a, FloatStatus *s, float32 *result)
{
    uint64_t bits;
    bool done = narrow_plain80(a, 24, 127, s, &bits);
    *result = done ? (uint32_t)(a.high >> 15) << 31 | (uint32_t)bits : 0;
    return done;
}

static bool plain80_to_float64(floatx80 a, FloatStatus *s, float64 *result)
{
    uint64_t bits;
    bool done = narrow_plain80(a, 53, 1023, s, &bits);
    *result = done ? (uint64_t)(a.high >> 15) << 63 | bits : 0;
    return done;
}

/* Other formats take the general way. */
#define QUICK_NONE(op) false
#define QUICK_X87(op)  op##_plain80(a, b, s, &quick)

/* ---- the public functions, one template for three formats ---- */

static float32 finish32(Exact e, FloatStatus *s)
{
    if (e.cls == CLASS_QNAN) {
        return FLOAT32_INDEFINITE;
    }
    return e.cls == CLASS_NORMAL ? round_pack32(e.sign, e.exp, e.frac, s) : pack32(e.sign, (Rounded){ .cls = e.cls });
}

static float64 finish64(Exact e, FloatStatus *s)
{
    if (e.cls == CLASS_QNAN) {
        return FLOAT64_INDEFINITE;
    }
    return e.cls == CLASS_NORMAL ? round_pack64(e.sign, e.exp, e.frac, s) : pack64(e.sign, (Rounded){ .cls = e.cls });
}

static floatx80 finish80(Exact e, FloatStatus *s)
{
    if (e.cls == CLASS_QNAN) {
        return floatx80_indefinite;
    }
    return e.cls == CLASS_NORMAL ? round_pack80(e.sign, e.exp, e.frac, s) : pack80(e.sign, (Rounded){ .cls = e.cls });
}

static floatx80 finish80_exact(Exact e, FloatStatus *s)
{
    if (e.cls == CLASS_NORMAL) {
        return round_pack80_to(64, e.sign, e.exp, e.frac, s);
    }
    return finish80(e, s);
}

/* An integral value fits as it is, so that packing must not touch what rounding to the integer has noted. */
#define PACK_INTEGRAL(type, n, finish)                    \
    static type pack_integral##n(Exact e, FloatStatus *s) \
    {                                                     \
        bool rounded_up = s->rounded_up;                  \
        type result = finish(e, s);                       \
        s->rounded_up = rounded_up;                       \
        return result;                                    \
    }
PACK_INTEGRAL(float32, 32, finish32)
PACK_INTEGRAL(float64, 64, finish64)
PACK_INTEGRAL(floatx80, 80, finish80_exact)

#define NAN_SSE32(a, b, pa, pb) pack_nan32(pick_nan_sse(pa, pb))
#define NAN_SSE64(a, b, pa, pb) pack_nan64(pick_nan_sse(pa, pb))
#define NAN_X87(a, b, pa, pb)   propagate80(a, b, pa, pb)

#define BINARY(type, n, op, NAN_RULE, QUICK, expression)            \
    type type##_##op(type a, type b, FloatStatus *s)                \
    {                                                               \
        bool da, db;                                                \
        type quick;                                                 \
        if (likely(QUICK(op))) {                                    \
            return quick;                                           \
        }                                                           \
        s->rounded_up = false;                                      \
        Parts pa = unpack##n(a, s, &da), pb = unpack##n(b, s, &db); \
        note_operands(&pa, &pb, da || db, s);                       \
        if (is_nan(&pa) || is_nan(&pb)) {                           \
            return NAN_RULE(a, b, pa, pb);                          \
        }                                                           \
        return finish##n(expression, s);                            \
    }

static Exact sub_parts(Parts a, Parts b, FloatStatus *s)
{
    b.sign = !b.sign;
    return add_parts(exact_of(a), exact_of(b), s);
}

#define UNARY(type, n, op, NAN_RULE, expression, finish) \
    type type##_##op(type a, FloatStatus *s)             \
    {                                                    \
        bool da;                                         \
        s->rounded_up = false;                           \
        Parts pa = unpack##n(a, s, &da);                 \
        note_operands(&pa, &pa, da, s);                  \
        if (is_nan(&pa)) {                               \
            return NAN_RULE(a, a, pa, pa);               \
        }                                                \
        return finish(expression, s);                    \
    }

#define COMPARE(type, n, name, quiet)                               \
    FloatRelation type##_##name(type a, type b, FloatStatus *s)     \
    {                                                               \
        bool da, db;                                                \
        Parts pa = unpack##n(a, s, &da), pb = unpack##n(b, s, &db); \
        note_operands(&pa, &pb, da || db, s);                       \
        if (is_nan(&pa) || is_nan(&pb)) {                           \
            s->flags |= quiet ? 0 : FLOAT_FLAG_INVALID;             \
            return FLOAT_UNORDERED;                                 \
        }                                                           \
        return compare_parts(pa, pb);                               \
    }

#define TO_INT(type, n, name, ctype, bits, mode)   \
    ctype type##_to_##name(type a, FloatStatus *s) \
    {                                              \
        bool da;                                   \
        Parts pa = unpack##n(a, s, &da);           \
        return (ctype)to_int(pa, bits, mode, s);   \
    }

#define NAN_QUERY(type, n)                             \
    bool type##_is_nan(type a)                         \
    {                                                  \
        FloatStatus s = { 0 };                         \
        bool d;                                        \
        Parts p = unpack##n(a, &s, &d);                \
        return is_nan(&p);                             \
    }                                                  \
    bool type##_is_signaling_nan(type a)               \
    {                                                  \
        FloatStatus s = { 0 };                         \
        bool d;                                        \
        return unpack##n(a, &s, &d).cls == CLASS_SNAN; \
    }

#define DEFINE_FORMAT(type, n, NAN_RULE, QUICK, exact_finish)                           \
    BINARY(type, n, add, NAN_RULE, QUICK, add_parts(exact_of(pa), exact_of(pb), s))     \
    BINARY(type, n, sub, NAN_RULE, QUICK, sub_parts(pa, pb, s))                         \
    BINARY(type, n, mul, NAN_RULE, QUICK, mul_parts(pa, pb, s))                         \
    BINARY(type, n, div, NAN_RULE, QUICK, div_parts(pa, pb, s))                         \
    UNARY(type, n, sqrt, NAN_RULE, sqrt_parts(pa, s), finish##n)                        \
    UNARY(type, n, round_to_int, NAN_RULE, round_to_int_parts(pa, s), pack_integral##n) \
    COMPARE(type, n, compare, false)                                                    \
    COMPARE(type, n, compare_quiet, true)                                               \
    NAN_QUERY(type, n)                                                                  \
    TO_INT(type, n, int32, int32_t, 32, s->round)                                       \
    TO_INT(type, n, int64, int64_t, 64, s->round)                                       \
    TO_INT(type, n, int32_trunc, int32_t, 32, FLOAT_ROUND_ZERO)                         \
    TO_INT(type, n, int64_trunc, int64_t, 64, FLOAT_ROUND_ZERO)                         \
    type int32_to_##type(int32_t v, FloatStatus *s)                                     \
    {                                                                                   \
        s->rounded_up = false;                                                          \
        return exact_finish(from_int(v), s);                                            \
    }                                                                                   \
    type int64_to_##type(int64_t v, FloatStatus *s)                                     \
    {                                                                                   \
        s->rounded_up = false;                                                          \
        return exact_finish(from_int(v), s);                                            \
    }

DEFINE_FORMAT(float32, 32, NAN_SSE32, QUICK_NONE, finish32)
DEFINE_FORMAT(float64, 64, NAN_SSE64, QUICK_NONE, finish64)
DEFINE_FORMAT(floatx80, 80, NAN_X87, QUICK_X87, finish80_exact)
TO_INT(floatx80, 80, int16, int16_t, 16, s->round)
TO_INT(floatx80, 80, int16_trunc, int16_t, 16, FLOAT_ROUND_ZERO)
UNARY(floatx80, 80, round, NAN_X87, exact_of(pa), finish80)

/* MINPS and friends return the second operand, as it is, unless the first is strictly smaller (greater). */
#define MIN_MAX(type, n, op, relation)                                            \
    type type##_##op(type a, type b, FloatStatus *s)                              \
    {                                                                             \
        return type##_compare(a, b, s) == relation ? daz##n(a, s) : daz##n(b, s); \
    }

static float32 daz32(float32 a, FloatStatus *s)
{
    return s->denormals_are_zero && !(a & 0x7f800000) ? a & 0x80000000u : a;
}

static float64 daz64(float64 a, FloatStatus *s)
{
    return s->denormals_are_zero && !(a & 0x7ffull << 52) ? a & 1ull << 63 : a;
}

MIN_MAX(float32, 32, min, FLOAT_LESS)
MIN_MAX(float32, 32, max, FLOAT_GREATER)
MIN_MAX(float64, 64, min, FLOAT_LESS)
MIN_MAX(float64, 64, max, FLOAT_GREATER)

#define FMA(type, n)                                                                           \
    type type##_fma(type a, type b, type c, FloatStatus *s)                                    \
    {                                                                                          \
        bool da, db, dc;                                                                       \
        Parts pa = unpack##n(a, s, &da), pb = unpack##n(b, s, &db), pc = unpack##n(c, s, &dc); \
        bool nan = is_nan(&pa) || is_nan(&pb) || is_nan(&pc);                                  \
        if (pa.cls == CLASS_SNAN || pb.cls == CLASS_SNAN || pc.cls == CLASS_SNAN) {            \
            s->flags |= FLOAT_FLAG_INVALID;                                                    \
        } else if (!nan && (da || db || dc)) {                                                 \
            s->flags |= FLOAT_FLAG_DENORMAL;                                                   \
        }                                                                                      \
        if (nan) {                                                                             \
            return pack_nan##n(pick_nan_sse(pick_nan_sse(pa, pb), pc));                        \
        }                                                                                      \
        return finish##n(fma_parts(pa, pb, pc, s), s);                                         \
    }
FMA(float32, 32)
FMA(float64, 64)

#define CONVERT(from, n, to, m, finish)       \
    to from##_to_##to(from a, FloatStatus *s) \
    {                                         \
        bool d;                               \
        s->rounded_up = false;                \
        Parts p = unpack##n(a, s, &d);        \
        note_operands(&p, &p, d, s);          \
        if (is_nan(&p)) {                     \
            return pack_nan##m(p);            \
        }                                     \
        return finish(exact_of(p), s);        \
    }
CONVERT(float32, 32, float64, 64, finish64)
CONVERT(float64, 64, float32, 32, finish32)
CONVERT(float32, 32, floatx80, 80, finish80_exact)
CONVERT(float64, 64, floatx80, 80, finish80_exact)

#define NARROW80(to, m, indefinite)                  \
    to floatx80_to_##to(floatx80 a, FloatStatus *s)  \
    {                                                \
        bool d;                                      \
        to quick;                                    \
        if (likely(plain80_to_##to(a, s, &quick))) { \
            return quick;                            \
        }                                            \
        s->rounded_up = false;                       \
        if (floatx80_is_unsupported(a)) {            \
            s->flags |= FLOAT_FLAG_INVALID;          \
            return indefinite;                       \
        }                                            \
        Parts p = unpack80(a, s, &d);                \
        note_operands(&p, &p, false, s);             \
        if (is_nan(&p)) {                            \
            return pack_nan##m(p);                   \
        }                                            \
        return finish##m(exact_of(p), s);            \
    }
NARROW80(float32, 32, FLOAT32_INDEFINITE)
NARROW80(float64, 64, FLOAT64_INDEFINITE)

/* ---- for the x87 functions of the other files ---- */

bool float_unpack_operands80(floatx80 a, floatx80 b, Parts *pa, Parts *pb, floatx80 *nan, FloatStatus *s)
{
    bool da, db;
    s->rounded_up = false;
    *pa = unpack80(a, s, &da);
    *pb = unpack80(b, s, &db);
    note_operands(pa, pb, da || db, s);
    if (!is_nan(pa) && !is_nan(pb)) {
        return false;
    }
    *nan = propagate80(a, b, *pa, *pb);
    return true;
}

floatx80 float_pack80(bool sign, int32_t exp, u128 frac, FloatStatus *s)
{
    return finish80_exact(normalize_exact((Exact){ .cls = CLASS_NORMAL, .sign = sign, .exp = exp, .frac = frac }), s);
}

floatx80 float_zero80(bool sign)
{
    return pack80(sign, (Rounded){ .cls = CLASS_ZERO });
}

floatx80 float_inf80(bool sign)
{
    return pack80(sign, (Rounded){ .cls = CLASS_INF });
}

floatx80 float_invalid80(FloatStatus *s)
{
    invalid(s);
    return floatx80_indefinite;
}

floatx80 float_divide_by_zero80(bool sign, FloatStatus *s)
{
    s->flags = (s->flags & ~FLOAT_FLAG_DENORMAL) | FLOAT_FLAG_DIVBYZERO;
    return float_inf80(sign);
}
