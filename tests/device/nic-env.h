/* tests/device/nic-env.h  A board with RAM, a PCI bus, one network card, and a peer at its wire. Include once per
 * program, after the LINK line that names NIC_LINK's files. */
#ifndef TESTS_NIC_ENV_H
#define TESTS_NIC_ENV_H

#include "chips-env.h"
#include "chips-stubs.h"
#include "fake-wire.h"
#include "hw/pci/pci.h"

#define RAM_BYTES  (8 * MiB)
#define CARD_MMIO  0xfeb00000u
#define CARD_PORTS 0xc000u

/* ---- what the cards are linked with, and is not looked at ---- */

char *qemu_find_file(const char *name)
{
    (void)name;
    return NULL; /* no boot ROM */
}
bool replay_add_input(const char *role, const char *path, Error **errp)
{
    (void)role, (void)path, (void)errp;
    return true;
}

/* ---- the board ---- */

static PCIBus *bus;
static Device *card;
static int irq_level;

static inline void board_set_irq(void *opaque, int pirq, int level)
{
    (void)opaque, (void)pirq;
    irq_level = level;
}
static inline int board_map_irq(PCIDevice *pci, int pin)
{
    (void)pci;
    return pin;
}

static inline void config_write(unsigned reg, uint32_t value, int len)
{
    pci_config_write(bus, 0, ((PCIDevice *)card)->devfn, reg, value, len);
}
static inline uint32_t config_read(unsigned reg, int len)
{
    return pci_config_read(bus, 0, ((PCIDevice *)card)->devfn, reg, len);
}

/* Firmware's part: memory BARs at CARD_MMIO, ports at CARD_PORTS, bus master. */
static inline void card_start(void)
{
    wire.link = true;
    wire_forget();
    card->type->reset(card);
    for (unsigned reg = 0x10; reg < 0x28; reg += 4) {
        config_write(reg, config_read(reg, 4) & 1 ? CARD_PORTS : CARD_MMIO, 4);
    }
    config_write(PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}

/* May be called again for another card; the one before is switched off. */
static inline void board_init(const DeviceType *type)
{
    static MemoryRegion ram;
    if (card) {
        card->type->reset(card);
    } else {
        memory_init();
        memory_region_init_ram(&ram, "ram", RAM_BYTES);
        memory_region_add_subregion(get_system_memory(), 0, &ram);
        bus = pci_bus_new(get_system_memory(), get_system_io(), board_set_irq, board_map_irq, NULL);
        g_queue_init(&wire.waiting);
    }
    card = device_create(type);
    card_start();
}

static inline uint32_t rd(unsigned reg, unsigned size)
{
    return address_space_ld(&address_space_memory, CARD_MMIO + reg, size);
}
static inline void wr(unsigned reg, uint32_t value, unsigned size)
{
    address_space_st(&address_space_memory, CARD_MMIO + reg, value, size);
}
static inline uint32_t mem32(hwaddr addr)
{
    return address_space_ld(&address_space_memory, addr, 4);
}
static inline void set_mem32(hwaddr addr, uint32_t value)
{
    address_space_st(&address_space_memory, addr, value, 4);
}
static inline void check_mem(hwaddr addr, const uint8_t *data, size_t len)
{
    uint8_t *found = g_malloc(len);
    cpu_physical_memory_read(addr, found, len);
    g_assert_cmpmem(found, len, data, len);
    g_free(found);
}

#endif
