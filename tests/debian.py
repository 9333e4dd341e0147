"""debian.py  Files of Debian's i386 packages for guests of our own making: modules of the installer's kernel, mke2fs, busybox.

Packages are kept in a cache (LOCKSTEP_DEBS, or ~/.cache/lockstep/debian) and fetched with apt when missing; run as a program
(scripts/install-packages does) it fetches all, so that the tests need no network. Nothing is installed: the packages are read as archives.
"""
import functools
import glob
import io
import os
import subprocess
import sys
import tarfile
import tempfile

import harness

CACHE = os.environ.get("LOCKSTEP_DEBS") or os.path.expanduser("~/.cache/lockstep/debian")
TOOLS = ("busybox-static", "e2fsprogs", "libext2fs2", "libcom-err2", "libblkid1", "libuuid1")


@functools.cache
def installer():
    return harness.installer_members()


@functools.cache
def kernel_version():
    """Of the installer's kernel: "6.1.0-50-686"."""
    modules = next(name for name in installer() if name.startswith("lib/modules/") and name.count("/") >= 3)
    return modules.split("/")[2]


def apt(*arguments):
    lists = os.path.join(CACHE, "lists")
    os.makedirs(os.path.join(lists, "partial"), exist_ok=True)
    command = ["apt-get", "-qq", "-oAPT::Architecture=i386", "-oAPT::Architectures=i386", f"-oDir::State::Lists={lists}", *arguments]
    return subprocess.run(command, cwd=CACHE, capture_output=True, text=True)


def package(name):
    """Path of the package's file."""
    pattern = os.path.join(CACHE, name + "_*_i386.deb")
    if not glob.glob(pattern):
        if not glob.glob(os.path.join(CACHE, "lists", "*Packages*")):
            apt("update")  # some lists may fail; the download tells
        result = apt("download", name)
        harness.check(glob.glob(pattern), f"package {name} of i386 could not be fetched: {result.stderr}")
    return max(glob.glob(pattern))


def package_files(name, wanted):
    """{path: contents} of the regular files and links for which wanted(path) is true; a link's contents are its target."""
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", package(name)], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = [m for m in tar.getmembers() if (m.isfile() or m.issym()) and wanted(m.name)]
        return {m.name.removeprefix("./"): m.linkname if m.issym() else tar.extractfile(m).read() for m in files}


# ---- kernel modules ----

def modules_folder():
    """The modules of the kernel's package, unpacked once: the package is large."""
    folder = os.path.join(CACHE, "modules-" + kernel_version())
    if not os.path.isdir(folder):
        files = package_files("linux-image-" + kernel_version(), lambda p: p.endswith((".ko", "modules.builtin")))
        unfinished = tempfile.mkdtemp(dir=CACHE)
        for path, data in files.items():
            with open(os.path.join(unfinished, os.path.basename(path)), "wb") as file:
                file.write(data)
        os.rename(unfinished, folder)
    return folder


class Modules:
    """Modules of the installer's kernel, from its initrd and from the package of the same version, in the order of loading."""

    def __init__(self, names):
        self.installer = {os.path.basename(n): data for n, (_, data) in installer().items() if n.endswith(".ko")}
        self.loaded = {}  # file name -> contents
        for name in names:
            self.add(name)

    def find(self, name):
        """File name and contents; None for what is built into the kernel."""
        for file_name in (name.replace("_", "-") + ".ko", name + ".ko"):
            path = os.path.join(modules_folder(), file_name)
            if file_name in self.installer:
                return file_name, self.installer[file_name]
            if os.path.exists(path):
                with open(path, "rb") as file:
                    return file_name, file.read()
        with open(os.path.join(modules_folder(), "modules.builtin"), encoding="utf-8") as file:
            builtin = file.read().replace("-", "_")
        harness.check(f"/{name.replace('-', '_')}.ko" in builtin, f"no kernel module {name}")
        return None, None

    def add(self, name):
        base, data = self.find(name)
        if base and base not in self.loaded:
            depends = data.partition(b"\0depends=")[2].partition(b"\0")[0].decode()
            for dependency in filter(None, depends.split(",")):
                self.add(dependency)
            self.loaded[base] = data


DISK_MODULES = ("crc32c_generic", "crct10dif_generic", "crc64_rocksoft_generic", "sd_mod", "ata_piix", "ext4")

INIT = """#!/bin/sh
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


def disk_initramfs(path, script="exec setsid -c sh", modules=DISK_MODULES):
    """An initramfs with busybox and mke2fs; its init loads the modules and goes on with the script."""
    loaded = Modules(modules).loaded
    members = {name: (0o040755, b"") for name in ("bin", "dev", "proc", "sys", "tmp", "mnt", "lib", "lib/i386-linux-gnu", "modules")}
    for name in ("lib/ld-linux.so.2", "lib/i386-linux-gnu/ld-linux.so.2", "lib/i386-linux-gnu/libc.so.6"):
        if name in installer():
            members[name] = installer()[name]
    for tool in TOOLS:
        for name, data in package_files(tool, lambda p: p.endswith(("bin/busybox", "sbin/mke2fs")) or ".so." in p).items():
            place = "bin/" if "bin/" in name else "lib/i386-linux-gnu/"
            link = isinstance(data, str)
            members[place + os.path.basename(name)] = (0o120777, data.encode()) if link else (0o100755, data)
    for applet in APPLETS:
        members["bin/" + applet] = (0o120777, b"busybox")
    for name, data in loaded.items():
        members["modules/" + name] = (0o100644, data)
    members["init"] = (0o100755, INIT.format(modules=" ".join(loaded), script=script).encode())
    with open(path, "wb") as file:
        file.write(harness.write_cpio(members))
    return path


def fetch_all():
    for name in TOOLS:
        package(name)
    modules_folder()


if __name__ == "__main__":
    try:
        fetch_all()
    except harness.Failure as failure:
        sys.exit(str(failure))
