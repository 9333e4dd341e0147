/* target/i386/disas.h  Machine code as text, for people: the monitor and -d in_asm. AT&T syntax, by Zydis. */
#ifndef TARGET_I386_DISAS_H
#define TARGET_I386_DISAS_H

#include "target/i386/cpu.h"

#define DISAS_INSN_MAX 15
#define DISAS_TEXT_MAX 128

typedef enum DisasMode { DISAS_CODE16, DISAS_CODE32, DISAS_CODE64 } DisasMode;

/* What CS says that code is. */
DisasMode disas_mode(const CPUState *cpu);
/*
 * The instruction in bytes[0..len), which lies at addr, as text. Returns its length; what is no instruction is "(bad)",
 * one byte long. len 0 gives 0.
 */
size_t disas_insn(DisasMode mode, uint64_t addr, const uint8_t *bytes, size_t len, char text[DISAS_TEXT_MAX]);

#endif
