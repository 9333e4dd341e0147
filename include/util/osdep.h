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

/* Guest memory is little-endian; these never assume alignment. */
static inline uint16_t lduw_le_p(const void *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return GUINT16_FROM_LE(v);
}
static inline uint32_t ldl_le_p(const void *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return GUINT32_FROM_LE(v);
}
static inline uint64_t ldq_le_p(const void *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return GUINT64_FROM_LE(v);
}
static inline void stw_le_p(void *p, uint16_t v)
{
    v = GUINT16_TO_LE(v);
    memcpy(p, &v, 2);
}
static inline void stl_le_p(void *p, uint32_t v)
{
    v = GUINT32_TO_LE(v);
    memcpy(p, &v, 4);
}
static inline void stq_le_p(void *p, uint64_t v)
{
    v = GUINT64_TO_LE(v);
    memcpy(p, &v, 8);
}

#endif
