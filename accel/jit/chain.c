/*
 * accel/jit/chain.c  Joining translated blocks: direct links by patching, indirect branches through a cache.
 *
 * Within a page a link is unconditional: the fetch latch cannot change while a block runs. A link into another page
 * compares what the TLB entry of that page is known to lead to (translate-branch.c): the TLB would give that page
 * without a fill.
 */
#include "accel/jit/jit-private.h"

static void set_place(const JitExit *exit, const JitPlace *place)
{
    uint32_t id = place ? (uint32_t)(uintptr_t)place : JIT_NOWHERE;
    if (exit->place_patch) {
        memcpy(exit->place_patch, &(int32_t){ place ? place->known_off : CPU_OFF(tlb_place) }, 4);
        memcpy(exit->place_patch + 4, &id, 4);
    }
    if (exit->from_patch) {
        memcpy(exit->from_patch, &id, 4);
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
    if (exit->to || jit_config.no_links) {
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
    set_place(exit, NULL);
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
                                         .known_off = jb->place->known_off,
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

/* ---- places ---- */

#define PLACES 4096

static JitPlace *places[PLACES];

void jit_forget_places(void)
{
    memset(places, 0, sizeof(places));
    tlb_forget_places();
}

static JitPlace *new_place(unsigned mmu_mode, uint64_t page, uint64_t phys_page)
{
    JitPlace *place = code_cache_alloc_data(&jit_cache, sizeof(*place));
    unsigned index = (page >> PAGE_BITS) & (TLB_SIZE - 1);
    *place = (JitPlace){ .page = page, .page_tag = page | TLB_VALID, .phys_page = phys_page };
    place->mmu_mode = mmu_mode;
    place->index = index;
    place->known_off = CPU_OFF(tlb_place) + (int32_t)((mmu_mode * TLB_SIZE + index) * sizeof(uint32_t));
    return place;
}

const JitPlace *jit_place(const JitContext *ctx, uint64_t page, uint64_t phys_page)
{
    unsigned mmu_mode = ctx->mode & MODE_CPL3 ? MMU_USER : MMU_KERNEL;
    uint64_t key =
        (page >> PAGE_BITS) * 2 + (phys_page >> PAGE_BITS) + mmu_mode; /* kernels lie at constant distances */
    JitPlace **head = &places[key % PLACES], *place = *head;
    while (place && (place->page != page || place->phys_page != phys_page || place->mmu_mode != mmu_mode)) {
        place = place->next;
    }
    if (!place) {
        place = new_place(mmu_mode, page, phys_page);
        place->next = *head;
        *head = place;
    }
    return place;
}

bool jit_enter_place(CPUState *cpu, const JitPlace *place)
{
    uint32_t *known = &cpu->tlb_place[place->mmu_mode][place->index], id = (uint32_t)(uintptr_t)place;
    if (*known != id && cpu->tlb_fast[place->mmu_mode][place->index].exec == place->page &&
        (cpu->tlb[place->mmu_mode][place->index].phys & PAGE_MASK) == place->phys_page) {
        *known = id;
    }
    return *known == id;
}
