"""Hundreds of values, each with what Python itself says of it: repr, type, address, reference count.

The families stand in `values_*.py` beside this file: each has a function `values(add)` that calls `add(name, value)` for each
value. The truth is one JSON file (`PYINQUEST_TRUTH`); then the process dies, or blocks if `PYINQUEST_DEATH` is `block`.

    python values_repr.py [FAMILY ...]
"""

import importlib
import json
import os
import signal
import sys
import time

FAMILIES = ["builtins", "collections", "callables", "stdlib", "instances", "runtime", "typing", "random"]

HELD = []


def add_from(family):
    def add(name, value):
        HELD.append((family + "." + name, value))
    return add


def text(value):
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def counts(objects):
    """Reference counts without those that the counting itself holds, found by counting a fresh object the same way."""
    fresh = [object()]
    extra = [sys.getrefcount(item) for item in fresh][0] - 1
    return [sys.getrefcount(item) - extra for item in objects]


def main():
    families = sys.argv[1:] or FAMILIES
    for family in families:
        importlib.import_module("values_" + family).values(add_from(family))
    records = []
    for name, value in HELD:
        record = {"name": name, "id": "0x%x" % id(value), "type": text(type(value).__name__)}
        try:
            record["repr"] = text(repr(value))
        except Exception as error:  # values whose repr raises are to be read all the same
            record["repr_error"] = text("%s: %s" % (type(error).__name__, error))
        records.append(record)
    value = None
    objects = [item for _, item in HELD]
    HELD[:] = [name for name, _ in HELD]
    for record, count in zip(records, counts(objects)):
        record["refcount"] = count
    path = os.environ.get("PYINQUEST_TRUTH")
    if path:
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"hexversion": sys.hexversion, "pid": os.getpid(), "values": records}, file, indent=1)
        os.replace(path + ".new", path)
    if os.environ.get("PYINQUEST_DEATH") == "block":
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGSEGV)
    return objects


if __name__ == "__main__":
    main()
