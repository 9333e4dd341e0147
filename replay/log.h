/* replay/log.h  The log's codec, both directions. Implemented in log.c; private to replay/ and its tests. */
#ifndef REPLAY_LOG_H
#define REPLAY_LOG_H

#include "replay/events.h"

#define REPLAY_MAX_ARGS  8
#define REPLAY_MAX_ARRAY (16u << 20) /* bytes of one array; a longer one is impossible */

/*
 * One event. id is the first id of its row in events.h and number what is added to it (checkpoint, cause). The
 * arguments stand in arg[] in the order of their bytes, kinds included:
 *   ASYNC: [0] checkpoint, [1] async kind, [2...] that kind's: [2] input kind, [3] key value kind, [4] value, [5] down
 */
typedef struct ReplayEvent {
    ReplayEventId id;
    uint8_t number;
    uint8_t nargs;
    uint64_t arg[REPLAY_MAX_ARGS];
    const uint8_t *data; /* of ARRAY and FRAMES; belongs to the reader until its next event */
    uint32_t len;        /* bytes */
    uint64_t offset;     /* read: where the event begins in the log */
} ReplayEvent;

enum { ASYNC_ARG_CHECKPOINT, ASYNC_ARG_KIND, ASYNC_ARG_FIRST };

/* "EVENT_CHECKPOINT CLOCK_VIRTUAL", with arguments "EVENT_CLOCK_HOST ns=5"; g_free it. */
char *replay_event_name(const ReplayEvent *ev);
char *replay_event_describe(const ReplayEvent *ev);

/* ---- writing ---- */

/* Append the event's bytes. nargs is computed from the shape, not looked at. */
void log_encode_event(GByteArray *out, const ReplayEvent *ev);
void log_encode_header(GByteArray *out);

/*
 * A file written through a buffer; every write is checked; after the first error nothing more is written. Not locked.
 */
typedef struct LogWriter {
    int fd;
    char *path;
    GByteArray *buffer; /* whole events not yet written */
    uint64_t bytes;     /* handed in so far */
    int error;          /* errno of the first failed write, 0 */
} LogWriter;

/* Create (or truncate) the file. */
bool log_writer_open(LogWriter *w, const char *path, Error **errp);
void log_writer_put(LogWriter *w, const void *data, size_t len);
void log_writer_put_event(LogWriter *w, const ReplayEvent *ev);
bool log_writer_flush(LogWriter *w);
/* Flush and close; false if any write ever failed. w->path and w->error stay for the message; free with
 * log_writer_free. */
bool log_writer_close(LogWriter *w);
void log_writer_free(LogWriter *w);

/* ---- reading ---- */

typedef enum LogStatus {
    LOG_OK,
    LOG_CUT, /* the file ends here, in or before an event */
    LOG_BAD  /* impossible bytes */
} LogStatus;

/* Bounded; the first failure is sticky. */
typedef struct LogReader {
    int fd; /* -1: buf is all there is */
    uint8_t *buf;
    size_t pos, len;
    uint64_t base; /* file offset of buf[0] */
    LogStatus status;
    uint64_t end_offset; /* status != LOG_OK: first byte that is not part of a whole event */
    char *message;       /* status == LOG_BAD: what is wrong, with its byte */
    GByteArray *array;
} LogReader;

bool log_reader_open(LogReader *r, const char *path, Error **errp);
/* buf must live as long as the reader. */
void log_reader_init_memory(LogReader *r, const uint8_t *buf, size_t len);
/* name is for messages. */
bool log_read_header(LogReader *r, const char *name, Error **errp);
LogStatus log_read_event(LogReader *r, ReplayEvent *ev);
/* Go on reading at that byte, whatever was met before. */
void log_reader_seek(LogReader *r, uint64_t offset);
/* Callers that find an event's arguments impossible turn it into a bad one. */
void log_reader_refuse(LogReader *r, const ReplayEvent *ev, const char *why);
void log_reader_close(LogReader *r);

/* Fuzzer's entry: decode, describe, encode again and compare. Returns 0. */
int replay_log_fuzz_one(const uint8_t *data, size_t size);

#endif
