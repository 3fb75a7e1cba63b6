"""Defects that no rule was made for: see RESERVE in prog.py."""

import ctypes

import defects


class Line:
    """Its price lies where it never was."""

    def __init__(self, rows):
        self.rows = rows

    @property
    def price(self):
        return ctypes.string_at(0x4141414141414141 + len(self.rows), 8)

    def close(self):
        return defects.null_field(self.rows)


class Basket:
    def __init__(self, rows):
        self.lines = [Line(rows)]

    def close(self):
        return defects.null_field(self.lines)


def total(rows):
    return sum(len(line.price) for line in Basket(rows).lines)


def close_line(rows):
    return Line(rows).close()


def close_basket(rows):
    return Basket(rows).close()


def discard(rows):
    libc = ctypes.CDLL(None)
    return libc.free(ctypes.c_void_p(ctypes.addressof(ctypes.create_string_buffer(64)) + 8))
