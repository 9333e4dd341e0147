/*
 * accel/interp/interp.c  The reference engine: runs decoded blocks, one handler call per instruction. docs/cpu.md.
 *
 * The fast loop knows nothing but blocks and the budget. Whatever else may happen between two instructions (traps,
 * interrupts, exit requests) is found by one test per block, and single instructions (TF, RF, breakpoints, interrupt
 * shadow) have a loop of their own. No result depends on where blocks begin and end.
 */
#include "accel/interp/interp.h"

#include "accel/interp/fetch.h"
#include "accel/interp/trace.h"
#include "target/i386/debug.h"
#include "util/info.h"

/* The vCPU thread's present position; one thread runs all vCPUs. */
static struct {
    CPUState *cpu;          /* inside exec() */
    const Block *block;     /* the one whose instruction runs */
    bool step_shadow;       /* that instruction stands in an interrupt shadow */
    bool capped;            /* icount_limit is lowered so that REP does one iteration... */
    int64_t uncapped_limit; /* ...from this */
} now;

InterpTrace interp_trace;

/* ---- finding the next block ---- */

/* Control entered another page. The limit is checked first: its #GP goes before the page fault. */
static uint64_t enter_page(CPUState *cpu, uint64_t la)
{
    bool code64 = (cpu->mode & MODE_CODE_MASK) == MODE_CODE64;
    cpu->insn_ip = cpu->eip;
    if (code64 ? !address_is_canonical(la) : cpu->eip > cpu->seg[R_CS].limit) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    return cpu_fetch_translate(cpu, la);
}

static void link_blocks(Block *prev, Block *block)
{
    prev->succ[prev->next_succ] = block;
    prev->next_succ ^= 1;
}

static Block *look_up(CPUState *cpu, BlockCache *cache, Block *prev, uint64_t phys)
{
    Block *block = block_cache_find(cache, block_key(phys, cpu->mode));
    if (block && !block->crosses && fetch_within_limit(cpu, block)) {
        if (prev) {
            link_blocks(prev, block);
        }
        return block;
    }
    cpu->insn_ip = cpu->eip;
    Block *fetched = fetch_block(cpu, cache, phys);
    if (unlikely(interp_trace.decoded) && fetched != block) {
        interp_trace.decoded(cpu, fetched);
    }
    return fetched;
}

static inline Block *next_block(CPUState *cpu, BlockCache *cache, Block *prev)
{
    uint64_t la = fetch_linear(cpu, cpu->eip), page = cpu->fetch_phys;
    if (unlikely(cpu->fetch_page != ((la & PAGE_MASK) | TLB_VALID))) {
        page = enter_page(cpu, la);
    }
    uint64_t phys = page | (la & ~PAGE_MASK), key = block_key(phys, cpu->mode);
    for (unsigned i = 0; prev && i < 2; i++) {
        Block *block = prev->succ[i];
        if (likely(block && block->key == key) && likely(fetch_within_limit(cpu, block))) {
            return block;
        }
    }
    if (prev && prev->key == key && !prev->crosses && fetch_within_limit(cpu, prev)) {
        return prev; /* it did not run: a translation found it longer than the slice */
    }
    return look_up(cpu, cache, prev, phys);
}

/* ---- running ---- */

/* eip is known from one instruction to the next: handlers that change it end the block. */
static inline void run_insns(CPUState *cpu, const Block *block, int64_t count)
{
    const DecodedInsn *d = block->insn;
    uint64_t mask = cpu->linear_mask;
    uint64_t ip = cpu->eip;
    now.block = block;
    cpu->run_end = d + count;
    do {
        cpu->insn = d;
        cpu->insn_ip = ip;
        ip = (ip + d->len) & mask;
        cpu->eip = ip;
        d->exec(cpu, d);
        cpu->icount++;
        d++;
    } while (d < cpu->run_end);
}

static bool is_repeated(const DecodedInsn *d)
{
    return (d->info->attributes & REP_OK) && (d->prefix & (PREFIX_REP | PREFIX_REPNE));
}

/*
 * A REP instruction that stopped half-way will be entered again: RF keeps its instruction breakpoint quiet, as it does
 * in the image that an interrupt there would push (SDM 3B 17.3.1.1).
 */
void interp_note_unfinished(CPUState *cpu)
{
    if (unlikely(cpu->eip == cpu->insn_ip) && is_repeated(cpu->insn)) {
        cpu->eflags |= RF_MASK;
    }
}

void interp_set_running(const Block *block)
{
    now.block = block;
}

/* ---- between instructions ---- */

static bool must_step(const CPUState *cpu)
{
    return (cpu->eflags & TF_MASK) || cpu->int_shadow || cpu->has_breakpoints;
}

/* Should delivery fault, insn_ip is where execution goes on. */
static void deliver(CPUState *cpu, bool debug_trap)
{
    cpu->insn_ip = cpu->eip;
    if (debug_trap) {
        cpu_deliver_debug_trap(cpu);
    } else {
        cpu_take_interrupt(cpu);
    }
}

/* Traps go before interrupts, and both before leaving. Returns true with *reason when the slice ends here. */
static bool attend(CPUState *cpu, ExitReason *reason)
{
    while (cpu->icount < cpu->icount_limit) {
        if (cpu->pending_db && !(cpu->int_shadow & SHADOW_MOVSS)) {
            deliver(cpu, true);
        } else if (cpu->int_point) {
            cpu->int_point = false;
            if (cpu_has_interrupt(cpu)) {
                deliver(cpu, false);
            }
        } else if (cpu->halted) {
            *reason = EXIT_HALT;
            return true;
        } else {
            *reason = EXIT_REQUEST;
            return g_atomic_int_get(&cpu->exit_request);
        }
    }
    *reason = EXIT_BUDGET;
    return true;
}

/* ---- one instruction, when something must be looked at after it ---- */

/*
 * TF and the interrupt shadow end after one iteration of a REP instruction. A deadline that a device sets meanwhile
 * cannot lower the limit further; leaving at the next block lets it be computed again.
 */
static void cap_rep(CPUState *cpu, const DecodedInsn *d)
{
    now.capped = is_repeated(d);
    now.uncapped_limit = cpu->icount_limit;
    if (now.capped) {
        cpu->icount_limit = cpu->icount + 1;
    }
}

static void uncap_rep(CPUState *cpu)
{
    if (!now.capped) {
        return;
    }
    now.capped = false;
    cpu->icount_limit = now.uncapped_limit;
    if (cpu->int_point) {
        g_atomic_int_set(&cpu->exit_request, 1);
    }
}

/* INT n, INT3, INT1, SYSCALL and a taken INTO that clear TF on their way are not trapped; a POPF that does still is. */
static bool trap_suppressed(const CPUState *cpu, const DecodedInsn *d)
{
    uint8_t opcode = d->info->opcode;
    bool soft_int = d->info->map == M_1B && ((opcode >= 0xcc && opcode <= 0xce) || opcode == 0xf1);
    bool syscall = d->info->map == M_0F && opcode == 0x05;
    return (soft_int || syscall) && !(cpu->eflags & TF_MASK);
}

static void run_step(CPUState *cpu, BlockCache *cache)
{
    bool trap = cpu->eflags & TF_MASK, shadow = cpu->int_shadow;
    if (cpu->has_breakpoints) {
        cpu_check_insn_breakpoint(cpu);
    }
    Block *block = next_block(cpu, cache, NULL);
    const DecodedInsn *d = block->insn;
    cpu->eflags &= ~RF_MASK; /* a fault's image has it set whatever it was */
    cpu->int_shadow = 0;
    now.step_shadow = shadow;
    if (trap || shadow) {
        cap_rep(cpu, d);
    }
    if (unlikely(interp_trace.executes)) {
        interp_trace.executes(cpu, block);
    }
    run_insns(cpu, block, 1);
    uncap_rep(cpu);
    now.step_shadow = false;
    interp_note_unfinished(cpu);
    if (trap && !trap_suppressed(cpu, d)) {
        cpu->pending_db |= DR6_BS;
    }
    cpu->int_point |= shadow && !cpu->int_shadow; /* the window opens here */
}

/* ---- the engine ---- */

/* RF matters to instruction breakpoints only, and while there are any, run_step() runs everything. */
Block *interp_run_block(CPUState *cpu, Block *block)
{
    cpu->eflags &= ~RF_MASK;
    run_insns(cpu, block, MIN(cpu->icount_limit - cpu->icount, block->count));
    interp_note_unfinished(cpu);
    return block;
}

static Block *run_block_traced(CPUState *cpu, Block *block)
{
    interp_trace.executes(cpu, block);
    return interp_run_block(cpu, block);
}

/* Not into interp_exec_with(): where sigsetjmp() may return twice no variable stays in a register. */
static __attribute__((noinline)) ExitReason run(CPUState *cpu, const BlockRunner *runner)
{
    BlockCache *cache = cpu->engine_data;
    Block *block = NULL;
    ExitReason reason;
    for (;;) {
        if (unlikely(interp_must_look(cpu))) {
            if (attend(cpu, &reason)) {
                return reason;
            }
            block = NULL;
            if (must_step(cpu)) {
                run_step(cpu, cache);
                continue;
            }
        }
        if (block || !runner->enter || !runner->enter(cpu, &block)) {
            block = runner->run(cpu, next_block(cpu, cache, block));
        }
    }
}

/* The instruction was not retired. Debug traps that it earned will be earned again; its interrupt shadow is over. */
static void fault(CPUState *cpu)
{
    now.block = NULL;
    uncap_rep(cpu);
    cpu->int_point |= now.step_shadow || cpu->int_shadow;
    now.step_shadow = false;
    cpu->int_shadow = 0;
    cpu->pending_db = 0;
    cpu_deliver_exception(cpu);
}

ExitReason interp_exec_with(CPUState *cpu, int64_t budget, const BlockRunner *runner)
{
    cpu->icount_limit = cpu->icount + budget;
    now.cpu = cpu;
    while (sigsetjmp(cpu->fault_jmp, 0)) {
        if (runner->fault) {
            runner->fault(cpu);
        }
        fault(cpu);
    }
    ExitReason reason = run(cpu, runner);
    now.cpu = NULL;
    now.block = NULL;
    return reason;
}

static ExitReason interp_exec(CPUState *cpu, int64_t budget)
{
    static const BlockRunner runner = { .run = interp_run_block }, traced = { .run = run_block_traced };
    return interp_exec_with(cpu, budget, unlikely(interp_trace.executes) ? &traced : &runner);
}

void interp_init_cpu(CPUState *cpu)
{
    insn_table_init();
    cpu->engine_data = block_cache_shared();
}

void interp_invalidate(CPUState *cpu, ram_addr_t addr, uint64_t len)
{
    if (cpu->engine_data && block_cache_invalidate(cpu->engine_data, addr, len, now.block) && now.cpu) {
        cpu_end_block(now.cpu);
    }
}

void interp_flush(CPUState *cpu)
{
    if (!cpu->engine_data) {
        return;
    }
    block_cache_flush(cpu->engine_data);
    if (now.cpu) {
        cpu_end_block(now.cpu);
    }
}

static void interp_info(CPUState *cpu, InfoPrint *print, void *opaque)
{
    const BlockCacheStats *stats = block_cache_stats(cpu->engine_data);
    g_autofree char *line =
        g_strdup_printf("blocks %" PRIu64 ", bytes %" PRIu64 ", flushes %" PRIu64 ", invalidated blocks %" PRIu64,
                        stats->blocks, stats->bytes, stats->flushes, stats->invalidations);
    print(opaque, line);
}

const ExecEngine interp_engine = {
    .name = "interp",
    .init_cpu = interp_init_cpu,
    .exec = interp_exec,
    .invalidate = interp_invalidate,
    .flush = interp_flush,
    .info = interp_info,
};
