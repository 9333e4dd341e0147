/* LINK: target/i386/seg.c target/i386/stack.c target/i386/segops.c target/i386/far.c target/i386/iret.c target/i386/syscall.c target/i386/xsave.c target/i386/eflags.c target/i386/excp.c target/i386/task.c target/i386/smm.c target/i386/sys.c target/i386/io.c target/i386/tlb.c target/i386/paging.c target/i386/sysreg.c target/i386/msr.c target/i386/cpuid.c target/i386/debug.c target/i386/cpu.c target/i386/flags.c target/i386/x87.c target/i386/x87-state.c target/i386/x87-fxsave.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/qemu-timer.c */
/*
 * tests/cpu/test-longmode.c  Long mode: entering and leaving it, segments, canonical addresses, gates, interrupts, IST,
 * IRET, SYSCALL and its relatives, page protection, PCIDs, 1 GiB pages, CR8, XSAVE, the 64-bit SMM area.
 *
 * Handlers are called one by one on a processor with real memory, page tables, TLB and control registers, without
 * decoder or engine. Error codes and frames are those of the SDM's operation sections.
 */
#define DEFAULT_SIZE 3
#include "target/i386/paging.h"
#include "target/i386/x87.h"
#include "tests/cpu/system-harness.h"

/* ---- the machine: 4 MiB of RAM ---- */

enum { TSS = 0x3000, LDT = 0x4000 };
enum { STACK0 = 0x9000, IST1 = 0xa000, STACK3 = 0xb000, DATA = 0xc000, STACK1 = 0xd000, CODE = 0x5000 };
enum { PML4 = 0x10000, PDPT = 0x11000, PD = 0x12000, PT = 0x13000, PDPT_HIGH = 0x14000 };
/* Linear addresses: 0-2 MiB identity, user, large page; then 4 KiB pages by PT; 1 GiB up: a 1 GiB page; the same at the
 * top. */
#define SMALL 0x200000ull
#define HUGE  0x40000000ull
#define HIGH  0xffffffff80000000ull
#define HOLE  0x0000800000000000ull /* first address that is not canonical */
enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
#define NX (1ull << 63)
enum {
    CODE64 = 0x08,
    DATA0 = 0x10,
    CODE32 = 0x18, /* compatibility mode, level 0 */
    CODE3_32 = 0x23,
    DATA3 = 0x2b,
    CODE3_64 = 0x33,
    SEL_TSS = 0x38,
    SEL_LDT = 0x48,
    GATE64 = 0x58,
    CODE_LD = 0x68, /* L and D: reserved */
    TSS32 = 0x70,
    BASED = 0x78, /* data with a base and a small limit */
    CONFORMING64 = 0x80,
    DATA1 = 0x89,
    CODE1_64 = 0x91,
    GDT_END = 0x98
};
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_FMASK          0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103

static CPUState *amd, *intel;

static void put_system(unsigned selector, uint64_t base, uint32_t limit, unsigned rights)
{
    put_segment(selector, (uint32_t)base, limit, rights, 0);
    st64(GDT + (selector & ~7) + 8, base >> 32);
}

static void put_gate(unsigned at, uint16_t selector, uint64_t offset, unsigned rights, unsigned ist)
{
    st32(at, (uint32_t)selector << 16 | (offset & 0xffff));
    st32(at + 4, (offset & 0xffff0000) | rights << 8 | ist);
    st64(at + 8, offset >> 32);
}

static void put_idt(unsigned vector, uint16_t selector, uint64_t offset, unsigned rights, unsigned ist)
{
    put_gate(IDT + vector * 16, selector, offset, rights, ist);
}

static uint64_t handler_of(unsigned vector)
{
    return HIGH + 0x6000 + 16 * vector;
}

static void put_tables(void)
{
    put_segment(CODE64, 0, 0xfffff, 0x9b, 0xa);
    put_segment(DATA0, 0, 0xfffff, 0x93, 0xc);
    put_segment(CODE32, 0, 0xfffff, 0x9b, 0xc);
    put_segment(CODE3_32, 0, 0xfffff, 0xfb, 0xc);
    put_segment(DATA3, 0, 0xfffff, 0xf3, 0xc);
    put_segment(CODE3_64, 0, 0xfffff, 0xfb, 0xa);
    put_system(SEL_TSS, HIGH + TSS, 0x167, 0x89);
    put_system(SEL_LDT, HIGH + LDT, 0x17, 0x82);
    put_gate(GDT + GATE64, CODE64, HIGH + CODE, 0xec, 0);
    put_segment(CODE_LD, 0, 0xfffff, 0x9b, 0xe);
    put_segment(TSS32, 0x100, 0x67, 0x81, 0); /* 286's */
    put_segment(BASED, DATA, 0xff, 0x93, 0x4);
    put_segment(CONFORMING64, 0, 0xfffff, 0x9f, 0xa);
    put_segment(DATA1, 0, 0xfffff, 0xb3, 0xc);
    put_segment(CODE1_64, 0, 0xfffff, 0xbb, 0xa);
    for (unsigned i = 0; i < 256; i++) {
        put_idt(i, CODE64, handler_of(i), 0x8e, 0);
    }
    st64(TSS + 4, HIGH + STACK0);
    st64(TSS + 12, HIGH + STACK1);
    st64(TSS + 0x24, HIGH + IST1);
    st32(TSS + 0x64, 0x680000); /* I/O map at 68h */
}

static void put_pages(void)
{
    st64(PML4, PDPT | P | W | U);
    st64(PML4 + 8 * 511, PDPT_HIGH | P | W);
    st64(PDPT, PD | P | W | U);
    st64(PDPT + 8, P | W | U | PS);
    st64(PDPT_HIGH + 8 * 510, P | W | PS | G);
    st64(PD, P | W | U | PS);
    st64(PD + 8, PT | P | W | U);
}

/* Real mode with everything in memory. */
static void start(CPUState *which)
{
    cpu = which;
    memset(mem, 0, 0x20000);
    memset(mem + SMALL, 0, 0x10000);
    cpu_reset(cpu);
    put_tables();
    put_pages();
    cpu->gdt.base = GDT;
    cpu->gdt.limit = GDT_END - 1;
    cpu->idt.base = IDT;
    cpu->idt.limit = 0xfff;
    cpu->icount_limit = cpu->icount + 1000000;
    resets = 0;
}

/* 64-bit mode at level 0 or 3 of the given processor, or compatibility mode with `compat`. */
static void enter_on(CPUState *which, unsigned cpl, bool compat)
{
    start(which);
    cpu->cr4 = CR4_PAE | CR4_PGE | CR4_FSGSBASE | CR4_OSXSAVE | CR4_OSFXSR;
    cpu->cr3 = PML4;
    cpu->efer = EFER_LME | EFER_NXE | EFER_SCE;
    cpu->cr0 |= CR0_PE;
    if (sigsetjmp(cpu->fault_jmp, 0)) {
        g_error("long mode cannot be entered");
    }
    cpu_set_cr0(cpu, CR0_PE | CR0_PG | CR0_WP);
    cpu->gdt.base = HIGH + GDT;
    cpu->idt.base = HIGH + IDT;
    load(R_CS, cpl == 3 ? (compat ? CODE3_32 : CODE3_64) : (compat ? CODE32 : CODE64));
    load(R_SS, cpl == 3 ? DATA3 : DATA0);
    load(R_DS, DATA3);
    load(R_ES, DATA3);
    seg_commit_null(cpu, R_FS, 0);
    seg_commit_null(cpu, R_GS, 0);
    SegmentCache tr = { .selector = SEL_TSS, .base = HIGH + TSS, .limit = 0x167, .attr = 0x8b };
    seg_commit(cpu, R_TR, &tr);
    seg_commit_null(cpu, R_LDTR, 0);
    cpu_set_cpl(cpu, cpl);
    cpu->gpr[R_ESP] = cpl == 3 ? STACK3 : HIGH + STACK0;
    cpu->eip = cpl == 3 || compat ? CODE : HIGH + CODE;
    if (compat) {
        cpu->gpr[R_ESP] = cpl == 3 ? STACK3 : STACK0;
    }
}

static void enter(unsigned cpl)
{
    enter_on(amd, cpl, false);
}

/* ---- running one handler ---- */

/* A C expression instead of a handler. */
#define RAISES(vector, error, statement)                                        \
    do {                                                                        \
        if (sigsetjmp(cpu->fault_jmp, 0)) {                                     \
            g_assert_cmpint(cpu->exception_index, ==, vector);                  \
            g_assert_cmphex(cpu->error_code, ==, error);                        \
        } else {                                                                \
            statement;                                                          \
            g_error("%s:%d: %s did not raise", __FILE__, __LINE__, #statement); \
        }                                                                       \
    } while (0)
#define ALLOWS(statement)                                                                                        \
    do {                                                                                                         \
        if (sigsetjmp(cpu->fault_jmp, 0)) {                                                                      \
            g_error("%s:%d: %s raised %d(%x) at %" PRIx64, __FILE__, __LINE__, #statement, cpu->exception_index, \
                    cpu->error_code, cpu->exception_cr2);                                                        \
        }                                                                                                        \
        statement;                                                                                               \
    } while (0)
#define ASSERT_PF(error, address, statement)                          \
    do {                                                              \
        RAISES(EXCP_PF, error, statement);                            \
        g_assert_cmphex(cpu->exception_cr2, ==, (uint64_t)(address)); \
    } while (0)

/* The n-th qword on the stack; the stacks at HIGH and below 2 MiB lie in the same RAM. */
static uint64_t pushed(unsigned n)
{
    return ld64((cpu->gpr[R_ESP] & 0x1fffff) + 8 * n);
}

static int set_msr(uint32_t index, uint64_t value)
{
    cpu->gpr[R_ECX] = index;
    cpu->gpr[R_EAX] = (uint32_t)value;
    cpu->gpr[R_EDX] = value >> 32;
    return RUN(wrmsr);
}

static uint64_t get_msr(uint32_t index)
{
    cpu->gpr[R_ECX] = index;
    ASSERT_FINE(RUN(rdmsr));
    return cpu->gpr[R_EDX] << 32 | cpu->gpr[R_EAX];
}

static int mov_cr(int n, uint64_t value)
{
    cpu->gpr[R_EBX] = value;
    return RUN(mov_Cd_Rd, .reg = n, .rm = R_EBX, .bytes = cpu_code64(cpu) ? 8 : 4);
}

static uint64_t far_pointer(uint16_t selector, uint32_t offset)
{
    return (uint64_t)selector << 32 | offset;
}

static int jmp_imm(uint16_t selector, uint32_t offset)
{
    return RUN(jmpf_Ap, .bytes = 4, .imm = far_pointer(selector, offset));
}

/* m16:64 or m16:32 at DATA */
static int far_mem_by_name(const char *name, const InsnHandlers *h, unsigned bytes, uint16_t selector, uint64_t offset)
{
    st64(DATA, offset);
    stw_le_p(mem + DATA + bytes, selector);
    return run_args(name, h, (Args){ .bytes = bytes, .mem = DATA });
}
#define far_mem(h, ...) far_mem_by_name(#h, h, __VA_ARGS__)

/* ---- into long mode and out of it ---- */

static void test_transitions(void)
{
    start(amd);
    load(R_CS, CODE32);
    load(R_SS, DATA0);
    load(R_DS, DATA0);
    cpu_load_seg_cache(cpu, R_CS, 0, 0, 0xffff, 0x9b);
    cpu->eip = CODE;
    ASSERT_FINE(mov_cr(0, CR0_PE));
    ASSERT_FINE(jmp_imm(CODE32, CODE));
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE32);
    ASSERT_FINE(set_msr(MSR_EFER, EFER_LME | EFER_NXE));
    ASSERT_FINE(mov_cr(3, PML4));
    ASSERT_FAULT(EXCP_GP, 0, mov_cr(0, CR0_PE | CR0_PG)); /* without PAE */
    ASSERT_FINE(mov_cr(4, CR4_PAE));
    cpu->seg[R_TR].attr = 0x83; /* a 286 task register */
    ASSERT_FAULT(EXCP_GP, 0, mov_cr(0, CR0_PE | CR0_PG));
    cpu->seg[R_TR].attr = 0x8b;
    g_assert_false(cpu_long_mode(cpu));
    ASSERT_FINE(mov_cr(0, CR0_PE | CR0_PG));
    g_assert_cmphex(get_msr(MSR_EFER), ==, EFER_LME | EFER_NXE | EFER_LMA);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE32); /* compatibility mode */
    ASSERT_FAULT(EXCP_GP, 0, set_msr(MSR_EFER, 0));               /* LME while paging */
    ASSERT_FAULT(EXCP_GP, 0, mov_cr(4, 0));
    ASSERT_FAULT(EXCP_GP, CODE_LD, jmp_imm(CODE_LD, CODE));
    ASSERT_FINE(jmp_imm(CODE64, CODE));
    g_assert_cmphex(cpu->mode & (MODE_CODE_MASK | MODE_SS64), ==, MODE_CODE64 | MODE_SS64);
    g_assert_cmphex(cpu->linear_mask, ==, ~0ull);
    ASSERT_FAULT(EXCP_GP, 0, mov_cr(0, CR0_PE)); /* only from compatibility mode */
    ASSERT_FAULT(EXCP_GP, 0, mov_cr(0, 1ull << 32 | CR0_PE | CR0_PG));
    ASSERT_FAULT(EXCP_GP, 0, mov_cr(3, 1ull << 40));
    ASSERT_FINE(far_mem(&jmpf_Mp, 8, CODE32, CODE));
    g_assert_cmphex(cpu->mode & (MODE_CODE_MASK | MODE_SS64 | MODE_SS32), ==, MODE_CODE32 | MODE_SS32);
    ASSERT_FINE(mov_cr(0, CR0_PE));
    g_assert_cmphex(get_msr(MSR_EFER), ==, EFER_LME | EFER_NXE);
    ASSERT_FINE(set_msr(MSR_EFER, 0));
    ASSERT_FINE(mov_cr(0, 0));
    ASSERT_FINE(jmp_imm(0, 0x1234));
    g_assert_cmphex(cpu->seg[R_CS].base + cpu->eip, ==, 0x1234);
}

/* A code segment with L set cannot be the one that enables paging with. */
static void test_activate_with_l(void)
{
    start(intel);
    cpu->cr0 |= CR0_PE;
    cpu->cr4 = CR4_PAE;
    cpu->cr3 = PML4;
    cpu->efer = EFER_LME;
    load(R_CS, CODE64);
    ASSERT_FAULT(EXCP_GP, 0, mov_cr(0, CR0_PE | CR0_PG));
}

static void test_efer(void)
{
    enter(0);
    ASSERT_FAULT(EXCP_GP, 0, set_msr(MSR_EFER, EFER_LME | 1ull << 63));
    ASSERT_FINE(set_msr(MSR_EFER, EFER_LME)); /* LMA is not written */
    g_assert_cmphex(get_msr(MSR_EFER), ==, EFER_LME | EFER_LMA);
    ASSERT_FAULT(EXCP_GP, 0, set_msr(MSR_LSTAR, HOLE));
    ASSERT_FAULT(EXCP_GP, 0, set_msr(MSR_CSTAR, HOLE));
    ASSERT_FAULT(EXCP_GP, 0, set_msr(MSR_FS_BASE, ~HOLE));
    ASSERT_FAULT(EXCP_GP, 0, set_msr(MSR_KERNEL_GS_BASE, HOLE));
    ASSERT_FAULT(EXCP_GP, 0, set_msr(0x175, HOLE));
    ASSERT_FAULT(EXCP_GP, 0, set_msr(0x176, HOLE));
    ASSERT_FAULT(EXCP_GP, 0, set_msr(MSR_TSC_AUX, 1ull << 32));
    ASSERT_FINE(set_msr(MSR_LSTAR, HIGH));
    g_assert_cmphex(get_msr(MSR_LSTAR), ==, HIGH);
}

/* ---- segments ---- */

static int mov_sreg(int seg, uint16_t selector)
{
    cpu->gpr[R_EAX] = selector;
    return RUN(mov_Sw_Ew, .modrm = true, .reg = seg, .rm = R_EAX, .bytes = 2);
}

static void test_bases(void)
{
    enter(0);
    st32(DATA, 0x11);
    st32(DATA + 0x10, 0x22);
    ASSERT_FINE(mov_sreg(R_DS, BASED));
    ALLOWS(g_assert_cmphex(seg_ld32(cpu, R_DS, DATA), ==, 0x11)); /* base and limit ignored */
    ALLOWS(g_assert_cmphex(seg_read_address(cpu, R_DS, DATA, 4), ==, DATA));
    ASSERT_FINE(mov_sreg(R_DS, 0));
    ALLOWS(g_assert_cmphex(seg_ld32(cpu, R_DS, HIGH + DATA), ==, 0x11));
    ASSERT_FINE(mov_sreg(R_FS, BASED));
    ALLOWS(g_assert_cmphex(seg_ld32(cpu, R_FS, 0x10), ==, 0x22));
    ALLOWS(seg_st32(cpu, R_FS, 0x1000, 5)); /* beyond its limit */
    ALLOWS(seg_st32(cpu, R_CS, DATA, 6));   /* not even code is read-only */
    ASSERT_FINE(set_msr(MSR_GS_BASE, HIGH));
    ALLOWS(g_assert_cmphex(seg_ld32(cpu, R_GS, DATA + 0x10), ==, 0x22));
    ALLOWS(g_assert_cmphex(seg_ld32(cpu, R_GS, DATA - HIGH), ==, 6)); /* the sum wraps */
    ASSERT_FINE(set_msr(MSR_FS_BASE, DATA));
    g_assert_cmphex(cpu->seg[R_FS].selector, ==, BASED);
    ASSERT_FINE(mov_sreg(R_FS, 0));
    g_assert_cmphex(get_msr(MSR_FS_BASE), ==, 0);
    /* compatibility mode sees what is loaded */
    ASSERT_FINE(mov_sreg(R_DS, BASED));
    ASSERT_FINE(far_mem(&jmpf_Mp, 4, CODE32, CODE));
    st32(DATA, 0x33);
    ALLOWS(g_assert_cmphex(seg_ld32(cpu, R_DS, 0), ==, 0x33));
    RAISES(EXCP_GP, 0, seg_ld32(cpu, R_DS, 0xfd));
    RAISES(EXCP_GP, 0, seg_ld32(cpu, R_FS, 0)); /* null */
    ASSERT_FINE(jmp_imm(CODE64, CODE));
    ALLOWS(seg_ld32(cpu, R_DS, 0xfd));
}

static void test_null_stack(void)
{
    enter(0);
    ASSERT_FINE(mov_sreg(R_SS, 0));
    g_assert_true(cpu->seg[R_SS].null);
    ALLOWS(seg_st64(cpu, R_SS, DATA, 1));
    ASSERT_FAULT(EXCP_GP, 0, mov_sreg(R_SS, 3)); /* RPL is not CPL */
    enter(3);
    ASSERT_FAULT(EXCP_GP, 0, mov_sreg(R_SS, 3));
    enter_on(amd, 0, true);
    ASSERT_FAULT(EXCP_GP, 0, mov_sreg(R_SS, 0));
}

static void test_canonical_data(void)
{
    enter(0);
    RAISES(EXCP_GP, 0, seg_ld32(cpu, R_DS, HOLE));
    RAISES(EXCP_GP, 0, seg_ld8(cpu, R_ES, 0xffff000000000000ull));
    RAISES(EXCP_SS, 0, seg_ld32(cpu, R_SS, HOLE));
    RAISES(EXCP_SS, 0, seg_st64(cpu, R_SS, ~HOLE, 1));
    RAISES(EXCP_GP, 0, seg_ld16(cpu, R_DS, HOLE - 1)); /* the last byte */
    RAISES(EXCP_SS, 0, seg_ld16(cpu, R_SS, 0xffff7fffffffffffull));
    ASSERT_PF(0, HOLE - 1, seg_ld8(cpu, R_DS, HOLE - 1));
    ASSERT_PF(0, ~0ull, seg_ld8(cpu, R_DS, ~0ull));
    ASSERT_FINE(set_msr(MSR_GS_BASE, HIGH));
    RAISES(EXCP_GP, 0, seg_ld8(cpu, R_GS, HOLE + 0x80000000));
    RAISES(EXCP_GP, 0, seg_read_address(cpu, R_DS, HOLE, 1));
    RAISES(EXCP_SS, 0, seg_write_address(cpu, R_SS, HOLE, 1));
    cpu->gpr[R_ESP] = HOLE + 8;
    ASSERT_FAULT(EXCP_SS, 0, RUN(pushf_F));
    ASSERT_FAULT(EXCP_SS, 0, RUN(popf_F));
    ASSERT_FAULT(EXCP_SS, 0, RUN(push_fs));
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HOLE + 8);
}

static void test_tables(void)
{
    enter(0);
    st64(DATA, 0xfff);
    st64(DATA + 2, HOLE);
    ASSERT_FAULT(EXCP_GP, 0, RUN(lgdt_Ms, .mem = DATA));
    ASSERT_FAULT(EXCP_GP, 0, RUN(lidt_Ms, .mem = DATA));
    g_assert_cmphex(cpu->gdt.base, ==, HIGH + GDT);
    st64(DATA + 2, HIGH + GDT);
    ASSERT_FINE(RUN(lgdt_Ms, .mem = DATA, .bytes = 4)); /* ten bytes whatever the operand size */
    g_assert_cmphex(cpu->gdt.base, ==, HIGH + GDT);
    ASSERT_FINE(RUN(sidt_Ms, .mem = DATA + 0x20));
    g_assert_cmphex(ld16(DATA + 0x20), ==, 0xfff);
    g_assert_cmphex(ld64(DATA + 0x22), ==, HIGH + IDT);
    cpu->cr4 |= CR4_UMIP;
    cpu_set_cpl(cpu, 3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(sgdt_Ms, .mem = DATA));
}

static int load_system_by_name(const char *name, const InsnHandlers *h, uint16_t selector)
{
    cpu->gpr[R_EAX] = selector;
    return run_args(name, h, (Args){ .modrm = true, .rm = R_EAX, .bytes = 2 });
}
#define load_system(h, ...) load_system_by_name(#h, h, __VA_ARGS__)

static void test_ltr_lldt(void)
{
    enter(0);
    ASSERT_FINE(load_system(&ltr_Ew, SEL_TSS));
    g_assert_cmphex(cpu->seg[R_TR].base, ==, HIGH + TSS);
    g_assert_cmphex(ld32(GDT + SEL_TSS + 4) >> 8 & 0xf, ==, 0xb);
    ASSERT_FAULT(EXCP_GP, SEL_TSS, load_system(&ltr_Ew, SEL_TSS)); /* busy */
    ASSERT_FAULT(EXCP_GP, TSS32, load_system(&ltr_Ew, TSS32));
    ASSERT_FINE(load_system(&lldt_Ew, SEL_LDT));
    g_assert_cmphex(cpu->seg[R_LDTR].base, ==, HIGH + LDT);
    st64(LDT + 8, ld64(GDT + DATA0));
    ASSERT_FINE(mov_sreg(R_ES, 0x0c));
    put_system(SEL_LDT, HOLE, 0x17, 0x82);
    ASSERT_FAULT(EXCP_GP, SEL_LDT, load_system(&lldt_Ew, SEL_LDT));
    put_system(SEL_LDT, HIGH + LDT, 0x17, 0x82);
    st32(GDT + SEL_LDT + 12, 0x100); /* type field of the upper half */
    ASSERT_FAULT(EXCP_GP, SEL_LDT, load_system(&lldt_Ew, SEL_LDT));
    put_system(SEL_LDT, HIGH + LDT, 0x17, 0x02);
    ASSERT_FAULT(EXCP_NP, SEL_LDT, load_system(&lldt_Ew, SEL_LDT));
    put_system(SEL_LDT, HIGH + LDT, 0x17, 0x82);
    cpu->gdt.limit = SEL_LDT + 14; /* the upper half lies beyond */
    ASSERT_FAULT(EXCP_GP, SEL_LDT, load_system(&lldt_Ew, SEL_LDT));
    cpu->gdt.limit = GDT_END - 1;
    ASSERT_FINE(load_system(&lldt_Ew, 0));
    g_assert_true(cpu->seg[R_LDTR].null);
}

static bool question_by_name(const char *name, const InsnHandlers *h, uint16_t selector)
{
    cpu->gpr[R_EAX] = selector;
    ASSERT_FINE(run_args(name, h, (Args){ .modrm = true, .rm = R_EAX, .reg = R_EDX }));
    return cpu_get_eflags(cpu) & CC_Z;
}
#define question(h, ...) question_by_name(#h, h, __VA_ARGS__)

static void test_lar_lsl(void)
{
    enter(0);
    g_assert_true(question(&lar_Gv_Ew, CODE64));
    g_assert_cmphex(cpu->gpr[R_EDX] & 0xf0ff00, ==, 0xa09b00);
    g_assert_true(question(&lar_Gv_Ew, GATE64));
    g_assert_true(question(&lar_Gv_Ew, SEL_TSS));
    g_assert_false(question(&lar_Gv_Ew, TSS32)); /* the 286's types do not exist */
    g_assert_true(question(&lsl_Gv_Ew, SEL_TSS));
    g_assert_cmphex(cpu->gpr[R_EDX], ==, 0x167);
    g_assert_false(question(&lsl_Gv_Ew, GATE64));
    g_assert_false(question(&lsl_Gv_Ew, TSS32));
}

/* ---- far transfers ---- */

static void test_far_direct(void)
{
    enter(0);
    ASSERT_FINE(far_mem(&callf_Mp, 8, CODE64, HIGH + 0x7000));
    assert_at(CODE64, HIGH + 0x7000, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + STACK0 - 16);
    g_assert_cmphex(pushed(0), ==, HIGH + CODE + 2);
    g_assert_cmphex(pushed(1), ==, CODE64);
    ASSERT_FINE(RUN(retf));
    assert_at(CODE64, HIGH + CODE + 2, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + STACK0);
    ASSERT_FAULT(EXCP_GP, 0, far_mem(&jmpf_Mp, 8, CODE64, HOLE));
    ASSERT_FAULT(EXCP_GP, 0, far_mem(&callf_Mp, 8, CODE64, HOLE));
    ASSERT_FAULT(EXCP_GP, CODE_LD, far_mem(&jmpf_Mp, 8, CODE_LD, 0));
    ASSERT_FAULT(EXCP_GP, SEL_TSS, far_mem(&jmpf_Mp, 8, SEL_TSS, 0)); /* no tasks */
    ASSERT_FAULT(EXCP_GP, SEL_LDT, far_mem(&callf_Mp, 8, SEL_LDT, 0));
    put_gate(GDT + TSS32, SEL_TSS, 0, 0xe5, 0); /* task gate */
    ASSERT_FAULT(EXCP_GP, TSS32, far_mem(&callf_Mp, 4, TSS32, 0));
    /* to compatibility mode and back, with 32-bit frames */
    cpu->gpr[R_ESP] = STACK0;
    ASSERT_FINE(far_mem(&callf_Mp, 4, CODE32, 0x7000));
    assert_at(CODE32, 0x7000, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0 - 8);
    g_assert_cmphex(ld32(STACK0 - 4), ==, CODE64);
}

static void test_far_return_outer(void)
{
    enter(0);
    cpu->gpr[R_ESP] -= 40;
    st64(STACK0 - 40, CODE);
    st64(STACK0 - 32, CODE3_64);
    st64(STACK0 - 8, DATA3);
    st64(STACK0 - 16, STACK3);
    cpu->seg[R_ES] = cpu->seg[R_SS]; /* level 0: is taken away */
    ASSERT_FINE(RUN(retf_Iw, .imm = 8));
    assert_at(CODE3_64, CODE, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3 + 8);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA3);
    g_assert_true(cpu->seg[R_ES].null);
    /* null SS: not at level 3, and at level 1 only with RPL 1 */
    enter(0);
    cpu->gpr[R_ESP] -= 32;
    st64(STACK0 - 32, CODE);
    st64(STACK0 - 24, CODE3_64);
    st64(STACK0 - 8, 3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(retf));
    st64(STACK0 - 24, CODE1_64);
    st64(STACK0 - 8, 0);
    ASSERT_FAULT(EXCP_GP, 0, RUN(retf));
    st64(STACK0 - 8, 1);
    ASSERT_FINE(RUN(retf));
    assert_at(CODE1_64, CODE, 1);
    g_assert_true(cpu->seg[R_SS].null);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, 1);
}

static void test_call_gate(void)
{
    enter(0);
    ASSERT_FINE(far_mem(&callf_Mp, 8, GATE64, 0x123)); /* same level */
    assert_at(CODE64, HIGH + CODE, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + STACK0 - 16);
    enter(3);
    ASSERT_FINE(far_mem(&callf_Mp, 4, GATE64 | 3, 0)); /* inner, without parameters */
    assert_at(CODE64, HIGH + CODE, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + STACK0 - 32);
    g_assert_true(cpu->seg[R_SS].null);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, 0);
    g_assert_cmphex(pushed(0), ==, CODE + 2);
    g_assert_cmphex(pushed(1), ==, CODE3_64);
    g_assert_cmphex(pushed(2), ==, STACK3);
    g_assert_cmphex(pushed(3), ==, DATA3);
    ASSERT_FINE(RUN(retf));
    assert_at(CODE3_64, CODE + 2, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3);
    /* level 1 has a stack of its own */
    put_gate(GDT + GATE64, CODE1_64 & ~3, HIGH + CODE, 0xec, 0);
    ASSERT_FINE(far_mem(&callf_Mp, 4, GATE64 | 3, 0));
    assert_at(CODE1_64, HIGH + CODE, 1);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, 1);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + STACK1 - 32);
    /* from compatibility mode */
    enter_on(amd, 3, true);
    ASSERT_FINE(RUN(callf_Ap, .bytes = 4, .imm = far_pointer(GATE64 | 3, 0)));
    assert_at(CODE64, HIGH + CODE, 0);
    g_assert_cmphex(pushed(1), ==, CODE3_32);
    ASSERT_FINE(RUN(retf));
    assert_at(CODE3_32, CODE + 2, 3);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE32);
}

static void test_call_gate_faults(void)
{
    enter(3);
    put_gate(GDT + GATE64, CODE64, HIGH + CODE, 0x8c, 0);
    ASSERT_FAULT(EXCP_GP, GATE64, far_mem(&callf_Mp, 4, GATE64, 0)); /* DPL */
    put_gate(GDT + GATE64, CODE64, HIGH + CODE, 0x6c, 0);
    ASSERT_FAULT(EXCP_NP, GATE64, far_mem(&callf_Mp, 4, GATE64, 0));
    put_gate(GDT + GATE64, CODE32, CODE, 0xec, 0);
    ASSERT_FAULT(EXCP_GP, CODE32, far_mem(&callf_Mp, 4, GATE64, 0)); /* not 64-bit code */
    put_gate(GDT + GATE64, CODE64, HOLE, 0xec, 0);
    ASSERT_FAULT(EXCP_GP, 0, far_mem(&callf_Mp, 4, GATE64, 0));
    put_gate(GDT + GATE64, CODE64, HIGH + CODE, 0xe4, 0); /* 16-bit gate */
    ASSERT_FAULT(EXCP_GP, GATE64, far_mem(&callf_Mp, 4, GATE64, 0));
    put_gate(GDT + GATE64, CODE64, HIGH + CODE, 0xec, 0);
    st32(GDT + GATE64 + 12, 0x800);
    ASSERT_FAULT(EXCP_GP, GATE64, far_mem(&callf_Mp, 4, GATE64, 0));
    st32(GDT + GATE64 + 12, 0);
    cpu->seg[R_TR].limit = 10;
    ASSERT_FAULT(EXCP_TS, SEL_TSS, far_mem(&callf_Mp, 4, GATE64, 0));
    cpu->seg[R_TR].limit = 0x67;
    st64(TSS + 4, HOLE + 8);
    ASSERT_FAULT(EXCP_SS, 0, far_mem(&callf_Mp, 4, GATE64, 0));
    assert_at(CODE3_64, CODE, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3);
}

/* ---- interrupts and exceptions ---- */

static void assert_frame(unsigned first, uint64_t rip, uint16_t cs, uint64_t rsp, uint16_t ss)
{
    g_assert_cmphex(pushed(first), ==, rip);
    g_assert_cmphex(pushed(first + 1), ==, cs);
    g_assert_cmphex(pushed(first + 3), ==, rsp);
    g_assert_cmphex(pushed(first + 4), ==, ss);
}

static void test_interrupt_same_level(void)
{
    enter(0);
    flags_commit(cpu, 2 | IF_MASK | TF_MASK | NT_MASK | CC_C);
    cpu->gpr[R_ESP] -= 0x19; /* the frame is aligned all the same */
    uint64_t rsp = cpu->gpr[R_ESP];
    raise_and_deliver(EXCP_UD, false, 0);
    assert_at(CODE64, handler_of(EXCP_UD), 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + STACK0 - 0x20 - 40);
    assert_frame(0, HIGH + CODE, CODE64, rsp, DATA0);
    g_assert_cmphex(pushed(2), ==, 2 | IF_MASK | TF_MASK | NT_MASK | RF_MASK | CC_C);
    g_assert_cmphex(cpu_get_eflags(cpu), ==, 2 | CC_C);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA0);
    raise_and_deliver(EXCP_GP, true, 0x1234);
    g_assert_cmphex(pushed(0), ==, 0x1234);
    assert_frame(1, handler_of(EXCP_UD), CODE64, HIGH + STACK0 - 0x20 - 40, DATA0);
    put_idt(0x40, CODE64, handler_of(0x40), 0x8f, 0); /* trap gate: IF stays */
    flags_commit(cpu, 2 | IF_MASK);
    ASSERT_FINE(RUN(int_Ib, .imm = 0x40));
    g_assert_cmphex(cpu_get_eflags(cpu), ==, 2 | IF_MASK);
}

static void test_interrupt_inner(void)
{
    enter(3);
    put_idt(0x80, CODE64, handler_of(0x80), 0xee, 0);
    ASSERT_FINE(RUN(int_Ib, .imm = 0x80));
    assert_at(CODE64, handler_of(0x80), 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + STACK0 - 40);
    assert_frame(0, CODE + 2, CODE3_64, STACK3, DATA3);
    g_assert_true(cpu->seg[R_SS].null);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, 0);
    g_assert_cmphex(cpu->seg[R_DS].selector, ==, DATA3);
    ASSERT_FINE(RUN(iret));
    assert_at(CODE3_64, CODE + 2, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA3);
    g_assert_false(cpu->seg[R_SS].null);
    ASSERT_FAULT(EXCP_GP, 0x41 * 8 + 2, RUN(int_Ib, .imm = 0x41)); /* DPL */
    /* conforming handler: no change of level, the user's stack */
    put_idt(0x82, CONFORMING64, CODE, 0xee, 0);
    ASSERT_FINE(RUN(int_Ib, .imm = 0x82));
    assert_at(CONFORMING64 | 3, CODE, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3 - 40);
    /* level 1 */
    enter(3);
    put_idt(0x81, CODE1_64, handler_of(0x81), 0xee, 0);
    ASSERT_FINE(RUN(int_Ib, .imm = 0x81));
    assert_at(CODE1_64, handler_of(0x81), 1);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + STACK1 - 40);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, 1);
}

static void test_interrupt_from_compat(void)
{
    enter_on(amd, 3, true);
    cpu->gpr[R_ESP] = STACK3 - 4;
    raise_and_deliver(EXCP_DE, false, 0);
    assert_at(CODE64, handler_of(0), 0);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE64);
    assert_frame(0, CODE, CODE3_32, STACK3 - 4, DATA3);
    ASSERT_FINE(RUN(iret));
    assert_at(CODE3_32, CODE, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3 - 4);
    g_assert_cmphex(cpu->mode & (MODE_CODE_MASK | MODE_SS32), ==, MODE_CODE32 | MODE_SS32);
    /* a frame that crosses a page above 4 GiB */
    enter_on(amd, 3, true);
    st64(TSS + 4, HIGH + STACK0 + 0x10);
    raise_and_deliver(EXCP_DE, false, 0);
    assert_frame(0, CODE, CODE3_32, STACK3, DATA3);
}

static void test_ist(void)
{
    enter(0);
    put_idt(EXCP_NMI, CODE64, handler_of(EXCP_NMI), 0x8e, 1);
    cpu_interrupt(cpu, CPU_INTERRUPT_NMI);
    g_assert_true(cpu_take_interrupt(cpu));
    assert_at(CODE64, handler_of(EXCP_NMI), 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + IST1 - 40);
    assert_frame(0, HIGH + CODE, CODE64, HIGH + STACK0, DATA0);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA0); /* same level: SS stays */
    g_assert_true(cpu->nmi_blocked);
    ASSERT_FINE(RUN(iret));
    g_assert_false(cpu->nmi_blocked);
    assert_at(CODE64, HIGH + CODE, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + STACK0);
    enter(3);
    put_idt(EXCP_PF, CODE64, handler_of(EXCP_PF), 0x8e, 1);
    raise_and_deliver(EXCP_PF, true, PF_U);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + IST1 - 48);
    g_assert_cmphex(pushed(0), ==, PF_U);
    assert_frame(1, CODE, CODE3_64, STACK3, DATA3);
    g_assert_true(cpu->seg[R_SS].null);
}

static void test_gate_faults(void)
{
    enter(0);
    put_idt(0x40, CODE64, handler_of(0x40), 0x0e, 0);
    ASSERT_FAULT(EXCP_NP, 0x40 * 8 + 2, RUN(int_Ib, .imm = 0x40));
    for (unsigned type = 0; type < 16; type++) {
        put_idt(0x40, CODE64, handler_of(0x40), 0x80 | type, 0);
        if (type != SYS_INT32 && type != SYS_TRAP32) {
            ASSERT_FAULT(EXCP_GP, 0x40 * 8 + 2, RUN(int_Ib, .imm = 0x40));
        }
    }
    put_idt(0x40, CODE32, CODE, 0x8e, 0);
    ASSERT_FAULT(EXCP_GP, CODE32, RUN(int_Ib, .imm = 0x40));
    put_idt(0x40, CODE_LD, CODE, 0x8e, 0);
    ASSERT_FAULT(EXCP_GP, CODE_LD, RUN(int_Ib, .imm = 0x40));
    put_idt(0x40, CODE3_64, CODE, 0x8e, 0);
    ASSERT_FAULT(EXCP_GP, CODE3_64 & ~3, RUN(int_Ib, .imm = 0x40));
    put_idt(0x40, 0, CODE, 0x8e, 0);
    ASSERT_FAULT(EXCP_GP, 0, RUN(int_Ib, .imm = 0x40));
    put_idt(0x40, CODE64, HOLE, 0x8e, 0);
    ASSERT_FAULT(EXCP_GP, 0, RUN(int_Ib, .imm = 0x40));
    cpu->idt.limit = 0x40 * 16 + 14;
    ASSERT_FAULT(EXCP_GP, 0x40 * 8 + 2, RUN(int_Ib, .imm = 0x40));
    cpu->idt.limit = 0xfff;
    put_idt(0x40, CODE64, handler_of(0x40), 0x8e, 7);
    cpu->seg[R_TR].limit = 0x24 + 8 * 6 + 6;
    ASSERT_FAULT(EXCP_TS, SEL_TSS, RUN(int_Ib, .imm = 0x40));
    put_idt(0x40, CODE64, handler_of(0x40), 0x8e, 0);
    cpu->gpr[R_ESP] = HOLE + 0x10;
    ASSERT_FAULT(EXCP_SS, 0, RUN(int_Ib, .imm = 0x40));
    assert_at(CODE64, HIGH + CODE, 0);
}

static void test_double_fault(void)
{
    enter(0);
    put_idt(EXCP_DF, CODE64, handler_of(EXCP_DF), 0x8e, 1);
    cpu->gpr[R_ESP] = HOLE + 0x10;
    raise_and_deliver(EXCP_GP, true, 0); /* #GP, then #SS: contributory both */
    assert_at(CODE64, handler_of(EXCP_DF), 0);
    g_assert_cmphex(pushed(0), ==, 0);
    assert_frame(1, HIGH + CODE, CODE64, HOLE + 0x10, DATA0);
    put_idt(EXCP_DF, CODE64, handler_of(EXCP_DF), 0x8e, 0);
    cpu->gpr[R_ESP] = HOLE + 0x10;
    raise_and_deliver(EXCP_GP, true, 0);
    g_assert_cmpint(resets, ==, 1); /* triple */
    /* EXT */
    enter(0);
    put_idt(0x20, CODE32, CODE, 0x8e, 0);
    cpu->intr_ack = NULL;
    raise_and_deliver(0x20, false, 0);
    assert_at(CODE64, handler_of(EXCP_GP), 0);
    g_assert_cmphex(pushed(0), ==, CODE32 | 1);
}

/* ---- IRET ---- */

static void put_iret(uint64_t rip, uint16_t cs, uint64_t flags, uint64_t rsp, uint16_t ss)
{
    uint64_t values[5] = { rip, cs, flags, rsp, ss };
    cpu->gpr[R_ESP] = HIGH + STACK0 - 40;
    for (unsigned i = 0; i < 5; i++) {
        st64(STACK0 - 40 + 8 * i, values[i]);
    }
}

static void test_iret(void)
{
    enter(0);
    put_iret(HIGH + 0x7000, CODE64, 2 | CC_Z | IF_MASK | 1 << 12, HIGH + IST1,
             DATA0); /* same level: SS:RSP all the same */
    ASSERT_FINE(RUN(iret));
    assert_at(CODE64, HIGH + 0x7000, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + IST1);
    g_assert_cmphex(cpu_get_eflags(cpu), ==, 2 | CC_Z | IF_MASK | 1 << 12);
    put_iret(HIGH + 0x7000, CODE64, 2 | VM_MASK, HIGH + IST1, 0); /* null SS; VM means nothing */
    ASSERT_FINE(RUN(iret));
    g_assert_true(cpu->seg[R_SS].null);
    g_assert_false(cpu->eflags & VM_MASK);
    put_iret(CODE, CODE32, 2, 0x1234567800009000, DATA0); /* compatibility mode, level 0 */
    ASSERT_FINE(RUN(iret));
    assert_at(CODE32, CODE, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, 0x9000);
    enter(0);
    put_iret(CODE, CODE3_32, 2, STACK3, DATA3);
    ASSERT_FINE(RUN(iret));
    assert_at(CODE3_32, CODE, 3);
    /* 32- and 16-bit frames in 64-bit mode */
    enter(0);
    cpu->gpr[R_ESP] = HIGH + STACK0 - 20;
    st32(STACK0 - 20, CODE);
    st32(STACK0 - 16, CODE64);
    st32(STACK0 - 12, 2);
    st32(STACK0 - 8, STACK1);
    st32(STACK0 - 4, DATA0);
    ASSERT_FINE(RUN(iret, .bytes = 4));
    assert_at(CODE64, CODE, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK1);
    /* in compatibility mode the same level keeps its stack */
    enter_on(amd, 0, true);
    cpu->gpr[R_ESP] = STACK0 - 12;
    st32(STACK0 - 12, CODE);
    st32(STACK0 - 8, CODE64);
    st32(STACK0 - 4, 2);
    ASSERT_FINE(RUN(iret, .bytes = 4));
    assert_at(CODE64, CODE, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK0);
}

static void test_iret_faults(void)
{
    enter(0);
    put_iret(HOLE, CODE64, 2, HIGH + IST1, DATA0);
    ASSERT_FAULT(EXCP_GP, 0, RUN(iret));
    put_iret(HOLE, CODE3_64, 2, STACK3, DATA3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(iret));
    put_iret(CODE, CODE_LD, 2, STACK3, DATA0);
    ASSERT_FAULT(EXCP_GP, CODE_LD, RUN(iret));
    put_iret(CODE, CODE3_64, 2, STACK3, 3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(iret));
    put_iret(CODE, CODE32, 2, STACK3, 0); /* null SS for 32-bit code */
    ASSERT_FAULT(EXCP_GP, 0, RUN(iret));
    put_iret(CODE, CODE64, 2, STACK3, 1); /* RPL */
    ASSERT_FAULT(EXCP_GP, 0, RUN(iret));
    put_iret(CODE, CODE3_64, 2, STACK3, DATA0);
    ASSERT_FAULT(EXCP_GP, DATA0, RUN(iret));
    put_iret(0x100000000, CODE3_32, 2, STACK3, DATA3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(iret));
    put_iret(CODE, CODE64, 2, STACK3, DATA0);
    flags_commit(cpu, 2 | NT_MASK);
    ASSERT_FAULT(EXCP_GP, 0, RUN(iret));
    assert_at(CODE64, HIGH + CODE, 0);
    /* a stack that is not canonical is fine until it is used */
    flags_commit(cpu, 2);
    put_iret(CODE, CODE64, 2, HOLE, DATA0);
    ASSERT_FINE(RUN(iret));
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HOLE);
}

/* Returning to an outer level takes away inner segments, but no base that belongs to a null one. */
static void test_iret_fs_base(void)
{
    enter(0);
    ASSERT_FINE(mov_sreg(R_FS, 0));
    ASSERT_FINE(set_msr(MSR_FS_BASE, 0x7000));
    ASSERT_FINE(mov_sreg(R_GS, BASED));
    put_iret(CODE, CODE3_64, 2, STACK3, DATA3);
    ASSERT_FINE(RUN(iret));
    g_assert_cmphex(cpu->seg[R_FS].base, ==, 0x7000);
    g_assert_true(cpu->seg[R_GS].null);
    g_assert_cmphex(cpu->seg[R_GS].base, ==, 0);
}

/* ---- SYSCALL and its relatives ---- */

static void set_syscall_msrs(void)
{
    cpu->star = 0x0020ull << 48 | 0x0008ull << 32 | 0x4444; /* SYSRET to 32-bit CS 23, 64-bit CS 33, SS 2B */
    cpu->lstar = HIGH + 0x7000;
    cpu->cstar = HIGH + 0x7100;
    cpu->fmask = IF_MASK | TF_MASK | CC_C;
}

static void test_syscall(CPUState *which)
{
    enter_on(which, 3, false);
    set_syscall_msrs();
    flags_commit(cpu, 2 | IF_MASK | CC_C | CC_Z | 3 << 12);
    ASSERT_FINE(RUN(syscall_));
    assert_at(CODE64, HIGH + 0x7000, 0);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, CODE + 2);
    g_assert_cmphex(cpu->gpr[11], ==, 2 | IF_MASK | CC_C | CC_Z | 3 << 12);
    g_assert_cmphex(cpu_get_eflags(cpu), ==, 2 | CC_Z | 3 << 12);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3); /* software's affair */
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE64);
    ASSERT_FINE(RUN(sysret_));
    assert_at(CODE3_64, CODE + 2, 3);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA3);
    g_assert_cmphex(cpu_get_eflags(cpu), ==, 2 | IF_MASK | CC_C | CC_Z | 3 << 12);
    ASSERT_FAULT(EXCP_GP, 0, RUN(sysret_)); /* level 3 */
    /* to 32-bit code; TF traps at once */
    enter_on(which, 0, false);
    set_syscall_msrs();
    cpu->gpr[R_ECX] = 0x1122334400005000;
    cpu->gpr[11] = 2 | TF_MASK | RF_MASK | VM_MASK;
    ASSERT_FINE(RUN(sysret_, .bytes = 4));
    assert_at(CODE3_32, CODE, 3);
    g_assert_cmphex(cpu_get_eflags(cpu), ==, 2 | TF_MASK);
    g_assert_cmphex(cpu->pending_db, ==, DR6_BS);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE32);
    /* only when enabled */
    enter_on(which, 3, false);
    cpu->efer &= ~(uint64_t)EFER_SCE;
    ASSERT_UD(RUN(syscall_));
}

static void test_syscall_intel(void)
{
    test_syscall(intel);
    enter_on(intel, 3, true);
    set_syscall_msrs();
    ASSERT_UD(RUN(syscall_, .bytes = 4)); /* not in compatibility mode */
    enter_on(intel, 0, false);
    set_syscall_msrs();
    cpu->gpr[R_ECX] = HOLE;
    ASSERT_FAULT(EXCP_GP, 0, RUN(sysret_)); /* at level 0 */
    assert_at(CODE64, HIGH + CODE, 0);
    cpu->gpr[R_ECX] = CODE;
    cpu->gpr[11] = 2;
    seg_commit_null(cpu, R_SS, 0);
    ASSERT_FINE(RUN(sysret_));
    g_assert_false(cpu->seg[R_SS].null);
    g_assert_cmpint(SEG_DPL(cpu->seg[R_SS].attr), ==, 3);
}

static void test_syscall_amd(void)
{
    test_syscall(amd);
    enter_on(amd, 3, true);
    set_syscall_msrs();
    ASSERT_FINE(RUN(syscall_, .bytes = 4));
    assert_at(CODE64, HIGH + 0x7100, 0);
    g_assert_cmphex(cpu->gpr[R_ECX], ==, CODE + 2);
    enter_on(amd, 0, false);
    set_syscall_msrs();
    cpu->gpr[R_ECX] = HOLE;
    cpu->gpr[11] = 2;
    seg_commit_null(cpu, R_SS, 0);
    ASSERT_FINE(RUN(sysret_)); /* faults at level 3, when it fetches */
    assert_at(CODE3_64, HOLE, 3);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, DATA3);
    g_assert_true(cpu->seg[R_SS].null); /* only the selector is loaded */
    /* legacy protected mode */
    start(amd);
    cpu->cr0 |= CR0_PE;
    cpu->efer = EFER_SCE;
    load(R_CS, CODE3_32);
    load(R_SS, DATA3);
    cpu_set_cpl(cpu, 3);
    set_syscall_msrs();
    cpu->eip = CODE;
    flags_commit(cpu, 2 | IF_MASK);
    ASSERT_FINE(RUN(syscall_, .bytes = 4));
    assert_at(CODE64, 0x4444, 0);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE32);
    g_assert_false(cpu->eflags & IF_MASK);
    ASSERT_FINE(RUN(sysret_, .bytes = 4));
    assert_at(CODE3_32, CODE + 2, 3);
    g_assert_true(cpu->eflags & IF_MASK);
}

static void test_sysenter(void)
{
    enter_on(intel, 3, false);
    cpu->sysenter_cs = CODE64;
    cpu->sysenter_esp = HIGH + STACK0;
    cpu->sysenter_eip = HIGH + 0x7000;
    ASSERT_FINE(RUN(sysenter));
    assert_at(CODE64, HIGH + 0x7000, 0);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, HIGH + STACK0);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE64);
    cpu->gpr[R_ECX] = HOLE;
    cpu->gpr[R_EDX] = CODE;
    ASSERT_FAULT(EXCP_GP, 0, RUN(sysexit));
    cpu->gpr[R_ECX] = STACK3;
    cpu->gpr[R_EDX] = HOLE;
    ASSERT_FAULT(EXCP_GP, 0, RUN(sysexit));
    cpu->gpr[R_EDX] = CODE;
    ASSERT_FINE(RUN(sysexit));
    assert_at((CODE64 + 32) | 3, CODE, 3);
    g_assert_cmphex(cpu->seg[R_SS].selector, ==, (CODE64 + 40) | 3);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE64);
    enter_on(intel, 0, false);
    cpu->sysenter_cs = CODE64;
    cpu->gpr[R_ECX] = 0xffffffff00000000 | STACK3;
    cpu->gpr[R_EDX] = 0xffffffff00000000 | CODE;
    ASSERT_FINE(RUN(sysexit, .bytes = 4));
    assert_at((CODE64 + 16) | 3, CODE, 3);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE32);
    enter_on(amd, 3, false);
    cpu->sysenter_cs = CODE64;
    ASSERT_UD(RUN(sysenter));
}

static void test_gs(void)
{
    enter(0);
    ASSERT_FINE(set_msr(MSR_GS_BASE, 0x1000));
    ASSERT_FINE(set_msr(MSR_KERNEL_GS_BASE, HIGH));
    ASSERT_FINE(RUN(swapgs));
    g_assert_cmphex(get_msr(MSR_GS_BASE), ==, HIGH);
    g_assert_cmphex(get_msr(MSR_KERNEL_GS_BASE), ==, 0x1000);
    st32(DATA, 0x77);
    ALLOWS(g_assert_cmphex(seg_ld32(cpu, R_GS, DATA), ==, 0x77));
    cpu_set_cpl(cpu, 3);
    ASSERT_FAULT(EXCP_GP, 0, RUN(swapgs));
    cpu->gpr[R_EBX] = HOLE;
    ASSERT_FAULT(EXCP_GP, 0, RUN(wrfsbase_Ry, .rm = R_EBX));
    ASSERT_FINE(RUN(wrgsbase_Ry, .rm = R_EBX, .bytes = 4));
    g_assert_cmphex(cpu->seg[R_GS].base, ==, 0);
    cpu->gpr[R_EBX] = 0x7fff12345678;
    ASSERT_FINE(RUN(wrfsbase_Ry, .rm = R_EBX));
    ASSERT_FINE(RUN(rdfsbase_Ry, .rm = R_EDX));
    g_assert_cmphex(cpu->gpr[R_EDX], ==, 0x7fff12345678);
    ASSERT_FINE(RUN(rdfsbase_Ry, .rm = R_EDX, .bytes = 4));
    g_assert_cmphex(cpu->gpr[R_EDX], ==, 0x12345678);
    ASSERT_FINE(RUN(wrgsbase_Ry, .rm = R_EBX));
    ASSERT_FINE(RUN(rdgsbase_Ry, .rm = R_ECX));
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 0x7fff12345678);
    cpu->cr4 &= ~(uint64_t)CR4_FSGSBASE;
    ASSERT_UD(RUN(rdgsbase_Ry, .rm = R_EDX));
}

/* ---- system registers ---- */

static void test_cr8(void)
{
    static Device apic;
    enter(0);
    ASSERT_FINE(mov_cr(8, 5));
    g_assert_cmpint(cpu->cr8, ==, 5);
    ASSERT_FAULT(EXCP_GP, 0, mov_cr(8, 16));
    cpu->apic = &apic;
    ASSERT_FINE(mov_cr(8, 9));
    g_assert_true(cpu->int_point);
    g_assert_cmpint(tpr, ==, 9);
    tpr = 3;
    ASSERT_FINE(RUN(mov_Rd_Cd, .reg = 8, .rm = R_EDX));
    g_assert_cmpint(cpu->gpr[R_EDX], ==, 3);
    cpu->apic = NULL;
    ASSERT_UD(mov_cr(9, 0));
    cpu_set_cpl(cpu, 3);
    ASSERT_FAULT(EXCP_GP, 0, mov_cr(8, 0));
}

static void test_rdtscp(void)
{
    enter(3);
    cpu->tsc_aux = 0x1234;
    ASSERT_FINE(RUN(rdtscp));
    g_assert_cmphex(cpu->gpr[R_ECX], ==, 0x1234);
    cpu->cr4 |= CR4_TSD;
    ASSERT_FAULT(EXCP_GP, 0, RUN(rdtscp));
}

static void test_flags_width(void)
{
    enter(3);
    ASSERT_FINE(RUN(pushf_F));
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3 - 8);
    g_assert_cmphex(pushed(0), ==, 2);
    st64(STACK3 - 8, ~0ull);
    ASSERT_FINE(RUN(popf_F));
    g_assert_cmphex(cpu_get_eflags(cpu), ==, 2 | CC_ALL | TF_MASK | DF_MASK | NT_MASK | AC_MASK | ID_MASK);
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3);
    ASSERT_FINE(mov_sreg(R_GS, DATA3));
    ASSERT_FINE(RUN(push_gs)); /* all eight bytes */
    g_assert_cmphex(cpu->gpr[R_ESP], ==, STACK3 - 8);
    g_assert_cmphex(pushed(0), ==, DATA3);
}

static void test_io_bitmap(void)
{
    enter(3);
    mem[TSS + 0x68 + 2] = 1; /* port 10h is refused */
    cpu->gpr[R_EDX] = 0x10;
    ASSERT_FAULT(EXCP_GP, 0, RUN(in_dx_port, .bytes = 1));
    cpu->gpr[R_EDX] = 0x11;
    ASSERT_FINE(RUN(in_dx_port, .bytes = 1));
}

/* ---- paging ---- */

static void test_huge_page(void)
{
    enter(0);
    st32(DATA, 0x55);
    ALLOWS(g_assert_cmphex(cpu_ld32(cpu, HUGE + DATA), ==, 0x55));
    g_assert_cmphex(ld64(PDPT + 8), ==, P | W | U | PS | A);
    ALLOWS(cpu_st32(cpu, HUGE + DATA + 0x1000, 1));
    g_assert_cmphex(ld64(PDPT + 8), ==, P | W | U | PS | A | D);
    ALLOWS(cpu_ld32(cpu, HUGE + 0x350000));
    /* INVLPG of any address in it drops all of it */
    st64(PDPT + 8, 0);
    ALLOWS(cpu_ld32(cpu, HUGE + DATA));
    ASSERT_FINE(RUN(invlpg_M, .mem = HUGE + 0x3ffff000));
    ASSERT_PF(0, HUGE + DATA, cpu_ld32(cpu, HUGE + DATA));
    ASSERT_PF(0, HUGE + 0x350000, cpu_ld32(cpu, HUGE + 0x350000));
    ALLOWS(cpu_ld32(cpu, HIGH + DATA));       /* another one stays */
    st64(PDPT + 8, P | W | U | PS | 1 << 20); /* address bits below 1 GiB */
    ASSERT_PF(PF_P | PF_RSVD, HUGE, cpu_ld32(cpu, HUGE));
    st64(PML4 + 8, PDPT | P | W | PS);
    ASSERT_PF(PF_P | PF_RSVD, 0x8000000000, cpu_ld32(cpu, 0x8000000000));
}

static void test_rights(void)
{
    enter(0);
    st64(PT, DATA | P | W | U | NX);
    st64(PT + 8, DATA | P | W);
    st64(PT + 16, DATA | P | U);
    ASSERT_PF(PF_P | PF_ID, SMALL, cpu_fetch_translate(cpu, SMALL));
    ASSERT_PF(PF_P | PF_W, SMALL + 0x2000, cpu_st8(cpu, SMALL + 0x2000, 1)); /* WP */
    ALLOWS(cpu_fetch_translate(cpu, SMALL + 0x2000));
    cpu_set_cpl(cpu, 3);
    ASSERT_PF(PF_P | PF_U, SMALL + 0x1000, cpu_ld8(cpu, SMALL + 0x1000));
    ASSERT_PF(PF_P | PF_U | PF_ID, SMALL + 0x1000, cpu_fetch_translate(cpu, SMALL + 0x1000));
    ASSERT_PF(PF_P | PF_U | PF_W, SMALL + 0x2000, cpu_st8(cpu, SMALL + 0x2000, 1));
    ASSERT_PF(PF_U | PF_ID, SMALL + 0x3000, cpu_fetch_translate(cpu, SMALL + 0x3000));
}

static void test_smep_smap(void)
{
    enter(0);
    st64(PT, DATA | P | W | U);
    ALLOWS(cpu_fetch_translate(cpu, SMALL));
    ASSERT_FINE(mov_cr(4, cpu->cr4 | CR4_SMEP));
    ASSERT_PF(PF_P | PF_ID, SMALL, cpu_fetch_translate(cpu, SMALL));
    ALLOWS(cpu_ld8(cpu, SMALL));
    ASSERT_FINE(mov_cr(4, cpu->cr4 | CR4_SMAP));
    ASSERT_PF(PF_P, SMALL, cpu_ld8(cpu, SMALL));
    ASSERT_PF(PF_P | PF_W, SMALL + 4, cpu_st8(cpu, SMALL + 4, 1));
    ASSERT_FINE(RUN(stac));
    ALLOWS(cpu_st8(cpu, SMALL + 4, 1));
    ALLOWS(cpu_ld8(cpu, SMALL + 4));
    g_assert_true(cpu_host_ptr(cpu, SMALL, 8, ACCESS_WRITE, MMU_KERNEL) == mem + DATA);
    g_assert_cmphex(tlb_fast_entry(cpu, SMALL, MMU_KERNEL)->read, ==, TLB_NEVER);
    ASSERT_PF(PF_P | PF_ID, SMALL, cpu_fetch_translate(cpu, SMALL)); /* AC does not lift SMEP */
    ASSERT_FINE(RUN(clac));
    ASSERT_PF(PF_P, SMALL + 4, cpu_ld8(cpu, SMALL + 4));
    ASSERT_PF(PF_P, SMALL, cpu_host_ptr(cpu, SMALL, 8, ACCESS_READ, MMU_KERNEL));
    cpu_set_cpl(cpu, 3);
    ALLOWS(cpu_ld8(cpu, SMALL));
    ALLOWS(cpu_fetch_translate(cpu, SMALL));
    cpu->eflags |= AC_MASK;
    ASSERT_PF(PF_P, SMALL, cpu_ld8_kernel(cpu, SMALL)); /* implicit: whatever AC says */
    ASSERT_UD(RUN(stac));
    ASSERT_UD(RUN(clac));
}

static int invpcid(uint64_t type, uint64_t pcid, uint64_t address)
{
    st64(DATA + 0x100, pcid);
    st64(DATA + 0x108, address);
    cpu->gpr[R_EBX] = type;
    return RUN(invpcid_Gy_M, .mem = HIGH + DATA + 0x100, .reg = R_EBX);
}

/* SMALL is a page of the address space, SMALL + 1000h a global one; the tables lose both. */
static void fill_and_remove(void)
{
    st64(PT, DATA | P | W | U);
    st64(PT + 8, DATA | P | W | U | G);
    ALLOWS(cpu_ld8(cpu, SMALL));
    ALLOWS(cpu_ld8(cpu, SMALL + 0x1000));
    st64(PT, 0);
    st64(PT + 8, 0);
}

static bool is_cached(uint64_t la)
{
    if (sigsetjmp(cpu->fault_jmp, 0)) {
        return false;
    }
    cpu_ld8(cpu, la);
    return true;
}

static void test_pcid(void)
{
    enter(0);
    ASSERT_FAULT(EXCP_GP, 0, (cpu->cr3 |= 1, mov_cr(4, cpu->cr4 | CR4_PCIDE))); /* CR3[11:0] must be 0 */
    cpu->cr3 = PML4;
    ASSERT_FINE(mov_cr(4, cpu->cr4 | CR4_PCIDE));
    ASSERT_FINE(mov_cr(3, PML4 | 5 | 1ull << 63));
    g_assert_cmphex(cpu->cr3, ==, PML4 | 5);
    ASSERT_FAULT(EXCP_GP, 0, mov_cr(3, PML4 | 1ull << 62));
    fill_and_remove();
    g_assert_true(is_cached(SMALL) && is_cached(SMALL + 0x1000));
    ASSERT_FINE(mov_cr(3, PML4 | 6));
    g_assert_false(is_cached(SMALL));
    g_assert_true(is_cached(SMALL + 0x1000));
    fill_and_remove();
    ASSERT_FINE(invpcid(0, 6, SMALL));
    g_assert_false(is_cached(SMALL));
    ASSERT_FINE(invpcid(0, 6, SMALL + 0x1000)); /* not global ones */
    g_assert_true(is_cached(SMALL + 0x1000));
    fill_and_remove();
    ASSERT_FINE(invpcid(1, 7, 0)); /* another context */
    g_assert_true(is_cached(SMALL));
    ASSERT_FINE(invpcid(1, 6, 0));
    g_assert_false(is_cached(SMALL));
    g_assert_true(is_cached(SMALL + 0x1000));
    fill_and_remove();
    ASSERT_FINE(invpcid(3, 0, 0));
    g_assert_true(!is_cached(SMALL) && is_cached(SMALL + 0x1000));
    ASSERT_FINE(invpcid(2, 0, 0));
    g_assert_false(is_cached(SMALL + 0x1000));
    fill_and_remove();
    ASSERT_FINE(RUN(invlpg_M, .mem = SMALL + 0x1234));
    g_assert_false(is_cached(SMALL + 0x1000));
    ASSERT_FINE(RUN(invlpg_M, .mem = HOLE)); /* does nothing */
    ASSERT_FAULT(EXCP_GP, 0, invpcid(4, 0, 0));
    ASSERT_FAULT(EXCP_GP, 0, invpcid(0, 0x1000, 0));
    ASSERT_FAULT(EXCP_GP, 0, invpcid(0, 6, HOLE));
    ASSERT_FINE(mov_cr(4, cpu->cr4 & ~(uint64_t)CR4_PCIDE));
    ASSERT_FAULT(EXCP_GP, 0, invpcid(1, 6, 0));
    ASSERT_FINE(invpcid(1, 0, 0x1234)); /* PCID 0 is there always */
}

static void test_pge(void)
{
    enter(0);
    fill_and_remove();
    ASSERT_FINE(mov_cr(3, PML4));
    g_assert_true(!is_cached(SMALL) && is_cached(SMALL + 0x1000));
    ASSERT_FINE(mov_cr(4, cpu->cr4 & ~(uint64_t)CR4_PGE));
    g_assert_false(is_cached(SMALL + 0x1000));
}

/* ---- XSAVE ---- */

static int set_xcr0(uint64_t value)
{
    cpu->gpr[R_ECX] = 0;
    cpu->gpr[R_EAX] = (uint32_t)value;
    cpu->gpr[R_EDX] = value >> 32;
    return RUN(xsetbv);
}

static int xsave_op_by_name(const char *name, const InsnHandlers *h, uint64_t components)
{
    cpu->gpr[R_EAX] = components;
    cpu->gpr[R_EDX] = 0;
    return run_args(name, h, (Args){ .mem = DATA });
}
#define xsave_op(h, ...) xsave_op_by_name(#h, h, __VA_ARGS__)

static void test_xcr0(void)
{
    enter(0);
    ASSERT_FAULT(EXCP_GP, 0, set_xcr0(2));
    ASSERT_FAULT(EXCP_GP, 0, set_xcr0(1ull << 63 | 1));
    ASSERT_FAULT(EXCP_GP, 0, set_xcr0(5)); /* AVX without SSE, or no AVX at all */
    ASSERT_FINE(set_xcr0(3));
    ASSERT_FINE(RUN(xgetbv));
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 3);
    cpu->gpr[R_ECX] = 1;
    ASSERT_FAULT(EXCP_GP, 0, RUN(xgetbv));
    cpu_set_cpl(cpu, 3);
    ASSERT_FAULT(EXCP_GP, 0, set_xcr0(3));
    cpu->cr4 &= ~(uint64_t)CR4_OSXSAVE;
    ASSERT_UD(RUN(xgetbv));
    ASSERT_UD(xsave_op(&xsave_M, 3));
}

static void test_xsave(void)
{
    enter(0);
    ASSERT_FINE(set_xcr0(3));
    cpu->xmm[15].q[1] = 0x1111;
    cpu->mxcsr = 0x1fa0;
    x87_init(cpu);
    memset(cpu->fpu.st, 0, sizeof(cpu->fpu.st));
    st64(DATA + 512, ~0ull);
    ASSERT_FINE(xsave_op(&xsave_M, 7));
    g_assert_cmphex(ld64(DATA + 512), ==, ~3ull | 2); /* x87 is initial; bits not asked for stay */
    g_assert_cmphex(ld64(DATA + 160 + 15 * 16 + 8), ==, 0x1111);
    g_assert_cmphex(ld32(DATA + 24), ==, 0x1fa0);
    g_assert_cmphex(ld16(DATA), ==, 0x37f);
    st64(DATA + 512, 2);
    cpu->xmm[15].q[1] = 0;
    cpu->fpu.cw = 0x27f;
    ASSERT_FINE(xsave_op(&xrstor_M, 3));
    g_assert_cmphex(cpu->xmm[15].q[1], ==, 0x1111);
    g_assert_cmphex(cpu->fpu.cw, ==, 0x37f); /* initialised */
    st64(DATA + 512, 0);
    cpu->fpu.cw = 0x27f;
    ASSERT_FINE(xsave_op(&xrstor_M, 2)); /* XMM cleared, MXCSR loaded, x87 left alone */
    g_assert_cmphex(cpu->xmm[15].q[1], ==, 0);
    g_assert_cmphex(cpu->mxcsr, ==, 0x1fa0);
    g_assert_cmphex(cpu->fpu.cw, ==, 0x27f);
    memset(mem + DATA, 0xcc, 512);
    ASSERT_FINE(xsave_op(&xsaveopt_M, 3));
    g_assert_cmphex(ld64(DATA + 512), ==, 1);
    g_assert_cmphex(ld64(DATA + 160), ==, 0xcccccccccccccccc); /* not in use: not written */
    g_assert_cmphex(ld16(DATA), ==, 0x27f);
    g_assert_cmphex(ld32(DATA + 24), ==, 0x1fa0);
}

static void test_xrstor_faults(void)
{
    enter(0);
    ASSERT_FINE(set_xcr0(3));
    ASSERT_FINE(xsave_op(&xsave_M, 3));
    st64(DATA + 512, 4);
    ASSERT_FAULT(EXCP_GP, 0, xsave_op(&xrstor_M, 3)); /* not in XCR0 */
    st64(DATA + 512, 3);
    st64(DATA + 520, NX);
    ASSERT_FAULT(EXCP_GP, 0, xsave_op(&xrstor_M, 3)); /* compacted */
    st64(DATA + 520, 0);
    st32(DATA + 24, 0x10000);
    ASSERT_FAULT(EXCP_GP, 0, xsave_op(&xrstor_M, 2));
    ASSERT_FINE(xsave_op(&xrstor_M, 1));
    cpu->gpr[R_EAX] = 3;
    ASSERT_FAULT(EXCP_GP, 0, RUN(xsave_M, .mem = DATA + 32));
    ASSERT_FAULT(EXCP_GP, 0, RUN(xrstor_M, .mem = HOLE));
    cpu->cr0 |= CR0_TS;
    g_assert_cmpint(xsave_op(&xsave_M, 3), ==, EXCP_NM);
}

/* ---- SMM ---- */

static void enter_smm_from(unsigned cpl, bool compat)
{
    enter_on(amd, cpl, compat);
    memset(mem + 0x3fe00, 0, 0x200);
    cpu->gpr[R_EBX] = 0x1122334455667788;
    cpu->gpr[15] = 0x99;
    flags_commit(cpu, 2 | IF_MASK | CC_C);
    cpu_interrupt(cpu, CPU_INTERRUPT_SMI);
    g_assert_true(cpu_take_interrupt(cpu));
}

static void test_smm(void)
{
    enter_smm_from(3, false);
    g_assert_true(cpu->in_smm && !cpu_long_mode(cpu));
    g_assert_cmphex(cpu->efer, ==, 0);
    g_assert_cmphex(cpu->seg[R_CS].base + cpu->eip, ==, 0x38000);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE16);
    g_assert_cmphex(ld32(0x3fefc), ==, 0x20064);
    g_assert_cmphex(ld32(0x3ff00), ==, 0x30000);
    g_assert_cmphex(ld64(0x3ffe0), ==, 0x1122334455667788);
    g_assert_cmphex(ld64(0x3ff80), ==, 0x99);
    g_assert_cmphex(ld64(0x3ff78), ==, CODE);
    g_assert_cmphex(ld64(0x3fed0), ==, EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE);
    g_assert_cmphex(ld64(0x3ff50), ==, PML4);
    g_assert_cmphex(ld64(0x3fe98), ==, HIGH + TSS);
    g_assert_cmphex(ld16(0x3fe10), ==, CODE3_64);
    st64(0x3ffe0, 0xabc);
    st32(0x3ff00, 0xa0000);
    ASSERT_FINE(RUN(rsm));
    assert_at(CODE3_64, CODE, 3);
    g_assert_true(cpu_code64(cpu) && !cpu->in_smm);
    g_assert_cmphex(cpu->gpr[R_EBX], ==, 0xabc);
    g_assert_cmphex(cpu->gpr[15], ==, 0x99);
    g_assert_cmphex(cpu->smbase, ==, 0xa0000);
    g_assert_cmphex(cpu->efer, ==, EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE);
    g_assert_cmphex(cpu->seg[R_TR].base, ==, HIGH + TSS);
    g_assert_cmphex(cpu->gdt.base, ==, HIGH + GDT);
    g_assert_true(cpu->seg[R_FS].null);
    g_assert_cmphex(cpu_get_eflags(cpu), ==, 2 | IF_MASK | CC_C);
    /* from compatibility mode, with PCIDs; a handler that went to long mode itself */
    enter_on(amd, 0, true);
    ALLOWS(cpu_set_cr4(cpu, cpu->cr4 | CR4_PCIDE));
    ALLOWS(cpu_set_cr3(cpu, PML4 | 7));
    cpu_interrupt(cpu, CPU_INTERRUPT_SMI);
    g_assert_true(cpu_take_interrupt(cpu));
    cpu->efer = EFER_LME;
    cpu->cr4 = CR4_PAE;
    cpu->cr3 = PML4;
    ALLOWS(cpu_set_cr0(cpu, CR0_PE | CR0_PG));
    load(R_CS, CODE64);
    ASSERT_FINE(RUN(rsm));
    assert_at(CODE32, CODE, 0);
    g_assert_cmphex(cpu->cr3, ==, PML4 | 7);
    g_assert_true(cpu->cr4 & CR4_PCIDE);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE32);
    /* impossible registers */
    enter_smm_from(0, false);
    st64(0x3fed0, 1ull << 40);
    ASSERT_FINE(RUN(rsm));
    g_assert_cmpint(resets, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    memory_region_init_ram(&ram, "ram", RAM_SIZE);
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    mem = memory_region_get_ram_ptr(&ram);
    amd = cpu_new("max,vendor=AuthenticAMD", 0, &error_fatal);
    intel = cpu_new("max,vendor=GenuineIntel", 1, &error_fatal);
    g_test_add_func("/long/transitions", test_transitions);
    g_test_add_func("/long/activate-with-l", test_activate_with_l);
    g_test_add_func("/long/efer-and-msrs", test_efer);
    g_test_add_func("/long/segments/bases", test_bases);
    g_test_add_func("/long/segments/null-stack", test_null_stack);
    g_test_add_func("/long/segments/canonical", test_canonical_data);
    g_test_add_func("/long/segments/lgdt-sgdt", test_tables);
    g_test_add_func("/long/segments/ltr-lldt", test_ltr_lldt);
    g_test_add_func("/long/segments/lar-lsl", test_lar_lsl);
    g_test_add_func("/long/far/direct", test_far_direct);
    g_test_add_func("/long/far/return-outer", test_far_return_outer);
    g_test_add_func("/long/far/call-gate", test_call_gate);
    g_test_add_func("/long/far/call-gate-faults", test_call_gate_faults);
    g_test_add_func("/long/excp/same-level", test_interrupt_same_level);
    g_test_add_func("/long/excp/inner", test_interrupt_inner);
    g_test_add_func("/long/excp/from-compatibility", test_interrupt_from_compat);
    g_test_add_func("/long/excp/ist", test_ist);
    g_test_add_func("/long/excp/gate-faults", test_gate_faults);
    g_test_add_func("/long/excp/double-fault", test_double_fault);
    g_test_add_func("/long/iret/modes", test_iret);
    g_test_add_func("/long/iret/faults", test_iret_faults);
    g_test_add_func("/long/iret/fs-base", test_iret_fs_base);
    g_test_add_func("/long/syscall/intel", test_syscall_intel);
    g_test_add_func("/long/syscall/amd", test_syscall_amd);
    g_test_add_func("/long/syscall/sysenter", test_sysenter);
    g_test_add_func("/long/syscall/gs-and-bases", test_gs);
    g_test_add_func("/long/sys/cr8", test_cr8);
    g_test_add_func("/long/sys/rdtscp", test_rdtscp);
    g_test_add_func("/long/sys/flags", test_flags_width);
    g_test_add_func("/long/sys/io-bitmap", test_io_bitmap);
    g_test_add_func("/long/paging/1-gib", test_huge_page);
    g_test_add_func("/long/paging/rights", test_rights);
    g_test_add_func("/long/paging/smep-smap", test_smep_smap);
    g_test_add_func("/long/paging/pcid", test_pcid);
    g_test_add_func("/long/paging/global", test_pge);
    g_test_add_func("/long/xsave/xcr0", test_xcr0);
    g_test_add_func("/long/xsave/round-trip", test_xsave);
    g_test_add_func("/long/xsave/faults", test_xrstor_faults);
    g_test_add_func("/long/smm", test_smm);
    return g_test_run();
}
