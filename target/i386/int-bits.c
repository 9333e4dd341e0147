/*
 * target/i386/int-bits.c  BT BTS BTR BTC, BSF BSR TZCNT LZCNT POPCNT, BSWAP, MOVBE. SDM volume 2.
 *
 * With a register bit offset the memory operand is a bit string: the offset, signed, moves the address by whole operands.
 */
#include "target/i386/int-common.h"

/* ---- bit tests ---- */
#define BIT_OPS_DEFINE(bits)                                                                                    \
    static inline uint##bits##_t bit_bts##bits(uint##bits##_t a, uint##bits##_t bit)                            \
    {                                                                                                           \
        return a | bit;                                                                                         \
    }                                                                                                           \
    static inline uint##bits##_t bit_btr##bits(uint##bits##_t a, uint##bits##_t bit)                            \
    {                                                                                                           \
        return a & ~bit;                                                                                        \
    }                                                                                                           \
    static inline uint##bits##_t bit_btc##bits(uint##bits##_t a, uint##bits##_t bit)                            \
    {                                                                                                           \
        return a ^ bit;                                                                                         \
    }                                                                                                           \
    static inline uint64_t bit_string_ea##bits(CPUState *cpu, const DecodedInsn *d)                             \
    {                                                                                                           \
        int64_t step = (int64_t)(int##bits##_t)reg##bits(cpu, d->reg) >> (bits == 16 ? 4 : bits == 32 ? 5 : 6); \
        return (insn_ea(cpu, d) + (uint64_t)(step * (bits / 8))) & d->ea_mask;                                  \
    }                                                                                                           \
    static inline uint##bits##_t bit_mask##bits(uint64_t n)                                                     \
    {                                                                                                           \
        return (uint##bits##_t)(1ull << (n & (bits - 1)));                                                      \
    }                                                                                                           \
    static void bt_E_G_mem##bits(CPUState *cpu, const DecodedInsn *d)                                           \
    {                                                                                                           \
        uint##bits##_t a = seg_ld##bits(cpu, d->seg, bit_string_ea##bits(cpu, d));                              \
        cc_set_c(cpu, !!(a & bit_mask##bits(reg##bits(cpu, d->reg))));                                          \
    }                                                                                                           \
    static void bt_E_I_mem##bits(CPUState *cpu, const DecodedInsn *d)                                           \
    {                                                                                                           \
        cc_set_c(cpu, !!(operand_ld##bits(cpu, d) & bit_mask##bits(d->imm)));                                   \
    }
FOR_SIZES(BIT_OPS_DEFINE)

#define BIT_REGISTER(op, bits, form, offset)                                    \
    static void op##_E_##form##_reg##bits(CPUState *cpu, const DecodedInsn *d)  \
    {                                                                           \
        uint##bits##_t a = reg##bits(cpu, d->rm), bit = bit_mask##bits(offset); \
        set_reg##bits(cpu, d->rm, bit_##op##bits(a, bit));                      \
        cc_set_c(cpu, !!(a & bit));                                             \
    }
#define BIT_TEST_REGISTER(bits, form, offset)                                \
    static void bt_E_##form##_reg##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                                        \
        cc_set_c(cpu, !!(reg##bits(cpu, d->rm) & bit_mask##bits(offset)));   \
    }
#define BIT_MEMORY(op, bits, form, ea, offset)                                                    \
    RMW_HANDLER(op##_E_##form##_mem##bits, bits, ea, uint##bits##_t bit = bit_mask##bits(offset); \
                cc_set_c(cpu, !!(a & bit)); r = bit_##op##bits(a, bit))
#define BIT_MODIFY_SIZE(op, bits)                                                \
    BIT_REGISTER(op, bits, G, reg##bits(cpu, d->reg))                            \
    BIT_REGISTER(op, bits, I, d->imm)                                            \
    BIT_MEMORY(op, bits, G, bit_string_ea##bits(cpu, d), reg##bits(cpu, d->reg)) \
    BIT_MEMORY(op, bits, I, insn_ea(cpu, d), d->imm)
#define BIT_SETS(op)                \
    SET_SIZED(op##_Ev_Gv, op##_E_G) \
    SET_SIZED(op##_Ev_Ib, op##_E_I)
#define BIT_MODIFY(op) BIT_MODIFY_SIZE(op, 16) BIT_MODIFY_SIZE(op, 32) BIT_MODIFY_SIZE(op, 64) BIT_SETS(op)
#define BIT_TEST_SIZE(bits)                            \
    BIT_TEST_REGISTER(bits, G, reg##bits(cpu, d->reg)) \
    BIT_TEST_REGISTER(bits, I, d->imm)
FOR_SIZES(BIT_TEST_SIZE)
BIT_SETS(bt)
BIT_MODIFY(bts)
BIT_MODIFY(btr)
BIT_MODIFY(btc)

/* ---- counting: scan_NAMEn(cpu, d, source) ---- */
#define SCAN_OPS_DEFINE(bits)                                                                              \
    static inline void scan_bsf##bits(CPUState *cpu, const DecodedInsn *d, uint##bits##_t v)               \
    {                                                                                                      \
        if (v) {                                                                                           \
            set_reg##bits(cpu, d->reg, (uint##bits##_t)__builtin_ctzll(v));                                \
        }                                                                                                  \
        cc_set_bits(cpu, CC_Z, v ? 0 : CC_Z);                                                              \
    }                                                                                                      \
    static inline void scan_bsr##bits(CPUState *cpu, const DecodedInsn *d, uint##bits##_t v)               \
    {                                                                                                      \
        if (v) {                                                                                           \
            set_reg##bits(cpu, d->reg, (uint##bits##_t)(63 - __builtin_clzll(v)));                         \
        }                                                                                                  \
        cc_set_bits(cpu, CC_Z, v ? 0 : CC_Z);                                                              \
    }                                                                                                      \
    static inline void scan_count##bits(CPUState *cpu, const DecodedInsn *d, uint##bits##_t v, unsigned n) \
    {                                                                                                      \
        set_reg##bits(cpu, d->reg, (uint##bits##_t)n);                                                     \
        cc_set_bits(cpu, CC_Z | CC_C, (n ? 0 : CC_Z) | (v ? 0 : CC_C));                                    \
    }                                                                                                      \
    static inline void scan_tzcnt##bits(CPUState *cpu, const DecodedInsn *d, uint##bits##_t v)             \
    {                                                                                                      \
        scan_count##bits(cpu, d, v, v ? (unsigned)__builtin_ctzll(v) : bits);                              \
    }                                                                                                      \
    static inline void scan_lzcnt##bits(CPUState *cpu, const DecodedInsn *d, uint##bits##_t v)             \
    {                                                                                                      \
        scan_count##bits(cpu, d, v, v ? (unsigned)(__builtin_clzll(v) - (64 - bits)) : bits);              \
    }                                                                                                      \
    static inline void scan_popcnt##bits(CPUState *cpu, const DecodedInsn *d, uint##bits##_t v)            \
    {                                                                                                      \
        set_reg##bits(cpu, d->reg, (uint##bits##_t)__builtin_popcountll(v));                               \
        cc_set(cpu, v ? 0 : CC_Z);                                                                         \
    }
FOR_SIZES(SCAN_OPS_DEFINE)

#define SCAN_FORM(op, bits)                                             \
    static void op##_G_E_reg##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                                   \
        scan_##op##bits(cpu, d, reg##bits(cpu, d->rm));                 \
    }                                                                   \
    static void op##_G_E_mem##bits(CPUState *cpu, const DecodedInsn *d) \
    {                                                                   \
        scan_##op##bits(cpu, d, operand_ld##bits(cpu, d));              \
    }
#define SCAN_ALL(op) SCAN_FORM(op, 16) SCAN_FORM(op, 32) SCAN_FORM(op, 64) SET_SIZED(op##_Gv_Ev, op##_G_E)
SCAN_ALL(bsf)
SCAN_ALL(bsr)
SCAN_ALL(tzcnt)
SCAN_ALL(lzcnt)
SCAN_ALL(popcnt)

/* ---- byte order ---- */
static void bswap_Z_16(CPUState *cpu, const DecodedInsn *d)
{
    set_reg16(cpu, d->reg, 0);
}
static void bswap_Z_32(CPUState *cpu, const DecodedInsn *d)
{
    set_reg32(cpu, d->reg, __builtin_bswap32(reg32(cpu, d->reg)));
}
static void bswap_Z_64(CPUState *cpu, const DecodedInsn *d)
{
    set_reg64(cpu, d->reg, __builtin_bswap64(reg64(cpu, d->reg)));
}
SET_PLAIN(bswap_Zv, bswap_Z)

#define MOVBE_DEFINE(bits)                                                           \
    static void movbe_G_M_##bits(CPUState *cpu, const DecodedInsn *d)                \
    {                                                                                \
        set_reg##bits(cpu, d->reg, __builtin_bswap##bits(operand_ld##bits(cpu, d))); \
    }                                                                                \
    static void movbe_M_G_##bits(CPUState *cpu, const DecodedInsn *d)                \
    {                                                                                \
        operand_st##bits(cpu, d, __builtin_bswap##bits(reg##bits(cpu, d->reg)));     \
    }
FOR_SIZES(MOVBE_DEFINE)
SET_PLAIN(movbe_Gv_Mv, movbe_G_M)
SET_PLAIN(movbe_Mv_Gv, movbe_M_G)
