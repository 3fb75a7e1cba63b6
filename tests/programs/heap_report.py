"""A heap with one of each thing that `heap report` tells of, and what Python says of them.

    heap_report.py            dies with all of it
    heap_report.py tidy       dies with none of it
    heap_report.py grow       stands still; with each SIGUSR1 there is more in `queue` and `leak.rows`

`heap.json` has facts, `garbage.bin` the ids of what a collection finds unreachable: a forked child collects, with
`gc.DEBUG_SAVEALL`, before this process dies.
"""

import array
import gc
import itertools
import json
import os
import sys


numbers = itertools.count()


def payload(times):
    """Bytes that no other object has."""
    return b"p%07d" % next(numbers) * times


class Session:
    """Each keeps a body of its own alive."""

    def __init__(self, number):
        self.number = number
        self.body = b"%08d" % number * 175


class Outer:
    """Each keeps another of its kind alive."""

    __slots__ = ("inner", "payload")

    def __init__(self, inner):
        self.inner = inner
        self.payload = payload(625)


class Node:
    """Two of them in a cycle are garbage."""

    def __init__(self):
        self.payload = payload(40)


class Finalized(Node):
    def __del__(self):
        pass


class Slots:
    __slots__ = ("other", "more")


class Holder:
    pass


def cycles():
    """One cycle through each kind of object that the collector knows, and many through instances."""
    for _ in range(12000):
        first, second = Node(), Node()
        first.other, second.other = second, first
    for _ in range(300):
        first, second = Finalized(), Finalized()
        first.other, second.other = second, first
    listed = []
    listed.append(listed)
    mapped = {}
    mapped["self"] = [(mapped,)]
    slotted = Slots()
    slotted.other, slotted.more = [slotted], {"set": {slotted}}

    def closure():
        return closure

    holder = Holder()
    vars(holder)["own"] = holder
    method = Holder()
    method.bound = Node.__init__.__get__(method)
    failed = Holder()
    try:
        raise ValueError(failed)
    except ValueError as error:
        failed.error = error

    class Local:
        other = None

    Local.other = Local()


def build():
    global cache, names, sparse, pairs, buffer
    buffer = bytearray(8 << 20)
    cache = {"s%d" % n: Session(n) for n in range(20000)}
    pairs = [Outer(Outer(None)) for _ in range(200)]
    names = ["".join(["a text that is there ", "many", " times over and over again"]) for _ in range(60000)]
    sparse = {n: None for n in range(400000)}
    for n in range(3, 400000):
        del sparse[n]


def facts():
    size = sys.getsizeof
    outers = pairs + [pair.inner for pair in pairs]
    return {
        "sessions": len(cache),
        "bodies": sum(size(session.body) for session in cache.values()),
        "duplicates": sum(map(size, names[1:])),
        "table": size(sparse),
        "outers": len(outers),
        "of_outers": sum(size(outer) + size(outer.payload) for outer in outers),
        "pairs": size(pairs),
    }


def unreachable():
    """What a collection finds, found by a child that is a copy of this process."""
    child = os.fork()
    if child == 0:
        before = set(map(id, gc.garbage))
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        ids = array.array("Q", (id(thing) for thing in gc.garbage if id(thing) not in before))
        with open("garbage.bin", "wb") as file:
            ids.tofile(file)
        os._exit(0)
    os.waitpid(child, 0)


def uncollectable():
    gc.set_debug(gc.DEBUG_SAVEALL)
    for _ in range(150):
        listed = []
        listed.append(listed)
    del listed
    gc.collect()
    gc.set_debug(0)


def more(*_):
    """As a request that leaves something behind; `steady` does not grow."""
    rounds = len(queue) // 1000
    for n in range(1000):
        queue.append(Node())
        leak.rows[rounds * 1000 + n] = [n]
    open("grown.%d" % rounds, "w").close()


def grow():
    import signal

    import truth

    global queue, leak, steady
    queue, leak, steady = [], Holder(), list(range(5000))
    leak.rows = {}
    signal.signal(signal.SIGUSR1, more)
    truth.write("block")()


def main():
    gc.collect()
    gc.disable()
    if "grow" in sys.argv:
        return grow()
    if "tidy" not in sys.argv:
        uncollectable()
        build()
        cycles()
    said = facts() if "tidy" not in sys.argv else {}
    with open("heap.json", "w") as file:
        json.dump(said, file)
    del file, said
    unreachable()
    os.abort()


if __name__ == "__main__":
    main()
