"""More threads than faulthandler shows: 105 and the main thread, which is the oldest and therefore the one it drops."""

import threading

import truth

release = threading.Event()


def wait(number):
    square = number * number
    release.wait()
    return square


def main():
    threading.stack_size(256 << 10)  # 105 stacks of the usual 8 MB make a core of 850 MB
    for number in range(105):
        threading.Thread(target=wait, args=(number,), name="thread-%03d" % number, daemon=True).start()
    truth.settle()
    truth.write("sigsegv")()


if __name__ == "__main__":
    main()
