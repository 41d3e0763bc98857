"""Storages and tensors. The numbers of a tensor are read only when they are written to the result.

A PyTorch tensor is a view (offset, shape and strides, in elements) of a storage, a run of
numbers that several tensors may share. Here a Storage knows where its bytes are, and a Tensor
knows how to load itself. From opening a checkpoint to writing the result, nothing
larger than one tensor is in memory.
"""

from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .errors import ConvertError, printable
from .sources import Source

Shape = Tuple[int, ...]

DIRECT_READ = 1 << 24   # bytes of a view's extent that are read at once
MAX_DIMS = 32           # NumPy's limit
MAX_BYTES = 1 << 62     # of one tensor; NumPy counts bytes in 64 bits, with axes of 0 taken as 1
REPEATED_MAX = 1 << 20  # numbers that a view may make of a smaller storage, by strides of 0


class DType(NamedTuple):
    """A type of numbers: the word of safetensors, the letters of NumPy, bytes. NumPy has no
    bfloat16; bfloat16 numbers travel as uint16, the upper halves of float32 numbers."""

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


# ---- storages and tensors ----

class Storage:
    """`count` numbers of one type and byte order, somewhere in a source."""

    def __init__(self, source: Optional[Source], dtype: DType, count: int, order: str = "<",
                 offset: int = 0):
        self.source = source  # None until an old file's data have been found
        self.dtype, self.count, self.order, self.offset = dtype, count, order, offset

    def read(self, first: int, count: int) -> np.ndarray:
        """Numbers first .. first + count - 1, in the byte order of the storage."""
        if self.source is None:
            raise ConvertError("the data of a storage are missing")
        size = self.dtype.size
        data = self.source.read(self.offset + first * size, count * size)
        letters = "u1" if self.dtype.code == "BOOL" else self.dtype.numpy
        return np.frombuffer(data, dtype=np.dtype(self.order + letters))

    def slice(self, first: Any, count: Any) -> "Storage":
        """Numbers first .. first + count - 1 as a storage; both come from a file and are
        checked."""
        if type(first) is not int or type(count) is not int:
            raise ConvertError("a view of a storage makes no sense")
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
    """The product of all sizes, 1 where there are none."""
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
    """An array in memory as a tensor."""
    dtype, _ = numpy_dtype(array.dtype.str)
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(array.shape)
    return Tensor(dtype, array.shape, lambda: native)


def checked_shape(shape: Any) -> Shape:
    """A shape (or strides) as a file has it, as a tuple of at most MAX_DIMS numbers from 0 on."""
    if not isinstance(shape, (tuple, list)) or len(shape) > MAX_DIMS or \
            any(type(n) is not int or n < 0 or n > MAX_BYTES for n in shape):
        raise ConvertError("a tensor's shape and strides make no sense")
    return tuple(shape)


def strides_of(shape: Shape, fortran: bool = False) -> Shape:
    """Strides of a dense array, in elements: the last axis counts fastest, or with `fortran` the
    first."""
    axes = range(len(shape))
    return tuple(product(shape[:a] if fortran else shape[a + 1:]) for a in axes)


def view(storage: Storage, offset: int, shape: Any, stride: Any) -> Tensor:
    """The tensor of `shape` whose element (i, j, ...) is number offset + i stride[0] + j stride[1]
    + ... of the storage. All four come from a file and are checked."""
    sizes, steps = checked_shape(shape), checked_shape(stride)
    if len(sizes) != len(steps) or type(offset) is not int or offset < 0:
        raise ConvertError("a tensor's shape and strides make no sense")
    if product([max(n, 1) for n in sizes]) * storage.dtype.size > MAX_BYTES:
        raise ConvertError("a tensor's shape is too large")
    count = product(sizes)
    # The stride of an axis of size 1 has no meaning, and may be anything; so may all of an empty
    # tensor's.
    steps = tuple(s if n > 1 and count else 0 for n, s in zip(sizes, steps))
    last = sum((n - 1) * s for n, s in zip(sizes, steps)) if count else -1
    if offset + last >= storage.count and count:
        raise ConvertError("a tensor reaches beyond its storage of %d numbers" % storage.count)
    if count > max(storage.count, REPEATED_MAX):
        raise ConvertError("a tensor of shape %s repeats a storage of %d numbers" % (sizes, storage.count))

    def load() -> np.ndarray:
        if not count:
            return np.empty(sizes, dtype="u1" if storage.dtype.code == "BOOL" else storage.dtype.numpy)
        array = read_view(storage, offset, sizes, steps)
        return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(sizes)

    return Tensor(storage.dtype, sizes, load)


def read_view(storage: Storage, offset: int, shape: Shape, stride: Shape) -> np.ndarray:
    """The numbers of a view. No more of the storage is read than the view spans; a view that spans
    much more numbers than it has is read one slice after another."""
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
    """The numbers of a tensor in the same order under another shape."""
    if product(shape) != t.numel:
        raise ConvertError("a tensor of shape %s cannot be %s" % (t.shape, tuple(shape)))
    return Tensor(t.dtype, shape, lambda: t.load().reshape(tuple(shape)))


def transposed(t: Tensor) -> Tensor:
    """(A,B) -> (B,A)."""
    return Tensor(t.dtype, t.shape[::-1], lambda: np.ascontiguousarray(t.load().T))


def scaled(t: Tensor, factor: float) -> Tensor:
    """A tensor times a number, in float32; the tensor unchanged where the number is 1 but for
    rounding."""
    if abs(factor - 1.0) < 1e-6:
        return t
    return Tensor(F32, t.shape, lambda: (t.values().astype(np.float64) * factor).astype(np.float32))


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Tensors one after another along the first axis. Where the types differ, the result is
    float32."""
    first = parts[0]
    same = all(p.dtype == first.dtype for p in parts)
    dtype = first.dtype if same else F32
    for p in parts:
        if not p.shape or p.shape[1:] != first.shape[1:]:
            raise ConvertError("tensors of shapes %s and %s cannot be joined" % (first.shape, p.shape))
    shape = (sum(p.shape[0] for p in parts),) + first.shape[1:]

    def load() -> np.ndarray:
        out = np.empty(shape, dtype="u1" if dtype.code == "BOOL" else dtype.numpy)
        at = 0
        for p in parts:
            out[at:at + p.shape[0]] = p.load() if same else p.values()
            at += p.shape[0]
        return out

    return Tensor(dtype, shape, load)
