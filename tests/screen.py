"""screen.py  What stands on the text screen: a screendump read back with the font of the VGA BIOS.

Python 3 standard library only. The monitor must have the focus, at its prompt.
"""
import os
import time

import harness
from harness import check

VGA_BIOS = "/usr/share/seabios/vgabios-stdvga.bin"
LETTER_A = bytes.fromhex("000010386cc6c6fec6c6c6c600000000")
CELL_WIDTH, CELL_HEIGHT = 9, 16


def font():
    """Rows of a glyph -> character, for printable ASCII."""
    with open(VGA_BIOS, "rb") as file:
        rom = file.read()
    base = rom.index(LETTER_A) - ord("A") * CELL_HEIGHT
    return {rom[base + c * 16:base + c * 16 + 16]: chr(c) for c in range(126, 31, -1)}


def read_ppm(path):
    with open(path, "rb") as file:
        data = file.read()
    magic, size, depth, pixels = data.split(b"\n", 3)
    check(magic == b"P6" and depth == b"255", f"{path}: no PPM")
    width, height = map(int, size.split())
    return width, height, pixels


def cell(width, pixels, column, row):
    """The glyph's rows as bits: whatever differs from the cell's most frequent colour, and the other way round for reverse video."""
    rows = []
    for y in range(row * CELL_HEIGHT, (row + 1) * CELL_HEIGHT):
        at = 3 * (y * width + column * CELL_WIDTH)
        rows.append([pixels[at + 3 * x:at + 3 * x + 3] for x in range(CELL_WIDTH)])
    background = rows[0][CELL_WIDTH - 1]
    return bytes(sum((rows[y][x] != background) << (7 - x) for x in range(8)) for y in range(CELL_HEIGHT))


def text(path):
    """The lines of an 80x25 text screen; a blank for what is no ASCII character."""
    width, height, pixels = read_ppm(path)
    if width != 80 * CELL_WIDTH or height != 25 * CELL_HEIGHT:
        return []
    glyphs = font()
    return ["".join(glyphs.get(cell(width, pixels, x, y), " ") for x in range(80)).rstrip() for y in range(25)]


def expect(guest, work, wanted, timeout=60):
    """Wait until all of `wanted` stands on the screen; its lines."""
    path = work / "screen.ppm"
    end = time.monotonic() + timeout * harness.PATIENCE
    while True:
        guest.monitor(f"screendump {path}")
        lines = text(path) if os.path.exists(path) else []
        if all(any(word in line for line in lines) for word in wanted):
            return lines
        check(time.monotonic() < end, f"{wanted} not on the screen within {timeout} s, but:\n" + "\n".join(lines))
        time.sleep(0.1)
