/*
 * hw/block/floppy.c  A floppy drive: where its heads are, what medium it has. The medium's format follows from the
 * image's size, and the kind of drive from the format; an empty drive is a 2.88 MB one, which takes them all.
 */
#include "floppy-internal.h"
#include "hw/core/backends.h"
#include "hw/core/boot-order.h"

/* Cylinders, heads, sectors, data rate, drive; in order of size. */
static const FloppyFormat formats[] = {
    { 40, 1, 8, RATE_250K, 1 },  /* 160 KB */
    { 40, 1, 9, RATE_250K, 1 },  /* 180 KB */
    { 40, 2, 8, RATE_250K, 1 },  /* 320 KB */
    { 40, 2, 9, RATE_250K, 1 },  /* 360 KB */
    { 80, 2, 9, RATE_250K, 3 },  /* 720 KB */
    { 80, 2, 15, RATE_500K, 2 }, /* 1.2 MB */
    { 80, 2, 18, RATE_500K, 4 }, /* 1.44 MB */
    { 82, 2, 18, RATE_500K, 4 }, { 80, 2, 20, RATE_500K, 4 }, { 80, 2, 21, RATE_500K, 4 },
    { 82, 2, 21, RATE_500K, 4 }, { 83, 2, 21, RATE_500K, 4 }, { 80, 2, 36, RATE_1M, 5 }, /* 2.88 MB */
};
_Static_assert(FLOPPY_MAX_TRACK >= 82, "every cylinder can be reached");

static FloppyDrive *drives[FLOPPY_DRIVES];

FloppyDrive *floppy_drive(unsigned unit)
{
    return unit < FLOPPY_DRIVES ? drives[unit] : NULL;
}

uint8_t floppy_cmos_type(int unit)
{
    return drives[unit] ? drives[unit]->format->cmos_type : 0;
}

static int64_t format_size(const FloppyFormat *f)
{
    return (int64_t)f->cylinders * f->heads * f->sectors * FLOPPY_SECTOR;
}

/* The smallest format that holds the image, the largest when none does. */
static const FloppyFormat *choose_format(BlockBackend *blk)
{
    const FloppyFormat *f = formats, *last = &formats[ARRAY_SIZE(formats) - 1];
    while (f < last && (!blk_is_inserted(blk) || format_size(f) < blk_length(blk))) {
        f++;
    }
    return f;
}

int64_t floppy_offset(const FloppyDrive *drive, uint8_t cylinder, uint8_t head, uint8_t sector)
{
    const FloppyFormat *f = drive->format;
    return (((int64_t)cylinder * f->heads + head) * f->sectors + sector - 1) * FLOPPY_SECTOR;
}

void floppy_step_to(FloppyDrive *drive, int track)
{
    uint8_t reached = CLAMP(track, 0, FLOPPY_MAX_TRACK);
    if (reached != drive->track && blk_is_inserted(drive->blk)) {
        drive->medium_changed = false;
    }
    drive->track = reached;
}

/* ---- the device ---- */

static bool choose_unit(FloppyDrive *drive, Error **errp)
{
    uint32_t unit = drive->unit;
    if (unit == UINT32_MAX) {
        unit = drives[0] ? drives[1] ? 2 : 1 : 0;
    }
    if (unit >= FLOPPY_DRIVES) {
        error_setg(errp, "Can't create floppy unit %u, bus supports only %d units", unit, FLOPPY_DRIVES);
        return false;
    }
    if (drives[unit]) {
        error_setg(errp, "Floppy unit %u is in use", unit);
        return false;
    }
    drive->unit = unit;
    return true;
}

static bool floppy_realize(Device *dev, Error **errp)
{
    FloppyDrive *drive = (FloppyDrive *)dev;
    if (!choose_unit(drive, errp)) {
        return false;
    }
    char *name = g_strdup_printf("floppy%u", drive->unit);
    drive->blk = drive->blk ? drive->blk : blk_new_empty(name);
    g_free(name);
    drive->format = choose_format(drive->blk);
    char *path = g_strdup_printf("/pci@i0cf8/isa@1/fdc@03f0/floppy@%u", drive->unit);
    bool ok = boot_order_add(drive->prop_bootindex, path, errp);
    g_free(path);
    if (ok) {
        drives[drive->unit] = drive;
    }
    return ok;
}

static void floppy_reset(Device *dev)
{
    FloppyDrive *drive = (FloppyDrive *)dev;
    drive->track = 0;
    drive->medium_changed = true;
}

bool floppy_create(int unit, BlockBackend *blk, Error **errp)
{
    FloppyDrive *drive = (FloppyDrive *)device_new(&floppy_type);
    drive->unit = unit;
    drive->blk = blk;
    return device_realize(&drive->dev, errp);
}

static bool floppy_post_load(void *opaque, Error **errp)
{
    const FloppyDrive *drive = opaque;
    if (drive->track > FLOPPY_MAX_TRACK) {
        error_setg(errp, "floppy %u: heads on track %u", drive->unit, drive->track);
        return false;
    }
    return true;
}

static const VMStateField floppy_fields[] = {
    VMSTATE_DERIVED(FloppyDrive, dev),         VMSTATE_DERIVED(FloppyDrive, blk),
    VMSTATE_DERIVED(FloppyDrive, unit),        VMSTATE_DERIVED(FloppyDrive, prop_bootindex),
    VMSTATE_DERIVED(FloppyDrive, format),      VMSTATE_INT(FloppyDrive, track),
    VMSTATE_BOOL(FloppyDrive, medium_changed), VMSTATE_END,
};
static const VMStateDescription vmstate_floppy = {
    .name = "floppy", .version = 1, .post_load = floppy_post_load, .fields = floppy_fields
};

static const DeviceProperty floppy_properties[] = {
    DEFINE_PROP_UINT32("unit", FloppyDrive, unit, UINT32_MAX),
    DEFINE_PROP_DRIVE(FloppyDrive, blk),
    DEFINE_PROP_UINT32("bootindex", FloppyDrive, prop_bootindex, BOOT_ORDER_NONE),
    { .name = NULL },
};

const DeviceType floppy_type = {
    .name = "floppy",
    .description = "virtual floppy drive",
    .size = sizeof(FloppyDrive),
    .vmsd = &vmstate_floppy,
    .properties = floppy_properties,
    .realize = floppy_realize,
    .reset = floppy_reset,
    .user_creatable = true,
};
