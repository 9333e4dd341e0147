/*
 * target/i386/decode.c  Instruction bytes -> DecodedInsn. SDM volume 2, chapter 2 and appendices A and B.
 *
 * 16-, 32- and 64-bit code, VEX included. Where Intel's and AMD's processors differ, Intel's rule is taken: near
 * branches ignore 66 in 64-bit mode. EVEX, XOP and 3DNow! are not known and so undefined.
 *
 * The bytes are copied to a zero-padded buffer and decoded without bounds checks: whatever depends on a byte past the
 * end has consumed it, and the length says so in the end.
 */
#include "target/i386/insn-lookup.h"

#define INSN_MAX_LEN 15
#define SEG_NONE     0xff

typedef struct Decoder {
    const uint8_t *p; /* next byte */
    const uint8_t *start;
    bool code64, code32;
    uint8_t rex;    /* 40-4F, or 0; the same bits when VEX says them */
    uint8_t prefix; /* PREFIX_* */
    uint8_t seg;    /* override or SEG_NONE */
    uint16_t state; /* STATE_*, the mandatory prefix */
    bool vex, bad;  /* bad: undefined whatever the opcode */
    uint8_t vvvv;   /* of VEX, all four bits */
    uint8_t map, opcode;
} Decoder;

#define REX_B 1
#define REX_X 2
#define REX_R 4
#define REX_W 8

/* Bytes that are prefixes in some mode. */
static const bool maybe_prefix[256] = {
    [0x26] = true,          [0x2e] = true, [0x36] = true, [0x3e] = true, [0x40 ... 0x4f] = true,
    [0x64 ... 0x67] = true, [0xf0] = true, [0xf2] = true, [0xf3] = true,
};

static void set_segment(Decoder *s, unsigned seg)
{
    if (s->code64 && seg < R_FS) {
        return; /* ES, CS, SS, DS overrides mean nothing there */
    }
    s->seg = (uint8_t)seg;
    s->prefix |= PREFIX_SEG;
}

static void set_repeat(Decoder *s, uint8_t prefix)
{
    s->prefix = (s->prefix & ~(PREFIX_REP | PREFIX_REPNE)) | prefix;
}

/* One legacy prefix. Returns false when the byte is none. */
static bool legacy_prefix(Decoder *s, uint8_t b)
{
    switch (b) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
        set_segment(s, (b >> 3) & 3);
        return true;
    case 0x64:
    case 0x65:
        set_segment(s, R_FS + (b & 1));
        return true;
    case 0x66:
        s->prefix |= PREFIX_66;
        return true;
    case 0x67:
        s->prefix |= PREFIX_67;
        return true;
    case 0xf0:
        s->prefix |= PREFIX_LOCK;
        return true;
    case 0xf2:
        set_repeat(s, PREFIX_REPNE);
        return true;
    case 0xf3:
        set_repeat(s, PREFIX_REP);
        return true;
    default:
        return false;
    }
}

/* REX counts only right before the opcode. */
static void scan_prefixes(Decoder *s)
{
    while (unlikely(maybe_prefix[*s->p]) && s->p < s->start + INSN_MAX_LEN) {
        uint8_t b = *s->p;
        if (legacy_prefix(s, b)) {
            s->rex = 0;
        } else if (s->code64) {
            s->rex = b;
        } else {
            return; /* INC, DEC */
        }
        s->p++;
    }
}

static uint8_t mandatory_state(const Decoder *s)
{
    if (s->prefix & PREFIX_REP) {
        return STATE_F3;
    }
    if (s->prefix & PREFIX_REPNE) {
        return STATE_F2;
    }
    return s->prefix & PREFIX_66 ? STATE_66 : STATE_NONE;
}

/* C4 and C5: outside 64-bit mode they are LES and LDS unless the next byte is a register form, which those do not have.
 */
static bool is_vex(const Decoder *s, uint32_t mode)
{
    if ((s->p[0] & 0xfe) != 0xc4) {
        return false;
    }
    return s->code64 || ((mode & MODE_PROT) && s->p[1] >= 0xc0);
}

static void scan_vex(Decoder *s, DecodedInsn *d)
{
    static const uint8_t states[4] = { STATE_NONE, STATE_66, STATE_F3, STATE_F2 };
    bool long_form = s->p[0] == 0xc4;
    uint8_t b1 = s->p[1], last = s->p[long_form ? 2 : 1];
    unsigned map = long_form ? b1 & 0x1f : 1;
    s->bad = s->rex || (s->prefix & (PREFIX_LOCK | PREFIX_REP | PREFIX_REPNE | PREFIX_66)) || map == 0 || map > 3;
    s->p += long_form ? 3 : 2;
    s->vex = true;
    s->map = s->bad ? M_1B : map;
    s->rex = ~b1 & 0x80 ? REX_R : 0;
    if (long_form) {
        s->rex |= (~b1 >> 5) & (REX_B | REX_X);
        s->rex |= last & 0x80 ? REX_W : 0;
    }
    s->rex &= s->code64 ? 0x0f : 0;
    s->vvvv = (~last >> 3) & 15;
    d->vvvv = s->vvvv & (s->code64 ? 15 : 7);
    d->vex_l = (last >> 2) & 1;
    s->state = (uint16_t)STATE_VEX(states[last & 3], long_form && last & 0x80 ? 1 : 0, d->vex_l);
    s->opcode = *s->p++;
}

static void scan_opcode(Decoder *s, DecodedInsn *d, uint32_t mode)
{
    if (unlikely(is_vex(s, mode))) {
        scan_vex(s, d);
        return;
    }
    s->state = mandatory_state(s);
    s->map = M_1B;
    s->opcode = *s->p++;
    if (s->opcode == 0x0f) {
        s->map = M_0F;
        s->opcode = *s->p++;
        if ((s->opcode & 0xfd) == 0x38) { /* 38 or 3A */
            s->map = s->opcode == 0x38 ? M_0F38 : M_0F3A;
            s->opcode = *s->p++;
        }
    }
}

/* ---- rows ---- */

/* 41 90 is XCHG R8, not NOP; with F3 too, as AMD's processors do. */
static bool skips_nop(const Decoder *s, const InsnRow *row)
{
    return unlikely(s->opcode == 0x90) && s->map == M_1B && (s->rex & REX_B) && !row->info->modrm.plus_r;
}

static const InsnRow *choose_row(const CPUState *cpu, const Decoder *s, const InsnRow *row)
{
    unsigned mode = s->code64 ? MODES_64 : MODES_LEGACY;
    for (;; row++) {
        if ((row->states & s->state) && (row->modes & mode) && !skips_nop(s, row)) {
            if (row->info->feature == FEAT_NONE || cpu_has(cpu, row->info->feature)) {
                return row;
            }
            if (!row->falls_back) {
                return &insn_ud_row;
            }
        }
        if (!row->more) {
            return &insn_ud_row;
        }
    }
}

static const InsnRow *find_row(const CPUState *cpu, Decoder *s, DecodedInsn *d)
{
    const OpcodeEntry *entry = &insn_opcodes[s->vex][s->map][s->opcode];
    unsigned first = entry->rows;
    if (entry->has_modrm) {
        d->modrm = *s->p++ | (entry->force_reg ? 0xc0 : 0);
    }
    if (entry->by_modrm) {
        first = insn_groups[first + modrm_class(d->modrm)];
    }
    return unlikely(s->bad) ? &insn_ud_row : choose_row(cpu, s, &insn_rows[first]);
}

/* ---- sizes ---- */

static unsigned size_v(const Decoder *s)
{
    bool other = s->prefix & PREFIX_66;
    if (s->rex & REX_W) {
        return 3;
    }
    return (s->code32 || s->code64) != other ? 2 : 1;
}

static unsigned operand_size(const Decoder *s, const InsnRow *row, unsigned vex_l)
{
    switch (row->size) {
    case SIZE_BYTE:
        return 0;
    case SIZE_Y:
        return s->rex & REX_W ? 3 : 2;
    case SIZE_DEF64:
        return s->code64 && size_v(s) == 2 ? 3 : size_v(s);
    case SIZE_NEAR:
        return s->code64 ? 3 : size_v(s);
    case SIZE_NATIVE:
        return s->code64 ? 3 : 2;
    case SIZE_L:
        return 2 + vex_l;
    default:
        return size_v(s);
    }
}

static unsigned address_size(const Decoder *s)
{
    bool other = s->prefix & PREFIX_67;
    if (s->code64) {
        return other ? 2 : 3;
    }
    return s->code32 != other ? 2 : 1;
}

/* ---- ModRM ---- */

static int64_t take_disp(Decoder *s, unsigned bytes)
{
    const uint8_t *p = s->p;
    s->p += bytes;
    switch (bytes) {
    case 1:
        return (int8_t)p[0];
    case 2:
        return (int16_t)lduw_le_p(p);
    case 4:
        return (int32_t)ldl_le_p(p);
    default:
        return 0;
    }
}

static void memory16(Decoder *s, DecodedInsn *d)
{
    static const uint8_t bases[8] = { R_EBX, R_EBX, R_EBP, R_EBP, R_ESI, R_EDI, R_EBP, R_EBX };
    static const uint8_t indexes[8] = { R_ESI, R_EDI, R_ESI, R_EDI, R_ZERO, R_ZERO, R_ZERO, R_ZERO };
    unsigned mod = d->modrm >> 6, rm = d->modrm & 7;
    bool absolute = mod == 0 && rm == 6;
    d->base = absolute ? R_ZERO : bases[rm];
    d->index = absolute ? R_ZERO : indexes[rm];
    d->disp = take_disp(s, absolute ? 2 : mod);
    d->seg = d->base == R_EBP ? R_SS : R_DS;
}

/* SIB byte. Returns true when there is no base but a 32-bit displacement. */
static bool take_sib(Decoder *s, DecodedInsn *d, unsigned mod, bool vsib)
{
    uint8_t sib = *s->p++;
    unsigned index = ((sib >> 3) & 7) | (s->rex & REX_X ? 8 : 0);
    bool no_base = (sib & 7) == 5 && mod == 0;
    d->scale = sib >> 6;
    d->index = index == R_ESP && !vsib ? R_ZERO : (uint8_t)index;
    d->base = no_base ? R_ZERO : (sib & 7) | (s->rex & REX_B ? 8 : 0);
    return no_base;
}

static void memory32(Decoder *s, DecodedInsn *d, bool vsib)
{
    unsigned mod = d->modrm >> 6, rm = d->modrm & 7;
    bool disp32 = false;
    d->index = R_ZERO;
    if (rm == 4) {
        disp32 = take_sib(s, d, mod, vsib);
    } else if (rm == 5 && mod == 0) {
        disp32 = true;
        d->base = s->code64 ? R_EIP : R_ZERO;
    } else {
        d->base = (uint8_t)(rm | (s->rex & REX_B ? 8 : 0));
    }
    d->disp = take_disp(s, disp32 ? 4 : mod == 2 ? 4 : mod);
    d->seg = d->base == R_ESP || d->base == R_EBP ? R_SS : R_DS;
}

/* AH, CH, DH, BH unless a REX prefix makes them SPL, BPL, SIL, DIL. */
static uint8_t byte_register(const Decoder *s, unsigned n)
{
    bool high = n >= 4 && n < 8 && !(s->prefix & PREFIX_REX);
    return high ? (uint8_t)(REG8_HIGH | (n & 3)) : (uint8_t)n;
}

static void set_registers(const Decoder *s, const InsnRow *row, DecodedInsn *d)
{
    unsigned reg = ((d->modrm >> 3) & 7) | (s->rex & REX_R && !row->raw_reg ? 8 : 0);
    unsigned rm = (d->modrm & 7) | (s->rex & REX_B && !row->raw_rm ? 8 : 0);
    d->reg = row->byte_reg ? byte_register(s, reg) : (uint8_t)reg;
    d->rm = row->byte_rm ? byte_register(s, rm) : (uint8_t)rm;
}

static void take_modrm(Decoder *s, const InsnRow *row, DecodedInsn *d)
{
    if (d->modrm < 0xc0) {
        if (d->addr_size == 1) {
            memory16(s, d);
        } else {
            memory32(s, d, row->info->attributes & VSIB);
        }
    }
    set_registers(s, row, d);
}

static void opcode_register(const Decoder *s, const InsnRow *row, DecodedInsn *d)
{
    unsigned reg = (s->opcode & 7) | (s->rex & REX_B ? 8 : 0);
    d->reg = row->byte_reg ? byte_register(s, reg) : (uint8_t)reg;
}

/* ---- immediates ---- */

static uint64_t take_bytes(Decoder *s, unsigned bytes)
{
    uint64_t v = ldq_le_p(s->p);
    s->p += bytes;
    return bytes == 8 ? v : v & ((1ull << (bytes * 8)) - 1);
}

/* offset, then selector; imm has the selector in the upper half */
static uint64_t take_far(Decoder *s, unsigned offset_bytes)
{
    uint64_t offset = take_bytes(s, offset_bytes);
    return take_bytes(s, 2) << 32 | offset;
}

static void take_immediate(Decoder *s, ImmKind kind, DecodedInsn *d)
{
    switch (kind) {
    case IMM_NONE:
        break;
    case IMM_ONE:
        d->imm = 1;
        break;
    case IMM_IB:
        d->imm = take_bytes(s, 1);
        break;
    case IMM_SIB:
        d->imm = (uint64_t)take_disp(s, 1);
        break;
    case IMM_IW:
        d->imm = take_bytes(s, 2);
        break;
    case IMM_IZ:
        d->imm = (uint64_t)take_disp(s, d->op_size == 1 ? 2 : 4);
        break;
    case IMM_IV:
        d->imm = take_bytes(s, 1u << d->op_size);
        break;
    case IMM_MOFFS:
        d->imm = take_bytes(s, 1u << d->addr_size);
        d->disp = (int64_t)d->imm;
        break;
    case IMM_FAR:
        d->imm = take_far(s, d->op_size == 1 ? 2 : 4);
        break;
    case IMM_IW_IB:
        d->imm = take_bytes(s, 2);
        d->imm2 = (uint32_t)take_bytes(s, 1);
        break;
    case IMM_IB_IB:
        d->imm = take_bytes(s, 1);
        d->imm2 = (uint32_t)take_bytes(s, 1);
        break;
    }
}

/* ---- the whole ---- */

static bool is_invalid_vex(const Decoder *s, const InsnRow *row, const DecodedInsn *d)
{
    bool bad_vsib = (row->info->attributes & VSIB) && ((d->modrm & 7) != 4 || d->addr_size == 1);
    return bad_vsib || (s->vvvv && !row->has_vvvv);
}

/* What makes a known instruction undefined after all. */
static bool is_invalid(const Decoder *s, const InsnRow *row, const DecodedInsn *d, uint32_t mode)
{
    const InsnInfo *info = row->info;
    bool lockable = (info->attributes & LOCKABLE) && insn_is_mem(d);
    return (s->vex && is_invalid_vex(s, row, d)) || ((s->prefix & PREFIX_LOCK) && !lockable) ||
           ((info->attributes & PROT_ONLY) && !(mode & MODE_PROT));
}

static void decode_operands(Decoder *s, const InsnRow *row, DecodedInsn *d)
{
    static const uint64_t masks[4] = { 0xff, 0xffff, 0xffffffff, ~0ull };
    d->op_size = (uint8_t)operand_size(s, row, d->vex_l);
    d->addr_size = (uint8_t)address_size(s);
    d->ea_mask = masks[d->addr_size];
    d->base = d->index = R_ZERO;
    d->seg = R_DS;
    if (row->info->modrm.has_modrm) {
        take_modrm(s, row, d);
    } else if (row->info->modrm.plus_r) {
        opcode_register(s, row, d);
    }
    if (s->seg != SEG_NONE) {
        d->seg = s->seg;
    }
    take_immediate(s, row->imm, d);
}

static void set_handler(const Decoder *s, const InsnRow *row, DecodedInsn *d, uint32_t mode)
{
    d->info = row->info;
    d->exec = row->info->handlers->fn[insn_is_mem(d)][d->op_size];
    if (unlikely(!d->exec) || unlikely(is_invalid(s, row, d, mode))) {
        d->info = insn_ud_row.info;
        d->exec = insn_ud_row.info->handlers->fn[0][0];
    }
}

static DecodeResult check_length(const Decoder *s, size_t available, DecodedInsn *d)
{
    size_t len = (size_t)(s->p - s->start);
    if (len > INSN_MAX_LEN) {
        return available >= INSN_MAX_LEN ? DECODE_TOO_LONG : DECODE_NEED_MORE;
    }
    d->len = (uint8_t)len;
    return len > available ? DECODE_NEED_MORE : DECODE_OK;
}

DecodeResult cpu_decode(const CPUState *cpu, const uint8_t *buf, size_t len, uint32_t mode, DecodedInsn *d)
{
    uint8_t bytes[40] = { 0 };
    Decoder s = { .p = bytes, .start = bytes, .seg = SEG_NONE };
    if (likely(len >= INSN_MAX_LEN)) {
        memcpy(bytes, buf, INSN_MAX_LEN); /* of constant size, so cheap */
    } else {
        memcpy(bytes, buf, len);
    }
    s.code64 = (mode & MODE_CODE_MASK) == MODE_CODE64;
    s.code32 = (mode & MODE_CODE_MASK) == MODE_CODE32;
    *d = (DecodedInsn){ 0 };
    scan_prefixes(&s);
    s.prefix |= s.rex ? PREFIX_REX : 0;
    scan_opcode(&s, d, mode);
    const InsnRow *row = find_row(cpu, &s, d);
    decode_operands(&s, row, d);
    d->prefix = s.prefix;
    set_handler(&s, row, d, mode);
    return check_length(&s, len, d);
}
