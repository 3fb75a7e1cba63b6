"""Tasks of asyncio in every kind of wait, on several loops and threads, while one of them dies.

`tasks.py many N`: N tasks of few kinds, for the time it takes to read them. `tasks.py cycle`: tasks that wait for each other.
`tasks.py blocked`, `tasks.py starved`: a loop and a pool of threads that stand still.
"""

import asyncio
import concurrent.futures
import gc
import inspect
import os
import socket
import subprocess
import sys
import threading
import time
import types

import truth

WRAPPERS = ("coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable", "FutureIter",
            "_asyncio.FutureIter")
KEPT = []
# Name of a task -> kind of its wait, names of the tasks that it waits for.
EXPECTED = {}


def awaited(obj):
    """What an object of a chain waits for, and whether it has a frame."""
    if isinstance(obj, types.CoroutineType):
        return obj.cr_await, obj.cr_frame, obj.cr_code
    if isinstance(obj, types.GeneratorType):
        return obj.gi_yieldfrom, obj.gi_frame, obj.gi_code
    if isinstance(obj, types.AsyncGeneratorType):
        return obj.ag_await, obj.ag_frame, obj.ag_code
    if type(obj).__name__ in WRAPPERS:
        inner = [one for one in gc.get_referents(obj) if isinstance(
            one, (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType, asyncio.Future))]
        return (inner[0] if inner else None), None, None
    return None, None, None


def chain(coro):
    """Frames of the coroutines that await each other, innermost first."""
    result = []
    while coro is not None:
        following, frame, code = awaited(coro)
        if frame is not None:
            result.append([coro.__qualname__, frame.f_lineno, code.co_filename])
        coro = following
    return result[::-1]


def describe(loops):
    result = []
    for loop in loops:
        for task in asyncio.all_tasks(loop):
            by = getattr(task, "_asyncio_awaited_by", None)
            result.append({
                "id": "0x%x" % id(task), "name": task.get_name(), "loop": "0x%x" % id(loop),
                "chain": chain(task.get_coro()), "expected": EXPECTED.get(task.get_name()),
                "awaited_by": sorted(one.get_name() for one in by or () if hasattr(one, "get_name")),
                "call_graph": call_graph(task) if hasattr(asyncio, "capture_call_graph") else None,
                "python": isinstance(task, asyncio.tasks._PyTask) and asyncio.Task is not asyncio.tasks._PyTask,
            })
    return sorted(result, key=lambda one: one["name"])


def pstree():
    """What Python's own tool says of this living process (3.14+): its tree, line by line, and what it complains of."""
    if sys.version_info < (3, 14):
        return None
    command = [sys.executable, "-m", "asyncio", "pstree", str(os.getpid())]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False)
    return {"lines": run.stdout.splitlines(), "error": run.stderr or None if run.returncode else None}


def call_graph(task):
    """Frames of a task and who awaits it, by `asyncio.capture_call_graph` (3.14+)."""
    graph = asyncio.capture_call_graph(task)
    stack = [[entry.frame.f_code.co_qualname, entry.frame.f_lineno, entry.frame.f_code.co_filename]
             for entry in graph.call_stack]
    by = sorted(one.future.get_name() for one in graph.awaited_by if hasattr(one.future, "get_name"))
    return {"stack": stack, "awaited_by": by}


HELD = {}


def counts(upto):
    for number in range(upto):
        yield number


def delegates(inner):
    yield from inner


class Parks:
    """Awaited by hand: it stands at a bare yield."""

    def __await__(self):
        yield self


async def parks():
    await Parks()


async def stands():
    yield 1
    await Parks()


def hold(loop):
    """Generators, coroutines and futures that no task knows."""
    HELD["new"] = counts(3)
    HELD["yielding"] = counts(3)
    HELD["delegating"] = delegates(delegates(counts(3)))
    HELD["over-list"] = delegates(iter([1, 2]))
    HELD["finished"] = counts(0)
    for name in ("yielding", "delegating", "over-list", "finished"):
        next(HELD[name], None)
    HELD["not-awaited"] = leaf(None)
    HELD["parked"] = parks()
    HELD["parked"].send(None)
    HELD["asynchronous"] = stands()
    KEPT.append(HELD["asynchronous"].asend(None))
    HELD["awaiting"] = stands()
    for _ in range(2):
        KEPT.append(HELD["awaiting"].asend(None))
        try:
            KEPT[-1].send(None)
        except StopIteration:
            pass
    for name, make in (("failed", loop.create_future), ("failed-python", lambda: asyncio.futures._PyFuture(loop=loop))):
        HELD[name] = make()
        HELD[name].set_exception(ValueError("unseen"))
        HELD["seen-" + name] = make()
        HELD["seen-" + name].set_exception(ValueError("seen"))
        HELD["seen-" + name].exception()


GENERATORS = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)


def running():
    """Frames that run. (`ag_running` is true of an asynchronous generator that waits for something, too.)"""
    found = []
    for top in sys._current_frames().values():
        while top is not None:
            found.append(top)
            top = top.f_back
    return found


def generators_of(obj):
    """The generators that wait for each other from `obj` inwards, and what the innermost waits for."""
    found = []
    while obj is not None:
        following, frame, _ = awaited(obj)
        if isinstance(obj, GENERATORS):
            found.append(obj)
        elif following is None:
            return found, obj
        obj = following
    return found, None


def suspended():
    """All that is suspended and no task runs, all tasks and all futures with exceptions that nobody has asked for."""
    everything = gc.get_objects()
    tasks = [one for one in everything if isinstance(one, (asyncio.Task, asyncio.tasks._PyTask))]
    futures = [one for one in everything if isinstance(one, (asyncio.Future, asyncio.futures._PyFuture))]
    of_tasks = [id(one) for task in tasks for one in generators_of(task.get_coro())[0]]
    frames = running()
    found = [one for one in everything if isinstance(one, GENERATORS) and awaited(one)[1] not in [None] + frames]
    found = [one for one in found if id(one) not in of_tasks]
    inner = [id(one) for outer in found for one in generators_of(outer)[0][1:]]
    # Not by `gc.get_referrers`, which stops all threads each time.
    referrers = {id(one): [] for one in found}
    for each in everything:
        for one in gc.get_referents(each):
            if id(one) in referrers:
                referrers[id(one)].append("0x%x" % id(each))
    result = []
    for one in found:
        if id(one) in inner:
            continue
        below, last = generators_of(one)
        result.append({
            "id": "0x%x" % id(one), "name": one.__qualname__, "kind": type(one).__name__, "stack": chain(one),
            "inner": ["0x%x" % id(each) for each in below[1:]], "last": None if last is None else "0x%x" % id(last),
            "held": [key for key, held in HELD.items() if held is one],
            "referrers": referrers[id(one)],
            "new": awaited(one)[1].f_lasti < 0 or "CREATED" in state(one) if state(one) else None,
        })
    return {"objects": result, "tasks": ["0x%x" % id(one) for one in tasks],
            "unretrieved": ["0x%x" % id(one) for one in futures if one._log_traceback]}


def state(obj):
    """Its state by `inspect`; nothing of an asynchronous generator before 3.12."""
    for name in ("getgeneratorstate", "getcoroutinestate", "getasyncgenstate"):
        try:
            return getattr(inspect, name, lambda obj: "")(obj)
        except AttributeError:
            pass
    return ""


def start(name, coro, kind=None, *others, factory=None):
    task = factory(coro) if factory else asyncio.ensure_future(coro)
    if not name.startswith("Task-"):
        task.set_name(name)
    EXPECTED[name] = [kind, sorted(others)]
    KEPT.append(task)
    return task


class Wrapped:
    """Awaited by way of a coroutine's iterator."""

    def __init__(self, coro):
        self.coro = coro

    def __await__(self):
        return self.coro.__await__()


class Plain:
    """Awaited by way of a generator of its own."""

    def __init__(self, future):
        self.future = future

    def __await__(self):
        return (yield from self.future)


@types.coroutine
def old_style(future):
    got = yield from future
    return got


async def leaf(future):
    return await future


async def numbers(future):
    yield 1
    yield await leaf(future)


async def loops_over(future):
    async for number in numbers(future):
        KEPT.append(number)


async def sends(future):
    made = numbers(future)
    await made.asend(None)
    KEPT.append(made)
    await made.asend(None)


class Manager:
    def __init__(self, future):
        self.future = future

    async def __aenter__(self):
        return await self.future

    async def __aexit__(self, *error):
        return None


async def enters(future):
    async with Manager(future) as entered:
        return entered


async def through(awaitable):
    return await awaitable


async def holds(lock, future):
    async with lock:
        await future


async def takes(lock):
    async with lock:
        pass


async def waits_on_condition(condition):
    async with condition:
        await condition.wait()


async def joins(queue):
    await queue.join()


async def fills(queue):
    while True:
        await queue.put("item")


async def gathers(*awaitables):
    return await asyncio.gather(*awaitables)


async def waits(tasks, **how):
    return await asyncio.wait(tasks, **how)


async def limited(awaitable, seconds):
    return await asyncio.wait_for(awaitable, seconds)


async def shields(task):
    return await asyncio.shield(task)


async def fails():
    raise LookupError("nobody looks")


async def returns():
    return 1


async def receives(sock):
    return await asyncio.get_running_loop().sock_recv(sock, 10)


async def reads(sock):
    reader, writer = await asyncio.open_connection(sock=sock)
    KEPT.append((reader, writer))
    await reader.readline()


async def in_executor(pool, function):
    return await asyncio.get_running_loop().run_in_executor(pool, function)


async def grouped(event):
    async with asyncio.TaskGroup() as group:
        for name in ("member-1", "member-2"):
            made = group.create_task(leaf(event), name=name)
            EXPECTED[name] = ["plain-future", []]
            KEPT.append(made)


async def with_timeout(future):
    async with asyncio.timeout(500):
        await future


async def at_barrier(barrier):
    await barrier.wait()


class Other(threading.Thread):
    """A loop in a thread of its own."""

    def __init__(self):
        super().__init__(daemon=True, name="other-loop")
        self.ready = threading.Event()
        self.loop = None

    def run(self):
        asyncio.run(self.main())

    async def main(self):
        self.loop = asyncio.get_running_loop()
        asyncio.current_task().set_name("other-main")
        EXPECTED["other-main"] = ["plain-future", []]
        future = self.loop.create_future()
        start("other-leaf", leaf(self.loop.create_future()), "plain-future")
        self.ready.set()
        await future


async def to_other(other):
    async def there():
        asyncio.current_task().set_name("over-there")
        EXPECTED["over-there"] = ["sleep", []]
        await asyncio.sleep(900)

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), other))


async def main():
    loop = asyncio.get_running_loop()
    asyncio.current_task().set_name("main")
    EXPECTED["main"] = ["one-task", ["doomed"]]
    future = loop.create_future
    plain = "plain-future"
    first = start("first", leaf(future()), plain)
    start("second", leaf(first), "one-task", "first")
    start("wrapped", through(Wrapped(leaf(future()))), plain)
    start("plain-await", through(Plain(future())), plain)
    start("old-style", through(old_style(future())), plain)
    start("async-for", loops_over(future()), plain)
    start("asend", sends(future()), plain)
    start("enters", enters(future()), plain)
    start("sleeper", asyncio.sleep(700), "sleep")
    lock = asyncio.Lock()
    start("lock-holder", holds(lock, future()), plain)
    start("lock-waiter", takes(lock), "async-lock")
    semaphore = asyncio.Semaphore(1)
    start("semaphore-holder", holds(semaphore, future()), plain)
    start("semaphore-waiter", takes(semaphore), "async-semaphore")
    start("event-waiter", asyncio.Event().wait(), "async-event")
    start("condition-waiter", waits_on_condition(asyncio.Condition()), "async-condition")
    queue = asyncio.Queue(maxsize=2)
    start("queue-put", fills(queue), "queue-put")
    start("queue-join", joins(queue), "queue-join")
    start("queue-get", asyncio.Queue().get(), "queue-get")
    gathered = [start("gathered-%d" % n, leaf(future()), plain) for n in range(3)]
    start("gathered-done", returns())
    start("gatherer", gathers(*gathered), "gather", "gathered-0", "gathered-1", "gathered-2")
    start("wait-many", waits({first, gathered[0]}), "wait-many", "first", "gathered-0")
    start("wait-first", waits({first}, return_when="FIRST_COMPLETED", timeout=400), "wait-many", "first")
    start("limited", limited(first, 300), "one-task", "first")
    start("shielding", shields(first), "shield", "first")
    start("failed", fails())
    start("python-task", leaf(first), "one-task", "first",
          factory=lambda coro: asyncio.tasks._PyTask(coro, loop=loop, name="python-task"))
    left, right = socket.socketpair()
    left.setblocking(False)
    start("socket-reader", receives(left), "socket-read")
    third, fourth = socket.socketpair()
    start("stream-reader", reads(third), "stream-read")
    KEPT.extend([right, fourth])
    pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="pool")
    started, never = threading.Event(), threading.Event()

    def job():
        started.set()
        never.wait()

    start("job-running", in_executor(pool, job), "executor-job")
    start("job-queued", in_executor(pool, len), "executor-job")
    if sys.version_info >= (3, 11):
        start("grouper", grouped(future()), "task-group", "member-1", "member-2")
        start("timed", with_timeout(future()), plain)
        barrier = asyncio.Barrier(2)
        start("at-barrier", at_barrier(barrier), "async-barrier")
    other = Other()
    other.start()
    await loop.run_in_executor(None, other.ready.wait)
    start("crosses", to_other(other.loop), "one-task", "over-there")
    await loop.run_in_executor(None, started.wait)
    await asyncio.sleep(0.3)
    closed = asyncio.new_event_loop()
    start("of-closed-loop", leaf(closed.create_future()), factory=closed.create_task)
    closed.close()
    hold(loop)
    await start("doomed", doomed([loop, other.loop, closed]))


async def doomed(loops):
    await asyncio.sleep(0)
    start("not-started", returns())
    truth.settle()
    dies(loops)


def dies(loops):
    clocks = {"0x%x" % id(loop): loop.time() for loop in loops}
    tree = pstree()
    truth.write("null", tasks=describe(loops), loops=clocks, pstree=tree, suspended=suspended())()


async def many(count):
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue()
    lock = asyncio.Lock()

    async def handler(n):
        await through(queue.get() if n % 3 else asyncio.sleep(1000))

    KEPT.extend(loop.create_task(handler(n)) for n in range(count))
    start("holder", holds(lock, loop.create_future()))
    KEPT.extend(loop.create_task(takes(lock)) for n in range(10))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    truth.write("null", count=len(asyncio.all_tasks()))()


async def cycle():
    async def waits_for(name):
        await tasks[name]

    first, second = asyncio.Lock(), asyncio.Lock()

    async def crossed(one, two):
        async with one:
            await asyncio.sleep(0)
            async with two:
                pass

    tasks = {}
    tasks["a"] = start("a", waits_for("b"))
    tasks["b"] = start("b", waits_for("c"))
    tasks["c"] = start("c", waits_for("a"))
    start("x", crossed(first, second))
    start("y", crossed(second, first))
    start("behind", takes(first))
    await asyncio.sleep(0.05)
    truth.write("null")()


async def semaphores():
    """Tasks that have a semaphore wait for tasks that want it; of another one somebody who has it goes on."""
    pages, healthy = asyncio.Semaphore(2), asyncio.Semaphore(2)

    async def crawl(depth):
        async with pages:
            await asyncio.sleep(0.02)
            if depth:
                await asyncio.gather(crawl(depth - 1), crawl(depth - 1))

    async def uses(what):
        async with healthy:
            await what

    start("crawler", crawl(3))
    start("works", uses(asyncio.sleep(1000)))
    start("asks", uses(takes(healthy)))
    start("later", uses(asyncio.sleep(0)))
    await asyncio.sleep(0.5)
    truth.write("null")()


async def blocked():
    """The loop stands still: a coroutine calls what sleeps."""
    closed = asyncio.new_event_loop()
    KEPT.append(closed.create_task(leaf(closed.create_future())))
    closed.close()
    start("waits", asyncio.sleep(1000))

    def sleeps():
        threading.Timer(0.5, truth.write("kill")).start()
        time.sleep(1000)

    async def blocks():
        sleeps()

    await start("blocker", blocks())


def starved():
    """Both workers of a pool wait for jobs of the pool."""
    pool = concurrent.futures.ThreadPoolExecutor(2)
    both = threading.Barrier(2)

    def job():
        both.wait()
        pool.submit(len, "x").result()

    KEPT.extend(pool.submit(job) for _ in range(2))
    time.sleep(0.5)
    truth.write("kill")()


if __name__ == "__main__":
    if sys.argv[1:2] == ["blocked"]:
        asyncio.run(blocked())
    elif sys.argv[1:2] == ["starved"]:
        starved()
    elif sys.argv[1:2] == ["many"]:
        asyncio.run(many(int(sys.argv[2])))
    elif sys.argv[1:2] == ["cycle"]:
        asyncio.run(cycle())
    elif sys.argv[1:2] == ["semaphores"]:
        asyncio.run(semaphores())
    else:
        asyncio.run(main())
