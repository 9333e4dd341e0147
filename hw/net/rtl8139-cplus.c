/*
 * hw/net/rtl8139-cplus.c  The RTL8139C+'s descriptor rings: receive, transmit with checksums, large send and VLAN tags
 * (RTL8139C+ data sheet, section 9: C+ mode of operation).
 *
 * A frame is taken when all its descriptors belong to the chip, so that no half of one is state. A ring has at most 64
 * descriptors: that bounds every walk, whatever the guest wrote there.
 */
#include "hw/net/rtl8139-internal.h"

#define DESC_SIZE        16
#define DESC_OWN         0x80000000u
#define DESC_EOR         0x40000000u
#define DESC_FS          0x20000000u
#define DESC_LS          0x10000000u
#define TX_LGSEN         0x08000000u
#define TX_IPCS          0x00040000u
#define TX_UDPCS         0x00020000u
#define TX_TCPCS         0x00010000u
#define TX_TAGC          0x00020000u /* second word */
#define TX_ERRORS        0x0fff0000u /* cleared by the status */
#define TX_MSS_MASK      0x7ff
#define RX_SIZE          0x1fff
#define RX_ADDRESS_SHIFT 11 /* RX_BAR, RX_PAM, RX_MAR to bits 24 to 26 */
#define RX_PID_SHIFT     16
#define RX_PID_TCP       1u
#define RX_PID_UDP       2u
#define RX_PID_IP        3u
#define RX_IPF           0x8000u
#define RX_UDPF          0x4000u
#define RX_TCPF          0x2000u
#define RX_TAVA          0x00010000u /* second word */

typedef struct Desc {
    hwaddr at;
    uint32_t command, vlan;
    uint64_t buffer;
} Desc;

static Desc desc_read(RTL8139State *s, unsigned base_reg, unsigned index)
{
    uint8_t raw[DESC_SIZE];
    hwaddr at = (ldq_le_p(s->reg + base_reg) & ~(hwaddr)0xff) + index * DESC_SIZE; /* 256-byte aligned */
    pci_dma_read(&s->pci, at, raw, sizeof(raw));
    return (Desc){ .at = at, .command = ldl_le_p(raw), .vlan = ldl_le_p(raw + 4), .buffer = ldq_le_p(raw + 8) };
}

static void desc_write_status(RTL8139State *s, const Desc *d, uint32_t status)
{
    uint8_t raw[4];
    stl_le_p(raw, status);
    pci_dma_write(&s->pci, d->at, raw, sizeof(raw));
}

static unsigned desc_next(const Desc *d, unsigned index)
{
    return d->command & DESC_EOR ? 0 : (index + 1) % RTL_RING_DESCRIPTORS;
}

/* ---- transmit ---- */

typedef struct TxFrame {
    Desc desc[RTL_RING_DESCRIPTORS];
    unsigned count;
    unsigned next; /* index behind it */
    size_t len;
    bool too_long;
    uint8_t data[NET_MAX_PACKET + ETH_VLAN_LEN];
} TxFrame;

static void gather(RTL8139State *s, TxFrame *f, const Desc *d)
{
    size_t len = d->command & 0xffff;
    if (len > NET_MAX_PACKET - f->len) {
        f->too_long = true;
        return;
    }
    pci_dma_read(&s->pci, d->buffer, f->data + f->len, len);
    f->len += len;
}

/* All descriptors of the frame at index. False when it is not there as a whole. */
static bool fetch_frame(RTL8139State *s, unsigned base_reg, unsigned index, TxFrame *f)
{
    f->count = f->len = f->too_long = 0;
    f->next = index;
    while (f->count < RTL_RING_DESCRIPTORS) {
        Desc d = desc_read(s, base_reg, f->next);
        if (!(d.command & DESC_OWN)) {
            return false;
        }
        gather(s, f, &d);
        f->desc[f->count++] = d;
        f->next = desc_next(&d, f->next);
        if (d.command & DESC_LS) {
            return true;
        }
    }
    return false;
}

static void send_checked(void *opaque, uint8_t *frame, size_t len)
{
    net_checksum_calculate(frame, len, true, true);
    rtl_send_frame(opaque, frame, len);
}

static void large_send(RTL8139State *s, const TxFrame *f, size_t mss)
{
    NetHeaders h;
    net_parse_headers(f->data, f->len, &h);
    if (!h.transport || h.protocol != NET_PROTOCOL_TCP) {
        return;
    }
    NetSegmenter segmenter = { .ip = h.ip,
                               .transport = h.transport,
                               .header_len = h.payload,
                               .mss = mss,
                               .ipv6 = h.ipv6,
                               .finish = send_checked,
                               .opaque = s };
    net_segment(&segmenter, f->data, h.end);
}

static void send_with_checksums(RTL8139State *s, TxFrame *f, uint32_t command)
{
    if (command & (TX_IPCS | TX_UDPCS | TX_TCPCS)) {
        net_checksum_calculate(f->data, f->len, command & TX_IPCS, command & (TX_UDPCS | TX_TCPCS));
    }
    rtl_send_frame(s, f->data, f->len);
}

static void send_fetched(RTL8139State *s, TxFrame *f)
{
    const Desc *first = &f->desc[0];
    if (f->too_long || f->len < NET_MIN_PACKET) {
        s->counters.tx_aborted++;
        return;
    }
    if (first->vlan & TX_TAGC) {
        f->len = eth_insert_vlan_tag(f->data, f->len, ETH_TYPE_VLAN, GUINT16_SWAP_LE_BE((uint16_t)first->vlan));
    }
    if (first->command & TX_LGSEN) {
        large_send(s, f, first->command >> 16 & TX_MSS_MASK);
    } else {
        send_with_checksums(s, f, first->command);
    }
}

static void give_back(RTL8139State *s, const TxFrame *f)
{
    for (unsigned i = 0; i < f->count; i++) {
        desc_write_status(s, &f->desc[i], f->desc[i].command & ~(DESC_OWN | TX_ERRORS));
    }
}

void rtl_cplus_transmit(RTL8139State *s, int ring)
{
    TxFrame f;
    unsigned done = 0, base_reg = RTL_TNPDS + 8 * ring;
    if (!(s->reg[RTL_CR] & CR_TE) || !nic_is_bus_master(&s->pci)) {
        return;
    }
    while (done < RTL_RING_DESCRIPTORS && fetch_frame(s, base_reg, s->tx_index[ring], &f)) {
        send_fetched(s, &f);
        give_back(s, &f);
        s->tx_index[ring] = f.next;
        done += f.count;
        rtl_raise(s, ISR_TOK);
    }
    rtl_raise(s, ISR_TDU);
}

/* ---- receive ---- */

/* Protocol and which checksums are wrong. */
static uint32_t checksum_status(const uint8_t *frame, size_t len)
{
    NetHeaders h;
    net_parse_headers(frame, len, &h);
    if (!h.ip || h.ipv6) {
        return 0;
    }
    uint32_t status = net_ip_checksum_ok(frame, &h) ? 0 : RX_IPF;
    if (!h.transport) {
        return status | RX_PID_IP << RX_PID_SHIFT;
    }
    bool tcp = h.protocol == NET_PROTOCOL_TCP;
    if (!net_transport_checksum_ok(frame, &h)) {
        status |= tcp ? RX_TCPF : RX_UDPF;
    }
    return status | (tcp ? RX_PID_TCP : RX_PID_UDP) << RX_PID_SHIFT;
}

/* How many descriptors the frame fills; 0: the chip does not have enough of them. */
static unsigned find_room(RTL8139State *s, size_t len, Desc *desc)
{
    unsigned index = s->rx_index, count = 0;
    size_t room = 0;
    while (room < len && count < RTL_RING_DESCRIPTORS) {
        Desc d = desc_read(s, RTL_RDSAR, index);
        if (!(d.command & DESC_OWN)) {
            return 0;
        }
        room += d.command & RX_SIZE;
        index = desc_next(&d, index);
        desc[count++] = d;
    }
    return room < len ? 0 : count;
}

static void fill_desc(RTL8139State *s, const Desc *d, const uint8_t *data, size_t bytes, uint32_t status, uint32_t vlan)
{
    uint8_t words[8];
    stl_le_p(words, (d->command & DESC_EOR) | status);
    stl_le_p(words + 4, vlan);
    pci_dma_write(&s->pci, d->buffer, data, bytes);
    pci_dma_write(&s->pci, d->at, words, sizeof(words));
    s->rx_index = desc_next(d, s->rx_index);
}

static void fill(RTL8139State *s, const Desc *desc, unsigned count, const uint8_t *data, size_t len, uint32_t status,
                 uint32_t vlan)
{
    for (unsigned i = 0; i < count; i++) {
        size_t bytes = MIN(len, desc[i].command & RX_SIZE);
        uint32_t segment = (i == 0 ? DESC_FS : 0) | (i == count - 1 ? DESC_LS : 0);
        fill_desc(s, &desc[i], data, bytes, segment | status, vlan);
        data += bytes;
        len -= bytes;
    }
}

bool rtl_cplus_receive(RTL8139State *s, const uint8_t *frame, size_t len, uint16_t rx_status)
{
    Desc desc[RTL_RING_DESCRIPTORS];
    uint8_t data[RTL_MAX_FRAME + ETH_VLAN_LEN];
    uint16_t cpcr = rtl_reg16(s, RTL_CPCR);
    uint32_t status = (uint32_t)rx_status << RX_ADDRESS_SHIFT, vlan = 0;
    memcpy(data, frame, len);
    if (cpcr & CPCR_RXCHKSUM) {
        status |= checksum_status(frame, len);
    }
    stl_le_p(data + len, ~net_crc32_le(frame, len));
    if ((cpcr & CPCR_RXVLAN) && eth_has_vlan_tag(frame, len)) {
        vlan = RX_TAVA | lduw_le_p(frame + 14); /* as the wire has it */
        len = eth_remove_vlan_tag(data, len + ETH_FCS_LEN) - ETH_FCS_LEN;
    }
    unsigned count = find_room(s, len + ETH_FCS_LEN, desc);
    if (!count) {
        rtl_raise(s, ISR_RXOVW);
        return false;
    }
    fill(s, desc, count, data, len + ETH_FCS_LEN, status | (uint32_t)(len + ETH_FCS_LEN), vlan);
    rtl_raise(s, ISR_ROK);
    return true;
}
