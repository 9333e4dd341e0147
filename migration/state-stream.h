/* migration/state-stream.h  Bytes of a snapshot into and out of an image's VM state area: buffered, bounded, errors
 * sticky. Private. */
#ifndef MIGRATION_STATE_STREAM_H
#define MIGRATION_STATE_STREAM_H

#include "block/block-int.h"

typedef struct StateStream {
    BlockNode *node;
    uint64_t pos;    /* where buf begins in the VM state area */
    uint64_t size;   /* reading: bytes of the whole state */
    GByteArray *buf; /* writing: not yet written; reading: read ahead */
    size_t taken;    /* reading: bytes of buf already handed out */
    void *hash;      /* XXH3 over all bytes so far */
    char *error;     /* the first */
} StateStream;

void state_stream_init_writer(StateStream *s, BlockNode *node);
void state_stream_init_reader(StateStream *s, BlockNode *node, uint64_t size);
/* Writing: the hash and what is buffered go out; returns the bytes of the whole state. */
uint64_t state_stream_finish_writer(StateStream *s);
/* Read all, and hold the hash at its end against the bytes. Rewinds. */
bool state_stream_verify(StateStream *s);
void state_stream_free(StateStream *s);
void state_stream_fail(StateStream *s, const char *fmt, ...) QEMU_PRINTF(2, 3);

void state_put(StateStream *s, const void *data, size_t len);
void state_put_u32(StateStream *s, uint32_t value);
void state_put_u64(StateStream *s, uint64_t value);
void state_put_string(StateStream *s, const char *text);
/* Length in 8 bytes, then the bytes. */
void state_put_bytes(StateStream *s, const GByteArray *bytes);

/* After an error (or at the end) the rest reads as zeroes. */
void state_get(StateStream *s, void *data, size_t len);
uint32_t state_get_u32(StateStream *s);
uint64_t state_get_u64(StateStream *s);
char *state_get_string(StateStream *s); /* at most 4096 bytes; g_free it */
/* At most max bytes; NULL on error. */
GByteArray *state_get_bytes(StateStream *s, size_t max);

/* ---- 4 KiB units of RAM and disks, migration/pages.c ---- */

#define STATE_UNIT 4096u

typedef struct PageWriter PageWriter;
PageWriter *page_writer_new(StateStream *s);
void page_writer_data(PageWriter *w, uint64_t unit, const uint8_t *data); /* STATE_UNIT bytes */
void page_writer_zeroes(PageWriter *w, uint64_t unit, uint64_t count);
void page_writer_finish(PageWriter *w); /* frees */

/* units is a run of count consecutive ones; data NULL: zeroes. */
typedef void PageReaderFunc(void *opaque, uint64_t unit, uint64_t count, const uint8_t *data);
/* limit: units beyond it are an error. */
void page_reader_run(StateStream *s, uint64_t limit, PageReaderFunc *fn, void *opaque);

#endif
