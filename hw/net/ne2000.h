/*
 * hw/net/ne2000.h  The NE2000: a DP8390 network controller, 16 KiB of its own memory, an address PROM and a data port.
 * A card of some bus embeds it, maps ne2000_ops (32 ports) and gives it an interrupt line.
 */
#ifndef HW_NET_NE2000_H
#define HW_NET_NE2000_H

#include "exec/memory.h"
#include "hw/core/irq.h"
#include "migration/vmstate.h"
#include "net/net.h"

#define NE2000_PORTS    32
#define NE2000_RAM_BASE 0x4000
#define NE2000_RAM_SIZE 0x4000

typedef struct NE2000 {
    uint8_t ram[NE2000_RAM_SIZE];
    uint8_t prom[32]; /* each byte twice: the bus is 16 bits wide */
    uint8_t cr, isr, imr, dcr, rcr, tcr, tsr, rsr;
    uint8_t pstart, pstop, bnry, curr, tpsr; /* pages of 256 bytes */
    uint16_t tbcr;                           /* transmit byte count */
    uint16_t rsar, rbcr;                     /* remote DMA: start address, byte count; count on */
    uint8_t par[6], mar[8];                  /* station address, multicast filter */
    uint8_t cr9346, config3;                 /* RTL8029's page 3 */
    NICPeer *peer;
    IRQLine irq;
} NE2000;

extern const VMStateDescription vmstate_ne2000;
extern const MemoryRegionOps ne2000_ops;

/* Wiring is set: fill the PROM. */
void ne2000_init(NE2000 *s, const MACAddr *mac);
void ne2000_reset(NE2000 *s);
/* As NICInfo.receive. */
bool ne2000_receive(void *opaque, const uint8_t *frame, size_t len);

#endif
