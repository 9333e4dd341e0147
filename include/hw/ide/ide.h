/* hw/ide/ide.h  The PIIX3's IDE function, its two channels and the drives on them, as the board sees them. */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include "block/block.h"
#include "hw/core/device.h"

#define IDE_CHANNELS       2 /* "ide.0" at 1F0h, IRQ 14; "ide.1" at 170h, IRQ 15 */
#define IDE_CHANNEL_DRIVES 2

extern const DeviceType piix3_ide_type; /* PCI function 1 of the PIIX3. hw/ide/piix.c */
void piix3_ide_connect(Device *ide, IRQLine irq14, IRQLine irq15);

/* Parent of the drives: properties bus ("ide.0"), unit, drive, serial, model, ver, bootindex. hw/ide/drive.c */
extern const DeviceType ide_device_type;
extern const DeviceType ide_hd_type, ide_cd_type;
/* The board's own drives (-hda, -cdrom, -drive if=ide). */
bool ide_create_drive(int channel, int unit, BlockBackend *blk, bool cdrom, Error **errp);
/* Is a hard disk there, and what geometry does it report? */
bool ide_disk_geometry(int channel, int unit, uint16_t *cylinders, uint8_t *heads, uint8_t *sectors);

#endif
