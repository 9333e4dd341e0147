/*
 * accel/interp/interp.h  The interpreter's loop for other engines: they run whole blocks their own way, and leave to it
 * everything that happens between blocks (traps, interrupts, exits, single instructions) and faults.
 */
#ifndef ACCEL_INTERP_INTERP_H
#define ACCEL_INTERP_INTERP_H

#include "accel/engine.h"
#include "accel/interp/block-cache.h"

typedef struct BlockRunner {
    /*
     * Run the block at CS:EIP, and what follows as far as one likes; or nothing, when the next call will. The state is
     * precise afterwards. Returns the block that ran last, for the guess which one follows, or NULL.
     */
    Block *(*run)(CPUState *cpu, Block *block);
    /* cpu_raise() came out of run(): CPUState is what the fault found, but for what the engine keeps elsewhere. May be
     * NULL. */
    void (*fault)(CPUState *cpu);
} BlockRunner;

ExitReason interp_exec_with(CPUState *cpu, int64_t budget, const BlockRunner *runner);
/* The interpreter's own way. */
Block *interp_run_block(CPUState *cpu, Block *block);
/* Is there anything to be done between two instructions, other than run the next one? */
bool interp_must_look(const CPUState *cpu);
/* The block whose instruction runs, or NULL: a store into it ends it. */
void interp_set_running(const Block *block);
/* After a block: was a REP instruction left half-way? */
void interp_note_unfinished(CPUState *cpu);
void interp_invalidate(CPUState *cpu, ram_addr_t addr, uint64_t len);
void interp_flush(CPUState *cpu);
void interp_init_cpu(CPUState *cpu);

#endif
