"""Writes `addresses.json`: addresses of things whose nature Python knows, and dies."""

import array
import ctypes
import json
import os


class Session:
    def __init__(self):
        self.user = "u"


class Ghost:
    def __init__(self):
        self.name = "g"


def address_in(buffer):
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer)) + 5


libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
things = {
    "list": [1, 2, 3],
    "session": Session(),
    "text": "text %d" % os.getpid(),
    "bytes": b"bytes" * 10,
    "bytearray": bytearray(3000),
    "array": array.array("B", bytes(4000)),
}
said = {name: id(thing) for name, thing in things.items()}
said["in_bytearray"] = address_in(things["bytearray"])
said["in_array"] = address_in(things["array"])
SIZE = 5000
said["size_of_malloc"] = SIZE
said["malloc"] = libc.malloc(SIZE)
said["large"] = libc.malloc(1 << 20)
said["released"] = libc.malloc(SIZE)
after = libc.malloc(SIZE)
said["glibc"] = hasattr(libc, "gnu_get_libc_version")
said["environ"] = ctypes.addressof(ctypes.c_void_p.in_dll(libc, "environ"))
said["freed"] = 0
text = json.dumps(said)
file = os.open("addresses.json", os.O_CREAT | os.O_WRONLY, 0o644)
ghosts = [Ghost() for _ in range(20)]
said["freed"] = id(ghosts[7])
os.write(file, json.dumps(said).encode())
libc.free(said["released"])
del ghosts[7]
os.abort()
