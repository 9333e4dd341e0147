/*
 * fpu/softfloat.h  IEEE 754 arithmetic in integers: binary32, binary64 and x87's 80-bit extended. Fixed results on
 * every host. Implemented in fpu/softfloat.c (basic operations), fpu/transcendental.c and fpu/remainder.c (x87's
 * functions).
 *
 * NaN rules are x86's. For float32/float64 (SSE): a signalling NaN operand is made quiet and raises INVALID; the result
 * is the first operand if that is a NaN, else the second. For floatx80 (x87): the NaN with the larger significand; both
 * equal: the positive one. Invalid operations give the negative quiet NaN "real indefinite". Tininess is detected after
 * rounding.
 */
#ifndef FPU_SOFTFLOAT_H
#define FPU_SOFTFLOAT_H

#include <stdbool.h>

#include "fpu/softfloat-types.h"

/* Bits as in MXCSR and the x87 status word. */
#define FLOAT_FLAG_INVALID   0x01
#define FLOAT_FLAG_DENORMAL  0x02 /* an operand was denormal */
#define FLOAT_FLAG_DIVBYZERO 0x04
#define FLOAT_FLAG_OVERFLOW  0x08
#define FLOAT_FLAG_UNDERFLOW 0x10
#define FLOAT_FLAG_INEXACT   0x20

/* As in MXCSR.RC and FCW.RC. */
typedef enum FloatRound { FLOAT_ROUND_NEAREST, FLOAT_ROUND_DOWN, FLOAT_ROUND_UP, FLOAT_ROUND_ZERO } FloatRound;

typedef struct FloatStatus {
    FloatRound round;
    uint8_t x80_precision;                  /* 24, 53 or 64 significand bits: x87 precision control for + - * / sqrt */
    uint8_t flags;                          /* accumulates FLOAT_FLAG_* */
    bool denormals_are_zero, flush_to_zero; /* MXCSR.DAZ, FTZ (FTZ only while underflow is masked) */
    bool underflow_unmasked, overflow_unmasked; /* x87: result's exponent is wrapped then (SDM 1, 8.5.4-8.5.5) */
    bool rounded_up;                            /* x87 C1 after an inexact result */
} FloatStatus;

typedef enum FloatRelation { FLOAT_LESS = -1, FLOAT_EQUAL = 0, FLOAT_GREATER = 1, FLOAT_UNORDERED = 2 } FloatRelation;

/* add sub mul div sqrt, min/max as MINPS/MAXPS, compare: ordered (any NaN raises INVALID) and quiet (only signalling
 * ones) */
#define SOFTFLOAT_ARITHMETIC(type)                                                        \
    type type##_add(type a, type b, FloatStatus *s);                                      \
    type type##_sub(type a, type b, FloatStatus *s);                                      \
    type type##_mul(type a, type b, FloatStatus *s);                                      \
    type type##_div(type a, type b, FloatStatus *s);                                      \
    type type##_sqrt(type a, FloatStatus *s);                                             \
    type type##_round_to_int(type a, FloatStatus *s);                                     \
    FloatRelation type##_compare(type a, type b, FloatStatus *s);                         \
    FloatRelation type##_compare_quiet(type a, type b, FloatStatus *s);                   \
    bool type##_is_nan(type a);                                                           \
    bool type##_is_signaling_nan(type a);                                                 \
    /* Out of range or NaN: the integer indefinite (only the top bit set) and INVALID. */ \
    int32_t type##_to_int32(type a, FloatStatus *s);                                      \
    int64_t type##_to_int64(type a, FloatStatus *s);                                      \
    int32_t type##_to_int32_trunc(type a, FloatStatus *s);                                \
    int64_t type##_to_int64_trunc(type a, FloatStatus *s);                                \
    type int32_to_##type(int32_t v, FloatStatus *s);                                      \
    type int64_to_##type(int64_t v, FloatStatus *s);
SOFTFLOAT_ARITHMETIC(float32)
SOFTFLOAT_ARITHMETIC(float64)
SOFTFLOAT_ARITHMETIC(floatx80)

float32 float32_min(float32 a, float32 b, FloatStatus *s); /* either NaN or both zero: b; NaN raises INVALID */
float32 float32_max(float32 a, float32 b, FloatStatus *s);
float64 float64_min(float64 a, float64 b, FloatStatus *s);
float64 float64_max(float64 a, float64 b, FloatStatus *s);
float32 float32_fma(float32 a, float32 b, float32 c, FloatStatus *s);
float64 float64_fma(float64 a, float64 b, float64 c, FloatStatus *s);

float64 float32_to_float64(float32 a, FloatStatus *s);
float32 float64_to_float32(float64 a, FloatStatus *s);
floatx80 float32_to_floatx80(float32 a, FloatStatus *s);
floatx80 float64_to_floatx80(float64 a, FloatStatus *s);
float32 floatx80_to_float32(floatx80 a, FloatStatus *s);
float64 floatx80_to_float64(floatx80 a, FloatStatus *s);
int16_t floatx80_to_int16(floatx80 a, FloatStatus *s);
int16_t floatx80_to_int16_trunc(floatx80 a, FloatStatus *s);

/*
 * The x87's functions (fpu/transcendental.c), rounded to 64 bits. Of an irrational result INEXACT is always noted. The
 * trigonometric ones are false, and have no result, when |a| >= 2^63.
 */
bool floatx80_sin(floatx80 a, floatx80 *result, FloatStatus *s);
bool floatx80_cos(floatx80 a, floatx80 *result, FloatStatus *s);
bool floatx80_sincos(floatx80 a, floatx80 *sin, floatx80 *cos, FloatStatus *s);
bool floatx80_tan(floatx80 a, floatx80 *result, FloatStatus *s);
floatx80 floatx80_atan2(floatx80 y, floatx80 x, FloatStatus *s);
floatx80 floatx80_yl2x(floatx80 y, floatx80 x, FloatStatus *s);   /* y * log2 x */
floatx80 floatx80_yl2xp1(floatx80 y, floatx80 x, FloatStatus *s); /* y * log2(x + 1) */
floatx80 floatx80_2xm1(floatx80 a, FloatStatus *s);               /* 2^a - 1 */

/* fpu/remainder.c */
typedef struct FloatRemainder {
    floatx80 value;
    unsigned quotient; /* its low three bits; 0 when partial */
    bool partial;      /* the operands were 2^64 or more apart: not reduced to the end */
    bool special;      /* NaN or invalid: no quotient */
} FloatRemainder;
/* FPREM (quotient truncated) or FPREM1 (to nearest). */
FloatRemainder floatx80_remainder(floatx80 a, floatx80 b, bool nearest, FloatStatus *s);
floatx80 floatx80_scale(floatx80 a, floatx80 b, FloatStatus *s); /* a * 2^trunc(b) */
/* a = *significand * 2^*exponent */
void floatx80_extract(floatx80 a, floatx80 *exponent, floatx80 *significand, FloatStatus *s);

floatx80 floatx80_from_int64(int64_t v); /* exact */
/* Round to x80_precision, for results that are not of + - * / sqrt. */
floatx80 floatx80_round(floatx80 a, FloatStatus *s);
/* Unsupported encodings (unnormals, pseudo-NaNs, pseudo-infinities): INVALID as operand. */
bool floatx80_is_unsupported(floatx80 a);
extern const floatx80 floatx80_indefinite, floatx80_zero, floatx80_one;
#define FLOAT32_INDEFINITE 0xffc00000u
#define FLOAT64_INDEFINITE 0xfff8000000000000ull

#endif
