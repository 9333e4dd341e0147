/*
 * system/consoles.c  -chardev, -serial, -parallel, -monitor, -mon, -qmp and -debugcon: the host's side of them made,
 * with QEMU's defaults for those that are not given. Contract: system/machine.h.
 */
#include "chardev/char.h"
#include "hw/core/device.h"
#include "monitor/monitor.h"
#include "monitor/qmp.h"
#include "replay/replay.h"
#include "system/machine.h"
#include "system/options.h"

void create_chardevs(void)
{
    for (guint i = 0; i < opts.chardevs->len; i++) {
        Error *err = NULL;
        const char *arg = g_ptr_array_index(opts.chardevs, i);
        qemu_chr_new_from_opts(arg, &err);
        option_check("-chardev", arg, err);
    }
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

static void create_kind(const PortKind *kind, const GPtrArray *specs)
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
        option_check(kind->option, spec, err);
    }
    decide_ports(kind);
}

void create_ports(PCConfig *config)
{
    default_characters();
    drop_second_stdio_monitor();
    const PortKind serial = { "serial",        "-serial",      "serial-ports",
                              PC_SERIAL_PORTS, config->serial, config->serial_present };
    const PortKind parallel = { "parallel",        "-parallel",      "parallel-ports",
                                PC_PARALLEL_PORTS, config->parallel, config->parallel_present };
    create_kind(&serial, opts.serials);
    create_kind(&parallel, opts.parallels);
}

static void create_legacy_monitor(const char *option, const char *label, const char *spec, bool qmp)
{
    Error *err = NULL;
    Chardev *chr = NULL;
    if (qemu_chr_new_from_legacy(label, spec, &chr, &err) && chr) {
        qmp ? monitor_init_qmp(chr, false, &err) : monitor_init_hmp(chr, &err);
    }
    option_check(option, spec, err);
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
    option_check("-mon", arg, err);
    qemu_opts_free(o);
}

/* One -monitor or -qmp keeps the plain label that clients know. */
void create_monitors(void)
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

void create_debugcon(void)
{
    if (opts.debugcon) {
        Error *err = NULL;
        Chardev *chr = NULL;
        qemu_chr_new_from_legacy("debugcon", opts.debugcon, &chr, &err);
        option_check("-debugcon", opts.debugcon, err);
        if (chr) {
            device_add("isa-debugcon,iobase=0xe9,chardev=debugcon", &err);
        }
        option_check("-debugcon", opts.debugcon, err);
    }
}
