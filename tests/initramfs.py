"""initramfs.py  Initramfs images for our guests: busybox, a few tools and modules, from Debian's installer and packages.

    small()    a shell; from the installer's own busybox, for any architecture
    network()  and a NIC: `up` loads its modules and does DHCP
    virtio()   and virtio devices: `up` loads the modules
    disk()     i386; mke2fs, more applets, a script of the test's own instead of the shell
"""
import os

import debian


def cpio(members):
    """An archive in the "newc" format of members {name: (mode, contents)}: always the same bytes for the same members."""
    out = b""
    for number, (name, (mode, data)) in enumerate(list(members.items()) + [("TRAILER!!!", (0, b""))], 1):
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(data) % 4)
    return out


def write(path, members):
    with open(path, "wb") as file:
        file.write(cpio(members))
    return path


def small_members(everything, tools):
    """Of the installer's initrd: busybox under the names of `tools`, its libraries and a few directories."""
    libraries = ("libc.so.6", "libm.so.6", "libresolv.so.2")
    wanted = ["bin", "dev", "proc", "sys", "tmp", "lib", "lib64", "bin/busybox", "lib/ld-linux.so.2", "lib64/ld-linux-x86-64.so.2"]
    for name in everything:
        folder, _, base = name.rpartition("/")
        if folder.startswith("lib/") and folder.endswith("-linux-gnu") and (base in libraries or base.startswith("ld-linux")):
            wanted += [folder, name]
    members = {name: everything[name] for name in sorted(set(wanted)) if name in everything}
    for tool in tools:
        members["bin/" + tool] = (0o120777, b"busybox")
    return members


TOOLS = ("sh", "mount", "echo", "cat", "date", "sleep", "seq", "sha256sum", "wc", "ls")


def small(path, arch="i386"):
    """Busybox and little else, from Debian's initrd: boots in a fraction of the time."""
    return write(path, small_members(debian.installer_members(arch), TOOLS))


NIC_MODULES = {
    "rtl8139": ("mii", "8139cp"),
    "e1000": ("e1000",),
    "ne2k_pci": ("8390", "ne2k-pci"),
    "virtio-net-pci": ("virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "failover",
                       "net_failover", "virtio_net"),
}
DHCP_SCRIPT = b"""#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add $ip/24 dev $interface
ip route add default via $router
echo "address $ip router $router dns $dns boot $boot_file"
"""
UP_SCRIPT = b"""#!/bin/sh
mount -t proc proc /proc
for m in $(cat /modules/list); do insmod /modules/$m.ko; done
ip link set lo up
ip link set eth0 up
udhcpc -i eth0 -n -q -t 10 -s /bin/dhcp-script
"""


def insert_modules(members, everything, names):
    """The kernel modules `names` of the installer and, in /modules/list, the order in which `up` loads them."""
    members["modules"] = (0o40755, b"")
    members["modules/list"] = (0o100644, "\n".join(names).encode())
    for name, member in everything.items():
        base = os.path.basename(name).removesuffix(".ko")
        if name.endswith(".ko") and base in names:
            members[f"modules/{base}.ko"] = member


def network(path, nic, arch="i386"):
    """As small(), with the modules of a NIC and tools for networks. In the guest: `up` loads them and does DHCP."""
    everything = debian.installer_members(arch)
    members = small_members(everything, TOOLS + ("insmod", "ip", "udhcpc", "tftp", "wget", "nc", "ping", "md5sum", "dd", "rm",
                                                 "httpd", "arping", "route", "true", "kill", "tail", "head"))
    insert_modules(members, everything, NIC_MODULES[nic])
    members["bin/dhcp-script"] = (0o100755, DHCP_SCRIPT)
    members["bin/up"] = (0o100755, UP_SCRIPT)
    return write(path, members)


VIRTIO_MODULES = NIC_MODULES["virtio-net-pci"][:5]
LOAD_SCRIPT = b"""#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for m in $(cat /modules/list); do insmod /modules/$m.ko; done
"""


def virtio(path, modules, arch="i386"):
    """As small(), with virtio and `modules`. In the guest: `up` loads them."""
    everything = debian.installer_members(arch)
    members = small_members(everything, TOOLS + ("insmod", "head", "tail", "md5sum", "dd", "printf"))
    insert_modules(members, everything, VIRTIO_MODULES + tuple(modules))
    members["bin/up"] = (0o100755, LOAD_SCRIPT)
    return write(path, members)


DISK_MODULES = ("crc32c_generic", "crct10dif_generic", "crc64_rocksoft_generic", "sd_mod", "ata_piix", "ext4")

DISK_INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in {modules}; do
    case $module in libata.ko) insmod /modules/$module $LIBATA;; *) insmod /modules/$module;; esac
done
{script}
"""

APPLETS = ("sh", "mount", "umount", "insmod", "setsid", "fdisk", "fstrim", "dd", "cp", "cat", "echo", "printf", "sha256sum", "sync", "seq", "poweroff",
           "ls", "mkdir", "sleep", "rm", "cmp", "test", "true", "grep", "wc", "dmesg", "tr", "head", "time", "switch_root", "touch")


def disk(path, script="exec setsid -c sh", modules=DISK_MODULES):
    """An initramfs with busybox and mke2fs; its init loads the modules and goes on with the script."""
    loaded = debian.Modules(modules).loaded
    members = {name: (0o040755, b"") for name in ("bin", "dev", "proc", "sys", "tmp", "mnt", "lib", "lib/i386-linux-gnu", "modules")}
    for name in ("lib/ld-linux.so.2", "lib/i386-linux-gnu/ld-linux.so.2", "lib/i386-linux-gnu/libc.so.6"):
        if name in debian.installer_members():
            members[name] = debian.installer_members()[name]
    for tool in debian.TOOLS:
        for name, data in debian.package_files(tool, lambda p: p.endswith(("bin/busybox", "sbin/mke2fs")) or ".so." in p).items():
            place = "bin/" if "bin/" in name else "lib/i386-linux-gnu/"
            link = isinstance(data, str)
            members[place + os.path.basename(name)] = (0o120777, data.encode()) if link else (0o100755, data)
    for applet in APPLETS:
        members["bin/" + applet] = (0o120777, b"busybox")
    for name, data in loaded.items():
        members["modules/" + name] = (0o100644, data)
    members["init"] = (0o100755, DISK_INIT.format(modules=" ".join(loaded), script=script).encode())
    return write(path, members)
