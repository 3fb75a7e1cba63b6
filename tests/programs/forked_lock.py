"""A child of fork waits for what a thread of its parent had, which did not survive the fork. The parent ends it with SIGABRT.

Argument: rlock, lock, mutex, or semaphore: one that nobody has, and that a thread of the parent would post.
"""

import ctypes
import os
import signal
import sys
import threading
import time

native = ctypes.CDLL(None)
mutex = ctypes.create_string_buffer(64)
lock = threading.RLock() if sys.argv[1] == "rlock" else threading.Lock()
held = threading.Event()


def hold():
    if sys.argv[1] == "mutex":
        native.pthread_mutex_lock(mutex)
    else:
        lock.acquire()
    held.set()
    time.sleep(600)


def want():
    if sys.argv[1] == "semaphore":
        native.sem_wait(mutex)
    if sys.argv[1] == "mutex":
        native.pthread_mutex_lock(mutex)
    with lock:
        pass


def main():
    native.sem_init(mutex, 0, 0)
    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    child = os.fork()
    if child == 0:
        want()
    time.sleep(1)
    os.kill(child, signal.SIGABRT)
    os.waitpid(child, 0)
    os._exit(0)


main()
