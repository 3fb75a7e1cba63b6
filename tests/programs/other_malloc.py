"""Fills memory that no allocator of Python gives, and dies."""

import os


class Row:
    def __init__(self, number):
        self.number, self.text = number, "row %d" % number


rows = [Row(number) for number in range(3000)]
large = [bytes(700 + number) for number in range(5000)]
written = [bytearray(b"x" * (1 << 20)) for _ in range(8)]
os.abort()
