/*
 * util/main-loop.h  The I/O thread's loop: file descriptors, host timers, bottom halves.
 *
 * It runs on glib's default GMainContext. Callbacks are called WITHOUT replay_mutex and BQL; one that touches the
 * machine wraps itself in machine_lock()/machine_unlock() (sysemu/cpus.h), and keeps that stretch short.
 */
#ifndef UTIL_MAIN_LOOP_H
#define UTIL_MAIN_LOOP_H

#include "util/osdep.h"

typedef struct QEMUBH QEMUBH;
typedef void QEMUBHFunc(void *opaque);
typedef void IOHandler(void *opaque);

/* A bottom half runs once on the I/O thread after qemu_bh_schedule(), which any thread may call. Not for guest-visible
 * work: that goes through replay_bh_schedule_event(). */
QEMUBH *qemu_bh_new(QEMUBHFunc *cb, void *opaque);
void qemu_bh_schedule(QEMUBH *bh);
void qemu_bh_cancel(QEMUBH *bh);
void qemu_bh_delete(QEMUBH *bh);

/* Watch fd; either handler may be NULL; both NULL removes it. Call on the I/O thread (or before it starts). */
void qemu_set_fd_handler(int fd, IOHandler *fd_read, IOHandler *fd_write, void *opaque);

/* Wake the loop so that it looks at its timers and at main_loop_wanted again; any thread, async-signal-safe. */
void qemu_notify_event(void);
void main_loop_init(void);
/* One turn; blocks until something happens when `wait`. Runs due REALTIME and VIRTUAL_RT timers. */
void main_loop_wait(bool wait);

#endif
