/*
 * accel/interp/trace.h  Hooks of the interpreter for -d in_asm, exec and cpu. They look and never touch: no TLB entry
 * is filled, no state changed.
 */
#ifndef ACCEL_INTERP_TRACE_H
#define ACCEL_INTERP_TRACE_H

#include "accel/interp/block-cache.h"

typedef struct InterpTrace {
    void (*decoded)(CPUState *cpu, const Block *block);  /* a new block at CS:EIP */
    void (*executes)(CPUState *cpu, const Block *block); /* it is about to run */
} InterpTrace;

/* NULL where nobody wants to know; does not change while a CPU runs. interp.c */
extern InterpTrace interp_trace;

/* Install what the log's items ask for: the interpreter's hooks, interrupts, accesses to nothing. */
void trace_install(void);

#endif
