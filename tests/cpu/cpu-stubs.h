/*
 * tests/cpu/cpu-stubs.h  A CPU without segmentation, engine or chips, for the tests of paging, MSRs and CPUID.
 */
#ifndef TESTS_CPU_CPU_STUBS_H
#define TESTS_CPU_CPU_STUBS_H

#include "accel/engine.h"
#include "tests/cpu/apic-stubs.h"
#include "tests/cpu/raise-stubs.h"
#include "util/main-loop.h"

static Device stub_apic;
static int invalidations;
static ram_addr_t invalidated;

void cpu_mode_derive(CPUState *cpu)
{
    cpu->linear_mask = cpu_long_mode(cpu) ? ~0ull : 0xffffffff;
    cpu_alignment_derive(cpu);
}

void cpu_segment_derive(CPUState *cpu, int seg)
{
    cpu->seg[seg].read_end = cpu->seg[seg].write_end = cpu->seg[seg].limit + 1ull;
    cpu->seg[seg].linear_base = cpu->seg[seg].base;
}

void cpu_load_seg_cache(CPUState *cpu, int seg, uint16_t selector, uint64_t base, uint32_t limit, uint16_t attr)
{
    cpu->seg[seg] = (SegmentCache){ .selector = selector, .base = base, .limit = limit, .attr = attr };
    cpu_segment_derive(cpu, seg);
}

void cpu_set_cpl(CPUState *cpu, int cpl)
{
    cpu->cpl = (uint8_t)cpl;
    cpu->mmu_mode = cpl == 3 ? MMU_USER : MMU_KERNEL;
    cpu->fetch_page = 0;
    cpu_alignment_derive(cpu);
}

static void stub_invalidate(CPUState *cpu, ram_addr_t addr, uint64_t len)
{
    (void)cpu;
    (void)len;
    invalidations++;
    invalidated = addr;
}

static void stub_flush(CPUState *cpu)
{
    (void)cpu;
}

void qemu_notify_event(void)
{
}

static const ExecEngine stub_engine = { .name = "stub", .invalidate = stub_invalidate, .flush = stub_flush };

const ExecEngine *current_engine(void)
{
    return &stub_engine;
}

/* Runs `statement`; true when it raised `vector`. */
#define RAISES(cpu, vector, statement) \
    (sigsetjmp((cpu)->fault_jmp, 0) ? (cpu)->exception_index == (vector) : ((void)(statement), false))
/* Runs `statement`, which must not raise anything. */
#define RUN(cpu, statement)                                                                                    \
    do {                                                                                                       \
        if (sigsetjmp((cpu)->fault_jmp, 0)) {                                                                  \
            g_error("%s: exception %d(%x) at %" PRIx64, #statement, (cpu)->exception_index, (cpu)->error_code, \
                    (cpu)->exception_cr2);                                                                     \
        }                                                                                                      \
        statement;                                                                                             \
    } while (0)

#endif
