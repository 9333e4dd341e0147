/*
 * monitor/qmp-input.c  Cuts a stream of bytes into JSON values (RFC 8259; single quotes too, as QEMU's users are used
 * to).
 *
 * It only counts brackets and quotes; whether the value between them is well-formed is the parser's affair. After an
 * error the rest of the line is skipped, so that a client which has lost its thread gets one error and not a thousand.
 */
#include "qmp-internal.h"

void qmp_input_init(QMPInput *in)
{
    *in = (QMPInput){ .text = g_string_new(NULL) };
}

void qmp_input_reset(QMPInput *in)
{
    g_string_truncate(in->text, 0);
    in->depth = 0;
    in->quote = 0;
    in->escaped = in->skipping = false;
}

typedef struct Feed {
    QMPInput *in;
    QMPValueFunc *value;
    QMPErrorFunc *error;
    void *opaque;
} Feed;

static void fail(Feed *f, const char *message)
{
    qmp_input_reset(f->in);
    f->in->skipping = true;
    f->error(f->opaque, message);
}

static void value_complete(Feed *f)
{
    GString *text = f->in->text;
    f->in->text = g_string_new(NULL);
    f->value(f->opaque, text->str, text->len);
    g_string_free(text, true);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void in_string(QMPInput *in, char c)
{
    if (in->escaped) {
        in->escaped = false;
    } else if (c == '\\') {
        in->escaped = true;
    } else if (c == in->quote) {
        in->quote = 0;
    }
}

static void bracket(Feed *f, char c)
{
    QMPInput *in = f->in;
    in->depth += c == '{' || c == '[' ? 1 : -1;
    if (in->depth < 0) {
        fail(f, "JSON parse error, expecting value");
    } else if (in->depth > QMP_MAX_DEPTH) {
        fail(f, "JSON nesting depth limit exceeded");
    } else if (!in->depth) {
        value_complete(f);
    }
}

/* A value that is no object can only be an error; which one, the parser says. */
static bool ends_bare_word(const QMPInput *in, char c)
{
    return !in->depth && in->text->len && (is_space(c) || strchr("{[}]", c));
}

static void feed_byte(Feed *f, char c)
{
    QMPInput *in = f->in;
    if (in->skipping) {
        in->skipping = c != '\n';
        return;
    }
    if (!in->quote && ends_bare_word(in, c)) {
        value_complete(f);
    }
    if (!in->quote && is_space(c) && !in->text->len) {
        return;
    }
    if (in->text->len == QMP_MAX_BYTES) {
        fail(f, "JSON token size limit exceeded");
        return;
    }
    g_string_append_c(in->text, c);
    if (in->quote) {
        in_string(in, c);
    } else if (c == '"' || c == '\'') {
        in->quote = c;
    } else if (c && strchr("{}[]", c)) {
        bracket(f, c);
    }
}

void qmp_input_feed(QMPInput *in, const uint8_t *buf, size_t len, QMPValueFunc *value, QMPErrorFunc *error,
                    void *opaque)
{
    Feed f = { in, value, error, opaque };
    for (size_t i = 0; i < len; i++) {
        feed_byte(&f, (char)buf[i]);
    }
}
