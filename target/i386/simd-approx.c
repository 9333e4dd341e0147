/*
 * target/i386/simd-approx.c  RCPPS, RCPSS, RSQRTPS, RSQRTSS.
 *
 * The manual bounds their relative error by 1.5 * 2^-12 and leaves the rest to each processor. Ours, on every host: the
 * exact 1/x or 1/sqrt(x), rounded to the nearest number of 12 significant bits (error at most 2^-12). Denormal operands
 * count as zero, tiny results become zero, NaNs become quiet; MXCSR is neither asked nor changed (SDM 2, RCPPS,
 * RSQRTPS).
 */
#include "target/i386/simd-avx.h"
#include "target/i386/simd-float.h"

#define SIGN     0x80000000u
#define INFINITE 0x7f800000u
#define QUIET    0x00400000u

/*
 * sig * 2^exp with sig in [2^11, 2^12], as a float32 without sign; zero when below the normal numbers. (2^12 comes from
 * rounding up.) The exponent never gets too large: operands are normal.
 */
static uint32_t pack(uint32_t sig, int exp)
{
    if (sig == 1u << 12) {
        sig >>= 1;
        exp++;
    }
    int biased = exp + 11 + 127;
    return biased <= 0 ? 0 : (uint32_t)biased << 23 | (sig << 12 & 0x7fffff);
}

/* x = m * 2^(biased - 150) with m in [2^23, 2^24): 1/x = (2^36 / m) * 2^(114 - biased); a tie would need m = 2^23. */
static uint32_t reciprocal(uint32_t magnitude)
{
    uint32_t m = (magnitude & 0x7fffff) | 0x800000;
    int biased = (int)(magnitude >> 23);
    uint32_t quotient = (uint32_t)((1ull << 36) / m); /* 13 bits, or 2^13 */
    return pack((quotient + 1) >> 1, 115 - biased);
}

static uint32_t integer_root(uint32_t v)
{
    uint32_t root = 0;
    for (uint32_t bit = 1u << 15; bit; bit >>= 1) {
        uint32_t trial = root | bit;
        root = trial * trial <= v ? trial : root;
    }
    return root;
}

/* x = p * 2^(2k) with p in [2^24, 2^26): 1/sqrt(x) = (2^25 / sqrt(p)) * 2^(-25-k). */
static uint32_t reciprocal_root(uint32_t magnitude)
{
    uint32_t m = (magnitude & 0x7fffff) | 0x800000;
    int exp = (int)(magnitude >> 23) - 150;
    unsigned shift = exp & 1 ? 1 : 2;
    int k = (exp - (int)shift) / 2;
    uint32_t quotient = integer_root((uint32_t)((1ull << 50) / ((uint64_t)m << shift))); /* 13 bits, or 2^13 */
    return pack((quotient + 1) >> 1, -24 - k);
}

static uint32_t rcp(uint32_t x)
{
    uint32_t magnitude = x & ~SIGN, sign = x & SIGN;
    if (magnitude > INFINITE) {
        return x | QUIET;
    }
    if (magnitude == INFINITE) {
        return sign;
    }
    return sign | (magnitude < 0x800000 ? INFINITE : reciprocal(magnitude));
}

static uint32_t rsqrt(uint32_t x)
{
    uint32_t magnitude = x & ~SIGN, sign = x & SIGN;
    if (magnitude > INFINITE) {
        return x | QUIET;
    }
    if (magnitude < 0x800000) {
        return sign | INFINITE;
    }
    if (sign) {
        return FLOAT32_INDEFINITE;
    }
    return magnitude == INFINITE ? 0 : reciprocal_root(magnitude);
}

static XMMReg approximate(XMMReg a, XMMReg b, unsigned lanes, uint32_t (*function)(uint32_t))
{
    for (unsigned i = 0; i < lanes; i++) {
        a.l[i] = function(b.l[i]);
    }
    return a;
}

SSE_OP(rcpps_V_W, load_aligned, approximate(a, b, 4, rcp))
SSE_OP(rcpss_V_W, load_d, approximate(a, b, 1, rcp))
SSE_OP(rsqrtps_V_W, load_aligned, approximate(a, b, 4, rsqrt))
SSE_OP(rsqrtss_V_W, load_d, approximate(a, b, 1, rsqrt))
AVX_OP(vrcpps_V_W, approximate(a, b, 4, rcp))
AVX_OP(vrsqrtps_V_W, approximate(a, b, 4, rsqrt))
AVX_OP_128(vrcpss_V_H_W, load_d, approximate(a, b, 1, rcp))
AVX_OP_128(vrsqrtss_V_H_W, load_d, approximate(a, b, 1, rsqrt))
