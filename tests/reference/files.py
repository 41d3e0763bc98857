"""Safetensors files: 8 bytes of little-endian header length, a JSON header, raw little-endian data."""

import json
import os
import struct

import torch

_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
           "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def load(path, keep_half=False):
    """-> ({name: tensor}, {key: text}). Half-precision tensors become float32 unless `keep_half`."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        dtype = _DTYPES[entry["dtype"]]
        if begin == end:
            tensors[name] = torch.zeros(entry["shape"], dtype=dtype)
            continue
        # A copy, because torch wants its data aligned.
        raw = torch.frombuffer(bytearray(data[begin:end]), dtype=dtype).reshape(entry["shape"])
        half = dtype in (torch.float16, torch.bfloat16)
        tensors[name] = raw.float() if half and not keep_half else raw
    return tensors, metadata


def save(path, tensors, metadata=None):
    """Writes {name: tensor or array}; the file appears whole or not at all."""
    header, blobs, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = {str(key): str(value) for key, value in metadata.items()}
    for name, value in tensors.items():
        value = torch.as_tensor(value).detach().contiguous()
        blob = value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b""
        header[name] = {"dtype": _NAMES[value.dtype], "shape": list(value.shape),
                        "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    part = f"{path}.part"
    with open(part, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for blob in blobs:
            file.write(blob)
    os.replace(part, path)
