/* chardev/char-mux.c  Several front ends on one back end: all may write, one is in focus and reads, C-a is the escape
 * key. */
#include "chardev/chardev-int.h"
#include "sysemu/runstate.h"

#define MUX_ESCAPE 0x01 /* C-a */

static const char mux_help[] = "\n\r"
                               "C-a h    print this help\n\r"
                               "C-a x    exit the emulator\n\r"
                               "C-a s    nothing to save: with -snapshot, changes are given up at exit\n\r"
                               "C-a b    send a break (magic sysrq)\n\r"
                               "C-a c    switch between console and monitor\n\r"
                               "C-a C-a  send C-a\n\r";

static void mux_print(Chardev *chr, const char *text)
{
    qemu_chr_write(chr, text, strlen(text));
}

/* Until the user chooses, the first guest device has the focus. */
void chr_mux_front_end_added(Chardev *chr)
{
    for (int i = 0; i < chr->nb_fe && !chr->mux.focus_chosen; i++) {
        if (chr->fe[i]->ops.guest) {
            chr->mux.focus = i;
            chr->mux.focus_chosen = true;
        }
    }
}

static void mux_switch(Chardev *chr)
{
    chr->mux.focus = (chr->mux.focus + 1) % chr->nb_fe;
    chr->mux.focus_chosen = true;
    chr_notify_open(chr);
}

static void mux_exit(Chardev *chr)
{
    mux_print(chr, "QEMU: Terminated\n\r");
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_UI);
}

static void mux_command(Chardev *chr, uint8_t key)
{
    switch (key) {
    case 'h':
    case '?':
        mux_print(chr, mux_help);
        break;
    case 'x':
        mux_exit(chr);
        break;
    case 'b':
        chr_be_break(chr);
        break;
    case 'c':
        mux_switch(chr);
        break;
    case MUX_ESCAPE:
        chr_fe_input(chr->fe[chr->mux.focus], &key, 1);
        break;
    default: /* 's' and keys without meaning */
        break;
    }
}

/* The longest run of bytes that are no escape goes in one piece. */
void chr_mux_input(Chardev *chr, const uint8_t *buf, size_t len)
{
    size_t pos = 0;
    while (pos < len && chr->nb_fe) {
        if (chr->mux.escape_seen) {
            chr->mux.escape_seen = false;
            mux_command(chr, buf[pos++]);
            continue;
        }
        const uint8_t *escape = memchr(buf + pos, MUX_ESCAPE, len - pos);
        size_t run = escape ? (size_t)(escape - (buf + pos)) : len - pos;
        chr_fe_input(chr->fe[chr->mux.focus], buf + pos, run);
        chr->mux.escape_seen = escape != NULL;
        pos += run + (escape ? 1 : 0);
    }
}
