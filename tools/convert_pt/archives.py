"""Zip archives: entries by their names, as sources of bytes."""

import io
import struct
import zipfile
from typing import Dict

from .budget import Budget
from .errors import ConvertError, printable
from .sources import InflatedSource, Source


DIRECTORY_MAX = 1 << 24  # bytes; PyTorch writes a hundred for each tensor


class SourceFile(io.RawIOBase):
    """A source as the file object that zipfile wants. zipfile reads the whole directory at once and
    makes of it ten times as much in memory, so a read has a limit."""

    def __init__(self, source: Source):
        self.source, self.at = source, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self.at, self.source.size)[whence]
        if at < 0:
            raise ValueError("before the beginning")
        self.at = at
        return at

    def read(self, count: int = -1) -> bytes:
        left = max(self.source.size - self.at, 0)
        count = left if count is None or count < 0 else min(count, left)
        if count > DIRECTORY_MAX:
            raise ValueError("a directory of %d bytes" % count)
        data = self.source.read(self.at, count)
        self.at += count
        return data


class Archive:
    """The entries of a zip archive. The directory is read by zipfile; entries that are stored as
    they are, as PyTorch stores them, are read in place."""

    def __init__(self, source: Source, path: str, budget: Budget):
        self.source, self.path, self.budget = source, path, budget
        try:
            infos = zipfile.ZipFile(SourceFile(source)).infolist()
        except (zipfile.BadZipFile, ValueError, struct.error, OverflowError, NotImplementedError,
                UnicodeDecodeError):
            raise ConvertError("%s: a truncated or damaged zip archive; fetch the file again" % path)
        self.entries: Dict[str, zipfile.ZipInfo] = {i.filename: i for i in infos}

    def open(self, name: str) -> Source:
        """An entry. An entry that would unpack to more than the budget has left is refused."""
        info = self.entries.get(name)
        shown = printable(name, 200)
        if info is None:
            raise ConvertError("%s: the archive has no entry %s" % (self.path, shown))
        header = self.source.part(info.header_offset, 30).read(0, 30)
        if header[:4] != b"PK\x03\x04" or info.flag_bits & 1:
            raise ConvertError("%s: entry %s of the archive is damaged" % (self.path, shown))
        name_size, extra_size = struct.unpack("<HH", header[26:30])
        data = self.source.part(info.header_offset + 30 + name_size + extra_size, info.compress_size)
        if info.compress_type == zipfile.ZIP_DEFLATED:
            self.budget.check_unpacked(info.file_size)
            return InflatedSource(data, info.file_size, name, self.budget)
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ConvertError("%s: entry %s is packed in an unknown way" % (self.path, shown))
        return data
