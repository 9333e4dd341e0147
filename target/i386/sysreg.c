/*
 * target/i386/sysreg.c  Control registers: which values are possible, and what changes with them. SDM 3A, 2.5, 4.1
 * and 4.10.4.
 *
 * Privilege is the instruction's affair. Checks come first, so that a #GP leaves everything as it was.
 */
#include "target/i386/cpuid.h"
#include "target/i386/debug.h"
#include "target/i386/paging.h"

#define CR3_NO_FLUSH (1ull << 63) /* MOV CR3 with CR4.PCIDE */
#define CR0_DEFINED  (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)

#define TSS_32 8 /* bit of a TSS type: not the 286's */

static bool pae_paging(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LME);
}

static void load_pdptes(CPUState *cpu, uint64_t cr3)
{
    uint64_t pdpte[4];
    if (!paging_read_pdptes(cpu, cr3, pdpte)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    memcpy(cpu->pdpte, pdpte, sizeof(pdpte));
}

/* Long mode may be entered only with PAE, not from an L segment nor with a 16-bit TSS (9.8.5); left only outside 64-bit
 * code. */
static bool long_mode_switch_allowed(const CPUState *cpu, uint64_t cr0)
{
    bool on = (cr0 & CR0_PG) && !(cpu->cr0 & CR0_PG), off = !(cr0 & CR0_PG) && (cpu->cr0 & CR0_PG);
    if (on && (cpu->efer & EFER_LME)) {
        bool tss16 = !cpu->seg[R_TR].null && !(cpu->seg[R_TR].attr & TSS_32);
        return (cpu->cr4 & CR4_PAE) && !(cpu->seg[R_CS].attr & SEG_L) && !tss16;
    }
    return !off || !(cpu_code64(cpu) || (cpu->cr4 & CR4_PCIDE));
}

static bool cr0_possible(const CPUState *cpu, uint64_t cr0)
{
    return cr0 >> 32 == 0 && !((cr0 & CR0_PG) && !(cr0 & CR0_PE)) && !((cr0 & CR0_NW) && !(cr0 & CR0_CD)) &&
           long_mode_switch_allowed(cpu, cr0);
}

void cpu_set_cr0(CPUState *cpu, uint64_t value)
{
    if (!cr0_possible(cpu, value)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    value = (value & CR0_DEFINED) | CR0_ET;
    uint64_t changed = cpu->cr0 ^ value;
    if (pae_paging(value, cpu->cr4, cpu->efer) && (changed & (CR0_PG | CR0_CD | CR0_NW))) {
        load_pdptes(cpu, cpu->cr3);
    }
    cpu->cr0 = value;
    if (changed & CR0_PG) {
        cpu->efer = (cpu->efer & ~(uint64_t)EFER_LMA) | ((value & CR0_PG) && (cpu->efer & EFER_LME) ? EFER_LMA : 0);
        tlb_flush(cpu, true);
    } else if (changed & CR0_WP) {
        tlb_rederive(cpu);
    }
    if (changed & (CR0_PG | CR0_PE)) {
        cpu->fetch_page = cpu->fetch_phys = 0;
        cpu_mode_derive(cpu);
    }
    cpu_alignment_derive(cpu);
}

/*
 * Outside long mode only 32 bits exist; in it, bits beyond the physical address width are reserved. With PCIDs, bits
 * 11:0 name one and bit 63 allows its old entries to be kept. The TLB has no room for PCIDs: it holds the present one's
 * entries and drops all but global ones here, which is always allowed (4.10.4.1).
 */
void cpu_set_cr3(CPUState *cpu, uint64_t value)
{
    if (cpu_long_mode(cpu)) {
        value &= cpu->cr4 & CR4_PCIDE ? ~CR3_NO_FLUSH : ~0ull;
        if (value >> cpu->model->phys_bits) {
            cpu_raise(cpu, EXCP_GP, 0);
        }
    } else {
        value = (uint32_t)value;
    }
    if (pae_paging(cpu->cr0, cpu->cr4, cpu->efer)) {
        load_pdptes(cpu, value);
    }
    cpu->cr3 = value;
    tlb_flush(cpu, false);
}

/* Which feature makes a bit of CR4 exist. */
static const struct {
    uint32_t bit;
    CPUFeature feature;
} cr4_features[] = {
    { CR4_VME | CR4_PVI, FEAT_VME }, { CR4_TSD, FEAT_TSC },       { CR4_DE, FEAT_DE },
    { CR4_PSE, FEAT_PSE },           { CR4_PAE, FEAT_PAE },       { CR4_MCE, FEAT_MCE },
    { CR4_PGE, FEAT_PGE },           { CR4_PCE, FEAT_CMOV },      { CR4_OSFXSR, FEAT_FXSR },
    { CR4_OSXMMEXCPT, FEAT_SSE },    { CR4_UMIP, FEAT_UMIP },     { CR4_FSGSBASE, FEAT_FSGSBASE },
    { CR4_PCIDE, FEAT_PCID },        { CR4_OSXSAVE, FEAT_XSAVE }, { CR4_SMEP, FEAT_SMEP },
    { CR4_SMAP, FEAT_SMAP },
};

static uint32_t cr4_allowed(const CPUState *cpu)
{
    uint32_t allowed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cr4_features); i++) {
        allowed |= cpu_has(cpu, cr4_features[i].feature) ? cr4_features[i].bit : 0;
    }
    return allowed;
}

static bool cr4_possible(const CPUState *cpu, uint64_t cr4)
{
    if (cr4 & ~(uint64_t)cr4_allowed(cpu)) {
        return false;
    }
    if ((cr4 & ~cpu->cr4 & CR4_PCIDE) && (!cpu_long_mode(cpu) || (cpu->cr3 & 0xfff))) {
        return false;
    }
    return !cpu_long_mode(cpu) || (cr4 & CR4_PAE);
}

void cpu_set_cr4(CPUState *cpu, uint64_t value)
{
    if (!cr4_possible(cpu, value)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    uint64_t changed = cpu->cr4 ^ value;
    if (pae_paging(cpu->cr0, value, cpu->efer) && (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP))) {
        load_pdptes(cpu, cpu->cr3);
    }
    cpu->cr4 = value;
    if (changed & (CR4_PGE | CR4_PSE | CR4_PAE | CR4_PCIDE | CR4_SMEP)) {
        tlb_flush(cpu, true);
    } else if (changed & CR4_SMAP) {
        tlb_rederive(cpu);
    }
    if (changed & CR4_DE) {
        cpu_debug_derive(cpu);
    }
}

/* The A20 gate acts on addresses as they leave the CPU, so every translation changes: all of them are dropped. */
void cpu_set_a20(CPUState *cpu, bool enabled)
{
    uint64_t mask = enabled ? ~0ull : ~(1ull << 20);
    if (mask != cpu->a20_mask) {
        cpu->a20_mask = mask;
        tlb_flush(cpu, true);
        cpu_end_block(cpu);
    }
}
