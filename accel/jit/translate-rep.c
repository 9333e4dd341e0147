/*
 * accel/jit/translate-rep.c  REP MOVS and REP STOS, natively when all of it lies within a page: upwards, on pages that
 * the TLB has, with budget for every iteration. Nothing can happen between two iterations then, so the host's own REP
 * does the work. Whatever else it is, the handler does it (target/i386/int-string.c). SDM volume 2, "REP".
 */
#include "accel/jit/translate.h"

#define MAX_SLOW 6

typedef struct RepSlow {
    uint8_t *jump[MAX_SLOW]; /* taken: the handler does the instruction */
    unsigned n;
} RepSlow;

static void slow_if(Translator *t, RepSlow *slow, unsigned cond)
{
    slow->jump[slow->n++] = em_jcc_later(&t->e, cond);
}

static bool is_movs(const DecodedInsn *d)
{
    return (d->info->opcode & ~1u) == 0xa4;
}

/* H_R10 = iterations - 1: 0 to 4095, and the slice does not end with the last one: see emit_entry(). */
static void check_count(Translator *t, RepSlow *slow)
{
    Emit *e = &t->e;
    em_rm(e, native_size(t), 0x8d, H_R10, H_RCX, -1);
    em_alu_ri(e, 3, ALU_CMP, H_R10, (int32_t)PAGE_SIZE);
    slow_if(t, slow, COND_AE);
    if (t->code64) {
        em_rm(e, 3, 0x3b, H_R10, H_CPU, CPU_OFF(jit.budget));
    } else {
        em_alu_rr(e, 3, ALU_CMP, H_R10, H_BUDGET);
    }
    slow_if(t, slow, COND_GE);
    em_alu_mi(e, 2, ALU_CMP, H_CPU, CPU_OFF(df), 1);
    slow_if(t, slow, COND_NE);
}

static void take_budget(Translator *t)
{
    if (t->code64) {
        em_rm(&t->e, 3, 0x29, H_R10, H_CPU, CPU_OFF(jit.budget));
    } else {
        em_alu_rr(&t->e, 3, ALU_SUB, H_BUDGET, H_R10);
    }
}

/* H_T1, H_ADDR: host addresses for RDI and, of MOVS, RSI. */
static void run(Translator *t)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned width = native_size(t);
    em_rx(e, width, 0x8d, H_R10, H_RDI, H_R11, 0, 1);
    em_mov_rr(e, 3, H_RDI, H_T1);
    if (is_movs(d)) {
        em_rx(e, width, 0x8d, H_R11, H_RSI, H_R11, 0, 1);
        em_mov_rr(e, 3, H_RSI, H_ADDR);
    }
    em8(e, 0xf3);
    if (d->op_size == 1 || d->op_size == 3) {
        em8(e, d->op_size == 1 ? 0x66 : 0x48);
    }
    em8(e, d->info->opcode);
    em_mov_rr(e, 3, H_RDI, H_R10);
    if (is_movs(d)) {
        em_mov_rr(e, 3, H_RSI, H_R11);
    }
}

/* Where nothing else is in its way: at the end of the block, all state as a handler wants it. */
static void call_handler_aside(Translator *t, const RepSlow *slow)
{
    const uint8_t *back = em_here(&t->e);
    switch_part(t);
    for (unsigned i = 0; i < slow->n; i++) {
        em_patch(slow->jump[i], t->e.rx_delta, em_here(&t->e));
    }
    call_handler_in_place(t);
    em_jmp(&t->e, back);
    switch_part(t);
}

static void rule_rep(Translator *t)
{
    const DecodedInsn *d = t->d;
    RepSlow slow = { .n = 0 };
    flags_want_mem(t);
    x87_flush_pointers(t);
    em_rr(&t->e, native_size(t), 0x85, H_RCX, H_RCX);
    uint8_t *none = em_jcc_later(&t->e, COND_E);
    check_count(t, &slow);
    em_rx(&t->e, 3, 0x8d, H_R11, H_NONE, H_RCX, d->op_size, -1); /* bytes behind the first one */
    if (is_movs(d)) {
        slow.jump[slow.n++] = mem_probe_run(t, H_ADDR, H_RSI, H_R11, false);
    }
    slow.jump[slow.n++] = mem_probe_run(t, H_T1, H_RDI, H_R11, true);
    take_budget(t);
    run(t);
    em_patch(none, t->e.rx_delta, em_here(&t->e));
    call_handler_aside(t, &slow);
}

static bool segment_is_flat(const Translator *t, unsigned seg)
{
    return t->code64 ? seg < R_FS : (t->ctx->flat & 1u << seg) != 0;
}

Rule *rule_for_rep(const Translator *t, const DecodedInsn *d)
{
    unsigned op = d->info->opcode & ~1u;
    bool repeated = d->prefix & (PREFIX_REP | PREFIX_REPNE);
    bool ours = d->info->map == M_1B && (op == 0xa4 || op == 0xaa) && repeated && d->addr_size == native_size(t);
    return ours && segment_is_flat(t, R_ES) && (op == 0xaa || segment_is_flat(t, d->seg)) ? rule_rep : NULL;
}
