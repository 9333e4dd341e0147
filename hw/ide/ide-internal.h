/*
 * hw/ide/ide-internal.h  A channel and its drives, between core.c (task file, PIO, resets), ata.c (disk), atapi.c
 * (CD-ROM), bmdma.c (bus master) and piix.c (the PCI function).
 *
 * Where non-determinism enters: only in when a BlockBackend's request completes (block/block.h: a checkpoint of the
 * log). All else happens in the guest's own register accesses. A request's data lie in buffers of the drive's, which
 * are state.
 */
#ifndef HW_IDE_INTERNAL_H
#define HW_IDE_INTERNAL_H

#include "hw/ide/ide.h"
#include "hw/pci/pci.h"

/* Command block registers (ATA/ATAPI-6 chapter 7), by offset from 1F0h. */
enum {
    REG_DATA,
    REG_FEATURE, /* read: error */
    REG_COUNT,   /* ATAPI: interrupt reason */
    REG_LBA_LOW,
    REG_LBA_MID, /* ATAPI: byte count */
    REG_LBA_HIGH,
    REG_DEVICE,
    REG_COMMAND, /* read: status */
    REG_TOTAL
};

enum {                /* status */
       ST_ERR = 0x01, /* ATAPI: CHK */
       ST_DRQ = 0x08,
       ST_DSC = 0x10,
       ST_DF = 0x20,
       ST_DRDY = 0x40,
       ST_BSY = 0x80,
       ST_READY = ST_DRDY | ST_DSC,
};
enum { ERR_ABRT = 0x04, ERR_IDNF = 0x10, ERR_UNC = 0x40 };
enum { DEVICE_DEV = 0x10, DEVICE_LBA = 0x40 };
enum { CONTROL_NIEN = 0x02, CONTROL_SRST = 0x04, CONTROL_HOB = 0x80 };

#define ATA_SECTOR       512u
#define ATA_MAX_MULTIPLE 16u
#define ATA_MAX_TRIM     8u /* blocks of 64 ranges */
#define CD_SECTOR        2048u

/* How the data of the command under way move. */
typedef enum IDEMove {
    MOVE_NONE,
    MOVE_PIO_IN,
    MOVE_PIO_OUT,
    MOVE_DMA_IN,
    MOVE_DMA_OUT,
    MOVE_VERIFY, /* read, but nobody wants to see it */
    MOVE_REPLY,  /* PIO in, of what the drive itself has to say */
    MOVE_PACKET, /* PIO out, of an ATAPI command */
    MOVE_COUNT
} IDEMove;

typedef struct IDEDrive IDEDrive;
typedef struct IDEChannel IDEChannel;

typedef struct IDECommand {
    uint8_t code;
    uint8_t flags; /* IDE_CMD_*, and what the handler likes */
    void (*run)(IDEDrive *d);
} IDECommand;

/* What a disk and a CD-ROM do differently. */
typedef struct IDEKind {
    const IDECommand *commands; /* ends with run == NULL */
    uint8_t signature[2];       /* LBA mid, LBA high after a reset */
    uint8_t reset_status;
    bool packet;
    void (*power_on)(IDEDrive *d);
    /* A request to the medium is done; data as for BlockCompletionFunc. */
    void (*medium_done)(IDEDrive *d, int ret, const uint8_t *data, size_t len);
    /* The guest has taken (or given) all of the buffer. */
    void (*buffer_done)(IDEDrive *d);
    /* A DRQ block of the buffer begins: registers that tell its size. May be NULL. */
    void (*block_begins)(IDEDrive *d);
    bool (*post_load)(IDEDrive *d, Error **errp);
} IDEKind;

struct IDEDrive {
    Device dev;
    /* Wiring and properties */
    const IDEKind *kind;
    IDEChannel *channel;
    BlockBackend *blk;
    char *prop_bus, *prop_serial, *prop_model, *prop_version;
    uint32_t prop_unit, prop_bootindex;
    uint8_t unit;
    uint64_t sectors; /* of 512 bytes */
    uint16_t cylinders;
    uint8_t heads, track_sectors; /* as the drive reports them */

    /* Task file: now[], and what a register held before its last write (LBA48). */
    uint8_t now[REG_TOTAL], before[REG_TOTAL];
    uint8_t status, error;
    bool irq_pending; /* INTRQ, driven while this drive is selected */
    uint8_t command, command_flags;

    /* The transfer under way */
    uint8_t move;      /* IDEMove */
    int64_t offset;    /* byte on the medium where the next request begins */
    uint64_t left;     /* bytes of the medium not yet asked for (in) or not yet in a buffer that was sent (out) */
    uint8_t *buf;      /* data between the medium, or a command, and the guest */
    uint32_t len, pos; /* of buf; pos: how far the guest is */
    uint32_t block, block_end; /* PIO: bytes from one interrupt to the next; where the present one ends */
    BlockRequestId request;    /* 0: none */

    /* Disk (ata.c) */
    uint8_t cur_heads, cur_track_sectors; /* INITIALIZE DEVICE PARAMETERS */
    uint8_t multiple;                     /* sectors; 0: READ MULTIPLE is off */
    uint8_t transfer_mode;                /* SET FEATURES 03h */
    bool write_cache, smart;

    /* CD-ROM (atapi.c) */
    uint8_t packet[12];
    bool packet_dma;
    bool tray_open, locked;
    uint8_t sense_key, asc, ascq;
    uint8_t attention;   /* unit attention to report: ASC, 0 none */
    uint8_t media_event; /* for GET EVENT STATUS NOTIFICATION */
    uint8_t raw_fields;  /* READ CD: what of a sector is wanted; 0: user data */
};

struct IDEChannel {
    int number;
    IDEDrive *drives[IDE_CHANNEL_DRIVES];
    PCIDevice *pci;
    IRQLine irq;
    MemoryRegion command_io, control_io;
    uint8_t selected; /* DEV bit */
    uint8_t control;
    uint8_t intrq; /* level on the wire, after nIEN */

    /* Bus master (bmdma.c) */
    uint8_t bm_command, bm_status;
    uint32_t bm_table;
    uint32_t prd_next, prd_addr, prd_left; /* descriptor being used: left 0 = fetch the next */
    uint16_t prd_count;                    /* fetched since the start */
    bool prd_last;
};

static inline bool ide_pio_in(const IDEDrive *d)
{
    return d->move == MOVE_PIO_IN || d->move == MOVE_REPLY;
}
static inline bool ide_pio_out(const IDEDrive *d)
{
    return d->move == MOVE_PIO_OUT || d->move == MOVE_PACKET;
}

/* ---- core.c ---- */
enum { IDE_CMD_EXT = 0x01 }; /* LBA48 */
#define IDE_CMD_USER(n) (0x02 << (n))

void ide_channel_init(IDEChannel *ch, int number, PCIDevice *pci);
void ide_channel_reset(IDEChannel *ch);
void ide_update_irq(IDEChannel *ch);
void ide_drive_reset(IDEDrive *d, bool power_on);
/* Registers that say what kind of drive this is; all well. */
void ide_set_signature(IDEDrive *d);
/* Give up what is under way: request, buffer, DRQ. */
void ide_cancel(IDEDrive *d);
void ide_raise_irq(IDEDrive *d);
/* The command is over, with this status and error register; interrupt. */
void ide_finish(IDEDrive *d, uint8_t status, uint8_t error);
/* Buffer of len bytes, zeroed; any old one is gone. */
uint8_t *ide_new_buffer(IDEDrive *d, uint32_t len);
void ide_free_buffer(IDEDrive *d);
/* The buffer goes to or comes from the guest through the data port. irq: announce the first block too. */
void ide_start_pio(IDEDrive *d, IDEMove move, uint32_t block, bool irq);
void ide_start_pio_block(IDEDrive *d, bool irq);
/* Hand data to the guest as d->move says; buffer_done() when it has them all. data may be NULL: they are in the buffer.
 */
void ide_data_in(IDEDrive *d, const uint8_t *data, size_t len);
/* DMA: go on as far as the bus master lets us. */
void ide_dma_advance(IDEDrive *d);
/* Ask the medium for [offset, offset + bytes), or give it the buffer; medium_done() follows at a checkpoint. */
void ide_medium_read(IDEDrive *d, size_t bytes);
void ide_medium_write(IDEDrive *d, bool fua);
void ide_medium_flush(IDEDrive *d);
void ide_medium_discard(IDEDrive *d, int64_t offset, int64_t bytes);

/* ---- identify.c ---- */
#define IDE_DEFAULT_MODE 0x45                          /* Ultra DMA 5 */
void ide_identify(IDEDrive *d);                        /* the command, for both kinds */
bool ide_set_transfer_mode(IDEDrive *d, uint8_t mode); /* SET FEATURES 03h; false: no such mode */

/* ---- bmdma.c ---- */
#define BM_REGISTERS 8
uint8_t bmdma_read(IDEChannel *ch, unsigned reg);
void bmdma_write(IDEChannel *ch, unsigned reg, uint8_t value);
void bmdma_reset(IDEChannel *ch);
void bmdma_interrupt(IDEChannel *ch); /* INTRQ rose */
/* Move up to len bytes, as far as the table goes; fewer (or 0) when it ended, is stopped, or runs in the other
 * direction. */
size_t bmdma_transfer(IDEChannel *ch, uint8_t *buf, size_t len, bool to_memory);
/* Is it started, in this direction? */
bool bmdma_may_run(const IDEChannel *ch, bool to_memory);
void bmdma_kick(IDEChannel *ch); /* it may run now: whichever drive waits for it goes on */

/* ---- drives ---- */
extern const IDEKind ide_disk_kind, ide_cdrom_kind;
extern const VMStateDescription vmstate_ide_drive, vmstate_ide_channel;
IDEChannel *ide_find_channel(int number); /* piix.c; NULL */

#endif
