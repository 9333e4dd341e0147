/* hw/core/backends.h  Properties of devices that name a back end of the host: a drive, a character device. */
#ifndef HW_CORE_BACKENDS_H
#define HW_CORE_BACKENDS_H

#include "block/block.h"
#include "chardev/char.h"
#include "hw/core/device.h"

/* A drive or node by its id, taken for the device. */
static inline bool parse_drive_property(void *field, const char *device, const char *text, Error **errp)
{
    BlockBackend *blk = blk_claim(text, device, errp);
    *(BlockBackend **)field = blk;
    return blk != NULL;
}

static inline const char *show_drive_property(const void *field)
{
    const BlockBackend *blk = *(BlockBackend *const *)field;
    return blk ? blk_name(blk) : NULL;
}

/* A -chardev by its id; realize attaches to it. */
static inline bool parse_chardev_property(void *field, const char *device, const char *text, Error **errp)
{
    Chardev *chr = qemu_chr_find(text);
    *(Chardev **)field = chr;
    if (!chr) {
        error_setg(errp, "Property '%s.chardev' can't find value '%s'", device, text);
    }
    return chr != NULL;
}

/* BlockBackend *, Chardev *; NULL when not given. */
#define DEFINE_PROP_DRIVE(type, m)                                                                        \
    {                                                                                                     \
        .name = "drive", .kind = PROP_PARSED, .offset = offsetof(type, m), .parse = parse_drive_property, \
        .show = show_drive_property                                                                       \
    }
#define DEFINE_PROP_CHARDEV(type, m) DEFINE_PROP_PARSED("chardev", type, m, parse_chardev_property)

#endif
