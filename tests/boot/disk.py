"""A Linux guest partitions an IDE disk, makes an ext4 file system, writes, syncs, unmounts: the image is sound and holds what was written.
On qcow2 by bus-master DMA, and on raw by PIO (libata's dma=0).
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import disk_guest  # noqa: E402
import harness  # noqa: E402


def writes(work, initramfs, form, kernel_options, mode):
    image = disk_guest.make_image(work / f"disk.{form}", form=form)
    drive = ("-serial", "stdio", "-drive", f"file={image},format={form},if=ide,discard=unmap")
    guest = harness.run(disk_guest.linux_arguments(initramfs, *drive, options=kernel_options), 240)
    harness.check_equal(guest.status, 0, f"exit status, {form}; stderr: {guest.stderr_text()}")
    sums = disk_guest.checksums(guest)
    marks = disk_guest.marks(guest.output)
    harness.check_equal(marks["mode"], mode, "transfer mode")
    harness.check("trimmed" in marks, "fstrim failed")
    disk_guest.check_image(work, image, sums, form)


def test(work):
    initramfs = disk_guest.guest_initramfs(work)
    writes(work, initramfs, "qcow2", "", "XFER_MW_DMA_2")
    writes(work, initramfs, "raw", " LIBATA=dma=0", "XFER_PIO_4")


harness.main(test)
