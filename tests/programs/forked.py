"""Dies in a fork child whose parent had threads: in the child, Python's thread list may name threads that are gone."""

import os
import sys
import threading
import time
import warnings

import truth


def in_child(parent):
    generation = "child"
    truth.write("null", parent=parent)()
    return generation


def main():
    # 3.12+ warns of forking a process with threads, and writes that among what faulthandler writes.
    warnings.simplefilter("ignore")
    threading.Thread(target=time.sleep, args=(600,), name="only in the parent", daemon=True).start()
    truth.settle()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        in_child(parent)
    _, status = os.waitpid(pid, 0)
    sys.stdout.flush()
    os._exit(0 if os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0 else 1)


if __name__ == "__main__":
    main()
