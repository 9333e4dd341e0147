/*
 * hw/virtio/virtio-pci.c  Virtio over PCI (Virtual I/O Device Version 1.1, section 4.1): the legacy registers in BAR 0,
 * the modern structures in BAR 4, found through vendor-specific capabilities. No MSI-X: the machine has no message
 * interrupts, and drivers fall back to INTx.
 */
#include "hw/virtio/virtio.h"

#define VENDOR 0x1af4

/* ---- device configuration ---- */

static uint64_t config_read(VirtIODevice *vdev, uint32_t offset, unsigned size)
{
    uint8_t config[VIRTIO_CONFIG_MAX + 8] = { 0 };
    if (!vdev->class->get_config || offset >= vdev->class->config_size) {
        return 0;
    }
    vdev->class->get_config(vdev, config);
    return ldq_le_p(config + offset) & (size == 8 ? ~0ull : (1ull << 8 * size) - 1);
}

static void config_write(VirtIODevice *vdev, uint32_t offset, uint64_t value, unsigned size)
{
    uint8_t config[VIRTIO_CONFIG_MAX + 8] = { 0 };
    if (!vdev->class->set_config || offset >= vdev->class->config_size || size > vdev->class->config_size - offset) {
        return;
    }
    vdev->class->get_config(vdev, config);
    uint8_t bytes[8];
    stq_le_p(bytes, value);
    memcpy(config + offset, bytes, size);
    vdev->class->set_config(vdev, offset, config, size);
}

static uint64_t isr_read(VirtIODevice *vdev)
{
    uint8_t isr = vdev->isr;
    vdev->isr = 0;
    virtio_update_irq(vdev);
    return isr;
}

static VirtQueue *selected(VirtIODevice *vdev)
{
    static VirtQueue none;
    none = (VirtQueue){ 0 };
    return vdev->queue_select < VIRTIO_QUEUES_MAX ? &vdev->queues[vdev->queue_select] : &none;
}

/* ---- legacy registers, 4.1.4.8 ---- */

enum {
    LEGACY_DEVICE_FEATURES = 0,
    LEGACY_DRIVER_FEATURES = 4,
    LEGACY_QUEUE_PFN = 8,
    LEGACY_QUEUE_SIZE = 12,
    LEGACY_QUEUE_SELECT = 14,
    LEGACY_QUEUE_NOTIFY = 16,
    LEGACY_STATUS = 18,
    LEGACY_ISR = 19,
    LEGACY_CONFIG = 20
};

static uint64_t legacy_read(void *opaque, hwaddr addr, unsigned size)
{
    VirtIODevice *vdev = opaque;
    switch (addr) {
    case LEGACY_DEVICE_FEATURES:
        return (uint32_t)virtio_device_features(vdev);
    case LEGACY_DRIVER_FEATURES:
        return (uint32_t)vdev->guest_features;
    case LEGACY_QUEUE_PFN:
        return (uint32_t)(selected(vdev)->desc >> 12);
    case LEGACY_QUEUE_SIZE:
        return selected(vdev)->size_max;
    case LEGACY_QUEUE_SELECT:
        return vdev->queue_select;
    case LEGACY_STATUS:
        return vdev->status;
    case LEGACY_ISR:
        return isr_read(vdev);
    default:
        return addr >= LEGACY_CONFIG ? config_read(vdev, addr - LEGACY_CONFIG, size) : 0;
    }
}

static void legacy_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    VirtIODevice *vdev = opaque;
    switch (addr) {
    case LEGACY_DRIVER_FEATURES:
        vdev->guest_features = value & virtio_device_features(vdev) & UINT32_MAX;
        break;
    case LEGACY_QUEUE_PFN:
        if (!value) {
            virtio_reset(vdev); /* what drivers mean by it */
        } else if (selected(vdev)->size_max) {
            virtio_set_legacy_address(selected(vdev), value);
        }
        break;
    case LEGACY_QUEUE_SELECT:
        vdev->queue_select = value;
        break;
    case LEGACY_QUEUE_NOTIFY:
        virtio_kick(vdev, value);
        break;
    case LEGACY_STATUS:
        virtio_set_status(vdev, value);
        break;
    default:
        if (addr >= LEGACY_CONFIG) {
            config_write(vdev, addr - LEGACY_CONFIG, value, size);
        }
    }
}

static const MemoryRegionOps legacy_ops = {
    .read = legacy_read, .write = legacy_write, .min_access = 1, .max_access = 4
};

/* ---- modern structures, 4.1.4 ---- */

#define MODERN_BAR        4
#define MODERN_SIZE       0x4000
#define COMMON_OFFSET     0x0000
#define ISR_OFFSET        0x1000
#define CONFIG_OFFSET     0x2000
#define NOTIFY_OFFSET     0x3000
#define NOTIFY_MULTIPLIER 4
#define STRUCTURE_SIZE    0x1000

enum { /* 4.1.4.3 */
       COMMON_DEVICE_FEATURE_SELECT = 0x00,
       COMMON_DEVICE_FEATURE = 0x04,
       COMMON_DRIVER_FEATURE_SELECT = 0x08,
       COMMON_DRIVER_FEATURE = 0x0c,
       COMMON_MSIX = 0x10,
       COMMON_NUM_QUEUES = 0x12,
       COMMON_STATUS = 0x14,
       COMMON_CONFIG_GENERATION = 0x15,
       COMMON_QUEUE_SELECT = 0x16,
       COMMON_QUEUE_SIZE = 0x18,
       COMMON_QUEUE_MSIX = 0x1a,
       COMMON_QUEUE_ENABLE = 0x1c,
       COMMON_QUEUE_NOTIFY_OFF = 0x1e,
       COMMON_QUEUE_DESC = 0x20,
       COMMON_QUEUE_DRIVER = 0x28,
       COMMON_QUEUE_DEVICE = 0x30
};
#define NO_VECTOR 0xffff

static uint16_t number_of_queues(const VirtIODevice *vdev)
{
    uint16_t n = VIRTIO_QUEUES_MAX;
    while (n && !vdev->queues[n - 1].size_max) {
        n--;
    }
    return n;
}

static uint32_t half(uint64_t value, hwaddr addr)
{
    return value >> (addr & 4 ? 32 : 0);
}

static uint64_t common_read(VirtIODevice *vdev, hwaddr addr)
{
    const VirtQueue *q = selected(vdev);
    switch (addr) {
    case COMMON_DEVICE_FEATURE_SELECT:
        return vdev->device_feature_select;
    case COMMON_DEVICE_FEATURE:
        return vdev->device_feature_select < 2 ? half(virtio_device_features(vdev), 4 * vdev->device_feature_select)
                                               : 0;
    case COMMON_DRIVER_FEATURE_SELECT:
        return vdev->driver_feature_select;
    case COMMON_DRIVER_FEATURE:
        return vdev->driver_feature_select < 2 ? half(vdev->guest_features, 4 * vdev->driver_feature_select) : 0;
    case COMMON_MSIX:
    case COMMON_QUEUE_MSIX:
        return NO_VECTOR;
    case COMMON_NUM_QUEUES:
        return number_of_queues(vdev);
    case COMMON_STATUS:
        return vdev->status;
    case COMMON_CONFIG_GENERATION:
        return vdev->config_generation;
    case COMMON_QUEUE_SELECT:
        return vdev->queue_select;
    case COMMON_QUEUE_SIZE:
        return q->size;
    case COMMON_QUEUE_ENABLE:
        return q->enabled;
    case COMMON_QUEUE_NOTIFY_OFF:
        return vdev->queue_select;
    case COMMON_QUEUE_DESC:
    case COMMON_QUEUE_DESC + 4:
        return half(q->desc, addr);
    case COMMON_QUEUE_DRIVER:
    case COMMON_QUEUE_DRIVER + 4:
        return half(q->avail, addr);
    case COMMON_QUEUE_DEVICE:
    case COMMON_QUEUE_DEVICE + 4:
        return half(q->used, addr);
    default:
        return 0;
    }
}

static void set_half(uint64_t *place, hwaddr addr, uint32_t value)
{
    *place = deposit64(*place, addr & 4 ? 32 : 0, 32, value);
}

static void set_driver_features(VirtIODevice *vdev, uint32_t value)
{
    if (vdev->driver_feature_select < 2 && !(vdev->status & 8 /* FEATURES_OK */)) {
        set_half(&vdev->guest_features, 4 * vdev->driver_feature_select, value);
    }
}

/* Of the queue that is selected; 4.1.5.1.3: nothing of it changes once it is enabled. */
static void queue_write(VirtIODevice *vdev, hwaddr addr, uint64_t value)
{
    VirtQueue *q = selected(vdev);
    if (!q->size_max || q->enabled) {
        return;
    }
    switch (addr) {
    case COMMON_QUEUE_SIZE:
        if (value && value <= q->size_max && !(value & (value - 1))) {
            q->size = value;
        }
        break;
    case COMMON_QUEUE_ENABLE:
        q->enabled = value == 1;
        break;
    case COMMON_QUEUE_DESC:
    case COMMON_QUEUE_DESC + 4:
        set_half(&q->desc, addr, value);
        break;
    case COMMON_QUEUE_DRIVER:
    case COMMON_QUEUE_DRIVER + 4:
        set_half(&q->avail, addr, value);
        break;
    case COMMON_QUEUE_DEVICE:
    case COMMON_QUEUE_DEVICE + 4:
        set_half(&q->used, addr, value);
        break;
    }
}

static void common_write(VirtIODevice *vdev, hwaddr addr, uint64_t value)
{
    switch (addr) {
    case COMMON_DEVICE_FEATURE_SELECT:
        vdev->device_feature_select = value;
        break;
    case COMMON_DRIVER_FEATURE_SELECT:
        vdev->driver_feature_select = value;
        break;
    case COMMON_DRIVER_FEATURE:
        set_driver_features(vdev, value);
        break;
    case COMMON_STATUS:
        virtio_set_status(vdev, value);
        break;
    case COMMON_QUEUE_SELECT:
        vdev->queue_select = value;
        break;
    default:
        queue_write(vdev, addr, value);
    }
}

static uint64_t modern_read(void *opaque, hwaddr addr, unsigned size)
{
    VirtIODevice *vdev = opaque;
    uint32_t offset = addr % STRUCTURE_SIZE;
    switch (addr - offset) {
    case COMMON_OFFSET:
        return common_read(vdev, offset);
    case ISR_OFFSET:
        return offset ? 0 : isr_read(vdev);
    case CONFIG_OFFSET:
        return config_read(vdev, offset, size);
    default:
        return 0;
    }
}

static void modern_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    VirtIODevice *vdev = opaque;
    uint32_t offset = addr % STRUCTURE_SIZE;
    switch (addr - offset) {
    case COMMON_OFFSET:
        common_write(vdev, offset, value);
        break;
    case CONFIG_OFFSET:
        config_write(vdev, offset, value, size);
        break;
    case NOTIFY_OFFSET:
        virtio_kick(vdev, offset / NOTIFY_MULTIPLIER);
        break;
    }
}

static const MemoryRegionOps modern_ops = {
    .read = modern_read, .write = modern_write, .min_access = 1, .max_access = 4
};

/* ---- capabilities, 4.1.4 ---- */

#define CAP_ID     0x09 /* vendor-specific */
#define CAP_FIRST  0x40
#define CAP_SIZE   16
#define WINDOW_CAP (CAP_FIRST + 4 * CAP_SIZE + 4) /* behind the notify capability, which has 20 bytes */

enum { CFG_COMMON = 1, CFG_NOTIFY, CFG_ISR, CFG_DEVICE, CFG_PCI };

static uint8_t put_cap(VirtIODevice *vdev, uint8_t at, uint8_t len, uint8_t next, uint8_t type, uint32_t offset,
                       uint32_t size)
{
    uint8_t *cap = vdev->pci.config + at;
    cap[0] = CAP_ID;
    cap[1] = next;
    cap[2] = len;
    cap[3] = type;
    cap[4] = type == CFG_PCI ? 0 : MODERN_BAR;
    stl_le_p(cap + 8, offset);
    stl_le_p(cap + 12, size);
    return at;
}

static void put_capabilities(VirtIODevice *vdev)
{
    uint8_t common = CAP_FIRST, isr = common + CAP_SIZE, device = isr + CAP_SIZE, notify = device + CAP_SIZE;
    put_cap(vdev, common, CAP_SIZE, isr, CFG_COMMON, COMMON_OFFSET, STRUCTURE_SIZE);
    put_cap(vdev, isr, CAP_SIZE, device, CFG_ISR, ISR_OFFSET, STRUCTURE_SIZE);
    put_cap(vdev, device, CAP_SIZE, notify, CFG_DEVICE, CONFIG_OFFSET, STRUCTURE_SIZE);
    put_cap(vdev, notify, CAP_SIZE + 4, WINDOW_CAP, CFG_NOTIFY, NOTIFY_OFFSET, STRUCTURE_SIZE);
    stl_le_p(vdev->pci.config + notify + CAP_SIZE, NOTIFY_MULTIPLIER);
    put_cap(vdev, WINDOW_CAP, CAP_SIZE + 4, 0, CFG_PCI, 0, 0);
    memset(vdev->pci.wmask + WINDOW_CAP + 4, 0xff, 1);
    memset(vdev->pci.wmask + WINDOW_CAP + 8, 0xff, 12);
    vdev->pci.config[PCI_CAPABILITY_LIST] = common;
    vdev->pci.config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
}

/* 4.1.4.9: firmware reaches the structures through configuration space: bar, offset and length in the capability, then
 * its last four bytes. */
static bool window(VirtIODevice *vdev, uint32_t *offset, unsigned *size)
{
    const uint8_t *cap = vdev->pci.config + WINDOW_CAP;
    *offset = ldl_le_p(cap + 8);
    *size = ldl_le_p(cap + 12);
    bool whole = *size == 1 || *size == 2 || *size == 4;
    return cap[4] == MODERN_BAR && whole && *offset <= MODERN_SIZE - *size && *offset % *size == 0;
}

static bool hits_window_data(uint32_t addr, int len)
{
    return addr < WINDOW_CAP + 20 && addr + len > WINDOW_CAP + 16;
}

static uint32_t pci_read(PCIDevice *pci, uint32_t addr, int len)
{
    VirtIODevice *vdev = (VirtIODevice *)pci;
    uint32_t offset;
    unsigned size;
    if (!vdev->disable_modern && hits_window_data(addr, len) && window(vdev, &offset, &size)) {
        stl_le_p(pci->config + WINDOW_CAP + 16, modern_read(vdev, offset, size));
    }
    return pci_default_config_read(pci, addr, len);
}

static void pci_written(PCIDevice *pci, uint32_t addr, uint32_t value, int len)
{
    VirtIODevice *vdev = (VirtIODevice *)pci;
    uint32_t offset;
    unsigned size;
    (void)value;
    if (!vdev->disable_modern && hits_window_data(addr, len) && window(vdev, &offset, &size)) {
        modern_write(vdev, offset, ldl_le_p(pci->config + WINDOW_CAP + 16), size);
    }
}

/* ---- creation ---- */

/* 4.1.2: transitional devices have 1000h + n of old; the others 1040h + type. */
static uint16_t device_id(const VirtIODevice *vdev)
{
    static const uint16_t transitional[] = { [1] = 0x1000, [2] = 0x1001, [3] = 0x1003, [4] = 0x1005 };
    uint16_t type = vdev->class->device_type;
    return vdev->disable_legacy ? 0x1040 + type : transitional[type];
}

static uint64_t power_of_two(uint64_t n)
{
    uint64_t size = 4;
    while (size < n) {
        size *= 2;
    }
    return size;
}

bool virtio_pci_realize(VirtIODevice *vdev, Error **errp)
{
    if (vdev->disable_legacy && vdev->disable_modern) {
        error_setg(errp, "device cannot work as neither modern nor legacy mode is enabled");
        return false;
    }
    PCIIdentity identity = { .vendor_id = VENDOR,
                             .device_id = device_id(vdev),
                             .revision = vdev->disable_legacy,
                             .class_id = vdev->class->class_id,
                             .subsystem_vendor_id = VENDOR,
                             .subsystem_id = vdev->disable_legacy ? 0x1100 : vdev->class->device_type,
                             .interrupt_pin = 1 };
    vdev->pci.config_read = pci_read;
    vdev->pci.config_written = pci_written;
    if (!pci_register(&vdev->pci, &identity, errp)) {
        return false;
    }
    if (!vdev->disable_legacy) {
        memory_region_init_io(&vdev->legacy, &legacy_ops, vdev, "virtio-legacy",
                              power_of_two(LEGACY_CONFIG + vdev->class->config_size));
        pci_register_bar(&vdev->pci, 0, PCI_BAR_IO, &vdev->legacy);
    }
    if (!vdev->disable_modern) {
        memory_region_init_io(&vdev->modern, &modern_ops, vdev, "virtio-modern", MODERN_SIZE);
        pci_register_bar(&vdev->pci, MODERN_BAR, PCI_BAR_MEM64_PREFETCH, &vdev->modern);
        put_capabilities(vdev);
    }
    return true;
}
