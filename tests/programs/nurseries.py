"""Tasks of trio in nurseries, some of them cancelled, while one of them dies. The package is found by PYTHONPATH.

`nurseries.py anyio`: task groups of anyio on trio.
"""

import math
import sys

import trio

import truth
from nurseries_chain import chain

EXPECTED = {}


async def leaf(event):
    await event.wait()


async def through(awaitable):
    return await awaitable


async def sleeps():
    await trio.sleep(700)


async def family(event):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(leaf, event, name="child-1")
        nursery.start_soon(inner, event, name="child-2")
    await trio.sleep_forever()


async def inner(event):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(through, leaf(event), name="grandchild")


async def takes(lock):
    async with lock:
        pass


async def receives(channel):
    await channel.receive()


async def shielded(event):
    """Cancelled from outside, and its own scope does not let that through."""
    with trio.CancelScope(shield=True):
        await event.wait()


async def cancelled(event):
    """Asked to end, and it does not end at once."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stubborn, event, name="stubborn")
        nursery.start_soon(shielded, event, name="shielded")
        await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def stubborn(event):
    try:
        await event.wait()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(300)


async def not_started():
    pass


def describe():
    """All tasks from the root on, by what trio says of them."""
    result, left = [], [trio.lowlevel.current_root_task()]
    while left:
        task = left.pop()
        children = [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        left.extend(children)
        parent = task.parent_nursery and task.parent_nursery.parent_task
        result.append({
            "id": "0x%x" % id(task), "name": task.name, "chain": chain(task.coro),
            "parent": "0x%x" % id(parent) if parent else None,
            "cancelled": task._cancel_status.effectively_cancelled,
            "waits": task._next_send_fn is None, "kind": EXPECTED.get(task.name),
            "at_end": ["0x%x" % id(child) for nursery in task.child_nurseries if nursery._parent_waiting_in_aexit
                       for child in nursery.child_tasks],
        })
    return result


async def main():
    event = trio.Event()
    lock = trio.Lock()
    await lock.acquire()
    _, channel = trio.open_memory_channel(0)
    EXPECTED.update({"leaf": "async-event", "sleeper": "sleep", "family": "nursery", "child-1": "async-event",
                     "child-2": "nursery", "grandchild": "async-event", "lock-waiter": "async-lock",
                     "receiver": "queue-get", "cancelled": "nursery", "stubborn": "sleep", "shielded": "async-event"})
    async with trio.open_nursery() as nursery:
        for name, function, arguments in [
                ("leaf", leaf, [event]), ("sleeper", sleeps, []), ("family", family, [event]),
                ("lock-waiter", takes, [lock]), ("receiver", receives, [channel]), ("cancelled", cancelled, [event])]:
            nursery.start_soon(function, *arguments, name=name)
        await trio.sleep(0.1)
        nursery.start_soon(dies, nursery, name="doomed")


async def dies(nursery):
    nursery.start_soon(not_started, name="not-started")
    truth.write("kill", tasks=describe(), version=trio.__version__, due=trio.current_time() + 700, inf=str(math.inf))()


async def with_anyio():
    import anyio
    async with anyio.create_task_group() as group:
        event = anyio.Event()
        group.start_soon(event.wait, name="leaf")
        group.start_soon(anyio.sleep, 500, name="sleeper")
        EXPECTED.update({"leaf": "async-event", "sleeper": "sleep"})
        await anyio.sleep(0.1)
        truth.write("kill", tasks=describe(), version=anyio.__version__ if hasattr(anyio, "__version__") else "")()


if __name__ == "__main__":
    trio.run(with_anyio if sys.argv[1:2] == ["anyio"] else main)
