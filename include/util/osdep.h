/* util/osdep.h  What every file of ours starts with: the C library, glib, and a handful of small helpers. */
#ifndef UTIL_OSDEP_H
#define UTIL_OSDEP_H

#include <glib.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"

#define likely(x)                       __builtin_expect(!!(x), 1)
#define unlikely(x)                     __builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define QEMU_PRINTF(fmt_arg, first_arg) __attribute__((format(printf, fmt_arg, first_arg)))

#define KiB                    (1024LL)
#define MiB                    (1024LL * KiB)
#define GiB                    (1024LL * MiB)
#define NANOSECONDS_PER_SECOND 1000000000LL

static inline uint64_t extract64(uint64_t value, unsigned start, unsigned length)
{
    return (value >> start) & (~0ULL >> (64 - length));
}

static inline uint64_t deposit64(uint64_t value, unsigned start, unsigned length, uint64_t field)
{
    uint64_t mask = (~0ULL >> (64 - length)) << start;
    return (value & ~mask) | ((field << start) & mask);
}

/* (a * b) / c with a 128-bit product; c != 0. For clock conversions: ticks = muldiv64(ns, hz, 1e9). */
static inline uint64_t muldiv64(uint64_t a, uint64_t b, uint64_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

#endif
