/* LINK: target/i386/tlb.c target/i386/paging.c target/i386/sysreg.c target/i386/msr.c target/i386/cpuid.c target/i386/debug.c target/i386/cpu.c target/i386/flags.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/qemu-timer.c */
/*
 * tests/cpu/test-paging.c  Page walks in each mode, accessed and dirty bits, fault codes, and what the TLB keeps
 * (DESIGN 2.6).
 *
 * Guest memory: RAM at 0, more than the TLB can hold, ROM of 64 KiB at FFFF0000h, a counting device of one page at
 * FE000000h.
 */
#include "tests/cpu/cpu-stubs.h"

#include "target/i386/cpuid.h"
#include "target/i386/debug.h"
#include "target/i386/paging.h"

#define P  0x001
#define W  0x002
#define U  0x004
#define A  0x020
#define D  0x040
#define PS 0x080
#define G  0x100
#define NX (1ull << 63)

#define TABLE 0x10000 /* page directory, PDPT or PML4 */
#define PT    0x11000
#define PD    0x12000
#define PDPT  0x13000
#define DATA  0x200000
#define MMIO  0xfe000000u

#define TLB_SPAN ((uint64_t)TLB_SIZE << PAGE_BITS) /* addresses so far apart share an entry */

static MemoryRegion ram, rom, mmio;
static CPUState *cpu;
static unsigned mmio_reads, mmio_writes;
static uint64_t mmio_last;

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)opaque;
    (void)size;
    mmio_reads++;
    return 0x11223344 + addr;
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)addr;
    (void)size;
    mmio_writes++;
    mmio_last = value;
}

static const MemoryRegionOps mmio_ops = { .read = mmio_read, .write = mmio_write, .min_access = 1, .max_access = 4 };

static void machine_init(void)
{
    memory_init();
    memory_region_init_ram(&ram, "ram", TLB_SPAN + 16 * MiB);
    memory_region_init_rom(&rom, "rom", 64 * KiB);
    memory_region_init_io(&mmio, &mmio_ops, NULL, "mmio", PAGE_SIZE);
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    memory_region_add_subregion(get_system_memory(), 0xffff0000, &rom);
    memory_region_add_subregion(get_system_memory(), MMIO, &mmio);
    cpu = cpu_new("max,vendor=GenuineIntel,phys-bits=36", 0, &error_fatal);
    cpu->apic = &stub_apic;
}

static uint8_t *host(hwaddr addr)
{
    return memory_region_get_ram_ptr(&ram) + addr;
}

static void put32(hwaddr addr, uint32_t v)
{
    stl_le_p(host(addr), v);
}

static void put64(hwaddr addr, uint64_t v)
{
    stq_le_p(host(addr), v);
}

static uint32_t get32(hwaddr addr)
{
    return ldl_le_p(host(addr));
}

static uint64_t get64(hwaddr addr)
{
    return ldq_le_p(host(addr));
}

/* Reset CPU and memory, supervisor, paging off. */
static void start(void)
{
    memset(host(0), 0, 4 * MiB);
    cpu_reset(cpu);
    invalidations = 0;
    mmio_reads = mmio_writes = 0;
    cpu->int_point = false;
}

/* 2-level paging with one page table for the lowest 4 MiB; linear n is mapped by PT entry n >> 12. */
static void start_2_level(uint64_t cr4)
{
    start();
    put32(TABLE, PT | P | W | U);
    RUN(cpu, cpu_set_cr4(cpu, cr4));
    RUN(cpu, cpu_set_cr3(cpu, TABLE));
    RUN(cpu, cpu_set_cr0(cpu, CR0_PG | CR0_WP | CR0_PE));
}

static void start_pae(void)
{
    start();
    put64(TABLE, PD | P);
    put64(PD, PT | P | W | U);
    RUN(cpu, cpu_set_cr4(cpu, CR4_PAE | CR4_PGE));
    RUN(cpu, cpu_set_cr3(cpu, TABLE));
    RUN(cpu, cpu_set_cr0(cpu, CR0_PG | CR0_WP | CR0_PE));
}

/* Long mode is not offered by the models yet; the walk is. */
static void start_4_level(void)
{
    start();
    put64(TABLE, PDPT | P | W | U);
    put64(PDPT, PD | P | W | U);
    put64(PD, PT | P | W | U);
    cpu->cr4 = CR4_PAE | CR4_PGE;
    cpu->efer = EFER_LME;
    RUN(cpu, cpu_set_cr3(cpu, TABLE));
    RUN(cpu, cpu_set_cr0(cpu, CR0_PG | CR0_WP | CR0_PE));
    g_assert_true(cpu_long_mode(cpu));
}

static void user(bool on)
{
    cpu_set_cpl(cpu, on ? 3 : 0);
}

static uint32_t ld(uint64_t la)
{
    return cpu_ld32(cpu, la);
}

#define ASSERT_PF(code, la, statement)                  \
    do {                                                \
        g_assert_true(RAISES(cpu, EXCP_PF, statement)); \
        g_assert_cmphex(cpu->error_code, ==, code);     \
        g_assert_cmphex(cpu->exception_cr2, ==, la);    \
    } while (0)

static TLBEntry *entry(uint64_t la, int mode)
{
    TLBEntry *e = &cpu->tlb[mode][(la >> PAGE_BITS) & (TLB_SIZE - 1)];
    return e->page == ((la & PAGE_MASK) | TLB_VALID) ? e : NULL;
}

static TLBFast *fast(uint64_t la, int mode)
{
    return tlb_fast_entry(cpu, la, mode);
}

/* ---- walks ---- */

static void test_no_paging(void)
{
    start();
    put32(0x5000, 0x12345678);
    RUN(cpu, g_assert_cmphex(ld(0x5000), ==, 0x12345678));
    g_assert_cmphex(entry(0x5000, MMU_KERNEL)->phys & PAGE_MASK, ==, 0x5000);
    g_assert_cmphex(fast(0x5000, MMU_KERNEL)->write, ==, 0x5000);
    /* Linear addresses wrap at 4 GiB. */
    RUN(cpu, cpu_st32(cpu, 0x100005004ull, 7));
    g_assert_cmphex(get32(0x5004), ==, 7);
    RUN(cpu, cpu_st32(cpu, 0x5ffe, 0xaabbccdd));
    g_assert_cmphex(get32(0x5ffe), ==, 0xaabbccdd);
    RUN(cpu, g_assert_cmphex(ld(0x5ffe), ==, 0xaabbccdd));
    put32(0, 0x00004455);
    RUN(cpu, g_assert_cmphex(ld(0xfffffffe), ==, 0x44550000)); /* ROM is zero */
}

static void test_2_level_accessed_dirty(void)
{
    start_2_level(0);
    put32(PT + 4 * 5, DATA | P | W | U);
    put32(DATA + 8, 0xcafe);
    RUN(cpu, g_assert_cmphex(ld(0x5008), ==, 0xcafe));
    g_assert_cmphex(get32(TABLE), ==, PT | P | W | U | A);
    g_assert_cmphex(get32(PT + 20), ==, DATA | P | W | U | A);
    g_assert_cmphex(fast(0x5000, MMU_KERNEL)->read, ==, 0x5000);
    g_assert_cmphex(fast(0x5000, MMU_KERNEL)->write, ==, TLB_NEVER);
    RUN(cpu, cpu_st32(cpu, 0x5008, 1));
    g_assert_cmphex(get32(PT + 20), ==, DATA | P | W | U | A | D);
    g_assert_cmphex(get32(DATA + 8), ==, 1);
    g_assert_cmphex(fast(0x5000, MMU_KERNEL)->write, ==, 0x5000);
    g_assert_cmphex(get32(TABLE) & D, ==, 0);
}

static void test_2_level_faults(void)
{
    start_2_level(0);
    put32(PT + 4 * 1, DATA | P);         /* supervisor, read-only */
    put32(PT + 4 * 2, DATA | P | W);     /* supervisor */
    put32(PT + 4 * 3, DATA | P | U);     /* user, read-only */
    put32(PT + 4 * 4, DATA | P | W | U); /* user */
    ASSERT_PF(0, 0x400000, ld(0x400000));
    ASSERT_PF(0, 0x6004, ld(0x6004));
    ASSERT_PF(PF_W, 0x6004, cpu_st8(cpu, 0x6004, 0));
    ASSERT_PF(PF_P | PF_W, 0x1010, cpu_st8(cpu, 0x1010, 0));
    g_assert_cmphex(get32(PT + 4) & (A | D), ==, 0); /* a faulting access leaves no trace */
    g_assert_cmphex(get32(TABLE) & A, ==, 0);
    user(true);
    ASSERT_PF(PF_P | PF_U, 0x2000, ld(0x2000));
    ASSERT_PF(PF_P | PF_U | PF_W, 0x3000, cpu_st8(cpu, 0x3000, 0));
    ASSERT_PF(PF_P | PF_U, 0x2000, cpu_fetch_translate(cpu, 0x2000)); /* no I/D without NX */
    RUN(cpu, cpu_st8(cpu, 0x4000, 9));
    RUN(cpu, ld(0x3000));
    g_assert_null(entry(0x2000, MMU_USER));
    user(false);
    RUN(cpu, ld(0x1000));
    RUN(cpu, ld(0x4000));
    /* The directory takes part. */
    put32(TABLE, PT | P);
    RUN(cpu, tlb_flush(cpu, true));
    ASSERT_PF(PF_P | PF_W, 0x4000, cpu_st8(cpu, 0x4000, 0));
    user(true);
    ASSERT_PF(PF_P | PF_U, 0x4000, ld(0x4000));
}

static void test_write_protect(void)
{
    start_2_level(0);
    put32(PT + 4, DATA | P | U);
    ASSERT_PF(PF_P | PF_W, 0x1000, cpu_st8(cpu, 0x1000, 1));
    RUN(cpu, ld(0x1000));
    RUN(cpu, cpu_set_cr0(cpu, CR0_PG | CR0_PE));
    g_assert_nonnull(entry(0x1000, MMU_KERNEL)); /* WP drops nothing */
    RUN(cpu, cpu_st8(cpu, 0x1000, 1));
    g_assert_cmphex(get32(PT + 4), ==, DATA | P | U | A | D);
    g_assert_cmphex(fast(0x1000, MMU_KERNEL)->write, ==, 0x1000);
    RUN(cpu, cpu_set_cr0(cpu, CR0_PG | CR0_PE | CR0_WP));
    g_assert_nonnull(entry(0x1000, MMU_KERNEL));
    g_assert_cmphex(fast(0x1000, MMU_KERNEL)->write, ==, TLB_NEVER);
    ASSERT_PF(PF_P | PF_W, 0x1000, cpu_st8(cpu, 0x1000, 1));
    user(true);
    ASSERT_PF(PF_P | PF_W | PF_U, 0x1000, cpu_st8(cpu, 0x1000, 1));
}

static void test_large_4m(void)
{
    start_2_level(CR4_PSE);
    put32(TABLE + 4 * 2, 0x00400000 | P | W | U | PS);
    put32(0x634560, 0x77);
    RUN(cpu, g_assert_cmphex(ld(0xa34560), ==, 0x77));
    g_assert_cmphex(get32(TABLE + 8), ==, 0x00400000 | P | W | U | PS | A);
    RUN(cpu, cpu_st32(cpu, 0x800000, 1));
    g_assert_cmphex(get32(TABLE + 8), ==, 0x00400000 | P | W | U | PS | A | D);
    g_assert_nonnull(entry(0xa34000, MMU_KERNEL));
    /* INVLPG of any address drops the whole large page, and nothing else. */
    put32(PT + 4, DATA | P | W);
    RUN(cpu, ld(0x1000));
    tlb_flush_page(cpu, 0xbffff0);
    g_assert_null(entry(0xa34000, MMU_KERNEL));
    g_assert_null(entry(0x800000, MMU_KERNEL));
    g_assert_nonnull(entry(0x1000, MMU_KERNEL));
    /* Bit 21, and address bits beyond 36, are reserved. */
    put32(TABLE + 8, 0x00400000 | P | W | PS | 1 << 21);
    ASSERT_PF(PF_P | PF_RSVD, 0x800000, ld(0x800000));
    put32(TABLE + 8, 0x00400000 | P | W | PS | 1 << 17);
    ASSERT_PF(PF_P | PF_RSVD | PF_W, 0x800000, cpu_st32(cpu, 0x800000, 0));
    g_assert_cmphex(get32(TABLE + 8) & A, ==, 0);
    /* PSE-36: bits 16:13 are address bits 35:32. */
    put32(TABLE + 8, 0x00400000 | P | W | PS | 0x3 << 13);
    RUN(cpu, g_assert_cmphex(ld(0x800000), ==, 0xffffffff));
    g_assert_cmphex(entry(0x800000, MMU_KERNEL)->phys & PAGE_MASK, ==, 0x300400000ull);
    /* Without CR4.PSE the bit means nothing. */
    start_2_level(0);
    put32(TABLE, PT | P | W | PS);
    put32(PT + 4, DATA | P);
    RUN(cpu, ld(0x1000));
}

static void test_pae(void)
{
    start_pae();
    put64(PT + 8, DATA | P | W | U);
    put32(DATA, 0x99);
    RUN(cpu, g_assert_cmphex(ld(0x1000), ==, 0x99));
    g_assert_cmphex(get64(PT + 8), ==, DATA | P | W | U | A);
    g_assert_cmphex(get64(PD), ==, PT | P | W | U | A);
    g_assert_cmphex(get64(TABLE), ==, PD | P); /* PDPTEs have no A */
    RUN(cpu, cpu_st8(cpu, 0x1000, 1));
    g_assert_cmphex(get64(PT + 8), ==, DATA | P | W | U | A | D);
    put64(PD + 8, 0x400000 | P | W | PS);
    put32(0x4abcd0, 0x55);
    RUN(cpu, g_assert_cmphex(ld(0x2abcd0), ==, 0x55));
    g_assert_true(entry(0x2ab000, MMU_KERNEL)->phys & TLB_LARGE);
    put64(PT + 16, DATA | P | 1ull << 36);
    ASSERT_PF(PF_P | PF_RSVD, 0x2000, ld(0x2000));
    put64(PD + 16, 0x400000 | P | PS | 1 << 13);
    ASSERT_PF(PF_P | PF_RSVD, 0x400000, ld(0x400000));
    ASSERT_PF(0, 0x40000000, ld(0x40000000));
}

static void test_pae_pdpte(void)
{
    start_pae();
    put64(PT + 8, DATA | P | W | U);
    put64(TABLE, 0); /* registers hold the old ones */
    tlb_flush(cpu, true);
    RUN(cpu, ld(0x1000));
    RUN(cpu, cpu_set_cr3(cpu, TABLE));
    ASSERT_PF(0, 0x1000, ld(0x1000));
    put64(TABLE, PD | P | W); /* bit 1 is reserved */
    g_assert_true(RAISES(cpu, EXCP_GP, cpu_set_cr3(cpu, TABLE + 0)));
    put64(TABLE, PD | P);
    RUN(cpu, cpu_set_cr4(cpu, cpu->cr4 & ~(uint64_t)CR4_PGE)); /* loads them too */
    RUN(cpu, ld(0x1000));
}

static void test_nx(void)
{
    start_pae();
    put64(PT + 8, DATA | P | W | U | NX);
    put64(PT + 16, DATA | P | W | U);
    ASSERT_PF(PF_P | PF_RSVD, 0x1000, ld(0x1000)); /* NXE is off */
    g_assert_true(cpu_wrmsr(cpu, 0xc0000080, EFER_NXE));
    RUN(cpu, ld(0x1000));
    ASSERT_PF(PF_P | PF_ID, 0x1004, cpu_fetch_translate(cpu, 0x1004));
    user(true);
    ASSERT_PF(PF_P | PF_ID | PF_U, 0x1000, cpu_fetch_translate(cpu, 0x1000));
    RUN(cpu, ld(0x1000));
    g_assert_cmphex(fast(0x1000, MMU_USER)->exec, ==, TLB_NEVER);
    RUN(cpu, cpu_fetch_translate(cpu, 0x2000));
    g_assert_cmphex(fast(0x2000, MMU_USER)->exec, ==, 0x2000);
    g_assert_cmphex(cpu->fetch_phys, ==, DATA);
    put64(PD, get64(PD) | NX); /* of a directory too */
    tlb_flush(cpu, true);
    g_assert_cmphex(cpu->fetch_page, ==, 0);
    ASSERT_PF(PF_P | PF_ID | PF_U, 0x2000, cpu_fetch_translate(cpu, 0x2000));
    ASSERT_PF(PF_ID | PF_U, 0x3000, cpu_fetch_translate(cpu, 0x3000));
}

static void test_4_level(void)
{
    start_4_level();
    put64(PT + 8, DATA | P | W | U);
    put32(DATA, 0x42);
    RUN(cpu, g_assert_cmphex(ld(0x1000), ==, 0x42));
    g_assert_cmphex(get64(TABLE), ==, PDPT | P | W | U | A);
    g_assert_cmphex(get64(PDPT), ==, PD | P | W | U | A);
    g_assert_cmphex(get64(PT + 8), ==, DATA | P | W | U | A);
    put64(TABLE + 8 * 511, PDPT | P | W); /* upper half, supervisor */
    RUN(cpu, cpu_st32(cpu, 0xffffff8000001000ull, 5));
    g_assert_cmphex(get32(DATA), ==, 5);
    user(true);
    ASSERT_PF(PF_P | PF_U, 0xffffff8000001000ull, ld(0xffffff8000001000ull));
    user(false);
    put64(PT + 16, DATA | P | 1ull << 40);
    ASSERT_PF(PF_P | PF_RSVD, 0x2000, ld(0x2000));
    put64(PT + 24, DATA | P | 1ull << 55); /* ignored */
    RUN(cpu, ld(0x3000));
    put64(PDPT + 8, 0x40000000 | P | PS | 1 << 13); /* 1 GiB pages: reserved address bits */
    ASSERT_PF(PF_P | PF_RSVD, 0x40000000, ld(0x40000000));
    g_assert_true(RAISES(cpu, EXCP_GP, cpu_set_cr4(cpu, CR4_PGE)));
    g_assert_true(RAISES(cpu, EXCP_GP, cpu_set_cr3(cpu, 1ull << 36)));
}

/* ---- what the TLB keeps ---- */

static void test_stale_entries(void)
{
    start_2_level(0);
    put32(PT + 4, DATA | P | W | U);
    RUN(cpu, cpu_st32(cpu, 0x1000, 1));
    put32(PT + 4, (DATA + 0x1000) | P | W); /* without a flush: nothing is noticed, A and D stay clear */
    RUN(cpu, cpu_st32(cpu, 0x1000, 2));
    g_assert_cmphex(get32(DATA), ==, 2);
    g_assert_cmphex(get32(PT + 4), ==, (DATA + 0x1000) | P | W);
    tlb_flush_page(cpu, 0x1fff);
    RUN(cpu, cpu_st32(cpu, 0x1000, 3));
    g_assert_cmphex(get32(DATA + 0x1000), ==, 3);
    g_assert_cmphex(get32(PT + 4), ==, (DATA + 0x1000) | P | W | A | D);
}

/* More rights in the tables than in the TLB: the walk before the fault finds them. */
static void test_spurious_fault_avoided(void)
{
    start_2_level(0);
    put32(PT + 4, DATA | P | U);
    RUN(cpu, ld(0x1000));
    put32(PT + 4, DATA | P | U | W);
    RUN(cpu, cpu_st32(cpu, 0x1000, 2));
    g_assert_cmphex(get32(PT + 4), ==, DATA | P | U | W | A | D);
    /* ...and a fault drops the entry. */
    put32(PT + 4, 0);
    RUN(cpu, ld(0x1000));
    user(true);
    ASSERT_PF(PF_U, 0x1000, ld(0x1000));
    g_assert_null(entry(0x1000, MMU_KERNEL));
}

static void test_global(void)
{
    start_2_level(CR4_PGE);
    put32(PT + 4, DATA | P | W | G);
    put32(PT + 8, DATA | P | W);
    RUN(cpu, ld(0x1000));
    RUN(cpu, ld(0x2000));
    RUN(cpu, cpu_fetch_translate(cpu, 0x1000));
    RUN(cpu, cpu_set_cr3(cpu, TABLE));
    g_assert_cmphex(cpu->fetch_page, ==, 0);
    g_assert_nonnull(entry(0x1000, MMU_KERNEL));
    g_assert_null(entry(0x2000, MMU_KERNEL));
    tlb_flush_page(cpu, 0x1000);
    g_assert_null(entry(0x1000, MMU_KERNEL));
    RUN(cpu, ld(0x1000));
    RUN(cpu, cpu_set_cr4(cpu, 0));
    g_assert_null(entry(0x1000, MMU_KERNEL));
    RUN(cpu, ld(0x1000)); /* G has no meaning now */
    RUN(cpu, cpu_set_cr3(cpu, TABLE));
    g_assert_null(entry(0x1000, MMU_KERNEL));
}

static void test_conflict_and_chains(void)
{
    start();
    uint64_t other = 0x5000 + TLB_SPAN;
    RUN(cpu, cpu_st32(cpu, 0x5000, 1));
    RUN(cpu, cpu_st32(cpu, other, 2));
    g_assert_null(entry(0x5000, MMU_KERNEL));
    user(true);
    RUN(cpu, cpu_st32(cpu, other, 3));
    /* A flag on the page takes the write tags of all its entries. */
    ram_page_set_flag(ram.ram_addr + other, PAGE_CODE);
    g_assert_cmphex(fast(other, MMU_KERNEL)->write, ==, TLB_NEVER);
    g_assert_cmphex(fast(other, MMU_USER)->write, ==, TLB_NEVER);
    g_assert_cmphex(fast(other, MMU_USER)->read, ==, other);
    RUN(cpu, cpu_st32(cpu, other + 4, 3));
    g_assert_cmpint(invalidations, ==, 1);
    g_assert_cmphex(invalidated, ==, ram.ram_addr + other + 4);
    ram_page_clear_flag(ram.ram_addr + other, PAGE_CODE);
    g_assert_cmphex(fast(other, MMU_KERNEL)->write, ==, other);
    g_assert_cmphex(fast(other, MMU_USER)->write, ==, other);
    ram_page_set_flag(ram.ram_addr + 0x5000, PAGE_CLEAN_VGA);
    g_assert_cmphex(fast(other, MMU_KERNEL)->write, ==, other);
    ram_page_set_flag(ram.ram_addr + other, PAGE_CLEAN_SNAPSHOT);
    RUN(cpu, cpu_st8(cpu, other, 3)); /* the first write clears it */
    g_assert_cmphex(fast(other, MMU_USER)->write, ==, other);
    ram_page_clear_flag(ram.ram_addr + 0x5000, PAGE_CLEAN_VGA);
}

/* Every way to redo the fast tags leaves the entries, and with them the digest, alone. */
static void test_rederive_keeps_entries(void)
{
    start_2_level(0);
    for (unsigned i = 0; i < 1024; i++) {
        put32(PT + 4 * i, DATA | (i << 12 & 0xff000) | P | W | U);
    }
    for (unsigned i = 0; i < 1023; i += 3) {
        RUN(cpu, ld(i << 12));
        RUN(cpu, cpu_st32(cpu, (i + 1) << 12, i));
    }
    uint64_t digest = cpu_digest(cpu);
    tlb_rederive(cpu);
    g_assert_cmphex(cpu_digest(cpu), ==, digest);
    memory_region_set_enabled(&ram, false);
    g_assert_cmphex(fast(0x3000, MMU_KERNEL)->read, ==, TLB_NEVER);
    RUN(cpu, g_assert_cmphex(ld(0x3000), ==, 0xffffffff));
    memory_region_set_enabled(&ram, true);
    g_assert_cmphex(fast(0x3000, MMU_KERNEL)->read, ==, 0x3000);
    ram_page_set_flag(ram.ram_addr + DATA, PAGE_CODE);
    ram_page_clear_flag(ram.ram_addr + DATA, PAGE_CODE);
    g_assert_cmphex(cpu_digest(cpu), ==, digest);
    tlb_flush(cpu, true);
    for (unsigned i = 0; i < TLB_SIZE; i++) {
        g_assert_cmphex(cpu->tlb[MMU_KERNEL][i].page, ==, 0);
        g_assert_cmphex(cpu->tlb_fast[MMU_KERNEL][i].read, ==, TLB_NEVER);
    }
}

/* What the JIT does: an entry that was used is copied, and counted on until it is forgotten. */
static void copy_recent(uint64_t la, unsigned i)
{
    int mode = cpu->mmu_mode;
    cpu->tlb_recent[mode][i % TLB_RECENT] = *fast(la, mode);
    cpu->tlb_recent_used = 1;
}

/* All that is derived is what deriving it from nothing gives. */
static void check_derived(void)
{
    static TLBFast before[NB_MMU_MODES][TLB_SIZE];
    for (int i = 0; i < NB_MMU_MODES * TLB_RECENT; i++) {
        const TLBFast *copy = &cpu->tlb_recent[i / TLB_RECENT][i % TLB_RECENT];
        uint64_t page = copy->read != TLB_NEVER ? copy->read : copy->write;
        g_assert_true(page == TLB_NEVER || !memcmp(copy, fast(page, i / TLB_RECENT), sizeof(*copy)));
    }
    memcpy(before, cpu->tlb_fast, sizeof(before));
    tlb_rederive(cpu);
    g_assert_true(!memcmp(before, cpu->tlb_fast, sizeof(before)));
}

/* Exactly the entries that are not global go. */
static void flush_and_check(void)
{
    static TLBEntry before[NB_MMU_MODES * TLB_SIZE];
    memcpy(before, cpu->tlb, sizeof(before));
    RUN(cpu, cpu_set_cr3(cpu, TABLE));
    for (unsigned i = 0; i < NB_MMU_MODES * TLB_SIZE; i++) {
        const TLBEntry *e = &cpu->tlb[0][0] + i;
        bool stays = before[i].phys & TLB_G;
        g_assert_cmphex(e->page, ==, stays ? before[i].page : 0);
        g_assert_cmphex(e->phys, ==, stays ? before[i].phys : 0);
    }
}

/* 12 MiB of small, large and large global pages; and again elsewhere in the TLB, and where they meet the first. */
static void map_for_random(void)
{
    start_2_level(CR4_PGE | CR4_PSE);
    for (unsigned i = 0; i < 1024; i++) {
        put32(PT + 4 * i, DATA | (i << 12 & 0xff000) | P | W | U | (i % 3 ? 0 : G));
    }
    for (unsigned base = 0; base <= TLB_SPAN / (4 * MiB); base += TLB_SPAN / (8 * MiB)) {
        put32(TABLE + 4 * base, PT | P | W | U);
        put32(TABLE + 4 * (base + 1), PS | P | W | U);
        put32(TABLE + 4 * (base + 2), PS | P | W | U | G);
    }
}

static void random_step(GRand *rand)
{
    uint32_t r = g_rand_int(rand);
    uint64_t la = r % 3 * (TLB_SPAN / 2) + (r >> 4) % 3072 * PAGE_SIZE;
    user(r >> 3 & 1);
    switch (g_rand_int_range(rand, 0, 8)) {
    case 0:
        RUN(cpu, tlb_flush_page(cpu, la));
        break;
    case 1:
        ram_page_set_flag(ram.ram_addr + la % (4 * MiB), PAGE_CLEAN_VGA);
        break;
    case 2:
        RUN(cpu, cpu_probe(cpu, la, 4, ACCESS_WRITE, cpu->mmu_mode));
        copy_recent(la, r);
        break;
    default:
        RUN(cpu, ld(la));
        copy_recent(la, r);
    }
}

static void test_random_fills_and_flushes(void)
{
    GRand *rand = g_rand_new_with_seed(11);
    map_for_random();
    for (unsigned i = 0; i < 100; i++) {
        for (int steps = g_rand_int_range(rand, 1, 400); steps; steps--) {
            random_step(rand);
        }
        if (i % 3 == 0) {
            flush_and_check();
        }
        check_derived();
    }
    ram_notify_write(ram.ram_addr, 4 * MiB); /* clears the flags */
    g_rand_free(rand);
}

static void test_fetch_latch(void)
{
    start_2_level(0);
    put32(PT + 4, DATA | P);
    RUN(cpu, g_assert_cmphex(cpu_fetch_translate(cpu, 0x1ff0), ==, DATA));
    g_assert_cmphex(get32(PT + 4) & A, ==, A);
    put32(PT + 4, 0);
    /* Another page takes the entry's place; within the page, no fetch asks the TLB. */
    uint64_t other = 0x1000 + TLB_SPAN;
    put32(TABLE + 4 * (other >> 22), PT | P);
    put32(PT + 4, DATA | P);
    RUN(cpu, ld(other));
    g_assert_null(entry(0x1000, MMU_KERNEL));
    put32(PT + 4, 0);
    RUN(cpu, g_assert_cmphex(cpu_fetch_translate(cpu, 0x1000), ==, DATA));
    ASSERT_PF(0, 0x2000, cpu_fetch_translate(cpu, 0x2000));
    ASSERT_PF(0, 0x1000, cpu_fetch_translate(cpu, 0x1000));
}

/* ---- slow paths ---- */

static void test_crossing(void)
{
    start_2_level(0);
    put32(PT + 4, DATA | P | W);
    put32(PT + 8, (DATA + 0x5000) | P | W);
    RUN(cpu, cpu_st64(cpu, 0x1ffd, 0x1122334455667788ull));
    RUN(cpu, g_assert_cmphex(cpu_ld64(cpu, 0x1ffd), ==, 0x1122334455667788ull));
    g_assert_cmphex(get32(DATA + 0xffc) >> 8, ==, 0x667788);
    g_assert_cmphex(get32(DATA + 0x5000), ==, 0x22334455);
    /* The second page faults: nothing is written, CR2 is its first byte. */
    put32(PT + 12, DATA | P);
    put32(DATA + 0x5ffc, 0);
    ASSERT_PF(PF_P | PF_W, 0x3000, cpu_st32(cpu, 0x2ffe, 0xffffffff));
    g_assert_cmphex(get32(DATA + 0x5ffc), ==, 0);
    RUN(cpu, cpu_probe(cpu, 0x2000, 4096, ACCESS_WRITE, MMU_KERNEL));
    ASSERT_PF(PF_P | PF_W, 0x3000, cpu_probe(cpu, 0x2001, 4096, ACCESS_WRITE, MMU_KERNEL));
}

static void test_mmio_and_rom(void)
{
    start();
    RUN(cpu, g_assert_cmphex(ld(MMIO + 4), ==, 0x11223348));
    g_assert_true(cpu->int_point);
    cpu->int_point = false;
    RUN(cpu, cpu_st32(cpu, MMIO, 0xabcd));
    g_assert_cmphex(mmio_last, ==, 0xabcd);
    g_assert_cmpuint(mmio_writes, ==, 1);
    g_assert_true(cpu->int_point);
    RUN(cpu, cpu_ld64(cpu, MMIO));
    g_assert_cmpuint(mmio_reads, ==, 3); /* two of 4 bytes */
    cpu->int_point = false;
    RUN(cpu, g_assert_cmphex(ld(0xd0000000), ==, 0xffffffff));
    g_assert_true(cpu->int_point);
    cpu->int_point = false;
    memory_region_get_ram_ptr(&rom)[16] = 0x5a;
    RUN(cpu, cpu_st8(cpu, 0xffff0010, 0));
    RUN(cpu, g_assert_cmphex(cpu_ld8(cpu, 0xffff0010), ==, 0x5a));
    g_assert_false(cpu->int_point);
    RUN(cpu, g_assert_null(cpu_host_ptr(cpu, MMIO, 4, ACCESS_READ, MMU_KERNEL)));
    RUN(cpu, g_assert_null(cpu_host_ptr(cpu, 0xffff0000, 4, ACCESS_WRITE, MMU_KERNEL)));
    RUN(cpu, g_assert_true(cpu_host_ptr(cpu, 0x3004, 4, ACCESS_WRITE, MMU_KERNEL) == host(0x3004)));
}

static void test_alignment(void)
{
    start_2_level(0);
    put32(PT + 4, DATA | P | W | U);
    user(true);
    RUN(cpu, cpu_st32(cpu, 0x1001, 1));
    RUN(cpu, cpu_set_cr0(cpu, CR0_PG | CR0_PE | CR0_WP | CR0_AM));
    RUN(cpu, cpu_st32(cpu, 0x1001, 1));
    cpu->eflags |= AC_MASK;
    cpu_alignment_derive(cpu);
    g_assert_nonnull(entry(0x1000, MMU_USER));
    g_assert_true(RAISES(cpu, EXCP_AC, cpu_st32(cpu, 0x1001, 1)));
    g_assert_true(RAISES(cpu, EXCP_AC, cpu_ld16(cpu, 0x1001)));
    g_assert_true(RAISES(cpu, EXCP_AC, cpu_ld64(cpu, 0x1004)));
    RUN(cpu, cpu_ld8(cpu, 0x1001));
    RUN(cpu, cpu_ld16(cpu, 0x1002));
    RUN(cpu, cpu_st32_kernel(cpu, 0x1001, 1)); /* implicit accesses are not checked */
    user(false);
    RUN(cpu, cpu_st32(cpu, 0x1001, 1));
    user(true);
    g_assert_true(RAISES(cpu, EXCP_AC, cpu_ld32(cpu, 0x1002)));
    cpu->eflags &= ~AC_MASK;
    cpu_alignment_derive(cpu);
    RUN(cpu, cpu_st32(cpu, 0x1001, 1));
    g_assert_cmphex(fast(0x1000, MMU_USER)->write, ==, 0x1000);
}

static void test_watchpoints(void)
{
    start();
    RUN(cpu, cpu_st32(cpu, 0x5000, 0));
    cpu_set_dr(cpu, 1, 0x5004);
    cpu_set_dr(cpu, 7, 1u << 2 | 0xdu << 20); /* DR1: write, 4 bytes */
    g_assert_nonnull(entry(0x5000, MMU_KERNEL));
    g_assert_cmphex(fast(0x5000, MMU_KERNEL)->write, ==, TLB_NEVER);
    g_assert_cmphex(fast(0x5000, MMU_KERNEL)->read, ==, 0x5000);
    RUN(cpu, cpu_st32(cpu, 0x5000, 0));
    RUN(cpu, ld(0x5004));
    g_assert_cmphex(cpu->pending_db, ==, 0);
    RUN(cpu, cpu_st32(cpu, 0x5001, 0)); /* overlaps its first byte */
    g_assert_cmphex(cpu->pending_db, ==, 2);
    cpu->pending_db = 0;
    cpu_set_dr(cpu, 7, 3u << 2 | 0xfu << 20); /* reads too */
    g_assert_cmphex(fast(0x5000, MMU_KERNEL)->read, ==, TLB_NEVER);
    RUN(cpu, cpu_ld8(cpu, 0x5007));
    g_assert_cmphex(cpu->pending_db, ==, 2);
    g_assert_false(cpu->has_breakpoints);
    cpu->pending_db = 0;
    cpu_set_dr(cpu, 0, 0x60);
    cpu_set_dr(cpu, 7, 1u | 6u << 16); /* port 60h, 2 bytes */
    cpu_check_io_breakpoint(cpu, 0x61, 1);
    g_assert_cmphex(cpu->pending_db, ==, 0); /* needs CR4.DE */
    RUN(cpu, cpu_set_cr4(cpu, CR4_DE));
    cpu_check_io_breakpoint(cpu, 0x61, 1);
    g_assert_cmphex(cpu->pending_db, ==, 1);
    cpu_set_dr(cpu, 7, 1u);
    g_assert_true(cpu->has_breakpoints);
    cpu->eip = 0x60;
    cpu->seg[R_CS].base = cpu->seg[R_CS].linear_base = 0;
    g_assert_true(RAISES(cpu, EXCP_DB, cpu_check_insn_breakpoint(cpu)));
    g_assert_cmphex(cpu->dr[6], ==, DR6_FIXED_1 | 1);
    cpu->eflags |= RF_MASK;
    RUN(cpu, cpu_check_insn_breakpoint(cpu));
    cpu_set_dr(cpu, 6, 0);
    cpu_set_dr(cpu, 7, 0xffffffff);
    g_assert_cmphex(cpu->dr[6], ==, 0xffff0ff0);
    g_assert_cmphex(cpu->dr[7], ==, 0xffff27ff);
}

static void test_page_table_in_code_page(void)
{
    start_2_level(0);
    put32(PT + 4, DATA | P | W);
    ram_page_set_flag(ram.ram_addr + PT, PAGE_CODE);
    RUN(cpu, ld(0x1000)); /* setting A writes to it */
    g_assert_cmpint(invalidations, ==, 1);
    g_assert_cmphex(invalidated, ==, ram.ram_addr + PT + 4);
    ram_page_clear_flag(ram.ram_addr + PT, PAGE_CODE);
}

static void test_a20(void)
{
    start();
    put32(0x100000, 0xaaaa);
    put32(0, 0xbbbb);
    RUN(cpu, g_assert_cmphex(ld(0x100000), ==, 0xaaaa));
    cpu_set_a20(cpu, false);
    RUN(cpu, g_assert_cmphex(ld(0x100000), ==, 0xbbbb));
    cpu_set_a20(cpu, true);
    RUN(cpu, g_assert_cmphex(ld(0x100000), ==, 0xaaaa));
}

static void test_debugger(void)
{
    uint64_t phys;
    uint32_t v = 0x87654321;
    start_2_level(0);
    put32(PT + 4, DATA | P);
    g_assert_true(cpu_translate_debug(cpu, 0x1234, &phys));
    g_assert_cmphex(phys, ==, DATA + 0x234);
    g_assert_false(cpu_translate_debug(cpu, 0x2000, &phys));
    g_assert_true(cpu_memory_write_debug(cpu, 0x1100, &v, 4)); /* read-only for the guest */
    v = 0;
    g_assert_true(cpu_memory_read_debug(cpu, 0x1100, &v, 4));
    g_assert_cmphex(v, ==, 0x87654321);
    g_assert_false(cpu_memory_read_debug(cpu, 0x1ffe, &v, 4));
    g_assert_cmphex(get32(PT + 4), ==, DATA | P);
    g_assert_null(entry(0x1000, MMU_KERNEL));
    put32(PT + 8, MMIO | P);
    g_assert_false(cpu_memory_read_debug(cpu, 0x2000, &v, 4));
    g_assert_cmpuint(mmio_reads, ==, 0);
}

/* ---- control registers ---- */

static void test_control_registers(void)
{
    start();
    g_assert_cmphex(cpu->cr0, ==, 0x60000010);
    g_assert_true(RAISES(cpu, EXCP_GP, cpu_set_cr0(cpu, CR0_PG)));
    g_assert_true(RAISES(cpu, EXCP_GP, cpu_set_cr0(cpu, CR0_NW)));
    g_assert_true(RAISES(cpu, EXCP_GP, cpu_set_cr0(cpu, 1ull << 32)));
    g_assert_cmphex(cpu->cr0, ==, 0x60000010);
    RUN(cpu, cpu_set_cr0(cpu, 0x1ffaffc0 | CR0_PE));
    g_assert_cmphex(cpu->cr0, ==, CR0_PE | CR0_ET | (0x1ffaffc0 & (CR0_AM | CR0_WP)));
    g_assert_true(RAISES(cpu, EXCP_GP, cpu_set_cr4(cpu, CR4_PCIDE))); /* only in long mode */
    g_assert_true(RAISES(cpu, EXCP_GP, cpu_set_cr4(cpu, 1 << 13)));
    RUN(cpu, cpu_set_cr4(cpu, CR4_OSFXSR | CR4_VME | CR4_PAE));
    put64(TABLE, P | W);
    RUN(cpu, cpu_set_cr3(cpu, TABLE)); /* not looked at while paging is off */
    g_assert_true(RAISES(cpu, EXCP_GP, cpu_set_cr0(cpu, CR0_PG | CR0_PE)));
    g_assert_false(cpu->cr0 & CR0_PG);
}

static void test_reset(void)
{
    start_2_level(CR4_PGE);
    put32(PT + 4, DATA | P | G);
    RUN(cpu, ld(0x1000));
    cpu->mxcsr = 0x1fa0;
    cpu->fpu.cw = 0x37f;
    cpu->gpr[R_EAX] = 5;
    cpu->sysenter_cs = 8;
    cpu->cr0 &= ~(uint64_t)(CR0_CD | CR0_NW);
    cpu_reset_on_init(cpu);
    g_assert_cmphex(cpu->cr0, ==, 0x10);
    g_assert_cmphex(cpu->mxcsr, ==, 0x1fa0);
    g_assert_cmphex(cpu->fpu.cw, ==, 0x37f);
    g_assert_cmphex(cpu->sysenter_cs, ==, 8);
    g_assert_null(entry(0x1000, MMU_KERNEL));
    g_assert_cmphex(cpu->gpr[R_EAX], ==, 0);
    cpu_reset(cpu);
    g_assert_cmphex(cpu->cr0, ==, 0x60000010);
    g_assert_cmphex(cpu->fpu.cw, ==, 0x40);
    g_assert_cmphex(cpu->fpu.tag, ==, 0);
    g_assert_cmphex(cpu->mxcsr, ==, 0x1f80);
    g_assert_cmphex(cpu->sysenter_cs, ==, 0);
    g_assert_cmphex(cpu->eip, ==, 0xfff0);
    g_assert_cmphex(cpu->seg[R_CS].base, ==, 0xffff0000);
    g_assert_cmphex(cpu->gpr[R_EDX], ==, cpu_model_signature(cpu->model));
}

/* ---- state ---- */

static void test_save_load(void)
{
    Error *err = NULL;
    start_2_level(CR4_PGE);
    put32(PT + 4, DATA | P | W | G | U);
    RUN(cpu, cpu_st32(cpu, 0x1000, 1));
    user(true);
    RUN(cpu, ld(0x1000));
    cpu->xmm[3].q[1] = 77;
    cpu->fpu.st[2].high = 0x3fff;
    cpu->mtrr_var[7].mask = 0x800;
    uint64_t digest = cpu_digest(cpu);
    GByteArray *state = g_byte_array_new();
    vmstate_save_object(state, &vmstate_cpu, cpu);
    cpu_reset(cpu);
    g_assert_cmphex(cpu_digest(cpu), !=, digest);
    g_assert_true(vmstate_load_object(state->data, state->len, &vmstate_cpu, cpu, &error_fatal));
    g_assert_cmphex(cpu_digest(cpu), ==, digest);
    g_assert_cmpint(cpu->mmu_mode, ==, MMU_USER);
    g_assert_cmphex(fast(0x1000, MMU_KERNEL)->write, ==, 0x1000);
    g_assert_cmphex(fast(0x1000, MMU_USER)->read, ==, 0x1000);
    g_byte_array_free(state, true);
    /* An entry in the wrong place is refused. */
    cpu->tlb[0][5].page = 0x9000 | TLB_VALID;
    state = g_byte_array_new();
    vmstate_save_object(state, &vmstate_cpu, cpu);
    g_assert_false(vmstate_load_object(state->data, state->len, &vmstate_cpu, cpu, &err));
    error_free(err);
    g_byte_array_free(state, true);
    cpu->tlb[0][5] = (TLBEntry){ 0 };
}

static void add_line(void *opaque, const char *line)
{
    GString *text = opaque;
    g_string_append(text, line);
    g_string_append_c(text, '\n');
}

static void test_dump(void)
{
    start();
    GString *text = g_string_new(NULL);
    cpu_dump_state(cpu, add_line, text);
    g_assert_nonnull(strstr(text->str, "\nEIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\n"));
    g_assert_nonnull(strstr(text->str, "\nCS =f000 ffff0000 0000ffff 00009b00\n"));
    g_assert_nonnull(strstr(text->str, "\nLDT=0000 00000000 0000ffff 00008200\n"));
    g_assert_nonnull(strstr(text->str, "\nCR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000\n"));
    g_assert_nonnull(strstr(text->str, "\nFCW=0040 FSW=0000 [ST=0] FTW=ff MXCSR=00001f80\n"));
    RUN(cpu, cpu_set_cr0(cpu, CR0_PE));
    cpu_load_seg_cache(cpu, R_CS, 8, 0, 0xffffffff, 0xc09b);
    g_string_truncate(text, 0);
    cpu_dump_state(cpu, add_line, text);
    g_assert_nonnull(strstr(text->str, "\nCS =0008 00000000 ffffffff 00c09b00 DPL=0 CS32 [-RA]\n"));
    g_string_free(text, true);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_init();
    g_test_add_func("/paging/off", test_no_paging);
    g_test_add_func("/paging/2-level/accessed-dirty", test_2_level_accessed_dirty);
    g_test_add_func("/paging/2-level/faults", test_2_level_faults);
    g_test_add_func("/paging/2-level/large", test_large_4m);
    g_test_add_func("/paging/write-protect", test_write_protect);
    g_test_add_func("/paging/pae/walk", test_pae);
    g_test_add_func("/paging/pae/pdpte", test_pae_pdpte);
    g_test_add_func("/paging/nx", test_nx);
    g_test_add_func("/paging/4-level", test_4_level);
    g_test_add_func("/paging/table-in-code-page", test_page_table_in_code_page);
    g_test_add_func("/paging/a20", test_a20);
    g_test_add_func("/tlb/stale", test_stale_entries);
    g_test_add_func("/tlb/walk-before-fault", test_spurious_fault_avoided);
    g_test_add_func("/tlb/global", test_global);
    g_test_add_func("/tlb/conflict-and-page-flags", test_conflict_and_chains);
    g_test_add_func("/tlb/rederive-keeps-entries", test_rederive_keeps_entries);
    g_test_add_func("/tlb/random", test_random_fills_and_flushes);
    g_test_add_func("/tlb/fetch-latch", test_fetch_latch);
    g_test_add_func("/access/crossing", test_crossing);
    g_test_add_func("/access/mmio-and-rom", test_mmio_and_rom);
    g_test_add_func("/access/alignment", test_alignment);
    g_test_add_func("/access/watchpoints", test_watchpoints);
    g_test_add_func("/access/debugger", test_debugger);
    g_test_add_func("/cpu/control-registers", test_control_registers);
    g_test_add_func("/cpu/reset", test_reset);
    g_test_add_func("/cpu/save-load", test_save_load);
    g_test_add_func("/cpu/dump", test_dump);
    return g_test_run();
}
