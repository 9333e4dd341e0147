/*
 * target/i386/flags.h  The six arithmetic flags (CF PF AF ZF SF OF), kept lazily. SDM volume 1, 3.4.3.1.
 *
 * There is one form for every operation and every size, so nothing ever switches on "which operation was last":
 *
 *   cc.dst  the result, sign-extended to 64 bits:   ZF = dst == 0,  SF = bit 63 ^ src bit 2,  PF = even(low byte) ^ src bit 0
 *   cc.src  bit 63     CF (carry or borrow out of the sign bit)
 *           bit 62     carry into the sign bit:      OF = bit 63 ^ bit 62
 *           bit 4      AF
 *           bit 2      SF is inverted   } only flags loaded as a whole (POPF, SAHF) need these: no result is zero
 *           bit 0      PF is inverted   } and negative at once
 *           others     ignored
 *   cc.op   unused, 0
 *
 * For additions and subtractions a ^ b ^ result has in bit i the carry into bit i: computed 64 bits wide, that one value
 * gives AF, and shifted into place CF and OF.
 * The same flags can have several forms; cc_materialize() leaves the one canonical form (before state is saved or hashed).
 *
 * Flags that the manual leaves undefined have one value of ours, on every host and in every engine:
 *
 *   AND OR XOR TEST           AF = 0
 *   SHL SHR SAR SHLD SHRD     AF = 0; OF, CF for any count: as the last of `count` single-bit steps gives them
 *                             (SHL: OF = msb(result) ^ CF; SHR: OF = bit n-2 of the result; SAR: 0;
 *                             SHLD: msb(result) ^ CF; SHRD: bit n-1 ^ bit n-2 of the result)
 *   SHLD SHRD 16 bits, > 16   result and CF: bits of dest:src:dest shifted as one number of 48 bits
 *   ROL RCL, count > 1        OF = msb(result) ^ CF
 *   ROR RCR, count > 1        OF = bit n-1 ^ bit n-2 of the result
 *   any of them, count 0      no flag changes (count after masking to 5 or 6 bits)
 *   MUL IMUL                  SF ZF PF from the low half of the result, AF = 0
 *   DIV IDIV                  no flag changes
 *   BSF BSR                   CF PF AF SF OF do not change; source 0: destination does not change
 *   TZCNT LZCNT               PF AF SF OF do not change
 *   BT BTS BTR BTC            PF AF SF OF do not change (ZF: by definition)
 *   DAA DAS                   OF = 0
 *   AAA AAS                   SF ZF PF from AL, OF = 0
 *   AAM AAD                   CF = AF = OF = 0
 *   BSWAP of 16 bits          result 0
 *
 * In a row of the instruction table, flags_written is what the instruction always writes (but for a count of zero), and an
 * undefined flag that is not also in flags_written keeps its value.
 */
#ifndef TARGET_I386_FLAGS_H
#define TARGET_I386_FLAGS_H

#include "target/i386/cpu.h"

#define CC_SRC_C_SHIFT 63
#define CC_SRC_C (1ull << 63)
#define CC_SRC_CO (3ull << 62) /* flips CF, keeps OF */
#define CC_SRC_NOT_S 0x04ull
#define CC_SRC_NOT_P 0x01ull

/* ---- reading: each returns 0 or 1 ---- */
static inline unsigned cc_c(const CPUState *cpu)
{
    return cpu->cc.src >> 63;
}
static inline unsigned cc_p(const CPUState *cpu)
{
    return !__builtin_parity((uint8_t)cpu->cc.dst ^ (unsigned)(cpu->cc.src & CC_SRC_NOT_P));
}
static inline unsigned cc_a(const CPUState *cpu)
{
    return (cpu->cc.src >> 4) & 1;
}
static inline unsigned cc_z(const CPUState *cpu)
{
    return cpu->cc.dst == 0;
}
static inline unsigned cc_s(const CPUState *cpu)
{
    return (cpu->cc.dst ^ (cpu->cc.src << 61)) >> 63;
}
static inline unsigned cc_o(const CPUState *cpu)
{
    return (cpu->cc.src ^ (cpu->cc.src << 1)) >> 63;
}
/* SF != OF */
static inline unsigned cc_l(const CPUState *cpu)
{
    return (cpu->cc.dst ^ (cpu->cc.src << 61) ^ cpu->cc.src ^ (cpu->cc.src << 1)) >> 63;
}

/* All six, at their places in EFLAGS. */
static inline uint32_t cc_get(const CPUState *cpu)
{
    return cc_c(cpu) | cc_p(cpu) << 2 | (cpu->cc.src & CC_A) | cc_z(cpu) << 6 | cc_s(cpu) << 7 | cc_o(cpu) << 11;
}

/* Condition codes as in the low four bits of Jcc, SETcc, CMOVcc; odd ones are the negation. */
enum { COND_O, COND_NO, COND_B, COND_AE, COND_E, COND_NE, COND_BE, COND_A, COND_S, COND_NS, COND_P, COND_NP, COND_L, COND_GE, COND_LE, COND_G };

/* CONDITIONS(X): X(name, code) for each of them. */
#define CONDITIONS(X)                                                                                               \
    X(o, COND_O) X(no, COND_NO) X(b, COND_B) X(ae, COND_AE) X(e, COND_E) X(ne, COND_NE) X(be, COND_BE) X(a, COND_A) \
    X(s, COND_S) X(ns, COND_NS) X(p, COND_P) X(np, COND_NP) X(l, COND_L) X(ge, COND_GE) X(le, COND_LE) X(g, COND_G)

/* With a constant cond this is a handful of host instructions. */
static inline bool cc_test(const CPUState *cpu, unsigned cond)
{
    bool value = false;

    switch (cond & 0xe) {
    case COND_O:
        value = cc_o(cpu);
        break;
    case COND_B:
        value = cc_c(cpu);
        break;
    case COND_E:
        value = cc_z(cpu);
        break;
    case COND_BE:
        value = cc_c(cpu) | cc_z(cpu);
        break;
    case COND_S:
        value = cc_s(cpu);
        break;
    case COND_P:
        value = cc_p(cpu);
        break;
    case COND_L:
        value = cc_l(cpu);
        break;
    case COND_LE:
        value = cc_l(cpu) | cc_z(cpu);
        break;
    }
    return value ^ (cond & 1);
}

/* ---- writing ---- */
/* All six as in `flags` (other bits ignored); leaves the canonical form. */
static inline void cc_set(CPUState *cpu, uint32_t flags)
{
    cpu->cc.op = 0;
    cpu->cc.dst = (~flags & CC_Z) << 2; /* 0 or 0x100: positive, low byte of even parity */
    cpu->cc.src = (uint64_t)(flags & CC_C) << 63 | (uint64_t)((flags ^ flags >> 11) & 1) << 62 | (flags & CC_A) |
                  (flags & CC_S) >> 5 | (~flags & CC_P) >> 2;
}

/* Those in `mask` as in `flags`, the others unchanged. */
static inline void cc_set_bits(CPUState *cpu, uint32_t mask, uint32_t flags)
{
    cc_set(cpu, (cc_get(cpu) & ~mask) | (flags & mask));
}

static inline void cc_materialize(CPUState *cpu)
{
    cc_set(cpu, cc_get(cpu));
}

/* All of EFLAGS: cpu_get_eflags() and cpu_set_eflags(), inline. */
static inline uint32_t eflags_get(const CPUState *cpu)
{
    return (cpu->eflags & ~CC_ALL) | cc_get(cpu) | 2;
}
static inline void eflags_set(CPUState *cpu, uint32_t eflags)
{
    cc_set(cpu, eflags);
    cpu->eflags = (eflags & ~CC_ALL) | 2;
    cpu->df = eflags & DF_MASK ? -1 : 1;
}

/* CF alone. */
static inline void cc_set_c(CPUState *cpu, unsigned c)
{
    cpu->cc.src ^= -(uint64_t)(c ^ cc_c(cpu)) & CC_SRC_CO;
}

/* CF and OF alone (rotates); 0 or 1. */
static inline void cc_set_co(CPUState *cpu, unsigned c, unsigned o)
{
    cpu->cc.src = (uint64_t)c << 63 | (uint64_t)(c ^ o) << 62 | (cpu->cc.src & 0xff);
}

/* SF ZF PF from a sign-extended result, CF and OF as given, AF 0. */
static inline void cc_set_result(CPUState *cpu, int64_t result, unsigned c, unsigned o)
{
    cpu->cc.dst = result;
    cpu->cc.src = (uint64_t)c << 63 | (uint64_t)(c ^ o) << 62;
}

/* cc_logicN(cpu, r), cc_addN(cpu, a, b, carry_in), cc_subN(cpu, a, b, borrow_in), cc_incN, cc_decN: set flags, return the result. */
#define CC_LOGIC_DEFINE(bits)                                                                                           \
    static inline uint##bits##_t cc_logic##bits(CPUState *cpu, uint##bits##_t r)                                        \
    {                                                                                                                   \
        cpu->cc.dst = (int64_t)(int##bits##_t)r;                                                                        \
        cpu->cc.src = 0;                                                                                                \
        return r;                                                                                                       \
    }                                                                                                                   \
    /* INC, DEC: OF when the result is the value after an overflow; CF stays. */                                        \
    static inline uint##bits##_t cc_step##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t r, uint##bits##_t after) \
    {                                                                                                                   \
        uint64_t keep = (uint64_t)((int64_t)(cpu->cc.src & CC_SRC_C) >> 1);                                             \
        cpu->cc.dst = (int64_t)(int##bits##_t)r;                                                                        \
        cpu->cc.src = (keep ^ (uint64_t)(r == after) << 62) | ((a ^ r) & CC_A);                                         \
        return r;                                                                                                       \
    }                                                                                                                   \
    static inline uint##bits##_t cc_inc##bits(CPUState *cpu, uint##bits##_t a)                                          \
    {                                                                                                                   \
        return cc_step##bits(cpu, a, (uint##bits##_t)(a + 1u), (uint##bits##_t)INT##bits##_MIN);                        \
    }                                                                                                                   \
    static inline uint##bits##_t cc_dec##bits(CPUState *cpu, uint##bits##_t a)                                          \
    {                                                                                                                   \
        return cc_step##bits(cpu, a, (uint##bits##_t)(a - 1u), (uint##bits##_t)INT##bits##_MAX);                        \
    }
CC_LOGIC_DEFINE(8)
CC_LOGIC_DEFINE(16)
CC_LOGIC_DEFINE(32)
CC_LOGIC_DEFINE(64)

#define CC_ARITH_DEFINE(bits)                                                                                     \
    static inline uint##bits##_t cc_arith##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b, uint64_t wide) \
    {                                                                                                             \
        uint64_t carries = a ^ b ^ wide;                                                                          \
        cpu->cc.dst = (int64_t)(int##bits##_t)wide;                                                               \
        cpu->cc.src = carries << (63 - bits) | (carries & CC_A);                                                  \
        return (uint##bits##_t)wide;                                                                              \
    }                                                                                                             \
    static inline uint##bits##_t cc_add##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b, unsigned carry)  \
    {                                                                                                             \
        return cc_arith##bits(cpu, a, b, (uint64_t)a + b + carry);                                                \
    }                                                                                                             \
    static inline uint##bits##_t cc_sub##bits(CPUState *cpu, uint##bits##_t a, uint##bits##_t b, unsigned borrow) \
    {                                                                                                             \
        return cc_arith##bits(cpu, a, b, (uint64_t)a - b - borrow);                                               \
    }
CC_ARITH_DEFINE(8)
CC_ARITH_DEFINE(16)
CC_ARITH_DEFINE(32)

/* 64 bits: the carry out has no bit of its own. `out`: carries out of each bit. */
static inline uint64_t cc_arith64(CPUState *cpu, uint64_t result, uint64_t out)
{
    cpu->cc.dst = result;
    cpu->cc.src = (out & CC_SRC_CO) | (out << 1 & CC_A);
    return result;
}
static inline uint64_t cc_add64(CPUState *cpu, uint64_t a, uint64_t b, unsigned carry)
{
    uint64_t r = a + b + carry;
    return cc_arith64(cpu, r, (a & b) | ((a | b) & ~r));
}
static inline uint64_t cc_sub64(CPUState *cpu, uint64_t a, uint64_t b, unsigned borrow)
{
    uint64_t r = a - b - borrow;
    return cc_arith64(cpu, r, (~a & b) | ((~a | b) & r));
}

#endif
