"""Asyncio: named tasks that wait for each other, for events and for sleeps, while the running task dies."""

import asyncio

import truth

truth.needs(8)


async def leaf(name, event):
    note = "leaf of " + name
    await event.wait()
    return note


async def branch(name, event):
    inner = await leaf(name, event)
    return inner


async def waits_for_task(other):
    return await other


async def sleeper(seconds):
    await asyncio.sleep(seconds)


async def gathering(event):
    return await asyncio.gather(leaf("gathered-1", event), leaf("gathered-2", event))


async def doomed():
    step = "running"
    await asyncio.sleep(0)
    truth.write("null", tasks=describe(), running=asyncio.current_task().get_name())()
    return step


def describe():
    """Every task: its name, its state and the chain of coroutines down to what it waits for, outermost first."""
    result = []
    for task in asyncio.all_tasks():
        chain, coro = [], task.get_coro()
        while getattr(coro, "cr_code", None) is not None:
            line = coro.cr_frame.f_lineno if coro.cr_frame else None
            chain.append({"qualname": coro.__qualname__, "line": line, "filename": coro.cr_code.co_filename})
            coro = coro.cr_await
        waits = getattr(task, "_fut_waiter", None)
        result.append({
            "name": task.get_name(), "done": task.done(), "id": "0x%x" % id(task), "chain": chain,
            "awaits": type(coro).__name__ if coro is not None else None,
            "waits_for": waits.get_name() if isinstance(waits, asyncio.Task) else None,
        })
    return sorted(result, key=lambda item: item["name"])


def task(coro, name):
    made = asyncio.ensure_future(coro)
    made.set_name(name)
    return made


async def main():
    event = asyncio.Event()
    first = task(branch("first", event), "first")
    kept = [first, task(waits_for_task(first), "second"), task(sleeper(600), "sleeper"),
            task(gathering(event), "gatherer"), task(asyncio.sleep(0), "finished")]
    await asyncio.sleep(0.05)
    fatal = task(doomed(), "doomed")
    await fatal
    return kept


if __name__ == "__main__":
    asyncio.run(main())
