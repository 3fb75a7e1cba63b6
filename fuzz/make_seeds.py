#!/usr/bin/env python3
"""Makes fuzz/seeds anew: small real inputs for each fuzz target. Needs gcc, binutils, zstd, lz4, xz and the committed fixtures."""

import base64
import gzip
import io
import json
import pathlib
import shutil
import struct
import subprocess
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
SEEDS = HERE / "seeds"


def seed(target, name, data):
    directory = SEEDS / target
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(data)


def piped(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def unpacked(path):
    return piped(["zstd", "-qdc"], (FIXTURES / path).read_bytes())


def compiled(source, *flags):
    with tempfile.TemporaryDirectory() as directory:
        c, out = pathlib.Path(directory, "seed.c"), pathlib.Path(directory, "out")
        c.write_text(source)
        subprocess.run(["gcc", *flags, f"-ffile-prefix-map={directory}=.", "-o", out, c], check=True, cwd=directory)
        return out.read_bytes()


def dumps():
    # Headers and notes; the memory behind them is cut off.
    seed("elf_core", "3.8-x86_64", unpacked("cores/3.8-basic.core.zst")[:0x7C00])
    seed("elf_core", "3.15-aarch64", unpacked("cores/3.15-aarch64-threads.core.zst")[:0x9000])
    # Streams come first in what we write ourselves.
    for version in ("3.8", "3.14t"):
        seed("minidump", f"{version}-windows", unpacked(f"minidumps/{version}-windows-threads.dmp.zst")[:0xC000])
    # The first byte says which dump (`DUMPS` in the target): old and new, Windows, another processor, free-threaded.
    for which in range(6):
        seed("whole_dump", f"unchanged-{which}", bytes([which]))
        for stride in (1, 97):
            patches = (struct.pack("<IBB", index * stride * 311, index % 8, 0xFF ^ index) for index in range(64))
            seed("whole_dump", f"every-{stride}-of-{which}", bytes([which]) + b"".join(patches))


def small_pages(pdb, page=512):
    """The same PDB with smaller pages: most of lld's 4 KiB ones are padding."""
    magic = pdb[:32]
    old, _, _, length, _, at = struct.unpack_from("<6I", pdb, 32)

    def count(size, of):
        return -(-size // of)

    def joined(numbers):
        return b"".join(pdb[n * old:(n + 1) * old] for n in numbers)

    directory = joined(struct.unpack_from(f"<{count(length, old)}I", pdb, at * old))[:length]
    streams, = struct.unpack_from("<I", directory)
    sizes = [0 if size == 0xFFFFFFFF else size for size in struct.unpack_from(f"<{streams}I", directory, 4)]
    used = 4 + 4 * streams
    pages = [b""] * 3  # the head and two maps of free pages
    table = directory[:used]

    def add(data):
        numbers = range(len(pages), len(pages) + count(len(data), page))
        pages.extend(data[n:n + page] for n in range(0, len(data), page))
        return struct.pack(f"<{len(numbers)}I", *numbers)

    for size in sizes:
        numbers = struct.unpack_from(f"<{count(size, old)}I", directory, used)
        used += 4 * len(numbers)
        table += add(joined(numbers)[:size])
    first = len(pages) + count(len(table), page)
    add(add(table))
    pages[0] = magic + struct.pack("<6I", page, 1, len(pages), len(table), 0, first)
    assert len(pages) < page, "a second pair of maps would be in the way"
    return b"".join(data.ljust(page, b"\0") for data in pages)


def images():
    source = "int seen; int f(int n) { return n ? f(n - 1) + seen : 1; } int _PyRuntime[64] = {7};\n"
    elf = compiled(source, "-shared", "-fPIC", "-nostdlib", "-Os", "-fasynchronous-unwind-tables", "-s", "-Wl,-z,noseparate-code",
                   "-Wl,--hash-style=gnu", "-Wl,--build-id")
    seed("elf_image", "shared-object", elf + struct.pack("<I", 0x1000))
    seed("dwarf", "dwarf5", compiled(source, "-c", "-g", "-gdwarf-5", "-Os"))
    seed("dwarf", "dwarf4", compiled("static inline int g(int n) { return n * n; }\n" + source.replace("1;", "g(n);", 1),
                                     "-c", "-g", "-gdwarf-4", "-O2"))
    seed("dwarf", "dwarf5-zlib", compiled(source, "-c", "-g", "-gz=zlib"))
    seed("pe_image", "made-up", made_up_dll())
    seed("pdb", "lld", small_pages(unpacked("windows/crashing.pdb.zst")) + struct.pack("<I", 0x101a))
    debug_links(source)


def debug_links(source):
    """A module with mini debug information and a link to its debug file."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        path.joinpath("lib.so").write_bytes(compiled(source, "-shared", "-fPIC", "-nostdlib", "-g", "-Os", "-Wl,--build-id"))
        for command in ("objcopy --only-keep-debug lib.so lib.debug", "objcopy -S lib.debug mini", "xz -k mini",
                        "strip lib.so", "objcopy --add-gnu-debuglink=lib.debug --add-section .gnu_debugdata=mini.xz lib.so"):
            subprocess.run(command.split(), cwd=directory, check=True)
        seed("debug_links", "link-and-mini", path.joinpath("lib.so").read_bytes())


def archives():
    core = unpacked("cores/3.8-basic.core.zst")[:0x200]
    for name, kind in (("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
            for member, data in (("core.7", core), ("logs/" + "x" * 120, b"text"), ("a.dmp", b"MDMP"), ("empty.core", b"")):
                info = tarfile.TarInfo(member)
                info.size, info.mtime = len(data), 1_700_000_000
                tar.addfile(info, io.BytesIO(data))
        seed("archive", name, out.getvalue())


def made_up_dll():
    """Two exports and one function: pushes, an allocation, a frame register, a chained part."""
    image = bytearray(0x1500)

    def put(at, *words):
        image[at:at + 4 * len(words)] = struct.pack(f"<{len(words)}I", *words)

    image[:2] = b"MZ"
    put(0x3C, 0x80)
    image[0x80:0x88] = b"PE\0\0\x64\x86\x01\0"
    image[0x94], image[0x98], image[0x99] = 0xF0, 0x0B, 0x02
    image[0x98 + 24:0x98 + 32] = struct.pack("<Q", 0x1_8000_0000)
    put(0x98 + 56, 0x2000)
    put(0x98 + 108, 16)
    for index, rva, size in ((0, 0x1000, 0x100), (3, 0x1200, 24), (6, 0x1400, 28)):
        put(0x98 + 112 + index * 8, rva, size)
    image[0x188:0x190] = b"PyRuntim"
    put(0x190, 0x800, 0x1000, 0x800, 0x1000)
    put(0x1014, 2, 2, 0x1040, 0x1048, 0x1050)
    put(0x1040, 0x800, 0x1100, 0x1060, 0x1070)
    put(0x1050, 1 << 16)
    image[0x1060:0x1067], image[0x1070:0x107A] = b"Py_Main", b"_PyRuntime"
    put(0x1200, 0x800, 0x900, 0x1300, 0x900, 0x980, 0x1320)
    # Version 1; prolog of 9 bytes; four codes; frame register rbp.
    image[0x1300:0x130C] = bytes([1, 9, 4, 5, 9, 0x03, 6, 0x42, 2, 0x50, 1, 0x30])
    image[0x1320:0x1328] = bytes([1 | 4 << 3, 4, 2, 5, 4, 0x64, 2, 0])
    put(0x1328, 0x800, 0x900, 0x1300)
    put(0x1400 + 12, 2)
    put(0x1400 + 20, 0x1440)
    image[0x1440:0x1444] = b"RSDS"
    return bytes(image) + struct.pack("<I", 0x840)


def compressed():
    text = b"\x7fELF" + bytes(9000) + b"the end"
    seed("compressed", "zstd", piped(["zstd", "-qc"], text))
    seed("compressed", "lz4", piped(["lz4", "-qc"], text))
    seed("compressed", "xz", piped(["xz", "-c"], text))
    seed("compressed", "gzip", gzip.compress(text, mtime=0))


    packed = gzip.compress(text, mtime=0)
    lines = [b" " + base64.b64encode(packed[at:at + 30]) for at in range(0, len(packed), 30)]
    seed("compressed", "apport", b"ProblemType: Crash\nCoreDump: base64\n" + b"\n".join(lines) + b"\nUname: x\n")


def layouts():
    for build in ("3.8", "3.13t"):
        value = json.loads((FIXTURES / f"layouts/{build}.json").read_text())
        seed("layouts", f"{build}.json", json.dumps(value, separators=(",", ":")).encode())
    for tag in ("3.13", "3.15"):
        core = unpacked(f"cores/{tag}-basic.core.zst")
        at = core.rindex(b"xdebugpy")
        seed("layouts", f"offsets-{tag}", core[at:at + 0x400])


# What has each form of entry: calls over several lines, generators, handlers within handlers, a class, a long function.
PROGRAM = """
def f(a, b=1, *c, **d):
    with open(a) as file:
        try:
            return [x
                    for x in file if x in
                    c]
        except (KeyError,
                ValueError) as e:
            raise TypeError(a,
                            b) from e
        finally:
            print(a)
async def g(q):
    async with q as r:
        async for s in r:
            yield await s
class K:
    x = 1
    def m(self): return (lambda y: y +
        self.x)
""" + "def long(a):\n" + "    a = a + 1\n\n\n" * 200
COLLECT = """
import json, sys
source = sys.stdin.read()
def codes(code):
    yield code
    for c in code.co_consts:
        if isinstance(c, type(code)):
            yield from codes(c)
tables = []
for code in codes(compile(source, "seed.py", "exec")):
    lines = getattr(code, "co_linetable", None) or code.co_lnotab
    tables.append((code.co_name, len(code.co_code), lines.hex(), getattr(code, "co_exceptiontable", b"").hex()))
json.dump(tables, sys.stdout)
"""


def tables_of(version):
    """Tables of the program by pyenv's newest interpreter of that version; none where it is not installed."""
    found = sorted(pathlib.Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
    if not found:
        print(f"no interpreter {version}: its seeds of code_tables are missing")
        return []
    return json.loads(piped([found[-1], "-c", COLLECT], PROGRAM.encode()))


def code_tables():
    # Each form of line table (3.8, 3.10, 3.11) and exception tables (3.11, 3.13) as real interpreters write them.
    for version in ("3.8", "3.10", "3.11", "3.13"):
        for name, length, lines, exceptions in tables_of(version):
            name = name.strip("<>")
            middle = struct.pack("<h", length // 2)
            seed("code_tables", f"{version}-{name}-lines", middle + bytes.fromhex(lines))
            if exceptions:
                seed("code_tables", f"{version}-{name}-handlers", struct.pack("<h", length // 4) + bytes.fromhex(exceptions))

    def body(a, b=[]):  # noqa: B006 (only its code object is used)
        with open(a) as file:
            try:
                return [x
                        for x in file if x in b]
            finally:
                print(a)

    code = body.__code__
    for lasti in (0, 20, 400):
        seed("code_tables", f"locations-{lasti}", struct.pack("<h", lasti) + code.co_linetable)
        seed("code_tables", f"exceptions-{lasti}", struct.pack("<h", lasti) + code.co_exceptiontable)
    seed("code_tables", "lnotab", struct.pack("<h", 30) + bytes([0, 0, 6, 2, 44, 0xFD, 255, 0, 10, 0x80]))


def bridge():
    def frame(value, payload=b""):
        head = json.dumps(value).encode()
        return struct.pack("<II", len(head), len(payload)) + head + payload

    hello = frame({"type": "hello", "protocol": 1, "debugger": "gdb", "version": "13"})
    seed("bridge", "hello", hello)
    scene = {"epoch": "1", "modules": "1", "stop": "1", "process": "live", "pid": 7, "arch": "i386:x86-64",
             "thread": 7, "frame": 0}
    modules = {"mappings": [{"start": 4096, "end": 8192, "offset": 0, "path": "/bin/python3", "rights": "r-xp"}],
               "modules": [["/bin/python3", 4096]], "auxv": [[3, 4160], [9, 4200]]}
    threads = [{"tid": 7, "name": "python3", "registers": {"rip": 4200, "rsp": 7000}}]
    for name in ("bt", "locals", "print", "object", "threads", "list", "up", "info", "report"):
        talk = hello + frame({"type": "command", "id": 1, "name": name, "args": "x[0].y", "scene": scene})
        for id, body in enumerate([modules, threads, [4096], [0], [], {}, None], 1):
            talk += frame({"type": "answer", "id": id, "body": body}, bytes(4096) if body == [4096] else b"")
        seed("bridge", name, talk)


def texts():
    for index, path in enumerate(["self.items[3]['key'].name", "@0x7f00deadbeef[-1]", "x['\\u00e9\\n']", "a..b", "[1"]):
        seed("object_path", str(index), path.encode())
    seed("procfs", "maps", b"00400000-00401000 r-xp 00001000 08:01 42    /a b/py  (x) (deleted)\n"
         b"7ffd0-7ffe0 rw-p 00000000 00:00 0   [stack]\n1-2 r--p 0 0:0 7 /new\\012line\n")
    seed("procfs", "status", b"Name:\tpython\nNSpid:\t4711\t12\t1\nTracerPid:\t0\n")
    seed("procfs", "auxv", struct.pack("<6Q", 3, 0x400040, 9, 0x401000, 0, 0))
    seed("triage_files", "rules", b'format = 1\n[limits]\ncoarse_frames = 3\nexact_frames = 9\n'
         b'[[native]]\nfunctions = ["abort", "__GI_*"]\nkeep = false\n')
    seed("triage_files", "baseline", b'format = 1\n[[crash]]\nid = "ab12"\ntitle = "x"\nstatus = "ignored"\nsignature = []\n')
    seed("triage_files", "row", json.dumps({"format": 1, "dump": "a.tar::core.7", "outcome": "ok", "python": "3.12.1",
                                            "report": {"schema_version": "1.1", "threads": []}}).encode())
    seed("triage_files", "names", b"_ZN5boost6python3api6objectD1Ev\n__GI___libc_free.cold.17\n_RNvC4shop3run\n"
         b"/usr/lib/x86_64-linux-gnu/libc.so.6\n/site-packages/numpy/core/_multiarray.cpython-312-x86_64-linux-gnu.so\n"
         b"f.<locals>.<lambda>\n<frozen importlib._bootstrap>\nobject at 0x7f00deadbeef has 17 items\n")


if __name__ == "__main__":
    shutil.rmtree(SEEDS, ignore_errors=True)
    for part in (dumps, images, archives, compressed, layouts, code_tables, bridge, texts):
        part()
    total = sum(path.stat().st_size for path in SEEDS.rglob("*") if path.is_file())
    print(f"{total} bytes of seeds")
