"""The names that a pickle may use, and what is built for them.

KNOWN is the table of what the weights of a checkpoint consist of: storages, tensors, dictionaries,
NumPy arrays. Each entry is a builder of this file that makes plain data, and nothing is ever
imported. Beside the weights, training programs store objects of their own classes: configurations,
dates, counters. A class that is not in the table becomes a Bag, which does nothing. A name that can
only be there to do something, such as os.system, refuses the whole file: not because it could run
here, but because nobody should trust such a file.

A builder takes the Reading that the pickle belongs to, then the arguments that the pickle has for
it. The arguments are whatever the file says, so every builder checks their types, and spends the
budget for what it copies.
"""

import re
import sys
from typing import Any, Callable, Dict, NoReturn, Optional, Tuple

import numpy as np

from .budget import Budget
from .errors import ConvertError, brief
from .objects import Bag, Known, NumPyArray, NumPyType, Span, checked_key
from .sources import BytesSource, Source
from .tensors import DTYPES, U8, Storage, Tensor, checked_shape, strides_of, view

NAME_MAX = 500         # characters of module and name together
TEXT_MAX = 1 << 12     # characters of a path or device
SMALL_BYTES = 1 << 12  # bytes of a number or flag that are taken from the file at once
STORAGE_STEPS = 1000   # work of opening a storage within a pickle


class Reading:
    """What all pickles of one file share: the budget, the foreign classes met, and how a torch.save
    file within a bytes object is read."""

    def __init__(self, path: str, budget: Budget, open_inside: Callable[["Reading", Source], Any]):
        self.path, self.budget, self.open_inside = path, budget, open_inside
        self.foreign: Dict[str, Known] = {}
        self.inside = False

    def storage_inside(self, source: Source) -> Any:
        """The object of a torch.save file in `source`, a part of the file that is being read. Such
        a file holds one storage, and never another file."""
        if self.inside:
            raise ConvertError("%s: refused: a file within a file within a file" % self.path)
        self.budget.step(STORAGE_STEPS)
        self.inside = True
        try:
            return self.open_inside(self, source)
        finally:
            self.inside = False

    def hold(self, value: Any) -> Any:
        """`value`, once its memory has been spent."""
        self.budget.hold(sys.getsizeof(value))
        return value


def refuse(reading: Reading, name: str) -> NoReturn:
    """Refuses the whole file because of a name."""
    raise ConvertError("%s: refused: the pickle asks for '%s', which no set of weights needs; nothing of it "
                       "was run" % (reading.path, name))


# ---- arguments ----

def small_bytes(value: Any) -> bytes:
    """The bytes of a number or the like, wherever they are."""
    if isinstance(value, Span) and value.size <= SMALL_BYTES:
        return value.part().read(0, value.size)
    if isinstance(value, str) and len(value) <= SMALL_BYTES:
        return value.encode("latin-1")
    if not isinstance(value, (bytes, bytearray)):
        raise ValueError("a few bytes expected")
    return bytes(value)


def as_source(reading: Reading, value: Any) -> Source:
    """The bytes of an object of any size."""
    if isinstance(value, Span):
        return value.part()
    if isinstance(value, str):
        value = reading.hold(value.encode("latin-1"))
    if not isinstance(value, (bytes, bytearray)):
        raise ValueError("bytes expected")
    return BytesSource(bytes(value))


def items_of(reading: Reading, value: Any) -> Any:
    """A list or tuple that is about to be copied."""
    if not isinstance(value, (list, tuple)):
        raise ValueError("a list expected")
    reading.budget.step(len(value))
    reading.budget.hold(sys.getsizeof(value))
    return value


# ---- builders of containers and texts ----

def bag_builder(name: str, foreign: bool = False) -> Callable[..., Bag]:
    """A builder of Bags for a class."""
    return lambda _reading, *_args: Bag(name, foreign)


def build_dict(reading: Reading, *args: Any) -> Dict[Any, Any]:
    """OrderedDict, dict and the like: pairs, or another dictionary."""
    out: Dict[Any, Any] = {}
    if args:
        pairs = list(args[0].items()) if isinstance(args[0], dict) else args[0]
        for pair in items_of(reading, pairs):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise ValueError("a key and a value expected")
            out[checked_key(pair[0])] = pair[1]
    return out


def build_defaultdict(_reading: Reading, *_args: Any) -> Dict[Any, Any]:
    """An empty dictionary; the items follow by opcodes."""
    return {}


def build_list(reading: Reading, *args: Any) -> Any:
    """set, frozenset, list and tuple. Sets carry nothing that is looked up here; a list does for
    all four."""
    return list(items_of(reading, args[0])) if args else []


def build_size(reading: Reading, *args: Any) -> Tuple[Any, ...]:
    """torch.Size."""
    return tuple(items_of(reading, args[0])) if args else ()


def build_encoded(reading: Reading, text: Any, encoding: Any = "latin1") -> bytes:
    """_codecs.encode, which is how protocol 2 writes bytes."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise ValueError("unusual encoding")
    return reading.hold(text.encode("latin-1"))


def build_bytearray(_reading: Reading, *args: Any) -> Any:
    """The bytes as they are, in the file or in memory."""
    if args and not isinstance(args[0], (bytes, bytearray, Span)):
        raise ValueError("bytes expected")
    return args[0] if args else b""


def text_of(reading: Reading, parts: Tuple[Any, ...], between: str) -> str:
    """The texts and numbers among the arguments, as one short text."""
    words, length = [], 0
    for part in parts:
        if isinstance(part, (str, int)):
            words.append(brief(part, TEXT_MAX))
            length += len(words[-1]) + len(between)
        if length > TEXT_MAX:
            raise ValueError("a path or device of more than %d characters" % TEXT_MAX)
    reading.budget.step(length)
    return reading.hold(between.join(words))


def build_device(reading: Reading, *args: Any) -> str:
    """torch.device("cuda", 0) -> "cuda:0"."""
    return text_of(reading, args, ":")


def build_path(reading: Reading, *args: Any) -> str:
    """pathlib's classes: the parts of a path."""
    return text_of(reading, args, "/").replace("//", "/")


def build_first(_reading: Reading, *args: Any) -> Any:
    """The first argument: parameters (data, requires_grad, hooks), tagged lists, ..."""
    return args[0]


# ---- builders of tensors ----

def build_tensor(_reading: Reading, storage: Any, offset: Any, shape: Any, stride: Any, *_rest: Any) -> Any:
    """torch._utils._rebuild_tensor and _rebuild_tensor_v2. A storage of a type that no network here
    has is a Bag, and so is a tensor of it."""
    if isinstance(storage, Bag):
        return Bag(storage.class_name, True)
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without a storage")
    return view(storage, offset, shape, stride)


def build_tensor_v3(_reading: Reading, storage: Any, offset: Any, shape: Any, stride: Any, _grad: Any,
                    _hooks: Any, dtype: Any, *_rest: Any) -> Any:
    """torch._utils._rebuild_tensor_v3: an untyped storage of bytes, and the type of the numbers
    beside it."""
    if not isinstance(storage, Storage) or not isinstance(dtype, Known):
        raise ValueError("a tensor without a storage or a type")
    if dtype.dtype is None:
        return Bag(dtype.name, True)
    typed = Storage(storage.source, dtype.dtype,
                    storage.count * storage.dtype.size // dtype.dtype.size, storage.order,
                    storage.offset)
    return view(typed, offset, shape, stride)


def build_subclass(reading: Reading, rebuild: Any, _type: Any, args: Any, _state: Any) -> Any:
    """torch._tensor._rebuild_from_type_v2: a builder, a type, the arguments of the builder."""
    if not isinstance(rebuild, Known) or rebuild.build is None or not isinstance(args, tuple):
        raise ValueError("a tensor without a builder")
    reading.budget.step(len(args))
    return rebuild.build(reading, *args)


def build_from_bytes(reading: Reading, data: Any) -> Any:
    """torch.storage._load_from_bytes: a storage that plain pickles carry as a whole torch.save
    file."""
    return reading.storage_inside(as_source(reading, data))


def build_numpy_type(_reading: Reading, letters: Any, *_rest: Any) -> Any:
    """numpy.dtype. Types with fields and the like become Bags."""
    if isinstance(letters, str) and re.fullmatch(r"[<>=|]?[a-zA-Z]\d{0,3}", letters):
        return NumPyType(letters)
    return Bag("numpy.dtype", True)


def build_numpy_array(_reading: Reading, *_args: Any) -> NumPyArray:
    """numpy.core.multiarray._reconstruct: an empty array, which BUILD fills."""
    return NumPyArray()


def build_numpy_scalar(_reading: Reading, kind: Any, data: Any = b"") -> Any:
    """numpy.core.multiarray.scalar: one number, as a number of Python."""
    if not isinstance(kind, NumPyType):
        return Bag("numpy.generic", True)
    try:
        dtype, order = kind.resolve()
    except ConvertError:
        return Bag("numpy.generic", True)
    return np.frombuffer(small_bytes(data), dtype=np.dtype(order + dtype.numpy))[0].item()


def build_numpy_buffer(reading: Reading, data: Any, kind: Any, shape: Any, order: Any = "C") -> NumPyArray:
    """numpy.core.numeric._frombuffer of protocol 5."""
    out = NumPyArray()
    out.tensor = tensor_of_buffer(reading, data, kind, shape, order == "F")
    return out


def tensor_of_buffer(reading: Reading, data: Any, kind: Any, shape: Any, fortran: bool) -> Optional[Tensor]:
    """The numbers of an array as a tensor; None for numbers that safetensors files do not have."""
    if not isinstance(kind, NumPyType):
        return None
    if kind.letters.lstrip("<>=|")[:1] == "O":
        raise ConvertError("%s: refused: a NumPy array of Python objects, which are not supported" %
                           reading.path)
    try:
        dtype, order = kind.resolve()
    except ConvertError:
        return None
    source = as_source(reading, data)
    storage = Storage(source, dtype, source.size // dtype.size, order)
    return view(storage, 0, shape, strides_of(checked_shape(shape), fortran))


# ---- builders of objects ----

def build_persistent(_reading: Reading, meta: Any) -> Bag:
    """torch_utils.persistence of NVIDIA: a dictionary of the name of a class, the source of its
    module and the state of the object. NVIDIA's loader runs the source; here the source is not
    looked at."""
    if not isinstance(meta, dict):
        raise ValueError("an object without a description")
    bag = Bag(brief(meta.get("class_name", "")))
    state = meta.get("state")
    bag.state = state if isinstance(state, dict) else {}
    return bag


def build_reconstructed(reading: Reading, kind: Any, _base: Any = None, state: Any = None) -> Any:
    """copyreg._reconstructor(class, base, state): an object without arguments."""
    if not isinstance(kind, Known) or kind.build is None or state is not None and not kind.foreign:
        raise ValueError("unusual object")
    return kind.build(reading)


def attribute_builder(name: str) -> Callable[..., Known]:
    """getattr, for the name `name`: nested classes and members of enumerations are pickled as an
    attribute of a class. Attributes of anything but a foreign class, and hidden ones, refuse the
    file."""
    def build(reading: Reading, *args: Any) -> Known:
        owner, word = args if len(args) == 2 else (None, None)
        if not isinstance(owner, Known) or not owner.foreign or not isinstance(word, str) or \
                len(owner.name) + len(word) > NAME_MAX or not word.isidentifier() or word[0] == "_":
            refuse(reading, name)
        full = "%s.%s" % (owner.name, word)
        return Known(full, bag_builder(full, True), None, True)

    return build


# ---- the table ----

STORAGES = {"Float": "F32", "Double": "F64", "Half": "F16", "BFloat16": "BF16", "Long": "I64", "Int": "I32",
            "Short": "I16", "Char": "I8", "Byte": "U8", "Bool": "BOOL"}
TYPES = {"float32": "F32", "float": "F32", "float64": "F64", "double": "F64", "float16": "F16",
         "half": "F16", "bfloat16": "BF16", "int64": "I64", "long": "I64", "int32": "I32", "int": "I32",
         "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL"}

# Names in lower case that a pickle of PyTorch, NumPy or Python has beside the weights, and that
# become Bags: types and layouts, random states, tensors that are no plain weights.
INERT = {
    "torch": "complex32 complex64 complex128 chalf cfloat cdouble uint16 uint32 uint64 qint8 qint32 quint8 "
             "quint4x2 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu strided "
             "sparse_coo sparse_csr contiguous_format preserve_format channels_last per_tensor_affine "
             "per_channel_affine",
    "torch._utils": "_rebuild_sparse_tensor _rebuild_qtensor _rebuild_meta_tensor_no_storage "
                    "_rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor "
                    "_rebuild_wrapper_subclass _rebuild_nested_tensor",
    "torch.serialization": "_get_layout",
    "numpy": "bool_ str_ bytes_ object_ float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 "
             "uint64 complex64 complex128",
    "numpy.random": "__RandomState_ctor",
    "numpy.random._pickle": "__randomstate_ctor __bit_generator_ctor __generator_ctor",
    "builtins": "complex range slice bytes",
    "__builtin__": "complex xrange slice long unicode",
    "operator": "getitem",  # typing.Dict[str, int]
}


def make_table() -> Dict[str, Known]:
    """The names and what is built for them."""
    builders: Dict[str, Optional[Callable]] = {
        "collections.OrderedDict": build_dict,
        "collections.defaultdict": build_defaultdict,
        "_codecs.encode": build_encoded,
        "argparse.Namespace": bag_builder("argparse.Namespace"),
        "dnnlib.util.EasyDict": build_dict,
        "dnnlib.EasyDict": build_dict,
        "torch_utils.persistence._reconstruct_persistent_obj": build_persistent,
        "torch._utils._rebuild_tensor": build_tensor,
        "torch._utils._rebuild_tensor_v2": build_tensor,
        "torch._utils._rebuild_tensor_v3": build_tensor_v3,
        "torch._utils._rebuild_parameter": build_first,
        "torch._utils._rebuild_parameter_with_state": build_first,
        "torch._tensor._rebuild_from_type_v2": build_subclass,
        "torch.nn.parameter.Parameter": build_first,
        "torch.nn.parameter.Buffer": build_first,
        "torch.Tensor": None,
        "torch.Size": build_size,
        "torch.device": build_device,
        "torch.storage._load_from_bytes": build_from_bytes,
        "torch.jit._pickle.build_intlist": build_first,
        "torch.jit._pickle.build_doublelist": build_first,
        "torch.jit._pickle.build_boollist": build_first,
        "torch.jit._pickle.build_tensorlist": build_first,
        "torch.jit._pickle.restore_type_tag": build_first,
        "numpy.ndarray": None,
        "numpy.dtype": build_numpy_type,
    }
    for module in ("numpy.core", "numpy._core"):
        builders[module + ".multiarray._reconstruct"] = build_numpy_array
        builders[module + ".multiarray.scalar"] = build_numpy_scalar
        builders[module + ".numeric._frombuffer"] = build_numpy_buffer
    for module in ("builtins", "__builtin__"):  # Python 2 calls the module __builtin__
        for name in ("set", "frozenset", "list", "tuple"):
            builders["%s.%s" % (module, name)] = build_list
        for name in ("object", "int", "float", "str", "bool"):
            builders["%s.%s" % (module, name)] = None
        builders[module + ".dict"] = build_dict
        builders[module + ".bytearray"] = build_bytearray
        builders[module + ".getattr"] = attribute_builder(module + ".getattr")
    for module in ("copyreg", "copy_reg"):
        builders[module + "._reconstructor"] = build_reconstructed
    for name in ("Path", "PosixPath", "PurePath", "PurePosixPath", "WindowsPath", "PureWindowsPath"):
        for module in ("pathlib", "pathlib._local"):
            builders["%s.%s" % (module, name)] = build_path
    table = {name: Known(name, build) for name, build in builders.items()}
    for word, code in STORAGES.items():
        for module in ("torch", "torch.cuda"):
            name = "%s.%sStorage" % (module, word)
            table[name] = Known(name, None, DTYPES[code])
    for name in ("torch.storage.UntypedStorage", "torch.storage._UntypedStorage", "torch.UntypedStorage"):
        table[name] = Known(name, None, U8)
    for word, code in TYPES.items():
        table["torch." + word] = Known("torch." + word, None, DTYPES[code])
    for module, words in INERT.items():
        for word in words.split():
            name = "%s.%s" % (module, word)
            table[name] = Known(name, bag_builder(name))
    return table


KNOWN = make_table()

# Packages whose functions act on the machine: a pickle that names any part of them is an attack, or
# nothing that a set of weights needs.
ACTING = frozenset("""
    os posix nt posixpath ntpath subprocess sys builtins __builtin__ importlib imp pkgutil runpy zipimport site
    pickle _pickle cPickle dill cloudpickle joblib marshal shelve copyreg copy_reg _codecs codecs
    shutil tempfile glob fileinput io _io socket _socket ssl urllib urllib2 http ftplib smtplib telnetlib
    socketserver xmlrpc webbrowser asyncio multiprocessing concurrent threading _thread thread signal pty
    code codeop ctypes _ctypes cffi operator _operator inspect gc atexit bdb pdb cProfile profile timeit trace doctest
    commands popen2 platform antigravity pip setuptools distutils ensurepip venv
""".split())
# Packages whose classes are inert but whose functions act: torch.hub.load, numpy.load.
MIXED = ("torch", "torchvision", "numpy", "torch_utils")
CYTHON = "__pyx_unpickle_"  # how names begin by which classes of compiled modules are pickled


def is_class(name: str) -> bool:
    """Whether a name is written as Python writes classes: the last part begins with a capital."""
    return name.split(".")[-1].lstrip("_")[:1].isupper()


def look_up(reading: Reading, module: Any, name: Any) -> Known:
    """What a name stands for; fails for the names that refuse the whole file."""
    if not isinstance(module, str) or not isinstance(name, str):
        raise ValueError("a name that is no text")
    if len(module) + len(name) > NAME_MAX:
        raise ValueError("a name of %d characters" % (len(module) + len(name)))
    full = "%s.%s" % (module, name)
    known = KNOWN.get(full) or reading.foreign.get(full)
    if known is not None:
        return known
    top = module.split(".")[0]
    if top == "__torch__":  # a class of TorchScript: attributes only
        return Known(full, bag_builder(full))
    if module.split(".")[:2] == ["dnnlib", "tflib"]:
        raise ConvertError("%s: a TensorFlow pickle ('%s'); convert it with legacy.py of "
                           "stylegan2-ada-pytorch first" % (reading.path, full))
    hidden = any(not part or part[0] == "_" for part in name.split(".")[1:])
    acts = top in ACTING or top in MIXED and not is_class(name) and not name.startswith(CYTHON)
    if not module or not name or hidden or acts:
        refuse(reading, full)
    known = Known(full, bag_builder(full, True), None, True)
    reading.foreign[full] = known
    return known
