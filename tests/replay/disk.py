"""A Linux guest with heavy disk traffic, recorded and replayed, once on a busy host: equal digests and output; with rr= the image itself is
never written. In the spelling of QEMU's manual (blkreplay) and in the short one (-hda alone).
"""
import contextlib
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import disk_guest  # noqa: E402
import harness  # noqa: E402


def checksum(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def record_and_replay(work, name, arguments, image, host):
    before, log = checksum(image), work / f"{name}.log"
    recorded = harness.run(arguments + harness.icount("record", log), 240)
    harness.check_recorded(recorded)
    disk_guest.checksums(recorded)
    with host:
        harness.replay_and_compare(arguments, log, recorded, f"{name}: replay")
    harness.check_equal(checksum(image), before, f"{name}: image afterwards")


def test(work):
    initramfs = disk_guest.guest_initramfs(work, kilobytes=8192)
    image = disk_guest.make_image(work / "disk.qcow2")
    manual = ["-drive", f"file={image},if=none,id=img-direct", "-drive", "driver=blkreplay,if=none,image=img-direct,id=img-blkreplay",
              "-device", "ide-hd,drive=img-blkreplay"]
    for name, drive, host in (("manual", manual, harness.BusyHost()), ("short", ["-hda", image], contextlib.nullcontext())):
        record_and_replay(work, name, disk_guest.linux_arguments(initramfs, "-serial", "stdio", *drive), image, host)


harness.main(test)
