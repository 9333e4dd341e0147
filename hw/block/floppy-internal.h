/* hw/block/floppy-internal.h  A floppy drive, between the drive (floppy.c) and the controller (fdc.c). */
#ifndef HW_BLOCK_FLOPPY_INTERNAL_H
#define HW_BLOCK_FLOPPY_INTERNAL_H

#include "hw/block/floppy.h"

#define FLOPPY_SECTOR      512u
#define FLOPPY_MAX_SECTORS 36 /* of a track */
#define FLOPPY_SIZE_CODE   2  /* N of sectors of 512 bytes */
#define FLOPPY_MAX_TRACK   83 /* where the heads' way ends */

/* Data rates as DSR and CCR have them. */
enum { RATE_500K, RATE_300K, RATE_250K, RATE_1M };

typedef struct FloppyFormat {
    uint8_t cylinders, heads, sectors;
    uint8_t rate;
    uint8_t cmos_type; /* of the drive that goes with it */
} FloppyFormat;

typedef struct FloppyDrive {
    Device dev;
    BlockBackend *blk;
    uint32_t unit, prop_bootindex;
    const FloppyFormat *format;
    uint8_t track;       /* under the heads */
    bool medium_changed; /* the change line: until the heads move while a medium is in */
} FloppyDrive;

/* Drives on the controller; NULL: none there. */
FloppyDrive *floppy_drive(unsigned unit);
/* Move the heads; what is beyond their way's ends is not stepped. */
void floppy_step_to(FloppyDrive *drive, int track);
/* Byte offset of a sector (counted from 1) in the image. It exists. */
int64_t floppy_offset(const FloppyDrive *drive, uint8_t cylinder, uint8_t head, uint8_t sector);

#endif
