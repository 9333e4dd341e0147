/*
 * tests/cpu/jit-machine.h  The real processor on bare flat RAM, with both engines: for test-jit.c. Paging is off, or (long mode) maps
 * pages on themselves: most writable, one not, one missing, one of MMIO. Every exception ends in HLT.
 */
#ifndef TESTS_CPU_JIT_MACHINE_H
#define TESTS_CPU_JIT_MACHINE_H

#include "accel/jit/jit-private.h"
#include "accel/jit/jit.h"
#define MACHINE_MAY_RESET /* a triple fault, by accident; the CPU halts */
#include "tests/cpu/machine-stubs.h"

#define CODE     0x10000u
#define DATA     0x20000u /* registers point around here */
#define STACK    0x30000u
#define RAM_SIZE 0x40000u
#define IDT      0x2000u
#define HANDLERS 0x3000u /* 32 times HLT */
#define GDT      0x1000u
#define TABLES   0x4000u /* PML4, PDPT, PD, PT */
#define TSS      0x8000u
#define READONLY (DATA + 0x2000) /* pages of long mode */
#define MISSING  (DATA + 0x4000)
#define MMIO     (DATA + 0x5000)

/* What the machine is in. */
typedef enum MachineMode { FLAT32, CODE64_KERNEL, CODE64_USER, COMPAT_KERNEL, COMPAT_USER } MachineMode;
static MachineMode machine_mode;
static inline bool machine_is_64(void)
{
    return machine_mode == CODE64_KERNEL || machine_mode == CODE64_USER;
}

static const ExecEngine *engine = &interp_engine;
const ExecEngine *current_engine(void)
{
    return engine;
}
static MemoryRegion ram, mmio;
static uint8_t *mem;
static CPUState *cpu;

/* A device that remembers how it was touched. It can write memory: a byte that comes to mmio_dma_offset goes to *mmio_dma_target. */
static uint64_t mmio_state;
static hwaddr mmio_dma_offset = PAGE_SIZE;
static const uint32_t *mmio_dma_target;

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)opaque;
    mmio_state = mmio_state * 31 + addr * 8 + size;
    return mmio_state;
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    (void)opaque;
    mmio_state = (mmio_state + value) * 33 + addr * 8 + size;
    if (addr == mmio_dma_offset) {
        cpu_physical_memory_write(*mmio_dma_target, &(uint8_t){ (uint8_t)value }, 1);
    }
}

static const MemoryRegionOps mmio_ops = { .read = mmio_read, .write = mmio_write, .min_access = 1, .max_access = 8 };

static void machine_init(void)
{
    Error *err = NULL;
    memory_init();
    memory_region_init_ram(&ram, "ram", RAM_SIZE);
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    mem = memory_region_get_ram_ptr(&ram);
    memory_region_init_io(&mmio, &mmio_ops, NULL, "mmio", PAGE_SIZE);
    memory_region_add_subregion_overlap(get_system_memory(), MMIO, &mmio, 1);
    cpu_set_target_name("x86_64");
    cpu = cpu_new("max", 0, &err);
    g_assert_true(cpu != NULL);
    machine_clock_cpu = cpu;
    jit_config.threshold = 1;
    jit_config.cache_bytes = 2 * MiB;
    g_assert_true(jit_init());
    jit_engine.init_cpu(cpu);
}

/* GDT: 08 code, 10 data, 18 code64; of level 3: 20 code, 28 data, 30 code64; 38 TSS. */
static void machine_flat_segments(void)
{
    static const struct {
        uint16_t cs, cs_attr, ss;
        uint16_t ss_attr;
    } segments[] = {
        [FLAT32] = { 0x08, 0xc09b, 0x10, 0xc093 },        [CODE64_KERNEL] = { 0x18, 0xa09b, 0x10, 0xc093 },
        [CODE64_USER] = { 0x33, 0xa0fb, 0x2b, 0xc0f3 },   [COMPAT_KERNEL] = { 0x08, 0xc09b, 0x10, 0xc093 },
        [COMPAT_USER] = { 0x23, 0xc0fb, 0x2b, 0xc0f3 },
    };
    bool user = machine_mode == CODE64_USER || machine_mode == COMPAT_USER;
    cpu_load_seg_cache(cpu, R_CS, segments[machine_mode].cs, 0, 0xffffffff, segments[machine_mode].cs_attr);
    for (int seg = R_ES; seg <= R_GS; seg++) {
        if (seg != R_CS) {
            uint64_t base = machine_mode != FLAT32 && seg >= R_FS ? DATA + 0x100u * (unsigned)seg : 0;
            cpu_load_seg_cache(cpu, seg, segments[machine_mode].ss, base, 0xffffffff, segments[machine_mode].ss_attr);
        }
    }
    cpu_set_cpl(cpu, user ? 3 : 0);
    cpu_mode_derive(cpu);
}

static void put64(uint32_t address, uint64_t value)
{
    memcpy(mem + address, &value, 8);
}

static void make_descriptors(void)
{
    static const uint64_t gdt[7] = { 0,
                                     0x00cf9b000000ffff,
                                     0x00cf93000000ffff,
                                     0x00af9b000000ffff,
                                     0x00cffb000000ffff,
                                     0x00cff3000000ffff,
                                     0x00affb000000ffff };
    bool is_long = machine_mode != FLAT32;
    memcpy(mem + GDT, gdt, sizeof(gdt));
    for (uint32_t i = 0; i < 32; i++) {
        uint64_t selector = is_long ? 0x18 : 0x08;
        put64(IDT + (is_long ? 16 : 8) * i, (HANDLERS + i) | selector << 16 | 0x8eull << 40);
        mem[HANDLERS + i] = 0xf4;
    }
    cpu->gdt.base = GDT;
    cpu->gdt.limit = sizeof(gdt) - 1;
    cpu->idt.base = IDT;
    cpu->idt.limit = 32 * (is_long ? 16 : 8) - 1;
}

static void make_page_tables(void)
{
    for (uint32_t level = 0; level < 3; level++) {
        put64(TABLES + level * PAGE_SIZE, (TABLES + (level + 1) * PAGE_SIZE) | 7);
    }
    for (uint32_t page = 0; page < RAM_SIZE; page += PAGE_SIZE) {
        put64(TABLES + 3 * PAGE_SIZE + (page >> PAGE_BITS) * 8, page == MISSING ? 0 : page | (page == READONLY ? 5 : 7));
    }
}

static void enter_long_mode(void)
{
    make_page_tables();
    put64(TSS + 4, STACK + 0x8000);
    cpu->cr4 |= CR4_PAE;
    cpu->cr3 = TABLES;
    cpu->efer |= EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
    cpu->cr0 |= CR0_PG | CR0_WP;
    cpu_load_seg_cache(cpu, R_TR, 0x38, TSS, 0x67, 0x8b);
}

/* Everything from the start: flat segments, no translations. */
static void machine_reset(void)
{
    memset(mem, 0, RAM_SIZE);
    jit_engine.flush(cpu);
    cpu_reset(cpu);
    make_descriptors();
    cpu->cr0 |= CR0_PE;
    if (machine_mode != FLAT32) {
        enter_long_mode();
    }
    machine_flat_segments();
    cpu->eip = CODE;
    cpu->gpr[R_ESP] = STACK;
}

/* FLAT32: paging on, with the same pages as in long mode. */
static inline void machine_paging(void)
{
    uint32_t directory = (TABLES + PAGE_SIZE) | 7;
    memcpy(mem + TABLES, &directory, 4);
    for (uint32_t page = 0; page < RAM_SIZE; page += PAGE_SIZE) {
        uint32_t entry = page == MISSING ? 0 : page | (page == READONLY ? 5 : 7);
        memcpy(mem + TABLES + PAGE_SIZE + page / PAGE_SIZE * 4, &entry, 4);
    }
    cpu_set_cr3(cpu, TABLES);
    cpu_set_cr0(cpu, cpu->cr0 | CR0_PG | CR0_WP);
}

/* Until so many instructions have retired, or HLT. */
static inline void run_for(const ExecEngine *e, int64_t budget)
{
    engine = e;
    while (budget > 0) {
        int64_t before = cpu->icount;
        ExitReason reason = e->exec(cpu, budget);
        budget -= cpu->icount - before;
        if (reason == EXIT_HALT) {
            return;
        }
        cpu->exit_request = 0;
    }
}

#endif
