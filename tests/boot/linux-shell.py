"""Debian's i386 kernel and initrd to a shell on the serial port: commands work, files are right, ACPI powers off."""
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import debian  # noqa: E402
import harness  # noqa: E402


def test(work):
    kernel, initrd = harness.installer_files()
    guest = harness.Guest(["-M", "pc", "-m", "256", "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 rdinit=/bin/sh",
                           "-display", "none", "-serial", "stdio", "-no-reboot"])
    guest.expect(b"Linux version 6.1.0-", 120)
    guest.shell()
    members = debian.installer_members()
    harness.check_equal(guest.command_line("echo $((6*7))"), "42", "the shell computes")
    busybox = hashlib.sha256(members["bin/busybox"][1]).hexdigest()
    harness.check_equal(guest.command_line("sha256sum /bin/busybox").split()[0], busybox, "sha256sum of busybox")
    for name in ("bin", "etc"):
        expected = sum(1 for member in members if member.startswith(name + "/"))
        harness.check_equal(int(guest.command_line(f"find /{name} | wc -l")), expected + 1, f"files below /{name}")
    guest.command_line("mount -t proc proc /proc")
    guest.power_off()
    harness.check_equal(guest.finish(), 0, "exit status after ACPI power-off")


harness.main(test)
