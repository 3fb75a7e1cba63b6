"""Classes made by attrs."""

import attr
import attrs


@attrs.define
class Point:
    x: int
    y: int = 5
    hidden: str = attrs.field(default="secret", repr=False)


@attrs.frozen
class Frozen:
    name: str
    inner: Point


@attr.s
class Old:
    a = attr.ib()
    b = attr.ib(default=attr.Factory(list))


@attrs.define(slots=False)
class Outer:
    @attrs.define
    class Inner:
        value: object


@attrs.define
class Shown:
    masked: str = attrs.field(repr=lambda text: "*" * len(text))


class Child(Old):
    pass


@attrs.define
class Node:
    next: object = None


def values(add):
    add("point", Point(1))
    add("frozen", Frozen("n", Point(2, [3])))
    add("old", Old({"k": 1}))
    add("inner", Outer.Inner((1,)))
    add("outer", Outer())
    add("child", Child(1, [2]))
    add("class", Point)
    node = Node()
    node.next = [node]
    add("cycle", node)
