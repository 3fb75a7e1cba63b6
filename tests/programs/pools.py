"""Pools, idle and busy, with jobs that wait: `pools.py threads`, `pools.py executor` and `pools.py pool` of processes. `pools.py waits`:
threads that want results of jobs that nobody has begun; `pools.py forked`: a child that goes on with its parent's pool.

What the pools say of themselves goes into the truth: `_work_queue.qsize()`, `_idle_semaphore._value`, `_taskqueue.qsize()`,
`len(_cache)` and what is like them.
"""

import asyncio
import concurrent.futures
import ctypes
import multiprocessing
import multiprocessing.pool
import os
import sys
import threading
import time

import truth

KEPT = []
NEVER = threading.Event()


def until(fact):
    """Waits for a fact that others bring about."""
    end = time.monotonic() + 60
    while not fact():
        if time.monotonic() > end:
            sys.exit("this does not come about: %s" % fact)
        time.sleep(0.01)


def at_rest(number):
    """Waits until a number is the same in many looks."""
    last, same = number(), 0
    while same < 30:
        time.sleep(0.01)
        last, same = number(), same + 1 if number() == last else 0


def with_parent():
    """In a process of a pool: it ends when its parent is killed (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, 9)


def begins(fd, _=b""):
    os.write(fd, b"x")
    time.sleep(600)


def executor_of_threads(executor):
    return {
        "id": "0x%x" % id(executor), "type": "concurrent.futures.thread.%s" % type(executor).__name__, "kind": "threads",
        "name": executor._thread_name_prefix, "max": executor._max_workers, "workers": len(executor._threads),
        "idle": executor._idle_semaphore._value, "queued": executor._work_queue.qsize(), "unfinished": None,
        "closed": bool(executor._shutdown), "processes": [],
        "tids": sorted(getattr(thread, "native_id", 0) for thread in executor._threads),
    }


def two_of(reads):
    """Both processes have begun a job."""
    begun = 0
    while begun < 2:
        begun += len(os.read(reads, 10))


def threads():
    """Executors of threads: one that is busy, one that is idle, one that takes no more jobs, one without work so far."""
    busy = concurrent.futures.ThreadPoolExecutor(3, thread_name_prefix="busy")
    begun = threading.Barrier(4)

    def job():
        begun.wait()
        NEVER.wait()

    KEPT.extend(busy.submit(job) for _ in range(3))
    begun.wait()
    # More than fit after the three that were taken: the ring of 3.13 goes round.
    waiting = [busy.submit(len, "x") for _ in range(7)]
    waiting[2].cancel()
    KEPT.extend(waiting)
    idle = concurrent.futures.ThreadPoolExecutor(4)
    both = threading.Barrier(2)
    KEPT.extend(idle.submit(both.wait) for _ in range(2))
    until(lambda: idle._idle_semaphore._value == 2)
    closed = concurrent.futures.ThreadPoolExecutor(1)
    in_c = threading.Event()
    # What the job calls is no Python function.
    KEPT.append(closed.submit(time.sleep, 600))
    KEPT.append(closed.submit(in_c.wait))
    until(lambda: closed._work_queue.qsize() == 1)
    closed.shutdown(wait=False)
    until(lambda: closed._work_queue.qsize() == 2)
    KEPT.append(concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="unused"))
    found = [executor_of_threads(one) for one in (busy, idle, closed)]
    # The item that wakes a worker at the end is no job.
    found[2]["queued"] -= 1
    found[0]["waiting"] = ["0x%x" % id(future) for future in waiting]
    KEPT.extend((busy, idle, closed))
    return found


def pools_of_threads():
    """Pools of multiprocessing whose workers are threads."""
    found = []
    for calls, jobs in ((NEVER.wait, 5), (time.sleep, 3), (None, 0)):
        pool = multiprocessing.pool.ThreadPool(2)
        KEPT.append(pool)
        for _ in range(jobs):
            KEPT.append(pool.apply_async(calls, (600,)))
        until(lambda: pool._taskqueue.qsize() == 0 and pool._inqueue.qsize() == max(jobs - 2, 0))
        found.append({
            "id": "0x%x" % id(pool), "type": "multiprocessing.pool.ThreadPool", "kind": "threads", "name": "", "max": 2, "workers": 2,
            "idle": 0 if jobs else 2, "queued": pool._taskqueue.qsize() + pool._inqueue.qsize(),
            "unfinished": len(pool._cache), "closed": False, "processes": [], "known": jobs > 0,
            "tids": sorted(getattr(worker, "native_id", 0) for worker in pool._pool),
        })
    return found


def executor_of_processes():
    reads, writes = os.pipe()
    context = multiprocessing.get_context("fork")
    executor = concurrent.futures.ProcessPoolExecutor(2, mp_context=context, initializer=with_parent)
    KEPT.extend(executor.submit(begins, writes) for _ in range(7))
    two_of(reads)
    # How many are handed over depends on who came first: three or more.
    until(lambda: executor._work_ids.qsize() <= 4)
    at_rest(executor._work_ids.qsize)
    KEPT.append(executor)
    return [{
        "id": "0x%x" % id(executor), "type": "concurrent.futures.process.ProcessPoolExecutor", "kind": "processes", "name": "",
        "max": 2, "workers": len(executor._processes), "idle": None, "queued": executor._work_ids.qsize(),
        "unfinished": len(executor._pending_work_items), "closed": False, "processes": sorted(executor._processes), "tids": [],
    }]


def pool_of_processes():
    reads, writes = os.pipe()
    pool = multiprocessing.get_context("fork").Pool(2, with_parent)
    # What is larger than a pipe stays with the thread that hands it over, and what comes after it in the queue.
    for _ in range(6):
        KEPT.append(pool.apply_async(begins, (writes, b"x" * (1 << 20))))
    two_of(reads)
    until(lambda: pool._taskqueue.qsize() == 3)
    KEPT.append(pool)
    return [{
        "id": "0x%x" % id(pool), "type": "multiprocessing.pool.Pool", "kind": "processes", "name": "", "max": 2,
        "workers": len(pool._pool), "idle": None, "queued": pool._taskqueue.qsize(), "unfinished": len(pool._cache),
        "closed": False, "processes": sorted(worker.pid for worker in pool._pool), "tids": [],
    }]


def of_processes(make):
    """Where the host has no semaphores there are none. They are files in a directory that roots of other systems lack."""
    try:
        os.makedirs("/dev/shm", exist_ok=True)
        multiprocessing.Semaphore()
    except OSError:
        return None
    return make()


def waits():
    """Threads that want what nobody has begun, and a task that does."""
    busy = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="busy")
    begun = threading.Event()

    def job():
        begun.set()
        NEVER.wait()

    KEPT.append(busy.submit(job))
    begun.wait()
    first, second = busy.submit(len, "x"), busy.submit(len, "x")
    threading.Thread(target=second.result, daemon=True).start()
    pool = multiprocessing.pool.ThreadPool(1)
    KEPT.append((pool, pool.apply_async(NEVER.wait)))
    threading.Thread(target=pool.apply_async(len, ("x",)).get, daemon=True).start()

    async def asks():
        # The timer's thread kills all of them meanwhile.
        threading.Timer(0.5, truth.write("kill", second="0x%x" % id(second))).start()
        await asyncio.get_running_loop().run_in_executor(busy, len, "x")

    KEPT.append(first)
    asyncio.run(asks())


def forked():
    pool = concurrent.futures.ThreadPoolExecutor(1)
    pool.submit(len, "x").result()
    until(lambda: pool._idle_semaphore._value == 1)
    if os.fork() == 0:
        # The child's threads are gone, and the pool takes one of them for idle.
        job = pool.submit(len, "x")
        threading.Timer(0.5, truth.write("kill", pool="0x%x" % id(pool), future="0x%x" % id(job))).start()
        job.result()
    os.wait()


def pools(make):
    found = make()
    truth.write("kill", pools=found)()


MODES = {
    "threads": lambda: pools(lambda: threads() + pools_of_threads()),
    "executor": lambda: pools(lambda: of_processes(executor_of_processes)),
    "pool": lambda: pools(lambda: of_processes(pool_of_processes)),
    "waits": waits,
    "forked": forked,
}

if __name__ == "__main__":
    MODES[sys.argv[1]]()
