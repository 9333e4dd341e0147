"""virtio-serial and virtio-rng under Debian's drivers: a named port and a console, both on sockets, in both directions; recorded, and replayed
with nobody at the sockets. The guest prints a byte on the parallel port as well."""
import hashlib
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import initramfs  # noqa: E402

SIZE = 100000
NAME = "org.lockstep.0"


def arguments(work, initrd):
    args = ["-no-reboot", "-monitor", "none", "-serial", "stdio", "-parallel", f"file:{work / 'printed'}",
            "-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0", "-device", "virtio-serial-pci,id=vs0"]
    for name, device in (("port", f"virtserialport,bus=vs0.0,nr=3,name={NAME}"), ("console", "virtconsole")):
        args += ["-chardev", f"socket,id={name},path={work / name},server=on,wait=off", "-device", f"{device},chardev={name}"]
    return harness.linux(initrd, *args)


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.settimeout(120 * harness.PATIENCE)
    return client


def read_until(client, text):
    got = b""
    while text not in got:
        data = client.recv(4096)
        harness.check(data, f"the connection ended after {got!r}")
        got += data
    return got


def use_port(guest, path):
    """Nobody has the port open when the host says its piece: it waits."""
    data = b"".join(hashlib.sha256(bytes([i % 251, i // 251])).digest() for i in range(SIZE // 32))
    with connect(path) as client:
        client.sendall(data)
        text = guest.command_line(f"head -c {len(data)} /dev/vport1p3 | md5sum", 120)
        harness.check(hashlib.md5(data).hexdigest() in text, f"what the port said: {text}")
        guest.command_line("seq 1 20000 > /dev/vport1p3")
        got = read_until(client, b"\n20000\n")
        harness.check_equal(got, b"".join(b"%d\n" % i for i in range(1, 20001)), "what the guest said")


def use_console(guest, path):
    with connect(path) as client:
        guest.command_line("sh < /dev/hvc0 > /dev/hvc0 2>&1 &")
        client.sendall(b"echo $((6*7))=answer\n")
        read_until(client, b"42=answer")
        client.sendall(b"exit\n")


def use_printer(guest, path):
    for register, value in ((0x378, "L"), (0x37a, "\\015"), (0x37a, "\\014")):
        guest.command_line(f"printf '{value}' | dd of=/dev/port bs=1 seek={register}")
    harness.wait_for("the printer's byte", lambda: open(path, "rb").read() == b"L")


def use_random(guest):
    text = guest.command_line("head -c 4096 /dev/hwrng | sha256sum; cat /sys/class/misc/hw_random/rng_current")
    harness.check("virtio_rng.0" in text, f"hwrng: {text}")


def test(work):
    args = arguments(work, initramfs.virtio(work / "initramfs", ("virtio_console", "rng-core", "virtio-rng")))
    guest = harness.Guest(args + harness.icount("record", work / "log"))
    guest.expect(b"# ", 300)
    guest.command_line("up")
    harness.check_equal(guest.command_line("cat /sys/class/virtio-ports/vport1p3/name"), NAME, "the port's name")
    use_port(guest, work / "port")
    use_console(guest, work / "console")
    use_random(guest)
    use_printer(guest, work / "printed")
    guest.power_off()
    recorded = harness.check_recorded(guest)
    harness.replay_and_compare(args, work / "log", recorded, "nobody at the sockets")


harness.main(test)
