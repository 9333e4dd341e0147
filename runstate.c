/*
 * runstate.c  Running, stopped, reset, shut down.
 *
 * Requests are notes: any thread leaves one and kicks the vCPU thread, which acts on it between two instructions. A
 * request that comes from the guest happens at the same instruction in every run; one from the host is written to the
 * log.
 */
#include "sysemu/runstate.h"

#include <signal.h>

#include "hw/i386/pc.h"
#include "migration/vmstate.h"
#include "replay/replay.h"
#include "runstate-private.h"
#include "sysemu/cpus.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/timer.h"

static RunState run_state = RUN_STATE_PRELAUNCH;
static gint shutdown_requested, reset_requested; /* ShutdownCause */
static gint exit_wanted;
static int finish_status = -1;     /* replay_finish()'s, once it was called */
static int guest_exit_status = -1; /* isa-debug-exit's, or -1 */
static struct {
    void (*fn)(void *opaque);
    void *opaque;
} powerdown_handler;
static ReplayBH *powerdown_bh;

bool runstate_no_reboot, runstate_no_shutdown;

static const char *const names[] = {
    [RUN_STATE_PRELAUNCH] = "prelaunch", [RUN_STATE_RUNNING] = "running", [RUN_STATE_PAUSED] = "paused",
    [RUN_STATE_SHUTDOWN] = "shutdown",   [RUN_STATE_DEBUG] = "debug",     [RUN_STATE_INTERNAL_ERROR] = "internal-error",
};

const char *runstate_name(RunState s)
{
    return names[s];
}

RunState runstate_get(void)
{
    return run_state;
}

bool runstate_is_running(void)
{
    return run_state == RUN_STATE_RUNNING;
}

static void (*observer)(RunEvent event, ShutdownCause cause);

void runstate_set_observer(void (*fn)(RunEvent event, ShutdownCause cause))
{
    observer = fn;
}

static void tell(RunEvent event, ShutdownCause cause)
{
    if (observer) {
        observer(event, cause);
    }
}

/* ---- running and stopped ---- */

/* Until then there is nothing that could go on. A snapshot that is loaded whole will do as well. */
static bool needs_reset(void)
{
    return run_state == RUN_STATE_SHUTDOWN || run_state == RUN_STATE_INTERNAL_ERROR;
}

static void was_reset(void)
{
    if (needs_reset()) {
        run_state = RUN_STATE_PAUSED;
    }
}

void vm_start(void)
{
    lockstep_assert(machine_locked(), "vm_start");
    if (needs_reset()) {
        return;
    }
    if (run_state != RUN_STATE_RUNNING) {
        run_state = RUN_STATE_RUNNING;
        qemu_clock_enable_virtual_rt(true);
        tell(RUN_EVENT_RESUME, SHUTDOWN_CAUSE_NONE);
    }
    cpus_kick();
}

bool vm_resume(Error **errp)
{
    if (needs_reset()) {
        error_setg(errp, "Resetting the Virtual Machine is required");
        return false;
    }
    vm_start();
    return true;
}

/* Whether it ran until now. */
static bool halt_machine(RunState state)
{
    bool was_running = run_state == RUN_STATE_RUNNING;
    if (was_running || state == RUN_STATE_SHUTDOWN || state == RUN_STATE_INTERNAL_ERROR) {
        run_state = state;
        qemu_clock_enable_virtual_rt(false);
    }
    return was_running;
}

void vm_stop(RunState state)
{
    lockstep_assert(machine_locked(), "vm_stop");
    if (halt_machine(state)) {
        tell(RUN_EVENT_STOP, SHUTDOWN_CAUSE_NONE);
    }
}

/* ---- requests ---- */

static bool cause_is_host(ShutdownCause cause)
{
    return cause < SHUTDOWN_CAUSE_GUEST_SHUTDOWN;
}

/* The replayed run has its own resets and shutdowns; one from this host can only end the replay. */
static void end_replay_early(void)
{
    g_atomic_int_set(&exit_wanted, finish_status < 0 ? EXIT_WANTED_ABANDON : EXIT_WANTED_FINISH);
    cpus_kick();
    qemu_notify_event();
}

void qemu_system_reset_request(ShutdownCause cause)
{
    if (cause_is_host(cause) && replay_playing()) {
        error_report("system_reset: the replay resets where the recording did");
        return;
    }
    if (runstate_no_reboot) {
        g_atomic_int_set(&shutdown_requested, cause);
    } else {
        g_atomic_int_set(&reset_requested, cause);
    }
    cpus_kick();
}

void qemu_system_shutdown_request(ShutdownCause cause)
{
    if (cause_is_host(cause) && replay_playing()) {
        end_replay_early();
        return;
    }
    g_atomic_int_set(&shutdown_requested, cause);
    cpus_kick();
}

void qemu_system_shutdown_request_code(ShutdownCause cause, int exit_status)
{
    guest_exit_status = exit_status;
    qemu_system_shutdown_request(cause);
}

void qemu_system_guest_panicked(void)
{
    tell(RUN_EVENT_GUEST_PANICKED, SHUTDOWN_CAUSE_NONE);
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_PANIC);
}

void qemu_system_killed(int signum)
{
    (void)signum;
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_SIGNAL);
}

static void press_power_button(void *opaque)
{
    (void)opaque;
    tell(RUN_EVENT_POWERDOWN, SHUTDOWN_CAUSE_NONE);
    if (powerdown_handler.fn) {
        powerdown_handler.fn(powerdown_handler.opaque);
    }
}

void runstate_init(void)
{
    powerdown_bh = replay_bh_new("powerdown", press_power_button, NULL);
}

void qemu_register_powerdown_handler(void (*fn)(void *opaque), void *opaque)
{
    powerdown_handler.fn = fn;
    powerdown_handler.opaque = opaque;
}

void qemu_system_powerdown_request(void)
{
    replay_bh_schedule_event(powerdown_bh);
}

/* ---- the vCPU thread's side ---- */

static ShutdownCause take(gint *request)
{
    if (likely(g_atomic_int_get(request) == SHUTDOWN_CAUSE_NONE)) {
        return SHUTDOWN_CAUSE_NONE;
    }
    return (ShutdownCause)__atomic_exchange_n(request, SHUTDOWN_CAUSE_NONE, __ATOMIC_SEQ_CST);
}

/* -no-shutdown keeps a machine that has shut itself down, for inspection; not one whose user wants to leave. Of one
 * that ends nobody is told that it stops. */
static void shut_down(ShutdownCause cause)
{
    tell(RUN_EVENT_SHUTDOWN, cause);
    if (runstate_no_shutdown && !cause_is_host(cause)) {
        vm_stop(RUN_STATE_SHUTDOWN);
        return;
    }
    halt_machine(RUN_STATE_SHUTDOWN);
    g_atomic_int_set(&exit_wanted, EXIT_WANTED_FINISH);
    qemu_notify_event();
}

static void reset_machine(ShutdownCause cause)
{
    replay_checkpoint(CHECKPOINT_RESET_REQUESTED);
    qemu_system_reset();
    tell(RUN_EVENT_RESET, cause);
    replay_checkpoint(CHECKPOINT_RESET);
    was_reset();
}

/*
 * A guest's reset or shutdown: what becomes of it is what became of it in the recording (-no-reboot, -no-shutdown).
 * After a shutdown the log is at its end, or the machine went on after a reset.
 */
static void act_in_replay(bool guest_asked)
{
    ShutdownCause cause;
    if (replay_next_shutdown(&cause)) {
        return;
    }
    if (replay_next_is_checkpoint(CHECKPOINT_RESET_REQUESTED)) {
        reset_machine(guest_asked ? SHUTDOWN_CAUSE_GUEST_RESET : SHUTDOWN_CAUSE_HOST_QMP);
    } else if (guest_asked) {
        replay_diverged("the guest asks for a reset or shutdown that was not recorded");
    }
}

static void act(ShutdownCause shutdown, ShutdownCause reset)
{
    if (shutdown) {
        replay_shutdown_request(shutdown);
        shut_down(shutdown);
    } else if (reset) {
        reset_machine(reset);
    }
}

bool runstate_handle_requests(void)
{
    ShutdownCause shutdown = take(&shutdown_requested);
    ShutdownCause reset = take(&reset_requested);
    if (replay_playing() && !replay_at_end()) {
        act_in_replay(shutdown || reset);
    } else {
        act(shutdown, reset);
    }
    return run_state == RUN_STATE_RUNNING;
}

bool runstate_request_pending(void)
{
    return g_atomic_int_get(&shutdown_requested) || g_atomic_int_get(&reset_requested);
}

bool runstate_guest_request_pending(void)
{
    return g_atomic_int_get(&shutdown_requested) >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN ||
           g_atomic_int_get(&reset_requested) >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN;
}

static uint32_t guest_cause(gint request)
{
    return cause_is_host(request) ? SHUTDOWN_CAUSE_NONE : request;
}

void runstate_get_requests(RunstateRequests *requests)
{
    *requests = (RunstateRequests){ .shutdown = guest_cause(g_atomic_int_get(&shutdown_requested)),
                                    .reset = guest_cause(g_atomic_int_get(&reset_requested)),
                                    .exit_status = guest_exit_status };
}

void runstate_set_requests(const RunstateRequests *requests)
{
    g_atomic_int_set(&shutdown_requested, requests->shutdown);
    g_atomic_int_set(&reset_requested, requests->reset);
    guest_exit_status = requests->exit_status;
}

void runstate_rewound(void)
{
    finish_status = -1;
    was_reset();
    cpus_kick();
}

int runstate_finish_replay(void)
{
    if (finish_status < 0) {
        finish_status = replay_finish(machine_digest());
    }
    return finish_status;
}

void runstate_replay_ended(void)
{
    runstate_finish_replay();
    shut_down(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
}

int runstate_exit_wanted(void)
{
    return g_atomic_int_get(&exit_wanted);
}

int runstate_guest_exit_status(void)
{
    return guest_exit_status;
}
