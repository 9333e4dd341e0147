"""Two machines on a -netdev socket, one listening, one connecting; a file goes over it, a cable is pulled. Both are recorded, and each
replays alone."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import initramfs  # noqa: E402
import network  # noqa: E402

NIC = "rtl8139"


def arguments(initrd, netdev, number):
    return harness.linux(initrd, "-no-reboot", "-serial", "mon:stdio", "-netdev", f"socket,id=wire,{netdev}", "-device",
                         f"{NIC},netdev=wire,mac=52:54:00:00:00:0{number}", memory=128)


def boot(guest, number):
    guest.expect(b"# ", 300)
    guest.command_line("mount -t proc proc /proc; mount -t sysfs sysfs /sys")
    guest.command_line("for m in $(cat /modules/list); do insmod /modules/$m.ko; done")
    guest.command_line(f"ip addr add 192.168.7.{number}/24 dev eth0; ip link set eth0 up; sleep 1")


def pull_cable(guest):
    """set_link in the monitor; the driver sees it."""
    for state, carrier in (("off", "0"), ("on", "1")):
        guest.type(b"\x01c")
        guest.expect(harness.PROMPT)
        guest.monitor(f"set_link wire {state}")
        guest.type(b"\x01c\n")
        guest.expect(b"# ")
        guest.type(b"while [ $(cat /sys/class/net/eth0/carrier) != %s ]; do sleep 0.1; done; echo carrier-$?\n" % carrier.encode())
        guest.expect(b"carrier-0")
        guest.expect(b"# ")


def test(work):
    port, initrd = network.free_port(), initramfs.network(work / "initramfs", NIC)
    sides = [(f"connect=127.0.0.1:{port}", 2), (f"listen=127.0.0.1:{port}", 1)]
    lines = [arguments(initrd, *side) for side in sides]
    guests = [harness.Guest(line + harness.icount("record", work / f"log{i}")) for i, line in enumerate(lines)]
    for guest, (_, number) in zip(guests, sides):
        boot(guest, number)
    client, server = guests
    text = client.command_line("ping -c 2 192.168.7.1")
    harness.check(", 0% packet loss" in text, f"ping: {text}")
    server.type(b"nc -l -p 99 | md5sum\n")
    server.expect(b"md5sum\r\n")
    sent = client.command_line("sleep 1; dd if=/bin/busybox bs=1k count=500 of=/tmp/f; md5sum /tmp/f; nc 192.168.7.1 99 < /tmp/f").split()
    received = server.expect(b"# ", 120).split()
    harness.check(received[0].decode() in sent, f"sent {sent}, received {received}")
    pull_cable(client)
    for guest in guests:
        guest.power_off()
    for i, guest in enumerate(guests):
        recorded = harness.check_recorded(guest)
        harness.replay_and_compare(lines[i], work / f"log{i}", recorded, f"machine {i} alone", same_output=i == 1)


harness.main(test)
