/* LINK: target/i386/flags.c target/i386/simd-mov.c target/i386/simd-int.c target/i386/simd-shuffle.c
 * target/i386/simd-float.c target/i386/simd-approx.c target/i386/simd-convert.c target/i386/simd-state.c
 * target/i386/simd-avx.c target/i386/simd-permute.c target/i386/simd-ssse3.c target/i386/simd-sse4.c
 * target/i386/simd-sse4-float.c target/i386/simd-string.c target/i386/simd-crypto.c target/i386/simd-fma.c
 * target/i386/simd-f16c.c target/i386/int-bmi.c fpu/softfloat.c */
/*
 * tests/cpu/test-simd2.c  SSSE3 to SSE4.2, AES, PCLMULQDQ, SHA, AVX, AVX2, FMA, F16C, BMI, ADX, CRC32, RDRAND on a bare
 * CPUState.
 *
 * /simd/host/...: every row against the host CPU, see simd-harness.h. The rest: faults and what must not happen before
 * them, upper halves, known answers.
 */
#include "target/i386/handlers-simd.h"
#include "target/i386/handlers-simd2.h"
#include "target/i386/insn.h"

static const InsnInfo rows[] = {
#include "target/i386/insns-simd2.h"

#include "target/i386/insns-avx.h"
};

#include "tests/cpu/simd-harness.h"

uint64_t guest_random(void)
{
    return 0x0123456789abcdef;
}

static bool is_comparable(const InsnInfo *r)
{
    return !strstr(r->mnemonic, "rcp") && !strstr(r->mnemonic, "rsqrt") && !g_str_has_prefix(r->mnemonic, "rd");
}

/* ---- every row in every form: register or memory, 128 or 256 bits ---- */

static DecodedInsn build_form(const InsnInfo *r, bool mem, bool l)
{
    bool vector = (r->attributes & VEX_INSN) && !is_sized_y(r);
    DecodedInsn d = build(r, vector ? 2 + l : 2, mem);
    d.reg = r->modrm.reg >= 0 ? (uint8_t)r->modrm.reg : 2;
    d.rm = 1;
    d.vvvv = has_vvvv(r) ? 5 : 0;
    d.vex_l = l;
    if (r->attributes & VSIB) {
        d.index = 6;
    }
    cpu->gpr[R_EBX] = cpu->gpr[R_EDI] = WINDOW;
    return d;
}

typedef void CheckForm(const InsnInfo *r, bool mem, bool l);

static void check_lengths(CheckForm *check, const InsnInfo *r, bool mem)
{
    for (int l = 0; l < 2; l++) {
        bool vex = r->attributes & VEX_INSN;
        if (l ? vex && !(r->attributes & VEX_L0) : !(r->attributes & VEX_L1)) {
            world_reset();
            check(r, mem, l);
        }
    }
}

static CheckForm *checked_form;

static void check_row_form(const InsnInfo *r, bool mem)
{
    check_lengths(checked_form, r, mem);
}

static void for_each_length(CheckForm *check)
{
    checked_form = check;
    for_each_form(check_row_form);
}

static bool reads_or_writes_whole(const InsnInfo *r)
{
    bool masked = strstr(r->mnemonic, "maskmov") || (r->attributes & VSIB);
    return !masked && !has_operand(r, OPERAND_Mb) && !has_operand(r, OPERAND_Eb) && strcmp(r->mnemonic, "vpbroadcastb");
}

/* ---- what stands in the way; nothing but the exception may show then ---- */

static int run_unchanged(const InsnInfo *r, bool mem, bool l)
{
    DecodedInsn d = build_form(r, mem, l);
    CPUState before = *cpu;
    int vector = run(&d);
    if (vector >= 0) {
        g_assert_cmpmem(before.xmm, sizeof(before.xmm), cpu->xmm, sizeof(cpu->xmm));
        g_assert_cmpmem(before.ymmh, sizeof(before.ymmh), cpu->ymmh, sizeof(cpu->ymmh));
        g_assert_cmpmem(before.gpr, sizeof(before.gpr), cpu->gpr, sizeof(cpu->gpr));
        g_assert_cmphex(before.mxcsr, ==, cpu->mxcsr);
    }
    return vector;
}

static void check_available(const InsnInfo *r, bool mem, bool l)
{
    uint32_t kind = r->attributes & (MMX | SSE | AVX);
    g_assert_cmpint(run_unchanged(r, mem, l), ==, -1);
    cpu->cr0 |= CR0_TS;
    g_assert_cmpint(run_unchanged(r, mem, l), ==, kind ? EXCP_NM : -1);
    cpu->cr0 |= CR0_EM;
    g_assert_cmpint(run_unchanged(r, mem, l), ==, kind == AVX ? EXCP_NM : kind ? EXCP_UD : -1);
    cpu->cr0 &= ~(uint64_t)CR0_TS;
    g_assert_cmpint(run_unchanged(r, mem, l), ==, kind & (MMX | SSE) ? EXCP_UD : -1);
    cpu->cr0 &= ~(uint64_t)CR0_EM;
    cpu->cr4 &= ~(uint64_t)CR4_OSFXSR;
    g_assert_cmpint(run_unchanged(r, mem, l), ==, kind == SSE ? EXCP_UD : -1);
    cpu->cr4 = (cpu->cr4 | CR4_OSFXSR) & ~(uint64_t)CR4_OSXSAVE;
    g_assert_cmpint(run_unchanged(r, mem, l), ==, kind == AVX ? EXCP_UD : -1);
    cpu->cr4 |= CR4_OSXSAVE;
    for (cpu->xcr0 = 1; cpu->xcr0 < 7; cpu->xcr0 += 2) {
        cpu->cr0 |= CR0_TS;
        g_assert_cmpint(run_unchanged(r, mem, l), ==, kind == AVX ? EXCP_UD : kind ? EXCP_NM : -1);
        cpu->cr0 &= ~(uint64_t)CR0_TS;
        g_assert_cmpint(run_unchanged(r, mem, l), ==, kind == AVX ? EXCP_UD : -1);
    }
}

static void test_available(void)
{
    for_each_length(check_available);
}

static void check_alignment(const InsnInfo *r, bool mem, bool l)
{
    if (!mem) {
        return;
    }
    bool aligned = r->attributes & ALIGN16;
    DecodedInsn d = build_form(r, true, l);
    d.disp = 8;
    g_assert_cmpint(run(&d), ==, aligned ? EXCP_GP : -1);
    d.disp = 16;
    g_assert_cmpint(run(&d), ==, aligned && l ? EXCP_GP : -1);
    d.disp = 32;
    g_assert_cmpint(run(&d), ==, -1);
}

static void test_alignment(void)
{
    for_each_length(check_alignment);
}

/* The operand starts in the last byte of a page, and the next one is absent. */
static void check_page_fault(const InsnInfo *r, bool mem, bool l)
{
    static uint8_t before[RAM_SIZE];
    if (!mem || (r->attributes & ALIGN16) || !reads_or_writes_whole(r)) {
        return;
    }
    absent[(WINDOW - RAM_BASE) >> PAGE_BITS] = true;
    derive_tlb(true);
    memset(cpu->xmm, 0x5a, sizeof(cpu->xmm));
    memset(cpu->ymmh, 0x5a, sizeof(cpu->ymmh));
    memcpy(before, ram, RAM_SIZE);
    DecodedInsn d = build_form(r, true, l);
    d.disp = -1;
    CPUState state = *cpu;
    g_assert_cmpint(run(&d), ==, EXCP_PF);
    g_assert_cmpmem(before, RAM_SIZE, ram, RAM_SIZE);
    g_assert_cmpmem(state.xmm, sizeof(state.xmm), cpu->xmm, sizeof(cpu->xmm));
    g_assert_cmpmem(state.ymmh, sizeof(state.ymmh), cpu->ymmh, sizeof(cpu->ymmh));
    g_assert_cmpmem(state.gpr, sizeof(state.gpr), cpu->gpr, sizeof(cpu->gpr));
    g_assert_cmphex(state.mxcsr, ==, cpu->mxcsr);
}

static void test_page_fault(void)
{
    for_each_length(check_page_fault);
}

/* ---- 32 bytes at any place, by the fast and the slow way ---- */

static DecodedInsn build_wide(const char *mnemonic, OperandKind first, bool mem)
{
    return build_form(row_named(mnemonic, first), mem, true);
}

static void test_page_crossing(void)
{
    world_reset();
    for (unsigned i = 0; i < 16; i++) {
        cpu->xmm[3].b[i] = (uint8_t)(i + 1);
        ((uint8_t *)&cpu->ymmh[3])[i] = (uint8_t)(i + 17);
    }
    for (uint64_t at = WINDOW - 33; at <= WINDOW + 1; at++) {
        DecodedInsn store = build_wide("vmovups", OPERAND_Wps, true), load = build_wide("vmovups", OPERAND_Vps, true);
        store.reg = 3;
        load.reg = 4;
        cpu->gpr[R_EBX] = at;
        memset(&cpu->xmm[4], 0, 16);
        memset(&cpu->ymmh[4], 0, 16);
        derive_tlb(at & 1);
        g_assert_cmpint(run(&store), ==, -1);
        for (unsigned i = 0; i < 32; i++) {
            g_assert_cmpuint(*(uint8_t *)(uintptr_t)(at + i), ==, i + 1);
        }
        g_assert_cmpint(run(&load), ==, -1);
        g_assert_cmpmem(&cpu->xmm[4], 16, &cpu->xmm[3], 16);
        g_assert_cmpmem(&cpu->ymmh[4], 16, &cpu->ymmh[3], 16);
    }
}

/* ---- masked moves touch no byte that the mask leaves out ---- */

static void set_dword_mask(unsigned reg, unsigned bits)
{
    for (unsigned i = 0; i < 8; i++) {
        uint32_t v = bits >> i & 1 ? 0x80000000 : 0x7fffffff;
        memcpy(i < 4 ? (void *)&cpu->xmm[reg].l[i] : (void *)((uint32_t *)&cpu->ymmh[reg] + (i - 4)), &v, 4);
    }
}

static void test_masked_faults(void)
{
    world_reset();
    absent[(WINDOW - RAM_BASE) >> PAGE_BITS] = true;
    derive_tlb(true);
    memset(ram, 0x11, RAM_SIZE);
    DecodedInsn load = build_wide("vpmaskmovd", OPERAND_Vx, true), store = build_wide("vpmaskmovd", OPERAND_Mx, true);
    memset(&cpu->xmm[2], 0x77, 16);
    cpu->gpr[R_EBX] = WINDOW - 16; /* dwords 4 to 7 are absent */
    set_dword_mask(5, 0x0a);
    g_assert_cmpint(run(&store), ==, -1);
    g_assert_cmphex(ldq_le_p((void *)(uintptr_t)(WINDOW - 16)), ==, 0x7777777711111111);
    set_dword_mask(5, 0x14);
    g_assert_cmpint(run(&store), ==, EXCP_PF);
    g_assert_cmphex(ldq_le_p((void *)(uintptr_t)(WINDOW - 8)), ==, 0x7777777711111111);
    g_assert_cmpint(run(&load), ==, EXCP_PF);
    g_assert_cmphex(cpu->xmm[2].q[0], ==, 0x7777777777777777);
    set_dword_mask(5, 0x01);
    g_assert_cmpint(run(&load), ==, -1);
    g_assert_cmphex(cpu->xmm[2].q[0], ==, 0x11111111);
    g_assert_cmphex(cpu->ymmh[2].q[1], ==, 0);
}

/* ---- a gather that faults in the middle keeps what it has, and goes on from there ---- */

static void test_gather_fault(void)
{
    world_reset();
    DecodedInsn d = build_wide("vpgatherdd", OPERAND_Vx, true);
    memset(ram, 0x11, RAM_SIZE);
    memset(&cpu->xmm[2], 0x77, 16);
    absent[(WINDOW - RAM_BASE) >> PAGE_BITS] = true;
    derive_tlb(true);
    cpu->gpr[R_EBX] = WINDOW - 16;
    cpu->xmm[6] = (XMMReg){ .l = { 0, 4, 16, 8 } };
    set_dword_mask(5, 0x0d);
    g_assert_cmpint(run(&d), ==, EXCP_PF);
    g_assert_cmphex(cpu->xmm[2].q[0], ==, 0x7777777711111111);
    g_assert_cmphex(cpu->xmm[2].q[1], ==, 0x7777777777777777);
    g_assert_cmphex(cpu->xmm[5].l[0] >> 31, ==, 0);
    g_assert_cmphex(cpu->xmm[5].l[2] >> 31, ==, 1);
    absent[(WINDOW - RAM_BASE) >> PAGE_BITS] = false;
    derive_tlb(true);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->xmm[2].q[1], ==, 0x1111111111111111);
    g_assert_cmphex(cpu->xmm[5].q[1] | cpu->xmm[5].q[0], ==, 0);
}

static void test_gather_registers(void)
{
    world_reset();
    DecodedInsn d = build_wide("vpgatherdd", OPERAND_Vx, true);
    d.index = d.vvvv;
    g_assert_cmpint(run(&d), ==, EXCP_UD);
    d = build_wide("vpgatherdd", OPERAND_Vx, true);
    d.index = d.reg;
    g_assert_cmpint(run(&d), ==, EXCP_UD);
    d = build_wide("vpgatherdd", OPERAND_Vx, true);
    d.vvvv = d.reg;
    g_assert_cmpint(run(&d), ==, EXCP_UD);
}

/* ---- outside 64-bit mode there are eight registers, and W is ignored where it would widen a general register ---- */

static void enter_32_bits(void)
{
    world_reset();
    cpu->mode = MODE_CODE32 | MODE_SS32;
    cpu->efer = 0;
    cpu->seg[R_CS].attr = 0;
    cpu->linear_mask = 0xffffffff;
}

static void test_zero_in_reach(void)
{
    enter_32_bits();
    memset(cpu->xmm, 1, sizeof(cpu->xmm));
    memset(cpu->ymmh, 1, sizeof(cpu->ymmh));
    DecodedInsn d = build_form(row_named("vzeroupper", OPERAND_None), false, false);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert(cpu->ymmh[7].q[1] == 0 && cpu->ymmh[8].q[0] != 0 && cpu->xmm[7].q[0] != 0);
    d = build_form(row_named("vzeroall", OPERAND_None), false, true);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert(cpu->xmm[7].q[1] == 0 && cpu->xmm[8].q[0] != 0);
}

static void test_narrow_mode(void)
{
    enter_32_bits();
    cpu->xmm[9] = (XMMReg){ .q = { UINT64_MAX, UINT64_MAX } };
    cpu->xmm[1] = (XMMReg){ .q = { 1, 2 } };
    DecodedInsn d = build_form(row_named("vpblendvb", OPERAND_Vx), false, false);
    d.imm = 0x90;
    cpu->xmm[d.imm >> 4 & 7] = (XMMReg){ .q = { 0, UINT64_MAX } };
    d.rm = 4;
    cpu->xmm[4] = (XMMReg){ .q = { 1, 2 } };
    g_assert_cmpint(run(&d), ==, -1);
    g_assert(cpu->xmm[2].q[0] == 0 && cpu->xmm[2].q[1] == 2);
    d = build_form(row_named("pcmpestri", OPERAND_Vdq), false, false);
    d.exec = d.info->handlers->fn[0][3]; /* REX.W cannot be here; a 64-bit length would be 16 at least */
    cpu->gpr[R_EAX] = cpu->gpr[R_EDX] = 1ull << 32;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cc_get(cpu), ==, CC_Z | CC_S);
}

/* ---- known answers ---- */

static void check_random(const InsnInfo *r, unsigned size)
{
    static const uint64_t values[] = { 0xffffffffffffcdef, 0x89abcdef, 0x0123456789abcdef };
    DecodedInsn d = build_form(r, false, false);
    d.exec = r->handlers->fn[0][size];
    cc_set(cpu, CC_ALL & ~CC_C);
    cpu->gpr[1] = UINT64_MAX;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmphex(cpu->gpr[1], ==, values[size - 1]);
    g_assert_cmphex(cc_get(cpu), ==, CC_C);
    coverage_row(r, COVERAGE_ANSWER);
}

static void test_random(void)
{
    world_reset();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool random = !strcmp(rows[i].mnemonic, "rdrand") || !strcmp(rows[i].mnemonic, "rdseed");
        for (unsigned size = 1; random && size <= 3; size++) {
            check_random(&rows[i], size);
        }
    }
}

/* As RCPPS (test-simd.c has their values), on eight lanes; scalars take the rest from H. */
static void test_approximations(void)
{
    world_reset();
    cpu->xmm[1] = (XMMReg){ .l = { 0x3f800000, 0x40000000, 0x40800000, 0x40400000 } };
    memcpy(&cpu->ymmh[1], &cpu->xmm[1], 16);
    DecodedInsn d = build_wide("vrcpps", OPERAND_Vps, false);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert(cpu->xmm[2].l[1] == 0x3f000000 && cpu->xmm[2].l[3] == 0x3eaab000);
    g_assert_cmpmem(&cpu->xmm[2], 16, &cpu->ymmh[2], 16);
    d = build_wide("vrsqrtps", OPERAND_Vps, false);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert(cpu->xmm[2].l[0] == 0x3f800000 && cpu->xmm[2].l[2] == 0x3f000000 && cpu->xmm[2].l[3] == 0x3f13d000);
    g_assert_cmpmem(&cpu->xmm[2], 16, &cpu->ymmh[2], 16);
    d = build_form(row_named("vrcpss", OPERAND_Vss), false, false);
    cpu->xmm[5] = (XMMReg){ .l = { 1, 2, 3, 4 } };
    g_assert_cmpint(run(&d), ==, -1);
    g_assert(cpu->xmm[2].l[0] == 0x3f800000 && cpu->xmm[2].l[1] == 2 && cpu->xmm[2].l[3] == 4);
    d = build_form(row_named("vrsqrtss", OPERAND_Vss), false, false);
    cpu->xmm[5] = (XMMReg){ .l = { 1, 2, 3, 4 } };
    cpu->xmm[1].l[0] = 0x40800000;
    g_assert_cmpint(run(&d), ==, -1);
    g_assert(cpu->xmm[2].l[0] == 0x3f000000 && cpu->xmm[2].l[1] == 2 && cpu->xmm[2].l[3] == 4);
    g_assert_cmphex(cpu->ymmh[2].q[0] | cpu->ymmh[2].q[1], ==, 0);
}

/* FIPS 197, appendix B: the first round. */
static void test_aes_round(void)
{
    static const uint8_t state[16] = { 0x19, 0x3d, 0xe3, 0xbe, 0xa0, 0xf4, 0xe2, 0x2b,
                                       0x9a, 0xc6, 0x8d, 0x2a, 0xe9, 0xf8, 0x48, 0x08 };
    static const uint8_t key[16] = { 0xa0, 0xfa, 0xfe, 0x17, 0x88, 0x54, 0x2c, 0xb1,
                                     0x23, 0xa3, 0x39, 0x39, 0x2a, 0x6c, 0x76, 0x05 };
    static const uint8_t after[16] = { 0xa4, 0x9c, 0x7f, 0xf2, 0x68, 0x9f, 0x35, 0x2b,
                                       0x6b, 0x5b, 0xea, 0x43, 0x02, 0x6a, 0x50, 0x49 };
    world_reset();
    DecodedInsn d = build_form(row_named("aesenc", OPERAND_Vdq), false, false);
    memcpy(&cpu->xmm[2], state, 16);
    memcpy(&cpu->xmm[1], key, 16);
    g_assert_cmpint(run(&d), ==, -1);
    g_assert_cmpmem(&cpu->xmm[2], 16, after, 16);
}

/* RFC 3720, B.4: 32 bytes of zeros. */
static void test_crc32(void)
{
    world_reset();
    DecodedInsn d = build_form(row_named("crc32", OPERAND_Gy), false, false);
    d.exec = row_named("crc32", OPERAND_Gy)->handlers->fn[0][2];
    cpu->gpr[2] = UINT32_MAX;
    for (unsigned i = 0; i < 32; i++) {
        g_assert_cmpint(run(&d), ==, -1);
    }
    g_assert_cmphex((uint32_t)~cpu->gpr[2], ==, 0x8a9136aa);
}

static void add_tests(void)
{
    g_test_add_func("/simd2/available", test_available);
    g_test_add_func("/simd2/fault/alignment", test_alignment);
    g_test_add_func("/simd2/fault/second-page", test_page_fault);
    g_test_add_func("/simd2/fault/masked", test_masked_faults);
    g_test_add_func("/simd2/fault/gather", test_gather_fault);
    g_test_add_func("/simd2/gather/registers", test_gather_registers);
    g_test_add_func("/simd2/page-crossing", test_page_crossing);
    g_test_add_func("/simd2/mode32/vzero", test_zero_in_reach);
    g_test_add_func("/simd2/mode32/ignored-bits", test_narrow_mode);
    g_test_add_func("/simd2/random", test_random);
    g_test_add_func("/simd2/approximation", test_approximations);
    g_test_add_func("/simd2/aes/fips-197", test_aes_round);
    g_test_add_func("/simd2/crc32", test_crc32);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    harness_init();
    add_tests();
    add_host_tests(is_comparable);
    return g_test_run();
}
