/*
 * hw/intc/ioapic.c  I/O APIC (Intel 82093AA, data sheet 290566) at FEC00000h, 24 inputs, in its later form: version
 * 20h, with the EOI register of the ICH parts and messages that go straight to the local APICs (no serial bus, so the
 * delivery status bit always reads idle).
 *
 * An input is "asserted" or not: the board has no wire whose electrical level differs from that, so the polarity bit is
 * kept for the guest and changes nothing. As the data sheet says, an edge at a masked input is lost.
 */
#include "exec/memory.h"
#include "hw/intc/intc.h"
#include "util/info.h"

#define IOAPIC_BASE 0xfec00000ull
#define NB_PINS     24
#define VERSION     0x20

/* Memory offsets */
#define IOREGSEL 0x00
#define IOWIN    0x10
#define IOEOI    0x40

/* Registers behind IOREGSEL */
#define REG_ID    0x00
#define REG_VER   0x01
#define REG_ARB   0x02
#define REG_REDIR 0x10 /* two per pin */

/* Redirection table entry */
#define RTE_VECTOR(e)  ((uint8_t)(e))
#define RTE_MODE(e)    ((e) >> 8 & 7)
#define RTE_LOGICAL    (1ull << 11)
#define RTE_STATUS     (1ull << 12)
#define RTE_ACTIVE_LOW (1ull << 13)
#define RTE_REMOTE_IRR (1ull << 14)
#define RTE_LEVEL      (1ull << 15)
#define RTE_MASKED     (1ull << 16)
#define RTE_DEST(e)    ((uint8_t)((e) >> 56))
#define RTE_READ_ONLY  (RTE_STATUS | RTE_REMOTE_IRR)
#define RTE_WRITABLE   (0xff0000000001ffffull & ~RTE_READ_ONLY)

#define MODE_LOWEST 1 /* delivery modes up to this one can be level triggered */

typedef struct IOAPICState {
    Device dev;
    uint8_t id; /* 0..15 */
    uint8_t sel;
    uint32_t lines; /* asserted inputs */
    uint64_t redir[NB_PINS];
    MemoryRegion mmio;
} IOAPICState;

/* The one that a local APIC's EOI reaches; set when the board creates it. */
static IOAPICState *the_ioapic;

/* ---- delivery ---- */

/* SMI, NMI, INIT and ExtINT are edges whatever the trigger bit says. */
static bool is_level(uint64_t rte)
{
    return (rte & RTE_LEVEL) && RTE_MODE(rte) <= MODE_LOWEST;
}

static void send(uint64_t rte)
{
    apic_deliver(RTE_DEST(rte), rte & RTE_LOGICAL, RTE_MODE(rte), RTE_VECTOR(rte), is_level(rte));
}

/* A level-triggered input that is asserted sends once, then waits for its EOI. */
static void service_level(IOAPICState *s, int pin)
{
    uint64_t rte = s->redir[pin];
    if (is_level(rte) && (s->lines >> pin & 1) && !(rte & (RTE_MASKED | RTE_REMOTE_IRR))) {
        s->redir[pin] |= RTE_REMOTE_IRR;
        send(rte);
    }
}

void ioapic_set_irq(void *ioapic, int n, int level)
{
    IOAPICState *s = ioapic;
    if (n < 0 || n >= NB_PINS) {
        return;
    }
    uint32_t bit = 1u << n;
    bool rising = level && !(s->lines & bit);
    s->lines = level ? s->lines | bit : s->lines & ~bit;
    if (is_level(s->redir[n])) {
        service_level(s, n);
    } else if (rising && !(s->redir[n] & RTE_MASKED)) {
        send(s->redir[n]);
    }
}

static void end_of_interrupt(IOAPICState *s, uint8_t vector)
{
    for (int pin = 0; pin < NB_PINS; pin++) {
        if ((s->redir[pin] & RTE_REMOTE_IRR) && RTE_VECTOR(s->redir[pin]) == vector) {
            s->redir[pin] &= ~RTE_REMOTE_IRR;
            service_level(s, pin);
        }
    }
}

void ioapic_eoi_broadcast(int vector)
{
    if (the_ioapic) {
        end_of_interrupt(the_ioapic, vector);
    }
}

/* ---- registers ---- */

static uint32_t read_register(const IOAPICState *s)
{
    unsigned index = s->sel - REG_REDIR;
    switch (s->sel) {
    case REG_ID:
    case REG_ARB:
        return s->id << 24;
    case REG_VER:
        return (NB_PINS - 1) << 16 | VERSION;
    default:
        return s->sel >= REG_REDIR && index < 2 * NB_PINS ? s->redir[index / 2] >> (index & 1) * 32 : 0;
    }
}

/* Remote IRR falls when an entry is made edge triggered: how software clears it on parts without the EOI register. */
static void write_redir(IOAPICState *s, unsigned index, uint32_t value)
{
    uint64_t old = s->redir[index / 2];
    uint64_t rte = deposit64(old, (index & 1) * 32, 32, value) & RTE_WRITABLE;
    rte |= old & RTE_READ_ONLY;
    if (!(rte & RTE_LEVEL)) {
        rte &= ~RTE_REMOTE_IRR;
    }
    s->redir[index / 2] = rte;
    service_level(s, index / 2);
}

static void write_register(IOAPICState *s, uint32_t value)
{
    unsigned index = s->sel - REG_REDIR;
    if (s->sel == REG_ID) {
        s->id = value >> 24 & 15;
    } else if (s->sel >= REG_REDIR && index < 2 * NB_PINS) {
        write_redir(s, index, value);
    }
}

static uint64_t ioapic_read(void *opaque, hwaddr addr, unsigned size)
{
    IOAPICState *s = opaque;
    uint32_t value = 0;
    (void)size;
    switch (addr & ~3ull) {
    case IOREGSEL:
        value = s->sel;
        break;
    case IOWIN:
        value = read_register(s);
        break;
    }
    return value >> (addr & 3) * 8;
}

static void ioapic_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    IOAPICState *s = opaque;
    (void)size;
    switch (addr) {
    case IOREGSEL:
        s->sel = value;
        break;
    case IOWIN:
        write_register(s, value);
        break;
    case IOEOI:
        end_of_interrupt(s, value);
        break;
    }
}

/* Bytes too: IOREGSEL has only eight bits and some systems write just those. */
static const MemoryRegionOps ioapic_ops = {
    .read = ioapic_read,
    .write = ioapic_write,
    .min_access = 1,
    .max_access = 4,
};

/* ---- monitor ---- */

static void print_pin(const IOAPICState *s, int pin, InfoPrint *print, void *opaque)
{
    static const char *const mode_names[8] = { "fixed", "lowpri", "smi", "...", "nmi", "init", "...", "extint" };
    uint64_t rte = s->redir[pin];
    char line[128];
    snprintf(line, sizeof(line), "  pin %-2d 0x%016" PRIx64 " dest=%x vec=%-3u %s %-5s %-6s %-6s %s", pin, rte,
             RTE_DEST(rte), RTE_VECTOR(rte), rte & RTE_ACTIVE_LOW ? "active-lo" : "active-hi",
             rte & RTE_LEVEL ? "level" : "edge", rte & RTE_MASKED ? "masked" : "", mode_names[RTE_MODE(rte)],
             rte & RTE_LOGICAL ? "logical" : "physical");
    print(opaque, line);
}

static void print_pins(const char *name, uint32_t set, InfoPrint *print, void *opaque)
{
    g_autoptr(GString) line = g_string_new("");
    g_string_printf(line, "  %-8s ", name);
    for (int pin = 0; pin < NB_PINS; pin++) {
        if (set >> pin & 1) {
            g_string_append_printf(line, "%d ", pin);
        }
    }
    print(opaque, set ? line->str : g_string_append(line, "(none)")->str);
}

void ioapic_info(Device *dev, InfoPrint *print, void *opaque)
{
    IOAPICState *s = (IOAPICState *)dev;
    uint32_t level = 0, remote = 0;
    g_autoptr(GString) line = g_string_new("");
    g_string_printf(line, "ioapic%d: ver=0x%x id=0x%02x sel=0x%02x", dev->instance, VERSION, s->id, s->sel);
    if (s->sel >= REG_REDIR && s->sel < REG_REDIR + 2 * NB_PINS) {
        g_string_append_printf(line, " (redir[%d])", (s->sel - REG_REDIR) / 2);
    }
    print(opaque, line->str);
    for (int pin = 0; pin < NB_PINS; pin++) {
        print_pin(s, pin, print, opaque);
        level |= (uint32_t)is_level(s->redir[pin]) << pin;
        remote |= (s->redir[pin] & RTE_REMOTE_IRR ? 1u : 0) << pin;
    }
    print_pins("IRR", s->lines & level, print, opaque);
    print_pins("Remote IRR", remote, print, opaque);
}

/* ---- life ---- */

/* The inputs' levels belong to the other chips and stay. */
static void ioapic_reset(Device *dev)
{
    IOAPICState *s = (IOAPICState *)dev;
    s->id = 0;
    s->sel = 0;
    for (int pin = 0; pin < NB_PINS; pin++) {
        s->redir[pin] = RTE_MASKED;
    }
}

static bool ioapic_realize(Device *dev, Error **errp)
{
    IOAPICState *s = (IOAPICState *)dev;
    (void)errp;
    the_ioapic = s;
    memory_region_init_io(&s->mmio, &ioapic_ops, s, "ioapic", 0x1000);
    memory_region_add_subregion(get_system_memory(), IOAPIC_BASE, &s->mmio);
    ioapic_reset(dev);
    return true;
}

static bool ioapic_post_load(void *opaque, Error **errp)
{
    IOAPICState *s = opaque;
    if (s->id > 15 || s->lines >> NB_PINS) {
        error_setg(errp, "ioapic: id %u or inputs 0x%x out of range", s->id, s->lines);
        return false;
    }
    return true;
}

static const VMStateDescription vmstate_ioapic = {
    .name = "ioapic",
    .version = 1,
    .post_load = ioapic_post_load,
    .fields =
        (const VMStateField[]){
            VMSTATE_DERIVED(IOAPICState, dev),
            VMSTATE_INT(IOAPICState, id),
            VMSTATE_INT(IOAPICState, sel),
            VMSTATE_INT(IOAPICState, lines),
            VMSTATE_INT_ARRAY(IOAPICState, redir),
            VMSTATE_DERIVED(IOAPICState, mmio),
            VMSTATE_END,
        },
};

const DeviceType ioapic_type = {
    .name = "ioapic",
    .size = sizeof(IOAPICState),
    .vmsd = &vmstate_ioapic,
    .realize = ioapic_realize,
    .reset = ioapic_reset,
};
