"""Snapshots of a recording: taken with savevm at several moments while it is made (and one by rrsnapshot= at its start), gone back to in its
replay, from a new process and after the end; each time the run goes on to the recorded digest. A damaged or foreign one is refused."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


def record_demo(work, guest, log):
    path, option = harness.monitor_option(work, "record")
    machine = harness.Guest(guest + option + ["-serial", "stdio"] + harness.icount("record", log, ",rrsnapshot=start"))
    monitor = harness.Monitor(path)
    machine.expect(b"Type something.\n")
    for number, word in enumerate((b"hello", b"again", b"world")):
        monitor.quiet(f"savevm before{number}")
        machine.type(word)
        machine.expect(word)
        monitor.quiet(f"savevm after{number}")
    harness.check("a recording goes forward only" in monitor.command("loadvm before0"), "loadvm while recording is refused")
    monitor.quiet("savevm doomed")
    monitor.quiet("delvm doomed")
    listed = monitor.command("info snapshots")
    for name in ("start", "before0", "after2"):
        harness.check(name in listed, f"{name} in {listed}")
    harness.check("doomed" not in listed, listed)
    machine.close_stdin()
    return harness.check_recorded(machine)


def replay_from(guest, log, recorded, name):
    harness.replay_and_compare(guest + ["-serial", "null", "-monitor", "none", "-loadvm", name], log, recorded, f"-loadvm {name}",
                               same_output=False)


def rewind_at_the_end(work, guest, log, recorded):
    path, option = harness.monitor_option(work, "rewind")
    machine = harness.Guest(guest + option + ["-serial", "stdio", "-no-shutdown"] + harness.icount("replay", log, ",rrsnapshot=start"))
    monitor = harness.Monitor(path)
    for name in ("after1", "before0", "start", "after2"):
        monitor.wait_for_status("shutdown")
        monitor.quiet(f"loadvm {name}")
        harness.check("paused" in monitor.command("info status"), "paused after loadvm at the end")
        monitor.quiet("cont")
    monitor.wait_for_status("shutdown")
    monitor.quit()
    harness.check_equal(machine.finish(), 0, f"exit status; stderr: {machine.stderr_text()}")
    ends = machine.stderr_text().count(f"digest {harness.digest_of(recorded)[1]}, same as recorded")
    harness.check_equal(ends, 5, f"replays that ended as recorded; stderr: {machine.stderr_text()}")


def refusals(work, guest, log, recorded):
    other = work / "other"
    machine = harness.run(guest + ["-serial", "null", "-monitor", "none"] + harness.icount("replay", log) + ["-loadvm", "nothing"])
    harness.check_equal(machine.status, 1, "exit status for a snapshot that is not there")
    harness.check("nothing" in machine.stderr_text(), machine.stderr_text())
    os.makedirs(other)
    for name in ("log", "log.manifest"):
        os.link(work / name, os.path.join(other, name))
    with open(work / "log.snapshots", "rb") as file:
        image = bytearray(file.read())
    middle = len(image) // 2
    image[middle:middle + 4096] = bytes(b ^ 0x55 for b in image[middle:middle + 4096])
    with open(os.path.join(other, "log.snapshots"), "wb") as file:
        file.write(image)
    for name in ("start", "before0", "after2"):
        machine = harness.run(guest + ["-serial", "null", "-monitor", "none"] + harness.icount("replay", os.path.join(other, "log")) +
                              ["-loadvm", name])
        harness.check(machine.status in (0, 1), f"exit status with a damaged store: {machine.status}, {machine.stderr_text()}")
        if machine.status == 0:
            harness.check_equal(harness.digest_of(machine), harness.digest_of(recorded), "a snapshot that was not hit")


def foreign(work, guest, log):
    """A snapshot of another recording changes nothing: the replay goes on from where it is."""
    other = work / "second"
    recorded = harness.check_recorded(harness.run(guest + ["-serial", "stdio", "-monitor", "none"] + harness.icount("record", other)))
    path, option = harness.monitor_option(work, "foreign")
    store = ["-drive", f"file={log}.snapshots,if=none,id=store"]
    machine = harness.Guest(guest + option + store + ["-serial", "stdio", "-S"] + harness.icount("replay", other))
    monitor = harness.Monitor(path)
    text = monitor.command("loadvm after1")
    harness.check("it belongs to another recording" in text, f"loadvm of another recording's snapshot: {text!r}")
    status = monitor.command("info status")
    harness.check("paused" in status or "prelaunch" in status, f"status after a refused loadvm: {status}")
    monitor.socket.sendall(b"cont\n")
    harness.check_equal(machine.finish(), 0, f"exit status; stderr: {machine.stderr_text()}")
    harness.check_equal(harness.digest_of(machine), harness.digest_of(recorded), "digest after a refused loadvm")


def record_again(work, guest, log):
    """A new recording under an old name: the old one's snapshots are gone with it, its own go to a new file."""
    harness.check(os.path.exists(work / "log.snapshots"), "snapshots of the older recording")
    harness.check_recorded(harness.run(guest + ["-serial", "stdio", "-monitor", "none"] + harness.icount("record", log)))
    harness.check(not os.path.exists(work / "log.snapshots"), "an older recording's snapshots stand beside the new log")
    machine = harness.run(guest + ["-serial", "null", "-monitor", "none", "-loadvm", "start"] + harness.icount("replay", log))
    harness.check_equal(machine.status, 1, "exit status for a snapshot of the older recording")
    harness.check(f"Snapshot 'start' does not exist: no snapshot was taken of '{log}'" in machine.stderr_text(), machine.stderr_text())
    harness.check_recorded(harness.run(guest + ["-serial", "stdio", "-monitor", "none"] + harness.icount("record", log, ",rrsnapshot=new")))
    listed = harness.run_host("qemu-img", "snapshot", "-l", work / "log.snapshots")
    harness.check("new" in listed and "before0" not in listed, f"snapshots of the last recording: {listed}")


def test(work):
    guest = harness.rom_guest("demo", "-no-reboot")
    log = work / "log"
    recorded = record_demo(work, guest, log)
    for name in ("start", "before0", "after0", "before1", "after2"):
        replay_from(guest, log, recorded, name)
    rewind_at_the_end(work, guest, log, recorded)
    foreign(work, guest, log)
    refusals(work, guest, log, recorded)
    record_again(work, guest, log)


harness.main(test)
