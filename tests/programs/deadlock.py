"""Stands still in the ways that its arguments name, until a child that watches it ends it with SIGABRT. With
PYINQUEST_DEATH=block nobody ends it.

Threads are called after the way and their part in it: `rlocks-alpha`.
"""

import ctypes
import multiprocessing.pool
import os
import queue
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import truth

native = ctypes.CDLL(None)  # lets the GIL go for the call
holding = ctypes.PyDLL(None)  # keeps it
shared = ctypes.create_string_buffer(64)  # a pthread_rwlock_t or a pthread_cond_t
control = ctypes.c_int(0)  # a pthread_once_t
mutex = ctypes.create_string_buffer(64)  # as large as any pthread_mutex_t, whose initial state is zeros


def watch():
    """Forks a child that aborts this process once all its threads have slept for a while."""
    parent = os.getpid()
    if os.fork():
        return
    tasks = "/proc/%d/task" % parent
    time.sleep(0.5 if os.path.isdir(tasks) else 2)
    quiet = 0 if os.path.isdir(tasks) else 15
    while quiet < 15:
        time.sleep(0.02)
        states = []
        for task in os.listdir(tasks):
            with open("%s/%s/stat" % (tasks, task)) as stat:
                states.append(stat.read().rsplit(") ", 1)[1][0])
        quiet = quiet + 1 if set(states) <= {"S"} else 0
    os.kill(parent, signal.SIGABRT)
    os._exit(0)


def start(name, function, *args):
    thread = threading.Thread(target=function, args=args, name=name, daemon=True)
    thread.start()
    return thread


def pair(name, kind):
    a, b = kind(), kind()
    both = threading.Barrier(2)

    def take(first, second):
        with first:
            both.wait()
            with second:
                pass

    start(name + "-alpha", take, a, b)
    start(name + "-beta", take, b, a)


def rlocks():
    pair("rlocks", threading.RLock)


def locks():
    pair("locks", threading.Lock)


def conditions():
    pair("conditions", threading.Condition)


def three():
    locks = [threading.RLock() for _ in range(3)]
    everyone = threading.Barrier(3)

    def take_next(index):
        with locks[index]:
            everyone.wait()
            with locks[(index + 1) % 3]:
                pass

    for index, name in enumerate(("alpha", "beta", "gamma")):
        start("three-" + name, take_next, index)


def again():
    lock = threading.Lock()

    def twice():
        with lock:
            with lock:
                pass

    start("again-alpha", twice)


def relock():
    def twice():
        native.pthread_mutex_lock(mutex)
        holding.pthread_mutex_lock(mutex)

    start("relock-alpha", twice)


def inversion():
    """alpha has the mutex and wants the GIL; beta has the GIL and wants the mutex."""
    both = threading.Barrier(2)

    def has_mutex():
        native.pthread_mutex_lock(mutex)
        both.wait()
        native.usleep(300000)

    def has_gil():
        both.wait()
        holding.pthread_mutex_lock(mutex)

    start("inversion-alpha", has_mutex)
    start("inversion-beta", has_gil)


def rwlock():
    """alpha has the read-write lock and wants the GIL; beta has the GIL and wants the lock."""
    both = threading.Barrier(2)

    def has_lock():
        native.pthread_rwlock_wrlock(shared)
        both.wait()
        native.usleep(300000)

    def has_gil():
        both.wait()
        holding.pthread_rwlock_wrlock(shared)

    start("rwlock-alpha", has_lock)
    start("rwlock-beta", has_gil)


def once():
    """alpha is inside of pthread_once and wants the GIL; beta has the GIL and waits for that to end."""
    both = threading.Barrier(2)

    def initialise():
        both.wait()
        native.usleep(300000)

    callback = ctypes.CFUNCTYPE(None)(initialise)

    def has_gil():
        both.wait()
        holding.pthread_once(ctypes.byref(control), callback)

    start("once-alpha", lambda: native.pthread_once(ctypes.byref(control), callback))
    start("once-beta", has_gil)


def guard():
    """The same with a static variable of a C++ function."""
    import waits

    start("guard-alpha", waits.guard_free)
    time.sleep(0.1)
    start("guard-beta", waits.guard_held)


def condition():
    """beta has the GIL and waits for a condition that alpha was to signal."""
    def has_gil():
        holding.pthread_mutex_lock(mutex)
        holding.pthread_cond_wait(shared, mutex)

    start("condition-alpha", lambda: native.usleep(300000))
    start("condition-beta", has_gil)


def poll():
    """beta has the GIL and waits for a file."""
    start("poll-alpha", lambda: native.usleep(300000))
    start("poll-beta", lambda: holding.poll(None, 0, -1))


def futures():
    """alpha has a lock and waits for a result; the worker that is to make it wants the lock."""
    lock = threading.RLock()
    pool = ThreadPoolExecutor(1, thread_name_prefix="futures-pool")
    globals()["futures_pool"] = pool

    def take():
        with lock:
            pass

    def ask():
        with lock:
            pool.submit(take).result()

    start("futures-alpha", ask)


def results():
    """The same with a pool of multiprocessing's threads."""
    lock = threading.RLock()
    # The pool's queues have locks between processes, which need /dev/shm; threads do not.
    multiprocessing.get_context().Lock = threading.Lock
    pool = multiprocessing.pool.ThreadPool(1)
    globals()["results_pool"] = pool
    pool._pool[0].name = "results-beta"

    def take():
        with lock:
            pass

    def ask():
        with lock:
            pool.apply_async(take).get()

    start("results-alpha", ask)


def joins():
    threads = []
    ready = threading.Event()

    def join(index):
        ready.wait()
        threads[index].join()

    threads.append(start("joins-alpha", join, 1))
    threads.append(start("joins-beta", join, 0))
    ready.set()


def imports():
    """A module whose body waits for a thread that imports it."""
    with open("stuck_module.py", "w") as source:
        source.write("import threading\n"
                     "def again():\n    import stuck_module\n    stuck_module.ready\n"
                     "worker = threading.Thread(target=again, name='imports-beta')\n"
                     "worker.start()\nworker.join()\nready = True\n")
    sys.path.insert(0, os.getcwd())

    def first():
        import stuck_module
        return stuck_module

    start("imports-alpha", first)


def idle():
    """Nothing of this is a deadlock."""
    pool = ThreadPoolExecutor(2, thread_name_prefix="pool")
    for _ in range(2):
        pool.submit(time.sleep, 0.1)
    time.sleep(0.3)
    lock, condition, event = threading.Lock(), threading.Condition(), threading.Event()
    shared = threading.Condition(lock)
    jobs, simple = queue.Queue(), queue.SimpleQueue()
    owned = threading.RLock()

    def wait_on(cond):
        with cond:
            cond.wait()

    def own():
        with owned:
            time.sleep(600)

    start("condition", wait_on, condition)
    start("shared", wait_on, shared)
    start("event", event.wait)
    start("queue", jobs.get)
    start("simple", simple.get)
    sleeper = start("sleeper", time.sleep, 600)
    start("joiner", sleeper.join)
    start("owner", own)
    time.sleep(0.1)
    start("waiter", owned.acquire)
    start("semaphore", threading.Semaphore(0).acquire)
    globals()["kept"] = pool


def main():
    stays = os.environ.get("PYINQUEST_DEATH") == "block"
    if not stays:
        watch()
    for name in sys.argv[1:]:
        globals()[name]()
    if stays:
        time.sleep(1)  # all threads have come to their locks
        truth.write("block")()
    # Not in Python: the GIL may never come back.
    native.usleep(60000000)


if __name__ == "__main__":
    main()
