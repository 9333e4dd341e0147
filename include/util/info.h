/* util/info.h  What the monitor's info commands say: lines, to whoever asked. */
#ifndef UTIL_INFO_H
#define UTIL_INFO_H

#include <glib.h>
#include <stdarg.h>

#include "util/osdep.h"

/* Takes a line, without its end. */
typedef void InfoPrint(void *opaque, const char *line);

typedef struct InfoSink {
    InfoPrint *print;
    void *opaque;
} InfoSink;

/* One line, as printf() would make it. */
static inline void QEMU_PRINTF(2, 3) info_line(const InfoSink *sink, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *line = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    sink->print(sink->opaque, line);
}

#endif
