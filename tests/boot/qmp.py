"""QMP as its clients use it: handshake, a session of many commands on SeaBIOS, several sessions at once, events, errors in QEMU's form; and ten
thousand malformed inputs, after which the server answers as before."""
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
from qmp_client import QMP  # noqa: E402


def check_handshake(path):
    client = QMP(path, negotiate=False)
    version = client.greeting["QMP"]["version"]["qemu"]
    harness.check_equal(sorted(version), ["major", "micro", "minor"], "version in the greeting")
    harness.check_equal(client.greeting["QMP"]["capabilities"], [], "capabilities")
    client.error("query-status", {}, "Expecting capabilities negotiation with 'qmp_capabilities'", "CommandNotFound")
    harness.check_equal(client.execute("qmp_capabilities"), {}, "qmp_capabilities")
    client.error("qmp_capabilities", {}, "Capabilities negotiation is already complete, command ignored", "CommandNotFound")
    client.close()


# What the documentation promises; each is tried below or in replay/events.py.
ISSUE_COMMANDS = ["qmp_capabilities"] + ["query-" + name for name in (
    "status", "version", "commands", "cpus-fast", "block", "chardev", "kvm", "name", "uuid", "pci", "replay", "jobs")] + [
    "stop", "cont", "system_reset", "system_powerdown", "quit", "human-monitor-command", "send-key", "input-send-event", "screendump",
    "set_link", "pmemsave", "memsave", "snapshot-save", "snapshot-load", "snapshot-delete", "job-dismiss"]


def check_queries(client):
    harness.check_equal(client.execute("query-name"), {"name": "tested"}, "query-name")
    harness.check_equal(client.execute("query-uuid"), {"UUID": "01234567-89ab-cdef-0123-456789abcdef"}, "query-uuid")
    harness.check_equal(client.execute("query-kvm"), {"enabled": False, "present": False}, "query-kvm")
    harness.check_equal(client.execute("query-target"), {"arch": "i386"}, "query-target")
    harness.check_equal(client.execute("query-memory-size-summary")["base-memory"], 64 << 20, "base-memory")
    status = client.execute("query-status")
    harness.check_equal((status["status"], status["running"]), ("running", True), "query-status")
    harness.check_equal(client.execute("query-replay")["mode"], "none", "query-replay")
    labels = [c["label"] for c in client.execute("query-chardev")]
    harness.check("compat_monitor0" in labels and "seabios" in labels, f"query-chardev: {labels}")
    cpus = client.execute("query-cpus-fast")
    harness.check(len(cpus) == 1 and cpus[0]["thread-id"] > 0, f"query-cpus-fast: {cpus}")
    ids = [(d["id"]["vendor"], d["id"]["device"]) for d in client.execute("query-pci")[0]["devices"]]
    harness.check((0x8086, 0x1237) in ids and (0x1234, 0x1111) in ids, f"query-pci: {ids}")
    commands = [c["name"] for c in client.execute("query-commands")]
    for name in ISSUE_COMMANDS:
        harness.check(name in commands, f"query-commands lacks {name}")
    for device in client.execute("query-pci")[0]["devices"]:
        harness.check("desc" in device["class_info"] and "subsystem" in device["id"], f"query-pci: {device}")
        memory = [r for r in device["regions"] if r["type"] == "memory"]
        harness.check(all("prefetch" in r and "mem_type_64" in r for r in memory), f"query-pci: {memory}")
    client.execute("query-block")
    client.execute("query-version")
    client.execute("query-iothreads")
    harness.check_equal(client.execute("query-jobs"), [], "query-jobs")


def check_actions(client, other, work):
    client.execute("stop")
    harness.check_equal(client.execute("query-status")["status"], "paused", "status after stop")
    for c in (client, other):
        event = c.wait_event("STOP")
        harness.check(event["timestamp"]["seconds"] > 0, f"timestamp in {event}")
    client.execute("cont")
    other.wait_event("RESUME")
    text = client.execute("human-monitor-command", **{"command-line": "info status"})
    harness.check_equal(text, "VM status: running\r\n", "human-monitor-command")
    client.execute("send-key", keys=[{"type": "qcode", "data": "a"}, {"type": "number", "data": 31}])
    client.execute("input-send-event", events=[{"type": "key", "data": {"down": d, "key": {"type": "qcode", "data": "b"}}} for d in (True, False)] +
                   [{"type": "rel", "data": {"axis": "x", "value": -3}}, {"type": "btn", "data": {"down": True, "button": "left"}}])
    for name, magic in (("screen.ppm", b"P6"), ("screen.png", b"\x89PNG")):
        client.execute("screendump", filename=work / name, format=name[-3:])
        harness.check(open(work / name, "rb").read().startswith(magic), name)
    client.execute("pmemsave", val=0xf0000, size=0x10000, filename=work / "rom")
    client.execute("memsave", val=0xf0000, size=0x10000, filename=work / "rom2")
    rom = open(work / "rom", "rb").read()
    harness.check(len(rom) == 0x10000 and b"BIOS" in rom, "pmemsave of the BIOS")
    client.execute("ringbuf-write", device="ring", data="eMO8eQ==", format="base64")
    harness.check_equal(client.execute("ringbuf-read", device="ring", size=100), "x\u00fcy", "ringbuf-read")
    client.execute("ringbuf-write", device="ring", data="text")
    harness.check_equal(client.execute("ringbuf-read", device="ring", size=100, format="base64"), "dGV4dA==", "ringbuf-read")
    client.execute("set_link", name="nic1", up=False)
    client.execute("set_link", name="net1", up=True)
    client.execute("system_powerdown")
    client.wait_event("POWERDOWN")
    client.execute("system_reset")
    harness.check_equal(client.wait_event("RESET")["data"], {"guest": False, "reason": "host-qmp-system-reset"}, "RESET")


def check_errors(client, work):
    client.error("nonsense", {}, "The command nonsense has not been found", "CommandNotFound")
    client.error("stop", {"x": 1}, "Parameter 'x' is unexpected")
    client.error("pmemsave", {"val": 0, "size": 1}, "Parameter 'filename' is missing")
    client.error("pmemsave", {"val": "0", "size": 1, "filename": "x"}, "Invalid parameter type for 'val', expected: integer")
    client.error("pmemsave", {"val": 1 << 40, "size": 16, "filename": work / "x"},
                 "Invalid addr 0x0000010000000000/size 16 specified")
    client.error("send-key", {"keys": [{"type": "qcode", "data": "noway"}]}, "Parameter 'data' does not accept value 'noway'")
    client.error("screendump", {"filename": "/nonexistent/x"}, "failed to open file '/nonexistent/x': No such file or directory")
    client.error("ringbuf-read", {"device": "missing", "size": 1}, "Device 'missing' not found")
    client.error("ringbuf-read", {"device": "seabios", "size": 1}, "seabios is not a ringbuf device")
    client.error("ringbuf-read", {"device": "ring", "size": 0}, "size must be greater than zero")
    client.error("ringbuf-write", {"device": "ring", "data": "x", "format": "no"}, "Parameter 'format' does not accept value 'no'")
    client.error("device_add", {"driver": "e1000"}, "Bus 'pci.0' does not support hotplugging")
    client.error("netdev_add", {"type": "user", "id": "n2"}, "netdevs are made at the start, by -netdev and -nic")
    client.error("set_link", {"name": "missing", "up": True}, "Device 'missing' not found", "DeviceNotFound")
    client.error("set_link", {"name": "nic1"}, "Parameter 'up' is missing")
    client.error("job-dismiss", {"id": "none"}, "Job not found")
    client.error("human-monitor-command", {"command-line": "info status", "cpu-index": 7}, "Parameter 'cpu-index' expects a CPU number")
    for data, text in ((b"[1]\n", "QMP input must be a JSON object"), (b'{"id":1}\n', "QMP input lacks member 'execute'"),
                       (b'{"execute":1}\n', "QMP input member 'execute' must be a string"),
                       (b'{"execute":"stop","arguments":[]}\n', "QMP input member 'arguments' must be an object"),
                       (b'{"execute":"stop","more":1}\n', "QMP input member 'more' is unexpected"),
                       (b"{" * 5000 + b"\n", None), (b"}\n", None), (b"\xff\xfe\n", None), (b'{"a"}\n', None)):
        client.send(data)
        message = client.reply()
        harness.check_equal(message["error"]["class"], "GenericError", f"{data[:40]!r}")
        if text:
            harness.check_equal(message["error"]["desc"], text, f"{data!r}")


def malformed(number):
    """Pieces of a good command cut, doubled, swapped and spoilt."""
    rng = random.Random(number)
    data = bytearray(json.dumps({"execute": "query-status", "id": number, "arguments": {}}).encode())
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            del data[at:at + rng.randint(1, 9)]
        elif kind == 1:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 5)))
        elif kind == 2:
            data[at:at] = rng.choice([b"{", b"}", b"[", b"]", b'"', b"'", b"\\", b"\\u", b"null", b"1e999", b"//", b"\0"])
        elif kind == 3:
            data[at:at] = data[:rng.randint(1, 20)]
        elif data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
    return bytes(data).replace(b"\n", b" ") + b"\n"


def check_malformed(path):
    """Replies are read away in between; the client that sent them is as good as any afterwards, once it has closed its brackets."""
    client = QMP(path)
    client.socket.setblocking(False)
    for number in range(10000):
        data = malformed(number)
        while data:
            try:
                data = data[client.socket.send(data):]
            except BlockingIOError:
                pass
            try:
                client.socket.recv(1 << 16)
            except BlockingIOError:
                pass
    client.close()
    client = QMP(path)
    harness.check_equal(client.execute("query-status")["status"], "running", "status after malformed inputs")
    return client


def test(work):
    one, two = work / "one", work / "two"
    guest = harness.Guest(["-M", "pc", "-m", "64", "-display", "none", "-serial", "none", "-monitor", "none", "-netdev", "user,id=net1",
                           "-device", "e1000,netdev=net1,id=nic1,romfile=", "-name", "tested",
                           "-uuid", "01234567-89ab-cdef-0123-456789abcdef", "-qmp", f"unix:{one},server=on,wait=off",
                           "-chardev", f"socket,id=second,path={two},server=on,wait=off", "-mon", "chardev=second,mode=control",
                           "-chardev", f"file,id=seabios,path={work / 'log'}", "-device", "isa-debugcon,iobase=0x402,chardev=seabios",
                           "-chardev", "ringbuf,id=ring"])
    check_handshake(one)
    client, other = QMP(one), QMP(two)
    harness.wait_for("SeaBIOS", lambda: b"No bootable device." in open(work / "log", "rb").read())
    check_queries(client)
    check_actions(client, other, work)
    check_errors(client, work)
    client.close()
    client = check_malformed(one)
    client.execute("quit")
    harness.check_equal(other.wait_event("SHUTDOWN")["data"], {"guest": False, "reason": "host-qmp-quit"}, "SHUTDOWN")
    harness.check(other.file.read() == b"", "SHUTDOWN is the last word")
    harness.check_equal(guest.finish(), 0, f"exit status; stderr: {guest.stderr_text()}")


harness.main(test)
