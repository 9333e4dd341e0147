/*
 * hw/nvram/eeprom93xx.c  Microwire serial EEPROM (Microchip 93C46B/93C66B data sheet, section 3: functional
 * description).
 *
 * A start bit, two bits of opcode, an address; data follows in either direction. Writing takes no time here: DO says
 * ready at once. No other non-determinism than the pins': everything follows from them.
 */
#include "hw/nvram/eeprom93xx.h"

typedef enum EEPROMState { WAIT_START, COMMAND, READING, WRITING, DONE } EEPROMState;
typedef enum EEPROMOpcode { OP_EXTENDED, OP_WRITE, OP_READ, OP_ERASE } EEPROMOpcode;
typedef enum EEPROMExtended { EXT_DISABLE, EXT_WRITE_ALL, EXT_ERASE_ALL, EXT_ENABLE } EEPROMExtended;

static unsigned word_count(const EEPROM93 *e)
{
    return 1u << e->address_bits;
}

/* All words, or the one at the command's address. */
static void store(EEPROM93 *e, bool all, uint16_t value)
{
    for (unsigned i = 0; e->writable && i < word_count(e); i++) {
        if (all || i == e->address) {
            e->words[i] = value;
        }
    }
}

/* The extended command is in the address's two high bits. */
static EEPROMState start_extended(EEPROM93 *e)
{
    switch ((EEPROMExtended)(e->address >> (e->address_bits - 2))) {
    case EXT_WRITE_ALL:
        return WRITING;
    case EXT_ERASE_ALL:
        store(e, true, 0xffff);
        return DONE;
    case EXT_ENABLE:
    case EXT_DISABLE:
        e->writable = e->address >> (e->address_bits - 2) == EXT_ENABLE;
        return DONE;
    }
    return DONE;
}

static EEPROMState start_command(EEPROM93 *e)
{
    e->address = e->shift & (word_count(e) - 1);
    e->opcode = e->shift >> e->address_bits & 3;
    switch ((EEPROMOpcode)e->opcode) {
    case OP_READ:
        e->out = false; /* a dummy bit before the data */
        return READING;
    case OP_WRITE:
        return WRITING;
    case OP_ERASE:
        store(e, false, 0xffff);
        return DONE;
    case OP_EXTENDED:
        return start_extended(e);
    }
    return DONE;
}

/* True when `bits` have been shifted in. */
static bool shift_in(EEPROM93 *e, bool data_in, unsigned bits)
{
    e->shift = e->shift << 1 | data_in;
    if (++e->count < bits) {
        return false;
    }
    e->count = 0;
    return true;
}

/* Reading goes on with the next word as long as the clock does. */
static void shift_out(EEPROM93 *e)
{
    e->out = e->words[e->address] >> (15 - e->count) & 1;
    if (++e->count == 16) {
        e->count = 0;
        e->address = (e->address + 1) & (word_count(e) - 1);
    }
}

static void clock_rises(EEPROM93 *e, bool data_in)
{
    switch ((EEPROMState)e->state) {
    case WAIT_START:
        e->state = data_in ? COMMAND : WAIT_START;
        e->count = e->shift = 0;
        break;
    case COMMAND:
        if (shift_in(e, data_in, 2 + e->address_bits)) {
            e->state = start_command(e);
        }
        break;
    case READING:
        shift_out(e);
        break;
    case WRITING:
        if (shift_in(e, data_in, 16)) {
            store(e, e->opcode == OP_EXTENDED, e->shift);
            e->state = DONE;
        }
        break;
    case DONE:
        break;
    }
}

void eeprom93xx_write(EEPROM93 *e, bool select, bool clock, bool data_in)
{
    if (!select) {
        e->state = WAIT_START;
        e->out = true; /* ready, and the pull-up */
    } else if (e->select && clock && !e->clock) {
        clock_rises(e, data_in);
    }
    e->select = select;
    e->clock = clock;
}

void eeprom93xx_init(EEPROM93 *e, unsigned address_bits)
{
    memset(e, 0, sizeof(*e));
    memset(e->words, 0xff, sizeof(e->words));
    e->address_bits = address_bits;
    e->out = true;
}

static bool eeprom93xx_post_load(void *opaque, Error **errp)
{
    const EEPROM93 *e = opaque;
    if (e->state > DONE || e->count > 15 || e->address >= word_count(e)) {
        error_setg(errp, "eeprom93xx: impossible state %u, bit %u, address %u", e->state, e->count, e->address);
        return false;
    }
    return true;
}

static const VMStateField eeprom93xx_fields[] = {
    VMSTATE_INT_ARRAY(EEPROM93, words), VMSTATE_INT(EEPROM93, shift),     VMSTATE_DERIVED(EEPROM93, address_bits),
    VMSTATE_INT(EEPROM93, state),       VMSTATE_INT(EEPROM93, count),     VMSTATE_INT(EEPROM93, address),
    VMSTATE_INT(EEPROM93, opcode),      VMSTATE_BOOL(EEPROM93, select),   VMSTATE_BOOL(EEPROM93, clock),
    VMSTATE_BOOL(EEPROM93, out),        VMSTATE_BOOL(EEPROM93, writable), VMSTATE_END,
};

const VMStateDescription vmstate_eeprom93xx = {
    .name = "eeprom93xx", .version = 1, .fields = eeprom93xx_fields, .post_load = eeprom93xx_post_load
};
