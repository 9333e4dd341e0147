/*
 * tests/cpu/coverage.h  Which rows of the instruction table a test program tests, printed for coverage.py: one line per row,
 * "row <how> <identity>". A row is told by all that distinguishes it from its neighbours, because programs hold different parts of the
 * table.
 */
#ifndef TESTS_CPU_COVERAGE_H
#define TESTS_CPU_COVERAGE_H

#include "target/i386/insn.h"

/* How a row is tested: against the host CPU, by code or handlers that check themselves on a whole system, by known answers. */
typedef enum CoverageKind { COVERAGE_HOST = 'A', COVERAGE_SYSTEM = 'B', COVERAGE_ANSWER = 'C' } CoverageKind;

static inline void coverage_print(const char *label, const InsnInfo *r)
{
    printf("# row %s %u:%02x:%u:%u%u%d:%d%u:%u,%u,%u:%x %s\n", label, r->map, r->opcode, r->prefix, r->modrm.has_modrm, r->modrm.mod,
           r->modrm.reg, r->modrm.rm, r->modrm.plus_r, r->operands[0], r->operands[1], r->operands[2], r->attributes, r->mnemonic);
}

static inline void coverage_row(const InsnInfo *r, CoverageKind how)
{
    const char label[2] = { (char)how, 0 };
    coverage_print(label, r);
}

#endif
