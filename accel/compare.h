/*
 * accel/compare.h  The machine's state at given instruction counts of a replay, so that the same replay under two engines
 * can be compared: scripts/lockstep.py.
 */
#ifndef ACCEL_COMPARE_H
#define ACCEL_COMPARE_H

#include "util/error.h"

/*
 * -rrcompare digests=FILE[,every=N][,from=N]: a line per N instructions (1000000): icount, digest of the whole machine, and the
 * instruction that comes next. FILE may be /dev/fd/N.
 * -rrcompare state=PREFIX,at=N[,against=PREFIX]: write PREFIX.state, .ram and .txt there, and PREFIX.diff, all differences to the
 * other one. Before replay_start(); may be given several times.
 */
void compare_configure(const char *arg, Error **errp);

#endif
