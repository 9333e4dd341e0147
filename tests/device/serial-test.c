/* LINK: hw/char/serial.c hw/char/debugcon.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c util/qemu-timer.c util/error.c util/option.c -lxxhash */
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"

#define COM1    0x3f8
#define CHAR_NS 1041666 /* 8N1 at 9600 baud */

/* ---- stand-ins ---- */

static ChrFrontend fe, con_fe;
static GString *sent;
static int accept_calls;
static int chr_object, con_object; /* stand for two chardevs */

void qemu_chr_write(Chardev *chr, const void *buf, size_t len)
{
    g_assert_nonnull(chr);
    g_string_append_len(sent, buf, len);
}
bool qemu_chr_attach(Chardev *chr, const ChrFrontend *ops, Error **errp)
{
    (void)errp;
    *(chr == (Chardev *)&con_object ? &con_fe : &fe) = *ops;
    return true;
}
void qemu_chr_accept_input(Chardev *chr)
{
    (void)chr;
    accept_calls++;
}
Chardev *qemu_chr_null_new(const char *label)
{
    g_assert_cmpstr(label, ==, "serial0");
    return (Chardev *)&chr_object;
}
Chardev *qemu_chr_find(const char *id)
{
    return !strcmp(id, "con") ? (Chardev *)&con_object : NULL;
}
static TestLine irq; /* of them all; only COM1's is looked at */

IRQLine pc_gsi(int n)
{
    (void)n;
    return test_line(&irq);
}
static Device *uart;

static void setup(void)
{
    if (!uart) {
        memory_init();
        sent = g_string_new(NULL);
        uart = device_create(&isa_serial_type);
        serial_connect(uart, NULL); /* COM1 by its instance number */
    }
    uart->type->reset(uart);
    g_string_truncate(sent, 0);
    irq.edges = 0;
    accept_calls = 0;
}

static void send_to_guest(const char *text)
{
    g_assert_cmpint(fe.can_receive(fe.opaque), >=, (int)strlen(text));
    fe.receive(fe.opaque, (const uint8_t *)text, strlen(text));
}

static void set_baud_9600(void)
{
    outb(COM1 + 3, 0x83);
    outb(COM1, 12);
    outb(COM1 + 1, 0);
    g_assert_cmpint(inb(COM1), ==, 12);
    outb(COM1 + 3, 0x03);
}

static void test_registers(void)
{
    setup();
    g_assert_cmphex(inb(COM1 + 5), ==, 0x60);
    g_assert_cmphex(inb(COM1 + 2), ==, 0x01);
    g_assert_cmphex(inb(COM1 + 6), ==, 0xb0);
    outb(COM1 + 7, 0x5a);
    g_assert_cmphex(inb(COM1 + 7), ==, 0x5a);
    outb(COM1 + 1, 0xff);
    g_assert_cmphex(inb(COM1 + 1), ==, 0x0f);
    outb(COM1 + 2, 0xc1);
    g_assert_cmphex(inb(COM1 + 2) & 0xc0, ==, 0xc0);
    outb(COM1 + 2, 0x40); /* not programmed unless bit 0 is set */
    g_assert_cmphex(inb(COM1 + 2) & 0xc0, ==, 0x00);
    outb(COM1 + 4, 0xff);
    g_assert_cmphex(inb(COM1 + 4), ==, 0x1f);
}

static void test_transmit(void)
{
    setup();
    outb(COM1 + 1, 0x02);
    g_assert_cmpint(irq.level, ==, 1); /* THR is empty when its interrupt is enabled */
    g_assert_cmphex(inb(COM1 + 2), ==, 0x02);
    g_assert_cmpint(irq.level, ==, 0); /* reading IIR takes it back */
    g_assert_cmphex(inb(COM1 + 2), ==, 0x01);
    outb(COM1, 'A');
    g_assert_cmpint(irq.level, ==, 1);
    outb(COM1, 'B');
    g_assert_cmpint(irq.edges, ==, 3); /* an edge per byte */
    g_assert_cmpstr(sent->str, ==, "AB");
    g_assert_cmphex(inb(COM1 + 5) & 0x60, ==, 0x60);
    outb(COM1 + 1, 0);
    g_assert_cmpint(irq.level, ==, 0);
    outb(COM1 + 1, 2); /* enabling again triggers again */
    g_assert_cmpint(irq.level, ==, 1);
}

static void test_receive_plain(void)
{
    setup();
    outb(COM1 + 1, 0x01);
    g_assert_cmpint(fe.can_receive(fe.opaque), ==, 1);
    send_to_guest("x");
    g_assert_cmpint(fe.can_receive(fe.opaque), ==, 0);
    g_assert_cmphex(inb(COM1 + 2), ==, 0x04);
    g_assert_cmphex(inb(COM1 + 5), ==, 0x61);
    accept_calls = 0;
    g_assert_cmphex(inb(COM1), ==, 'x');
    g_assert_cmpint(accept_calls, ==, 1);
    g_assert_cmpint(irq.level, ==, 0);
    g_assert_cmphex(inb(COM1), ==, 'x'); /* an empty receiver shows its last byte */
}

static void test_fifo_trigger_and_timeout(void)
{
    setup();
    set_baud_9600();
    outb(COM1 + 2, 0x81); /* trigger at 8 */
    outb(COM1 + 1, 0x01);
    send_to_guest("1234567");
    g_assert_cmpint(irq.level, ==, 0);
    send_to_guest("8");
    g_assert_cmphex(inb(COM1 + 2), ==, 0xc4);
    g_assert_cmpint(inb(COM1), ==, '1');
    g_assert_cmpint(irq.level, ==, 0);
    qemu_clock_step(4 * CHAR_NS - 1000);
    g_assert_cmpint(irq.level, ==, 0);
    qemu_clock_step(2000);
    g_assert_cmphex(inb(COM1 + 2), ==, 0xcc); /* reading IIR does not take it back */
    g_assert_cmpint(irq.level, ==, 1);
    g_assert_cmpint(inb(COM1), ==, '2');
    g_assert_cmpint(irq.level, ==, 0); /* reading a byte does, */
    qemu_clock_step(4 * CHAR_NS + 1000);
    g_assert_cmpint(irq.level, ==, 1); /* until the rest has waited too */
    for (int i = '3'; i <= '8'; i++) {
        g_assert_cmpint(inb(COM1), ==, i);
    }
    qemu_clock_step(10 * CHAR_NS);
    g_assert_cmpint(irq.level, ==, 0);
    g_assert_cmpint(fe.can_receive(fe.opaque), ==, 16);
}

static void test_fifo_reset(void)
{
    setup();
    outb(COM1 + 2, 0x01);
    send_to_guest("abc");
    outb(COM1 + 2, 0x03);
    g_assert_cmphex(inb(COM1 + 5) & 1, ==, 0);
    send_to_guest("d");
    outb(COM1 + 2, 0x00); /* switching the FIFO off clears it */
    g_assert_cmphex(inb(COM1 + 5) & 1, ==, 0);
}

static void test_loopback(void)
{
    setup();
    outb(COM1 + 3, 0x03);
    outb(COM1 + 2, 0x01);
    inb(COM1 + 6);
    outb(COM1 + 4, 0x10);
    g_assert_cmphex(inb(COM1 + 6), ==, 0x0b); /* CTS, DSR, DCD went away; deltas are told once */
    g_assert_cmphex(inb(COM1 + 6), ==, 0x00);
    outb(COM1 + 4, 0x1f);
    g_assert_cmphex(inb(COM1 + 6), ==, 0xfb);
    outb(COM1 + 1, 0x08);
    outb(COM1 + 4, 0x1b); /* OUT1 falls: trailing edge of ring */
    g_assert_cmpint(irq.level, ==, 1);
    g_assert_cmphex(inb(COM1 + 2), ==, 0xc0);
    g_assert_cmphex(inb(COM1 + 6), ==, 0xb4);
    g_assert_cmpint(irq.level, ==, 0);
    for (int i = 0; i < 256; i++) {
        outb(COM1, i);
    }
    g_assert_cmpint(sent->len, ==, 0);
    g_assert_cmpint(fe.can_receive(fe.opaque), ==, 0);
    g_assert_cmphex(inb(COM1 + 5), ==, 0x63); /* overrun */
    int count = 0;
    while (inb(COM1 + 5) & 1) {
        g_assert_cmpint(inb(COM1), ==, count++);
    }
    g_assert_cmpint(count, ==, 16);
    outb(COM1 + 2, 0x00);
    outb(COM1, 1);
    outb(COM1, 2); /* without FIFO the new byte replaces the old one */
    g_assert_cmphex(inb(COM1 + 5), ==, 0x63);
    g_assert_cmpint(inb(COM1), ==, 2);
    outb(COM1 + 3, 0x00); /* five data bits */
    outb(COM1, 0xff);
    g_assert_cmphex(inb(COM1), ==, 0x1f);
}

static void test_break(void)
{
    setup();
    outb(COM1 + 2, 0x01);
    outb(COM1 + 1, 0x05);
    send_to_guest("a");
    fe.event(fe.opaque, CHR_EVENT_BREAK);
    g_assert_cmphex(inb(COM1 + 5), ==, 0xe1); /* an error is in the FIFO, not at its top */
    g_assert_cmphex(inb(COM1 + 2), ==, 0xc4);
    g_assert_cmpint(inb(COM1), ==, 'a');
    g_assert_cmphex(inb(COM1 + 2), ==, 0xc6);
    g_assert_cmphex(inb(COM1 + 5), ==, 0xf1);
    g_assert_cmphex(inb(COM1 + 5), ==, 0x61);
    g_assert_cmpint(inb(COM1), ==, 0);
}

static void test_state(void)
{
    setup();
    outb(COM1 + 2, 0xc1);
    outb(COM1 + 1, 0x0f);
    send_to_guest("state");
    check_state_goes_round(uart);
    g_assert_cmpint(inb(COM1), ==, 's');
}

static void test_debugcon(void)
{
    setup();
    Device *con = device_new(&isa_debugcon_type);
    g_assert_true(device_set_property(con, "chardev", "con", NULL));
    g_assert_true(device_realize(con, NULL));
    outb(0xe9, 'D');
    g_assert_cmpstr(sent->str, ==, "D");
    g_assert_cmphex(inb(0xe9), ==, 0xe9);
    g_assert_null(con_fe.receive);
    Error *err = NULL;
    con = device_new(&isa_debugcon_type);
    g_assert_false(device_set_property(con, "chardev", "nowhere", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Property 'isa-debugcon.chardev' can't find value 'nowhere'");
    error_free(err);
    err = NULL;
    g_assert_false(device_realize(con, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Can't create debugcon device, empty char device");
    error_free(err);
}

static void test_ports(void)
{
    setup();
    Device *com2 = device_new(&isa_serial_type);
    g_assert_true(device_set_property(com2, "chardev", "con", NULL));
    g_assert_true(device_realize(com2, NULL));
    com2->type->reset(com2);
    outb(0x2f8 + 7, 0x77);
    g_assert_cmphex(inb(0x2f8 + 7), ==, 0x77);
    g_assert_cmphex(inb(COM1 + 7), ==, 0x00);
    Error *err = NULL;
    Device *bad = device_new(&isa_serial_type);
    g_assert_true(device_set_property(bad, "index", "9", NULL));
    g_assert_false(device_realize(bad, &err));
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("serial-test");
    g_test_add_func("/serial/registers", test_registers);
    g_test_add_func("/serial/transmit-interrupt", test_transmit);
    g_test_add_func("/serial/receive/plain", test_receive_plain);
    g_test_add_func("/serial/receive/fifo-trigger-and-timeout", test_fifo_trigger_and_timeout);
    g_test_add_func("/serial/receive/fifo-reset", test_fifo_reset);
    g_test_add_func("/serial/loopback", test_loopback);
    g_test_add_func("/serial/break", test_break);
    g_test_add_func("/serial/state", test_state);
    g_test_add_func("/serial/debugcon", test_debugcon);
    g_test_add_func("/serial/ports", test_ports);
    return g_test_run();
}
