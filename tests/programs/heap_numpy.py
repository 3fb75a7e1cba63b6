"""Arrays of NumPy of every kind, with what Python says of each (`numpy.json`), and dies."""

import gc
import json
import os
import sys

import numpy as np


class Element:
    pass


class Image(np.ndarray):
    pass


ELEMENTS = [Element() for _ in range(24)]
ARRAYS = {
    "floats": np.arange(100_000, dtype="f8"),
    "grid": np.zeros((300, 200, 3), "u1"),
    "fortran": np.zeros((50, 60), "f4", order="F"),
    "scalar": np.array(5),
    "empty": np.zeros((0, 3)),
    "texts": np.array(["a", "bcd"] * 50),
    "times": np.zeros(1000, "M8[ns]"),
    "records": np.zeros(100, [("a", "i4"), ("b", "f8", 3)]),
    "image": np.zeros((40, 40), "u2").view(Image),
    "own_image": np.zeros((40, 40), "u2").view(Image).copy(),
    "objects": np.array(ELEMENTS[:10], dtype=object),
    "objects_in_rows": np.array(ELEMENTS[10:16], dtype=object).reshape(2, 3).copy(),
    "objects_in_columns": np.array(ELEMENTS[16:22], dtype=object).reshape(2, 3).copy(order="F"),
    "foreign": np.frombuffer(bytearray(b"12345678" * 100), "u4"),
}
ARRAYS["view"] = ARRAYS["floats"][10:20]
ARRAYS["transposed"] = ARRAYS["grid"].T

FRAME = None
if "pandas" in sys.argv:
    import pandas as pd

    FRAME = pd.DataFrame({"n": range(5000), "x": np.linspace(0, 1, 5000), "o": [Element() for _ in range(5000)]})
    ARRAYS["numbers"] = FRAME["x"].to_numpy()
    ARRAYS["things"] = FRAME["o"].to_numpy()


def owner(array):
    """The array at the end of the chain of `base`, where there is one."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def die():
    said = {}
    for name, array in ARRAYS.items():
        for found in (array, owner(array)):
            objects = [id(x) for x in found.ravel("K")] if found.dtype == object and found.flags.owndata else []
            said[str(id(found))] = {
                "name": name,
                "size": sys.getsizeof(found),
                "nbytes": found.nbytes,
                "data": found.__array_interface__["data"][0] if found.flags.owndata else 0,
                "base": id(found.base) if found.base is not None else 0,
                "objects": objects,
            }
    with open("numpy.json", "w") as file:
        json.dump(said, file)
    os.abort()


gc.collect()
die()
