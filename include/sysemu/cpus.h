/*
 * sysemu/cpus.h  The vCPU thread, the two locks, and time as instruction count. Implemented in cpus.c.
 *
 * Lock order: replay_mutex, then the BQL. Both are fair (FIFO); a waiter makes the vCPU end its slice at the next
 * block.
 */
#ifndef SYSEMU_CPUS_H
#define SYSEMU_CPUS_H

#include "util/error.h"
#include "util/option.h"

/* Take both locks in order: whoever holds them may touch the machine. Not recursive. */
void machine_lock(void);
void machine_unlock(void);
bool machine_locked(void); /* by this thread */
void bql_lock(void);
void bql_unlock(void);
void replay_mutex_lock(void); /* asserts that the BQL is not held */
void replay_mutex_unlock(void);
bool replay_mutex_locked(void);

/* Make the vCPU thread leave its slice (or its sleep) soon. Any thread, no locks needed. Leaves no trace in the guest.
 */
void cpus_kick(void);
/*
 * An interrupt arrived. On the vCPU thread that is nothing: a timer's comes before the slice that takes it, a device's
 * in an instruction that is an interrupt point. Any other thread kicks.
 */
void cpus_kick_for_interrupt(void);

/* The slice in which this is called ends after at most so many instructions. False: it is not called in one. */
bool cpus_end_slice_within(int64_t instructions);

/* Install the virtual clock; before the machine is built. */
void cpus_init(void);
/* Keys that -icount knows, those of record/replay among them. */
const char *const *icount_known_keys(void);
/* -icount shift=N|auto,sleep=on|off (the rr= keys go to replay_configure). */
bool icount_configure(const QemuOpts *opts, Error **errp);
bool icount_enabled(void);
int icount_shift(void);
bool icount_sleeps(void);            /* -icount sleep=on */
void icount_set_sleeps(bool sleeps); /* replay does as the recording did */
/* Instructions retired since power-on, exact, also inside an I/O callback (not counting the instruction that does it).
 */
int64_t icount_get(void);

/* -accel: "interp", "jit", or "tcg" for the default, which is the JIT where it can run. Before cpus_start(). */
bool cpus_choose_engine(const char *name, Error **errp);
/* Make ready the engine that -accel asked for; once the machine is built. */
void cpus_init_engine(void);
/* Started once the machine is built; the vCPU waits until vm_start(). */
void cpus_start(void);
/* The host's number of the vCPU thread; 0 before it runs. */
int cpus_thread_id(void);
/* Ask the vCPU thread to finish and join it. No locks held. */
void cpus_stop(void);

/* Snapshots: the virtual clock, and when a warp under way began (-1: none); neither follows from described state. */
void cpus_get_clocks(int64_t *virtual_ns, int64_t *warp_start_ns);
void cpus_set_clocks(int64_t virtual_ns, int64_t warp_start_ns);

/* Called by the main loop before it sleeps: the idle machine's half of time warp (I/O thread). */
void qemu_start_warp_timer(void);

#endif
