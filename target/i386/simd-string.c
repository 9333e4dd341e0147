/*
 * target/i386/simd-string.c  PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM and their forms with VEX. SDM volume 1, 12.10.3
 * to 12.10.3.3; volume 2, 4.1.
 *
 * a is the first operand (register), b the second (register or memory, of any alignment). An element at or beyond its
 * operand's length is invalid.
 */
#include "target/i386/flags.h"
#include "target/i386/simd-avx.h"

#define IMM_WORDS     0x01
#define IMM_SIGNED    0x02
#define IMM_AGGREGATE 0x0c
#define IMM_NEGATE    0x10
#define IMM_VALID     0x20 /* negate where b is valid only */
#define IMM_LAST      0x40 /* index of the last one; mask in whole elements */
enum { EQUAL_ANY = 0x00, RANGES = 0x04, EQUAL_EACH = 0x08, EQUAL_ORDERED = 0x0c };

typedef struct Strings {
    int32_t a[16], b[16];
    unsigned a_len, b_len, count; /* count: elements in a register, 8 or 16 */
} Strings;

static int32_t element(XMMReg v, unsigned i, unsigned imm)
{
    switch (imm & (IMM_WORDS | IMM_SIGNED)) {
    case 0:
        return v.b[i];
    case IMM_WORDS:
        return v.w[i];
    case IMM_SIGNED:
        return (int8_t)v.b[i];
    default:
        return (int16_t)v.w[i];
    }
}

static Strings unpack(XMMReg a, XMMReg b, unsigned imm)
{
    Strings s = { .count = imm & IMM_WORDS ? 8 : 16 };
    for (unsigned i = 0; i < s.count; i++) {
        s.a[i] = element(a, i, imm);
        s.b[i] = element(b, i, imm);
    }
    return s;
}

static unsigned length_to_zero(const int32_t *v, unsigned count)
{
    unsigned n = 0;
    while (n < count && v[n]) {
        n++;
    }
    return n;
}

static unsigned explicit_length(int64_t v, unsigned count)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    return magnitude < count ? (unsigned)magnitude : count;
}

/* ---- the four ways to compare; each gives a bit per element of b ---- */

static bool equals_any(const Strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->a_len; i++) {
        if (s->a[i] == s->b[j]) {
            return true;
        }
    }
    return false;
}

static bool in_some_range(const Strings *s, unsigned j)
{
    for (unsigned i = 0; i + 1 < s->a_len; i += 2) {
        if (s->b[j] >= s->a[i] && s->b[j] <= s->a[i + 1]) {
            return true;
        }
    }
    return false;
}

static bool equals_each(const Strings *s, unsigned j)
{
    bool a_valid = j < s->a_len, b_valid = j < s->b_len;
    return a_valid && b_valid ? s->a[j] == s->b[j] : a_valid == b_valid;
}

/* a stands in b from j on, as far as b's register goes. */
static bool equals_ordered(const Strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->a_len && j + i < s->count; i++) {
        if (j + i >= s->b_len || s->a[i] != s->b[j + i]) {
            return false;
        }
    }
    return true;
}

static bool compare_element(const Strings *s, unsigned j, unsigned imm)
{
    switch (imm & IMM_AGGREGATE) {
    case EQUAL_ANY:
        return j < s->b_len && equals_any(s, j);
    case RANGES:
        return j < s->b_len && in_some_range(s, j);
    case EQUAL_EACH:
        return equals_each(s, j);
    default:
        return equals_ordered(s, j);
    }
}

static uint32_t low_bits(unsigned n)
{
    return (1u << n) - 1;
}

/* Result bits; sets the flags. */
static uint32_t compare_strings(CPUState *cpu, const Strings *s, unsigned imm)
{
    uint32_t bits = 0;
    for (unsigned j = 0; j < s->count; j++) {
        bits |= (uint32_t)compare_element(s, j, imm) << j;
    }
    if (imm & IMM_NEGATE) {
        bits ^= low_bits(imm & IMM_VALID ? s->b_len : s->count);
    }
    cc_set(cpu, (bits ? CC_C : 0) | (s->b_len < s->count ? CC_Z : 0) | (s->a_len < s->count ? CC_S : 0) |
                    (bits & 1 ? CC_O : 0));
    return bits;
}

/* ---- results ---- */

static uint32_t index_result(uint32_t bits, unsigned count, unsigned imm)
{
    if (!bits) {
        return count;
    }
    return imm & IMM_LAST ? 31 - (unsigned)__builtin_clz(bits) : (unsigned)__builtin_ctz(bits);
}

static XMMReg mask_result(uint32_t bits, unsigned count, unsigned imm)
{
    XMMReg r = simd_from64(bits);
    for (unsigned i = 0; (imm & IMM_LAST) && i < count; i++) {
        if (count == 16) {
            r.b[i] = bits >> i & 1 ? UINT8_MAX : 0;
        } else {
            r.w[i] = bits >> i & 1 ? UINT16_MAX : 0;
        }
    }
    return r;
}

/* How lengths are found. REX.W means nothing outside 64-bit mode. */
typedef enum Lengths { IMPLICIT, EXPLICIT_32, EXPLICIT_64 } Lengths;

static Strings operand_strings(CPUState *cpu, const DecodedInsn *d, XMMReg b, Lengths lengths)
{
    Strings s = unpack(cpu->xmm[d->reg], b, (unsigned)d->imm);
    if (lengths == IMPLICIT) {
        s.a_len = length_to_zero(s.a, s.count);
        s.b_len = length_to_zero(s.b, s.count);
    } else {
        bool wide = lengths == EXPLICIT_64 && cpu_code64(cpu);
        s.a_len = explicit_length(wide ? (int64_t)cpu->gpr[R_EAX] : (int32_t)cpu->gpr[R_EAX], s.count);
        s.b_len = explicit_length(wide ? (int64_t)cpu->gpr[R_EDX] : (int32_t)cpu->gpr[R_EDX], s.count);
    }
    return s;
}

static void to_index(CPUState *cpu, const DecodedInsn *d, XMMReg b, Lengths lengths)
{
    Strings s = operand_strings(cpu, d, b, lengths);
    uint32_t bits = compare_strings(cpu, &s, (unsigned)d->imm);
    set_reg32(cpu, R_ECX, index_result(bits, s.count, (unsigned)d->imm));
}

static XMMReg to_mask(CPUState *cpu, const DecodedInsn *d, XMMReg b, Lengths lengths)
{
    Strings s = operand_strings(cpu, d, b, lengths);
    uint32_t bits = compare_strings(cpu, &s, (unsigned)d->imm);
    return mask_result(bits, s.count, (unsigned)d->imm);
}

#define STRING_FORMS(set, suffix, check, lengths, statement)       \
    HANDLER set##_reg##suffix(CPUState *cpu, const DecodedInsn *d) \
    {                                                              \
        check(cpu);                                                \
        const XMMReg b = cpu->xmm[d->rm];                          \
        const Lengths how = lengths;                               \
        statement;                                                 \
    }                                                              \
    HANDLER set##_mem##suffix(CPUState *cpu, const DecodedInsn *d) \
    {                                                              \
        check(cpu);                                                \
        const XMMReg b = load_unaligned(cpu, d);                   \
        const Lengths how = lengths;                               \
        statement;                                                 \
    }
#define STRING_SETS(e, check, statement_i, statement_m)             \
    STRING_FORMS(pcmpistri##e, , check, IMPLICIT, statement_i)      \
    STRING_FORMS(pcmpistrm##e, , check, IMPLICIT, statement_m)      \
    STRING_FORMS(pcmpestri##e, 32, check, EXPLICIT_32, statement_i) \
    STRING_FORMS(pcmpestri##e, 64, check, EXPLICIT_64, statement_i) \
    STRING_FORMS(pcmpestrm##e, 32, check, EXPLICIT_32, statement_m) \
    STRING_FORMS(pcmpestrm##e, 64, check, EXPLICIT_64, statement_m) \
    SIMD_SET(pcmpistri##e, pcmpistri##e##_reg, pcmpistri##e##_mem)  \
    SIMD_SET(pcmpistrm##e, pcmpistrm##e##_reg, pcmpistrm##e##_mem)
STRING_SETS(_V_W_I, sse_check, to_index(cpu, d, b, how), cpu->xmm[0] = to_mask(cpu, d, b, how))
STRING_SETS(_vex, avx_check, to_index(cpu, d, b, how), avx_set128(cpu, 0, to_mask(cpu, d, b, how)))
SIMD_SET_Y(pcmpestri_V_W_I)
SIMD_SET_Y(pcmpestrm_V_W_I)
/* VEX.W has rows of its own. */
SIMD_SET(pcmpestri_vex_w0, pcmpestri_vex_reg32, pcmpestri_vex_mem32)
SIMD_SET(pcmpestri_vex_w1, pcmpestri_vex_reg64, pcmpestri_vex_mem64)
SIMD_SET(pcmpestrm_vex_w0, pcmpestrm_vex_reg32, pcmpestrm_vex_mem32)
SIMD_SET(pcmpestrm_vex_w1, pcmpestrm_vex_reg64, pcmpestrm_vex_mem64)
