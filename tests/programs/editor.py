"""What an editor shows of a dead process: places in UTF-16, large containers, text that is in no file.

The truth is one JSON file (`PYINQUEST_TRUTH`); then the process dies, or blocks where `PYINQUEST_DEATH` is `block`.
"""

import json
import linecache
import os
import signal
import sys
import time

CELL = "<cell 1>"
KEPT = "def kept(function):\n    'é🐍'; return function()\n"


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y


def entry(number):
    return "key %d" % number, number * number


def reprs(pair):
    return [repr(part) for part in pair]


def generator():
    inside = 1
    yield inside
    yield 2


def die(truth):
    path = os.environ["PYINQUEST_TRUTH"]
    with open(path + ".new", "w") as out:
        json.dump(truth, out)
    os.rename(path + ".new", path)
    if os.environ.get("PYINQUEST_DEATH") == "block":
        time.sleep(600)
    signal.raise_signal(signal.SIGSEGV)


def inner(number, point):
    big = list(range(1_000_000))
    table = dict(map(entry, range(5000)))
    nested = {"list": [1, [2, "é🐍"]], 7: "seven", (1, 2): "tuple"}
    suspended = generator()
    next(suspended)
    if number > 5:
        unbound = 1
    die({
        "kept": KEPT,
        "line": outer.__code__.co_firstlineno + 1,
        "column": units(outer_line(), "inner(2"),
        "end_column": units(outer_line(), ")  # the end"),
        "columns": hasattr(outer.__code__, "co_positions"),
        "generator": [generator.__code__.co_firstlineno, suspended.gi_frame.f_lineno],
        "big": [len(big), big[999_900:]],
        "table": [len(table), list(map(reprs, list(table.items())[4900:]))],
        "nested": dict(zip(map(repr, nested), map(repr, nested.values()))),
        "point": {"x": repr(point.x), "y": repr(point.y)},
        "locals": sorted(set(sys._getframe().f_locals) - {"number", "point"}) + ["unbound"],
        "file": os.path.abspath(__file__),
    })


def outer():
    return "é🐍" and inner(2, Point(1, [2.5]))  # the end


def outer_line():
    with open(__file__, encoding="utf-8") as source:
        return source.read().splitlines()[outer.__code__.co_firstlineno]


def units(line, before):
    """The column of a text as editors count: UTF-16 code units from 1."""
    at = line.index(before) + (1 if before.startswith(")") else 0)
    return len(line[:at].encode("utf-16-le")) // 2 + 1


linecache.cache[CELL] = (len(KEPT), None, KEPT.splitlines(True), CELL)
namespace = {}
exec(compile(KEPT, CELL, "exec"), namespace)
namespace["kept"](outer)
