/* monitor/monitor.h  The human monitor protocol (HMP). Implemented in monitor/. Runs on the I/O thread. */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "chardev/char.h"

typedef struct Monitor Monitor;

/* Attach an HMP with prompt "(qemu) " and readline to chr. */
bool monitor_init_hmp(Chardev *chr, Error **errp);
void monitor_printf(Monitor *mon, const char *fmt, ...) QEMU_PRINTF(2, 3);
/* For info functions that take a print callback: prints line plus newline. opaque is the Monitor. */
void monitor_print_line(void *opaque, const char *line);
/* Run one command line; the output goes to mon. Takes machine_lock itself. */
void monitor_handle_command(Monitor *mon, const char *line);
/* The same for QMP's human-monitor-command: machine_lock held; what it prints, with CR LF, to be g_free'd. */
char *monitor_run_captured(const char *line);
void monitor_vprintf(Monitor *mon, const char *fmt, va_list ap);

#endif
