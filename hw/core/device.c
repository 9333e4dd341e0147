/*
 * hw/core/device.c  Devices: creation, properties, the machine's ordered list. Contract: include/hw/core/device.h.
 * The table of types and the -device option are in hw/core/device-list.c.
 */
#include "hw/core/device.h"

static Device *device_first;
static Device **device_tail = &device_first;

static void *property_field(Device *dev, const DeviceProperty *prop)
{
    return (char *)dev + prop->offset;
}

static void property_store(Device *dev, const DeviceProperty *prop, uint64_t value)
{
    switch (prop->kind) {
    case PROP_BOOL:
        *(bool *)property_field(dev, prop) = value;
        break;
    case PROP_UINT8:
        *(uint8_t *)property_field(dev, prop) = value;
        break;
    case PROP_UINT16:
        *(uint16_t *)property_field(dev, prop) = value;
        break;
    case PROP_UINT32:
    case PROP_PCI_ADDR:
        *(uint32_t *)property_field(dev, prop) = value;
        break;
    case PROP_UINT64:
        *(uint64_t *)property_field(dev, prop) = value;
        break;
    case PROP_STRING:
    case PROP_PARSED:
        break; /* text only */
    }
}

static uint64_t property_max(PropertyKind kind)
{
    switch (kind) {
    case PROP_UINT8:
        return UINT8_MAX;
    case PROP_UINT16:
        return UINT16_MAX;
    case PROP_UINT32:
        return UINT32_MAX;
    default:
        return UINT64_MAX;
    }
}

/* "slot" or "slot.fn", both hexadecimal as QEMU reads them; the value is a devfn. */
static bool parse_pci_addr(const char *text, uint64_t *value)
{
    char *end;
    if (!g_ascii_isxdigit(*text)) {
        return false;
    }
    uint64_t slot = g_ascii_strtoull(text, &end, 16), fn = 0;
    if (*end == '.' && g_ascii_isxdigit(end[1])) {
        fn = g_ascii_strtoull(end + 1, &end, 16);
    }
    *value = slot << 3 | fn;
    return *end == '\0' && slot < 32 && fn < 8;
}

static bool property_parse(Device *dev, const DeviceProperty *prop, const char *text, Error **errp)
{
    bool on;
    uint64_t value;
    switch (prop->kind) {
    case PROP_STRING: {
        char **field = property_field(dev, prop);
        g_free(*field);
        *field = g_strdup(text);
        return true;
    }
    case PROP_PARSED:
        return prop->parse(property_field(dev, prop), dev->type->name, text, errp);
    case PROP_BOOL:
        if (!parse_bool(text, &on)) {
            return false;
        }
        value = on;
        break;
    case PROP_PCI_ADDR:
        if (!parse_pci_addr(text, &value)) {
            return false;
        }
        break;
    default:
        if (!parse_uint(text, property_max(prop->kind), &value)) {
            return false;
        }
    }
    property_store(dev, prop, value);
    return true;
}

typedef void PropertyVisitor(Device *dev, const DeviceProperty *prop);

static void property_foreach(Device *dev, PropertyVisitor *visit)
{
    for (const DeviceType *type = dev->type; type; type = type->parent) {
        for (const DeviceProperty *prop = type->properties; prop && prop->name; prop++) {
            visit(dev, prop);
        }
    }
}

static void property_set_default(Device *dev, const DeviceProperty *prop)
{
    property_store(dev, prop, prop->def);
}

static void property_free(Device *dev, const DeviceProperty *prop)
{
    if (prop->kind == PROP_STRING) {
        g_free(*(char **)property_field(dev, prop));
    }
}

Device *device_new(const DeviceType *type)
{
    Device *dev = g_malloc0(type->size);
    dev->type = type;
    property_foreach(dev, property_set_default);
    return dev;
}

void device_free(Device *dev)
{
    property_foreach(dev, property_free);
    g_free((char *)dev->id);
    g_free(dev);
}

static const DeviceProperty *property_find(const DeviceType *type, const char *name)
{
    for (; type; type = type->parent) {
        for (const DeviceProperty *prop = type->properties; prop && prop->name; prop++) {
            if (g_str_equal(prop->name, name)) {
                return prop;
            }
        }
    }
    return NULL;
}

bool device_type_has_property(const DeviceType *type, const char *name)
{
    return property_find(type, name) != NULL;
}

bool device_set_property(Device *dev, const char *name, const char *value, Error **errp)
{
    const DeviceProperty *prop = property_find(dev->type, name);
    if (!prop) {
        error_setg(errp, "Property '%s.%s' not found", dev->type->name, name);
        return false;
    }
    Error *err = NULL;
    bool ok = property_parse(dev, prop, value, &err);
    if (!ok && !err) {
        error_setg(&err, "Property '%s.%s' doesn't take value '%s'", dev->type->name, name, value);
    }
    error_propagate(errp, err);
    return ok;
}

static int next_instance(const DeviceType *type)
{
    int n = 0;
    for (Device *dev = device_first; dev; dev = dev->next) {
        n += dev->type == type;
    }
    return n;
}

bool device_realize(Device *dev, Error **errp)
{
    dev->instance = next_instance(dev->type);
    if (dev->type->realize && !dev->type->realize(dev, errp)) {
        device_free(dev);
        return false;
    }
    dev->realized = true;
    *device_tail = dev;
    device_tail = &dev->next;
    if (dev->type->vmsd) {
        vmstate_register(dev->type->name, dev->instance, dev->type->vmsd, dev);
    }
    return true;
}

Device *device_create(const DeviceType *type)
{
    Device *dev = device_new(type);
    device_realize(dev, &error_fatal);
    return dev;
}

void device_foreach(void (*fn)(Device *dev, void *opaque), void *opaque)
{
    for (Device *dev = device_first; dev; dev = dev->next) {
        fn(dev, opaque);
    }
}

static void device_reset(Device *dev, void *opaque)
{
    (void)opaque;
    if (dev->type->reset) {
        dev->type->reset(dev);
    }
}

void device_reset_all(void)
{
    device_foreach(device_reset, NULL);
}
