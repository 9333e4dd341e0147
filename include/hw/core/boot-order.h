/* hw/core/boot-order.h  What bootindex= says: devices and ROMs by their firmware path, for fw_cfg's file "bootorder".
 */
#ifndef HW_CORE_BOOT_ORDER_H
#define HW_CORE_BOOT_ORDER_H

#include "util/error.h"

#define BOOT_ORDER_NONE UINT32_MAX

/* path is copied: "/pci@i0cf8/ide@1,1/drive@0/disk@0". Nothing happens for BOOT_ORDER_NONE. An index that is taken is
 * an error. */
bool boot_order_add(uint32_t bootindex, const char *path, Error **errp);
/* All paths in order of bootindex, a newline between two, NUL at the end; NULL when there
 * are none. g_free it. */
char *boot_order_text(void);

#endif
