/* LINK: @cpu @jit hw/core/memory.c hw/core/ram.c util/error.c util/log.c util/option.c util/rng.c -lxxhash -lm */
/*
 * tests/cpu/test-jit.c  The JIT against the interpreter: programs of random instructions, with random registers, flags and memory, run on
 * both; after every number of instructions all state must be equal: registers, flags, TLB, fetch latch, memory, device.
 */
#include "tests/cpu/jit-compare.h"

#define MAX_CODE 2048

/* ---- random programs ---- */

typedef struct Program {
    uint8_t bytes[MAX_CODE];
    unsigned len;
} Program;

static void put(Program *p, unsigned v)
{
    p->bytes[p->len++] = (uint8_t)v;
}

static void put_bytes(Program *p, uint32_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        put(p, v >> (8 * i));
    }
}

static uint32_t random_imm(void)
{
    static const uint32_t special[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff };
    return below(2) ? special[below(ARRAY_SIZE(special))] : g_rand_int(rnd);
}

/* In 64-bit mode, after the other prefixes. */
static void put_rex(Program *p)
{
    if (machine_is_64() && below(3)) {
        put(p, 0x40 | below(16));
    }
}

/* An absolute address, or one relative to RIP. */
static void put_address_of(Program *p, uint32_t address)
{
    put_bytes(p, machine_is_64() ? address - (CODE + p->len + 4) : address, 4);
}

static void put_address(Program *p)
{
    put_address_of(p, DATA + below(below(4) ? 0x3000 : 0x6000));
}

/* ModRM (and SIB, displacement): a register half the time, else mostly near DATA. reg: 0..7, or 8 for any. */
static void put_modrm(Program *p, unsigned reg, bool memory_only)
{
    unsigned r = reg == 8 ? below(8) : reg;
    if (!memory_only && below(2)) {
        put(p, 0xc0 | r << 3 | below(8));
        return;
    }
    unsigned rm = below(8);
    if (rm == 4) {
        put(p, 0x44 | r << 3);
        put(p, 0x24); /* [esp + disp8] */
        put(p, below(64) * 4);
    } else if (below(8) == 0) {
        put(p, 0x05 | r << 3);
        put_address(p);
    } else if (below(6) == 0) {
        put(p, 0x04 | r << 3);
        put(p, below(3) << 6 | below(8) << 3 | below(4)); /* [base + index * scale]: anywhere */
    } else {
        put(p, 0x40 | r << 3 | rm);
        put(p, below(256));
    }
}

/* SSE and SSE2: moves, arithmetic, logic, packed integers, shuffles, conversions, compares. */
static void put_sse(Program *p)
{
    static const uint8_t packed[] = { 0x60, 0x63, 0x66, 0x6c, 0x74, 0xd4, 0xd5, 0xdb, 0xe5, 0xef, 0xf3, 0xf4, 0xfa, 0xfe, 0x14, 0x54, 0x57 };
    static const uint8_t arithmetic[] = { 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f, 0x51 };
    static const uint8_t prefixes[] = { 0, 0x66, 0xf3, 0xf2 };
    static const uint8_t moves[][2] = { { 0, 0x10 }, { 0, 0x11 }, { 0, 0x28 }, { 0, 0x29 }, { 0x66, 0x6f }, { 0x66, 0x7f }, { 0xf3, 0x6f },
        { 0xf3, 0x7f }, { 0x66, 0x6e }, { 0x66, 0x7e }, { 0xf3, 0x7e }, { 0x66, 0xd6 }, { 0xf3, 0x10 }, { 0xf3, 0x11 }, { 0xf2, 0x10 }, { 0xf2, 0x11 } };
    unsigned prefix = 0x66, op, imm = 0;
    switch (below(6)) {
    case 0:
        op = packed[below(ARRAY_SIZE(packed))];
        break;
    case 1:
        op = arithmetic[below(ARRAY_SIZE(arithmetic))];
        prefix = prefixes[below(4)];
        break;
    case 2:
        op = below(2) ? 0x2e : 0x2f;
        prefix = prefixes[below(2)];
        if (below(2)) {
            op = below(2) ? 0x2a : 0x2c + below(2);
            prefix = prefixes[2 + below(2)];
        }
        break;
    case 3:
        op = below(2) ? 0x70 : 0xc6;
        prefix = op == 0x70 ? prefixes[1 + below(3)] : prefixes[below(2)];
        imm = 1;
        break;
    case 4: {
        static const uint8_t more[][3] = { { 0, 0x5a, 0 },    { 0x66, 0x5a, 0 }, { 0xf3, 0x5a, 0 }, { 0xf2, 0x5a, 0 }, { 0, 0x5b, 0 },
                                           { 0x66, 0x5b, 0 }, { 0xf3, 0x5b, 0 }, { 0xf3, 0xe6, 0 }, { 0xf2, 0xe6, 0 }, { 0x66, 0xe6, 0 },
                                           { 0, 0xc2, 1 },    { 0x66, 0xc2, 1 }, { 0xf3, 0xc2, 1 }, { 0xf2, 0xc2, 1 }, { 0, 0x12, 0 },
                                           { 0, 0x16, 0 },    { 0x66, 0x12, 0 }, { 0x66, 0x16, 0 }, { 0, 0x13, 0 },    { 0x66, 0x17, 0 },
                                           { 0, 0x2b, 0 },    { 0x66, 0xe7, 0 }, { 0x66, 0xd7, 0 }, { 0x66, 0x50, 0 }, { 0, 0x50, 0 },
                                           { 0x66, 0xc5, 1 }, { 0x66, 0xc4, 1 } };
        const uint8_t *row = more[below(ARRAY_SIZE(more))];
        prefix = row[0];
        op = row[1];
        imm = row[2];
        break;
    }
    default: {
        const uint8_t *move = moves[below(ARRAY_SIZE(moves))];
        prefix = move[0];
        op = move[1];
    }
    }
    if (prefix) {
        put(p, prefix);
    }
    put_rex(p);
    put(p, 0x0f);
    put(p, op);
    put_modrm(p, 8, false);
    if (imm) {
        put(p, below(256));
    }
}

#define CONTROL_WORDS (DATA + 0x6000) /* 64 of them, most with all exceptions masked */
#define MXCSR_WORDS   (DATA + 0x6100) /* likewise */

static bool has_operand(const InsnInfo *info, unsigned kind)
{
    return info->operands[1] == kind || info->operands[2] == kind;
}

/* Any row of the table. */
static void put_sse_row(Program *p)
{
    static const uint8_t prefixes[] = { [PFX_66] = 0x66, [PFX_F3] = 0xf3, [PFX_F2] = 0xf2 };
    const InsnInfo *info;
    do {
        info = &insn_table[below((uint32_t)insn_table_size)];
    } while (info->map != M_0F || !(info->attributes & SSE) || (info->attributes & VEX_INSN));
    if (info->prefix != PFX_NONE) {
        put(p, prefixes[info->prefix]);
    }
    put_rex(p);
    put(p, 0x0f);
    put(p, info->opcode);
    unsigned reg = info->modrm.reg < 0 ? 8 : (unsigned)info->modrm.reg;
    if (info->opcode == 0xae) {
        put(p, 0x05 | reg << 3);
        put_address_of(p, MXCSR_WORDS + 4 * below(32));
    } else if (info->modrm.mod == MOD_REG) {
        put(p, 0xc0 | (reg == 8 ? below(8) : reg) << 3 | below(8));
    } else {
        put_modrm(p, reg, info->modrm.mod == MOD_MEM);
    }
    if (has_operand(info, OPERAND_Ib)) {
        put(p, below(256));
    }
}

/* MMX: one of each kind. */
static void put_mmx(Program *p)
{
    static const uint8_t ops[] = { 0x60, 0x63, 0x66, 0x67, 0x68, 0x6a, 0x6b, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x77, 0x7e, 0x7f, 0xc4, 0xc5,
        0xd1, 0xd4, 0xd5, 0xd6, 0xd7, 0xd9, 0xda, 0xdb, 0xdf, 0xe0, 0xe2, 0xe4, 0xe5, 0xe7, 0xe9, 0xee, 0xf1, 0xf4, 0xf5, 0xf6, 0xf8, 0xfb, 0xfc, 0xef };
    unsigned op = ops[below(ARRAY_SIZE(ops))];
    if (op == 0xd6) {
        put(p, below(2) ? 0xf2 : 0xf3);
    }
    put_rex(p);
    put(p, 0x0f);
    put(p, op);
    if (op >= 0x71 && op <= 0x73) {
        put(p, 0xc0 | (2 + 2 * below(3)) << 3 | below(8));
    } else if (op != 0x77) {
        put_modrm(p, 8, false);
    }
    if ((op >= 0x70 && op <= 0x73) || op == 0xc4 || op == 0xc5) {
        put(p, below(80));
    }
}

/* x87: memory operands of all kinds, register forms of all kinds (functions, aliases and holes too), control words, state images. */
static void put_x87(Program *p)
{
    static const uint8_t common[][2] = { { 0xd9, 0xe8 }, { 0xd9, 0xee }, { 0xd9, 0xc0 }, { 0xd9, 0xc9 }, { 0xdf, 0xe0 }, { 0xd9, 0xfa }, { 0xd9, 0xfc },
        { 0xdd, 0xd8 }, { 0xdf, 0xe9 }, { 0xdb, 0xf1 }, { 0xde, 0xc1 }, { 0xd9, 0xe0 }, { 0xd9, 0xf7 }, { 0xdd, 0xc0 } };
    unsigned op = 0xd8 + below(8);
    switch (below(12)) {
    case 0 ... 5:
        put_rex(p);
        put(p, op);
        put_modrm(p, 8, true);
        break;
    case 6:
    case 7:
        put_rex(p);
        put(p, op);
        put(p, 0xc0 | below(64));
        break;
    case 8:
    case 9: {
        const uint8_t *insn = common[below(ARRAY_SIZE(common))];
        put(p, insn[0]);
        put(p, insn[1]);
        break;
    }
    case 10:
        put(p, 0xd9);
        put(p, 0x05 | (below(2) ? 5 : 7) << 3);
        put_address_of(p, CONTROL_WORDS + 2 * below(64));
        break;
    default:
        if (below(3) == 0) {
            put(p, 0x9b);
        } else if (below(2)) {
            put(p, 0xd8 + below(4) * 2 + 1);
            put(p, 0xe0 | below(8));
        } else {
            put(p, 0x0f);
            put(p, 0xae);
            put_modrm(p, below(2), true);
        }
    }
}

/* What only 64-bit mode has, or what is interesting there only. */
static void put_insn64(Program *p, bool wide)
{
    switch (below(5)) {
    case 0:
        put(p, 0x63);
        put_modrm(p, 8, false);
        break;
    case 1:
        put(p, 0x0f);
        put(p, 0xc8 + below(8)); /* BSWAP */
        break;
    case 2:
        put(p, 0xfe + below(2)); /* INC DEC CALL JMP PUSH */
        put_modrm(p, below(8), false);
        break;
    case 3:
        put(p, below(2) ? 0xc3 : 0x68);
        if (p->bytes[p->len - 1] == 0x68) {
            put_bytes(p, g_rand_int(rnd), 4);
        }
        break;
    default:
        put(p, 0xb8 + below(8));
        put_bytes(p, random_imm(), 4);
        if (wide) {
            put_bytes(p, random_imm(), 4);
        }
    }
}

/* System instructions with a rule. */
static void put_system(Program *p)
{
    static const uint8_t control[] = { 0, 2, 3, 4, 1 };
    static const uint8_t selectors[] = { 0x10, 0x28, 0x2b, 0x2a, 0x2b, 0x2b, 0x00, 0x33, 0x08, 0x70 };
    unsigned seg = below(2) ? R_DS : R_ES;
    switch (below(12)) {
    case 11:
        put(p, 0x6a); /* POP FS */
        put(p, selectors[below(ARRAY_SIZE(selectors))]);
        put(p, 0x0f);
        put(p, 0xa1);
        break;
    case 10:
        put(p, 0xb8); /* MOV FS */
        put_bytes(p, selectors[below(ARRAY_SIZE(selectors))], 4);
        put(p, 0x8e);
        put(p, 0xc0 | R_FS << 3);
        break;
    case 9:
        put(p, 0xb8); /* VERW */
        put_bytes(p, selectors[below(ARRAY_SIZE(selectors))], 4);
        put(p, 0x0f);
        put(p, 0x00);
        put(p, 0xe8);
        break;
    case 6:
    case 7:
        put(p, 0x6a); /* POP DS, ES */
        put(p, selectors[below(ARRAY_SIZE(selectors))]);
        put(p, 0x07 | seg << 3);
        break;
    case 8:
        put(p, 0xb8); /* MOV DS, ES */
        put_bytes(p, selectors[below(ARRAY_SIZE(selectors))], 4);
        put(p, 0x8e);
        put(p, 0xc0 | seg << 3);
        break;
    case 0:
    case 1:
        put(p, 0x0f);
        put(p, 0x31); /* RDTSC */
        break;
    case 2:
        put(p, 0x0f);
        put(p, 0x20); /* MOV from CR */
        put(p, 0xc0 | control[below(5)] << 3 | below(8));
        break;
    case 3:
        put(p, 0x0f);
        put(p, 0x01); /* SWAPGS */
        put(p, 0xf8);
        break;
    case 4:
        put(p, 0x0f);
        put(p, 0xc7); /* CMPXCHG8B */
        put_modrm(p, 1, true);
        break;
    default:
        put(p, 0x6a); /* PUSH, POPF: common changes, and others */
        put(p, below(128));
        if (below(2)) {
            put(p, 0x80);
            put(p, 0x4c);
            put(p, 0x24);
            put(p, 1);
            put(p, below(8) ? below(2) << 1 | below(2) << 3 : below(256));
        }
        put(p, 0x9d);
    }
}

/* Jumps forward, what they ask for, and stores into the program: what translations that run on through jumps are made of. */
static void put_branchy(Program *p)
{
    static const uint8_t compare[] = { 0x38, 0x39, 0x3a, 0x3b, 0x84, 0x85, 0x21, 0x23, 0x09, 0x31, 0x29, 0x2b };
    switch (below(10)) {
    case 0 ... 3:
        put(p, 0x70 + below(16));
        put(p, below(20));
        break;
    case 4:
        put(p, 0x0f);
        put(p, 0x80 + below(16));
        put_bytes(p, below(24), 4);
        break;
    case 5:
        put(p, 0xeb);
        put(p, below(10));
        break;
    case 6: /* a byte of the code that may be running */
        put(p, 0xc6);
        put(p, 0x05);
        put_address_of(p, CODE + below(p->len + 24));
        put(p, below(2) ? 0x90 : below(256));
        break;
    default:
        put(p, compare[below(ARRAY_SIZE(compare))]);
        put_modrm(p, 8, false);
    }
}

static unsigned sse_share, x87_share, mmx_share; /* of ten */
static unsigned branch_share;                    /* of ten, before the others */

static void put_insn(Program *p)
{
    unsigned kind = below(10);
    if (branch_share && below(10) < branch_share) {
        put_branchy(p);
        return;
    }
    if (kind < sse_share) {
        (below(2) ? put_sse : put_sse_row)(p);
        return;
    }
    if (kind < sse_share + x87_share) {
        put_x87(p);
        return;
    }
    if (kind < sse_share + x87_share + mmx_share) {
        put_mmx(p);
        return;
    }
    static const uint8_t group1[] = { 0x80, 0x81, 0x83 };
    static const uint8_t shifts[] = { 0xc0, 0xc1, 0xd0, 0xd1, 0xd2, 0xd3 };
    static const uint8_t two_byte[] = { 0xaf, 0xb6, 0xb7, 0xbe, 0xbf, 0xbc, 0xbd, 0xa3, 0xab, 0xb3, 0xbb, 0xb0, 0xb1, 0xc0, 0xc1, 0xa5, 0xad };
    bool word = below(6) == 0;
    unsigned imm = word ? 2 : 4, rex = 0, op;
    if (word) {
        put(p, 0x66);
    }
    if (machine_mode != FLAT32 && below(12) == 0) {
        static const uint8_t prefixes[] = { 0x64, 0x65, 0x67, 0x36 };
        put(p, prefixes[below(ARRAY_SIZE(prefixes))]);
    }
    if (machine_is_64() && below(3)) {
        rex = 0x40 | below(16);
        put(p, rex);
        imm = rex & 8 ? 4 : imm;
    }
    if (machine_mode != FLAT32 && below(12) == 0) {
        put_insn64(p, rex & 8);
        return;
    }
    switch (below(25)) {
    case 0 ... 5: /* ALU r/m, r */
        put(p, below(8) * 8 + below(4));
        put_modrm(p, 8, false);
        break;
    case 6:
        op = below(8) * 8 + 4 + below(2);
        put(p, op);
        put_bytes(p, random_imm(), op & 1 ? imm : 1);
        break;
    case 7:
    case 8:
        op = group1[below(3)];
        put(p, op);
        put_modrm(p, below(8), false);
        put_bytes(p, random_imm(), op == 0x81 ? imm : 1);
        break;
    case 9:
        op = 0x84 + below(8); /* TEST XCHG MOV */
        put(p, op);
        put_modrm(p, 8, false);
        break;
    case 10:
        op = 0xf6 + below(2);
        unsigned ext = below(8);
        put(p, op);
        put_modrm(p, ext, false);
        if (ext < 2) {
            put_bytes(p, random_imm(), op == 0xf6 ? 1 : imm);
        }
        break;
    case 11:
        put(p, 0x40 + below(16));
        break;
    case 12:
    case 13:
        op = shifts[below(6)];
        put(p, op);
        put_modrm(p, below(8), false);
        if (op < 0xd0) {
            put(p, below(40));
        }
        break;
    case 14:
        put(p, 0x0f);
        put(p, two_byte[below(ARRAY_SIZE(two_byte))]);
        put_modrm(p, 8, false);
        break;
    case 15:
        put(p, 0x0f);
        put(p, 0x40 + below(16)); /* CMOVcc */
        put_modrm(p, 8, false);
        break;
    case 16:
        put(p, 0x0f);
        put(p, 0x90 + below(16)); /* SETcc */
        put_modrm(p, 0, false);
        break;
    case 17:
        put(p, 0x0f);
        put(p, below(2) ? 0xba : below(2) ? 0xa4 : 0xac);
        op = p->bytes[p->len - 1];
        put_modrm(p, op == 0xba ? 4 + below(4) : 8, false);
        put(p, below(64));
        break;
    case 18:
        put(p, 0x50 + below(16));
        break;
    case 19:
        put(p, 0x8d);
        put_modrm(p, 8, true);
        break;
    case 20:
        put(p, below(2) ? 0x69 : 0x6b);
        op = p->bytes[p->len - 1];
        put_modrm(p, 8, false);
        put_bytes(p, random_imm(), op == 0x69 ? imm : 1);
        break;
    case 21: {
        static const uint8_t odd[] = { 0x98, 0x99, 0x9c, 0x9e, 0x9f, 0xf5, 0xf8, 0xf9, 0xfc, 0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xd7, 0x27, 0x90, 0xc9,
                                      0x06, 0x0e, 0x16, 0x1e, 0xfa, 0xfb, 0xfd, 0x9c, 0x9d, 0x8c };
        put(p, odd[below(ARRAY_SIZE(odd))]);
        if (p->bytes[p->len - 1] == 0x8c) {
            put_modrm(p, below(7), false);
        }
        break;
    }
    case 23:
        put_system(p);
        break;
    case 22: /* Jcc, a little forward */
        put(p, 0x70 + below(16));
        put(p, below(12));
        break;
    default:
        put(p, below(2) ? 0xc6 : 0xc7);
        op = p->bytes[p->len - 1];
        put_modrm(p, 0, false);
        put_bytes(p, random_imm(), op == 0xc6 ? 1 : imm);
        break;
    }
}

static Program random_program(unsigned insns)
{
    Program p = { .len = 0 };
    for (unsigned i = 0; i < insns; i++) {
        put_insn(&p);
    }
    for (int i = 0; i < 16; i++) {
        put(&p, 0xf4);
    }
    return p;
}

/* ---- states ---- */

typedef struct Start {
    uint64_t gpr[16];
    uint32_t eflags;
    uint32_t seed; /* of memory */
    uint32_t mxcsr;
    XMMReg xmm[16];
    uint32_t cr0; /* bits to be set */
    FPUState fpu;
} Start;

/* Finite, special, denormal and unsupported numbers. */
static floatx80 random_x80(void)
{
    static const uint16_t exponents[] = { 0, 1, 0x3fff, 0x7fff, 0x3fff - 1023, 0x3fff + 1023, 0x3fff - 127, 0x3fff + 127, 0x7ffe, 0x403e };
    uint64_t low = (uint64_t)g_rand_int(rnd) << 32 | g_rand_int(rnd);
    unsigned exp = below(2) ? exponents[below(ARRAY_SIZE(exponents))] + below(5) - 2 : 0x3ff0 + below(60);
    low = below(3) ? low | 1ull << 63 : below(3) ? 1ull << 63 : low & -(uint64_t)below(2);
    low &= below(3) ? ~0ull : ~0ull << below(64);
    return (floatx80){ .low = low, .high = (uint16_t)((exp & 0x7fff) | below(2) << 15) };
}

static uint32_t random_mxcsr(void)
{
    uint32_t masks = below(16) ? 0x1f80u : g_rand_int(rnd) & 0x1f80u;
    return masks | (below(2) ? g_rand_int(rnd) & 0xe07fu : 0);
}

static uint16_t random_control(void)
{
    uint32_t v = g_rand_int(rnd);
    return (uint16_t)((v & 0x1f00) | 0x40 | (below(12) ? 0x3fu : v & 0x3f));
}

static FPUState random_fpu(void)
{
    FPUState f = { .cw = random_control(), .sw = g_rand_int(rnd) & 0x477f, .top = below(8) & 7, .opcode = 0x123, .ip = 0x456, .dp = 0x789 };
    f.sw &= below(3) ? 0x4700u : 0xffffu;
    f.sw |= f.sw & ~f.cw & 0x3f ? 0x8080 : 0;
    f.tag = (uint8_t)(below(3) ? 0xffu << below(8) : below(2) ? 0xffu : g_rand_int(rnd));
    for (int i = 0; i < 8; i++) {
        f.st[i] = random_x80();
    }
    return f;
}

/* In long mode the upper halves of registers hold something too; now and then addresses that are not canonical. */
static uint64_t random_register(void)
{
    uint64_t v = below(3) ? DATA + below((cpu->cr0 & CR0_PG) && below(8) == 0 ? 0x6000 : 0x3000) : random_imm();
    if (machine_mode != FLAT32 && below(6) == 0) {
        v |= (uint64_t)random_imm() << 32;
    }
    return v;
}

static Start random_start(void)
{
    Start s = { .eflags = g_rand_int(rnd) & CC_ALL, .seed = g_rand_int(rnd) };
    for (int i = 0; i < 16; i++) {
        s.gpr[i] = random_register();
    }
    s.gpr[R_ESP] = STACK + below(64) * 4 - below(2) * below(5);
    s.mxcsr = random_mxcsr();
    for (int i = 0; i < 64; i++) {
        s.xmm[i / 4].l[i % 4] = below(3) ? g_rand_int(rnd) : (uint32_t)below(4) << 30 | below(2) << 23;
    }
    s.cr0 = (below(2) ? CR0_NE : 0) | (below(24) ? 0 : CR0_TS) | (below(24) ? 0 : CR0_EM) | (below(2) ? CR0_MP : 0);
    s.fpu = random_fpu();
    return s;
}

/* Numbers of all formats, and control words: what is at DATA for x87 and SSE programs. */
static uint8_t numbers[STACK - DATA];

static void make_numbers(void)
{
    for (uint32_t a = 0; a < sizeof(numbers); a++) {
        numbers[a] = (uint8_t)g_rand_int(rnd);
    }
    for (uint32_t a = 0; a < sizeof(numbers); a += 16) {
        floatx80 v = random_x80();
        unsigned size = below(4);
        unsigned exp = (v.high & 0x7fff) == 0x7fff ? 0xffff : below(4) ? (v.high & 0x7fff) - 0x3fff : 0;
        uint64_t fraction = v.low << 1 >> (below(3) ? 0 : 40);
        uint64_t f64 = (uint64_t)(v.high >> 15) << 63 | (uint64_t)((exp ? exp + 1023 : 0) & 0x7ff) << 52 | fraction >> 12;
        uint32_t f32 = (uint32_t)(v.high >> 15) << 31 | ((exp ? exp + 127 : 0) & 0xff) << 23 | (uint32_t)(fraction >> 41);
        memcpy(numbers + a, size == 0 ? (void *)&f32 : size == 1 ? (void *)&f64 : (void *)&v, size == 0 ? 4 : size == 1 ? 8 : size == 2 ? 10 : 0);
    }
    for (uint32_t i = 0; i < 64; i++) {
        uint16_t cw = random_control();
        memcpy(numbers + CONTROL_WORDS - DATA + 2 * i, &cw, 2);
    }
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t v = random_mxcsr();
        memcpy(numbers + MXCSR_WORDS - DATA + 4 * i, &v, 4);
    }
}

static void make_image(const Program *p, const Start *s)
{
    uint32_t v = s->seed;
    image_begin(p->bytes, p->len);
    for (uint32_t a = DATA; a < RAM_SIZE; a += 4) {
        v = next_word(v);
        memcpy(image + a, &v, 4);
    }
    if (x87_share + sse_share) {
        memcpy(image + DATA, numbers, sizeof(numbers));
    }
}

static void load_start(gconstpointer start)
{
    const Start *s = start;
    load_image();
    tlb_flush(cpu, true);
    for (int i = 0; i < 16; i++) {
        cpu->gpr[i] = i < 8 || machine_mode != FLAT32 ? s->gpr[i] : 0;
    }
    cpu_set_eflags(cpu, s->eflags | 2);
    machine_flat_segments();
    load_run_state(s->seed);
    cpu->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
    cpu->mxcsr = s->mxcsr;
    memcpy(cpu->xmm, s->xmm, sizeof(s->xmm));
    cpu->fpu = s->fpu;
    if (x87_share + mmx_share) {
        cpu->cr0 = (cpu->cr0 & ~(uint64_t)(CR0_NE | CR0_TS | CR0_EM | CR0_MP)) | s->cr0;
    }
}

static void compare(const Program *p, const Start *s, int64_t budget, uint32_t seed)
{
    char what[16];
    snprintf(what, sizeof(what), "mode %d", machine_mode);
    run_both(load_start, s, budget);
    expect_equal(what, seed, budget, p->len);
}

static void random_case(uint32_t seed, unsigned insns)
{
    g_rand_set_seed(rnd, seed);
    machine_reset();
    if (x87_share + mmx_share && machine_mode == FLAT32) {
        machine_paging();
    }
    memcpy(low_memory, mem, CODE);
    Program p = random_program(insns);
    for (int round = 0; round < 3; round++) {
        Start s = random_start();
        make_image(&p, &s);
        for (int64_t budget = 1; budget <= insns + 2; budget += 1 + below(3)) {
            compare(&p, &s, budget, seed);
        }
        compare(&p, &s, 1000, seed);
    }
}

static void many_cases(unsigned insns, unsigned cases)
{
    const char *one = g_getenv("TEST_JIT_SEED");
    for (uint32_t seed = 1; seed <= cases; seed++) {
        random_case(one ? (uint32_t)atoi(one) : seed * 1000 + insns, insns);
    }
}

static void test_single(void)
{
    many_cases(1, 4000);
}
static void test_short(void)
{
    many_cases(4, 2000);
}
static void test_long(void)
{
    many_cases(24, 400);
}

/* ---- stress: what it changes does not show ---- */

static void stress_one(void)
{
    jit_config.max_insns = 1;
}
static void stress_handlers(void)
{
    jit_config.no_native = true;
}
static void stress_no_links(void)
{
    jit_config.no_links = true;
}
static void stress_random(void)
{
    jit_config.random = true;
}
static void stress_exact(void)
{
    jit_config.exact = true;
}
/* The cache is full after a few translations. */
static void stress_tiny(void)
{
    jit_cache.data_size = jit_cache.data_kept + JIT_ROOM_DATA + 16 * KiB;
}

typedef struct Stress {
    const char *name;
    void (*set)(void);
    unsigned flushes; /* of the code cache, at least */
} Stress;

static const Stress stresses[] = { { "one-instruction-blocks", stress_one }, { "handlers", stress_handlers }, { "no-links", stress_no_links },
    { "random-cuts", stress_random }, { "exact-ends", stress_exact }, { "tiny-cache", stress_tiny, 500 } };

static void test_control_flow(void);
static void test_smc(void);

static void test_stress(gconstpointer data)
{
    const Stress *stress = data;
    const JitConfig config = jit_config;
    const size_t size = jit_cache.data_size;
    uint64_t flushes = jit_stats.flushes;
    stress->set();
    test_control_flow();
    test_smc();
    static const MachineMode modes[] = { FLAT32, CODE64_USER };
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        machine_mode = modes[i];
        branch_share = 6;
        many_cases(16, 25);
        branch_share = 0;
        many_cases(4, 25);
        many_cases(12, 25);
        sse_share = 6;
        many_cases(12, 10);
        sse_share = 0;
    }
    machine_mode = FLAT32;
    g_assert_cmpuint(jit_stats.flushes - flushes, >=, stress->flushes);
    jit_config = config;
    jit_cache.data_size = size;
}

static void test_sse(void)
{
    sse_share = 10;
    many_cases(1, 3000);
    sse_share = 6;
    many_cases(12, 500);
    sse_share = 0;
}

/* Alone, and mixed with integer and SSE code; pages are missing, and state in CR0 and the control word refuses now and then. */
static void test_x87(void)
{
    x87_share = 10;
    many_cases(1, 1500);
    many_cases(8, 400);
    x87_share = 6;
    sse_share = 1;
    many_cases(16, 120);
    x87_share = sse_share = 0;
}

static void test_mmx(void)
{
    mmx_share = 10;
    many_cases(1, 600);
    mmx_share = x87_share = 4;
    many_cases(12, 150);
    jit_config.max_insns = 1;
    many_cases(8, 60);
    jit_config.max_insns = BLOCK_MAX_INSNS;
    mmx_share = x87_share = 0;
}

/* Mostly jumps and comparisons; then with state that only some ways through the program need. */
static void test_branches(gconstpointer mode)
{
    machine_mode = (MachineMode)GPOINTER_TO_INT(mode);
    branch_share = 6;
    many_cases(10, 400);
    many_cases(32, 100);
    branch_share = 4;
    sse_share = 3;
    x87_share = 3;
    many_cases(16, 150);
    branch_share = sse_share = x87_share = 0;
    machine_mode = FLAT32;
}

/* ---- long mode ---- */

static void test_long_mode(gconstpointer mode)
{
    machine_mode = (MachineMode)GPOINTER_TO_INT(mode);
    many_cases(1, 1200);
    many_cases(5, 400);
    many_cases(24, 80);
    sse_share = 6;
    many_cases(8, 150);
    sse_share = 0;
    x87_share = 5;
    mmx_share = 2;
    many_cases(2, 300);
    many_cases(12, 80);
    x87_share = mmx_share = 0;
    machine_mode = FLAT32;
}


/* ---- whole programs ---- */

static void run_program(const uint8_t *code, size_t len)
{
    Program p = { .len = (unsigned)len };
    Start s = { .gpr = { [R_ESP] = STACK, [R_EBX] = DATA } };
    memcpy(p.bytes, code, len);
    machine_reset();
    memcpy(low_memory, mem, CODE);
    make_image(&p, &s);
    for (int64_t budget = 1; budget < 3000; budget += budget < 64 ? 1 : 61) {
        compare(&p, &s, budget, 0);
    }
}

/* Loops, calls and returns, indirect jumps, pages. */
static void test_control_flow(void)
{
    static const uint8_t code[] = {
        0xb9, 0x0a, 0x00, 0x00, 0x00,             /*    mov $10, %ecx */
        0xe8, 0x0c, 0x00, 0x00, 0x00,             /* 1: call f */
        0x49, 0x75, 0xf8,                         /*    dec %ecx; jnz 1b */
        0xb8, 0x1c, 0x00, 0x01, 0x00,             /*    mov $out, %eax */
        0xff, 0xe0,                               /*    jmp *%eax */
        0xf4, 0xf4,
        0x01, 0xca, 0x83, 0x03, 0x03, 0xc3,       /* f: add %ecx, %edx; addl $3, (%ebx); ret */
        0x90, 0xf4                                /* out */
    };
    run_program(code, sizeof(code));
}

/* Adds 1, 2, ... 100 by incrementing the immediate of the next instruction. */
static void test_smc(void)
{
    static const uint8_t code[] = {
        0xb9, 0x64, 0x00, 0x00, 0x00, 0x31, 0xc0, 0xfe, 0x05, 0x0f, 0x00, 0x01, 0x00, 0x83, 0xc0, 0x00, 0x49, 0x75, 0xf4, 0xf4
    };
    run_program(code, sizeof(code));
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 5050);
}

/* 64-bit code: pairs of CALL and RET, RET imm16, a retpoline, an indirect call, at last a return to where no address is. */
__asm__(".pushsection .rodata\n calls64_start: mov $12, %ecx\n"
        "1: call 2f; lea 3f(%rip), %rax; call 6f; lea 4f(%rip), %rdi; call *%rdi; dec %ecx; jnz 1b\n"
        "   movabs $0x900000000000, %rax; push %rax; ret\n"
        "2: add %rcx, %rdx; call 4f; ret; 3: add $3, %rsi; ret; 4: push $5; call 5f; inc %rsi; ret; 5: add %rdx, %rsi; ret $8\n"
        "6: call 7f; 8: pause; lfence; jmp 8b; 7: mov %rax, (%rsp); ret\n"
        "calls64_end: .popsection");
extern const uint8_t calls64_start[], calls64_end[];

static void test_calls_64(gconstpointer mode)
{
    machine_mode = (MachineMode)GPOINTER_TO_INT(mode);
    run_program(calls64_start, (size_t)(calls64_end - calls64_start));
    g_assert_cmpuint(cpu->gpr[R_ECX], ==, 0);
    g_assert_true(cpu->halted);
    machine_mode = FLAT32;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rnd = g_rand_new();
    machine_init();
    g_rand_set_seed(rnd, 1);
    make_numbers();
    g_test_add_func("/jit/control-flow", test_control_flow);
    g_test_add_func("/jit/self-modifying", test_smc);
    g_test_add_func("/jit/random/single", test_single);
    g_test_add_func("/jit/random/short", test_short);
    g_test_add_func("/jit/random/long", test_long);
    g_test_add_func("/jit/random/sse", test_sse);
    g_test_add_func("/jit/random/x87", test_x87);
    g_test_add_func("/jit/random/mmx", test_mmx);
    g_test_add_data_func("/jit/random/branches", GINT_TO_POINTER(FLAT32), test_branches);
    g_test_add_data_func("/jit/random/branches-64", GINT_TO_POINTER(CODE64_USER), test_branches);
    for (size_t i = 0; i < ARRAY_SIZE(stresses); i++) {
        g_autofree char *path = g_strconcat("/jit/stress/", stresses[i].name, NULL);
        g_test_add_data_func(path, &stresses[i], test_stress);
    }
    g_test_add_data_func("/jit/calls/64-kernel", GINT_TO_POINTER(CODE64_KERNEL), test_calls_64);
    g_test_add_data_func("/jit/calls/64-user", GINT_TO_POINTER(CODE64_USER), test_calls_64);
    g_test_add_data_func("/jit/random/64-kernel", GINT_TO_POINTER(CODE64_KERNEL), test_long_mode);
    g_test_add_data_func("/jit/random/64-user", GINT_TO_POINTER(CODE64_USER), test_long_mode);
    g_test_add_data_func("/jit/random/compat-kernel", GINT_TO_POINTER(COMPAT_KERNEL), test_long_mode);
    g_test_add_data_func("/jit/random/compat-user", GINT_TO_POINTER(COMPAT_USER), test_long_mode);
    return g_test_run();
}
