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
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("LOCKSTEP_BUILD", "build")
PATIENCE = float(os.environ.get("LOCKSTEP_PATIENCE", "1"))  # factor on all timeouts, for slow builds
SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
DI = "/usr/lib/debian-installer/images/12/{0}/text/debian-installer/{0}/"
PROMPT = b"(qemu) "


class Failure(Exception):
    pass


def emulator(arch="i386"):
    return os.path.join(BUILD, f"qemu-system-{arch}")


def check(condition, message):
    if not condition:
        raise Failure(message)


def check_equal(found, expected, what):
    check(found == expected, f"{what}: found {found!r}, expected {expected!r}")


# ---- one run of the emulator ----

class Guest:
    """The emulator with its standard input and output as pipes."""

    def __init__(self, args, arch="i386", stdin=subprocess.PIPE, **popen):
        self.command = [emulator(arch)] + [str(a) for a in args]
        self.process = subprocess.Popen(self.command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)
        self.output = b""
        self.errors = b""
        self.status = None
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

    def _state(self):
        return (f"the end of the output:\n{self.output[-2000:].decode(errors='replace')}\n"
                f"stderr: {self.errors[-2000:].decode(errors='replace')}")

    def expect(self, text, timeout=60):
        """Wait until `text` (bytes) comes after what was expected before; what stood before it."""
        end = time.monotonic() + timeout * PATIENCE
        while text not in self.output[self._seen:]:
            left = end - time.monotonic()
            if left <= 0 or not self._open:
                why = f"within {timeout} s" if self._open else "before the emulator ended"
                raise Failure(f"{text!r} did not come {why}; {self._state()}")
            self._read(min(left, 1))
        start, found = self._seen, self.output.index(text, self._seen)
        self._seen = found + len(text)
        return self.output[start:found]

    def type(self, text):
        try:
            self.process.stdin.write(text)
            self.process.stdin.flush()
        except BrokenPipeError:
            self._read(1)
            raise Failure(f"the emulator ended before {text!r} was typed; {self._state()}") from None

    def close_stdin(self):
        self.process.stdin.close()

    def shell(self, timeout=300):
        """Wait for Linux's shell. From then on no kernel message comes between what commands print."""
        self.expect(b"# ", timeout)
        self.command_line("dmesg -n 1")

    def command_line(self, line, timeout=60, prompt=b"# "):
        """Type a shell command and return what it printed, without the echoed line."""
        self.type(line.encode() + b"\n")
        self.expect(b"\n", timeout)
        text = self.expect(prompt, timeout).rpartition(b"\n")[0]
        return text.replace(b"\r", b"").decode(errors="replace")

    def monitor(self, command, timeout=20):
        """Type a monitor command (the monitor must have the focus, at its prompt); the lines that it printed."""
        self.type(command.encode() + b"\n")
        self.expect(b"\n", timeout)
        return self.expect(PROMPT, timeout).replace(b"\r", b"").decode(errors="replace")

    def power_off(self):
        """Linux's short way; /proc is mounted, and the shell has its prompt."""
        self.type(b"echo o >/proc/sysrq-trigger\n")

    def finish(self, timeout=120):
        """Wait for the end; the exit status."""
        end = time.monotonic() + timeout * PATIENCE
        while self._open:
            left = end - time.monotonic()
            if left <= 0:
                self.process.kill()
                raise Failure(f"still running after {timeout} s; {self._state()}")
            self._read(min(left, 1))
        self.status = self.process.wait()
        return self.status

    def kill(self, signum=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(signum)

    def stderr_text(self):
        return self.errors.decode(errors="replace")


def run(args, timeout=120, arch="i386", stdin=subprocess.DEVNULL, **popen):
    """Run to the end; the Guest, with its .status."""
    guest = Guest(args, arch, stdin, **popen)
    guest.finish(timeout)
    return guest


def run_host(*command):
    """A program of the host, which must end well; what it printed."""
    result = subprocess.run(command, capture_output=True, text=True)
    check(result.returncode == 0, f"{shlex.join(map(str, command))}: {result.stdout}{result.stderr}")
    return result.stdout


def wait_for(what, condition, timeout=30):
    """Wait for what the host shows (a file's contents, say); prefer expect()."""
    end = time.monotonic() + timeout * PATIENCE
    while not condition():
        check(time.monotonic() < end, f"{what}: not within {timeout} s")
        time.sleep(0.01)


def connect(path, timeout=60):
    """A connection to a unix socket that the emulator is about to listen on."""
    def try_it():
        nonlocal connection
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout * PATIENCE)
        return connection.connect_ex(path) == 0

    connection = None
    wait_for(path, try_it, timeout)
    return connection


# ---- the monitor, beside the serial port ----

class Monitor:
    """A human monitor on a unix socket, beside the guest's serial port on stdio."""

    def __init__(self, path):
        self.socket = connect(path)
        self.read()

    def read(self):
        data = b""
        while not data.endswith(PROMPT):
            more = self.socket.recv(4096)
            check(more, f"the monitor went away after {data!r}")
            data += more
        return data

    def command(self, line):
        self.socket.sendall(line.encode() + b"\n")
        text = self.read().replace(b"\r", b"").decode(errors="replace")
        return text.partition("\n")[2].rpartition("(qemu) ")[0]

    def quiet(self, line):
        check_equal(self.command(line), "", f"what '{line}' prints")

    def wait_for_status(self, status, timeout=60):
        wait_for(f"status {status}", lambda: status in self.command("info status"), timeout)

    def quit(self):
        self.socket.sendall(b"quit\n")


def monitor_option(work, name):
    path = work / name
    return path, ["-monitor", f"unix:{path},server=on,wait=off"]


# ---- record and replay ----

def digest_of(guest):
    """(icount, digest) from the line that ends a recording or a replay."""
    found = re.findall(r"(?:record|replay): .*?end at icount (\d+), digest ([0-9a-f]{16})", guest.stderr_text())
    check(len(found) == 1, f"one line with a digest expected on stderr, got: {guest.stderr_text()!r}")
    return int(found[0][0]), found[0][1]


def icount(mode, path, more=""):
    return ["-icount", f"shift=7,rr={mode},rrfile={path}{more}"]


def check_recorded(guest, status=0, timeout=120):
    """Wait for the end of a recording, which must be a good one."""
    check_equal(guest.finish(timeout), status, f"exit status of the recording; stderr: {guest.stderr_text()!r}")
    digest_of(guest)
    return guest


def replay_and_compare(args, log, recorded, what="replay", stdin=subprocess.DEVNULL, same_output=True, timeout=300, more="",
                       **popen):
    """Replay `log` with `args`; digest, instruction count and (unless told otherwise) output must be the recorded ones."""
    guest = run(args + icount("replay", log, more), timeout, stdin=stdin, **popen)
    check_equal(guest.status, 0, f"{what}: exit status; stderr: {guest.stderr_text()!r}")
    check("same as recorded" in guest.stderr_text(), f"{what}: {guest.stderr_text()}")
    check_equal(digest_of(guest), digest_of(recorded), f"{what}: icount and digest")
    if same_output:
        check_equal(guest.output, recorded.output, f"{what}: serial output")
    return guest


class BusyHost:
    """Keep every core of the host busy while the block runs."""

    def __enter__(self):
        self.burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]

    def __exit__(self, *unused):
        for burner in self.burners:
            burner.kill()
            burner.wait()


# ---- guests ----

def rom_guest(name, *more, memory=16):
    """Arguments for a ROM guest of tests/guest/."""
    return ["-M", "pc", "-m", str(memory), "-bios", os.path.join(BUILD, "tests", "guest", name + ".bin"), "-display", "none",
            *more]


def installer_files(arch="i386"):
    """Kernel and initrd of Debian's netboot installer."""
    base = DI.format(arch)
    return base + "linux", base + "initrd.gz"


def program_for(arch):
    """Which emulator runs Debian's `arch`."""
    return {"i386": "i386", "amd64": "x86_64"}[arch]


def linux(initrd, *more, append="console=ttyS0 rdinit=/bin/sh", memory=256, arch="i386"):
    """Arguments that boot the installer's kernel; without a network unless `more` has one."""
    if not any(str(argument).startswith(("-net", "-nic")) for argument in more):
        more += ("-nic", "none")
    return ["-M", "pc", "-m", str(memory), "-kernel", installer_files(arch)[0], "-initrd", initrd, "-append", append, "-display",
            "none", *more]


# ---- the test itself ----

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
