"""A guest that powers itself off is recorded with each kind of serial port, with C-a typed, and with sleep=off; each
recording replays with any of them."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

GUEST = harness.rom_guest("demo", "-monitor", "none", "-no-reboot")
SERIALS = ("none", "stdio", "mon:stdio", "null")


def record_serial(log, serial, more=""):
    return harness.check_recorded(harness.Guest(GUEST + ["-serial", serial] + harness.icount("record", log, more)))


def record_with_escape(log):
    """C-a b is a break, C-a C-a sends C-a; C-a c leads to the monitor, which is no part of what the guest sees."""
    guest = harness.Guest(GUEST + ["-serial", "mon:stdio"] + harness.icount("record", log))
    guest.expect(b"Type something.\n")
    guest.type(b"x\x01c")
    guest.expect(harness.PROMPT)
    harness.check("Recording" in guest.monitor("info replay"), "info replay")
    guest.type(b"\x01c\x01\x01\x01by")
    guest.expect(b"y")
    return harness.check_recorded(guest)


def replay_everywhere(log, recorded, same_output_on=()):
    for serial in SERIALS:
        harness.replay_and_compare(GUEST + ["-serial", serial], log, recorded, f"replay with -serial {serial}",
                                   same_output=serial in same_output_on)


def replay_with_escape(log, recorded):
    """A monitor in the replay shows the machine, and what is typed there changes nothing."""
    guest = harness.Guest(GUEST + ["-serial", "mon:stdio", "-S"] + harness.icount("replay", log))
    guest.type(b"\x01c")
    guest.expect(harness.PROMPT)
    shown = guest.monitor("info replay")
    harness.check("Replaying" in shown and "next event" in shown, f"info replay: {shown}")
    guest.monitor("system_powerdown")
    guest.monitor("sendkey a")
    guest.type(b"cont\n")
    harness.check_equal(guest.finish(), 0, f"exit status; stderr {guest.stderr_text()!r}")
    harness.check_equal(harness.digest_of(guest), harness.digest_of(recorded), "icount and digest")



def test(work):
    for number, serial in enumerate(SERIALS):
        log = work / f"log{number}"
        recorded = record_serial(log, serial)
        replay_everywhere(log, recorded, ("stdio", "mon:stdio") if "stdio" in serial else ())
    log = work / "escape"
    recorded = record_with_escape(log)
    replay_everywhere(log, recorded)
    replay_with_escape(log, recorded)

    log = work / "no-sleep"
    recorded = record_serial(log, "stdio", ",sleep=off")
    for more in ("", ",sleep=off", ",sleep=on"):
        harness.replay_and_compare(GUEST + ["-serial", "stdio"], log, recorded, f"replay{more} of sleep=off", more=more)
    log = work / "sync"
    recorded = record_serial(log, "stdio", ",rrsync=full,rrhash=full")
    harness.replay_and_compare(GUEST + ["-serial", "stdio"], log, recorded, "replay of rrsync=full")


harness.main(test)
