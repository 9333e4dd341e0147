/*
 * system/machine.c  From options to the machine: what the board is told, what goes into the manifest of a recording,
 * and the order in which everything is built. Contract: system/machine.h.
 */
#include "system/machine.h"

#include "block/block.h"
#include "hw/core/device.h"
#include "net/net.h"
#include "replay/replay.h"
#include "sysemu/cpus.h"
#include "sysemu/sysemu.h"
#include "system/options.h"
#include "util/option.h"

/* ---- what the board is told ---- */

#define DEFAULT_RAM (128 * MiB)
#define MIN_RAM     (1 * MiB)

static uint64_t memory_size(void)
{
    Error *err = NULL;
    static const char *const known[] = { "size", NULL };
    uint64_t size = DEFAULT_RAM;
    if (opts.memory) {
        QemuOpts *o = qemu_opts_parse(opts.memory, "size", known, &err);
        if (o && parse_size(qemu_opt_get(o, "size"), MiB, &size, &err) &&
            (size < MIN_RAM || size > RAM_SPACE_MAX / 2)) {
            error_setg(&err, "RAM can be 1M to %lluG", RAM_SPACE_MAX / 2 / GiB);
        }
        qemu_opts_free(o);
    }
    option_check("-m", opts.memory, err);
    return (size + PAGE_SIZE - 1) & PAGE_MASK;
}

static void parse_boot(PCConfig *config)
{
    Error *err = NULL;
    static const char *const known[] = { "order", "once", "menu", NULL };
    QemuOpts *o = opts.boot ? qemu_opts_parse(opts.boot, "order", known, &err) : NULL;
    if (o) {
        config->boot_order = g_strdup(qemu_opt_get(o, "order"));
        config->boot_once = g_strdup(qemu_opt_get(o, "once"));
        config->boot_menu = qemu_opt_get_bool(o, "menu", false, &err);
    }
    option_check("-boot", opts.boot, err);
    qemu_opts_free(o);
}

/* What the host's convenience decides and the guest can see: a replay takes it from the recording. */
static bool recorded_or(const char *name, const char *option, bool value)
{
    const char *recorded = replay_recorded_property(name);
    bool result = recorded ? !strcmp(recorded, "on") : value;
    replay_add_property(name, option, result ? "on" : "off", &error_fatal);
    return result;
}

/* Drives without medium are there by default; one given with -device takes their place. */
static bool default_drive(const char *prefix)
{
    bool given = false;
    for (guint i = 0; i < opts.devices->len; i++) {
        given = given || g_str_has_prefix(g_ptr_array_index(opts.devices, i), prefix);
    }
    return !opts.nodefaults && !given;
}

static PCConfig board_config(void)
{
    PCConfig config = {
        .ram_size = memory_size(),
        .cpu_model = opts.cpu,
        .firmware = opts.bios,
        .kernel = opts.kernel,
        .initrd = opts.initrd,
        .append = opts.append,
        .sercon = recorded_or("sercon", "-nographic", opts.nographic),
        .vga = strcmp(opts.vga, "none") != 0,
        .hpet = !opts.no_hpet,
        .acpi = !opts.no_acpi,
        .default_cdrom = default_drive("ide-"),
        .default_floppy = default_drive("floppy"),
        .smp = 1,
    };
    parse_boot(&config);
    if (!opts.kernel && (opts.initrd || opts.append)) {
        error_report("%s only makes sense together with -kernel", opts.initrd ? "-initrd" : "-append");
        exit(1);
    }
    return config;
}

/* ---- the manifest ---- */

static char *size_text(uint64_t size)
{
    bool whole = size % MiB == 0;
    return g_strdup_printf("%" PRIu64 "%c", size / (uint64_t)(whole ? MiB : KiB), whole ? 'M' : 'K');
}

static char *join(const GPtrArray *strings)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < strings->len; i++) {
        g_string_append_printf(text, "%s%s", i ? " " : "", (const char *)g_ptr_array_index(strings, i));
    }
    return g_string_free(text, false);
}

/*
 * Raised when the same command line makes a machine that does something else than before: another TLB, another order of
 * events in a chip. Recordings from before have no future then, and are told so. 2: TLB of 16384 entries, IDE reads
 * when the bus master starts.
 */
#define MACHINE_REVISION "2"

/* What a replay must have in common with its recording. */
static void record_properties(const PCConfig *config)
{
    char *program = g_strdup_printf("qemu-system-%s", machine_identity.target), *memory = size_text(config->ram_size),
         *uuid = uuid_text(machine_identity.uuid), *shift = g_strdup_printf("%d", icount_shift()),
         *devices = join(opts.devices);
    const struct {
        const char *name, *option, *value;
    } list[] = {
        { "program", "program", program },
        { "machine", "-M", "pc" },
        { "revision", "machine revision", MACHINE_REVISION },
        { "memory", "-m", memory },
        { "cpu", "-cpu", config->cpu_model },
        { "shift", "-icount shift", shift },
        { "vga", "-vga", opts.vga },
        { "append", "-append", config->append ? config->append : "" },
        { "boot", "-boot", opts.boot ? opts.boot : "" },
        { "smp", "-smp", "1" },
        { "hpet", "-M hpet", config->hpet ? "on" : "off" },
        { "acpi", "-M acpi", config->acpi ? "on" : "off" },
        { "defaults", "-nodefaults", opts.nodefaults ? "off" : "on" },
        { "rtc", "-rtc", opts.rtc ? opts.rtc : "" },
        { "uuid", "-uuid", uuid },
        { "devices", "-device", devices },
        { "debugcon", "-debugcon", opts.debugcon && strcmp(opts.debugcon, "none") ? "present" : "none" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
        replay_add_property(list[i].name, list[i].option, list[i].value, &error_fatal);
    }
    g_free(program);
    g_free(memory);
    g_free(uuid);
    g_free(shift);
    g_free(devices);
}

/* ---- the order ---- */

static void create_devices(void)
{
    for (guint i = 0; i < opts.devices->len; i++) {
        Error *err = NULL;
        const char *arg = g_ptr_array_index(opts.devices, i);
        device_add(arg, &err);
        option_check("-device", arg, err);
    }
}

/* Each drive must have found a device, or be there for savevm (if=none). */
static void check_drives(void)
{
    const char *orphan = drive_first_orphan();
    if (orphan) {
        error_report("%s", orphan);
        exit(1);
    }
    drive_open_unused(&error_fatal);
}

/* In replay no back end is opened; the same cards must be there. */
static void create_networks(void)
{
    net_init_all(!opts.nodefaults && device_type_find(PC_DEFAULT_NIC), &error_fatal);
    char *nics = net_describe_nics();
    replay_add_property("nics", "-nic", nics, &error_fatal);
    g_free(nics);
}

void machine_build(void)
{
    PCConfig config = board_config();
    icount_set_sleeps(recorded_or("sleep", "-icount sleep", icount_sleeps()));
    record_properties(&config);
    machine_identity.name = opts.name;
    machine_identity.ram_size = config.ram_size;
    create_chardevs();
    create_ports(&config);
    blk_open_all(&error_fatal);
    create_networks();
    pc_machine_init(&config, &error_fatal);
    create_debugcon();
    create_devices();
    pc_machine_ready();
    check_drives();
    net_warn_unused();
    create_monitors();
}
