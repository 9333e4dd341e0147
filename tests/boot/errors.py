"""Whatever the user gets wrong is answered with one sentence on stderr that names it, exit status 1, and nothing else."""
import shutil
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import initramfs  # noqa: E402

KERNEL = harness.installer_files()[0]


def broken_files(work):
    """A cut kernel, a text file, an empty one."""
    with open(KERNEL, "rb") as source, open(work / "cut-kernel", "wb") as target:
        target.write(source.read(4096))
    with open(work / "text", "w", encoding="ascii") as file:
        file.write("This is neither a kernel, nor a firmware image, nor a log.\n" * 100)
    open(work / "empty", "w", encoding="ascii").close()


def option_mistakes():
    """(arguments, what the sentence must name)"""
    return [
        ("-bogus", "-bogus"),
        ("--bogus=1", "--bogus=1"),
        ("disk.img", "disk.img"),
        ("-m", "-m"),
        ("-serial", "-serial"),
        ("-m abc", "abc"),
        ("-m 0", "-m 0"),
        ("-m -5", "-5"),
        ("-m 99999T", "99999T"),
        ("-m 64,bogus=1", "bogus"),
        ("-M foo", "foo"),
        ("-M pc,bogus=on", "bogus"),
        ("-M pc,hpet=perhaps", "perhaps"),
        ("-accel kvm", "kvm"),
        ("-cpu foo", "foo"),
        ("-cpu qemu32,+bogus", "bogus"),
        ("-cpu qemu32,bogus=1", "bogus"),
        ("-smp 0", "0"),
        ("-smp 100000", "100000"),
        ("-smp many", "many"),
        ("-vga bogus", "bogus"),
        ("-display bogus", "bogus"),
        ("-net bogus", "bogus"),
        ("-nic bogus", "bogus"),
        ("-nic user,model=bogus", "bogus"),
        ("-nic user,mac=bogus", "bogus"),
        ("-net nic,netdev=missing", "missing"),
        ("-netdev bogus,id=n", "bogus"),
        ("-netdev user", "id"),
        ("-netdev user,id=n -netdev user,id=n", "'n'"),
        ("-netdev user,id=n,bogus=1", "bogus"),
        ("-netdev user,id=n,hostfwd=bogus", "bogus"),
        ("-netdev user,id=n,guestfwd=tcp:10.0.2.100:80-bogus", "bogus"),
        ("-netdev socket,id=n,listen=nowhere", "nowhere"),
        ("-netdev tap,id=n,script=/no/such/script", "/no/such/script"),
        ("-object bogus,id=o", "bogus"),
        ("-object filter-dump,id=o,netdev=missing,file=/dev/null", "missing"),
        ("-netdev user,id=n -object filter-dump,id=o,netdev=n,file=/no/such/dir/x", "/no/such/dir/x"),
        ("-boot z", "z"),
        ("-boot order=c,bogus=1", "bogus"),
        ("-boot menu=perhaps", "perhaps"),
        ("-rtc base=bogus", "bogus"),
        ("-rtc clock=bogus", "bogus"),
        ("-rtc bogus=1", "bogus"),
        ("-device foo", "foo"),
        ("-device foo,bar=1", "foo"),
        ("-device isa-debug-exit,bogus=1", "bogus"),
        ("-device isa-debug-exit,iobase=xyz", "xyz"),
        ("-device isa-debug-exit,iobase=0x12345678", "0x12345678"),
        ("-device isa-debugcon,chardev=missing", "missing"),
        ("-chardev stdio,id=c,signal=perhaps", "perhaps"),
        ("-chardev file,id=c,path=/dev/null,append=perhaps", "perhaps"),
        ("-chardev null,id=c,logfile=/dev/null,logappend=perhaps", "perhaps"),
        ("-device virtio-net-pci,mq=on", "one pair of queues"),
        ("-device ,x=1", ""),
        ("-serial foo:", "foo:"),
        ("-serial chardev:missing", "missing"),
        ("-serial file:/no/such/directory/file", "/no/such/directory/file"),
        ("-serial tcp:bogus", "bogus"),
        ("-serial unix:/no/such/directory/socket", "/no/such/directory/socket"),
        ("-serial null -serial null -serial null -serial null -serial null", "serial"),
        ("-serial stdio -monitor stdio", "stdio"),
        ("-monitor foo:", "foo:"),
        ("-mon missing", "missing"),
        ("-chardev null", "id"),
        ("-chardev bogus,id=a", "bogus"),
        ("-chardev null,id=a,bogus=1", "bogus"),
        ("-chardev null,id=a -chardev null,id=a", "'a'"),
        ("-chardev file,id=a", "file"),
        ("-parallel bogus", "bogus"),
        ("-parallel none -parallel null -parallel null -parallel null", "only 3 parallel ports"),
        ("-chardev udp,id=u", "remote port"),
        ("-serial udp:nowhere", "nowhere"),
        ("-object rng-builtin", "id"),
        ("-object rng-builtin,id=r -object rng-random,id=r", "'r'"),
        ("-object rng-bogus,id=r", "rng-bogus"),
        ("-device virtio-rng-pci,rng=missing", "missing"),
        ("-device virtio-net-pci,netdev=missing", "missing"),
        ("-device virtio-net-pci,disable-legacy=on,disable-modern=on", "neither modern nor legacy"),
        ("-device virtserialport", "No 'virtio-serial-bus' bus found for device 'virtserialport'"),
        ("-device virtio-serial-pci -device virtserialport,chardev=missing", "missing"),
        ("-device virtio-serial-pci,id=v -device virtserialport,bus=w.0", "Bus 'w.0' not found"),
        ("-device virtio-serial-pci -device virtserialport,nr=0", "Port number 0"),
        ("-device virtio-serial-pci,max_ports=32", "32"),
        ("-device pvpanic,ioport=70000", "0x11170"),
        ("-append quiet", "-append"),
        ("-initrd /dev/null", "-initrd"),
    ]


def file_mistakes(work):
    text = work / "text"
    return [
        *((f"-{option} unix:{text},server=on,wait=off", f"'{text}': it exists and is not a socket")
          for option in ("monitor", "qmp", "serial")),
        ("-kernel /no/such/kernel", "/no/such/kernel"),
        ("-kernel /usr", "/usr"),
        (f"-kernel {work / 'text'}", work / "text"),
        (f"-kernel {work / 'empty'}", work / "empty"),
        (f"-kernel {work / 'cut-kernel'}", work / "cut-kernel"),
        (f"-kernel {KERNEL} -initrd /no/such/initrd", "/no/such/initrd"),
        (f"-kernel {KERNEL} -initrd /usr", "/usr"),
        (f"-m 16 -kernel {KERNEL} -initrd {harness.installer_files()[1]}", "too large"),
        (f"-kernel {KERNEL} -append {'x' * 3000}", "3000"),
        ("-bios /no/such/bios", "/no/such/bios"),
        (f"-bios {work / 'text'}", work / "text"),
        (f"-bios {work / 'empty'}", work / "empty"),
    ]


def drive_mistakes(work):
    """As QEMU words them; behind the option, whose text comes first."""
    image = work / "image"
    with open(image, "wb") as file:
        file.truncate(1 << 20)
    in_use = f"is another process using the image [{image}]?"
    return [
        ("-drive file=/no/such/image", "Could not open '/no/such/image': No such file or directory"),
        ("-hda /no/such/image", "Could not open '/no/such/image': No such file or directory"),
        ("-cdrom /no/such/image", "Could not open '/no/such/image': No such file or directory"),
        ("-fda /no/such/image", "Could not open '/no/such/image': No such file or directory"),
        ("/no/such/image", "Could not open '/no/such/image': No such file or directory"),
        ("-drive file=/usr", "'file' driver requires '/usr' to be a regular file"),
        ("-drive file=nbd:localhost", "Unknown protocol 'nbd'"),
        (f"-drive file={image},format=bogus", "Unknown driver 'bogus'"),
        (f"-drive file={work / 'text'},format=qcow2", "Image is not in qcow2 format"),
        (f"-drive file={image},format=raw,bogus=1", "Block format 'raw' does not support the option 'bogus'"),
        (f"-drive file={image},format=raw,offset=2M",
         "Offset (2097152) cannot be greater than size of the containing file (1048576)"),
        (f"-drive file={image},if=bogus", "unsupported bus type 'bogus'"),
        (f"-drive file={image},format=raw,if=scsi", "machine type does not support if=scsi,bus=0,unit=0"),
        (f"-drive file={image},format=raw,index=7", "machine type does not support if=ide,bus=3,unit=1"),
        (f"-drive file={image},unit=2", "unit 2 too big (max is 1)"),
        (f"-drive file={image},unit=1,index=1", "index cannot be used with bus and unit"),
        (f"-drive file={image},media=bogus", "'bogus' invalid media"),
        (f"-drive file={image},cache=bogus", "invalid cache option"),
        (f"-drive file={image},aio=bogus", "invalid aio option"),
        (f"-drive file={image},format=raw,discard=bogus", "Invalid discard option"),
        (f"-drive file={image},format=raw,detect-zeroes=bogus", "invalid parameter value: bogus"),
        (f"-drive file={image},werror=bogus", "'bogus' invalid write error action"),
        (f"-drive file={image},rerror=enospc", "'enospc' invalid read error action"),
        (f"-drive file={image},snapshot=perhaps", "Parameter 'snapshot' expects 'on' or 'off', not 'perhaps'"),
        (f"-drive file={image},id=1x", "Parameter 'id' expects an identifier, not '1x'"),
        (f"-drive file={image},format=raw,driver=raw", "Cannot specify both 'driver' and 'format'"),
        (f"-drive file={image},format=raw -drive file={image},index=0", "drive with bus=0, unit=0 (index=0) exists"),
        (f"-drive file={image},format=raw,id=a -drive if=none,id=a", "Duplicate ID 'a' for drive"),
        (f"-drive file={image},format=raw -drive file={image},format=raw", f'Failed to get "write" lock: {in_use}'),
        (f"-drive file={image},format=raw -drive file={image},format=raw,readonly=on",
         f'Failed to get shared "write" lock: {in_use}'),
        ("-drive driver=blkreplay,if=none,image=a,id=b", "Cannot find device='a' nor node-name='a'"),
        ("-drive driver=blkreplay,if=none,id=b", 'A block device must be specified for "image"'),
        ("-drive driver=file,if=none", "The 'file' block driver requires a file name"),
        ("-blockdev driver=raw,node-name=a", "Parameter 'file' is missing"),
        ("-blockdev driver=raw,node-name=a,file=b", "Cannot find device='b' nor node-name='b'"),
        ("-blockdev driver=bogus,node-name=a", "Parameter 'driver' does not accept value 'bogus'"),
        ("-blockdev node-name=a", "Parameter 'driver' is missing"),
        ("-blockdev driver=null-co", "'node-name' must be specified for the root node"),
        ("-blockdev driver=null-co,node-name=1a", "Invalid node-name: '1a'"),
        ("-blockdev driver=file,node-name=a", "Parameter 'filename' is missing"),
        ("-blockdev driver=null-co,node-name=a,bogus=1", "Parameter 'bogus' is unexpected"),
        ("-blockdev driver=null-co,node-name=a -blockdev driver=null-co,node-name=a", "Duplicate nodes with node-name='a'"),
        ("-blockdev driver=null-co,node-name=a -drive driver=null-co,if=none,id=a",
         "Device name 'a' conflicts with an existing node name"),
        ('-blockdev {"driver":', "JSON parse error"),
        ("-device ide-hd", "No drive specified"),
        ("-device ide-hd,drive=a", "Property 'ide-hd.drive' can't find value 'a'"),
        ("-drive if=none,id=a -device ide-hd,drive=a", "Device needs media, but drive is empty"),
        ("-drive driver=null-co,if=none,id=a -device ide-hd,drive=a -device ide-hd,drive=a",
         "Drive 'a' is already in use by another device"),
        ("-drive driver=null-co,if=none,id=a,readonly=on -device ide-hd,drive=a", "Block node is read-only"),
        ("-drive driver=null-co,if=none,id=a -drive driver=null-co,if=none,id=b -device ide-hd,drive=a,bootindex=1 "
         "-device ide-hd,drive=b,bootindex=1", "The bootindex 1 has already been used"),
        ("-boot once=z", "Invalid boot device 'z'"),
    ]


def icount_mistakes(work):
    return [
        ("-icount bogus=1", "bogus"),
        ("-icount shift=bogus", "bogus"),
        ("-icount shift=11", "11"),
        ("-icount shift=-1", "-1"),
        ("-icount sleep=perhaps", "perhaps"),
        ("-icount align=on", "align"),
        ("-icount rr=bogus,rrfile=x", "bogus"),
        ("-icount rr=record", "rrfile"),
        ("-icount rr=replay", "rrfile"),
        ("-icount rr=record,rrfile=", "rrfile"),
        ("-icount rrfile=x", "rrfile=x"),
        (f"-icount shift=auto,rr=record,rrfile={work / 'x'}", "auto"),
        (f"-icount shift=auto,rr=replay,rrfile={work / 'x'}", "auto"),
        (f"-icount rr=record,rrfile={work / 'x'},rrsync=perhaps", "perhaps"),
        ("-icount rr=record,rrfile=/no/such/directory/log", "/no/such/directory/log"),
        ("-icount rr=record,rrfile=/dev/full", "/dev/full"),
        ("-icount rr=replay,rrfile=/no/such/log", "/no/such/log"),
        ("-icount rr=replay,rrfile=/usr", "/usr"),
        (f"-icount rr=replay,rrfile={work / 'text'}", work / "text"),
        (f"-icount rr=replay,rrfile={work / 'empty'}", work / "empty"),
        (f"-icount rr=replay,rrfile={KERNEL}", KERNEL),
    ]


def check_refused(arguments, *names):
    guest = harness.run(["-display", "none"] + arguments, timeout=20)
    said = guest.stderr_text()
    what = " ".join(arguments)[:200]
    harness.check_equal(guest.status, 1, f"exit status of '{what}' (stderr {said!r})")
    harness.check(said.count("\n") == 1 and said.startswith("qemu-system-i386: "), f"'{what}': one sentence expected, got {said!r}")
    for name in names:
        harness.check(name in said, f"'{what}': {name!r} is not named in {said!r}")
    harness.check_equal(guest.output, b"", f"'{what}': stdout")


def record_linux(work):
    """A recording of the first moments of a boot from copies of kernel and initrd."""
    shutil.copy(KERNEL, work / "kernel")
    initramfs.small(work / "initrd")
    return ["-m", "256", "-kernel", work / "kernel", "-initrd", work / "initrd", "-append", "quiet", "-serial", "none"]


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def changed(arguments, option, value):
    at = arguments.index(option) + 1
    return arguments[:at] + [value] + arguments[at + 1:]


def other_than_recorded(work):
    arguments = record_linux(work)
    log = work / "log"
    guest = harness.Guest(["-display", "none", "-monitor", "stdio"] + arguments + harness.icount("record", log))
    guest.expect(harness.PROMPT)
    guest.type(b"quit\n")
    harness.check_recorded(guest)
    replay = harness.icount("replay", log)

    check_refused(changed(arguments, "-m", "128") + replay, "128M", "256M")
    check_refused(changed(arguments, "-append", "loud") + replay, "loud", "quiet")
    check_refused(arguments + ["-cpu", "486"] + replay, "486", "qemu32")
    check_refused(arguments + ["-icount", f"shift=3,rr=replay,rrfile={log}"], "shift", "3", "7")
    check_refused(changed(arguments, "-initrd", work / "kernel") + replay, "initrd", work / "kernel")
    check_refused(arguments[:4] + arguments[6:] + replay, "initrd", work / "initrd")
    check_refused(["-m", "256", "-serial", "none"] + replay, "-append quiet")
    flip(work / "initrd", 100000)
    check_refused(arguments + replay, "initrd", work / "initrd")
    flip(work / "initrd", 100000)
    flip(work / "kernel", 3000000)
    check_refused(arguments + replay, "kernel", work / "kernel")
    flip(work / "kernel", 3000000)
    harness.replay_and_compare(["-display", "none"] + arguments, log, guest, same_output=False)


def test(work):
    broken_files(work)
    for line, name in option_mistakes() + file_mistakes(work) + drive_mistakes(work) + icount_mistakes(work):
        check_refused(line.split(" "), name)
    other_than_recorded(work)


harness.main(test)
