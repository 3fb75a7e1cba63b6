# -*- coding: utf-8 -*-
"""For Python 2 alone: nested calls and closures, threads that wait, an exception in flight, and hundreds of values."""

import collections
import sys
import threading
import time

import truth


class Plain(object):
    pass


class WithSlots(object):
    __slots__ = ("left", "right", "unset")

    def __init__(self):
        self.left = 1
        self.right = u"r"


class WithRepr(object):
    def __repr__(self):
        return "<own repr>"


class ListChild(list):
    pass


class IntChild(int):
    pass


class LongChild(long):
    pass


class StrChild(str):
    pass


class UnicodeChild(unicode):
    pass


class DictChild(dict):
    pass


class SetChild(set):
    pass


class Wrong(ValueError):
    pass


class Old:
    """A class of the old style."""

    def __init__(self, name):
        self.name = name

    def method(self):
        return self.name


class OldChild(Old):
    pass


class OldWithRepr(Old):
    def __repr__(self):
        return "<an old one>"


class OldChildOfRepr(OldWithRepr):
    pass


class OldWithGetattr:
    def __getattr__(self, name):
        raise AttributeError(name)


Point = collections.namedtuple("Point", "x y")


def ints():
    none, true, false, dots, missing = None, True, False, Ellipsis, NotImplemented
    zero, one, minus_one, small, past_cached = 0, 1, -1, 42, 257
    largest, smallest = sys.maxint, -sys.maxint - 1
    first_long, l_zero, l_one, l_minus = sys.maxint + 1, 0L, 1L, -5L
    digit_edges = [sign * ((1L << bits) + delta) for bits in (15, 29, 30, 31, 45, 59, 60, 61, 62, 63, 64, 90, 120)
                   for delta in (-1, 0, 1) for sign in (1, -1)]
    big, negative_big, huge = 10**40, -10**40, 7**1000
    int_child, long_child, negative_child = IntChild(12345), LongChild(10**20), IntChild(-1)
    as_hash = {1: "one", 1L << 70: "long"}
    return floats()


def floats():
    f_zero, f_minus_zero, f_one, f_tenth, f_third = 0.0, -0.0, 1.0, 0.1, 1 / 3.0
    f_big, f_small, f_denormal, f_exp16, f_exp_m5 = 1e300, 1e-300, 5e-324, 1e16, 0.00001
    f_inf, f_minus_inf, f_nan = float("inf"), float("-inf"), float("nan")
    f_many = [10.0**e for e in range(-25, 25)] + [x / 7.0 for x in range(50)]
    c_zero, c_plain, c_imag, c_neg, c_nan = 0j, 1 + 2j, 3j, complex(-0.0, -1.5), complex(float("nan"), float("inf"))
    return strings()


def strings():
    s_empty, s_ascii, s_char, s_space = "", "hello", "x", " "
    s_quote, s_double, s_both = "it's", 'say "hi"', "it's \"both\""
    s_escapes, s_controls, s_backslash = "a\tb\nc\rd", "\x00\x01\x1f\x7f", "back\\slash"
    s_all = "".join(map(chr, range(256)))
    s_utf8, s_latin1 = "h\xc3\xa9llo", "h\xe9llo"
    s_long, s_child = "long " * 1000, StrChild("child")
    s_interned, s_built = "interned_name", "".join(["bu", "ilt"])
    u_empty, u_ascii, u_char = u"", u"hello", u"x"
    u_quote, u_double, u_both = u"it's", u'say "hi"', u"it's \"both\""
    u_escapes, u_controls, u_backslash = u"a\tb\nc\rd", u"\x00\x01\x1f\x7f\x80\xa0", u"back\\slash"
    u_latin1, u_ucs2, u_ucs4 = u"caf\xe9 \xff", u"\u03a9\u03bc \ufeff", u"\U0001f600 smile \U0010ffff"
    u_surrogate, u_long, u_child = u"\ud800 \udfff", u"\u0434" * 3000, UnicodeChild(u"\u0434")
    by_name = {u"caf\xe9": 1, "caf\xc3\xa9": 2, u"plain": 3}
    return containers()


def containers():
    t_empty, t_one, t_two, t_nested = (), (1,), (1, u"2"), ((), ((),), (1, (2, (3,))))
    l_empty, l_some, l_nested, l_long = [], [1, "a", None], [[1, [2, [3, [4, [5]]]]]], range(2000)
    l_self = [1]
    l_self.append(l_self)
    d_empty, d_one, d_mixed = {}, {"a": 1}, {1: "x", (2, 3): None, "k": 4.5, None: True, u"u": 1L}
    d_deleted = dict((str(n), n) for n in range(20))
    for n in range(0, 20, 3):
        del d_deleted[str(n)]
    d_large = dict((n, n * n) for n in range(1000))
    d_self = {}
    d_self["me"] = d_self
    s_empty, s_one, s_ints, s_mixed = set(), set([1]), set(range(100)), set([1, "a", None, (2,)])
    s_removed = set(range(10))
    s_removed -= set([3, 4, 5])
    s_dummies = set(["<dummy key>", 1, 2, 3])
    s_dummies.discard(2)
    fs_empty, fs_some = frozenset(), frozenset(["a", 1])
    l_child, d_child, s_child = ListChild([1, 2]), DictChild(a=1), SetChild([1])
    default = collections.defaultdict(list, {"k": [1]})
    ordered, counter, deque = collections.OrderedDict([("z", 1)]), collections.Counter("abca"), collections.deque([1, 2])
    named = Point(1, "y")
    x_plain, x_start, x_step, x_empty, x_negative = xrange(10), xrange(1, 5), xrange(1, 100, 7), xrange(0), xrange(10, -10, -3)
    slices = (slice(None), slice(1, 2), slice(1, 10, 3))
    version, moment, buffered, view = sys.version_info, time.gmtime(0), bytearray(b"mutable\x00"), memoryview(b"v")
    return instances()


def instances():
    plain = Plain()
    plain.number, plain.words = 7, ["w"]
    empty, slots, with_repr = Plain(), WithSlots(), WithRepr()
    old, old_child = Old("Ada"), OldChild("Bob")
    old_with_repr, old_child_of_repr, old_with_getattr = OldWithRepr("Eve"), OldChildOfRepr("Mal"), OldWithGetattr()
    old_classes = (Old, OldChild)
    old_bound, old_unbound = old.method, Old.method
    classes = (Plain, int, str, unicode, long, type, object, dict, ValueError, Wrong, type(None), collections.deque)
    bare = object()
    error, error_args, error_unicode = ValueError("wrong"), OSError(2, "No such file", "name"), KeyError(u"k")
    own_error = Wrong("own", 2)
    function, builtin, bound, unbound, bound_builtin = ints, len, with_repr.__repr__, WithRepr.__repr__, [].append
    lambda_, static, klass = (lambda x: x), staticmethod(ints), classmethod(ints)
    prop, module, built_in_module, code, cell = property(ints), collections, sys, ints.__code__, truth.cell(5)
    descriptors = (list.append, object.__init__, dict.__dict__["fromkeys"], Plain.__dict__["__dict__"], WithSlots.left, [].__len__)
    generator = (n for n in range(3))
    iterators = (iter([1]), iter({1: 2}), enumerate([1]), reversed([1, 2]))
    lock = threading.Lock()
    return outer("first", (1, 2), 3, key=4)


def outer(captured, (left, right), *rest, **options):
    counter = 10
    captured = captured.upper()

    def inner(step):
        total = counter + step
        if total < 0:
            never_bound = total
        removed = "gone"
        del removed
        lines = [total,
                 captured]
        return deepest(lines)

    result = inner(5)
    return result


def deepest(items):
    namespace = {}
    exec "inside = 1\nword = u'w'" in namespace
    try:
        raise Wrong("handled here", 1)
    except ValueError as error:
        message = str(error)
        truth.write("null")()
    return items, message


lock, event = threading.Lock(), threading.Event()


def wait_for_lock(owner):
    purpose = u"waits for the lock of " + owner
    with lock:
        return purpose


def sleep_long(seconds):
    time.sleep(seconds)


def start(name, function, *args):
    thread = threading.Thread(target=function, args=args, name=name)
    thread.daemon = True
    thread.start()
    return thread


def main():
    lock.acquire()
    start("locked", wait_for_lock, "main")
    start("sleeper", sleep_long, 600)
    start("\xc3\xbcnic\xc3\xb6de", event.wait)
    truth.settle()
    return ints()


class Body:
    result = main()
