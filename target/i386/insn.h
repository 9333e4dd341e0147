/*
 * target/i386/insn.h  The instruction table: one row per instruction, in the manual's words, and what a decoded instruction looks like.
 *
 * A row is written where its handlers are (insns-*.h, included together by insn-table.c):
 *
 *   INSN(mnemonic, map, opcode, prefix, modrm, operands, attributes, feature, flags_read, flags_written, flags_undefined, handlers)
 *
 *   INSN("add", M_1B, 0x00, PFX_ANY, MODRM, OPS(Eb, Gb), LOCKABLE, FEAT_NONE, 0, CC_ALL, 0, add_Eb_Gb)
 *   INSN("push", M_1B, 0x50, PFX_ANY, PLUS_R, OPS(Zv), DEF64, FEAT_NONE, 0, 0, 0, push_Zv)
 *   INSN("rol", M_1B, 0xc0, PFX_ANY, EXT(0), OPS(Eb, Ib), 0, FEAT_NONE, 0, CC_C | CC_O, CC_O, rol_Eb_Ib)
 *   INSN("fadd", M_1B, 0xd8, PFX_ANY, EXT_MEM(0), OPS(Md), X87, FEAT_FPU, 0, 0, 0, fadd_Md)
 *   INSN("fadd", M_1B, 0xd8, PFX_ANY, EXT_REG(0), OPS(STi), X87, FEAT_FPU, 0, 0, 0, fadd_ST_STi)
 *   INSN("fld1", M_1B, 0xd9, PFX_ANY, EXT_RM(5, 0), OPS0, X87, FEAT_FPU, 0, 0, 0, fld1)
 *   INSN("movaps", M_0F, 0x28, PFX_NONE, MODRM, OPS(Vx, Wx), SSE | ALIGN16, FEAT_SSE, 0, 0, 0, movaps_V_W)
 *
 * Later rows of the same place do not override earlier ones: two rows that both match is an error found at start (and by a test).
 */
#ifndef TARGET_I386_INSN_H
#define TARGET_I386_INSN_H

#include "target/i386/cpu.h"

typedef enum InsnMap { M_1B, M_0F, M_0F38, M_0F3A, M_COUNT } InsnMap;

/* Mandatory prefix. PFX_ANY: prefixes keep their usual meaning (66 operand size, F2/F3 repeat or ignored). */
typedef enum InsnPrefix { PFX_ANY, PFX_NONE, PFX_66, PFX_F3, PFX_F2 } InsnPrefix;

/* What the byte after the opcode must be. Encoded so that a row can test it: see insn_modrm_matches(). */
typedef struct ModRMRule {
    uint8_t has_modrm; /* 0: no ModRM byte */
    uint8_t mod;       /* MOD_ANY, MOD_MEM, MOD_REG */
    int8_t reg;        /* -1 any, or opcode extension */
    int8_t rm;         /* -1 any */
    uint8_t plus_r;    /* the row covers 8 opcodes; low 3 bits are a register */
} ModRMRule;
enum { MOD_ANY, MOD_MEM, MOD_REG };
#define NO_MODRM { 0, MOD_ANY, -1, -1, 0 }
#define PLUS_R { 0, MOD_ANY, -1, -1, 1 }
#define MODRM { 1, MOD_ANY, -1, -1, 0 }
#define MODRM_MEM { 1, MOD_MEM, -1, -1, 0 }
#define MODRM_REG { 1, MOD_REG, -1, -1, 0 }
#define EXT(n) { 1, MOD_ANY, n, -1, 0 }
#define EXT_MEM(n) { 1, MOD_MEM, n, -1, 0 }
#define EXT_REG(n) { 1, MOD_REG, n, -1, 0 }
#define EXT_RM(n, r) { 1, MOD_REG, n, r, 0 }

/*
 * Operands, letters of SDM volume 2, appendix A.2. First letter: where; second: size.
 *   E ModRM r/m register or memory   G ModRM reg   Z register in opcode   M memory only   R ModRM r/m register only
 *   I immediate   sI sign-extended byte immediate   J relative target   O moffs   A far pointer immediate
 *   S segment register   C control   D debug   X DS:SI   Y ES:DI   F flags
 *   P MMX reg   N MMX in r/m   Q MMX or memory   V XMM reg   U XMM in r/m   W XMM or memory   H VEX.vvvv   B the same, general
 *   L XMM reg in bits 7:4 of the immediate
 *   b byte  w word  d dword  q qword  v operand size  z operand size but at most 32 bits  y 32 or 64  p far pointer  a bound pair
 *   t 10 bytes  x vector  s 6/10-byte descriptor  dq 16 bytes
 */
#define OPERAND_KINDS(K)                                                                            \
    K(None) K(Eb) K(Ew) K(Ed) K(Eq) K(Ev) K(Ey) K(Gb) K(Gw) K(Gd) K(Gq) K(Gv) K(Gy) K(Gz) K(Zb) K(Zv) K(Zq) \
    K(M) K(Mb) K(Mw) K(Md) K(Mq) K(Mv) K(My) K(Mp) K(Ma) K(Ms) K(Mt) K(Mdq) K(Mx)                     \
    K(Rw) K(Rd) K(Rv) K(Ry) K(Ib) K(sIb) K(Iw) K(Iz) K(Iv) K(I1) K(Jb) K(Jz) K(Ob) K(Ov) K(Ap)                \
    K(Sw) K(Cd) K(Dd) K(Xb) K(Xv) K(Yb) K(Yv) K(AL) K(CL) K(DX) K(rAX) K(eAX) K(AX)                    \
    K(ES) K(CS) K(SS) K(DS) K(FS) K(GS) K(STi) K(ST0)                                                 \
    K(Pq) K(Nq) K(Qq) K(Qd) K(Pd) K(Vx) K(Vdq) K(Vd) K(Vq) K(Vss) K(Vsd) K(Vps) K(Vpd) K(Ux) K(Udq) K(Uq)             \
    K(Wx) K(Wdq) K(Wd) K(Wq) K(Ww) K(Wss) K(Wsd) K(Wps) K(Wpd) K(Hx) K(Hss) K(Hsd) K(By) K(Lx)
#define OPERAND_ENUM(k) OPERAND_##k,
typedef enum OperandKind { OPERAND_KINDS(OPERAND_ENUM) OPERAND_COUNT } OperandKind;
#define OPS0 { 0 }
#define OPS(...) { OPS_N_(__VA_ARGS__, OPS4_, OPS3_, OPS2_, OPS1_, )(__VA_ARGS__) }
#define OPS_N_(a, b, c, d, name, ...) name
#define OPS1_(a) OPERAND_##a
#define OPS2_(a, b) OPERAND_##a, OPERAND_##b
#define OPS3_(a, b, c) OPERAND_##a, OPERAND_##b, OPERAND_##c
#define OPS4_(a, b, c, d) OPERAND_##a, OPERAND_##b, OPERAND_##c, OPERAND_##d

/* Attributes. */
#define LOCKABLE 0x0001   /* LOCK allowed when the destination is memory; elsewhere LOCK raises #UD */
#define DEF64 0x0002      /* 64-bit mode: operand size 64 by default (push, near branches) */
#define NO64 0x0004       /* invalid in 64-bit mode */
#define ONLY64 0x0008     /* valid in 64-bit mode only */
#define ENDS_BLOCK 0x0010 /* control transfer, or state that later decoding depends on: last of a decoded block */
#define IO_INSN 0x0020    /* may touch I/O by itself (IN, OUT, INS, OUTS) */
#define PRIV 0x0040       /* CPL 0 only: #GP(0) otherwise */
#define X87 0x0080        /* #NM by CR0.EM|TS; x87 state */
#define MMX 0x0100        /* #UD by CR0.EM, #NM by TS */
#define SSE 0x0200        /* #UD by CR0.EM or !CR4.OSFXSR, #NM by TS */
#define ALIGN16 0x0400    /* memory operand must be 16-byte aligned: #GP(0) */
#define PROT_ONLY 0x0800  /* #UD in real and v86 mode */
#define REP_OK 0x1000     /* string instruction: F2/F3 mean REP */
#define BYTE_OP 0x2000    /* operand size is 8 bits (set for rows whose sized operand is b) */
#define WRITES_MEM 0x4000 /* memory operand, when there is one, is written */
#define VEX_INSN 0x8000   /* VEX-encoded only */
#define REP_STRING_ZF 0x10000 /* CMPS, SCAS: REPE/REPNE */
/* With VEX_INSN; none of a pair: either value. */
#define VEX_L0 0x20000
#define VEX_L1 0x40000
#define VEX_W0 0x80000
#define VEX_W1 0x100000
#define AVX 0x400000      /* #UD unless CR4.OSXSAVE and XCR0[2:1], #NM by TS */
#define VSIB 0x200000     /* the index is a vector register: d->index is its number */

typedef void InsnHandler(CPUState *cpu, const DecodedInsn *d);

/* By form (0 register, 1 memory) and log2 of the operand size in bytes. Unused slots NULL. VEX: see SIZE_L. */
typedef struct InsnHandlers {
    InsnHandler *fn[2][4];
} InsnHandlers;
/* The same function whatever the form and size. */
#define HANDLERS_ALL(f) { { { f, f, f, f }, { f, f, f, f } } }

typedef struct InsnInfo {
    const char *mnemonic;
    uint8_t map, opcode, prefix;
    ModRMRule modrm;
    uint8_t operands[4];
    uint32_t attributes;
    uint16_t feature;
    uint32_t flags_read, flags_written, flags_undefined; /* CC_* bits; undefined ones get our fixed value */
    const InsnHandlers *handlers;
} InsnInfo;

/* Used inside insns-*.h. */
#define INSN(mnem, map_, opc, pfx, modrm_, ops, attr, feat, fr, fw, fu, h)                                         \
    { .mnemonic = mnem, .map = map_, .opcode = opc, .prefix = pfx, .modrm = modrm_, .operands = ops, .attributes = attr, \
      .feature = feat, .flags_read = fr, .flags_written = fw, .flags_undefined = fu, .handlers = &h },

extern const InsnInfo insn_table[];
extern const size_t insn_table_size;

/* prefix bits of a decoded instruction */
#define PREFIX_LOCK 0x01
#define PREFIX_REPNE 0x02 /* F2 */
#define PREFIX_REP 0x04   /* F3 */
#define PREFIX_66 0x08
#define PREFIX_67 0x10
#define PREFIX_REX 0x20
#define PREFIX_SEG 0x40   /* an explicit segment override */

/* Byte registers AH, CH, DH, BH are coded as REG8_HIGH | 0..3; the others as their number. */
#define REG8_HIGH 0x40

struct DecodedInsn {
    InsnHandler *exec;     /* chosen by form and size */
    uint64_t imm;          /* I: as the row extends it; J: displacement, sign-extended; O: offset; A: selector << 32 | offset */
    int64_t disp;          /* memory operand */
    uint64_t ea_mask;      /* 0xffff, 0xffffffff, ~0 by address size */
    const InsnInfo *info;
    uint32_t imm2;         /* ENTER's second immediate, EXTRQ */
    uint8_t len;           /* bytes, 1..15 */
    uint8_t prefix;        /* PREFIX_* */
    uint8_t op_size;       /* log2 bytes of the operand: 0..3 */
    uint8_t addr_size;     /* log2 bytes: 1..3 */
    uint8_t seg;           /* segment of the memory operand (override applied) */
    uint8_t base, index, scale; /* registers (R_ZERO when absent), shift 0..3; base R_EIP: RIP-relative */
    uint8_t modrm;         /* raw byte */
    uint8_t reg;           /* G operand (with REX.R; REG8_HIGH for byte operands), or the opcode's register Z */
    uint8_t rm;            /* E operand when a register (with REX.B; REG8_HIGH for byte operands) */
    uint8_t vvvv, vex_l;   /* VEX: the third register, 0 when the row has none; 1 for 256 bits */
};

static inline bool insn_is_mem(const DecodedInsn *d)
{
    return d->info->modrm.has_modrm && d->modrm < 0xc0;
}

/* Offset of the memory operand in its segment. */
static inline uint64_t insn_ea(const CPUState *cpu, const DecodedInsn *d)
{
    return (cpu->regs[d->base] + (cpu->regs[d->index] << d->scale) + (uint64_t)d->disp) & d->ea_mask;
}

/* Register access; 32-bit writes clear the upper half. */
static inline uint8_t *reg8_ptr(CPUState *cpu, unsigned r)
{
    return (uint8_t *)&cpu->gpr[r & 0x1f] + (r >> 6);
}
static inline uint8_t reg8(CPUState *cpu, unsigned r)
{
    return *reg8_ptr(cpu, r);
}
static inline void set_reg8(CPUState *cpu, unsigned r, uint8_t v)
{
    *reg8_ptr(cpu, r) = v;
}
static inline uint16_t reg16(const CPUState *cpu, unsigned r)
{
    return (uint16_t)cpu->gpr[r];
}
static inline void set_reg16(CPUState *cpu, unsigned r, uint16_t v)
{
    memcpy(&cpu->gpr[r], &v, 2);
}
static inline uint32_t reg32(const CPUState *cpu, unsigned r)
{
    return (uint32_t)cpu->gpr[r];
}
static inline void set_reg32(CPUState *cpu, unsigned r, uint32_t v)
{
    cpu->gpr[r] = v;
}
static inline uint64_t reg64(const CPUState *cpu, unsigned r)
{
    return cpu->gpr[r];
}
static inline void set_reg64(CPUState *cpu, unsigned r, uint64_t v)
{
    cpu->gpr[r] = v;
}

/* ---- decode mode: cpu->mode; code size and MODE_PROT are part of every block's key ---- */
#define MODE_CODE16 0x00 /* CS.D=0 */
#define MODE_CODE32 0x01
#define MODE_CODE64 0x02
#define MODE_CODE_MASK 0x03
#define MODE_SS32 0x04   /* stack pointer is ESP */
#define MODE_SS64 0x08
#define MODE_PROT 0x10   /* protected mode, not v86 */
#define MODE_V86 0x20
#define MODE_CPL3 0x40
#define MODE_TF 0x80     /* single step */

/*
 * decode.c: decode the instruction in buf[0..len) (len up to 15; fewer when the fetch limit is near).
 * Undefined opcodes, wrong LOCK and missing features decode to the row "(ud)", whose handler raises #UD.
 */
typedef enum DecodeResult { DECODE_OK, DECODE_NEED_MORE, DECODE_TOO_LONG } DecodeResult;
DecodeResult cpu_decode(const CPUState *cpu, const uint8_t *buf, size_t len, uint32_t mode, DecodedInsn *d);
void insn_table_init(void); /* builds the look-up tables from the rows; asserts that no two rows claim one place */

#endif
