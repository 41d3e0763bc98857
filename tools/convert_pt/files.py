"""Files that hold checkpoints: what each is, and the objects in it.

Formats, and where they are described:

* torch.save since PyTorch 1.6 and TorchScript: a zip archive, all entries below one folder:
  data.pkl (the object), data/KEY (raw storages, as a rule not deflated), byteorder ("little" or
  "big", since 2.1), version; TorchScript adds code/ and constants.pkl
  (pytorch/docs/source/notes/serialization.rst, caffe2/serialize/inline_container.h);
* torch.save before: five things one after another: pickles of a magic number, of the version 1001, of a
  dictionary on the writer's machine, of the object, of the list of storage keys; then for each key a
  64-bit count of numbers and the numbers, always little-endian (torch/serialization.py, _legacy_save);
* plain pickles, as NVIDIA's: storages are torch.save files of the second sort inside bytes objects;
* safetensors: 64-bit length, a JSON header, raw data (github.com/huggingface/safetensors);
* .npy (numpy.lib.format).
"""

import io
import json
import os
import re
import struct
import zipfile
from typing import Any, Dict, List, Optional, Tuple

from .errors import ConvertError, listed, printable
from .pickles import Bag, Known, Unpickler, as_tensor, strides_of
from .tensors import (DTYPES, DType, FileSource, InflatedSource, Source, Storage, Tensor, numpy_dtype,
                      product, view)

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
PICKLE_MAX = 1 << 30  # bytes of the data.pkl of an archive
HEADER_MAX = 100000000
NPY_HEADER_MAX = 1 << 16
PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))

# Weight files of a folder, as the Hugging Face hub names them, best first.
FOLDER_FILES = ("model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors",
                "open_clip_pytorch_model.bin")


class Checkpoint:
    """What a file holds: `root`, plain data with tensors and Bags, and where it came from."""

    def __init__(self, path: str, form: str, root: Any, folder: Optional[str] = None,
                 metadata: Optional[Dict[str, str]] = None):
        self.path, self.form, self.root = path, form, root
        self.metadata = metadata or {}  # of a safetensors file
        self.folder = folder if folder is not None else os.path.dirname(path) or "."


def read_checkpoint(path: str) -> Checkpoint:
    """Opens a file or folder of any supported format. Errors name the path."""
    try:
        if os.path.isdir(path):
            return read_folder(path)
        source = FileSource(path)
    except OSError as error:
        raise ConvertError("%s: %s" % (path, error.strerror or error))
    if source.size == 0:
        raise ConvertError("%s: the file is empty" % path)
    try:
        return read_file(source, path)
    except ConvertError as error:
        text = str(error)
        raise error if text.startswith(path) else ConvertError("%s: %s" % (path, text))


def read_file(source: Source, path: str) -> Checkpoint:
    head = source.read(0, min(16, source.size))
    if head.startswith(b"\x93NUMPY"):
        return Checkpoint(path, "npy", read_npy(source))
    if len(head) >= 10 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= HEADER_MAX:
        tensors, metadata = read_safetensors(source)
        return Checkpoint(path, "safetensors", tensors, metadata=metadata)
    if head[:2] == b"PK" or head[:2] in PICKLES:
        return read_torch(source, path)
    raise ConvertError("%s: %s" % (path, unknown_format(head)))


def unknown_format(head: bytes) -> str:
    """What a file may be that is no checkpoint."""
    if head.startswith(b"version https:/"):
        return "a Git LFS pointer, not the file that it stands for; fetch it with 'git lfs pull'"
    if head.lstrip()[:1] == b"<":
        return "a web page, not a checkpoint; the download went wrong"
    if head.startswith(b"\x1f\x8b"):
        return "a gzip file; unpack it first"
    return "not a checkpoint: neither torch.save, TorchScript, pickle, safetensors nor .npy"


# ---- torch.save, TorchScript and plain pickles ----

def read_torch(source: Source, path: str) -> Checkpoint:
    if source.read(0, min(2, source.size)) == b"PK":
        return read_archive(source, path)
    return read_stream(source, path)


def storage_id(pid: Any, where: str) -> Tuple[DType, str, int, Any]:
    """("storage", type, key, location, count[, view]) -> type, key, count, view."""
    if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
        what = pid[0] if isinstance(pid, tuple) and pid and isinstance(pid[0], str) else pid
        raise ConvertError("%s: refused: the pickle refers to '%s' outside it; only weights are "
                           "read, no whole modules" % (where, printable(str(what), 60)))
    kind, key, count = pid[1], pid[2], pid[4]
    if not isinstance(kind, Known) or kind.dtype is None or type(count) is not int or count < 0 or \
            not isinstance(key, (str, int)):
        raise ConvertError("%s: a storage of unknown type" % where)
    return kind.dtype, str(key), count, pid[5] if len(pid) > 5 else None


class Archive:
    """The entries of a zip archive as sources. The directory is zipfile's work; the data of stored
    entries are read in place."""

    def __init__(self, source: Source, path: str):
        self.source, self.path = source, path
        try:
            self.entries = {i.filename: i for i in zipfile.ZipFile(SourceFile(source)).infolist()}
        except (zipfile.BadZipFile, ValueError, struct.error, OverflowError, NotImplementedError,
                UnicodeDecodeError):
            raise ConvertError("%s: a truncated or damaged zip archive; fetch the file again" % path)

    def open(self, name: str) -> Source:
        info = self.entries.get(name)
        if info is None:
            raise ConvertError("%s: the archive has no entry %s" % (self.path, printable(name, 200)))
        header = self.source.read(info.header_offset, 30)
        if header[:4] != b"PK\x03\x04" or info.flag_bits & 1:
            raise ConvertError("%s: entry %s of the archive is damaged" % (self.path, name))
        name_size, extra_size = struct.unpack("<HH", header[26:30])
        data = self.source.part(info.header_offset + 30 + name_size + extra_size, info.compress_size)
        if info.compress_type == zipfile.ZIP_DEFLATED:
            return InflatedSource(data, info.file_size, name)
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ConvertError("%s: entry %s is packed in an unknown way" % (self.path, name))
        return data


class SourceFile(io.RawIOBase):
    """A source as the file object that zipfile wants."""

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
        data = self.source.read(self.at, count)
        self.at += count
        return data


def read_archive(source: Source, path: str) -> Checkpoint:
    archive = Archive(source, path)
    pickles = [n for n in archive.entries if n == "data.pkl" or n.endswith("/data.pkl")]
    if not pickles:
        raise ConvertError("%s: a zip archive, but not one of PyTorch: it has no data.pkl" % path)
    main = min(pickles, key=lambda n: (n.count("/"), n))
    folder = main[:-len("data.pkl")]
    order = "<"
    if folder + "byteorder" in archive.entries:
        word = archive.open(folder + "byteorder")
        order = ">" if word.read(0, min(word.size, 16)).strip() == b"big" else "<"
    storages: Dict[str, Storage] = {}

    def persistent(pid: Any) -> Storage:
        dtype, key, count, _view = storage_id(pid, path)
        name = "%s %s" % (dtype.code, key)
        if name not in storages:
            data = archive.open("%sdata/%s" % (folder, key))
            if count * dtype.size > data.size:
                raise ConvertError("%s: storage %s is shorter than the pickle says" %
                                   (path, printable(key, 60)))
            storages[name] = Storage(data, dtype, count, order)
        return storages[name]

    data = archive.open(main)
    if data.size > PICKLE_MAX:
        raise ConvertError("%s: data.pkl claims %d bytes" % (path, data.size))
    root = Unpickler(data, 0, persistent, path).run()
    script = folder + "constants.pkl" in archive.entries or \
        any(n.startswith(folder + "code/") for n in archive.entries)
    return Checkpoint(path, "TorchScript" if script else "torch", root)


def read_stream(source: Source, path: str) -> Checkpoint:
    """An old torch.save file, or a plain pickle."""
    head = Unpickler(source, 0, None, path)
    first = head.run()
    if type(first) is not int or first != MAGIC:
        return Checkpoint(path, "pickle", first)
    machine = Unpickler(source, head.at, None, path)
    if machine.run() != VERSION:
        raise ConvertError("%s: an unknown version of the old torch.save format" % path)
    # The byte order that follows is the writing machine's; the data are little-endian on all.
    machine.run()
    roots: Dict[str, Storage] = {}
    views: Dict[str, Storage] = {}

    def persistent(pid: Any) -> Storage:
        dtype, key, count, part = storage_id(pid, path)
        root = roots.setdefault(key, Storage(None, dtype, count))
        if part is None:
            return root
        view_key, first_number, size = part
        if str(view_key) not in views:
            views[str(view_key)] = root.slice(first_number, size)
        return views[str(view_key)]

    body = Unpickler(source, machine.at, persistent, path)
    root = body.run()
    tail = Unpickler(source, body.at, None, path)
    keys = tail.run()
    if not isinstance(keys, list):
        raise ConvertError("%s: the list of storages is damaged" % path)
    at = tail.at
    for key in keys:
        storage = roots.get(str(key))
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
    return Checkpoint(path, "torch", root)


# ---- safetensors and .npy ----

def read_json(data: bytes, where: str) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ConvertError("%s is not JSON" % where)


def read_safetensors(source: Source) -> Tuple[Dict[str, Tensor], Dict[str, str]]:
    """The tensors and the metadata."""
    length = struct.unpack("<Q", source.read(0, 8))[0]
    if length > min(HEADER_MAX, source.size - 8):
        raise ConvertError("the safetensors file is truncated")
    header = read_json(source.read(8, length), "the safetensors header")
    if not isinstance(header, dict):
        raise ConvertError("the safetensors header is damaged")
    metadata = header.pop("__metadata__", None)
    out: Dict[str, Tensor] = {}
    for name, info in header.items():
        try:
            shape = tuple(info["shape"])
            first, last = info["data_offsets"]
            code = info["dtype"]
            fits = all(type(n) is int and n >= 0 for n in (*shape, first, last))
        except (KeyError, TypeError, ValueError):
            raise ConvertError("the safetensors header is damaged at %s" % name)
        if code not in DTYPES:
            continue  # a type that no network here has; the name will be reported missing
        dtype = DTYPES[code]
        if not fits or last - first != product(shape) * dtype.size:
            raise ConvertError("the safetensors header contradicts itself at %s" % name)
        if 8 + length + last > source.size:
            raise ConvertError("the safetensors file is truncated")
        storage = Storage(source, dtype, product(shape), "<", 8 + length + first)
        out[name] = view(storage, 0, shape, strides_of(shape))
    pairs = metadata.items() if isinstance(metadata, dict) else ()
    return out, {k: v for k, v in pairs if isinstance(v, str)}


def read_npy(source: Source) -> Tensor:
    """Magic, version, length of a header, which is a Python dictionary of three entries, data."""
    wide = source.read(6, 1)[0] >= 2 if source.size > 12 else False
    start = 12 if wide else 10
    if source.size < start:
        raise ConvertError("the .npy file is truncated")
    length = struct.unpack("<I" if wide else "<H", source.read(8, start - 8))[0]
    if start + length > source.size:
        raise ConvertError("the .npy file is truncated")
    header = source.read(start, min(length, NPY_HEADER_MAX)).decode("latin-1")
    letters = re.search(r"'descr': *'([^']*)'", header)
    fortran = re.search(r"'fortran_order': *(True|False)", header)
    sizes = re.search(r"'shape': *\(([0-9, L]{0,400})\)", header)
    if letters is None or "O" in letters.group(1):
        raise ConvertError("refused: the .npy file holds Python objects or records, not numbers")
    if fortran is None or sizes is None:
        raise ConvertError("the header of the .npy file is damaged")
    shape = tuple(int(n) for n in re.findall(r"\d+", sizes.group(1)))
    dtype, order = numpy_dtype(letters.group(1))
    start += length
    if start + product(shape) * dtype.size > source.size:
        raise ConvertError("the .npy file is truncated")
    storage = Storage(source, dtype, product(shape), order, start)
    return view(storage, 0, shape, strides_of(shape, fortran.group(1) == "True"))


# ---- folders ----

def read_folder(path: str) -> Checkpoint:
    """A folder of the Hugging Face hub: one weight file, or an index of several."""
    for name in FOLDER_FILES:
        whole = os.path.join(path, name)
        if os.path.exists(whole):
            part = read_checkpoint(whole)
            return Checkpoint(whole, "folder", part.root, path, part.metadata)
        index = whole + ".index.json"
        if os.path.exists(index):
            return Checkpoint(index, "folder", read_shards(index, path), path)
    raise ConvertError("%s: the folder has none of %s" % (path, listed(FOLDER_FILES)))


def read_shards(index: str, folder: str) -> Dict[str, Tensor]:
    with open(index, "rb") as file:
        table = read_json(file.read(), index)
    names = table.get("weight_map") if isinstance(table, dict) else None
    if not isinstance(names, dict) or not all(isinstance(n, str) for n in names.values()):
        raise ConvertError("%s: no weight_map in it" % index)
    out: Dict[str, Tensor] = {}
    for name in sorted(set(names.values())):
        if os.path.basename(name) != name:
            raise ConvertError("%s: refused: it names a file elsewhere, %s" % (index, name))
        root = read_checkpoint(os.path.join(folder, name)).root
        out.update(root if isinstance(root, dict) else {})
    return out


def tensors_of(root: Any) -> Dict[str, Tensor]:
    """The named tensors below an object: a state dict, nested dictionaries, or Bags (TorchScript's
    attributes; the _parameters, _buffers and _modules of an nn.Module)."""
    out: Dict[str, Tensor] = {}
    todo: List[Tuple[str, Any, int]] = [("", root, 0)]
    seen = set()
    while todo:
        prefix, node, depth = todo.pop()
        if id(node) in seen or depth > 64:
            continue
        seen.add(id(node))
        for name, value in children_of(node):
            tensor = as_tensor(value)
            if tensor is not None:
                out[prefix + name] = tensor
            elif isinstance(value, (dict, Bag)):
                todo.append((prefix + name + ".", value, depth + 1))
    return out


def children_of(node: Any) -> List[Tuple[str, Any]]:
    items = node.state if isinstance(node, Bag) else node
    if isinstance(node, Bag) and isinstance(items.get("_parameters"), dict):
        merged: Dict[Any, Any] = {}
        for group in ("_parameters", "_buffers", "_modules"):
            merged.update(items.get(group) or {})
        items = merged
    return [(name, value) for name, value in items.items() if isinstance(name, str)]


def modules_of(root: Bag) -> Dict[str, Bag]:
    """The modules of a pickled nn.Module by their paths; the root's is ""."""
    out: Dict[str, Bag] = {}
    todo: List[Tuple[str, Bag]] = [("", root)]
    while todo and len(out) < 100000:
        path, bag = todo.pop()
        out[path] = bag
        for name, value in (bag.state.get("_modules") or {}).items():
            if isinstance(value, Bag) and isinstance(name, str):
                todo.append((path + "." + name if path else name, value))
    return out
