/* hw/i386/pc-internal.h  What the parts of the PC machine hand to firmware. */
#ifndef HW_I386_PC_INTERNAL_H
#define HW_I386_PC_INTERNAL_H

#include "hw/i386/pc.h"
#include "hw/nvram/fw_cfg.h"

#define PC_RAM_BELOW_4G_MAX 0xe0000000u /* with more RAM than this, the rest lies above 4 GiB */
#define PC_IOAPIC_ADDRESS   0xfec00000u
#define PC_HPET_ADDRESS     0xfed00000u
#define PC_APIC_ADDRESS     0xfee00000u

/* Files etc/acpi/rsdp, etc/acpi/tables, etc/table-loader. ram_below_4g: where PCI memory may begin. */
void acpi_build(const PCConfig *config, uint64_t ram_below_4g, Device *fw_cfg, Device *pm);
/* Files etc/smbios/smbios-anchor, etc/smbios/smbios-tables. */
void smbios_build(uint64_t ram_below_4g, uint64_t ram_above_4g, uint8_t smp, Device *fw_cfg);
/* Load -kernel, -initrd, -append into fw_cfg, with the option ROM that starts them. */
bool linuxboot_load(const PCConfig *config, uint64_t ram_below_4g, Device *fw_cfg, Error **errp);

#endif
