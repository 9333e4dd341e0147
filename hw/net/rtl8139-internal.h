/*
 * hw/net/rtl8139-internal.h  The RTL8139C+'s registers and state, shared by its three files: rtl8139.c (registers,
 * filters, timer), rtl8139-normal.c (receive ring and four transmit slots), rtl8139-cplus.c (descriptor rings).
 */
#ifndef HW_NET_RTL8139_INTERNAL_H
#define HW_NET_RTL8139_INTERNAL_H

#include "hw/net/nic-common.h"
#include "hw/nvram/eeprom93xx.h"

/* Registers (data sheet, section 6). */
enum {
    RTL_IDR0 = 0x00,
    RTL_MAR0 = 0x08,
    RTL_TSD0 = 0x10,
    RTL_DTCCR = 0x10, /* C+ mode */
    RTL_TSAD0 = 0x20,
    RTL_TNPDS = 0x20, /* C+ mode; THPDS follows */
    RTL_RBSTART = 0x30,
    RTL_CR = 0x37,
    RTL_CAPR = 0x38,
    RTL_CBR = 0x3a,
    RTL_IMR = 0x3c,
    RTL_ISR = 0x3e,
    RTL_TCR = 0x40,
    RTL_RCR = 0x44,
    RTL_TCTR = 0x48,
    RTL_MPC = 0x4c,
    RTL_9346CR = 0x50,
    RTL_CONFIG1 = 0x52,
    RTL_TIMERINT = 0x54,
    RTL_MSR = 0x58,
    RTL_TSAD = 0x60,
    RTL_BMCR = 0x62,
    RTL_BMSR = 0x64,
    RTL_ANAR = 0x66,
    RTL_ANLPAR = 0x68,
    RTL_ANER = 0x6a,
    RTL_TPPOLL = 0xd9,
    RTL_CPCR = 0xe0,
    RTL_RDSAR = 0xe4,
    RTL_REGS = 0x100
};

/* CR */
#define CR_BUFE 0x01
#define CR_TE   0x04
#define CR_RE   0x08
#define CR_RST  0x10
/* ISR, IMR */
#define ISR_ROK     0x0001
#define ISR_RER     0x0002
#define ISR_TOK     0x0004
#define ISR_TER     0x0008
#define ISR_RXOVW   0x0010 /* C+: no receive descriptor */
#define ISR_LINKCHG 0x0020
#define ISR_TDU     0x0080 /* C+: no more transmit descriptors */
#define ISR_SWINT   0x0100
#define ISR_TIMEOUT 0x4000
/* RCR */
#define RCR_AAP  0x01
#define RCR_APM  0x02
#define RCR_AM   0x04
#define RCR_AB   0x08
#define RCR_WRAP 0x80
/* CPCR */
#define CPCR_CPTX     0x01
#define CPCR_CPRX     0x02
#define CPCR_RXCHKSUM 0x20
#define CPCR_RXVLAN   0x40
/* What a received frame was addressed to, as in the normal mode's status; C+ mode has the same in the same order. */
#define RX_BAR 0x2000
#define RX_PAM 0x4000
#define RX_MAR 0x8000

#define RTL_RING_DESCRIPTORS 64   /* the C+ rings' greatest length */
#define RTL_MAX_FRAME        4096 /* with FCS; longer ones trip the receive watchdog */

/* The tally counters; order and sizes are the dump's (section 6.3). */
typedef struct RTLCounters {
    uint64_t tx_ok, rx_ok, tx_errors;
    uint32_t rx_errors;
    uint16_t missed, align_errors;
    uint32_t tx_one_collision, tx_more_collisions;
    uint64_t rx_physical, rx_broadcast;
    uint32_t rx_multicast;
    uint16_t tx_aborted, tx_underruns;
} RTLCounters;

typedef struct RTL8139State {
    PCIDevice pci;
    NICConf conf;
    MemoryRegion io, mmio;
    uint8_t reg[RTL_REGS]; /* little-endian, as the guest reads them unless a hook says otherwise */
    uint8_t tx_slot;       /* normal mode: whose turn it is */
    uint8_t tx_index[2];   /* C+ mode: place in the normal and in the high priority ring */
    uint8_t rx_index;
    int64_t timer_base_ns; /* virtual clock when TCTR was 0 */
    QEMUTimer timer;       /* TCTR reaches TimerInt */
    RTLCounters counters;
    EEPROM93 eeprom;
} RTL8139State;

static inline uint16_t rtl_reg16(const RTL8139State *s, unsigned reg)
{
    return lduw_le_p(s->reg + reg);
}
static inline uint32_t rtl_reg32(const RTL8139State *s, unsigned reg)
{
    return ldl_le_p(s->reg + reg);
}
static inline bool rtl_cplus_tx(const RTL8139State *s)
{
    return s->reg[RTL_CPCR] & CPCR_CPTX;
}
static inline bool rtl_cplus_rx(const RTL8139State *s)
{
    return s->reg[RTL_CPCR] & CPCR_CPRX;
}

/* rtl8139.c */
void rtl_raise(RTL8139State *s, uint16_t isr_bits);
/* To the wire, or back in when looped. len >= 14. */
void rtl_send_frame(RTL8139State *s, const uint8_t *frame, size_t len);

/* rtl8139-normal.c */
void rtl_normal_transmit(RTL8139State *s); /* all slots whose turn it is */
/* False: no room. rx_status: RX_BAR, RX_PAM, RX_MAR. */
bool rtl_normal_receive(RTL8139State *s, const uint8_t *frame, size_t len, uint16_t rx_status);
bool rtl_normal_ring_empty(const RTL8139State *s);

/* rtl8139-cplus.c */
void rtl_cplus_transmit(RTL8139State *s, int ring); /* 0 normal, 1 high priority */
bool rtl_cplus_receive(RTL8139State *s, const uint8_t *frame, size_t len, uint16_t rx_status);

#endif
