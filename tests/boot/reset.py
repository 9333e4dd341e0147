"""A guest resets itself in every way. Each time the machine is as after power-on, the ROM is back where shadow RAM was, no
old code runs from a cache, and CMOS RAM is kept."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402

BOOTS = 5


def line(boot):
    return f"boot {boot}: cr0 60000010 ier 00000000 firmware 00000011 ram {0x2000 + boot:08x} shadow {0x3000 + boot:08x}\n"


def test(work):
    arguments = harness.rom_guest("reset", "-serial", "stdio", "-monitor", "none")
    guest = harness.run(arguments)
    harness.check_equal(guest.status, 0, "exit status after soft-off")
    harness.check_equal(guest.output.decode(), "".join(line(boot) for boot in range(BOOTS)), "what the guest saw")

    guest = harness.run(arguments + ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"])
    harness.check_equal(guest.status, 0x15 << 1 | 1, "exit status from isa-debug-exit")
    harness.check_equal(guest.output.decode(), "".join(line(boot) for boot in range(BOOTS)), "what the guest saw")

    guest = harness.run(arguments + ["-no-reboot"])
    harness.check_equal(guest.status, 0, "exit status with -no-reboot")
    harness.check_equal(guest.output.decode(), line(0), "one boot with -no-reboot")


harness.main(test)
