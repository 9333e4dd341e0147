/*
 * hw/nvram/eeprom93xx.h  Microwire serial EEPROM 93C46 (64 words) and 93C66 (256 words), 16-bit organisation.
 *
 * Part of another chip, which wires its four pins; the owner nests vmstate_eeprom93xx in its state.
 */
#ifndef HW_NVRAM_EEPROM93XX_H
#define HW_NVRAM_EEPROM93XX_H

#include "migration/vmstate.h"

#define EEPROM93_MAX_WORDS 256

typedef struct EEPROM93 {
    uint16_t words[EEPROM93_MAX_WORDS];
    uint16_t shift;       /* bits of the command or of the data to write, so far */
    uint8_t address_bits; /* 6 or 8; wiring */
    uint8_t state, count; /* what the next clock means; bits so far */
    uint8_t address, opcode;
    bool select, clock; /* levels of CS and SK */
    bool out;           /* DO */
    bool writable;      /* EWEN was given */
} EEPROM93;

extern const VMStateDescription vmstate_eeprom93xx;

/* Contents: all ones. address_bits: 6 or 8. */
void eeprom93xx_init(EEPROM93 *e, unsigned address_bits);
/* Levels of CS, SK, DI. */
void eeprom93xx_write(EEPROM93 *e, bool select, bool clock, bool data_in);
/* Level of DO. */
static inline bool eeprom93xx_read(const EEPROM93 *e)
{
    return e->out;
}

#endif
