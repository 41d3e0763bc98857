"""The safetensors writer: one tensor after another, complete or not at all."""

import json
import os
import struct
import sys
import tempfile
import time
from typing import Dict, List, TextIO, Tuple

import numpy as np

from .errors import ConvertError
from .tensors import DTYPES, F32, DType, Tensor, widened

CHUNK = 1 << 22      # numbers that are converted at a time
PROGRESS_MIN = 1 << 27  # bytes from which on progress is told
ALIGN = 8


def output_type(t: Tensor, half: bool) -> DType:
    """The type of a tensor in the result: float64 becomes float32. With `half`, floating-point
    tensors of two and more axes become float16; vectors (biases, norms) take little space and keep
    their type."""
    if half and t.dtype.is_float and len(t.shape) >= 2:
        return DTYPES["F16"]
    return F32 if t.dtype.code == "F64" else t.dtype


def output_size(tensors: Dict[str, Tensor], half: bool) -> int:
    """The bytes of all tensors in the result."""
    return sum(t.numel * output_type(t, half).size for t in tensors.values())


def header_of(tensors: Dict[str, Tensor], types: Dict[str, DType],
              metadata: Dict[str, str]) -> Tuple[bytes, int]:
    """The JSON header, padded, and the bytes of data that follow it."""
    table: Dict[str, object] = {}
    if metadata:
        table["__metadata__"] = metadata
    at = 0
    for name, t in tensors.items():
        end = at + t.numel * types[name].size
        table[name] = {"dtype": types[name].code, "shape": list(t.shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return text + b" " * (-len(text) % ALIGN), at


class Progress:
    """Tells the megabytes written: on a terminal in one line that is rewritten, elsewhere in a line
    for each quarter."""

    def __init__(self, total: int, stream: TextIO, quiet: bool):
        self.total, self.stream = total, stream
        self.on = total >= PROGRESS_MIN and not quiet
        self.terminal = self.on and stream.isatty()
        self.done, self.told, self.shown = 0, 0.0, 0
        self.began = time.monotonic()

    def add(self, count: int) -> None:
        """Counts bytes, and tells them from time to time."""
        self.done += count
        if not self.on:
            return
        now = time.monotonic()
        rate = self.done / max(now - self.began, 1e-6)
        text = "%3d %%, %.0f of %.0f MB, %.0f MB/s, %.0f s left" % (
            100 * self.done // self.total, self.done / 1e6, self.total / 1e6, rate / 1e6,
            (self.total - self.done) / rate)
        if self.terminal and (now - self.told > 0.2 or self.done >= self.total):
            self.told = now
            self.stream.write("\rconvert_pt: %s   " % text)
            self.stream.flush()
        elif not self.terminal and 4 * self.done // self.total > self.shown:
            self.shown = 4 * self.done // self.total
            self.stream.write("convert_pt: %s\n" % text)

    def end(self) -> None:
        """Clears the line on a terminal."""
        if self.terminal:
            self.stream.write("\r\033[K")
            self.stream.flush()


def converted(raw: np.ndarray, dtype: DType, target: DType, name: str) -> np.ndarray:
    """Numbers in the type that the file has; NaN and infinity are refused."""
    if not dtype.is_float:
        return raw
    numbers = widened(raw, dtype)
    if not np.isfinite(numbers).all():
        raise ConvertError("tensor %s holds NaN or infinity" % name)
    if dtype == target:
        return raw
    if target.code not in ("F16", "F32"):
        raise ValueError(target.code)
    with np.errstate(over="ignore"):
        out = numbers.astype(target.numpy)
    if not np.isfinite(out).all():
        hint = "; convert without --half" if target.code == "F16" else ""
        raise ConvertError("tensor %s has numbers beyond %s's range%s" %
                           (name, "float16" if target.code == "F16" else "float32", hint))
    return out


def write_tensor(file, name: str, t: Tensor, target: DType, progress: Progress) -> None:
    """Writes the numbers of one tensor."""
    flat = t.load().reshape(-1)
    if flat.shape[0] != t.numel:
        raise ConvertError("tensor %s has %d numbers instead of %d" % (name, flat.shape[0], t.numel))
    for start in range(0, flat.shape[0], CHUNK):
        part = converted(flat[start:start + CHUNK], t.dtype, target, name)
        little = np.ascontiguousarray(part, dtype=part.dtype.newbyteorder("<"))
        file.write(little.data)
        progress.add(little.nbytes)


def write(path: str, tensors: Dict[str, Tensor], metadata: Dict[str, str], half: bool,
          quiet: bool) -> Tuple[int, List[str]]:
    """Writes the file under a temporary name and renames it. Returns the bytes of the data and the
    types of the tensors."""
    types = {name: output_type(t, half) for name, t in tensors.items()}
    header, total = header_of(tensors, types, metadata)
    folder = os.path.dirname(path) or "."
    progress = Progress(total, sys.stderr, quiet)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix="." + os.path.basename(path) + ".", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            for name, t in tensors.items():
                write_tensor(file, name, t, types[name], progress)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~current_umask())
        os.replace(temporary, path)
        temporary = ""
    except OSError as error:
        raise ConvertError("%s: cannot be written: %s" % (path, error.strerror or error))
    finally:
        progress.end()
        if temporary:
            try:
                os.unlink(temporary)
            except OSError:
                pass
    return total, sorted({t.code for t in types.values()})


def current_umask() -> int:
    """The permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
