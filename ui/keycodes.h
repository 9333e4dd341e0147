/*
 * ui/keycodes.h  The keys: the names that `sendkey` and QMP use, each with its number: the PC's scancode of set 1, 0x80
 * added for an E0 prefix (0xc6 is Pause). Order is the wire format of qcode events in a log: append only. Number 0: no
 * such key on a PC keyboard.
 */
#ifndef UI_KEYCODES_H
#define UI_KEYCODES_H

#include "util/osdep.h"

/* clang-format off */
#define QKEY_CODES(KEY)                                                                                                \
    KEY(unmapped, 0)                                                                                                   \
    KEY(shift, 0x2a) KEY(shift_r, 0x36) KEY(alt, 0x38) KEY(alt_r, 0xb8) KEY(ctrl, 0x1d) KEY(ctrl_r, 0x9d)              \
    KEY(menu, 0xdd) KEY(esc, 0x01)                                                                                     \
    KEY(1, 0x02) KEY(2, 0x03) KEY(3, 0x04) KEY(4, 0x05) KEY(5, 0x06) KEY(6, 0x07) KEY(7, 0x08) KEY(8, 0x09)            \
    KEY(9, 0x0a) KEY(0, 0x0b) KEY(minus, 0x0c) KEY(equal, 0x0d) KEY(backspace, 0x0e) KEY(tab, 0x0f)                    \
    KEY(q, 0x10) KEY(w, 0x11) KEY(e, 0x12) KEY(r, 0x13) KEY(t, 0x14) KEY(y, 0x15) KEY(u, 0x16) KEY(i, 0x17)            \
    KEY(o, 0x18) KEY(p, 0x19) KEY(bracket_left, 0x1a) KEY(bracket_right, 0x1b) KEY(ret, 0x1c)                          \
    KEY(a, 0x1e) KEY(s, 0x1f) KEY(d, 0x20) KEY(f, 0x21) KEY(g, 0x22) KEY(h, 0x23) KEY(j, 0x24) KEY(k, 0x25)            \
    KEY(l, 0x26) KEY(semicolon, 0x27) KEY(apostrophe, 0x28) KEY(grave_accent, 0x29) KEY(backslash, 0x2b)               \
    KEY(z, 0x2c) KEY(x, 0x2d) KEY(c, 0x2e) KEY(v, 0x2f) KEY(b, 0x30) KEY(n, 0x31) KEY(m, 0x32)                         \
    KEY(comma, 0x33) KEY(dot, 0x34) KEY(slash, 0x35) KEY(asterisk, 0x37) KEY(spc, 0x39) KEY(caps_lock, 0x3a)           \
    KEY(f1, 0x3b) KEY(f2, 0x3c) KEY(f3, 0x3d) KEY(f4, 0x3e) KEY(f5, 0x3f) KEY(f6, 0x40) KEY(f7, 0x41)                  \
    KEY(f8, 0x42) KEY(f9, 0x43) KEY(f10, 0x44) KEY(num_lock, 0x45) KEY(scroll_lock, 0x46)                              \
    KEY(kp_divide, 0xb5) KEY(kp_multiply, 0x37) KEY(kp_subtract, 0x4a) KEY(kp_add, 0x4e) KEY(kp_enter, 0x9c)           \
    KEY(kp_decimal, 0x53) KEY(sysrq, 0x54)                                                                             \
    KEY(kp_0, 0x52) KEY(kp_1, 0x4f) KEY(kp_2, 0x50) KEY(kp_3, 0x51) KEY(kp_4, 0x4b) KEY(kp_5, 0x4c)                    \
    KEY(kp_6, 0x4d) KEY(kp_7, 0x47) KEY(kp_8, 0x48) KEY(kp_9, 0x49)                                                    \
    KEY(less, 0x56) KEY(f11, 0x57) KEY(f12, 0x58) KEY(print, 0xb7)                                                     \
    KEY(home, 0xc7) KEY(pgup, 0xc9) KEY(pgdn, 0xd1) KEY(end, 0xcf) KEY(left, 0xcb) KEY(up, 0xc8) KEY(down, 0xd0)       \
    KEY(right, 0xcd) KEY(insert, 0xd2) KEY(delete, 0xd3)                                                               \
    KEY(stop, 0xe8) KEY(again, 0x85) KEY(props, 0x86) KEY(undo, 0x87) KEY(front, 0x8c) KEY(copy, 0xf8)                 \
    KEY(open, 0x64) KEY(paste, 0x65) KEY(find, 0xc1) KEY(cut, 0xbc) KEY(lf, 0x5b) KEY(help, 0xf5)                      \
    KEY(meta_l, 0xdb) KEY(meta_r, 0xdc) KEY(compose, 0xdd) KEY(pause, 0xc6)                                            \
    KEY(ro, 0x73) KEY(hiragana, 0x70) KEY(henkan, 0x79) KEY(yen, 0x7d) KEY(muhenkan, 0x7b)                             \
    KEY(katakanahiragana, 0x70) KEY(kp_comma, 0x7e) KEY(kp_equals, 0x59)                                               \
    KEY(power, 0xde) KEY(sleep, 0xdf) KEY(wake, 0xe3)                                                                  \
    KEY(audionext, 0x99) KEY(audioprev, 0x90) KEY(audiostop, 0xa4) KEY(audioplay, 0xa2) KEY(audiomute, 0xa0)           \
    KEY(volumeup, 0xb0) KEY(volumedown, 0xae) KEY(mediaselect, 0xed) KEY(mail, 0xec) KEY(calculator, 0xa1)             \
    KEY(computer, 0xeb) KEY(ac_home, 0xb2) KEY(ac_back, 0xea) KEY(ac_forward, 0xe9) KEY(ac_refresh, 0xe7)              \
    KEY(ac_bookmarks, 0xe6)
/* clang-format on */

typedef enum QKeyCode {
#define QKEY_ENUM(name, number) Q_KEY_CODE_##name,
    QKEY_CODES(QKEY_ENUM)
#undef QKEY_ENUM
        Q_KEY_CODE__MAX
} QKeyCode;

/* ui/input.c. Q_KEY_CODE_unmapped and 0 for what is unknown. */
int qemu_qcode_from_name(const char *name, size_t len);
const char *qemu_qcode_name(unsigned qcode);
int qemu_qcode_to_number(unsigned qcode);
/* Number of a key given by name or as "0x1e"; 0 when unknown. */
int qemu_key_number_from_name(const char *name, size_t len);

#endif
