"""Every member of a struct that has a VMStateDescription is described or marked derived.

test-vmstate-cover.py PROGRAM SOURCE_ROOT: the descriptions are read from the sources (VMSTATE_kind(Type, member)), the structs from
the program's debug information, as readelf prints it.
"""
import os
import re
import subprocess
import sys

FIELD = re.compile(r"\bVMSTATE_[A-Z_0-9]+\(\s*(\w+),\s*(\w+)")
ENTRY = re.compile(r"^ *<(\d+)><([0-9a-f]+)>: Abbrev Number: \d+ \((DW_TAG_\w+)\)")
NAME = re.compile(r"DW_AT_name\s+: (?:\(.*?\): )?(\S.*)$")
TYPE = re.compile(r"DW_AT_type\s+: <0x([0-9a-f]+)>")


def described(root):
    """{struct name: set of members} over all sources."""
    fields = {}
    for folder in ("hw", "target", "migration", "replay", "chardev", "accel", "net", "."):
        for path, _, names in os.walk(os.path.join(root, folder)):
            for name in names:
                if name.endswith(".c") and (folder != "." or path == os.path.join(root, ".")):
                    with open(os.path.join(path, name), encoding="utf-8") as source:
                        for struct, member in FIELD.findall(source.read()):
                            if struct != "type":  # a macro's own parameter
                                fields.setdefault(struct, set()).add(member)
    return fields


class Debug:
    """Structs and typedefs of a program."""

    def __init__(self, program):
        self.members = {}   # offset of a struct or union -> [(name or None, offset of its type)]
        self.structs = {}   # name -> offset
        dump = subprocess.Popen(["readelf", "--debug-dump=info", program], stdout=subprocess.PIPE, text=True, errors="replace",
                                stderr=subprocess.DEVNULL)
        self._walk(dump.stdout)
        dump.wait()

    def _walk(self, lines):
        owners, tag, entry = {}, None, None
        for line in lines:
            found = ENTRY.match(line)
            if found:
                self._close(tag, entry)
                depth, offset, tag = int(found[1]), int(found[2], 16), found[3]
                if tag in ("DW_TAG_structure_type", "DW_TAG_union_type"):
                    owners[depth] = offset
                    self.members.setdefault(offset, [])
                entry = {"offset": offset, "owner": owners.get(depth - 1)}
            elif entry is not None and (found := NAME.search(line)):
                entry["name"] = found[1].strip()
            elif entry is not None and (found := TYPE.search(line)):
                entry["type"] = int(found[1], 16)
        self._close(tag, entry)

    def _close(self, tag, entry):
        if tag == "DW_TAG_structure_type" and "name" in entry:
            self.structs.setdefault(entry["name"], []).append(entry["offset"])
        elif tag == "DW_TAG_typedef" and "type" in entry:
            self.structs.setdefault(entry["name"], []).append(entry["type"])
        elif tag == "DW_TAG_member" and entry["owner"] is not None:
            self.members[entry["owner"]].append((entry.get("name"), entry.get("type")))

    def members_of(self, struct):
        for offset in self.structs.get(struct, []):
            if self.members.get(offset):
                return self.members[offset]
        return None

    def names_within(self, offset):
        """Names of members, also of unnamed structs and unions inside."""
        names = set()
        for name, kind in self.members.get(offset, []):
            names |= {name} if name else self.names_within(kind)
        return names


def main():
    program, root = sys.argv[1:3]
    debug, missing, checked = Debug(program), [], 0
    for struct, fields in sorted(described(root).items()):
        members = debug.members_of(struct)
        if members is None:
            missing.append(f"{struct}: not in the debug information")
            continue
        checked += 1
        for name, kind in members:
            inside = {name} if name else debug.names_within(kind)
            if not inside & fields:
                missing.append(f"{struct}.{name or sorted(inside)}")
    for line in missing:
        print("neither described nor derived:", line)
    print(f"{checked} structs checked")
    sys.exit(1 if missing or checked < 10 else 0)


main()
