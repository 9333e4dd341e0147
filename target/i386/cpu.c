/*
 * target/i386/cpu.c  Life of a processor: creation, RESET, INIT, its saved state, its digest, and how the monitor shows
 * it.
 *
 * Values after RESET and INIT: SDM 3A, table 9-1.
 */
#include "target/i386/cpuid.h"
#include "target/i386/debug.h"
#include "target/i386/flags.h"
#include "target/i386/paging.h"
#include "target/i386/seg.h"

#include "hw/intc/intc.h"
#include "util/info.h"

#define FCW_RESET         0x0040
#define MXCSR_RESET       0x1f80
#define PAT_RESET         0x0007040600070406ull
#define MISC_ENABLE_RESET 0x1801ull /* fast strings; no branch trace, no PEBS */
#define SMBASE_RESET      0x30000

CPUState *cpu_new(const char *model_arg, int index, Error **errp)
{
    CPUModel *model = cpu_model_parse(model_arg, errp);
    if (!model) {
        return NULL;
    }
    CPUState *cpu = g_aligned_alloc0(1, sizeof(*cpu), _Alignof(CPUState));
    cpu->model = model;
    cpu->index = index;
    cpu->a20_mask = ~0ull;
    tlb_init(cpu);
    cpu_reset(cpu);
    vmstate_register("cpu", index, &vmstate_cpu, cpu);
    return cpu;
}

/* ---- RESET and INIT ---- */

static void reset_segments(CPUState *cpu)
{
    for (int seg = R_ES; seg <= R_GS; seg++) {
        cpu_load_seg_cache(cpu, seg, 0, 0, 0xffff, 0x93);
    }
    cpu_load_seg_cache(cpu, R_CS, 0xf000, 0xffff0000, 0xffff, 0x9b);
    cpu_load_seg_cache(cpu, R_LDTR, 0, 0, 0xffff, 0x82);
    cpu_load_seg_cache(cpu, R_TR, 0, 0, 0xffff, 0x8b);
    cpu->gdt.base = cpu->idt.base = 0;
    cpu->gdt.limit = cpu->idt.limit = 0xffff;
}

static void reset_general(CPUState *cpu)
{
    memset(cpu->gpr, 0, sizeof(cpu->gpr));
    cpu->gpr[R_EDX] = cpu_model_signature(cpu->model);
    cpu->zero = 0;
    cpu->eip = cpu->insn_ip = 0xfff0;
    cpu->eflags = 2;
    cpu->df = 1;
    cc_set(cpu, 0);
}

static void reset_debug(CPUState *cpu)
{
    memset(cpu->dr, 0, sizeof(cpu->dr));
    cpu->dr[6] = DR6_FIXED_1;
    cpu->dr[7] = DR7_FIXED_1;
    cpu->pending_db = 0;
    cpu_debug_derive(cpu);
}

static void reset_control(CPUState *cpu, uint64_t cr0)
{
    cpu->cr0 = cr0;
    cpu->cr2 = cpu->cr3 = cpu->cr4 = cpu->cr8 = cpu->efer = 0;
    memset(cpu->pdpte, 0, sizeof(cpu->pdpte));
    tlb_flush(cpu, true);
}

/* Processors but the first wait for a start-up IPI. */
static void reset_activity(CPUState *cpu)
{
    cpu->in_smm = cpu->nmi_blocked = false;
    cpu->int_shadow = 0;
    cpu->sipi_vector = 0;
    cpu->halted = cpu->index != 0;
    cpu->exception_index = -1;
    cpu->has_error_code = false;
    cpu->error_code = 0;
    cpu->exception_cr2 = 0;
}

static void reset_msrs(CPUState *cpu)
{
    cpu->sysenter_cs = 0;
    cpu->sysenter_esp = cpu->sysenter_eip = 0;
    cpu->star = cpu->lstar = cpu->cstar = cpu->fmask = cpu->kernel_gs_base = cpu->tsc_aux = 0;
    cpu->tsc_offset = -(uint64_t)qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    cpu->pat = PAT_RESET;
    cpu->mcg_status = cpu->feature_control = cpu->bios_sign_id = 0;
    cpu->misc_enable = MISC_ENABLE_RESET;
    cpu->mtrr_def_type = 0;
    memset(cpu->mtrr_fixed, 0, sizeof(cpu->mtrr_fixed));
    memset(cpu->mtrr_var, 0, sizeof(cpu->mtrr_var));
    cpu->smbase = SMBASE_RESET;
}

/* x87 registers hold +0.0, all tagged zero (FTW 5555h): none is empty. */
static void reset_fpu(CPUState *cpu)
{
    memset(&cpu->fpu, 0, sizeof(cpu->fpu));
    cpu->fpu.cw = FCW_RESET;
    memset(cpu->xmm, 0, sizeof(cpu->xmm));
    memset(cpu->ymmh, 0, sizeof(cpu->ymmh));
    cpu->mxcsr = MXCSR_RESET;
    cpu->xcr0 = 1;
}

static void reset_common(CPUState *cpu, uint64_t cr0)
{
    reset_general(cpu);
    reset_control(cpu, cr0);
    reset_segments(cpu);
    reset_debug(cpu);
    reset_activity(cpu);
    cpu_set_cpl(cpu, 0);
    cpu_mode_derive(cpu);
    tlb_set_align_check(cpu, false);
    cpu_end_block(cpu);
}

void cpu_reset(CPUState *cpu)
{
    cpu->a20_mask = ~0ull;
    cpu->interrupt_request = 0;
    reset_common(cpu, CR0_NW | CR0_CD | CR0_ET);
    reset_msrs(cpu);
    reset_fpu(cpu);
}

void cpu_reset_on_init(CPUState *cpu)
{
    if (cpu->apic) {
        apic_reset_on_init(cpu->apic);
    }
    reset_common(cpu, (cpu->cr0 & (CR0_NW | CR0_CD)) | CR0_ET);
}

/* ---- state ---- */

/* An array of uint64_t, of structs or unions of nothing else, or of several dimensions. */
#define VMSTATE_U64S(type, m)                                                                                     \
    {                                                                                                             \
        .name = #m, .kind = VMS_INT, .offset = offsetof(type, m), .size = 8, .count = VMS_FIELD_SIZE(type, m) / 8 \
    }

static const VMStateField segment_fields[] = {
    VMSTATE_INT(SegmentCache, selector),
    VMSTATE_INT(SegmentCache, attr),
    VMSTATE_INT(SegmentCache, limit),
    VMSTATE_INT(SegmentCache, base),
    VMSTATE_BOOL(SegmentCache, null),
    VMSTATE_DERIVED(SegmentCache, read_end), /* cpu_segment_derive() */
    VMSTATE_DERIVED(SegmentCache, write_end),
    VMSTATE_DERIVED(SegmentCache, linear_base),
    VMSTATE_END,
};
static const VMStateDescription vmstate_segment = { .name = "segment", .version = 1, .fields = segment_fields };

static const VMStateField lazy_flags_fields[] = {
    VMSTATE_INT(LazyFlags, op),
    VMSTATE_INT(LazyFlags, dst),
    VMSTATE_INT(LazyFlags, src),
    VMSTATE_END,
};
static const VMStateDescription vmstate_lazy_flags = { .name = "cc", .version = 1, .fields = lazy_flags_fields };

static const VMStateField floatx80_fields[] = {
    VMSTATE_INT(floatx80, low),
    VMSTATE_INT(floatx80, high),
    VMSTATE_END,
};
static const VMStateDescription vmstate_floatx80 = { .name = "floatx80", .version = 1, .fields = floatx80_fields };

static const VMStateField fpu_fields[] = {
    VMSTATE_STRUCT_ARRAY(FPUState, st, vmstate_floatx80),
    VMSTATE_INT(FPUState, cw),
    VMSTATE_INT(FPUState, sw),
    VMSTATE_INT(FPUState, top),
    VMSTATE_INT(FPUState, tag),
    VMSTATE_INT(FPUState, opcode),
    VMSTATE_INT(FPUState, ip_sel),
    VMSTATE_INT(FPUState, dp_sel),
    VMSTATE_INT(FPUState, ip),
    VMSTATE_INT(FPUState, dp),
    VMSTATE_END,
};
static const VMStateDescription vmstate_fpu = { .name = "fpu", .version = 1, .fields = fpu_fields };

static const VMStateField cpu_fields[] = {
    VMSTATE_INT_ARRAY(CPUState, gpr),
    VMSTATE_DERIVED(CPUState, zero),
    VMSTATE_INT(CPUState, eip),
    VMSTATE_DERIVED(CPUState, insn_ip), /* set before each instruction */
    VMSTATE_STRUCT(CPUState, cc, vmstate_lazy_flags),
    VMSTATE_INT(CPUState, eflags),
    VMSTATE_DERIVED(CPUState, df),
    VMSTATE_INT(CPUState, icount),
    VMSTATE_DERIVED(CPUState, icount_limit), /* the engine's, within a slice */
    VMSTATE_DERIVED(CPUState, insn),
    VMSTATE_DERIVED(CPUState, run_end),
    VMSTATE_DERIVED(CPUState, int_point),
    VMSTATE_DERIVED(CPUState, exit_request),
    VMSTATE_DERIVED(CPUState, jit), /* in use within the engine only */
    VMSTATE_DERIVED(CPUState, fault_jmp),
    VMSTATE_DERIVED(CPUState, fault_to),
    VMSTATE_STRUCT_ARRAY(CPUState, seg, vmstate_segment),
    VMSTATE_INT(CPUState, cpl),
    VMSTATE_DERIVED(CPUState, mmu_mode),
    VMSTATE_DERIVED(CPUState, mode),
    VMSTATE_DERIVED(CPUState, linear_mask), /* follows mode */
    VMSTATE_U64S(CPUState, tlb),
    VMSTATE_DERIVED(CPUState, tlb_fast),
    VMSTATE_DERIVED(CPUState, tlb_recent),
    VMSTATE_DERIVED(CPUState, tlb_recent_used),
    VMSTATE_DERIVED(CPUState, tlb_place),
    VMSTATE_INT(CPUState, fetch_page),
    VMSTATE_INT(CPUState, fetch_phys),
    VMSTATE_INT(CPUState, a20_mask),
    VMSTATE_INT(CPUState, gdt.base),
    VMSTATE_INT(CPUState, gdt.limit),
    VMSTATE_INT(CPUState, idt.base),
    VMSTATE_INT(CPUState, idt.limit),
    VMSTATE_INT(CPUState, cr0),
    VMSTATE_INT(CPUState, cr2),
    VMSTATE_INT(CPUState, cr3),
    VMSTATE_INT(CPUState, cr4),
    VMSTATE_INT(CPUState, cr8),
    VMSTATE_INT(CPUState, efer),
    VMSTATE_INT_ARRAY(CPUState, dr),
    VMSTATE_INT_ARRAY(CPUState, pdpte),
    VMSTATE_INT(CPUState, sysenter_cs),
    VMSTATE_INT(CPUState, sysenter_esp),
    VMSTATE_INT(CPUState, sysenter_eip),
    VMSTATE_INT(CPUState, star),
    VMSTATE_INT(CPUState, lstar),
    VMSTATE_INT(CPUState, cstar),
    VMSTATE_INT(CPUState, fmask),
    VMSTATE_INT(CPUState, kernel_gs_base),
    VMSTATE_INT(CPUState, tsc_aux),
    VMSTATE_INT(CPUState, tsc_offset),
    VMSTATE_INT(CPUState, pat),
    VMSTATE_INT(CPUState, mcg_status),
    VMSTATE_INT(CPUState, misc_enable),
    VMSTATE_INT(CPUState, feature_control),
    VMSTATE_INT(CPUState, bios_sign_id),
    VMSTATE_INT(CPUState, mtrr_def_type),
    VMSTATE_INT_ARRAY(CPUState, mtrr_fixed),
    VMSTATE_U64S(CPUState, mtrr_var),
    VMSTATE_INT(CPUState, smbase),
    VMSTATE_BOOL(CPUState, in_smm),
    VMSTATE_BOOL(CPUState, nmi_blocked),
    VMSTATE_BOOL(CPUState, halted),
    VMSTATE_INT(CPUState, int_shadow),
    VMSTATE_INT(CPUState, interrupt_request),
    VMSTATE_INT(CPUState, sipi_vector),
    VMSTATE_INT(CPUState, pending_db),
    VMSTATE_DERIVED(CPUState, exception_index), /* in flight within one instruction only */
    VMSTATE_DERIVED(CPUState, error_code),
    VMSTATE_DERIVED(CPUState, has_error_code),
    VMSTATE_DERIVED(CPUState, exception_cr2),
    VMSTATE_STRUCT(CPUState, fpu, vmstate_fpu),
    VMSTATE_U64S(CPUState, xmm),
    VMSTATE_U64S(CPUState, ymmh),
    VMSTATE_INT(CPUState, mxcsr),
    VMSTATE_INT(CPUState, xcr0),
    VMSTATE_DERIVED(CPUState, index), /* wiring and -cpu */
    VMSTATE_DERIVED(CPUState, model),
    VMSTATE_DERIVED(CPUState, apic),
    VMSTATE_DERIVED(CPUState, engine_data),
    VMSTATE_DERIVED(CPUState, intr_ack),
    VMSTATE_DERIVED(CPUState, has_breakpoints), /* follows DR7 */
    VMSTATE_DERIVED(CPUState, align_check),
    VMSTATE_DERIVED(CPUState, tlb_index),
    VMSTATE_END,
};

/* Equal states have equal bytes: one form of the flags, nothing left of a forgotten fetch page. */
static void cpu_pre_save(void *opaque)
{
    CPUState *cpu = opaque;
    cc_materialize(cpu);
    cpu->eflags &= ~CC_ALL;
    cpu->fetch_phys = cpu->fetch_page ? cpu->fetch_phys : 0;
}

static bool cpu_state_possible(const CPUState *cpu, Error **errp)
{
    bool flags = cpu->cc.op == 0 && (cpu->eflags & 2);
    bool control = (cpu->cr0 & CR0_PE || !(cpu->cr0 & CR0_PG)) && (cpu->a20_mask | 1 << 20) == ~0ull;
    if (!flags || !control || cpu->cpl > 3 || cpu->fpu.top > 7 || cpu->icount < 0) {
        error_setg(errp, "cpu %d: impossible register state", cpu->index);
        return false;
    }
    if (!tlb_entries_valid(cpu) || (cpu->fetch_page && (cpu->fetch_page & ~PAGE_MASK) != TLB_VALID) ||
        (cpu->fetch_phys & ~PAGE_MASK)) {
        error_setg(errp, "cpu %d: impossible TLB state", cpu->index);
        return false;
    }
    return true;
}

static bool cpu_post_load(void *opaque, Error **errp)
{
    CPUState *cpu = opaque;
    if (!cpu_state_possible(cpu, errp)) {
        return false;
    }
    cpu->zero = 0;
    cpu->df = cpu->eflags & DF_MASK ? -1 : 1;
    cpu->insn_ip = cpu->eip;
    cpu->exception_index = -1;
    cpu->mmu_mode = cpu->cpl == 3 ? MMU_USER : MMU_KERNEL;
    cpu_mode_derive(cpu);
    for (int seg = 0; seg < CPU_NB_SEGS; seg++) {
        cpu_segment_derive(cpu, seg);
        seg_forget_loaded(cpu, seg);
    }
    cpu->align_check = (cpu->cr0 & CR0_AM) && (cpu->eflags & AC_MASK) && cpu->cpl == 3;
    cpu_debug_derive(cpu);
    return true;
}

const VMStateDescription vmstate_cpu = {
    .name = "cpu", .version = 1, .fields = cpu_fields, .pre_save = cpu_pre_save, .post_load = cpu_post_load
};

uint64_t cpu_digest(CPUState *cpu)
{
    return vmstate_digest_object(&vmstate_cpu, cpu);
}

/* ---- info registers ---- */

typedef struct DumpSink {
    InfoPrint *print;
    void *opaque;
} DumpSink;

static void QEMU_PRINTF(2, 3) dump(const DumpSink *sink, const char *fmt, ...)
{
    char line[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    sink->print(sink->opaque, line);
}

static void dump_flags(CPUState *cpu, const DumpSink *s, const char *ip)
{
    uint32_t f = cpu_get_eflags(cpu);
    dump(s, "%s %s=%08x [%c%c%c%c%c%c%c] CPL=%d II=%d A20=%d SMM=%d HLT=%d", ip, cpu_code64(cpu) ? "RFL" : "EFL", f,
         f & DF_MASK ? 'D' : '-', f & CC_O ? 'O' : '-', f & CC_S ? 'S' : '-', f & CC_Z ? 'Z' : '-',
         f & CC_A ? 'A' : '-', f & CC_P ? 'P' : '-', f & CC_C ? 'C' : '-', cpu->cpl, cpu->int_shadow != 0,
         (int)(cpu->a20_mask >> 20 & 1), cpu->in_smm, cpu->halted);
}

static void dump_general32(CPUState *cpu, const DumpSink *s)
{
    const uint64_t *r = cpu->gpr;
    char ip[32];
    dump(s, "EAX=%08x EBX=%08x ECX=%08x EDX=%08x", (uint32_t)r[R_EAX], (uint32_t)r[R_EBX], (uint32_t)r[R_ECX],
         (uint32_t)r[R_EDX]);
    dump(s, "ESI=%08x EDI=%08x EBP=%08x ESP=%08x", (uint32_t)r[R_ESI], (uint32_t)r[R_EDI], (uint32_t)r[R_EBP],
         (uint32_t)r[R_ESP]);
    snprintf(ip, sizeof(ip), "EIP=%08x", (uint32_t)cpu->eip);
    dump_flags(cpu, s, ip);
}

static void dump_general64(CPUState *cpu, const DumpSink *s)
{
    static const struct {
        const char *name;
        int number;
    } order[16] = { { "RAX", R_EAX }, { "RBX", R_EBX }, { "RCX", R_ECX }, { "RDX", R_EDX },
                    { "RSI", R_ESI }, { "RDI", R_EDI }, { "RBP", R_EBP }, { "RSP", R_ESP },
                    { "R8 ", 8 },     { "R9 ", 9 },     { "R10", 10 },    { "R11", 11 },
                    { "R12", 12 },    { "R13", 13 },    { "R14", 14 },    { "R15", 15 } };
    char ip[32];
    for (int i = 0; i < 16; i += 4) {
        dump(s, "%s=%016" PRIx64 " %s=%016" PRIx64 " %s=%016" PRIx64 " %s=%016" PRIx64, order[i].name,
             cpu->gpr[order[i].number], order[i + 1].name, cpu->gpr[order[i + 1].number], order[i + 2].name,
             cpu->gpr[order[i + 2].number], order[i + 3].name, cpu->gpr[order[i + 3].number]);
    }
    snprintf(ip, sizeof(ip), "RIP=%016" PRIx64, cpu->eip);
    dump_flags(cpu, s, ip);
}

static int address_digits(const CPUState *cpu)
{
    return cpu_long_mode(cpu) ? 16 : 8;
}

static const char *code_size(const CPUState *cpu, uint16_t attr)
{
    return (attr & SEG_L) && cpu_long_mode(cpu) ? "CS64" : attr & SEG_DB ? "CS32" : "CS16";
}

static const char *system_type(const CPUState *cpu, uint16_t attr)
{
    static const char *const names[2][16] = {
        { "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16", "Reserved",
          "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32" },
        { "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved",
          "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64", "TrapGate64" },
    };
    return names[cpu_long_mode(cpu)][SEG_TYPE(attr)];
}

/* " DPL=0 CS32 [CRA]" for a present segment of protected mode, else nothing. */
static void segment_text(const CPUState *cpu, uint16_t attr, char *text, size_t size)
{
    if (!(cpu->cr0 & CR0_PE) || !(attr & SEG_P)) {
        text[0] = 0;
    } else if (!(attr & SEG_S)) {
        snprintf(text, size, " DPL=%d %s", SEG_DPL(attr), system_type(cpu, attr));
    } else if (attr & SEG_CODE) {
        snprintf(text, size, " DPL=%d %s [%c%c%c]", SEG_DPL(attr), code_size(cpu, attr), attr & SEG_CE ? 'C' : '-',
                 attr & SEG_RW ? 'R' : '-', attr & SEG_A ? 'A' : '-');
    } else {
        snprintf(text, size, " DPL=%d %s [%c%c%c]", SEG_DPL(attr), attr & SEG_DB || cpu_long_mode(cpu) ? "DS" : "DS16",
                 attr & SEG_CE ? 'E' : '-', attr & SEG_RW ? 'W' : '-', attr & SEG_A ? 'A' : '-');
    }
}

static void dump_segments(CPUState *cpu, const DumpSink *s)
{
    static const char *const names[CPU_NB_SEGS] = { "ES ", "CS ", "SS ", "DS ", "FS ", "GS ", "LDT", "TR " };
    int digits = address_digits(cpu);
    char text[64];
    for (int i = 0; i < CPU_NB_SEGS; i++) {
        const SegmentCache *seg = &cpu->seg[i];
        segment_text(cpu, seg->attr, text, sizeof(text));
        dump(s, "%s=%04x %0*" PRIx64 " %08x %08x%s", names[i], seg->selector, digits, seg->base, seg->limit,
             (uint32_t)seg->attr << 8, text);
    }
    dump(s, "GDT=     %0*" PRIx64 " %08x", digits, cpu->gdt.base, cpu->gdt.limit);
    dump(s, "IDT=     %0*" PRIx64 " %08x", digits, cpu->idt.base, cpu->idt.limit);
}

static void dump_control(CPUState *cpu, const DumpSink *s)
{
    int digits = address_digits(cpu);
    dump(s, "CR0=%08x CR2=%0*" PRIx64 " CR3=%0*" PRIx64 " CR4=%08x", (uint32_t)cpu->cr0, digits, cpu->cr2, digits,
         cpu->cr3, (uint32_t)cpu->cr4);
    dump(s, "DR0=%0*" PRIx64 " DR1=%0*" PRIx64 " DR2=%0*" PRIx64 " DR3=%0*" PRIx64, digits, cpu->dr[0], digits,
         cpu->dr[1], digits, cpu->dr[2], digits, cpu->dr[3]);
    dump(s, "DR6=%0*" PRIx64 " DR7=%0*" PRIx64, digits, cpu->dr[6], digits, cpu->dr[7]);
    dump(s, "EFER=%016" PRIx64, cpu->efer);
}

static void dump_fpu(CPUState *cpu, const DumpSink *s)
{
    const FPUState *f = &cpu->fpu;
    int xmm = cpu_code64(cpu) ? 16 : 8;
    dump(s, "FCW=%04x FSW=%04x [ST=%d] FTW=%02x MXCSR=%08x", f->cw, f->sw | f->top << 11, f->top, (uint8_t)~f->tag,
         cpu->mxcsr);
    for (int i = 0; i < 8; i += 2) {
        dump(s, "FPR%d=%016" PRIx64 " %04x FPR%d=%016" PRIx64 " %04x", i, f->st[i].low, f->st[i].high, i + 1,
             f->st[i + 1].low, f->st[i + 1].high);
    }
    for (int i = 0; i < xmm; i += 2) {
        dump(s, "XMM%02d=%016" PRIx64 " %016" PRIx64 " XMM%02d=%016" PRIx64 " %016" PRIx64, i, cpu->xmm[i].q[1],
             cpu->xmm[i].q[0], i + 1, cpu->xmm[i + 1].q[1], cpu->xmm[i + 1].q[0]);
    }
}

void cpu_dump_state(CPUState *cpu, InfoPrint *print, void *opaque)
{
    DumpSink sink = { print, opaque };
    if (cpu_code64(cpu)) {
        dump_general64(cpu, &sink);
    } else {
        dump_general32(cpu, &sink);
    }
    dump_segments(cpu, &sink);
    dump_control(cpu, &sink);
    dump_fpu(cpu, &sink);
}
