"""Standard input, output or error closed from the start: the log's own file must not come to lie there, neither when recording
nor in the replay, where its bytes would be read as typed ones or messages written into it."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

GUEST = harness.rom_guest("demo", "-monitor", "none", "-no-reboot", "-serial", "stdio")


def end_of(log):
    last = json.loads(open(log + ".manifest", encoding="utf-8").read().splitlines()[-1])
    return last["icount"], last["digest"]


def test(work):
    for descriptors in ((0,), (1,), (2,), (0, 1, 2)):
        log, names = work / "log", " and ".join(("stdin", "stdout", "stderr")[fd] for fd in descriptors)

        def close():
            for fd in descriptors:
                os.close(fd)

        recorded = harness.run(GUEST + harness.icount("record", log), preexec_fn=close)
        harness.check_equal(recorded.status, 0, f"exit status of the recording with {names} closed")
        replayed = harness.run(GUEST + harness.icount("replay", log))
        harness.check_equal(replayed.status, 0, f"recorded with {names} closed: exit status; stderr {replayed.stderr_text()!r}")
        harness.check_equal(harness.digest_of(replayed), end_of(log), "icount and digest")
        again = harness.run(GUEST + harness.icount("replay", log), preexec_fn=close)
        harness.check_equal(again.status, 0, f"replayed with {names} closed: exit status; stderr {again.stderr_text()!r}")


harness.main(test)
