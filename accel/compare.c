/*
 * accel/compare.c  See compare.h. The replay stops at certain instruction counts, as it does for the manifest's
 * digests, and what was reached there is written down. The guest cannot see it.
 */
#include "accel/compare.h"

#include <errno.h>

#include "exec/memory.h"
#include "hw/i386/pc.h"
#include "migration/vmstate.h"
#include "replay/replay.h"
#include "sysemu/cpus.h"
#include "target/i386/access.h"
#include "target/i386/disas.h"
#include "util/option.h"

#include <xxhash.h>

/* ---- digests ---- */

static struct {
    FILE *out;
    uint64_t every, from;
} digests;

static uint64_t linear_pc(const CPUState *cpu)
{
    return (cpu->seg[R_CS].linear_base + cpu->eip) & cpu->linear_mask;
}

/* "0x000ffff0: ljmpw $0xf000, $0xe05b" */
static char *next_insn(CPUState *cpu)
{
    uint8_t bytes[DISAS_INSN_MAX];
    char text[DISAS_TEXT_MAX];
    uint64_t pc = linear_pc(cpu);
    size_t len = sizeof(bytes);
    while (len && !cpu_memory_read_debug(cpu, pc, bytes, len)) {
        len--;
    }
    disas_insn(disas_mode(cpu), pc, bytes, len, text);
    return g_strdup_printf("0x%08" PRIx64 ": %s%s", pc, cpu->halted ? "(halted) " : "", text);
}

/* As machine_digest(), but the second time only what was written meanwhile is looked at. */
static uint64_t digest(void)
{
    static GByteArray *state;
    state = state ? state : g_byte_array_new();
    g_byte_array_set_size(state, 0);
    vmstate_save_all(state);
    return XXH3_64bits_withSeed(state->data, state->len, ram_digest_again());
}

static void write_digest(int64_t icount)
{
    g_autofree char *insn = next_insn(first_cpu());
    fprintf(digests.out, "%" PRId64 " %016" PRIx64 " %s\n", icount, digest(), insn);
    fflush(digests.out);
}

static int64_t next_digest(int64_t icount)
{
    int64_t from = (int64_t)digests.from, every = (int64_t)digests.every;
    if (!digests.out) {
        return INT64_MAX;
    }
    return icount < from ? from : from + ((icount - from) / every + 1) * every;
}

/* ---- whole states ---- */

#define MAX_STATES 4

static struct StateWanted {
    uint64_t at;
    char *prefix, *against; /* against may be NULL */
} states[MAX_STATES];
static unsigned nb_states;

static FILE *create(const char *prefix, const char *suffix)
{
    g_autofree char *name = g_strconcat(prefix, suffix, NULL);
    FILE *file = fopen(name, "w");
    if (!file) {
        error_report("-rrcompare: cannot write '%s': %s", name, g_strerror(errno));
        exit(1);
    }
    return file;
}

static void close_file(FILE *file, const char *prefix)
{
    if (ferror(file) | fclose(file)) {
        error_report("-rrcompare: a file of '%s' could not be written", prefix);
        exit(1);
    }
}

static void write_file(const char *prefix, const char *suffix, const void *data, size_t len)
{
    FILE *file = create(prefix, suffix);
    fwrite(data, 1, len, file);
    close_file(file, prefix);
}

static void write_line(void *opaque, const char *line)
{
    fprintf(opaque, "%s\n", line);
}

static void write_text(const char *prefix)
{
    FILE *file = create(prefix, ".txt");
    g_autofree char *insn = next_insn(first_cpu());
    cpu_dump_state(first_cpu(), write_line, file);
    fprintf(file, "next %s\n", insn);
    close_file(file, prefix);
}

static void write_differences(const struct StateWanted *s, const GByteArray *state)
{
    g_autofree char *name = g_strconcat(s->against, ".state", NULL);
    g_autofree char *other = NULL;
    gsize len;
    if (!g_file_get_contents(name, &other, &len, NULL)) {
        error_report("-rrcompare: cannot read '%s'", name);
        exit(1);
    }
    GPtrArray *list = vmstate_diff_list((uint8_t *)other, len, state->data, state->len);
    FILE *file = create(s->prefix, ".diff");
    for (guint i = 0; i < list->len; i++) {
        write_line(file, g_ptr_array_index(list, i));
    }
    close_file(file, s->prefix);
    g_ptr_array_unref(list);
}

static void write_state(const struct StateWanted *s)
{
    GByteArray *state = g_byte_array_new();
    vmstate_save_all(state);
    write_file(s->prefix, ".ram", ram_base, ram_size_used);
    write_file(s->prefix, ".state", state->data, state->len);
    if (s->against) {
        write_differences(s, state);
    }
    write_text(s->prefix); /* last: who sees it knows that the others are there */
    g_byte_array_unref(state);
}

/* ---- where replay stops ---- */

static int64_t next_stop(int64_t icount)
{
    int64_t next = next_digest(icount);
    for (unsigned i = 0; i < nb_states; i++) {
        next = (int64_t)states[i].at > icount ? MIN(next, (int64_t)states[i].at) : next;
    }
    return next;
}

static void arrived(int64_t icount)
{
    if (next_digest(icount - 1) == icount) {
        write_digest(icount);
    }
    for (unsigned i = 0; i < nb_states; i++) {
        if ((int64_t)states[i].at == icount) {
            write_state(&states[i]);
        }
    }
}

/* ---- the option ---- */

static void configure_digests(const QemuOpts *o, Error **errp)
{
    const char *path = qemu_opt_get(o, "digests");
    Error *err = NULL;
    digests.every = qemu_opt_get_number(o, "every", 1000000, &err);
    digests.from = qemu_opt_get_number(o, "from", digests.every, &err);
    if (err) {
        error_propagate(errp, err);
    } else if (digests.every == 0 || digests.every > INT32_MAX || digests.from > INT64_MAX / 2) {
        error_setg(errp, "every is 1 to %d, and from below 2^62", INT32_MAX);
    } else if (!(digests.out = fopen(path, "w"))) {
        error_setg(errp, "cannot write '%s': %s", path, g_strerror(errno));
    }
}

static void configure_state(const QemuOpts *o, Error **errp)
{
    Error *err = NULL;
    uint64_t at = qemu_opt_get_number(o, "at", 0, &err);
    if (err) {
        error_propagate(errp, err);
    } else if (at == 0 || at > INT64_MAX || nb_states == MAX_STATES) {
        error_setg(errp, "state needs at=N, and there can be %d of them", MAX_STATES);
    } else {
        states[nb_states++] = (struct StateWanted){ .at = at,
                                                    .prefix = g_strdup(qemu_opt_get(o, "state")),
                                                    .against = g_strdup(qemu_opt_get(o, "against")) };
    }
}

void compare_configure(const char *arg, Error **errp)
{
    static const char *const known[] = { "digests", "every", "from", "state", "at", "against", NULL };
    static const ReplayStops stops = { .next = next_stop, .arrived = arrived };
    QemuOpts *o = qemu_opts_parse(arg, NULL, known, errp);
    if (!o) {
        return;
    }
    replay_stops = &stops;
    if (qemu_opt_get(o, "digests")) {
        configure_digests(o, errp);
    } else if (qemu_opt_get(o, "state")) {
        configure_state(o, errp);
    } else {
        error_setg(errp, "digests=FILE or state=PREFIX is needed");
    }
    qemu_opts_free(o);
}
