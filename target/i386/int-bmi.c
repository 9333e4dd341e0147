/*
 * target/i386/int-bmi.c  Later additions to the general-purpose instructions: BMI1, BMI2, ADX, CRC32, RDRAND, RDSEED.
 * SDM volume 2.
 *
 * Those with VEX need no AVX state. Undefined flags of BMI: AF = 0; SF and PF from the result where it is theirs to
 * set.
 */
#include "target/i386/handlers-simd2.h"
#include "target/i386/int-common.h"
#include "util/rng.h"

/* ---- handlers: by size 32 and 64; statement sees the operand E as v ---- */

#define SET_Y(set) \
    const InsnHandlers set = { { { NULL, NULL, set##_reg32, set##_reg64 }, { NULL, NULL, set##_mem32, set##_mem64 } } };
#define FORMS(name, bits, statement)                                  \
    static void name##_reg##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                                 \
        const uint##bits##_t v = reg##bits(cpu, d->rm);               \
        statement;                                                    \
    }                                                                 \
    static void name##_mem##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                                 \
        const uint##bits##_t v = operand_ld##bits(cpu, d);            \
        statement;                                                    \
    }
#define FORMS_Y(name, statement)   \
    FORMS(name, 32, statement(32)) \
    FORMS(name, 64, statement(64)) \
    SET_Y(name)

/* Result r to register n; SF, ZF, PF from it, CF as given, OF and AF 0. */
#define RESULT(bits, n, r, c)                          \
    do {                                               \
        const uint##bits##_t r_ = (uint##bits##_t)(r); \
        cc_set_result(cpu, (int##bits##_t)r_, c, 0);   \
        set_reg##bits(cpu, n, r_);                     \
    } while (0)

/* ---- BMI1 ---- */

#define ANDN(bits) RESULT(bits, d->reg, ~reg##bits(cpu, d->vvvv) & v, 0)
#define BLSI(bits) RESULT(bits, d->vvvv, v &(0 - v), v != 0)
#define BLSR(bits) RESULT(bits, d->vvvv, v &(v - 1), v == 0)
/* The result is never zero, so ZF is 0 as it must be. */
#define BLSMSK(bits) RESULT(bits, d->vvvv, v ^ (v - 1), v == 0)

static inline uint64_t low_bits(unsigned n)
{
    return n < 64 ? (1ull << n) - 1 : UINT64_MAX;
}

static inline uint64_t extract_bits(uint64_t v, uint32_t control)
{
    unsigned start = control & 0xff, len = control >> 8 & 0xff;
    return start < 64 ? v >> start & low_bits(len) : 0;
}
#define BEXTR(bits) RESULT(bits, d->reg, extract_bits(v, reg32(cpu, d->vvvv)), 0)

FORMS_Y(andn_Gy_By_Ey, ANDN)
FORMS_Y(blsi_By_Ey, BLSI)
FORMS_Y(blsr_By_Ey, BLSR)
FORMS_Y(blsmsk_By_Ey, BLSMSK)
FORMS_Y(bextr_Gy_Ey_By, BEXTR)

/* ---- BMI2; only BZHI has flags ---- */

static inline unsigned bit_index(const CPUState *cpu, unsigned n)
{
    return (uint8_t)cpu->gpr[n];
}
#define BZHI(bits) RESULT(bits, d->reg, v &low_bits(bit_index(cpu, d->vvvv)), bit_index(cpu, d->vvvv) > bits - 1)
FORMS_Y(bzhi_Gy_Ey_By, BZHI)

static inline uint64_t deposit(uint64_t v, uint64_t mask)
{
    uint64_t r = 0;
    for (; mask; mask &= mask - 1, v >>= 1) {
        r |= v & 1 ? mask & (0 - mask) : 0;
    }
    return r;
}

static inline uint64_t extract(uint64_t v, uint64_t mask)
{
    uint64_t r = 0;
    for (unsigned n = 0; mask; mask &= mask - 1, n++) {
        r |= (uint64_t)(v >> __builtin_ctzll(mask) & 1) << n;
    }
    return r;
}
#define PDEP(bits) set_reg##bits(cpu, d->reg, (uint##bits##_t)deposit(reg##bits(cpu, d->vvvv), v))
#define PEXT(bits) set_reg##bits(cpu, d->reg, (uint##bits##_t)extract(reg##bits(cpu, d->vvvv), v))
FORMS_Y(pdep_Gy_By_Ey, PDEP)
FORMS_Y(pext_Gy_By_Ey, PEXT)

#define COUNT(bits)        (reg32(cpu, d->vvvv) & (bits - 1))
#define ROTATE(bits, v, n) (uint##bits##_t)(v >> (n) | v << ((bits - (n)) & (bits - 1)))
#define RORX(bits)         set_reg##bits(cpu, d->reg, ROTATE(bits, v, (unsigned)d->imm &(bits - 1)))
#define SARX(bits)         set_reg##bits(cpu, d->reg, (uint##bits##_t)((int##bits##_t)v >> COUNT(bits)))
#define SHLX(bits)         set_reg##bits(cpu, d->reg, v << COUNT(bits))
#define SHRX(bits)         set_reg##bits(cpu, d->reg, v >> COUNT(bits))
FORMS_Y(rorx_Gy_Ey_Ib, RORX)
FORMS_Y(sarx_Gy_Ey_By, SARX)
FORMS_Y(shlx_Gy_Ey_By, SHLX)
FORMS_Y(shrx_Gy_Ey_By, SHRX)

/* Upper half to G, lower to B; when they are one register it gets the upper. */
static inline void multiply32(CPUState *cpu, const DecodedInsn *d, uint32_t v)
{
    uint64_t product = (uint64_t)reg32(cpu, R_EDX) * v;
    set_reg32(cpu, d->vvvv, (uint32_t)product);
    set_reg32(cpu, d->reg, (uint32_t)(product >> 32));
}

static inline void multiply64(CPUState *cpu, const DecodedInsn *d, uint64_t v)
{
    unsigned __int128 product = (unsigned __int128)reg64(cpu, R_EDX) * v;
    set_reg64(cpu, d->vvvv, (uint64_t)product);
    set_reg64(cpu, d->reg, (uint64_t)(product >> 64));
}
#define MULX(bits) multiply##bits(cpu, d, v)
FORMS_Y(mulx_Gy_By_Ey, MULX)

/* ---- ADX: additions with a carry chain of their own, in CF or OF ---- */

#define ADD_CARRY(bits, carry, flag)                                          \
    do {                                                                      \
        uint##bits##_t sum, a = reg##bits(cpu, d->reg);                       \
        bool out = __builtin_add_overflow(a, v, &sum);                        \
        out |= __builtin_add_overflow(sum, (uint##bits##_t)carry(cpu), &sum); \
        set_reg##bits(cpu, d->reg, sum);                                      \
        cc_set_bits(cpu, flag, out ? flag : 0);                               \
    } while (0)
#define ADCX(bits) ADD_CARRY(bits, cc_c, CC_C)
#define ADOX(bits) ADD_CARRY(bits, cc_o, CC_O)
FORMS_Y(adcx_Gy_Ey, ADCX)
FORMS_Y(adox_Gy_Ey, ADOX)

/* ---- CRC32: polynomial 11EDC6F41, bits reflected ---- */

static const uint32_t crc_nibbles[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static inline uint32_t crc_bytes(uint32_t crc, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++, v >>= 8) {
        crc ^= (uint8_t)v;
        crc = crc >> 4 ^ crc_nibbles[crc & 15];
        crc = crc >> 4 ^ crc_nibbles[crc & 15];
    }
    return crc;
}

static void crc32_reg8(CPUState *cpu, const DecodedInsn *d)
{
    set_reg32(cpu, d->reg, crc_bytes(reg32(cpu, d->reg), reg8(cpu, d->rm), 1));
}

static void crc32_mem8(CPUState *cpu, const DecodedInsn *d)
{
    uint8_t v = operand_ld8(cpu, d);
    set_reg32(cpu, d->reg, crc_bytes(reg32(cpu, d->reg), v, 1));
}
SET_BYTE(crc32_Gy_Eb, crc32)

#define CRC32(bits) set_reg32(cpu, d->reg, crc_bytes(reg32(cpu, d->reg), v, bits / 8))
FORMS(crc32_G_E, 16, CRC32(16))
FORMS(crc32_G_E, 32, CRC32(32))
FORMS(crc32_G_E, 64, CRC32(64))
SET_SIZED(crc32_Gy_Ev, crc32_G_E)

/* ---- RDRAND, RDSEED: there is always a number ---- */

#define RANDOM_DEFINE(bits)                                          \
    static void random_R_##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                                \
        set_reg##bits(cpu, d->rm, (uint##bits##_t)guest_random());   \
        cc_set(cpu, CC_C);                                           \
    }
FOR_SIZES(RANDOM_DEFINE)
SET_PLAIN(random_Rv, random_R)
