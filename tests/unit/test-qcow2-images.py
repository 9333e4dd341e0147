#!/usr/bin/env python3
"""qcow2 images between qemu-img and us: what one writes the other reads, qemu-img check finds nothing wrong, after kill -9 neither.

test-qcow2-images.py TOOL [--long]; TOOL is the program of qcow2-tool.c. --long: more seeds and kills. Without qemu-img: skipped (77).
"""

import filecmp
import itertools
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

LONG = "--long" in sys.argv
TOOL = sys.argv[1] if len(sys.argv) > 1 else ""
KILLS = 2000 if LONG else 200
STEPS = 1000 if LONG else 120

if not shutil.which("qemu-img"):
    print("skipped: qemu-img is not installed (scripts/install-packages)")
    sys.exit(77)


def run(*args, fail=False):
    """Its output; fail: it must end with status 1, and the output is what it says on stderr."""
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=300)
    if done.returncode != (1 if fail else 0):
        raise AssertionError(f"{' '.join(map(str, args))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stderr if fail else done.stdout


def tool(*args, fail=False):
    return run(TOOL, *args, fail=fail)


def qemu_img(*args):
    return run("qemu-img", *args)


def check(image):
    """qemu-img check: errors and leaks."""
    done = subprocess.run(["qemu-img", "check", "--output=json", image], capture_output=True, text=True)
    if done.returncode not in (0, 2, 3):
        raise AssertionError(f"qemu-img check {image}: {done.stdout}{done.stderr}")
    report = json.loads(done.stdout)
    return report.get("corruptions", 0) + report.get("check-errors", 0), report.get("leaks", 0)


def content(path, size, seed):
    """Data in pieces: noise, a repeated byte, nothing."""
    rng = random.Random(seed)
    with open(path, "wb") as file:
        while file.tell() < size:
            n = min(rng.choice([700, 5000, 70000, 200000]), size - file.tell())
            file.write(rng.choice([rng.randbytes(n), bytes([rng.randrange(256)]) * n, bytes(n)]))


def altered(source, path, seed):
    """As source, with some places changed."""
    rng = random.Random(seed)
    with open(source, "rb") as file:
        data = bytearray(file.read())
    for _ in range(8):
        at, n = rng.randrange(len(data)), rng.choice([512, 5000, 100000])
        n = min(n, len(data) - at)
        data[at:at + n] = rng.choice([rng.randbytes(n), bytes(n)])
    with open(path, "wb") as file:
        file.write(data)


class Images(unittest.TestCase):
    def setUp(self):
        # In memory where there is such a place: half of the time goes to fdatasync() otherwise.
        self.folder = tempfile.mkdtemp(prefix="qcow2-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def assert_same(self, a, b, what):
        self.assertTrue(filecmp.cmp(a, b, shallow=False), f"{what}: {a} and {b} differ")

    def assert_clean(self, image, leaks=False):
        errors, leaked = check(image)
        self.assertEqual(errors, 0, f"qemu-img check {image}: corruptions")
        if not leaks:
            self.assertEqual(leaked, 0, f"qemu-img check {image}: leaks")

    def assert_reads(self, image, raw):
        """Ours and qemu-img's reading of an image are the bytes of raw."""
        tool("dump", image, self.path("ours"))
        self.assert_same(self.path("ours"), raw, image)
        qemu_img("convert", "-O", "raw", image, self.path("theirs"))
        self.assert_same(self.path("theirs"), raw, image)

    def work(self, image, seed, steps=STEPS, snapshots=0):
        """Random requests by us; then both read what the model says, in the snapshots too."""
        tool("workload", image, seed, steps, snapshots, self.path("model"))
        self.assert_clean(image)
        self.assert_reads(image, self.path("model"))
        for name in os.listdir(self.folder):
            if name.startswith("model."):
                qemu_img("convert", "-O", "raw", "-l", name[6:], image, self.path("theirs"))
                self.assert_same(self.path("theirs"), self.path(name), f"snapshot {name[6:]} of {image}")
                self.assertIn(name[6:], qemu_img("snapshot", "-l", image))
                os.unlink(self.path(name))

    # ---- made by qemu-img ----

    def make_backing(self, kind, size):
        """The raw content that images begin with, and -B arguments; made once for each size."""
        base = self.path(f"base{size}.raw")
        if not os.path.exists(base):
            content(base, size, 1)
            last, args = base, ["-B", os.path.basename(base), "-F", "raw"]
            for i in range(3):
                altered(last, self.path(f"{size}-{i}.raw"), i)
                last = self.path(f"{size}-{i}.raw")
                self.convert(*args, last, f"{size}-{i}.qcow2")
                args = ["-B", f"{size}-{i}.qcow2", "-F", "qcow2"]
        if kind == "none":
            return base, []
        if kind == "raw":
            return base, ["-B", os.path.basename(base), "-F", "raw"]
        i = 0 if kind == "qcow2" else 2
        return self.path(f"{size}-{i}.raw"), ["-B", f"{size}-{i}.qcow2", "-F", "qcow2"]

    def convert(self, *args):
        """qemu-img convert in the folder, so that backing files have relative names."""
        run("sh", "-c", 'cd "$0" && exec qemu-img convert -O qcow2 "$@"', self.folder, *args)

    def read_and_rewrite(self, version, cluster, compression, backing):
        # Not a multiple of a cluster; small where clusters are, so that all of it takes seconds.
        size = {"512": 300 * 1024, "1k": 700 * 1024}.get(cluster, 3 * 2**20) + 3 * 512
        last, args = self.make_backing(backing, size)
        altered(last, self.path("disk.raw"), 99)
        options = f"compat={version},cluster_size={cluster}"
        if compression == "zstd":
            options += ",compression_type=zstd"
        flags = ["-c"] if compression != "none" else []
        self.convert(*flags, "-o", options, *args, "disk.raw", "a.qcow2")
        self.assert_reads(self.path("a.qcow2"), self.path("disk.raw"))
        self.work(self.path("a.qcow2"), 5, 60)

    def test_made_by_qemu(self):
        for version, cluster, compression, backing in itertools.product(
                ["0.10", "1.1"], ["512", "1k", "4k", "64k", "2M"], ["none", "zlib", "zstd"], ["none", "raw", "qcow2", "chain"]):
            if compression == "zstd" and version == "0.10":
                continue
            with self.subTest(version=version, cluster=cluster, compression=compression, backing=backing):
                self.read_and_rewrite(version, cluster, compression, backing)

    def test_refcount_widths(self):
        for bits in [1, 2, 4, 8, 16, 32, 64]:
            with self.subTest(bits=bits):
                image = self.path(f"w{bits}.qcow2")
                qemu_img("create", "-f", "qcow2", "-o", f"refcount_bits={bits},cluster_size=1k", image, "3M")
                self.work(image, bits, snapshots=int(bits > 2))
        self.assertIn("Numerical result out of range", tool("snapshot", self.path("w1.qcow2"), "create", "a", fail=True))
        self.assert_clean(self.path("w1.qcow2"))

    def test_preallocated(self):
        for how in ["metadata", "falloc"]:
            image = self.path("a.qcow2")
            qemu_img("create", "-f", "qcow2", "-o", f"preallocation={how}", image, "4M")
            self.work(image, 3)

    def test_backing_of_another_size(self):
        content(self.path("base.raw"), 2**20 + 512, 1)
        for size in ["700K", "3M"]:
            for compat in ["0.10", "1.1"]:
                image = self.path("a.qcow2")
                qemu_img("create", "-f", "qcow2", "-o", f"compat={compat}", "-b", "base.raw", "-F", "raw", image, size)
                self.work(image, 4)

    def test_growing_hides_the_backing_file(self):
        content(self.path("base.raw"), 2**20 + 512, 1)
        with open(self.path("base.raw"), "rb") as file, open(self.path("expected"), "wb") as expected:
            expected.write(file.read(700 * 1024).ljust(2**21, b"\0"))
        for compat in ["0.10", "1.1"]:
            image = self.path("a.qcow2")
            qemu_img("create", "-f", "qcow2", "-o", f"compat={compat}", "-b", "base.raw", "-F", "raw", image, "700K")
            tool("resize", image, 2**21)
            self.assert_clean(image)
            self.assert_reads(image, self.path("expected"))
            self.assertIn("Operation not supported", tool("resize", image, 2**20, fail=True))

    def test_snapshots_by_qemu(self):
        image = self.path("a.qcow2")
        qemu_img("create", "-f", "qcow2", "-o", "cluster_size=4k", image, "8M")
        for i in range(3):
            run("qemu-io", "-c", f"write -P {i + 1} {i}M 2M", image)
            qemu_img("snapshot", "-c", f"snap{i}", image)
        self.assertEqual([line.split()[1] for line in tool("snapshot", image, "list").splitlines()], ["snap0", "snap1", "snap2"])
        self.work(image, 8) # L2 tables that snapshots share
        tool("snapshot", image, "goto", "snap1")
        self.assert_clean(image)
        run("qemu-io", "-c", "read -P 1 0 1M", "-c", "read -P 2 1M 2M", "-c", "read -P 0 3M 5M", image)
        tool("snapshot", image, "delete", "1")
        self.assert_clean(image)
        self.assertIn("Can't find the snapshot 'snap0'", tool("snapshot", image, "delete", "snap0", fail=True))
        self.work(image, 9, snapshots=1)
        qemu_img("snapshot", "-a", "snap2", image)
        qemu_img("snapshot", "-d", "snap1", image)
        self.work(image, 10)

    def test_dirty(self):
        image = self.path("a.qcow2")
        for i in range(3):
            qemu_img("create", "-f", "qcow2", "-o", "lazy_refcounts=on,cluster_size=4k", image, "8M")
            qemu_img("snapshot", "-c", "s", image)
            subprocess.run(["qemu-io", "-c", f"write -P 7 {i}M 3M", "-c", "flush", "-c", "abort", image], capture_output=True)
            with open(image, "rb") as file:
                self.assertEqual(file.read(80)[79] & 1, 1, "qemu-io left the image clean: nothing to test")
            tool("dump", image, self.path("ours")) # for reading it stays as it is
            self.assertGreater(check(image)[0] + check(image)[1], 0)
            self.work(image, 11, snapshots=1)

    def test_refused(self):
        self.assertIn("Unsupported qcow2 feature(s): extended L2 entries", self.refuse("extended_l2=on"))
        self.assertIn("Unsupported qcow2 feature(s): external data file", self.refuse("data_file=" + self.path("data")))
        for method, name in enumerate(["AES", "LUKS"], 1):
            self.patch(35, bytes([method]))
            self.assertIn(f"Encrypted images ({name}) are not supported", tool("dump", self.path("a.qcow2"), "/dev/null", fail=True))
        self.patch(79, bytes([0x80]))
        self.assertIn("unknown incompatible feature, bit 7", tool("dump", self.path("a.qcow2"), "/dev/null", fail=True))
        self.patch(79, bytes([0x02]))
        self.assertIn("Image is corrupt; cannot be opened read/write", tool("resize", self.path("a.qcow2"), "8M", fail=True))
        tool("dump", self.path("a.qcow2"), "/dev/null")

    def refuse(self, options):
        qemu_img("create", "-f", "qcow2", "-o", options, self.path("a.qcow2"), "4M")
        return tool("dump", self.path("a.qcow2"), "/dev/null", fail=True)

    def patch(self, at, data):
        qemu_img("create", "-f", "qcow2", self.path("a.qcow2"), "4M")
        with open(self.path("a.qcow2"), "r+b") as file:
            file.seek(at)
            file.write(data)

    def test_bitmaps_are_given_up(self):
        image = self.path("a.qcow2")
        qemu_img("create", "-f", "qcow2", image, "4M")
        qemu_img("bitmap", "--add", image, "b")
        tool("resize", image, 5 * 2**20)
        with open(image, "rb") as file:
            self.assertEqual(struct.unpack(">Q", file.read(96)[88:])[0], 0)
        self.assert_clean(image, leaks=True)

    # ---- made by us ----

    def test_made_by_us(self):
        for version, cluster in itertools.product([2, 3], [512, 4096, 65536, 2**21]):
            with self.subTest(version=version, cluster=cluster):
                image = self.path("a.qcow2")
                tool("create", image, 5 * 2**20 + 512, cluster, version)
                self.assert_clean(image)
                self.work(image, version + cluster, snapshots=1)

    def test_overlay_made_by_us(self):
        content(self.path("base.raw"), 2**20, 1)
        for version in [2, 3]:
            image = self.path("a.qcow2")
            tool("create", image, 3 * 2**20, 65536, version, "base.raw", "raw")
            info = json.loads(qemu_img("info", "--output=json", image))
            self.assertEqual((info["backing-filename"], info["backing-filename-format"]), ("base.raw", "raw"))
            self.work(image, version, snapshots=1)

    def test_large(self):
        image = self.path("a.qcow2")
        tool("create", image, 60 * 2**40, 65536, 3)
        self.assert_clean(image)
        tool("create", image, 100 * 2**30, 512, 3)
        self.assertIn("is too large", tool("create", image, 2**60, 65536, 3, fail=True))
        tool("resize", image, 120 * 2**30)
        self.assert_clean(image)
        self.assertEqual(json.loads(qemu_img("info", "--output=json", image))["virtual-size"], 120 * 2**30)

    # ---- killed ----

    def kill_once(self, image, seed, rng):
        """Write, zero, discard and flush until killed; returns the number of the last flush that was confirmed."""
        process = subprocess.Popen([TOOL, "crash", image, str(seed)], stdout=subprocess.PIPE)
        time.sleep(rng.choice([0.004, 0.01, 0.03]) * (0.5 + rng.random()))
        process.send_signal(signal.SIGKILL)
        seen, _ = process.communicate()
        self.assertEqual(process.returncode, -signal.SIGKILL, "ended by itself")
        return struct.unpack("=Q", seen[-8:])[0] if seen else 0

    def test_killed(self):
        rng = random.Random(42)
        flushes = 0
        for seed in range(KILLS):
            image = self.path(f"k{seed}.qcow2")
            tool("create", image, 4 * 2**20, [512, 4096, 65536][seed % 3], 3 - seed // 3 % 2)
            last = self.kill_once(image, seed, rng)
            flushes += last > 0
            self.assert_clean(image, leaks=True)
            tool("verify", image, seed, last)
            os.unlink(image)
        self.assertGreater(flushes, KILLS / 4, "killed too early to have flushed anything")

    def test_power_cut(self):
        for seed in range(KILLS // 2):
            image = self.path(f"p{seed}.qcow2")
            tool("create", image, 4 * 2**20, [512, 4096, 65536][seed % 3], 3 - seed // 3 % 2)
            last = int(tool("powercut", image, seed))
            self.assert_clean(image, leaks=True)
            tool("verify", image, seed, last)
            os.unlink(image)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + [a for a in sys.argv[2:] if a != "--long"])
