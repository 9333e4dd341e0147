/*
 * hw/pci/pci.h  PCI configuration space, BARs, INTx. PCI Local Bus Specification 3.0.
 *
 * A PCI device's struct begins with PCIDevice; its DeviceType has .parent = &pci_device_type, and it calls
 * pci_register() first thing in realize.
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "exec/memory.h"
#include "hw/core/device.h"
#include "util/info.h"

#define PCI_CONFIG_SIZE     256
#define PCI_NUM_BARS        7 /* the last is the expansion ROM */
#define PCI_DEVFN(slot, fn) (((slot) << 3) | (fn))
#define PCI_SLOT(devfn)     ((devfn) >> 3)
#define PCI_FUNC(devfn)     ((devfn)&7)

#define PCI_VENDOR_ID            0x00
#define PCI_DEVICE_ID            0x02
#define PCI_COMMAND              0x04
#define PCI_COMMAND_IO           0x1
#define PCI_COMMAND_MEMORY       0x2
#define PCI_COMMAND_MASTER       0x4
#define PCI_COMMAND_INTX_DISABLE 0x400
#define PCI_STATUS               0x06
#define PCI_STATUS_CAP_LIST      0x10
#define PCI_REVISION_ID          0x08
#define PCI_CLASS_PROG           0x09
#define PCI_CLASS_DEVICE         0x0a
#define PCI_HEADER_TYPE          0x0e
#define PCI_BASE_ADDRESS_0       0x10
#define PCI_SUBSYSTEM_VENDOR_ID  0x2c
#define PCI_SUBSYSTEM_ID         0x2e
#define PCI_ROM_ADDRESS          0x30
#define PCI_CAPABILITY_LIST      0x34
#define PCI_INTERRUPT_LINE       0x3c
#define PCI_INTERRUPT_PIN        0x3d

typedef struct PCIBus PCIBus;
typedef struct PCIDevice PCIDevice;

typedef enum PCIBarKind {
    PCI_BAR_NONE,
    PCI_BAR_IO,
    PCI_BAR_MEM32,
    PCI_BAR_MEM32_PREFETCH,
    PCI_BAR_MEM64_PREFETCH
} PCIBarKind;

typedef struct PCIBar {
    PCIBarKind kind;
    uint64_t size; /* power of two */
    MemoryRegion *mr;
    uint64_t mapped_at; /* PCI_BAR_UNMAPPED when it does not decode */
} PCIBar;
#define PCI_BAR_UNMAPPED (~0ULL)

struct PCIDevice {
    Device dev;
    PCIBus *bus;
    int devfn; /* -1 before realize: next free slot */
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t wmask[PCI_CONFIG_SIZE];   /* bits the guest may write */
    uint8_t w1cmask[PCI_CONFIG_SIZE]; /* bits that a written 1 clears */
    PCIBar bars[PCI_NUM_BARS];
    uint8_t irq_level; /* INTx asserted */
    /* Optional: called after config space was written (already applied, BARs remapped). */
    void (*config_written)(PCIDevice *pci, uint32_t addr, uint32_t value, int len);
    uint32_t (*config_read)(PCIDevice *pci, uint32_t addr, int len); /* NULL: plain bytes */
    char *romfile;      /* expansion ROM, property "romfile"; looked up among the firmware files */
    uint32_t addr_prop; /* property "addr": slot, or slot.fn */
};

typedef struct PCIIdentity {
    uint16_t vendor_id, device_id;
    uint8_t revision;
    uint16_t class_id; /* base and sub class: 0x0200 Ethernet */
    uint8_t prog_if;
    uint16_t subsystem_vendor_id, subsystem_id;
    uint8_t interrupt_pin; /* 0 none, 1 = INTA */
} PCIIdentity;

extern const DeviceType pci_device_type;
extern const VMStateDescription vmstate_pci_device; /* nest it first in each PCI device's fields */

/* The one root bus (created by the i440FX). set_irq: pin 0..3 after swizzling, called with the level of the wired-or.
 */
PCIBus *pci_bus_new(MemoryRegion *mem, MemoryRegion *io, void (*set_irq)(void *opaque, int pirq, int level),
                    int (*map_irq)(PCIDevice *pci, int pin), void *opaque);
PCIBus *pci_root_bus(void);
/* Take a place on the root bus and fill the standard header. pci->devfn or addr_prop may name the place. */
bool pci_register(PCIDevice *pci, const PCIIdentity *identity, Error **errp);
/* bar 0..5; size of mr must be a power of two. BAR registers, decoding by COMMAND, and (un)mapping are done here. */
void pci_register_bar(PCIDevice *pci, int bar, PCIBarKind kind, MemoryRegion *mr);
/* Level of the device's own INTx pin. */
void pci_set_irq(PCIDevice *pci, int level);
/*
 * Bus-master accesses: nothing happens (reads give ff) while COMMAND.MASTER is clear, and where there is no RAM or ROM:
 * no register, of this card or of another, changes under a device that is in the middle of its work.
 */
void pci_dma_read(PCIDevice *pci, hwaddr addr, void *buf, hwaddr len);
void pci_dma_write(PCIDevice *pci, hwaddr addr, const void *buf, hwaddr len);
/* What a device without config_read of its own answers. */
uint32_t pci_default_config_read(const PCIDevice *pci, uint32_t addr, int len);
void pci_device_reset(PCIDevice *pci); /* command, BARs, interrupt line; devices call it from reset */
uint32_t pci_config_read(PCIBus *bus, uint8_t busnr, uint8_t devfn, uint32_t addr, int len);
void pci_config_write(PCIBus *bus, uint8_t busnr, uint8_t devfn, uint32_t addr, uint32_t value, int len);
/* Every device, by devfn. */
void pci_foreach(void (*fn)(PCIDevice *pci, void *opaque), void *opaque);
/* "Ethernet controller"; NULL: none that we know. */
const char *pci_class_name(uint16_t class_id);
void pci_info(InfoPrint *print, void *opaque);

#endif
