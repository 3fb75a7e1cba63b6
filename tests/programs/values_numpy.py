"""NumPy: scalars, data types, arrays of every kind of element and layout."""

import sys

import numpy as np

NEW = not np.__version__.startswith("1.")
BIG = np.float64 if NEW else np.float32


def scalars():
    yield from (np.float64(1.5), np.float64(0.1), np.float64(1e16), np.float64(1e22), np.float64(-1e-5), np.float64("nan"),
                np.float64("-inf"), np.float32(0.1), np.float32(3.14159), np.float32(1e-5), np.float32("inf"), BIG(16777216.0),
                np.float16(0.1), np.float16(6e-8), np.float16(333.25), np.float16(-0.0), np.float16("nan"))
    yield from (np.bool_(True), np.bool_(False), np.int8(-128), np.uint8(255), np.int16(-5), np.uint16(65535), np.intc(-7),
                np.uintc(2**32 - 1), np.int64(-2**63), np.uint64(2**64 - 1), np.longlong(5), np.ulonglong(6))
    yield from (np.complex128(1 + 2j), np.complex128(complex(0.0, -0.0)), np.complex128(complex("nan")),
                np.complex128(complex(-0.0, 1)), np.complex128(-1.5 - 2.25j), np.complex64(1.5 - 0.1j), np.complex64(2j))
    yield from (np.str_("text"), np.str_("it's \u20ac"), np.bytes_(b"by\x00tes"), np.str_(""))
    for unit in ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"):
        yield np.datetime64(1234567, unit)
        yield np.datetime64(-7654321 if unit not in "YMW" else -70, unit)
        yield np.timedelta64(-5, unit)
    yield from (np.datetime64("2020-02-29"), np.datetime64("1900-03-01T23:59:59.999"), np.datetime64("NaT", "ns"),
                np.datetime64(5, "25s"), np.timedelta64(3, "25s"), np.timedelta64(7), np.timedelta64("NaT"),
                np.timedelta64("NaT", "D"), np.datetime64("-0050-01-01"), np.datetime64("12020"), np.datetime64("0000-01-01"))


class Metres(np.float64):
    pass


def undecoded():
    """Scalars and types of which no more is told than what they are."""
    yield from (np.longdouble(1.5), np.clongdouble(1 + 2j), np.zeros(1, "i4,f8")[0], np.void(b"ab"))
    if NEW:
        yield np.dtypes.StringDType()


def types():
    for word in ("f8", "i4", "?", "O", "S3", "U5", ">i4", "M8[ns]", "m8[25s]", "M8", "V10", "i4,f8", "i1,u1,?", "g", "G", "F", "D",
                 "S", "U", "e", ">f8", ">U3", "b", "B", "q", "Q", "l", "L", "<M8[D]", ">M8[us]", "(2,)i4"):
        yield np.dtype(word)
    yield np.dtype([("a", "(2,3)i4"), ("b", "O"), ("c d", ">U2", (2,))])
    yield np.dtype([("outer", [("inner", "i4"), ("other", "S2")]), ("x", "M8[s]")])


def odd_types():
    """Their text says more than what is shown of them."""
    yield np.dtype({"names": ["a"], "formats": ["i4"], "offsets": [4]})
    yield np.dtype([("a", "i4"), ("b", "f8")], align=True)
    yield np.dtype([(("title", "n"), "i4")])


def arrays():
    line = np.arange(12, dtype="i4")
    table = line.reshape(3, 4)
    yield from (line, table, table.T, table[::-1, ::2], table[1:2], line[:0], np.zeros((2, 0, 3)), np.array(5.5),
                np.arange(8).reshape(2, 2, 2), np.broadcast_to(np.int16(7), (2, 3)), np.asfortranarray(table))
    yield from (np.array([0.1, -2.5, np.nan, np.inf]), np.array([0.1, 3.25], "f4"), np.array([0.1, 100], "f2"),
                np.array([1 + 2j, -1j]), np.array([1.5 - 0.1j], "F"), np.array([True, False]),
                np.array([1, 2, 3], ">i4"), np.array([1.5], ">f8"), np.array([2**64 - 1], "u8"), np.array([-1], "i1"),
                np.array(["a", "long", ""]), np.array(["\u20ac\U0001f600"], ">U3"), np.array([b"x", b"yy\x00z"]),
                np.array([None, [1, 2], "x", 5], dtype=object),
                np.array([(1, 2.5, b"z"), (3, 4.5, b"")], "i4,f8,S2"),
                np.matrix([[1, 2], [3, 4]]) if hasattr(np, "matrix") else line)


def items_of(array):
    """Elements as Python shows the like of them."""
    if array.dtype.kind in "fc" and array.dtype.itemsize in (2, 4) or array.dtype.str[1:] == "c8":
        return nested(array, lambda item: str(item))
    return repr(array.tolist())


def nested(array, text):
    if array.ndim == 0:
        return text(array[()])
    return "[%s]" % ", ".join(nested(item, text) if isinstance(item, np.ndarray) else text(item) for item in array)


def type_text(dtype):
    text = repr(dtype)[len("dtype("):-1]
    return text[1:-1] if text[0] == "'" else text


def structure(array, items=None):
    kind = type(array)
    strides = "" if array.flags.c_contiguous else " strides=%r" % (array.strides,)
    return "<%s.%s object at 0x%x dtype=%s shape=%r%s data=%s>" % (
        kind.__module__, kind.__qualname__, id(array), type_text(array.dtype), array.shape, strides, items or items_of(array))


def values(add):
    for index, value in enumerate(scalars()):
        # Text is shown, and not called exact: how it looks changed within the releases of NumPy 2.
        vague = NEW and isinstance(value, np.datetime64) and np.isnat(value)
        add("scalar_%d" % index, value, structure=repr(value) if vague else None)
    add("derived", Metres(2.5))
    for index, value in enumerate(undecoded()):
        kind = type(value)
        add("undecoded_%d" % index, value, structure="<%s.%s object at 0x%x>" % (kind.__module__, kind.__qualname__, id(value)))
    for index, value in enumerate(types()):
        add("type_%d" % index, value)
    for index, value in enumerate(odd_types()):
        add("odd_type_%d" % index, value, structure=repr(np.dtype([(name, value.fields[name][0]) for name in value.names])))
    for index, value in enumerate(arrays()):
        add("array_%d" % index, value, structure=structure(value))
    days = np.array(["2020-01-01", "1969-12-31T23", "NaT"], "M8[h]")
    add("days", days, structure=structure(days, repr([str(day) for day in days])))
    spans = np.array([5, -5, 0], "m8[D]")
    add("spans", spans, structure=structure(spans, repr(spans.astype("i8").tolist())))
    blank = np.array([b"ab", b"\x00\x01"], "V2")
    add("void", blank, structure=structure(blank, repr([bytes(item) for item in blank])))
    inner = np.array([([[1, 2], [3, 4]], "n")], [("m", "(2,2)i2"), ("t", "U4")])
    add("inner", inner, structure=structure(inner, "[([[1, 2], [3, 4]], 'n')]"))
    add("in_list", [np.float64(2.5), np.int8(3), {"key": np.str_("v")}])
    sys.stdout.flush()
