"""net_guest.py  A guest that uses the user network by one NIC: DHCP, TFTP, HTTP from the host, a guestfwd= command, a hostfwd= port; then the
replay, with the server gone, the file gone, the port taken and a busy host: same output, digest and capture."""
import hashlib
import os
import socket
import struct
import time

import disk_guest
import harness
import initramfs
import network


def documented_disk(work):
    """A disk as DESIGN.md section 1 has it, beside the network."""
    image = work / "disk.qcow2"
    if not os.path.exists(image):
        disk_guest.make_image(image)
    return ["-drive", f"file={image},if=none,id=img-direct", "-drive", "driver=blkreplay,if=none,image=img-direct,id=img-blkreplay",
            "-device", "ide-hd,drive=img-blkreplay"]


def say(port, text):
    """False: the guest does not listen yet; the user network took the connection and broke it off."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
            return True
    except OSError:
        return False


def talk_to_guest(guest, port):
    """Through hostfwd=: the guest listens, we connect and say something."""
    said = b"hello from the host\n" * 1000
    guest.type(b"nc -l -p 22 | md5sum\n")
    guest.expect(b"md5sum\r\n")
    harness.wait_for("a listener behind hostfwd=", lambda: say(port, said) or time.sleep(0.1))
    harness.check(hashlib.md5(said).hexdigest().encode() in guest.expect(b"# "), "hostfwd: the guest heard something else")


def arguments(work, nic, arch, folder, port, dump):
    return harness.linux(initramfs.network(work / "initramfs", nic, arch), "-no-reboot", "-monitor", "none", "-serial", "stdio",
                         "-netdev", f"user,id=net1,tftp={folder},bootfile=/pxelinux.0,hostfwd=tcp:127.0.0.1:{port}-:22,"
                         "guestfwd=tcp:10.0.2.100:7-cmd:cat", "-device", f"{nic},netdev=net1",
                         "-object", "filter-replay,id=replay,netdev=net1",
                         "-object", f"filter-dump,id=dump,netdev=net1,file={dump}", *documented_disk(work), arch=arch)


def use_network(guest, md5, http_port, port):
    network.bring_up(guest)
    text = guest.command_line("ping -c 2 10.0.2.2")
    harness.check("2 packets transmitted, 2 packets received" in text, f"ping: {text}")
    network.fetch(guest, md5, http_port)
    text = guest.command_line("(echo through guestfwd; sleep 1) | nc 10.0.2.100 7")
    harness.check("through guestfwd" in text, f"guestfwd: {text}")
    talk_to_guest(guest, port)
    guest.power_off()
    return harness.check_recorded(guest)


def check_capture(path):
    """Every record is whole; both directions are there, in order of time."""
    with open(path, "rb") as file:
        data = file.read()
    harness.check_equal(struct.unpack("<IHHiIII", data[:24]), (0xa1b2c3d4, 2, 4, 0, 0, 65536, 1), "pcap header")
    at, last, sources = 24, (0, 0), set()
    while at < len(data):
        seconds, micros, kept, length = struct.unpack("<IIII", data[at:at + 16])
        harness.check((seconds, micros) >= last and kept == length and micros < 1000000, f"record at byte {at}")
        last = (seconds, micros)
        sources.add(data[at + 16 + 6:at + 16 + 12])
        at += 16 + kept
    harness.check_equal(at, len(data), "the capture's last record")
    harness.check(b"\x52\x54\x00\x12\x34\x56" in sources and len(sources) >= 2, f"both directions: {sources}")


def record_and_replay(work, nic, arch="i386"):
    folder = work / "served"
    md5 = network.make_file(folder)
    server, port = network.serve_http(folder), network.free_port()
    log, first, second = work / "log", work / "first.pcap", work / "second.pcap"
    program = harness.program_for(arch)
    guest = harness.Guest(arguments(work, nic, arch, folder, port, first) + harness.icount("record", log), arch=program)
    recorded = use_network(guest, md5, server.server_port, port)
    check_capture(first)

    server.shutdown()
    os.remove(os.path.join(folder, "file"))
    with socket.create_server(("127.0.0.1", port)), harness.BusyHost():
        harness.replay_and_compare(arguments(work, nic, arch, folder, port, second), log, recorded, "server, file and port gone", arch=program)
    with open(first, "rb") as one, open(second, "rb") as two:
        harness.check(one.read() == two.read(), "the capture made in replay differs from the recording's")
