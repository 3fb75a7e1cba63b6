"""A walk through all that a step may meet: calls, returns, loops, generators, exceptions, callbacks through C, classes.

    walk.py trace    prints the lines that sys.settrace tells of `walk()`, as JSON: file, line, function
    walk.py hits LINE...    prints how often bdb stops at each of these lines of `walk()`, and which exceptions are raised in it
    walk.py values FUNCTION NAME    prints what a variable of a function is, one value after the other, as JSON
    walk.py wait     waits in a C call until something is written to the FIFO `go` of its directory, then takes the walk
    walk.py          stops a debugger at id(), then takes the walk
"""

import contextlib
import functools
import json
import os
import sys


def plain(a, b=2):
    c = a + b
    if c > 3:
        c -= 1
    else:
        c += 1
    return c


def one_line(x): return x * 2


def loops(n):
    total = 0
    for i in range(n):
        if i == 1:
            continue
        total += plain(i)
        while total > 4: total -= 2
    else:
        total += 1
    for _ in range(2): total += 1
    return total


def numbers(n):
    for i in range(n):
        got = yield i
        if got:
            yield got


def delegates():
    result = yield from numbers(2)
    yield result


def generators():
    out = []
    for number in numbers(2):
        out.append(number)
    sender = numbers(3)
    out.append(next(sender))
    out.append(sender.send(7))
    sender.close()
    out.extend(delegates())
    return out, [x + 1 for x in out if x], {y: y for y in range(2)}, sum(z for z in range(3))


class Thing:
    limit = 3

    def __init__(self, size):
        self.size = size

    @property
    def double(self):
        return self.size * 2

    def __getitem__(self, key):
        return key

    def __lt__(self, other):
        return self.size < other.size

    def __add__(self, other):
        return Thing(
            self.size
            + other.size
        )


def objects():
    things = [Thing(n) for n in (3, 1, 2)]
    things.sort()
    both = things[0] + things[1]
    return both.double, both[4], sorted([2, 1], key=lambda n: -n), list(map(one_line, [1, 2]))


def fails(depth):
    if depth:
        return fails(depth - 1)
    raise ValueError(depth)


def exceptions():
    caught = []
    for depth in (0, 2):
        try:
            fails(depth)
        except KeyError:
            caught.append("no")
        except ValueError as error:
            caught.append(str(error))
        finally:
            caught.append("finally")
    with contextlib.suppress(ZeroDivisionError):
        caught.append(1 // 0)
    try:
        next(iter(()))
    except StopIteration:
        pass
    return caught


@contextlib.contextmanager
def managed():
    try:
        yield 1
    finally:
        done = True
    assert done


def cleans(depth):
    with managed():
        try:
            if depth:
                cleans(depth - 1)
            raise KeyError(depth)
        finally:
            depth += 1


def reraises():
    seen = []
    for attempt in range(2):
        try:
            try:
                cleans(attempt)
            except KeyError as error:
                seen.append(error)
                if attempt:
                    raise ValueError from error
                raise
            finally:
                seen.append(attempt)
        except (KeyError, ValueError): seen.append("caught")
    thrown = numbers(3)
    next(thrown)
    try:
        thrown.throw(OSError("thrown"))
    except OSError:
        return seen


def early():
    for i in range(3):
        try:
            if i == 1:
                return i
        finally:
            i += 1


@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


async def waits(n):
    if n:
        return await waits(n - 1)
    return n


async def counts():
    async def items():
        for i in range(2):
            yield i

    total = 0
    async for item in items():
        total += item
    return total + await waits(2)


def run(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value


def closures():
    count = 0

    def add(*args, **kw):
        nonlocal count
        count += len(args) + len(kw)
        return count

    add(1)
    add(1, x=2)
    (first, *rest), last = [1, 2, 3], count
    return first, rest, last if last else None


def warm(n):
    # Often enough that the interpreter specialises what runs.
    total = 0
    for i in range(n):
        a = i
        b = a
        total += plain(
            a,
            b)
    return total


def walk():
    plain(1)
    plain(5, b=1); one_line(3)
    loops(4)
    generators()
    objects()
    exceptions()
    with managed() as one:
        one += 1
    reraises()
    early()
    fib(3)
    run(counts())
    closures()
    warm(30)
    x = 1
    while x < 4:
        x += 1
    return x


def hits(lines):
    import bdb

    counts = [0] * len(lines)

    class Counter(bdb.Bdb):
        def user_line(self, frame):
            if frame.f_lineno in lines and self.break_here(frame):
                counts[lines.index(frame.f_lineno)] += 1
            self.set_continue()

    counter = Counter()
    for line in lines:
        assert not counter.set_break(__file__, line)
    counter.runcall(walk)
    return counts


def raised():
    names = []

    def trace(frame, event, argument):
        # Once for each: in the frame where it was raised, or which called the C code that did. Ends of iterations that no
        # code sees have no traceback.
        if event == "exception" and argument[2] is not None and argument[2].tb_next is None:
            names.append(argument[0].__name__)
        return trace

    sys.settrace(trace)
    walk()
    sys.settrace(None)
    return names


def values(function, name):
    seen = []

    def trace(frame, event, _):
        if frame.f_code.co_name == function:
            value = frame.f_locals.get(name)
            if value is not None and seen[-1:] != [value]:
                seen.append(value)
        return trace

    sys.settrace(trace)
    walk()
    sys.settrace(None)
    return seen


def main(argv):
    if argv == ["trace"]:
        lines = []

        def trace(frame, event, _):
            if event == "line":
                code = frame.f_code
                lines.append((code.co_filename, frame.f_lineno, code.co_name))
            return trace

        sys.settrace(trace)
        walk()
        sys.settrace(None)
        print(json.dumps(lines))
    elif argv[:1] == ["hits"]:
        print(json.dumps([hits([int(line) for line in argv[1:]]), raised()]))
    elif argv[:1] == ["values"]:
        print(json.dumps(values(*argv[1:])))
    elif argv == ["wait"]:
        os.mkfifo("go")
        go = os.open("go", os.O_RDWR)
        open("ready", "w").close()
        os.read(go, 1)
        walk()
    else:
        id(1)
        walk()


main(sys.argv[1:])
