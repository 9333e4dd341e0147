/* util/uuid.c  UUIDs as text (RFC 4122 section 3), and the machine's identity that holds one. */
#include "sysemu/sysemu.h"

#define UUID_TEXT 36

MachineIdentity machine_identity;

static bool is_dash_place(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

bool uuid_parse(const char *text, uint8_t uuid[16])
{
    size_t digits = 0;
    uint8_t bytes[16] = { 0 };
    if (strlen(text) != UUID_TEXT) {
        return false;
    }
    for (size_t i = 0; i < UUID_TEXT; i++) {
        if (is_dash_place(i) ? text[i] != '-' : !g_ascii_isxdigit(text[i])) {
            return false;
        }
        if (!is_dash_place(i)) {
            bytes[digits / 2] = bytes[digits / 2] << 4 | g_ascii_xdigit_value(text[i]);
            digits++;
        }
    }
    memcpy(uuid, bytes, sizeof(bytes));
    return true;
}

char *uuid_text(const uint8_t uuid[16])
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < 16; i++) {
        g_string_append_printf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
    }
    return g_string_free(text, false);
}
