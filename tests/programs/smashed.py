"""The type of an object in a list is overwritten, and the collector meets it: it is damaged, and nobody released it too often."""

import ctypes
import gc

import truth


class Account:
    def __init__(self, number):
        self.history = [number] * 10


accounts = [Account(number) for number in range(1000)]
truth.write("sigsegv")
ctypes.memset(id(accounts[500]) + 8, 0x41, 8)
gc.collect()
