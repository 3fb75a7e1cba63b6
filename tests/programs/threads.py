"""Named threads, each waiting in another way, while the main thread dies. `worker` as argument: a worker dies."""

import queue
import sys
import threading
import time

import truth

lock = threading.Lock()
event = threading.Event()
jobs = queue.Queue()


def wait_for_lock(owner):
    purpose = "waits for the lock of " + owner
    with lock:
        return purpose


def sleep_long(seconds):
    time.sleep(seconds)


def wait_for_event():
    event.wait()


def take_job(box):
    item = box.get()
    return item


def wait_for_thread(other):
    other.join()


def die_in_worker(value):
    truth.settle()
    truth.write("null")()
    return value


def start(name, function, *args):
    thread = threading.Thread(target=function, args=args, name=name, daemon=True)
    thread.start()
    return thread


def main():
    lock.acquire()
    start("locked", wait_for_lock, "main")
    sleeper = start("sleeper", sleep_long, 600)
    start("waiter", wait_for_event)
    start("consumer", take_job, jobs)
    start("joiner", wait_for_thread, sleeper)
    start("ünïcode näme", sleep_long, 601)
    if sys.argv[1:] == ["worker"]:
        start("doomed", die_in_worker, 7).join()
    truth.settle()
    truth.write("sigsegv")()


if __name__ == "__main__":
    main()
