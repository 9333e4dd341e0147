/*
 * demo.c  A guest that no two runs of which are alike: a timer interrupts a computation wherever it happens to be, the
 * real-time clock is read, and what is typed on the serial line goes into the result. Its last line is a hash of it all;
 * a replay must print the very same line.
 */
#include "tests/guest/rom/rom.h"

#define TICKS 400
#define TIMER_HZ 100

static void print_decimal(uint32_t v)
{
    if (v >= 10) {
        print_decimal(v / 10);
    }
    put((char)('0' + v % 10));
}

/* ---- what happens ---- */

static volatile uint32_t ticks, progress, typed;
static volatile uint32_t hash = 2166136261u;

static void mix(uint32_t v)
{
    hash = (hash ^ v) * 16777619u;
}

static uint32_t tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return low;
}

struct frame;

__attribute__((interrupt)) static void timer_interrupt(struct frame *unused)
{
    (void)unused;
    ticks++;
    mix(progress);
    mix(tsc());
    outb(0x20, 0x20);
}

__attribute__((interrupt)) static void serial_interrupt(struct frame *unused)
{
    (void)unused;
    while (inb(COM1 + 5) & 1) {
        uint8_t c = inb(COM1);
        put((char)c);
        mix(c);
        mix(tsc());
        typed++;
    }
    outb(0x20, 0x20);
}

/* ---- chips ---- */

static struct gate idt[256];

static void set_gate(int vector, void (*handler)(struct frame *))
{
    uint32_t address = (uint32_t)(uintptr_t)handler;
    idt[vector] = (struct gate){ (uint16_t)address, 8, 0, 0x8e, (uint16_t)(address >> 16) };
}

static void init_interrupts(void)
{
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint32_t)(uintptr_t)idt };
    set_gate(0x20, timer_interrupt);
    set_gate(0x24, serial_interrupt);
    __asm__ volatile("lidt %0" : : "m"(pointer));
    *(volatile uint32_t *)0xfee000f0 = 0x1ff; /* local APIC on; its LINT0 passes the PIC through */
    *(volatile uint32_t *)0xfee00350 = 0x700;
    outb(0x20, 0x11);
    outb(0x21, 0x20);
    outb(0x21, 0x04);
    outb(0x21, 0x01);
    outb(0x21, 0xee); /* IRQ 0 and 4 */
    outb(0xa1, 0xff);
    outb(COM1 + 1, 0x01); /* only now: the PIC forgets edges that came before it was set up */
}

static void init_timer(void)
{
    uint32_t divisor = 1193182 / TIMER_HZ;
    outb(0x43, 0x34);
    outb(0x40, (uint8_t)divisor);
    outb(0x40, (uint8_t)(divisor >> 8));
}

static uint8_t rtc(uint8_t reg)
{
    outb(0x70, reg);
    return inb(0x71);
}

static void print_bcd(uint8_t v)
{
    put((char)('0' + (v >> 4)));
    put((char)('0' + (v & 15)));
}

static void tell_time(void)
{
    static const uint8_t regs[] = { 4, 2, 0 };
    print("It is ");
    for (int i = 0; i < 3; i++) {
        uint8_t v = rtc(regs[i]);
        mix(v);
        print_bcd(v);
        put(i < 2 ? ':' : '\n');
    }
}

static int is_prime(uint32_t n)
{
    for (uint32_t d = 2; d * d <= n; d++) {
        if (n % d == 0) {
            return 0;
        }
    }
    return 1;
}

void guest_main(void)
{
    init_serial();
    print("Lockstep demo guest. Type something.\n");
    tell_time();
    init_interrupts();
    init_timer();
    __asm__ volatile("sti");
    uint32_t primes = 0;
    for (uint32_t n = 2; ticks < TICKS; n++) {
        primes += (uint32_t)is_prime(n);
        progress++;
        if (n % 100 == 0) { /* rest until the next tick: idle time is part of the recording */
            __asm__ volatile("hlt");
        }
    }
    __asm__ volatile("cli");
    mix(primes);
    print("\nprimes found: ");
    print_decimal(primes);
    print(", characters typed: ");
    print_decimal(typed);
    print(", result: ");
    print_hex(hash, 8);
    print("\n");
    power_off();
}
