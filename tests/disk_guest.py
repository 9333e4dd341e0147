"""disk_guest.py  What the disk tests share: a Linux guest that makes a file system on its disk, and the look at the image afterwards."""
import os

import harness
import initramfs
from harness import check, check_equal, run_host


def make_image(path, size="64M", form="qcow2"):
    run_host("qemu-img", "create", "-q", "-f", form, path, size)
    return path


def linux_arguments(initrd, *more, options=""):
    return harness.linux(initrd, *more, append="console=ttyS0 quiet" + options, memory=128)


SCRIPT = """
set -e
trap 'echo @FAILED; poweroff -f' EXIT
dmesg -n 1
echo @mode $(cat /sys/class/ata_device/dev1.0/xfer_mode)
printf 'n\\np\\n1\\n\\n\\nw\\n' | fdisk /dev/sda >/tmp/fdisk 2>&1 || cat /tmp/fdisk
/bin/mke2fs -q -t ext4 -E nodiscard /dev/sda1
mount -t ext4 /dev/sda1 /mnt
cd /mnt
dd if=/dev/urandom of=random bs=1k count={kilobytes} 2>/dev/null
seq 20000 >numbers
mkdir folder
for i in $(seq 40); do echo file $i >folder/$i; done
rm folder/7
sync
echo @before $(sha256sum random numbers)
cd /
umount /mnt
echo 3 >/proc/sys/vm/drop_caches
mount -t ext4 /dev/sda1 /mnt
cd /mnt
echo @after $(sha256sum random numbers)
cp random spare; sync; rm spare; sync
if fstrim /mnt; then echo @trimmed; fi
cd /
umount /mnt
sync
trap - EXIT
echo @end
poweroff -f
"""


def guest_initramfs(work, kilobytes=4096):
    return initramfs.disk(work / "initramfs", SCRIPT.replace("{kilobytes}", str(kilobytes)))


def marks(output):
    """What the script printed: {mark: rest of the line}."""
    lines = output.replace(b"\r", b"").decode(errors="replace").split("\n")
    return dict(line[1:].partition(" ")[::2] for line in lines if line.startswith("@"))


def checksums(guest):
    """{file: checksum} as the guest saw them, before and after mounting again."""
    found = marks(guest.output)
    check("end" in found and "FAILED" not in found, f"the guest's script did not end well: {guest.output[-3000:].decode(errors='replace')}")
    check_equal(found["after"], found["before"], "checksums after mounting again")
    words = found["before"].split()
    check_equal(words[1::2], ["random", "numbers"], "files")
    return dict(zip(words[1::2], words[::2]))


def check_image(work, image, sums, form="qcow2"):
    """The image is sound, its file system is clean, and the files are those that the guest wrote."""
    if form == "qcow2":
        run_host("qemu-img", "check", "-q", image)
    raw, partition = work / "converted", work / "partition"
    run_host("qemu-img", "convert", "-O", "raw", image, raw)
    with open(raw, "rb") as disk, open(partition, "wb") as out:
        mbr = disk.read(512)
        check_equal((mbr[510:], mbr[450]), (b"\x55\xaa", 0x83), "partition table")
        disk.seek(int.from_bytes(mbr[454:458], "little") * 512)
        while block := disk.read(1 << 20):
            out.write(block)
    run_host("e2fsck", "-fn", partition)
    for name, checksum in sums.items():
        run_host("debugfs", "-R", f"dump /{name} {work / name}", partition)
        check_equal(run_host("sha256sum", work / name).split()[0], checksum, f"checksum of {name} in the image")
    listing = run_host("debugfs", "-R", "ls -p /folder", partition)
    names = {line.split("/")[5] for line in listing.splitlines() if line.startswith("/")}
    check_equal(names, {".", "..", *map(str, range(1, 41))} - {"7"}, "the folder's files")
    os.unlink(raw)
    os.unlink(partition)

