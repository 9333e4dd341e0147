/*
 * target/i386/hostfloat.h  SSE arithmetic on the host's own SSE, where that is exactly the guest's. The only place that
 * touches the host's FPU; on hosts that are no x86-64 everything goes to fpu/softfloat.c.
 *
 * While all exceptions are masked, the operations below are fully defined by the manuals (SDM 1, chapter 11 and
 * appendix E; the same on every x86): results, NaN selection by operand order, and the flags left in MXCSR, whatever
 * rounding mode, DAZ and FTZ. So the guest's MXCSR is loaded, the one instruction runs, and MXCSR is read back with its
 * sticky flags. Operands are tied to their places by inline assembly: a compiler may swap those of a C addition. RCPPS
 * and RSQRTPS are not here: they differ between makers (simd-approx.c).
 */
#ifndef TARGET_I386_HOSTFLOAT_H
#define TARGET_I386_HOSTFLOAT_H

#include "target/i386/cpu.h"

#define MXCSR_FLAGS    0x003fu
#define MXCSR_DAZ      0x0040u
#define MXCSR_MASKS    0x1f80u
#define MXCSR_RC_SHIFT 13
#define MXCSR_FTZ      0x8000u
#define MXCSR_DEFAULT  0x1f80u
#define MXCSR_WRITABLE 0xffffu /* MXCSR_MASK of FXSAVE: the other bits are reserved */

/* An XMM value as the compiler likes it best: travels in a vector register. */
typedef uint64_t SimdVec __attribute__((vector_size(16)));

static inline SimdVec simd_vec(XMMReg v)
{
    return (SimdVec){ v.q[0], v.q[1] };
}

static inline XMMReg simd_lanes(SimdVec v)
{
    return (XMMReg){ .q = { v[0], v[1] } };
}

/* HOSTFLOAT_SOFT: leave the host out of it, as on other hosts; for tests. */
#if defined(__x86_64__) && !defined(HOSTFLOAT_SOFT)

/* Is the host's way exact? HOST_ONLY: code for hosts that have one. */
#define HOST_EXACT(cpu)              likely(((cpu)->mxcsr & MXCSR_MASKS) == MXCSR_MASKS)
#define HOST_ONLY(...)               __VA_ARGS__
#define HOST_CHOOSE(cpu, host, soft) (HOST_EXACT(cpu) ? (host) : (soft))

/*
 * The emulator itself runs with MXCSR_DEFAULT, and nobody looks at the host's flags: while the guest has the same modes
 * there is nothing to put back.
 */
static inline void host_mxcsr_restore(uint32_t guest)
{
    static const uint32_t host = MXCSR_DEFAULT;
    if (unlikely((guest & ~MXCSR_FLAGS) != MXCSR_DEFAULT)) {
        __asm__ volatile("ldmxcsr %0" : : "m"(host));
    }
}

/* XMM from XMM: a = a op b, as `op b, a` of the AT&T syntax. Conversions ignore a, or keep its upper part. */
#define HOST_XMM_DEFINE(op)                                                                              \
    static inline SimdVec host_##op(SimdVec a, SimdVec b, uint32_t *mxcsr)                               \
    {                                                                                                    \
        __asm__ volatile("ldmxcsr %1\n\t" #op " %2, %0\n\tstmxcsr %1" : "+x"(a), "+m"(*mxcsr) : "x"(b)); \
        host_mxcsr_restore(*mxcsr);                                                                      \
        return a;                                                                                        \
    }
#define HOST_XMM_OPS(X)                                                                                               \
    X(addps)                                                                                                          \
    X(addpd)                                                                                                          \
    X(addss) X(addsd) X(subps) X(subpd) X(subss) X(subsd) X(mulps) X(mulpd) X(mulss) X(mulsd) X(divps) X(divpd)       \
        X(divss) X(divsd) X(minps) X(minpd) X(minss) X(minsd) X(maxps) X(maxpd) X(maxss) X(maxsd) X(sqrtps) X(sqrtpd) \
            X(sqrtss) X(sqrtsd) X(addsubps) X(addsubpd) X(cvtdq2ps) X(cvtps2dq) X(cvttps2dq) X(cvtpd2dq) X(cvttpd2dq) \
                X(cvtps2pd) X(cvtpd2ps) X(cvtss2sd) X(cvtsd2ss) X(cvtdq2pd)
HOST_XMM_OPS(HOST_XMM_DEFINE)

/* CMPxx: the predicate is part of the instruction. */
#define HOST_CMP_CASE(op, n)                                                                                      \
    case n:                                                                                                       \
        __asm__ volatile("ldmxcsr %1\n\t" #op " $" #n ", %2, %0\n\tstmxcsr %1" : "+x"(a), "+m"(*mxcsr) : "x"(b)); \
        break;
#define HOST_CMP_DEFINE(op)                                                                    \
    static inline SimdVec host_##op(SimdVec a, SimdVec b, unsigned predicate, uint32_t *mxcsr) \
    {                                                                                          \
        switch (predicate) {                                                                   \
            HOST_CMP_CASE(op, 0)                                                               \
            HOST_CMP_CASE(op, 1)                                                               \
            HOST_CMP_CASE(op, 2)                                                               \
            HOST_CMP_CASE(op, 3)                                                               \
            HOST_CMP_CASE(op, 4)                                                               \
            HOST_CMP_CASE(op, 5)                                                               \
            HOST_CMP_CASE(op, 6)                                                               \
            HOST_CMP_CASE(op, 7)                                                               \
        }                                                                                      \
        host_mxcsr_restore(*mxcsr);                                                            \
        return a;                                                                              \
    }
HOST_CMP_DEFINE(cmpps)
HOST_CMP_DEFINE(cmppd)
HOST_CMP_DEFINE(cmpss)
HOST_CMP_DEFINE(cmpsd)

/* COMISS and kin: ZF, PF, CF as CC_* bits. */
#define HOST_COMPARE_DEFINE(op)                                             \
    static inline uint32_t host_##op(SimdVec a, SimdVec b, uint32_t *mxcsr) \
    {                                                                       \
        bool c, p, z;                                                       \
        __asm__ volatile("ldmxcsr %3\n\t" #op " %5, %4\n\tstmxcsr %3"       \
                         : "=@ccc"(c), "=@ccp"(p), "=@ccz"(z), "+m"(*mxcsr) \
                         : "x"(a), "x"(b));                                 \
        host_mxcsr_restore(*mxcsr);                                         \
        return (c ? CC_C : 0) | (p ? CC_P : 0) | (z ? CC_Z : 0);            \
    }
HOST_COMPARE_DEFINE(comiss)
HOST_COMPARE_DEFINE(comisd)
HOST_COMPARE_DEFINE(ucomiss)
HOST_COMPARE_DEFINE(ucomisd)

/* Scalar to integer and back, 32 and 64 bits. */
#define HOST_TO_INT_DEFINE(op, bits)                                                                     \
    static inline uint##bits##_t host_##op##bits(SimdVec b, uint32_t *mxcsr)                             \
    {                                                                                                    \
        uint##bits##_t r;                                                                                \
        __asm__ volatile("ldmxcsr %1\n\t" #op " %2, %0\n\tstmxcsr %1" : "=r"(r), "+m"(*mxcsr) : "x"(b)); \
        host_mxcsr_restore(*mxcsr);                                                                      \
        return r;                                                                                        \
    }
#define HOST_FROM_INT_DEFINE(op, suffix, bits)                                                                  \
    static inline SimdVec host_##op##bits(SimdVec a, uint##bits##_t b, uint32_t *mxcsr)                         \
    {                                                                                                           \
        __asm__ volatile("ldmxcsr %1\n\t" #op suffix " %2, %0\n\tstmxcsr %1" : "+x"(a), "+m"(*mxcsr) : "r"(b)); \
        host_mxcsr_restore(*mxcsr);                                                                             \
        return a;                                                                                               \
    }
HOST_TO_INT_DEFINE(cvtss2si, 32)
HOST_TO_INT_DEFINE(cvtss2si, 64)
HOST_TO_INT_DEFINE(cvtsd2si, 32)
HOST_TO_INT_DEFINE(cvtsd2si, 64)
HOST_TO_INT_DEFINE(cvttss2si, 32)
HOST_TO_INT_DEFINE(cvttss2si, 64)
HOST_TO_INT_DEFINE(cvttsd2si, 32)
HOST_TO_INT_DEFINE(cvttsd2si, 64)
HOST_FROM_INT_DEFINE(cvtsi2ss, "l", 32)
HOST_FROM_INT_DEFINE(cvtsi2ss, "q", 64)
HOST_FROM_INT_DEFINE(cvtsi2sd, "l", 32)
HOST_FROM_INT_DEFINE(cvtsi2sd, "q", 64)

/* ROUNDxx, on hosts that have it: bits 1:0 of imm say how unless bit 2 says as MXCSR does; bit 3: never INEXACT. */
#define HOST_ROUND_DEFINE(op)                                                                                \
    static inline SimdVec host_##op(SimdVec a, SimdVec b, unsigned imm, uint32_t *mxcsr)                     \
    {                                                                                                        \
        uint32_t m = imm & 4 ? *mxcsr : (*mxcsr & ~(3u << MXCSR_RC_SHIFT)) | (imm & 3) << MXCSR_RC_SHIFT;    \
        if (imm & 8) {                                                                                       \
            __asm__ volatile("ldmxcsr %1\n\t" #op " $12, %2, %0\n\tstmxcsr %1" : "+x"(a), "+m"(m) : "x"(b)); \
        } else {                                                                                             \
            __asm__ volatile("ldmxcsr %1\n\t" #op " $4, %2, %0\n\tstmxcsr %1" : "+x"(a), "+m"(m) : "x"(b));  \
        }                                                                                                    \
        *mxcsr |= m & MXCSR_FLAGS;                                                                           \
        host_mxcsr_restore(m);                                                                               \
        return a;                                                                                            \
    }
HOST_ROUND_DEFINE(roundps)
HOST_ROUND_DEFINE(roundpd)
HOST_ROUND_DEFINE(roundss)
HOST_ROUND_DEFINE(roundsd)

static inline bool host_has_round(void)
{
    return __builtin_cpu_supports("sse4.1");
}

/* FMA, on hosts that have it: x * y + z. */
#define HOST_FMA_DEFINE(op)                                                                                           \
    static inline SimdVec host_##op(SimdVec x, SimdVec y, SimdVec z, uint32_t *mxcsr)                                 \
    {                                                                                                                 \
        __asm__ volatile("ldmxcsr %1\n\tv" #op " %3, %2, %0\n\tstmxcsr %1" : "+x"(x), "+m"(*mxcsr) : "x"(y), "x"(z)); \
        host_mxcsr_restore(*mxcsr);                                                                                   \
        return x;                                                                                                     \
    }
HOST_FMA_DEFINE(fmadd213ps)
HOST_FMA_DEFINE(fmadd213pd)
HOST_FMA_DEFINE(fmadd213ss)
HOST_FMA_DEFINE(fmadd213sd)

static inline bool host_has_fma(void)
{
    return __builtin_cpu_supports("fma");
}

#else

#define HOST_EXACT(cpu) false
#define HOST_ONLY(...)
#define HOST_CHOOSE(cpu, host, soft) (soft)

#endif

#endif
