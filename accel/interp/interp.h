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
     * Run the block at CS:EIP, and what follows as far as one likes; or nothing, when the next call will. RF ends with
     * the first instruction: it is cleared when that is sure to run, not before. The state is precise afterwards.
     * Returns the block that ran last, for the guess which one follows, or NULL.
     */
    Block *(*run)(CPUState *cpu, Block *block);
    /*
     * The same without a decoded block, after an interrupt or a fault mostly; *last is the one that ran last, or NULL.
     * False: that was impossible. May be NULL.
     */
    bool (*enter)(CPUState *cpu, Block **last);
    /* cpu_raise() came out of run(): CPUState is what the fault found, but for what the engine keeps elsewhere. May be
     * NULL. */
    void (*fault)(CPUState *cpu);
} BlockRunner;

ExitReason interp_exec_with(CPUState *cpu, int64_t budget, const BlockRunner *runner);
/* The interpreter's own way. */
Block *interp_run_block(CPUState *cpu, Block *block);
/* Is there anything to be done between two instructions, other than run the next one? */
static inline bool interp_must_look(const CPUState *cpu)
{
    uint32_t events = (cpu->eflags & TF_MASK) | cpu->pending_db | cpu->int_point | cpu->int_shadow |
                      cpu->has_breakpoints | cpu->halted;
    return events | g_atomic_int_get(&cpu->exit_request) || cpu->icount >= cpu->icount_limit;
}
/* The block whose instruction runs, or NULL: a store into it ends it. */
void interp_set_running(const Block *block);
/* After a block: was a REP instruction left half-way? */
void interp_note_unfinished(CPUState *cpu);
void interp_invalidate(CPUState *cpu, ram_addr_t addr, uint64_t len);
void interp_flush(CPUState *cpu);
void interp_init_cpu(CPUState *cpu);

#endif
