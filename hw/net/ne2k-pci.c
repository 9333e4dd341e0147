/* hw/net/ne2k-pci.c  The NE2000 on PCI: Realtek RTL8029, 10ec:8029, 32 ports. The chip is in ne2000.c. */
#include "hw/net/ne2000.h"
#include "hw/net/nic-common.h"
#include "hw/net/nics.h"

typedef struct NE2kPCI {
    PCIDevice pci;
    NICConf conf;
    NE2000 ne2000;
    MemoryRegion io;
} NE2kPCI;

static void ne2k_set_irq(void *opaque, int n, int level)
{
    (void)n;
    pci_set_irq(opaque, level);
}

static bool ne2k_realize(Device *dev, Error **errp)
{
    static const PCIIdentity identity = {
        .vendor_id = 0x10ec, .device_id = 0x8029, .class_id = 0x0200, .interrupt_pin = 1
    };
    NE2kPCI *s = (NE2kPCI *)dev;
    const NICInfo info = { .model = "ne2k_pci", .id = dev->id, .receive = ne2000_receive, .opaque = &s->ne2000 };
    if (!nic_pci_register(&s->pci, &s->conf, &identity, &info, "pxe-ne2k_pci.rom", errp)) {
        return false;
    }
    s->ne2000.peer = s->conf.peer;
    s->ne2000.irq = irq_line(ne2k_set_irq, &s->pci, 0);
    ne2000_init(&s->ne2000, &s->conf.mac);
    memory_region_init_io(&s->io, &ne2000_ops, &s->ne2000, "ne2000", NE2000_PORTS);
    pci_register_bar(&s->pci, 0, PCI_BAR_IO, &s->io);
    return true;
}

static void ne2k_reset(Device *dev)
{
    NE2kPCI *s = (NE2kPCI *)dev;
    pci_device_reset(&s->pci);
    ne2000_reset(&s->ne2000);
}

static const VMStateField ne2k_fields[] = { VMSTATE_STRUCT(NE2kPCI, pci, vmstate_pci_device),
                                            VMSTATE_DERIVED(NE2kPCI, conf),
                                            VMSTATE_STRUCT(NE2kPCI, ne2000, vmstate_ne2000),
                                            VMSTATE_DERIVED(NE2kPCI, io), VMSTATE_END };

static const VMStateDescription ne2k_vmsd = { .name = "ne2k_pci", .version = 1, .fields = ne2k_fields };

static const DeviceProperty ne2k_properties[] = { DEFINE_NIC_PROPERTIES(NE2kPCI, conf), { .name = NULL } };

const DeviceType ne2k_pci_type = {
    .name = "ne2k_pci",
    .description = "Realtek RTL8029 (NE2000)",
    .size = sizeof(NE2kPCI),
    .vmsd = &ne2k_vmsd,
    .properties = ne2k_properties,
    .realize = ne2k_realize,
    .reset = ne2k_reset,
    .user_creatable = true,
    .parent = &pci_device_type,
};
