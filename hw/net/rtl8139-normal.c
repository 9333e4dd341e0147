/*
 * hw/net/rtl8139-normal.c  The RTL8139's first way: one receive ring of bytes and four transmit slots
 * (RTL8139C+ data sheet, sections 6.2 TSD, 6.6 CAPR, 6.10 RCR; RTL8139 programming guide, "packet header").
 */
#include "hw/net/rtl8139-internal.h"

#define TSD_SIZE  0x1fff
#define TSD_OWN   0x2000
#define TSD_TOK   0x8000
#define TSD_TABT  0x40000000u
#define TSD_MAX   1792 /* more than the FIFO's share: not sent */
#define RX_ROK    0x0001
#define RX_HEADER 4
#define CAPR_BIAS 16

/* ---- transmit ---- */

static uint8_t *slot_status(RTL8139State *s, unsigned slot)
{
    return s->reg + RTL_TSD0 + 4 * slot;
}

static bool slot_send(RTL8139State *s, unsigned slot)
{
    uint8_t frame[TSD_MAX];
    size_t len = ldl_le_p(slot_status(s, slot)) & TSD_SIZE;
    if (len < NET_MIN_PACKET || len > sizeof(frame)) {
        return false;
    }
    pci_dma_read(&s->pci, rtl_reg32(s, RTL_TSAD0 + 4 * slot), frame, len);
    rtl_send_frame(s, frame, len);
    return true;
}

static void slot_transmit(RTL8139State *s, unsigned slot)
{
    uint8_t *status = slot_status(s, slot);
    bool sent = slot_send(s, slot);
    if (!sent) {
        s->counters.tx_aborted++;
    }
    stl_le_p(status, ldl_le_p(status) | TSD_OWN | (sent ? TSD_TOK : TSD_TABT));
    rtl_raise(s, sent ? ISR_TOK : ISR_TER);
}

void rtl_normal_transmit(RTL8139State *s)
{
    for (int i = 0; i < 4; i++) {
        bool ready = (s->reg[RTL_CR] & CR_TE) && !(ldl_le_p(slot_status(s, s->tx_slot)) & TSD_OWN);
        if (!ready || !nic_is_bus_master(&s->pci)) {
            return;
        }
        slot_transmit(s, s->tx_slot);
        s->tx_slot = (s->tx_slot + 1) & 3;
    }
}

/* ---- receive ---- */

static uint32_t ring_size(const RTL8139State *s)
{
    return 8192u << (rtl_reg32(s, RTL_RCR) >> 11 & 3);
}

/* With WRAP a packet goes on behind the ring's end; the driver keeps room there. Not with the 64 KiB ring. */
static bool packets_overhang(const RTL8139State *s)
{
    return (s->reg[RTL_RCR] & RCR_WRAP) && ring_size(s) < 65536;
}

/* The driver's read pointer is kept 16 bytes behind. */
static uint32_t ring_used(const RTL8139State *s)
{
    uint32_t read = rtl_reg16(s, RTL_CAPR) + CAPR_BIAS, write = rtl_reg16(s, RTL_CBR);
    return (write - read) & (ring_size(s) - 1);
}

bool rtl_normal_ring_empty(const RTL8139State *s)
{
    return ring_used(s) == 0;
}

static uint32_t ring_write(RTL8139State *s, uint32_t at, const void *buf, uint32_t len)
{
    uint32_t base = rtl_reg32(s, RTL_RBSTART), to_end = packets_overhang(s) ? len : MIN(len, ring_size(s) - at);
    pci_dma_write(&s->pci, base + at, buf, to_end);
    if (len > to_end) {
        pci_dma_write(&s->pci, base, (const uint8_t *)buf + to_end, len - to_end);
    }
    at += len;
    return packets_overhang(s) ? at : at & (ring_size(s) - 1);
}

static void ring_put_packet(RTL8139State *s, const uint8_t *frame, size_t len, uint16_t rx_status)
{
    uint8_t header[RX_HEADER], fcs[ETH_FCS_LEN];
    uint32_t at = rtl_reg16(s, RTL_CBR) & (ring_size(s) - 1);
    stw_le_p(header, rx_status | RX_ROK);
    stw_le_p(header + 2, len + ETH_FCS_LEN);
    stl_le_p(fcs, ~net_crc32_le(frame, len));
    at = ring_write(s, at, header, sizeof(header));
    at = ring_write(s, at, frame, len);
    at = ring_write(s, at, fcs, sizeof(fcs));
    stw_le_p(s->reg + RTL_CBR, ((at + 3) & ~3u) & (ring_size(s) - 1));
}

bool rtl_normal_receive(RTL8139State *s, const uint8_t *frame, size_t len, uint16_t rx_status)
{
    uint32_t needed = (RX_HEADER + len + ETH_FCS_LEN + 3) & ~3u;
    if (needed >= ring_size(s) - ring_used(s)) { /* a full ring would look empty */
        rtl_raise(s, ISR_RXOVW);
        return false;
    }
    ring_put_packet(s, frame, len, rx_status);
    rtl_raise(s, ISR_ROK);
    return true;
}
