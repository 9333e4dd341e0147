/*
 * target/i386/simd-crypto.c  AES-NI (FIPS 197), PCLMULQDQ, SHA extensions (FIPS 180-4). SDM volume 2.
 *
 * The same on every host. Byte i of a register is row i % 4, column i / 4 of AES's state.
 */
#include "target/i386/simd-avx.h"

/* ---- AES ---- */

static const uint8_t sbox[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76, 0xca, 0x82, 0xc9,
    0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0, 0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f,
    0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15, 0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07,
    0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75, 0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3,
    0x29, 0xe3, 0x2f, 0x84, 0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58,
    0xcf, 0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8, 0x51, 0xa3,
    0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2, 0xcd, 0x0c, 0x13, 0xec, 0x5f,
    0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73, 0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88,
    0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb, 0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac,
    0x62, 0x91, 0x95, 0xe4, 0x79, 0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a,
    0xae, 0x08, 0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a, 0x70,
    0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e, 0xe1, 0xf8, 0x98, 0x11,
    0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf, 0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42,
    0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};
static const uint8_t inverse_sbox[256] = {
    0x52, 0x09, 0x6a, 0xd5, 0x30, 0x36, 0xa5, 0x38, 0xbf, 0x40, 0xa3, 0x9e, 0x81, 0xf3, 0xd7, 0xfb, 0x7c, 0xe3, 0x39,
    0x82, 0x9b, 0x2f, 0xff, 0x87, 0x34, 0x8e, 0x43, 0x44, 0xc4, 0xde, 0xe9, 0xcb, 0x54, 0x7b, 0x94, 0x32, 0xa6, 0xc2,
    0x23, 0x3d, 0xee, 0x4c, 0x95, 0x0b, 0x42, 0xfa, 0xc3, 0x4e, 0x08, 0x2e, 0xa1, 0x66, 0x28, 0xd9, 0x24, 0xb2, 0x76,
    0x5b, 0xa2, 0x49, 0x6d, 0x8b, 0xd1, 0x25, 0x72, 0xf8, 0xf6, 0x64, 0x86, 0x68, 0x98, 0x16, 0xd4, 0xa4, 0x5c, 0xcc,
    0x5d, 0x65, 0xb6, 0x92, 0x6c, 0x70, 0x48, 0x50, 0xfd, 0xed, 0xb9, 0xda, 0x5e, 0x15, 0x46, 0x57, 0xa7, 0x8d, 0x9d,
    0x84, 0x90, 0xd8, 0xab, 0x00, 0x8c, 0xbc, 0xd3, 0x0a, 0xf7, 0xe4, 0x58, 0x05, 0xb8, 0xb3, 0x45, 0x06, 0xd0, 0x2c,
    0x1e, 0x8f, 0xca, 0x3f, 0x0f, 0x02, 0xc1, 0xaf, 0xbd, 0x03, 0x01, 0x13, 0x8a, 0x6b, 0x3a, 0x91, 0x11, 0x41, 0x4f,
    0x67, 0xdc, 0xea, 0x97, 0xf2, 0xcf, 0xce, 0xf0, 0xb4, 0xe6, 0x73, 0x96, 0xac, 0x74, 0x22, 0xe7, 0xad, 0x35, 0x85,
    0xe2, 0xf9, 0x37, 0xe8, 0x1c, 0x75, 0xdf, 0x6e, 0x47, 0xf1, 0x1a, 0x71, 0x1d, 0x29, 0xc5, 0x89, 0x6f, 0xb7, 0x62,
    0x0e, 0xaa, 0x18, 0xbe, 0x1b, 0xfc, 0x56, 0x3e, 0x4b, 0xc6, 0xd2, 0x79, 0x20, 0x9a, 0xdb, 0xc0, 0xfe, 0x78, 0xcd,
    0x5a, 0xf4, 0x1f, 0xdd, 0xa8, 0x33, 0x88, 0x07, 0xc7, 0x31, 0xb1, 0x12, 0x10, 0x59, 0x27, 0x80, 0xec, 0x5f, 0x60,
    0x51, 0x7f, 0xa9, 0x19, 0xb5, 0x4a, 0x0d, 0x2d, 0xe5, 0x7a, 0x9f, 0x93, 0xc9, 0x9c, 0xef, 0xa0, 0xe0, 0x3b, 0x4d,
    0xae, 0x2a, 0xf5, 0xb0, 0xc8, 0xeb, 0xbb, 0x3c, 0x83, 0x53, 0x99, 0x61, 0x17, 0x2b, 0x04, 0x7e, 0xba, 0x77, 0xd6,
    0x26, 0xe1, 0x69, 0x14, 0x63, 0x55, 0x21, 0x0c, 0x7d,
};

/* Times x in GF(2^8), four bytes at once. */
static inline uint32_t times2(uint32_t v)
{
    return (v << 1 & 0xfefefefe) ^ ((v >> 7 & 0x01010101) * 0x1b);
}

static inline uint32_t rotate_right(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

/* Columns times { 2, 3, 1, 1 }, rotated for each row. */
static inline uint32_t mix_column(uint32_t v)
{
    uint32_t v2 = times2(v);
    return v2 ^ rotate_right(v ^ v2, 8) ^ rotate_right(v, 16) ^ rotate_right(v, 24);
}

/* Times { 14, 11, 13, 9 }: that is { 2, 3, 1, 1 } times { 5, 0, 4, 0 }. */
static inline uint32_t inverse_mix_column(uint32_t v)
{
    uint32_t v4 = times2(times2(v));
    return mix_column(v ^ v4 ^ rotate_right(v4, 16));
}

/* Row r moves by r columns, to the left or (inverse) to the right; each byte through the box. */
static inline XMMReg shift_and_substitute(XMMReg v, const uint8_t *box, unsigned left)
{
    XMMReg r;
    for (unsigned i = 0; i < 16; i++) {
        r.b[i] = box[v.b[(i + (i % 4) * 4 * left) & 15]];
    }
    return r;
}

static inline XMMReg mix_columns(XMMReg v, uint32_t (*mix)(uint32_t))
{
    return (XMMReg){ .l = { mix(v.l[0]), mix(v.l[1]), mix(v.l[2]), mix(v.l[3]) } };
}

static inline XMMReg xor128(XMMReg a, XMMReg b)
{
    return (XMMReg){ .q = { a.q[0] ^ b.q[0], a.q[1] ^ b.q[1] } };
}

static XMMReg aesenc(XMMReg a, XMMReg key)
{
    return xor128(mix_columns(shift_and_substitute(a, sbox, 1), mix_column), key);
}

static XMMReg aesenclast(XMMReg a, XMMReg key)
{
    return xor128(shift_and_substitute(a, sbox, 1), key);
}

static XMMReg aesdec(XMMReg a, XMMReg key)
{
    return xor128(mix_columns(shift_and_substitute(a, inverse_sbox, 3), inverse_mix_column), key);
}

static XMMReg aesdeclast(XMMReg a, XMMReg key)
{
    return xor128(shift_and_substitute(a, inverse_sbox, 3), key);
}

static uint32_t substitute_word(uint32_t v)
{
    return sbox[v & 0xff] | (uint32_t)sbox[v >> 8 & 0xff] << 8 | (uint32_t)sbox[v >> 16 & 0xff] << 16 |
           (uint32_t)sbox[v >> 24] << 24;
}

static XMMReg aeskeygenassist(XMMReg b, uint32_t round_constant)
{
    uint32_t x1 = substitute_word(b.l[1]), x3 = substitute_word(b.l[3]);
    return (XMMReg){ .l = { x1, rotate_right(x1, 8) ^ round_constant, x3, rotate_right(x3, 8) ^ round_constant } };
}

#define CRYPTO(name, vname, result)    \
    SSE_OP(name, load_aligned, result) \
    AVX_OP_128(vname, load_unaligned, result)
CRYPTO(aesenc_V_W, vaesenc_V_H_W, aesenc(a, b))
CRYPTO(aesenclast_V_W, vaesenclast_V_H_W, aesenclast(a, b))
CRYPTO(aesdec_V_W, vaesdec_V_H_W, aesdec(a, b))
CRYPTO(aesdeclast_V_W, vaesdeclast_V_H_W, aesdeclast(a, b))
CRYPTO(aesimc_V_W, vaesimc_V_W, mix_columns(b, inverse_mix_column))
CRYPTO(aeskeygenassist_V_W_I, vaeskeygenassist_V_W_I, aeskeygenassist(b, (uint32_t)d->imm))

/* ---- PCLMULQDQ: product without carries, four bits of y at a time ---- */

static XMMReg carryless_multiply(uint64_t x, uint64_t y)
{
    uint64_t low = 0, high = 0, multiples[16], above[16];
    for (unsigned i = 0; i < 16; i++) {
        multiples[i] = (i & 1 ? x : 0) ^ (i & 2 ? x << 1 : 0) ^ (i & 4 ? x << 2 : 0) ^ (i & 8 ? x << 3 : 0);
        above[i] = (i & 2 ? x >> 63 : 0) ^ (i & 4 ? x >> 62 : 0) ^ (i & 8 ? x >> 61 : 0);
    }
    for (unsigned shift = 64; shift; shift -= 4) {
        unsigned digit = (unsigned)(y >> (shift - 4)) & 15;
        high = (high << 4 | low >> 60) ^ above[digit];
        low = low << 4 ^ multiples[digit];
    }
    return (XMMReg){ .q = { low, high } };
}
CRYPTO(pclmulqdq_V_W_I, vpclmulqdq_V_H_W_I, carryless_multiply(a.q[d->imm & 1], b.q[d->imm >> 4 & 1]))

/* ---- SHA-1: the state A B C D is in lanes 3 2 1 0 ---- */

static inline uint32_t rotate_left(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static uint32_t sha1_function(unsigned which, uint32_t b, uint32_t c, uint32_t d)
{
    switch (which) {
    case 0:
        return (b & c) ^ (~b & d);
    case 2:
        return (b & c) ^ (b & d) ^ (c & d);
    default:
        return b ^ c ^ d;
    }
}

/* Four rounds; the first lane of w has E added already. */
static XMMReg sha1rnds4(XMMReg state, XMMReg w, unsigned which)
{
    static const uint32_t constants[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
    uint32_t a = state.l[3], b = state.l[2], c = state.l[1], d = state.l[0], e = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t next = sha1_function(which, b, c, d) + rotate_left(a, 5) + w.l[3 - i] + e + constants[which];
        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    return (XMMReg){ .l = { d, c, b, a } };
}

static XMMReg sha1msg2(XMMReg a, XMMReg b)
{
    uint32_t w16 = rotate_left(a.l[3] ^ b.l[2], 1), w17 = rotate_left(a.l[2] ^ b.l[1], 1);
    return (XMMReg){ .l = { rotate_left(a.l[0] ^ w16, 1), rotate_left(a.l[1] ^ b.l[0], 1), w17, w16 } };
}

SSE_OP(sha1rnds4_V_W_I, load_aligned, sha1rnds4(a, b, (unsigned)d->imm & 3))
SSE_OP(sha1nexte_V_W, load_aligned, ((XMMReg){ .l = { b.l[0], b.l[1], b.l[2], b.l[3] + rotate_left(a.l[3], 30) } }))
SSE_OP(sha1msg1_V_W, load_aligned,
       ((XMMReg){ .l = { a.l[0] ^ b.l[2], a.l[1] ^ b.l[3], a.l[2] ^ a.l[0], a.l[3] ^ a.l[1] } }))
SSE_OP(sha1msg2_V_W, load_aligned, sha1msg2(a, b))

/* ---- SHA-256: C D G H in a's lanes 3 2 1 0, A B E F in b's, two rounds with the words (plus constants) in XMM0 ----
 */

static XMMReg sha256rnds2(XMMReg cdgh, XMMReg abef, XMMReg wk)
{
    uint32_t a = abef.l[3], b = abef.l[2], c = cdgh.l[3], d = cdgh.l[2];
    uint32_t e = abef.l[1], f = abef.l[0], g = cdgh.l[1], h = cdgh.l[0];
    for (unsigned i = 0; i < 2; i++) {
        uint32_t choice = (e & f) ^ (~e & g), majority = (a & b) ^ (a & c) ^ (b & c);
        uint32_t sum1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t sum0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t t = h + sum1 + choice + wk.l[i];
        h = g;
        g = f;
        f = e;
        e = d + t;
        d = c;
        c = b;
        b = a;
        a = t + sum0 + majority;
    }
    return (XMMReg){ .l = { f, e, b, a } };
}

static inline uint32_t sigma0(uint32_t v)
{
    return rotate_right(v, 7) ^ rotate_right(v, 18) ^ v >> 3;
}

static inline uint32_t sigma1(uint32_t v)
{
    return rotate_right(v, 17) ^ rotate_right(v, 19) ^ v >> 10;
}

static XMMReg sha256msg1(XMMReg a, XMMReg b)
{
    return (XMMReg){ .l = { a.l[0] + sigma0(a.l[1]), a.l[1] + sigma0(a.l[2]), a.l[2] + sigma0(a.l[3]),
                            a.l[3] + sigma0(b.l[0]) } };
}

static XMMReg sha256msg2(XMMReg a, XMMReg b)
{
    uint32_t w16 = a.l[0] + sigma1(b.l[2]), w17 = a.l[1] + sigma1(b.l[3]);
    return (XMMReg){ .l = { w16, w17, a.l[2] + sigma1(w16), a.l[3] + sigma1(w17) } };
}

SSE_OP(sha256rnds2_V_W, load_aligned, sha256rnds2(a, b, cpu->xmm[0]))
SSE_OP(sha256msg1_V_W, load_aligned, sha256msg1(a, b))
SSE_OP(sha256msg2_V_W, load_aligned, sha256msg2(a, b))
