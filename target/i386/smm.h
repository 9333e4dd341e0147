/* target/i386/smm.h  System management mode. Implemented in smm.c. */
#ifndef TARGET_I386_SMM_H
#define TARGET_I386_SMM_H

#include "target/i386/cpu.h"

/* Set by the board: the CPU enters or leaves SMM; it maps or hides SMRAM. Called before the save area is written, and
 * after it is read. */
extern void (*cpu_smm_changed)(CPUState *cpu, bool in_smm);
/* An SMI is taken. halted: the CPU waited in HLT. */
void cpu_enter_smm(CPUState *cpu, bool halted);
/* RSM. Registers that the processor cannot have shut it down. */
void cpu_leave_smm(CPUState *cpu);

#endif
