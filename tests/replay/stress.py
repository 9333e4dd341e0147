"""Linux replayed by the JIT under stress, and by the interpreter: the digest that the JIT recorded. What makes the JIT slow gets
the first part of the boot only; stress=handlers, the slowest, is left to engines.py."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import initramfs  # noqa: E402

WHOLE = ["jit,stress=one", "jit,stress=random"]
BEGINNING = ["interp", "jit,stress=nolinks", "jit,stress=tiny", "jit,stress=random+tiny,stress-seed=3"]


def record_beginning(arguments, log):
    guest = harness.Guest(arguments + harness.icount("record", log))
    guest.expect(b"Memory: ", 120)
    guest.kill(signal.SIGTERM)
    return harness.check_recorded(guest)


def record_whole(arguments, log):
    guest = harness.Guest(arguments + harness.icount("record", log))
    guest.shell()
    guest.type(b"mount -t proc proc /proc; echo o >/proc/sysrq-trigger\n")
    return harness.check_recorded(guest)


def test(work):
    arguments = harness.linux(initramfs.small(work / "initramfs"), "-no-reboot", "-monitor", "none", "-serial", "stdio",
                              memory=128)
    for name, record, engines in (("beginning", record_beginning, BEGINNING), ("whole", record_whole, WHOLE)):
        recorded = record(arguments, work / name)
        for engine in engines:
            harness.replay_and_compare(arguments + ["-accel", engine], work / name, recorded, f"{engine} replays")


harness.main(test)
