/*
 * target/i386/xsave.c  XSAVE, XSAVEOPT, XRSTOR, XGETBV, XSETBV: x87, SSE and AVX state in the standard format.
 * SDM volume 1, chapter 13; volume 2.
 *
 * XINUSE (13.6) is exact: a component is in use when it differs from its initial configuration. XSAVEOPT leaves out
 * what is not in use, never what is merely unmodified. Left out: the compacted format, XSAVES, other components.
 */
#include "target/i386/cpuid.h"
#include "target/i386/handlers-sys.h"
#include "target/i386/hostfloat.h"
#include "target/i386/seg.h"
#include "target/i386/x87.h"

#define FCW_INIT    0x037f
#define AREA_MXCSR  24
#define AREA_XMM    160
#define AREA_HEADER 512 /* XSTATE_BV, XCOMP_BV, 48 bytes */
#define HEADER_END  576

static void require_enabled(CPUState *cpu)
{
    if (!(cpu->cr4 & CR4_OSXSAVE)) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
}

/* ---- XCR0 ---- */

static void xgetbv_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    require_enabled(cpu);
    if (reg32(cpu, R_ECX) != 0) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    set_reg32(cpu, R_EAX, (uint32_t)cpu->xcr0);
    set_reg32(cpu, R_EDX, cpu->xcr0 >> 32);
}

static uint64_t edx_eax(const CPUState *cpu)
{
    return (uint64_t)reg32(cpu, R_EDX) << 32 | reg32(cpu, R_EAX);
}

/* x87 cannot be disabled, AVX needs SSE. */
static void xsetbv_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    uint64_t value = edx_eax(cpu);
    require_enabled(cpu);
    cpu_require_cpl0(cpu);
    bool avx_alone = (value & (XSTATE_SSE | XSTATE_AVX)) == XSTATE_AVX;
    if (reg32(cpu, R_ECX) != 0 || !(value & XSTATE_X87) || (value & ~cpu_model_xstate(cpu->model)) || avx_alone) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    cpu->xcr0 = value;
}

/* ---- the area ---- */

static void check_available(CPUState *cpu)
{
    require_enabled(cpu);
    if (cpu->cr0 & CR0_TS) {
        cpu_raise_noerr(cpu, EXCP_NM);
    }
}

/* Linear address of the area; all of what `components` takes may be accessed. */
static uint64_t area_address(CPUState *cpu, const DecodedInsn *d, uint64_t components, AccessKind kind)
{
    unsigned size = components & XSTATE_AVX ? XSTATE_AVX_OFFSET + XSTATE_AVX_SIZE : HEADER_END;
    uint64_t ea = insn_ea(cpu, d);
    uint64_t la =
        kind == ACCESS_WRITE ? seg_write_address(cpu, d->seg, ea, size) : seg_read_address(cpu, d->seg, ea, size);
    if (la & 63) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    cpu_probe(cpu, la, size, kind, cpu->mmu_mode);
    return la;
}

static uint64_t at(const CPUState *cpu, uint64_t la, unsigned offset)
{
    return (la + offset) & cpu->linear_mask;
}

static unsigned nb_registers(const CPUState *cpu)
{
    return cpu_code64(cpu) ? 16 : 8;
}

static bool all_zero(const uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (words[i]) {
            return false;
        }
    }
    return true;
}

static bool x87_initial(const FPUState *f)
{
    bool control = f->cw == FCW_INIT && f->sw == 0 && f->top == 0 && f->tag == 0xff && f->opcode == 0;
    bool pointers = f->ip == 0 && f->dp == 0 && f->ip_sel == 0 && f->dp_sel == 0;
    for (unsigned i = 0; i < 8; i++) {
        if (f->st[i].low || f->st[i].high) {
            return false;
        }
    }
    return control && pointers;
}

static uint64_t in_use(const CPUState *cpu)
{
    return (x87_initial(&cpu->fpu) ? 0 : XSTATE_X87) | (all_zero(cpu->xmm[0].q, 32) ? 0 : XSTATE_SSE) |
           (all_zero(cpu->ymmh[0].q, 32) ? 0 : XSTATE_AVX);
}

/* ---- XSAVE, XSAVEOPT ---- */

static void store_pairs(CPUState *cpu, uint64_t la, unsigned offset, const uint64_t *words)
{
    for (unsigned i = 0; i < 2 * nb_registers(cpu); i++) {
        cpu_st64(cpu, at(cpu, la, offset + 8 * i), words[i]);
    }
}

static void save(CPUState *cpu, const DecodedInsn *d, bool only_used)
{
    check_available(cpu);
    uint64_t wanted = cpu->xcr0 & edx_eax(cpu), used = in_use(cpu);
    uint64_t la = area_address(cpu, d, wanted, ACCESS_WRITE);
    uint64_t written = only_used ? wanted & used : wanted;
    uint64_t bv = cpu_ld64(cpu, at(cpu, la, AREA_HEADER));
    if (written & XSTATE_X87) {
        x87_store_image(cpu, d, la);
    }
    if (wanted & (XSTATE_SSE | XSTATE_AVX)) {
        cpu_st64(cpu, at(cpu, la, AREA_MXCSR), cpu->mxcsr | (uint64_t)MXCSR_WRITABLE << 32);
    }
    if (written & XSTATE_SSE) {
        store_pairs(cpu, la, AREA_XMM, cpu->xmm[0].q);
    }
    if (written & XSTATE_AVX) {
        store_pairs(cpu, la, XSTATE_AVX_OFFSET, cpu->ymmh[0].q);
    }
    cpu_st64(cpu, at(cpu, la, AREA_HEADER), (bv & ~wanted) | (wanted & used));
}

static void xsave_insn(CPUState *cpu, const DecodedInsn *d)
{
    save(cpu, d, false);
}

static void xsaveopt_insn(CPUState *cpu, const DecodedInsn *d)
{
    save(cpu, d, true);
}

/* ---- XRSTOR ---- */

static void load_pairs(CPUState *cpu, uint64_t la, unsigned offset, uint64_t *words, bool present)
{
    for (unsigned i = 0; i < 2 * nb_registers(cpu); i++) {
        words[i] = present ? cpu_ld64(cpu, at(cpu, la, offset + 8 * i)) : 0;
    }
}

static void x87_reset(CPUState *cpu)
{
    x87_init(cpu);
    memset(cpu->fpu.st, 0, sizeof(cpu->fpu.st));
}

/* 13.8.1: bits that XCR0 lacks, the compacted format, and reserved bits of MXCSR are refused before anything is loaded.
 */
static void check_header(CPUState *cpu, uint64_t la, uint64_t wanted, uint64_t bv, uint32_t mxcsr)
{
    bool loads_mxcsr = wanted & (XSTATE_SSE | XSTATE_AVX);
    uint64_t reserved = cpu_ld64(cpu, at(cpu, la, AREA_HEADER + 8)) | cpu_ld64(cpu, at(cpu, la, AREA_HEADER + 16));
    if ((bv & ~cpu->xcr0) || reserved || (loads_mxcsr && (mxcsr & ~MXCSR_WRITABLE))) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

static void xrstor_insn(CPUState *cpu, const DecodedInsn *d)
{
    check_available(cpu);
    uint64_t wanted = cpu->xcr0 & edx_eax(cpu);
    uint64_t la = area_address(cpu, d, wanted, ACCESS_READ);
    uint64_t bv = cpu_ld64(cpu, at(cpu, la, AREA_HEADER));
    uint32_t mxcsr = cpu_ld32(cpu, at(cpu, la, AREA_MXCSR));
    check_header(cpu, la, wanted, bv, mxcsr);
    if (wanted & bv & XSTATE_X87) {
        x87_load_image(cpu, d, la);
    } else if (wanted & XSTATE_X87) {
        x87_reset(cpu);
    }
    if (wanted & (XSTATE_SSE | XSTATE_AVX)) {
        cpu->mxcsr = mxcsr;
    }
    if (wanted & XSTATE_SSE) {
        load_pairs(cpu, la, AREA_XMM, cpu->xmm[0].q, bv & XSTATE_SSE);
    }
    if (wanted & XSTATE_AVX) {
        load_pairs(cpu, la, XSTATE_AVX_OFFSET, cpu->ymmh[0].q, bv & XSTATE_AVX);
    }
}

const InsnHandlers xgetbv = HANDLERS_ALL(xgetbv_insn);
const InsnHandlers xsetbv = HANDLERS_ALL(xsetbv_insn);
const InsnHandlers xsave_M = HANDLERS_ALL(xsave_insn);
const InsnHandlers xsaveopt_M = HANDLERS_ALL(xsaveopt_insn);
const InsnHandlers xrstor_M = HANDLERS_ALL(xrstor_insn);
