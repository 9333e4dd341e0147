"""The monitor on stdio: every command says something sensible, and stop, cont, reset and quit do what they say."""
import re
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


class Machine(harness.Guest):
    """SeaBIOS without a disk, its messages in a file."""

    def __init__(self, work, *more):
        self.log = work / "seabios"
        super().__init__(["-M", "pc", "-m", "64", "-nic", "none", "-display", "none", "-serial", "none", "-monitor", "stdio", "-chardev",
                          f"file,id=log,path={self.log}", "-device", "isa-debugcon,iobase=0x402,chardev=log", *more])
        self.expect(b"type 'help'")
        self.expect(harness.PROMPT)

    def booted(self, times):
        harness.wait_for(f"boot {times}", lambda: open(self.log, "rb").read().count(b"No bootable device.") >= times)


def check_has(guest, command, *patterns):
    text = guest.monitor(command)
    for pattern in patterns:
        harness.check(re.search(pattern, text), f"'{command}': no {pattern!r} in:\n{text}")
    harness.check("rror" not in text and "unknown command" not in text, f"'{command}': {text}")


def informs(guest):
    check_has(guest, "info version", r"^\d+\.\d+")
    check_has(guest, "info status", "VM status: running")
    check_has(guest, "info registers", r"CPU#0", r"E?AX=[0-9a-f]+", r"EIP=[0-9a-f]+", r"CR0=[0-9a-f]+", r"GDT=")
    check_has(guest, "info mtree", "pc.ram|ram-below-4g", "pc.bios|isa-bios", "vga")
    check_has(guest, "info mtree -f", "00000000fffc0000-00000000ffffffff")
    check_has(guest, "info pic", "ioapic", "pic0", "pic1")
    check_has(guest, "info lapic", "SPIV|SVR", "LVT")
    check_has(guest, "info pci", "8086:1237", "8086:7000", "8086:7113", "1234:1111")
    check_has(guest, "info qtree", "i8259", "isa-pit", "mc146818rtc", "fw_cfg", "bus: pci.0", "dev: VGA", "addr = 02.0", "class VGA controller")
    check_has(guest, "info cpus", r"^\* CPU #0: thread_id=\d+")
    check_has(guest, "info uuid", "00000000-0000-0000-0000-000000000000")
    check_has(guest, "info replay", "record|replay")
    check_has(guest, "info chardev", "log", "compat_monitor0")
    check_has(guest, "info jit", "engine: jit", r"translations \d+", r"in the last \d+\.\d+ s of host time",
              r"instructions \d+, \d+ per second", r"exits indirect \d+, \d+ per second")
    check_has(guest, "info icount", r"icount: \d+")
    check_has(guest, "help", "info", "system_powerdown", "xp", "quit")
    check_has(guest, "help quit", "^quit", "quit the emulator")
    check_has(guest, "info", "info registers", "info replay")


def refuses(guest):
    for command, answer in (("device_add e1000", "Error: Bus 'pci.0' does not support hotplugging"),
                            ("netdev_add user,id=n", "Error: netdevs are made at the start, by -netdev and -nic"),
                            ("set_link", "set_link: string expected\nTry \"help set_link\" for more information"),
                            ("set_link x maybe", "Expected 'on' or 'off'\nTry \"help set_link\" for more information"),
                            ("set_link x on", "Error: Device 'x' not found")):
        harness.check_equal(guest.monitor(command).strip(), answer, command)


def examines(guest):
    rom = open("/usr/share/seabios/bios-256k.bin", "rb").read()
    entry = int.from_bytes(rom[-16:-12], "little")
    check_has(guest, "xp /1xw 0xfffffff0", f"fffffff0: 0x{entry:08x}")
    check_has(guest, "xp/2xb 0xfffffff0", f"0x{rom[-16]:02x} 0x{rom[-15]:02x}")
    check_has(guest, "xp /1i 0xfffffff0", "jmp")
    check_has(guest, "x /4xw 0xf0000", "000f0000:")
    check_has(guest, "p 6*7", "^0x2a")
    check_has(guest, "print ($eip & 1) * 0", "^0x0")
    check_has(guest, "print 7&3", "^0x3")


def ring_buffers(guest):
    check_has(guest, "info chardev", "ring: filename=ringbuf")
    guest.monitor(r"ringbuf_write ring a\b c")
    harness.check_equal(guest.monitor("ringbuf_read ring 4"), "a\\\\b \n", "the first bytes")
    harness.check_equal(guest.monitor("ringbuf_read ring 100"), "c\n", "the rest")
    for command in ("ringbuf_read missing 1", "ringbuf_read log 1", "ringbuf_read ring 0", "ringbuf_read ring", "ringbuf_write ring"):
        text = guest.monitor(command)
        harness.check(text.strip() and text.count("\n") == 1, f"'{command}' should be refused in one line, says:\n{text}")


def refuses(guest):
    harness.check_equal(guest.monitor("bogus 1").strip(), "unknown command: 'bogus'", "an unknown command")
    harness.check_equal(guest.monitor("info bogus").strip(), "unknown command: 'info bogus'", "an unknown info")
    for command in ("x", "xp /4z 0", "x /4x bogus", "print 1+", "print $bogus", "sendkey bogus", "print 1/0", "print 1 2", "x 0 0", "sendkey",
                    "sendkey a bogus", "sendkey a -5"):
        text = guest.monitor(command)
        harness.check(text.strip() and text.count("\n") == 1, f"'{command}' should be refused in one line, says:\n{text}")
    harness.check_equal(guest.monitor(""), "", "an empty line")
    harness.check_equal(guest.monitor("print 999999999999999999999999").count("\n"), 1, "lines for a huge number")


def counts(guest):
    return int(re.search(r"icount: (\d+)", guest.monitor("info icount")).group(1))


def stops(guest):
    guest.monitor("stop")
    check_has(guest, "info status", "paused")
    before = counts(guest)
    guest.monitor("xp /64xw 0")
    harness.check_equal(counts(guest), before, "the instruction count of a stopped machine")
    guest.monitor("cont")
    check_has(guest, "info status", "running")


def panics(work):
    """A machine that has shut itself down goes on after a reset, and not before."""
    rom = bytearray(b"\xf4" * 65536)
    rom[-16:-10] = b"\xb0\x01\xba\x05\x05\xee"  # mov al, 1; mov dx, 505h; out dx, al
    with open(work / "panic", "wb") as file:
        file.write(rom)
    guest = Machine(work, "-S", "-bios", work / "panic", "-device", "pvpanic", "-no-shutdown", "-vga", "none")
    for _ in range(2):
        guest.monitor("cont")
        harness.wait_for("shutdown", lambda: "shutdown" in guest.monitor("info status"))
        harness.check_equal(guest.monitor("cont"), "Error: Resetting the Virtual Machine is required\n", "cont")
        guest.monitor("system_reset")
        harness.wait_for("pause", lambda: "paused" in guest.monitor("info status"))
    guest.type(b"quit\n")
    harness.check_equal(guest.finish(), 0, "exit status")


def test(work):
    panics(work)
    guest = Machine(work, "-icount", "shift=7", "-chardev", "ringbuf,id=ring")
    guest.booted(1)
    informs(guest)
    refuses(guest)
    examines(guest)
    ring_buffers(guest)
    refuses(guest)
    stops(guest)
    guest.monitor("system_reset")
    guest.booted(2)
    guest.type(b"quit\n")
    harness.check_equal(guest.finish(), 0, "exit status after quit")
    harness.check_equal(guest.errors, b"", "stderr")

    guest = Machine(work, "-S")
    check_has(guest, "info status", "prelaunch|paused")
    check_has(guest, "info registers", "EIP=0000fff0")
    guest.monitor("c")
    guest.booted(1)
    guest.type(b"q\n")
    harness.check_equal(guest.finish(), 0, "exit status after q")


harness.main(test)
