/*
 * target/i386/sys.c  System instructions: MOV CR and DR, LMSW, SMSW, CLTS, HLT, caches, INVLPG, INVPCID, STAC, CLAC,
 * CPUID, TSC, MSRs, RSM. SDM volume 2. What the registers do is in sysreg.c, debug.c, msr.c and cpuid.c.
 *
 * Left out: MONITOR and MWAIT (no model has the feature), performance counters (RDPMC always raises #GP).
 */
#include "target/i386/debug.h"
#include "target/i386/handlers-sys.h"
#include "target/i386/seg.h"
#include "target/i386/smm.h"

#include "hw/intc/intc.h"

#define LMSW_BITS (CR0_PE | CR0_MP | CR0_EM | CR0_TS)
#define CR3_PCID  0xfff
enum { INVPCID_ADDRESS, INVPCID_CONTEXT, INVPCID_ALL_GLOBAL, INVPCID_ALL };

static uint64_t read_native(const CPUState *cpu, unsigned reg)
{
    return cpu_code64(cpu) ? reg64(cpu, reg) : reg32(cpu, reg);
}

static void write_native(CPUState *cpu, unsigned reg, uint64_t value)
{
    set_reg64(cpu, reg, cpu_code64(cpu) ? value : (uint32_t)value);
}

/* ---- control registers ---- */

static void check_cr_number(CPUState *cpu, unsigned n)
{
    if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
    cpu_require_cpl0(cpu);
}

/* CR8 is the local APIC's task priority. */
static uint64_t read_cr8(CPUState *cpu)
{
    return cpu->apic ? apic_get_tpr(cpu->apic) : cpu->cr8;
}

static void write_cr8(CPUState *cpu, uint64_t value)
{
    if (value > 15) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    if (cpu->apic) {
        apic_set_tpr(cpu->apic, value);
    } else {
        cpu->cr8 = value;
    }
    cpu_interrupt_point(cpu);
}

static uint64_t read_cr(CPUState *cpu, unsigned n)
{
    switch (n) {
    case 0:
        return cpu->cr0;
    case 2:
        return cpu->cr2;
    case 3:
        return cpu->cr3;
    case 4:
        return cpu->cr4;
    default:
        return read_cr8(cpu);
    }
}

static void mov_from_cr(CPUState *cpu, const DecodedInsn *d)
{
    check_cr_number(cpu, d->reg);
    write_native(cpu, d->rm, read_cr(cpu, d->reg));
}

static void mov_to_cr(CPUState *cpu, const DecodedInsn *d)
{
    check_cr_number(cpu, d->reg);
    uint64_t value = read_native(cpu, d->rm);
    switch (d->reg) {
    case 0:
        cpu_set_cr0(cpu, value);
        break;
    case 2:
        cpu->cr2 = value;
        break;
    case 3:
        cpu_set_cr3(cpu, value);
        break;
    case 4:
        cpu_set_cr4(cpu, value);
        break;
    default:
        write_cr8(cpu, value);
        break;
    }
}

static void smsw_insn(CPUState *cpu, const DecodedInsn *d)
{
    if ((cpu->cr4 & CR4_UMIP) && cpu->cpl != 0) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    if (insn_is_mem(d)) {
        seg_st16(cpu, d->seg, insn_ea(cpu, d), cpu->cr0);
    } else if (insn_op_bytes(d) == 2) {
        set_reg16(cpu, d->rm, cpu->cr0);
    } else {
        set_reg64(cpu, d->rm, cpu->cr0);
    }
}

/* PE can be set but not cleared. */
static void lmsw_insn(CPUState *cpu, const DecodedInsn *d)
{
    cpu_require_cpl0(cpu);
    uint64_t value = insn_is_mem(d) ? seg_ld16(cpu, d->seg, insn_ea(cpu, d)) : reg16(cpu, d->rm);
    value = (value & LMSW_BITS) | (cpu->cr0 & CR0_PE);
    cpu_set_cr0(cpu, (cpu->cr0 & ~(uint64_t)LMSW_BITS) | value);
}

static void clts_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu_require_cpl0(cpu);
    cpu_set_cr0(cpu, cpu->cr0 & ~(uint64_t)CR0_TS);
}

/* ---- debug registers: DR4 and DR5 are DR6 and DR7 unless CR4.DE ---- */

static unsigned check_dr(CPUState *cpu, unsigned n)
{
    if (n > 7 || ((n == 4 || n == 5) && (cpu->cr4 & CR4_DE))) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
    cpu_require_cpl0(cpu);
    if (cpu->dr[7] & DR7_GD) {
        cpu_raise_general_detect(cpu);
    }
    return n == 4 || n == 5 ? n + 2 : n;
}

static void mov_from_dr(CPUState *cpu, const DecodedInsn *d)
{
    write_native(cpu, d->rm, cpu->dr[check_dr(cpu, d->reg)]);
}

static void mov_to_dr(CPUState *cpu, const DecodedInsn *d)
{
    unsigned n = check_dr(cpu, d->reg);
    cpu_set_dr(cpu, n, read_native(cpu, d->rm));
}

/* ---- processor control ---- */

static void hlt_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu_require_cpl0(cpu);
    cpu->halted = true;
    cpu_interrupt_point(cpu);
}

/* INVD, WBINVD: there is no cache that could differ from memory. */
static void flush_cache_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu_require_cpl0(cpu);
}

/* The address is not checked against the segment; one that is not canonical does nothing. */
static void invlpg_insn(CPUState *cpu, const DecodedInsn *d)
{
    cpu_require_cpl0(cpu);
    uint64_t la = seg_linear(cpu, &cpu->seg[d->seg], insn_ea(cpu, d));
    if (address_is_canonical(la)) {
        tlb_flush_page(cpu, la);
    }
}

/* The TLB holds the present PCID's entries only (sysreg.c), so that nothing is to be done for another. */
static void invalidate_pcid(CPUState *cpu, uint64_t type, uint64_t pcid, uint64_t la)
{
    bool present = pcid == (cpu->cr4 & CR4_PCIDE ? cpu->cr3 & CR3_PCID : 0);
    switch (type) {
    case INVPCID_ADDRESS:
        if (present) {
            tlb_flush_page_of(cpu, la, false);
        }
        break;
    case INVPCID_CONTEXT:
        if (present) {
            tlb_flush(cpu, false);
        }
        break;
    case INVPCID_ALL_GLOBAL:
        tlb_flush(cpu, true);
        break;
    default:
        tlb_flush(cpu, false);
        break;
    }
}

static void invpcid_insn(CPUState *cpu, const DecodedInsn *d)
{
    cpu_require_cpl0(cpu);
    uint64_t type = read_native(cpu, d->reg), ea = insn_ea(cpu, d);
    uint64_t la = seg_read_address(cpu, d->seg, ea, 16);
    cpu_probe(cpu, la, 16, ACCESS_READ, cpu->mmu_mode);
    uint64_t pcid = seg_ld64(cpu, d->seg, ea), address = seg_ld64(cpu, d->seg, (ea + 8) & d->ea_mask);
    bool reserved = type > INVPCID_ALL || pcid & ~(uint64_t)CR3_PCID;
    bool wrong_pcid = pcid && !(cpu->cr4 & CR4_PCIDE) && type <= INVPCID_CONTEXT;
    if (reserved || wrong_pcid || (type == INVPCID_ADDRESS && !address_is_canonical(address))) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    invalidate_pcid(cpu, type, pcid, address);
}

/* SMAP looks at AC anew in every access (tlb.c): nothing else to do. Without privilege they are undefined. */
static void set_ac(CPUState *cpu, uint32_t ac)
{
    if (cpu->cpl != 0) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
    cpu->eflags = (cpu->eflags & ~AC_MASK) | ac;
}

static void stac_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    set_ac(cpu, AC_MASK);
}

static void clac_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    set_ac(cpu, 0);
}

static void rsm_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    if (!cpu->in_smm) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
    cpu_leave_smm(cpu);
}

/* ---- identification, counters, MSRs ---- */

static void cpuid_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    uint32_t eax, ebx, ecx, edx;
    cpu_cpuid(cpu, reg32(cpu, R_EAX), reg32(cpu, R_ECX), &eax, &ebx, &ecx, &edx);
    set_reg32(cpu, R_EAX, eax);
    set_reg32(cpu, R_EBX, ebx);
    set_reg32(cpu, R_ECX, ecx);
    set_reg32(cpu, R_EDX, edx);
}

static void set_edx_eax(CPUState *cpu, uint64_t value)
{
    set_reg32(cpu, R_EAX, value);
    set_reg32(cpu, R_EDX, value >> 32);
}

static void rdtsc_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    if ((cpu->cr4 & CR4_TSD) && cpu->cpl != 0) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    set_edx_eax(cpu, cpu_get_tsc(cpu));
}

static void rdtscp_insn(CPUState *cpu, const DecodedInsn *d)
{
    rdtsc_insn(cpu, d);
    set_reg32(cpu, R_ECX, cpu->tsc_aux);
}

static void rdpmc_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu_raise(cpu, EXCP_GP, 0);
}

static void rdmsr_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    uint64_t value;
    cpu_require_cpl0(cpu);
    if (!cpu_rdmsr(cpu, reg32(cpu, R_ECX), &value)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    set_edx_eax(cpu, value);
}

/* Some MSRs are the local APIC's: like I/O. */
static void wrmsr_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu_require_cpl0(cpu);
    if (!cpu_wrmsr(cpu, reg32(cpu, R_ECX), (uint64_t)reg32(cpu, R_EDX) << 32 | reg32(cpu, R_EAX))) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    cpu_interrupt_point(cpu);
}

const InsnHandlers mov_Rd_Cd = HANDLERS_ALL(mov_from_cr);
const InsnHandlers mov_Cd_Rd = HANDLERS_ALL(mov_to_cr);
const InsnHandlers mov_Rd_Dd = HANDLERS_ALL(mov_from_dr);
const InsnHandlers mov_Dd_Rd = HANDLERS_ALL(mov_to_dr);
const InsnHandlers smsw_Ev = HANDLERS_ALL(smsw_insn);
const InsnHandlers lmsw_Ew = HANDLERS_ALL(lmsw_insn);
const InsnHandlers clts = HANDLERS_ALL(clts_insn);
const InsnHandlers hlt = HANDLERS_ALL(hlt_insn);
const InsnHandlers flush_cache = HANDLERS_ALL(flush_cache_insn);
const InsnHandlers invlpg_M = HANDLERS_ALL(invlpg_insn);
const InsnHandlers invpcid_Gy_M = HANDLERS_ALL(invpcid_insn);
const InsnHandlers stac = HANDLERS_ALL(stac_insn);
const InsnHandlers clac = HANDLERS_ALL(clac_insn);
const InsnHandlers rdtscp = HANDLERS_ALL(rdtscp_insn);
const InsnHandlers rsm = HANDLERS_ALL(rsm_insn);
const InsnHandlers cpuid = HANDLERS_ALL(cpuid_insn);
const InsnHandlers rdtsc = HANDLERS_ALL(rdtsc_insn);
const InsnHandlers rdpmc = HANDLERS_ALL(rdpmc_insn);
const InsnHandlers rdmsr = HANDLERS_ALL(rdmsr_insn);
const InsnHandlers wrmsr = HANDLERS_ALL(wrmsr_insn);
