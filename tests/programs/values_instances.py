"""Instances: attributes in every storage form, default reprs, subclasses of built-ins, user reprs."""

import sys


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


class TupleWithDict(tuple):
    pass


class IntWithDict(int):
    pass


class ListWithSlots(list):
    __slots__ = ("mark",)


class WithRepr:
    def __repr__(self):
        return "<own repr>"


class Outer:
    class Inner:
        pass


class Renamed:
    pass


Renamed.__name__ = "Other"
Renamed.__qualname__ = "Some.Other"


class NoModule:
    pass


NoModule.__module__ = None


class BuiltinModule:
    pass


BuiltinModule.__module__ = "builtins"


class BorrowedRepr:
    __repr__ = object.__repr__


class ListBorrowed(list):
    __repr__ = object.__repr__


class DictRepr(dict):
    __repr__ = dict.__repr__


class StrRepr(str):
    def __repr__(self):
        return "StrRepr!"


class Multi(WithRepr, list):
    pass


class Error(Exception):
    pass


class ErrorRepr(Exception):
    def __repr__(self):
        return "broken"


class Raising:
    def __repr__(self):
        raise RuntimeError("no repr")


def variants():
    yield Plain()
    one = Plain()
    one.number, one.words = 7, ["w"]
    yield one
    many = Plain()
    for n in range(60):
        setattr(many, "attribute%d" % n, n)
    yield many
    materialised = Plain()
    materialised.first = 1
    materialised.__dict__
    materialised.second = 2
    yield materialised
    deleted = Plain()
    deleted.gone, deleted.stays = 1, 2
    del deleted.gone
    yield deleted
    odd = Plain()
    odd.words, odd.number = ["first"], 2
    yield odd
    replaced = Plain()
    replaced.__dict__ = {"z": 1, 5: 2}
    yield replaced
    cleared = Plain()
    cleared.a = 1
    cleared.__dict__.clear()
    cleared.b = 2
    yield cleared
    yield WithSlots()
    yield SlotsAndDict()
    for maker, args in ((TupleWithDict, ((1, 2, 3),)), (IntWithDict, (10**30,)), (IntWithDict, (5,)), (ListWithSlots, ([1],))):
        value = maker(*args)
        if maker is ListWithSlots:
            value.mark = "m"
        else:
            value.note = "n"
        yield value
    error = Error("with", "attributes")
    error.code = 5
    yield error


def dictionary(value):
    result = {}
    for cls in reversed(type(value).__mro__):
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                result[name] = getattr(value, name)
    result.update(getattr(value, "__dict__", {}))
    return {key if isinstance(key, str) else "<not a str>": item for key, item in result.items()}


def values(add):
    for index, value in enumerate(variants()):
        add("attributes_%d" % index, value, attributes=dictionary(value))
    others = (object(), Outer.Inner(), Renamed(), NoModule(), BuiltinModule(), BorrowedRepr(), ListBorrowed(), DictRepr(a=1),
              WithRepr(), StrRepr("x"), Multi(), Error("e"), ErrorRepr(1), Raising(), type("Dyn.amic", (), {})(),
              [WithRepr()], {"k": Plain()})
    for index, value in enumerate(others):
        add("other_%d" % index, value)
