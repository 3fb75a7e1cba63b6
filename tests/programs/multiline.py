"""Line numbers and names that are hard to get right.

A call spread over many lines, code beyond line 65535, a line number that jumps back, hundreds of locals and arguments,
non-ASCII names of files and functions, and names of files that would upset a terminal.
"""

import truth


def collect(*args, **kwargs):
    return args, kwargs


def spread_over_lines(first,
                      second):
    return collect(
        first,
        second,
        [
            number
            for number in (1, 2)
        ],
        key=(
            first +
            crash_in_argument(
                first,
                second,
            )
        ),
    )


def crash_in_argument(a, b):
    text = """a string
    of several
    lines"""
    return (a, b, text,
            truth.write(
                "null"
            )(), b)


def far_down():
    source = "\n" * 70000 + "def beyond(call):\n    x = 1\n\n\n    return call(1,\n        x)\n"
    scope = {}
    exec(compile(source, "far_down.py", "exec"), scope)
    return scope["beyond"](spread_over_lines)


def many_locals():
    names = ["local_%d" % n for n in range(300)]
    arguments = ", ".join("arg_%d" % n for n in range(300))
    body = "".join("    %s = %d\n" % (name, n) for n, name in enumerate(names))
    source = "def wide(call, %s):\n%s    return call()\n    unreached = 1\n" % (arguments, body)
    scope = {}
    exec(compile(source, "wide.py", "exec"), scope)
    return scope["wide"](far_down, *range(300))


def exotic_names():
    source = "def größe_函数(вызов):\n    ñ = 'ü'\n    return вызов()\n"
    scope = {}
    exec(compile(source, "модуль_é_😀.py", "exec"), scope)
    return scope["größe_函数"](many_locals)


def hostile_name():
    scope = {}
    exec(compile("def hostile(call):\n    return call()\n", "evil\x1b[2J\nname \"quoted\".py", "exec"), scope)
    return scope["hostile"](exotic_names)


if __name__ == "__main__":
    hostile_name()
