/*
 * hw/ide/drive.c  Drives as devices: "-device ide-hd" and "-device ide-cd", and the board's own. Which place they take,
 * what medium they have, what they call themselves.
 */
#include "hw/core/backends.h"
#include "hw/core/boot-order.h"
#include "hw/ide/ide-internal.h"

#define UNIT_ANY      UINT32_MAX
#define HEADS         16
#define TRACK_SECTORS 63
#define MAX_CYLINDERS 16383 /* what ATA lets a drive report; larger ones are reached by LBA */

/* ---- a place ---- */

static int first_free_unit(const IDEChannel *ch)
{
    int unit = 0;
    while (unit < IDE_CHANNEL_DRIVES && ch->drives[unit]) {
        unit++;
    }
    return unit;
}

/* Without bus=: the first channel with room. */
static IDEChannel *choose_channel(const IDEDrive *d, Error **errp)
{
    for (int i = 0; i < IDE_CHANNELS; i++) {
        IDEChannel *ch = ide_find_channel(i);
        char name[] = { 'i', 'd', 'e', '.', '0' + i, '\0' };
        bool wanted = d->prop_bus ? g_str_equal(d->prop_bus, name) : ch && first_free_unit(ch) < IDE_CHANNEL_DRIVES;
        if (ch && wanted) {
            return ch;
        }
    }
    if (d->prop_bus) {
        error_setg(errp, "Bus '%s' not found", d->prop_bus);
    } else {
        error_setg(errp, "No free 'IDE' bus found for device '%s'", d->dev.type->name);
    }
    return NULL;
}

static bool choose_unit(IDEDrive *d, const IDEChannel *ch, Error **errp)
{
    uint32_t unit = d->prop_unit == UNIT_ANY ? (uint32_t)first_free_unit(ch) : d->prop_unit;
    if (unit >= IDE_CHANNEL_DRIVES) {
        error_setg(errp, "Can't create IDE unit %u, bus supports only %d units", unit, IDE_CHANNEL_DRIVES);
        return false;
    }
    if (ch->drives[unit]) {
        error_setg(errp, "IDE unit %u is in use", unit);
        return false;
    }
    d->unit = unit;
    return true;
}

/* ---- a medium ---- */

static bool find_medium(IDEDrive *d, int channel, Error **errp)
{
    if (!d->blk && d->kind->packet) {
        char *name = g_strdup_printf("ide%d-cd%d", channel, d->unit);
        d->blk = blk_new_empty(name);
        g_free(name);
    } else if (!d->blk) {
        error_setg(errp, "No drive specified");
    }
    return d->blk != NULL;
}

static bool check_medium(const IDEDrive *d, Error **errp)
{
    if (d->kind->packet) {
        return true;
    }
    if (!blk_is_inserted(d->blk)) {
        error_setg(errp, "Device needs media, but drive is empty");
        return false;
    }
    if (blk_is_read_only(d->blk)) {
        error_setg(errp, "Block node is read-only");
        return false;
    }
    return true;
}

static void set_geometry(IDEDrive *d)
{
    d->sectors = blk_length(d->blk) / ATA_SECTOR;
    uint64_t cylinders = d->sectors / (HEADS * TRACK_SECTORS);
    d->cylinders = CLAMP(cylinders, 2, MAX_CYLINDERS);
    d->heads = HEADS;
    d->track_sectors = TRACK_SECTORS;
}

static void set_default(char **property, const char *value)
{
    if (!*property) {
        *property = g_strdup(value);
    }
}

static void set_names(IDEDrive *d, int channel)
{
    char *serial = g_strdup_printf("QM%05d", channel * IDE_CHANNEL_DRIVES + d->unit + 1);
    set_default(&d->prop_serial, blk_serial(d->blk) ? blk_serial(d->blk) : serial);
    set_default(&d->prop_model, d->kind->packet ? "QEMU DVD-ROM" : "QEMU HARDDISK");
    set_default(&d->prop_version, "2.5+");
    g_free(serial);
}

/* ---- the device ---- */

static bool add_to_boot_order(const IDEDrive *d, int channel, Error **errp)
{
    char *path = g_strdup_printf("/pci@i0cf8/ide@1,1/drive@%d/disk@%d", channel, d->unit);
    bool ok = boot_order_add(d->prop_bootindex, path, errp);
    g_free(path);
    return ok;
}

static bool drive_realize(Device *dev, Error **errp)
{
    IDEDrive *d = (IDEDrive *)dev;
    d->kind = dev->type == &ide_cd_type ? &ide_cdrom_kind : &ide_disk_kind;
    IDEChannel *ch = choose_channel(d, errp);
    if (!ch || !choose_unit(d, ch, errp) || !find_medium(d, ch->number, errp) || !check_medium(d, errp) ||
        !add_to_boot_order(d, ch->number, errp)) {
        return false;
    }
    set_geometry(d);
    set_names(d, ch->number);
    d->channel = ch;
    ch->drives[d->unit] = d;
    return true;
}

static void drive_reset(Device *dev)
{
    ide_drive_reset((IDEDrive *)dev, true);
    ide_update_irq(((IDEDrive *)dev)->channel);
}

bool ide_create_drive(int channel, int unit, BlockBackend *blk, bool cdrom, Error **errp)
{
    IDEDrive *d = (IDEDrive *)device_new(cdrom ? &ide_cd_type : &ide_hd_type);
    d->prop_bus = g_strdup_printf("ide.%d", channel);
    d->prop_unit = unit;
    d->blk = blk;
    return device_realize(&d->dev, errp);
}

bool ide_disk_geometry(int channel, int unit, uint16_t *cylinders, uint8_t *heads, uint8_t *sectors)
{
    const IDEChannel *ch = ide_find_channel(channel);
    const IDEDrive *d = ch ? ch->drives[unit] : NULL;
    if (!d || d->kind->packet) {
        return false;
    }
    *cylinders = d->cylinders;
    *heads = d->heads;
    *sectors = d->track_sectors;
    return true;
}

static const DeviceProperty drive_properties[] = {
    DEFINE_PROP_STRING("bus", IDEDrive, prop_bus),
    DEFINE_PROP_UINT32("unit", IDEDrive, prop_unit, UNIT_ANY),
    DEFINE_PROP_DRIVE(IDEDrive, blk),
    DEFINE_PROP_STRING("serial", IDEDrive, prop_serial),
    DEFINE_PROP_STRING("model", IDEDrive, prop_model),
    DEFINE_PROP_STRING("ver", IDEDrive, prop_version),
    DEFINE_PROP_UINT32("bootindex", IDEDrive, prop_bootindex, BOOT_ORDER_NONE),
    { .name = NULL },
};

const DeviceType ide_device_type = {
    .name = "ide-device",
    .size = sizeof(IDEDrive),
    .properties = drive_properties,
};

#define IDE_DRIVE_TYPE(type_name, text)                                                                     \
    {                                                                                                       \
        .name = type_name, .description = text, .size = sizeof(IDEDrive), .vmsd = &vmstate_ide_drive,       \
        .realize = drive_realize, .reset = drive_reset, .user_creatable = true, .parent = &ide_device_type, \
    }
const DeviceType ide_hd_type = IDE_DRIVE_TYPE("ide-hd", "virtual IDE disk");
const DeviceType ide_cd_type = IDE_DRIVE_TYPE("ide-cd", "virtual IDE CD-ROM");
