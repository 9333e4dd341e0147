/*
 * tests/cpu/coverage.h  Which rows of the instruction table a test program tests, printed for coverage.py: a line "#
 * row <how> <identity> <mnemonic>" for each row. Programs hold different parts of the table, so a row is told by what
 * distinguishes it from its neighbours.
 */
#ifndef TESTS_CPU_COVERAGE_H
#define TESTS_CPU_COVERAGE_H

#include "target/i386/insn.h"

/* Against the host CPU; on a system that the test has set up and looks at afterwards; by known answers. EXISTS: the
 * table itself. */
typedef enum CoverageKind {
    COVERAGE_HOST = 'A',
    COVERAGE_SYSTEM = 'B',
    COVERAGE_ANSWER = 'C',
    COVERAGE_EXISTS = 'T'
} CoverageKind;

/* coverage.py asks for the lists and not for all cases: one for each row is enough. */
static inline bool coverage_only(void)
{
    return g_getenv("LOCKSTEP_COVERAGE") != NULL;
}

/* Prints what was not printed before. */
static inline void coverage_line(char *line)
{
    static GHashTable *seen;
    seen = seen ? seen : g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (coverage_only() && !g_hash_table_contains(seen, line)) {
        printf("\n%s\n", line);
        g_hash_table_add(seen, line);
    } else {
        g_free(line);
    }
}

static inline void coverage_row(const InsnInfo *r, CoverageKind how)
{
    coverage_line(g_strdup_printf("# row %c %u:%02x:%u:%u%u%d:%d%u:%u,%u,%u:%x %s", how, r->map, r->opcode, r->prefix,
                                  r->modrm.has_modrm, r->modrm.mod, r->modrm.reg, r->modrm.rm, r->modrm.plus_r,
                                  r->operands[0], r->operands[1], r->operands[2], r->attributes, r->mnemonic));
}

/* Tests that call handlers without a table know their names, and coverage.py the rows that have them. */
static inline void coverage_handler(const char *name)
{
    coverage_line(g_strdup_printf("# handler %s", name));
}

#endif
