"""Fills memory of every kind, has the allocators speak for themselves, and dies."""

import sys
import threading

import seeds


class Row:
    def __init__(self, number):
        self.number, self.text = number, "row %d" % number


def build():
    rows = [Row(number) for number in range(20000)]
    kept = rows[::7]
    del rows
    return kept, [bytearray(700 + n) for n in range(500)], bytearray(3 << 20), {n: str(n) for n in range(5000)}


def work(kept, ready, stop):
    kept.extend(bytearray(600 + n) for n in range(300))
    del kept[::3]
    ready.release()
    stop.acquire()


world = build()
kept, ready, stop = [], threading.Semaphore(0), threading.Semaphore(0)
for _ in range(2):
    threading.Thread(target=work, args=(kept, ready, stop), daemon=True).start()
for _ in range(2):
    ready.acquire()


def die(say, end):
    say()
    end()


die(sys._debugmallocstats, seeds.say_malloc_and_die)
