/* runstate-private.h  What runstate.c, cpus.c and vl.c say to each other and to nobody else. */
#ifndef RUNSTATE_PRIVATE_H
#define RUNSTATE_PRIVATE_H

#include "sysemu/runstate.h"

extern bool runstate_no_reboot, runstate_no_shutdown; /* -no-reboot, -no-shutdown */

/* Once, before the machine is built. */
void runstate_init(void);
/* vCPU thread, machine locked: act on what was asked for. Returns whether the machine is (still) running. */
bool runstate_handle_requests(void);
/* Is a reset or shutdown asked for (by the guest) that the next turn will act on? */
bool runstate_request_pending(void);
bool runstate_guest_request_pending(void);
/* vCPU thread: the log is at its end. Prints how it ended; the machine stops. */
void runstate_replay_ended(void);
/* Finish recording or replay, if that has not been done yet. Machine locked. The exit status. */
int runstate_finish_replay(void);

/* Snapshots: what the guest asked for and the next turn would act on. */
typedef struct RunstateRequests {
    uint32_t shutdown, reset; /* ShutdownCause */
    int32_t exit_status;
} RunstateRequests;
void runstate_get_requests(RunstateRequests *requests);
void runstate_set_requests(const RunstateRequests *requests);
/* A replay that had ended goes on from an earlier moment. */
void runstate_rewound(void);

enum { EXIT_WANTED_NO, EXIT_WANTED_FINISH, EXIT_WANTED_ABANDON };
int runstate_exit_wanted(void);
int runstate_guest_exit_status(void); /* -1: none */

#endif
