"""A process full of secrets, each with a number: `s3cr3t-NNN`. Those below 100 are in variables with harmless names, those from
100 on where a reader of logs would find them: names that tell, exceptions, the command line, source literals.
"""

import os
import signal
import sys


class Box:
    def __init__(self, value):
        self.value = value


class Slots:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left, self.right = left, right


def make(number):
    # Not a constant of the code.
    return "-".join(["s3cr3t", format(number, "03")])


def harmless():
    text, raw, mutable = make(1), make(2).encode(), bytearray(make(3).encode())
    items, pair = [make(4), make(5).encode()], (make(6), make(7))
    table = {make(8): make(9), "n": {"deep": [make(10), {make(11)}]}}
    box, slots = Box(make(12)), Slots(make(13), make(14).encode())
    frozen, long = frozenset({make(15)}), make(16) * 300
    wide = make(17) + "\N{SNOWMAN}" * 3
    latin = make(18) + "\xe9"
    lazy = (make(n) for n in range(19, 20))
    many = [make(n) for n in range(20, 90)]
    view = memoryview(raw)
    telling(text, raw, mutable, items, pair, table, box, slots, frozen, long, wide, latin, lazy, many, view)


def telling(*values):
    password, user_pass, salt, apiKey = make(100), make(101), make(102).encode(), make(103)
    url = "postgres://me:" + make(104) + "@x@db/x"
    blob = "https://x.blob/c?sv=1&sig=" + make(105) + "&se=2"
    odbc = "Server=db;pwd=" + make(106) + ";AccountKey=" + make(107) + "==;"
    headers = [("Authorization", "Basic " + make(108)), ("Cookie", make(109))]
    argv = ["mysql", "-p", make(110), "--token", make(111)]
    hook = "https://hooks.example.com/services/T0/" + make(112)
    settings = {"db_password": make(113), "auth": (make(114), make(115)), "n": 1}
    phrase = "passphrase: " + make(116) + " " + make(117)
    try:
        try:
            raise KeyError(make(118))
        except KeyError as error:
            raise ValueError("cannot read " + make(119)) from error
    except ValueError:
        literal()


def literal(x="s3cr3t-120"[:0]):
    os.kill(os.getpid(), signal.SIGSEGV); x = "s3cr3t-121"


assert sys.argv[1:] == ["--password", "s3cr3t-122", "--api-key=s3cr3t-123"]
harmless()
