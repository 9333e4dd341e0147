/* LINK: hw/intc/ioapic.c hw/core/device.c hw/core/memory.c hw/core/ram.c migration/vmstate.c util/error.c util/option.c util/qemu-timer.c */
/* tests/device/ioapic-test.c  The I/O APIC by memory access and by line; messages are written down as text. */
#include "exec/memory.h"
#include "hw/intc/intc.h"
#include "util/main-loop.h"

#define BASE 0xfec00000

static Device *ioapic;
static GString *sent;

void qemu_notify_event(void)
{
}

void apic_deliver(uint8_t dest, bool logical, uint8_t delivery_mode, uint8_t vector, bool level_trigger)
{
    g_string_append_printf(sent, "%c%x:m%u,v%02x%s ", logical ? 'l' : 'p', dest, delivery_mode, vector,
                           level_trigger ? ",level" : "");
}

#define assert_sent(text)                     \
    do {                                      \
        g_assert_cmpstr(sent->str, ==, text); \
        g_string_truncate(sent, 0);           \
    } while (0)

static void st(hwaddr offset, uint32_t value)
{
    address_space_st(&address_space_memory, BASE + offset, value, 4);
}

static uint32_t ld(hwaddr offset)
{
    return address_space_ld(&address_space_memory, BASE + offset, 4);
}

static void set_reg(uint8_t reg, uint32_t value)
{
    st(0, reg);
    st(0x10, value);
}

static uint32_t get_reg(uint8_t reg)
{
    st(0, reg);
    return ld(0x10);
}

static void set_redir(int pin, uint64_t entry)
{
    set_reg(0x11 + 2 * pin, entry >> 32);
    set_reg(0x10 + 2 * pin, entry);
}

static uint64_t get_redir(int pin)
{
    return get_reg(0x10 + 2 * pin) | (uint64_t)get_reg(0x11 + 2 * pin) << 32;
}

static void irq(int pin, int level)
{
    ioapic_set_irq(ioapic, pin, level);
}

static void start(void)
{
    for (int pin = 0; pin < 24; pin++) {
        irq(pin, 0);
    }
    ioapic->type->reset(ioapic);
    g_string_truncate(sent, 0);
}

static void test_registers(void)
{
    start();
    g_assert_cmphex(get_reg(1), ==, 0x00170020);
    set_reg(0, 0xffffffff);
    g_assert_cmphex(get_reg(0), ==, 0x0f000000);
    g_assert_cmphex(get_reg(2), ==, 0x0f000000);
    set_reg(1, 0);
    g_assert_cmphex(get_reg(1), ==, 0x00170020);
    for (int pin = 0; pin < 24; pin++) {
        g_assert_cmphex(get_redir(pin), ==, 0x10000);
        set_redir(pin, UINT64_MAX);
        g_assert_cmphex(get_redir(pin), ==, 0xff0000000001afff);
    }
    g_assert_cmphex(get_reg(0x40), ==, 0);
    set_reg(0xff, 0x12345678);
    g_assert_cmphex(get_reg(0xff), ==, 0);
    address_space_st(&address_space_memory, BASE, 1, 1);
    g_assert_cmphex(ld(0), ==, 1);
    g_assert_cmphex(address_space_ld(&address_space_memory, BASE + 0x12, 1), ==, 0x17);
}

static void test_edge(void)
{
    start();
    set_redir(4, 0x0300000000000831);
    irq(4, 1);
    assert_sent("l3:m0,v31 ");
    irq(4, 1);
    assert_sent("");
    irq(4, 0);
    irq(4, 1);
    assert_sent("l3:m0,v31 ");
    g_assert_cmphex(get_redir(4), ==, 0x0300000000000831);
}

static void test_edge_masked_is_lost(void)
{
    start();
    set_redir(4, 0x10031);
    irq(4, 1);
    set_redir(4, 0x00031);
    assert_sent("");
}

static void test_level(void)
{
    start();
    set_redir(17, 0x0100000000008141);
    irq(17, 1);
    assert_sent("p1:m1,v41,level ");
    g_assert_cmphex(get_redir(17), ==, 0x010000000000c141);
    irq(17, 0);
    irq(17, 1);
    assert_sent(""); /* waits for the EOI */
    ioapic_eoi_broadcast(0x40);
    assert_sent("");
    ioapic_eoi_broadcast(0x41);
    assert_sent("p1:m1,v41,level "); /* still asserted */
    irq(17, 0);
    st(0x40, 0x41);
    assert_sent("");
    g_assert_cmphex(get_redir(17), ==, 0x0100000000008141);
}

static void test_level_masked(void)
{
    start();
    irq(9, 1);
    set_redir(9, 0x18050);
    assert_sent("");
    set_redir(9, 0x08050);
    assert_sent("p0:m0,v50,level ");
    set_redir(9, 0x18050);
    ioapic_eoi_broadcast(0x50);
    assert_sent("");
    set_redir(9, 0x08050);
    assert_sent("p0:m0,v50,level ");
}

static void test_shared_vector(void)
{
    start();
    set_redir(10, 0x8060);
    set_redir(11, 0x8060);
    irq(10, 1);
    irq(11, 1);
    assert_sent("p0:m0,v60,level p0:m0,v60,level ");
    irq(10, 0);
    ioapic_eoi_broadcast(0x60);
    assert_sent("p0:m0,v60,level ");
}

static void test_remote_irr_cleared_by_edge(void)
{
    start();
    set_redir(9, 0x8050);
    irq(9, 1);
    irq(9, 0);
    set_redir(9, 0x10050); /* masked, edge */
    set_redir(9, 0x08050);
    g_assert_cmphex(get_redir(9), ==, 0x8050);
}

static void test_other_modes(void)
{
    start();
    static const char *const messages[] = { "p0:m2,v00 ", "p0:m4,v00 ", "p0:m5,v00 ", "p0:m7,v00 " };
    static const unsigned modes[] = { 2, 4, 5, 7 };
    for (int i = 0; i < 4; i++) {
        set_redir(3, modes[i] << 8 | 0x8000); /* the trigger bit does not count */
        irq(3, 1);
        irq(3, 0);
        assert_sent(messages[i]);
        g_assert_cmphex(get_redir(3) & 0x4000, ==, 0);
    }
}

static void test_bounds(void)
{
    start();
    irq(-1, 1);
    irq(24, 1);
    irq(1000, 1);
    assert_sent("");
}

static void test_state(void)
{
    start();
    set_redir(20, 0x8070);
    irq(20, 1);
    g_autoptr(GByteArray) saved = g_byte_array_new();
    vmstate_save_object(saved, ioapic->type->vmsd, ioapic);
    start();
    g_assert_true(vmstate_load_object(saved->data, saved->len, ioapic->type->vmsd, ioapic, &error_fatal));
    g_assert_cmphex(get_redir(20), ==, 0xc070);
    ioapic_eoi_broadcast(0x70);
    assert_sent("p0:m0,v70,level ");
}

static void append_line(void *opaque, const char *line)
{
    g_string_append_printf(opaque, "%s\n", line);
}

static void test_info(void)
{
    start();
    set_redir(9, 0x0100000000008821);
    irq(9, 1);
    st(0, 0x18);
    g_autoptr(GString) text = g_string_new("");
    ioapic_info(ioapic, append_line, text);
    g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
    g_assert_cmpstr(lines[0], ==, "ioapic0: ver=0x20 id=0x00 sel=0x18 (redir[4])");
    g_assert_cmpstr(lines[1], ==, "  pin 0  0x0000000000010000 dest=0 vec=0   active-hi edge  masked fixed  physical");
    g_assert_cmpstr(lines[10], ==, "  pin 9  0x010000000000c821 dest=1 vec=33  active-hi level        fixed  logical");
    g_assert_cmpstr(lines[25], ==, "  IRR      9 ");
    g_assert_cmpstr(lines[26], ==, "  Remote IRR 9 ");
    irq(9, 0);
    st(0x40, 0x21);
    g_string_truncate(text, 0);
    ioapic_info(ioapic, append_line, text);
    g_assert_nonnull(strstr(text->str, "  IRR      (none)\n  Remote IRR (none)\n"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    sent = g_string_new("");
    ioapic = device_create(&ioapic_type);
    g_test_add_func("/ioapic/registers", test_registers);
    g_test_add_func("/ioapic/edge", test_edge);
    g_test_add_func("/ioapic/edge-masked-is-lost", test_edge_masked_is_lost);
    g_test_add_func("/ioapic/level", test_level);
    g_test_add_func("/ioapic/level-masked", test_level_masked);
    g_test_add_func("/ioapic/shared-vector", test_shared_vector);
    g_test_add_func("/ioapic/remote-irr-cleared-by-edge", test_remote_irr_cleared_by_edge);
    g_test_add_func("/ioapic/other-modes", test_other_modes);
    g_test_add_func("/ioapic/bounds", test_bounds);
    g_test_add_func("/ioapic/state", test_state);
    g_test_add_func("/ioapic/info", test_info);
    return g_test_run();
}
