/*
 * accel/jit/translate-branch.c  How a block begins and ends: budget, jumps, calls, returns, and the stubs behind the
 * block.
 *
 * What the interpreter does between two blocks has to happen here too, in its order: the budget, then the fetch latch
 * when control enters another page. exit_request can wait (JIT_SLICE).
 */
#include "accel/jit/translate.h"

uint64_t linear_page(const Translator *t, uint64_t ip)
{
    return (t->ctx->cs_base + ip) & (t->code64 ? PAGE_MASK : (uint32_t)PAGE_MASK);
}

JitExit *alloc_exit(const Translator *t, JitExitKind kind, uint64_t eip)
{
    JitExit *exit = code_cache_alloc_data(&jit_cache, sizeof(*exit));
    *exit = (JitExit){ .kind = kind, .eip = eip, .ctx = t->ctx, .block = t->from[t->k], .from = t->jb->last_place };
    return exit;
}

static JitExit *new_exit(Translator *t, JitExitKind kind, uint64_t eip, uint8_t *jump)
{
    JitExit *exit = alloc_exit(t, kind, eip);
    lockstep_assert(t->nb_stubs < MAX_STUBS, "jit: too many ways out of a block");
    t->stubs[t->nb_stubs++] = (Stub){ .exit = exit, .jump = jump };
    return exit;
}

/* ZF set: the TLB is known to lead to that place, or (NULL: as set_place() says). */
static uint8_t *emit_place_compare(Emit *e, const JitPlace *place)
{
    em_rm(e, 2, 0x81, ALU_CMP, H_CPU, place ? place->known_off : CPU_OFF(tlb_place));
    em32(e, place ? (uint32_t)(uintptr_t)place : JIT_NOWHERE);
    return e->p - 8;
}

void emit_link_compare(Translator *t, JitExit *exit)
{
    exit->place_patch = emit_place_compare(&t->e, NULL);
}

/* Out of the block before its first instruction. */
static void new_entry_exit(Translator *t, unsigned cond)
{
    JitExit *exit = new_exit(t, JIT_EXIT_BUDGET, t->jb->eip, em_jcc_later(&t->e, cond));
    exit->refund = t->n;
    exit->from = t->jb->place;
    exit->entered = true;
}

/*
 * The rest of the block's only instruction is on the next page: as when control enters that. A miss goes back to the
 * dispatcher, which fetches and so fills.
 */
static void enter_second_page(Translator *t)
{
    emit_place_compare(&t->e, t->jb->last_place);
    new_entry_exit(t, COND_NE);
}

static void emit_budget(Translator *t, unsigned op, unsigned insns)
{
    if (t->code64) {
        em_alu_mi(&t->e, 3, op, H_CPU, CPU_OFF(jit.budget), (int32_t)insns);
    } else {
        em_alu_ri(&t->e, 3, op, H_BUDGET, (int32_t)insns);
    }
}

/*
 * What would use up the budget does not run: it is positive at the end of every block, so a link need not ask whether
 * the slice ends before it enters another page.
 */
void emit_entry(Translator *t)
{
    Emit *e = &t->e;
    t->jb->entry = em_here(e);
    emit_budget(t, ALU_SUB, t->n);
    new_entry_exit(t, t->may_end_slice ? COND_S : COND_LE);
    states_guard(t, 0, t->jb->eip); /* it may leave: before the latch changes */
    if (t->from[0]->crosses) {
        enter_second_page(t);
    }
}

void emit_exit(Translator *t, const JitExit *exit)
{
    em_mov_ri32(&t->e, H_T1, (uint32_t)(uintptr_t)exit);
    em_jmp(&t->e, t->thunks->exit);
}

/* Control may enter another page only as the interpreter would. The slice does not end here: see emit_entry(). */
static void emit_crossing(Translator *t, JitExit *exit)
{
    exit->crosses = true;
    emit_link_compare(t, exit);
    exit->patch = em_jcc_later(&t->e, COND_E);
}

/* What lies behind that. */
static void emit_crossing_stub(Translator *t, JitExit *exit)
{
    exit->stub = em_here(&t->e);
    em_patch(exit->patch, t->e.rx_delta, exit->stub);
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

void add_link(Translator *t, JitExit *exit, uint8_t *jump)
{
    exit->patch = jump;
    exit->sibling = t->jb->links;
    t->jb->links = exit;
}

bool link_crosses(const Translator *t, uint64_t target)
{
    return linear_page(t, target) != t->jb->last_place->page;
}

void emit_link(Translator *t, uint8_t *jump, uint64_t target)
{
    JitExit *exit = new_exit(t, JIT_EXIT_LINK, target, jump);
    exit->crosses = link_crosses(t, target);
    add_link(t, exit, jump);
    Stub *stub = &t->stubs[t->nb_stubs - 1];
    stub->flags = t->flags;
    stub->refund = t->n - t->k - 1;
}

void emit_goto(Translator *t, uint64_t target)
{
    if (!link_crosses(t, target)) {
        emit_link(t, em_jmp_later(&t->e), target);
        return;
    }
    JitExit *exit = alloc_exit(t, JIT_EXIT_LINK, target);
    emit_crossing(t, exit);
    uint8_t *miss = em_jmp_later(&t->e);
    add_link(t, exit, exit->patch);
    switch_part(t);
    em_patch(miss, t->e.rx_delta, em_here(&t->e));
    emit_crossing_stub(t, exit);
    switch_part(t);
}

/* ---- stubs ---- */

void emit_stubs(Translator *t)
{
    Emit *e = &t->e;
    for (unsigned i = 0; i < t->nb_stubs; i++) {
        JitExit *exit = t->stubs[i].exit;
        em_patch(t->stubs[i].jump, e->rx_delta, em_here(e));
        if (exit->crosses) {
            emit_crossing(t, exit);
            emit_crossing_stub(t, exit);
        } else {
            exit->stub = em_here(e);
            emit_exit(t, exit);
        }
    }
}

/* ---- rules ---- */

uint64_t branch_target(const DecodedInsn *d, uint64_t next_ip)
{
    static const uint64_t masks[4] = { 0, UINT16_MAX, UINT32_MAX, UINT64_MAX };
    return (next_ip + d->imm) & masks[d->op_size];
}

/* In the middle of the block: out of it when the condition is not what leads to the next instruction. */
static void leave_unless_likely(Translator *t)
{
    bool taken = t->ips[t->k + 1] != t->next_ip;
    unsigned cond = flags_want_condition(t, t->d->info->opcode & 15);
    emit_link(t, em_jcc_later(&t->e, taken ? cond ^ 1 : cond), taken ? t->next_ip : branch_target(t->d, t->next_ip));
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
    emit_link(t, em_jcc_later(&t->e, cond), branch_target(t->d, t->next_ip));
    emit_goto(t, t->next_ip);
}

static void rule_jmp(Translator *t)
{
    if (t->k + 1 < t->n) {
        return; /* the block goes on there */
    }
    flags_want_mem(t);
    emit_goto(t, branch_target(t->d, t->next_ip));
}

static bool target_is_inside(const Translator *t, const DecodedInsn *d, uint64_t next_ip)
{
    uint64_t target = branch_target(d, next_ip);
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
    *target = rule == rule_jcc || rule == rule_jmp ? branch_target(d, next_ip) : 0;
    return rule == rule_jcc || rule == rule_jmp;
}
