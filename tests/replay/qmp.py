"""What QMP does to a machine that is recorded: links, keys, pointers, power button, reset, stop and cont. The replay does the same without a
client; and a client that meddles with the replay changes nothing."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
from qmp_client import QMP  # noqa: E402


def arguments(*more):
    return ["-M", "pc", "-m", "32", "-display", "none", "-serial", "none", "-monitor", "none", "-netdev", "user,id=net1",
            "-device", "e1000,netdev=net1,id=nic1,romfile=", *more]


def meddle(client, work):
    """All that reaches the machine, but for the reset."""
    client.execute("set_link", name="nic1", up=False)
    client.execute("send-key", keys=[{"type": "qcode", "data": "a"}], **{"hold-time": 10})
    client.execute("input-send-event", events=[{"type": "rel", "data": {"axis": "y", "value": 5}},
                                               {"type": "key", "data": {"down": True, "key": {"type": "number", "data": 30}}}])
    client.execute("human-monitor-command", **{"command-line": "sendkey ctrl-b"})
    client.execute("pmemsave", val=0xf0000, size=0x10000, filename=work / "rom")
    client.execute("system_powerdown")


def record(work, log):
    guest = harness.Guest(arguments("-qmp", f"unix:{work / 'qmp'},server=on,wait=off") + harness.icount("record", log))
    client = QMP(work / "qmp")
    harness.check_equal(client.execute("query-replay")["mode"], "record", "query-replay")
    meddle(client, work)
    client.wait_event("POWERDOWN")
    client.execute("stop")
    client.execute("send-key", keys=[{"type": "qcode", "data": "b"}])
    client.execute("cont")
    client.execute("system_reset")
    client.wait_event("RESET")
    client.execute("set_link", name="net1", up=True)
    start = client.execute("query-replay")["icount"]
    harness.wait_for("the firmware to go on", lambda: client.execute("query-replay")["icount"] > start + 1_000_000)
    client.execute("quit")
    return harness.check_recorded(guest)


def replay_with_client(work, log, recorded):
    path = work / "second"
    guest = harness.Guest(arguments("-S", "-qmp", f"unix:{path},server=on,wait=off") + harness.icount("replay", log))
    client = QMP(path)
    harness.check_equal(client.execute("query-replay")["mode"], "play", "query-replay")
    meddle(client, work)
    client.error("system_reset", {}, "the replay resets where the recording did")
    client.execute("cont")
    client.wait_event("RESET")
    client.wait_event("SHUTDOWN")
    harness.check_equal(guest.finish(), 0, f"exit status; stderr: {guest.stderr_text()}")
    harness.check_equal(harness.digest_of(guest), harness.digest_of(recorded), "icount and digest")


def test(work):
    log = work / "log"
    recorded = record(work, log)
    harness.replay_and_compare(arguments(), log, recorded)
    replay_with_client(work, log, recorded)


harness.main(test)
