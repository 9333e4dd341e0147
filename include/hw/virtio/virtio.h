/*
 * hw/virtio/virtio.h  Virtio devices over PCI (Virtual I/O Device Version 1.1; sections are of that document).
 *
 * A device's struct begins with VirtIODevice; its DeviceType has .parent = &pci_device_type and calls virtio_realize()
 * first thing in realize. Split rings with indirect descriptors and event index; a transitional device unless told
 * otherwise: the legacy registers are BAR 0, the modern ones BAR 4. Interrupts by INTx.
 *
 * What the guest writes into its rings is hostile: chains are bounded, and a broken one stops the device
 * (DEVICE_NEEDS_RESET) until the guest resets it. Nothing here depends on the host: a queue is looked at when the guest
 * kicks it, or when the device has something to deliver.
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include "hw/pci/pci.h"

#define VIRTIO_QUEUES_MAX     64
#define VIRTIO_QUEUE_SIZE_MAX 1024
#define VIRTIO_CONFIG_MAX     256 /* bytes of device configuration */

#define VIRTIO_BIT(n)               (1ULL << (n))
#define VIRTIO_F_NOTIFY_ON_EMPTY    24
#define VIRTIO_F_ANY_LAYOUT         27
#define VIRTIO_RING_F_INDIRECT_DESC 28
#define VIRTIO_RING_F_EVENT_IDX     29
#define VIRTIO_F_VERSION_1          32

typedef struct VirtIODevice VirtIODevice;

/* A buffer of the guest: a chain of segments, those to read (out) before those to write (in). */
typedef struct VirtSegment {
    uint64_t addr;
    uint32_t len;
} VirtSegment;

typedef struct VirtElement {
    uint32_t head; /* descriptor, names the buffer to the guest */
    uint32_t out_num, in_num;
    uint64_t out_len, in_len; /* bytes */
    VirtSegment segments[];
} VirtElement;

typedef void VirtOutputFunc(VirtIODevice *vdev, int queue);

typedef struct VirtQueue {
    uint16_t size, size_max; /* entries; size_max 0: no such queue */
    bool enabled;
    uint64_t desc, avail, used; /* guest-physical */
    uint16_t last_avail;        /* next entry of the available ring */
    uint16_t used_index;        /* next entry of the used ring */
    uint16_t signalled;         /* used_index at the last interrupt */
    bool signalled_valid;
    VirtOutputFunc *output; /* the guest kicked it */
} VirtQueue;

typedef struct VirtIOClass {
    uint16_t device_type;                                    /* 1 network, 2 block, 3 console, 4 entropy (section 5) */
    uint16_t class_id;                                       /* PCI's */
    uint32_t config_size;                                    /* bytes of device configuration */
    uint64_t (*features)(VirtIODevice *vdev);                /* device's own, besides those of the ring */
    void (*get_config)(VirtIODevice *vdev, uint8_t *config); /* fill config_size bytes; NULL: none */
    void (*set_config)(VirtIODevice *vdev, uint32_t offset, const uint8_t *config,
                       uint32_t len);           /* the guest wrote there; NULL */
    void (*features_set)(VirtIODevice *vdev);   /* guest_features are final; NULL */
    void (*status_changed)(VirtIODevice *vdev); /* after DRIVER_OK changed; NULL */
    void (*reset)(VirtIODevice *vdev);          /* back to the initial state, requests under way forgotten; NULL */
} VirtIOClass;

struct VirtIODevice {
    PCIDevice pci;
    const VirtIOClass *class;
    bool disable_legacy, disable_modern; /* properties */
    uint8_t status, isr;
    bool broken;
    uint32_t device_feature_select, driver_feature_select;
    uint64_t guest_features;
    uint16_t queue_select;
    uint8_t config_generation;
    VirtQueue queues[VIRTIO_QUEUES_MAX];
    MemoryRegion legacy, modern;
};

extern const VMStateDescription vmstate_virtio_device; /* nest it first */
#define VIRTIO_PROPERTIES(type)                                           \
    DEFINE_PROP_BOOL("disable-legacy", type, vdev.disable_legacy, false), \
        DEFINE_PROP_BOOL("disable-modern", type, vdev.disable_modern, false)

bool virtio_realize(VirtIODevice *vdev, const VirtIOClass *class, Error **errp);
/* Device queues from 0 upwards, before the guest runs. */
void virtio_add_queue(VirtIODevice *vdev, int queue, uint16_t size, VirtOutputFunc *output);
/* Power-on or guest reset, of the whole device. */
void virtio_reset(VirtIODevice *vdev);

bool virtio_has_feature(const VirtIODevice *vdev, unsigned bit);
bool virtio_driver_ok(const VirtIODevice *vdev);
/* Is it usable: configured, driver ready, device not broken? */
bool virtio_queue_ready(VirtIODevice *vdev, int queue);
/* The next buffer that the guest made available; NULL when there is none. To be ended with virtio_push() or
 * virtio_unpop(). */
VirtElement *virtio_pop(VirtIODevice *vdev, int queue);
/* Give it back, with len bytes written; frees it. No interrupt yet. */
void virtio_push(VirtIODevice *vdev, int queue, VirtElement *elem, uint32_t len);
/* As if the last virtio_pop() had not been; frees it. */
void virtio_unpop(VirtIODevice *vdev, int queue, VirtElement *elem);
/* Tell the guest about what was pushed, if it wants to know. */
void virtio_notify(VirtIODevice *vdev, int queue);
/* The configuration changed. */
void virtio_notify_config(VirtIODevice *vdev);
/* The guest broke a rule: nothing more happens until it resets the device. */
void virtio_error(VirtIODevice *vdev);

/* Copy from (read) or to (write) the buffer's bytes from offset; the number copied. */
uint64_t virtio_read(VirtIODevice *vdev, const VirtElement *elem, uint64_t offset, void *buf, uint64_t len);
uint64_t virtio_write(VirtIODevice *vdev, const VirtElement *elem, uint64_t offset, const void *buf, uint64_t len);

/* A buffer under way as bytes and back, for snapshots. NULL: impossible bytes. *used: how many it took. */
void virtio_save_element(GByteArray *out, const VirtElement *elem);
VirtElement *virtio_load_element(const uint8_t *buf, size_t len, size_t *used);

/* ---- between virtio.c and virtio-pci.c ---- */

void virtio_set_status(VirtIODevice *vdev, uint8_t status);
uint64_t virtio_device_features(VirtIODevice *vdev);
void virtio_kick(VirtIODevice *vdev, uint32_t queue);
/* Ring addresses of a legacy queue follow from one page number (2.6.2). */
void virtio_set_legacy_address(VirtQueue *q, uint32_t pfn);
void virtio_update_irq(VirtIODevice *vdev);
bool virtio_pci_realize(VirtIODevice *vdev, Error **errp);

struct BlockBackend;
/* The board's, for -drive if=virtio. */
bool virtio_blk_create(struct BlockBackend *blk, Error **errp);
/* -object rng-builtin,id= and rng-random,id=[,filename=]: names for the machine's own generator. */
bool object_add_rng(const char *arg, Error **errp);
extern const DeviceType virtio_blk_pci_type, virtio_net_pci_type, virtio_rng_pci_type, virtio_serial_pci_type;
/* On a virtio-serial-pci; virtio_serial_port_type is what they are. */
extern const DeviceType virtio_serial_port_type, virtconsole_type, virtserialport_type;

#endif
