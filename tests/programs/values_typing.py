"""Types as values: generic aliases, unions, type variables, aliases, templates."""

import collections
import gc
import sys
import typing

T = typing.TypeVar("T")
Plus = typing.TypeVar("Plus", covariant=True)
Minus = typing.TypeVar("Minus", contravariant=True)

MODERN = """
type Alias = int
type Generic[T] = list[T]
def infer[T, *Ts, **P](x: T): pass
PARAMS = infer.__type_params__
"""

TEMPLATES = """
name = "World"
TEMPLATES = (t"Hello {name}!", t"", t"{1 + 1!r:>5}{name}")
"""


LAZY = """
lazy import json
lazy import os.path
lazy from fractions import Fraction as F, gcd
"""


class Box(typing.Generic[T]):
    pass


def function():
    pass


def values(add):
    if sys.version_info < (3, 8):
        return
    items = [T, Plus, Minus, typing.Any, typing.List, typing.List[int], typing.Dict[str, int], typing.Optional[int],
             typing.Union[int, str], typing.Union[int, str, None], typing.Tuple[int, ...], Box, Box[int], Box[T], typing.Generic,
             typing.Type[int], typing.Set[typing.List[str]], typing.Callable, typing.Callable[[int], str], typing.ClassVar[int],
             typing.NoReturn, typing.Iterable[T]]
    items += [typing.Literal[1, "a"], typing.Final[int], typing.Callable[..., int], typing.Callable[[], None],
              typing.Callable[[int, "str", typing.List[T]], typing.Optional[int]], typing.ForwardRef("Later"), typing.Union,
              typing.ClassVar, typing.Optional[typing.List["Later"]], typing.Dict, typing.DefaultDict[str, T]]
    if sys.version_info >= (3, 9):
        items += [list[int], dict[str, list[int]], tuple[int, ...], tuple[()], list[T], collections.deque[int], type[int],
                  typing.Annotated[int, 5], collections.abc.Callable[[int], str], list[None], list[function]]
    if sys.version_info >= (3, 10):
        items += [int | str, int | None, list[int] | None, typing.ParamSpec("P"), T | None, Box | int]
        P = typing.ParamSpec("Q")
        items += [typing.Callable[P, int], typing.Callable[typing.Concatenate[int, P], None], P.args, P.kwargs,
                  typing.Annotated[typing.List[int], "note", {"a": 1}], typing.Optional[Box[int]]]
    if sys.version_info >= (3, 11):
        items += \
            [typing.TypeVarTuple("Ts"), typing.Never, typing.Self] + list(iter(tuple[int, str]))
    if sys.version_info >= (3, 12):
        scope = {}
        exec(MODERN, scope)
        items += [scope["Alias"], scope["Generic"], scope["Generic"][int], *scope["PARAMS"], typing.NewType("N", int)]
    if sys.version_info >= (3, 14):
        scope = {}
        exec(TEMPLATES, scope)
        items += [*scope["TEMPLATES"], scope["TEMPLATES"][0].interpolations[0]]
    if sys.version_info >= (3, 15):
        scope = {"__name__": "lazy"}
        exec(LAZY, scope)
        # Any other way to get at them would import.
        items += [value for value in gc.get_referents(scope) if type(value).__name__ == "lazy_import"]
    for index, value in enumerate(items):
        add("type_%d" % index, value)
