/*
 * vl.c  main(): options -> machine -> run. The options are in system/options.c, the machine is put together in
 * system/machine.c; here it is powered on, perhaps from a snapshot, and runs until somebody ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

#include "accel/compare.h"
#include "accel/interp/trace.h"
#include "block/block.h"
#include "chardev/char.h"
#include "exec/memory.h"
#include "hw/i386/pc.h"
#include "migration/snapshot.h"
#include "migration/vmstate.h"
#include "net/net.h"
#include "replay/replay.h"
#include "runstate-private.h"
#include "sysemu/cpus.h"
#include "sysemu/sysemu.h"
#include "system/machine.h"
#include "system/options.h"
#include "target/i386/cpu.h"
#include "target/i386/insn.h"
#include "util/log.h"
#include "util/main-loop.h"
#include "util/option.h"
#include "util/rng.h"

#ifndef TARGET_NAME
#error "TARGET_NAME and DEFAULT_CPU come from meson.build, one set for each program"
#endif

/* ---- start ---- */

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
    option_check("-icount", opts.icount, err);
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
        option_check("-rrcompare", arg, err);
    }
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
    option_check("-loadvm", opts.loadvm, err);
    if (rrsnapshot && !opts.loadvm) {
        replay_recording() ? save_snapshot(rrsnapshot, &err) : load_snapshot(rrsnapshot, &err);
    }
    option_check("-icount rrsnapshot", rrsnapshot, err);
}

static void power_on(void)
{
    machine_lock();
    qemu_system_reset();
    cpus_init_engine();
    start_from_snapshot();
    machine_unlock();
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
    machine_identity.target = TARGET_NAME;
    cpu_set_target_name(TARGET_NAME);
    options_parse(argc, argv, DEFAULT_CPU);
    log_open(&error_fatal);
    trace_install();
    configure_icount(argc, argv);
    configure_compare();
    main_loop_init();
    memory_init();
    insn_table_init();
    cpus_init();
    runstate_init();
    guest_rng_init(replay_seed());
    machine_build();
    dump_vmstate();
    replay_start(&error_fatal);
    power_on();
    catch_signals();
    run();
    return finish();
}
