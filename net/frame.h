/*
 * net/frame.h  Packets on a stream: each is its length (u32, big-endian) and its bytes. What comes in is hostile.
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include "net/net.h"

typedef struct FrameReader {
    uint8_t buf[2 * (4 + NET_MAX_PACKET)];
    size_t head, len; /* bytes [head, len) wait */
} FrameReader;

typedef enum FrameResult { FRAME_PACKET, FRAME_NEED_MORE, FRAME_BAD } FrameResult;

/* Where to read more bytes to, and how many fit (never 0 after FRAME_NEED_MORE); then say how many came. */
uint8_t *frame_space(FrameReader *r, size_t *room);
void frame_filled(FrameReader *r, size_t bytes);
/* The next packet, valid until frame_space(). FRAME_BAD: a length that no packet has; nothing after it makes sense. */
FrameResult frame_next(FrameReader *r, const uint8_t **packet, size_t *len);
void frame_reset(FrameReader *r);
/* Append a framed packet. */
void frame_put(GByteArray *out, const uint8_t *packet, size_t len);

#endif
