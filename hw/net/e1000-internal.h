/*
 * hw/net/e1000-internal.h  The 82540EM's registers and state, shared by e1000.c (registers, PHY, EEPROM, interrupts),
 * e1000-rx.c and e1000-tx.c. Section numbers are those of Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers
 * Software Developer's Manual".
 */
#ifndef HW_NET_E1000_INTERNAL_H
#define HW_NET_E1000_INTERNAL_H

#include "hw/net/nic-common.h"
#include "hw/nvram/eeprom93xx.h"

#define E1000_REG_BYTES \
    0x6000 /* registers proper; the filters' and the packet buffer's memory behind them is not there */
#define E1000_PHY_REGS  32
#define E1000_DESC_SIZE 16

/* Section 13.4. */
enum {
    E1000_CTRL = 0x0000,
    E1000_STATUS = 0x0008,
    E1000_EECD = 0x0010,
    E1000_EERD = 0x0014,
    E1000_CTRL_EXT = 0x0018,
    E1000_MDIC = 0x0020,
    E1000_FCAL = 0x0028,
    E1000_FCAH = 0x002c,
    E1000_FCT = 0x0030,
    E1000_VET = 0x0038,
    E1000_ICR = 0x00c0,
    E1000_ITR = 0x00c4,
    E1000_ICS = 0x00c8,
    E1000_IMS = 0x00d0,
    E1000_IMC = 0x00d8,
    E1000_RCTL = 0x0100,
    E1000_FCTTV = 0x0170,
    E1000_TXCW = 0x0178,
    E1000_RXCW = 0x0180,
    E1000_TCTL = 0x0400,
    E1000_TIPG = 0x0410,
    E1000_AIFS = 0x0458,
    E1000_LEDCTL = 0x0e00,
    E1000_PBA = 0x1000,
    E1000_FCRTL = 0x2160,
    E1000_FCRTH = 0x2168,
    E1000_RDFH = 0x2410,
    E1000_RDFPC = 0x2430,
    E1000_RDBAL = 0x2800,
    E1000_RDBAH = 0x2804,
    E1000_RDLEN = 0x2808,
    E1000_RDH = 0x2810,
    E1000_RDT = 0x2818,
    E1000_RDTR = 0x2820,
    E1000_RXDCTL = 0x2828,
    E1000_RADV = 0x282c,
    E1000_RSRPD = 0x2c00,
    E1000_TXDMAC = 0x3000,
    E1000_TDFH = 0x3410,
    E1000_TDFPC = 0x3430,
    E1000_TDBAL = 0x3800,
    E1000_TDBAH = 0x3804,
    E1000_TDLEN = 0x3808,
    E1000_TDH = 0x3810,
    E1000_TDT = 0x3818,
    E1000_TIDV = 0x3820,
    E1000_TXDCTL = 0x3828,
    E1000_TADV = 0x382c,
    E1000_TSPMT = 0x3830,
    E1000_STATISTICS = 0x4000,
    E1000_PRC64 = 0x405c,
    E1000_GPRC = 0x4074,
    E1000_BPRC = 0x4078,
    E1000_MPRC = 0x407c,
    E1000_GPTC = 0x4080,
    E1000_GORCL = 0x4088,
    E1000_GOTCL = 0x4090,
    E1000_TORL = 0x40c0,
    E1000_TOTL = 0x40c8,
    E1000_TPR = 0x40d0,
    E1000_TPT = 0x40d4,
    E1000_PTC64 = 0x40d8,
    E1000_MPTC = 0x40f0,
    E1000_BPTC = 0x40f4,
    E1000_TSCTC = 0x40f8,
    E1000_STATISTICS_LAST = 0x40fc,
    E1000_RXCSUM = 0x5000,
    E1000_MTA = 0x5200,
    E1000_RAL0 = 0x5400,
    E1000_RAH0 = 0x5404,
    E1000_VFTA = 0x5600,
    E1000_WUC = 0x5800,
    E1000_MANC = 0x5820,
    E1000_WUPM_LAST = 0x5a7c
};

/* ICR, ICS, IMS, IMC */
#define E1000_INT_TXDW   0x00001
#define E1000_INT_TXQE   0x00002
#define E1000_INT_LSC    0x00004
#define E1000_INT_RXDMT0 0x00010
#define E1000_INT_RXT0   0x00080
#define E1000_INT_MDAC   0x00200
#define E1000_INT_ALL    0x1fedf

#define CTRL_VME 0x40000000u

/* What a context descriptor leaves for the data descriptors (section 3.3.6). */
typedef struct E1000Context {
    uint8_t ip_start, ip_offset, tu_start, tu_offset;
    uint16_t ip_end, tu_end; /* inclusive; 0: to the packet's end */
    uint16_t mss;
    uint8_t header_len;
    uint8_t command;
} E1000Context;

/* An interrupt that waits a while for company (sections 3.2.7, 3.4.3). */
typedef struct E1000Delay {
    QEMUTimer timer;
    int64_t first_ns; /* when the oldest of what waits happened */
} E1000Delay;

typedef struct E1000State {
    PCIDevice pci;
    NICConf conf;
    MemoryRegion mmio, io;
    uint32_t reg[E1000_REG_BYTES / 4];
    uint16_t phy[E1000_PHY_REGS];
    uint32_t io_address; /* IOADDR of the I/O window */
    EEPROM93 eeprom;
    E1000Context context[2]; /* [1]: for segmentation */
    E1000Delay rx_delay, tx_delay;
    QEMUTimer tx_timer;  /* a long transmit ring goes on later */
    QEMUTimer itr_timer; /* the interrupt throttle's end */
    int64_t irq_ns;      /* virtual clock when the interrupt was last asserted */
} E1000State;

/* The registers that count the frames of one direction (section 13.7). */
typedef struct E1000FrameCounters {
    uint16_t good, total;
    uint16_t good_octets, total_octets; /* low halves */
    uint16_t first_size;                /* of six: by size */
    uint16_t broadcast, multicast;
} E1000FrameCounters;

static inline uint32_t e1000_reg(const E1000State *s, unsigned reg)
{
    return s->reg[reg / 4];
}

/* e1000.c */
void e1000_raise(E1000State *s, uint32_t causes);
/* After `unit` times the registers' values (1.024 us each): relative to the newest, at most absolute to the oldest. 0:
 * at once. */
void e1000_raise_later(E1000State *s, E1000Delay *delay, uint32_t relative, uint32_t absolute, uint32_t causes);
void e1000_count(E1000State *s, unsigned reg);
/* A good frame that came or went. len without FCS. */
void e1000_count_frame(E1000State *s, const E1000FrameCounters *c, const uint8_t *frame, size_t len);
bool e1000_is_looped(const E1000State *s);

/* e1000-rx.c: as NICInfo.receive */
bool e1000_receive(void *opaque, const uint8_t *frame, size_t len);

/* e1000-tx.c: what lies between TDH and TDT; also the timer's callback */
void e1000_transmit(void *opaque);

#endif
