/* hw/dma/i8257.h  The DMA controllers as devices with DREQ and DACK use them (floppy: channel 2). hw/dma/i8257.c */
#ifndef HW_DMA_I8257_H
#define HW_DMA_I8257_H

#include "hw/core/device.h"

/* channel 0-3: bytes; 5-7: 16-bit words (len must be even). Request line of a device; shows in the status register. */
void i8257_set_dreq(Device *dma, int channel, int level);
/* Programmed for that direction, unmasked, controllers enabled: data can move. */
bool i8257_ready(Device *dma, int channel, bool to_memory);
/*
 * Move at most len bytes between buf and guest memory, as programmed (address up or down, verify moves nothing into
 * memory but counts). Returns the bytes moved, short at terminal count, 0 when not ready. *tc (may be NULL): terminal
 * count was reached.
 */
size_t i8257_to_memory(Device *dma, int channel, const void *buf, size_t len, bool *tc);
size_t i8257_from_memory(Device *dma, int channel, void *buf, size_t len, bool *tc);

#endif
