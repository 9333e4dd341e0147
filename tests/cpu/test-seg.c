/* LINK: target/i386/seg.c target/i386/stack.c target/i386/segops.c target/i386/far.c target/i386/iret.c target/i386/syscall.c target/i386/eflags.c target/i386/excp.c target/i386/task.c target/i386/smm.c target/i386/sys.c target/i386/io.c target/i386/tlb.c target/i386/paging.c target/i386/sysreg.c target/i386/msr.c target/i386/cpuid.c target/i386/debug.c target/i386/cpu.c target/i386/flags.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/qemu-timer.c */
/*
 * tests/cpu/test-seg.c  Protection: segments, gates, task switches, v86 mode, interrupts, double faults, ports, SMM.
 *
 * Handlers are called one by one on a processor with real memory, TLB and control registers, without decoder or engine.
 * Error codes and frames are those of the SDM's operation sections.
 */
#define DEFAULT_SIZE 2
#include "tests/cpu/system-harness.h"

static int next_vector;

static int ack(CPUState *cpu)
{
    (void)cpu;
    return next_vector;
}

/* ---- the machine: 4 MiB of RAM, one port device ---- */

enum { TSS_A = 0x3000, TSS_B = 0x3800, TSS_286 = 0x3c00, LDT = 0x4000 };
enum { STACK0 = 0x9000, STACK3 = 0xb000, STACK1 = 0xa000, DATA = 0xc000 };
enum {
    CODE0 = 0x08,
    DATA0 = 0x10,
    CODE3 = 0x1b,
    DATA3 = 0x23,
    SEL_A = 0x28,
    SEL_B = 0x30,
    SEL_286 = 0x38,
    SEL_LDT = 0x40,
    CODE16 = 0x48,
    DATA16 = 0x50,
    DOWN = 0x58,
    ABSENT = 0x60,
    SHORT_CODE = 0x68,
    GATE32 = 0x70,
    TASK_GATE = 0x78,
    GATE16 = 0x80,
    CONFORMING = 0x88,
    READ_ONLY = 0x90,
    EXEC_ONLY = 0x98,
    DATA1 = 0xa1,
    CODE1 = 0xa9,
    ABSENT_CODE = 0xb0,
    DATA0_LIMIT = 0xb8,
    DOWN16 = 0xc0,
    GDT_END = 0xc8
};

static MemoryRegion ports;
static unsigned port_reads, port_writes, last_port, last_value;

static uint64_t ports_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)opaque;
    (void)size;
    last_port = addr;
    return 0x11223344 + port_reads++;
}

static void ports_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)size;
    last_port = addr;
    last_value = (unsigned)value;
    port_writes++;
}
static const MemoryRegionOps ports_ops = { ports_read, ports_write, 1, 4 };

static void put_gate(unsigned at, uint16_t selector, uint32_t offset, unsigned rights, unsigned params)
{
    st32(at, (uint32_t)selector << 16 | (offset & 0xffff));
    st32(at + 4, (offset & 0xffff0000) | rights << 8 | params);
}

static void put_idt(unsigned vector, uint16_t selector, uint32_t offset, unsigned rights)
{
    put_gate(IDT + vector * 8, selector, offset, rights, 0);
}

static void put_gdt(void)
{
    put_segment(CODE0, 0, 0xfffff, 0x9a, 0xc);
    put_segment(DATA0, 0, 0xfffff, 0x92, 0xc);
    put_segment(CODE3, 0, 0xfffff, 0xfa, 0xc);
    put_segment(DATA3, 0, 0xfffff, 0xf2, 0xc);
    put_segment(SEL_A, TSS_A, 0x167, 0x89, 0);
    put_segment(SEL_B, TSS_B, 0x67, 0x89, 0);
    put_segment(SEL_286, TSS_286, 0x2b, 0x81, 0);
    put_segment(SEL_LDT, LDT, 0x17, 0x82, 0);
    put_segment(CODE16, 0, 0xffff, 0x9a, 0);
    put_segment(DATA16, 0, 0xffff, 0x92, 0);
    put_segment(DOWN, 0, 0xfff, 0x96, 0x4);
    put_segment(ABSENT, 0, 0xfffff, 0x12, 0xc);
    put_segment(SHORT_CODE, 0, 0xfff, 0x9a, 0x4);
    put_gate(GDT + GATE32, CODE0, 0x5000, 0xec, 2);
    put_gate(GDT + TASK_GATE, SEL_B, 0, 0xe5, 0);
    put_gate(GDT + GATE16, CODE0, 0x5100, 0xe4, 1);
    put_segment(CONFORMING, 0, 0xfffff, 0x9e, 0xc);
    put_segment(READ_ONLY, 0, 0xfffff, 0x90, 0xc);
    put_segment(EXEC_ONLY, 0, 0xfffff, 0x98, 0xc);
    put_segment(DATA1, 0, 0xfffff, 0xb2, 0xc);
    put_segment(CODE1, 0, 0xfffff, 0xba, 0xc);
    put_segment(ABSENT_CODE, 0, 0xfffff, 0x1a, 0xc);
    put_segment(DATA0_LIMIT, DATA, 0xff, 0x92, 0x4);
    put_segment(DOWN16, 0, 0xfff, 0x96, 0);
}

/* Handlers of vector n at 6000h + 16 n, interrupt gates, DPL 0. */
static void put_idt_all(void)
{
    for (unsigned i = 0; i < 256; i++) {
        put_idt(i, CODE0, 0x6000 + 16 * i, 0x8e);
    }
}

/* Protected mode at the given level, flat, interrupts off, EIP 4000h, TR = task A. */
static void enter(unsigned cpl)
{
    memset(mem, 0, 0x20000);
    cpu_reset(cpu);
    cpu->cr0 |= CR0_PE;
    put_gdt();
    put_idt_all();
    cpu->gdt.base = GDT;
    cpu->gdt.limit = GDT_END - 1;
    cpu->idt.base = IDT;
    cpu->idt.limit = 0x7ff;
    st32(TSS_A + 4, STACK0);
    st16(TSS_A + 8, DATA0);
    st32(TSS_A + 12, STACK1);
    st16(TSS_A + 16, DATA1);
    st16(TSS_A + 0x66, 0x88);
    put_segment(SEL_A, TSS_A, 0x167, 0x8b, 0);
    load(R_TR, SEL_A);
    load(R_CS, cpl == 3 ? CODE3 : CODE0);
    load(R_SS, cpl == 3 ? DATA3 : DATA0);
    load(R_DS, DATA3);
    load(R_ES, DATA3);
    seg_commit_null(cpu, R_FS, 0);
    seg_commit_null(cpu, R_GS, 0);
    cpu_set_cpl(cpu, cpl);
    cpu->gpr[R_ESP] = cpl == 3 ? STACK3 : STACK0;
    cpu->eip = 0x4000;
    cpu->icount_limit = cpu->icount + 1000000;
    resets = replayed_exceptions = replayed_interrupts = 0;
    cpu->intr_ack = ack;
}

static void enter_real(void)
{
    memset(mem, 0, 0x20000);
    cpu_reset(cpu);
    for (unsigned i = 0; i < 256; i++) {
        st32(i * 4, 0x01000000 | (0x200 + i));
    }
    cpu_load_seg_real(cpu, R_CS, 0x400);
    cpu->idt.limit = 0x3ff;
    cpu->gpr[R_ESP] = 0x8000;
    cpu->eip = 0x10;
    cpu->icount_limit = cpu->icount + 1000000;
    resets = 0;
    cpu->intr_ack = ack;
}

static void enter_v86(unsigned iopl)
{
    enter(0);
    flags_commit(cpu, 2 | VM_MASK | iopl << IOPL_SHIFT);
    for (int seg = R_ES; seg <= R_GS; seg++) {
        cpu_load_seg_real(cpu, seg, 0x800 + seg);
    }
    cpu_load_seg_real(cpu, R_CS, 0x400);
    cpu_load_seg_real(cpu, R_SS, 0xa00);
    cpu_set_cpl(cpu, 3);
    cpu->gpr[R_ESP] = 0x1000;
    cpu->eip = 0x10;
}

/* ---- running one handler ---- */

static uint32_t pushed(unsigned n)
{
    return ld32(cpu->seg[R_SS].base + cpu->gpr[R_ESP] + 4 * n);
}

static unsigned handler_of(unsigned vector)
{
    return 0x6000 + 16 * vector;
}

/* ---- segment registers ---- */

static int mov_sreg(int seg, uint16_t selector)
{
    cpu->gpr[R_EAX] = selector;
    return RUN(mov_Sw_Ew, .modrm = true, .reg = seg, .rm = R_EAX);
}

static void test_load_data(void)
{
    enter(0);
    ASSERT_FINE(mov_sreg(R_DS, DATA0));
    g_assert_cmphex(cpu->seg[R_DS].limit, ==, 0xffffffff);
    g_assert_cmphex(ld32(GDT + DATA0 + 4) & 0x100, ==, 0x100);
    ASSERT_FINE(mov_sreg(R_ES, 3));
    g_assert_true(cpu->seg[R_ES].null);
    ASSERT_FAULT(EXCP_NP, ABSENT, mov_sreg(R_DS, ABSENT));
    ASSERT_FAULT(EXCP_GP, GDT_END, mov_sreg(R_DS, GDT_END | 3));
    ASSERT_FAULT(EXCP_GP, EXEC_ONLY, mov_sreg(R_DS, EXEC_ONLY));
    ASSERT_FAULT(EXCP_GP, SEL_A, mov_sreg(R_DS, SEL_A));
    ASSERT_FAULT(EXCP_GP, 0x0c, mov_sreg(R_DS, 0x0c)); /* no LDT */
    ASSERT_FAULT(EXCP_GP, DATA0, mov_sreg(R_DS, DATA0 | 3));
    ASSERT_FINE(mov_sreg(R_FS, CONFORMING | 3));
    ASSERT_UD(mov_sreg(R_CS, CODE0));
    ASSERT_UD(mov_sreg(6, DATA0));
    g_assert_cmphex(cpu->seg[R_DS].selector, ==, DATA0);
    enter(3);
    ASSERT_FAULT(EXCP_GP, DATA0, mov_sreg(R_DS, DATA0));
    ASSERT_FINE(mov_sreg(R_DS, DATA3 & ~3));
}

static void test_load_stack(void)
{
    enter(0);
    ASSERT_FINE(mov_sreg(R_SS, DATA0));
    g_assert_cmpint(cpu->int_shadow, ==, SHADOW_MOVSS);
    g_assert_null(cpu->run_end);
    ASSERT_FAULT(EXCP_GP, 0, mov_sreg(R_SS, 0));
    ASSERT_FAULT(EXCP_SS, ABSENT, mov_sreg(R_SS, ABSENT));
    ASSERT_FAULT(EXCP_GP, DATA3 & ~3, mov_sreg(R_SS, DATA3));
    ASSERT_FAULT(EXCP_GP, READ_ONLY, mov_sreg(R_SS, READ_ONLY));
    g_assert_true(cpu->mode & MODE_SS32);
    ASSERT_FINE(mov_sreg(R_SS, DATA16));
    g_assert_false(cpu->mode & MODE_SS32);
}

static int load_at(int seg, uint64_t offset, unsigned size, AccessKind kind)
{
    if (sigsetjmp(cpu->fault_jmp, 0)) {
        return cpu->exception_index;
    }
    if (kind == ACCESS_READ) {
        seg_read_address(cpu, seg, offset, size);
    } else {
        seg_write_address(cpu, seg, offset, size);
    }
    return FINE;
}

static void test_limits(void)
{
    enter(0);
    mov_sreg(R_DS, DATA0_LIMIT);
    ASSERT_FINE(load_at(R_DS, 0xfc, 4, ACCESS_READ));
    ASSERT_FAULT(EXCP_GP, 0, load_at(R_DS, 0xfd, 4, ACCESS_READ));
    ASSERT_FAULT(EXCP_GP, 0, load_at(R_DS, 0xffffffff, 2, ACCESS_READ));
    mov_sreg(R_DS, DOWN);
    ASSERT_FAULT(EXCP_GP, 0, load_at(R_DS, 0xfff, 1, ACCESS_WRITE));
    ASSERT_FINE(load_at(R_DS, 0x1000, 4, ACCESS_WRITE));
    ASSERT_FINE(load_at(R_DS, 0xfffffffc, 4, ACCESS_WRITE));
    ASSERT_FAULT(EXCP_GP, 0, load_at(R_DS, 0xfffffffd, 4, ACCESS_WRITE));
    mov_sreg(R_DS, DOWN16);
    ASSERT_FINE(load_at(R_DS, 0xfffe, 2, ACCESS_READ));
    ASSERT_FAULT(EXCP_GP, 0, load_at(R_DS, 0xffff, 2, ACCESS_READ));
    mov_sreg(R_DS, DATA0);
    ASSERT_FINE(load_at(R_DS, 0xfffffffe, 4, ACCESS_READ)); /* 4 GiB wraps */
    ASSERT_FINE(load_at(R_CS, 0, 4, ACCESS_READ));
    ASSERT_FAULT(EXCP_GP, 0, load_at(R_CS, 0, 4, ACCESS_WRITE));
    mov_sreg(R_DS, READ_ONLY);
    ASSERT_FINE(load_at(R_DS, 0, 1, ACCESS_READ));
    ASSERT_FAULT(EXCP_GP, 0, load_at(R_DS, 0, 1, ACCESS_WRITE));
    mov_sreg(R_DS, 0);
    ASSERT_FAULT(EXCP_GP, 0, load_at(R_DS, 0, 1, ACCESS_READ));
    mov_sreg(R_SS, DATA16);
    ASSERT_FAULT(EXCP_SS, 0, load_at(R_SS, 0xffff, 2, ACCESS_READ));
}

static void test_unreal(void)
{
    enter(0);
    mov_sreg(R_DS, DATA0);
    cpu->cr0 &= ~CR0_PE;
    cpu_mode_derive(cpu);
    ASSERT_FINE(mov_sreg(R_DS, 0x1234));
    g_assert_cmphex(cpu->seg[R_DS].base, ==, 0x12340);
    g_assert_cmphex(cpu->seg[R_DS].limit, ==, 0xffffffff);
    ASSERT_FINE(load_at(R_DS, 0x100000, 4, ACCESS_WRITE));
}

static void test_push_pop(void)
{
    enter(0);
    st32(STACK0 - 4, 0xaaaaaaaa);
    ASSERT_FINE(RUN(push_ds));
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 - 4);
    g_assert_cmphex(ld32(STACK0 - 4), ==, 0xaaaa0000 | DATA3);
    ASSERT_FINE(RUN(pop_es));
    g_assert_cmphex(cpu->seg[R_ES].selector, ==, DATA3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0);
    st16(STACK0, ABSENT);
    ASSERT_FAULT(EXCP_NP, ABSENT, RUN(pop_ds));
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0);
    st16(STACK0, DATA16);
    ASSERT_FINE(RUN(pop_ss, .bytes = 2));
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 + 2);
    g_assert_cmpint(cpu->int_shadow, ==, SHADOW_MOVSS);
    st32(DATA, 0x12345678);
    st16(DATA + 4, DATA0);
    ASSERT_FINE(RUN(lfs_Gv_Mp, .mem = DATA, .reg = R_EBX));
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 0x12345678);
    g_assert_cmphex(cpu->seg[R_FS].selector, ==, DATA0);
}

static bool zf(void)
{
    return cpu_get_eflags(cpu) & CC_Z;
}

static bool ask_by_name(const char *name, const InsnHandlers *h, uint16_t selector)
{
    cpu->gpr[R_EAX] = selector;
    ASSERT_FINE(run_args(name, h, (Args){ .modrm = true, .reg = R_EBX, .rm = R_EAX }));
    return zf();
}
#define ask(h, ...) ask_by_name(#h, h, __VA_ARGS__)

static void test_questions(void)
{
    enter(3);
    g_assert_true(ask(&lar_Gv_Ew, DATA3));
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 0x00cff200);
    g_assert_true(ask(&lsl_Gv_Ew, DATA3));
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 0xffffffff);
    g_assert_false(ask(&lar_Gv_Ew, DATA0));
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 0xffffffff);
    g_assert_true(ask(&lar_Gv_Ew, CONFORMING));
    g_assert_true(ask(&lar_Gv_Ew, GATE32));
    g_assert_false(ask(&lsl_Gv_Ew, GATE32));
    g_assert_false(ask(&lar_Gv_Ew, 0));
    g_assert_false(ask(&lar_Gv_Ew, GDT_END));
    g_assert_true(ask(&verr_Ew, CODE3));
    g_assert_false(ask(&verw_Ew, CODE3));
    g_assert_true(ask(&verw_Ew, DATA3));
    g_assert_false(ask(&verr_Ew, DATA0));
    enter(0);
    g_assert_false(ask(&verr_Ew, EXEC_ONLY));
    g_assert_false(ask(&verw_Ew, READ_ONLY));
    cpu->gpr[R_EBX] = 3;
    g_assert_true(ask(&arpl_Ew_Gw, 0x10));
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0x13);
    g_assert_false(ask(&arpl_Ew_Gw, 0x13));
}

static void test_tables(void)
{
    enter(0);
    st16(DATA, 0x1234);
    st32(DATA + 2, 0x89abcdef);
    ASSERT_FINE(RUN(lgdt_Ms, .bytes = 2, .mem = DATA));
    g_assert_cmphex(cpu->gdt.base, ==, 0xabcdef);
    g_assert_cmphex(cpu->gdt.limit, ==, 0x1234);
    ASSERT_FINE(RUN(lidt_Ms, .mem = DATA));
    g_assert_cmphex(cpu->idt.base, ==, 0x89abcdef);
    ASSERT_FINE(RUN(sidt_Ms, .mem = DATA + 8));
    g_assert_cmphex(ld32(DATA + 10), ==, 0x89abcdef);
    ASSERT_FINE(RUN(sidt_Ms, .bytes = 2, .mem = DATA + 8));
    g_assert_cmphex(ld32(DATA + 10), ==, 0x00abcdef);
    enter(0);
    cpu->gpr[R_EAX] = SEL_LDT;
    ASSERT_FINE(RUN(lldt_Ew, .modrm = true));
    put_segment(SEL_LDT, 0, 0, 0, 0);
    memcpy(mem + LDT + 8, mem + GDT + DATA0, 8);
    ASSERT_FINE(mov_sreg(R_ES, 0x0c));
    ASSERT_FAULT(EXCP_GP, 0x1c, mov_sreg(R_ES, 0x1c));
    cpu->gpr[R_EAX] = SEL_A;
    ASSERT_FAULT(EXCP_GP, SEL_A, RUN(ltr_Ew, .modrm = true)); /* busy */
    cpu->gpr[R_EAX] = 0;
    ASSERT_FAULT(EXCP_GP, 0, RUN(ltr_Ew, .modrm = true));
    cpu->gpr[R_EAX] = SEL_B;
    ASSERT_FINE(RUN(ltr_Ew, .modrm = true));
    g_assert_cmphex(ld32(GDT + SEL_B + 4) >> 8 & 0xff, ==, 0x8b);
    cpu->gpr[R_EAX] = 0xffffffff;
    ASSERT_FINE(RUN(str_Ev, .modrm = true));
    g_assert_cmphex(cpu->gpr[R_EAX], ==, SEL_B);
    enter(3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(lgdt_Ms, .mem = DATA));
    ASSERT_FAULT(EXCP_GP, 0, RUN(lldt_Ew, .modrm = true));
}

/* ---- far transfers ---- */

static uint64_t far_pointer(uint16_t selector, uint32_t offset)
{
    return (uint64_t)selector << 32 | offset;
}

static void test_jmp_direct(void)
{
    enter(0);
    ASSERT_FINE(RUN(jmpf_Ap, .imm = far_pointer(CODE0, 0x7000)));
    assert_at(CODE0, 0x7000, 0);
    ASSERT_FINE(RUN(jmpf_Ap, .imm = far_pointer(CODE16, 0x7000)));
    g_assert_cmpint(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE16);
    ASSERT_FAULT(EXCP_GP, 0, RUN(jmpf_Ap, .imm = far_pointer(0, 0x7000)));
    ASSERT_FAULT(EXCP_GP, 0, RUN(jmpf_Ap, .imm = far_pointer(SHORT_CODE, 0x1000)));
    ASSERT_FAULT(EXCP_GP, DATA0, RUN(jmpf_Ap, .imm = far_pointer(DATA0, 0)));
    ASSERT_FAULT(EXCP_GP, CODE3 & ~3, RUN(jmpf_Ap, .imm = far_pointer(CODE3, 0)));
    ASSERT_FAULT(EXCP_NP, ABSENT_CODE, RUN(jmpf_Ap, .imm = far_pointer(ABSENT_CODE, 0)));
    ASSERT_FAULT(EXCP_GP, SEL_LDT, RUN(jmpf_Ap, .imm = far_pointer(SEL_LDT, 0)));
    enter(3);
    ASSERT_FINE(RUN(jmpf_Ap, .imm = far_pointer(CONFORMING, 0x7000)));
    assert_at(CONFORMING | 3, 0x7000, 3);
    ASSERT_FAULT(EXCP_GP, CODE0, RUN(jmpf_Ap, .imm = far_pointer(CODE0, 0x7000)));
}

static void test_call_ret_same(void)
{
    enter(0);
    st32(DATA, 0x7000);
    st16(DATA + 4, CODE0);
    ASSERT_FINE(RUN(callf_Mp, .mem = DATA));
    g_assert_cmphex(pushed(0), ==, 0x4002);
    g_assert_cmphex(pushed(1), ==, CODE0);
    ASSERT_FINE(RUN(retf_Iw, .imm = 8));
    assert_at(CODE0, 0x4002, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 + 8);
    ASSERT_FINE(RUN(callf_Ap, .bytes = 2, .imm = far_pointer(CODE0, 0xffff7000)));
    assert_at(CODE0, 0x7000, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 + 4);
    /* a stack too small leaves everything */
    mov_sreg(R_SS, DATA0_LIMIT);
    cpu->gpr[R_ESP] = 4;
    ASSERT_FAULT(EXCP_SS, 0, RUN(callf_Ap, .imm = far_pointer(CODE0, 0x7000)));
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 4);
    g_assert_cmphex(ld32(DATA), ==, 0x7000);
}

static void test_call_gate(void)
{
    enter(3);
    st32(STACK3, 0x11111111);
    st32(STACK3 + 4, 0x22222222);
    ASSERT_FINE(RUN(callf_Ap, .imm = far_pointer(GATE32 | 3, 0xdeadbeef)));
    assert_at(CODE0, 0x5000, 0);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 - 24);
    uint32_t frame[6] = { 0x4002, CODE3, 0x11111111, 0x22222222, STACK3, DATA3 };
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmphex(pushed(i), ==, frame[i]);
    }
    /* and back: parameters go on both stacks, inner data segments are unloaded */
    mov_sreg(R_ES, DATA0);
    mov_sreg(R_FS, CONFORMING);
    cpu->eip = 0x5000;
    ASSERT_FINE(RUN(retf_Iw, .imm = 8));
    assert_at(CODE3, 0x4002, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3 + 8);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA3);
    g_assert_true(cpu->seg[R_ES].null);
    g_assert_cmphex(cpu->seg[R_DS].selector, ==, DATA3);
    g_assert_false(cpu->seg[R_FS].null);
}

static void test_call_gate_16(void)
{
    enter(3);
    st16(STACK3, 0x1111);
    ASSERT_FINE(RUN(callf_Ap, .imm = far_pointer(GATE16, 0)));
    assert_at(CODE0, 0x5100, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 - 10);
    uint16_t frame[5] = { 0x4002, CODE3, 0x1111, STACK3, DATA3 };
    for (unsigned i = 0; i < 5; i++) {
        g_assert_cmphex(ld16(STACK0 - 10 + 2 * i), ==, frame[i]);
    }
}

static void test_call_gate_faults(void)
{
    enter(3);
    ASSERT_FAULT(EXCP_GP, CODE0, RUN(jmpf_Ap, .imm = far_pointer(GATE32, 0)));
    put_gate(GDT + GATE32, CODE0, 0x5000, 0xcc, 0); /* DPL 2 */
    ASSERT_FAULT(EXCP_GP, GATE32, RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    put_gate(GDT + GATE32, CODE0, 0x5000, 0x6c, 0);
    ASSERT_FAULT(EXCP_NP, GATE32, RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    put_gate(GDT + GATE32, 0, 0x5000, 0xec, 0);
    ASSERT_FAULT(EXCP_GP, 0, RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    put_gate(GDT + GATE32, DATA0, 0x5000, 0xec, 0);
    ASSERT_FAULT(EXCP_GP, DATA0, RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    put_gate(GDT + GATE32, ABSENT_CODE, 0x5000, 0xec, 0);
    ASSERT_FAULT(EXCP_NP, ABSENT_CODE, RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    put_gate(GDT + GATE32, CODE0, 0x5000, 0xec, 0);
    st16(TSS_A + 8, 0);
    ASSERT_FAULT(EXCP_TS, 0, RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    st16(TSS_A + 8, DATA3);
    ASSERT_FAULT(EXCP_TS, DATA3 & ~3, RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    st16(TSS_A + 8, ABSENT);
    ASSERT_FAULT(EXCP_SS, ABSENT, RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    st16(TSS_A + 8, DATA0_LIMIT);
    st32(TSS_A + 4, 12);
    ASSERT_FAULT(EXCP_SS, DATA0_LIMIT, RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    cpu->seg[R_TR].limit = 8;
    ASSERT_FAULT(EXCP_TS, SEL_A, RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    assert_at(CODE3, cpu->eip, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3);
}

static void test_call_gate_middle(void)
{
    enter(3);
    put_gate(GDT + GATE32, CODE1, 0x5000, 0xec, 0);
    ASSERT_FINE(RUN(callf_Ap, .imm = far_pointer(GATE32, 0)));
    assert_at(CODE1, 0x5000, 1);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA1);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK1 - 16);
    g_assert_cmpint(cpu->mmu_mode, ==, MMU_KERNEL);
}

static void test_ret_faults(void)
{
    enter(3);
    st32(STACK3, 0x5000);
    st32(STACK3 + 4, CODE0);
    ASSERT_FAULT(EXCP_GP, CODE0, RUN(retf));
    st32(STACK3 + 4, 0);
    ASSERT_FAULT(EXCP_GP, 0, RUN(retf));
    enter(0);
    st32(STACK0, 0x5000);
    st32(STACK0 + 4, CODE3);
    st32(STACK0 + 8, STACK3);
    st32(STACK0 + 12, 0);
    ASSERT_FAULT(EXCP_GP, 0, RUN(retf));
    st32(STACK0 + 12, DATA0);
    ASSERT_FAULT(EXCP_GP, DATA0, RUN(retf));
    st32(STACK0 + 12, DATA3);
    ASSERT_FINE(RUN(retf));
    assert_at(CODE3, 0x5000, 3);
}

static void test_far_real(void)
{
    enter_real();
    ASSERT_FINE(RUN(callf_Ap, .bytes = 2, .imm = far_pointer(0x500, 0x20)));
    assert_at(0x500, 0x20, 0);
    g_assert_cmphex(cpu->seg[R_CS].base, ==, 0x5000);
    g_assert_cmphex(ld32(0x7ffc), ==, 0x04000012);
    ASSERT_FINE(RUN(retf, .bytes = 2));
    assert_at(0x400, 0x12, 0);
    ASSERT_FAULT(EXCP_GP, 0, RUN(jmpf_Ap, .imm = far_pointer(0x500, 0x10000)));
}

/* ---- interrupts and exceptions ---- */

static void test_gate_same_level(void)
{
    enter(0);
    flags_commit(cpu, 2 | IF_MASK | TF_MASK | NT_MASK | CC_C);
    raise_and_deliver(EXCP_GP, true, 0x1234);
    assert_at(CODE0, handler_of(EXCP_GP), 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 - 16);
    g_assert_cmphex(pushed(0), ==, 0x1234);
    g_assert_cmphex(pushed(1), ==, 0x4000);
    g_assert_cmphex(pushed(2), ==, CODE0);
    g_assert_cmphex(pushed(3), ==, (2 | IF_MASK | TF_MASK | NT_MASK | CC_C | RF_MASK));
    g_assert_cmphex(cpu_get_eflags(cpu), ==, (2 | CC_C));
    g_assert_cmpint(replayed_exceptions, ==, 1);
    put_idt(0x80, CODE0, 0x7000, 0x8f); /* trap gate */
    flags_commit(cpu, 2 | IF_MASK);
    ASSERT_FINE(RUN(int_Ib, .imm = 0x80));
    assert_at(CODE0, 0x7000, 0);
    g_assert_true(cpu->eflags & IF_MASK);
    g_assert_cmphex(pushed(0), ==, handler_of(EXCP_GP) + 2);
}

static void test_gate_inner(void)
{
    enter(3);
    int64_t before = cpu->icount;
    raise_and_deliver(EXCP_UD, false, 0);
    g_assert_cmpint(cpu->icount, ==, before + 1);
    assert_at(CODE0, handler_of(EXCP_UD), 0);
    uint32_t frame[5] = { 0x4000, CODE3, 2 | RF_MASK, STACK3, DATA3 };
    for (unsigned i = 0; i < 5; i++) {
        g_assert_cmphex(pushed(i), ==, frame[i]);
    }
    ASSERT_FINE(RUN(iret));
    assert_at(CODE3, 0x4000, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3);
    g_assert_true(cpu->eflags & RF_MASK);
}

static void test_gate_16(void)
{
    enter(3);
    put_idt(13, CODE0, 0x7000, 0x86);
    raise_and_deliver(EXCP_GP, true, 0x28);
    assert_at(CODE0, 0x7000, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 - 12);
    uint16_t frame[6] = { 0x28, 0x4000, CODE3, 2, STACK3, DATA3 };
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmphex(ld16(STACK0 - 12 + 2 * i), ==, frame[i]);
    }
}

static void test_software_faults(void)
{
    enter(3);
    ASSERT_FAULT(EXCP_GP, 0x80 * 8 + 2, RUN(int_Ib, .imm = 0x80)); /* DPL 0 */
    ASSERT_FAULT(EXCP_GP, 3 * 8 + 2, RUN(int3));
    put_idt(0x80, CODE0, 0x7000, 0x6e);
    ASSERT_FAULT(EXCP_NP, 0x80 * 8 + 2, RUN(int_Ib, .imm = 0x80));
    put_idt(0x80, CODE0, 0x7000, 0xec); /* call gate */
    ASSERT_FAULT(EXCP_GP, 0x80 * 8 + 2, RUN(int_Ib, .imm = 0x80));
    put_idt(0x80, 0, 0x7000, 0xee);
    ASSERT_FAULT(EXCP_GP, 0, RUN(int_Ib, .imm = 0x80));
    put_idt(0x80, ABSENT_CODE, 0x7000, 0xee);
    ASSERT_FAULT(EXCP_NP, ABSENT_CODE, RUN(int_Ib, .imm = 0x80));
    put_idt(0x80, SHORT_CODE, 0x7000, 0xee);
    ASSERT_FAULT(EXCP_GP, 0, RUN(int_Ib, .imm = 0x80));
    cpu->idt.limit = 0x80 * 8 + 6;
    ASSERT_FAULT(EXCP_GP, 0x80 * 8 + 2, RUN(int_Ib, .imm = 0x80));
    put_idt(EXCP_OF, CODE0, 0x7000, 0xee);
    ASSERT_FINE(RUN(into));
    assert_at(CODE3, cpu->eip, 3);
    cpu_set_eflags(cpu, 2 | CC_O);
    ASSERT_FINE(RUN(into));
    assert_at(CODE0, 0x7000, 0);
}

/* INT1 ignores the gate's DPL; its frame has the next instruction. */
static void test_int1(void)
{
    enter(3);
    uint64_t dr6 = cpu->dr[6];
    ASSERT_FINE(RUN(int1));
    assert_at(CODE0, handler_of(EXCP_DB), 0);
    g_assert_cmphex(pushed(0), ==, 0x4002);
    g_assert_cmphex(cpu->dr[6], ==, dr6);
}

static void test_ext_bit(void)
{
    enter(0);
    put_idt(0x20, ABSENT_CODE, 0x7000, 0x8e);
    next_vector = 0x20;
    flags_commit(cpu, 2 | IF_MASK);
    cpu->interrupt_request = CPU_INTERRUPT_HARD;
    g_assert_true(cpu_take_interrupt(cpu));
    assert_at(CODE0, handler_of(EXCP_NP), 0);
    g_assert_cmphex(pushed(0), ==, (ABSENT_CODE | 1));
    g_assert_cmphex(pushed(1), ==, 0x4000);
    cpu->interrupt_request = 0;
}

static void test_double_fault(void)
{
    enter(0);
    put_idt(EXCP_NP, CODE0, 0, 0x0e);
    int64_t before = cpu->icount;
    raise_and_deliver(EXCP_NP, true, 0x10); /* #NP while delivering #NP */
    assert_at(CODE0, handler_of(EXCP_DF), 0);
    g_assert_cmphex(pushed(0), ==, 0);
    g_assert_cmphex(pushed(1), ==, 0x4000);
    g_assert_cmpint(cpu->icount, ==, before + 1);
    enter(0);
    put_idt(EXCP_PF, CODE0, 0, 0x0e); /* #PF, then #NP */
    cpu->exception_cr2 = 0x12345;
    raise_and_deliver(EXCP_PF, true, 2);
    assert_at(CODE0, handler_of(EXCP_DF), 0);
    g_assert_cmphex(cpu->cr2, ==, 0x12345);
    enter(0);
    put_idt(EXCP_UD, CODE0, 0, 0x0e); /* benign, then #NP: no double fault */
    raise_and_deliver(EXCP_UD, false, 0);
    assert_at(CODE0, handler_of(EXCP_NP), 0);
    g_assert_cmphex(pushed(0), ==, EXCP_UD * 8 + 2 + 1);
    g_assert_cmpint(resets, ==, 0);
}

static void test_triple_fault(void)
{
    enter(0);
    cpu->idt.limit = 0;
    raise_and_deliver(EXCP_GP, true, 0);
    g_assert_cmpint(resets, ==, 1);
    g_assert_true(cpu->halted);
    enter_real();
    cpu->idt.limit = 0;
    raise_and_deliver(EXCP_UD, false, 0);
    g_assert_cmpint(resets, ==, 1);
}

static void test_real_interrupt(void)
{
    enter_real();
    flags_commit(cpu, 2 | IF_MASK | CC_C);
    ASSERT_FINE(RUN(int_Ib, .imm = 0x10));
    assert_at(0x100, 0x210, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x7ffa);
    g_assert_cmphex(ld16(0x7ffa), ==, 0x12);
    g_assert_cmphex(ld16(0x7ffc), ==, 0x400);
    g_assert_cmphex(ld16(0x7ffe), ==, (2 | IF_MASK | CC_C));
    g_assert_false(cpu->eflags & IF_MASK);
    cpu->nmi_blocked = true;
    ASSERT_FINE(RUN(iret, .bytes = 2));
    assert_at(0x400, 0x12, 0);
    g_assert_true(cpu->eflags & IF_MASK);
    g_assert_false(cpu->nmi_blocked);
    g_assert_true(cpu->int_point);
    raise_and_deliver(EXCP_GP, true, 0); /* no error code */
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x7ffa);
    /* beyond the table: #GP */
    cpu->idt.limit = 0x10 * 4 + 2;
    ASSERT_FAULT(EXCP_GP, 0, RUN(int_Ib, .imm = 0x10));
}

/* ---- IRET ---- */

static void test_iret_flags(void)
{
    enter(3);
    st32(STACK3, 0x5000);
    st32(STACK3 + 4, CODE3);
    st32(STACK3 + 8, 0x3f7fd7);
    ASSERT_FINE(RUN(iret));
    uint32_t expect = 2 | CC_ALL | TF_MASK | DF_MASK | NT_MASK | RF_MASK | AC_MASK | ID_MASK;
    g_assert_cmphex(cpu_get_eflags(cpu), ==, expect);
    enter(0);
    st32(STACK0, 0x5000);
    st32(STACK0 + 4, CODE0);
    st32(STACK0 + 8, 0x3f7fd7 & ~VM_MASK);
    ASSERT_FINE(RUN(iret));
    g_assert_cmphex(cpu_get_eflags(cpu), ==, (0x3f7fd7 & ~VM_MASK));
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 + 12);
}

static void test_iret_faults(void)
{
    enter(0);
    st32(STACK0, 0x5000);
    st32(STACK0 + 4, ABSENT_CODE);
    ASSERT_FAULT(EXCP_NP, ABSENT_CODE, RUN(iret));
    st32(STACK0 + 4, DATA0);
    ASSERT_FAULT(EXCP_GP, DATA0, RUN(iret));
    st32(STACK0 + 4, CODE0 | 3); /* DPL 0 with RPL 3 */
    ASSERT_FAULT(EXCP_GP, CODE0, RUN(iret));
    st32(STACK0, 0x1000);
    st32(STACK0 + 4, SHORT_CODE);
    ASSERT_FAULT(EXCP_GP, 0, RUN(iret));
    flags_commit(cpu, 2 | NT_MASK);
    st16(TSS_A, 0);
    ASSERT_FAULT(EXCP_TS, 0, RUN(iret));
    st16(TSS_A, SEL_B); /* not busy */
    ASSERT_FAULT(EXCP_TS, SEL_B, RUN(iret));
}

/* ---- v86 mode ---- */

static void test_v86_round_trip(void)
{
    enter(0);
    cpu->gpr[R_ESP] = STACK0 - 36;
    uint32_t frame[9] = { 0x10, 0x400, VM_MASK | IF_MASK | 2, 0x1000, 0xa00, 0x101, 0x202, 0x303, 0x404 };
    for (unsigned i = 0; i < 9; i++) {
        st32(STACK0 - 36 + 4 * i, frame[i]);
    }
    ASSERT_FINE(RUN(iret));
    assert_at(0x400, 0x10, 3);
    g_assert_true(cpu->mode & MODE_V86);
    g_assert_cmpint(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE16);
    g_assert_cmphex(cpu->seg[R_DS].base, ==, 0x2020);
    g_assert_cmphex(cpu->seg[R_GS].selector, ==, 0x404);
    g_assert_cmphex(cpu->seg[R_SS].limit, ==, 0xffff);
    raise_and_deliver(EXCP_GP, true, 0);
    assert_at(CODE0, handler_of(EXCP_GP), 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 - 40);
    for (unsigned i = 0; i < 9; i++) {
        g_assert_cmphex(pushed(1 + i) & ~RF_MASK, ==, frame[i]);
    }
    g_assert_true(cpu->seg[R_DS].null);
    g_assert_false(cpu->eflags & VM_MASK);
    cpu->gpr[R_ESP] += 4;
    ASSERT_FINE(RUN(iret));
    assert_at(0x400, 0x10, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x1000);
}

static void test_v86_iopl(void)
{
    enter_v86(0);
    ASSERT_FAULT(EXCP_GP, 0, RUN(int_Ib, .imm = 0x21, .bytes = 2));
    ASSERT_FAULT(EXCP_GP, 0, RUN(pushf_F, .bytes = 2));
    ASSERT_FAULT(EXCP_GP, 0, RUN(popf_F, .bytes = 2));
    ASSERT_FAULT(EXCP_GP, 0, RUN(iret, .bytes = 2));
    ASSERT_FAULT(EXCP_GP, 0, RUN(cli));
    ASSERT_FAULT(EXCP_GP, 0, RUN(sti));
    enter_v86(3);
    put_idt(0x21, CODE0, 0x7000, 0xee);
    ASSERT_FINE(RUN(int_Ib, .imm = 0x21, .bytes = 2));
    assert_at(CODE0, 0x7000, 0);
    /* a handler that is not at level 0 cannot be entered from v86 mode */
    enter_v86(3);
    put_idt(0x21, CODE3 & ~3, 0x7000, 0xee);
    ASSERT_FAULT(EXCP_GP, CODE3 & ~3, RUN(int_Ib, .imm = 0x21));
    put_idt(0x21, CONFORMING, 0x7000, 0xee);
    ASSERT_FAULT(EXCP_GP, CONFORMING, RUN(int_Ib, .imm = 0x21));
}

static void test_v86_vme(void)
{
    enter_v86(0);
    cpu->cr4 |= CR4_VME;
    cpu->eflags |= VIF_MASK;
    st32(0x21 * 4, 0x01230045);
    mem[TSS_A + 0x88 - 32 + 0x22 / 8] |= 1 << (0x22 & 7);
    ASSERT_FINE(RUN(int_Ib, .imm = 0x21, .bytes = 2));
    assert_at(0x123, 0x45, 3);
    g_assert_cmphex(ld16(0xa000 + 0xffa), ==, 0x12);
    g_assert_cmphex(ld16(0xa000 + 0xffe), ==, (2 | IOPL_MASK | IF_MASK));
    g_assert_false(cpu->eflags & VIF_MASK);
    ASSERT_FAULT(EXCP_GP, 0, RUN(int_Ib, .imm = 0x22, .bytes = 2));
    ASSERT_FINE(RUN(iret, .bytes = 2));
    assert_at(0x400, 0x12, 3);
    g_assert_true(cpu->eflags & VIF_MASK);
    g_assert_cmpint(cpu_iopl(cpu), ==, 0);
    ASSERT_FINE(RUN(cli));
    g_assert_false(cpu->eflags & VIF_MASK);
    cpu->eflags |= VIP_MASK;
    ASSERT_FAULT(EXCP_GP, 0, RUN(sti));
    ASSERT_FAULT(EXCP_GP, 0, RUN(pushf_F));
}

/* VIF and VIP together fault before the first instruction after IRET. */
static void test_v86_vip(void)
{
    enter(0);
    cpu->cr4 |= CR4_VME;
    cpu->gpr[R_ESP] = STACK0 - 36;
    uint32_t frame[9] = { 0x10, 0x400, VM_MASK | VIF_MASK | VIP_MASK | 2, 0x1000, 0xa00, 0, 0, 0, 0 };
    for (unsigned i = 0; i < 9; i++) {
        st32(STACK0 - 36 + 4 * i, frame[i]);
    }
    ASSERT_FAULT(EXCP_GP, 0, RUN(iret));
    cpu_deliver_exception(cpu);
    assert_at(CODE0, handler_of(EXCP_GP), 0);
    g_assert_cmphex(pushed(1), ==, 0x10);
    g_assert_cmphex(pushed(2), ==, 0x400);
}

/* ---- flags ---- */

static void test_popf(void)
{
    enter(3);
    st32(STACK3, 0x3f7fd7);
    ASSERT_FINE(RUN(popf_F));
    g_assert_cmphex(cpu_get_eflags(cpu), ==, (2 | CC_ALL | TF_MASK | DF_MASK | NT_MASK | AC_MASK | ID_MASK));
    g_assert_true(cpu->mode & MODE_TF);
    enter(0);
    st32(STACK0, 0x3f7fd7);
    ASSERT_FINE(RUN(popf_F));
    g_assert_cmphex(cpu_get_eflags(cpu), ==, (0x3f7fd7 & ~(VM_MASK | RF_MASK | VIF_MASK | VIP_MASK)));
    cpu->eflags |= RF_MASK;
    ASSERT_FINE(RUN(pushf_F));
    g_assert_false(pushed(0) & RF_MASK);
}

static void test_sti(void)
{
    enter(0);
    ASSERT_FINE(RUN(sti));
    g_assert_cmpint(cpu->int_shadow, ==, SHADOW_STI);
    g_assert_true(cpu->int_point);
    cpu->int_shadow = 0;
    ASSERT_FINE(RUN(sti));
    g_assert_cmpint(cpu->int_shadow, ==, 0);
    enter(3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(sti));
    cpu->cr4 |= CR4_PVI;
    ASSERT_FINE(RUN(sti));
    g_assert_true(cpu->eflags & VIF_MASK);
    g_assert_false(cpu->eflags & IF_MASK);
}

/* ---- lines ---- */

static void test_priorities(void)
{
    enter(0);
    flags_commit(cpu, 2 | IF_MASK);
    next_vector = 0x30;
    kicks = 0;
    cpu_interrupt(cpu, CPU_INTERRUPT_HARD | CPU_INTERRUPT_NMI);
    cpu_interrupt(cpu, CPU_INTERRUPT_NMI);
    g_assert_cmpint(kicks, ==, 1);
    cpu->int_shadow = SHADOW_STI;
    g_assert_false(cpu_has_interrupt(cpu));
    cpu->int_shadow = 0;
    cpu->halted = true;
    g_assert_true(cpu_take_interrupt(cpu));
    assert_at(CODE0, handler_of(EXCP_NMI), 0);
    g_assert_false(cpu->halted);
    g_assert_true(cpu->nmi_blocked);
    cpu_interrupt(cpu, CPU_INTERRUPT_NMI);
    g_assert_false(cpu_has_interrupt(cpu)); /* IF clear, NMI blocked */
    ASSERT_FINE(RUN(iret));
    g_assert_true(cpu_take_interrupt(cpu));
    assert_at(CODE0, handler_of(EXCP_NMI), 0);
    ASSERT_FINE(RUN(iret));
    int64_t before = cpu->icount;
    g_assert_true(cpu_take_interrupt(cpu));
    assert_at(CODE0, handler_of(0x30), 0);
    g_assert_cmpint(cpu->icount, ==, before + 1);
    g_assert_cmpint(replayed_interrupts, ==, 3);
    cpu_reset_interrupt(cpu, CPU_INTERRUPT_HARD);
    flags_commit(cpu, 2 | IF_MASK);
    cpu_interrupt(cpu, CPU_INTERRUPT_HARD);
    next_vector = -1;
    g_assert_false(cpu_take_interrupt(cpu));
    g_assert_false(cpu_has_interrupt(cpu));
    cpu_interrupt(cpu, CPU_INTERRUPT_INIT | CPU_INTERRUPT_SIPI);
    g_assert_true(cpu_take_interrupt(cpu));
    assert_at(0xf000, 0xfff0, 0);
    g_assert_cmphex(cpu->interrupt_request, ==, 0);
}

static void test_debug_trap(void)
{
    enter(0);
    flags_commit(cpu, 2 | TF_MASK);
    cpu->pending_db = DR6_BS;
    cpu->dr[7] |= DR7_GD;
    cpu->int_shadow = SHADOW_MOVSS;
    cpu_deliver_debug_trap(cpu);
    assert_at(CODE0, 0x4000, 0);
    cpu->int_shadow = 0;
    cpu_deliver_debug_trap(cpu);
    assert_at(CODE0, handler_of(EXCP_DB), 0);
    g_assert_cmphex(pushed(2), ==, (2 | TF_MASK));
    g_assert_true(cpu->dr[6] & DR6_BS);
    g_assert_false(cpu->dr[7] & DR7_GD);
    g_assert_false(cpu->mode & MODE_TF);
    cpu->dr[7] |= DR7_GD;
    g_assert_cmpint(RUN(mov_Rd_Dd, .reg = 6, .rm = R_EAX), ==, EXCP_DB);
    cpu_deliver_exception(cpu);
    g_assert_true(pushed(2) & RF_MASK);
    g_assert_true(cpu->dr[6] & DR6_BD);
}

/* ---- tasks ---- */

static void put_task_b(void)
{
    st32(TSS_B + 0x1c, 0);
    st32(TSS_B + 0x20, 0x7000);
    st32(TSS_B + 0x24, 2 | CC_C);
    for (unsigned i = 0; i < 8; i++) {
        st32(TSS_B + 0x28 + 4 * i, 0x100 * (i + 1));
    }
    st32(TSS_B + 0x38, 0x8000); /* ESP */
    uint16_t segs[6] = { DATA0, CODE0, DATA0, DATA3, 0, 0 };
    for (unsigned i = 0; i < 6; i++) {
        st16(TSS_B + 0x48 + 4 * i, segs[i]);
    }
}

static unsigned type_of(unsigned selector)
{
    return ld32(GDT + selector + 4) >> 8 & 0xf;
}

static void test_task_call_iret(void)
{
    enter(0);
    put_task_b();
    cpu->gpr[R_EBX] = 0xb0b;
    ASSERT_FINE(RUN(callf_Ap, .imm = far_pointer(SEL_B, 0)));
    assert_at(CODE0, 0x7000, 0);
    g_assert_cmphex(cpu_get_eflags(cpu), ==, (2 | CC_C | NT_MASK));
    g_assert_cmphex(cpu->gpr[R_EDI], ==, 0x800);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x8000);
    g_assert_cmphex(ld16(TSS_B), ==, SEL_A);
    g_assert_cmpint(type_of(SEL_A), ==, SYS_TSS32_BUSY);
    g_assert_cmpint(type_of(SEL_B), ==, SYS_TSS32_BUSY);
    g_assert_cmphex(ld32(TSS_A + 0x20), ==, 0x4002);
    g_assert_cmphex(ld32(TSS_A + 0x34), ==, 0xb0b);
    g_assert_true(cpu->cr0 & CR0_TS);
    ASSERT_FAULT(EXCP_GP, SEL_A, RUN(jmpf_Ap, .imm = far_pointer(SEL_A, 0))); /* busy */
    cpu->eip = 0x7010;
    ASSERT_FINE(RUN(iret));
    assert_at(CODE0, 0x4002, 0);
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 0xb0b);
    g_assert_cmpint(type_of(SEL_B), ==, SYS_TSS32);
    g_assert_cmphex(ld32(TSS_B + 0x20), ==, 0x7012);
    g_assert_false(ld32(TSS_B + 0x24) & NT_MASK);
    g_assert_cmphex(cpu->seg[R_TR].selector, ==, SEL_A);
}

static void test_task_jmp_gate(void)
{
    enter(3);
    put_task_b();
    st32(TSS_B + 0x64, 1);                                                    /* T */
    ASSERT_FAULT(EXCP_GP, SEL_B, RUN(jmpf_Ap, .imm = far_pointer(SEL_B, 0))); /* DPL 0 */
    cpu->eip = 0x4000;
    ASSERT_FINE(RUN(jmpf_Ap, .imm = far_pointer(TASK_GATE, 0)));
    assert_at(CODE0, 0x7000, 0);
    g_assert_cmpint(type_of(SEL_A), ==, SYS_TSS32);
    g_assert_false(cpu->eflags & NT_MASK);
    g_assert_cmphex(ld16(TSS_B), ==, 0);
    g_assert_cmphex(cpu->pending_db, ==, DR6_BT);
    g_assert_true(cpu->int_point);
}

static void test_task_286(void)
{
    enter(0);
    st16(TSS_286 + 0x0e, 0x7000);
    st16(TSS_286 + 0x10, 2);
    st16(TSS_286 + 0x12, 0x1234);
    st16(TSS_286 + 0x1a, 0x8000);
    st16(TSS_286 + 0x22, DATA16);
    st16(TSS_286 + 0x24, CODE16);
    st16(TSS_286 + 0x26, DATA16);
    st16(TSS_286 + 0x28, DATA16);
    mov_sreg(R_FS, DATA0);
    cpu->eip = 0x4000;
    ASSERT_FINE(RUN(callf_Ap, .imm = far_pointer(SEL_286, 0)));
    assert_at(CODE16, 0x7000, 0);
    g_assert_cmphex(cpu->gpr[R_EAX] & 0xffff, ==, 0x1234);
    g_assert_cmphex(ld16(TSS_286), ==, SEL_A);
    g_assert_true(cpu->seg[R_FS].null);
    g_assert_cmphex(ld16(TSS_A + 0x58), ==, DATA0);
    g_assert_cmpint(type_of(SEL_286), ==, SYS_TSS16_BUSY);
    ASSERT_FINE(RUN(iret, .bytes = 2));
    assert_at(CODE0, 0x4002, 0);
    g_assert_cmphex(ld16(TSS_286 + 0x0e), ==, 0x7002);
}

/* Faults of the new task: its CS:EIP is in the frame. */
static void test_task_faults(void)
{
    enter(0);
    put_task_b();
    put_segment(SEL_B, TSS_B, 0x66, 0x89, 0);
    ASSERT_FAULT(EXCP_TS, SEL_B, RUN(jmpf_Ap, .imm = far_pointer(SEL_B, 0)));
    g_assert_cmphex(cpu->seg[R_TR].selector, ==, SEL_A);
    put_segment(SEL_B, TSS_B, 0x67, 0x09, 0);
    ASSERT_FAULT(EXCP_NP, SEL_B, RUN(jmpf_Ap, .imm = far_pointer(SEL_B, 0)));
    put_segment(SEL_B, TSS_B, 0x67, 0x89, 0);
    st16(TSS_B + 0x54, ABSENT); /* DS */
    ASSERT_FAULT(EXCP_NP, ABSENT, RUN(jmpf_Ap, .imm = far_pointer(SEL_B, 0)));
    g_assert_cmphex(cpu->seg[R_TR].selector, ==, SEL_B);
    cpu_deliver_exception(cpu);
    assert_at(CODE0, handler_of(EXCP_NP), 0);
    g_assert_cmphex(pushed(1), ==, 0x7000);
    static const struct {
        unsigned at;
        uint16_t selector;
        int vector;
        uint32_t error;
    } bad[] = {
        { 0x4c, DATA0, EXCP_TS, DATA0 },
        { 0x4c, 0, EXCP_TS, 0 },
        { 0x4c, ABSENT_CODE, EXCP_NP, ABSENT_CODE },
        { 0x50, 0, EXCP_TS, 0 },
        { 0x50, DATA3, EXCP_TS, 0x20 },
        { 0x50, ABSENT, EXCP_SS, ABSENT },
        { 0x48, EXEC_ONLY, EXCP_TS, 0x98 },
        { 0x60, DATA0, EXCP_TS, DATA0 },
        { 0x4c, SHORT_CODE, EXCP_GP, 0 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        enter(0);
        put_task_b();
        st16(TSS_B + bad[i].at, bad[i].selector);
        ASSERT_FAULT(bad[i].vector, bad[i].error, RUN(jmpf_Ap, .imm = far_pointer(SEL_B, 0)));
    }
}

static void test_task_interrupt(void)
{
    enter(3);
    put_task_b();
    put_idt(EXCP_DF, SEL_B, 0, 0x85);
    put_idt(EXCP_GP, CODE0, 0, 0x0e);
    raise_and_deliver(EXCP_GP, true, 0x10);
    assert_at(CODE0, 0x7000, 0);
    g_assert_cmphex(ld32(0x8000 - 4), ==, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x8000 - 4);
    g_assert_cmphex(ld32(TSS_A + 0x20), ==, 0x4000);
    g_assert_true(ld32(TSS_A + 0x24) & RF_MASK);
    g_assert_true(cpu->eflags & NT_MASK);
    g_assert_cmpint(resets, ==, 0);
}

static void test_task_v86(void)
{
    enter(0);
    put_task_b();
    st32(TSS_B + 0x24, 2 | VM_MASK);
    for (unsigned i = 0; i < 6; i++) {
        st16(TSS_B + 0x48 + 4 * i, 0x100 + i);
    }
    ASSERT_FINE(RUN(jmpf_Ap, .imm = far_pointer(SEL_B, 0)));
    assert_at(0x101, 0x7000, 3);
    g_assert_cmphex(cpu->seg[R_DS].base, ==, 0x1030);
    g_assert_true(cpu->mode & MODE_V86);
}

/* ---- system instructions ---- */

static void test_system(void)
{
    enter(3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(hlt));
    ASSERT_FAULT(EXCP_GP, 0, RUN(mov_Rd_Cd, .reg = 0));
    ASSERT_UD(RUN(mov_Rd_Cd, .reg = 1));
    ASSERT_FAULT(EXCP_GP, 0, RUN(clts));
    ASSERT_FAULT(EXCP_GP, 0, RUN(wrmsr));
    ASSERT_FINE(RUN(smsw_Ev, .modrm = true));
    ASSERT_FINE(RUN(rdtsc));
    cpu->cr4 |= CR4_TSD;
    ASSERT_FAULT(EXCP_GP, 0, RUN(rdtsc));
    enter(0);
    cpu->gpr[R_EAX] = CR0_PE | CR0_TS | CR0_MP;
    ASSERT_FINE(RUN(mov_Cd_Rd, .reg = 0));
    ASSERT_FINE(RUN(clts));
    g_assert_false(cpu->cr0 & CR0_TS);
    cpu->gpr[R_EAX] = 0;
    ASSERT_FINE(RUN(lmsw_Ew, .modrm = true));
    g_assert_true(cpu->cr0 & CR0_PE);
    g_assert_false(cpu->cr0 & CR0_MP);
    ASSERT_FINE(RUN(hlt));
    g_assert_true(cpu->halted);
    cpu->gpr[R_EAX] = 0x12345000;
    ASSERT_FINE(RUN(mov_Dd_Rd, .reg = 0));
    g_assert_cmphex(cpu->dr[0], ==, 0x12345000);
    ASSERT_FINE(RUN(mov_Rd_Dd, .reg = 5, .rm = R_ECX));
    g_assert_cmphex(cpu->gpr[R_ECX], ==, DR7_FIXED_1);
    cpu->cr4 |= CR4_DE;
    ASSERT_UD(RUN(mov_Rd_Dd, .reg = 5));
    ASSERT_UD(RUN(rsm));
}

static void test_sysenter(void)
{
    enter(3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(sysenter));
    cpu->sysenter_cs = CODE0;
    cpu->sysenter_esp = STACK0;
    cpu->sysenter_eip = 0x5000;
    flags_commit(cpu, 2 | IF_MASK);
    ASSERT_FINE(RUN(sysenter));
    assert_at(CODE0, 0x5000, 0);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, CODE0 + 8);
    g_assert_false(cpu->eflags & IF_MASK);
    cpu->gpr[R_EDX] = 0x4000;
    cpu->gpr[R_ECX] = STACK3;
    ASSERT_FINE(RUN(sysexit));
    assert_at(CODE3, 0x4000, 3);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(sysexit));
}

/* ---- ports ---- */

static void test_io_bitmap(void)
{
    enter(3);
    cpu->gpr[R_EDX] = 0x3f8;
    ASSERT_FINE(RUN(in_dx_port, .bytes = 1));
    mem[TSS_A + 0x88 + 0x3f9 / 8] = 1 << (0x3f9 & 7);
    ASSERT_FINE(RUN(in_dx_port, .bytes = 1));
    ASSERT_FAULT(EXCP_GP, 0, RUN(in_dx_port, .bytes = 2));
    ASSERT_FAULT(EXCP_GP, 0, RUN(out_dx_port, .bytes = 4));
    cpu->gpr[R_EDX] = 0x6f7; /* last whole word of the bitmap: bytes 166h, 167h */
    ASSERT_FINE(RUN(in_dx_port, .bytes = 1));
    cpu->gpr[R_EDX] = 0x6f8;
    ASSERT_FAULT(EXCP_GP, 0, RUN(in_dx_port, .bytes = 1));
    flags_commit(cpu, 2 | IOPL_MASK);
    ASSERT_FINE(RUN(in_dx_port, .bytes = 1));
    g_assert_true(cpu->int_point);
    enter_v86(3); /* IOPL does not matter there */
    cpu->gpr[R_EDX] = 0x6f8;
    ASSERT_FAULT(EXCP_GP, 0, RUN(in_dx_port, .bytes = 1));
    enter(3);
    load(R_TR, SEL_286);
    ASSERT_FAULT(EXCP_GP, 0, RUN(in_imm_port, .bytes = 1, .imm = 0x60));
}

/* Each width, by immediate and by DX. */
static void test_port_forms(void)
{
    static const uint32_t read[] = { 0x99887744, 0x99883345, 0, 0x11223347 },
                          written[] = { 0x66, 0x7766, 0, 0x99887766 };
    for (unsigned dx = 0; dx < 2; dx++) {
        enter(0);
        port_reads = 0;
        cpu->gpr[R_EDX] = 0x1061;
        for (unsigned bytes = 1; bytes <= 4; bytes *= 2) {
            unsigned port = dx ? 0x1061 : 0x61;
            cpu->gpr[R_EAX] = 0x99887766;
            ASSERT_FINE(dx ? RUN(out_dx_port, .bytes = bytes) : RUN(out_imm_port, .bytes = bytes, .imm = 0x61));
            g_assert_cmphex(last_port, ==, port);
            g_assert_cmphex(last_value, ==, written[bytes - 1]);
            ASSERT_FINE(dx ? RUN(in_dx_port, .bytes = bytes) : RUN(in_imm_port, .bytes = bytes, .imm = 0x61));
            g_assert_cmphex(last_port, ==, port);
            g_assert_cmphex(cpu->gpr[R_EAX], ==, read[bytes - 1] - (bytes == 4));
            g_assert_true(cpu->int_point);
        }
    }
}

/* What the system registers hold, as the instructions that only read show it. */
static void test_read_system(void)
{
    enter(0);
    load(R_LDTR, SEL_LDT);
    memset(mem + DATA, 0xcc, 16);
    ASSERT_FINE(RUN(sgdt_Ms, .mem = DATA));
    g_assert_cmphex(ld16(DATA), ==, GDT_END - 1);
    g_assert_cmphex(ld32(DATA + 2), ==, GDT);
    g_assert_cmphex(ld16(DATA + 6), ==, 0xcccc);
    ASSERT_FINE(RUN(sldt_Ev, .modrm = true, .rm = R_EDX));
    g_assert_cmphex(cpu->gpr[R_EDX], ==, SEL_LDT);
    ASSERT_FINE(RUN(sldt_Ev, .mem = DATA)); /* memory: 16 bits whatever the size */
    g_assert_cmphex(ld32(DATA), ==, (GDT & 0xffff) << 16 | SEL_LDT);
    ASSERT_FINE(RUN(str_Ev, .modrm = true, .rm = R_EDX));
    g_assert_cmphex(cpu->gpr[R_EDX], ==, SEL_A);
    ASSERT_FINE(RUN(smsw_Ev, .modrm = true, .rm = R_EDX));
    g_assert_cmphex(cpu->gpr[R_EDX], ==, (uint32_t)cpu->cr0);
    cpu->gpr[R_EAX] = 0;
    ASSERT_FINE(RUN(cpuid));
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 0x756e6547); /* "Genu" */
    ASSERT_FAULT(EXCP_GP, 0, RUN(rdpmc));             /* no counters */
    coverage_handler("rdpmc");
    cpu->tsc_offset = 0x100000002 + cpu->tsc_offset - cpu_get_tsc(cpu);
    ASSERT_FINE(RUN(rdtsc));
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 2);
    g_assert_cmphex(cpu->gpr[R_EDX], ==, 1);
}

/* INVD may not lose what was written: there is no cache. */
static void test_caches(void)
{
    enter(0);
    st32(DATA, 0x55aa);
    ASSERT_FINE(RUN(flush_cache));
    g_assert_cmphex(ld32(DATA), ==, 0x55aa);
    enter(3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(flush_cache));
}

static void test_ins_outs(void)
{
    enter(0);
    port_reads = port_writes = 0;
    cpu->gpr[R_EDX] = 0x1f0;
    cpu->gpr[R_EDI] = DATA;
    cpu->gpr[R_ECX] = 4;
    int64_t before = cpu->icount;
    ASSERT_FINE(RUN(ins_Y_DX, .prefix = PREFIX_REP));
    g_assert_cmpint(cpu->icount, ==, before + 4);
    g_assert_cmphex(ld32(DATA + 12), ==, 0x11223347);
    g_assert_cmphex(cpu->gpr[R_EDI], ==, DATA + 16);
    g_assert_cmphex(cpu->eip, ==, 0x4002);
    /* the budget ends it in the middle */
    cpu->gpr[R_ECX] = 10;
    cpu->icount_limit = cpu->icount + 3;
    before = cpu->icount;
    ASSERT_FINE(RUN(ins_Y_DX, .prefix = PREFIX_REP));
    g_assert_cmpint(cpu->icount, ==, before + 3);
    g_assert_cmpint(cpu->gpr[R_ECX], ==, 7);
    g_assert_cmphex(cpu->eip, ==, 0x4002);
    cpu->icount_limit = cpu->icount + 1000;
    /* a fault in the third element: two are done, and its port was not read */
    mov_sreg(R_ES, DATA0_LIMIT);
    cpu->gpr[R_EDI] = 0xf8;
    cpu->gpr[R_ECX] = 5;
    port_reads = 0;
    before = cpu->icount;
    ASSERT_FAULT(EXCP_GP, 0, RUN(ins_Y_DX, .prefix = PREFIX_REP));
    g_assert_cmpint(cpu->icount, ==, before + 2);
    g_assert_cmpint(cpu->gpr[R_ECX], ==, 3);
    g_assert_cmpint(port_reads, ==, 2);
    /* downwards, 16-bit addresses: upper halves stay */
    flags_commit(cpu, 2 | DF_MASK);
    cpu->gpr[R_ESI] = 0xabcd0000;
    cpu->gpr[R_ECX] = 0x12340002;
    ASSERT_FINE(RUN(outs_DX_X, .bytes = 2, .prefix = PREFIX_REP, .addr16 = true));
    g_assert_cmphex(cpu->gpr[R_ESI], ==, 0xabcdfffc);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 0x12340000);
    g_assert_cmpint(port_writes, ==, 2);
}

/* ---- paging: privileges of table accesses, faults in delivery ---- */

static void map_pages(void)
{
    for (unsigned i = 0; i < 1024; i++) {
        st32(0x11000 + 4 * i, i << 12 | 7);
    }
    st32(0x10000, 0x11000 | 7);
    cpu_set_cr3(cpu, 0x10000);
    cpu->cr0 |= CR0_WP;
    cpu_set_cr0(cpu, cpu->cr0 | CR0_PG);
}

static void test_paging(void)
{
    enter(3);
    map_pages();
    st32(0x11000 + 4 * (GDT >> 12), GDT | 3); /* supervisor page: still read at CPL 3 */
    st32(0x11000 + 4 * (STACK3 >> 12), STACK3 | 3);
    tlb_flush(cpu, true);
    cpu->gpr[R_ESP] = STACK3 + 0x100;
    ASSERT_FINE(mov_sreg(R_DS, DATA3));
    cpu->exception_cr2 = 0;
    ASSERT_FAULT(EXCP_PF, 7, RUN(push_ds));
    g_assert_cmphex(cpu->exception_cr2, ==, STACK3 + 0xfc);
    cpu_deliver_exception(cpu);
    assert_at(CODE0, handler_of(EXCP_PF), 0);
    g_assert_cmphex(cpu->cr2, ==, STACK3 + 0xfc);
    g_assert_cmphex(pushed(4), ==, STACK3 + 0x100);
    /* kernel stack gone: #PF in #PF, then in #DF */
    enter(3);
    map_pages();
    st32(0x11000 + 4 * ((STACK0 - 1) >> 12), 0);
    tlb_flush(cpu, true);
    cpu->exception_cr2 = 0x1234;
    raise_and_deliver(EXCP_PF, true, 4);
    g_assert_cmpint(resets, ==, 1);
    g_assert_cmphex(cpu->cr2, ==, STACK0 - 4);
}

/* ---- SMM ---- */

static bool smram_open;

static void smm_changed(CPUState *c, bool in_smm)
{
    (void)c;
    smram_open = in_smm;
}

static void test_smm(void)
{
    cpu_smm_changed = smm_changed;
    enter(3);
    cpu->gpr[R_EBX] = 0x1234;
    flags_commit(cpu, 2 | IF_MASK | CC_C);
    cpu->cr4 = CR4_TSD;
    cpu_interrupt(cpu, CPU_INTERRUPT_SMI);
    g_assert_true(cpu_take_interrupt(cpu));
    g_assert_true(smram_open && cpu->in_smm && cpu->nmi_blocked);
    assert_at(0x3000, 0x8000, 0);
    g_assert_cmphex(cpu->seg[R_DS].limit, ==, 0xffffffff);
    g_assert_cmphex(cpu->cr0 & (CR0_PE | CR0_PG), ==, 0);
    g_assert_cmphex(ld32(0x3fffc), ==, (cpu->cr0 | CR0_PE));
    g_assert_cmphex(ld32(0x3fff0), ==, 0x4000);
    g_assert_cmphex(ld32(0x3ffdc), ==, 0x1234);
    g_assert_cmphex(ld32(0x3fefc), ==, 0x20000);
    g_assert_cmphex(ld32(0x3fef8), ==, 0x30000);
    cpu_interrupt(cpu, CPU_INTERRUPT_SMI | CPU_INTERRUPT_NMI);
    g_assert_false(cpu_has_interrupt(cpu));
    cpu->interrupt_request = 0;
    st32(0x3fef8, 0xa0000);
    st32(0x3ffdc, 0x5678);
    ASSERT_FINE(RUN(rsm));
    assert_at(CODE3, 0x4000, 3);
    g_assert_false(smram_open || cpu->in_smm || cpu->nmi_blocked);
    g_assert_cmphex(cpu->smbase, ==, 0xa0000);
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 0x5678);
    g_assert_cmphex(cpu_get_eflags(cpu), ==, (2 | IF_MASK | CC_C));
    g_assert_cmphex(cpu->cr4, ==, CR4_TSD);
    g_assert_true(cpu->seg[R_FS].null);
    g_assert_cmphex(cpu->seg[R_TR].base, ==, TSS_A);
    /* HLT is resumed; impossible registers shut down */
    enter(0);
    cpu->halted = true;
    cpu_interrupt(cpu, CPU_INTERRUPT_SMI);
    g_assert_true(cpu_take_interrupt(cpu));
    g_assert_false(cpu->halted);
    g_assert_cmphex(ld16(0x3ff02), ==, 1);
    ASSERT_FINE(RUN(rsm));
    g_assert_true(cpu->halted);
    enter(0);
    cpu_interrupt(cpu, CPU_INTERRUPT_SMI);
    g_assert_true(cpu_take_interrupt(cpu));
    st32(0x3fffc, CR0_PG);
    ASSERT_FINE(RUN(rsm));
    g_assert_cmpint(resets, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    memory_region_init_ram(&ram, "ram", RAM_SIZE);
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    memory_region_init_io(&ports, &ports_ops, NULL, "ports", 0x10000);
    memory_region_add_subregion(get_system_io(), 0, &ports);
    mem = memory_region_get_ram_ptr(&ram);
    cpu = cpu_new("pentium3", 0, NULL);
    g_assert_nonnull(cpu);
    g_test_add_func("/seg/load/data", test_load_data);
    g_test_add_func("/seg/load/stack", test_load_stack);
    g_test_add_func("/seg/limits", test_limits);
    g_test_add_func("/seg/unreal", test_unreal);
    g_test_add_func("/seg/push-pop", test_push_pop);
    g_test_add_func("/seg/lar-lsl-verr-arpl", test_questions);
    g_test_add_func("/seg/tables", test_tables);
    g_test_add_func("/far/jmp-direct", test_jmp_direct);
    g_test_add_func("/far/call-ret-same-level", test_call_ret_same);
    g_test_add_func("/far/call-gate/32", test_call_gate);
    g_test_add_func("/far/call-gate/16", test_call_gate_16);
    g_test_add_func("/far/call-gate/faults", test_call_gate_faults);
    g_test_add_func("/far/call-gate/level-1", test_call_gate_middle);
    g_test_add_func("/far/ret-faults", test_ret_faults);
    g_test_add_func("/far/real", test_far_real);
    g_test_add_func("/excp/gate/same-level", test_gate_same_level);
    g_test_add_func("/excp/gate/inner", test_gate_inner);
    g_test_add_func("/excp/gate/16", test_gate_16);
    g_test_add_func("/excp/software-faults", test_software_faults);
    g_test_add_func("/excp/int1", test_int1);
    g_test_add_func("/excp/ext-bit", test_ext_bit);
    g_test_add_func("/excp/double-fault", test_double_fault);
    g_test_add_func("/excp/triple-fault", test_triple_fault);
    g_test_add_func("/excp/real-mode", test_real_interrupt);
    g_test_add_func("/excp/priorities", test_priorities);
    g_test_add_func("/excp/debug-trap", test_debug_trap);
    g_test_add_func("/iret/flags", test_iret_flags);
    g_test_add_func("/iret/faults", test_iret_faults);
    g_test_add_func("/v86/round-trip", test_v86_round_trip);
    g_test_add_func("/v86/iopl", test_v86_iopl);
    g_test_add_func("/v86/vme", test_v86_vme);
    g_test_add_func("/v86/vip", test_v86_vip);
    g_test_add_func("/flags/popf", test_popf);
    g_test_add_func("/flags/sti", test_sti);
    g_test_add_func("/task/call-iret", test_task_call_iret);
    g_test_add_func("/task/jmp-gate", test_task_jmp_gate);
    g_test_add_func("/task/286", test_task_286);
    g_test_add_func("/task/faults", test_task_faults);
    g_test_add_func("/task/double-fault-gate", test_task_interrupt);
    g_test_add_func("/task/v86", test_task_v86);
    g_test_add_func("/sys/registers", test_system);
    g_test_add_func("/sys/sysenter", test_sysenter);
    g_test_add_func("/io/bitmap", test_io_bitmap);
    g_test_add_func("/io/forms", test_port_forms);
    g_test_add_func("/io/ins-outs", test_ins_outs);
    g_test_add_func("/sys/read", test_read_system);
    g_test_add_func("/sys/caches", test_caches);
    g_test_add_func("/paging/faults", test_paging);
    g_test_add_func("/smm/round-trip", test_smm);
    return g_test_run();
}
