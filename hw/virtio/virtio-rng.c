/*
 * hw/virtio/virtio-rng.c  Entropy device (Virtual I/O Device Version 1.1, section 5.4).
 *
 * Its bytes come from the machine's own generator, seeded once per recording (util/rng.h): nothing of the host enters.
 * Sources that -object names (rng-builtin, rng-random) are accepted, and all of them are that generator.
 */
#include "hw/virtio/virtio.h"
#include "util/rng.h"

#define REQUEST_QUEUE 0
#define CHUNK         4096
#define REQUEST_MAX   65536 /* bytes; 5.4.6.1: a buffer may come back with fewer than it has room for */

typedef struct VirtIORNG {
    VirtIODevice vdev;
    const char *source; /* id, or NULL; owned by the list of sources */
} VirtIORNG;

/* ---- -object rng-builtin, rng-random ---- */

static GPtrArray *sources; /* of char *: their ids */

static const char *find_source(const char *id)
{
    for (guint i = 0; sources && i < sources->len; i++) {
        if (g_str_equal(g_ptr_array_index(sources, i), id)) {
            return g_ptr_array_index(sources, i);
        }
    }
    return NULL;
}

static bool add_source(const char *kind, const char *id, const char *filename, Error **errp)
{
    bool random = g_str_equal(kind, "rng-random");
    if (!random && !g_str_equal(kind, "rng-builtin")) {
        error_setg(errp, "Parameter 'qom-type' does not accept value '%s'", kind);
    } else if (!random && filename) {
        error_setg(errp, "Invalid parameter 'filename'");
    } else if (!id) {
        error_setg(errp, "Parameter 'id' is missing");
    } else if (find_source(id)) {
        error_setg(errp, "attempt to add duplicate object '%s'", id);
    } else {
        sources = sources ? sources : g_ptr_array_new();
        g_ptr_array_add(sources, g_strdup(id));
        return true;
    }
    return false;
}

bool object_add_rng(const char *arg, Error **errp)
{
    static const char *const known[] = { "qom-type", "id", "filename", NULL };
    QemuOpts *opts = qemu_opts_parse(arg, "qom-type", known, errp);
    if (!opts) {
        return false;
    }
    bool ok =
        add_source(qemu_opt_get(opts, "qom-type"), qemu_opt_get(opts, "id"), qemu_opt_get(opts, "filename"), errp);
    qemu_opts_free(opts);
    return ok;
}

static bool parse_source(void *field, const char *device, const char *text, Error **errp)
{
    *(const char **)field = find_source(text);
    if (!find_source(text)) {
        error_setg(errp, "Property '%s.rng' can't find value '%s'", device, text);
    }
    return find_source(text) != NULL;
}

/* ---- the device ---- */

static uint32_t fill(VirtIODevice *vdev, const VirtElement *elem)
{
    uint8_t bytes[CHUNK];
    uint64_t done = 0, wanted = MIN(elem->in_len, REQUEST_MAX);
    while (done < wanted) {
        size_t n = MIN(sizeof(bytes), wanted - done);
        guest_random_bytes(bytes, n);
        done += virtio_write(vdev, elem, done, bytes, n);
    }
    return done;
}

static void requested(VirtIODevice *vdev, int queue)
{
    VirtElement *elem;
    while ((elem = virtio_pop(vdev, queue))) {
        virtio_push(vdev, queue, elem, fill(vdev, elem));
    }
    virtio_notify(vdev, queue);
}

static const VirtIOClass rng_class = { .device_type = 4, .class_id = 0x00ff };

static bool rng_realize(Device *dev, Error **errp)
{
    VirtIORNG *s = (VirtIORNG *)dev;
    if (!virtio_realize(&s->vdev, &rng_class, errp)) {
        return false;
    }
    virtio_add_queue(&s->vdev, REQUEST_QUEUE, 8, requested);
    return true;
}

static void rng_reset(Device *dev)
{
    VirtIORNG *s = (VirtIORNG *)dev;
    virtio_reset(&s->vdev);
    pci_device_reset(&s->vdev.pci);
}

static const VMStateField rng_fields[] = { VMSTATE_STRUCT(VirtIORNG, vdev, vmstate_virtio_device),
                                           VMSTATE_DERIVED(VirtIORNG, source), VMSTATE_END };
static const VMStateDescription vmstate_rng = { .name = "virtio-rng", .version = 1, .fields = rng_fields };

static const DeviceProperty rng_properties[] = { DEFINE_PROP_PARSED("rng", VirtIORNG, source, parse_source),
                                                 VIRTIO_PROPERTIES(VirtIORNG),
                                                 { .name = NULL } };

const DeviceType virtio_rng_pci_type = {
    .name = "virtio-rng-pci",
    .description = "virtio entropy device",
    .size = sizeof(VirtIORNG),
    .vmsd = &vmstate_rng,
    .properties = rng_properties,
    .realize = rng_realize,
    .reset = rng_reset,
    .user_creatable = true,
    .parent = &pci_device_type,
};
