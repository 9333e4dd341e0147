"""Debian's installer reaches its first dialog on the serial port, and the dialog answers keys."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


def test(work):
    kernel, initrd = harness.installer_files()
    guest = harness.Guest(["-M", "pc", "-m", "512", "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 TERM=vt102",
                           "-display", "none", "-serial", "stdio", "-no-reboot"])
    guest.expect(b"Linux version 6.1.0-", 120)
    guest.expect(b"Select a language", 400)
    guest.expect(b"English", 60)
    guest.type(b"\t")  # to <Go Back>, which the dialog then draws as selected
    guest.expect(b"Go Back", 60)
    guest.kill()


harness.main(test)
