"""An interpreter of pickle streams that runs nothing.

A pickle is a program for a stack machine. The opcodes GLOBAL and STACK_GLOBAL name things to
import, REDUCE and NEWOBJ call them, BUILD sets attributes (Python's pickletools documents every
opcode). Here a name is looked up in the table of builders.py, whose builders make plain data, and
nothing is ever imported or called.

Protocols 2 to 5 are read, without out-of-band buffers. Long runs of bytes are not copied from the
file: they become Spans. Every opcode spends the budget of the file.
"""

import struct
import sys
from typing import Any, Callable, Dict, List, Optional

from .builders import Reading, look_up, tensor_of_buffer
from .errors import ConvertError, printable
from .objects import Bag, Known, NumPyArray, NumPyType, Span, checked_key
from .sources import Source
from .tensors import Tensor

BUFFER = 1 << 16
SPAN_MIN = 1 << 10   # bytes objects from this length on stay in the file
TEXT_MAX = 1 << 26   # bytes of one string
LONG_MAX = 1 << 10   # bytes of one integer
OPCODE_MEMORY = 64   # bytes of the small objects and references of an opcode, at most, on average
OBJECT_MEMORY = 512  # bytes of a tensor or another object that a builder makes

Persistent = Callable[[Any], Any]


class Unpickler:
    """One pickle of `source`, from `offset` on. `persistent` turns the ids of objects that are
    kept outside the stream (storages) into those objects."""

    def __init__(self, reading: Reading, source: Source, offset: int, persistent: Optional[Persistent]):
        self.reading, self.budget, self.where = reading, reading.budget, reading.path
        self.source, self.at, self.persistent = source, offset, persistent
        self.buffer, self.start = b"", offset  # bytes start .. start + len(buffer) - 1
        self.stack: List[Any] = []
        self.marks: List[int] = []
        self.memo: Dict[int, Any] = {}

    def run(self) -> Any:
        """The object; `at` is then the offset behind the pickle."""
        budget = self.budget
        try:
            while True:
                budget.step()
                budget.hold(OPCODE_MEMORY)
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
        """The next `count` bytes of the stream."""
        first = self.at - self.start
        if first < 0 or first + count > len(self.buffer):
            size = min(max(count, BUFFER), self.source.size - self.at)
            if size < count:
                raise ConvertError("%s: the pickle is truncated" % self.where)
            self.buffer, self.start, first = self.source.read(self.at, size), self.at, 0
        self.at += count
        return self.buffer[first:first + count]

    def number(self, letters: str) -> Any:
        """The next number, in the letters of Python's struct."""
        return struct.unpack("<" + letters, self.take(struct.calcsize("<" + letters)))[0]

    def line(self) -> str:
        """The next text up to a newline: names of GLOBAL."""
        out = bytearray()
        while not out.endswith(b"\n"):
            if len(out) > 4096:
                raise ValueError("a name without end")
            out += self.take(1)
        return out[:-1].decode("utf-8")

    def text(self, size: int) -> str:
        """The next `size` bytes as text."""
        if size > TEXT_MAX:
            raise ValueError("a string of %d bytes" % size)
        return self.reading.hold(self.take(size).decode("utf-8", "surrogatepass"))

    def text_of_python2(self, size: int) -> Any:
        """A string of Python 2: a text if it is ASCII, else bytes."""
        data = self.data(size)
        try:
            return self.reading.hold(data.decode("ascii")) if isinstance(data, bytes) else data
        except UnicodeDecodeError:
            return data

    def data(self, size: int) -> Any:
        """The next `size` bytes: short runs are copied, long ones become Spans."""
        if size < SPAN_MIN:
            return self.reading.hold(self.take(size))
        if size > self.source.size - self.at:
            raise ConvertError("%s: the pickle is truncated" % self.where)
        self.at += size
        return Span(self.source, self.at - size, size)

    # -- the stack --

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def since_mark(self) -> List[Any]:
        """Takes everything above the last mark off the stack."""
        first = self.marks.pop()
        items = self.stack[first:]
        del self.stack[first:]
        return items

    def top(self, kind: type) -> Any:
        """The container on top of the stack, for items to be put into."""
        if not isinstance(self.stack[-1], kind):
            raise ValueError("items for an object that holds none")
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
        self.push(self.reading.hold(int.from_bytes(self.take(size), "little", signed=True)))

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
        """Puts keys and values, which alternate, into the dictionary on top of the stack."""
        if len(items) % 2:
            raise ValueError("a key without a value")
        top = self.stack[-1]
        target = top.state if isinstance(top, Bag) else self.top(dict)
        for i in range(0, len(items), 2):
            target[checked_key(items[i])] = items[i + 1]

    def set_item(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        self.set_items([key, value])

    def append(self, items: List[Any]) -> None:
        """Puts items into the list on top of the stack."""
        if not isinstance(self.stack[-1], Bag):  # the items of a foreign list are not kept
            self.top(list).extend(items)

    def append_one(self) -> None:
        self.append([self.stack.pop()])

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def named(self) -> None:
        module = self.line()
        self.push(look_up(self.reading, module, self.line()))

    def stack_named(self) -> None:
        name = self.stack.pop()
        self.push(look_up(self.reading, self.stack.pop(), name))

    def call(self) -> None:
        """REDUCE and NEWOBJ: a builder of the table, with arguments."""
        args = self.stack.pop()
        known = self.stack.pop()
        if not isinstance(known, Known) or not isinstance(args, tuple):
            raise ValueError("a call of something that cannot be called")
        if known.build is None:
            raise ConvertError("%s: refused: the pickle calls '%s'" % (self.where, known.name))
        self.budget.hold(OBJECT_MEMORY)
        self.push(known.build(self.reading, *args))

    def call_with_names(self) -> None:
        """NEWOBJ_EX; the names are not looked at."""
        self.stack.pop()
        self.call()

    def build(self) -> None:
        """BUILD: attributes for the object below. Attributes of dictionaries and tensors carry no
        weights."""
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Bag):
            self.set_attributes(target, state)
        elif isinstance(target, NumPyType):
            order = state[1] if isinstance(state, tuple) and len(state) > 1 else "="
            target.order = order if isinstance(order, str) and order in ("<", ">") else "="
        elif isinstance(target, NumPyArray):
            _version, shape, kind, fortran, data = state
            target.tensor = tensor_of_buffer(self.reading, data, kind, shape, fortran is True)
        elif not isinstance(target, (dict, Tensor)):
            raise ValueError("attributes for an object that has none")

    def set_attributes(self, bag: Bag, state: Any) -> None:
        """A dictionary of attributes, or a pair of that and of slots. Other states are kept
        whole."""
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
        if all(part is None or isinstance(part, dict) for part in parts):
            for part in parts:
                self.budget.step(len(part or ()))
                self.budget.hold(sys.getsizeof(part))
                bag.state.update(part or {})
        else:
            bag.state["state"] = state

    def persistent_id(self) -> None:
        if self.persistent is None:
            raise ConvertError("%s: the pickle refers to data outside the file" % self.where)
        self.budget.hold(OBJECT_MEMORY)
        self.push(self.persistent(self.stack.pop()))

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise ValueError("number %d of the memo was never put there" % index)
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
