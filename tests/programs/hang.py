"""Workers that all stand in one place but one: `hang.py WORKERS ODD`. Writes the pids of the children when they stand."""

import os
import sys
import time


def barrier():
    time.sleep(600)


def stuck():
    time.sleep(600)


def work(number, odd):
    return stuck() if number == odd else barrier()


def main():
    pids = []
    for number in range(int(sys.argv[1])):
        pid = os.fork()
        if pid == 0:
            work(number, int(sys.argv[2]))
        pids.append(pid)
    with open(sys.argv[3] + ".new", "w") as file:
        file.write(" ".join(map(str, pids)))
    os.replace(sys.argv[3] + ".new", sys.argv[3])
    for pid in pids:
        os.waitpid(pid, 0)


main()
