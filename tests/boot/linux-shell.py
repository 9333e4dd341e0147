"""Debian's i386 kernel and initrd to a shell on the serial port: commands work, files are right, ACPI powers off."""
import gzip
import hashlib
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


def busybox_sum(initrd):
    with gzip.open(initrd) as stream:
        tree = subprocess.run(["cpio", "-i", "--quiet", "--to-stdout", "bin/busybox"], input=stream.read(),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return hashlib.sha256(tree.stdout).hexdigest()


def test(work):
    kernel, initrd = harness.installer_files()
    guest = harness.Guest(["-M", "pc", "-m", "256", "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 rdinit=/bin/sh",
                           "-display", "none", "-serial", "stdio", "-no-reboot"])
    guest.expect(b"Linux version 6.1.0-", 120)
    guest.expect(b"# ", 300)
    harness.check(guest.command_line("echo $((6*7))") == "42", "the shell computes")
    found = guest.command_line("sha256sum /bin/busybox").split()[0]
    harness.check(found == busybox_sum(initrd), f"busybox has sum {found} in the guest")
    harness.check(int(guest.command_line("find / -xdev | wc -l")) > 500, "find / lists the initrd")
    guest.command_line("mount -t proc proc /proc")
    guest.type(b"echo o >/proc/sysrq-trigger\n")
    harness.check(guest.finish() == 0, "ACPI power-off ends the emulator with status 0")


harness.main(test)
