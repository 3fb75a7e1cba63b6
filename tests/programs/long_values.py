"""A long value that three frames have, and waiting threads of which all but one do the same."""

import threading

import truth

release = threading.Event()
other = threading.Lock()


def wait(number):
    release.wait()
    return number


def wait_elsewhere():
    with other:
        return 1


def innermost(config, copy):
    same_text = "".join(["x" * 10240])
    truth.write("abort")()
    return config, copy, same_text


def middle(config):
    return innermost(config, list(config))


def main():
    other.acquire()
    threading.stack_size(256 << 10)
    for number in range(60):
        threading.Thread(target=wait, args=(number,), daemon=True).start()
    threading.Thread(target=wait_elsewhere, daemon=True).start()
    truth.settle()
    config = ["entry %04d" % number for number in range(90)]
    middle(config)


if __name__ == "__main__":
    main()
