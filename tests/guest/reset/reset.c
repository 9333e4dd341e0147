/*
 * reset.c  A guest that resets itself in every way a PC knows: triple fault, keyboard controller, reset control
 * register, port 92h. CMOS RAM, which a reset keeps, counts the boots. Before each reset it puts other code where
 * firmware is (shadow RAM) and runs it; after the reset that address must show the ROM again. Code in RAM is another in
 * each boot. After the last boot: isa-debug-exit if it is there, else soft-off.
 */
#include "tests/guest/rom/rom.h"

#define CMOS_BOOTS 0x50
#define PAM0       0x59 /* bits 5:4: F0000h-FFFFFh is RAM, for writing and reading */
#define ROM_HIGH   0xffff0000u
#define ROM_LOW    0x000f0000u
#define RAM_CODE   0x20000u

typedef uint32_t Function(void);

static uint8_t cmos_read(uint8_t index)
{
    outb(0x70, index);
    return inb(0x71);
}

static void cmos_write(uint8_t index, uint8_t value)
{
    outb(0x70, index);
    outb(0x71, value);
}

/* "mov $value, %eax; ret" */
static uint32_t call_code(uint32_t address)
{
    return ((Function *)(uintptr_t)address)();
}

static void write_code(uint32_t address, uint32_t value)
{
    volatile uint8_t *p = (volatile uint8_t *)(uintptr_t)address;
    p[0] = 0xb8;
    for (int i = 0; i < 4; i++) {
        p[1 + i] = (uint8_t)(value >> (8 * i));
    }
    p[5] = 0xc3;
}

extern uint8_t probe[]; /* in ROM; the value is 0x11 */
__asm__(".section .text\n"
        "probe: movl $0x11, %eax\n"
        "ret\n");

static uint32_t probe_below_1m(void)
{
    return ROM_LOW + ((uint32_t)(uintptr_t)probe - ROM_HIGH);
}

static void shadow_firmware(void)
{
    pci_write8(PCI_I440FX, PAM0, 0x30);
    for (uint32_t i = 0; i < 0x10000; i += 4) {
        *(volatile uint32_t *)(uintptr_t)(ROM_LOW + i) = *(volatile uint32_t *)(uintptr_t)(ROM_HIGH + i);
    }
}

static void print_value(const char *name, uint32_t value)
{
    print(name);
    print_hex(value, 8);
}

static void report(uint8_t boot)
{
    print("boot ");
    put((char)('0' + boot));
    print_value(": cr0 ", reset_cr0);
    print_value(" ier ", inb(COM1 + 1));
    print_value(" firmware ", call_code(probe_below_1m()));
    write_code(RAM_CODE, 0x2000u + boot);
    print_value(" ram ", call_code(RAM_CODE));
    shadow_firmware();
    write_code(probe_below_1m(), 0x3000u + boot);
    print_value(" shadow ", call_code(probe_below_1m()));
    print("\n");
    outb(COM1 + 1, 0x0f); /* a reset clears it */
}

static void triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) empty = { 0, 0 };
    __asm__ volatile("lidt %0; int3" : : "m"(empty));
}

static void reset_control_register(void)
{
    outb(0xcf9, 0x02);
    outb(0xcf9, 0x06);
}

void guest_main(void)
{
    uint8_t boot = cmos_read(CMOS_BOOTS);
    cmos_write(CMOS_BOOTS, (uint8_t)(boot + 1));
    init_serial();
    report(boot);
    switch (boot) {
    case 0:
        triple_fault();
        break;
    case 1:
        outb(0x64, 0xfe);
        break;
    case 2:
        reset_control_register();
        break;
    case 3:
        outb(0x92, 0x01);
        break;
    default:
        outb(0xf4, 0x15);
        power_off();
    }
}
