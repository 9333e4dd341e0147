/*
 * target/i386/far.c  Far JMP, CALL and RET: code segments, call gates, task gates, TSSs. SDM volume 2; 3A 5.8.
 *
 * Long mode: call gates have 16 bytes and lead to 64-bit code, without parameters; there are no tasks. m16:64 pointers
 * are taken with REX.W as Intel's processors do, whatever the model's vendor.
 */
#include "target/i386/handlers-sys.h"
#include "target/i386/seg.h"

#define GATE_PARAMETERS_MAX 31

void code_check_limit(CPUState *cpu, const SegmentCache *cs, uint64_t ip)
{
    bool code64 = cpu_long_mode(cpu) && (cs->attr & SEG_L);
    if (code64 ? !address_is_canonical(ip) : ip > cs->limit) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
}

void code_commit(CPUState *cpu, const SegmentCache *cs, uint64_t ip, unsigned cpl)
{
    seg_set_as(cpu, R_CS, cs, (cs->selector & ~3) | cpl);
    cpu->eip = ip;
    cpu_set_cpl(cpu, cpl);
}

void code_check_real(CPUState *cpu, uint64_t ip)
{
    code_check_limit(cpu, &cpu->seg[R_CS], ip);
}

void code_commit_real(CPUState *cpu, uint16_t selector, uint64_t ip)
{
    cpu_load_seg_real(cpu, R_CS, selector);
    cpu->eip = ip;
}

/* All checks passed but those of the offset: that one, then the accessed bit. */
static void code_accept(CPUState *cpu, uint16_t selector, Descriptor *d, uint64_t ip, SegmentCache *cs)
{
    seg_put_desc(cs, d, selector, SEG_A);
    code_check_limit(cpu, cs, ip);
    desc_set_accessed(cpu, d);
}

/* JMP and CALL straight to a code segment: the privilege cannot change. */
static void code_check_direct(CPUState *cpu, uint16_t selector, Descriptor *d, uint64_t ip, SegmentCache *cs)
{
    unsigned dpl = desc_dpl(d);
    bool ok = desc_is_conforming(d) ? dpl <= cpu->cpl : dpl == cpu->cpl && selector_rpl(selector) <= cpu->cpl;
    if (!desc_is_code(d) || !ok || desc_code_size_reserved(cpu, d)) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    desc_check_present(cpu, selector, d, EXCP_NP);
    code_accept(cpu, selector, d, ip, cs);
}

/* ---- through system descriptors ---- */

static void gate_check_privilege(CPUState *cpu, uint16_t selector, const Descriptor *d)
{
    unsigned dpl = desc_dpl(d);
    if (dpl < cpu->cpl || dpl < selector_rpl(selector)) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
}

static void far_tss(CPUState *cpu, uint16_t selector, Descriptor *d, TaskSwitch kind)
{
    gate_check_privilege(cpu, selector, d);
    task_check_tss(cpu, selector, d);
    task_switch(cpu, selector, d, kind, cpu->eip, cpu_get_eflags(cpu));
}

static void far_task_gate(CPUState *cpu, uint16_t selector, const Descriptor *gate, TaskSwitch kind)
{
    Descriptor tss;
    gate_check_privilege(cpu, selector, gate);
    desc_check_present(cpu, selector, gate, EXCP_NP);
    task_check_tss(cpu, gate_selector(gate), &tss);
    task_switch(cpu, gate_selector(gate), &tss, kind, cpu->eip, cpu_get_eflags(cpu));
}

/* The code segment a call gate names, in long mode 64-bit code. A JMP may not gain privilege by it. */
static void gate_require_code(CPUState *cpu, const Descriptor *gate, Descriptor *code, TaskSwitch kind)
{
    uint16_t selector = gate_selector(gate);
    desc_require(cpu, selector, code, EXCP_GP);
    bool same_level = kind == TASK_JMP && !desc_is_conforming(code);
    bool ok = same_level ? desc_dpl(code) == cpu->cpl : desc_dpl(code) <= cpu->cpl;
    bool size_ok = !cpu_long_mode(cpu) || (desc_is_code64(cpu, code) && !desc_code_size_reserved(cpu, code));
    if (!desc_is_code(code) || !ok || !size_ok) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    desc_check_present(cpu, selector, code, EXCP_NP);
}

static void call_same_level(CPUState *cpu, const SegmentCache *cs, uint64_t ip, unsigned size)
{
    Stack st;
    stack_present(cpu, &st);
    if (size == 8) { /* also through a gate from compatibility mode: the frame is the 64-bit code's */
        st.flat = true;
        st.mask = ~0ull;
    }
    uint64_t values[2] = { cpu->seg[R_CS].selector, cpu->eip };
    stack_push(cpu, &st, values, 2, size);
    cpu->gpr[R_ESP] = st.sp;
    code_commit(cpu, cs, ip, cpu->cpl);
}

/* Onto the inner stack: SS, ESP, the parameters from the outer stack, CS, EIP. */
static void call_inner(CPUState *cpu, const Descriptor *gate, Descriptor *code)
{
    unsigned size = desc_type(gate) & SYS_32 ? 4 : 2;
    unsigned count = gate->hi & GATE_PARAMETERS_MAX, n = 0;
    uint64_t values[GATE_PARAMETERS_MAX + 4];
    Stack st;
    SegmentCache cs;
    stack_inner(cpu, desc_dpl(code), &st);
    code_accept(cpu, gate_selector(gate), code, gate_offset(gate), &cs);
    values[n++] = cpu->seg[R_SS].selector;
    values[n++] = cpu->gpr[R_ESP];
    for (unsigned i = count; i-- > 0;) {
        values[n++] = stack_peek(cpu, i * size, size);
    }
    values[n++] = cpu->seg[R_CS].selector;
    values[n++] = cpu->eip;
    stack_push(cpu, &st, values, n, size);
    stack_commit(cpu, &st);
    code_commit(cpu, &cs, gate_offset(gate), desc_dpl(code));
}

static void call_inner_long(CPUState *cpu, const Descriptor *gate, Descriptor *code)
{
    uint64_t values[4] = { cpu->seg[R_SS].selector, cpu->gpr[R_ESP], cpu->seg[R_CS].selector, cpu->eip };
    Stack st;
    stack_long(cpu, desc_dpl(code), 0, &st);
    SegmentCache cs;
    code_accept(cpu, gate_selector(gate), code, gate_offset(gate), &cs);
    stack_push(cpu, &st, values, 4, 8);
    stack_commit(cpu, &st);
    code_commit(cpu, &cs, gate_offset(gate), desc_dpl(code));
}

static unsigned gate_size(const CPUState *cpu, const Descriptor *gate)
{
    return cpu_long_mode(cpu) ? 8 : desc_type(gate) & SYS_32 ? 4 : 2;
}

static void far_call_gate(CPUState *cpu, uint16_t selector, Descriptor *gate, TaskSwitch kind)
{
    Descriptor code;
    gate_check_privilege(cpu, selector, gate);
    desc_read_upper(cpu, selector, gate);
    desc_check_present(cpu, selector, gate, EXCP_NP);
    gate_require_code(cpu, gate, &code, kind);
    if (kind == TASK_CALL && !desc_is_conforming(&code) && desc_dpl(&code) < cpu->cpl) {
        if (cpu_long_mode(cpu)) {
            call_inner_long(cpu, gate, &code);
        } else {
            call_inner(cpu, gate, &code);
        }
        return;
    }
    uint64_t ip = gate_offset(gate);
    SegmentCache cs;
    code_accept(cpu, gate_selector(gate), &code, ip, &cs);
    if (kind == TASK_CALL) {
        call_same_level(cpu, &cs, ip, gate_size(cpu, gate));
    } else {
        code_commit(cpu, &cs, ip, cpu->cpl);
    }
}

/* Long mode knows one system descriptor here, the 64-bit call gate. */
static void far_system(CPUState *cpu, uint16_t selector, Descriptor *d, TaskSwitch kind)
{
    if (cpu_long_mode(cpu) && desc_type(d) != SYS_CALL32) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    switch (desc_type(d)) {
    case SYS_TSS16:
    case SYS_TSS32:
        far_tss(cpu, selector, d, kind);
        break;
    case SYS_TASK_GATE:
        far_task_gate(cpu, selector, d, kind);
        break;
    case SYS_CALL16:
    case SYS_CALL32:
        far_call_gate(cpu, selector, d, kind);
        break;
    default:
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
}

/* ---- JMP, CALL ---- */

static void far_jump(CPUState *cpu, uint16_t selector, uint64_t ip)
{
    Descriptor d;
    if (!cpu_protected(cpu)) {
        code_check_real(cpu, ip);
        code_commit_real(cpu, selector, ip);
        return;
    }
    desc_require(cpu, selector, &d, EXCP_GP);
    if (desc_is_system(&d)) {
        far_system(cpu, selector, &d, TASK_JMP);
        return;
    }
    SegmentCache cs;
    code_check_direct(cpu, selector, &d, ip, &cs);
    code_commit(cpu, &cs, ip, cpu->cpl);
}

static void far_call_real(CPUState *cpu, uint16_t selector, uint64_t ip, unsigned size)
{
    Stack st;
    stack_present(cpu, &st);
    uint64_t values[2] = { cpu->seg[R_CS].selector, cpu->eip };
    code_check_real(cpu, ip);
    stack_push(cpu, &st, values, 2, size);
    cpu->gpr[R_ESP] = st.sp;
    code_commit_real(cpu, selector, ip);
}

static void far_call(CPUState *cpu, uint16_t selector, uint64_t ip, unsigned size)
{
    Descriptor d;
    if (!cpu_protected(cpu)) {
        far_call_real(cpu, selector, ip, size);
        return;
    }
    desc_require(cpu, selector, &d, EXCP_GP);
    if (desc_is_system(&d)) {
        far_system(cpu, selector, &d, TASK_CALL);
        return;
    }
    SegmentCache cs;
    code_check_direct(cpu, selector, &d, ip, &cs);
    call_same_level(cpu, &cs, ip, size);
}

/* Immediate pointers: 64-bit mode has none. */
static uint32_t offset_of_size(uint64_t value, unsigned size)
{
    return size == 2 ? (uint16_t)value : (uint32_t)value;
}

static void jmp_far_imm(CPUState *cpu, const DecodedInsn *d)
{
    far_jump(cpu, d->imm >> 32, offset_of_size(d->imm, insn_op_bytes(d)));
}

static void call_far_imm(CPUState *cpu, const DecodedInsn *d)
{
    far_call(cpu, d->imm >> 32, offset_of_size(d->imm, insn_op_bytes(d)), insn_op_bytes(d));
}

static uint64_t load_far_pointer(CPUState *cpu, const DecodedInsn *d, uint16_t *selector)
{
    uint64_t ea = insn_ea(cpu, d);
    unsigned size = insn_op_bytes(d);
    uint64_t ip = size == 2   ? seg_ld16(cpu, d->seg, ea)
                  : size == 4 ? seg_ld32(cpu, d->seg, ea)
                              : seg_ld64(cpu, d->seg, ea);
    *selector = seg_ld16(cpu, d->seg, (ea + size) & d->ea_mask);
    return ip;
}

static void jmp_far_mem(CPUState *cpu, const DecodedInsn *d)
{
    uint16_t selector;
    uint64_t ip = load_far_pointer(cpu, d, &selector);
    far_jump(cpu, selector, ip);
}

static void call_far_mem(CPUState *cpu, const DecodedInsn *d)
{
    uint16_t selector;
    uint64_t ip = load_far_pointer(cpu, d, &selector);
    far_call(cpu, selector, ip, insn_op_bytes(d));
}

/* ---- RET ---- */

static void return_check_code(CPUState *cpu, uint16_t selector, Descriptor *d)
{
    desc_require(cpu, selector, d, EXCP_GP);
    unsigned rpl = selector_rpl(selector), dpl = desc_dpl(d);
    bool ok = desc_is_conforming(d) ? dpl <= rpl : dpl == rpl;
    if (!desc_is_code(d) || rpl < cpu->cpl || !ok || desc_code_size_reserved(cpu, d)) {
        cpu_raise_selector(cpu, EXCP_GP, selector);
    }
    desc_check_present(cpu, selector, d, EXCP_NP);
}

/* 64-bit code below level 3 may be given a null SS. */
static bool return_null_stack(const CPUState *cpu, const Descriptor *code, uint16_t ss, unsigned cpl)
{
    return selector_is_null(ss) && desc_is_code64(cpu, code) && cpl != 3 && selector_rpl(ss) == cpl;
}

static void return_check_stack(CPUState *cpu, FarReturn *r, const Descriptor *code, uint16_t ss, Descriptor *stack)
{
    if (return_null_stack(cpu, code, ss, r->cpl)) {
        seg_put(&r->ss, ss, 0, 0, 0, true);
        return;
    }
    seg_check_stack(cpu, ss, stack, r->cpl, EXCP_GP);
    seg_put_desc(&r->ss, stack, ss, SEG_A);
}

void far_return_check(CPUState *cpu, FarReturn *r, uint16_t cs, uint64_t ip, unsigned outer_offset, unsigned size)
{
    Descriptor code, stack;
    return_check_code(cpu, cs, &code);
    r->ip = ip;
    r->cpl = selector_rpl(cs);
    r->pops_stack |= r->cpl > cpu->cpl;
    if (r->pops_stack) {
        r->sp = stack_peek(cpu, outer_offset, size);
        return_check_stack(cpu, r, &code, stack_peek(cpu, outer_offset + size, size), &stack);
    }
    code_accept(cpu, cs, &code, ip, &r->cs);
    if (r->pops_stack && !r->ss.null) {
        desc_set_accessed(cpu, &stack);
    }
}

/* The stack pointer is as wide as the code that is returned to says. */
void far_return_commit(CPUState *cpu, const FarReturn *r, unsigned popped, unsigned parameters)
{
    bool outer = r->cpl > cpu->cpl;
    if (!r->pops_stack) {
        stack_release(cpu, popped + parameters);
        code_commit(cpu, &r->cs, r->ip, r->cpl);
        return;
    }
    seg_set(cpu, R_SS, &r->ss);
    code_commit(cpu, &r->cs, r->ip, r->cpl);
    stack_set_sp(cpu, r->sp);
    stack_release(cpu, parameters);
    if (outer) {
        seg_drop_inner_data(cpu);
    }
}

static void far_return(CPUState *cpu, unsigned size, unsigned parameters)
{
    FarReturn r;
    r.pops_stack = false;
    uint64_t ip = stack_peek(cpu, 0, size);
    uint16_t cs = stack_peek(cpu, size, size);
    if (!cpu_protected(cpu)) {
        code_check_real(cpu, ip);
        stack_release(cpu, 2 * size + parameters);
        code_commit_real(cpu, cs, ip);
        return;
    }
    far_return_check(cpu, &r, cs, ip, 2 * size + parameters, size);
    far_return_commit(cpu, &r, 2 * size, parameters);
}

static void ret_far(CPUState *cpu, const DecodedInsn *d)
{
    far_return(cpu, insn_op_bytes(d), 0);
}

static void ret_far_imm(CPUState *cpu, const DecodedInsn *d)
{
    far_return(cpu, insn_op_bytes(d), d->imm & 0xffff);
}

const InsnHandlers jmpf_Ap = HANDLERS_ALL(jmp_far_imm);
const InsnHandlers jmpf_Mp = HANDLERS_ALL(jmp_far_mem);
const InsnHandlers callf_Ap = HANDLERS_ALL(call_far_imm);
const InsnHandlers callf_Mp = HANDLERS_ALL(call_far_mem);
const InsnHandlers retf = HANDLERS_ALL(ret_far);
const InsnHandlers retf_Iw = HANDLERS_ALL(ret_far_imm);
