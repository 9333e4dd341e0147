/*
 * system/options.c  QEMU's command line: one table of all options, and the walk over argv that it drives.
 * Contract: system/options.h.
 */
#include "system/options.h"

#include "accel/jit/jit.h"
#include "block/block.h"
#include "hw/core/device.h"
#include "hw/i386/pc.h"
#include "hw/isa/chips.h"
#include "hw/virtio/virtio.h"
#include "net/net.h"
#include "runstate-private.h"
#include "sysemu/cpus.h"
#include "sysemu/sysemu.h"
#include "target/i386/cpu.h"
#include "util/log.h"
#include "util/option.h"
#include "version.h"

Options opts;

/* ---- options with a meaning of their own ---- */

static bool set_uuid(const char *arg, Error **errp)
{
    if (!uuid_parse(arg, machine_identity.uuid)) {
        error_setg(errp, "failed to parse UUID string: wrong format");
        return false;
    }
    return true;
}

static bool add_data_dir(const char *arg, Error **errp)
{
    (void)errp;
    qemu_add_data_dir(arg);
    return true;
}

static bool set_rtc(const char *arg, Error **errp)
{
    opts.rtc = arg;
    return rtc_configure(arg, errp);
}

static bool set_vga(const char *arg, Error **errp)
{
    if (strcmp(arg, "std") && strcmp(arg, "none")) {
        error_setg(errp, "'%s' is not an available VGA card; there are std and none", arg);
        return false;
    }
    opts.vga = arg;
    return true;
}

static bool set_display(const char *arg, Error **errp)
{
    if (strcmp(arg, "none") && !g_str_has_prefix(arg, "none,")) {
        error_setg(errp, "display type '%s' is not available; there is none", arg);
        return false;
    }
    return true;
}

static bool set_smp(const char *arg, Error **errp)
{
    Error *err = NULL;
    QemuOpts *o = qemu_opts_parse(arg, "cpus", NULL, &err);
    if (o && qemu_opt_get_number(o, "cpus", 1, &err) != 1 && !err) {
        error_setg(&err, "%s CPUs asked for: one is all there is yet", qemu_opt_get(o, "cpus"));
    }
    qemu_opts_free(o);
    bool ok = !err;
    error_propagate(errp, err);
    return ok;
}

/* -object: who makes objects of a kind. */
static const struct {
    const char *prefix;
    bool (*add)(const char *arg, Error **errp);
} object_kinds[] = {
    { "filter-", object_add_filter },
    { "rng-", object_add_rng },
};

static bool add_object(const char *arg, Error **errp)
{
    const char *kind = g_str_has_prefix(arg, "qom-type=") ? arg + strlen("qom-type=") : arg;
    for (size_t i = 0; i < ARRAY_SIZE(object_kinds); i++) {
        if (g_str_has_prefix(kind, object_kinds[i].prefix)) {
            return object_kinds[i].add(kind, errp);
        }
    }
    error_setg(errp, "Parameter 'qom-type' does not accept value '%.*s'", (int)strcspn(kind, ","), kind);
    return false;
}

static void netdev_help(FILE *out)
{
    fprintf(out, "Available netdev backend types:\n");
    net_driver_help(out);
}

/* ---- -machine and -accel ---- */

static void machine_help(FILE *out)
{
    fprintf(out, "Supported machines are:\npc                   Standard PC (i440FX + PIIX, 1996) (default)\n");
}

static void set_machine_type(const char *value, Error **errp)
{
    if (strcmp(value, "pc") && !g_str_has_prefix(value, "pc-i440fx-")) {
        error_setg(errp, "unsupported machine type '%s'; there is pc", value);
    }
}

static void set_machine_switch(const char *key, const char *value, Error **errp)
{
    static const char *const absent[] = { "vmport", "usb", NULL }; /* may be switched off: they are */
    bool on;
    if (!parse_bool(value, &on)) {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off', not '%s'", key, value);
    } else if (!strcmp(key, "hpet")) {
        opts.no_hpet = !on;
    } else if (!strcmp(key, "acpi")) {
        opts.no_acpi = !on;
    } else if (!g_strv_contains(absent, key)) {
        error_setg(errp, "Property 'pc-machine.%s' not found", key);
    } else if (on) {
        error_setg(errp, "%s=%s is not available", key, value);
    }
}

/* Is it a property of the JIT? Then it is set, or wrong. */
static bool set_jit_key(const char *key, const char *value, Error **errp)
{
#ifdef CONFIG_JIT
    if (!strcmp(key, "tb-size") || g_str_has_prefix(key, "stress")) {
        jit_option(key, value, errp);
        return true;
    }
#else
    (void)key, (void)value, (void)errp;
#endif
    return false;
}

static void set_machine_key(const char *key, const char *value, void *opaque)
{
    Error **errp = opaque;
    if (*errp || !strcmp(key, "dump-guest-core")) {
        return;
    }
    if (!strcmp(key, "type")) {
        set_machine_type(value, errp);
    } else if (!strcmp(key, "accel")) {
        cpus_choose_engine(value, errp);
    } else if (!set_jit_key(key, value, errp)) {
        set_machine_switch(key, value, errp);
    }
}

static bool parse_machine(const char *arg, const char *implied, Error **errp)
{
    Error *err = NULL;
    QemuOpts *o = qemu_opts_parse(arg, implied, NULL, &err);
    if (o) {
        qemu_opts_foreach(o, set_machine_key, &err);
        qemu_opts_free(o);
    }
    bool ok = !err;
    error_propagate(errp, err);
    return ok;
}

static bool set_machine(const char *arg, Error **errp)
{
    return parse_machine(arg, "type", errp);
}

static bool set_accel(const char *arg, Error **errp)
{
    return parse_machine(arg, "accel", errp);
}

/* ---- the table ---- */

/* Where -hda and its like put their image. */
typedef struct DriveSlot {
    BlockInterface type;
    int index;
    bool cdrom;
} DriveSlot;

typedef struct Option {
    const char *name;
    const char *arg; /* what follows it, for -help; NULL: nothing */
    const char *help;
    void (*print_choices)(FILE *out); /* when the argument is "help" */
    /* What it does: one of these. */
    const char **string;
    GPtrArray **list;
    bool *flag;
    bool (*handle)(const char *arg, Error **errp);
    const DriveSlot *drive;
    void (*print)(FILE *out); /* and end */
} Option;

static void print_usage(FILE *out);

static void print_version(FILE *out)
{
    fprintf(out, "Lockstep emulator version " LOCKSTEP_VERSION " (qemu-system-%s)\n", machine_identity.target);
}

static const Option option_table[] = {
    { "M", "machine", "select the machine: pc", machine_help, .handle = set_machine },
    { "machine", "[type=]name[,prop=value]", "the same", machine_help, .handle = set_machine },
    { "cpu", "model[,+feature]", "select the CPU ('-cpu help' lists them)", cpu_models_help, .string = &opts.cpu },
    { "accel", "name[,tb-size=megs]", "select the engine: jit (default) or interp", .handle = set_accel },
    { "smp", "n", "number of CPUs", .handle = set_smp },
    { "m", "[size=]megs", "RAM size, default 128 MiB", .string = &opts.memory },
    { "bios", "file", "firmware instead of SeaBIOS", .string = &opts.bios },
    { "L", "path", "directory of firmware files", .handle = add_data_dir },
    { "kernel", "bzImage", "Linux or multiboot kernel to boot", .string = &opts.kernel },
    { "initrd", "file", "its initial RAM disk, or its modules (\"file args,file2 args\")", .string = &opts.initrd },
    { "append", "cmdline", "its command line", .string = &opts.append },
    { "boot", "[order=]drives[,once=drives][,menu=on|off]", "boot order and menu", .string = &opts.boot },
    { "hda", "file", "hard disk 0", .drive = &(const DriveSlot){ IF_IDE, 0 } },
    { "hdb", "file", "hard disk 1", .drive = &(const DriveSlot){ IF_IDE, 1 } },
    { "hdc", "file", "hard disk 2", .drive = &(const DriveSlot){ IF_IDE, 2 } },
    { "hdd", "file", "hard disk 3", .drive = &(const DriveSlot){ IF_IDE, 3 } },
    { "cdrom", "file", "CD-ROM (in place of hard disk 2)", .drive = &(const DriveSlot){ IF_IDE, 2, .cdrom = true } },
    { "fda", "file", "floppy disk 0", .drive = &(const DriveSlot){ IF_FLOPPY, 0 } },
    { "fdb", "file", "floppy disk 1", .drive = &(const DriveSlot){ IF_FLOPPY, 1 } },
    { "drive", "[file=f][,if=type][,id=name][,format=f][,cache=c][,snapshot=on|off]...", "add a drive",
      .handle = drive_add },
    { "blockdev", "[driver=]driver,node-name=name[,...]", "add a node of the block layer", .handle = blockdev_add },
    { "snapshot", NULL, "write to temporary images, not to the disks", .flag = &drive_snapshot_all },
    { "device", "driver[,prop=value]", "add a device ('-device help' lists them, '-device driver,help' what it takes)",
      device_help, .list = &opts.devices },
    { "vga", "std|none", "VGA card", .handle = set_vga },
    { "display", "none", "display type", .handle = set_display },
    { "nographic", NULL, "no display; serial port and monitor on stdio", .flag = &opts.nographic },
    { "serial", "dev", "connect a serial port", .list = &opts.serials },
    { "parallel", "dev", "connect a parallel port", .list = &opts.parallels },
    { "monitor", "dev", "connect a monitor", .list = &opts.monitors },
    { "mon", "[chardev=]name[,mode=readline|control][,pretty=on|off]", "connect a monitor to a chardev",
      .list = &opts.mons },
    { "qmp", "dev", "connect a QMP monitor", .list = &opts.qmps },
    { "uuid", "uuid", "UUID of the machine", .handle = set_uuid },
    { "chardev", "backend,id=id", "add a character device", .list = &opts.chardevs },
    { "debugcon", "dev", "debug console at port 0xe9", .string = &opts.debugcon },
    { "netdev", "user|tap|socket|hubport,id=id[,prop=value]", "add a host network ('-netdev help')", netdev_help,
      .handle = net_add_netdev },
    { "nic", "none|user|tap|socket[,model=m][,mac=addr][,prop=value]", "add a host network and a card on it",
      .handle = net_add_nic },
    { "net", "none|nic|user|tap|socket[,prop=value]", "the same, on a common hub", .handle = net_add_legacy },
    { "object", "filter-replay|filter-dump,id=id,netdev=id[,prop=value]|rng-builtin|rng-random,id=id",
      "look at a network's packets; name a source of random numbers", .handle = add_object },
    { "rtc", "[base=utc|localtime|date][,clock=host|rt|vm]", "real-time clock", .handle = set_rtc },
    { "icount", "shift=N|auto[,sleep=on|off][,rr=record|replay,rrfile=file]",
      "time is the instruction count; record and replay", .string = &opts.icount },
    { "rrcompare", "digests=file[,every=n][,from=n]", "replay: write down states on the way (scripts/lockstep.py)",
      .list = &opts.compares },
    { "d", "item1[,item2]", "log what the machine does ('-d help' lists the items)", log_help,
      .handle = log_set_items },
    { "D", "file", "write the log there, not to stderr", .handle = log_set_file },
    { "dfilter", "start..end|start+len|start-len[,...]", "log only code that lies there", .handle = log_set_filter },
    { "S", NULL, "do not start the CPU ('cont' in the monitor does)", .flag = &opts.start_paused },
    { "loadvm", "tag", "start from a snapshot", .string = &opts.loadvm },
    { "dump-vmstate", "file", "write the description of all state as JSON, and exit", .string = &opts.dump_vmstate },
    { "no-reboot", NULL, "exit instead of rebooting", .flag = &runstate_no_reboot },
    { "no-shutdown", NULL, "stop instead of exiting", .flag = &runstate_no_shutdown },
    { "no-hpet", NULL, "no HPET", .flag = &opts.no_hpet },
    { "no-acpi", NULL, "no ACPI tables", .flag = &opts.no_acpi },
    { "nodefaults", NULL, "no default devices", .flag = &opts.nodefaults },
    { "name", "text", "name of the guest", .string = &opts.name },
    { "version", NULL, "print the version", .print = print_version },
    { "help", NULL, "print this", .print = print_usage },
    { "h", NULL, "print this", .print = print_usage },
};

static void print_usage(FILE *out)
{
    fprintf(out, "usage: qemu-system-%s [options]\n", machine_identity.target);
    for (size_t i = 0; i < ARRAY_SIZE(option_table); i++) {
        const Option *o = &option_table[i];
        fprintf(out, "  -%s %s\n        %s\n", o->name, o->arg ? o->arg : "", o->help);
    }
}

/* ---- the walk ---- */

void option_check(const char *option, const char *arg, Error *err)
{
    if (err) {
        error_prepend(&err, "%s%s%s: ", option, arg ? " " : "", arg ? arg : "");
        error_report_err(err);
        exit(1);
    }
}

static void print_and_end(void (*print)(FILE *out))
{
    print(stdout);
    exit(0);
}

/* name: as it was given, with its dash. */
static void apply(const Option *o, const char *name, const char *arg, Error **errp)
{
    if (o->print) {
        print_and_end(o->print);
    } else if (o->print_choices && (!strcmp(arg, "help") || !strcmp(arg, "?"))) {
        print_and_end(o->print_choices);
    } else if (o->handle) {
        o->handle(arg, errp);
    } else if (o->drive) {
        drive_add_short(name, o->drive->type, o->drive->index, arg, o->drive->cdrom, errp);
    } else if (o->list) {
        g_ptr_array_add(*o->list, (gpointer)arg);
    } else if (o->string) {
        *o->string = arg;
    } else {
        *o->flag = true;
    }
}

/* One dash or two. */
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

/* argv[i], which begins with a dash, and its argument; returns the index of the last one taken. */
static int parse_option(char **argv, int i)
{
    const Option *o = find_option(argv[i]);
    const char *name = argv[i], *arg = NULL;
    Error *err = NULL;
    if (!o) {
        error_setg(&err, "invalid option");
    } else if (o->arg && !argv[i + 1]) {
        error_setg(&err, "requires an argument");
    } else {
        arg = o->arg ? argv[++i] : NULL;
        apply(o, name, arg, &err);
    }
    option_check(name, arg, err);
    return i;
}

/* A name without option is the first disk. */
static void parse_image(const char *file)
{
    Error *err = NULL;
    drive_add_short(NULL, IF_IDE, 0, file, false, &err);
    option_check(file, NULL, err);
}

static void options_init(const char *default_cpu)
{
    for (size_t i = 0; i < ARRAY_SIZE(option_table); i++) {
        if (option_table[i].list) {
            *option_table[i].list = g_ptr_array_new();
        }
    }
    opts.cpu = default_cpu;
}

void options_parse(int argc, char **argv, const char *default_cpu)
{
    options_init(default_cpu);
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            i = parse_option(argv, i);
        } else {
            parse_image(argv[i]);
        }
    }
    if (!opts.vga) {
        opts.vga = opts.nodefaults ? "none" : "std";
    }
}
