/*
 * replay/events.h  Every event a log can hold. This is the one list: ids, names, the codec (log.c), divergence reports
 * and scripts/replay-dump.py (tests/unit/test-replay-dump.py compares) follow from it.
 *
 * Order and ids are the wire format: append only, otherwise bump REPLAY_VERSION. All integers are big-endian.
 *
 *   EVENT(name, first id, number of ids, arguments, description)
 *
 * An event with several ids carries a number: id - first id. Arguments, in the order of their bytes:
 *
 *   U8 U32 U64 I64    an integer
 *   BOOL              1 byte, 0 or 1
 *   CHECKPOINT_ID     1 byte, from REPLAY_CHECKPOINTS
 *   ARRAY             4 bytes length, then that many bytes
 *   FRAMES            as many pairs (8 bytes left, 8 bytes right) as the event's first argument says
 *   ASYNC_KIND        1 byte, from REPLAY_ASYNC_KINDS, then the arguments of that kind
 *   INPUT_KIND        4 bytes, from REPLAY_INPUT_KINDS, then the arguments of that kind
 *   KEY_VALUE_KIND    4 bytes, from REPLAY_KEY_VALUE_KINDS, then the arguments of that kind
 */
#ifndef REPLAY_EVENTS_H
#define REPLAY_EVENTS_H

#include "replay/replay.h"
#include "ui/input.h"

#define REPLAY_VERSION     0xe02007u
#define REPLAY_HEADER_SIZE 12 /* 4 version, 8 reserved (zero) */

/* clang-format off */
#define REPLAY_EVENTS(EVENT) \
    EVENT(INSTRUCTION, 0, 1, U32(count), "instructions retired since the last event, 1 or more") \
    EVENT(INTERRUPT, 1, 1, , "a hardware interrupt is taken here") \
    EVENT(EXCEPTION, 2, 1, , "an exception is delivered here (rrsync=full only)") \
    EVENT(ASYNC, 3, 1, CHECKPOINT_ID(checkpoint) ASYNC_KIND(kind), "work takes effect; follows its checkpoint") \
    EVENT(SHUTDOWN, 4, 9, , "shutdown asked for from outside; the number is the cause") \
    EVENT(CHAR_WRITE, 13, 1, U32(result) U32(offset), "return value of a write, offset in the output array") \
    EVENT(CHAR_READ_ALL, 14, 1, ARRAY(bytes), "bytes read") \
    EVENT(CHAR_READ_ALL_ERROR, 15, 1, U32(error), "error code of a read") \
    EVENT(AUDIO_OUT, 16, 1, U32(samples), "samples played") \
    EVENT(AUDIO_IN, 17, 1, U32(samples) U32(write_pos) FRAMES(frames), "samples recorded") \
    EVENT(CLOCK_HOST, 18, 1, I64(ns), "value of one host clock read") \
    EVENT(CLOCK_VIRTUAL_RT, 19, 1, I64(ns), "value of one virtual_rt clock read") \
    EVENT(CHECKPOINT, 20, 9, , "asynchronous work may take effect here; the number is the checkpoint") \
    EVENT(END, 29, 1, , "written last; a log without it was cut short")

/* CHECKPOINT(name, number) */
#define REPLAY_CHECKPOINTS(CHECKPOINT) \
    CHECKPOINT(CLOCK_WARP_START, 0) \
    CHECKPOINT(CLOCK_WARP_ACCOUNT, 1) \
    CHECKPOINT(RESET_REQUESTED, 2) \
    CHECKPOINT(SUSPEND_REQUESTED, 3) \
    CHECKPOINT(CLOCK_VIRTUAL, 4) \
    CHECKPOINT(CLOCK_HOST, 5) \
    CHECKPOINT(CLOCK_VIRTUAL_RT, 6) \
    CHECKPOINT(INIT, 7) \
    CHECKPOINT(RESET, 8)

/* CAUSE(name, number); MAX is the range's end and never recorded */
#define REPLAY_SHUTDOWN_CAUSES(CAUSE) \
    CAUSE(NONE, 0) \
    CAUSE(HOST_ERROR, 1) \
    CAUSE(HOST_QMP, 2) \
    CAUSE(HOST_SIGNAL, 3) \
    CAUSE(HOST_UI, 4) \
    CAUSE(GUEST_SHUTDOWN, 5) \
    CAUSE(GUEST_RESET, 6) \
    CAUSE(GUEST_PANIC, 7) \
    CAUSE(MAX, 8)

/* KIND(name, number, arguments) */
#define REPLAY_ASYNC_KINDS(KIND) \
    KIND(BH, 0, U64(id)) \
    KIND(INPUT, 1, INPUT_KIND(input)) \
    KIND(INPUT_SYNC, 2, ) \
    KIND(CHAR_READ, 3, U8(chardev) ARRAY(bytes)) \
    KIND(BLOCK, 4, U64(id)) \
    KIND(NET, 5, U8(filter) U32(flags) ARRAY(packet))

#define REPLAY_INPUT_KINDS(KIND) \
    KIND(KEY, 0, KEY_VALUE_KIND(key) BOOL(down)) \
    KIND(BUTTON, 1, U32(button) BOOL(down)) \
    KIND(RELATIVE, 2, U32(axis) I64(value)) \
    KIND(ABSOLUTE, 3, U32(axis) I64(value))

#define REPLAY_KEY_VALUE_KINDS(KIND) \
    KIND(NUMBER, 0, U64(number)) \
    KIND(QCODE, 1, U32(qcode))
/* clang-format on */

typedef enum ReplayEventId {
#define EVENT(name, id, ids, args, description) EVENT_##name = id,
    REPLAY_EVENTS(EVENT)
#undef EVENT
        EVENT_ID_COUNT, /* ids below are valid on the wire */
    EVENT_CUT = 0x100   /* what replay finds where the log ends without EVENT_END; never on the wire */
} ReplayEventId;

typedef enum ReplayAsyncKind {
#define KIND(name, number, args) REPLAY_ASYNC_EVENT_##name = number,
    REPLAY_ASYNC_KINDS(KIND)
#undef KIND
        REPLAY_ASYNC_COUNT
} ReplayAsyncKind;

/* The wire must not follow a change elsewhere by accident. */
#define CHECKPOINT(name, number) _Static_assert(CHECKPOINT_##name == number, "checkpoint ids are the log's");
REPLAY_CHECKPOINTS(CHECKPOINT)
#undef CHECKPOINT
#define CAUSE(name, number) _Static_assert(SHUTDOWN_CAUSE_##name == number, "shutdown causes are the log's");
REPLAY_SHUTDOWN_CAUSES(CAUSE)
#undef CAUSE
_Static_assert(EVENT_INSTRUCTION == 0 && EVENT_INTERRUPT == 1 && EVENT_EXCEPTION == 2 && EVENT_ASYNC == 3, "wire ids");
_Static_assert(EVENT_SHUTDOWN == 4 && EVENT_SHUTDOWN + SHUTDOWN_CAUSE_MAX + 1 == EVENT_CHAR_WRITE, "wire ids");
_Static_assert(EVENT_CHAR_READ_ALL == 14 && EVENT_CHAR_READ_ALL_ERROR == 15 && EVENT_AUDIO_OUT == 16, "wire ids");
_Static_assert(EVENT_AUDIO_IN == 17 && EVENT_CLOCK_HOST == 18 && EVENT_CLOCK_VIRTUAL_RT == 19, "wire ids");
_Static_assert(EVENT_CLOCK_HOST + REPLAY_CLOCK_VIRTUAL_RT == EVENT_CLOCK_VIRTUAL_RT, "wire ids");
_Static_assert(EVENT_CHECKPOINT == 20 && EVENT_CHECKPOINT + CHECKPOINT_COUNT == EVENT_END, "wire ids");
_Static_assert(EVENT_END == 29 && EVENT_ID_COUNT == 30, "wire ids");
_Static_assert(REPLAY_ASYNC_COUNT == 6 && REPLAY_ASYNC_EVENT_NET == 5, "wire ids");
_Static_assert(INPUT_EVENT_KEY == 0 && INPUT_EVENT_BTN == 1 && INPUT_EVENT_REL == 2 && INPUT_EVENT_ABS == 3,
               "wire ids");
_Static_assert(KEY_VALUE_NUMBER == 0 && KEY_VALUE_QCODE == 1, "wire ids");

#endif
