#!/usr/bin/env python3
"""Show what a replay log (version 0xe02007) holds: one line per event, with its number, icount and arguments.

The tables below are those of replay/events.h; tests/unit/test-replay-dump.py compares them.
Exit status: 0 the log is whole, 1 it is no replay log, 2 it was cut short (or is damaged) at the byte named.
"""

import argparse
import os
import struct
import sys

VERSION = 0xE02007
HEADER_SIZE = 12
MAX_ARRAY = 16 << 20

# name, first id, number of ids, arguments (type, name)
EVENTS = [
    ("INSTRUCTION", 0, 1, [("U32", "count")]),
    ("INTERRUPT", 1, 1, []),
    ("EXCEPTION", 2, 1, []),
    ("ASYNC", 3, 1, [("CHECKPOINT_ID", "checkpoint"), ("ASYNC_KIND", "kind")]),
    ("SHUTDOWN", 4, 9, []),
    ("CHAR_WRITE", 13, 1, [("U32", "result"), ("U32", "offset")]),
    ("CHAR_READ_ALL", 14, 1, [("ARRAY", "bytes")]),
    ("CHAR_READ_ALL_ERROR", 15, 1, [("U32", "error")]),
    ("AUDIO_OUT", 16, 1, [("U32", "samples")]),
    ("AUDIO_IN", 17, 1, [("U32", "samples"), ("U32", "write_pos"), ("FRAMES", "frames")]),
    ("CLOCK_HOST", 18, 1, [("I64", "ns")]),
    ("CLOCK_VIRTUAL_RT", 19, 1, [("I64", "ns")]),
    ("CHECKPOINT", 20, 9, []),
    ("END", 29, 1, []),
]

CHECKPOINTS = [
    "CLOCK_WARP_START", "CLOCK_WARP_ACCOUNT", "RESET_REQUESTED", "SUSPEND_REQUESTED", "CLOCK_VIRTUAL", "CLOCK_HOST",
    "CLOCK_VIRTUAL_RT", "INIT", "RESET",
]

SHUTDOWN_CAUSES = [
    "NONE", "HOST_ERROR", "HOST_QMP", "HOST_SIGNAL", "HOST_UI", "GUEST_SHUTDOWN", "GUEST_RESET", "GUEST_PANIC", "MAX",
]

ASYNC_KINDS = [
    ("BH", [("U64", "id")]),
    ("INPUT", [("INPUT_KIND", "input")]),
    ("INPUT_SYNC", []),
    ("CHAR_READ", [("U8", "chardev"), ("ARRAY", "bytes")]),
    ("BLOCK", [("U64", "id")]),
    ("NET", [("U8", "filter"), ("U32", "flags"), ("ARRAY", "packet")]),
]

INPUT_KINDS = [
    ("KEY", [("KEY_VALUE_KIND", "key"), ("BOOL", "down")]),
    ("BUTTON", [("U32", "button"), ("BOOL", "down")]),
    ("RELATIVE", [("U32", "axis"), ("I64", "value")]),
    ("ABSOLUTE", [("U32", "axis"), ("I64", "value")]),
]

KEY_VALUE_KINDS = [
    ("NUMBER", [("U64", "number")]),
    ("QCODE", [("U32", "qcode")]),
]

# type: struct format, names or shapes the value selects from
PLAIN = {"U8": ">B", "U32": ">I", "U64": ">Q", "I64": ">q", "BOOL": ">B", "CHECKPOINT_ID": ">B",
         "ASYNC_KIND": ">B", "INPUT_KIND": ">I", "KEY_VALUE_KIND": ">I"}
SELECTS = {"ASYNC_KIND": ASYNC_KINDS, "INPUT_KIND": INPUT_KINDS, "KEY_VALUE_KIND": KEY_VALUE_KINDS}
LIMITS = {"BOOL": 2, "CHECKPOINT_ID": len(CHECKPOINTS)}

ROW_OF_ID = {first + i: row for row in EVENTS for first, count in [(row[1], row[2])] for i in range(count)}


class NoLog(Exception):
    """The file is no replay log at all."""


class Cut(Exception):
    """The file ends inside an event."""


class Bad(Exception):
    """Bytes that no recorder writes."""


class Reader:
    def __init__(self, file):
        self.file = file
        self.offset = 0

    def get(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise Cut()
        self.offset += size
        return data

    def number(self, fmt):
        return struct.unpack(fmt, self.get(struct.calcsize(fmt)))[0]


class Event:
    """number from 1; icount after it; text as in divergence reports; kind for the summary."""

    def __init__(self, number, offset):
        self.number = number
        self.offset = offset
        self.kind = ""
        self.words = []
        self.values = {}
        self.size = 0
        self.icount = 0

    def text(self):
        return " ".join(self.words)


def show_data(name, data, full):
    shown = data if full else data[:16]
    text = f"{name}={len(data)} bytes"
    if shown:
        text += ": " + " ".join(f"{b:02x}" for b in shown)
    return text + (" ..." if len(shown) < len(data) else "")


def read_data(reader, kind, name, event, full):
    at = reader.offset
    size = reader.number(">I") if kind == "ARRAY" else event.values["samples"] * 16
    if size > MAX_ARRAY:
        raise Bad(f"impossible length {size} at byte {at}")
    event.words.append(show_data(name, reader.get(size), full))


def read_value(reader, kind, name, event, full):
    at = reader.offset
    value = reader.number(PLAIN[kind])
    event.values[name] = value
    choices = SELECTS.get(kind)
    if value >= (len(choices) if choices else LIMITS.get(kind, 1 << 64)):
        raise Bad(f"impossible {name} {value} at byte {at}")
    if choices:
        event.words.append(f"{name}={choices[value][0]}")
        if kind == "ASYNC_KIND":
            event.kind += " " + choices[value][0]
        read_arguments(reader, choices[value][1], event, full)
    elif kind == "CHECKPOINT_ID":
        event.words.append(f"{name}={CHECKPOINTS[value]}")
    elif value >> 32 and kind != "I64":
        event.words.append(f"{name}={value:#x}")
    else:
        event.words.append(f"{name}={value}")


def read_arguments(reader, arguments, event, full):
    for kind, name in arguments:
        if kind in ("ARRAY", "FRAMES"):
            read_data(reader, kind, name, event, full)
        else:
            read_value(reader, kind, name, event, full)


def event_name(row, number):
    name = "EVENT_" + row[0]
    if row[0] == "CHECKPOINT":
        return f"{name} {CHECKPOINTS[number]}"
    if row[0] == "SHUTDOWN":
        return f"{name} {SHUTDOWN_CAUSES[number]}"
    return name


def read_event(reader, number, full):
    event = Event(number, reader.offset)
    event_id = reader.number(">B")
    row = ROW_OF_ID.get(event_id)
    if row is None:
        raise Bad(f"impossible event id {event_id} at byte {event.offset}")
    event.kind = event_name(row, event_id - row[1])
    event.words.append(event.kind)
    read_arguments(reader, row[3], event, full)
    if row[0] == "INSTRUCTION" and event.values["count"] == 0:
        raise Bad(f"impossible instruction count 0 at byte {event.offset}")
    event.size = reader.offset - event.offset
    return event


def read_header(reader, path):
    try:
        version, reserved = reader.number(">I"), 0
        if version == VERSION:
            reserved = reader.number(">Q")
    except Cut:
        raise NoLog(f"'{path}' is not a replay log (its header alone has {HEADER_SIZE} bytes)") from None
    if version != VERSION:
        raise NoLog(f"'{path}' is not a replay log (version {version:#08x}, expected {VERSION:#08x})")
    if reserved:
        raise NoLog(f"'{path}' is not a replay log (bytes 4 to 11 must be zero)")


def read_events(reader, full):
    """Whole events, up to and with EVENT_END. Raises Cut or Bad with .offset, the first byte not part of one."""
    number, icount = 0, 0
    while True:
        start = reader.offset
        number += 1
        try:
            event = read_event(reader, number, full)
        except (Cut, Bad) as error:
            error.offset = start
            raise
        icount += event.values["count"] if event.kind == "EVENT_INSTRUCTION" else 0
        event.icount = icount
        yield event
        if event.kind == "EVENT_END":
            return


class Summary:
    def __init__(self):
        self.kinds = {}
        self.instructions = 0
        self.events = 0
        self.bytes = HEADER_SIZE
        self.packets = 0

    def add(self, event):
        count, size = self.kinds.get(event.kind, (0, 0))
        self.kinds[event.kind] = (count + 1, size + event.size)
        self.instructions = event.icount
        self.events += 1
        self.bytes += event.size
        self.packets += event.size if event.kind == "EVENT_ASYNC NET" else 0

    def show(self):
        print(f"{'events':>12} {'bytes':>12}  kind")
        for kind, (count, size) in sorted(self.kinds.items(), key=lambda item: (-item[1][1], item[0])):
            print(f"{count:>12} {size:>12}  {kind}")
        print(f"{self.events:>12} {self.bytes:>12}  total, with the header's {HEADER_SIZE} bytes")
        print(f"instructions: {self.instructions}")
        if self.instructions:
            rate = (self.bytes - self.packets) * 1000 / self.instructions
            print(f"bytes per 1000 instructions besides packets: {rate:.4f}")


def dump(reader, arguments):
    summary = Summary()
    status = 0
    try:
        for event in read_events(reader, arguments.full):
            summary.add(event)
            if not arguments.summary:
                print(f"{event.number:>8} byte {event.offset} icount {event.icount} {event.text()}")
        rest = os.fstat(reader.file.fileno()).st_size - reader.offset
        if rest > 0:
            print(f"replay-dump: {rest} bytes follow EVENT_END", file=sys.stderr)
    except (Cut, Bad) as error:
        reason = f" ({error})" if str(error) else ""
        sys.stdout.flush()
        print(f"replay-dump: log cut short at byte {error.offset}{reason}", file=sys.stderr)
        status = 2
    if arguments.summary:
        summary.show()
    return status


def main():
    parser = argparse.ArgumentParser(description="Show the events of a replay log.")
    parser.add_argument("file")
    parser.add_argument("--summary", action="store_true", help="counts and bytes per kind of event")
    parser.add_argument("--full", action="store_true", help="show all bytes of arrays")
    arguments = parser.parse_args()
    try:
        with open(arguments.file, "rb") as file:
            reader = Reader(file)
            read_header(reader, arguments.file)
            return dump(reader, arguments)
    except (OSError, NoLog) as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"replay-dump: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
