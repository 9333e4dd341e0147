/*
 * accel/jit/translate-branch.c  How a block begins and ends: budget, jumps, calls, returns, and the stubs behind the
 * block.
 *
 * What the interpreter does between two blocks has to happen here too, in its order: exit_request, the budget, then the
 * fetch latch when control enters another page.
 */
#include "accel/jit/translate.h"

static uint64_t linear_page(const Translator *t, uint64_t ip)
{
    return (t->ctx->cs_base + ip) & (t->code64 ? PAGE_MASK : (uint32_t)PAGE_MASK);
}

/* Where the fetch latch is when the block ends. */
static uint64_t last_page(const Translator *t)
{
    return linear_page(t, t->jb->eip) + (t->from[0]->crosses ? PAGE_SIZE : 0);
}

static JitExit *new_exit(Translator *t, JitExitKind kind, uint64_t eip, uint8_t *jump)
{
    JitExit *exit = code_cache_alloc_data(&jit_cache, sizeof(*exit));
    *exit = (JitExit){ .kind = kind, .eip = eip, .ctx = t->ctx, .block = t->from[t->k], .phys_page = ~0ull };
    lockstep_assert(t->nb_stubs < MAX_STUBS, "jit: too many ways out of a block");
    t->stubs[t->nb_stubs++] = (Stub){ .exit = exit, .jump = jump };
    return exit;
}

static uint8_t *emit_poll(Emit *e)
{
    em_alu_mi(e, 2, ALU_CMP, H_CPU, CPU_OFF(exit_request), 0);
    return em_jcc_later(e, COND_NE);
}

static int64_t tlb_off(const Translator *t, uint64_t page, size_t table, size_t entry_size, size_t member)
{
    size_t index = (page >> PAGE_BITS) & (TLB_SIZE - 1);
    return (int64_t)(table + (t->mmu_mode * TLB_SIZE + index) * entry_size + member) - CPU_BIAS;
}

/*
 * Into a known page: only through a valid fetch entry of the TLB that leads to the physical page *phys; the latch is
 * set. Both jumps are taken when not.
 */
static void emit_enter_page(Translator *t, uint64_t page, const uint64_t *phys, uint8_t *out[2])
{
    Emit *e = &t->e;
    em_mov_ri64(e, H_T1, page);
    em_rm(e, 3, 0x3b, H_T1, H_CPU,
          (int32_t)tlb_off(t, page, offsetof(CPUState, tlb_fast), sizeof(TLBFast), offsetof(TLBFast, exec)));
    out[0] = em_jcc_later(e, COND_NE);
    em_load(e, 3, H_T2, H_CPU,
            (int32_t)tlb_off(t, page, offsetof(CPUState, tlb), sizeof(TLBEntry), offsetof(TLBEntry, phys)));
    em_alu_ri(e, 3, ALU_AND, H_T2, (int32_t)PAGE_MASK);
    em_ra(e, 3, 0x3b, H_T2, phys);
    out[1] = em_jcc_later(e, COND_NE);
    em_store(e, 3, H_T2, H_CPU, CPU_OFF(fetch_phys));
    em_alu_ri(e, 3, ALU_OR, H_T1, TLB_VALID);
    em_store(e, 3, H_T1, H_CPU, CPU_OFF(fetch_page));
}

/*
 * The rest of the block's only instruction is on the next page: as when control enters that. A miss goes back to the
 * dispatcher, which fetches and so fills.
 */
static void enter_second_page(Translator *t)
{
    uint8_t *misses[2];
    emit_enter_page(t, linear_page(t, t->jb->eip) + PAGE_SIZE, &t->jb->second_page, misses);
    for (size_t i = 0; i < ARRAY_SIZE(misses); i++) {
        new_exit(t, JIT_EXIT_POLL, t->jb->eip, misses[i])->refund = t->n;
    }
}

static void emit_budget(Translator *t, unsigned op, unsigned insns)
{
    if (t->code64) {
        em_alu_mi(&t->e, 3, op, H_CPU, CPU_OFF(jit.budget), (int32_t)insns);
    } else {
        em_alu_ri(&t->e, 3, op, H_BUDGET, (int32_t)insns);
    }
}

void emit_entry(Translator *t)
{
    Emit *e = &t->e;
    t->jb->entry = em_here(e);
    new_exit(t, JIT_EXIT_POLL, t->jb->eip, emit_poll(e));
    t->jb->forward = em_here(e);
    emit_budget(t, ALU_SUB, t->n);
    new_exit(t, JIT_EXIT_BUDGET, t->jb->eip, em_jcc_later(e, COND_S))->refund = t->n;
    states_guard(t, 0, t->jb->eip); /* it may leave: before the latch changes */
    if (t->from[0]->crosses) {
        enter_second_page(t);
    }
}

void emit_link(Translator *t, uint8_t *jump, uint64_t target)
{
    JitExit *exit = new_exit(t, JIT_EXIT_LINK, target, jump);
    exit->crosses = linear_page(t, target) != last_page(t);
    exit->backward = target <= t->ip;
    exit->patch = jump;
    exit->sibling = t->jb->links;
    t->jb->links = exit;
    Stub *stub = &t->stubs[t->nb_stubs - 1];
    stub->flags = t->flags;
    stub->refund = t->n - t->k - 1;
}

/* ---- stubs ---- */

static void emit_exit(Translator *t, const JitExit *exit)
{
    em_mov_ri32(&t->e, H_T1, (uint32_t)(uintptr_t)exit);
    em_jmp(&t->e, t->thunks->exit);
}

/* Before control enters another page: what ends a slice goes first. Both jumps lead out. */
static void emit_slice_end(Translator *t, uint8_t *out[2])
{
    Emit *e = &t->e;
    out[0] = emit_poll(e);
    if (t->code64) {
        em_alu_mi(e, 3, ALU_CMP, H_CPU, CPU_OFF(jit.budget), 0);
    } else {
        em_rr(e, 3, 0x85, H_BUDGET, H_BUDGET);
    }
    out[1] = em_jcc_later(e, COND_LE);
}

static void emit_crossing(Translator *t, JitExit *exit)
{
    Emit *e = &t->e;
    uint64_t page = linear_page(t, exit->eip);
    uint8_t *out[5];
    emit_slice_end(t, out);
    emit_enter_page(t, page, &exit->phys_page, out + 2);
    exit->patch = out[4] = em_jmp_later(e);
    exit->stub = em_here(e);
    for (size_t i = 0; i < ARRAY_SIZE(out); i++) {
        em_patch(out[i], e->rx_delta, exit->stub);
    }
    emit_exit(t, exit);
}

/* Out of the block's middle: what it has left undone. */
static void emit_side_exit(Translator *t, Stub *stub)
{
    Emit *e = &t->e;
    em_patch(stub->jump, e->rx_delta, em_here(e));
    if (!stub->flags.mem) {
        flags_emit_save(e, stub->flags.af_bad);
    }
    emit_budget(t, ALU_ADD, stub->refund);
    stub->exit->patch = stub->jump = em_jmp_later(e);
}

void emit_side_exits(Translator *t)
{
    for (unsigned i = 0; i < t->nb_stubs; i++) {
        if (t->stubs[i].refund) {
            emit_side_exit(t, &t->stubs[i]);
        }
    }
}

void emit_stubs(Translator *t)
{
    Emit *e = &t->e;
    for (unsigned i = 0; i < t->nb_stubs; i++) {
        JitExit *exit = t->stubs[i].exit;
        em_patch(t->stubs[i].jump, e->rx_delta, em_here(e));
        if (exit->crosses) {
            emit_crossing(t, exit);
        } else {
            exit->stub = em_here(e);
            emit_exit(t, exit);
        }
    }
}

/*
 * ---- indirect branches: the target is in H_ADDR. What is in the cache has run before, so only a miss can be a target
 * that faults. ----
 */

static JitExit indirect_exit = { .kind = JIT_EXIT_INDIRECT };

/* The target is known to be a good one: the return takes effect. Keeps flags. */
static void emit_release(Translator *t)
{
    if (t->indirect_release) {
        em_rm(&t->e, native_size(t), 0x8d, H_R12, H_R12, t->indirect_release);
    }
}

/* An indirect target that is not canonical: #GP before anything changes. */
static void check_target(Translator *t)
{
    if (t->code64) {
        em_mov_rr(&t->e, 3, H_T1, H_ADDR);
        em_shift_ri(&t->e, 3, 4, H_T1, 16);
        em_shift_ri(&t->e, 3, 7, H_T1, 16);
        em_alu_rr(&t->e, 3, ALU_CMP, H_T1, H_ADDR);
        handler_if(t, COND_NE);
    }
}

/* H_T2: JitBlock, H_T1: its page tag. Same conditions as emit_crossing(). No copy of a guest register is alive here. */
static void emit_indirect_cross(Translator *t, uint8_t *misses[4])
{
    Emit *e = &t->e;
    em_patch(t->indirect_cross, e->rx_delta, em_here(e));
    emit_slice_end(t, misses);
    em_load(e, 3, H_R10, H_T2, offsetof(JitBlock, exec_off));
    em_rm(e, 3, 0x8d, H_R11, H_T1, -1);
    em_rx(e, 3, 0x3b, H_R11, H_CPU, H_R10, 0, 0);
    misses[2] = em_jcc_later(e, COND_NE);
    em_load(e, 3, H_R10, H_T2, offsetof(JitBlock, phys_off));
    em_rx(e, 3, 0x8b, H_R10, H_CPU, H_R10, 0, 0);
    em_alu_ri(e, 3, ALU_AND, H_R10, (int32_t)PAGE_MASK);
    em_rm(e, 3, 0x3b, H_R10, H_T2, offsetof(JitBlock, phys_page));
    misses[3] = em_jcc_later(e, COND_NE);
    em_store(e, 3, H_R10, H_CPU, CPU_OFF(fetch_phys));
    em_store(e, 3, H_T1, H_CPU, CPU_OFF(fetch_page));
    emit_release(t);
    em_rm(e, 2, 0xff, 4, H_T2, offsetof(JitBlock, forward));
}

static void emit_indirect_cold(Translator *t)
{
    Emit *e = &t->e;
    uint8_t *misses[4];
    emit_indirect_cross(t, misses);
    for (size_t i = 0; i < 4; i++) {
        em_patch(misses[i], e->rx_delta, em_here(e));
    }
    for (size_t i = 0; i < ARRAY_SIZE(t->indirect_miss); i++) {
        em_patch(t->indirect_miss[i], e->rx_delta, em_here(e));
    }
    check_target(t);
    emit_release(t);
    em_store(e, 3, H_ADDR, H_CPU, CPU_OFF(eip));
    em_mov_ri64(e, H_T1, (uintptr_t)&indirect_exit);
    em_jmp(e, t->thunks->exit);
}

static void emit_indirect(Translator *t)
{
    Emit *e = &t->e;
    int32_t table = (int32_t)(uintptr_t)jit_ibtc;
    em_mov_rr(e, 2, H_T1, H_ADDR);
    em_shift_ri(e, 2, 5, H_T1, JIT_IBTC_FOLD);
    em_alu_rr(e, 2, ALU_XOR, H_T1, H_ADDR);
    em_alu_ri(e, 2, ALU_AND, H_T1, JIT_IBTC_SIZE - 1);
    em_shift_ri(e, 2, 4, H_T1, 4);
    _Static_assert(sizeof(JitIBTC) == 16, "scaled by shifting");
    em_rm(e, 3, 0x39, H_ADDR, H_T1, table + (int32_t)offsetof(JitIBTC, eip));
    t->indirect_miss[0] = em_jcc_later(e, COND_NE);
    em_rm(e, 2, 0x81, ALU_CMP, H_T1, table + (int32_t)offsetof(JitIBTC, ctx));
    em32(e, t->ctx->id);
    t->indirect_miss[1] = em_jcc_later(e, COND_NE);
    em_load(e, 2, H_T2, H_T1, table + (int32_t)offsetof(JitIBTC, block));
    em_load(e, 3, H_T1, H_T2, offsetof(JitBlock, page_tag));
    em_rm(e, 3, 0x3b, H_T1, H_CPU, CPU_OFF(fetch_page));
    t->indirect_cross = em_jcc_later(e, COND_NE);
    /* The same linear page of another process is other memory. */
    em_load(e, 3, H_R10, H_T2, offsetof(JitBlock, phys_page));
    em_rm(e, 3, 0x3b, H_R10, H_CPU, CPU_OFF(fetch_phys));
    t->indirect_miss[2] = em_jcc_later(e, COND_NE);
    emit_release(t);
    em_rm(e, 2, 0xff, 4, H_T2, offsetof(JitBlock, entry));
    switch_part(t);
    emit_indirect_cold(t);
    switch_part(t);
}

/* ---- rules ---- */

static uint64_t target_of(const DecodedInsn *d, uint64_t next_ip)
{
    static const uint64_t masks[4] = { 0, UINT16_MAX, UINT32_MAX, UINT64_MAX };
    return (next_ip + d->imm) & masks[d->op_size];
}

/* In the middle of the block: out of it when the condition is not what leads to the next instruction. */
static void leave_unless_likely(Translator *t)
{
    bool taken = t->ips[t->k + 1] != t->next_ip;
    unsigned cond = flags_want_condition(t, t->d->info->opcode & 15);
    emit_link(t, em_jcc_later(&t->e, taken ? cond ^ 1 : cond), taken ? t->next_ip : target_of(t->d, t->next_ip));
}

static void rule_jcc(Translator *t)
{
    FlagState *f = &t->flags;
    if (is_side_exit(t, t->k)) {
        leave_unless_likely(t);
        return;
    }
    if (f->host || !f->mem) {
        flags_want_host(t);
    }
    flags_want_mem(t);
    unsigned cond = flags_want_condition(t, t->d->info->opcode & 15);
    emit_link(t, em_jcc_later(&t->e, cond), target_of(t->d, t->next_ip));
    emit_link(t, em_jmp_later(&t->e), t->next_ip);
}

static void rule_jmp(Translator *t)
{
    if (t->k + 1 < t->n) {
        return; /* the block goes on there */
    }
    flags_want_mem(t);
    emit_link(t, em_jmp_later(&t->e), target_of(t->d, t->next_ip));
}

/* [H_ADDR] = return address, and ESP moves. */
static void finish_call(Translator *t)
{
    unsigned size = native_size(t);
    if ((t->next_ip & UINT32_MAX) == t->next_ip && (size == 2 || t->next_ip <= INT32_MAX)) {
        em_rm(&t->e, size, 0xc7, 0, H_ADDR, 0);
        em32(&t->e, (uint32_t)t->next_ip);
    } else {
        em_mov_ri64(&t->e, H_T1, t->next_ip);
        em_store(&t->e, size, H_T1, H_ADDR, 0);
    }
    em_rm(&t->e, size, 0x8d, H_R12, H_R12, -(1 << size));
}

static void call_probe(Translator *t)
{
    int32_t bytes = 1 << native_size(t);
    mem_stack(t, R_ESP, -bytes, (unsigned)bytes, true);
}

static void rule_call(Translator *t)
{
    flags_want_mem(t);
    call_probe(t);
    finish_call(t);
    emit_link(t, em_jmp_later(&t->e), target_of(t->d, t->next_ip));
}

static void rule_ret(Translator *t)
{
    int32_t release = t->d->info->opcode == 0xc2 ? (uint16_t)t->d->imm : 0, bytes = 1 << native_size(t);
    flags_want_mem(t);
    mem_stack(t, R_ESP, 0, (unsigned)bytes, false);
    em_load(&t->e, native_size(t), H_ADDR, H_ADDR, 0);
    t->indirect_release = bytes + release;
    emit_indirect(t);
}

static void target_operand(Translator *t)
{
    flags_want_mem(t);
    if (insn_is_mem(t->d)) {
        mem_operand(t, 1u << native_size(t), false);
        em_load(&t->e, native_size(t), H_ADDR, H_ADDR, 0);
    } else {
        em_mov_rr(&t->e, native_size(t), H_ADDR, host_reg(t, t->d->rm));
    }
}

static void rule_jmp_e(Translator *t)
{
    target_operand(t);
    emit_indirect(t);
}

static void rule_call_e(Translator *t)
{
    target_operand(t);
    check_target(t);
    em_store(&t->e, 3, H_ADDR, H_CPU, CPU_OFF(jit.tmp));
    call_probe(t);
    finish_call(t);
    em_load(&t->e, 3, H_ADDR, H_CPU, CPU_OFF(jit.tmp));
    emit_indirect(t);
}

static bool target_is_inside(const Translator *t, const DecodedInsn *d, uint64_t next_ip)
{
    uint64_t target = target_of(d, next_ip);
    if (t->code64) {
        return address_is_canonical(target) && address_is_canonical(next_ip);
    }
    return target <= t->ctx->cs_limit && next_ip <= t->ctx->cs_limit;
}

/* Any target of the native size is inside CS, and so wide are items and the stack pointer. */
static bool plain(const Translator *t, const DecodedInsn *d)
{
    bool wide = t->code64 || (t->ctx->cs_limit == UINT32_MAX && (t->ctx->mode & MODE_SS32));
    return wide && d->op_size == native_size(t);
}

static Rule *one_byte_rule(const Translator *t, const DecodedInsn *d, uint64_t next_ip)
{
    switch (d->info->opcode) {
    case 0x70 ... 0x7f:
        return target_is_inside(t, d, next_ip) ? rule_jcc : NULL;
    case 0xe9:
    case 0xeb:
        return target_is_inside(t, d, next_ip) ? rule_jmp : NULL;
    case 0xe8:
        return plain(t, d) && target_is_inside(t, d, next_ip) ? rule_call : NULL;
    case 0xc2:
    case 0xc3:
        return plain(t, d) ? rule_ret : NULL;
    case 0xff:
        if (!plain(t, d)) {
            return NULL;
        }
        return d->info->modrm.reg == 4 ? rule_jmp_e : d->info->modrm.reg == 2 ? rule_call_e : NULL;
    default:
        return NULL;
    }
}

Rule *rule_for_branch(const Translator *t, const DecodedInsn *d, uint64_t next_ip)
{
    if (d->info->map == M_0F) {
        bool jcc = d->info->opcode >= 0x80 && d->info->opcode <= 0x8f;
        return jcc && target_is_inside(t, d, next_ip) ? rule_jcc : NULL;
    }
    return d->info->map == M_1B ? one_byte_rule(t, d, next_ip) : NULL;
}

bool branch_is_known(const Translator *t, const DecodedInsn *d, uint64_t next_ip, uint64_t *target)
{
    Rule *rule = rule_for_branch(t, d, next_ip);
    *target = rule == rule_jcc || rule == rule_jmp ? target_of(d, next_ip) : 0;
    return rule == rule_jcc || rule == rule_jmp;
}
