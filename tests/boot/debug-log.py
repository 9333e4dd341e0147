"""-d, -D, -dfilter: what the debug log shows of our multiboot guest, and that a run does not change when it is watched."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

GUEST = os.path.join(harness.BUILD, "tests", "guest", "multiboot.elf")
MACHINE = ["-m", "64", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
           "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4", "-device", "pc-testdev", "-icount", "shift=7,sleep=off",
           "-kernel", GUEST, "-append", "testdev faults errors"]
CODE = (0x100000, 0x101fff)
CODE_FILTER = ["-dfilter", f"{CODE[0]:#x}..{CODE[1]:#x}"]
ALL_RIGHT = 33


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def log_of(work, items, more=()):
    path = work / "log"
    guest = harness.run(MACHINE + ["-d", items, "-D", path] + list(more))
    harness.check(guest.status == ALL_RIGHT, f"-d {items}: status {guest.status}: {guest.stderr_text()}")
    harness.check(guest.stderr_text() == "", f"-d {items} -D: stderr: {guest.stderr_text()}")
    return read(path)


def refused(args, text):
    guest = harness.run(args)
    harness.check(guest.status == 1 and text in guest.stderr_text() and guest.stderr_text().count("\n") == 1,
                  f"{args}: status {guest.status}: {guest.stderr_text()}")


def test_options(work):
    guest = harness.run(["-d", "help"])
    harness.check(guest.status == 0, "-d help ends with 0")
    for item in (b"in_asm", b"int", b"exec", b"cpu", b"guest_errors"):
        harness.check(b"\n" + item + b" " in guest.output, f"-d help lists {item}")
    refused(["-d", "int,nonsense"], "-d int,nonsense: unknown log item 'nonsense'")
    refused(["-d", ""], "unknown log item")
    refused(["-D", work / "nowhere/log", "-d", "int"], "Error opening logfile")
    refused(["-D", "%d-%d"], "Bad logfile format")
    for wrong in ("", "1,", "1", "x..2", "1..", "1..2x", "1...2", "1,2", "-1+2", "1+99999999999999999999"):
        refused(["-dfilter", wrong], "Bad range specifier")
    for wrong in ("2..1", "1+0", "1-0", "0x10-0x20", "0xffffffffffffffff+2"):
        refused(["-dfilter", wrong], "Invalid range")


def test_file(work):
    harness.run(MACHINE + ["-D", work / "unused"])
    harness.check(not os.path.exists(work / "unused"), "-D without -d makes no file")
    guest = harness.run(MACHINE + ["-d", "guest_errors"])
    harness.check("Invalid read at addr 0xE0000000" in guest.stderr_text(), "without -D the log goes to stderr")
    guest = harness.run(MACHINE + ["-d", "guest_errors", "-D", work / "log-%d"])
    harness.check(os.path.exists(work / f"log-{guest.process.pid}"), "%d in the name is the process number")


def test_int(work):
    log = log_of(work, "int")
    for line in (r" *\d+: v=06 e=0000 i=0 cpl=0 IP=0008:0010\w{4} pc=0010\w{4} SP=0010:0010\w{4} env->regs\[R_EAX\]=\w{8}\n",
                 r" *\d+: v=30 e=0000 i=1 cpl=0 IP=0008:",
                 r" *\d+: v=0d e=0028 i=0 cpl=0 IP=0008:",
                 r"Servicing hardware INT=0x08\n *\d+: v=08 e=0000 i=0 cpl=0 IP=f000:"):
        harness.check(re.search("^" + line, log, re.M), f"no line like {line!r}")
    events = [int(n) for n in re.findall(r"^ *(\d+): v=", log, re.M)]
    harness.check(events == list(range(len(events))), "events are numbered from 0")
    harness.check(len(re.findall(r"^EAX=", log, re.M)) == len(events) + log.count("SMM: enter"),
                  "the CPU's state comes with each")
    harness.check("FCW=" not in log and "IN:" not in log and "Trace" not in log, "other items are off")


def test_in_asm(work):
    log = log_of(work, "in_asm", CODE_FILTER)
    blocks = re.findall(r"^-{16}\nIN: \n0x(\w{8}):", log, re.M)
    harness.check(blocks and len(blocks) == len(set(blocks)), "each block comes once")
    harness.check(all(CODE[0] <= int(b, 16) <= CODE[1] for b in blocks), "the filter holds")
    for line in (r"0x0010\w{4}:  0f 0b                    ud2", r"0x0010\w{4}:  cd 30                    int \$0x30",
                 r"0x0010\w{4}:  8e d8                    mov %ax, %ds"):
        harness.check(re.search(f"^{line}$", log, re.M), f"no line like {line!r}")
    harness.check(re.search(r"^0xfffffff0:  ea 5b e0 00 f0           ljmp", log_of(work, "in_asm"), re.M),
                  "without a filter, from the reset vector on")


def test_exec_and_cpu(work):
    log = log_of(work, "exec,cpu", CODE_FILTER)
    traces = [(int(count, 16), int(pc, 16)) for count, pc in
              re.findall(r"^Trace 0: 0x(\w+) \[00000000/(\w{8})/\w{8}\] $", log, re.M)]
    harness.check(len(traces) > 100 and log.count("Trace") == len(traces), "trace lines have one form")
    harness.check(all(CODE[0] <= pc <= CODE[1] for _, pc in traces), "the filter holds")
    harness.check(all(a[0] < b[0] for a, b in zip(traces, traces[1:])), "instruction counts rise")
    states = [int(ip, 16) for ip in re.findall(r"^EIP=(\w{8})", log, re.M)]
    harness.check(states == [pc for _, pc in traces], "the state before each block")
    harness.check("FCW=" not in log and "FCW=" in log_of(work, "cpu,fpu", CODE_FILTER), "fpu adds the FPU's registers")
    entry = traces[0][1]
    for more, expected in ((f"{entry:#x}+1", True), (f"{entry:#x}-1", True), (f"{entry + 1:#x}-2", True),
                           (f"{entry + 1:#x}-1", False), (f"1..2,{entry:#x}..{entry:#x}", True)):
        shown = "Trace" in log_of(work, "exec", ["-dfilter", more])
        harness.check(shown == expected, f"-dfilter {more}: {shown}")


def test_guest_errors(work):
    lines = [line for line in log_of(work, "guest_errors").splitlines() if "0xE00000" in line or "0x777" in line]
    harness.check(lines == ["Invalid read at addr 0xE0000000, size 4, region '(null)', reason: rejected",
                            "Invalid write at addr 0xE0000010, size 2, region '(null)', reason: rejected",
                            "Invalid read at port 0x7777, size 1, region '(null)', reason: rejected",
                            "Invalid write at port 0x7778, size 1, region '(null)', reason: rejected"], str(lines))


def test_triple_fault(work):
    """With no IDT of its own, the first exception ends it."""
    code = bytes.fromhex("02b0ad1b 00000000 fe4f52e4 0f0b")  # header; UD2
    elf = bytearray(84) + code
    elf[:20] = b"\177ELF\1\1\1" + bytes(9) + b"\2\0\3\0"
    for offset, value in ((24, 0x10000c), (28, 52), (56, 84), (60, 0x100000), (64, 0x100000), (68, 14), (72, 14)):
        elf[offset:offset + 4] = value.to_bytes(4, "little")
    elf[42:46] = b"\x20\0\1\0"
    elf[52] = 1
    with open(work / "ud2", "wb") as f:
        f.write(elf)
    guest = harness.run(["-m", "64", "-nodefaults", "-display", "none", "-no-reboot", "-kernel", work / "ud2",
                         "-d", "int", "-D", work / "log"])
    log = read(work / "log")
    harness.check(guest.status == 0 and re.search(r"v=06 .*\n(.*\n)+ *\d+: v=08 .*\n(.*\n)+Triple fault\n$", log),
                  f"status {guest.status}: {log[-3000:]}")


def test_watching_changes_nothing(work):
    """Digests of a run that is logged and one that is not are the same; so are what two runs log of their interrupts."""
    args = [a for a in MACHINE if a not in ("-icount", "shift=7,sleep=off")]
    everything = ["-d", "all", "-dfilter", f"{CODE[0]:#x}+0x1000,0xf0000..0xfffff"]
    int_log = ["-d", "int", "-D"]
    recorded = harness.run(args + int_log + [work / "int1"] + harness.icount("record", work / "rr"))
    harness.check(recorded.status == ALL_RIGHT, f"{recorded.status}: {recorded.stderr_text()}")
    for more in ([], int_log + [work / "int2"], everything + ["-D", work / "everything"]):
        harness.replay_and_compare(args + more, work / "rr", recorded, f"replay with {more}")
    harness.check(read(work / "int1") == read(work / "int2"), "the same interrupts are logged")
    harness.check("Trace" in read(work / "everything"), "everything is logged")


def test(work):
    test_options(work)
    test_file(work)
    test_int(work)
    test_in_asm(work)
    test_exec_and_cpu(work)
    test_guest_errors(work)
    test_triple_fault(work)
    test_watching_changes_nothing(work)


harness.main(test)
