/*
 * tests/cpu/simd-harness.h  Shared by test-simd.c and test-simd2.c: a bare CPUState with a little RAM, random registers
 * and instructions, and the comparison of a handler's work with the host CPU's (x86-64 only).
 *
 * The includer defines `rows` first. RAM is at one place for guest and host. General, vector and MMX registers, x87
 * tags, MXCSR, EFLAGS (but undefined ones) and memory must agree. With unmasked exceptions the handlers take the
 * softfloat way, so that both ways are held against the hardware; an instruction that traps there must raise #XM here,
 * with the same flags in MXCSR and nothing else changed.
 */
#ifndef TESTS_CPU_SIMD_HARNESS_H
#define TESTS_CPU_SIMD_HARNESS_H

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "fpu/softfloat.h"
#include "target/i386/flags.h"
#include "target/i386/hostfloat.h"
#include "target/i386/simd.h"
#include "target/i386/x87.h"
#include "tests/cpu/coverage.h"
#include "tests/cpu/host-features.h"
#include "tests/cpu/raise-stubs.h"
#include "tests/cpu/random-values.h"

/* ---- the world: RAM at one place for guest and host, so addend is 0 ---- */

#define RAM_BASE    0x10000000ull
#define RAM_SIZE    0x10000u
#define NB_PAGES    (RAM_SIZE >> PAGE_BITS)
#define WINDOW      (RAM_BASE + 0x8000) /* what memory operands reach */
#define WINDOW_SIZE 256u

static uint8_t *ram;
static bool absent[NB_PAGES];
static CPUState *cpu;

static bool stands_still;

bool x87_report_pending(CPUState *c)
{
    if (c->cr0 & CR0_NE) {
        cpu_raise_noerr(c, EXCP_MF);
    }
    return !stands_still;
}

void x87_emms(CPUState *c)
{
    c->fpu.top = 0;
    c->fpu.tag = 0xff;
}

static void check_pages(CPUState *c, uint64_t la, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        g_assert(la + i >= RAM_BASE && la + i < RAM_BASE + RAM_SIZE);
        if (absent[(la + i - RAM_BASE) >> PAGE_BITS]) {
            c->exception_cr2 = la + i;
            cpu_raise(c, EXCP_PF, 0);
        }
    }
}

uint64_t cpu_ld_slow(CPUState *c, uint64_t la, unsigned size, int mmu_mode)
{
    (void)mmu_mode;
    uint64_t v = 0;
    check_pages(c, la, size);
    memcpy(&v, (void *)(uintptr_t)la, size);
    return v;
}

void cpu_st_slow(CPUState *c, uint64_t la, uint64_t value, unsigned size, int mmu_mode)
{
    (void)mmu_mode;
    check_pages(c, la, size);
    memcpy((void *)(uintptr_t)la, &value, size);
}

void cpu_probe(CPUState *c, uint64_t la, unsigned size, AccessKind kind, int mmu_mode)
{
    (void)kind;
    (void)mmu_mode;
    check_pages(c, la, size);
}

uint64_t seg_address_slow(CPUState *c, int seg, uint64_t offset, unsigned size, AccessKind kind)
{
    (void)kind;
    if (offset + size - 1 > c->seg[seg].limit) {
        cpu_raise(c, seg == R_SS ? EXCP_SS : EXCP_GP, 0);
    }
    return (uint32_t)(c->seg[seg].base + offset);
}

/* fast: what is present is reached directly; otherwise every access takes the slow way. */
static void derive_tlb(bool fast)
{
    for (unsigned i = 0; i < NB_PAGES; i++) {
        uint64_t la = RAM_BASE + i * PAGE_SIZE, tag = fast && !absent[i] ? la : TLB_NEVER;
        *tlb_fast_entry(cpu, la, MMU_KERNEL) = (TLBFast){ tag, tag, TLB_NEVER, 0 };
    }
}

static void world_reset(void)
{
    memset(absent, 0, sizeof(absent));
    memset(ram, 0, RAM_SIZE);
    memset(cpu->regs, 0, sizeof(cpu->regs));
    memset(&cpu->fpu, 0, sizeof(cpu->fpu));
    memset(cpu->xmm, 0, sizeof(cpu->xmm));
    memset(cpu->ymmh, 0, sizeof(cpu->ymmh));
    for (int seg = R_ES; seg <= R_GS; seg++) {
        cpu->seg[seg] = (SegmentCache){ .limit = 0xffffffff, .read_end = 1ull << 32, .write_end = 1ull << 32 };
    }
    cpu->mode = MODE_CODE64 | MODE_SS64;
    cpu->efer = EFER_LMA | EFER_LME;
    cpu->seg[R_CS].attr |= SEG_L;
    cpu->xcr0 = 7;
    cpu->linear_mask = UINT64_MAX;
    cpu->cr0 = CR0_PE | CR0_NE;
    cpu->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    cpu->mxcsr = MXCSR_DEFAULT;
    cpu->insn_ip = 0x100;
    cpu->eip = 0x104;
    cpu_set_eflags(cpu, 2);
    derive_tlb(true);
}

/* Runs the handler; returns the exception's vector or -1. */
static int run(const DecodedInsn *d)
{
    if (sigsetjmp(cpu->fault_jmp, 0)) {
        return cpu->exception_index;
    }
    d->exec(cpu, d);
    return -1;
}

static const InsnInfo *row_named(const char *mnemonic, OperandKind first)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (!strcmp(rows[i].mnemonic, mnemonic) && rows[i].operands[0] == first) {
            coverage_row(&rows[i], COVERAGE_ANSWER);
            return &rows[i];
        }
    }
    g_error("no row %s", mnemonic);
}

static DecodedInsn build(const InsnInfo *row, unsigned op_size, bool mem)
{
    DecodedInsn d = { .info = row,
                      .op_size = (uint8_t)op_size,
                      .addr_size = 3,
                      .ea_mask = ~0ull,
                      .seg = R_DS,
                      .modrm = mem ? 0x43 : 0xc0,
                      .base = mem ? R_EBX : R_ZERO,
                      .index = R_ZERO };
    d.exec = row->handlers->fn[mem][op_size];
    return d;
}

static bool has_operand(const InsnInfo *r, OperandKind kind)
{
    return r->operands[0] == kind || r->operands[1] == kind || r->operands[2] == kind || r->operands[3] == kind;
}

static bool has_memory_form(const InsnInfo *r)
{
    return r->modrm.has_modrm && r->modrm.mod != MOD_REG;
}

static bool has_register_form(const InsnInfo *r)
{
    return r->modrm.mod != MOD_MEM;
}

/* ---- random values ---- */

static const uint32_t corners32[] = { 0,          1,          2,          0x7fffff,   0x400000,   0x800000,
                                      0x800001,   0x3f800000, 0x3f800001, 0x3f7fffff, 0x40000000, 0x3f000000,
                                      0x3fc00000, 0x4b000000, 0x4b000001, 0x4effffff, 0x4f000000, 0x4f000001,
                                      0x5f000000, 0x5effffff, 0x7f7fffff, 0x7f000000, 0x7f800000, 0x7f800001,
                                      0x7fbfffff, 0x7fc00000, 0x7fc12345, 0x7fffffff, 0x20000000, 0x1f800000,
                                      0x5f7fffff };
static const uint64_t corners64[] = { 0,
                                      1,
                                      2,
                                      0xfffffffffffff,
                                      0x8000000000000,
                                      0x10000000000000,
                                      0x10000000000001,
                                      0x3ff0000000000000,
                                      0x3ff0000000000001,
                                      0x3fefffffffffffff,
                                      0x4000000000000000,
                                      0x3fe0000000000000,
                                      0x3ff8000000000000,
                                      0x4330000000000000,
                                      0x4330000000000001,
                                      0x41dfffffffc00000,
                                      0x41dfffffffe00000,
                                      0x41e0000000000000,
                                      0x43e0000000000000,
                                      0x43dfffffffffffff,
                                      0x7fefffffffffffff,
                                      0x7fe0000000000000,
                                      0x7ff0000000000000,
                                      0x7ff0000000000001,
                                      0x7ff7ffffffffffff,
                                      0x7ff8000000000000,
                                      0x7ff8123456789abc,
                                      0x7fffffffffffffff,
                                      0x380fffffffffffff,
                                      0x3810000000000000,
                                      0x36a0000000000000,
                                      0x3690000000000000,
                                      0x47efffffe0000000,
                                      0x47effffff0000000,
                                      0x47f0000000000000,
                                      0x2000000000000000,
                                      0x1ff0000000000000 };

static uint32_t random_float32(void)
{
    uint32_t sign = g_test_rand_bit() ? 0x80000000u : 0;
    switch (g_test_rand_int_range(0, 4)) {
    case 0:
        return sign | corners32[g_test_rand_int_range(0, ARRAY_SIZE(corners32))];
    case 1: /* near one, so that sums cancel and products stay in range */
        return sign | (uint32_t)g_test_rand_int_range(120, 135) << 23 | ((uint32_t)g_test_rand_int() & 0x7fffff);
    case 2: /* near the ends of the range */
        return sign |
               (uint32_t)(g_test_rand_int_range(0, 2) ? g_test_rand_int_range(0, 4) : g_test_rand_int_range(60, 66))
                   << 23 |
               ((uint32_t)g_test_rand_int() & 0x7fffff);
    default:
        return (uint32_t)g_test_rand_int();
    }
}

static uint64_t random_float64(void)
{
    uint64_t sign = g_test_rand_bit() ? 1ull << 63 : 0, fraction = random64() >> 12;
    switch (g_test_rand_int_range(0, 4)) {
    case 0:
        return sign | corners64[g_test_rand_int_range(0, ARRAY_SIZE(corners64))];
    case 1:
        return sign | (uint64_t)g_test_rand_int_range(1015, 1090) << 52 | fraction;
    case 2: /* near the ends of single precision's range and of double's */
        return sign |
               (uint64_t)(g_test_rand_bit() ? g_test_rand_int_range(870, 900) : g_test_rand_int_range(0, 4)) << 52 |
               fraction;
    default:
        return random64();
    }
}

static XMMReg random_xmm(void)
{
    XMMReg v;
    switch (g_test_rand_int_range(0, 4)) {
    case 0:
        for (unsigned i = 0; i < 4; i++) {
            v.l[i] = random_float32();
        }
        break;
    case 1:
        v.q[0] = random_float64();
        v.q[1] = random_float64();
        break;
    case 2: /* integers with equal and extreme lanes, small shift counts */
        for (unsigned i = 0; i < 16; i++) {
            static const uint8_t bytes[] = { 0, 1, 0x7f, 0x80, 0xff };
            v.b[i] = bytes[g_test_rand_int_range(0, 5)];
        }
        v.q[0] = g_test_rand_bit() ? v.q[0] : (uint64_t)g_test_rand_int_range(0, 70);
        break;
    default:
        v.q[0] = random64();
        v.q[1] = random64();
    }
    return v;
}

/* ---- comparison with the host ---- */
#ifdef __x86_64__

typedef struct HostState {
    uint8_t fx[512]; /* FXSAVE image */
    uint64_t gpr[16], flags, avx;
    YMMHigh upper[16];
} __attribute__((aligned(16))) HostState;
void host_run(HostState *s, const void *code);
__asm__(".text\n"
        "host_run:\n"
        "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "push %rdi\n push %rsi\n"
        "fxrstor64 (%rdi)\n"
        "cmpq $0, 648(%rdi)\n je 1f\n"
        "vinsertf128 $1, 656(%rdi), %ymm0, %ymm0\n"
        "vinsertf128 $1, 672(%rdi), %ymm1, %ymm1\n"
        "vinsertf128 $1, 688(%rdi), %ymm2, %ymm2\n"
        "vinsertf128 $1, 704(%rdi), %ymm3, %ymm3\n"
        "vinsertf128 $1, 720(%rdi), %ymm4, %ymm4\n"
        "vinsertf128 $1, 736(%rdi), %ymm5, %ymm5\n"
        "vinsertf128 $1, 752(%rdi), %ymm6, %ymm6\n"
        "vinsertf128 $1, 768(%rdi), %ymm7, %ymm7\n"
        "vinsertf128 $1, 784(%rdi), %ymm8, %ymm8\n"
        "vinsertf128 $1, 800(%rdi), %ymm9, %ymm9\n"
        "vinsertf128 $1, 816(%rdi), %ymm10, %ymm10\n"
        "vinsertf128 $1, 832(%rdi), %ymm11, %ymm11\n"
        "vinsertf128 $1, 848(%rdi), %ymm12, %ymm12\n"
        "vinsertf128 $1, 864(%rdi), %ymm13, %ymm13\n"
        "vinsertf128 $1, 880(%rdi), %ymm14, %ymm14\n"
        "vinsertf128 $1, 896(%rdi), %ymm15, %ymm15\n"
        "1:\n"
        "pushq 640(%rdi)\n popfq\n"
        "mov 512(%rdi), %rax\n mov 520(%rdi), %rcx\n mov 528(%rdi), %rdx\n mov 536(%rdi), %rbx\n mov 552(%rdi), %rbp\n"
        "mov 560(%rdi), %rsi\n mov 576(%rdi), %r8\n mov 584(%rdi), %r9\n mov 592(%rdi), %r10\n mov 600(%rdi), %r11\n"
        "mov 608(%rdi), %r12\n mov 616(%rdi), %r13\n mov 624(%rdi), %r14\n mov 632(%rdi), %r15\n mov 568(%rdi), %rdi\n"
        "call *(%rsp)\n"
        "xchg %rdi, 8(%rsp)\n"
        "mov %rax, 512(%rdi)\n mov %rcx, 520(%rdi)\n mov %rdx, 528(%rdi)\n mov %rbx, 536(%rdi)\n mov %rbp, 552(%rdi)\n"
        "mov %rsi, 560(%rdi)\n mov %r8, 576(%rdi)\n mov %r9, 584(%rdi)\n mov %r10, 592(%rdi)\n mov %r11, 600(%rdi)\n"
        "mov %r12, 608(%rdi)\n mov %r13, 616(%rdi)\n mov %r14, 624(%rdi)\n mov %r15, 632(%rdi)\n"
        "pushfq\n popq 640(%rdi)\n cld\n"
        "mov 8(%rsp), %rax\n mov %rax, 568(%rdi)\n"
        "cmpq $0, 648(%rdi)\n je 2f\n"
        "vextractf128 $1, %ymm0, 656(%rdi)\n"
        "vextractf128 $1, %ymm1, 672(%rdi)\n"
        "vextractf128 $1, %ymm2, 688(%rdi)\n"
        "vextractf128 $1, %ymm3, 704(%rdi)\n"
        "vextractf128 $1, %ymm4, 720(%rdi)\n"
        "vextractf128 $1, %ymm5, 736(%rdi)\n"
        "vextractf128 $1, %ymm6, 752(%rdi)\n"
        "vextractf128 $1, %ymm7, 768(%rdi)\n"
        "vextractf128 $1, %ymm8, 784(%rdi)\n"
        "vextractf128 $1, %ymm9, 800(%rdi)\n"
        "vextractf128 $1, %ymm10, 816(%rdi)\n"
        "vextractf128 $1, %ymm11, 832(%rdi)\n"
        "vextractf128 $1, %ymm12, 848(%rdi)\n"
        "vextractf128 $1, %ymm13, 864(%rdi)\n"
        "vextractf128 $1, %ymm14, 880(%rdi)\n"
        "vextractf128 $1, %ymm15, 896(%rdi)\n"
        "vzeroupper\n"
        "2:\n"
        "fxsave64 (%rdi)\n"
        "fninit\n pushq $0x1f80\n ldmxcsr (%rsp)\n pop %rax\n"
        "add $16, %rsp\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

static uint8_t *code;
static sigjmp_buf host_fault;
static uint32_t trap_mxcsr;

static void on_sigfpe(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    trap_mxcsr = ((ucontext_t *)context)->uc_mcontext.fpregs->mxcsr;
    siglongjmp(host_fault, 1);
}

/* False when it trapped; *s is as before then. */
static bool run_on_host(HostState *s)
{
    static HostState copy;
    copy = *s;
    if (sigsetjmp(host_fault, 1)) {
        return false;
    }
    host_run(&copy, code);
    *s = copy;
    return true;
}

/* ---- CPUState <-> FXSAVE image ---- */

static bool host_has_avx(void)
{
    return __builtin_cpu_supports("avx");
}

static void state_to_host(HostState *s)
{
    memset(s, 0, sizeof(*s));
    stw_le_p(s->fx, 0x37f);
    stw_le_p(s->fx + 2, (uint16_t)(cpu->fpu.top << 11));
    s->fx[4] = (uint8_t)~cpu->fpu.tag;
    stl_le_p(s->fx + 24, cpu->mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        floatx80 v = cpu->fpu.st[(cpu->fpu.top + i) & 7];
        stq_le_p(s->fx + 32 + 16 * i, v.low);
        stw_le_p(s->fx + 32 + 16 * i + 8, v.high);
    }
    memcpy(s->fx + 160, cpu->xmm, sizeof(cpu->xmm));
    memcpy(s->upper, cpu->ymmh, sizeof(s->upper));
    s->avx = host_has_avx();
    memcpy(s->gpr, cpu->gpr, sizeof(s->gpr));
    s->flags = cc_get(cpu) | 0x202;
}

/* flags: those that count */
static void assert_states_agree(const HostState *host, uint32_t flags, const char *what)
{
    HostState guest;
    state_to_host(&guest);
    g_assert_cmphex(lduw_le_p(guest.fx + 2), ==, lduw_le_p(host->fx + 2) & 0x3800);
    g_assert_cmphex(guest.fx[4], ==, host->fx[4]);
    g_assert_cmphex(ldl_le_p(guest.fx + 24), ==, ldl_le_p(host->fx + 24));
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(ldq_le_p(guest.fx + 32 + 16 * i), ==, ldq_le_p(host->fx + 32 + 16 * i));
        g_assert_cmphex(lduw_le_p(guest.fx + 40 + 16 * i), ==, lduw_le_p(host->fx + 40 + 16 * i));
    }
    for (unsigned i = 0; i < 32; i++) {
        if (ldq_le_p(guest.fx + 160 + 8 * i) != ldq_le_p(host->fx + 160 + 8 * i)) {
            g_error("%s: xmm%u.%u is %016" PRIx64 ", the host has %016" PRIx64, what, i / 2, i & 1,
                    ldq_le_p(guest.fx + 160 + 8 * i), ldq_le_p(host->fx + 160 + 8 * i));
        }
    }
    for (unsigned i = 0; host_has_avx() && i < 32; i++) {
        if (guest.upper[i / 2].q[i & 1] != host->upper[i / 2].q[i & 1]) {
            g_error("%s: ymm%u.%u is %016" PRIx64 ", the host has %016" PRIx64, what, i / 2, 2 + (i & 1),
                    guest.upper[i / 2].q[i & 1], host->upper[i / 2].q[i & 1]);
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        if (i != R_ESP && guest.gpr[i] != host->gpr[i]) {
            g_error("%s: register %u is %016" PRIx64 ", the host has %016" PRIx64, what, i, guest.gpr[i], host->gpr[i]);
        }
    }
    if ((guest.flags ^ host->flags) & flags) {
        g_error("%s: flags %x, the host has %x", what, (unsigned)guest.flags & flags, (unsigned)host->flags & flags);
    }
}

/* ---- one random instruction ---- */

static bool reg_is_mmx(const InsnInfo *r)
{
    return has_operand(r, OPERAND_Pq) || has_operand(r, OPERAND_Pd);
}

static bool rm_is_mmx(const InsnInfo *r)
{
    return has_operand(r, OPERAND_Nq) || has_operand(r, OPERAND_Qq) || has_operand(r, OPERAND_Qd);
}

static bool is_gpr(OperandKind kind)
{
    static const uint8_t kinds[] = { OPERAND_Eb, OPERAND_Ew, OPERAND_Ed, OPERAND_Ey, OPERAND_Ev, OPERAND_Rd,
                                     OPERAND_Ry, OPERAND_Gd, OPERAND_Gy, OPERAND_Gv, OPERAND_By };
    return kind && memchr(kinds, kind, sizeof(kinds));
}

static bool is_reg_field(OperandKind kind)
{
    static const uint8_t kinds[] = { OPERAND_Gd, OPERAND_Gy, OPERAND_Gv };
    return memchr(kinds, kind, sizeof(kinds));
}

/* Is the operand in ModRM.reg (or, when false, in ModRM.rm) a general register? */
static bool field_is_gpr(const InsnInfo *r, bool reg)
{
    for (unsigned i = 0; i < 4; i++) {
        OperandKind k = r->operands[i];
        if (is_gpr(k) && k != OPERAND_By && is_reg_field(k) == reg) {
            return true;
        }
    }
    return false;
}

static bool is_sized_y(const InsnInfo *r)
{
    return has_operand(r, OPERAND_Ey) || has_operand(r, OPERAND_Gy) || has_operand(r, OPERAND_By);
}

static bool is_sized_v(const InsnInfo *r)
{
    return has_operand(r, OPERAND_Ev) || has_operand(r, OPERAND_Gv);
}

static bool has_vvvv(const InsnInfo *r)
{
    return has_operand(r, OPERAND_Hx) || has_operand(r, OPERAND_Hss) || has_operand(r, OPERAND_Hsd) ||
           has_operand(r, OPERAND_By);
}

/* RSP is the harness's; RBX and RDI point into the window. */
static unsigned pick_register(bool gpr, unsigned count)
{
    for (;;) {
        unsigned r = (unsigned)g_test_rand_int_range(0, (int)count);
        if (!gpr || (r != R_ESP && r != R_EBX && r != R_EDI)) {
            return r;
        }
    }
}

typedef struct Encoding {
    unsigned reg, rm, vvvv, index, scale;
    bool wide, l, word; /* REX.W or VEX.W, VEX.L, 66 as operand size */
    int8_t disp;
} Encoding;

static bool pick_bit(const InsnInfo *r, uint32_t zero, uint32_t one)
{
    return r->attributes & one || (!(r->attributes & zero) && g_test_rand_bit());
}

static Encoding pick_encoding(const InsnInfo *r, bool mem)
{
    bool vex = r->attributes & VEX_INSN, vector = vex && !is_sized_y(r);
    Encoding e = {
        .reg =
            r->modrm.reg >= 0 ? (unsigned)r->modrm.reg : pick_register(field_is_gpr(r, true), reg_is_mmx(r) ? 8 : 16),
        .rm = mem ? R_EBX : pick_register(field_is_gpr(r, false), rm_is_mmx(r) ? 8 : 16),
        .vvvv = has_vvvv(r) ? pick_register(has_operand(r, OPERAND_By), 16) : 0,
        .l = vex && pick_bit(r, VEX_L0, VEX_L1),
        .wide = vector ? (r->attributes & VEX_W1) != 0 : (is_sized_y(r) || is_sized_v(r)) && g_test_rand_bit(),
        .index = (unsigned)g_test_rand_int_range(0, 16),
        .scale = (unsigned)g_test_rand_int_range(0, 4),
    };
    int align = !(r->attributes & ALIGN16) ? 1 : e.l ? 32 : 16;
    e.disp = (int8_t)(g_test_rand_int_range(-96 / align, 96 / align) * align);
    e.word = is_sized_v(r) && !e.wide && g_test_rand_bit();
    while ((r->attributes & VSIB) && (e.index == e.reg || e.index == e.vvvv || e.reg == e.vvvv)) {
        e.index = pick_register(false, 16);
        e.vvvv = pick_register(false, 16);
    }
    return e;
}

static uint8_t *put_legacy(const InsnInfo *r, const Encoding *e, uint8_t *p)
{
    static const uint8_t prefixes[] = { [PFX_66] = 0x66, [PFX_F3] = 0xf3, [PFX_F2] = 0xf2 };
    if (e->word) {
        *p++ = 0x66;
    }
    if (r->prefix > PFX_NONE && !(e->word && r->prefix == PFX_66)) {
        *p++ = prefixes[r->prefix];
    }
    if (e->reg > 7 || e->rm > 7 || e->wide || has_operand(r, OPERAND_Eb)) {
        *p++ = (uint8_t)(0x40 | e->wide << 3 | (e->reg >> 3) << 2 | e->rm >> 3);
    }
    *p++ = 0x0f;
    if (r->map != M_0F) {
        *p++ = r->map == M_0F38 ? 0x38 : 0x3a;
    }
    *p++ = r->opcode;
    return p;
}

static uint8_t *put_vex(const InsnInfo *r, const Encoding *e, uint8_t *p)
{
    static const uint8_t pp[] = { [PFX_NONE] = 0, [PFX_66] = 1, [PFX_F3] = 2, [PFX_F2] = 3 };
    unsigned x = r->attributes & VSIB ? e->index >> 3 : 0;
    *p++ = 0xc4;
    *p++ = (uint8_t)((~e->reg >> 3 & 1) << 7 | (~x & 1) << 6 | (~e->rm >> 3 & 1) << 5 | r->map);
    *p++ = (uint8_t)(e->wide << 7 | (~e->vvvv & 15) << 3 | e->l << 2 | pp[r->prefix]);
    *p++ = r->opcode;
    return p;
}

static unsigned encoded_size(const InsnInfo *r, const Encoding *e)
{
    if ((r->attributes & VEX_INSN) && !is_sized_y(r)) {
        return 2 + e->l;
    }
    return e->word ? 1 : e->wide ? 3 : 2;
}

static void fill_decoded(const InsnInfo *r, bool mem, const Encoding *e, DecodedInsn *d)
{
    *d = build(r, encoded_size(r, e), mem);
    d->imm = (uint8_t)g_test_rand_int_range(0, g_test_rand_bit() ? 256 : 20);
    d->reg = (uint8_t)e->reg;
    d->rm = (uint8_t)e->rm;
    d->vvvv = (uint8_t)e->vvvv;
    d->vex_l = e->l;
    d->disp = e->disp;
    if (r->attributes & VSIB) {
        d->index = (uint8_t)e->index;
        d->scale = (uint8_t)e->scale;
    }
}

static void encode(const InsnInfo *r, bool mem, DecodedInsn *d)
{
    Encoding e = pick_encoding(r, mem);
    bool vsib = r->attributes & VSIB;
    if (!r->operands[0] && r->modrm.has_modrm) {
        e.rm = 0;
    }
    fill_decoded(r, mem, &e, d);
    uint8_t *p = r->attributes & VEX_INSN ? put_vex(r, &e, code) : put_legacy(r, &e, code);
    if (r->modrm.has_modrm) {
        *p++ = (uint8_t)((mem ? 0x40 : 0xc0) | (e.reg & 7) << 3 | (vsib ? 4 : e.rm & 7));
    }
    if (vsib) {
        *p++ = (uint8_t)(e.scale << 6 | (e.index & 7) << 3 | R_EBX);
    }
    if (mem) {
        *p++ = (uint8_t)e.disp;
    }
    if (has_operand(r, OPERAND_Ib) || has_operand(r, OPERAND_Lx)) {
        *p++ = (uint8_t)d->imm;
    }
    *p = 0xc3;
}

static void random_state(uint32_t mxcsr)
{
    for (unsigned i = 0; i < 16; i++) {
        cpu->gpr[i] = g_test_rand_bit() ? random64() : (uint64_t)(int64_t)g_test_rand_int_range(-100, 100);
        cpu->xmm[i] = random_xmm();
        XMMReg upper = random_xmm();
        cpu->ymmh[i] = (YMMHigh){ { upper.q[0], upper.q[1] } };
    }
    for (unsigned i = 0; i < 8; i++) {
        cpu->fpu.st[i] = (floatx80){ .low = random_xmm().q[0], .high = (uint16_t)g_test_rand_int() };
    }
    cpu->fpu.top = (uint8_t)g_test_rand_int_range(0, 8);
    cpu->fpu.tag = (uint8_t)g_test_rand_int();
    cpu->gpr[R_EBX] = cpu->gpr[R_EDI] = WINDOW + WINDOW_SIZE / 2;
    cpu->mxcsr = mxcsr;
    cc_set(cpu, (uint32_t)g_test_rand_int());
    for (unsigned i = 0; i < WINDOW_SIZE; i += 16) {
        XMMReg v = random_xmm();
        memcpy((void *)(uintptr_t)(WINDOW + i), &v, 16);
    }
}

static void small_indexes(const DecodedInsn *d, unsigned size)
{
    for (unsigned i = 0; i < 32 / size; i++) {
        int64_t v = g_test_rand_int_range(-8, 9);
        uint64_t *half = i * size < 16 ? cpu->xmm[d->index].q : cpu->ymmh[d->index].q;
        memcpy((uint8_t *)half + (i * size & 15), &v, size);
    }
}

/*
 * LDMXCSR must not find reserved bits. CVTPI2PS enters MMX state, says the manual, but not every host does so when its
 * operand is in memory: let it be entered already.
 */
static void prepare_operand(const InsnInfo *r, const DecodedInsn *d)
{
    if (!strcmp(r->mnemonic, "cvtpi2ps") && insn_is_mem(d)) {
        cpu->fpu.top = cpu->fpu.tag = 0;
    }
    if (r->attributes & VSIB) {
        small_indexes(d, r->opcode & 1 ? 8 : 4);
    }
    if (strstr(r->mnemonic, "pcmpestr") && g_test_rand_bit()) {
        cpu->gpr[R_EAX] = (uint64_t)(int64_t)g_test_rand_int_range(-20, 20);
        cpu->gpr[R_EDX] = (uint64_t)(int64_t)g_test_rand_int_range(-20, 20);
    }
    if (strstr(r->mnemonic, "ldmxcsr")) {
        stl_le_p((void *)(uintptr_t)(cpu->gpr[R_EBX] + (uint64_t)d->disp),
                 (uint32_t)g_test_rand_int() & MXCSR_WRITABLE);
    }
}

/* Returns whether the instruction trapped. */
static bool compare_once(const InsnInfo *r, bool mem, uint32_t mxcsr)
{
    DecodedInsn d;
    HostState host, unchanged;
    uint8_t before[WINDOW_SIZE], after[WINDOW_SIZE];
    encode(r, mem, &d);
    derive_tlb(g_test_rand_bit());
    random_state(mxcsr);
    prepare_operand(r, &d);
    state_to_host(&host);
    unchanged = host;
    memcpy(before, (void *)WINDOW, WINDOW_SIZE);
    bool trapped = !run_on_host(&host);
    memcpy(after, (void *)WINDOW, WINDOW_SIZE);
    memcpy((void *)WINDOW, before, WINDOW_SIZE);
    int vector = run(&d);
    g_autofree char *what = g_strdup_printf("%s%s, size %u reg %u vvvv %u rm %u imm %u, mxcsr %x", r->mnemonic,
                                            mem ? " mem" : "", d.op_size, d.reg, d.vvvv, d.rm, (unsigned)d.imm, mxcsr);
    if (vector != (trapped ? EXCP_XM : -1)) {
        g_error("%s: exception %d, the host %s", what, vector, trapped ? "trapped" : "did not trap");
    }
    if (trapped) {
        if (cpu->mxcsr != trap_mxcsr) {
            g_error("%s: MXCSR %x, the host has %x", what, cpu->mxcsr, trap_mxcsr);
        }
        stl_le_p(unchanged.fx + 24, cpu->mxcsr);
        host = unchanged;
    }
    if (cpu->mxcsr != ldl_le_p(host.fx + 24)) {
        g_error("%s: MXCSR %x, the host has %x", what, cpu->mxcsr, ldl_le_p(host.fx + 24));
    }
    assert_states_agree(&host, CC_ALL & ~r->flags_undefined, what);
    g_assert_cmpmem((void *)WINDOW, WINDOW_SIZE, after, WINDOW_SIZE);
    return trapped;
}

/* Rounding, DAZ, FTZ, flags already set; all masked. */
static uint32_t random_mxcsr(void)
{
    uint32_t mxcsr = MXCSR_DEFAULT;
    if (g_test_rand_bit()) {
        mxcsr |= (uint32_t)g_test_rand_int() & (3u << MXCSR_RC_SHIFT | MXCSR_DAZ | MXCSR_FTZ);
    }
    return g_test_rand_bit() ? mxcsr : mxcsr | ((uint32_t)g_test_rand_int() & MXCSR_FLAGS);
}

/* Rows whose result depends on MXCSR, and some more. */
static bool is_floating(const InsnInfo *r)
{
    static const uint8_t kinds[] = { OPERAND_Vss, OPERAND_Vsd, OPERAND_Vps, OPERAND_Vpd,
                                     OPERAND_Wss, OPERAND_Wsd, OPERAND_Wps, OPERAND_Wpd };
    for (unsigned i = 0; i < 4; i++) {
        if (r->operands[i] && memchr(kinds, r->operands[i], sizeof(kinds))) {
            return true;
        }
    }
    return false;
}

static void test_host_row(gconstpointer data)
{
    const InsnInfo *r = data;
    int cases = coverage_only() ? 1 : is_floating(r) ? 4000 : 600;
    for (int i = 0; i < cases; i++) {
        bool mem = has_memory_form(r) && (!has_register_form(r) || g_test_rand_bit());
        compare_once(r, mem, random_mxcsr());
    }
    coverage_row(r, COVERAGE_HOST);
}

static void test_host_row_unmasked(gconstpointer data)
{
    const InsnInfo *r = data;
    for (int i = 0; i < (coverage_only() ? 1 : 3000); i++) {
        bool mem = has_memory_form(r) && (!has_register_form(r) || g_test_rand_bit());
        uint32_t keep = ~((uint32_t)g_test_rand_int() & (uint32_t)g_test_rand_int() & MXCSR_MASKS);
        compare_once(r, mem, random_mxcsr() & keep);
    }
}

/* comparable: false where each maker's processor has its own results */
static void add_host_tests(bool (*comparable)(const InsnInfo *r))
{
    unsigned tested = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const InsnInfo *r = &rows[i];
        if (!comparable(r) || !host_has(r->feature)) {
            continue;
        }
        g_autofree char *path = g_strdup_printf("/simd/host/%s-%zu", r->mnemonic, i);
        g_test_add_data_func(path, r, test_host_row);
        if (is_floating(r) && !strstr(r->mnemonic, "dpp")) { /* DPPx: makers differ in the flags left by a trap */
            g_autofree char *unmasked = g_strdup_printf("/simd/host-unmasked/%s-%zu", r->mnemonic, i);
            g_test_add_data_func(unmasked, r, test_host_row_unmasked);
        }
        tested++;
    }
    g_test_message("%u of %zu rows are compared with the host", tested, ARRAY_SIZE(rows));
}

static void host_init(void)
{
    struct sigaction action = { .sa_sigaction = on_sigfpe, .sa_flags = SA_SIGINFO | SA_NODEFER };
    sigaction(SIGFPE, &action, NULL);
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert(code != MAP_FAILED);
}

#else

static void add_host_tests(bool (*comparable)(const InsnInfo *r))
{
    (void)comparable;
}

static void host_init(void)
{
}

#endif

static void harness_init(void)
{
    cpu = g_aligned_alloc0(1, sizeof(*cpu), _Alignof(CPUState));
    ram = mmap((void *)RAM_BASE, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
               -1, 0);
    g_assert(ram == (void *)RAM_BASE);
    world_reset();
    host_init();
}

static void for_each_form(void (*check)(const InsnInfo *r, bool mem))
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int mem = 0; mem < 2; mem++) {
            if (mem ? has_memory_form(&rows[i]) : has_register_form(&rows[i])) {
                world_reset();
                check(&rows[i], mem);
            }
        }
    }
}

#endif
