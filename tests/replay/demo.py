"""The demo guest (timer interrupts, clock, typed characters) recorded once and replayed ten times, wherever its serial
port leads and whatever the host is doing: ten times the same digest."""
import subprocess
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

GUEST = harness.rom_guest("demo", "-monitor", "none", "-no-reboot")


def record(log):
    guest = harness.Guest(GUEST + ["-serial", "stdio"] + harness.icount("record", log))
    guest.expect(b"Type something.\n")
    for word in (b"hello", b"again", b"\xff\x00\x01"):
        guest.type(word)
        guest.expect(word)
    guest.close_stdin()
    guest.expect(b"characters typed: 13,")
    return harness.check_recorded(guest)


def test(work):
    log = work / "log"
    recorded = record(log)
    replays = 0

    def replay(what, serial="stdio", same_output=True, **more):
        nonlocal replays
        harness.replay_and_compare(GUEST + ["-serial", serial], log, recorded, what, same_output=same_output, **more)
        replays += 1

    replay("stdin at its end")
    replay("stdin a silent pipe", stdin=subprocess.PIPE)
    replay("stdin closed", stdin=None, preexec_fn=lambda: os.close(0))
    replay("-serial null", "null", False)
    replay("-serial none", "none", False)
    replay("-serial file", f"file:{work / 'serial'}", False)
    harness.check_equal(open(work / "serial", "rb").read(), recorded.output, "serial output in a file")
    replay("-serial mon:stdio", "mon:stdio")
    with open("/dev/zero", "rb") as zeros:
        replay("stdin full of bytes", stdin=zeros)
    with harness.BusyHost():
        replay("both cores busy")
        replay("both cores busy, -serial null", "null", False)
    harness.check_equal(replays, 10, "replays")


harness.main(test)
