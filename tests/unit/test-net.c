/* LINK: net/checksum.c net/filter-dump.c net/filter-replay.c net/filter.c net/frame.c net/hub.c net/net.c net/nic.c
 * net/parse.c net/slirp-config.c net/slirp-forward.c net/slirp.c net/socket-stream.c net/socket.c net/tap.c
 * util/error.c util/option.c util/main-loop.c util/qemu-timer.c */
/*
 * The network without a guest: a NIC of the test's own, real back ends, the real queue of replay/. Each test begins
 * with begin() and ends with end(); the virtual clock is the settable one.
 */
#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/frame.h"
#include "net/net-int.h"
#include "replay/replay-internal.h"
#include "sysemu/cpus.h"
#include "util/timer.h"

/* ---- a NIC ---- */

typedef struct TestNic {
    NICPeer *peer;
    MACAddr mac;
    int room;       /* packets it takes before it says no */
    GPtrArray *got; /* of GBytes */
    bool link;
    int link_changes;
} TestNic;

static bool nic_can_receive(void *opaque)
{
    return ((TestNic *)opaque)->room != -1;
}

static bool nic_receive(void *opaque, const uint8_t *buf, size_t len)
{
    TestNic *nic = opaque;
    g_assert_cmpuint(len, >=, NET_MIN_FRAME);
    if (nic->room == 0) {
        return false;
    }
    nic->room--;
    g_ptr_array_add(nic->got, g_bytes_new(buf, len));
    return true;
}

static void nic_link(void *opaque, bool up)
{
    TestNic *nic = opaque;
    nic->link = up;
    nic->link_changes++;
}

static void nic_init(TestNic *nic, const char *netdev, const char *id)
{
    *nic = (TestNic){ .room = INT_MAX, .link = true };
    nic->got = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    NICInfo info = { "test", id, nic_can_receive, nic_receive, nic_link, nic };
    nic->peer = nic_attach(&info, netdev ? net_find(netdev) : NULL, &nic->mac, &error_fatal);
}

static const uint8_t *packet(TestNic *nic, guint i)
{
    g_assert_cmpuint(i, <, nic->got->len);
    return g_bytes_get_data(nic->got->pdata[i], NULL);
}

static size_t packet_len(TestNic *nic, guint i)
{
    return g_bytes_get_size(nic->got->pdata[i]);
}

/* ---- the machine ---- */

static char *dir;

static void begin(const char *mode)
{
    static char *argv[] = { "test", NULL };
    replay_reset_for_test();
    vmstate_unregister_all();
    if (mode) {
        char *text = g_strdup_printf("rr=%s,rrfile=%s/log", mode, dir);
        QemuOpts *opts = qemu_opts_parse(text, NULL, NULL, &error_fatal);
        g_assert_true(replay_configure(opts, 1, argv, &error_fatal));
        g_assert_true(replay_start(&error_fatal));
        qemu_opts_free(opts);
        g_free(text);
    }
}

static void end(void)
{
    net_cleanup_all();
    vmstate_unregister_all();
    replay_reset_for_test();
}

static void netdev(const char *arg)
{
    g_assert_true(net_add_netdev(arg, &error_fatal));
}

static void open_all(void)
{
    g_assert_true(net_init_all(false, &error_fatal));
}

static void checkpoint(void)
{
    machine_lock();
    if (replay_has_events()) {
        g_assert_true(replay_checkpoint(CHECKPOINT_CLOCK_VIRTUAL));
    }
    machine_unlock();
}

/* Let host and guest work until `packets` have arrived; at most 5 s. */
static bool wait_packets(TestNic *nic, guint packets)
{
    for (int i = 0; i < 5000 && nic->got->len < packets; i++) {
        main_loop_wait(false);
        checkpoint();
        if (nic->got->len < packets && !replay_playing()) {
            g_usleep(1000);
        }
    }
    return nic->got->len >= packets;
}

static void settle(void)
{
    for (int i = 0; i < 20; i++) {
        main_loop_wait(false);
        checkpoint();
        g_usleep(500);
    }
}

static void expect_error(Error *err, const char *text)
{
    g_assert_nonnull(err);
    g_assert_cmpstr(error_get_pretty(err), ==, text);
    error_free(err);
}

/* ---- addresses and checksums ---- */

static void test_mac(void)
{
    MACAddr mac;
    g_assert_true(net_parse_mac("52:54:00:aB:cd:0F", &mac));
    g_assert_cmpmem(&mac, 6, "\x52\x54\x00\xab\xcd\x0f", 6);
    g_assert_true(net_parse_mac("52-54-00-ab-cd-0f", &mac));
    static const char *const bad[] = { "",
                                       "52:54:00:ab:cd",
                                       "52:54:00:ab:cd:0f:",
                                       "52:54:00:ab:cd:0",
                                       "5:54:00:ab:cd:00",
                                       "52:54:00:ab:cd:0g",
                                       "525400abcd0f",
                                       "52:54:00:ab:cd:" };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_assert_false(net_parse_mac(bad[i], &mac));
    }
    begin(NULL);
    TestNic a, b, c;
    nic_init(&a, NULL, NULL);
    nic_init(&b, NULL, "second");
    nic_init(&c, NULL, NULL);
    g_assert_cmpmem(&a.mac, 6, "\x52\x54\x00\x12\x34\x56", 6);
    g_assert_cmpmem(&c.mac, 6, "\x52\x54\x00\x12\x34\x58", 6);
    g_assert_cmpstr(a.peer->name, ==, "test.0");
    g_assert_cmpstr(b.peer->name, ==, "second");
    g_assert_cmpstr(c.peer->name, ==, "test.2");
    end();
}

static uint32_t reverse(uint32_t v)
{
    uint32_t r = 0;
    for (int i = 0; i < 32; i++) {
        r = r << 1 | ((v >> i) & 1);
    }
    return r;
}

static void test_crc(void)
{
    const uint8_t *digits = (const uint8_t *)"123456789";
    g_assert_cmphex(~net_crc32_le(digits, 9), ==, 0xcbf43926);
    g_assert_cmphex(net_crc32(digits, 9), ==, reverse(net_crc32_le(digits, 9)));
    g_assert_cmphex(net_crc32(digits, 0), ==, 0xffffffff);
}

static uint16_t sum_with_pseudo(const uint8_t *ip, const uint8_t *transport, size_t len, uint8_t protocol)
{
    uint32_t sum = net_checksum_add(8, ip + 12, protocol + (uint32_t)len);
    return net_checksum_finish(net_checksum_add(len, transport, sum));
}

static size_t make_udp(uint8_t *frame, size_t payload, uint8_t protocol)
{
    static const uint8_t header[] = {
        0x45, 0, 0, 0, 0, 0, 0x40, 0, 0x40, 0, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7
    };
    size_t total = 20 + payload;
    memset(frame, 0x5a, 14 + total);
    frame[12] = 8, frame[13] = 0;
    memcpy(frame + 14, header, sizeof(header));
    frame[14 + 2] = total >> 8, frame[14 + 3] = total;
    frame[14 + 9] = protocol;
    return 14 + total;
}

static void test_checksum(void)
{
    uint8_t frame[256], copy[256];
    static const uint8_t rfc[] = { 0x45, 0x00, 0x00, 0x73, 0, 0, 0x40, 0,    0x40, 0x11,
                                   0,    0,    0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,    0xc7 };
    g_assert_cmphex(net_checksum_finish(net_checksum_add(sizeof(rfc), rfc, 0)), ==, 0xb861);
    for (size_t payload = 20; payload < 60; payload++) {
        for (int tcp = 0; tcp < 2; tcp++) {
            size_t len = make_udp(frame, payload, tcp ? 6 : 17);
            net_checksum_calculate(frame, len, true, true);
            g_assert_cmphex(net_checksum_finish(net_checksum_add(20, frame + 14, 0)), ==, 0);
            g_assert_cmphex(sum_with_pseudo(frame + 14, frame + 34, payload, tcp ? 6 : 17), ==, 0);
        }
    }
    size_t len = make_udp(frame, 40, 17);
    frame[14 + 6] = 0x20; /* a fragment */
    memcpy(copy, frame, len);
    net_checksum_calculate(frame, len, false, true);
    g_assert_cmpmem(frame, len, copy, len);
    frame[14 + 6] = 0;
    frame[14 + 3]++; /* longer than the frame */
    memcpy(copy, frame, len);
    net_checksum_calculate(frame, len, false, true);
    g_assert_cmpmem(frame, len, copy, len);
}

/* Nothing is read or written outside, whatever stands in the frame (for the address sanitizer). */
static void test_checksum_hostile(void)
{
    GRand *rand = g_rand_new_with_seed(1);
    for (int i = 0; i < 20000; i++) {
        size_t len = g_rand_int_range(rand, 0, 120);
        uint8_t *frame = g_malloc(len);
        for (size_t j = 0; j < len; j++) {
            frame[j] = g_rand_int(rand);
        }
        if (len > 15) {
            static const uint8_t types[][2] = { { 8, 0 }, { 0x86, 0xdd }, { 0x81, 0 } };
            memcpy(frame + 12, types[i % 3], 2);
            frame[14] = i % 2 ? 0x45 : 0x60;
        }
        net_checksum_calculate(frame, len, true, true);
        g_free(frame);
    }
    g_rand_free(rand);
}

/* ---- frames on a stream ---- */

static void feed(FrameReader *r, const uint8_t *bytes, size_t len)
{
    size_t room;
    uint8_t *to = frame_space(r, &room);
    g_assert_cmpuint(len, <=, room);
    memcpy(to, bytes, len);
    frame_filled(r, len);
}

static void test_frames(void)
{
    FrameReader *r = g_new0(FrameReader, 1);
    GByteArray *stream = g_byte_array_new();
    uint8_t body[NET_MAX_PACKET];
    static const size_t lengths[] = { 60, 0, 1, NET_MAX_PACKET, 1514, NET_MAX_PACKET };
    memset(body, 0xab, sizeof(body));
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        frame_put(stream, body, lengths[i]);
    }
    for (size_t chunk = 1; chunk < 70000; chunk = chunk * 3 + 1) {
        size_t found = 0, len;
        const uint8_t *p;
        frame_reset(r);
        for (size_t at = 0; at < stream->len; at += chunk) {
            feed(r, stream->data + at, MIN(chunk, stream->len - at));
            while (frame_next(r, &p, &len) == FRAME_PACKET) {
                g_assert_cmpuint(len, ==, lengths[found++]);
                g_assert_true(len == 0 || (p[0] == 0xab && p[len - 1] == 0xab));
            }
        }
        g_assert_cmpuint(found, ==, ARRAY_SIZE(lengths));
    }
    g_byte_array_unref(stream);
    g_free(r);
}

static void test_frames_hostile(void)
{
    static const uint8_t bad[][4] = { { 0, 1, 0, 15 }, { 0xff, 0xff, 0xff, 0xff }, { 0x80, 0, 0, 0 } };
    FrameReader *r = g_new0(FrameReader, 1);
    const uint8_t *p;
    size_t len, room;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        frame_reset(r);
        feed(r, bad[i], 3);
        g_assert_cmpint(frame_next(r, &p, &len), ==, FRAME_NEED_MORE);
        feed(r, bad[i] + 3, 1);
        g_assert_cmpint(frame_next(r, &p, &len), ==, FRAME_BAD);
        g_assert_cmpint(frame_next(r, &p, &len), ==, FRAME_BAD);
        frame_space(r, &room);
        g_assert_cmpuint(room, >, 0);
    }
    g_free(r);
}

/* ---- the queue towards a NIC ---- */

static void make_packet(uint8_t *buf, size_t len, uint32_t number)
{
    memset(buf, 0, len);
    stl_le_p(buf + 14, number);
}

static void test_queue(void)
{
    uint8_t buf[100];
    TestNic nic;
    begin(NULL);
    nic_init(&nic, NULL, NULL);
    nic.room = -1;
    for (uint32_t i = 0; i < NET_QUEUE_PACKETS + 50; i++) {
        make_packet(buf, sizeof(buf), i);
        nic_receive_packet(nic.peer, buf, sizeof(buf));
    }
    g_assert_cmpuint(nic.got->len, ==, 0);
    g_assert_cmpuint(nic.peer->queue.packets, ==, NET_QUEUE_PACKETS);
    nic.room = 10;
    nic_flush_queued(nic.peer);
    g_assert_cmpuint(nic.got->len, ==, 10);
    nic.room = INT_MAX;
    make_packet(buf, sizeof(buf), 7777);
    nic_receive_packet(nic.peer, buf, sizeof(buf)); /* does not overtake */
    g_assert_cmpuint(nic.got->len, ==, NET_QUEUE_PACKETS + 1);
    for (uint32_t i = 0; i < NET_QUEUE_PACKETS; i++) {
        g_assert_cmpuint(ldl_le_p(packet(&nic, i) + 14), ==, i);
    }
    g_assert_cmpuint(ldl_le_p(packet(&nic, NET_QUEUE_PACKETS) + 14), ==, 7777);
    end();
}

static void test_packet_sizes(void)
{
    uint8_t buf[NET_MAX_PACKET + 1] = { 1, 2, 3 };
    TestNic nic;
    begin(NULL);
    nic_init(&nic, NULL, NULL);
    nic_receive_packet(nic.peer, buf, 0);
    nic_receive_packet(nic.peer, buf, NET_MIN_PACKET - 1);
    nic_receive_packet(nic.peer, buf, NET_MAX_PACKET + 1);
    g_assert_cmpuint(nic.got->len, ==, 0);
    nic_receive_packet(nic.peer, buf, NET_MIN_PACKET);
    nic_receive_packet(nic.peer, buf, NET_MAX_PACKET);
    g_assert_cmpuint(packet_len(&nic, 0), ==, NET_MIN_FRAME);
    g_assert_cmpuint(packet(&nic, 0)[59], ==, 0);
    g_assert_cmpuint(packet_len(&nic, 1), ==, NET_MAX_PACKET);
    end();
}

static void find_vmsd(const char *id, int instance, const VMStateDescription *vmsd, void *opaque, void *data)
{
    if (!strcmp(id, "net-queue") && instance == 0) {
        *(const VMStateDescription **)data = vmsd;
    }
}

static void test_queue_state(void)
{
    uint8_t buf[80];
    TestNic nic;
    const VMStateDescription *vmsd = NULL;
    begin(NULL);
    nic_init(&nic, NULL, NULL);
    vmstate_foreach(find_vmsd, &vmsd);
    g_assert_nonnull(vmsd);
    uint64_t empty = vmstate_digest_object(vmsd, nic.peer);
    nic.room = -1;
    for (uint32_t i = 0; i < 3; i++) {
        make_packet(buf, sizeof(buf), i);
        nic_receive_packet(nic.peer, buf, sizeof(buf));
    }
    uint64_t full = vmstate_digest_object(vmsd, nic.peer);
    g_assert_cmphex(empty, !=, full);
    GByteArray *saved = g_byte_array_new();
    vmstate_save_object(saved, vmsd, nic.peer);
    nic.room = INT_MAX;
    nic_flush_queued(nic.peer);
    g_assert_cmphex(vmstate_digest_object(vmsd, nic.peer), ==, empty);
    g_assert_true(vmstate_load_object(saved->data, saved->len, vmsd, nic.peer, &error_fatal));
    g_assert_cmphex(vmstate_digest_object(vmsd, nic.peer), ==, full);
    nic_flush_queued(nic.peer);
    g_assert_cmpuint(nic.got->len, ==, 6);
    g_assert_cmpuint(ldl_le_p(packet(&nic, 5) + 14), ==, 2);
    /* Every byte may be wrong. */
    for (guint i = 0; i < saved->len; i++) {
        Error *err = NULL;
        saved->data[i] ^= 0x81;
        if (!vmstate_load_object(saved->data, saved->len, vmsd, nic.peer, &err)) {
            error_free(err);
        }
        nic_flush_queued(nic.peer);
        saved->data[i] ^= 0x81;
    }
    g_byte_array_unref(saved);
    end();
}

static void test_set_link(void)
{
    uint8_t buf[60] = { 0 };
    TestNic nic;
    Error *err = NULL;
    begin(NULL);
    netdev("hubport,id=h,hubid=1");
    netdev("hubport,id=unused,hubid=2");
    open_all();
    nic_init(&nic, "h", NULL);
    nic.room = -1;
    nic_receive_packet(nic.peer, buf, sizeof(buf));
    g_assert_true(net_set_link("test.0", false, &error_fatal));
    g_assert_true(nic_link_up(nic.peer)); /* not before the checkpoint */
    checkpoint();
    g_assert_false(nic_link_up(nic.peer));
    g_assert_cmpint(nic.link_changes, ==, 1);
    g_assert_false(nic.link);
    nic.room = INT_MAX;
    nic_receive_packet(nic.peer, buf, sizeof(buf));
    nic_flush_queued(nic.peer);
    g_assert_cmpuint(nic.got->len, ==, 0);
    g_assert_true(net_set_link("h", true, &error_fatal));
    checkpoint();
    nic_receive_packet(nic.peer, buf, sizeof(buf));
    g_assert_cmpuint(nic.got->len, ==, 1);
    g_assert_cmpint(nic.link_changes, ==, 2);
    g_assert_false(net_set_link("nobody", true, &err));
    expect_error(g_steal_pointer(&err), "Device 'nobody' not found");
    g_assert_false(net_set_link("unused", true, &err));
    expect_error(err, "Device 'unused' is connected to no network card");
    end();
}

/* ---- the user network ---- */

static const uint8_t host_ip[4] = { 10, 0, 2, 2 }, guest_ip[4] = { 10, 0, 2, 15 };

static void send_arp(TestNic *nic)
{
    uint8_t p[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };
    memcpy(p + 6, &nic->mac, 6);
    memcpy(p + 22, &nic->mac, 6);
    memcpy(p + 28, guest_ip, 4);
    memcpy(p + 38, host_ip, 4);
    nic_send_packet(nic->peer, p, sizeof(p));
}

static void send_udp(TestNic *nic, const uint8_t *to_mac, uint16_t from, uint16_t to, const void *data, size_t len)
{
    uint8_t p[1514];
    size_t frame = make_udp(p, 8 + len, 17);
    memcpy(p, to_mac, 6);
    memcpy(p + 6, &nic->mac, 6);
    memcpy(p + 26, guest_ip, 4);
    memcpy(p + 30, host_ip, 4);
    const uint8_t udp[8] = { from >> 8, from, to >> 8, to, (8 + len) >> 8, 8 + len };
    memcpy(p + 34, udp, 8);
    memcpy(p + 42, data, len);
    net_checksum_calculate(p, frame, true, true);
    nic_send_packet(nic->peer, p, frame);
}

/* Read /file by TFTP, checking its bytes; returns the number of blocks. */
static unsigned tftp(TestNic *nic, size_t size)
{
    send_arp(nic);
    g_assert_true(wait_packets(nic, 1));
    g_assert_cmpmem(packet(nic, 0) + 28, 4, host_ip, 4);
    uint8_t host_mac[6];
    memcpy(host_mac, packet(nic, 0) + 22, 6);
    send_udp(nic, host_mac, 4000, 69, "\0\1/file\0octet", 14);
    size_t got = 0;
    for (unsigned block = 1;; block++) {
        g_assert_true(wait_packets(nic, block + 1));
        const uint8_t *p = packet(nic, block);
        size_t len = (p[38] << 8 | p[39]) - 8 - 4;
        g_assert_cmpuint(p[43], ==, 3);
        g_assert_cmpuint(p[44] << 8 | p[45], ==, block);
        for (size_t i = 0; i < len; i++) {
            g_assert_cmpuint(p[46 + i], ==, (uint8_t)((got + i) * 7));
        }
        got += len;
        const uint8_t ack[4] = { 0, 4, block >> 8, block };
        send_udp(nic, host_mac, 4000, p[34] << 8 | p[35], ack, sizeof(ack));
        if (len < 512) {
            g_assert_cmpuint(got, ==, size);
            return block;
        }
    }
}

static void write_tftp_file(size_t size)
{
    char *path = g_strdup_printf("%s/file", dir);
    uint8_t *bytes = g_malloc(size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = i * 7;
    }
    g_assert_true(g_file_set_contents(path, (char *)bytes, (gssize)size, NULL));
    g_free(bytes);
    g_free(path);
}

static void add_user(const char *more)
{
    char *arg = g_strdup_printf("user,id=n,tftp=%s%s", dir, more);
    netdev(arg);
    g_free(arg);
}

static void test_user_tftp(void)
{
    TestNic nic;
    begin(NULL);
    write_tftp_file(512 * 100 + 17);
    add_user("");
    open_all();
    nic_init(&nic, "n", NULL);
    g_assert_cmpuint(tftp(&nic, 512 * 100 + 17), ==, 101);
    end();
}

/* A port of the host's IPv6 loopback that is free, and its listener's socket; -1: the host has no IPv6. */
static int free_port6(int *port)
{
    struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || getsockname(fd, (struct sockaddr *)&a, &len)) {
        return -1;
    }
    *port = ntohs(a.sin6_port);
    return fd;
}

static int connect6(int port)
{
    struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    g_assert_true(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 || errno == EINPROGRESS);
    return fd;
}

/* Does a packet ask who has the address (RFC 4861, 4.3)? */
static bool asks_for(TestNic *nic, guint i, const uint8_t *address)
{
    const uint8_t *p = packet(nic, i);
    return packet_len(nic, i) >= 78 && p[12] == 0x86 && p[13] == 0xdd && p[20] == 58 && p[54] == 135 &&
           !memcmp(p + 62, address, 16);
}

/* Whoever connects to the host's port makes libslirp look for the guest's address. */
static void test_user_hostfwd6(void)
{
    static const uint8_t guest[16] = { 0xfe, 0xc0, [15] = 0x15 };
    TestNic nic;
    int port, probe = free_port6(&port);
    if (probe < 0) {
        g_test_skip("no IPv6");
        return;
    }
    close(probe);
    begin(NULL);
    char *rule = g_strdup_printf(",ipv6-net=fec0::/64,hostfwd=tcp:[::1]:%d-[fec0::15]:80", port);
    add_user(rule);
    g_free(rule);
    open_all();
    nic_init(&nic, "n", NULL);
    int fd = connect6(port);
    guint seen = 0;
    while (wait_packets(&nic, seen + 1) && !asks_for(&nic, seen, guest)) {
        seen++;
    }
    g_assert_true(asks_for(&nic, seen, guest));
    char *remove = g_strdup_printf("n tcp:[::1]:%d", port);
    g_assert_true(net_hostfwd_remove(remove, NULL));
    g_assert_false(net_hostfwd_remove(remove, NULL));
    g_free(remove);
    close(fd);
    end();
}

/* An answer that libslirp has itself is queued when the guest's sending returns: no other thread is waited for. */
static void test_user_answers_at_once(void)
{
    TestNic nic;
    begin(NULL);
    add_user("");
    open_all();
    nic_init(&nic, "n", NULL);
    g_assert_false(replay_has_events());
    send_arp(&nic);
    g_assert_true(replay_has_events());
    checkpoint();
    g_assert_cmpuint(nic.got->len, ==, 1);
    end();
}

/* A host UDP socket answers: its descriptor must come to be polled though the guest's thread made it. */
static void test_user_host_socket(void)
{
    TestNic nic;
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, from;
    socklen_t size = sizeof(addr);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    char text[16] = { 0 };
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, size) | getsockname(fd, (struct sockaddr *)&addr, &size), ==, 0);
    begin(NULL);
    add_user("");
    open_all();
    nic_init(&nic, "n", NULL);
    settle();
    send_arp(&nic);
    g_assert_true(wait_packets(&nic, 1));
    for (int i = 0; i < 3; i++) {
        send_udp(&nic, packet(&nic, 0) + 22, 5000, ntohs(addr.sin_port), "ping", 4);
        size = sizeof(from);
        g_assert_cmpint(recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &size), ==, 4);
        g_assert_cmpint(sendto(fd, "pong!", 5, 0, (struct sockaddr *)&from, size), ==, 5);
        g_assert_true(wait_packets(&nic, 2 + i));
        g_assert_cmpmem(packet(&nic, 1 + i) + 42, 5, "pong!", 5);
    }
    close(fd);
    end();
}

/* ---- recording, replay, captures ---- */

static char *run_with_dump(const char *mode, const char *dump_name, const char *back_end, guint *packets,
                           uint64_t *digest)
{
    TestNic nic;
    char *path = g_strdup_printf("%s/%s", dir, dump_name);
    char *object = g_strdup_printf("filter-dump,id=d,netdev=n,maxlen=100,file=%s", path);
    begin(mode);
    netdev(back_end);
    g_assert_true(object_add_filter(object, &error_fatal));
    g_assert_true(object_add_filter("filter-replay,id=r,netdev=n", &error_fatal));
    open_all();
    nic_init(&nic, "n", NULL);
    qemu_clock_step(1500);
    tftp(&nic, 512 * 20 + 1);
    *packets = nic.got->len;
    *digest = 0;
    for (guint i = 0; i < nic.got->len; i++) {
        *digest = *digest * 31 + net_crc32_le(packet(&nic, i), packet_len(&nic, i));
    }
    char *text, *info = NULL;
    gsize len;
    end();
    g_assert_true(g_file_get_contents(path, &text, &len, NULL));
    char *hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)text, len);
    g_assert_cmpuint(len, >, 24 + 22 * 16);
    g_free(info);
    g_free(text);
    g_free(object);
    g_free(path);
    return hash;
}

/* The replaying host has another back end, which could not even be opened; packets and capture are the same. */
static void test_record_and_replay(void)
{
    guint recorded, replayed;
    uint64_t digest, digest2;
    int64_t start = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    write_tftp_file(512 * 20 + 1);
    char *user = g_strdup_printf("user,id=n,tftp=%s", dir);
    char *first = run_with_dump("record", "first.pcap", user, &recorded, &digest);
    write_tftp_file(1);
    qemu_clock_step(start - qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    char *second = run_with_dump("replay", "second.pcap", "socket,id=n,listen=1.2.3.4:1", &replayed, &digest2);
    g_assert_cmpuint(recorded, ==, replayed);
    g_assert_cmphex(digest, ==, digest2);
    g_assert_cmpstr(first, ==, second);
    g_free(first);
    g_free(second);
    g_free(user);
}

static void test_dump_bytes(void)
{
    static const uint8_t expected_head[] = { 0xd4, 0xc3, 0xb2, 0xa1, 2,  0, 4, 0, 0, 0, 0, 0,
                                             0,    0,    0,    0,    20, 0, 0, 0, 1, 0, 0, 0 };
    uint8_t in[14] = { 1, 2, 3 }, out[70] = { 9, 8, 7 };
    char *path = g_strdup_printf("%s/bytes.pcap", dir), *text;
    char *object = g_strdup_printf("filter-dump,id=d,netdev=h,maxlen=20,file=%s", path);
    TestNic nic;
    gsize len;
    begin(NULL);
    netdev("hubport,id=h,hubid=1");
    g_assert_true(object_add_filter(object, &error_fatal));
    open_all();
    nic_init(&nic, "h", NULL);
    qemu_clock_step(3000000000LL - qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) % 1000000000);
    int64_t us = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) / 1000;
    nic_send_packet(nic.peer, out, sizeof(out));
    nic_send_packet(nic.peer, out, 13);
    nic_receive_packet(nic.peer, in, sizeof(in));
    end();
    g_assert_true(g_file_get_contents(path, &text, &len, NULL));
    g_assert_cmpuint(len, ==, 24 + 16 + 20 + 16 + 14);
    g_assert_cmpmem(text, 24, expected_head, 24);
    g_assert_cmpuint(ldl_le_p(text + 24), ==, us / 1000000);
    g_assert_cmpuint(ldl_le_p(text + 28), ==, us % 1000000);
    g_assert_cmpuint(ldl_le_p(text + 32), ==, 20);
    g_assert_cmpuint(ldl_le_p(text + 36), ==, 70);
    g_assert_cmpmem(text + 40, 20, out, 20);
    g_assert_cmpuint(ldl_le_p(text + 60 + 8), ==, 14);
    g_assert_cmpmem(text + 76, 14, in, 14);
    g_free(text);
    g_free(object);
    g_free(path);
}

/* ---- hubs ---- */

static void test_hub(void)
{
    TestNic a, b, c;
    uint8_t p[60] = { 1 };
    begin(NULL);
    add_user("");
    netdev("hubport,id=h1,hubid=5");
    netdev("hubport,id=h2,hubid=5,netdev=n");
    netdev("hubport,id=h3,hubid=5");
    netdev("hubport,id=other,hubid=6");
    open_all();
    nic_init(&a, "h1", NULL);
    nic_init(&b, "h3", NULL);
    nic_init(&c, "other", NULL);
    send_arp(&a);
    g_assert_true(wait_packets(&a, 1)); /* from the user network */
    settle();
    g_assert_cmpuint(a.got->len, ==, 1);
    g_assert_cmpuint(b.got->len, ==, 2); /* the question and the answer */
    nic_send_packet(b.peer, p, sizeof(p));
    g_assert_true(wait_packets(&a, 2));
    g_assert_cmpuint(c.got->len, ==, 0);
    end();
}

static void expect_open_error(const char *text)
{
    Error *err = NULL;
    g_assert_false(net_init_all(false, &err));
    expect_error(err, text);
    end();
}

static void test_hub_errors(void)
{
    begin(NULL);
    netdev("hubport,id=h1,hubid=1,netdev=missing");
    expect_open_error("-netdev hubport,id=h1,hubid=1,netdev=missing: netdev 'missing' not found");
    begin(NULL);
    netdev("hubport,id=h1,hubid=1");
    netdev("hubport,id=h2,hubid=1,netdev=h1");
    expect_open_error("-netdev hubport,id=h2,hubid=1,netdev=h1: netdev 'h1' is a hub port itself");
    begin(NULL);
    netdev("hubport,id=h1,hubid=x");
    expect_open_error("-netdev hubport,id=h1,hubid=x: Parameter 'hubid' expects a number, not 'x'");
}

/* ---- sockets ---- */

static int connect_socket(TestNic *nic)
{
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    char *arg = g_strdup_printf("socket,id=n,fd=%d", pair[0]);
    netdev(arg);
    g_free(arg);
    open_all();
    nic_init(nic, "n", NULL);
    return pair[1];
}

static void test_socket_framing(void)
{
    TestNic nic;
    uint8_t p[60] = { 1, 2, 3 }, in[128];
    begin(NULL);
    int fd = connect_socket(&nic);
    nic_send_packet(nic.peer, p, sizeof(p));
    settle();
    g_assert_cmpint(recv(fd, in, sizeof(in), MSG_DONTWAIT), ==, 64);
    g_assert_cmpmem(in, 4, "\0\0\0\x3c", 4);
    g_assert_cmpmem(in + 4, 60, p, 60);
    for (int i = 0; i < 64; i++) {
        g_assert_cmpint(send(fd, in + i, 1, 0), ==, 1);
        settle();
    }
    g_assert_cmpuint(nic.got->len, ==, 1);
    g_assert_cmpmem(packet(&nic, 0), 60, p, 60);
    close(fd);
    end();
}

static void test_socket_hostile(void)
{
    TestNic nic;
    uint8_t byte;
    begin(NULL);
    int fd = connect_socket(&nic);
    g_assert_cmpint(send(fd, "\0\0\0\0\0\0\0\1x\xff\xff\xff\xff....", 17, 0), ==, 17);
    settle();
    g_assert_cmpint(recv(fd, &byte, 1, MSG_DONTWAIT), <=, 0);
    g_assert_cmpint(send(fd, "x", 1, MSG_NOSIGNAL), <, 0); /* closed */
    g_assert_cmpuint(nic.got->len, ==, 0);
    uint8_t p[60] = { 1 };
    nic_send_packet(nic.peer, p, sizeof(p));
    settle();
    close(fd);
    end();
}

/* The guest takes nothing: the socket is left unread; when room comes, all packets arrive, in order. */
static void test_socket_back_pressure(void)
{
    enum { PACKETS = 5000 };
    TestNic nic;
    uint8_t p[1000];
    GByteArray *stream = g_byte_array_new();
    begin(NULL);
    int fd = connect_socket(&nic);
    nic.room = -1;
    for (uint32_t i = 0; i < PACKETS; i++) {
        make_packet(p, sizeof(p), i);
        frame_put(stream, p, sizeof(p));
    }
    size_t sent = 0;
    for (int i = 0; i < 50; i++) {
        ssize_t n = send(fd, stream->data + sent, stream->len - sent, MSG_DONTWAIT);
        sent += MAX(n, 0);
        settle();
    }
    g_assert_cmpuint(sent, <, stream->len);
    nic.room = INT_MAX;
    nic_flush_queued(nic.peer);
    for (int i = 0; i < 500 && nic.got->len < PACKETS; i++) {
        ssize_t n = send(fd, stream->data + sent, stream->len - sent, MSG_DONTWAIT);
        sent += MAX(n, 0);
        main_loop_wait(false);
        checkpoint();
    }
    g_assert_true(wait_packets(&nic, PACKETS));
    for (uint32_t i = 0; i < PACKETS; i++) {
        g_assert_cmpuint(ldl_le_p(packet(&nic, i) + 14), ==, i);
    }
    close(fd);
    g_byte_array_unref(stream);
    end();
}

/* Who connects is there first; the listener comes later, goes, and comes again. */
static void test_socket_reconnect(void)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(addr);
    TestNic nic;
    uint8_t p[60] = { 1 }, in[64];
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    g_assert_cmpint(
        bind(listener, (struct sockaddr *)&addr, size) | getsockname(listener, (struct sockaddr *)&addr, &size), ==, 0);
    begin(NULL);
    char *arg = g_strdup_printf("socket,id=n,connect=127.0.0.1:%d", ntohs(addr.sin_port));
    netdev(arg);
    open_all();
    nic_init(&nic, "n", NULL);
    settle();
    g_assert_cmpint(listen(listener, 1), ==, 0);
    for (int round = 0; round < 2; round++) {
        int fd = -1;
        for (int i = 0; i < 4000 && fd < 0; i++) {
            main_loop_wait(false);
            fd = accept(listener, NULL, NULL);
            g_usleep(1000);
        }
        g_assert_cmpint(fd, >=, 0);
        settle();
        nic_send_packet(nic.peer, p, sizeof(p));
        settle();
        g_assert_cmpint(recv(fd, in, sizeof(in), MSG_DONTWAIT), ==, 64);
        close(fd);
        settle();
    }
    close(listener);
    g_free(arg);
    end();
}

static void test_socket_udp(void)
{
    TestNic a, b;
    uint8_t p[100] = { 1, 2, 3 };
    begin(NULL);
    netdev("socket,id=a,udp=127.0.0.1:47312,localaddr=127.0.0.1:47311");
    netdev("socket,id=b,udp=127.0.0.1:47311,localaddr=127.0.0.1:47312");
    open_all();
    nic_init(&a, "a", NULL);
    nic_init(&b, "b", NULL);
    nic_send_packet(a.peer, p, sizeof(p));
    g_assert_true(wait_packets(&b, 1));
    g_assert_cmpmem(packet(&b, 0), packet_len(&b, 0), p, sizeof(p));
    nic_send_packet(b.peer, p, 60);
    g_assert_true(wait_packets(&a, 1));
    end();
}

static void test_socket_multicast(void)
{
    TestNic a, b;
    uint8_t p[100] = { 4, 5, 6 };
    Error *err = NULL;
    begin(NULL);
    netdev("socket,id=a,mcast=239.192.47.11:47313,localaddr=127.0.0.1");
    netdev("socket,id=b,mcast=239.192.47.11:47313,localaddr=127.0.0.1");
    if (!net_init_all(false, &err)) {
        g_test_skip(error_get_pretty(err)); /* a host without multicast */
        error_free(err);
    } else {
        nic_init(&a, "a", NULL);
        nic_init(&b, "b", NULL);
        nic_send_packet(a.peer, p, sizeof(p));
        g_assert_true(wait_packets(&b, 1));
        g_assert_cmpmem(packet(&b, 0), packet_len(&b, 0), p, sizeof(p));
    }
    end();
}

/* ---- the command line ---- */

static const struct {
    bool (*add)(const char *arg, Error **errp);
    const char *arg, *error;
} mistakes[] = {
    { net_add_netdev, "foo,id=n", "Parameter 'type' does not accept value 'foo'" },
    { net_add_netdev, "", "Parameter 'type' does not accept value ''" },
    { net_add_netdev, "user", "Parameter 'id' is missing" },
    { net_add_netdev, "user,id=", "Parameter 'id' is missing" },
    { net_add_netdev, "user,id=n,foo=bar", "Invalid parameter 'foo'" },
    { net_add_netdev, "nic,id=n", "Parameter 'type' does not accept value 'nic'" },
    { net_add_nic, "foo", "Parameter 'type' does not accept value 'foo'" },
    { net_add_nic, "user,mac=foo", "invalid syntax for ethernet address 'foo'" },
    { net_add_nic, "user,netdev=n", "Invalid parameter 'netdev'" },
    { net_add_legacy, "foo", "Parameter 'type' does not accept value 'foo'" },
    { net_add_legacy, "hubport", "Parameter 'type' does not accept value 'hubport'" },
    { net_add_legacy, "nic,macaddr=1:2", "invalid syntax for ethernet address '1:2'" },
    { net_add_legacy, "nic,bogus=1", "Invalid parameter 'bogus'" },
    { object_add_filter, "filter-foo,id=x", "Parameter 'qom-type' does not accept value 'filter-foo'" },
    { object_add_filter, "filter-dump,netdev=n", "Parameter 'id' is missing" },
    { object_add_filter, "filter-dump,id=d", "Parameter 'netdev' is missing" },
    { object_add_filter, "filter-replay,id=d,netdev=n,file=x", "Invalid parameter 'file'" },
};

static void test_option_mistakes(void)
{
    begin(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        Error *err = NULL;
        g_assert_false(mistakes[i].add(mistakes[i].arg, &err));
        expect_error(err, mistakes[i].error);
    }
    end();
}

/* Found when the back ends are opened. */
static const struct {
    const char *netdev, *error;
} open_mistakes[] = {
    { "user,id=n,hostfwd=foo", "Invalid host forwarding rule 'foo' (No : separators)" },
    { "user,id=n,hostfwd=sctp::1-:2", "Invalid host forwarding rule 'sctp::1-:2' (Bad protocol name)" },
    { "user,id=n,hostfwd=tcp:x:1-:2", "Invalid host forwarding rule 'tcp:x:1-:2' (Bad host address)" },
    { "user,id=n,hostfwd=tcp::x-:2", "Invalid host forwarding rule 'tcp::x-:2' (Bad host port)" },
    { "user,id=n,hostfwd=tcp::99999-:2", "Invalid host forwarding rule 'tcp::99999-:2' (Bad host port)" },
    { "user,id=n,hostfwd=tcp::1:22", "Invalid host forwarding rule 'tcp::1:22' (Bad host port separator)" },
    { "user,id=n,hostfwd=tcp::1-x:2", "Invalid host forwarding rule 'tcp::1-x:2' (Bad guest address)" },
    { "user,id=n,hostfwd=tcp::1-:0", "Invalid host forwarding rule 'tcp::1-:0' (Bad guest port)" },
    { "user,id=n,hostfwd=tcp::1-2", "Invalid host forwarding rule 'tcp::1-2' (Missing guest address)" },
    { "user,id=n,hostfwd=tcp:[::1:1-:2", "Invalid host forwarding rule 'tcp:[::1:1-:2' (Missing : separator)" },
    { "user,id=n,hostfwd=tcp:[]:1-:2", "Invalid host forwarding rule 'tcp:[]:1-:2' (Bad host address)" },
    { "user,id=n,hostfwd=tcp:[::1]x:1-:2", "Invalid host forwarding rule 'tcp:[::1]x:1-:2' (Bad host address)" },
    { "user,id=n,hostfwd=tcp:[::1]:1-10.0.2.15:2",
      "Invalid host forwarding rule 'tcp:[::1]:1-10.0.2.15:2' (Bad guest address)" },
    { "user,id=n,guestfwd=foo", "Invalid guest forwarding rule 'foo'" },
    { "user,id=n,guestfwd=tcp:10.0.2.100:80", "Invalid guest forwarding rule 'tcp:10.0.2.100:80'" },
    { "user,id=n,guestfwd=udp:10.0.2.100:80-null", "Invalid guest forwarding rule 'udp:10.0.2.100:80-null'" },
    { "user,id=n,guestfwd=tcp:1.2.3.4:80-null",
      "Conflicting/invalid host:port in guest forwarding rule 'tcp:1.2.3.4:80-null'" },
    { "user,id=n,net=foo", "Failed to parse netmask 'foo'" },
    { "user,id=n,net=10.0.0.0/33", "Invalid netmask provided (must be in range 4-32)" },
    { "user,id=n,net=192.168.76.0/24,host=10.0.0.1", "Host doesn't belong to network" },
    { "user,id=n,net=192.168.76.0/24,dhcpstart=10.0.0.1", "DHCP doesn't belong to network" },
    { "user,id=n,dns=foo", "Failed to parse DNS 'foo'" },
    { "user,id=n,dns=10.0.2.2", "DNS must be different from host" },
    { "user,id=n,host=10.0.2.15", "DHCP must be different from host and DNS" },
    { "user,id=n,ipv4=off,ipv6=off", "IPv4 and IPv6 disabled" },
    { "user,id=n,restrict=foo", "Parameter 'restrict' expects 'on' or 'off', not 'foo'" },
    { "user,id=n,ipv6-net=fec0::/xx", "Failed to parse IPv6 network 'fec0::/xx'" },
    { "user,id=n,ipv6-net=zz", "Failed to parse IPv6 network 'zz'" },
    { "user,id=n,ipv6-net=fd00::/200", "Invalid IPv6 prefix provided (IPv6 prefix length must be between 0 and 126)" },
    { "user,id=n,ipv6-net=fd00::/64,ipv6-host=fec0::2", "IPv6 Host doesn't belong to network" },
    { "user,id=n,ipv6-host=1::1", "IPv6 Host doesn't belong to network" },
    { "user,id=n,smb=/tmp", "smb=/tmp: there is no SMB server; tftp=, guestfwd= and hostfwd= are available" },
    { "socket,id=n", "exactly one of listen=, connect=, mcast= or udp= is required" },
    { "socket,id=n,listen=:1,connect=:2", "exactly one of listen=, connect=, mcast= or udp= is required" },
    { "socket,id=n,connect=1.2.3.4", "host address '1.2.3.4' doesn't contain ':' separating host from port" },
    { "socket,id=n,listen=:99999", "port number '99999' is invalid" },
    { "socket,id=n,udp=127.0.0.1:1", "localaddr= is mandatory with udp=" },
    { "socket,id=n,mcast=1.2.3.4:5", "specified mcastaddr 1.2.3.4 (0x01020304) does not contain a multicast address" },
    { "socket,id=n,fd=x", "Parameter 'fd' expects a number, not 'x'" },
    { "socket,id=n,fd=987", "fd=987 is not a socket" },
    { "tap,id=n,vhost=on", "vhost=on is not available: packets would pass by the recording" },
    { "tap,id=n,ifname=averyveryverylongname,script=no", "ifname=averyveryverylongname: longer than 15 characters" },
    { "tap,id=n,fd=0x7fffffff", "fd=0x7fffffff is not a TAP device: Bad file descriptor" },
};

static void test_open_mistakes(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(open_mistakes); i++) {
        begin(NULL);
        netdev(open_mistakes[i].netdev);
        char *whole = g_strdup_printf("-netdev %s: %s", open_mistakes[i].netdev, open_mistakes[i].error);
        expect_open_error(whole);
        g_free(whole);
    }
}

static char *requests(void)
{
    open_all();
    char *text = net_describe_nics();
    end();
    return text;
}

static void expect_requests(const char *expected)
{
    char *text = requests();
    g_assert_cmpstr(text, ==, expected);
    g_free(text);
}

static void test_requests(void)
{
    begin(NULL);
    expect_requests("none");
    begin(NULL);
    g_assert_true(net_add_nic("none", &error_fatal));
    g_assert_true(net_init_all(true, &error_fatal));
    g_assert_null(net_next_nic());
    end();
    begin(NULL);
    g_assert_true(net_init_all(true, &error_fatal));
    const NICRequest *r = net_next_nic();
    g_assert_cmpstr(net_id(r->netdev), ==, "hub0port0");
    g_assert_null(net_next_nic());
    end();
    begin(NULL);
    g_assert_true(net_add_legacy("nic,model=rtl8139,macaddr=52:54:00:00:00:99", &error_fatal));
    g_assert_true(net_add_legacy("user", &error_fatal));
    g_assert_true(net_add_nic("user,id=x,model=e1000,addr=5", &error_fatal));
    expect_requests("e1000 addr=5; rtl8139 mac=52:54:00:00:00:99");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("test-net");
    main_loop_init();
    dir = g_dir_make_tmp("net-XXXXXX", NULL);
    g_test_add_func("/net/mac", test_mac);
    g_test_add_func("/net/crc", test_crc);
    g_test_add_func("/net/checksum", test_checksum);
    g_test_add_func("/net/checksum/hostile", test_checksum_hostile);
    g_test_add_func("/net/frames/any-split", test_frames);
    g_test_add_func("/net/frames/hostile-length", test_frames_hostile);
    g_test_add_func("/net/queue/order-and-bound", test_queue);
    g_test_add_func("/net/queue/packet-sizes", test_packet_sizes);
    g_test_add_func("/net/queue/state", test_queue_state);
    g_test_add_func("/net/set-link", test_set_link);
    g_test_add_func("/net/user/tftp", test_user_tftp);
    g_test_add_func("/net/user/answers-at-once", test_user_answers_at_once);
    g_test_add_func("/net/user/hostfwd-ipv6", test_user_hostfwd6);
    g_test_add_func("/net/user/host-socket", test_user_host_socket);
    g_test_add_func("/net/record-and-replay-without-back-end", test_record_and_replay);
    g_test_add_func("/net/dump/bytes", test_dump_bytes);
    g_test_add_func("/net/hub", test_hub);
    g_test_add_func("/net/hub/errors", test_hub_errors);
    g_test_add_func("/net/socket/framing", test_socket_framing);
    g_test_add_func("/net/socket/hostile", test_socket_hostile);
    g_test_add_func("/net/socket/back-pressure", test_socket_back_pressure);
    g_test_add_func("/net/socket/reconnect", test_socket_reconnect);
    g_test_add_func("/net/socket/udp", test_socket_udp);
    g_test_add_func("/net/socket/multicast", test_socket_multicast);
    g_test_add_func("/net/options/mistakes", test_option_mistakes);
    g_test_add_func("/net/options/mistakes-found-when-opening", test_open_mistakes);
    g_test_add_func("/net/options/nics", test_requests);
    int status = g_test_run();
    char *command = g_strdup_printf("rm -rf '%s'", dir);
    status |= system(command);
    g_free(command);
    g_free(dir);
    return status;
}
