/*
 * target/i386/eflags.c  PUSHF, POPF, CLI, STI, and who may change which flag. SDM volume 2; 3A 20.3-20.4 (VME, PVI).
 */
#include "target/i386/flags.h"
#include "target/i386/handlers-sys.h"
#include "target/i386/seg.h"

#define ARITH_FLAGS (CC_ALL | TF_MASK | DF_MASK | NT_MASK)

void flags_commit(CPUState *cpu, uint32_t eflags)
{
    eflags_set(cpu, eflags & EFLAGS_VALID);
    cpu_mode_derive(cpu);
    cpu_alignment_derive(cpu);
}

/* Does IF belong to the monitor here, so that VIF stands for it? */
static bool virtual_if(const CPUState *cpu)
{
    if (!(cpu->cr0 & CR0_PE) || cpu_iopl(cpu) == 3 || cpu->cpl != 3) {
        return false;
    }
    return cpu->cr4 & (cpu->eflags & VM_MASK ? CR4_VME : CR4_PVI);
}

void flags_check_virtual_interrupt(CPUState *cpu)
{
    if ((cpu->eflags & (VIF_MASK | VIP_MASK)) == (VIF_MASK | VIP_MASK) && virtual_if(cpu)) {
        cpu->insn_ip = cpu->eip;
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

/* IOPL 3, or the 16-bit forms with VME: otherwise v86 mode may not. */
static void check_v86_iopl(CPUState *cpu, unsigned size)
{
    if (cpu_v86(cpu) && cpu_iopl(cpu) < 3 && !(size == 2 && (cpu->cr4 & CR4_VME))) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

static bool v86_virtual(const CPUState *cpu)
{
    return cpu_v86(cpu) && cpu_iopl(cpu) < 3;
}

static void pushf(CPUState *cpu, const DecodedInsn *d)
{
    unsigned size = insn_op_bytes(d);
    check_v86_iopl(cpu, size);
    uint64_t eflags = eflags_get(cpu) & ~(VM_MASK | RF_MASK);
    if (v86_virtual(cpu)) {
        eflags = (eflags & ~(uint64_t)IF_MASK) | IOPL_MASK | (eflags & VIF_MASK ? IF_MASK : 0);
    }
    Stack st;
    stack_present(cpu, &st);
    stack_push(cpu, &st, &eflags, 1, size);
    cpu->gpr[R_ESP] = st.sp;
}

/* Bits that POPF may change. RF is cleared by the 32- and 64-bit forms in any case. */
static uint32_t popf_mask(const CPUState *cpu, unsigned size)
{
    uint32_t mask = ARITH_FLAGS;
    if (size >= 4) {
        mask |= AC_MASK | ID_MASK;
    }
    if (cpu->cpl == 0) {
        mask |= IOPL_MASK;
    }
    if (cpu->cpl <= cpu_iopl(cpu)) {
        mask |= IF_MASK;
    }
    return mask;
}

static uint32_t popf_virtual(CPUState *cpu, uint32_t image, uint32_t old)
{
    if ((image & TF_MASK) || ((image & IF_MASK) && (old & VIP_MASK))) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    uint32_t eflags = (image & ARITH_FLAGS) | (old & ~(ARITH_FLAGS | VIF_MASK));
    return eflags | (image & IF_MASK ? VIF_MASK : 0);
}

static void popf(CPUState *cpu, const DecodedInsn *d)
{
    unsigned size = insn_op_bytes(d);
    check_v86_iopl(cpu, size);
    uint32_t old = eflags_get(cpu), eflags;
    uint32_t image = stack_peek(cpu, 0, size);
    if (v86_virtual(cpu)) {
        eflags = popf_virtual(cpu, image, old);
    } else {
        uint32_t mask = popf_mask(cpu, size);
        eflags = (image & mask) | (old & ~mask);
    }
    if (size >= 4) {
        eflags &= ~RF_MASK;
    }
    stack_release(cpu, size);
    flags_commit(cpu, eflags);
    cpu_interrupt_point(cpu);
}

static bool may_change_if(const CPUState *cpu)
{
    return cpu->cpl <= cpu_iopl(cpu);
}

static void cli_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    if (may_change_if(cpu)) {
        cpu->eflags &= ~IF_MASK;
    } else if (virtual_if(cpu)) {
        cpu->eflags &= ~VIF_MASK;
    } else {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

/* The instruction after an STI that opened the window still runs first. */
static void sti_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    if (may_change_if(cpu)) {
        if (!(cpu->eflags & IF_MASK)) {
            cpu->int_shadow = SHADOW_STI;
        }
        cpu->eflags |= IF_MASK;
        cpu_interrupt_point(cpu);
    } else if (virtual_if(cpu) && !(cpu->eflags & VIP_MASK)) {
        cpu->eflags |= VIF_MASK;
    } else {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

const InsnHandlers pushf_F = HANDLERS_ALL(pushf);
const InsnHandlers popf_F = HANDLERS_ALL(popf);
const InsnHandlers cli = HANDLERS_ALL(cli_insn);
const InsnHandlers sti = HANDLERS_ALL(sti_insn);
