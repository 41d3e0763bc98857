"""Writes checkpoints in the formats that PyTorch writes, without PyTorch.

A `Name` is pickled as a reference to something importable, a `Call` as a call of one, a `Stored` as
a persistent id of a storage. With the pure-Python pickler of the standard library, a stream of a
checkpoint needs no more. tools/convert_pt/torch_files.py describes the formats.
"""

import collections
import io
import json
import pickle
import struct
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
STORAGE = {"f4": "Float", "f8": "Double", "f2": "Half", "bf16": "BFloat16", "i8": "Long", "i4": "Int",
           "i2": "Short", "i1": "Char", "u1": "Byte", "b1": "Bool", "c8": "ComplexFloat"}


class Name:
    """module.name, not imported by anyone here."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """name(*args), by REDUCE or, for `new`, by NEWOBJ; then BUILD with `state`, items with
    `items`."""

    def __init__(self, name, args=(), state=None, new=False, items=None):
        self.name, self.args, self.state, self.new, self.items = name, args, state, new, items


class Stored:
    """A storage: `data`, a one-dimensional array, and what it is called in the file."""

    def __init__(self, data, kind=None):
        self.data = np.ascontiguousarray(data).reshape(-1)
        self.kind = kind or self.data.dtype.str[1:]
        self.part = None  # (root, first, count): a view of another storage, in old files

    def raw(self, order="<"):
        return self.data.astype(self.data.dtype.newbyteorder(order)).tobytes()


class Raw:
    """Bytes that go into the stream as they are: opcodes for a hostile one."""

    def __init__(self, data):
        self.data = data


class Pickler(pickle._Pickler):
    """`storages` maps the Stored objects met to their keys."""

    def __init__(self, file, protocol=2, old=False):
        super().__init__(file, protocol)
        self.storages = {}
        self.old = old

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Name):
            self.framer.commit_frame()
            if self.proto >= 4:
                self.save(obj.module)
                self.save(obj.name)
                self.write(pickle.STACK_GLOBAL)
            else:
                self.write(pickle.GLOBAL + ("%s\n%s\n" % (obj.module, obj.name)).encode())
        elif isinstance(obj, Call):
            if id(obj) in self.memo:
                self.write(self.get(self.memo[id(obj)][0]))
                return
            self.save(obj.name)
            self.save(tuple(obj.args))
            self.write(pickle.NEWOBJ if obj.new else pickle.REDUCE)
            self.memoize(obj)
            if obj.items is not None:
                self._batch_setitems(obj.items.items())
            if obj.state is not None:
                self.save(obj.state)
                self.write(pickle.BUILD)
        elif isinstance(obj, Raw):
            self.write(obj.data)
        else:
            super().save(obj, save_persistent_id)

    def persistent_id(self, obj):
        if not isinstance(obj, Stored):
            return None
        root = obj.part[0] if obj.part else obj
        key = self.storages.setdefault(id(root), (root, str(len(self.storages))))[1]
        pid = ("storage", Name("torch", STORAGE[root.kind] + "Storage"), key, "cpu", root.data.size)
        if self.old:
            part = ("v%d" % id(obj), obj.part[1], obj.part[2]) if obj.part else None
            pid += (part,)
        return pid


def dumps(obj, protocol=2):
    out = io.BytesIO()
    Pickler(out, protocol).dump(obj)
    return out.getvalue()


# ---- tensors ----

def tensor(array, kind=None):
    """A dense tensor with a storage of its own. bfloat16 numbers come as uint16, kind "bf16"."""
    array = np.asarray(array)
    strides = [s // array.itemsize for s in np.ascontiguousarray(array).reshape(array.shape).strides]
    return view(Stored(array, kind), 0, array.shape, strides)


def view(stored, offset, shape, strides):
    return Call(Name("torch._utils", "_rebuild_tensor_v2"),
                (stored, offset, tuple(int(n) for n in shape), tuple(int(n) for n in strides), False,
                 collections.OrderedDict()))


def parameter(t):
    return Call(Name("torch._utils", "_rebuild_parameter"), (t, True, collections.OrderedDict()))


def state_dict(arrays, kinds=None):
    out = collections.OrderedDict()
    for name, array in arrays.items():
        out[name] = tensor(array, (kinds or {}).get(name))
    return out


# ---- files ----

def write_zip(path, obj, order=None, compression=zipfile.ZIP_STORED, script=False, folder="archive"):
    """torch.save since 1.6; with `script`, TorchScript."""
    stream = io.BytesIO()
    pickler = Pickler(stream, 2)
    pickler.dump(obj)
    with zipfile.ZipFile(path, "w", compression) as z:
        z.writestr(folder + "/data.pkl", stream.getvalue())
        if order:
            z.writestr(folder + "/byteorder", order)
        if script:
            z.writestr(folder + "/code/__torch__.py", "class Never:\n  pass\n")
            z.writestr(folder + "/constants.pkl", b"\x80\x02).")
        for root, key in pickler.storages.values():
            z.writestr("%s/data/%s" % (folder, key), root.raw(">" if order == "big" else "<"))
        z.writestr(folder + "/version", "3\n")


def old_bytes(obj, little=True):
    """torch.save before 1.6, and the storages of plain pickles."""
    out = io.BytesIO()
    pickle.dump(MAGIC, out, 2)
    pickle.dump(1001, out, 2)
    pickle.dump({"protocol_version": 1001, "little_endian": little, "type_sizes": {"int": 4}}, out, 2)
    pickler = Pickler(out, 2, old=True)
    pickler.dump(obj)
    roots = sorted(pickler.storages.values(), key=lambda pair: pair[1])
    pickle.dump([key for _root, key in roots], out, 2)
    for root, _key in roots:
        out.write(struct.pack("<q", root.data.size) + root.raw())
    return out.getvalue()


def write_old(path, obj, little=True):
    with open(path, "wb") as file:
        file.write(old_bytes(obj, little))


def write_pickle(path, obj, protocol=3):
    with open(path, "wb") as file:
        file.write(dumps(obj, protocol))


def script_module(name, attributes):
    """A TorchScript object with its attributes."""
    return Call(Name("__torch__.multimodal", name), (), attributes, new=True)


def script_tree(arrays, kinds=None):
    """Dotted names as a tree of TorchScript objects."""
    root = {}
    for name, array in arrays.items():
        node = root
        parts = name.split(".")
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = tensor(array, (kinds or {}).get(name))

    def build(node):
        state = {"training": False, "_is_full_backward_hook": None}
        for key, value in node.items():
            state[key] = build(value) if isinstance(value, dict) else value
        return script_module("___torch_mangle_7.Module", state)

    return build(root)


# ---- NVIDIA's pickles ----

def nvidia_tensor(array):
    """As a plain pickle has it: the storage is a torch.save file in a bytes object."""
    array = np.ascontiguousarray(array)
    strides = [s // array.itemsize for s in array.strides]
    data = old_bytes(Stored(array))
    stored = Call(Name("torch.storage", "_load_from_bytes"), (data,))
    return view(stored, 0, array.shape, strides)


def numpy_scalar(value):
    """A numpy.float64 as pickles have it."""
    dtype = Call(Name("numpy", "dtype"), ("f8", False, True), (3, "<", None, None, None, -1, -1, 0))
    return Call(Name("numpy.core.multiarray", "scalar"), (dtype, struct.pack("<d", value)))


def numpy_array(array):
    dtype = Call(Name("numpy", "dtype"), (array.dtype.str[1:], False, True),
                 (3, "<", None, None, None, -1, -1, 0))
    return Call(Name("numpy.core.multiarray", "_reconstruct"), (Name("numpy", "ndarray"), (0,), b"b"),
                (1, array.shape, dtype, False, array.tobytes()))


def nvidia_module(class_name, attributes, parameters=None, buffers=None, modules=None,
                  source="raise SystemExit('the source was run')"):
    state = {"training": False, "_parameters": collections.OrderedDict(), "_modules": {},
             "_buffers": collections.OrderedDict(), "_non_persistent_buffers_set": set(),
             "_backward_hooks": collections.OrderedDict()}
    for name, array in (parameters or {}).items():
        state["_parameters"][name] = None if array is None else parameter(nvidia_tensor(array))
    for name, array in (buffers or {}).items():
        state["_buffers"][name] = nvidia_tensor(array)
    state["_modules"].update(modules or {})
    state.update(attributes)
    meta = {"type": "class", "version": 6, "module_src": source, "class_name": class_name, "state": state}
    return Call(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,))


# ---- safetensors ----

CODES = {"f4": "F32", "f8": "F64", "f2": "F16", "i8": "I64", "i4": "I32", "u1": "U8", "b1": "BOOL"}


def write_safetensors(path, arrays, metadata=None, codes=None):
    header, at, data = {}, 0, []
    if metadata:
        header["__metadata__"] = metadata
    for name, array in arrays.items():
        array = np.asarray(array)
        data.append(np.ascontiguousarray(array).tobytes())
        code = (codes or {}).get(name) or CODES[array.dtype.str[1:]]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data))


def read_safetensors(path):
    """{name: array} (bfloat16 as uint16), {name: type}, metadata."""
    types = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4",
             "I16": "<i2", "I8": "<i1", "U8": "<u1", "BOOL": "?"}
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length].decode("utf-8"))
    metadata = header.pop("__metadata__", {})
    arrays, end = {}, 0
    for name, info in header.items():
        first, last = info["data_offsets"]
        assert first == end, "a gap or an overlap at " + name
        end = last
        arrays[name] = np.frombuffer(data, types[info["dtype"]], offset=8 + length + first,
                                     count=int(np.prod(info["shape"], dtype=np.int64))
                                     ).reshape(info["shape"])
    assert 8 + length + end == len(data), "bytes after the last tensor"
    return arrays, {n: i["dtype"] for n, i in header.items()}, metadata
