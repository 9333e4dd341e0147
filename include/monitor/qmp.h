/*
 * monitor/qmp.h  The QEMU Machine Protocol: JSON commands, replies and events on a character device (-qmp, -mon
 * mode=control).
 *
 * Any number of sessions, each on its chardev; commands run on the I/O thread with machine_lock, one after the other.
 * What changes the machine goes the same way as a user's key or monitor command, so it is recorded; in replay it is
 * refused or dropped like those.
 */
#ifndef MONITOR_QMP_H
#define MONITOR_QMP_H

#include <json-glib/json-glib.h>

#include "chardev/char.h"

bool monitor_init_qmp(Chardev *chr, bool pretty, Error **errp);
/* To every session that has negotiated. Takes data (NULL: none). Any thread, any locks. */
void qmp_send_event(const char *name, JsonObject *data);

#endif
