"""debian.py  Where the files of our guests come from: the initrd of Debian's installer, and i386 packages (modules of its kernel, mke2fs, busybox).

Packages are kept in a cache (LOCKSTEP_DEBS, or ~/.cache/lockstep/debian) and fetched with apt when missing; run as a program
(scripts/install-packages does) it fetches all, so that the tests need no network. Nothing is installed: the packages are read as archives.
"""
import functools
import glob
import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile

import harness

CACHE = os.environ.get("LOCKSTEP_DEBS") or os.path.expanduser("~/.cache/lockstep/debian")
TOOLS = ("busybox-static", "e2fsprogs", "libext2fs2", "libcom-err2", "libblkid1", "libuuid1")


# ---- the installer ----

def read_cpio(data):
    """The members of a cpio archive in the "newc" format: name -> (mode, contents)."""
    members, at = {}, 0
    while True:
        field = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, name_size = field[1], field[6], field[11]
        name = data[at + 110:at + 110 + name_size - 1].decode()
        start = (at + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return members
        members[name.removeprefix("./")] = (mode, data[start:start + size])
        at = (start + size + 3) & ~3


@functools.cache
def installer_members(arch="i386"):
    with gzip.open(harness.installer_files(arch)[1]) as stream:
        return read_cpio(stream.read())


@functools.cache
def kernel_version():
    """Of the installer's kernel: "6.1.0-50-686"."""
    modules = next(name for name in installer_members() if name.startswith("lib/modules/") and name.count("/") >= 3)
    return modules.split("/")[2]


# ---- packages ----

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
        self.installer = {os.path.basename(n): data for n, (_, data) in installer_members().items() if n.endswith(".ko")}
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


def fetch_all():
    for name in TOOLS:
        package(name)
    modules_folder()


if __name__ == "__main__":
    try:
        fetch_all()
    except harness.Failure as failure:
        sys.exit(str(failure))
