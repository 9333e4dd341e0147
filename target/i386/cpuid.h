/* target/i386/cpuid.h  CPU models: what CPUID says, and with it what exists. Private to target/i386. */
#ifndef TARGET_I386_CPUID_H
#define TARGET_I386_CPUID_H

#include "target/i386/cpu.h"

/* The model of one CPU after -cpu's changes. Owned by the CPU, never changes once it runs. */
struct CPUModel {
    const char *name;
    char vendor[13];   /* 12 characters of leaf 0 */
    char model_id[49]; /* brand string, leaves 80000002h to 80000004h */
    unsigned family, model, stepping;
    uint32_t level;     /* highest basic leaf */
    uint32_t xlevel;    /* highest extended leaf, 0: none */
    unsigned phys_bits; /* physical address width */
    uint64_t features;  /* bit n: CPUFeature n */
};

/* Parse "name,+feature,-feature,key=value"; NULL takes the default model. The result is the caller's. */
CPUModel *cpu_model_parse(const char *arg, Error **errp);
/* Leaf 1 EAX, and EDX after RESET. */
uint32_t cpu_model_signature(const CPUModel *model);
/* State components of XSAVE, bits of XCR0. */
#define XSTATE_X87        1ull
#define XSTATE_SSE        2ull
#define XSTATE_AVX        4ull
#define XSTATE_AVX_OFFSET 576
#define XSTATE_AVX_SIZE   256
uint64_t cpu_model_xstate(const CPUModel *model); /* those that the model has */
static inline bool cpu_model_is_amd(const CPUModel *model)
{
    return memcmp(model->vendor, "AuthenticAMD", 12) == 0;
}
/* "sse2"; NULL for features without a CPUID bit. */
const char *cpu_feature_name(CPUFeature feature);

#endif
