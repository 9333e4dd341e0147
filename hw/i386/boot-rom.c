/*
 * hw/i386/boot-rom.c  The option ROM that boots -kernel (PnP BIOS Specification 1.0a, section 3), and the user's files.
 */
#include "hw/i386/boot-rom.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "replay/replay.h"

#define ROM_FILE       "genroms/linuxboot.bin" /* hw/i386/pc.c puts it first in the boot order */
#define ROM_PNP_OFFSET 0x1a
#define PNP_LEN        32
#define PNP_CHECKSUM   9

bool boot_read_file(const char *what, const char *role, const char *path, uint8_t **data, gsize *len, Error **errp)
{
    GError *gerror = NULL;
    FILE *f = g_fopen(path, "rb");
    if (!f) {
        error_setg(errp, "could not open %s '%s': %s", what, path, g_strerror(errno));
        return false;
    }
    fclose(f);
    if (!g_file_get_contents(path, (char **)data, len, &gerror)) {
        error_setg(errp, "could not read %s '%s': %s", what, path, gerror->message);
        g_error_free(gerror);
        return false;
    }
    return replay_add_input(role, path, errp);
}

static uint8_t checksum(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;
    while (len--) {
        sum -= *p++;
    }
    return sum;
}

void boot_add_option_rom(Device *fw_cfg, const uint8_t *start, const uint8_t *end)
{
    size_t len = end - start;
    size_t size = (len + 1 + 511) & ~(size_t)511; /* the last byte is the ROM's checksum */
    uint8_t *rom = g_malloc0(size);
    memcpy(rom, start, len);
    rom[2] = size / 512;
    uint8_t *pnp = rom + lduw_le_p(rom + ROM_PNP_OFFSET);
    pnp[PNP_CHECKSUM] = checksum(pnp, PNP_LEN);
    rom[size - 1] = checksum(rom, size);
    fw_cfg_add_file(fw_cfg, ROM_FILE, rom, size);
    g_free(rom);
}
