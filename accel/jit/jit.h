/* accel/jit/jit.h  The JIT as the rest of the program sees it, besides ExecEngine. */
#ifndef ACCEL_JIT_JIT_H
#define ACCEL_JIT_JIT_H

#include "accel/engine.h"
#include "util/option.h"

extern const ExecEngine jit_engine;
/* Gets the memory for code. False: the host does not allow it, and there is no JIT. */
bool jit_init(void);
/* -accel jit,KEY=VALUE: tb-size (MiB), stress, stress-seed. Before jit_init(). */
bool jit_option(const char *key, const char *value, Error **errp);

#endif
