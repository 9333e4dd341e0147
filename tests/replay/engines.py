"""The engine does not show: what one engine recorded, every other one replays to the same digest, the JIT under stress too."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

ENGINES = ["interp", "jit", "jit,stress=one", "jit,stress=handlers", "jit,stress=nolinks", "jit,stress=tiny"]
GUEST = harness.rom_guest("demo", "-monitor", "none", "-no-reboot", "-serial", "stdio")


def record(log, engine):
    guest = harness.Guest(GUEST + ["-accel", engine] + harness.icount("record", log))
    guest.expect(b"Type something.\n")
    for word in (b"hello", b"again"):
        guest.type(word)
        guest.expect(word)
    guest.close_stdin()
    guest.expect(b"characters typed: 10,")
    return harness.check_recorded(guest)


def test(work):
    for n, recorder in enumerate(ENGINES):
        log = work / f"log{n}"
        recorded = record(log, recorder)
        for player in ENGINES:
            harness.replay_and_compare(GUEST + ["-accel", player], log, recorded, f"{recorder} recorded, {player} replays",
                                       same_output=True)


harness.main(test)
