/* monitor/hmp-internal.h  What the files of the human monitor share. */
#ifndef MONITOR_HMP_INTERNAL_H
#define MONITOR_HMP_INTERNAL_H

#include "monitor/monitor.h"

typedef struct HMPCommand {
    const char *name;   /* "cont|c": alternatives */
    const char *params; /* as help shows them */
    const char *help;
    void (*run)(Monitor *mon, const char *args); /* machine_lock held; args: rest of the line, trimmed */
} HMPCommand;

extern const HMPCommand hmp_commands[]; /* ends with a NULL name */
extern const HMPCommand hmp_info_commands[];

const HMPCommand *hmp_find(const HMPCommand *table, const char *name, size_t len);
/* Print one table's help, or one command's when `only` is given. */
void hmp_print_help(Monitor *mon, const HMPCommand *table, const char *prefix, const char *only);

/* Numbers, $registers, operators and parentheses, as in `x /4xw $esp+8`. False: message printed. */
bool hmp_parse_expression(Monitor *mon, const char *text, uint64_t *value);
/* Press at most SENDKEY_MAX keys now, release them in reverse after hold_ms (clamped to 1..10000). */
#define SENDKEY_MAX     16
#define SENDKEY_HOLD_MS 100
void sendkey_press(const int *keys, int count, int64_t hold_ms);
/* sendkey: keys joined by "-", pressed in order, released in reverse. */
void hmp_sendkey(Monitor *mon, const char *args);

/* What this machine has not: devices and netdevs that come while it runs. HMP and QMP say it alike. */
#define NO_HOTPLUG    "Bus 'pci.0' does not support hotplugging"
#define NO_NEW_NETDEV "netdevs are made at the start, by -netdev and -nic"

/* qtree.c */
void hmp_info_qtree(Monitor *mon, const char *args);
/* ringbuf.c */
void hmp_ringbuf_read(Monitor *mon, const char *args);
void hmp_ringbuf_write(Monitor *mon, const char *args);
/* x and xp. */
void hmp_examine(Monitor *mon, const char *args, bool physical);

#endif
