/*
 * chardev/char.h  Character devices: between a serial port, monitor or debug console (front end) and the host (back
 * end).
 *
 * Output: qemu_chr_write() always accepts everything at once into the emulator's own buffer; the I/O thread writes it
 * to the host. What the host does with it cannot reach the guest. Input: back ends read on the I/O thread and call
 * qemu_chr_be_write(). For a guest device that goes through replay_char_read() and arrives at a checkpoint; for a
 * monitor it arrives at once. It waits in a queue that belongs to the machine until the front end accepts it
 * (can_receive), so the host never asks the guest anything.
 */
#ifndef CHARDEV_CHAR_H
#define CHARDEV_CHAR_H

#include "util/error.h"
#include "util/info.h"

typedef struct Chardev Chardev;

/*
 * OPENED and CLOSED are for front ends that are no guest devices, on the I/O thread: somebody is there now to talk to
 * (at start, when a client connects, when C-a c turns to this front end) or is gone. What the host does is no business
 * of a guest device.
 */
typedef enum ChrEvent { CHR_EVENT_OPENED, CHR_EVENT_BREAK, CHR_EVENT_CLOSED } ChrEvent;

typedef struct ChrFrontend {
    int (*can_receive)(void *opaque);                           /* bytes it can take now */
    void (*receive)(void *opaque, const uint8_t *buf, int len); /* len <= what can_receive said; NULL: output only */
    void (*event)(void *opaque, ChrEvent event);                /* may be NULL */
    void *opaque;
    bool guest; /* input is guest-visible: goes through replay; callbacks run with machine_lock. Otherwise I/O thread,
                   no lock */
} ChrFrontend;

/*
 * From QEMU's forms: "stdio", "null", "none" (gives NULL without error), "mon:stdio", "file:PATH", "pty", "pipe:PATH",
 * "tcp:HOST:PORT,server=on,wait=off", "unix:PATH,server=on", "vc", "chardev:ID". label is "serial0",
 * "compat_monitor0"... "mon:" makes a mux and, for a port, attaches a monitor to it.
 */
bool qemu_chr_new_from_legacy(const char *label, const char *spec, Chardev **out, Error **errp);
/* -chardev stdio,id=x,mux=on,signal=off,logfile=... */
bool qemu_chr_new_from_opts(const char *opts, Error **errp);
Chardev *qemu_chr_find(const char *id);
/* A back end that goes nowhere, for a guest port without one: the port still takes its number in the log. */
Chardev *qemu_chr_null_new(const char *label);
/* Connect a front end. A plain chardev takes one; a mux several, C-a c rotates among them. Error when taken. */
bool qemu_chr_attach(Chardev *chr, const ChrFrontend *fe, Error **errp);
/* Any thread. Never blocks, never fails. chr may be NULL: dropped. */
void qemu_chr_write(Chardev *chr, const void *buf, size_t len);
/* Front end: room has come up, deliver what waits. machine_lock held for guest front ends. */
void qemu_chr_accept_input(Chardev *chr);
/* Back end: bytes came in (I/O thread, no lock). */
void qemu_chr_be_write(Chardev *chr, const uint8_t *buf, size_t len);
/* Write out all that is buffered, restore terminals; at exit. */
void qemu_chr_cleanup(void);
const char *qemu_chr_label(const Chardev *chr);
/* label, file name as shown, and whether somebody is at the front end. */
void qemu_chr_foreach(void (*fn)(const char *label, const char *filename, bool open, void *opaque), void *opaque);
void qemu_chr_info(InfoPrint *print, void *opaque);
/* What a guest wrote into a ringbuf chardev, oldest first; removes and returns at most len bytes. 0 for other kinds. */
size_t qemu_chr_ringbuf_read(Chardev *chr, uint8_t *buf, size_t len);
bool qemu_chr_is_ringbuf(const Chardev *chr);
/* Append to it, as if it had been written by the front end. Nothing for other kinds. Any thread. */
void qemu_chr_ringbuf_write(Chardev *chr, const uint8_t *buf, size_t len);
/* Is this chardev (or the mux above it) on the process's stdin? */
bool qemu_chr_uses_stdio(const Chardev *chr);

#endif
