/* monitor/examine.c  x and xp: memory as numbers, characters or instructions (target/i386/disas.c). */
#include "exec/memory.h"
#include "hmp-internal.h"
#include "hw/i386/pc.h"
#include "target/i386/access.h"
#include "target/i386/disas.h"

typedef struct Format {
    uint64_t count;
    char type; /* x d u o c i */
    unsigned size;
    bool physical;
} Format;

#define MAX_COUNT 65536

/* "/4xw": count, type, size in any of gdb's orders. */
static bool parse_format(Monitor *mon, const char **p, Format *f)
{
    if (**p != '/') {
        return true;
    }
    (*p)++;
    if (g_ascii_isdigit(**p)) {
        char *end;
        f->count = g_ascii_strtoull(*p, &end, 10);
        *p = end;
    }
    for (; **p && **p != ' '; (*p)++) {
        const char *sizes = "bhwg", *s = strchr(sizes, **p);
        if (s) {
            f->size = 1u << (s - sizes);
        } else if (strchr("xduoci", **p)) {
            f->type = **p;
        } else {
            monitor_printf(mon, "invalid char in format: '%c'\n", **p);
            return false;
        }
    }
    f->count = MIN(f->count, MAX_COUNT);
    return true;
}

static bool read_memory(const Format *f, uint64_t addr, void *buf, size_t len)
{
    if (f->physical) {
        return address_space_peek(&address_space_memory, addr, buf, len);
    }
    return cpu_memory_read_debug(first_cpu(), addr, buf, len);
}

/* Length of the instruction printed; 0 when there are no bytes. */
static size_t print_instruction(Monitor *mon, DisasMode mode, const Format *f, uint64_t addr)
{
    uint8_t bytes[DISAS_INSN_MAX];
    size_t have = sizeof(bytes);
    char text[DISAS_TEXT_MAX];
    while (have && !read_memory(f, addr, bytes, have)) {
        have--;
    }
    size_t len = disas_insn(mode, addr, bytes, have, text);
    if (len) {
        monitor_printf(mon, "0x%08" PRIx64 ":  %s\n", addr, text);
    }
    return len;
}

static void disassemble(Monitor *mon, const Format *f, uint64_t addr)
{
    DisasMode mode = disas_mode(first_cpu());
    for (uint64_t i = 0; i < f->count; i++) {
        size_t len = print_instruction(mon, mode, f, addr);
        if (!len) {
            monitor_printf(mon, "Cannot access memory\n");
            return;
        }
        addr += len;
    }
}

static int64_t sign_extend(uint64_t value, unsigned size)
{
    unsigned shift = 64 - 8 * size;
    return (int64_t)(value << shift) >> shift;
}

static void print_value(Monitor *mon, const Format *f, uint64_t value)
{
    switch (f->type) {
    case 'd':
        monitor_printf(mon, " %*" PRId64, (int)(3 + 2 * f->size), sign_extend(value, f->size));
        break;
    case 'u':
        monitor_printf(mon, " %*" PRIu64, (int)(2 + 2 * f->size), value);
        break;
    case 'o':
        monitor_printf(mon, " 0%0*" PRIo64, (int)(1 + 3 * f->size), value);
        break;
    case 'c':
        monitor_printf(mon, g_ascii_isprint((char)value) ? " '%c'" : " '\\x%02x'", (int)(uint8_t)value);
        break;
    default:
        monitor_printf(mon, " 0x%0*" PRIx64, (int)(2 * f->size), value);
    }
}

static void dump(Monitor *mon, const Format *f, uint64_t addr)
{
    unsigned per_line = MAX(1u, f->type == 'c' ? 8 : 16 / f->size);
    for (uint64_t i = 0; i < f->count; i++, addr += f->size) {
        uint64_t value = 0;
        if (i % per_line == 0) {
            monitor_printf(mon, f->physical ? "%s%016" PRIx64 ":" : "%s%08" PRIx64 ":", i ? "\n" : "", addr);
        }
        if (!read_memory(f, addr, &value, f->size)) {
            monitor_printf(mon, " Cannot access memory\n");
            return;
        }
        print_value(mon, f, value);
    }
    monitor_printf(mon, "\n");
}

void hmp_examine(Monitor *mon, const char *args, bool physical)
{
    static Format last = { .count = 1, .type = 'x', .size = 4 };
    Format f = { .count = 1, .type = last.type, .size = last.size, .physical = physical };
    uint64_t addr;
    if (!*args) {
        monitor_printf(mon, "%s: an address is missing\n", physical ? "xp" : "x");
        return;
    }
    if (!parse_format(mon, &args, &f) || !hmp_parse_expression(mon, args, &addr)) {
        return;
    }
    if (f.type == 'i') {
        disassemble(mon, &f, addr);
    } else {
        dump(mon, &f, addr);
    }
    last = f;
}
