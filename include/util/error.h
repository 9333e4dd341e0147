/*
 * util/error.h  Errors of the user's making: one clear sentence, reported once, by whoever consumes it.
 *
 * A function that can fail for such a reason returns false (or NULL, or -1) and takes `Error **errp` last.
 * errp may be NULL (the caller does not care), &error_fatal (print and exit with status 1) or point to a NULL Error *.
 */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include "util/osdep.h"

typedef struct Error Error;

extern Error *error_fatal; /* pass &error_fatal: the error is printed and the process exits with status 1 */

/* Set *errp to a sentence without full stop or newline that names the offending value. */
void error_setg(Error **errp, const char *fmt, ...) QEMU_PRINTF(2, 3);
/* As error_setg, with a class that QMP clients can tell apart ("DeviceNotFound"); the others are "GenericError". class
 * is a literal. */
void error_set_class(Error **errp, const char *class, const char *fmt, ...) QEMU_PRINTF(3, 4);
const char *error_get_class(const Error *err);
/* As error_setg, with ": strerror(os_errno)" appended. */
void error_setg_errno(Error **errp, int os_errno, const char *fmt, ...) QEMU_PRINTF(3, 4);
/* Put text in front of the message of *errp, which is set. */
void error_prepend(Error **errp, const char *fmt, ...) QEMU_PRINTF(2, 3);
/* Hand local_err (may be NULL) up to dst_errp. Takes ownership of local_err. */
void error_propagate(Error **dst_errp, Error *local_err);
const char *error_get_pretty(const Error *err);
void error_free(Error *err);
/* Print err to stderr as "PROGRAM: message" and free it. */
void error_report_err(Error *err);

/* Print "PROGRAM: message" to stderr (or to the monitor whose command is running, see monitor/monitor.h). */
void error_report(const char *fmt, ...) QEMU_PRINTF(1, 2);
void warn_report(const char *fmt, ...) QEMU_PRINTF(1, 2);
/* Name that stands in front of messages; called once from main() with argv[0]. */
void error_init(const char *argv0);
const char *error_program_name(void);

/* Where messages go instead of stderr: returns true when it took the message. The monitor installs one. */
typedef bool ErrorReportHook(const char *message);
void error_set_report_hook(ErrorReportHook *hook);

/* Our own mistake: print context and abort. Stays on in release builds. */
#define lockstep_assert(cond, ...)                                       \
    do {                                                                 \
        if (unlikely(!(cond))) {                                         \
            error_assert_failed(__FILE__, __LINE__, #cond, __VA_ARGS__); \
        }                                                                \
    } while (0)
void error_assert_failed(const char *file, int line, const char *cond, const char *fmt, ...) __attribute__((noreturn))
QEMU_PRINTF(4, 5);

#endif
