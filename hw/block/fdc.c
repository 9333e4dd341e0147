/*
 * hw/block/fdc.c  82078 floppy disk controller in PC/AT mode (Intel 290475). Ports 3F0h-3F5h and 3F7h, IRQ 6, DMA
 * channel 2.
 *
 * A command is one row: parameter bytes in, then an answer, a seek or a transfer. The sectors of a transfer are one
 * request to the medium; DMA takes place when it completes (read) or is issued (write), a byte at a time without DMA.
 * Sector IDs follow from the format, so they need no storage. Non-determinism enters only in when a request completes
 * (block/block.h). Left out on purpose: the time that steps and rotation take (READ ID alone sees the disk turn),
 * tapes, scan commands, power management beyond its answers.
 */
#include "exec/memory.h"
#include "floppy-internal.h"
#include "hw/dma/i8257.h"

#define DMA_CHANNEL 2
#define FIFO_SIZE   16

enum { PORT_DOR = 2, PORT_TDR = 3, PORT_MSR = 4, PORT_FIFO = 5 }; /* from 3F0h; 3F7h stands alone */
enum { DOR_DRIVE = 0x03, DOR_NRESET = 0x04, DOR_DMA_GATE = 0x08 };
enum { MSR_COMMAND_BUSY = 0x10, MSR_NON_DMA = 0x20, MSR_TO_HOST = 0x40, MSR_REQUEST = 0x80 };
enum { DSR_RESET = 0x80, RATE_MASK = 0x03 };
enum { DIR_CHANGED = 0x80 };

enum {
    ST0_HEAD = 0x04,
    ST0_CHECK = 0x10,
    ST0_SEEK_END = 0x20,
    ST0_ABNORMAL = 0x40,
    ST0_INVALID = 0x80,
    ST0_POLLING = 0xc0
};
enum {
    ST1_NO_ID = 0x01,
    ST1_WRITE_PROTECT = 0x02,
    ST1_NO_DATA = 0x04,
    ST1_OVERRUN = 0x10,
    ST1_DATA_ERROR = 0x20,
    ST1_END = 0x80
};
enum { ST2_WRONG_CYLINDER = 0x10, ST2_DATA_ERROR = 0x20 };
enum { ST3_ALWAYS = 0x28, ST3_TRACK0 = 0x10, ST3_WRITE_PROTECT = 0x40 };
enum { CONFIG_IMPLIED_SEEK = 0x40, CONFIG_NO_FIFO = 0x20, CONFIG_NO_POLLING = 0x10 };
enum { COMMAND_MT = 0x80 };

typedef enum FDCPhase { PHASE_COMMAND, PHASE_BUSY, PHASE_DATA_IN, PHASE_DATA_OUT, PHASE_RESULT, PHASE_COUNT } FDCPhase;

/* What is done with a range of sectors. */
typedef enum FDCAction { ACTION_READ, ACTION_WRITE, ACTION_VERIFY, ACTION_FORMAT, ACTION_COUNT } FDCAction;

typedef struct FDCState {
    Device dev;
    Device *dma;
    IRQLine irq;
    MemoryRegion low_io, dir_io;
    uint8_t dor, tdr, rate;
    uint8_t phase;                                /* FDCPhase */
    uint8_t fifo[FIFO_SIZE];                      /* the command so far, or the result */
    uint8_t fifo_len, fifo_pos;                   /* bytes expected or there; how many have passed */
    uint8_t irq_level;                            /* before the DMA gate */
    uint8_t resets_to_report;                     /* drives whose "ready changed" SENSE INTERRUPT has yet to report */
    uint8_t seeks_to_report, seek_st0[4], pcn[4]; /* one bit, one byte per drive */
    uint8_t srt_hut, hlt_nd, config, precomp, perpendicular, eot;
    bool locked;
    /* The transfer under way */
    uint8_t action;      /* FDCAction */
    uint8_t drive, head; /* of the command; the head changes with MT */
    uint8_t id[4];       /* C, H, R, N of the next sector */
    uint8_t end_st1;     /* why it ends when all sectors are done and nobody said terminal count */
    uint8_t *buf;
    uint32_t len, pos;
    BlockRequestId request;
} FDCState;

/* ---- interrupt and phases ---- */

static void update_irq(FDCState *s)
{
    irq_set(s->irq, s->irq_level && (s->dor & DOR_DMA_GATE));
}

static void set_irq(FDCState *s, uint8_t level)
{
    s->irq_level = level;
    update_irq(s);
}

static void free_buffer(FDCState *s)
{
    g_free(s->buf);
    s->buf = NULL;
    s->len = s->pos = 0;
}

static void enter_command_phase(FDCState *s)
{
    free_buffer(s);
    s->phase = PHASE_COMMAND;
    s->fifo_len = s->fifo_pos = 0;
}

static void answer(FDCState *s, const uint8_t *bytes, size_t len)
{
    free_buffer(s);
    memmove(s->fifo, bytes, len);
    s->phase = PHASE_RESULT;
    s->fifo_len = len;
    s->fifo_pos = 0;
}

static void answer1(FDCState *s, uint8_t byte)
{
    answer(s, &byte, 1);
}

/* The seven bytes after a transfer, with an interrupt. */
static void answer_transfer(FDCState *s, uint8_t st0, uint8_t st1, uint8_t st2)
{
    const uint8_t result[7] = {
        st0 | (s->head ? ST0_HEAD : 0) | s->drive, st1, st2, s->id[0], s->id[1], s->id[2], s->id[3]
    };
    i8257_set_dreq(s->dma, DMA_CHANNEL, 0);
    answer(s, result, sizeof(result));
    set_irq(s, 1);
}

/* ---- ranges of sectors ---- */

static FloppyDrive *medium_of(const FDCState *s)
{
    FloppyDrive *drive = floppy_drive(s->drive);
    return drive && blk_is_inserted(drive->blk) ? drive : NULL;
}

static bool uses_dma(const FDCState *s)
{
    return !(s->hlt_nd & 1);
}

/* The ID after the present one (290475, "termination of a data transfer"). */
static void next_id(FDCState *s)
{
    if (s->id[2] != s->eot) {
        s->id[2]++;
        return;
    }
    s->id[2] = 1;
    if (s->fifo[0] & COMMAND_MT) {
        s->id[1] ^= 1;
        s->head ^= 1;
    }
    if (!(s->fifo[0] & COMMAND_MT) || !s->head) {
        s->id[0]++;
    }
}

static void next_ids(FDCState *s, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        next_id(s);
    }
}

/* Sectors that follow one another on this side up to EOT, as far as they exist; why it ends there. */
static uint32_t sectors_on_side(const FDCState *s, const FloppyFormat *f, uint8_t first, uint8_t *end_st1)
{
    bool beyond = s->eot > f->sectors || s->eot < first;
    uint8_t last = beyond ? f->sectors : s->eot;
    *end_st1 = beyond ? ST1_NO_DATA : ST1_END;
    return first >= 1 && first <= f->sectors ? last - first + 1u : 0;
}

/* How many sectors the command may reach from its ID; 0: not even the first is found, *st1 and *st2 say why. */
static uint32_t range_of(FDCState *s, const FloppyDrive *drive, uint8_t *st1, uint8_t *st2)
{
    const FloppyFormat *f = drive->format;
    *st1 = ST1_NO_DATA;
    *st2 = 0;
    if (s->rate != f->rate || drive->track >= f->cylinders || s->head >= f->heads) {
        *st1 = ST1_NO_ID;
        return 0;
    }
    if (s->id[0] != drive->track) {
        *st2 = ST2_WRONG_CYLINDER;
        return 0;
    }
    if (s->id[1] != s->head || s->id[3] != FLOPPY_SIZE_CODE) {
        return 0;
    }
    uint32_t count = sectors_on_side(s, f, s->id[2], &s->end_st1);
    if (count && s->end_st1 == ST1_END && s->fifo[0] & COMMAND_MT && s->head == 0 && f->heads > 1) {
        count += sectors_on_side(s, f, 1, &s->end_st1);
    }
    return count;
}

/* ---- transfers ---- */

/* bytes have passed; tc: the DMA controller said that these were all. */
static void end_transfer(FDCState *s, size_t bytes, size_t all, bool tc)
{
    next_ids(s, (bytes + FLOPPY_SECTOR - 1) / FLOPPY_SECTOR);
    if (tc) {
        answer_transfer(s, 0, 0, 0);
    } else if (bytes == all) {
        answer_transfer(s, ST0_ABNORMAL, s->end_st1, 0);
    } else {
        answer_transfer(s, ST0_ABNORMAL, ST1_OVERRUN, 0);
    }
}

static void read_arrived(FDCState *s, const uint8_t *data, size_t len)
{
    if (uses_dma(s)) {
        bool tc = false;
        size_t moved = i8257_to_memory(s->dma, DMA_CHANNEL, data, len, &tc);
        end_transfer(s, moved, len, tc);
    } else {
        s->buf = g_memdup2(data, len);
        s->len = len;
        s->phase = PHASE_DATA_IN;
        set_irq(s, 1);
    }
}

/* What VERIFY says about its end when it counts sectors itself (EC): all is well. */
static void verify_done(FDCState *s, size_t len)
{
    bool counted = s->fifo[1] & 0x80;
    end_transfer(s, len, len, counted);
}

static void medium_done(void *opaque, BlockRequestId id, int ret, const uint8_t *data, size_t len)
{
    FDCState *s = opaque;
    lockstep_assert(id == s->request, "floppy request %" PRIu64 " ended, %" PRIu64 " is under way", id, s->request);
    s->request = 0;
    if (ret < 0) {
        answer_transfer(s, ST0_ABNORMAL, ST1_DATA_ERROR, ST2_DATA_ERROR);
    } else if (s->action == ACTION_READ) {
        read_arrived(s, data, len);
    } else if (s->action == ACTION_VERIFY) {
        verify_done(s, len);
    } else {
        end_transfer(s, s->pos, s->len, s->end_st1 == 0);
    }
}

static void begin_request(FDCState *s, BlockRequestId id)
{
    s->request = id;
    s->phase = PHASE_BUSY;
}

static int64_t first_offset(const FDCState *s)
{
    return floppy_offset(floppy_drive(s->drive), s->id[0], s->head, s->id[2]);
}

/* The buffer holds pos bytes for the medium; a sector that is not full ends with zeroes. */
static void send_buffer(FDCState *s)
{
    size_t bytes = (s->pos + FLOPPY_SECTOR - 1) / FLOPPY_SECTOR * FLOPPY_SECTOR;
    begin_request(s, blk_aio_write(floppy_drive(s->drive)->blk, first_offset(s), s->buf, bytes, false, medium_done, s));
}

/* Fill the buffer by DMA. end_st1 0 stands for terminal count from here on. */
static bool take_by_dma(FDCState *s)
{
    bool tc = false;
    s->pos = i8257_from_memory(s->dma, DMA_CHANNEL, s->buf, s->len, &tc);
    s->end_st1 = tc ? 0 : s->end_st1;
    return s->pos > 0;
}

static void want_buffer(FDCState *s, uint32_t len)
{
    s->buf = g_malloc0(len);
    s->len = len;
    s->pos = 0;
}

static void begin_write(FDCState *s, uint32_t sectors)
{
    want_buffer(s, sectors * FLOPPY_SECTOR);
    if (!uses_dma(s)) {
        s->phase = PHASE_DATA_OUT;
        set_irq(s, 1);
    } else if (take_by_dma(s)) {
        send_buffer(s);
    } else {
        answer_transfer(s, ST0_ABNORMAL, ST1_OVERRUN, 0);
    }
}

static void begin_read(FDCState *s, uint32_t sectors)
{
    begin_request(s,
                  blk_aio_read(floppy_drive(s->drive)->blk, first_offset(s), sectors * FLOPPY_SECTOR, medium_done, s));
}

/* VERIFY with EC: DTL says how many sectors. */
static uint32_t sectors_to_verify(const FDCState *s, uint32_t sectors)
{
    return s->fifo[1] & 0x80 && s->fifo[8] ? MIN(sectors, s->fifo[8]) : sectors;
}

static void select_from(FDCState *s, uint8_t byte)
{
    s->drive = byte & 3;
    s->head = byte >> 2 & 1;
}

static void implied_seek(FDCState *s, FloppyDrive *drive)
{
    if (s->config & CONFIG_IMPLIED_SEEK) {
        floppy_step_to(drive, drive->track + s->id[0] - s->pcn[s->drive]);
        s->pcn[s->drive] = s->id[0];
    }
}

static void begin_range(FDCState *s, FloppyDrive *drive)
{
    uint8_t st1, st2;
    uint32_t sectors = range_of(s, drive, &st1, &st2);
    if (!sectors) {
        answer_transfer(s, ST0_ABNORMAL, st1, st2);
    } else if (s->action == ACTION_WRITE && blk_is_read_only(drive->blk)) {
        answer_transfer(s, ST0_ABNORMAL, ST1_WRITE_PROTECT, 0);
    } else if (s->action == ACTION_WRITE) {
        begin_write(s, sectors);
    } else {
        begin_read(s, s->action == ACTION_VERIFY ? sectors_to_verify(s, sectors) : sectors);
    }
}

/* Parameters: drive and head, C, H, R, N, EOT, GPL, DTL. */
static void transfer(FDCState *s, FDCAction action)
{
    s->action = action;
    select_from(s, s->fifo[1]);
    memcpy(s->id, s->fifo + 2, sizeof(s->id));
    s->eot = s->fifo[6];
    i8257_set_dreq(s->dma, DMA_CHANNEL, uses_dma(s));
    FloppyDrive *drive = medium_of(s);
    if (drive) {
        implied_seek(s, drive);
        begin_range(s, drive);
    } else {
        answer_transfer(s, ST0_ABNORMAL, ST1_NO_ID, 0);
    }
}

static void read_data(FDCState *s)
{
    transfer(s, ACTION_READ);
}

static void write_data(FDCState *s)
{
    transfer(s, ACTION_WRITE);
}

static void verify(FDCState *s)
{
    transfer(s, ACTION_VERIFY);
}

/* READ TRACK reads from the index on, whatever R says. */
static void read_track(FDCState *s)
{
    s->fifo[4] = 1;
    transfer(s, ACTION_READ);
}

/* FORMAT TRACK. Parameters: drive and head, N, SC, GPL, fill byte; DMA brings C, H, R, N of each sector. */
static void format_filled(FDCState *s)
{
    const FloppyDrive *drive = floppy_drive(s->drive);
    uint32_t bytes = drive->format->sectors * FLOPPY_SECTOR;
    uint8_t *track = g_malloc(bytes);
    memset(track, s->fifo[5], bytes);
    s->id[2] = 1;
    begin_request(s, blk_aio_write(drive->blk, first_offset(s), track, bytes, false, medium_done, s));
    g_free(track);
}

static void format_track(FDCState *s)
{
    const FloppyDrive *drive;
    s->action = ACTION_FORMAT;
    s->end_st1 = 0;
    s->eot = s->fifo[3];
    select_from(s, s->fifo[1]);
    drive = medium_of(s);
    memcpy(s->id, (const uint8_t[]){ drive ? drive->track : 0, s->head, 1, s->fifo[2] }, sizeof(s->id));
    bool known = drive && s->rate == drive->format->rate && s->fifo[2] == FLOPPY_SIZE_CODE && s->fifo[3] >= 1 &&
                 s->fifo[3] <= drive->format->sectors && drive->track < drive->format->cylinders &&
                 s->head < drive->format->heads;
    if (!known) {
        answer_transfer(s, ST0_ABNORMAL, drive ? ST1_NO_DATA : ST1_NO_ID, 0);
    } else if (blk_is_read_only(drive->blk)) {
        answer_transfer(s, ST0_ABNORMAL, ST1_WRITE_PROTECT, 0);
    } else {
        want_buffer(s, 4u * s->fifo[3]);
        if (!uses_dma(s)) {
            s->phase = PHASE_DATA_OUT;
            set_irq(s, 1);
        } else if (take_by_dma(s)) {
            format_filled(s);
        } else {
            answer_transfer(s, ST0_ABNORMAL, ST1_OVERRUN, 0);
        }
    }
}

/* The ID that comes by next: the disk turns five times a second. */
static void read_id(FDCState *s)
{
    select_from(s, s->fifo[1]);
    const FloppyDrive *drive = medium_of(s);
    memset(s->id, 0, sizeof(s->id));
    if (!drive || s->rate != drive->format->rate || drive->track >= drive->format->cylinders ||
        s->head >= drive->format->heads) {
        answer_transfer(s, ST0_ABNORMAL, ST1_NO_ID | (drive ? 0 : ST1_NO_DATA), 0);
        return;
    }
    int64_t turn_ns = NANOSECONDS_PER_SECOND / 5, now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) % turn_ns;
    s->id[0] = drive->track;
    s->id[1] = s->head;
    s->id[2] = now * drive->format->sectors / turn_ns + 1;
    s->id[3] = FLOPPY_SIZE_CODE;
    answer_transfer(s, 0, 0, 0);
}

/* ---- seeks and senses ---- */

static void seek_done(FDCState *s, uint8_t drive, uint8_t st0)
{
    s->seeks_to_report |= 1u << drive;
    s->seek_st0[drive] = st0 | drive;
    enter_command_phase(s);
    set_irq(s, 1);
}

static void recalibrate(FDCState *s)
{
    uint8_t unit = s->fifo[1] & 3;
    FloppyDrive *drive = floppy_drive(unit);
    s->pcn[unit] = 0;
    if (drive) {
        floppy_step_to(drive, 0);
    }
    seek_done(s, unit, drive ? ST0_SEEK_END : ST0_SEEK_END | ST0_ABNORMAL | ST0_CHECK); /* no track 0 came */
}

static void seek_to(FDCState *s, int target)
{
    uint8_t unit = s->fifo[1] & 3;
    FloppyDrive *drive = floppy_drive(unit);
    if (drive) {
        floppy_step_to(drive, drive->track + target - s->pcn[unit]);
    }
    s->pcn[unit] = target;
    seek_done(s, unit, ST0_SEEK_END | (s->fifo[1] & ST0_HEAD));
}

static void seek(FDCState *s)
{
    seek_to(s, s->fifo[2]);
}

/* Bit 6: step in, towards higher tracks. */
static void relative_seek(FDCState *s)
{
    int steps = s->fifo[0] & 0x40 ? s->fifo[2] : -s->fifo[2];
    seek_to(s, (uint8_t)(s->pcn[s->fifo[1] & 3] + steps));
}

static void sense_interrupt(FDCState *s)
{
    uint8_t unit = 0, st0;
    set_irq(s, 0);
    if (s->resets_to_report) {
        unit = 4 - s->resets_to_report--;
        st0 = ST0_POLLING | unit;
    } else if (s->seeks_to_report) {
        unit = __builtin_ctz(s->seeks_to_report);
        s->seeks_to_report &= ~(1u << unit);
        st0 = s->seek_st0[unit];
    } else {
        answer1(s, ST0_INVALID);
        return;
    }
    answer(s, (const uint8_t[]){ st0, s->pcn[unit] }, 2);
}

static void sense_drive_status(FDCState *s)
{
    select_from(s, s->fifo[1]);
    const FloppyDrive *drive = floppy_drive(s->drive);
    uint8_t st3 = ST3_ALWAYS | (s->fifo[1] & 7);
    st3 |= drive && drive->track == 0 ? ST3_TRACK0 : 0;
    st3 |= drive && blk_is_read_only(drive->blk) ? ST3_WRITE_PROTECT : 0;
    answer1(s, st3);
}

/* ---- settings ---- */

static void specify(FDCState *s)
{
    s->srt_hut = s->fifo[1];
    s->hlt_nd = s->fifo[2];
    enter_command_phase(s);
}

static void configure(FDCState *s)
{
    s->config = s->fifo[2] & 0x7f;
    s->precomp = s->fifo[3];
    enter_command_phase(s);
}

/* OW: only then are the drive bits written. */
static void perpendicular_mode(FDCState *s)
{
    s->perpendicular = s->fifo[1] & 0x80 ? s->fifo[1] & 0x3f : (s->perpendicular & 0x3c) | (s->fifo[1] & 0x03);
    enter_command_phase(s);
}

static void lock(FDCState *s)
{
    s->locked = s->fifo[0] & 0x80;
    answer1(s, s->locked ? 0x10 : 0);
}

static void dump_registers(FDCState *s)
{
    const uint8_t registers[10] = { s->pcn[0],  s->pcn[1], s->pcn[2], s->pcn[3],
                                    s->srt_hut, s->hlt_nd, s->eot,    (s->locked ? 0x80 : 0) | s->perpendicular,
                                    s->config,  s->precomp };
    answer(s, registers, sizeof(registers));
}

static void version(FDCState *s)
{
    answer1(s, 0x90);
}

static void part_id(FDCState *s)
{
    answer1(s, 0x41);
}

/* POWERDOWN MODE answers with the mode it has; OPTION and DRIVE SPECIFICATION change nothing here. */
static void power_down_mode(FDCState *s)
{
    answer1(s, s->fifo[1] & 0x07);
}

static void nothing(FDCState *s)
{
    enter_command_phase(s);
}

static void invalid(FDCState *s)
{
    answer1(s, ST0_INVALID);
}

/* ---- the table of commands (290475, table 6-1) ---- */

static const struct FDCCommand {
    uint8_t mask, code; /* of the first byte; the other bits are MT, MFM, SK and the like */
    uint8_t bytes;      /* of the whole command */
    void (*run)(FDCState *s);
} commands[] = {
    { 0x1f, 0x06, 9, read_data },
    { 0x1f, 0x0c, 9, read_data }, /* READ DELETED DATA: no sector is marked so */
    { 0x9f, 0x02, 9, read_track },
    { 0x3f, 0x05, 9, write_data },
    { 0x3f, 0x09, 9, write_data }, /* WRITE DELETED DATA: the mark is lost */
    { 0x1f, 0x16, 9, verify },
    { 0xbf, 0x0a, 2, read_id },
    { 0xbf, 0x0d, 6, format_track },
    { 0xff, 0x07, 2, recalibrate },
    { 0xff, 0x0f, 3, seek },
    { 0xbf, 0x8f, 3, relative_seek },
    { 0xff, 0x08, 1, sense_interrupt },
    { 0xff, 0x04, 2, sense_drive_status },
    { 0xff, 0x03, 3, specify },
    { 0xff, 0x13, 4, configure },
    { 0xff, 0x12, 2, perpendicular_mode },
    { 0x7f, 0x14, 1, lock },
    { 0xff, 0x0e, 1, dump_registers },
    { 0xff, 0x10, 1, version },
    { 0xff, 0x18, 1, part_id },
    { 0xff, 0x17, 2, power_down_mode },
    { 0xff, 0x33, 2, nothing },
    { 0, 0, 1, invalid },
};

static const struct FDCCommand *find_command(uint8_t code)
{
    const struct FDCCommand *row = commands;
    while ((code & row->mask) != row->code) {
        row++;
    }
    return row;
}

/* ---- resets ---- */

static void abandon(FDCState *s)
{
    if (s->request) {
        blk_aio_forget(floppy_drive(s->drive)->blk, s->request);
        s->request = 0;
    }
    if (s->dma) {
        i8257_set_dreq(s->dma, DMA_CHANNEL, 0);
    }
    s->seeks_to_report = s->resets_to_report = 0;
    enter_command_phase(s);
    set_irq(s, 0);
}

static void controller_reset(FDCState *s)
{
    abandon(s);
    if (!s->locked) {
        s->config = CONFIG_NO_FIFO;
        s->precomp = 0;
    }
    s->perpendicular &= 0x3c;
}

static void reset_ends(FDCState *s)
{
    if (!(s->config & CONFIG_NO_POLLING)) {
        s->resets_to_report = 4;
        set_irq(s, 1);
    }
}

/* ---- registers ---- */

static uint8_t read_msr(const FDCState *s)
{
    static const uint8_t by_phase[PHASE_COUNT] = {
        [PHASE_COMMAND] = MSR_REQUEST,
        [PHASE_BUSY] = MSR_COMMAND_BUSY,
        [PHASE_DATA_IN] = MSR_REQUEST | MSR_TO_HOST | MSR_NON_DMA | MSR_COMMAND_BUSY,
        [PHASE_DATA_OUT] = MSR_REQUEST | MSR_NON_DMA | MSR_COMMAND_BUSY,
        [PHASE_RESULT] = MSR_REQUEST | MSR_TO_HOST | MSR_COMMAND_BUSY,
    };
    bool partial = s->phase == PHASE_COMMAND && s->fifo_pos;
    return !(s->dor & DOR_NRESET) ? 0 : by_phase[s->phase] | s->seeks_to_report | (partial ? MSR_COMMAND_BUSY : 0);
}

static uint8_t read_result(FDCState *s)
{
    uint8_t value = s->fifo[s->fifo_pos++];
    set_irq(s, 0);
    if (s->fifo_pos >= s->fifo_len) {
        enter_command_phase(s);
        set_irq(s, s->resets_to_report == 0 && s->seeks_to_report != 0);
    }
    return value;
}

static uint8_t read_data_byte(FDCState *s)
{
    uint8_t value = s->buf[s->pos++];
    set_irq(s, 0);
    if (s->pos == s->len) {
        end_transfer(s, s->len, s->len, false);
    } else {
        set_irq(s, 1);
    }
    return value;
}

static uint8_t read_fifo(FDCState *s)
{
    if (!(s->dor & DOR_NRESET)) {
        return 0;
    }
    switch (s->phase) {
    case PHASE_RESULT:
        return read_result(s);
    case PHASE_DATA_IN:
        return read_data_byte(s);
    default:
        return 0;
    }
}

static void write_command_byte(FDCState *s, uint8_t value)
{
    if (s->fifo_pos == 0) {
        s->fifo_len = find_command(value)->bytes;
    }
    s->fifo[s->fifo_pos++] = value;
    if (s->fifo_pos >= s->fifo_len) {
        s->fifo_pos = 0;
        find_command(s->fifo[0])->run(s);
    }
}

static void write_data_byte(FDCState *s, uint8_t value)
{
    s->buf[s->pos++] = value;
    set_irq(s, 0);
    if (s->pos < s->len) {
        set_irq(s, 1);
    } else if (s->action == ACTION_FORMAT) {
        format_filled(s);
    } else {
        send_buffer(s);
    }
}

static void write_fifo(FDCState *s, uint8_t value)
{
    if (!(s->dor & DOR_NRESET)) {
        return;
    }
    if (s->phase == PHASE_COMMAND) {
        write_command_byte(s, value);
    } else if (s->phase == PHASE_DATA_OUT) {
        write_data_byte(s, value);
    }
}

static void write_dor(FDCState *s, uint8_t value)
{
    uint8_t changed = s->dor ^ value;
    s->dor = value;
    if (changed & DOR_NRESET) {
        if (value & DOR_NRESET) {
            reset_ends(s);
        } else {
            controller_reset(s);
        }
    }
    update_irq(s);
}

/* The reset bit clears itself. */
static void write_dsr(FDCState *s, uint8_t value)
{
    s->rate = value & RATE_MASK;
    if (value & DSR_RESET && s->dor & DOR_NRESET) {
        controller_reset(s);
        reset_ends(s);
    }
}

static uint64_t low_io_read(void *opaque, hwaddr addr, unsigned size)
{
    FDCState *s = opaque;
    (void)size;
    switch (addr) {
    case PORT_DOR:
        return s->dor;
    case PORT_TDR:
        return s->tdr;
    case PORT_MSR:
        return read_msr(s);
    case PORT_FIFO:
        return read_fifo(s);
    default:
        return 0xff; /* SRA, SRB: not in PC/AT mode */
    }
}

static void low_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    FDCState *s = opaque;
    (void)size;
    switch (addr) {
    case PORT_DOR:
        write_dor(s, value);
        break;
    case PORT_TDR:
        s->tdr = value & 3;
        break;
    case PORT_MSR: /* written: DSR */
        write_dsr(s, value);
        break;
    case PORT_FIFO:
        write_fifo(s, value);
        break;
    }
}

/* Digital input, configuration control. */
static uint64_t dir_io_read(void *opaque, hwaddr addr, unsigned size)
{
    FDCState *s = opaque;
    const FloppyDrive *drive = floppy_drive(s->dor & DOR_DRIVE);
    (void)addr, (void)size;
    return drive && drive->medium_changed ? DIR_CHANGED : 0;
}

static void dir_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    FDCState *s = opaque;
    (void)addr, (void)size;
    s->rate = value & RATE_MASK;
}

static const MemoryRegionOps low_io_ops = {
    .read = low_io_read, .write = low_io_write, .min_access = 1, .max_access = 1
};
static const MemoryRegionOps dir_io_ops = {
    .read = dir_io_read, .write = dir_io_write, .min_access = 1, .max_access = 1
};

/* ---- the device ---- */

void fdc_connect(Device *fdc, Device *dma, IRQLine irq6)
{
    ((FDCState *)fdc)->dma = dma;
    ((FDCState *)fdc)->irq = irq6;
}

static bool fdc_realize(Device *dev, Error **errp)
{
    FDCState *s = (FDCState *)dev;
    (void)errp;
    memory_region_init_io(&s->low_io, &low_io_ops, s, "fdc", 6);
    memory_region_init_io(&s->dir_io, &dir_io_ops, s, "fdc-dir", 1);
    memory_region_add_subregion(get_system_io(), 0x3f0, &s->low_io);
    memory_region_add_subregion(get_system_io(), 0x3f7, &s->dir_io);
    return true;
}

static void fdc_reset(Device *dev)
{
    FDCState *s = (FDCState *)dev;
    s->locked = false;
    controller_reset(s);
    s->dor = s->tdr = 0;
    s->rate = RATE_250K;
    s->perpendicular = s->srt_hut = s->hlt_nd = s->eot = 0;
    s->action = ACTION_READ;
    s->drive = s->head = s->end_st1 = 0;
    memset(s->id, 0, sizeof(s->id));
    memset(s->fifo, 0, sizeof(s->fifo));
    memset(s->pcn, 0, sizeof(s->pcn));
    memset(s->seek_st0, 0, sizeof(s->seek_st0));
    update_irq(s);
}

/* A transfer needs its drive and, in a data phase, room in its buffer. */
static bool state_is_sound(const FDCState *s)
{
    bool data = s->phase == PHASE_DATA_IN || s->phase == PHASE_DATA_OUT;
    bool needs_drive = data || s->request;
    return s->phase < PHASE_COUNT && s->action < ACTION_COUNT && s->fifo_len <= FIFO_SIZE &&
           (s->fifo_pos < s->fifo_len || (!s->fifo_pos && s->phase != PHASE_RESULT)) && s->drive <= 3 && s->head <= 1 &&
           s->resets_to_report <= 4 && s->seeks_to_report <= 0xf && s->rate <= RATE_MASK &&
           (!data || s->pos < s->len) && (!needs_drive || s->id[2]) &&
           (s->action != ACTION_WRITE || s->len % FLOPPY_SECTOR == 0) && s->pos <= s->len &&
           s->len <= 2 * FLOPPY_MAX_SECTORS * FLOPPY_SECTOR && (!needs_drive || floppy_drive(s->drive)) &&
           (s->phase == PHASE_BUSY) == (s->request != 0);
}

static bool request_is_sound(const FDCState *s)
{
    size_t bytes = s->request ? blk_aio_read_bytes(floppy_drive(s->drive)->blk, s->request) : 0;
    bool reads = s->action == ACTION_READ || s->action == ACTION_VERIFY;
    return !s->request || (reads ? bytes && bytes <= 2 * FLOPPY_MAX_SECTORS * FLOPPY_SECTOR : !bytes);
}

static bool fdc_post_load(void *opaque, Error **errp)
{
    FDCState *s = opaque;
    if (!state_is_sound(s) || !request_is_sound(s)) {
        error_setg(errp, "isa-fdc: phase %u, drive %u, byte %u of %u, %u of %u: no such state", s->phase, s->drive,
                   s->fifo_pos, s->fifo_len, s->pos, s->len);
        return false;
    }
    return !s->request || blk_aio_reattach(floppy_drive(s->drive)->blk, s->request, medium_done, s, errp);
}

static const VMStateField fdc_fields[] = {
    VMSTATE_DERIVED(FDCState, dev),
    VMSTATE_DERIVED(FDCState, dma),
    VMSTATE_DERIVED(FDCState, irq),
    VMSTATE_DERIVED(FDCState, low_io),
    VMSTATE_DERIVED(FDCState, dir_io),
    VMSTATE_INT(FDCState, dor),
    VMSTATE_INT(FDCState, tdr),
    VMSTATE_INT(FDCState, rate),
    VMSTATE_INT(FDCState, phase),
    VMSTATE_BYTES(FDCState, fifo),
    VMSTATE_INT(FDCState, fifo_len),
    VMSTATE_INT(FDCState, fifo_pos),
    VMSTATE_INT(FDCState, irq_level),
    VMSTATE_INT(FDCState, resets_to_report),
    VMSTATE_INT(FDCState, seeks_to_report),
    VMSTATE_BYTES(FDCState, seek_st0),
    VMSTATE_BYTES(FDCState, pcn),
    VMSTATE_INT(FDCState, srt_hut),
    VMSTATE_INT(FDCState, hlt_nd),
    VMSTATE_INT(FDCState, config),
    VMSTATE_INT(FDCState, precomp),
    VMSTATE_INT(FDCState, perpendicular),
    VMSTATE_INT(FDCState, eot),
    VMSTATE_BOOL(FDCState, locked),
    VMSTATE_INT(FDCState, action),
    VMSTATE_INT(FDCState, drive),
    VMSTATE_INT(FDCState, head),
    VMSTATE_BYTES(FDCState, id),
    VMSTATE_INT(FDCState, end_st1),
    VMSTATE_INT(FDCState, len),
    VMSTATE_BUFFER(FDCState, buf, len),
    VMSTATE_INT(FDCState, pos),
    VMSTATE_INT(FDCState, request),
    VMSTATE_END,
};
static const VMStateDescription vmstate_fdc = {
    .name = "isa-fdc", .version = 1, .post_load = fdc_post_load, .fields = fdc_fields
};

const DeviceType isa_fdc_type = {
    .name = "isa-fdc",
    .description = "82078 floppy disk controller",
    .size = sizeof(FDCState),
    .vmsd = &vmstate_fdc,
    .realize = fdc_realize,
    .reset = fdc_reset,
};
