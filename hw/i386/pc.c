/*
 * hw/i386/pc.c  The PC machine: i440FX and PIIX3 with their chips, built in order, as QEMU's `pc` presents them.
 *
 * RAM lies at 0 up to 3.5 GiB and the rest from 4 GiB up; PCI memory lies under RAM; the BIOS at the top of 4 GiB, its
 * last 128 KiB also at E0000h, where PAM decides between it and RAM.
 */
#include "accel/engine.h"
#include "hw/block/floppy.h"
#include "hw/core/boot-order.h"
#include "hw/i386/chipset.h"
#include "hw/i386/pc-internal.h"
#include "hw/ide/ide.h"
#include "hw/intc/intc.h"
#include "hw/isa/chips.h"
#include "hw/virtio/virtio.h"
#include "net/net.h"
#include "replay/replay.h"
#include "sysemu/sysemu.h"
#include "target/i386/smm.h"
#include "target/i386/x87.h"

#define ISA_IRQS         16
#define GSI_COUNT        24
#define CASCADE_IRQ      2
#define DEFAULT_FIRMWARE "bios-256k.bin"
#define FIRMWARE_MAX     (16 * MiB)
#define ISA_BIOS_SIZE    (128 * KiB)
#define ISA_BIOS_END     0x100000

enum { A20_KBC, A20_PORT92 };

typedef struct PCMachine {
    const PCConfig *config; /* while it is built */
    uint64_t ram_below_4g, ram_above_4g;
    MemoryRegion ram, ram_low, ram_high;
    MemoryRegion bios, isa_bios;
    CPUState *cpu;
    Device *pic, *ioapic, *apic;
    Device *pit, *hpet, *rtc;
    Device *i440fx, *piix3, *ide, *pm;
    Device *fw_cfg;
    Device *ferr;
    uint8_t a20_inputs;    /* bit per source: the gate is open while any is set */
    uint8_t boot_order[2]; /* CMOS 3Dh and 38h as -boot order= has them */
    uint8_t boots;         /* none, one, more: -boot once= is for the first */
} PCMachine;

static PCMachine pc;

CPUState *first_cpu(void)
{
    return pc.cpu;
}

/* ---- firmware files ---- */

static GPtrArray *data_dirs;

void qemu_add_data_dir(const char *path)
{
    if (!data_dirs) {
        data_dirs = g_ptr_array_new_with_free_func(g_free);
    }
    g_ptr_array_add(data_dirs, g_strdup(path));
}

static char *find_in_dir(const char *dir, const char *name)
{
    char *path = g_build_filename(dir, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        return path;
    }
    g_free(path);
    return NULL;
}

char *qemu_find_file(const char *name)
{
    static const char *const system_dirs[] = { "/usr/share/seabios", "/usr/share/qemu", "/usr/lib/ipxe/qemu" };
    if (g_file_test(name, G_FILE_TEST_IS_REGULAR)) {
        return g_strdup(name);
    }
    char *path = NULL;
    for (guint i = 0; data_dirs && i < data_dirs->len && !path; i++) {
        path = find_in_dir(data_dirs->pdata[i], name);
    }
    for (size_t i = 0; i < ARRAY_SIZE(system_dirs) && !path; i++) {
        path = find_in_dir(system_dirs[i], name);
    }
    return path;
}

/* ---- memory ---- */

static void create_ram(void)
{
    MemoryRegion *system = get_system_memory();
    uint64_t size = pc.config->ram_size;
    pc.ram_below_4g = MIN(size, PC_RAM_BELOW_4G_MAX);
    pc.ram_above_4g = size - pc.ram_below_4g;
    memory_region_init_ram(&pc.ram, "pc.ram", size);
    memory_region_init_alias(&pc.ram_low, "ram-below-4g", &pc.ram, 0, pc.ram_below_4g);
    memory_region_add_subregion(system, 0, &pc.ram_low);
    if (pc.ram_above_4g) {
        memory_region_init_alias(&pc.ram_high, "ram-above-4g", &pc.ram, pc.ram_below_4g, pc.ram_above_4g);
        memory_region_add_subregion(system, 4 * GiB, &pc.ram_high);
    }
}

static bool read_firmware(const char *name, char **image, gsize *len, Error **errp)
{
    char *path = qemu_find_file(name);
    GError *gerror = NULL;
    bool ok = false;
    if (!path) {
        error_setg(errp, "could not find firmware '%s'", name);
    } else if (!g_file_get_contents(path, image, len, &gerror)) {
        error_setg(errp, "could not load PC BIOS '%s': %s", name, gerror->message);
        g_error_free(gerror);
    } else if (*len == 0 || *len % (64 * KiB) || *len > FIRMWARE_MAX) {
        error_setg(errp,
                   "could not load PC BIOS '%s': %" G_GSIZE_FORMAT " bytes, must be a multiple of 64 KiB up to 16 MiB",
                   name, *len);
    } else {
        ok = replay_add_input("firmware", path, errp);
    }
    g_free(path);
    return ok;
}

static bool create_bios(Error **errp)
{
    char *image = NULL;
    gsize len = 0;
    if (!read_firmware(pc.config->firmware ? pc.config->firmware : DEFAULT_FIRMWARE, &image, &len, errp)) {
        g_free(image);
        return false;
    }
    memory_region_init_rom(&pc.bios, "pc.bios", len);
    memcpy(memory_region_get_ram_ptr(&pc.bios), image, len);
    g_free(image);
    memory_region_add_subregion(pci_memory(), 4 * GiB - len, &pc.bios);
    uint64_t low = MIN(len, (uint64_t)ISA_BIOS_SIZE);
    memory_region_init_alias(&pc.isa_bios, "isa-bios", &pc.bios, len - low, low);
    memory_region_add_subregion_overlap(pci_memory(), ISA_BIOS_END - low, &pc.isa_bios, 1);
    return true;
}

/* ---- interrupts ---- */

/* The timer's IRQ 0 is the IO-APIC's input 2 (an interrupt source override in the MADT); input 2 of the PIC is its
 * cascade. */
static void gsi_set(void *opaque, int n, int level)
{
    (void)opaque;
    if (n < ISA_IRQS && n != CASCADE_IRQ) {
        i8259_set_irq(pc.pic, n, level);
    }
    ioapic_set_irq(pc.ioapic, n == 0 ? 2 : n, level);
}

IRQLine pc_gsi(int n)
{
    return n >= 0 && n < GSI_COUNT ? irq_line(gsi_set, NULL, n) : (IRQLine){ 0 };
}

static void smi_set(void *opaque, int n, int level)
{
    (void)n;
    if (level) {
        cpu_interrupt(opaque, CPU_INTERRUPT_SMI);
    }
}

int pc_intr_acknowledge(CPUState *cpu)
{
    int vector = apic_get_interrupt(cpu->apic);
    if (vector >= 0) {
        return vector;
    }
    return apic_accepts_pic(cpu->apic) && i8259_pending(pc.pic) ? i8259_read_irq(pc.pic) : -1;
}

/* ---- A20 gate and SMM ---- */

static void a20_set(void *opaque, int source, int level)
{
    (void)opaque;
    pc.a20_inputs = (pc.a20_inputs & ~(1u << source)) | (unsigned)level << source;
    cpu_set_a20(pc.cpu, pc.a20_inputs != 0);
}

static void smm_changed(CPUState *cpu, bool in_smm)
{
    (void)cpu;
    i440fx_set_smm(pc.i440fx, in_smm);
}

static bool pc_post_load(void *opaque, Error **errp)
{
    (void)opaque;
    if (pc.a20_inputs > 3) {
        error_setg(errp, "pc: A20 inputs %#x", pc.a20_inputs);
        return false;
    }
    if (pc.boots > 2) {
        error_setg(errp, "pc: %u boots", pc.boots);
        return false;
    }
    return true;
}

/* Everything else here is wiring, or belongs to a chip. */
static const VMStateDescription vmstate_pc = {
    .name = "pc",
    .version = 1,
    .post_load = pc_post_load,
    .fields =
        (const VMStateField[]){
            VMSTATE_DERIVED(PCMachine, config),
            VMSTATE_DERIVED(PCMachine, ram_below_4g),
            VMSTATE_DERIVED(PCMachine, ram_above_4g),
            VMSTATE_DERIVED(PCMachine, ram),
            VMSTATE_DERIVED(PCMachine, ram_low),
            VMSTATE_DERIVED(PCMachine, ram_high),
            VMSTATE_DERIVED(PCMachine, bios),
            VMSTATE_DERIVED(PCMachine, isa_bios),
            VMSTATE_DERIVED(PCMachine, cpu),
            VMSTATE_DERIVED(PCMachine, pic),
            VMSTATE_DERIVED(PCMachine, ioapic),
            VMSTATE_DERIVED(PCMachine, apic),
            VMSTATE_DERIVED(PCMachine, pit),
            VMSTATE_DERIVED(PCMachine, hpet),
            VMSTATE_DERIVED(PCMachine, rtc),
            VMSTATE_DERIVED(PCMachine, i440fx),
            VMSTATE_DERIVED(PCMachine, piix3),
            VMSTATE_DERIVED(PCMachine, ide),
            VMSTATE_DERIVED(PCMachine, pm),
            VMSTATE_DERIVED(PCMachine, fw_cfg),
            VMSTATE_DERIVED(PCMachine, ferr),
            VMSTATE_INT(PCMachine, a20_inputs),
            VMSTATE_DERIVED(PCMachine, boot_order),
            VMSTATE_INT(PCMachine, boots),
            VMSTATE_END,
        },
};

/* ---- chips ---- */

static bool create_cpu(Error **errp)
{
    pc.cpu = cpu_new(pc.config->cpu_model, 0, errp);
    if (!pc.cpu) {
        return false;
    }
    vmstate_register("pc", 0, &vmstate_pc, &pc);
    pc.cpu->intr_ack = pc_intr_acknowledge;
    cpu_smm_changed = smm_changed;
    return true;
}

static Device *create_pci_at(const DeviceType *type, const char *addr)
{
    Device *dev = device_new(type);
    device_set_property(dev, "addr", addr, &error_fatal);
    device_realize(dev, &error_fatal);
    return dev;
}

static void create_chipset(void)
{
    pc.i440fx = device_create(&i440fx_type);
    pc.piix3 = create_pci_at(&piix3_type, "1.0");
    pc.ide = create_pci_at(&piix3_ide_type, "1.1");
    pc.pm = create_pci_at(&piix4_pm_type, "1.3");
    i440fx_connect(pc.i440fx, &pc.ram, pc.piix3);
    piix3_connect(pc.piix3, pc_gsi);
    piix3_ide_connect(pc.ide, pc_gsi(14), pc_gsi(15));
    piix4_pm_connect(pc.pm, irq_line(piix3_set_sci, pc.piix3, 9), irq_line(smi_set, pc.cpu, 0));
}

static void create_interrupt_controllers(void)
{
    pc.pic = device_create(&i8259_type);
    pc.ioapic = device_create(&ioapic_type);
    pc.apic = device_create(&apic_type);
    apic_connect(pc.apic, pc.cpu, pc.pic);
    pc.cpu->apic = pc.apic;
    i8259_connect(pc.pic, irq_line(apic_set_pic_intr, pc.apic, 0));
}

static void create_timers(void)
{
    pc.pit = device_create(&i8254_type);
    i8254_connect(pc.pit, pc_gsi(0));
    pc.rtc = device_create(&mc146818rtc_type);
    rtc_connect(pc.rtc, pc_gsi(8));
    if (pc.config->hpet) {
        pc.hpet = device_create(&hpet_type);
        hpet_connect(pc.hpet, pc.pit, pc.rtc);
    }
    pcspk_connect(device_create(&pcspk_type), pc.pit);
}

/* FERR# and IGNNE#. */
static void ferr_changed(CPUState *cpu)
{
    ferr_set(pc.ferr, x87_ferr(cpu));
}

static bool ignne_asserted(CPUState *cpu)
{
    (void)cpu;
    return ferr_ignne(pc.ferr);
}

static void create_ferr(void)
{
    pc.ferr = device_create(&ferr_type);
    ferr_connect(pc.ferr, pc_gsi(13));
    cpu_ferr_hook = ferr_changed;
    cpu_ignne_hook = ignne_asserted;
}

static bool create_serial(int n, Error **errp)
{
    static const char *const indices[PC_SERIAL_PORTS] = { "0", "1", "2", "3" };
    Device *serial = device_new(&isa_serial_type);
    if (!device_set_property(serial, "index", indices[n], errp)) {
        device_free(serial);
        return false;
    }
    if (!device_realize(serial, errp)) {
        return false;
    }
    serial_connect(serial, pc.config->serial[n]);
    return true;
}

static bool create_parallel(int n, Error **errp)
{
    static const char *const indices[PC_PARALLEL_PORTS] = { "0", "1", "2" };
    Device *parallel = device_new(&isa_parallel_type);
    device_set_property(parallel, "index", indices[n], &error_fatal);
    return device_realize(parallel, errp) && parallel_connect(parallel, pc.config->parallel[n], errp);
}

static bool create_ports(Error **errp)
{
    bool ok = true;
    for (int i = 0; i < PC_SERIAL_PORTS && ok; i++) {
        ok = !pc.config->serial_present[i] || create_serial(i, errp);
    }
    for (int i = 0; i < PC_PARALLEL_PORTS && ok; i++) {
        ok = !pc.config->parallel_present[i] || create_parallel(i, errp);
    }
    return ok;
}

static bool create_isa_devices(Error **errp)
{
    i8042_connect(device_create(&i8042_type), pc_gsi(1), pc_gsi(12), irq_line(a20_set, NULL, A20_KBC));
    port92_connect(device_create(&port92_type), irq_line(a20_set, NULL, A20_PORT92));
    fdc_connect(device_create(&isa_fdc_type), device_create(&i8257_type), pc_gsi(6));
    create_ferr();
    return create_ports(errp);
}

static bool create_vga(Error **errp)
{
    return !pc.config->vga || device_realize(device_new(&vga_pci_type), errp);
}

/* -hda and so on; an empty CD-ROM is the secondary master. */
static bool create_ide_drive(int channel, int unit, Error **errp)
{
    bool cdrom = false, by_default = pc.config->default_cdrom && channel == 1 && unit == 0;
    BlockBackend *blk = drive_get(IF_IDE, channel, unit, &cdrom);
    return (!blk && !by_default) || ide_create_drive(channel, unit, blk, !blk || cdrom, errp);
}

/* -drive if=virtio: a PCI device each. */
static bool create_virtio_drives(Error **errp)
{
    for (int unit = 0; unit < 32; unit++) {
        BlockBackend *blk = drive_get(IF_VIRTIO, 0, unit, NULL);
        if (blk && !virtio_blk_create(blk, errp)) {
            return false;
        }
    }
    return true;
}

/* NULL: no such card, or something that is none. */
static const DeviceType *nic_type(const char *model)
{
    const DeviceType *type = device_type_find(strcmp(model, "virtio") ? model : "virtio-net-pci");
    return type && type->user_creatable && device_type_has_property(type, "netdev") ? type : NULL;
}

static void nic_help(void)
{
    printf("Supported NIC models:\n");
    device_help_with_property(stdout, "netdev");
    exit(0);
}

static char *mac_text(const MACAddr *mac)
{
    const uint8_t *a = mac->a;
    return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
}

static bool create_nic(const NICRequest *request, Error **errp)
{
    const char *model = request->model ? request->model : PC_DEFAULT_NIC;
    const DeviceType *type = nic_type(model);
    if (!type) {
        error_setg(errp, "Unsupported NIC model: %s", model);
        return false;
    }
    Device *dev = device_new(type);
    char *mac = mac_text(&request->mac);
    bool ok = device_set_property(dev, "netdev", net_id(request->netdev), errp) &&
              device_set_property(dev, "mac", mac, errp) &&
              (!request->addr || device_set_property(dev, "addr", request->addr, errp));
    g_free(mac);
    if (!ok) {
        device_free(dev);
        return false;
    }
    return device_realize(dev, errp);
}

static bool create_nics(Error **errp)
{
    const NICRequest *request;
    while ((request = net_next_nic())) {
        if (request->model && !strcmp(request->model, "help")) {
            nic_help();
        }
        if (!create_nic(request, errp)) {
            return false;
        }
    }
    return true;
}

static bool create_floppy(int unit, Error **errp)
{
    BlockBackend *blk = drive_get(IF_FLOPPY, 0, unit, NULL);
    bool by_default = pc.config->default_floppy && unit == 0;
    return (!blk && !by_default) || floppy_create(unit, blk, errp);
}

static bool create_drives(Error **errp)
{
    for (int i = 0; i < IDE_CHANNELS * IDE_CHANNEL_DRIVES; i++) {
        if (!create_ide_drive(i / IDE_CHANNEL_DRIVES, i % IDE_CHANNEL_DRIVES, errp)) {
            return false;
        }
    }
    return create_virtio_drives(errp) && create_floppy(0, errp) && create_floppy(1, errp);
}

/* ---- what firmware is told ---- */

static void set_cmos_word(int addr, uint64_t value)
{
    uint16_t v = MIN(value, 0xffff);
    rtc_set_memory(pc.rtc, addr, v & 0xff);
    rtc_set_memory(pc.rtc, addr + 1, v >> 8);
}

static void set_cmos_memory(void)
{
    uint64_t low = pc.ram_below_4g, above = MIN(pc.ram_above_4g / (64 * KiB), (uint64_t)0xffffff);
    uint64_t extended = low > MiB ? (low - MiB) / KiB : 0;
    set_cmos_word(0x15, MIN(low / KiB, 640));
    set_cmos_word(0x17, extended);
    set_cmos_word(0x30, extended);
    set_cmos_word(0x34, low > 16 * MiB ? (low - 16 * MiB) / (64 * KiB) : 0);
    for (int i = 0; i < 3; i++) {
        rtc_set_memory(pc.rtc, 0x5b + i, above >> (8 * i));
    }
}

/* SeaBIOS's numbers for boot devices; 0 ends the list. */
static int boot_nibble(char device)
{
    switch (device) {
    case 'a':
    case 'b':
        return 1;
    case 'c':
        return 2;
    case 'd':
        return 3;
    case 'n':
        return 4;
    default:
        return 0;
    }
}

static bool parse_boot_order(const char *order, uint8_t cmos[2], Error **errp)
{
    int nibbles[3] = { 0 };
    size_t count = strlen(order);
    if (count > ARRAY_SIZE(nibbles)) {
        error_setg(errp, "Too many boot devices for PC: '%s'", order);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        nibbles[i] = boot_nibble(order[i]);
        if (!nibbles[i]) {
            error_setg(errp, "Invalid boot device '%c'; there are a, c, d and n", order[i]);
            return false;
        }
    }
    cmos[0] = nibbles[1] << 4 | nibbles[0];
    cmos[1] = nibbles[2] << 4;
    return true;
}

static void set_cmos_boot_order(const uint8_t cmos[2])
{
    rtc_set_memory(pc.rtc, 0x3d, cmos[0]);
    rtc_set_memory(pc.rtc, 0x38, cmos[1]);
}

static bool choose_boot_order(Error **errp)
{
    const char *order = pc.config->boot_order, *once = pc.config->boot_once;
    uint8_t first[2];
    if (!parse_boot_order(order ? order : "cad", pc.boot_order, errp)) {
        return false;
    }
    memcpy(first, pc.boot_order, sizeof(first));
    if (once && !parse_boot_order(once, first, errp)) {
        return false;
    }
    set_cmos_boot_order(first);
    return true;
}

/* Type 47 with its geometry (AT CMOS, 19h-23h and 24h-2Ch) for the two drives of the first channel. */
static void set_cmos_disk(int unit)
{
    uint16_t cylinders;
    uint8_t heads, sectors;
    if (!ide_disk_geometry(0, unit, &cylinders, &heads, &sectors)) {
        return;
    }
    const uint8_t entry[9] = { cylinders, cylinders >> 8, heads,  0xff, 0xff, 0xc0 | (heads > 8) << 3,
                               cylinders, cylinders >> 8, sectors };
    rtc_set_memory(pc.rtc, 0x19 + unit, 47);
    for (size_t i = 0; i < sizeof(entry); i++) {
        rtc_set_memory(pc.rtc, 0x1b + sizeof(entry) * unit + i, entry[i]);
    }
}

/* SeaBIOS: two bits for each drive say how INT 13h translates its geometry, 0 not at all, 1 by LBA. */
static uint8_t disk_translations(void)
{
    uint8_t result = 0;
    for (int i = 0; i < IDE_CHANNELS * IDE_CHANNEL_DRIVES; i++) {
        uint16_t cylinders;
        uint8_t heads, sectors;
        if (ide_disk_geometry(i / IDE_CHANNEL_DRIVES, i % IDE_CHANNEL_DRIVES, &cylinders, &heads, &sectors)) {
            result |= (cylinders > 1024) << (2 * i);
        }
    }
    return result;
}

/* Types of the drives; equipment: FPU, PS/2 mouse, how many floppy drives. */
static void set_cmos_floppies(void)
{
    uint8_t a = floppy_cmos_type(0), b = floppy_cmos_type(1);
    rtc_set_memory(pc.rtc, 0x10, a << 4 | b);
    rtc_set_memory(pc.rtc, 0x14, 0x02 | 0x04 | (a || b ? 0x01 : 0) | (a && b ? 0x40 : 0));
}

/* After all drives are there, -device ide-hd too. */
static void set_cmos_disks(void)
{
    uint16_t cylinders;
    uint8_t heads, sectors, types = 0;
    for (int unit = 0; unit < IDE_CHANNEL_DRIVES; unit++) {
        set_cmos_disk(unit);
        types |= ide_disk_geometry(0, unit, &cylinders, &heads, &sectors) ? 0xf0 >> (4 * unit) : 0;
    }
    rtc_set_memory(pc.rtc, 0x12, types);
    rtc_set_memory(pc.rtc, 0x39, disk_translations());
}

static bool fill_cmos(Error **errp)
{
    set_cmos_memory();
    rtc_set_memory(pc.rtc, 0x5f, pc.config->smp - 1);
    return choose_boot_order(errp);
}

typedef struct E820Entry {
    uint8_t bytes[20]; /* u64 address, u64 length, u32 type; little-endian, packed */
} E820Entry;
#define E820_RAM 1

static void e820_entry(E820Entry *e, uint64_t addr, uint64_t len)
{
    stq_le_p(e->bytes, addr);
    stq_le_p(e->bytes + 8, len);
    stl_le_p(e->bytes + 16, E820_RAM);
}

static void add_e820(void)
{
    E820Entry entries[2];
    e820_entry(&entries[0], 0, pc.ram_below_4g);
    e820_entry(&entries[1], 4 * GiB, pc.ram_above_4g);
    fw_cfg_add_file(pc.fw_cfg, "etc/e820", entries, sizeof(entries[0]) * (pc.ram_above_4g ? 2 : 1));
}

static void add_fw_cfg_items(void)
{
    static const uint8_t numa[16];
    static const uint8_t system_states[6] = { 128, 0, 0, 1, 2, 128 }; /* S0 and S5 */
    static const uint8_t fail_wait[4] = { 0xff, 0xff, 0xff, 0xff };   /* "No bootable device": for ever */
    static const uint8_t com1[2] = { 0xf8, 0x03 };
    const PCConfig *config = pc.config;
    fw_cfg_add_bytes(pc.fw_cfg, FW_CFG_UUID, machine_identity.uuid, sizeof(machine_identity.uuid));
    fw_cfg_add_i64(pc.fw_cfg, FW_CFG_RAM_SIZE, config->ram_size);
    fw_cfg_add_i16(pc.fw_cfg, FW_CFG_NOGRAPHIC, config->sercon);
    fw_cfg_add_i16(pc.fw_cfg, FW_CFG_NB_CPUS, config->smp);
    fw_cfg_add_i16(pc.fw_cfg, FW_CFG_MAX_CPUS, config->smp);
    fw_cfg_add_i16(pc.fw_cfg, FW_CFG_BOOT_MENU, config->boot_menu);
    fw_cfg_add_bytes(pc.fw_cfg, FW_CFG_NUMA, numa, sizeof(numa));
    fw_cfg_add_i32(pc.fw_cfg, FW_CFG_ARCH_LOCAL + 2, 1); /* IRQ 0 is on IO-APIC input 2 */
    add_e820();
    fw_cfg_add_file(pc.fw_cfg, "etc/system-states", system_states, sizeof(system_states));
    fw_cfg_add_file(pc.fw_cfg, "etc/boot-fail-wait", fail_wait, sizeof(fail_wait));
    if (config->sercon) {
        fw_cfg_add_file(pc.fw_cfg, "etc/sercon-port", com1, sizeof(com1));
    }
}

static bool add_boot_files(Error **errp)
{
    if (!pc.config->kernel) {
        return true;
    }
    return boot_order_add(0, "/rom@genroms/linuxboot.bin", errp) &&
           linuxboot_load(pc.config, pc.ram_below_4g, pc.fw_cfg, errp);
}

static bool tell_firmware(Error **errp)
{
    add_fw_cfg_items();
    if (pc.config->acpi) {
        acpi_build(pc.config, pc.ram_below_4g, pc.fw_cfg, pc.pm);
    }
    smbios_build(pc.ram_below_4g, pc.ram_above_4g, pc.config->smp, pc.fw_cfg);
    return fill_cmos(errp) && add_boot_files(errp);
}

/* ---- the machine ---- */

static bool build(Error **errp)
{
    create_ram();
    if (!create_cpu(errp)) {
        return false;
    }
    create_chipset();
    if (!create_bios(errp)) {
        return false;
    }
    create_interrupt_controllers();
    create_timers();
    if (!create_isa_devices(errp)) {
        return false;
    }
    pc.fw_cfg = device_create(&fw_cfg_type);
    return create_vga(errp) && create_nics(errp) && create_drives(errp) && tell_firmware(errp);
}

bool pc_machine_init(const PCConfig *config, Error **errp)
{
    pc.config = config;
    memory_init();
    memory_region_transaction_begin();
    bool ok = build(errp);
    memory_region_transaction_commit();
    pc.config = NULL;
    return ok;
}

void pc_machine_ready(void)
{
    char *order = boot_order_text();
    set_cmos_disks();
    set_cmos_floppies();
    if (order) {
        fw_cfg_add_file(pc.fw_cfg, "bootorder", order, strlen(order) + 1);
    }
    g_free(order);
}

/* RAM keeps its contents; the BIOS region cannot be written, so PAM's reset alone brings the power-on view back. */
void qemu_system_reset(void)
{
    pc.a20_inputs = 1u << A20_KBC;
    memory_region_transaction_begin();
    device_reset_all();
    memory_region_transaction_commit();
    if (pc.boots == 1) {
        set_cmos_boot_order(pc.boot_order);
    }
    pc.boots = MIN(pc.boots + 1, 2);
    cpu_reset(pc.cpu);
    cpu_set_a20(pc.cpu, pc.a20_inputs != 0);
    if (pc.cpu->engine_data) {
        current_engine()->flush(pc.cpu);
    }
}
