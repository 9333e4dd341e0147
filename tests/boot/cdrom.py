"""El Torito: SeaBIOS boots GRUB's rescue CD from a CD-ROM drive, up to its menu on the text screen; from -cdrom, and from a drive given
with -device and bootindex=.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import screen  # noqa: E402

IMAGE = "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"
MENU = ["GNU GRUB  version 2.06", "GNU/Linux", "OpenBSD"]


def boots(work, *args):
    guest = harness.Guest(["-M", "pc", "-m", "64", "-display", "none", "-monitor", "stdio", *args])
    guest.expect(harness.PROMPT)
    screen.expect(guest, work, MENU)
    found = guest.monitor("x /160xb 0xb80a0") + guest.monitor("xp /1xb 0xb80a0")
    row = bytes(int(byte, 16) for line in found.splitlines()[1:] for byte in line.partition(":")[2].split())
    harness.check(b"GNU GRUB" in row[::2], f"the monitor does not see the screen's second line: {found}")
    guest.type(b"quit\n")
    harness.check_equal(guest.finish(), 0, "exit status")


def test(work):
    boots(work, "-cdrom", IMAGE, "-boot", "d")
    boots(work, "-drive", f"file={IMAGE},if=none,id=cd,format=raw,media=cdrom", "-device", "ide-cd,drive=cd,bus=ide.0,unit=1,bootindex=0")


harness.main(test)
