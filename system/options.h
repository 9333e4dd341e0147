/*
 * system/options.h  The command line, read into one struct. The parts of the set-up (system/machine.c,
 * system/consoles.c, vl.c) take from it what is their affair; nobody else sees it.
 */
#ifndef SYSTEM_OPTIONS_H
#define SYSTEM_OPTIONS_H

#include "util/error.h"

/* Arguments as given, not checked unless said so; NULL: the option was not given. */
typedef struct Options {
    const char *memory, *cpu, *kernel, *initrd, *append, *bios, *boot, *icount, *rtc, *debugcon, *name;
    const char *vga; /* "std" or "none" */
    const char *loadvm, *dump_vmstate;
    GPtrArray *serials, *parallels, *monitors, *devices, *chardevs, *mons, *qmps, *compares; /* of const char * */
    bool nographic, start_paused, nodefaults, no_hpet, no_acpi;
} Options;

extern Options opts;

/*
 * Read argv into opts. What belongs to one subsystem alone (drives, networks, logs, engine) is handed to it on the way.
 * -help, -version and "-OPTION help" print and end the process; so does a mistake, with exit status 1.
 */
void options_parse(int argc, char **argv, const char *default_cpu);
/* If err is set: "option arg: what is wrong" on stderr, exit status 1. arg may be NULL. */
void option_check(const char *option, const char *arg, Error *err);

#endif
