/*
 * accel/jit/mem.c  Memory operands: segment, TLB probe, and the cold path behind it.
 *
 * The probe is the one of access.h: the tag of the entry for the first byte must be the page of the last byte, so page
 * crossing, MMIO, code pages, watchpoints and alignment checks all miss. It never fills the TLB; the cold path does, by
 * the function the interpreter uses.
 */
#include "accel/jit/translate.h"

#define FAST_BITS 5 /* log2 sizeof(TLBFast) */
_Static_assert(sizeof(TLBFast) == 1 << FAST_BITS, "the probe scales by the size of an entry");

static int32_t fast_off(int mmu_mode, size_t member)
{
    return (int32_t)(offsetof(CPUState, tlb_fast) + (size_t)mmu_mode * sizeof(((CPUState *)0)->tlb_fast[0]) + member -
                     CPU_BIAS);
}

JitSite *new_site(Translator *t)
{
    JitSite *site = code_cache_alloc_data(&jit_cache, sizeof(*site));
    const InsnInfo *info = t->d->info;
    bool mov_seg = info->map == M_1B && (info->opcode == 0x8e || info->opcode == 0x07 || info->opcode == 0x1f ||
                                         info->opcode == 0xc4 || info->opcode == 0xc5);
    *site = (JitSite){ .d = t->d,
                       .block = t->from[t->k],
                       .jb = t->jb,
                       .ctx = t->ctx,
                       .ip = t->ip,
                       .next_ip = t->next_ip,
                       .x87_last = t->x87_last,
                       .x87_operand = t->x87_operand,
                       .left = (uint16_t)(t->n - t->k),
                       .may_change_context = mov_seg };
    site->is_rep = (info->attributes & REP_OK) && (t->d->prefix & (PREFIX_REP | PREFIX_REPNE));
    site->ends_block = info->attributes & ENDS_BLOCK;
    site->uses_flags = (info->flags_read | info->flags_written | info->flags_undefined) || site->ends_block;
    return site;
}

static Cold *new_cold(Translator *t, int kind, uint8_t *jump)
{
    Cold *c = &t->cold[t->nb_cold++];
    *c = (Cold){
        .kind = kind, .jump = jump, .site = new_site(t), .before = t->flags, .slots_before = t->slots, .recent = -1
    };
    return c;
}

/* A memory operand's address before its segment's base is added: of host registers (H_NONE: none), or a constant. */
typedef struct Address {
    unsigned base, index, scale;
    int64_t disp;
    bool constant;
} Address;

static Address address_of(Translator *t, const Access *a)
{
    Address address = { .base = H_NONE, .index = H_NONE, .scale = a->scale, .disp = a->disp };
    address.constant = a->base == R_ZERO && a->index == R_ZERO;
    if (a->base != R_ZERO) {
        address.base = host_reg(t, a->base);
    }
    if (a->index != R_ZERO) {
        address.index = host_reg(t, a->index);
    }
    return address;
}

/* size: log2 bytes of an address */
static void emit_address(Emit *e, unsigned size, unsigned reg, const Address *a)
{
    if (a->constant) {
        em_mov_ri64(e, reg, size == 3 ? (uint64_t)a->disp : (uint32_t)a->disp);
    } else {
        em_rx(e, size, 0x8d, reg, a->base, a->index, a->scale, (int32_t)a->disp);
    }
}

void mem_offset(Translator *t, const DecodedInsn *d, unsigned reg)
{
    if (d->base == R_EIP || (d->base == R_ZERO && d->index == R_ZERO)) {
        uint64_t origin = d->base == R_EIP ? t->next_ip : 0;
        em_mov_ri64(&t->e, reg, (origin + (uint64_t)d->disp) & d->ea_mask);
        return;
    }
    const Access operand = { .base = d->base, .index = d->index, .scale = d->scale, .disp = d->disp };
    const Address address = address_of(t, &operand);
    emit_address(&t->e, d->addr_size == 3 ? 3 : 2, reg, &address);
    if (d->addr_size == 1) {
        em_rr(&t->e, 2, 0x0fb7, reg, reg);
    }
}

static int32_t segment_off(unsigned seg, size_t member)
{
    return (int32_t)(offsetof(CPUState, seg) + seg * sizeof(SegmentCache) + member) - CPU_BIAS;
}

static void check_limit(Translator *t, unsigned seg, unsigned size, bool write)
{
    unsigned end = H_ADDR;
    if (size > 1) {
        em_rm(&t->e, 3, 0x8d, H_T1, H_ADDR, (int32_t)size - 1);
        end = H_T1;
    }
    size_t limit = write ? offsetof(SegmentCache, write_end) : offsetof(SegmentCache, read_end);
    em_rm(&t->e, 3, 0x3b, end, H_CPU, segment_off(seg, limit));
    new_cold(t, COLD_SEGMENT, em_jcc_later(&t->e, COND_AE));
}

/* H_ADDR: offset -> linear address, checked. In 64-bit mode only FS and GS have a base, and none a limit. */
static void emit_segment(Translator *t, unsigned seg, unsigned size, bool write)
{
    if (t->code64 ? seg < R_FS : t->ctx->flat & (1u << seg)) {
        return;
    }
    if (!t->code64) {
        check_limit(t, seg, size, write);
    }
    em_rm(&t->e, native_size(t), 0x03, H_ADDR, H_CPU, segment_off(seg, offsetof(SegmentCache, linear_base)));
}

static size_t tag_member(bool write)
{
    return write ? offsetof(TLBFast, write) : offsetof(TLBFast, read);
}

static int32_t recent_off(int mmu_mode, int recent, size_t member)
{
    size_t entry = (size_t)mmu_mode * TLB_RECENT + (size_t)recent;
    return (int32_t)(offsetof(CPUState, tlb_recent) + entry * sizeof(TLBFast) + member) - CPU_BIAS;
}

/* H_T1 = offset of the TLB's entry for H_ADDR; jumps when its tag is not the page of the last byte. */
static uint8_t *emit_tlb_compare(Emit *e, const ProbeKind *kind)
{
    unsigned width = kind->code64 ? 3 : 2;
    em_mov_rr(e, width, H_T1, H_ADDR);
    if (kind->size > 1) {
        em_rm(e, width, 0x8d, H_T2, H_ADDR, (int32_t)kind->size - 1);
    } else {
        em_mov_rr(e, width, H_T2, H_ADDR);
    }
    em_shift_ri(e, width, 5, H_T1, PAGE_BITS - FAST_BITS);
    em_alu_ri(e, width, ALU_AND, H_T2, (int32_t)PAGE_MASK);
    em_alu_ri(e, 2, ALU_AND, H_T1, (TLB_SIZE - 1) << FAST_BITS);
    em_rx(e, 3, 0x3b, H_T2, H_CPU, H_T1, 0, fast_off(kind->mmu_mode, tag_member(kind->write)));
    return em_jcc_later(e, COND_NE);
}

static ProbeKind probe_kind(const Translator *t, unsigned size, bool write)
{
    return (ProbeKind){ .code64 = t->code64, .write = write, .mmu_mode = t->mmu_mode, .size = size };
}

/*
 * Called when a copy of a TLB entry did not match. H_T1: which copy, from H_CPU; H_ADDR: linear address. When the TLB
 * has the page, that is remembered; H_ADDR is the host address then, and ZF set.
 */
const uint8_t *mem_emit_refill(Emit *e, const ProbeKind *kind)
{
    const uint8_t *start = em_here(e);
    em8(e, 0x41);
    em8(e, 0x50 | (H_T1 & 7)); /* push */
    uint8_t *miss = emit_tlb_compare(e, kind);
    em8(e, 0x41);
    em8(e, 0x58 | (H_T2 & 7)); /* pop */
    em8(e, 0x50 | H_RAX);      /* push: the XMM registers are the guest's */
    for (size_t member = 0; member < sizeof(TLBFast); member += 8) {
        em_rx(e, 3, 0x8b, H_RAX, H_CPU, H_T1, 0, fast_off(kind->mmu_mode, member));
        em_rx(e, 3, 0x89, H_RAX, H_CPU, H_T2, 0, (int32_t)member);
    }
    em8(e, 0x58 | H_RAX);
    em_rx(e, 3, 0x03, H_ADDR, H_CPU, H_T1, 0, fast_off(kind->mmu_mode, offsetof(TLBFast, addend)));
    em_rm(e, 2, 0xc7, 0, H_CPU, CPU_OFF(tlb_recent_used));
    em32(e, 1);
    em_alu_rr(e, 2, ALU_CMP, H_T1, H_T1);
    em8(e, 0xc3);
    em_patch(miss, e->rx_delta, em_here(e));
    em_rm(e, 3, 0x8d, H_RSP, H_RSP, 8);
    em8(e, 0xc3);
    return start;
}

static void finish_probe(Translator *t, Cold *c, unsigned size, bool write)
{
    c->back = em_here(&t->e);
    c->site->size = (uint8_t)size;
    c->site->write = write;
}

/* H_ADDR: linear -> host address. An address that is not canonical matches no tag. */
static void emit_tlb_probe(Translator *t, unsigned size, bool write)
{
    ProbeKind kind = probe_kind(t, size, write);
    Cold *c = new_cold(t, COLD_ACCESS, emit_tlb_compare(&t->e, &kind));
    em_rx(&t->e, 3, 0x03, H_ADDR, H_CPU, H_T1, 0, fast_off(t->mmu_mode, offsetof(TLBFast, addend)));
    finish_probe(t, c, size, write);
}

uint8_t *mem_probe_run(Translator *t, unsigned host, unsigned reg, unsigned more, bool write)
{
    Emit *e = &t->e;
    unsigned width = native_size(t);
    em_mov_rr(e, width, H_T1, reg);
    em_rx(e, width, 0x8d, H_T2, reg, more, 0, 0);
    em_shift_ri(e, width, 5, H_T1, PAGE_BITS - FAST_BITS);
    em_alu_ri(e, width, ALU_AND, H_T2, (int32_t)PAGE_MASK);
    em_alu_ri(e, 2, ALU_AND, H_T1, (TLB_SIZE - 1) << FAST_BITS);
    em_rx(e, 3, 0x3b, H_T2, H_CPU, H_T1, 0, fast_off(t->mmu_mode, tag_member(write)));
    uint8_t *miss = em_jcc_later(e, COND_NE);
    em_rx(e, 3, 0x8b, host, H_CPU, H_T1, 0, fast_off(t->mmu_mode, offsetof(TLBFast, addend)));
    em_alu_rr(e, 3, ALU_ADD, host, reg);
    return miss;
}

/*
 * The same through the copy of the entry that this base register used last: shorter, and the load need not wait for the
 * index. It refuses unaligned addresses, and so all that cross into another page; no tag has low bits.
 */
static void emit_recent_probe(Translator *t, unsigned size, bool write, int recent)
{
    Emit *e = &t->e;
    unsigned width = native_size(t);
    em_mov_rr(e, width, H_T2, H_ADDR);
    em_alu_ri(e, width, ALU_AND, H_T2, (int32_t)PAGE_MASK | (int32_t)(size - 1));
    em_rm(e, 3, 0x3b, H_T2, H_CPU, recent_off(t->mmu_mode, recent, tag_member(write)));
    Cold *c = new_cold(t, COLD_ACCESS, em_jcc_later(e, COND_NE));
    em_rm(e, 3, 0x03, H_ADDR, H_CPU, recent_off(t->mmu_mode, recent, offsetof(TLBFast, addend)));
    c->recent = recent;
    finish_probe(t, c, size, write);
}

static void emit_probe(Translator *t, unsigned size, bool write, int recent)
{
    bool power_of_two = !(size & (size - 1)) && size <= 16;
    if (recent >= 0 && power_of_two) {
        emit_recent_probe(t, size, write, recent);
    } else {
        emit_tlb_probe(t, size, write);
    }
}

/* ---- accesses that share a probe: share.c ---- */

/* Where host addresses wait: 32-bit code has two registers for that. */
static const uint8_t park_register[JIT_PARKS] = { H_R10, H_R11, H_NONE, H_NONE };

static void emit_park(Emit *e, const Group *g, bool code64)
{
    unsigned reg = code64 ? H_NONE : park_register[g->park];
    if (reg == H_NONE) {
        em_store(e, 3, H_ADDR, H_CPU, CPU_OFF(jit.parked) + g->park * 8);
    } else {
        em_mov_rr(e, 3, reg, H_ADDR);
    }
}

static void emit_unpark(Emit *e, const Group *g, bool code64)
{
    unsigned reg = code64 ? H_NONE : park_register[g->park];
    if (reg == H_NONE) {
        em_load(e, 3, H_ADDR, H_CPU, CPU_OFF(jit.parked) + g->park * 8);
    } else {
        em_mov_rr(e, 3, H_ADDR, reg);
    }
}

/* As the registers are before instruction k. */
static Access group_access(const Translator *t, const Group *g, unsigned k)
{
    Access a = g->all;
    a.disp -= a.base == R_ESP ? t->moved[k] : 0;
    return a;
}

/* Linear in H_ADDR -> host address, of all bytes of the group, and put aside. Returns the jump when that fails. */
static uint8_t *emit_group_probe(Translator *t, const Group *g)
{
    Emit *e = &t->e;
    const ProbeKind kind = probe_kind(t, g->all.size, g->all.write);
    if (g->all.seg >= R_FS) { /* no other segment has a base here */
        em_rm(e, 3, 0x03, H_ADDR, H_CPU, segment_off(g->all.seg, offsetof(SegmentCache, linear_base)));
    }
    uint8_t *failed = emit_tlb_compare(e, &kind);
    em_rx(e, 3, 0x03, H_ADDR, H_CPU, H_T1, 0, fast_off(t->mmu_mode, offsetof(TLBFast, addend)));
    if (g->parked) {
        emit_park(e, g, t->code64);
    }
    return failed;
}

static void begin_group(Translator *t, const Group *g)
{
    const Share *share = &t->share[t->k];
    const Access lowest = group_access(t, g, t->k);
    flags_before_clobber(t);
    const Address address = address_of(t, &lowest);
    emit_address(&t->e, native_size(t), H_ADDR, &address);
    Cold *c = new_cold(t, COLD_GROUP, emit_group_probe(t, g));
    finish_probe(t, c, share->size, share->write);
    c->site->of_group = true;
    c->group = g;
}

/* Is the present instruction's memory operand one of a group? Then that is all. */
static bool in_group(Translator *t, unsigned size, bool write)
{
    const Share *share = &t->share[t->k];
    if (!share->group) {
        return false;
    }
    const Group *g = &t->groups[share->group - 1];
    lockstep_assert(share->size == size && share->write == write, "jit: another access than expected");
    if (g->first == t->k) {
        begin_group(t, g);
    } else if (t->pointer != g) {
        emit_unpark(&t->e, g, t->code64);
    }
    t->pointer = g;
    t->at = share->at;
    return true;
}

/*
 * Which of cpu->tlb_recent a memory operand uses; -1: none. Kernels gain nothing: they wander over too many pages, and
 * reload CR3.
 */
static int recent_for(const Translator *t, unsigned seg, unsigned base, unsigned index)
{
    if (t->mmu_mode == MMU_KERNEL && !t->is_loop) {
        return -1;
    }
    if (seg >= R_FS) {
        return 16 + (int)seg - R_FS;
    }
    return base < 16 ? (int)base : index < 16 ? (int)index : -1;
}

/* The i386 ABI aligns double to 4 bytes only; MOVUPS and MOVDQU stand where alignment is not known. */
static bool often_unaligned(const Translator *t, unsigned size, bool aligned)
{
    bool i386_double = size == 8 && !t->code64 && (t->d->info->attributes & X87);
    return i386_double || (size == 16 && !aligned);
}

/* Follows a chain of pointers: each leads to another page. */
static bool chases(const DecodedInsn *d)
{
    return d->info->map == M_1B && d->info->opcode == 0x8b && d->reg == d->base;
}

void mem_operand_aligned(Translator *t, unsigned size, bool write, bool aligned)
{
    if (in_group(t, size, write)) {
        return;
    }
    flags_before_clobber(t);
    mem_offset(t, t->d, H_ADDR);
    emit_segment(t, t->d->seg, size, write);
    if (aligned) {
        em_rr(&t->e, 2, 0xf7, 0, H_ADDR);
        em32(&t->e, size - 1);
        handler_if(t, COND_NE);
    }
    bool ask_tlb = often_unaligned(t, size, aligned) || chases(t->d);
    emit_probe(t, size, write, ask_tlb ? -1 : recent_for(t, t->d->seg, t->d->base, t->d->index));
}

void mem_operand(Translator *t, unsigned size, bool write)
{
    mem_operand_aligned(t, size, write, false);
}

/* The register counts items of 8 << size bits from the operand on, and may be negative. */
void mem_bit_string(Translator *t, unsigned guest, bool write)
{
    const DecodedInsn *d = t->d;
    Emit *e = &t->e;
    unsigned size = d->op_size, reg = host_reg(t, guest);
    flags_before_clobber(t);
    mem_offset(t, d, H_ADDR);
    if (t->code64 && size == 2) {
        em_rr(e, 3, 0x63, H_T1, reg); /* movsxd */
    } else {
        em_mov_rr(e, size, H_T1, reg);
    }
    em_shift_ri(e, native_size(t), 7, H_T1, 3 + size);
    em_rx(e, native_size(t), 0x8d, H_ADDR, H_ADDR, H_T1, size, 0);
    emit_segment(t, d->seg, 1u << size, write);
    emit_probe(t, 1u << size, write, recent_for(t, d->seg, d->base, d->index));
}

void mem_at(Translator *t, unsigned seg, unsigned guest_base, int32_t disp, unsigned size, bool write)
{
    if (in_group(t, size, write)) {
        return;
    }
    unsigned base = host_reg(t, guest_base);
    flags_before_clobber(t);
    if (disp) {
        em_rm(&t->e, native_size(t), 0x8d, H_ADDR, base, disp);
    } else {
        em_mov_rr(&t->e, native_size(t), H_ADDR, base);
    }
    emit_segment(t, seg, size, write);
    emit_probe(t, size, write, recent_for(t, seg, guest_base, R_ZERO));
}

void handler_if(Translator *t, unsigned cond)
{
    new_cold(t, COLD_SEGMENT, em_jcc_later(&t->e, cond));
}

void mem_linear_or_handler(Translator *t, unsigned size)
{
    ProbeKind kind = probe_kind(t, size, false);
    kind.code64 = true; /* all 64 bits count, whatever the code */
    new_cold(t, COLD_SEGMENT, emit_tlb_compare(&t->e, &kind));
    em_rx(&t->e, 3, 0x03, H_ADDR, H_CPU, H_T1, 0, fast_off(t->mmu_mode, offsetof(TLBFast, addend)));
}

/* A REP instruction counted its iterations itself. */
static void emit_count_again(Translator *t)
{
    unsigned reg = t->code64 ? H_T1 : H_BUDGET;
    em_load(&t->e, 3, reg, H_CPU, CPU_OFF(icount_limit));
    em_rm(&t->e, 3, 0x2b, reg, H_CPU, CPU_OFF(icount));
    if (t->code64) {
        em_store(&t->e, 3, reg, H_CPU, CPU_OFF(jit.budget));
    }
}

void call_handler_in_place(Translator *t)
{
    flags_want_mem(t);
    JitSite *site = new_site(t);
    em_mov_ri32(&t->e, H_T1, (uint32_t)(uintptr_t)site);
    em_call(&t->e, t->thunks->handler);
    t->x87_last = NULL; /* noted by way of the site */
    t->x87_operand = NULL;
    t->flags = (FlagState){ .mem = true };
    t->slots = (Slots){ { 0 } };
    if (site->is_rep) {
        emit_count_again(t); /* it is the last of its block */
    }
}

/* ---- cold paths ---- */

/*
 * The handler has done the whole instruction, flags are in memory. Make what the hot code after it counts on; when that
 * is a recipe of the instruction itself, its operands are not known here: leave.
 */
static void emit_after_handler(Translator *t, const Cold *c)
{
    Emit *e = &t->e;
    if (c->own_recipe && c->flags_after && (!c->after.mem || c->kind == COLD_GROUP)) {
        JitExit *exit = code_cache_alloc_data(&jit_cache, sizeof(*exit));
        *exit = (JitExit){ .kind = JIT_EXIT_BUDGET, .eip = c->next_ip, .refund = c->left, .from = t->jb->last_place };
        em_mov_ri32(e, H_T1, (uint32_t)(uintptr_t)exit);
        em_jmp(e, t->thunks->exit);
        return;
    }
    if (c->states) {
        states_emit_load(t, c->states, states_new_exit(t, c->next_ip, c->left));
    }
    slots_emit_reload(e, &c->slots_after);
    if (c->flags_after && c->after.host) {
        flags_emit_restore(e);
    }
    em_jmp(e, c->next);
}

/* Back to the hot code with a host address, or on with ZF set. */
static void emit_call_access(Translator *t, const Cold *c)
{
    Emit *e = &t->e;
    em_call(e, t->thunks->access);
    if (!t->code64) {
        em_patch(em_jcc_later(e, COND_NE), e->rx_delta, c->back);
        return;
    }
    uint8_t *done = em_jcc_later(e, COND_E);
    slots_emit_reload(e, &c->slots_before);
    em_jmp(e, c->back);
    em_patch(done, e->rx_delta, em_here(e));
}

static void emit_flags_before(Emit *e, const Cold *c)
{
    if (!c->before.mem && c->before.recipe.kind != RECIPE_NONE) {
        flags_emit_recipe_to_mem(e, &c->before.recipe);
    }
}

/* Flags are in memory, and stay there. Does the block go on behind it? */
static bool emit_handler(Translator *t, unsigned k, bool failed)
{
    set_insn(t, k);
    JitSite *site = new_site(t);
    site->of_group = failed;
    em_mov_ri32(&t->e, H_T1, (uint32_t)(uintptr_t)site);
    em_call(&t->e, t->thunks->handler);
    return !site->ends_block;
}

/* The host register of a guest register; `scratch`, when it has to be fetched. */
static unsigned fetched(Emit *e, unsigned guest, unsigned scratch)
{
    if (guest == R_ZERO) {
        return H_NONE;
    }
    if (guest >= 8) {
        em_load(e, 3, scratch, H_CPU, CPU_REG_OFF(guest));
        return scratch;
    }
    return guest == R_ESP ? H_R12 : guest;
}

/* H_ADDR = address, from registers where they are in cold code: copies of R8-R15 may be lost. */
static void emit_cold_address(Translator *t, const Access *a)
{
    Address address = { .scale = a->scale, .disp = a->disp };
    address.constant = a->base == R_ZERO && a->index == R_ZERO;
    address.base = fetched(&t->e, a->base, H_ADDR);
    address.index = fetched(&t->e, a->index, H_T1);
    emit_address(&t->e, native_size(t), H_ADDR, &address);
}

/* The access of instruction k, done by itself. Returns the jump when a handler has done all of the instruction. */
static uint8_t *emit_own_access(Translator *t, const Cold *c, unsigned k)
{
    Access own = group_access(t, c->group, k);
    own.disp += t->share[k].at;
    emit_cold_address(t, &own);
    if (own.seg >= R_FS) {
        em_rm(&t->e, 3, 0x03, H_ADDR, H_CPU, segment_off(own.seg, offsetof(SegmentCache, linear_base)));
    }
    em_mov_ri32(&t->e, H_T1, (uint32_t)(uintptr_t)c->site);
    em_call(&t->e, t->thunks->access);
    return em_jcc_later(&t->e, COND_E);
}

/* All groups that live at instruction k ask again, the new one last. Returns how many ways to `failed` there are. */
static unsigned emit_ask_again(Translator *t, const Group *new, unsigned k, uint8_t **failed)
{
    unsigned n = 0;
    for (unsigned i = 0; i <= t->nb_groups; i++) {
        const Group *g = i < t->nb_groups ? &t->groups[i] : new;
        bool lives = g->first < k && k < g->last;
        if (i == t->nb_groups || lives) {
            const Access lowest = group_access(t, g, k);
            emit_cold_address(t, &lowest);
            failed[n++] = emit_group_probe(t, g);
        }
    }
    return n;
}

/*
 * Handlers run the instructions from k to the last one of all groups that overlap. However many groups those are, that
 * stands once: the state is the same.
 */
static void emit_handlers(Translator *t, const Cold *c, unsigned k)
{
    for (; k <= c->group->end; k++) {
        if (t->handled[k]) {
            em_jmp(&t->e, t->handled[k]);
            return;
        }
        t->handled[k] = em_here(&t->e);
        if (!emit_handler(t, k, false)) {
            return;
        }
    }
    emit_after_handler(t, c);
}

/* See share.c. */
static void emit_group_cold(Translator *t, const Cold *c)
{
    Emit *e = &t->e;
    const Group *g = c->group;
    uint8_t *failed[JIT_PARKS + 1];
    emit_flags_before(e, c);
    uint8_t *done = emit_own_access(t, c, g->first);
    unsigned ways = emit_ask_again(t, g, g->first, failed);
    slots_emit_reload(e, &c->slots_before);
    em_jmp(e, c->back);
    while (ways-- > 0) {
        em_patch(failed[ways], e->rx_delta, em_here(e));
    }
    t->x87_last = c->site->x87_last;
    t->x87_operand = c->site->x87_operand;
    bool goes_on = emit_handler(t, g->first, true);
    em_patch(done, e->rx_delta, em_here(e));
    if (goes_on) {
        emit_handlers(t, c, g->first + 1u);
    }
}

static void emit_cold(Translator *t, const Cold *c)
{
    Emit *e = &t->e;
    em_patch(c->jump, e->rx_delta, em_here(e));
    if (c->kind == COLD_STATE) {
        states_emit_load(t, c->states, c->state_exit);
        em_jmp(e, c->back);
        return;
    }
    if (c->kind == COLD_GROUP) {
        emit_group_cold(t, c);
        return;
    }
    if (c->recent >= 0) {
        em_mov_ri32(e, H_T1, (uint32_t)recent_off(t->mmu_mode, c->recent, 0));
        em_call(e, jit_refill[t->code64][t->mmu_mode][c->site->write][__builtin_ctz(c->site->size)]);
        em_patch(em_jcc_later(e, COND_E), e->rx_delta, c->back);
    }
    emit_flags_before(e, c);
    em_mov_ri32(e, H_T1, (uint32_t)(uintptr_t)c->site);
    if (c->kind == COLD_SEGMENT) {
        em_call(e, t->thunks->handler);
    } else {
        emit_call_access(t, c);
    }
    emit_after_handler(t, c);
}

void mem_emit_cold(Translator *t)
{
    for (unsigned i = 0; i < t->nb_cold; i++) {
        emit_cold(t, &t->cold[i]);
    }
}
