"""SeaBIOS boots GRUB's rescue floppy from drive A, up to its menu on the text screen: the whole image comes by DMA channel 2."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import screen  # noqa: E402

IMAGE = "/usr/lib/grub-rescue/grub-rescue-floppy.img"


def test(work):
    guest = harness.Guest(["-M", "pc", "-m", "64", "-display", "none", "-monitor", "stdio", "-boot", "a",
                           "-drive", f"file={IMAGE},if=floppy,format=raw,readonly=on"])
    guest.expect(harness.PROMPT)
    screen.expect(guest, work, ["GNU GRUB  version 2.06", "GNU/Linux", "OpenBSD"])
    guest.type(b"quit\n")
    harness.check_equal(guest.finish(), 0, "exit status")


harness.main(test)
