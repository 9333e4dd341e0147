/* hw/isa/chips.h  The other chips of the board and their few wires, as hw/i386/pc.c connects them. */
#ifndef HW_ISA_CHIPS_H
#define HW_ISA_CHIPS_H

#include "chardev/char.h"
#include "hw/core/device.h"
#include "hw/pci/pci.h"

/* i8254 PIT, ports 40h-43h; port 61h is pcspk's. hw/timer/i8254.c */
extern const DeviceType i8254_type;
void i8254_connect(Device *pit, IRQLine out0);
void i8254_set_gate2(Device *pit, int level);
int i8254_get_out2(Device *pit);
void i8254_inhibit_irq0(Device *pit, bool inhibit); /* HPET legacy replacement */

/* PC speaker and port 61h. hw/misc/pcspk.c */
extern const DeviceType pcspk_type;
void pcspk_connect(Device *spk, Device *pit);

/* x87 errors: FERR# to IRQ 13, port F0h to IGNNE#. hw/misc/ferr.c */
extern const DeviceType ferr_type;
void ferr_connect(Device *ferr, IRQLine irq13);
void ferr_set(Device *ferr, int level);
bool ferr_ignne(Device *ferr);

/* HPET at FED00000h, 3 comparators, 10 ns (100 MHz). hw/timer/hpet.c */
extern const DeviceType hpet_type;
void hpet_connect(Device *hpet, Device *pit, Device *rtc);

/* RTC and CMOS, ports 70h-71h. hw/rtc/mc146818rtc.c */
extern const DeviceType mc146818rtc_type;
void rtc_connect(Device *rtc, IRQLine irq8);
void rtc_set_memory(Device *rtc, int addr, uint8_t value); /* CMOS byte at power-on; the board's contents */
void rtc_inhibit_irq8(Device *rtc, bool inhibit);
/* -rtc base=utc|localtime|datetime,clock=host|rt|vm. Before the device is created. */
bool rtc_configure(const char *arg, Error **errp);

/* 16550A UART. hw/char/serial.c */
extern const DeviceType isa_serial_type;           /* properties iobase, irq, index, chardev */
void serial_connect(Device *serial, Chardev *chr); /* in place of the property; NULL: nobody is there */

/* Parallel port, output only. hw/char/parallel.c */
extern const DeviceType isa_parallel_type;                           /* properties iobase, irq, index, chardev */
bool parallel_connect(Device *parallel, Chardev *chr, Error **errp); /* chr NULL: nobody prints */

/* i8042 with PS/2 keyboard and mouse, ports 60h, 64h. hw/input/i8042.c, hw/input/ps2.c */
extern const DeviceType i8042_type;
void i8042_connect(Device *kbc, IRQLine irq1, IRQLine irq12, IRQLine a20);

/* Port 92h: fast A20 and reset. hw/misc/port92.c */
extern const DeviceType port92_type;
void port92_connect(Device *dev, IRQLine a20);

/* 8237A DMA controllers (registers; channels for later users). hw/dma/i8257.c */
extern const DeviceType i8257_type;

/* Standard VGA with Bochs VBE extensions, PCI 1234:1111, 16 MiB. hw/display/vga.c */
extern const DeviceType vga_pci_type;

/* PIIX4 power management: PCI 8086:7113, PM timer, SCI on ISA IRQ 9, sleep, power button, SMI command port B2h.
 * hw/acpi/piix4_pm.c */
extern const DeviceType piix4_pm_type;
void piix4_pm_connect(Device *pm, IRQLine sci, IRQLine smi);
uint16_t piix4_pm_io_base(Device *pm); /* PMBA, 0 when not programmed */

/* Debug devices. hw/misc/debugexit.c, hw/char/debugcon.c */
extern const DeviceType pvpanic_type;        /* ioport 0x505, events 3. hw/misc/pvpanic.c */
extern const DeviceType isa_debug_exit_type; /* iobase 0x501, iosize 2 */
extern const DeviceType isa_debugcon_type;   /* iobase 0xe9, readback 0xe9, chardev */

/* Ports, lines and memory for CPU test kernels. hw/misc/pc-testdev.c */
extern const DeviceType pc_testdev_type;

/* i440FX host bridge (with PAM, SMRAM) and PIIX3 ISA bridge (PIRQ, RCR at CF9h). hw/pci/i440fx.c, hw/isa/piix3.c */
extern const DeviceType i440fx_type;
extern const DeviceType piix3_type;

#endif
