/* LINK: hw/virtio/virtio.c hw/virtio/virtio-pci.c hw/net/virtio-net.c hw/net/nic-common.c hw/char/virtio-serial.c
 * net/checksum.c hw/pci/pci.c hw/core/boot-order.c hw/core/memory.c hw/core/ram.c hw/core/device.c migration/vmstate.c
 * util/qemu-timer.c util/error.c util/option.c -lxxhash */
/* tests/device/virtio-net-test.c  virtio-net: packets both ways, checksums, segments, filters, the control queue;
 * virtio-serial: control messages and bytes. */
#include "hw/net/nic-common.h"
#include "tests/device/fake-chardev.h"
#include "tests/device/virtio-env.h"

/* ---- stand-ins ---- */

static NICInfo wire;
static GPtrArray *sent; /* of GBytes */
static int flushes;

NICPeer *nic_attach(const NICInfo *info, NetDev *netdev, MACAddr *mac, Error **errp)
{
    wire = *info;
    memcpy(mac->a, "\x52\x54\0\x12\x34\x56", 6);
    return (NICPeer *)&wire;
}
void nic_send_packet(NICPeer *peer, const uint8_t *buf, size_t len)
{
    g_ptr_array_add(sent, g_bytes_new(buf, len));
}
void nic_flush_queued(NICPeer *peer)
{
    flushes++;
}
bool nic_link_up(const NICPeer *peer)
{
    return true;
}
void nic_mac_changed(NICPeer *peer, const MACAddr *mac)
{
}
bool net_parse_netdev_property(void *field, const char *device, const char *text, Error **errp)
{
    return false;
}
bool net_parse_mac_property(void *field, const char *device, const char *text, Error **errp)
{
    return false;
}

static Device *net, *serial, *port;

static void create_devices(void)
{
    virtio_board();
    sent = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    said = g_string_new(NULL);
    net = device_create(&virtio_net_pci_type);
    serial = device_create(&virtio_serial_pci_type);
    create_port(&virtconsole_type, "console", NULL);
    port = create_port(&virtserialport_type, "port", "org.test");
}

/* ---- virtio-net ---- */

enum { CSUM = 0, GUEST_CSUM = 1, TSO4 = 11, MRG = 15, CTRL = 17, CTRL_RX = 18, CTRL_VLAN = 19, CTRL_MAC = 23 };

static Ring rx, tx, ctrl;
static unsigned header; /* bytes in front of a packet */

static void start_net(bool is_modern, uint64_t features)
{
    driver_begin(net, is_modern);
    g_assert_true(negotiate(features));
    rx = ring_open(0);
    tx = ring_open(1);
    ctrl = ring_open(2);
    driver_ok();
    header = is_modern || (features & VIRTIO_BIT(MRG)) ? 12 : 10;
    g_ptr_array_set_size(sent, 0);
}

/* A frame to send, in two segments; head[]: its virtio header. */
static void send_frame(const uint8_t *head, const uint8_t *frame, size_t len)
{
    const Seg segs[] = { { BUFFERS, header, false }, { BUFFERS + 64, len, false } };
    address_space_write(&address_space_memory, BUFFERS, head, header);
    address_space_write(&address_space_memory, BUFFERS + 64, frame, len);
    uint16_t at = add_chain(&tx, segs, 2);
    kick(&tx);
    g_assert_cmpuint(take_used(&tx, at), ==, 0);
}

static const uint8_t *sent_frame(unsigned i, size_t *len)
{
    g_assert_cmpuint(i, <, sent->len);
    return g_bytes_get_data(g_ptr_array_index(sent, i), len);
}

/* An IPv4 TCP or UDP frame with payload bytes behind 20 or 8 bytes of header; checksums are zero. */
static size_t make_frame(uint8_t *frame, uint8_t protocol, size_t payload)
{
    size_t transport = protocol == NET_PROTOCOL_TCP ? 20 : 8, total = 20 + transport + payload;
    memset(frame, 0, 34 + transport);
    memcpy(frame, "\x52\x54\0\x12\x34\x56\x02\0\0\0\0\x01\x08\0", 14);
    frame[14] = 0x45;
    stw_be_p(frame + 16, total);
    frame[22] = 64;
    frame[23] = protocol;
    memcpy(frame + 26, "\x0a\0\x02\x0f\x0a\0\x02\x02", 8);
    if (protocol == NET_PROTOCOL_TCP) {
        frame[34 + 12] = 0x50;
    } else {
        stw_be_p(frame + 38, 8 + payload);
    }
    for (size_t i = 0; i < payload; i++) {
        frame[34 + transport + i] = i * 5;
    }
    return 14 + total;
}

static void check_send(bool is_modern)
{
    static const uint8_t none[12];
    uint8_t frame[2000];
    size_t len, n = make_frame(frame, NET_PROTOCOL_UDP, 1000);
    start_net(is_modern, 0);
    send_frame(none, frame, n);
    g_assert_cmpmem(sent_frame(0, &len), n, frame, n);
    g_assert_cmpuint(len, ==, n);
}

static void test_send(void)
{
    check_send(false);
    check_send(true);
    const Seg too_short = { BUFFERS, 11, false };
    add_chain(&tx, &too_short, 1);
    kick(&tx);
    check_broken();
}

/* The driver leaves the pseudo header's sum in the field. */
static void test_checksum(void)
{
    uint8_t head[12] = { 1 }, frame[200];
    size_t len, n = make_frame(frame, NET_PROTOCOL_TCP, 101);
    NetHeaders h;
    net_parse_headers(frame, n, &h);
    stw_be_p(frame + 50, ~net_checksum_finish(net_checksum_add(8, frame + 26, 6 + 121)));
    stw_le_p(head + 6, 34);
    stw_le_p(head + 8, 16);
    start_net(true, VIRTIO_BIT(CSUM));
    send_frame(head, frame, n);
    g_assert_true(net_transport_checksum_ok(sent_frame(0, &len), &h));
    stw_le_p(head + 8, 0xffff); /* beyond the frame: sent as it is */
    send_frame(head, frame, n);
    g_assert_cmpmem(sent_frame(1, &len), n, frame, n);
}

static void test_segments(void)
{
    static uint8_t frame[40000];
    uint8_t head[12] = { 1, 1 };
    size_t len, n = make_frame(frame, NET_PROTOCOL_TCP, 10000), bytes = 0;
    stw_le_p(head + 4, 1460);
    stw_le_p(head + 6, 34);
    stw_le_p(head + 8, 16);
    start_net(true, VIRTIO_BIT(CSUM) | VIRTIO_BIT(TSO4));
    send_frame(head, frame, n);
    g_assert_cmpuint(sent->len, ==, 7);
    for (unsigned i = 0; i < sent->len; i++) {
        const uint8_t *p = sent_frame(i, &len);
        NetHeaders h;
        net_parse_headers(p, len, &h);
        g_assert_true(h.transport && net_ip_checksum_ok(p, &h) && net_transport_checksum_ok(p, &h));
        g_assert_cmpuint(ldl_be_p(p + 38), ==, bytes);
        g_assert_cmpmem(p + 54, len - 54, frame + 54 + bytes, len - 54);
        bytes += len - 54;
    }
    g_assert_cmpuint(bytes, ==, 10000);
    frame[23] = NET_PROTOCOL_UDP; /* that is no TCP */
    send_frame(head, frame, n);
    g_assert_cmpuint(sent->len, ==, 7);
}

static uint16_t add_rx(uint64_t at, uint32_t len)
{
    const Seg seg = { at, len, true };
    uint16_t head = add_chain(&rx, &seg, 1);
    kick(&rx);
    return head;
}

static bool arrives(const uint8_t *frame, size_t len)
{
    return wire.receive(wire.opaque, frame, len);
}

static void check_receive(bool is_modern)
{
    uint8_t frame[1514], got[1514];
    size_t n = make_frame(frame, NET_PROTOCOL_UDP, 1000);
    start_net(is_modern, 0);
    g_assert_false(arrives(frame, n)); /* waits */
    int before = flushes;
    uint16_t head = add_rx(BUFFERS, 1526);
    g_assert_cmpint(flushes, >, before);
    g_assert_true(arrives(frame, n));
    g_assert_cmpuint(take_used(&rx, head), ==, header + n);
    address_space_read(&address_space_memory, BUFFERS + header, got, n);
    g_assert_cmpmem(got, n, frame, n);
    g_assert_cmpuint(load(BUFFERS, 1), ==, 0);
    g_assert_cmpuint(read_isr(), ==, 1);
    add_rx(BUFFERS, 100);
    g_assert_true(arrives(frame, n)); /* too small a buffer: lost, and the buffer stays */
    g_assert_cmpuint(used_count(&rx), ==, 0);
    add_rx(BUFFERS, 1526);
    put(STATUS, 0);
    g_assert_true(arrives(frame, n)); /* no driver: dropped */
}

static void test_receive(void)
{
    check_receive(false);
    check_receive(true);
}

static void test_mergeable(void)
{
    uint8_t frame[1514], got[1514];
    size_t n = make_frame(frame, NET_PROTOCOL_TCP, 300);
    net_checksum_calculate(frame, n, true, true);
    start_net(true, VIRTIO_BIT(MRG) | VIRTIO_BIT(GUEST_CSUM));
    add_rx(BUFFERS, 112);
    add_rx(BUFFERS + 1000, 200);
    g_assert_false(arrives(frame, n));
    g_assert_cmpuint(used_count(&rx), ==, 0);
    add_rx(BUFFERS + 2000, 200);
    g_assert_true(arrives(frame, n));
    g_assert_cmpuint(take_used(&rx, 0), ==, 112);
    g_assert_cmpuint(take_used(&rx, 1), ==, 200);
    g_assert_cmpuint(take_used(&rx, 2), ==, n - 300);
    g_assert_cmpuint(load(BUFFERS, 1), ==, 2);      /* the checksum is right */
    g_assert_cmpuint(load(BUFFERS + 10, 2), ==, 3); /* buffers */
    address_space_read(&address_space_memory, BUFFERS + 12, got, 100);
    address_space_read(&address_space_memory, BUFFERS + 1000, got + 100, 200);
    address_space_read(&address_space_memory, BUFFERS + 2000, got + 300, n - 300);
    g_assert_cmpmem(got, n, frame, n);
    frame[60] ^= 1;
    add_rx(BUFFERS, 1526);
    g_assert_true(arrives(frame, n));
    g_assert_cmpuint(load(BUFFERS, 1), ==, 0); /* it is wrong */
    add_rx(BUFFERS, 4);
    add_rx(BUFFERS, 1526);
    arrives(frame, n); /* no room for the header */
    check_broken();
}

/* The device's answer: 0 done, 1 refused. */
static uint8_t control(uint8_t class, uint8_t command, const void *data, size_t len)
{
    const Seg segs[] = { { BUFFERS, 2, false }, { BUFFERS + 16, len, false }, { BUFFERS + 8, 1, true } };
    store(BUFFERS, class | command << 8, 2);
    store(BUFFERS + 8, 0xee, 1);
    address_space_write(&address_space_memory, BUFFERS + 16, data, len);
    uint16_t head = add_chain(&ctrl, segs, 3);
    kick(&ctrl);
    g_assert_cmpuint(take_used(&ctrl, head), ==, 1);
    return load(BUFFERS + 8, 1);
}

/* Does a frame to this address reach the guest? Without room it would wait. */
static bool wanted(const char *mac)
{
    uint8_t frame[60] = { 0 };
    memcpy(frame, mac, 6);
    return !arrives(frame, sizeof(frame));
}

#define OWN    "\x52\x54\0\x12\x34\x56"
#define OTHER  "\x02\x11\x22\x33\x44\x55"
#define GROUP  "\x01\0\x5e\0\0\1"
#define GROUP2 "\x01\0\x5e\0\0\2"

static void test_filters(void)
{
    static const uint8_t table[] = "\1\0\0\0" OTHER "\1\0\0\0" GROUP, huge[] = "\xff\xff\xff\xff" OTHER;
    start_net(true, VIRTIO_BIT(CTRL) | VIRTIO_BIT(CTRL_RX) | VIRTIO_BIT(CTRL_MAC));
    g_assert_true(wanted(OTHER) && wanted(GROUP));
    g_assert_cmpuint(control(0, 0, "\0", 1), ==, 0); /* not promiscuous */
    g_assert_true(wanted(OWN) && wanted("\xff\xff\xff\xff\xff\xff"));
    g_assert_false(wanted(OTHER) || wanted(GROUP));
    g_assert_cmpuint(control(1, 0, table, sizeof(table) - 1), ==, 0);
    g_assert_true(wanted(OTHER) && wanted(GROUP));
    g_assert_false(wanted(GROUP2));
    check_state_goes_round(net);
    g_assert_true(wanted(OTHER) && wanted(GROUP));
    g_assert_cmpuint(control(0, 1, "\1", 1), ==, 0);
    g_assert_true(wanted(GROUP2)); /* all multicast */
    g_assert_cmpuint(control(0, 5, "\1", 1), ==, 0);
    g_assert_false(wanted("\xff\xff\xff\xff\xff\xff"));
    g_assert_cmpuint(control(1, 1, GROUP2, 6), ==, 0);
    g_assert_false(wanted(OWN)); /* has another address now */
    g_assert_cmpuint(config_ld(0, 4), ==, 0x005e0001);
    g_assert_cmpuint(control(1, 0, huge, sizeof(huge) - 1), ==, 1);
    g_assert_cmpuint(control(1, 0, table, 11), ==, 1);
    g_assert_cmpuint(control(0, 9, "\1", 1), ==, 1);
    g_assert_cmpuint(control(77, 0, "\1", 1), ==, 1);
}

static void test_table_overflow(void)
{
    uint8_t table[8 + 65 * 6] = { 65 };
    start_net(true, VIRTIO_BIT(CTRL) | VIRTIO_BIT(CTRL_RX));
    control(0, 0, "\0", 1);
    g_assert_cmpuint(control(1, 0, table, sizeof(table)), ==, 0);
    g_assert_true(wanted(OTHER));
    g_assert_false(wanted(GROUP));
}

static void test_vlans(void)
{
    uint8_t frame[60] = { 0 };
    memcpy(frame + 12, "\x81\0\x20\x2a", 4); /* VLAN 42 */
    start_net(true, VIRTIO_BIT(CTRL) | VIRTIO_BIT(CTRL_VLAN));
    g_assert_true(arrives(frame, 60)); /* unwanted */
    g_assert_cmpuint(control(2, 0, "\x2a\0", 2), ==, 0);
    g_assert_false(arrives(frame, 60)); /* waits for room */
    g_assert_cmpuint(control(2, 1, "\x2a\0", 2), ==, 0);
    g_assert_true(arrives(frame, 60));
    g_assert_cmpuint(control(2, 0, "\0\x10", 2), ==, 1);
}

static void test_legacy_mac(void)
{
    start_net(false, 0);
    g_assert_cmpuint(config_ld(6, 2), ==, 1); /* link up */
    config_st(5, 0x99, 1);
    g_assert_cmpuint(config_ld(5, 1), ==, 0x99);
    start_net(true, 0);
    config_st(5, 0x98, 1);
    g_assert_cmpuint(config_ld(5, 1), ==, 0x56);
}

static uint64_t offered_with(const char *property)
{
    Device *dev = device_new(&virtio_net_pci_type);
    if (property) {
        device_set_property(dev, property, "off", &error_fatal);
    }
    device_realize(dev, &error_fatal);
    return virtio_device_features((VirtIODevice *)dev);
}

static void test_feature_properties(void)
{
    uint64_t all = offered_with(NULL), segments = VIRTIO_BIT(TSO4) | VIRTIO_BIT(12) | VIRTIO_BIT(13);
    g_assert_cmphex(all ^ offered_with("mrg_rxbuf"), ==, VIRTIO_BIT(MRG));
    g_assert_cmphex(all ^ offered_with("csum"), ==, VIRTIO_BIT(CSUM) | segments);
    g_assert_cmphex(all ^ offered_with("ctrl_vq"), ==, all & 0xfe0000);
    g_assert_cmphex(all ^ offered_with("mq"), ==, 0);
}

static void test_absent_features(void)
{
    Error *err = NULL;
    Device *dev = device_new(&virtio_net_pci_type);
    g_assert_false(device_set_property(dev, "mq", "on", &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "virtio-net-pci has one pair of queues, no receive offloads, no UFO: only 'off' can be said, not "
                    "'on'");
    error_free(err);
    device_free(dev);
}

/* ---- virtio-serial ---- */

static Ring control_rx, control_tx, port_rx, port_tx;

static void start_serial(uint64_t features)
{
    driver_begin(serial, true);
    g_assert_true(negotiate(features));
    control_rx = ring_open(2);
    control_tx = ring_open(3);
    port_rx = ring_open(4);
    port_tx = ring_open(5);
    driver_ok();
    g_string_truncate(said, 0);
}

static void tell(uint32_t nr, uint16_t event, uint16_t value)
{
    const Seg seg = { TABLES, 8, false };
    store(TABLES, nr, 4);
    store(TABLES + 4, event, 2);
    store(TABLES + 6, value, 2);
    add_chain(&control_tx, &seg, 1);
    kick(&control_tx);
}

static void check_told(uint32_t nr, uint16_t event, const char *name)
{
    const Seg seg = { BUFFERS, 64, true };
    char got[64] = "";
    uint16_t head = add_chain(&control_rx, &seg, 1);
    kick(&control_rx);
    g_assert_cmpuint(take_used(&control_rx, head), ==, 8 + strlen(name));
    g_assert_cmpuint(load(BUFFERS, 4), ==, nr);
    g_assert_cmpuint(load(BUFFERS + 4, 2), ==, event);
    address_space_read(&address_space_memory, BUFFERS + 8, got, strlen(name));
    g_assert_cmpstr(got, ==, name);
}

static void test_serial_control(void)
{
    start_serial(VIRTIO_BIT(1));
    g_assert_cmpuint(config_ld(4, 4), ==, 31);
    for (int i = 0; i < 1000; i++) {
        tell(0, 0, 1); /* nobody hears the answers: they do not pile up */
    }
    check_told(0, 1, "");
    check_told(1, 1, "");
    tell(1, 3, 1);
    check_state_goes_round(port);
    check_told(1, 7, "org.test");
    check_told(1, 6, "");
    tell(0, 3, 1);
    check_told(0, 4, "");
    check_told(0, 6, "");
    tell(30, 3, 1);
    tell(0xffffffff, 6, 1);
    const Seg seg = { BUFFERS, 64, true };
    add_chain(&control_rx, &seg, 1);
    kick(&control_rx);
    g_assert_cmpuint(used_count(&control_rx), ==, 0);
}

static void test_serial_bytes(void)
{
    start_serial(VIRTIO_BIT(1));
    const Seg in = { BUFFERS, 10, true }, out[] = { { BUFFERS, 3, false }, { BUFFERS + 8, 2, false } };
    uint16_t head = add_chain(&port_rx, &in, 1);
    g_assert_cmpint(port_fe.can_receive(port_fe.opaque), ==, 0); /* not open */
    int before = accepts;
    tell(1, 6, 1);
    g_assert_cmpint(accepts, >, before);
    g_assert_cmpint(port_fe.can_receive(port_fe.opaque), ==, 10);
    port_fe.receive(port_fe.opaque, (const uint8_t *)"hello", 5);
    g_assert_cmpuint(take_used(&port_rx, head), ==, 5);
    g_assert_cmpuint(load(BUFFERS, 4), ==, 0x6c6c6568);
    g_assert_cmpint(port_fe.can_receive(port_fe.opaque), ==, 0);
    before = accepts;
    kick(&port_rx);
    g_assert_cmpint(accepts, >, before);
    address_space_write(&address_space_memory, BUFFERS, "one\0\0\0\0\0ly", 10);
    add_chain(&port_tx, out, 2);
    kick(&port_tx);
    g_assert_cmpstr(said->str, ==, "onely");
    check_state_goes_round(serial);
    config_st(8, '!', 4); /* emergency write */
    g_assert_cmpstr(said->str, ==, "onely!");
}

static void test_port_numbers(void)
{
    static const char *const wrong[][2] = {
        { "0", "Port number 0 on virtio-serial devices is reserved for virtconsole devices" },
        { "1", "A port already exists at id 1" },
        { "31", "Out-of-range port id specified, max. allowed: 30" }
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        Error *err = NULL;
        Device *dev = device_new(&virtserialport_type);
        device_set_property(dev, "nr", wrong[i][0], &error_fatal);
        g_assert_false(device_realize(dev, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, wrong[i][1]);
        error_free(err);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    create_devices();
    g_test_add_func("/virtio-net/send", test_send);
    g_test_add_func("/virtio-net/checksum", test_checksum);
    g_test_add_func("/virtio-net/segments", test_segments);
    g_test_add_func("/virtio-net/receive", test_receive);
    g_test_add_func("/virtio-net/mergeable", test_mergeable);
    g_test_add_func("/virtio-net/filters", test_filters);
    g_test_add_func("/virtio-net/table-overflow", test_table_overflow);
    g_test_add_func("/virtio-net/vlans", test_vlans);
    g_test_add_func("/virtio-net/legacy-mac", test_legacy_mac);
    g_test_add_func("/virtio-net/features", test_feature_properties);
    g_test_add_func("/virtio-net/features-absent", test_absent_features);
    g_test_add_func("/virtio-serial/control", test_serial_control);
    g_test_add_func("/virtio-serial/bytes", test_serial_bytes);
    g_test_add_func("/virtio-serial/numbers", test_port_numbers);
    return g_test_run();
}
