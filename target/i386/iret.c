/*
 * target/i386/iret.c  INT n, INT3, INTO, INT1, IRET. SDM volume 2; 3A 6.14 for long mode, 20.2-20.3 for v86 mode.
 */
#include "target/i386/flags.h"
#include "target/i386/handlers-sys.h"
#include "target/i386/seg.h"

#define TSS_IO_BASE     0x66
#define TSS32_MIN_LIMIT 0x67

/* ---- INT in v86 mode with CR4.VME: SDM 3A table 20-2 ---- */

/* The bit of the redirection bitmap, 32 bytes below the I/O bitmap: set means "through the IDT". */
static bool redirection_bit(CPUState *cpu, unsigned vector)
{
    const SegmentCache *tr = &cpu->seg[R_TR];
    if (tr->null || !(tr->attr & SYS_32) || tr->limit < TSS32_MIN_LIMIT) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    uint32_t base = cpu_ld16_kernel(cpu, (uint32_t)(tr->base + TSS_IO_BASE));
    uint32_t offset = base - 32 + vector / 8;
    if (base < 32 || offset > tr->limit) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    return cpu_ld8_kernel(cpu, (uint32_t)(tr->base + offset)) >> (vector & 7) & 1;
}

/* To the 8086 program's own vector table at linear 0; with IOPL below 3 its IF is VIF. */
static void redirect_to_8086(CPUState *cpu, unsigned vector)
{
    uint32_t eflags = eflags_get(cpu), image = eflags;
    uint32_t clear = TF_MASK | RF_MASK | IF_MASK;
    if (cpu_iopl(cpu) < 3) {
        image = (eflags & ~IF_MASK) | IOPL_MASK | (eflags & VIF_MASK ? IF_MASK : 0);
        clear = TF_MASK | RF_MASK | VIF_MASK;
    }
    uint64_t values[3] = { image, cpu->seg[R_CS].selector, cpu->eip };
    uint16_t ip = cpu_ld16(cpu, vector * 4);
    uint16_t cs = cpu_ld16(cpu, vector * 4 + 2);
    Stack st;
    stack_present(cpu, &st);
    stack_push(cpu, &st, values, 3, 2);
    cpu->gpr[R_ESP] = st.sp;
    code_commit_real(cpu, cs, ip);
    flags_commit(cpu, eflags & ~clear);
}

static void int_insn(CPUState *cpu, const DecodedInsn *d)
{
    unsigned vector = d->imm & 0xff;
    if (cpu_v86(cpu)) {
        if ((cpu->cr4 & CR4_VME) && !redirection_bit(cpu, vector)) {
            redirect_to_8086(cpu, vector);
            return;
        }
        if (cpu_iopl(cpu) < 3) {
            cpu_raise(cpu, EXCP_GP, 0);
        }
    }
    cpu_software_interrupt(cpu, vector);
}

static void int3_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu_software_interrupt(cpu, EXCP_BP);
}

static void into_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    if (eflags_get(cpu) & CC_O) {
        cpu_software_interrupt(cpu, EXCP_OF);
    }
}

static void int1_insn(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu_icebp(cpu);
}

/* ---- IRET ---- */

/* Flags an IRET changes, by the privilege before it. */
static uint32_t iret_mask(const CPUState *cpu, unsigned size)
{
    uint32_t mask = CC_ALL | TF_MASK | DF_MASK | NT_MASK;
    if (size >= 4) {
        mask |= RF_MASK | AC_MASK | ID_MASK;
    }
    if (cpu->cpl <= cpu_iopl(cpu)) {
        mask |= IF_MASK;
    }
    if (cpu->cpl == 0) {
        mask |= IOPL_MASK;
        mask |= size >= 4 && (cpu->cr0 & CR0_PE) ? VIF_MASK | VIP_MASK : 0;
    }
    return mask;
}

static uint32_t iret_flags(CPUState *cpu, uint32_t image, uint32_t mask)
{
    return (image & mask) | (eflags_get(cpu) & ~mask);
}

/* Real mode, and v86 mode with IOPL 3. */
static void iret_real(CPUState *cpu, unsigned size)
{
    uint32_t ip = stack_peek(cpu, 0, size);
    uint16_t cs = stack_peek(cpu, size, size);
    uint32_t image = stack_peek(cpu, 2 * size, size);
    code_check_real(cpu, ip);
    stack_release(cpu, 3 * size);
    code_commit_real(cpu, cs, ip);
    flags_commit(cpu, iret_flags(cpu, image, iret_mask(cpu, size)));
}

/* v86 mode, IOPL below 3, CR4.VME: IF of the image is VIF. */
static void iret_vme(CPUState *cpu)
{
    uint32_t ip = stack_peek(cpu, 0, 2);
    uint16_t cs = stack_peek(cpu, 2, 2);
    uint32_t image = stack_peek(cpu, 4, 2);
    if ((image & TF_MASK) || ((image & IF_MASK) && (cpu->eflags & VIP_MASK))) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    image = (image & ~(uint32_t)VIF_MASK) | (image & IF_MASK ? VIF_MASK : 0);
    code_check_real(cpu, ip);
    stack_release(cpu, 6);
    code_commit_real(cpu, cs, ip);
    flags_commit(cpu, iret_flags(cpu, image, CC_ALL | DF_MASK | NT_MASK | TF_MASK | VIF_MASK));
}

static void iret_v86(CPUState *cpu, unsigned size)
{
    if (cpu_iopl(cpu) == 3) {
        iret_real(cpu, size);
    } else if (size == 2 && (cpu->cr4 & CR4_VME)) {
        iret_vme(cpu);
    } else {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

/* NT: back to the task that the back link names; it must be busy. */
static void iret_task(CPUState *cpu)
{
    Descriptor d;
    uint16_t link = cpu_ld16_kernel(cpu, cpu->seg[R_TR].base);
    if (link & SELECTOR_TI) {
        cpu_raise_selector(cpu, EXCP_TS, link);
    }
    desc_require(cpu, link, &d, EXCP_TS);
    if (!desc_is_tss(&d) || !(desc_type(&d) & SYS_BUSY)) {
        cpu_raise_selector(cpu, EXCP_TS, link);
    }
    desc_check_present(cpu, link, &d, EXCP_NP);
    task_switch(cpu, link, &d, TASK_IRET, cpu->eip, eflags_get(cpu));
}

/* Frame: EIP CS EFLAGS ESP SS ES DS FS GS, 32 bits each. */
static void iret_to_v86(CPUState *cpu, uint32_t ip, uint16_t cs, uint32_t eflags)
{
    static const int order[] = { R_SS, R_ES, R_DS, R_FS, R_GS };
    uint16_t selectors[ARRAY_SIZE(order)];
    uint32_t esp = stack_peek(cpu, 12, 4);
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        selectors[i] = stack_peek(cpu, 16 + 4 * i, 4);
    }
    if (ip > 0xffff) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    flags_commit(cpu, eflags);
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        cpu_load_seg_real(cpu, order[i], selectors[i]);
    }
    code_commit_real(cpu, cs, ip);
    cpu->gpr[R_ESP] = esp;
    cpu_set_cpl(cpu, 3);
}

/* The mode follows with the segments. */
static void iret_commit(CPUState *cpu, const FarReturn *r, uint32_t image, unsigned size)
{
    eflags_set(cpu, iret_flags(cpu, image, iret_mask(cpu, size)) & EFLAGS_VALID);
    far_return_commit(cpu, r, 3 * size, 0);
}

static void iret_protected(CPUState *cpu, unsigned size)
{
    FarReturn r;
    r.pops_stack = false;
    uint32_t ip = stack_peek(cpu, 0, size);
    uint16_t cs = stack_peek(cpu, size, size);
    uint32_t image = stack_peek(cpu, 2 * size, size);
    if (size == 4 && (image & VM_MASK) && cpu->cpl == 0) {
        iret_to_v86(cpu, ip, cs, image);
        return;
    }
    far_return_check(cpu, &r, cs, ip, 3 * size, size);
    iret_commit(cpu, &r, image, size);
}

/* No tasks, no v86 mode; 64-bit code pops SS:RSP at any level, whatever the operand size. */
static void iret_long(CPUState *cpu, unsigned size)
{
    FarReturn r;
    r.pops_stack = cpu_code64(cpu);
    uint64_t ip = stack_peek(cpu, 0, size);
    uint16_t cs = stack_peek(cpu, size, size);
    uint32_t image = stack_peek(cpu, 2 * size, size);
    if (cpu->eflags & NT_MASK) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    far_return_check(cpu, &r, cs, ip, 3 * size, size);
    iret_commit(cpu, &r, image, size);
}

/* NMIs come through again from here on, even if the IRET itself faults. */
static void iret_insn(CPUState *cpu, const DecodedInsn *d)
{
    unsigned size = insn_op_bytes(d);
    cpu->nmi_blocked = false;
    cpu_interrupt_point(cpu);
    if (!(cpu->cr0 & CR0_PE)) {
        iret_real(cpu, size);
    } else if (cpu->eflags & VM_MASK) {
        iret_v86(cpu, size);
    } else if (cpu_long_mode(cpu)) {
        iret_long(cpu, size);
    } else if (cpu->eflags & NT_MASK) {
        iret_task(cpu);
    } else {
        iret_protected(cpu, size);
    }
    flags_check_virtual_interrupt(cpu);
}

const InsnHandlers int_Ib = HANDLERS_ALL(int_insn);
const InsnHandlers int3 = HANDLERS_ALL(int3_insn);
const InsnHandlers into = HANDLERS_ALL(into_insn);
const InsnHandlers int1 = HANDLERS_ALL(int1_insn);
const InsnHandlers iret = HANDLERS_ALL(iret_insn);
