"""Values of collections, types, array, itertools, ctypes; views and struct sequences."""

import array
import collections
import itertools
import os
import queue
import sys
import time
import types

Point = collections.namedtuple("Point", "x y")
Empty = collections.namedtuple("Empty", "")


class Point3(Point):
    pass


class DequeChild(collections.deque):
    pass


class OrderedChild(collections.OrderedDict):
    pass


class DefaultChild(collections.defaultdict):
    pass


class ArrayChild(array.array):
    pass


class SpaceChild(types.SimpleNamespace):
    pass


class CounterChild(collections.Counter):
    pass


class UserListChild(collections.UserList):
    pass


def ordered(add):
    empty, some = collections.OrderedDict(), collections.OrderedDict([("z", 1), ("a", 2), (3, [4])])
    moved = collections.OrderedDict((str(n), n) for n in range(50))
    for n in range(0, 50, 7):
        moved.move_to_end(str(n), last=n % 2 == 0)
    for n in range(1, 50, 6):
        moved.pop(str(n), None)
    itself = collections.OrderedDict(a=1)
    itself["me"] = itself
    for index, value in enumerate((empty, some, moved, itself, OrderedChild(b=1), some.keys(), some.values(), some.items(),
                                   moved.keys(), OrderedChild())):
        add("ordered_%d" % index, value)
    itself = collections.defaultdict(list)
    itself["me"] = itself
    for index, value in enumerate((collections.defaultdict(), collections.defaultdict(list, {"k": [1]}), itself,
                                   collections.defaultdict(None, {1: 2}), DefaultChild(int, {"x": 0}))):
        add("default_%d" % index, value)


def simple_queues(add):
    if not hasattr(queue, "SimpleQueue"):
        return

    class QueueChild(queue.SimpleQueue):
        pass

    empty, some, wrapped = queue.SimpleQueue(), queue.SimpleQueue(), QueueChild()
    for number in range(20):
        some.put(number)
        wrapped.put(number)
        wrapped.get()
    for text in "abcd":
        wrapped.put(text)
    for index, value in enumerate((empty, some, wrapped)):
        add("simple_queue_%d" % index, value)


def deques(add):
    itself = collections.deque([1])
    itself.append(itself)
    rotated = collections.deque(range(300))
    rotated.rotate(77)
    left = collections.deque()
    for n in range(200):
        left.appendleft(n)
    popped = collections.deque(range(500))
    for _ in range(130):
        popped.popleft()
    for index, value in enumerate((collections.deque(), collections.deque([1, 2, 3]), collections.deque(range(100), maxlen=70),
                                   collections.deque(maxlen=0), itself, rotated, left, popped, DequeChild("ab"), DequeChild("a", 3))):
        add("deque_%d" % index, value)


def mappings(add):
    for index, value in enumerate((collections.Counter(), collections.Counter("abracadabra"), collections.Counter(a=1, b=1, c=3),
                                   collections.Counter(a=-1, b=2.5), CounterChild("aab"), collections.Counter({"a": "x", "b": 1}),
                                   collections.ChainMap({"a": 1}, {"b": 2}), collections.ChainMap(),
                                   collections.UserDict(a=1), collections.UserList([1, 2]), collections.UserString("us"),
                                   UserListChild("x"), types.MappingProxyType({"a": 1}),
                                   types.MappingProxyType(collections.OrderedDict(a=1)), types.SimpleNamespace(),
                                   types.SimpleNamespace(b=1, a="x"), SpaceChild(z=1, y=2))):
        add("mapping_%d" % index, value)
    space = types.SimpleNamespace(a=1)
    space.me = space
    add("namespace_itself", space)


def tuples(add):
    for index, value in enumerate((Point(1, "y"), Empty(), Point3(1, 2), time.gmtime(0), os.stat("/"), sys.flags, sys.version_info,
                                   sys.float_info, sys.int_info, sys.hash_info, os.times_result((1.0, 2.0, 3.0, 4.0, 5.0)),
                                   os.terminal_size((80, 24)), sys.thread_info, os.uname(), time.struct_time(range(9)),
                                   sys.implementation, os.statvfs("/"))):
        add("tuple_%d" % index, value)


def arrays(add):
    codes = [("b", [-1, 2]), ("B", [200]), ("h", [-300]), ("H", [60000]), ("i", [1, -2, 3]), ("I", [2**32 - 1]), ("l", [-2**40]),
             ("L", [2**64 - 1]), ("q", [-1]), ("Q", [2**63]), ("f", [0.1, 1.5]), ("d", [0.1, 1e300, float("nan")]), ("u", "h\xe9\u0434'"),
             ("i", []), ("u", "")]
    if sys.version_info >= (3, 13):
        codes += [("w", "wide \U0001f600"), ("w", "")]
    if sys.version_info >= (3, 16):
        codes = [pair for pair in codes if pair[0] != "u"]
    for index, (code, items) in enumerate(codes):
        add("array_%d_%s" % (index, code), array.array(code, items))
    add("array_child", ArrayChild("i", [1]))


def iterators(add):
    for index, value in enumerate((itertools.count(), itertools.count(5), itertools.count(5, 2), itertools.count(2**70),
                                   itertools.count(0.5), itertools.repeat("x"), itertools.repeat([1], 3), itertools.chain([1]),
                                   itertools.cycle([1]), itertools.islice([1], 1), itertools.accumulate([1]))):
        add("itertools_%d" % index, value)
    used = itertools.count(10)
    next(used)
    add("itertools_used", used)


def foreign(add):
    try:
        import ctypes
    except ImportError:
        return

    class Pair(ctypes.Structure):
        _fields_ = [("x", ctypes.c_int)]

    class IntChild(ctypes.c_int):
        pass

    for index, value in enumerate((ctypes.c_int(-5), ctypes.c_uint8(200), ctypes.c_double(0.1), ctypes.c_float(0.1),
                                   ctypes.c_char(b"x"), ctypes.c_bool(True), ctypes.c_void_p(), ctypes.c_void_p(4096),
                                   ctypes.c_char_p(b"text"), ctypes.c_char_p(None), ctypes.c_long(-1), ctypes.c_ulonglong(2**64 - 1),
                                   ctypes.c_short(-2), IntChild(7), Pair(1), (ctypes.c_int * 3)(1, 2, 3), ctypes.c_size_t(9))):
        add("ctypes_%d" % index, value)


def values(add):
    for family in (ordered, deques, simple_queues, mappings, tuples, arrays, iterators, foreign):
        family(add)
