/* hw/i386/multiboot.h  -kernel with a Multiboot image. */
#ifndef HW_I386_MULTIBOOT_H
#define HW_I386_MULTIBOOT_H

#include "hw/i386/pc-internal.h"

/* Is there a Multiboot header in its first 8 KiB? */
bool multiboot_detect(const uint8_t *file, size_t len);
/* Put the image (config->kernel's contents), its command line and its modules into fw_cfg, with the option ROM. */
bool multiboot_load(const PCConfig *config, const uint8_t *file, size_t len, uint64_t ram_below_4g, Device *fw_cfg,
                    Error **errp);

#endif
