/*
 * target/i386/excp.c  Exceptions and interrupts: raising, delivery, double faults, the lines from devices.
 * SDM 3A chapters 6 (6.14 for long mode) and 20.1.4, 20.3; volume 2, INT n.
 *
 * A delivery may fault itself; it then has changed nothing but memory (and, through a task gate, the task), and the
 * fault is delivered in its place by the rules of table 6-5.
 */
#include "replay/replay.h"
#include "sysemu/cpus.h"
#include "sysemu/runstate.h"
#include "target/i386/cpu-log.h"
#include "target/i386/debug.h"
#include "target/i386/flags.h"
#include "target/i386/seg.h"
#include "target/i386/smm.h"

#define ERROR_EXT         1
#define ERROR_IDT         2
#define DELIVERY_ATTEMPTS 8 /* an #AC that always faults again would never end */

typedef struct Event {
    int vector;
    bool software; /* INT n, INT3, INTO: gate DPL counts, EXT stays clear */
    bool has_error;
    uint32_t error;
    uint32_t rf; /* RF_MASK for faults: set in the frame, so that a breakpoint there does not stop twice */
} Event;

/* ---- raising ---- */

static __attribute__((noreturn)) void land(CPUState *cpu)
{
    siglongjmp(cpu->fault_to ? *cpu->fault_to : cpu->fault_jmp, 1);
}

void cpu_raise(CPUState *cpu, int vector, uint32_t error_code)
{
    cpu->exception_index = vector;
    cpu->error_code = error_code;
    cpu->has_error_code = true;
    land(cpu);
}

void cpu_raise_noerr(CPUState *cpu, int vector)
{
    cpu->exception_index = vector;
    cpu->error_code = 0;
    cpu->has_error_code = false;
    land(cpu);
}

/* error_code, not pushed for #DB, tells event_from_fault() which kind it was. */
void cpu_raise_general_detect(CPUState *cpu)
{
    cpu->dr[6] |= DR6_BD;
    cpu->exception_index = EXCP_DB;
    cpu->error_code = DR6_BD;
    cpu->has_error_code = false;
    land(cpu);
}

CPULogInterrupt *cpu_log_interrupt;

static void log_event(CPUState *cpu, CPULogKind kind, int vector, uint32_t error)
{
    if (unlikely(cpu_log_interrupt)) {
        cpu_log_interrupt(cpu, kind, vector, error);
    }
}

void cpu_shutdown(CPUState *cpu)
{
    log_event(cpu, CPU_LOG_SHUTDOWN, 0, 0);
    cpu->halted = true;
    cpu->eflags &= ~IF_MASK; /* only NMI, SMI, INIT end a shutdown */
    cpu_end_block(cpu);
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}

/* ---- delivery in real mode ---- */

static void deliver_real(CPUState *cpu, const Event *ev)
{
    uint32_t entry = ev->vector * 4;
    if (entry + 3 > cpu->idt.limit) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    uint16_t ip = cpu_ld16_kernel(cpu, (uint32_t)(cpu->idt.base + entry));
    uint16_t cs = cpu_ld16_kernel(cpu, (uint32_t)(cpu->idt.base + entry + 2));
    uint32_t eflags = eflags_get(cpu);
    uint64_t frame[3] = { eflags, cpu->seg[R_CS].selector, cpu->eip };
    Stack st;
    stack_present(cpu, &st);
    code_check_real(cpu, ip);
    stack_push(cpu, &st, frame, 3, 2);
    cpu->gpr[R_ESP] = st.sp;
    code_commit_real(cpu, cs, ip);
    flags_commit(cpu, eflags & ~(IF_MASK | TF_MASK | AC_MASK | RF_MASK));
}

/* ---- delivery in protected and v86 mode ---- */

/* 6, 7, 14, 15 and the task gate; in long mode 14 and 15 */
static bool is_idt_gate(const CPUState *cpu, const Descriptor *gate)
{
    unsigned type = desc_type(gate);
    if (cpu_long_mode(cpu)) {
        return type == SYS_INT32 || type == SYS_TRAP32;
    }
    return type == SYS_TASK_GATE || (type & 6) == 6;
}

static void idt_read(CPUState *cpu, const Event *ev, Descriptor *gate)
{
    bool wide = cpu_long_mode(cpu);
    uint32_t size = wide ? 16 : 8, entry = ev->vector * size, error = ev->vector * 8 | ERROR_IDT;
    if (entry + size - 1 > cpu->idt.limit) {
        cpu_raise(cpu, EXCP_GP, error);
    }
    gate->la = table_address(cpu, cpu->idt.base, entry);
    uint64_t both = cpu_ld64_kernel(cpu, gate->la);
    gate->lo = (uint32_t)both;
    gate->hi = (uint32_t)(both >> 32);
    gate->upper = wide ? cpu_ld32_kernel(cpu, gate->la + 8) : 0;
    if (!desc_is_system(gate) || !is_idt_gate(cpu, gate) || (ev->software && desc_dpl(gate) < cpu->cpl)) {
        cpu_raise(cpu, EXCP_GP, error);
    }
    if (!desc_present(gate)) {
        cpu_raise(cpu, EXCP_NP, error);
    }
}

/* Handler's code segment: never less privileged; from v86 mode always level 0; in long mode 64-bit code. */
static void handler_check(CPUState *cpu, uint16_t selector, Descriptor *code)
{
    desc_require(cpu, selector, code, EXCP_GP);
    bool v86_ok = !desc_is_conforming(code) && desc_dpl(code) == 0;
    bool size_ok = !cpu_long_mode(cpu) || (desc_is_code64(cpu, code) && !desc_code_size_reserved(cpu, code));
    if (!desc_is_code(code) || desc_dpl(code) > cpu->cpl || (cpu_v86(cpu) && !v86_ok) || !size_ok) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    desc_check_present(cpu, selector, code, EXCP_NP);
}

#define FRAME_MAX 10 /* GS FS DS ES SS ESP EFLAGS CS EIP error */

static unsigned frame_fill(CPUState *cpu, const Event *ev, bool with_stack, uint32_t eflags, uint64_t frame[FRAME_MAX])
{
    unsigned n = 0;
    if (cpu_v86(cpu)) {
        frame[n++] = cpu->seg[R_GS].selector;
        frame[n++] = cpu->seg[R_FS].selector;
        frame[n++] = cpu->seg[R_DS].selector;
        frame[n++] = cpu->seg[R_ES].selector;
    }
    if (with_stack) {
        frame[n++] = cpu->seg[R_SS].selector;
        frame[n++] = cpu->gpr[R_ESP];
    }
    frame[n++] = eflags;
    frame[n++] = cpu->seg[R_CS].selector;
    frame[n++] = cpu->eip;
    if (ev->has_error) {
        frame[n++] = ev->error;
    }
    return n;
}

static void drop_v86_segments(CPUState *cpu)
{
    seg_commit_null(cpu, R_GS, 0);
    seg_commit_null(cpu, R_FS, 0);
    seg_commit_null(cpu, R_DS, 0);
    seg_commit_null(cpu, R_ES, 0);
}

static uint32_t frame_eflags(CPUState *cpu, const Event *ev)
{
    uint32_t eflags = eflags_get(cpu);
    return ev->software ? eflags & ~RF_MASK : eflags | ev->rf;
}

static void deliver_gate(CPUState *cpu, const Event *ev, const Descriptor *gate)
{
    Descriptor code;
    uint64_t frame[FRAME_MAX];
    uint32_t eflags = frame_eflags(cpu, ev), ip = gate_offset(gate);
    unsigned size = desc_type(gate) & SYS_32 ? 4 : 2;
    bool was_v86 = cpu_v86(cpu);
    handler_check(cpu, gate_selector(gate), &code);
    bool inner = !desc_is_conforming(&code) && desc_dpl(&code) < cpu->cpl;
    unsigned cpl = inner ? desc_dpl(&code) : cpu->cpl;
    Stack st;
    if (inner) {
        stack_inner(cpu, cpl, &st);
    } else {
        stack_present(cpu, &st);
    }
    SegmentCache cs;
    seg_put_desc(&cs, &code, gate_selector(gate), SEG_A);
    code_check_limit(cpu, &cs, ip);
    unsigned n = frame_fill(cpu, ev, inner, eflags, frame);
    stack_push(cpu, &st, frame, n, size);
    desc_set_accessed(cpu, &code);
    eflags &= ~(TF_MASK | NT_MASK | RF_MASK | VM_MASK);
    bool interrupt_gate = !(desc_type(gate) & 1);
    eflags_set(cpu, interrupt_gate ? eflags & ~IF_MASK : eflags);
    stack_commit(cpu, &st);
    code_commit(cpu, &cs, ip, cpl);
    if (was_v86) {
        drop_v86_segments(cpu);
    }
}

/* RSP of the handler, before the frame: its own stack when the level changes or the gate says so (IST), aligned. */
static void handler_stack_long(CPUState *cpu, const Descriptor *gate, unsigned cpl, Stack *st)
{
    unsigned ist = gate->hi & 7;
    if (ist || cpl != cpu->cpl) {
        stack_long(cpu, cpl, ist, st);
    } else {
        stack_present(cpu, st);
        st->mask = ~0ull;
        st->flat = true; /* for compatibility mode's code too */
    }
    st->sp &= ~15ull;
}

static void deliver_long(CPUState *cpu, const Event *ev, const Descriptor *gate)
{
    Descriptor code;
    uint64_t frame[FRAME_MAX], ip = gate_offset(gate);
    uint32_t eflags = frame_eflags(cpu, ev);
    handler_check(cpu, gate_selector(gate), &code);
    unsigned cpl = desc_is_conforming(&code) ? cpu->cpl : desc_dpl(&code);
    Stack st;
    handler_stack_long(cpu, gate, cpl, &st);
    SegmentCache cs;
    seg_put_desc(&cs, &code, gate_selector(gate), SEG_A);
    code_check_limit(cpu, &cs, ip);
    unsigned n = frame_fill(cpu, ev, true, eflags, frame);
    stack_push(cpu, &st, frame, n, 8);
    desc_set_accessed(cpu, &code);
    bool interrupt_gate = !(desc_type(gate) & 1);
    eflags_set(cpu, eflags & ~(TF_MASK | NT_MASK | RF_MASK | (interrupt_gate ? IF_MASK : 0)));
    stack_commit(cpu, &st);
    code_commit(cpu, &cs, ip, cpl);
}

/* The error code goes to the new task's stack, in its TSS's width. */
static void deliver_task(CPUState *cpu, const Event *ev, const Descriptor *gate)
{
    Descriptor tss;
    task_check_tss(cpu, gate_selector(gate), &tss);
    task_switch(cpu, gate_selector(gate), &tss, TASK_INTERRUPT, cpu->eip, frame_eflags(cpu, ev));
    if (ev->has_error) {
        Stack st;
        stack_present(cpu, &st);
        uint64_t error = ev->error;
        stack_push(cpu, &st, &error, 1, desc_type(&tss) & SYS_32 ? 4 : 2);
        cpu->gpr[R_ESP] = st.sp;
    }
}

/* Not into deliver_caught(): where sigsetjmp() may return twice no variable stays in a register. */
static __attribute__((noinline)) void deliver(CPUState *cpu, const Event *ev)
{
    Descriptor gate;
    log_event(cpu, ev->software ? CPU_LOG_SOFTWARE : CPU_LOG_EVENT, ev->vector, ev->has_error ? ev->error : 0);
    if (!(cpu->cr0 & CR0_PE)) {
        deliver_real(cpu, ev);
        return;
    }
    idt_read(cpu, ev, &gate);
    if (cpu_long_mode(cpu)) {
        deliver_long(cpu, ev, &gate);
    } else if (desc_type(&gate) == SYS_TASK_GATE) {
        deliver_task(cpu, ev, &gate);
    } else {
        deliver_gate(cpu, ev, &gate);
    }
}

/* ---- faults in delivery ---- */

/* False when it faulted; then the fault is in exception_index. */
static bool deliver_caught(CPUState *cpu, const Event *ev)
{
    sigjmp_buf here, *const outer = cpu->fault_to;
    volatile bool ok = false;
    if (sigsetjmp(here, 0) == 0) {
        cpu->fault_to = &here;
        deliver(cpu, ev);
        ok = true;
    }
    cpu->fault_to = outer;
    return ok;
}

/* The exception that was raised, as an event. CR2 and DR7.GD change even if it never gets to its handler. */
static Event event_from_fault(CPUState *cpu)
{
    Event ev = { .vector = cpu->exception_index, .has_error = cpu->has_error_code, .error = cpu->error_code };
    ev.rf = RF_MASK;
    if (ev.vector == EXCP_PF) {
        cpu->cr2 = cpu->exception_cr2;
    }
    if (ev.vector == EXCP_DB) {
        ev.rf = ev.error == DR6_BD ? RF_MASK : 0; /* an instruction breakpoint leaves RF clear */
        cpu->dr[7] &= ~(uint64_t)DR7_GD;
    }
    return ev;
}

static bool is_contributory(int vector)
{
    return vector == EXCP_DE || (vector >= EXCP_TS && vector <= EXCP_GP);
}

/* Table 6-5. A hardware interrupt whose number is that of an exception is benign. */
static bool makes_double_fault(const Event *first, bool first_is_exception, int second)
{
    if (!first_is_exception) {
        return false;
    }
    if (is_contributory(first->vector)) {
        return is_contributory(second);
    }
    return first->vector == EXCP_PF && (is_contributory(second) || second == EXCP_PF);
}

static bool error_has_ext(int vector)
{
    return vector >= EXCP_TS && vector <= EXCP_GP;
}

/* Deliver an event that no handler of ours could pass on a fault for: exceptions, traps, hardware interrupts. */
static void deliver_event(CPUState *cpu, Event ev, bool is_exception)
{
    for (int attempt = 0; attempt < DELIVERY_ATTEMPTS; attempt++) {
        if (deliver_caught(cpu, &ev)) {
            return;
        }
        Event fault = event_from_fault(cpu);
        cpu->eip = cpu->insn_ip;
        if (is_exception && ev.vector == EXCP_DF) {
            break;
        }
        if (makes_double_fault(&ev, is_exception, fault.vector)) {
            fault = (Event){ .vector = EXCP_DF, .has_error = true, .rf = RF_MASK };
        } else if (fault.has_error && error_has_ext(fault.vector)) {
            fault.error |= ERROR_EXT;
        }
        ev = fault;
        is_exception = true;
    }
    cpu_shutdown(cpu);
}

void cpu_deliver_exception(CPUState *cpu)
{
    Event ev = event_from_fault(cpu);
    replay_exception();
    cpu->icount++;
    cpu->int_shadow = 0;
    cpu->pending_db = 0; /* the instruction's own data breakpoints: it will run again */
    cpu->eip = cpu->insn_ip;
    deliver_event(cpu, ev, true);
}

void cpu_deliver_debug_trap(CPUState *cpu)
{
    Event ev = { .vector = EXCP_DB };
    if (!cpu->pending_db || (cpu->int_shadow & SHADOW_MOVSS)) {
        return;
    }
    replay_exception();
    cpu->icount++;
    cpu->dr[6] |= cpu->pending_db;
    cpu->dr[7] &= ~(uint64_t)DR7_GD;
    cpu->pending_db = 0;
    cpu->int_shadow = 0;
    cpu->halted = false;
    cpu->insn_ip = cpu->eip;
    deliver_event(cpu, ev, true);
}

void cpu_software_interrupt(CPUState *cpu, int vector)
{
    Event ev = { .vector = vector, .software = true };
    deliver(cpu, &ev);
}

/* A fault in this delivery is reported with EXT set and at the INT1 itself. */
void cpu_icebp(CPUState *cpu)
{
    Event ev = { .vector = EXCP_DB };
    cpu->dr[7] &= ~(uint64_t)DR7_GD;
    deliver_event(cpu, ev, true);
}

/* ---- lines ---- */

void cpu_interrupt(CPUState *cpu, uint32_t mask)
{
    uint32_t fresh = mask & ~cpu->interrupt_request;
    cpu->interrupt_request |= mask;
    if (fresh) {
        cpus_kick_for_interrupt();
    }
}

void cpu_reset_interrupt(CPUState *cpu, uint32_t mask)
{
    cpu->interrupt_request &= ~mask;
}

/*
 * The event to take now, by priority; 0 when none. The instruction after STI, MOV SS, POP SS keeps all of them
 * waiting (for NMI and SMI after STI the manual leaves it open).
 */
static uint32_t next_interrupt(const CPUState *cpu)
{
    uint32_t request = cpu->interrupt_request;
    if (likely(!request) || cpu->int_shadow) {
        return 0;
    }
    if ((request & CPU_INTERRUPT_SMI) && !cpu->in_smm) {
        return CPU_INTERRUPT_SMI;
    }
    if ((request & CPU_INTERRUPT_INIT) && !cpu->in_smm) {
        return CPU_INTERRUPT_INIT;
    }
    if ((request & CPU_INTERRUPT_NMI) && !cpu->nmi_blocked) {
        return CPU_INTERRUPT_NMI;
    }
    return cpu->eflags & IF_MASK ? request & CPU_INTERRUPT_HARD : 0;
}

bool cpu_has_interrupt(CPUState *cpu)
{
    return next_interrupt(cpu) != 0;
}

static void begin_interrupt(CPUState *cpu)
{
    replay_interrupt();
    cpu->icount++;
    cpu->halted = false;
    cpu->insn_ip = cpu->eip;
}

static void take_nmi(CPUState *cpu)
{
    Event ev = { .vector = EXCP_NMI };
    begin_interrupt(cpu);
    cpu->interrupt_request &= ~CPU_INTERRUPT_NMI;
    cpu->nmi_blocked = true;
    deliver_event(cpu, ev, false);
}

static void take_smi(CPUState *cpu)
{
    bool halted = cpu->halted;
    begin_interrupt(cpu);
    cpu->interrupt_request &= ~CPU_INTERRUPT_SMI;
    log_event(cpu, CPU_LOG_SMI, 0, 0);
    cpu_enter_smm(cpu, halted);
}

/* The bootstrap processor starts again at the reset vector; a SIPI means nothing to it. */
static void take_init(CPUState *cpu)
{
    cpu->icount++;
    cpu->interrupt_request &= ~(CPU_INTERRUPT_INIT | CPU_INTERRUPT_SIPI);
    cpu_reset_on_init(cpu);
    cpu->halted = false;
}

/* No vector: the controller changed its mind, and will raise the line again when it has one. */
static bool take_intr(CPUState *cpu)
{
    int vector = cpu->intr_ack(cpu);
    if (vector < 0) {
        cpu->interrupt_request &= ~CPU_INTERRUPT_HARD;
        return false;
    }
    Event ev = { .vector = vector & 0xff };
    log_event(cpu, CPU_LOG_ACKNOWLEDGED, ev.vector, 0);
    begin_interrupt(cpu);
    deliver_event(cpu, ev, false);
    return true;
}

bool cpu_take_interrupt(CPUState *cpu)
{
    switch (next_interrupt(cpu)) {
    case CPU_INTERRUPT_SMI:
        take_smi(cpu);
        return true;
    case CPU_INTERRUPT_INIT:
        take_init(cpu);
        return true;
    case CPU_INTERRUPT_NMI:
        take_nmi(cpu);
        return true;
    case CPU_INTERRUPT_HARD:
        return take_intr(cpu);
    default:
        return false;
    }
}
