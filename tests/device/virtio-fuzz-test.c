/* LINK: hw/virtio/virtio.c hw/virtio/virtio-pci.c hw/virtio/virtio-rng.c hw/block/virtio-blk.c hw/char/virtio-serial.c
 * hw/net/virtio-net.c hw/net/nic-common.c net/checksum.c hw/pci/pci.c hw/core/boot-order.c hw/core/memory.c
 * hw/core/ram.c hw/core/device.c migration/vmstate.c util/qemu-timer.c util/error.c util/option.c -lxxhash */
/*
 * tests/device/virtio-fuzz-test.c  A guest and a world outside gone mad: random registers, rings, chains, packets,
 * bytes and completions, the same for the same seed.
 *
 *     device-virtio-fuzz-test [DEVICE [SECONDS [SEED [ROUND]]]]
 *                             DEVICE: virtio-net-pci, virtio-blk-pci, virtio-serial-pci, virtio-rng-pci
 *
 * What it looks for is found by the sanitizers and by a round that takes too long. A driver that knows what it does
 * sets the device up, legacy or modern, and makes most chains; the rest is anything, and a device that has given up is
 * set up again.
 */
#include "tests/device/fake-blk.h"
#include "tests/device/fake-chardev.h"
#include "tests/device/fake-wire.h"
#include "tests/device/virtio-env.h"
#include "util/rng.h"

#include "tests/device/fuzz-env.h"

#define DISK_SIZE      (1 * MiB)
#define QUEUES         8 /* that the driver opens; all lie in one another's reach */
#define REQUEST_MAX    80000
#define REQUESTS       BUFFERS /* a place for each of REQUEST_PLACES */
#define REQUEST_PLACES 16
#define SEGMENTS_MAX   40

void guest_random_bytes(void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = rnd();
    }
}

/* ---- values that matter ---- */

static uint64_t some_address(void)
{
    static const uint64_t odd[] = { 0, RAM - 8, 0xfffffff0, MEM_BAR, MEM_BAR + 0x3000, UINT64_MAX - 7, 1ull << 63 };
    return below(12) ? RING_BASE(0) + below(QUEUES * 0x10000) : odd[below(ARRAY_SIZE(odd))];
}

static uint32_t some_value(void)
{
    switch (below(6)) {
    case 0:
        return rnd();
    case 1:
        return below(256);
    case 2:
        return 1u << below(32);
    case 3:
        return 0xffffffff;
    case 4:
        return some_address();
    default:
        return below(16);
    }
}

static uint32_t some_length(void)
{
    return below(30) ? below(below(4) ? 2000 : 70000) : some_value();
}

static void put_bytes(uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        p[i] = rnd();
    }
}

/* ---- requests: what a chain of each queue says to the device ---- */

static uint8_t request[REQUEST_MAX];

/* In front of a frame: half of the time what fits it. */
static size_t net_header(uint8_t *head)
{
    static const uint8_t gso[] = { 0, 0, 1, 4, 0x81, 3, 0xff };
    static const uint16_t sizes[] = { 0, 1, 88, 536, 1460, 65535 };
    head[0] = below(4) ? below(2) : rnd();
    head[1] = gso[below(ARRAY_SIZE(gso))];
    stw_le_p(head + 2, below(2) ? 54 : rnd());
    stw_le_p(head + 4, sizes[below(ARRAY_SIZE(sizes))]);
    stw_le_p(head + 6, below(3) ? 34 : rnd());
    stw_le_p(head + 8, below(3) ? 16 : rnd());
    stw_le_p(head + 10, below(3));
    return modern || virtio_has_feature(vdev, 15 /* MRG_RXBUF */) ? 12 : 10;
}

static size_t net_frame(void)
{
    size_t head = net_header(request);
    return head + some_frame(request + head);
}

static size_t net_address_table(uint8_t *p)
{
    uint32_t count = below(6) ? below(70) : some_value();
    size_t bytes = MIN(count, 200) * 6;
    stl_le_p(p, count);
    put_bytes(p + 4, bytes);
    return 4 + bytes;
}

static size_t net_control(void)
{
    request[0] = below(4);
    request[1] = below(7);
    if (request[0] == 1 && request[1] == 0) {
        size_t first = net_address_table(request + 2);
        return 2 + first + net_address_table(request + 2 + first);
    }
    put_bytes(request + 2, 8);
    static const uint8_t lengths[] = { 3, 4, 8, 2, 1, 0 };
    return lengths[below(ARRAY_SIZE(lengths))];
}

static size_t net_request(int queue)
{
    return queue == 1 ? net_frame() : queue == 2 ? net_control() : 0;
}

static size_t serial_request(int queue)
{
    if (queue != 3) {
        put_bytes(request, 64);
        return queue & 1 ? some_length() % REQUEST_MAX : 0;
    }
    stl_le_p(request, below(8) ? below(3) : some_value());
    stw_le_p(request + 4, below(9));
    stw_le_p(request + 6, below(2));
    return below(10) ? 8 : below(12);
}

static size_t blk_request(int queue)
{
    static const uint8_t types[] = { 0, 1, 0, 1, 4, 8, 11, 13, 99 };
    uint8_t type = types[below(ARRAY_SIZE(types))];
    memset(request, 0, 32);
    stl_le_p(request, type);
    stq_le_p(request + 8, below(8) ? below(DISK_SIZE / 512) : (uint64_t)some_value() << below(33));
    if (type == 11 || type == 13) {
        stl_le_p(request + 16, below(8) ? below(DISK_SIZE / 512) : some_value());
        stl_le_p(request + 24, below(8) ? below(64) : some_value());
        stl_le_p(request + 28, below(4) ? 0 : below(4));
        return below(8) ? 32 : below(64);
    }
    return 16 + (type == 1 ? 512 * below(9) : 0) + (below(10) ? 0 : below(600));
}

static size_t rng_request(int queue)
{
    return 0;
}

/* ---- what comes from outside ---- */

static uint8_t packet[NET_MAX_PACKET];

static void packet_comes(void)
{
    size_t len = some_frame(packet);
    wire_deliver(packet, len);
}

static void bytes_come(void)
{
    const ChrFrontend *fe = below(2) ? &port_fe : &console_fe;
    int room = fe->can_receive(fe->opaque);
    if (room > 0) {
        uint8_t bytes[3000];
        int len = MIN(room, 1 + (int)below(sizeof(bytes)));
        put_bytes(bytes, len);
        fe->receive(fe->opaque, bytes, len);
    }
    g_string_truncate(said, 0);
}

static void request_completes(void)
{
    fake_error = below(6) ? 0 : -5;
    fake_complete();
    fake_error = 0;
}

static void nothing_comes(void)
{
}

/* ---- targets ---- */

typedef struct Target {
    const DeviceType *type;
    unsigned queues;
    size_t (*make_request)(int queue); /* into request[]; 0: the queue's buffers are for the device to fill */
    void (*outside)(void);
} Target;

static const Target targets[] = {
    { &virtio_net_pci_type, 3, net_request, packet_comes },
    { &virtio_blk_pci_type, 1, blk_request, request_completes },
    { &virtio_serial_pci_type, QUEUES, serial_request, bytes_come },
    { &virtio_rng_pci_type, 1, rng_request, nothing_comes },
};
static Device *devices[ARRAY_SIZE(targets)];

static const Target *mad;
static Device *mad_device;
static Ring rings[QUEUES];
static uint64_t answered; /* buffers that came back */

/* ---- the driver ---- */

static void count_answers(void)
{
    for (unsigned i = 0; i < mad->queues; i++) {
        answered += vdev ? vdev->queues[i].used_index : 0;
    }
}

/* Where the driver's ring is, or where nobody would put one: upon another, at the end of memory, at odd addresses. */
static void open_ring(unsigned i)
{
    uint16_t size = 1 << below(9);
    put(QUEUE_SELECT, i);
    if (modern) {
        common(0x18, size, 2);
    }
    if (below(10)) {
        rings[i] = ring_open(i);
        return;
    }
    Ring *r = &rings[i];
    *r = (Ring){ i, get(QUEUE_SIZE_REG), .desc = some_address(), .avail = some_address(), .used = some_address() };
    if (!modern) {
        address_space_st(&address_space_io, IO_BAR + 8, r->desc >> 12, 4);
        return;
    }
    for (unsigned half = 0; half < 2; half++) {
        common(0x20 + 4 * half, r->desc >> 32 * half, 4);
        common(0x28 + 4 * half, r->avail >> 32 * half, 4);
        common(0x30 + 4 * half, r->used >> 32 * half, 4);
    }
    common(0x1c, 1, 2);
}

static void start_driver(void)
{
    count_answers();
    driver_begin(mad_device, below(2));
    uint64_t wanted = below(4) ? UINT64_MAX : (uint64_t)rnd() << 32 | rnd();
    accept(offered() & wanted);
    put(STATUS, modern ? 0xb : 3);
    for (unsigned i = 0; i < mad->queues; i++) {
        open_ring(i);
    }
    driver_ok();
}

/* ---- chains ---- */

static Seg chain[SEGMENTS_MAX];

/* `len` bytes from addr on, in pieces. */
static unsigned split(uint64_t addr, uint64_t len, bool in, unsigned count)
{
    unsigned pieces = 1 + below(below(4) ? 3 : 16);
    for (; len && count<SEGMENTS_MAX; pieces -= pieces> 1) {
        uint32_t n = pieces == 1 ? len : MIN(len, 1 + below(len));
        chain[count++] = (Seg){ addr, n, in };
        addr += n;
        len -= n;
    }
    return count;
}

static unsigned make_segments(const Ring *r)
{
    size_t len = mad->make_request(r->queue);
    uint64_t at = REQUESTS + below(REQUEST_PLACES) * 0x18000;
    for (unsigned i = below(3); i > 0 && len; i--) {
        request[below(MIN(len, 64))] ^= below(4) ? 0 : rnd();
    }
    address_space_write(&address_space_memory, at, request, len);
    unsigned count = below(40) ? split(at, len, false, 0) : split(some_address(), some_length(), false, 0);
    if (!len || mad->make_request != net_request || r->queue == 2 || !below(10)) {
        uint32_t room = below(3) ? 512 * below(8) + 1 : some_length();
        count = split(some_address(), len && below(2) ? 1 : room, true, count);
    }
    return count;
}

/* In the ring's own table, or in one beside it. */
static uint16_t write_chain(Ring *r, unsigned count)
{
    uint64_t table = below(3) ? 0 : TABLES + below(16) * 0x400;
    uint16_t head = r->next_desc++ % r->size;
    for (unsigned i = 0, at = head; i < count; i++) {
        bool wild = !below(1000);
        uint16_t next = table ? i + 1 : r->next_desc++ % r->size;
        uint16_t flags = (chain[i].in ? WRITE : 0) | (i + 1 < count ? NEXT : 0);
        write_desc(table ? table : r->desc, table ? i : at, chain[i].addr, wild ? some_value() : chain[i].len,
                   wild ? rnd() : flags, wild ? rnd() : next);
        at = next;
    }
    if (table) {
        write_desc(r->desc, head, table, below(60) ? 16 * count : some_value(), INDIRECT, 0);
    }
    return head;
}

static Ring *some_ring(void)
{
    return &rings[below(mad->queues)];
}

static void step_chain(void)
{
    Ring *r = some_ring();
    unsigned count = r->size ? make_segments(r) : 0;
    if (count) {
        uint16_t head = write_chain(r, count);
        make_available(r, below(200) ? head : rnd());
    }
    if (below(3)) {
        kick(r);
    }
}

/* ---- other steps ---- */

static void step_outside(void)
{
    mad->outside();
}

static void step_ring_index(void)
{
    Ring *r = some_ring();
    r->avail_index += below(8) ? below(4) : rnd();
    store(r->avail + 2, r->avail_index, 2);
    store(below(2) ? r->avail : r->avail + 4 + 2 * r->size, rnd(), 2); /* flags, used event */
    kick(r);
}

static void step_scribble(void)
{
    store(some_address() & ~3ull, some_value(), 4);
}

static void step_register(void)
{
    static const uint8_t sizes[] = { 1, 2, 4, 4, 8 };
    static const uint16_t hot[] = { 0x14, 0x16, 0x18, 0x1c, 0x20, 0x28, 0x30, 0x2000, 0x2006, 0x2020, 0x3000, 0x3004 };
    unsigned size = sizes[below(ARRAY_SIZE(sizes))];
    if (below(2)) {
        store(MEM_BAR + (below(4) ? hot[below(ARRAY_SIZE(hot))] : below(0x4000)), some_value(), size);
    } else {
        address_space_st(&address_space_io, IO_BAR + below(below(2) ? 20 : 128), some_value(), MIN(size, 4));
    }
}

static void step_read(void)
{
    static const uint16_t blocks[] = { 0, 0x1000, 0x2000, 0x3000 };
    load(MEM_BAR + blocks[below(4)] + below(0x80), 1u << below(4));
    address_space_ld(&address_space_io, IO_BAR + below(128), 1u << below(3));
}

static void step_kick(void)
{
    kick(some_ring());
}

static void config_write(unsigned reg, uint32_t value, int len)
{
    pci_config_write(pci_root_bus(), 0, vdev->pci.devfn, reg, value, len);
}

static void step_pci(void)
{
    switch (below(3)) {
    case 0:
        config_write(PCI_COMMAND, below(2) ? 7 : rnd() & 7, 2);
        break;
    case 1:
        config_write(below(2) ? 0x10 : 0x20, some_value(), 4);
        break;
    default: /* the window's capability, and what it opens */
        config_write(0x40 + below(0x60), some_value(), 1 << below(3));
        pci_config_read(pci_root_bus(), 0, vdev->pci.devfn, 0x40 + below(0x60), 1 << below(3));
    }
}

static void step_rare(void)
{
    switch (below(6)) {
    case 0:
        wire_set_link(below(2));
        break;
    case 1:
        check_state_goes_round(mad_device);
        break;
    case 2:
        step_pci();
        break;
    case 3:
        put(STATUS, below(2) ? 0 : rnd());
        break;
    default:
        start_driver();
    }
}

static void step(void)
{
    static void (*const steps[])(void) = { step_chain,    step_chain,   step_chain,      step_chain,
                                           step_outside,  step_outside, step_ring_index, step_scribble,
                                           step_register, step_read,    step_kick };
    if (vdev->broken && !below(4)) {
        start_driver();
    } else if (below(40)) {
        steps[below(ARRAY_SIZE(steps))]();
    } else {
        step_rare();
    }
}

static void start_round(void)
{
    memset(ram_base, 0, RAM);
    fake_complete_all();
    wire_forget();
    start_driver();
}

/* ---- the board ---- */

static BlockBackend *disk;

static Device *create(const DeviceType *type)
{
    Device *dev = device_new(type);
    if (type == &virtio_blk_pci_type) {
        device_set_property(dev, "drive", "disk", &error_fatal);
    }
    device_realize(dev, &error_fatal);
    return dev;
}

static void create_devices(void)
{
    virtio_board();
    g_queue_init(&wire.waiting);
    said = g_string_new(NULL);
    disk = fake_claimed = fake_medium("disk", DISK_SIZE);
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        devices[i] = create(targets[i].type);
    }
    create_port(&virtconsole_type, "console", NULL);
    create_port(&virtserialport_type, "port", "org.test");
}

int main(int argc, char **argv)
{
    create_devices();
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        const FuzzTarget target = { targets[i].type->name, start_round, step };
        if (fuzz_wants(argc, argv, target.name)) {
            mad = &targets[i];
            mad_device = devices[i];
            vdev = NULL;
            answered = 0;
            fuzz(argc, argv, &target, 0.4);
            printf("%" PRIu64 " buffers came back\n", answered);
            g_assert_cmpuint(answered, >, 1000); /* a good part of it was sense */
        }
    }
    return 0;
}
