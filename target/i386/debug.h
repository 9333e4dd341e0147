/* target/i386/debug.h  Debug registers: which accesses and instructions they watch. SDM 3B, 18.2. Implemented in
 * debug.c. */
#ifndef TARGET_I386_DEBUG_H
#define TARGET_I386_DEBUG_H

#include "target/i386/access.h"

#define DR6_BD       (1u << 13)
#define DR6_BS       (1u << 14)
#define DR6_BT       (1u << 15)
#define DR6_FIXED_1  0xffff0ff0u
#define DR6_WRITABLE 0x0000e00fu
#define DR7_GD       (1u << 13)
#define DR7_FIXED_1  0x00000400u
#define DR7_WRITABLE 0xffff23ffu

/* Recompute has_breakpoints and the fast TLB tags: after DR0-3, DR7 or CR4.DE changed. */
void cpu_debug_derive(CPUState *cpu);
/* May a data breakpoint lie on this linear page? write: any kind; otherwise only those that also watch reads. */
bool cpu_page_watched(const CPUState *cpu, uint64_t page, bool write);
/* A data access was made: note the breakpoints it hit in pending_db and end the block. */
void cpu_check_watchpoints(CPUState *cpu, uint64_t la, unsigned size, bool write);
/* The same for a port access; needs CR4.DE. */
void cpu_check_io_breakpoint(CPUState *cpu, uint16_t port, unsigned size);
/* DR6 bits of the enabled instruction breakpoints at linear address la; 0 when none (then nothing is to be done). */
uint32_t cpu_insn_breakpoints(const CPUState *cpu, uint64_t la);
/* Before an instruction, when has_breakpoints: raises #DB (a fault) when one lies at CS:EIP and EFLAGS.RF is clear. */
void cpu_check_insn_breakpoint(CPUState *cpu);

#endif
