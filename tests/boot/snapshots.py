"""savevm, loadvm and delvm of a Linux guest with disk traffic on a qcow2 image, by the host's clock and by instructions: the shell, its file system
and all its clocks go on from the snapshot, in the same process and in a new one; qemu-img lists what is there and finds the image sound. Errors in
QEMU's words; -dump-vmstate."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import disk_guest  # noqa: E402
import harness  # noqa: E402
import initramfs  # noqa: E402

TRAFFIC = "while true; do dd if=/tmp/random of=/mnt/traffic bs=64k; sync; rm /mnt/traffic; done >/dev/null 2>&1 &"


def goes_on(guest, checksum):
    """A shell that was saved with word=before; its disk (not the page cache) has the file, its clocks run."""
    harness.check_equal(guest.command_line("echo $word; ls /mnt 2>/dev/null | grep -v traffic"), "before\nfile\nlost+found", "the shell's and the disk's state")
    guest.command_line("echo 3 >/proc/sys/vm/drop_caches")
    harness.check_equal(guest.command_line("sha256sum </mnt/file"), checksum, "checksum")
    start, end = map(int, guest.command_line("echo $(date +%s; sleep 2; date +%s)").split())
    harness.check(2 <= end - start <= 60, f"sleep 2 went from {start} to {end}")


def check_list(text, *tags):
    lines = text.splitlines()
    harness.check_equal(lines[0], "List of snapshots present on all disks:", "info snapshots")
    harness.check_equal(lines[1], "ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT", "info snapshots")
    row = re.compile(r"^\S+ +(\w+) +[\d.]+ MiB \d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d\d:\d\d:\d\d\.\d{3} +\d*$")
    harness.check(all(row.match(line) and len(line) == len(lines[1]) for line in lines[2:]), text)
    harness.check_equal([row.match(line)[1] for line in lines[2:]], list(tags), "tags")


def save_and_load(work, guest, monitor):
    guest.shell(120)
    guest.command_line("/bin/mke2fs -q -t ext4 /dev/sda; mount -t ext4 /dev/sda /mnt; dd if=/dev/urandom of=/tmp/random bs=64k count=8 2>/dev/null")
    guest.command_line("cp /tmp/random /mnt/file; word=before")
    checksum = guest.command_line("sha256sum </mnt/file")
    harness.check_equal(guest.command_line("ls /mnt"), "file        lost+found", "new file system")
    guest.command_line(TRAFFIC)
    for tag in ("one", "two", "three"):
        monitor.quiet(f"savevm {tag}")
    guest.command_line("word=after; rm /mnt/file; echo after >/mnt/other; sync")
    monitor.quiet("loadvm two")
    goes_on(guest, checksum)
    check_list(monitor.command("info snapshots"), "one", "two", "three")
    monitor.quiet("delvm two")
    guest.command_line("word=after; rm /mnt/file")
    monitor.quiet("loadvm one")
    goes_on(guest, checksum)
    return checksum


def machine(work, name, arguments):
    path, option = harness.monitor_option(work, name + ".monitor")
    guest = harness.Guest(arguments + option)
    return guest, harness.Monitor(path)


def round_trip(work, initrd, name, more):
    image = disk_guest.make_image(work / f"{name}.qcow2", "32M")
    arguments = disk_guest.linux_arguments(initrd, "-serial", "stdio", "-hda", image, *more)
    guest, monitor = machine(work, name, arguments)
    checksum = save_and_load(work, guest, monitor)
    monitor.quit()
    harness.check_equal(guest.finish(), 0, f"exit status; stderr: {guest.stderr_text()}")
    listed = harness.run_host("qemu-img", "snapshot", "-l", image)
    harness.check_equal(re.findall(r"^\d+ +(\w+) ", listed, re.M), ["one", "three"], "qemu-img snapshot -l")
    harness.run_host("qemu-img", "check", "-q", image)
    guest = harness.Guest(arguments + ["-monitor", "none", "-loadvm", "three"])
    guest.type(b"\n")
    guest.expect(b"# ")
    goes_on(guest, checksum)
    guest.type(b"poweroff -f\n")
    harness.check_equal(guest.finish(), 0, f"exit status; stderr: {guest.stderr_text()}")
    harness.run_host("qemu-img", "check", "-q", image)


NO_STORE = "no block device can store vmstate for snapshot"
RAW = "Device 'ide0-hd0' is writable but does not support snapshots"
NO_TAG = "Snapshot 'nothing' does not exist in one or more devices"


def errors(work):
    raw, qcow2 = disk_guest.make_image(work / "raw", "1M", "raw"), disk_guest.make_image(work / "small.qcow2", "1M")
    cases = (
        ("none", [], NO_STORE, NO_STORE, NO_STORE),
        ("raw", ["-drive", f"file={raw},format=raw"], RAW, RAW, NO_STORE),
        ("empty", ["-hda", qcow2], "", NO_TAG, "There is no snapshot available."),
        ("temporary", ["-snapshot", "-hda", qcow2], "", NO_TAG, "There is no snapshot available."),
    )
    before = open(qcow2, "rb").read()
    for name, drive, save, load, info in cases:
        arguments = ["-M", "pc", "-m", "16", "-display", "none", "-serial", "none", "-S"] + drive
        guest, monitor = machine(work, name, arguments)
        harness.check_equal(monitor.command("info snapshots"), info + "\n", f"{name}: info snapshots")
        for command, error in (("loadvm nothing", load), ("delvm nothing", load), ("savevm a", save)):
            harness.check_equal(monitor.command(command), f"Error: {error}\n" if error else "", f"{name}: {command}")
        for command, error in (("savevm a b", "extraneous characters at the end of line"), ("loadvm", "string expected")):
            word = command.split()[0]
            harness.check_equal(monitor.command(command), f"{word}: {error}\nTry \"help {word}\" for more information\n", f"{name}: {command}")
        if not save:
            for command in ('savevm "a b"', 'loadvm "a b"', 'delvm "a b"', "loadvm a", "delvm a"):
                monitor.quiet(command)
        monitor.quit()
        harness.check_equal(guest.finish(), 0, f"exit status, {name}")
        if name == "temporary":
            harness.check_equal(open(qcow2, "rb").read(), before, "-snapshot: the image")
        guest = harness.run(arguments + ["-monitor", "none", "-loadvm", "nothing"])
        harness.check_equal((guest.status, load in guest.stderr_text()), (1, True), f"{name}: -loadvm, stderr: {guest.stderr_text()}")
        before = open(qcow2, "rb").read()


def names_and_ids(work):
    """A name that is also another snapshot's ID: the name counts, and saving under it replaces nothing else."""
    image = disk_guest.make_image(work / "named.qcow2", "1M")
    guest, monitor = machine(work, "named", ["-M", "pc", "-m", "16", "-display", "none", "-serial", "none", "-S", "-hda", image])
    for tag in ("2", "first", "1", "second"):  # IDs 1, 2, 3, 4
        monitor.quiet(f"savevm {tag}")
    harness.check_equal(re.findall(r"^(\d+) +(\w+) ", monitor.command("info snapshots"), re.M),
                        [("1", "2"), ("2", "first"), ("3", "1"), ("4", "second")], "ID and tag")
    monitor.quiet("delvm 2")
    monitor.quiet("loadvm 2")  # an ID now
    monitor.quiet("delvm 4")
    harness.check_equal(re.findall(r"^(\d+) +(\w+) ", monitor.command("info snapshots"), re.M), [("2", "first"), ("3", "1")], "ID and tag")
    monitor.quit()
    harness.check_equal(guest.finish(), 0, f"exit status; stderr: {guest.stderr_text()}")


def dump(work):
    path = work / "state.json"
    guest = harness.run(["-M", "pc", "-display", "none", "-device", "rtl8139", "-device", "virtio-rng-pci", "-dump-vmstate", path])
    harness.check_equal(guest.status, 0, f"exit status of -dump-vmstate; stderr: {guest.stderr_text()}")
    with open(path, encoding="utf-8") as file:
        objects = json.load(file)["objects"]
    named = {f"{o['id']} {o['instance']}" for o in objects}
    harness.check_equal(len(named), len(objects), "different objects")
    harness.check(all(o["state"]["fields"] and o["state"]["version"] >= 1 for o in objects), "each object has fields")
    known = {"cpu", "block", "timing", "rng", "net-queue", "chardev-input", "apic", "ioapic", "isa-i8259", "isa-pit", "hpet", "mc146818rtc", "i8042", "i8257",
             "isa-serial", "VGA", "piix3-ide", "ide-cd", "isa-fdc", "floppy", "fw_cfg", "i440FX", "PIIX3", "PIIX4_PM", "rtl8139", "virtio-rng-pci"}
    harness.check_equal(known - {o["id"] for o in objects}, set(), "objects that are missing")


def test(work):
    dump(work)
    errors(work)
    names_and_ids(work)
    initrd = initramfs.disk(work / "initramfs")
    round_trip(work, initrd, "clock", [])
    round_trip(work, initrd, "icount", ["-icount", "shift=7"])


harness.main(test)
