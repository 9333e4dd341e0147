/* hw/block/floppy.h  The floppy disk controller and its drives, as the board sees them. hw/block/fdc.c,
 * hw/block/floppy.c */
#ifndef HW_BLOCK_FLOPPY_H
#define HW_BLOCK_FLOPPY_H

#include "block/block.h"
#include "hw/core/device.h"

#define FLOPPY_DRIVES 2

extern const DeviceType isa_fdc_type; /* ports 3F0h-3F5h and 3F7h */
void fdc_connect(Device *fdc, Device *dma, IRQLine irq6);

extern const DeviceType floppy_type; /* properties unit, drive, bootindex */
/* The board's own drives (-fda, -drive if=floppy). blk NULL: without medium. */
bool floppy_create(int unit, BlockBackend *blk, Error **errp);
/* The drive's kind as CMOS byte 10h has it (1: 360 KB, 2: 1.2 MB, 3: 720 KB, 4: 1.44 MB, 5: 2.88 MB); 0: there is none.
 */
uint8_t floppy_cmos_type(int unit);

#endif
