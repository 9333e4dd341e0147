/*
 * hw/pci/i440fx.c  82441FX PMC host bridge (Intel 290549): configuration mechanism 1 at CF8h/CFCh, PAM, SMRAM.
 *
 * PAM (59h-5Fh) sends each of 13 segments of C0000h-FFFFFh to RAM or to PCI, for reads and writes apart; SMRAM (72h)
 * opens the RAM under the VGA window. Left out: DRAM timing and error registers, CPU-PCI arbitration, and the code/data
 * distinction of D_CLS. PCI memory lies under RAM as one container, so the hole above RAM needs no register.
 */
#include "hw/i386/chipset.h"
#include "hw/isa/chips.h"
#include "hw/pci/pci.h"

#define PAM_SEGMENTS     13
#define PAM_FIRST        0x59
#define PAM_LAST         0x5f
#define DRB_FIRST        0x60 /* eight row boundaries, units of 8 MiB */
#define SMRAM            0x72
#define SMRAM_G_ENABLE   0x08
#define SMRAM_D_LCK      0x10
#define SMRAM_D_OPEN     0x40
#define SMRAM_BASE_A0000 0x02 /* bits 2:0, the only value */
#define SMRAM_START      0xa0000
#define SMRAM_SIZE       0x20000

typedef struct PAMSegment {
    MemoryRegion pci, readonly, writeonly; /* at most one is enabled; none: the RAM below shows */
    hwaddr start;
    struct I440FXState *bridge;
} PAMSegment;

typedef struct I440FXState {
    PCIDevice pci;
    uint32_t config_address; /* CF8h */
    bool in_smm;
    PCIBus *bus;
    AddressSpace pci_space; /* what PCI sees of itself: RAM does not cover it */
    MemoryRegion pci_memory, io_address, io_data;
    MemoryRegion unassigned; /* A0000h-FFFFFh where no device answers: RAM must not show through the windows */
    MemoryRegion vga_window, smram;
    MemoryRegion *ram;
    PAMSegment pam[PAM_SEGMENTS];
    Device *piix3;
} I440FXState;

static I440FXState *host_bridge;

MemoryRegion *pci_memory(void)
{
    return &host_bridge->pci_memory;
}

/* ---- PAM ---- */

/* Segment 0 is F0000h (high nibble of 59h), 1 to 12 the 16 KiB from C0000h up, low nibble first from 5Ah. */
static hwaddr pam_start(int segment)
{
    return segment == 0 ? 0xf0000 : 0xc0000 + (segment - 1) * 0x4000;
}

static uint64_t pam_size(int segment)
{
    return segment == 0 ? 0x10000 : 0x4000;
}

/* Bit 0: reads go to RAM; bit 1: writes go to RAM. */
static unsigned pam_attributes(const I440FXState *s, int segment)
{
    int nibble = segment + 1;
    return (s->pci.config[PAM_FIRST + nibble / 2] >> (4 * (nibble & 1))) & 3;
}

static void pam_update(I440FXState *s)
{
    memory_region_transaction_begin();
    for (int i = 0; i < PAM_SEGMENTS; i++) {
        unsigned attributes = pam_attributes(s, i);
        memory_region_set_enabled(&s->pam[i].pci, attributes == 0);
        memory_region_set_enabled(&s->pam[i].readonly, attributes == 1);
        memory_region_set_enabled(&s->pam[i].writeonly, attributes == 2);
    }
    memory_region_transaction_commit();
}

/* Reads from PCI, writes to RAM: how firmware copies itself into the RAM under it. */
static uint64_t pam_writeonly_read(void *opaque, hwaddr addr, unsigned size)
{
    PAMSegment *segment = opaque;
    return address_space_ld(&segment->bridge->pci_space, segment->start + addr, size);
}

static void pam_writeonly_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PAMSegment *segment = opaque;
    MemoryRegion *ram = segment->bridge->ram;
    hwaddr offset = segment->start + addr;
    if (offset + size <= ram->size) {
        uint64_t bytes = GUINT64_TO_LE(value);
        ram_notify_write(ram->ram_addr + offset, size);
        memcpy(memory_region_get_ram_ptr(ram) + offset, &bytes, size);
    }
}

static const MemoryRegionOps pam_writeonly_ops = {
    .read = pam_writeonly_read,
    .write = pam_writeonly_write,
    .min_access = 1,
    .max_access = 8,
};

static void pam_add(MemoryRegion *mr, hwaddr start)
{
    mr->enabled = false;
    memory_region_add_subregion_overlap(get_system_memory(), start, mr, 1);
}

static void pam_init(I440FXState *s)
{
    for (int i = 0; i < PAM_SEGMENTS; i++) {
        PAMSegment *segment = &s->pam[i];
        hwaddr start = pam_start(i);
        uint64_t size = pam_size(i);
        segment->start = start;
        segment->bridge = s;
        memory_region_init_alias(&segment->pci, "pam-pci", &s->pci_memory, start, size);
        memory_region_init_alias(&segment->readonly, "pam-rom", s->ram, start, size);
        segment->readonly.readonly = true;
        memory_region_init_io(&segment->writeonly, &pam_writeonly_ops, segment, "pam-writeonly", size);
        pam_add(&segment->pci, start);
        pam_add(&segment->readonly, start);
        pam_add(&segment->writeonly, start);
    }
}

/* ---- SMRAM ---- */

static void smram_update(I440FXState *s)
{
    uint8_t smram = s->pci.config[SMRAM];
    memory_region_set_enabled(&s->smram, (smram & SMRAM_G_ENABLE) && (s->in_smm || (smram & SMRAM_D_OPEN)));
}

/* Once locked, the register changes no more until reset, and D_OPEN is clear. */
static void smram_written(I440FXState *s)
{
    uint8_t *smram = &s->pci.config[SMRAM];
    if (*smram & SMRAM_D_LCK) {
        *smram &= ~SMRAM_D_OPEN;
        s->pci.wmask[SMRAM] = 0;
    }
    smram_update(s);
}

void i440fx_set_smm(Device *i440fx, bool in_smm)
{
    I440FXState *s = (I440FXState *)i440fx;
    s->in_smm = in_smm;
    smram_update(s);
}

static void smram_init(I440FXState *s)
{
    memory_region_init_alias(&s->vga_window, "smram-region", &s->pci_memory, SMRAM_START, SMRAM_SIZE);
    memory_region_add_subregion_overlap(get_system_memory(), SMRAM_START, &s->vga_window, 1);
    memory_region_init_alias(&s->smram, "smram", s->ram, SMRAM_START, SMRAM_SIZE);
    s->smram.enabled = false;
    memory_region_add_subregion_overlap(get_system_memory(), SMRAM_START, &s->smram, 16); /* above the VGA's own */
}

/* ---- configuration mechanism 1 (PCI 3.0, section 3.2.2.3.2) ---- */

/* Only a whole dword is CONFADD; a byte at CF9h is the PIIX3's reset control register. */
static uint64_t config_address_read(void *opaque, hwaddr addr, unsigned size)
{
    I440FXState *s = opaque;
    if (addr == 0 && size == 4) {
        return s->config_address;
    }
    return addr == 1 && size == 1 && s->piix3 ? piix3_rcr_read(s->piix3) : ~0ULL;
}

static void config_address_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    I440FXState *s = opaque;
    if (addr == 0 && size == 4) {
        s->config_address = value & 0x80fffffc;
    } else if (addr == 1 && size == 1 && s->piix3) {
        piix3_rcr_write(s->piix3, value);
    }
}

static const MemoryRegionOps config_address_ops = {
    .read = config_address_read,
    .write = config_address_write,
    .min_access = 1,
    .max_access = 4,
};

static uint64_t config_data_read(void *opaque, hwaddr addr, unsigned size)
{
    I440FXState *s = opaque;
    uint32_t a = s->config_address;
    if (!(a >> 31)) {
        return ~0ULL;
    }
    return pci_config_read(s->bus, a >> 16, a >> 8, (a & 0xfc) + addr, size);
}

static void config_data_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    I440FXState *s = opaque;
    uint32_t a = s->config_address;
    if (a >> 31) {
        pci_config_write(s->bus, a >> 16, a >> 8, (a & 0xfc) + addr, value, size);
    }
}

static const MemoryRegionOps config_data_ops = {
    .read = config_data_read,
    .write = config_data_write,
    .min_access = 1,
    .max_access = 4,
};

/* ---- the device ---- */

static const MemoryRegionOps unassigned_ops = { .min_access = 1, .max_access = 8 };

static void config_written(PCIDevice *pci, uint32_t addr, uint32_t value, int len)
{
    I440FXState *s = (I440FXState *)pci;
    (void)value;
    if (addr <= PAM_LAST && addr + len > PAM_FIRST) {
        pam_update(s);
    }
    if (addr <= SMRAM && addr + len > SMRAM) {
        smram_written(s);
    }
}

/* The board's wiring of INTx: the pins of neighbouring slots are rotated. */
static int map_irq(PCIDevice *pci, int pin)
{
    return (PCI_SLOT(pci->devfn) + pin - 1) & 3;
}

static void set_irq(void *opaque, int pirq, int level)
{
    I440FXState *s = opaque;
    if (s->piix3) {
        piix3_set_pirq(s->piix3, pirq, level);
    }
}

static bool i440fx_realize(Device *dev, Error **errp)
{
    I440FXState *s = (I440FXState *)dev;
    host_bridge = s;
    memory_region_init(&s->pci_memory, "pci", UINT64_MAX);
    memory_region_add_subregion_overlap(get_system_memory(), 0, &s->pci_memory, -1);
    memory_region_init_io(&s->unassigned, &unassigned_ops, NULL, "pci-unassigned", 0x60000);
    memory_region_add_subregion_overlap(&s->pci_memory, SMRAM_START, &s->unassigned, -1);
    address_space_init(&s->pci_space, &s->pci_memory, "pci");
    memory_region_init_io(&s->io_address, &config_address_ops, s, "pci-conf-idx", 4);
    memory_region_add_subregion(get_system_io(), 0xcf8, &s->io_address);
    memory_region_init_io(&s->io_data, &config_data_ops, s, "pci-conf-data", 4);
    memory_region_add_subregion(get_system_io(), 0xcfc, &s->io_data);
    s->bus = pci_bus_new(&s->pci_memory, get_system_io(), set_irq, map_irq, s);
    s->pci.config_written = config_written;
    static const PCIIdentity identity = { .vendor_id = 0x8086, .device_id = 0x1237, .revision = 2, .class_id = 0x0600 };
    return pci_register(&s->pci, &identity, errp);
}

static void fill_row_boundaries(I440FXState *s)
{
    uint64_t units = s->ram->size / (8 * MiB);
    memset(s->pci.config + DRB_FIRST, MIN(units, 0xff), 8); /* one row holds it all */
}

void i440fx_connect(Device *i440fx, MemoryRegion *ram, Device *piix3)
{
    I440FXState *s = (I440FXState *)i440fx;
    s->ram = ram;
    s->piix3 = piix3;
    memory_region_transaction_begin();
    smram_init(s);
    pam_init(s);
    memory_region_transaction_commit();
}

static void i440fx_reset(Device *dev)
{
    I440FXState *s = (I440FXState *)dev;
    uint8_t *c = s->pci.config;
    pci_device_reset(&s->pci);
    s->config_address = 0;
    s->in_smm = false;
    stw_le_p(c + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    stw_le_p(c + PCI_STATUS, 0x0280);
    stw_le_p(s->pci.wmask + PCI_COMMAND, 0x0102); /* memory and mastering are always on: 290549, 3.2.3 */
    memset(c + PAM_FIRST, 0, 7);
    memset(s->pci.wmask + PAM_FIRST, 0x33, 7);
    s->pci.wmask[PAM_FIRST] = 0x30;
    fill_row_boundaries(s);
    memset(s->pci.wmask + DRB_FIRST, 0xff, 8);
    c[SMRAM] = SMRAM_BASE_A0000;
    s->pci.wmask[SMRAM] = 0x78;
    pam_update(s);
    smram_update(s);
}

static bool i440fx_post_load(void *opaque, Error **errp)
{
    I440FXState *s = opaque;
    (void)errp;
    s->pci.wmask[SMRAM] = s->pci.config[SMRAM] & SMRAM_D_LCK ? 0 : 0x78;
    pam_update(s);
    smram_update(s);
    return true;
}

static const VMStateDescription vmstate_i440fx = {
    .name = "i440FX",
    .version = 1,
    .post_load = i440fx_post_load,
    .fields =
        (const VMStateField[]){
            VMSTATE_STRUCT(I440FXState, pci, vmstate_pci_device),
            VMSTATE_INT(I440FXState, config_address),
            VMSTATE_BOOL(I440FXState, in_smm),
            VMSTATE_DERIVED(I440FXState, bus),
            VMSTATE_DERIVED(I440FXState, pci_space),
            VMSTATE_DERIVED(I440FXState, pci_memory),
            VMSTATE_DERIVED(I440FXState, io_address),
            VMSTATE_DERIVED(I440FXState, io_data),
            VMSTATE_DERIVED(I440FXState, unassigned),
            VMSTATE_DERIVED(I440FXState, vga_window),
            VMSTATE_DERIVED(I440FXState, smram),
            VMSTATE_DERIVED(I440FXState, ram),
            VMSTATE_DERIVED(I440FXState, pam), /* follows config */
            VMSTATE_DERIVED(I440FXState, piix3),
            VMSTATE_END,
        },
};

const DeviceType i440fx_type = {
    .name = "i440FX",
    .description = "82441FX PCI host bridge",
    .size = sizeof(I440FXState),
    .vmsd = &vmstate_i440fx,
    .realize = i440fx_realize,
    .reset = i440fx_reset,
    .parent = &pci_device_type,
};
