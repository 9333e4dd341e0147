/*
 * tests/cpu/x87-stubs.h  A processor with nothing but x87 handlers and one flat array of memory, for test-x87.c.
 * Exceptions and memory faults land in cpu->fault_jmp; instructions are built from their row, not decoded.
 */
#ifndef TESTS_CPU_X87_STUBS_H
#define TESTS_CPU_X87_STUBS_H

#include <sys/mman.h>

#include "target/i386/x87-common.h"
#include "tests/cpu/coverage.h"
#include "tests/cpu/raise-stubs.h"

#define MEM_SIZE 0x4000
#define OPERAND  0x1000 /* where memory operands lie */
#define NO_FAULT 0xffffffff

static const InsnInfo rows[] = {
#include "target/i386/insns-x87.h"
};

static uint8_t mem[MEM_SIZE];
static uint64_t fault_from = NO_FAULT; /* writes at and above this address fault */
static CPUState *cpu;

void cpu_probe(CPUState *c, uint64_t la, unsigned size, AccessKind kind, int mmu_mode)
{
    (void)mmu_mode;
    g_assert(la + size <= MEM_SIZE);
    if (kind == ACCESS_WRITE && la + size > fault_from) {
        cpu_raise(c, EXCP_PF, 2);
    }
}

uint64_t cpu_ld_slow(CPUState *c, uint64_t la, unsigned size, int mmu_mode)
{
    uint64_t v = 0;
    cpu_probe(c, la, size, ACCESS_READ, mmu_mode);
    memcpy(&v, mem + la, size);
    return v;
}

void cpu_st_slow(CPUState *c, uint64_t la, uint64_t value, unsigned size, int mmu_mode)
{
    cpu_probe(c, la, size, ACCESS_WRITE, mmu_mode);
    memcpy(mem + la, &value, size);
}

uint64_t seg_address_slow(CPUState *c, int seg, uint64_t offset, unsigned size, AccessKind kind)
{
    (void)seg;
    (void)offset;
    (void)size;
    (void)kind;
    cpu_raise(c, EXCP_GP, 0);
}

static bool without_sse;

bool cpu_has(const CPUState *c, CPUFeature feature)
{
    (void)c;
    return feature != FEAT_SSE || !without_sse;
}

static void new_cpu(void)
{
    g_aligned_free(cpu);
    cpu = g_aligned_alloc0(1, sizeof(*cpu), _Alignof(CPUState));
    for (unsigned mode = 0; mode < NB_MMU_MODES; mode++) {
        for (unsigned i = 0; i < TLB_SIZE; i++) {
            cpu->tlb_fast[mode][i] = (TLBFast){ TLB_NEVER, TLB_NEVER, TLB_NEVER, 0 };
        }
    }
    for (unsigned i = 0; i < CPU_NB_SEGS; i++) {
        cpu->seg[i].read_end = cpu->seg[i].write_end = MEM_SIZE;
        cpu->seg[i].selector = (uint16_t)(0x10 + 8 * i);
    }
    cpu->cr0 = CR0_PE | CR0_NE | CR0_MP;
    cpu->cr4 = CR4_OSFXSR;
    cpu->mode = MODE_CODE32 | MODE_PROT;
    cpu->linear_mask = 0xffffffff;
    cpu->eflags = 2;
    cpu->mxcsr = 0x1f80;
    cpu->fpu.cw = FCW_INIT;
    cpu->fpu.tag = 0xff;
    cpu->insn_ip = 0x12345678;
    cpu->eip = 0x1234567a;
    cpu_ferr_hook = NULL;
    cpu_ignne_hook = NULL;
    fault_from = NO_FAULT;
    without_sse = false;
}

static bool row_matches(const InsnInfo *r, InsnMap map, uint8_t opcode, uint8_t modrm)
{
    const ModRMRule *m = &r->modrm;
    bool is_mem = modrm < 0xc0;
    return r->map == map && r->opcode == opcode && (m->mod == MOD_ANY || (m->mod == MOD_MEM) == is_mem) &&
           (m->reg < 0 || m->reg == ((modrm >> 3) & 7)) && (m->rm < 0 || m->rm == (modrm & 7));
}

static const InsnInfo *find_row(InsnMap map, uint8_t opcode, uint8_t modrm)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (row_matches(&rows[i], map, opcode, modrm)) {
            return &rows[i];
        }
    }
    g_error("no row for %02x %02x", opcode, modrm);
}

/* Runs one instruction; its memory operand is at `address`. Returns the exception vector or -1. */
static int run_row(const InsnInfo *info, uint8_t modrm, unsigned op_size, uint64_t address)
{
    static DecodedInsn d;
    d = (DecodedInsn){ .info = info,
                       .modrm = modrm,
                       .rm = modrm & 7,
                       .op_size = (uint8_t)op_size,
                       .seg = R_DS,
                       .base = R_ZERO,
                       .index = R_ZERO,
                       .disp = (int64_t)address,
                       .ea_mask = ~0ull,
                       .len = 2,
                       .addr_size = 2 };
    if (sigsetjmp(cpu->fault_jmp, 0)) {
        return cpu->exception_index;
    }
    info->handlers->fn[modrm < 0xc0][op_size](cpu, &d);
    return -1;
}

static int run_at(uint8_t opcode, uint8_t modrm, unsigned op_size, uint64_t address)
{
    coverage_row(find_row(M_1B, opcode, modrm), COVERAGE_ANSWER);
    return run_row(find_row(M_1B, opcode, modrm), modrm, op_size, address);
}

/* The plain form: 32-bit operand size, operand at OPERAND. */
static int run(uint8_t opcode, uint8_t modrm)
{
    return run_at(opcode, modrm, 2, OPERAND);
}

#endif
