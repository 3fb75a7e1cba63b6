"""Dies in a library or module made with other tools than C, as its argument says: see foreign/."""

import ctypes
import os
import sys

import truth


def die(*_):
    truth.write("sigsegv")()


def plain(name):
    library = ctypes.CDLL(os.path.join(os.path.dirname(os.path.abspath(__file__)), name))
    return lambda function: getattr(library, function)()


def cffi(function):
    from gauges import ffi, lib
    return lib.measure(ffi.NULL) if function == "measure" else lib.vent()


def cython(function):
    import cyvalve
    if function == "give_up":
        return cyvalve.give_up()
    if function == "steps":
        import cysteps
        return cysteps.run(die)
    return cyvalve.close_all([cyvalve.Valve()])


def nuitka(function):
    import npvalve
    return getattr(npvalve, function)(die)


def mypyc(function):
    import mcvalve
    return getattr(mcvalve, function)(die)


def pybind11(function):
    import pbvalve
    return getattr(pbvalve.Boiler(), function)()


def nanobind(function):
    import nbvalve
    if function == "ring_bell":
        return nbvalve.ring_bell(die)
    boiler = nbvalve.Boiler()
    # What binds another function of the same kind was called before.
    try:
        (boiler.vent_steam if function == "read_gauge" else boiler.read_gauge)("no number")
    except TypeError:
        pass
    return getattr(boiler, function)(3)


def pyo3(function):
    import rsvalve
    return rsvalve.ring() if function == "ring" else rsvalve.Meter().read()


def call(tool, function):
    if tool in ("cpp", "rust", "rust-abort"):
        return plain("libplain-%s.so" % tool)(function)
    tools = {"cffi": cffi, "cython": cython, "nuitka": nuitka, "mypyc": mypyc, "pybind11": pybind11,
             "nanobind": nanobind, "pyo3": pyo3}
    return tools[tool](function)


def main():
    call(sys.argv[1], sys.argv[2])


if __name__ == "__main__":
    main()
