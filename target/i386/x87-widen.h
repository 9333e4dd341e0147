/*
 * target/i386/x87-widen.h  binary32 and binary64 memory operands as 80-bit numbers, bit by bit: a signalling NaN stays
 * one, so that the operation sees it; a denormal is normalized, and the caller is told.
 */
#ifndef TARGET_I386_X87_WIDEN_H
#define TARGET_I386_X87_WIDEN_H

#include "target/i386/x87-common.h"

/* biased: exponent field, frac: fraction field left-aligned at bit 62, bias: difference of the biases. */
X87_INLINE floatx80 x87_widen(bool sign, unsigned biased, unsigned max_exp, uint64_t frac, unsigned bias,
                              bool *denormal)
{
    uint16_t top = (uint16_t)(sign << 15);
    *denormal = false;
    if (likely(biased - 1 < max_exp - 1)) {
        return (floatx80){ .low = frac | 1ull << 63, .high = (uint16_t)(top | (biased + bias)) };
    }
    if (biased) {
        return (floatx80){ .low = frac | 1ull << 63, .high = top | 0x7fff };
    }
    if (!frac) {
        return (floatx80){ .high = top };
    }
    unsigned shift = (unsigned)__builtin_clzll(frac);
    *denormal = true;
    return (floatx80){ .low = frac << shift, .high = (uint16_t)(top | (bias + 1 - shift)) };
}

X87_INLINE floatx80 x87_widen32(float32 a, bool *denormal)
{
    return x87_widen(a >> 31, (a >> 23) & 0xff, 0xff, (uint64_t)(a & 0x7fffff) << 40, 16383 - 127, denormal);
}

X87_INLINE floatx80 x87_widen64(float64 a, bool *denormal)
{
    return x87_widen(a >> 63, (a >> 52) & 0x7ff, 0x7ff, (a << 12) >> 1, 16383 - 1023, denormal);
}

/* DENORMAL for a memory operand, unless something of higher priority was found. other: the register operand. */
X87_INLINE void x87_note_denormal(FloatStatus *s, floatx80 other)
{
    if (!(s->flags & (FLOAT_FLAG_INVALID | FLOAT_FLAG_DIVBYZERO)) && !floatx80_is_nan(other)) {
        s->flags |= FLOAT_FLAG_DENORMAL;
    }
}

#endif
