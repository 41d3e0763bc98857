"""Files of torch.save and plain pickles.

Formats, and where they are described:

* torch.save since PyTorch 1.6, and TorchScript: a zip archive with all entries below one folder.
  data.pkl is the object, data/KEY are raw storages (as a rule not deflated), byteorder is "little"
  or "big" (since 2.1). TorchScript adds code/ and constants.pkl
  (pytorch/docs/source/notes/serialization.rst, caffe2/serialize/inline_container.h).
* torch.save before 1.6 (torch/serialization.py, _legacy_save): pickles one after another, of a
  magic number, of the version 1001, of a dictionary about the machine that wrote, of the object, and
  of the list of storage keys. Then for each key a 64-bit count of numbers and the numbers, always
  little-endian.
* Plain pickles, as NVIDIA's: each storage is a torch.save file from before 1.6 in a bytes object.
"""

import struct
from typing import Any, Callable, Dict, NamedTuple, Union

from .archives import Archive
from .budget import Budget
from .builders import Reading
from .errors import ConvertError, brief
from .objects import Bag, Known
from .pickles import Unpickler
from .sources import Source
from .tensors import DType, Storage

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
KEY_MAX = 200  # characters of the key of a storage
PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


class TorchFile(NamedTuple):
    """What a file is ("torch", "TorchScript" or "pickle"), the object in it, and the foreign
    classes in that."""

    form: str
    root: Any
    foreign: Dict[str, Known]


class StorageId(NamedTuple):
    """What a pickle says of a storage; `part` is a view of a storage, in old files."""

    dtype: DType
    key: str
    count: int
    part: Any


def looks_like(head: bytes) -> bool:
    """Whether a file that begins so is meant as one of the formats above."""
    return head[:2] == b"PK" or head[:2] in PICKLES


def read_torch(source: Source, path: str) -> TorchFile:
    """The object in a file."""
    reading = Reading(path, Budget(source.size), lambda r, inner: read_any(r, inner).root)
    return read_any(reading, source)


def read_any(reading: Reading, source: Source) -> TorchFile:
    """The object in a file, or in a file within bytes."""
    if source.read(0, min(2, source.size)) == b"PK":
        return read_archive(reading, source)
    return read_stream(reading, source)


def storage_id(pid: Any, where: str) -> Union[StorageId, Bag]:
    """("storage", type, key, location, count[, view]). A storage of a type that no network here has
    is a Bag."""
    if not isinstance(pid, tuple) or len(pid) < 5 or not isinstance(pid[0], str) or pid[0] != "storage":
        what = pid[0] if isinstance(pid, tuple) and pid else pid
        raise ConvertError("%s: refused: the pickle refers to '%s' outside it; only weights are "
                           "read, no whole modules" % (where, brief(what)))
    kind, key, count = pid[1], pid[2], pid[4]
    if isinstance(kind, Known) and kind.foreign:
        return Bag(kind.name, True)
    if not isinstance(kind, Known) or kind.dtype is None or type(count) is not int or count < 0:
        raise ConvertError("%s: a storage of unknown type" % where)
    return StorageId(kind.dtype, storage_key(key, where), count, pid[5] if len(pid) > 5 else None)


def storage_key(key: Any, where: str) -> str:
    """The name of a storage, which is a short text or a number."""
    if not isinstance(key, (str, int)) or isinstance(key, str) and len(key) > KEY_MAX:
        raise ConvertError("%s: a storage without a name" % where)
    return brief(key, KEY_MAX)


# ---- zip archives ----

def read_archive(reading: Reading, source: Source) -> TorchFile:
    """The object in a zip archive."""
    path = reading.path
    archive = Archive(source, path, reading.budget)
    pickles = [n for n in archive.entries if n == "data.pkl" or n.endswith("/data.pkl")]
    if not pickles:
        raise ConvertError("%s: a zip archive, but not one of PyTorch: it has no data.pkl" % path)
    main = min(pickles, key=lambda n: (n.count("/"), n))
    folder = main[:-len("data.pkl")]
    root = Unpickler(reading, archive.open(main), 0, storages_of(archive, folder)).run()
    script = folder + "constants.pkl" in archive.entries or \
        any(n.startswith(folder + "code/") for n in archive.entries)
    return TorchFile("TorchScript" if script else "torch", root, reading.foreign)


def byte_order(archive: Archive, folder: str) -> str:
    """"<" or ">"; files before PyTorch 2.1 have no byteorder and are little-endian."""
    if folder + "byteorder" not in archive.entries:
        return "<"
    word = archive.open(folder + "byteorder")
    if word.size > 16:
        raise ConvertError("%s: the byteorder of the archive is neither little nor big" % archive.path)
    return ">" if word.read(0, word.size).strip() == b"big" else "<"


def storages_of(archive: Archive, folder: str) -> Callable[[Any], Any]:
    """The function that finds the storages of an archive."""
    order = byte_order(archive, folder)
    storages: Dict[str, Storage] = {}

    def persistent(pid: Any) -> Any:
        found = storage_id(pid, archive.path)
        if isinstance(found, Bag):
            return found
        name = "%s %s" % (found.dtype.code, found.key)
        if name not in storages:
            data = archive.open("%sdata/%s" % (folder, found.key))
            if found.count * found.dtype.size > data.size:
                raise ConvertError("%s: storage %s is shorter than the pickle says" %
                                   (archive.path, brief(found.key)))
            storages[name] = Storage(data, found.dtype, found.count, order)
        return storages[name]

    return persistent


# ---- old files and plain pickles ----

def read_stream(reading: Reading, source: Source) -> TorchFile:
    """The object in an old file or plain pickle."""
    path = reading.path
    head = Unpickler(reading, source, 0, None)
    first = head.run()
    if type(first) is not int or first != MAGIC:
        return TorchFile("pickle", first, reading.foreign)
    machine = Unpickler(reading, source, head.at, None)
    version = machine.run()
    if type(version) is not int or version != VERSION:
        raise ConvertError("%s: an unknown version of the old torch.save format" % path)
    # The byte order that follows is the writing machine's; the data are little-endian on all.
    machine.run()
    roots: Dict[str, Storage] = {}
    views: Dict[str, Storage] = {}

    def persistent(pid: Any) -> Storage:
        found = storage_id(pid, path)
        if isinstance(found, Bag):
            raise ConvertError("%s: a storage of type %s, which is not supported" % (path, found.class_name))
        root = roots.setdefault(found.key, Storage(None, found.dtype, found.count))
        if found.part is None:
            return root
        if not isinstance(found.part, tuple) or len(found.part) != 3:
            raise ConvertError("%s: a view of a storage makes no sense" % path)
        key = storage_key(found.part[0], path)
        if key not in views:
            views[key] = root.slice(found.part[1], found.part[2])
        return views[key]

    body = Unpickler(reading, source, machine.at, persistent)
    root = body.run()
    tail = Unpickler(reading, source, body.at, None)
    find_data(source, path, roots, tail.run(), tail.at)
    return TorchFile("torch", root, reading.foreign)


def find_data(source: Source, path: str, roots: Dict[str, Storage], keys: Any, at: int) -> None:
    """Tells each storage of an old file where its numbers are; `at` is the offset of the first."""
    if not isinstance(keys, list):
        raise ConvertError("%s: the list of storages is damaged" % path)
    for key in keys:
        storage = roots.get(storage_key(key, path))
        if storage is None or at + 8 > source.size:
            raise ConvertError("%s: the file is truncated" % path)
        count = struct.unpack("<q", source.read(at, 8))[0]
        at += 8
        if count != storage.count or at + count * storage.dtype.size > source.size:
            raise ConvertError("%s: the file is truncated" % path)
        storage.source, storage.offset = source, at
        at += count * storage.dtype.size
    if any(s.source is None for s in roots.values()):
        raise ConvertError("%s: the data of a storage are missing" % path)
