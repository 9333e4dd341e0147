/*
 * monitor/monitor.c  A monitor on a character device: prompt, line editing with history, and running a line.
 */
#include "monitor/monitor.h"

#include "hmp-internal.h"
#include "sysemu/cpus.h"
#include "util/error.h"
#include "version.h"

#define LINE_MAX_BYTES 4096
#define HISTORY_LINES  64

typedef enum EscapeState { ESC_NONE, ESC_SEEN, ESC_BRACKET } EscapeState;

struct Monitor {
    Chardev *chr; /* NULL: output is captured */
    GString *capture;
    GString *line;
    GQueue history; /* char *, newest first */
    int history_at; /* -1: the line being typed */
    EscapeState escape;
    bool greeted;
};

static __thread Monitor *current; /* whose command this thread runs: other threads' messages are not its output */

void monitor_vprintf(Monitor *mon, const char *fmt, va_list ap)
{
    char *text = g_strdup_vprintf(fmt, ap);
    if (mon->capture) {
        g_string_append(mon->capture, text);
        g_free(text);
        return;
    }
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\n");
        qemu_chr_write(mon->chr, p, n);
        p += n;
        if (*p == '\n') {
            qemu_chr_write(mon->chr, "\r\n", 2);
            p++;
        }
    }
    g_free(text);
}

void monitor_printf(Monitor *mon, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    monitor_vprintf(mon, fmt, ap);
    va_end(ap);
}

void monitor_print_line(void *opaque, const char *line)
{
    monitor_printf(opaque, "%s\n", line);
}

/* Errors of a command belong to whoever typed it. */
static bool report_to_monitor(const char *message)
{
    if (!current) {
        return false;
    }
    monitor_printf(current, "Error: %s\n", message);
    return true;
}

static void prompt(Monitor *mon)
{
    monitor_printf(mon, "(qemu) %s", mon->line->str);
}

static void run_command(Monitor *mon, const char *line)
{
    while (g_ascii_isspace(*line)) {
        line++;
    }
    size_t len = strcspn(line, " \t/");
    if (!len) {
        return;
    }
    const HMPCommand *cmd = hmp_find(hmp_commands, line, len);
    if (!cmd) {
        monitor_printf(mon, "unknown command: '%.*s'\n", (int)len, line);
        return;
    }
    char *args = g_strstrip(g_strdup(line + len));
    current = mon;
    cmd->run(mon, args);
    current = NULL;
    g_free(args);
}

void monitor_handle_command(Monitor *mon, const char *line)
{
    machine_lock();
    run_command(mon, line);
    machine_unlock();
}

char *monitor_run_captured(const char *line)
{
    Monitor mon = { .capture = g_string_new(NULL) };
    error_set_report_hook(report_to_monitor);
    run_command(&mon, line);
    GString *text = g_string_new(NULL);
    for (const char *p = mon.capture->str; *p; p++) {
        g_string_append(text, *p == '\n' ? "\r\n" : (char[]){ *p, 0 });
    }
    g_string_free(mon.capture, true);
    return g_string_free(text, false);
}

/* ---- line editing ---- */

static void replace_line(Monitor *mon, const char *text)
{
    for (gsize i = 0; i < mon->line->len; i++) {
        monitor_printf(mon, "\b \b");
    }
    g_string_assign(mon->line, text);
    monitor_printf(mon, "%s", text);
}

static void walk_history(Monitor *mon, int step)
{
    int to = mon->history_at + step;
    if (to < -1 || to >= (int)mon->history.length) {
        return;
    }
    mon->history_at = to;
    replace_line(mon, to < 0 ? "" : g_queue_peek_nth(&mon->history, to));
}

static void remember(Monitor *mon, const char *line)
{
    const char *last = g_queue_peek_head(&mon->history);
    if (*line && (!last || strcmp(last, line))) {
        g_queue_push_head(&mon->history, g_strdup(line));
    }
    if (mon->history.length > HISTORY_LINES) {
        g_free(g_queue_pop_tail(&mon->history));
    }
    mon->history_at = -1;
}

static void finish_line(Monitor *mon)
{
    char *line = g_strdup(mon->line->str);
    monitor_printf(mon, "\n");
    g_string_truncate(mon->line, 0);
    remember(mon, line);
    monitor_handle_command(mon, line);
    g_free(line);
    prompt(mon);
}

static void erase_character(Monitor *mon)
{
    if (mon->line->len) {
        g_string_truncate(mon->line, mon->line->len - 1);
        monitor_printf(mon, "\b \b");
    }
}

static void edit_escape(Monitor *mon, char c)
{
    if (mon->escape == ESC_SEEN) {
        mon->escape = c == '[' || c == 'O' ? ESC_BRACKET : ESC_NONE;
        return;
    }
    mon->escape = ESC_NONE;
    if (c == 'A' || c == 'B') {
        walk_history(mon, c == 'A' ? 1 : -1);
    }
}

static void edit_character(Monitor *mon, char c)
{
    switch (c) {
    case '\r':
    case '\n':
        finish_line(mon);
        break;
    case '\b':
    case 0x7f:
        erase_character(mon);
        break;
    case 0x15: /* ^U */
        replace_line(mon, "");
        break;
    case 0x10: /* ^P */
    case 0x0e: /* ^N */
        walk_history(mon, c == 0x10 ? 1 : -1);
        break;
    case 0x1b:
        mon->escape = ESC_SEEN;
        break;
    default:
        if ((uint8_t)c >= ' ' && mon->line->len < LINE_MAX_BYTES) {
            g_string_append_c(mon->line, c);
            qemu_chr_write(mon->chr, &c, 1);
        }
    }
}

static int can_receive(void *opaque)
{
    (void)opaque;
    return LINE_MAX_BYTES;
}

static void receive(void *opaque, const uint8_t *buf, int len)
{
    Monitor *mon = opaque;
    for (int i = 0; i < len; i++) {
        if (mon->escape != ESC_NONE) {
            edit_escape(mon, (char)buf[i]);
        } else {
            edit_character(mon, (char)buf[i]);
        }
    }
}

static void event(void *opaque, ChrEvent what)
{
    Monitor *mon = opaque;
    if (what != CHR_EVENT_OPENED) {
        return;
    }
    if (!mon->greeted) {
        monitor_printf(mon, "Lockstep " LOCKSTEP_VERSION " monitor - type 'help' for more information\n");
        mon->greeted = true;
    }
    prompt(mon);
}

bool monitor_init_hmp(Chardev *chr, Error **errp)
{
    Monitor *mon = g_new0(Monitor, 1);
    mon->chr = chr;
    mon->line = g_string_new(NULL);
    mon->history_at = -1;
    g_queue_init(&mon->history);
    error_set_report_hook(report_to_monitor);
    ChrFrontend fe = { .can_receive = can_receive, .receive = receive, .event = event, .opaque = mon };
    return qemu_chr_attach(chr, &fe, errp);
}
