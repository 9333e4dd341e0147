/*
 * target/i386/msr.c  Model-specific registers. SDM volume 4; MTRRs and PAT: SDM 3A, chapter 12; AMD's: BKDG.
 *
 * Memory types are kept and checked but have no effect: there are no caches. An MSR that the CPU model lacks, and any
 * value that the manual forbids, is refused; the instruction then raises #GP. No performance counters, no branch
 * records, no machine-check banks.
 */
#include "target/i386/cpuid.h"
#include "target/i386/paging.h"

#include "hw/intc/intc.h"

#define MSR_P5_MC_ADDR      0x0
#define MSR_P5_MC_TYPE      0x1
#define MSR_TSC             0x10
#define MSR_PLATFORM_ID     0x17
#define MSR_APIC_BASE       0x1b
#define MSR_BIOS_UPDT_TRIG  0x79
#define MSR_BIOS_SIGN_ID    0x8b
#define MSR_MTRR_CAP        0xfe
#define MSR_SYSENTER_CS     0x174
#define MSR_SYSENTER_ESP    0x175
#define MSR_SYSENTER_EIP    0x176
#define MSR_MCG_CAP         0x179
#define MSR_MCG_STATUS      0x17a
#define MSR_MISC_ENABLE     0x1a0
#define MSR_DEBUGCTL        0x1d9
#define MSR_MTRR_PHYS_FIRST 0x200
#define MSR_MTRR_PHYS_LAST  0x20f
#define MSR_MTRR_FIX64K     0x250
#define MSR_MTRR_FIX16K     0x258
#define MSR_MTRR_FIX4K      0x268
#define MSR_PAT             0x277
#define MSR_MTRR_DEF_TYPE   0x2ff
#define MSR_TSC_DEADLINE    0x6e0
#define MSR_X2APIC_FIRST    0x800
#define MSR_X2APIC_LAST     0x8ff
#define MSR_EFER            0xc0000080
#define MSR_STAR            0xc0000081
#define MSR_LSTAR           0xc0000082
#define MSR_CSTAR           0xc0000083
#define MSR_FMASK           0xc0000084
#define MSR_FS_BASE         0xc0000100
#define MSR_GS_BASE         0xc0000101
#define MSR_KERNEL_GS_BASE  0xc0000102
#define MSR_TSC_AUX         0xc0000103
#define MSR_K8_SYSCFG       0xc0010010
#define MSR_K8_HWCR         0xc0010015
#define MSR_K8_TOP_MEM2     0xc001001d
#define MSR_K8_INT_PENDING  0xc0010055

#define MTRR_CAP_VALUE        0x508 /* 8 variable ranges, fixed ranges, write-combining */
#define MTRR_DEF_TYPE_BITS    0xcff /* E, FE, type */
#define MTRR_MASK_VALID       0x800
#define MCG_STATUS_BITS       7
#define MISC_ENABLE_WRITABLE  1ull      /* fast strings */
#define MISC_ENABLE_READ_ONLY 0x1800ull /* no branch trace, no PEBS */

uint64_t cpu_get_tsc(CPUState *cpu)
{
    return (uint64_t)qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + cpu->tsc_offset;
}

static bool canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* An address register of 64 bits where long mode exists, of 32 otherwise. */
static bool address_possible(const CPUState *cpu, uint64_t value)
{
    return cpu_has(cpu, FEAT_LM) ? canonical(value) : value >> 32 == 0;
}

/* UC 0, WC 1, WT 4, WP 5, WB 6. */
static bool mtrr_type_possible(uint8_t type)
{
    return type < 8 && (0x73 >> type & 1);
}

/* The same and UC- 7. */
static bool pat_type_possible(uint8_t type)
{
    return mtrr_type_possible(type) || type == 7;
}

static bool each_byte(uint64_t value, bool (*possible)(uint8_t))
{
    for (int i = 0; i < 8; i++) {
        if (!possible((uint8_t)(value >> (8 * i)))) {
            return false;
        }
    }
    return true;
}

/* 64K_00000, 16K_80000, 16K_A0000, 4K_C0000 .. 4K_F8000; NULL: not one of them. */
static uint64_t *mtrr_fixed(CPUState *cpu, uint32_t index)
{
    if (index == MSR_MTRR_FIX64K) {
        return &cpu->mtrr_fixed[0];
    }
    if (index == MSR_MTRR_FIX16K || index == MSR_MTRR_FIX16K + 1) {
        return &cpu->mtrr_fixed[1 + (index - MSR_MTRR_FIX16K)];
    }
    if (index >= MSR_MTRR_FIX4K && index < MSR_MTRR_FIX4K + 8) {
        return &cpu->mtrr_fixed[3 + (index - MSR_MTRR_FIX4K)];
    }
    return NULL;
}

static uint64_t *mtrr_variable(CPUState *cpu, uint32_t index)
{
    MTRRRange *range = &cpu->mtrr_var[(index - MSR_MTRR_PHYS_FIRST) / 2];
    return index & 1 ? &range->mask : &range->base;
}

static bool mtrr_variable_possible(const CPUState *cpu, uint32_t index, uint64_t value)
{
    uint64_t address = ((1ull << cpu->model->phys_bits) - 1) & PAGE_MASK;
    if (index & 1) {
        return !(value & ~(address | MTRR_MASK_VALID));
    }
    return !(value & ~(address | 0xff)) && mtrr_type_possible((uint8_t)value);
}

static bool read_mtrr(CPUState *cpu, uint32_t index, uint64_t *value)
{
    uint64_t *fixed = mtrr_fixed(cpu, index);
    if (!cpu_has(cpu, FEAT_MTRR)) {
        return false;
    }
    if (fixed) {
        *value = *fixed;
    } else if (index >= MSR_MTRR_PHYS_FIRST && index <= MSR_MTRR_PHYS_LAST) {
        *value = *mtrr_variable(cpu, index);
    } else if (index == MSR_MTRR_CAP) {
        *value = MTRR_CAP_VALUE;
    } else if (index == MSR_MTRR_DEF_TYPE) {
        *value = cpu->mtrr_def_type;
    } else {
        return false;
    }
    return true;
}

static bool store_if(bool possible, uint64_t *reg, uint64_t value)
{
    if (possible) {
        *reg = value;
    }
    return possible;
}

static bool write_mtrr(CPUState *cpu, uint32_t index, uint64_t value)
{
    uint64_t *fixed = mtrr_fixed(cpu, index);
    if (!cpu_has(cpu, FEAT_MTRR)) {
        return false;
    }
    if (fixed) {
        return store_if(each_byte(value, mtrr_type_possible), fixed, value);
    }
    if (index >= MSR_MTRR_PHYS_FIRST && index <= MSR_MTRR_PHYS_LAST) {
        return store_if(mtrr_variable_possible(cpu, index, value), mtrr_variable(cpu, index), value);
    }
    return index == MSR_MTRR_DEF_TYPE &&
           store_if(!(value & ~(uint64_t)MTRR_DEF_TYPE_BITS) && mtrr_type_possible((uint8_t)value), &cpu->mtrr_def_type,
                    value);
}

/* ---- EFER and the registers of SYSCALL and long mode ---- */

static uint64_t efer_writable(const CPUState *cpu)
{
    return (cpu_has(cpu, FEAT_SYSCALL) ? EFER_SCE : 0) | (cpu_has(cpu, FEAT_LM) ? EFER_LME : 0) |
           (cpu_has(cpu, FEAT_NX) ? EFER_NXE : 0);
}

/* LMA is read-only; LME may not change while paging is on. */
static bool write_efer(CPUState *cpu, uint64_t value)
{
    uint64_t writable = efer_writable(cpu);
    if (!writable || (value & ~(writable | EFER_LMA)) || (((value ^ cpu->efer) & EFER_LME) && (cpu->cr0 & CR0_PG))) {
        return false;
    }
    cpu->efer = (value & writable) | (cpu->efer & EFER_LMA);
    cpu->fetch_page = cpu->fetch_phys = 0;
    cpu_mode_derive(cpu);
    return true;
}

/* Registers that exist with a feature and hold what is written. */
typedef enum MSRValueRule { VALUE_ANY, VALUE_32, VALUE_ADDRESS } MSRValueRule;
typedef struct PlainMSR {
    uint32_t index;
    CPUFeature feature;
    MSRValueRule rule;
    size_t offset; /* of a uint64_t in CPUState */
} PlainMSR;
static const PlainMSR plain_msrs[] = {
    { MSR_SYSENTER_ESP, FEAT_SEP, VALUE_ADDRESS, offsetof(CPUState, sysenter_esp) },
    { MSR_SYSENTER_EIP, FEAT_SEP, VALUE_ADDRESS, offsetof(CPUState, sysenter_eip) },
    { MSR_BIOS_SIGN_ID, FEAT_MSR, VALUE_ANY, offsetof(CPUState, bios_sign_id) },
    { MSR_STAR, FEAT_SYSCALL, VALUE_ANY, offsetof(CPUState, star) },
    { MSR_LSTAR, FEAT_LM, VALUE_ADDRESS, offsetof(CPUState, lstar) },
    { MSR_CSTAR, FEAT_LM, VALUE_ADDRESS, offsetof(CPUState, cstar) },
    { MSR_FMASK, FEAT_LM, VALUE_32, offsetof(CPUState, fmask) },
    { MSR_FS_BASE, FEAT_LM, VALUE_ADDRESS, offsetof(CPUState, seg[R_FS].base) },
    { MSR_GS_BASE, FEAT_LM, VALUE_ADDRESS, offsetof(CPUState, seg[R_GS].base) },
    { MSR_KERNEL_GS_BASE, FEAT_LM, VALUE_ADDRESS, offsetof(CPUState, kernel_gs_base) },
    { MSR_TSC_AUX, FEAT_RDTSCP, VALUE_32, offsetof(CPUState, tsc_aux) },
};

static uint64_t *plain_register(CPUState *cpu, const PlainMSR *msr)
{
    return (uint64_t *)((char *)cpu + msr->offset);
}

static const PlainMSR *plain_find(const CPUState *cpu, uint32_t index)
{
    for (size_t i = 0; i < ARRAY_SIZE(plain_msrs); i++) {
        if (plain_msrs[i].index == index && cpu_has(cpu, plain_msrs[i].feature)) {
            return &plain_msrs[i];
        }
    }
    return NULL;
}

static bool value_follows(const CPUState *cpu, MSRValueRule rule, uint64_t value)
{
    return rule == VALUE_ANY || (rule == VALUE_32 ? value >> 32 == 0 : address_possible(cpu, value));
}

/* Northbridge and errata switches that system software of AMD's family 15 expects: they read as zero and keep nothing.
 */
static bool amd_ignored(const CPUState *cpu, uint32_t index)
{
    return cpu_model_is_amd(cpu->model) &&
           (index == MSR_K8_SYSCFG || index == MSR_K8_HWCR || index == MSR_K8_TOP_MEM2 || index == MSR_K8_INT_PENDING);
}

static bool write_misc_enable(CPUState *cpu, uint64_t value)
{
    cpu->misc_enable = (value & MISC_ENABLE_WRITABLE) | MISC_ENABLE_READ_ONLY;
    return !cpu_model_is_amd(cpu->model);
}

static bool read_constant(uint64_t constant, bool exists, uint64_t *value)
{
    *value = constant;
    return exists;
}

bool cpu_rdmsr(CPUState *cpu, uint32_t index, uint64_t *value)
{
    const PlainMSR *plain = plain_find(cpu, index);
    if (plain) {
        return read_constant(*plain_register(cpu, plain), true, value);
    }
    if (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST) {
        return cpu_has(cpu, FEAT_X2APIC) && cpu->apic && apic_msr_read(cpu->apic, index - MSR_X2APIC_FIRST, value);
    }
    switch (index) {
    case MSR_P5_MC_ADDR:
    case MSR_P5_MC_TYPE:
        return read_constant(0, cpu_has(cpu, FEAT_MCE), value);
    case MSR_TSC:
        return read_constant(cpu_get_tsc(cpu), cpu_has(cpu, FEAT_TSC), value);
    case MSR_PLATFORM_ID:
        return read_constant(0, !cpu_model_is_amd(cpu->model), value);
    case MSR_APIC_BASE:
        return cpu_has(cpu, FEAT_APIC) && cpu->apic && read_constant(apic_get_base(cpu->apic), true, value);
    case MSR_SYSENTER_CS:
        return read_constant(cpu->sysenter_cs, cpu_has(cpu, FEAT_SEP), value);
    case MSR_MCG_CAP:
        return read_constant(0, cpu_has(cpu, FEAT_MCA), value);
    case MSR_MCG_STATUS:
        return read_constant(cpu->mcg_status, cpu_has(cpu, FEAT_MCA), value);
    case MSR_MISC_ENABLE:
        return read_constant(cpu->misc_enable, !cpu_model_is_amd(cpu->model), value);
    case MSR_DEBUGCTL:
        return read_constant(0, cpu_has(cpu, FEAT_CMOV), value);
    case MSR_PAT:
        return read_constant(cpu->pat, cpu_has(cpu, FEAT_PAT), value);
    case MSR_TSC_DEADLINE:
        return cpu_has(cpu, FEAT_TSC_DEADLINE) && cpu->apic &&
               read_constant(apic_get_tsc_deadline(cpu->apic), true, value);
    case MSR_EFER:
        return read_constant(cpu->efer, efer_writable(cpu) != 0, value);
    default:
        return amd_ignored(cpu, index) ? read_constant(0, true, value) : read_mtrr(cpu, index, value);
    }
}

static bool write_tsc(CPUState *cpu, uint64_t value)
{
    cpu->tsc_offset = value - (uint64_t)qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    if (cpu->apic) { /* an armed deadline is a TSC value: it has moved */
        apic_set_tsc_deadline(cpu->apic, apic_get_tsc_deadline(cpu->apic));
    }
    return cpu_has(cpu, FEAT_TSC);
}

static bool write_sysenter_cs(CPUState *cpu, uint64_t value)
{
    cpu->sysenter_cs = (uint32_t)value;
    return true;
}

static bool write_tsc_deadline(CPUState *cpu, uint64_t value)
{
    apic_set_tsc_deadline(cpu->apic, value);
    return true;
}

/* The base of a segment moved: its limits of access do not, but engines may have looked. */
static bool write_plain(CPUState *cpu, const PlainMSR *plain, uint64_t value)
{
    if (!value_follows(cpu, plain->rule, value)) {
        return false;
    }
    *plain_register(cpu, plain) = value;
    cpu_segment_derive(cpu, R_FS);
    cpu_segment_derive(cpu, R_GS);
    return true;
}

bool cpu_wrmsr(CPUState *cpu, uint32_t index, uint64_t value)
{
    const PlainMSR *plain = plain_find(cpu, index);
    if (plain) {
        return write_plain(cpu, plain, value);
    }
    if (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST) {
        return cpu_has(cpu, FEAT_X2APIC) && cpu->apic && apic_msr_write(cpu->apic, index - MSR_X2APIC_FIRST, value);
    }
    switch (index) {
    case MSR_P5_MC_ADDR:
    case MSR_P5_MC_TYPE:
        return cpu_has(cpu, FEAT_MCE) && value == 0;
    case MSR_TSC:
        return cpu_has(cpu, FEAT_TSC) && write_tsc(cpu, value);
    case MSR_APIC_BASE:
        return cpu_has(cpu, FEAT_APIC) && cpu->apic && apic_set_base(cpu->apic, value);
    case MSR_BIOS_UPDT_TRIG: /* an update that does not suit the processor is silently not loaded */
        return cpu_has(cpu, FEAT_CMOV) && !cpu_model_is_amd(cpu->model);
    case MSR_SYSENTER_CS:
        return cpu_has(cpu, FEAT_SEP) && write_sysenter_cs(cpu, value);
    case MSR_MCG_STATUS:
        return cpu_has(cpu, FEAT_MCA) && store_if(!(value & ~(uint64_t)MCG_STATUS_BITS), &cpu->mcg_status, value);
    case MSR_MISC_ENABLE:
        return write_misc_enable(cpu, value);
    case MSR_DEBUGCTL: /* no branch records, no branch stepping */
        return cpu_has(cpu, FEAT_CMOV) && value == 0;
    case MSR_PAT:
        return cpu_has(cpu, FEAT_PAT) && store_if(each_byte(value, pat_type_possible), &cpu->pat, value);
    case MSR_TSC_DEADLINE:
        return cpu_has(cpu, FEAT_TSC_DEADLINE) && cpu->apic && write_tsc_deadline(cpu, value);
    case MSR_EFER:
        return write_efer(cpu, value);
    default:
        return amd_ignored(cpu, index) || write_mtrr(cpu, index, value);
    }
}
