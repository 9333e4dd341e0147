/* fpu/softfloat-internal.h  What the files of fpu/ share: unpacked numbers, rounding and packing of x87 results. */
#ifndef FPU_SOFTFLOAT_INTERNAL_H
#define FPU_SOFTFLOAT_INTERNAL_H

#include "fpu/softfloat.h"

typedef unsigned __int128 u128;

typedef enum FloatClass { CLASS_ZERO, CLASS_NORMAL, CLASS_INF, CLASS_QNAN, CLASS_SNAN } FloatClass;

/* A number is frac / 2^63 * 2^exp with bit 63 of frac set; a NaN keeps its payload left-aligned below bit 62. */
typedef struct Parts {
    FloatClass cls;
    bool sign;
    int32_t exp;
    uint64_t frac;
} Parts;

/*
 * Unpack the operands of an x87 function. True: one is a NaN or unsupported, and *nan is the result. Otherwise DENORMAL
 * is noted if one is denormal. INVALID is noted for signalling NaNs and unsupported encodings.
 */
bool float_unpack_operands80(floatx80 a, floatx80 b, Parts *pa, Parts *pb, floatx80 *nan, FloatStatus *s);
/* frac / 2^127 * 2^exp, frac != 0 of any alignment, rounded to 64 bits whatever x80_precision says. */
floatx80 float_pack80(bool sign, int32_t exp, u128 frac, FloatStatus *s);
/* Results that need no rounding. */
floatx80 float_zero80(bool sign);
floatx80 float_inf80(bool sign);
/* INVALID, which outranks DENORMAL; the indefinite NaN. */
floatx80 float_invalid80(FloatStatus *s);
/* DIVBYZERO, which outranks DENORMAL; infinity. */
floatx80 float_divide_by_zero80(bool sign, FloatStatus *s);

#endif
