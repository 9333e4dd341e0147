/*
 * net/tap.c  -netdev tap: a TAP interface of the Linux host (Documentation/networking/tuntap.rst), or one that somebody
 * left us open (fd=). script= and downscript= are run with the interface's name. No offloads: every frame is as on the
 * wire.
 *
 * Runs on the I/O thread; packets reach the guest through net_deliver() alone. In replay nothing here is opened.
 */
#include "net/net-int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TUN_DEVICE     "/dev/net/tun"
#define IFUP_SCRIPT    "/etc/qemu-ifup"
#define IFDOWN_SCRIPT  "/etc/qemu-ifdown"
#define FRAMES_AT_ONCE 64

typedef struct TapNet {
    NetDev nd;
    int fd;
    bool reading;
    char ifname[IFNAMSIZ];
    char *script, *downscript; /* NULL: none */
} TapNet;

static void tap_readable(void *opaque);

static void tap_watch(TapNet *t)
{
    t->reading = net_can_deliver(&t->nd);
    qemu_set_fd_handler(t->fd, t->reading ? tap_readable : NULL, NULL, t);
}

/* All that is there, in one go: the guest is interrupted once. */
static void tap_readable(void *opaque)
{
    TapNet *t = opaque;
    uint8_t buf[NET_MAX_PACKET];
    for (int i = 0; i < FRAMES_AT_ONCE && net_can_deliver(&t->nd); i++) {
        ssize_t n = read(t->fd, buf, sizeof(buf));
        if (n <= 0) {
            break;
        }
        net_deliver(&t->nd, buf, n);
    }
    tap_watch(t);
}

static void tap_can_deliver_again(NetDev *nd)
{
    TapNet *t = (TapNet *)nd;
    if (!t->reading) {
        tap_readable(t);
    }
}

static void tap_transmit(NetDev *nd, const uint8_t *buf, size_t len)
{
    if (write(((TapNet *)nd)->fd, buf, len) < 0) {
        return; /* the host's queue is full or the interface is down: lost, as on a wire */
    }
}

/* ---- set-up ---- */

static bool run_script(const char *script, const char *ifname, Error **errp)
{
    char *argv[] = { (char *)script, (char *)ifname, NULL };
    GError *gerror = NULL;
    int status = 0;
    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL, &status, &gerror)) {
        error_setg(errp, "could not launch network script '%s': %s", script, gerror->message);
        g_error_free(gerror);
        return false;
    }
    if (status) {
        error_setg(errp, "network script %s failed with status %d", script, status);
    }
    return status == 0;
}

static char *script_option(const QemuOpts *opts, const char *key, const char *def)
{
    const char *value = qemu_opt_get(opts, key);
    value = value ? value : def;
    return *value && strcmp(value, "no") ? g_strdup(value) : NULL;
}

static bool open_fd(TapNet *t, const char *text, Error **errp)
{
    uint64_t fd;
    struct ifreq ifr = { 0 };
    if (!parse_uint(text, INT_MAX, &fd)) {
        error_setg(errp, "Parameter 'fd' expects a number, not '%s'", text);
        return false;
    }
    t->fd = (int)fd;
    if (ioctl(t->fd, TUNGETIFF, &ifr) < 0) {
        error_setg_errno(errp, errno, "fd=%s is not a TAP device", text);
        t->fd = -1;
        return false;
    }
    g_strlcpy(t->ifname, ifr.ifr_name, sizeof(t->ifname));
    fcntl(t->fd, F_SETFL, fcntl(t->fd, F_GETFL) | O_NONBLOCK);
    return true;
}

static bool create_interface(TapNet *t, const char *name, Error **errp)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    if (strlen(name) >= IFNAMSIZ) {
        error_setg(errp, "ifname=%s: longer than %d characters", name, IFNAMSIZ - 1);
        return false;
    }
    g_strlcpy(ifr.ifr_name, name, IFNAMSIZ);
    t->fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0) {
        error_setg_errno(errp, errno, "could not open %s", TUN_DEVICE);
        return false;
    }
    if (ioctl(t->fd, TUNSETIFF, &ifr) < 0) {
        error_setg_errno(errp, errno, "could not configure %s (%s)", TUN_DEVICE, name);
        return false;
    }
    g_strlcpy(t->ifname, ifr.ifr_name, sizeof(t->ifname));
    return true;
}

static bool open_interface(TapNet *t, const QemuOpts *opts, Error **errp)
{
    const char *ifname = qemu_opt_get(opts, "ifname");
    t->script = script_option(opts, "script", IFUP_SCRIPT);
    t->downscript = script_option(opts, "downscript", IFDOWN_SCRIPT);
    if (!create_interface(t, ifname ? ifname : "tap%d", errp)) {
        return false;
    }
    return !t->script || run_script(t->script, t->ifname, errp);
}

static void release(TapNet *t)
{
    if (t->fd >= 0) {
        close(t->fd);
    }
    g_free(t->script);
    g_free(t->downscript);
}

static bool tap_init(NetDev *nd, const QemuOpts *opts, Error **errp)
{
    TapNet *t = (TapNet *)nd;
    Error *err = NULL;
    const char *fd = qemu_opt_get(opts, "fd");
    t->fd = -1;
    if (qemu_opt_get_bool(opts, "vhost", false, &err)) {
        error_setg(&err, "vhost=on is not available: packets would pass by the recording");
    } else if (!err && (qemu_opt_get(opts, "br") || qemu_opt_get(opts, "helper"))) {
        error_setg(&err, "br= and helper= are not available; use ifname= or fd=");
    }
    if (!err && (fd ? open_fd(t, fd, &err) : open_interface(t, opts, &err))) {
        tap_watch(t);
    } else {
        release(t);
    }
    error_propagate(errp, err);
    return !err;
}

static void tap_cleanup(NetDev *nd)
{
    TapNet *t = (TapNet *)nd;
    Error *err = NULL;
    qemu_set_fd_handler(t->fd, NULL, NULL, NULL);
    if (t->downscript && !run_script(t->downscript, t->ifname, &err)) {
        error_report_err(err);
    }
    release(t);
}

static void tap_info(NetDev *nd, GString *out)
{
    const TapNet *t = (TapNet *)nd;
    g_string_append_printf(out, "ifname=%s,script=%s,downscript=%s", t->ifname, t->script ? t->script : "no",
                           t->downscript ? t->downscript : "no");
}

static const char *const tap_options[] = { "fd", "ifname", "script", "downscript", "vhost", "br", "helper", NULL };

const NetDevDriver net_driver_tap = { .name = "tap",
                                      .instance_size = sizeof(TapNet),
                                      .options = tap_options,
                                      .init = tap_init,
                                      .transmit = tap_transmit,
                                      .can_deliver_again = tap_can_deliver_again,
                                      .cleanup = tap_cleanup,
                                      .info = tap_info };
