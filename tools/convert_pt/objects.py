"""What a pickle is made of here: plain data, and the few objects that stand for other things."""

from typing import Any, Callable, Dict, Optional, Tuple

from .sources import Source
from .tensors import DType, Tensor, numpy_dtype

KEY_MAX = 1 << 60  # integers from here on may have equal hashes by design


class Bag:
    """An object of a class that is not ours: the name of the class, and the attributes. It does
    nothing."""

    def __init__(self, class_name: str, foreign: bool = False):
        self.class_name = class_name
        self.foreign = foreign  # of a class that the table of known names does not have
        self.state: Dict[Any, Any] = {}


class Span:
    """A bytes object that stayed in the file."""

    def __init__(self, source: Source, offset: int, size: int):
        self.source, self.offset, self.size = source, offset, size

    def part(self) -> Source:
        return self.source.part(self.offset, self.size)


class NumPyType:
    """A numpy.dtype: the letters at once, the byte order when BUILD brings it."""

    def __init__(self, letters: str):
        self.letters, self.order = letters, "="

    def resolve(self) -> Tuple[DType, str]:
        """The type and the byte order; fails for types that safetensors files do not have."""
        return numpy_dtype(self.order + self.letters.lstrip("<>=|"))


class NumPyArray:
    """A numpy.ndarray; `tensor` is set when BUILD has brought the data, and stays None for arrays
    of other things than numbers."""

    def __init__(self) -> None:
        self.tensor: Optional[Tensor] = None


class Known:
    """A name that a pickle may use: `build` is what REDUCE and NEWOBJ do with it (None: a call is
    refused), and `dtype` is the type of number that the name stands for, if it does."""

    def __init__(self, name: str, build: Optional[Callable] = None, dtype: Optional[DType] = None,
                 foreign: bool = False):
        self.name, self.build, self.dtype, self.foreign = name, build, dtype, foreign


class OddKey:
    """A dictionary key that is not taken apart; no two are equal."""


def checked_key(key: Any) -> Any:
    """A key as it is, if hashing it is cheap and chance decides which hashes are equal. Any other
    key becomes an OddKey: hashing nested tuples can take for ever, and no name of a tensor is among
    them."""
    if key is None or isinstance(key, (str, bytes, Known)):
        return key
    return key if isinstance(key, int) and abs(key) < KEY_MAX else OddKey()


def as_tensor(value: Any) -> Optional[Tensor]:
    """The tensor that an object of a pickle is, if it is one."""
    if isinstance(value, NumPyArray):
        return value.tensor
    return value if isinstance(value, Tensor) else None
