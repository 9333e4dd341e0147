/* hw/core/device-list.c  The one table of all device types, and the -device option that reads it. */
#include "hw/block/floppy.h"
#include "hw/ide/ide.h"
#include "hw/intc/intc.h"
#include "hw/isa/chips.h"
#include "hw/net/nics.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/virtio/virtio.h"

static const DeviceType *const device_types[] = {
    /* chipset */
    &i440fx_type,
    &piix3_type,
    &piix4_pm_type,
    &fw_cfg_type,
    &port92_type,
    /* interrupts, timers, clock */
    &i8259_type,
    &ioapic_type,
    &apic_type,
    &i8254_type,
    &hpet_type,
    &mc146818rtc_type,
    /* input, sound, DMA */
    &i8042_type,
    &pcspk_type,
    &i8257_type,
    /* for users */
    &isa_serial_type,
    &isa_parallel_type,
    &isa_debug_exit_type,
    &isa_debugcon_type,
    &pc_testdev_type,
    &pvpanic_type,
    &vga_pci_type,
    /* storage */
    &piix3_ide_type,
    &ide_hd_type,
    &ide_cd_type,
    &isa_fdc_type,
    &floppy_type,
    &virtio_blk_pci_type,
    /* others on PCI */
    &virtio_rng_pci_type,
    &virtio_serial_pci_type,
    &virtconsole_type,
    &virtserialport_type,
    /* network */
    &e1000_type,
    &ne2k_pci_type,
    &rtl8139_type,
    &virtio_net_pci_type,
};

/* Other names of the same. */
static const char *const aliases[][2] = {
    { "virtio-blk", "virtio-blk-pci" },
    { "virtio-net", "virtio-net-pci" },
    { "virtio-rng", "virtio-rng-pci" },
    { "virtio-serial", "virtio-serial-pci" },
};

static const char *real_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        if (g_str_equal(aliases[i][0], name)) {
            return aliases[i][1];
        }
    }
    return name;
}

const DeviceType *device_type_find(const char *name)
{
    name = real_name(name);
    for (size_t i = 0; i < ARRAY_SIZE(device_types); i++) {
        if (g_str_equal(device_types[i]->name, name)) {
            return device_types[i];
        }
    }
    return NULL;
}

static const char *bus_kind(const DeviceType *type)
{
    return type->parent == &pci_device_type           ? "PCI"
           : type->parent == &ide_device_type         ? "IDE"
           : type->parent == &virtio_serial_port_type ? "virtio-serial-bus"
           : type == &floppy_type                     ? "floppy-bus"
                                                      : "ISA";
}

/* ---- -device ---- */

typedef struct DeviceAdd {
    Device *dev;
    Error *error; /* the first */
} DeviceAdd;

static void match_id(Device *dev, void *opaque)
{
    const char **id = opaque;
    if (*id && dev->id && g_str_equal(dev->id, *id)) {
        *id = NULL;
    }
}

static bool id_is_free(const char *id)
{
    const char *wanted = id;
    device_foreach(match_id, &wanted);
    return wanted != NULL;
}

static void set_id(DeviceAdd *add, const char *id)
{
    if (!id_is_free(id)) {
        error_setg(&add->error, "Duplicate device ID '%s'", id);
        return;
    }
    add->dev->id = g_strdup(id);
}

static const char *const bus_names[][2] = {
    { "pci.0", "PCI" }, { "isa.0", "ISA" }, { "ide.0", "IDE" }, { "ide.1", "IDE" }, { "floppy-bus.0", "floppy-bus" }
};

/* A device whose kind has several buses has a property that says which. */
static void set_bus(DeviceAdd *add, const char *bus)
{
    const char *wanted = bus_kind(add->dev->type), *found = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(bus_names) && !found; i++) {
        found = g_str_equal(bus_names[i][0], bus) ? bus_names[i][1] : NULL;
    }
    if (!found) {
        error_setg(&add->error, "Bus '%s' not found", bus);
    } else if (!g_str_equal(found, wanted)) {
        error_setg(&add->error, "Device '%s' can't go on %s bus", add->dev->type->name, found);
    } else if (g_str_equal(wanted, "IDE")) {
        device_set_property(add->dev, "bus", bus, &add->error);
    }
}

static void apply_option(const char *key, const char *value, void *opaque)
{
    DeviceAdd *add = opaque;
    if (add->error || g_str_equal(key, "driver")) {
        return;
    }
    if (g_str_equal(key, "id")) {
        set_id(add, value);
    } else if (g_str_equal(key, "bus") && add->dev->type->parent != &virtio_serial_port_type) {
        set_bus(add, value);
    } else {
        device_set_property(add->dev, key, value, &add->error);
    }
}

static const DeviceType *find_user_type(const char *name, Error **errp)
{
    const DeviceType *type = device_type_find(name);
    if (!type) {
        error_setg(errp, "'%s' is not a valid device model name", name);
        return NULL;
    }
    if (!type->user_creatable) {
        error_setg(errp, "Parameter 'driver' expects a pluggable device type");
        return NULL;
    }
    return type;
}

/* "-device type,help" */
static void type_help(FILE *out, const DeviceType *type)
{
    static const char *const kinds[] = {
        [PROP_BOOL] = "bool",     [PROP_UINT8] = "uint8", [PROP_UINT16] = "uint16",  [PROP_UINT32] = "uint32",
        [PROP_UINT64] = "uint64", [PROP_STRING] = "str",  [PROP_PCI_ADDR] = "int32", [PROP_PARSED] = "str",
    };
    fprintf(out, "%s options:\n", type->name);
    for (; type; type = type->parent) {
        for (const DeviceProperty *prop = type->properties; prop && prop->name; prop++) {
            fprintf(out, "  %s=<%s>\n", prop->name, kinds[prop->kind]);
        }
    }
}

static bool device_add_opts(const QemuOpts *opts, Error **errp)
{
    const char *driver = qemu_opt_get(opts, "driver");
    if (!driver) {
        error_setg(errp, "Parameter 'driver' is missing");
        return false;
    }
    const DeviceType *type = find_user_type(driver, errp);
    if (!type) {
        return false;
    }
    if (qemu_opt_get(opts, "help")) {
        type_help(stdout, type);
        exit(0);
    }
    DeviceAdd add = { .dev = device_new(type) };
    qemu_opts_foreach(opts, apply_option, &add);
    if (add.error) {
        device_free(add.dev);
        error_propagate(errp, add.error);
        return false;
    }
    return device_realize(add.dev, errp);
}

bool device_add(const char *arg, Error **errp)
{
    QemuOpts *opts = qemu_opts_parse(arg, "driver", NULL, errp);
    if (!opts) {
        return false;
    }
    bool ok = device_add_opts(opts, errp);
    qemu_opts_free(opts);
    return ok;
}

void device_help(FILE *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(device_types); i++) {
        const DeviceType *type = device_types[i];
        if (!type->user_creatable) {
            continue;
        }
        fprintf(out, "name \"%s\", bus %s", type->name, bus_kind(type));
        if (type->description) {
            fprintf(out, ", desc \"%s\"", type->description);
        }
        fputc('\n', out);
    }
}

void device_help_with_property(FILE *out, const char *property)
{
    for (size_t i = 0; i < ARRAY_SIZE(device_types); i++) {
        if (device_types[i]->user_creatable && device_type_has_property(device_types[i], property)) {
            fprintf(out, "%s\n", device_types[i]->name);
        }
    }
}
