/*
 * hw/ide/core.c  An IDE channel as its drives and the host see it (ATA/ATAPI-6, T13 1410D: chapter 7 registers, chapter
 * 9 protocols): task file, device selection, PIO data, interrupts, resets. What commands do is in ata.c and atapi.c.
 *
 * Both drives latch every register that is written; the selected one executes commands, answers reads and drives INTRQ.
 * A channel without drives floats: data lines read as ones, but for DD7, which the host pulls down (section 7 of ATA-6,
 * "device not present"). Left out on purpose: the time that things take, overlapped and queued commands.
 */
#include "hw/ide/ide-internal.h"

#define FLOATING_BUS 0x7f

/* ---- interrupt ---- */

void ide_update_irq(IDEChannel *ch)
{
    const IDEDrive *d = ch->drives[ch->selected];
    uint8_t level = d && d->irq_pending && !(ch->control & CONTROL_NIEN);
    if (level && !ch->intrq) {
        bmdma_interrupt(ch);
    }
    ch->intrq = level;
    irq_set(ch->irq, level);
}

void ide_raise_irq(IDEDrive *d)
{
    d->irq_pending = true;
    ide_update_irq(d->channel);
}

static void lower_irq(IDEDrive *d)
{
    d->irq_pending = false;
    ide_update_irq(d->channel);
}

/* ---- buffer and end of a command ---- */

void ide_free_buffer(IDEDrive *d)
{
    g_free(d->buf);
    d->buf = NULL;
    d->len = d->pos = d->block_end = 0;
}

uint8_t *ide_new_buffer(IDEDrive *d, uint32_t len)
{
    ide_free_buffer(d);
    d->buf = g_malloc0(len);
    d->len = len;
    return d->buf;
}

void ide_cancel(IDEDrive *d)
{
    if (d->request) {
        blk_aio_forget(d->blk, d->request);
        d->request = 0;
    }
    ide_free_buffer(d);
    d->move = MOVE_NONE;
    d->left = 0;
}

void ide_finish(IDEDrive *d, uint8_t status, uint8_t error)
{
    ide_cancel(d);
    d->status = status;
    d->error = error;
    ide_raise_irq(d);
}

/* ---- requests to the medium ---- */

static void medium_done(void *opaque, BlockRequestId id, int ret, const uint8_t *data, size_t len)
{
    IDEDrive *d = opaque;
    lockstep_assert(id == d->request, "%s: request %" PRIu64 " ended, %" PRIu64 " is under way", d->dev.type->name, id,
                    d->request);
    d->request = 0;
    d->kind->medium_done(d, ret, data, len);
}

static void medium_busy(IDEDrive *d, BlockRequestId id)
{
    d->request = id;
    d->status = ST_BSY | ST_READY;
}

void ide_medium_read(IDEDrive *d, size_t bytes)
{
    medium_busy(d, blk_aio_read(d->blk, d->offset, bytes, medium_done, d));
}

void ide_medium_write(IDEDrive *d, bool fua)
{
    medium_busy(d, blk_aio_write(d->blk, d->offset, d->buf, d->len, fua, medium_done, d));
}

void ide_medium_flush(IDEDrive *d)
{
    medium_busy(d, blk_aio_flush(d->blk, medium_done, d));
}

void ide_medium_discard(IDEDrive *d, int64_t offset, int64_t bytes)
{
    medium_busy(d, blk_aio_discard(d->blk, offset, bytes, medium_done, d));
}

/* ---- data: PIO (ATA-6, sections 9.5, 9.6) and DMA (9.7) ---- */

void ide_start_pio_block(IDEDrive *d, bool irq)
{
    d->block_end = d->pos + MIN(d->block, d->len - d->pos);
    if (d->kind->block_begins) {
        d->kind->block_begins(d);
    }
    d->status = ST_READY | ST_DRQ;
    if (irq) {
        ide_raise_irq(d);
    }
}

void ide_start_pio(IDEDrive *d, IDEMove move, uint32_t block, bool irq)
{
    d->move = move;
    d->block = block;
    ide_start_pio_block(d, irq);
}

static void pio_moved(IDEDrive *d, uint32_t bytes)
{
    d->pos += bytes;
    if (d->pos < d->block_end) {
        return;
    }
    d->status = ST_BSY | ST_READY;
    if (d->pos < d->len) {
        ide_start_pio_block(d, true);
    } else {
        d->kind->buffer_done(d);
    }
}

static uint16_t pio_read(IDEDrive *d)
{
    if (!(d->status & ST_DRQ) || !ide_pio_in(d) || d->pos >= d->len) {
        return 0;
    }
    bool whole = d->pos + 1 < d->len;
    uint16_t value = whole ? lduw_le_p(d->buf + d->pos) : d->buf[d->pos];
    pio_moved(d, whole ? 2 : 1);
    return value;
}

static void pio_write(IDEDrive *d, uint16_t value)
{
    if (!(d->status & ST_DRQ) || !ide_pio_out(d) || d->pos >= d->len) {
        return;
    }
    bool whole = d->pos + 1 < d->len;
    d->buf[d->pos] = value & 0xff;
    if (whole) {
        d->buf[d->pos + 1] = value >> 8;
    }
    pio_moved(d, whole ? 2 : 1);
}

void ide_dma_advance(IDEDrive *d)
{
    if (d->pos < d->len) {
        d->pos += bmdma_transfer(d->channel, d->buf + d->pos, d->len - d->pos, d->move == MOVE_DMA_IN);
    }
    if (d->pos == d->len) {
        d->kind->buffer_done(d);
    }
}

/* What the bus master takes at once never needs a buffer. */
void ide_data_in(IDEDrive *d, const uint8_t *data, size_t len)
{
    if (data && d->move == MOVE_DMA_IN) {
        size_t moved = bmdma_transfer(d->channel, (uint8_t *)data, len, true);
        data += moved;
        len -= moved;
    }
    if (data && len) {
        memcpy(ide_new_buffer(d, len), data, len);
    }
    if (d->move == MOVE_DMA_IN) {
        ide_dma_advance(d);
    } else {
        ide_start_pio_block(d, true);
    }
}

/* ---- resets (ATA-6, sections 9.2, 9.12) ---- */

void ide_set_signature(IDEDrive *d)
{
    uint8_t dev = d->now[REG_DEVICE] & DEVICE_DEV;
    memset(d->now, 0, sizeof(d->now));
    memset(d->before, 0, sizeof(d->before));
    d->now[REG_DEVICE] = dev;
    d->now[REG_COUNT] = d->now[REG_LBA_LOW] = 1;
    d->now[REG_LBA_MID] = d->kind->signature[0];
    d->now[REG_LBA_HIGH] = d->kind->signature[1];
    d->status = d->kind->reset_status;
    d->error = 1; /* diagnostic code: no error */
}

void ide_drive_reset(IDEDrive *d, bool power_on)
{
    ide_cancel(d);
    d->irq_pending = false;
    d->now[REG_DEVICE] = 0;
    ide_set_signature(d);
    if (power_on) {
        d->kind->power_on(d);
    }
}

static void foreach_drive(IDEChannel *ch, void (*fn)(IDEDrive *d))
{
    for (int i = 0; i < IDE_CHANNEL_DRIVES; i++) {
        if (ch->drives[i]) {
            fn(ch->drives[i]);
        }
    }
}

static void soft_reset_begins(IDEDrive *d)
{
    ide_cancel(d);
    d->irq_pending = false;
    d->status = ST_BSY;
}

static void soft_reset_ends(IDEDrive *d)
{
    ide_drive_reset(d, false);
}

static void execute_diagnostic(IDEChannel *ch)
{
    foreach_drive(ch, soft_reset_ends);
    ch->selected = 0;
    if (ch->drives[0]) {
        ide_raise_irq(ch->drives[0]);
    }
    ide_update_irq(ch);
}

/* ---- commands ---- */

static const IDECommand *find_command(const IDEKind *kind, uint8_t code)
{
    const IDECommand *row = kind->commands;
    while (row->run && row->code != code) {
        row++;
    }
    return row->run ? row : NULL;
}

enum { CMD_DEVICE_RESET = 0x08, CMD_EXECUTE_DIAGNOSTIC = 0x90 };

static void run_command(IDEDrive *d, uint8_t code)
{
    const IDECommand *row = find_command(d->kind, code);
    ide_cancel(d);
    lower_irq(d);
    d->command = code;
    d->command_flags = row ? row->flags : 0;
    d->error = 0;
    if (row) {
        d->status = ST_BSY | ST_READY;
        row->run(d);
    } else {
        ide_finish(d, ST_READY | ST_ERR, ERR_ABRT);
    }
}

static void command_write(IDEChannel *ch, uint8_t code)
{
    IDEDrive *d = ch->drives[ch->selected];
    bool busy = d && (d->status & (ST_BSY | ST_DRQ)) && !(code == CMD_DEVICE_RESET && d->kind->packet);
    if (busy || (ch->control & CONTROL_SRST)) {
        return;
    }
    if (code == CMD_EXECUTE_DIAGNOSTIC) {
        execute_diagnostic(ch);
    } else if (d) {
        run_command(d, code);
    }
}

/* ---- registers ---- */

/* Drive 0 answers for a drive 1 that is not there: status 0, and a packet device gives 0 for all. */
static uint8_t read_absent(const IDEChannel *ch, unsigned reg)
{
    const IDEDrive *first = ch->drives[0];
    if (!first) {
        return FLOATING_BUS;
    }
    if (reg == REG_COMMAND || first->kind->packet) {
        return 0;
    }
    return reg == REG_FEATURE ? first->error : first->now[reg];
}

static uint8_t read_status(IDEChannel *ch)
{
    const IDEDrive *d = ch->drives[ch->selected];
    return d ? d->status : read_absent(ch, REG_COMMAND);
}

static uint8_t register_read(IDEChannel *ch, unsigned reg)
{
    IDEDrive *d = ch->drives[ch->selected];
    if (!d) {
        return read_absent(ch, reg);
    }
    switch (reg) {
    case REG_FEATURE:
        return d->error;
    case REG_COMMAND:
        lower_irq(d);
        return d->status;
    case REG_DEVICE:
        return d->now[reg];
    default:
        return ch->control & CONTROL_HOB ? d->before[reg] : d->now[reg];
    }
}

static void register_write(IDEChannel *ch, unsigned reg, uint8_t value)
{
    const IDEDrive *selected = ch->drives[ch->selected];
    ch->control &= ~CONTROL_HOB;
    if (reg == REG_COMMAND) {
        command_write(ch, value);
        return;
    }
    if (selected && (selected->status & (ST_BSY | ST_DRQ))) {
        return;
    }
    for (int i = 0; i < IDE_CHANNEL_DRIVES; i++) {
        if (ch->drives[i]) {
            ch->drives[i]->before[reg] = ch->drives[i]->now[reg];
            ch->drives[i]->now[reg] = value;
        }
    }
    if (reg == REG_DEVICE) {
        ch->selected = (value & DEVICE_DEV) != 0;
        ide_update_irq(ch);
    }
}

static uint32_t data_port_read(IDEChannel *ch, unsigned size)
{
    IDEDrive *d = ch->drives[ch->selected];
    if (!d) {
        return ch->drives[0] ? 0 : 0xff00ff00u | FLOATING_BUS << 16 | FLOATING_BUS;
    }
    uint32_t value = pio_read(d);
    return size == 4 ? value | (uint32_t)pio_read(d) << 16 : value;
}

static void data_port_write(IDEChannel *ch, uint32_t value, unsigned size)
{
    IDEDrive *d = ch->drives[ch->selected];
    if (!d) {
        return;
    }
    pio_write(d, value & 0xffff);
    if (size == 4) {
        pio_write(d, value >> 16);
    }
}

/* The data port is a word wide (a doubleword is two cycles, a byte the low half of one), the others are bytes. */
static uint64_t command_io_read(void *opaque, hwaddr addr, unsigned size)
{
    uint64_t value = 0;
    if (addr == REG_DATA) {
        return data_port_read(opaque, size);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)register_read(opaque, (addr + i) & 7) << (8 * i);
    }
    return value;
}

static void command_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    if (addr == REG_DATA) {
        data_port_write(opaque, value, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        register_write(opaque, (addr + i) & 7, value >> (8 * i));
    }
}

/* Alternate status, device control. */
static uint64_t control_io_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)addr, (void)size;
    return read_status(opaque);
}

static void control_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    IDEChannel *ch = opaque;
    uint8_t changed = ch->control ^ value;
    (void)addr, (void)size;
    ch->control = value & (CONTROL_NIEN | CONTROL_SRST | CONTROL_HOB);
    if (changed & CONTROL_SRST) {
        foreach_drive(ch, value & CONTROL_SRST ? soft_reset_begins : soft_reset_ends);
        ch->selected = 0;
    }
    ide_update_irq(ch);
}

static const MemoryRegionOps command_io_ops = {
    .read = command_io_read, .write = command_io_write, .min_access = 1, .max_access = 4
};
static const MemoryRegionOps control_io_ops = {
    .read = control_io_read, .write = control_io_write, .min_access = 1, .max_access = 1
};

/* ---- the channel ---- */

void ide_channel_init(IDEChannel *ch, int number, PCIDevice *pci)
{
    static const uint16_t command_base[IDE_CHANNELS] = { 0x1f0, 0x170 }, control_base[IDE_CHANNELS] = { 0x3f6, 0x376 };
    ch->number = number;
    ch->pci = pci;
    memory_region_init_io(&ch->command_io, &command_io_ops, ch, "ide-command", 8);
    memory_region_init_io(&ch->control_io, &control_io_ops, ch, "ide-control", 1);
    memory_region_add_subregion(get_system_io(), command_base[number], &ch->command_io);
    memory_region_add_subregion(get_system_io(), control_base[number], &ch->control_io);
}

/* The drives are devices of their own, and reset after this. */
void ide_channel_reset(IDEChannel *ch)
{
    ch->selected = ch->control = 0;
    bmdma_reset(ch);
    ide_update_irq(ch);
}

/* ---- state ---- */

static bool channel_post_load(void *opaque, Error **errp)
{
    IDEChannel *ch = opaque;
    if (ch->selected > 1 || ch->prd_left > 64 * KiB) {
        error_setg(errp, "ide.%d: drive %u selected, %u bytes of a descriptor left", ch->number, ch->selected,
                   ch->prd_left);
        return false;
    }
    return true;
}

static const VMStateField channel_fields[] = {
    VMSTATE_DERIVED(IDEChannel, number),     VMSTATE_DERIVED(IDEChannel, drives),
    VMSTATE_DERIVED(IDEChannel, pci),        VMSTATE_DERIVED(IDEChannel, irq),
    VMSTATE_DERIVED(IDEChannel, command_io), VMSTATE_DERIVED(IDEChannel, control_io),
    VMSTATE_INT(IDEChannel, selected),       VMSTATE_INT(IDEChannel, control),
    VMSTATE_INT(IDEChannel, intrq),          VMSTATE_INT(IDEChannel, bm_command),
    VMSTATE_INT(IDEChannel, bm_status),      VMSTATE_INT(IDEChannel, bm_table),
    VMSTATE_INT(IDEChannel, prd_next),       VMSTATE_INT(IDEChannel, prd_addr),
    VMSTATE_INT(IDEChannel, prd_left),       VMSTATE_INT(IDEChannel, prd_count),
    VMSTATE_BOOL(IDEChannel, prd_last),      VMSTATE_END,
};
const VMStateDescription vmstate_ide_channel = {
    .name = "ide-channel", .version = 1, .post_load = channel_post_load, .fields = channel_fields
};

static bool buffer_is_sound(const IDEDrive *d)
{
    return d->len <= BLK_MAX_TRANSFER && d->pos <= d->len && d->block_end <= d->len;
}

static bool transfer_is_sound(const IDEDrive *d)
{
    uint64_t size = d->sectors * ATA_SECTOR;
    bool pio = ide_pio_in(d) || ide_pio_out(d);
    return d->move < MOVE_COUNT && buffer_is_sound(d) && (!pio || (d->block && d->block_end >= d->pos)) &&
           d->offset >= 0 && d->left <= size && (uint64_t)d->offset <= size - d->left;
}

/* A read brings what is left or a part of it; what is no read brings nothing. */
static bool request_is_sound(const IDEDrive *d)
{
    size_t bytes = d->request ? blk_aio_read_bytes(d->blk, d->request) : 0;
    bool reads = d->move == MOVE_PIO_IN || d->move == MOVE_DMA_IN || d->move == MOVE_VERIFY;
    bool other = d->move != MOVE_REPLY && d->move != MOVE_PACKET && !d->kind->packet;
    return !d->request || (reads ? bytes && bytes <= d->left : other && !bytes);
}

static bool drive_post_load(void *opaque, Error **errp)
{
    IDEDrive *d = opaque;
    if (!transfer_is_sound(d) || !request_is_sound(d)) {
        error_setg(errp,
                   "%s %d: move %u at %" PRId64 ", %" PRIu64 " bytes left, buffer %u of %u up to %u: no such transfer",
                   d->dev.type->name, d->dev.instance, d->move, d->offset, d->left, d->pos, d->len, d->block_end);
        return false;
    }
    if (!d->kind->post_load(d, errp)) {
        return false;
    }
    return !d->request || blk_aio_reattach(d->blk, d->request, medium_done, d, errp);
}

static const VMStateField drive_fields[] = {
    VMSTATE_DERIVED(IDEDrive, dev),
    VMSTATE_DERIVED(IDEDrive, kind),
    VMSTATE_DERIVED(IDEDrive, channel),
    VMSTATE_DERIVED(IDEDrive, blk),
    VMSTATE_DERIVED(IDEDrive, prop_bus),
    VMSTATE_DERIVED(IDEDrive, prop_serial),
    VMSTATE_DERIVED(IDEDrive, prop_model),
    VMSTATE_DERIVED(IDEDrive, prop_version),
    VMSTATE_DERIVED(IDEDrive, prop_unit),
    VMSTATE_DERIVED(IDEDrive, prop_bootindex),
    VMSTATE_DERIVED(IDEDrive, unit),
    VMSTATE_DERIVED(IDEDrive, sectors),
    VMSTATE_DERIVED(IDEDrive, cylinders),
    VMSTATE_DERIVED(IDEDrive, heads),
    VMSTATE_DERIVED(IDEDrive, track_sectors),
    VMSTATE_BYTES(IDEDrive, now),
    VMSTATE_BYTES(IDEDrive, before),
    VMSTATE_INT(IDEDrive, status),
    VMSTATE_INT(IDEDrive, error),
    VMSTATE_BOOL(IDEDrive, irq_pending),
    VMSTATE_INT(IDEDrive, command),
    VMSTATE_INT(IDEDrive, command_flags),
    VMSTATE_INT(IDEDrive, move),
    VMSTATE_INT(IDEDrive, offset),
    VMSTATE_INT(IDEDrive, left),
    VMSTATE_INT(IDEDrive, len),
    VMSTATE_BUFFER(IDEDrive, buf, len),
    VMSTATE_INT(IDEDrive, pos),
    VMSTATE_INT(IDEDrive, block),
    VMSTATE_INT(IDEDrive, block_end),
    VMSTATE_INT(IDEDrive, request),
    VMSTATE_INT(IDEDrive, cur_heads),
    VMSTATE_INT(IDEDrive, cur_track_sectors),
    VMSTATE_INT(IDEDrive, multiple),
    VMSTATE_INT(IDEDrive, transfer_mode),
    VMSTATE_BOOL(IDEDrive, write_cache),
    VMSTATE_BOOL(IDEDrive, smart),
    VMSTATE_BYTES(IDEDrive, packet),
    VMSTATE_BOOL(IDEDrive, packet_dma),
    VMSTATE_BOOL(IDEDrive, tray_open),
    VMSTATE_BOOL(IDEDrive, locked),
    VMSTATE_INT(IDEDrive, sense_key),
    VMSTATE_INT(IDEDrive, asc),
    VMSTATE_INT(IDEDrive, ascq),
    VMSTATE_INT(IDEDrive, attention),
    VMSTATE_INT(IDEDrive, media_event),
    VMSTATE_INT(IDEDrive, raw_fields),
    VMSTATE_END,
};
const VMStateDescription vmstate_ide_drive = {
    .name = "ide-drive", .version = 1, .post_load = drive_post_load, .fields = drive_fields
};
