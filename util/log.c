/* util/log.c  The debug log: which items, where to, for which code. */
#include "util/log.h"

#include <errno.h>
#include <unistd.h>

uint32_t log_mask;

static char *file_name; /* NULL: stderr */
static FILE *file;

typedef struct LogRange {
    uint64_t first, last;
} LogRange;
static GArray *filter; /* of LogRange; NULL: everything */

static const struct {
    uint32_t bit;
    const char *name, *help;
} items_table[] = {
#define LOG_ROW(id, bit, name, help) { id, name, help },
    LOG_ITEMS(LOG_ROW)
};

/* ---- items ---- */

static bool item_mask(const char *name, uint32_t *mask)
{
    if (!strcmp(name, "none")) {
        *mask = 0;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(items_table); i++) {
        if (!strcmp(name, "all") || !strcmp(name, items_table[i].name)) {
            *mask |= items_table[i].bit;
        }
    }
    return *mask != 0;
}

/* Of "" too there is one part, the empty one. */
static char **split(const char *list)
{
    if (*list) {
        return g_strsplit(list, ",", -1);
    }
    char **one = g_new0(char *, 2);
    one[0] = g_strdup("");
    return one;
}

bool log_set_items(const char *items, Error **errp)
{
    char **names = split(items);
    uint32_t mask = 0;
    bool ok = true;
    for (char **name = names; *name && ok; name++) {
        uint32_t one = 0;
        ok = item_mask(*name, &one);
        mask |= one;
        if (!ok) {
            error_setg(errp, "unknown log item '%s'; '-d help' lists them", *name);
        }
    }
    g_strfreev(names);
    log_mask = ok ? mask : log_mask;
    return ok;
}

void log_help(FILE *out)
{
    fprintf(out, "Log items (comma separated):\n");
    for (size_t i = 0; i < ARRAY_SIZE(items_table); i++) {
        fprintf(out, "%-15s %s\n", items_table[i].name, items_table[i].help);
    }
}

/* ---- the file ---- */

static void log_close(void)
{
    if (file && file != stderr && (ferror(file) | fclose(file))) {
        error_report("the logfile '%s' is not complete: it could not be written", file_name);
    }
    file = NULL;
}

bool log_set_file(const char *path, Error **errp)
{
    const char *percent = strchr(path, '%');
    g_free(file_name);
    file_name = NULL;
    if (!percent) {
        file_name = g_strdup(path);
    } else if (percent[1] == 'd' && !strchr(percent + 1, '%')) {
        file_name = g_strdup_printf("%.*s%d%s", (int)(percent - path), path, (int)getpid(), percent + 2);
    } else {
        error_setg(errp, "Bad logfile format: %s", path);
    }
    return file_name != NULL;
}

bool log_open(Error **errp)
{
    if (!log_mask) {
        return true;
    }
    file = file_name ? fopen(file_name, "w") : stderr;
    if (!file) {
        error_setg(errp, "Error opening logfile %s: %s", file_name, g_strerror(errno));
        return false;
    }
    setvbuf(file, NULL, _IOLBF, 0); /* a crash loses nothing */
    atexit(log_close);
    return true;
}

/* ---- the filter ---- */

static bool parse_number(const char **p, uint64_t *value)
{
    char *end;
    if (!g_ascii_isdigit(**p)) {
        return false;
    }
    errno = 0;
    *value = g_ascii_strtoull(*p, &end, 0);
    *p = end;
    return !errno;
}

/* START..END, START+LEN, START-LEN with the operator's meaning; false when it is none of them or empty. */
static bool make_range(uint64_t start, const char *operator, uint64_t second, LogRange *r)
{
    *r = (LogRange){ start, start };
    if (!strcmp(operator, "..")) {
        r->last = second;
        return start <= second;
    }
    if (!strcmp(operator, "+")) {
        r->last = start + (second - 1);
    } else {
        r->first = start - (second - 1);
    }
    return second && r->first <= r->last;
}

static bool parse_range(const char *text, LogRange *r, Error **errp)
{
    uint64_t first, second;
    char operator[3] = "";
    const char *p = text;
    bool ok = parse_number(&p, &first);
    if (ok) {
        size_t len = g_str_has_prefix(p, "..") ? 2 : *p == '+' || *p == '-' ? 1 : 0;
        memcpy(operator, p, len);
        p += len;
        ok = len && parse_number(&p, &second) && !*p;
    }
    if (!ok) {
        error_setg(errp, "Bad range specifier '%s'", text);
    } else if (!make_range(first, operator, second, r)) {
        error_setg(errp, "Invalid range '%s'", text);
        ok = false;
    }
    return ok;
}

bool log_set_filter(const char *ranges, Error **errp)
{
    char **texts = split(ranges);
    GArray *list = g_array_new(false, false, sizeof(LogRange));
    bool ok = true;
    for (char **text = texts; *text && ok; text++) {
        LogRange r;
        ok = parse_range(*text, &r, errp);
        if (ok) {
            g_array_append_val(list, r);
        }
    }
    g_strfreev(texts);
    if (filter) {
        g_array_free(filter, true);
    }
    filter = list;
    return ok;
}

bool log_in_filter(uint64_t addr)
{
    for (guint i = 0; filter && i < filter->len; i++) {
        const LogRange *r = &g_array_index(filter, LogRange, i);
        if (addr >= r->first && addr <= r->last) {
            return true;
        }
    }
    return !filter;
}

/* ---- writing ---- */

void log_printf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (file) {
        vfprintf(file, fmt, ap);
    }
    va_end(ap);
}

void log_guest_error(const char *fmt, ...)
{
    if (!log_enabled(LOG_GUEST_ERRORS) || !file) {
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    vfprintf(file, fmt, ap);
    va_end(ap);
    fputc('\n', file);
}
