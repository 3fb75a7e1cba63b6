"""Imports extension modules. One counts as third party, so that faulthandler lists it: a copy of a module of the
standard library under a package of another name, as no compiler is at hand where the tests run.
"""

import importlib.util
import os
import shutil
import sys
import sysconfig

import truth

STANDARD = ("_json", "_datetime", "zlib", "_decimal", "array", "mmap", "select", "_ssl", "_sqlite3", "_hashlib",
            "_socket", "_struct", "_bz2", "unicodedata")
CANDIDATES = ("_queue", "_bz2", "_zoneinfo", "_lzma", "_json", "_contextvars", "_heapq", "resource", "termios")


def third_party(directory):
    """Imports the first copy that works; gives its module name."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX") or ".so"
    places = [path for path in sys.path if path.endswith("lib-dynload")]
    os.makedirs(os.path.join(directory, "thirdparty"), exist_ok=True)
    open(os.path.join(directory, "thirdparty", "__init__.py"), "w").close()
    sys.path.insert(1, directory)
    for name in CANDIDATES:
        for place in places:
            original = os.path.join(place, name + suffix)
            if os.path.exists(original):
                shutil.copy(original, os.path.join(directory, "thirdparty"))
                try:
                    importlib.import_module("thirdparty." + name)
                    return "thirdparty." + name
                except ImportError:
                    continue
    return None


def main():
    imported = []
    for name in STANDARD:
        try:
            importlib.import_module(name)
            imported.append(name)
        except ImportError:
            pass
    foreign = third_party(os.getcwd())
    truth.write("sigsegv", imported=imported, third_party=foreign)()


if __name__ == "__main__":
    main()
