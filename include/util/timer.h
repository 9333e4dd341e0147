/*
 * util/timer.h  Clocks and timers. Implemented in util/qemu-timer.c.
 *
 * A chip asks a named clock and never the host:
 *   QEMU_CLOCK_VIRTUAL     guest time, ns since power-on; stops with the machine; (icount << shift) + warp with
 * -icount. Everything in hw/ and target/ uses this one. QEMU_CLOCK_HOST        the host's wall clock, ns since 1970;
 * each read goes through the replay log. The RTC only; it has no timers. QEMU_CLOCK_REALTIME    host monotonic; for
 * displays and backends, never visible to the guest. QEMU_CLOCK_VIRTUAL_RT  real time while the machine runs (stopped
 * with it); used to warp the virtual clock.
 *
 * Timers of VIRTUAL run on the vCPU thread with replay_mutex and the BQL held; those of REALTIME and
 * VIRTUAL_RT run on the I/O thread without locks (a callback that touches the machine takes machine_lock()).
 * Timers with equal deadlines run in the order in which they were armed.
 */
#ifndef UTIL_TIMER_H
#define UTIL_TIMER_H

#include "util/osdep.h"

typedef enum QEMUClockType {
    QEMU_CLOCK_REALTIME,
    QEMU_CLOCK_VIRTUAL,
    QEMU_CLOCK_HOST,
    QEMU_CLOCK_VIRTUAL_RT,
    QEMU_CLOCK_MAX
} QEMUClockType;

typedef void QEMUTimerCB(void *opaque);

/* Embedded in its owner. All fields private to util/qemu-timer.c and migration/vmstate.c. */
typedef struct QEMUTimer QEMUTimer;
struct QEMUTimer {
    int64_t expire_ns; /* -1: not armed */
    uint64_t seq;      /* order of arming among equal deadlines */
    QEMUClockType clock;
    QEMUTimerCB *cb;
    void *opaque;
    QEMUTimer *next;
};

int64_t qemu_clock_get_ns(QEMUClockType clock);
static inline int64_t qemu_clock_get_ms(QEMUClockType clock)
{
    return qemu_clock_get_ns(clock) / 1000000;
}

/* Prepare a zeroed timer; it is not armed. */
void timer_init_ns(QEMUTimer *t, QEMUClockType clock, QEMUTimerCB *cb, void *opaque);
/* Arm (or re-arm) for the absolute time expire_ns >= 0; a time in the past fires at the next opportunity. */
void timer_mod(QEMUTimer *t, int64_t expire_ns);
void timer_del(QEMUTimer *t);
static inline bool timer_pending(const QEMUTimer *t)
{
    return t->expire_ns >= 0;
}
/* Absolute deadline in ns, or -1 when not armed. */
static inline int64_t timer_expire_time_ns(const QEMUTimer *t)
{
    return t->expire_ns;
}

/* Absolute deadline of the earliest timer of a clock, or -1 when none is armed. */
int64_t qemu_clock_deadline(QEMUClockType clock);
/* Run the timers of a clock that are due at now_ns, in order of deadline, then of arming. Returns whether any ran. */
bool qemu_clock_run_timers(QEMUClockType clock, int64_t now_ns);

/*
 * Where the virtual clock comes from. cpus.c installs its own source; tests install a settable one
 * (the default before cpus.c does: a variable that qemu_clock_step() advances).
 */
typedef struct VirtualClockSource {
    int64_t (*get_ns)(void);
    int64_t (*get_host_ns)(void); /* the host clock as the machine may see it (through the log); NULL: the host's own */
    void (*deadline_changed)(void); /* the earliest virtual deadline moved nearer; may be NULL */
    bool (*line)(uint64_t *ns_per_insn, uint64_t *ns_at_0); /* see qemu_clock_virtual_line(); may be NULL */
} VirtualClockSource;
void qemu_clock_set_virtual_source(const VirtualClockSource *source);
/* vCPU thread: is the virtual clock ns_at_0 + icount * ns_per_insn until the present slice ends? */
bool qemu_clock_virtual_line(uint64_t *ns_per_insn, uint64_t *ns_at_0);
/* For device tests: advance the default virtual clock by ns, running each timer at its exact deadline on the way. */
void qemu_clock_step(int64_t ns);

/* virtual_rt follows the machine: enabled while it runs. */
void qemu_clock_enable_virtual_rt(bool running);
void qemu_clock_set_virtual_rt(int64_t now_ns);
/* Host monotonic ns; util/, cpus.c, replay/ and backends only. */
int64_t get_clock_realtime_ns(void);
/* Host wall clock ns since 1970, not logged; replay/ and the log's time stamps only. */
int64_t get_clock_host_ns(void);

#endif
