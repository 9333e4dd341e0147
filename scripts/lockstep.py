#!/usr/bin/env python3
"""lockstep.py [--every N] [--engines REFERENCE SUSPECT] -- COMMAND...

Replays one recording under two engines side by side and compares the digest of the whole machine (CPU, chips, RAM) every N
instructions. COMMAND is a replay's command line, without -accel. When a digest differs, the first difference is narrowed down to
the instruction behind which it appears, and printed with both states.

  scripts/lockstep.py -- build/qemu-system-i386 -icount shift=7,rr=replay,rrfile=run.bin -m 256 -kernel linux ...

The reference (interp) states what is right. The suspect (jit) is then asked for one instruction count per replay: each stop cuts
the block that it falls into, and a fault may depend on whole blocks. Exit status: 0 no difference, 3 a difference, 1 neither could be
told.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

FINE = 1000  # instructions between digests once the first difference lies between two coarse ones


class Ended(Exception):
    """A replay ended before it came to where it was wanted."""


class Replay:
    """One replay that writes digests; an iterator over (icount, digest, next instruction)."""

    def __init__(self, command, engine, every, start=None):
        self.engine = engine
        self.stderr = tempfile.TemporaryFile(mode="w+", errors="replace")
        read, write = os.pipe()
        where = f"digests=/dev/fd/{write},every={every}" + (f",from={start}" if start else "")
        self.process = subprocess.Popen(command + ["-accel", engine, "-rrcompare", where], pass_fds=[write],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.stderr)
        os.close(write)
        self.lines = os.fdopen(read)

    def __iter__(self):
        for line in self.lines:
            icount, digest, insn = line.rstrip("\n").split(" ", 2)
            yield int(icount), digest, insn

    def finish(self):
        """After the last line: the exit status, and what it said at the end."""
        status = self.process.wait()
        self.stderr.seek(0)
        lines = self.stderr.read().splitlines()
        return status, lines[-1] if lines else "(nothing on stderr)"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.lines.close()
        self.stderr.close()


class Lockstep:
    def __init__(self, command, reference, suspect, every):
        self.command, self.every = command, every
        self.reference, self.suspect = reference, suspect

    # ---- both side by side ----

    def compare(self, every, start=None, end=None):
        """(last equal, first different) icount, the second None when there is no difference; both replays' last words."""
        replays = [Replay(self.command, engine, every, start) for engine in (self.reference, self.suspect)]
        streams = [iter(r) for r in replays]
        equal = None
        try:
            while True:
                points = [next(s, None) for s in streams]
                if points[0] is None and points[1] is None:
                    return equal, None, [r.finish() for r in replays]
                if points[0] != points[1]:
                    return equal, min(p[0] for p in points if p), None
                equal = points[0][0]
                if end and equal >= end:
                    return equal, None, None
        finally:
            for replay in replays:
                replay.kill()

    # ---- one of them ----

    def points(self, engine, first, last):
        """What the engine has at every icount of [first, last] at which it stops: icount -> (digest, next instruction)."""
        replay = Replay(self.command, engine, 1, first)
        found = {}
        try:
            for icount, digest, insn in replay:
                if icount > last:
                    break
                found[icount] = (digest, insn)
                if icount == last:
                    break
        finally:
            replay.kill()
        return found

    def probe(self, icount):
        """The suspect's digest where it stops once, there."""
        replay = Replay(self.command, self.suspect, 2**31 - 1, icount)
        try:
            for at, digest, _ in replay:
                if at == icount:
                    return digest
                break
            return None
        finally:
            replay.kill()

    def first_wrong(self, counts, right):
        """The first of these icounts, ascending, at which the suspect differs; the last one is known to."""
        low, high = 0, len(counts) - 1
        while low < high:
            middle = (low + high) // 2
            if self.probe(counts[middle]) != right[counts[middle]][0]:
                high = middle
            else:
                low = middle + 1
        return counts[low]

    # ---- states ----

    def states(self, icount, folder):
        """Both states there: (text lines, RAM file) each, and the differing fields."""
        names = [os.path.join(folder, name) for name in ("reference", "suspect")]
        for engine, name in zip((self.reference, self.suspect), names):
            where = f"state={name},at={icount}" + (f",against={names[0]}" if name != names[0] else "")
            self.write_state(engine, name, where)
        with open(names[1] + ".diff", encoding="utf-8") as file:
            fields = file.read().splitlines()
        texts = []
        for name in names:
            with open(name + ".txt", encoding="utf-8") as file:
                texts.append(file.read().splitlines())
        return texts, fields, differing_ram(names[0] + ".ram", names[1] + ".ram")

    def write_state(self, engine, name, where):
        """-rrcompare writes NAME.txt last; a digest behind it says that it is complete."""
        at = int(re.search(r"at=(\d+)", where).group(1))
        replay = Replay(self.command + ["-rrcompare", where], engine, 1, at + 1)
        try:
            if next(iter(replay), None) is None and not os.path.exists(name + ".txt"):
                raise Ended(f"{engine} did not come to icount {at}: {replay.finish()}")
        finally:
            replay.kill()


# ---- the report ----

def differing_ram(a, b, most=8):
    """[(address in the RAM space, byte, byte)], the first ones, and how many there are."""
    found, count, chunk, at = [], 0, 1 << 20, 0
    with open(a, "rb") as x, open(b, "rb") as y:
        while True:
            p, q = x.read(chunk), y.read(chunk)
            if not p and not q:
                return found, count
            if p != q:
                where = [i for i in range(min(len(p), len(q))) if p[i] != q[i]]
                found += [(at + i, p[i], q[i]) for i in where[:most - len(found)]]
                count += len(where)
            at += chunk


def registers(lines):
    """NAME -> value, in the order of `info registers`."""
    found = {}
    for line in lines:
        for name, value in re.findall(r"([A-Z][A-Z0-9]+)\s*=\s*([0-9a-fx]+)", line):
            found.setdefault(name, value)
    return found


def print_states(names, texts, fields, ram):
    left, right = (registers(text) for text in texts)
    width = max(len(v) for v in left.values()) + 2
    print(f"{'':10}{names[0]:{max(width, 18)}}{names[1]}")
    general = [n for n in left if re.fullmatch(r"[ER].*|CR\d|CPL", n)]
    for name in general + [n for n in left if n not in general and left[n] != right.get(n)]:
        mark = "" if left[name] == right.get(name) else "   <"
        print(f"{name:10}{left[name]:{max(width, 18)}}{right.get(name, '')}{mark}")
    for text, name in zip(texts, names):
        print(f"then {name}: {text[-1]}")
    print("differing fields:" if fields else "differing fields: none")
    for field in fields:
        print("  " + field)
    where, count = ram
    print(f"differing bytes of RAM: {count}")
    for address, a, b in where:
        print(f"  {address:#x}: {a:02x} {b:02x}")


def report(run, equal, wrong, insn, folder):
    print(f"first difference at icount {wrong}, behind the instruction at icount {equal}:")
    print(f"  {insn}")
    try:
        print_states((run.reference, run.suspect), *run.states(wrong, folder))
    except Ended as ended:
        print(ended)


def narrow(run, equal, wrong):
    """The first icount with a difference, the one before it at which the reference stops, and the instruction there."""
    if wrong - equal > FINE:
        fine_equal, fine_wrong, _ = run.compare(FINE, equal + FINE, wrong)
        equal, wrong = fine_equal or equal, fine_wrong or wrong
    right = run.points(run.reference, max(equal, 1), wrong)
    counts = [c for c in sorted(right) if c > equal]
    first = run.first_wrong(counts, right)
    before = max((c for c in right if c < first), default=equal)
    return before, first, right.get(before, ("", "(the first one)"))[1]


def exact(engine):
    """The JIT runs the end of a slice by translations too."""
    if "stress=" in engine:
        return engine.replace("stress=", "stress=exact+")
    return engine + ",stress=exact" if engine.startswith("jit") else engine


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1000000, help="instructions between digests (1000000)")
    parser.add_argument("--engines", nargs=2, default=["interp", "jit"], metavar=("REFERENCE", "SUSPECT"))
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    run = Lockstep(args.command, args.engines[0], exact(args.engines[1]), args.every)

    equal, wrong, words = run.compare(args.every)
    if wrong is None:
        for engine, (status, text) in zip(args.engines, words):
            print(f"{engine}: {text}")
        if words[0] != words[1] or equal is None or words[0][0] not in (0, 2):
            print("the replays did not come to the same end" if equal else "no digest was written: --every is too large?")
            return 1
        print(f"no difference in {equal // args.every} digests")
        return 0
    print(f"a difference between icount {equal or 0} and {wrong}", flush=True)
    before, first, insn = narrow(run, equal or 0, wrong)
    with tempfile.TemporaryDirectory(prefix="lockstep-") as folder:
        report(run, before, first, insn, folder)
    return 3


if __name__ == "__main__":
    sys.exit(main())
