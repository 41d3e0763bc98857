"""Bytes that can be read in any order: a file, a part of it, an unpacked entry of an archive."""

import os
import stat
import zlib
from typing import List, Optional, Tuple

from .budget import Budget
from .errors import ConvertError, printable


class Source:
    """`size` bytes that can be read in any order."""

    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes."""
        raise NotImplementedError

    def part(self, offset: int, size: int) -> "Source":
        """`size` bytes from `offset` on, as a source; nothing is copied."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ConvertError("the file is truncated")
        return PartSource(self, offset, size)


class FileSource(Source):
    """A regular file. It stays open until close_files(), because tensors are read from it while the
    result is written."""

    opened: List["FileSource"] = []

    def __init__(self, path: str):
        self.path = path
        # Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        self.file = open(handle, "rb", buffering=0)
        FileSource.opened.append(self)
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ConvertError("%s: not a regular file" % path)
        self.size = status.st_size

    def read(self, offset: int, count: int) -> bytes:
        if count < 0 or offset + count > self.size:
            raise ConvertError("%s: the file is truncated" % self.path)
        self.file.seek(offset)
        parts, left = [], count
        while left > 0:
            part = self.file.read(left)
            if not part:
                raise ConvertError("%s: the file became shorter while it was read" % self.path)
            parts.append(part)
            left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def bytes_of_files() -> int:
    """The sizes of all open files together."""
    return sum(source.size for source in FileSource.opened)


def close_files() -> None:
    """Closes every file that was opened, and forgets the unpacked entry that was kept."""
    while FileSource.opened:
        FileSource.opened.pop().file.close()
    InflatedSource.kept = (None, b"")


class PartSource(Source):
    """Some bytes of another source."""

    def __init__(self, parent: Source, offset: int, size: int):
        self.parent, self.offset, self.size = parent, offset, size

    def read(self, offset: int, count: int) -> bytes:
        if count < 0 or offset + count > self.size:
            raise ConvertError("the file is truncated")
        return self.parent.read(self.offset + offset, count)


class BytesSource(Source):
    """Bytes in memory."""

    def __init__(self, data: bytes):
        self.data, self.size = data, len(data)

    def read(self, offset: int, count: int) -> bytes:
        if count < 0 or offset + count > self.size:
            raise ConvertError("the data end too early")
        return self.data[offset:offset + count]


class InflatedSource(Source):
    """An entry that an archive holds deflated, as re-packed archives do. The entry is unpacked when
    it is first read. Only the entry that was read last is kept in memory."""

    kept: Tuple[Optional["InflatedSource"], bytes] = (None, b"")

    def __init__(self, packed: Source, size: int, name: str, budget: Budget):
        self.packed, self.size, self.name, self.budget = packed, size, printable(name, 200), budget

    def read(self, offset: int, count: int) -> bytes:
        if InflatedSource.kept[0] is not self:
            InflatedSource.kept = (None, b"")
            self.budget.unpack(self.size)
            try:
                data = zlib.decompressobj(-15).decompress(self.packed.read(0, self.packed.size),
                                                          self.size + 1)
            except zlib.error as error:
                raise ConvertError("entry %s is damaged (%s)" % (self.name, error))
            if len(data) != self.size:
                raise ConvertError("entry %s is damaged: it does not unpack to the %d bytes that the archive "
                                   "tells" % (self.name, self.size))
            InflatedSource.kept = (self, data)
        if count < 0 or offset + count > self.size:
            raise ConvertError("entry %s is too short" % self.name)
        return InflatedSource.kept[1][offset:offset + count]
