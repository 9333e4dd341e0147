"""When the log cannot be written any more the machine stops with one clear error and status 1; what is there replays."""
import resource
import signal
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

GUEST = harness.rom_guest("demo", "-monitor", "none", "-no-reboot")


def limit_files(size):
    """Like a full disk: writes behind `size` fail, with EFBIG."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test(work):
    for size in (2000, 5000):
        log = work / f"log{size}"
        guest = harness.Guest(GUEST + ["-serial", "stdio"] + harness.icount("record", log), preexec_fn=lambda: limit_files(size))
        guest.expect(b"Type something.\n")
        harness.check_equal(guest.finish(60), 1, f"exit status; stderr {guest.stderr_text()!r}")
        said = guest.stderr_text()
        harness.check_equal(said.count(log), 1, f"the message names the log once: {said!r}")
        harness.check("File too large" in said and "digest" not in said, f"stderr: {said!r}")
        harness.check(b"primes found" not in guest.output, "the machine stopped before its own end")
        harness.check_equal(os.path.getsize(log), size, "size of the log")
        replayed = harness.run(GUEST + ["-serial", "stdio"] + harness.icount("replay", log))
        harness.check_equal(replayed.status, 2, f"exit status of the replay; stderr {replayed.stderr_text()!r}")
        harness.check(guest.output.startswith(replayed.output), f"replayed {replayed.output!r} of {guest.output!r}")


harness.main(test)
