/* LINK: @cpu @jit hw/core/memory.c hw/core/ram.c util/error.c util/log.c util/option.c util/rng.c -lxxhash -lm */
/*
 * tests/cpu/test-jit-system.c  The JIT against the interpreter where more than registers moves: two address spaces, user code with
 * system calls and page faults, devices in the middle of blocks, code that is rewritten by the program or by a device, debug registers
 * and single step. Each program is run for 1, 2, 3, ... instructions on both engines, plainly and under each stress; all state must be
 * equal, and the result must be the one that the program was written for.
 */
#define _GNU_SOURCE
#include "tests/cpu/jit-programs.h"

#define SHARED 0x18000u /* a linear page that is other memory in B */
#define OTHER  0x19000u
#define DMA_AT 0x100u /* MMIO + this: a byte written here goes to memory by DMA, to dma_target */

static uint32_t dma_target;

/* ---- programs ---- */

/* Both processes have this at SHARED, with another `add`: the target of an indirect jump lies in the same linear page. */
#define HOP(name, addend) \
    PROGRAM(name, "mov $(0x18000 + 1f - start), %eax; jmp *%eax; nop; hlt; 1: add $" addend ", %ebx; jmp *%edx")
HOP(hop_a, "1");
HOP(hop_b, "0x100");

PROGRAM(processes, "mov $50, %ecx; xor %ebx, %ebx\n"
                   "1: mov $0x4000, %eax; mov %eax, %cr3; mov $(0x10000 + 2f - start), %edx; mov $0x18000, %esi; jmp *%esi\n"
                   "2: mov $0x6000, %eax; mov %eax, %cr3; mov $(0x10000 + 3f - start), %edx; jmp *%esi\n"
                   "3: dec %ecx; jnz 1b; hlt");

/* Level 3 code: system calls, and a page that only level 0 may read. The #PF handler skips the two-byte instruction. */
PROGRAM(user, "mov $0x2b, %eax; mov %eax, %ds; mov %eax, %es; push %eax; push $0x2f000; push $0x202; push $0x23; push $(0x10000 + 1f - start); iret\n"
              "1: xor %ebx, %ebx; mov $20, %ecx\n"
              "2: add %ecx, %ebx; mov %ebx, 0x20000; int $0x80; mov (%esi), %al; sbb $0, %edi; add 0x20000, %ebx; dec %ecx; jnz 2b\n"
              "   mov $1, %eax; int $0x80; hlt\n");
PROGRAM(system_call, "cmp $1, %eax; je 1f; add $7, %ebx; stc; lea 1(%edi), %edi; iret; 1: hlt");
PROGRAM(page_fault, "add $4, %esp; addl $2, (%esp); push %eax; mov %cr2, %eax; add %eax, %ebp; pop %eax; iret");

/* Device accesses of all kinds between ordinary instructions. MMIO is at 25000h. */
PROGRAM(device, "mov $30, %ecx; mov $0x25000, %esi; xor %eax, %eax; xor %edx, %edx\n"
                "1: add %ecx, %edx; mov (%esi), %eax; adc %eax, %edx; mov %edx, 4(%esi); inc %edx; push 8(%esi); pop %edi\n"
                "   add %edi, 12(%esi); sbb $3, %edx; movzbl 16(%esi), %edi; xor %edi, %edx; lea 0x20000, %ebx; mov %edx, (%ebx,%ecx,4)\n"
                "   cmpl $5, 20(%esi); setb (%ebx); dec %ecx; jnz 1b; hlt");

/* Rewrites the immediate of the next instruction but one, of one in the same page behind a jump, and of one in another page. */
PROGRAM(rewrite, "mov $40, %ecx; xor %eax, %eax\n"
                 "1: mov %cl, 0x10000 + 2f - start + 2; nop\n"
                 "2: add $0, %eax\n"
                 "   movb %cl, 0x10000 + 3f - start + 1; jmp 3f; .skip 100, 0x90\n"
                 "3: mov $0, %bl; movzbl %bl, %ebx; add %ebx, %eax\n"
                 "   mov %cl, 0x18001; mov $0x18000, %edx; call *%edx; add %ebx, %eax\n"
                 "   incl 0x18100; dec %ecx; jnz 1b; hlt"); /* data beside code */
PROGRAM(rewritten, "mov $0, %bl; ret");

/* The device writes the immediate of the instruction that comes right behind the write to it, and of one in another page. */
PROGRAM(dma, "mov $40, %ecx; xor %eax, %eax\n"
             "1: mov %cl, 0x25100; 2: mov $0, %bl; movzbl %bl, %ebx; add %ebx, %eax; loop 1b; hlt");

/*
 * DR0 watches writes of four bytes, DR1 instruction 4; TF is on from 2 to 3. The #DB handler adds DR6 up and, when TF is set, counts.
 */
PROGRAM(debug, "mov $0x20010, %eax; mov %eax, %dr0; mov $(0x10000 + 4f - start), %eax; mov %eax, %dr1\n"
               "mov $0x000d0005, %eax; mov %eax, %dr7; mov $1, %ecx; xor %edx, %edx; xor %ebp, %ebp; mov $0x20000, %esi\n"
               "1: mov %ecx, (%esi,%ecx,4); pushf; orl $0x100, (%esp); popf\n"
               "2: add %ecx, %edx; incl 0x20010; mov %edx, 0x20014; pushf; andl $~0x100, (%esp); popf\n"
               "3: rep movsb; mov $0x20000, %esi; mov %edx, 0x2000e; 4: nop; pushl 0x20010; popl 0x20020\n"
               "   mov 0x20030, %ecx; inc %ecx; mov %ecx, 0x20030; cmp $6, %ecx; jb 1b; hlt");
PROGRAM(debug_trap, "push %eax; mov %dr6, %eax; add %eax, %ebp; xor %eax, %eax; mov %eax, %dr6; incl 0x20040\n"
                    "mov 4(%esp), %eax; cmp $(0x10000 + 0x1000), %eax; ja 1f; orl $0x10000, 12(%esp); 1: pop %eax; iret");

/* ---- returns: the predictions of translate-call.c ---- */

/* Far deeper than predictions reach. */
PROGRAM(recursion, "mov $3000, %ecx; xor %edx, %edx; call 1f; hlt; 1: inc %eax; dec %ecx; jz 2f; call 1b; add %eax, %edx; 2: ret");

/*
 * What breaks pairs of CALL and RET: a frame left from three levels below, PUSH and RET, RET imm16, CALL and POP, a retpoline,
 * the same without its trap for speculation, and a return to address 0 (an RET lies there).
 */
PROGRAM(unpaired, "mov $60, %ecx\n"
                  "1: mov %esp, %ebp; call 2f; hlt; 2: call 3f; hlt; 3: call 4f; hlt; 4: mov %ebp, %esp; inc %eax\n"
                  "   push $(0x10000 + 5f - start); ret; hlt; 5: call 6f; add $2, %eax; call 7f; 7: pop %edi; sub %edi, %edx\n"
                  "   mov $(0x10000 + 6f - start), %esi; call 8f; add $3, %eax; call 10f; push %ecx; push %ecx; call 12f\n"
                  "   push $(0x10000 + 13f - start); push $0; ret; 13: dec %ecx; jnz 1b; hlt\n"
                  "6: add $4, %eax; ret\n"
                  "8: call 9f; 11: pause; lfence; jmp 11b; 9: mov %esi, (%esp); ret\n"
                  "10: call 14f; nop; hlt; 14: mov %esi, (%esp); ret\n"
                  "12: add $5, %eax; ret $8");

/* The function rewrites the instruction that it returns to: from the same page, and from another one. */
PROGRAM(call_site, "mov $40, %ecx; xor %eax, %eax; mov $0x18000, %edx; mov $(0x10000 + 3f - start + 1), %esi\n"
                   "1: call 4f; 2: mov $0, %bl; movzbl %bl, %ebx; add %ebx, %eax\n"
                   "   call *%edx; 3: mov $0, %bl; movzbl %bl, %ebx; add %ebx, %eax; dec %ecx; jnz 1b; hlt\n"
                   "4: mov %cl, 0x10000 + 2b - start + 1; ret");
PROGRAM(rewriter, "mov %cl, (%esi); ret");

/*
 * Both processes have this at SHARED, with another `add`: one calls, the callee often changes the address space, and the return is
 * into the other one. The last instruction before it lies in the same linear page, or (EDI) elsewhere.
 */
#define CALLER(name, addend) PROGRAM(name, "1: nop; call *%esi; add $" addend ", %ebx; dec %ecx; jnz 1b; jmp *%ebp; .skip 0x100 - (. - start); ret")
CALLER(caller_a, "1");
CALLER(caller_b, "0x100");
PROGRAM(other_space, "mov $250, %ecx; xor %ebx, %ebx; mov $(0x10000 + 2f - start), %esi; mov $(0x10000 + 9f - start), %ebp\n"
                     "mov $0x18000, %edx; jmp *%edx\n"
                     "2: mov $0x6b5d3a17, %eax; bt %ecx, %eax; jc 4f; mov %cr3, %eax; xor $0x2000, %eax; mov %eax, %cr3; 4: test $2, %cl; jz 3f; mov $0x18100, %edx; jmp *%edx; 3: ret; 9: hlt");

/* Two threads, each inside calls; f() goes to the other one. */
PROGRAM(threads, "mov $100, %ecx; xor %edx, %edx; mov $0x2f000, %ebp; movl $(0x10000 + 2f - start), (%ebp)\n"
                 "1: call 3f; inc %eax; dec %ecx; jnz 1b; hlt\n"
                 "2: call 4f; add $0x100, %eax; jmp 2b\n"
                 "3: call 5f; add $3, %edx; ret; 4: call 5f; add $5, %edx; ret; 5: xchg %esp, %ebp; ret");

/* Between CALL and RET a system call; the kernel returns to the very address that the user's CALL has predicted, as code of its own. */
PROGRAM(other_context, "mov $0x2b, %eax; mov %eax, %ds; mov %eax, %es; push %eax; push $0x2f000; push $0x202; push $0x23; push $(0x10000 + 1f - start); iret\n"
                       "1: xor %ebx, %ebx; mov $30, %ecx\n"
                       "2: call 4f; mov 0x22000, %edi; mov %cs, %eax; add %eax, %ebx; test $3, %al; jz 3f; dec %ecx; jnz 2b; mov $1, %eax; int $0x80\n"
                       "3: iret\n"
                       "4: mov (%esp), %esi; mov $2, %eax; int $0x80; ret");
PROGRAM(return_there, "cmp $1, %eax; je 1f; mov 0x40022000, %edi; push %esi; ret; 1: hlt");

/*
 * While code runs in SHARED its page goes elsewhere, without INVLPG: the TLB's entry makes way for another page's and comes back changed,
 * or (now and then) only makes way. What is fetched stays the old page until control leaves it; a call from there returns to the new one.
 */
#define MOVED(name, a, b, c) \
    PROGRAM(name, "add $" a ", %ebx; test $4, %cl; jz 4f; mov 0x40018000, %eax; xorl $0x1000, 0x5060; test $2, %cl; jz 4f; mov 0x18000, %eax\n" \
                  "4: call 1f; add $" b ", %ebx; mov $(0x18000 + 1f - start), %eax; call *%eax; push $(0x18000 + 3f - start); ret\n" \
                  "3: test $1, %cl; jz 2f; call *%esi; 2: add $" c ", %ebx; ret; 1: ret")
MOVED(moved_a, "1", "0x10", "0x100");
MOVED(moved_b, "0x1000", "0x10000", "0x100000");
PROGRAM(moving, "mov $250, %ecx; xor %ebx, %ebx; mov $(0x10000 + 9f - start), %esi; mov $0x18000, %edx; 1: call *%edx; dec %ecx; jnz 1b; hlt; 9: nop; ret");

/* Calls that never return. */
PROGRAM(endless, "1: call 2f; nop; 2: add $4, %esp; inc %eax; jmp 1b");

/*
 * DS and ES are loaded again and again with what is there; every third round the descriptor has another base, every
 * fourth the GDT's limit is too short for a while (#GP, whose handler skips the instruction), once the level is 0.
 */
PROGRAM(reload, "mov $60, %ecx; xor %ebp, %ebp; mov $0x2b, %edx; sub $8, %esp; sgdt (%esp)\n"
                "1: mov %edx, %ds; mov %edx, %es; push %edx; pop %ds; push %edx; pop %es\n"
                "   mov $0x20000, %esi; add (%esi), %ebp; mov %es:4(%esi), %eax; add %eax, %ebp\n"
                "   mov %ecx, %eax; xor %ebx, %ebx; push %edx; xor %edx, %edx; mov $3, %edi; div %edi; cmp $0, %edx; pop %edx; jne 2f\n"
                "   mov 2(%esp), %edi; xorb $0x10, %ss:0x28+2(%edi)\n"
                "2: test $3, %cl; jne 3f; movw $0x27, (%esp); lgdt (%esp); mov %edx, %ds; mov %edx, %es; movw $0x7f, (%esp); lgdt (%esp)\n"
                "3: cmp $20, %ecx; jne 4f; mov 2(%esp), %edi; andb $~0x60, %ss:0x28+5(%edi); mov %edx, %ds; mov %edx, %es\n"
                "   orb $0x60, %ss:0x28+5(%edi); mov %edx, %ds\n"
                "4: mov %ss, %eax; mov %eax, %ds; mov %eax, %es; dec %ecx; jnz 1b; hlt");
/* The same with FS, which is null in between, and VERW; once the descriptor is read-only. */
PROGRAM(reload_fs, "mov $60, %ecx; xor %ebp, %ebp; mov $0x2b, %edx; sub $8, %esp; sgdt (%esp)\n"
                   "1: mov %edx, %fs; add %fs:0x20000, %ebp; xor %eax, %eax; mov %eax, %fs; mov %fs, %eax; add %eax, %ebp\n"
                   "   push %edx; pop %fs; add %fs:0x20004, %ebp; push $3; pop %fs; mov %fs, %eax; add %eax, %ebp; verw %dx; pushf; pop %eax; add %eax, %ebp\n"
                   "   mov %edx, 0x20050; mov 0x20050, %fs; add %fs:0x20000, %ebp; movw %fs, %ax; add %eax, %ebp; stc; verw 0x20050; adc %ebp, %ebp\n"
                   "   mov %ecx, %eax; xor %ebx, %ebx; push %edx; xor %edx, %edx; mov $3, %edi; div %edi; cmp $0, %edx; pop %edx; jne 2f\n"
                   "   mov 2(%esp), %edi; xorb $0x10, %ss:0x28+2(%edi)\n"
                   "2: test $3, %cl; jne 3f; movw $0x27, (%esp); lgdt (%esp); mov %edx, %fs; verw %dx; pushf; pop %eax; add %eax, %ebp\n"
                   "   movw $0x7f, (%esp); lgdt (%esp)\n"
                   "3: cmp $20, %ecx; jne 4f; mov 2(%esp), %edi; andb $~2, %ss:0x28+5(%edi); mov %edx, %fs; verw %dx; pushf; pop %eax\n"
                   "   add %eax, %ebp; orb $2, %ss:0x28+5(%edi)\n"
                   "4: dec %ecx; jnz 1b; hlt");
PROGRAM(skip_load, "add $4, %esp; addl $2, (%esp); incl %ss:0x20040; iret");

/* ---- the machine at the start ---- */

typedef struct Case {
    const char *name;
    const uint8_t *start, *end;
    void (*more)(void); /* what else is in memory; into image */
    bool paging;
    void (*check)(void);
} Case;

static void make_image(const Case *c)
{
    machine_reset();
    memcpy(image, mem, RAM_SIZE);
    system_tables();
    place(CODE, c->start, c->end);
    if (c->more) {
        c->more();
    }
}

/* ---- running and comparing ---- */

typedef struct Result {
    uint64_t gpr[8], eip, fetch_page, fetch_phys, cr2, cr3, dr[8], mmio_state;
    int64_t icount;
    uint32_t eflags;
    uint8_t cpl, int_shadow;
    bool halted;
    uint16_t selector[6];
    TLBEntry tlb[NB_MMU_MODES][TLB_SIZE];
    uint8_t memory[RAM_SIZE];
} Result;

static void save_result(Result *r)
{
    memcpy(r->gpr, cpu->gpr, sizeof(r->gpr));
    r->eip = cpu->eip;
    r->fetch_page = cpu->fetch_page;
    r->fetch_phys = cpu->fetch_page ? cpu->fetch_phys : 0;
    r->cr2 = cpu->cr2;
    r->cr3 = cpu->cr3;
    memcpy(r->dr, cpu->dr, sizeof(r->dr));
    r->mmio_state = mmio_state;
    r->icount = cpu->icount;
    r->eflags = cpu_get_eflags(cpu);
    r->cpl = cpu->cpl;
    r->int_shadow = cpu->int_shadow;
    r->halted = cpu->halted;
    for (int i = 0; i < 6; i++) {
        r->selector[i] = cpu->seg[i].selector;
    }
    memcpy(r->tlb, cpu->tlb, sizeof(r->tlb));
    memcpy(r->memory, mem, sizeof(r->memory));
}

static void print_state(const char *name, const Result *r)
{
    fprintf(stderr, "%-6s eip %08lx eflags %05x icount %ld halted %d fetch %lx dr6 %lx mmio %lx", name, (long)r->eip, r->eflags,
            (long)r->icount, r->halted, (long)r->fetch_page, (long)r->dr[6], (long)r->mmio_state);
    for (int i = 0; i < 8; i++) {
        fprintf(stderr, " %08lx", (long)r->gpr[i]);
    }
    fprintf(stderr, "\n");
}

static void compare(const Case *c, int64_t budget)
{
    static Result by_interp, by_jit; /* padding stays zero */
    load_image(c->paging);
    run_for(&interp_engine, budget);
    save_result(&by_interp);
    load_image(c->paging);
    run_for(&jit_engine, budget);
    save_result(&by_jit);
    if (memcmp(&by_interp, &by_jit, sizeof(by_jit))) {
        print_state("interp", &by_interp);
        print_state("jit", &by_jit);
        g_error("%s: the engines differ after %ld instructions", c->name, (long)budget);
    }
}

/* ---- the cases ---- */

static void processes_more(void)
{
    PLACE(SHARED, hop_a);
    PLACE(OTHER, hop_b);
    put32(PT_B + (SHARED >> PAGE_BITS) * 4, OTHER | 7);
}
static void processes_check(void)
{
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 50 * 0x101);
}

static void user_more(void)
{
    PLACE(0x14000, system_call);
    PLACE(0x15000, page_fault);
    put_gate(0x80, 0x14000, 3);
    put_gate(EXCP_PF, 0x15000, 0);
    put32(PT_A + (0x21000 >> PAGE_BITS) * 4, 0x21000 | 3);
}
static void user_check(void)
{
    g_assert_cmpuint(cpu->cpl, ==, 0);
    g_assert_cmphex(cpu->gpr[R_ESI], ==, 0x21000);
    g_assert_cmphex((uint32_t)cpu->gpr[R_EBP], ==, 20 * 0x21000);
}

static void device_check(void)
{
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 0);
    g_assert_cmphex(mmio_state, !=, 1);
}

static void rewrite_more(void)
{
    PLACE(SHARED, rewritten);
}
static void rewrite_check(void)
{
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 3 * 40 * 41 / 2);
    g_assert_cmpuint(mem[0x18100], ==, 40);
}

static void dma_more(void)
{
    static const uint8_t wanted[] = { 0xb3, 0x00 };
    const uint8_t *at = memmem(dma_start, (size_t)(dma_end - dma_start), wanted, sizeof(wanted));
    g_assert_nonnull(at);
    dma_target = CODE + (uint32_t)(at - dma_start) + 1;
}
static void dma_check(void)
{
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 40 * 41 / 2);
}

static void reload_more(void)
{
    PLACE(0x16000, skip_load);
    put_gate(EXCP_GP, 0x16000, 0);
    put32(0x20000, 3);
    put32(0x20004, 5);
    put32(0x20010, 7);
    put32(0x20014, 11);
}
static void check_faults(uint32_t expected)
{
    uint32_t faults;
    memcpy(&faults, mem + 0x20040, 4);
    g_assert_cmpuint(faults, ==, expected);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 0);
}
static void reload_check(void)
{
    check_faults(2 * (60 / 4 + 1));
}
static void reload_fs_check(void)
{
    check_faults(60 / 4);
}

static void debug_more(void)
{
    PLACE(0x16000, debug_trap);
    put_gate(EXCP_DB, 0x16000, 0);
}
static void debug_check(void)
{
    uint32_t traps;
    memcpy(&traps, mem + 0x20040, 4);
    g_assert_cmpuint(traps, >=, 5 * (6 + 1 + 1)); /* steps, breakpoint, watchpoint beyond the steps */
}

static void recursion_check(void)
{
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 3000);
    g_assert_cmpuint(cpu->gpr[R_EDX], ==, 2999 * 3000);
}

static void unpaired_more(void)
{
    image[0] = 0xc3;
}
static void unpaired_check(void)
{
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 60 * (1 + 4 + 2 + 4 + 3 + 4 + 5));
}

static void call_site_more(void)
{
    PLACE(SHARED, rewriter);
}
static void call_site_check(void)
{
    g_assert_cmpuint(cpu->gpr[R_EAX], ==, 2 * 40 * 41 / 2);
}

static void other_space_more(void)
{
    PLACE(SHARED, caller_a);
    PLACE(OTHER, caller_b);
    put32(PT_B + (SHARED >> PAGE_BITS) * 4, OTHER | 7);
}
static void other_space_check(void)
{
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 0x7d7d);
}

static void threads_check(void)
{
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 100 + 99 * 0x100);
    g_assert_cmpuint(cpu->gpr[R_EDX], ==, 100 * 3 + 99 * 5);
}

static void other_context_more(void)
{
    PLACE(0x14000, return_there);
    put32(PD_A + 256 * 4, PT_A | 7); /* 1 GiB further the same memory, in the same places of the TLB */
    put_gate(0x80, 0x14000, 3);
}
static void other_context_check(void)
{
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 30 * (8 + 0x23));
}

static void moving_more(void)
{
    PLACE(SHARED, moved_a);
    PLACE(OTHER, moved_b);
    put32(PD_A + 256 * 4, PT_A | 7);
}
static void moving_check(void)
{
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 0x7ff477c);
}

static const Case cases[] = {
    { "processes", processes_start, processes_end, processes_more, true, processes_check },
    { "user", user_start, user_end, user_more, true, user_check },
    { "device", device_start, device_end, NULL, false, device_check },
    { "device-paged", device_start, device_end, NULL, true, device_check },
    { "rewrite", rewrite_start, rewrite_end, rewrite_more, false, rewrite_check },
    { "rewrite-paged", rewrite_start, rewrite_end, rewrite_more, true, rewrite_check },
    { "dma", dma_start, dma_end, dma_more, false, dma_check },
    { "recursion", recursion_start, recursion_end, NULL, true, recursion_check },
    { "unpaired", unpaired_start, unpaired_end, unpaired_more, true, unpaired_check },
    { "call-site", call_site_start, call_site_end, call_site_more, true, call_site_check },
    { "other-space", other_space_start, other_space_end, other_space_more, true, other_space_check },
    { "threads", threads_start, threads_end, NULL, true, threads_check },
    { "other-context", other_context_start, other_context_end, other_context_more, true, other_context_check },
    { "moving", moving_start, moving_end, moving_more, true, moving_check },
    { "reload", reload_start, reload_end, reload_more, true, reload_check },
    { "reload-fs", reload_fs_start, reload_fs_end, reload_more, true, reload_fs_check },
    { "debug", debug_start, debug_end, debug_more, false, debug_check },
};

static void run_case(const Case *c)
{
    make_image(c);
    for (int64_t budget = 1; budget < 3000; budget += budget < 150 ? 1 : 97) {
        compare(c, budget);
    }
    compare(c, 100000);
    g_assert_true(cpu->halted);
    c->check();
}

static void test_case(gconstpointer data)
{
    const JitConfig config = jit_config;
    for (unsigned stress = 0; stress < 6; stress++) {
        jit_config.exact = stress >= 1;
        jit_config.max_insns = stress == 2 ? 1 : BLOCK_MAX_INSNS;
        jit_config.no_native = stress == 3;
        jit_config.no_links = stress == 4;
        jit_config.random = stress == 5;
        run_case(data);
        jit_config = config;
    }
}

/* Memory that a device writes between two slices; the code there runs again and again. */
static void test_dma_between_slices(void)
{
    static const uint8_t loop[] = { 0x83, 0xc0, 0x00, 0x49, 0x75, 0xfa, 0xf4 }; /* 1: add $0, %eax; dec %ecx; jnz 1b; hlt */
    static const Case c = { "between", loop, loop + sizeof(loop), NULL, false, NULL };
    make_image(&c);
    for (int e = 0; e < 2; e++) {
        load_image(c.paging);
        cpu->gpr[R_ECX] = 300;
        for (int i = 0; i < 300; i++) {
            uint8_t addend = (uint8_t)(i & 0x7f);
            cpu_physical_memory_write(CODE + 2, &addend, 1);
            run_for(e ? &jit_engine : &interp_engine, 3);
        }
        g_assert_cmpuint(cpu->gpr[R_EAX], ==, 2 * 128 * 127 / 2 + 44 * 43 / 2);
    }
}

/* Somebody who wants the machine does not wait long, whatever the budget. */
static void test_endless(void)
{
    const Case c = { "endless", endless_start, endless_end, NULL, false, NULL };
    make_image(&c);
    load_image(c.paging);
    engine = &jit_engine;
    for (int i = 0; i < 50; i++) {
        int64_t before = cpu->icount;
        g_assert_cmpint(jit_engine.exec(cpu, (int64_t)1 << 40), ==, EXIT_BUDGET);
        g_assert_cmpint(cpu->icount - before, <=, JIT_SLICE);
    }
    g_assert_cmpint(cpu->icount, >, 40 * JIT_SLICE);
    g_assert_cmpint(cpu->gpr[R_EAX] - cpu->icount / 4, <=, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_init();
    mmio_dma_offset = DMA_AT;
    mmio_dma_target = &dma_target;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path = g_strconcat("/jit-system/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/jit-system/dma-between-slices", test_dma_between_slices);
    g_test_add_func("/jit-system/endless", test_endless);
    return g_test_run();
}
