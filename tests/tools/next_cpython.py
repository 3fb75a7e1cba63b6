#!/usr/bin/env python3
"""What of CPython this program rests on that differs between two versions: next_cpython.py OLD NEW

OLD and NEW are directories with CPython's sources, or just its headers (`/usr/include/python3.15` as `Include`). Comments in `src` name the
file of CPython for each fact, and in that file a function, macro, struct or opcode: those whose text differs are listed with the
place in `src` that rests on them, so that each can be looked at. Offsets are the business of `pyinquest layouts check --table`.
"""

import difflib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
FILE = re.compile(r"\b((?:Include|Lib|Modules|Objects|PC|Parser|Programs|Python)/[\w/.-]+\.(?:c|h|py))\b")
NAME = re.compile(r"`([A-Za-z_]\w+)`|\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b")
OPCODE = re.compile(r"#define\s+(\w+)\s+(\d+)\s*$", re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
# Lines of a difference that are shown.
SHOWN = 12


def source(tree, name):
    """The text of a file of CPython without comments, or None. Headers may lie in an `Include` directory of their own."""
    for path in (tree / name, tree / name.removeprefix("Include/")):
        if path.is_file():
            return COMMENT.sub("", path.read_text(encoding="utf-8", errors="replace"))
    return None


def block(text, start):
    """From `start` to the end of the first pair of braces, or of the statement."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0 and text[at] in "};":
            return text[start:text.find("\n", at) + 1 or None]
    return text[start:]


def definition(text, name):
    """The text that defines a name in C: a macro, a function, a struct, a line of an enum or of a table."""
    macro = re.search(r"^[ \t]*#\s*define\s+%s\b(?:[^\n]*\\\n)*[^\n]*" % name, text, re.M)
    if macro:
        return macro[0]
    for pattern in (r"^(?:struct|union|enum)\s+%s\s*\{", r"^(?:[\w*]+[ \t\n*]+)*?%s\s*\([^;{}]*\)\s*\{"):
        found = re.search(pattern % name, text, re.M)
        if found:
            return block(text, found.start())
    alias = re.search(r"\}\s*%s\s*;" % name, text)
    if alias:
        start = text.rfind("typedef", 0, alias.start())
        return text[start:alias.end()]
    lines = [line for line in text.splitlines() if re.search(r"\b%s\b" % name, line)]
    return "\n".join(lines) if lines else None


def plain(text):
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def citations():
    """(file of CPython, name) to the places in `src` that rest on it; the name may be empty."""
    out = {}
    for path in sorted((HERE / "src").rglob("*.rs")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            files = FILE.findall(line) if "//" in line else []
            # A comment may go on in the next line.
            names = [a or b for a, b in NAME.findall(line)] if files else []
            for file in files:
                for name in names or [""]:
                    out.setdefault((file, name), []).append("%s:%d" % (path.relative_to(HERE), number))
    return out


def opcodes(tree):
    for name in ("Include/opcode_ids.h", "Include/opcode.h"):
        text = source(tree, name)
        found = dict((name, int(number)) for name, number in OPCODE.findall(text or "") if not name.startswith("_"))
        if found:
            return found
    return {}


def main():
    old, new = map(Path, sys.argv[1:])
    missing, changed = [], []
    for (file, name), places in sorted(citations().items()):
        before, after = source(old, file), source(new, file)
        if before is None:
            continue
        if after is None:
            missing.append((file, places))
        elif name:
            one, two = definition(before, name), definition(after, name)
            if one is not None and (two is None or plain(one) != plain(two)):
                changed.append((file, name, places, plain(one), plain(two or "")))
    for file, places in sorted({file: places for file, places in missing}.items()):
        print("gone: %s (%s)" % (file, ", ".join(places[:4])))
    for file, name, places, one, two in changed:
        print("%s: %s in %s (%s)" % ("differs" if two else "gone", name, file, ", ".join(places[:4])))
        lines = [line for line in difflib.unified_diff(one, two, n=0, lineterm="")][2:] if two else []
        for line in lines[:SHOWN]:
            print("    " + line[:150])
        if len(lines) > SHOWN:
            print("    (%d more lines)" % (len(lines) - SHOWN))
    one, two = opcodes(old), opcodes(new)
    moved = sorted(name for name in one if name in two and one[name] != two[name])
    print("opcodes: %d gone (%s), %d new (%s), %d with another number" % (
        len(one.keys() - two.keys()), ", ".join(sorted(one.keys() - two.keys())), len(two.keys() - one.keys()),
        ", ".join(sorted(two.keys() - one.keys())), len(moved)))


if __name__ == "__main__":
    main()
