/* tests/device/ide-env.h  What the tests of disk and CD-ROM share: a board with the IDE function, and a driver's steps
 * by port. Include once per program. */
#ifndef TESTS_IDE_ENV_H
#define TESTS_IDE_ENV_H

#include "hw/ide/ide.h"
#include "hw/pci/pci.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"
#include "tests/device/fake-blk.h"

#define BM_PORT   0xc000
#define PRD_TABLE 0x1000

char *qemu_find_file(const char *name)
{
    return g_strdup(name);
}
bool replay_add_input(const char *role, const char *path, Error **errp)
{
    return true;
}

static Device *ide;
static TestLine irq14, irq15;
static MemoryRegion test_ram;

static void test_set_pirq(void *opaque, int pirq, int level)
{
}
static int test_map_irq(PCIDevice *pci, int pin)
{
    return pin;
}

static inline uint32_t inl(uint16_t port)
{
    return address_space_ld(&address_space_io, port, 4);
}
static inline void outl(uint16_t port, uint32_t value)
{
    address_space_st(&address_space_io, port, value, 4);
}

static void ide_config(unsigned reg, uint32_t value, int len)
{
    pci_config_write(pci_root_bus(), 0, ((PCIDevice *)ide)->devfn, reg, value, len);
}

/* Everything back to power-on, the bus master mapped and enabled, no interrupt pending. */
static void ide_power_on(void)
{
    device_reset_all();
    fake_complete_all();
    fake_error = 0;
    ide_config(0x20, BM_PORT | 1, 4);
    ide_config(PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    irq14 = irq15 = (TestLine){ 0 };
}

static void ide_board(void)
{
    memory_init();
    memory_region_init_ram(&test_ram, "ram", 32 * MiB);
    memory_region_add_subregion(get_system_memory(), 0, &test_ram);
    pci_bus_new(get_system_memory(), get_system_io(), test_set_pirq, test_map_irq, NULL);
    ide = device_create(&piix3_ide_type);
    piix3_ide_connect(ide, test_line(&irq14), test_line(&irq15));
}

/* ---- a driver's steps on the channel whose registers begin at base ---- */

enum { BSY = 0x80, DRDY = 0x40, DSC = 0x10, DRQ = 0x08, ERR = 0x01, READY = DRDY | DSC };

static void write_task_file(uint16_t base, uint8_t device, uint64_t lba, uint8_t count)
{
    outb(base + 6, device);
    outb(base + 2, count);
    outb(base + 3, lba);
    outb(base + 4, lba >> 8);
    outb(base + 5, lba >> 16);
}

/* An LBA28 command for drive 0 or 1. */
static inline void command28(uint16_t base, int drive, uint8_t code, uint32_t lba, uint8_t count)
{
    write_task_file(base, 0xe0 | drive << 4 | lba >> 24, lba, count);
    outb(base + 7, code);
}

static inline void read_words(uint16_t base, uint8_t *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 2) {
        stw_le_p(to + i, inw(base));
    }
}
static inline void write_words(uint16_t base, const uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 2) {
        outw(base, lduw_le_p(from + i));
    }
}

static inline uint8_t *ram(hwaddr addr)
{
    return memory_region_get_ram_ptr(&test_ram) + addr;
}

/* Descriptor n of the table at PRD_TABLE; bytes 0x10000 is 64 KiB. */
static void put_prd(int n, uint32_t addr, uint32_t bytes, bool last)
{
    stl_le_p(ram(PRD_TABLE + 8 * n), addr);
    stl_le_p(ram(PRD_TABLE + 8 * n + 4), (bytes & 0xffff) | (last ? 0x80000000u : 0));
}

/* channel 0 or 1 */
static void start_dma(int channel, bool to_memory)
{
    uint16_t bm = BM_PORT + 8 * channel;
    outb(bm + 2, 0x06);
    outl(bm + 4, PRD_TABLE);
    outb(bm, to_memory ? 8 : 0);
    outb(bm, to_memory ? 9 : 1);
}

#endif
