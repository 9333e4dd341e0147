"""SeaBIOS alone: its banner on the serial port, and what it says when there is nothing to boot."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


def test(work):
    guest = harness.Guest(["-nographic", "-m", "64", "-nic", "none"])
    guest.expect(b"SeaBIOS (version 1.16")
    guest.expect(b"No bootable device.")
    guest.type(b"\x01x")
    harness.check(guest.finish() == 0, "C-a x ends the emulator with status 0")


harness.main(test)
