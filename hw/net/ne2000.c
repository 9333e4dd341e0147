/*
 * hw/net/ne2000.c  DP8390 network interface controller (National Semiconductor data sheet DP8390D/NS32490D, sections 7
 * to 11) as the NE2000 and Realtek's RTL8029AS (data sheet rev. 1.1, section 5) wire it.
 *
 * Non-determinism enters with packets, at checkpoints (net/nic.c). A frame is sent and remote DMA is done in the
 * instant of the access that asks for it. When the receive ring is full, packets wait in net/nic.c's queue, so it never
 * overflows. Left out: loop-back into the FIFO, collisions, the RTL8029's EEPROM pins.
 */
#include "hw/net/ne2000.h"

#include "hw/net/nic-common.h"

#define PORT_DATA  0x10
#define PORT_RESET 0x18
#define CR_STP     0x01
#define CR_STA     0x02
#define CR_TXP     0x04
#define CR_RD      0x38
#define RD_READ    0x08
#define RD_WRITE   0x10
#define RD_SEND    0x18
#define ISR_PRX    0x01
#define ISR_PTX    0x02
#define ISR_TXE    0x08
#define ISR_RDC    0x40
#define ISR_RST    0x80
#define DCR_WTS    0x01
#define TCR_LOOP   0x06
#define TSR_PTX    0x01
#define TSR_ABT    0x08
#define RCR_AB     0x04
#define RCR_AM     0x08
#define RCR_PRO    0x10
#define RCR_MON    0x20
#define RSR_PRX    0x01
#define RSR_PHY    0x20
#define RX_HEADER  4
#define PAGE_BYTES 256
#define MAX_FRAME  1600

static void update_irq(NE2000 *s)
{
    irq_set(s->irq, (s->isr & s->imr & 0x7f) != 0);
}

static void raise_interrupt(NE2000 *s, uint8_t bits)
{
    s->isr |= bits;
    update_irq(s);
}

/* ---- the card's memory: PROM at 0, RAM at 4000h ---- */

static uint8_t mem_read(const NE2000 *s, uint16_t addr)
{
    if (addr < sizeof(s->prom)) {
        return s->prom[addr];
    }
    uint16_t offset = addr - NE2000_RAM_BASE;
    return offset < NE2000_RAM_SIZE ? s->ram[offset] : 0xff;
}

static void mem_write(NE2000 *s, uint16_t addr, uint8_t value)
{
    uint16_t offset = addr - NE2000_RAM_BASE;
    if (offset < NE2000_RAM_SIZE) {
        s->ram[offset] = value;
    }
}

/* Both DMA channels go round in the receive ring. */
static uint16_t next_address(const NE2000 *s, uint16_t addr)
{
    return ++addr == s->pstop * PAGE_BYTES ? s->pstart * PAGE_BYTES : addr;
}

/* ---- transmit ---- */

static bool send_frame(NE2000 *s)
{
    uint8_t frame[MAX_FRAME];
    uint16_t addr = s->tpsr * PAGE_BYTES;
    if (s->tbcr < NET_MIN_PACKET || s->tbcr > MAX_FRAME) {
        return false;
    }
    for (unsigned i = 0; i < s->tbcr; i++) {
        frame[i] = mem_read(s, addr + i);
    }
    if (!(s->tcr & TCR_LOOP)) {
        nic_send_packet(s->peer, frame, s->tbcr);
    }
    return true;
}

static void transmit(NE2000 *s)
{
    bool sent = send_frame(s);
    s->tsr = sent ? TSR_PTX : TSR_ABT;
    s->cr &= ~CR_TXP;
    raise_interrupt(s, sent ? ISR_PTX : ISR_TXE);
}

/* ---- receive ---- */

static bool in_multicast_filter(const NE2000 *s, const uint8_t *address)
{
    unsigned bit = net_crc32(address, 6) >> 26;
    return s->mar[bit / 8] >> (bit % 8) & 1;
}

static bool wants(const NE2000 *s, const uint8_t *frame)
{
    if (eth_is_broadcast(frame)) {
        return s->rcr & RCR_AB;
    }
    if (eth_is_multicast(frame)) {
        return (s->rcr & RCR_AM) && in_multicast_filter(s, frame);
    }
    return (s->rcr & RCR_PRO) || !memcmp(frame, s->par, sizeof(s->par));
}

static unsigned ring_pages(const NE2000 *s)
{
    return s->pstop > s->pstart ? s->pstop - s->pstart : 0;
}

/* Pages before the one that the driver reads (section 8.3). */
static unsigned free_pages(const NE2000 *s)
{
    unsigned pages = ring_pages(s);
    unsigned distance = (s->bnry + pages - s->curr % pages) % pages;
    return distance ? distance : pages;
}

static uint16_t ring_put(NE2000 *s, uint16_t addr, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        mem_write(s, addr, data[i]);
        addr = next_address(s, addr);
    }
    return addr;
}

/* Header, frame, FCS, from a page's beginning (section 8.4). The count has the FCS in it and the header not. */
static void store_frame(NE2000 *s, const uint8_t *frame, size_t len, unsigned pages)
{
    uint8_t header[RX_HEADER], fcs[ETH_FCS_LEN];
    unsigned next = s->curr + pages;
    s->rsr = RSR_PRX | (eth_is_multicast(frame) ? RSR_PHY : 0);
    header[0] = s->rsr;
    header[1] = next >= s->pstop ? next - ring_pages(s) : next;
    stw_le_p(header + 2, len + ETH_FCS_LEN);
    stl_le_p(fcs, ~net_crc32_le(frame, len));
    uint16_t addr = ring_put(s, s->curr * PAGE_BYTES, header, sizeof(header));
    addr = ring_put(s, addr, frame, len);
    ring_put(s, addr, fcs, sizeof(fcs));
    s->curr = header[1];
}

bool ne2000_receive(void *opaque, const uint8_t *frame, size_t len)
{
    NE2000 *s = opaque;
    unsigned pages = (RX_HEADER + len + ETH_FCS_LEN + PAGE_BYTES - 1) / PAGE_BYTES;
    bool in_ring = s->curr >= s->pstart && s->curr < s->pstop;
    if ((s->cr & CR_STP) || (s->rcr & RCR_MON) || len > MAX_FRAME || !in_ring || !wants(s, frame)) {
        return true;
    }
    if (pages >= free_pages(s)) {
        raise_interrupt(s, ISR_PRX); /* a driver that left frames in the ring is told again */
        return false;
    }
    store_frame(s, frame, len, pages);
    raise_interrupt(s, ISR_PRX);
    return true;
}

/* ---- remote DMA: the data port (section 10) ---- */

static void remote_step(NE2000 *s)
{
    s->rsar = next_address(s, s->rsar);
    if (s->rbcr && --s->rbcr == 0) {
        raise_interrupt(s, ISR_RDC);
    }
}

/* In word mode even an access of a byte moves a word. */
static unsigned remote_bytes(const NE2000 *s, unsigned size)
{
    return size == 1 && (s->dcr & DCR_WTS) ? 2 : size;
}

static uint32_t data_read(NE2000 *s, unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < remote_bytes(s, size); i++) {
        value |= (uint32_t)mem_read(s, s->rsar) << (8 * i);
        remote_step(s);
    }
    return value;
}

static void data_write(NE2000 *s, uint32_t value, unsigned size)
{
    for (unsigned i = 0; s->rbcr && i < remote_bytes(s, size); i++) {
        mem_write(s, s->rsar, value >> (8 * i));
        remote_step(s);
    }
}

/* "Send packet": remote read of the packet that the driver is to read next. */
static void aim_at_packet(NE2000 *s)
{
    s->rsar = s->bnry * PAGE_BYTES;
    s->rbcr = mem_read(s, s->rsar + 2) | mem_read(s, s->rsar + 3) << 8;
}

/* ---- registers ---- */

static void cr_write(NE2000 *s, uint8_t value)
{
    s->cr = value;
    s->isr = value & CR_STP ? s->isr | ISR_RST : s->isr & ~ISR_RST;
    if (value & CR_STP) {
        update_irq(s);
        return;
    }
    if ((value & CR_RD) == RD_SEND) {
        aim_at_packet(s);
    }
    if (((value & CR_RD) == RD_READ || (value & CR_RD) == RD_WRITE) && s->rbcr == 0) {
        raise_interrupt(s, ISR_RDC); /* nothing to do */
    }
    if (value & CR_TXP) {
        transmit(s);
    }
    nic_flush_queued(s->peer);
}

static uint8_t page0_read(const NE2000 *s, unsigned reg)
{
    switch (reg) {
    case 0x3:
        return s->bnry;
    case 0x4:
        return s->tsr;
    case 0x7:
        return s->isr;
    case 0x1: /* local and remote DMA address */
    case 0x8:
        return s->rsar & 0xff;
    case 0x2:
    case 0x9:
        return s->rsar >> 8;
    case 0xa: /* RTL8029 ID */
        return 0x50;
    case 0xb:
        return 0x43;
    case 0xc:
        return s->rsr;
    default: /* FIFO, collisions, error counters */
        return 0;
    }
}

static void set_byte(uint16_t *word, unsigned high, uint8_t value)
{
    *word = high ? (*word & 0x00ff) | (uint16_t)(value << 8) : (*word & 0xff00) | value;
}

/*
 * Frames that wait come into the ring when the driver has acknowledged the ones before, not as it reads them: a driver
 * may stop after some number of frames and acknowledge then. One that polls has no use for that.
 */
static void bnry_write(NE2000 *s, uint8_t value)
{
    s->bnry = value;
    if (!(s->imr & ISR_PRX)) {
        nic_flush_queued(s->peer);
    }
}

static void isr_write(NE2000 *s, uint8_t value)
{
    s->isr &= ~(value & 0x7f);
    update_irq(s);
    nic_flush_queued(s->peer);
}

static void page0_write(NE2000 *s, unsigned reg, uint8_t value)
{
    switch (reg) {
    case 0x1:
        s->pstart = value;
        break;
    case 0x2:
        s->pstop = value;
        break;
    case 0x3:
        bnry_write(s, value);
        break;
    case 0x4:
        s->tpsr = value;
        break;
    case 0x5:
    case 0x6:
        set_byte(&s->tbcr, reg == 6, value);
        break;
    case 0x7:
        isr_write(s, value);
        break;
    case 0x8:
    case 0x9:
        set_byte(&s->rsar, reg == 9, value);
        break;
    case 0xa:
    case 0xb:
        set_byte(&s->rbcr, reg == 0xb, value);
        break;
    case 0xc:
        s->rcr = value & 0x3f;
        break;
    case 0xd:
        s->tcr = value & 0x1f;
        break;
    case 0xe:
        s->dcr = value & 0x7f;
        break;
    case 0xf:
        s->imr = value & 0x7f;
        update_irq(s);
        break;
    }
}

static uint8_t *page1_register(NE2000 *s, unsigned reg)
{
    return reg < 7 ? &s->par[reg - 1] : reg == 7 ? &s->curr : &s->mar[reg - 8];
}

static void page1_write(NE2000 *s, unsigned reg, uint8_t value)
{
    *page1_register(s, reg) = value;
    if (reg < 7) {
        nic_mac_changed(s->peer, (const MACAddr *)s->par);
    }
}

/* What page 0 only takes. */
static uint8_t page2_read(const NE2000 *s, unsigned reg)
{
    switch (reg) {
    case 0x1:
        return s->pstart;
    case 0x2:
        return s->pstop;
    case 0x4:
        return s->tpsr;
    case 0xc:
        return s->rcr | 0xc0;
    case 0xd:
        return s->tcr | 0xe0;
    case 0xe:
        return s->dcr | 0x80;
    case 0xf:
        return s->imr | 0x80;
    default:
        return 0;
    }
}

/* RTL8029AS alone: 9346CR, CONFIG0, CONFIG2, CONFIG3, ID. */
static uint8_t page3_read(const NE2000 *s, unsigned reg)
{
    switch (reg) {
    case 0x1:
        return s->cr9346;
    case 0x6:
        return s->config3;
    case 0xe:
        return 0x29;
    case 0xf:
        return 0x80;
    default:
        return 0;
    }
}

static void page3_write(NE2000 *s, unsigned reg, uint8_t value)
{
    if (reg == 1) {
        s->cr9346 = value & 0xce;
    } else if (reg == 6) {
        s->config3 = value & 0x46; /* full duplex, sleep, power down */
    }
}

static uint8_t reg_read(NE2000 *s, unsigned reg)
{
    if (reg == 0) {
        return s->cr;
    }
    switch (s->cr >> 6) {
    case 0:
        return page0_read(s, reg);
    case 1:
        return *page1_register(s, reg);
    case 2:
        return page2_read(s, reg);
    default:
        return page3_read(s, reg);
    }
}

static void reg_write(NE2000 *s, unsigned reg, uint8_t value)
{
    if (reg == 0) {
        cr_write(s, value);
        return;
    }
    switch (s->cr >> 6) {
    case 0:
        page0_write(s, reg, value);
        break;
    case 1:
        page1_write(s, reg, value);
        break;
    case 3:
        page3_write(s, reg, value);
        break;
    }
}

/* ---- ports ---- */

/* Stopped; most registers keep what they have (section 10.3). */
static void chip_reset(NE2000 *s)
{
    s->cr = CR_STP | 0x20;
    s->isr = ISR_RST;
    s->imr = 0;
    update_irq(s);
}

static uint64_t ne2000_read(void *opaque, hwaddr addr, unsigned size)
{
    NE2000 *s = opaque;
    uint32_t value = 0;
    if (addr >= PORT_RESET) {
        chip_reset(s);
        return 0;
    }
    if (addr >= PORT_DATA) {
        return data_read(s, size);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)reg_read(s, (addr + i) & 15) << (8 * i);
    }
    return value;
}

static void ne2000_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    NE2000 *s = opaque;
    if (addr >= PORT_RESET) {
        return; /* the other half of the reset */
    }
    if (addr >= PORT_DATA) {
        data_write(s, value, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        reg_write(s, (addr + i) & 15, value >> (8 * i));
    }
}

const MemoryRegionOps ne2000_ops = { .read = ne2000_read, .write = ne2000_write, .min_access = 1, .max_access = 4 };

/* ---- set-up and state ---- */

void ne2000_init(NE2000 *s, const MACAddr *mac)
{
    uint8_t bytes[16] = { [14] = 'W', [15] = 'W' };
    memcpy(bytes, mac->a, sizeof(mac->a));
    for (unsigned i = 0; i < sizeof(s->prom); i++) {
        s->prom[i] = bytes[i / 2];
    }
}

void ne2000_reset(NE2000 *s)
{
    s->dcr = s->rcr = s->tcr = s->tsr = s->rsr = 0;
    s->pstart = s->pstop = s->bnry = s->curr = s->tpsr = 0;
    s->tbcr = s->rsar = s->rbcr = 0;
    s->cr9346 = s->config3 = 0;
    memset(s->ram, 0, sizeof(s->ram));
    memset(s->mar, 0, sizeof(s->mar));
    for (unsigned i = 0; i < sizeof(s->par); i++) {
        s->par[i] = s->prom[2 * i];
    }
    nic_mac_changed(s->peer, (const MACAddr *)s->par);
    chip_reset(s);
}

static bool ne2000_post_load(void *opaque, Error **errp)
{
    NE2000 *s = opaque;
    (void)errp; /* every value of every register can be had by writing it */
    nic_mac_changed(s->peer, (const MACAddr *)s->par);
    return true;
}

static const VMStateField ne2000_fields[] = { VMSTATE_BYTES(NE2000, ram),
                                              VMSTATE_DERIVED(NE2000, prom),
                                              VMSTATE_INT(NE2000, cr),
                                              VMSTATE_INT(NE2000, isr),
                                              VMSTATE_INT(NE2000, imr),
                                              VMSTATE_INT(NE2000, dcr),
                                              VMSTATE_INT(NE2000, rcr),
                                              VMSTATE_INT(NE2000, tcr),
                                              VMSTATE_INT(NE2000, tsr),
                                              VMSTATE_INT(NE2000, rsr),
                                              VMSTATE_INT(NE2000, pstart),
                                              VMSTATE_INT(NE2000, pstop),
                                              VMSTATE_INT(NE2000, bnry),
                                              VMSTATE_INT(NE2000, curr),
                                              VMSTATE_INT(NE2000, tpsr),
                                              VMSTATE_INT(NE2000, tbcr),
                                              VMSTATE_INT(NE2000, rsar),
                                              VMSTATE_INT(NE2000, rbcr),
                                              VMSTATE_BYTES(NE2000, par),
                                              VMSTATE_BYTES(NE2000, mar),
                                              VMSTATE_INT(NE2000, cr9346),
                                              VMSTATE_INT(NE2000, config3),
                                              VMSTATE_DERIVED(NE2000, peer),
                                              VMSTATE_DERIVED(NE2000, irq),
                                              VMSTATE_END };

const VMStateDescription vmstate_ne2000 = {
    .name = "ne2000", .version = 1, .fields = ne2000_fields, .post_load = ne2000_post_load
};
