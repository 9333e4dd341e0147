/* accel/engine.h  What runs guest code. The rules: docs/cpu.md. */
#ifndef ACCEL_ENGINE_H
#define ACCEL_ENGINE_H

#include "target/i386/cpu.h"
#include "util/info.h"

typedef enum ExitReason {
    EXIT_BUDGET,  /* icount reached icount_limit */
    EXIT_REQUEST, /* exit_request was set, or a device asked for the loop (deadline moved, reset or shutdown requested)
                   */
    EXIT_HALT,    /* cpu->halted */
    EXIT_DEBUG    /* debugger's breakpoint, watchpoint or step */
} ExitReason;

typedef struct ExecEngine {
    const char *name; /* "interp", "jit" */
    void (*init_cpu)(CPUState *cpu);
    /*
     * Retire at most `budget` >= 1 instructions. Between instructions, where docs/cpu.md allows (after I/O, after the
     * interrupt window opens), takes interrupts itself. On return the state is precise and icount exact.
     * vCPU thread, machine_lock held.
     */
    ExitReason (*exec)(CPUState *cpu, int64_t budget);
    void (*invalidate)(CPUState *cpu, ram_addr_t addr, uint64_t len); /* code bytes are about to change */
    void (*flush)(CPUState *cpu);                                     /* forget all decoded code */
    void (*info)(CPUState *cpu, InfoPrint *print, void *opaque);
} ExecEngine;

extern const ExecEngine interp_engine;
const ExecEngine *current_engine(void); /* cpus.c */

#endif
