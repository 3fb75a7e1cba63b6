"""A heap of every kind of object, listed by Python itself in its last moment.

    heap_objects.py [frozen|planted|NUMBER]

`heap.json` has facts; `tracked.bin` the ids of `gc.get_objects()` at the end; `all.bin` four words for each object that
is reachable from those by `gc.get_referents`: id, id of its type, `sys.getsizeof`, and the number of its referents;
`edges.bin` the ids of those referents, one object after the other. With `planted` only `heap.json` is written, with ways
to some objects, so that no list of all objects is another way to them. With a number that many objects are made, to
measure with.
"""

import array
import asyncio
import collections
import datetime
import decimal
import functools
import gc
import io
import json
import os
import re
import sys
import threading
import types
import weakref


class Plain:
    """Attributes in the form that the version prefers."""

    def __init__(self, n):
        self.name = "plain-%d" % n
        self.number = n * 1000003
        self.ratio = n / 7.0
        self.items = [n, str(n), (n, n + 1)]


class WithDict:
    """Its dict has been asked for."""

    def __init__(self, n):
        self.first = n
        self.second = {"n": n}
        vars(self)["third"] = [n]


class Slotted:
    __slots__ = ("left", "right", "__weakref__")

    def __init__(self, left, right):
        self.left = left
        self.right = right


class Bare:
    __slots__ = ()


class SlottedDict(dict):
    __slots__ = ("extra",)


class MyList(list):
    pass


class MyInt(int):
    pass


class MyStr(str):
    pass


class MyTuple(tuple):
    pass


class MyError(ValueError):
    def __init__(self, payload):
        super().__init__("my error", payload)
        self.payload = payload


Point = collections.namedtuple("Point", "x y label")


def closure(n):
    kept = ["kept", n]

    def inner(a, b=[n], *, c={"k": n}):
        return kept, a, b, c

    return inner


def generator(n):
    local = ["local", n]
    yield local
    yield n


async def coroutine(n):
    local = {"coro": n}
    await asyncio.sleep(3600)
    return local


def failed(n):
    try:
        raise MyError([n] * 3)
    except MyError as error:
        return error


def build():
    world = {}
    world["plain"] = [Plain(n) for n in range(300)]
    world["withdict"] = [WithDict(n) for n in range(50)]
    world["slotted"] = [Slotted([n], {"n": n}) for n in range(50)]
    world["bare"] = [Bare() for _ in range(10)]
    world["slotteddict"] = [SlottedDict(a=n) for n in range(10)]
    world["slotteddict"][0].extra = ["extra"]
    world["subclasses"] = [MyList([1, 2]), MyInt(12345678901234567890), MyStr("text of mine"), MyTuple((1, [2]))]
    for thing in world["subclasses"]:
        thing.attribute = ["on", type(thing).__name__]
    world["ints"] = [n ** 9 for n in range(1000, 1200)] + [-(1 << n) for n in range(1, 2000, 37)] + [0, 1, -1]
    world["floats"] = [n * 1.1 for n in range(200)]
    world["strings"] = ["s%d" % n for n in range(200)] + ["\xe9" * n for n in range(2, 60)]
    world["strings"] += ["\u0416" * n for n in range(2, 60)] + ["\U0001f600" * n for n in range(2, 60)]
    world["strings"] += ["x" * n for n in (500, 512, 513, 4000, 100000)]
    world["bytes"] = [bytes(n) for n in range(0, 1200, 13)] + [b"\1" * 200000]
    world["bytearrays"] = [bytearray(n) for n in range(0, 600, 31)]
    world["complex"] = [complex(n, n + 1) for n in range(20)]
    world["tuples"] = [tuple(range(n)) for n in range(40)] + [tuple([[n]]) for n in range(40)] + [tuple([0] * 5000)]
    world["lists"] = [list(range(n)) for n in range(60)]
    world["dicts"] = [{k: str(k) for k in range(n)} for n in range(60)] + [{"a%d" % k: k for k in range(n)} for n in range(40)]
    world["sets"] = [set(range(n)) for n in range(0, 60, 3)] + [frozenset("e%d" % k for k in range(n)) for n in range(40)]
    world["deques"] = [collections.deque(range(n), n or None) for n in range(0, 400, 41)]
    world["ordered"] = [collections.OrderedDict((k, [k]) for k in range(n)) for n in range(20)]
    world["default"] = collections.defaultdict(list, {n: [n] for n in range(20)})
    world["counter"] = collections.Counter("hello world")
    world["chain"] = collections.ChainMap({"a": 1}, {"b": 2})
    world["points"] = [Point(n, [n], "p") for n in range(20)]
    world["stat"] = os.stat(".")
    world["closures"] = [closure(n) for n in range(20)]
    world["methods"] = [p.__init__ for p in world["plain"][:10]] + [[].append, "".join]
    world["partials"] = [functools.partial(int, str(n), base=16) for n in range(10)]
    world["properties"] = [property(closure(1), closure(2)), staticmethod(closure(3)), classmethod(closure(4))]
    world["generators"] = [generator(n) for n in range(10)]
    for started in world["generators"][:5]:
        next(started)
    world["coroutines"] = [coroutine(n) for n in range(5)]
    world["errors"] = [failed(n) for n in range(10)]
    world["weak"] = [weakref.ref(p) for p in world["plain"][:20]]
    world["weakset"] = weakref.WeakSet(world["plain"][20:40])
    world["weakdict"] = weakref.WeakValueDictionary((n, p) for n, p in enumerate(world["plain"][40:60]))
    world["arrays"] = [array.array("d", range(n)) for n in range(0, 100, 9)]
    world["views"] = [memoryview(b"0123456789abcdef")[2:8], {}.keys(), {"a": 1}.items(), iter([1, 2]), iter({1: 2})]
    world["slices"] = [slice(n, n + 1000, None) for n in range(300, 310)] + [range(n, n + 5000) for n in range(300, 310)]
    world["dates"] = [datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), datetime.timedelta(5)]
    world["decimals"] = [decimal.Decimal("1.1") ** n for n in range(10)]
    world["regex"] = [re.compile("a+b*"), re.match("a(b)", "ab")]
    world["io"] = [io.BytesIO(b"x" * 1000), io.StringIO("text")]
    world["namespace"] = types.SimpleNamespace(a=[1], b={"c": 2})
    world["module"] = types.ModuleType("planted")
    world["module"].value = ["planted", "value"]
    world["classes"] = [type("Made%d" % n, (Plain,), {"attr": [n], "__slots__": ("slot",)}) for n in range(10)]
    world["lock"] = [threading.Lock(), threading.RLock(), threading.Condition()]
    cycle = ["cycle"]
    cycle.append(cycle)
    world["cycle"] = cycle
    world["gone"] = [[n] for n in range(1000)]
    del world["gone"][::2]
    return world


class Registry:
    pass


def plant():
    """Objects with exactly one way to them, and an island of known size. Each is fresh."""
    registry.entries = {"u17": Plain(170017)}
    registry.slotted = Slotted(["in a slot"], None)
    registry.pair = ({"deep": [1.25, ["innermost"]]},)
    registry.closure = closure(987654)
    registry.suspended = generator(876543)
    next(registry.suspended)
    registry.queue = collections.deque(["filler"] * 100 + [["in a deque"]])
    inner = registry.closure.__closure__[0].cell_contents
    shared = bytes(5000)
    registry.shared = shared
    registry.island = [bytes(1000 + n) for n in range(50)] + [{"k%d" % n: 1.5 * n for n in range(100)}, shared]
    island = registry.island
    own = [island] + island[:51] + list(island[50]) + list(island[50].values())
    return {
        "paths": {
            "__main__.registry.entries['u17']": id(registry.entries["u17"]),
            "__main__.registry.entries['u17'].items": id(registry.entries["u17"].items),
            "__main__.registry.slotted.left": id(registry.slotted.left),
            "__main__.registry.pair[0]['deep'][1]": id(registry.pair[0]["deep"][1]),
            "__main__.registry.closure.__closure__[0].cell_contents": id(inner),
            "__main__.registry.closure.__kwdefaults__['c']": id(registry.closure.__kwdefaults__["c"]),
            "__main__.registry.suspended.<local local>": id(registry.suspended.gi_frame.f_locals["local"]),
            "__main__.registry.queue[100]": id(registry.queue[100]),
        },
        "island": id(island),
        "retained": sum(map(sys.getsizeof, own)),
    }


registry = Registry()


def everything(roots):
    seen, todo = {}, list(roots)
    while todo:
        thing = todo.pop()
        if id(thing) not in seen:
            seen[id(thing)] = thing
            todo.extend(gc.get_referents(thing))
    return seen


def size(thing):
    try:
        return sys.getsizeof(thing)
    except Exception:
        return 0


def frames():
    """Stays in the frame: a call under `main` whose locals hold the world."""
    world = build()
    leave(world)


def leave(world):
    planted, only = plant(), {"of": ["this", "frame"]}
    gc.collect()
    gc.disable()
    if "planted" in sys.argv:
        planted["local"] = id(only["of"])
        with open("heap.json", "w") as file:
            json.dump({"planted": planted}, file)
        os.abort()
    if "frozen" in sys.argv:
        gc.freeze()
    names = {}
    first = everything(gc.get_objects() + list(sys.modules.values()) + [world])
    words, edges = array.array("Q"), array.array("Q")
    for thing in first.values():
        referents = gc.get_referents(thing)
        words.extend((id(thing), id(type(thing)), size(thing), len(referents)))
        edges.extend(map(id, referents))
        if id(type(thing)) not in names:
            names[id(type(thing))] = "%s.%s" % (type(thing).__module__, type(thing).__qualname__)
    facts = {
        "names": {str(key): name for key, name in names.items()},
        "tracked": [i for i, thing in first.items() if gc.is_tracked(thing)],
        "frozen": gc.get_freeze_count(),
        "blocks": sys.getallocatedblocks(),
        "hexversion": sys.hexversion,
    }
    with open("heap.json", "w") as file:
        json.dump(facts, file)
    with open("all.bin", "wb") as file:
        words.tofile(file)
    with open("edges.bin", "wb") as file:
        edges.tofile(file)
    del facts, file, thing, referents
    out = os.open("tracked.bin", os.O_CREAT | os.O_WRONLY, 0o644)
    listed = gc.get_objects()
    ids = array.array("Q", map(id, listed))
    os.write(out, ids)
    os.write(2, b"%d %d\n" % (id(ids), id(listed)))
    os.abort()


def many(count):
    """About `count` objects in a tree, as programs have them: instances, texts, numbers, dicts, lists."""
    rows = []
    for n in range(count // 9):
        row = Registry()
        row.name, row.ratio, row.tags = "row-%d" % n, n / 3.0, ["t%d" % n, n + 100000]
        rows.append({"id": n + 1000, "row": row})
    os.abort()


if __name__ == "__main__":
    if sys.argv[-1].isdigit():
        many(int(sys.argv[-1]))
    frames()
