"""Linux reboots: firmware starts again, then the kernel. With -no-reboot the emulator exits instead."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import initramfs  # noqa: E402


def boot_to_shell(guest):
    guest.expect(b"SeaBIOS (version 1.16", 60)
    guest.expect(b"Linux version 6.1.0-", 120)
    guest.shell()


def test(work):
    arguments = harness.linux(initramfs.small(work / "initramfs"), "-nographic")
    guest = harness.Guest(arguments)
    boot_to_shell(guest)
    guest.command_line("mount -t proc proc /proc")
    guest.type(b"echo b >/proc/sysrq-trigger\n")
    guest.expect(b"SeaBIOS (version 1.16", 60)
    guest.expect(b"Linux version 6.1.0-", 120)
    guest.type(b"\x01x")
    harness.check_equal(guest.finish(), 0, "exit status after C-a x")

    guest = harness.Guest(arguments + ["-no-reboot"])
    boot_to_shell(guest)
    guest.command_line("mount -t proc proc /proc")
    guest.type(b"echo b >/proc/sysrq-trigger\n")
    harness.check_equal(guest.finish(), 0, "exit status with -no-reboot")


harness.main(test)
