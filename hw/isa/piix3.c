/*
 * hw/isa/piix3.c  82371SB PIIX3 PCI-to-ISA bridge (Intel 290550), function 0: PIRQ routing and the reset control
 * register.
 *
 * PIRQRC (60h-63h) sends each PCI interrupt to an ISA interrupt; several may share one, and IRQ 9 also carries the
 * SCI: a line is high while any of its sources is. ELCR is the PIC's. The other registers only keep what is written:
 * bus timing, DMA aliasing and SMI timers have no effect here.
 */
#include "hw/i386/chipset.h"
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"

#define PIRQ_COUNT     4
#define PIRQRC         0x60
#define PIRQRC_DISABLE 0x80
#define ROUTABLE       0xdef8 /* ISA IRQs 3-7, 9-12, 14, 15 */
#define SCI_IRQ        9
#define RCR_SYSTEM     0x02 /* hard rather than soft: both are a full reset of this machine */
#define RCR_CPU        0x04

typedef struct PIIX3State {
    PCIDevice pci;
    uint8_t pirq_level[PIRQ_COUNT];
    uint8_t sci_level;
    uint16_t output; /* bit n: we drive ISA IRQ n high */
    uint8_t rcr;
    IRQLine (*isa_irq)(int n);
} PIIX3State;

static uint16_t wanted_output(const PIIX3State *s)
{
    uint16_t output = s->sci_level ? 1u << SCI_IRQ : 0;
    for (int i = 0; i < PIRQ_COUNT; i++) {
        uint8_t route = s->pci.config[PIRQRC + i];
        if (s->pirq_level[i] && !(route & PIRQRC_DISABLE)) {
            output |= (1u << (route & 0xf)) & ROUTABLE;
        }
    }
    return output;
}

static void update_output(PIIX3State *s)
{
    uint16_t output = wanted_output(s), changed = output ^ s->output;
    s->output = output;
    for (int n = 0; n < 16; n++) {
        if ((changed >> n & 1) && s->isa_irq) {
            irq_set(s->isa_irq(n), output >> n & 1);
        }
    }
}

void piix3_connect(Device *piix3, IRQLine (*isa_irq)(int n))
{
    ((PIIX3State *)piix3)->isa_irq = isa_irq;
}

void piix3_set_pirq(Device *piix3, int pirq, int level)
{
    PIIX3State *s = (PIIX3State *)piix3;
    s->pirq_level[pirq & 3] = level;
    update_output(s);
}

void piix3_set_sci(void *piix3, int n, int level)
{
    PIIX3State *s = piix3;
    (void)n;
    s->sci_level = level;
    update_output(s);
}

uint8_t piix3_rcr_read(Device *piix3)
{
    return ((PIIX3State *)piix3)->rcr;
}

/* A 0 to 1 transition of RCPU resets. */
void piix3_rcr_write(Device *piix3, uint8_t value)
{
    PIIX3State *s = (PIIX3State *)piix3;
    bool reset = (value & RCR_CPU) && !(s->rcr & RCR_CPU);
    s->rcr = value & (RCR_SYSTEM | RCR_CPU);
    if (reset) {
        qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static void config_written(PCIDevice *pci, uint32_t addr, uint32_t value, int len)
{
    (void)value;
    if (addr < PIRQRC + PIRQ_COUNT && addr + len > PIRQRC) {
        update_output((PIIX3State *)pci);
    }
}

static bool piix3_realize(Device *dev, Error **errp)
{
    PIIX3State *s = (PIIX3State *)dev;
    static const PCIIdentity identity = { .vendor_id = 0x8086, .device_id = 0x7000, .class_id = 0x0601 };
    s->pci.config_written = config_written;
    if (!pci_register(&s->pci, &identity, errp)) {
        return false;
    }
    s->pci.config[PCI_HEADER_TYPE] = 0x80; /* multifunction */
    stw_le_p(s->pci.wmask + PCI_COMMAND, 0x0108);
    return true;
}

/* Registers with their reset values and writable bits (290550, section 2.2). */
static const struct {
    uint8_t addr, value, wmask;
} piix3_registers[] = {
    { 0x4c, 0x4d, 0x7f }, /* IORT */
    { 0x4e, 0x03, 0xff }, /* XBCS */
    { 0x4f, 0x00, 0x01 }, { 0x60, 0x80, 0x8f }, { 0x61, 0x80, 0x8f }, { 0x62, 0x80, 0x8f },
    { 0x63, 0x80, 0x8f },                                                                   /* PIRQRC */
    { 0x69, 0x02, 0xfe },                                                                   /* TOM */
    { 0x6a, 0x00, 0x83 }, { 0x6b, 0x00, 0x80 },                                             /* MSTAT */
    { 0x70, 0x80, 0xef }, { 0x71, 0x80, 0xef },                                             /* MBIRQ */
    { 0x76, 0x0c, 0x8f }, { 0x77, 0x0c, 0x8f },                                             /* MBDMA */
    { 0x78, 0x02, 0xff }, { 0x79, 0x00, 0xff },                                             /* PCSC */
    { 0x82, 0x00, 0x0f },                                                                   /* DLC */
    { 0xa0, 0x08, 0x1f }, { 0xa2, 0x00, 0xff }, { 0xa3, 0x00, 0x01 },                       /* SMICNTL, SMIEN */
    { 0xa4, 0x00, 0xff }, { 0xa5, 0x00, 0xff }, { 0xa6, 0x00, 0xff }, { 0xa7, 0x00, 0xff }, /* SEE */
    { 0xa8, 0x0f, 0xff },                                                                   /* FTMR */
    { 0xaa, 0x00, 0xff }, { 0xab, 0x00, 0x01 },                                             /* SMIREQ */
    { 0xac, 0x00, 0xff }, { 0xae, 0x00, 0xff },                                             /* CTLTMR, CTHTMR */
};

static void piix3_reset(Device *dev)
{
    PIIX3State *s = (PIIX3State *)dev;
    pci_device_reset(&s->pci);
    stw_le_p(s->pci.config + PCI_COMMAND, 0x0007); /* I/O, memory and mastering are always on */
    stw_le_p(s->pci.config + PCI_STATUS, 0x0200);
    for (size_t i = 0; i < ARRAY_SIZE(piix3_registers); i++) {
        s->pci.config[piix3_registers[i].addr] = piix3_registers[i].value;
        s->pci.wmask[piix3_registers[i].addr] = piix3_registers[i].wmask;
    }
    s->rcr = 0;
    update_output(s);
}

static const VMStateDescription vmstate_piix3 = {
    .name = "PIIX3",
    .version = 1,
    .fields =
        (const VMStateField[]){
            VMSTATE_STRUCT(PIIX3State, pci, vmstate_pci_device),
            VMSTATE_INT_ARRAY(PIIX3State, pirq_level),
            VMSTATE_INT(PIIX3State, sci_level),
            VMSTATE_INT(PIIX3State, output),
            VMSTATE_INT(PIIX3State, rcr),
            VMSTATE_DERIVED(PIIX3State, isa_irq),
            VMSTATE_END,
        },
};

const DeviceType piix3_type = {
    .name = "PIIX3",
    .description = "82371SB PCI-to-ISA bridge",
    .size = sizeof(PIIX3State),
    .vmsd = &vmstate_piix3,
    .realize = piix3_realize,
    .reset = piix3_reset,
    .parent = &pci_device_type,
};
