"""Pure Python recursion, thousands of frames deep. Argument: the depth (default 3000)."""

import sys
import threading

import truth


def down(level, payload):
    if level == 0:
        truth.settle()
        truth.write("null")()
        return 0
    return 1 + down(level - 1, payload)


def main():
    depth = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    sys.setrecursionlimit(depth + 1000)
    # Up to 3.10 each Python frame takes C stack too: a roomy thread keeps deep runs from overflowing it.
    threading.stack_size(max(8 << 20, depth * 4096))
    thread = threading.Thread(target=down, args=(depth, "payload"), name="deep")
    thread.start()
    thread.join()


if __name__ == "__main__":
    main()
