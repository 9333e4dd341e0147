/* net/frame.c  Packets on a stream; see net/frame.h. */
#include "net/frame.h"

void frame_reset(FrameReader *r)
{
    r->head = r->len = 0;
}

uint8_t *frame_space(FrameReader *r, size_t *room)
{
    memmove(r->buf, r->buf + r->head, r->len - r->head);
    r->len -= r->head;
    r->head = 0;
    *room = sizeof(r->buf) - r->len;
    return r->buf + r->len;
}

void frame_filled(FrameReader *r, size_t bytes)
{
    lockstep_assert(bytes <= sizeof(r->buf) - r->len, "%zu bytes", bytes);
    r->len += bytes;
}

FrameResult frame_next(FrameReader *r, const uint8_t **packet, size_t *len)
{
    size_t waiting = r->len - r->head;
    if (waiting < 4) {
        return FRAME_NEED_MORE;
    }
    uint32_t length = ldl_be_p(r->buf + r->head);
    if (length > NET_MAX_PACKET) {
        return FRAME_BAD;
    }
    if (length > waiting - 4) {
        return FRAME_NEED_MORE;
    }
    *packet = r->buf + r->head + 4;
    *len = length;
    r->head += 4 + length;
    return FRAME_PACKET;
}

void frame_put(GByteArray *out, const uint8_t *packet, size_t len)
{
    append_be(out, len, 4);
    g_byte_array_append(out, packet, len);
}
