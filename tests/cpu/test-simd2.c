/* LINK: target/i386/flags.c target/i386/simd-mov.c target/i386/simd-int.c target/i386/simd-shuffle.c target/i386/simd-float.c target/i386/simd-approx.c target/i386/simd-convert.c target/i386/simd-state.c target/i386/simd-avx.c target/i386/simd-permute.c target/i386/simd-ssse3.c target/i386/simd-sse4.c target/i386/simd-sse4-float.c target/i386/simd-string.c target/i386/simd-crypto.c target/i386/simd-fma.c target/i386/simd-f16c.c target/i386/int-bmi.c fpu/softfloat.c */
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    harness_init();
    add_host_tests(is_comparable);
    return g_test_run();
}
