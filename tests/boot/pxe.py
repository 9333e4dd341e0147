"""Boot from the network: the card's iPXE ROM gets an address and a script from the user network, recorded and replayed without it. The ROM for
virtio carries another card's identity."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

SCRIPT = "#!ipxe\necho The card is ${net0/chip}\necho And off it goes\nreboot\n"


def test(work):
    for model, chip in (("rtl8139", "rtl8139"), ("virtio", "virtio-net")):
        folder = work / model
        os.mkdir(folder)
        with open(os.path.join(folder, "boot.ipxe"), "w", encoding="ascii") as file:
            file.write(SCRIPT)
        args = ["-M", "pc", "-m", "64", "-nographic", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-boot", "n",
                "-nic", f"user,model={model},tftp={folder},bootfile=boot.ipxe"]
        guest = harness.Guest(args + harness.icount("record", work / f"{model}.bin"))
        guest.expect(f"The card is {chip}".encode(), 120)
        recorded = harness.check_recorded(guest)
        shutil.rmtree(folder)
        harness.replay_and_compare(args, work / f"{model}.bin", recorded, model)


harness.main(test)
