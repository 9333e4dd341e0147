/*
 * hw/virtio/virtio-rng.c  Entropy device (Virtual I/O Device Version 1.1, section 5.4).
 *
 * Its bytes come from the machine's own generator, seeded once per recording (util/rng.h): nothing of the host enters.
 */
#include "hw/virtio/virtio.h"
#include "util/rng.h"

#define REQUEST_QUEUE 0
#define CHUNK         4096

typedef struct VirtIORNG {
    VirtIODevice vdev;
} VirtIORNG;

static uint32_t fill(VirtIODevice *vdev, const VirtElement *elem)
{
    uint8_t bytes[CHUNK];
    uint64_t done = 0;
    while (done < elem->in_len) {
        size_t n = MIN(sizeof(bytes), elem->in_len - done);
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

static const VMStateField rng_fields[] = { VMSTATE_STRUCT(VirtIORNG, vdev, vmstate_virtio_device), VMSTATE_END };
static const VMStateDescription vmstate_rng = { .name = "virtio-rng", .version = 1, .fields = rng_fields };

static const DeviceProperty rng_properties[] = { VIRTIO_PROPERTIES(VirtIORNG), { .name = NULL } };

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
