/*
 * target/i386/int-mov.c  MOV (general registers), MOVZX MOVSX MOVSXD MOVNTI, XCHG, LEA, XLAT, conversions, flag moves, SETcc,
 * CMOVcc, NOP. SDM volume 2. Segment, control and debug register moves are system instructions and live elsewhere.
 */
#include "target/i386/int-common.h"

/* ---- MOV ---- */
#define MOV_DEFINE(bits)                                                 \
    static void mov_E_G_reg##bits(CPUState *cpu, const DecodedInsn *d)   \
    {                                                                    \
        set_reg##bits(cpu, d->rm, reg##bits(cpu, d->reg));               \
    }                                                                    \
    STORE_HANDLER(mov_E_G_mem##bits, bits, reg##bits(cpu, d->reg))       \
    static void mov_G_E_reg##bits(CPUState *cpu, const DecodedInsn *d)   \
    {                                                                    \
        set_reg##bits(cpu, d->reg, reg##bits(cpu, d->rm));               \
    }                                                                    \
    LOAD_HANDLER(mov_G_E_mem##bits, bits, set_reg##bits(cpu, d->reg, v)) \
    static void mov_E_I_reg##bits(CPUState *cpu, const DecodedInsn *d)   \
    {                                                                    \
        set_reg##bits(cpu, d->rm, (uint##bits##_t)d->imm);               \
    }                                                                    \
    STORE_HANDLER(mov_E_I_mem##bits, bits, (uint##bits##_t)d->imm)       \
    static void mov_Z_I_##bits(CPUState *cpu, const DecodedInsn *d)      \
    {                                                                    \
        set_reg##bits(cpu, d->reg, (uint##bits##_t)d->imm);              \
    }                                                                    \
    static void mov_A_O_##bits(CPUState *cpu, const DecodedInsn *d)      \
    {                                                                    \
        set_reg##bits(cpu, R_EAX, seg_ld##bits(cpu, d->seg, d->imm));    \
    }                                                                    \
    static void mov_O_A_##bits(CPUState *cpu, const DecodedInsn *d)      \
    {                                                                    \
        seg_st##bits(cpu, d->seg, d->imm, reg##bits(cpu, R_EAX));        \
    }
FOR_ALL_SIZES(MOV_DEFINE)
SET_BYTE(mov_Eb_Gb, mov_E_G)
SET_SIZED(mov_Ev_Gv, mov_E_G)
SET_BYTE(mov_Gb_Eb, mov_G_E)
SET_SIZED(mov_Gv_Ev, mov_G_E)
SET_BYTE(mov_Eb_Ib, mov_E_I)
SET_SIZED(mov_Ev_Iz, mov_E_I)
SET_ONE(mov_Zb_Ib, mov_Z_I_8)
SET_PLAIN(mov_Zv_Iv, mov_Z_I)
SET_ONE(mov_AL_Ob, mov_A_O_8)
SET_PLAIN(mov_rAX_Ov, mov_A_O)
SET_ONE(mov_Ob_AL, mov_O_A_8)
SET_PLAIN(mov_Ov_rAX, mov_O_A)

static void movnti_M_G_32(CPUState *cpu, const DecodedInsn *d)
{
    operand_st32(cpu, d, reg32(cpu, d->reg));
}
static void movnti_M_G_64(CPUState *cpu, const DecodedInsn *d)
{
    operand_st64(cpu, d, reg64(cpu, d->reg));
}
const InsnHandlers movnti_My_Gy = { { { NULL }, { NULL, movnti_M_G_32, movnti_M_G_32, movnti_M_G_64 } } };

/* ---- extension: source of `from` bits, destination of `bits` ---- */
#define EXTEND_DEFINE(name, from, type, bits)                                    \
    static void name##_reg##bits(CPUState *cpu, const DecodedInsn *d)            \
    {                                                                            \
        set_reg##bits(cpu, d->reg, (uint##bits##_t)(type)reg##from(cpu, d->rm)); \
    }                                                                            \
    LOAD_HANDLER(name##_mem##bits, from, set_reg##bits(cpu, d->reg, (uint##bits##_t)(type)v))
#define EXTEND_ALL(set, name, from, type) \
    EXTEND_DEFINE(name, from, type, 16)   \
    EXTEND_DEFINE(name, from, type, 32)   \
    EXTEND_DEFINE(name, from, type, 64)   \
    SET_SIZED(set, name)
EXTEND_ALL(movzx_Gv_Eb, movzx8, 8, uint8_t)
EXTEND_ALL(movzx_Gv_Ew, movzx16, 16, uint16_t)
EXTEND_ALL(movsx_Gv_Eb, movsx8, 8, int8_t)
EXTEND_ALL(movsx_Gv_Ew, movsx16, 16, int16_t)
EXTEND_DEFINE(movsxd, 16, int16_t, 16)
EXTEND_DEFINE(movsxd, 32, int32_t, 32)
EXTEND_DEFINE(movsxd, 32, int32_t, 64)
SET_SIZED(movsxd_Gv_Ed, movsxd)

static void cbw_16(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    set_reg16(cpu, R_EAX, (uint16_t)(int8_t)reg8(cpu, R_EAX));
}
static void cbw_32(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    set_reg32(cpu, R_EAX, (uint32_t)(int16_t)reg16(cpu, R_EAX));
}
static void cbw_64(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    set_reg64(cpu, R_EAX, (uint64_t)(int32_t)reg32(cpu, R_EAX));
}
SET_PLAIN(cbw, cbw)

#define CWD_DEFINE(bits)                                                                                \
    static void cwd_##bits(CPUState *cpu, const DecodedInsn *d)                                         \
    {                                                                                                   \
        (void)d;                                                                                        \
        set_reg##bits(cpu, R_EDX, (uint##bits##_t)((int##bits##_t)reg##bits(cpu, R_EAX) < 0 ? -1 : 0)); \
    }
FOR_SIZES(CWD_DEFINE)
SET_PLAIN(cwd, cwd)

/* ---- XCHG ---- */
#define XCHG_DEFINE(bits)                                                                                             \
    static void xchg_E_G_reg##bits(CPUState *cpu, const DecodedInsn *d)                                               \
    {                                                                                                                 \
        uint##bits##_t a = reg##bits(cpu, d->rm);                                                                     \
        set_reg##bits(cpu, d->rm, reg##bits(cpu, d->reg));                                                            \
        set_reg##bits(cpu, d->reg, a);                                                                                \
    }                                                                                                                 \
    RMW_HANDLER(xchg_E_G_mem##bits, bits, insn_ea(cpu, d), r = reg##bits(cpu, d->reg); set_reg##bits(cpu, d->reg, a)) \
    static inline void xchg_Z_##bits(CPUState *cpu, const DecodedInsn *d)                                             \
    {                                                                                                                 \
        uint##bits##_t a = reg##bits(cpu, R_EAX);                                                                     \
        set_reg##bits(cpu, R_EAX, reg##bits(cpu, d->reg));                                                            \
        set_reg##bits(cpu, d->reg, a);                                                                                \
    }
FOR_ALL_SIZES(XCHG_DEFINE)
SET_BYTE(xchg_Eb_Gb, xchg_E_G)
SET_SIZED(xchg_Ev_Gv, xchg_E_G)
SET_PLAIN(xchg_Zv_rAX, xchg_Z)

/* NOP, PAUSE, prefetches and the hint space: operands are not touched. */
static void nop_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)cpu;
    (void)d;
}
SET_ONE(nop, nop_run)

/* ---- addresses ---- */
#define LEA_DEFINE(bits)                                             \
    static void lea_G_M_##bits(CPUState *cpu, const DecodedInsn *d)  \
    {                                                                \
        set_reg##bits(cpu, d->reg, (uint##bits##_t)insn_ea(cpu, d)); \
    }
FOR_SIZES(LEA_DEFINE)
SET_PLAIN(lea_Gv_M, lea_G_M)

static void xlat_run(CPUState *cpu, const DecodedInsn *d)
{
    uint64_t offset = (cpu->gpr[R_EBX] + reg8(cpu, R_EAX)) & addr_mask(d);
    set_reg8(cpu, R_EAX, seg_ld8(cpu, d->seg, offset));
}
SET_ONE(xlat, xlat_run)

/* ---- flags ---- */
/* In 64-bit mode only where CPUID says so. */
static void check_lahf(CPUState *cpu)
{
    if ((cpu->mode & MODE_CODE_MASK) == MODE_CODE64 && !cpu_has(cpu, FEAT_LAHF_LM)) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
}
static void lahf_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    check_lahf(cpu);
    set_reg8(cpu, REG8_HIGH | R_EAX, (uint8_t)(cc_get(cpu) | 2));
}
static void sahf_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    check_lahf(cpu);
    cc_set(cpu, (cc_get(cpu) & CC_O) | (reg8(cpu, REG8_HIGH | R_EAX) & ~CC_O));
}
static void clc_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cc_set_c(cpu, 0);
}
static void stc_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cc_set_c(cpu, 1);
}
static void cmc_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cc_set_c(cpu, !cc_c(cpu));
}
static void cld_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu->eflags &= ~DF_MASK;
    cpu->df = 1;
}
static void std_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu->eflags |= DF_MASK;
    cpu->df = -1;
}
/* SALC, undocumented but in every processor: AL = CF ? FF : 0. */
static void salc_run(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    set_reg8(cpu, R_EAX, (uint8_t)-cc_c(cpu));
}
SET_ONE(lahf, lahf_run)
SET_ONE(sahf, sahf_run)
SET_ONE(clc, clc_run)
SET_ONE(stc, stc_run)
SET_ONE(cmc, cmc_run)
SET_ONE(cld, cld_run)
SET_ONE(std, std_run)
SET_ONE(salc, salc_run)

/* ---- SETcc, CMOVcc: memory is read, and the upper half cleared, whatever the condition ---- */
#define SETCC_DEFINE(cc, cond)                                      \
    static void set##cc##_reg8(CPUState *cpu, const DecodedInsn *d) \
    {                                                               \
        set_reg8(cpu, d->rm, cc_test(cpu, cond));                   \
    }                                                               \
    STORE_HANDLER(set##cc##_mem8, 8, cc_test(cpu, cond))            \
    SET_BYTE(set##cc##_Eb, set##cc)
#define CMOVCC_SIZE(cc, cond, bits)                                                      \
    static void cmov##cc##_reg##bits(CPUState *cpu, const DecodedInsn *d)                \
    {                                                                                    \
        set_reg##bits(cpu, d->reg, reg##bits(cpu, cc_test(cpu, cond) ? d->rm : d->reg)); \
    }                                                                                    \
    LOAD_HANDLER(cmov##cc##_mem##bits, bits, set_reg##bits(cpu, d->reg, cc_test(cpu, cond) ? v : reg##bits(cpu, d->reg)))
#define CMOVCC_DEFINE(cc, cond) \
    CMOVCC_SIZE(cc, cond, 16) CMOVCC_SIZE(cc, cond, 32) CMOVCC_SIZE(cc, cond, 64) SET_SIZED(cmov##cc##_Gv_Ev, cmov##cc)
CONDITIONS(SETCC_DEFINE)
CONDITIONS(CMOVCC_DEFINE)
