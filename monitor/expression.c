/* monitor/expression.c  Numbers, $registers, parentheses, and the operators of C from * to |: addresses as people type
 * them. */
#include "hmp-internal.h"
#include "hw/i386/pc.h"
#include "target/i386/cpu.h"

#define MAX_DEPTH 32

typedef struct Parser {
    Monitor *mon;
    const char *p;
    int depth;
    bool failed;
} Parser;

static uint64_t parse_bits(Parser *ps);

static uint64_t fail(Parser *ps, const char *what)
{
    if (!ps->failed) {
        monitor_printf(ps->mon, "%s at '%s'\n", what, ps->p);
    }
    ps->failed = true;
    return 0;
}

static void skip_space(Parser *ps)
{
    while (*ps->p == ' ') {
        ps->p++;
    }
}

static bool register_value(const char *name, size_t len, uint64_t *value)
{
    static const char *const gpr[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
    static const char *const segs[] = { "es", "cs", "ss", "ds", "fs", "gs" };
    CPUState *cpu = first_cpu();
    bool prefixed = len == 3 && (name[0] == 'e' || name[0] == 'r');
    for (size_t i = 0; i < ARRAY_SIZE(gpr) && prefixed; i++) {
        if (!strncmp(name + 1, gpr[i], 2)) {
            *value = name[0] == 'e' ? (uint32_t)cpu->gpr[i] : cpu->gpr[i];
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(segs) && len == 2; i++) {
        if (!strncmp(name, segs[i], 2)) {
            *value = cpu->seg[i].selector;
            return true;
        }
    }
    if ((prefixed && !strncmp(name + 1, "ip", 2)) || (len == 2 && !strncmp(name, "pc", 2))) {
        *value = cpu->seg[R_CS].linear_base + cpu->eip; /* linear, so that "x /i $eip" shows what runs */
    } else if (len == 6 && !strncmp(name, "eflags", 6)) {
        *value = cpu_get_eflags(cpu);
    } else {
        return false;
    }
    return true;
}

static uint64_t parse_register(Parser *ps)
{
    uint64_t value = 0;
    size_t len = 0;
    while (g_ascii_isalnum(ps->p[1 + len])) {
        len++;
    }
    if (!register_value(ps->p + 1, len, &value)) {
        return fail(ps, "unknown register");
    }
    ps->p += 1 + len;
    return value;
}

static uint64_t parse_primary(Parser *ps)
{
    skip_space(ps);
    if (++ps->depth > MAX_DEPTH) {
        return fail(ps, "expression too deep");
    }
    uint64_t value = 0;
    if (*ps->p == '(') {
        ps->p++;
        value = parse_bits(ps);
        skip_space(ps);
        if (*ps->p != ')') {
            return fail(ps, "')' expected");
        }
        ps->p++;
    } else if (*ps->p == '-' || *ps->p == '~') {
        bool minus = *ps->p++ == '-';
        value = parse_primary(ps);
        value = minus ? -value : ~value;
    } else if (*ps->p == '$') {
        value = parse_register(ps);
    } else if (g_ascii_isdigit(*ps->p)) {
        char *end;
        value = g_ascii_strtoull(ps->p, &end, 0);
        ps->p = end;
    } else {
        return fail(ps, "unexpected text in expression");
    }
    ps->depth--;
    return value;
}

static uint64_t divide(Parser *ps, char op, uint64_t a, uint64_t b)
{
    if (!b) {
        return fail(ps, "division by zero");
    }
    return op == '/' ? a / b : a % b;
}

/* Is one of `operators` next? Then it is taken. */
static char take_operator(Parser *ps, const char *operators)
{
    skip_space(ps);
    bool found = *ps->p && strchr(operators, *ps->p) && !ps->failed;
    return found ? *ps->p++ : 0;
}

static uint64_t parse_product(Parser *ps)
{
    uint64_t value = parse_primary(ps);
    for (char op; (op = take_operator(ps, "*/%"));) {
        uint64_t factor = parse_primary(ps);
        value = op == '*' ? value * factor : divide(ps, op, value, factor);
    }
    return value;
}

static uint64_t parse_sum(Parser *ps)
{
    uint64_t value = parse_product(ps);
    for (char op; (op = take_operator(ps, "+-"));) {
        uint64_t term = parse_product(ps);
        value = op == '-' ? value - term : value + term;
    }
    return value;
}

static uint64_t parse_bits(Parser *ps)
{
    uint64_t value = parse_sum(ps);
    for (char op; (op = take_operator(ps, "&|^"));) {
        uint64_t term = parse_sum(ps);
        value = op == '&' ? value & term : op == '|' ? value | term : value ^ term;
    }
    return value;
}

bool hmp_parse_expression(Monitor *mon, const char *text, uint64_t *value)
{
    Parser ps = { .mon = mon, .p = text };
    *value = parse_bits(&ps);
    skip_space(&ps);
    if (*ps.p) {
        fail(&ps, "unexpected text in expression");
    }
    return !ps.failed;
}
