/* LINK: hw/virtio/virtio.c hw/virtio/virtio-pci.c hw/virtio/virtio-rng.c hw/block/virtio-blk.c hw/pci/pci.c
 * hw/core/boot-order.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c util/qemu-timer.c
 * util/error.c util/option.c -lxxhash */
/* tests/device/virtio-test.c  Virtio's rings, registers and broken guests by virtio-rng; virtio-blk with requests under
 * way. Legacy and modern. */
#include "tests/device/fake-blk.h"
#include "tests/device/virtio-env.h"
#include "util/rng.h"

#define DISK_SIZE (4 * MiB)

void guest_random_bytes(void *buf, size_t len)
{
    memset(buf, 0xa5, len);
}

static Device *rng, *blk;
static BlockBackend *disk;

static void create_devices(void)
{
    virtio_board();
    rng = device_create(&virtio_rng_pci_type);
    disk = fake_claimed = fake_medium("disk", DISK_SIZE);
    blk = device_new(&virtio_blk_pci_type);
    device_set_property(blk, "drive", "disk", &error_fatal);
    device_realize(blk, &error_fatal);
}

static Ring start(Device *dev, bool is_modern, uint64_t features)
{
    driver_begin(dev, is_modern);
    g_assert_true(negotiate(features));
    Ring r = ring_open(0);
    driver_ok();
    return r;
}

/* ---- rings ---- */

static void check_request(bool is_modern)
{
    Ring r = start(rng, is_modern, 0);
    const Seg segs[] = { { BUFFERS, 10, true }, { BUFFERS + 100, 0, true }, { BUFFERS + 200, 20, true } };
    uint16_t head = add_chain(&r, segs, 3);
    g_assert_cmpuint(used_count(&r), ==, 0);
    kick(&r);
    g_assert_cmpuint(take_used(&r, head), ==, 30);
    g_assert_cmpuint(load(BUFFERS + 9, 2), ==, 0x00a5);
    g_assert_cmpuint(load(BUFFERS + 219, 2), ==, 0x00a5);
    g_assert_cmpint(pirq_level, ==, 1);
    g_assert_cmpuint(read_isr(), ==, 1);
    g_assert_cmpint(pirq_level, ==, 0);
    g_assert_cmpuint(read_isr(), ==, 0);
    check_state_goes_round(rng);
}

static void test_request(void)
{
    check_request(false);
    check_request(true);
}

/* More requests than the ring has entries, one after the other. */
static void test_wrap(void)
{
    Ring r = start(rng, true, 0);
    for (int i = 0; i < 70000; i++) {
        const Seg seg = { BUFFERS, 4, true };
        uint16_t head = add_chain(&r, &seg, 1);
        kick(&r);
        g_assert_cmpuint(take_used(&r, head), ==, 4);
    }
}

static void test_no_interrupt(void)
{
    Ring r = start(rng, false, 0);
    const Seg seg = { BUFFERS, 4, true };
    store(r.avail, 1, 2); /* NO_INTERRUPT */
    add_chain(&r, &seg, 1);
    kick(&r);
    g_assert_cmpuint(used_count(&r), ==, 1);
    g_assert_cmpuint(read_isr(), ==, 0);
}

static void test_early_kick(void)
{
    driver_begin(rng, true);
    negotiate(0);
    Ring r = ring_open(0);
    const Seg seg = { BUFFERS, 4, true };
    add_chain(&r, &seg, 1);
    kick(&r);
    g_assert_cmpuint(used_count(&r), ==, 0);
    driver_ok();
    g_assert_cmpuint(used_count(&r), ==, 1);
}

static void test_indirect(void)
{
    Ring r = start(rng, true, VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC));
    write_desc(TABLES, 0, BUFFERS, 5, WRITE | NEXT, 2);
    write_desc(TABLES, 2, BUFFERS + 64, 6, WRITE, 0);
    write_desc(r.desc, 3, TABLES, 48, INDIRECT, 0);
    make_available(&r, 3);
    kick(&r);
    g_assert_cmpuint(take_used(&r, 3), ==, 11);
    g_assert_cmpuint(load(BUFFERS + 69, 2), ==, 0x00a5);
}

/* The interrupt comes when the used index passes the one asked for; the device says when it wants a kick. */
static void test_event_index(void)
{
    Ring r = start(rng, true, VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX));
    const Seg seg = { BUFFERS, 4, true };
    uint64_t used_event = r.avail + 4 + 2 * r.size, avail_event = r.used + 4 + 8 * r.size;
    for (int i = 0; i < 4; i++) {
        store(used_event, 2, 2); /* the third */
        add_chain(&r, &seg, 1);
        kick(&r);
        g_assert_cmpuint(load(avail_event, 2), ==, i + 1);
        g_assert_cmpuint(read_isr(), ==, i == 0 || i == 2); /* the first one always */
    }
}

/* ---- broken guests ---- */

typedef struct BadChain {
    const char *what;
    struct {
        uint64_t addr;
        uint32_t len;
        uint16_t flags, next;
    } d[2];        /* descriptors 0 and 1 */
    bool in_table; /* they are in an indirect table */
    uint16_t head;
} BadChain;

static const BadChain bad_chains[] = {
    { "a loop", { { BUFFERS, 1, WRITE | NEXT, 1 }, { BUFFERS, 1, WRITE | NEXT, 0 } } },
    { "a loop on itself", { { BUFFERS, 0, WRITE | NEXT, 0 } } },
    { "head out of range", { { BUFFERS, 1, WRITE, 0 } }, .head = 8 },
    { "next out of range", { { BUFFERS, 1, WRITE | NEXT, 8 } } },
    { "too much", { { BUFFERS, 0xffffffff, WRITE | NEXT, 1 }, { BUFFERS, 0xffffffff, WRITE, 0 } } },
    { "out after in", { { BUFFERS, 1, WRITE | NEXT, 1 }, { BUFFERS, 1, 0, 0 } } },
    { "an empty table", { { TABLES, 0, INDIRECT, 0 } } },
    { "a broken table", { { TABLES, 24, INDIRECT, 0 } } },
    { "a huge table", { { TABLES, 0xfffffff0, INDIRECT, 0 } } },
    { "a table that goes on", { { TABLES, 16, INDIRECT | NEXT, 1 }, { BUFFERS, 1, WRITE, 0 } } },
    { "a table in a table", { { TABLES, 16, INDIRECT, 0 } }, .in_table = true },
    { "a loop in a table", { { BUFFERS, 1, WRITE | NEXT, 0 } }, .in_table = true },
    { "next beyond the table", { { BUFFERS, 1, WRITE | NEXT, 2 } }, .in_table = true },
};

static void check_bad_chain(const BadChain *bad, bool is_modern)
{
    Ring r = start(rng, is_modern, VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC));
    g_test_message("%s", bad->what);
    for (int i = 0; i < 2; i++) {
        write_desc(bad->in_table ? TABLES : r.desc, i, bad->d[i].addr, bad->d[i].len, bad->d[i].flags, bad->d[i].next);
    }
    if (bad->in_table) {
        write_desc(r.desc, 0, TABLES, 32, INDIRECT, 0);
    }
    make_available(&r, bad->head);
    kick(&r);
    g_assert_cmpuint(used_count(&r), ==, 0);
    check_broken();
    check_state_goes_round(rng);
    kick(&r);
    g_assert_cmpuint(used_count(&r), ==, 0);
}

static void test_bad_chains(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad_chains); i++) {
        check_bad_chain(&bad_chains[i], false);
        check_bad_chain(&bad_chains[i], true);
        check_request(true); /* a reset mends it */
    }
}

static void test_bad_index(void)
{
    Ring r = start(rng, true, 0);
    store(r.avail + 2, r.size + 1, 2);
    kick(&r);
    check_broken();
}

/* Rings where no memory is: reads give ones or zeroes, and nothing happens that lasts. */
static void test_rings_nowhere(void)
{
    driver_begin(rng, true);
    negotiate(0);
    for (unsigned at = 0x20; at < 0x38; at += 4) {
        common(at, 0xfffffff0, 4);
    }
    common(0x1c, 1, 2);
    driver_ok();
    store(MEM_BAR + 0x3000, 0, 2);
    store(MEM_BAR + 0x3000 + 4 * 70, 70, 2); /* no such queue */
    check_request(true);
}

/* ---- features and registers ---- */

static void test_features(void)
{
    driver_begin(rng, true);
    g_assert_true(offered() & VIRTIO_BIT(VIRTIO_F_VERSION_1));
    g_assert_false(negotiate(VIRTIO_BIT(40)));
    driver_begin(rng, false);
    g_assert_cmpuint(offered() >> 32, ==, 0);
    accept(UINT32_MAX);
    g_assert_cmpuint(vdev->guest_features & ~offered(), ==, 0);
}

/* 4.1.4.9: the structures through configuration space. */
static void test_window(void)
{
    driver_begin(rng, true);
    uint8_t cap = pci_config_read(pci_root_bus(), 0, vdev->pci.devfn, 0x34, 1);
    while (pci_config_read(pci_root_bus(), 0, vdev->pci.devfn, cap + 3, 1) != 5) {
        cap = pci_config_read(pci_root_bus(), 0, vdev->pci.devfn, cap + 1, 1);
        g_assert_cmpuint(cap, !=, 0);
    }
    pci_config_write(pci_root_bus(), 0, vdev->pci.devfn, cap + 4, 4, 1);
    pci_config_write(pci_root_bus(), 0, vdev->pci.devfn, cap + 8, 0x14, 4);
    pci_config_write(pci_root_bus(), 0, vdev->pci.devfn, cap + 12, 1, 4);
    g_assert_cmpuint(pci_config_read(pci_root_bus(), 0, vdev->pci.devfn, cap + 16, 1), ==, 3);
    pci_config_write(pci_root_bus(), 0, vdev->pci.devfn, cap + 16, 0, 1);
    g_assert_cmpuint(get(STATUS), ==, 0);
    pci_config_write(pci_root_bus(), 0, vdev->pci.devfn, cap + 12, 3, 4); /* no such size */
    pci_config_write(pci_root_bus(), 0, vdev->pci.devfn, cap + 8, 0xffffffff, 4);
    pci_config_read(pci_root_bus(), 0, vdev->pci.devfn, cap + 16, 4);
}

/* ---- virtio-blk ---- */

#define HEADER_AT BUFFERS
#define STATUS_AT (BUFFERS + 16)
#define DATA_AT   (BUFFERS + 0x1000)

static uint16_t blk_request(Ring *r, uint32_t type, uint64_t sector, uint32_t len, bool in)
{
    const Seg segs[] = { { HEADER_AT, 16, false }, { DATA_AT, len, in }, { STATUS_AT, 1, true } };
    const Seg bare[] = { segs[0], segs[2] };
    store(HEADER_AT, type, 4);
    store(HEADER_AT + 8, sector, 8);
    store(STATUS_AT, 0xee, 1);
    uint16_t head = len ? add_chain(r, segs, 3) : add_chain(r, bare, 2);
    kick(r);
    return head;
}

static void check_data(uint64_t at, int64_t offset, size_t len)
{
    uint8_t *data = g_malloc(len);
    address_space_read(&address_space_memory, at, data, len);
    g_assert_cmpmem(data, len, disk->data + offset, len);
    g_free(data);
}

static void check_blk(bool is_modern)
{
    Ring r = start(blk, is_modern, VIRTIO_BIT(9));
    g_assert_cmpuint(config_ld(0, 4), ==, DISK_SIZE / 512);
    uint16_t head = blk_request(&r, 0, 100, 4096, true);
    g_assert_cmpuint(used_count(&r), ==, 0);
    g_assert_true(fake_complete());
    g_assert_cmpuint(take_used(&r, head), ==, 4097);
    g_assert_cmpuint(load(STATUS_AT, 1), ==, 0);
    check_data(DATA_AT, 51200, 4096);

    store(DATA_AT, 0x1122334455667788, 8);
    head = blk_request(&r, 1, 7, 512, false);
    store(DATA_AT, 0, 8); /* what it carries was copied when it was issued */
    fake_complete();
    g_assert_cmpuint(take_used(&r, head), ==, 1);
    g_assert_cmpuint(ldq_le_p(disk->data + 3584), ==, 0x1122334455667788);

    head = blk_request(&r, 4, 0, 0, false);
    g_assert_cmpint(fake_last.kind, ==, FAKE_FLUSH);
    fake_complete();
    g_assert_cmpuint(take_used(&r, head), ==, 1);
}

static void test_blk(void)
{
    check_blk(false);
    check_blk(true);
}

typedef struct BlkMistake {
    uint32_t type;
    uint64_t sector;
    uint32_t len;
    bool in;
    uint8_t status;
} BlkMistake;

static void test_blk_mistakes(void)
{
    static const BlkMistake mistakes[] = {
        { 0, 0, 100, true, 1 },          { 0, DISK_SIZE / 512, 512, true, 1 },
        { 0, UINT64_MAX, 512, true, 1 }, { 1, UINT64_MAX / 512, 512, false, 1 },
        { 99, 0, 512, true, 2 },         { 11, 0, 8, false, 2 },
    };
    Ring r = start(blk, true, 0);
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        const BlkMistake *m = &mistakes[i];
        uint16_t head = blk_request(&r, m->type, m->sector, m->len, m->in);
        fake_complete_all();
        take_used(&r, head);
        g_assert_cmpuint(load(STATUS_AT, 1), ==, m->status);
    }
    const Seg header_only = { HEADER_AT, 16, false };
    add_chain(&r, &header_only, 1);
    kick(&r);
    check_broken();
}

/* What is under way at a reset writes nothing into the guest's memory. */
static void test_blk_reset(void)
{
    Ring r = start(blk, true, 0);
    store(DATA_AT, 0x5a5a5a5a, 4);
    blk_request(&r, 0, 0, 512, true);
    blk_request(&r, 0, 1, 512, true);
    put(STATUS, 0);
    g_assert_cmpint(fake_complete_all(), ==, 2);
    g_assert_cmpuint(load(DATA_AT, 4), ==, 0x5a5a5a5a);
    g_assert_cmpuint(load(r.used + 2, 2), ==, 0);
    check_blk(true);
}

/* A driver that makes the same buffers available again and again, never answered, does not fill the host's memory. */
static void test_blk_flood(void)
{
    Ring r = start(blk, true, 0);
    for (unsigned i = 0; i < 2u * r.size; i++) {
        r.next_desc = 0;
        blk_request(&r, 0, 0, 512, true);
    }
    check_broken();
    g_assert_cmpint(fake_complete_all(), ==, r.size);
}

static void test_blk_state(void)
{
    Ring r = start(blk, true, 0);
    uint16_t head = blk_request(&r, 0, 9, 1024, true);
    check_state_goes_round(blk);
    fake_complete();
    g_assert_cmpuint(take_used(&r, head), ==, 1025);
    check_data(DATA_AT, 9 * 512, 1024);
}

/* Damaged snapshots are refused or load; they never crash. */
static void test_blk_state_damaged(void)
{
    Ring r = start(blk, true, 0);
    blk_request(&r, 0, 9, 1024, true);
    GByteArray *saved = g_byte_array_new();
    vmstate_save_object(saved, blk->type->vmsd, blk);
    for (size_t i = 0; i < saved->len; i += 3) {
        Error *err = NULL;
        uint8_t old = saved->data[i];
        saved->data[i] ^= 0xff;
        if (!vmstate_load_object(saved->data, saved->len, blk->type->vmsd, blk, &err)) {
            g_assert_nonnull(err);
            error_free(err);
        }
        saved->data[i] = old;
    }
    g_assert_true(vmstate_load_object(saved->data, saved->len, blk->type->vmsd, blk, &error_fatal));
    g_byte_array_unref(saved);
    fake_complete_all();
    g_assert_cmpuint(used_count(&r), ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    create_devices();
    g_test_add_func("/virtio/request", test_request);
    g_test_add_func("/virtio/wrap", test_wrap);
    g_test_add_func("/virtio/no-interrupt", test_no_interrupt);
    g_test_add_func("/virtio/early-kick", test_early_kick);
    g_test_add_func("/virtio/indirect", test_indirect);
    g_test_add_func("/virtio/event-index", test_event_index);
    g_test_add_func("/virtio/bad-chains", test_bad_chains);
    g_test_add_func("/virtio/bad-index", test_bad_index);
    g_test_add_func("/virtio/rings-nowhere", test_rings_nowhere);
    g_test_add_func("/virtio/features", test_features);
    g_test_add_func("/virtio/window", test_window);
    g_test_add_func("/virtio-blk/requests", test_blk);
    g_test_add_func("/virtio-blk/mistakes", test_blk_mistakes);
    g_test_add_func("/virtio-blk/reset", test_blk_reset);
    g_test_add_func("/virtio-blk/flood", test_blk_flood);
    g_test_add_func("/virtio-blk/state", test_blk_state);
    g_test_add_func("/virtio-blk/state/damaged", test_blk_state_damaged);
    return g_test_run();
}
