"""system_powerdown presses the power button, which a guest sees as ACPI says; sendkey's keys arrive at its keyboard."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


def test(work):
    guest = harness.Guest(harness.rom_guest("events", "-serial", "mon:stdio"))
    guest.expect(b"waiting\n")
    guest.type(b"\x01c")
    guest.expect(harness.PROMPT)
    guest.type(b"sendkey a\n")
    guest.expect(b"key 1e ")
    guest.expect(b"key 9e ")
    guest.type(b"sendkey shift-ret\n")
    for code in (b"key 2a ", b"key 1c ", b"key 9c ", b"key aa "):
        guest.expect(code)
    guest.type(b"\x01c!\x01c")
    guest.expect(b"character 21 ")
    guest.type(b"system_powerdown\n")
    guest.expect(b"power button 01 ")
    guest.expect(b"bye")
    harness.check_equal(guest.finish(), 0, "exit status after the guest's soft-off")


harness.main(test)
