/*
 * chardev/char-fd.c  Back ends that are files of the host: stdio, file, pipe, pty, serial line.
 *
 * They only open descriptors; what is read from them goes the way that char.c's first comment tells.
 */
#define _GNU_SOURCE /* posix_openpt and its kin */
#include "chardev/chardev-int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

/* ---- stdio ---- */

static struct {
    Chardev *chr; /* who uses it; one at most */
    bool raw;     /* the terminal is in our mode and must be restored */
    bool signals; /* C-c and C-z act on the emulator */
    struct termios saved;
} stdio;

bool chr_is_stdio(const Chardev *chr)
{
    return stdio.chr && stdio.chr == chr;
}

/* Async-signal-safe. */
static void stdio_restore_terminal(void)
{
    if (stdio.raw) {
        tcsetattr(STDIN_FILENO, TCSANOW, &stdio.saved);
    }
}

static void stdio_raw_terminal(void)
{
    struct termios t = stdio.saved;
    t.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t.c_oflag |= OPOST;
    t.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN | (stdio.signals ? 0 : ISIG));
    t.c_cflag = (t.c_cflag & ~(CSIZE | PARENB)) | CS8;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

/* We die of it, the terminal must not suffer. SA_RESETHAND makes the second time deadly. */
static void stdio_on_fatal_signal(int signum)
{
    stdio_restore_terminal();
    raise(signum);
}

/* The shell had the terminal while we were stopped. */
static void stdio_on_continue(int signum)
{
    (void)signum;
    if (stdio.raw) {
        stdio_raw_terminal();
    }
}

static void stdio_take_terminal(void)
{
    static const int fatal[] = { SIGABRT, SIGQUIT, SIGILL, SIGFPE };
    struct sigaction act = { .sa_handler = stdio_on_fatal_signal, .sa_flags = SA_RESETHAND | SA_NODEFER };
    stdio.raw = true;
    atexit(stdio_restore_terminal);
    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++) {
        sigaction(fatal[i], &act, NULL);
    }
    act = (struct sigaction){ .sa_handler = stdio_on_continue, .sa_flags = SA_RESTART };
    sigaction(SIGCONT, &act, NULL);
    stdio_raw_terminal();
}

static bool stdio_open(Chardev *chr, const QemuOpts *opts, Error **errp)
{
    if (stdio.chr) {
        error_setg(errp, "cannot use stdio by multiple character devices");
        return false;
    }
    Error *err = NULL;
    stdio.signals = qemu_opt_get_bool(opts, "signal", true, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    stdio.chr = chr;
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &stdio.saved) == 0) {
        chr->drops_excess = true;
        stdio_take_terminal();
    }
    fflush(stdout);
    chr->is_open = true;
    chr_set_fds(chr, STDIN_FILENO, STDOUT_FILENO);
    return true;
}

static void stdio_close(Chardev *chr)
{
    (void)chr;
    stdio_restore_terminal();
    stdio.raw = false;
}

static const char *const stdio_keys[] = { "signal", NULL };

const ChardevBackend chr_backend_stdio = {
    .name = "stdio", .keys = stdio_keys, .open = stdio_open, .close = stdio_close
};

/* ---- file ---- */

static const char *require_path(const QemuOpts *opts, const char *backend, Error **errp)
{
    const char *path = qemu_opt_get(opts, "path");
    if (!path || !*path) {
        error_setg(errp, "chardev: %s: no filename given", backend);
        return NULL;
    }
    return path;
}

static int open_or_error(const char *path, int flags, Error **errp)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
    }
    return fd;
}

static bool file_open(Chardev *chr, const QemuOpts *opts, Error **errp)
{
    const char *path = require_path(opts, "file", errp);
    const char *input = qemu_opt_get(opts, "input-path");
    int in = -1, out;
    Error *err = NULL;
    bool append = qemu_opt_get_bool(opts, "append", false, &err);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    if (!path || (input && (in = open_or_error(input, O_RDONLY | O_NONBLOCK, errp)) < 0)) {
        return false;
    }
    out = open_or_error(path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), errp);
    if (out < 0) {
        if (in >= 0) {
            close(in);
        }
        return false;
    }
    chr->is_open = true;
    chr_set_fds(chr, in, out);
    return true;
}

static const char *const file_keys[] = { "path", "append", "input-path", NULL };

const ChardevBackend chr_backend_file = { .name = "file", .keys = file_keys, .open = file_open };

/* ---- pipe: PATH.in and PATH.out, or PATH for both directions. O_RDWR: opening never waits, and there is no end of
 * file ---- */

static bool pipe_open(Chardev *chr, const QemuOpts *opts, Error **errp)
{
    const char *path = require_path(opts, "pipe", errp);
    if (!path) {
        return false;
    }
    char *in_path = g_strdup_printf("%s.in", path), *out_path = g_strdup_printf("%s.out", path);
    int in = open(in_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int out = open(out_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    g_free(in_path);
    g_free(out_path);
    if (in < 0 || out < 0) {
        if (in >= 0) {
            close(in);
        }
        if (out >= 0) {
            close(out);
        }
        in = out = open_or_error(path, O_RDWR | O_NONBLOCK, errp);
    }
    chr->is_open = true;
    chr_set_fds(chr, in, out);
    return in >= 0;
}

static const char *const path_keys[] = { "path", NULL };

const ChardevBackend chr_backend_pipe = { .name = "pipe", .keys = path_keys, .open = pipe_open };

/* ---- terminals of other people: pty, serial line ---- */

static void make_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t) == 0) {
        cfmakeraw(&t);
        tcsetattr(fd, TCSAFLUSH, &t);
    }
}

static int open_pty_master(char **slave, Error **errp)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0) {
        error_setg_errno(errp, errno, "Failed to create PTY");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    *slave = g_strdup(ptsname(fd));
    return fd;
}

/* We keep the slave side open ourselves: what is printed before somebody opens it stays, and the master never sees a
 * hang-up. */
static bool pty_open(Chardev *chr, const QemuOpts *opts, Error **errp)
{
    char *slave = NULL;
    int master = open_pty_master(&slave, errp);
    (void)opts;
    if (master < 0) {
        return false;
    }
    int held = open_or_error(slave, O_RDWR, errp);
    if (held < 0) {
        close(master);
        g_free(slave);
        return false;
    }
    make_raw(held);
    chr->filename = g_strdup_printf("pty:%s", slave);
    printf("char device redirected to %s (label %s)\n", slave, chr->label);
    fflush(stdout);
    g_free(slave);
    chr->is_open = true;
    chr_set_fds(chr, master, master);
    return true;
}

static const char *const no_keys[] = { NULL };

const ChardevBackend chr_backend_pty = { .name = "pty", .keys = no_keys, .open = pty_open };

static bool serial_line_open(Chardev *chr, const QemuOpts *opts, Error **errp)
{
    const char *path = require_path(opts, "serial", errp);
    int fd = path ? open_or_error(path, O_RDWR | O_NONBLOCK, errp) : -1;
    if (fd < 0) {
        return false;
    }
    make_raw(fd);
    chr->is_open = true;
    chr_set_fds(chr, fd, fd);
    return true;
}

const ChardevBackend chr_backend_serial = { .name = "serial", .keys = path_keys, .open = serial_line_open };
