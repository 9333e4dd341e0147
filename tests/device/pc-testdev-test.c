/* LINK: hw/misc/pc-testdev.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c util/qemu-timer.c util/error.c util/option.c -lxxhash */
/* tests/device/pc-testdev-test.c  Latch, lines and memory of pc-testdev, by port and address. */
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"

#define MEMORY 0xff000000u

static int level[24];
static Device *dev;

static void line_set(void *opaque, int n, int l)
{
    (void)opaque;
    level[n] = l;
}

IRQLine pc_gsi(int n)
{
    g_assert_cmpint(n, <, 24);
    return irq_line(line_set, NULL, n);
}

static void create(void)
{
    if (!dev) {
        memory_init();
        dev = device_create(&pc_testdev_type);
    }
    dev->type->reset(dev);
}

static void outl(uint16_t port, uint32_t value)
{
    address_space_st(&address_space_io, port, value, 4);
}

static uint32_t inl(uint16_t port)
{
    return address_space_ld(&address_space_io, port, 4);
}

static uint64_t ld(uint64_t addr, unsigned size)
{
    return address_space_ld(&address_space_memory, addr, size);
}

static void st(uint64_t addr, uint64_t value, unsigned size)
{
    address_space_st(&address_space_memory, addr, value, size);
}

static void test_latch(void)
{
    create();
    g_assert_cmphex(inl(0xe0), ==, 0);
    outl(0xe0, 0x12345678);
    g_assert_cmphex(inl(0xe0), ==, 0x12345678);
    g_assert_cmphex(inw(0xe0), ==, 0x5678);
    g_assert_cmphex(inw(0xe2), ==, 0x1234);
    g_assert_cmphex(inb(0xe1), ==, 0x56);
    outb(0xe0, 0xab);
    outb(0xe1, 0xcd);
    outw(0xe2, 0x4321);
    g_assert_cmphex(inl(0xe0), ==, 0x4321cdab);
}

static void test_latch_bytes(void)
{
    create();
    outl(0xe0, 0x77218765);
    g_assert_cmphex(inl(0xe8), ==, 0x77218765);
    outb(0xea, 0x99);
    g_assert_cmphex(inl(0xe0), ==, 0x77998765);
    outl(0xe8, 0x12345678);
    g_assert_cmphex(inl(0xe0), ==, 0x12345678);
}

static void test_latch_beside_debugcon(void)
{
    static const MemoryRegionOps none = { .read = NULL };
    static MemoryRegion other;
    create();
    outl(0xe0, 0);
    memory_region_init_io(&other, &none, NULL, "other", 1);
    memory_region_add_subregion(get_system_io(), 0xe9, &other);
    g_assert_cmphex(inl(0xe8), ==, 0x0000ff00);
    memory_region_del_subregion(get_system_io(), &other);
    g_assert_cmphex(inl(0xe8), ==, 0);
}

static void test_flush(void)
{
    create();
    outl(0xe0, 0x5a5a5a5a);
    outl(0xe4, 0xfee00000);
    outb(0xe4, 1);
    g_assert_cmphex(inl(0xe4), ==, 0);
    g_assert_cmphex(inl(0xe0), ==, 0x5a5a5a5a);
}

static void test_lines(void)
{
    create();
    for (int n = 0; n < 24; n++) {
        g_assert_cmpint(level[n], ==, 0);
        outb(0x2000 + n, 1);
        g_assert_cmpint(level[n], ==, 1);
        g_assert_cmphex(inb(0x2000 + n), ==, 0);
    }
    outb(0x2005, 0);
    outb(0x2006, 0x80);
    g_assert_cmpint(level[5], ==, 0);
    g_assert_cmpint(level[6], ==, 1);
    outl(0x2000, 0x00ff0001); /* a wide access is four lines */
    g_assert_cmpint(level[0], ==, 1);
    g_assert_cmpint(level[1], ==, 0);
    g_assert_cmpint(level[2], ==, 1);
    g_assert_cmpint(level[3], ==, 0);
    outl(0x2015, 0); /* the last port is 2017h */
    g_assert_cmpint(level[23], ==, 0);
}

static void test_memory(void)
{
    create();
    st(MEMORY, 0x11223344, 4);
    g_assert_cmphex(ld(MEMORY, 4), ==, 0x11223344);
    g_assert_cmphex(ld(MEMORY + 1, 1), ==, 0x33);
    st(MEMORY + 2, 0xee, 1);
    g_assert_cmphex(ld(MEMORY, 4), ==, 0x11ee3344);
    g_assert_cmphex(ld(MEMORY + 2, 2), ==, 0x11ee);
    st(MEMORY + 0x101, 0xdeadbeef, 4);
    g_assert_cmphex(ld(MEMORY + 0x100, 8), ==, 0xdeadbeef00);
    st(MEMORY + 0x200, 0x1122334455667788, 8);
    g_assert_cmphex(ld(MEMORY + 0x204, 4), ==, 0x11223344);
    st(MEMORY + 0xfffe, 0xa1b2c3d4, 4); /* half of it is outside */
    g_assert_cmphex(ld(MEMORY + 0xfffc, 4), ==, 0xc3d40000);
    g_assert_cmphex(ld(MEMORY + 0x10000, 4), ==, 0xffffffff);
}

static void test_reset(void)
{
    create();
    outl(0xe0, 1);
    outb(0x2010, 1);
    st(MEMORY + 0x8000, 1, 1);
    dev->type->reset(dev);
    g_assert_cmphex(inl(0xe0), ==, 0);
    g_assert_cmpint(level[16], ==, 0);
    g_assert_cmphex(ld(MEMORY + 0x8000, 1), ==, 0);
}

static void test_state(void)
{
    create();
    outl(0xe0, 0xcafebabe);
    outb(0x2003, 1);
    st(MEMORY + 0x1234, 0x5678, 2);
    check_state_goes_round(dev);
    g_assert_cmphex(inl(0xe0), ==, 0xcafebabe);
    g_assert_cmphex(ld(MEMORY + 0x1234, 2), ==, 0x5678);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("pc-testdev-test");
    g_test_add_func("/pc-testdev/latch", test_latch);
    g_test_add_func("/pc-testdev/latch-bytes", test_latch_bytes);
    g_test_add_func("/pc-testdev/latch-beside-debugcon", test_latch_beside_debugcon);
    g_test_add_func("/pc-testdev/flush", test_flush);
    g_test_add_func("/pc-testdev/lines", test_lines);
    g_test_add_func("/pc-testdev/memory", test_memory);
    g_test_add_func("/pc-testdev/reset", test_reset);
    g_test_add_func("/pc-testdev/state", test_state);
    return g_test_run();
}
