/* target/i386/cpu-log.h  The hook for -d int: what the CPU delivers, before it changes anything. */
#ifndef TARGET_I386_CPU_LOG_H
#define TARGET_I386_CPU_LOG_H

#include "target/i386/cpu.h"

typedef enum CPULogKind {
    CPU_LOG_EVENT,        /* exception, trap or hardware interrupt, about to be delivered */
    CPU_LOG_SOFTWARE,     /* the same for INT n, INT3, INTO */
    CPU_LOG_ACKNOWLEDGED, /* a controller gave its vector */
    CPU_LOG_SMI,
    CPU_LOG_SHUTDOWN /* triple fault */
} CPULogKind;

typedef void CPULogInterrupt(CPUState *cpu, CPULogKind kind, int vector, uint32_t error);
/* NULL where nobody wants to know. excp.c */
extern CPULogInterrupt *cpu_log_interrupt;

#endif
