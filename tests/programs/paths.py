"""Paths into an object, each with what Python itself finds there.

The truth is one JSON file (`PYINQUEST_TRUTH`); then the process dies. With `numpy` as an argument, arrays too.
"""

import array
import collections
import datetime
import enum
import functools
import json
import os
import re
import signal
import sys
import types


class Color(enum.Enum):
    RED = 1
    BLUE = "two"


class Flag(enum.IntFlag):
    READ = 4


Point = collections.namedtuple("Point", "x y")


class Slots:
    __slots__ = ("set", "unset")

    def __init__(self):
        self.set = [1, 2]


class Counted(list):
    def __len__(self):
        return 99


class Plain:
    shared = "of the class"

    def __init__(self):
        self.a = 1
        self.b = {"k": [10, 20]}

    @property
    def half(self):
        return self.a / 2

    @staticmethod
    def helper():
        return None


def generator(step):
    inside = [step]
    yield inside


async def coroutine(first):
    return first


PATHS = """
data.color.value data.color.name data.blue.value data.Color.RED.value data.Color.BLUE.name data.flag.value
data.point.x data.point.y data.points[1].y data.point[-1] data.point[0]
data.day.year data.day.month data.day.day
data.moment.year data.moment.hour data.moment.minute data.moment.second data.moment.microsecond data.moment.tzinfo
data.moment.fold data.time.hour data.time.microsecond data.time.tzinfo data.delta.days data.delta.seconds
data.delta.microseconds
data.pattern.pattern data.pattern.groups data.pattern.flags
data.text[0] data.text[-1] data.wide[1] data.bytes[0] data.bytes[-1] data.bytearray[1]
data.deque[0] data.deque[-1] data.deque[70] data.array[0] data.array[-1] data.floats[1] data.array.typecode
data.range[0] data.range[-1] data.range[3] data.range.start
data.ordered['b'] data.default['k'][0] data.counter['a'] data.proxy['k'] data.nested[-1][-2]['x'][0]
data.plain.__dict__ data.plain.__dict__['b']['k'][1] data.plain.__class__.__name__ data.plain.__class__.__qualname__
data.plain.__class__.__module__ data.plain.__class__.shared data.plain.shared data.plain.helper
data.space.inner.__dict__ data.list.__class__.__name__ data.Plain.__name__
data.generator.gi_frame.f_lineno data.generator.gi_frame.f_locals['inside'][0] data.generator.gi_frame.f_code.co_name
data.generator.gi_code.co_name data.generator.gi_frame.f_locals['step'] data.ended.gi_frame
data.coroutine.cr_frame.f_locals['first'] data.coroutine.cr_code.co_name data.frame.f_locals['here'][1] data.frame.f_lineno
data.sys.version_info.major data.sys.version_info.minor data.sys.version_info.releaselevel data.sys.version_info[0]
data.sys.flags.debug data.stat.st_size data.stat.st_mode
data.partial.func data.partial.args[0] data.slice.stop data.complex.real data.complex.imag
data.slots.set[-1] data.code.co_firstlineno data.code.co_argcount data.function.__name__
data.keys[1,'a'] data.keys[(1,('x',))] data.keys[None] data.keys[b'k\\xff'] data.keys[()] data.keys[-7,] data.keys[True]
data.list[1:] data.list[::-1] data.list[-2:][0] data.list[5:] data.text[1:3] data.wide[1:] data.text[::2] data.bytes[-3:] data.bytes[:2]
data.nested[1][1:] data.point[0:1] data.points[0:1] data.strings[2:90] data.strings[-3::-11] len(data.list[1:]) len(data.text[2:])
len(data.list) len(data.text) len(data.bytes) len(data.deque) len(data.array) len(data.range) len(data.default) len(data.set)
len(data.point) len(data.ordered) len(data.bytearray) len(data.proxy) len(data.frozen) len(data.nested[-1])
""".split()

# What a path is refused with: words of the message.
REFUSED = {
    "data.slots.unset": "its slot is not set",
    "data.plain.half": "its class computes it",
    "data.plain.nothing": "stores no attribute",
    "data.text[40]": "has no item",
    "data.list[-4]": "has no item",
    "data.range[100]": "has no item",
    "data.set[0]": "cannot be looked up",
    "len(data.counted)": "cannot be looked up",
    "len(data.number)": "cannot be looked up",
    "data.cached.once": "its class computes it",
    "data.deque[1:2]": "cannot be looked up",
    "data.keys[2,'a']": "has no item",
    "data.keys[(1,)]": "has no item",
    "data.many[1:]": "has more than 100000 items",
}

ARRAYS = """
data.matrix.shape data.matrix.ndim data.matrix.size data.matrix.dtype data.matrix.itemsize data.matrix.nbytes
data.matrix[1][2] data.matrix[-1][-1] data.matrix.strides data.floats32[0] data.objects[0] data.objects[1] data.flipped[0][1]
data.bools[1] data.matrix[1,2] data.matrix[1][-1,] len(data.matrix) len(data.matrix[0])
data.rows[1][2]['id'] data.rows['id'][1][2] data.rows[0,1]['at'][1][2] data.rows['at'][1,1,0,2] data.rows['at'][-1,-1][1,1]
data.rows['inner']['high'][1][0] data.rows[1][0]['inner']['high'] data.rows[1][0]['inner']['low'] data.swapped['id'][0][1]
data.swapped[2,1]['at'][0,1] data.swapped['inner'][1]['high'][0] data.rows['any'][1][1] data.rows[1][1]['any'][1]
len(data.rows['at']) len(data.rows[0][1]['at'])
""".split()


class Cached:
    @functools.cached_property
    def once(self):
        return 1


def fill(data):
    here = ["local", "variable"]
    data.color, data.blue, data.flag, data.Color = Color.RED, Color.BLUE, Flag.READ, Color
    data.point, data.points = Point(3, [4]), [Point(1, 2), Point(5, "six")]
    data.day, data.time = datetime.date(2024, 2, 29), datetime.time(1, 2, 3, 456789)
    zone = datetime.timezone(datetime.timedelta(hours=2), "here")
    data.moment = datetime.datetime(2025, 12, 31, 23, 59, 58, 70001, tzinfo=zone, fold=1)
    data.delta = datetime.timedelta(days=-3, seconds=7, microseconds=9)
    data.pattern = re.compile(r"(a)|(b+)", re.I)
    data.text, data.wide, data.bytes, data.bytearray = "hello", "a\U0001f600é", b"\x00bytes\xff", bytearray(b"xyz")
    data.deque = collections.deque(range(1000, 1100))
    data.deque.rotate(7)
    data.array, data.floats = array.array("h", [-5, 6, 7]), array.array("d", [0.1, 2.5])
    data.range = range(10, 100, 7)
    data.ordered = collections.OrderedDict(a=1, b=2)
    data.ordered.move_to_end("a")
    data.default = collections.defaultdict(list, k=["v"])
    data.counter = collections.Counter("aab")
    data.proxy = types.MappingProxyType({"k": "proxied"})
    data.nested = [1, [2, {"x": ("deep",)}, 3]]
    data.plain, data.Plain, data.space = Plain(), Plain, types.SimpleNamespace(inner=types.SimpleNamespace(z=1))
    data.list, data.set, data.frozen = [1, 2, 3], {7, 8}, frozenset([1])
    data.keys = {(1, 'a'): "pair", (1, ("x",)): "nested", None: "none", b"k\xff": "bytes", (): "empty", (-7,): "one", 1: "true"}
    data.strings, data.many = [str(n) for n in range(1000)], [None] * 100002
    data.generator, data.ended, data.coroutine = generator(5), generator(6), coroutine("one")
    next(data.generator)
    list(data.ended)
    data.sys, data.stat = sys, os.stat(__file__)
    data.partial, data.slice, data.complex = functools.partial(max, 9), slice(1, 5), 1.5 - 2j
    data.slots, data.code, data.function = Slots(), fill.__code__, fill
    data.counted, data.number, data.cached = Counted([1]), 5, Cached()
    data.frame = sys._getframe()
    return here


def fill_arrays(data):
    import numpy

    data.matrix = numpy.arange(12, dtype="int32").reshape(3, 4)
    data.floats32 = numpy.array([1.5, 2.5], dtype="float32")
    data.objects = numpy.array(["text", None], dtype=object)
    data.flipped = data.matrix[::-1].T
    data.bools = numpy.array([False, True])
    inner = numpy.dtype([("low", "i2"), ("high", "u4")], align=True)
    kind = [("id", "i4"), ("at", "f8", (2, 3)), ("inner", inner), ("name", "U5"), ("any", object)]
    data.rows = numpy.zeros((2, 3), dtype=kind)
    for number, row in enumerate(data.rows.flat):
        row["id"], row["at"], row["inner"]["high"] = number, number + numpy.arange(6).reshape(2, 3), 10 * number
        row["name"], row["any"] = "r%d" % number, ["object", number]
    data.swapped = data.rows[::-1].T


def main():
    data = types.SimpleNamespace()
    fill(data)
    paths = PATHS
    if "numpy" in sys.argv[1:]:
        fill_arrays(data)
        paths = ARRAYS
    found = {}
    for path in paths:
        value = eval(path)
        found[path] = [repr(value), type(value).__name__]
    path = os.environ.get("PYINQUEST_TRUTH")
    with open(path + ".new", "w", encoding="utf-8") as file:
        refused = {} if "numpy" in sys.argv[1:] else REFUSED
        json.dump({"hexversion": sys.hexversion, "pid": os.getpid(), "data": "0x%x" % id(data), "found": found,
                   "refused": refused}, file)
    os.replace(path + ".new", path)
    os.kill(os.getpid(), signal.SIGSEGV)


if __name__ == "__main__":
    main()
