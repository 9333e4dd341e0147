/*
 * target/i386/simd-state.c  What stands in an MMX or SSE instruction's way, the rare forms of 16-byte accesses, and the
 * instructions about state and order: EMMS, LDMXCSR, STMXCSR, fences, CLFLUSH. SDM volume 2, section 2.4.
 *
 * Fences do nothing: the vCPUs take turns and there are no caches.
 */
#include "target/i386/hostfloat.h"
#include "target/i386/simd.h"
#include "target/i386/x87.h"

void sse_unavailable(CPUState *cpu)
{
    bool undefined = (cpu->cr0 & CR0_EM) || !(cpu->cr4 & CR4_OSFXSR);
    cpu_raise_noerr(cpu, undefined ? EXCP_UD : EXCP_NM);
}

bool mmx_blocked(CPUState *cpu, bool sse_too)
{
    if ((cpu->cr0 & CR0_EM) || (sse_too && !(cpu->cr4 & CR4_OSFXSR))) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
    if (cpu->cr0 & CR0_TS) {
        cpu_raise_noerr(cpu, EXCP_NM);
    }
    return x87_report_pending(cpu);
}

/* ---- 16 bytes across pages, from devices, under alignment checks, ... : two accesses of 8 ---- */

static uint64_t second_half(const CPUState *cpu, uint64_t la)
{
    return cpu_code64(cpu) ? la + 8 : (uint32_t)(la + 8);
}

XMMReg simd_load128_slow(CPUState *cpu, uint64_t la)
{
    XMMReg v;
    v.q[0] = cpu_ld64(cpu, la);
    v.q[1] = cpu_ld64(cpu, second_half(cpu, la));
    return v;
}

/* All of it or nothing. */
void simd_store128_slow(CPUState *cpu, uint64_t la, XMMReg v)
{
    cpu_probe(cpu, la, 16, ACCESS_WRITE, cpu->mmu_mode);
    cpu_st64(cpu, la, v.q[0]);
    cpu_st64(cpu, second_half(cpu, la), v.q[1]);
}

/* ---- EMMS ---- */

HANDLER emms_any(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    if (!mmx_check(cpu)) {
        return;
    }
    x87_emms(cpu);
}
const InsnHandlers emms = HANDLERS_ALL(emms_any);

/* ---- MXCSR ---- */

HANDLER ldmxcsr_M_mem(CPUState *cpu, const DecodedInsn *d)
{
    sse_check(cpu);
    uint32_t v = seg_ld32(cpu, d->seg, insn_ea(cpu, d));
    if (v & ~MXCSR_WRITABLE) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    cpu->mxcsr = v;
}
const InsnHandlers ldmxcsr_M = HANDLERS_ALL(ldmxcsr_M_mem);

HANDLER stmxcsr_M_mem(CPUState *cpu, const DecodedInsn *d)
{
    sse_check(cpu);
    seg_st32(cpu, d->seg, insn_ea(cpu, d), cpu->mxcsr);
}
const InsnHandlers stmxcsr_M = HANDLERS_ALL(stmxcsr_M_mem);

/* ---- order and caches ---- */

HANDLER fence_any(CPUState *cpu, const DecodedInsn *d)
{
    (void)cpu;
    (void)d;
}
const InsnHandlers fence = HANDLERS_ALL(fence_any);

/* Checked as a load of one byte is. */
HANDLER clflush_M_mem(CPUState *cpu, const DecodedInsn *d)
{
    uint64_t la = seg_read_address(cpu, d->seg, insn_ea(cpu, d), 1);
    cpu_probe(cpu, la, 1, ACCESS_READ, cpu->mmu_mode);
}
const InsnHandlers clflush_M = HANDLERS_ALL(clflush_M_mem);
