/*
 * hw/i386/linuxboot.c  -kernel, -initrd, -append: Linux's x86 boot protocol 2.02 and later
 * (Documentation/x86/boot.rst).
 *
 * The pieces go into fw_cfg items with the addresses where they belong; firmware boots the option ROM
 * pc-bios/linuxboot.S, which copies them there and enters the setup code. UEFI firmware reads the same items itself.
 * Other kernels go to hw/i386/multiboot.c. Left out: protocols before 2.02, EFI handover, setup_data.
 */
#include "hw/i386/boot-rom.h"
#include "hw/i386/multiboot.h"

#define CMDLINE_ADDRESS   0x20000u
#define CMDLINE_MAX       0xffffu
#define SETUP_MAX_SECTORS 64
#define LOADER_TYPE       0xb0 /* assigned to QEMU; guests know it */

/* Offsets in the setup header. */
enum {
    HDR_SETUP_SECTS = 0x1f1,
    HDR_VID_MODE = 0x1fa,
    HDR_BOOT_FLAG = 0x1fe,
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_TYPE_OF_LOADER = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_RAMDISK_IMAGE = 0x218,
    HDR_RAMDISK_SIZE = 0x21c,
    HDR_HEAP_END_PTR = 0x224,
    HDR_CMD_LINE_PTR = 0x228,
    HDR_INITRD_ADDR_MAX = 0x22c,
    HDR_CMDLINE_SIZE = 0x238,
    HDR_LEN = 0x260
};
#define HDR_MAGIC_VALUE 0x53726448u /* "HdrS" */
#define LOADED_HIGH     0x01
#define CAN_USE_HEAP    0x80
#define INITRD_MAX_OLD  0x37ffffffu /* before 2.03 */
#define CMDLINE_MAX_OLD 255u        /* before 2.06 */

typedef struct LinuxImage {
    uint8_t *file; /* setup code, then the protected-mode kernel */
    gsize file_len;
    uint32_t setup_len;
    uint16_t version;
    uint32_t setup_addr, cmdline_addr, kernel_addr, initrd_addr;
    uint8_t *initrd;
    gsize initrd_len;
} LinuxImage;

static bool is_linux(const LinuxImage *k)
{
    const uint8_t *h = k->file;
    return k->file_len >= HDR_LEN && lduw_le_p(h + HDR_BOOT_FLAG) == 0xaa55 &&
           ldl_le_p(h + HDR_MAGIC) == HDR_MAGIC_VALUE;
}

static bool check_kernel(LinuxImage *k, const char *path, Error **errp)
{
    const uint8_t *h = k->file;
    if (!is_linux(k)) {
        error_setg(errp, "kernel file '%s' is not a Linux bzImage", path);
        return false;
    }
    unsigned sectors = h[HDR_SETUP_SECTS] ? h[HDR_SETUP_SECTS] : 4;
    k->version = lduw_le_p(h + HDR_VERSION);
    k->setup_len = (sectors + 1) * 512;
    if (k->version < 0x202) {
        error_setg(errp, "kernel file '%s' has boot protocol %d.%02d: 2.02 or later is needed", path, k->version >> 8,
                   k->version & 0xff);
        return false;
    }
    if (sectors > SETUP_MAX_SECTORS || k->file_len <= k->setup_len) {
        error_setg(errp, "kernel file '%s' is cut short or broken: %u setup sectors, %" G_GSIZE_FORMAT " bytes", path,
                   sectors, k->file_len);
        return false;
    }
    return true;
}

static bool check_cmdline(const LinuxImage *k, const char *cmdline, Error **errp)
{
    uint32_t max = k->version >= 0x206 ? ldl_le_p(k->file + HDR_CMDLINE_SIZE) : CMDLINE_MAX_OLD;
    size_t len = strlen(cmdline);
    if (len > MIN(max, CMDLINE_MAX)) {
        error_setg(errp, "-append: %zu characters; this kernel takes at most %u", len, MIN(max, CMDLINE_MAX));
        return false;
    }
    return true;
}

/* A zImage (not LOADED_HIGH) runs at 64 KiB, with its setup code at 90000h; a bzImage at 1 MiB. */
static void choose_addresses(LinuxImage *k, size_t cmdline_len)
{
    if (k->file[HDR_LOADFLAGS] & LOADED_HIGH) {
        k->setup_addr = 0x10000;
        k->cmdline_addr = CMDLINE_ADDRESS;
        k->kernel_addr = 0x100000;
    } else {
        k->setup_addr = 0x90000;
        k->cmdline_addr = (0x9a000 - cmdline_len) & ~0xfu;
        k->kernel_addr = 0x10000;
    }
}

/* As high as kernel and RAM allow, below what firmware keeps for itself; whole pages. */
static bool place_initrd(LinuxImage *k, const char *path, uint64_t ram_below_4g, Error **errp)
{
    uint64_t limit =
        k->version >= 0x203 ? (uint64_t)ldl_le_p(k->file + HDR_INITRD_ADDR_MAX) + 1 : INITRD_MAX_OLD + 1ull;
    uint64_t ram_end = ram_below_4g > BOOT_FIRMWARE_TABLES ? ram_below_4g - BOOT_FIRMWARE_TABLES : 0;
    uint64_t kernel_end = k->kernel_addr + (k->file_len - k->setup_len);
    limit = MIN(limit, ram_end);
    if (k->initrd_len > limit || ((limit - k->initrd_len) & PAGE_MASK) < kernel_end) {
        error_setg(
            errp, "initrd '%s' is too large: %" G_GSIZE_FORMAT " bytes do not fit below %#" PRIx64 " beside the kernel",
            path, k->initrd_len, limit);
        return false;
    }
    k->initrd_addr = (limit - k->initrd_len) & PAGE_MASK;
    return true;
}

/* vga= on the command line is for the boot loader: normal, extended, ask, or a mode number. */
static bool vga_mode(const char *cmdline, uint16_t *mode)
{
    const char *arg = g_str_has_prefix(cmdline, "vga=") ? cmdline : strstr(cmdline, " vga=");
    if (!arg) {
        return false;
    }
    arg = strchr(arg, '=') + 1;
    if (g_str_has_prefix(arg, "normal")) {
        *mode = 0xffff;
    } else if (g_str_has_prefix(arg, "ext")) {
        *mode = 0xfffe;
    } else if (g_str_has_prefix(arg, "ask")) {
        *mode = 0xfffd;
    } else {
        *mode = strtoul(arg, NULL, 0);
    }
    return true;
}

static void fill_header(LinuxImage *k, const char *cmdline)
{
    uint8_t *h = k->file;
    uint16_t mode;
    h[HDR_TYPE_OF_LOADER] = LOADER_TYPE;
    h[HDR_LOADFLAGS] |= CAN_USE_HEAP;
    stw_le_p(h + HDR_HEAP_END_PTR, MIN(k->cmdline_addr - k->setup_addr, 0x10000) - 0x200);
    stl_le_p(h + HDR_CMD_LINE_PTR, k->cmdline_addr);
    stl_le_p(h + HDR_RAMDISK_IMAGE, k->initrd_addr);
    stl_le_p(h + HDR_RAMDISK_SIZE, k->initrd_len);
    if (vga_mode(cmdline, &mode)) {
        stw_le_p(h + HDR_VID_MODE, mode);
    }
}

static void add_piece(Device *fw_cfg, uint16_t addr_key, uint32_t addr, uint16_t size_key, uint16_t data_key,
                      const void *data, uint32_t len)
{
    fw_cfg_add_i32(fw_cfg, addr_key, addr);
    fw_cfg_add_i32(fw_cfg, size_key, len);
    fw_cfg_add_bytes(fw_cfg, data_key, data, len);
}

static void add_pieces(const LinuxImage *k, const char *cmdline, Device *fw_cfg)
{
    add_piece(fw_cfg, FW_CFG_SETUP_ADDR, k->setup_addr, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA, k->file, k->setup_len);
    add_piece(fw_cfg, FW_CFG_KERNEL_ADDR, k->kernel_addr, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA,
              k->file + k->setup_len, k->file_len - k->setup_len);
    add_piece(fw_cfg, FW_CFG_CMDLINE_ADDR, k->cmdline_addr, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, cmdline,
              strlen(cmdline) + 1);
    if (k->initrd_len) {
        add_piece(fw_cfg, FW_CFG_INITRD_ADDR, k->initrd_addr, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, k->initrd,
                  k->initrd_len);
    }
}

/* ---- putting it together ---- */

extern const uint8_t linuxboot_rom[], linuxboot_rom_end[]; /* pc-bios/linuxboot.S */

static bool load_image(LinuxImage *k, const PCConfig *config, const char *cmdline, uint64_t ram_below_4g, Error **errp)
{
    if (!check_kernel(k, config->kernel, errp) || !check_cmdline(k, cmdline, errp)) {
        return false;
    }
    choose_addresses(k, strlen(cmdline) + 1);
    if (k->kernel_addr + (k->file_len - k->setup_len) > ram_below_4g) {
        error_setg(errp, "kernel file '%s' does not fit into %" PRIu64 " bytes of RAM", config->kernel, ram_below_4g);
        return false;
    }
    if (!config->initrd) {
        return true;
    }
    return boot_read_file("initrd", "initrd", config->initrd, &k->initrd, &k->initrd_len, errp) &&
           place_initrd(k, config->initrd, ram_below_4g, errp);
}

static bool load_linux(LinuxImage *k, const PCConfig *config, uint64_t ram_below_4g, Device *fw_cfg, Error **errp)
{
    const char *cmdline = config->append ? config->append : "";
    if (!load_image(k, config, cmdline, ram_below_4g, errp)) {
        return false;
    }
    fill_header(k, cmdline);
    add_pieces(k, cmdline, fw_cfg);
    boot_add_option_rom(fw_cfg, linuxboot_rom, linuxboot_rom_end);
    return true;
}

/* A kernel that has both headers is Linux. */
bool linuxboot_load(const PCConfig *config, uint64_t ram_below_4g, Device *fw_cfg, Error **errp)
{
    LinuxImage k = { 0 };
    bool ok = boot_read_file("kernel file", "kernel", config->kernel, &k.file, &k.file_len, errp);
    if (ok && !is_linux(&k) && multiboot_detect(k.file, k.file_len)) {
        ok = multiboot_load(config, k.file, k.file_len, ram_below_4g, fw_cfg, errp);
    } else if (ok) {
        ok = load_linux(&k, config, ram_below_4g, fw_cfg, errp);
    }
    g_free(k.file);
    g_free(k.initrd);
    return ok;
}
