/* hw/core/memory-internal.h  What hw/core/memory.c asks of hw/core/ram.c. */
#ifndef HW_CORE_MEMORY_INTERNAL_H
#define HW_CORE_MEMORY_INTERNAL_H

#include "exec/memory.h"

/* Reserve the RAM space and its page flags; once. */
void ram_space_init(void);
/* The next `size` bytes (whole pages) of the RAM space, all zero. Ends the process when the space or the host is full.
 */
ram_addr_t ram_space_alloc(uint64_t size);
/* Bit 0 of page_bitmap is the page of addr. Every bit of the range is written. */
bool ram_test_and_clear_dirty_vga(ram_addr_t addr, uint64_t len, unsigned long *page_bitmap);

#endif
