"""Objects broken on purpose: what `want` names must be in what is shown."""

import ctypes
import dataclasses
import struct
import sys

WORD = ctypes.sizeof(ctypes.c_void_p)
HEAD = object.__basicsize__
TYPE_AT = HEAD - WORD
KEPT = []


@dataclasses.dataclass
class Defaults:
    field: int = 5


def word(value):
    return struct.pack("P", value & (2**(8 * WORD) - 1))


class Plain:
    pass


def keep(value):
    """Alive for ever: nothing must ever try to free these."""
    KEPT.append(value)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    return value


def values(add):
    def add_damaged(name, value, want):
        add(name, value, want)

    freed = keep(Plain())
    uninitialised = keep(Plain())
    zeroed = keep(Plain())
    odd_type = keep(Plain())
    wild_type = keep(Plain())
    not_a_type = keep(Plain())
    type_is_str = keep(Plain())
    long_list = keep([1, 2, 3])
    wild_items = keep([1, 2, 3])
    wild_item = keep([1, 2, 3])
    negative_tuple = keep((1, 2, 3))
    wild_dict = keep({"a": 1})
    big_dict = keep({"a": 1})
    wild_str = keep("".join(["some ", "text"]))
    huge_int = keep(10**30)
    huge_bytes = keep(bytes(bytearray(20)))
    bad_set = keep({1, 2})
    no_entries = keep({"a": 1, "b": 2})
    fewer_entries = keep({"a": 1, "b": 2})
    more_entries = keep({"a": 1, "b": 2})
    wild_points = keep("".join(["wide ", "\U0001f600"]))
    freed_inside = keep([1, keep(Plain()), 3])
    wild_attribute = keep(Plain())
    wild_attribute.good = 1
    wild_attribute.bad = keep(Plain())

    wild_attributes = keep(Defaults(7))
    attributes_of = keep(wild_attributes.__dict__)
    # Addresses only, and worked out now: a debug build dies at once when it drops a reference to a broken object.
    items = ctypes.c_void_p.from_address(id(wild_item) + HEAD + WORD).value
    # Key tables of eight slots: head, eight bytes of indices, entries.
    table = ctypes.c_void_p.from_address(id(no_entries) + dict.__basicsize__ - 2 * WORD).value
    entries, size = (table + 4 * WORD + 8, 2 * WORD) if sys.version_info >= (3, 11) else (table + 5 * WORD + 8, 3 * WORD)
    digits = word((1 << 55) << 3) if sys.version_info >= (3, 12) else word(1 << 55)
    pokes = [
        (id(freed), b"\xdd" * HEAD),
        (id(uninitialised), b"\xcd" * HEAD),
        (id(zeroed), bytes(HEAD)),
        (id(odd_type) + TYPE_AT, word(0x1234567)),
        (id(wild_type) + TYPE_AT, word(0xdeadbeef000)),
        (id(not_a_type) + TYPE_AT, word(id(long_list))),
        (id(type_is_str) + TYPE_AT, word(id("str"))),
        (id(long_list) + HEAD, word(1 << 60)),
        (id(wild_items) + HEAD + WORD, word(0x1000)),
        (items + WORD, word(0x41414141)),
        (id(negative_tuple) + HEAD, word(-5)),
        (id(wild_dict) + dict.__basicsize__ - 2 * WORD, word(0x4141)),
        (id(attributes_of) + dict.__basicsize__ - 2 * WORD, word(0x4141)),
        (id(big_dict) + HEAD, word(1 << 50)),
        (id(wild_str) + HEAD, word(1 << 50)),
        (id(huge_int) + HEAD, digits),
        (id(huge_bytes) + HEAD, word(1 << 45)),
        (id(bad_set) + HEAD + 2 * WORD, word(12345)),
        (entries, bytes(2 * size)),
        (id(fewer_entries) + HEAD, word(1)),
        (id(more_entries) + HEAD, word(3)),
        (id(wild_points) + sys.getsizeof(wild_points) - 8, struct.pack("I", 0x41414141)),
        (id(freed_inside[1]), b"\xdd" * HEAD),
    ]

    def damage():
        for address, data in pokes:
            ctypes.memmove(address, data, len(data))

    add_damaged("freed", freed, "freed memory")
    add_damaged("uninitialised", uninitialised, "uninitialised memory")
    add_damaged("zeroed", zeroed, "zeroed memory")
    add_damaged("odd_type", odd_type, "is not a type object")
    add_damaged("wild_type", wild_type, "is not a type object")
    add_damaged("not_a_type", not_a_type, "is not a type object")
    add_damaged("type_is_str", type_is_str, "is not a type object")
    add_damaged("long_list", long_list, "length")
    add_damaged("wild_items", wild_items, "0x1000")
    add_damaged("wild_item", wild_item, "[1, <invalid pointer 0x41414141")
    add_damaged("negative_tuple", negative_tuple, "a length of -5")
    add_damaged("wild_dict", wild_dict, "dict")
    # Not the default of the class.
    add_damaged("wild_attributes", wild_attributes, "Defaults object at")
    add_damaged("big_dict", big_dict, "entries")
    add_damaged("wild_str", wild_str, "str")
    add_damaged("huge_int", huge_int, "digits")
    add_damaged("huge_bytes", huge_bytes, "bytes")
    add_damaged("bad_set", bad_set, "elements")
    add_damaged("no_entries", no_entries, "entries")
    add_damaged("fewer_entries", fewer_entries, "more are there")
    add_damaged("more_entries", more_entries, "3 entries")
    add_damaged("wild_points", wild_points, "0x41414141 is no code point")
    add_damaged("freed_inside", freed_inside, "[1, <freed memory")
    add.damage(damage)
