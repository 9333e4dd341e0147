/* LINK: chardev/char.c chardev/char-io.c chardev/char-mux.c chardev/char-null.c chardev/char-fd.c chardev/char-socket.c chardev/char-telnet.c chardev/char-udp.c chardev/char-parse.c util/option.c util/error.c util/main-loop.c util/qemu-timer.c */
#include "chardev/chardev-int.h"
#include "migration/vmstate.h"
#include "monitor/monitor.h"
#include "replay/replay.h"
#include "sysemu/runstate.h"
#include "util/main-loop.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- stand-ins for the rest of the emulator ---- */

static struct Chardev *registered[16];
static int nb_registered;
static GByteArray *logged[16]; /* what replay was given, per id */
static bool playing;
static int shutdown_requests, breaks;
static const VMStateDescription *queue_vmsd;
static void *queue_opaque;

int replay_register_char_driver(struct Chardev *chr)
{
    registered[nb_registered] = chr;
    logged[nb_registered] = g_byte_array_new();
    return nb_registered++;
}
void replay_char_read(int id, const uint8_t *buf, size_t len)
{
    g_byte_array_append(logged[id], buf, len);
}
bool replay_playing(void)
{
    return playing;
}
struct ReplayBH {
    ReplayBHFunc *fn;
    void *opaque;
};
ReplayBH *replay_bh_new(const char *name, ReplayBHFunc *fn, void *opaque)
{
    ReplayBH *bh = g_new0(ReplayBH, 1);
    g_assert_nonnull(name);
    *bh = (ReplayBH){ fn, opaque };
    return bh;
}
void replay_bh_schedule_event(ReplayBH *bh)
{
    bh->fn(bh->opaque);
}
int64_t replay_clock(ReplayClock kind, int64_t host_value)
{
    (void)kind;
    return host_value;
}
void qemu_system_shutdown_request(ShutdownCause cause)
{
    g_assert_cmpint(cause, ==, SHUTDOWN_CAUSE_HOST_UI);
    shutdown_requests++;
}
void vmstate_register(const char *id, int instance, const VMStateDescription *vmsd, void *opaque)
{
    g_assert_cmpstr(id, ==, "chardev-input");
    g_assert_cmpint(instance, ==, nb_registered - 1);
    queue_vmsd = vmsd;
    queue_opaque = opaque;
}
static int monitors;
bool monitor_init_hmp(Chardev *chr, Error **errp)
{
    ChrFrontend fe = { .opaque = chr };
    monitors++;
    return qemu_chr_attach(chr, &fe, errp);
}

/* ---- a front end ---- */

typedef struct Fe {
    GString *got;
    int room, opened, closed;
} Fe;

static int fe_can_receive(void *opaque)
{
    return ((Fe *)opaque)->room;
}
static void fe_receive(void *opaque, const uint8_t *buf, int len)
{
    Fe *fe = opaque;
    g_assert_cmpint(len, <=, fe->room);
    fe->room -= len;
    g_string_append_len(fe->got, (const char *)buf, len);
}
static void fe_event(void *opaque, ChrEvent event)
{
    Fe *fe = opaque;
    fe->opened += event == CHR_EVENT_OPENED;
    fe->closed += event == CHR_EVENT_CLOSED;
    breaks += event == CHR_EVENT_BREAK;
}
static Fe *fe_new(Chardev *chr, bool guest, int room)
{
    Fe *fe = g_new0(Fe, 1);
    fe->got = g_string_new(NULL);
    fe->room = room;
    ChrFrontend ops = { fe_can_receive, fe_receive, fe_event, fe, guest };
    g_assert_true(qemu_chr_attach(chr, &ops, NULL));
    return fe;
}

static void turn(void)
{
    for (int i = 0; i < 20; i++) {
        main_loop_wait(false);
        g_usleep(500);
    }
}

static void deliver(int id)
{
    qemu_chr_be_write_impl(registered[id], logged[id]->data, logged[id]->len);
    g_byte_array_set_size(logged[id], 0);
}

static Chardev *legacy(const char *label, const char *spec)
{
    Chardev *chr;
    Error *err = NULL;
    if (!qemu_chr_new_from_legacy(label, spec, &chr, &err)) {
        g_error("%s: %s", spec, error_get_pretty(err));
    }
    return chr;
}

static void be_write(Chardev *chr, const char *text)
{
    qemu_chr_be_write(chr, (const uint8_t *)text, strlen(text));
}

static void test_guest_input(void)
{
    Chardev *chr = legacy("in0", "null");
    int id = nb_registered;
    Fe *fe = fe_new(chr, true, 3);
    be_write(chr, "hello");
    g_assert_cmpint(fe->got->len, ==, 0); /* only at a checkpoint */
    deliver(id);
    g_assert_cmpstr(fe->got->str, ==, "hel");
    fe->room = 1;
    qemu_chr_accept_input(chr);
    g_assert_cmpstr(fe->got->str, ==, "hell");
    /* what still waits is machine state, from its first byte on */
    queue_vmsd->pre_save(queue_opaque);
    const VMStateField *f = &queue_vmsd->fields[0];
    g_assert_cmpint(f->kind, ==, VMS_BUFFER);
    g_assert_cmpint(*(uint32_t *)((char *)queue_opaque + f->length_offset), ==, 1);
    g_assert_cmpint(**(char **)((char *)queue_opaque + f->offset), ==, 'o');
    playing = true; /* in replay the host's input goes nowhere, the log's does */
    be_write(chr, "XXX");
    g_assert_cmpint(logged[id]->len, ==, 0);
    fe->room = 100;
    qemu_chr_be_write_impl(registered[id], (const uint8_t *)"!", 1);
    playing = false;
    g_assert_cmpstr(fe->got->str, ==, "hello!");
    turn();
    g_assert_cmpint(fe->opened, ==, 0); /* a guest device never learns about the host */
}

/* A log or a snapshot may say anything: the queue of a device that does not read is bounded. */
static void test_guest_input_bounded(void)
{
    uint8_t *block = g_malloc0(1 << 20);
    int id = nb_registered;
    Error *err = NULL;
    Fe *fe = fe_new(legacy("in1", "null"), true, 0);
    const VMStateField *f = &queue_vmsd->fields[0];
    uint32_t *len = (uint32_t *)((char *)queue_opaque + f->length_offset);
    playing = true;
    for (int i = 0; i < 10; i++) {
        qemu_chr_be_write_impl(registered[id], block, 1 << 20);
    }
    playing = false;
    g_assert_cmpuint(*len, ==, CHR_QUEUE_MAX);
    g_assert_true(queue_vmsd->post_load(queue_opaque, NULL));
    (*len)++;
    g_assert_false(queue_vmsd->post_load(queue_opaque, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "2097153 bytes of input wait; at most 2097152 can");
    error_free(err);
    g_assert_cmpuint(fe->got->len, ==, 0);
    g_free(block);
}

static void test_monitor_input(void)
{
    Chardev *chr = legacy("mon0", "null");
    Fe *fe = fe_new(chr, false, 2);
    be_write(chr, "abc");
    g_assert_cmpstr(fe->got->str, ==, "ab");
    fe->room = 5;
    qemu_chr_accept_input(chr);
    g_assert_cmpstr(fe->got->str, ==, "abc");
    turn();
    g_assert_cmpint(fe->opened, ==, 1);
}

static void test_output_file(void)
{
    char *path = g_strdup_printf("%s/chardev-test-%d", g_get_tmp_dir(), getpid());
    char *spec = g_strdup_printf("file:%s", path);
    Chardev *chr = legacy("file0", spec);
    for (int i = 0; i < 1000; i++) {
        qemu_chr_write(chr, "0123456789", 10);
        if (i % 100 == 0) {
            turn();
        }
    }
    turn();
    char *text;
    gsize len;
    g_assert_true(g_file_get_contents(path, &text, &len, NULL));
    g_assert_cmpint(len, ==, 10000);
    g_assert_true(!memcmp(text + 9990, "0123456789", 10));
    qemu_chr_write(NULL, "x", 1);
    g_unlink(path);
    g_free(text);
    g_free(spec);
    g_free(path);
}

static char *read_all(int fd)
{
    GString *s = g_string_new(NULL);
    char buf[256];
    ssize_t n;
    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        g_string_append_len(s, buf, n);
    }
    return g_string_free(s, FALSE);
}

static void test_mux(void)
{
    g_assert_true(qemu_chr_new_from_opts("ringbuf,id=mux0,mux=on,size=4096", NULL));
    Chardev *chr = qemu_chr_find("mux0");
    Fe *mon = fe_new(chr, false, 100);
    int id0 = nb_registered;
    Fe *ser = fe_new(chr, true, 100);
    int id1 = nb_registered;
    Fe *ser2 = fe_new(chr, true, 100);
    g_assert_cmpint(id1, ==, id0 + 1);
    turn();
    g_assert_cmpint(mon->opened, ==, 0); /* the guest has the focus first */
    be_write(chr, "ab\001\001c");
    deliver(id0);
    g_assert_cmpstr(ser->got->str, ==, "ab\001c");
    be_write(chr, "\001"); /* the two keys need not come together */
    be_write(chr, "cD");
    deliver(id1);
    g_assert_cmpstr(ser2->got->str, ==, "D");
    be_write(chr, "\001cinfo");
    g_assert_cmpstr(mon->got->str, ==, "info");
    g_assert_cmpint(mon->opened, ==, 1);
    be_write(chr, "\001c");
    g_assert_cmpint(mon->closed, ==, 1);
    be_write(chr, "\001b\001x\001h\001q");
    g_assert_cmpint(breaks, ==, 1);
    g_assert_cmpint(shutdown_requests, ==, 1);
    g_assert_cmpint(logged[id0]->len, ==, 0);
    turn();
    uint8_t text[4096] = { 0 };
    g_assert_cmpint(qemu_chr_ringbuf_read(chr, text, sizeof(text) - 1), >, 0);
    g_assert_nonnull(strstr((char *)text, "Terminated"));
    g_assert_nonnull(strstr((char *)text, "C-a h"));
}

static void test_ringbuf_wraps(void)
{
    uint8_t buf[32];
    g_assert_true(qemu_chr_new_from_opts("ringbuf,id=ring,size=8", NULL));
    Chardev *chr = qemu_chr_find("ring");
    qemu_chr_write(chr, "0123456789", 10);
    turn();
    g_assert_cmpint(qemu_chr_ringbuf_read(chr, buf, 3), ==, 3);
    g_assert_true(!memcmp(buf, "234", 3));
    g_assert_cmpint(qemu_chr_ringbuf_read(chr, buf, 32), ==, 5);
}

static void test_ringbuf_write(void)
{
    uint8_t buf[8];
    g_assert_true(qemu_chr_new_from_opts("ringbuf,id=ring2,size=8", NULL));
    Chardev *chr = qemu_chr_find("ring2");
    qemu_chr_ringbuf_write(chr, (const uint8_t *)"abc", 3);
    g_assert_cmpint(qemu_chr_ringbuf_read(chr, buf, sizeof(buf)), ==, 3);
    g_assert_true(!memcmp(buf, "abc", 3));
    Chardev *other = qemu_chr_null_new("noring");
    g_assert_false(qemu_chr_is_ringbuf(other));
    qemu_chr_ringbuf_write(other, buf, 1);
}

/* A socket of the test's own; *port: where it is. */
static int udp_socket(int *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&a, len), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&a, &len), ==, 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void test_udp(void)
{
    int port;
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    char buf[16] = "";
    int fd = udp_socket(&port);
    char *spec = g_strdup_printf("udp:127.0.0.1:%d@127.0.0.1:0", port);
    Chardev *chr = legacy("udp0", spec);
    Fe *fe = fe_new(chr, false, 1000);
    qemu_chr_write(chr, "out", 3);
    turn();
    g_assert_cmpint(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len), ==, 3);
    g_assert_cmpstr(buf, ==, "out");
    sendto(fd, "", 0, 0, (struct sockaddr *)&from, len); /* an empty one is no end */
    sendto(fd, "in", 2, 0, (struct sockaddr *)&from, len);
    turn();
    g_assert_cmpstr(fe->got->str, ==, "in");
    close(fd);
    qemu_chr_write(chr, "nobody", 6);
    turn();
    qemu_chr_write(chr, "there", 5);
    turn();
    g_free(spec);
}

static int unix_client(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    g_strlcpy(a.sun_path, path, sizeof(a.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* What a server that was killed leaves behind. */
static void leave_stale_socket(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    g_strlcpy(a.sun_path, path, sizeof(a.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    close(fd);
}

static void test_socket_server(void)
{
    char *path = g_strdup_printf("%s/chardev-sock-%d", g_get_tmp_dir(), getpid());
    leave_stale_socket(path);
    char *spec = g_strdup_printf("unix:%s,server,nowait", path);
    Chardev *chr = legacy("sock0", spec);
    Fe *fe = fe_new(chr, false, 1000);
    qemu_chr_write(chr, "lost", 4);
    turn();
    for (int round = 0; round < 2; round++) { /* a second client after the first */
        int fd = unix_client(path);
        turn();
        g_assert_cmpint(fe->opened, ==, round + 1);
        g_assert_cmpint(write(fd, "hi", 2), ==, 2);
        qemu_chr_write(chr, "there", 5);
        turn();
        char *text = read_all(fd);
        g_assert_cmpstr(text, ==, "there");
        g_free(text);
        close(fd);
        turn();
        g_assert_cmpint(fe->closed, ==, round + 1);
    }
    g_assert_cmpstr(fe->got->str, ==, "hihi");
    g_free(spec);
    g_free(path);
}

/* The server is not there yet; later it is. */
static void test_reconnect(void)
{
    char *path = g_strdup_printf("%s/chardev-later-%d", g_get_tmp_dir(), getpid());
    char *spec = g_strdup_printf("unix:%s,reconnect=1", path);
    Fe *fe = fe_new(legacy("later0", spec), false, 1000);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    g_strlcpy(a.sun_path, path, sizeof(a.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    turn();
    g_assert_cmpint(fe->opened, ==, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&a, sizeof(a)) | listen(fd, 1), ==, 0);
    for (int i = 0; i < 1000 && !fe->opened; i++) {
        turn();
        g_usleep(10000);
    }
    g_assert_cmpint(fe->opened, ==, 1);
    int client = accept(fd, NULL, NULL);
    g_assert_cmpint(write(client, "hi", 2), ==, 2);
    turn();
    g_assert_cmpstr(fe->got->str, ==, "hi");
    close(client);
    turn();
    g_assert_cmpint(fe->closed, ==, 1);
    close(fd);
    unlink(path);
    g_free(spec);
    g_free(path);
}

/* A server that does not answer (its backlog is full) holds nobody up. */
static void test_reconnect_does_not_wait(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    g_assert_cmpint(listen(listener, 0), ==, 0);
    getsockname(listener, (struct sockaddr *)&a, &len);
    for (int i = 0; i < 8; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        g_assert_true(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 || errno == EINPROGRESS);
    }
    char *spec = g_strdup_printf("tcp:127.0.0.1:%d,reconnect=1", ntohs(a.sin_port));
    gint64 before = g_get_monotonic_time();
    Fe *fe = fe_new(legacy("slow0", spec), false, 10);
    turn();
    g_assert_cmpint(g_get_monotonic_time() - before, <, 10 * G_USEC_PER_SEC);
    g_assert_cmpint(fe->opened, ==, 0);
    g_free(spec);
    close(listener);
}

/* Data with all that a client may put between, and what of it is the user's. */
static const uint8_t telnet_said[] = { 'a',  0xff, 0xfb, 0x01, 'b',  0xff, 0xff, 0xff, 0xfa, 1,    2,    0xff,
                                       0xff, 0xff, 0xf1, 0xff, 0xf0, 0xff, 0xf1, '\r', 0,    'c',  '\r', '\n',
                                       0xff, 0xfe, 3,    0xff, 0xf3, 'd',  0xff, 0xfb, 0,    '\r', '\n', 'e' };
#define TELNET_MEANT "ab\xff\rc\rd\r\ne"

/* However the reads cut it. */
static void test_telnet_input(void)
{
    for (size_t piece = 1; piece <= sizeof(telnet_said); piece++) {
        char *label = g_strdup_printf("tel%zu", piece);
        Chardev *chr = legacy(label, "telnet:127.0.0.1:0,server=on,wait=off");
        Fe *fe = fe_new(chr, false, 1000);
        int before = breaks;
        for (size_t at = 0, n; at < sizeof(telnet_said); at += n) {
            uint8_t buf[sizeof(telnet_said)];
            n = MIN(piece, sizeof(telnet_said) - at);
            memcpy(buf, telnet_said + at, n);
            qemu_chr_be_write(chr, buf, chr->backend->filter_input(chr, buf, n));
        }
        g_assert_cmpstr(fe->got->str, ==, TELNET_MEANT);
        g_assert_cmpint(breaks, ==, before + 1);
        g_free(label);
    }
}

/* Nobody reads; what is escaped is more than what was written, and the bound holds all the same. */
static void check_stuck_telnet(Chardev *chr)
{
    uint8_t *block = g_malloc(1 << 20);
    memset(block, 0xff, 1 << 20);
    for (int i = 0; i < 80; i++) {
        qemu_chr_write(chr, block, 1 << 20);
        main_loop_wait(false);
    }
    g_assert_cmpuint(chr->queued, <=, 2u * CHR_OUTPUT_MAX);
    g_free(block);
}

static void test_telnet_output(void)
{
    static const char greeting[] = "\xff\xfb\1\xff\xfb\3\xff\xfb\0\xff\xfd\0", many[] = "\xff\xff\xff\xff";
    char *path = g_strdup_printf("%s/chardev-telnet-%d", g_get_tmp_dir(), getpid());
    char *spec = g_strdup_printf("unix:%s,server=on,wait=off,telnet=on", path);
    Chardev *chr = legacy("telout", spec);
    int fd = unix_client(path);
    turn();
    qemu_chr_write(chr,
                   "a\xff"
                   "b",
                   3);
    turn();
    qemu_chr_write(chr, many, 2);
    turn();
    uint8_t got[64];
    g_assert_cmpint(read(fd, got, sizeof(got)), ==, 12 + 4 + 4);
    g_assert_cmpmem(got, 12, greeting, 12);
    g_assert_cmpmem(got + 12, 4,
                    "a\xff\xff"
                    "b",
                    4);
    g_assert_cmpmem(got + 16, 4, many, 4);
    g_assert_cmpuint(chr->queued, ==, 0);
    check_stuck_telnet(chr);
    close(fd);
    turn();
    unlink(path);
    g_free(spec);
    g_free(path);
}

/* Nobody reads, so the writer is stuck; nothing blocks, and the amount kept is bounded. */
static void test_stuck_output(void)
{
    char *path = g_strdup_printf("%s/chardev-stuck-%d", g_get_tmp_dir(), getpid());
    char *spec = g_strdup_printf("unix:%s,server=on,wait=off", path);
    Chardev *chr = legacy("stuck0", spec);
    int fd = unix_client(path);
    turn();
    char *block = g_malloc0(1 << 20);
    for (int i = 0; i < 80; i++) {
        qemu_chr_write(chr, block, 1 << 20);
        main_loop_wait(false);
    }
    size_t total = 0;
    static char buf[65536];
    for (int idle = 0; idle < 50;) {
        ssize_t n = read(fd, buf, sizeof(buf));
        idle = n > 0 ? 0 : idle + 1;
        total += n > 0 ? n : 0;
        main_loop_wait(false);
        if (n <= 0) {
            g_usleep(200);
        }
    }
    g_assert_cmpint(total, >=, 64 << 20);
    g_assert_cmpint(total, <, 66 << 20);
    close(fd);
    turn();
    g_free(block);
    g_free(spec);
    g_free(path);
}

/* Input from a file that the guest does not take is left unread, and read on later; nothing is lost. */
static void test_throttle(void)
{
    char *path = g_strdup_printf("%s/chardev-thr-%d", g_get_tmp_dir(), getpid());
    char *opts = g_strdup_printf("file,id=thr0,path=/dev/null,input-path=%s", path);
    size_t size = 4 << 20;
    char *data = g_malloc(size);
    memset(data, 'z', size);
    g_assert_true(g_file_set_contents(path, data, size, NULL));
    g_assert_true(qemu_chr_new_from_opts(opts, NULL));
    Chardev *chr = qemu_chr_find("thr0");
    int id = nb_registered;
    Fe *fe = fe_new(chr, true, 0);
    for (int i = 0; i < 3000; i++) {
        main_loop_wait(false);
    }
    g_assert_cmpint(logged[id]->len, >=, 1 << 20);
    g_assert_cmpint(logged[id]->len, <, 2 << 20);
    for (int i = 0; i < 10000 && fe->got->len < size; i++) {
        deliver(id);
        fe->room = 5000;
        qemu_chr_accept_input(chr);
        main_loop_wait(false);
    }
    g_assert_cmpint(fe->got->len, ==, size);
    g_unlink(path);
    g_free(data);
    g_free(opts);
    g_free(path);
}

static void expect_error(const char *spec, const char *message)
{
    Chardev *chr;
    Error *err = NULL;
    g_assert_false(qemu_chr_new_from_legacy("bad", spec, &chr, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), message));
    error_free(err);
}

static void expect_opts_error(const char *opts, const char *message)
{
    Error *err = NULL;
    g_assert_false(qemu_chr_new_from_opts(opts, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), message));
    error_free(err);
}

static void test_parse(void)
{
    Chardev *chr;
    g_assert_true(qemu_chr_new_from_legacy("n", "none", &chr, NULL));
    g_assert_null(chr);
    g_assert_true(qemu_chr_new_from_opts("null,id=byid", NULL));
    g_assert_true(qemu_chr_new_from_legacy("x", "chardev:byid", &chr, NULL));
    g_assert_true(chr == qemu_chr_find("byid"));
    expect_error("nonsense", "nonsense");
    expect_error("chardev:missing", "missing");
    expect_error("tcp:nowhere", "nowhere");
    expect_error("udp:nowhere", "nowhere");
    expect_error("udp:127.0.0.1:9@nowhere", "nowhere");
    expect_opts_error("udp,id=u", "remote port");
    expect_opts_error("udp,id=u,port=9,localaddr=203.0.113.1", "203.0.113.1");
    expect_error("file:/nonexistent/dir/x", "/nonexistent/dir/x");
    expect_opts_error("null", "id");
    expect_opts_error("bogus,id=a", "bogus");
    expect_opts_error("null,id=a,frob=1", "frob");
    expect_opts_error("null,id=byid", "byid");
    expect_opts_error("null,id=b,mux=maybe", "maybe");
    expect_opts_error("ringbuf,id=b,size=3", "power of two");
    fe_new(chr, false, 0);
    ChrFrontend again = { .can_receive = fe_can_receive };
    Error *err = NULL;
    g_assert_false(qemu_chr_attach(chr, &again, &err));
    error_free(err);
    g_assert_cmpstr(qemu_chr_label(qemu_chr_null_new("serial0")), ==, "serial0");
    g_assert_nonnull(qemu_chr_null_new("serial0")); /* taken: another label */
}

static void test_pty(void)
{
    fflush(stdout);
    Chardev *chr = legacy("pty0", "pty");
    Fe *fe = fe_new(chr, false, 100);
    qemu_chr_write(chr, "early", 5);
    turn();
    const char *name = chr->filename + strlen("pty:");
    int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
    g_assert_cmpint(fd, >=, 0);
    char *text = read_all(fd);
    g_assert_cmpstr(text, ==, "early");
    g_assert_cmpint(write(fd, "in\003", 3), ==, 3);
    turn();
    g_assert_cmpstr(fe->got->str, ==, "in\003");
    close(fd);
    turn();
    g_free(text);
}

/* stdio is ours to replace: pipes instead of the terminal. */
static void test_stdio_mux(void)
{
    int in[2], out[2], saved_in = dup(0), saved_out = dup(1);
    fflush(stdout);
    g_assert_cmpint(pipe(in) | pipe(out), ==, 0);
    dup2(in[0], 0);
    dup2(out[1], 1);
    Chardev *chr = legacy("serial9", "mon:stdio");
    int id = nb_registered;
    Fe *ser = fe_new(chr, true, 100);
    g_assert_true(qemu_chr_uses_stdio(chr));
    g_assert_cmpint(monitors, ==, 1);
    expect_error("stdio", "stdio");
    g_assert_cmpint(write(in[1], "ls\n", 3), ==, 3);
    qemu_chr_write(chr, "boot", 4);
    turn();
    deliver(id);
    close(in[1]); /* end of file: just stops reading */
    turn();
    qemu_chr_write(chr, "more", 4);
    qemu_chr_cleanup();
    dup2(saved_in, 0);
    dup2(saved_out, 1);
    close(out[1]);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    char *text = read_all(out[0]);
    g_assert_cmpstr(text, ==, "bootmore");
    g_assert_cmpstr(ser->got->str, ==, "ls\n");
    g_free(text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("test-chardev");
    main_loop_init();
    g_test_add_func("/chardev/guest-input-waits-for-checkpoint-and-room", test_guest_input);
    g_test_add_func("/chardev/guest-input-bounded", test_guest_input_bounded);
    g_test_add_func("/chardev/monitor-input-is-immediate", test_monitor_input);
    g_test_add_func("/chardev/output-to-file", test_output_file);
    g_test_add_func("/chardev/mux", test_mux);
    g_test_add_func("/chardev/ringbuf-wraps", test_ringbuf_wraps);
    g_test_add_func("/chardev/ringbuf-write", test_ringbuf_write);
    g_test_add_func("/chardev/udp", test_udp);
    g_test_add_func("/chardev/socket-server", test_socket_server);
    g_test_add_func("/chardev/reconnect", test_reconnect);
    g_test_add_func("/chardev/reconnect-does-not-wait", test_reconnect_does_not_wait);
    g_test_add_func("/chardev/telnet/input", test_telnet_input);
    g_test_add_func("/chardev/telnet/output", test_telnet_output);
    g_test_add_func("/chardev/output-stuck-is-bounded", test_stuck_output);
    g_test_add_func("/chardev/input-throttled", test_throttle);
    g_test_add_func("/chardev/parse", test_parse);
    g_test_add_func("/chardev/pty", test_pty);
    g_test_add_func("/chardev/stdio-mux", test_stdio_mux);
    return g_test_run();
}
