/*
 * accel/interp/fetch.c  Instruction fetch for the interpreter.
 *
 * Decoding runs ahead of execution, fetching must not: the TLB is asked for the page of the first instruction only, and
 * for the next page only when that one instruction crosses. Instructions later in a block lie on the same page, and a
 * block never extends past the CS limit when it is run (fetch_within_limit()).
 */
#include "accel/interp/fetch.h"

#include "target/i386/access.h"

#define INSN_MAX_LEN 15

static void insn_too_long(CPUState *cpu, const DecodedInsn *d)
{
    (void)d;
    cpu_raise(cpu, EXCP_GP, 0);
}

static const InsnHandlers too_long_handlers = HANDLERS_ALL(insn_too_long);
static const InsnInfo too_long_info = {
    .mnemonic = "(too long)", .map = M_COUNT, .attributes = ENDS_BLOCK, .handlers = &too_long_handlers
};

/* Where a guest-physical page of RAM or ROM lies; false for MMIO and holes. */
static bool find_ram(uint64_t page, ram_addr_t *addr, const uint8_t **host)
{
    hwaddr offset, len = PAGE_SIZE;
    bool readonly;
    MemoryRegion *mr = address_space_translate(&address_space_memory, page, &offset, &len, &readonly);
    if (!mr || (mr->kind != MR_RAM && mr->kind != MR_ROM) || len < PAGE_SIZE) {
        return false;
    }
    *addr = mr->ram_addr + offset;
    *host = memory_region_get_ram_ptr(mr) + offset;
    return true;
}

static bool limit_applies(const CPUState *cpu)
{
    return (cpu->mode & MODE_CODE_MASK) != MODE_CODE64;
}

/* Bytes that may be fetched at CS:EIP, at most 15. */
static unsigned bytes_to_limit(const CPUState *cpu)
{
    uint64_t limit = cpu->seg[R_CS].limit;
    if (!limit_applies(cpu)) {
        return INSN_MAX_LEN;
    }
    return cpu->eip > limit ? 0 : (unsigned)MIN(limit - cpu->eip + 1, INSN_MAX_LEN);
}

bool fetch_second_page(CPUState *cpu, const Block *block)
{
    uint64_t la = (fetch_linear(cpu, cpu->eip) & PAGE_MASK) + PAGE_SIZE;
    if (!limit_applies(cpu) && !address_is_canonical(la)) {
        cpu_raise(cpu, EXCP_GP, 0);
    }
    return cpu_fetch_translate(cpu, la) == block->second_page;
}

/* ---- one instruction, byte by byte: the rare cases ---- */

static void decoded_too_long(DecodedInsn *d)
{
    *d = (DecodedInsn){ .exec = insn_too_long, .info = &too_long_info, .len = INSN_MAX_LEN };
}

/*
 * Fetch and decode the instruction at CS:EIP with each byte checked in order, as the processor does. *second_page: the
 * physical page of bytes beyond the first page, untouched when there are none.
 */
static void fetch_one(CPUState *cpu, DecodedInsn *d, uint64_t *second_page)
{
    uint8_t bytes[INSN_MAX_LEN];
    uint64_t la = fetch_linear(cpu, cpu->eip), page = cpu_fetch_translate(cpu, la);
    unsigned available = bytes_to_limit(cpu);
    for (unsigned n = 0; n < available; n++) {
        if (n > 0 && ((la + n) & ~PAGE_MASK) == 0) {
            if (!limit_applies(cpu) && !address_is_canonical(la + n)) {
                break;
            }
            page = *second_page = cpu_fetch_translate(cpu, la + n);
        }
        bytes[n] = (uint8_t)address_space_ld(&address_space_memory, page | ((la + n) & ~PAGE_MASK), 1);
        DecodeResult result = cpu_decode(cpu, bytes, n + 1, cpu->mode, d);
        if (result == DECODE_OK) {
            return;
        }
        if (result == DECODE_TOO_LONG) {
            decoded_too_long(d);
            return;
        }
    }
    cpu_raise(cpu, EXCP_GP, 0); /* beyond the limit, or the last canonical address */
}

static Block *scratch_block(CPUState *cpu)
{
    static Block *scratch;
    uint64_t second_page = 0;
    if (!scratch) {
        scratch = g_aligned_alloc0(1, sizeof(Block) + sizeof(DecodedInsn), 64);
        scratch->key = BLOCK_KEY_DEAD;
        scratch->count = 1;
    }
    fetch_one(cpu, &scratch->insn[0], &second_page);
    scratch->bytes = scratch->insn[0].len;
    scratch->succ[0] = scratch->succ[1] = NULL;
    return scratch;
}

/* ---- blocks ---- */

static bool insn_ends_block(const DecodedInsn *d)
{
    bool repeated = (d->info->attributes & REP_OK) && (d->prefix & (PREFIX_REP | PREFIX_REPNE));
    return (d->info->attributes & ENDS_BLOCK) || repeated;
}

/* Decode from `bytes` to the end of the page, at most `limit` instructions. Returns how many, *length their bytes. */
static unsigned decode_run(CPUState *cpu, const uint8_t *bytes, unsigned available, DecodedInsn *insn, unsigned limit,
                           unsigned *length)
{
    unsigned count = 0, used = 0;
    while (count < limit && used < available) {
        DecodedInsn *d = &insn[count];
        DecodeResult result = cpu_decode(cpu, bytes + used, MIN(available - used, INSN_MAX_LEN), cpu->mode, d);
        if (result == DECODE_TOO_LONG && count == 0) {
            decoded_too_long(d);
        } else if (result != DECODE_OK) {
            break;
        }
        count++;
        used += d->len;
        if (insn_ends_block(d)) {
            break;
        }
    }
    *length = used;
    return count;
}

static Block *make_block(BlockCache *cache, uint64_t key, const DecodedInsn *insn, unsigned count, unsigned bytes)
{
    Block *block = block_cache_alloc(cache, count);
    block->key = key;
    block->count = (uint16_t)count;
    block->bytes = (uint16_t)bytes;
    memcpy(block->insn, insn, count * sizeof(*insn));
    return block;
}

static void add_span(Block *block, ram_addr_t addr, unsigned len)
{
    block->span[block->nb_spans].addr = addr;
    block->span[block->nb_spans].len = (uint16_t)len;
    block->nb_spans++;
}

/* An instruction on two pages. NULL when it may not be cached. */
static Block *crossing_block(CPUState *cpu, BlockCache *cache, uint64_t phys, ram_addr_t addr)
{
    DecodedInsn d;
    uint64_t second_page = 0;
    ram_addr_t second_addr;
    const uint8_t *host;
    unsigned first_bytes = PAGE_SIZE - (phys & ~PAGE_MASK);
    fetch_one(cpu, &d, &second_page);
    if (d.len <= first_bytes || !find_ram(second_page, &second_addr, &host)) {
        return NULL;
    }
    Block *block = make_block(cache, block_key(phys, cpu->mode), &d, 1, d.len);
    block->crosses = true;
    block->second_page = second_page;
    add_span(block, addr, first_bytes);
    add_span(block, second_addr, d.len - first_bytes);
    return block;
}

/* From host memory, the page `addr` of the RAM space. NULL when not even the first instruction ends on the page. */
static Block *straight_block(CPUState *cpu, BlockCache *cache, uint64_t phys, ram_addr_t addr, const uint8_t *host)
{
    static DecodedInsn insn[BLOCK_MAX_INSNS];
    unsigned offset = phys & ~PAGE_MASK, bytes, limit = block_cache_limit(cache, addr);
    unsigned count = decode_run(cpu, host + offset, PAGE_SIZE - offset, insn, limit, &bytes);
    if (count == 0) {
        return NULL;
    }
    Block *block = make_block(cache, block_key(phys, cpu->mode), insn, count, bytes);
    add_span(block, addr + offset, bytes);
    return block;
}

/* Decode what lies at phys. NULL when it may not be cached. */
static Block *translate(CPUState *cpu, BlockCache *cache, uint64_t phys, bool may_fetch)
{
    ram_addr_t addr;
    const uint8_t *host;
    if (!find_ram(phys & PAGE_MASK, &addr, &host)) {
        return NULL;
    }
    Block *block = straight_block(cpu, cache, phys, addr, host);
    if (!block && may_fetch) {
        block = crossing_block(cpu, cache, phys, addr + (phys & ~PAGE_MASK));
    }
    if (block) {
        block_cache_insert(cache, block);
    }
    return block;
}

Block *fetch_ahead(CPUState *cpu, BlockCache *cache, uint64_t phys)
{
    Block *block = block_cache_find(cache, block_key(phys, cpu->mode));
    return block ? block : translate(cpu, cache, phys, false);
}

Block *fetch_block(CPUState *cpu, BlockCache *cache, uint64_t phys)
{
    Block *block = block_cache_find(cache, block_key(phys, cpu->mode));
    if (block && block->crosses && fetch_within_limit(cpu, block) && !fetch_second_page(cpu, block)) {
        block_cache_drop(cache, block);
        block = NULL;
    }
    if (!block && bytes_to_limit(cpu) == INSN_MAX_LEN) {
        block = translate(cpu, cache, phys, true);
    }
    return block && fetch_within_limit(cpu, block) ? block : scratch_block(cpu);
}
