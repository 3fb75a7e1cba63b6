"""Builds the modules of this directory for the interpreter that runs it: build.py TOOL DIR WORK

TOOL: cpp, rust, rust-abort, cffi, cython, nuitka, mypyc, pybind11, nanobind or pyo3. What the tool needs comes from PyPI (or crates.io) into WORK, where the
next build finds it; the module, and what it needs at run time, go to DIR.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig

HERE = os.path.dirname(os.path.abspath(__file__))
# Versions that this project's oldest interpreter with headers (3.9) can have.
PACKAGES = {"cffi": ["cffi==2.0.0", "pycparser==2.23"], "cython": ["cython==3.2.1"], "pybind11": ["pybind11==3.0.1"],
            "nuitka": ["nuitka==4.3.3"], "nanobind": ["nanobind==3.1.0"],
            "mypyc": ["mypy==2.4.1", "mypy_extensions==1.2.0", "pathspec==1.1.1", "typing_extensions==4.16.0", "librt==0.17.0",
                      "ast_serialize==0.13.1", "setuptools==84.2.1"]}
COMPILE = ["-shared", "-fPIC", "-g", "-O1", "-w"]
SUFFIX = ".so"


def run(*words, **options):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, **options)


def packages(tool, work):
    """A directory with the tool's packages for this interpreter."""
    directory = os.path.join(work, "%s-%d.%d" % ((tool,) + sys.version_info[:2]))
    if not os.path.exists(directory):
        run(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-warn-script-location",
            "--no-deps", "--only-binary", ":all:", "--no-binary", "nuitka", "--target", directory + ".new", *PACKAGES[tool])
        os.rename(directory + ".new", directory)
    return directory


def include():
    return ["-I", sysconfig.get_path("include")]


def cpp(directory, _work):
    run("g++", *COMPILE, "-std=c++17", os.path.join(HERE, "plain.cpp"), "-o", os.path.join(directory, "libplain-cpp.so"))


def rust_library(directory, name, *flags):
    run("rustc", "--edition=2024", "--crate-type=cdylib", "--crate-name=plain", "-g", "-Copt-level=1", *flags,
        os.path.join(HERE, "plain.rs"), "-o", os.path.join(directory, "libplain-%s.so" % name))


def rust(directory, _work):
    # Which names are the default has to do with the compiler's version.
    rust_library(directory, "rust", "-Csymbol-mangling-version=v0")


def rust_abort(directory, _work):
    rust_library(directory, "rust-abort", "-Cpanic=abort")


def cffi(directory, work):
    needed = packages("cffi", work)
    source = os.path.join(directory, "gauges.c")
    run(sys.executable, os.path.join(HERE, "ffi_build.py"), source, env=dict(os.environ, PYTHONPATH=needed))
    run("gcc", *COMPILE, *include(), source, "-o", os.path.join(directory, "gauges" + SUFFIX))
    for backend in glob.glob(os.path.join(needed, "_cffi_backend*.so")):
        shutil.copy(backend, directory)
    # What the wheel brings along for it.
    for libs in glob.glob(os.path.join(needed, "cffi.libs")):
        shutil.copytree(libs, os.path.join(directory, "cffi.libs"), dirs_exist_ok=True)


def cython(directory, work):
    env = dict(os.environ, PYTHONPATH=packages("cython", work))
    # Lines are those of the C file, or by its directives those of the source.
    for module, options in ("cyvalve", []), ("cysteps", ["--line-directives"]):
        shutil.copy(os.path.join(HERE, module + ".pyx"), directory)
        run(sys.executable, "-m", "cython", "-3", *options, module + ".pyx", cwd=directory, env=env)
        run("gcc", *COMPILE, *include(), module + ".c", "-o", module + SUFFIX, cwd=directory)


def nuitka(directory, work):
    # It takes half a minute: what was built of the same source stays.
    source = os.path.join(HERE, "npvalve.py")
    with open(source, "rb") as file:
        made = "nuitka-%d.%d-%s" % (sys.version_info[:2] + (hashlib.sha1(file.read()).hexdigest()[:12],))
    made = os.path.join(work, made)
    if not os.path.exists(made):
        new = "%s.%d" % (made, os.getpid())
        os.makedirs(new)
        shutil.copy(source, new)
        run(sys.executable, "-m", "nuitka", "--mode=module", "--quiet", "--no-pyi-file", "--remove-output",
            "--nofollow-imports", "npvalve.py", cwd=new, env=dict(os.environ, PYTHONPATH=packages("nuitka", work)))
        os.rename(new, made)
    for module in glob.glob(os.path.join(made, "*.so")):
        shutil.copy(module, directory)


def mypyc(directory, work):
    shutil.copy(os.path.join(HERE, "mcvalve.py"), directory)
    run(sys.executable, "-m", "mypyc", "mcvalve.py", cwd=directory, stdout=subprocess.DEVNULL,
        env=dict(os.environ, PYTHONPATH=packages("mypyc", work)))


def pybind11(directory, work):
    headers = os.path.join(packages("pybind11", work), "pybind11", "include")
    run("g++", *COMPILE, "-std=c++17", "-fvisibility=hidden", *include(), "-I", headers,
        os.path.join(HERE, "pbvalve.cpp"), "-o", os.path.join(directory, "pbvalve" + SUFFIX))


def nanobind(directory, work):
    package = os.path.join(packages("nanobind", work), "nanobind")
    # Its own part takes five seconds: what was built of it stays.
    own = os.path.join(work, "nanobind-%d.%d.o" % sys.version_info[:2])
    flags = ["-fPIC", "-g", "-O1", "-w", "-std=c++17", "-fvisibility=hidden", "-fno-strict-aliasing", *include(),
             "-I", os.path.join(package, "include"), "-I", os.path.join(package, "ext", "robin_map", "include")]
    if not os.path.exists(own):
        new = "%s.%d" % (own, os.getpid())
        run("g++", *flags, "-c", os.path.join(package, "src", "nb_combined.cpp"), "-o", new)
        os.rename(new, own)
    run("g++", "-shared", *flags, os.path.join(HERE, "nbvalve.cpp"), own, "-o", os.path.join(directory, "nbvalve" + SUFFIX))


def pyo3(directory, work):
    # One module for all interpreters: it uses the stable ABI of the oldest.
    target = os.path.join(work, "pyo3")
    run("cargo", "build", "-q", "--locked", "--target-dir", target, cwd=os.path.join(HERE, "pyo3"),
        env=dict(os.environ, PYO3_NO_PYTHON="1", PYO3_BUILD_EXTENSION_MODULE="1"))
    shutil.copy(os.path.join(target, "debug", "librsvalve.so"), os.path.join(directory, "rsvalve" + SUFFIX))


def main():
    tool, directory, work = sys.argv[1:]
    tools = {"cpp": cpp, "rust": rust, "rust-abort": rust_abort, "cffi": cffi, "cython": cython, "nuitka": nuitka,
             "mypyc": mypyc, "pybind11": pybind11, "nanobind": nanobind,
             "pyo3": pyo3}
    tools[tool](directory, work)


if __name__ == "__main__":
    main()
