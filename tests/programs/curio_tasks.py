"""Tasks of curio in every kind of wait, while one of them dies. The package is found by PYTHONPATH."""

import curio
import curio.traps

import truth
from nurseries_chain import chain

EXPECTED = {}


async def leaf(event):
    await event.wait()


async def sleeps():
    await curio.sleep(700)


async def takes(lock):
    async with lock:
        pass


async def gets(queue):
    await queue.get()


async def joins(task):
    await task.join()


async def in_group(event):
    async with curio.TaskGroup() as group:
        for _ in range(2):
            await group.spawn(leaf, event)


async def in_thread(event):
    await curio.run_in_thread(event.wait)


async def not_started():
    pass


def describe(kernel):
    result = []
    ids = {task.id: task for task in kernel._tasks.values()}
    for task in ids.values():
        parent = ids.get(task.parentid)
        on = [other for other in ids.values() if task in getattr(other.joining, "_tasks", ())]
        group = EXPECTED.get(task.name) == "task-group"
        result.append({
            "id": "0x%x" % id(task), "name": task.name, "word": task.state, "kind": EXPECTED.get(task.name),
            "parent": "0x%x" % id(parent) if parent else None, "chain": chain(task.coro),
            "on": ["0x%x" % id(other) for other in on] + [
                "0x%x" % id(other) for other in ids.values() if group and other.taskgroup and other.parentid == task.id],
        })
    return result


async def main():
    import threading
    event, lock, queue = curio.Event(), curio.Lock(), curio.Queue()
    await lock.acquire()
    EXPECTED.update({"leaf": "async-event", "sleeps": "sleep", "takes": "async-lock", "gets": "queue-get", "joins": "one-task",
                     "in_group": "task-group", "in_thread": "executor-job"})
    first = await curio.spawn(leaf, event, daemon=True)
    for call in ((sleeps,), (takes, lock), (gets, queue), (joins, first), (in_group, event), (in_thread, threading.Event())):
        await curio.spawn(*call, daemon=True)
    await curio.sleep(0.3)
    doomed = await curio.spawn(dies, await curio.traps._get_kernel(), daemon=True)
    await doomed.join()


async def dies(kernel):
    await curio.spawn(not_started, daemon=True)
    truth.write("kill", tasks=describe(kernel), version=curio.__version__)()


if __name__ == "__main__":
    curio.run(main)
