"""Each card boots Debian's kernel over the network: boot ROM, DHCP, TFTP; then Linux's driver does the same, and sends a file back.
Promiscuous mode, statistics and the link are what the driver asks the card for meanwhile."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import network  # noqa: E402


def check_card(nic, md5, folder):
    sink = network.Sink()
    guest = harness.Guest(network.pxe_arguments(folder, nic))
    network.bring_up(guest)
    network.fetch(guest, md5)
    text = guest.command_line(f"nc 10.0.2.2 {sink.port} < /tmp/a; echo sent-$?", 120)
    harness.check("sent-0" in text, f"{nic}: sending: {text}")
    harness.check_equal(sink.md5(), md5, f"{nic}: MD5 of what the host received")
    text = guest.command_line("ip link set eth0 promisc on; arping -c 1 -I eth0 10.0.2.2; ip link set eth0 promisc off")
    harness.check("Received 1 re" in text, f"{nic}: promiscuous: {text}")
    text = guest.command_line("ip link set eth0 down; ip link set eth0 up; sleep 1; ip addr add 10.0.2.15/24 dev eth0; ping -c 1 10.0.2.2")
    harness.check("1 packets received" in text, f"{nic}: down and up again: {text}")
    guest.power_off()
    harness.check_equal(guest.finish(), 0, f"{nic}: exit status")


def test(work):
    for nic in ("rtl8139", "ne2k_pci"):
        folder = work / nic
        md5 = network.make_file(folder)
        network.make_bootable(folder, nic)
        check_card(nic, md5, folder)


harness.main(test)
