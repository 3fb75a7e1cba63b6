"""Mistakes with reference counts (defects/seeds.c), each with objects of a class of its own, and holders without any.

Writes `audit.json`, name of the class -> what is wrong with its objects, and dies. With the argument `healthy` there
are only holders.
"""

import collections
import ctypes
import functools
import json
import mmap
import os
import sys

import seeds

# As OpenBLAS does: a kernel dumps nothing of what was never written to, and no references are missing for it.
RESERVED = mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
EXPECTED = {}
KEPT = []
CALLS = 40


class Plain:
    pass


def kind(name, base=object, **members):
    """A class of its own for one mistake."""
    return type(name, (base,), members)


def text_in_old_objects():
    """Text of C code in the blocks of freed objects: its first word looks like a count, the second one is still the type."""
    allocate = ctypes.pythonapi.PyMem_Malloc
    allocate.restype, allocate.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    freed = [object() for _ in range(100)]
    del freed
    blocks = [allocate(2) for _ in range(50)]
    for block in blocks:
        ctypes.memset(block, 0, 8)
        ctypes.memmove(block, b"d", 1)
    KEPT.append(blocks)
    with open("imitations.json", "w") as file:
        json.dump(blocks, file)


def seed(verdict):
    def register(function):
        cls = function()
        EXPECTED[cls.__name__] = verdict
        return function

    return register


def over(name, *holders, base=object):
    """One release too many of an object that several certain references hold."""
    cls = kind("Over" + name, base)
    thing = cls()
    KEPT.append([thing])
    for holder in holders:
        KEPT.append(holder(thing))
    seeds.over_decref(thing)
    EXPECTED[cls.__name__] = "over-released"


def with_attribute(thing):
    plain = Plain()
    plain.attribute = thing
    return plain


class Slotted:
    __slots__ = ("slot",)

    def __init__(self, thing):
        self.slot = thing


def with_default(thing):
    def function(argument=thing):
        return argument

    return function


def with_keyword_default(thing):
    def function(*, argument=thing):
        return argument

    return function


def with_cell(thing):
    return lambda: thing


def suspended(thing):
    def generator(local):
        yield
        print(local)

    running = generator(thing)
    next(running)
    return running


def with_exception(thing):
    error = ValueError(thing)
    error.extra = thing
    return error


class Namespace:
    pass


def with_class_attribute(thing):
    return type("Owner", (), {"attribute": thing})


def release_too_often():
    over("ListItem", lambda thing: [thing])
    over("DictValue", lambda thing: {"key": thing})
    over("DictKey", lambda thing: {thing: 1})
    over("TupleItem", lambda thing: (thing, 1))
    over("SetElement", lambda thing: {thing})
    over("FrozenElement", lambda thing: frozenset([thing]))
    over("Attribute", with_attribute)
    over("Slot", Slotted)
    over("Default", with_default)
    over("KeywordDefault", with_keyword_default)
    over("Cell", with_cell)
    over("Deque", lambda thing: collections.deque([thing]))
    over("GeneratorLocal", suspended)
    over("ExceptionArgument", with_exception)
    over("ClassAttribute", with_class_attribute)
    over("Partial", lambda thing: functools.partial(print, thing))
    over("DefaultDict", lambda thing: collections.defaultdict(list, key=thing))
    over("OrderedDict", lambda thing: collections.OrderedDict(key=thing))
    over("ListSubclass", lambda thing: [thing], base=list)
    over("DictSubclass", lambda thing: {1: thing}, base=dict)


def mistakes_that_release():
    def check(name):
        cls = kind(name)
        EXPECTED[name] = "over-released"
        return cls()

    thing = check("BorrowedOfList")
    KEPT.append([thing])
    KEPT.append([thing, seeds.first_of_list(KEPT[-1])])
    thing = check("BorrowedOfTuple")
    KEPT.append((thing,))
    KEPT.append([thing, seeds.first_of_tuple(KEPT[-1])])
    thing = check("BorrowedOfDict")
    KEPT.append({"key": thing})
    KEPT.append([thing, seeds.value_of_dict(KEPT[-1], "key")])
    thing = check("StolenIntoList")
    KEPT.append([thing])
    KEPT.append([None])
    seeds.steal_into_list(KEPT[-1], thing)
    thing = check("StolenTwice")
    KEPT.append([thing])
    KEPT.append(seeds.steal_twice(thing))
    thing = check("StolenByBuildValue")
    KEPT.append([thing])
    KEPT.append(seeds.build_value_steals(thing))
    thing = check("AddedToModule")
    KEPT.append([thing])
    module = type(sys)("target")
    KEPT.append(module)
    seeds.add_object_twice(module, thing)
    thing = check("AppendedAndReleased")
    KEPT.append([thing])
    KEPT.append([])
    seeds.append_and_release(KEPT[-1], thing)


def mistakes_that_leak():
    def check(name, base=object, **members):
        EXPECTED[name] = "leaked"
        return kind(name, base, **members)

    cls = check("Incremented")
    KEPT.append(cls())
    for _ in range(CALLS):
        seeds.extra_incref(KEPT[-1])
    cls = check("AppendedAndKept")
    KEPT.append([])
    for _ in range(CALLS):
        seeds.append_and_keep(KEPT[-1], cls)
    cls = check("SetAndKept")
    KEPT.append({})
    for index in range(CALLS):
        seeds.set_item_and_keep(KEPT[-1], index, cls)
    for name, base in (("MadeObject", object), ("MadeList", list), ("MadeDict", dict), ("MadeTuple", tuple),
                       ("MadeSet", set), ("MadeBytes", bytes)):
        cls = check(name, base)
        for _ in range(CALLS):
            seeds.make_and_forget(cls)
    cls = check("AttributeGot")
    KEPT.append(with_attribute(cls()))
    for _ in range(CALLS):
        seeds.attribute_and_forget(KEPT[-1])
    cls = check("Iterated")
    KEPT.append([cls() for _ in range(CALLS)])
    for _ in range(3):
        seeds.iterate_and_forget(KEPT[-1])
    cls = check("ErrorSwallowed", ValueError)

    def fail():
        raise cls("error")

    for _ in range(CALLS):
        seeds.swallow_error(fail)
    # What such an error came with: its traceback, and its class once more.
    EXPECTED["traceback"] = EXPECTED["type"] = "leaked"


def hold_rightly():
    seeds.hold_static(kind("HeldStatic")())
    for _ in range(CALLS):
        seeds.hold_malloc(kind("HeldMalloc")())
    seeds.hold_state(kind("HeldState")())
    KEPT.append([seeds.hold_capsule(kind("HeldCapsule")()) for _ in range(CALLS)])
    KEPT.append([seeds.Box(kind("HeldBox")()) for _ in range(CALLS)])


def die():
    with open("audit.json", "w") as file:
        json.dump(EXPECTED, file)
    os.abort()


hold_rightly()
text_in_old_objects()
if "healthy" not in sys.argv:
    release_too_often()
    mistakes_that_release()
    mistakes_that_leak()
seeds.hold_stack(kind("HeldStack"), die)
