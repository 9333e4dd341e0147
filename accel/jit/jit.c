/*
 * accel/jit/jit.c  The fast engine: translates blocks that run often, and runs them. DESIGN.md section 4.
 *
 * Between blocks it is the interpreter (accel/interp/interp.c), which also decodes, finds, and drops blocks. Nothing
 * here can be seen by the guest: same instructions, same stops, same TLB fills in the same order.
 */
#include "accel/jit/jit.h"

#include "accel/interp/fetch.h"
#include "accel/interp/interp.h"
#include "accel/interp/trace.h"
#include "accel/jit/jit-private.h"
#include "target/i386/hostfloat.h"
#include "util/info.h"
#include "util/timer.h"

JitStats jit_stats;
JitConfig jit_config = { .cache_bytes = 64 * MiB, .threshold = 8, .max_insns = BLOCK_MAX_INSNS, .wrong = ~0ull };
CodeCache jit_cache;
uint64_t jit_generation;
JitIBTC *jit_ibtc;
JitReturns *jit_returns;
uint32_t *jit_host_mxcsr;

static JitContext contexts[JIT_MAX_CONTEXTS]; /* [0] is unused: id 0 means none */
static unsigned nb_contexts = 1;
static const JitContext *recent[256]; /* used last, by context_slot() */
static JitExit *last_exit;            /* how translated code was left, when the next block may be joined to it */
static int64_t started_us;            /* host time; for info jit */

/* ---- stress: cuts where nobody expects them ---- */

static uint64_t random_state;

/* Knuth's MMIX generator; the low bits of a product are poor, the high ones are not. */
uint32_t jit_random(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33);
}

/* A slice may end anywhere, and nobody notices. Mostly after a few instructions, now and then after thousands. */
static int64_t random_slice(int64_t budget)
{
    uint32_t r = jit_random(), most = 1u << (r & 15);
    return MIN(budget, 1 + (int64_t)((r >> 4) % most));
}

/* ---- contexts ---- */

static bool segment_is_flat(const SegmentCache *s)
{
    return s->linear_base == 0 && s->read_end > UINT32_MAX && s->write_end > UINT32_MAX;
}

uint32_t jit_flat_segments(const CPUState *cpu)
{
    uint32_t flat = 0;
    flat |= (uint32_t)segment_is_flat(&cpu->seg[R_ES]) << R_ES;
    flat |= (uint32_t)segment_is_flat(&cpu->seg[R_SS]) << R_SS;
    flat |= (uint32_t)segment_is_flat(&cpu->seg[R_DS]) << R_DS;
    return flat;
}

static uint64_t code_limit(const CPUState *cpu)
{
    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64 ? ~0ull : cpu->seg[R_CS].limit;
}

/* 64-bit mode has nothing but the mode. */
bool jit_context_matches(const CPUState *cpu, const JitContext *ctx)
{
    if (ctx->mode != cpu->mode || jit_context_is_64(ctx)) {
        return ctx->mode == cpu->mode;
    }
    return ctx->cs_base == cpu->seg[R_CS].linear_base && ctx->cs_limit == code_limit(cpu) &&
           ctx->flat == jit_flat_segments(cpu);
}

/* ---- forgetting ---- */

static void enter_part(JitPart *part)
{
    part->next = part->block->translations;
    part->block->translations = part;
}

static void remove_part(JitPart *part)
{
    void **link = &part->block->translations;
    while (*link != part) {
        link = (void **)&((JitPart *)*link)->next;
    }
    *link = part->next;
}

static void forget_translation(JitBlock *jb)
{
    jit_unlink_block(jb);
    for (unsigned i = 0; i < jb->nb_parts; i++) {
        remove_part(&jb->parts[i]);
    }
    jb->block = NULL;
}

/* The interpreter forgot one block, or (NULL) all of them. */
static void block_dropped(Block *block)
{
    last_exit = NULL;
    if (!block) {
        code_cache_reset(&jit_cache);
        memset(jit_ibtc, 0, JIT_IBTC_SIZE * sizeof(*jit_ibtc));
        jit_forget_places();
        jit_returns->sp = jit_returns->base;
        jit_generation++;
        jit_stats.flushes++;
        jit_stats.blocks = 0;
        return;
    }
    while (block->translations) {
        forget_translation(((JitPart *)block->translations)->jb);
    }
}

void jit_group_failed(const CPUState *cpu, const JitBlock *jb)
{
    Block *block = jb->block;
    jit_stats.failed_groups++;
    if (!block || ++block->failed_groups < JIT_MAX_FAILED_GROUPS) {
        return;
    }
    if (cpu->icount - block->failed_since < JIT_MAX_FAILED_GROUPS * JIT_FAILED_GROUP_INSNS) {
        block_dropped(block);
        return;
    }
    block->failed_groups = 0;
    block->failed_since = cpu->icount;
}

static const JitContext *new_context(CPUState *cpu)
{
    JitContext *ctx = &contexts[nb_contexts];
    *ctx = (JitContext){ .mode = cpu->mode,
                         .flat = jit_flat_segments(cpu),
                         .cs_base = cpu->seg[R_CS].linear_base,
                         .cs_limit = code_limit(cpu),
                         .id = nb_contexts++ };
    return ctx;
}

/* User code and kernel, or two code segments of a BIOS, hardly ever share one. */
static const JitContext **context_slot(const CPUState *cpu)
{
    uint64_t base = cpu->seg[R_CS].linear_base;
    return &recent[(cpu->mode ^ base >> 4 ^ base >> 12) % ARRAY_SIZE(recent)];
}

static const JitContext *find_context(const CPUState *cpu)
{
    for (unsigned i = 1; i < nb_contexts; i++) {
        if (jit_context_matches(cpu, &contexts[i])) {
            return &contexts[i];
        }
    }
    return NULL;
}

/* NULL: there is none yet. */
static inline const JitContext *present_context(const CPUState *cpu)
{
    const JitContext **slot = context_slot(cpu);
    if (!*slot || !likely(jit_context_matches(cpu, *slot))) {
        *slot = find_context(cpu);
    }
    return *slot;
}

/* ---- finding and making translations ---- */

static JitBlock *find_translation(const Block *block, const JitContext *ctx, uint64_t eip)
{
    for (JitPart *part = block->translations; part; part = part->next) {
        JitBlock *jb = part->jb;
        if (jb->block == block && jb->eip == eip && jb->ctx == ctx) {
            return jb;
        }
    }
    return NULL;
}

static bool is_hot(Block *block)
{
    block->heat += block->heat < UINT16_MAX;
    return block->heat >= jit_config.threshold && block->key != BLOCK_KEY_DEAD;
}

/* Room for contexts and code. */
static bool has_room(void)
{
    return code_cache_has_room(&jit_cache, JIT_ROOM_CODE, JIT_ROOM_DATA) && nb_contexts < JIT_MAX_CONTEXTS;
}

static void forget_all(CPUState *cpu)
{
    block_cache_flush(cpu->engine_data);
    memset(recent, 0, sizeof(recent));
    nb_contexts = 1;
}

static JitBlock *make_translation(CPUState *cpu, Block *block)
{
    if (!is_hot(block)) {
        return NULL;
    }
    const JitContext *ctx = present_context(cpu);
    ctx = ctx ? ctx : new_context(cpu);
    JitBlock *jb = jit_translate(cpu, block, ctx, cpu->eip, BLOCK_MAX_INSNS);
    for (unsigned i = 0; jb && i < jb->nb_parts; i++) {
        enter_part(&jb->parts[i]);
    }
    return jb;
}

static JitBlock *translation_of(CPUState *cpu, Block *block)
{
    if (block->translations) {
        const JitContext *ctx = present_context(cpu);
        JitBlock *jb = ctx ? find_translation(block, ctx, cpu->eip) : NULL;
        if (jb) {
            return jb;
        }
    }
    return make_translation(cpu, block);
}

/* Is the block's page what would be fetched? In another page than the last one: by a valid entry of the TLB. */
static bool enter_page(CPUState *cpu, const JitPlace *place)
{
    if (cpu->fetch_page == place->page_tag) {
        return cpu->fetch_phys == place->phys_page;
    }
    bool leads = jit_enter_place(cpu, place);
    if (leads) {
        jit_set_latch(cpu, place);
    }
    return leads;
}

/*
 * RF ends with the next instruction, so it may be cleared only when the block (that fits into the slice) is sure to run
 * it; false: it is not, the interpreter must.
 */
static bool ends_rf(const CPUState *cpu, const JitBlock *jb)
{
    return likely(!(cpu->eflags & RF_MASK)) || (!jb->block->crosses && !(jb->states & 1 << STATE_X87) &&
                                                (!(jb->states & 1 << STATE_SSE) || jit_sse_can_load(cpu)));
}

static const JitBlock *look_up(const CPUState *cpu)
{
    const JitContext *ctx = present_context(cpu);
    return ctx ? jit_ibtc_find(cpu->eip, ctx) : NULL;
}

const JitBlock *jit_next_block(CPUState *cpu, const JitBlock *guess)
{
    if (cpu->int_point && cpu->icount < cpu->icount_limit && !cpu->pending_db && !cpu_has_interrupt(cpu)) {
        cpu->int_point = false;
    }
    if (interp_must_look(cpu)) {
        return NULL;
    }
    bool right = guess && guess->eip == cpu->eip && guess->block && jit_context_matches(cpu, guess->ctx);
    const JitBlock *jb = right ? guess : look_up(cpu);
    bool fits = jb && cpu->icount_limit - cpu->icount > jb->n && ends_rf(cpu, jb);
    if (!fits || !enter_page(cpu, jb->place)) { /* once it is entered, it must run */
        return NULL;
    }
    cpu->eflags &= ~RF_MASK;
    return jb;
}

/* ---- running ---- */

/* The block was fetched just now. May translated code see the second page too, if there is one? */
static bool enter_fetched(CPUState *cpu, const JitBlock *jb)
{
    jit_enter_place(cpu, jb->place);
    return !jb->block->crosses || jit_enter_place(cpu, jb->last_place);
}

/* The way translated code was left leads to jb: next time it goes there by itself. */
static void join(JitExit *exit, JitBlock *jb)
{
    if (!exit) {
        return;
    }
    if (exit->kind == JIT_EXIT_INDIRECT || exit->kind == JIT_EXIT_LEAVE) {
        jit_ibtc_insert(jb);
    } else if (exit->kind == JIT_EXIT_LINK && exit->eip == jb->eip && exit->ctx == jb->ctx) {
        jit_link(exit, jb);
    }
}

/* Translated code was left: x87 state and flags too go where they belong; the thunks have stored all else. */
static void take_back(CPUState *cpu)
{
    if (cpu->jit.x87_loaded) {
        jit_x87_save(cpu);
    }
    cpu->jit.sse_loaded = false;
    if (jit_flags_out) {
        jit_flags_to_cc(cpu);
        jit_flags_out = false;
    }
}

static void left(CPUState *cpu, const JitExit *exit)
{
    jit_stats.exits[exit->kind]++;
    take_back(cpu);
    if (exit->kind == JIT_EXIT_LEAVE) {
        interp_note_unfinished(cpu);
        return;
    }
    jit_set_latch(cpu, exit->from ? exit->from : (const JitPlace *)(uintptr_t)cpu->jit.from);
    cpu->icount -= exit->refund;
    if (exit->kind != JIT_EXIT_INDIRECT) {
        cpu->eip = exit->eip;
    }
}

static Block *run_translation(CPUState *cpu, const JitBlock *jb)
{
    jit_flags_from_cc(cpu);
    jit_flags_out = true;
    cpu->jit.ctx = jb->ctx->id;
    cpu->fetch_page = JIT_LATCH_RUNNING;
    cpu->run_end = jb->block->insn; /* anything but NULL */
    jit_stats.entries++;
    uint64_t before = jit_generation;
    JitExit *exit = jit_thunks[jit_context_is_64(jb->ctx)].enter((uint8_t *)cpu + CPU_BIAS, jb->entry);
    left(cpu, exit);
    last_exit = before == jit_generation ? exit : NULL;
    return last_exit ? exit->block : NULL;
}

/* The interpreter runs a block that is not translated (yet), and it is noted which way that goes. */
static Block *run_cold(CPUState *cpu, Block *block)
{
    uint64_t behind = cpu->eip + block->bytes;
    interp_run_block(cpu, block);
    block->falls += cpu->eip == behind && block->falls < UINT16_MAX;
    return block;
}

/* What the latch leads to, when the block that was found before may have been dropped. */
static Block *fetch_again(CPUState *cpu)
{
    uint64_t la = fetch_linear(cpu, cpu->eip);
    cpu->insn_ip = cpu->eip;
    return fetch_block(cpu, cpu->engine_data, cpu_fetch_translate(cpu, la) | (la & ~PAGE_MASK));
}

/*
 * stress=exact: how many instructions of the block a translation of its own may run. To the end of the slice, but for a
 * jump: only where control just falls through may the budget be zero behind a block.
 */
static unsigned exact_end(const Block *block, unsigned left_to_run)
{
    unsigned most = jit_config.exact ? MIN(left_to_run, BLOCK_MAX_INSNS - 1) : 0;
    bool jumps = most && most <= block->count && (block->insn[most - 1].info->attributes & ENDS_BLOCK);
    return jumps ? most - 1 : most;
}

/* A page was entered: then an instruction runs, whoever wants to end the slice. */
static Block *run_fetched(CPUState *cpu, Block *block)
{
    int64_t left_to_run = cpu->icount_limit - cpu->icount;
    if (left_to_run <= block->count && !jit_config.exact) { /* the end of the slice: no translation is as short */
        last_exit = NULL;
        return interp_run_block(cpu, block);
    }
    if (unlikely(!has_room())) {
        forget_all(cpu); /* this block too, so it must not run: nothing would notice a store into it */
        last_exit = NULL;
        return run_cold(cpu, fetch_again(cpu));
    }
    bool no_state = last_exit && last_exit->kind == JIT_EXIT_STATE;
    uint64_t before = jit_generation;
    JitBlock *jb = no_state ? NULL : translation_of(cpu, block);
    if (!jb) {
        last_exit = NULL;
        return run_cold(cpu, likely(before == jit_generation) ? block : fetch_again(cpu));
    }
    if (likely(left_to_run > jb->n)) {
        join(last_exit, jb);
    } else {
        unsigned most = exact_end(block, (unsigned)left_to_run);
        jb = most && has_room() ? jit_translate(cpu, block, jb->ctx, jb->eip, most) : NULL;
    }
    last_exit = NULL;
    if (!jb || !enter_fetched(cpu, jb) || !ends_rf(cpu, jb)) {
        return interp_run_block(cpu, block);
    }
    cpu->eflags &= ~RF_MASK;
    return run_translation(cpu, jb);
}

/* Translated code entered a block that it may not run, or not as a whole. */
static Block *run_entered(CPUState *cpu, Block *last)
{
    while (last_exit && last_exit->entered && cpu->icount < cpu->icount_limit) {
        last = run_fetched(cpu, last_exit->block->crosses ? fetch_again(cpu) : last_exit->block);
    }
    return last;
}

static Block *run_block(CPUState *cpu, Block *block)
{
    return run_entered(cpu, run_fetched(cpu, block));
}

static bool enter(CPUState *cpu, Block **last)
{
    const JitBlock *jb = jit_config.no_links || last_exit ? NULL : jit_next_block(cpu, NULL);
    if (!jb) {
        return false;
    }
    *last = run_entered(cpu, run_translation(cpu, jb));
    return true;
}

/* A fault in translated code. */
static void faulted(CPUState *cpu)
{
    last_exit = NULL;
    jit_latch_of_site(cpu);
    take_back(cpu);
}

static ExitReason jit_exec(CPUState *cpu, int64_t budget)
{
    static const BlockRunner runner = { .run = run_block, .enter = enter, .fault = faulted };
    budget = MIN(budget, JIT_SLICE);
    if (unlikely(jit_config.random)) {
        budget = random_slice(budget);
    }
    if (unlikely(jit_returns->sp < jit_returns->limit)) {
        jit_returns->sp = jit_returns->base; /* much was called that never returned */
    }
    if (!qemu_clock_virtual_line(&cpu->jit.ns_per_insn, &cpu->jit.ns_at_0)) {
        cpu->jit.ns_per_insn = 0;
    }
    if (unlikely(interp_trace.executes)) { /* -d exec, cpu: every block is shown, so the interpreter runs them */
        last_exit = NULL;
        return interp_engine.exec(cpu, budget);
    }
    return interp_exec_with(cpu, budget, &runner);
}

/* ---- the engine ---- */

static void jit_init_cpu(CPUState *cpu)
{
    static bool checked;
    interp_init_cpu(cpu);
    started_us = g_get_monotonic_time();
    block_cache_set_drop_hook(cpu->engine_data, block_dropped);
    if (!checked) {
        jit_x87_check_host(cpu);
        checked = true;
    }
}

#define RETURNS_BYTES (JIT_RETURNS_SLACK + (JIT_SLICE + JIT_RETURNS + 2) * sizeof(uint64_t))

static void init_returns(void)
{
    jit_returns = code_cache_alloc_data(&jit_cache, sizeof(*jit_returns));
    uint8_t *stack = code_cache_alloc_data(&jit_cache, RETURNS_BYTES);
    jit_returns->sp = jit_returns->base = stack + RETURNS_BYTES - 16;
    jit_returns->limit = jit_returns->base - JIT_RETURNS * sizeof(uint64_t);
}

static void set_no_return(void)
{
    memcpy(jit_returns->base, &jit_no_return, sizeof(jit_no_return));
}

bool jit_init(void)
{
    if (jit_cache.rw) {
        return true;
    }
    size_t kept = JIT_IBTC_SIZE * sizeof(*jit_ibtc) + RETURNS_BYTES + PAGE_SIZE;
    if (!code_cache_init(&jit_cache, jit_config.cache_bytes, kept)) {
        return false;
    }
    jit_ibtc = code_cache_alloc_data(&jit_cache, JIT_IBTC_SIZE * sizeof(*jit_ibtc));
    jit_host_mxcsr = code_cache_alloc_data(&jit_cache, sizeof(*jit_host_mxcsr));
    *jit_host_mxcsr = MXCSR_DEFAULT;
    init_returns();
    jit_cache.data_kept = jit_cache.data_used;
    jit_thunks_emit();
    set_no_return();
    return true;
}

static bool set_one_stress(const char *value)
{
    if (!strcmp(value, "one")) {
        jit_config.max_insns = 1;
    } else if (!strcmp(value, "handlers")) {
        jit_config.no_native = true;
    } else if (!strcmp(value, "nolinks")) {
        jit_config.no_links = true;
    } else if (!strcmp(value, "tiny")) {
        jit_config.cache_bytes = 512 * KiB;
    } else if (!strcmp(value, "random")) {
        jit_config.random = true;
    } else if (!strcmp(value, "exact")) {
        jit_config.exact = true;
        return true;
    } else {
        return false;
    }
    jit_config.threshold = 1;
    return true;
}

/* "one+random" */
static bool set_stress(const char *value)
{
    g_auto(GStrv) names = g_strsplit(value, "+", 0);
    bool ok = *names != NULL;
    for (char **name = names; ok && *name; name++) {
        ok = set_one_stress(*name);
    }
    return ok;
}

static bool set_seed(const char *value, Error **errp)
{
    if (!parse_uint(value, UINT32_MAX, &random_state)) {
        error_setg(errp, "stress-seed is a number of 32 bits, not '%s'", value);
        return false;
    }
    return true;
}

static bool set_wrong(const char *value, Error **errp)
{
    if (!parse_uint(value, UINT32_MAX, &jit_config.wrong)) {
        error_setg(errp, "stress-wrong is a linear address below 4 GiB, not '%s'", value);
        return false;
    }
    return true;
}

bool jit_option(const char *key, const char *value, Error **errp)
{
    uint64_t n;
    if (!strcmp(key, "tb-size")) {
        if (!parse_uint(value, 1024, &n) || n == 0) {
            error_setg(errp, "tb-size is 1 to 1024 (MiB), not '%s'", value);
            return false;
        }
        jit_config.cache_bytes = n * MiB;
        return true;
    }
    if (!strcmp(key, "stress-seed")) {
        return set_seed(value, errp);
    }
    if (!strcmp(key, "stress-wrong")) {
        return set_wrong(value, errp);
    }
    if (!set_stress(value)) {
        error_setg(errp, "stress=%s is not known; there are one, handlers, nolinks, tiny, random and exact", value);
        return false;
    }
    return true;
}

/* ---- info jit: counters, and what they did since the last look ---- */

typedef struct InfoRates {
    InfoSink out;
    double seconds; /* of host time since the last look, or since the start */
} InfoRates;

static void info_rate(const InfoRates *rates, const char *name, uint64_t now, uint64_t before)
{
    info_line(&rates->out, "%s %" PRIu64 ", %.0f per second", name, now, (double)(now - before) / rates->seconds);
}

static void info_rates(const InfoRates *rates, const JitStats *before, uint64_t icount, uint64_t icount_before)
{
    static const char *const names[JIT_EXIT_COUNT] = { "exits link", "exits indirect", "exits budget", "exits leave",
                                                       "exits state" };
    const JitStats *s = &jit_stats;
    info_rate(rates, "instructions", icount, icount_before);
    info_rate(rates, "entries", s->entries, before->entries);
    info_rate(rates, "resumed", s->resumed, before->resumed);
    info_rate(rates, "x87 loads", s->x87_loads, before->x87_loads);
    info_rate(rates, "SSE loads", s->sse_loads, before->sse_loads);
    for (unsigned i = 0; i < JIT_EXIT_COUNT; i++) {
        info_rate(rates, names[i], s->exits[i], before->exits[i]);
    }
    info_rate(rates, "handler calls", s->handler_calls, before->handler_calls);
    info_rate(rates, "slow accesses", s->slow_accesses, before->slow_accesses);
    info_rate(rates, "failed groups", s->failed_groups, before->failed_groups);
}

static void jit_info(CPUState *cpu, InfoPrint *print, void *opaque)
{
    static JitStats before;
    static uint64_t icount_before;
    static int64_t us_before;
    const JitStats *s = &jit_stats;
    int64_t us = g_get_monotonic_time();
    const InfoRates rates = { { print, opaque }, MAX(1, us - MAX(us_before, started_us)) / 1e6 };
    interp_engine.info(cpu, print, opaque);
    info_line(&rates.out, "translations %" PRIu64 ", code bytes %zu of %zu, flushes %" PRIu64 ", links %" PRIu64,
              s->blocks, jit_cache.used + jit_cache.cold_used - jit_cache.cold, jit_cache.size, s->flushes, s->links);
    info_line(&rates.out, "instructions translated %" PRIu64 ", natively %" PRIu64, s->insns, s->native_insns);
    info_line(&rates.out, "in the last %.3f s of host time:", rates.seconds);
    info_rates(&rates, &before, (uint64_t)cpu->icount, icount_before);
    before = *s;
    icount_before = (uint64_t)cpu->icount;
    us_before = us;
}

const ExecEngine jit_engine = {
    .name = "jit",
    .init_cpu = jit_init_cpu,
    .exec = jit_exec,
    .invalidate = interp_invalidate,
    .flush = interp_flush,
    .info = jit_info,
};
