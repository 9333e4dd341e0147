"""scripts/lockstep.py: interpreter and JIT run the same guest side by side and never differ; a translation that was spoilt on
purpose is found at exactly its instruction."""
import os
import re
import shlex
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import initramfs  # noqa: E402

SCRIPT = os.path.join(harness.SOURCE, "scripts", "lockstep.py")
DEMO = harness.rom_guest("demo", "-monitor", "none", "-no-reboot", "-serial", "stdio")


def lockstep(arguments, log, *options, status=0):
    command = [SCRIPT, *options, "--", harness.emulator()] + arguments + harness.icount("replay", log)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300 * harness.PATIENCE)
    harness.check_equal(done.returncode, status, f"{shlex.join(command)}: exit status; it printed:\n{done.stdout}")
    return done.stdout


def record_demo(log):
    guest = harness.Guest(DEMO + harness.icount("record", log))
    guest.expect(b"Type something.\n")
    guest.type(b"hello")
    guest.expect(b"hello")
    guest.close_stdin()
    return harness.check_recorded(guest)


def record_linux(arguments, log):
    guest = harness.Guest(arguments + harness.icount("record", log))
    guest.expect(b"Memory: ", 120)
    guest.kill(signal.SIGTERM)
    return harness.check_recorded(guest)


def first_execution(work, log):
    """(icount, address) of the demo guest's first `add %eax, %edx`, by the interpreter's debug log."""
    text = work / "exec"
    harness.run(DEMO + harness.icount("replay", log) + ["-accel", "interp", "-d", "in_asm,exec", "-D", text])
    listing, blocks = {}, {}
    with open(text, encoding="utf-8") as file:
        for line in file:
            insn = re.match(r"0x([0-9a-f]{8}):  (?:[0-9a-f]{2} )+ *(.*)", line)
            trace = re.match(r"Trace 0: 0x([0-9a-f]{12}) \[[0-9a-f]*/([0-9a-f]+)/", line)
            if insn:
                listing[int(insn[1], 16)] = insn[2].strip()
            if trace and int(trace[2], 16) not in blocks:
                blocks[int(trace[2], 16)] = int(trace[1], 16)
    wanted = min(a for a, insn in listing.items() if insn == "add %eax, %edx")
    entry = max(a for a in blocks if a <= wanted)
    return blocks[entry] + sum(1 for a in listing if entry <= a < wanted), wanted


def check_fault(work, log):
    icount, address = first_execution(work, log)
    printed = lockstep(DEMO, log, "--every", "100000", "--engines", "interp", f"jit,stress=nolinks,stress-wrong={address:#x}", status=3)
    expected = f"first difference at icount {icount + 1}, behind the instruction at icount {icount}:\n  {address:#010x}: add %eax, %edx\n"
    harness.check(expected in printed, f"expected {expected!r} in:\n{printed}")
    eax = re.search(r"^EAX +([0-9a-f]{8}) +([0-9a-f]{8})   <$", printed, re.M)
    harness.check(eax and int(eax[1], 16) ^ int(eax[2], 16) == 0xffffffff, f"EAX is inverted:\n{printed}")
    fields = re.search(r"differing fields:\n((?:  .*\n)*)", printed)[1].splitlines()
    harness.check_equal(fields, [f"  cpu 0: gpr[0]: {int(eax[1], 16):#x} != {int(eax[2], 16):#x}"], "fields that differ")
    harness.check("differing bytes of RAM: 0" in printed, printed)


def test(work):
    log = work / "demo"
    recorded = record_demo(log)
    printed = lockstep(DEMO, log, "--every", "10000")
    harness.check_equal(printed.splitlines()[-1], f"no difference in {harness.digest_of(recorded)[0] // 10000} digests", "the demo guest")
    lockstep(DEMO, log, "--every", "10000", "--engines", "jit,stress=one", "jit,stress=tiny")
    check_fault(work, log)
    linux = harness.linux(initramfs.small(work / "initramfs"), "-monitor", "none", "-serial", "stdio", memory=128)
    record_linux(linux, work / "linux")
    printed = lockstep(linux, work / "linux")
    harness.check("\nno difference in " in printed, f"Linux: {printed}")


harness.main(test)
