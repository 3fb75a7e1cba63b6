"""A service that stands still: for docs/tasks.md, which shows what tools say of it."""

import asyncio
import concurrent.futures
import threading


async def fetch(queue):
    return await queue.get()


async def handler(queue):
    return await fetch(queue)


async def main():
    queue, lock = asyncio.Queue(), asyncio.Lock()
    pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="db")
    loop = asyncio.get_running_loop()
    await lock.acquire()
    async with asyncio.TaskGroup() as group:
        for n in range(3):
            group.create_task(handler(queue), name="handler-%d" % n)
        group.create_task(lock.acquire(), name="wants-lock")
        loop.run_in_executor(pool, threading.Event().wait)
        job = loop.run_in_executor(pool, len, "x")
        group.create_task(asyncio.wait_for(job, 3600), name="wants-job")


asyncio.run(main())
