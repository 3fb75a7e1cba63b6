"""Containers far larger than what is shown."""

import collections


def values(add):
    size = 100000
    add("list", list(range(size)))
    add("tuple", tuple(range(size)))
    add("dict", {n: n for n in range(size)})
    add("strings", {"key%d" % n: n for n in range(size)})
    add("set", set(range(size)))
    add("deque", collections.deque(range(size)))
    add("ordered", collections.OrderedDict((n, n) for n in range(size)))
    add("str", "x" * 10**7)
    add("bytes", bytes(10**7))
    add("nested", [list(range(size))] * 20)
