/*
 * accel/jit/flags.c  Where the guest's arithmetic flags are, and when they must be put where.
 *
 * The host's flags are the guest's as long as nothing else touches them; but every TLB probe does. Most flags are never
 * looked at, unless an access between them and the next writer faults. So: backward liveness tells which are wanted at
 * all; if an access comes between, the operands are put aside (two stores at most), and only the cold path computes the
 * flags again from this recipe. A block ends with its flags in cpu->jit.flags; a jump out of its
 * middle saves them on its way.
 */
#include "accel/jit/translate.h"

#define FLAGS_OFF  CPU_OFF(jit.flags)
#define FIRST_OFF  CPU_OFF(jit.fa)
#define SECOND_OFF CPU_OFF(jit.fb)

/* ---- liveness ---- */

/* May C see the state at this instruction? */
bool insn_observes(const Translator *t, unsigned k)
{
    const DecodedInsn *d = t->insn[k];
    const InsnInfo *info = d->info;
    if (!t->rules[k] || system_rule_observes(d)) {
        return true;
    }
    if (is_later_access(t, k)) {
        return false;
    }
    if (info->map == M_1B) {
        unsigned op = info->opcode;
        bool stack = (op >= 0x50 && op <= 0x5f) || op == 0x68 || op == 0x6a || op == 0xc9 || op == 0xe8 || op == 0xc3 ||
                     op == 0xc2 || (op >= 0xa0 && op <= 0xa3) || (op == 0xff && info->modrm.reg == 6) ||
                     (op == 0xff && info->modrm.reg == 2);
        if (stack) {
            return true;
        }
        bool string = op >= 0xa4 && op <= 0xaf && op != 0xa8 && op != 0xa9;
        bool division = (op == 0xf6 || op == 0xf7) && info->modrm.reg >= 6;
        if (string || division) {
            return true;
        }
        if (op == 0x8d) {
            return false;
        }
    }
    bool hint = info->map == M_0F && ((info->opcode >= 0x18 && info->opcode <= 0x1f) || info->opcode == 0x0d);
    return insn_is_mem(d) && !hint;
}

/* Saves the flags before it does anything else: a handler call, or a near call, return or jump as the block's end. */
static bool saves_first(const Translator *t, unsigned k)
{
    const InsnInfo *info = t->insn[k]->info;
    return !t->rules[k] || (info->attributes & ENDS_BLOCK);
}

static bool clobbers_host(const Translator *t, unsigned k)
{
    return insn_observes(t, k) || rule_flags_killed(t->insn[k]) || t->insn[k]->info->flags_written;
}

void flags_analyse(Translator *t)
{
    uint32_t needed = CC_ALL, on_path = CC_ALL;
    bool crossing = false;
    for (unsigned k = t->n; k-- > 0;) {
        const DecodedInsn *d = t->insn[k];
        t->needed[k] = needed;
        t->on_path[k] = on_path;
        t->crossing[k] = crossing;
        if (needed && rule_needs_dead_flags(d)) {
            t->rules[k] = NULL;
        }
        uint32_t killed = t->rules[k] ? rule_flags_killed(d) : 0;
        bool observed = insn_observes(t, k);
        needed = observed || is_side_exit(t, k) ? CC_ALL : (needed & ~killed) | rule_flags_read(d);
        on_path = observed ? CC_ALL : (on_path & ~killed) | rule_flags_read(d);
        if (clobbers_host(t, k)) {
            crossing = observed && !saves_first(t, k);
        }
    }
}

static uint32_t needed_before(const Translator *t)
{
    const DecodedInsn *d = t->d;
    if (insn_observes(t, t->k)) {
        return CC_ALL;
    }
    return (t->needed[t->k] & ~rule_flags_killed(d)) | rule_flags_read(d);
}

/* ---- code ---- */

/* Host flags -> cpu->jit.flags; keeps them, unless AF must be corrected. H_T2 is free. */
void flags_emit_save(Emit *e, bool af_bad)
{
    em_mov_rr(e, 3, H_T2, H_RAX);
    em8(e, 0x9f);                  /* lahf */
    em_rr(e, 0, 0x0f90, 0, H_RAX); /* seto al */
    if (af_bad) {
        em_alu_ri(e, 0, ALU_AND, H_HIGH | H_RAX, ~CC_A & 0xff);
    }
    em_store(e, 1, H_RAX, H_CPU, FLAGS_OFF);
    em_mov_rr(e, 3, H_RAX, H_T2);
}

void flags_emit_restore(Emit *e)
{
    em_mov_rr(e, 3, H_T2, H_RAX);
    em_rm(e, 2, 0x0fb7, H_RAX, H_CPU, FLAGS_OFF);
    em_alu_ri(e, 0, ALU_ADD, H_RAX, 0x7f);
    em8(e, 0x9e); /* sahf */
    em_mov_rr(e, 3, H_RAX, H_T2);
}

/* SF ZF PF of the low half, CF = OF = overflow, AF = 0. Straight to memory. */
static void emit_imul_flags(Emit *e, const FlagRecipe *r)
{
    em_mov_rr(e, 3, H_T2, H_RAX);
    em_load(e, 3, H_RAX, H_CPU, FIRST_OFF);
    if (r->has_imm) {
        em_rr(e, r->size, 0x69, H_RAX, H_RAX);
        em_imm(e, r->size, r->imm);
    } else {
        em_rm(e, r->size, 0x0faf, H_RAX, H_CPU, SECOND_OFF);
    }
    em_rm(e, 0, 0x0f90, 0, H_CPU, FLAGS_OFF); /* seto */
    em_alu_ri(e, r->size, ALU_CMP, H_RAX, 0);
    em8(e, 0x9f);
    em_load(e, 0, H_RAX, H_CPU, FLAGS_OFF);
    em_rr(e, 0, 0x0a, H_HIGH | H_RAX, H_RAX); /* or ah, al */
    em_store(e, 1, H_RAX, H_CPU, FLAGS_OFF);
    em_mov_rr(e, 3, H_RAX, H_T2);
}

/* CMP of the kept operands. */
static void emit_compare(Emit *e, const FlagRecipe *r)
{
    if (r->has_imm) {
        em_alu_mi(e, r->size, ALU_CMP, H_CPU, FIRST_OFF, r->imm);
        return;
    }
    em_load(e, 3, H_T2, H_CPU, FIRST_OFF);
    em_rm(e, r->size, r->size ? 0x3b : 0x3a, H_T2, H_CPU, SECOND_OFF);
}

/* Host flags from a recipe other than IMUL; H_T2 is free. Returns whether AF is bad. */
static bool emit_recipe(Emit *e, const FlagRecipe *r)
{
    if (r->kind == RECIPE_LOGIC) {
        em_alu_mi(e, r->size, ALU_CMP, H_CPU, FIRST_OFF, 0);
        return false;
    }
    if (r->kind == RECIPE_ALU && (r->op == ALU_SUB || r->op == ALU_CMP)) {
        emit_compare(e, r);
        return false;
    }
    em_load(e, 3, H_T2, H_CPU, FIRST_OFF);
    switch (r->kind) {
    case RECIPE_NEG:
        em_rr(e, r->size, r->size ? 0xf7 : 0xf6, 3, H_T2);
        return false;
    case RECIPE_SHIFT:
        if (r->count > 1) {
            em_shift_ri(e, r->size, r->op, H_T2, r->count - 1u);
        }
        em_shift_ri(e, r->size, r->op, H_T2, 1);
        return true;
    default:
        if (r->has_imm) {
            em_alu_ri(e, r->size, r->op, H_T2, r->imm);
        } else {
            em_rm(e, r->size, r->op * 8 + (r->size ? 3 : 2), H_T2, H_CPU, SECOND_OFF);
        }
        return false;
    }
}

void flags_emit_recipe_to_mem(Emit *e, const FlagRecipe *r)
{
    if (r->kind == RECIPE_IMUL) {
        emit_imul_flags(e, r);
    } else {
        flags_emit_save(e, emit_recipe(e, r));
    }
}

/* ---- state ---- */

void flags_want_mem(Translator *t)
{
    FlagState *f = &t->flags;
    if (f->mem) {
        return;
    }
    if (f->host && !(f->af_bad && f->recipe.kind != RECIPE_NONE)) {
        flags_emit_save(&t->e, f->af_bad);
        f->host &= !f->af_bad;
    } else {
        lockstep_assert(f->recipe.kind != RECIPE_NONE, "jit: flags are lost");
        flags_emit_recipe_to_mem(&t->e, &f->recipe);
        f->host = false;
    }
    f->mem = true;
}

void flags_before_clobber(Translator *t)
{
    FlagState *f = &t->flags;
    if (needed_before(t) && !f->mem && f->recipe.kind == RECIPE_NONE) {
        flags_want_mem(t);
    }
    f->host = false;
}

void flags_want_host(Translator *t)
{
    FlagState *f = &t->flags;
    if (f->host) {
        return;
    }
    if (f->recipe.kind != RECIPE_NONE && f->recipe.kind != RECIPE_IMUL) {
        f->af_bad = emit_recipe(&t->e, &f->recipe);
    } else {
        flags_want_mem(t);
        flags_emit_restore(&t->e);
        f->af_bad = false;
    }
    f->host = true;
}

/* Conditions that are one or two bits of AH, or AL. */
static bool emit_memory_test(Emit *e, unsigned cond)
{
    static const uint8_t bits[8] = { [COND_O / 2] = 1,    [COND_B / 2] = CC_C,
                                     [COND_E / 2] = CC_Z, [COND_BE / 2] = CC_C | CC_Z,
                                     [COND_S / 2] = CC_S, [COND_P / 2] = CC_P };
    unsigned mask = bits[cond / 2];
    if (!mask) {
        return false;
    }
    em_rm(e, 0, 0xf6, 0, H_CPU, FLAGS_OFF + (cond / 2 == COND_O / 2 ? 0 : 1));
    em8(e, mask);
    return true;
}

unsigned flags_want_condition(Translator *t, unsigned cond)
{
    FlagState *f = &t->flags;
    if (!f->host && f->mem && emit_memory_test(&t->e, cond)) {
        return cond & 1 ? COND_E : COND_NE;
    }
    flags_want_host(t);
    return cond;
}

bool flags_keep_operands(const Translator *t)
{
    return t->needed[t->k] && t->crossing[t->k];
}

void flags_set(Translator *t, bool af_bad)
{
    t->flags = (FlagState){ .host = true, .af_bad = af_bad };
    t->own_recipe = false;
    if (t->needed[t->k] && t->crossing[t->k]) {
        flags_want_mem(t);
    }
}

void flags_set_recipe(Translator *t, bool host_valid, FlagRecipe recipe)
{
    t->flags = (FlagState){ .host = host_valid,
                            .af_bad = recipe.kind == RECIPE_SHIFT || recipe.kind == RECIPE_LOGIC,
                            .recipe = recipe };
    t->own_recipe = true;
}
