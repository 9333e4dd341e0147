/* tests/cpu/host-features.h  Can the host CPU run what a row of the instruction table needs? */
#ifndef TESTS_CPU_HOST_FEATURES_H
#define TESTS_CPU_HOST_FEATURES_H

#include "target/i386/cpu.h"

#ifdef __x86_64__
static inline bool host_has(CPUFeature feature)
{
#define HOST_FEATURE(f, name) \
    case f:                   \
        return __builtin_cpu_supports(name);
    switch (feature) {
        HOST_FEATURE(FEAT_SSSE3, "ssse3")
        HOST_FEATURE(FEAT_SSE41, "sse4.1")
        HOST_FEATURE(FEAT_SSE42, "sse4.2")
        HOST_FEATURE(FEAT_AES, "aes")
        HOST_FEATURE(FEAT_PCLMUL, "pclmul")
        HOST_FEATURE(FEAT_AVX, "avx")
        HOST_FEATURE(FEAT_AVX2, "avx2")
        HOST_FEATURE(FEAT_FMA, "fma")
        HOST_FEATURE(FEAT_F16C, "f16c")
        HOST_FEATURE(FEAT_BMI1, "bmi")
        HOST_FEATURE(FEAT_BMI2, "bmi2")
        HOST_FEATURE(FEAT_ADX, "adx")
        HOST_FEATURE(FEAT_SHA, "sha")
        HOST_FEATURE(FEAT_POPCNT, "popcnt")
        HOST_FEATURE(FEAT_LZCNT, "lzcnt")
        HOST_FEATURE(FEAT_MOVBE, "movbe")
        HOST_FEATURE(FEAT_CX16, "cmpxchg16b")
    default:
        return true;
    }
}
#endif

#endif
