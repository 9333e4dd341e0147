"""A guest that works its disk: the data is right in every format; recorded and replayed with equal digests the images do not
change; a disk that is another, is missing or has other properties is refused; -snapshot keeps the image as it is; bootindex and -boot choose."""
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

GRUB = "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"
ROUNDS, BLOCKS, BLOCK = 64, 256, 4096


def make_disk(seed=42):
    with open(os.path.join(harness.BUILD, "tests", "guest", "disk-boot.bin"), "rb") as file:
        boot = file.read()
    data = random.Random(seed).randbytes(BLOCKS * BLOCK)
    return boot.ljust(8 * 512, b"\0") + data


def work_disk(disk):
    """What the guest does (tests/guest/disk/boot.S): its sum, and the disk afterwards."""
    disk, total = bytearray(disk), 0
    for number in range(ROUNDS):
        source, target = (4096 + n % BLOCKS * BLOCK for n in (number * 37, number * 53 + 7))
        words = struct.unpack("<1024I", disk[source:source + BLOCK])
        total += sum(words)
        disk[target:target + BLOCK] = struct.pack("<1024I", *((w + number) & 0xffffffff for w in words))
    return f"{total & 0xffffffff:08x}\n".encode(), bytes(disk)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def contents(path, work):
    harness.run_host("qemu-img", "convert", "-O", "raw", path, work / "converted")
    return read(work / "converted")


def machine(*disk):
    return ["-m", "16", "-display", "none", "-monitor", "none", "-serial", "stdio", "-vga", "none", "-net", "none", "-device",
            "isa-debug-exit,iobase=0x501", *disk]


def run_to_end(arguments, output):
    """isa-debug-exit with 0 ends with status 1."""
    guest = harness.run(arguments, 60)
    harness.check_equal((guest.status, guest.output), (1, output), f"status and output; stderr {guest.stderr_text()!r}")
    return guest


def without_replay(work, disk):
    """Raw and qcow2, with and without a backing file, every way of caching: the image is what the guest wrote."""
    total, after = work_disk(disk)
    write(work / "base", disk)
    harness.run_host("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "raw", work / "overlay")
    harness.run_host("qemu-img", "convert", "-O", "qcow2", work / "base", work / "full")
    write(work / "raw", disk)
    for image, options in (("raw", "format=raw,cache=writethrough"), ("overlay", "cache=unsafe"), ("full", "cache=directsync")):
        run_to_end(machine("-drive", f"file={work / image},{options}"), total)
        harness.check(contents(work / image, work)[:len(after)] == after, f"{image}: what the guest wrote")
    harness.check(read(work / "base") == disk, "the backing file is not written")
    run_to_end(machine("-snapshot", "-drive", f"file={work / 'base'},format=raw"), total)
    harness.check(read(work / "base") == disk, "-snapshot writes nothing")
    graph = (f'{{"driver":"qcow2","node-name":"d","file":{{"driver":"file","filename":"{work / "full2"}"}},'
             f'"backing":{{"driver":"raw","file":{{"driver":"file","filename":"{work / "base"}"}}}}}}')
    harness.run_host("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "raw", work / "full2")
    run_to_end(machine("-blockdev", graph, "-device", "ide-hd,drive=d"), total)
    harness.check(contents(work / "full2", work)[:len(after)] == after, "-blockdev: what the guest wrote")


def boot_order(work, disk):
    """Of two disks the one with the lower bootindex boots, wherever it is."""
    other = make_disk(43)
    write(work / "a", disk)
    write(work / "b", other)
    for first, second, booted in (("", ",bootindex=7", other), (",bootindex=7", ",bootindex=3", other), (",bootindex=7", "", disk)):
        run_to_end(machine("-snapshot", "-drive", f"file={work / 'a'},format=raw,if=none,id=a", "-drive",
                           f"file={work / 'b'},format=raw,if=none,id=b", "-device", "ide-hd,drive=a" + first, "-device",
                           "ide-hd,drive=b" + second), work_disk(booted)[0])


def boot_once(work, disk):
    """once= is for the first boot only."""
    write(work / "a", disk)
    guest = harness.Guest(["-nographic", "-m", "16", "-net", "none", "-device", "isa-debug-exit,iobase=0x501", "-snapshot", "-drive",
                           f"file={work / 'a'},format=raw", "-cdrom", GRUB, "-boot", "order=c,once=d"])
    guest.expect(b"GRUB")
    guest.type(b"\x01csystem_reset\n")
    guest.expect(work_disk(disk)[0].strip())
    harness.check_equal(guest.finish(30), 1, "exit status")


def refused(arguments, *names):
    guest = harness.run(arguments, 30)
    said = guest.stderr_text()
    harness.check_equal(guest.status, 1, f"exit status; stderr {said!r}")
    harness.check(said.count("\n") == 1, f"one sentence, not {said!r}")
    for name in names:
        harness.check(name in said, f"{name!r} is not named in {said!r}")


def with_replay(work, disk):
    total, _ = work_disk(disk)
    write(work / "base", disk)
    harness.run_host("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "raw", work / "disk")
    before = read(work / "disk")
    short = machine("-hda", work / "disk")
    explicit = machine("-drive", f"file={work / 'disk'},if=none,id=img-direct", "-drive",
                       "driver=blkreplay,if=none,image=img-direct,id=img-blkreplay", "-device", "ide-hd,drive=img-blkreplay")
    for guest, log in ((short, work / "short"), (explicit, work / "explicit")):
        recorded = harness.check_recorded(harness.Guest(guest + harness.icount("record", log)), 1)
        harness.check_equal(recorded.output, total, "the sum")
        with harness.BusyHost():
            harness.replay_and_compare(guest, log, recorded, "replay on a busy host")
        harness.replay_and_compare(guest + ["-accel", "interp"], log, recorded, "replay by the interpreter")
        harness.check(read(work / "base") == disk and read(work / "disk") == before, "images are never written")

    replay = harness.icount("replay", work / "short")
    refused(machine("-drive", f"file={work / 'disk'},cache=writethrough") + replay, "drive ide0-hd0", "writethrough")
    refused(machine("-hda", work / "base") + replay, "disk file", work / "base")
    refused(machine() + replay, "disk file", "missing")
    changed = bytearray(disk)
    changed[-1] ^= 1
    write(work / "base", changed)
    refused(short + replay, "-hda", work / "base", "differs")


def test(work):
    disk = make_disk()
    without_replay(work, disk)
    boot_order(work, disk)
    boot_once(work, disk)
    with_replay(work, disk)


harness.main(test)
