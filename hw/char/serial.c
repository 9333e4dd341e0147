/*
 * hw/char/serial.c  16550A UART (National PC16550D data sheet), as the PC's COM ports use it.
 *
 * A byte written to THR leaves at once and the transmitter is empty again: the emulator's own output buffer takes
 * everything, so the guest never waits, and how fast it may print does not depend on the host. The transmit FIFO is
 * therefore never occupied. Received bytes wait in the machine's input queue (chardev/char.c) until there is room.
 * Left out on purpose: DMA mode signalling (RXRDY, TXRDY pins), and the OUT2 gate of IBM's adapter card between the
 * chip and the bus: well-known guests (xv6) run with OUT2 clear and expect interrupts.
 */
#include "hw/core/backends.h"
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"
#include "util/timer.h"

#define SERIAL_FIFO_SIZE 16
#define SERIAL_CLOCK_HZ  1843200
#define SERIAL_UNSET     0xffffffffu

enum { IER_RDA = 0x01, IER_THRE = 0x02, IER_LINE = 0x04, IER_MODEM = 0x08 };
enum {
    IIR_MODEM = 0x00,
    IIR_NONE = 0x01,
    IIR_THRE = 0x02,
    IIR_RDA = 0x04,
    IIR_LINE = 0x06,
    IIR_TIMEOUT = 0x0c,
    IIR_FIFO = 0xc0
};
enum { FCR_ENABLE = 0x01, FCR_RESET_RX = 0x02, FCR_RESET_TX = 0x04 };
enum { LCR_STOP = 0x04, LCR_PARITY = 0x08, LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10 };
enum {
    LSR_DR = 0x01,
    LSR_OE = 0x02,
    LSR_PE = 0x04,
    LSR_FE = 0x08,
    LSR_BI = 0x10,
    LSR_THRE = 0x20,
    LSR_TEMT = 0x40,
    LSR_FIFO_ERROR = 0x80
};
enum {
    MSR_DCTS = 0x01,
    MSR_DDSR = 0x02,
    MSR_TERI = 0x04,
    MSR_DDCD = 0x08,
    MSR_CTS = 0x10,
    MSR_DSR = 0x20,
    MSR_RI = 0x40,
    MSR_DCD = 0x80
};

typedef struct SerialState {
    Device dev;
    uint32_t iobase, irq_number, index; /* SERIAL_UNSET: by index, and index by instance */
    Chardev *chr;
    MemoryRegion io;
    IRQLine irq;

    uint16_t divisor;
    uint8_t ier, lcr, mcr, msr, scr;
    uint8_t fcr;        /* enable and trigger bits */
    uint8_t line_error; /* OE, PE, FE, BI as LSR shows them */
    uint8_t rbr;        /* last byte read; an empty receiver shows it again */
    bool thre_pending, timeout_pending;
    uint8_t fifo[SERIAL_FIFO_SIZE];
    uint8_t fifo_error[SERIAL_FIFO_SIZE]; /* PE, FE, BI of each byte */
    uint8_t fifo_head, fifo_count;        /* without FIFO, at most one byte is held */
    QEMUTimer timeout;                    /* receiver idle for four character times */
} SerialState;

static bool serial_fifo_enabled(const SerialState *s)
{
    return s->fcr & FCR_ENABLE;
}

static int serial_capacity(const SerialState *s)
{
    return serial_fifo_enabled(s) ? SERIAL_FIFO_SIZE : 1;
}

static int serial_trigger_level(const SerialState *s)
{
    static const uint8_t levels[4] = { 1, 4, 8, 14 };
    return serial_fifo_enabled(s) ? levels[s->fcr >> 6] : 1;
}

/* Start bit, data, parity, stop bits; ns. A divisor of 0 stops a real baud generator; here it counts as 1. */
static int64_t serial_char_ns(const SerialState *s)
{
    int bits = 1 + 5 + (s->lcr & 3) + (s->lcr & LCR_PARITY ? 1 : 0) + (s->lcr & LCR_STOP ? 2 : 1);
    uint64_t divisor = s->divisor ? s->divisor : 1;
    return muldiv64(bits * divisor * 16, NANOSECONDS_PER_SECOND, SERIAL_CLOCK_HZ);
}

static uint8_t serial_lsr(const SerialState *s)
{
    uint8_t lsr = s->line_error | LSR_THRE | LSR_TEMT | (s->fifo_count ? LSR_DR : 0);
    for (int i = 0; serial_fifo_enabled(s) && i < s->fifo_count; i++) {
        if (s->fifo_error[(s->fifo_head + i) % SERIAL_FIFO_SIZE]) {
            lsr |= LSR_FIFO_ERROR;
        }
    }
    return lsr;
}

/* The interrupt of highest priority, as IIR bits 0-3. */
static uint8_t serial_interrupt_id(const SerialState *s)
{
    if ((s->ier & IER_LINE) && s->line_error) {
        return IIR_LINE;
    }
    if ((s->ier & IER_RDA) && s->fifo_count >= serial_trigger_level(s)) {
        return IIR_RDA;
    }
    if ((s->ier & IER_RDA) && s->timeout_pending) {
        return IIR_TIMEOUT;
    }
    if ((s->ier & IER_THRE) && s->thre_pending) {
        return IIR_THRE;
    }
    if ((s->ier & IER_MODEM) && (s->msr & 0x0f)) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

static void serial_update_irq(SerialState *s)
{
    irq_set(s->irq, serial_interrupt_id(s) != IIR_NONE);
}

/* The idle time counts anew from each byte received or read. */
static void serial_restart_timeout(SerialState *s)
{
    s->timeout_pending = false;
    if (serial_fifo_enabled(s) && s->fifo_count) {
        timer_mod(&s->timeout, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + 4 * serial_char_ns(s));
    } else {
        timer_del(&s->timeout);
    }
}

static void serial_timeout(void *opaque)
{
    SerialState *s = opaque;
    s->timeout_pending = s->fifo_count > 0;
    serial_update_irq(s);
}

/* Errors show in LSR when their byte reaches the top of the FIFO. */
static void serial_show_top_error(SerialState *s)
{
    if (s->fifo_count) {
        s->line_error |= s->fifo_error[s->fifo_head];
    }
}

static void serial_clear_receiver(SerialState *s)
{
    s->fifo_head = s->fifo_count = 0;
    memset(s->fifo_error, 0, sizeof(s->fifo_error));
    serial_restart_timeout(s);
}

/* On overrun a FIFO keeps what it has; the single buffer register is overwritten. */
static void serial_receive_byte(SerialState *s, uint8_t byte, uint8_t error)
{
    if (s->fifo_count == serial_capacity(s)) {
        s->line_error |= LSR_OE;
        if (serial_fifo_enabled(s)) {
            return;
        }
        s->fifo_count = 0;
    }
    int slot = (s->fifo_head + s->fifo_count) % SERIAL_FIFO_SIZE;
    s->fifo[slot] = byte;
    s->fifo_error[slot] = error;
    if (s->fifo_count++ == 0) {
        serial_show_top_error(s);
    }
    serial_restart_timeout(s);
}

static uint8_t serial_read_rbr(SerialState *s)
{
    if (s->fifo_count) {
        s->rbr = s->fifo[s->fifo_head];
        s->fifo_error[s->fifo_head] = 0;
        s->fifo_head = (s->fifo_head + 1) % SERIAL_FIFO_SIZE;
        s->fifo_count--;
        serial_show_top_error(s);
        serial_restart_timeout(s);
        qemu_chr_accept_input(s->chr);
    }
    return s->rbr;
}

static void serial_write_thr(SerialState *s, uint8_t byte)
{
    /* The line falls while THR is occupied: a new edge for the PIC. */
    s->thre_pending = false;
    serial_update_irq(s);
    if (s->mcr & MCR_LOOP) {
        serial_receive_byte(s, byte & (0xff >> (3 - (s->lcr & 3))), 0);
    } else if (!(s->lcr & LCR_BREAK)) {
        qemu_chr_write(s->chr, &byte, 1);
    }
    s->thre_pending = true;
}

static void serial_write_ier(SerialState *s, uint8_t value)
{
    value &= 0x0f;
    if ((value & IER_THRE) && !(s->ier & IER_THRE)) {
        s->thre_pending = true;
    }
    s->ier = value;
}

static void serial_write_fcr(SerialState *s, uint8_t value)
{
    bool toggled = (value ^ s->fcr) & FCR_ENABLE;
    s->fcr = value & FCR_ENABLE ? value & 0xc9 : 0;
    if (toggled || ((value & FCR_ENABLE) && (value & FCR_RESET_RX))) {
        serial_clear_receiver(s);
        qemu_chr_accept_input(s->chr);
    }
    if (toggled || ((value & FCR_ENABLE) && (value & FCR_RESET_TX))) {
        s->thre_pending = true;
    }
}

/* In loopback the modem inputs are wired to the outputs; otherwise somebody is always there and ready. */
static void serial_update_modem_lines(SerialState *s)
{
    uint8_t lines = MSR_CTS | MSR_DSR | MSR_DCD;
    if (s->mcr & MCR_LOOP) {
        lines = (s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) | (s->mcr & MCR_OUT1 ? MSR_RI : 0) |
                (s->mcr & MCR_OUT2 ? MSR_DCD : 0);
    }
    uint8_t changed = (s->msr ^ lines) & 0xf0;
    uint8_t delta = (changed >> 4) & (MSR_DCTS | MSR_DDSR | MSR_DDCD);
    if ((changed & MSR_RI) && !(lines & MSR_RI)) {
        delta |= MSR_TERI;
    }
    s->msr = lines | (s->msr & 0x0f) | delta;
}

static void serial_write_mcr(SerialState *s, uint8_t value)
{
    bool left_loop = (s->mcr & MCR_LOOP) && !(value & MCR_LOOP);
    s->mcr = value & 0x1f;
    serial_update_modem_lines(s);
    if (left_loop) {
        qemu_chr_accept_input(s->chr);
    }
}

static void serial_write_lcr(SerialState *s, uint8_t value)
{
    bool break_begins = (value & LCR_BREAK) && !(s->lcr & LCR_BREAK);
    s->lcr = value;
    if (break_begins && (s->mcr & MCR_LOOP)) {
        serial_receive_byte(s, 0, LSR_BI);
    }
}

static uint8_t serial_read_iir(SerialState *s)
{
    uint8_t id = serial_interrupt_id(s);
    if (id == IIR_THRE) {
        s->thre_pending = false;
    }
    return id | (serial_fifo_enabled(s) ? IIR_FIFO : 0);
}

static uint8_t serial_read_lsr(SerialState *s)
{
    uint8_t lsr = serial_lsr(s);
    s->line_error = 0;
    if (s->fifo_count) {
        s->fifo_error[s->fifo_head] = 0;
    }
    return lsr;
}

static uint8_t serial_read_msr(SerialState *s)
{
    uint8_t msr = s->msr;
    s->msr &= 0xf0;
    return msr;
}

static uint8_t serial_read_register(SerialState *s, unsigned reg)
{
    bool dlab = s->lcr & LCR_DLAB;
    switch (reg) {
    case 0:
        return dlab ? s->divisor & 0xff : serial_read_rbr(s);
    case 1:
        return dlab ? s->divisor >> 8 : s->ier;
    case 2:
        return serial_read_iir(s);
    case 3:
        return s->lcr;
    case 4:
        return s->mcr;
    case 5:
        return serial_read_lsr(s);
    case 6:
        return serial_read_msr(s);
    default:
        return s->scr;
    }
}

static uint64_t serial_io_read(void *opaque, hwaddr addr, unsigned size)
{
    SerialState *s = opaque;
    (void)size;
    uint8_t value = serial_read_register(s, addr & 7);
    serial_update_irq(s);
    return value;
}

static void serial_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    SerialState *s = opaque;
    bool dlab = s->lcr & LCR_DLAB;
    (void)size;
    switch (addr & 7) {
    case 0:
        if (dlab) {
            s->divisor = (s->divisor & 0xff00) | (value & 0xff);
        } else {
            serial_write_thr(s, value);
        }
        break;
    case 1:
        if (dlab) {
            s->divisor = (s->divisor & 0x00ff) | (value & 0xff) << 8;
        } else {
            serial_write_ier(s, value);
        }
        break;
    case 2:
        serial_write_fcr(s, value);
        break;
    case 3:
        serial_write_lcr(s, value);
        break;
    case 4:
        serial_write_mcr(s, value);
        break;
    case 7:
        s->scr = value;
        break;
    default: /* LSR and MSR: factory test only */
        break;
    }
    serial_update_irq(s);
}

static const MemoryRegionOps serial_io_ops = {
    .read = serial_io_read, .write = serial_io_write, .min_access = 1, .max_access = 1
};

static int serial_can_receive(void *opaque)
{
    const SerialState *s = opaque;
    return s->mcr & MCR_LOOP ? 0 : serial_capacity(s) - s->fifo_count;
}

static void serial_receive(void *opaque, const uint8_t *buf, int len)
{
    SerialState *s = opaque;
    for (int i = 0; i < len; i++) {
        serial_receive_byte(s, buf[i], 0);
    }
    serial_update_irq(s);
}

static void serial_event(void *opaque, ChrEvent event)
{
    SerialState *s = opaque;
    if (event == CHR_EVENT_BREAK && !(s->mcr & MCR_LOOP)) {
        serial_receive_byte(s, 0, LSR_BI);
        serial_update_irq(s);
    }
}

static bool serial_attach(SerialState *s, Error **errp)
{
    ChrFrontend fe = {
        .can_receive = serial_can_receive, .receive = serial_receive, .event = serial_event, .opaque = s, .guest = true
    };
    return qemu_chr_attach(s->chr, &fe, errp);
}

void serial_connect(Device *serial, Chardev *chr)
{
    SerialState *s = (SerialState *)serial;
    char *label = g_strdup_printf("serial%d", serial->instance);
    s->chr = chr ? chr : qemu_chr_null_new(label);
    serial_attach(s, &error_fatal);
    g_free(label);
}

/* COM1 to COM4. */
static bool serial_choose_address(SerialState *s, Error **errp)
{
    uint32_t index = s->index == SERIAL_UNSET ? (uint32_t)s->dev.instance : s->index;
    if (index >= PC_SERIAL_PORTS && (s->iobase == SERIAL_UNSET || s->irq_number == SERIAL_UNSET)) {
        error_setg(errp, "Max. supported number of ISA serial ports is %d", PC_SERIAL_PORTS);
        return false;
    }
    s->iobase = s->iobase == SERIAL_UNSET ? pc_com_ports[index].iobase : s->iobase;
    s->irq_number = s->irq_number == SERIAL_UNSET ? pc_com_ports[index].irq : s->irq_number;
    if (s->iobase > 0xfff8 || s->irq_number > 15) {
        error_setg(errp, "isa-serial: iobase 0x%x, irq %u: out of range", s->iobase, s->irq_number);
        return false;
    }
    return true;
}

static bool serial_realize(Device *dev, Error **errp)
{
    SerialState *s = (SerialState *)dev;
    if (!serial_choose_address(s, errp)) {
        return false;
    }
    if (s->chr && !serial_attach(s, errp)) {
        return false;
    }
    s->irq = pc_gsi(s->irq_number);
    timer_init_ns(&s->timeout, QEMU_CLOCK_VIRTUAL, serial_timeout, s);
    memory_region_init_io(&s->io, &serial_io_ops, s, "serial", 8);
    memory_region_add_subregion(get_system_io(), s->iobase, &s->io);
    return true;
}

static void serial_reset(Device *dev)
{
    SerialState *s = (SerialState *)dev;
    s->ier = s->lcr = s->mcr = s->fcr = s->scr = s->rbr = s->line_error = 0;
    s->divisor = 12; /* 9600 baud */
    s->msr = MSR_CTS | MSR_DSR | MSR_DCD;
    s->thre_pending = false;
    serial_clear_receiver(s);
    serial_update_irq(s);
    qemu_chr_accept_input(s->chr);
}

static bool serial_post_load(void *opaque, Error **errp)
{
    SerialState *s = opaque;
    if (s->fifo_head >= SERIAL_FIFO_SIZE || s->fifo_count > serial_capacity(s)) {
        error_setg(errp, "serial: FIFO position %u, count %u: out of range", s->fifo_head, s->fifo_count);
        return false;
    }
    return true;
}

static const VMStateField serial_fields[] = {
    VMSTATE_INT(SerialState, divisor),
    VMSTATE_INT(SerialState, ier),
    VMSTATE_INT(SerialState, lcr),
    VMSTATE_INT(SerialState, mcr),
    VMSTATE_INT(SerialState, msr),
    VMSTATE_INT(SerialState, scr),
    VMSTATE_INT(SerialState, fcr),
    VMSTATE_INT(SerialState, line_error),
    VMSTATE_INT(SerialState, rbr),
    VMSTATE_BOOL(SerialState, thre_pending),
    VMSTATE_BOOL(SerialState, timeout_pending),
    VMSTATE_BYTES(SerialState, fifo),
    VMSTATE_BYTES(SerialState, fifo_error),
    VMSTATE_INT(SerialState, fifo_head),
    VMSTATE_INT(SerialState, fifo_count),
    VMSTATE_TIMER(SerialState, timeout),
    VMSTATE_DERIVED(SerialState, dev),
    VMSTATE_DERIVED(SerialState, iobase),
    VMSTATE_DERIVED(SerialState, irq_number),
    VMSTATE_DERIVED(SerialState, index),
    VMSTATE_DERIVED(SerialState, io),
    VMSTATE_DERIVED(SerialState, chr),
    VMSTATE_DERIVED(SerialState, irq),
    VMSTATE_END,
};

static const VMStateDescription serial_vmsd = {
    .name = "serial", .version = 1, .fields = serial_fields, .post_load = serial_post_load
};

static const DeviceProperty serial_properties[] = {
    DEFINE_PROP_UINT32("iobase", SerialState, iobase, SERIAL_UNSET),
    DEFINE_PROP_UINT32("irq", SerialState, irq_number, SERIAL_UNSET),
    DEFINE_PROP_UINT32("index", SerialState, index, SERIAL_UNSET),
    DEFINE_PROP_CHARDEV(SerialState, chr),
    { .name = NULL },
};

const DeviceType isa_serial_type = {
    .name = "isa-serial",
    .description = "16550A UART",
    .size = sizeof(SerialState),
    .vmsd = &serial_vmsd,
    .properties = serial_properties,
    .realize = serial_realize,
    .reset = serial_reset,
    .user_creatable = true,
};
