/* version.h  One place for the version. */
#ifndef VERSION_H
#define VERSION_H

#define LOCKSTEP_VERSION "0.1.0"

#endif
