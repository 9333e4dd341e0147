/*
 * hw/virtio/virtio.c  Split virtqueues, features and status of a virtio device (Virtual I/O Device Version 1.1,
 * sections 2 and 3).
 *
 * Nothing here knows the host: a queue is walked when the guest kicks it, or when its device has got something at a
 * checkpoint. Left out on purpose: packed rings, in-order completion, and reset of a single queue; no driver needs
 * them.
 */
#include "hw/virtio/virtio.h"

#define STATUS_DRIVER_OK          4
#define STATUS_FEATURES_OK        8
#define STATUS_DEVICE_NEEDS_RESET 64

#define DESC_SIZE       16
#define DESC_F_NEXT     1
#define DESC_F_WRITE    2
#define DESC_F_INDIRECT 4
#define INDIRECT_MAX    VIRTIO_QUEUE_SIZE_MAX
#define CHAIN_BYTES_MAX (64ull * MiB) /* no device has more in one buffer */

#define AVAIL_F_NO_INTERRUPT 1
#define ISR_QUEUE            1
#define ISR_CONFIG           2

/* ---- guest memory ---- */

static uint16_t read_u16(VirtIODevice *vdev, uint64_t addr)
{
    uint8_t bytes[2];
    pci_dma_read(&vdev->pci, addr, bytes, sizeof(bytes));
    return lduw_le_p(bytes);
}

static void write_u16(VirtIODevice *vdev, uint64_t addr, uint16_t value)
{
    uint8_t bytes[2];
    stw_le_p(bytes, value);
    pci_dma_write(&vdev->pci, addr, bytes, sizeof(bytes));
}

/* 2.6: available ring: flags, index, ring, used event; used ring: flags, index, ring of {id, length}, available event.
 */
static uint64_t avail_index_addr(const VirtQueue *q)
{
    return q->avail + 2;
}

static uint64_t used_event_addr(const VirtQueue *q)
{
    return q->avail + 4 + 2ull * q->size;
}

static uint64_t avail_event_addr(const VirtQueue *q)
{
    return q->used + 4 + 8ull * q->size;
}

void virtio_set_legacy_address(VirtQueue *q, uint32_t pfn)
{
    q->desc = (uint64_t)pfn << 12;
    q->avail = q->desc + (uint64_t)q->size_max * DESC_SIZE;
    q->used = (q->avail + 6 + 2ull * q->size_max + 4095) & ~4095ull;
    q->enabled = pfn != 0;
}

/* ---- features and status ---- */

bool virtio_has_feature(const VirtIODevice *vdev, unsigned bit)
{
    return vdev->guest_features & VIRTIO_BIT(bit);
}

bool virtio_driver_ok(const VirtIODevice *vdev)
{
    return (vdev->status & STATUS_DRIVER_OK) && !vdev->broken;
}

uint64_t virtio_device_features(VirtIODevice *vdev)
{
    uint64_t ring = VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX);
    if (!vdev->disable_modern) {
        ring |= VIRTIO_BIT(VIRTIO_F_VERSION_1);
    }
    if (!vdev->disable_legacy) {
        ring |= VIRTIO_BIT(VIRTIO_F_ANY_LAYOUT);
    }
    return ring | (vdev->class->features ? vdev->class->features(vdev) : 0);
}

static void features_are_final(VirtIODevice *vdev)
{
    if (vdev->class->features_set) {
        vdev->class->features_set(vdev);
    }
}

/* 3.1.1: FEATURES_OK stays clear when the driver wants what was not offered. Legacy drivers never set it. */
static uint8_t check_features(VirtIODevice *vdev, uint8_t status)
{
    if ((status & STATUS_FEATURES_OK) && (vdev->guest_features & ~virtio_device_features(vdev))) {
        return status & ~STATUS_FEATURES_OK;
    }
    return status;
}

/* Buffers that were made available before the driver was ready, with a kick that came too early. */
static void look_at_queues(VirtIODevice *vdev)
{
    for (uint32_t i = 0; i < VIRTIO_QUEUES_MAX; i++) {
        virtio_kick(vdev, i);
    }
}

void virtio_set_status(VirtIODevice *vdev, uint8_t status)
{
    if (!status) {
        virtio_reset(vdev);
        return;
    }
    uint8_t old = vdev->status;
    vdev->status = check_features(vdev, status) | (vdev->broken ? STATUS_DEVICE_NEEDS_RESET : 0);
    uint8_t risen = vdev->status & ~old;
    if (risen & (vdev->status & STATUS_FEATURES_OK ? STATUS_FEATURES_OK : STATUS_DRIVER_OK)) {
        features_are_final(vdev);
    }
    if ((old ^ vdev->status) & STATUS_DRIVER_OK) {
        if (vdev->class->status_changed) {
            vdev->class->status_changed(vdev);
        }
        look_at_queues(vdev);
    }
}

static void reset_queue(VirtQueue *q)
{
    *q = (VirtQueue){ .size = q->size_max, .size_max = q->size_max, .output = q->output };
}

void virtio_reset(VirtIODevice *vdev)
{
    if (vdev->class->reset) {
        vdev->class->reset(vdev);
    }
    for (int i = 0; i < VIRTIO_QUEUES_MAX; i++) {
        reset_queue(&vdev->queues[i]);
    }
    vdev->status = vdev->isr = 0;
    vdev->broken = false;
    vdev->device_feature_select = vdev->driver_feature_select = 0;
    vdev->guest_features = 0;
    vdev->queue_select = 0;
    virtio_update_irq(vdev);
}

void virtio_update_irq(VirtIODevice *vdev)
{
    pci_set_irq(&vdev->pci, vdev->isr != 0);
}

void virtio_notify_config(VirtIODevice *vdev)
{
    if (virtio_driver_ok(vdev)) {
        vdev->config_generation++;
        vdev->isr |= ISR_CONFIG | ISR_QUEUE;
        virtio_update_irq(vdev);
    }
}

void virtio_error(VirtIODevice *vdev)
{
    vdev->broken = true;
    vdev->status |= STATUS_DEVICE_NEEDS_RESET;
    if (vdev->status & STATUS_DRIVER_OK) {
        vdev->isr |= ISR_CONFIG | ISR_QUEUE;
        virtio_update_irq(vdev);
    }
}

/* ---- queues ---- */

void virtio_add_queue(VirtIODevice *vdev, int queue, uint16_t size, VirtOutputFunc *output)
{
    lockstep_assert(queue < VIRTIO_QUEUES_MAX && size <= VIRTIO_QUEUE_SIZE_MAX && !(size & (size - 1)),
                    "queue %d of %u", queue, size);
    vdev->queues[queue] = (VirtQueue){ .size = size, .size_max = size, .output = output };
}

bool virtio_queue_ready(VirtIODevice *vdev, int queue)
{
    const VirtQueue *q = &vdev->queues[queue];
    return q->enabled && q->size && virtio_driver_ok(vdev);
}

void virtio_kick(VirtIODevice *vdev, uint32_t queue)
{
    if (queue < VIRTIO_QUEUES_MAX && virtio_queue_ready(vdev, queue) && vdev->queues[queue].output) {
        vdev->queues[queue].output(vdev, queue);
    }
}

typedef struct Descriptor {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} Descriptor;

static Descriptor read_descriptor(VirtIODevice *vdev, uint64_t table, uint32_t index)
{
    uint8_t d[DESC_SIZE];
    pci_dma_read(&vdev->pci, table + (uint64_t)index * DESC_SIZE, d, sizeof(d));
    return (Descriptor){ ldq_le_p(d), ldl_le_p(d + 8), lduw_le_p(d + 12), lduw_le_p(d + 14) };
}

/* A walk along a chain: through the ring's own table, or through one indirect table. */
typedef struct Walk {
    VirtIODevice *vdev;
    uint64_t table;
    uint32_t entries; /* of the table */
    bool indirect;
    uint32_t out_num, in_num;
    uint64_t out_len, in_len;
    VirtSegment segments[VIRTIO_QUEUE_SIZE_MAX];
} Walk;

/* 2.6.5.3: a table that stands alone in its chain, of whole descriptors, not inside another. */
static bool enter_indirect(Walk *w, const Descriptor *d)
{
    if (w->indirect || w->out_num + w->in_num || !d->len || d->len % DESC_SIZE || d->len / DESC_SIZE > INDIRECT_MAX ||
        (d->flags & DESC_F_NEXT)) {
        return false;
    }
    w->indirect = true;
    w->table = d->addr;
    w->entries = d->len / DESC_SIZE;
    return true;
}

static bool add_segment(Walk *w, const Descriptor *d)
{
    bool in = d->flags & DESC_F_WRITE;
    uint32_t count = w->out_num + w->in_num;
    if (count == ARRAY_SIZE(w->segments) || (!in && w->in_num)) {
        return false; /* a loop, or 2.6.4.2: what is read comes first */
    }
    w->segments[count] = (VirtSegment){ d->addr, d->len };
    *(in ? &w->in_num : &w->out_num) += 1;
    *(in ? &w->in_len : &w->out_len) += d->len;
    return w->out_len <= CHAIN_BYTES_MAX && w->in_len <= CHAIN_BYTES_MAX;
}

static bool walk_chain(Walk *w, uint32_t index)
{
    for (;;) {
        if (index >= w->entries) {
            return false;
        }
        Descriptor d = read_descriptor(w->vdev, w->table, index);
        if (d.flags & DESC_F_INDIRECT) {
            if (!enter_indirect(w, &d)) {
                return false;
            }
            index = 0;
            continue;
        }
        if (!add_segment(w, &d)) {
            return false;
        }
        if (!(d.flags & DESC_F_NEXT)) {
            return true;
        }
        index = d.next;
    }
}

static VirtElement *element_of(const Walk *w, uint32_t head)
{
    uint32_t count = w->out_num + w->in_num;
    VirtElement *elem = g_malloc(sizeof(*elem) + count * sizeof(VirtSegment));
    *elem = (VirtElement){ head, w->out_num, w->in_num, w->out_len, w->in_len };
    memcpy(elem->segments, w->segments, count * sizeof(VirtSegment));
    return elem;
}

/* How many buffers the guest has made available. More than the ring has is nonsense, together with those under way:
 * each has a descriptor of its own. */
static uint16_t available(VirtIODevice *vdev, const VirtQueue *q)
{
    uint16_t index = read_u16(vdev, avail_index_addr(q)), count = index - q->last_avail;
    if (count > q->size || (uint16_t)(index - q->used_index) > q->size) {
        virtio_error(vdev);
        return 0;
    }
    return count;
}

VirtElement *virtio_pop(VirtIODevice *vdev, int queue)
{
    VirtQueue *q = &vdev->queues[queue];
    if (!virtio_queue_ready(vdev, queue) || !available(vdev, q)) {
        return NULL;
    }
    uint16_t head = read_u16(vdev, q->avail + 4 + 2ull * (q->last_avail % q->size));
    Walk w;
    w.vdev = vdev;
    w.table = q->desc;
    w.entries = q->size;
    w.indirect = false;
    w.out_num = w.in_num = 0;
    w.out_len = w.in_len = 0;
    if (!walk_chain(&w, head)) {
        virtio_error(vdev);
        return NULL;
    }
    q->last_avail++;
    if (virtio_has_feature(vdev, VIRTIO_RING_F_EVENT_IDX)) {
        write_u16(vdev, avail_event_addr(q), q->last_avail);
    }
    return element_of(&w, head);
}

void virtio_unpop(VirtIODevice *vdev, int queue, VirtElement *elem)
{
    vdev->queues[queue].last_avail--;
    g_free(elem);
}

void virtio_push(VirtIODevice *vdev, int queue, VirtElement *elem, uint32_t len)
{
    VirtQueue *q = &vdev->queues[queue];
    if (virtio_queue_ready(vdev, queue)) {
        uint8_t entry[8];
        stl_le_p(entry, elem->head);
        stl_le_p(entry + 4, len);
        pci_dma_write(&vdev->pci, q->used + 4 + 8ull * (q->used_index % q->size), entry, sizeof(entry));
        q->used_index++;
        write_u16(vdev, q->used + 2, q->used_index);
    }
    g_free(elem);
}

/* 2.6.7: with event indices, when used_index has passed the one asked for since the last interrupt. */
static bool guest_wants_interrupt(VirtIODevice *vdev, const VirtQueue *q, uint16_t old, bool first)
{
    if (!virtio_has_feature(vdev, VIRTIO_RING_F_EVENT_IDX)) {
        return !(read_u16(vdev, q->avail) & AVAIL_F_NO_INTERRUPT);
    }
    uint16_t event = read_u16(vdev, used_event_addr(q));
    return first || (uint16_t)(q->used_index - event - 1) < (uint16_t)(q->used_index - old);
}

void virtio_notify(VirtIODevice *vdev, int queue)
{
    VirtQueue *q = &vdev->queues[queue];
    uint16_t old = q->signalled;
    bool first = !q->signalled_valid;
    if (!virtio_queue_ready(vdev, queue) || q->used_index == old) {
        return; /* nothing was pushed */
    }
    q->signalled = q->used_index;
    q->signalled_valid = true;
    if (guest_wants_interrupt(vdev, q, old, first)) {
        vdev->isr |= ISR_QUEUE;
        virtio_update_irq(vdev);
    }
}

/* ---- a buffer's bytes ---- */

typedef void CopyFunc(VirtIODevice *vdev, uint64_t addr, uint8_t *buf, uint32_t len);

static void copy_from_guest(VirtIODevice *vdev, uint64_t addr, uint8_t *buf, uint32_t len)
{
    pci_dma_read(&vdev->pci, addr, buf, len);
}

static void copy_to_guest(VirtIODevice *vdev, uint64_t addr, uint8_t *buf, uint32_t len)
{
    pci_dma_write(&vdev->pci, addr, buf, len);
}

static uint64_t copy(VirtIODevice *vdev, const VirtSegment *seg, uint32_t count, uint64_t offset, uint8_t *buf,
                     uint64_t len, CopyFunc *fn)
{
    uint64_t done = 0;
    for (; count && done < len; count--, seg++) {
        if (offset >= seg->len) {
            offset -= seg->len;
            continue;
        }
        uint32_t n = MIN(len - done, seg->len - offset);
        fn(vdev, seg->addr + offset, buf + done, n);
        done += n;
        offset = 0;
    }
    return done;
}

uint64_t virtio_read(VirtIODevice *vdev, const VirtElement *elem, uint64_t offset, void *buf, uint64_t len)
{
    return copy(vdev, elem->segments, elem->out_num, offset, buf, len, copy_from_guest);
}

uint64_t virtio_write(VirtIODevice *vdev, const VirtElement *elem, uint64_t offset, const void *buf, uint64_t len)
{
    return copy(vdev, elem->segments + elem->out_num, elem->in_num, offset, (uint8_t *)buf, len, copy_to_guest);
}

/* ---- state ---- */

#define SAVED_HEAD 12 /* u32 head, out_num, in_num; then {u64 address, u32 length} for each segment */
#define SAVED_SEG  12

void virtio_save_element(GByteArray *out, const VirtElement *elem)
{
    uint32_t count = elem->out_num + elem->in_num;
    guint at = out->len;
    g_byte_array_set_size(out, at + SAVED_HEAD + count * SAVED_SEG);
    uint8_t *p = out->data + at;
    stl_le_p(p, elem->head);
    stl_le_p(p + 4, elem->out_num);
    stl_le_p(p + 8, elem->in_num);
    p += SAVED_HEAD;
    for (uint32_t i = 0; i < count; i++, p += SAVED_SEG) {
        stq_le_p(p, elem->segments[i].addr);
        stl_le_p(p + 8, elem->segments[i].len);
    }
}

static void add_lengths(VirtElement *elem)
{
    for (uint32_t i = 0; i < elem->out_num + elem->in_num; i++) {
        *(i < elem->out_num ? &elem->out_len : &elem->in_len) += elem->segments[i].len;
    }
}

VirtElement *virtio_load_element(const uint8_t *buf, size_t len, size_t *used)
{
    uint32_t out_num = len < SAVED_HEAD ? UINT32_MAX : ldl_le_p(buf + 4),
             in_num = len < SAVED_HEAD ? 0 : ldl_le_p(buf + 8);
    if (out_num > VIRTIO_QUEUE_SIZE_MAX || in_num > VIRTIO_QUEUE_SIZE_MAX - out_num ||
        (len - SAVED_HEAD) / SAVED_SEG < out_num + in_num) {
        return NULL;
    }
    VirtElement *elem = g_malloc(sizeof(*elem) + (out_num + in_num) * sizeof(VirtSegment));
    *elem = (VirtElement){ .head = ldl_le_p(buf), .out_num = out_num, .in_num = in_num };
    for (uint32_t i = 0; i < out_num + in_num; i++) {
        const uint8_t *p = buf + SAVED_HEAD + i * SAVED_SEG;
        elem->segments[i] = (VirtSegment){ ldq_le_p(p), ldl_le_p(p + 8) };
    }
    add_lengths(elem);
    *used = SAVED_HEAD + (out_num + in_num) * SAVED_SEG;
    if (elem->head >= VIRTIO_QUEUE_SIZE_MAX || elem->out_len > CHAIN_BYTES_MAX || elem->in_len > CHAIN_BYTES_MAX) {
        g_free(elem);
        return NULL;
    }
    return elem;
}

static bool queue_post_load(void *opaque, Error **errp)
{
    VirtQueue *q = opaque;
    if (q->size > q->size_max || (q->size & (q->size - 1))) {
        error_setg(errp, "a queue of %u entries", q->size);
        return false;
    }
    if ((uint16_t)(q->last_avail - q->used_index) > q->size_max) {
        error_setg(errp, "more buffers under way than a queue has");
        return false;
    }
    return true;
}

static const VMStateField queue_fields[] = {
    VMSTATE_INT(VirtQueue, size),       VMSTATE_DERIVED(VirtQueue, size_max), /* the device's */
    VMSTATE_BOOL(VirtQueue, enabled),   VMSTATE_INT(VirtQueue, desc),
    VMSTATE_INT(VirtQueue, avail),      VMSTATE_INT(VirtQueue, used),
    VMSTATE_INT(VirtQueue, last_avail), VMSTATE_INT(VirtQueue, used_index),
    VMSTATE_INT(VirtQueue, signalled),  VMSTATE_BOOL(VirtQueue, signalled_valid),
    VMSTATE_DERIVED(VirtQueue, output), VMSTATE_END,
};
static const VMStateDescription vmstate_queue = {
    .name = "virtqueue", .version = 1, .fields = queue_fields, .post_load = queue_post_load
};

static bool virtio_post_load(void *opaque, Error **errp)
{
    VirtIODevice *vdev = opaque;
    (void)errp;
    features_are_final(vdev);
    return true;
}

static const VMStateField virtio_fields[] = {
    VMSTATE_STRUCT(VirtIODevice, pci, vmstate_pci_device),
    VMSTATE_DERIVED(VirtIODevice, class),
    VMSTATE_DERIVED(VirtIODevice, disable_legacy),
    VMSTATE_DERIVED(VirtIODevice, disable_modern),
    VMSTATE_INT(VirtIODevice, status),
    VMSTATE_INT(VirtIODevice, isr),
    VMSTATE_BOOL(VirtIODevice, broken),
    VMSTATE_INT(VirtIODevice, device_feature_select),
    VMSTATE_INT(VirtIODevice, driver_feature_select),
    VMSTATE_INT(VirtIODevice, guest_features),
    VMSTATE_INT(VirtIODevice, queue_select),
    VMSTATE_INT(VirtIODevice, config_generation),
    VMSTATE_STRUCT_ARRAY(VirtIODevice, queues, vmstate_queue),
    VMSTATE_DERIVED(VirtIODevice, legacy),
    VMSTATE_DERIVED(VirtIODevice, modern),
    VMSTATE_END,
};
const VMStateDescription vmstate_virtio_device = {
    .name = "virtio", .version = 1, .fields = virtio_fields, .post_load = virtio_post_load
};

bool virtio_realize(VirtIODevice *vdev, const VirtIOClass *class, Error **errp)
{
    vdev->class = class;
    return virtio_pci_realize(vdev, errp);
}
