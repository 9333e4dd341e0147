/*
 * tests/cpu/cpu-stubs.h  A CPU without segmentation, engine or chips, for the tests of paging, MSRs and CPUID.
 * Exceptions land in cpu->fault_jmp, where cpu_raise() of excp.c would also leave.
 */
#ifndef TESTS_CPU_CPU_STUBS_H
#define TESTS_CPU_CPU_STUBS_H

#include "accel/engine.h"
#include "hw/intc/intc.h"
#include "target/i386/access.h"
#include "util/main-loop.h"

static uint64_t stub_apic_base = 0xfee00900;
static Device stub_apic;
static int invalidations;
static ram_addr_t invalidated;

void cpu_raise(CPUState *cpu, int vector, uint32_t error_code)
{
    cpu->exception_index = vector;
    cpu->error_code = error_code;
    cpu->has_error_code = true;
    siglongjmp(cpu->fault_jmp, 1);
}

void cpu_raise_noerr(CPUState *cpu, int vector)
{
    cpu_raise(cpu, vector, 0);
}

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

uint64_t apic_get_base(Device *apic)
{
    (void)apic;
    return stub_apic_base;
}

bool apic_set_base(Device *apic, uint64_t value)
{
    (void)apic;
    stub_apic_base = value;
    return !(value & 0xff);
}

void apic_reset_on_init(Device *apic)
{
    (void)apic;
    stub_apic_base = 0xfee00900;
}

bool apic_msr_read(Device *apic, uint32_t reg, uint64_t *value)
{
    (void)apic;
    *value = reg;
    return true;
}

bool apic_msr_write(Device *apic, uint32_t reg, uint64_t value)
{
    (void)apic;
    return reg == value;
}

uint64_t apic_get_tsc_deadline(Device *apic)
{
    (void)apic;
    return 0;
}

void apic_set_tsc_deadline(Device *apic, uint64_t tsc)
{
    (void)apic;
    (void)tsc;
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
