"""Files that hold checkpoints: what each is, and the objects in it.

torch.save files and pickles are read by torch_files.py, safetensors by safetensors.py. Here the
format is told from the first bytes, and .npy files (numpy.lib.format) and folders of the Hugging
Face hub are read.
"""

import os
import re
import struct
from typing import Any, Dict, List, Optional, Tuple

from . import safetensors, strict_json, torch_files
from .errors import ConvertError, brief, listed
from .objects import Bag, as_tensor
from .sources import FileSource, Source
from .tensors import Storage, Tensor, numpy_dtype, product, strides_of, view

NPY_HEADER_MAX = 1 << 16
NAME_MAX = 500          # characters of the name of a tensor
NAMES_MAX = 1 << 26     # characters of all names of a checkpoint
MODULE_DEPTH = 64       # levels of dictionaries or modules

# Weight files of a folder, as the Hugging Face hub names them, best first.
FOLDER_FILES = ("model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors",
                "open_clip_pytorch_model.bin")


class Checkpoint:
    """What a file holds: `root`, plain data with tensors and Bags, and where it came from."""

    def __init__(self, path: str, form: str, root: Any, folder: Optional[str] = None,
                 metadata: Optional[Dict[str, str]] = None, foreign: Tuple[str, ...] = ()):
        self.path, self.form, self.root = path, form, root
        self.metadata = metadata or {}  # of a safetensors file
        self.folder = folder if folder is not None else os.path.dirname(path) or "."
        self.foreign = foreign  # names of classes whose objects are not looked at


def read_checkpoint(path: str) -> Checkpoint:
    """Opens a file or folder of any supported format. Errors name the path."""
    try:
        if os.path.isdir(path):
            return read_folder(path)
        return read_weight_file(path)
    except OSError as error:
        raise ConvertError("%s: %s" % (path, error.strerror or error))


def read_weight_file(path: str) -> Checkpoint:
    """Opens one file. Errors name the path."""
    source = FileSource(path)
    if source.size == 0:
        raise ConvertError("%s: the file is empty" % path)
    try:
        return read_file(source, path)
    except ConvertError as error:
        text = str(error)
        raise error if text.startswith(path) else ConvertError("%s: %s" % (path, text))


def read_file(source: Source, path: str) -> Checkpoint:
    """Tells the format by the first bytes and reads the file."""
    head = source.read(0, min(16, source.size))
    if head.startswith(b"\x93NUMPY"):
        return Checkpoint(path, "npy", read_npy(source))
    if safetensors.looks_like(head):
        tensors, metadata = safetensors.read_safetensors(source)
        return Checkpoint(path, "safetensors", tensors, metadata=metadata)
    if torch_files.looks_like(head):
        found = torch_files.read_torch(source, path)
        return Checkpoint(path, found.form, found.root, foreign=tuple(found.foreign))
    raise ConvertError("%s: %s" % (path, unknown_format(head)))


def unknown_format(head: bytes) -> str:
    """Words for a file that is no checkpoint, and for what it may be."""
    if head.startswith(b"version https:/"):
        return "a Git LFS pointer, not the file that it stands for; fetch it with 'git lfs pull'"
    if head.lstrip()[:1] == b"<":
        return "a web page, not a checkpoint; the download went wrong"
    if head.startswith(b"\x1f\x8b"):
        return "a gzip file; unpack it first"
    return "not a checkpoint: neither torch.save, TorchScript, pickle, safetensors nor .npy"


# ---- .npy ----

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
            part = read_weight_file(whole)
            return Checkpoint(whole, "folder", part.root, path, part.metadata, part.foreign)
        index = whole + ".index.json"
        if os.path.exists(index):
            return Checkpoint(index, "folder", read_shards(index, path), path)
    raise ConvertError("%s: the folder has none of %s" % (path, listed(FOLDER_FILES)))


def read_shards(index: str, folder: str) -> Dict[str, Any]:
    """The tensors of all files that an index names. The files must lie in the folder itself."""
    table = strict_json.read(index)
    names = table.get("weight_map") if isinstance(table, dict) else None
    if not isinstance(names, dict) or not all(isinstance(n, str) for n in names.values()):
        raise ConvertError("%s: no weight_map in it" % index)
    out: Dict[str, Any] = {}
    for name in sorted(set(names.values())):
        if name in ("", ".", "..") or re.search(r"[/\\\x00-\x1f]", name):
            raise ConvertError("%s: refused: it names a file elsewhere, '%s'" % (index, brief(name, 200)))
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            raise ConvertError("%s: it names a file that is not in the folder, %s" % (index, brief(name, 200)))
        root = read_weight_file(path).root
        if not isinstance(root, dict):
            raise ConvertError("%s: holds no tensors by name" % path)
        twice = sorted(str(key) for key in set(root) & set(out) if isinstance(key, str))
        if twice:
            raise ConvertError("%s: also has %s" % (path, listed(twice, 3)))
        out.update(root)
    return out


# ---- the tensors of an object ----

def tensors_of(root: Any) -> Dict[str, Tensor]:
    """The named tensors below an object: a state dict, nested dictionaries, or Bags (TorchScript's
    attributes; the _parameters, _buffers and _modules of an nn.Module)."""
    out: Dict[str, Tensor] = {}
    todo: List[Tuple[str, Any, int]] = [("", root, 0)]
    seen = set()
    left = NAMES_MAX
    while todo:
        prefix, node, depth = todo.pop()
        if id(node) in seen or depth > MODULE_DEPTH:
            continue
        seen.add(id(node))
        for name, value in children_of(node):
            tensor = as_tensor(value)
            if tensor is None and not isinstance(value, (dict, Bag)):
                continue
            full = checked_name(prefix, name)
            left -= len(full)
            if left < 0:
                raise ConvertError("refused: the names of the tensors have more than %d characters" % NAMES_MAX)
            if tensor is not None:
                out[full] = tensor
            else:
                todo.append((full + ".", value, depth + 1))
    return out


def checked_name(prefix: str, name: str) -> str:
    """The name of a tensor or of a level; cfedit reads names as text without zero bytes."""
    if len(prefix) + len(name) > NAME_MAX:
        raise ConvertError("refused: a tensor name of %d characters" % (len(prefix) + len(name)))
    if re.search("[\0\ud800-\udfff]", name):
        raise ConvertError("refused: a tensor name that is no text: %s" % brief(prefix + name, 200))
    return prefix + name


def dictionary(value: Any) -> Dict[Any, Any]:
    """A dictionary of the file, or an empty one where the file has something else."""
    return value if isinstance(value, dict) else {}


def children_of(node: Any) -> List[Tuple[str, Any]]:
    """Names and values one level below a dictionary or an object."""
    items = node.state if isinstance(node, Bag) else node
    if isinstance(node, Bag) and isinstance(items.get("_parameters"), dict):
        merged: Dict[Any, Any] = {}
        for group in ("_parameters", "_buffers", "_modules"):
            merged.update(dictionary(items.get(group)))
        items = merged
    return [(name, value) for name, value in items.items() if isinstance(name, str)]


def modules_of(root: Bag) -> Dict[str, Bag]:
    """The modules of a pickled nn.Module by their paths; the path of the root is ""."""
    out: Dict[str, Bag] = {}
    todo: List[Tuple[str, Bag, int]] = [("", root, 0)]
    seen = set()
    while todo:
        path, bag, depth = todo.pop()
        if id(bag) in seen or depth > MODULE_DEPTH:
            continue
        seen.add(id(bag))
        out[path] = bag
        for name, value in dictionary(bag.state.get("_modules")).items():
            if isinstance(value, Bag) and isinstance(name, str):
                todo.append((checked_name(path + "." if path else "", name), value, depth + 1))
    return out
