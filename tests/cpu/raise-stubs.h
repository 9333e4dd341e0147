/* tests/cpu/raise-stubs.h  Exceptions land in cpu->fault_jmp, where cpu_raise() of excp.c would also leave. */
#ifndef TESTS_CPU_RAISE_STUBS_H
#define TESTS_CPU_RAISE_STUBS_H

#include "target/i386/access.h"

void cpu_raise(CPUState *c, int vector, uint32_t error_code)
{
    c->exception_index = vector;
    c->error_code = error_code;
    c->has_error_code = true;
    siglongjmp(c->fault_jmp, 1);
}

void cpu_raise_noerr(CPUState *c, int vector)
{
    cpu_raise(c, vector, 0);
}

#endif
