/* LINK: @cpu @jit hw/core/memory.c hw/core/ram.c util/error.c util/log.c util/option.c util/rng.c -lxxhash -lm */
/*
 * tests/bench/bench-engines.c  How fast the engines are: for each hot path a small loop, run on the interpreter and on the JIT; a table of
 * nanoseconds per operation and millions of instructions per second. `make bench`; with arguments, the paths of these names.
 */
#include <time.h>

#include "tests/cpu/jit-programs.h"

/* ---- the loops: ECX counts down, each is placed at CODE and ends in HLT ---- */

#define TIMES8(text) text ";" text ";" text ";" text ";" text ";" text ";" text ";" text ";"
#define LOOP(name, before, body) PROGRAM(name, before "\n.balign 16, 0x90; 1: " body " dec %ecx; jnz 1b; hlt")

LOOP(alu, "", TIMES8("add %ecx, %eax; xor %eax, %edx; lea 3(%edx,%eax,2), %ebx"));
LOOP(load_hit, "mov $0x20000, %esi", TIMES8("mov 16(%esi), %eax"));
LOOP(store_hit, "mov $0x20000, %esi", TIMES8("mov %ecx, 16(%esi)"));
LOOP(chase, "mov $0x20000, %esi; mov %esi, (%esi)", TIMES8("mov (%esi), %esi"));
LOOP(push_pop, "", TIMES8("push %ecx; pop %eax"));
/* Two linear pages that have one place in the TLB. */
LOOP(miss, "mov $0x20000, %esi", TIMES8("mov (%esi), %eax; mov 0x40000000(%esi), %eax"));
LOOP(chained, "", TIMES8("jmp 2f; nop; 2:"));
LOOP(crossing, "jmp 1f; .skip 0x2000 - (. - start); 3: jmp 4f; .skip 0x3000 - (. - start); 4: jmp 5f; .skip 0x3100 - (. - start)",
     "jmp 3b; 5:");
LOOP(indirect, "", TIMES8("mov $(0x10000 + 2f - start), %eax; jmp *%eax; nop; 2:"));
LOOP(call_return, "jmp 1f; 3: ret", TIMES8("call 3b"));
LOOP(handler, "", TIMES8("str %eax"));
LOOP(port, "", TIMES8("in $0x80, %al"));
LOOP(mmio_access, "mov $0x25000, %esi", TIMES8("mov (%esi), %eax"));
LOOP(int_iret, "", TIMES8("int $0x80"));
PROGRAM(iret_handler, "iret");
LOOP(flags_image, "", TIMES8("pushf; popf"));
LOOP(cli_sti, "", TIMES8("cli; sti"));
LOOP(segment_load, "mov $0x10, %edx", TIMES8("mov %edx, %es"));
LOOP(page_fault, "mov $0x21000, %esi", TIMES8("mov (%esi), %eax"));
PROGRAM(skip_two, "add $4, %esp; addl $2, (%esp); iret");
LOOP(cr3_load, "mov %cr3, %edx", TIMES8("mov %edx, %cr3; mov 0x20000, %eax; mov 0x22000, %eax"));
LOOP(invlpg_refill, "mov $0x20000, %esi", TIMES8("invlpg (%esi); mov (%esi), %eax"));
/* At level 3. */
#define USER_LOOP(name, more, body)                                                                                               \
    LOOP(name, "mov $0x2b, %eax; mov %eax, %ds; mov %eax, %es; push %eax; push $0x2f000; push $0x202; push $0x23\n"              \
               "push $(0x10000 + 6f - start); iret; 6: mov %ecx, %edi;" more, body)
USER_LOOP(syscall_int, "", TIMES8("int $0x80"));
USER_LOOP(syscall_sysenter, "", TIMES8("mov $(0x10000 + 2f - start), %edx; mov %esp, %ebp; sysenter; 2: mov %eax, %ecx"));
PROGRAM(sysexit_handler, "mov %ecx, %eax; mov %ebp, %ecx; sysexit");
LOOP(rep_movs, "mov %ecx, %ebp; cld", "mov $0x20000, %esi; mov $0x22000, %edi; mov %ecx, %ebp; mov $1024, %ecx; rep movsl; mov %ebp, %ecx;");
LOOP(rep_stos_short, "cld", TIMES8("mov $0x22000, %edi; mov %ecx, %ebp; mov $8, %ecx; rep stosl; mov %ebp, %ecx"));
LOOP(x87, "mov $0x20000, %esi; fninit; fld1; fstpl (%esi)", TIMES8("fldl (%esi); fmull (%esi); faddl (%esi); fstpl 8(%esi)"));
LOOP(sse, "mov $0x20000, %esi", TIMES8("movups (%esi), %xmm0; mulps %xmm0, %xmm1; addps %xmm1, %xmm2"));
LOOP(store_by_code, "mov $0x10800, %esi", TIMES8("mov %ecx, (%esi)"));

typedef struct Bench {
    const char *name;
    const uint8_t *start, *end;
    unsigned operations; /* in one turn of the loop */
    bool paging;
    void (*more)(void);
    const char *what;
} Bench;

/* ---- what they need besides ---- */

static void gate_iret(void)
{
    PLACE(0x14000, iret_handler);
    put_gate(0x80, 0x14000, 3);
}
static void gate_page_fault(void)
{
    PLACE(0x15000, skip_two);
    put_gate(EXCP_PF, 0x15000, 0);
    put32(PT_A + (0x21000 >> PAGE_BITS) * 4, 0);
}
/* 1 GiB further the same memory. */
static void map_again(void)
{
    put32(PD_A + 256 * 4, PT_A | 7);
}
static void sysenter_target(void)
{
    PLACE(0x14000, sysexit_handler);
    cpu->sysenter_cs = 8;
    cpu->sysenter_eip = 0x14000;
    cpu->sysenter_esp = STACK;
}

#define BENCH(name, operations, paging, more, what) { #name, name##_start, name##_end, operations, paging, more, what }
static const Bench benches[] = {
    BENCH(alu, 24, false, NULL, "register instruction"),
    BENCH(load_hit, 8, true, NULL, "load, TLB hit"),
    BENCH(store_hit, 8, true, NULL, "store, TLB hit"),
    BENCH(chase, 8, true, NULL, "load that the next one waits for"),
    BENCH(push_pop, 8, true, NULL, "push and pop"),
    BENCH(miss, 16, true, map_again, "load, TLB miss"),
    BENCH(chained, 8, true, NULL, "jump, same page"),
    BENCH(crossing, 3, true, NULL, "jump into another page"),
    BENCH(indirect, 8, true, NULL, "indirect jump"),
    BENCH(call_return, 8, true, NULL, "call and return"),
    BENCH(handler, 8, true, NULL, "instruction without a rule (str)"),
    BENCH(port, 8, true, NULL, "port read"),
    BENCH(mmio_access, 8, true, NULL, "device memory read"),
    BENCH(flags_image, 8, true, NULL, "pushf and popf"),
    BENCH(cli_sti, 8, true, NULL, "cli and sti"),
    BENCH(segment_load, 8, true, NULL, "segment register load"),
    BENCH(int_iret, 8, true, gate_iret, "int and iret, level 0"),
    BENCH(syscall_int, 8, true, gate_iret, "int and iret, from level 3"),
    BENCH(syscall_sysenter, 8, true, sysenter_target, "sysenter and sysexit"),
    BENCH(page_fault, 8, true, gate_page_fault, "page fault and iret"),
    BENCH(cr3_load, 8, true, NULL, "mov cr3 and refills"),
    BENCH(invlpg_refill, 8, true, NULL, "invlpg and refill"),
    BENCH(rep_movs, 1, true, NULL, "rep movs of 4 KiB"),
    BENCH(rep_stos_short, 8, true, NULL, "rep stos of 32 bytes"),
    BENCH(x87, 32, true, NULL, "x87 instruction"),
    BENCH(sse, 24, true, NULL, "SSE instruction"),
    BENCH(store_by_code, 8, true, NULL, "store beside code"),
};

/* ---- measuring ---- */

#define LONG_ENOUGH_US 40000

typedef struct Figures {
    double ns, mips; /* per operation; instructions */
} Figures;

static void make_image(const Bench *b)
{
    machine_reset();
    memcpy(image, mem, RAM_SIZE);
    system_tables();
    place(CODE, b->start, b->end);
    if (b->more) {
        b->more();
    }
}

/* Of this thread: other work on the host counts little. */
static int64_t cpu_time_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/* The engine's time for so many turns. SYSENTER's MSRs survive no reset. */
static int64_t time_turns(const ExecEngine *e, const Bench *b, uint32_t turns)
{
    load_image(b->paging);
    if (b->more) {
        b->more();
    }
    cpu->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
    cpu->gpr[R_ECX] = turns;
    engine = e;
    int64_t start = cpu_time_us();
    int64_t most = (int64_t)turns * 4096 + 10000;
    while (e->exec(cpu, most) != EXIT_HALT) {
        cpu->exit_request = 0;
        g_assert_cmpint(cpu->icount, <, most);
    }
    int64_t us = MAX(1, cpu_time_us() - start);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 0);
    return us;
}

static Figures measure(const ExecEngine *e, const Bench *b)
{
    uint32_t turns = 16;
    int64_t us = time_turns(e, b, turns);
    while (us < LONG_ENOUGH_US && turns < UINT32_MAX / 8) {
        turns *= us < LONG_ENOUGH_US / 8 ? 8 : 2;
        us = time_turns(e, b, turns);
    }
    return (Figures){ .ns = us * 1e3 / ((double)turns * b->operations), .mips = (double)cpu->icount / (double)us };
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], name)) {
            return true;
        }
    }
    return argc < 2;
}

int main(int argc, char **argv)
{
    machine_init();
    jit_config.threshold = 8;
    printf("%-18s %10s %8s %10s %8s\n%-18s %10s %8s %10s %8s\n", "", "interp", "", "jit", "", "", "ns/op", "MIPS", "ns/op", "MIPS");
    for (size_t i = 0; i < ARRAY_SIZE(benches); i++) {
        const Bench *b = &benches[i];
        if (!is_wanted(b->name, argc, argv)) {
            continue;
        }
        make_image(b);
        Figures interp = measure(&interp_engine, b), jit = measure(&jit_engine, b);
        fflush(stdout);
        printf("%-18s %10.2f %8.0f %10.2f %8.0f   %s\n", b->name, interp.ns, interp.mips, jit.ns, jit.mips, b->what);
    }
    return 0;
}
