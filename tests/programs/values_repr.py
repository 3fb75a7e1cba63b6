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
DAMAGES = []


def adder(family):
    """What a family calls for each value: `add(name, value)`, `add(name, value, want)` for one that is broken later.

    `structure`: what is to be shown of a value whose repr is code that is not run."""

    def add(name, value, want=None, attributes=None, structure=None):
        HELD.append((family + "." + name, value, want, attributes, structure))

    add.damage = DAMAGES.append
    return add


def text(value):
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def counts(objects):
    """Reference counts without those that the counting itself holds, found by counting a fresh object the same way."""
    fresh = [object()]
    extra = [sys.getrefcount(item) for item in fresh][0] - 1
    return [sys.getrefcount(item) - extra for item in objects]


def record_of(name, value, want, attributes, structure):
    record = {"name": name, "id": "0x%x" % id(value), "type": text(type(value).__name__)}
    if want is not None:
        record["want"] = want
    if structure is not None:
        record["structure"] = structure
    if attributes is not None:
        record["attributes"] = {text(key): text(repr(item)) for key, item in attributes.items()}
    try:
        record["repr"] = text(repr(value))
    except Exception as error:  # values whose repr raises are to be read all the same
        record["repr_error"] = text("%s: %s" % (type(error).__name__, error))
    return record


def main():
    for family in sys.argv[1:] or FAMILIES:
        try:
            module = importlib.import_module("values_" + family)
        except ModuleNotFoundError:
            if sys.version_info < (3, 7):
                sys.exit("needs Python 3.7")  # dataclasses, contextvars
            raise
        module.values(adder(family))
    records = [record_of(*entry) for entry in HELD]
    objects = [entry[1] for entry in HELD]
    del HELD[:]
    for record, count in zip(records, counts(objects)):
        record["refcount"] = count
    path = os.environ.get("PYINQUEST_TRUTH")
    if path:
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"hexversion": sys.hexversion, "pid": os.getpid(), "values": records}, file, indent=1)
        os.replace(path + ".new", path)
    for damage in DAMAGES:
        damage()
    if os.environ.get("PYINQUEST_DEATH") == "block":
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGSEGV)
    return objects


if __name__ == "__main__":
    main()
