/*
 * monitor/qtree.c  info qtree: the devices in the machine's order with their properties, those of the PCI bus last.
 *
 * What only a property's own parser understands (netdev=, mac=) is left out; `info network` has it.
 */
#include "hmp-internal.h"
#include "hw/pci/pci.h"

#define INDENT 2

typedef struct Printer {
    Monitor *mon;
    bool pci; /* those on the bus, or the others */
    int depth;
} Printer;

static void print(const Printer *p, int more, const char *fmt, ...) QEMU_PRINTF(3, 4);

static void print(const Printer *p, int more, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    monitor_printf(p->mon, "%*s%s\n", INDENT * (p->depth + more), "", text);
    g_free(text);
}

static void print_number(const Printer *p, const char *name, uint64_t value)
{
    print(p, 1, "%s = %" PRIu64 " (0x%" PRIx64 ")", name, value, value);
}

static void print_text(const Printer *p, const char *name, const char *value)
{
    print(p, 1, "%s = \"%s\"", name, value ? value : "");
}

static void print_property(const Printer *p, const Device *dev, const DeviceProperty *prop)
{
    const void *field = (const char *)dev + prop->offset;
    switch (prop->kind) {
    case PROP_BOOL:
        print(p, 1, "%s = %s", prop->name, *(const bool *)field ? "true" : "false");
        break;
    case PROP_UINT8:
        print_number(p, prop->name, *(const uint8_t *)field);
        break;
    case PROP_UINT16:
        print_number(p, prop->name, *(const uint16_t *)field);
        break;
    case PROP_UINT32:
        print_number(p, prop->name, *(const uint32_t *)field);
        break;
    case PROP_UINT64:
        print_number(p, prop->name, *(const uint64_t *)field);
        break;
    case PROP_STRING:
        print_text(p, prop->name, *(char *const *)field);
        break;
    case PROP_PCI_ADDR:
        break; /* print_pci() has where it is */
    case PROP_PARSED:
        if (prop->show) {
            print_text(p, prop->name, prop->show(field));
        }
        break;
    }
}

static void print_pci(const Printer *p, const PCIDevice *pci)
{
    const uint8_t *c = pci->config;
    const char *name = pci_class_name(lduw_le_p(c + PCI_CLASS_DEVICE));
    print(p, 1, "addr = %02x.%x", PCI_SLOT(pci->devfn), PCI_FUNC(pci->devfn));
    print(p, 1, "class %s, addr 00:%02x.%x, pci id %04x:%04x (sub %04x:%04x)", name ? name : "unknown",
          PCI_SLOT(pci->devfn), PCI_FUNC(pci->devfn), lduw_le_p(c + PCI_VENDOR_ID), lduw_le_p(c + PCI_DEVICE_ID),
          lduw_le_p(c + PCI_SUBSYSTEM_VENDOR_ID), lduw_le_p(c + PCI_SUBSYSTEM_ID));
    for (int bar = 0; bar < PCI_NUM_BARS; bar++) {
        const PCIBar *b = &pci->bars[bar];
        if (b->kind != PCI_BAR_NONE && b->mapped_at != PCI_BAR_UNMAPPED) {
            print(p, 1, "bar %d: %s at 0x%" PRIx64 " [0x%" PRIx64 "]", bar, b->kind == PCI_BAR_IO ? "i/o" : "mem",
                  (uint64_t)b->mapped_at, (uint64_t)(b->mapped_at + b->size - 1));
        }
    }
}

static void print_device(Device *dev, void *opaque)
{
    const Printer *p = opaque;
    bool pci = dev->type->parent == &pci_device_type;
    if (pci != p->pci) {
        return;
    }
    print(p, 0, "dev: %s, id \"%s\"", dev->type->name, dev->id ? dev->id : "");
    for (const DeviceType *type = dev->type; type; type = type->parent) {
        for (const DeviceProperty *prop = type->properties; prop && prop->name; prop++) {
            print_property(p, dev, prop);
        }
    }
    if (pci) {
        print_pci(p, (PCIDevice *)dev);
    }
}

void hmp_info_qtree(Monitor *mon, const char *args)
{
    Printer system = { .mon = mon, .depth = 1 }, pci = { .mon = mon, .pci = true, .depth = 1 };
    (void)args;
    monitor_printf(mon, "bus: main-system-bus\n  type System\n");
    device_foreach(print_device, &system);
    monitor_printf(mon, "bus: pci.0\n  type PCI\n");
    device_foreach(print_device, &pci);
}
