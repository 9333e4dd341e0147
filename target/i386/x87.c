/*
 * target/i386/x87.c  x87 exceptions (SDM 1, 8.4-8.7): when they are noted, when they are reported, and the legacy way
 * over FERR# and IRQ 13. Also EMMS.
 *
 * An unmasked exception is reported by the next waiting instruction. With CR0.NE = 1 as #MF. With CR0.NE = 0 FERR# has
 * been asserted when the exception arose; the waiting instruction then makes no progress until an interrupt (IRQ 13, as
 * a rule) is taken: it retires again and again without effect, so that virtual time passes, and each time interrupts
 * are looked at.
 */
#include "target/i386/x87.h"
#include "target/i386/x87-common.h"

void (*cpu_ferr_hook)(CPUState *cpu);
bool (*cpu_ignne_hook)(CPUState *cpu);

bool x87_ferr(const CPUState *cpu)
{
    return (cpu->fpu.sw & FSW_ES) && !(cpu->cr0 & CR0_NE);
}

static void ferr_changed(CPUState *cpu)
{
    if (cpu_ferr_hook) {
        cpu_ferr_hook(cpu);
    }
    if (!(cpu->cr0 & CR0_NE)) {
        cpu_interrupt_point(cpu);
    }
}

void x87_update_summary(CPUState *cpu)
{
    FPUState *f = &cpu->fpu;
    bool before = f->sw & FSW_ES, now = f->sw & ~f->cw & FSW_FLAGS;
    f->sw = (uint16_t)((f->sw & ~(FSW_ES | FSW_B)) | (now ? FSW_ES | FSW_B : 0));
    if (now != before) {
        ferr_changed(cpu);
    }
}

bool x87_report_pending(CPUState *cpu)
{
    if (cpu->cr0 & CR0_NE) {
        cpu_raise_noerr(cpu, EXCP_MF);
    }
    if (!cpu_ferr_hook || (cpu_ignne_hook && cpu_ignne_hook(cpu))) {
        return true;
    }
    cpu->eip = cpu->insn_ip;
    cpu_interrupt_point(cpu);
    return false;
}

bool x87_enter_slow(CPUState *cpu)
{
    if (cpu->cr0 & (CR0_EM | CR0_TS)) {
        cpu_raise_noerr(cpu, EXCP_NM);
    }
    return x87_report_pending(cpu);
}

/* C1 tells the direction of rounding only if the result was made. */
bool x87_raise(CPUState *cpu, const FloatStatus *s)
{
    FPUState *f = &cpu->fpu;
    bool before = s->flags & ~f->cw & FLAGS_BEFORE;
    f->sw |= before ? s->flags & FLAGS_BEFORE : s->flags;
    if (!before && s->rounded_up) {
        f->sw |= FSW_C1;
    }
    x87_update_summary(cpu);
    return !before;
}

bool x87_stack_fault(CPUState *cpu, bool overflow)
{
    FPUState *f = &cpu->fpu;
    f->sw = (uint16_t)((f->sw & ~FSW_C1) | FLOAT_FLAG_INVALID | FSW_SF | (overflow ? FSW_C1 : 0));
    x87_update_summary(cpu);
    return f->cw & FLOAT_FLAG_INVALID;
}

void x87_emms(CPUState *cpu)
{
    cpu->fpu.top = 0;
    cpu->fpu.tag = 0xff;
}
