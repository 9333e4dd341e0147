/* hw/i386/boot-rom.h  What the two ways of booting -kernel share: files of the user's, and the option ROM that starts
 * them. */
#ifndef HW_I386_BOOT_ROM_H
#define HW_I386_BOOT_ROM_H

#include "hw/i386/pc-internal.h"

/* Top of low RAM, where firmware puts ACPI tables and its own data: nothing is loaded there. */
#define BOOT_FIRMWARE_TABLES (512 * KiB)

/* Read a whole file and name it to replay. what: "kernel file", "initrd"; role: as in replay_add_input(). *data:
 * g_free. */
bool boot_read_file(const char *what, const char *role, const char *path, uint8_t **data, gsize *len, Error **errp);
/*
 * Give firmware the option ROM in [start, end), with its length and checksums filled in. There is one per machine, in
 * the place that fw_cfg's "bootorder" names.
 */
void boot_add_option_rom(Device *fw_cfg, const uint8_t *start, const uint8_t *end);

#endif
