/*
 * hw/intc/i8259.c  The two 8259A interrupt controllers of a PC, as the 82371SB (PIIX3) contains them.
 *
 * Intel 8259A data sheet (231468) and the PIIX3 data sheet (290550, section 4.6). Ports 20h-21h (master), A0h-A1h
 * (slave, on the master's IR2), 4D0h-4D1h (ELCR: level or edge per input).
 * As in the PIIX3: LTIM of ICW1 has no effect (ELCR decides), and the cascade is wired, so ICW3 is accepted but selects
 * nothing. Left out on purpose: MCS-80 mode and the buffered-mode pin.
 *
 * An input must stay high until INTA, in edge mode too: a request whose line falls before is withdrawn, and an INTA
 * that finds no request gets IR7's vector without an in-service bit (spurious interrupt).
 */
#include "exec/memory.h"
#include "hw/intc/intc.h"
#include "util/info.h"

#define CASCADE_IR  2
#define SPURIOUS_IR 7

#define ICW1_SELECT 0x10 /* in a write with A0 = 0 */
#define ICW1_SNGL   0x02
#define ICW1_IC4    0x01
#define ICW4_AEOI   0x02
#define ICW4_SFNM   0x10
#define OCW3_SELECT 0x08 /* in a write with A0 = 0 and no ICW1_SELECT */
#define OCW3_ESMM   0x40
#define OCW3_SMM    0x20
#define OCW3_POLL   0x04
#define OCW3_RR     0x02
#define OCW3_RIS    0x01

/* What the next write with A0 = 1 is. */
enum { EXPECT_OCW1, EXPECT_ICW2, EXPECT_ICW3, EXPECT_ICW4 };

typedef struct PICState PICState;

typedef struct PICChip {
    uint8_t lines; /* input levels */
    uint8_t irr, imr, isr;
    uint8_t elcr;      /* 1: level triggered */
    uint8_t irq_base;  /* vector of IR0 */
    uint8_t top;       /* input of highest priority, 0..7; moved by the rotate commands */
    uint8_t expect;    /* EXPECT_* */
    bool single, icw4; /* of the ICW1 in progress: no ICW3; an ICW4 will come */
    bool auto_eoi;
    bool rotate_on_aeoi;
    bool sfnm; /* special fully nested mode */
    bool special_mask;
    bool read_isr; /* reads with A0 = 0 give ISR, not IRR */
    bool poll;     /* the next read is an acknowledge */
    bool intr;     /* INT output */
    PICState *pic;
    bool slave;
    uint8_t elcr_mask; /* inputs that may be level triggered */
    MemoryRegion io, elcr_io;
} PICChip;

struct PICState {
    Device dev;
    PICChip chip[2]; /* master, slave */
    IRQLine intr;
};

/* ---- priority ---- */

/* Position of the highest-priority bit of `set`, 0 (highest) to 7, or 8 when none is set. */
static int highest_priority(const PICChip *c, uint8_t set)
{
    for (int rank = 0; rank < 8; rank++) {
        if (set >> ((c->top + rank) & 7) & 1) {
            return rank;
        }
    }
    return 8;
}

/* In-service bits that hold back requests of lower priority. */
static uint8_t blocking_isr(const PICChip *c)
{
    uint8_t isr = c->isr;
    if (c->special_mask) {
        isr &= ~c->imr;
    }
    return isr;
}

/* The input to be served now, or -1. */
static int chip_request(const PICChip *c)
{
    int request = highest_priority(c, c->irr & ~c->imr);
    int service = highest_priority(c, blocking_isr(c));
    int ir = (c->top + request) & 7;
    bool nested = c->sfnm && !c->slave && ir == CASCADE_IR && request == service && request < 8;
    return request < service || nested ? ir : -1;
}

/* ---- INT output and inputs ---- */

static void chip_set_line(PICChip *c, int ir, int level);

static void chip_set_intr(PICChip *c, bool level)
{
    if (c->intr == level) {
        return;
    }
    c->intr = level;
    if (c->slave) {
        chip_set_line(&c->pic->chip[0], CASCADE_IR, level);
    } else {
        irq_set(c->pic->intr, level);
    }
}

static void chip_update(PICChip *c)
{
    chip_set_intr(c, chip_request(c) >= 0);
}

static void chip_set_line(PICChip *c, int ir, int level)
{
    uint8_t bit = 1 << ir;
    bool level_triggered = c->elcr & bit;
    if (!level) {
        c->lines &= ~bit;
        c->irr &= ~bit;
    } else {
        if (level_triggered || !(c->lines & bit)) {
            c->irr |= bit;
        }
        c->lines |= bit;
    }
    chip_update(c);
}

void i8259_set_irq(void *pic, int n, int level)
{
    PICState *s = pic;
    if (n < 0 || n > 15 || n == CASCADE_IR) {
        return;
    }
    chip_set_line(&s->chip[n >> 3], n & 7, level);
}

/* ---- acknowledge and end of interrupt ---- */

static void rotate_below(PICChip *c, int ir)
{
    c->top = (ir + 1) & 7;
}

static void chip_acknowledge(PICChip *c, int ir)
{
    uint8_t bit = 1 << ir;
    if (!(c->elcr & bit)) {
        c->irr &= ~bit;
    }
    if (!c->auto_eoi) {
        c->isr |= bit;
    } else if (c->rotate_on_aeoi) {
        rotate_below(c, ir);
    }
    /* INT falls with every acknowledge: the master's edge-triggered IR2 sees the slave's next request as an edge. */
    chip_set_intr(c, false);
    chip_update(c);
}

/* One chip's part of INTA: its input's number; the spurious one when no request is left. */
static int chip_inta(PICChip *c)
{
    int ir = chip_request(c);
    if (ir < 0) {
        return SPURIOUS_IR;
    }
    chip_acknowledge(c, ir);
    return ir;
}

int i8259_read_irq(Device *pic)
{
    PICState *s = (PICState *)pic;
    PICChip *master = &s->chip[0], *slave = &s->chip[1];
    int ir = chip_inta(master);
    if (ir != CASCADE_IR) {
        return master->irq_base + ir;
    }
    ir = chip_inta(slave);
    return slave->irq_base + ir;
}

bool i8259_pending(Device *pic)
{
    return ((PICState *)pic)->chip[0].intr;
}

/* Non-specific: the in-service bit of highest priority; in special mask mode not a masked one. -1: none. */
static int nonspecific_eoi(PICChip *c)
{
    int rank = highest_priority(c, blocking_isr(c));
    if (rank == 8) {
        return -1;
    }
    int ir = (c->top + rank) & 7;
    c->isr &= ~(1 << ir);
    return ir;
}

/* ---- command words ---- */

static void write_icw1(PICChip *c, uint8_t value)
{
    c->expect = EXPECT_ICW2;
    c->single = value & ICW1_SNGL;
    c->icw4 = value & ICW1_IC4;
    c->imr = 0;
    c->isr = 0;
    c->irr = c->lines & c->elcr; /* the edge sense circuits start over: an edge has to come */
    c->top = 0;
    c->special_mask = c->read_isr = c->poll = false;
    c->auto_eoi = c->rotate_on_aeoi = c->sfnm = false;
    chip_set_intr(c, false);
    chip_update(c);
}

static void write_ocw2(PICChip *c, uint8_t value)
{
    int ir = value & 7;
    switch (value >> 5) { /* R, SL, EOI */
    case 0:
        c->rotate_on_aeoi = false;
        break;
    case 1:
        nonspecific_eoi(c);
        break;
    case 2: /* no operation */
        break;
    case 3:
        c->isr &= ~(1 << ir);
        break;
    case 4:
        c->rotate_on_aeoi = true;
        break;
    case 5:
        ir = nonspecific_eoi(c);
        if (ir >= 0) {
            rotate_below(c, ir);
        }
        break;
    case 6:
        rotate_below(c, ir);
        break;
    case 7:
        c->isr &= ~(1 << ir);
        rotate_below(c, ir);
        break;
    }
    chip_update(c);
}

static void write_ocw3(PICChip *c, uint8_t value)
{
    if (value & OCW3_ESMM) {
        c->special_mask = value & OCW3_SMM;
    }
    if (value & OCW3_POLL) {
        c->poll = true;
    } else if (value & OCW3_RR) {
        c->read_isr = value & OCW3_RIS;
    }
    chip_update(c);
}

static void write_icw4(PICChip *c, uint8_t value)
{
    c->auto_eoi = value & ICW4_AEOI;
    c->sfnm = value & ICW4_SFNM;
    chip_update(c);
}

static void write_data(PICChip *c, uint8_t value)
{
    switch (c->expect) {
    case EXPECT_OCW1:
        c->imr = value;
        chip_update(c);
        break;
    case EXPECT_ICW2:
        c->irq_base = value & 0xf8;
        c->expect = !c->single ? EXPECT_ICW3 : c->icw4 ? EXPECT_ICW4 : EXPECT_OCW1;
        break;
    case EXPECT_ICW3:
        c->expect = c->icw4 ? EXPECT_ICW4 : EXPECT_OCW1;
        break;
    case EXPECT_ICW4:
        c->expect = EXPECT_OCW1;
        write_icw4(c, value);
        break;
    }
}

/* ---- ports ---- */

static void pic_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PICChip *c = opaque;
    (void)size;
    if (addr == 1) {
        write_data(c, value);
    } else if (value & ICW1_SELECT) {
        write_icw1(c, value);
    } else if (value & OCW3_SELECT) {
        write_ocw3(c, value);
    } else {
        write_ocw2(c, value);
    }
}

/* The poll word: bit 7 says that there was a request, bits 2:0 which. */
static uint8_t read_poll(PICChip *c)
{
    bool request = chip_request(c) >= 0;
    c->poll = false;
    return chip_inta(c) | request << 7;
}

static uint64_t pic_read(void *opaque, hwaddr addr, unsigned size)
{
    PICChip *c = opaque;
    (void)size;
    if (c->poll) {
        return read_poll(c);
    }
    if (addr == 1) {
        return c->imr;
    }
    return c->read_isr ? c->isr : c->irr;
}

static uint64_t elcr_read(void *opaque, hwaddr addr, unsigned size)
{
    PICChip *c = opaque;
    (void)addr, (void)size;
    return c->elcr;
}

static void elcr_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PICChip *c = opaque;
    (void)addr, (void)size;
    c->elcr = value & c->elcr_mask;
    c->irr |= c->lines & c->elcr;
    chip_update(c);
}

static const MemoryRegionOps pic_ops = { .read = pic_read, .write = pic_write, .min_access = 1, .max_access = 1 };
static const MemoryRegionOps elcr_ops = { .read = elcr_read, .write = elcr_write, .min_access = 1, .max_access = 1 };

/* ---- life ---- */

static void chip_info(const PICChip *c, InfoPrint *print, void *opaque)
{
    char line[128];
    snprintf(line, sizeof(line), "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x rr_sel=%d elcr=%02x fnm=%d",
             c->slave, c->irr, c->imr, c->isr, c->top, c->irq_base, c->read_isr, c->elcr, c->sfnm);
    print(opaque, line);
}

void i8259_info(Device *pic, InfoPrint *print, void *opaque)
{
    PICState *s = (PICState *)pic;
    chip_info(&s->chip[1], print, opaque);
    chip_info(&s->chip[0], print, opaque);
}

void i8259_connect(Device *pic, IRQLine intr)
{
    ((PICState *)pic)->intr = intr;
}

/* The levels at the inputs are the other chips' and stay; all else is as if never programmed. */
static void chip_reset(PICChip *c)
{
    c->elcr = 0;
    c->irq_base = 0;
    write_icw1(c, 0);
    c->expect = EXPECT_OCW1;
}

static void pic_reset(Device *dev)
{
    PICState *s = (PICState *)dev;
    chip_reset(&s->chip[1]);
    chip_reset(&s->chip[0]);
}

static void chip_realize(PICState *s, int n, hwaddr port, uint8_t elcr_mask)
{
    PICChip *c = &s->chip[n];
    c->pic = s;
    c->slave = n == 1;
    c->elcr_mask = elcr_mask;
    memory_region_init_io(&c->io, &pic_ops, c, "pic", 2);
    memory_region_add_subregion(get_system_io(), port, &c->io);
    memory_region_init_io(&c->elcr_io, &elcr_ops, c, "elcr", 1);
    memory_region_add_subregion(get_system_io(), 0x4d0 + n, &c->elcr_io);
}

/* IRQ 0, 1, 2, 8 and 13 are always edge triggered. */
static bool pic_realize(Device *dev, Error **errp)
{
    PICState *s = (PICState *)dev;
    (void)errp;
    chip_realize(s, 0, 0x20, 0xf8);
    chip_realize(s, 1, 0xa0, 0xde);
    return true;
}

static bool chip_post_load(void *opaque, Error **errp)
{
    PICChip *c = opaque;
    if (c->top > 7 || c->expect > EXPECT_ICW4) {
        error_setg(errp, "i8259: priority %u or initialisation step %u is out of range", c->top, c->expect);
        return false;
    }
    return true;
}

static const VMStateDescription vmstate_pic_chip = {
    .name = "i8259-chip",
    .version = 1,
    .post_load = chip_post_load,
    .fields =
        (const VMStateField[]){
            VMSTATE_INT(PICChip, lines),
            VMSTATE_INT(PICChip, irr),
            VMSTATE_INT(PICChip, imr),
            VMSTATE_INT(PICChip, isr),
            VMSTATE_INT(PICChip, elcr),
            VMSTATE_INT(PICChip, irq_base),
            VMSTATE_INT(PICChip, top),
            VMSTATE_INT(PICChip, expect),
            VMSTATE_BOOL(PICChip, single),
            VMSTATE_BOOL(PICChip, icw4),
            VMSTATE_BOOL(PICChip, auto_eoi),
            VMSTATE_BOOL(PICChip, rotate_on_aeoi),
            VMSTATE_BOOL(PICChip, sfnm),
            VMSTATE_BOOL(PICChip, special_mask),
            VMSTATE_BOOL(PICChip, read_isr),
            VMSTATE_BOOL(PICChip, poll),
            VMSTATE_BOOL(PICChip, intr),
            VMSTATE_DERIVED(PICChip, pic),
            VMSTATE_DERIVED(PICChip, slave),
            VMSTATE_DERIVED(PICChip, elcr_mask),
            VMSTATE_DERIVED(PICChip, io),
            VMSTATE_DERIVED(PICChip, elcr_io),
            VMSTATE_END,
        },
};

static const VMStateDescription vmstate_i8259 = {
    .name = "i8259",
    .version = 1,
    .fields =
        (const VMStateField[]){
            VMSTATE_DERIVED(PICState, dev),
            VMSTATE_STRUCT_ARRAY(PICState, chip, vmstate_pic_chip),
            VMSTATE_DERIVED(PICState, intr),
            VMSTATE_END,
        },
};

const DeviceType i8259_type = {
    .name = "isa-i8259",
    .size = sizeof(PICState),
    .vmsd = &vmstate_i8259,
    .realize = pic_realize,
    .reset = pic_reset,
};
