"""An interpreter of pickle streams that runs nothing.

A pickle is a program for a stack machine; its opcodes GLOBAL and STACK_GLOBAL name things to import,
REDUCE and NEWOBJ call them, BUILD sets their attributes (Python's pickletools documents every
opcode). Here a name is looked up in KNOWN, a fixed table of what checkpoints contain,
and nothing is ever imported: each entry is a builder of this file that makes plain data. Any other name
ends the conversion with that name. Objects of TorchScript and of NVIDIA's
torch_utils.persistence become Bags of attributes; the source code that the latter
carries is skipped unread.

Protocols 2 to 5 are read, without out-of-band buffers. Long runs of bytes are not copied from
the file: they become Spans.
"""

import re
import struct
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from .errors import ConvertError, printable
from .tensors import (DTYPES, U8, BytesSource, DType, Source, Storage, Tensor, numpy_dtype, product,
                      view)

BUFFER = 1 << 16
SPAN_MIN = 1 << 10  # bytes objects from this length on stay in the file
TEXT_MAX = 1 << 26  # bytes of one string
LONG_MAX = 1 << 10  # bytes of one integer

Persistent = Callable[[Any], Any]


class Bag:
    """An object of a class that is not ours: its class's name and its attributes."""

    def __init__(self, class_name: str):
        self.class_name = class_name
        self.state: Dict[Any, Any] = {}


class Span:
    """A bytes object that stayed in its file."""

    def __init__(self, source: Source, offset: int, size: int):
        self.source, self.offset, self.size = source, offset, size

    def part(self) -> Source:
        return self.source.part(self.offset, self.size)


class NumPyType:
    """A numpy.dtype on its way: the letters, and the byte order that BUILD brings."""

    def __init__(self, letters: str):
        self.letters, self.order = letters, "="

    def resolve(self) -> Tuple[DType, str]:
        return numpy_dtype(self.order + self.letters.lstrip("<>=|"))


class NumPyArray:
    """A numpy.ndarray on its way; `tensor` once BUILD has brought the data."""

    def __init__(self) -> None:
        self.tensor: Optional[Tensor] = None


class Known:
    """A name that checkpoints may use: how REDUCE and NEWOBJ build it (or not at all), and what
    type of number it stands for, if it does."""

    def __init__(self, name: str, build: Optional[Callable] = None, dtype: Optional[DType] = None):
        self.name, self.build, self.dtype = name, build, dtype


# ---- builders ----

def raw_bytes(value: Any) -> bytes:
    """The bytes of a small bytes object, wherever it is."""
    if isinstance(value, Span):
        return value.part().read(0, value.size)
    if isinstance(value, str):
        return value.encode("latin-1")
    if not isinstance(value, (bytes, bytearray)):
        raise ValueError("bytes expected")
    return bytes(value)


def as_source(value: Any) -> Source:
    return value.part() if isinstance(value, Span) else BytesSource(raw_bytes(value))


def checked_key(key: Any, depth: int = 0) -> Any:
    """A key of a dictionary: hashing deep nests of tuples would overflow the stack."""
    if isinstance(key, tuple) and depth < 4:
        for item in key:
            checked_key(item, depth + 1)
    elif key is not None and not isinstance(key, (str, int, float, bytes, Known)):
        raise ValueError("unusual dictionary key")
    return key


def build_dict(*args: Any) -> Dict[Any, Any]:
    out: Dict[Any, Any] = {}
    if args:
        pairs = args[0].items() if isinstance(args[0], dict) else args[0]
        for key, value in pairs:
            out[checked_key(key)] = value
    return out


def build_defaultdict(*_args: Any) -> Dict[Any, Any]:
    return {}


def build_set(*args: Any) -> List[Any]:
    """Sets only ever carry names here; a list does."""
    return list(args[0]) if args else []


def build_encoded(text: str, encoding: str = "latin1") -> bytes:
    """_codecs.encode: how protocol 2 writes bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError("unusual encoding")
    return text.encode("latin-1")


def build_bytearray(*args: Any) -> bytes:
    return raw_bytes(args[0]) if args else b""


def build_tensor(storage: Any, offset: int, shape: Any, stride: Any, *_rest: Any) -> Tensor:
    """torch._utils._rebuild_tensor and _rebuild_tensor_v2."""
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without a storage")
    return view(storage, offset, tuple(shape), tuple(stride))


def build_tensor_v3(storage: Any, offset: int, shape: Any, stride: Any, _grad: Any, _hooks: Any,
                    dtype: Any, *_rest: Any) -> Tensor:
    """torch._utils._rebuild_tensor_v3: an untyped storage of bytes, and the type beside it."""
    if not isinstance(storage, Storage) or not isinstance(dtype, Known) or not dtype.dtype:
        raise ValueError("a tensor without a storage or a type")
    typed = Storage(storage.source, dtype.dtype,
                    storage.count * storage.dtype.size // dtype.dtype.size, storage.order,
                    storage.offset)
    return view(typed, offset, tuple(shape), tuple(stride))


def build_first(*args: Any) -> Any:
    """The first argument: parameters (data, requires_grad, hooks), tagged lists, ..."""
    return args[0]


def build_subclass(rebuild: Any, _type: Any, args: Any, _state: Any) -> Any:
    """torch._tensor._rebuild_from_type_v2: a builder, a type, the builder's arguments."""
    if not isinstance(rebuild, Known) or rebuild.build is None:
        raise ValueError("a tensor without a builder")
    return rebuild.build(*args)


def build_text(*args: Any) -> str:
    """torch.device("cuda", 0) -> "cuda:0", and the like."""
    return ":".join(str(a) for a in args if isinstance(a, (str, int)))


def build_path(*args: Any) -> str:
    return "/".join(str(a) for a in args if isinstance(a, str)).replace("//", "/")


def build_from_bytes(data: Any) -> Any:
    """torch.storage._load_from_bytes: a storage that plain pickles carry as a whole torch.save file."""
    from .files import read_torch
    return read_torch(as_source(data), "a storage").root


def build_numpy_type(letters: str, *_rest: Any) -> NumPyType:
    if not isinstance(letters, str) or not re.fullmatch(r"[<>=|]?[a-zA-Z]\d{0,3}", letters):
        raise ConvertError("arrays of NumPy type '%s' are not supported" % printable(str(letters), 40))
    return NumPyType(letters)


def build_numpy_array(*_args: Any) -> NumPyArray:
    return NumPyArray()


def build_numpy_scalar(kind: Any, data: Any) -> Any:
    dtype, order = kind.resolve()
    return np.frombuffer(raw_bytes(data), dtype=np.dtype(order + dtype.numpy))[0].item()


def build_numpy_buffer(data: Any, kind: Any, shape: Any, order: Any = "C") -> NumPyArray:
    """numpy.core.numeric._frombuffer of protocol 5."""
    out = NumPyArray()
    out.tensor = tensor_of_buffer(data, kind, tuple(shape), order == "F")
    return out


def tensor_of_buffer(data: Any, kind: NumPyType, shape: Tuple[int, ...], fortran: bool) -> Tensor:
    dtype, order = kind.resolve()
    source = as_source(data)
    storage = Storage(source, dtype, source.size // dtype.size, order)
    return view(storage, 0, shape, strides_of(shape, fortran))


def strides_of(shape: Tuple[int, ...], fortran: bool = False) -> Tuple[int, ...]:
    """Strides of a dense array, in elements."""
    axes = range(len(shape))
    return tuple(product(shape[:a] if fortran else shape[a + 1:]) for a in axes)


def build_persistent(meta: Any) -> Bag:
    """NVIDIA's torch_utils.persistence: a dictionary of the class's name, its module's source and the
    object's state. The original runs the source; here it is left alone."""
    bag = Bag(str(meta.get("class_name", "")))
    state = meta.get("state")
    bag.state = state if isinstance(state, dict) else {}
    return bag


def build_reconstructed(kind: Any, _base: Any, state: Any) -> Any:
    """copyreg._reconstructor(class, object, None): a plain object."""
    if not isinstance(kind, Known) or kind.build is None or state is not None:
        raise ValueError("unusual object")
    return kind.build()


def bag_builder(name: str) -> Callable[..., Bag]:
    return lambda *_args: Bag(name)


# ---- the table ----

STORAGES = {"Float": "F32", "Double": "F64", "Half": "F16", "BFloat16": "BF16", "Long": "I64", "Int": "I32",
            "Short": "I16", "Char": "I8", "Byte": "U8", "Bool": "BOOL"}
TYPES = {"float32": "F32", "float": "F32", "float64": "F64", "double": "F64", "float16": "F16",
         "half": "F16", "bfloat16": "BF16", "int64": "I64", "long": "I64", "int32": "I32", "int": "I32",
         "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL"}


def make_table() -> Dict[str, Known]:
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
        "torch.Size": lambda *args: tuple(args[0]) if args else (),
        "torch.device": build_text,
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
    for module in ("builtins", "__builtin__"):  # the second is Python 2's name
        for name in ("set", "frozenset", "list", "tuple"):
            builders["%s.%s" % (module, name)] = build_set
        for name in ("object", "int", "float", "str", "bool"):
            builders["%s.%s" % (module, name)] = None
        builders[module + ".dict"] = build_dict
        builders[module + ".bytearray"] = build_bytearray
    for module in ("copyreg", "copy_reg"):
        builders[module + "._reconstructor"] = build_reconstructed
    for name in ("Path", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"):
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
    return table


KNOWN = make_table()


def look_up(module: Any, name: Any, where: str) -> Known:
    if not isinstance(module, str) or not isinstance(name, str):
        raise ValueError("a name that is no text")
    full = "%s.%s" % (module, name)
    known = KNOWN.get(full)
    if known is None and module.split(".")[0] == "__torch__":
        known = Known(full, bag_builder(full))  # a TorchScript class: attributes only
    if known is None and module.split(".")[:2] == ["dnnlib", "tflib"]:
        raise ConvertError("%s: a TensorFlow pickle ('%s'); convert it with legacy.py of "
                           "stylegan2-ada-pytorch first" % (where, full))
    if known is None:
        raise ConvertError("%s: refused: the pickle asks for '%s', which no set of weights needs; "
                           "nothing of it was run" % (where, full))
    return known


# ---- the machine ----

class Unpickler:
    """One pickle of `source`, from `offset` on. `persistent` turns the ids of objects that are
    kept outside the stream (storages) into them."""

    def __init__(self, source: Source, offset: int, persistent: Optional[Persistent], where: str):
        self.source, self.at, self.persistent, self.where = source, offset, persistent, where
        self.buffer, self.start = b"", offset  # bytes start .. start + len(buffer) - 1
        self.stack: List[Any] = []
        self.marks: List[int] = []
        self.memo: Dict[int, Any] = {}

    def run(self) -> Any:
        """The object; `at` is then the offset behind the pickle."""
        try:
            while True:
                code = self.take(1)[0]
                if code == 0x2E:  # STOP
                    return self.stack.pop()
                action = ACTIONS.get(code)
                if action is None:
                    raise ConvertError("%s: the pickle uses opcode 0x%02x, which checkpoints do "
                                       "not use" % (self.where, code))
                action(self)
        except ConvertError:
            raise
        except (IndexError, KeyError, TypeError, ValueError, AttributeError, struct.error,
                OverflowError, RecursionError) as error:
            raise ConvertError("%s: the pickle is damaged near byte %d (%s)" %
                               (self.where, self.at, printable(str(error), 100)))

    # -- reading --

    def take(self, count: int) -> bytes:
        first = self.at - self.start
        if first < 0 or first + count > len(self.buffer):
            size = min(max(count, BUFFER), self.source.size - self.at)
            if size < count:
                raise ConvertError("%s: the pickle is truncated" % self.where)
            self.buffer, self.start, first = self.source.read(self.at, size), self.at, 0
        self.at += count
        return self.buffer[first:first + count]

    def number(self, letters: str) -> Any:
        return struct.unpack("<" + letters, self.take(struct.calcsize("<" + letters)))[0]

    def line(self) -> str:
        out = bytearray()
        while not out.endswith(b"\n"):
            if len(out) > 4096:
                raise ValueError("a name without end")
            out += self.take(1)
        return out[:-1].decode("utf-8")

    def text(self, size: int) -> str:
        if size > TEXT_MAX:
            raise ValueError("a string of %d bytes" % size)
        return self.take(size).decode("utf-8", "surrogatepass")

    def text_of_python2(self, size: int) -> Any:
        """Python 2's strings: texts where they are ASCII, else bytes."""
        data = self.data(size)
        try:
            return data.decode("ascii") if isinstance(data, bytes) else data
        except UnicodeDecodeError:
            return data

    def data(self, size: int) -> Any:
        if size < SPAN_MIN:
            return self.take(size)
        if size > self.source.size - self.at:
            raise ConvertError("%s: the pickle is truncated" % self.where)
        self.at += size
        return Span(self.source, self.at - size, size)

    # -- the stack --

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def since_mark(self) -> List[Any]:
        first = self.marks.pop()
        items = self.stack[first:]
        del self.stack[first:]
        return items

    def top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise ValueError("items for what holds none")
        return self.stack[-1]

    # -- opcodes that are more than one line --

    def skip(self, count: int) -> None:
        self.take(count)

    def protocol(self) -> None:
        version = self.take(1)[0]
        if version > 5:
            raise ConvertError("%s: pickle protocol %d is not supported" % (self.where, version))

    def long(self, size: int) -> None:
        if size < 0 or size > LONG_MAX:
            raise ValueError("an integer of %d bytes" % size)
        self.push(int.from_bytes(self.take(size), "little", signed=True))

    def tuple(self, count: int) -> None:
        if count > len(self.stack):
            raise IndexError("stack is empty")
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.push(items)

    def dictionary(self) -> None:
        items = self.since_mark()
        self.push({})
        self.set_items(items)

    def set_items(self, items: List[Any]) -> None:
        if len(items) % 2:
            raise ValueError("a key without a value")
        target = self.top(dict)
        for i in range(0, len(items), 2):
            target[checked_key(items[i])] = items[i + 1]

    def set_item(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        self.set_items([key, value])

    def append(self, items: List[Any]) -> None:
        self.top(list).extend(items)

    def append_one(self) -> None:
        self.append([self.stack.pop()])

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def named(self) -> None:
        module = self.line()
        self.push(look_up(module, self.line(), self.where))

    def stack_named(self) -> None:
        name = self.stack.pop()
        self.push(look_up(self.stack.pop(), name, self.where))

    def call(self) -> None:
        """REDUCE and NEWOBJ: a builder of the table, and its arguments."""
        args = self.stack.pop()
        known = self.stack.pop()
        if not isinstance(known, Known) or not isinstance(args, tuple):
            raise ValueError("a call of what cannot be called")
        if known.build is None:
            raise ConvertError("%s: refused: the pickle calls '%s'" % (self.where, known.name))
        self.push(known.build(*args))

    def call_with_names(self) -> None:
        """NEWOBJ_EX; the names are not looked at."""
        self.stack.pop()
        self.call()

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Bag):
            if isinstance(state, tuple) and len(state) == 2:  # attributes, slots
                state = {**(state[0] or {}), **(state[1] or {})}
            target.state.update(state if isinstance(state, dict) else {"state": state})
        elif isinstance(target, NumPyType):
            target.order = state[1] if state[1] in ("<", ">") else "="
        elif isinstance(target, NumPyArray):
            _version, shape, kind, fortran, data = state
            target.tensor = tensor_of_buffer(data, kind, tuple(shape), bool(fortran))
        elif not isinstance(target, (dict, Tensor)):  # attributes of those carry no weights
            raise ValueError("attributes for what has none")

    def persistent_id(self) -> None:
        if self.persistent is None:
            raise ConvertError("%s: the pickle refers to data outside it" % self.where)
        self.push(self.persistent(self.stack.pop()))

    def get(self, index: int) -> None:
        self.push(self.memo[index])

    def put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]


ACTIONS: Dict[int, Callable[[Unpickler], Any]] = {
    0x80: Unpickler.protocol,                                   # PROTO
    0x95: lambda u: u.skip(8),                                  # FRAME
    ord("("): Unpickler.mark,
    ord("0"): lambda u: u.stack.pop(),                          # POP
    ord("1"): lambda u: u.since_mark(),                         # POP_MARK
    ord("2"): lambda u: u.push(u.stack[-1]),                    # DUP
    ord("N"): lambda u: u.push(None),
    0x88: lambda u: u.push(True),
    0x89: lambda u: u.push(False),
    ord("J"): lambda u: u.push(u.number("i")),                  # BININT
    ord("K"): lambda u: u.push(u.number("B")),
    ord("M"): lambda u: u.push(u.number("H")),
    0x8A: lambda u: u.long(u.number("B")),                      # LONG1
    0x8B: lambda u: u.long(u.number("i")),                      # LONG4
    ord("G"): lambda u: u.push(struct.unpack(">d", u.take(8))[0]),  # BINFLOAT
    ord("X"): lambda u: u.push(u.text(u.number("I"))),          # BINUNICODE
    0x8C: lambda u: u.push(u.text(u.number("B"))),
    0x8D: lambda u: u.push(u.text(u.number("Q"))),
    ord("T"): lambda u: u.push(u.text_of_python2(u.number("I"))),  # BINSTRING
    ord("U"): lambda u: u.push(u.text_of_python2(u.number("B"))),
    ord("B"): lambda u: u.push(u.data(u.number("I"))),          # BINBYTES
    ord("C"): lambda u: u.push(u.data(u.number("B"))),
    0x8E: lambda u: u.push(u.data(u.number("Q"))),
    0x96: lambda u: u.push(u.data(u.number("Q"))),              # BYTEARRAY8
    ord(")"): lambda u: u.push(()),
    0x85: lambda u: u.tuple(1),
    0x86: lambda u: u.tuple(2),
    0x87: lambda u: u.tuple(3),
    ord("t"): lambda u: u.push(tuple(u.since_mark())),
    ord("]"): lambda u: u.push([]),
    ord("l"): lambda u: u.push(u.since_mark()),
    ord("a"): Unpickler.append_one,
    ord("e"): lambda u: u.append(u.since_mark()),
    ord("}"): lambda u: u.push({}),
    ord("d"): Unpickler.dictionary,
    ord("s"): Unpickler.set_item,
    ord("u"): lambda u: u.set_items(u.since_mark()),
    0x8F: lambda u: u.push([]),                                 # EMPTY_SET
    0x90: lambda u: u.append(u.since_mark()),                   # ADDITEMS
    0x91: lambda u: u.push(u.since_mark()),                     # FROZENSET
    ord("c"): Unpickler.named,                                  # GLOBAL
    0x93: Unpickler.stack_named,                                # STACK_GLOBAL
    ord("R"): Unpickler.call,                                   # REDUCE
    0x81: Unpickler.call,                                       # NEWOBJ
    0x92: Unpickler.call_with_names,                            # NEWOBJ_EX
    ord("b"): Unpickler.build,
    ord("Q"): Unpickler.persistent_id,                          # BINPERSID
    ord("h"): lambda u: u.get(u.number("B")),
    ord("j"): lambda u: u.get(u.number("I")),
    ord("q"): lambda u: u.put(u.number("B")),
    ord("r"): lambda u: u.put(u.number("I")),
    0x94: lambda u: u.put(len(u.memo)),                         # MEMOIZE
}


def as_tensor(value: Any) -> Optional[Tensor]:
    """The tensor that an object of a pickle is, if it is one."""
    if isinstance(value, NumPyArray):
        return value.tensor
    return value if isinstance(value, Tensor) else None
