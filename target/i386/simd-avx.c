/*
 * target/i386/simd-avx.c  What stands in a VEX instruction's way, 32-byte accesses across pages, and the moves with
 * VEX. SDM volume 2, 2.4 and the MOV pages.
 *
 * CR0.EM and CR4.OSFXSR do not matter here: the operating system speaks through CR4.OSXSAVE and XCR0.
 */
#include "target/i386/simd-avx.h"
#include "target/i386/hostfloat.h"

void avx_unavailable(CPUState *cpu)
{
    bool undefined = !(cpu->cr4 & CR4_OSXSAVE) || (~cpu->xcr0 & XCR0_SSE_AVX);
    cpu_raise_noerr(cpu, undefined ? EXCP_UD : EXCP_NM);
}

static uint64_t second_half(const CPUState *cpu, uint64_t la)
{
    return (la + 16) & cpu->linear_mask;
}

YMMReg ymm_load_slow(CPUState *cpu, uint64_t la)
{
    YMMReg v;
    v.lane[0] = simd_load128_at(cpu, la);
    v.lane[1] = simd_load128_at(cpu, second_half(cpu, la));
    return v;
}

/* All of it or nothing. */
void ymm_store_slow(CPUState *cpu, uint64_t la, YMMReg v)
{
    cpu_probe(cpu, la, 32, ACCESS_WRITE, cpu->mmu_mode);
    simd_store128_at(cpu, la, v.lane[0]);
    simd_store128_at(cpu, second_half(cpu, la), v.lane[1]);
}

/* ---- whole registers ---- */

#define AVX_STORE(name, statement)                    \
    HANDLER name(CPUState *cpu, const DecodedInsn *d) \
    {                                                 \
        avx_check(cpu);                               \
        const XMMReg v = cpu->xmm[d->reg];            \
        (void)v;                                      \
        statement;                                    \
    }

#define AVX_LOAD(set, load, load_wide)                                                        \
    AVX_FORMS_128(set, load, b)                                                               \
    AVX_FORM_256(set##_reg256, const YMMReg m = ymm_get(cpu, d->rm), m.lane[0], m.lane[1], b) \
    AVX_FORM_256(set##_mem256, const YMMReg m = load_wide(cpu, d), m.lane[0], m.lane[1], b)   \
    AVX_SET(set, set##_reg128, set##_mem128, set##_reg256, set##_mem256)
AVX_LOAD(vmov_V_W_unaligned, load_unaligned, load256)
AVX_LOAD(vmov_V_W_aligned, load_aligned, load256_aligned)

AVX_STORE(vmov_W_V_reg128, avx_set128(cpu, d->rm, v))
AVX_STORE(vmov_W_V_reg256, ymm_set(cpu, d->rm, ymm_get(cpu, d->reg)))
AVX_STORE(vmov_W_V_mem128, store_unaligned(cpu, d, v))
AVX_STORE(vmov_W_V_mem256, store256(cpu, d, ymm_get(cpu, d->reg)))
AVX_STORE(vmova_W_V_mem128, store_aligned(cpu, d, v))
AVX_STORE(vmova_W_V_mem256, store256_aligned(cpu, d, ymm_get(cpu, d->reg)))
AVX_SET(vmov_W_V_unaligned, vmov_W_V_reg128, vmov_W_V_mem128, vmov_W_V_reg256, vmov_W_V_mem256)
AVX_SET(vmov_W_V_aligned, vmov_W_V_reg128, vmova_W_V_mem128, vmov_W_V_reg256, vmova_W_V_mem256)

/* ---- general registers ---- */

#define AVX_MOVD(bits)                                                                    \
    HANDLER vmovd_V_E_reg##bits(CPUState *cpu, const DecodedInsn *d)                      \
    {                                                                                     \
        avx_check(cpu);                                                                   \
        avx_set128(cpu, d->reg, simd_from64(reg##bits(cpu, d->rm)));                      \
    }                                                                                     \
    HANDLER vmovd_V_E_mem##bits(CPUState *cpu, const DecodedInsn *d)                      \
    {                                                                                     \
        avx_check(cpu);                                                                   \
        avx_set128(cpu, d->reg, simd_from64(seg_ld##bits(cpu, d->seg, insn_ea(cpu, d)))); \
    }                                                                                     \
    AVX_STORE(vmovd_E_V_reg##bits, set_reg##bits(cpu, d->rm, (uint##bits##_t)v.q[0]))     \
    AVX_STORE(vmovd_E_V_mem##bits, seg_st##bits(cpu, d->seg, insn_ea(cpu, d), (uint##bits##_t)v.q[0]))
AVX_MOVD(32)
AVX_MOVD(64)
SIMD_SET_Y(vmovd_V_E)
SIMD_SET_Y(vmovd_E_V)

/* ---- scalars: between registers they take the rest from H ---- */

AVX_OP_128(vmovss_V_W, load_d, ((XMMReg){ .l = { b.l[0], a.l[1], a.l[2], a.l[3] } }))
AVX_OP_128(vmovsd_V_W, load_q, ((XMMReg){ .q = { b.q[0], a.q[1] } }))
AVX_OP_128(vload_d_V_M, load_d, b)
AVX_OP_128(vload_q_V_M, load_q, b)
AVX_OP_128(vmovq_V_W, load_q, simd_from64(b.q[0]))

/* The other encoding: destination r/m. */
AVX_STORE(vmovss_W_V_reg, const XMMReg a = cpu->xmm[d->vvvv];
          avx_set128(cpu, d->rm, (XMMReg){ .l = { v.l[0], a.l[1], a.l[2], a.l[3] } }))
AVX_STORE(vmovsd_W_V_reg, avx_set128(cpu, d->rm, (XMMReg){ .q = { v.q[0], cpu->xmm[d->vvvv].q[1] } }))
AVX_STORE(vmovq_W_V_reg, avx_set128(cpu, d->rm, simd_from64(v.q[0])))
AVX_STORE(vstore_d, seg_st32(cpu, d->seg, insn_ea(cpu, d), v.l[0]))
AVX_STORE(vstore_q, seg_st64(cpu, d->seg, insn_ea(cpu, d), v.q[0]))
AVX_STORE(vstore_upper, seg_st64(cpu, d->seg, insn_ea(cpu, d), v.q[1]))
SIMD_SET(vmovss_W_V, vmovss_W_V_reg, vstore_d)
SIMD_SET(vmovsd_W_V, vmovsd_W_V_reg, vstore_q)
SIMD_SET(vmovq_W_V, vmovq_W_V_reg, vstore_q)
SIMD_SET(vstore_q_M_V, vstore_q, vstore_q)
SIMD_SET(vstore_upper_M_V, vstore_upper, vstore_upper)

/* ---- halves ---- */

AVX_OP_128(vmovlps_V_H_M, load_q, ((XMMReg){ .q = { b.q[0], a.q[1] } }))
AVX_OP_128(vmovhps_V_H_M, load_q, ((XMMReg){ .q = { a.q[0], b.q[0] } })) /* also VMOVLHPS */
AVX_OP_128(vmovhlps_V_H_U, load_q, ((XMMReg){ .q = { b.q[1], a.q[1] } }))

/* ---- duplicating moves; 128-bit VMOVDDUP reads 8 bytes ---- */

AVX_OP(vmovsldup_V_W, ((XMMReg){ .l = { b.l[0], b.l[0], b.l[2], b.l[2] } }))
AVX_OP(vmovshdup_V_W, ((XMMReg){ .l = { b.l[1], b.l[1], b.l[3], b.l[3] } }))
AVX_FORMS_128(vmovddup_V_W, load_q, ((XMMReg){ .q = { b.q[0], b.q[0] } }))
AVX_FORM_256(vmovddup_V_W_reg256, const YMMReg m = ymm_get(cpu, d->rm), m.lane[0], m.lane[1],
             ((XMMReg){ .q = { b.q[0], b.q[0] } }))
AVX_FORM_256(vmovddup_V_W_mem256, const YMMReg m = load256(cpu, d), m.lane[0], m.lane[1],
             ((XMMReg){ .q = { b.q[0], b.q[0] } }))
AVX_SET(vmovddup_V_W, vmovddup_V_W_reg128, vmovddup_V_W_mem128, vmovddup_V_W_reg256, vmovddup_V_W_mem256)

/* ---- VZEROUPPER, VZEROALL: the registers that the mode can name ---- */

static unsigned registers_in_reach(const CPUState *cpu)
{
    return cpu_code64(cpu) ? 16 : 8;
}

HANDLER vzeroupper_any(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    avx_check(cpu);
    memset(cpu->ymmh, 0, registers_in_reach(cpu) * sizeof(cpu->ymmh[0]));
}

HANDLER vzeroall_any(CPUState *cpu, const DecodedInsn *d)
{
    vzeroupper_any(cpu, d);
    memset(cpu->xmm, 0, registers_in_reach(cpu) * sizeof(cpu->xmm[0]));
}
AVX_SET(vzero, vzeroupper_any, vzeroupper_any, vzeroall_any, vzeroall_any)

/* ---- VLDMXCSR, VSTMXCSR ---- */

HANDLER vldmxcsr_M_mem(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    uint32_t v = seg_ld32(cpu, d->seg, insn_ea(cpu, d));
    if (v & ~MXCSR_WRITABLE) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    cpu->mxcsr = v;
}
const InsnHandlers vldmxcsr_M = HANDLERS_ALL(vldmxcsr_M_mem);

HANDLER vstmxcsr_M_mem(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    seg_st32(cpu, d->seg, insn_ea(cpu, d), cpu->mxcsr);
}
const InsnHandlers vstmxcsr_M = HANDLERS_ALL(vstmxcsr_M_mem);
