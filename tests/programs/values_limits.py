"""Values that take many reads of memory: lists of objects with objects inside, of many classes."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import uuid


@dataclasses.dataclass
class Item:
    name: str
    price: decimal.Decimal
    count: int


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


Pair = collections.namedtuple("Pair", "left right")


def values(add):
    add("items", [Item("item %d" % n, decimal.Decimal(n) / 7, n) for n in range(300)])
    add("mixed", [(Item("mixed", decimal.Decimal(n), n), Colour.GREEN, Pair(n, fractions.Fraction(n, 7)), uuid.UUID(int=n),
                   datetime.date(2000, 1, 1 + n)) for n in range(20)])
    add("classes", [dataclasses.make_dataclass("Made%d" % n, ["field"])(n) for n in range(60)])
    add("table", {Pair(n, str(n)): collections.OrderedDict([("key", Colour.RED), (n, decimal.Decimal("1.5"))]) for n in range(60)})
    add("item", Item("one", decimal.Decimal("2.50"), 3))
    add("colour", Colour.RED)
