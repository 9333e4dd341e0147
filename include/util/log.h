/*
 * util/log.h  The debug log: -d ITEMS, -D FILE, -dfilter RANGES. Written for people; nothing in the machine depends on
 * it.
 *
 * Set up once, before the machine is built. What costs time asks log_enabled() where it is rare, or installs a hook
 * only when its item is on; so a run without -d pays nothing.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include "util/error.h"

/* One list: bit, name, help. */
#define LOG_ITEMS(ITEM)                                                                                    \
    ITEM(LOG_IN_ASM, 0, "in_asm", "show each block of guest code once, when it is decoded")                \
    ITEM(LOG_INT, 1, "int", "show interrupts and exceptions, and the CPU's state at each")                 \
    ITEM(LOG_EXEC, 2, "exec", "show the address of each block before it runs (lots of logs)")              \
    ITEM(LOG_CPU, 3, "cpu", "show CPU registers before each block (lots of logs)")                         \
    ITEM(LOG_FPU, 4, "fpu", "with 'cpu': show FPU and SSE registers too")                                  \
    ITEM(LOG_GUEST_ERRORS, 5, "guest_errors", "show what the guest does wrong (accesses to nothing, say)") \
    ITEM(LOG_NOCHAIN, 6, "nochain", "complete traces of 'exec' and 'cpu': they always are")

#define LOG_ENUM(id, bit, name, help) id = 1u << (bit),
enum { LOG_ITEMS(LOG_ENUM) };

extern uint32_t log_mask;

static inline bool log_enabled(uint32_t items)
{
    return unlikely(log_mask & items);
}

/* ---- configuration ---- */

/* "in_asm,int"; "all" is every item, "none" is none. */
bool log_set_items(const char *items, Error **errp);
/* Where the log goes instead of stderr; one "%d" in the name is the process number. The file is made when an item is
 * on. */
bool log_set_file(const char *path, Error **errp);
/* "START..END,START+LEN,START-LEN": only blocks of code that begin there (END included; -LEN: the LEN bytes up to
 * START). */
bool log_set_filter(const char *ranges, Error **errp);
/* After the options: open the file. */
bool log_open(Error **errp);
void log_help(FILE *out);

/* ---- writing; the vCPU thread, or any with machine_lock held ---- */

/* Is code at this address to be shown? */
bool log_in_filter(uint64_t addr);
void log_printf(const char *fmt, ...) QEMU_PRINTF(1, 2);
/* One guest mistake, as a whole line without newline; nothing unless guest_errors is on. For devices. */
void log_guest_error(const char *fmt, ...) QEMU_PRINTF(1, 2);

#endif
