/*
 * accel/jit/translate-call.c  Calls, returns, jumps through registers and memory.
 *
 * Returns are predicted, and by the host as well: translated code has a stack of its own (jit_returns). CALL calls its
 * target there; RET returns, whatever lies on it, to a continuation, the code behind some such call. That one knows its
 * return address and compares what RET loaded. It believes nothing else either: the page of the return address is
 * proved as a link proves its target's; only a RET in the very page, of the same context, needs no more than to say so.
 * A wrong prediction goes back to RET, which asks the indirect branch cache, as all other jumps to unknown places do.
 * One entry is gone then, and that is right for a retpoline; longjmp() and another task's stack cost one per level.
 */
#include "accel/jit/translate.h"
#include "exec/memory.h"

/* ---- indirect branches: the target is in H_ADDR. What is in the cache has run before, so only a miss can be a target
 * that faults. ----
 */

typedef struct Indirect {
    int32_t release;          /* RET: bytes that it has taken off the stack */
    bool checked;             /* the target is known to be canonical */
    uint8_t *misses[2], *far; /* jumps from the hot part to the cold one */
    const uint8_t *go;        /* on to R11 */
    bool is_call;
} Indirect;

/* RET: takes effect, or (sign -1) does not. Keeps flags. */
static void emit_release(Translator *t, const Indirect *in, int sign)
{
    if (in->release) {
        em_rm(&t->e, native_size(t), 0x8d, H_R12, H_R12, sign * in->release);
    }
}

/* An indirect target that is not canonical: #GP, and nothing has changed. */
static void check_target(Translator *t, const Indirect *in)
{
    Emit *e = &t->e;
    if (!t->code64 || in->checked) {
        return;
    }
    em_mov_rr(e, 3, H_T1, H_ADDR);
    em_shift_ri(e, 3, 4, H_T1, 16);
    em_shift_ri(e, 3, 7, H_T1, 16);
    em_alu_rr(e, 3, ALU_CMP, H_T1, H_ADDR);
    if (in->release) {
        uint8_t *good = em_jcc_later(e, COND_E);
        emit_release(t, in, -1);
        handler_if(t, COND_NE);
        em_patch(good, e->rx_delta, em_here(e));
    } else {
        handler_if(t, COND_NE);
    }
}

/* The jump into C, which looks the target up. It ends a CALL as its target would, so that the RET finds its entry. */
static void emit_indirect_miss(Translator *t, const Indirect *in)
{
    Emit *e = &t->e;
    check_target(t, in);
    if (in->is_call) {
        uint8_t *leave = em_lea_later(e, H_R11);
        em_jmp(e, in->go);
        em_patch(leave, e->rx_delta, em_here(e));
    }
    em_rm(e, 2, 0xc7, 0, H_CPU, CPU_OFF(jit.from));
    em32(e, (uint32_t)(uintptr_t)t->jb->last_place);
    em_jmp(e, t->thunks->indirect);
}

static void emit_indirect_cold(Translator *t, const Indirect *in)
{
    Emit *e = &t->e;
    em_patch(in->far, e->rx_delta, em_here(e));
    em_load(e, 2, H_T1, H_T1, (int32_t)(uintptr_t)jit_ibtc + (int32_t)offsetof(JitIBTC, known_off));
    em_rx(e, 2, 0x3b, H_T2, H_CPU, H_T1, 0, 0);
    em_patch(em_jcc_later(e, COND_E), e->rx_delta, in->go);
    for (size_t i = 0; i < ARRAY_SIZE(in->misses); i++) {
        em_patch(in->misses[i], e->rx_delta, em_here(e));
    }
    emit_indirect_miss(t, in);
}

/* R11 = where to; to the cold part when that is not known, or in another page. No copy of a guest register is alive. */
static void emit_lookup(Translator *t, Indirect *in)
{
    Emit *e = &t->e;
    int32_t table = (int32_t)(uintptr_t)jit_ibtc;
    em_mov_rr(e, 2, H_T1, H_ADDR);
    em_shift_ri(e, 2, 5, H_T1, JIT_IBTC_FOLD);
    em_alu_rr(e, 2, ALU_XOR, H_T1, H_ADDR);
    em_alu_ri(e, 2, ALU_AND, H_T1, JIT_IBTC_SIZE - 1);
    em_shift_ri(e, 2, 4, H_T1, 5);
    _Static_assert(sizeof(JitIBTC) == 32, "scaled by shifting");
    em_rm(e, 3, 0x39, H_ADDR, H_T1, table + (int32_t)offsetof(JitIBTC, eip));
    in->misses[0] = em_jcc_later(e, COND_NE);
    em_rm(e, 2, 0x81, ALU_CMP, H_T1, table + (int32_t)offsetof(JitIBTC, ctx));
    em32(e, t->ctx->id);
    in->misses[1] = em_jcc_later(e, COND_NE);
    em_load(e, 2, H_T2, H_T1, table + (int32_t)offsetof(JitIBTC, place));
    em_load(e, 2, H_R11, H_T1, table + (int32_t)offsetof(JitIBTC, entry));
    em_alu_ri(e, 3, ALU_CMP, H_T2, (int32_t)(uintptr_t)t->jb->last_place);
    in->far = em_jcc_later(e, COND_NE);
    in->go = em_here(e);
}

static void emit_indirect_jump(Translator *t, Indirect *in)
{
    emit_lookup(t, in);
    em_rr(&t->e, 2, 0xff, 4, H_R11);
}

/* ---- predicted returns ---- */

/* Is the return address in the page where the block ends? Else nothing is known yet of its page. */
static bool returns_to_last_place(const Translator *t)
{
    return linear_page(t, t->next_ip) == t->jb->last_place->page;
}

/* Are these the bytes at the return address? */
static bool followed_by(const Translator *t, const char *bytes, size_t n)
{
    uint64_t offset = (t->ctx->cs_base + t->next_ip) & ~PAGE_MASK;
    if (!returns_to_last_place(t) || offset + n > PAGE_SIZE) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t phys = t->jb->last_place->phys_page + offset + i;
        if (address_space_ld(&address_space_memory, phys, 1) != (uint8_t)bytes[i]) {
            return false;
        }
    }
    return true;
}

/*
 * A call whose return address is for something else: of a retpoline, or to fill the processor's own return stack (both
 * put a trap for speculation there), or to find out where one is. Only a guess.
 */
static bool never_returned_to(const Translator *t, bool is_direct)
{
    return (is_direct && t->d->imm == 0) || followed_by(t, "\xcc", 1) || followed_by(t, "\xf3\x90\x0f\xae\xe8", 5) ||
           followed_by(t, "\xf3\x90\xeb\xfc", 4);
}

/* The other half of a retpoline: MOV [rSP], reg before RET. */
static bool is_retpoline(const Translator *t)
{
    const DecodedInsn *d = t->k ? t->insn[t->k - 1] : NULL;
    return d && d->info->map == M_1B && d->info->opcode == 0x89 && insn_is_mem(d) && d->base == R_ESP &&
           d->index == R_ZERO && d->disp == 0 && d->op_size == native_size(t);
}

static void emit_mispredicted_if(Emit *e, unsigned cond)
{
    em_patch(em_jcc_later(e, cond), e->rx_delta, jit_mispredicted);
}

/* Is it this return address? */
static void emit_address_compare(Translator *t)
{
    Emit *e = &t->e;
    uint64_t ip = t->next_ip;
    if (!t->code64 || (int64_t)ip == (int32_t)ip) {
        em_alu_ri(e, native_size(t), ALU_CMP, H_ADDR, (int32_t)ip);
    } else {
        em_mov_ri64(e, H_T2, ip);
        em_alu_rr(e, 3, ALU_CMP, H_ADDR, H_T2);
    }
    emit_mispredicted_if(e, COND_NE);
}

static void emit_context_compare(Translator *t)
{
    em_alu_mi(&t->e, 2, ALU_CMP, H_CPU, CPU_OFF(jit.ctx), (int32_t)t->ctx->id);
    emit_mispredicted_if(&t->e, COND_NE);
}

/* The TLB does not lead there any more, but the RET may be on the same page. */
static void emit_continuation_cold(Translator *t, JitExit *exit)
{
    Emit *e = &t->e;
    em_load(e, 2, H_T1, H_T1, offsetof(JitRet, from));
    em_rr(e, 2, 0x81, ALU_CMP, H_T1);
    em32(e, JIT_NOWHERE);
    exit->from_patch = e->p - 4;
    exit->patch2 = em_jcc_later(e, COND_E);
    exit->stub = em_here(e);
    em_patch(exit->patch, e->rx_delta, exit->stub);
    em_patch(exit->patch2, e->rx_delta, exit->stub);
    em_store(e, 2, H_T1, H_CPU, CPU_OFF(jit.from));
    emit_exit(t, exit);
}

/*
 * Where the host returns to. H_ADDR: what RET loaded; H_T1: JitRet. When this is the right continuation it is an exit
 * of the block with the CALL, and may be joined to the block at the return address.
 */
static void emit_continuation(Translator *t)
{
    Emit *e = &t->e;
    JitExit *exit = alloc_exit(t, JIT_EXIT_LINK, t->next_ip);
    exit->from = NULL;
    emit_address_compare(t);
    emit_context_compare(t);
    emit_link_compare(t, exit);
    add_link(t, exit, em_jcc_later(e, COND_E));
    uint8_t *elsewhere = em_jmp_later(e);
    switch_part(t);
    em_patch(elsewhere, e->rx_delta, em_here(e));
    emit_continuation_cold(t, exit);
    switch_part(t);
}

static void emit_return(Translator *t, Indirect *in)
{
    Emit *e = &t->e;
    JitRet *ret = code_cache_alloc_data(&jit_cache, sizeof(*ret));
    em_mov_ri32(e, H_T1, (uint32_t)(uintptr_t)ret);
    em8(e, 0xc3);
    switch_part(t);
    *ret = (JitRet){ .from = (uint32_t)(uintptr_t)t->jb->last_place, .miss = (uint32_t)(uintptr_t)em_here(e) };
    emit_indirect_jump(t, in);
    emit_indirect_cold(t, in);
    switch_part(t);
}

/* ---- rules ---- */

/* [H_ADDR] = return address, and ESP moves. */
static void finish_call(Translator *t)
{
    unsigned size = native_size(t);
    if ((t->next_ip & UINT32_MAX) == t->next_ip && (size == 2 || t->next_ip <= INT32_MAX)) {
        em_rm(&t->e, size, 0xc7, 0, H_ADDR, t->at);
        em32(&t->e, (uint32_t)t->next_ip);
    } else {
        em_mov_ri64(&t->e, H_T1, t->next_ip);
        em_store(&t->e, size, H_T1, H_ADDR, t->at);
    }
    em_rm(&t->e, size, 0x8d, H_R12, H_R12, -(1 << size));
}

static void call_probe(Translator *t)
{
    int32_t bytes = 1 << native_size(t);
    mem_stack(t, R_ESP, -bytes, (unsigned)bytes, true);
}

/* Into another page: what has to be proved goes before the call. */
static void emit_crossing_call(Translator *t, uint64_t target)
{
    Emit *e = &t->e;
    JitExit *exit = alloc_exit(t, JIT_EXIT_LINK, target);
    exit->crosses = true;
    emit_link_compare(t, exit);
    uint8_t *out = em_jcc_later(e, COND_NE);
    add_link(t, exit, em_call_later(e));
    const uint8_t *continuation = em_here(e);
    switch_part(t);
    em_patch(out, e->rx_delta, em_here(e));
    em_push_imm(e, (int32_t)(uintptr_t)continuation);
    exit->stub = em_here(e);
    em_patch(exit->patch, e->rx_delta, exit->stub);
    emit_exit(t, exit);
    switch_part(t);
}

static void emit_direct_call(Translator *t, uint64_t target)
{
    if (link_crosses(t, target)) {
        emit_crossing_call(t, target);
    } else {
        emit_link(t, em_call_later(&t->e), target);
    }
}

void rule_call(Translator *t)
{
    uint64_t target = branch_target(t->d, t->next_ip);
    flags_want_mem(t);
    call_probe(t);
    finish_call(t);
    if (never_returned_to(t, true)) {
        emit_goto(t, target);
    } else {
        emit_direct_call(t, target);
        emit_continuation(t);
    }
}

void rule_ret(Translator *t)
{
    int32_t more = t->d->info->opcode == 0xc2 ? (uint16_t)t->d->imm : 0, bytes = 1 << native_size(t);
    Indirect in = { .release = bytes + more };
    flags_want_mem(t);
    mem_stack(t, R_ESP, 0, (unsigned)bytes, false);
    em_load(&t->e, native_size(t), H_ADDR, H_ADDR, t->at);
    emit_release(t, &in, 1);
    if (is_retpoline(t)) {
        emit_indirect_jump(t, &in);
        switch_part(t);
        emit_indirect_cold(t, &in);
        switch_part(t);
    } else {
        emit_return(t, &in);
    }
}

static void target_operand(Translator *t)
{
    flags_want_mem(t);
    if (insn_is_mem(t->d)) {
        mem_operand(t, 1u << native_size(t), false);
        em_load(&t->e, native_size(t), H_ADDR, H_ADDR, t->at);
    } else {
        em_mov_rr(&t->e, native_size(t), H_ADDR, host_reg(t, t->d->rm));
    }
}

static void indirect_jump(Translator *t, bool checked)
{
    Indirect in = { .checked = checked };
    emit_indirect_jump(t, &in);
    switch_part(t);
    emit_indirect_cold(t, &in);
    switch_part(t);
}

void rule_jmp_e(Translator *t)
{
    target_operand(t);
    indirect_jump(t, false);
}

static void indirect_call(Translator *t)
{
    Indirect in = { .checked = true, .is_call = true };
    emit_lookup(t, &in);
    em_rr(&t->e, 2, 0xff, 2, H_R11);
    emit_continuation(t);
    switch_part(t);
    emit_indirect_cold(t, &in);
    switch_part(t);
}

void rule_call_e(Translator *t)
{
    target_operand(t);
    check_target(t, &(Indirect){ 0 });
    em_store(&t->e, 3, H_ADDR, H_CPU, CPU_OFF(jit.tmp));
    call_probe(t);
    finish_call(t);
    em_load(&t->e, 3, H_ADDR, H_CPU, CPU_OFF(jit.tmp));
    if (never_returned_to(t, false)) {
        indirect_jump(t, true);
    } else {
        indirect_call(t);
    }
}
