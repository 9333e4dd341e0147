/*
 * hw/pci/pci.c  PCI configuration space, base address registers, INTx lines (PCI Local Bus Specification 3.0).
 *
 * One root bus; no bridges to other buses, no hot plug, no MSI. Contract: include/hw/pci/pci.h.
 */
#include "hw/pci/pci.h"

#include "hw/i386/pc.h"
#include "replay/replay.h"
#include "util/info.h"

#define PCI_SLOTS                32
#define PCI_STATUS_INTERRUPT     0x08
#define PCI_STATUS_W1C           0xf900
#define PCI_COMMAND_SERR         0x100
#define PCI_HEADER_MULTIFUNCTION 0x80
#define PCI_CACHE_LINE_SIZE      0x0c
#define PCI_LATENCY_TIMER        0x0d
#define PCI_BAR_ROM              6
#define PCI_ROM_ENABLE           1u
#define PCI_ADDR_NONE            UINT32_MAX
#define PCI_ROM_MAX              (16 * MiB)

struct PCIBus {
    MemoryRegion *mem, *io;
    void (*set_irq)(void *opaque, int pirq, int level);
    int (*map_irq)(PCIDevice *pci, int pin);
    void *opaque;
    PCIDevice *devices[PCI_SLOTS * 8];
};

static PCIBus *root_bus;

PCIBus *pci_bus_new(MemoryRegion *mem, MemoryRegion *io, void (*set_irq)(void *opaque, int pirq, int level),
                    int (*map_irq)(PCIDevice *pci, int pin), void *opaque)
{
    PCIBus *bus = g_new0(PCIBus, 1);
    *bus = (PCIBus){ .mem = mem, .io = io, .set_irq = set_irq, .map_irq = map_irq, .opaque = opaque };
    root_bus = bus;
    return bus;
}

PCIBus *pci_root_bus(void)
{
    return root_bus;
}

/* ---- interrupts ---- */

static bool pci_intx_asserted(const PCIDevice *pci)
{
    return pci->irq_level && !(lduw_le_p(pci->config + PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
}

static int pci_pirq(PCIDevice *pci)
{
    return pci->bus->map_irq(pci, pci->config[PCI_INTERRUPT_PIN] - 1);
}

/* Wired-or of all devices whose pin is swizzled to pirq. */
static int pci_pirq_level(PCIBus *bus, int pirq)
{
    for (size_t i = 0; i < ARRAY_SIZE(bus->devices); i++) {
        PCIDevice *pci = bus->devices[i];
        if (pci && pci->config[PCI_INTERRUPT_PIN] && pci_intx_asserted(pci) && pci_pirq(pci) == pirq) {
            return 1;
        }
    }
    return 0;
}

static void pci_update_irq(PCIDevice *pci)
{
    if (pci->bus && pci->config[PCI_INTERRUPT_PIN]) {
        int pirq = pci_pirq(pci);
        pci->bus->set_irq(pci->bus->opaque, pirq, pci_pirq_level(pci->bus, pirq));
    }
}

void pci_set_irq(PCIDevice *pci, int level)
{
    if (pci->irq_level != level) {
        pci->irq_level = level;
        pci_update_irq(pci);
    }
}

/* ---- base address registers ---- */

static unsigned bar_offset(int bar)
{
    return bar == PCI_BAR_ROM ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * bar;
}

/* Low bits that say what kind of register it is (section 6.2.5.1). */
static uint32_t bar_type_bits(PCIBarKind kind)
{
    switch (kind) {
    case PCI_BAR_IO:
        return 1;
    case PCI_BAR_MEM32_PREFETCH:
        return 8;
    case PCI_BAR_MEM64_PREFETCH:
        return 0xc;
    default:
        return 0;
    }
}

/* Address in the register whatever COMMAND says; ROM: its enable bit counts. */
static uint64_t bar_register(const PCIDevice *pci, int bar)
{
    const PCIBar *b = &pci->bars[bar];
    uint64_t value = ldl_le_p(pci->config + bar_offset(bar));
    if (bar == PCI_BAR_ROM && !(value & PCI_ROM_ENABLE)) {
        return PCI_BAR_UNMAPPED;
    }
    if (b->kind == PCI_BAR_MEM64_PREFETCH) {
        value |= (uint64_t)ldl_le_p(pci->config + bar_offset(bar) + 4) << 32;
    }
    return value & ~(b->size - 1);
}

/*
 * Where the BAR decodes now. A register that is 0 (not programmed) or all ones (being sized) does not decode, though
 * the bus would let it: no firmware means that, and it would cover the DMA controller or the BIOS.
 */
static uint64_t bar_address(const PCIDevice *pci, int bar)
{
    const PCIBar *b = &pci->bars[bar];
    uint16_t command = lduw_le_p(pci->config + PCI_COMMAND);
    uint64_t addr = bar_register(pci, bar);
    uint64_t last = addr + b->size - 1;
    uint64_t limit = b->kind == PCI_BAR_IO ? 0xffff : b->kind == PCI_BAR_MEM64_PREFETCH ? UINT64_MAX - 1 : 0xfffffffe;
    bool enabled = command & (b->kind == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
    return enabled && addr != 0 && last >= addr && last <= limit ? addr : PCI_BAR_UNMAPPED;
}

static void bar_remap(PCIDevice *pci, int bar)
{
    PCIBar *b = &pci->bars[bar];
    uint64_t addr = bar_address(pci, bar);
    MemoryRegion *space = b->kind == PCI_BAR_IO ? pci->bus->io : pci->bus->mem;
    if (addr == b->mapped_at) {
        return;
    }
    if (b->mapped_at != PCI_BAR_UNMAPPED) {
        memory_region_del_subregion(space, b->mr);
    }
    b->mapped_at = addr;
    if (addr != PCI_BAR_UNMAPPED) {
        memory_region_add_subregion_overlap(space, addr, b->mr, 1);
    }
}

static void pci_update_mappings(PCIDevice *pci)
{
    memory_region_transaction_begin();
    for (int bar = 0; bar < PCI_NUM_BARS; bar++) {
        if (pci->bars[bar].kind != PCI_BAR_NONE) {
            bar_remap(pci, bar);
        }
    }
    memory_region_transaction_commit();
}

static void bar_install(PCIDevice *pci, int bar, PCIBarKind kind, MemoryRegion *mr)
{
    unsigned offset = bar_offset(bar);
    uint64_t mask = ~(mr->size - 1);
    lockstep_assert(mr->size >= 4 && !(mr->size & (mr->size - 1)), "BAR %d of %s: size %" PRIx64, bar, mr->name,
                    mr->size);
    pci->bars[bar] = (PCIBar){ .kind = kind, .size = mr->size, .mr = mr, .mapped_at = PCI_BAR_UNMAPPED };
    stl_le_p(pci->config + offset, bar_type_bits(kind));
    stl_le_p(pci->wmask + offset, mask);
    if (bar == PCI_BAR_ROM) {
        pci->wmask[offset] |= PCI_ROM_ENABLE;
    }
    if (kind == PCI_BAR_MEM64_PREFETCH) {
        stl_le_p(pci->wmask + offset + 4, mask >> 32);
    }
}

void pci_register_bar(PCIDevice *pci, int bar, PCIBarKind kind, MemoryRegion *mr)
{
    lockstep_assert(bar >= 0 && bar < PCI_BAR_ROM, "BAR %d", bar);
    bar_install(pci, bar, kind, mr);
}

/* ---- registration ---- */

/*
 * Firmware runs a ROM only for the device whose identity its "PCIR" structure carries (6.3.1.2); a ROM for several
 * devices carries that of one of them, as iPXE's for old and new virtio cards does. So it gets ours; byte 6 is the
 * header's spare one and keeps the checksum.
 */
static void pci_adopt_rom(const PCIDevice *pci, uint8_t *rom, size_t len)
{
    size_t at = len < 0x1a ? len : lduw_le_p(rom + 0x18);
    if (at + 8 > len || memcmp(rom + at, "PCIR", 4)) {
        return;
    }
    for (int i = 0; i < 4; i++) { /* vendor, device */
        uint8_t *byte = rom + at + 4 + i;
        rom[6] += *byte - pci->config[PCI_VENDOR_ID + i];
        *byte = pci->config[PCI_VENDOR_ID + i];
    }
}

static void pci_load_rom_image(PCIDevice *pci, const char *image, size_t len)
{
    uint64_t size = 2 * KiB; /* smallest ROM BAR, section 6.2.5.2 */
    while (size < len) {
        size *= 2;
    }
    MemoryRegion *mr = g_new0(MemoryRegion, 1);
    char *name = g_strdup_printf("%s.rom", pci->dev.type->name);
    memory_region_init_rom(mr, name, MAX(size, PAGE_SIZE));
    memcpy(memory_region_get_ram_ptr(mr), image, len);
    pci_adopt_rom(pci, memory_region_get_ram_ptr(mr), len);
    bar_install(pci, PCI_BAR_ROM, PCI_BAR_MEM32, mr);
}

static bool pci_add_rom(PCIDevice *pci, Error **errp)
{
    if (!pci->romfile || !*pci->romfile) {
        return true;
    }
    char *image = NULL, *path = qemu_find_file(pci->romfile);
    gsize len = 0;
    GError *gerror = NULL;
    bool ok = false;
    if (!path) {
        error_setg(errp, "failed to find romfile \"%s\"", pci->romfile);
    } else if (!g_file_get_contents(path, &image, &len, &gerror)) {
        error_setg(errp, "failed to read romfile \"%s\": %s", path, gerror->message);
        g_error_free(gerror);
    } else if (len == 0 || len > PCI_ROM_MAX) {
        error_setg(errp, "romfile \"%s\" has %" G_GSIZE_FORMAT " bytes: must be 1 to %lld", path, len, PCI_ROM_MAX);
    } else if (replay_add_input("optionrom", path, errp)) {
        pci_load_rom_image(pci, image, len);
        ok = true;
    }
    g_free(image);
    g_free(path);
    return ok;
}

static bool slot_empty(PCIBus *bus, int slot)
{
    for (int fn = 0; fn < 8; fn++) {
        if (bus->devices[PCI_DEVFN(slot, fn)]) {
            return false;
        }
    }
    return true;
}

static bool pci_choose_devfn(PCIDevice *pci, Error **errp)
{
    PCIBus *bus = pci->bus;
    if (pci->addr_prop == PCI_ADDR_NONE && pci->devfn <= 0) {
        int slot = 0;
        while (slot < PCI_SLOTS && !slot_empty(bus, slot)) {
            slot++;
        }
        if (slot == PCI_SLOTS) {
            error_setg(errp, "PCI: no slot/function available for %s, all in use", pci->dev.type->name);
            return false;
        }
        pci->devfn = PCI_DEVFN(slot, 0);
        return true;
    }
    if (pci->addr_prop != PCI_ADDR_NONE) {
        pci->devfn = pci->addr_prop & 0xff;
    }
    PCIDevice *other = bus->devices[pci->devfn];
    if (other) {
        error_setg(errp, "PCI: slot %d function %d not available for %s, in use by %s", PCI_SLOT(pci->devfn),
                   PCI_FUNC(pci->devfn), pci->dev.type->name, other->dev.type->name);
        return false;
    }
    return true;
}

static void pci_fill_header(PCIDevice *pci, const PCIIdentity *identity)
{
    uint8_t *c = pci->config;
    stw_le_p(c + PCI_VENDOR_ID, identity->vendor_id);
    stw_le_p(c + PCI_DEVICE_ID, identity->device_id);
    c[PCI_REVISION_ID] = identity->revision;
    c[PCI_CLASS_PROG] = identity->prog_if;
    stw_le_p(c + PCI_CLASS_DEVICE, identity->class_id);
    stw_le_p(c + PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor_id ? identity->subsystem_vendor_id : 0x1af4);
    stw_le_p(c + PCI_SUBSYSTEM_ID, identity->subsystem_vendor_id ? identity->subsystem_id : 0x1100);
    c[PCI_INTERRUPT_PIN] = identity->interrupt_pin;
    stw_le_p(pci->wmask + PCI_COMMAND,
             PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
    stw_le_p(pci->w1cmask + PCI_STATUS, PCI_STATUS_W1C);
    pci->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    pci->wmask[PCI_LATENCY_TIMER] = 0xff;
    pci->wmask[PCI_INTERRUPT_LINE] = 0xff;
}

bool pci_register(PCIDevice *pci, const PCIIdentity *identity, Error **errp)
{
    if (!root_bus) {
        error_setg(errp, "No 'PCI' bus found for device '%s'", pci->dev.type->name);
        return false;
    }
    pci->bus = root_bus;
    if (!pci_choose_devfn(pci, errp)) {
        return false;
    }
    pci_fill_header(pci, identity);
    if (!pci_add_rom(pci, errp)) {
        return false;
    }
    root_bus->devices[pci->devfn] = pci;
    return true;
}

void pci_device_reset(PCIDevice *pci)
{
    pci_set_irq(pci, 0);
    stw_le_p(pci->config + PCI_COMMAND, 0);
    stw_le_p(pci->config + PCI_STATUS, lduw_le_p(pci->config + PCI_STATUS) & ~PCI_STATUS_W1C);
    pci->config[PCI_CACHE_LINE_SIZE] = 0;
    pci->config[PCI_LATENCY_TIMER] = 0;
    pci->config[PCI_INTERRUPT_LINE] = 0;
    for (int bar = 0; bar < PCI_NUM_BARS; bar++) {
        if (pci->bars[bar].kind == PCI_BAR_NONE) {
            continue;
        }
        stl_le_p(pci->config + bar_offset(bar), bar_type_bits(pci->bars[bar].kind));
        if (pci->bars[bar].kind == PCI_BAR_MEM64_PREFETCH) {
            stl_le_p(pci->config + bar_offset(bar) + 4, 0);
        }
    }
    pci_update_mappings(pci);
}

/* ---- bus master ---- */

static bool pci_is_master(const PCIDevice *pci)
{
    return lduw_le_p(pci->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* How many of the bytes at addr are all RAM, or all not. */
static bool dma_reaches_ram(hwaddr addr, hwaddr *len)
{
    hwaddr offset;
    bool readonly;
    MemoryRegion *mr = address_space_translate(&address_space_memory, addr, &offset, len, &readonly);
    return mr && mr->kind != MR_IO;
}

void pci_dma_read(PCIDevice *pci, hwaddr addr, void *buf, hwaddr len)
{
    uint8_t *p = buf;
    if (!pci_is_master(pci)) {
        memset(buf, 0xff, len);
        return;
    }
    for (hwaddr piece; len > 0; addr += piece, p += piece, len -= piece) {
        piece = len;
        if (dma_reaches_ram(addr, &piece)) {
            cpu_physical_memory_read(addr, p, piece);
        } else {
            memset(p, 0xff, piece);
        }
    }
}

void pci_dma_write(PCIDevice *pci, hwaddr addr, const void *buf, hwaddr len)
{
    const uint8_t *p = buf;
    for (hwaddr piece; pci_is_master(pci) && len > 0; addr += piece, p += piece, len -= piece) {
        piece = len;
        if (dma_reaches_ram(addr, &piece)) {
            cpu_physical_memory_write(addr, p, piece);
        }
    }
}

/* ---- configuration cycles ---- */

static PCIDevice *pci_find(PCIBus *bus, uint8_t busnr, uint8_t devfn)
{
    return busnr == 0 ? bus->devices[devfn] : NULL;
}

uint32_t pci_default_config_read(const PCIDevice *pci, uint32_t addr, int len)
{
    uint32_t value = 0;
    for (int i = 0; i < len; i++) {
        uint8_t byte = pci->config[addr + i];
        if (addr + i == PCI_STATUS && pci->irq_level) {
            byte |= PCI_STATUS_INTERRUPT;
        }
        value |= (uint32_t)byte << (8 * i);
    }
    return value;
}

uint32_t pci_config_read(PCIBus *bus, uint8_t busnr, uint8_t devfn, uint32_t addr, int len)
{
    PCIDevice *pci = pci_find(bus, busnr, devfn);
    if (!pci || addr + len > PCI_CONFIG_SIZE) {
        return ~0u >> (32 - 8 * len);
    }
    return pci->config_read ? pci->config_read(pci, addr, len) : pci_default_config_read(pci, addr, len);
}

static void config_store(PCIDevice *pci, uint32_t addr, uint32_t value, int len)
{
    for (int i = 0; i < len; i++) {
        uint8_t byte = value >> (8 * i), *reg = &pci->config[addr + i];
        uint8_t wmask = pci->wmask[addr + i];
        *reg = (*reg & ~wmask) | (byte & wmask);
        *reg &= ~(byte & pci->w1cmask[addr + i]);
    }
}

static bool overlaps(uint32_t addr, int len, uint32_t first, uint32_t last)
{
    return addr <= last && addr + len > first;
}

void pci_config_write(PCIBus *bus, uint8_t busnr, uint8_t devfn, uint32_t addr, uint32_t value, int len)
{
    PCIDevice *pci = pci_find(bus, busnr, devfn);
    if (!pci || addr + len > PCI_CONFIG_SIZE) {
        return;
    }
    config_store(pci, addr, value, len);
    if (overlaps(addr, len, PCI_COMMAND, PCI_COMMAND + 1)) {
        pci_update_irq(pci);
    }
    if (overlaps(addr, len, PCI_COMMAND, PCI_COMMAND + 1) || overlaps(addr, len, 0x10, 0x27) ||
        overlaps(addr, len, PCI_ROM_ADDRESS, PCI_ROM_ADDRESS + 3)) {
        pci_update_mappings(pci);
    }
    if (pci->config_written) {
        pci->config_written(pci, addr, value, len);
    }
}

/* ---- info pci ---- */

const char *pci_class_name(uint16_t class_id)
{
    static const struct {
        uint16_t class_id;
        const char *name;
    } names[] = {
        { 0x0000, "VGA controller" },
        { 0x0100, "SCSI controller" },
        { 0x0101, "IDE controller" },
        { 0x0106, "SATA controller" },
        { 0x0200, "Ethernet controller" },
        { 0x0300, "VGA controller" },
        { 0x0380, "Display controller" },
        { 0x0401, "Audio controller" },
        { 0x0403, "Audio controller" },
        { 0x0600, "Host bridge" },
        { 0x0601, "ISA bridge" },
        { 0x0604, "PCI bridge" },
        { 0x0680, "Bridge" },
        { 0x0700, "Serial port" },
        { 0x0780, "Communication controller" },
        { 0x0c03, "USB controller" },
        { 0x0c05, "SMBus" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (names[i].class_id == class_id) {
            return names[i].name;
        }
    }
    return NULL;
}

/* One that does not decode stands at all ones: QEMU's users know it so. */
static void info_bar(const InfoSink *out, const PCIDevice *pci, int bar)
{
    const PCIBar *b = &pci->bars[bar];
    uint64_t addr = bar_address(pci, bar);
    if (b->kind == PCI_BAR_IO) {
        info_line(out, "      BAR%d: I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].", bar, addr, addr + b->size - 1);
        return;
    }
    info_line(out, "      BAR%d: %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].", bar,
              b->kind == PCI_BAR_MEM64_PREFETCH ? 64 : 32, b->kind == PCI_BAR_MEM32 ? "" : " prefetchable", addr,
              addr + b->size - 1);
}

static void info_device(const InfoSink *out, const PCIDevice *pci)
{
    const uint8_t *c = pci->config;
    uint16_t class_id = lduw_le_p(c + PCI_CLASS_DEVICE);
    const char *name = pci_class_name(class_id);
    char *fallback = name ? NULL : g_strdup_printf("Class %04d", class_id);
    info_line(out, "  Bus  0, device %3d, function %d:", PCI_SLOT(pci->devfn), PCI_FUNC(pci->devfn));
    info_line(out, "    %s: PCI device %04x:%04x", name ? name : fallback, lduw_le_p(c), lduw_le_p(c + PCI_DEVICE_ID));
    info_line(out, "      PCI subsystem %04x:%04x", lduw_le_p(c + PCI_SUBSYSTEM_VENDOR_ID),
              lduw_le_p(c + PCI_SUBSYSTEM_ID));
    if (c[PCI_INTERRUPT_PIN]) {
        info_line(out, "      IRQ %d, pin %c", c[PCI_INTERRUPT_LINE], 'A' + c[PCI_INTERRUPT_PIN] - 1);
    }
    for (int bar = 0; bar < PCI_NUM_BARS; bar++) {
        if (pci->bars[bar].kind != PCI_BAR_NONE) {
            info_bar(out, pci, bar);
        }
    }
    info_line(out, "      id \"%s\"", pci->dev.id ? pci->dev.id : "");
    g_free(fallback);
}

void pci_foreach(void (*fn)(PCIDevice *pci, void *opaque), void *opaque)
{
    for (size_t i = 0; root_bus && i < ARRAY_SIZE(root_bus->devices); i++) {
        if (root_bus->devices[i]) {
            fn(root_bus->devices[i], opaque);
        }
    }
}

void pci_info(InfoPrint *print, void *opaque)
{
    InfoSink out = { .print = print, .opaque = opaque };
    for (size_t i = 0; root_bus && i < ARRAY_SIZE(root_bus->devices); i++) {
        if (root_bus->devices[i]) {
            info_device(&out, root_bus->devices[i]);
        }
    }
}

/* ---- state ---- */

/* A loaded level is not announced: the interrupt router's own state has it. */
static bool pci_post_load(void *opaque, Error **errp)
{
    (void)errp;
    pci_update_mappings(opaque);
    return true;
}

const VMStateDescription vmstate_pci_device = {
    .name = "pci-device",
    .version = 1,
    .post_load = pci_post_load,
    .fields =
        (const VMStateField[]){
            VMSTATE_DERIVED(PCIDevice, dev),
            VMSTATE_DERIVED(PCIDevice, bus),
            VMSTATE_DERIVED(PCIDevice, devfn),
            VMSTATE_BYTES(PCIDevice, config),
            VMSTATE_DERIVED(PCIDevice, wmask),
            VMSTATE_DERIVED(PCIDevice, w1cmask),
            VMSTATE_DERIVED(PCIDevice, bars), /* mapped_at follows config */
            VMSTATE_INT(PCIDevice, irq_level),
            VMSTATE_DERIVED(PCIDevice, config_written),
            VMSTATE_DERIVED(PCIDevice, config_read),
            VMSTATE_DERIVED(PCIDevice, romfile),
            VMSTATE_DERIVED(PCIDevice, addr_prop),
            VMSTATE_END,
        },
};

static const DeviceProperty pci_properties[] = {
    { .name = "addr", .kind = PROP_PCI_ADDR, .offset = offsetof(PCIDevice, addr_prop), .def = PCI_ADDR_NONE },
    DEFINE_PROP_STRING("romfile", PCIDevice, romfile),
    { 0 },
};

const DeviceType pci_device_type = {
    .name = "pci-device",
    .size = sizeof(PCIDevice),
    .properties = pci_properties,
};
