/* hw/i386/pc.h  The PC machine (-M pc) as system/ and its own parts see it. */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include "chardev/char.h"
#include "exec/memory.h"
#include "hw/core/irq.h"

struct CPUState;

#define PC_SERIAL_PORTS   4
#define PC_PARALLEL_PORTS 3
#define PC_DEFAULT_NIC    "e1000"

/* COM1 to COM4 */
static const struct {
    uint16_t iobase;
    uint8_t irq;
} pc_com_ports[PC_SERIAL_PORTS] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };

typedef struct PCConfig {
    uint64_t ram_size;                    /* bytes */
    const char *cpu_model;                /* "qemu32,+feature": whole -cpu argument */
    const char *firmware;                 /* -bios, or NULL: bios-256k.bin of Debian's seabios */
    const char *kernel, *initrd, *append; /* NULL when absent */
    const char *boot_order;               /* "cad" or NULL */
    const char *boot_once;                /* for the first boot only, or NULL */
    bool boot_menu;
    Chardev *serial[PC_SERIAL_PORTS];
    bool serial_present[PC_SERIAL_PORTS];
    Chardev *parallel[PC_PARALLEL_PORTS];
    bool parallel_present[PC_PARALLEL_PORTS];
    bool sercon; /* -nographic: SeaBIOS mirrors its text on serial 0 (fw_cfg etc/sercon-port) */
    bool vga;    /* standard VGA unless -vga none */
    bool hpet, acpi;
    bool default_cdrom, default_floppy; /* empty drives, where QEMU has them */
    uint8_t smp;                        /* 1 for now */
} PCConfig;

/* Build the machine in order. Files are registered with replay_add_input(). */
bool pc_machine_init(const PCConfig *config, Error **errp);
/* All devices are there, those of -device too: what firmware is told of them. */
void pc_machine_ready(void);
/* Full power-on reset: devices in order, ROM shadows, CPU. Called by runstate.c with the machine locked. */
void qemu_system_reset(void);
struct CPUState *first_cpu(void);
/* INTA cycle: local APIC first, then the PIC through LINT0/ExtINT. Vector, or -1 when none (spurious handled inside).
 */
int pc_intr_acknowledge(struct CPUState *cpu);
/* Search firmware directories (/usr/share/seabios, /usr/share/qemu, -L DIRs); g_free; NULL when not found. */
char *qemu_find_file(const char *name);
void qemu_add_data_dir(const char *path);
/* GSI lines: 0-15 ISA IRQs to the PIC and the IO-APIC, 16-23 to the IO-APIC. */
IRQLine pc_gsi(int n);

#endif
