/* hw/nvram/fw_cfg.h  QEMU's firmware configuration device (docs: qemu.org specs/fw_cfg): ports 0x510, 0x511, DMA at
 * 0x514. */
#ifndef HW_NVRAM_FW_CFG_H
#define HW_NVRAM_FW_CFG_H

#include "hw/core/device.h"

enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_MACHINE_ID = 0x06,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_KERNEL_CMDLINE = 0x09,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ARCH_LOCAL = 0x8000
};

extern const DeviceType fw_cfg_type;
/* Contents are copied. */
void fw_cfg_add_bytes(Device *fw, uint16_t key, const void *data, size_t len);
void fw_cfg_add_i16(Device *fw, uint16_t key, uint16_t value);
void fw_cfg_add_i32(Device *fw, uint16_t key, uint32_t value);
void fw_cfg_add_i64(Device *fw, uint16_t key, uint64_t value);
/* Named file; firmware finds them in the order of addition. */
void fw_cfg_add_file(Device *fw, const char *name, const void *data, size_t len);
/* A file whose contents depend on the machine: update() may change them (not their length) whenever firmware selects
 * it. */
typedef void FWCfgUpdate(void *opaque, uint8_t *data, size_t len);
void fw_cfg_add_file_callback(Device *fw, const char *name, const void *data, size_t len, FWCfgUpdate *update,
                              void *opaque);

#endif
