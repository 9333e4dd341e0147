"""An installed system boots from its qcow2 disk through SeaBIOS, GRUB and Debian's kernel to a login on the serial port; what is written there is on
the disk after a power-off, and in the next boot."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import installed_guest  # noqa: E402


def boot(image, work):
    guest = harness.Guest(installed_guest.arguments(image))
    installed_guest.log_in(guest)
    work(guest)
    installed_guest.shut_down(guest)
    harness.check_equal(guest.finish(), 0, f"exit status; stderr: {guest.stderr_text()}")
    harness.run_host("qemu-img", "check", "-q", image)


def test(work):
    image, sums = installed_guest.make_disk(work), []
    boot(image, lambda guest: sums.append(installed_guest.traffic(guest)))
    boot(image, lambda guest: sums.append(guest.command_line("read-data")))
    harness.check_equal(sums[1], sums[0], "checksum after the second boot")


harness.main(test)
