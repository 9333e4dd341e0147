/* target/i386/flags.c  EFLAGS as a whole: the lazy arithmetic flags (flags.h) together with the system flags. */
#include "target/i386/flags.h"

uint32_t cpu_get_eflags(CPUState *cpu)
{
    return (cpu->eflags & ~CC_ALL) | cc_get(cpu) | 2;
}

void cpu_set_eflags(CPUState *cpu, uint32_t eflags)
{
    cc_set(cpu, eflags);
    cpu->eflags = (eflags & ~CC_ALL) | 2;
    cpu->df = eflags & DF_MASK ? -1 : 1;
}
