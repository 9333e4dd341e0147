/*
 * fpu/remainder.c  FPREM, FPREM1, FSCALE and FXTRACT: the x87's exact operations on exponents (SDM volume 2).
 *
 * The manual lets the processor choose by how much one FPREM reduces an exponent difference of 64 or more; see STEP.
 */
#include "fpu/softfloat-internal.h"

/* Between 32 and 63, so that what remains is a multiple of 32. */
#define STEP(apart) (32 + (apart) % 32)

#define SCALE_LIMIT 100000 /* takes any number far out of range, also after the exponent is wrapped */

/* rem * 2^(exp - 63), of any alignment; the sign of a zero is that of the dividend, as is `sign` here. */
static floatx80 pack_remainder(bool sign, int32_t exp, u128 rem, FloatStatus *s)
{
    return rem ? float_pack80(sign, exp + 64, rem, s) : float_zero80(sign);
}

static FloatRemainder partial_remainder(Parts a, Parts b, FloatStatus *s)
{
    int32_t apart = a.exp - b.exp, step = STEP(apart);
    uint64_t rem = (uint64_t)(((u128)a.frac << step) % b.frac);
    return (FloatRemainder){ .value = pack_remainder(a.sign, b.exp + apart - step, rem, s), .partial = true };
}

/* 0 <= a.exp - b.exp < 64, or -1 when rounding to the nearest. */
static FloatRemainder whole_remainder(Parts a, Parts b, bool nearest, FloatStatus *s)
{
    int32_t apart = a.exp - b.exp;
    /* One bit more than the significands have, for an a that is the smaller one. */
    u128 n = apart < 0 ? a.frac : (u128)a.frac << (apart + 1), divisor = (u128)b.frac << 1;
    u128 q = n / divisor, rem = n % divisor;
    bool sign = a.sign;
    if (nearest && (rem > b.frac || (rem == b.frac && (q & 1)))) {
        q++;
        rem = divisor - rem;
        sign = !sign;
    }
    floatx80 value = pack_remainder(sign, b.exp - 1, rem, s);
    return (FloatRemainder){ .value = value, .quotient = (unsigned)q & 7 };
}

FloatRemainder floatx80_remainder(floatx80 a, floatx80 b, bool nearest, FloatStatus *s)
{
    Parts pa, pb;
    FloatRemainder r = { .value = a, .special = true };
    if (float_unpack_operands80(a, b, &pa, &pb, &r.value, s)) {
        return r;
    }
    if (pa.cls == CLASS_INF || pb.cls == CLASS_ZERO) {
        r.value = float_invalid80(s);
        return r;
    }
    r.special = false;
    if (pa.cls == CLASS_ZERO) {
        return r;
    }
    if (pb.cls == CLASS_INF || pa.exp < pb.exp - nearest) {
        r.value = float_pack80(pa.sign, pa.exp, (u128)pa.frac << 64, s);
        return r;
    }
    return pa.exp - pb.exp >= 64 ? partial_remainder(pa, pb, s) : whole_remainder(pa, pb, nearest, s);
}

static int32_t scale_exponent(Parts b)
{
    if (b.cls == CLASS_ZERO || b.exp < 0) {
        return 0;
    }
    int32_t n = b.exp > 16 ? SCALE_LIMIT : (int32_t)(b.frac >> (63 - b.exp));
    return b.sign ? -n : n;
}

floatx80 floatx80_scale(floatx80 a, floatx80 b, FloatStatus *s)
{
    Parts pa, pb;
    floatx80 nan;
    if (float_unpack_operands80(a, b, &pa, &pb, &nan, s)) {
        return nan;
    }
    if (pb.cls == CLASS_INF && pa.cls == (pb.sign ? CLASS_INF : CLASS_ZERO)) {
        return float_invalid80(s);
    }
    if (pa.cls != CLASS_NORMAL) {
        return a;
    }
    if (pb.cls == CLASS_INF) {
        return pb.sign ? float_zero80(pa.sign) : float_inf80(pa.sign);
    }
    return float_pack80(pa.sign, pa.exp + scale_exponent(pb), (u128)pa.frac << 64, s);
}

void floatx80_extract(floatx80 a, floatx80 *exponent, floatx80 *significand, FloatStatus *s)
{
    Parts p;
    *significand = a;
    if (float_unpack_operands80(a, a, &p, &p, significand, s)) {
        *exponent = *significand;
    } else if (p.cls == CLASS_INF) {
        *exponent = float_inf80(false);
    } else if (p.cls == CLASS_ZERO) {
        *exponent = float_divide_by_zero80(true, s);
    } else {
        *exponent = floatx80_from_int64(p.exp);
        *significand = float_pack80(p.sign, 0, (u128)p.frac << 64, s);
    }
}
