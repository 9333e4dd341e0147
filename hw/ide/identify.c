/*
 * hw/ide/identify.c  What drives say of themselves: IDENTIFY DEVICE and IDENTIFY PACKET DEVICE (ATA/ATAPI-6,
 * sections 8.15 and 8.16), and the transfer modes that they can be told to use.
 */
#include "hw/ide/ide-internal.h"

static void put_word(uint8_t *page, unsigned word, uint16_t value)
{
    stw_le_p(page + 2 * word, value);
}

/* Words that never change. */
typedef struct IdentifyWord {
    uint8_t word;
    uint16_t value;
} IdentifyWord;

static const IdentifyWord common_words[] = {
    { 48, 1 },                                                   /* doubleword I/O */
    { 49, 0x0f00 },                                              /* IORDY, LBA, DMA */
    { 50, 0x4000 }, { 51, 0x0200 },                              /* PIO and DMA timing of old */
    { 52, 0x0200 }, { 53, 0x0007 },                              /* words 54-58, 64-70, 88 are valid */
    { 64, 0x0003 },                                              /* PIO 3, 4 */
    { 65, 120 },                                                 /* ns */
    { 66, 120 },    { 67, 120 },    { 68, 120 }, { 80, 0x00f0 }, /* ATA-4 to ATA/ATAPI-7 */
    { 81, 0x0016 }, { 93, 0x600b },                              /* 80 wires; found by jumper, passed diagnostics */
    { 0 },
};

static const IdentifyWord disk_words[] = {
    { 0, 0x0040 },                  /* fixed drive */
    { 5, ATA_SECTOR },              /* retired words that old drivers read */
    { 20, 3 },         { 21, 512 }, /* buffer, in sectors */
    { 22, 4 },         { 47, 0x8000 | ATA_MAX_MULTIPLE },
    { 82, 0x4021 }, /* NOP, write cache, SMART */
    { 83, 0x7400 }, /* FLUSH CACHE (EXT), LBA48 */
    { 84, 0x4040 }, /* WRITE DMA FUA EXT */
    { 86, 0x3400 },    { 105, ATA_MAX_TRIM },
    { 169, 0x0001 }, /* TRIM */
    { 87, 0x4040 },    { 0 },
};

static const IdentifyWord cdrom_words[] = {
    { 0, 0x85c0 },                  /* packet device, CD-ROM, removable, DRQ within 50 us, packets of 12 bytes */
    { 71, 30 },                     /* ns from PACKET to bus release, from SERVICE to BSY = 0 */
    { 72, 30 },     { 82, 0x4214 }, /* NOP, DEVICE RESET, PACKET, removable */
    { 83, 0x4000 }, { 84, 0x4000 }, { 85, 0x4214 }, { 87, 0x4000 }, { 0 },
};

static void put_words(uint8_t *page, const IdentifyWord *row)
{
    for (; row->value; row++) {
        put_word(page, row->word, row->value);
    }
}

static void identify_geometry(const IDEDrive *d, uint8_t *page)
{
    uint32_t track = d->cur_heads * d->cur_track_sectors, cylinders = MIN(d->sectors / track, 65535u);
    put_word(page, 1, d->cylinders);
    put_word(page, 3, d->heads);
    put_word(page, 4, ATA_SECTOR * d->track_sectors);
    put_word(page, 6, d->track_sectors);
    put_word(page, 54, cylinders);
    put_word(page, 55, d->cur_heads);
    put_word(page, 56, d->cur_track_sectors);
    stl_le_p(page + 2 * 57, cylinders * track);
    stl_le_p(page + 2 * 60, MIN(d->sectors, 0x0fffffffu));
    stq_le_p(page + 2 * 100, d->sectors);
}

static void identify_disk(const IDEDrive *d, uint8_t *page)
{
    put_words(page, disk_words);
    identify_geometry(d, page);
    put_word(page, 59, d->multiple ? 0x100 | d->multiple : 0);
    put_word(page, 85, 0x4000 | (d->write_cache ? 0x20 : 0) | (d->smart ? 1 : 0));
}

/* Words 63 and 88: modes that there are, and the one chosen. */
static void identify_modes(const IDEDrive *d, uint8_t *page)
{
    uint8_t mode = d->transfer_mode, chosen = 1u << (mode & 7);
    put_word(page, 63, 0x07 | (mode >> 3 == 4 ? chosen << 8 : 0));
    put_word(page, 88, 0x3f | (mode >> 3 == 8 ? chosen << 8 : 0));
}

/* Strings have their bytes swapped and are padded with blanks. */
static void put_string(uint8_t *at, const char *text, size_t len)
{
    size_t have = strlen(text);
    for (size_t i = 0; i < len; i++) {
        at[i ^ 1] = i < have ? text[i] : ' ';
    }
}

/* Word 255: signature, and a checksum that makes all bytes add up to 0. */
static void put_checksum(uint8_t *page)
{
    uint8_t sum = 0;
    page[510] = 0xa5;
    for (int i = 0; i < 511; i++) {
        sum += page[i];
    }
    page[511] = -sum;
}

void ide_identify(IDEDrive *d)
{
    uint8_t *page = ide_new_buffer(d, ATA_SECTOR);
    put_words(page, common_words);
    put_string(page + 2 * 10, d->prop_serial, 20);
    put_string(page + 2 * 23, d->prop_version, 8);
    put_string(page + 2 * 27, d->prop_model, 40);
    if (d->kind->packet) {
        put_words(page, cdrom_words);
    } else {
        identify_disk(d, page);
    }
    identify_modes(d, page);
    put_checksum(page);
    ide_start_pio(d, MOVE_REPLY, ATA_SECTOR, true);
}

/* PIO default, PIO with flow control, multiword DMA, Ultra DMA. */
bool ide_set_transfer_mode(IDEDrive *d, uint8_t mode)
{
    bool known = mode <= 0x01 || (mode >= 0x08 && mode <= 0x0c) || (mode >= 0x20 && mode <= 0x22) ||
                 (mode >= 0x40 && mode <= 0x45);
    if (known) {
        d->transfer_mode = mode;
    }
    return known;
}
