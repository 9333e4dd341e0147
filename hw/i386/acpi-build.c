/*
 * hw/i386/acpi-build.c  ACPI tables of the PC (ACPI 6.4, chapter 5): RSDP, RSDT, XSDT, FADT, FACS, DSDT, MADT, HPET,
 * WAET.
 *
 * Firmware allocates the two blobs, then runs the script in etc/table-loader: it adds the blobs' addresses to pointers
 * (which hold offsets until then) and fills in checksums. The DSDT is written with hw/i386/aml-build.c; `iasl -d` reads
 * it back. Left out: S1 to S4, CPU and PCI hot plug, a 64-bit PCI window.
 */
#include "hw/i386/aml-build.h"
#include "hw/i386/pc-internal.h"
#include "hw/isa/chips.h"

#define RSDP_FILE       "etc/acpi/rsdp"
#define TABLES_FILE     "etc/acpi/tables"
#define LOADER_FILE     "etc/table-loader"
#define HEADER_LEN      36
#define HEADER_CHECKSUM 9
#define SCI_IRQ         9
#define PM_BASE_DEFAULT 0x600 /* what SeaBIOS programs */

typedef struct AcpiTables {
    GByteArray *blob, *loader;
    uint32_t tables[8]; /* offsets in blob that the RSDT lists */
    unsigned nb_tables;
} AcpiTables;

/* What is needed when firmware selects the blob. */
static struct {
    Device *pm;
    uint32_t fadt; /* offset in the blob */
} acpi;

/* ---- loader script: commands of 128 bytes ---- */

enum { LOADER_ALLOCATE = 1, LOADER_ADD_POINTER = 2, LOADER_ADD_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };
#define LOADER_ENTRY 128
#define LOADER_NAME  56

static uint8_t *loader_entry(AcpiTables *t, uint32_t command, const char *file)
{
    guint at = t->loader->len;
    g_byte_array_set_size(t->loader, at + LOADER_ENTRY);
    uint8_t *entry = t->loader->data + at;
    memset(entry, 0, LOADER_ENTRY);
    stl_le_p(entry, command);
    g_strlcpy((char *)entry + 4, file, LOADER_NAME);
    return entry + 4 + LOADER_NAME;
}

static void loader_allocate(AcpiTables *t, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t *p = loader_entry(t, LOADER_ALLOCATE, file);
    stl_le_p(p, align);
    p[4] = zone;
}

static void loader_add_pointer(AcpiTables *t, const char *file, uint32_t offset, uint8_t size)
{
    uint8_t *p = loader_entry(t, LOADER_ADD_POINTER, file);
    g_strlcpy((char *)p, TABLES_FILE, LOADER_NAME);
    stl_le_p(p + LOADER_NAME, offset);
    p[LOADER_NAME + 4] = size;
}

static void loader_add_checksum(AcpiTables *t, const char *file, uint32_t result, uint32_t start, uint32_t len)
{
    uint8_t *p = loader_entry(t, LOADER_ADD_CHECKSUM, file);
    stl_le_p(p, result);
    stl_le_p(p + 4, start);
    stl_le_p(p + 8, len);
}

/* ---- tables ---- */

/* Append a header (5.2.6); length and checksum come with table_end(). */
static uint32_t table_begin(AcpiTables *t, const char *signature, uint8_t revision)
{
    uint32_t at = t->blob->len;
    aml_bytes(t->blob, signature, 4);
    aml_dword(t->blob, 0);
    aml_byte(t->blob, revision);
    aml_byte(t->blob, 0);
    aml_bytes(t->blob, "LCKSTP", 6);
    aml_bytes(t->blob, "LCKSTPPC", 8);
    aml_dword(t->blob, 1);
    aml_bytes(t->blob, "LCKS", 4);
    aml_dword(t->blob, 1);
    return at;
}

static void table_end(AcpiTables *t, uint32_t at)
{
    uint32_t len = t->blob->len - at;
    stl_le_p(t->blob->data + at + 4, len);
    loader_add_checksum(t, TABLES_FILE, at + HEADER_CHECKSUM, at, len);
}

static void table_list(AcpiTables *t, uint32_t at)
{
    t->tables[t->nb_tables++] = at;
}

/* Pointer from one table to another: the offset now, the address once firmware has placed the blob. */
static void set_pointer(AcpiTables *t, uint32_t field, uint32_t target, uint8_t size)
{
    stl_le_p(t->blob->data + field, target);
    loader_add_pointer(t, TABLES_FILE, field, size);
}

/* 5.2.10. No checksum; 64-byte aligned, hence first. */
static uint32_t build_facs(AcpiTables *t)
{
    uint8_t facs[64] = { 'F', 'A', 'C', 'S', 64 };
    uint32_t at = t->blob->len;
    aml_bytes(t->blob, facs, sizeof(facs));
    return at;
}

/* ---- DSDT ---- */

static void dsdt_isa_device(Aml *a, const char *name, const char *hid, uint16_t io, uint8_t io_len, int irq)
{
    AmlMark device = aml_device(a, name);
    aml_name_eisaid(a, "_HID", hid);
    aml_name(a, "_CRS");
    AmlMark crs = aml_resources(a);
    if (io_len) {
        aml_res_io(a, io, io_len);
    }
    if (irq >= 0) {
        aml_res_irq(a, irq);
    }
    aml_resources_end(a, crs);
    aml_end(a, device);
}

static void dsdt_keyboard(Aml *a)
{
    AmlMark device = aml_device(a, "KBD");
    aml_name_eisaid(a, "_HID", "PNP0303");
    aml_name_int(a, "_STA", 0xf);
    aml_name(a, "_CRS");
    AmlMark crs = aml_resources(a);
    aml_res_io(a, 0x60, 1);
    aml_res_io(a, 0x64, 1);
    aml_res_irq(a, 1);
    aml_resources_end(a, crs);
    aml_end(a, device);
}

static void dsdt_serial(Aml *a, unsigned port)
{
    char name[] = { 'C', 'O', 'M', '1' + port, '\0' };
    AmlMark device = aml_device(a, name);
    aml_name_eisaid(a, "_HID", "PNP0501");
    aml_name_int(a, "_UID", port + 1);
    aml_name_int(a, "_STA", 0xf);
    aml_name(a, "_CRS");
    AmlMark crs = aml_resources(a);
    aml_res_io(a, pc_com_ports[port].iobase, 8);
    aml_res_irq(a, pc_com_ports[port].irq);
    aml_resources_end(a, crs);
    aml_end(a, device);
}

static void dsdt_fw_cfg(Aml *a)
{
    AmlMark device = aml_device(a, "FWCF");
    aml_name(a, "_HID");
    aml_string(a, "QEMU0002");
    aml_name_int(a, "_STA", 0xb); /* present and working, not shown */
    aml_name(a, "_CRS");
    AmlMark crs = aml_resources(a);
    aml_res_io(a, 0x510, 0x0c);
    aml_resources_end(a, crs);
    aml_end(a, device);
}

static void dsdt_isa_bridge(Aml *a, const PCConfig *config)
{
    AmlMark device = aml_device(a, "ISA");
    aml_name_int(a, "_ADR", 0x00010000);
    aml_pci_config_region(a, "PIRQ", 0x60, 4);
    AmlMark field = aml_field(a, "PIRQ");
    for (unsigned i = 0; i < 4; i++) {
        char name[] = { 'P', 'R', 'Q', 'A' + i, '\0' };
        aml_field_unit(a, name, 8);
    }
    aml_end(a, field);
    dsdt_isa_device(a, "PIC", "PNP0000", 0x20, 2, 2);
    dsdt_isa_device(a, "TIMR", "PNP0100", 0x40, 4, 0);
    dsdt_isa_device(a, "RTC", "PNP0B00", 0x70, 2, 8);
    dsdt_isa_device(a, "SPKR", "PNP0800", 0x61, 1, -1);
    dsdt_keyboard(a);
    dsdt_isa_device(a, "MOU", "PNP0F13", 0, 0, 12);
    for (unsigned i = 0; i < PC_SERIAL_PORTS; i++) {
        if (config->serial_present[i]) {
            dsdt_serial(a, i);
        }
    }
    aml_end(a, device);
}

/* _STA of an interrupt link: 0Bh when routed, 09h when PIRQRC's disable bit is set. */
static void dsdt_link_status(Aml *a, const char *pirq)
{
    AmlMark method = aml_method(a, "_STA", 0);
    AmlMark test = aml_if(a);
    aml_byte(a, 0x7b); /* And (pirq, 0x80) */
    aml_path(a, pirq);
    aml_int(a, 0x80);
    aml_byte(a, 0);
    aml_return(a);
    aml_int(a, 0x09);
    aml_end(a, test);
    aml_return(a);
    aml_int(a, 0x0b);
    aml_end(a, method);
}

static void dsdt_link_disable(Aml *a, const char *pirq)
{
    AmlMark method = aml_method(a, "_DIS", 0);
    aml_byte(a, 0x7d); /* Or (pirq, 0x80, pirq) */
    aml_path(a, pirq);
    aml_int(a, 0x80);
    aml_path(a, pirq);
    aml_end(a, method);
}

/* CreateDWordField (buffer, 5, IRQW): the number inside an extended interrupt descriptor. */
static void dsdt_create_irq_field(Aml *a, const char *name)
{
    aml_byte(a, 0x8a);
    if (name) {
        aml_path(a, name);
    } else {
        aml_byte(a, 0x68); /* Arg0 */
    }
    aml_int(a, 5);
    aml_path(a, "IRQW");
}

static void dsdt_link_current(Aml *a, const char *pirq)
{
    AmlMark method = aml_method(a, "_CRS", 0x08); /* serialized: it makes named objects */
    aml_name(a, "BUF0");
    AmlMark buffer = aml_resources(a);
    aml_res_interrupts(a, (const uint32_t[]){ 0 }, 1);
    aml_resources_end(a, buffer);
    dsdt_create_irq_field(a, "BUF0");
    AmlMark test = aml_if(a); /* If (LNot (And (pirq, 0x80))) { Store (pirq, IRQW) } */
    aml_byte(a, 0x92);
    aml_byte(a, 0x7b);
    aml_path(a, pirq);
    aml_int(a, 0x80);
    aml_byte(a, 0);
    aml_byte(a, 0x70);
    aml_path(a, pirq);
    aml_path(a, "IRQW");
    aml_end(a, test);
    aml_return(a);
    aml_path(a, "BUF0");
    aml_end(a, method);
}

static void dsdt_link_set(Aml *a, const char *pirq)
{
    AmlMark method = aml_method(a, "_SRS", 0x09);
    dsdt_create_irq_field(a, NULL);
    aml_byte(a, 0x70); /* Store (IRQW, pirq) */
    aml_path(a, "IRQW");
    aml_path(a, pirq);
    aml_end(a, method);
}

static void dsdt_link(Aml *a, unsigned n)
{
    static const uint32_t possible[] = { 5, 10, 11 };
    char name[] = { 'L', 'N', 'K', 'A' + n, '\0' };
    char pirq[] = "\\_SB.PCI0.ISA.PRQA";
    pirq[strlen(pirq) - 1] += n;
    AmlMark device = aml_device(a, name);
    aml_name_eisaid(a, "_HID", "PNP0C0F");
    aml_name_int(a, "_UID", n);
    aml_name(a, "_PRS");
    AmlMark prs = aml_resources(a);
    aml_res_interrupts(a, possible, ARRAY_SIZE(possible));
    aml_resources_end(a, prs);
    dsdt_link_status(a, pirq);
    dsdt_link_disable(a, pirq);
    dsdt_link_current(a, pirq);
    dsdt_link_set(a, pirq);
    aml_end(a, device);
}

/* Slot and pin to link, as hw/pci/i440fx.c wires them; the power management function's interrupt is the SCI itself. */
static void dsdt_routing(Aml *a)
{
    aml_name(a, "_PRT");
    AmlMark table = aml_package(a, 32 * 4);
    for (unsigned i = 0; i < 32 * 4; i++) {
        unsigned slot = i / 4, pin = i % 4;
        char link[] = { 'L', 'N', 'K', 'A' + ((slot + pin - 1) & 3), '\0' };
        AmlMark entry = aml_package(a, 4);
        aml_int(a, slot << 16 | 0xffff);
        aml_int(a, pin);
        if (slot == 1 && pin == 0) {
            aml_int(a, 0);
            aml_int(a, SCI_IRQ);
        } else {
            aml_path(a, link);
            aml_int(a, 0);
        }
        aml_end(a, entry);
    }
    aml_end(a, table);
}

static void dsdt_pci_windows(Aml *a, uint64_t ram_below_4g)
{
    aml_name(a, "_CRS");
    AmlMark crs = aml_resources(a);
    aml_res_bus(a, 0x00, 0xff);
    aml_res_io_window(a, 0x0000, 0x0cf7);
    aml_res_io(a, 0x0cf8, 8);
    aml_res_io_window(a, 0x0d00, 0xffff);
    aml_res_memory_window(a, 0xa0000, 0xbffff, true);
    aml_res_memory_window(a, ram_below_4g, PC_IOAPIC_ADDRESS - 1, false);
    aml_resources_end(a, crs);
}

static void dsdt_pci_bus(Aml *a, const PCConfig *config, uint64_t ram_below_4g)
{
    AmlMark device = aml_device(a, "PCI0");
    aml_name_eisaid(a, "_HID", "PNP0A03");
    aml_name_int(a, "_UID", 0);
    dsdt_pci_windows(a, ram_below_4g);
    dsdt_routing(a);
    dsdt_isa_bridge(a, config);
    aml_end(a, device);
}

static void dsdt_hpet(Aml *a)
{
    AmlMark device = aml_device(a, "HPET");
    aml_name_eisaid(a, "_HID", "PNP0103");
    aml_name_int(a, "_UID", 0);
    aml_name(a, "_CRS");
    AmlMark crs = aml_resources(a);
    aml_res_memory32_fixed(a, PC_HPET_ADDRESS, 0x400);
    aml_resources_end(a, crs);
    aml_end(a, device);
}

static void dsdt_soft_off(Aml *a)
{
    aml_name(a, "\\_S5");
    AmlMark package = aml_package(a, 4);
    for (int i = 0; i < 4; i++) {
        aml_int(a, 0); /* SLP_TYP 0 */
    }
    aml_end(a, package);
}

static uint32_t build_dsdt(AcpiTables *t, const PCConfig *config, uint64_t ram_below_4g)
{
    uint32_t at = table_begin(t, "DSDT", 1);
    Aml *a = t->blob;
    dsdt_soft_off(a);
    AmlMark sb = aml_scope(a, "\\_SB");
    for (unsigned i = 0; i < config->smp; i++) {
        char name[] = "CPU0";
        name[3] = "0123456789ABCDEF"[i & 0xf];
        aml_processor(a, name, i);
    }
    dsdt_pci_bus(a, config, ram_below_4g);
    for (unsigned i = 0; i < 4; i++) {
        dsdt_link(a, i);
    }
    if (config->hpet) {
        dsdt_hpet(a);
    }
    dsdt_fw_cfg(a);
    aml_end(a, sb);
    table_end(t, at);
    return at;
}

/* ---- FADT (5.2.9) ---- */

enum {
    FADT_FIRMWARE_CTRL = 36,
    FADT_DSDT = 40,
    FADT_SCI_INT = 46,
    FADT_SMI_CMD = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_ACPI_DISABLE = 53,
    FADT_PM1A_EVT = 56,
    FADT_PM1A_CNT = 64,
    FADT_PM_TMR = 76,
    FADT_GPE0 = 80,
    FADT_PM1_EVT_LEN = 88,
    FADT_PM1_CNT_LEN = 89,
    FADT_PM_TMR_LEN = 91,
    FADT_GPE0_LEN = 92,
    FADT_C2_LATENCY = 96,
    FADT_C3_LATENCY = 98,
    FADT_CENTURY = 108,
    FADT_BOOT_ARCH = 109,
    FADT_FLAGS = 112,
    FADT_RESET_REG = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_DSDT = 140,
    FADT_X_PM1A_EVT = 148,
    FADT_X_PM1A_CNT = 172,
    FADT_X_PM_TMR = 208,
    FADT_X_GPE0 = 220,
    FADT_LEN = 244
};
#define FADT_WBINVD             (1u << 0)
#define FADT_PROC_C1            (1u << 2)
#define FADT_SLP_BUTTON         (1u << 5) /* no fixed sleep button */
#define FADT_RTC_S4             (1u << 7)
#define FADT_RESET_REG_SUP      (1u << 10)
#define FADT_USE_PLATFORM_CLOCK (1u << 15)

/* Generic address (5.2.3.2) in I/O space. */
static void fadt_gas(uint8_t *p, uint8_t bits, uint8_t access, uint16_t port)
{
    p[0] = 1;
    p[1] = bits;
    p[3] = access;
    stl_le_p(p + 4, port);
}

/* The addresses follow PMBA, which the firmware may have put elsewhere by the time that it reads the tables. */
static void fadt_set_pm_base(uint8_t *fadt, uint16_t base)
{
    stl_le_p(fadt + FADT_PM1A_EVT, base);
    stl_le_p(fadt + FADT_PM1A_CNT, base + 4);
    stl_le_p(fadt + FADT_PM_TMR, base + 8);
    stl_le_p(fadt + FADT_GPE0, base + 0xc);
    fadt_gas(fadt + FADT_X_PM1A_EVT, 32, 2, base);
    fadt_gas(fadt + FADT_X_PM1A_CNT, 16, 2, base + 4);
    fadt_gas(fadt + FADT_X_PM_TMR, 32, 3, base + 8);
    fadt_gas(fadt + FADT_X_GPE0, 32, 1, base + 0xc);
}

static uint32_t build_fadt(AcpiTables *t, uint32_t facs, uint32_t dsdt)
{
    uint32_t at = table_begin(t, "FACP", 3);
    g_byte_array_set_size(t->blob, at + FADT_LEN);
    uint8_t *f = t->blob->data + at;
    memset(f + HEADER_LEN, 0, FADT_LEN - HEADER_LEN);
    stw_le_p(f + FADT_SCI_INT, SCI_IRQ);
    stl_le_p(f + FADT_SMI_CMD, 0xb2);
    f[FADT_ACPI_ENABLE] = 0xf1;
    f[FADT_ACPI_DISABLE] = 0xf0;
    f[FADT_PM1_EVT_LEN] = 4;
    f[FADT_PM1_CNT_LEN] = 2;
    f[FADT_PM_TMR_LEN] = 4;
    f[FADT_GPE0_LEN] = 4;
    stw_le_p(f + FADT_C2_LATENCY, 0xfff); /* not supported */
    stw_le_p(f + FADT_C3_LATENCY, 0xfff);
    f[FADT_CENTURY] = 0x32;
    stw_le_p(f + FADT_BOOT_ARCH, 0x0003); /* legacy devices, 8042 */
    stl_le_p(f + FADT_FLAGS,
             FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_RTC_S4 | FADT_RESET_REG_SUP | FADT_USE_PLATFORM_CLOCK);
    fadt_gas(f + FADT_RESET_REG, 8, 1, 0xcf9);
    f[FADT_RESET_VALUE] = 0x06;
    fadt_set_pm_base(f, PM_BASE_DEFAULT);
    set_pointer(t, at + FADT_FIRMWARE_CTRL, facs, 4);
    set_pointer(t, at + FADT_DSDT, dsdt, 4);
    set_pointer(t, at + FADT_X_DSDT, dsdt, 8);
    table_end(t, at);
    return at;
}

/* ---- MADT (5.2.12), HPET (IA-PC HPET 1.0a, 3.2.4), WAET ---- */

static void madt_override(Aml *a, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    aml_byte(a, 2);
    aml_byte(a, 10);
    aml_byte(a, 0); /* ISA */
    aml_byte(a, irq);
    aml_dword(a, gsi);
    aml_word(a, flags);
}

static void madt_local_apic(Aml *a, uint8_t id)
{
    aml_byte(a, 0);
    aml_byte(a, 8);
    aml_byte(a, id);
    aml_byte(a, id);
    aml_dword(a, 1);
}

static void build_madt(AcpiTables *t, const PCConfig *config)
{
    static const uint8_t level_irqs[] = { 5, 9, 10, 11 };
    uint32_t at = table_begin(t, "APIC", 1);
    Aml *a = t->blob;
    aml_dword(a, PC_APIC_ADDRESS);
    aml_dword(a, 1); /* also a pair of 8259s */
    for (unsigned i = 0; i < config->smp; i++) {
        madt_local_apic(a, i);
    }
    aml_byte(a, 1);
    aml_byte(a, 12);
    aml_byte(a, 0); /* IO-APIC id */
    aml_byte(a, 0);
    aml_dword(a, PC_IOAPIC_ADDRESS);
    aml_dword(a, 0);
    madt_override(a, 0, 2, 0);
    for (size_t i = 0; i < ARRAY_SIZE(level_irqs); i++) {
        madt_override(a, level_irqs[i], level_irqs[i], 0x000d); /* level, active high */
    }
    aml_byte(a, 4); /* NMI on LINT1 of every local APIC */
    aml_byte(a, 6);
    aml_byte(a, 0xff);
    aml_word(a, 0);
    aml_byte(a, 1);
    table_end(t, at);
    table_list(t, at);
}

static void build_hpet(AcpiTables *t)
{
    uint32_t at = table_begin(t, "HPET", 1);
    Aml *a = t->blob;
    aml_dword(a, 0x8086a201); /* the chip's capability register, low half */
    aml_dword(a, 0);          /* generic address: memory */
    aml_dword(a, PC_HPET_ADDRESS);
    aml_dword(a, 0);
    aml_byte(a, 0);
    aml_word(a, 0);
    aml_byte(a, 0);
    table_end(t, at);
    table_list(t, at);
}

/* Tells Windows that one read of the PM timer is enough. */
static void build_waet(AcpiTables *t)
{
    uint32_t at = table_begin(t, "WAET", 1);
    aml_dword(t->blob, 2);
    table_end(t, at);
    table_list(t, at);
}

/* ---- roots ---- */

static uint32_t build_root(AcpiTables *t, const char *signature, unsigned entry_size)
{
    uint32_t at = table_begin(t, signature, 1);
    uint32_t entries = t->blob->len;
    g_byte_array_set_size(t->blob, entries + t->nb_tables * entry_size);
    memset(t->blob->data + entries, 0, t->nb_tables * entry_size);
    for (unsigned i = 0; i < t->nb_tables; i++) {
        set_pointer(t, entries + i * entry_size, t->tables[i], entry_size);
    }
    table_end(t, at);
    return at;
}

/* 5.2.5.3, revision 2: 36 bytes. */
static void build_rsdp(AcpiTables *t, Device *fw_cfg, uint32_t rsdt, uint32_t xsdt)
{
    uint8_t rsdp[36] = { 0 };
    memcpy(rsdp, "RSD PTR ", 8);
    memcpy(rsdp + 9, "LCKSTP", 6);
    rsdp[15] = 2;
    stl_le_p(rsdp + 16, rsdt);
    stl_le_p(rsdp + 20, sizeof(rsdp));
    stl_le_p(rsdp + 24, xsdt);
    loader_add_pointer(t, RSDP_FILE, 16, 4);
    loader_add_pointer(t, RSDP_FILE, 24, 8);
    loader_add_checksum(t, RSDP_FILE, 8, 0, 20);
    loader_add_checksum(t, RSDP_FILE, 32, 0, 36);
    fw_cfg_add_file(fw_cfg, RSDP_FILE, rsdp, sizeof(rsdp));
}

static void tables_selected(void *opaque, uint8_t *data, size_t len)
{
    uint16_t base = piix4_pm_io_base(acpi.pm);
    (void)opaque;
    lockstep_assert(acpi.fadt + FADT_LEN <= len, "FADT at %u", acpi.fadt);
    if (base) {
        fadt_set_pm_base(data + acpi.fadt, base);
    }
}

void acpi_build(const PCConfig *config, uint64_t ram_below_4g, Device *fw_cfg, Device *pm)
{
    AcpiTables tables = { .blob = g_byte_array_new(), .loader = g_byte_array_new() }, *t = &tables;
    acpi.pm = pm;
    loader_allocate(t, RSDP_FILE, 16, ZONE_FSEG);
    loader_allocate(t, TABLES_FILE, 64, ZONE_HIGH);
    uint32_t facs = build_facs(t);
    uint32_t dsdt = build_dsdt(t, config, ram_below_4g);
    acpi.fadt = build_fadt(t, facs, dsdt);
    table_list(t, acpi.fadt);
    build_madt(t, config);
    if (config->hpet) {
        build_hpet(t);
    }
    build_waet(t);
    uint32_t rsdt = build_root(t, "RSDT", 4);
    uint32_t xsdt = build_root(t, "XSDT", 8);
    build_rsdp(t, fw_cfg, rsdt, xsdt);
    fw_cfg_add_file_callback(fw_cfg, TABLES_FILE, t->blob->data, t->blob->len, tables_selected, NULL);
    fw_cfg_add_file(fw_cfg, LOADER_FILE, t->loader->data, t->loader->len);
    g_byte_array_free(t->blob, true);
    g_byte_array_free(t->loader, true);
}
