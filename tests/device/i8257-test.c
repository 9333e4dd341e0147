/* LINK: hw/dma/i8257.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c util/qemu-timer.c util/error.c util/option.c -lxxhash */
#include "hw/dma/i8257.h"
#include "hw/isa/chips.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"

static Device *dma;
static MemoryRegion ram;

static void setup(void)
{
    if (!dma) {
        memory_init();
        memory_region_init_ram(&ram, "ram", 4 * MiB);
        memory_region_add_subregion(get_system_memory(), 0, &ram);
        dma = device_create(&i8257_type);
    }
    dma->type->reset(dma);
    outb(0xd6, 0xc0); /* cascade */
    outb(0xd4, 0x00);
}

static void program2(uint8_t mode, uint8_t page, uint16_t address, uint16_t count)
{
    outb(0x0a, 6);
    outb(0x0c, 0);
    outb(0x04, address & 0xff);
    outb(0x04, address >> 8);
    outb(0x05, count & 0xff);
    outb(0x05, count >> 8);
    outb(0x81, page);
    outb(0x0b, mode);
    outb(0x0a, 2);
}

static void test_registers(void)
{
    setup();
    program2(0x46, 0x12, 0x3456, 0x01ff);
    outb(0x0c, 0);
    g_assert_cmphex(inb(0x04), ==, 0x56);
    g_assert_cmphex(inb(0x04), ==, 0x34);
    g_assert_cmphex(inb(0x05), ==, 0xff);
    g_assert_cmphex(inb(0x05), ==, 0x01);
    g_assert_cmphex(inb(0x81), ==, 0x12);
    g_assert_cmphex(inb(0x0f) & 0x0f, ==, 0x0b);
    outb(0x0e, 0);
    g_assert_cmphex(inb(0x0f) & 0x0f, ==, 0x00);
    outb(0x0d, 0);
    g_assert_cmphex(inb(0x0f) & 0x0f, ==, 0x0f);
    outb(0xc4, 0x21); /* second controller: every other port */
    outb(0xc4, 0x43);
    outb(0xd8, 0);
    g_assert_cmphex(inb(0xc4), ==, 0x21);
    g_assert_cmphex(inb(0xc4), ==, 0x43);
}

static void test_to_memory(void)
{
    setup();
    uint8_t data[8] = "ABCDEFGH", back[8];
    bool tc;
    g_assert_cmpint(i8257_to_memory(dma, 2, data, 8, &tc), ==, 0); /* masked */
    program2(0x46, 0x12, 0x3456, 5);
    g_assert_cmpint(i8257_to_memory(dma, 2, data, 4, &tc), ==, 4);
    g_assert_false(tc);
    g_assert_cmpint(i8257_to_memory(dma, 2, data + 4, 4, &tc), ==, 2);
    g_assert_true(tc);
    cpu_physical_memory_read(0x123456, back, 8);
    g_assert_cmpmem(back, 6, "ABCDEF", 6);
    g_assert_cmpint(back[6], ==, 0);
    g_assert_cmphex(inb(0x08), ==, 0x04);
    g_assert_cmphex(inb(0x08), ==, 0x00);
    g_assert_false(i8257_ready(dma, 2, true)); /* terminal count masks */
}

static void test_auto_and_down(void)
{
    setup();
    uint8_t data[4] = "wxyz", back[4];
    program2(0x76, 0x00, 0x8003, 3); /* down, autoinit */
    g_assert_cmpint(i8257_to_memory(dma, 2, data, 4, NULL), ==, 4);
    cpu_physical_memory_read(0x8000, back, 4);
    g_assert_cmpmem(back, 4, "zyxw", 4);
    g_assert_true(i8257_ready(dma, 2, true));
    g_assert_false(i8257_ready(dma, 2, false));
    program2(0x4a, 0x00, 0x8000, 3);
    g_assert_cmpint(i8257_from_memory(dma, 2, back, 3, NULL), ==, 3);
    g_assert_cmpmem(back, 3, "zyx", 3);
    outb(0xd4, 0x04); /* the cascade channel is masked */
    g_assert_false(i8257_ready(dma, 2, false));
}

static void test_wrap_stays_in_page(void)
{
    setup();
    uint8_t data[4] = "wrap", back[2];
    program2(0x46, 0x02, 0xfffe, 3);
    g_assert_cmpint(i8257_to_memory(dma, 2, data, 4, NULL), ==, 4);
    cpu_physical_memory_read(0x20000, back, 2);
    g_assert_cmpmem(back, 2, "ap", 2);
}

static void test_words(void)
{
    setup();
    uint8_t data[4] = "WORD", back[4];
    outb(0xd8, 0);
    outb(0xc4, 0x00); /* channel 5: word address 1000h */
    outb(0xc4, 0x10);
    outb(0xc6, 1);
    outb(0xc6, 0);
    outb(0x8b, 0x03); /* page bit 0 does not count */
    outb(0xd6, 0x45);
    outb(0xd4, 1);
    g_assert_cmpint(i8257_to_memory(dma, 5, data, 4, NULL), ==, 4);
    cpu_physical_memory_read(0x22000, back, 4);
    g_assert_cmpmem(back, 4, "WORD", 4);
    i8257_set_dreq(dma, 5, 1);
    g_assert_cmphex(inb(0xd0), ==, 0x22);
}

static void test_state(void)
{
    setup();
    program2(0x46, 0x12, 0x3456, 0x01ff);
    outb(0x04, 1);
    check_state_goes_round(dma);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("i8257-test");
    g_test_add_func("/i8257/registers", test_registers);
    g_test_add_func("/i8257/to-memory", test_to_memory);
    g_test_add_func("/i8257/auto-and-down", test_auto_and_down);
    g_test_add_func("/i8257/wrap-stays-in-page", test_wrap_stays_in_page);
    g_test_add_func("/i8257/words", test_words);
    g_test_add_func("/i8257/state", test_state);
    return g_test_run();
}
