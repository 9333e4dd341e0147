"""With -nographic SeaBIOS mirrors its text on the serial port, and C-a leads to the monitor and out. Without, it is silent."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


def mirrored(work):
    guest = harness.Guest(["-nographic", "-m", "64", "-nic", "none"])
    guest.expect(b"SeaBIOS (version 1.16")
    guest.expect(b"No bootable device.")
    guest.type(b"\x01h")
    guest.expect(b"C-a x")
    guest.expect(b"C-a C-a")
    guest.type(b"\x01c")
    guest.expect(harness.PROMPT)
    harness.check_equal(guest.monitor("info status").strip(), "VM status: running", "info status")
    guest.type(b"\x01c\x01x")
    guest.expect(b"Terminated")
    harness.check_equal(guest.finish(), 0, "exit status after C-a x")


def silent(work):
    log = work / "debug"
    guest = harness.Guest(["-m", "64", "-nic", "none", "-display", "none", "-serial", f"file:{work / 'serial'}", "-monitor", "stdio",
                           "-chardev", f"file,id=log,path={log}", "-device", "isa-debugcon,iobase=0x402,chardev=log"])
    guest.expect(harness.PROMPT)
    harness.wait_for("SeaBIOS's own log at port 402h", lambda: b"No bootable device." in open(log, "rb").read())
    guest.type(b"quit\n")
    harness.check_equal(guest.finish(), 0, "exit status after quit")
    harness.check_equal(open(work / "serial", "rb").read(), b"", "the serial port without -nographic")


def test(work):
    mirrored(work)
    silent(work)


harness.main(test)
