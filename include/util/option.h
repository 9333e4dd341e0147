/*
 * util/option.h  Options of QEMU's form: "key=value,key=value", a comma in a value doubled, "key" alone is "key=on",
 * "nokey" is "key=off" (only for keys described as booleans), and, where the option has an implied first key, a first
 * part without '='.
 */
#ifndef UTIL_OPTION_H
#define UTIL_OPTION_H

#include "util/error.h"

typedef struct QemuOpts QemuOpts;

/*
 * Parse str; implied_key may be NULL. known: NULL-terminated list of keys allowed, or NULL for any.
 * An unknown key is an error "Invalid parameter 'foo'". A later value of a key replaces an earlier one.
 */
QemuOpts *qemu_opts_parse(const char *str, const char *implied_key, const char *const *known, Error **errp);
void qemu_opts_free(QemuOpts *opts);
/* Made by hand: empty; set a key (copied), replacing its value. */
QemuOpts *qemu_opts_new(void);
void qemu_opts_set(QemuOpts *opts, const char *key, const char *value);
void qemu_opts_unset(QemuOpts *opts, const char *key);
/* The options whose keys begin with prefix ("file."), under the rest of their keys; NULL when there are none. */
QemuOpts *qemu_opts_sub(const QemuOpts *opts, const char *prefix);

/* Value or NULL. Owned by opts. */
const char *qemu_opt_get(const QemuOpts *opts, const char *key);
/* The same of a key that may be given several times: value n, from 0, in the order given; NULL behind the last. */
const char *qemu_opt_get_nth(const QemuOpts *opts, const char *key, unsigned n);
/*
 * These return def when the key is absent; an unparsable value is an error that names key and value, and returns def.
 */
bool qemu_opt_get_bool(const QemuOpts *opts, const char *key, bool def, Error **errp);
uint64_t qemu_opt_get_number(const QemuOpts *opts, const char *key, uint64_t def, Error **errp);
uint64_t qemu_opt_get_size(const QemuOpts *opts, const char *key, uint64_t def, Error **errp); /* suffixes k M G T */
/* Walk all pairs in order. */
void qemu_opts_foreach(const QemuOpts *opts, void (*fn)(const char *key, const char *value, void *opaque),
                       void *opaque);

/* "64M", "1G", "512" (default_unit multiplies a bare number). Range-checked. */
bool parse_size(const char *str, uint64_t default_unit, uint64_t *result, Error **errp);
/* Letters, digits, '-', '.' and '_', a letter first. */
bool is_identifier(const char *str);
bool parse_bool(const char *str, bool *result);                   /* on/off/yes/no/true/false */
bool parse_uint(const char *str, uint64_t max, uint64_t *result); /* decimal, 0x hex or 0 octal; whole string */

#endif
