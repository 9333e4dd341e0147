/*
 * hw/nvram/fw_cfg.c  Firmware configuration device, as specified in docs/specs/fw_cfg of qemu.org: a set of read-only
 * items that firmware selects (port 510h) and reads as a stream (port 511h) or by DMA (514h, big-endian).
 * Left out: items that the guest may write; a DMA write reports the error bit.
 */
#include "hw/nvram/fw_cfg.h"

#include "exec/memory.h"

#define FW_CFG_MAX_FILES   64
#define FW_CFG_NAME_LEN    56
#define FW_CFG_VERSION     0x01
#define FW_CFG_VERSION_DMA 0x02
#define FW_CFG_KEY_COUNT   (FW_CFG_FILE_FIRST + FW_CFG_MAX_FILES)
#define KEY_MASK           0x3fff /* bit 14 once meant "write" and is ignored; bit 15 is ARCH_LOCAL */

#define DMA_ERROR     0x01u
#define DMA_READ      0x02u
#define DMA_SKIP      0x04u
#define DMA_SELECT    0x08u
#define DMA_WRITE     0x10u
#define DMA_SIGNATURE 0x51454d5520434647ULL /* "QEMU CFG" */

typedef struct FWCfgItem {
    uint8_t *data;
    uint32_t len;
    FWCfgUpdate *update; /* NULL: constant */
    void *update_opaque;
} FWCfgItem;

/* Format of one directory entry, and of the DMA command; all big-endian. */
typedef struct FWCfgFile {
    uint32_t size;
    uint16_t select, reserved;
    char name[FW_CFG_NAME_LEN];
} FWCfgFile;

typedef struct FWCfgDmaCommand {
    uint32_t control, length;
    uint64_t address;
} FWCfgDmaCommand;

typedef struct FWCfgState {
    Device dev;
    uint16_t key;
    uint32_t offset; /* of the next byte in the selected item */
    uint64_t dma_address;
    FWCfgItem items[2][FW_CFG_KEY_COUNT]; /* [1]: ARCH_LOCAL */
    FWCfgFile files[FW_CFG_MAX_FILES];
    uint32_t nb_files;
    MemoryRegion io, dma_io;
} FWCfgState;

/* ---- contents, set up by the board ---- */

static FWCfgItem *find_item(FWCfgState *s, uint16_t key)
{
    unsigned n = key & KEY_MASK;
    return n < FW_CFG_KEY_COUNT ? &s->items[key >> 15][n] : NULL;
}

void fw_cfg_add_bytes(Device *fw, uint16_t key, const void *data, size_t len)
{
    FWCfgItem *item = find_item((FWCfgState *)fw, key);
    lockstep_assert(item && len <= UINT32_MAX, "fw_cfg key %#x, %zu bytes", key, len);
    g_free(item->data);
    item->data = g_memdup2(data, len);
    item->len = len;
}

void fw_cfg_add_i16(Device *fw, uint16_t key, uint16_t value)
{
    uint8_t bytes[2];
    stw_le_p(bytes, value);
    fw_cfg_add_bytes(fw, key, bytes, sizeof(bytes));
}

void fw_cfg_add_i32(Device *fw, uint16_t key, uint32_t value)
{
    uint8_t bytes[4];
    stl_le_p(bytes, value);
    fw_cfg_add_bytes(fw, key, bytes, sizeof(bytes));
}

void fw_cfg_add_i64(Device *fw, uint16_t key, uint64_t value)
{
    uint8_t bytes[8];
    stq_le_p(bytes, value);
    fw_cfg_add_bytes(fw, key, bytes, sizeof(bytes));
}

static void write_directory(FWCfgState *s)
{
    GByteArray *dir = g_byte_array_new();
    append_be(dir, s->nb_files, 4);
    g_byte_array_append(dir, (const uint8_t *)s->files, s->nb_files * sizeof(s->files[0]));
    fw_cfg_add_bytes(&s->dev, FW_CFG_FILE_DIR, dir->data, dir->len);
    g_byte_array_free(dir, true);
}

void fw_cfg_add_file(Device *fw, const char *name, const void *data, size_t len)
{
    FWCfgState *s = (FWCfgState *)fw;
    lockstep_assert(s->nb_files < FW_CFG_MAX_FILES && strlen(name) < FW_CFG_NAME_LEN, "fw_cfg file %s", name);
    FWCfgFile *file = &s->files[s->nb_files];
    uint16_t key = FW_CFG_FILE_FIRST + s->nb_files++;
    file->size = GUINT32_TO_BE(len);
    file->select = GUINT16_TO_BE(key);
    g_strlcpy(file->name, name, sizeof(file->name));
    fw_cfg_add_bytes(fw, key, data, len);
    write_directory(s);
}

void fw_cfg_add_file_callback(Device *fw, const char *name, const void *data, size_t len, FWCfgUpdate *update,
                              void *opaque)
{
    FWCfgState *s = (FWCfgState *)fw;
    FWCfgItem *item = &s->items[0][FW_CFG_FILE_FIRST + s->nb_files];
    fw_cfg_add_file(fw, name, data, len);
    item->update = update;
    item->update_opaque = opaque;
}

/* ---- the stream ---- */

static void select_item(FWCfgState *s, uint16_t key)
{
    FWCfgItem *item = find_item(s, key);
    s->key = key;
    s->offset = 0;
    if (item && item->update) {
        item->update(item->update_opaque, item->data, item->len);
    }
}

/* Bytes left in the selected item; past its end everything reads as zero. */
static uint32_t bytes_left(FWCfgState *s, const uint8_t **data)
{
    const FWCfgItem *item = find_item(s, s->key);
    if (!item || s->offset >= item->len) {
        return 0;
    }
    *data = item->data + s->offset;
    return item->len - s->offset;
}

static uint8_t next_byte(FWCfgState *s)
{
    const uint8_t *data;
    if (bytes_left(s, &data) == 0) {
        return 0;
    }
    s->offset++;
    return *data;
}

/* Port 510h, 16 bits: selector. Port 511h, 8 bits: data. */
static uint64_t fw_cfg_read(void *opaque, hwaddr addr, unsigned size)
{
    return addr == 1 && size == 1 ? next_byte(opaque) : ~0ULL;
}

static void fw_cfg_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    if (addr == 0 && size == 2) {
        select_item(opaque, value);
    }
}

static const MemoryRegionOps fw_cfg_ops = {
    .read = fw_cfg_read, .write = fw_cfg_write, .min_access = 1, .max_access = 2
};

/* ---- DMA ---- */

static void write_zeros(hwaddr addr, uint64_t len)
{
    static const uint8_t zeros[64 * 1024];
    while (len > 0) {
        uint64_t piece = MIN(len, sizeof(zeros));
        cpu_physical_memory_write(addr, zeros, piece);
        addr += piece;
        len -= piece;
    }
}

static void dma_read(FWCfgState *s, hwaddr addr, uint32_t len)
{
    const uint8_t *data;
    uint32_t have = MIN(len, bytes_left(s, &data));
    if (have > 0) {
        cpu_physical_memory_write(addr, data, have);
        s->offset += have;
    }
    write_zeros(addr + have, len - have);
}

static void dma_skip(FWCfgState *s, uint32_t len)
{
    const uint8_t *data;
    s->offset += MIN(len, bytes_left(s, &data));
}

static void dma_run(FWCfgState *s, hwaddr command_addr)
{
    FWCfgDmaCommand command;
    cpu_physical_memory_read(command_addr, &command, sizeof(command));
    uint32_t control = GUINT32_FROM_BE(command.control), length = GUINT32_FROM_BE(command.length), result = 0;
    if (control & DMA_SELECT) {
        select_item(s, control >> 16);
    }
    if (control & DMA_READ) {
        dma_read(s, GUINT64_FROM_BE(command.address), length);
    } else if (control & DMA_WRITE) {
        result = DMA_ERROR;
    } else if (control & DMA_SKIP) {
        dma_skip(s, length);
    }
    result = GUINT32_TO_BE(result);
    cpu_physical_memory_write(command_addr, &result, sizeof(result));
}

/* Bytes of the 64-bit big-endian register, lowest address first. */
static uint64_t dma_io_read(void *opaque, hwaddr addr, unsigned size)
{
    uint64_t value = 0;
    (void)opaque;
    for (unsigned i = 0; i < size; i++) {
        value |= ((DMA_SIGNATURE >> (56 - 8 * (addr + i))) & 0xff) << (8 * i);
    }
    return value;
}

/* The low half starts the transfer; the high half alone waits for it. */
static void dma_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    FWCfgState *s = opaque;
    if (addr == 0 && size == 4) {
        s->dma_address = (uint64_t)GUINT32_FROM_BE((uint32_t)value) << 32;
    } else if (addr == 4 && size == 4) {
        hwaddr command = s->dma_address | GUINT32_FROM_BE((uint32_t)value);
        s->dma_address = 0;
        dma_run(s, command);
    }
}

static const MemoryRegionOps dma_ops = { .read = dma_io_read, .write = dma_io_write, .min_access = 1, .max_access = 4 };

/* ---- the device ---- */

static bool fw_cfg_realize(Device *dev, Error **errp)
{
    FWCfgState *s = (FWCfgState *)dev;
    (void)errp;
    memory_region_init_io(&s->io, &fw_cfg_ops, s, "fwcfg", 2);
    memory_region_add_subregion(get_system_io(), 0x510, &s->io);
    memory_region_init_io(&s->dma_io, &dma_ops, s, "fwcfg.dma", 8);
    memory_region_add_subregion(get_system_io(), 0x514, &s->dma_io);
    fw_cfg_add_bytes(dev, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_i32(dev, FW_CFG_ID, FW_CFG_VERSION | FW_CFG_VERSION_DMA);
    write_directory(s);
    return true;
}

static void fw_cfg_reset(Device *dev)
{
    FWCfgState *s = (FWCfgState *)dev;
    select_item(s, 0);
    s->dma_address = 0;
}

static const VMStateDescription vmstate_fw_cfg = {
    .name = "fw_cfg",
    .version = 1,
    .fields =
        (const VMStateField[]){
            VMSTATE_DERIVED(FWCfgState, dev),
            VMSTATE_INT(FWCfgState, key),
            VMSTATE_INT(FWCfgState, offset),
            VMSTATE_INT(FWCfgState, dma_address),
            VMSTATE_DERIVED(FWCfgState, items), /* the same in every run: made from the command line */
            VMSTATE_DERIVED(FWCfgState, files),
            VMSTATE_DERIVED(FWCfgState, nb_files),
            VMSTATE_DERIVED(FWCfgState, io),
            VMSTATE_DERIVED(FWCfgState, dma_io),
            VMSTATE_END,
        },
};

const DeviceType fw_cfg_type = {
    .name = "fw_cfg",
    .description = "firmware configuration",
    .size = sizeof(FWCfgState),
    .vmsd = &vmstate_fw_cfg,
    .realize = fw_cfg_realize,
    .reset = fw_cfg_reset,
};
