"""Snapshots with disk requests in flight: a Linux guest reads and writes an IDE disk (bus-master DMA, ext4) and a virtio-blk disk (several
processes, no page cache) at once while savevm is called at ten moments of the recording. Each snapshot is gone back to in the replay, from new
processes and one after the other in one process, and goes on to the recorded digest; the images are never written."""
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import debian  # noqa: E402
import disk_guest  # noqa: E402
import harness  # noqa: E402

MODULES = debian.DISK_MODULES + ("virtio_pci", "virtio_blk")
MOMENTS = 10

# "@go N": four writers and readers at work on vda while the file system on sda is written, read back and flushed.
SCRIPT = """
trap 'echo @FAILED; poweroff -f' EXIT
dmesg -n 1
set -e
/bin/mke2fs -q -t ext4 -E nodiscard /dev/sda
mount -t ext4 /dev/sda /mnt
traffic() {
    dd if=/dev/urandom of=/tmp/block$1 bs=4k count=4 2>/dev/null
    for i in $(seq 4); do
        dd if=/tmp/block$1 of=/dev/vda bs=4k seek=$(($1 * 32 + $i * 4)) count=4 conv=notrunc oflag=direct 2>/dev/null
        dd if=/dev/vda of=/tmp/back$1 bs=4k skip=$(($1 * 32 + $i * 4)) count=4 iflag=direct 2>/dev/null
        cmp /tmp/block$1 /tmp/back$1 || echo @DIFFERENT $1 $i
    done
}
for round in 0 1 2 3 4 5 6 7 8 9; do
    echo @go $round
    for worker in 1 2 3 4; do traffic $worker & done
    dd if=/dev/urandom of=/mnt/file$round bs=4k count=32 2>/dev/null
    sync
    echo 3 >/proc/sys/vm/drop_caches
    echo @sum $round $(cat /mnt/file* | sha256sum)
    wait
done
echo @vda $(sha256sum /dev/vda)
umount /mnt
trap - EXIT
echo @end
poweroff -f
"""


def record(work, arguments, log):
    path, option = harness.monitor_option(work, "record")
    machine = harness.Guest(arguments + option + harness.icount("record", log))
    monitor = harness.Monitor(path)
    for number in range(MOMENTS):
        machine.expect(b"@go %d" % number, 120)
        monitor.quiet(f"savevm s{number}")
    harness.check_recorded(machine)
    found = disk_guest.marks(machine.output)
    harness.check("end" in found and "FAILED" not in found and "DIFFERENT" not in found, f"the guest's traffic: {found}")
    return machine


def replay_in_one_process(work, arguments, log, recorded):
    path, option = harness.monitor_option(work, "replay")
    machine = harness.Guest(arguments + option + ["-no-shutdown"] + harness.icount("replay", log))
    monitor = harness.Monitor(path)
    for number in (5, 2, 8):  # with a replay under way, its requests in flight too
        monitor.quiet(f"loadvm s{number}")
    for number in reversed(range(MOMENTS)):
        monitor.wait_for_status("shutdown")
        monitor.quiet(f"loadvm s{number}")
        monitor.quiet("cont")
    monitor.wait_for_status("shutdown")
    monitor.quit()
    harness.check_equal(machine.finish(), 0, f"exit status; stderr: {machine.stderr_text()}")
    ends = machine.stderr_text().count(f"digest {harness.digest_of(recorded)[1]}, same as recorded")
    harness.check_equal(ends, MOMENTS + 1, f"replays that ended as recorded; stderr: {machine.stderr_text()}")


def checksum(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def test(work):
    initramfs = debian.disk_initramfs(work / "initramfs", SCRIPT, MODULES)
    images = [disk_guest.make_image(work / name, "16M") for name in ("ide.qcow2", "virtio.qcow2")]
    before, log = [checksum(image) for image in images], work / "log"
    drives = ["-serial", "stdio", "-hda", images[0], "-drive", f"file={images[1]},if=virtio"]
    arguments = disk_guest.linux_arguments(initramfs, *drives)
    recorded = record(work, arguments, log)
    for name in ("s0", "s4", "s9"):
        harness.replay_and_compare(arguments + ["-loadvm", name], log, recorded, f"-loadvm {name}", same_output=False)
    replay_in_one_process(work, arguments, log, recorded)
    harness.check_equal([checksum(image) for image in images], before, "images afterwards")


harness.main(test)
