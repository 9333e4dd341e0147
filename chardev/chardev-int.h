/*
 * chardev/chardev-int.h  What the files of chardev/ share.
 *
 * A back end opens file descriptors; reading and writing them is common (char-io.c). All of it runs on the I/O thread,
 * except qemu_chr_write(), which only fills `out`, and the delivery of input to guest devices.
 */
#ifndef CHARDEV_INT_H
#define CHARDEV_INT_H

#include "chardev/char.h"
#include "replay/replay.h"
#include "util/main-loop.h"
#include "util/option.h"
#include "util/timer.h"

#define CHR_MAX_FRONTENDS 8
#define CHR_OUTPUT_MAX    (64u << 20) /* bytes that may wait for a back end that is stuck */
#define CHR_INPUT_MAX     (1u << 20)  /* input that may wait for a front end, before the back end is left unread */
#define CHR_QUEUE_MAX     (2u << 20)  /* and before a terminal's is dropped: no queue is longer */

/* Input that waits until the front end accepts it. Of a guest device it is machine state. */
typedef struct ChrQueue {
    uint8_t *buf; /* heap; bytes [head, len) wait */
    uint32_t len;
    uint32_t head;
    uint32_t capacity;
} ChrQueue;

typedef struct ChrFe {
    ChrFrontend ops;
    Chardev *chr;  /* what it is connected to */
    Chardev *port; /* guest: the object that replay knows and delivers to; see qemu_chr_be_write_impl */
    int replay_id;
    ReplayBH *break_bh; /* guest: C-a b */
    ChrQueue queue;
    gint waiting; /* bytes under way to it: queued here or in replay's queue (atomic) */
    bool delivering;
    bool open; /* has been told OPENED */
} ChrFe;

typedef struct ChrMux {
    bool enabled;
    int focus; /* index of the front end that gets input */
    bool escape_seen;
    bool focus_chosen; /* by the user */
} ChrMux;

typedef struct ChardevBackend {
    const char *name;
    const char *const *keys; /* its options besides the common ones; NULL-terminated */
    bool (*open)(Chardev *chr, const QemuOpts *opts, Error **errp);
    void (*eof)(Chardev *chr);   /* the other side is gone; NULL: stop reading */
    void (*close)(Chardev *chr); /* at exit; NULL */
    /* Output that goes to no descriptor; NULL: to fd_out, or dropped when there is none. */
    void (*consume)(Chardev *chr, const uint8_t *buf, size_t len);
    /* Take protocol bytes out of the input, in place; returns what remains. NULL: plain. */
    size_t (*filter_input)(Chardev *chr, uint8_t *buf, size_t len);
    /* The output as the other side is to see it, in place. NULL: plain. */
    void (*filter_output)(Chardev *chr, GByteArray *out);
} ChardevBackend;

struct Chardev {
    char *label, *filename; /* filename: as `info chardev` shows it */
    const ChardevBackend *backend;
    void *state; /* the back end's own */
    Chardev *next;
    ChrFe *delivers_to; /* set in a ChrFe's port only */

    ChrFe *fe[CHR_MAX_FRONTENDS];
    int nb_fe;
    ChrMux mux;
    QEMUBH *open_bh;

    int fd_in, fd_out;     /* -1: none */
    bool reading, writing; /* what the main loop watches for */
    bool drops_excess;     /* a terminal: never left unread, so that escapes work */
    gint throttled;        /* left unread until the front end has caught up (atomic) */
    bool is_open;          /* somebody is at the other end */
    QEMUBH *resume_bh;

    GMutex lock;     /* out, queued, warned */
    GByteArray *out; /* written, not yet taken by the I/O thread */
    size_t queued;   /* bytes in out and in pending */
    bool warned;
    GByteArray *pending; /* being written by the I/O thread, from pending_pos */
    size_t pending_pos;
    QEMUBH *flush_bh;
    QEMUTimer flush_timer; /* spaces out flushes, so that a chatty guest does not wake the I/O thread per byte */
    int64_t last_flush_ns;
    FILE *log;
};

/* char.c */
Chardev *chr_new(const char *label, const ChardevBackend *backend, const QemuOpts *opts, Error **errp);
void chr_set_open(Chardev *chr, bool open);
void chr_notify_open(Chardev *chr);
void chr_fe_input(ChrFe *fe, const uint8_t *buf, size_t len);
void chr_fe_event(ChrFe *fe, ChrEvent event);
/* The other side sends a break, to whoever has the focus. */
void chr_be_break(Chardev *chr);
bool chr_may_read(Chardev *chr);

/* char-io.c */
void chr_update_handlers(Chardev *chr);
void chr_flush(Chardev *chr);
void chr_flush_at_exit(Chardev *chr);
void chr_set_fds(Chardev *chr, int fd_in, int fd_out);

/* char-telnet.c: the server's side of RFC 854, per connection. I/O thread. */
typedef struct Telnet {
    enum { TELNET_DATA, TELNET_IAC, TELNET_OPTION, TELNET_SUB, TELNET_SUB_IAC } state;
    uint8_t command; /* WILL, WONT, DO, DONT: of the option that follows */
    bool after_cr, binary;
} Telnet;
/* Somebody has connected: the first words. */
void telnet_start(Telnet *t, int fd);
/* Take the protocol's bytes out, in place; returns what remains. Sequences may be cut anywhere. A break goes to chr. */
size_t telnet_unescape(Chardev *chr, Telnet *t, uint8_t *buf, size_t len);
void telnet_escape(GByteArray *out);

/* char-mux.c */
void chr_mux_input(Chardev *chr, const uint8_t *buf, size_t len);
void chr_mux_front_end_added(Chardev *chr);

/* back ends */
const ChardevBackend *chr_backend_find(const char *name);
extern const ChardevBackend chr_backend_null, chr_backend_ringbuf, chr_backend_stdio, chr_backend_file,
    chr_backend_pipe, chr_backend_pty, chr_backend_serial, chr_backend_socket, chr_backend_udp;
bool chr_is_stdio(const Chardev *chr);

#endif
