"""scripts/replay-dump.py on a real recording: it counts what the manifest and the emulator count, and ends with END."""
import json
import re
import subprocess
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

DUMP = os.path.join(harness.SOURCE, "scripts", "replay-dump.py")


def dump(*arguments, status=0):
    done = subprocess.run([sys.executable, DUMP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    harness.check_equal(done.returncode, status, f"exit status of replay-dump {arguments}; stderr {done.stderr!r}")
    return done.stdout.splitlines()


def test(work):
    log = work / "log"
    guest = harness.Guest(harness.rom_guest("events", "-serial", "mon:stdio") + harness.icount("record", log))
    guest.expect(b"waiting\n")
    guest.type(b"x\x01csendkey a\n")
    guest.expect(b"key 9e ")
    guest.type(b"system_powerdown\n")
    harness.check_recorded(guest)
    end = json.loads(open(log + ".manifest", encoding="utf-8").read().splitlines()[-1])
    icount, _ = harness.digest_of(guest)

    lines = dump(log)
    harness.check_equal(len(lines), end["events"], "lines")
    harness.check("EVENT_END" in lines[-1] and f"icount {icount} " in lines[-1], f"last line {lines[-1]!r}")
    for event in ("EVENT_CHECKPOINT INIT", "EVENT_SHUTDOWN GUEST_SHUTDOWN", "kind=CHAR_READ", "kind=INPUT input=KEY", "kind=BH",
                  "EVENT_INTERRUPT", "EVENT_CHECKPOINT CLOCK_WARP_START", "EVENT_CLOCK_VIRTUAL_RT"):
        harness.check(any(event in line for line in lines), f"no {event} in the dump")
    harness.check(any("bytes=1 bytes: 78" in line for line in lines), "the typed character")

    summary = dump("--summary", log)
    total = re.match(r" *(\d+) +(\d+)  total", [line for line in summary if "total" in line][0])
    harness.check_equal((int(total[1]), int(total[2])), (end["events"], os.path.getsize(log)), "events and bytes")
    kinds = [re.match(r" *(\d+) +(\d+)  EVENT_", line) for line in summary]
    harness.check_equal(sum(int(kind[1]) for kind in kinds if kind), end["events"], "sum over the kinds")
    harness.check(f"instructions: {icount}" in summary, "instructions")

    with open(log, "r+b") as file:
        file.truncate(os.path.getsize(log) - 1)
    dump(log, status=2)
    dump(os.path.join(harness.SOURCE, "meson.build"), status=1)


harness.main(test)
