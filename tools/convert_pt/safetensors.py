"""Reading safetensors: 64-bit length, a JSON header, raw data (github.com/huggingface/safetensors).

The reader refuses what cfedit refuses (lib/tensor/files/safetensors.c), so that a file is good or
bad whichever of the two reads it. `"__metadata__": null` is accepted, as by the reference
implementation, where the metadata are an optional map.
"""

import struct
from typing import Any, Dict, List, Tuple

from . import strict_json
from .errors import ConvertError, brief, printable
from .sources import Source
from .tensors import DTYPES, Storage, Tensor, product, strides_of, view

HEADER_MAX = 100000000  # bytes
DIMS_MAX = 6            # LT_MAX_DIMS of the program
SIZE_MAX = (1 << 63) - 1


def looks_like(head: bytes) -> bool:
    """Whether a file that begins so is meant as safetensors."""
    return len(head) >= 10 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= HEADER_MAX


def read_safetensors(source: Source) -> Tuple[Dict[str, Tensor], Dict[str, str]]:
    """The tensors and the metadata. Tensors of a type that no network here has are left out."""
    length = struct.unpack("<Q", source.read(0, 8))[0]
    if length > min(HEADER_MAX, source.size - 8):
        raise ConvertError("the safetensors file is truncated")
    header = strict_json.parse(source.read(8, length), "the safetensors header")
    if not isinstance(header, dict):
        raise ConvertError("the safetensors header is damaged")
    metadata = checked_metadata(header.pop("__metadata__", None))
    out: Dict[str, Tensor] = {}
    ranges: List[Tuple[int, int, str]] = []
    for name, info in header.items():
        code, shape, first, last = checked_entry(name, info)
        if 8 + length + last > source.size:
            raise ConvertError("the safetensors file is truncated")
        if last > first:
            ranges.append((first, last, name))
        if code not in DTYPES:
            continue  # the name will be reported missing where it is wanted
        dtype = DTYPES[code]
        if last - first != product(shape) * dtype.size:
            raise ConvertError("the safetensors header contradicts itself at %s" % printable(name, 200))
        storage = Storage(source, dtype, product(shape), "<", 8 + length + first)
        out[name] = view(storage, 0, shape, strides_of(shape))
    check_overlaps(ranges)
    return out, metadata


def checked_metadata(metadata: Any) -> Dict[str, str]:
    """A table from texts to texts, or nothing."""
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise ConvertError("the __metadata__ of the safetensors header are not an object")
    for key, value in metadata.items():
        if not isinstance(value, str) or "\0" in key + value:
            raise ConvertError("the metadata '%s' of the safetensors header are not a text" %
                               printable(key, 200))
    return metadata


def checked_entry(name: str, info: Any) -> Tuple[str, Tuple[int, ...], int, int]:
    """Type, shape, first byte and end of one tensor."""
    where = printable(name, 200)
    if "\0" in name:
        raise ConvertError("a tensor name with a zero byte in the safetensors header: %s" % where)
    if not isinstance(info, dict):
        raise ConvertError("the safetensors header is damaged at %s" % where)
    code, shape, offsets = info.get("dtype"), info.get("shape"), info.get("data_offsets")
    if not isinstance(code, str) or "\0" in code:
        raise ConvertError("the safetensors header is damaged at %s: its dtype is %s" % (where, brief(code)))
    if not isinstance(shape, list) or not isinstance(offsets, list) or len(offsets) != 2:
        raise ConvertError("the safetensors header is damaged at %s" % where)
    if len(shape) > DIMS_MAX:
        raise ConvertError("tensor %s has %d dimensions, at most %d are supported" %
                           (where, len(shape), DIMS_MAX))
    if not all(type(n) is int and 0 <= n <= SIZE_MAX for n in shape + offsets):
        raise ConvertError("the safetensors header has no sizes at %s" % where)
    if offsets[1] < offsets[0]:
        raise ConvertError("the safetensors header contradicts itself at %s" % where)
    return code, tuple(shape), offsets[0], offsets[1]


def check_overlaps(ranges: List[Tuple[int, int, str]]) -> None:
    """Fails where two tensors share bytes."""
    ranges.sort()
    for before, after in zip(ranges, ranges[1:]):
        if after[0] < before[1]:
            raise ConvertError("tensors %s and %s of the safetensors file overlap" %
                               (printable(before[2], 200), printable(after[2], 200)))
