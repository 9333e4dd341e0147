/*
 * hw/net/e1000-tx.c  The 82540EM's transmitter: legacy, context and data descriptors, checksums, segmentation, VLAN
 * tags (SDM sections 3.3 to 3.5).
 *
 * A packet is taken when its last descriptor is there, so that no half of one is state. At most TX_BURST_BYTES are sent
 * at once; the rest follows when a wire would be done with them.
 */
#include "hw/net/e1000-internal.h"

#include "util/timer.h"

#define TCTL_EN        0x2
#define TCTL_PSP       0x8
#define CMD_EOP        0x01
#define CMD_IC         0x04 /* legacy */
#define CMD_TSE        0x04 /* extended */
#define CMD_RS         0x08
#define CMD_DEXT       0x20
#define CMD_VLE        0x40
#define CMD_IDE        0x80
#define TUCMD_TCP      0x01
#define TUCMD_IP       0x02
#define TUCMD_TSE      0x04
#define TYPE_CONTEXT   0
#define TYPE_DATA      1
#define POPTS_IXSM     0x01
#define POPTS_TXSM     0x02
#define STA_DD         0x01
#define TX_BURST_BYTES (256 * KiB)
#define TX_PAUSE_NS    (TX_BURST_BYTES * 8) /* at 1 Gb/s */

typedef struct Desc {
    hwaddr at;
    uint64_t buffer;
    uint32_t lower, upper; /* the third and fourth 32 bits */
} Desc;

static uint8_t desc_command(const Desc *d)
{
    return d->lower >> 24;
}

static bool desc_is_context(const Desc *d)
{
    return (desc_command(d) & CMD_DEXT) && (d->lower >> 20 & 15) == TYPE_CONTEXT;
}

static size_t desc_length(const Desc *d)
{
    return d->lower & (desc_command(d) & CMD_DEXT ? 0xfffff : 0xffff);
}

/* ---- the ring ---- */

static uint32_t ring_count(const E1000State *s)
{
    return e1000_reg(s, E1000_TDLEN) / E1000_DESC_SIZE;
}

static bool ring_is_sane(const E1000State *s)
{
    return e1000_reg(s, E1000_TDH) < ring_count(s) && e1000_reg(s, E1000_TDT) < ring_count(s);
}

static Desc desc_read(E1000State *s, uint32_t index)
{
    uint8_t raw[E1000_DESC_SIZE];
    hwaddr base = (hwaddr)e1000_reg(s, E1000_TDBAH) << 32 | e1000_reg(s, E1000_TDBAL);
    hwaddr at = base + (hwaddr)index * E1000_DESC_SIZE;
    pci_dma_read(&s->pci, at, raw, sizeof(raw));
    return (Desc){ at, ldq_le_p(raw), ldl_le_p(raw + 8), ldl_le_p(raw + 12) };
}

/* Done with it: say so when asked to. Whether that is worth an interrupt. */
static bool desc_done(E1000State *s, const Desc *d)
{
    uint8_t status = (d->upper & 0xff) | STA_DD;
    if (!(desc_command(d) & CMD_RS)) {
        return false;
    }
    pci_dma_write(&s->pci, d->at + 12, &status, 1);
    return true;
}

static void announce(E1000State *s, const Desc *d)
{
    bool delayed = desc_command(d) & CMD_IDE;
    e1000_raise_later(s, &s->tx_delay, delayed ? e1000_reg(s, E1000_TIDV) & 0xffff : 0, e1000_reg(s, E1000_TADV),
                      E1000_INT_TXDW);
}

/* ---- one packet ---- */

typedef struct TxPacket {
    E1000State *s;
    Desc first, last;
    size_t len;
    bool too_long;
    uint8_t data[NET_MAX_PACKET + ETH_VLAN_LEN];
} TxPacket;

static void gather(E1000State *s, TxPacket *p, const Desc *d)
{
    size_t len = desc_length(d);
    if (len > NET_MAX_PACKET - p->len) {
        p->too_long = true;
        return;
    }
    if (d->buffer) {
        pci_dma_read(&s->pci, d->buffer, p->data + p->len, len);
    } else {
        memset(p->data + p->len, 0, len);
    }
    p->len += len;
}

/* The descriptors from TDH to the one with EOP: how many; 0 when the last is not there yet. */
static uint32_t fetch_packet(E1000State *s, TxPacket *p)
{
    uint32_t index = e1000_reg(s, E1000_TDH), tail = e1000_reg(s, E1000_TDT), count = 0;
    p->len = p->too_long = 0;
    while (index != tail) {
        p->last = desc_read(s, index);
        p->first = count++ ? p->first : p->last;
        gather(s, p, &p->last);
        if (desc_command(&p->last) & CMD_EOP) {
            return count;
        }
        index = (index + 1) % ring_count(s);
    }
    return 0;
}

/* Sum of [start, end] goes to offset; end 0: to the packet's end. */
static void put_checksum(uint8_t *data, size_t len, size_t start, size_t offset, size_t end)
{
    size_t stop = end && end < len ? end + 1 : len;
    if (start < stop && offset + 2 <= len) {
        stw_be_p(data + offset, net_checksum_finish(net_checksum_add(stop - start, data + start, 0)));
    }
}

static void offload_checksums(const TxPacket *p, uint8_t *data, size_t len)
{
    const E1000Context *c = &p->s->context[(desc_command(&p->first) & CMD_TSE) != 0];
    uint8_t options = p->first.upper >> 8;
    if (options & POPTS_IXSM) {
        put_checksum(data, len, c->ip_start, c->ip_offset, c->ip_end);
    }
    if (options & POPTS_TXSM) {
        put_checksum(data, len, c->tu_start, c->tu_offset, c->tu_end);
    }
}

static void count_sent(E1000State *s, const uint8_t *data, size_t len)
{
    static const E1000FrameCounters counters = { E1000_GPTC,  E1000_TPT,  E1000_GOTCL, E1000_TOTL,
                                                 E1000_PTC64, E1000_BPTC, E1000_MPTC };
    e1000_count_frame(s, &counters, data, len);
}

/* data has room for a tag and for padding. */
static void send_frame(const TxPacket *p, uint8_t *data, size_t len)
{
    E1000State *s = p->s;
    if ((desc_command(&p->last) & CMD_VLE) && (e1000_reg(s, E1000_CTRL) & CTRL_VME)) {
        len = eth_insert_vlan_tag(data, len, e1000_reg(s, E1000_VET), p->last.upper >> 16);
    }
    if ((e1000_reg(s, E1000_TCTL) & TCTL_PSP) && len < NET_MIN_FRAME) {
        memset(data + len, 0, NET_MIN_FRAME - len);
        len = NET_MIN_FRAME;
    }
    count_sent(s, data, len);
    if (e1000_is_looped(s)) {
        e1000_receive(s, data, len);
    } else {
        nic_send_packet(s->conf.peer, data, len);
    }
}

/* The driver's TCP sum is that of a pseudo header without length (section 3.5.9). */
static void finish_segment(void *opaque, uint8_t *segment, size_t len)
{
    const TxPacket *p = opaque;
    const E1000Context *c = &p->s->context[1];
    if ((p->first.upper >> 8 & POPTS_TXSM) && c->tu_offset + 2u <= len) {
        uint32_t sum = lduw_be_p(segment + c->tu_offset) + (uint32_t)(len - c->tu_start);
        stw_be_p(segment + c->tu_offset, ~net_checksum_finish(sum));
    }
    offload_checksums(p, segment, len);
    send_frame(p, segment, len);
}

static void send_segments(TxPacket *p)
{
    const E1000Context *c = &p->s->context[1];
    NetSegmenter segmenter = { .ip = c->ip_start,
                               .transport = c->tu_start,
                               .header_len = c->header_len,
                               .mss = c->mss,
                               .ipv6 = !(c->command & TUCMD_IP),
                               .udp = !(c->command & TUCMD_TCP),
                               .finish = finish_segment,
                               .opaque = p };
    if (net_segment(&segmenter, p->data, p->len)) {
        e1000_count(p->s, E1000_TSCTC);
    }
}

static void send_packet(TxPacket *p)
{
    const Desc *d = &p->first;
    uint8_t command = desc_command(d);
    if (p->too_long || p->len < NET_MIN_PACKET) {
        return;
    }
    if (!(command & CMD_DEXT)) {
        if (desc_command(&p->last) & CMD_IC) {
            put_checksum(p->data, p->len, p->last.upper >> 8 & 0xff, p->last.lower >> 16 & 0xff, 0);
        }
        send_frame(p, p->data, p->len);
    } else if (command & CMD_TSE) {
        send_segments(p);
    } else {
        offload_checksums(p, p->data, p->len);
        send_frame(p, p->data, p->len);
    }
}

static void take_context(E1000State *s, const Desc *d)
{
    uint32_t ip = (uint32_t)d->buffer, tu = d->buffer >> 32;
    uint8_t command = desc_command(d);
    s->context[(command & TUCMD_TSE) != 0] = (E1000Context){
        .ip_start = ip & 0xff,
        .ip_offset = ip >> 8 & 0xff,
        .ip_end = ip >> 16,
        .tu_start = tu & 0xff,
        .tu_offset = tu >> 8 & 0xff,
        .tu_end = tu >> 16,
        .mss = d->upper >> 16,
        .header_len = d->upper >> 8 & 0xff,
        .command = command,
    };
}

/* ---- the engine ---- */

static void advance(E1000State *s, bool *interrupt)
{
    Desc d = desc_read(s, e1000_reg(s, E1000_TDH));
    s->reg[E1000_TDH / 4] = (e1000_reg(s, E1000_TDH) + 1) % ring_count(s);
    if (desc_done(s, &d)) {
        announce(s, &d);
        *interrupt = true;
    }
}

/* A context, or a packet with all its descriptors. Work done, in bytes; 0: nothing whole is there. */
static size_t transmit_next(E1000State *s, TxPacket *p, bool *interrupt)
{
    Desc d = desc_read(s, e1000_reg(s, E1000_TDH));
    uint32_t count = 1;
    p->len = 0;
    if (desc_is_context(&d)) {
        take_context(s, &d);
    } else if ((count = fetch_packet(s, p))) {
        send_packet(p);
    }
    for (uint32_t i = 0; i < count; i++) {
        advance(s, interrupt);
    }
    return count ? p->len + count * 64 : 0;
}

static bool may_transmit(const E1000State *s)
{
    return (e1000_reg(s, E1000_TCTL) & TCTL_EN) && nic_is_bus_master(&s->pci) && ring_is_sane(s) &&
           !timer_pending(&s->tx_timer);
}

void e1000_transmit(void *opaque)
{
    E1000State *s = opaque;
    TxPacket p;
    size_t work = 0, step = 1;
    bool interrupt = false;
    if (!may_transmit(s)) {
        return;
    }
    p.s = s;
    while (e1000_reg(s, E1000_TDH) != e1000_reg(s, E1000_TDT) && step && work < TX_BURST_BYTES) {
        step = transmit_next(s, &p, &interrupt);
        work += step;
    }
    if (work >= TX_BURST_BYTES) {
        timer_mod(&s->tx_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + TX_PAUSE_NS);
    } else if (e1000_reg(s, E1000_TDH) == e1000_reg(s, E1000_TDT) && work) {
        e1000_raise(s, E1000_INT_TXQE);
    }
}
