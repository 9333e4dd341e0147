/*
 * net/slirp-config.c  Options of -netdev user -> SlirpConfig. Defaults as QEMU's: network 10.0.2.0/24, the host at .2,
 * DNS at .3, DHCP from .15; fec0::/64 with ::2 and ::3.
 */
#include "net/slirp-int.h"

#define BOOTFILE_MAX 127 /* DHCP's field, RFC 2131 */
#define NAME_MAX_LEN 255 /* DHCP options have a byte of length */

static bool parse_ipv4(const QemuOpts *opts, const char *key, const char *what, struct in_addr *addr, Error **errp)
{
    const char *text = qemu_opt_get(opts, key);
    if (text && !inet_aton(text, addr)) {
        error_setg(errp, "Failed to parse %s '%s'", what, text);
        return false;
    }
    return true;
}

static bool parse_ipv6(const QemuOpts *opts, const char *key, const char *what, struct in6_addr *addr, Error **errp)
{
    const char *text = qemu_opt_get(opts, key);
    if (text && inet_pton(AF_INET6, text, addr) != 1) {
        error_setg(errp, "Failed to parse IPv6 %s '%s'", what, text);
        return false;
    }
    return true;
}

/* The class of an address that comes without a mask. */
static uint32_t class_mask(uint32_t addr)
{
    return !(addr & 0x80000000) ? 0xff000000 : addr >> 30 == 2 ? 0xffff0000 : 0xffffff00;
}

/* "16" or "255.255.0.0" */
static bool parse_mask(const char *text, uint32_t *mask, Error **errp)
{
    uint64_t bits;
    struct in_addr addr;
    if (parse_uint(text, UINT64_MAX, &bits)) {
        if (bits < 4 || bits > 32) {
            error_setg(errp, "Invalid netmask provided (must be in range 4-32)");
            return false;
        }
        *mask = ~0u << (32 - bits);
    } else if (inet_aton(text, &addr)) {
        *mask = ntohl(addr.s_addr);
    } else {
        error_setg(errp, "Failed to parse netmask '%s'", text);
        return false;
    }
    return true;
}

static bool parse_network(SlirpConfig *c, const QemuOpts *opts, Error **errp)
{
    const char *text = qemu_opt_get(opts, "net");
    struct in_addr addr = { .s_addr = htonl(0x0a000200) };
    uint32_t mask = 0xffffff00;
    if (text) {
        char **parts = g_strsplit(text, "/", 2);
        bool ok = inet_aton(parts[0] ? parts[0] : "", &addr);
        mask = class_mask(ntohl(addr.s_addr));
        if (!ok) {
            error_setg(errp, "Failed to parse netmask '%s'", text);
        } else if (parts[1]) {
            ok = parse_mask(parts[1], &mask, errp);
        }
        g_strfreev(parts);
        if (!ok) {
            return false;
        }
    }
    c->vnetmask.s_addr = htonl(mask);
    c->vnetwork.s_addr = addr.s_addr & c->vnetmask.s_addr;
    return true;
}

static struct in_addr address_in(const SlirpConfig *c, uint32_t number)
{
    return (struct in_addr){ .s_addr = c->vnetwork.s_addr | (htonl(number) & ~c->vnetmask.s_addr) };
}

static bool belongs(const SlirpConfig *c, struct in_addr addr)
{
    return (addr.s_addr & c->vnetmask.s_addr) == c->vnetwork.s_addr;
}

static bool check_ipv4(const SlirpConfig *c, Error **errp)
{
    if (!belongs(c, c->vhost)) {
        error_setg(errp, "Host doesn't belong to network");
    } else if (!belongs(c, c->vdhcp_start)) {
        error_setg(errp, "DHCP doesn't belong to network");
    } else if (c->vnameserver.s_addr == c->vhost.s_addr) {
        error_setg(errp, "DNS must be different from host");
    } else if (c->vdhcp_start.s_addr == c->vhost.s_addr || c->vdhcp_start.s_addr == c->vnameserver.s_addr) {
        error_setg(errp, "DHCP must be different from host and DNS");
    } else {
        return true;
    }
    return false;
}

static bool parse_ipv4_addresses(SlirpConfig *c, const QemuOpts *opts, Error **errp)
{
    if (!parse_network(c, opts, errp)) {
        return false;
    }
    c->vhost = address_in(c, 2);
    c->vnameserver = address_in(c, 3);
    c->vdhcp_start = address_in(c, 15);
    return parse_ipv4(opts, "host", "host", &c->vhost, errp) &&
           parse_ipv4(opts, "dhcpstart", "DHCP start address", &c->vdhcp_start, errp) &&
           parse_ipv4(opts, "dns", "DNS", &c->vnameserver, errp) && check_ipv4(c, errp);
}

static bool same_prefix(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    uint8_t mask = 0xff << (8 - rest);
    return !memcmp(a, b, bytes) && (!rest || !((a->s6_addr[bytes] ^ b->s6_addr[bytes]) & mask));
}

static bool check_prefix_len(SlirpConfig *c, uint64_t bits, Error **errp)
{
    if (bits > 126) {
        error_setg(errp, "Invalid IPv6 prefix provided (IPv6 prefix length must be between 0 and 126)");
        return false;
    }
    c->vprefix_len = bits;
    return true;
}

/* ipv6-prefix= and ipv6-prefixlen=, or both in one: ipv6-net=PREFIX[/LENGTH]. */
static bool parse_ipv6_network(SlirpConfig *c, const QemuOpts *opts, Error **errp)
{
    Error *err = NULL;
    uint64_t bits = qemu_opt_get_number(opts, "ipv6-prefixlen", 64, &err);
    const char *net = qemu_opt_get(opts, "ipv6-net");
    char **parts = g_strsplit(net ? net : "fec0::", "/", 2);
    bool known = parts[0] && inet_pton(AF_INET6, parts[0], &c->vprefix_addr6) == 1;
    if (!err && (!known || (parts[1] && !parse_uint(parts[1], UINT64_MAX, &bits)))) {
        error_setg(&err, "Failed to parse IPv6 network '%s'", net);
    }
    g_strfreev(parts);
    error_propagate(errp, err);
    return !err && check_prefix_len(c, bits, errp) &&
           parse_ipv6(opts, "ipv6-prefix", "prefix", &c->vprefix_addr6, errp);
}

static bool parse_ipv6_addresses(SlirpConfig *c, const QemuOpts *opts, Error **errp)
{
    if (!parse_ipv6_network(c, opts, errp)) {
        return false;
    }
    c->vhost6 = c->vnameserver6 = c->vprefix_addr6;
    c->vhost6.s6_addr[15] |= 2;
    c->vnameserver6.s6_addr[15] |= 3;
    if (!parse_ipv6(opts, "ipv6-host", "host", &c->vhost6, errp) ||
        !parse_ipv6(opts, "ipv6-dns", "DNS", &c->vnameserver6, errp)) {
        return false;
    }
    if (!same_prefix(&c->vhost6, &c->vprefix_addr6, c->vprefix_len)) {
        error_setg(errp, "IPv6 Host doesn't belong to network");
        return false;
    }
    return true;
}

static bool parse_families(SlirpConfig *c, const QemuOpts *opts, Error **errp)
{
    Error *err = NULL;
    bool has4 = qemu_opt_get(opts, "ipv4"), has6 = qemu_opt_get(opts, "ipv6");
    bool v4 = qemu_opt_get_bool(opts, "ipv4", true, &err);
    bool v6 = err || qemu_opt_get_bool(opts, "ipv6", true, &err);
    /* One that is named alone decides the other. */
    c->in_enabled = has6 && !has4 ? !v6 : v4;
    c->in6_enabled = has4 && !has6 ? !v4 : v6;
    if (!err && !c->in_enabled && !c->in6_enabled) {
        error_setg(&err, "IPv4 and IPv6 disabled");
    }
    error_propagate(errp, err);
    return !err;
}

static bool check_name(const char *key, const char *value, size_t max, Error **errp)
{
    if (value && strlen(value) > max) {
        error_setg(errp, "'%s' parameter cannot exceed %zu bytes", key, max);
        return false;
    }
    return true;
}

static bool parse_names(UserConfig *config, const QemuOpts *opts, Error **errp)
{
    SlirpConfig *c = &config->slirp;
    c->vhostname = qemu_opt_get(opts, "hostname");
    c->tftp_server_name = qemu_opt_get(opts, "tftp-server-name");
    c->tftp_path = qemu_opt_get(opts, "tftp");
    c->bootfile = qemu_opt_get(opts, "bootfile");
    c->vdomainname = qemu_opt_get(opts, "domainname");
    if (c->vdomainname && !*c->vdomainname) {
        error_setg(errp, "'domainname' parameter cannot be empty");
        return false;
    }
    const char *name;
    for (unsigned i = 0; (name = qemu_opt_get_nth(opts, "dnssearch", i)); i++) {
        g_ptr_array_add(config->search, (gpointer)name);
    }
    if (config->search->len) {
        g_ptr_array_add(config->search, NULL);
        c->vdnssearch = (const char **)config->search->pdata;
    }
    return check_name("hostname", c->vhostname, NAME_MAX_LEN, errp) &&
           check_name("tftp-server-name", c->tftp_server_name, NAME_MAX_LEN, errp) &&
           check_name("domainname", c->vdomainname, NAME_MAX_LEN, errp) &&
           check_name("bootfile", c->bootfile, BOOTFILE_MAX, errp);
}

static bool refuse_smb(const QemuOpts *opts, Error **errp)
{
    static const char *const keys[] = { "smb", "smbserver" };
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (qemu_opt_get(opts, keys[i])) {
            error_setg(errp, "%s=%s: there is no SMB server; tftp=, guestfwd= and hostfwd= are available", keys[i],
                       qemu_opt_get(opts, keys[i]));
            return false;
        }
    }
    return true;
}

bool user_config_parse(UserConfig *config, const QemuOpts *opts, Error **errp)
{
    Error *err = NULL;
    config->search = g_ptr_array_new();
    config->slirp.version = 1;
    config->slirp.restricted = qemu_opt_get_bool(opts, "restrict", false, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    return refuse_smb(opts, errp) && parse_families(&config->slirp, opts, errp) &&
           parse_ipv4_addresses(&config->slirp, opts, errp) && parse_ipv6_addresses(&config->slirp, opts, errp) &&
           parse_names(config, opts, errp);
}

void user_config_free(UserConfig *config)
{
    g_ptr_array_free(config->search, TRUE);
}
