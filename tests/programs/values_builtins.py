"""Values of the built-in types."""

import sys


class IntChild(int):
    pass


class FloatChild(float):
    pass


class StrChild(str):
    pass


class BytesChild(bytes):
    pass


class ListChild(list):
    pass


class DictChild(dict):
    pass


class TupleChild(tuple):
    pass


class SetChild(set):
    pass


class FrozenSetChild(frozenset):
    pass


class ByteArrayChild(bytearray):
    pass


class SlotTuple(tuple):
    __slots__ = ()


def numbers(add):
    for value in (None, True, False, ..., NotImplemented):
        add(str(value), value)
    for bits in (0, 1, 8, 15, 29, 30, 31, 45, 59, 60, 61, 62, 63, 64, 65, 90, 120, 500, 3000):
        for delta in (-1, 0, 1):
            for sign in (1, -1):
                add("int_%d_%d_%d" % (bits, delta, sign), sign * ((1 << bits) + delta))
    for value in (-6, -5, 256, 257, 1023, 1024, 1025, 10**40, -10**40, 7**3000, 10**4299, 2**100):
        add("int_%s" % str(value)[:10], value)
    add("int_child", IntChild(12345678901234))
    add("int_child_negative", IntChild(-1))
    floats = [0.0, -0.0, 1.0, -1.0, 0.1, 1 / 3, 1e300, 1e-300, 5e-324, 1e16, 9999999999999998.0, 1e15, 123456789012345680.0,
              1e22, 1e23, 0.0001, 0.00001, 0.00012345, 123456789.123456789, 1.7976931348623157e308, 2.2250738585072014e-308,
              float("inf"), float("-inf"), float("nan"), -float("nan"), 2.5, 4.35, 1e100, 299792458.0, 6.62607015e-34]
    floats += [10.0**e for e in range(-25, 25)] + [x / 7 for x in range(60)] + [2.0**e for e in range(-80, 80, 3)]
    for index, value in enumerate(floats):
        add("float_%d" % index, value)
    add("float_child", FloatChild(2.5))
    zero, inf, nan = 0.0, float("inf"), float("nan")
    for index, value in enumerate((0j, 1 + 2j, 3j, -3j, complex(-zero, -1.5), complex(nan, inf), complex(zero, -zero),
                                   complex(-zero, -zero), complex(1e20, 1e-7), complex(inf, -inf), complex(1, nan))):
        add("complex_%d" % index, value)


def strings(add):
    samples = ["", "hello", "x", " ", "it's", 'say "hi"', "it's \"both\"", "a\tb\nc\rd", "\x00\x01\x1f\x7f", "back\\slash",
               "caf\xe9 \xff", "\x80\x9f\xa0", "\xad", "\u03a9\u03bc\u03ad\u03b3\u03b1 \u6f22\u5b57", "\ue000\ufeff\u2028\u200b",
               "lone \ud800 \udfff", "\ud83d\ude00", "\U0001f600 smile", "\U0010ffff\U000e0001", "a\xe9\u20ac\U0001d11e",
               "e\u0301", "\u05e9\u05dc\u05d5\u05dd", "\u202eabc", "\x1b[31mred\x1b[0m", "long " * 1000, "\u0434\u043b " * 500,
               "\U0001f600" * 300, "\u3000\u00a0\u2003", "\udc80file", "\\", "'", '"', "'\"\\"]
    for index, value in enumerate(samples):
        add("str_%d" % index, value)
    for start in range(0, 0x20000, 0x400):
        add("str_block_%05x" % start, "".join(map(chr, range(start, start + 0x400))))
    for start in range(0xe0000, 0x110000, 0x8000):
        add("str_block_%05x" % start, "".join(map(chr, range(start, start + 0x100))))
    add("str_child", StrChild("child"))
    add("str_child_wide", StrChild("\u0434\u0438\u0442\u044f"))
    child = StrChild("with attribute")
    child.attribute = 1
    add("str_child_attribute", child)
    add("str_interned", sys.intern("interned_" + "name"))
    add("str_built", "".join(["bu", "ilt"]))
    legacy(add)
    for index, value in enumerate((b"", b"abc", bytes(range(256)), b"it's", b"'\"", b'"', b"\x00" * 5000, BytesChild(b"child"))):
        add("bytes_%d" % index, value)
    front = bytearray(b"0123456789")
    del front[:4]
    for index, value in enumerate((bytearray(), bytearray(b"mutable\x00"), front, bytearray(b"it's"), bytearray(b"'\""),
                                   bytearray(range(256)), ByteArrayChild(b"child"))):
        add("bytearray_%d" % index, value)


def legacy(add):
    """A string of the old wchar_t API, as C extensions made them until 3.11; its first use turns it into a new one."""
    try:
        import _testcapi
        maker = _testcapi.unicode_legacy_string
    except (ImportError, AttributeError):
        return
    add("str_legacy_ready", maker("legacy"))


def containers(add):
    for index, value in enumerate(((), (1,), (1, 2), ((), ((),), (1, (2, (3,)))), TupleChild((1, 2)), TupleChild(), SlotTuple((3,)))):
        add("tuple_%d" % index, value)
    spare = [1, 2, 3, 4]
    spare.pop()
    itself = [1]
    itself.append(itself)
    through_tuple = []
    through_tuple.append((through_tuple,))
    deep = []
    for _ in range(90):
        deep = [deep]
    for index, value in enumerate(([], [1, "a", None], [[1, [2, [3, [4, [5]]]]]], list(range(2000)), spare, itself,
                                   through_tuple, deep, ListChild([1, 2]), ListChild())):
        add("list_%d" % index, value)
    deleted = {str(n): n for n in range(20)}
    for n in range(0, 20, 3):
        del deleted[str(n)]
    reordered = {"x": 1, "y": 2}
    reordered["x"] = reordered.pop("x")
    holed = {n: n for n in range(1000)}
    for n in range(990):
        del holed[n]
    myself = {}
    myself["me"] = myself
    mixed_later = {"a": 1}
    mixed_later[3] = "general now"
    emptied = {"a": 1}
    emptied.clear()
    with_list = {}
    with_list["l"] = [with_list]
    for index, value in enumerate(({}, {"a": 1}, {"a": 1, "b": [2]}, {1: "x", (2, 3): None, "k": 4.5, None: True}, deleted, reordered,
                                   {n: n * n for n in range(1000)}, {"key%d" % n: n for n in range(70000)}, holed, myself,
                                   {"a": {"b": {"c": {"d": {}}}}}, {"s": 1, 2: "i"}, mixed_later, emptied, with_list,
                                   DictChild(a=1), DictChild(), dict.fromkeys("abc"), {"\u00e9": 1, "\U0001f600": 2})):
        add("dict_%d" % index, value)
    removed = set(range(10))
    removed -= {3, 4, 5}
    refilled = set(range(40))
    for n in range(35):
        refilled.discard(n)
    refilled.add("again")
    for index, value in enumerate((set(), {1}, set(range(100)), {1, "a", None, (2,)}, removed, refilled, set("abcdefgh"), frozenset(),
                                   frozenset({"a", 1}), {frozenset({1})}, SetChild({1}), SetChild(), FrozenSetChild({1}),
                                   FrozenSetChild())):
        add("set_%d" % index, value)
    one = {"a": 1, "b": 2}
    for index, value in enumerate((one.keys(), one.values(), one.items(), {}.keys(), {}.items(),
                                   reversed(one) if hasattr(one, "__reversed__") else iter(one), iter(one))):
        add("view_%d" % index, value)
    for index, value in enumerate((range(10), range(1, 100, 7), range(0), range(10, -10, -3), range(2**70), range(5, 5),
                                   range(0, 10, 1), slice(None), slice(1, 2), slice(1, 10, 3), slice("a", [1], None))):
        add("range_%d" % index, value)
    for index, value in enumerate((memoryview(b"viewed"), memoryview(bytearray(5))[1:3], object(), iter([1]), iter(()), iter({1: 2}),
                                   iter({1}), iter("ab"), iter(b"a"), iter(range(3)), enumerate([1]), zip([1], [2]),
                                   reversed([1, 2]), map(str, [1]), filter(None, [1]), iter(lambda: 1, 2))):
        add("other_%d" % index, value)
    if hasattr(__builtins__, "frozendict") or "frozendict" in dir(__import__("builtins")):
        maker = __import__("builtins").frozendict
        add("frozendict", maker(a=1, b=[2]))
        add("frozendict_empty", maker())
    if "sentinel" in dir(__import__("builtins")):
        maker = __import__("builtins").sentinel
        add("sentinel", maker("MISSING"))
        add("sentinel_own", maker("OTHER", repr="<other>"))


def values(add):
    numbers(add)
    strings(add)
    containers(add)
