"""network.py  What the tests with a network share: a file to fetch, a web server on the loopback, a folder to boot from."""
import hashlib
import http.server
import os
import socket
import struct
import threading

import harness
import initramfs

SIZE = 1 << 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve_http(folder):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def log_message(self, *unused):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Sink:
    """A server that takes one connection's bytes."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(60)
        self.port = self._server.getsockname()[1]
        self._digest = hashlib.md5()
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self):
        connection, _ = self._server.accept()
        with connection:
            while data := connection.recv(65536):
                self._digest.update(data)

    def md5(self):
        self._thread.join(60)
        self._server.close()
        return self._digest.hexdigest()


def make_file(folder):
    """Make the folder with one `file`; the file's MD5."""
    os.mkdir(folder)
    data = b"".join(hashlib.sha256(struct.pack("<I", i)).digest() for i in range(SIZE // 32))
    with open(os.path.join(folder, "file"), "wb") as file:
        file.write(data)
    return hashlib.md5(data).hexdigest()


PXE_CONFIG = """SERIAL 0
DEFAULT linux
LABEL linux
 KERNEL linux
 INITRD initramfs
 APPEND console=ttyS0 rdinit=/bin/sh
"""


def make_bootable(folder, nic):
    """Put Debian's pxelinux and kernel there, with a small initramfs for the card."""
    source = harness.installer_files()[0].split("/debian-installer/i386/")[0]
    for name in ("pxelinux.0", "ldlinux.c32"):
        os.symlink(os.path.join(source, name), os.path.join(folder, name))
    os.symlink(harness.installer_files()[0], os.path.join(folder, "linux"))
    initramfs.network(os.path.join(folder, "initramfs"), nic)
    os.mkdir(os.path.join(folder, "pxelinux.cfg"))
    with open(os.path.join(folder, "pxelinux.cfg", "default"), "w", encoding="ascii") as file:
        file.write(PXE_CONFIG)


def pxe_arguments(folder, nic):
    return ["-M", "pc", "-m", "256", "-display", "none", "-no-reboot", "-monitor", "none", "-serial", "stdio", "-boot", "n",
            "-netdev", f"user,id=net1,tftp={folder},bootfile=/pxelinux.0", "-device", f"{nic},netdev=net1"]


def bring_up(guest):
    """Linux comes to its shell, loads the card's driver and gets an address."""
    guest.expect(b"Linux version 6.1.0-", 120)
    guest.expect(b"# ", 300)
    text = guest.command_line("up", 120)
    harness.check("address 10.0.2.15 router 10.0.2.2 dns 10.0.2.3 boot /pxelinux.0" in text, f"DHCP: {text}")


def fetch(guest, md5, http_port=None):
    """The file by TFTP, and by HTTP from the host's loopback."""
    text = guest.command_line("tftp -g -r file -l /tmp/a 10.0.2.2; md5sum /tmp/a", 120)
    harness.check(md5 in text, f"TFTP: {text}")
    if http_port:
        text = guest.command_line(f"wget -q -O /tmp/b http://10.0.2.2:{http_port}/file; md5sum /tmp/b", 120)
        harness.check(md5 in text, f"HTTP: {text}")
