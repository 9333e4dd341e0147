/* LINK: hw/core/memory.c hw/core/ram.c hw/core/device.c hw/pci/pci.c hw/pci/i440fx.c hw/isa/piix3.c util/error.c util/option.c */
/* tests/device/pci-test.c  PCI configuration cycles, BARs, INTx routing, PAM, SMRAM, reset control register. */
#include "hw/i386/chipset.h"
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"
#include "tests/device/pci-stubs.h"

void vmstate_register(const char *id, int instance, const VMStateDescription *vmsd, void *opaque)
{
    (void)id, (void)instance, (void)vmsd, (void)opaque;
}

static int resets;

void qemu_system_reset_request(ShutdownCause cause)
{
    g_assert_cmpint(cause, ==, SHUTDOWN_CAUSE_GUEST_RESET);
    resets++;
}

/* ---- a board with one card ---- */

typedef struct Card {
    PCIDevice pci;
    MemoryRegion mem, io, big;
} Card;

static int card_writes;

static uint64_t card_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)opaque, (void)size;
    return 0xca00 + addr;
}

static void card_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    (void)opaque, (void)addr, (void)value, (void)size;
    card_writes++;
}

static const MemoryRegionOps card_ops = { card_read, card_write, 1, 4 };

static bool card_realize(Device *dev, Error **errp)
{
    Card *card = (Card *)dev;
    static const PCIIdentity identity = {
        .vendor_id = 0x1234, .device_id = 0x5678, .revision = 7, .class_id = 0x0200, .prog_if = 1, .interrupt_pin = 1
    };
    if (!pci_register(&card->pci, &identity, errp)) {
        return false;
    }
    memory_region_init_io(&card->mem, &card_ops, card, "card-mem", 0x1000);
    memory_region_init_io(&card->io, &card_ops, card, "card-io", 0x40);
    memory_region_init_io(&card->big, &card_ops, card, "card-big", 4 * GiB);
    pci_register_bar(&card->pci, 0, PCI_BAR_MEM32, &card->mem);
    pci_register_bar(&card->pci, 1, PCI_BAR_IO, &card->io);
    pci_register_bar(&card->pci, 2, PCI_BAR_MEM64_PREFETCH, &card->big);
    return true;
}

static void card_reset(Device *dev)
{
    pci_device_reset((PCIDevice *)dev);
}

static const DeviceType card_type = {
    .name = "card", .size = sizeof(Card), .realize = card_realize, .reset = card_reset, .parent = &pci_device_type
};

static Device *bridge, *piix3;
static Card *card, *second;
static MemoryRegion ram, rom;
static int isa_level[16];

static void isa_set(void *opaque, int n, int level)
{
    (void)opaque;
    isa_level[n] = level;
}

static IRQLine isa_irq(int n)
{
    return irq_line(isa_set, NULL, n);
}

static void outl(hwaddr port, uint32_t value)
{
    address_space_st(&address_space_io, port, value, 4);
}

static uint32_t in(hwaddr port, unsigned size)
{
    return address_space_ld(&address_space_io, port, size);
}

static uint32_t config_address(int devfn, unsigned reg)
{
    return 0x80000000u | (uint32_t)devfn << 8 | (reg & 0xfc);
}

static uint32_t config_read(int devfn, unsigned reg, unsigned size)
{
    outl(0xcf8, config_address(devfn, reg));
    return in(0xcfc + (reg & 3), size);
}

static void config_write(int devfn, unsigned reg, uint32_t value, unsigned size)
{
    outl(0xcf8, config_address(devfn, reg));
    address_space_st(&address_space_io, 0xcfc + (reg & 3), value, size);
}

static uint64_t mem(hwaddr addr, unsigned size)
{
    return address_space_ld(&address_space_memory, addr, size);
}

static void poke(hwaddr addr, uint64_t value, unsigned size)
{
    address_space_st(&address_space_memory, addr, value, size);
}

#define RAM_END (16 * MiB)
#define CARD    PCI_DEVFN(2, 0)
#define SECOND  PCI_DEVFN(5, 1)
#define PIIX3   PCI_DEVFN(1, 0)

static void test_identity(void)
{
    g_assert_cmphex(config_read(0, 0, 4), ==, 0x12378086);
    g_assert_cmphex(config_read(0, 8, 4), ==, 0x06000002);
    g_assert_cmphex(config_read(0, 0x2c, 4), ==, 0x11001af4);
    g_assert_cmphex(config_read(PIIX3, 0, 4), ==, 0x70008086);
    g_assert_cmphex(config_read(PIIX3, 0x0e, 1), ==, 0x80);
    g_assert_cmphex(config_read(CARD, 0, 4), ==, 0x56781234);
    g_assert_cmphex(config_read(CARD, 8, 4), ==, 0x02000107);
    g_assert_cmphex(config_read(CARD, 2, 2), ==, 0x5678);
    g_assert_cmphex(config_read(PCI_DEVFN(9, 0), 0, 4), ==, 0xffffffff);
    outl(0xcf8, config_address(CARD, 0) | 0x10000); /* another bus */
    g_assert_cmphex(in(0xcfc, 4), ==, 0xffffffff);
    outl(0xcf8, config_address(CARD, 0) & 0x7fffffff); /* not enabled */
    g_assert_cmphex(in(0xcfc, 4), ==, 0xffffffff);
    config_write(CARD, 0, 0, 4); /* read-only */
    g_assert_cmphex(config_read(CARD, 0, 4), ==, 0x56781234);
}

static void test_config_address(void)
{
    outl(0xcf8, 0xffffffff);
    g_assert_cmphex(in(0xcf8, 4), ==, 0x80fffffc);
    address_space_st(&address_space_io, 0xcfb, 1, 1); /* a byte is not the register: type 1 probe of Linux */
    g_assert_cmphex(in(0xcf8, 4), ==, 0x80fffffc);
}

static void test_bar_sizing(void)
{
    config_write(CARD, 0x10, 0xffffffff, 4);
    config_write(CARD, 0x14, 0xffffffff, 4);
    config_write(CARD, 0x18, 0xffffffff, 4);
    config_write(CARD, 0x1c, 0xffffffff, 4);
    g_assert_cmphex(config_read(CARD, 0x10, 4), ==, 0xfffff000);
    g_assert_cmphex(config_read(CARD, 0x14, 4), ==, 0xffffffc1);
    g_assert_cmphex(config_read(CARD, 0x18, 4), ==, 0x0000000c);
    g_assert_cmphex(config_read(CARD, 0x1c, 4), ==, 0xffffffff);
    config_write(CARD, 0x20, 0xffffffff, 4);
    g_assert_cmphex(config_read(CARD, 0x20, 4), ==, 0);
    config_write(CARD, 0x30, 0xffffffff, 4);
    g_assert_cmphex(config_read(CARD, 0x30, 4), ==, 0);
}

static void test_bar_decode(void)
{
    config_write(CARD, 0x10, 0xfeb00000, 4);
    config_write(CARD, 0x14, 0xc000, 4);
    config_write(CARD, 0x18, 0, 4);
    config_write(CARD, 0x1c, 0x10, 4);
    g_assert_cmphex(mem(0xfeb00004, 4), ==, 0xffffffff);
    config_write(CARD, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(mem(0xfeb00004, 4), ==, 0xca04);
    g_assert_cmphex(mem(0x1080000008, 4), ==, 0x8000ca08);
    g_assert_cmphex(in(0xc008, 4), ==, 0xffffffff);
    config_write(CARD, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO, 2);
    g_assert_cmphex(in(0xc008, 4), ==, 0xca08);
    config_write(CARD, 0x11, 0x20, 1); /* one byte of the register: moves */
    g_assert_cmphex(mem(0xfeb00004, 4), ==, 0xffffffff);
    g_assert_cmphex(mem(0xfeb02004, 4), ==, 0xca04);
    config_write(CARD, 0x10, 0, 4); /* not programmed */
    g_assert_cmphex(mem(4, 4), ==, 0);
    device_reset_all();
    g_assert_cmphex(config_read(CARD, 0x14, 4), ==, 1);
    g_assert_cmphex(in(0xc008, 4), ==, 0xffffffff);
}

static void test_ram_covers_pci(void)
{
    config_write(CARD, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    config_write(CARD, 0x10, 0x200000, 4); /* inside RAM */
    g_assert_cmphex(mem(0x200004, 4), ==, 0);
    device_reset_all();
}

static void test_status(void)
{
    card->pci.config[PCI_STATUS + 1] |= 0x20; /* received master abort */
    config_write(CARD, PCI_STATUS, 0x0fff, 2);
    g_assert_cmphex(config_read(CARD, PCI_STATUS, 2) & 0x2000, ==, 0x2000);
    config_write(CARD, PCI_STATUS, 0x2000, 2);
    g_assert_cmphex(config_read(CARD, PCI_STATUS, 2) & 0x2000, ==, 0);
}

static void test_irq_routing(void)
{
    g_assert_cmphex(config_read(PIIX3, 0x60, 4), ==, 0x80808080);
    pci_set_irq(&card->pci, 1); /* slot 2, INTA: PIRQB */
    g_assert_cmphex(config_read(CARD, PCI_STATUS, 1) & 8, ==, 8);
    g_assert_cmpint(isa_level[10], ==, 0);
    config_write(PIIX3, 0x61, 10, 1);
    g_assert_cmpint(isa_level[10], ==, 1);
    config_write(PIIX3, 0x60, 10, 1); /* slot 5, INTA: PIRQA; shares IRQ 10 */
    pci_set_irq(&second->pci, 1);
    pci_set_irq(&card->pci, 0);
    g_assert_cmpint(isa_level[10], ==, 1);
    config_write(SECOND, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
    g_assert_cmpint(isa_level[10], ==, 0);
    config_write(SECOND, PCI_COMMAND, 0, 2);
    g_assert_cmpint(isa_level[10], ==, 1);
    config_write(PIIX3, 0x60, 11, 1);
    g_assert_cmpint(isa_level[10], ==, 0);
    g_assert_cmpint(isa_level[11], ==, 1);
    config_write(PIIX3, 0x60, 0x8b, 1);
    g_assert_cmpint(isa_level[11], ==, 0);
    config_write(PIIX3, 0x60, 8, 1); /* not routable */
    g_assert_cmpint(isa_level[8], ==, 0);
    device_reset_all();
}

static void test_sci_shares(void)
{
    config_write(PIIX3, 0x61, 9, 1);
    piix3_set_sci(piix3, 9, 1);
    pci_set_irq(&card->pci, 1);
    piix3_set_sci(piix3, 9, 0);
    g_assert_cmpint(isa_level[9], ==, 1);
    pci_set_irq(&card->pci, 0);
    g_assert_cmpint(isa_level[9], ==, 0);
    device_reset_all();
}

static void test_dma(void)
{
    uint32_t value = 0;
    config_write(CARD, PCI_COMMAND, 0, 2);
    pci_dma_write(&card->pci, 0x1000, "abcd", 4);
    g_assert_cmphex(mem(0x1000, 4), ==, 0);
    pci_dma_read(&card->pci, 0x1000, &value, 4);
    g_assert_cmphex(value, ==, 0xffffffff);
    config_write(CARD, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
    pci_dma_write(&card->pci, 0x1000, "abcd", 4);
    g_assert_cmphex(mem(0x1000, 4), ==, 0x64636261);
    pci_dma_read(&card->pci, 0x1000, &value, 4);
    g_assert_cmphex(value, ==, 0x64636261);
    poke(0x1000, 0, 4);
    config_write(CARD, 0x10, RAM_END, 4);
    config_write(CARD, PCI_COMMAND, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 2);
    uint8_t across[8];
    poke(RAM_END - 4, 0x33221100, 4);
    pci_dma_read(&card->pci, RAM_END - 4, across, 8); /* registers do not answer a bus master */
    g_assert_cmpmem(across, 8, "\x00\x11\x22\x33\xff\xff\xff\xff", 8);
    card_writes = 0;
    pci_dma_write(&card->pci, RAM_END - 4, "abcdefgh", 8);
    g_assert_cmphex(mem(RAM_END - 4, 4), ==, 0x64636261);
    g_assert_cmpint(card_writes, ==, 0);
    device_reset_all();
}

static void test_pam(void)
{
    g_assert_cmphex(mem(0xf0000, 1), ==, 0x5a); /* ROM */
    poke(0xf0000, 0x11, 1);                     /* dropped */
    g_assert_cmphex(mem(0xf0000, 1), ==, 0x5a);
    config_write(0, 0x59, 0x20, 1); /* writes to RAM, reads from ROM */
    for (hwaddr a = 0xf0000; a < 0x100000; a += 8) {
        poke(a, mem(a, 8), 8);
    }
    poke(0xf0001, 0x77, 1);
    g_assert_cmphex(mem(0xf0001, 1), ==, 0x5a);
    config_write(0, 0x59, 0x10, 1); /* reads from RAM, read-only */
    g_assert_cmphex(mem(0xf0000, 2), ==, 0x775a);
    g_assert_cmphex(mem(0xfffff, 1), ==, 0x5a);
    poke(0xf0000, 0, 1);
    g_assert_cmphex(mem(0xf0000, 1), ==, 0x5a);
    config_write(0, 0x59, 0x30, 1);
    poke(0xf0000, 0x12, 1);
    g_assert_cmphex(mem(0xf0000, 1), ==, 0x12);
    config_write(0, 0x5d, 0x31, 1); /* D8000h read-only, DC000h RAM */
    poke(0xd8000, 1, 1);
    poke(0xdc000, 2, 1);
    poke(0xe0000, 3, 1);
    g_assert_cmphex(mem(0xd8000, 1), ==, 0);
    g_assert_cmphex(mem(0xdc000, 1), ==, 2);
    g_assert_cmphex(mem(0xe0000, 1), ==, 0x5a);
    g_assert_cmphex(mem(0xd4000, 1), ==, 0xff);
    device_reset_all();
    g_assert_cmphex(mem(0xf0000, 1), ==, 0x5a);
    g_assert_cmphex(mem(0xdc000, 1), ==, 0xff);
}

static void test_smram(void)
{
    poke(0xa0000, 0x42, 1); /* nothing there */
    g_assert_cmphex(mem(0xa0000, 1), ==, 0xff);
    g_assert_cmphex(config_read(0, 0x72, 1), ==, 0x02);
    config_write(0, 0x72, 0x4a, 1); /* open */
    poke(0xa8000, 0x42, 1);
    g_assert_cmphex(mem(0xa8000, 1), ==, 0x42);
    config_write(0, 0x72, 0x0a, 1);
    g_assert_cmphex(mem(0xa8000, 1), ==, 0xff);
    i440fx_set_smm(bridge, true);
    g_assert_cmphex(mem(0xa8000, 1), ==, 0x42);
    i440fx_set_smm(bridge, false);
    g_assert_cmphex(mem(0xa8000, 1), ==, 0xff);
    config_write(0, 0x72, 0x5a, 1); /* lock closes it */
    g_assert_cmphex(config_read(0, 0x72, 1), ==, 0x1a);
    config_write(0, 0x72, 0x4a, 1);
    g_assert_cmphex(config_read(0, 0x72, 1), ==, 0x1a);
    g_assert_cmphex(mem(0xa8000, 1), ==, 0xff);
    device_reset_all();
    g_assert_cmphex(config_read(0, 0x72, 1), ==, 0x02);
}

static void test_reset_control(void)
{
    resets = 0;
    address_space_st(&address_space_io, 0xcf9, 2, 1);
    g_assert_cmpint(resets, ==, 0);
    g_assert_cmphex(in(0xcf9, 1), ==, 2);
    address_space_st(&address_space_io, 0xcf9, 6, 1);
    g_assert_cmpint(resets, ==, 1);
    address_space_st(&address_space_io, 0xcf9, 6, 1); /* no new transition */
    g_assert_cmpint(resets, ==, 1);
    device_reset_all();
    g_assert_cmphex(in(0xcf9, 1), ==, 0);
    outl(0xcf8, 0x80000600); /* the dword at CF8h is not it */
    g_assert_cmpint(resets, ==, 1);
}

static void test_slots(void)
{
    Error *err = NULL;
    Device *dev = device_new(&card_type);
    g_assert_true(device_set_property(dev, "addr", "2.0", NULL));
    g_assert_false(device_realize(dev, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "PCI: slot 2 function 0 not available for card, in use by card");
    error_free(err);
    err = NULL;
    dev = device_new(&card_type);
    g_assert_false(device_set_property(dev, "addr", "20", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Property 'card.addr' doesn't take value '20'");
    error_free(err);
    err = NULL;
    g_assert_false(device_set_property(dev, "nosuch", "1", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Property 'card.nosuch' not found");
    error_free(err);
    device_free(dev);
}

static void collect(void *opaque, const char *line)
{
    g_string_append_printf(opaque, "%s\n", line);
}

static void test_info(void)
{
    config_write(CARD, 0x10, 0xfeb00000, 4);
    config_write(CARD, 0x3c, 11, 1);
    config_write(CARD, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    GString *text = g_string_new(NULL);
    pci_info(collect, text);
    g_assert_nonnull(strstr(text->str, "  Bus  0, device   0, function 0:\n"
                                       "    Host bridge: PCI device 8086:1237\n"
                                       "      PCI subsystem 1af4:1100\n"
                                       "      id \"\"\n"));
    g_assert_nonnull(strstr(text->str, "  Bus  0, device   2, function 0:\n"
                                       "    Ethernet controller: PCI device 1234:5678\n"
                                       "      PCI subsystem 1af4:1100\n"
                                       "      IRQ 11, pin A\n"
                                       "      BAR0: 32 bit memory at 0xfeb00000 [0xfeb00fff].\n"
                                       "      BAR1: I/O at 0xffffffffffffffff [0x003e].\n"));
    g_string_free(text, true);
    device_reset_all();
}

static void make_board(void)
{
    memory_init();
    memory_region_init_ram(&ram, "ram", RAM_END);
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    bridge = device_create(&i440fx_type);
    piix3 = device_create(&piix3_type);
    i440fx_connect(bridge, &ram, piix3);
    piix3_connect(piix3, isa_irq);
    memory_region_init_rom(&rom, "rom", 128 * KiB);
    memset(memory_region_get_ram_ptr(&rom), 0x5a, rom.size);
    memory_region_add_subregion_overlap(pci_memory(), 0xe0000, &rom, 1);
    card = (Card *)device_create(&card_type);
    Device *dev = device_new(&card_type);
    device_set_property(dev, "addr", "5.1", &error_fatal);
    device_realize(dev, &error_fatal);
    second = (Card *)dev;
    device_reset_all();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    make_board();
    g_test_add_func("/pci/config/identity", test_identity);
    g_test_add_func("/pci/config/address", test_config_address);
    g_test_add_func("/pci/config/status", test_status);
    g_test_add_func("/pci/bar/sizing", test_bar_sizing);
    g_test_add_func("/pci/bar/decode", test_bar_decode);
    g_test_add_func("/pci/bar/under-ram", test_ram_covers_pci);
    g_test_add_func("/pci/irq/routing", test_irq_routing);
    g_test_add_func("/pci/irq/sci-shares", test_sci_shares);
    g_test_add_func("/pci/dma", test_dma);
    g_test_add_func("/pci/slots", test_slots);
    g_test_add_func("/pci/info", test_info);
    g_test_add_func("/i440fx/pam", test_pam);
    g_test_add_func("/i440fx/smram", test_smram);
    g_test_add_func("/piix3/reset-control", test_reset_control);
    return g_test_run();
}
