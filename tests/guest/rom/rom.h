/* rom.h  What the small ROM guests share: the serial line, PCI configuration, soft-off. */
#ifndef GUEST_ROM_H
#define GUEST_ROM_H

#include "tests/guest/machine.h"

#define COM1 0x3f8

#define PCI_I440FX   0x80000000u
#define PCI_PIIX4_PM (0x80000000u | 1 << 11 | 3 << 8)
#define PM_BASE      0x600

extern uint32_t reset_cr0; /* start.S */

static inline void put(char c)
{
    while (!(inb(COM1 + 5) & 0x20)) {
    }
    outb(COM1, (uint8_t)c);
}

static inline void print(const char *s)
{
    while (*s) {
        put(*s++);
    }
}

static inline void print_hex(uint32_t v, int digits)
{
    for (int i = 4 * (digits - 1); i >= 0; i -= 4) {
        put("0123456789abcdef"[(v >> i) & 15]);
    }
}

static inline void init_serial(void)
{
    outb(COM1 + 3, 0x03);
    outb(COM1 + 2, 0x01);
    outb(COM1 + 4, 0x0b);
}

static inline void pci_write32(uint32_t function, uint8_t reg, uint32_t value)
{
    outl(0xcf8, function | reg);
    outl(0xcfc, value);
}

static inline void pci_write8(uint32_t function, uint8_t reg, uint8_t value)
{
    outl(0xcf8, function | (reg & 0xfcu));
    outb(0xcfc + (reg & 3), value);
}

/* PIIX4: the ACPI registers appear at PM_BASE. */
static inline void init_pm(void)
{
    pci_write32(PCI_PIIX4_PM, 0x40, PM_BASE | 1);
    pci_write32(PCI_PIIX4_PM, 0x80, 1);
}

static inline void power_off(void)
{
    init_pm();
    outw(PM_BASE + 4, 1 << 13);
}

#endif
