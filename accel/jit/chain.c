/*
 * accel/jit/chain.c  Joining translated blocks: direct links by patching, indirect branches through a cache.
 *
 * Within a page a link is unconditional: the fetch latch (cpu->fetch_page) cannot change while a block runs. A link
 * into another page goes through a few instructions of its exit stub (translate-branch.c), which prove that the TLB
 * would give that page without a fill, and set the latch as the interpreter does.
 */
#include "accel/jit/jit-private.h"

void jit_link(JitExit *exit, JitBlock *to)
{
    if (exit->to || jit_config.no_links) {
        return;
    }
    exit->to = to;
    exit->next = to->incoming;
    to->incoming = exit;
    exit->phys_page = to->phys_page;
    /* A crossing link has polled already. */
    em_patch(exit->patch, jit_cache.rx - jit_cache.rw, exit->backward && !exit->crosses ? to->entry : to->forward);
    jit_stats.links++;
}

static void unlink_exit(JitExit *exit)
{
    exit->to = NULL;
    exit->phys_page = ~0ull;
    em_patch(exit->patch, jit_cache.rx - jit_cache.rw, exit->stub);
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
    *jit_ibtc_slot(jb->eip) = (JitIBTC){ .eip = jb->eip, .ctx = jb->ctx->id, .block = (uint32_t)(uintptr_t)jb };
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
