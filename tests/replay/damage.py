"""A log that was cut or changed anywhere is answered within seconds by exit status 1, 2 or 3 and a message; never by a crash
or a hang. 0 is for a change that makes no difference, and the digest must prove it."""
import random
import re
import shutil
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

GUEST = harness.rom_guest("demo", "-monitor", "none", "-no-reboot", "-serial", "null")
SECONDS = 30


def record(log):
    guest = harness.Guest(harness.rom_guest("demo", "-monitor", "none", "-no-reboot", "-serial", "stdio") +
                          harness.icount("record", log))
    guest.expect(b"Type something.\n")
    guest.type(b"hello")
    return harness.check_recorded(guest)


def truncations(size):
    """Lengths, and the exit status that each must have."""
    return [(0, 1), (3, 1), (11, 1), (12, 2), (13, 2), (size // 7, 2), (size // 2, 2), (size - 7, 2), (size - 1, 2)]


def variants(data):
    """(name, bytes): single bits, whole stretches, insertions, deletions; the same ones for the same log."""
    rng = random.Random(20240601)
    for bit in (0, 7, 31, 32, 95):
        yield f"bit {bit} of the header", flip(data, bit)
    for _ in range(24):
        bit = rng.randrange(12 * 8, len(data) * 8)
        yield f"bit {bit}", flip(data, bit)
    for value in (0x00, 0xff, 3, 14, 17, 29):
        at = rng.randrange(12, len(data) - 64)
        yield f"64 bytes of {value:#x} at {at}", data[:at] + bytes([value]) * 64 + data[at + 64:]
    for _ in range(4):
        at = rng.randrange(12, len(data) - 20)
        yield f"a byte less at {at}", data[:at] + data[at + 1:]
        yield f"a byte more at {at}", data[:at] + b"\x14" + data[at:]
    hello = re.search(rb"\x00\x00\x00[\x01-\x05]h", data).start()
    yield "an array of 4 GiB", data[:hello] + b"\xff\xff\xff\xff" + data[hello + 4:]
    yield "an array of 16 MiB", data[:hello] + b"\x01\x00\x00\x00" + data[hello + 4:]
    rest = data.index(b"\x15\x13", len(data) // 2)  # CHECKPOINT CLOCK_WARP_ACCOUNT, CLOCK_VIRTUAL_RT
    yield "a shutdown while the machine rests", data[:rest] + b"\x05" + data[rest + 1:]
    yield "no end of the machine's rest", data[:rest] + data[rest + 10:]
    yield "the header alone, then noise", data[:12] + bytes(rng.randrange(256) for _ in range(5000))
    yield "the log twice", data + data[12:]


def flip(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def replay(path, what):
    guest = harness.run(GUEST + harness.icount("replay", path), SECONDS)
    said = guest.stderr_text()
    harness.check(guest.status in (0, 1, 2, 3), f"{what}: exit status {guest.status}, stderr {said!r}")
    harness.check(said.strip() and "assert" not in said, f"{what}: stderr {said!r}")
    harness.check(guest.status != 0 or "same as recorded" in said, f"{what}: exit status 0, stderr {said!r}")
    harness.check(guest.status != 2 or "cut short at byte" in said, f"{what}: exit status 2, stderr {said!r}")
    return guest


def test(work):
    log, damaged = work / "log", work / "damaged"
    record(log)
    data = open(log, "rb").read()
    shutil.copy(log + ".manifest", damaged + ".manifest")
    for length, status in truncations(len(data)):
        with open(damaged, "wb") as file:
            file.write(data[:length])
        harness.check_equal(replay(damaged, f"cut to {length} bytes").status, status, f"exit status, cut to {length} bytes")
    for what, changed in variants(data):
        with open(damaged, "wb") as file:
            file.write(changed)
        replay(damaged, what)


harness.main(test)
