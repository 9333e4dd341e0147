/*
 * target/i386/simd-mov.c  Moves of whole MMX and XMM registers and of their halves. SDM volume 2.
 *
 * Non-temporal stores are stores: there is no cache here whose ordering could show.
 */
#include "target/i386/simd-avx.h"

/* ---- MMX ---- */

#define MOVD_MMX(bits)                                                                       \
    HANDLER movd_P_E_reg##bits(CPUState *cpu, const DecodedInsn *d)                          \
    {                                                                                        \
        if (!mmx_check(cpu)) {                                                               \
            return;                                                                          \
        }                                                                                    \
        mmx_enter(cpu);                                                                      \
        mmx_set(cpu, d->reg, reg##bits(cpu, d->rm));                                         \
    }                                                                                        \
    HANDLER movd_P_E_mem##bits(CPUState *cpu, const DecodedInsn *d)                          \
    {                                                                                        \
        if (!mmx_check(cpu)) {                                                               \
            return;                                                                          \
        }                                                                                    \
        uint##bits##_t v = seg_ld##bits(cpu, d->seg, insn_ea(cpu, d));                       \
        mmx_enter(cpu);                                                                      \
        mmx_set(cpu, d->reg, v);                                                             \
    }                                                                                        \
    HANDLER movd_E_P_reg##bits(CPUState *cpu, const DecodedInsn *d)                          \
    {                                                                                        \
        if (!mmx_check(cpu)) {                                                               \
            return;                                                                          \
        }                                                                                    \
        mmx_enter(cpu);                                                                      \
        set_reg##bits(cpu, d->rm, (uint##bits##_t)cpu->fpu.st[d->reg].low);                  \
    }                                                                                        \
    HANDLER movd_E_P_mem##bits(CPUState *cpu, const DecodedInsn *d)                          \
    {                                                                                        \
        if (!mmx_check(cpu)) {                                                               \
            return;                                                                          \
        }                                                                                    \
        seg_st##bits(cpu, d->seg, insn_ea(cpu, d), (uint##bits##_t)cpu->fpu.st[d->reg].low); \
        mmx_enter(cpu);                                                                      \
    }
MOVD_MMX(32)
MOVD_MMX(64)
SIMD_SET_Y(movd_P_E)
SIMD_SET_Y(movd_E_P)

MMX_OP(movq_P_Q, load_q, b)

HANDLER movq_Q_P_reg(CPUState *cpu, const DecodedInsn *d)
{
    if (!mmx_check(cpu)) {
        return;
    }
    mmx_enter(cpu);
    mmx_set(cpu, d->rm, cpu->fpu.st[d->reg].low);
}

HANDLER movq_Q_P_mem(CPUState *cpu, const DecodedInsn *d)
{
    if (!mmx_check(cpu)) {
        return;
    }
    seg_st64(cpu, d->seg, insn_ea(cpu, d), cpu->fpu.st[d->reg].low);
    mmx_enter(cpu);
}
SIMD_SET(movq_Q_P, movq_Q_P_reg, movq_Q_P_mem)
SIMD_SET(movntq_M_P, movq_Q_P_mem, movq_Q_P_mem)

/* ---- between MMX and XMM ---- */

HANDLER movq2dq_V_N_reg(CPUState *cpu, const DecodedInsn *d)
{
    if (!sse_mmx_check(cpu)) {
        return;
    }
    mmx_enter(cpu);
    cpu->xmm[d->reg] = mmx_get(cpu, d->rm);
}
SIMD_SET(movq2dq_V_N, movq2dq_V_N_reg, movq2dq_V_N_reg)

HANDLER movdq2q_P_U_reg(CPUState *cpu, const DecodedInsn *d)
{
    if (!sse_mmx_check(cpu)) {
        return;
    }
    mmx_enter(cpu);
    mmx_set(cpu, d->reg, cpu->xmm[d->rm].q[0]);
}
SIMD_SET(movdq2q_P_U, movdq2q_P_U_reg, movdq2q_P_U_reg)

/* ---- XMM and general registers ---- */

#define MOVD_XMM(bits)                                                                     \
    HANDLER movd_V_E_reg##bits(CPUState *cpu, const DecodedInsn *d)                        \
    {                                                                                      \
        sse_check(cpu);                                                                    \
        cpu->xmm[d->reg] = simd_from64(reg##bits(cpu, d->rm));                             \
    }                                                                                      \
    HANDLER movd_V_E_mem##bits(CPUState *cpu, const DecodedInsn *d)                        \
    {                                                                                      \
        sse_check(cpu);                                                                    \
        cpu->xmm[d->reg] = simd_from64(seg_ld##bits(cpu, d->seg, insn_ea(cpu, d)));        \
    }                                                                                      \
    HANDLER movd_E_V_reg##bits(CPUState *cpu, const DecodedInsn *d)                        \
    {                                                                                      \
        sse_check(cpu);                                                                    \
        set_reg##bits(cpu, d->rm, (uint##bits##_t)cpu->xmm[d->reg].q[0]);                  \
    }                                                                                      \
    HANDLER movd_E_V_mem##bits(CPUState *cpu, const DecodedInsn *d)                        \
    {                                                                                      \
        sse_check(cpu);                                                                    \
        seg_st##bits(cpu, d->seg, insn_ea(cpu, d), (uint##bits##_t)cpu->xmm[d->reg].q[0]); \
    }
MOVD_XMM(32)
MOVD_XMM(64)
SIMD_SET_Y(movd_V_E)
SIMD_SET_Y(movd_E_V)

/* ---- whole XMM registers ---- */

SSE_OP(mov_V_W_aligned, load_aligned, b)
SSE_OP(mov_V_W_unaligned, load_unaligned, b)

#define SSE_STORE(name, statement)                    \
    HANDLER name(CPUState *cpu, const DecodedInsn *d) \
    {                                                 \
        sse_check(cpu);                               \
        const XMMReg v = cpu->xmm[d->reg];            \
        statement;                                    \
    }
SSE_STORE(mov_W_V_reg, cpu->xmm[d->rm] = v)
SSE_STORE(mov_W_V_mem_aligned, store_aligned(cpu, d, v))
SSE_STORE(mov_W_V_mem_unaligned, store_unaligned(cpu, d, v))
SIMD_SET(mov_W_V_aligned, mov_W_V_reg, mov_W_V_mem_aligned)
SIMD_SET(mov_W_V_unaligned, mov_W_V_reg, mov_W_V_mem_unaligned)

/* ---- scalars: a load clears the rest of the register, a move between registers keeps it ---- */

SSE_OP_MEM_FORM(load_d_V, load_d, b)
SSE_OP_MEM_FORM(load_q_V, load_q, b)
SSE_STORE(store_d_V, seg_st32(cpu, d->seg, insn_ea(cpu, d), v.l[0]))
SSE_STORE(store_q_V, seg_st64(cpu, d->seg, insn_ea(cpu, d), v.q[0]))
SSE_STORE(store_upper_V, seg_st64(cpu, d->seg, insn_ea(cpu, d), v.q[1]))

SSE_OP_REG_FORM(movss_V_W, ((XMMReg){ .l = { b.l[0], a.l[1], a.l[2], a.l[3] } }))
SSE_OP_REG_FORM(movsd_V_W, ((XMMReg){ .q = { b.q[0], a.q[1] } }))
SSE_STORE(movss_W_V_reg, cpu->xmm[d->rm].l[0] = v.l[0])
SSE_STORE(movsd_W_V_reg, cpu->xmm[d->rm].q[0] = v.q[0])
SIMD_SET(movss_V_W, movss_V_W_reg, load_d_V_mem)
SIMD_SET(movsd_V_W, movsd_V_W_reg, load_q_V_mem)
SIMD_SET(movss_W_V, movss_W_V_reg, store_d_V)
SIMD_SET(movsd_W_V, movsd_W_V_reg, store_q_V)

/* MOVQ clears the upper half in every form. */
SSE_OP_REG_FORM(movq_V_W, simd_from64(b.q[0]))
SSE_STORE(movq_W_V_reg, cpu->xmm[d->rm] = simd_from64(v.q[0]))
SIMD_SET(movq_V_W, movq_V_W_reg, load_q_V_mem)
SIMD_SET(movq_W_V, movq_W_V_reg, store_q_V)

/* ---- halves: MOVLPS and MOVHPS (memory), MOVHLPS and MOVLHPS (registers) ---- */

SSE_OP_MEM_FORM(movlps_V_M, load_q, ((XMMReg){ .q = { b.q[0], a.q[1] } }))
SSE_OP_MEM_FORM(movhps_V_M, load_q, ((XMMReg){ .q = { a.q[0], b.q[0] } }))
SSE_OP_REG(movhlps_V_U, ((XMMReg){ .q = { b.q[1], a.q[1] } }))
SSE_OP_REG(movlhps_V_U, ((XMMReg){ .q = { a.q[0], b.q[0] } }))
SIMD_SET(movlps_V_M, movlps_V_M_mem, movlps_V_M_mem)
SIMD_SET(movhps_V_M, movhps_V_M_mem, movhps_V_M_mem)
SIMD_SET(movlps_M_V, store_q_V, store_q_V)
SIMD_SET(movhps_M_V, store_upper_V, store_upper_V)

/* ---- SSE3: duplicating moves ---- */

SSE_OP(movddup_V_W, load_q, ((XMMReg){ .q = { b.q[0], b.q[0] } }))
SSE_OP(movsldup_V_W, load_aligned, ((XMMReg){ .l = { b.l[0], b.l[0], b.l[2], b.l[2] } }))
SSE_OP(movshdup_V_W, load_aligned, ((XMMReg){ .l = { b.l[1], b.l[1], b.l[3], b.l[3] } }))

/* ---- stores of the bytes that a mask selects, at DS:rDI ---- */

static uint32_t selected_bytes(XMMReg mask)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < 16; i++) {
        bits |= (uint32_t)(mask.b[i] >> 7) << i;
    }
    return bits;
}

/*
 * Pages without a selected byte are not touched, and an empty mask checks the segment only (both
 * implementation-dependent, SDM 2, MASKMOVDQU). Between the first and the last selected byte everything is checked
 * before anything is written.
 */
static void masked_store(CPUState *cpu, const DecodedInsn *d, XMMReg v, uint32_t bits, unsigned size)
{
    uint64_t la = seg_write_address(cpu, d->seg, cpu->gpr[R_EDI] & d->ea_mask, size);
    if (!bits) {
        return;
    }
    unsigned first = (unsigned)__builtin_ctz(bits), last = 31 - (unsigned)__builtin_clz(bits);
    cpu_probe(cpu, la + first, last - first + 1, ACCESS_WRITE, cpu->mmu_mode);
    for (unsigned i = first; i <= last; i++) {
        if (bits >> i & 1) {
            cpu_st8(cpu, la + i, v.b[i]);
        }
    }
}

HANDLER maskmovq_P_N_reg(CPUState *cpu, const DecodedInsn *d)
{
    if (!mmx_check(cpu)) {
        return;
    }
    masked_store(cpu, d, mmx_get(cpu, d->reg), selected_bytes(mmx_get(cpu, d->rm)), 8);
    mmx_enter(cpu);
}
SIMD_SET(maskmovq_P_N, maskmovq_P_N_reg, maskmovq_P_N_reg)

HANDLER maskmovdqu_V_U_reg(CPUState *cpu, const DecodedInsn *d)
{
    sse_check(cpu);
    masked_store(cpu, d, cpu->xmm[d->reg], selected_bytes(cpu->xmm[d->rm]), 16);
}
SIMD_SET(maskmovdqu_V_U, maskmovdqu_V_U_reg, maskmovdqu_V_U_reg)

HANDLER vmaskmovdqu_V_U_reg(CPUState *cpu, const DecodedInsn *d)
{
    avx_check(cpu);
    masked_store(cpu, d, cpu->xmm[d->reg], selected_bytes(cpu->xmm[d->rm]), 16);
}
SIMD_SET(vmaskmovdqu_V_U, vmaskmovdqu_V_U_reg, vmaskmovdqu_V_U_reg)
