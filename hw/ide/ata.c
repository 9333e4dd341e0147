/*
 * hw/ide/ata.c  A hard disk: commands of ATA/ATAPI-6 (T13 1410D, chapter 8) with CHS, 28 and 48 bit addresses.
 *
 * One row per command. A command's data pass through the drive's buffer in pieces of at most BLK_MAX_TRANSFER, each
 * piece one request: a whole scatter list, or all sectors of a PIO command, at once. What a PIO write brings reaches
 * the medium when its last sector is in. Left out on purpose: security, host protected area (its "read" half is there),
 * queued commands, power modes beyond their answers.
 */
#include "hw/ide/ide-internal.h"

#define PIO_CHUNK (256 * ATA_SECTOR) /* one request of a PIO read */

#define CMD_DATA_SET_MANAGEMENT 0x06
#define TRIM_ENTRY              8u

enum { CMD_MULTIPLE = IDE_CMD_USER(0), CMD_FUA = IDE_CMD_USER(1) };

/* ---- addresses (ATA-6, section 6.2) ---- */

static bool is_ext(const IDEDrive *d)
{
    return d->command_flags & IDE_CMD_EXT;
}

/* Sector number in the registers; UINT64_MAX when it is a CHS address that cannot be. */
static uint64_t get_address(const IDEDrive *d)
{
    const uint8_t *r = d->now, *old = d->before;
    uint32_t low = r[REG_LBA_LOW] | r[REG_LBA_MID] << 8 | r[REG_LBA_HIGH] << 16;
    if (is_ext(d)) {
        return low | (uint64_t)old[REG_LBA_LOW] << 24 | (uint64_t)old[REG_LBA_MID] << 32 |
               (uint64_t)old[REG_LBA_HIGH] << 40;
    }
    if (r[REG_DEVICE] & DEVICE_LBA) {
        return low | (uint32_t)(r[REG_DEVICE] & 0xf) << 24;
    }
    uint8_t head = r[REG_DEVICE] & 0xf, sector = r[REG_LBA_LOW];
    if (head >= d->cur_heads || sector == 0 || sector > d->cur_track_sectors) {
        return UINT64_MAX;
    }
    return ((uint64_t)(low >> 8) * d->cur_heads + head) * d->cur_track_sectors + sector - 1;
}

static void put_lba(IDEDrive *d, uint64_t lba)
{
    for (int i = 0; i < 3; i++) {
        d->now[REG_LBA_LOW + i] = lba >> (8 * i);
    }
    if (is_ext(d)) {
        for (int i = 0; i < 3; i++) {
            d->before[REG_LBA_LOW + i] = lba >> (24 + 8 * i);
        }
    } else {
        d->now[REG_DEVICE] = (d->now[REG_DEVICE] & 0xf0) | (lba >> 24 & 0xf);
    }
}

static void put_chs(IDEDrive *d, uint64_t lba)
{
    uint32_t track = lba / d->cur_track_sectors, cylinder = track / d->cur_heads;
    d->now[REG_LBA_LOW] = lba % d->cur_track_sectors + 1;
    d->now[REG_LBA_MID] = cylinder;
    d->now[REG_LBA_HIGH] = cylinder >> 8;
    d->now[REG_DEVICE] = (d->now[REG_DEVICE] & 0xf0) | track % d->cur_heads;
}

static void put_address(IDEDrive *d, uint64_t lba)
{
    if (is_ext(d) || d->now[REG_DEVICE] & DEVICE_LBA) {
        put_lba(d, lba);
    } else {
        put_chs(d, lba);
    }
}

static uint32_t get_count(const IDEDrive *d)
{
    if (is_ext(d)) {
        uint32_t count = d->now[REG_COUNT] | d->before[REG_COUNT] << 8;
        return count ? count : 65536;
    }
    return d->now[REG_COUNT] ? d->now[REG_COUNT] : 256;
}

static void put_count(IDEDrive *d, uint32_t count)
{
    d->now[REG_COUNT] = count;
    if (is_ext(d)) {
        d->before[REG_COUNT] = count >> 8;
    }
}

/* ---- ends ---- */

static void command_abort(IDEDrive *d)
{
    ide_finish(d, ST_READY | ST_ERR, ERR_ABRT);
}

static void command_done(IDEDrive *d)
{
    ide_finish(d, ST_READY, 0);
}

/* Sectors are done: the registers tell the last one, and how many are missing. */
static void registers_after(IDEDrive *d, uint64_t lba, uint32_t missing)
{
    put_address(d, lba);
    put_count(d, missing);
}

static void medium_error(IDEDrive *d, uint8_t error)
{
    if (d->left) {
        registers_after(d, d->offset / ATA_SECTOR, d->left / ATA_SECTOR);
    }
    ide_finish(d, ST_READY | ST_ERR, error);
}

/* A PIO read ends without an interrupt: the one that announced the last block is all. */
static void transfer_done(IDEDrive *d)
{
    bool silent = d->move == MOVE_PIO_IN;
    registers_after(d, d->offset / ATA_SECTOR - 1, 0);
    if (silent) {
        ide_cancel(d);
        d->status = ST_READY;
    } else {
        command_done(d);
    }
}

/* ---- reading and writing ---- */

static uint32_t piece_size(const IDEDrive *d)
{
    uint32_t most = d->move == MOVE_PIO_IN ? PIO_CHUNK : BLK_MAX_TRANSFER;
    return MIN(d->left, most);
}

/* The next piece that the guest is to fill; the first block of a command is not announced. */
static void want_data(IDEDrive *d, bool first)
{
    ide_new_buffer(d, piece_size(d));
    if (d->move == MOVE_PIO_OUT) {
        ide_start_pio_block(d, !first);
    } else {
        ide_dma_advance(d);
    }
}

static bool is_write(const IDEDrive *d)
{
    return d->move == MOVE_PIO_OUT || d->move == MOVE_DMA_OUT;
}

/* What is read before the bus master is started would have to lie in a buffer until then: bmdma_kick() asks again. */
static bool reads_too_early(const IDEDrive *d)
{
    return d->move == MOVE_DMA_IN && !bmdma_may_run(d->channel, true);
}

static void next_piece(IDEDrive *d, bool first)
{
    if (d->left == 0) {
        transfer_done(d);
    } else if (is_write(d)) {
        want_data(d, first);
    } else if (!reads_too_early(d)) {
        ide_medium_read(d, piece_size(d));
    }
}

static bool set_range(IDEDrive *d)
{
    uint64_t lba = get_address(d);
    uint32_t count = get_count(d);
    if (lba >= d->sectors || count > d->sectors - lba) {
        ide_finish(d, ST_READY | ST_ERR, ERR_IDNF);
        return false;
    }
    d->offset = lba * ATA_SECTOR;
    d->left = (uint64_t)count * ATA_SECTOR;
    return true;
}

static void transfer(IDEDrive *d, IDEMove move)
{
    bool multiple = d->command_flags & CMD_MULTIPLE;
    if (multiple && !d->multiple) {
        command_abort(d);
    } else if (set_range(d)) {
        d->move = move;
        d->block = multiple ? d->multiple * ATA_SECTOR : ATA_SECTOR;
        next_piece(d, true);
    }
}

static void read_pio(IDEDrive *d)
{
    transfer(d, MOVE_PIO_IN);
}

static void write_pio(IDEDrive *d)
{
    transfer(d, MOVE_PIO_OUT);
}

static void read_dma(IDEDrive *d)
{
    transfer(d, MOVE_DMA_IN);
}

static void write_dma(IDEDrive *d)
{
    transfer(d, MOVE_DMA_OUT);
}

static void read_verify(IDEDrive *d)
{
    transfer(d, MOVE_VERIFY);
}

static void read_arrived(IDEDrive *d, const uint8_t *data, size_t len)
{
    d->offset += len;
    d->left -= len;
    if (d->move == MOVE_VERIFY) {
        next_piece(d, false);
    } else {
        ide_data_in(d, data, len);
    }
}

static void write_arrived(IDEDrive *d)
{
    d->offset += d->len;
    d->left -= d->len;
    ide_free_buffer(d);
    next_piece(d, false);
}

/* ---- DATA SET MANAGEMENT, TRIM (ATA8-ACS, 7.10): ranges of {48 bits address, 16 bits count}, one request each ---- */

static void trim_next(IDEDrive *d)
{
    for (; d->pos + TRIM_ENTRY <= d->len; d->pos += TRIM_ENTRY) {
        uint64_t entry = ldq_le_p(d->buf + d->pos), lba = extract64(entry, 0, 48), count = entry >> 48;
        if (lba >= d->sectors || count > d->sectors - lba) {
            ide_finish(d, ST_READY | ST_ERR, ERR_IDNF);
            return;
        }
        if (count) {
            d->pos += TRIM_ENTRY;
            ide_medium_discard(d, lba * ATA_SECTOR, count * ATA_SECTOR);
            return;
        }
    }
    command_done(d);
}

static void data_set_management(IDEDrive *d)
{
    uint32_t blocks = get_count(d);
    if (!(d->now[REG_FEATURE] & 1) || blocks > ATA_MAX_TRIM) {
        command_abort(d);
        return;
    }
    d->move = MOVE_DMA_OUT;
    ide_new_buffer(d, blocks * ATA_SECTOR);
    ide_dma_advance(d);
}

static bool is_trim(const IDEDrive *d)
{
    return d->move == MOVE_DMA_OUT && d->command == CMD_DATA_SET_MANAGEMENT;
}

static void disk_medium_done(IDEDrive *d, int ret, const uint8_t *data, size_t len)
{
    if (ret < 0) {
        medium_error(d, d->move == MOVE_NONE || is_write(d) ? ERR_ABRT : ERR_UNC);
    } else if (is_trim(d)) {
        trim_next(d);
    } else if (is_write(d)) {
        write_arrived(d);
    } else if (d->move == MOVE_NONE) {
        command_done(d); /* a flush */
    } else {
        read_arrived(d, data, len);
    }
}

/* The guest has all of the buffer, or has filled it. */
static void disk_buffer_done(IDEDrive *d)
{
    if (is_trim(d)) {
        d->pos = 0;
        trim_next(d);
    } else if (is_write(d)) {
        ide_medium_write(d, (d->command_flags & CMD_FUA) || !d->write_cache);
    } else if (d->move == MOVE_REPLY) {
        ide_cancel(d);
        d->status = ST_READY;
    } else {
        ide_free_buffer(d);
        next_piece(d, false);
    }
}

/* ---- commands without data ---- */

static void set_multiple_mode(IDEDrive *d)
{
    uint8_t n = d->now[REG_COUNT];
    if (n > ATA_MAX_MULTIPLE || (n & (n - 1))) {
        command_abort(d);
        return;
    }
    d->multiple = n;
    command_done(d);
}

static void initialize_device_parameters(IDEDrive *d)
{
    if (!d->now[REG_COUNT]) {
        command_abort(d);
        return;
    }
    d->cur_heads = (d->now[REG_DEVICE] & 0xf) + 1;
    d->cur_track_sectors = d->now[REG_COUNT];
    command_done(d);
}

static void seek(IDEDrive *d)
{
    if (get_address(d) >= d->sectors) {
        ide_finish(d, ST_READY | ST_ERR, ERR_IDNF);
    } else {
        command_done(d);
    }
}

static void check_power_mode(IDEDrive *d)
{
    d->now[REG_COUNT] = 0xff; /* active or idle */
    command_done(d);
}

static void read_native_max(IDEDrive *d)
{
    uint64_t last = d->sectors ? d->sectors - 1 : 0;
    d->now[REG_DEVICE] |= DEVICE_LBA;
    put_lba(d, is_ext(d) ? last : MIN(last, 0x0fffffffu));
    command_done(d);
}

static void set_transfer_mode(IDEDrive *d)
{
    if (ide_set_transfer_mode(d, d->now[REG_COUNT])) {
        command_done(d);
    } else {
        command_abort(d);
    }
}

static void set_features(IDEDrive *d)
{
    switch (d->now[REG_FEATURE]) {
    case 0x02:
        d->write_cache = true;
        command_done(d);
        break;
    case 0x82:
        d->write_cache = false;
        ide_medium_flush(d);
        break;
    case 0x03:
        set_transfer_mode(d);
        break;
    case 0x55: /* look-ahead off, on */
    case 0xaa:
    case 0x66: /* keep settings over a soft reset, or not */
    case 0xcc:
        command_done(d);
        break;
    default:
        command_abort(d);
    }
}

/* ---- SMART (8.41): a drive that is well and measures nothing ---- */

enum { SMART_MID = 0x4f, SMART_HIGH = 0xc2 };

static void smart_page(IDEDrive *d)
{
    uint8_t *page = ide_new_buffer(d, ATA_SECTOR);
    page[0] = 1;    /* revision */
    page[511] = -1; /* bytes add up to 0 */
    ide_start_pio(d, MOVE_REPLY, ATA_SECTOR, true);
}

static void smart_enabled_command(IDEDrive *d)
{
    switch (d->now[REG_FEATURE]) {
    case 0xd0: /* data, thresholds */
    case 0xd1:
        smart_page(d);
        break;
    case 0xd2: /* autosave */
    case 0xda: /* status: the signature stays as it is, all is well */
        command_done(d);
        break;
    case 0xd9:
        d->smart = false;
        command_done(d);
        break;
    default:
        command_abort(d);
    }
}

static void smart(IDEDrive *d)
{
    bool key = d->now[REG_LBA_MID] == SMART_MID && d->now[REG_LBA_HIGH] == SMART_HIGH;
    if (key && d->now[REG_FEATURE] == 0xd8) {
        d->smart = true;
        command_done(d);
    } else if (key && d->smart) {
        smart_enabled_command(d);
    } else {
        command_abort(d);
    }
}

/* ---- the table ---- */

static const IDECommand disk_commands[] = {
    { 0x00, 0, command_abort }, /* NOP always ends so */
    { CMD_DATA_SET_MANAGEMENT, IDE_CMD_EXT, data_set_management },
    { 0x10, 0, command_done }, /* RECALIBRATE */
    { 0x20, 0, read_pio },
    { 0x21, 0, read_pio },
    { 0x24, IDE_CMD_EXT, read_pio },
    { 0x25, IDE_CMD_EXT, read_dma },
    { 0x27, IDE_CMD_EXT, read_native_max },
    { 0x29, IDE_CMD_EXT | CMD_MULTIPLE, read_pio },
    { 0x30, 0, write_pio },
    { 0x31, 0, write_pio },
    { 0x34, IDE_CMD_EXT, write_pio },
    { 0x35, IDE_CMD_EXT, write_dma },
    { 0x39, IDE_CMD_EXT | CMD_MULTIPLE, write_pio },
    { 0x3c, 0, write_pio }, /* WRITE VERIFY */
    { 0x3d, IDE_CMD_EXT | CMD_FUA, write_dma },
    { 0x40, 0, read_verify },
    { 0x41, 0, read_verify },
    { 0x42, IDE_CMD_EXT, read_verify },
    { 0x70, 0, seek },
    { 0x91, 0, initialize_device_parameters },
    { 0x94, 0, ide_medium_flush }, /* STANDBY IMMEDIATE, as old drives have it; then the like */
    { 0x95, 0, command_done },
    { 0x96, 0, ide_medium_flush },
    { 0x97, 0, command_done },
    { 0x98, 0, check_power_mode },
    { 0x99, 0, ide_medium_flush },
    { 0xb0, 0, smart },
    { 0xc4, CMD_MULTIPLE, read_pio },
    { 0xc5, CMD_MULTIPLE, write_pio },
    { 0xc6, 0, set_multiple_mode },
    { 0xc8, 0, read_dma },
    { 0xc9, 0, read_dma },
    { 0xca, 0, write_dma },
    { 0xcb, 0, write_dma },
    { 0xce, IDE_CMD_EXT | CMD_MULTIPLE | CMD_FUA, write_pio },
    { 0xe0, 0, ide_medium_flush }, /* STANDBY IMMEDIATE */
    { 0xe1, 0, command_done },     /* IDLE IMMEDIATE */
    { 0xe2, 0, ide_medium_flush }, /* STANDBY */
    { 0xe3, 0, command_done },     /* IDLE */
    { 0xe5, 0, check_power_mode },
    { 0xe6, 0, ide_medium_flush }, /* SLEEP */
    { 0xe7, 0, ide_medium_flush }, /* FLUSH CACHE */
    { 0xea, IDE_CMD_EXT, ide_medium_flush },
    { 0xec, 0, ide_identify },
    { 0xef, 0, set_features },
    { 0xf8, 0, read_native_max },
    { 0 },
};

static void disk_power_on(IDEDrive *d)
{
    d->cur_heads = d->heads;
    d->cur_track_sectors = d->track_sectors;
    d->multiple = ATA_MAX_MULTIPLE;
    ide_set_transfer_mode(d, IDE_DEFAULT_MODE);
    d->write_cache = blk_write_cache_enabled(d->blk);
    d->smart = true;
}

static bool disk_post_load(IDEDrive *d, Error **errp)
{
    bool ok = d->cur_heads && d->cur_heads <= 16 && d->cur_track_sectors && d->multiple <= ATA_MAX_MULTIPLE &&
              d->move != MOVE_PACKET;
    if (!ok) {
        error_setg(errp, "ide-hd %d: %u heads, %u sectors, blocks of %u, move %u: no such drive", d->dev.instance,
                   d->cur_heads, d->cur_track_sectors, d->multiple, d->move);
    }
    return ok;
}

const IDEKind ide_disk_kind = {
    .commands = disk_commands,
    .reset_status = ST_READY,
    .power_on = disk_power_on,
    .medium_done = disk_medium_done,
    .buffer_done = disk_buffer_done,
    .post_load = disk_post_load,
};
