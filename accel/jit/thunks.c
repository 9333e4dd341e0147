/*
 * accel/jit/thunks.c  Between translated code and C: entering, leaving, slow memory accesses, instructions run by their
 * handler.
 */
#include "accel/interp/interp.h"
#include "accel/jit/jit-private.h"
#include "target/i386/hostfloat.h"

JitThunks jit_thunks[2];
bool jit_flags_out;

enum { RESULT_DONE = 0, RESULT_LEAVE = 1, RESULT_RESUME = 2 }; /* anything else: a host address */

/* ---- C side ---- */

static const JitSite *running; /* C code runs for it */

void jit_latch_of_site(CPUState *cpu)
{
    if (cpu->fetch_page == JIT_LATCH_RUNNING) {
        jit_set_latch(cpu, running->jb->last_place);
    }
}

/* CPUState as the interpreter has it before the instruction, but for the latch; budget: what R14 says. */
static void make_precise(CPUState *cpu, const JitSite *site, int64_t budget)
{
    cpu->insn = site->d;
    cpu->insn_ip = site->ip;
    cpu->eip = site->next_ip;
    cpu->icount = cpu->icount_limit - budget - site->left;
    running = site;
    interp_set_running(site->block);
    if (cpu->jit.x87_loaded) {
        jit_x87_note_pointers(cpu, site);
    }
}

/*
 * An interrupt point at which nothing waits. The shadow of STI and MOV SS lasts for an instruction that runs in this
 * slice, without anything that it could keep waiting: it cannot be seen, unless the block ends here.
 */
static bool pass_interrupt_point(CPUState *cpu, const JitSite *site)
{
    bool waits = cpu->interrupt_request | cpu->pending_db | (cpu->eflags & (TF_MASK | RF_MASK)) | cpu->halted |
                 g_atomic_int_get(&cpu->exit_request);
    if (waits || (cpu->int_shadow && site->left < 2) || cpu->mode != site->ctx->mode) {
        return false;
    }
    cpu->int_point = false;
    cpu->int_shadow = 0;
    cpu->run_end = site->d; /* any instruction */
    return true;
}

/*
 * The instruction moved the end of the slice, as a device does when it arms a timer. Is it still behind the block? Code
 * that keeps the budget in a register cannot be told.
 */
static bool budget_follows(CPUState *cpu, const JitSite *site)
{
    int64_t behind = cpu->icount_limit - cpu->icount - (site->left - 1);
    if (!jit_context_is_64(site->ctx) || behind <= 0) {
        return false;
    }
    cpu->jit.budget = behind;
    return true;
}

/* After the handler: does the block go on? If not, icount has to be right. */
static uintptr_t finish(CPUState *cpu, const JitSite *site, int64_t limit)
{
    cpu->icount++;
    interp_set_running(NULL);
    bool goes_on = cpu->eip == site->next_ip && !site->ends_block && site->jb->block && cpu->fetch_page;
    goes_on = goes_on && (cpu->icount_limit == limit ? cpu->icount < limit : budget_follows(cpu, site));
    goes_on = goes_on && !g_atomic_int_get(&cpu->exit_request);
    goes_on = goes_on && cpu->run_end && (cpu->run_end != RUN_END_INT_POINT || pass_interrupt_point(cpu, site));
    if (goes_on && site->may_change_context) {
        goes_on = jit_context_matches(cpu, site->ctx);
    }
    return goes_on ? RESULT_DONE : RESULT_LEAVE;
}

/*
 * The instruction was the last of its block: on with the next one at once, at cpu->jit.tmp, when it is known. Most
 * changes of privilege, and everything else that is left to its handler, pass here.
 */
static uintptr_t resume(CPUState *cpu, JitSite *site, uint64_t generation)
{
    jit_latch_of_site(cpu);
    if (jit_config.no_links || cpu->eip == cpu->insn_ip || generation != jit_generation) {
        return RESULT_LEAVE;
    }
    const JitBlock *jb = jit_next_block(cpu, site->follows);
    site->follows = jb;
    if (!jb) {
        return RESULT_LEAVE;
    }
    jit_stats.resumed++;
    cpu->jit.ctx = jb->ctx->id;
    cpu->fetch_page = JIT_LATCH_RUNNING;
    cpu->jit.sse_loaded = false; /* the other block may have more registers, or none */
    cpu->run_end = cpu->insn;    /* anything but NULL */
    cpu->jit.tmp = (uintptr_t)jb->entry;
    return RESULT_RESUME;
}

static uintptr_t run_handler(CPUState *cpu, JitSite *site)
{
    int64_t limit = cpu->icount_limit;
    uint64_t generation = jit_generation;
    jit_stats.handler_calls++;
    if (cpu->jit.x87_loaded) {
        jit_x87_save(cpu);
    }
    if (site->uses_flags) {
        jit_flags_to_cc(cpu);
        jit_flags_out = false;
        site->d->exec(cpu, site->d);
        jit_flags_from_cc(cpu);
        jit_flags_out = true;
    } else {
        site->d->exec(cpu, site->d);
    }
    uintptr_t result = finish(cpu, site, limit);
    return result == RESULT_LEAVE ? resume(cpu, site, generation) : result;
}

static uintptr_t call_handler(void *biased, JitSite *site, uint64_t la, int64_t budget)
{
    CPUState *cpu = (CPUState *)((uint8_t *)biased - CPU_BIAS);
    (void)la;
    make_precise(cpu, site, budget);
    if (unlikely(site->of_group)) {
        jit_group_failed(cpu, site->jb);
    }
    return run_handler(cpu, site);
}

/*
 * The inline probe missed. What the TLB can settle is settled here, with the fills and faults that the handler would
 * see; for the rest (MMIO, code pages, watchpoints, page crossing) the handler does the whole instruction.
 */
static uintptr_t slow_access(void *biased, JitSite *site, uint64_t la, int64_t budget)
{
    CPUState *cpu = (CPUState *)((uint8_t *)biased - CPU_BIAS);
    jit_stats.slow_accesses++;
    make_precise(cpu, site, budget);
    if ((la & ~PAGE_MASK) + site->size <= PAGE_SIZE && address_is_canonical(la)) {
        void *host = cpu_host_ptr(cpu, la, site->size, site->write ? ACCESS_WRITE : ACCESS_READ, cpu->mmu_mode);
        if (host) {
            interp_set_running(NULL);
            return (uintptr_t)host;
        }
    }
    if (site->of_group) {
        jit_group_failed(cpu, site->jb);
    }
    return run_handler(cpu, site);
}

static uintptr_t load_x87(void *biased, const JitSite *site, uint64_t la, int64_t budget)
{
    (void)site;
    (void)la;
    (void)budget;
    return jit_x87_load((CPUState *)((uint8_t *)biased - CPU_BIAS)) ? (uintptr_t)biased : RESULT_DONE;
}

/* The thunk does the rest. */
static uintptr_t load_sse(void *biased, const JitSite *site, uint64_t la, int64_t budget)
{
    CPUState *cpu = (CPUState *)((uint8_t *)biased - CPU_BIAS);
    (void)site;
    (void)la;
    (void)budget;
    cpu->jit.sse_loaded = jit_sse_can_load(cpu);
    jit_stats.sse_loads++;
    return cpu->jit.sse_loaded ? (uintptr_t)biased : RESULT_DONE;
}

/* ---- generated side ---- */

static const struct {
    uint8_t guest, host;
} pinned[] = {
    { R_EAX, H_RAX }, { R_ECX, H_RCX }, { R_EDX, H_RDX }, { R_EBX, H_RBX },
    { R_ESP, H_R12 }, { R_EBP, H_RBP }, { R_ESI, H_RSI }, { R_EDI, H_RDI },
};

static void spill(Emit *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(pinned); i++) {
        em_store(e, 3, pinned[i].host, H_CPU, CPU_REG_OFF(pinned[i].guest));
    }
}

static void reload(Emit *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(pinned); i++) {
        em_load(e, 3, pinned[i].host, H_CPU, CPU_REG_OFF(pinned[i].guest));
    }
}

/* XMM registers and MXCSR, while they are the guest's: `opcode` 0F10h loads them, 0F11h stores them. */
static void move_sse_state(Emit *e, unsigned opcode, bool code64)
{
    em_alu_mi(e, 0, ALU_CMP, H_CPU, CPU_OFF(jit.sse_loaded), 0);
    uint8_t *skip = em_jcc_later(e, COND_E);
    for (unsigned i = 0; i < (code64 ? 16 : 8); i++) {
        em_rm(e, 2, opcode, i, H_CPU, (int32_t)(offsetof(CPUState, xmm) + i * sizeof(XMMReg)) - CPU_BIAS);
    }
    if (opcode == 0x0f10) {
        em_rm(e, 2, 0x0fae, 2, H_CPU, CPU_OFF(mxcsr)); /* ldmxcsr */
    } else {
        em_rm(e, 2, 0x0fae, 3, H_CPU, CPU_OFF(mxcsr)); /* stmxcsr */
        em_ra(e, 2, 0x0fae, 2, jit_host_mxcsr);
    }
    em_patch(skip, e->rx_delta, em_here(e));
}

static const uint8_t callee_saved[] = { H_RBX, H_RBP, H_R12, H_R13, H_R14, H_R15 };

static void push_pop(Emit *e, unsigned opcode, unsigned reg)
{
    if (reg & 8) {
        em8(e, 0x41);
    }
    em8(e, opcode | (reg & 7));
}

/* reg = icount_limit - counter */
static void limit_minus(Emit *e, unsigned reg, int32_t counter)
{
    em_load(e, 3, reg, H_CPU, CPU_OFF(icount_limit));
    em_rm(e, 3, 0x2b, reg, H_CPU, counter);
}

static void emit_enter(Emit *e, JitThunks *thunks, bool code64)
{
    thunks->enter = (JitExit * (*)(void *, const uint8_t *))(uintptr_t)em_here(e);
    for (size_t i = 0; i < ARRAY_SIZE(callee_saved); i++) {
        push_pop(e, 0x50, callee_saved[i]);
    }
    em_alu_ri(e, 3, ALU_SUB, H_RSP, 8);
    em_ra(e, 3, 0x89, H_RSP, &jit_returns->c_sp);
    em_ra(e, 3, 0x8b, H_RSP, &jit_returns->sp);
    em_mov_rr(e, 3, H_CPU, H_RDI);
    em_mov_rr(e, 3, H_ADDR, H_RSI);
    limit_minus(e, H_BUDGET, CPU_OFF(icount));
    if (code64) {
        em_store(e, 3, H_BUDGET, H_CPU, CPU_OFF(jit.budget));
    }
    reload(e);
    em_rr(e, 2, 0xff, 4, H_ADDR); /* jmp r8 */
}

/* To C, on its stack. */
static void emit_return(Emit *e)
{
    em_ra(e, 3, 0x8b, H_RSP, &jit_returns->c_sp);
    em_alu_ri(e, 3, ALU_ADD, H_RSP, 8);
    for (size_t i = ARRAY_SIZE(callee_saved); i-- > 0;) {
        push_pop(e, 0x58, callee_saved[i]);
    }
    em8(e, 0xc3);
}

static void emit_exit(Emit *e, JitThunks *thunks, bool code64)
{
    thunks->indirect = em_here(e);
    em_store(e, 3, H_ADDR, H_CPU, CPU_OFF(eip));
    em_mov_ri64(e, H_T1, (uintptr_t)&jit_exit_indirect_record);
    thunks->exit = em_here(e);
    em_ra(e, 3, 0x89, H_RSP, &jit_returns->sp);
    spill(e);
    move_sse_state(e, 0x0f11, code64);
    if (!code64) {
        em_store(e, 3, H_BUDGET, H_CPU, CPU_OFF(jit.budget));
    }
    limit_minus(e, H_RDX, CPU_OFF(jit.budget));
    em_store(e, 3, H_RDX, H_CPU, CPU_OFF(icount));
    em_mov_rr(e, 3, H_RAX, H_T1);
    emit_return(e);
}

static uint8_t *jump_if(Emit *e, unsigned reg, int32_t value)
{
    em_alu_ri(e, 3, ALU_CMP, reg, value);
    return em_jcc_later(e, COND_E);
}

/* On at cpu->jit.tmp, in code of either kind. By returning: there was a call, and the host counts them. */
static void emit_resume(Emit *e)
{
    em_ra(e, 3, 0x8b, H_RSP, &jit_returns->sp);
    limit_minus(e, H_BUDGET, CPU_OFF(icount));
    em_store(e, 3, H_BUDGET, H_CPU, CPU_OFF(jit.budget));
    reload(e);
    em_rm(e, 2, 0xff, 6, H_CPU, CPU_OFF(jit.tmp)); /* push */
    em8(e, 0xc3);
}

/* Called from a block. C may leave by siglongjmp(), or forget all code: then it goes back to C. */
static const uint8_t *emit_call_c(Emit *e, const void *function, bool code64)
{
    const uint8_t *start = em_here(e);
    spill(e);
    move_sse_state(e, 0x0f11, code64);
    em_rm(e, 3, 0x8d, H_RAX, H_RSP, 8);
    em_ra(e, 3, 0x89, H_RAX, &jit_returns->sp);
    em_ra(e, 3, 0x8b, H_RSP, &jit_returns->c_sp);
    em_mov_rr(e, 3, H_RDI, H_CPU);
    em_mov_rr(e, 3, H_RSI, H_T1);
    em_mov_rr(e, 3, H_RDX, H_ADDR);
    if (code64) {
        em_load(e, 3, H_RCX, H_CPU, CPU_OFF(jit.budget));
    } else {
        em_mov_rr(e, 3, H_RCX, H_BUDGET);
    }
    em_mov_ri64(e, H_RAX, (uintptr_t)function);
    em_rr(e, 2, 0xff, 2, H_RAX);
    uint8_t *leave = jump_if(e, H_RAX, RESULT_LEAVE), *resumed = jump_if(e, H_RAX, RESULT_RESUME);
    em_mov_rr(e, 3, H_ADDR, H_RAX);
    move_sse_state(e, 0x0f10, code64);
    reload(e);
    em_ra(e, 3, 0x8b, H_RSP, &jit_returns->sp);
    em_rm(e, 3, 0x8d, H_RSP, H_RSP, -8);
    em_rr(e, 3, 0x85, H_ADDR, H_ADDR);
    em8(e, 0xc3);
    em_patch(leave, e->rx_delta, em_here(e));
    em_mov_ri64(e, H_RAX, (uintptr_t)&jit_exit_leave_record);
    emit_return(e);
    em_patch(resumed, e->rx_delta, em_here(e));
    emit_resume(e);
    return start;
}

JitExit jit_exit_leave_record = { .kind = JIT_EXIT_LEAVE }, jit_exit_indirect_record = { .kind = JIT_EXIT_INDIRECT };
const uint8_t *jit_mispredicted, *jit_no_return;

static void emit_mispredicted(Emit *e)
{
    jit_no_return = em_here(e);
    em_rm(e, 3, 0x8d, H_RSP, H_RSP, -8);
    jit_mispredicted = em_here(e);
    em_load(e, 2, H_T2, H_T1, offsetof(JitRet, miss));
    em_rr(e, 2, 0xff, 4, H_T2); /* jmp */
}

static void emit_thunks(Emit *e, JitThunks *thunks, bool code64)
{
    emit_enter(e, thunks, code64);
    emit_exit(e, thunks, code64);
    thunks->handler = emit_call_c(e, (const void *)call_handler, code64);
    thunks->access = emit_call_c(e, (const void *)slow_access, code64);
    thunks->x87_load = emit_call_c(e, (const void *)load_x87, code64);
    thunks->sse_load = emit_call_c(e, (const void *)load_sse, code64);
}

const uint8_t *jit_refill[2][NB_MMU_MODES][2][5];

static void emit_refills(Emit *e)
{
    for (unsigned i = 0; i < 2 * NB_MMU_MODES * 2 * 5; i++) {
        unsigned log = i % 5, write = i / 5 % 2, mode = i / 10 % NB_MMU_MODES, code64 = i / 10 / NB_MMU_MODES;
        ProbeKind kind = { .code64 = code64, .write = write, .mmu_mode = (int)mode, .size = 1u << log };
        jit_refill[code64][mode][write][log] = mem_emit_refill(e, &kind);
    }
}

void jit_thunks_emit(void)
{
    Emit e = { .p = jit_cache.rw, .rx_delta = jit_cache.rx - jit_cache.rw };
    emit_mispredicted(&e);
    emit_thunks(&e, &jit_thunks[false], false);
    emit_thunks(&e, &jit_thunks[true], true);
    emit_refills(&e);
    jit_cache.kept = jit_cache.used = (size_t)(e.p - jit_cache.rw + 63) & ~(size_t)63;
}
