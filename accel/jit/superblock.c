/*
 * accel/jit/superblock.c  Which instructions one translation takes: those of a decoded block, and, where it ends with a
 * forward jump inside its page, of the block that mostly follows, and so on.
 *
 * Jumps that stay inside cost next to nothing: flags stay in the host's flags, the budget is taken off once. The other
 * way of a conditional jump is a side exit. Decoded blocks end at each jump, and the interpreter's visits tell which
 * way they went: a side exit that is taken often costs more than it saves, and so does code that is there twice.
 * Backward jumps are never followed.
 */
#include "accel/interp/fetch.h"
#include "accel/jit/translate.h"

typedef struct Way {
    Block *block; /* NULL: no way */
    uint64_t ip;
} Way;

/* Addresses must not wrap inside the block, and the segment must not end there. */
static bool is_translatable(const Block *block, const JitContext *ctx, uint64_t ip)
{
    return !(ctx->mode & MODE_TF) && block->key != BLOCK_KEY_DEAD &&
           (jit_context_is_64(ctx) || ctx->cs_base + ip + block->bytes <= UINT32_MAX);
}

static void append(Translator *t, Way way, unsigned most)
{
    const Block *block = way.block;
    for (unsigned k = 0; k < block->count && t->n < most; k++, t->n++) {
        t->insn[t->n] = &block->insn[k];
        t->from[t->n] = way.block;
        t->ips[t->n] = way.ip;
        way.ip += block->insn[k].len;
    }
}

/* The block at `ip`, if that lies behind the last instruction on the same page. */
static Way way_to(const Translator *t, CPUState *cpu, uint64_t ip)
{
    BlockCache *cache = cpu->engine_data;
    const Block *first = t->from[0];
    uint64_t base = t->ctx->cs_base, page = (first->key >> 8) & PAGE_MASK, phys = page | ((base + ip) & ~PAGE_MASK);
    if (((base + ip) ^ (base + t->ips[0])) & PAGE_MASK || ip <= t->ips[t->n - 1]) {
        return (Way){ NULL };
    }
    bool nothing_ran = jit_config.threshold == 1;
    Block *block = nothing_ran ? fetch_ahead(cpu, cache, phys) : block_cache_find(cache, block_key(phys, cpu->mode));
    bool good =
        block && !block->crosses && is_translatable(block, t->ctx, ip) && ip + block->bytes - 1 <= t->ctx->cs_limit;
    return (Way){ good ? block : NULL, ip };
}

/*
 * The way that a conditional jump, the end of `block`, took at least three times of four; and often enough after the
 * first block that it pays. The present visit of the first block is counted, but has not gone anywhere yet.
 */
static Way usual_way(const Translator *t, CPUState *cpu, const Block *block, uint64_t next_ip, uint64_t target)
{
    const Block *first = t->from[0];
    unsigned visits = block->heat - (block == first);
    if (jit_config.threshold == 1) { /* nothing has run */
        return way_to(t, cpu, jit_random() & 1 ? next_ip : target);
    }
    if (visits * 2 < first->heat) {
        return (Way){ NULL };
    }
    if (block->falls * 4 >= visits * 3) {
        return way_to(t, cpu, next_ip);
    }
    return block->falls * 4 <= visits ? way_to(t, cpu, target) : (Way){ NULL };
}

/* From the last instruction on. */
static Way way_on(const Translator *t, CPUState *cpu)
{
    const DecodedInsn *d = t->insn[t->n - 1];
    uint64_t next_ip = t->ips[t->n - 1] + d->len, target;
    if (!branch_is_known(t, d, next_ip, &target)) {
        return (Way){ NULL };
    }
    return d->info->flags_read ? usual_way(t, cpu, t->from[t->n - 1], next_ip, target) : way_to(t, cpu, target);
}

/* False: the block cache was flushed. */
static bool run_on(Translator *t, CPUState *cpu, unsigned most)
{
    const uint64_t flushes = block_cache_stats(cpu->engine_data)->flushes;
    for (unsigned exits = 0; exits < MAX_SIDE_EXITS && t->n < most;) {
        exits += t->insn[t->n - 1]->info->flags_read != 0;
        Way way = way_on(t, cpu);
        if (block_cache_stats(cpu->engine_data)->flushes != flushes) {
            return false;
        }
        if (!way.block) {
            break;
        }
        append(t, way, most);
    }
    return true;
}

bool superblock_collect(Translator *t, CPUState *cpu, Block *block, uint64_t eip, unsigned most)
{
    if (!is_translatable(block, t->ctx, eip)) {
        return false;
    }
    bool alone = most < BLOCK_MAX_INSNS || block->crosses || jit_config.no_native ||
                 block_cache_limit(cpu->engine_data, block->span[0].addr) < BLOCK_MAX_INSNS;
    most = MIN(most, jit_config.max_insns);
    append(t, (Way){ block, eip }, most);
    if (!alone && !run_on(t, cpu, most)) {
        return false;
    }
    t->n = jit_config.random ? 1 + jit_random() % t->n : t->n;
    return true;
}
