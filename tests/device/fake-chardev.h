/* tests/device/fake-chardev.h  Two character devices, "port" and "console": a test speaks by their front ends, and what
 * is written is kept. Include once per program. */
#ifndef TESTS_FAKE_CHARDEV_H
#define TESTS_FAKE_CHARDEV_H

#include "chardev/char.h"
#include "hw/core/device.h"

static ChrFrontend port_fe, console_fe;
static GString *said;
static int accepts; /* how often the front end said that it has room */

Chardev *qemu_chr_find(const char *id)
{
    return g_str_equal(id, "port") ? (Chardev *)&port_fe : g_str_equal(id, "console") ? (Chardev *)&console_fe : NULL;
}
Chardev *qemu_chr_null_new(const char *label)
{
    g_assert_not_reached();
}
bool qemu_chr_attach(Chardev *chr, const ChrFrontend *fe, Error **errp)
{
    *(ChrFrontend *)chr = *fe;
    return true;
}
void qemu_chr_accept_input(Chardev *chr)
{
    accepts++;
}
void qemu_chr_write(Chardev *chr, const void *buf, size_t len)
{
    g_string_append_len(said, buf, len);
}

/* A virtconsole (or virtserialport) on the chardev of that name. */
static Device *create_port(const DeviceType *type, const char *chardev, const char *name)
{
    Device *dev = device_new(type);
    device_set_property(dev, "chardev", chardev, &error_fatal);
    if (name) {
        device_set_property(dev, "name", name, &error_fatal);
    }
    device_realize(dev, &error_fatal);
    return dev;
}

#endif
