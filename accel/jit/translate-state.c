/*
 * accel/jit/translate-state.c  The guest's x87 and SSE state in the host's registers: a block asks once, before its
 * first instruction, whether what it uses is there, and again after each handler that it calls.
 *
 * x87 and MMX: x87-state.c. SSE: XMM0-XMM7, or all sixteen in 64-bit mode, and MXCSR; any call into C stores and
 * reloads them (thunks.c). Each is loaded only while its instructions cannot raise #NM or #UD and all exceptions are
 * masked. What cannot be loaded makes the interpreter run the block.
 */
#include "accel/jit/translate.h"

static const uint32_t users[NB_STATES] = { [STATE_X87] = X87 | MMX, [STATE_SSE] = SSE };

/* surely: before a jump leads out of the block. */
static bool wanted(const Translator *t, unsigned k, unsigned state, bool surely)
{
    for (; k < t->n && t->rules[k] && !(surely && is_side_exit(t, k)); k++) {
        if (t->insn[k]->info->attributes & users[state]) {
            return true;
        }
    }
    return false;
}

static unsigned states_wanted(const Translator *t, unsigned k, bool surely)
{
    unsigned states = 0;
    for (unsigned s = 0; s < NB_STATES; s++) {
        states |= (unsigned)wanted(t, k, s, surely) << s;
    }
    return states;
}

unsigned states_kept(const Translator *t, unsigned k)
{
    return t->states & states_wanted(t, k, false);
}

static int32_t loaded_off(unsigned state)
{
    return state == STATE_X87 ? CPU_OFF(jit.x87_loaded) : CPU_OFF(jit.sse_loaded);
}

static void guard(Translator *t, unsigned states, uint64_t ip, unsigned left)
{
    for (unsigned s = 0; s < NB_STATES; s++) {
        if (states & 1u << s) {
            em_alu_mi(&t->e, 0, ALU_CMP, H_CPU, loaded_off(s), 0);
            Cold *c = &t->cold[t->nb_cold++];
            *c =
                (Cold){ .kind = COLD_STATE, .recent = -1, .jump = em_jcc_later(&t->e, COND_E), .back = em_here(&t->e) };
            c->states = 1u << s;
            c->state_exit = states_new_exit(t, ip, left);
        }
    }
}

void states_guard(Translator *t, unsigned k, uint64_t ip)
{
    unsigned states = states_wanted(t, k, true) & ~t->states;
    if (states) {
        flags_want_mem(t);
        t->flags.host = false;
        t->slots = (Slots){ { 0 } };
        guard(t, states, ip, t->n - k);
        t->states |= states;
    }
}

JitExit *states_new_exit(const Translator *t, uint64_t ip, unsigned left)
{
    JitExit *exit = alloc_exit(t, JIT_EXIT_STATE, ip);
    exit->refund = left;
    exit->entered = left == t->n;
    if (exit->entered) {
        exit->from = t->jb->place;
    }
    return exit;
}

static void load_or_leave(Translator *t, unsigned state, const JitExit *otherwise)
{
    Emit *e = &t->e;
    em_alu_mi(e, 0, ALU_CMP, H_CPU, loaded_off(state), 0);
    uint8_t *is_there = em_jcc_later(e, COND_NE);
    em_call(e, state == STATE_X87 ? t->thunks->x87_load : t->thunks->sse_load);
    uint8_t *loaded = em_jcc_later(e, COND_NE);
    em_mov_ri32(e, H_T1, (uint32_t)(uintptr_t)otherwise);
    em_jmp(e, t->thunks->exit);
    em_patch(is_there, e->rx_delta, em_here(e));
    em_patch(loaded, e->rx_delta, em_here(e));
}

void states_emit_load(Translator *t, unsigned states, const JitExit *otherwise)
{
    for (unsigned s = 0; s < NB_STATES; s++) {
        if (states & 1u << s) {
            load_or_leave(t, s, otherwise);
        }
    }
}
