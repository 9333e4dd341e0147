/* sysemu/runstate.h  Running, stopped, reset, shut down. Implemented in runstate.c (top level beside vl.c and cpus.c).
 */
#ifndef SYSEMU_RUNSTATE_H
#define SYSEMU_RUNSTATE_H

#include "util/error.h"

typedef enum RunState {
    RUN_STATE_PRELAUNCH,
    RUN_STATE_RUNNING,
    RUN_STATE_PAUSED,
    RUN_STATE_SHUTDOWN,
    RUN_STATE_DEBUG,
    RUN_STATE_INTERNAL_ERROR
} RunState;
const char *runstate_name(RunState s); /* "running", "paused", "prelaunch", "shutdown", "debug", "internal-error" */
RunState runstate_get(void);
bool runstate_is_running(void);
/* machine_lock held. vm_start() does nothing when the machine must be reset first; vm_resume() says so: a user asks. */
void vm_start(void);
bool vm_resume(Error **errp);
void vm_stop(RunState state);

/* What happened to the machine, for whoever tells the outside (QMP). Called where it happens, with machine_lock. */
typedef enum RunEvent {
    RUN_EVENT_STOP,
    RUN_EVENT_RESUME,
    RUN_EVENT_RESET,
    RUN_EVENT_SHUTDOWN,
    RUN_EVENT_POWERDOWN,
    RUN_EVENT_GUEST_PANICKED
} RunEvent;

/* Causes, in the order of the log's EVENT_SHUTDOWN ids. */
typedef enum ShutdownCause {
    SHUTDOWN_CAUSE_NONE,
    SHUTDOWN_CAUSE_HOST_ERROR,
    SHUTDOWN_CAUSE_HOST_QMP,
    SHUTDOWN_CAUSE_HOST_SIGNAL,
    SHUTDOWN_CAUSE_HOST_UI,
    SHUTDOWN_CAUSE_GUEST_SHUTDOWN,
    SHUTDOWN_CAUSE_GUEST_RESET,
    SHUTDOWN_CAUSE_GUEST_PANIC,
    SHUTDOWN_CAUSE_MAX
} ShutdownCause;

/* cause: of RESET and SHUTDOWN; otherwise NONE. */
void runstate_set_observer(void (*observer)(RunEvent event, ShutdownCause cause));
/* A device of the guest says that its kernel has given up (pvpanic): the machine shuts down. */
void qemu_system_guest_panicked(void);
/*
 * Requests take effect on the vCPU thread when the current instruction is complete. From a device or the CPU (vCPU
 * thread) they are deterministic; from any other thread they are recorded. Any thread; from the vCPU thread with the
 * BQL.
 */
void qemu_system_reset_request(ShutdownCause cause);
void qemu_system_shutdown_request(ShutdownCause cause);
void qemu_system_shutdown_request_code(ShutdownCause cause, int exit_status); /* isa-debug-exit */
void qemu_system_powerdown_request(void);                                     /* ACPI power button; recorded */
/* The power button's receiver (hw/acpi). */
void qemu_register_powerdown_handler(void (*fn)(void *opaque), void *opaque);
/* SIGINT, SIGTERM, SIGHUP came; called by the main loop, not in the signal handler. */
void qemu_system_killed(int signum);

#endif
