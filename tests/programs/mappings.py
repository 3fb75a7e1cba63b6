"""Maps files and makes code at run time, says what the kernel and Python say of both, and dies."""

import ctypes
import json
import mmap
import os
import sys

MIB = 1 << 20
EXECUTABLE = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC


def of_file(name, size, written, flags):
    with open(name, "wb+") as file:
        file.truncate(size)
        area = mmap.mmap(file.fileno(), size, flags=flags)
    area[:written] = b"\1" * written
    return area


def code(size, sealed):
    area = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=EXECUTABLE)
    area[:] = b"\xc3" * size
    if sealed:
        at = ctypes.addressof(ctypes.c_char.from_buffer(area))
        assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(at), ctypes.c_size_t(size), mmap.PROT_READ | mmap.PROT_EXEC) == 0
    return area


def trampolines():
    """Has Python make them for `perf`; the file that it writes their addresses into."""
    if not hasattr(sys, "activate_stack_trampoline"):
        return None
    try:
        sys.activate_stack_trampoline("perf")
    except (ValueError, RuntimeError):
        return None
    for number in range(300):
        eval(compile("(lambda: %d)()" % number, "<made>", "eval"))
    return "/tmp/perf-%d.map" % os.getpid()


def hot():
    """CPython's own JIT makes code of it, where it is switched on."""
    total = 0
    for number in range(20000):
        total += number & 3
    return total


def mappings():
    found = []
    with open("/proc/self/smaps", encoding="utf-8") as file:
        for line in file:
            words = line.split(None, 5)
            if "-" in words[0] and not words[0].endswith(":"):
                start, end = (int(word, 16) for word in words[0].split("-"))
                path = words[5].rstrip("\n") if len(words) > 5 else ""
                found.append({"start": start, "end": end, "rights": words[1], "inode": int(words[4]), "path": path})
            elif words[0] == "Rss:":
                found[-1]["rss"] = int(words[1]) << 10
    return found


# Shared mappings of files too.
with open("/proc/self/coredump_filter", "w") as file:
    file.write("0x7f")
kept = [of_file("shared.data", 4 * MIB, MIB, mmap.MAP_SHARED), of_file("private.data", 2 * MIB, 2 * MIB, mmap.MAP_PRIVATE),
        code(256 << 10, False), code(128 << 10, True)]
made = trampolines()
hot()
with open("said.json", "w") as file:
    json.dump(mappings(), file)
# From here on no function of Python runs that would get another one.
if made:
    with open(made, "rb") as source, open("perf.map", "wb") as target:
        target.write(source.read())
    os.unlink(made)
os.abort()
