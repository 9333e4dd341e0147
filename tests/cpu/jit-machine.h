/*
 * tests/cpu/jit-machine.h  The real processor on bare flat RAM, with both engines: for test-jit.c. Paging is off or maps every page on
 * itself; every exception ends in HLT.
 */
#ifndef TESTS_CPU_JIT_MACHINE_H
#define TESTS_CPU_JIT_MACHINE_H

#include "accel/jit/jit.h"
#include "accel/jit/jit-private.h"
#include "replay/replay.h"
#include "sysemu/cpus.h"
#include "sysemu/runstate.h"
#include "util/timer.h"

#define CODE     0x10000u
#define DATA     0x20000u /* registers point around here */
#define STACK    0x30000u
#define RAM_SIZE 0x40000u
#define IDT      0x2000u
#define HANDLERS 0x3000u /* 32 times HLT */

void replay_exception(void)
{
}
void replay_interrupt(void)
{
}
void vmstate_register(const char *id, int instance, const VMStateDescription *vmsd, void *opaque)
{
}
uint64_t vmstate_digest_object(const VMStateDescription *vmsd, void *opaque)
{
    return 0;
}
void cpus_kick(void)
{
}
static const ExecEngine *engine = &interp_engine;
const ExecEngine *current_engine(void)
{
    return engine;
}
int64_t qemu_clock_get_ns(QEMUClockType type)
{
    return 0;
}
#define NO_APIC(name)                         \
    void name(void)                           \
    {                                         \
        g_error("%s without an APIC", #name); \
    }
NO_APIC(apic_get_base)
NO_APIC(apic_get_tpr)
NO_APIC(apic_set_tpr)
NO_APIC(apic_get_tsc_deadline)
NO_APIC(apic_msr_read)
NO_APIC(apic_msr_write)
NO_APIC(apic_reset_on_init)
NO_APIC(apic_set_base)
NO_APIC(apic_set_tsc_deadline)

static MemoryRegion ram;
static uint8_t *mem;
static CPUState *cpu;

/* With paging the stack may be where no exception can be delivered. */
void qemu_system_reset_request(ShutdownCause cause)
{
    if (!(cpu->cr0 & CR0_PG)) {
        g_error("triple fault, cause %d", cause);
    }
}

static void machine_init(void)
{
    Error *err = NULL;
    memory_init();
    memory_region_init_ram(&ram, "ram", RAM_SIZE);
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    mem = memory_region_get_ram_ptr(&ram);
    cpu = cpu_new("max", 0, &err);
    g_assert_true(cpu != NULL);
    jit_config.threshold = 1;
    jit_config.cache_bytes = 2 * MiB;
    g_assert_true(jit_init());
    jit_engine.init_cpu(cpu);
}

static void machine_flat_segments(void)
{
    cpu_load_seg_cache(cpu, R_CS, 8, 0, 0xffffffff, 0xc09b);
    for (int seg = R_ES; seg <= R_GS; seg++) {
        if (seg != R_CS) {
            cpu_load_seg_cache(cpu, seg, 16, 0, 0xffffffff, 0xc093);
        }
    }
    cpu_mode_derive(cpu);
}

/* Everything from the start: flat protected mode, no translations. */
static void machine_reset(void)
{
    static const uint64_t gdt[3] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };
    memset(mem, 0, RAM_SIZE);
    jit_engine.flush(cpu);
    cpu_reset(cpu);
    memcpy(mem + 0x1000, gdt, sizeof(gdt));
    for (uint32_t i = 0; i < 32; i++) {
        uint64_t gate = (HANDLERS + i) | 8ull << 16 | 0x8eull << 40;
        memcpy(mem + IDT + 8 * i, &gate, 8);
        mem[HANDLERS + i] = 0xf4;
    }
    cpu->gdt.base = 0x1000;
    cpu->gdt.limit = sizeof(gdt) - 1;
    cpu->idt.base = IDT;
    cpu->idt.limit = 32 * 8 - 1;
    cpu->cr0 |= CR0_PE;
    machine_flat_segments();
    cpu->eip = CODE;
    cpu->gpr[R_ESP] = STACK;
}

#define PAGE_DIRECTORY 0x4000u
#define PAGE_TABLE     0x5000u

/* Paging on, every page on itself, but page DATA + missing pages is absent and the one after it read-only. */
static void machine_paging(uint32_t missing)
{
    uint32_t entry = PAGE_TABLE | 7;
    memcpy(mem + PAGE_DIRECTORY, &entry, 4);
    for (uint32_t i = 0; i < 1024; i++) {
        uint32_t page = DATA / PAGE_SIZE + missing;
        entry = i * PAGE_SIZE | (i == page ? 0 : i == page + 1 ? 5 : 7);
        memcpy(mem + PAGE_TABLE + 4 * i, &entry, 4);
    }
    cpu_set_cr3(cpu, PAGE_DIRECTORY);
    cpu_set_cr0(cpu, cpu->cr0 | CR0_PG | CR0_WP);
}

#endif
