"""Every kind of code that can be on a stack or suspended beside it.

On the stack, outermost first: a class body, exec'd code, a lambda, `sorted` calling a key function, `map`, a list
comprehension, a generator expression, a generator behind `yield from`, a coroutine and an asynchronous generator.
"""

import functools

import truth


def plain_generator(limit):
    total = 0
    for number in range(limit):
        total += number
        yield total


def delegating(source):
    label = "delegating"
    received = yield from source
    return label, received


async def sleeper_step():
    class Pause:
        def __await__(self):
            waited = "paused"
            yield waited

    await Pause()


async def suspended_coroutine(name):
    await sleeper_step()
    return name


async def async_generator(count):
    for index in range(count):
        yield index
        if index == 1:
            truth.write("null")()


async def coroutine(count):
    seen = []
    async for item in async_generator(count):
        seen.append(item)
    return seen


def drive(coro):
    try:
        coro.send(None)
    except StopIteration as stop:
        return stop.value


def dying_generator(depth):
    where = "dying_generator"
    if depth:
        yield from dying_generator(depth - 1)
    else:
        yield drive(coroutine(5))
    return where


def key_function(extra, item):
    expression = (step for step in dying_generator(item + extra))
    return [value for value in expression]


def through_map(items):
    return list(map(functools.partial(key_function, 1), items))


SOURCE = """
class Body:
    attribute = 'in a class body'
    values = sorted([1, 2], key=lambda item: through_map([item]))
"""


def main():
    created = plain_generator(3)
    suspended = plain_generator(10)
    next(suspended)
    next(suspended)
    finished = plain_generator(1)
    list(finished)
    chain = delegating(delegating(plain_generator(4)))
    next(chain)
    waiting = suspended_coroutine("waiting")
    waiting.send(None)
    agen = async_generator(3)
    scope = {"through_map": through_map}
    exec(compile(SOURCE, "<exec'd source>", "exec"), scope)
    return created, suspended, finished, chain, waiting, agen


if __name__ == "__main__":
    main()
