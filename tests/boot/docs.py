"""README.md and docs/ say what is so: files, functions, options, devices and commands that they name exist, and the tables of
commands, log items and devices are whole."""
import glob
import itertools
import json
import os
import pathlib
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = [p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")]
NO_SOURCE = {"hw/misc/ticker.c", "docs/interop/qcow2.txt"}  # an example; QEMU's
NO_FUNCTION = {"chip_connect", "_event", "_shutdown_request", "_powerdown_request"}  # patterns and endings
PARTLY = {"smp", "device", "feature"}  # refused with some arguments
NO_OPTION = {"feature", "cmd", "load", "delete", "rx", "tx", "normal", "cplus"}  # endings, and keys of options


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def pages():
    return {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8") for p in [ROOT / "README.md", *sorted((ROOT / "docs").iterdir())]}


def spans(text):
    """What is set as code: in backquotes, or indented."""
    return re.findall(r"`([^`\n]+)`", text) + re.findall(r"^ {2,}(.*)$", text, re.M)


def rows(text, heading):
    """The cells of the Markdown table whose heading begins with that."""
    lines = iter(text[text.index(f"\n| {heading}"):].split("\n")[3:])
    table = itertools.takewhile(lambda line: line.startswith("|"), lines)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def names(cell):
    """The first word of each thing in backquotes."""
    return [re.split(r"[ ,=\[]", span)[0] for span in re.findall(r"`([^`]+)`", cell)]


def alternatives(pattern):
    """a{b,c}d -> abd, acd"""
    parts = re.match(r"(.*)\{(.*)\}(.*)", pattern)
    return [parts[1] + part + parts[3] for part in parts[2].split(",")] if parts else [pattern]


def exists(path):
    return any(glob.glob(str(ROOT / start / path) + end) for start in ("", "include") for end in ("", ".[ch]"))


def named_files(text):
    found = re.findall(r"(?<![\w/.$-])((?:%s)/[\w./{},*<>-]*)" % "|".join(FOLDERS), text)
    paths = [re.sub("<[a-z]+>", "*", a) for f in found for a in alternatives(f.rstrip(".,"))]
    bare = re.findall(r"(?<![\w/.{}*-])(\w[\w-]*\.(?:c|h|py|S))\b", text)
    return [p for p in paths if p not in NO_SOURCE and not exists(p)] + [b for b in bare if not list(ROOT.glob(f"**/{b}"))]


def words_of_the_source():
    files = [f for folder in FOLDERS for f in (ROOT / folder).rglob("*") if f.suffix in (".c", ".h", ".S", ".py")]
    return set(re.findall(r"\w+", "".join(f.read_text(errors="replace") for f in [*files, *ROOT.glob("*.[ch]")])))


def output(*args):
    guest = harness.run(args)
    harness.check(guest.status == 0 and not guest.errors, f"{args}: {guest.status}, {guest.stderr_text()}")
    return guest.output.decode()


def check_nothing(what, wrong):
    harness.check(not wrong, f"{what}: {wrong}")


def check_same(what, documented, real):
    documented, real = set(documented), set(real)
    harness.check(documented == real, f"{what}: only in the document {sorted(documented - real)}, missing there {sorted(real - documented)}")


def check_page(name, text, words, options):
    check_nothing(f"{name}: no such file", named_files(text))
    check_nothing(f"{name}: no such function", set(re.findall(r"\b([a-z_]\w+)\(\)", text)) - words - NO_FUNCTION)
    named = {o for span in spans(text) for o in re.findall(r"(?:^|[ (\[])-([a-z][a-z-]+|[A-Z])\b", span)}
    check_nothing(f"{name}: no such option", named - options - NO_OPTION)


def check_options(readme, options):
    """README's table has them all, and what it calls refused is."""
    table = rows(readme, "| there is | refused")
    there = {n.lstrip("-") for row in table for n in names(row[1]) if n.startswith("-")}
    refused = {n.lstrip("-") for row in table for n in names(row[2]) if n.startswith("-")} - PARTLY
    check_nothing("README: refused, and in -help", refused & options)
    check_nothing("README: options of -help that it does not name", options - there - PARTLY - {"machine", "h", "hdb", "hdc"})
    return refused


def check_devices(readme):
    row = next(r for r in rows(readme, "| there is | refused") if r[0] == "devices")
    net = next(r for r in rows(readme, "| there is | refused") if r[0] == "network")
    documented = names(row[1]) + names(net[1])
    for device in re.findall(r'^name "([^"]+)"', output("-device", "help"), re.M):
        harness.check(device in re.sub(r"[`,]", " ", row[1] + net[1]).split(), f"README: -device {device} is missing among {documented}")


def check_properties(page):
    """Whatever docs/virtio.md says that a device has, it has."""
    for devices, _, properties, _ in rows(page, "`-device`"):
        for device in names(devices):
            real = re.findall(r"^  (\w+)=", output("-nodefaults", "-display", "none", "-device", f"{device},help"), re.M)
            check_nothing(f"docs/virtio.md: properties that {device} has not", set(names(re.sub(r"\(.*?\)", "", properties))) - set(real))


def check_monitor(work):
    """The tables of docs/monitor.md against what the monitors list."""
    text = read("docs/monitor.md")
    qmp = work / "qmp"
    guest = harness.Guest(["-S", "-display", "none", "-nodefaults", "-monitor", "stdio", "-qmp", f"unix:{qmp},server=on,wait=off"])
    guest.expect(harness.PROMPT)
    for command, heading in (("help", "command"), ("info", "`info`")):
        lines = [line.removeprefix("info ") if command == "info" else line for line in guest.monitor(command).split("\n") if " -- " in line]
        real = [name for line in lines for name in line.split(" ")[0].split("|")]
        check_same(f"docs/monitor.md: {command}", [n for row in rows(text, heading + " |") for n in names(row[0])], real)
    check_same("docs/monitor.md: QMP", [n for row in rows(text, "QMP |") for n in names(row[0])], qmp_commands(qmp))
    guest.type(b"quit\n")
    harness.check_equal(guest.finish(), 0, "exit status")


def qmp_commands(path):
    with harness.connect(path) as sock, sock.makefile("rb") as file:
        file.readline()
        replies = []
        for command in ("qmp_capabilities", "query-commands"):
            sock.sendall(json.dumps({"execute": command}).encode() + b"\n")
            replies.append(json.loads(file.readline()))
        return [c["name"] for c in replies[1]["return"]]


def test(work):
    documents, words = pages(), words_of_the_source()
    options = set(re.findall(r"^  -(\S+)", output("-help"), re.M))
    refused = check_options(documents["README.md"], options)
    for name, text in documents.items():
        check_page(name, text, words, options | refused)
    check_devices(documents["README.md"])
    check_same("docs/debugging.md: -d", [n for row in rows(read("docs/debugging.md"), "item") for n in names(row[0])],
               re.findall(r"^(\w+)  ", output("-d", "help"), re.M))
    check_properties(documents["docs/virtio.md"])
    check_monitor(work)


harness.main(test)
