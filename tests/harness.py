"""harness.py  Run the emulator under a test: type on its serial line, wait for text, compare record with replay.

Python 3 standard library only. A failed check raises Failure; main() prints it with the command line and where the
recording was kept, so that it can be replayed by hand.
"""
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("LOCKSTEP_BUILD", "build")
DI = "/usr/lib/debian-installer/images/12/{0}/text/debian-installer/{0}/"


class Failure(Exception):
    pass


def emulator(arch="i386"):
    return os.path.join(BUILD, f"qemu-system-{arch}")


def check(condition, message):
    if not condition:
        raise Failure(message)


class Guest:
    """One run of the emulator with its standard input and output as pipes."""

    def __init__(self, args, arch="i386", stdin=subprocess.PIPE):
        self.command = [emulator(arch)] + [str(a) for a in args]
        self.process = subprocess.Popen(self.command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output = b""
        self.errors = b""
        self._seen = 0
        for stream in (self.process.stdout, self.process.stderr):
            os.set_blocking(stream.fileno(), False)
        self._open = {self.process.stdout: "output", self.process.stderr: "errors"}

    def _read(self, timeout):
        ready, _, _ = select.select(list(self._open), [], [], timeout)
        for stream in ready:
            data = stream.read()
            if data:
                setattr(self, self._open[stream], getattr(self, self._open[stream]) + data)
            elif data == b"":
                del self._open[stream]

    def expect(self, text, timeout=60):
        """Wait until `text` (bytes) comes after what was expected before."""
        end = time.monotonic() + timeout
        while text not in self.output[self._seen:]:
            left = end - time.monotonic()
            if left <= 0 or not self._open:
                tail = self.output[-2000:].decode(errors="replace")
                raise Failure(f"{text!r} did not come within {timeout} s; the end of the output:\n{tail}\n"
                              f"stderr: {self.errors.decode(errors='replace')}")
            self._read(min(left, 1))
        self._seen = self.output.index(text, self._seen) + len(text)

    def type(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def command_line(self, line, timeout=60, prompt=b"# "):
        """Type a shell command and return what it printed, without the echoed line."""
        start = self._seen
        self.type(line.encode() + b"\n")
        self.expect(b"\n", timeout)
        self.expect(prompt, timeout)
        return self.output[start:self._seen].split(b"\n", 1)[1].rsplit(b"\n", 1)[0].replace(b"\r", b"").decode(errors="replace")

    def finish(self, timeout=120):
        """Wait for the end; the exit status."""
        end = time.monotonic() + timeout
        while self._open:
            left = end - time.monotonic()
            if left <= 0:
                self.process.kill()
                raise Failure(f"still running after {timeout} s; the end of the output:\n"
                              f"{self.output[-2000:].decode(errors='replace')}")
            self._read(min(left, 1))
        return self.process.wait()

    def kill(self, signum=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(signum)

    def stderr_text(self):
        return self.errors.decode(errors="replace")


def run(args, timeout=120, arch="i386", stdin=subprocess.DEVNULL):
    """Run to the end. Returns the Guest with .status set."""
    guest = Guest(args, arch, stdin)
    guest.status = guest.finish(timeout)
    return guest


def digest_of(guest):
    """(icount, digest) from the line that ends a recording or a replay."""
    found = re.findall(r"(?:record|replay): .*?end at icount (\d+), digest ([0-9a-f]{16})", guest.stderr_text())
    check(len(found) == 1, f"one line with a digest expected on stderr, got: {guest.stderr_text()!r}")
    return int(found[0][0]), found[0][1]


def icount(mode, path, more=""):
    return ["-icount", f"shift=7,rr={mode},rrfile={path}{more}"]


def replay_and_compare(args, log, recorded, what="replay", stdin=subprocess.DEVNULL, same_output=True, timeout=300, more=""):
    """Replay `log` with `args`; digest, instruction count and (unless told otherwise) output must be the recorded ones."""
    guest = run(args + icount("replay", log, more), timeout, stdin=stdin)
    check(guest.status == 0, f"{what}: exit status {guest.status}: {guest.stderr_text()}")
    check("same as recorded" in guest.stderr_text(), f"{what}: {guest.stderr_text()}")
    check(digest_of(guest) == digest_of(recorded), f"{what}: {digest_of(guest)} instead of {digest_of(recorded)}")
    if same_output:
        check(guest.output == recorded.output, f"{what}: the serial output differs")
    return guest


class BusyHost:
    """Keep every core of the host busy while the block runs."""

    def __enter__(self):
        self.burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]

    def __exit__(self, *unused):
        for burner in self.burners:
            burner.kill()
            burner.wait()


def installer_files(arch="i386"):
    """Kernel and initrd of Debian's netboot installer."""
    base = DI.format(arch)
    return base + "linux", base + "initrd.gz"


class Work:
    """A scratch directory; kept, and named, when the test fails."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="lockstep-test-")

    def __truediv__(self, name):
        return os.path.join(self.path, name)


def main(test):
    work = Work()
    guests = []
    original = Guest.__init__

    def remember(self, *args, **kwargs):
        original(self, *args, **kwargs)
        guests.append(self)

    Guest.__init__ = remember
    try:
        test(work)
    except Failure as failure:
        print(f"FAILED: {failure}")
        for guest in guests[-1:]:
            print("last command:", shlex.join(guest.command))
        print("files kept in", work.path)
        sys.exit(1)
    finally:
        for guest in guests:
            guest.kill()
    shutil.rmtree(work.path)
