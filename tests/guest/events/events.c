/*
 * events.c  A guest that waits, halted, for what comes from outside: it prints the scan code of each key (IRQ 1), the
 * time stamp at which it saw it, and what is typed on the serial line (IRQ 4). The power button (SCI, IRQ 9) ends it
 * by soft-off.
 */
#include "tests/guest/rom/rom.h"

#define STS_PWRBTN 0x100

struct frame;

static struct gate idt[256];
static volatile int pressed;

static void end_of_interrupt(int irq)
{
    if (irq >= 8) {
        outb(0xa0, 0x20);
    }
    outb(0x20, 0x20);
}

static void print_event(const char *what, uint32_t value)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    print(what);
    print_hex(value, 2);
    print(" at ");
    print_hex(high, 8);
    print_hex(low, 8);
    print("\n");
}

__attribute__((interrupt)) static void keyboard_interrupt(struct frame *unused)
{
    (void)unused;
    print_event("key ", inb(0x60));
    end_of_interrupt(1);
}

__attribute__((interrupt)) static void serial_interrupt(struct frame *unused)
{
    (void)unused;
    while (inb(COM1 + 5) & 1) {
        print_event("character ", inb(COM1));
    }
    end_of_interrupt(4);
}

__attribute__((interrupt)) static void sci_interrupt(struct frame *unused)
{
    (void)unused;
    if (inw(PM_BASE) & STS_PWRBTN) {
        outw(PM_BASE, STS_PWRBTN);
        print_event("power button ", 1);
        pressed = 1;
    }
    end_of_interrupt(9);
}

static void set_gate(int vector, void (*handler)(struct frame *))
{
    uint32_t address = (uint32_t)(uintptr_t)handler;
    idt[vector] = (struct gate){ (uint16_t)address, 8, 0, 0x8e, (uint16_t)(address >> 16) };
}

static void init_interrupt_controllers(void)
{
    static const uint8_t icw[2][4] = { { 0x11, 0x20, 0x04, 0x01 }, { 0x11, 0x28, 0x02, 0x01 } };
    static const uint16_t ports[2] = { 0x20, 0xa0 };
    for (int i = 0; i < 2; i++) {
        outb(ports[i], icw[i][0]);
        for (int k = 1; k < 4; k++) {
            outb((uint16_t)(ports[i] + 1), icw[i][k]);
        }
    }
    outb(0x21, 0xe9); /* IRQ 1, 2 (cascade), 4 */
    outb(0xa1, 0xfd); /* IRQ 9 */
    outb(0x4d1, 0x02); /* the SCI is level-triggered */
    *(volatile uint32_t *)0xfee000f0 = 0x1ff; /* local APIC on; its LINT0 passes the PIC through */
    *(volatile uint32_t *)0xfee00350 = 0x700;
}

static void init_interrupts(void)
{
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint32_t)(uintptr_t)idt };
    set_gate(0x21, keyboard_interrupt);
    set_gate(0x24, serial_interrupt);
    set_gate(0x29, sci_interrupt);
    __asm__ volatile("lidt %0" : : "m"(pointer));
    init_interrupt_controllers();
}

/* ---- keyboard ---- */

static void kbd_wait(void)
{
    while (inb(0x64) & 2) {
    }
}

static void kbd_command(uint8_t command)
{
    kbd_wait();
    outb(0x64, command);
}

static void kbd_data(uint8_t value)
{
    kbd_wait();
    outb(0x60, value);
}

static uint8_t kbd_read(void)
{
    while (!(inb(0x64) & 1)) {
    }
    return inb(0x60);
}

static void init_keyboard(void)
{
    kbd_command(0xae); /* enable the port */
    kbd_command(0x60);
    kbd_data(0x40); /* translate to set 1, no interrupt yet */
    kbd_data(0xf4); /* scan */
    kbd_read();     /* acknowledge */
    kbd_command(0x60);
    kbd_data(0x41);
}

void guest_main(void)
{
    init_serial();
    init_pm();
    init_keyboard();
    init_interrupts();
    outb(COM1 + 1, 0x01);
    outw(PM_BASE + 2, STS_PWRBTN);
    outw(PM_BASE + 4, 1); /* SCI_EN */
    print("waiting\n");
    while (!pressed) { /* STI opens the window only after HLT: no press is missed in between */
        __asm__ volatile("cli");
        if (!pressed) {
            __asm__ volatile("sti; hlt");
        }
    }
    print("bye\n");
    power_off();
}
