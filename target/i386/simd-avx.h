/*
 * target/i386/simd-avx.h  What VEX adds to simd.h: 256-bit registers and operands, and handlers with three operands.
 * SDM volume 1, chapter 14; volume 2, 2.3 and 2.4.
 *
 * An operation is written once, for 16 bytes. The SSE form replaces the lower half of its register and keeps the upper;
 * the VEX.128 form clears the upper; the VEX.256 form does the operation once per half ("lane"). Memory operands need
 * no alignment.
 */
#ifndef TARGET_I386_SIMD_AVX_H
#define TARGET_I386_SIMD_AVX_H

#include "target/i386/simd.h"

#define XCR0_SSE_AVX 6u

/* Raises #UD or #NM. simd-avx.c */
void avx_unavailable(CPUState *cpu) __attribute__((noreturn, cold));

static inline void avx_check(CPUState *cpu)
{
    if (unlikely((cpu->cr0 & CR0_TS) | (~cpu->cr4 & CR4_OSXSAVE) | (~cpu->xcr0 & XCR0_SSE_AVX))) {
        avx_unavailable(cpu);
    }
}

/* ---- registers ---- */

typedef union YMMReg {
    XMMReg lane[2];
    uint8_t b[32];
    uint16_t w[16];
    uint32_t l[8];
    uint64_t q[4];
} YMMReg;

static inline XMMReg ymm_upper(const CPUState *cpu, unsigned n)
{
    return (XMMReg){ .q = { cpu->ymmh[n].q[0], cpu->ymmh[n].q[1] } };
}

static inline void ymm_set_upper(CPUState *cpu, unsigned n, XMMReg v)
{
    cpu->ymmh[n] = (YMMHigh){ { v.q[0], v.q[1] } };
}

static inline YMMReg ymm_get(const CPUState *cpu, unsigned n)
{
    return (YMMReg){ .lane = { cpu->xmm[n], ymm_upper(cpu, n) } };
}

static inline void ymm_set(CPUState *cpu, unsigned n, YMMReg v)
{
    cpu->xmm[n] = v.lane[0];
    ymm_set_upper(cpu, n, v.lane[1]);
}

/* What every VEX.128 instruction does to its destination. */
static inline void avx_set128(CPUState *cpu, unsigned n, XMMReg v)
{
    cpu->xmm[n] = v;
    cpu->ymmh[n] = (YMMHigh){ { 0, 0 } };
}

/* ---- memory ---- */

YMMReg ymm_load_slow(CPUState *cpu, uint64_t la); /* simd-avx.c */
void ymm_store_slow(CPUState *cpu, uint64_t la, YMMReg v);

static inline YMMReg ymm_load_at(CPUState *cpu, uint64_t la)
{
    TLBFast *e = tlb_fast_entry(cpu, la, cpu->mmu_mode);
    if (likely(e->read == ((la + 31) & PAGE_MASK))) {
        YMMReg v;
        memcpy(&v, (void *)(uintptr_t)(la + e->addend), sizeof(v));
        return v;
    }
    return ymm_load_slow(cpu, la);
}

static inline void ymm_store_at(CPUState *cpu, uint64_t la, YMMReg v)
{
    TLBFast *e = tlb_fast_entry(cpu, la, cpu->mmu_mode);
    if (likely(e->write == ((la + 31) & PAGE_MASK))) {
        memcpy((void *)(uintptr_t)(la + e->addend), &v, sizeof(v));
        return;
    }
    ymm_store_slow(cpu, la, v);
}

static inline void ymm_check_aligned(CPUState *cpu, uint64_t la)
{
    if (unlikely(la & 31)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

static inline YMMReg load256(CPUState *cpu, const DecodedInsn *d)
{
    return ymm_load_at(cpu, seg_read_address(cpu, d->seg, insn_ea(cpu, d), 32));
}

static inline YMMReg load256_aligned(CPUState *cpu, const DecodedInsn *d)
{
    uint64_t la = seg_read_address(cpu, d->seg, insn_ea(cpu, d), 32);
    ymm_check_aligned(cpu, la);
    return ymm_load_at(cpu, la);
}

static inline void store256(CPUState *cpu, const DecodedInsn *d, YMMReg v)
{
    ymm_store_at(cpu, seg_write_address(cpu, d->seg, insn_ea(cpu, d), 32), v);
}

static inline void store256_aligned(CPUState *cpu, const DecodedInsn *d, YMMReg v)
{
    uint64_t la = seg_write_address(cpu, d->seg, insn_ea(cpu, d), 32);
    ymm_check_aligned(cpu, la);
    ymm_store_at(cpu, la, v);
}

/* ---- handler sets: by op_size 2 (128 bits) and 3 (256) ---- */

#define AVX_SET(set, reg128, mem128, reg256, mem256) \
    const InsnHandlers set = { { { NULL, NULL, reg128, reg256 }, { NULL, NULL, mem128, mem256 } } };

/* The operation for one half: sees a, b and the number of the half as `lane`. */
#define AVX_LANE(dest, lane_, a_, b_, result) \
    {                                         \
        const unsigned lane = lane_;          \
        const XMMReg a = a_, b = b_;          \
        (void)lane;                           \
        (void)a;                              \
        (void)b;                              \
        dest = result;                        \
    }

/* V = result of a (H) and b (W, or what `load` reads), 128 bits. */
#define AVX_FORM_REG128(set, result)                                 \
    HANDLER set##_reg128(CPUState *cpu, const DecodedInsn *d)        \
    {                                                                \
        avx_check(cpu);                                              \
        XMMReg r;                                                    \
        AVX_LANE(r, 0, cpu->xmm[d->vvvv], cpu->xmm[d->rm], (result)) \
        avx_set128(cpu, d->reg, r);                                  \
    }
#define AVX_FORM_MEM128(set, load, result)                    \
    HANDLER set##_mem128(CPUState *cpu, const DecodedInsn *d) \
    {                                                         \
        avx_check(cpu);                                       \
        const XMMReg m = load(cpu, d);                        \
        XMMReg r;                                             \
        AVX_LANE(r, 0, cpu->xmm[d->vvvv], m, (result))        \
        avx_set128(cpu, d->reg, r);                           \
    }
#define AVX_FORMS_128(set, load, result) \
    AVX_FORM_REG128(set, result)         \
    AVX_FORM_MEM128(set, load, result)

/* The same for 256; memory: whatever `low` and `high` make of the operand m that `load` reads. */
#define AVX_FORM_256(name, load_statement, low, high, result)           \
    HANDLER name(CPUState *cpu, const DecodedInsn *d)                   \
    {                                                                   \
        avx_check(cpu);                                                 \
        load_statement;                                                 \
        YMMReg r;                                                       \
        AVX_LANE(r.lane[0], 0, cpu->xmm[d->vvvv], low, (result))        \
        AVX_LANE(r.lane[1], 1, ymm_upper(cpu, d->vvvv), high, (result)) \
        ymm_set(cpu, d->reg, r);                                        \
    }

/* Lane by lane. */
#define AVX_OP(set, result)                                                                        \
    AVX_FORMS_128(set, load_unaligned, result)                                                     \
    AVX_FORM_256(set##_reg256, const YMMReg m = ymm_get(cpu, d->rm), m.lane[0], m.lane[1], result) \
    AVX_FORM_256(set##_mem256, const YMMReg m = load256(cpu, d), m.lane[0], m.lane[1], result)     \
    AVX_SET(set, set##_reg128, set##_mem128, set##_reg256, set##_mem256)

/* b is the same 16 bytes for both lanes: shift counts. */
#define AVX_OP_COUNT(set, result)                                                     \
    AVX_FORMS_128(set, load_unaligned, result)                                        \
    AVX_FORM_256(set##_reg256, const XMMReg m = cpu->xmm[d->rm], m, m, result)        \
    AVX_FORM_256(set##_mem256, const XMMReg m = load_unaligned(cpu, d), m, m, result) \
    AVX_SET(set, set##_reg128, set##_mem128, set##_reg256, set##_mem256)

/* b is a part of a smaller operand: its first `part` bytes for the lower lane, the next for the upper. */
#define AVX_OP_WIDEN(set, part, load, load_wide, result)                                                \
    AVX_FORMS_128(set, load, result)                                                                    \
    AVX_FORM_256(set##_reg256, const XMMReg m = cpu->xmm[d->rm], m, simd_skip_bytes(m, part), result)   \
    AVX_FORM_256(set##_mem256, const XMMReg m = load_wide(cpu, d), m, simd_skip_bytes(m, part), result) \
    AVX_SET(set, set##_reg128, set##_mem128, set##_reg256, set##_mem256)

/* 128 bits only, or scalar, which takes VEX.L as it comes: the row says which. */
#define AVX_OP_128(set, load, result) \
    AVX_FORMS_128(set, load, result)  \
    SIMD_SET(set, set##_reg128, set##_mem128)

/* Destination H, source U, by immediate. */
#define AVX_OP_IMM(set, result)                                    \
    HANDLER set##_reg128(CPUState *cpu, const DecodedInsn *d)      \
    {                                                              \
        avx_check(cpu);                                            \
        const XMMReg a = cpu->xmm[d->rm];                          \
        avx_set128(cpu, d->vvvv, result);                          \
    }                                                              \
    HANDLER set##_reg256(CPUState *cpu, const DecodedInsn *d)      \
    {                                                              \
        avx_check(cpu);                                            \
        YMMReg r;                                                  \
        AVX_LANE(r.lane[0], 0, cpu->xmm[d->rm], a, (result))       \
        AVX_LANE(r.lane[1], 1, ymm_upper(cpu, d->rm), a, (result)) \
        ymm_set(cpu, d->vvvv, r);                                  \
    }                                                              \
    AVX_SET(set, set##_reg128, set##_reg128, set##_reg256, set##_reg256)

/* The whole 256 bits at once: a (H) and b (W) are YMMReg. */
#define AVX_OP_WHOLE(set, result)                                        \
    HANDLER set##_reg256(CPUState *cpu, const DecodedInsn *d)            \
    {                                                                    \
        avx_check(cpu);                                                  \
        const YMMReg a = ymm_get(cpu, d->vvvv), b = ymm_get(cpu, d->rm); \
        (void)a;                                                         \
        ymm_set(cpu, d->reg, result);                                    \
    }                                                                    \
    HANDLER set##_mem256(CPUState *cpu, const DecodedInsn *d)            \
    {                                                                    \
        avx_check(cpu);                                                  \
        const YMMReg b = load256(cpu, d);                                \
        const YMMReg a = ymm_get(cpu, d->vvvv);                          \
        (void)a;                                                         \
        ymm_set(cpu, d->reg, result);                                    \
    }                                                                    \
    AVX_SET(set, NULL, NULL, set##_reg256, set##_mem256)

/* v without its first n bytes, n at most 8; zeros follow. */
static inline XMMReg simd_skip_bytes(XMMReg v, unsigned n)
{
    if (n == 8) {
        return simd_from64(v.q[1]);
    }
    return (XMMReg){ .q = { v.q[0] >> (8 * n) | v.q[1] << (64 - 8 * n), v.q[1] >> (8 * n) } };
}

/* SSE and VEX of one name: name_V_W and vname_V_H_W. */
#define SIMD_BOTH(name, result)              \
    SSE_OP(name##_V_W, load_aligned, result) \
    AVX_OP(v##name##_V_H_W, result)

#endif
