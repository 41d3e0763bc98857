"""Bytes of files, storages, and tensors that are read only when they are written.

A PyTorch tensor is a view (offset, shape and strides, in elements) of a storage, a run of
numbers that several tensors may share. Here a Storage knows where its bytes are and a Tensor
knows how to load itself; between recognising a checkpoint and writing the result nothing
larger than one tensor is in memory.
"""

import os
import zlib
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .errors import ConvertError, printable

Shape = Tuple[int, ...]

INFLATED_MAX = 1 << 34  # bytes of one packed entry of an archive
DIRECT_READ = 1 << 24   # bytes of a view's extent that are read at once
MAX_DIMS = 32


class DType(NamedTuple):
    """A type of numbers: safetensors' word, NumPy's letters, bytes. NumPy has no bfloat16:
    its numbers travel as uint16, the upper halves of float32 numbers."""

    code: str
    numpy: str
    size: int

    @property
    def is_float(self) -> bool:
        return "F" in self.code


DTYPES: Dict[str, DType] = {
    code: DType(code, letters, int(letters[1]))
    for code, letters in (("F64", "f8"), ("F32", "f4"), ("F16", "f2"), ("BF16", "u2"), ("I64", "i8"),
                          ("I32", "i4"), ("I16", "i2"), ("I8", "i1"), ("U8", "u1"), ("BOOL", "b1"))
}
F32 = DTYPES["F32"]
U8 = DTYPES["U8"]


def numpy_dtype(letters: str) -> Tuple[DType, str]:
    """"<f4" -> its type and "<" or ">"."""
    order = letters[0] if letters[:1] in ("<", ">", "=", "|") else "="
    kind = letters.lstrip("<>=|")
    for dtype in DTYPES.values():
        if dtype.numpy == kind and dtype.code != "BF16":
            return dtype, ">" if order == ">" else "<"
    raise ConvertError("arrays of NumPy type '%s' are not supported" % printable(letters, 40))


# ---- sources of bytes ----

class Source:
    """`size` bytes that can be read in any order."""

    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes."""
        raise NotImplementedError

    def part(self, offset: int, size: int) -> "Source":
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ConvertError("the file is truncated")
        return PartSource(self, offset, size)


class FileSource(Source):
    """A file, open until close_files(): tensors are read from it while the result is written."""

    opened: List["FileSource"] = []

    def __init__(self, path: str):
        self.path = path
        self.file = open(path, "rb", buffering=0)
        FileSource.opened.append(self)
        self.size = os.fstat(self.file.fileno()).st_size

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


def close_files() -> None:
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
    def __init__(self, data: bytes):
        self.data, self.size = data, len(data)

    def read(self, offset: int, count: int) -> bytes:
        if count < 0 or offset + count > self.size:
            raise ConvertError("the data end too early")
        return self.data[offset:offset + count]


class InflatedSource(Source):
    """An entry that an archive holds deflated, as re-packed archives do. It is unpacked when it is
    first read, and only the entry read last is kept."""

    kept: Tuple[Optional["InflatedSource"], bytes] = (None, b"")

    def __init__(self, packed: Source, size: int, name: str):
        if size > INFLATED_MAX:
            raise ConvertError("entry %s claims %d bytes" % (name, size))
        self.packed, self.size, self.name = packed, size, name

    def read(self, offset: int, count: int) -> bytes:
        if InflatedSource.kept[0] is not self:
            InflatedSource.kept = (None, b"")
            try:
                data = zlib.decompressobj(-15).decompress(self.packed.read(0, self.packed.size),
                                                          self.size + 1)
            except zlib.error as error:
                raise ConvertError("entry %s is damaged (%s)" % (self.name, error))
            if len(data) != self.size:
                raise ConvertError("entry %s is damaged (its length)" % self.name)
            InflatedSource.kept = (self, data)
        if count < 0 or offset + count > self.size:
            raise ConvertError("entry %s is too short" % self.name)
        return InflatedSource.kept[1][offset:offset + count]


# ---- storages and tensors ----

class Storage:
    """`count` numbers of one type and byte order, somewhere in a source."""

    def __init__(self, source: Optional[Source], dtype: DType, count: int, order: str = "<",
                 offset: int = 0):
        self.source = source  # None until an old file's data have been found
        self.dtype, self.count, self.order, self.offset = dtype, count, order, offset

    def read(self, first: int, count: int) -> np.ndarray:
        """Numbers first .. first + count - 1, in the storage's byte order."""
        if self.source is None:
            raise ConvertError("the data of a storage are missing")
        size = self.dtype.size
        data = self.source.read(self.offset + first * size, count * size)
        letters = "u1" if self.dtype.code == "BOOL" else self.dtype.numpy
        return np.frombuffer(data, dtype=np.dtype(self.order + letters))

    def slice(self, first: int, count: int) -> "Storage":
        if first < 0 or count < 0 or first + count > self.count:
            raise ConvertError("a view of a storage reaches beyond it")
        return StorageView(self, first, count)


class StorageView(Storage):
    """A part of another storage, as old files have them."""

    def __init__(self, root: Storage, first: int, count: int):
        super().__init__(None, root.dtype, count, root.order)
        self.root, self.first = root, first

    def read(self, first: int, count: int) -> np.ndarray:
        return self.root.read(self.first + first, count)


def product(shape: Sequence[int]) -> int:
    n = 1
    for size in shape:
        n *= size
    return n


class Tensor:
    """A tensor that `load` makes when it is asked for: a C-contiguous array in native byte order of
    `dtype`'s NumPy type and of shape `shape`."""

    def __init__(self, dtype: DType, shape: Sequence[int], load: Callable[[], np.ndarray]):
        self.dtype, self.shape, self.load = dtype, tuple(shape), load

    @property
    def numel(self) -> int:
        return product(self.shape)

    def values(self) -> np.ndarray:
        """The numbers, bfloat16 as float32."""
        return widened(self.load(), self.dtype)


def widened(array: np.ndarray, dtype: DType) -> np.ndarray:
    """Raw numbers of a type as numbers to compute with."""
    if dtype.code != "BF16":
        return array
    return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)


def from_array(array: np.ndarray) -> Tensor:
    dtype, _ = numpy_dtype(array.dtype.str)
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(array.shape)
    return Tensor(dtype, array.shape, lambda: native)


def view(storage: Storage, offset: int, shape: Sequence[int], stride: Sequence[int]) -> Tensor:
    """The tensor of `shape` whose element (i, j, ...) is number offset + i stride[0] + j stride[1]
    + ... of the storage. All four come from a file and are checked."""
    numbers = [offset, *shape, *stride]
    if len(shape) != len(stride) or len(shape) > MAX_DIMS or \
            any(type(n) is not int or n < 0 for n in numbers):
        raise ConvertError("a tensor's shape and strides make no sense")
    count = product(shape)
    last = sum((n - 1) * s for n, s in zip(shape, stride)) if count else -1
    if offset + last >= storage.count and count:
        raise ConvertError("a tensor reaches beyond its storage of %d numbers" % storage.count)
    if count > max(storage.count, 1 << 20):
        raise ConvertError("a tensor of shape %s repeats a storage of %d numbers" %
                           (tuple(shape), storage.count))
    fixed_shape, fixed_stride = tuple(shape), tuple(stride)

    def load() -> np.ndarray:
        array = read_view(storage, offset, fixed_shape, fixed_stride)
        return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(fixed_shape)

    return Tensor(storage.dtype, fixed_shape, load)


def read_view(storage: Storage, offset: int, shape: Shape, stride: Shape) -> np.ndarray:
    """Reads no more of the storage than the view spans; where it spans much more than it has, one
    slice after another."""
    count = product(shape)
    extent = 1 + sum((n - 1) * s for n, s in zip(shape, stride)) if count else 0
    wide = [axis for axis in range(len(shape)) if shape[axis] > 1]
    if wide and extent > 2 * count and extent * storage.dtype.size > DIRECT_READ:
        axis = max(wide, key=lambda a: stride[a])
        rest = [a for a in range(len(shape)) if a != axis]
        sub_shape, sub_stride = tuple(shape[a] for a in rest), tuple(stride[a] for a in rest)
        return np.stack([read_view(storage, offset + i * stride[axis], sub_shape, sub_stride)
                         for i in range(shape[axis])], axis=axis)
    flat = storage.read(offset, extent)
    steps = [s * flat.dtype.itemsize for s in stride]
    return np.lib.stride_tricks.as_strided(flat, shape, steps)


# ---- tensors made of tensors ----

def reshaped(t: Tensor, shape: Sequence[int]) -> Tensor:
    if product(shape) != t.numel:
        raise ConvertError("a tensor of shape %s cannot be %s" % (t.shape, tuple(shape)))
    return Tensor(t.dtype, shape, lambda: t.load().reshape(tuple(shape)))


def transposed(t: Tensor) -> Tensor:
    """(A,B) -> (B,A)."""
    return Tensor(t.dtype, t.shape[::-1], lambda: np.ascontiguousarray(t.load().T))


def scaled(t: Tensor, factor: float) -> Tensor:
    """t times a number, in float32; t itself where the number is 1 but for rounding."""
    if abs(factor - 1.0) < 1e-6:
        return t
    return Tensor(F32, t.shape, lambda: (t.values().astype(np.float64) * factor).astype(np.float32))


def joined(parts: Sequence[Tensor]) -> Tensor:
    """One below the other along the first axis; different types become float32."""
    first = parts[0]
    same = all(p.dtype == first.dtype for p in parts)
    dtype = first.dtype if same else F32
    if any(p.shape[1:] != first.shape[1:] for p in parts):
        raise ConvertError("tensors of shapes %s and %s cannot be joined" %
                           (first.shape, next(p.shape for p in parts if p.shape[1:] != first.shape[1:])))
    shape = (sum(p.shape[0] for p in parts),) + first.shape[1:]

    def load() -> np.ndarray:
        out = np.empty(shape, dtype="u1" if dtype.code == "BOOL" else dtype.numpy)
        at = 0
        for p in parts:
            out[at:at + p.shape[0]] = p.load() if same else p.values()
            at += p.shape[0]
        return out

    return Tensor(dtype, shape, load)
