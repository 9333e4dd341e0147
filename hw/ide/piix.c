/*
 * hw/ide/piix.c  82371SB PIIX3, function 1: IDE interface (Intel 290550), PCI 8086:7010.
 *
 * Two channels at the ISA addresses and interrupts; BAR 4 holds the bus master registers, eight for each. IDETIM keeps
 * what is written: modes have no timing here. Left out on purpose: the decode enable bits (IDETIM bit 15) do not hide
 * the channels, as firmware for this machine may rely on finding them.
 */
#include "hw/ide/ide-internal.h"

#define IDETIM      0x40 /* one word for each channel */
#define BMIBA       4    /* BAR number */
#define PROG_MASTER 0x80

typedef struct PIIX3IDEState {
    PCIDevice pci;
    IDEChannel channels[IDE_CHANNELS];
    MemoryRegion bmdma;
} PIIX3IDEState;

static PIIX3IDEState *the_ide; /* the board has one */

IDEChannel *ide_find_channel(int number)
{
    return the_ide && number >= 0 && number < IDE_CHANNELS ? &the_ide->channels[number] : NULL;
}

static uint64_t bm_io_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIX3IDEState *s = opaque;
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        unsigned at = addr + i;
        value |= (uint64_t)bmdma_read(&s->channels[at / BM_REGISTERS & 1], at % BM_REGISTERS) << (8 * i);
    }
    return value;
}

static void bm_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PIIX3IDEState *s = opaque;
    for (unsigned i = 0; i < size; i++) {
        unsigned at = addr + i;
        bmdma_write(&s->channels[at / BM_REGISTERS & 1], at % BM_REGISTERS, value >> (8 * i));
    }
}

static const MemoryRegionOps bm_io_ops = { .read = bm_io_read, .write = bm_io_write, .min_access = 1, .max_access = 4 };

/* A master that is enabled only now goes on with what waits for it. */
static void config_written(PCIDevice *pci, uint32_t addr, uint32_t value, int len)
{
    PIIX3IDEState *s = (PIIX3IDEState *)pci;
    (void)value;
    for (int i = 0; i < IDE_CHANNELS && addr < PCI_COMMAND + 2 && addr + len > PCI_COMMAND; i++) {
        bmdma_kick(&s->channels[i]);
    }
}

void piix3_ide_connect(Device *ide, IRQLine irq14, IRQLine irq15)
{
    PIIX3IDEState *s = (PIIX3IDEState *)ide;
    s->channels[0].irq = irq14;
    s->channels[1].irq = irq15;
}

static bool piix3_ide_realize(Device *dev, Error **errp)
{
    PIIX3IDEState *s = (PIIX3IDEState *)dev;
    static const PCIIdentity identity = {
        .vendor_id = 0x8086, .device_id = 0x7010, .class_id = 0x0101, .prog_if = PROG_MASTER
    };
    s->pci.config_written = config_written;
    if (!pci_register(&s->pci, &identity, errp)) {
        return false;
    }
    stw_le_p(s->pci.wmask + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    memset(s->pci.wmask + IDETIM, 0xff, 2 * IDE_CHANNELS);
    memory_region_init_io(&s->bmdma, &bm_io_ops, s, "piix-bmdma", BM_REGISTERS * IDE_CHANNELS);
    pci_register_bar(&s->pci, BMIBA, PCI_BAR_IO, &s->bmdma);
    for (int i = 0; i < IDE_CHANNELS; i++) {
        ide_channel_init(&s->channels[i], i, &s->pci);
    }
    the_ide = s;
    return true;
}

static void piix3_ide_reset(Device *dev)
{
    PIIX3IDEState *s = (PIIX3IDEState *)dev;
    pci_device_reset(&s->pci);
    stw_le_p(s->pci.config + PCI_STATUS, 0x0280);
    memset(s->pci.config + IDETIM, 0, 2 * IDE_CHANNELS);
    for (int i = 0; i < IDE_CHANNELS; i++) {
        ide_channel_reset(&s->channels[i]);
    }
}

static const VMStateField piix3_ide_fields[] = {
    VMSTATE_STRUCT(PIIX3IDEState, pci, vmstate_pci_device),
    VMSTATE_STRUCT_ARRAY(PIIX3IDEState, channels, vmstate_ide_channel),
    VMSTATE_DERIVED(PIIX3IDEState, bmdma),
    VMSTATE_END,
};
static const VMStateDescription vmstate_piix3_ide = { .name = "piix3-ide", .version = 1, .fields = piix3_ide_fields };

const DeviceType piix3_ide_type = {
    .name = "piix3-ide",
    .description = "82371SB IDE interface",
    .size = sizeof(PIIX3IDEState),
    .vmsd = &vmstate_piix3_ide,
    .realize = piix3_ide_realize,
    .reset = piix3_ide_reset,
    .parent = &pci_device_type,
};
