"""A Linux guest reads a CD-ROM whole, by DMA, and ejects it; reads a floppy whole, writes to it, and finds the second one write protected."""
import hashlib
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import disk_guest  # noqa: E402
import harness  # noqa: E402
import initramfs  # noqa: E402

CD = "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"
FLOPPY_SIZE = 1440 * 1024
WRITTEN_AT, WRITTEN = 100 * 1024, 64 * 1024

SCRIPT = f"""
trap 'echo @FAILED; poweroff -f' EXIT
dmesg -n 1
echo 1 >/proc/sys/dev/cdrom/autoeject
echo @cd $(sha256sum /dev/sr0)
echo 0 >/proc/sys/dev/cdrom/autoclose
dd if=/dev/sr0 bs=2048 count=1 of=/dev/null 2>/dev/null || echo @ejected
echo @floppy $(sha256sum /dev/fd0)
dd if=/dev/zero bs=1k count={WRITTEN // 1024} 2>/dev/null | tr '\\0' 'x' | dd of=/dev/fd0 bs=1k seek={WRITTEN_AT // 1024} conv=notrunc 2>/dev/null
sync
echo 3 >/proc/sys/vm/drop_caches
echo @again $(sha256sum /dev/fd0)
echo @second $(sha256sum /dev/fd1)
echo y 2>/dev/null | dd of=/dev/fd1 bs=512 2>/dev/null || echo @protected
trap - EXIT
echo @end
poweroff -f
"""


def floppy_image(path, size, seed):
    data = random.Random(seed).randbytes(size)
    with open(path, "wb") as file:
        file.write(data)
    return data


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test(work):
    initrd = initramfs.disk(work / "initramfs", SCRIPT, ("ata_piix", "sr_mod", "floppy"))
    first = bytearray(floppy_image(work / "a.img", FLOPPY_SIZE, 1))
    second = floppy_image(work / "b.img", FLOPPY_SIZE // 2, 2)
    drives = ("-cdrom", CD, "-drive", f"file={work / 'a.img'},if=floppy,format=raw", "-drive",
              f"file={work / 'b.img'},if=floppy,index=1,format=raw,readonly=on")
    guest = harness.run(disk_guest.linux_arguments(initrd, "-serial", "stdio", *drives), 240)
    harness.check_equal(guest.status, 0, "exit status")
    found = disk_guest.marks(guest.output)
    harness.check("end" in found and "FAILED" not in found, f"the guest's script: {guest.output[-2000:]}")
    with open(CD, "rb") as file:
        harness.check_equal(found["cd"].split()[0], sha256(file.read()), "checksum of the CD")
    harness.check("ejected" in found, "the CD can be read after eject")
    harness.check_equal(found["floppy"].split()[0], sha256(first), "checksum of the floppy")
    first[WRITTEN_AT:WRITTEN_AT + WRITTEN] = b"x" * WRITTEN
    harness.check_equal(found["again"].split()[0], sha256(first), "checksum of the floppy after writing")
    harness.check_equal(found["second"].split()[0], sha256(second), "checksum of the 720 KB floppy")
    harness.check("protected" in found, "the second floppy can be written")
    with open(work / "a.img", "rb") as file:
        harness.check_equal(sha256(file.read()), sha256(first), "the floppy's image")


harness.main(test)
