"""Debian's netboot installer by PXE: e1000's iPXE ROM, tftp=, bootfile=/pxelinux.0, the graphical boot menu, its prompt, the kernel and initrd by TFTP, to
the installer's first screen."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

FOLDER = "/usr/lib/debian-installer/images/12/i386/text"
KEYS = {" ": "spc", "=": "equal", "\n": "ret"}


def type_keys(monitor, text):
    for character in text:
        key = f"shift-{character.lower()}" if character.isupper() else KEYS.get(character, character)
        monitor.quiet(f"sendkey {key} 20")


def menu_is_drawn(monitor, picture):
    monitor.quiet(f"screendump {picture}")
    with open(picture, "rb") as file:
        head, pixels = file.read(15), file.read()
    return head.startswith(b"P6\n640 480\n") and len(set(pixels[::97])) > 20


def test(work):
    path, option = harness.monitor_option(work, "monitor")
    guest = harness.Guest(["-M", "pc", "-m", "512", "-nographic", "-serial", "stdio", "-no-reboot", "-boot", "n", *option,
                           "-netdev", f"user,id=net1,tftp={FOLDER},bootfile=/pxelinux.0", "-device", "e1000,netdev=net1"])
    monitor = harness.Monitor(path)
    harness.wait_for("the installer's boot menu", lambda: menu_is_drawn(monitor, work / "picture.ppm"), 120)
    monitor.quiet("sendkey esc")
    guest.expect(b"boot:", 30)
    type_keys(monitor, "install vga=normal console=ttyS0\n")
    guest.expect(b"Select a language", 300)
    monitor.quit()
    harness.check_equal(guest.finish(), 0, f"exit status; stderr: {guest.stderr_text()}")


harness.main(test)
