/* LINK: target/i386/flags.c target/i386/simd-mov.c target/i386/simd-int.c target/i386/simd-shuffle.c
 * target/i386/simd-float.c target/i386/simd-approx.c target/i386/simd-convert.c target/i386/simd-state.c
 * target/i386/simd-avx.c fpu/softfloat.c */
/*
 * tests/cpu/test-simd.c  MMX and SSE handlers on a bare CPUState.
 *
 * /simd/host/...: every row against the host CPU, see simd-harness.h. The rest: known answers, faults and what must not
 * happen before them.
 */
#include <math.h>

#include "target/i386/handlers-simd.h"
#include "target/i386/insn.h"

static const InsnInfo rows[] = {
#include "target/i386/insns-simd.h"
};

#include "tests/cpu/simd-harness.h"

/* Register forms use registers 0 and 1. */
static DecodedInsn build_named(const char *mnemonic, OperandKind first, bool mem)
{
    DecodedInsn d = build(row_named(mnemonic, first), 2, mem);
    d.rm = 1;
    return d;
}

/* ---- what stands in the way ---- */

/* Runs the row from a fixed state; nothing but the exception may show when it raises one. */
static int run_row(const InsnInfo *r, bool mem)
{
    DecodedInsn d = build(r, 2, mem);
    d.reg = r->modrm.reg >= 0 ? (uint8_t)r->modrm.reg : 2;
    d.rm = 1;
    cpu->gpr[R_EBX] = cpu->gpr[R_EDI] = WINDOW;
    cpu->fpu.tag = 0x55;
    cpu->fpu.top = 3;
    XMMReg xmm[16];
    memcpy(xmm, cpu->xmm, sizeof(xmm));
    FPUState fpu = cpu->fpu;
    uint32_t mxcsr = cpu->mxcsr;
    int vector = run(&d);
    if (vector >= 0) {
        g_assert_cmpmem(xmm, sizeof(xmm), cpu->xmm, sizeof(xmm));
        g_assert(memcmp(&fpu, &cpu->fpu, sizeof(fpu)) == 0);
        g_assert_cmphex(mxcsr, ==, cpu->mxcsr);
    }
    return vector;
}

/* CVTPI2PD from memory is the one that names an MMX operand and leaves the x87 alone. */
static bool touches_mmx(const InsnInfo *r, bool mem)
{
    return (r->attributes & MMX) && !(mem && !strcmp(r->mnemonic, "cvtpi2pd"));
}

static void check_available(const InsnInfo *r, bool mem)
{
    bool simd = r->attributes & (MMX | SSE);
    g_assert_cmpint(run_row(r, mem), ==, -1);
    cpu->cr0 |= CR0_TS;
    g_assert_cmpint(run_row(r, mem), ==, simd ? EXCP_NM : -1);
    cpu->cr0 |= CR0_EM;
    g_assert_cmpint(run_row(r, mem), ==, simd ? EXCP_UD : -1);
    cpu->cr0 &= ~(uint64_t)(CR0_TS | CR0_EM);
    cpu->cr4 &= ~(uint64_t)CR4_OSFXSR;
    g_assert_cmpint(run_row(r, mem), ==, r->attributes & SSE ? EXCP_UD : -1);
}

static void test_available(void)
{
    for_each_form(check_available);
}

static void check_pending(const InsnInfo *r, bool mem)
{
    cpu->fpu.sw = 0x8081;
    g_assert_cmpint(run_row(r, mem), ==, touches_mmx(r, mem) ? EXCP_MF : -1);
    if (!touches_mmx(r, mem)) {
        return;
    }
    cpu->cr0 &= ~(uint64_t)CR0_NE;
    stands_still = true;
    g_assert_cmpint(run_row(r, mem), ==, -1);
    g_assert_cmphex(cpu->fpu.tag, ==, 0x55);
    stands_still = false;
    g_assert_cmpint(run_row(r, mem), ==, -1);
    g_assert_cmphex(cpu->fpu.tag, ==, strcmp(r->mnemonic, "emms") ? 0 : 0xff);
    g_assert_cmphex(cpu->fpu.top, ==, 0);
}

static void test_pending_x87(void)
{
    for_each_form(check_pending);
}

static void check_alignment(const InsnInfo *r, bool mem)
{
    if (!mem) {
        return;
    }
    bool aligned = r->attributes & ALIGN16;
    DecodedInsn d = build(r, 2, true);
    d.disp = 8;
    cpu->gpr[R_EBX] = WINDOW;
    g_assert_cmpint(run(&d), ==, aligned ? EXCP_GP : -1);
    memset(absent, true, sizeof(absent));
    derive_tlb(true);
    g_assert_cmpint(run(&d), ==, aligned ? EXCP_GP : EXCP_PF);
    cpu->seg[R_DS].base = cpu->seg[R_DS].linear_base = 8; /* what counts is the linear address */
    cpu->gpr[R_EBX] = WINDOW - 16;
    g_assert_cmpint(run(&d), ==, EXCP_PF);
}

static void test_alignment(void)
{
    for_each_form(check_alignment);
}

/* The operand starts in the last bytes of a page, and the next one is absent. */
static void check_page_fault(const InsnInfo *r, bool mem)
{
    static uint8_t before[RAM_SIZE];
    if (!mem || (r->attributes & ALIGN16) || has_operand(r, OPERAND_Mb)) {
        return;
    }
    absent[(WINDOW - RAM_BASE) >> PAGE_BITS] = true;
    derive_tlb(true);
    memset(cpu->xmm, 0x5a, sizeof(cpu->xmm));
    cpu->fpu.st[2].low = 0x1234567812345678;
    memcpy(before, ram, RAM_SIZE);
    DecodedInsn d = build(r, 2, true);
    d.disp = -1;
    d.reg = 2;
    cpu->gpr[R_EBX] = WINDOW;
    cpu->fpu.tag = 0x55;
    g_assert_cmpint(run(&d), ==, EXCP_PF);
    g_assert_cmpmem(before, RAM_SIZE, ram, RAM_SIZE);
    g_assert_cmphex(cpu->fpu.tag, ==, 0x55);
    g_assert_cmphex(cpu->xmm[2].q[1], ==, 0x5a5a5a5a5a5a5a5a);
}

static void test_page_fault(void)
{
    for_each_form(check_page_fault);
}

static void test_page_crossing(void)
{
    world_reset();
    for (unsigned i = 0; i < 16; i++) {
        cpu->xmm[3].b[i] = (uint8_t)(i + 1);
    }
    for (uint64_t at = WINDOW - 17; at <= WINDOW + 1; at++) {
        DecodedInsn store = build_named("movups", OPERAND_Wps, true), load = build_named("movups", OPERAND_Vps, true);
        store.reg = 3;
        load.reg = 4;
        cpu->gpr[R_EBX] = at;
        memset(&cpu->xmm[4], 0, 16);
        g_assert_cmpint(run(&store), ==, -1);
        g_assert_cmpmem((void *)(uintptr_t)at, 16, &cpu->xmm[3], 16);
        g_assert_cmpint(run(&load), ==, -1);
        g_assert_cmpmem(&cpu->xmm[4], 16, &cpu->xmm[3], 16);
    }
}

static void test_segment_limit(void)
{
    world_reset();
    for (int seg = R_SS; seg <= R_DS; seg++) {
        cpu->seg[seg].limit = (uint32_t)WINDOW + 14;
        cpu->seg[seg].read_end = cpu->seg[seg].write_end = WINDOW + 15;
    }
    DecodedInsn d = build_named("movaps", OPERAND_Vps, true);
    cpu->gpr[R_EBX] = WINDOW;
    g_assert_cmpint(run(&d), ==, EXCP_GP);
    d.seg = R_SS;
    g_assert_cmpint(run(&d), ==, EXCP_SS);
    d.disp = -16;
    g_assert_cmpint(run(&d), ==, -1);
}

/* ---- MASKMOVDQU, MASKMOVQ ---- */

static void select_bytes(unsigned xmm, uint32_t bits)
{
    for (unsigned i = 0; i < 16; i++) {
        cpu->xmm[xmm].b[i] = bits >> i & 1 ? 0x80 : 0x7f;
    }
}

static void test_maskmov(void)
{
    world_reset();
    DecodedInsn d = build_named("maskmovdqu", OPERAND_Vdq, false);
    memset(&cpu->xmm[0], 0xaa, 16);
    cpu->gpr[R_EDI] = WINDOW - 4;
    absent[(WINDOW - RAM_BASE) >> PAGE_BITS] = true;
    derive_tlb(true);
    select_bytes(1, 0x000a);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(ldl_le_p((void *)(uintptr_t)(WINDOW - 4)), ==, 0xaa00aa00);
    select_bytes(1, 0x0011);
    g_assert_cmpint(run(&d), ==, EXCP_PF);
    g_assert_cmphex(ldl_le_p((void *)(uintptr_t)(WINDOW - 4)), ==, 0xaa00aa00);
    select_bytes(1, 0);
    g_assert_cmpint(run(&d), ==, -1);
    d.ea_mask = 0xffff; /* 16-bit addressing: DI */
    cpu->seg[R_DS].base = cpu->seg[R_DS].linear_base = RAM_BASE;
    select_bytes(1, 1);
    cpu->gpr[R_EDI] = 0xffff0100;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(ram[0x100], ==, 0xaa);
}

/* ---- MXCSR and #XM ---- */

static void test_ldmxcsr_reserved(void)
{
    world_reset();
    DecodedInsn d = build_named("ldmxcsr", OPERAND_Md, true);
    cpu->gpr[R_EBX] = WINDOW;
    for (unsigned bit = 0; bit < 32; bit++) {
        stl_le_p((void *)WINDOW, 1u << bit);
        cpu->mxcsr = MXCSR_DEFAULT;
        g_assert_cmpint(run(&d), ==, bit < 16 ? -1 : EXCP_GP);
        g_assert_cmphex(cpu->mxcsr, ==, bit < 16 ? 1u << bit : MXCSR_DEFAULT);
    }
}

static void test_unmasked(void)
{
    world_reset();
    DecodedInsn d = build_named("divps", OPERAND_Vps, false);
    cpu->xmm[0].l[0] = cpu->xmm[0].l[1] = cpu->xmm[0].l[2] = cpu->xmm[0].l[3] = 0x3f800000;
    cpu->xmm[1] = (XMMReg){ .l = { 0x40400000, 0, 0x7f800001, 1 } }; /* 3, 0, signalling NaN, denormal */
    XMMReg before = cpu->xmm[0];
    cpu->mxcsr = MXCSR_DEFAULT & ~(uint32_t)(FLOAT_FLAG_DIVBYZERO << 7);
    g_assert_cmpint(run(&d), ==, EXCP_XM);
    g_assert_cmpmem(&cpu->xmm[0], 16, &before, 16);
    g_assert_cmphex(cpu->mxcsr & MXCSR_FLAGS, ==, FLOAT_FLAG_INVALID | FLOAT_FLAG_DENORMAL | FLOAT_FLAG_DIVBYZERO);
    cpu->cr4 &= ~(uint64_t)CR4_OSXMMEXCPT;
    g_assert_cmpint(run(&d), ==, EXCP_UD);
    cpu->mxcsr = MXCSR_DEFAULT & ~(uint32_t)(FLOAT_FLAG_INEXACT << 7);
    cpu->cr4 |= CR4_OSXMMEXCPT;
    g_assert_cmpint(run(&d), ==, EXCP_XM);
    g_assert_cmphex(cpu->mxcsr & MXCSR_FLAGS, ==,
                    FLOAT_FLAG_INVALID | FLOAT_FLAG_DENORMAL | FLOAT_FLAG_DIVBYZERO | FLOAT_FLAG_OVERFLOW |
                        FLOAT_FLAG_INEXACT);
    g_assert_cmpmem(&cpu->xmm[0], 16, &before, 16);
}

/* Sticky flags do not trap by themselves, however they came to be set and unmasked. */
static void test_sticky(void)
{
    world_reset();
    DecodedInsn d = build_named("addps", OPERAND_Vps, false);
    cpu->mxcsr = MXCSR_FLAGS;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->mxcsr, ==, MXCSR_FLAGS);
}

/* ---- RCPSS, RSQRTSS ---- */

static uint32_t approximate(const char *mnemonic, uint32_t x)
{
    DecodedInsn d = build_named(mnemonic, OPERAND_Vss, false);
    cpu->xmm[0] = (XMMReg){ .l = { 0, 1, 2, 3 } };
    cpu->xmm[1].l[0] = x;
    cpu->mxcsr = MXCSR_DAZ; /* neither asked nor changed */
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->mxcsr, ==, MXCSR_DAZ);
    g_assert(cpu->xmm[0].l[1] == 1 && cpu->xmm[0].l[2] == 2 && cpu->xmm[0].l[3] == 3);
    return cpu->xmm[0].l[0];
}

static double value_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

static void test_approximation_special(void)
{
    static const struct {
        uint32_t x, rcp, rsqrt;
    } cases[] = {
        { 0x00000000, 0x7f800000, 0x7f800000 }, { 0x80000000, 0xff800000, 0xff800000 },
        { 0x00000001, 0x7f800000, 0x7f800000 }, { 0x807fffff, 0xff800000, 0xff800000 },
        { 0x7f800000, 0x00000000, 0x00000000 }, { 0xff800000, 0x80000000, 0xffc00000 },
        { 0x7f800001, 0x7fc00001, 0x7fc00001 }, { 0xffc12345, 0xffc12345, 0xffc12345 },
        { 0x3f800000, 0x3f800000, 0x3f800000 }, { 0x40000000, 0x3f000000, 0x3f350000 },
        { 0x40800000, 0x3e800000, 0x3f000000 }, { 0xbf800000, 0xbf800000, 0xffc00000 },
        { 0x7e800000, 0x00800000, 0x20000000 }, { 0x7f7fffff, 0x00000000, 0x1f800000 },
        { 0xff000000, 0x80000000, 0xffc00000 }, { 0x00800000, 0x7e800000, 0x5f000000 },
        { 0x40400000, 0x3eaab000, 0x3f13d000 },
    };
    world_reset();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_assert_cmphex(approximate("rcpss", cases[i].x), ==, cases[i].rcp);
        g_assert_cmphex(approximate("rsqrtss", cases[i].x), ==, cases[i].rsqrt);
    }
}

/* Four at a time, each as the scalar form has it. */
static void test_approximation_packed(void)
{
    static const char *const names[2][2] = { { "rcpps", "rcpss" }, { "rsqrtps", "rsqrtss" } };
    static const uint32_t x[4] = { 0x3f800000, 0x40400000, 0x7f800000, 0xbf800000 };
    world_reset();
    for (unsigned n = 0; n < 2; n++) {
        uint32_t expected[4];
        for (unsigned i = 0; i < 4; i++) {
            expected[i] = approximate(names[n][1], x[i]);
        }
        DecodedInsn d = build_named(names[n][0], OPERAND_Vps, false);
        memcpy(&cpu->xmm[1], x, 16);
        g_assert_cmpint(run(&d), ==, -1);
        g_assert_cmpmem(&cpu->xmm[0], 16, expected, 16);
    }
}

static void test_approximation_error(void)
{
    const double bound = 1.5 / 4096;
    world_reset();
    for (uint32_t x = 0x00800000; x < 0x7e800000; x += 4999) {
        double exact = 1 / value_of(x), root = 1 / sqrt(value_of(x));
        g_assert(fabs(value_of(approximate("rcpss", x)) - exact) <= bound * exact);
        g_assert(fabs(value_of(approximate("rsqrtss", x)) - root) <= bound * root);
    }
}

static bool is_comparable(const InsnInfo *r)
{
    return !g_str_has_prefix(r->mnemonic, "rcp") && !g_str_has_prefix(r->mnemonic, "rsqrt");
}

static void add_tests(void)
{
    g_test_add_func("/simd/available", test_available);
    g_test_add_func("/simd/pending-x87", test_pending_x87);
    g_test_add_func("/simd/fault/alignment", test_alignment);
    g_test_add_func("/simd/fault/second-page", test_page_fault);
    g_test_add_func("/simd/fault/segment-limit", test_segment_limit);
    g_test_add_func("/simd/page-crossing", test_page_crossing);
    g_test_add_func("/simd/maskmov", test_maskmov);
    g_test_add_func("/simd/mxcsr/reserved", test_ldmxcsr_reserved);
    g_test_add_func("/simd/mxcsr/unmasked", test_unmasked);
    g_test_add_func("/simd/mxcsr/sticky", test_sticky);
    g_test_add_func("/simd/approximation/special", test_approximation_special);
    g_test_add_func("/simd/approximation/packed", test_approximation_packed);
    g_test_add_func("/simd/approximation/error", test_approximation_error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    harness_init();
    add_tests();
    add_host_tests(is_comparable);
    return g_test_run();
}
