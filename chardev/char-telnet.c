/*
 * chardev/char-telnet.c  Telnet (RFC 854) on a socket: what a server says first, the protocol's own bytes taken out of
 * the input, output escaped.
 *
 * The client's answers decide nothing but whether it sends binary data (RFC 856): until then CR comes with a NUL or a
 * LF that nobody typed. Left out: options of the client's wish (all are ignored, which refuses them).
 */
#include "chardev/chardev-int.h"

#include <sys/socket.h>

enum { SE = 0xf0, BREAK = 0xf3, SB = 0xfa, WILL = 0xfb, WONT = 0xfc, DO = 0xfd, DONT = 0xfe, IAC = 0xff };
enum { BINARY = 0, ECHO = 1, SUPPRESS_GO_AHEAD = 3 };

void telnet_start(Telnet *t, int fd)
{
    static const uint8_t hello[] = {
        IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, WILL, BINARY, IAC, DO, BINARY
    };
    *t = (Telnet){ .state = TELNET_DATA };
    if (send(fd, hello, sizeof(hello), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        return; /* the client is gone already; reading will tell */
    }
}

/* ---- input ---- */

static bool data_byte(Telnet *t, uint8_t byte)
{
    bool padding = t->after_cr && !t->binary && (byte == 0 || byte == '\n');
    t->after_cr = byte == '\r';
    if (byte == IAC) {
        t->state = TELNET_IAC;
    }
    return byte != IAC && !padding;
}

/* The byte behind an IAC; a second IAC is data. */
static bool command_byte(Chardev *chr, Telnet *t, uint8_t byte)
{
    t->command = byte;
    t->state = byte == SB ? TELNET_SUB : byte >= WILL && byte <= DONT ? TELNET_OPTION : TELNET_DATA;
    if (byte == BREAK) {
        chr_be_break(chr);
    }
    return byte == IAC;
}

static void option_byte(Telnet *t, uint8_t option)
{
    t->state = TELNET_DATA;
    if (option == BINARY && (t->command == WILL || t->command == WONT)) {
        t->binary = t->command == WILL;
    }
}

/* Whether byte is the user's. */
static bool is_data(Chardev *chr, Telnet *t, uint8_t byte)
{
    switch (t->state) {
    case TELNET_DATA:
        return data_byte(t, byte);
    case TELNET_IAC:
        return command_byte(chr, t, byte);
    case TELNET_OPTION:
        option_byte(t, byte);
        return false;
    case TELNET_SUB:
        t->state = byte == IAC ? TELNET_SUB_IAC : TELNET_SUB;
        return false;
    case TELNET_SUB_IAC:
        t->state = byte == SE ? TELNET_DATA : TELNET_SUB;
        return false;
    }
    return false;
}

size_t telnet_unescape(Chardev *chr, Telnet *t, uint8_t *buf, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        if (is_data(chr, t, buf[i])) {
            buf[kept++] = buf[i];
        }
    }
    return kept;
}

/* ---- output ---- */

void telnet_escape(GByteArray *out)
{
    static const uint8_t iac[2] = { IAC, IAC };
    const uint8_t *next = memchr(out->data, IAC, out->len);
    if (!next) {
        return;
    }
    GByteArray *escaped = g_byte_array_sized_new(out->len + out->len / 8);
    size_t pos = 0;
    for (; next; next = memchr(out->data + pos, IAC, out->len - pos)) {
        g_byte_array_append(escaped, out->data + pos, next - (out->data + pos));
        g_byte_array_append(escaped, iac, sizeof(iac));
        pos = next - out->data + 1;
    }
    g_byte_array_append(escaped, out->data + pos, out->len - pos);
    g_byte_array_set_size(out, 0);
    g_byte_array_append(out, escaped->data, escaped->len);
    g_byte_array_unref(escaped);
}
