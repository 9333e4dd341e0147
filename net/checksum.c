/*
 * net/checksum.c  CRC-32 of Ethernet (IEEE 802.3, 3.2.9) and the Internet checksum (RFC 1071) of IPv4, TCP and UDP
 * (RFC 791, 793, 768) over IPv4 and IPv6 (RFC 8200).
 */
#include "net/net.h"

#include <zlib.h>

#define ETH_HEADER   14
#define ETH_VLAN     0x8100
#define ETH_IPV4     0x0800
#define ETH_IPV6     0x86dd
#define IP_TCP       6
#define IP_UDP       17
#define TCP_CHECKSUM 16
#define UDP_CHECKSUM 6
#define POLYNOMIAL   0x04c11db7u

uint32_t net_crc32(const uint8_t *p, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bool one = (crc >> 31) ^ ((p[i] >> bit) & 1);
            crc = crc << 1 ^ (one ? POLYNOMIAL : 0);
        }
    }
    return crc;
}

uint32_t net_crc32_le(const uint8_t *p, size_t len)
{
    return ~(uint32_t)crc32(0, p, (uInt)len);
}

uint32_t net_checksum_add(size_t len, const uint8_t *buf, uint32_t sum)
{
    uint64_t wide = sum;
    for (size_t i = 0; i + 1 < len; i += 2) {
        wide += lduw_be_p(buf + i);
    }
    if (len & 1) {
        wide += buf[len - 1] << 8;
    }
    while (wide >> 32) {
        wide = (wide & 0xffffffff) + (wide >> 32);
    }
    return wide;
}

uint16_t net_checksum_finish(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

/* The transport header and its data: at most len bytes. pseudo: sum of the addresses. */
static void transport_checksum(uint8_t *p, size_t len, uint8_t protocol, uint32_t pseudo)
{
    size_t at = protocol == IP_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
    if ((protocol != IP_TCP && protocol != IP_UDP) || len < at + 2) {
        return;
    }
    stw_be_p(p + at, 0);
    uint16_t sum = net_checksum_finish(net_checksum_add(len, p, pseudo + protocol + (uint32_t)len));
    stw_be_p(p + at, protocol == IP_UDP && sum == 0 ? 0xffff : sum); /* 0 would say: none */
}

static void ipv4_checksum(uint8_t *p, size_t len, bool ip, bool tcp_udp)
{
    size_t header = len ? (p[0] & 15) * 4u : 0;
    if (len < 20 || p[0] >> 4 != 4 || header < 20 || header > len) {
        return;
    }
    if (ip) {
        stw_be_p(p + 10, 0);
        stw_be_p(p + 10, net_checksum_finish(net_checksum_add(header, p, 0)));
    }
    size_t total = lduw_be_p(p + 2);
    bool fragment = lduw_be_p(p + 6) & 0x3fff;
    if (tcp_udp && !fragment && total >= header && total <= len) {
        transport_checksum(p + header, total - header, p[9], net_checksum_add(8, p + 12, 0));
    }
}

/* Extension headers are not followed: what they cover is left alone. */
static void ipv6_checksum(uint8_t *p, size_t len, bool tcp_udp)
{
    if (len < 40 || p[0] >> 4 != 6) {
        return;
    }
    size_t payload = lduw_be_p(p + 4);
    if (tcp_udp && payload <= len - 40) {
        transport_checksum(p + 40, payload, p[6], net_checksum_add(32, p + 8, 0));
    }
}

void net_checksum_calculate(uint8_t *frame, size_t len, bool ip, bool tcp_udp)
{
    size_t header = ETH_HEADER;
    if (len < header + 4) {
        return;
    }
    if (lduw_be_p(frame + header - 2) == ETH_VLAN) {
        header += 4;
    }
    uint16_t type = lduw_be_p(frame + header - 2);
    if (type == ETH_IPV4) {
        ipv4_checksum(frame + header, len - header, ip, tcp_udp);
    } else if (type == ETH_IPV6) {
        ipv6_checksum(frame + header, len - header, tcp_udp);
    }
}
