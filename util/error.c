/* util/error.c  Errors of the user's making, and the assertion for our own. */
#include "util/error.h"

#include <errno.h>

struct Error {
    char *message;
    const char *class; /* NULL: GenericError */
};

Error *error_fatal;
static const char *program_name = "lockstep";
static ErrorReportHook *report_hook;

void error_init(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');
    program_name = slash ? slash + 1 : argv0;
}

const char *error_program_name(void)
{
    return program_name;
}

void error_set_report_hook(ErrorReportHook *hook)
{
    report_hook = hook;
}

static void report(const char *prefix, const char *message)
{
    if (report_hook && report_hook(message)) {
        return;
    }
    fprintf(stderr, "%s: %s%s\n", program_name, prefix, message);
}

static void error_set(Error **errp, char *message)
{
    if (errp == &error_fatal) {
        report("", message);
        exit(1);
    }
    if (!errp) {
        g_free(message);
        return;
    }
    lockstep_assert(!*errp, "second error \"%s\" over \"%s\"", message, (*errp)->message);
    *errp = g_new0(Error, 1);
    (*errp)->message = message;
}

void error_setg(Error **errp, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *message = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_set(errp, message);
}

void error_set_class(Error **errp, const char *class, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *message = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_set(errp, message);
    if (errp && *errp) {
        (*errp)->class = class;
    }
}

const char *error_get_class(const Error *err)
{
    return err->class ? err->class : "GenericError";
}

void error_setg_errno(Error **errp, int os_errno, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    char *message = g_strdup_printf("%s: %s", text, g_strerror(os_errno));
    g_free(text);
    error_set(errp, message);
}

void error_prepend(Error **errp, const char *fmt, ...)
{
    if (!errp || !*errp) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    char *prefix = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    char *message = g_strconcat(prefix, (*errp)->message, NULL);
    g_free(prefix);
    g_free((*errp)->message);
    (*errp)->message = message;
}

void error_propagate(Error **dst_errp, Error *local_err)
{
    if (local_err) {
        error_set(dst_errp, g_strdup(local_err->message));
        if (dst_errp && *dst_errp) {
            (*dst_errp)->class = local_err->class;
        }
        error_free(local_err);
    }
}

const char *error_get_pretty(const Error *err)
{
    return err->message;
}

void error_free(Error *err)
{
    if (err) {
        g_free(err->message);
        g_free(err);
    }
}

void error_report_err(Error *err)
{
    report("", err->message);
    error_free(err);
}

static void vreport(const char *prefix, const char *fmt, va_list ap)
{
    char *message = g_strdup_vprintf(fmt, ap);
    report(prefix, message);
    g_free(message);
}

void error_report(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vreport("", fmt, ap);
    va_end(ap);
}

void warn_report(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vreport("warning: ", fmt, ap);
    va_end(ap);
}

void error_assert_failed(const char *file, int line, const char *cond, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "%s: %s:%d: assertion failed: %s: ", program_name, file, line, cond);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}
