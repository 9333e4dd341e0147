/*
 * cpus.c  The vCPU thread, the two locks, and time as instruction count.
 *
 * The vCPU thread works in turns. A turn, with both locks held: account for time spent idle; act on reset and shutdown
 * requests; checkpoints and virtual timers; then a slice of guest instructions, as long as the next deadline or (in
 * replay) the next logged event allows. Between turns it lets go of the locks if somebody waits. An idle vCPU sleeps
 * without locks.
 *
 * Virtual clock with -icount: (icount << shift) + warp. Without: the virtual_rt clock.
 */
#include "sysemu/cpus.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "accel/engine.h"
#include "accel/jit/jit.h"
#include "block/block.h"
#include "hw/i386/pc.h"
#include "migration/vmstate.h"
#include "replay/replay.h"
#include "runstate-private.h"
#include "util/main-loop.h"
#include "util/timer.h"

/* ---- locks ---- */

/* A mutex that is granted in the order of asking. */
typedef struct FairLock {
    GMutex mutex;
    GCond turn;
    uint64_t next_ticket, serving;
} FairLock;

static FairLock replay_lock, big_lock;
static __thread bool has_replay_mutex, has_bql, is_vcpu_thread;

/* `waiting`, when not NULL, is called once the place in the queue is taken: the holder can then see that somebody
 * waits. */
static void fair_lock(FairLock *l, void (*waiting)(void))
{
    g_mutex_lock(&l->mutex);
    uint64_t ticket = __atomic_fetch_add(&l->next_ticket, 1, __ATOMIC_SEQ_CST);
    if (l->serving != ticket && waiting) {
        waiting();
    }
    while (l->serving != ticket) {
        g_cond_wait(&l->turn, &l->mutex);
    }
    g_mutex_unlock(&l->mutex);
}

static void fair_unlock(FairLock *l)
{
    g_mutex_lock(&l->mutex);
    l->serving++;
    if (l->serving != l->next_ticket) {
        g_cond_broadcast(&l->turn);
    }
    g_mutex_unlock(&l->mutex);
}

/* Asked by the holder, who alone changes `serving`: does anybody wait? */
static bool fair_lock_contended(const FairLock *l)
{
    return __atomic_load_n(&l->next_ticket, __ATOMIC_SEQ_CST) - l->serving > 1;
}

/* Whoever wants the lock need not wake a vCPU that sleeps: that one does not hold it. */
static void end_slice(void)
{
    CPUState *cpu = first_cpu();
    if (cpu) {
        g_atomic_int_set(&cpu->exit_request, 1);
    }
}

void replay_mutex_lock(void)
{
    lockstep_assert(!has_bql, "replay_mutex is taken before the BQL");
    lockstep_assert(!has_replay_mutex, "replay_mutex is not recursive");
    fair_lock(&replay_lock, end_slice);
    has_replay_mutex = true;
}

void replay_mutex_unlock(void)
{
    lockstep_assert(has_replay_mutex, "replay_mutex is not held");
    has_replay_mutex = false;
    fair_unlock(&replay_lock);
}

bool replay_mutex_locked(void)
{
    return has_replay_mutex;
}

void bql_lock(void)
{
    lockstep_assert(!has_bql, "the BQL is not recursive");
    fair_lock(&big_lock, NULL);
    has_bql = true;
}

void bql_unlock(void)
{
    lockstep_assert(has_bql, "the BQL is not held");
    has_bql = false;
    fair_unlock(&big_lock);
}

void machine_lock(void)
{
    replay_mutex_lock();
    bql_lock();
}

void machine_unlock(void)
{
    bql_unlock();
    replay_mutex_unlock();
}

bool machine_locked(void)
{
    return has_bql && has_replay_mutex;
}

/* ---- kicking ---- */

static struct {
    GMutex mutex;
    GCond cond;
    bool asleep, kicked;
} sleeper;

void cpus_kick(void)
{
    end_slice();
    if (is_vcpu_thread) {
        return;
    }
    g_mutex_lock(&sleeper.mutex);
    sleeper.kicked = true;
    bool asleep = sleeper.asleep;
    g_mutex_unlock(&sleeper.mutex);
    if (asleep) {
        g_cond_signal(&sleeper.cond);
    }
}

void cpus_kick_for_interrupt(void)
{
    if (!is_vcpu_thread) {
        cpus_kick();
    }
}

static bool in_slice; /* vCPU thread */

bool cpus_end_slice_within(int64_t instructions)
{
    CPUState *cpu = first_cpu();
    bool here = is_vcpu_thread && in_slice;
    if (here) {
        cpu->icount_limit = MIN(cpu->icount_limit, cpu->icount + instructions);
    }
    return here;
}

/* Sleep without locks until kicked, or until timeout_ns from now (< 0: no limit). Returns whether it was kicked. */
static bool sleep_until_kicked(int64_t timeout_ns)
{
    machine_unlock();
    int64_t end_us = g_get_monotonic_time() + timeout_ns / 1000;
    g_mutex_lock(&sleeper.mutex);
    sleeper.asleep = true;
    while (!sleeper.kicked) {
        if (timeout_ns < 0) {
            g_cond_wait(&sleeper.cond, &sleeper.mutex);
        } else if (!g_cond_wait_until(&sleeper.cond, &sleeper.mutex, end_us)) {
            break;
        }
    }
    bool kicked = sleeper.kicked;
    sleeper.asleep = sleeper.kicked = false;
    g_mutex_unlock(&sleeper.mutex);
    machine_lock();
    return kicked;
}

/* ---- time ---- */

typedef struct TimingState {
    bool enabled, sleep, adaptive;
    int32_t shift;
    int64_t warp_ns;       /* added to (icount << shift) */
    int64_t warp_start_ns; /* virtual_rt when the machine went idle; -1: it did not */
    gint warp_wanted;      /* the vCPU thread asks the I/O thread to start warping */
    QEMUTimer warp_timer;  /* virtual_rt: the idle machine's next virtual deadline */
    int64_t adapt_at_ns;   /* shift=auto: virtual_rt of the next look */
} TimingState;

static TimingState timing = { .sleep = true, .shift = 3, .warp_start_ns = -1 };

static const VMStateField timing_fields[] = {
    VMSTATE_DERIVED(TimingState, enabled), /* options */
    VMSTATE_DERIVED(TimingState, sleep),
    VMSTATE_DERIVED(TimingState, adaptive),
    VMSTATE_INT(TimingState, shift),
    VMSTATE_INT(TimingState, warp_ns),
    VMSTATE_DERIVED(TimingState, warp_start_ns), /* host time, between two turns only */
    VMSTATE_DERIVED(TimingState, warp_wanted),
    VMSTATE_DERIVED(TimingState, warp_timer),
    VMSTATE_DERIVED(TimingState, adapt_at_ns),
    VMSTATE_END,
};
static const VMStateDescription vmstate_timing = { .name = "timing", .version = 1, .fields = timing_fields };

bool icount_enabled(void)
{
    return timing.enabled;
}

int icount_shift(void)
{
    return timing.shift;
}

bool icount_sleeps(void)
{
    return timing.sleep;
}

void icount_set_sleeps(bool sleeps)
{
    timing.sleep = sleeps;
}

int64_t icount_get(void)
{
    CPUState *cpu = first_cpu();
    return cpu ? cpu->icount : 0;
}

static int64_t virtual_clock_ns(void)
{
    if (!timing.enabled) {
        return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL_RT);
    }
    return (icount_get() << timing.shift) + timing.warp_ns;
}

/* Shift and warp change between slices only. */
static bool virtual_clock_line(uint64_t *ns_per_insn, uint64_t *ns_at_0)
{
    *ns_per_insn = 1ull << timing.shift;
    *ns_at_0 = (uint64_t)timing.warp_ns;
    return timing.enabled;
}

static int64_t host_clock_ns(void)
{
    return replay_clock(REPLAY_CLOCK_HOST, get_clock_host_ns());
}

/* Instructions until the virtual clock reaches deadline_ns: at least 0, rounded up. */
static int64_t instructions_until(int64_t deadline_ns)
{
    int64_t ns = deadline_ns - virtual_clock_ns();
    return ns <= 0 ? 0 : (ns + (1LL << timing.shift) - 1) >> timing.shift;
}

/* A chip armed a timer in the middle of a slice: the slice ends on it. Wakes an idle vCPU when another thread did it.
 */
static void virtual_deadline_changed(void)
{
    CPUState *cpu = first_cpu();
    if (!is_vcpu_thread || !cpu) {
        cpus_kick();
    } else if (timing.enabled) {
        int64_t limit = cpu->icount + instructions_until(qemu_clock_deadline(QEMU_CLOCK_VIRTUAL));
        cpu->icount_limit = MIN(cpu->icount_limit, limit);
    }
}

static const char *const icount_keys[] = {
    "shift", "sleep", "align", "rr", "rrfile", "rrsnapshot", "rrsync", "rrhash", NULL,
};

const char *const *icount_known_keys(void)
{
    return icount_keys;
}

static bool configure_shift(const QemuOpts *opts, Error **errp)
{
    const char *shift = qemu_opt_get(opts, "shift");
    uint64_t value;
    if (shift && !strcmp(shift, "auto")) {
        timing.adaptive = true;
        if (qemu_opt_get(opts, "rr")) {
            error_setg(errp, "shift=auto adapts to the host and cannot be used together with rr=");
            return false;
        }
        return true;
    }
    if (shift && !parse_uint(shift, 10, &value)) {
        error_setg(errp, "icount: Invalid shift value '%s', it is 0 to 10 or auto", shift);
        return false;
    }
    timing.shift = shift ? (int)value : qemu_opt_get(opts, "rr") ? 7 : 3;
    return true;
}

static void warp_timer_expired(void *opaque)
{
    (void)opaque;
    cpus_kick();
}

bool icount_configure(const QemuOpts *opts, Error **errp)
{
    Error *err = NULL;
    timing.enabled = true;
    timing.sleep = qemu_opt_get_bool(opts, "sleep", true, &err);
    bool align = qemu_opt_get_bool(opts, "align", false, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    if (align) {
        error_setg(errp, "align=on is not available: the virtual clock never waits for the host");
        return false;
    }
    timer_init_ns(&timing.warp_timer, QEMU_CLOCK_VIRTUAL_RT, warp_timer_expired, NULL);
    return configure_shift(opts, errp);
}

/* shift=auto: bring the virtual clock nearer to real time by a step, without a jump. */
static void adapt_shift(void)
{
    if (!timing.adaptive) {
        return;
    }
    int64_t real = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL_RT);
    if (real < timing.adapt_at_ns) {
        return;
    }
    timing.adapt_at_ns = real + NANOSECONDS_PER_SECOND / 10;
    int64_t now = virtual_clock_ns();
    if (now < real - NANOSECONDS_PER_SECOND / 10 && timing.shift < 10) {
        timing.shift++;
    } else if (now > real + NANOSECONDS_PER_SECOND / 10 && timing.shift > 0) {
        timing.shift--;
    }
    timing.warp_ns = now - (icount_get() << timing.shift);
}

/* ---- warp: the idle machine's clock moves with real time ---- */

static bool cpu_idle(CPUState *cpu)
{
    return cpu->halted && !cpu_has_interrupt(cpu);
}

static void start_warp(void)
{
    if (timing.warp_start_ns >= 0 || !cpu_idle(first_cpu()) || !replay_checkpoint(CHECKPOINT_CLOCK_WARP_START)) {
        return;
    }
    timing.warp_start_ns = replay_clock(REPLAY_CLOCK_VIRTUAL_RT, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL_RT));
    int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
    if (replay_playing()) {
        cpus_kick(); /* the log knows how long it took: nobody waits */
    } else if (deadline >= 0) {
        timer_mod(&timing.warp_timer, timing.warp_start_ns + MAX(0, deadline - virtual_clock_ns()));
    }
}

void qemu_start_warp_timer(void)
{
    if (!g_atomic_int_get(&timing.warp_wanted)) {
        return;
    }
    machine_lock();
    if (timing.warp_wanted && runstate_is_running()) {
        g_atomic_int_set(&timing.warp_wanted, 0);
        start_warp();
    }
    machine_unlock();
}

/* The clock stops exactly on the next deadline, however late the host woke us. */
static int64_t warp_to(int64_t real_ns)
{
    int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
    int64_t passed = MAX(0, real_ns - timing.warp_start_ns);
    return deadline < 0 ? passed : MIN(passed, MAX(0, deadline - virtual_clock_ns()));
}

static void qemu_account_warp_timer(void)
{
    if (timing.warp_start_ns < 0 || !replay_checkpoint(CHECKPOINT_CLOCK_WARP_ACCOUNT)) {
        return;
    }
    timer_del(&timing.warp_timer);
    int64_t real = replay_clock(REPLAY_CLOCK_VIRTUAL_RT, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL_RT));
    timing.warp_ns += warp_to(real);
    timing.warp_start_ns = -1;
}

void cpus_get_clocks(int64_t *virtual_ns, int64_t *warp_start_ns)
{
    *virtual_ns = virtual_clock_ns();
    *warp_start_ns = timing.warp_start_ns;
}

/* A warp under way ends in the log when replaying; otherwise the idle machine begins a new one. */
void cpus_set_clocks(int64_t virtual_ns, int64_t warp_start_ns)
{
    if (!timing.enabled) {
        qemu_clock_set_virtual_rt(virtual_ns);
    } else {
        timer_del(&timing.warp_timer);
        g_atomic_int_set(&timing.warp_wanted, 0);
        timing.warp_start_ns = replay_playing() ? warp_start_ns : -1;
    }
    cpus_kick();
}

/* ---- a turn of the vCPU thread ---- */

static const ExecEngine *engine = &interp_engine;
static bool engine_chosen;

const ExecEngine *current_engine(void)
{
    return engine;
}

bool cpus_choose_engine(const char *name, Error **errp)
{
    if (!strcmp(name, "interp")) {
        engine = &interp_engine;
        engine_chosen = true;
        return true;
    }
#ifdef CONFIG_JIT
    if (!strcmp(name, "jit") || !strcmp(name, "tcg")) {
        engine_chosen = false;
        return true;
    }
    error_setg(errp, "invalid accelerator '%s'; there are jit and interp (tcg is another name for jit)", name);
#else
    if (!strcmp(name, "tcg")) {
        return true;
    }
    error_setg(errp, "invalid accelerator '%s'; there is interp (tcg is another name for it)", name);
#endif
    return false;
}

void cpus_init_engine(void)
{
#ifdef CONFIG_JIT
    if (!engine_chosen && jit_init()) {
        engine = &jit_engine;
    }
#endif
    engine->init_cpu(first_cpu());
}

/* Without -icount the clock moves while the slice runs; its length bounds how late a timer can be. */
#define PLAIN_SLICE 50000
#define MAX_SLICE   (1LL << 40)

/* Asynchronous events take effect here, then virtual timers that are due. */
static void run_virtual_timers(void)
{
    int64_t now = virtual_clock_ns();
    int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
    bool due = deadline >= 0 && deadline <= now;
    if (!due && !replay_has_events()) {
        return;
    }
    if (replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL)) {
        qemu_clock_run_timers(QEMU_CLOCK_VIRTUAL, now);
    } else {
        replay_diverged("a virtual timer is due that was not recorded here");
    }
}

static void sleep_idle_plain(void)
{
    int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
    sleep_until_kicked(deadline < 0 ? -1 : MAX(0, deadline - virtual_clock_ns()));
}

/*
 * -icount sleep=off: the clock jumps to the deadline at the end of the very turn in which the machine is idle. That
 * follows from the machine's state alone (so never ask what the host wants here), and nothing is logged.
 */
static void skip_idle(void)
{
    int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
    if (deadline >= 0) {
        timing.warp_ns += MAX(0, deadline - virtual_clock_ns());
    } else if (!replay_playing() && !replay_has_events()) {
        sleep_until_kicked(-1);
    }
}

/* A disk is about to answer: most likely sooner than two threads would have agreed on the time spent waiting. */
#define DISK_PATIENCE_NS (200 * 1000)

static bool disk_answers(void)
{
    return !replay_playing() && replay_block_under_way() && sleep_until_kicked(DISK_PATIENCE_NS);
}

static void sleep_idle_warping(void)
{
    bool starts = timing.warp_start_ns < 0;
    if (replay_playing() && !(starts && replay_next_is_checkpoint(CHECKPOINT_CLOCK_WARP_START))) {
        return; /* what is next in the log is not waiting: the next turn deals with it */
    }
    if (starts && disk_answers()) {
        return;
    }
    if (starts) {
        g_atomic_int_set(&timing.warp_wanted, 1);
        qemu_notify_event();
    }
    sleep_until_kicked(-1);
    g_atomic_int_set(&timing.warp_wanted, 0);
}

static void run_idle(void)
{
    if (timing.enabled && !timing.sleep) {
        if (!runstate_guest_request_pending()) {
            skip_idle();
        }
    } else if (runstate_request_pending() || replay_has_events()) {
        return; /* its own last slice may have brought it work: no other thread kicks then */
    } else if (timing.enabled) {
        sleep_idle_warping();
    } else {
        sleep_idle_plain();
    }
}

static int64_t slice_budget(void)
{
    if (!timing.enabled) {
        return PLAIN_SLICE;
    }
    int64_t deadline = qemu_clock_deadline(QEMU_CLOCK_VIRTUAL);
    int64_t budget = deadline < 0 ? MAX_SLICE : MIN(MAX_SLICE, instructions_until(deadline));
    return MIN(budget, replay_get_budget());
}

static void run_slice(CPUState *cpu)
{
    int64_t budget = slice_budget();
    if (budget > 0) {
        in_slice = true;
        engine->exec(cpu, budget);
        in_slice = false;
        replay_account_executed();
    }
}

/* The CPU has nothing to do until a disk answers: it does the disk's work, which is cheaper than waking a thread. */
static void see_to_disks(CPUState *cpu)
{
    if (!blk_has_put_off()) {
        return;
    }
    if (cpu_idle(cpu)) {
        machine_unlock();
        blk_do_put_off();
        machine_lock();
    } else {
        blk_submit_put_off();
    }
}

/* In replay: does the machine still move towards the next event? */
static void check_progress(CPUState *cpu)
{
    static uint64_t last_event;
    static int64_t last_time = -1;
    static int stuck;
    if (!replay_playing() || replay_at_end()) {
        return;
    }
    int64_t now = virtual_clock_ns();
    if (last_event != replay_event_number() || last_time != now) {
        last_event = replay_event_number();
        last_time = now;
        stuck = 0;
    } else if (++stuck > 100) {
        replay_diverged(cpu->halted ? "the CPU is halted, and what is recorded next cannot wake it"
                                    : "the machine does not come to the recorded event");
    }
}

static void run_guest(CPUState *cpu)
{
    run_virtual_timers();
    if (cpu_has_interrupt(cpu)) {
        cpu_take_interrupt(cpu);
    }
    if (!cpu->halted) {
        run_slice(cpu);
    }
    see_to_disks(cpu);
    if (cpu_idle(cpu) && !replay_at_end()) {
        run_idle();
    }
    check_progress(cpu);
}

static void vcpu_turn(CPUState *cpu)
{
    if (replay_next_is_checkpoint(CHECKPOINT_INIT)) {
        replay_checkpoint(CHECKPOINT_INIT); /* gone back to a snapshot from before the first turn */
    }
    if (replay_at_end() && runstate_is_running()) {
        runstate_replay_ended();
    }
    if (runstate_is_running() && timing.enabled) {
        qemu_account_warp_timer();
        adapt_shift();
    }
    if (runstate_handle_requests()) {
        run_guest(cpu);
    } else {
        sleep_until_kicked(-1);
    }
}

static GThread *vcpu_thread;
static gint stopping;

static void let_others_in(void)
{
    if (fair_lock_contended(&replay_lock)) {
        machine_unlock();
        machine_lock();
    }
}

static gint thread_id;

int cpus_thread_id(void)
{
    return g_atomic_int_get(&thread_id);
}

static void *vcpu_thread_main(void *opaque)
{
    CPUState *cpu = opaque;
    g_atomic_int_set(&thread_id, (gint)syscall(SYS_gettid));
    is_vcpu_thread = true;
    machine_lock();
    replay_checkpoint(CHECKPOINT_INIT);
    for (;;) {
        /* First forget the request, then look at all that may have been behind it. */
        g_atomic_int_set(&cpu->exit_request, 0);
        if (g_atomic_int_get(&stopping)) {
            break;
        }
        let_others_in();
        vcpu_turn(cpu);
    }
    machine_unlock();
    return NULL;
}

static uint64_t current_pc(void)
{
    return first_cpu()->seg[R_CS].linear_base + first_cpu()->eip;
}

static uint64_t current_cpu_digest(void)
{
    return cpu_digest(first_cpu());
}

void cpus_init(void)
{
    static const VirtualClockSource source = {
        .get_ns = virtual_clock_ns,
        .get_host_ns = host_clock_ns,
        .deadline_changed = virtual_deadline_changed,
        .line = virtual_clock_line,
    };
    qemu_clock_set_virtual_source(&source);
    replay_pc_hook = current_pc;
    replay_cpu_digest_hook = current_cpu_digest;
    vmstate_register("timing", 0, &vmstate_timing, &timing);
}

void cpus_start(void)
{
    vcpu_thread = g_thread_new("vcpu", vcpu_thread_main, first_cpu());
}

void cpus_stop(void)
{
    g_atomic_int_set(&stopping, 1);
    cpus_kick();
    g_thread_join(vcpu_thread);
}
