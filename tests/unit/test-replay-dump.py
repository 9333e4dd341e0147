#!/usr/bin/env python3
"""scripts/replay-dump.py: its tables are those of replay/events.h, and it decodes every event, cut files included."""

import importlib.util
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "replay-dump.py")

sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("replay_dump", SCRIPT)
dump = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dump)


def read_list(text, macro):
    """The rows of one X-macro: lists of their comma-separated parts."""
    body = re.search(rf"#define {macro}\(\w+\) \\\n((?:.*\\\n)*.*\n)", text).group(1)
    rows = []
    for line in body.replace("\\\n", "\n").splitlines():
        match = re.fullmatch(r"\s*[A-Z]+\((.*)\)\s*", line)
        if match:
            rows.append([part.strip() for part in re.split(r",(?![^\"]*\"[^\"]*$)", match.group(1))])
    return rows


def arguments_of(text):
    return re.findall(r"(\w+)\((\w+)\)", text)


class Tables(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(ROOT, "replay", "events.h"), encoding="utf-8") as file:
            self.text = file.read()

    def test_events(self):
        rows = [(r[0], int(r[1]), int(r[2]), arguments_of(r[3])) for r in read_list(self.text, "REPLAY_EVENTS")]
        self.assertEqual(rows, dump.EVENTS)

    def test_names(self):
        for macro, table in (("REPLAY_CHECKPOINTS", dump.CHECKPOINTS),
                             ("REPLAY_SHUTDOWN_CAUSES", dump.SHUTDOWN_CAUSES)):
            rows = read_list(self.text, macro)
            self.assertEqual([int(r[1]) for r in rows], list(range(len(rows))))
            self.assertEqual([r[0] for r in rows], table)

    def test_kinds(self):
        for macro, table in (("REPLAY_ASYNC_KINDS", dump.ASYNC_KINDS), ("REPLAY_INPUT_KINDS", dump.INPUT_KINDS),
                             ("REPLAY_KEY_VALUE_KINDS", dump.KEY_VALUE_KINDS)):
            rows = read_list(self.text, macro)
            self.assertEqual([int(r[1]) for r in rows], list(range(len(rows))))
            self.assertEqual([(r[0], arguments_of(r[2])) for r in rows], table)

    def test_version(self):
        self.assertRegex(self.text, r"#define REPLAY_VERSION +0xe02007u")
        self.assertEqual(dump.VERSION, 0xE02007)


HEADER = bytes.fromhex("00e020070000000000000000")
U32 = struct.Struct(">I").pack
U64 = struct.Struct(">Q").pack

# bytes as the format has them (written out here, not made by the tables), text expected
SAMPLES = [
    (b"\x00" + U32(1000), "icount 1000 EVENT_INSTRUCTION count=1000"),
    (b"\x01", "icount 1000 EVENT_INTERRUPT"),
    (b"\x02", "icount 1000 EVENT_EXCEPTION"),
    (b"\x18", "icount 1000 EVENT_CHECKPOINT CLOCK_VIRTUAL"),
    (b"\x03\x04\x00" + U64(1 << 63 | 2), "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=BH id=0x8000000000000002"),
    (b"\x03\x04\x01" + U32(0) + U32(0) + U64(30) + b"\x01",
     "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=INPUT input=KEY key=NUMBER number=30 down=1"),
    (b"\x03\x04\x01" + U32(0) + U32(1) + U32(17) + b"\x00",
     "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=INPUT input=KEY key=QCODE qcode=17 down=0"),
    (b"\x03\x04\x01" + U32(1) + U32(2) + b"\x01",
     "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=INPUT input=BUTTON button=2 down=1"),
    (b"\x03\x04\x01" + U32(2) + U32(1) + struct.pack(">q", -5),
     "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=INPUT input=RELATIVE axis=1 value=-5"),
    (b"\x03\x04\x01" + U32(3) + U32(0) + U64(32767),
     "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=INPUT input=ABSOLUTE axis=0 value=32767"),
    (b"\x03\x04\x02", "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=INPUT_SYNC"),
    (b"\x03\x04\x03\x01" + U32(2) + b"ls",
     "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=CHAR_READ chardev=1 bytes=2 bytes: 6c 73"),
    (b"\x03\x04\x04" + U64(17), "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=BLOCK id=17"),
    (b"\x03\x04\x05\x00" + U32(7) + U32(3) + b"\x01\x02\x03",
     "EVENT_ASYNC checkpoint=CLOCK_VIRTUAL kind=NET filter=0 flags=7 packet=3 bytes: 01 02 03"),
    (b"\x0d" + U32(5) + U32(6), "EVENT_CHAR_WRITE result=5 offset=6"),
    (b"\x0e" + U32(1) + b"x", "EVENT_CHAR_READ_ALL bytes=1 bytes: 78"),
    (b"\x0f" + U32(11), "EVENT_CHAR_READ_ALL_ERROR error=11"),
    (b"\x10" + U32(44), "EVENT_AUDIO_OUT samples=44"),
    (b"\x11" + U32(1) + U32(9) + U64(1) + U64(2),
     "EVENT_AUDIO_IN samples=1 write_pos=9 frames=16 bytes: 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 02"),
    (b"\x12" + U64(1700000000000000000), "EVENT_CLOCK_HOST ns=1700000000000000000"),
    (b"\x00" + U32(5), "icount 1005 EVENT_INSTRUCTION count=5"),
    (b"\x13" + U64(12), "icount 1005 EVENT_CLOCK_VIRTUAL_RT ns=12"),
    (b"\x0b", "EVENT_SHUTDOWN GUEST_PANIC"),
    (b"\x1d", "EVENT_END"),
]
WHOLE = HEADER + b"".join(data for data, _ in SAMPLES)


class Dump(unittest.TestCase):
    def run_dump(self, data, *options):
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            return subprocess.run([sys.executable, SCRIPT, *options, file.name], capture_output=True, text=True,
                                  check=False)

    def test_every_event(self):
        result = self.run_dump(WHOLE)
        lines = result.stdout.splitlines()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(len(lines), len(SAMPLES))
        for line, (_, text) in zip(lines, SAMPLES):
            self.assertTrue(line.endswith(text), f"{line!r} does not end with {text!r}")

    def test_every_single_byte_id(self):
        for number, name in enumerate(dump.CHECKPOINTS):
            self.assertIn("EVENT_CHECKPOINT " + name, self.run_dump(HEADER + bytes([20 + number]) + b"\x1d").stdout)
        for number, name in enumerate(dump.SHUTDOWN_CAUSES):
            self.assertIn("EVENT_SHUTDOWN " + name, self.run_dump(HEADER + bytes([4 + number]) + b"\x1d").stdout)

    def test_cut_anywhere(self):
        ends = [len(HEADER)]
        for data, _ in SAMPLES:
            ends.append(ends[-1] + len(data))
        for size in range(len(HEADER), len(WHOLE), 3):
            result = self.run_dump(WHOLE[:size])
            whole = max(end for end in ends if end <= size)
            self.assertEqual(result.returncode, 2)
            self.assertEqual(len(result.stdout.splitlines()), ends.index(whole))
            self.assertEqual(result.stderr, f"replay-dump: log cut short at byte {whole}\n")

    def test_no_log(self):
        self.assertEqual(self.run_dump(b"").returncode, 1)
        self.assertEqual(self.run_dump(WHOLE[:8]).returncode, 1)
        result = self.run_dump(b"\x7fELF" + WHOLE[4:])
        self.assertEqual(result.returncode, 1)
        self.assertIn("is not a replay log (version 0x7f454c46, expected 0xe02007)", result.stderr)

    def test_impossible(self):
        for data, text in ((b"\x77", "impossible event id 119 at byte 12"),
                           (b"\x18\x03\x04\x09", "impossible kind 9 at byte 15"),
                           (b"\x0e\xff\xff\xff\xff", "impossible length 4294967295 at byte 13"),
                           (b"\x00\x00\x00\x00\x00", "impossible instruction count 0 at byte 12")):
            result = self.run_dump(HEADER + data)
            self.assertEqual(result.returncode, 2)
            self.assertIn(text, result.stderr)

    def test_summary(self):
        result = self.run_dump(WHOLE, "--summary")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"(?m)^ +2 +10  EVENT_INSTRUCTION$")
        self.assertRegex(result.stdout, r"(?m)^ +1 +15  EVENT_ASYNC NET$")
        self.assertIn("instructions: 1005\n", result.stdout)
        rate = (len(WHOLE) - 15) * 1000 / 1005
        self.assertIn(f"bytes per 1000 instructions besides packets: {rate:.4f}\n", result.stdout)


if __name__ == "__main__":
    unittest.main()
