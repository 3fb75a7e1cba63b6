"""NumPy types that are larger than what is read of one."""

import numpy as np


def nested(depth):
    kind = np.dtype("i4")
    for _ in range(depth):
        kind = np.dtype([("in", kind)])
    return kind


def values(add):
    fields = np.dtype([("f%d" % n, "i4") for n in range(1200)])
    named = np.dtype([("n" * 20000, "i4"), ("b", "i4")])
    for name, kind in (("fields", fields), ("nested", nested(30)), ("named", named), ("texts", np.dtype("S9000")),
                       ("points", np.dtype("U9000")), ("inner", np.dtype("(100,100)i4")), ("huge", np.dtype("V%d" % (1 << 30)))):
        add(name + " type", kind)
        if name != "huge":
            add(name + " array", np.ones(2, kind) if name in ("fields", "inner") else np.zeros(2, kind))
            add(name + " item", np.zeros(1, kind)[0])
    add("small", np.arange(3))
