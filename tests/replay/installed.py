"""An installed system (SeaBIOS, GRUB, Debian's kernel, a login on the serial port) with heavy disk traffic, recorded and replayed: equal digests and
output, and the image's checksum is what it was."""
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import installed_guest  # noqa: E402


def checksum(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def test(work):
    image, log = installed_guest.make_disk(work), work / "log"
    before, arguments = checksum(image), installed_guest.arguments(image)
    guest = harness.Guest(arguments + harness.icount("record", log))
    installed_guest.log_in(guest)
    installed_guest.traffic(guest)
    installed_guest.shut_down(guest)
    recorded = harness.check_recorded(guest)
    harness.replay_and_compare(arguments, log, recorded)
    harness.check_equal(checksum(image), before, "the image afterwards")


harness.main(test)
