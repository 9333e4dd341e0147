/*
 * hw/ide/atapi.c  A CD-ROM or DVD-ROM drive: the PACKET protocol (ATA/ATAPI-6, section 9.8; SFF-8020i) and the commands
 * of MMC-3 that reading needs. The medium has one data track of 2048-byte sectors; more than a CD holds makes it a DVD.
 *
 * One row per command. Left out on purpose: audio, writing, the error correction codes of raw sectors (they read as
 * zeroes).
 */
#include "hw/ide/ide-internal.h"

#define PIO_CHUNK      (64 * CD_SECTOR) /* one request of a PIO read */
#define RAW_CHUNK      (4 * MiB)
#define PACKET_BYTES   12
#define LEAD_IN_FRAMES 150 /* MSF addresses begin two seconds before sector 0 */
#define FRAMES         75  /* per second */
#define CD_MAX_SECTORS (80 * 60 * FRAMES)
#define LEAD_OUT       0xaa
#define CMD_PACKET     0xa0

enum { REASON_COMMAND = 0x01, REASON_TO_HOST = 0x02, REASON_DONE = 0x03 };
enum { KEY_NONE, KEY_NOT_READY = 2, KEY_MEDIUM_ERROR = 3, KEY_ILLEGAL_REQUEST = 5, KEY_UNIT_ATTENTION = 6 };
enum {
    ASC_READ_ERROR = 0x11,
    ASC_INVALID_OPCODE = 0x20,
    ASC_LBA_OUT_OF_RANGE = 0x21,
    ASC_INVALID_FIELD = 0x24,
    ASC_MEDIUM_CHANGED = 0x28,
    ASC_POWER_ON = 0x29,
    ASC_INCOMPATIBLE_MEDIUM = 0x30,
    ASC_NO_SAVED_PAGES = 0x39,
    ASC_NO_MEDIUM = 0x3a,
    ASC_REMOVAL_PREVENTED = 0x53,
};
enum { EVENT_NONE, EVENT_EJECT, EVENT_NEW_MEDIUM, EVENT_REMOVED };

/* ---- the medium ---- */

static uint32_t cd_sectors(const IDEDrive *d)
{
    return MIN(d->sectors / (CD_SECTOR / ATA_SECTOR), UINT32_MAX);
}

static bool has_medium(const IDEDrive *d)
{
    return !d->tray_open && blk_is_inserted(d->blk);
}

static bool is_dvd(const IDEDrive *d)
{
    return cd_sectors(d) > CD_MAX_SECTORS;
}

/* ---- how commands end ---- */

static void packet_end(IDEDrive *d, uint8_t status, uint8_t error)
{
    d->now[REG_COUNT] = REASON_DONE;
    ide_finish(d, status, error);
}

static void packet_good(IDEDrive *d)
{
    packet_end(d, ST_READY, 0);
}

static void set_sense(IDEDrive *d, uint8_t key, uint8_t asc, uint8_t ascq)
{
    d->sense_key = key;
    d->asc = asc;
    d->ascq = ascq;
}

static void packet_check(IDEDrive *d, uint8_t key, uint8_t asc, uint8_t ascq)
{
    set_sense(d, key, asc, ascq);
    packet_end(d, ST_READY | ST_ERR, key << 4);
}

static void invalid_field(IDEDrive *d)
{
    packet_check(d, KEY_ILLEGAL_REQUEST, ASC_INVALID_FIELD, 0);
}

/* len bytes of answer, of which the guest wants at most alloc. */
static void packet_reply(IDEDrive *d, const uint8_t *data, size_t len, size_t alloc)
{
    if (!alloc) {
        packet_good(d);
        return;
    }
    d->move = d->packet_dma ? MOVE_DMA_IN : MOVE_REPLY;
    d->left = 0;
    ide_data_in(d, data, MIN(len, alloc));
}

/* ---- reading ---- */

static void put_msf(uint8_t *p, uint32_t lba)
{
    uint32_t frames = lba + LEAD_IN_FRAMES;
    p[0] = frames / FRAMES / 60;
    p[1] = frames / FRAMES % 60;
    p[2] = frames % FRAMES;
}

static void read_piece(IDEDrive *d)
{
    uint64_t most = d->move == MOVE_PIO_IN ? PIO_CHUNK : d->raw_fields ? RAW_CHUNK : BLK_MAX_TRANSFER;
    ide_medium_read(d, MIN(d->left, most));
}

static void read_sectors(IDEDrive *d, uint32_t lba, uint32_t count, uint8_t raw_fields)
{
    uint32_t total = cd_sectors(d);
    if (lba > total || count > total - lba) {
        packet_check(d, KEY_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE, 0);
    } else if (count == 0) {
        packet_good(d);
    } else {
        d->move = d->packet_dma ? MOVE_DMA_IN : MOVE_PIO_IN;
        d->offset = (int64_t)lba * CD_SECTOR;
        d->left = (uint64_t)count * CD_SECTOR;
        d->raw_fields = raw_fields;
        read_piece(d);
    }
}

static void read10(IDEDrive *d, const uint8_t *cdb)
{
    read_sectors(d, ldl_be_p(cdb + 2), lduw_be_p(cdb + 7), 0);
}

static void read12(IDEDrive *d, const uint8_t *cdb)
{
    read_sectors(d, ldl_be_p(cdb + 2), ldl_be_p(cdb + 6), 0);
}

/* READ CD, byte 9: the parts of a mode 1 sector (MMC-3, table 246), in the order in which they lie there. */
enum { RAW_SYNC = 0x80, RAW_HEADER = 0x20, RAW_USER_DATA = 0x10, RAW_ECC = 0x08, RAW_ALL = 0xb8 };
#define RAW_SECTOR 2352u

static uint8_t *raw_sector(uint8_t *out, uint8_t fields, uint32_t lba, const uint8_t *data)
{
    static const uint8_t sync[12] = { 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0 };
    uint8_t msf[3], header[4] = { [3] = 1 }; /* BCD address, mode 1 */
    static const uint8_t ecc[288];
    put_msf(msf, lba);
    for (int i = 0; i < 3; i++) {
        header[i] = msf[i] / 10 % 10 << 4 | msf[i] % 10;
    }
    const struct {
        uint8_t field;
        uint16_t len;
        const uint8_t *bytes;
    } parts[] = {
        { RAW_SYNC, sizeof(sync), sync },
        { RAW_HEADER, sizeof(header), header },
        { RAW_USER_DATA, CD_SECTOR, data },
        { RAW_ECC, sizeof(ecc), ecc },
    };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (fields & parts[i].field) {
            memcpy(out, parts[i].bytes, parts[i].len);
            out += parts[i].len;
        }
    }
    return out;
}

static void raw_arrived(IDEDrive *d, const uint8_t *data, size_t len)
{
    size_t count = len / CD_SECTOR;
    uint8_t *raw = g_malloc(count * RAW_SECTOR + 1), *end = raw;
    uint32_t lba = d->offset / CD_SECTOR - count;
    for (size_t i = 0; i < count; i++) {
        end = raw_sector(end, d->raw_fields, lba + i, data + i * CD_SECTOR);
    }
    ide_data_in(d, raw, end - raw);
    g_free(raw);
}

static void cdrom_medium_done(IDEDrive *d, int ret, const uint8_t *data, size_t len)
{
    if (ret < 0) {
        packet_check(d, KEY_MEDIUM_ERROR, ASC_READ_ERROR, 0);
        return;
    }
    d->offset += len;
    d->left -= len;
    if (d->raw_fields) {
        raw_arrived(d, data, len);
    } else {
        ide_data_in(d, data, len);
    }
}

/* Only data sectors are there: type "any" or "mode 1". Subchannels and error flags are not. */
static void read_cd_range(IDEDrive *d, const uint8_t *cdb, uint32_t lba, uint32_t count)
{
    uint8_t type = cdb[1] >> 2 & 7, fields = cdb[9] & RAW_ALL;
    if ((type != 0 && type != 2) || (cdb[9] & 0x06) || (cdb[10] & 7)) {
        invalid_field(d);
    } else if (!fields) {
        packet_good(d);
    } else {
        read_sectors(d, lba, count, fields == RAW_USER_DATA ? 0 : fields);
    }
}

static void read_cd(IDEDrive *d, const uint8_t *cdb)
{
    read_cd_range(d, cdb, ldl_be_p(cdb + 2), ldl_be_p(cdb + 5) & 0xffffff);
}

static int64_t from_msf(const uint8_t *p)
{
    return ((int64_t)p[0] * 60 + p[1]) * FRAMES + p[2] - LEAD_IN_FRAMES;
}

static void read_cd_msf(IDEDrive *d, const uint8_t *cdb)
{
    int64_t first = from_msf(cdb + 3), end = from_msf(cdb + 6);
    if (first < 0 || end < first) {
        invalid_field(d);
    } else {
        read_cd_range(d, cdb, first, end - first);
    }
}

static void seek10(IDEDrive *d, const uint8_t *cdb)
{
    if (ldl_be_p(cdb + 2) >= cd_sectors(d)) {
        packet_check(d, KEY_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE, 0);
    } else {
        packet_good(d);
    }
}

static void read_capacity(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t reply[8];
    (void)cdb;
    stl_be_p(reply, cd_sectors(d) - 1);
    stl_be_p(reply + 4, CD_SECTOR);
    packet_reply(d, reply, sizeof(reply), sizeof(reply));
}

/* ---- READ TOC (MMC-3, 5.23) ---- */

static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
    if (msf) {
        p[0] = 0;
        put_msf(p + 1, lba);
    } else {
        stl_be_p(p, lba);
    }
}

enum { TRACK_DATA = 0x14 }; /* position in Q, data track, no copy */

static uint8_t *toc_track(uint8_t *p, uint8_t number, uint32_t lba, bool msf)
{
    p[1] = TRACK_DATA;
    p[2] = number;
    put_address(p + 4, lba, msf);
    return p + 8;
}

static size_t toc_tracks(const IDEDrive *d, uint8_t *toc, uint8_t first, bool msf)
{
    uint8_t *p = toc + 4;
    toc[2] = toc[3] = 1; /* first and last track */
    if (first <= 1) {
        p = toc_track(p, 1, 0, msf);
    }
    return toc_track(p, LEAD_OUT, cd_sectors(d), msf) - toc;
}

static size_t toc_sessions(uint8_t *toc, bool msf)
{
    toc[2] = toc[3] = 1;
    return toc_track(toc + 4, 1, 0, msf) - toc;
}

/* Format 2: what stands in the lead-in; addresses are always MSF. */
static size_t toc_full(const IDEDrive *d, uint8_t *toc)
{
    static const uint8_t points[] = { 0xa0, 0xa1, 0xa2, 0x01 };
    toc[2] = toc[3] = 1;
    uint8_t *p = toc + 4;
    for (size_t i = 0; i < ARRAY_SIZE(points); i++, p += 11) {
        p[0] = 1; /* session */
        p[1] = TRACK_DATA;
        p[3] = points[i];
        if (points[i] == 0xa2 || points[i] == 1) {
            put_msf(p + 8, points[i] == 1 ? 0 : cd_sectors(d));
        } else {
            p[8] = 1; /* first, last track */
        }
    }
    return p - toc;
}

static void read_toc(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t toc[64] = { 0 }, format = cdb[2] & 0xf, first = cdb[6];
    bool msf = cdb[1] & 2;
    size_t len = 0;
    if (format == 0) {
        format = cdb[9] >> 6; /* where SFF-8020 had it */
    }
    if (format == 0 && (first <= 1 || first == LEAD_OUT)) {
        len = toc_tracks(d, toc, first, msf);
    } else if (format == 1) {
        len = toc_sessions(toc, msf);
    } else if (format == 2) {
        len = toc_full(d, toc);
    } else {
        invalid_field(d);
        return;
    }
    stw_be_p(toc, len - 2);
    packet_reply(d, toc, len, lduw_be_p(cdb + 7));
}

/* ---- who and what: INQUIRY, sense, mode pages, configuration ---- */

static void put_text(uint8_t *p, const char *text, size_t len)
{
    size_t have = strlen(text);
    memset(p, ' ', len);
    memcpy(p, text, MIN(have, len));
}

static void inquiry(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t reply[36] = { 0x05, 0x80, 0x00, 0x21, sizeof(reply) - 5 }; /* CD-ROM, removable, ATAPI */
    if ((cdb[1] & 1) || cdb[2]) {
        invalid_field(d); /* no vital product data */
        return;
    }
    put_text(reply + 8, "QEMU", 8);
    put_text(reply + 16, d->prop_model, 16);
    put_text(reply + 32, d->prop_version, 4);
    packet_reply(d, reply, sizeof(reply), lduw_be_p(cdb + 3));
}

static void request_sense(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t reply[18] = { 0x70, [7] = 10 };
    if (!d->sense_key && d->attention) {
        set_sense(d, KEY_UNIT_ATTENTION, d->attention, 0);
        d->attention = 0;
    }
    reply[2] = d->sense_key;
    reply[12] = d->asc;
    reply[13] = d->ascq;
    set_sense(d, KEY_NONE, 0, 0);
    packet_reply(d, reply, sizeof(reply), cdb[4]);
}

/* TEST UNIT READY, and what has nothing to do here. */
static void succeed(IDEDrive *d, const uint8_t *cdb)
{
    (void)cdb;
    packet_good(d);
}

enum { PAGE_ERRORS = 0x01, PAGE_CAPABILITIES = 0x2a, PAGE_ALL = 0x3f };

static size_t page_errors(uint8_t *p)
{
    p[0] = PAGE_ERRORS;
    p[1] = 6;
    p[3] = 5; /* retries */
    return 8;
}

static size_t page_capabilities(const IDEDrive *d, uint8_t *p)
{
    static const uint8_t page[] = { PAGE_CAPABILITIES, 18, 0x3b, 0, 0x70, 0x00, 0x29, 0 };
    memcpy(p, page, sizeof(page));
    p[6] |= d->locked ? 0x02 : 0;
    stw_be_p(p + 8, 8467);  /* kB/s: 48 times; now the same */
    stw_be_p(p + 12, 2048); /* KiB of buffer */
    stw_be_p(p + 14, 8467);
    return 20;
}

/* Appends the pages asked for; 0: there is no such page. Nothing can be changed, so "changeable" shows zeroes. */
static size_t mode_pages(const IDEDrive *d, uint8_t *p, uint8_t wanted, bool changeable)
{
    size_t len = 0;
    if (wanted == PAGE_ERRORS || wanted == PAGE_ALL) {
        len += page_errors(p + len);
    }
    if (wanted == PAGE_CAPABILITIES || wanted == PAGE_ALL) {
        len += page_capabilities(d, p + len);
    }
    for (size_t at = 0; changeable && at < len; at += p[at + 1] + 2u) {
        memset(p + at + 2, 0, p[at + 1]);
    }
    return len;
}

static uint8_t medium_type(const IDEDrive *d)
{
    return d->tray_open ? 0x71 : !has_medium(d) ? 0x70 : 0x01; /* door open, no disc, 120 mm data */
}

static void mode_sense(IDEDrive *d, const uint8_t *cdb, size_t header, size_t alloc)
{
    uint8_t reply[64] = { 0 }, control = cdb[2] >> 6;
    size_t len = mode_pages(d, reply + header, cdb[2] & 0x3f, control == 1);
    if (control == 3) {
        packet_check(d, KEY_ILLEGAL_REQUEST, ASC_NO_SAVED_PAGES, 0);
    } else if (len == 0) {
        invalid_field(d);
    } else {
        len += header;
        if (header == 8) {
            stw_be_p(reply, len - 2);
            reply[2] = medium_type(d);
        } else {
            reply[0] = len - 1;
            reply[1] = medium_type(d);
        }
        packet_reply(d, reply, len, alloc);
    }
}

static void mode_sense6(IDEDrive *d, const uint8_t *cdb)
{
    mode_sense(d, cdb, 4, cdb[4]);
}

static void mode_sense10(IDEDrive *d, const uint8_t *cdb)
{
    mode_sense(d, cdb, 8, lduw_be_p(cdb + 7));
}

/* The parameters are taken, and change nothing. */
static void mode_select(IDEDrive *d, size_t len)
{
    if (!len) {
        packet_good(d);
        return;
    }
    ide_new_buffer(d, len);
    d->move = d->packet_dma ? MOVE_DMA_OUT : MOVE_PIO_OUT;
    if (d->packet_dma) {
        ide_dma_advance(d);
    } else {
        ide_start_pio_block(d, true);
    }
}

static void mode_select6(IDEDrive *d, const uint8_t *cdb)
{
    mode_select(d, cdb[4]);
}

static void mode_select10(IDEDrive *d, const uint8_t *cdb)
{
    mode_select(d, lduw_be_p(cdb + 7));
}

enum { PROFILE_NONE = 0, PROFILE_CD = 0x0008, PROFILE_DVD = 0x0010 };

static uint16_t current_profile(const IDEDrive *d)
{
    return !has_medium(d) ? PROFILE_NONE : is_dvd(d) ? PROFILE_DVD : PROFILE_CD;
}

/* Features (MMC-3, section 5.2): version in bits 2-5, bit 1 persistent, bit 0 current; profile: current only with that
 * medium. */
typedef struct Feature {
    uint16_t code;
    uint8_t flags;
    uint16_t profile; /* 0: any */
    uint8_t len;
    uint8_t data[8];
} Feature;

static const Feature features[] = {
    { 0x0000, 0x03, 0, 8, { 0, PROFILE_DVD, 0, 0, 0, PROFILE_CD, 0, 0 } }, /* profile list */
    { 0x0001, 0x0b, 0, 8, { 0, 0, 0, 2, 1, 0, 0, 0 } },                    /* core: ATAPI */
    { 0x0003, 0x03, 0, 4, { 0x29, 0, 0, 0 } },                             /* tray that locks and ejects */
    { 0x0010, 0x00, 0, 8, { 0, 0, CD_SECTOR >> 8, 0, 0, 1, 0, 0 } },       /* random readable */
    { 0x001e, 0x08, PROFILE_CD, 4, { 0 } },
    { 0x001f, 0x00, PROFILE_DVD, 0, { 0 } },
};

static bool feature_is_current(const IDEDrive *d, const Feature *f)
{
    uint16_t profile = current_profile(d);
    return (f->flags & 2) || (profile && (!f->profile || f->profile == profile));
}

static size_t put_feature(const IDEDrive *d, const Feature *f, uint8_t *p)
{
    stw_be_p(p, f->code);
    p[2] = f->flags | feature_is_current(d, f);
    p[3] = f->len;
    memcpy(p + 4, f->data, f->len);
    if (f->code == 0) {
        p[6] = current_profile(d) == PROFILE_DVD;
        p[10] = current_profile(d) == PROFILE_CD;
    }
    return 4 + f->len;
}

static void get_configuration(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t reply[8 + ARRAY_SIZE(features) * 12] = { 0 }, which = cdb[1] & 3;
    uint16_t from = lduw_be_p(cdb + 2);
    size_t len = 8;
    if (which == 3) {
        invalid_field(d);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        const Feature *f = &features[i];
        if (which == 2 ? f->code == from : f->code >= from && (which == 0 || feature_is_current(d, f))) {
            len += put_feature(d, f, reply + len);
        }
    }
    stl_be_p(reply, len - 4);
    stw_be_p(reply + 6, current_profile(d));
    packet_reply(d, reply, len, lduw_be_p(cdb + 7));
}

/* ---- tray and events ---- */

static void eject(IDEDrive *d)
{
    if (d->locked) {
        packet_check(d, KEY_ILLEGAL_REQUEST, ASC_REMOVAL_PREVENTED, 2);
        return;
    }
    if (!d->tray_open) {
        d->tray_open = true;
        d->media_event = EVENT_REMOVED;
    }
    packet_good(d);
}

static void load(IDEDrive *d)
{
    if (d->tray_open) {
        d->tray_open = false;
        d->attention = has_medium(d) ? ASC_MEDIUM_CHANGED : 0;
        d->media_event = has_medium(d) ? EVENT_NEW_MEDIUM : EVENT_NONE;
    }
    packet_good(d);
}

static void start_stop_unit(IDEDrive *d, const uint8_t *cdb)
{
    bool load_eject = cdb[4] & 2, start = cdb[4] & 1, power_condition = cdb[4] >> 4;
    if (power_condition || !load_eject) {
        packet_good(d);
    } else if (start) {
        load(d);
    } else {
        eject(d);
    }
}

static void prevent_allow(IDEDrive *d, const uint8_t *cdb)
{
    d->locked = cdb[4] & 1;
    packet_good(d);
}

enum { EVENT_CLASS_MEDIA = 4, EVENT_NO_CLASS = 0x80 };

static void get_event_status(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t reply[8] = { 0, 2, EVENT_NO_CLASS, 1 << EVENT_CLASS_MEDIA };
    size_t len = 4;
    if (!(cdb[1] & 1)) {
        invalid_field(d); /* asynchronous operation is not supported */
        return;
    }
    if (cdb[4] & 1 << EVENT_CLASS_MEDIA) {
        len = 8;
        reply[1] = 6;
        reply[2] = EVENT_CLASS_MEDIA;
        reply[4] = d->media_event;
        reply[5] = (d->tray_open ? 1 : 0) | (has_medium(d) ? 2 : 0);
        d->media_event = EVENT_NONE;
    }
    packet_reply(d, reply, len, lduw_be_p(cdb + 7));
}

static void mechanism_status(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t reply[8] = { 0, d->tray_open ? 0x10 : 0, 0, 0, 0, 1 };
    packet_reply(d, reply, sizeof(reply), lduw_be_p(cdb + 8));
}

/* ---- disc, track, sub-channel, DVD structure ---- */

static void read_disc_information(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t reply[34] = { 0, 32, 0x0e, 1, 1, 1, 1, 0x20 }; /* complete, one session, one track */
    packet_reply(d, reply, sizeof(reply), lduw_be_p(cdb + 7));
}

static void read_track_information(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t reply[36] = { 0, 34, 1, 1, 0, 0x04, 0x01 }; /* track 1, session 1, data, mode 1 */
    stl_be_p(reply + 24, cd_sectors(d));
    packet_reply(d, reply, sizeof(reply), lduw_be_p(cdb + 7));
}

static void read_sub_channel(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t reply[16] = { [1] = 0x15 }; /* no audio status */
    size_t len = 4;
    if (cdb[2] & 0x40) {
        if (cdb[3] != 1) {
            invalid_field(d);
            return;
        }
        len = sizeof(reply);
        reply[4] = 1;
        reply[5] = TRACK_DATA;
        reply[6] = reply[7] = 1;
        put_address(reply + 8, 0, cdb[1] & 2);
        put_address(reply + 12, 0, cdb[1] & 2);
    }
    stw_be_p(reply + 2, len - 4);
    packet_reply(d, reply, len, lduw_be_p(cdb + 7));
}

enum { DVD_FIRST_SECTOR = 0x30000, DVD_STRUCTURE = 2048 };

static bool dvd_structure(const IDEDrive *d, uint8_t format, uint8_t *p, size_t *len)
{
    switch (format) {
    case 0x00: /* physical: DVD-ROM, 120 mm, one layer */
        p[0] = 0x01;
        p[2] = 0x01;
        stl_be_p(p + 4, DVD_FIRST_SECTOR);
        stl_be_p(p + 8, DVD_FIRST_SECTOR + cd_sectors(d) - 1);
        *len = DVD_STRUCTURE;
        return true;
    case 0x01: /* no copyright protection */
        *len = 4;
        return true;
    case 0x04: /* manufacturer */
        *len = DVD_STRUCTURE;
        return true;
    default:
        return false;
    }
}

static void read_dvd_structure(IDEDrive *d, const uint8_t *cdb)
{
    uint8_t reply[4 + DVD_STRUCTURE] = { 0 };
    size_t len = 0;
    if (!is_dvd(d)) {
        packet_check(d, KEY_ILLEGAL_REQUEST, ASC_INCOMPATIBLE_MEDIUM, 2);
    } else if (cdb[6] || !dvd_structure(d, cdb[7], reply + 4, &len)) {
        invalid_field(d);
    } else {
        stw_be_p(reply, len + 2);
        packet_reply(d, reply, len + 4, lduw_be_p(cdb + 8));
    }
}

/* ---- the table of packet commands ---- */

enum {
    PKT_MEDIUM = 0x01,    /* needs one */
    PKT_ALWAYS = 0x02,    /* even while a unit attention is pending */
    PKT_KEEP_SENSE = 0x04 /* reports the sense of the command before */
};

static const struct PacketCommand {
    uint8_t code, flags;
    void (*run)(IDEDrive *d, const uint8_t *cdb);
} packet_commands[] = {
    { 0x00, PKT_MEDIUM, succeed },
    { 0x03, PKT_ALWAYS | PKT_KEEP_SENSE, request_sense },
    { 0x12, PKT_ALWAYS, inquiry },
    { 0x15, 0, mode_select6 },
    { 0x1a, 0, mode_sense6 },
    { 0x1b, 0, start_stop_unit },
    { 0x1e, 0, prevent_allow },
    { 0x25, PKT_MEDIUM, read_capacity },
    { 0x28, PKT_MEDIUM, read10 },
    { 0x2b, PKT_MEDIUM, seek10 },
    { 0x2f, PKT_MEDIUM, seek10 }, /* VERIFY: what can be reached is good */
    { 0x35, 0, succeed },         /* SYNCHRONIZE CACHE */
    { 0x42, PKT_MEDIUM, read_sub_channel },
    { 0x43, PKT_MEDIUM, read_toc },
    { 0x46, PKT_ALWAYS, get_configuration },
    { 0x4a, PKT_ALWAYS, get_event_status },
    { 0x4e, 0, succeed }, /* STOP PLAY/SCAN */
    { 0x51, PKT_MEDIUM, read_disc_information },
    { 0x52, PKT_MEDIUM, read_track_information },
    { 0x55, 0, mode_select10 },
    { 0x5a, 0, mode_sense10 },
    { 0xa8, PKT_MEDIUM, read12 },
    { 0xad, PKT_MEDIUM, read_dvd_structure },
    { 0xb9, PKT_MEDIUM, read_cd_msf },
    { 0xbb, 0, succeed }, /* SET CD SPEED */
    { 0xbd, 0, mechanism_status },
    { 0xbe, PKT_MEDIUM, read_cd },
};

static const struct PacketCommand *find_packet_command(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(packet_commands); i++) {
        if (packet_commands[i].code == code) {
            return &packet_commands[i];
        }
    }
    return NULL;
}

static void report_attention(IDEDrive *d)
{
    uint8_t asc = d->attention;
    d->attention = 0;
    packet_check(d, KEY_UNIT_ATTENTION, asc, 0);
}

static void run_packet(IDEDrive *d)
{
    const struct PacketCommand *row = find_packet_command(d->packet[0]);
    if (!row || !(row->flags & PKT_KEEP_SENSE)) {
        set_sense(d, KEY_NONE, 0, 0);
    }
    if (d->attention && !(row && row->flags & PKT_ALWAYS)) {
        report_attention(d);
    } else if (!row) {
        packet_check(d, KEY_ILLEGAL_REQUEST, ASC_INVALID_OPCODE, 0);
    } else if (row->flags & PKT_MEDIUM && !has_medium(d)) {
        packet_check(d, KEY_NOT_READY, ASC_NO_MEDIUM, d->tray_open ? 2 : 1);
    } else {
        row->run(d, d->packet);
    }
}

/* ---- the PACKET protocol ---- */

/* Most bytes in one DRQ block: the host's limit. */
static uint32_t byte_count_limit(const IDEDrive *d)
{
    uint32_t limit = (d->now[REG_LBA_MID] | d->now[REG_LBA_HIGH] << 8) & 0xfffe;
    return limit ? limit : 0xfffe;
}

static void packet(IDEDrive *d)
{
    d->packet_dma = d->now[REG_FEATURE] & 1;
    d->raw_fields = 0;
    ide_new_buffer(d, PACKET_BYTES);
    ide_start_pio(d, MOVE_PACKET, PACKET_BYTES, false);
    d->block = byte_count_limit(d); /* of what follows */
}

static void cdrom_block_begins(IDEDrive *d)
{
    uint32_t bytes = d->block_end - d->pos;
    if (d->move == MOVE_PACKET) {
        d->now[REG_COUNT] = REASON_COMMAND;
        return;
    }
    if (d->command != CMD_PACKET) {
        return; /* IDENTIFY */
    }
    d->now[REG_COUNT] = ide_pio_in(d) ? REASON_TO_HOST : 0;
    d->now[REG_LBA_MID] = bytes;
    d->now[REG_LBA_HIGH] = bytes >> 8;
}

static void packet_arrived(IDEDrive *d)
{
    memcpy(d->packet, d->buf, PACKET_BYTES);
    ide_free_buffer(d);
    d->move = MOVE_NONE;
    run_packet(d);
}

static void cdrom_buffer_done(IDEDrive *d)
{
    if (d->move == MOVE_PACKET) {
        packet_arrived(d);
    } else if (d->command != CMD_PACKET) {
        ide_cancel(d);
        d->status = ST_READY;
    } else if (d->left) {
        ide_free_buffer(d);
        read_piece(d);
    } else {
        packet_good(d);
    }
}

/* ---- the other ATA commands of a packet device ---- */

static void packet_abort(IDEDrive *d)
{
    ide_finish(d, ST_READY | ST_ERR, ERR_ABRT);
}

static void command_done(IDEDrive *d)
{
    ide_finish(d, ST_READY, 0);
}

/* A disk's commands are refused, with registers that say what this is. */
static void not_a_disk(IDEDrive *d)
{
    ide_set_signature(d);
    packet_abort(d);
}

static void check_power_mode(IDEDrive *d)
{
    d->now[REG_COUNT] = 0xff;
    command_done(d);
}

static void set_features(IDEDrive *d)
{
    uint8_t feature = d->now[REG_FEATURE];
    bool keep_settings = feature == 0x66 || feature == 0xcc;
    if (keep_settings || (feature == 0x03 && ide_set_transfer_mode(d, d->now[REG_COUNT]))) {
        command_done(d);
    } else {
        packet_abort(d);
    }
}

static const IDECommand cdrom_commands[] = {
    { 0x00, 0, packet_abort },      /* NOP always ends so */
    { 0x08, 0, ide_set_signature }, /* DEVICE RESET */
    { 0x20, 0, not_a_disk },        /* READ SECTORS, IDENTIFY DEVICE */
    { 0xec, 0, not_a_disk },        { CMD_PACKET, 0, packet },
    { 0xa1, 0, ide_identify },      { 0xe0, 0, command_done }, /* STANDBY IMMEDIATE, IDLE IMMEDIATE */
    { 0xe1, 0, command_done },      { 0xe5, 0, check_power_mode },
    { 0xe6, 0, command_done }, /* SLEEP */
    { 0xe7, 0, command_done }, /* FLUSH CACHE */
    { 0xef, 0, set_features },      { 0 },
};

static void cdrom_power_on(IDEDrive *d)
{
    d->tray_open = d->locked = false;
    set_sense(d, KEY_NONE, 0, 0);
    d->attention = ASC_POWER_ON;
    d->media_event = has_medium(d) ? EVENT_NEW_MEDIUM : EVENT_NONE;
    ide_set_transfer_mode(d, IDE_DEFAULT_MODE);
}

static bool cdrom_post_load(IDEDrive *d, Error **errp)
{
    bool ok = (d->move != MOVE_PACKET || d->len == PACKET_BYTES) && d->sense_key <= 0xf && d->move != MOVE_VERIFY;
    if (!ok) {
        error_setg(errp, "ide-cd %d: move %u of %u bytes, sense key %#x: no such drive", d->dev.instance, d->move,
                   d->len, d->sense_key);
    }
    return ok;
}

const IDEKind ide_cdrom_kind = {
    .commands = cdrom_commands,
    .signature = { 0x14, 0xeb },
    .packet = true,
    .power_on = cdrom_power_on,
    .medium_done = cdrom_medium_done,
    .buffer_done = cdrom_buffer_done,
    .block_begins = cdrom_block_begins,
    .post_load = cdrom_post_load,
};
