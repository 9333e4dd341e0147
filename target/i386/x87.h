/* target/i386/x87.h  What the rest of the processor and the board need to know of the x87 (x87.c). */
#ifndef TARGET_I386_X87_H
#define TARGET_I386_X87_H

#include "target/i386/cpu.h"

/*
 * Legacy error reporting, CR0.NE = 0 (SDM 1, appendix D). FERR# is asserted while an unmasked exception is pending: the
 * hook is called whenever that changes and reads the level from x87_ferr(). The board turns it into IRQ 13, and answers
 * through cpu_ignne_hook whether IGNNE# is active (after a write to port F0h, until FERR# falls). Without a hook errors
 * are ignored.
 */
extern void (*cpu_ferr_hook)(CPUState *cpu);
extern bool (*cpu_ignne_hook)(CPUState *cpu);
bool x87_ferr(const CPUState *cpu);

/*
 * What a waiting x87 instruction, and every MMX instruction, does first when an exception is pending: #MF, or with
 * CR0.NE = 0 false: the processor stands still at this instruction until an interrupt comes; the handler must return
 * and do nothing. True: go on.
 */
bool x87_report_pending(CPUState *cpu);

/* The x87 part of an FXSAVE or XSAVE area at linear address la, which the caller has checked: bytes 0-23 and 32-159. */
void x87_store_image(CPUState *cpu, const DecodedInsn *d, uint64_t la);
void x87_load_image(CPUState *cpu, const DecodedInsn *d, uint64_t la);

/* FNINIT: all but the contents of the registers. */
void x87_init(CPUState *cpu);
/* EMMS: all registers empty. */
void x87_emms(CPUState *cpu);

#endif
