"""Just enough of a 64-bit little-endian ELF reader to fill the manifest.

It answers three questions about an interpreter's files without needing binutils: does this file hold the runtime,
does it hold DWARF, and what is its build id.
"""

import struct
from pathlib import Path
from typing import Dict, Optional, Tuple

PT_LOAD = 1
SHT_NOTE = 7
NT_GNU_BUILD_ID = 3


class Elf:
    """The sections of one file; `bytes` of a section are read on demand."""

    def __init__(self, path: Path):
        self.data = path.read_bytes()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is not a 64-bit little-endian ELF file")
        (shoff,) = struct.unpack_from("<Q", self.data, 0x28)
        shentsize, shnum, shstrndx = struct.unpack_from("<HHH", self.data, 0x3A)
        headers = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * shentsize) for i in range(shnum)]
        names = headers[shstrndx]
        self.sections: Dict[str, Tuple] = {}
        for header in headers:
            start = names[4] + header[0]
            name = self.data[start:self.data.index(b"\0", start)].decode("latin-1")
            self.sections.setdefault(name, header)

    def section(self, name: str) -> bytes:
        """Contents of a section; empty when there is none of that name or it has no bytes in the file."""
        header = self.sections.get(name)
        if header is None or header[1] == 8:
            return b""
        return self.data[header[4]:header[4] + header[5]]

    def has_dwarf(self) -> bool:
        """True if the file itself carries debugging information (plain or compressed)."""
        return bool(self.section(".debug_info") or self.section(".zdebug_info"))

    def exports(self, symbol: str) -> bool:
        """True if the dynamic symbol table defines the symbol."""
        return self.symbol(symbol) is not None

    def symbol(self, symbol: str) -> Optional[int]:
        """Value of a symbol that the dynamic symbol table defines."""
        symbols, strings = self.section(".dynsym"), self.section(".dynstr")
        wanted = symbol.encode() + b"\0"
        for offset in range(0, len(symbols) - 23, 24):
            name, _info, _other, shndx, value = struct.unpack_from("<IBBHQ", symbols, offset)
            if shndx != 0 and strings.startswith(wanted, name):
                return value
        return None

    def offset(self, address: int) -> int:
        """Where in the file the bytes of an address are."""
        (phoff,) = struct.unpack_from("<Q", self.data, 0x20)
        phentsize, phnum = struct.unpack_from("<HH", self.data, 0x36)
        for index in range(phnum):
            kind, _flags, start, vaddr, _paddr, size = struct.unpack_from("<IIQQQQ", self.data, phoff + index * phentsize)
            if kind == PT_LOAD and vaddr <= address < vaddr + size:
                return start + address - vaddr
        raise ValueError(f"no segment has the address {address:#x}")

    def build_id(self) -> Optional[str]:
        """The GNU build id in hex."""
        note = self.section(".note.gnu.build-id")
        if len(note) < 16:
            return None
        namesz, descsz, kind = struct.unpack_from("<III", note)
        start = 12 + (namesz + 3) // 4 * 4
        if kind != NT_GNU_BUILD_ID:
            return None
        return note[start:start + descsz].hex()
