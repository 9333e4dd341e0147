/* LINK: @cpu hw/core/memory.c hw/core/ram.c util/error.c util/log.c util/rng.c -lxxhash -lm */
/*
 * tests/cpu/test-run.c  The interpreter with the real processor on bare RAM: whole small programs, whose result must
 * not depend on how execution is sliced; self-modifying code and memory map changes through the real TLB;
 * single-stepping through a real IDT.
 */
#include "tests/cpu/machine-stubs.h"

#define CODE     0x100000
#define STACK    0x800000
#define RAM_SIZE (16 * MiB)

const ExecEngine *current_engine(void)
{
    return &interp_engine;
}

static MemoryRegion ram, overlay;
static uint8_t *mem;
static CPUState *cpu;

/* ---- programs ---- */

/* Fill 1000 dwords with an LCG, REP MOVSD them, hash the copy byte by byte. */
static const uint8_t mix[] = {
    0xbe, 0x00, 0x00, 0x20, 0x00,       /*    mov  $0x200000, %esi */
    0xbf, 0x00, 0x00, 0x30, 0x00,       /*    mov  $0x300000, %edi */
    0xb9, 0xe8, 0x03, 0x00, 0x00,       /*    mov  $1000, %ecx */
    0x69, 0xc0, 0x0d, 0x66, 0x19, 0x00, /* 1: imul $1664525, %eax, %eax */
    0x05, 0x5f, 0xf3, 0x6e, 0x3c,       /*    add  $1013904223, %eax */
    0x89, 0x04, 0x8e,                   /*    mov  %eax, (%esi,%ecx,4) */
    0xe2, 0xf0,                         /*    loop 1b */
    0xb9, 0x00, 0x04, 0x00, 0x00,       /*    mov  $0x400, %ecx */
    0xfc, 0xf3, 0xa5,                   /*    cld; rep movsl */
    0xb9, 0x00, 0x10, 0x00, 0x00,       /*    mov  $0x1000, %ecx */
    0xbf, 0x00, 0x00, 0x30, 0x00,       /*    mov  $0x300000, %edi */
    0x31, 0xd2,                         /*    xor  %edx, %edx */
    0x0f, 0xb6, 0x1f,                   /* 2: movzbl (%edi), %ebx */
    0x01, 0xda, 0xc1, 0xca, 0x03,       /*    add  %ebx, %edx; ror $3, %edx */
    0x52, 0x5d, 0x47, 0x49,             /*    push %edx; pop %ebp; inc %edi; dec %ecx */
    0x75, 0xf2, 0xf4                    /*    jnz  2b; hlt */
};
#define MIX_ICOUNT (3 + 4 * 1000 + 2 + 0x400 + 3 + 8 * 0x1000 + 1)

/* Adds 1, 2, ... 100 by incrementing the immediate of the next instruction. */
static const uint8_t smc[] = {
    0xb9, 0x64, 0x00, 0x00, 0x00,       /*    mov  $100, %ecx */
    0x31, 0xc0,                         /*    xor  %eax, %eax */
    0xfe, 0x05, 0x0f, 0x00, 0x10, 0x00, /* 1: incb CODE+15 */
    0x83, 0xc0, 0x00,                   /*    add  $0, %eax */
    0x49, 0x75, 0xf4, 0xf4              /*    dec  %ecx; jnz 1b; hlt */
};

/* TF on, three NOPs, TF off. */
static const uint8_t stepping[] = {
    0x9c, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d, /* pushf; orl $0x100, (%esp); popf */
    0x90, 0x90, 0x90,                                     /* nop; nop; nop */
    0x9c, 0x81, 0x24, 0x24, 0xff, 0xfe, 0xff, 0xff, 0x9d, /* pushf; andl $~0x100, (%esp); popf */
    0xf4                                                  /* hlt */
};
static const uint8_t count_trap[] = { 0xff, 0x05, 0x00, 0x00, 0x50, 0x00, 0xcf }; /* incl 0x500000; iret */

/* 10 + 9 + ... + 1 */
static const uint8_t sum16[] = { 0xb9, 0x0a, 0x00, 0x31, 0xc0, 0x01, 0xc8, 0xe2, 0xfc, 0xf4 };

static void write_code(uint32_t addr, const uint8_t *bytes, size_t len)
{
    cpu_physical_memory_write(addr, bytes, len);
}

static void reset(void)
{
    memset(mem, 0, RAM_SIZE);
    interp_engine.flush(cpu);
    cpu_reset(cpu);
    cpu->icount = 0;
    cpu->run_end = NULL;
}

/* A flat GDT at 0x1000: 8 code, 16 data. */
static void reset_flat32(void)
{
    static const uint64_t gdt[3] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };
    reset();
    memcpy(mem + 0x1000, gdt, sizeof(gdt));
    cpu->gdt.base = 0x1000;
    cpu->gdt.limit = sizeof(gdt) - 1;
    cpu->cr0 |= CR0_PE;
    cpu_load_seg_cache(cpu, R_CS, 8, 0, 0xffffffff, 0xc09b);
    for (int seg = R_ES; seg <= R_GS; seg++) {
        if (seg != R_CS) {
            cpu_load_seg_cache(cpu, seg, 16, 0, 0xffffffff, 0xc093);
        }
    }
    cpu_mode_derive(cpu);
    cpu->eip = CODE;
    cpu->gpr[R_ESP] = STACK;
}

static void run_to_halt(int64_t slice)
{
    while (interp_engine.exec(cpu, slice) != EXIT_HALT) {
        g_assert_cmpint(cpu->icount, <, 10000000);
    }
}

/* ---- tests ---- */

static void test_mix_any_slicing(void)
{
    uint32_t eax = 0, edx = 0;
    for (int64_t slice = 1000000; slice > 0; slice /= 7) {
        reset_flat32();
        write_code(CODE, mix, sizeof(mix));
        cpu->gpr[R_EAX] = 1;
        run_to_halt(slice);
        g_assert_cmpint(cpu->icount, ==, MIX_ICOUNT);
        g_assert_cmpmem(mem + 0x200000, 0x1000, mem + 0x300000, 0x1000);
        if (slice != 1000000) {
            g_assert_cmphex(cpu->gpr[R_EAX], ==, eax);
            g_assert_cmphex(cpu->gpr[R_EDX], ==, edx);
        }
        eax = (uint32_t)cpu->gpr[R_EAX];
        edx = (uint32_t)cpu->gpr[R_EDX];
    }
    uint32_t expected = 1;
    for (int i = 0; i < 1000; i++) {
        expected = expected * 1664525 + 1013904223;
    }
    g_assert_cmphex(eax, ==, expected);
}

static void test_smc(void)
{
    reset_flat32();
    write_code(CODE, smc, sizeof(smc));
    run_to_halt(1000000);
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 5050);
    g_assert_cmpint(cpu->icount, ==, 2 + 4 * 100 + 1);
}

/* The same program across a page boundary, at every offset. */
static void test_smc_crossing(void)
{
    for (uint32_t i = 0; i < sizeof(smc); i++) {
        uint8_t code[sizeof(smc)];
        uint32_t at = CODE + 0x1000 - i, patched = at + 15;
        memcpy(code, smc, sizeof(smc));
        memcpy(code + 9, &patched, 4);
        reset_flat32();
        write_code(at, code, sizeof(code));
        cpu->eip = at;
        run_to_halt(1000000);
        g_assert_cmpuint(cpu->gpr[R_EAX], ==, 5050);
    }
}

/* A DMA master rewrites code between two slices. */
static void test_dma_over_code(void)
{
    static const uint8_t inc_loop[] = { 0x40, 0xeb, 0xfd }, dec_loop[] = { 0x48, 0xeb, 0xfd };
    reset_flat32();
    write_code(CODE, inc_loop, sizeof(inc_loop));
    interp_engine.exec(cpu, 2000);
    write_code(CODE, dec_loop, sizeof(dec_loop));
    interp_engine.exec(cpu, 1000);
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 500);
}

/* Another region appears over the code, as PAM registers do. */
static void test_map_change(void)
{
    static const uint8_t inc_loop[] = { 0x40, 0xeb, 0xfd }, dec_loop[] = { 0x48, 0xeb, 0xfd };
    reset_flat32();
    write_code(CODE, inc_loop, sizeof(inc_loop));
    memcpy(memory_region_get_ram_ptr(&overlay), dec_loop, sizeof(dec_loop));
    interp_engine.exec(cpu, 2000);
    memory_region_set_enabled(&overlay, true);
    interp_engine.exec(cpu, 1000);
    memory_region_set_enabled(&overlay, false);
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 500);
    interp_engine.exec(cpu, 1000);
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 1000);
}

static void test_single_step(void)
{
    reset_flat32();
    write_code(CODE, stepping, sizeof(stepping));
    write_code(CODE + 0x1000, count_trap, sizeof(count_trap));
    uint64_t gate = 0x00008e0000080000 | ((uint64_t)((CODE + 0x1000) >> 16) << 48) | ((CODE + 0x1000) & 0xffff);
    memcpy(mem + 0x2000 + 8, &gate, 8);
    cpu->idt.base = 0x2000;
    cpu->idt.limit = 0xff;
    run_to_halt(1000000);
    g_assert_cmpuint(ldl_le_p(mem + 0x500000), ==, 6);
    /* the program's ten, and for each trap a delivery, INC and IRET */
    g_assert_cmpint(cpu->icount, ==, 10 + 6 * 3);
}

static void test_real_mode(void)
{
    reset();
    write_code(0x7c00, sum16, sizeof(sum16));
    cpu_load_seg_cache(cpu, R_CS, 0, 0, 0xffff, 0x9b);
    cpu_mode_derive(cpu);
    cpu->eip = 0x7c00;
    run_to_halt(7);
    g_assert_cmpuint(cpu->gpr[R_EAX] & 0xffff, ==, 55);
    g_assert_cmpint(cpu->icount, ==, 2 + 2 * 10 + 1);
}

static void test_speed(void)
{
    static const uint8_t count_down[] = { 0x01, 0xc8, 0x89, 0x04, 0x24, 0x49, 0x75, 0xf8, 0xf4 };
    reset_flat32();
    write_code(CODE, count_down, sizeof(count_down)); /* add %ecx, %eax; mov %eax, (%esp); dec %ecx; jnz */
    cpu->gpr[R_ECX] = 1000000;
    gint64 start = g_get_monotonic_time();
    run_to_halt(1000000);
    g_test_message("%.0f million instructions per second", (double)cpu->icount / (g_get_monotonic_time() - start));
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, (uint32_t)500000500000);
}

static void make_machine(void)
{
    memory_init();
    memory_region_init_ram(&ram, "ram", RAM_SIZE);
    memory_region_init_ram(&overlay, "overlay", PAGE_SIZE);
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    memory_region_add_subregion_overlap(get_system_memory(), CODE, &overlay, 1);
    memory_region_set_enabled(&overlay, false);
    mem = memory_region_get_ram_ptr(&ram);
    cpu = cpu_new("qemu32", 0, NULL);
    g_assert_nonnull(cpu);
    interp_engine.init_cpu(cpu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    make_machine();
    g_test_add_func("/run/mix-any-slicing", test_mix_any_slicing);
    g_test_add_func("/run/smc", test_smc);
    g_test_add_func("/run/smc-crossing", test_smc_crossing);
    g_test_add_func("/run/dma-over-code", test_dma_over_code);
    g_test_add_func("/run/map-change", test_map_change);
    g_test_add_func("/run/single-step", test_single_step);
    g_test_add_func("/run/real-mode", test_real_mode);
    g_test_add_func("/run/speed", test_speed);
    return g_test_run();
}
