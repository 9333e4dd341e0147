/* LINK: hw/core/memory.c hw/core/ram.c util/error.c */
/* tests/unit/test-memory.c  Region tree, flat views, access sizes, RAM space and its page flags. */
#include "exec/memory.h"

/* A chip that logs its accesses as text: "r0/4 w2/1=ab ". */
static GString *io_log;

static uint64_t io_read(void *opaque, hwaddr addr, unsigned size)
{
    g_string_append_printf(io_log, "%sr%d/%u ", (const char *)opaque, (int)addr, size);
    return 0x8877665544332211ull >> (8 * (addr & 7));
}

static void io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    g_string_append_printf(io_log, "%sw%d/%u=%" PRIx64 " ", (const char *)opaque, (int)addr, size, value);
}

static const MemoryRegionOps byte_ops = { io_read, io_write, 1, 1 };
static const MemoryRegionOps dword_ops = { io_read, io_write, 4, 4 };
static const MemoryRegionOps any_ops = { io_read, io_write, 1, 8 };
static const MemoryRegionOps default_ops = { io_read, io_write, 0, 0 };

#define assert_log(text)                        \
    do {                                        \
        g_assert_cmpstr(io_log->str, ==, text); \
        g_string_truncate(io_log, 0);           \
    } while (0)

static MemoryRegion io_a, io_b, ram, rom, alias, box;

static void map(hwaddr addr, MemoryRegion *mr, int priority)
{
    memory_region_add_subregion_overlap(get_system_memory(), addr, mr, priority);
}

static void unmap(MemoryRegion *mr)
{
    memory_region_del_subregion(get_system_memory(), mr);
}

static uint64_t ld(hwaddr addr, unsigned size)
{
    return address_space_ld(&address_space_memory, addr, size);
}

static void st(hwaddr addr, uint64_t value, unsigned size)
{
    address_space_st(&address_space_memory, addr, value, size);
}

static void test_unassigned(void)
{
    g_assert_cmphex(ld(0x1234, 1), ==, 0xff);
    g_assert_cmphex(ld(0xfffffffffffffff8, 8), ==, UINT64_MAX);
    g_assert_cmphex(address_space_ld(&address_space_io, 0x80, 4), ==, 0xffffffff);
    st(0x1234, 1, 8);
    uint8_t buf[3] = { 0 };
    address_space_read(&address_space_memory, UINT64_MAX - 2, buf, 3);
    g_assert_cmphex(buf[2], ==, 0xff);
}

static void test_ram(void)
{
    map(0x10000, &ram, 0);
    g_assert_cmphex(ld(0x10000, 8), ==, 0);
    st(0x10001, 0x1122334455667788, 8);
    g_assert_cmphex(ld(0x10001, 4), ==, 0x55667788);
    g_assert_cmphex(memory_region_get_ram_ptr(&ram)[2], ==, 0x77);
    /* last bytes, and over the end into nothing */
    st(0x10000 + ram.size - 2, 0xaabbccdd, 4);
    g_assert_cmphex(ld(0x10000 + ram.size - 2, 4), ==, 0xffffccdd);
    hwaddr offset, len = 1 << 20;
    bool readonly;
    g_assert_true(address_space_translate(&address_space_memory, 0x11000, &offset, &len, &readonly) == &ram);
    g_assert_cmphex(offset, ==, 0x1000);
    g_assert_cmphex(len, ==, ram.size - 0x1000);
    g_assert_false(readonly);
    memset(memory_region_get_ram_ptr(&ram), 0, ram.size);
    unmap(&ram);
    g_assert_cmphex(ld(0x10001, 1), ==, 0xff);
}

static void test_rom(void)
{
    map(0x10000, &rom, 0);
    memory_region_get_ram_ptr(&rom)[5] = 0x5a;
    st(0x10005, 0, 1);
    address_space_write(&address_space_memory, 0x10004, "xyz", 3);
    g_assert_cmphex(ld(0x10005, 1), ==, 0x5a);
    memory_region_get_ram_ptr(&rom)[5] = 0;
    unmap(&rom);
}

static void test_priority(void)
{
    map(0x1000, &io_a, 0);
    map(0x1004, &io_b, 1);
    ld(0x1002, 4);
    assert_log("ar2/2 br0/2 ");
    memory_region_set_enabled(&io_b, false);
    ld(0x1002, 4);
    assert_log("ar2/4 ");
    memory_region_set_enabled(&io_b, true);
    unmap(&io_b);
    map(0x1004, &io_b, 0); /* among equals the later one wins */
    ld(0x1004, 1);
    assert_log("br0/1 ");
    memory_region_set_address(&io_b, 0x1008);
    ld(0x1004, 1);
    assert_log("ar4/1 ");
    unmap(&io_b);
    map(0x1004, &io_b, -1);
    ld(0x1004, 1);
    assert_log("ar4/1 ");
    unmap(&io_b);
    unmap(&io_a);
}

static void test_alias(void)
{
    memory_region_add_subregion(&box, 0x2000, &ram);
    memory_region_init_alias(&alias, "alias", &box, 0x3000, 0x1000);
    map(0x8000, &alias, 0);
    memory_region_get_ram_ptr(&ram)[0x1010] = 0x42;
    g_assert_cmphex(ld(0x8010, 1), ==, 0x42);
    memory_region_set_alias_offset(&alias, 0x2000);
    g_assert_cmphex(ld(0x8010, 1), ==, 0);
    memory_region_set_alias_offset(&alias, 0x1000); /* nothing there */
    g_assert_cmphex(ld(0x8010, 1), ==, 0xff);
    memory_region_set_alias_offset(&alias, 0x3000);
    memory_region_set_readonly(&alias, true);
    st(0x8010, 0x99, 1);
    g_assert_cmphex(ld(0x8010, 1), ==, 0x42);
    memory_region_get_ram_ptr(&ram)[0x1010] = 0;
    unmap(&alias);
    memory_region_del_subregion(&box, &ram);
}

static void access_all_sizes(const MemoryRegionOps *ops, const char *reads, const char *writes)
{
    MemoryRegion mr;
    memory_region_init_io(&mr, ops, (void *)"", "sizes", 16);
    map(0x2000, &mr, 0);
    g_assert_cmphex(ld(0x2000, 8), ==, 0x8877665544332211);
    g_assert_cmphex(ld(0x2001, 2), ==, 0x3322);
    assert_log(reads);
    st(0x2000, 0x0807060504030201, 8);
    st(0x2002, 0xaabb, 2);
    assert_log(writes);
    unmap(&mr);
}

static void test_sizes(void)
{
    access_all_sizes(&any_ops, "r0/8 r1/2 ", "w0/8=807060504030201 w2/2=aabb ");
    access_all_sizes(&default_ops, "r0/4 r4/4 r1/2 ", "w0/4=4030201 w4/4=8070605 w2/2=aabb ");
    access_all_sizes(&dword_ops, "r0/4 r4/4 r0/4 ", "w0/4=4030201 w4/4=8070605 w0/4=aabb0000 ");
    access_all_sizes(&byte_ops, "r0/1 r1/1 r2/1 r3/1 r4/1 r5/1 r6/1 r7/1 r1/1 r2/1 ",
                     "w0/1=1 w1/1=2 w2/1=3 w3/1=4 w4/1=5 w5/1=6 w6/1=7 w7/1=8 w2/1=bb w3/1=aa ");
}

static void test_narrow_crossing(void)
{
    MemoryRegion mr;
    memory_region_init_io(&mr, &dword_ops, (void *)"", "narrow", 16);
    map(0x2000, &mr, 0);
    g_assert_cmphex(ld(0x2003, 2), ==, 0x5544);
    assert_log("r0/4 r4/4 ");
    st(0x2003, 0xaabb, 2);
    assert_log("w0/4=bb000000 w4/4=aa ");
    unmap(&mr);
}

static void test_bulk(void)
{
    uint8_t buf[16];
    map(0x1000, &io_a, 0);
    map(0x2000, &ram, 0);
    address_space_read(&address_space_memory, 0x1003, buf, 10);
    assert_log("ar3/1 ar4/4 ar8/4 ar12/1 ");
    g_assert_cmphex(ldl_le_p(buf + 1), ==, 0x88776655);
    address_space_write(&address_space_memory, 0x1ffe, "abcd", 4); /* two bytes to nowhere, two to RAM */
    g_assert_cmpmem(memory_region_get_ram_ptr(&ram), 2, "cd", 2);
    address_space_read(&address_space_memory, 0x1ffe, buf, 4);
    g_assert_cmpmem(buf, 4,
                    "\xff\xff"
                    "cd",
                    4);
    memset(memory_region_get_ram_ptr(&ram), 0, 2);
    unmap(&ram);
    unmap(&io_a);
}

static unsigned maps_changed;

static void count_change(void *opaque)
{
    (void)opaque;
    maps_changed++;
}

static void test_hook(void)
{
    memory_set_map_changed_hook(count_change, NULL);
    memory_region_transaction_begin();
    map(0x1000, &io_a, 0);
    map(0x2000, &io_b, 0);
    g_assert_cmpuint(maps_changed, ==, 0);
    memory_region_transaction_commit();
    g_assert_cmpuint(maps_changed, ==, 1);
    memory_region_transaction_begin();
    memory_region_set_address(&io_b, 0x3000);
    memory_region_set_address(&io_b, 0x2000);
    memory_region_transaction_commit();
    g_assert_cmpuint(maps_changed, ==, 1); /* the view is the same as before */
    unmap(&io_a);
    unmap(&io_b);
    g_assert_cmpuint(maps_changed, ==, 3);
    memory_set_map_changed_hook(NULL, NULL);
}

/* A callback may change the map under its own access. */
static void self_unmap(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    (void)addr, (void)value, (void)size;
    memory_region_set_enabled(opaque, false);
    g_string_append(io_log, "off ");
}

static void test_reentrant(void)
{
    static const MemoryRegionOps ops = { NULL, self_unmap, 1, 1 };
    MemoryRegion mr;
    memory_region_init_io(&mr, &ops, &mr, "self", 0x1000);
    map(0x5000, &mr, 0);
    address_space_write(&address_space_memory, 0x5000, "abcd", 4);
    assert_log("off ");
    memory_region_set_enabled(&mr, true);
    unmap(&mr);
}

static ram_addr_t protected_page, released_page, code_addr;
static uint64_t code_len;

static void note_protect(ram_addr_t page, bool protect)
{
    *(protect ? &protected_page : &released_page) = page;
}

static void note_code(ram_addr_t addr, uint64_t len)
{
    code_addr = addr;
    code_len = len;
    ram_page_clear_flag(addr, PAGE_CODE);
}

static void test_page_flags(void)
{
    ram_addr_t base = ram.ram_addr;
    ram_set_hooks(note_protect, note_code);
    map(0x2000, &ram, 0);
    ram_page_set_flag(base + 0x1000, PAGE_CODE);
    g_assert_cmphex(protected_page, ==, base + 0x1000);
    address_space_write(&address_space_memory, 0x2ffe, "abcd", 4);
    g_assert_cmphex(code_addr, ==, base + 0x1000);
    g_assert_cmphex(code_len, ==, 2);
    g_assert_cmphex(released_page, ==, base + 0x1000);

    unsigned long bitmap[1] = { 0xff };
    g_assert_true(memory_region_test_and_clear_dirty_vga(&ram, 0, 0x4000, bitmap));
    g_assert_cmphex(bitmap[0], ==, 0xff);
    g_assert_false(memory_region_test_and_clear_dirty_vga(&ram, 0, 0x4000, bitmap));
    g_assert_cmphex(bitmap[0], ==, 0xf0);
    st(0x2000 + 0x2fff, 0x1234, 2);
    g_assert_true(memory_region_test_and_clear_dirty_vga(&ram, 0, 0x4000, bitmap));
    g_assert_cmphex(bitmap[0], ==, 0xfc);
    memset(memory_region_get_ram_ptr(&ram), 0, 0x4000);
    ram_page_clear_flag(base, PAGE_CLEAN_VGA);
    g_assert_cmphex(released_page, ==, base);
    unmap(&ram);
    ram_set_hooks(NULL, NULL);
}

static void test_digest(void)
{
    uint8_t *p = memory_region_get_ram_ptr(&ram);
    uint64_t zero = ram_digest(0);
    p[0x123] = 1;
    uint64_t first = ram_digest(0);
    g_assert_cmphex(first, !=, zero);
    g_assert_cmphex(ram_digest(1), !=, first);
    p[0x123] = 0;
    p[0x1123] = 1; /* the same page, elsewhere */
    g_assert_cmphex(ram_digest(0), !=, first);
    p[0x1123] = 0;
    g_assert_cmphex(ram_digest(0), ==, zero);
}

/* Kept parts give what hashing everything would, also after a write that comes back. */
static void test_digest_again(void)
{
    map(0x2000, &ram, 0);
    uint64_t zero = ram_digest_again();
    st(0x2123, 1, 1);
    uint64_t first = ram_digest_again();
    g_assert_cmphex(first, !=, zero);
    g_assert_cmphex(ram_digest_again(), ==, first);
    st(0x4456, 0x1234, 2);
    g_assert_cmphex(ram_digest_again(), !=, first);
    st(0x4456, 0, 2);
    g_assert_cmphex(ram_digest_again(), ==, first);
    st(0x2123, 0, 1);
    st(0x3123, 1, 1); /* the same page, elsewhere */
    g_assert_cmphex(ram_digest_again(), !=, first);
    st(0x3123, 0, 1);
    g_assert_cmphex(ram_digest_again(), ==, zero);
    unmap(&ram);
}

static void collect(void *opaque, const char *line)
{
    g_string_append_printf(opaque, "%s\n", line);
}

static void test_mtree(void)
{
    map(0x1000, &io_a, 0);
    memory_region_add_subregion(&box, 0x2000, &ram);
    memory_region_init_alias(&alias, "window", &ram, 0x1000, 0x1000);
    alias.enabled = false;
    map(0x8000, &alias, 2);
    map(0x100000, &box, -1);
    GString *text = g_string_new(NULL);
    memory_info_mtree(false, collect, text);
    g_assert_true(g_str_has_prefix(text->str, "address-space: memory\n"
                                              "  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n"
                                              "    0000000000001000-000000000000103f (prio 0, i/o): a\n"
                                              "    0000000000008000-0000000000008fff (prio 2, ram): alias window @ram "
                                              "0000000000001000-0000000000001fff [disabled]\n"
                                              "    0000000000100000-000000000010ffff (prio -1, i/o): box\n"
                                              "      0000000000102000-0000000000105fff (prio 0, ram): ram\n"
                                              "\n"
                                              "address-space: I/O\n"
                                              "  0000000000000000-000000000000ffff (prio 0, i/o): io\n"));
    g_string_truncate(text, 0);
    memory_info_mtree(true, collect, text);
    g_assert_true(g_str_has_prefix(text->str, "FlatView #0\n"
                                              " AS \"memory\", root: system\n"
                                              " Root memory region: system\n"
                                              "  0000000000001000-000000000000103f (prio 0, i/o): a\n"
                                              "  0000000000102000-0000000000105fff (prio 0, ram): ram\n"));
    g_string_free(text, true);
    unmap(&io_a);
    unmap(&alias);
    unmap(&box);
    memory_region_del_subregion(&box, &ram);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    io_log = g_string_new(NULL);
    memory_init();
    memory_region_init_ram(&ram, "ram", 0x3001);
    memory_region_init_rom(&rom, "rom", 0x1000);
    memory_region_init_io(&io_a, &default_ops, (void *)"a", "a", 0x40);
    memory_region_init_io(&io_b, &default_ops, (void *)"b", "b", 0x40);
    memory_region_init(&box, "box", 0x10000);
    g_assert_cmphex(ram.size, ==, 0x4000);
    g_test_add_func("/memory/unassigned", test_unassigned);
    g_test_add_func("/memory/ram", test_ram);
    g_test_add_func("/memory/rom", test_rom);
    g_test_add_func("/memory/priority", test_priority);
    g_test_add_func("/memory/alias", test_alias);
    g_test_add_func("/memory/io/sizes", test_sizes);
    g_test_add_func("/memory/io/narrow-crossing", test_narrow_crossing);
    g_test_add_func("/memory/bulk", test_bulk);
    g_test_add_func("/memory/map-changed-hook", test_hook);
    g_test_add_func("/memory/callback-changes-map", test_reentrant);
    g_test_add_func("/memory/page-flags", test_page_flags);
    g_test_add_func("/memory/digest-again", test_digest_again);
    g_test_add_func("/memory/digest", test_digest);
    g_test_add_func("/memory/mtree", test_mtree);
    return g_test_run();
}
