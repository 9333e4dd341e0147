/*
 * hw/acpi/piix4_pm.c  82371AB PIIX4 power management, function 3 (Intel 290562): ACPI registers, PM timer, SCI,
 * soft-off, power button, APM/SMI command port, SMBus host controller.
 *
 * Left out: throttling and clock states (registers keep what is written), device monitors, sleep states other than S5,
 * SMBus devices (every transfer ends with "no response") and SMBus interrupts.
 */
#include "hw/isa/chips.h"
#include "sysemu/runstate.h"

#define PM_TIMER_HZ        3579545u
#define PM_TIMER_MASK      0xffffffu /* 24 bits */
#define PM_TIMER_HALF_BITS 23        /* TMROF_STS is set when bit 23 changes */

/* Configuration space */
#define PMBA            0x40
#define DEVACTB         0x58
#define DEVACTB_APMC_EN (1u << 25)
#define PMREGMISC       0x80 /* bit 0: PM I/O space decodes */
#define SMBBA           0x90
#define SMBHSTCFG       0xd2 /* bit 0: SMBus I/O space decodes */

/* PM I/O space */
#define PMSTS         0x00
#define PMEN          0x02
#define PMCNTRL       0x04
#define PMTMR         0x08
#define GPSTS         0x0c
#define GPEN          0x0e
#define GLBSTS        0x18
#define GLBSTS_APM    0x20
#define DEVSTS        0x1c
#define GLBCTL        0x28
#define GLBCTL_SMI_EN 1u
#define PM_IO_SIZE    64

#define STS_TMROF      0x0001
#define STS_PWRBTN     0x0100
#define STS_WAK        0x8000
#define STS_BITS       0x8d31 /* status bits that exist; a written 1 clears */
#define EVENT_BITS     0x0521 /* those that PMEN can turn into an interrupt */
#define CNT_SCI_EN     0x0001
#define CNT_SUS_EN     0x2000
#define CNT_SUS_TYP(v) (((v) >> 10) & 7)
#define SUS_SOFT_OFF   0
#define CNT_BITS       0x1c07 /* kept; SUS_EN reads as zero */

/* What the FADT tells the guest to write to the SMI command port. */
#define ACPI_ENABLE  0xf1
#define ACPI_DISABLE 0xf0

/* SMBus I/O space */
#define SMB_HSTSTS         0
#define SMB_HSTSTS_DEV_ERR 0x04
#define SMB_HSTCNT         2
#define SMB_HSTCNT_START   0x40
#define SMB_IO_SIZE        16

typedef struct PIIX4PMState {
    PCIDevice pci;
    uint16_t pmsts; /* without TMROF, which follows from the clock */
    uint16_t pmen, pmcntrl;
    uint16_t gpsts, gpen;
    uint64_t timer_half_seen;  /* number of the timer's half period in which TMROF_STS was last cleared */
    uint8_t other[PM_IO_SIZE]; /* registers without effect, at their own offset */
    uint8_t apmc, apms;
    uint8_t smbus[SMB_IO_SIZE];
    QEMUTimer overflow_timer;
    IRQLine sci, smi;
    MemoryRegion pm_io, apm_io, smb_io;
    bool pm_mapped, smb_mapped;
} PIIX4PMState;

/* ---- PM timer and SCI ---- */

static uint64_t timer_ticks(void)
{
    return muldiv64(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), PM_TIMER_HZ, NANOSECONDS_PER_SECOND);
}

static uint64_t timer_half(void)
{
    return timer_ticks() >> PM_TIMER_HALF_BITS;
}

/* First ns at which the timer has entered half period n. */
static int64_t half_start_ns(uint64_t n)
{
    return muldiv64(n << PM_TIMER_HALF_BITS, NANOSECONDS_PER_SECOND, PM_TIMER_HZ) + 1;
}

static uint16_t pm_status(const PIIX4PMState *s)
{
    return s->pmsts | (timer_half() != s->timer_half_seen ? STS_TMROF : 0);
}

static void pm_update(PIIX4PMState *s)
{
    uint16_t events = pm_status(s) & s->pmen & EVENT_BITS;
    bool level = (s->pmcntrl & CNT_SCI_EN) && (events || (s->gpsts & s->gpen));
    irq_set(s->sci, level);
    if ((s->pmen & STS_TMROF) && !(pm_status(s) & STS_TMROF)) {
        timer_mod(&s->overflow_timer, half_start_ns(s->timer_half_seen + 1));
    } else {
        timer_del(&s->overflow_timer);
    }
}

static void overflow_fired(void *opaque)
{
    pm_update(opaque);
}

static void pmsts_write(PIIX4PMState *s, uint16_t value)
{
    s->pmsts &= ~(value & STS_BITS);
    if (value & STS_TMROF) {
        s->timer_half_seen = timer_half();
    }
}

static void pmcntrl_write(PIIX4PMState *s, uint16_t value)
{
    s->pmcntrl = value & CNT_BITS;
    if ((value & CNT_SUS_EN) && CNT_SUS_TYP(value) == SUS_SOFT_OFF) {
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    }
}

static void power_button(void *opaque)
{
    PIIX4PMState *s = opaque;
    s->pmsts |= STS_PWRBTN;
    pm_update(s);
}

/* ---- PM I/O space: 16-bit registers, reached with any size ---- */

/* ticks: of the timer, read once for the whole access, so that a clock that runs meanwhile cannot tear it. */
static uint16_t pm_read16(PIIX4PMState *s, unsigned reg, uint32_t ticks)
{
    switch (reg) {
    case PMSTS:
        return pm_status(s);
    case PMEN:
        return s->pmen;
    case PMCNTRL:
        return s->pmcntrl;
    case PMTMR:
        return ticks & 0xffff;
    case PMTMR + 2:
        return ticks >> 16;
    case GPSTS:
        return s->gpsts;
    case GPEN:
        return s->gpen;
    default:
        return lduw_le_p(s->other + reg);
    }
}

/* keep: bits of bytes that the access does not touch. value has zeros there. */
static void pm_write16(PIIX4PMState *s, unsigned reg, uint16_t value, uint16_t keep)
{
    switch (reg) {
    case PMSTS:
        pmsts_write(s, value);
        break;
    case PMEN:
        s->pmen = ((s->pmen & keep) | value) & EVENT_BITS;
        break;
    case PMCNTRL:
        pmcntrl_write(s, (s->pmcntrl & keep) | value);
        break;
    case PMTMR:
    case PMTMR + 2:
        break; /* read-only */
    case GPSTS:
        s->gpsts &= ~value;
        break;
    case GPEN:
        s->gpen = (s->gpen & keep) | value;
        break;
    case GLBSTS:
    case DEVSTS:
    case DEVSTS + 2:
        stw_le_p(s->other + reg, lduw_le_p(s->other + reg) & ~value);
        break;
    default:
        stw_le_p(s->other + reg, (lduw_le_p(s->other + reg) & keep) | value);
    }
}

static uint64_t pm_io_read(void *opaque, hwaddr addr, unsigned size)
{
    uint64_t value = 0;
    uint32_t ticks = timer_ticks() & PM_TIMER_MASK;
    for (unsigned i = 0; i < size; i++) {
        uint16_t word = pm_read16(opaque, (addr + i) & ~1u, ticks);
        value |= (uint64_t)((word >> (8 * ((addr + i) & 1))) & 0xff) << (8 * i);
    }
    return value;
}

static void pm_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size;) {
        unsigned at = addr + i;
        if (!(at & 1) && size - i >= 2) {
            pm_write16(opaque, at, value >> (8 * i), 0);
            i += 2;
        } else {
            unsigned shift = 8 * (at & 1);
            pm_write16(opaque, at & ~1u, ((value >> (8 * i)) & 0xff) << shift, (uint16_t) ~(0xffu << shift));
            i++;
        }
    }
    pm_update(opaque);
}

static const MemoryRegionOps pm_io_ops = { .read = pm_io_read, .write = pm_io_write, .min_access = 1, .max_access = 4 };

/* ---- APM control (B2h) and status (B3h) ---- */

/*
 * Writing APMC asks the management code to act. ACPI hand-over is done here, as this board's management code is the
 * board itself; the SMI goes to whatever the firmware installed.
 */
static void apmc_write(PIIX4PMState *s, uint8_t value)
{
    s->apmc = value;
    if (value == ACPI_ENABLE) {
        s->pmcntrl |= CNT_SCI_EN;
    } else if (value == ACPI_DISABLE) {
        s->pmcntrl &= ~CNT_SCI_EN;
    }
    pm_update(s);
    if ((ldl_le_p(s->pci.config + DEVACTB) & DEVACTB_APMC_EN) && (s->other[GLBCTL] & GLBCTL_SMI_EN)) {
        s->other[GLBSTS] |= GLBSTS_APM;
        irq_pulse(s->smi);
    }
}

static uint64_t apm_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIX4PMState *s = opaque;
    (void)size;
    return addr == 0 ? s->apmc : s->apms;
}

static void apm_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PIIX4PMState *s = opaque;
    (void)size;
    if (addr == 0) {
        apmc_write(s, value);
    } else {
        s->apms = value;
    }
}

static const MemoryRegionOps apm_ops = { .read = apm_read, .write = apm_write, .min_access = 1, .max_access = 1 };

/* ---- SMBus: no devices ---- */

static uint64_t smb_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIX4PMState *s = opaque;
    (void)size;
    return s->smbus[addr];
}

static void smb_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PIIX4PMState *s = opaque;
    (void)size;
    switch (addr) {
    case SMB_HSTSTS:
        s->smbus[addr] &= ~(value & 0x1e);
        break;
    case SMB_HSTCNT:
        s->smbus[addr] = value & 0x1f;
        if (value & SMB_HSTCNT_START) {
            s->smbus[SMB_HSTSTS] |= SMB_HSTSTS_DEV_ERR;
        }
        break;
    default:
        s->smbus[addr] = value;
    }
}

static const MemoryRegionOps smb_ops = { .read = smb_read, .write = smb_write, .min_access = 1, .max_access = 1 };

/* ---- configuration space ---- */

static void window_update(MemoryRegion *mr, bool *mapped, bool enable, uint32_t base)
{
    memory_region_transaction_begin();
    if (*mapped) {
        memory_region_del_subregion(get_system_io(), mr);
    }
    *mapped = enable && base != 0 && base + mr->size <= 0x10000;
    if (*mapped) {
        memory_region_add_subregion(get_system_io(), base, mr);
    }
    memory_region_transaction_commit();
}

static void windows_update(PIIX4PMState *s)
{
    const uint8_t *c = s->pci.config;
    window_update(&s->pm_io, &s->pm_mapped, c[PMREGMISC] & 1, lduw_le_p(c + PMBA) & 0xffc0);
    window_update(&s->smb_io, &s->smb_mapped, c[SMBHSTCFG] & 1, lduw_le_p(c + SMBBA) & 0xfff0);
}

static void config_written(PCIDevice *pci, uint32_t addr, uint32_t value, int len)
{
    static const uint8_t window_registers[] = { PMBA, PMBA + 1, PMREGMISC, SMBBA, SMBBA + 1, SMBHSTCFG };
    (void)value;
    for (size_t i = 0; i < ARRAY_SIZE(window_registers); i++) {
        if (window_registers[i] >= addr && window_registers[i] < addr + len) {
            windows_update((PIIX4PMState *)pci);
            return;
        }
    }
}

/* ---- the device ---- */

void piix4_pm_connect(Device *pm, IRQLine sci, IRQLine smi)
{
    PIIX4PMState *s = (PIIX4PMState *)pm;
    s->sci = sci;
    s->smi = smi;
}

uint16_t piix4_pm_io_base(Device *pm)
{
    return lduw_le_p(((PIIX4PMState *)pm)->pci.config + PMBA) & 0xffc0;
}

static void set_write_masks(PIIX4PMState *s)
{
    uint8_t *wmask = s->pci.wmask;
    stw_le_p(wmask + PMBA, 0xffc0);
    memset(wmask + 0x44, 0xff, 0x3c); /* CNTA, CNTB, GPICTL, DEVRESA..J */
    wmask[PMREGMISC] = 0x01;
    stw_le_p(wmask + SMBBA, 0xfff0);
    memset(wmask + SMBHSTCFG, 0xff, 5); /* host configuration, slave command and shadow addresses */
    wmask[SMBHSTCFG] = 0x0f;
}

static bool piix4_pm_realize(Device *dev, Error **errp)
{
    PIIX4PMState *s = (PIIX4PMState *)dev;
    static const PCIIdentity identity = {
        .vendor_id = 0x8086, .device_id = 0x7113, .revision = 3, .class_id = 0x0680, .interrupt_pin = 1
    };
    s->pci.config_written = config_written;
    if (!pci_register(&s->pci, &identity, errp)) {
        return false;
    }
    set_write_masks(s);
    timer_init_ns(&s->overflow_timer, QEMU_CLOCK_VIRTUAL, overflow_fired, s);
    memory_region_init_io(&s->pm_io, &pm_io_ops, s, "piix4-pm", PM_IO_SIZE);
    memory_region_init_io(&s->smb_io, &smb_ops, s, "pm-smbus", SMB_IO_SIZE);
    memory_region_init_io(&s->apm_io, &apm_ops, s, "apm-io", 2);
    memory_region_add_subregion(get_system_io(), 0xb2, &s->apm_io);
    qemu_register_powerdown_handler(power_button, s);
    return true;
}

static void piix4_pm_reset(Device *dev)
{
    PIIX4PMState *s = (PIIX4PMState *)dev;
    uint8_t *c = s->pci.config;
    pci_device_reset(&s->pci);
    stw_le_p(c + PCI_STATUS, 0x0280);
    memset(c + PMBA, 0, 0xd8 - PMBA);
    c[PMBA] = 0x01;
    c[SMBBA] = 0x01;
    s->pmsts = s->pmen = s->pmcntrl = s->gpsts = s->gpen = 0;
    s->timer_half_seen = timer_half();
    s->apmc = s->apms = 0;
    memset(s->other, 0, sizeof(s->other));
    memset(s->smbus, 0, sizeof(s->smbus));
    windows_update(s);
    pm_update(s);
}

static bool piix4_pm_post_load(void *opaque, Error **errp)
{
    (void)errp;
    windows_update(opaque);
    return true;
}

static const VMStateDescription vmstate_piix4_pm = {
    .name = "PIIX4_PM",
    .version = 1,
    .post_load = piix4_pm_post_load,
    .fields =
        (const VMStateField[]){
            VMSTATE_STRUCT(PIIX4PMState, pci, vmstate_pci_device),
            VMSTATE_INT(PIIX4PMState, pmsts),
            VMSTATE_INT(PIIX4PMState, pmen),
            VMSTATE_INT(PIIX4PMState, pmcntrl),
            VMSTATE_INT(PIIX4PMState, gpsts),
            VMSTATE_INT(PIIX4PMState, gpen),
            VMSTATE_INT(PIIX4PMState, timer_half_seen),
            VMSTATE_BYTES(PIIX4PMState, other),
            VMSTATE_INT(PIIX4PMState, apmc),
            VMSTATE_INT(PIIX4PMState, apms),
            VMSTATE_BYTES(PIIX4PMState, smbus),
            VMSTATE_TIMER(PIIX4PMState, overflow_timer),
            VMSTATE_DERIVED(PIIX4PMState, sci),
            VMSTATE_DERIVED(PIIX4PMState, smi),
            VMSTATE_DERIVED(PIIX4PMState, pm_io),
            VMSTATE_DERIVED(PIIX4PMState, apm_io),
            VMSTATE_DERIVED(PIIX4PMState, smb_io),
            VMSTATE_DERIVED(PIIX4PMState, pm_mapped),
            VMSTATE_DERIVED(PIIX4PMState, smb_mapped),
            VMSTATE_END,
        },
};

const DeviceType piix4_pm_type = {
    .name = "PIIX4_PM",
    .description = "82371AB power management",
    .size = sizeof(PIIX4PMState),
    .vmsd = &vmstate_piix4_pm,
    .realize = piix4_pm_realize,
    .reset = piix4_pm_reset,
    .parent = &pci_device_type,
};
