"""Multiboot kernels given with -kernel: our own guest checks the machine's state and the information it gets; here are its
command line, modules, both image formats, images that are refused, and record with replay."""
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

ELF = os.path.join(harness.BUILD, "tests", "guest", "multiboot.elf")
BARE = os.path.join(harness.BUILD, "tests", "guest", "multiboot.bin")
MACHINE = ["-m", "64", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
           "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4"]
ALL_RIGHT = 33


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def sum_of(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) & 0xffffffff
    return total


def boots(args, arch="i386"):
    guest = harness.run(MACHINE + args, arch=arch)
    harness.check(guest.status == ALL_RIGHT and b"multiboot guest: all right" in guest.output,
                  f"status {guest.status}: {guest.output.decode(errors='replace')}{guest.stderr_text()}")
    harness.check(guest.stderr_text() == "", f"a clean run prints nothing on stderr: {guest.stderr_text()}")
    return guest


def has_line(guest, line):
    lines = guest.output.decode(errors="replace").replace("\r", "").split("\n")
    harness.check(line in lines, f"{line!r} is not among\n" + "\n".join(lines))


def module_line(text, data):
    return f'module "{text}": {len(data)} bytes, sum {sum_of(data):08x}'


def test_formats():
    for image in (ELF, BARE):
        has_line(boots(["-kernel", image]), f"cmdline: {image}")
    has_line(boots(["-kernel", ELF, "-append", "one  two"]), f"cmdline: {ELF} one  two")
    has_line(boots(["-kernel", ELF], arch="x86_64"), f"cmdline: {ELF}")


def test_memory_sizes():
    for megs in (5, 64, 3000):
        guest = boots(["-m", str(megs), "-kernel", ELF])
        upper = int(guest.output.split(b" KiB lower, ")[1].split(b" ")[0])
        harness.check((megs - 2) * 1024 < upper <= (megs - 1) * 1024, f"-m {megs}: {upper} KiB of upper memory")
    refused(harness.run(MACHINE + ["-m", "2", "-kernel", ELF]), "wants memory from 0x300000 to 0x300021")


def test_modules(work):
    data = {"first": b"the first module", "with,comma": bytes(range(256)) * 40, "empty": b""}
    for name, content in data.items():
        write(work / name, content)
    first, comma, empty = (work / n for n in data)
    guest = boots(["-kernel", ELF, "-initrd", f"{first} a  b,{comma.replace(',', ',,')} c=1,,2,{empty}"])
    has_line(guest, module_line(f"{first} a  b", data["first"]))
    has_line(guest, module_line(f"{comma} c=1,2", data["with,comma"]))
    has_line(guest, module_line(empty, b""))
    many = boots(["-kernel", ELF, "-initrd", ",".join(f"{first} {n}" for n in range(100))])
    has_line(many, module_line(f"{first} 99", data["first"]))


def test_test_devices():
    guest = boots(["-kernel", ELF, "-append", "testdev", "-device", "pc-testdev"])
    has_line(guest, "testdev done")
    status = harness.run(MACHINE + ["-kernel", ELF, "-append", "testdev"]).status
    harness.check(status == 35, f"without pc-testdev the guest must fail, not end with {status}")


def test_debug_console(work):
    out = work / "console"
    guest = boots(["-kernel", ELF, "-chardev", f"file,id=con,path={out}", "-device", "isa-debugcon,iobase=0xe9,chardev=con"])
    harness.check(read(out) == guest.output.replace(b"\r", b""), "port E9h and COM1 show the same")
    bios = work / "bios"
    boots(["-kernel", ELF, "-chardev", f"file,id=bios,path={bios}", "-device", "isa-debugcon,iobase=0x402,chardev=bios"])
    harness.check(b"SeaBIOS (version" in read(bios), "SeaBIOS's own log comes out of port 402h")


# ---- images that are refused ----

def refused(guest, text):
    errors = guest.stderr_text()
    harness.check(guest.status == 1 and text in errors and errors.count("\n") == 1,
                  f"status {guest.status}, expected one line with {text!r}: {errors!r}")


def patched(source, *changes, length=None):
    """The image with values put into it: (offset, struct format, value)."""
    image = bytearray(read(source))
    for offset, fmt, value in changes:
        struct.pack_into("<" + fmt, image, offset, value)
    return bytes(image[:length])


HEADER = read(BARE).index(struct.pack("<I", 0x1badb002))
ELF_HEADER = read(ELF).index(struct.pack("<I", 0x1badb002))
PH = 52  # the first program header
UNKNOWN_FLAGS = 0x8003


def broken_images():
    yield patched(ELF, (4, "B", 2), (18, "H", 62)), "Cannot load x86-64 image, give a 32bit one."
    yield patched(ELF, (18, "H", 40)), "ELF image for another machine"
    for offset, fmt, value in ((28, "I", 0xfffffff0), (42, "H", 8), (44, "H", 65535)):
        yield patched(ELF, (offset, fmt, value)), "broken ELF program headers"
    yield patched(ELF, (PH + 4, "I", 0xfffff000)), "is cut short"
    yield patched(ELF, (PH + 16, "I", 0xffffffff), (PH + 20, "I", 0xffffffff)), "is cut short"
    yield patched(ELF, length=0x1800), "is cut short"
    yield patched(ELF, (PH + 20, "I", 16)), "is broken"
    yield patched(ELF, (PH + 20, "I", 0xfffffff0)), "wants memory"
    yield patched(ELF, (PH + 12, "I", 0x7c00)), "wants memory"
    yield patched(ELF, (PH + 12, "I", 0x9f000)), "wants memory"
    yield patched(ELF, (PH + 12, "I", 0xfffff000)), "wants memory"
    yield patched(ELF, (PH, "I", 6), (PH + 32, "I", 6)), "has nothing to load"
    yield patched(ELF, (0, "I", 0)), "is no ELF image"
    yield patched(ELF, (ELF_HEADER + 4, "I", UNKNOWN_FLAGS),
                  (ELF_HEADER + 8, "I", -(0x1badb002 + UNKNOWN_FLAGS) & 0xffffffff)), "features that do not exist"
    yield patched(ELF, (ELF_HEADER + 8, "I", 0)), "is not a Linux bzImage"
    yield patched(BARE, (HEADER + 16, "I", 0x200000)), "invalid multiboot addresses"
    yield patched(BARE, (HEADER + 16, "I", 0x1000)), "invalid multiboot addresses"
    yield patched(BARE, (HEADER + 20, "I", 0x1000)), "invalid multiboot addresses"
    yield patched(BARE, (HEADER + 20, "I", 0x800000)), "invalid multiboot addresses"
    yield patched(BARE, (HEADER + 20, "I", 0x800000), (HEADER + 24, "I", 0)), "is cut short"
    yield patched(BARE, (HEADER + 24, "I", 0xffffffff)), "wants memory"
    yield patched(BARE, length=HEADER + 16), "cut short in its multiboot header"


def test_refused(work):
    for image, text in broken_images():
        refused(harness.run(MACHINE + ["-kernel", write(work / "broken", image)]), text)
    large = work / "large"
    with open(large, "wb") as f:
        f.truncate(64 << 20)
    refused(harness.run(MACHINE + ["-kernel", ELF, "-initrd", large]), "does not fit")
    refused(harness.run(MACHINE + ["-kernel", ELF, "-initrd", work / "missing" + " x"]), "could not open module")
    refused(harness.run(MACHINE + ["-kernel", ELF, "-initrd", f"{ELF}, {ELF}"]), "could not open module ''")


def test_any_bytes(work):
    """Whatever the headers hold, the image is loaded or refused in a sentence; never a crash, never a hang."""
    image = read(ELF)
    for n in range(116):
        broken = bytearray(image)
        broken[n] ^= 0xff
        with open(write(work / "quit", b"quit\n"), "rb") as commands:
            guest = harness.run(["-m", "64", "-nodefaults", "-display", "none", "-S", "-monitor", "stdio",
                                 "-kernel", write(work / "any", bytes(broken))], 20, stdin=commands)
        harness.check(guest.status in (0, 1), f"byte {n} inverted: status {guest.status}: {guest.stderr_text()}")


def test_replay(work):
    """The recording replays where kernel and module lie elsewhere, and not with another module."""
    os.mkdir(work / "elsewhere")
    log, module = work / "log", write(work / "module", b"recorded")
    kernel = shutil.copyfile(ELF, work / "kernel")
    args = MACHINE + ["-device", "pc-testdev", "-append", "testdev faults errors"]
    recorded = harness.run(args + ["-kernel", kernel, "-initrd", module + " args"] + harness.icount("record", log))
    harness.check(recorded.status == ALL_RIGHT, f"recording: {recorded.status}: {recorded.stderr_text()}")
    moved = [shutil.move(path, work / "elsewhere") for path in (kernel, module)]
    harness.replay_and_compare(args + ["-kernel", moved[0], "-initrd", moved[1] + " args"], log, recorded)
    write(moved[1], b"replayed")
    guest = harness.run(args + ["-kernel", moved[0], "-initrd", moved[1] + " args"] + harness.icount("replay", log))
    refused(guest, "differs from the recording")


def test(work):
    test_formats()
    test_memory_sizes()
    test_modules(work)
    test_test_devices()
    test_debug_console(work)
    test_refused(work)
    test_any_bytes(work)
    test_replay(work)


harness.main(test)
