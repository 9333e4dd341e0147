/*
 * chardev/char-udp.c  UDP (RFC 768): what is written goes out as datagrams of up to 4096 bytes to one address; what
 * comes from there is input. Nothing tells whether somebody is there, so this back end is always open.
 * Input goes the way that char.c's first comment tells.
 */
#include "chardev/chardev-int.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int AddressFunc(int fd, const struct sockaddr *addr, socklen_t len);

/* Bind or connect fd to the first address of that family; 0 or a getaddrinfo() error. */
static int use_address(int fd, int family, const char *host, const char *port, AddressFunc *fn)
{
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = fn == bind ? AI_PASSIVE : 0 };
    struct addrinfo *list;
    int rc = getaddrinfo(host, port, &hints, &list);
    if (rc == 0) {
        rc = fn(fd, list->ai_addr, list->ai_addrlen) < 0 ? EAI_SYSTEM : 0;
        freeaddrinfo(list);
    }
    return rc;
}

static void address_error(Error **errp, const char *what, const char *host, const char *port, int rc)
{
    error_setg(errp, "Failed to %s '%s:%s': %s", what, host ? host : "", port,
               rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
}

/* The family of host decides. */
static int open_towards(const char *host, const char *port, int *family, Error **errp)
{
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *list;
    int rc = getaddrinfo(host, port, &hints, &list);
    if (rc) {
        address_error(errp, "resolve", host, port, rc);
        return -1;
    }
    *family = list->ai_family;
    freeaddrinfo(list);
    int fd = socket(*family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to create a socket for '%s:%s'", host, port);
    }
    return fd;
}

static const char *given(const QemuOpts *opts, const char *key, const char *def)
{
    const char *value = qemu_opt_get(opts, key);
    return value && *value ? value : def;
}

static bool udp_open(Chardev *chr, const QemuOpts *opts, Error **errp)
{
    const char *host = given(opts, "host", "localhost"), *port = given(opts, "port", NULL);
    const char *local = given(opts, "localaddr", NULL), *local_port = given(opts, "localport", "0");
    int family, rc;
    if (!port) {
        error_setg(errp, "chardev: udp: remote port not specified");
        return false;
    }
    int fd = open_towards(host, port, &family, errp);
    if (fd < 0) {
        return false;
    }
    if ((rc = use_address(fd, family, local, local_port, bind))) {
        address_error(errp, "bind socket to", local, local_port, rc);
    } else if ((rc = use_address(fd, family, host, port, connect))) {
        address_error(errp, "connect to", host, port, rc);
    }
    if (rc) {
        close(fd);
        return false;
    }
    chr->filename = g_strdup_printf("udp:%s:%s", host, port);
    chr->is_open = true;
    chr_set_fds(chr, fd, fd);
    return true;
}

/* An empty datagram, or word that nobody listens: there may be more. */
static void udp_eof(Chardev *chr)
{
    (void)chr;
}

static const char *const udp_keys[] = { "host", "port", "localaddr", "localport", "ipv4", "ipv6", NULL };

const ChardevBackend chr_backend_udp = { .name = "udp", .keys = udp_keys, .open = udp_open, .eof = udp_eof };
