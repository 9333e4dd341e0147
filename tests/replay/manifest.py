"""The manifest beside the log: lost, the log still replays; it knows when an input is another; a changed digest shows; what
is no manifest is refused."""
import json
import shutil
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))


def refused(arguments, what, *names):
    guest = harness.run(arguments, 30)
    said = guest.stderr_text()
    harness.check_equal(guest.status, 1, f"{what}: exit status; stderr {said!r}")
    harness.check(said.count("\n") == 1, f"{what}: one sentence, not {said!r}")
    for name in names:
        harness.check(name in said, f"{what}: {name!r} is not named in {said!r}")


def test(work):
    log, manifest, rom = work / "log", work / "log.manifest", work / "rom"
    guest = ["-m", "16", "-bios", rom, "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"]
    shutil.copy(harness.rom_guest("demo")[5], rom)
    recorded = harness.check_recorded(harness.Guest(guest + harness.icount("record", log)))
    lines = [json.loads(line) for line in open(manifest, encoding="utf-8")]
    replay = guest + harness.icount("replay", log)

    head, end = lines[0], lines[-1]
    harness.check_equal((head["manifest"], head["shift"], len(head["seed"])), (1, 7, 16), "manifest, shift, seed")
    harness.check("-bios" in head["argv"], "the command line")
    harness.check_equal([i for i in head["inputs"] if i["path"] == rom][0]["size"], os.path.getsize(rom), "size of the ROM")
    harness.check_equal((end["end"], end["icount"], end["digest"]), (True, *harness.digest_of(recorded)), "the end")
    harness.check_equal(end["bytes"], os.path.getsize(log), "size of the log")

    data = open(rom, "rb").read()
    with open(rom, "wb") as file:
        file.write(data[:-1] + bytes([data[-1] ^ 1]))
    refused(replay, "a changed ROM", rom, "differs")
    with open(rom, "wb") as file:
        file.write(b"\xff" * 65536 + data)
    refused(replay, "a longer ROM", rom, "131072", "65536")
    with open(rom, "wb") as file:
        file.write(data)

    write_lines(manifest, lines[:-1] + [dict(end, digest="0123456789abcdef")])
    other = harness.run(replay)
    harness.check_equal(other.status, 3, f"another digest in the manifest: exit status; stderr {other.stderr_text()!r}")
    harness.check("differs from recorded 0123456789abcdef" in other.stderr_text(), other.stderr_text())
    middle = [line for line in lines if "end" not in line and "icount" in line]
    harness.check(middle, "digests on the way")
    write_lines(manifest, [dict(line, digest="0123456789abcdef") if line is middle[-1] else line for line in lines])
    other = harness.run(replay)
    harness.check_equal(other.status, 3, f"another digest on the way: exit status; stderr {other.stderr_text()!r}")
    harness.check(f"CPU state differs at icount {middle[-1]['icount']}" in other.stderr_text(), other.stderr_text())

    write_lines(manifest, lines[:-1])
    harness.check("no digest recorded" in harness.run(replay).stderr_text(), "a manifest without its last line")
    for text in ("{", "[]\n", '{"manifest":2}\n', '{"manifest":1,"inputs":7}\n', "[" * 100000 + "\n", "\0" * 1000 + "\n"):
        with open(manifest, "w", encoding="utf-8") as file:
            file.write(text)
        if text.endswith("\n"):
            refused(replay, f"manifest {text[:40]!r}", manifest)

    os.remove(manifest)
    lost = harness.run(replay)
    harness.check_equal(lost.status, 0, f"without manifest: exit status; stderr {lost.stderr_text()!r}")
    harness.check_equal(harness.digest_of(lost), harness.digest_of(recorded), "without manifest: icount and digest")
    harness.check_equal(lost.output, recorded.output, "without manifest: output")


harness.main(test)
