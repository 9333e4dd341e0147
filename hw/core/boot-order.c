/* hw/core/boot-order.c  Boot devices in the order of their bootindex. Contract: include/hw/core/boot-order.h. */
#include "hw/core/boot-order.h"

typedef struct BootEntry {
    uint32_t bootindex;
    char *path;
} BootEntry;

static GArray *entries; /* sorted */

bool boot_order_add(uint32_t bootindex, const char *path, Error **errp)
{
    guint at = 0;
    if (bootindex == BOOT_ORDER_NONE) {
        return true;
    }
    if (!entries) {
        entries = g_array_new(FALSE, FALSE, sizeof(BootEntry));
    }
    while (at < entries->len && g_array_index(entries, BootEntry, at).bootindex < bootindex) {
        at++;
    }
    if (at < entries->len && g_array_index(entries, BootEntry, at).bootindex == bootindex) {
        error_setg(errp, "The bootindex %u has already been used", bootindex);
        return false;
    }
    BootEntry entry = { .bootindex = bootindex, .path = g_strdup(path) };
    g_array_insert_val(entries, at, entry);
    return true;
}

char *boot_order_text(void)
{
    if (!entries) {
        return NULL;
    }
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < entries->len; i++) {
        g_string_append_printf(text, "%s%s", i ? "\n" : "", g_array_index(entries, BootEntry, i).path);
    }
    return g_string_free(text, FALSE);
}
