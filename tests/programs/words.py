"""Objects of some types, and what Python itself finds in their memory."""

import ctypes

import truth


class Slotted(object):
    __slots__ = ("first", "second")

    def __init__(self):
        self.first = "one"
        self.second = ["two"]


def memory(thing):
    size = type(thing).__basicsize__
    if isinstance(thing, tuple):
        size += type(thing).__itemsize__ * len(thing)
    count = size // ctypes.sizeof(ctypes.c_void_p)
    return [word or 0 for word in (ctypes.c_void_p * count).from_address(id(thing))]


def main():
    numbers = [1, 2, 3]
    pair = ("a", "b")
    table = {"k": 1}
    half = 0.5
    slotted = Slotted()
    things = {"numbers": numbers, "pair": pair, "table": table, "half": half, "slotted": slotted}
    found = {}
    for name, thing in things.items():
        fields = {"ob_type": id(type(thing))}
        if name in ("numbers", "pair"):
            fields["ob_size"] = len(thing)
        if name == "pair":
            fields["ob_item"] = id(pair[0])
        if name == "table":
            fields["ma_used"] = len(table)
        if name == "half":
            fields["ob_fval"] = 0x3FE0000000000000
        if name == "slotted":
            fields["first"] = id(slotted.first)
            fields["second"] = id(slotted.second)
        found[name] = {"address": id(thing), "memory": memory(thing), "fields": fields}
    truth.write("null", words=found)()


main()
