/*
 * hw/net/e1000-rx.c  The 82540EM's receiver: filters, VLAN tags, checksums, descriptors (SDM sections 3.2 and 9).
 */
#include "hw/net/e1000-internal.h"

#define RCTL_EN    0x00000002u
#define RCTL_UPE   0x00000008u
#define RCTL_MPE   0x00000010u
#define RCTL_LPE   0x00000020u
#define RCTL_BAM   0x00008000u
#define RCTL_VFE   0x00040000u
#define RCTL_BSEX  0x02000000u
#define RCTL_SECRC 0x04000000u
#define RXCSUM_IP  0x100
#define RXCSUM_TU  0x200
#define RX_DD      0x01
#define RX_EOP     0x02
#define RX_IXSM    0x04
#define RX_VP      0x08
#define RX_TCPCS   0x20
#define RX_IPCS    0x40
#define RX_PIF     0x80
#define RXE_TCP    0x20
#define RXE_IP     0x40
#define RAH_AV     0x80000000u
#define MAX_NORMAL 1522
#define MAX_LONG   16384

typedef enum Match { MATCH_NONE, MATCH_EXACT, MATCH_INEXACT } Match;

/* ---- filters (section 3.2.1) ---- */

static bool in_receive_addresses(const E1000State *s, const uint8_t *address)
{
    uint32_t low = ldl_le_p(address), high = lduw_le_p(address + 4);
    for (unsigned i = 0; i < 16; i++) {
        uint32_t rah = e1000_reg(s, E1000_RAH0 + 8 * i);
        if ((rah & RAH_AV) && e1000_reg(s, E1000_RAL0 + 8 * i) == low && (rah & 0xffff) == high) {
            return true;
        }
    }
    return false;
}

static bool in_multicast_table(const E1000State *s, const uint8_t *address)
{
    static const uint8_t shift[4] = { 4, 3, 2, 0 };
    unsigned hash = lduw_le_p(address + 4) >> shift[e1000_reg(s, E1000_RCTL) >> 12 & 3] & 0xfff;
    return e1000_reg(s, E1000_MTA + hash / 32 * 4) >> (hash % 32) & 1;
}

static Match match_address(const E1000State *s, const uint8_t *frame)
{
    uint32_t rctl = e1000_reg(s, E1000_RCTL);
    if (in_receive_addresses(s, frame) || (eth_is_broadcast(frame) && (rctl & RCTL_BAM))) {
        return MATCH_EXACT;
    }
    if (!eth_is_multicast(frame)) {
        return rctl & RCTL_UPE ? MATCH_EXACT : MATCH_NONE;
    }
    return (rctl & RCTL_MPE) || in_multicast_table(s, frame) ? MATCH_INEXACT : MATCH_NONE;
}

static bool is_vlan(const E1000State *s, const uint8_t *frame, size_t len)
{
    return len >= ETH_HEADER_LEN + ETH_VLAN_LEN && lduw_be_p(frame + 12) == e1000_reg(s, E1000_VET);
}

static bool passes_vlan_filter(const E1000State *s, const uint8_t *frame, size_t len)
{
    if (!(e1000_reg(s, E1000_RCTL) & RCTL_VFE) || !is_vlan(s, frame, len)) {
        return true;
    }
    unsigned id = lduw_be_p(frame + 14) & 0xfff;
    return e1000_reg(s, E1000_VFTA + id / 32 * 4) >> (id % 32) & 1;
}

static bool passes_length(const E1000State *s, size_t len)
{
    return len + ETH_FCS_LEN <= (e1000_reg(s, E1000_RCTL) & RCTL_LPE ? MAX_LONG : MAX_NORMAL);
}

/* ---- the ring ---- */

typedef struct RxFrame {
    uint8_t data[MAX_LONG + ETH_VLAN_LEN];
    size_t len;
    uint16_t checksum, special;
    uint8_t status, errors;
} RxFrame;

static uint32_t ring_count(const E1000State *s)
{
    return e1000_reg(s, E1000_RDLEN) / E1000_DESC_SIZE;
}

static size_t buffer_size(const E1000State *s)
{
    uint32_t rctl = e1000_reg(s, E1000_RCTL), size = 2048u >> (rctl >> 16 & 3);
    return (rctl & RCTL_BSEX) && size < 2048 ? size * 16 : size;
}

/* Descriptors that the chip has; 0 when the registers make no ring. */
static uint32_t ring_free(const E1000State *s)
{
    uint32_t count = ring_count(s), head = e1000_reg(s, E1000_RDH), tail = e1000_reg(s, E1000_RDT);
    return head < count && tail < count ? (tail + count - head) % count : 0;
}

static hwaddr next_desc(E1000State *s)
{
    hwaddr base = (hwaddr)e1000_reg(s, E1000_RDBAH) << 32 | e1000_reg(s, E1000_RDBAL), head = e1000_reg(s, E1000_RDH);
    s->reg[E1000_RDH / 4] = (head + 1) % ring_count(s);
    return base + head * E1000_DESC_SIZE;
}

/* Null buffers take no data (section 3.2.3). */
static void fill_desc(E1000State *s, const RxFrame *f, size_t offset, size_t bytes)
{
    uint8_t desc[E1000_DESC_SIZE];
    hwaddr at = next_desc(s);
    bool last = offset + bytes == f->len;
    pci_dma_read(&s->pci, at, desc, 8);
    if (ldq_le_p(desc)) {
        pci_dma_write(&s->pci, ldq_le_p(desc), f->data + offset, bytes);
    }
    stw_le_p(desc + 8, bytes);
    stw_le_p(desc + 10, f->checksum);
    desc[12] = f->status | RX_DD | (last ? RX_EOP : 0);
    desc[13] = last ? f->errors : 0;
    stw_le_p(desc + 14, f->special);
    pci_dma_write(&s->pci, at + 8, desc + 8, 8);
}

static void fill_ring(E1000State *s, const RxFrame *f)
{
    size_t size = buffer_size(s);
    for (size_t offset = 0; offset < f->len; offset += size) {
        fill_desc(s, f, offset, MIN(size, f->len - offset));
    }
}

/* ---- one frame ---- */

static void check_checksums(const E1000State *s, RxFrame *f)
{
    NetHeaders h;
    uint32_t rxcsum = e1000_reg(s, E1000_RXCSUM);
    net_parse_headers(f->data, f->len, &h);
    f->status |= h.ip ? 0 : RX_IXSM;
    if (h.ip && !h.ipv6 && (rxcsum & RXCSUM_IP)) {
        f->status |= RX_IPCS;
        f->errors |= net_ip_checksum_ok(f->data, &h) ? 0 : RXE_IP;
    }
    if (h.transport && (rxcsum & RXCSUM_TU)) {
        f->status |= RX_TCPCS;
        f->errors |= net_transport_checksum_ok(f->data, &h) ? 0 : RXE_TCP;
    }
}

static void strip_vlan(const E1000State *s, RxFrame *f)
{
    if ((e1000_reg(s, E1000_CTRL) & CTRL_VME) && is_vlan(s, f->data, f->len)) {
        f->status |= RX_VP;
        f->special = lduw_be_p(f->data + 14);
        f->len = eth_remove_vlan_tag(f->data, f->len);
    }
}

/* FCS when it is wanted, and the sum from PCSS on (section 13.4.38). */
static void finish_frame(const E1000State *s, RxFrame *f)
{
    size_t start = e1000_reg(s, E1000_RXCSUM) & 0xff;
    if (start < f->len) {
        f->checksum =
            GUINT16_SWAP_LE_BE((uint16_t)~net_checksum_finish(net_checksum_add(f->len - start, f->data + start, 0)));
    }
    if (!(e1000_reg(s, E1000_RCTL) & RCTL_SECRC)) {
        stl_le_p(f->data + f->len, ~net_crc32_le(f->data, f->len));
        f->len += ETH_FCS_LEN;
    }
}

static void count_received(E1000State *s, const uint8_t *frame, size_t len)
{
    static const E1000FrameCounters counters = { E1000_GPRC,  E1000_TPR,  E1000_GORCL, E1000_TORL,
                                                 E1000_PRC64, E1000_BPRC, E1000_MPRC };
    e1000_count_frame(s, &counters, frame, len);
}

static void announce(E1000State *s)
{
    unsigned threshold = 1 + (e1000_reg(s, E1000_RCTL) >> 8 & 3); /* half, quarter, eighth of the ring */
    if (ring_free(s) <= ring_count(s) >> threshold) {
        e1000_raise(s, E1000_INT_RXDMT0);
    }
    e1000_raise_later(s, &s->rx_delay, e1000_reg(s, E1000_RDTR) & 0xffff, e1000_reg(s, E1000_RADV), E1000_INT_RXT0);
}

bool e1000_receive(void *opaque, const uint8_t *frame, size_t len)
{
    E1000State *s = opaque;
    RxFrame f;
    if (!(e1000_reg(s, E1000_RCTL) & RCTL_EN) || !nic_is_bus_master(&s->pci) || !passes_length(s, len)) {
        return true;
    }
    Match match = match_address(s, frame);
    if (match == MATCH_NONE || !passes_vlan_filter(s, frame, len) || !ring_count(s)) {
        return true;
    }
    if (ring_free(s) * buffer_size(s) < len + ETH_FCS_LEN) {
        return false;
    }
    f.len = len;
    f.checksum = f.special = f.errors = 0;
    f.status = match == MATCH_INEXACT ? RX_PIF : 0;
    memcpy(f.data, frame, len);
    check_checksums(s, &f);
    strip_vlan(s, &f);
    finish_frame(s, &f);
    fill_ring(s, &f);
    count_received(s, frame, len);
    announce(s);
    return true;
}
