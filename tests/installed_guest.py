"""installed_guest.py  A small installed system on a qcow2 disk: SeaBIOS starts GRUB from the master boot record, GRUB loads Debian's kernel and an
initramfs from ext4, busybox's init starts a getty on the serial port. Made of Debian packages without root, loop devices or mounts.

The disk: sector 0 GRUB's boot.img and the partition table, from sector 1 its core image, from 1 MiB the only partition.
"""
import os
import shutil
import struct

import debian
import harness
import initramfs
from harness import run_host

GRUB = "/usr/lib/grub/i386-pc"
MODULES = ("biosdisk", "part_msdos", "ext2", "normal", "linux", "serial", "terminal", "echo", "configfile", "search_label")
SIZE, PARTITION = 64 << 20, 1 << 20
PASSWORD = "lockstep"

GRUB_CFG = """serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=1
menuentry "Lockstep installed system" {
    echo "GRUB loads the kernel"
    linux /boot/vmlinuz root=/dev/sda1 console=ttyS0 quiet
    initrd /boot/initrd.img
}
"""

MOUNT_ROOT = """mount -t ext4 -o ro /dev/sda1 /mnt
mount --move /dev /mnt/dev
umount /sys
umount /proc
exec switch_root /mnt /sbin/init
"""

ETC = {
    "inittab": "::sysinit:/etc/rc\nttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100\n::shutdown:/bin/umount -a -r\n",
    "rc": "#!/bin/sh\nmount -t proc proc /proc\nmount -t sysfs sysfs /sys\nmount -t tmpfs tmpfs /tmp\nmount -o remount,rw /\nhostname lockstep\ndmesg -n 1\n",
    "fstab": "/dev/sda1 / ext4 errors=remount-ro 0 1\n",
    "passwd": "root:$1$lockstep$cDyTXkbkCe4LLtxZZ7zZc0:0:0:root:/root:/bin/sh\n",
    "group": "root:x:0:\n",
    "issue": "Lockstep \\n \\l\n",
    "securetty": "ttyS0\n",
    "debian_version": "12\n",
}

COMMANDS = {
    "write-data": """#!/bin/sh
mkdir /root/data
for i in $(seq 8); do dd if=/dev/urandom of=/root/data/$i bs=64k count=8 2>/dev/null; done
cp -r /bin /root/data
sync
exec read-data
""",
    "read-data": """#!/bin/sh
echo 3 >/proc/sys/vm/drop_caches
find /root/data -type f | xargs cat | sha256sum
""",
}


def write(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def make_tree(root, initrd):
    for name in ("dev", "proc", "sys", "tmp", "root", "mnt", "bin", "sbin"):
        os.makedirs(os.path.join(root, name))
    for name, text in ETC.items():
        write(os.path.join(root, "etc", name), text.encode(), 0o755 if name == "rc" else 0o644)
    for name, text in COMMANDS.items():
        write(os.path.join(root, "sbin", name), text.encode(), 0o755)
    (busybox,) = debian.package_files("busybox-static", lambda p: p.endswith("bin/busybox")).values()
    write(os.path.join(root, "bin/busybox"), busybox, 0o755)
    for applet in ("sbin/init", "sbin/getty", "sbin/poweroff", "sbin/reboot", "bin/login", "bin/hostname", "bin/find", "bin/md5sum", "bin/tar",
                   "bin/xargs", "bin/uname", "bin/df", *("bin/" + a for a in initramfs.APPLETS)):
        if not os.path.lexists(os.path.join(root, applet)):
            os.symlink("/bin/busybox", os.path.join(root, applet))
    write(os.path.join(root, "boot/grub/grub.cfg"), GRUB_CFG.encode())
    shutil.copyfile(harness.installer_files()[0], os.path.join(root, "boot/vmlinuz"))
    shutil.copyfile(initrd, os.path.join(root, "boot/initrd.img"))


def boot_sectors(work):
    """What lies before the partition: GRUB's boot.img with our partition table, and its core image."""
    core = work / "core.img"
    run_host("grub-mkimage", "-O", "i386-pc", "-d", GRUB, "-p", "(hd0,msdos1)/boot/grub", "-o", core, *MODULES)
    with open(os.path.join(GRUB, "boot.img"), "rb") as boot, open(core, "rb") as image:
        entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", PARTITION // 512, (SIZE - PARTITION) // 512)
        sectors = boot.read(440).ljust(446, b"\0") + entry + bytes(48) + b"\x55\xaa" + image.read()
    harness.check(len(sectors) <= PARTITION, f"GRUB's core image has {len(sectors)} bytes")
    return sectors


def make_disk(work):
    """Path of the new qcow2 image."""
    raw, tree, image = work / "disk.raw", work / "tree", work / "installed.qcow2"
    make_tree(tree, initramfs.disk(work / "initramfs", MOUNT_ROOT))
    write(raw, boot_sectors(work))
    os.truncate(raw, SIZE)
    run_host("/sbin/mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum_seed,^orphan_file", "-d", tree, "-E", f"offset={PARTITION}", raw,
             f"{(SIZE - PARTITION) >> 10}k")
    run_host("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image)
    shutil.rmtree(tree)
    os.unlink(raw)
    return image


def arguments(image, *more):
    return ["-M", "pc", "-m", "128", "-display", "none", "-serial", "stdio", "-hda", image, *more]


def log_in(guest):
    guest.expect(b"GRUB loads the kernel", 120)
    guest.expect(b"lockstep login: ", 120)
    guest.type(b"root\n")
    guest.expect(b"Password: ")
    guest.type(PASSWORD.encode() + b"\n")
    guest.expect(b"# ")


def traffic(guest):
    """Write files, read them back behind the page cache; their checksum."""
    written, read = (guest.command_line(command, 120) for command in ("write-data", "read-data"))
    harness.check(len(written.split()[0]) == 64, f"a checksum expected: {written!r}")
    harness.check_equal(read, written, "checksum of what was read from the disk")
    return written


def shut_down(guest):
    guest.type(b"poweroff\n")
