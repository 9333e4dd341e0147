/* tests/device/virtio-env.h  A board with virtio devices, and a driver that sets up their rings by hand. Include once
 * per program. */
#ifndef TESTS_VIRTIO_ENV_H
#define TESTS_VIRTIO_ENV_H

#include "hw/pci/pci.h"
#include "hw/virtio/virtio.h"
#include "replay/replay.h"
#include "tests/device/chips-env.h"
#include "tests/device/chips-stubs.h"

#define IO_BAR  0xc000
#define MEM_BAR 0xe0000000u
#define RAM     (32 * MiB)

char *qemu_find_file(const char *name)
{
    return NULL;
}
bool replay_add_input(const char *role, const char *path, Error **errp)
{
    return true;
}

static MemoryRegion test_ram;
static int pirq_level;

static void test_set_pirq(void *opaque, int pirq, int level)
{
    pirq_level = level;
}
static int test_map_irq(PCIDevice *pci, int pin)
{
    return pin;
}

static void virtio_board(void)
{
    memory_init();
    memory_region_init_ram(&test_ram, "ram", RAM);
    memory_region_add_subregion(get_system_memory(), 0, &test_ram);
    pci_bus_new(get_system_memory(), get_system_io(), test_set_pirq, test_map_irq, NULL);
}

/* ---- registers ---- */

static VirtIODevice *vdev; /* the one that is driven */
static bool modern;

/* A register's place in BAR 0 and in the common structure of BAR 4. */
typedef struct Place {
    uint8_t legacy, modern, size;
} Place;
static const Place STATUS = { 18, 0x14, 1 }, QUEUE_SELECT = { 14, 0x16, 2 }, QUEUE_SIZE_REG = { 12, 0x18, 2 };

static uint64_t get(Place p)
{
    return modern ? address_space_ld(&address_space_memory, MEM_BAR + p.modern, p.size)
                  : address_space_ld(&address_space_io, IO_BAR + p.legacy, p.size);
}
static void put(Place p, uint64_t value)
{
    if (modern) {
        address_space_st(&address_space_memory, MEM_BAR + p.modern, value, p.size);
    } else {
        address_space_st(&address_space_io, IO_BAR + p.legacy, value, p.size);
    }
}
static void common(unsigned at, uint64_t value, unsigned size)
{
    address_space_st(&address_space_memory, MEM_BAR + at, value, size);
}
static inline uint64_t config_ld(unsigned at, unsigned size)
{
    return modern ? address_space_ld(&address_space_memory, MEM_BAR + 0x2000 + at, size)
                  : address_space_ld(&address_space_io, IO_BAR + 20 + at, size);
}
static inline void config_st(unsigned at, uint64_t value, unsigned size)
{
    if (modern) {
        address_space_st(&address_space_memory, MEM_BAR + 0x2000 + at, value, size);
    } else {
        address_space_st(&address_space_io, IO_BAR + 20 + at, value, size);
    }
}
static inline uint8_t read_isr(void)
{
    return modern ? address_space_ld(&address_space_memory, MEM_BAR + 0x1000, 1)
                  : address_space_ld(&address_space_io, IO_BAR + 19, 1);
}

static inline uint64_t offered(void)
{
    if (!modern) {
        return address_space_ld(&address_space_io, IO_BAR, 4);
    }
    common(0, 1, 4);
    uint64_t high = address_space_ld(&address_space_memory, MEM_BAR + 4, 4);
    common(0, 0, 4);
    return high << 32 | address_space_ld(&address_space_memory, MEM_BAR + 4, 4);
}

static void accept(uint64_t features)
{
    if (!modern) {
        address_space_st(&address_space_io, IO_BAR + 4, (uint32_t)features, 4);
        return;
    }
    for (int half = 0; half < 2; half++) {
        common(8, half, 4);
        common(12, features >> 32 * half & UINT32_MAX, 4);
    }
}

/* ---- rings ---- */

#define RING_BASE(queue) (0x100000u + (queue)*0x10000u)
#define TABLES           0x800000u /* indirect tables, and what else a test needs */
#define BUFFERS          0x900000u

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

typedef struct Ring {
    int queue;
    uint16_t size, next_desc, avail_index, used_seen;
    uint64_t desc, avail, used;
} Ring;

static void store(uint64_t addr, uint64_t value, unsigned size)
{
    address_space_st(&address_space_memory, addr, value, size);
}
static uint64_t load(uint64_t addr, unsigned size)
{
    return address_space_ld(&address_space_memory, addr, size);
}

static void write_desc(uint64_t table, unsigned index, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
    uint64_t d = table + 16 * index;
    store(d, addr, 8);
    store(d + 8, len, 4);
    store(d + 12, flags, 2);
    store(d + 14, next, 2);
}

static Ring ring_open(int queue)
{
    static const uint8_t zeroes[0x10000];
    put(QUEUE_SELECT, queue);
    Ring r = { .queue = queue, .size = get(QUEUE_SIZE_REG), .desc = RING_BASE(queue) };
    g_assert_cmpuint(r.size, >, 0);
    address_space_write(&address_space_memory, r.desc, zeroes, sizeof(zeroes));
    r.avail = r.desc + 16 * r.size;
    r.used = (r.avail + 6 + 2 * r.size + 4095) & ~4095ull;
    if (!modern) {
        address_space_st(&address_space_io, IO_BAR + 8, r.desc >> 12, 4);
        return r;
    }
    common(0x20, r.desc, 4);
    common(0x28, r.avail, 4);
    common(0x30, r.used, 4);
    common(0x1c, 1, 2);
    return r;
}

/* One segment of a chain. */
typedef struct Seg {
    uint64_t addr;
    uint32_t len;
    bool in;
} Seg;

static void make_available(Ring *r, uint16_t head)
{
    store(r->avail + 4 + 2 * (r->avail_index % r->size), head, 2);
    store(r->avail + 2, ++r->avail_index, 2);
}

static inline uint16_t add_chain(Ring *r, const Seg *segs, unsigned count)
{
    uint16_t head = r->next_desc;
    for (unsigned i = 0; i < count; i++) {
        uint16_t flags = (segs[i].in ? WRITE : 0) | (i + 1 < count ? NEXT : 0), at = r->next_desc++ % r->size;
        write_desc(r->desc, at, segs[i].addr, segs[i].len, flags, (at + 1) % r->size);
    }
    make_available(r, head % r->size);
    return head % r->size;
}

static void kick(const Ring *r)
{
    if (modern) {
        store(MEM_BAR + 0x3000 + 4 * r->queue, r->queue, 2);
    } else {
        address_space_st(&address_space_io, IO_BAR + 16, r->queue, 2);
    }
}

static inline unsigned used_count(const Ring *r)
{
    return (uint16_t)(load(r->used + 2, 2) - r->used_seen);
}

/* The next buffer that came back; its length. */
static inline uint32_t take_used(Ring *r, uint32_t head)
{
    g_assert_cmpuint(used_count(r), >, 0);
    uint64_t entry = r->used + 4 + 8 * (r->used_seen++ % r->size);
    g_assert_cmpuint(load(entry, 4), ==, head);
    return load(entry + 4, 4);
}

/* ---- the driver's start ---- */

static void map_bars(VirtIODevice *dev)
{
    PCIBus *bus = pci_root_bus();
    pci_config_write(bus, 0, dev->pci.devfn, 0x10, IO_BAR | 1, 4);
    pci_config_write(bus, 0, dev->pci.devfn, 0x20, MEM_BAR, 4);
    pci_config_write(bus, 0, dev->pci.devfn, PCI_COMMAND, 7, 2);
}

static void driver_begin(Device *dev, bool is_modern)
{
    device_reset_all();
    vdev = (VirtIODevice *)dev;
    modern = is_modern;
    map_bars(vdev);
    put(STATUS, 0);
    put(STATUS, 3);
}

static inline bool negotiate(uint64_t features)
{
    accept(modern ? features | VIRTIO_BIT(VIRTIO_F_VERSION_1) : features);
    if (modern) {
        put(STATUS, 0xb);
    }
    return !modern || (get(STATUS) & 8);
}

static void driver_ok(void)
{
    put(STATUS, modern ? 0xf : 7);
}

static inline void check_broken(void)
{
    g_assert_cmpuint(get(STATUS) & 0x40, ==, 0x40);
    g_assert_true(vdev->broken);
}

#endif
