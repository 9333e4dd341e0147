"""A recorder that is killed leaves a log that replays to its last whole event, always the same way, and says so."""
import re
import signal
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

GUEST = harness.rom_guest("demo", "-monitor", "none", "-no-reboot")


def record_and_kill(log):
    """Killed once what came after the first echo is on disk."""
    guest = harness.Guest(GUEST + ["-serial", "stdio"] + harness.icount("record", log))
    guest.expect(b"Type something.\n")
    guest.type(b"x")
    guest.expect(b"x")
    size = os.path.getsize(log)
    harness.wait_for("flushed events", lambda: os.path.getsize(log) > size, 5)
    size = os.path.getsize(log)
    harness.wait_for("flushed events", lambda: os.path.getsize(log) > size, 5)
    guest.kill(signal.SIGKILL)
    harness.check_equal(guest.finish(), -signal.SIGKILL, "exit status of the killed recorder")
    return guest


def replay(log):
    guest = harness.run(GUEST + ["-serial", "stdio"] + harness.icount("replay", log), 60)
    harness.check_equal(guest.status, 2, f"exit status; stderr {guest.stderr_text()!r}")
    found = re.findall(r"^replay: log cut short at byte (\d+), end at icount \d+, digest [0-9a-f]{16}$", guest.stderr_text(), re.M)
    harness.check_equal(len(found), 1, f"lines that say where the log ends in {guest.stderr_text()!r}")
    harness.check(12 < int(found[0]) <= os.path.getsize(log), f"the log ends at byte {found[0]} of {os.path.getsize(log)}")
    return guest


def test(work):
    log = work / "log"
    killed = record_and_kill(log)
    first, second = replay(log), replay(log)
    harness.check_equal(harness.digest_of(second), harness.digest_of(first), "icount and digest of two replays")
    harness.check_equal(second.output, first.output, "output of two replays")
    harness.check(killed.output.startswith(first.output) and b"x" in first.output.partition(b"something.")[2],
                  f"the replay's output {first.output!r} is a part of {killed.output!r}, with what was typed")


harness.main(test)
