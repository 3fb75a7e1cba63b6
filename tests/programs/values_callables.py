"""Functions, methods, descriptors, classes, modules and what wraps them."""

import collections.abc
import enum
import functools
import math
import sys
import types


def plain(a, b=2):
    return a + b


def outer():
    def inner():
        return 1
    return inner


class Base:
    attribute = 1

    def method(self):
        return self

    @classmethod
    def of_class(cls):
        return cls

    @staticmethod
    def static():
        return 1

    @property
    def prop(self):
        return 1

    class Nested:
        def method(self):
            pass

    @functools.lru_cache(maxsize=3)
    def cached(self):
        return 1

    @getattr(functools, "cached_property", property)  # 3.8
    def lazily(self):
        return 2


class Child(Base):
    __slots__ = ("slot",)

    def up(self):
        return super()


class Meta(type):
    pass


class ReprMeta(type):
    def __repr__(cls):
        return "<my class>"


class OfMeta(metaclass=Meta):
    pass


class OfReprMeta(metaclass=ReprMeta):
    pass


class Abstract(collections.abc.Mapping):
    pass


class PartialChild(functools.partial):
    pass


class Named:
    def __init__(self, name):
        self.__name__ = name


class Colour(enum.Enum):
    RED = 1


def values(add):
    base, child = Base(), Child()
    functions = (plain, outer(), lambda x: x, len, print, [].append, math.sin, base.method, Base.method, base.of_class, Base.static,
                 Base.Nested().method, Base.__dict__["of_class"], Base.__dict__["static"], Base.__dict__["prop"], str.join, "".join,
                 dict.fromkeys, {}.get, object().__str__, (1).__add__, int.__add__, list.__len__, type.__call__, base.__init__,
                 Child.slot, type.__dict__["__mro__"], types.FunctionType.__code__, types.FunctionType.__dict__["__globals__"],
                 dict.__dict__["fromkeys"], child.up(), functools.partial(plain), functools.partial(plain, 1, b=3),
                 functools.partial(len, [1]), PartialChild(plain, 1), functools.partial(functools.partial(plain, 1), b=2),
                 functools.lru_cache()(plain), Base.cached, Base.__dict__["lazily"], types.MethodType(len, [1]),
                 types.MethodType(Base, 5), property(), classmethod(len), staticmethod(len), super(Base, base), sys.exit,
                 collections.abc.Mapping.register, base.__class__.__subclasses__, type.mro, exec, open, __build_class__,
                 int.from_bytes, Colour, Colour.RED, functools.wraps(plain), functools.partialmethod(plain, 1), base.prop,
                 base.__repr__, base.__reduce_ex__, [].__iter__, Child.__slots__, super(Child), Base.__init_subclass__,
                 object.__new__, Base.__weakref__ if hasattr(Base, "__weakref__") else None, Base.__dict__.get("__dict__"))
    for index, value in enumerate(functions):
        add("function_%d" % index, value)
    classes = (Base, Child, Base.Nested, int, type, object, Meta, OfMeta, OfReprMeta, Abstract, ReprMeta, types.SimpleNamespace, Colour,
               type("Dyn.amic", (), {}), type(None), type(...), type(NotImplemented), collections.OrderedDict, collections.abc.Mapping,
               KeyError, type(sys.flags), type(plain), type({}.keys()), type("NoModule", (), {"__module__": None}),
               type("Strange", (), {"__module__": "builtins"}), type(sys), collections.deque, type(iter([])), functools.partial)
    for index, value in enumerate(classes):
        add("class_%d" % index, value)
    for name in ("sys", "builtins", "math", "json", "os", "enum", "types", "__main__", "importlib._bootstrap", "zipimport", "_io", "time"):
        module = sys.modules.get(name) or __import__(name, fromlist=["x"])
        add("module_" + name, module)
    import importlib.util
    add("module_bare", types.ModuleType("bare"))
    filed = types.ModuleType("filed")
    filed.__file__ = "/some/where.py"
    add("module_file", filed)
    nameless = types.ModuleType("nameless")
    del nameless.__name__
    add("module_nameless", nameless)
    specced = types.ModuleType("specced")
    specced.__spec__ = importlib.util.spec_from_loader("specced", loader=None, origin="nowhere")
    add("module_spec_origin", specced)
    only = types.ModuleType("only")
    only.__spec__ = importlib.util.spec_from_loader("only", loader=None)
    add("module_spec_only", only)
