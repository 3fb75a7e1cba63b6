"""Objects of asyncio, left as they were when the loop stopped: futures, tasks, locks, queues, handles, loops."""

import asyncio
import functools
import sys
import types

KEPT = []


def called_back(*args, **keywords):
    pass


@functools.wraps(called_back)
def wrapper(*args):
    pass


class Listener:
    def heard(self, future):
        pass

    wrapped = wrapper


class OwnTask(asyncio.Task):
    pass


class OwnFuture(asyncio.Future):
    pass


async def waits(on):
    return await on


@types.coroutine
def old_style(on):
    yield from on


async def returns(value):
    return value


async def raises():
    raise ValueError("from a task")


async def outer(on):
    await waits(on)


async def stubborn(on):
    while True:
        try:
            await on
        except asyncio.CancelledError:
            pass
        on = asyncio.sleep(1000)


def futures(loop):
    yield loop.create_future()
    for result in (1, None, "x" * 29, "x" * 200, "\U0001f600\ud800" * 20, 10**80, 1.5, [1] * 20, [[[[[[[[1]]]]]]]], (1,), (),
                   tuple(range(7)), {3, 1, 2}, set(), {"b", "a"}, {1, "a"}, frozenset(range(10)), frozenset(),
                   {"b": [1, 2], "a": {}, 3: 4}, {"z": 1, "y": 2, "x": 3, "w": 4, "v": 5}, {}, {True: 1, 5: 2, -1: 3}, b"y" * 50,
                   Listener, OwnFuture, called_back, range(10**30), {"k" * 40: "v" * 40}):
        done = loop.create_future()
        done.set_result(result)
        yield done
    failed = loop.create_future()
    failed.set_exception(KeyError("failed"))
    failed.exception()
    yield failed
    cancelled = loop.create_future()
    cancelled.cancel()
    yield cancelled
    itself = loop.create_future()
    itself.set_result([itself, 1])
    if sys.version_info >= (3, 8):  # before, only the length of a line ends it
        yield itself
    for count in (1, 2, 3, 5):
        waited = loop.create_future()
        for index in range(count):
            waited.add_done_callback([called_back, functools.partial(called_back, index, key="k" * 50), Listener().heard,
                                      print, wrapper][(index + count) % 5])
        yield waited
    for callback in (Listener().wrapped, functools.partial(functools.partial(wrapper, 1), [2] * 9), Listener, print,
                     [].append, functools.partial(print)):
        waited = loop.create_future()
        waited.add_done_callback(callback)
        yield waited
    yield OwnFuture(loop=loop)


def tasks(loop):
    event = loop.create_future()
    KEPT.append(event)
    plain = loop.create_task(waits(event))
    yield plain
    yield event
    named = loop.create_task(waits(event))
    if hasattr(named, "set_name"):  # 3.8
        named.set_name("a 'name'")
    yield named
    yield loop.create_task(outer(named))
    if sys.version_info < (3, 12):
        yield loop.create_task(old_style(event))
    yield loop.create_task(returns([1, 2, 3]))
    failing = loop.create_task(raises())
    failing.add_done_callback(lambda task: task.exception())
    yield failing
    dropped = loop.create_task(waits(loop.create_future()))
    loop.call_soon(dropped.cancel)
    yield dropped
    asked = loop.create_task(stubborn(loop.create_future()))
    loop.call_later(0.01, asked.cancel)
    yield asked
    yield asyncio.gather(plain, named)
    yield asyncio.ensure_future(asyncio.wait({plain}), loop=loop)
    yield asyncio.ensure_future(asyncio.sleep(1000), loop=loop)
    yield asyncio.shield(plain)
    yield OwnTask(waits(event), loop=loop)
    knot = loop.create_task(returns([]))
    KEPT.append(knot)
    knot.add_done_callback(lambda task: task.result().append(task))
    if sys.version_info >= (3, 8):
        yield knot


def synchronisation(loop, settled):
    lock = asyncio.Lock()
    yield lock
    event = asyncio.Event()
    yield event
    condition = asyncio.Condition()
    yield condition
    semaphore = asyncio.Semaphore(1)
    yield semaphore
    yield asyncio.Semaphore(3)
    yield asyncio.BoundedSemaphore(2)
    queue = asyncio.Queue(maxsize=3)
    yield queue
    stack = asyncio.LifoQueue()
    yield stack
    empty = asyncio.Queue()
    yield empty
    happened = asyncio.Event()
    happened.set()
    yield happened
    stack.put_nowait("x")
    queue.put_nowait([1])

    async def use():
        await lock.acquire()
        await semaphore.acquire()
        settled.extend([loop.create_task(lock.acquire()), loop.create_task(event.wait()), loop.create_task(semaphore.acquire()),
                        loop.create_task(empty.get())])

    settled.append(loop.create_task(use()))
    if sys.version_info >= (3, 11):
        for tool in (asyncio.TaskGroup(), asyncio.timeout(1000)):
            yield tool

            async def enter(tool=tool):
                async with tool:
                    await loop.create_future()

            settled.append(loop.create_task(enter()))
        yield asyncio.timeout(None)


def handles(loop):
    yield loop.call_soon(called_back, 1, "x" * 50)
    gone = loop.call_soon(called_back)
    gone.cancel()
    yield gone
    yield loop.call_later(1000, functools.partial(called_back, 2), 3)
    late = loop.call_at(12345678.5, Listener().heard, None)
    yield late
    late.cancel()


def values(add):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settled = KEPT

    async def start():
        return list(futures(loop)), list(tasks(loop)), list(synchronisation(loop, settled))

    made = loop.run_until_complete(start())
    loop.run_until_complete(asyncio.sleep(0.05))
    for kind, values_of in zip(("future", "task", "tool"), made):
        for index, value in enumerate(values_of):
            add("%s_%d" % (kind, index), value)
    for index, value in enumerate(handles(loop)):
        add("handle_%d" % index, value)
    closed = asyncio.new_event_loop()
    closed.close()
    add("loop", loop)
    add("closed_loop", closed)
    debugged = asyncio.new_event_loop()
    KEPT.append(debugged)
    debugged.set_debug(True)
    add("debug_loop", debugged)
    add("debug_future", debugged.create_future())
    add("debug_handle", debugged.call_soon(called_back, "secret"))
    made_by_python(add, loop)


def made_by_python(add, loop):
    """The classes of Lib/asyncio, which stand in where the C module is missing."""
    pending = asyncio.futures._PyFuture(loop=loop)
    done = asyncio.futures._PyFuture(loop=loop)
    done.set_result(["done"])
    pending.add_done_callback(called_back)
    task = asyncio.tasks._PyTask(waits(pending), loop=loop)
    add("python_future", pending)
    add("python_done", done)
    add("python_task", task)
    KEPT.append(task)
