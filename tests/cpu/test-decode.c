/* LINK: target/i386/decode.c -lZydis */
/*
 * tests/cpu/test-decode.c  The decoder against Zydis, in 16-, 32- and 64-bit mode: every row with random prefixes,
 * ModRM and immediates, and random bytes. Compared: validity, length, mnemonic, sizes, registers, memory operand,
 * immediates.
 *
 * Where the two differ on purpose, justified_validity() and friends say why; nothing else is excused. The table is
 * included with all handlers replaced by one dummy, so that none need to be linked; a form that lacks a handler counts
 * as decoded.
 */
#include <Zydis/Zydis.h>

#include "target/i386/insn.h"

static void dummy(CPUState *cpu, const DecodedInsn *d)
{
    (void)cpu;
    (void)d;
}
static const InsnHandlers dummy_handlers = HANDLERS_ALL(dummy);

#undef INSN
#define INSN(mnem, map_, opc, pfx, modrm_, ops, attr, feat, fr, fw, fu, h) \
    { .mnemonic = mnem,                                                    \
      .map = map_,                                                         \
      .opcode = opc,                                                       \
      .prefix = pfx,                                                       \
      .modrm = modrm_,                                                     \
      .operands = ops,                                                     \
      .attributes = attr,                                                  \
      .feature = feat,                                                     \
      .flags_read = fr,                                                    \
      .flags_written = fw,                                                 \
      .flags_undefined = fu,                                               \
      .handlers = 0 ? &h : &dummy_handlers },
#include "target/i386/insn-table.c"

#define ROUNDS_PER_ROW 400
#define RANDOM_ROUNDS  400000
#define INSN_BYTES     24 /* room behind the 15 that are decoded */

/* ---- what decode.c needs ---- */

void cpu_raise_noerr(CPUState *cpu, int vector)
{
    (void)cpu;
    g_error("exception %d while decoding", vector);
}

static CPUFeature missing_feature; /* FEAT_NONE: the processor has all */

bool cpu_has(const CPUState *cpu, CPUFeature feature)
{
    (void)cpu;
    return feature != missing_feature || feature == FEAT_NONE;
}

/* ---- both decoders on the same bytes ---- */

typedef struct Both {
    const uint8_t *bytes;
    size_t len;
    unsigned code; /* MODE_CODE16, 32, 64 */
    DecodeResult result;
    DecodedInsn ours;
    ZyanStatus status;
    ZydisDecodedInstruction z;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
} Both;

static ZydisDecoder decoders[3];

static void init_decoders(void)
{
    ZydisDecoderInit(&decoders[MODE_CODE16], ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
    ZydisDecoderInit(&decoders[MODE_CODE32], ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
    ZydisDecoderInit(&decoders[MODE_CODE64], ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    for (unsigned i = 0; i < 3; i++) {
        ZydisDecoderEnableMode(&decoders[i], ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
        ZydisDecoderEnableMode(&decoders[i], ZYDIS_DECODER_MODE_CET, ZYAN_FALSE);
        ZydisDecoderEnableMode(&decoders[i], ZYDIS_DECODER_MODE_WBNOINVD, ZYAN_FALSE);
        ZydisDecoderEnableMode(&decoders[i], ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
    }
}

static void decode_both(Both *b, const uint8_t *bytes, size_t len, unsigned code)
{
    b->bytes = bytes;
    b->len = len;
    b->code = code;
    b->result = cpu_decode(NULL, bytes, len, code | MODE_PROT, &b->ours);
    b->status = ZydisDecoderDecodeFull(&decoders[code], bytes, len, &b->z, b->ops);
}

static bool ours_undefined(const Both *b)
{
    return b->ours.info == insn_ud_row.info;
}

static bool opcode_is(const Both *b, InsnMap map, unsigned first, unsigned last)
{
    return b->ours.info->map == map && b->ours.info->opcode >= first && b->ours.info->opcode <= last;
}

static void G_GNUC_NORETURN fail(const Both *b, const char *what)
{
    g_autoptr(GString) hex = g_string_new(NULL);
    for (size_t i = 0; i < b->len; i++) {
        g_string_append_printf(hex, "%02x ", b->bytes[i]);
    }
    const char *theirs = ZYAN_SUCCESS(b->status) ? ZydisMnemonicGetString(b->z.mnemonic) : "(error)";
    g_error("%d-bit %s: %s\n ours: %s result %d len %u op_size %u addr_size %u reg %u rm %u seg %u base %u index %u "
            "scale %u "
            "disp %" PRIx64 " imm %" PRIx64 "\n zydis: %s status %x len %u operand %u address %u isa %s",
            16 << b->code, hex->str, what, b->ours.info->mnemonic, b->result, b->ours.len, b->ours.op_size,
            b->ours.addr_size, b->ours.reg, b->ours.rm, b->ours.seg, b->ours.base, b->ours.index, b->ours.scale,
            (uint64_t)b->ours.disp, b->ours.imm, theirs, b->status, b->z.length, b->z.operand_width, b->z.address_width,
            ZYAN_SUCCESS(b->status) ? ZydisISASetGetString(b->z.meta.isa_set) : "");
}

/* ---- mnemonics ---- */

static const char *const conditions[][2] = { { "ae", "nb" }, { "e", "z" },   { "ne", "nz" },
                                             { "a", "nbe" }, { "ge", "nl" }, { "g", "nle" } };
static const char *const other_names[][2] = {
    { "jcxz", "jecxz" },
    { "jcxz", "jrcxz" },
    { "cbw", "cwde" },
    { "cbw", "cdqe" },
    { "cwd", "cdq" },
    { "cwd", "cqo" },
    { "cmpxchg8b", "cmpxchg16b" },
    { "retf", "ret" },
    { "lret", "ret" },
    { "ret far", "ret" },
    { "wait", "fwait" },
    { "prefetch", "prefetchw" },
    { "prefetch", "nop" },
    { "nop", "prefetchnta" },
    { "nop", "prefetcht0" },
    { "nop", "prefetcht1" },
    { "nop", "prefetcht2" },
    { "shl", "sal" },
    { "prefetch", "prefetchwt1" },
    { "jmpf", "jmp" },
    { "callf", "call" },
    { "ljmp", "jmp" },
    { "lcall", "call" },
    { "icebp", "int1" },
    { "fstenv", "fnstenv" },
    { "fsave", "fnsave" },
    { "fstcw", "fnstcw" },
    { "fstsw", "fnstsw" },
    { "fclex", "fnclex" },
    { "finit", "fninit" },
    { "fxsave", "fxsave64" },
    { "fxrstor", "fxrstor64" },
    { "xsave", "xsave64" },
    { "xrstor", "xrstor64" },
    { "xsaveopt", "xsaveopt64" },
    { "call far", "call" },
    { "jmp far", "jmp" },
    { "movd", "movq" },
    { "vmovd", "vmovq" },
    { "pextrd", "pextrq" },
    { "vpextrd", "vpextrq" },
    { "pinsrd", "pinsrq" },
    { "vpinsrd", "vpinsrq" },
};

/* "jae" is "jnb" there; also set and cmov. */
static bool same_condition(const char *ours, const char *theirs)
{
    size_t n = g_str_has_prefix(ours, "set") ? 3 : g_str_has_prefix(ours, "cmov") ? 4 : 1;
    if (strncmp(ours, theirs, n)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
        if (!strcmp(ours + n, conditions[i][0]) && !strcmp(theirs + n, conditions[i][1])) {
            return true;
        }
    }
    return false;
}

/* "movs" is "movsb", "movsw", ... there. */
static bool same_with_size(const char *ours, const char *theirs)
{
    size_t n = strlen(ours);
    return !strncmp(ours, theirs, n) && theirs[n] && strchr("bwdq", theirs[n]) && !theirs[n + 1];
}

static bool same_mnemonic(const char *ours, const char *theirs)
{
    if (!strcmp(ours, theirs) || same_with_size(ours, theirs) || same_condition(ours, theirs)) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(other_names); i++) {
        if (!strcmp(ours, other_names[i][0]) && !strcmp(theirs, other_names[i][1])) {
            return true;
        }
    }
    return false;
}

/* ---- operands ---- */

static unsigned gpr8_number(ZydisRegister reg)
{
    unsigned n = reg - ZYDIS_REGISTER_AL;
    if (n >= 12) {
        return n - 4; /* R8B.. come after SPL.. */
    }
    return n < 4 ? n : n < 8 ? REG8_HIGH | (n - 4) : n - 4;
}

static unsigned register_number(ZydisRegister reg)
{
    if (reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_R15B) {
        return gpr8_number(reg);
    }
    if (reg >= ZYDIS_REGISTER_ES && reg <= ZYDIS_REGISTER_GS) {
        return reg - ZYDIS_REGISTER_ES;
    }
    return (unsigned)(ZyanU8)ZydisRegisterGetId(reg);
}

static unsigned base_number(ZydisRegister reg)
{
    if (reg == ZYDIS_REGISTER_NONE) {
        return R_ZERO;
    }
    return reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP ? R_EIP : register_number(reg);
}

/* SDM volume 2, table 2-5: a SIB base of 101 with mod 00 is disp32 whatever REX.B says; Zydis 4.0 takes it for R13. */
static bool zydis_sib_error(const Both *b)
{
    return b->code == MODE_CODE64 && b->z.raw.modrm.mod == 0 && b->z.raw.modrm.rm == 4 && b->z.raw.sib.base == 5;
}

static void check_memory(const Both *b, const ZydisDecodedOperand *op)
{
    if (zydis_sib_error(b)) {
        return;
    }
    const DecodedInsn *d = &b->ours;
    uint64_t mask = b->z.address_width == 16 ? 0xffff : b->z.address_width == 32 ? 0xffffffff : ~0ull;
    if (d->ea_mask != mask || ((uint64_t)op->mem.disp.value & mask) != ((uint64_t)d->disp & mask)) {
        fail(b, "displacement");
    }
    unsigned index =
        op->mem.type == ZYDIS_MEMOP_TYPE_VSIB ? register_number(op->mem.index) : base_number(op->mem.index);
    if (base_number(op->mem.base) != d->base || index != d->index) {
        fail(b, "base or index");
    }
    if (op->mem.index != ZYDIS_REGISTER_NONE && op->mem.scale != 1u << d->scale) {
        fail(b, "scale");
    }
    if (op->mem.type == ZYDIS_MEMOP_TYPE_MEM && register_number(op->mem.segment) != d->seg) {
        fail(b, "segment");
    }
}

static void check_register(const Both *b, const ZydisDecodedOperand *op)
{
    unsigned n = register_number(op->reg.value);
    switch (op->encoding) {
    case ZYDIS_OPERAND_ENCODING_MODRM_REG:
    case ZYDIS_OPERAND_ENCODING_OPCODE:
        if (n != b->ours.reg && !opcode_is(b, M_1B, 0xd8, 0xdf)) { /* x87 names ST(i) by ModRM.rm */
            fail(b, "register");
        }
        break;
    case ZYDIS_OPERAND_ENCODING_MODRM_RM:
        if (n != b->ours.rm) {
            fail(b, "r/m register");
        }
        break;
    case ZYDIS_OPERAND_ENCODING_NDSNDD:
        if (n != b->ours.vvvv) {
            fail(b, "vvvv register");
        }
        break;
    case ZYDIS_OPERAND_ENCODING_IS4:
        if (n != (b->ours.imm >> 4 & (b->code == MODE_CODE64 ? 15 : 7))) {
            fail(b, "is4 register");
        }
        break;
    default:
        break;
    }
}

/* first: the first immediate of the instruction. */
static void check_immediate(const Both *b, const ZydisDecodedOperand *op, bool first)
{
    uint64_t ours = first ? b->ours.imm : b->ours.imm2;
    uint64_t mask = op->imm.is_signed && !op->imm.is_relative ? ~0ull >> (64 - (8 << b->ours.op_size)) : ~0ull;
    uint64_t theirs = op->imm.is_signed ? (uint64_t)op->imm.value.s : op->imm.value.u;
    if ((ours & mask) != (theirs & mask)) {
        fail(b, "immediate");
    }
}

static void check_operands(const Both *b)
{
    bool first_imm = true;
    for (unsigned i = 0; i < b->z.operand_count_visible; i++) {
        const ZydisDecodedOperand *op = &b->ops[i];
        if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
            check_register(b, op);
        } else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY && (op->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM ||
                                                             op->encoding == ZYDIS_OPERAND_ENCODING_DISP16_32_64)) {
            check_memory(b, op);
        } else if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
            check_immediate(b, op, first_imm);
            first_imm = false;
        } else if (op->type == ZYDIS_OPERAND_TYPE_POINTER &&
                   b->ours.imm != ((uint64_t)op->ptr.segment << 32 | op->ptr.offset)) {
            fail(b, "far pointer");
        }
    }
}

static bool has_sized_operand(const InsnInfo *info)
{
    for (unsigned i = 0; i < 4; i++) {
        switch (info->operands[i]) {
        case OPERAND_Ev:
        case OPERAND_Gv:
        case OPERAND_Zv:
        case OPERAND_Mv:
        case OPERAND_Xv:
        case OPERAND_Yv:
        case OPERAND_Ov:
        case OPERAND_rAX:
        case OPERAND_Eb:
        case OPERAND_Gb:
            return true;
        default:
            break;
        }
    }
    return false;
}

/* ---- purposeful differences ---- */

/* Instructions of extensions that we leave out, or whose rows do not exist yet. */
static bool zydis_knows_more(const Both *b)
{
    switch (b->z.meta.isa_set) {
    case ZYDIS_ISA_SET_I86:
    case ZYDIS_ISA_SET_I186:
    case ZYDIS_ISA_SET_I286REAL:
    case ZYDIS_ISA_SET_I286PROTECTED:
    case ZYDIS_ISA_SET_I386:
    case ZYDIS_ISA_SET_I486:
    case ZYDIS_ISA_SET_I486REAL:
    case ZYDIS_ISA_SET_PENTIUMREAL:
    case ZYDIS_ISA_SET_PPRO:
    case ZYDIS_ISA_SET_CMOV:
    case ZYDIS_ISA_SET_PAUSE:
    case ZYDIS_ISA_SET_POPCNT:
    case ZYDIS_ISA_SET_LZCNT:
    case ZYDIS_ISA_SET_MOVBE:
    case ZYDIS_ISA_SET_LAHF:
    case ZYDIS_ISA_SET_FAT_NOP:
    case ZYDIS_ISA_SET_SSSE3:
    case ZYDIS_ISA_SET_SSSE3MMX:
    case ZYDIS_ISA_SET_SSE4:
    case ZYDIS_ISA_SET_SSE42:
    case ZYDIS_ISA_SET_AES:
    case ZYDIS_ISA_SET_PCLMULQDQ:
    case ZYDIS_ISA_SET_SHA:
    case ZYDIS_ISA_SET_ADOX_ADCX:
    case ZYDIS_ISA_SET_RDRAND:
    case ZYDIS_ISA_SET_RDSEED:
    case ZYDIS_ISA_SET_BMI1:
    case ZYDIS_ISA_SET_BMI2:
    case ZYDIS_ISA_SET_AVX:
    case ZYDIS_ISA_SET_AVXAES:
    case ZYDIS_ISA_SET_AVX2:
    case ZYDIS_ISA_SET_AVX2GATHER:
    case ZYDIS_ISA_SET_FMA:
    case ZYDIS_ISA_SET_F16C:
        return b->z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY && b->z.encoding != ZYDIS_INSTRUCTION_ENCODING_VEX;
    default:
        return true;
    }
}

static bool is_x87(const Both *b)
{
    return b->z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && b->z.opcode >= 0xd8 && b->z.opcode <= 0xdf;
}

/* NULL: none. Looked at only when the two disagree. */
static const char *justified_validity(const Both *b)
{
    bool theirs_ok = ZYAN_SUCCESS(b->status);
    if (theirs_ok && zydis_knows_more(b)) {
        return "an extension that we lack";
    }
    if (theirs_ok && is_x87(b) && !insn_opcodes[0][M_1B][0xd9].has_modrm) {
        return "built without x87 rows";
    }
    if (!theirs_ok && opcode_is(b, M_0F, 0x0d, 0x1f)) {
        return "hint space: every form is a NOP on processors without the extension that Zydis knows there";
    }
    const DecodedInsn *d = &b->ours;
    if (!theirs_ok && (d->info->attributes & VSIB) &&
        (d->reg == d->vvvv || d->reg == d->index || d->vvvv == d->index)) {
        return "gathers with two equal registers: the handler raises #UD";
    }
    if (!theirs_ok && opcode_is(b, M_1B, 0xd8, 0xdf)) {
        return "undocumented x87 aliases";
    }
    if (!theirs_ok && (opcode_is(b, M_0F, 0x20, 0x23))) {
        return "CRn and DRn that do not exist: the handler raises #UD";
    }
    if (!theirs_ok && (opcode_is(b, M_1B, 0x8c, 0x8c) || opcode_is(b, M_1B, 0x8e, 0x8e))) {
        return "segment registers 6 and 7, MOV CS: the handler raises #UD";
    }
    return NULL;
}

static const char *justified_width(const Both *b)
{
    if (b->ours.info->prefix != PFX_ANY || (b->ours.info->attributes & (X87 | MMX | SSE))) {
        return "the operand size is the instruction's own";
    }
    if (opcode_is(b, M_0F, 0x0d, 0x1f)) {
        return "NOPs have no operand size that could be seen";
    }
    return NULL;
}

/* ---- the comparison ---- */

/* F3 with 90 and REX.B: PAUSE in Zydis, XCHG R8 on AMD's processors (test-user.c) and here. */
static bool is_xchg_with_rep(const Both *b)
{
    return b->z.mnemonic == ZYDIS_MNEMONIC_PAUSE && !strcmp(b->ours.info->mnemonic, "xchg") && b->ours.reg == 8;
}

static void compare_valid(const Both *b)
{
    if (b->ours.len != b->z.length) {
        fail(b, "length");
    }
    if (is_xchg_with_rep(b)) {
        return;
    }
    if (!same_mnemonic(b->ours.info->mnemonic, ZydisMnemonicGetString(b->z.mnemonic))) {
        fail(b, "mnemonic");
    }
    if (8u << b->ours.addr_size != b->z.address_width) {
        fail(b, "address size");
    }
    if (has_sized_operand(b->ours.info) && 8u << b->ours.op_size != b->z.operand_width && !justified_width(b)) {
        fail(b, "operand size");
    }
    check_operands(b);
}

/* Returns whether both found the same instruction. */
static bool compare(const uint8_t *bytes, size_t len, unsigned code)
{
    Both b;
    decode_both(&b, bytes, len, code);
    bool theirs_ok = ZYAN_SUCCESS(b.status);
    if (b.result == DECODE_TOO_LONG || b.status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG) {
        if (theirs_ok || (b.result == DECODE_OK && !ours_undefined(&b))) {
            fail(&b, "too long");
        }
        return false;
    }
    if (b.result == DECODE_NEED_MORE) {
        if (theirs_ok) {
            fail(&b, "more bytes wanted");
        }
        return false;
    }
    if (ours_undefined(&b) == theirs_ok) {
        if (!justified_validity(&b)) {
            fail(&b, theirs_ok ? "undefined here" : "defined here");
        }
        return false;
    }
    if (theirs_ok) {
        compare_valid(&b);
    }
    return theirs_ok;
}

/* ---- tests ---- */

static void random_fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)g_test_rand_int();
    }
}

/* Up to four prefixes; in 64-bit mode also REX. */
static size_t random_prefixes(uint8_t *out, unsigned code)
{
    static const uint8_t list[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x66, 0x67, 0x67, 0xf0, 0xf2, 0xf3 };
    size_t n = 0;
    while (n < 4 && g_test_rand_int_range(0, 3) == 0) {
        out[n++] = list[g_test_rand_int_range(0, ARRAY_SIZE(list))];
    }
    if (code == MODE_CODE64 && g_test_rand_bit()) {
        out[n++] = 0x40 | (g_test_rand_int() & 0xf);
    }
    return n;
}

static size_t put_opcode(uint8_t *out, const InsnInfo *info)
{
    size_t n = 0;
    if (info->map != M_1B) {
        out[n++] = 0x0f;
    }
    if (info->map == M_0F38 || info->map == M_0F3A) {
        out[n++] = info->map == M_0F38 ? 0x38 : 0x3a;
    }
    out[n++] = info->opcode + (info->modrm.plus_r ? g_test_rand_int() & 7 : 0);
    return n;
}

/* W and L as the row wants them or any; vvvv as often as not 1111. */
static size_t put_vex(uint8_t *out, const InsnInfo *info, unsigned code)
{
    static const uint8_t pp[] = { [PFX_NONE] = 0, [PFX_66] = 1, [PFX_F3] = 2, [PFX_F2] = 3 };
    uint8_t b1 = (uint8_t)g_test_rand_int(), b2 = (uint8_t)g_test_rand_int();
    b2 |= (info->attributes & VEX_W1 ? 0x80 : 0) | (info->attributes & VEX_L1 ? 0x04 : 0);
    b2 &= (info->attributes & VEX_W0 ? 0x7f : 0xff) & (info->attributes & VEX_L0 ? 0xfb : 0xff);
    b2 = (b2 & 0xfc) | pp[info->prefix] | (g_test_rand_bit() ? 0x78 : 0);
    b1 |= code == MODE_CODE64 ? 0 : 0xc0;
    if (info->map == M_0F && g_test_rand_bit()) {
        out[0] = 0xc5;
        out[1] = (b2 & 0x7f) | (b1 & 0x80);
        out[2] = info->opcode;
        return 3;
    }
    out[0] = 0xc4;
    out[1] = (b1 & 0xe0) | info->map;
    out[2] = b2;
    out[3] = info->opcode;
    return 4;
}

static uint8_t random_modrm(const ModRMRule *rule)
{
    uint8_t modrm = (uint8_t)g_test_rand_int();
    if (rule->mod == MOD_REG) {
        modrm |= 0xc0;
    } else if (rule->mod == MOD_MEM && modrm >= 0xc0) {
        modrm &= 0x3f;
    }
    if (rule->reg >= 0) {
        modrm = (modrm & ~0x38) | rule->reg << 3;
    }
    return rule->rm >= 0 ? (modrm & ~7) | rule->rm : modrm;
}

static void random_insn(uint8_t *bytes, const InsnInfo *info, unsigned code)
{
    static const uint8_t mandatory[] = { [PFX_66] = 0x66, [PFX_F3] = 0xf3, [PFX_F2] = 0xf2 };
    size_t n = 0;
    random_fill(bytes, INSN_BYTES);
    bool vex = info->attributes & VEX_INSN;
    if (info->prefix >= PFX_66 && !vex) {
        bytes[n++] = mandatory[info->prefix];
    }
    if (!vex || g_test_rand_int_range(0, 4) == 0) {
        n += random_prefixes(bytes + n, code);
    }
    n += vex ? put_vex(bytes + n, info, code) : put_opcode(bytes + n, info);
    if (info->modrm.has_modrm) {
        bytes[n] = random_modrm(&info->modrm);
    }
}

static void test_rows(gconstpointer data)
{
    unsigned code = GPOINTER_TO_UINT(data), agreed = 0;
    for (size_t row = 1; row < insn_table_size; row++) {
        for (unsigned i = 0; i < ROUNDS_PER_ROW; i++) {
            uint8_t bytes[INSN_BYTES];
            random_insn(bytes, &insn_table[row], code);
            agreed += compare(bytes, 15, code);
        }
    }
    g_test_message("%u instructions agreed", agreed);
    g_assert_cmpuint(agreed, >, insn_table_size);
}

static void test_random(gconstpointer data)
{
    unsigned code = GPOINTER_TO_UINT(data);
    for (unsigned i = 0; i < RANDOM_ROUNDS; i++) {
        uint8_t bytes[INSN_BYTES];
        random_fill(bytes, sizeof(bytes));
        compare(bytes, 15, code);
    }
}

/* Nothing that Zydis knows is missing: all of VEX's maps, and the three-byte opcodes, by prefix, W, L and ModRM.mod and
 * reg. */
static void compare_every_modrm(uint8_t *bytes, size_t opcode_end, unsigned code)
{
    for (unsigned reg = 0; reg < 8; reg++) {
        random_fill(bytes + opcode_end, INSN_BYTES - opcode_end);
        bytes[opcode_end] = (uint8_t)(0x04 | reg << 3); /* with SIB */
        compare(bytes, 15, code);
        bytes[opcode_end] = (uint8_t)(0xc1 | reg << 3);
        compare(bytes, 15, code);
    }
}

static void test_every_vex(gconstpointer data)
{
    uint8_t bytes[INSN_BYTES] = { 0xc4 };
    for (unsigned map = 1; map <= 3; map++) {
        for (unsigned last = 0; last < 256; last++) {
            for (unsigned opcode = 0; (last & 0x78) % 0x78 == 0 && opcode < 256; opcode++) {
                bytes[1] = (uint8_t)(0xe0 | map);
                bytes[2] = (uint8_t)last; /* vvvv all zeros or all ones */
                bytes[3] = (uint8_t)opcode;
                compare_every_modrm(bytes, 4, GPOINTER_TO_UINT(data));
            }
        }
    }
}

static void test_every_three_byte(gconstpointer data)
{
    static const uint8_t prefixes[] = { 0x66, 0xf2, 0xf3, 0x2e };
    uint8_t bytes[INSN_BYTES];
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(prefixes) * 256; i++) {
        bytes[0] = prefixes[i & 3];
        bytes[1] = 0x0f;
        bytes[2] = i & 4 ? 0x38 : 0x3a;
        bytes[3] = (uint8_t)(i >> 3);
        compare_every_modrm(bytes, 4, GPOINTER_TO_UINT(data));
    }
}

/* Every prefix of a whole instruction must say that it wants more, and never read further. */
static void test_truncated(gconstpointer data)
{
    unsigned code = GPOINTER_TO_UINT(data);
    for (size_t row = 1; row < insn_table_size; row++) {
        uint8_t bytes[INSN_BYTES];
        DecodedInsn d;
        random_insn(bytes, &insn_table[row], code);
        if (cpu_decode(NULL, bytes, 15, code | MODE_PROT, &d) != DECODE_OK) {
            continue;
        }
        unsigned len = d.len;
        for (unsigned n = 1; n < len; n++) {
            g_autofree uint8_t *exact = g_memdup2(bytes, n);
            g_assert_cmpint(cpu_decode(NULL, exact, n, code | MODE_PROT, &d), ==, DECODE_NEED_MORE);
        }
        g_assert_cmpint(cpu_decode(NULL, bytes, len, code | MODE_PROT, &d), ==, DECODE_OK);
    }
}

static DecodedInsn decode_bytes(unsigned mode, const uint8_t *bytes, size_t len)
{
    uint8_t padded[INSN_BYTES] = { 0 };
    DecodedInsn d;
    memcpy(padded, bytes, len);
    g_assert_cmpint(cpu_decode(NULL, padded, 15, mode, &d), ==, DECODE_OK);
    return d;
}
#define DECODE(mode, ...) decode_bytes(mode, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define P16               (MODE_CODE16 | MODE_PROT)
#define P32               (MODE_CODE32 | MODE_PROT)
#define P64               (MODE_CODE64 | MODE_PROT)

static void assert_mnemonic(DecodedInsn d, const char *mnemonic)
{
    g_assert_cmpstr(d.info->mnemonic, ==, mnemonic);
}

static void test_length_limit(void)
{
    uint8_t bytes[INSN_BYTES];
    DecodedInsn d;
    memset(bytes, 0x2e, sizeof(bytes));
    bytes[14] = 0x90;
    g_assert_cmpint(cpu_decode(NULL, bytes, 15, P32, &d), ==, DECODE_OK);
    g_assert_cmpuint(d.len, ==, 15);
    bytes[14] = 0x2e;
    g_assert_cmpint(cpu_decode(NULL, bytes, 15, P32, &d), ==, DECODE_TOO_LONG);
    g_assert_cmpint(cpu_decode(NULL, bytes, 14, P32, &d), ==, DECODE_NEED_MORE);
    bytes[13] = 0x05; /* ADD EAX, imm32: 18 bytes */
    g_assert_cmpint(cpu_decode(NULL, bytes, 15, P32, &d), ==, DECODE_TOO_LONG);
}

static void test_lock(void)
{
    assert_mnemonic(DECODE(P32, 0xf0, 0x01, 0x00), "add");
    assert_mnemonic(DECODE(P32, 0xf0, 0x01, 0xc0), "(ud)"); /* register destination */
    assert_mnemonic(DECODE(P32, 0xf0, 0x03, 0x00), "(ud)"); /* memory is the source */
    assert_mnemonic(DECODE(P32, 0xf0, 0x39, 0x00), "(ud)"); /* CMP writes nothing */
    assert_mnemonic(DECODE(P32, 0xf0, 0x90), "(ud)");
    assert_mnemonic(DECODE(P32, 0xf0, 0x0f, 0xc7, 0x08), "cmpxchg8b");
    g_assert_cmpuint(DECODE(P32, 0xf0, 0x05, 1, 2, 3, 4).len, ==, 6); /* undefined, but fetched whole */
}

static void test_nop_and_xchg(void)
{
    assert_mnemonic(DECODE(P32, 0x90), "nop");
    assert_mnemonic(DECODE(P32, 0x91), "xchg");
    assert_mnemonic(DECODE(P32, 0xf3, 0x90), "pause");
    assert_mnemonic(DECODE(P64, 0x48, 0x90), "nop");
    assert_mnemonic(DECODE(P64, 0xf3, 0x41, 0x90), "xchg");
    DecodedInsn d = DECODE(P64, 0x41, 0x90);
    assert_mnemonic(d, "xchg");
    g_assert_cmpuint(d.reg, ==, 8);
}

static void test_mode_splits(void)
{
    assert_mnemonic(DECODE(P64, 0x63, 0xc0), "movsxd");
    assert_mnemonic(DECODE(P32, 0x40), "inc");
    assert_mnemonic(DECODE(P64, 0x40, 0x90), "nop");
    assert_mnemonic(DECODE(P64, 0x27), "(ud)");
    assert_mnemonic(DECODE(P64, 0x82, 0xc0, 1), "(ud)");
}

static void test_missing_features(void)
{
    assert_mnemonic(DECODE(P32, 0xf3, 0x0f, 0xbd, 0xc0), "lzcnt");
    assert_mnemonic(DECODE(P32, 0xf3, 0x0f, 0xbc, 0xc0), "tzcnt");
    missing_feature = FEAT_LZCNT;
    assert_mnemonic(DECODE(P32, 0xf3, 0x0f, 0xbd, 0xc0), "bsr");
    missing_feature = FEAT_BMI1;
    assert_mnemonic(DECODE(P32, 0xf3, 0x0f, 0xbc, 0xc0), "bsf");
    missing_feature = FEAT_POPCNT;
    assert_mnemonic(DECODE(P32, 0xf3, 0x0f, 0xb8, 0xc0), "(ud)");
    missing_feature = FEAT_CMOV;
    assert_mnemonic(DECODE(P32, 0x0f, 0x44, 0xc0), "(ud)");
    missing_feature = FEAT_NONE;
}

static void test_prefix_order(void)
{
    g_assert_cmpuint(DECODE(P32, 0xf2, 0xf3, 0xa4).prefix, ==, PREFIX_REP);
    g_assert_cmpuint(DECODE(P32, 0xf3, 0xf2, 0xa4).prefix, ==, PREFIX_REPNE);
    g_assert_cmpuint(DECODE(P32, 0x26, 0x64, 0x8b, 0x00).seg, ==, R_FS);
    g_assert_cmpuint(DECODE(P32, 0x64, 0x26, 0x8b, 0x00).seg, ==, R_ES);
    g_assert_cmpuint(DECODE(P64, 0x64, 0x26, 0x8b, 0x00).seg, ==, R_FS);
    g_assert_cmpuint(DECODE(P64, 0x48, 0x66, 0x8b, 0xc0).op_size, ==, 1); /* a REX that is not last is dropped */
    g_assert_cmpuint(DECODE(P64, 0x66, 0x48, 0x8b, 0xc0).op_size, ==, 3);
}

static void test_immediates(void)
{
    g_assert_cmphex(DECODE(P32, 0x83, 0xc0, 0xff).imm, ==, ~0ull);
    g_assert_cmphex(DECODE(P32, 0x04, 0xff).imm, ==, 0xff);
    g_assert_cmphex(DECODE(P16, 0x05, 0xff, 0xff).imm, ==, ~0ull);
    g_assert_cmphex(DECODE(P64, 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8).imm, ==, 0x0807060504030201);
    g_assert_cmphex(DECODE(P32, 0xd1, 0xe0).imm, ==, 1);
    DecodedInsn d = DECODE(P32, 0xc8, 0x34, 0x12, 0x05);
    g_assert_cmphex(d.imm, ==, 0x1234);
    g_assert_cmphex(d.imm2, ==, 5);
    g_assert_cmphex(DECODE(P32, 0xa1, 0x78, 0x56, 0x34, 0x92).imm, ==, 0x92345678);
    g_assert_cmphex(DECODE(P16, 0xe8, 0xfe, 0xff).imm, ==, ~0ull - 1);
}

static void test_string_segment(void)
{
    g_assert_cmpuint(DECODE(P32, 0xa4).seg, ==, R_DS);
    g_assert_cmpuint(DECODE(P32, 0x2e, 0xa4).seg, ==, R_CS);
    g_assert_cmpuint(DECODE(P32, 0xa4).op_size, ==, 0);
    g_assert_cmpuint(DECODE(P32, 0x66, 0xa5).op_size, ==, 1);
}

/* ns per instruction over a mix of common ones; a message, not a verdict. */
static void test_speed(void)
{
    static const uint8_t mix[] = { 0x55, 0x89, 0xe5, 0x83, 0xec, 0x10, 0x8b, 0x45, 0x08, 0x01, 0xd8, 0x0f, 0xb6, 0x04,
                                   0x0b, 0x85, 0xc0, 0x75, 0x05, 0xe8, 1,    2,    3,    4,    0xc9, 0xc3, 0x90, 0x90,
                                   0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
    const unsigned rounds = 200000;
    unsigned count = 0;
    gint64 start = g_get_monotonic_time();
    for (unsigned i = 0; i < rounds; i++) {
        for (unsigned at = 0; at < 26;) {
            DecodedInsn d;
            cpu_decode(NULL, mix + at, 15, P32, &d);
            at += d.len;
            count++;
        }
    }
    g_test_message("%.1f ns per instruction", (double)(g_get_monotonic_time() - start) * 1000 / count);
}

static void add_modes(const char *name, GTestDataFunc fn)
{
    for (unsigned code = MODE_CODE16; code <= MODE_CODE64; code++) {
        g_autofree char *path = g_strdup_printf("/decode/%s/%d", name, 16 << code);
        g_test_add_data_func(path, GUINT_TO_POINTER(code), fn);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    insn_table_init();
    init_decoders();
    add_modes("rows", test_rows);
    add_modes("random", test_random);
    add_modes("every-vex", test_every_vex);
    add_modes("every-three-byte", test_every_three_byte);
    add_modes("truncated", test_truncated);
    g_test_add_func("/decode/length-limit", test_length_limit);
    g_test_add_func("/decode/lock", test_lock);
    g_test_add_func("/decode/nop-and-xchg", test_nop_and_xchg);
    g_test_add_func("/decode/mode-splits", test_mode_splits);
    g_test_add_func("/decode/missing-features", test_missing_features);
    g_test_add_func("/decode/prefix-order", test_prefix_order);
    g_test_add_func("/decode/immediates", test_immediates);
    g_test_add_func("/decode/string-segment", test_string_segment);
    g_test_add_func("/decode/speed", test_speed);
    return g_test_run();
}
