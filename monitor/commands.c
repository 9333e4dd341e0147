/*
 * monitor/commands.c  The commands of the human monitor: one table, and one for `info`.
 *
 * As in QMP (qmp-commands.c), what changes the machine is recorded where it enters it.
 */
#include "accel/engine.h"
#include "block/block.h"
#include "exec/memory.h"
#include "hmp-internal.h"
#include "hw/core/device.h"
#include "hw/i386/pc.h"
#include "hw/intc/intc.h"
#include "hw/pci/pci.h"
#include "migration/snapshot.h"
#include "net/net.h"
#include "replay/replay.h"
#include "sysemu/cpus.h"
#include "sysemu/runstate.h"
#include "sysemu/sysemu.h"
#include "ui/console.h"
#include "util/info.h"
#include "util/timer.h"
#include "version.h"

/* ---- info ---- */

static void info_snapshots(Monitor *mon, const char *args)
{
    (void)args;
    snapshot_info(monitor_print_line, mon);
}

static void info_version(Monitor *mon, const char *args)
{
    (void)args;
    monitor_printf(mon, LOCKSTEP_VERSION "\n");
}

static void info_name(Monitor *mon, const char *args)
{
    (void)args;
    if (machine_identity.name) {
        monitor_printf(mon, "%s\n", machine_identity.name);
    }
}

static void info_uuid(Monitor *mon, const char *args)
{
    char *text = uuid_text(machine_identity.uuid);
    (void)args;
    monitor_printf(mon, "%s\n", text);
    g_free(text);
}

static void info_kvm(Monitor *mon, const char *args)
{
    (void)args;
    monitor_printf(mon, "kvm support: not compiled\n");
}

static void info_cpus(Monitor *mon, const char *args)
{
    (void)args;
    monitor_printf(mon, "* CPU #0: thread_id=%d\n", cpus_thread_id());
}

static void info_status(Monitor *mon, const char *args)
{
    (void)args;
    monitor_printf(mon, "VM status: %s\n", runstate_name(runstate_get()));
}

static void info_registers(Monitor *mon, const char *args)
{
    (void)args;
    monitor_printf(mon, "\nCPU#0\n");
    cpu_dump_state(first_cpu(), monitor_print_line, mon);
}

static void info_mtree(Monitor *mon, const char *args)
{
    memory_info_mtree(strstr(args, "-f") != NULL, monitor_print_line, mon);
}

typedef struct InfoPrinter {
    const DeviceType *type;
    void (*info)(Device *dev, InfoPrint *print, void *opaque);
    Monitor *mon;
} InfoPrinter;

static void print_if_type(Device *dev, void *opaque)
{
    InfoPrinter *p = opaque;
    if (dev->type == p->type) {
        p->info(dev, monitor_print_line, p->mon);
    }
}

static void info_of_type(Monitor *mon, InfoPrinter printer)
{
    printer.mon = mon;
    device_foreach(print_if_type, &printer);
}

static void info_pic(Monitor *mon, const char *args)
{
    (void)args;
    info_of_type(mon, (InfoPrinter){ .type = &ioapic_type, .info = ioapic_info });
    info_of_type(mon, (InfoPrinter){ .type = &i8259_type, .info = i8259_info });
}

static void info_lapic(Monitor *mon, const char *args)
{
    (void)args;
    info_of_type(mon, (InfoPrinter){ .type = &apic_type, .info = apic_info });
}

static void info_pci(Monitor *mon, const char *args)
{
    (void)args;
    pci_info(monitor_print_line, mon);
}

static void info_replay(Monitor *mon, const char *args)
{
    (void)args;
    replay_info(monitor_print_line, mon);
}

static void info_block(Monitor *mon, const char *args)
{
    (void)args;
    blk_info(monitor_print_line, mon);
}

static void info_chardev(Monitor *mon, const char *args)
{
    (void)args;
    qemu_chr_info(monitor_print_line, mon);
}

static void info_network(Monitor *mon, const char *args)
{
    (void)args;
    net_info(monitor_print_line, mon);
}

static void info_usernet(Monitor *mon, const char *args)
{
    (void)args;
    net_info_usernet(monitor_print_line, mon);
}

static void info_engine(Monitor *mon, const char *args)
{
    (void)args;
    monitor_printf(mon, "engine: %s\n", current_engine()->name);
    current_engine()->info(first_cpu(), monitor_print_line, mon);
}

static void info_icount(Monitor *mon, const char *args)
{
    (void)args;
    monitor_printf(mon, "icount: %" PRId64 "\nvirtual clock: %" PRId64 " ns\n", icount_get(),
                   qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
}

const HMPCommand hmp_info_commands[] = {
    { "block", "", "show the block devices", info_block },
    { "chardev", "", "show the character devices", info_chardev },
    { "cpus", "", "show each CPU and its thread", info_cpus },
    { "icount", "", "show instruction count and virtual clock", info_icount },
    { "jit|engine", "", "show counters of the execution engine", info_engine },
    { "kvm", "", "show that there is no KVM", info_kvm },
    { "lapic", "", "show the local APIC", info_lapic },
    { "mtree", "[-f]", "show memory tree (-f: flat views)", info_mtree },
    { "name", "", "show the machine's name", info_name },
    { "network", "", "show the network state", info_network },
    { "pci", "", "show PCI devices", info_pci },
    { "pic", "", "show PIC and IO-APIC state", info_pic },
    { "qtree", "", "show the devices and their properties", hmp_info_qtree },
    { "registers", "", "show the cpu registers", info_registers },
    { "replay", "", "show record/replay information", info_replay },
    { "snapshots", "", "show the snapshots of the machine", info_snapshots },
    { "status", "", "show the current VM status (running|paused)", info_status },
    { "usernet", "", "show the user networks' connections", info_usernet },
    { "uuid", "", "show the machine's UUID", info_uuid },
    { "version", "", "show the version", info_version },
    { 0 },
};

/* ---- commands ---- */

static void do_help(Monitor *mon, const char *args)
{
    if (g_str_has_prefix(args, "info")) {
        const char *only = args + 4 + strspn(args + 4, " ");
        hmp_print_help(mon, hmp_info_commands, "info ", *only ? only : NULL);
    } else {
        hmp_print_help(mon, hmp_commands, "", *args ? args : NULL);
    }
}

static void do_info(Monitor *mon, const char *args)
{
    size_t len = strcspn(args, " \t");
    const HMPCommand *cmd = hmp_find(hmp_info_commands, args, len);
    if (!len) {
        hmp_print_help(mon, hmp_info_commands, "info ", NULL);
    } else if (!cmd) {
        monitor_printf(mon, "unknown command: 'info %s'\n", args);
    } else {
        cmd->run(mon, args + len + strspn(args + len, " \t"));
    }
}

static void do_stop(Monitor *mon, const char *args)
{
    (void)mon;
    (void)args;
    vm_stop(RUN_STATE_PAUSED);
}

static void do_cont(Monitor *mon, const char *args)
{
    Error *err = NULL;
    (void)mon;
    (void)args;
    if (!vm_resume(&err)) {
        error_report_err(err);
    }
}

static void do_system_reset(Monitor *mon, const char *args)
{
    (void)mon;
    (void)args;
    qemu_system_reset_request(SHUTDOWN_CAUSE_HOST_QMP);
}

static void do_system_powerdown(Monitor *mon, const char *args)
{
    (void)mon;
    (void)args;
    qemu_system_powerdown_request();
}

static void do_quit(Monitor *mon, const char *args)
{
    (void)mon;
    (void)args;
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_QMP);
}

static void do_x(Monitor *mon, const char *args)
{
    hmp_examine(mon, args, false);
}

static void do_xp(Monitor *mon, const char *args)
{
    hmp_examine(mon, args, true);
}

static void do_print(Monitor *mon, const char *args)
{
    uint64_t value;
    if (hmp_parse_expression(mon, args, &value)) {
        monitor_printf(mon, "0x%" PRIx64 "\n", value);
    }
}

static void do_screendump(Monitor *mon, const char *args)
{
    Error *err = NULL;
    if (!*args) {
        monitor_printf(mon, "screendump: name a file\n");
        return;
    }
    const char *format = g_str_has_suffix(args, ".png") ? "png" : "ppm";
    if (!screendump(args, format, &err)) {
        error_report_err(err);
    }
}

static void do_hostfwd_add(Monitor *mon, const char *args)
{
    Error *err = NULL;
    (void)mon;
    if (!net_hostfwd_add(args, &err)) {
        error_report_err(err);
    }
}

/* A word, or several in quotes, of the command's whole line; NULL, with a message, if there is more. "" is for the
 * caller to judge. */
static char *only_string(Monitor *mon, const char *args, const char *command)
{
    bool quoted = *args == '"';
    const char *start = args + quoted;
    size_t length = strcspn(start, quoted ? "\"" : " ");
    if (start[length + (quoted && start[length])]) {
        monitor_printf(mon, "%s: extraneous characters at the end of line\nTry \"help %s\" for more information\n",
                       command, command);
        return NULL;
    }
    return g_strndup(start, length);
}

static void with_tag(Monitor *mon, const char *args, const char *command, bool (*run)(const char *name, Error **errp))
{
    Error *err = NULL;
    char *tag = only_string(mon, args, command);
    if (tag && !*tag && run != save_snapshot) {
        monitor_printf(mon, "%s: string expected\nTry \"help %s\" for more information\n", command, command);
    } else if (tag && !run(tag, &err)) {
        error_report_err(err);
    }
    g_free(tag);
}

static void do_savevm(Monitor *mon, const char *args)
{
    with_tag(mon, args, "savevm", save_snapshot);
}

static void do_hostfwd_remove(Monitor *mon, const char *args)
{
    Error *err = NULL;
    if (net_hostfwd_remove(args, &err)) {
        monitor_printf(mon, "host forwarding rule for %s removed\n", args);
    } else {
        error_report_err(err);
    }
}

static void do_loadvm(Monitor *mon, const char *args)
{
    with_tag(mon, args, "loadvm", load_snapshot);
}

static void do_delvm(Monitor *mon, const char *args)
{
    with_tag(mon, args, "delvm", delete_snapshot);
}

static void do_set_link(Monitor *mon, const char *args)
{
    size_t len = strcspn(args, " ");
    char *name = g_strndup(args, len);
    const char *state = args + len + strspn(args + len, " ");
    bool up;
    Error *err = NULL;
    if (!len) {
        monitor_printf(mon, "set_link: string expected\nTry \"help set_link\" for more information\n");
    } else if (!parse_bool(state, &up)) {
        monitor_printf(mon, "Expected 'on' or 'off'\nTry \"help set_link\" for more information\n");
    } else if (!net_set_link(name, up, &err)) {
        error_report_err(err);
    }
    g_free(name);
}

static void do_no_hotplug(Monitor *mon, const char *args)
{
    (void)args;
    monitor_printf(mon, "Error: " NO_HOTPLUG "\n");
}

static void do_no_new_netdev(Monitor *mon, const char *args)
{
    (void)args;
    monitor_printf(mon, "Error: " NO_NEW_NETDEV "\n");
}

const HMPCommand hmp_commands[] = {
    { "cont|c", "", "resume emulation", do_cont },
    { "delvm", "tag", "delete a snapshot of the machine", do_delvm },
    { "device_add|device_del", "...", "refused: devices are made at the start", do_no_hotplug },
    { "help|?", "[cmd]", "show the help", do_help },
    { "hostfwd_add", "[netdev] [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport",
      "redirect TCP or UDP connections from host to guest", do_hostfwd_add },
    { "hostfwd_remove", "[netdev] [tcp|udp]:[hostaddr]:hostport", "remove a host-to-guest redirection",
      do_hostfwd_remove },
    { "info", "[subcommand]", "show various information about the system state", do_info },
    { "loadvm", "tag", "go back to a snapshot of the machine", do_loadvm },
    { "netdev_add|netdev_del", "...", "refused: netdevs are made at the start", do_no_new_netdev },
    { "print|p", "expr", "print expression value (use $reg for CPU register access)", do_print },
    { "quit|q", "", "quit the emulator", do_quit },
    { "ringbuf_read", "device size", "read from a ring buffer character device", hmp_ringbuf_read },
    { "ringbuf_write", "device data", "write to a ring buffer character device", hmp_ringbuf_write },
    { "savevm", "[tag]", "save a snapshot of the machine; one of that tag is replaced", do_savevm },
    { "screendump", "filename", "save the screen into a PPM or PNG image", do_screendump },
    { "sendkey", "keys [hold_ms]", "send keys to the guest ('sendkey ctrl-alt-f1')", hmp_sendkey },
    { "set_link", "name on|off", "change the link status of a network adapter", do_set_link },
    { "stop|s", "", "stop emulation", do_stop },
    { "system_powerdown", "", "send system power down event", do_system_powerdown },
    { "system_reset", "", "reset the system", do_system_reset },
    { "x", "/fmt addr", "virtual memory dump starting at 'addr'", do_x },
    { "xp", "/fmt addr", "physical memory dump starting at 'addr'", do_xp },
    { 0 },
};

/* ---- tables ---- */

static bool name_matches(const char *names, const char *name, size_t len)
{
    for (const char *p = names; p; p = strchr(p, '|'), p = p ? p + 1 : NULL) {
        if (strcspn(p, "|") == len && !strncmp(p, name, len)) {
            return true;
        }
    }
    return false;
}

const HMPCommand *hmp_find(const HMPCommand *table, const char *name, size_t len)
{
    for (; table->name; table++) {
        if (name_matches(table->name, name, len)) {
            return table;
        }
    }
    return NULL;
}

void hmp_print_help(Monitor *mon, const HMPCommand *table, const char *prefix, const char *only)
{
    for (; table->name; table++) {
        if (!only || name_matches(table->name, only, strlen(only))) {
            monitor_printf(mon, "%s%s %s -- %s\n", prefix, table->name, table->params, table->help);
        }
    }
}
