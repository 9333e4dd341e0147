"""Snapshots with disk requests in flight: a Linux guest reads and writes an IDE disk (bus-master DMA, ext4) and a virtio-blk disk (several
processes, no page cache) at once while savevm is called at ten moments of the recording. Each snapshot is gone back to in the replay, from new
processes and one after the other in one process, and goes on to the recorded digest; the images are never written."""
import hashlib
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import disk_guest  # noqa: E402
import harness  # noqa: E402
import initramfs  # noqa: E402

MODULES = initramfs.DISK_MODULES + ("virtio_pci", "virtio_blk")
MOMENTS = 10

# Four processes write, flush and read vda without a break while, from each "@go N" to the next, a file on sda is written, flushed and read back.
SCRIPT = """
trap 'echo @FAILED; poweroff -f' EXIT
dmesg -n 1
set -e
/bin/mke2fs -q -t ext4 -E nodiscard /dev/sda
mount -t ext4 /dev/sda /mnt
dd if=/dev/urandom of=/tmp/random bs=64k count=8 2>/dev/null
traffic() {
    while [ ! -e /tmp/stop ]; do
        dd if=/tmp/random of=/dev/vda bs=64k seek=$(($1 * 8)) conv=notrunc,fsync oflag=direct 2>/dev/null
        dd if=/dev/vda of=/dev/null bs=64k skip=$(($1 * 8)) count=8 iflag=direct 2>/dev/null
    done
}
for worker in 0 1 2 3; do traffic $worker & done
for round in 0 1 2 3 4 5 6 7 8 9; do
    echo @go $round
    dd if=/tmp/random of=/mnt/file$round bs=256k count=1 2>/dev/null
    sync
    echo 3 >/proc/sys/vm/drop_caches
    cmp -n 262144 /tmp/random /mnt/file$round || echo @DIFFERENT $round
done
touch /tmp/stop
wait
for worker in 0 1 2 3; do dd if=/dev/vda bs=64k skip=$(($worker * 8)) count=8 2>/dev/null | cmp - /tmp/random || echo @DIFFERENT $worker; done
umount /mnt
trap - EXIT
echo @end
poweroff -f
"""


def record(work, arguments, log):
    path, option = harness.monitor_option(work, "record")
    slow = dict(os.environ, LD_PRELOAD=os.path.join(harness.BUILD, "tests/slow-disk.so"), ASAN_OPTIONS="verify_asan_link_order=0")
    machine = harness.Guest(arguments + option + harness.icount("record", log), env=slow)
    monitor = harness.Monitor(path)
    for number in range(MOMENTS):
        machine.expect(b"@go %d" % number, 120)
        monitor.quiet(f"savevm s{number}")
    harness.check_recorded(machine)
    found = disk_guest.marks(machine.output)
    harness.check("end" in found and "FAILED" not in found and "DIFFERENT" not in found, f"the guest's traffic: {found}")
    return machine


def check_in_flight(log):
    """savevm waits for the pool, so what was in flight completes at the first checkpoint after it: before another instruction."""
    dump = subprocess.Popen([os.path.join(harness.SOURCE, "scripts/replay-dump.py"), log], stdout=subprocess.PIPE, text=True)
    completed = {int(line.split("icount ")[1].split()[0]) for line in dump.stdout if "kind=BLOCK" in line}
    harness.check_equal(dump.wait(), 0, "exit status of replay-dump.py")
    listed = harness.run_host("qemu-img", "snapshot", "-l", log + ".snapshots")
    taken = [int(icount) for icount in re.findall(r"^\d+ +s\d .* (\d+)$", listed, re.M)]
    harness.check_equal(len(taken), MOMENTS, f"snapshots in {listed}")
    harness.check(len(completed & set(taken)) >= MOMENTS // 2, f"only {completed & set(taken)} of {taken} had requests in flight")


def replay_in_one_process(work, arguments, log, recorded):
    path, option = harness.monitor_option(work, "replay")
    machine = harness.Guest(arguments + option + ["-no-shutdown", "-loadvm", "s7"] + harness.icount("replay", log))
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
    initrd = initramfs.disk(work / "initramfs", SCRIPT, MODULES)
    images = [disk_guest.make_image(work / name, size) for name, size in (("ide.qcow2", "16M"), ("virtio.qcow2", "2M"))]
    before, log = [checksum(image) for image in images], work / "log"
    drives = ["-serial", "stdio", "-hda", images[0], "-drive", f"file={images[1]},if=virtio"]
    arguments = disk_guest.linux_arguments(initrd, *drives)
    recorded = record(work, arguments, log)
    check_in_flight(log)
    for name in ("s0", "s4", "s9"):
        harness.replay_and_compare(arguments + ["-loadvm", name], log, recorded, f"-loadvm {name}", same_output=False)
    replay_in_one_process(work, arguments, log, recorded)
    harness.check_equal([checksum(image) for image in images], before, "images afterwards")


harness.main(test)
