"""`threads.py N OBSERVER.so FILE`: N busy threads, and two that observe how long they stand still: the first and the last that was
started. FILE gets the longest time of each in nanoseconds (observer.c)."""

import ctypes
import sys
import threading

go = threading.Event()


def work(number):
    go.wait()
    total = 0
    while True:
        total += number


def main():
    observer, file = ctypes.CDLL(sys.argv[2]), sys.argv[3].encode()
    threading.stack_size(256 << 10)
    assert observer.start(file, 0) == 0
    for number in range(int(sys.argv[1])):
        threading.Thread(target=work, args=(number,), daemon=True).start()
    assert observer.start(file, 1) == 0
    print("ready", flush=True)
    go.set()
    work(0)


main()
