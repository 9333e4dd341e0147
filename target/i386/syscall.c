/*
 * target/i386/syscall.c  Fast system calls and the bases of FS and GS: SYSENTER, SYSEXIT, SYSCALL, SYSRET, SWAPGS,
 * RDFSBASE and its like. SDM volume 2 and 3A 5.8.7, 5.8.8; AMD64 manual volume 3.
 *
 * The two vendors differ, and the model's vendor decides:
 *   SYSCALL, SYSRET    Intel: 64-bit mode only. AMD: also compatibility mode (CSTAR) and legacy protected mode (STAR).
 *   SYSENTER, SYSEXIT  Intel: everywhere in protected mode. AMD: not in long mode.
 *   SYSRET             Intel: loads all of SS, and checks RCX while still at level 0. AMD: changes only SS's selector,
 *                      and a RIP that is not canonical faults when it is fetched from.
 */
#include "target/i386/cpuid.h"
#include "target/i386/debug.h"
#include "target/i386/flags.h"
#include "target/i386/handlers-sys.h"
#include "target/i386/seg.h"

#define FLAT_CODE (SEG_G | SEG_P | SEG_S | SEG_CODE | SEG_RW | SEG_A)
#define FLAT_DATA (SEG_G | SEG_DB | SEG_P | SEG_S | SEG_RW | SEG_A)

/*
 * Code and stack as these instructions make them, flat, whatever the descriptor tables say. The mode follows with
 * cpu_set_cpl(), after the flags too.
 */
static void load_flat(CPUState *cpu, int seg, uint16_t selector, unsigned cpl, uint16_t attr)
{
    SegmentCache s = { .selector = (selector & 0xfffc) | cpl, .attr = attr | cpl << 5, .limit = 0xffffffff };
    seg_set(cpu, seg, &s);
}

static void load_flat_code(CPUState *cpu, uint16_t cs, unsigned cpl, bool code64)
{
    load_flat(cpu, R_CS, cs, cpl, FLAT_CODE | (code64 ? SEG_L : SEG_DB));
}

static void load_flat_stack(CPUState *cpu, uint16_t ss, unsigned cpl)
{
    load_flat(cpu, R_SS, ss, cpl, FLAT_DATA);
}

/* ---- SYSENTER, SYSEXIT ---- */

static void sysenter_check(CPUState *cpu)
{
    if (cpu_long_mode(cpu) && cpu_model_is_amd(cpu->model)) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
    if (!(cpu->cr0 & CR0_PE) || (cpu->sysenter_cs & 0xfffc) == 0) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

static void sysenter_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    sysenter_check(cpu);
    uint16_t cs = (uint16_t)cpu->sysenter_cs;
    bool wide = cpu_long_mode(cpu);
    eflags_set(cpu, eflags_get(cpu) & ~(VM_MASK | IF_MASK | RF_MASK));
    load_flat_code(cpu, cs, 0, wide);
    load_flat_stack(cpu, (cs & 0xfffc) + 8, 0);
    cpu_set_cpl(cpu, 0);
    cpu->gpr[R_ESP] = wide ? cpu->sysenter_esp : (uint32_t)cpu->sysenter_esp;
    cpu->eip = wide ? cpu->sysenter_eip : (uint32_t)cpu->sysenter_eip;
}

static void sysexit_insn(CPUState *cpu, const DecodedInsn *d)
{
    sysenter_check(cpu);
    cpu_require_cpl0(cpu);
    uint16_t cs = cpu->sysenter_cs & 0xfffc;
    bool wide = insn_op_bytes(d) == 8;
    uint64_t ip = cpu->gpr[R_EDX], sp = cpu->gpr[R_ECX];
    if (wide) {
        cpu_require_canonical(cpu, ip);
        cpu_require_canonical(cpu, sp);
    }
    load_flat_code(cpu, cs + (wide ? 32 : 16), 3, wide);
    load_flat_stack(cpu, cs + (wide ? 40 : 24), 3);
    cpu_set_cpl(cpu, 3);
    cpu->gpr[R_ESP] = wide ? sp : (uint32_t)sp;
    cpu->eip = wide ? ip : (uint32_t)ip;
}

/* ---- SYSCALL, SYSRET ---- */

static void syscall_check(CPUState *cpu)
{
    bool mode_ok = cpu_model_is_amd(cpu->model) ? cpu_protected(cpu) : cpu_code64(cpu);
    if (!(cpu->efer & EFER_SCE) || !mode_ok) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
}

static void syscall_long(CPUState *cpu)
{
    uint32_t eflags = eflags_get(cpu) & ~RF_MASK;
    uint64_t target = cpu_code64(cpu) ? cpu->lstar : cpu->cstar;
    cpu->gpr[R_ECX] = cpu->eip;
    cpu->gpr[11] = eflags;
    eflags_set(cpu, eflags & ~(uint32_t)cpu->fmask);
    load_flat_code(cpu, cpu->star >> 32, 0, true);
    cpu->eip = target;
}

/* AMD's, outside long mode. */
static void syscall_legacy(CPUState *cpu)
{
    cpu->gpr[R_ECX] = (uint32_t)cpu->eip;
    eflags_set(cpu, eflags_get(cpu) & ~(IF_MASK | RF_MASK | VM_MASK));
    load_flat_code(cpu, cpu->star >> 32, 0, false);
    cpu->eip = (uint32_t)cpu->star;
}

static void syscall_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    syscall_check(cpu);
    uint16_t cs = (cpu->star >> 32) & 0xfffc;
    if (cpu_long_mode(cpu)) {
        syscall_long(cpu);
    } else {
        syscall_legacy(cpu);
    }
    load_flat_stack(cpu, cs + 8, 0);
    cpu_set_cpl(cpu, 0);
}

static void sysret_stack(CPUState *cpu, uint16_t ss)
{
    if (cpu_model_is_amd(cpu->model)) {
        cpu->seg[R_SS].selector = ss | 3;
    } else {
        load_flat_stack(cpu, ss, 3);
    }
}

/* TF comes into force at once: the trap stands for the end of the SYSCALL (AMD64 manual volume 2, 13.1.4). */
static void sysret_flags(CPUState *cpu)
{
    uint32_t keep = VM_MASK | RF_MASK, eflags = eflags_get(cpu);
    if (cpu_long_mode(cpu)) {
        eflags_set(cpu, (uint32_t)cpu->gpr[11] & EFLAGS_VALID & ~keep);
    } else {
        eflags_set(cpu, eflags | IF_MASK);
    }
    if (cpu->eflags & TF_MASK) {
        cpu->pending_db |= DR6_BS;
    }
}

static void sysret_insn(CPUState *cpu, const DecodedInsn *d)
{
    bool wide = insn_op_bytes(d) == 8;
    uint64_t ip = cpu->gpr[R_ECX];
    syscall_check(cpu);
    cpu_require_cpl0(cpu);
    if (wide && !cpu_model_is_amd(cpu->model)) {
        cpu_require_canonical(cpu, ip);
    }
    uint16_t cs = (cpu->star >> 48) & 0xfffc;
    sysret_flags(cpu);
    load_flat_code(cpu, cs + (wide ? 16 : 0), 3, wide);
    sysret_stack(cpu, cs + 8);
    cpu_set_cpl(cpu, 3);
    cpu->eip = wide ? ip : (uint32_t)ip;
    cpu_interrupt_point(cpu);
}

/* ---- bases ---- */

static void set_base(CPUState *cpu, int seg, uint64_t base)
{
    cpu->seg[seg].base = base;
    cpu_segment_derive(cpu, seg);
}

static void swapgs_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu_require_cpl0(cpu);
    uint64_t base = cpu->seg[R_GS].base;
    set_base(cpu, R_GS, cpu->kernel_gs_base);
    cpu->kernel_gs_base = base;
}

static void check_fsgsbase(CPUState *cpu)
{
    if (!(cpu->cr4 & CR4_FSGSBASE)) {
        cpu_raise_noerr(cpu, EXCP_UD);
    }
}

static void read_base(CPUState *cpu, const DecodedInsn *d, int seg)
{
    check_fsgsbase(cpu);
    uint64_t base = cpu->seg[seg].base;
    set_reg64(cpu, d->rm, insn_op_bytes(d) == 8 ? base : (uint32_t)base);
}

static void write_base(CPUState *cpu, const DecodedInsn *d, int seg)
{
    check_fsgsbase(cpu);
    uint64_t base = insn_op_bytes(d) == 8 ? reg64(cpu, d->rm) : reg32(cpu, d->rm);
    cpu_require_canonical(cpu, base);
    set_base(cpu, seg, base);
}

#define BASE_HANDLERS(name, seg)                                          \
    static void rd##name##_insn(CPUState *cpu, const DecodedInsn *d)      \
    {                                                                     \
        read_base(cpu, d, seg);                                           \
    }                                                                     \
    const InsnHandlers rd##name##base_Ry = HANDLERS_ALL(rd##name##_insn); \
    static void wr##name##_insn(CPUState *cpu, const DecodedInsn *d)      \
    {                                                                     \
        write_base(cpu, d, seg);                                          \
    }                                                                     \
    const InsnHandlers wr##name##base_Ry = HANDLERS_ALL(wr##name##_insn);
BASE_HANDLERS(fs, R_FS)
BASE_HANDLERS(gs, R_GS)

const InsnHandlers sysenter = HANDLERS_ALL(sysenter_insn);
const InsnHandlers sysexit = HANDLERS_ALL(sysexit_insn);
const InsnHandlers syscall_ = HANDLERS_ALL(syscall_insn);
const InsnHandlers sysret_ = HANDLERS_ALL(sysret_insn);
const InsnHandlers swapgs = HANDLERS_ALL(swapgs_insn);
