/* fpu/softfloat-types.h  Bit images of floating-point numbers. */
#ifndef FPU_SOFTFLOAT_TYPES_H
#define FPU_SOFTFLOAT_TYPES_H

#include <stdint.h>

typedef uint32_t float32;
typedef uint64_t float64;

/* 80-bit extended: explicit integer bit in low bit 63; high: sign and 15-bit exponent. */
typedef struct floatx80 {
    uint64_t low;
    uint16_t high;
} floatx80;

#endif
