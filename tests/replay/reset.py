"""Resets inside a recording replay: by the guest in every way it can, and by system_reset in the monitor; so do runs that
-no-reboot ended, and it does not matter whether the replay has that option."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


def guest_resets(work):
    arguments = harness.rom_guest("reset", "-serial", "stdio", "-monitor", "none")
    for more in ("", ",sleep=off", ",rrsync=full"):
        log = work / "guest"
        recorded = harness.check_recorded(harness.Guest(arguments + harness.icount("record", log, more)))
        harness.check_equal(recorded.output.count(b"boot "), 5, "boots")
        for number in range(3):
            harness.replay_and_compare(arguments, log, recorded, f"guest resets, recorded with '{more}', replay {number}")
        harness.replay_and_compare(arguments + ["-no-reboot"], log, recorded, "guest resets, replayed with -no-reboot")

    log = work / "no-reboot"
    recorded = harness.check_recorded(harness.Guest(arguments + ["-no-reboot"] + harness.icount("record", log)))
    harness.check_equal(recorded.output.count(b"boot "), 1, "boots with -no-reboot")
    harness.replay_and_compare(arguments + ["-no-reboot"], log, recorded, "ended by -no-reboot")
    harness.replay_and_compare(arguments, log, recorded, "ended by -no-reboot, replayed without")


def host_resets(work):
    """Twice, at moments that the guest knows nothing of; once while it is halted, once while it computes."""
    log, serial = work / "host", work / "serial"
    arguments = harness.rom_guest("demo")
    guest = harness.Guest(arguments + ["-serial", f"file:{serial}", "-monitor", "stdio"] + harness.icount("record", log))
    guest.expect(harness.PROMPT)
    for boots in (1, 2):
        harness.wait_for(f"boot {boots}", lambda: open(serial, "rb").read().count(b"Type something.") == boots)
        guest.monitor("system_reset")
    harness.wait_for("boot 3", lambda: open(serial, "rb").read().count(b"Type something.") == 3)
    harness.check_recorded(guest)
    output = open(serial, "rb").read()
    for number in range(3):
        replayed = harness.replay_and_compare(arguments + ["-serial", "stdio"], log, guest, f"system_reset, replay {number}",
                                              same_output=False)
        harness.check_equal(replayed.output, output, "serial output")


def firmware_reset(work):
    """system_reset under SeaBIOS, while it runs from shadow RAM."""
    log = work / "firmware"
    arguments = ["-m", "64", "-nographic"]
    guest = harness.Guest(arguments + harness.icount("record", log))
    guest.expect(b"No bootable device.")
    guest.type(b"\x01csystem_reset\n\x01c")
    guest.expect(b"SeaBIOS (version")
    guest.expect(b"No bootable device.")
    guest.type(b"\x01x")
    harness.check_recorded(guest)
    harness.replay_and_compare(arguments, log, guest, "system_reset under SeaBIOS", same_output=False)


def test(work):
    guest_resets(work)
    host_resets(work)
    firmware_reset(work)


harness.main(test)
