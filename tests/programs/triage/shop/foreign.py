"""Different defects with short stacks: each gives foreign code something that it must not be given, through ctypes."""

import ctypes


def flush(rows):
    ctypes.string_at(0)


def reload_config(rows):
    ctypes.string_at(0)


def parse(text):
    return ctypes.string_at(text)


def load(rows):
    return parse(0)


def overwrite(rows):
    ctypes.memset(0, 7, len(rows))


def move(rows):
    ctypes.memmove(0, bytes(16), 16)


def follow(rows):
    return ctypes.cast(8, ctypes.POINTER(ctypes.c_int)).contents.value


def measure(rows):
    return ctypes.CDLL(None).strlen(None)


def compare(rows):
    return ctypes.CDLL(None).strcmp(None, b"x")


def call_back(rows):
    return ctypes.CFUNCTYPE(None)(16)()


class Buffer:
    def first(self, rows):
        return ctypes.c_char_p(16).value

    def wide(self, rows):
        return ctypes.wstring_at(16)
