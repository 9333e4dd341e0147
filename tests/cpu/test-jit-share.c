/* LINK: @cpu @jit hw/core/memory.c hw/core/ram.c util/error.c util/log.c util/option.c util/rng.c -lxxhash -lm */
/*
 * tests/cpu/test-jit-share.c  Accesses that share a TLB probe (accel/jit/share.c), against the interpreter: random
 * programs that access memory again and again by a few registers, a few bytes apart, while those registers change, the
 * stack moves, jumps lead out, and the pages behind are missing, read-only, not dirty, of a device, watched, code that
 * runs, remapped, or evicted from the TLB by each other. After every number of instructions all state must be equal:
 * registers, flags, icount, CR2, the TLB's entries, the page tables, memory.
 */
#include "tests/cpu/jit-compare.h"

#define MAX_CODE   1024
#define ALIAS      0x40000000u           /* plus this: the same memory, and the same place in the TLB */
#define LEVEL_0    (DATA + 0x7000)       /* a page that level 3 may not touch */
#define TOP        (DATA + 0x8000)       /* is also the last page below 4 GiB, and of 64 bits */
#define HIGH       0xffffffff80000000ull /* long mode: plus this the same memory */
#define PAGE_ENTRY (TABLES + (machine_mode == FLAT32 ? 1u : 3u) * PAGE_SIZE)

/* ---- what is special about a machine ---- */

typedef struct Variant {
    const char *name;
    MachineMode mode;
    bool code16;
    int odd_seg; /* legacy modes: this segment is not flat; -1: all are */
    bool watch;  /* debug registers */
    bool sse;
} Variant;

static const Variant *variant;

static bool is_user(void)
{
    return machine_mode == CODE64_USER || machine_mode == COMPAT_USER;
}

static uint64_t page_entry(uint32_t page)
{
    uint64_t bits = page == READONLY ? 5 : page == LEVEL_0 ? 3 : 7;
    return page == MISSING ? 0 : page | bits;
}

static void put_page_entry(uint32_t number, uint64_t entry)
{
    memcpy(mem + PAGE_ENTRY + number * (machine_mode == FLAT32 ? 4 : 8), &entry, machine_mode == FLAT32 ? 4 : 8);
}

static void map_more(void)
{
    for (uint32_t page = 0; page < RAM_SIZE; page += PAGE_SIZE) {
        put_page_entry(page >> PAGE_BITS, page_entry(page));
    }
    if (machine_mode == FLAT32) {
        uint32_t table = PAGE_ENTRY | 7;
        memcpy(mem + TABLES + 4 * (ALIAS >> 22), &table, 4);
        memcpy(mem + TABLES + 4 * 1023, &table, 4);
        put_page_entry(1023, TOP | 7);
        return;
    }
    put64(TABLES + 8 * 511, (TABLES + PAGE_SIZE) | 7);
    for (uint32_t i = 0; i < 512; i += i == 4 ? 506 : 1) {
        put64(TABLES + PAGE_SIZE + 8 * i, (TABLES + 2 * PAGE_SIZE) | 7);
    }
    put64(TABLES + 2 * PAGE_SIZE + 8 * 511, PAGE_ENTRY | 7);
    put_page_entry(511, TOP | 7);
}

/* Programs rewrite themselves, and then may change anything. */
static struct {
    uint64_t cr0, cr3, cr4, efer;
    __typeof__(((CPUState *)0)->gdt) gdt;
    __typeof__(((CPUState *)0)->idt) idt;
} control;

static void note_control(void)
{
    control.cr0 = cpu->cr0;
    control.cr3 = cpu->cr3;
    control.cr4 = cpu->cr4 | CR4_OSFXSR | CR4_OSXMMEXCPT;
    control.efer = cpu->efer;
    control.gdt = cpu->gdt;
    control.idt = cpu->idt;
}

static void restore_control(void)
{
    cpu->cr0 = control.cr0;
    cpu->cr3 = control.cr3;
    cpu->cr4 = control.cr4;
    cpu->efer = control.efer;
    cpu->gdt = control.gdt;
    cpu->idt = control.idt;
}

static void make_machine(void)
{
    machine_mode = variant->mode;
    machine_reset();
    if (machine_mode == FLAT32) {
        machine_paging();
    }
    map_more();
    memcpy(low_memory, mem, CODE);
    note_control();
}

/* ---- programs ---- */

typedef struct Program {
    uint8_t bytes[MAX_CODE];
    unsigned len;
    unsigned base[5], bases, index;
    int32_t near[5];              /* displacements of that base are about this */
    unsigned jump_at, jump_after; /* an open jump: its displacement; instructions until its target */
} Program;

static void put(Program *p, unsigned v)
{
    p->bytes[p->len++] = (uint8_t)v;
}

static void put_bytes(Program *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        put(p, (unsigned)(v >> (8 * i)));
    }
}

typedef struct Operand {
    unsigned base, index, scale; /* index 4: none */
    int32_t disp;
    unsigned seg; /* prefix; 0: none */
} Operand;

static unsigned rex_of(unsigned size, unsigned reg, unsigned index, unsigned rm)
{
    return 0x40 | (size == 3) << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | rm >> 3;
}

/* Prefixes and opcode; size: log2 bytes; 0x100 in op: two bytes; 0x660000, 0xf30000, 0xf20000: prefix. */
static void put_op(Program *p, unsigned op, unsigned size, unsigned rex, bool has_address)
{
    if (has_address && variant->code16) {
        put(p, 0x67);
    }
    if (variant->code16 ? size == 2 : size == 1) {
        put(p, 0x66);
    }
    if (op >> 16) {
        put(p, op >> 16);
    }
    if (machine_is_64() && (rex != 0x40 || below(4) == 0)) {
        put(p, rex);
    }
    if (op & 0x100) {
        put(p, 0x0f);
    }
    put(p, op & 0xff);
}

static void put_reg(Program *p, unsigned op, unsigned size, unsigned reg, unsigned rm)
{
    put_op(p, op, size, rex_of(size, reg, 0, rm), false);
    put(p, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static void put_mem(Program *p, unsigned op, unsigned size, unsigned reg, const Operand *o)
{
    bool sib = o->index != 4 || (o->base & 7) == 4, small = o->disp == (int8_t)o->disp && below(8);
    if (o->seg) {
        put(p, o->seg);
    }
    put_op(p, op, size, rex_of(size, reg, o->index, o->base), true);
    put(p, (small ? 0x40 : 0x80) | (reg & 7) << 3 | (sib ? 4 : o->base & 7));
    if (sib) {
        put(p, o->scale << 6 | (o->index & 7) << 3 | (o->base & 7));
    }
    put_bytes(p, (uint32_t)o->disp, small ? 1 : 4);
}

static unsigned any_reg(void)
{
    return below(machine_is_64() ? 16 : 8);
}

/* A register for data: not the stack pointer, mostly no base. */
static unsigned data_reg(const Program *p)
{
    unsigned reg;
    bool good;
    do {
        reg = any_reg();
        good = reg != R_ESP;
        for (unsigned i = 0; i < p->bases; i++) {
            good = good && (reg != p->base[i] || below(24) == 0);
        }
    } while (!good);
    return reg;
}

static unsigned any_size(void)
{
    static const uint8_t sizes[] = { 0, 1, 2, 2, 2, 3 };
    unsigned size = sizes[below(6)];
    return size == 3 && !machine_is_64() ? 2 : size;
}

static Operand any_operand(const Program *p)
{
    static const uint8_t segments[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
    unsigned i = below(p->bases);
    Operand o = { .base = p->base[i], .index = 4, .disp = p->near[i] + (int32_t)below(40) };
    if (below(10) == 0) {
        o.disp += (int32_t)below(600) - 300;
    }
    if (p->index != 4 && below(3) == 0) {
        o.index = p->index;
        o.scale = below(2);
    }
    if (below(16) == 0) {
        o.seg = segments[below(6)];
    }
    return o;
}

static void put_imm(Program *p, unsigned op, unsigned size)
{
    bool byte = size == 0 || op == 0x83 || op == 0x6b;
    put_bytes(p, below(2) ? g_rand_int(rnd) : below(4), byte ? 1 : size == 1 ? 2 : 4);
}

/* Without registers: an absolute address, in 64-bit mode also relative to RIP, or of 64 bits. */
static void put_constant(Program *p)
{
    static const uint8_t ops[] = { 0x89, 0x8b, 0x01, 0x03, 0x39, 0x87 };
    unsigned size = below(3) ? 2 : machine_is_64() ? 3 : 2, reg = data_reg(p), form = below(3);
    uint64_t address = DATA + PAGE_SIZE + (uint32_t)p->near[0] + below(64);
    if (form == 0) {
        put_op(p, 0xa0 + below(4), size, rex_of(size, 0, 0, 0), true);
        put_bytes(p, address, machine_is_64() ? 8 : 4);
        return;
    }
    put_op(p, ops[below(ARRAY_SIZE(ops))], size, rex_of(size, reg, 0, 0), true);
    put(p, 0x05 | (reg & 7) << 3);
    put_bytes(p, machine_is_64() ? address - (CODE + p->len + 4) : address, 4);
}

/* An instruction with a memory operand that has a rule. */
static void put_access(Program *p)
{
    static const uint8_t group1[] = { 0x80, 0x81, 0x83 }, shifts[] = { 4, 5, 7 };
    static const uint16_t two_byte[] = { 0x1af, 0x1b6, 0x1b7, 0x1be, 0x1bf, 0x1bc, 0x1bd };
    const Operand o = any_operand(p);
    unsigned size = any_size(), word = size ? 1 : 0, op, reg = data_reg(p);
    switch (below(16)) {
    case 0 ... 2:
        put_mem(p, below(8) * 8 + below(2) * 2 + word, size, reg, &o);
        break;
    case 3:
        op = group1[below(3)];
        size = op == 0x80 ? 0 : size ? size : 2;
        put_mem(p, op, size, below(8), &o);
        put_imm(p, op, size);
        break;
    case 4:
        put_mem(p, 0x84 + 2 * below(2) + word, size, reg, &o); /* TEST XCHG */
        break;
    case 5 ... 8:
        put_mem(p, 0x88 + 2 * below(2) + word, size, reg, &o); /* MOV */
        break;
    case 9:
        put_mem(p, 0xc6 + word, size, 0, &o);
        put_imm(p, 0xc6, size);
        break;
    case 10:
        op = below(6);
        put_mem(p, 0xf6 + word, size, op, &o); /* TEST NOT NEG MUL IMUL */
        if (op < 2) {
            put_imm(p, 0xf6, size);
        }
        break;
    case 11:
        put_mem(p, 0xfe + word, size, below(2), &o); /* INC DEC */
        break;
    case 12:
        if (below(2)) {
            put_mem(p, 0xc0 + word, size, shifts[below(3)], &o);
            put(p, 1 + below(7));
        } else {
            put_mem(p, 0x1ba, size ? size : 2, 4 + below(4), &o);
            put(p, below(64));
        }
        break;
    case 13:
        put_mem(p, below(2) ? 0x140 + below(16) : 0x190 + below(16), size ? size : 2, reg, &o); /* CMOV SETcc */
        break;
    case 14:
        put_mem(p, (below(2) ? 0x1b0 : 0x1c0) + word, size, reg, &o); /* CMPXCHG XADD */
        break;
    default:
        put_mem(p, below(5) ? two_byte[below(7)] : machine_is_64() ? 0x63 : 0x1af, size ? size : 2, reg, &o);
    }
}

static void put_sse_access(Program *p)
{
    static const uint32_t ops[] = { 0x110,    0x111,    0xf30110, 0xf30111, 0xf20110, 0xf20111,
                                    0x66016e, 0x66017e, 0xf3017e, 0x6601d6, 0xf3016f, 0xf3017f,
                                    0xf30158, 0xf2012a, 0x12e,    0xf3012c, 0x6601c4, 0x128 };
    const Operand o = any_operand(p);
    unsigned op = ops[below(ARRAY_SIZE(ops))], reg = (op & 0xff) == 0x2c ? data_reg(p) : below(8);
    bool wide = machine_is_64() && below(3) == 0;
    /* size 2 or 3 puts no 66 of its own, but in 16-bit code */
    put_mem(p, op, variant->code16 ? 1 : wide ? 3 : 2, reg, &o);
    if (op == 0x6601c4) {
        put(p, below(8));
    }
}

/* State that groups between must bring back when handlers ran them. */
static void put_x87(Program *p)
{
    static const uint8_t memory[][2] = { { 0xd9, 0 }, { 0xd9, 3 }, { 0xdd, 0 }, { 0xdd, 3 },
                                         { 0xd8, 0 }, { 0xdc, 1 }, { 0xdb, 0 } };
    static const uint8_t registers[][2] = { { 0xd9, 0xe8 }, { 0xde, 0xc1 }, { 0xdd, 0xd8 }, { 0xd9, 0xc9 } };
    const Operand o = any_operand(p);
    unsigned i = below(11);
    if (i < 7) {
        put_mem(p, memory[i][0], variant->code16 ? 1 : 2, memory[i][1], &o);
    } else {
        put(p, registers[i - 7][0]);
        put(p, registers[i - 7][1]);
    }
}

/* The stack, and what moves its pointer. */
static void put_stack(Program *p)
{
    unsigned native = machine_is_64() ? 3 : 2, reg = data_reg(p);
    const Operand top = { .base = R_ESP, .index = 4, .disp = (int32_t)below(12) * 4 - 16 };
    switch (below(16)) {
    case 0 ... 4:
        put_op(p, 0x50 | (reg & 7), below(12) ? 2 : 1, rex_of(2, 0, 0, reg), false);
        break;
    case 5 ... 8:
        put_op(p, 0x58 | (reg & 7), below(12) ? 2 : 1, rex_of(2, 0, 0, reg), false);
        break;
    case 9:
        put_op(p, 0x6a, 2, 0x40, false);
        put(p, below(256));
        break;
    case 10:
        put_reg(p, 0x83, native, below(3) ? below(2) * 5 : below(8), R_ESP); /* ADD SUB and others: a multiple of 4 */
        put(p, below(2) ? below(16) * 4 : 0x100 - below(16) * 4);
        break;
    case 11:
        put_reg(p, 0x81, native, below(2) ? 7 : below(2) * 4, R_ESP); /* CMP, AND, ADD */
        put_bytes(p, below(2) ? 0u - below(64) : 0u - 16, 4);
        break;
    case 12:
        put_mem(p, 0x8d, native, R_ESP, &top);
        break;
    case 13:
        put_op(p, below(2) ? 0x54 : below(2) ? 0x5c : 0xc9, 2, 0x40, false); /* PUSH ESP, POP ESP, LEAVE */
        break;
    default:
        put_mem(p, below(2) ? 0x89 : 0x8b, native - below(2), reg, &top);
    }
}

/* Changes a base, mostly by little. */
static void put_change(Program *p)
{
    unsigned native = machine_is_64() ? 3 : 2, other = p->base[below(p->bases)];
    unsigned reg = below(4) || p->index == 4 ? p->base[below(p->bases)] : p->index;
    const Operand o = { .base = reg, .index = 4, .disp = (int32_t)below(32) - 16 }, m = any_operand(p);
    switch (below(3) ? below(8) : below(20)) {
    case 0:
        put_reg(p, 0x83, native, below(2) * 5, reg);
        put(p, below(16));
        break;
    case 1:
        put_mem(p, 0x8d, native, reg, &o);
        break;
    case 2:
        put_reg(p, below(3) ? 0x89 : 0x29, native, other, reg);
        break;
    case 3:
        put_reg(p, below(3) ? 0x8b : 0x2b, native, reg, other);
        break;
    case 4:
        put_reg(p, 0x87, native, other, reg);
        break;
    case 5:
        if (!machine_is_64() && below(2)) {
            put_op(p, 0x40 | below(2) << 3 | reg, native, 0x40, false);
        } else {
            put_reg(p, 0xff, native, below(2), reg);
        }
        break;
    case 6:
        put_reg(p, 0x140 + below(16), native, reg, other);
        break;
    case 15:
        put_reg(p, 0x190 + below(16), 2, 0, reg); /* SETcc of its low byte, or another one's second */
        break;
    case 8:
        put_reg(p, 0x1ba, native, 5 + below(3), reg);
        put(p, below(8));
        break;
    case 9:
        put_reg(p, 0x1c0 + below(2), native, data_reg(p), reg);
        break;
    case 10:
        put_mem(p, below(3) ? 0x8a : below(2) ? 0x88 : below(8) * 8 + 2, 0, reg, &m);
        break;
    case 11:
        put_mem(p, 0x1b0 + below(2), 0, reg, &m); /* CMPXCHG: AL */
        break;
    case 12:
        if (below(2)) {
            put_op(p, 0x1c8 | (reg & 7), native, rex_of(native, 0, 0, reg), false); /* BSWAP */
        } else {
            put_reg(p, 0xd0, 0, 4 + below(2), reg);
        }
        break;
    case 13:
        put_reg(p, 0x66017e, 2, below(8), reg);
        break;
    case 14:
        put_reg(p, below(2) ? 0x6601d7 : 0xf2012c, 2, reg, below(8));
        break;
    case 7:
        put_op(p, below(2) ? 0x98 : 0x99, native, rex_of(native, 0, 0, 0), false);
        break;
    case 16:
        other = data_reg(p);
        put_op(p, 0x90 | (other & 7), native, rex_of(native, 0, 0, other), false); /* XCHG EAX */
        break;
    case 17:
        put_op(p, 0xb0 | (reg & 7), 0, rex_of(0, 0, 0, reg), false);
        put(p, below(256));
        break;
    case 18:
        put_mem(p, below(2) ? 0x1b6 : 0x1af, 2, reg, &m);
        break;
    default:
        put_mem(p, below(2) ? 0x87 : 0x1c1, native, reg, &m); /* XCHG, XADD with memory */
    }
}

/* Flags that somebody uses, without memory; and jumps out of the middle. */
static void put_flags(Program *p)
{
    unsigned reg = data_reg(p), size = any_size();
    switch (below(8)) {
    case 0 ... 3:
        if (!p->jump_after) {
            put(p, 0x70 + below(16));
            p->jump_at = p->len;
            p->jump_after = 2 + below(4);
            put(p, 0);
            break;
        }
        /* fall through */
    case 4:
        put_reg(p, (2 + below(2)) * 8 + (size ? 1 : 0), size, data_reg(p), reg); /* ADC SBB */
        break;
    case 5:
        put_reg(p, size ? 0xff : 0xfe, size, below(2), reg);
        break;
    case 6:
        put_reg(p, below(2) ? 0x190 + below(16) : 0x140 + below(16), 2, reg, data_reg(p));
        break;
    default:
        put_reg(p, below(8) * 8 + (size ? 1 : 0), size, data_reg(p), reg);
    }
}

static void put_absolute(Program *p, unsigned op, uint32_t address, unsigned imm)
{
    put_op(p, op, op == 0xc6 ? 0 : 2, 0x40, true);
    put(p, machine_is_64() ? 0x04 : 0x05);
    if (machine_is_64()) {
        put(p, 0x25);
    }
    put_bytes(p, address, 4);
    put_bytes(p, imm, op == 0xc6 ? 1 : 4);
}

/* What ends groups, or turns the page tables round under them. */
static void put_rare(Program *p)
{
    const Operand o = any_operand(p);
    uint32_t page = DATA + below(9) * PAGE_SIZE;
    static const uint8_t plain[] = { 0x9f, 0xf5, 0xf8, 0xa4, 0xac, 0x9c, 0x90 };
    switch (below(8)) {
    case 0: /* stale entries */
        if (!is_user()) {
            put_absolute(p, 0xc7, PAGE_ENTRY + (page >> PAGE_BITS) * (machine_mode == FLAT32 ? 4 : 8),
                         (uint32_t)page_entry(DATA + below(9) * PAGE_SIZE));
        }
        break;
    case 1:
        if (!is_user()) {
            put_mem(p, 0x101, 2, 7, &o); /* INVLPG */
        }
        break;
    case 2:
        if (!is_user() && below(2)) {
            put_bytes(p, 0xd8220fd8200f, 6); /* MOV EAX, CR3; MOV CR3, EAX */
        }
        break;
    case 3: /* an instruction that runs soon, perhaps in this group */
        put_absolute(p, 0xc6, CODE + p->len + below(24), 0x90);
        break;
    case 4:
        put_mem(p, 0x128, variant->code16 ? 1 : 2, below(8), &o); /* MOVAPS */
        break;
    case 5:
        put_mem(p, 0x1ab, 2, data_reg(p), &o); /* BTS of a string */
        break;
    default:
        put(p, plain[below(ARRAY_SIZE(plain))]);
    }
}

static void put_insn(Program *p)
{
    unsigned kind = below(32);
    if (p->jump_after && --p->jump_after == 0 && p->len - p->jump_at - 1 < 128) {
        p->bytes[p->jump_at] = (uint8_t)(p->len - p->jump_at - 1);
    }
    if (kind < 2) {
        put_constant(p);
    } else if (kind < 18) {
        bool special = variant->sse && below(3) == 0;
        (!special ? put_access : below(3) ? put_sse_access : put_x87)(p);
    } else if (kind < 23) {
        put_stack(p);
    } else if (kind < 28) {
        put_flags(p);
    } else if (kind < 31 || below(2)) {
        put_change(p);
    } else {
        put_rare(p);
    }
}

static Program random_program(unsigned insns)
{
    static const int32_t near[] = { 0, 0, -20, -80, 0x40, 0x100 };
    Program p = { .bases = 2 + below(4), .index = below(2) ? 4 : any_reg() };
    for (unsigned i = 0; i < p.bases; i++) {
        p.base[i] = below(3) ? any_reg() : i % 2 ? R_EBP : R_EAX;
        p.near[i] = near[below(ARRAY_SIZE(near))];
    }
    for (unsigned i = 0; i < insns; i++) {
        put_insn(&p);
    }
    for (int i = 0; i < 32; i++) {
        put(&p, 0xf4);
    }
    return p;
}

/* ---- states ---- */

typedef struct Start {
    uint64_t gpr[16];
    uint32_t eflags, seed;
    uint64_t warm; /* bits: pages that were read, and those that were written before */
    uint64_t dr[2], dr7;
    XMMReg xmm[16];
} Start;

/* Around where a page begins, or well inside; the same elsewhere; now and then nowhere. tame: in writable pages. */
static uint64_t random_pointer(const Program *p, bool tame)
{
    uint64_t v = DATA + below(10) * PAGE_SIZE;
    v += below(2) ? below(200) - 100u : 0x300 + below(0x800);
    if (tame) {
        v = DATA + (below(2) ? below(2) : 8 + below(4)) * PAGE_SIZE +
            (below(4) ? 0x300 + below(0x800) : PAGE_SIZE - below(300));
        return v + (below(4) ? 0 : ALIAS);
    }
    switch (below(16)) {
    case 0 ... 2:
        return v + ALIAS;
    case 3:
        return CODE + below(p->len);
    case 4:
        return (machine_is_64() ? ~0ull : UINT32_MAX) - below(120);
    case 5:
        return machine_mode == FLAT32 ? v : v + HIGH;
    case 6:
        return below(4) ? v : (uint64_t)g_rand_int(rnd) << 20;
    default:
        return v;
    }
}

static Start random_start(const Program *p)
{
    Start s = { .eflags = g_rand_int(rnd) & CC_ALL,
                .seed = g_rand_int(rnd),
                .warm = below(2) ? (uint64_t)g_rand_int(rnd) << 20 ^ g_rand_int(rnd) : 0 };
    bool tame = below(2);
    for (int i = 0; i < 16; i++) {
        s.gpr[i] = random_pointer(p, tame);
    }
    s.gpr[R_ESP] = STACK + (below(3) ? 0x800u : 0) + below(24) * 4 - 48;
    if (p->index != 4) {
        s.gpr[p->index] = below(64);
    }
    for (int i = 0; i < 64; i++) {
        s.xmm[i / 4].l[i % 4] = below(2) ? DATA + below(0x3000) : 0x3f800000u + below(1000);
    }
    s.dr[0] = s.gpr[p->base[0]] + (uint64_t)p->near[0] + below(40);
    s.dr[1] = s.gpr[p->base[1]] + (uint64_t)p->near[1] + below(40);
    s.dr7 = variant->watch
                ? 0x400u | 1 | below(2) << 2 | (1 + below(2) * 2) << 16 | below(4) << 18 | 1 << 20 | below(4) << 22
                : 0;
    return s;
}

static void make_image(const Program *p, const Start *s)
{
    uint32_t v = s->seed;
    image_begin(p->bytes, p->len);
    for (uint32_t a = DATA; a < RAM_SIZE; a += 4) {
        v = next_word(v);
        uint32_t word = v & 0x30000 ? v : DATA + (v >> 8) % 0x9000;
        memcpy(image + a, &word, 4);
    }
}

static void set_segments(void)
{
    machine_flat_segments();
    if (variant->code16) {
        cpu_load_seg_cache(cpu, R_CS, 0x08, 0, 0xffffffff, 0x809b);
    }
    if (variant->odd_seg >= 0) {
        const SegmentCache *flat = &cpu->seg[R_DS];
        cpu_load_seg_cache(cpu, variant->odd_seg, flat->selector, 0x30, 0x3fffff, is_user() ? 0xc0f3 : 0xc093);
    }
    cpu_mode_derive(cpu);
}

static void warm_up(const Start *s)
{
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t page = DATA + i % 20 * PAGE_SIZE;
        bool readable = page != MISSING && !(is_user() && page == LEVEL_0);
        if ((s->warm >> i & 1) && readable) {
            bool write = i >= 20 && page != READONLY;
            cpu_host_ptr(cpu, page, 1, write ? ACCESS_WRITE : ACCESS_READ, cpu->mmu_mode);
        }
    }
}

static void load_start(gconstpointer start)
{
    const Start *s = start;
    load_image();
    restore_control();
    tlb_flush(cpu, true);
    memcpy(cpu->gpr, s->gpr, sizeof(s->gpr));
    for (int i = 0; i < 16 && !machine_is_64(); i++) {
        cpu->gpr[i] = i < 8 ? (uint32_t)cpu->gpr[i] : 0;
    }
    cpu_set_eflags(cpu, s->eflags | 2);
    set_segments();
    load_run_state(s->seed);
    cpu->mxcsr = 0x1f80;
    memcpy(cpu->xmm, s->xmm, sizeof(s->xmm));
    cpu->fpu = (FPUState){ .cw = 0x37f };
    cpu_set_dr(cpu, 6, 0);
    cpu_set_dr(cpu, 0, s->dr[0]);
    cpu_set_dr(cpu, 1, s->dr[1]);
    cpu_set_dr(cpu, 7, s->dr7);
    warm_up(s);
}

static void compare(const Program *p, const Start *s, int64_t budget, uint32_t seed)
{
    run_both(load_start, s, budget);
    expect_equal(variant->name, seed, budget, p->len);
}

/* ---- random cases ---- */

static void random_case(uint32_t seed, unsigned insns)
{
    g_rand_set_seed(rnd, seed);
    jit_engine.flush(cpu);
    const Program p = random_program(insns);
    for (int round = 0; round < 4; round++) {
        Start s = random_start(&p);
        make_image(&p, &s);
        compare(&p, &s, 200, seed);
        for (int64_t budget = 1 + below(4); budget <= by_interp.icount; budget += 1 + below(8)) {
            compare(&p, &s, budget, seed);
        }
    }
}

static void many_cases(unsigned insns, unsigned cases)
{
    const char *one = g_getenv("TEST_JIT_SEED"), *more = g_getenv("TEST_JIT_TIMES");
    unsigned times = more ? (unsigned)atoi(more) : 1;
    for (uint32_t seed = 1; seed <= cases * times; seed++) {
        random_case(one ? (uint32_t)atoi(one) : seed * 1000 + insns, insns);
    }
}

static void end_variant(void)
{
    cpu_set_dr(cpu, 7, 0);
    machine_mode = FLAT32;
}

static void test_random(gconstpointer data)
{
    variant = data;
    make_machine();
    many_cases(10, 150);
    many_cases(30, 100);
    many_cases(60, 50);
    jit_config.random = true;
    many_cases(40, 30);
    jit_config.random = false;
    end_variant();
}

/* ---- programs for one thing each ---- */

static void put_all(Program *p, const void *bytes, size_t n)
{
    g_assert_cmpuint(p->len + n, <=, MAX_CODE);
    memcpy(p->bytes + p->len, bytes, n);
    p->len += (unsigned)n;
}
#define PUT(p, ...) put_all(p, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void begin(const Variant *v)
{
    variant = v;
    make_machine();
}

static Start plain_start(void)
{
    Start s = { .warm = ~0ull };
    for (int i = 0; i < 16; i++) {
        s.gpr[i] = i == R_ESP ? STACK : DATA + 0x100u;
    }
    return s;
}

static const Variant flat = { "flat32", FLAT32, false, -1, false, false };
static const Variant long_kernel = { "64-kernel", CODE64_KERNEL, false, -1, false, false };

/* Comparing the stack pointer does not move it. */
static void test_compare_stack(void)
{
    Program p = { .len = 0 };
    begin(&flat);
    PUT(&p, 0x89, 0x04, 0x24, 0x83, 0xfc, 0x10, 0x89, 0x5c, 0x24,
        0x04); /* mov eax, [esp]; cmp esp, 16; mov [esp + 4], ebx */
    PUT(&p, 0x81, 0xfc, 0x40, 0, 0, 0, 0x01, 0x4c, 0x24, 0xfc, 0xf4); /* cmp esp, 64; add [esp - 4], ecx; hlt */
    Start s = plain_start();
    make_image(&p, &s);
    compare(&p, &s, 100, 0);
    end_variant();
}

/* Two addresses whose distance is no number of 64 bits: the second one is not canonical, so that #GP is due. */
static void test_far_constants(void)
{
    const uint64_t near = HIGH + DATA, far = 0x7fffffff80000000ull + DATA + 0x100;
    Program p = { .len = 0 };
    begin(&long_kernel);
    PUT(&p, 0x48, 0xa1); /* mov rax, [near] */
    put_bytes(&p, near, 8);
    PUT(&p, 0x48, 0xa1); /* mov rax, [far] */
    put_bytes(&p, far, 8);
    PUT(&p, 0xf4);
    Start s = plain_start();
    make_image(&p, &s);
    compare(&p, &s, 100, 0);
    g_assert_cmphex(by_jit.eip, ==, HANDLERS + EXCP_GP + 1);
    end_variant();
}

/* Displacements so large that what the stack pointer moves by does not fit beside them. */
static void test_far_stack(void)
{
    Program p = { .len = 0 };
    begin(&long_kernel);
    PUT(&p, 0x8b, 0x84, 0x24, 0x08, 0, 0, 0x80, 0x50);             /* mov eax, [rsp - 7ffffff8h]; push rax */
    PUT(&p, 0x8b, 0x9c, 0x24, 0x00, 0, 0, 0x80, 0x83, 0xc4, 0x08); /* mov ebx, [rsp - 80000000h]; add esp, 8 */
    PUT(&p, 0x48, 0x81, 0xc4, 0, 0, 0, 0x80, 0x8b, 0x0c, 0x24);    /* add rsp, -80000000h; mov ecx, [rsp] */
    PUT(&p, 0x8b, 0x94, 0x24, 0x04, 0, 0, 0x80, 0xf4);
    Start s = plain_start();
    s.gpr[R_ESP] = HIGH + DATA + 0x100000000;
    for (unsigned i = 0; i < 2; i++, s.gpr[R_ESP] = 0x80000000u + DATA) {
        make_image(&p, &s);
        for (int64_t budget = 1; budget < 10; budget++) {
            compare(&p, &s, budget, 0);
        }
    }
    end_variant();
}

/* While the stack pointer is 4 GiB away, another group drops the stack's entry of the TLB, for the page that is there.
 */
static void test_far_steps(void)
{
    Program p = { .len = 0 };
    begin(&long_kernel);
    PUT(&p, 0x8b, 0x04, 0x24, 0x48, 0x81, 0xc4, 0xf0, 0xff, 0xff, 0x7f, 0x48, 0x81, 0xc4, 0xf0, 0xff, 0xff, 0x7f);
    PUT(&p, 0x8b, 0x0b, 0x8b, 0x53, 0x04, 0x48, 0x81, 0xec, 0xf0, 0xff, 0xff, 0x7f, 0x48, 0x81, 0xec, 0xf0, 0xff, 0xff,
        0x7f);
    PUT(&p, 0x8b, 0x74, 0x24, 0x08, 0xf4);
    Start s = plain_start();
    s.gpr[R_ESP] = s.gpr[R_EBX];
    s.gpr[R_EBX] += 4 * GiB;
    make_image(&p, &s);
    for (int64_t budget = 1; budget < 12; budget++) {
        compare(&p, &s, budget, 0);
    }
    end_variant();
}

/* The most records and code that groups can ask for: each begins among others, all end together. */
static void test_room(gconstpointer v)
{
    Program p = { .len = 0 };
    begin(v);
    const unsigned b = machine_is_64() ? 9 : R_EBX;
    for (unsigned i = 0; i < BLOCK_MAX_INSNS - 1; i++) {
        const Operand o = { .base = b,
                            .index = 4,
                            .disp = (int32_t)(i % 4 == 3 ? 0 : 0x200 + i * 0x200),
                            .seg = machine_is_64() ? 0x64 : 0 };
        put_mem(&p, 0x01, 2, R_EAX, &o);
    }
    PUT(&p, 0xf4);
    Start s = plain_start();
    make_image(&p, &s);
    size_t data = jit_cache.data_used, hot = jit_cache.used, cold = jit_cache.cold_used;
    uint64_t blocks = jit_stats.blocks;
    compare(&p, &s, 100, 0);
    blocks = jit_stats.blocks - blocks;
    g_test_message("%u translations, %zu bytes of records, %zu and %zu of code", (unsigned)blocks,
                   jit_cache.data_used - data, jit_cache.used - hot, jit_cache.cold_used - cold);
    g_assert_cmpuint(blocks, >, 0);
    g_assert_cmpuint(jit_cache.data_used - data, <, JIT_ROOM_DATA);
    g_assert_cmpuint(jit_cache.used - hot, <, JIT_ROOM_CODE);
    g_assert_cmpuint(jit_cache.cold_used - cold, <, JIT_ROOM_CODE);
    end_variant();
}

/*
 * A loop over a structure in one page fails once, while the page is not dirty. Over one that lies in two pages it fails
 * until it has no groups any more.
 */
static void test_adaptive(void)
{
    Program p = { .len = 0 };
    begin(&flat);
    PUT(&p, 0x8b, 0x03, 0x01, 0x43, 0x08, 0x29, 0x43, 0x10, 0x49, 0x75, 0xf5,
        0xf4); /* 1: mov (ebx); add 8(ebx); sub 16(ebx); dec ecx; jnz 1b */
    Start s = plain_start();
    s.gpr[R_ECX] = 1000;
    s.warm = 0;
    const uint64_t failed = jit_stats.failed_groups;
    for (unsigned straddles = 0; straddles < 2; straddles++) {
        s.gpr[R_EBX] = straddles ? DATA + PAGE_SIZE - 8u : DATA + 0x100u;
        make_image(&p, &s);
        compare(&p, &s, 10000, 0);
        g_assert_cmpuint(jit_stats.failed_groups - failed, ==, straddles ? JIT_MAX_FAILED_GROUPS : 1);
    }
    end_variant();
}

/*
 * Three groups at once, of pages that share an entry of the TLB: each one's first access drops another one's. Then the
 * same while a page's entry is stale: it stays so until it is dropped.
 */
static void test_eviction(gconstpointer v)
{
    Program p = { .len = 0 };
    begin(v);
    static const uint8_t body[] = { 0x8b, 0x03, 0x01, 0x06, 0x29, 0x07, 0x01, 0x43, 0x04, 0x29, 0x46, 0x04,
                                    0x11, 0x47, 0x04, 0x19, 0x43, 0x08, 0x8b, 0x56, 0x08, 0x8b, 0x6f, 0x08 };
    put_all(&p, body, sizeof(body));
    put_absolute(&p, 0xc7, PAGE_ENTRY + (DATA >> PAGE_BITS) * (machine_mode == FLAT32 ? 4 : 8), (DATA + PAGE_SIZE) | 7);
    put_all(&p, body, sizeof(body));
    PUT(&p, 0xf4);
    Start s = plain_start();
    for (unsigned same = 0; same < 16; same++) {
        s.warm = same & 8 ? ~0ull : 0;
        s.gpr[R_EBX] = DATA + 0x100u + (same & 1 ? ALIAS : 0);
        s.gpr[R_ESI] = DATA + 0x120u + (same & 2 ? ALIAS : 0);
        s.gpr[R_EDI] = DATA + (same & 4 ? 0x0ffcu : 0x140u);
        make_image(&p, &s);
        for (int64_t budget = 1; budget < 22; budget++) {
            compare(&p, &s, budget, 0);
        }
    }
    end_variant();
}

static const Variant variants[] = {
    { "flat32", FLAT32, false, -1, false, false },
    { "flat32-sse", FLAT32, false, -1, false, true },
    { "flat32-ds", FLAT32, false, R_DS, false, false },
    { "flat32-ss", FLAT32, false, R_SS, false, false },
    { "flat32-watch", FLAT32, false, -1, true, false },
    { "code16", FLAT32, true, -1, false, false },
    { "64-kernel", CODE64_KERNEL, false, -1, false, false },
    { "64-kernel-watch", CODE64_KERNEL, false, -1, true, true },
    { "64-user", CODE64_USER, false, -1, false, false },
    { "64-user-sse", CODE64_USER, false, -1, false, true },
    { "compat-user", COMPAT_USER, false, -1, false, true },
    { "compat-kernel-es", COMPAT_KERNEL, false, R_ES, false, false },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rnd = g_rand_new();
    machine_init();
    for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
        g_autofree char *path = g_strconcat("/jit-share/random/", variants[i].name, NULL);
        g_test_add_data_func(path, &variants[i], test_random);
    }
    g_test_add_func("/jit-share/compare-stack", test_compare_stack);
    g_test_add_func("/jit-share/far-constants", test_far_constants);
    g_test_add_func("/jit-share/far-stack", test_far_stack);
    g_test_add_func("/jit-share/far-steps", test_far_steps);
    g_test_add_data_func("/jit-share/room", &flat, test_room);
    g_test_add_data_func("/jit-share/room-64", &long_kernel, test_room);
    g_test_add_func("/jit-share/adaptive", test_adaptive);
    g_test_add_data_func("/jit-share/eviction", &flat, test_eviction);
    g_test_add_data_func("/jit-share/eviction-64", &long_kernel, test_eviction);
    return g_test_run();
}
