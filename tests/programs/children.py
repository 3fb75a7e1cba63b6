"""A process and its child wait for each other: `children.py HOW`.

popen: the documented mistake of `Popen.wait()` with a pipe that nobody reads. queue: a child is joined before what it has put into a queue is
taken out. any: the same as popen by `os.wait()`, and another child may end.
"""

import multiprocessing
import os
import subprocess
import sys

# A write may end early where something stops the process for a moment.
WRITES = ["-c", "import os\nwhile True: os.write(1, b'x' * (1 << 20))"]


def popen():
    subprocess.Popen([sys.executable] + WRITES, stdout=subprocess.PIPE).wait()


def put(queue):
    queue.put("x" * (1 << 22))


def queue():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=put, args=(queue,))
    child.start()
    child.join()


def any():
    writer = subprocess.Popen([sys.executable] + WRITES, stdout=subprocess.PIPE)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    os.wait()
    print(writer, sleeper)


globals()[sys.argv[1]]()
