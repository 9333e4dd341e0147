"""The engine does not show: what any engine recorded, the interpreter and the JIT replay to the same digest; and one recording,
the JIT under every kind of stress."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

ENGINES = ["interp", "jit", "jit,stress=one", "jit,stress=handlers", "jit,stress=nolinks", "jit,stress=tiny",
           "jit,stress=random", "jit,stress=random+one,stress-seed=7"]
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
        for player in ENGINES if n == 0 else ENGINES[:2]:
            harness.replay_and_compare(GUEST + ["-accel", player], log, recorded, f"{recorder} recorded, {player} replays")


harness.main(test)
