/* LINK: hw/input/i8042.c hw/input/ps2.c ui/input.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c util/qemu-timer.c util/error.c util/option.c -lxxhash */
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"
#include "ui/input.h"
#include "ui/keycodes.h"

static int resets;

void qemu_system_reset_request(ShutdownCause cause)
{
    g_assert_cmpint(cause, ==, SHUTDOWN_CAUSE_GUEST_RESET);
    resets++;
}
/* As if each event were at its checkpoint already. */
void replay_input_event(const InputEvent *evt)
{
    qemu_input_event_send_impl(evt);
}
void replay_input_sync_event(void)
{
    qemu_input_event_sync_impl();
}

static Device *kbc;
static TestLine irq1, irq12, a20;

static void setup(void)
{
    if (!kbc) {
        memory_init();
        kbc = device_create(&i8042_type);
        i8042_connect(kbc, test_line(&irq1), test_line(&irq12), test_line(&a20));
    }
    kbc->type->reset(kbc);
    irq1.edges = irq12.edges = 0;
    resets = 0;
}

static int next_byte(void)
{
    return inb(0x64) & 1 ? inb(0x60) : -1;
}

static void expect_bytes(const char *hex)
{
    GString *got = g_string_new(NULL);
    for (int b, n = 0; n < 64 && (b = next_byte()) >= 0; n++) {
        g_string_append_printf(got, "%s%02x", got->len ? " " : "", b);
    }
    g_assert_cmpstr(got->str, ==, hex);
    g_string_free(got, TRUE);
}

static void command(uint8_t c)
{
    outb(0x64, c);
}
static void command_byte(uint8_t value)
{
    command(0x60);
    outb(0x60, value);
}
static void to_mouse(uint8_t byte)
{
    command(0xd4);
    outb(0x60, byte);
}

static void key(const char *name, bool down)
{
    int number = qemu_key_number_from_name(name, strlen(name));
    g_assert_cmpint(number, !=, 0);
    qemu_input_send_key_number(number, down);
}
static void press(const char *name)
{
    key(name, true);
    key(name, false);
}

static void test_controller(void)
{
    setup();
    command(0xaa);
    g_assert_cmphex(inb(0x64), ==, 0x1d); /* output full, system, command, unlocked */
    expect_bytes("55");
    command(0xab);
    expect_bytes("00");
    command(0xa9);
    expect_bytes("00");
    command(0xa7);
    command(0x20);
    expect_bytes("67");
    command(0xa8);
    command(0xad);
    command(0x20);
    expect_bytes("57");
    command(0xc0);
    expect_bytes("80");
    command(0x65); /* RAM byte 5 */
    outb(0x60, 0x99);
    command(0x25);
    expect_bytes("99");
    command(0xd3);
    outb(0x60, 0x5a);
    g_assert_cmphex(inb(0x64) & 0x21, ==, 0x21); /* as if from the mouse */
    g_assert_cmpint(irq12.level, ==, 1);
    expect_bytes("5a");
    g_assert_cmpint(irq12.level, ==, 0);
    command(0xd2);
    outb(0x60, 0xa5);
    g_assert_cmphex(inb(0x64) & 0x21, ==, 0x01);
    expect_bytes("a5");
}

static void test_a20_and_reset(void)
{
    setup();
    g_assert_cmpint(a20.level, ==, 1);
    command(0xd1);
    outb(0x60, 0xdd);
    g_assert_cmpint(a20.level, ==, 0);
    command(0xd0);
    expect_bytes("cd");
    command(0xdf);
    g_assert_cmpint(a20.level, ==, 1);
    command(0xdd);
    g_assert_cmpint(a20.level, ==, 0);
    g_assert_cmpint(resets, ==, 0);
    command(0xff); /* pulses nothing */
    g_assert_cmpint(resets, ==, 0);
    command(0xfe);
    g_assert_cmpint(resets, ==, 1);
    command(0xd1);
    outb(0x60, 0xfe);
    g_assert_cmpint(resets, ==, 2);
}

static void test_keys_translated(void)
{
    setup();
    press("a");
    g_assert_cmpint(irq1.level, ==, 1);
    g_assert_cmphex(inb(0x64) & 0x21, ==, 0x01);
    expect_bytes("1e 9e");
    g_assert_cmpint(irq1.edges, ==, 2);
    press("right");
    expect_bytes("e0 4d e0 cd");
    press("f7");
    expect_bytes("41 c1");
    press("print");
    expect_bytes("e0 2a e0 37 e0 b7 e0 aa");
    press("pause");
    expect_bytes("e1 1d 45 e1 9d c5");
    key("alt", true);
    press("print");
    key("alt", false);
    expect_bytes("38 54 d4 b8");
    key("ctrl", true);
    press("pause");
    key("ctrl", false);
    expect_bytes("1d e0 46 e0 c6 9d");
}

static void test_sets(void)
{
    setup();
    command_byte(0x03);
    press("a");
    expect_bytes("1c f0 1c");
    press("delete");
    expect_bytes("e0 71 e0 f0 71");
    press("f7");
    expect_bytes("83 f0 83");
    press("pause");
    expect_bytes("e1 14 77 e1 f0 14 f0 77");
    outb(0x60, 0xf0);
    expect_bytes("fa");
    outb(0x60, 0x01);
    expect_bytes("fa");
    press("delete");
    expect_bytes("e0 53 e0 d3");
    outb(0x60, 0xf0);
    outb(0x60, 0x03);
    expect_bytes("fa fa");
    press("a");
    press("shift");
    expect_bytes("1c 12 f0 12"); /* only shifts tell of their release, */
    outb(0x60, 0xf8);
    press("delete");
    expect_bytes("fa 64 f0 64"); /* until all keys are asked to */
    outb(0x60, 0xf0);
    outb(0x60, 0x00);
    expect_bytes("fa fa 03");
}

/* Every number that the list of keys has makes a code in set 1 that is that number again. */
static void test_every_key(void)
{
    setup();
    for (int i = 1; i < Q_KEY_CODE__MAX; i++) {
        int number = qemu_qcode_to_number(i);
        int base = number & 0x7f;
        if (number == 0xc6 || number == 0xb7) {
            continue;
        }
        qemu_input_send_key_number(number, true);
        char *expected = number & 0x80 ? g_strdup_printf("e0 %02x", base) : g_strdup_printf("%02x", base);
        expect_bytes(expected);
        g_free(expected);
        g_assert_cmpstr(qemu_qcode_name(qemu_qcode_from_name(qemu_qcode_name(i), strlen(qemu_qcode_name(i)))), ==,
                        qemu_qcode_name(i));
    }
}

static void test_keyboard_commands(void)
{
    setup();
    outb(0x60, 0xff);
    expect_bytes("fa aa");
    outb(0x60, 0xf2);
    expect_bytes("fa ab 41"); /* translated, as on real machines */
    command_byte(0x03);
    outb(0x60, 0xf2);
    expect_bytes("fa ab 83");
    outb(0x60, 0xee);
    expect_bytes("ee");
    outb(0x60, 0xed);
    expect_bytes("fa");
    outb(0x60, 0x07);
    expect_bytes("fa");
    outb(0x60, 0xfe);
    expect_bytes("fa");
    outb(0x60, 0x12);
    expect_bytes("fe");
    outb(0x60, 0xed); /* a command in place of an argument */
    outb(0x60, 0xf4);
    expect_bytes("fa fa");
    outb(0x60, 0xf5);
    expect_bytes("fa");
    press("a");
    expect_bytes("");
    outb(0x60, 0xf4);
    expect_bytes("fa");
    press("a");
    expect_bytes("1c f0 1c");
}

static void test_disabled_keyboard_keeps_keys(void)
{
    setup();
    command(0xad);
    press("b");
    g_assert_cmpint(irq1.level, ==, 0);
    expect_bytes("");
    command(0xae);
    expect_bytes("30 b0");
}

static void test_answer_goes_ahead(void)
{
    setup();
    press("c");
    command(0x20);
    g_assert_cmpint(inb(0x60), ==, 0x43);
    expect_bytes("2e ae");
}

static void test_overrun(void)
{
    setup();
    command_byte(0x03);
    command(0xad);
    for (int i = 0; i < 20; i++) {
        press("right");
    }
    command(0xae);
    expect_bytes("e0 74 e0 f0 74 e0 74 e0 f0 74 e0 74 e0 f0 74 00");
    press("a");
    expect_bytes("1c f0 1c");
}

static void send_rel(int axis, int value)
{
    InputEvent e = { .kind = INPUT_EVENT_REL, .axis = axis, .value = value };
    qemu_input_event_send(&e);
}
static void send_button(int button, bool down)
{
    InputEvent e = { .kind = INPUT_EVENT_BTN, .button = button, .down = down };
    qemu_input_event_send(&e);
}

static void test_mouse_stream(void)
{
    setup();
    to_mouse(0xff);
    g_assert_cmphex(inb(0x64) & 0x21, ==, 0x21);
    expect_bytes("fa aa 00");
    send_rel(0, 5);
    qemu_input_event_sync();
    expect_bytes(""); /* not enabled yet */
    to_mouse(0xf4);
    expect_bytes("fa");
    send_rel(0, 5);
    send_rel(1, 3);
    qemu_input_event_sync();
    g_assert_cmpint(irq12.level, ==, 1);
    g_assert_cmpint(irq1.level, ==, 0);
    expect_bytes("28 05 fd"); /* up is positive here */
    send_button(0, true);
    send_button(2, true);
    qemu_input_event_sync();
    expect_bytes("0b 00 00");
    send_button(0, false);
    send_button(2, false);
    qemu_input_event_sync();
    expect_bytes("08 00 00");
    send_rel(0, -300);
    qemu_input_event_sync();
    expect_bytes("18 81 00 18 81 00 18 d2 00");
    to_mouse(0xe7);
    expect_bytes("fa");
    send_rel(0, 3);
    send_rel(1, -10);
    qemu_input_event_sync();
    expect_bytes("08 03 14");
    send_rel(0, 10000); /* more than the queue holds: it comes as room comes up */
    qemu_input_event_sync();
    int packets = 0;
    for (int b; (b = next_byte()) >= 0; packets++) {
        g_assert_cmphex(b, ==, 0x08);
        next_byte();
        next_byte();
    }
    g_assert_cmpint(packets, ==, 79);
}

/* A snapshot between an event and its sync: the sync after a load still knows whom it concerns. */
static void test_mouse_snapshot(void)
{
    GByteArray *saved = g_byte_array_new();
    InputEvent move = { .kind = INPUT_EVENT_REL, .axis = 0, .value = 5 };
    setup();
    command_byte(0x47);
    to_mouse(0xf4);
    expect_bytes("fa");
    qemu_input_event_send(&move);
    vmstate_save_all(saved);
    qemu_input_event_sync();
    expect_bytes("08 05 00");
    g_assert_true(vmstate_load_all(saved->data, saved->len, &error_fatal));
    expect_bytes("");
    qemu_input_event_sync();
    expect_bytes("08 05 00");
    g_byte_array_unref(saved);
}

static void mouse_rate(int rate)
{
    to_mouse(0xf3);
    expect_bytes("fa");
    to_mouse(rate);
    expect_bytes("fa");
}

static void test_mouse_wheel(void)
{
    setup();
    to_mouse(0xf2);
    expect_bytes("fa 00");
    mouse_rate(200);
    mouse_rate(100);
    mouse_rate(80);
    to_mouse(0xf2);
    expect_bytes("fa 03");
    to_mouse(0xf4);
    expect_bytes("fa");
    send_button(3, true);
    send_button(3, false);
    qemu_input_event_sync();
    expect_bytes("08 00 00 ff");
    mouse_rate(200);
    mouse_rate(200);
    mouse_rate(80);
    to_mouse(0xf2);
    expect_bytes("fa 04");
    send_button(4, true);
    send_button(5, true);
    qemu_input_event_sync();
    expect_bytes("08 00 00 11");
}

static void test_mouse_commands(void)
{
    setup();
    to_mouse(0xe8);
    to_mouse(0x03);
    expect_bytes("fa fa");
    to_mouse(0xe9);
    expect_bytes("fa 00 03 64");
    to_mouse(0xf0);
    expect_bytes("fa");
    send_rel(0, 7);
    qemu_input_event_sync();
    expect_bytes("");
    to_mouse(0xeb);
    expect_bytes("fa 08 07 00");
    to_mouse(0xee);
    expect_bytes("fa");
    to_mouse(0x42);
    expect_bytes("42");
    to_mouse(0xec);
    expect_bytes("fa");
    to_mouse(0x01);
    expect_bytes("fe");
}

static void test_state(void)
{
    setup();
    press("x");
    to_mouse(0xf4);
    send_rel(0, 1);
    qemu_input_event_sync();
    check_state_goes_round(kbc);
    expect_bytes("2d ad fa 08 01 00");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("i8042-test");
    g_test_add_func("/i8042/controller", test_controller);
    g_test_add_func("/i8042/a20-and-reset", test_a20_and_reset);
    g_test_add_func("/i8042/answer-goes-ahead", test_answer_goes_ahead);
    g_test_add_func("/i8042/disabled-keyboard-keeps-keys", test_disabled_keyboard_keeps_keys);
    g_test_add_func("/i8042/state", test_state);
    g_test_add_func("/ps2/keys/translated", test_keys_translated);
    g_test_add_func("/ps2/keys/sets", test_sets);
    g_test_add_func("/ps2/keys/every", test_every_key);
    g_test_add_func("/ps2/keys/overrun", test_overrun);
    g_test_add_func("/ps2/keyboard-commands", test_keyboard_commands);
    g_test_add_func("/ps2/mouse/stream", test_mouse_stream);
    g_test_add_func("/ps2/mouse/snapshot", test_mouse_snapshot);
    g_test_add_func("/ps2/mouse/wheel", test_mouse_wheel);
    g_test_add_func("/ps2/mouse/commands", test_mouse_commands);
    return g_test_run();
}
