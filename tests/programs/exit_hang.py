"""The main thread has come to its end, and the process waits for a thread that waits for work. A child ends it with SIGABRT."""

import os
import queue
import signal
import threading
import time

parent = os.getpid()
if os.fork() == 0:
    time.sleep(1.5)
    os.kill(parent, signal.SIGABRT)
    os._exit(0)
jobs = queue.Queue()


def consume():
    while jobs.get() is not None:
        pass


threading.Thread(target=consume, name="consumer").start()
