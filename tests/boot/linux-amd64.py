"""Debian's amd64 kernel on qemu-system-x86_64: with its own initrd recorded by one engine and replayed by the other on
qemu64 and max, and with the i386 initrd, whose programs run in compatibility mode, on models of both vendors (SYSCALL there on AMD's, SYSENTER on Intel's)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402


def machine(cpu, initrd_arch):
    kernel, _ = harness.installer_files("amd64")
    _, initrd = harness.installer_files(initrd_arch)
    return ["-M", "pc", "-m", "512", "-cpu", cpu, "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 rdinit=/bin/sh",
            "-display", "none", "-serial", "stdio", "-no-reboot", "-nic", "none"]


def use_shell(guest, what):
    guest.expect(b"Linux version 6.1.0-", 120)
    guest.shell(400)
    harness.check(guest.command_line("echo $((6*7))") == "42", f"{what}: the shell computes")
    harness.check(guest.command_line("uname -m") == "x86_64", f"{what}: a 64-bit kernel")
    harness.check(int(guest.command_line("find / -xdev | wc -l")) > 500, f"{what}: find / lists the initrd")
    guest.command_line("mount -t proc proc /proc")
    guest.power_off()
    harness.check(guest.finish() == 0, f"{what}: ACPI power-off ends the emulator with status 0")


def test(work):
    for cpu, recorder, player in (("qemu64", "jit", "interp"), ("max", "interp", "jit")):
        args, log = machine(cpu, "amd64"), work / f"{cpu}.bin"
        guest = harness.Guest(args + ["-accel", recorder] + harness.icount("record", log), arch="x86_64")
        use_shell(guest, cpu)
        replay = harness.run(args + ["-accel", player] + harness.icount("replay", log), 400, arch="x86_64")
        harness.check(replay.status == 0 and "same as recorded" in replay.stderr_text(), f"{cpu}: {replay.stderr_text()}")
        harness.check(harness.digest_of(replay) == harness.digest_of(guest), f"{cpu}: the digests differ")
        harness.check(replay.output == guest.output, f"{cpu}: the serial output differs")
    for cpu in ("qemu64", "max,vendor=GenuineIntel"):
        use_shell(harness.Guest(machine(cpu, "i386"), arch="x86_64"), f"i386 programs on {cpu}")


harness.main(test)
