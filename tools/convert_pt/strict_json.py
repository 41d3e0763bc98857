"""JSON as cfedit reads it: what the program would refuse in a safetensors header is refused here
too.

Python's own reader is laxer than RFC 8259. It takes NaN, keeps the last of two equal keys, lets
half a surrogate pair through, and recurses until the stack ends.
"""

import json
import re
from typing import Any, Dict, List, Tuple

from .errors import ConvertError, printable

DEPTH_MAX = 64       # LT_JSON_MAX_DEPTH of the program
VALUES_MAX = 1 << 20  # LT_JSON_MAX_VALUES of the program
DIGITS_MAX = 20      # a size of 64 bits has at most 20
FILE_MAX = 1 << 26   # bytes of a configuration
HALF = re.compile("[\ud800-\udfff]")


def refuse_constant(word: str) -> None:
    """Fails for NaN and Infinity."""
    raise ValueError("%s is no number of JSON" % word)


def whole_number(digits: str) -> Any:
    """An integer; one that no program could use as a size becomes a float, without counting its
    digits out."""
    return int(digits) if len(digits) <= DIGITS_MAX else float(digits)


def unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """An object whose keys all differ."""
    out = dict(pairs)
    if len(out) != len(pairs):
        seen = set()
        for key, _value in pairs:
            if key in seen:
                raise ValueError("an object has the key \"%s\" twice" % printable(key, 40))
            seen.add(key)
    return out


DECODER = json.JSONDecoder(object_pairs_hook=unique, parse_constant=refuse_constant, parse_int=whole_number)


def check(root: Any) -> None:
    """Fails for text that is no Unicode, for deep nesting and for too many values."""
    todo: List[Tuple[Any, int]] = [(root, 0)]
    count = 0
    while todo:
        value, depth = todo.pop()
        count += 1
        if count > VALUES_MAX:
            raise ValueError("more than %d values" % VALUES_MAX)
        if isinstance(value, str) and HALF.search(value):
            raise ValueError("half of a surrogate pair")
        if isinstance(value, (dict, list)):
            if depth >= DEPTH_MAX:
                raise ValueError("nested deeper than %d" % DEPTH_MAX)
            if isinstance(value, dict):
                if any(HALF.search(key) for key in value):
                    raise ValueError("half of a surrogate pair")
                value = value.values()
            todo.extend((item, depth + 1) for item in value)


def parse(data: bytes, where: str) -> Any:
    """The value that the bytes hold; `where` names them in messages."""
    try:
        # Python makes all values before one can be counted, so count the signs around them first.
        if sum(data.count(sign) for sign in (b",", b"[", b"{")) > 2 * VALUES_MAX:
            raise ValueError("more than %d values" % VALUES_MAX)
        root = DECODER.decode(data.decode("utf-8"))
        check(root)
        return root
    except RecursionError:
        raise ConvertError("%s cannot be read as JSON (nested deeper than %d)" % (where, DEPTH_MAX))
    except (ValueError, OverflowError) as error:
        raise ConvertError("%s cannot be read as JSON (%s)" % (where, printable(str(error), 200)))


def read(path: str) -> Any:
    """The value in a file. Errors name the path."""
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_MAX + 1)
    except OSError as error:
        raise ConvertError("%s: %s" % (path, error.strerror or error))
    if len(data) > FILE_MAX:
        raise ConvertError("%s: larger than %d bytes" % (path, FILE_MAX))
    return parse(data, path + ":")
