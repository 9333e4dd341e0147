"""Keys, characters and the power button arrive at a halted guest; the replay delivers them at the same instructions."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


def test(work):
    log, serial = work / "log", work / "serial"
    guest = harness.Guest(harness.rom_guest("events", "-serial", "mon:stdio") + harness.icount("record", log))
    guest.expect(b"waiting\n")
    for text in (b"abc", b"d"):
        guest.type(text)
        for byte in text:
            guest.expect(b"character %02x " % byte)
    guest.type(b"\x01c")
    guest.expect(harness.PROMPT)
    guest.type(b"sendkey ctrl-x 50\n")
    for code in (b"key 1d ", b"key 2d ", b"key ad ", b"key 9d "):
        guest.expect(code)
    guest.monitor("stop")
    guest.monitor("sendkey q")
    guest.type(b"cont\n")
    guest.expect(b"key 90 ")
    guest.type(b"system_powerdown\n")
    guest.expect(b"bye")
    harness.check_recorded(guest)

    seen = [line for line in guest.output.replace(b"\r", b"").split(b"\n") if b" at " in line]
    for number in range(3):
        arguments = harness.rom_guest("events", "-serial", f"file:{serial}", "-monitor", "none")
        harness.replay_and_compare(arguments, log, guest, f"replay {number}", same_output=False)
        lines = [line for line in open(serial, "rb").read().split(b"\n") if b" at " in line]
        harness.check_equal(len(lines), len(seen), "events in the replay")
        for event, line in zip(seen, lines):
            harness.check(event.endswith(line), f"recorded {event!r}, replayed {line!r}")


harness.main(test)
