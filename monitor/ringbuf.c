/* monitor/ringbuf.c  ringbuf_read and ringbuf_write: what a ringbuf chardev has kept, in HMP and QMP. The buffer is the
 * host's; no guest sees it. */
#include "chardev/char.h"
#include "hmp-internal.h"
#include "qmp-internal.h"

#define RINGBUF_READ_MAX (1 << 20) /* bytes at once */

static Chardev *find_ringbuf(const char *name, Error **errp)
{
    Chardev *chr = qemu_chr_find(name);
    if (!chr) {
        error_setg(errp, "Device '%s' not found", name);
    } else if (!qemu_chr_is_ringbuf(chr)) {
        error_setg(errp, "%s is not a ringbuf device", name);
        chr = NULL;
    }
    return chr;
}

/* g_byte_array_unref() the result; NULL with an error. */
static GByteArray *read_ringbuf(const char *name, int64_t size, Error **errp)
{
    Chardev *chr = find_ringbuf(name, errp);
    if (chr && size <= 0) {
        error_setg(errp, "size must be greater than zero");
    } else if (chr) {
        GByteArray *data = g_byte_array_new();
        g_byte_array_set_size(data, MIN(size, RINGBUF_READ_MAX));
        g_byte_array_set_size(data, qemu_chr_ringbuf_read(chr, data->data, data->len));
        return data;
    }
    return NULL;
}

static bool write_ringbuf(const char *name, const void *data, size_t len, Error **errp)
{
    Chardev *chr = find_ringbuf(name, errp);
    if (chr) {
        qemu_chr_ringbuf_write(chr, data, len);
    }
    return chr != NULL;
}

/* ---- HMP ---- */

static void print_escaped(Monitor *mon, const GByteArray *data)
{
    for (guint i = 0; i < data->len; i++) {
        uint8_t c = data->data[i];
        const char *form = c == '\\' ? "\\\\" : (c < ' ' && c != '\n') || c >= 0x7f ? "\\u%04X" : "%c";
        monitor_printf(mon, form, c);
    }
    monitor_printf(mon, "\n");
}

void hmp_ringbuf_read(Monitor *mon, const char *args)
{
    Error *err = NULL;
    char **words = g_strsplit(args, " ", 2);
    GByteArray *data = NULL;
    if (!words[0] || !words[1]) {
        error_setg(&err, "ringbuf_read: device and size expected");
    } else {
        data = read_ringbuf(words[0], g_ascii_strtoll(words[1], NULL, 0), &err);
    }
    if (data) {
        print_escaped(mon, data);
        g_byte_array_unref(data);
    } else {
        error_report_err(err);
    }
    g_strfreev(words);
}

void hmp_ringbuf_write(Monitor *mon, const char *args)
{
    Error *err = NULL;
    char **words = g_strsplit(args, " ", 2);
    (void)mon;
    if (!words[0] || !words[1]) {
        error_setg(&err, "ringbuf_write: device and data expected");
    } else {
        write_ringbuf(words[0], words[1], strlen(words[1]), &err);
    }
    if (err) {
        error_report_err(err);
    }
    g_strfreev(words);
}

/* ---- QMP ---- */

static bool wants_base64(JsonObject *args, Error **errp)
{
    const char *format = qmp_string(args, "format", "utf8");
    bool base64 = g_str_equal(format, "base64");
    if (!base64 && !g_str_equal(format, "utf8")) {
        error_setg(errp, "Parameter 'format' does not accept value '%s'", format);
    }
    return base64;
}

JsonNode *qmp_ringbuf_read(JsonObject *args, Error **errp)
{
    Error *err = NULL;
    bool base64 = wants_base64(args, &err);
    GByteArray *data = err ? NULL : read_ringbuf(qmp_string(args, "device", ""), qmp_int(args, "size", 0), &err);
    if (!data) {
        error_propagate(errp, err);
        return NULL;
    }
    char *text = base64 ? g_base64_encode(data->data, data->len) : g_utf8_make_valid((char *)data->data, data->len);
    JsonNode *node = json_node_new(JSON_NODE_VALUE);
    json_node_set_string(node, text);
    g_free(text);
    g_byte_array_unref(data);
    return node;
}

JsonNode *qmp_ringbuf_write(JsonObject *args, Error **errp)
{
    Error *err = NULL;
    const char *device = qmp_string(args, "device", ""), *text = qmp_string(args, "data", "");
    if (wants_base64(args, &err)) {
        gsize len = 0;
        guchar *data = g_base64_decode(text, &len);
        write_ringbuf(device, data, len, &err);
        g_free(data);
    } else if (!err) {
        write_ringbuf(device, text, strlen(text), &err);
    }
    error_propagate(errp, err);
    return NULL;
}
