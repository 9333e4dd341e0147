/* sysemu/sysemu.h  What the command line says about the machine as a whole, for whoever is asked: set once by vl.c and
 * system/ before the machine is built. */
#ifndef SYSEMU_SYSEMU_H
#define SYSEMU_SYSEMU_H

#include "util/osdep.h"

typedef struct MachineIdentity {
    const char *name;   /* -name, or NULL */
    const char *target; /* "i386", "x86_64" */
    uint8_t uuid[16];   /* -uuid, in the order of its text; zeroes without */
    uint64_t ram_size;  /* bytes */
} MachineIdentity;

extern MachineIdentity machine_identity;

/* "8-4-4-4-12" hex digits; false when it is none. */
bool uuid_parse(const char *text, uint8_t uuid[16]);
char *uuid_text(const uint8_t uuid[16]); /* g_free it */

#endif
