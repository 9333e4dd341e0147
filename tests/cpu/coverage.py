#!/usr/bin/env python3
"""tests/cpu/coverage.py  Which rows of the instruction table are tested, and how: one print over the whole table.

    coverage.py SOURCE_ROOT PROGRAM...

Each test program runs with LOCKSTEP_COVERAGE set: one case for each row, and a line for each row that its assertions depend on (coverage.h).
The table's rows come from test-user, which holds it whole; handlers' names, which the tests of the system know, from the table's sources.
A row that is neither tested nor in UNTESTED fails the test; so does one in UNTESTED that is tested.
"""

import collections
import os
import re
import subprocess
import sys

# mnemonic: why nothing depends on it
UNTESTED = {}

KINDS = (('A', 'host'), ('B', 'self-checking system'), ('C', 'known answers'))
FILES = ('int', 'sys', 'x87', 'simd', 'simd2', 'avx')
UD_ROWS = 4  # before the included files: (ud) and ud0 to ud2


def table_handlers(root):
    """[(file, mnemonic, name of the handlers)], in the table's order."""
    rows = []
    for name in FILES:
        with open(os.path.join(root, 'target/i386/insns-%s.h' % name), encoding='ascii') as f:
            for line in f.read().split('\nINSN(')[1:]:
                row = line.split('\n')[0].strip()
                rows.append((name, re.match(r'"([^"]*)"', row).group(1), re.search(r'(\w+)\)$', row).group(1)))
    return rows


def run(program):
    env = dict(os.environ, LOCKSTEP_COVERAGE='1')
    result = subprocess.run([program], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    lines = result.stdout.decode(errors='replace').splitlines()
    if result.returncode == 77:
        sys.exit(77)  # another host: nothing to compare with
    if result.returncode:
        sys.exit('%s failed:\n%s' % (program, '\n'.join(lines[-20:])))
    return lines


class Coverage:
    def __init__(self):
        self.table = []  # identities, in order
        self.kinds = collections.defaultdict(set)  # identity -> kinds
        self.handlers = set()

    def read(self, lines):
        for line in lines:
            words = line.split(' ', 3)
            if words[:2] == ['#', 'handler']:
                self.handlers.add(words[2].lstrip('&'))
            elif words[:2] == ['#', 'row'] and words[2] == 'T':
                self.table.append(words[3])
            elif words[:2] == ['#', 'row']:
                self.kinds[words[3]].add(words[2])

    def rows(self, root):
        """[(file, mnemonic, kinds)] of the whole table."""
        sources = [('', 'ud', '')] * UD_ROWS + table_handlers(root)
        if len(sources) != len(self.table):
            sys.exit('%d rows in the sources, %d in the table' % (len(sources), len(self.table)))
        unknown = self.handlers - {handlers for _, _, handlers in sources}
        if unknown:
            sys.exit('no row has the handlers %s' % ' '.join(sorted(unknown)))
        return [(name, identity, self.kinds[identity] | ({'B'} if handlers in self.handlers else set()))
                for (name, _, handlers), identity in zip(sources, self.table)][UD_ROWS:]


def report(rows):
    """Prints the figures; returns the names of rows that are wrongly tested or not."""
    by_kind = collections.Counter(next((k for k, _ in KINDS if k in kinds), '-') for _, _, kinds in rows)
    print('rows tested %d of %d (%s)' % (len(rows) - by_kind['-'], len(rows),
                                         ', '.join('%s %d' % (text, by_kind[k]) for k, text in KINDS)))
    for name in FILES:
        mine = [kinds for file, _, kinds in rows if file == name]
        print('  %-6s %4d of %4d' % (name, sum(map(bool, mine)), len(mine)))
    wrong = []
    for _, identity, kinds in rows:
        mnemonic = identity.split(' ')[1]
        if not kinds:
            print('  not tested: %s: %s' % (identity, UNTESTED.get(mnemonic, 'no reason')))
        if bool(kinds) == (mnemonic in UNTESTED):
            wrong.append(identity)
    return wrong


def main():
    coverage = Coverage()
    for program in sys.argv[2:]:
        coverage.read(run(program))
    wrong = report(coverage.rows(sys.argv[1]))
    if wrong:
        sys.exit('neither tested nor excused, or both: %s' % '; '.join(wrong))


if __name__ == '__main__':
    main()
