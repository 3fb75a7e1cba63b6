"""Random nested data from a seed (`PYINQUEST_SEED`), with shared parts, cycles, removed entries and every storage form."""

import collections
import datetime
import decimal
import fractions
import os
import random
import types

COUNT = 400


class Node:
    pass


class Slotted:
    __slots__ = ("a", "b", "c")


class ListChild(list):
    pass


class DictChild(dict):
    pass


class StrChild(str):
    pass


class IntChild(int):
    pass


Pair = collections.namedtuple("Pair", "first second")

ALPHABETS = ("abcxyz '\"\\", "\x00\x07\n\r\t\x1b\x7f", "\xe9\xff\xa0\xad", "\u0434\u20ac\u2028\u200b\ufeff", "\U0001f600\U0010ffff\U000e0001",
             "\ud800\udc80\udfff")


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pool = []

    def number(self):
        pick = self.random.randrange(6)
        if pick == 0:
            return self.random.randrange(-300, 300)
        if pick == 1:
            return self.random.choice((-1, 1)) * self.random.getrandbits(self.random.randrange(1, 400))
        if pick == 2:
            return self.random.choice((0.0, -0.0, float("inf"), float("nan"), 1e16, 1e-5, 5e-324)) * self.random.choice((1, -1))
        if pick == 3:
            return self.random.uniform(-1, 1) * 10.0 ** self.random.randrange(-300, 300)
        if pick == 4:
            return complex(self.random.uniform(-9, 9), self.random.choice((0.0, -0.0, 1.5, float("inf"))))
        return self.random.choice((True, False, None, ..., NotImplemented, IntChild(self.random.getrandbits(70))))

    def text(self):
        alphabet = "".join(self.random.sample(ALPHABETS, self.random.randrange(1, 4)))
        text = "".join(self.random.choice(alphabet) for _ in range(self.random.randrange(0, 30)))
        return StrChild(text) if self.random.random() < 0.1 else text

    def scalar(self):
        pick = self.random.randrange(8)
        if pick < 3:
            return self.number()
        if pick < 5:
            return self.text()
        if pick == 5:
            data = bytes(self.random.getrandbits(8) for _ in range(self.random.randrange(20)))
            return self.random.choice((bytes, bytearray))(data)
        if pick == 6:
            return self.random.choice((
                lambda: range(self.random.randrange(-9, 9), self.random.randrange(99), self.random.randrange(1, 9)),
                lambda: slice(self.number(), self.text(), None),
                lambda: decimal.Decimal(self.random.getrandbits(90)).scaleb(self.random.randrange(-40, 40)),
                lambda: fractions.Fraction(self.random.getrandbits(40), 1 + self.random.getrandbits(20)),
                lambda: datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=self.random.getrandbits(28) / 7),
                lambda: datetime.timedelta(microseconds=self.random.randrange(-10**15, 10**15))))()
        return self.number()

    def key(self):
        while True:
            value = self.scalar()
            try:
                hash(value)
            except TypeError:
                continue
            return value

    def value(self, depth):
        if depth <= 0 or self.random.random() < 0.3:
            return self.scalar()
        if self.pool and self.random.random() < 0.1:
            return self.random.choice(self.pool)
        made = self.container(depth)
        self.pool.append(made)
        return made

    def container(self, depth):
        pick = self.random.randrange(13)
        size = self.random.choice((0, 1, 1, 2, 3, 5, 8, 20))
        values = [self.value(depth - 1) for _ in range(size)]
        if pick == 0:
            made = ListChild(values) if self.random.random() < 0.2 else values
            if self.random.random() < 0.1:
                made.append(made)
            return made
        if pick == 1:
            return tuple(values)
        if pick in (2, 3, 4):
            maker = (dict, DictChild, collections.OrderedDict)[pick - 2]
            made = maker()
            for value in values:
                made[self.key() if self.random.random() < 0.4 else self.text()] = value
            self.thin(made)
            return made
        if pick in (5, 6):
            made = {self.key() for _ in range(size * 3)}
            for item in list(made):
                if self.random.random() < 0.2:
                    made.discard(item)
            return made if pick == 5 else frozenset(made)
        if pick == 7:
            made = collections.deque(values, maxlen=self.random.choice((None, None, 30)))
            made.rotate(self.random.randrange(9))
            for _ in range(self.random.choice((0, 70))):
                made.appendleft(1)
            return made
        if pick == 8:
            return collections.defaultdict(self.random.choice((None, list, int)), {self.text(): value for value in values})
        if pick == 9:
            return types.SimpleNamespace(**{"n%d" % self.random.randrange(9): value for value in values})
        if pick == 10:
            return Pair(self.value(depth - 1), values)
        if pick == 11:
            return types.MappingProxyType({self.text(): value for value in values})
        return [self.node(values), self.slotted(values)]

    def thin(self, made):
        for key in list(made):
            pick = self.random.random()
            if pick < 0.15:
                del made[key]
            elif pick < 0.2 and isinstance(made, collections.OrderedDict):
                made.move_to_end(key, last=self.random.random() < 0.5)

    def node(self, values):
        made = Node()
        for value in values:
            setattr(made, "attr%d" % self.random.randrange(40), value)
        for name in list(vars(made)) if self.random.random() < 0.3 else ():
            if self.random.random() < 0.3:
                delattr(made, name)
        return made

    def slotted(self, values):
        made = Slotted()
        for name, value in zip("abc", values):
            if self.random.random() < 0.7:
                setattr(made, name, value)
        return made


def values(add):
    seed = int(os.environ.get("PYINQUEST_SEED", "20240229"))
    maker = Maker(seed)
    for index in range(COUNT):
        add("%d_%d" % (seed, index), maker.value(4))
