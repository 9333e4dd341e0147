/*
 * hw/net/e1000.c  Intel 82540EM Gigabit Ethernet controller, PCI 8086:100e: registers, PHY (88E1000 family), EEPROM,
 * interrupts (SDM, see e1000-internal.h). Receiver: e1000-rx.c, transmitter: e1000-tx.c.
 *
 * Non-determinism enters with packets and the link's state, both at checkpoints (net/nic.c). Interrupt delays and the
 * throttle run on the virtual clock. Auto-negotiation is done at once. Left out: wake-up and management (storage only),
 * flow control, flash, the packet buffer's memory, errors of a wire.
 */
#include "hw/net/e1000-internal.h"

#include "hw/net/nics.h"
#include "util/timer.h"

#define CTRL_RST        0x04000000u
#define CTRL_PHY_RST    0x80000000u
#define STATUS_FIXED    0x00000281u /* full duplex, 1000 Mb/s */
#define STATUS_LU       0x00000002u
#define EECD_SK         0x01
#define EECD_CS         0x02
#define EECD_DI         0x04
#define EECD_DO         0x08
#define EECD_REQ        0x40
#define EECD_GNT        0x80
#define EECD_PRES       0x100
#define EERD_START      0x01
#define EERD_DONE       0x10
#define MDIC_WRITE      0x04000000u
#define MDIC_READ       0x08000000u
#define MDIC_READY      0x10000000u
#define MDIC_INTERRUPT  0x20000000u
#define MDIC_ERROR      0x40000000u
#define PHY_ADDRESS     1
#define PHY_CONTROL     0
#define PHY_STATUS      1
#define PHY_PARTNER     5
#define PHY_1000_STATUS 10
#define PHY_SPECIFIC    17
#define PHY_CTRL_RESET  0x8000
#define PHY_CTRL_LOOP   0x4000
#define PHY_CTRL_AUTO   0x1000
#define PHY_CTRL_START  0x0200
#define PHY_LINK        0x0004
#define PHY_AUTO_DONE   0x0020
#define RAH_AV          0x80000000u
#define RAH_WRITABLE    0x8003ffffu
#define EEPROM_SUM      0xbaba
#define DELAY_UNIT_NS   1024
#define ITR_UNIT_NS     256
#define IO_WINDOW       64

/* ---- interrupts (section 3.2.7, 13.4.17 ff.) ---- */

static void itr_wait(E1000State *s, int64_t until_ns)
{
    if (!timer_pending(&s->itr_timer)) {
        timer_mod(&s->itr_timer, until_ns);
    }
}

/* A line that is down rises at most once in ITR units of 256 ns. */
static void update_irq(void *opaque)
{
    E1000State *s = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    int64_t earliest = s->irq_ns + (int64_t)(e1000_reg(s, E1000_ITR) & 0xffff) * ITR_UNIT_NS;
    if (!(e1000_reg(s, E1000_ICR) & e1000_reg(s, E1000_IMS))) {
        pci_set_irq(&s->pci, 0);
    } else if (s->pci.irq_level) {
        return;
    } else if (s->irq_ns && now < earliest) {
        itr_wait(s, earliest);
    } else {
        s->irq_ns = now;
        pci_set_irq(&s->pci, 1);
    }
}

void e1000_raise(E1000State *s, uint32_t causes)
{
    s->reg[E1000_ICR / 4] |= causes;
    update_irq(s);
}

void e1000_raise_later(E1000State *s, E1000Delay *delay, uint32_t relative, uint32_t absolute, uint32_t causes)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), due = now + (int64_t)relative * DELAY_UNIT_NS;
    if (!relative) {
        timer_del(&delay->timer);
        e1000_raise(s, causes);
        return;
    }
    if (!timer_pending(&delay->timer)) {
        delay->first_ns = now;
    }
    int64_t latest = delay->first_ns + (int64_t)(absolute & 0xffff) * DELAY_UNIT_NS;
    timer_mod(&delay->timer, absolute & 0xffff ? MIN(due, latest) : due);
}

static void rx_delay_over(void *opaque)
{
    e1000_raise(opaque, E1000_INT_RXT0);
}

static void tx_delay_over(void *opaque)
{
    e1000_raise(opaque, E1000_INT_TXDW);
}

/* ---- statistics (section 13.7): they stick at their maximum; reading clears ---- */

static void add_to_counter(E1000State *s, unsigned reg, uint32_t value)
{
    uint32_t *counter = &s->reg[reg / 4];
    *counter = value > UINT32_MAX - *counter ? UINT32_MAX : *counter + value;
}

void e1000_count(E1000State *s, unsigned reg)
{
    add_to_counter(s, reg, 1);
}

static void count_octets(E1000State *s, unsigned reg_low, size_t len)
{
    uint64_t value = (uint64_t)e1000_reg(s, reg_low + 4) << 32 | e1000_reg(s, reg_low);
    uint64_t bytes = len + ETH_FCS_LEN;
    value = bytes > UINT64_MAX - value ? UINT64_MAX : value + bytes;
    s->reg[reg_low / 4] = (uint32_t)value;
    s->reg[reg_low / 4 + 1] = value >> 32;
}

static void count_size(E1000State *s, unsigned first_reg, size_t len)
{
    static const uint16_t limit[5] = { 64, 127, 255, 511, 1023 };
    unsigned i = 0;
    while (i < ARRAY_SIZE(limit) && len + ETH_FCS_LEN > limit[i]) {
        i++;
    }
    e1000_count(s, first_reg + 4 * i);
}

void e1000_count_frame(E1000State *s, const E1000FrameCounters *c, const uint8_t *frame, size_t len)
{
    e1000_count(s, c->good);
    e1000_count(s, c->total);
    count_octets(s, c->good_octets, len);
    count_octets(s, c->total_octets, len);
    count_size(s, c->first_size, len);
    if (eth_is_multicast(frame)) {
        e1000_count(s, eth_is_broadcast(frame) ? c->broadcast : c->multicast);
    }
}

/* ---- PHY: Marvell 88E1000S family (section 8.7) ---- */

static void phy_set_link(E1000State *s, bool up)
{
    s->phy[PHY_STATUS] = 0x7949 | (up ? PHY_LINK | PHY_AUTO_DONE : 0);
    s->phy[PHY_PARTNER] = up ? 0xc5e1 : 0;
    s->phy[PHY_1000_STATUS] = up ? 0x3c00 : 0;
    s->phy[PHY_SPECIFIC] = up ? 0xac08 : 0x0008; /* 1000 Mb/s, full duplex, resolved, link */
    s->reg[E1000_STATUS / 4] = STATUS_FIXED | (up ? STATUS_LU : 0);
}

static void phy_reset(E1000State *s)
{
    static const uint16_t power_on[E1000_PHY_REGS] = {
        [PHY_CONTROL] = 0x1140, [2] = 0x0141,  [3] = 0x0c20,  [4] = 0x0de1, [6] = 0x000d,
        [9] = 0x0300,           [15] = 0x3000, [16] = 0x0068, [20] = 0x0ce0
    };
    memcpy(s->phy, power_on, sizeof(power_on));
    phy_set_link(s, nic_link_up(s->conf.peer));
}

static void phy_control_written(E1000State *s, uint16_t value)
{
    s->phy[PHY_CONTROL] = value & ~(PHY_CTRL_RESET | PHY_CTRL_START);
    if (value & PHY_CTRL_RESET) {
        phy_reset(s);
    }
    if ((value & PHY_CTRL_AUTO) && (value & (PHY_CTRL_START | PHY_CTRL_RESET)) && nic_link_up(s->conf.peer)) {
        e1000_raise(s, E1000_INT_LSC); /* negotiated again */
    }
}

static void phy_write(E1000State *s, unsigned reg, uint16_t value)
{
    static const uint16_t writable[E1000_PHY_REGS] = {
        [4] = 0xffff,  [7] = 0xffff,  [9] = 0xffff,  [16] = 0xffff, [18] = 0xffff, [20] = 0xffff,
        [22] = 0xffff, [24] = 0xffff, [26] = 0xffff, [29] = 0xffff, [30] = 0xffff
    };
    if (reg == PHY_CONTROL) {
        phy_control_written(s, value);
    } else {
        s->phy[reg] = (s->phy[reg] & ~writable[reg]) | (value & writable[reg]);
    }
}

bool e1000_is_looped(const E1000State *s)
{
    return (e1000_reg(s, E1000_RCTL) & 0xc0) || (s->phy[PHY_CONTROL] & PHY_CTRL_LOOP);
}

static void e1000_link_changed(void *opaque, bool up)
{
    phy_set_link(opaque, up);
    e1000_raise(opaque, E1000_INT_LSC);
}

static void mdic_written(E1000State *s, unsigned reg, uint32_t value)
{
    unsigned phy = value >> 21 & 31, phy_reg = value >> 16 & 31;
    uint32_t result = (value & ~(MDIC_READY | MDIC_ERROR)) | MDIC_READY;
    if (phy != PHY_ADDRESS || !(value & (MDIC_READ | MDIC_WRITE))) {
        result |= MDIC_ERROR;
    } else if (value & MDIC_READ) {
        result = (result & 0xffff0000u) | s->phy[phy_reg];
    } else {
        phy_write(s, phy_reg, value);
    }
    s->reg[reg / 4] = result;
    if (value & MDIC_INTERRUPT) {
        e1000_raise(s, E1000_INT_MDAC);
    }
}

/* ---- reset ---- */

static void load_address(E1000State *s)
{
    const uint16_t *w = s->eeprom.words;
    s->reg[E1000_RAL0 / 4] = (uint32_t)w[1] << 16 | w[0];
    s->reg[E1000_RAH0 / 4] = RAH_AV | w[2];
}

/* CTRL.RST: everything but the PHY and the PCI side. */
static void mac_reset(E1000State *s)
{
    memset(s->reg, 0, sizeof(s->reg));
    memset(s->context, 0, sizeof(s->context));
    s->reg[E1000_CTRL / 4] = 0x00000201; /* full duplex, 1000 Mb/s */
    s->reg[E1000_VET / 4] = ETH_TYPE_VLAN;
    s->reg[E1000_PBA / 4] = 0x00100030;
    s->reg[E1000_LEDCTL / 4] = 0x07068302;
    s->reg[E1000_STATUS / 4] = STATUS_FIXED | (s->phy[PHY_STATUS] & PHY_LINK ? STATUS_LU : 0);
    s->reg[E1000_RXCSUM / 4] = 0x300;
    load_address(s);
    timer_del(&s->rx_delay.timer);
    timer_del(&s->tx_delay.timer);
    timer_del(&s->tx_timer);
    timer_del(&s->itr_timer);
    s->irq_ns = 0;
    update_irq(s);
}

/* ---- registers with something behind them: the value is already stored ---- */

static void ctrl_written(E1000State *s, unsigned reg, uint32_t value)
{
    s->reg[reg / 4] = value & ~(CTRL_RST | CTRL_PHY_RST);
    if (value & CTRL_PHY_RST) {
        phy_reset(s);
    }
    if (value & CTRL_RST) {
        mac_reset(s);
    }
}

/* Section 5.3.1: pins of the EEPROM, given when asked for. */
static void eecd_written(E1000State *s, unsigned reg, uint32_t value)
{
    (void)reg;
    eeprom93xx_write(&s->eeprom, value & EECD_CS, value & EECD_SK, value & EECD_DI);
}

static uint32_t eecd_read(E1000State *s, unsigned reg)
{
    uint32_t value = e1000_reg(s, reg);
    return value | EECD_PRES | (value & EECD_REQ ? EECD_GNT : 0) | (eeprom93xx_read(&s->eeprom) ? EECD_DO : 0);
}

static void eerd_written(E1000State *s, unsigned reg, uint32_t value)
{
    if (value & EERD_START) {
        uint16_t word = s->eeprom.words[value >> 8 & 0x3f];
        s->reg[reg / 4] = (uint32_t)word << 16 | (value & 0xff00) | EERD_DONE;
    }
}

static uint32_t icr_read(E1000State *s, unsigned reg)
{
    uint32_t causes = e1000_reg(s, reg);
    s->reg[reg / 4] = 0;
    update_irq(s);
    return causes;
}

static void icr_written(E1000State *s, unsigned reg, uint32_t value)
{
    s->reg[reg / 4] &= ~value;
    update_irq(s);
}

static void ics_written(E1000State *s, unsigned reg, uint32_t value)
{
    (void)reg;
    e1000_raise(s, value & E1000_INT_ALL);
}

static void ims_written(E1000State *s, unsigned reg, uint32_t value)
{
    s->reg[reg / 4] |= value & E1000_INT_ALL;
    update_irq(s);
}

static void imc_written(E1000State *s, unsigned reg, uint32_t value)
{
    (void)reg;
    s->reg[E1000_IMS / 4] &= ~value;
    update_irq(s);
}

static void pba_written(E1000State *s, unsigned reg, uint32_t value)
{
    uint32_t receive = MIN(value & 0x7f, 64); /* KiB; the rest of 64 is the transmitter's */
    s->reg[reg / 4] = (64 - receive) << 16 | receive;
}

/* The receiver may have room now. */
static void rx_written(E1000State *s, unsigned reg, uint32_t value)
{
    (void)reg, (void)value;
    nic_flush_queued(s->conf.peer);
}

static void tx_written(E1000State *s, unsigned reg, uint32_t value)
{
    (void)reg, (void)value;
    e1000_transmit(s);
}

static void tell_address(E1000State *s)
{
    uint8_t mac[8];
    stl_le_p(mac, e1000_reg(s, E1000_RAL0));
    stl_le_p(mac + 4, e1000_reg(s, E1000_RAH0));
    nic_mac_changed(s->conf.peer, (const MACAddr *)mac);
}

/* One of sixteen pairs, low and high. */
static void address_written(E1000State *s, unsigned reg, uint32_t value)
{
    (void)value;
    if (reg & 4) {
        s->reg[reg / 4] &= RAH_WRITABLE;
    }
    tell_address(s);
}

static bool counts_octets(unsigned reg)
{
    unsigned low = reg & ~7u;
    return low == E1000_GORCL || low == E1000_GOTCL || low == E1000_TORL || low == E1000_TOTL;
}

/* Of 64 bits, both halves go when the high one is read. */
static uint32_t statistic_read(E1000State *s, unsigned reg)
{
    uint32_t value = e1000_reg(s, reg);
    if (counts_octets(reg) && !(reg & 4)) {
        return value;
    }
    s->reg[reg / 4] = 0;
    if (counts_octets(reg)) {
        s->reg[reg / 4 - 1] = 0;
    }
    return value;
}

/* ---- the register file ---- */

typedef struct Reg {
    uint32_t writable;                             /* bits that are stored */
    uint32_t (*read)(E1000State *s, unsigned reg); /* NULL: as stored; write-only registers hold 0 */
    void (*written)(E1000State *s, unsigned reg, uint32_t value);
} Reg;

#define R(reg) [(reg) / 4]

static const Reg regs[E1000_REG_BYTES / 4] = {
    R(E1000_CTRL) = { 0x7fffffff, NULL, ctrl_written },
    R(E1000_EECD) = { EECD_SK | EECD_CS | EECD_DI | 0x30 | EECD_REQ, eecd_read, eecd_written },
    R(E1000_EERD) = { 0xff00, NULL, eerd_written },
    R(E1000_CTRL_EXT) = { 0xffffffff, NULL, NULL },
    R(E1000_MDIC) = { 0, NULL, mdic_written },
    R(E1000_FCAL) = { 0xffffffff, NULL, NULL },
    R(E1000_FCAH) = { 0xffff, NULL, NULL },
    R(E1000_FCT) = { 0xffff, NULL, NULL },
    R(E1000_VET) = { 0xffff, NULL, NULL },
    R(E1000_ICR) = { 0, icr_read, icr_written },
    R(E1000_ITR) = { 0xffff, NULL, NULL },
    R(E1000_ICS) = { 0, NULL, ics_written },
    R(E1000_IMS) = { 0, NULL, ims_written },
    R(E1000_IMC) = { 0, NULL, imc_written },
    R(E1000_RCTL) = { 0x06dfb3fe, NULL, rx_written },
    R(E1000_FCTTV) = { 0xffff, NULL, NULL },
    R(E1000_TXCW) = { 0xc000ffff, NULL, NULL },
    R(E1000_TCTL) = { 0xffffffff, NULL, tx_written },
    R(E1000_TIPG) = { 0x3fffffff, NULL, NULL },
    R(E1000_AIFS) = { 0xffff, NULL, NULL },
    R(E1000_LEDCTL) = { 0xffffffff, NULL, NULL },
    R(E1000_PBA) = { 0xffff, NULL, pba_written },
    R(E1000_FCRTL) = { 0x8000fff8, NULL, NULL },
    R(E1000_FCRTH) = { 0xfff8, NULL, NULL },
    [E1000_RDFH / 4 ... E1000_RDFPC / 4] = { 0x1fff, NULL, NULL },
    R(E1000_RDBAL) = { 0xfffffff0, NULL, NULL },
    R(E1000_RDBAH) = { 0xffffffff, NULL, NULL },
    R(E1000_RDLEN) = { 0xfff80, NULL, NULL },
    R(E1000_RDH) = { 0xffff, NULL, NULL },
    R(E1000_RDT) = { 0xffff, NULL, rx_written },
    R(E1000_RDTR) = { 0xffff, NULL, NULL },
    R(E1000_RXDCTL) = { 0x0fffffff, NULL, NULL },
    R(E1000_RADV) = { 0xffff, NULL, NULL },
    R(E1000_RSRPD) = { 0xfff, NULL, NULL },
    R(E1000_TXDMAC) = { 1, NULL, NULL },
    [E1000_TDFH / 4 ... E1000_TDFPC / 4] = { 0x1fff, NULL, NULL },
    R(E1000_TDBAL) = { 0xfffffff0, NULL, NULL },
    R(E1000_TDBAH) = { 0xffffffff, NULL, NULL },
    R(E1000_TDLEN) = { 0xfff80, NULL, NULL },
    R(E1000_TDH) = { 0xffff, NULL, NULL },
    R(E1000_TDT) = { 0xffff, NULL, tx_written },
    R(E1000_TIDV) = { 0xffff, NULL, NULL },
    R(E1000_TXDCTL) = { 0xffffffff, NULL, NULL },
    R(E1000_TADV) = { 0xffff, NULL, NULL },
    R(E1000_TSPMT) = { 0xffffffff, NULL, NULL },
    [E1000_STATISTICS / 4 ... E1000_STATISTICS_LAST / 4] = { 0, statistic_read, NULL },
    R(E1000_RXCSUM) = { 0x3ff, NULL, NULL },
    [E1000_MTA / 4 ... E1000_MTA / 4 + 127] = { 0xffffffff, NULL, NULL },
    [E1000_RAL0 / 4 ... E1000_RAL0 / 4 + 31] = { 0xffffffff, NULL, address_written },
    [E1000_VFTA / 4 ... E1000_VFTA / 4 + 127] = { 0xffffffff, NULL, NULL },
    [E1000_WUC / 4 ... E1000_WUPM_LAST / 4] = { 0xffffffff, NULL, NULL }, /* wake-up and management: storage */
};

static uint32_t reg_read(E1000State *s, uint32_t addr)
{
    if (addr >= E1000_REG_BYTES) {
        return 0;
    }
    const Reg *r = &regs[addr / 4];
    return r->read ? r->read(s, addr & ~3u) : e1000_reg(s, addr);
}

static void reg_write(E1000State *s, uint32_t addr, uint32_t value)
{
    if (addr >= E1000_REG_BYTES) {
        return;
    }
    const Reg *r = &regs[addr / 4];
    s->reg[addr / 4] = (e1000_reg(s, addr) & ~r->writable) | (value & r->writable);
    if (r->written) {
        r->written(s, addr & ~3u, value);
    }
}

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    (void)size;
    return reg_read(opaque, addr);
}

/* Registers are written as a whole (section 13.1). */
static void mmio_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    if (size == 4) {
        reg_write(opaque, addr, value);
    }
}

static const MemoryRegionOps mmio_ops = { .read = mmio_read, .write = mmio_write, .min_access = 4, .max_access = 4 };

/* IOADDR at 0, IODATA at 4 (section 13.2). */
static uint64_t io_read(void *opaque, hwaddr addr, unsigned size)
{
    E1000State *s = opaque;
    (void)size;
    return addr == 0 ? s->io_address : addr == 4 ? reg_read(s, s->io_address) : 0;
}

static void io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    E1000State *s = opaque;
    if (addr == 0 && size == 4) {
        s->io_address = value & 0x1ffff;
    } else if (addr == 4 && size == 4) {
        reg_write(s, s->io_address, value);
    }
}

static const MemoryRegionOps io_ops = { .read = io_read, .write = io_write, .min_access = 4, .max_access = 4 };

/* ---- the device ---- */

/* Section 5.6: address, IDs, signature, and a sum of BABAh. */
static void fill_eeprom(E1000State *s)
{
    eeprom93xx_init(&s->eeprom, 6);
    uint16_t *w = s->eeprom.words, sum = 0;
    memset(w, 0, 64 * sizeof(*w));
    for (int i = 0; i < 3; i++) {
        w[i] = lduw_le_p(s->conf.mac.a + 2 * i);
    }
    w[0x0a] = 0x4003; /* signature; vendor and subsystem IDs are to be loaded */
    w[0x0b] = lduw_le_p(s->pci.config + PCI_SUBSYSTEM_ID);
    w[0x0c] = lduw_le_p(s->pci.config + PCI_SUBSYSTEM_VENDOR_ID);
    w[0x0d] = lduw_le_p(s->pci.config + PCI_DEVICE_ID);
    w[0x0e] = lduw_le_p(s->pci.config + PCI_VENDOR_ID);
    for (int i = 0; i < 0x3f; i++) {
        sum += w[i];
    }
    w[0x3f] = EEPROM_SUM - sum;
}

static void init_timers(E1000State *s)
{
    timer_init_ns(&s->rx_delay.timer, QEMU_CLOCK_VIRTUAL, rx_delay_over, s);
    timer_init_ns(&s->tx_delay.timer, QEMU_CLOCK_VIRTUAL, tx_delay_over, s);
    timer_init_ns(&s->tx_timer, QEMU_CLOCK_VIRTUAL, e1000_transmit, s);
    timer_init_ns(&s->itr_timer, QEMU_CLOCK_VIRTUAL, update_irq, s);
}

static bool e1000_realize(Device *dev, Error **errp)
{
    static const PCIIdentity identity = {
        .vendor_id = 0x8086, .device_id = 0x100e, .revision = 3, .class_id = 0x0200, .interrupt_pin = 1
    };
    E1000State *s = (E1000State *)dev;
    const NICInfo info = { .model = "e1000",
                           .id = dev->id,
                           .receive = e1000_receive,
                           .link_status_changed = e1000_link_changed,
                           .opaque = s };
    if (!nic_pci_register(&s->pci, &s->conf, &identity, &info, "pxe-e1000.rom", errp)) {
        return false;
    }
    memory_region_init_io(&s->mmio, &mmio_ops, s, "e1000-mmio", 128 * KiB);
    memory_region_init_io(&s->io, &io_ops, s, "e1000-io", IO_WINDOW);
    pci_register_bar(&s->pci, 0, PCI_BAR_MEM32, &s->mmio);
    pci_register_bar(&s->pci, 1, PCI_BAR_IO, &s->io);
    init_timers(s);
    fill_eeprom(s);
    return true;
}

static void e1000_reset(Device *dev)
{
    E1000State *s = (E1000State *)dev;
    pci_device_reset(&s->pci);
    eeprom93xx_write(&s->eeprom, false, false, false);
    s->io_address = 0;
    phy_reset(s);
    mac_reset(s);
    tell_address(s);
}

static bool e1000_post_load(void *opaque, Error **errp)
{
    E1000State *s = opaque;
    if (s->io_address > 0x1ffff || s->irq_ns < 0 || s->rx_delay.first_ns < 0 || s->tx_delay.first_ns < 0) {
        error_setg(errp, "e1000: impossible I/O address %x or time", s->io_address);
        return false;
    }
    tell_address(s);
    return true;
}

static const VMStateField delay_fields[] = {
    VMSTATE_TIMER(E1000Delay, timer),
    VMSTATE_INT(E1000Delay, first_ns),
    VMSTATE_END,
};
static const VMStateDescription delay_vmsd = { .name = "e1000-delay", .version = 1, .fields = delay_fields };

static const VMStateField context_fields[] = {
    VMSTATE_INT(E1000Context, ip_start), VMSTATE_INT(E1000Context, ip_offset),
    VMSTATE_INT(E1000Context, tu_start), VMSTATE_INT(E1000Context, tu_offset),
    VMSTATE_INT(E1000Context, ip_end),   VMSTATE_INT(E1000Context, tu_end),
    VMSTATE_INT(E1000Context, mss),      VMSTATE_INT(E1000Context, header_len),
    VMSTATE_INT(E1000Context, command),  VMSTATE_END,
};
static const VMStateDescription context_vmsd = { .name = "e1000-context", .version = 1, .fields = context_fields };

static const VMStateField e1000_fields[] = {
    VMSTATE_STRUCT(E1000State, pci, vmstate_pci_device),
    VMSTATE_DERIVED(E1000State, conf),
    VMSTATE_DERIVED(E1000State, mmio),
    VMSTATE_DERIVED(E1000State, io),
    VMSTATE_INT_ARRAY(E1000State, reg),
    VMSTATE_INT_ARRAY(E1000State, phy),
    VMSTATE_INT(E1000State, io_address),
    VMSTATE_STRUCT(E1000State, eeprom, vmstate_eeprom93xx),
    VMSTATE_STRUCT_ARRAY(E1000State, context, context_vmsd),
    VMSTATE_STRUCT(E1000State, rx_delay, delay_vmsd),
    VMSTATE_STRUCT(E1000State, tx_delay, delay_vmsd),
    VMSTATE_TIMER(E1000State, tx_timer),
    VMSTATE_TIMER(E1000State, itr_timer),
    VMSTATE_INT(E1000State, irq_ns),
    VMSTATE_END,
};

static const VMStateDescription e1000_vmsd = {
    .name = "e1000", .version = 1, .fields = e1000_fields, .post_load = e1000_post_load
};

static const DeviceProperty e1000_properties[] = { DEFINE_NIC_PROPERTIES(E1000State, conf), { .name = NULL } };

const DeviceType e1000_type = {
    .name = "e1000",
    .description = "Intel Gigabit Ethernet",
    .size = sizeof(E1000State),
    .vmsd = &e1000_vmsd,
    .properties = e1000_properties,
    .realize = e1000_realize,
    .reset = e1000_reset,
    .user_creatable = true,
    .parent = &pci_device_type,
};
