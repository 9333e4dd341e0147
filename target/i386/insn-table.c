/*
 * target/i386/insn-table.c  All rows of the instruction table in one array, and the look-up made from them.
 *
 * The rows are written beside their handlers, one file per area (insns-*.h). Two rows may share a place only when
 * prefix or mode tells them apart; anything else stops the program at start, with both names.
 */
#include "target/i386/insn-lookup.h"

#if __has_include("target/i386/handlers-int.h")
#include "target/i386/handlers-int.h"
#endif
#if __has_include("target/i386/handlers-sys.h")
#include "target/i386/handlers-sys.h"
#endif
#if __has_include("target/i386/handlers-x87.h")
#include "target/i386/handlers-x87.h"
#endif
#if __has_include("target/i386/handlers-simd.h")
#include "target/i386/handlers-simd.h"
#endif
#if __has_include("target/i386/handlers-simd2.h")
#include "target/i386/handlers-simd2.h"
#endif

static void insn_undefined(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu_raise_noerr(cpu, EXCP_UD);
}

static const InsnHandlers undefined = HANDLERS_ALL(insn_undefined);

const InsnInfo insn_table[] = {
    /* The first row is what everything undefined decodes to; map M_COUNT is no place. */
    INSN("(ud)", M_COUNT, 0x00, PFX_ANY, NO_MODRM, OPS0, ENDS_BLOCK, FEAT_NONE, 0, 0, 0, undefined)
    INSN("ud2", M_0F, 0x0b, PFX_ANY, NO_MODRM, OPS0, ENDS_BLOCK, FEAT_NONE, 0, 0, 0, undefined)
    INSN("ud1", M_0F, 0xb9, PFX_ANY, MODRM, OPS(Gv, Ev), ENDS_BLOCK, FEAT_NONE, 0, 0, 0, undefined)
    INSN("ud0", M_0F, 0xff, PFX_ANY, MODRM, OPS(Gv, Ev), ENDS_BLOCK, FEAT_NONE, 0, 0, 0, undefined)
#if __has_include("target/i386/insns-int.h")
#include "target/i386/insns-int.h"
#endif
#if __has_include("target/i386/insns-sys.h")
#include "target/i386/insns-sys.h"
#endif
#if __has_include("target/i386/insns-x87.h")
#include "target/i386/insns-x87.h"
#endif
#if __has_include("target/i386/insns-simd.h")
#include "target/i386/insns-simd.h"
#endif
#if __has_include("target/i386/insns-simd2.h")
#include "target/i386/insns-simd2.h"
#endif
#if __has_include("target/i386/insns-avx.h")
#include "target/i386/insns-avx.h"
#endif
};
const size_t insn_table_size = ARRAY_SIZE(insn_table);

OpcodeEntry insn_opcodes[2][M_COUNT][256];
uint16_t *insn_groups;
InsnRow *insn_rows;
InsnRow insn_ud_row;

/* ---- what a row means for the decoder ---- */

static bool row_has(const InsnInfo *info, const uint8_t *kinds, size_t n)
{
    for (unsigned i = 0; i < 4; i++) {
        if (info->operands[i] != OPERAND_None && memchr(kinds, info->operands[i], n)) {
            return true;
        }
    }
    return false;
}
#define ROW_HAS(info, ...) row_has(info, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static bool row_is_byte(const InsnInfo *info)
{
    bool bytes = ROW_HAS(info, OPERAND_Eb, OPERAND_Gb, OPERAND_Zb, OPERAND_Mb, OPERAND_Ob, OPERAND_Xb, OPERAND_Yb,
                         OPERAND_AL);
    bool sized = ROW_HAS(info, OPERAND_Ev, OPERAND_Ey, OPERAND_Gv, OPERAND_Gy, OPERAND_Gz, OPERAND_Zv, OPERAND_Mv,
                         OPERAND_My, OPERAND_Rv, OPERAND_Ry, OPERAND_Xv, OPERAND_Yv, OPERAND_Ov, OPERAND_rAX,
                         OPERAND_eAX, OPERAND_Iz, OPERAND_Iv);
    return (info->attributes & BYTE_OP) || (bytes && !sized);
}

static bool row_is_near_branch(const InsnInfo *info)
{
    bool by_opcode = info->map == M_1B && (info->opcode == 0xc2 || info->opcode == 0xc3 || info->opcode == 0xff);
    return ROW_HAS(info, OPERAND_Jb, OPERAND_Jz) ||
           ((info->attributes & DEF64) && (info->attributes & ENDS_BLOCK) && by_opcode);
}

static SizeRule size_rule(const InsnInfo *info)
{
    bool sized_y = ROW_HAS(info, OPERAND_Ey, OPERAND_Gy, OPERAND_My, OPERAND_Ry, OPERAND_By);
    bool sized_v = ROW_HAS(info, OPERAND_Ev, OPERAND_Gv, OPERAND_Mv);
    if (info->attributes & VEX_INSN) {
        return sized_y ? SIZE_Y : SIZE_L;
    }
    if (row_is_byte(info)) {
        return SIZE_BYTE;
    }
    if (ROW_HAS(info, OPERAND_Cd, OPERAND_Dd)) {
        return SIZE_NATIVE;
    }
    if (row_is_near_branch(info)) {
        return SIZE_NEAR;
    }
    if (info->attributes & DEF64) {
        return SIZE_DEF64;
    }
    /* A mandatory 66 is no operand size, except for instructions that take any (MOVBE). */
    return !sized_v && (sized_y || info->prefix == PFX_66) ? SIZE_Y : SIZE_V;
}

static ImmKind operand_imm(OperandKind kind)
{
    switch (kind) {
    case OPERAND_I1:
        return IMM_ONE;
    case OPERAND_Ib:
    case OPERAND_Lx:
        return IMM_IB;
    case OPERAND_sIb:
    case OPERAND_Jb:
        return IMM_SIB;
    case OPERAND_Iw:
        return IMM_IW;
    case OPERAND_Iz:
    case OPERAND_Jz:
        return IMM_IZ;
    case OPERAND_Iv:
        return IMM_IV;
    case OPERAND_Ob:
    case OPERAND_Ov:
        return IMM_MOFFS;
    case OPERAND_Ap:
        return IMM_FAR;
    default:
        return IMM_NONE;
    }
}

static ImmKind imm_kind(const InsnInfo *info)
{
    ImmKind kind = IMM_NONE;
    for (unsigned i = 0; i < 4; i++) {
        ImmKind next = operand_imm(info->operands[i]);
        if (next != IMM_NONE && kind != IMM_NONE) {
            return kind == IMM_IW ? IMM_IW_IB : IMM_IB_IB;
        }
        kind = kind == IMM_NONE ? next : kind;
    }
    return kind;
}

static uint16_t prefix_states(const InsnInfo *info)
{
    static const uint8_t states[] = { [PFX_ANY] = STATE_ALL, [PFX_NONE] = STATE_NONE, [PFX_66] = STATE_66,
                                      [PFX_F3] = STATE_F3, [PFX_F2] = STATE_F2 };
    uint32_t attributes = info->attributes;
    if (!(attributes & VEX_INSN)) {
        return states[info->prefix];
    }
    uint16_t all = 0;
    for (unsigned wl = 0; wl < 4; wl++) {
        bool w_ok = !(attributes & (wl & 2 ? VEX_W0 : VEX_W1)), l_ok = !(attributes & (wl & 1 ? VEX_L0 : VEX_L1));
        all |= w_ok && l_ok ? STATE_VEX(states[info->prefix], wl >> 1, wl & 1) : 0;
    }
    return all;
}

static uint8_t row_modes(const InsnInfo *info)
{
    if (info->attributes & NO64) {
        return MODES_LEGACY;
    }
    return info->attributes & ONLY64 ? MODES_64 : MODES_LEGACY | MODES_64;
}

static InsnRow row_from_info(const InsnInfo *info)
{
    return (InsnRow){
        .info = info,
        .states = prefix_states(info),
        .modes = row_modes(info),
        .imm = imm_kind(info),
        .size = size_rule(info),
        .byte_reg = ROW_HAS(info, OPERAND_Gb, OPERAND_Zb),
        .byte_rm = ROW_HAS(info, OPERAND_Eb),
        .raw_reg = ROW_HAS(info, OPERAND_Sw, OPERAND_Pq, OPERAND_Pd),
        .raw_rm = ROW_HAS(info, OPERAND_Nq, OPERAND_Qq, OPERAND_Qd, OPERAND_STi),
        .has_vvvv = ROW_HAS(info, OPERAND_Hx, OPERAND_Hss, OPERAND_Hsd, OPERAND_By),
        .falls_back = info->feature == FEAT_LZCNT || info->feature == FEAT_BMI1,
    };
}

/* ---- the places ---- */

static bool row_covers_opcode(const InsnInfo *info, bool vex, unsigned map, unsigned opcode)
{
    unsigned last = info->modrm.plus_r ? info->opcode + 7u : info->opcode;
    return !!(info->attributes & VEX_INSN) == vex && info->map == map && opcode >= info->opcode && opcode <= last;
}

/* cls: as modrm_class() numbers them. */
static bool row_covers_class(const InsnInfo *info, unsigned cls)
{
    const ModRMRule *rule = &info->modrm;
    bool mem = cls < 8;
    unsigned reg = mem ? cls : (cls >> 3) - 1;
    return (rule->mod == MOD_ANY || (rule->mod == MOD_MEM) == mem) && (rule->reg < 0 || (unsigned)rule->reg == reg) &&
           (rule->rm < 0 || mem || (unsigned)rule->rm == (cls & 7));
}

/* Lower goes first. NOP stands inside XCHG's eight opcodes: the single one is the more specific. */
static int row_rank(const InsnInfo *info)
{
    return (info->prefix == PFX_ANY ? 2 : 0) + (info->modrm.plus_r ? 1 : 0);
}

static gint compare_rank(gconstpointer a, gconstpointer b)
{
    int x = row_rank(*(const InsnInfo *const *)a), y = row_rank(*(const InsnInfo *const *)b);
    return (x > y) - (x < y);
}

static void check_no_conflict(const GPtrArray *rows, unsigned opcode)
{
    for (guint i = 0; i + 1 < rows->len; i++) {
        for (guint j = i + 1; j < rows->len; j++) {
            const InsnInfo *a = rows->pdata[i], *b = rows->pdata[j];
            bool same_rank = row_rank(a) == row_rank(b);
            if (same_rank && (prefix_states(a) & prefix_states(b)) && (row_modes(a) & row_modes(b))) {
                g_error("instruction table: \"%s\" and \"%s\" both claim map %u opcode %02x", a->mnemonic, b->mnemonic,
                        a->map, opcode);
            }
        }
    }
}

/* Append the rows of one place; returns the index of the first. */
static uint16_t add_place(GArray *out, GPtrArray *rows, unsigned opcode)
{
    if (rows->len == 0) {
        return 0;
    }
    check_no_conflict(rows, opcode);
    g_ptr_array_sort(rows, compare_rank);
    guint first = out->len;
    for (guint i = 0; i < rows->len; i++) {
        InsnRow row = row_from_info(rows->pdata[i]);
        row.more = i + 1 < rows->len;
        g_array_append_val(out, row);
    }
    g_assert_cmpuint(first, <=, UINT16_MAX);
    return (uint16_t)first;
}

static void add_group(GArray *out, GArray *groups, const GPtrArray *all, unsigned opcode)
{
    for (unsigned cls = 0; cls < MODRM_CLASSES; cls++) {
        g_autoptr(GPtrArray) rows = g_ptr_array_new();
        for (guint i = 0; i < all->len; i++) {
            if (row_covers_class(all->pdata[i], cls)) {
                g_ptr_array_add(rows, all->pdata[i]);
            }
        }
        uint16_t first = add_place(out, rows, opcode);
        g_array_append_val(groups, first);
    }
}

static bool needs_group(const GPtrArray *rows)
{
    for (guint i = 0; i < rows->len; i++) {
        const ModRMRule *rule = &((const InsnInfo *)rows->pdata[i])->modrm;
        if (rule->mod != MOD_ANY || rule->reg >= 0) {
            return true;
        }
    }
    return false;
}

static void build_opcode(GArray *out, GArray *groups, bool vex, unsigned map, unsigned opcode)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new();
    OpcodeEntry *entry = &insn_opcodes[vex][map][opcode];
    *entry = (OpcodeEntry){ 0 };
    for (size_t i = 1; i < insn_table_size; i++) {
        const InsnInfo *info = &insn_table[i];
        if (row_covers_opcode(info, vex, map, opcode)) {
            g_ptr_array_add(rows, (gpointer)info);
            g_assert(rows->len == 1 || entry->has_modrm == info->modrm.has_modrm);
            entry->has_modrm = info->modrm.has_modrm;
            entry->force_reg |= ROW_HAS(info, OPERAND_Cd, OPERAND_Dd);
        }
    }
    entry->by_modrm = needs_group(rows);
    g_assert_cmpuint(groups->len, <=, UINT16_MAX);
    if (entry->by_modrm) {
        entry->rows = (uint16_t)groups->len;
        add_group(out, groups, rows, opcode);
    } else {
        entry->rows = add_place(out, rows, opcode);
    }
}

void insn_table_init(void)
{
    if (insn_rows) {
        return;
    }
    GArray *rows = g_array_new(false, true, sizeof(InsnRow));
    GArray *groups = g_array_new(false, true, sizeof(uint16_t));
    g_array_set_size(rows, 1);
    insn_ud_row = row_from_info(&insn_table[0]);
    for (unsigned vex = 0; vex < 2; vex++) {
        for (unsigned map = 0; map < M_COUNT; map++) {
            for (unsigned opcode = 0; opcode < 256; opcode++) {
                build_opcode(rows, groups, vex, map, opcode);
            }
        }
    }
    insn_groups = (uint16_t *)(void *)g_array_free(groups, false);
    insn_rows = (InsnRow *)(void *)g_array_free(rows, false);
}
