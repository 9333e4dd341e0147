"""Linux from power-on to ACPI power-off with commands typed meanwhile, recorded; replays have the same output, instruction
count and digest, and end by themselves."""
import subprocess
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import initramfs  # noqa: E402


def record(arguments, log):
    guest = harness.Guest(arguments + ["-serial", "stdio"] + harness.icount("record", log))
    guest.expect(b"Linux version 6.1.0-", 120)
    guest.type(b"for nobody yet")  # the UART has them; the kernel drops them when it opens the port
    guest.shell()
    guest.command_line("mount -t proc proc /proc; mount -t sysfs sysfs /sys")
    guest.command_line("date; cat /proc/uptime; cat /proc/interrupts")
    guest.command_line("sleep 1; date")
    guest.command_line("for i in $(seq 300); do echo $i $RANDOM; done | sha256sum")
    guest.command_line("cat /sys/devices/system/clocksource/clocksource0/current_clocksource; ls -l /sys/bus/pci/devices")
    guest.power_off()
    return harness.check_recorded(guest)


def test(work):
    log = work / "log"
    arguments = harness.linux(initramfs.small(work / "initramfs"), "-no-reboot", "-monitor", "none")
    recorded = record(arguments, log)
    harness.check(len(recorded.output) > 10000, "the kernel's messages are on the serial port")

    harness.replay_and_compare(arguments + ["-serial", "stdio"], log, recorded, "stdin at its end")
    harness.replay_and_compare(arguments + ["-serial", "null"], log, recorded, "-serial null", same_output=False)
    harness.replay_and_compare(arguments + ["-serial", "mon:stdio"], log, recorded, "-serial mon:stdio", stdin=subprocess.PIPE)
    with harness.BusyHost():
        harness.replay_and_compare(arguments + ["-serial", "stdio"], log, recorded, "stdin closed, both cores busy", stdin=None,
                                   preexec_fn=lambda: os.close(0))


harness.main(test)
