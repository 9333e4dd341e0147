/*
 * accel/jit/chain.c  Joining translated blocks: direct links by patching, indirect branches through a cache.
 *
 * Within a page a link is unconditional: the fetch latch (cpu->fetch_page) cannot change while a block runs. A link
 * into another page goes through a few instructions of its exit stub (translate-branch.c), which prove that the TLB
 * would give that page without a fill, and set the latch as the interpreter does.
 */
#include "accel/jit/jit-private.h"

static void set_place(const JitExit *exit, const JitPlace *place)
{
    if (exit->place_patch) {
        memcpy(exit->place_patch, &(uint32_t){ (uint32_t)(uintptr_t)place }, 4);
    }
}

static void lead_to(const JitExit *exit, const uint8_t *target)
{
    em_patch(exit->patch, jit_cache.rx - jit_cache.rw, target);
    if (exit->patch2) {
        em_patch(exit->patch2, jit_cache.rx - jit_cache.rw, target);
    }
}

void jit_link(JitExit *exit, JitBlock *to)
{
    if (exit->to || jit_config.no_links || (exit->place && exit->place->phys_page != to->place->phys_page)) {
        return;
    }
    exit->to = to;
    exit->next = to->incoming;
    to->incoming = exit;
    set_place(exit, to->place);
    lead_to(exit, to->entry);
    jit_stats.links++;
}

static void unlink_exit(JitExit *exit)
{
    exit->to = NULL;
    set_place(exit, &jit_nowhere[exit->ctx->id]);
    lead_to(exit, exit->stub);
}

static void remove_incoming(JitExit *exit)
{
    JitExit **link = &exit->to->incoming;
    while (*link != exit) {
        link = &(*link)->next;
    }
    *link = exit->next;
    unlink_exit(exit);
}

void jit_ibtc_insert(JitBlock *jb)
{
    *jit_ibtc_slot(jb->eip) = (JitIBTC){ .eip = jb->eip,
                                         .ctx = jb->ctx->id,
                                         .entry = (uint32_t)(uintptr_t)jb->entry,
                                         .place = (uint32_t)(uintptr_t)jb->place,
                                         .block = (uint32_t)(uintptr_t)jb };
}

void jit_unlink_block(JitBlock *jb)
{
    while (jb->incoming) {
        JitExit *exit = jb->incoming;
        jb->incoming = exit->next;
        unlink_exit(exit);
    }
    for (JitExit *exit = jb->links; exit; exit = exit->sibling) {
        if (exit->to) {
            remove_incoming(exit);
        }
    }
    JitIBTC *slot = jit_ibtc_slot(jb->eip);
    if (slot->block == (uint32_t)(uintptr_t)jb) {
        *slot = (JitIBTC){ 0 };
    }
}

/* ---- places: found again as long as no other one takes its entry here ---- */

#define PLACES 4096

static const JitPlace *places[PLACES];
JitPlace *jit_nowhere;

void jit_forget_places(void)
{
    memset(places, 0, sizeof(places));
}

static const JitPlace *new_place(const JitContext *ctx, uint64_t page, uint64_t phys_page)
{
    JitPlace *place = code_cache_alloc_data(&jit_cache, sizeof(*place));
    size_t mode = ctx->mode & MODE_CPL3 ? MMU_USER : MMU_KERNEL;
    size_t node = mode * TLB_SIZE + ((page >> PAGE_BITS) & (TLB_SIZE - 1));
    *place = (JitPlace){ .page = page, .page_tag = page | TLB_VALID, .phys_page = phys_page, .ctx = ctx->id };
    place->exec_off =
        (int64_t)(offsetof(CPUState, tlb_fast) + node * sizeof(TLBFast) + offsetof(TLBFast, exec)) - CPU_BIAS;
    place->phys_off =
        (int64_t)(offsetof(CPUState, tlb) + node * sizeof(TLBEntry) + offsetof(TLBEntry, phys)) - CPU_BIAS;
    return place;
}

const JitPlace *jit_place(const JitContext *ctx, uint64_t page, uint64_t phys_page)
{
    const JitPlace **p = &places[(page >> PAGE_BITS ^ phys_page >> PAGE_BITS ^ (uint64_t)ctx->id << 8) % PLACES];
    bool known = *p && (*p)->page == page && (*p)->phys_page == phys_page && (*p)->ctx == ctx->id;
    if (!known) {
        *p = new_place(ctx, page, phys_page);
    }
    return *p;
}
