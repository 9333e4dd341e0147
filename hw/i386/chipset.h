/* hw/i386/chipset.h  Wires between the parts of the 440FX chipset, for hw/i386/pc.c and the parts themselves. */
#ifndef HW_I386_CHIPSET_H
#define HW_I386_CHIPSET_H

#include "exec/memory.h"
#include "hw/core/device.h"

struct CPUState;

/* ram: main RAM, whose start is mapped at 0 in system memory. PCI interrupts and port CF9h go to the PIIX3. */
void i440fx_connect(Device *i440fx, MemoryRegion *ram, Device *piix3);
/* The SMRAM window opens and closes with the CPU's mode. */
void i440fx_set_smm(Device *i440fx, bool in_smm);

/* isa_irq(n) gives the line of ISA interrupt n. */
void piix3_connect(Device *piix3, IRQLine (*isa_irq)(int n));
void piix3_set_pirq(Device *piix3, int pirq, int level); /* 0..3: PIRQA#..PIRQD#, 1 = asserted */
void piix3_set_sci(void *piix3, int n, int level);       /* an IRQHandler: shares ISA IRQ 9 with what is routed there */
uint8_t piix3_rcr_read(Device *piix3);
void piix3_rcr_write(Device *piix3, uint8_t value);

/* Container of everything on the PCI bus; it lies under RAM. */
MemoryRegion *pci_memory(void);

#endif
