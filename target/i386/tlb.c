/*
 * target/i386/tlb.c  The translation look-aside buffer, and every access that the inline probe of access.h does not
 * settle.
 *
 * SDM 3A, 4.10. CPUState.tlb is machine state (DESIGN 2.6): direct-mapped, one table per privilege, one entry per 4 KiB
 * also for large pages. An entry goes only when the architecture says so or when another page takes its place. What the
 * emulator needs (memory map, code pages, dirty tracking, watchpoints) acts on CPUState.tlb_fast, which is derived.
 * With paging off, identity entries are used in the same way.
 */
#include "target/i386/paging.h"

#include "accel/engine.h"
#include "target/i386/debug.h"

#define TLB_NODES     (NB_MMU_MODES * TLB_SIZE)
#define TLB_WORDS     (TLB_SIZE / 64)
#define CHAIN_BUCKETS TLB_SIZE
#define CHAIN_END     (-1)
#define REGION_BITS   10 /* of large_regions */

_Static_assert(TLB_NODES - 1 <= INT16_MAX, "a node's number has 16 bits");

/* The RAM behind an entry, and its place among those that have the same one. */
typedef struct TLBNode {
    ram_addr_t ram; /* as tlb_ram_page() gave it */
    int16_t next, prev;
} TLBNode;

/* Bits of 64 entries. */
typedef struct TLBWord {
    uint64_t used;  /* valid */
    uint64_t local; /* and not global */
    uint64_t large; /* and part of a large page */
} TLBWord;

/*
 * Derived from the entries and the memory map. A node's number is mode * TLB_SIZE + index. Nodes whose pages lie in RAM
 * are chained by RAM page, so that a change of one page's flags finds its entries at once. The node of an entry that
 * was dropped stays as it is: most come back with the same page.
 */
struct TLBIndex {
    TLBWord word[NB_MMU_MODES][TLB_WORDS];
    uint64_t local_words[NB_MMU_MODES][TLB_WORDS / 64];            /* bit: a word that may have `local` bits */
    uint64_t large_regions[NB_MMU_MODES][(1 << REGION_BITS) / 64]; /* bit: large entries may lie in such a region */
    TLBNode node[TLB_NODES];
    int16_t bucket[CHAIN_BUCKETS];
};

static GPtrArray *tlb_cpus; /* every CPUState that has a TLB, in order of creation */

/* ---- guest-physical page -> RAM ---- */

RAMWindow tlb_last_window;
static RAMWindow window_before; /* the one before that */

/* Only whole pages of RAM at whole pages of the RAM space; anything finer goes through address_space_ld/st. */
static ram_addr_t ram_page_lookup(hwaddr phys)
{
    RAMWindow w = { .start = phys, .len = ~(hwaddr)0 - phys };
    hwaddr offset;
    bool readonly;
    MemoryRegion *mr = address_space_translate(&address_space_memory, phys, &offset, &w.len, &readonly);
    w.len &= PAGE_MASK;
    if (!mr || (mr->kind != MR_RAM && mr->kind != MR_ROM) || !w.len || ((mr->ram_addr + offset) & ~PAGE_MASK)) {
        return RAM_ADDR_INVALID;
    }
    w.ram = (mr->ram_addr + offset) | (readonly || mr->kind == MR_ROM ? RAM_PAGE_READONLY : 0);
    window_before = tlb_last_window;
    tlb_last_window = w;
    return w.ram;
}

ram_addr_t tlb_ram_page_elsewhere(hwaddr phys)
{
    hwaddr offset = phys - window_before.start;
    return offset < window_before.len ? window_before.ram + offset : ram_page_lookup(phys);
}

/* ---- index: used entries, chains by RAM page ---- */

static unsigned page_index(uint64_t la)
{
    return (la >> PAGE_BITS) & (TLB_SIZE - 1);
}

static unsigned chain_bucket(ram_addr_t ram)
{
    return (ram >> PAGE_BITS) & (CHAIN_BUCKETS - 1);
}

static void chain_add(struct TLBIndex *x, int number)
{
    TLBNode *node = &x->node[number];
    int16_t *head = &x->bucket[chain_bucket(node->ram)];
    node->next = *head;
    node->prev = CHAIN_END;
    if (*head != CHAIN_END) {
        x->node[*head].prev = (int16_t)number;
    }
    *head = (int16_t)number;
}

static void chain_remove(struct TLBIndex *x, int number)
{
    const TLBNode *node = &x->node[number];
    if (node->prev != CHAIN_END) {
        x->node[node->prev].next = node->next;
    } else {
        x->bucket[chain_bucket(node->ram)] = node->next;
    }
    if (node->next != CHAIN_END) {
        x->node[node->next].prev = node->prev;
    }
}

static void set_ram(struct TLBIndex *x, int number, ram_addr_t ram)
{
    TLBNode *node = &x->node[number];
    if (node->ram == ram) {
        return;
    }
    if (node->ram != RAM_ADDR_INVALID) {
        chain_remove(x, number);
    }
    node->ram = ram;
    if (ram != RAM_ADDR_INVALID) {
        chain_add(x, number);
    }
}

static void set_bit(uint64_t *word, uint64_t bit, bool on)
{
    *word = (*word & ~bit) | (on ? bit : 0);
}

/* The bit of la's 4 MiB. Large pages lie in a few of them, most of what is invalidated does not. */
static uint64_t *region_word(struct TLBIndex *x, int mode, uint64_t la, uint64_t *bit)
{
    uint64_t region = (la >> 22 ^ la >> 32) & ((1u << REGION_BITS) - 1);
    *bit = 1ull << (region % 64);
    return &x->large_regions[mode][region / 64];
}

static void mark_region(struct TLBIndex *x, int mode, const TLBEntry *e)
{
    uint64_t bit, *word = region_word(x, mode, e->page, &bit);
    if (e->page && (e->phys & TLB_LARGE)) {
        *word |= bit;
    }
}

static void mark_used(struct TLBIndex *x, int mode, unsigned index, bool used, uint64_t phys)
{
    uint64_t bit = 1ull << (index % 64);
    unsigned number = index / 64;
    TLBWord *word = &x->word[mode][number];
    set_bit(&word->used, bit, used);
    set_bit(&word->local, bit, used && !(phys & TLB_G));
    set_bit(&word->large, bit, used && (phys & TLB_LARGE));
    x->local_words[mode][number / 64] |= 1ull << (number % 64);
}

/* ---- fast tags ---- */

static void fast_clear(TLBFast *f)
{
    *f = (TLBFast){ .read = TLB_NEVER, .write = TLB_NEVER, .exec = TLB_NEVER };
}

static void recent_forget(CPUState *cpu)
{
    cpu->tlb_recent_used = 0;
    for (int mode = 0; mode < NB_MMU_MODES; mode++) {
        for (int i = 0; i < TLB_RECENT; i++) {
            fast_clear(&cpu->tlb_recent[mode][i]);
        }
    }
}

/* Copies are equal to what they were taken from. */
static void fast_forget(CPUState *cpu, int mode, TLBFast *f)
{
    bool copied = cpu->tlb_recent_used && (f->read != TLB_NEVER || f->write != TLB_NEVER);
    for (int i = 0; copied && i < TLB_RECENT; i++) {
        TLBFast *copy = &cpu->tlb_recent[mode][i];
        if (copy->read == f->read && copy->write == f->write) {
            fast_clear(copy);
        }
    }
    fast_clear(f);
}

/* Accesses that must be looked at one by one: alignment checks, and AC's play with SMAP. */
static bool data_needs_slow_path(const CPUState *cpu, uint64_t bits, int mode)
{
    return mode == MMU_USER ? cpu->align_check : (bits & TLB_U) && (cpu->cr4 & CR4_SMAP);
}

static bool write_may_be_fast(const CPUState *cpu, uint64_t bits, ram_addr_t ram, int mode)
{
    return (bits & TLB_D) && ((bits & TLB_W) || (mode == MMU_KERNEL && !(cpu->cr0 & CR0_WP))) &&
           !(ram & RAM_PAGE_READONLY) && ram_page_flags[ram >> PAGE_BITS] == 0;
}

static void fast_derive(CPUState *cpu, int mode, unsigned index)
{
    const TLBEntry *e = &cpu->tlb[mode][index];
    TLBFast *f = &cpu->tlb_fast[mode][index];
    ram_addr_t ram = cpu->tlb_index->node[mode * TLB_SIZE + index].ram;
    uint64_t page = e->page & PAGE_MASK;
    bool watching = cpu->dr[7] & 0xff;
    fast_forget(cpu, mode, f);
    if (!e->page || ram == RAM_ADDR_INVALID) {
        return;
    }
    f->addend = (uintptr_t)ram_base + (ram & PAGE_MASK) - page;
    if (paging_allows(cpu, e->phys, ACCESS_FETCH, mode)) {
        f->exec = page;
    }
    if (data_needs_slow_path(cpu, e->phys, mode)) {
        return;
    }
    if (!watching || !cpu_page_watched(cpu, page, false)) {
        f->read = page;
    }
    if (write_may_be_fast(cpu, e->phys, ram, mode) && !(watching && cpu_page_watched(cpu, page, true))) {
        f->write = page;
    }
}

void tlb_derive_page(CPUState *cpu, ram_addr_t page)
{
    const struct TLBIndex *x = cpu->tlb_index;
    for (int i = x->bucket[chain_bucket(page)]; i != CHAIN_END; i = x->node[i].next) {
        if (((x->node[i].ram ^ page) & PAGE_MASK) == 0) {
            fast_derive(cpu, i / TLB_SIZE, i % TLB_SIZE);
        }
    }
}

/* All but which entries are in use. */
static void entry_derive_rest(CPUState *cpu, int mode, unsigned index)
{
    const TLBEntry *e = &cpu->tlb[mode][index];
    struct TLBIndex *x = cpu->tlb_index;
    cpu->tlb_place[mode][index] = 0;
    mark_region(x, mode, e);
    set_ram(x, mode * TLB_SIZE + index, e->page ? tlb_ram_page(e->phys & PAGE_MASK) : RAM_ADDR_INVALID);
    fast_derive(cpu, mode, index);
}

static void entry_derive(CPUState *cpu, int mode, unsigned index)
{
    const TLBEntry *e = &cpu->tlb[mode][index];
    mark_used(cpu->tlb_index, mode, index, e->page, e->phys);
    entry_derive_rest(cpu, mode, index);
}

void tlb_rederive(CPUState *cpu)
{
    for (int mode = 0; mode < NB_MMU_MODES; mode++) {
        for (unsigned i = 0; i < TLB_SIZE; i++) {
            entry_derive(cpu, mode, i);
        }
    }
}

void tlb_forget_places(void)
{
    for (guint i = 0; tlb_cpus && i < tlb_cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(tlb_cpus, i);
        memset(cpu->tlb_place, 0, sizeof(cpu->tlb_place));
    }
}

void tlb_set_align_check(CPUState *cpu, bool on)
{
    cpu->align_check = on;
    for (unsigned i = 0; i < TLB_SIZE; i++) {
        fast_derive(cpu, MMU_USER, i);
    }
}

bool tlb_entries_valid(const CPUState *cpu)
{
    for (int mode = 0; mode < NB_MMU_MODES; mode++) {
        for (unsigned i = 0; i < TLB_SIZE; i++) {
            const TLBEntry *e = &cpu->tlb[mode][i];
            bool empty = e->page == 0 && e->phys == 0;
            if (!empty && ((e->page & ~PAGE_MASK) != TLB_VALID || page_index(e->page) != i)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- hooks ---- */

static void map_changed(void *opaque)
{
    (void)opaque;
    tlb_last_window = window_before = (RAMWindow){ 0 };
    for (guint i = 0; i < tlb_cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(tlb_cpus, i);
        tlb_rederive(cpu);
        current_engine()->flush(cpu); /* code is found by physical address */
    }
}

static void page_protect(ram_addr_t page, bool protect)
{
    (void)protect;
    for (guint i = 0; i < tlb_cpus->len; i++) {
        tlb_derive_page(g_ptr_array_index(tlb_cpus, i), page);
    }
}

static void code_write(ram_addr_t addr, uint64_t len)
{
    for (guint i = 0; i < tlb_cpus->len; i++) {
        current_engine()->invalidate(g_ptr_array_index(tlb_cpus, i), addr, len);
    }
}

static void index_init(struct TLBIndex *x)
{
    for (size_t i = 0; i < TLB_NODES; i++) {
        x->node[i].ram = RAM_ADDR_INVALID;
    }
    for (size_t i = 0; i < CHAIN_BUCKETS; i++) {
        x->bucket[i] = CHAIN_END;
    }
}

void tlb_init(CPUState *cpu)
{
    if (!tlb_cpus) {
        tlb_cpus = g_ptr_array_new();
        ram_set_hooks(page_protect, code_write);
        memory_set_map_changed_hook(map_changed, NULL);
    }
    cpu->tlb_index = g_new0(struct TLBIndex, 1);
    recent_forget(cpu);
    index_init(cpu->tlb_index);
    g_ptr_array_add(tlb_cpus, cpu);
    tlb_rederive(cpu);
}

/* ---- flushes ---- */

/* All but the index's bits. */
static void entry_clear(CPUState *cpu, int mode, unsigned index)
{
    cpu->tlb[mode][index] = (TLBEntry){ 0 };
    cpu->tlb_place[mode][index] = 0;
    fast_clear(&cpu->tlb_fast[mode][index]);
}

static void entry_drop(CPUState *cpu, int mode, unsigned index)
{
    mark_used(cpu->tlb_index, mode, index, false, 0);
    fast_forget(cpu, mode, &cpu->tlb_fast[mode][index]);
    entry_clear(cpu, mode, index);
}

static void flush_local_word(CPUState *cpu, int mode, unsigned number)
{
    TLBWord *word = &cpu->tlb_index->word[mode][number];
    for (uint64_t local = word->local; local; local &= local - 1) {
        entry_clear(cpu, mode, number * 64 + (unsigned)__builtin_ctzll(local));
    }
    word->used &= ~word->local;
    word->large &= ~word->local;
    word->local = 0;
}

static void flush_local(CPUState *cpu, int mode)
{
    for (unsigned i = 0; i < TLB_WORDS / 64; i++) {
        uint64_t words = cpu->tlb_index->local_words[mode][i];
        cpu->tlb_index->local_words[mode][i] = 0;
        for (; words; words &= words - 1) {
            flush_local_word(cpu, mode, i * 64 + (unsigned)__builtin_ctzll(words));
        }
    }
}

static void flush_global(CPUState *cpu, int mode)
{
    memset(cpu->tlb_index->large_regions[mode], 0, sizeof(cpu->tlb_index->large_regions[mode]));
    for (unsigned word = 0; word < TLB_WORDS; word++) {
        for (uint64_t used = cpu->tlb_index->word[mode][word].used; used; used &= used - 1) {
            entry_drop(cpu, mode, word * 64 + (unsigned)__builtin_ctzll(used));
        }
    }
}

/* A guest that changes processes often does little else: cost follows the number of entries that go. */
void tlb_flush(CPUState *cpu, bool global_too)
{
    cpu->fetch_page = 0;
    cpu->fetch_phys = 0;
    if (cpu->tlb_recent_used) {
        recent_forget(cpu);
    }
    for (int mode = 0; mode < NB_MMU_MODES; mode++) {
        flush_local(cpu, mode);
        if (global_too) {
            flush_global(cpu, mode);
        }
    }
}

/* Drop the entries of one table among words [first, first + words) that belong to la's large page of `size` bytes. */
static void flush_large_words(CPUState *cpu, int mode, uint64_t la, uint64_t size, unsigned first, unsigned words)
{
    bool huge = size == GiB;
    for (unsigned word = first; word < first + words; word++) {
        for (uint64_t large = cpu->tlb_index->word[mode][word].large; large; large &= large - 1) {
            unsigned index = word * 64 + (unsigned)__builtin_ctzll(large);
            const TLBEntry *e = &cpu->tlb[mode][index];
            if (((e->page ^ la) & ~(size - 1)) == 0 && !!(e->phys & TLB_HUGE) == huge) {
                entry_drop(cpu, mode, index);
            }
        }
    }
}

/* 4 MiB or 2 MiB of pages are consecutive, aligned indices; 1 GiB wraps around the whole table. */
static void flush_large_page(CPUState *cpu, int mode, uint64_t la)
{
    uint64_t size = cpu->cr4 & CR4_PAE ? 2 * MiB : 4 * MiB, bit;
    unsigned first = page_index(la & ~(size - 1)) / 64;
    if (*region_word(cpu->tlb_index, mode, la, &bit) & bit) {
        flush_large_words(cpu, mode, la, size, first, (unsigned)(size >> PAGE_BITS) / 64);
    }
    if (cpu_long_mode(cpu) && cpu_has(cpu, FEAT_PDPE1GB)) {
        flush_large_words(cpu, mode, la, GiB, 0, TLB_WORDS);
    }
}

static void flush_small_page(CPUState *cpu, int mode, uint64_t la)
{
    if (cpu->tlb[mode][page_index(la)].page == ((la & PAGE_MASK) | TLB_VALID)) {
        entry_drop(cpu, mode, page_index(la));
    }
}

static bool is_global(const CPUState *cpu, int mode, uint64_t la)
{
    const TLBEntry *e = &cpu->tlb[mode][page_index(la)];
    return e->page == ((la & PAGE_MASK) | TLB_VALID) && (e->phys & TLB_G);
}

void tlb_flush_page_of(CPUState *cpu, uint64_t la, bool global_too)
{
    cpu->fetch_page = 0;
    cpu->fetch_phys = 0;
    if (!cpu_long_mode(cpu)) {
        la = (uint32_t)la;
    }
    for (int mode = 0; mode < NB_MMU_MODES; mode++) {
        if (global_too || !is_global(cpu, mode, la)) {
            flush_small_page(cpu, mode, la);
            flush_large_page(cpu, mode, la);
        }
    }
}

void tlb_flush_page(CPUState *cpu, uint64_t la)
{
    tlb_flush_page_of(cpu, la, true);
}

/* ---- fill ---- */

/* 4.10.4.1: a page fault also invalidates what the TLB holds for its address. */
static void __attribute__((noreturn, cold)) raise_page_fault(CPUState *cpu, uint64_t la, uint32_t error_code)
{
    tlb_flush_page(cpu, la);
    cpu->exception_cr2 = la;
    cpu_raise(cpu, EXCP_PF, error_code);
}

static TLBEntry *tlb_fill(CPUState *cpu, uint64_t la, AccessKind kind, int mode)
{
    unsigned index = page_index(la);
    TLBEntry *e = &cpu->tlb[mode][index];
    PageWalk walk = { .phys = (la & PAGE_MASK & cpu->a20_mask) | TLB_W | TLB_D | (mode == MMU_USER ? TLB_U : 0) };
    if ((cpu->cr0 & CR0_PG) && !paging_walk(cpu, la, kind, mode, &walk)) {
        raise_page_fault(cpu, la, walk.error_code);
    }
    if (!e->page || ((e->phys ^ walk.phys) & (TLB_G | TLB_LARGE))) {
        mark_used(cpu->tlb_index, mode, index, true, walk.phys);
    }
    *e = (TLBEntry){ .page = (la & PAGE_MASK) | TLB_VALID, .phys = walk.phys };
    entry_derive_rest(cpu, mode, index);
    return e;
}

/* The entry through which `kind` may be done. One with too few rights, or without D for a write, is first looked up
 * again. */
static TLBEntry *tlb_lookup(CPUState *cpu, uint64_t la, AccessKind kind, int mode)
{
    TLBEntry *e = &cpu->tlb[mode][page_index(la)];
    if (e->page == ((la & PAGE_MASK) | TLB_VALID) && paging_allows(cpu, e->phys, kind, mode) &&
        (kind != ACCESS_WRITE || (e->phys & TLB_D))) {
        return e;
    }
    return tlb_fill(cpu, la, kind, mode);
}

/* ---- data accesses ---- */

/* Linear addresses are 32 bits wide outside long mode. */
static uint64_t linear(const CPUState *cpu, uint64_t la)
{
    return cpu_long_mode(cpu) ? la : (uint32_t)la;
}

/* la + n, around the end of the address space that code in this mode sees; system tables may lie above 4 GiB whatever
 * it is. */
static uint64_t linear_add(const CPUState *cpu, uint64_t la, unsigned n)
{
    return cpu_code64(cpu) || la >> 32 ? la + n : (uint32_t)(la + n);
}

static unsigned bytes_in_page(uint64_t la)
{
    return PAGE_SIZE - (unsigned)(la & ~PAGE_MASK);
}

static void check_alignment(CPUState *cpu, uint64_t la, unsigned size, int mode)
{
    if (unlikely(mode == MMU_USER && (la & (size - 1)) && (cpu->cr0 & CR0_AM) && (cpu->eflags & AC_MASK))) {
        cpu_raise(cpu, EXCP_AC, 0);
    }
}

static uint64_t load_le(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, p, size);
    return GUINT64_FROM_LE(v);
}

static ram_addr_t entry_ram(const CPUState *cpu, uint64_t la, int mode)
{
    return cpu->tlb_index->node[mode * TLB_SIZE + page_index(la)].ram;
}

/* size bytes of one page, translated and allowed. size: 1, 2, 4, 8. */
static uint64_t page_load(CPUState *cpu, uint64_t la, unsigned size, int mode)
{
    const TLBEntry *e = &cpu->tlb[mode][page_index(la)];
    ram_addr_t ram = entry_ram(cpu, la, mode);
    if (likely(ram != RAM_ADDR_INVALID)) {
        return load_le(ram_base + (ram & PAGE_MASK) + (la & ~PAGE_MASK), size);
    }
    uint64_t v = address_space_ld(&address_space_memory, (e->phys & PAGE_MASK) | (la & ~PAGE_MASK), size);
    cpu_interrupt_point(cpu);
    return v;
}

static void ram_store(ram_addr_t ram, uint64_t value, unsigned size)
{
    if (ram_page_flags[ram >> PAGE_BITS]) {
        ram_notify_write(ram, size);
    }
    value = GUINT64_TO_LE(value);
    memcpy(ram_base + ram, &value, size);
}

static void page_store(CPUState *cpu, uint64_t la, uint64_t value, unsigned size, int mode)
{
    const TLBEntry *e = &cpu->tlb[mode][page_index(la)];
    ram_addr_t ram = entry_ram(cpu, la, mode);
    if (likely(ram != RAM_ADDR_INVALID)) {
        if (!(ram & RAM_PAGE_READONLY)) {
            ram_store((ram & PAGE_MASK) | (la & ~PAGE_MASK), value, size);
        }
        return;
    }
    address_space_st(&address_space_memory, (e->phys & PAGE_MASK) | (la & ~PAGE_MASK), value, size);
    cpu_interrupt_point(cpu);
}

/* Both pages may be accessed, or the access faults without effect. */
static void lookup_range(CPUState *cpu, uint64_t la, unsigned size, AccessKind kind, int mode)
{
    unsigned first = bytes_in_page(la);
    if (unlikely(!range_is_canonical(la, size))) { /* of a system table: for segments seg.c has decided */
        cpu_raise(cpu, EXCP_GP, 0);
    }
    tlb_lookup(cpu, la, kind, mode);
    if (size > first) {
        tlb_lookup(cpu, linear_add(cpu, la, first), kind, mode);
    }
}

static uint64_t load_crossing(CPUState *cpu, uint64_t la, unsigned size, int mode)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= page_load(cpu, linear_add(cpu, la, i), 1, mode) << (8 * i);
    }
    return value;
}

static void store_crossing(CPUState *cpu, uint64_t la, uint64_t value, unsigned size, int mode)
{
    for (unsigned i = 0; i < size; i++) {
        page_store(cpu, linear_add(cpu, la, i), (uint8_t)(value >> (8 * i)), 1, mode);
    }
}

uint64_t cpu_ld_slow(CPUState *cpu, uint64_t la, unsigned size, int mmu_mode)
{
    la = linear(cpu, la);
    lookup_range(cpu, la, size, ACCESS_READ, mmu_mode);
    check_alignment(cpu, la, size, mmu_mode);
    uint64_t value =
        bytes_in_page(la) >= size ? page_load(cpu, la, size, mmu_mode) : load_crossing(cpu, la, size, mmu_mode);
    cpu_check_watchpoints(cpu, la, size, false);
    return value;
}

void cpu_st_slow(CPUState *cpu, uint64_t la, uint64_t value, unsigned size, int mmu_mode)
{
    la = linear(cpu, la);
    lookup_range(cpu, la, size, ACCESS_WRITE, mmu_mode);
    check_alignment(cpu, la, size, mmu_mode);
    if (bytes_in_page(la) >= size) {
        page_store(cpu, la, value, size, mmu_mode);
    } else {
        store_crossing(cpu, la, value, size, mmu_mode);
    }
    cpu_check_watchpoints(cpu, la, size, true);
}

void cpu_probe(CPUState *cpu, uint64_t la, unsigned size, AccessKind kind, int mmu_mode)
{
    lookup_range(cpu, linear(cpu, la), size, kind, mmu_mode);
}

/*
 * User pages have no tags for kernel data accesses under SMAP, because AC decides each time. This access has just been
 * allowed: may it go straight to RAM?
 */
static bool smap_direct(const CPUState *cpu, uint64_t la, AccessKind kind, int mode)
{
    uint64_t bits = cpu->tlb[mode][page_index(la)].phys;
    ram_addr_t ram = entry_ram(cpu, la, mode);
    bool data = kind != ACCESS_FETCH && mode == MMU_KERNEL, watched = cpu->dr[7] & 0xff;
    return data && data_needs_slow_path(cpu, bits, mode) && ram != RAM_ADDR_INVALID && !watched &&
           (kind == ACCESS_READ || write_may_be_fast(cpu, bits, ram, mode));
}

void *cpu_host_ptr(CPUState *cpu, uint64_t la, unsigned size, AccessKind kind, int mmu_mode)
{
    la = linear(cpu, la);
    lockstep_assert(size <= bytes_in_page(la), "cpu_host_ptr: %u bytes at %" PRIx64 " cross a page", size, la);
    tlb_lookup(cpu, la, kind, mmu_mode);
    const TLBFast *f = tlb_fast_entry(cpu, la, mmu_mode);
    uint64_t tag = kind == ACCESS_READ ? f->read : kind == ACCESS_WRITE ? f->write : f->exec;
    return tag == (la & PAGE_MASK) || smap_direct(cpu, la, kind, mmu_mode) ? (void *)(uintptr_t)(la + f->addend) : NULL;
}

uint64_t cpu_fetch_translate(CPUState *cpu, uint64_t la)
{
    la = linear(cpu, la);
    uint64_t latch = (la & PAGE_MASK) | TLB_VALID;
    if (cpu->fetch_page != latch) {
        const TLBEntry *e = tlb_lookup(cpu, la, ACCESS_FETCH, cpu->mmu_mode);
        cpu->fetch_page = latch;
        cpu->fetch_phys = e->phys & PAGE_MASK;
    }
    return cpu->fetch_phys;
}

/* ---- debugger ---- */

bool cpu_translate_debug(CPUState *cpu, uint64_t la, uint64_t *phys)
{
    PageWalk walk;
    la = linear(cpu, la);
    if (!(cpu->cr0 & CR0_PG)) {
        *phys = la & cpu->a20_mask;
        return true;
    }
    if (!paging_walk_debug(cpu, la, &walk)) {
        return false;
    }
    *phys = (walk.phys & PAGE_MASK) | (la & ~PAGE_MASK);
    return true;
}

/* RAM or ROM behind la, or RAM_ADDR_INVALID: a debugger never touches a device. */
static ram_addr_t debug_ram(CPUState *cpu, uint64_t la)
{
    uint64_t phys;
    if (!cpu_translate_debug(cpu, la, &phys)) {
        return RAM_ADDR_INVALID;
    }
    ram_addr_t ram = tlb_ram_page(phys & PAGE_MASK);
    return ram == RAM_ADDR_INVALID ? ram : (ram & PAGE_MASK) | (la & ~PAGE_MASK);
}

bool cpu_memory_read_debug(CPUState *cpu, uint64_t la, void *buf, size_t len)
{
    for (uint8_t *p = buf; len;) {
        size_t part = MIN(len, bytes_in_page(la));
        uint64_t phys;
        if (!cpu_translate_debug(cpu, la, &phys) || !address_space_peek(&address_space_memory, phys, p, part)) {
            return false;
        }
        p += part;
        la += part;
        len -= part;
    }
    return true;
}

/* Writes ROM too: that is what a debugger asks for. */
bool cpu_memory_write_debug(CPUState *cpu, uint64_t la, const void *buf, size_t len)
{
    for (const uint8_t *p = buf; len;) {
        size_t part = MIN(len, bytes_in_page(la));
        ram_addr_t ram = debug_ram(cpu, la);
        if (ram == RAM_ADDR_INVALID) {
            return false;
        }
        ram_notify_write(ram, part);
        memcpy(ram_base + ram, p, part);
        p += part;
        la += part;
        len -= part;
    }
    return true;
}
