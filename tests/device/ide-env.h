/* tests/device/ide-env.h  What the tests of disk and CD-ROM share: a board with the IDE function, and a driver's steps
 * by port. Include once per program. */
#ifndef TESTS_IDE_ENV_H
#define TESTS_IDE_ENV_H

#include "hw/ide/ide.h"
#include "hw/pci/pci.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"
#include "tests/device/fake-blk.h"
#include "tests/device/pci-stubs.h"

#define BM_PORT   0xc000
#define PRD_TABLE 0x1000

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

static inline void noise_packet(uint16_t base, uint32_t value, GRand *rand)
{
    static const uint8_t codes[] = { 0x28, 0xa8, 0xbe, 0xb9, 0x03, 0x12, 0x1b, 0x1e,
                                     0x43, 0x46, 0x4a, 0x55, 0x5a, 0x1a, 0xad, 0x42 };
    uint8_t cdb[12] = { codes[value % sizeof(codes)] };
    for (unsigned k = 1; k < sizeof(cdb); k++) {
        cdb[k] = g_rand_int_range(rand, 0, 4) ? 0 : g_rand_int(rand);
    }
    if (cdb[0] == 0x28) { /* reads should find something */
        cdb[2] = cdb[3] = cdb[7] = 0;
        cdb[4] &= 1;
        cdb[8] |= 1;
    }
    outb(base + 6, 0xa0 | (value >> 8 & 0x10));
    outb(base + 1, value >> 16 & 1);
    outw(base + 4, value >> 16);
    outb(base + 7, 0xa0);
    write_words(base, cdb, sizeof(cdb));
}

/*
 * Random accesses to all registers, packets and tables, requests that end or fail at any time: nothing may break, and a
 * reset brings the drives back.
 */
static inline void ide_noise(uint16_t base, unsigned steps)
{
    const uint16_t ports[] = { base,     base + 2,     base + 3, base + 4,   base + 5,
                               base + 6, base + 0x206, BM_PORT,  BM_PORT + 8 };
    GRand *rand = g_rand_new_with_seed(12345);
    for (unsigned i = 0; i < steps; i++) {
        uint32_t value = g_rand_int(rand);
        uint16_t port = ports[g_rand_int_range(rand, 0, ARRAY_SIZE(ports))];
        switch (g_rand_int_range(rand, 0, 12)) {
        case 0:
            address_space_ld(&address_space_io, port, 1u << (value & 3));
            break;
        case 1:
            value &= port == base + 0x206 ? ~4u : ~0u;
            address_space_st(&address_space_io, port, value, 1u << (value >> 8 & 3));
            break;
        case 2:
            fake_error = value % 8 ? 0 : -5;
            fake_complete();
            break;
        case 3:
            put_prd(value & 15, (value >> 3) & (4 * MiB - 2), value >> 20, !(value & 0x30));
            break;
        case 4:
            start_dma(value & 1, value & 2);
            break;
        case 5:
            outb(BM_PORT + 8 * (value & 1), 0);
            break;
        case 6: /* data, as REP INSW and OUTSW move them */
            for (unsigned k = 0; k < (value & 0x1ff); k++) {
                value & 0x200 ? outw(base, value >> 16) : inw(base);
            }
            break;
        case 7:
            outb(base + 0x206, 4);
            outb(base + 0x206, value & 0x80);
            break;
        case 8:
            noise_packet(base, value, rand);
            break;
        default:
            outb(base + 6, 0xa0 | (value >> 8 & 0x50));
            outb(base + 7, value);
        }
    }
    g_rand_free(rand);
    fake_complete_all();
    outb(base + 0x206, 4);
    outb(base + 0x206, 0);
    fake_complete_all();
}

#endif
