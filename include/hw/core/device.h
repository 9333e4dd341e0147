/*
 * hw/core/device.h  A device: a struct that begins with Device, and a DeviceType that declares it at the end of its
 * file.
 *
 * The machine creates devices explicitly and in order (hw/i386/pc.c); that order is the order of reset, of state and
 * of `info qtree`. Types that users may name in -device are listed in hw/core/device-list.c, in one table.
 */
#ifndef HW_CORE_DEVICE_H
#define HW_CORE_DEVICE_H

#include "hw/core/irq.h"
#include "migration/vmstate.h"
#include "util/error.h"
#include "util/option.h"

typedef struct Device Device;
typedef struct DeviceType DeviceType;

typedef enum PropertyKind {
    PROP_BOOL,
    PROP_UINT8,
    PROP_UINT16,
    PROP_UINT32,
    PROP_UINT64,
    PROP_STRING,
    PROP_PCI_ADDR, /* uint32_t devfn, "slot" or "slot.fn" */
    PROP_PARSED,   /* by .parse */
} PropertyKind;

typedef struct DeviceProperty {
    const char *name; /* as in -device type,name=value; NULL ends the list */
    PropertyKind kind;
    size_t offset;
    uint64_t def; /* strings default to NULL, parsed ones to zeros */
    /*
     * PROP_PARSED: store what text names in the field, which owns nothing. False with an error, a whole sentence, or
     * without one: "doesn't take value". device: the type's name, for that sentence.
     */
    bool (*parse)(void *field, const char *device, const char *text, Error **errp);
    const char *(*show)(const void *field); /* PROP_PARSED, for `info qtree`: NULL when not given; may be NULL */
} DeviceProperty;

#define DEFINE_PROP_BOOL(n, type, m, d)                                     \
    {                                                                       \
        .name = n, .kind = PROP_BOOL, .offset = offsetof(type, m), .def = d \
    }
#define DEFINE_PROP_UINT8(n, type, m, d)                                     \
    {                                                                        \
        .name = n, .kind = PROP_UINT8, .offset = offsetof(type, m), .def = d \
    }
#define DEFINE_PROP_UINT16(n, type, m, d)                                     \
    {                                                                         \
        .name = n, .kind = PROP_UINT16, .offset = offsetof(type, m), .def = d \
    }
#define DEFINE_PROP_UINT32(n, type, m, d)                                     \
    {                                                                         \
        .name = n, .kind = PROP_UINT32, .offset = offsetof(type, m), .def = d \
    }
#define DEFINE_PROP_UINT64(n, type, m, d)                                     \
    {                                                                         \
        .name = n, .kind = PROP_UINT64, .offset = offsetof(type, m), .def = d \
    }
#define DEFINE_PROP_STRING(n, type, m)                              \
    {                                                               \
        .name = n, .kind = PROP_STRING, .offset = offsetof(type, m) \
    }
#define DEFINE_PROP_PARSED(n, type, m, fn)                                       \
    {                                                                            \
        .name = n, .kind = PROP_PARSED, .offset = offsetof(type, m), .parse = fn \
    }

struct DeviceType {
    const char *name;                           /* QEMU's name: "isa-debug-exit" */
    const char *description;                    /* one line, for -device help; NULL */
    size_t size;                                /* of the struct that begins with Device; zeroed at creation */
    const VMStateDescription *vmsd;             /* NULL: has no state */
    const DeviceProperty *properties;           /* NULL: none */
    bool (*realize)(Device *dev, Error **errp); /* properties are set: map ports and memory, init timers; may be NULL */
    void (*reset)(Device *dev);                 /* power-on state; may be NULL */
    bool user_creatable;                        /* may be named in -device */
    const DeviceType *parent;                   /* bus-specific base, e.g. &pci_device_type; NULL */
};

struct Device {
    const DeviceType *type;
    const char *id; /* from -device id=, or NULL */
    int instance;   /* 0, 1, ... among devices of the same type */
    bool realized;
    Device *next; /* in the machine's order */
};

/* Allocate with default properties; not yet part of the machine. */
Device *device_new(const DeviceType *type);
/* Set one property from text; error "Property 'type.name' not found" or "... doesn't take value 'x'". */
bool device_set_property(Device *dev, const char *name, const char *value, Error **errp);
/* Call realize, append to the machine's list, register its vmstate. On error the device is freed. */
bool device_realize(Device *dev, Error **errp);
/* Give back a device that was not realized. */
void device_free(Device *dev);
/* new + realize of a device that cannot fail; for the board. */
Device *device_create(const DeviceType *type);
void device_foreach(void (*fn)(Device *dev, void *opaque), void *opaque);
/* Reset every device in order. Called by qemu_system_reset(). */
void device_reset_all(void);
/* Look up by name in the table of all types; NULL. */
const DeviceType *device_type_find(const char *name);
bool device_type_has_property(const DeviceType *type, const char *name);
/* Names of all types that users may create and that have this property, one per line: NICs have "netdev". */
void device_help_with_property(FILE *out, const char *property);
/* -device argument: "type,prop=value,id=x". "type,help" prints its properties and ends the process. */
bool device_add(const char *arg, Error **errp);
void device_help(FILE *out);

#endif
