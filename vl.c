/*
 * vl.c  Options -> machine -> run. QEMU's command line, read into one struct by one table; then the machine is built in
 * a fixed order, started, and run until somebody ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

#include "accel/compare.h"
#include "accel/engine.h"
#include "accel/interp/trace.h"
#include "accel/jit/jit.h"
#include "block/block.h"
#include "chardev/char.h"
#include "exec/memory.h"
#include "hw/core/device.h"
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"
#include "hw/virtio/virtio.h"
#include "migration/snapshot.h"
#include "migration/vmstate.h"
#include "monitor/monitor.h"
#include "monitor/qmp.h"
#include "net/net.h"
#include "replay/replay.h"
#include "runstate-private.h"
#include "sysemu/cpus.h"
#include "sysemu/sysemu.h"
#include "target/i386/insn.h"
#include "util/error.h"
#include "util/log.h"
#include "util/main-loop.h"
#include "util/option.h"
#include "util/rng.h"
#include "version.h"

#ifndef TARGET_NAME
#error "TARGET_NAME and DEFAULT_CPU come from meson.build, one set for each program"
#endif

/* ---- options ---- */

typedef struct Options {
    const char *memory, *cpu, *kernel, *initrd, *append, *bios, *boot, *icount, *rtc, *vga, *display, *debugcon, *name;
    GPtrArray *serials, *parallels, *monitors, *devices, *chardevs, *mons, *qmps, *compares; /* of const char * */
    const char *loadvm, *dump_vmstate;
    bool nographic, start_paused, nodefaults, no_hpet, no_acpi;
} Options;

static Options opts;

typedef void OptionHandler(const char *arg, Error **errp);

static void set_string(const char **place, const char *arg)
{
    *place = arg;
}

#define STRING_OPTION(field)                               \
    static void opt_##field(const char *arg, Error **errp) \
    {                                                      \
        (void)errp;                                        \
        set_string(&opts.field, arg);                      \
    }
STRING_OPTION(memory)
STRING_OPTION(cpu)
STRING_OPTION(kernel)
STRING_OPTION(initrd)
STRING_OPTION(append)
STRING_OPTION(bios)
STRING_OPTION(boot)
STRING_OPTION(icount)
STRING_OPTION(debugcon)
STRING_OPTION(name)
STRING_OPTION(loadvm)
STRING_OPTION(dump_vmstate)

#define LIST_OPTION(field)                                 \
    static void opt_##field(const char *arg, Error **errp) \
    {                                                      \
        (void)errp;                                        \
        g_ptr_array_add(opts.field, (gpointer)arg);        \
    }
LIST_OPTION(serials)
LIST_OPTION(parallels)
LIST_OPTION(monitors)
LIST_OPTION(devices)
LIST_OPTION(chardevs)
LIST_OPTION(mons)
LIST_OPTION(compares)
LIST_OPTION(qmps)

#define FLAG_OPTION(field)                                 \
    static void opt_##field(const char *arg, Error **errp) \
    {                                                      \
        (void)arg;                                         \
        (void)errp;                                        \
        opts.field = true;                                 \
    }
FLAG_OPTION(nographic)
FLAG_OPTION(start_paused)
FLAG_OPTION(nodefaults)
FLAG_OPTION(no_hpet)
FLAG_OPTION(no_acpi)

static void opt_uuid(const char *arg, Error **errp)
{
    if (!uuid_parse(arg, machine_identity.uuid)) {
        error_setg(errp, "failed to parse UUID string: wrong format");
    }
}

static void opt_no_reboot(const char *arg, Error **errp)
{
    (void)arg;
    (void)errp;
    runstate_no_reboot = true;
}

static void opt_no_shutdown(const char *arg, Error **errp)
{
    (void)arg;
    (void)errp;
    runstate_no_shutdown = true;
}

/* -hda is drive 0 and so on; a name without option is the first disk. */
#define DISK_OPTION(letter, number)                                       \
    static void opt_hd##letter(const char *arg, Error **errp)             \
    {                                                                     \
        drive_add_short("-hd" #letter, IF_IDE, number, arg, false, errp); \
    }
DISK_OPTION(a, 0)
DISK_OPTION(b, 1)
DISK_OPTION(c, 2)
DISK_OPTION(d, 3)

static void opt_cdrom(const char *arg, Error **errp)
{
    drive_add_short("-cdrom", IF_IDE, 2, arg, true, errp);
}

static void opt_fda(const char *arg, Error **errp)
{
    drive_add_short("-fda", IF_FLOPPY, 0, arg, false, errp);
}

static void opt_fdb(const char *arg, Error **errp)
{
    drive_add_short("-fdb", IF_FLOPPY, 1, arg, false, errp);
}

static void opt_drive(const char *arg, Error **errp)
{
    drive_add(arg, errp);
}

static void opt_blockdev(const char *arg, Error **errp)
{
    blockdev_add(arg, errp);
}

static void opt_snapshot(const char *arg, Error **errp)
{
    (void)arg;
    (void)errp;
    drive_snapshot_all = true;
}

static void opt_log(const char *arg, Error **errp)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        log_help(stdout);
        exit(0);
    }
    log_set_items(arg, errp);
}

static void opt_log_file(const char *arg, Error **errp)
{
    log_set_file(arg, errp);
}

static void opt_log_filter(const char *arg, Error **errp)
{
    log_set_filter(arg, errp);
}

static void opt_data_dir(const char *arg, Error **errp)
{
    (void)errp;
    qemu_add_data_dir(arg);
}

static void opt_rtc(const char *arg, Error **errp)
{
    opts.rtc = arg;
    rtc_configure(arg, errp);
}

static void set_vga(const char *arg, Error **errp)
{
    if (strcmp(arg, "std") && strcmp(arg, "none")) {
        error_setg(errp, "'%s' is not an available VGA card; there are std and none", arg);
    }
    opts.vga = arg;
}

static void set_display(const char *arg, Error **errp)
{
    if (strcmp(arg, "none") && !g_str_has_prefix(arg, "none,")) {
        error_setg(errp, "display type '%s' is not available; there is none", arg);
    }
    opts.display = arg;
}

static void set_machine_key(const char *key, const char *value, void *opaque)
{
    Error **errp = opaque;
    static const char *const absent[] = { "vmport", "usb", NULL }; /* may be switched off: they are */
    bool on = true;
    if (*errp || !strcmp(key, "dump-guest-core")) {
        return;
    }
    if (!strcmp(key, "type")) {
        if (strcmp(value, "pc") && !g_str_has_prefix(value, "pc-i440fx-")) {
            error_setg(errp, "unsupported machine type '%s'; there is pc", value);
        }
    } else if (!strcmp(key, "accel")) {
        cpus_choose_engine(value, errp);
#ifdef CONFIG_JIT
    } else if (!strcmp(key, "tb-size") || g_str_has_prefix(key, "stress")) {
        jit_option(key, value, errp);
#endif
    } else if (!parse_bool(value, &on)) {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off', not '%s'", key, value);
    } else if (!strcmp(key, "hpet") || !strcmp(key, "acpi")) {
        *(key[0] == 'h' ? &opts.no_hpet : &opts.no_acpi) = !on;
    } else if (g_strv_contains(absent, key)) {
        if (on) {
            error_setg(errp, "%s=%s is not available", key, value);
        }
    } else {
        error_setg(errp, "Property 'pc-machine.%s' not found", key);
    }
}

static void parse_machine(const char *arg, const char *implied, Error **errp)
{
    Error *err = NULL;
    QemuOpts *o = qemu_opts_parse(arg, implied, NULL, &err);
    if (o) {
        qemu_opts_foreach(o, set_machine_key, &err);
        qemu_opts_free(o);
    }
    error_propagate(errp, err);
}

static void opt_machine(const char *arg, Error **errp)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        printf("Supported machines are:\npc                   Standard PC (i440FX + PIIX, 1996) (default)\n");
        exit(0);
    }
    parse_machine(arg, "type", errp);
}

static void opt_accel(const char *arg, Error **errp)
{
    parse_machine(arg, "accel", errp);
}

static void opt_smp(const char *arg, Error **errp)
{
    Error *err = NULL;
    QemuOpts *o = qemu_opts_parse(arg, "cpus", NULL, &err);
    if (o && qemu_opt_get_number(o, "cpus", 1, &err) != 1 && !err) {
        error_setg(&err, "%s CPUs asked for: one is all there is yet", qemu_opt_get(o, "cpus"));
    }
    qemu_opts_free(o);
    error_propagate(errp, err);
}

static void opt_netdev(const char *arg, Error **errp)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        printf("Available netdev backend types:\n");
        net_driver_help(stdout);
        exit(0);
    }
    net_add_netdev(arg, errp);
}

static void opt_nic(const char *arg, Error **errp)
{
    net_add_nic(arg, errp);
}

static void opt_net(const char *arg, Error **errp)
{
    net_add_legacy(arg, errp);
}

/* -object: who makes objects of a kind. */
static const struct {
    const char *prefix;
    bool (*add)(const char *arg, Error **errp);
} object_kinds[] = {
    { "filter-", object_add_filter },
    { "rng-", object_add_rng },
};

static void opt_object(const char *arg, Error **errp)
{
    const char *kind = g_str_has_prefix(arg, "qom-type=") ? arg + strlen("qom-type=") : arg;
    for (size_t i = 0; i < ARRAY_SIZE(object_kinds); i++) {
        if (g_str_has_prefix(kind, object_kinds[i].prefix)) {
            object_kinds[i].add(kind, errp);
            return;
        }
    }
    error_setg(errp, "Parameter 'qom-type' does not accept value '%.*s'", (int)strcspn(kind, ","), kind);
}

static void opt_help(const char *arg, Error **errp);

static void opt_version(const char *arg, Error **errp)
{
    (void)arg;
    (void)errp;
    printf("Lockstep emulator version " LOCKSTEP_VERSION " (qemu-system-" TARGET_NAME ")\n");
    exit(0);
}

typedef struct Option {
    const char *name;
    const char *arg; /* NULL: takes none */
    OptionHandler *handler;
    const char *help;
} Option;

static const Option option_table[] = {
    { "M", "machine", opt_machine, "select the machine: pc" },
    { "machine", "[type=]name[,prop=value]", opt_machine, "the same" },
    { "cpu", "model[,+feature]", opt_cpu, "select the CPU ('-cpu help' lists them)" },
    { "accel", "name[,tb-size=megs]", opt_accel, "select the engine: jit (default) or interp" },
    { "smp", "n", opt_smp, "number of CPUs" },
    { "m", "[size=]megs", opt_memory, "RAM size, default 128 MiB" },
    { "bios", "file", opt_bios, "firmware instead of SeaBIOS" },
    { "L", "path", opt_data_dir, "directory of firmware files" },
    { "kernel", "bzImage", opt_kernel, "Linux or multiboot kernel to boot" },
    { "initrd", "file", opt_initrd, "its initial RAM disk, or its modules (\"file args,file2 args\")" },
    { "append", "cmdline", opt_append, "its command line" },
    { "boot", "[order=]drives[,once=drives][,menu=on|off]", opt_boot, "boot order and menu" },
    { "hda", "file", opt_hda, "hard disk 0" },
    { "hdb", "file", opt_hdb, "hard disk 1" },
    { "hdc", "file", opt_hdc, "hard disk 2" },
    { "hdd", "file", opt_hdd, "hard disk 3" },
    { "cdrom", "file", opt_cdrom, "CD-ROM (in place of hard disk 2)" },
    { "fda", "file", opt_fda, "floppy disk 0" },
    { "fdb", "file", opt_fdb, "floppy disk 1" },
    { "drive", "[file=f][,if=type][,id=name][,format=f][,cache=c][,snapshot=on|off]...", opt_drive, "add a drive" },
    { "blockdev", "[driver=]driver,node-name=name[,...]", opt_blockdev, "add a node of the block layer" },
    { "snapshot", NULL, opt_snapshot, "write to temporary images, not to the disks" },
    { "device", "driver[,prop=value]", opt_devices, "add a device ('-device help' lists them)" },
    { "vga", "std|none", set_vga, "VGA card" },
    { "display", "none", set_display, "display type" },
    { "nographic", NULL, opt_nographic, "no display; serial port and monitor on stdio" },
    { "serial", "dev", opt_serials, "connect a serial port" },
    { "parallel", "dev", opt_parallels, "connect a parallel port" },
    { "monitor", "dev", opt_monitors, "connect a monitor" },
    { "mon", "[chardev=]name[,mode=readline|control][,pretty=on|off]", opt_mons, "connect a monitor to a chardev" },
    { "qmp", "dev", opt_qmps, "connect a QMP monitor" },
    { "uuid", "uuid", opt_uuid, "UUID of the machine" },
    { "chardev", "backend,id=id", opt_chardevs, "add a character device" },
    { "debugcon", "dev", opt_debugcon, "debug console at port 0xe9" },
    { "netdev", "user|tap|socket|hubport,id=id[,prop=value]", opt_netdev, "add a host network ('-netdev help')" },
    { "nic", "none|user|tap|socket[,model=m][,mac=addr][,prop=value]", opt_nic, "add a host network and a card on it" },
    { "net", "none|nic|user|tap|socket[,prop=value]", opt_net, "the same, on a common hub" },
    { "object", "filter-replay|filter-dump,id=id,netdev=id[,prop=value]|rng-builtin|rng-random,id=id", opt_object,
      "look at a network's packets; name a source of random numbers" },
    { "rtc", "[base=utc|localtime|date][,clock=host|rt|vm]", opt_rtc, "real-time clock" },
    { "icount", "shift=N|auto[,sleep=on|off][,rr=record|replay,rrfile=file]", opt_icount,
      "time is the instruction count; record and replay" },
    { "rrcompare", "digests=file[,every=n][,from=n]", opt_compares,
      "replay: write down states on the way (scripts/lockstep.py)" },
    { "d", "item1[,item2]", opt_log, "log what the machine does ('-d help' lists the items)" },
    { "D", "file", opt_log_file, "write the log there, not to stderr" },
    { "dfilter", "start..end|start+len|start-len[,...]", opt_log_filter, "log only code that lies there" },
    { "S", NULL, opt_start_paused, "do not start the CPU ('cont' in the monitor does)" },
    { "loadvm", "tag", opt_loadvm, "start from a snapshot" },
    { "dump-vmstate", "file", opt_dump_vmstate, "write the description of all state as JSON, and exit" },
    { "no-reboot", NULL, opt_no_reboot, "exit instead of rebooting" },
    { "no-shutdown", NULL, opt_no_shutdown, "stop instead of exiting" },
    { "no-hpet", NULL, opt_no_hpet, "no HPET" },
    { "no-acpi", NULL, opt_no_acpi, "no ACPI tables" },
    { "nodefaults", NULL, opt_nodefaults, "no default devices" },
    { "name", "text", opt_name, "name of the guest" },
    { "version", NULL, opt_version, "print the version" },
    { "help", NULL, opt_help, "print this" },
    { "h", NULL, opt_help, "print this" },
};

static void opt_help(const char *arg, Error **errp)
{
    (void)arg;
    (void)errp;
    printf("usage: qemu-system-" TARGET_NAME " [options]\n");
    for (size_t i = 0; i < ARRAY_SIZE(option_table); i++) {
        const Option *o = &option_table[i];
        printf("  -%s %s\n        %s\n", o->name, o->arg ? o->arg : "", o->help);
    }
    exit(0);
}

static const Option *find_option(const char *arg)
{
    const char *name = arg + 1 + (arg[1] == '-');
    for (size_t i = 0; i < ARRAY_SIZE(option_table); i++) {
        if (!strcmp(option_table[i].name, name)) {
            return &option_table[i];
        }
    }
    return NULL;
}

static void check(const char *what, const char *arg, Error *err)
{
    if (err) {
        error_prepend(&err, "%s%s%s: ", what, arg ? " " : "", arg ? arg : "");
        error_report_err(err);
        exit(1);
    }
}

static void parse_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const Option *o = argv[i][0] == '-' ? find_option(argv[i]) : NULL;
        const char *name = argv[i], *arg = NULL;
        Error *err = NULL;
        if (argv[i][0] != '-') {
            drive_add_short(NULL, IF_IDE, 0, argv[i], false, &err);
        } else if (!o) {
            error_setg(&err, "invalid option");
        } else if (o->arg && i + 1 == argc) {
            error_setg(&err, "requires an argument");
        } else {
            arg = o->arg ? argv[++i] : NULL;
            o->handler(arg, &err);
        }
        check(name, arg, err);
    }
}

static void options_init(void)
{
    GPtrArray **lists[] = { &opts.serials,  &opts.parallels, &opts.monitors, &opts.devices,
                            &opts.chardevs, &opts.mons,      &opts.qmps,     &opts.compares };
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        *lists[i] = g_ptr_array_new();
    }
    opts.cpu = DEFAULT_CPU;
    cpu_set_target_name(TARGET_NAME);
}

/* ---- from options to the machine ---- */

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
    check("-m", opts.memory, err);
    return (size + PAGE_SIZE - 1) & PAGE_MASK;
}

static void configure_icount(int argc, char **argv)
{
    if (!opts.icount) {
        return;
    }
    Error *err = NULL;
    QemuOpts *o = qemu_opts_parse(opts.icount, "shift", icount_known_keys(), &err);
    if (o && icount_configure(o, &err)) {
        replay_configure(o, argc, argv, &err);
    }
    check("-icount", opts.icount, err);
    qemu_opts_free(o);
}

static void configure_compare(void)
{
    for (guint i = 0; i < opts.compares->len; i++) {
        Error *err = NULL;
        const char *arg = g_ptr_array_index(opts.compares, i);
        if (!replay_playing()) {
            error_setg(&err, "only with -icount rr=replay");
        } else {
            compare_configure(arg, &err);
        }
        check("-rrcompare", arg, err);
    }
}

static char *boot_devices(const QemuOpts *o, const char *key, Error **errp)
{
    const char *order = qemu_opt_get(o, key);
    if (order && !*errp && strspn(order, "acdn") != strlen(order)) {
        error_setg(errp, "Invalid boot device '%c'; there are a, c, d and n", order[strspn(order, "acdn")]);
    }
    return g_strdup(order);
}

static void parse_boot(PCConfig *config)
{
    Error *err = NULL;
    static const char *const known[] = { "order", "once", "menu", NULL };
    QemuOpts *o = opts.boot ? qemu_opts_parse(opts.boot, "order", known, &err) : NULL;
    if (o) {
        config->boot_order = boot_devices(o, "order", &err);
        config->boot_once = boot_devices(o, "once", &err);
        config->boot_menu = qemu_opt_get_bool(o, "menu", false, err ? NULL : &err);
    }
    check("-boot", opts.boot, err);
    qemu_opts_free(o);
}

/* What -serial, -parallel and -monitor default to, as QEMU has it. */
static void default_characters(void)
{
    bool serial_given = opts.serials->len, monitor_given = opts.monitors->len;
    if (opts.nodefaults) {
        return;
    }
    if (!opts.parallels->len) {
        g_ptr_array_add(opts.parallels, "vc");
    }
    if (opts.nographic && !serial_given) {
        g_ptr_array_add(opts.serials, monitor_given ? "stdio" : "mon:stdio");
    } else if (opts.nographic && !monitor_given) {
        g_ptr_array_add(opts.monitors, "stdio");
    } else if (!serial_given) {
        g_ptr_array_add(opts.serials, "vc");
    }
}

static bool spec_uses_stdio(const char *spec)
{
    return !strcmp(spec, "stdio") || !strcmp(spec, "mon:stdio");
}

/* "-nographic -serial mon:stdio": the monitor is already there. */
static void drop_second_stdio_monitor(void)
{
    for (guint i = 0; i < opts.serials->len; i++) {
        if (spec_uses_stdio(g_ptr_array_index(opts.serials, i)) && opts.monitors->len == 1 && opts.nographic &&
            !strcmp(g_ptr_array_index(opts.monitors, 0), "stdio")) {
            g_ptr_array_set_size(opts.monitors, 0);
        }
    }
}

static void create_chardevs(void)
{
    for (guint i = 0; i < opts.chardevs->len; i++) {
        Error *err = NULL;
        const char *arg = g_ptr_array_index(opts.chardevs, i);
        qemu_chr_new_from_opts(arg, &err);
        check("-chardev", arg, err);
    }
}

/* The ports of one kind that the board may have. */
typedef struct PortKind {
    const char *name, *option, *property; /* "serial": label; property: in the manifest */
    int count;
    Chardev **chr;
    bool *present;
} PortKind;

/* Which ports exist is the machine's affair: a replay has those of the recording, whatever the option says now. */
static void decide_ports(const PortKind *kind)
{
    char *present = g_strnfill(kind->count, '0');
    for (int i = 0; i < kind->count; i++) {
        present[i] = kind->present[i] ? '1' : '0';
    }
    const char *recorded = replay_recorded_property(kind->property);
    if (recorded && strlen(recorded) == (size_t)kind->count) {
        memcpy(present, recorded, kind->count);
    }
    for (int i = 0; i < kind->count; i++) {
        kind->present[i] = present[i] == '1';
    }
    replay_add_property(kind->property, kind->option, present, &error_fatal);
    g_free(present);
}

static void create_ports(const PortKind *kind, const GPtrArray *specs)
{
    for (guint i = 0; i < specs->len; i++) {
        Error *err = NULL;
        const char *spec = g_ptr_array_index(specs, i);
        if (i == (guint)kind->count) {
            error_setg(&err, "there are only %d %s ports", kind->count, kind->name);
        } else {
            char *label = g_strdup_printf("%s%u", kind->name, i);
            qemu_chr_new_from_legacy(label, spec, &kind->chr[i], &err);
            kind->present[i] = strcmp(spec, "none") != 0;
            g_free(label);
        }
        check(kind->option, spec, err);
    }
    decide_ports(kind);
}

static void create_serials(PCConfig *config)
{
    default_characters();
    drop_second_stdio_monitor();
    const PortKind serial = { "serial",        "-serial",      "serial-ports",
                              PC_SERIAL_PORTS, config->serial, config->serial_present };
    const PortKind parallel = { "parallel",        "-parallel",      "parallel-ports",
                                PC_PARALLEL_PORTS, config->parallel, config->parallel_present };
    create_ports(&serial, opts.serials);
    create_ports(&parallel, opts.parallels);
}

static void create_legacy_monitor(const char *option, const char *label, const char *spec, bool qmp)
{
    Error *err = NULL;
    Chardev *chr = NULL;
    if (qemu_chr_new_from_legacy(label, spec, &chr, &err) && chr) {
        qmp ? monitor_init_qmp(chr, false, &err) : monitor_init_hmp(chr, &err);
    }
    check(option, spec, err);
}

static void create_monitor(const char *arg)
{
    static const char *const known[] = { "chardev", "mode", "pretty", NULL };
    Error *err = NULL;
    QemuOpts *o = qemu_opts_parse(arg, "chardev", known, &err);
    const char *id = o ? qemu_opt_get(o, "chardev") : NULL, *mode = o ? qemu_opt_get(o, "mode") : NULL;
    bool pretty = o && qemu_opt_get_bool(o, "pretty", false, &err);
    Chardev *chr = id ? qemu_chr_find(id) : NULL;
    if (!err && mode && strcmp(mode, "control") && strcmp(mode, "readline")) {
        error_setg(&err, "Parameter 'mode' does not accept value '%s'", mode);
    } else if (!err && !chr) {
        error_setg(&err, "chardev '%s' not found", id ? id : "");
    } else if (!err) {
        mode && !strcmp(mode, "control") ? monitor_init_qmp(chr, pretty, &err) : monitor_init_hmp(chr, &err);
    }
    check("-mon", arg, err);
    qemu_opts_free(o);
}

/* One -monitor or -qmp keeps the plain label that clients know. */
static void create_monitors(void)
{
    int n = 0;
    for (guint i = 0; i < opts.monitors->len + opts.qmps->len; i++) {
        bool qmp = i >= opts.monitors->len;
        const char *spec =
            qmp ? g_ptr_array_index(opts.qmps, i - opts.monitors->len) : g_ptr_array_index(opts.monitors, i);
        if (!strcmp(spec, "none")) {
            continue;
        }
        char *label = g_strdup_printf("compat_monitor%d", n++);
        create_legacy_monitor(qmp ? "-qmp" : "-monitor", label, spec, qmp);
        g_free(label);
    }
    for (guint i = 0; i < opts.mons->len; i++) {
        create_monitor(g_ptr_array_index(opts.mons, i));
    }
}

static void create_debugcon(void)
{
    if (opts.debugcon) {
        Error *err = NULL;
        Chardev *chr = NULL;
        qemu_chr_new_from_legacy("debugcon", opts.debugcon, &chr, &err);
        check("-debugcon", opts.debugcon, err);
        if (chr) {
            device_add("isa-debugcon,iobase=0xe9,chardev=debugcon", &err);
        }
        check("-debugcon", opts.debugcon, err);
    }
}

static void create_devices(void)
{
    for (guint i = 0; i < opts.devices->len; i++) {
        Error *err = NULL;
        const char *arg = g_ptr_array_index(opts.devices, i);
        if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
            device_help(stdout);
            exit(0);
        }
        device_add(arg, &err);
        check("-device", arg, err);
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

/* Drives without medium are there by default; one given with -device takes their place. */
static bool default_drive(const char *prefix)
{
    bool given = false;
    for (guint i = 0; i < opts.devices->len; i++) {
        given = given || g_str_has_prefix(g_ptr_array_index(opts.devices, i), prefix);
    }
    return !opts.nodefaults && !given;
}

static char *size_text(uint64_t size)
{
    bool whole = size % MiB == 0;
    return g_strdup_printf("%" PRIu64 "%c", size / (uint64_t)(whole ? MiB : KiB), whole ? 'M' : 'K');
}

static void record_properties(const PCConfig *config)
{
    char *memory = size_text(config->ram_size), *uuid = uuid_text(machine_identity.uuid),
         *shift = g_strdup_printf("%d", icount_shift());
    g_ptr_array_add(opts.devices, NULL);
    char *devices = g_strjoinv(" ", (char **)opts.devices->pdata);
    g_ptr_array_remove_index(opts.devices, opts.devices->len - 1);
    const struct {
        const char *name, *option, *value;
    } list[] = {
        { "program", "program", "qemu-system-" TARGET_NAME },
        { "machine", "-M", "pc" },
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
    g_free(memory);
    g_free(uuid);
    g_free(shift);
    g_free(devices);
}

/* What the host's convenience decides and the guest can see: a replay takes it from the recording. */
static bool recorded_or(const char *name, const char *option, bool value)
{
    const char *recorded = replay_recorded_property(name);
    bool result = recorded ? !strcmp(recorded, "on") : value;
    replay_add_property(name, option, result ? "on" : "off", &error_fatal);
    return result;
}

/* In replay no back end is opened; the same cards must be there. */
static void create_networks(void)
{
    net_init_all(!opts.nodefaults && device_type_find(PC_DEFAULT_NIC), &error_fatal);
    char *nics = net_describe_nics();
    replay_add_property("nics", "-nic", nics, &error_fatal);
    g_free(nics);
}

static void build_machine(void)
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
    icount_set_sleeps(recorded_or("sleep", "-icount sleep", icount_sleeps()));
    parse_boot(&config);
    if (!opts.kernel && (opts.initrd || opts.append)) {
        error_report("%s only makes sense together with -kernel", opts.initrd ? "-initrd" : "-append");
        exit(1);
    }
    record_properties(&config);
    machine_identity.name = opts.name;
    machine_identity.target = TARGET_NAME;
    machine_identity.ram_size = config.ram_size;
    create_chardevs();
    create_serials(&config);
    device_claim_drive = blk_claim;
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

static void dump_vmstate(void)
{
    FILE *out = opts.dump_vmstate ? fopen(opts.dump_vmstate, "w") : NULL;
    if (opts.dump_vmstate && !out) {
        error_report("-dump-vmstate: Could not open '%s': %s", opts.dump_vmstate, g_strerror(errno));
        exit(1);
    }
    if (out) {
        vmstate_dump_json(out);
        exit(fclose(out) ? 1 : 0);
    }
}

/* rrsnapshot=: where a recording begins, it is taken; where its replay begins, gone back to. */
static void start_from_snapshot(void)
{
    Error *err = NULL;
    const char *rrsnapshot = replay_snapshot_name();
    if (opts.loadvm && replay_recording()) {
        error_setg(&err, "a recording starts with the machine's power on");
    } else if (opts.loadvm) {
        load_snapshot(opts.loadvm, &err);
    }
    check("-loadvm", opts.loadvm, err);
    if (rrsnapshot && !opts.loadvm) {
        replay_recording() ? save_snapshot(rrsnapshot, &err) : load_snapshot(rrsnapshot, &err);
    }
    check("-icount rrsnapshot", rrsnapshot, err);
}

/* ---- run ---- */

static gboolean on_signal(gpointer data)
{
    qemu_system_killed(GPOINTER_TO_INT(data));
    return G_SOURCE_CONTINUE;
}

static void catch_signals(void)
{
    static const int list[] = { SIGINT, SIGTERM, SIGHUP };
    for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
        g_unix_signal_add(list[i], on_signal, GINT_TO_POINTER(list[i]));
    }
    signal(SIGPIPE, SIG_IGN);
}

static void run(void)
{
    cpus_start();
    if (!opts.start_paused) {
        machine_lock();
        vm_start();
        machine_unlock();
    }
    while (!runstate_exit_wanted()) {
        qemu_start_warp_timer();
        main_loop_wait(true);
    }
    cpus_stop();
}

/* The exit status: what replay says first, then isa-debug-exit's, else 0. */
static int finish(void)
{
    machine_lock();
    bool abandoned = runstate_exit_wanted() == EXIT_WANTED_ABANDON;
    int status = replay_active() && !abandoned ? runstate_finish_replay() : 0;
    if (abandoned) {
        fprintf(stderr, "replay: abandoned at icount %" PRId64 "\n", icount_get());
    }
    blk_close_all();
    machine_unlock();
    bool replayed = replay_playing();
    net_cleanup_all();
    qemu_chr_cleanup();
    if (status == 0 && !replayed && runstate_guest_exit_status() >= 0) {
        status = runstate_guest_exit_status();
    }
    return status;
}

/* A missing standard stream must not be the number of the next file opened: the log, say, which stdio would then read.
 */
static void open_standard_streams(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd) {
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    open_standard_streams();
    error_init(argv[0]);
    options_init();
    parse_options(argc, argv);
    if (!strcmp(opts.cpu, "help") || !strcmp(opts.cpu, "?")) {
        cpu_models_help(stdout);
        return 0;
    }
    log_open(&error_fatal);
    trace_install();
    if (!opts.vga) {
        opts.vga = opts.nodefaults ? "none" : "std";
    }
    configure_icount(argc, argv);
    configure_compare();
    main_loop_init();
    memory_init();
    insn_table_init();
    cpus_init();
    runstate_init();
    guest_rng_init(replay_seed());
    build_machine();
    dump_vmstate();
    replay_start(&error_fatal);
    machine_lock();
    qemu_system_reset();
    cpus_init_engine();
    start_from_snapshot();
    machine_unlock();
    catch_signals();
    run();
    return finish();
}
