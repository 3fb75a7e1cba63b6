"""pandas: tables, columns, indexes. Nothing where pandas is not installed."""

import values_numpy

try:
    import pandas as pd
except ImportError:
    pd = None


def name_of(value):
    return "%s.%s object at 0x%x" % (type(value).__module__, type(value).__qualname__, id(value))


def array_of(values):
    return getattr(values, "_ndarray", values)


def labels(index):
    return repr(index._range) if hasattr(index, "_range") else values_numpy.items_of(array_of(index._data))


def table(value):
    manager = value._mgr
    name = " name=%r" % value._name if isinstance(value, pd.Series) else ""
    columns = " columns=" + labels(value.columns) if isinstance(value, pd.DataFrame) else ""
    blocks = ", ".join(values_numpy.structure(array_of(block.values)) for block in manager.blocks)
    return "<%s%s index=%s%s blocks=[%s]>" % (name_of(value), name, labels(value.index), columns, blocks)


def index(value):
    return "<%s name=%r labels=%s>" % (name_of(value), value._name, labels(value))


def values(add):
    if pd is None:
        return
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [1.5, 2, 3], "c": [4, 5, 6]})
    frames = [frame, frame.T, frame[frame.a > 1], frame.set_index("a"), pd.DataFrame(), pd.DataFrame({"o": [None, "x"]}, dtype=object),
              frame[1:2], frame.rename(columns={"a": "text"})]
    series = [frame["a"], frame.b, pd.Series([1, 2], index=["x", "y"], name="named", dtype="i8"), pd.Series([True, None], dtype=object)]
    indexes = [frame.index, frame.columns, pd.Index([3, 1]), pd.RangeIndex(5, name="r"), pd.Index([1.5], name=("a", 1))]
    for number, value in enumerate(frames):
        add("frame_%d" % number, value, structure=table(value))
    for number, value in enumerate(series):
        add("series_%d" % number, value, structure=table(value))
    for number, value in enumerate(indexes):
        add("index_%d" % number, value, structure=index(value))
