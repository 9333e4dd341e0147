"""A machine with the default card boots over the network, gets an address and a file by TFTP and HTTP, all recorded; it replays with the
files and the server gone and the host busy."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import network  # noqa: E402


def test(work):
    folder = work / "served"
    md5 = network.make_file(folder)
    network.make_bootable(folder, "e1000")
    server, log = network.serve_http(folder), work / "log"
    arguments = network.pxe_arguments(folder, "e1000")
    guest = harness.Guest(arguments + harness.icount("record", log))
    network.bring_up(guest)
    network.fetch(guest, md5, server.server_port)
    guest.power_off()
    recorded = harness.check_recorded(guest)

    server.shutdown()
    shutil.rmtree(folder)
    with harness.BusyHost():
        harness.replay_and_compare(arguments, log, recorded, "server and files gone")


harness.main(test)
