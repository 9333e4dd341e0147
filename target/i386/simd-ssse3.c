/*
 * target/i386/simd-ssse3.c  SSSE3: horizontal adds, byte shuffle, alignment, absolute values, in MMX and XMM registers
 * and with VEX. SDM volume 2.
 */
#include "target/i386/simd-avx.h"

static inline int16_t clamp16(int v)
{
    v = v < INT16_MIN ? INT16_MIN : v;
    return (int16_t)(v > INT16_MAX ? INT16_MAX : v);
}

/* ---- pairs of neighbours in a, then those in b: x and y ---- */

#define HORIZONTAL(name, field, type, expression)                                               \
    SIMD_INLINE XMMReg name(XMMReg a, XMMReg b, unsigned bytes)                                 \
    {                                                                                           \
        const unsigned half = bytes / sizeof(type) / 2;                                         \
        XMMReg r = { .q = { 0, 0 } };                                                           \
        for (unsigned i = 0; i < 2 * half; i++) {                                               \
            const type x = (type)(i < half ? a.field[2 * i] : b.field[2 * (i - half)]);         \
            const type y = (type)(i < half ? a.field[2 * i + 1] : b.field[2 * (i - half) + 1]); \
            r.field[i] = (__typeof__(r.field[0]))(expression);                                  \
        }                                                                                       \
        return r;                                                                               \
    }
HORIZONTAL(phaddw, w, int16_t, x + y)
HORIZONTAL(phaddsw, w, int16_t, clamp16(x + y))
HORIZONTAL(phsubw, w, int16_t, x - y)
HORIZONTAL(phsubsw, w, int16_t, clamp16(x - y))
HORIZONTAL(phaddd, l, uint32_t, x + y)
HORIZONTAL(phsubd, l, uint32_t, x - y)

/* ---- lane by lane: x of a, y of b ---- */

#define LANES(name, bits, field, expression)                                                  \
    SIMD_INLINE XMMReg name(XMMReg a, XMMReg b, unsigned bytes)                               \
    {                                                                                         \
        XMMReg r = { .q = { 0, 0 } };                                                         \
        for (unsigned i = 0; i < bytes / (bits / 8); i++) {                                   \
            const int##bits##_t x = (int##bits##_t)a.field[i], y = (int##bits##_t)b.field[i]; \
            (void)x;                                                                          \
            r.field[i] = (uint##bits##_t)(expression);                                        \
        }                                                                                     \
        return r;                                                                             \
    }
LANES(pabsb, 8, b, y < 0 ? -y : y)
LANES(pabsw, 16, w, y < 0 ? -y : y)
LANES(pabsd, 32, l, y < 0 ? 0u - (uint32_t)y : (uint32_t)y)
LANES(psignb, 8, b, y < 0 ? -x : y == 0 ? 0 : x)
LANES(psignw, 16, w, y < 0 ? -x : y == 0 ? 0 : x)
LANES(psignd, 32, l, y < 0 ? 0u - (uint32_t)x : y == 0 ? 0u : (uint32_t)x)
LANES(pmulhrsw, 16, w, (((x * y) >> 14) + 1) >> 1)

/* Unsigned bytes of a times signed ones of b. */
SIMD_INLINE XMMReg pmaddubsw(XMMReg a, XMMReg b, unsigned bytes)
{
    XMMReg r = { .q = { 0, 0 } };
    for (unsigned i = 0; i < bytes / 2; i++) {
        r.w[i] = (uint16_t)clamp16(a.b[2 * i] * (int8_t)b.b[2 * i] + a.b[2 * i + 1] * (int8_t)b.b[2 * i + 1]);
    }
    return r;
}

/* ---- bytes moved about ---- */

SIMD_INLINE XMMReg pshufb(XMMReg a, XMMReg b, unsigned bytes)
{
    XMMReg r = { .q = { 0, 0 } };
    for (unsigned i = 0; i < bytes; i++) {
        r.b[i] = b.b[i] & 0x80 ? 0 : a.b[b.b[i] & (bytes - 1)];
    }
    return r;
}

/* Bytes n.. of b followed by a; zeros beyond. */
SIMD_INLINE XMMReg palignr(XMMReg a, XMMReg b, unsigned n, unsigned bytes)
{
    uint8_t both[64] = { 0 };
    XMMReg r = { .q = { 0, 0 } };
    memcpy(both, &b, bytes);
    memcpy(both + bytes, &a, bytes);
    memcpy(&r, both + (n < 2 * bytes ? n : 2 * bytes), bytes);
    return r;
}

/* ---- handlers ---- */

#define ALL_THREE(name)                       \
    MMX_OP(name##_P_Q, load_q, name(a, b, 8)) \
    SIMD_BOTH(name, name(a, b, 16))
ALL_THREE(phaddw)
ALL_THREE(phaddd)
ALL_THREE(phaddsw)
ALL_THREE(phsubw)
ALL_THREE(phsubd)
ALL_THREE(phsubsw)
ALL_THREE(pabsb)
ALL_THREE(pabsw)
ALL_THREE(pabsd)
ALL_THREE(psignb)
ALL_THREE(psignw)
ALL_THREE(psignd)
ALL_THREE(pmulhrsw)
ALL_THREE(pmaddubsw)
ALL_THREE(pshufb)
MMX_OP(palignr_P_Q_I, load_q, palignr(a, b, (unsigned)d->imm, 8))
SSE_OP(palignr_V_W_I, load_aligned, palignr(a, b, (unsigned)d->imm, 16))
AVX_OP(vpalignr_V_H_W_I, palignr(a, b, (unsigned)d->imm, 16))
