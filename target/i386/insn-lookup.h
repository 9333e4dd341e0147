/*
 * target/i386/insn-lookup.h  The instruction table turned round for decoding: from opcode (and ModRM) to rows.
 *
 * Private to insn-table.c, which builds it, and decode.c, which reads it. A place is what the bytes up to and including
 * ModRM select; the rows of one place differ in mandatory prefix or mode, and stand next to each other, the more
 * specific one first.
 */
#ifndef TARGET_I386_INSN_LOOKUP_H
#define TARGET_I386_INSN_LOOKUP_H

#include "target/i386/insn.h"

/* Which immediate bytes follow; order is tested nowhere. */
typedef enum ImmKind {
    IMM_NONE,
    IMM_ONE,   /* I1: the constant, no bytes */
    IMM_IB,    /* zero-extended byte */
    IMM_SIB,   /* sign-extended byte, also Jb */
    IMM_IW,    /* zero-extended word */
    IMM_IZ,    /* word or dword, sign-extended; also Jz */
    IMM_IV,    /* as wide as the operand, up to 8 bytes */
    IMM_MOFFS, /* as wide as an address */
    IMM_FAR,   /* offset, then selector */
    IMM_IW_IB, /* ENTER */
    IMM_IB_IB  /* two bytes */
} ImmKind;

/* How op_size follows from prefixes and mode. */
typedef enum SizeRule {
    SIZE_V, /* 16 or 32; 64 by REX.W */
    SIZE_BYTE,
    SIZE_Y,     /* 32; 64 by REX.W; 66 is something else here */
    SIZE_DEF64, /* as SIZE_V, but 64-bit mode has 64 bits instead of 32 */
    SIZE_NEAR,  /* near branches: always 64 bits in 64-bit mode, as Intel's do */
    SIZE_NATIVE, /* MOV CRn, DRn: as wide as the mode */
    SIZE_L       /* VEX with vector operands: 2 for 128 bits, 3 for 256, so that each has its handler */
} SizeRule;

/*
 * A bit per state of the mandatory prefix: F2 and F3 go before 66, the last of the two wins. With VEX there are four such
 * groups, by W and L.
 */
enum { STATE_NONE = 1, STATE_66 = 2, STATE_F3 = 4, STATE_F2 = 8, STATE_ALL = 15 };
#define STATE_VEX(state, w, l) ((state) << (8 * (w) + 4 * (l)))
enum { MODES_LEGACY = 1, MODES_64 = 2 };

/* A row as the decoder wants it. */
typedef struct InsnRow {
    const InsnInfo *info;
    uint16_t states; /* mandatory prefix, STATE_* */
    uint8_t modes;   /* MODES_* */
    uint8_t imm;     /* ImmKind */
    uint8_t size;    /* SizeRule */
    bool byte_reg;   /* G or Z is a byte register */
    bool byte_rm;    /* E is one */
    bool raw_reg;    /* ModRM.reg without REX.R: segment registers, MMX */
    bool raw_rm;     /* ModRM.rm without REX.B: MMX, ST(i) */
    bool has_vvvv;   /* VEX.vvvv is an operand; else it must be 1111 */
    bool falls_back; /* without its feature it decodes as the next row: the prefix was a hint to older CPUs */
    bool more;       /* another row of the same place follows */
} InsnRow;

/* Everything about one opcode. rows: index into insn_rows, or, with by_modrm, the first of 72 in insn_groups. */
typedef struct OpcodeEntry {
    uint16_t rows;
    bool has_modrm;
    bool by_modrm;
    bool force_reg; /* MOV CRn, DRn: ModRM.mod is ignored, the operand is a register */
} OpcodeEntry;

extern OpcodeEntry insn_opcodes[2][M_COUNT][256]; /* [VEX][map][opcode] */
extern uint16_t *insn_groups;                     /* -> insn_rows */
extern InsnRow *insn_rows;                        /* [0] matches nothing */
extern InsnRow insn_ud_row;

/* ModRM bytes fall into 72 classes: 8 memory forms by reg, then 64 register forms. */
#define MODRM_CLASSES 72
static inline unsigned modrm_class(uint8_t modrm)
{
    return modrm >= 0xc0 ? 8 + (modrm & 0x3f) : (modrm >> 3) & 7;
}

#endif
