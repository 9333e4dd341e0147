/*
 * hw/block/virtio-blk.c  Virtio block device (Virtual I/O Device Version 1.1, section 5.2).
 *
 * A request that the guest makes available goes to the drive at once; it is answered at the checkpoint of its
 * completion. What a write carries is copied when it is issued. Left out on purpose: SCSI passthrough, several queues,
 * discard of sectors below 512 bytes.
 */
#include "block/block.h"
#include "hw/core/backends.h"
#include "hw/core/boot-order.h"
#include "hw/virtio/virtio.h"

#define QUEUE      0
#define QUEUE_SIZE 256
#define SEG_MAX    (QUEUE_SIZE - 2) /* the header and the status have descriptors of their own */
#define ID_BYTES   20
#define HEADER     16 /* u32 type, u32 reserved, u64 sector */

enum {
    F_SEG_MAX = 2,
    F_GEOMETRY = 4,
    F_RO = 5,
    F_BLK_SIZE = 6,
    F_FLUSH = 9,
    F_TOPOLOGY = 10,
    F_CONFIG_WCE = 11,
    F_DISCARD = 13,
    F_WRITE_ZEROES = 14
};
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

enum { /* 5.2.4 */
       CONFIG_CAPACITY = 0,
       CONFIG_SEG_MAX = 12,
       CONFIG_CYLINDERS = 16,
       CONFIG_HEADS = 18,
       CONFIG_SECTORS = 19,
       CONFIG_BLK_SIZE = 20,
       CONFIG_MIN_IO = 26,
       CONFIG_WRITEBACK = 32,
       CONFIG_NUM_QUEUES = 34,
       CONFIG_MAX_DISCARD_SECTORS = 36,
       CONFIG_MAX_DISCARD_SEG = 40,
       CONFIG_DISCARD_ALIGNMENT = 44,
       CONFIG_MAX_ZEROES_SECTORS = 48,
       CONFIG_MAX_ZEROES_SEG = 52,
       CONFIG_ZEROES_MAY_UNMAP = 56,
       CONFIG_SIZE = 60
};

#define RANGE_BYTES       16 /* u64 sector, u32 sectors, u32 flags */
#define RANGE_UNMAP       1u
#define MAX_RANGE_SECTORS (1u << 21)

typedef struct BlkRequest BlkRequest;
struct BlkRequest {
    BlockRequestId id;
    VirtElement *elem;
    BlkRequest *next;
};

typedef struct VirtIOBlk {
    VirtIODevice vdev;
    BlockBackend *drive;
    char *serial;
    uint32_t bootindex;
    bool writeback;       /* 5.2.5.1: the guest may turn the cache off */
    BlkRequest *requests; /* under way */
    uint8_t *saved;       /* those, as bytes, for snapshots */
    uint32_t saved_len;
} VirtIOBlk;

/* ---- the answer ---- */

/* The status is the last byte that the device may write. */
static void answer(VirtIOBlk *s, VirtElement *elem, uint8_t status, uint32_t data_len)
{
    virtio_write(&s->vdev, elem, elem->in_len - 1, &status, 1);
    virtio_push(&s->vdev, QUEUE, elem, data_len + 1);
    virtio_notify(&s->vdev, QUEUE);
}

static BlkRequest *take_request(VirtIOBlk *s, BlockRequestId id)
{
    BlkRequest **p = &s->requests;
    while (*p && (*p)->id != id) {
        p = &(*p)->next;
    }
    BlkRequest *req = *p;
    lockstep_assert(req, "no virtio-blk request %" PRIu64, id);
    *p = req->next;
    return req;
}

static void completed(void *opaque, BlockRequestId id, int ret, const uint8_t *data, size_t len)
{
    VirtIOBlk *s = opaque;
    BlkRequest *req = take_request(s, id);
    VirtElement *elem = req->elem;
    g_free(req);
    if (data) {
        virtio_write(&s->vdev, elem, 0, data, len);
    }
    answer(s, elem, ret < 0 ? S_IOERR : S_OK, data ? len : 0);
}

/* The place of a request is taken before it is issued: it may be answered from within. */
static BlkRequest *add_request(VirtIOBlk *s, VirtElement *elem)
{
    BlkRequest **p = &s->requests;
    while (*p) {
        p = &(*p)->next;
    }
    *p = g_new(BlkRequest, 1);
    **p = (BlkRequest){ .elem = elem };
    return *p;
}

/* ---- requests ---- */

static bool whole_sectors(uint64_t bytes)
{
    return bytes % BDRV_SECTOR_SIZE == 0 && bytes <= BLK_MAX_TRANSFER;
}

/* A sector number that no byte offset can have is beyond every end. */
static int64_t offset_of(uint64_t sector)
{
    return sector > (uint64_t)INT64_MAX >> BDRV_SECTOR_BITS ? INT64_MAX - BLK_MAX_TRANSFER
                                                            : (int64_t)sector << BDRV_SECTOR_BITS;
}

static void do_read(VirtIOBlk *s, VirtElement *elem, uint64_t sector)
{
    uint64_t bytes = elem->in_len - 1;
    if (!whole_sectors(bytes)) {
        answer(s, elem, S_IOERR, 0);
        return;
    }
    BlkRequest *req = add_request(s, elem);
    req->id = blk_aio_read(s->drive, offset_of(sector), bytes, completed, s);
}

static void do_write(VirtIOBlk *s, VirtElement *elem, uint64_t sector)
{
    uint64_t bytes = elem->out_len - HEADER;
    if (!whole_sectors(bytes)) {
        answer(s, elem, S_IOERR, 0);
        return;
    }
    uint8_t *data = g_malloc(bytes);
    virtio_read(&s->vdev, elem, HEADER, data, bytes);
    BlkRequest *req = add_request(s, elem);
    req->id = blk_aio_write(s->drive, offset_of(sector), data, bytes, !s->writeback, completed, s);
    g_free(data);
}

static void do_flush(VirtIOBlk *s, VirtElement *elem)
{
    BlkRequest *req = add_request(s, elem);
    req->id = blk_aio_flush(s->drive, completed, s);
}

static void do_get_id(VirtIOBlk *s, VirtElement *elem)
{
    char id[ID_BYTES] = { 0 };
    const char *serial = s->serial ? s->serial : blk_serial(s->drive);
    memcpy(id, serial ? serial : "", serial ? MIN(strlen(serial), sizeof(id)) : 0);
    uint64_t n = virtio_write(&s->vdev, elem, 0, id, MIN(sizeof(id), elem->in_len - 1));
    answer(s, elem, S_OK, n);
}

/* One range a request, as the configuration says. */
static void do_range(VirtIOBlk *s, VirtElement *elem, bool zeroes)
{
    uint8_t range[RANGE_BYTES];
    if (elem->out_len != HEADER + RANGE_BYTES) {
        answer(s, elem, S_UNSUPP, 0);
        return;
    }
    virtio_read(&s->vdev, elem, HEADER, range, sizeof(range));
    uint64_t sector = ldq_le_p(range);
    uint32_t sectors = ldl_le_p(range + 8), flags = ldl_le_p(range + 12);
    if (sectors > MAX_RANGE_SECTORS || (flags & ~(zeroes ? RANGE_UNMAP : 0))) {
        answer(s, elem, flags ? S_UNSUPP : S_IOERR, 0);
        return;
    }
    int64_t bytes = (int64_t)sectors << BDRV_SECTOR_BITS;
    BlkRequest *req = add_request(s, elem);
    req->id = zeroes ? blk_aio_write_zeroes(s->drive, offset_of(sector), bytes, flags & RANGE_UNMAP, completed, s)
                     : blk_aio_discard(s->drive, offset_of(sector), bytes, completed, s);
}

static void start(VirtIOBlk *s, VirtElement *elem)
{
    uint8_t header[HEADER];
    if (elem->out_len < HEADER || !elem->in_len) {
        virtio_error(&s->vdev);
        g_free(elem);
        return;
    }
    virtio_read(&s->vdev, elem, 0, header, sizeof(header));
    uint64_t sector = ldq_le_p(header + 8);
    switch (ldl_le_p(header)) {
    case T_IN:
        do_read(s, elem, sector);
        break;
    case T_OUT:
        do_write(s, elem, sector);
        break;
    case T_FLUSH:
        do_flush(s, elem);
        break;
    case T_GET_ID:
        do_get_id(s, elem);
        break;
    case T_DISCARD:
    case T_WRITE_ZEROES:
        do_range(s, elem, ldl_le_p(header) == T_WRITE_ZEROES);
        break;
    default:
        answer(s, elem, S_UNSUPP, 0);
    }
}

static void requested(VirtIODevice *vdev, int queue)
{
    VirtIOBlk *s = (VirtIOBlk *)vdev;
    VirtElement *elem;
    while ((elem = virtio_pop(vdev, queue))) {
        start(s, elem);
    }
}

/* ---- configuration ---- */

static uint64_t blk_features(VirtIODevice *vdev)
{
    VirtIOBlk *s = (VirtIOBlk *)vdev;
    uint64_t features = VIRTIO_BIT(F_SEG_MAX) | VIRTIO_BIT(F_GEOMETRY) | VIRTIO_BIT(F_BLK_SIZE) | VIRTIO_BIT(F_FLUSH) |
                        VIRTIO_BIT(F_TOPOLOGY) | VIRTIO_BIT(F_CONFIG_WCE);
    return features |
           (blk_is_read_only(s->drive) ? VIRTIO_BIT(F_RO) : VIRTIO_BIT(F_DISCARD) | VIRTIO_BIT(F_WRITE_ZEROES));
}

static void blk_get_config(VirtIODevice *vdev, uint8_t *config)
{
    VirtIOBlk *s = (VirtIOBlk *)vdev;
    uint64_t sectors = blk_length(s->drive) >> BDRV_SECTOR_BITS;
    stq_le_p(config + CONFIG_CAPACITY, sectors);
    stl_le_p(config + CONFIG_SEG_MAX, SEG_MAX);
    stw_le_p(config + CONFIG_CYLINDERS, MIN(sectors / (16 * 63), 16383));
    config[CONFIG_HEADS] = 16;
    config[CONFIG_SECTORS] = 63;
    stl_le_p(config + CONFIG_BLK_SIZE, BDRV_SECTOR_SIZE);
    stw_le_p(config + CONFIG_MIN_IO, 1);
    config[CONFIG_WRITEBACK] = s->writeback;
    stw_le_p(config + CONFIG_NUM_QUEUES, 1);
    stl_le_p(config + CONFIG_MAX_DISCARD_SECTORS, MAX_RANGE_SECTORS);
    stl_le_p(config + CONFIG_MAX_DISCARD_SEG, 1);
    stl_le_p(config + CONFIG_DISCARD_ALIGNMENT, 1);
    stl_le_p(config + CONFIG_MAX_ZEROES_SECTORS, MAX_RANGE_SECTORS);
    stl_le_p(config + CONFIG_MAX_ZEROES_SEG, 1);
    config[CONFIG_ZEROES_MAY_UNMAP] = 1;
}

static void blk_set_config(VirtIODevice *vdev, uint32_t offset, const uint8_t *config, uint32_t len)
{
    VirtIOBlk *s = (VirtIOBlk *)vdev;
    if (offset <= CONFIG_WRITEBACK && offset + len > CONFIG_WRITEBACK) {
        s->writeback = config[CONFIG_WRITEBACK] & 1;
    }
}

/* 5.2.5.1: a driver that knows neither way of flushing gets a write-through cache. */
static void blk_features_set(VirtIODevice *vdev)
{
    VirtIOBlk *s = (VirtIOBlk *)vdev;
    if (!virtio_has_feature(vdev, F_FLUSH) && !virtio_has_feature(vdev, F_CONFIG_WCE)) {
        s->writeback = false;
    }
}

static void blk_device_reset(VirtIODevice *vdev)
{
    VirtIOBlk *s = (VirtIOBlk *)vdev;
    while (s->requests) {
        BlkRequest *req = s->requests;
        s->requests = req->next;
        blk_aio_forget(s->drive, req->id);
        g_free(req->elem);
        g_free(req);
    }
    s->writeback = blk_write_cache_enabled(s->drive);
}

static const VirtIOClass blk_class = {
    .device_type = 2,
    .class_id = 0x0100,
    .config_size = CONFIG_SIZE,
    .features = blk_features,
    .get_config = blk_get_config,
    .set_config = blk_set_config,
    .features_set = blk_features_set,
    .reset = blk_device_reset,
};

/* ---- device ---- */

static bool blk_realize(Device *dev, Error **errp)
{
    VirtIOBlk *s = (VirtIOBlk *)dev;
    if (!s->drive || !blk_is_inserted(s->drive)) {
        error_setg(errp, s->drive ? "Device needs media, but drive is empty" : "drive property not set");
        return false;
    }
    if (!virtio_realize(&s->vdev, &blk_class, errp)) {
        return false;
    }
    virtio_add_queue(&s->vdev, QUEUE, QUEUE_SIZE, requested);
    char *path = g_strdup_printf("/pci@i0cf8/scsi@%x/disk@0,0", PCI_SLOT(s->vdev.pci.devfn));
    bool ok = boot_order_add(s->bootindex, path, errp);
    g_free(path);
    return ok;
}

static void blk_reset(Device *dev)
{
    VirtIOBlk *s = (VirtIOBlk *)dev;
    virtio_reset(&s->vdev);
    pci_device_reset(&s->vdev.pci);
}

/* ---- state: for each request under way u64 id, then its buffer ---- */

static void blk_pre_save(void *opaque)
{
    VirtIOBlk *s = opaque;
    GByteArray *out = g_byte_array_new();
    for (BlkRequest *req = s->requests; req; req = req->next) {
        append_le(out, req->id, sizeof(req->id));
        virtio_save_element(out, req->elem);
    }
    g_free(s->saved);
    s->saved_len = out->len;
    s->saved = g_byte_array_free(out, false);
}

static bool load_request(VirtIOBlk *s, const uint8_t *p, size_t left, size_t *used, Error **errp)
{
    uint64_t id = left < sizeof(id) ? 0 : ldq_le_p(p);
    VirtElement *elem = id ? virtio_load_element(p + sizeof(id), left - sizeof(id), used) : NULL;
    if (!elem || !elem->in_len) {
        g_free(elem);
        error_setg(errp, "an impossible request under way");
        return false;
    }
    if (!blk_aio_reattach(s->drive, id, completed, s, errp)) {
        g_free(elem);
        return false;
    }
    add_request(s, elem)->id = id;
    *used += sizeof(id);
    return true;
}

static bool blk_post_load(void *opaque, Error **errp)
{
    VirtIOBlk *s = opaque;
    while (s->requests) {
        BlkRequest *req = s->requests; /* of the time that is left behind */
        s->requests = req->next;
        g_free(req->elem);
        g_free(req);
    }
    size_t used;
    for (size_t at = 0; at < s->saved_len; at += used) {
        if (!load_request(s, s->saved + at, s->saved_len - at, &used, errp)) {
            return false;
        }
    }
    return true;
}

static const VMStateField blk_fields[] = {
    VMSTATE_STRUCT(VirtIOBlk, vdev, vmstate_virtio_device),
    VMSTATE_DERIVED(VirtIOBlk, drive),
    VMSTATE_DERIVED(VirtIOBlk, serial),
    VMSTATE_DERIVED(VirtIOBlk, bootindex),
    VMSTATE_BOOL(VirtIOBlk, writeback),
    VMSTATE_DERIVED(VirtIOBlk, requests), /* saved */
    VMSTATE_BUFFER(VirtIOBlk, saved, saved_len),
    VMSTATE_DERIVED(VirtIOBlk, saved_len),
    VMSTATE_END,
};
static const VMStateDescription vmstate_blk = {
    .name = "virtio-blk", .version = 1, .fields = blk_fields, .pre_save = blk_pre_save, .post_load = blk_post_load
};

static const DeviceProperty blk_properties[] = {
    DEFINE_PROP_DRIVE(VirtIOBlk, drive),
    DEFINE_PROP_STRING("serial", VirtIOBlk, serial),
    DEFINE_PROP_UINT32("bootindex", VirtIOBlk, bootindex, BOOT_ORDER_NONE),
    VIRTIO_PROPERTIES(VirtIOBlk),
    { .name = NULL },
};

const DeviceType virtio_blk_pci_type = {
    .name = "virtio-blk-pci",
    .description = "virtio block device",
    .size = sizeof(VirtIOBlk),
    .vmsd = &vmstate_blk,
    .properties = blk_properties,
    .realize = blk_realize,
    .reset = blk_reset,
    .user_creatable = true,
    .parent = &pci_device_type,
};

bool virtio_blk_create(BlockBackend *blk, Error **errp)
{
    Device *dev = device_new(&virtio_blk_pci_type);
    ((VirtIOBlk *)dev)->drive = blk;
    return device_realize(dev, errp);
}
