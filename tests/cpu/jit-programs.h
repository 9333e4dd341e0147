/*
 * tests/cpu/jit-programs.h  Programs of 32-bit code for the bare machine of jit-machine.h, assembled by the compiler, and the memory
 * they start from: page tables for two processes, a TSS, gates.
 */
#ifndef TESTS_CPU_JIT_PROGRAMS_H
#define TESTS_CPU_JIT_PROGRAMS_H

#include "tests/cpu/jit-machine.h"

#define PD_A   0x4000u /* page directory and table of process A */
#define PT_A   0x5000u
#define PD_B   0x6000u
#define PT_B   0x7000u

/* Addresses in the text are 0x10000 + label - start for code that is placed at CODE. */
#define PROGRAM(name, text)                                                                                                          \
    extern const uint8_t name##_start[], name##_end[];                                                                                \
    __asm__(".pushsection .rodata\n.code32\n" #name "_start:\n.set start, " #name "_start\n" text "\n" #name "_end:\n.code64\n.popsection")

static uint8_t image[RAM_SIZE]; /* memory at the start */

static void place(uint32_t at, const uint8_t *start, const uint8_t *end)
{
    memcpy(image + at, start, (size_t)(end - start));
}
#define PLACE(at, name) place(at, name##_start, name##_end)

static void put_gate(int vector, uint32_t handler, unsigned dpl)
{
    uint64_t gate = (handler & 0xffff) | 8ull << 16 | (0x8eull | dpl << 5) << 40 | (uint64_t)(handler >> 16) << 48;
    memcpy(image + IDT + 8 * vector, &gate, 8);
}

static void put32(uint32_t at, uint32_t value)
{
    memcpy(image + at, &value, 4);
}

static void map_process(uint32_t directory, uint32_t table)
{
    put32(directory, table | 7);
    for (uint32_t page = 0; page < RAM_SIZE; page += PAGE_SIZE) {
        put32(table + (page >> PAGE_BITS) * 4, page | 7);
    }
}

static void system_tables(void)
{
    map_process(PD_A, PT_A);
    map_process(PD_B, PT_B);
    put32(TSS + 4, STACK);
    put32(TSS + 8, 0x10);
}

/* Only pages that differ are written: translated code of the others stays. */
static void load_image(bool paging)
{
    for (uint32_t a = 0; a < RAM_SIZE; a += PAGE_SIZE) {
        if (memcmp(mem + a, image + a, PAGE_SIZE)) {
            cpu_physical_memory_write(a, image + a, PAGE_SIZE);
        }
    }
    cpu_reset(cpu);
    cpu->gdt.base = GDT;
    cpu->gdt.limit = 0x37;
    cpu->idt.base = IDT;
    cpu->idt.limit = 0x81 * 8 - 1;
    cpu->cr0 |= CR0_PE | (paging ? CR0_PG | CR0_WP : 0);
    cpu->cr3 = PD_A;
    cpu_load_seg_cache(cpu, R_TR, 0x38, TSS, 0x67, 0x8b);
    machine_flat_segments();
    cpu->eip = CODE;
    cpu->gpr[R_ESP] = STACK;
    cpu->gpr[R_ESI] = 0x21000;
    cpu->icount = 0;
    mmio_state = 1;
}

#endif
