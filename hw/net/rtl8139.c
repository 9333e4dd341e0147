/*
 * hw/net/rtl8139.c  Realtek RTL8139C+ Fast Ethernet controller (RTL8139C+ data sheet rev. 1.6), PCI 10ec:8139, revision
 * 20h: registers, address filters, EEPROM, PHY registers, timer. Normal mode: rtl8139-normal.c, C+ mode:
 * rtl8139-cplus.c.
 *
 * Non-determinism enters with packets and the link's state, both at checkpoints (net/nic.c); frames go out in the
 * instant of the write that asks for it. TCTR counts the PCI clock, from the virtual clock. Left out: wake-up frames
 * (storage only), power management, early receive interrupts, the flash ROM's window, collisions and other mishaps of a
 * wire.
 */
#include "hw/net/rtl8139-internal.h"

#include "hw/net/nics.h"
#include "util/timer.h"

#define PCI_CLOCK_HZ   33000000
#define TCR_VERSION    0x74800000u /* RTL8139C+ */
#define TCR_LOOPBACK   0x00060000u
#define EEM_MASK       0xc0
#define EEM_AUTO_LOAD  0x40
#define EEM_PROGRAM    0x80
#define EEM_CONFIG     0xc0
#define EE_CS          8
#define EE_SK          4
#define EE_DI          2
#define EE_DO          1
#define BMCR_GATED     0x3100 /* speed, auto-negotiation, duplex: only with EEM_CONFIG */
#define BMCR_RESET     0x8000
#define BMCR_RESTART   0x0200
#define BMSR_ABILITIES 0x7809
#define BMSR_DONE      0x0020
#define BMSR_LINK      0x0004
#define MSR_LINKB      0x04 /* no link */
#define DTCCR_DUMP     0x08
#define TPPOLL_FSWINT  0x01
#define TPPOLL_NORMAL  0x40
#define TPPOLL_HIGH    0x80

/* ---- interrupts ---- */

static void update_irq(RTL8139State *s)
{
    pci_set_irq(&s->pci, (rtl_reg16(s, RTL_ISR) & rtl_reg16(s, RTL_IMR)) != 0);
}

void rtl_raise(RTL8139State *s, uint16_t isr_bits)
{
    stw_le_p(s->reg + RTL_ISR, rtl_reg16(s, RTL_ISR) | isr_bits);
    update_irq(s);
}

/* ---- the timer: TCTR counts PCI clocks and wraps; the interrupt comes when it equals TimerInt ---- */

static uint64_t timer_ticks(const RTL8139State *s)
{
    return muldiv64(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - s->timer_base_ns, PCI_CLOCK_HZ, NANOSECONDS_PER_SECOND);
}

static void timer_rearm(RTL8139State *s)
{
    uint32_t match = rtl_reg32(s, RTL_TIMERINT);
    if (!match) {
        timer_del(&s->timer);
        return;
    }
    uint64_t now = timer_ticks(s), next = (now & ~0xffffffffull) + match;
    next += next <= now ? 1ull << 32 : 0;
    timer_mod(&s->timer, s->timer_base_ns + (int64_t)muldiv64(next, NANOSECONDS_PER_SECOND, PCI_CLOCK_HZ) + 1);
}

static void timer_matches(void *opaque)
{
    RTL8139State *s = opaque;
    rtl_raise(s, ISR_TIMEOUT);
    timer_rearm(s);
}

/* ---- sending ---- */

static bool rtl_receive(void *opaque, const uint8_t *frame, size_t len);

void rtl_send_frame(RTL8139State *s, const uint8_t *frame, size_t len)
{
    s->counters.tx_ok++;
    if ((rtl_reg32(s, RTL_TCR) & TCR_LOOPBACK) == TCR_LOOPBACK) {
        rtl_receive(s, frame, len);
    } else {
        nic_send_packet(s->conf.peer, frame, len);
    }
}

/* ---- receiving ---- */

static bool in_multicast_hash(const RTL8139State *s, const uint8_t *address)
{
    unsigned bit = net_crc32(address, 6) >> 26;
    return s->reg[RTL_MAR0 + bit / 8] >> (bit % 8) & 1;
}

/* How the frame is addressed to us; 0: it is not. */
static uint16_t classify(const RTL8139State *s, const uint8_t *frame)
{
    uint8_t rcr = s->reg[RTL_RCR];
    if (eth_is_broadcast(frame)) {
        return rcr & RCR_AB ? RX_BAR : 0;
    }
    if (eth_is_multicast(frame)) {
        return (rcr & RCR_AM) && in_multicast_hash(s, frame) ? RX_MAR : 0;
    }
    bool mine = !memcmp(frame, s->reg + RTL_IDR0, 6);
    return rcr & RCR_AAP || (mine && (rcr & RCR_APM)) ? RX_PAM : 0;
}

static void count_received(RTL8139State *s, uint16_t address)
{
    s->counters.rx_ok++;
    s->counters.rx_physical += address == RX_PAM;
    s->counters.rx_broadcast += address == RX_BAR;
    s->counters.rx_multicast += address == RX_MAR;
}

/* Frames that find no room wait: their place is net/nic.c's queue, the chip's FIFO made long. */
static bool rtl_receive(void *opaque, const uint8_t *frame, size_t len)
{
    RTL8139State *s = opaque;
    uint16_t address = classify(s, frame);
    if (!(s->reg[RTL_CR] & CR_RE) || !nic_is_bus_master(&s->pci) || !address || len > RTL_MAX_FRAME - ETH_FCS_LEN) {
        return true;
    }
    /* The status says PAM of our own address only. */
    uint16_t status = address == RX_PAM && memcmp(frame, s->reg + RTL_IDR0, 6) ? 0 : address;
    bool taken = rtl_cplus_rx(s) ? rtl_cplus_receive(s, frame, len, status) : rtl_normal_receive(s, frame, len, status);
    if (taken) {
        count_received(s, address);
    }
    return taken;
}

/* ---- link and PHY ---- */

static void set_link_registers(RTL8139State *s, bool up)
{
    stw_le_p(s->reg + RTL_BMSR, BMSR_ABILITIES | (up ? BMSR_DONE | BMSR_LINK : 0));
    stw_le_p(s->reg + RTL_ANLPAR, up ? 0x45e1 : 0); /* the partner can do all, and has acknowledged */
    s->reg[RTL_MSR] = (s->reg[RTL_MSR] & ~MSR_LINKB) | (up ? 0 : MSR_LINKB);
}

static void rtl_link_changed(void *opaque, bool up)
{
    set_link_registers(opaque, up);
    rtl_raise(opaque, ISR_LINKCHG);
}

/* ---- reset ---- */

/* By the CR's RST bit: addresses, EEPROM and PHY keep what they have. */
static void soft_reset(RTL8139State *s)
{
    uint8_t kept[16];
    memcpy(kept, s->reg, sizeof(kept)); /* IDR, MAR */
    memset(s->reg, 0, sizeof(s->reg));
    memcpy(s->reg, kept, sizeof(kept));
    for (unsigned slot = 0; slot < 4; slot++) {
        stl_le_p(s->reg + RTL_TSD0 + 4 * slot, 0x2000); /* the driver's */
    }
    stw_le_p(s->reg + RTL_CAPR, 0xfff0);
    stl_le_p(s->reg + RTL_TCR, TCR_VERSION | 0x03000000);
    s->reg[RTL_CONFIG1] = 0x0c; /* I/O and memory decoded */
    stw_le_p(s->reg + RTL_BMCR, 0x1000);
    stw_le_p(s->reg + RTL_ANAR, 0x05e1);
    stw_le_p(s->reg + RTL_ANER, 0x0001);
    set_link_registers(s, nic_link_up(s->conf.peer));
    s->tx_slot = s->rx_index = s->tx_index[0] = s->tx_index[1] = 0;
    s->timer_base_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    timer_rearm(s);
    update_irq(s);
}

/* What the chip takes over from its EEPROM. */
static void load_from_eeprom(RTL8139State *s)
{
    for (int i = 0; i < 3; i++) {
        stw_le_p(s->reg + RTL_IDR0 + 2 * i, s->eeprom.words[7 + i]);
    }
    nic_mac_changed(s->conf.peer, (const MACAddr *)(s->reg + RTL_IDR0));
}

/* ---- registers with something behind them ---- */

static uint32_t cr_read(RTL8139State *s)
{
    bool empty = rtl_cplus_rx(s) || rtl_normal_ring_empty(s);
    return (s->reg[RTL_CR] & ~CR_BUFE) | (empty ? CR_BUFE : 0);
}

static void cr_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    (void)reg;
    if (written & CR_RST) {
        soft_reset(s);
    }
    if (!(s->reg[RTL_CR] & CR_RE)) {
        stw_le_p(s->reg + RTL_CBR, 0); /* the receiver starts again at the ring's beginning */
        stw_le_p(s->reg + RTL_CAPR, 0xfff0);
    }
    if (!rtl_cplus_tx(s)) {
        rtl_normal_transmit(s);
    }
    nic_flush_queued(s->conf.peer);
}

static void idr_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    (void)reg, (void)written;
    nic_mac_changed(s->conf.peer, (const MACAddr *)(s->reg + RTL_IDR0));
}

/* Section 6.3: 64 bytes at a 64-byte boundary. */
static void dump_counters(RTL8139State *s)
{
    const RTLCounters *c = &s->counters;
    uint8_t raw[64];
    stq_le_p(raw, c->tx_ok);
    stq_le_p(raw + 8, c->rx_ok);
    stq_le_p(raw + 16, c->tx_errors);
    stl_le_p(raw + 24, c->rx_errors);
    stw_le_p(raw + 28, c->missed);
    stw_le_p(raw + 30, c->align_errors);
    stl_le_p(raw + 32, c->tx_one_collision);
    stl_le_p(raw + 36, c->tx_more_collisions);
    stq_le_p(raw + 40, c->rx_physical);
    stq_le_p(raw + 48, c->rx_broadcast);
    stl_le_p(raw + 56, c->rx_multicast);
    stw_le_p(raw + 60, c->tx_aborted);
    stw_le_p(raw + 62, c->tx_underruns);
    pci_dma_write(&s->pci, ldq_le_p(s->reg + RTL_DTCCR) & ~(hwaddr)63, raw, sizeof(raw));
}

static void tsd_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    (void)written;
    if (!rtl_cplus_tx(s)) {
        rtl_normal_transmit(s);
    } else if (reg == RTL_DTCCR && (s->reg[RTL_DTCCR] & DTCCR_DUMP)) {
        dump_counters(s);
        s->reg[RTL_DTCCR] &= ~DTCCR_DUMP;
    }
}

/* C+ mode: a ring's address, and its first descriptor is next. */
static void tsad_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    (void)written;
    if (rtl_cplus_tx(s)) {
        s->tx_index[(reg - RTL_TNPDS) / 8] = 0;
    }
}

static void rdsar_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    (void)reg, (void)written;
    s->rx_index = 0;
}

/* The driver has read up to here, or has looked at its descriptors: there may be room. */
static void room_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    (void)reg, (void)written;
    update_irq(s);
    nic_flush_queued(s->conf.peer);
}

static void isr_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    stw_le_p(s->reg + RTL_ISR, rtl_reg16(s, RTL_ISR) & ~written);
    room_written(s, reg, written);
}

static uint32_t tctr_read(RTL8139State *s)
{
    return (uint32_t)timer_ticks(s);
}

static void tctr_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    (void)reg, (void)written;
    s->timer_base_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    timer_rearm(s);
}

static void timerint_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    (void)reg, (void)written;
    timer_rearm(s);
}

static void mpc_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    (void)written;
    stl_le_p(s->reg + reg, 0);
}

static uint32_t cr9346_read(RTL8139State *s)
{
    uint8_t value = s->reg[RTL_9346CR];
    return (value & EEM_MASK) == EEM_PROGRAM && eeprom93xx_read(&s->eeprom) ? value | EE_DO : value;
}

static void cr9346_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    (void)written;
    uint8_t value = s->reg[reg];
    bool program = (value & EEM_MASK) == EEM_PROGRAM;
    eeprom93xx_write(&s->eeprom, program && (value & EE_CS), value & EE_SK, value & EE_DI);
    if ((value & EEM_MASK) == EEM_AUTO_LOAD) {
        load_from_eeprom(s);
        s->reg[reg] = 0;
    }
}

/* Bit i of each four: OWN, TABT, TUN, TOK of transmit slot i. */
static uint32_t tsad_read(RTL8139State *s)
{
    static const uint8_t bits[4] = { 13, 30, 14, 15 };
    uint32_t value = 0;
    for (unsigned i = 0; i < 16; i++) {
        value |= (rtl_reg32(s, RTL_TSD0 + 4 * (i % 4)) >> bits[i / 4] & 1) << i;
    }
    return value;
}

static void bmcr_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    uint16_t value = rtl_reg16(s, reg);
    stw_le_p(s->reg + reg, written & BMCR_RESET ? 0x1000 : value & ~BMCR_RESTART);
}

static void tppoll_written(RTL8139State *s, unsigned reg, uint32_t written)
{
    s->reg[reg] = 0;
    if (written & TPPOLL_FSWINT) {
        rtl_raise(s, ISR_SWINT);
    }
    if (rtl_cplus_tx(s) && (written & TPPOLL_HIGH)) {
        rtl_cplus_transmit(s, 1);
    }
    if (rtl_cplus_tx(s) && (written & TPPOLL_NORMAL)) {
        rtl_cplus_transmit(s, 0);
    }
}

/* ---- the register file ---- */

typedef struct Reg {
    uint8_t size;                      /* 1, 2 or 4; naturally aligned */
    uint32_t writable;                 /* bits that are stored */
    uint32_t (*read)(RTL8139State *s); /* NULL: as stored */
    /* After storing; written: the bits that the access really set, stored or not. */
    void (*written)(RTL8139State *s, unsigned reg, uint32_t written);
    bool gated; /* writable only while EEM says "config registers" */
} Reg;

#define STORAGE                          \
    {                                    \
        4, 0xffffffff, NULL, NULL, false \
    }

static const Reg regs[RTL_REGS] = {
    [RTL_IDR0] = { 4, 0xffffffff, NULL, idr_written, false },
    [RTL_IDR0 + 4] = { 4, 0x0000ffff, NULL, idr_written, false },
    [RTL_MAR0] = STORAGE,
    [RTL_MAR0 + 4] = STORAGE,
    [RTL_TSD0] = { 4, 0xffffffff, NULL, tsd_written, false },
    [RTL_TSD0 + 4] = { 4, 0xffffffff, NULL, tsd_written, false },
    [RTL_TSD0 + 8] = { 4, 0xffffffff, NULL, tsd_written, false },
    [RTL_TSD0 + 12] = { 4, 0xffffffff, NULL, tsd_written, false },
    [RTL_TSAD0] = { 4, 0xffffffff, NULL, tsad_written, false },
    [RTL_TSAD0 + 4] = { 4, 0xffffffff, NULL, tsad_written, false },
    [RTL_TSAD0 + 8] = { 4, 0xffffffff, NULL, tsad_written, false },
    [RTL_TSAD0 + 12] = { 4, 0xffffffff, NULL, tsad_written, false },
    [RTL_RBSTART] = STORAGE,
    [0x34] = { 2, 0, NULL, NULL, false }, /* ERBCR */
    [0x36] = { 1, 0, NULL, NULL, false }, /* ERSR */
    [RTL_CR] = { 1, CR_TE | CR_RE, cr_read, cr_written, false },
    [RTL_CAPR] = { 2, 0xffff, NULL, room_written, false },
    [RTL_CBR] = { 2, 0, NULL, NULL, false },
    [RTL_IMR] = { 2, 0xffff, NULL, room_written, false },
    [RTL_ISR] = { 2, 0, NULL, isr_written, false },
    [RTL_TCR] = { 4, 0x030707f0, NULL, NULL, false },
    [RTL_RCR] = { 4, 0x0fffffbf, NULL, room_written, false }, /* 9356SEL is wired to 0 */
    [RTL_TCTR] = { 4, 0, tctr_read, tctr_written, false },
    [RTL_MPC] = { 4, 0, NULL, mpc_written, false },
    [RTL_9346CR] = { 1, EEM_MASK | EE_CS | EE_SK | EE_DI, cr9346_read, cr9346_written, false },
    [0x51] = { 1, 0, NULL, NULL, true }, /* CONFIG0 */
    [RTL_CONFIG1] = { 1, 0xf3, NULL, NULL, true },
    [RTL_TIMERINT] = { 4, 0xffffffff, NULL, timerint_written, false },
    [RTL_MSR] = { 1, 0xc0, NULL, NULL, false },
    [0x59] = { 1, 0x65, NULL, NULL, true },    /* CONFIG3 */
    [0x5a] = { 1, 0xff, NULL, NULL, true },    /* CONFIG4 */
    [0x5c] = { 2, 0x0fff, NULL, NULL, false }, /* MULINT */
    [0x5e] = { 1, 0, NULL, NULL, false },      /* RERID */
    [RTL_TSAD] = { 2, 0, tsad_read, NULL, false },
    [RTL_BMCR] = { 2, 0x3300, NULL, bmcr_written, false },
    [RTL_BMSR] = { 2, 0, NULL, NULL, false },
    [RTL_ANAR] = { 2, 0x25ff, NULL, NULL, false },
    [RTL_ANLPAR] = { 2, 0, NULL, NULL, false },
    [RTL_ANER] = { 2, 0, NULL, NULL, false },
    [0x6c] = { 2, 0, NULL, NULL, false }, /* DIS, FCSC: nothing goes wrong */
    [0x6e] = { 2, 0, NULL, NULL, false },
    [0x70] = { 2, 0xffff, NULL, NULL, false }, /* NWAYTR */
    [0x72] = { 2, 0, NULL, NULL, false },      /* REC */
    [0x74] = { 2, 0xffff, NULL, NULL, false }, /* CSCR */
    [0x78] = STORAGE,                          /* PHY1_PARM, TW_PARM, PHY2_PARM */
    [0x7c] = STORAGE,
    [0x80] = STORAGE,
    [0x84] = STORAGE, /* wake-up: CRCs, frames' masks, last bytes */
    [0x88] = STORAGE,
    [0x8c] = STORAGE,
    [0x90] = STORAGE,
    [0x94] = STORAGE,
    [0x98] = STORAGE,
    [0x9c] = STORAGE,
    [0xa0] = STORAGE,
    [0xa4] = STORAGE,
    [0xa8] = STORAGE,
    [0xac] = STORAGE,
    [0xb0] = STORAGE,
    [0xb4] = STORAGE,
    [0xb8] = STORAGE,
    [0xbc] = STORAGE,
    [0xc0] = STORAGE,
    [0xc4] = STORAGE,
    [0xc8] = STORAGE,
    [0xcc] = STORAGE,
    [0xd0] = STORAGE,
    [0xd8] = { 1, 0xff, NULL, NULL, false }, /* CONFIG5 */
    [RTL_TPPOLL] = { 1, 0, NULL, tppoll_written, false },
    [RTL_CPCR] = { 2, 0x007f, NULL, NULL, false },
    [0xe2] = { 2, 0xffff, NULL, NULL, false }, /* interrupt mitigation: not done */
    [RTL_RDSAR] = { 4, 0xffffffff, NULL, rdsar_written, false },
    [RTL_RDSAR + 4] = { 4, 0xffffffff, NULL, rdsar_written, false },
    [0xec] = { 1, 0x3f, NULL, NULL, false }, /* ETThR */
};

/* The register that has the byte at addr; NULL. */
static const Reg *reg_find(unsigned addr, unsigned *first)
{
    for (unsigned size = 1; size <= 4; size *= 2) {
        *first = addr & ~(size - 1);
        if (regs[*first].size > addr - *first) {
            return &regs[*first];
        }
    }
    return NULL;
}

static uint32_t reg_load(RTL8139State *s, const Reg *r, unsigned first)
{
    return r->read ? r->read(s) : rtl_reg32(s, first);
}

static uint32_t reg_writable(const RTL8139State *s, const Reg *r, unsigned first)
{
    bool config = (s->reg[RTL_9346CR] & EEM_MASK) == EEM_CONFIG;
    if (first == RTL_BMCR && !config) {
        return r->writable & ~BMCR_GATED;
    }
    return r->gated && !config ? 0 : r->writable;
}

/* bits: those that the access covers. */
static void reg_store(RTL8139State *s, const Reg *r, unsigned first, uint32_t value, uint32_t bits)
{
    uint32_t mask = bits & reg_writable(s, r, first), old = 0;
    memcpy(&old, s->reg + first, r->size);
    old = GUINT32_FROM_LE(old);
    uint32_t stored = GUINT32_TO_LE((old & ~mask) | (value & mask));
    memcpy(s->reg + first, &stored, r->size);
    if (r->written) {
        r->written(s, first, value & bits);
    }
}

static uint64_t rtl_read(void *opaque, hwaddr addr, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0, first; i < size; i++) {
        unsigned at = (addr + i) % RTL_REGS;
        const Reg *r = reg_find(at, &first);
        uint64_t byte = r ? reg_load(opaque, r, first) >> (8 * (at - first)) & 0xff : 0;
        value |= byte << (8 * i);
    }
    return value;
}

static void rtl_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    for (unsigned i = 0, first; i < size;) {
        unsigned at = (addr + i) % RTL_REGS;
        const Reg *r = reg_find(at, &first);
        unsigned bytes = r ? MIN(size - i, first + r->size - at) : 1, shift = r ? 8 * (at - first) : 0;
        if (r) {
            uint32_t bits = (uint32_t)(0xffffffffull >> (32 - 8 * bytes)) << shift;
            reg_store(opaque, r, first, (uint32_t)(value >> (8 * i)) << shift, bits);
        }
        i += bytes;
    }
}

static const MemoryRegionOps rtl_ops = { .read = rtl_read, .write = rtl_write, .min_access = 1, .max_access = 4 };

/* ---- the device ---- */

/* Words 0 to 4 and the station address (data sheet, section 7). */
static void fill_eeprom(RTL8139State *s)
{
    eeprom93xx_init(&s->eeprom, 6);
    uint16_t *w = s->eeprom.words;
    w[0] = 0x8129;
    w[1] = lduw_le_p(s->pci.config + PCI_VENDOR_ID);
    w[2] = lduw_le_p(s->pci.config + PCI_DEVICE_ID);
    w[3] = lduw_le_p(s->pci.config + PCI_SUBSYSTEM_VENDOR_ID);
    w[4] = lduw_le_p(s->pci.config + PCI_SUBSYSTEM_ID);
    for (int i = 0; i < 3; i++) {
        w[7 + i] = lduw_le_p(s->conf.mac.a + 2 * i);
    }
}

static bool rtl_realize(Device *dev, Error **errp)
{
    static const PCIIdentity identity = {
        .vendor_id = 0x10ec, .device_id = 0x8139, .revision = 0x20, .class_id = 0x0200, .interrupt_pin = 1
    };
    RTL8139State *s = (RTL8139State *)dev;
    const NICInfo info = {
        .model = "rtl8139", .id = dev->id, .receive = rtl_receive, .link_status_changed = rtl_link_changed, .opaque = s
    };
    if (!nic_pci_register(&s->pci, &s->conf, &identity, &info, "pxe-rtl8139.rom", errp)) {
        return false;
    }
    memory_region_init_io(&s->io, &rtl_ops, s, "rtl8139", RTL_REGS);
    memory_region_init_io(&s->mmio, &rtl_ops, s, "rtl8139", RTL_REGS);
    pci_register_bar(&s->pci, 0, PCI_BAR_IO, &s->io);
    pci_register_bar(&s->pci, 1, PCI_BAR_MEM32, &s->mmio);
    timer_init_ns(&s->timer, QEMU_CLOCK_VIRTUAL, timer_matches, s);
    fill_eeprom(s);
    return true;
}

static void rtl_reset(Device *dev)
{
    RTL8139State *s = (RTL8139State *)dev;
    pci_device_reset(&s->pci);
    memset(&s->counters, 0, sizeof(s->counters));
    eeprom93xx_write(&s->eeprom, false, false, false);
    memset(s->reg, 0, sizeof(s->reg));
    soft_reset(s);
    load_from_eeprom(s);
}

static bool rtl_post_load(void *opaque, Error **errp)
{
    RTL8139State *s = opaque;
    if (s->tx_slot > 3 || MAX(MAX(s->tx_index[0], s->tx_index[1]), s->rx_index) >= RTL_RING_DESCRIPTORS ||
        s->timer_base_ns < 0) {
        error_setg(errp, "rtl8139: impossible place in a ring");
        return false;
    }
    nic_mac_changed(s->conf.peer, (const MACAddr *)(s->reg + RTL_IDR0));
    return true;
}

static const VMStateField counter_fields[] = { VMSTATE_INT(RTLCounters, tx_ok),
                                               VMSTATE_INT(RTLCounters, rx_ok),
                                               VMSTATE_INT(RTLCounters, tx_errors),
                                               VMSTATE_INT(RTLCounters, rx_errors),
                                               VMSTATE_INT(RTLCounters, missed),
                                               VMSTATE_INT(RTLCounters, align_errors),
                                               VMSTATE_INT(RTLCounters, tx_one_collision),
                                               VMSTATE_INT(RTLCounters, tx_more_collisions),
                                               VMSTATE_INT(RTLCounters, rx_physical),
                                               VMSTATE_INT(RTLCounters, rx_broadcast),
                                               VMSTATE_INT(RTLCounters, rx_multicast),
                                               VMSTATE_INT(RTLCounters, tx_aborted),
                                               VMSTATE_INT(RTLCounters, tx_underruns),
                                               VMSTATE_END };

static const VMStateDescription counter_vmsd = { .name = "rtl8139-counters", .version = 1, .fields = counter_fields };

static const VMStateField rtl_fields[] = { VMSTATE_STRUCT(RTL8139State, pci, vmstate_pci_device),
                                           VMSTATE_DERIVED(RTL8139State, conf),
                                           VMSTATE_DERIVED(RTL8139State, io),
                                           VMSTATE_DERIVED(RTL8139State, mmio),
                                           VMSTATE_BYTES(RTL8139State, reg),
                                           VMSTATE_INT(RTL8139State, tx_slot),
                                           VMSTATE_INT_ARRAY(RTL8139State, tx_index),
                                           VMSTATE_INT(RTL8139State, rx_index),
                                           VMSTATE_INT(RTL8139State, timer_base_ns),
                                           VMSTATE_TIMER(RTL8139State, timer),
                                           VMSTATE_STRUCT(RTL8139State, counters, counter_vmsd),
                                           VMSTATE_STRUCT(RTL8139State, eeprom, vmstate_eeprom93xx),
                                           VMSTATE_END };

static const VMStateDescription rtl_vmsd = {
    .name = "rtl8139", .version = 1, .fields = rtl_fields, .post_load = rtl_post_load
};

static const DeviceProperty rtl_properties[] = { DEFINE_NIC_PROPERTIES(RTL8139State, conf), { .name = NULL } };

const DeviceType rtl8139_type = {
    .name = "rtl8139",
    .description = "Realtek RTL8139C+ Fast Ethernet",
    .size = sizeof(RTL8139State),
    .vmsd = &rtl_vmsd,
    .properties = rtl_properties,
    .realize = rtl_realize,
    .reset = rtl_reset,
    .user_creatable = true,
    .parent = &pci_device_type,
};
