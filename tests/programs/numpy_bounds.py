"""Reads beside an array of NumPy, and from one whose memory is gone; before, the array says where its data is."""

import ctypes
import json
import mmap
import os
import sys

import numpy as np


def tell(array):
    low, high = np.lib.array_utils.byte_bounds(array) if hasattr(np.lib, "array_utils") else np.byte_bounds(array)
    with open(os.environ["PYINQUEST_TRUTH"], "w") as file:
        json.dump({"start": int(low), "bytes": int(high - low)}, file)


def strides_too_far():
    """Windows over sixteen numbers that say they are many more."""
    windows = np.lib.stride_tricks.as_strided(np.zeros(16), shape=(1 << 30, 2), strides=(8, 8))
    tell(windows)
    return windows.max()


def backwards():
    """Of an array at the far end of memory, from the last element to the first."""
    reverse = np.lib.stride_tricks.as_strided(np.zeros(1 << 16), shape=(1 << 30,), strides=(-8,))
    tell(reverse)
    return reverse.max()


def file_cut_short():
    """An array over a mapped file that another program cuts."""
    frame = np.memmap("data.bin", dtype="f8", mode="w+", shape=(1 << 16,))
    later = frame[5000:]
    tell(later)
    os.truncate("data.bin", 4096)
    return later.mean()


def written_behind():
    """C code that writes more than the array has, up to memory that is not there."""
    whole = mmap.mmap(-1, 1 << 16)
    guard = np.frombuffer(whole, dtype="u1")
    libc = ctypes.CDLL(None)
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    target = guard[: 1 << 15]
    tell(target)
    libc.munmap(guard.ctypes.data + (1 << 15), 1 << 15)
    del guard
    libc.memset(target.ctypes.data, 0, 1 << 16)


globals()[sys.argv[1]]()
