/* target/i386/flags.c  EFLAGS as a whole: the lazy arithmetic flags (flags.h) together with the system flags. */
#include "target/i386/flags.h"

uint32_t cpu_get_eflags(CPUState *cpu)
{
    return eflags_get(cpu);
}

void cpu_set_eflags(CPUState *cpu, uint32_t eflags)
{
    eflags_set(cpu, eflags);
}
