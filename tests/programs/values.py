"""Hundreds of values of every kind as locals; one function a family, each calling the next, so all are on one stack."""

import array
import collections
import datetime
import decimal
import enum
import fractions
import pathlib
import types

import truth


class Plain:
    pass


class WithSlots:
    __slots__ = ("left", "right", "unset")

    def __init__(self):
        self.left = 1
        self.right = "r"


class SlotsAndDict(WithSlots):
    def __init__(self):
        super().__init__()
        self.extra = [1]


class ListChild(list):
    pass


class DictChild(dict):
    pass


class IntChild(int):
    pass


class StrChild(str):
    pass


class TupleChild(tuple):
    pass


class FloatChild(float):
    pass


class BytesChild(bytes):
    pass


class WithRepr:
    def __repr__(self):
        return "<own repr>"


class BrokenRepr:
    def __repr__(self):
        raise RuntimeError("no repr")


class Meta(type):
    pass


class MetaChild(metaclass=Meta):
    value = 1


class Colour(enum.Enum):
    RED = 1
    GREEN = "g"


class Bits(enum.IntFlag):
    A = 1
    B = 4


Point = collections.namedtuple("Point", "x y")


def ints():
    none, true, false, dots, missing = None, True, False, ..., NotImplemented
    zero, one, minus_one, small, smallest_cached, largest_cached, past_cached = 0, 1, -1, 42, -5, 256, 257
    digit_edges = [sign * ((1 << bits) + delta) for bits in (15, 29, 30, 31, 45, 59, 60, 61, 62, 63, 64, 65, 90, 120)
                   for delta in (-1, 0, 1) for sign in (1, -1)]
    i64_max, i64_min, u64_max = 2**63 - 1, -2**63, 2**64 - 1
    big, negative_big, huge = 10**40, -10**40, 7**3000
    exact_decimal = 123456789012345678901234567890
    intchild, negative_child = IntChild(12345678901234), IntChild(-1)
    return floats()


def floats():
    f_zero, f_minus_zero, f_one, f_tenth, f_third = 0.0, -0.0, 1.0, 0.1, 1 / 3
    f_big, f_small, f_denormal, f_exp16, f_exp_m5 = 1e300, 1e-300, 5e-324, 1e16, 0.00001
    f_long, f_max, f_123 = 123456789.123456789, 1.7976931348623157e308, 9007199254740993.0
    f_inf, f_minus_inf, f_nan = float("inf"), float("-inf"), float("nan")
    f_many = [10.0**e for e in range(-25, 25)] + [x / 7 for x in range(50)]
    f_child = FloatChild(2.5)
    c_zero, c_plain, c_imag, c_neg, c_nan = 0j, 1 + 2j, 3j, complex(-0.0, -1.5), complex(float("nan"), float("inf"))
    c_real_neg_zero = complex(0.0, -0.0)
    return strings()


def strings():
    s_empty, s_ascii, s_char, s_space = "", "hello", "x", " "
    s_quote, s_double, s_both = "it's", 'say "hi"', "it's \"both\""
    s_escapes, s_controls, s_backslash = "a\tb\nc\rd", "\x00\x01\x1f\x7f", "back\\slash"
    s_latin1, s_latin1_control, s_soft_hyphen = "café ÿ", "\x80\x9f\xa0", "\xad"
    s_ucs2, s_ucs2_private, s_surrogate = "Ωμέγα 漢字", "\ue000\ufeff\u2028\u200b", "lone \ud800 \udfff"
    s_ucs4, s_ucs4_unassigned, s_mixed = "😀 smile", "\U0010ffff\U000e0001", "a\xe9\u20ac\U0001d11e"
    s_combining, s_rtl, s_bidi_override = "e\u0301", "שלום", "\u202eabc"
    s_terminal = "\x1b[31mred\x1b[0m"
    s_long, s_long_ucs2 = "long " * 1000, "длинный " * 500
    s_child, s_child_wide = StrChild("child"), StrChild("дитя")
    s_interned, s_built = "interned_name", "".join(["bu", "ilt"])
    b_empty, b_ascii, b_all, b_quote, b_both = b"", b"abc", bytes(range(256)), b"it's", b"'\""
    b_long, b_child = b"\x00" * 5000, BytesChild(b"child")
    ba_empty, ba_some, ba_front = bytearray(), bytearray(b"mutable\x00"), bytearray(b"0123456789")
    del ba_front[:4]
    mv = memoryview(b"viewed")
    return containers()


def containers():
    t_empty, t_one, t_two, t_nested = (), (1,), (1, 2), ((), ((),), (1, (2, (3,))))
    l_empty, l_some, l_nested, l_long = [], [1, "a", None], [[1, [2, [3, [4, [5]]]]]], list(range(2000))
    l_spare = [1, 2, 3, 4]
    l_spare.pop()
    l_self = [1]
    l_self.append(l_self)
    d_empty, d_one, d_str, d_mixed = {}, {"a": 1}, {"a": 1, "b": [2]}, {1: "x", (2, 3): None, "k": 4.5, None: True}
    d_deleted = {str(n): n for n in range(20)}
    for n in range(0, 20, 3):
        del d_deleted[str(n)]
    d_reordered = {"x": 1, "y": 2}
    d_reordered["x"] = d_reordered.pop("x")
    d_large = {n: n * n for n in range(1000)}
    d_huge = {"key%d" % n: n for n in range(70000)}
    d_self = {}
    d_self["me"] = d_self
    d_nested = {"a": {"b": {"c": {"d": {}}}}}
    d_general = {"s": 1, 2: "i"}
    d_views = (d_one.keys(), d_one.values(), d_one.items())
    s_empty, s_one, s_ints, s_mixed = set(), {1}, set(range(100)), {1, "a", None, (2,)}
    s_removed = set(range(10))
    s_removed -= {3, 4, 5}
    fs_empty, fs_some = frozenset(), frozenset({"a", 1})
    l_child, d_child, t_child = ListChild([1, 2]), DictChild(a=1), TupleChild((1, 2))
    deque, deque_max = collections.deque([1, 2, 3]), collections.deque(range(100), maxlen=70)
    ordered, default = collections.OrderedDict([("z", 1), ("a", 2)]), collections.defaultdict(list, {"k": [1]})
    counter, chain = collections.Counter("abca"), collections.ChainMap({"a": 1}, {"b": 2})
    named = Point(1, "y")
    r_plain, r_step, r_empty, r_negative = range(10), range(1, 100, 7), range(0), range(10, -10, -3)
    slices = (slice(None), slice(1, 2), slice(1, 10, 3))
    arr_ints, arr_doubles = array.array("i", [1, -2, 3]), array.array("d", [0.5])
    return instances()


def instances():
    plain = Plain()
    plain.number, plain.words = 7, ["w"]
    empty = Plain()
    many = Plain()
    for n in range(40):
        setattr(many, "attribute%d" % n, n)
    materialised = Plain()
    materialised.first = 1
    materialised_dict = materialised.__dict__
    materialised.second = 2
    deleted = Plain()
    deleted.gone, deleted.stays = 1, 2
    del deleted.gone
    odd_order = Plain()
    odd_order.words, odd_order.number = ["first"], 2
    shared = [Plain() for _ in range(3)]
    for n, item in enumerate(shared):
        item.number = n
    cyclic = Plain()
    cyclic.me = cyclic
    slots, slots_dict = WithSlots(), SlotsAndDict()
    with_repr, broken_repr = WithRepr(), BrokenRepr()
    classes, meta_child = (Plain, int, type, object, Meta), MetaChild()
    bare = object()
    colour, bits, bits_both = Colour.RED, Bits.A, Bits.A | Bits.B
    error, error_args = ValueError("wrong"), OSError(2, "No such file", "name")
    error_notes = KeyError("k")
    if hasattr(error_notes, "add_note"):
        error_notes.add_note("a note")
    function, builtin, bound, bound_builtin = ints, len, plain.__init__, [].append
    lambda_, static, klass = (lambda x: x), staticmethod(ints), classmethod(ints)
    prop, module, code, cell = property(ints), types, ints.__code__, truth.cell(5)
    empty_cell, mapping_proxy = truth.cell(), types.MappingProxyType({"a": 1})
    namespace = types.SimpleNamespace(a=1)
    decimals = (decimal.Decimal("1.50"), decimal.Decimal("NaN"), decimal.Decimal("1E+30"))
    fraction, path = fractions.Fraction(1, 3), pathlib.PurePosixPath("/a/b")
    dates = (datetime.date(2024, 2, 29), datetime.datetime(2024, 1, 2, 3, 4, 5, 6), datetime.time(1, 2),
             datetime.timedelta(days=-1, seconds=5), datetime.timezone.utc)
    iterators = (iter([1]), iter({1: 2}), enumerate([1]), zip([1], [2]), reversed([1, 2]))
    truth.write("null")()
    return locals()


if __name__ == "__main__":
    ints()
