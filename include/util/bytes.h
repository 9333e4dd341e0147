/*
 * util/bytes.h  Numbers in bytes. The names are the field's: ld or st, w l q for 2, 4, 8 bytes or n for any number up
 * to 8, the byte order, p for a pointer. Nothing assumes alignment.
 */
#ifndef UTIL_BYTES_H
#define UTIL_BYTES_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- little-endian: guest memory, our own formats ---- */

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
static inline uint64_t ldn_le_p(const void *p, size_t size)
{
    uint64_t v = 0;
    memcpy(&v, p, size);
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

/* ---- big-endian: networks, SCSI, qcow2, the log ---- */

static inline uint16_t lduw_be_p(const void *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return GUINT16_FROM_BE(v);
}
static inline uint32_t ldl_be_p(const void *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return GUINT32_FROM_BE(v);
}
static inline uint64_t ldq_be_p(const void *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return GUINT64_FROM_BE(v);
}
static inline void stw_be_p(void *p, uint16_t v)
{
    v = GUINT16_TO_BE(v);
    memcpy(p, &v, 2);
}
static inline void stl_be_p(void *p, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    memcpy(p, &v, 4);
}
static inline void stq_be_p(void *p, uint64_t v)
{
    v = GUINT64_TO_BE(v);
    memcpy(p, &v, 8);
}

/* ---- at the end of an array: the low `size` bytes (up to 8) of the value ---- */

static inline void append_le(GByteArray *out, uint64_t value, size_t size)
{
    value = GUINT64_TO_LE(value);
    g_byte_array_append(out, (const uint8_t *)&value, size);
}
static inline void append_be(GByteArray *out, uint64_t value, size_t size)
{
    value = GUINT64_TO_BE(value);
    g_byte_array_append(out, (const uint8_t *)&value + sizeof(value) - size, size);
}

/* ---- zeroes ---- */

/* Is there nothing but zeroes in it? */
static inline bool buffer_is_zero(const void *buf, size_t bytes)
{
    const uint8_t *p = buf;
    uint64_t head = ldn_le_p(p, bytes < 8 ? bytes : 8);
    return !head && (bytes <= 8 || !memcmp(p, p + 8, bytes - 8));
}

#endif
