/*
 * accel/jit/translate.c  One decoded block -> host code. DESIGN.md section 4.
 *
 * Every instruction has a rule or is run by its handler, in place. Layout: entry, instructions, then all that runs
 * rarely.
 */
#include "accel/jit/translate.h"

uint32_t rule_flags_read(const DecodedInsn *d)
{
    return d->info->flags_read;
}

/* Flags that are written whatever the operands. A shift by CL may write none. */
uint32_t rule_flags_killed(const DecodedInsn *d)
{
    unsigned op = d->info->opcode;
    bool by_cl = d->info->map == M_1B ? op == 0xd2 || op == 0xd3 : d->info->map == M_0F && (op == 0xa5 || op == 0xad);
    return by_cl ? 0 : d->info->flags_written;
}

/* ---- registers ---- */

static const uint8_t slot_host[NB_SLOTS] = { H_R10, H_R11, H_R14 };

static void slot_load(Emit *e, unsigned slot, unsigned guest)
{
    em_load(e, 3, slot_host[slot], H_CPU, CPU_REG_OFF(guest));
}

static unsigned slot_free(Translator *t)
{
    do {
        t->slot_turn = (t->slot_turn + 1) % NB_SLOTS;
    } while (t->slot_busy & 1u << t->slot_turn);
    return t->slot_turn;
}

static unsigned slot_for(Translator *t, unsigned guest, bool load)
{
    for (unsigned i = 0; i < NB_SLOTS; i++) {
        if (t->slots.guest[i] == guest) {
            t->slot_busy |= 1u << i;
            return i;
        }
    }
    unsigned slot = slot_free(t);
    t->slots.guest[slot] = (uint8_t)guest;
    t->slot_busy |= 1u << slot;
    if (load) {
        slot_load(&t->e, slot, guest);
    }
    return slot;
}

unsigned host_reg(Translator *t, unsigned guest)
{
    if (guest >= 8) {
        return slot_host[slot_for(t, guest, true)];
    }
    return guest == R_ESP ? H_R12 : guest;
}

unsigned host_reg_out(Translator *t, unsigned guest)
{
    if (guest >= 8) {
        unsigned slot = slot_for(t, guest, false);
        t->slot_dirty |= 1u << slot;
        return slot_host[slot];
    }
    return host_reg(t, guest);
}

unsigned host_reg_sized(Translator *t, unsigned guest, unsigned size)
{
    if (is_high_byte(guest, size)) {
        return guest;
    }
    unsigned reg = host_reg(t, guest);
    return size == 0 && reg >= 4 && reg < 8 ? H_LOW | reg : reg;
}

void reg_changed(Translator *t, unsigned guest)
{
    if ((guest & 0x1f) >= 8) {
        t->slot_dirty |= 1u << slot_for(t, guest, true);
    }
}

static void slots_write_through(Translator *t)
{
    for (unsigned i = 0; i < NB_SLOTS; i++) {
        if (t->slot_dirty & 1u << i) {
            em_store(&t->e, 3, slot_host[i], H_CPU, CPU_REG_OFF(t->slots.guest[i]));
        }
    }
    t->slot_dirty = t->slot_busy = 0;
}

void slots_emit_reload(Emit *e, const Slots *slots)
{
    for (unsigned i = 0; i < NB_SLOTS; i++) {
        if (slots->guest[i]) {
            slot_load(e, i, slots->guest[i]);
        }
    }
}

/* ---- hot and cold code ---- */

void switch_part(Translator *t)
{
    Emit e = t->e;
    t->e = t->other;
    t->other = e;
}

static void begin_code(Translator *t)
{
    intptr_t delta = jit_cache.rx - jit_cache.rw;
    t->e = (Emit){ .p = jit_cache.rw + jit_cache.used, .rx_delta = delta };
    t->other = (Emit){ .p = jit_cache.rw + jit_cache.cold_used, .rx_delta = delta };
}

static void end_code(Translator *t)
{
    jit_cache.used = ((size_t)(t->e.p - jit_cache.rw) + 15) & ~(size_t)15;
    jit_cache.cold_used = (size_t)(t->other.p - jit_cache.rw);
    lockstep_assert(jit_cache.used <= jit_cache.cold && jit_cache.cold_used <= jit_cache.size,
                    "jit: code cache overrun");
}

/* ---- rules ---- */

static Rule *choose_rule(const Translator *t, const DecodedInsn *d, uint64_t next_ip)
{
    if (jit_config.no_native) {
        return NULL;
    }
    Rule *rule = rule_for_mov(t, d);
    rule = rule ? rule : rule_for_alu(t, d);
    rule = rule ? rule : rule_for_sse(d);
    rule = rule ? rule : rule_for_system(t, d, d == t->insn[t->n - 1]);
    rule = rule ? rule : rule_for_x87(d);
    rule = rule ? rule : rule_for_mmx(d);
    return rule ? rule : rule_for_branch(t, d, next_ip);
}

static void choose_rules(Translator *t)
{
    for (unsigned k = 0; k < t->n; k++) {
        const DecodedInsn *d = t->insn[k];
        uint64_t next_ip = t->ips[k] + d->len;
        t->rules[k] = choose_rule(t, d, t->code64 ? next_ip : (uint32_t)next_ip);
        jit_stats.native_insns += t->rules[k] != NULL;
    }
    jit_stats.insns += t->n;
}

static bool jumps_to_itself(const Translator *t)
{
    const DecodedInsn *last = t->insn[t->n - 1];
    bool relative = last->info->operands[0] == OPERAND_Jb || last->info->operands[0] == OPERAND_Jz;
    return relative && t->ips[t->n - 1] + last->len + last->imm == t->jb->eip;
}

/* ---- instructions ---- */

static bool ends_translation(const DecodedInsn *d)
{
    return d->info->attributes & ENDS_BLOCK;
}

static void finish_one_cold(const Translator *t, Cold *c, unsigned states)
{
    c->next = em_here(&t->e);
    c->after = t->flags;
    c->slots_after = t->slots;
    c->own_recipe = t->own_recipe;
    c->flags_after = t->needed[t->k];
    c->states = states;
    c->next_ip = t->next_ip;
    c->left = t->n - t->k - 1;
}

/* The cold paths of groups go on where no group lives any more. */
static void finish_groups(Translator *t)
{
    for (unsigned i = 0; i < t->nb_cold; i++) {
        Cold *c = &t->cold[i];
        if (c->kind == COLD_GROUP && c->group->end == t->k) {
            finish_one_cold(t, c, states_kept(t, t->k + 1));
            c->own_recipe = t->flags.recipe.kind != RECIPE_NONE;
        }
    }
}

static void finish_cold(Translator *t)
{
    unsigned states = t->nb_cold > t->first_cold ? states_kept(t, t->k + 1) : 0;
    for (unsigned i = t->first_cold; i < t->nb_cold; i++) {
        finish_one_cold(t, &t->cold[i], states);
    }
    finish_groups(t);
}

void set_insn(Translator *t, unsigned k)
{
    t->k = k;
    t->d = t->insn[k];
    t->ip = t->ips[k];
    t->next_ip = t->ip + t->d->len;
}

static void translate_insn(Translator *t)
{
    set_insn(t, t->k);
    t->at = 0;
    t->own_recipe = false;
    t->first_cold = t->nb_cold;
    if (t->rules[t->k]) {
        x87_before_insn(t);
        t->rules[t->k](t);
    } else {
        call_handler_in_place(t);
    }
    slots_write_through(t);
    finish_cold(t);
    if (!t->rules[t->k]) {
        t->states = 0;
    }
    if (!t->rules[t->k] || is_side_exit(t, t->k)) {
        states_guard(t, t->k + 1, t->k + 1 < t->n ? t->ips[t->k + 1] : t->next_ip);
    }
}

/* The fault that the lockstep test must find: behind the instruction, whichever way it was done, NOT EAX. Flags stay.
 */
static void emit_fault(Translator *t)
{
    if (unlikely(t->ctx->cs_base + t->ip == jit_config.wrong) && !ends_translation(t->d)) {
        em_rr(&t->e, 2, 0xf7, 2, host_reg(t, R_EAX));
    }
}

static void emit_fallthrough(Translator *t)
{
    if (!ends_translation(t->d)) {
        x87_flush_pointers(t);
        flags_want_mem(t);
        emit_goto(t, t->next_ip);
    }
}

/* ---- the block ---- */

static JitBlock *new_block(Block *block, const JitContext *ctx, uint64_t eip)
{
    JitBlock *jb = code_cache_alloc_data(&jit_cache, sizeof(*jb));
    uint64_t page = (ctx->cs_base + eip) & (jit_context_is_64(ctx) ? PAGE_MASK : (uint32_t)PAGE_MASK);
    *jb = (JitBlock){ .block = block, .ctx = ctx, .eip = eip };
    jb->place = jb->last_place = jit_place(ctx, page, (block->key >> 8) & PAGE_MASK);
    if (block->crosses) {
        jb->last_place = jit_place(ctx, page + PAGE_SIZE, block->second_page);
    }
    return jb;
}

/* The blocks that it is made of. */
static void note_parts(Translator *t)
{
    JitBlock *jb = t->jb;
    jb->n = t->n;
    jb->nb_parts = 1;
    for (unsigned k = 1; k < t->n; k++) {
        jb->nb_parts += t->from[k] != t->from[k - 1];
    }
    jb->parts = code_cache_alloc_data(&jit_cache, jb->nb_parts * sizeof(*jb->parts));
    for (unsigned k = 0, i = 0; k < t->n; k++) {
        i += k > 0 && t->from[k] != t->from[k - 1];
        jb->parts[i] = (JitPart){ .jb = jb, .block = t->from[k] };
    }
}

JitBlock *jit_translate(CPUState *cpu, Block *block, const JitContext *ctx, uint64_t eip, unsigned most)
{
    static Translator t;
    t = (Translator){ .ctx = ctx,
                      .code64 = jit_context_is_64(ctx),
                      .may_end_slice = most < BLOCK_MAX_INSNS,
                      .thunks = &jit_thunks[jit_context_is_64(ctx)],
                      .mmu_mode = ctx->mode & MODE_CPL3 ? MMU_USER : MMU_KERNEL,
                      .flags = { .mem = true } };
    if (!superblock_collect(&t, cpu, block, eip, most)) {
        return NULL;
    }
    begin_code(&t);
    t.jb = new_block(block, ctx, eip);
    note_parts(&t);
    choose_rules(&t);
    t.is_loop = jumps_to_itself(&t);
    flags_analyse(&t);
    share_analyse(&t);
    flags_analyse(&t); /* again: less is observed */
    emit_entry(&t);
    t.jb->states = t.states;
    for (t.k = 0; t.k < t.n; t.k++) {
        translate_insn(&t);
        emit_fault(&t);
    }
    t.k = t.n - 1;
    emit_fallthrough(&t);
    switch_part(&t);
    emit_side_exits(&t);
    mem_emit_cold(&t);
    emit_stubs(&t);
    switch_part(&t);
    end_code(&t);
    jit_stats.blocks++;
    return t.jb;
}
