/* LINK: hw/core/memory.c hw/core/ram.c hw/core/device.c hw/nvram/fw_cfg.c util/error.c util/option.c */
/* tests/device/fw_cfg-test.c  fw_cfg by port and by DMA, as firmware uses it. */
#include "exec/memory.h"
#include "hw/nvram/fw_cfg.h"

void vmstate_register(const char *id, int instance, const VMStateDescription *vmsd, void *opaque)
{
    (void)id, (void)instance, (void)vmsd, (void)opaque;
}

static Device *fw;
static MemoryRegion ram;

static void out(hwaddr port, uint32_t value, unsigned size)
{
    address_space_st(&address_space_io, port, value, size);
}

static uint32_t in(hwaddr port, unsigned size)
{
    return address_space_ld(&address_space_io, port, size);
}

static void read_item(uint16_t key, void *buf, size_t len)
{
    out(0x510, key, 2);
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = in(0x511, 1);
    }
}

static uint8_t *host(hwaddr addr)
{
    return memory_region_get_ram_ptr(&ram) + addr;
}

/* Returns the control word afterwards. */
static uint32_t dma(uint32_t control, uint32_t length, uint64_t address)
{
    uint32_t be[2] = { GUINT32_TO_BE(control), GUINT32_TO_BE(length) };
    uint64_t be_address = GUINT64_TO_BE(address);
    memcpy(host(0x1000), be, 8);
    memcpy(host(0x1008), &be_address, 8);
    out(0x514, 0, 4);
    out(0x518, GUINT32_SWAP_LE_BE(0x1000), 4);
    memcpy(be, host(0x1000), 4);
    return GUINT32_FROM_BE(be[0]);
}

static void test_signature(void)
{
    char text[5] = { 0 };
    read_item(FW_CFG_SIGNATURE, text, 4);
    g_assert_cmpstr(text, ==, "QEMU");
    uint32_t id;
    read_item(FW_CFG_ID, &id, 4);
    g_assert_cmphex(GUINT32_FROM_LE(id), ==, 3);
    g_assert_cmphex(in(0x514, 4), ==, 0x554d4551); /* "QEMU" */
    g_assert_cmphex(in(0x518, 4), ==, 0x47464320); /* " CFG" */
}

static void test_end_of_item(void)
{
    uint8_t buf[6];
    read_item(FW_CFG_NB_CPUS, buf, 6);
    g_assert_cmpmem(buf, 6, "\x01\0\0\0\0\0", 6);
    read_item(0x3fff, buf, 4); /* no such item */
    g_assert_cmpmem(buf, 4, "\0\0\0\0", 4);
    read_item(FW_CFG_ARCH_LOCAL + 2, buf, 4);
    g_assert_cmpmem(buf, 4, "\x01\0\0\0", 4);
}

static uint16_t find_file(const char *name, uint32_t *size)
{
    uint32_t count;
    struct {
        uint32_t size;
        uint16_t select, reserved;
        char name[56];
    } file;
    read_item(FW_CFG_FILE_DIR, &count, 4);
    for (uint32_t i = 0; i < GUINT32_FROM_BE(count); i++) {
        for (size_t j = 0; j < sizeof(file); j++) {
            ((uint8_t *)&file)[j] = in(0x511, 1);
        }
        if (g_str_equal(file.name, name)) {
            *size = GUINT32_FROM_BE(file.size);
            return GUINT16_FROM_BE(file.select);
        }
    }
    return 0;
}

static void test_files(void)
{
    uint32_t size;
    uint16_t key = find_file("etc/two", &size);
    g_assert_cmphex(key, ==, FW_CFG_FILE_FIRST + 1);
    g_assert_cmpuint(size, ==, 8);
    char text[9] = { 0 };
    read_item(key, text, 8);
    g_assert_cmpstr(text, ==, "twotwot2");
    g_assert_cmphex(find_file("etc/three", &size), ==, 0);
}

static void test_dma_read(void)
{
    memset(host(0x2000), 0xee, 16);
    g_assert_cmphex(dma((FW_CFG_FILE_FIRST + 1) << 16 | 0x0a, 12, 0x2000), ==, 0);
    g_assert_cmpmem(host(0x2000), 13, "twotwot2\0\0\0\0\xee", 13);
}

static void test_dma_skip(void)
{
    g_assert_cmphex(dma((FW_CFG_FILE_FIRST + 1) << 16 | 0x0c, 3, 0), ==, 0);
    g_assert_cmphex(dma(0x02, 3, 0x2000), ==, 0);
    g_assert_cmpmem(host(0x2000), 3, "two", 3);
    g_assert_cmphex(dma(0x04, UINT32_MAX, 0), ==, 0);
    g_assert_cmphex(in(0x511, 1), ==, 0);
}

static void test_dma_write_refused(void)
{
    g_assert_cmphex(dma((FW_CFG_FILE_FIRST + 1) << 16 | 0x18, 3, 0x2000), ==, 1);
}

static void update(void *opaque, uint8_t *data, size_t len)
{
    g_assert_cmpuint(len, ==, 1);
    *data = ++*(uint8_t *)opaque;
}

static void test_callback(void)
{
    static uint8_t counter = 7;
    uint32_t size;
    fw_cfg_add_file_callback(fw, "etc/changing", "\0", 1, update, &counter);
    uint16_t key = find_file("etc/changing", &size);
    uint8_t value;
    read_item(key, &value, 1);
    g_assert_cmpuint(value, ==, 8);
    read_item(key, &value, 1);
    g_assert_cmpuint(value, ==, 9);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    memory_init();
    memory_region_init_ram(&ram, "ram", 1 * MiB);
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    fw = device_create(&fw_cfg_type);
    fw_cfg_add_i16(fw, FW_CFG_NB_CPUS, 1);
    fw_cfg_add_i32(fw, FW_CFG_ARCH_LOCAL + 2, 1);
    fw_cfg_add_file(fw, "etc/one", "1", 1);
    fw_cfg_add_file(fw, "etc/two", "twotwot2", 8);
    device_reset_all();
    g_test_add_func("/fw_cfg/signature", test_signature);
    g_test_add_func("/fw_cfg/end-of-item", test_end_of_item);
    g_test_add_func("/fw_cfg/files", test_files);
    g_test_add_func("/fw_cfg/dma/read", test_dma_read);
    g_test_add_func("/fw_cfg/dma/skip", test_dma_skip);
    g_test_add_func("/fw_cfg/dma/write-refused", test_dma_write_refused);
    g_test_add_func("/fw_cfg/file-callback", test_callback);
    return g_test_run();
}
