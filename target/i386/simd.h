/*
 * target/i386/simd.h  What the MMX and SSE handlers (simd-*.c) share: may the instruction run, registers, memory
 * operands, and how handlers are put into sets. SDM volume 1, chapters 9 to 11; volume 3, chapters 12, 13 and 22.25.
 *
 * A handler first asks whether its instruction may run, then reads its memory operand, then computes, then writes
 * registers: whatever raises does so before anything has changed.
 * MMn is fpu.st[n].low, whatever TOP is; XMM values travel by value, so that loops over their lanes need no alias
 * checks.
 */
#ifndef TARGET_I386_SIMD_H
#define TARGET_I386_SIMD_H

#include "target/i386/access.h"
#include "target/i386/handlers-simd.h"
#include "target/i386/insn.h"

/* ---- may it run? (SDM 2, section 2.4 and table 23-7) ---- */

/* Raises #UD or #NM. */
void sse_unavailable(CPUState *cpu) __attribute__((noreturn, cold)); /* simd-state.c */
/* Raises #UD, #NM or #MF; or as x87_report_pending(): false means return and do nothing. */
bool mmx_blocked(CPUState *cpu, bool sse_too) __attribute__((cold));

static inline void sse_check(CPUState *cpu)
{
    if (unlikely((cpu->cr0 & (CR0_EM | CR0_TS)) | (~cpu->cr4 & CR4_OSFXSR))) {
        sse_unavailable(cpu);
    }
}

#define MMX_FSW_ES 0x0080u /* an unmasked x87 exception is pending */

/* False: return at once. */
static inline bool mmx_check(CPUState *cpu)
{
    if (unlikely((cpu->cr0 & (CR0_EM | CR0_TS)) | (cpu->fpu.sw & MMX_FSW_ES))) {
        return mmx_blocked(cpu, false);
    }
    return true;
}

/* Instructions between MMX and XMM registers. */
static inline bool sse_mmx_check(CPUState *cpu)
{
    if (unlikely((cpu->cr0 & (CR0_EM | CR0_TS)) | (~cpu->cr4 & CR4_OSFXSR) | (cpu->fpu.sw & MMX_FSW_ES))) {
        return mmx_blocked(cpu, true);
    }
    return true;
}

/* ---- MMX registers ---- */

/* What every MMX instruction but EMMS does to the x87: TOP = 0, all registers valid (SDM 1, 9.5.1). */
static inline void mmx_enter(CPUState *cpu)
{
    cpu->fpu.top = 0;
    cpu->fpu.tag = 0;
}

static inline XMMReg simd_from64(uint64_t v)
{
    return (XMMReg){ .q = { v, 0 } };
}

static inline XMMReg mmx_get(const CPUState *cpu, unsigned n)
{
    return simd_from64(cpu->fpu.st[n].low);
}

static inline void mmx_set(CPUState *cpu, unsigned n, uint64_t v)
{
    cpu->fpu.st[n].low = v;
    cpu->fpu.st[n].high = 0xffff;
}

/* ---- memory operands; smaller ones are zero-extended ---- */

XMMReg simd_load128_slow(CPUState *cpu, uint64_t la); /* simd-state.c */
void simd_store128_slow(CPUState *cpu, uint64_t la, XMMReg v);

static inline XMMReg simd_load128_at(CPUState *cpu, uint64_t la)
{
    TLBFast *e = tlb_fast_entry(cpu, la, cpu->mmu_mode);
    if (likely(e->read == ((la + 15) & PAGE_MASK))) {
        XMMReg v;
        memcpy(&v, (void *)(uintptr_t)(la + e->addend), sizeof(v));
        return v;
    }
    return simd_load128_slow(cpu, la);
}

static inline void simd_store128_at(CPUState *cpu, uint64_t la, XMMReg v)
{
    TLBFast *e = tlb_fast_entry(cpu, la, cpu->mmu_mode);
    if (likely(e->write == ((la + 15) & PAGE_MASK))) {
        memcpy((void *)(uintptr_t)(la + e->addend), &v, sizeof(v));
        return;
    }
    simd_store128_slow(cpu, la, v);
}

static inline void simd_check_aligned(CPUState *cpu, uint64_t la)
{
    if (unlikely(la & 15)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

static inline XMMReg load_unaligned(CPUState *cpu, const DecodedInsn *d)
{
    return simd_load128_at(cpu, seg_read_address(cpu, d->seg, insn_ea(cpu, d), 16));
}

static inline XMMReg load_aligned(CPUState *cpu, const DecodedInsn *d)
{
    uint64_t la = seg_read_address(cpu, d->seg, insn_ea(cpu, d), 16);
    simd_check_aligned(cpu, la);
    return simd_load128_at(cpu, la);
}

static inline void store_unaligned(CPUState *cpu, const DecodedInsn *d, XMMReg v)
{
    simd_store128_at(cpu, seg_write_address(cpu, d->seg, insn_ea(cpu, d), 16), v);
}

static inline void store_aligned(CPUState *cpu, const DecodedInsn *d, XMMReg v)
{
    uint64_t la = seg_write_address(cpu, d->seg, insn_ea(cpu, d), 16);
    simd_check_aligned(cpu, la);
    simd_store128_at(cpu, la, v);
}

static inline XMMReg load_q(CPUState *cpu, const DecodedInsn *d)
{
    return simd_from64(seg_ld64(cpu, d->seg, insn_ea(cpu, d)));
}

static inline XMMReg load_d(CPUState *cpu, const DecodedInsn *d)
{
    return simd_from64(seg_ld32(cpu, d->seg, insn_ea(cpu, d)));
}

static inline XMMReg load_w(CPUState *cpu, const DecodedInsn *d)
{
    return simd_from64(seg_ld16(cpu, d->seg, insn_ea(cpu, d)));
}

/* ---- handler sets ---- */

#define SIMD_SET(set, reg, mem) const InsnHandlers set = { { { reg, reg, reg, reg }, { mem, mem, mem, mem } } };
/* Operand size matters: 32 or, with REX.W, 64 bits. */
#define SIMD_SET_Y(set)                                                                  \
    const InsnHandlers set = { { { set##_reg32, set##_reg32, set##_reg32, set##_reg64 }, \
                                 { set##_mem32, set##_mem32, set##_mem32, set##_mem64 } } };

#define HANDLER     static void
#define SIMD_INLINE static inline __attribute__((always_inline))

/*
 * SSE_OP(set, load, result): XMM reg = result of a (that register) and b (XMM r/m or what `load` reads); also sees cpu
 * and d. SSE_OP_REG has no memory form. MMX_OP the same for MMX registers, of which it takes the lower half.
 */
#define SSE_OP_REG_FORM(set, result)                            \
    HANDLER set##_reg(CPUState *cpu, const DecodedInsn *d)      \
    {                                                           \
        sse_check(cpu);                                         \
        const XMMReg a = cpu->xmm[d->reg], b = cpu->xmm[d->rm]; \
        (void)a;                                                \
        cpu->xmm[d->reg] = result;                              \
    }
#define SSE_OP_MEM_FORM(set, load, result)                 \
    HANDLER set##_mem(CPUState *cpu, const DecodedInsn *d) \
    {                                                      \
        sse_check(cpu);                                    \
        const XMMReg b = load(cpu, d);                     \
        const XMMReg a = cpu->xmm[d->reg];                 \
        (void)a;                                           \
        cpu->xmm[d->reg] = result;                         \
    }
#define SSE_OP(set, load, result)      \
    SSE_OP_REG_FORM(set, result)       \
    SSE_OP_MEM_FORM(set, load, result) \
    SIMD_SET(set, set##_reg, set##_mem)
#define SSE_OP_REG(set, result)  \
    SSE_OP_REG_FORM(set, result) \
    SIMD_SET(set, set##_reg, set##_reg)

#define MMX_OP_REG_FORM(set, result)                                    \
    HANDLER set##_reg(CPUState *cpu, const DecodedInsn *d)              \
    {                                                                   \
        if (!mmx_check(cpu)) {                                          \
            return;                                                     \
        }                                                               \
        const XMMReg a = mmx_get(cpu, d->reg), b = mmx_get(cpu, d->rm); \
        (void)a;                                                        \
        mmx_enter(cpu);                                                 \
        mmx_set(cpu, d->reg, (result).q[0]);                            \
    }
#define MMX_OP_MEM_FORM(set, load, result)                 \
    HANDLER set##_mem(CPUState *cpu, const DecodedInsn *d) \
    {                                                      \
        if (!mmx_check(cpu)) {                             \
            return;                                        \
        }                                                  \
        const XMMReg b = load(cpu, d);                     \
        const XMMReg a = mmx_get(cpu, d->reg);             \
        (void)a;                                           \
        mmx_enter(cpu);                                    \
        mmx_set(cpu, d->reg, (result).q[0]);               \
    }
#define MMX_OP(set, load, result)      \
    MMX_OP_REG_FORM(set, result)       \
    MMX_OP_MEM_FORM(set, load, result) \
    SIMD_SET(set, set##_reg, set##_mem)
#define MMX_OP_REG(set, result)  \
    MMX_OP_REG_FORM(set, result) \
    SIMD_SET(set, set##_reg, set##_reg)

#endif
